/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grouped_stream.c - grouping a stream, and what is aggregated over the groups. @java KStreamImpl,
 * KGroupedStreamImpl
 *
 * A grouping repartitions nothing by itself: each aggregation of it does, into a topic named after
 * the grouping when the user named it (then they share one) and after the aggregation's store
 * otherwise.
 */
#include "dsl/builder.h"

/* ---- grouping -------------------------------------------------------------------------------- */

static ks_grouped_stream *group(ks_builder *builder, const ks_grouped_stream *values)
{
    ks_grouped_stream *grouped = ksi_arena_alloc(&builder->arena, sizeof *grouped);
    *grouped = *values;
    grouped->builder = builder;
    return grouped;
}

ks_grouped_stream *ks_stream_group_by_key(ks_stream *stream, const ks_grouped *options)
{
    ks_builder *builder = stream->builder;
    if (!ksi_builder_ready(builder, KSI_HEAD_OF(options), "ks_stream_group_by_key", true)) {
        return &builder->inert_grouped;
    }
    ks_grouped_stream values = {.name = stream->name,
                                .key = stream->key,
                                .value = stream->value,
                                .repartition_required = stream->repartition_required,
                                .node = stream->node};
    if (options != NULL) { /* as Java: options given inherit nothing */
        values.key = options->key;
        values.value = options->value;
        values.repartition_name = ksi_arena_strdup(&builder->arena, options->name);
    }
    return group(builder, &values);
}

ks_grouped_stream *ks_stream_group_by(ks_stream *stream, ks_mapper_fn *key, void *user,
                                      const ks_grouped *options)
{
    ks_builder *builder = stream->builder;
    const ks_options_head *head = KSI_HEAD_OF(options);
    ksi_builder_own(builder, user, options != NULL ? options->user_free : NULL);
    if (!ksi_builder_ready(builder, head, "ks_stream_group_by", key != NULL)) {
        return &builder->inert_grouped;
    }
    const char *own = options != NULL ? options->name : NULL;
    const char *name = ksi_name_or_new(builder, head, own, "KSTREAM-KEY-SELECT-");
    if (name == NULL) {
        return &builder->inert_grouped;
    }
    ksi_plan_node *node = ksi_add_plan_node(builder, name, ksi_plan_write_processor);
    node->processor = ksi_op_select_key(&builder->topology->arena, key, user);
    node->changes_key = true;
    ksi_attach(builder, stream->node, node);
    return group(builder,
                 &(ks_grouped_stream){.name = name,
                                      .key = options != NULL ? options->key : NULL,
                                      .value = options != NULL ? options->value : stream->value,
                                      .repartition_name = ksi_arena_strdup(&builder->arena, own),
                                      .repartition_required = true,
                                      .node = node});
}

/* ---- aggregating ----------------------------------------------------------------------------- */

/* The node that the aggregation hangs on: the grouping's, or a repartition point behind it. */
static ksi_plan_node *aggregation_parent(ks_grouped_stream *grouped, const ksi_materialized *store)
{
    if (!grouped->repartition_required) {
        return grouped->node;
    }
    ks_builder *builder = grouped->builder;
    bool is_named = grouped->repartition_name != NULL;
    const char *base = is_named ? grouped->repartition_name : store->spec.name;
    ksi_plan_node *fresh = ksi_new_repartition(builder, base, is_named || store->queryable,
                                               grouped->key, grouped->value);
    if (grouped->repartition == NULL || grouped->repartition_name == NULL) {
        grouped->repartition = fresh;
    }
    ksi_attach(builder, grouped->node, grouped->repartition);
    return grouped->repartition;
}

ks_table *ksi_add_aggregation(ks_grouped_stream *grouped, const ksi_materialized *store,
                              ksi_processor aggregation, const ks_table *values)
{
    ks_builder *builder = grouped->builder;
    ksi_plan_node *parent = aggregation_parent(grouped, store);
    ksi_plan_node *node = ksi_add_plan_node(builder, values->name, ksi_plan_write_processor);
    node->processor = aggregation;
    ksi_plan_add_store(node, &builder->arena, &store->spec);
    ksi_attach(builder, parent, node);
    ks_table table = *values;
    table.value = store->spec.value;
    table.queryable_name = store->queryable ? store->spec.name : NULL;
    table.is_versioned = store->spec.kind == KSI_STORE_VERSIONED;
    table.node = node;
    return ksi_table_new(builder, &table);
}

static ks_table *add_aggregation(ks_grouped_stream *grouped, const char *name,
                                 const ksi_materialized *store, const ksi_aggregate *how)
{
    ks_arena *arena = &grouped->builder->topology->arena;
    ksi_aggregate *config = ksi_arena_alloc(arena, sizeof *config);
    *config = *how;
    config->table.store = ksi_arena_strdup(arena, store->spec.name);
    return ksi_add_aggregation(
        grouped, store, ksi_op_aggregate(config),
        &(ks_table){.name = name, .key = store->spec.key, .table = &config->table});
}

/* Checks the call; false: the builder failed. */
static bool begin(ks_grouped_stream *grouped, const char *call, bool has_function, void *user,
                  const ks_materialized *options)
{
    ksi_builder_own(grouped->builder, user, options != NULL ? options->user_free : NULL);
    return ksi_builder_ready(grouped->builder, KSI_HEAD_OF(options), call, has_function);
}

static ks_table *aggregate(ks_grouped_stream *grouped, const ks_materialized *options,
                           const char *prefix, const ks_serde *default_value,
                           const ksi_aggregate *how)
{
    ks_builder *builder = grouped->builder;
    ksi_materialized store;
    if (!ksi_materialize(builder, options, prefix, &store)) {
        return &builder->inert_table;
    }
    store.spec.key = store.spec.key != NULL ? store.spec.key : grouped->key;
    store.spec.value = store.spec.value != NULL ? store.spec.value : default_value;
    const char *name = ksi_name_or_new(builder, KSI_HEAD_OF(options),
                                       options != NULL ? options->named : NULL, prefix);
    return name != NULL ? add_aggregation(grouped, name, &store, how) : &builder->inert_table;
}

ks_table *ks_grouped_stream_count(ks_grouped_stream *grouped, const ks_materialized *options)
{
    ks_builder *builder = grouped->builder;
    if (!ksi_builder_ready(builder, KSI_HEAD_OF(options), "ks_grouped_stream_count", true)) {
        return &builder->inert_table;
    }
    if (ksi_is_materialized(options) && options->name == NULL) {
        builder->next_number++; /* Java once generated a name here and keeps doing so */
    }
    return aggregate(grouped, options, "KSTREAM-AGGREGATE-", &ks_serde_i64, &(ksi_aggregate){0});
}

ks_table *ks_grouped_stream_reduce(ks_grouped_stream *grouped, ks_reducer_fn *reduce, void *user,
                                   const ks_materialized *options)
{
    if (!begin(grouped, "ks_grouped_stream_reduce", reduce != NULL, user, options)) {
        return &grouped->builder->inert_table;
    }
    return aggregate(grouped, options, "KSTREAM-REDUCE-", grouped->value,
                     &(ksi_aggregate){.reduce = reduce, .user = user});
}

ks_table *ks_grouped_stream_aggregate(ks_grouped_stream *grouped, ks_initializer_fn *initialize,
                                      ks_aggregator_fn *aggregator, void *user,
                                      const ks_materialized *options)
{
    if (!begin(grouped, "ks_grouped_stream_aggregate", initialize != NULL && aggregator != NULL,
               user, options)) {
        return &grouped->builder->inert_table;
    }
    return aggregate(
        grouped, options, "KSTREAM-AGGREGATE-", NULL,
        &(ksi_aggregate){.initialize = initialize, .aggregate = aggregator, .user = user});
}
