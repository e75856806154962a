/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ops_processor.c - processors within the DSL, and stores for them.
 */
#include "ops.h"

/* What `process` and `processValues` have in common. */
typedef struct processor_node {
    ks_stream *stream;
    cf_function *processor;
    ks_connected connected;
} processor_node;

const char *const *names_of(cf_build *build, const char *const *texts, size_t count)
{
    const char **list = ks_arena_alloc(build->scenario->arena, (count + 1) * sizeof *list);
    for (size_t i = 0; i < count; i++) {
        list[i] = texts[i];
    }
    list[count] = NULL;
    return list;
}

static processor_node read_processor(cf_build *build, cf_fields *node)
{
    size_t count = 0;
    processor_node read = {.stream = stream_input(build, node)};
    const char *const *stores = fields_texts(node, "stores", build->scenario->arena, &count);
    read.processor = function_processor(build->scenario, fields_need(node, "processor"),
                                        count > 0 ? stores[0] : NULL);
    read.connected = *KS_CONNECTED(.name = fields_text(node, "name"),
                                   .stores = names_of(build, stores, count), );
    return read;
}

cf_handle op_process(cf_build *build, cf_fields *node)
{
    processor_node read = read_processor(build, node);
    if (!build_is_sound(build)) {
        return handle_none();
    }
    return handle_of(HANDLE_STREAM, ks_stream_process(read.stream, &call_processor, read.processor,
                                                      &read.connected));
}

cf_handle op_process_values(cf_build *build, cf_fields *node)
{
    processor_node read = read_processor(build, node);
    if (!build_is_sound(build)) {
        return handle_none();
    }
    return handle_of(HANDLE_STREAM, ks_stream_process_values(read.stream, &call_processor,
                                                             read.processor, &read.connected));
}

cf_handle op_add_store(cf_build *build, cf_fields *node)
{
    const char *key = fields_text(node, "key");
    ks_store_builder *store = store_of(build, node, key, fields_text(node, "value"));
    if (build_is_sound(build)) {
        ks_builder_add_store(build->builder, store);
    }
    return handle_none();
}

cf_handle op_add_global_store(cf_build *build, cf_fields *node)
{
    const char *topic = fields_need_text(node, "topic");
    ks_consumed consumed = consumed_of(build, node, topic);
    const char *key = scenario_topic_type(build->scenario, topic, "key");
    const char *value = scenario_topic_type(build->scenario, topic, "value");
    ks_store_builder *store = store_of(build, node, key, value);
    if (build_is_sound(build)) {
        ks_builder_add_global_store(
            build->builder, store, &call_processor, function_keeper(build->scenario, store->name),
            KS_STORE_SOURCE(.topic = topic, .key = consumed.key, .value = consumed.value,
                            .processor_name = consumed.name,
                            .timestamp_extractor = consumed.timestamp_extractor));
    }
    return handle_none();
}
