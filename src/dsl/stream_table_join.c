/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_table_join.c - joins of a stream with a table or a global table. @java
 * KStreamImpl#doStreamTableJoin, KStreamImpl#doGlobalTableJoin
 *
 * With a table the stream must be partitioned as the table is: it is repartitioned when its key was
 * changed, and both sides' topics go together. A global table is whole everywhere, so its join
 * leaves the stream as it is, and what changed its key stays to be made good later.
 *
 * With a grace period records wait in a store of the node's own, and the table must be versioned
 * and keep its versions as long.
 *
 * Left joins also join records without key, which therefore pass the repartition points above.
 *
 * Thread rule: the builder's thread.
 */
#include "dsl/builder.h"

#include <string.h>

/* ---- with a table ---------------------------------------------------------------------------- */

typedef struct table_join {
    const char *call;
    ks_stream *stream;
    ks_table *table;
    ks_joiner_fn *join;
    void *user;
    const ks_joined *options;
    bool is_left;
} table_join;

/* Checks the call; false: the builder failed. */
static bool begin_table_join(const table_join *what, const ks_joined *options)
{
    ks_builder *builder = what->stream->builder;
    const ks_options_head *head = KSI_HEAD_OF(what->options);
    ksi_builder_own(builder, what->user, options->user_free);
    if (!ksi_builder_ready(builder, head, what->call, what->table != NULL && what->join != NULL)) {
        return false;
    }
    return ksi_is_of_builder(builder, head, what->table->builder, what->call);
}

/* The store that a materialized table, or the one that a derived table is read from, has. */
static const ksi_store_spec *store_of(const ks_table *table)
{
    while (table->table->store == NULL && table->parent != NULL) {
        table = table->parent;
    }
    for (size_t i = 0; table->table->store != NULL && i < table->node->stores.count; i++) {
        const ksi_plan_store *store = &table->node->stores.items[i];
        if (store->spec != NULL && strcmp(store->name, table->table->store) == 0) {
            return store->spec;
        }
    }
    return NULL;
}

/* Whether the table can be asked as of times so far back; false: the builder failed. */
static bool check_grace(const table_join *what)
{
    const char *refusal = NULL;
    const ksi_store_spec *store = what->table->is_versioned ? store_of(what->table) : NULL;
    if (store == NULL) {
        refusal = "records can only wait for a versioned table, which knows what its rows were at "
                  "their time; give the table a store of type KS_STORE_VERSIONED, or leave the "
                  "grace period out";
    } else if (what->options->grace_ms > store->retention_ms) {
        refusal = "records would wait longer than the table keeps its versions; give it a "
                  "history_retention_ms of at least grace_ms";
    }
    if (refusal != NULL) {
        ksi_builder_fail(what->stream->builder, &what->options->head, KS_E_ARGUMENT, what->call,
                         "%s", refusal);
    }
    return refusal == NULL;
}

/* The buffer in which records wait, a store of the node's own. */
static const ksi_grace *add_buffer(const table_join *what, const ks_stream *side,
                                   ksi_plan_node *node)
{
    ks_builder *builder = side->builder;
    const ks_joined *options = what->options;
    ksi_store_spec spec = {.name = ksi_arena_format(&builder->arena, "%s-Buffer", node->name),
                           .kind = KSI_STORE_KEY_VALUE,
                           .type = KS_STORE_ROCKSDB,
                           .logging = true,
                           .key = &ks_serde_bytes,
                           .value = &ks_serde_bytes};
    ksi_grace *grace = ksi_arena_alloc(&builder->topology->arena, sizeof *grace);
    *grace = (ksi_grace){.buffer = ksi_arena_strdup(&builder->topology->arena, spec.name),
                         .key = options->key != NULL ? options->key : side->key,
                         .value = options->value != NULL ? options->value : side->value,
                         .grace_ms = options->grace_ms};
    ksi_plan_add_store(node, &builder->arena, &spec);
    if (options->name == NULL) {
        ksi_note_unnamed_store(builder, spec.name, spec.logging);
    }
    return grace;
}

static ksi_plan_node *add_table_join(const table_join *what, const ks_stream *side,
                                     const char *name)
{
    ks_builder *builder = side->builder;
    ksi_stream_table_join *config = ksi_arena_alloc(&builder->topology->arena, sizeof *config);
    *config = (ksi_stream_table_join){.join = what->join,
                                      .user = what->user,
                                      .table = ksi_table_read(what->table),
                                      .is_left = what->is_left};
    ksi_plan_node *node = ksi_add_plan_node(builder, name, ksi_plan_write_processor);
    node->processor = ksi_op_stream_table_join(config);
    node->joins_null_keys = what->is_left;
    if (what->options != NULL && what->options->with_grace) {
        config->grace = add_buffer(what, side, node);
    }
    ksi_connect_view(node, &builder->arena, config->table);
    ksi_attach(builder, side->node, node);
    ksi_copartition_with(builder, node, what->table->node);
    return node;
}

static ks_stream *join_table(const table_join *what)
{
    const ks_joined none = {0};
    const ks_joined *options = what->options != NULL ? what->options : &none;
    ks_builder *builder = what->stream->builder;
    if (!begin_table_join(what, options)) {
        return &builder->inert_stream;
    }
    const ks_stream *side =
        ksi_stream_for_join(what->stream, options->name, options->key, options->value);
    const char *name = ksi_name_or_new(builder, KSI_HEAD_OF(what->options), options->name,
                                       what->is_left ? "KSTREAM-LEFTJOIN-" : "KSTREAM-JOIN-");
    if (name == NULL || (options->with_grace && !check_grace(what))) {
        return &builder->inert_stream;
    }
    return ksi_stream_new(builder,
                          &(ks_stream){.name = name,
                                       .key = options->key != NULL ? options->key : side->key,
                                       .node = add_table_join(what, side, name)});
}

ks_stream *ks_stream_join_table(ks_stream *stream, ks_table *table, ks_joiner_fn *join, void *user,
                                const ks_joined *options)
{
    return join_table(&(table_join){.call = "ks_stream_join_table",
                                    .stream = stream,
                                    .table = table,
                                    .join = join,
                                    .user = user,
                                    .options = options});
}

ks_stream *ks_stream_left_join_table(ks_stream *stream, ks_table *table, ks_joiner_fn *join,
                                     void *user, const ks_joined *options)
{
    return join_table(&(table_join){.call = "ks_stream_left_join_table",
                                    .stream = stream,
                                    .table = table,
                                    .join = join,
                                    .user = user,
                                    .options = options,
                                    .is_left = true});
}

/* ---- with a global table --------------------------------------------------------------------- */

static ks_stream *join_global(ks_stream *stream, ks_global_table *table, const char *call,
                              const ksi_stream_table_join *how, const ks_named *named)
{
    ks_builder *builder = stream->builder;
    const ks_options_head *head = KSI_HEAD_OF(named);
    ksi_builder_own(builder, how->user, named != NULL ? named->user_free : NULL);
    bool is_complete = table != NULL && how->key != NULL && how->join != NULL;
    if (!ksi_builder_ready(builder, head, call, is_complete) ||
        !ksi_is_of_builder(builder, head, table->builder, call)) {
        return &builder->inert_stream;
    }
    /* As Java, which has this one prefix for both. */
    const char *name =
        ksi_name_or_new(builder, head, named != NULL ? named->name : NULL, "KSTREAM-LEFTJOIN-");
    if (name == NULL) {
        return &builder->inert_stream;
    }
    ks_arena *arena = &builder->topology->arena;
    ksi_table_view *view = ksi_arena_zalloc(arena, sizeof *view);
    view->store = ksi_arena_strdup(arena, table->store);
    ksi_stream_table_join *config = ksi_arena_alloc(arena, sizeof *config);
    *config = *how;
    config->table = view;
    ksi_plan_node *node = ksi_add_plan_node(builder, name, ksi_plan_write_processor);
    node->processor = ksi_op_stream_table_join(config);
    node->joins_null_keys = how->is_left;
    ksi_attach(builder, stream->node, node);
    return ksi_stream_new(builder,
                          &(ks_stream){.name = name,
                                       .key = stream->key,
                                       .repartition_required = stream->repartition_required,
                                       .node = node});
}

ks_stream *ks_stream_join_global_table(ks_stream *stream, ks_global_table *table, ks_mapper_fn *key,
                                       ks_joiner_fn *join, void *user, const ks_named *named)
{
    return join_global(stream, table, "ks_stream_join_global_table",
                       &(ksi_stream_table_join){.join = join, .key = key, .user = user}, named);
}

ks_stream *ks_stream_left_join_global_table(ks_stream *stream, ks_global_table *table,
                                            ks_mapper_fn *key, ks_joiner_fn *join, void *user,
                                            const ks_named *named)
{
    return join_global(
        stream, table, "ks_stream_left_join_global_table",
        &(ksi_stream_table_join){.join = join, .key = key, .user = user, .is_left = true}, named);
}
