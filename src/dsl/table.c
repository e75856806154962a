/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.c - tables: those derived from another, and the ways between stream and table. @java
 * KTableImpl
 *
 * A derived table (filter, mapValues, transformValues) is materialized only when the user named its
 * store; a Materialized without a name gives serdes and uses up a number, nothing else. A table of
 * a topic or of a stream is materialized when it is named, and when a later operation cannot do
 * without its rows: ksi_table_send_old_values() and ksi_table_read() are how operations ask.
 */
#include "dsl/builder.h"

/* ---- what other operations ask of a table ---------------------------------------------------- */

/* A table of a topic or a stream that has no store yet. */
static void materialize_source(ks_table *table)
{
    ks_builder *builder = table->builder;
    if (table->table->store == NULL) {
        ksi_plan_add_store(table->node, &builder->arena, table->lazy_store);
        table->table->store = ksi_arena_strdup(&builder->topology->arena, table->lazy_store->name);
    }
}

bool ksi_table_send_old_values(ks_table *table, bool by_force)
{
    ksi_table_node *node = table->table;
    if (node->send_old_values) {
        return true;
    }
    if (table->lazy_store != NULL) {
        if (node->store == NULL && !by_force) {
            return false;
        }
        materialize_source(table);
    } else if (table->join != NULL) { /* with a store or without: the old value is joined anew */
        (void)ksi_table_send_old_values(table->parent, true);
        (void)ksi_table_send_old_values(table->other, true);
    } else if (node->store == NULL && !ksi_table_send_old_values(table->parent, by_force)) {
        return false;
    }
    node->send_old_values = true;
    for (const ksi_table_nodes *input = table->inputs; input != NULL; input = input->next) {
        input->node->send_old_values = true;
    }
    return true;
}

const ksi_table_view *ksi_table_read(ks_table *table)
{
    ks_arena *arena = &table->builder->topology->arena;
    ksi_table_view *view = ksi_arena_zalloc(arena, sizeof *view);
    if (table->lazy_store != NULL) {
        materialize_source(table);
    }
    view->cannot_be_read = table->cannot_be_read;
    if (table->table->store != NULL) {
        view->store = table->table->store;
    } else if (table->join != NULL) {
        view->join = table->join;
    } else {
        view->parent = ksi_table_read(table->parent);
        view->derived = table->derived;
        view->buffer = table->buffer;
    }
    return view;
}

void ksi_connect_view(ksi_plan_node *node, ks_arena *arena, const ksi_table_view *view)
{
    for (; view->store == NULL && view->join == NULL; view = view->parent) {
        if (view->buffer != NULL && !ksi_plan_has_store(node, view->buffer)) {
            ksi_plan_connect_store(node, arena, view->buffer);
        }
    }
    if (view->join != NULL) {
        ksi_connect_view(node, arena, view->join->left.view);
        ksi_connect_view(node, arena, view->join->right.view);
    } else if (!ksi_plan_has_store(node, view->store)) {
        ksi_plan_connect_store(node, arena, view->store);
    }
}

ks_table *ksi_new_source_table(ks_builder *builder, ksi_plan_node *node,
                               const ksi_materialized *store, const ks_table *values)
{
    ks_table table = *values;
    table.name = node->name;
    table.node = node;
    table.is_versioned = store->spec.kind == KSI_STORE_VERSIONED;
    table.queryable_name = store->queryable ? store->spec.name : NULL;
    table.table = ksi_arena_zalloc(&builder->topology->arena, sizeof *table.table);
    ksi_store_spec *spec = ksi_arena_alloc(&builder->arena, sizeof *spec);
    *spec = store->spec;
    table.lazy_store = spec;
    node->processor = ksi_op_table_source(table.table);
    ks_table *made = ksi_table_new(builder, &table);
    if (store->queryable) {
        materialize_source(made);
    }
    return made;
}

/* ---- derived tables -------------------------------------------------------------------------- */

/* What the derivations differ in. */
typedef struct derivation {
    const char *call;
    const char *prefix;
    bool is_complete;
    const ks_connected *connected; /* NULL: none */
    ksi_derived_table how;
} derivation;

/* Checks the call; false: the builder failed. */
static bool begin(ks_table *parent, const derivation *what, const ks_materialized *options)
{
    ks_builder *builder = parent->builder;
    ks_free_fn *user_free = options != NULL ? options->user_free : NULL;
    const ks_options_head *head = KSI_HEAD_OF(options);
    if (what->connected != NULL) {
        head = &what->connected->head;
        user_free = what->connected->user_free != NULL ? what->connected->user_free : user_free;
    }
    ksi_builder_own(builder, what->how.user, user_free);
    return ksi_builder_ready(builder, head, what->call, what->is_complete);
}

/*
 * The store of the result; false: the builder failed. A Materialized without a name makes none, but
 * all but transformValues use up the number of its name, as Java.
 */
static bool materialize_derived(ks_table *parent, const derivation *what,
                                const ks_materialized *options, ksi_materialized *store)
{
    *store = (ksi_materialized){0};
    if (!ksi_is_materialized(options)) {
        return true;
    }
    if (options->name != NULL) {
        return ksi_materialize(parent->builder, options, what->prefix, store);
    }
    parent->builder->next_number += what->how.transformer == NULL ? 1 : 0;
    return ksi_check_materialized(parent->builder, options);
}

static const char *name_derived(ks_builder *builder, const derivation *what,
                                const ks_materialized *options)
{
    if (what->connected != NULL && what->connected->name != NULL) {
        return ksi_name_or_new(builder, &what->connected->head, what->connected->name,
                               what->prefix);
    }
    return ksi_name_or_new(builder, KSI_HEAD_OF(options), options != NULL ? options->named : NULL,
                           what->prefix);
}

static ksi_plan_node *add_derived_node(ks_table *parent, const char *name,
                                       const ksi_derived_table *config,
                                       const ksi_materialized *store)
{
    ks_builder *builder = parent->builder;
    ksi_plan_node *node = ksi_add_plan_node(builder, name, ksi_plan_write_processor);
    node->processor = ksi_op_derived_table(config);
    if (store->spec.name != NULL) {
        ksi_plan_add_store(node, &builder->arena, &store->spec);
    }
    ksi_attach(builder, parent->node, node);
    return node;
}

static ks_table *derive(ks_table *parent, const derivation *what, const ks_materialized *options)
{
    ks_builder *builder = parent->builder;
    ksi_materialized store;
    if (!begin(parent, what, options) || !materialize_derived(parent, what, options, &store)) {
        return &builder->inert_table;
    }
    const char *name = name_derived(builder, what, options);
    if (name == NULL) {
        return &builder->inert_table;
    }
    ks_arena *arena = &builder->topology->arena;
    ksi_derived_table *config = ksi_arena_alloc(arena, sizeof *config);
    *config = what->how;
    config->is_of_versioned = parent->is_versioned;
    config->table.store = ksi_arena_strdup(arena, store.spec.name);
    if (config->keep != NULL) { /* so that it need not tell of rows that were never there */
        config->table.send_old_values = ksi_table_send_old_values(parent, false);
    }
    const ks_serde *key = options != NULL ? options->key : NULL;
    const ks_serde *value = options != NULL ? options->value : NULL;
    bool keeps_values = config->keep != NULL;
    return ksi_table_new(builder,
                         &(ks_table){.name = name,
                                     .key = key != NULL ? key : parent->key,
                                     .value = value == NULL && keeps_values ? parent->value : value,
                                     .queryable_name = store.spec.name,
                                     .table = &config->table,
                                     .parent = parent,
                                     .derived = config,
                                     .is_versioned = ksi_is_materialized(options)
                                                         ? store.spec.kind == KSI_STORE_VERSIONED
                                                         : parent->is_versioned,
                                     .node = add_derived_node(parent, name, config, &store)});
}

ks_table *ks_table_filter(ks_table *table, ks_predicate_fn *keep, void *user,
                          const ks_materialized *materialized)
{
    return derive(table,
                  &(derivation){.call = "ks_table_filter",
                                .prefix = "KTABLE-FILTER-",
                                .is_complete = keep != NULL,
                                .how = {.keep = keep, .user = user}},
                  materialized);
}

ks_table *ks_table_filter_not(ks_table *table, ks_predicate_fn *drop, void *user,
                              const ks_materialized *materialized)
{
    return derive(table,
                  &(derivation){.call = "ks_table_filter_not",
                                .prefix = "KTABLE-FILTER-",
                                .is_complete = drop != NULL,
                                .how = {.keep = drop, .negated = true, .user = user}},
                  materialized);
}

ks_table *ks_table_map_values(ks_table *table, ks_mapper_fn *map, void *user,
                              const ks_materialized *materialized)
{
    return derive(table,
                  &(derivation){.call = "ks_table_map_values",
                                .prefix = "KTABLE-MAPVALUES-",
                                .is_complete = map != NULL,
                                .how = {.map = map, .user = user}},
                  materialized);
}

ks_table *ks_table_transform_values(ks_table *table, const ks_value_transformer *transformer,
                                    void *user, const ks_connected *connected,
                                    const ks_materialized *materialized)
{
    ks_builder *builder = table->builder;
    const derivation what = {.call = "ks_table_transform_values",
                             .prefix = "KTABLE-TRANSFORMVALUES-",
                             .is_complete = transformer != NULL && transformer->transform != NULL,
                             .connected = connected,
                             .how = {.transformer = transformer, .user = user}};
    ks_table *derived = derive(table, &what, materialized);
    const char *const *stores = connected != NULL ? connected->stores : NULL;
    for (size_t i = 0; !builder->failed && stores != NULL && stores[i] != NULL; i++) {
        ksi_plan_connect_store(derived->node, &builder->arena, stores[i]);
    }
    return derived;
}

/* ---- between stream and table ---------------------------------------------------------------- */

ks_table *ks_stream_to_table(ks_stream *stream, const ks_materialized *options)
{
    ks_builder *builder = stream->builder;
    if (!ksi_builder_ready(builder, KSI_HEAD_OF(options), "ks_stream_to_table", true)) {
        return &builder->inert_table;
    }
    const char *prefix = "KSTREAM-TOTABLE-";
    const char *own = options != NULL ? options->named : NULL;
    const char *name = ksi_name_or_new(builder, KSI_HEAD_OF(options), own, prefix);
    ksi_materialized store;
    if (name == NULL || !ksi_materialize(builder, options, prefix, &store)) {
        return &builder->inert_table;
    }
    const ks_serde *key = store.spec.key != NULL ? store.spec.key : stream->key;
    const ks_serde *value = store.spec.value != NULL ? store.spec.value : stream->value;
    if (!ksi_is_materialized(options)) { /* as Java: only then does the store inherit serdes */
        store.spec.key = key;
        store.spec.value = value;
    }
    ksi_plan_node *parent = stream->node;
    if (stream->repartition_required) {
        parent = ksi_new_repartition(builder, name, own != NULL, key, value);
        ksi_attach(builder, stream->node, parent);
    }
    ksi_plan_node *node = ksi_add_plan_node(builder, name, ksi_plan_write_processor);
    ks_table *table =
        ksi_new_source_table(builder, node, &store, &(ks_table){.key = key, .value = value});
    ksi_attach(builder, parent, node);
    return table;
}

ks_stream *ks_table_to_stream(ks_table *table, const ks_named *named)
{
    ks_builder *builder = table->builder;
    const ks_options_head *head = KSI_HEAD_OF(named);
    if (!ksi_builder_ready(builder, head, "ks_table_to_stream", true)) {
        return &builder->inert_stream;
    }
    const char *name =
        ksi_name_or_new(builder, head, named != NULL ? named->name : NULL, "KTABLE-TOSTREAM-");
    if (name == NULL) {
        return &builder->inert_stream;
    }
    ksi_plan_node *node = ksi_add_plan_node(builder, name, ksi_plan_write_processor);
    node->processor = ksi_op_to_stream();
    ksi_attach(builder, table->node, node);
    return ksi_stream_new(
        builder,
        &(ks_stream){.name = name, .key = table->key, .value = table->value, .node = node});
}

ks_stream *ks_table_to_stream_with_key(ks_table *table, ks_mapper_fn *key, void *user,
                                       const ks_named *named)
{
    /*
     * Java names the stream of the table and lets the node that selects the key take a generated
     * name.
     */
    ks_stream *stream = ks_table_to_stream(table, named);
    ks_named unnamed = {0};
    if (named != NULL) {
        unnamed.head = named->head;
        unnamed.user_free = named->user_free;
    }
    return ks_stream_select_key(stream, key, user, &unnamed);
}

const char *ks_table_queryable_store_name(const ks_table *table)
{
    return table->queryable_name;
}
