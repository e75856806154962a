/* SPDX-License-Identifier: Apache-2.0 */
/*
 * build.c - reads the ops of a scenario in order and has each of them done; see ops.h.
 *
 * The table below is the vocabulary: an op that is in it without a function is known and not built
 * yet, an op that is not in it is unknown. Both fail the scenario. The builder is sticky: what the
 * library refuses comes out of ks_builder_build(), and the first refusal is where Java throws, so
 * going on with inert handles after it changes nothing.
 */
#include "ops.h"

#include <stdio.h>

typedef struct cf_op {
    const char *name;
    cf_op_fn *make; /**< NULL: not built yet */
} cf_op;

static const cf_op ops[] = {
    {"stream", op_stream},
    {"table", op_table},
    {"globalTable", NULL},
    {"filter", op_filter},
    {"filterNot", op_filter},
    {"mapValues", op_map_values},
    {"transformValues", NULL},
    {"map", op_map},
    {"selectKey", op_select_key},
    {"flatMap", op_flat_map},
    {"flatMapValues", op_flat_map_values},
    {"peek", op_peek},
    {"foreach", op_foreach},
    {"print", op_print},
    {"split", op_split},
    {"merge", op_merge},
    {"repartition", op_repartition},
    {"to", op_to},
    {"toTable", op_to_table},
    {"toStream", op_to_stream},
    {"groupByKey", op_group_by_key},
    {"groupBy", op_group_by},
    {"count", op_count},
    {"reduce", op_reduce},
    {"aggregate", op_aggregate},
    {"windowedBy", NULL},
    {"cogroup", NULL},
    {"join", NULL},
    {"leftJoin", NULL},
    {"outerJoin", NULL},
    {"suppress", NULL},
    {"process", NULL},
    {"processValues", NULL},
    {"addStore", NULL},
    {"addGlobalStore", NULL},
    {"addSource", NULL},
    {"addProcessor", NULL},
    {"addSink", NULL},
    {"addReadOnlyStore", NULL},
};

/* ---- handles --------------------------------------------------------------------------------- */

bool build_is_sound(const cf_build *build)
{
    return !problem_is_set(&build->scenario->problem);
}

cf_problem *build_problem(cf_build *build)
{
    return &build->scenario->problem;
}

cf_handle handle_of(cf_handle_kind kind, void *object)
{
    return (cf_handle){.kind = kind, .object = object};
}

cf_handle handle_none(void)
{
    return handle_of(HANDLE_NONE, NULL);
}

static const cf_named_handle *named_handle(const cf_build *build, const char *id)
{
    const cf_named_handle *at = build->handles;
    while (at != NULL && strcmp(at->id, id) != 0) {
        at = at->next;
    }
    return at;
}

void handle_put(cf_build *build, const char *id, cf_handle handle)
{
    cf_named_handle *added = ks_arena_alloc(build->scenario->arena, sizeof *added);
    *added = (cf_named_handle){.next = build->handles, .id = id, .handle = handle};
    build->handles = added;
}

void handle_add(cf_build *build, const char *id, cf_handle handle)
{
    if (named_handle(build, id) != NULL) {
        problem_set(build_problem(build), "id `%s` is used twice", id);
    }
    handle_put(build, id, handle);
}

cf_handle handle_find(cf_build *build, const char *id)
{
    const cf_named_handle *found = named_handle(build, id);
    if (found == NULL) {
        problem_set(build_problem(build), "no node `%s`", id);
        return handle_none();
    }
    return found->handle;
}

cf_handle handle_input(cf_build *build, cf_fields *node)
{
    return handle_find(build, fields_need_text(node, "of"));
}

ks_stream *handle_stream(cf_build *build, cf_handle handle)
{
    if (handle.kind != HANDLE_STREAM) {
        problem_set(build_problem(build), "a stream is needed here");
        return NULL;
    }
    return handle.object;
}

ks_table *handle_table(cf_build *build, cf_handle handle)
{
    if (handle.kind != HANDLE_TABLE) {
        problem_set(build_problem(build), "a table is needed here");
        return NULL;
    }
    return handle.object;
}

ks_stream *stream_input(cf_build *build, cf_fields *node)
{
    static const char *const on_tables[] = {"filter", "filterNot", "mapValues", "groupBy"};
    cf_handle input = handle_input(build, node);
    const char *op = fields_need_text(node, "op");
    for (size_t i = 0; i < sizeof on_tables / sizeof on_tables[0]; i++) {
        if (input.kind == HANDLE_TABLE && strcmp(op, on_tables[i]) == 0) {
            problem_not_built(build_problem(build), "%s on a table", op);
        }
    }
    return handle_stream(build, input);
}

/* ---- the loop -------------------------------------------------------------------------------- */

static cf_handle make(cf_build *build, cf_fields *node)
{
    const char *name = fields_need_text(node, "op");
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        if (strcmp(ops[i].name, name) == 0) {
            if (ops[i].make != NULL) {
                return ops[i].make(build, node);
            }
            problem_not_built(build_problem(build), "%s", name);
            return handle_none();
        }
    }
    problem_set(build_problem(build), "%s: unknown op `%s`", node->where, name);
    return handle_none();
}

static void add_node(cf_build *build, const json_t *json, size_t index)
{
    cf_fields node;
    fields_open(&node, build_problem(build), json, "topology[%zu]", index);
    const char *id = fields_text(&node, "id");
    cf_handle handle = make(build, &node);
    if (!build_is_sound(build)) {
        return;
    }
    fields_done(&node);
    if (id == NULL) {
        return;
    }
    if (handle.kind == HANDLE_NONE) {
        problem_set(build_problem(build), "%s: this op gives nothing to call `%s`", node.where, id);
    }
    handle_add(build, id, handle);
}

ks_topology *build_topology(cf_scenario *scenario, ks_builder *builder, ks_error *error)
{
    cf_build build = {.scenario = scenario, .builder = builder};
    const json_t *config = json_object_get(scenario->root, "config");
    const char *extractor =
        json_string_value(json_object_get(config, "default.timestamp.extractor"));
    if (extractor != NULL && strcmp(extractor, "embedded-value") == 0) {
        build.default_extractor = extractor_of(&scenario->problem, extractor);
    }
    const json_t *nodes = json_object_get(scenario->root, "topology");
    for (size_t i = 0; i < json_array_size(nodes) && build_is_sound(&build); i++) {
        add_node(&build, json_array_get(nodes, i), i);
    }
    return build_is_sound(&build) ? ks_builder_build(builder, error) : NULL;
}
