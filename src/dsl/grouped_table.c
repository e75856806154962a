/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grouped_table.c - grouping a table, and what is aggregated over the groups. @java KTableImpl,
 * KGroupedTableImpl
 *
 * The groups of a table always go through a topic of their own, which each aggregation of an
 * unnamed grouping makes anew and which all aggregations of a named one share. What goes through it
 * is changes, so the table must send old values: a row that leaves a group is subtracted from it.
 */
#include "dsl/builder.h"

/* ---- grouping -------------------------------------------------------------------------------- */

ks_grouped_table *ks_table_group_by(ks_table *table, ks_pair_mapper_fn *map, void *user,
                                    const ks_grouped *options)
{
    ks_builder *builder = table->builder;
    const ks_options_head *head = KSI_HEAD_OF(options);
    const ks_grouped none = {0};
    const ks_grouped *how = options != NULL ? options : &none;
    ksi_builder_own(builder, user, how->user_free);
    if (!ksi_builder_ready(builder, head, "ks_table_group_by", map != NULL)) {
        return &builder->inert_grouped_table;
    }
    const char *name = ksi_name_or_new(builder, head, how->name, "KTABLE-SELECT-");
    if (name == NULL) {
        return &builder->inert_grouped_table;
    }
    ksi_plan_node *node = ksi_add_plan_node(builder, name, ksi_plan_write_processor);
    ksi_table_group_by *config = ksi_arena_alloc(&builder->topology->arena, sizeof *config);
    *config =
        (ksi_table_group_by){.map = map, .user = user, .is_of_versioned = table->is_versioned};
    node->processor = ksi_op_table_group_by(config);
    ksi_attach(builder, table->node, node);
    (void)ksi_table_send_old_values(table, true);
    ks_grouped_table *grouped = ksi_arena_alloc(&builder->arena, sizeof *grouped);
    *grouped = (ks_grouped_table){.builder = builder,
                                  .key = how->key,
                                  .value = how->value,
                                  .repartition_name = ksi_arena_strdup(&builder->arena, how->name),
                                  .node = node};
    return grouped;
}

/* ---- aggregating ----------------------------------------------------------------------------- */

/* The topic of the changes, with its sink and source; uses up a number for each of the two. */
static ksi_plan_node *new_repartition(ks_grouped_table *grouped, const ks_materialized *options,
                                      const ksi_materialized *store)
{
    ks_builder *builder = grouped->builder;
    const ks_options_head *head = KSI_HEAD_OF(options);
    const char *own = options != NULL ? options->named : NULL;
    const char *base =
        grouped->repartition_name != NULL ? grouped->repartition_name : store->spec.name;
    const char *sink = ksi_suffixed_or_new(builder, head, own, "-sink", "KSTREAM-SINK-");
    const char *source = ksi_suffixed_or_new(builder, head, own, "-source", "KSTREAM-SOURCE-");
    if (sink == NULL || source == NULL) {
        return NULL;
    }
    ksi_plan_node *node = ksi_add_plan_node(builder, source, ksi_plan_write_change_repartition);
    node->repartition =
        (ksi_repartition){.sink_name = sink,
                          .source_name = source,
                          .topic = ksi_arena_format(&builder->arena, "%s-repartition", base),
                          .key = grouped->key,
                          .value = grouped->value};
    return node;
}

static ks_table *aggregate(ks_grouped_table *grouped, const ks_materialized *options,
                           const char *prefix, const ks_serde *default_value,
                           const ksi_table_aggregate *how)
{
    ks_builder *builder = grouped->builder;
    ksi_materialized store;
    if (!ksi_materialize(builder, options, "KTABLE-AGGREGATE-", &store)) {
        return &builder->inert_table;
    }
    store.spec.key = store.spec.key != NULL ? store.spec.key : grouped->key;
    store.spec.value = store.spec.value != NULL ? store.spec.value : default_value;
    ksi_plan_node *fresh = new_repartition(grouped, options, &store);
    const char *name = ksi_name_or_new(builder, KSI_HEAD_OF(options),
                                       options != NULL ? options->named : NULL, prefix);
    if (fresh == NULL || name == NULL) {
        return &builder->inert_table;
    }
    if (grouped->repartition == NULL || grouped->repartition_name == NULL) {
        grouped->repartition = fresh;
    }
    ksi_attach(builder, grouped->node, grouped->repartition);
    ks_arena *arena = &builder->topology->arena;
    ksi_table_aggregate *config = ksi_arena_alloc(arena, sizeof *config);
    *config = *how;
    config->table.store = ksi_arena_strdup(arena, store.spec.name);
    ksi_plan_node *node = ksi_add_plan_node(builder, name, ksi_plan_write_processor);
    node->processor = ksi_op_table_aggregate(config);
    ksi_plan_add_store(node, &builder->arena, &store.spec);
    ksi_attach(builder, grouped->repartition, node);
    return ksi_table_new(builder,
                         &(ks_table){.name = name,
                                     .key = store.spec.key,
                                     .value = store.spec.value,
                                     .queryable_name = store.queryable ? store.spec.name : NULL,
                                     .table = &config->table,
                                     .is_versioned = store.spec.kind == KSI_STORE_VERSIONED,
                                     .node = node});
}

/* Checks the call; false: the builder failed. */
static bool begin(ks_grouped_table *grouped, const char *call, bool is_complete, void *user,
                  const ks_materialized *options)
{
    ksi_builder_own(grouped->builder, user, options != NULL ? options->user_free : NULL);
    return ksi_builder_ready(grouped->builder, KSI_HEAD_OF(options), call, is_complete);
}

ks_table *ks_grouped_table_count(ks_grouped_table *grouped, const ks_materialized *options)
{
    ks_builder *builder = grouped->builder;
    if (!ksi_builder_ready(builder, KSI_HEAD_OF(options), "ks_grouped_table_count", true)) {
        return &builder->inert_table;
    }
    return aggregate(grouped, options, "KTABLE-AGGREGATE-", &ks_serde_i64,
                     &(ksi_table_aggregate){0});
}

ks_table *ks_grouped_table_reduce(ks_grouped_table *grouped, ks_reducer_fn *add,
                                  ks_reducer_fn *subtract, void *user,
                                  const ks_materialized *options)
{
    if (!begin(grouped, "ks_grouped_table_reduce", add != NULL && subtract != NULL, user,
               options)) {
        return &grouped->builder->inert_table;
    }
    return aggregate(
        grouped, options, "KTABLE-REDUCE-", grouped->value,
        &(ksi_table_aggregate){.reduce_add = add, .reduce_subtract = subtract, .user = user});
}

ks_table *ks_grouped_table_aggregate(ks_grouped_table *grouped, ks_initializer_fn *initialize,
                                     ks_aggregator_fn *add, ks_aggregator_fn *subtract, void *user,
                                     const ks_materialized *options)
{
    bool is_complete = initialize != NULL && add != NULL && subtract != NULL;
    if (!begin(grouped, "ks_grouped_table_aggregate", is_complete, user, options)) {
        return &grouped->builder->inert_table;
    }
    return aggregate(grouped, options, "KTABLE-AGGREGATE-", NULL,
                     &(ksi_table_aggregate){
                         .initialize = initialize, .add = add, .subtract = subtract, .user = user});
}
