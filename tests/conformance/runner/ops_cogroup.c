/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ops_cogroup.c - cogroups, and what is aggregated over them.
 */
#include "ops.h"

/* One of the groups, which the first call of Java is made on. */
static ks_grouped_stream *group_at(cf_build *build, cf_fields *node, const char *id)
{
    cf_handle group = handle_find(build, id);
    if (group.kind != HANDLE_GROUPED_STREAM) {
        problem_set(build_problem(build), "%s: `%s` is no grouped stream", node->where, id);
        return NULL;
    }
    return group.object;
}

cf_handle op_cogroup(cf_build *build, cf_fields *node)
{
    size_t count = 0;
    const char *const *ids = fields_texts(node, "of", build->scenario->arena, &count);
    const json_t *fns = fields_need(node, "fns");
    ks_cogrouped_stream *cogrouped = NULL;
    if (count == 0 || json_array_size(fns) != count) {
        problem_set(build_problem(build), "%s: one function for each group", node->where);
    }
    for (size_t i = 0; build_is_sound(build) && i < count; i++) {
        ks_grouped_stream *group = group_at(build, node, ids[i]);
        cf_function *fold = function_fold(build->scenario, json_array_get(fns, i), NULL);
        if (!build_is_sound(build)) {
            return handle_none();
        }
        cogrouped =
            i == 0 ? ks_grouped_stream_cogroup(group, call_aggregator, fold, NULL)
                   : ks_cogrouped_stream_cogroup(cogrouped, group, call_aggregator, fold, NULL);
    }
    return build_is_sound(build) ? handle_of(HANDLE_COGROUPED_STREAM, cogrouped) : handle_none();
}

cf_handle op_cogroup_aggregate(cf_build *build, cf_fields *node)
{
    cf_handle input = handle_input(build, node);
    cf_function *initial =
        function_initial(build->scenario, fields_text(node, "value"), fields_need(node, "init"));
    ks_materialized storage;
    const ks_materialized *materialized = materialized_of(build, node, true, &storage);
    if (!build_is_sound(build)) {
        return handle_none();
    }
    return handle_of(HANDLE_TABLE, ks_cogrouped_stream_aggregate(input.object, call_initializer,
                                                                 initial, materialized));
}

cf_handle op_cogroup_windowed_by(cf_build *build, cf_fields *node)
{
    cf_handle input = handle_input(build, node);
    ks_windows windows = windows_of(build, node);
    return build_is_sound(build) ? handle_of(HANDLE_WINDOWED_COGROUPED_STREAM,
                                             ks_cogrouped_stream_windowed_by(input.object, windows))
                                 : handle_none();
}

cf_handle op_windowed_cogroup_aggregate(cf_build *build, cf_fields *node)
{
    cf_handle input = handle_input(build, node);
    const char *type = fields_text(node, "value");
    cf_function *shared = function_initial(build->scenario, type, fields_need(node, "init"));
    const json_t *merge = fields_get(node, "merge");
    if (merge != NULL) {
        function_set_merge(build->scenario, shared, type, merge);
    }
    ks_materialized storage;
    const ks_materialized *materialized = windowed_materialized_of(build, node, &storage);
    if (!build_is_sound(build)) {
        return handle_none();
    }
    return handle_of(HANDLE_TABLE, ks_windowed_cogrouped_stream_aggregate(
                                       input.object, call_initializer,
                                       merge != NULL ? call_merger : NULL, shared, materialized));
}
