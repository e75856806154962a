/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cogroup.c - several grouped streams that are folded into one table. @java CogroupedKStreamImpl,
 * CogroupedStreamAggregateBuilder
 *
 *     group --> (repartition) --> aggregate --+
 *                                     |       +--> merge: the table
 *     group ----------------------> aggregate +
 *                                     |
 *                                one store
 *
 * Each group gets an aggregation of its own, and all of them have the same store: the first adds
 * it, to the others it is the one that is there. What they forward comes together in a node that
 * only passes it on, and which is the table to whatever comes next. Asked for old values, it asks
 * all.
 *
 * The serdes of the table are those it is given: groups may differ in theirs, so none is inherited.
 *
 * Over windows the table cannot be read by a join: in Java the node that merges knows how to read
 * key-value stores only. It may be filtered, suppressed and made a stream.
 *
 * A second aggregation of the same cogroup reads the repartition points of the first, and still
 * uses up the numbers of new ones, as Java.
 *
 * Thread rule: the builder's thread.
 */
#include "dsl/builder.h"

#include "base/check.h"

#define AGGREGATE "COGROUPKSTREAM-AGGREGATE-"
#define MERGE "COGROUPKSTREAM-MERGE-"

/* ---- the groups ------------------------------------------------------------------------------ */

static ksi_cogroup_member *find_member(const ks_cogrouped_stream *cogrouped,
                                       const ks_grouped_stream *grouped)
{
    ksi_cogroup_member *member = cogrouped->first;
    while (member != NULL && member->grouped != grouped) {
        member = member->next;
    }
    return member;
}

static void add_member(ks_cogrouped_stream *cogrouped, ks_grouped_stream *grouped,
                       ks_aggregator_fn *aggregate, void *user)
{
    ksi_cogroup_member *member = find_member(cogrouped, grouped);
    if (member == NULL) {
        ksi_cogroup_member **end = &cogrouped->first;
        while (*end != NULL) {
            end = &(*end)->next;
        }
        member = ksi_arena_zalloc(&cogrouped->builder->arena, sizeof *member);
        member->grouped = grouped;
        *end = member;
    }
    member->aggregate = aggregate;
    member->user = user;
}

ks_cogrouped_stream *ks_grouped_stream_cogroup(ks_grouped_stream *grouped,
                                               ks_aggregator_fn *aggregate, void *user,
                                               ks_free_fn *user_free)
{
    ks_builder *builder = grouped->builder;
    ksi_builder_own(builder, user, user_free);
    if (!ksi_builder_ready(builder, NULL, "ks_grouped_stream_cogroup", aggregate != NULL)) {
        return &builder->inert_cogrouped;
    }
    ks_cogrouped_stream *cogrouped = ksi_arena_zalloc(&builder->arena, sizeof *cogrouped);
    cogrouped->builder = builder;
    add_member(cogrouped, grouped, aggregate, user);
    return cogrouped;
}

ks_cogrouped_stream *ks_cogrouped_stream_cogroup(ks_cogrouped_stream *cogrouped,
                                                 ks_grouped_stream *grouped,
                                                 ks_aggregator_fn *aggregate, void *user,
                                                 ks_free_fn *user_free)
{
    static const char call[] = "ks_cogrouped_stream_cogroup";
    ks_builder *builder = cogrouped->builder;
    ksi_builder_own(builder, user, user_free);
    if (ksi_builder_ready(builder, NULL, call, grouped != NULL && aggregate != NULL) &&
        ksi_is_of_builder(builder, NULL, grouped->builder, call)) {
        add_member(cogrouped, grouped, aggregate, user);
    }
    return cogrouped;
}

/* ---- aggregating ----------------------------------------------------------------------------- */

/* Puts repartition points where they are needed, and says that all inputs meet by key. */
static void find_parents(ks_cogrouped_stream *cogrouped, const ksi_materialized *store)
{
    ks_builder *builder = cogrouped->builder;
    KSI_CHECK(cogrouped->first != NULL); /* only an inert handle has no group */
    for (ksi_cogroup_member *member = cogrouped->first; member != NULL; member = member->next) {
        ks_grouped_stream *grouped = member->grouped;
        if (!grouped->repartition_required) {
            member->parent = grouped->node;
            continue;
        }
        const char *own = grouped->repartition_name;
        ksi_plan_node *fresh =
            ksi_new_repartition(builder, own != NULL ? own : store->spec.name,
                                own != NULL || store->queryable, grouped->key, grouped->value);
        if (member->parent == NULL) {
            member->parent = fresh;
            ksi_attach(builder, grouped->node, fresh);
        }
    }
    for (const ksi_cogroup_member *member = cogrouped->first->next; member != NULL;
         member = member->next) {
        ksi_copartition_with(builder, cogrouped->first->parent, member->parent);
    }
}

/* What the aggregations of a cogroup share. */
typedef struct cogroup_call {
    ks_cogrouped_stream *cogrouped;
    const ks_materialized *options;
    const ks_windows *windows; /* NULL: without */
    ksi_cogroup_input shared;  /* without what is a member's own */
    ksi_materialized store;
} cogroup_call;

/* The user's name with a suffix, or a generated one; NULL: the builder failed. */
static const char *name_node(const cogroup_call *call, const char *suffix, const char *prefix)
{
    const ks_materialized *options = call->options;
    return ksi_suffixed_or_new(call->cogrouped->builder, KSI_HEAD_OF(options),
                               options != NULL ? options->named : NULL, suffix, prefix);
}

static void add_aggregation(const cogroup_call *call, ksi_cogroup_member *member, const char *name)
{
    ks_builder *builder = call->cogrouped->builder;
    ks_arena *arena = &builder->topology->arena;
    ksi_cogroup_input input = call->shared;
    input.aggregate = member->aggregate;
    input.user = member->user;
    ksi_windowed_aggregate *config = ksi_arena_alloc(arena, sizeof *config);
    *config = ksi_cogroup_aggregate(arena, &input);
    config->how.table.store = ksi_arena_strdup(arena, call->store.spec.name);
    member->table = &config->how.table;
    member->node = ksi_add_plan_node(builder, name, ksi_plan_write_processor);
    if (call->windows != NULL) {
        config->windows = *call->windows;
        member->node->processor = ksi_windowed_operation(config);
        member->node->window_grace_ms = ksi_windows_grace(call->windows);
    } else {
        member->node->processor = ksi_op_aggregate(&config->how);
    }
    ksi_plan_add_store(member->node, &builder->arena, &call->store.spec);
    ksi_attach(builder, member->parent, member->node);
}

/* False: the builder failed. */
static bool add_aggregations(const cogroup_call *call)
{
    int number = 0;
    for (ksi_cogroup_member *member = call->cogrouped->first; member != NULL;
         member = member->next) {
        const char *suffix =
            ksi_arena_format(&call->cogrouped->builder->arena, "-cogroup-agg-%d", number++);
        const char *name = name_node(call, suffix, AGGREGATE);
        if (name == NULL) {
            return false;
        }
        add_aggregation(call, member, name);
    }
    return true;
}

/* The nodes of a table whose updates come from all members. */
static ksi_table_nodes *table_nodes(const cogroup_call *call)
{
    ks_arena *arena = &call->cogrouped->builder->arena;
    ksi_table_nodes *nodes = NULL;
    for (const ksi_cogroup_member *member = call->cogrouped->first; member != NULL;
         member = member->next) {
        ksi_table_nodes *added = ksi_arena_alloc(arena, sizeof *added);
        *added = (ksi_table_nodes){.node = member->table, .next = nodes};
        nodes = added;
    }
    return nodes;
}

/* The serde of the table's keys; NULL: not known. */
static const ks_serde *key_serde(const cogroup_call *call)
{
    const ks_serde *key = call->store.spec.key;
    return call->windows != NULL ? ksi_windowed_key(call->cogrouped->builder, call->windows, key)
                                 : key;
}

static ks_table *merge(const cogroup_call *call)
{
    const char *name = name_node(call, "-cogroup-merge", MERGE);
    ks_builder *builder = call->cogrouped->builder;
    const ksi_store_spec *spec = &call->store.spec;
    KSI_CHECK(call->cogrouped->first != NULL);
    if (name == NULL) {
        return &builder->inert_table;
    }
    ksi_plan_node *node = ksi_add_plan_node(builder, name, ksi_plan_write_processor);
    node->processor = ksi_op_pass_through();
    for (const ksi_cogroup_member *member = call->cogrouped->first; member != NULL;
         member = member->next) {
        ksi_attach(builder, member->node, node);
    }
    return ksi_table_new(builder,
                         &(ks_table){.name = name,
                                     .key = key_serde(call),
                                     .value = spec->value,
                                     .queryable_name = call->store.queryable ? spec->name : NULL,
                                     .table = call->cogrouped->first->table,
                                     .inputs = table_nodes(call),
                                     .cannot_be_read = call->windows != NULL,
                                     .is_versioned = spec->kind == KSI_STORE_VERSIONED,
                                     .node = node});
}

/* The store was decided on. Each member adds it: it is one, because it has one origin. */
static ks_table *aggregate(cogroup_call *call)
{
    ks_builder *builder = call->cogrouped->builder;
    call->store.spec.origin = ksi_arena_alloc(&builder->arena, 1);
    find_parents(call->cogrouped, &call->store);
    return add_aggregations(call) ? merge(call) : &builder->inert_table;
}

ks_table *ks_cogrouped_stream_aggregate(ks_cogrouped_stream *cogrouped,
                                        ks_initializer_fn *initialize, void *user,
                                        const ks_materialized *options)
{
    ks_builder *builder = cogrouped->builder;
    cogroup_call call = {.cogrouped = cogrouped,
                         .options = options,
                         .shared = {.initialize = initialize, .shared_user = user}};
    ksi_builder_own(builder, user, options != NULL ? options->user_free : NULL);
    if (!ksi_builder_ready(builder, KSI_HEAD_OF(options), "ks_cogrouped_stream_aggregate",
                           initialize != NULL) ||
        !ksi_materialize(builder, options, AGGREGATE, &call.store)) {
        return &builder->inert_table;
    }
    return aggregate(&call);
}

/* ---- in windows ------------------------------------------------------------------------------ */

ks_windowed_cogrouped_stream *ks_cogrouped_stream_windowed_by(ks_cogrouped_stream *cogrouped,
                                                              ks_windows windows)
{
    static const char call[] = "ks_cogrouped_stream_windowed_by";
    ks_builder *builder = cogrouped->builder;
    if (!ksi_builder_ready(builder, NULL, call, true) ||
        !ksi_check_windows(builder, &windows, call)) {
        return &builder->inert_windowed_cogrouped;
    }
    ks_windowed_cogrouped_stream *windowed = ksi_arena_alloc(&builder->arena, sizeof *windowed);
    *windowed = (ks_windowed_cogrouped_stream){
        .builder = builder, .cogrouped = cogrouped, .windows = windows};
    return windowed;
}

ks_table *ks_windowed_cogrouped_stream_aggregate(ks_windowed_cogrouped_stream *windowed,
                                                 ks_initializer_fn *initialize,
                                                 ks_merger_fn *merge_sessions, void *user,
                                                 const ks_materialized *options)
{
    static const char name[] = "ks_windowed_cogrouped_stream_aggregate";
    ks_builder *builder = windowed->builder;
    const ks_options_head *head = KSI_HEAD_OF(options);
    cogroup_call call = {
        .cogrouped = windowed->cogrouped,
        .options = options,
        .windows = &windowed->windows,
        .shared = {.initialize = initialize, .merge = merge_sessions, .shared_user = user}};
    ksi_builder_own(builder, user, options != NULL ? options->user_free : NULL);
    if (!ksi_builder_ready(builder, head, name, initialize != NULL) ||
        !ksi_check_merger(builder, head, &windowed->windows, merge_sessions, name) ||
        !ksi_materialize_windows(builder, &windowed->windows, KS_EMIT_ON_WINDOW_UPDATE, options,
                                 AGGREGATE, &call.store)) {
        return &builder->inert_table;
    }
    return aggregate(&call);
}
