/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ops_join.c - joins: which one is meant follows from what the two inputs are.
 */
#include "ops.h"

#include "types.h"

/* What an op says of a join of any kind. */
typedef struct cf_join {
    cf_handle left;
    cf_handle right;
    bool is_left;  /* leftJoin */
    bool is_outer; /* outerJoin */
} cf_join;

static cf_join read_join(cf_build *build, cf_fields *node)
{
    const char *op = fields_need_text(node, "op");
    size_t count = 0;
    const char *const *of = fields_texts(node, "of", build->scenario->arena, &count);
    cf_join join = {.is_left = strcmp(op, "leftJoin") == 0,
                    .is_outer = strcmp(op, "outerJoin") == 0};
    if (count != 2) {
        problem_set(build_problem(build), "%s: a join takes two inputs", node->where);
        return join;
    }
    join.left = handle_find(build, of[0]);
    join.right = handle_find(build, of[1]);
    return join;
}

static void refuse_outer(cf_build *build, const cf_join *join, const char *what)
{
    if (join->is_outer) {
        problem_set(build_problem(build), "%s have no outer join", what);
    }
}

static cf_function *read_joiner(cf_build *build, cf_fields *node)
{
    return function_joiner(build->scenario, fields_need(node, "joiner"));
}

static cf_function *read_keyless_joiner(cf_build *build, cf_fields *node)
{
    cf_function *joiner = read_joiner(build, node);
    if (function_needs_key(joiner)) {
        problem_set(build_problem(build), "%s: joiners of tables have no key", node->where);
    }
    return joiner;
}

/* ---- streams with streams -------------------------------------------------------------------- */

/* Grace is 0 where a scenario has none. */
static ks_join_windows read_windows(cf_build *build, cf_fields *node)
{
    ks_join_windows windows = {0};
    cf_fields window;
    if (!fields_object(node, "window", &window)) {
        problem_set(build_problem(build), "%s: `window` is needed", node->where);
        return windows;
    }
    if (!fields_number(&window, "before", &windows.before_ms) ||
        !fields_number(&window, "after", &windows.after_ms)) {
        problem_set(build_problem(build), "%s: `before` and `after` are needed", window.where);
    }
    fields_number(&window, "grace", &windows.grace_ms);
    fields_done(&window);
    return windows;
}

static ks_stream_joined read_stream_joined(cf_build *build, cf_fields *node)
{
    cf_problem *problem = build_problem(build);
    ks_stream_joined options =
        *KS_STREAM_JOINED(.key = type_serde(problem, fields_text(node, "key")),
                          .value = type_serde(problem, fields_text(node, "value")),
                          .other_value = type_serde(problem, fields_text(node, "otherValue")),
                          .name = fields_text(node, "name"), );
    cf_fields store;
    if (fields_object(node, "store", &store)) {
        bool logging = true;
        options.store_name = fields_text(&store, "name");
        options.type = store_type_of(problem, &store);
        fields_bool(&store, "logging", &logging);
        options.logging_disabled = !logging;
        fields_done(&store);
    }
    return options;
}

static cf_handle join_streams(cf_build *build, cf_fields *node, const cf_join *join)
{
    cf_function *joiner = read_joiner(build, node);
    const ks_join_windows windows = read_windows(build, node);
    const ks_stream_joined options = read_stream_joined(build, node);
    if (!build_is_sound(build)) {
        return handle_none();
    }
    ks_stream *left = join->left.object;
    ks_stream *right = join->right.object;
    ks_stream *result = NULL;
    if (join->is_outer) {
        result = ks_stream_outer_join(left, right, call_joiner, joiner, windows, &options);
    } else if (join->is_left) {
        result = ks_stream_left_join(left, right, call_joiner, joiner, windows, &options);
    } else {
        result = ks_stream_join(left, right, call_joiner, joiner, windows, &options);
    }
    return handle_of(HANDLE_STREAM, result);
}

/* ---- streams with tables --------------------------------------------------------------------- */

static cf_handle join_stream_with_table(cf_build *build, cf_fields *node, const cf_join *join)
{
    cf_problem *problem = build_problem(build);
    cf_function *joiner = read_joiner(build, node);
    ks_joined options =
        *KS_JOINED(.key = type_serde(problem, fields_text(node, "key")),
                   .value = type_serde(problem, fields_text(node, "value")),
                   .other_value = type_serde(problem, fields_text(node, "otherValue")),
                   .name = fields_text(node, "name"), );
    options.with_grace = fields_number(node, "grace", &options.grace_ms);
    refuse_outer(build, join, "a stream and a table");
    if (!build_is_sound(build)) {
        return handle_none();
    }
    ks_stream *stream = join->left.object;
    ks_table *table = join->right.object;
    return handle_of(HANDLE_STREAM,
                     join->is_left
                         ? ks_stream_left_join_table(stream, table, call_joiner, joiner, &options)
                         : ks_stream_join_table(stream, table, call_joiner, joiner, &options));
}

static cf_handle join_stream_with_global(cf_build *build, cf_fields *node, const cf_join *join)
{
    cf_function *joiner = read_joiner(build, node);
    function_set_key(build->scenario, joiner, fields_need(node, "keyFn"));
    ks_named storage;
    const ks_named *named = named_of(node, &storage);
    refuse_outer(build, join, "a stream and a global table");
    if (!build_is_sound(build)) {
        return handle_none();
    }
    ks_stream *stream = join->left.object;
    ks_global_table *table = join->right.object;
    return handle_of(HANDLE_STREAM,
                     join->is_left ? ks_stream_left_join_global_table(
                                         stream, table, call_joiner_key, call_joiner, joiner, named)
                                   : ks_stream_join_global_table(stream, table, call_joiner_key,
                                                                 call_joiner, joiner, named));
}

/* ---- tables with tables ---------------------------------------------------------------------- */

static cf_handle join_tables(cf_build *build, cf_fields *node, const cf_join *join)
{
    cf_function *joiner = read_keyless_joiner(build, node);
    ks_materialized storage;
    const ks_materialized *materialized = materialized_of(build, node, true, &storage);
    if (!build_is_sound(build)) {
        return handle_none();
    }
    ks_table *left = join->left.object;
    ks_table *right = join->right.object;
    return handle_of(
        HANDLE_TABLE,
        join->is_outer  ? ks_table_outer_join(left, right, call_joiner, joiner, materialized)
        : join->is_left ? ks_table_left_join(left, right, call_joiner, joiner, materialized)
                        : ks_table_join(left, right, call_joiner, joiner, materialized));
}

static cf_handle join_by_foreign_key(cf_build *build, cf_fields *node, const cf_join *join)
{
    cf_function *joiner = read_keyless_joiner(build, node);
    function_set_key(build->scenario, joiner, fields_need(node, "fk"));
    ks_materialized storage;
    const ks_table_joined options = {.name = fields_text(node, "name"),
                                     .materialized = materialized_of(build, node, false, &storage)};
    refuse_outer(build, join, "tables by a foreign key");
    if (!build_is_sound(build)) {
        return handle_none();
    }
    return handle_of(
        HANDLE_TABLE,
        join->is_left
            ? ks_table_left_join_foreign_key(join->left.object, join->right.object, call_joiner_key,
                                             call_joiner, joiner, &options)
            : ks_table_join_foreign_key(join->left.object, join->right.object, call_joiner_key,
                                        call_joiner, joiner, &options));
}

/* ---- which one ------------------------------------------------------------------------------- */

cf_handle op_join(cf_build *build, cf_fields *node)
{
    cf_join join = read_join(build, node);
    if (!build_is_sound(build)) {
        return handle_none();
    }
    cf_handle_kind left = join.left.kind;
    cf_handle_kind right = join.right.kind;
    if (left == HANDLE_STREAM && right == HANDLE_STREAM) {
        return join_streams(build, node, &join);
    }
    if (left == HANDLE_STREAM && right == HANDLE_TABLE) {
        return join_stream_with_table(build, node, &join);
    }
    if (left == HANDLE_STREAM && right == HANDLE_GLOBAL_TABLE) {
        return join_stream_with_global(build, node, &join);
    }
    if (left == HANDLE_TABLE && right == HANDLE_TABLE) {
        return fields_has(node, "fk") ? join_by_foreign_key(build, node, &join)
                                      : join_tables(build, node, &join);
    }
    problem_set(build_problem(build), "%s: these two cannot be joined", node->where);
    return handle_none();
}
