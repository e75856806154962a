/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ops_windows.c - grouped streams in windows, and what is aggregated over them.
 */
#include "ops.h"

/* ---- windows --------------------------------------------------------------------------------- */

/* Java's NoGrace without `grace`. */
static int64_t grace_of(cf_fields *kind)
{
    int64_t grace = 0;
    fields_number(kind, "grace", &grace);
    return grace;
}

static ks_windows time_windows(cf_fields *kind)
{
    int64_t size = fields_need_number(kind, "size");
    int64_t advance = size;
    fields_number(kind, "advance", &advance);
    return ks_hopping_windows(size, advance, grace_of(kind));
}

static ks_windows sliding_windows(cf_fields *kind)
{
    int64_t difference = fields_need_number(kind, "difference");
    return ks_sliding_windows(difference, grace_of(kind));
}

static ks_windows session_windows(cf_fields *kind)
{
    int64_t gap = fields_need_number(kind, "gap");
    return ks_session_windows(gap, grace_of(kind));
}

static ks_windows unlimited_windows(cf_fields *kind)
{
    int64_t start = 0;
    fields_number(kind, "start", &start);
    return ks_unlimited_windows(start);
}

ks_windows windows_of(cf_build *build, cf_fields *node)
{
    static const struct {
        const char *name;
        ks_windows (*read)(cf_fields *kind);
    } kinds[] = {{"time", time_windows},
                 {"sliding", sliding_windows},
                 {"session", session_windows},
                 {"unlimited", unlimited_windows}};
    ks_windows windows = ks_tumbling_windows(1, 0);
    size_t count = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        cf_fields kind;
        if (fields_object(node, kinds[i].name, &kind)) {
            windows = kinds[i].read(&kind);
            fields_done(&kind);
            count++;
        }
    }
    if (count != 1) {
        problem_set(build_problem(build), "%s: one kind of windows is needed", node->where);
    }
    return windows;
}

/* False when the node leaves the strategy as it is. */
static bool emit_of(cf_build *build, cf_fields *node, ks_emit_strategy *strategy)
{
    const char *emit = fields_text(node, "emit");
    if (emit == NULL) {
        return false;
    }
    if (strcmp(emit, "update") == 0) {
        *strategy = KS_EMIT_ON_WINDOW_UPDATE;
    } else if (strcmp(emit, "close") == 0) {
        *strategy = KS_EMIT_ON_WINDOW_CLOSE;
    } else {
        problem_set(build_problem(build), "%s: unknown emit `%s`", node->where, emit);
    }
    return true;
}

cf_handle op_windowed_by(cf_build *build, cf_fields *node)
{
    cf_handle input = handle_input(build, node);
    ks_windows windows = windows_of(build, node);
    ks_emit_strategy strategy = KS_EMIT_ON_WINDOW_UPDATE;
    bool says_when = emit_of(build, node, &strategy);
    if (!build_is_sound(build)) {
        return handle_none();
    }
    ks_windowed_stream *windowed = ks_grouped_stream_windowed_by(input.object, windows);
    if (says_when) {
        windowed = ks_windowed_stream_emit_strategy(windowed, strategy);
    }
    return handle_of(HANDLE_WINDOWED_STREAM, windowed);
}

/* ---- aggregations ---------------------------------------------------------------------------- */

static cf_handle table_handle(ks_table *table)
{
    return handle_of(HANDLE_TABLE, table);
}

cf_handle op_windowed_count(cf_build *build, cf_fields *node)
{
    cf_handle input = handle_input(build, node);
    ks_materialized storage;
    const ks_materialized *materialized = windowed_materialized_of(build, node, &storage);
    return build_is_sound(build)
               ? table_handle(ks_windowed_stream_count(input.object, materialized))
               : handle_none();
}

cf_handle op_windowed_reduce(cf_build *build, cf_fields *node)
{
    cf_handle input = handle_input(build, node);
    cf_function *fold =
        function_fold(build->scenario, fields_need(node, "fn"), fields_text(node, "value"));
    ks_materialized storage;
    const ks_materialized *materialized = windowed_materialized_of(build, node, &storage);
    return build_is_sound(build) ? table_handle(ks_windowed_stream_reduce(
                                       input.object, call_reducer, fold, materialized))
                                 : handle_none();
}

cf_handle op_windowed_aggregate(cf_build *build, cf_fields *node)
{
    cf_handle input = handle_input(build, node);
    const char *type = fields_text(node, "value");
    cf_function *fold = function_fold(build->scenario, fields_need(node, "fn"), type);
    function_set_init(build->scenario, fold, type, fields_need(node, "init"));
    const json_t *merge = fields_get(node, "merge");
    if (merge != NULL) {
        function_set_merge(build->scenario, fold, type, merge);
    }
    ks_materialized storage;
    const ks_materialized *materialized = windowed_materialized_of(build, node, &storage);
    if (!build_is_sound(build)) {
        return handle_none();
    }
    return table_handle(
        ks_windowed_stream_aggregate(input.object, call_initializer, call_aggregator,
                                     merge != NULL ? call_merger : NULL, fold, materialized));
}
