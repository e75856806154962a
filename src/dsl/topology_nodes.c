/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topology_nodes.c - a topology put together node by node, by the program. @java Topology
 *
 * Here a call answers at once, other than in the DSL: there is nothing to decide later. The checks
 * of the graph are those of topology.c, in Java's order; what stands here is what the program may
 * leave out in C and cannot in Java.
 *
 * As in Java, a call that adds several things and is refused at one of them keeps those before it:
 * nobody goes on with such a topology.
 *
 * Thread rule: one thread at a time, until the topology is used.
 */
#include "dsl/builder.h"

#include "config/config.h"

ks_topology *ks_topology_new(const ks_config *config)
{
    ks_topology *topology = ksi_topology_new();
    topology->store_type = ksi_default_store_type(config);
    ksi_topology_freeze(topology);
    return topology;
}

/* ---- arguments ------------------------------------------------------------------------------- */

static size_t count_names(const char *const *names)
{
    size_t count = 0;
    while (names != NULL && names[count] != NULL) {
        count++;
    }
    return count;
}

/* `name` is that of the node. */
static ks_status begin(const ks_topology *topology, const char *name, const char *options,
                       ks_error *error)
{
    KS_TRY(ksi_topology_check_open(topology, error));
    if (name != NULL) {
        return KS_OK;
    }
    (void)ksi_error_set(error, KS_E_ARGUMENT, options, "the node needs a name here; give .name");
    return KS_E_ARGUMENT;
}

static ks_status need(bool is_there, const char *node, const char *what, ks_error *error)
{
    if (is_there) {
        return KS_OK;
    }
    (void)ksi_error_set(error, KS_E_ARGUMENT, node, "it needs %s", what);
    return KS_E_ARGUMENT;
}

/*
 * Behind every call: the numbers of sub-topologies follow, those of what a refused call has left
 * behind, too.
 */
static ks_status end(ks_topology *topology, ks_status status)
{
    ksi_topology_freeze(topology);
    return status;
}

/* ---- sources --------------------------------------------------------------------------------- */

static const char *name_of_source(const ks_consumed *consumed)
{
    return consumed != NULL ? consumed->name : NULL;
}

ks_status ks_topology_add_source(ks_topology *topology, const char *const *topics,
                                 const ks_consumed *consumed, ks_error *error)
{
    const char *name = name_of_source(consumed);
    KS_TRY(begin(topology, name, "KS_CONSUMED", error));
    KS_TRY(ksi_check_reset(consumed, error));
    ksi_source source = ksi_source_of(consumed);
    source.topics = topics;
    source.topic_count = count_names(topics);
    return end(topology, ksi_topology_add_source(topology, name, &source, error));
}

static void free_pattern(void *pattern)
{
    ksi_pattern_free(pattern);
}

ks_status ks_topology_add_source_matching(ks_topology *topology, const char *pattern,
                                          const ks_consumed *consumed, ks_error *error)
{
    const char *name = name_of_source(consumed);
    KS_TRY(begin(topology, name, "KS_CONSUMED", error));
    KS_TRY(need(pattern != NULL, name, "a pattern", error));
    KS_TRY(ksi_check_reset(consumed, error));
    ks_error reason = {0};
    ksi_pattern *compiled = ksi_pattern_compile(pattern, &reason);
    if (compiled == NULL) {
        return ksi_error_set(error, reason.code, name, "%s", reason.message);
    }
    ksi_topology_on_free(topology, free_pattern, compiled);
    ksi_source source = ksi_source_of(consumed);
    source.pattern = compiled;
    return end(topology, ksi_topology_add_source(topology, name, &source, error));
}

/* ---- stores ---------------------------------------------------------------------------------- */

static ks_status connect_all(ks_topology *topology, const char *processor,
                             const char *const *stores, ks_error *error)
{
    for (size_t i = 0; i < count_names(stores); i++) {
        KS_TRY(ksi_topology_connect_store(topology, processor, stores[i], error));
    }
    return KS_OK;
}

static ks_status add_store(ks_topology *topology, const ks_store_builder *store,
                           const char *const *processors, ks_error *error)
{
    ksi_store_spec spec;
    KS_TRY(ksi_store_spec_of(store, topology->store_type, &spec, error));
    KS_TRY(ksi_topology_add_store(topology, &spec, error));
    for (size_t i = 0; i < count_names(processors); i++) {
        KS_TRY(ksi_topology_connect_store(topology, processors[i], spec.name, error));
    }
    return KS_OK;
}

ks_status ks_topology_add_store(ks_topology *topology, const ks_store_builder *store,
                                const char *const *processors, ks_error *error)
{
    KS_TRY(ksi_topology_check_open(topology, error));
    return end(topology, add_store(topology, store, processors, error));
}

ks_status ks_topology_connect_stores(ks_topology *topology, const char *processor,
                                     const char *const *stores, ks_error *error)
{
    KS_TRY(begin(topology, processor, "processor", error));
    if (count_names(stores) == 0) {
        return ksi_error_set(error, KS_E_TOPOLOGY, processor,
                             "no store is named to connect; name at least one");
    }
    return end(topology, connect_all(topology, processor, stores, error));
}

ks_status ks_topology_copartition(ks_topology *topology, const char *const *sources,
                                  ks_error *error)
{
    size_t count = count_names(sources);
    KS_TRY(begin(topology, count > 0 ? sources[0] : NULL, "source", error));
    return end(topology, ksi_topology_copartition(topology, sources, count, error));
}

/* ---- processors ------------------------------------------------------------------------------ */

/* A processor with the stores that it brings along. */
static ks_status add_processor(ks_topology *topology, const char *const *parents,
                               const ks_processor *processor, void *user, const char *name,
                               ks_error *error)
{
    const ks_store_builder *const *own = processor->stores;
    const char *const users[] = {name, NULL};
    const ksi_processor op = ksi_op_process(&topology->arena, processor, user);
    KS_TRY(ksi_topology_add_processor(topology, name, &op, parents, count_names(parents), error));
    for (size_t i = 0; own != NULL && own[i] != NULL; i++) {
        KS_TRY(add_store(topology, own[i], users, error));
    }
    return KS_OK;
}

ks_status ks_topology_add_processor(ks_topology *topology, const char *const *parents,
                                    const ks_processor *processor, void *user,
                                    const ks_connected *connected, ks_error *error)
{
    const char *name = connected != NULL ? connected->name : NULL;
    ksi_topology_on_free(topology, connected != NULL ? connected->user_free : NULL, user);
    KS_TRY(begin(topology, name, "KS_CONNECTED", error));
    KS_TRY(need(processor != NULL && processor->process != NULL, name, "a function", error));
    ks_status status = add_processor(topology, parents, processor, user, name, error);
    if (status == KS_OK) {
        status = connect_all(topology, name, connected->stores, error);
    }
    return end(topology, status);
}

ks_status ks_topology_wrap_processors(ks_topology *topology, const ks_processor_wrapper *wrapper,
                                      void *user, ks_free_fn *user_free, ks_error *error)
{
    ksi_topology_on_free(topology, user_free, user);
    KS_TRY(ksi_topology_check_open(topology, error));
    KS_TRY(need(wrapper != NULL && wrapper->process != NULL, "wrapper", "a function", error));
    if (topology->wrapper != NULL) {
        return ksi_error_set(error, KS_E_STATE, "wrapper",
                             "the topology has a wrapper already; make one of the two");
    }
    topology->wrapper = wrapper;
    topology->wrapper_user = user;
    return KS_OK;
}

/* ---- sinks ----------------------------------------------------------------------------------- */

static ks_status add_sink(ks_topology *topology, const char *const *parents, ksi_sink sink,
                          const ks_produced *produced, ks_error *error)
{
    const char *name = produced != NULL ? produced->name : NULL;
    KS_TRY(begin(topology, name, "KS_PRODUCED", error));
    KS_TRY(need(sink.topic != NULL || sink.topic_name != NULL, name, "a topic", error));
    sink.key = produced->key;
    sink.value = produced->value;
    sink.partitioner = produced->partitioner;
    return end(topology,
               ksi_topology_add_sink(topology, name, &sink, parents, count_names(parents), error));
}

ks_status ks_topology_add_sink(ks_topology *topology, const char *const *parents, const char *topic,
                               const ks_produced *produced, ks_error *error)
{
    return add_sink(topology, parents, (ksi_sink){.topic = topic}, produced, error);
}

ks_status ks_topology_add_dynamic_sink(ks_topology *topology, const char *const *parents,
                                       ks_topic_name_fn *topic, void *user,
                                       const ks_produced *produced, ks_error *error)
{
    ksi_topology_on_free(topology, produced != NULL ? produced->user_free : NULL, user);
    return add_sink(topology, parents, (ksi_sink){.topic_name = topic, .user = user}, produced,
                    error);
}

/* ---- stores that are kept from a topic ------------------------------------------------------- */

static ks_status check_kept(const ks_topology *topology, const ks_processor *processor,
                            const ks_store_source *source, ks_error *error)
{
    const char *name = source != NULL ? source->source_name : NULL;
    KS_TRY(ksi_topology_check_open(topology, error));
    bool has_names = name != NULL && source->processor_name != NULL && source->topic != NULL;
    KS_TRY(
        need(has_names, "KS_STORE_SOURCE", "a topic, a source_name and a processor_name", error));
    return need(processor != NULL && processor->process != NULL, source->processor_name,
                "a function", error);
}

static ks_status add_read_only_store(ks_topology *topology, const ks_store_builder *store,
                                     const ks_processor *processor, void *user,
                                     const ks_store_source *source, ks_error *error)
{
    const ksi_source from = ksi_source_of_store(source);
    const char *const parents[] = {source->source_name, NULL};
    const char *const users[] = {source->processor_name, NULL};
    KS_TRY(ksi_topology_add_source(topology, source->source_name, &from, error));
    KS_TRY(add_processor(topology, parents, processor, user, source->processor_name, error));
    KS_TRY(add_store(topology, store, users, error));
    return ksi_topology_set_source_topic(topology, store->name, source->topic, error);
}

ks_status ks_topology_add_read_only_store(ks_topology *topology, const ks_store_builder *store,
                                          const ks_processor *processor, void *user,
                                          const ks_store_source *source, ks_error *error)
{
    ksi_topology_on_free(topology, source != NULL ? source->user_free : NULL, user);
    KS_TRY(check_kept(topology, processor, source, error));
    return end(topology, add_read_only_store(topology, store, processor, user, source, error));
}

ks_status ks_topology_add_global_store(ks_topology *topology, const ks_store_builder *store,
                                       const ks_processor *processor, void *user,
                                       const ks_store_source *source, ks_error *error)
{
    ksi_topology_on_free(topology, source != NULL ? source->user_free : NULL, user);
    KS_TRY(check_kept(topology, processor, source, error));
    bool brings_stores = processor->stores != NULL && processor->stores[0] != NULL;
    KS_TRY(need(!brings_stores, source->processor_name, "no stores but the global one", error));
    ksi_global_store global = {.source_name = source->source_name,
                               .source = ksi_source_of_store(source),
                               .processor_name = source->processor_name,
                               .processor = ksi_op_process(&topology->arena, processor, user),
                               .reprocesses = true};
    KS_TRY(ksi_store_spec_of(store, topology->store_type, &global.spec, error));
    return end(topology, ksi_topology_add_global_store(topology, &global, error));
}
