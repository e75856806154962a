/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ops_stream.c - the ops whose input is a topic or a stream and whose result is a stream or
 * nothing.
 */
#include "ops.h"

#include "types.h"

static cf_handle stream_handle(ks_stream *stream)
{
    return handle_of(HANDLE_STREAM, stream);
}

cf_handle op_stream(cf_build *build, cf_fields *node)
{
    const char *pattern = fields_text(node, "pattern");
    size_t count = 0;
    const char *const *topics = fields_texts(node, fields_has(node, "topic") ? "topic" : "topics",
                                             build->scenario->arena, &count);
    const char *typed = pattern != NULL ? first_topic_matching(build->scenario, pattern)
                        : count > 0     ? topics[0]
                                        : "";
    ks_consumed consumed = consumed_of(build, node, typed);
    if (!build_is_sound(build)) {
        return handle_none();
    }
    if (pattern != NULL) {
        return stream_handle(ks_builder_stream_matching(build->builder, pattern, &consumed));
    }
    if (count == 1) {
        return stream_handle(ks_builder_stream(build->builder, topics[0], &consumed));
    }
    return stream_handle(ks_builder_stream_of(build->builder, topics, count, &consumed));
}

/* ---- one record in, some out ----------------------------------------------------------------- */

cf_handle op_filter(cf_build *build, cf_fields *node)
{
    ks_stream *stream = stream_input(build, node);
    cf_function *test = function_predicate(build->scenario, fields_need(node, "fn"));
    ks_named storage;
    const ks_named *named = named_of(node, &storage);
    if (!build_is_sound(build)) {
        return handle_none();
    }
    bool not = strcmp(fields_need_text(node, "op"), "filterNot") == 0;
    return stream_handle(not ? ks_stream_filter_not(stream, call_predicate, test, named)
                             : ks_stream_filter(stream, call_predicate, test, named));
}

cf_handle op_map_values(cf_build *build, cf_fields *node)
{
    ks_stream *stream = stream_input(build, node);
    cf_function *mapper = function_value_mapper(build->scenario, fields_need(node, "fn"));
    ks_named storage;
    const ks_named *named = named_of(node, &storage);
    return build_is_sound(build)
               ? stream_handle(ks_stream_map_values(stream, call_value_mapper, mapper, named))
               : handle_none();
}

cf_handle op_map(cf_build *build, cf_fields *node)
{
    ks_stream *stream = stream_input(build, node);
    cf_function *mapper = function_key_mapper(build->scenario, fields_need(node, "fn"));
    ks_named storage;
    const ks_named *named = named_of(node, &storage);
    return build_is_sound(build)
               ? stream_handle(ks_stream_map(stream, call_pair_mapper, mapper, named))
               : handle_none();
}

cf_handle op_select_key(cf_build *build, cf_fields *node)
{
    ks_stream *stream = stream_input(build, node);
    cf_function *mapper = function_key_mapper(build->scenario, fields_need(node, "fn"));
    ks_named storage;
    const ks_named *named = named_of(node, &storage);
    return build_is_sound(build)
               ? stream_handle(ks_stream_select_key(stream, call_key_mapper, mapper, named))
               : handle_none();
}

cf_handle op_flat_map(cf_build *build, cf_fields *node)
{
    ks_stream *stream = stream_input(build, node);
    cf_function *flat = function_flat(build->scenario, fields_need(node, "fn"));
    ks_named storage;
    const ks_named *named = named_of(node, &storage);
    return build_is_sound(build) ? stream_handle(ks_stream_flat_map(stream, call_flat, flat, named))
                                 : handle_none();
}

cf_handle op_flat_map_values(cf_build *build, cf_fields *node)
{
    ks_stream *stream = stream_input(build, node);
    cf_function *flat = function_flat(build->scenario, fields_need(node, "fn"));
    ks_named storage;
    const ks_named *named = named_of(node, &storage);
    return build_is_sound(build)
               ? stream_handle(ks_stream_flat_map_values(stream, call_flat, flat, named))
               : handle_none();
}

cf_handle op_peek(cf_build *build, cf_fields *node)
{
    ks_stream *stream = stream_input(build, node);
    ks_named storage;
    const ks_named *named = named_of(node, &storage);
    return build_is_sound(build) ? stream_handle(ks_stream_peek(stream, call_nothing, NULL, named))
                                 : handle_none();
}

cf_handle op_foreach(cf_build *build, cf_fields *node)
{
    ks_stream *stream = stream_input(build, node);
    ks_named storage;
    const ks_named *named = named_of(node, &storage);
    if (build_is_sound(build)) {
        ks_stream_foreach(stream, call_nothing, NULL, named);
    }
    return handle_none();
}

cf_handle op_print(cf_build *build, cf_fields *node)
{
    ks_stream *stream = stream_input(build, node);
    const char *name = fields_text(node, "name");
    if (build_is_sound(build)) {
        ks_stream_print(stream, KS_PRINTED(.path = "/dev/null", .name = name));
    }
    return handle_none();
}

/* ---- several streams ------------------------------------------------------------------------- */

/*
 * A branch is referred to as ID.name, ID.1, ID.2 ... when it has none, and ID.0 when it is the
 * unnamed default. Two branches of one name are for the library to refuse.
 */
static void add_branch(cf_build *build, const char *id, const char *name, size_t index,
                       ks_stream *stream)
{
    if (id == NULL) {
        return;
    }
    ks_arena *arena = build->scenario->arena;
    ks_slice full = name != NULL ? ks_text_format(arena, "%s.%s", id, name)
                                 : ks_text_format(arena, "%s.%zu", id, index);
    handle_put(build, ks_text_cstr(arena, full), stream_handle(stream));
}

static void make_branch(cf_build *build, const char *id, ks_split *split, const json_t *json,
                        size_t index)
{
    cf_fields branch;
    fields_open(&branch, build_problem(build), json, "branches[%zu]", index - 1);
    cf_function *test = function_predicate(build->scenario, fields_need(&branch, "fn"));
    const char *name = fields_text(&branch, "name");
    fields_done(&branch);
    if (!build_is_sound(build)) {
        return;
    }
    ks_stream *stream = ks_split_branch(split, call_predicate, test,
                                        name != NULL ? KS_BRANCHED(.name = name) : NULL);
    add_branch(build, id, name, index, stream);
}

cf_handle op_split(cf_build *build, cf_fields *node)
{
    ks_stream *stream = stream_input(build, node);
    ks_named storage;
    const ks_named *named = named_of(node, &storage);
    const char *id = fields_text(node, "id");
    const json_t *branches = fields_need(node, "branches");
    const json_t *other = fields_get(node, "default");
    if (!json_is_array(branches)) {
        problem_set(build_problem(build), "%s: `branches` must be a list", node->where);
    }
    if (other != NULL && !json_is_string(other) && !json_is_true(other)) {
        problem_set(build_problem(build), "%s: `default` must be a name or true", node->where);
    }
    if (!build_is_sound(build)) {
        return handle_none();
    }
    ks_split *split = ks_stream_split(stream, named);
    for (size_t i = 0; i < json_array_size(branches) && build_is_sound(build); i++) {
        make_branch(build, id, split, json_array_get(branches, i), i + 1);
    }
    if (build_is_sound(build) && other != NULL) {
        const char *name = json_string_value(other);
        add_branch(build, id, name, 0,
                   ks_split_default_branch(split, name != NULL ? KS_BRANCHED(.name = name) : NULL));
    }
    return handle_of(HANDLE_BRANCHES, split);
}

cf_handle op_merge(cf_build *build, cf_fields *node)
{
    size_t count = 0;
    const char *const *of = fields_texts(node, "of", build->scenario->arena, &count);
    if (count != 2) {
        problem_set(build_problem(build), "%s: merge takes two streams", node->where);
        return handle_none();
    }
    ks_stream *left = handle_stream(build, handle_find(build, of[0]));
    ks_stream *right = handle_stream(build, handle_find(build, of[1]));
    ks_named storage;
    const ks_named *named = named_of(node, &storage);
    return build_is_sound(build) ? stream_handle(ks_stream_merge(left, right, named))
                                 : handle_none();
}

cf_handle op_repartition(cf_build *build, cf_fields *node)
{
    ks_stream *stream = stream_input(build, node);
    const char *topic_name = fields_text(node, "topicName");
    const char *name = fields_text(node, "name");
    if (topic_name != NULL && name != NULL) {
        problem_set(build_problem(build), "%s: Java has one name, give `name` or `topicName`",
                    node->where);
    }
    /*
     * Java takes 0 and fails only where it makes the topic; to the library it means none given. The
     * driver makes no topics.
     */
    int64_t partitions = 0;
    if (fields_number(node, "partitions", &partitions) && partitions != (int32_t)partitions) {
        problem_set(build_problem(build), "%s: `partitions` must have 32 bits", node->where);
    }
    ks_repartitioned repartitioned =
        *KS_REPARTITIONED(.key = type_serde(build_problem(build), fields_text(node, "key")),
                          .value = type_serde(build_problem(build), fields_text(node, "value")),
                          .name = topic_name != NULL ? topic_name : name,
                          .partitions = (int32_t)partitions, );
    return build_is_sound(build) ? stream_handle(ks_stream_repartition(stream, &repartitioned))
                                 : handle_none();
}

cf_handle op_to(cf_build *build, cf_fields *node)
{
    ks_stream *stream = stream_input(build, node);
    const char *topic = fields_text(node, "topic");
    const json_t *dynamic = fields_get(node, "dynamic");
    ks_produced produced = produced_of(build, node, topic);
    if (dynamic != NULL) {
        cf_function *mapper = function_value_mapper(build->scenario, dynamic);
        if (build_is_sound(build)) {
            ks_stream_to_dynamic(stream, call_topic_name, mapper, &produced);
        }
        return handle_none();
    }
    fields_need_text(node, "topic");
    if (build_is_sound(build)) {
        ks_stream_to(stream, topic, &produced);
    }
    return handle_none();
}
