/* SPDX-License-Identifier: Apache-2.0 */
/*
 * build.c - reads the ops of a scenario in order and has each of them done; see ops.h.
 *
 * The table below is the vocabulary, with a line for each kind of input that an op takes: Java has
 * filter on streams and on tables. A line without a function is known and not built yet, an op that
 * is in no line is unknown. Both fail the scenario. The builder is sticky: what the library refuses
 * comes out of ks_builder_build(), and the first refusal is where Java throws, so going on with
 * inert handles after it changes nothing.
 */
#include "ops.h"

#include <stdio.h>

typedef struct cf_op {
    const char *name;
    cf_handle_kind of; /* of its first input; HANDLE_NONE: it looks at its inputs itself */
    cf_op_fn *make;    /* NULL: not built yet */
} cf_op;

static const cf_op ops[] = {
    /* what comes in */
    {"stream", HANDLE_NONE, op_stream},
    {"table", HANDLE_NONE, op_table},
    {"globalTable", HANDLE_NONE, op_global_table},
    /* streams */
    {"filter", HANDLE_STREAM, op_filter},
    {"filterNot", HANDLE_STREAM, op_filter},
    {"mapValues", HANDLE_STREAM, op_map_values},
    {"map", HANDLE_STREAM, op_map},
    {"selectKey", HANDLE_STREAM, op_select_key},
    {"flatMap", HANDLE_STREAM, op_flat_map},
    {"flatMapValues", HANDLE_STREAM, op_flat_map_values},
    {"peek", HANDLE_STREAM, op_peek},
    {"foreach", HANDLE_STREAM, op_foreach},
    {"print", HANDLE_STREAM, op_print},
    {"split", HANDLE_STREAM, op_split},
    {"merge", HANDLE_STREAM, op_merge},
    {"repartition", HANDLE_STREAM, op_repartition},
    {"to", HANDLE_STREAM, op_to},
    {"toTable", HANDLE_STREAM, op_to_table},
    {"groupByKey", HANDLE_STREAM, op_group_by_key},
    {"groupBy", HANDLE_STREAM, op_group_by},
    {"count", HANDLE_GROUPED_STREAM, op_count},
    {"reduce", HANDLE_GROUPED_STREAM, op_reduce},
    {"aggregate", HANDLE_GROUPED_STREAM, op_aggregate},
    /* tables */
    {"toStream", HANDLE_TABLE, op_to_stream},
    {"filter", HANDLE_TABLE, op_table_filter},
    {"filterNot", HANDLE_TABLE, op_table_filter},
    {"mapValues", HANDLE_TABLE, op_table_map_values},
    {"transformValues", HANDLE_TABLE, op_table_transform_values},
    {"groupBy", HANDLE_TABLE, op_table_group_by},
    {"count", HANDLE_GROUPED_TABLE, op_table_count},
    {"reduce", HANDLE_GROUPED_TABLE, op_table_reduce},
    {"aggregate", HANDLE_GROUPED_TABLE, op_table_aggregate},
    /* windows, cogroups, joins */
    {"windowedBy", HANDLE_GROUPED_STREAM, op_windowed_by},
    {"windowedBy", HANDLE_COGROUPED_STREAM, op_cogroup_windowed_by},
    {"aggregate", HANDLE_WINDOWED_COGROUPED_STREAM, op_windowed_cogroup_aggregate},
    {"count", HANDLE_WINDOWED_STREAM, op_windowed_count},
    {"reduce", HANDLE_WINDOWED_STREAM, op_windowed_reduce},
    {"aggregate", HANDLE_WINDOWED_STREAM, op_windowed_aggregate},
    {"cogroup", HANDLE_NONE, op_cogroup},
    {"aggregate", HANDLE_COGROUPED_STREAM, op_cogroup_aggregate},
    {"join", HANDLE_NONE, op_join},
    {"leftJoin", HANDLE_NONE, op_join},
    {"outerJoin", HANDLE_NONE, op_join},
    {"suppress", HANDLE_TABLE, op_suppress},
    /* processors and their stores */
    {"process", HANDLE_STREAM, op_process},
    {"processValues", HANDLE_STREAM, op_process_values},
    {"addStore", HANDLE_NONE, op_add_store},
    {"addGlobalStore", HANDLE_NONE, op_add_global_store},
    /* the topology that the DSL gave */
    {"addSource", HANDLE_TOPOLOGY, op_add_source},
    {"addProcessor", HANDLE_TOPOLOGY, op_add_processor},
    {"addSink", HANDLE_TOPOLOGY, op_add_sink},
    {"addReadOnlyStore", HANDLE_TOPOLOGY, op_add_read_only_store},
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
    return handle_stream(build, handle_input(build, node));
}

ks_table *table_input(cf_build *build, cf_fields *node)
{
    return handle_table(build, handle_input(build, node));
}

/* ---- the loop -------------------------------------------------------------------------------- */

/* The first input of a node; NULL: it has none, or one that is not there. */
static const cf_named_handle *first_input(const cf_build *build, const json_t *node)
{
    const json_t *of = json_object_get(node, "of");
    const char *id = json_string_value(json_is_array(of) ? json_array_get(of, 0) : of);
    return id != NULL ? named_handle(build, id) : NULL;
}

static cf_handle make(cf_build *build, cf_fields *node)
{
    const char *name = fields_need_text(node, "op");
    const cf_named_handle *input = first_input(build, node->node);
    const cf_op *named = NULL;
    bool fits = input == NULL; /* then the operation says what it lacks */
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        if (strcmp(ops[i].name, name) != 0) {
            continue;
        }
        named = &ops[i];
        if (named->of == HANDLE_NONE || (input != NULL && named->of == input->handle.kind)) {
            fits = true;
            break;
        }
    }
    if (named == NULL) {
        problem_set(build_problem(build), "%s: unknown op `%s`", node->where, name);
    } else if (named->make == NULL) {
        problem_not_built(build_problem(build), "%s", name);
    } else if (!fits) {
        problem_set(build_problem(build), "%s: `%s` cannot follow `%s`, which is of another kind",
                    node->where, name, input->id);
    }
    return build_is_sound(build) ? named->make(build, node) : handle_none();
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

static bool is_of_topology(const json_t *node)
{
    const char *name = json_string_value(json_object_get(node, "op"));
    for (size_t i = 0; name != NULL && i < sizeof ops / sizeof ops[0]; i++) {
        if (ops[i].of == HANDLE_TOPOLOGY && strcmp(ops[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* The nodes of the DSL, or those of the topology that it gave. */
static void add_nodes(cf_build *build, const json_t *nodes, bool of_topology)
{
    for (size_t i = 0; i < json_array_size(nodes); i++) {
        const json_t *node = json_array_get(nodes, i);
        if (build_is_sound(build) && !build->refused && is_of_topology(node) == of_topology) {
            add_node(build, node, i);
        }
    }
}

ks_topology *build_topology(cf_scenario *scenario, ks_builder *builder, ks_error *error)
{
    cf_build build = {.scenario = scenario, .builder = builder, .error = error};
    const json_t *config = json_object_get(scenario->root, "config");
    const char *extractor =
        json_string_value(json_object_get(config, "default.timestamp.extractor"));
    if (extractor != NULL && strcmp(extractor, "embedded-value") == 0) {
        build.default_extractor = extractor_of(&scenario->problem, extractor);
    }
    const json_t *nodes = json_object_get(scenario->root, "topology");
    add_nodes(&build, nodes, false);
    build.topology = build_is_sound(&build) ? ks_builder_build(builder, error) : NULL;
    if (build.topology == NULL) {
        return NULL;
    }
    add_nodes(&build, nodes, true);
    if (!build_is_sound(&build) || build.refused) {
        ks_topology_free(build.topology);
        return NULL;
    }
    return build.topology;
}
