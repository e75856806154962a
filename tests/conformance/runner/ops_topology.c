/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ops_topology.c - nodes and stores that are added to the topology itself, behind what the DSL
 * gave. They are referred to by their names.
 */
#include "ops.h"

#include "types.h"

/* The first refusal is the outcome of the build. */
static cf_handle added(cf_build *build, ks_status status)
{
    build->refused = build->refused || status != KS_OK;
    return handle_none();
}

static const char *const *parents_of(cf_build *build, cf_fields *node)
{
    size_t count = 0;
    const char *const *names = fields_texts(node, "of", build->scenario->arena, &count);
    return names_of(build, names, count);
}

cf_handle op_add_source(cf_build *build, cf_fields *node)
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
        return added(build, ks_topology_add_source_matching(build->topology, pattern, &consumed,
                                                            build->error));
    }
    return added(build, ks_topology_add_source(build->topology, names_of(build, topics, count),
                                               &consumed, build->error));
}

cf_handle op_add_processor(cf_build *build, cf_fields *node)
{
    size_t count = 0;
    const char *const *parents = parents_of(build, node);
    const char *const *stores = fields_texts(node, "stores", build->scenario->arena, &count);
    cf_function *processor = function_processor(build->scenario, fields_need(node, "processor"),
                                                count > 0 ? stores[0] : NULL);
    const ks_connected *connected = KS_CONNECTED(.name = fields_need_text(node, "name"),
                                                 .stores = names_of(build, stores, count), );
    if (!build_is_sound(build)) {
        return handle_none();
    }
    return added(build, ks_topology_add_processor(build->topology, parents, &call_processor,
                                                  processor, connected, build->error));
}

cf_handle op_add_sink(cf_build *build, cf_fields *node)
{
    const char *const *parents = parents_of(build, node);
    const char *topic = fields_text(node, "topic");
    const json_t *dynamic = fields_get(node, "dynamic");
    ks_produced produced = produced_of(build, node, topic);
    cf_function *mapper = dynamic != NULL ? function_value_mapper(build->scenario, dynamic) : NULL;
    if (!build_is_sound(build)) {
        return handle_none();
    }
    if (mapper != NULL) {
        return added(build, ks_topology_add_dynamic_sink(build->topology, parents, call_topic_name,
                                                         mapper, &produced, build->error));
    }
    return added(build,
                 ks_topology_add_sink(build->topology, parents, topic, &produced, build->error));
}

cf_handle op_add_read_only_store(cf_build *build, cf_fields *node)
{
    const char *topic = fields_need_text(node, "topic");
    const char *name = fields_need_text(node, "name");
    const char *key = scenario_topic_type(build->scenario, topic, "key");
    const char *value = scenario_topic_type(build->scenario, topic, "value");
    ks_store_builder *store = store_of(build, node, key, value);
    if (!build_is_sound(build)) {
        return handle_none();
    }
    ks_arena *arena = build->scenario->arena;
    const char *source_name = ks_text_cstr(arena, ks_text_format(arena, "%s-source", name));
    const ks_store_source *source =
        KS_STORE_SOURCE(.topic = topic, .source_name = source_name, .processor_name = name,
                        .key = store->key, .value = store->value, );
    return added(build, ks_topology_add_read_only_store(
                            build->topology, store, &call_processor,
                            function_keeper(build->scenario, store->name), source, build->error));
}
