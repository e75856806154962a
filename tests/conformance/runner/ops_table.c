/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ops_table.c - tables, and tables derived from them.
 */
#include "ops.h"

static cf_handle table_handle(ks_table *table)
{
    return handle_of(HANDLE_TABLE, table);
}

cf_handle op_table(cf_build *build, cf_fields *node)
{
    const char *topic = fields_need_text(node, "topic");
    ks_consumed consumed = consumed_of(build, node, topic);
    ks_materialized storage;
    const ks_materialized *materialized = materialized_of(build, node, false, &storage);
    if (!build_is_sound(build)) {
        return handle_none();
    }
    return table_handle(ks_builder_table(build->builder, topic, &consumed, materialized));
}

cf_handle op_global_table(cf_build *build, cf_fields *node)
{
    const char *topic = fields_need_text(node, "topic");
    ks_consumed consumed = consumed_of(build, node, topic);
    ks_materialized storage;
    const ks_materialized *materialized = materialized_of(build, node, false, &storage);
    if (!build_is_sound(build)) {
        return handle_none();
    }
    return handle_of(HANDLE_GLOBAL_TABLE,
                     ks_builder_global_table(build->builder, topic, &consumed, materialized));
}

cf_handle op_to_table(cf_build *build, cf_fields *node)
{
    ks_stream *stream = stream_input(build, node);
    ks_materialized storage;
    const ks_materialized *materialized = materialized_of(build, node, true, &storage);
    return build_is_sound(build) ? table_handle(ks_stream_to_table(stream, materialized))
                                 : handle_none();
}

cf_handle op_table_filter(cf_build *build, cf_fields *node)
{
    ks_table *table = table_input(build, node);
    cf_function *test = function_predicate(build->scenario, fields_need(node, "fn"));
    ks_materialized storage;
    const ks_materialized *materialized = materialized_of(build, node, true, &storage);
    if (!build_is_sound(build)) {
        return handle_none();
    }
    bool not = strcmp(fields_need_text(node, "op"), "filterNot") == 0;
    return table_handle(not ? ks_table_filter_not(table, call_predicate, test, materialized)
                            : ks_table_filter(table, call_predicate, test, materialized));
}

cf_handle op_table_map_values(cf_build *build, cf_fields *node)
{
    ks_table *table = table_input(build, node);
    cf_function *mapper = function_value_mapper(build->scenario, fields_need(node, "fn"));
    ks_materialized storage;
    const ks_materialized *materialized = materialized_of(build, node, true, &storage);
    return build_is_sound(build)
               ? table_handle(ks_table_map_values(table, call_value_mapper, mapper, materialized))
               : handle_none();
}

cf_handle op_table_transform_values(cf_build *build, cf_fields *node)
{
    ks_table *table = table_input(build, node);
    cf_function *mapper = function_value_mapper(build->scenario, fields_need(node, "fn"));
    ks_materialized storage;
    const ks_materialized *materialized = materialized_of(build, node, true, &storage);
    return build_is_sound(build) ? table_handle(ks_table_transform_values(
                                       table, &call_value_transformer, mapper, NULL, materialized))
                                 : handle_none();
}

cf_handle op_to_stream(cf_build *build, cf_fields *node)
{
    ks_table *table = table_input(build, node);
    ks_named storage;
    const ks_named *named = named_of(node, &storage);
    const json_t *fn = fields_get(node, "fn");
    cf_function *mapper = fn != NULL ? function_key_mapper(build->scenario, fn) : NULL;
    if (!build_is_sound(build)) {
        return handle_none();
    }
    ks_stream *stream = mapper != NULL
                            ? ks_table_to_stream_with_key(table, call_key_mapper, mapper, named)
                            : ks_table_to_stream(table, named);
    return handle_of(HANDLE_STREAM, stream);
}
