/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ops_aggregation.c - groups of streams and of tables, and what is aggregated over them.
 */
#include "ops.h"

static cf_handle table_handle(ks_table *table)
{
    return handle_of(HANDLE_TABLE, table);
}

/* ---- groups ---------------------------------------------------------------------------------- */

cf_handle op_group_by_key(cf_build *build, cf_fields *node)
{
    ks_stream *stream = stream_input(build, node);
    ks_grouped storage;
    const ks_grouped *grouped = grouped_of(build, node, &storage);
    return build_is_sound(build)
               ? handle_of(HANDLE_GROUPED_STREAM, ks_stream_group_by_key(stream, grouped))
               : handle_none();
}

cf_handle op_group_by(cf_build *build, cf_fields *node)
{
    ks_stream *stream = stream_input(build, node);
    cf_function *mapper = function_key_mapper(build->scenario, fields_need(node, "fn"));
    ks_grouped storage;
    const ks_grouped *grouped = grouped_of(build, node, &storage);
    if (!build_is_sound(build)) {
        return handle_none();
    }
    return handle_of(HANDLE_GROUPED_STREAM,
                     ks_stream_group_by(stream, call_key_mapper, mapper, grouped));
}

cf_handle op_table_group_by(cf_build *build, cf_fields *node)
{
    ks_table *table = table_input(build, node);
    cf_function *mapper = function_key_mapper(build->scenario, fields_need(node, "fn"));
    ks_grouped storage;
    const ks_grouped *grouped = grouped_of(build, node, &storage);
    if (!build_is_sound(build)) {
        return handle_none();
    }
    return handle_of(HANDLE_GROUPED_TABLE,
                     ks_table_group_by(table, call_pair_mapper, mapper, grouped));
}

/* ---- aggregations ---------------------------------------------------------------------------- */

static ks_grouped_stream *grouped_input(cf_build *build, cf_fields *node)
{
    cf_handle input = handle_input(build, node);
    if (input.kind != HANDLE_GROUPED_STREAM) {
        problem_set(build_problem(build), "%s: a grouped stream is needed here", node->where);
        return NULL;
    }
    return input.object;
}

/*
 * Java's reduce and aggregate of grouped streams have no overload with a name alone: the recorder
 * adds an empty Materialized.
 */
static void complete_overload(ks_materialized *materialized)
{
    bool named_alone = materialized->named != NULL && materialized->name == NULL &&
                       materialized->key == NULL && materialized->value == NULL &&
                       materialized->type == KS_STORE_DEFAULT && !materialized->caching_disabled &&
                       !materialized->logging_disabled;
    materialized->unnamed_store = materialized->unnamed_store || named_alone;
}

cf_handle op_count(cf_build *build, cf_fields *node)
{
    ks_grouped_stream *grouped = grouped_input(build, node);
    ks_materialized storage;
    const ks_materialized *materialized = materialized_of(build, node, true, &storage);
    return build_is_sound(build) ? table_handle(ks_grouped_stream_count(grouped, materialized))
                                 : handle_none();
}

cf_handle op_reduce(cf_build *build, cf_fields *node)
{
    ks_grouped_stream *grouped = grouped_input(build, node);
    cf_function *fold =
        function_fold(build->scenario, fields_need(node, "fn"), fields_text(node, "value"));
    ks_materialized storage;
    const ks_materialized *materialized = materialized_of(build, node, true, &storage);
    complete_overload(&storage);
    if (!build_is_sound(build)) {
        return handle_none();
    }
    return table_handle(ks_grouped_stream_reduce(grouped, call_reducer, fold, materialized));
}

cf_handle op_aggregate(cf_build *build, cf_fields *node)
{
    ks_grouped_stream *grouped = grouped_input(build, node);
    const char *type = fields_text(node, "value");
    cf_function *fold = function_fold(build->scenario, fields_need(node, "fn"), type);
    function_set_init(build->scenario, fold, type, fields_need(node, "init"));
    ks_materialized storage;
    const ks_materialized *materialized = materialized_of(build, node, true, &storage);
    complete_overload(&storage);
    if (!build_is_sound(build)) {
        return handle_none();
    }
    return table_handle(ks_grouped_stream_aggregate(grouped, call_initializer, call_aggregator,
                                                    fold, materialized));
}

/* ---- aggregations of grouped tables ---------------------------------------------------------- */

static ks_grouped_table *grouped_table_input(cf_build *build, cf_fields *node)
{
    cf_handle input = handle_input(build, node);
    if (input.kind != HANDLE_GROUPED_TABLE) {
        problem_set(build_problem(build), "%s: a grouped table is needed here", node->where);
        return NULL;
    }
    return input.object;
}

/* The fold of a node and its counterpart. */
static cf_function *folds_of(cf_build *build, cf_fields *node, const char *type)
{
    cf_function *fold = function_fold(build->scenario, fields_need(node, "fn"), type);
    function_set_subtract(build->scenario, fold, type, fields_need(node, "subtract"));
    return fold;
}

cf_handle op_table_count(cf_build *build, cf_fields *node)
{
    ks_grouped_table *grouped = grouped_table_input(build, node);
    ks_materialized storage;
    const ks_materialized *materialized = materialized_of(build, node, true, &storage);
    return build_is_sound(build) ? table_handle(ks_grouped_table_count(grouped, materialized))
                                 : handle_none();
}

cf_handle op_table_reduce(cf_build *build, cf_fields *node)
{
    ks_grouped_table *grouped = grouped_table_input(build, node);
    cf_function *folds = folds_of(build, node, fields_text(node, "value"));
    ks_materialized storage;
    const ks_materialized *materialized = materialized_of(build, node, true, &storage);
    if (!build_is_sound(build)) {
        return handle_none();
    }
    return table_handle(ks_grouped_table_reduce(grouped, call_reducer, call_subtracting_reducer,
                                                folds, materialized));
}

cf_handle op_table_aggregate(cf_build *build, cf_fields *node)
{
    ks_grouped_table *grouped = grouped_table_input(build, node);
    const char *type = fields_text(node, "value");
    cf_function *folds = folds_of(build, node, type);
    function_set_init(build->scenario, folds, type, fields_need(node, "init"));
    ks_materialized storage;
    const ks_materialized *materialized = materialized_of(build, node, true, &storage);
    if (!build_is_sound(build)) {
        return handle_none();
    }
    return table_handle(ks_grouped_table_aggregate(grouped, call_initializer, call_aggregator,
                                                   call_subtracting_aggregator, folds,
                                                   materialized));
}
