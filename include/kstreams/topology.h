/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topology.h - a topology: the graph of nodes that a builder gave, or one made node by node.
 *
 *     ks_topology *t = ks_topology_new(NULL);
 *     ks_topology_add_source(t, KS_NAMES("orders"), KS_CONSUMED(.name = "in"), &e);
 *     ks_topology_add_processor(t, KS_NAMES("in"), &totals, NULL, KS_CONNECTED(.name = "sum"), &e);
 *     ks_topology_add_sink(t, KS_NAMES("sum"), "totals", KS_PRODUCED(.name = "out"), &e);
 *
 * Nodes are named by the options that a builder takes, too: KS_CONSUMED for sources, KS_CONNECTED
 * for processors, KS_PRODUCED for sinks; here the name is needed. Parents come before their
 * children. A call answers KS_E_TOPOLOGY for what breaks the graph and KS_E_ARGUMENT for what is
 * missing. A node that is refused is not added; a store of a processor that is refused leaves the
 * processor without it, so do not go on with the topology then.
 *
 * A topology is added to by one thread, until the first application or test driver is made from it:
 * from then on adding answers KS_E_STATE, and any number of applications and drivers may use it,
 * from any thread.
 */
#ifndef KSTREAMS_TOPOLOGY_H
#define KSTREAMS_TOPOLOGY_H

#include <kstreams/processor.h>
#include <kstreams/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- life and looks -------------------------------------------------------------------------- */

/**
 * A topology without nodes. ks_builder_build() gives one with those of the DSL.
 *
 * @param config  NULL = defaults. dsl.store.suppliers.class is read from it
 * @return owned: free with ks_topology_free()
 * @thread any
 * @java   Topology(TopologyConfig)
 */
KS_API ks_topology *ks_topology_new(const ks_config *config);

/** Gives the topology back; applications and drivers made from it must be gone. @thread any */
KS_API void ks_topology_free(ks_topology *topology);

/**
 * The text of Java's TopologyDescription, byte for byte (names, numbers, order).
 * @return NUL-terminated, borrowed until the topology is freed or added to
 * @thread any, as long as nobody adds to it
 * @java Topology#describe
 */
KS_API const char *ks_topology_describe(const ks_topology *topology);

/**
 * The same as a Graphviz digraph. Borrowed until the topology is freed or added to.
 * @thread any, as long as nobody adds to it
 */
KS_API const char *ks_topology_dot(const ks_topology *topology);

/* ---- nodes ----------------------------------------------------------------------------------- */

/**
 * Adds a source that reads topics.
 *
 * @param topics    KS_NAMES("orders", "returns"); none of them read by another source
 * @param consumed  its `name` is needed
 * @thread one at a time
 * @java   Topology#addSource
 */
KS_NODISCARD KS_API ks_status ks_topology_add_source(ks_topology *topology,
                                                     const char *const *topics,
                                                     const ks_consumed *consumed, ks_error *error);

/**
 * Adds a source that reads all topics whose whole name a pattern matches.
 *
 * @param pattern   a regular expression, which must not match a topic of another source
 * @param consumed  its `name` is needed
 * @thread one at a time
 * @java   Topology#addSource
 */
KS_NODISCARD KS_API ks_status ks_topology_add_source_matching(ks_topology *topology,
                                                              const char *pattern,
                                                              const ks_consumed *consumed,
                                                              ks_error *error);

/**
 * Adds a processor. Children are named as ks_ctx_forward_to() names them.
 *
 * @param parents    KS_NAMES("in"): sources and processors
 * @param processor  a constant that outlives the topology
 * @param connected  its `name` is needed; its `stores` were added before
 * @thread one at a time
 * @java   Topology#addProcessor
 */
KS_NODISCARD KS_API ks_status ks_topology_add_processor(ks_topology *topology,
                                                        const char *const *parents,
                                                        const ks_processor *processor, void *user,
                                                        const ks_connected *connected,
                                                        ks_error *error);

/**
 * Adds a sink that writes to a topic.
 *
 * @param produced  its `name` is needed
 * @thread one at a time
 * @java   Topology#addSink
 */
KS_NODISCARD KS_API ks_status ks_topology_add_sink(ks_topology *topology,
                                                   const char *const *parents, const char *topic,
                                                   const ks_produced *produced, ks_error *error);

/**
 * Adds a sink that writes each record to the topic that `topic` names.
 *
 * @param produced  its `name` is needed
 * @thread one at a time
 * @java   Topology#addSink
 */
KS_NODISCARD KS_API ks_status ks_topology_add_dynamic_sink(ks_topology *topology,
                                                           const char *const *parents,
                                                           ks_topic_name_fn *topic, void *user,
                                                           const ks_produced *produced,
                                                           ks_error *error);

/**
 * Demands that the topics of some sources have the same number of partitions, so that one task has
 * the records of a key from all of them. What is demanded in several calls adds up. An application
 * checks it when it starts, and when partitions are added; repartition topics among them take the
 * number of the others. The test driver, which has one partition of each topic, has nothing to
 * check.
 *
 * @param sources  KS_NAMES("orders", "prices"): names of sources that were added before
 * @return KS_OK; KS_E_TOPOLOGY for what is no source
 * @thread one at a time; Java demands it for its own joins only
 */
KS_NODISCARD KS_API ks_status ks_topology_copartition(ks_topology *topology,
                                                      const char *const *sources, ks_error *error);

/**
 * Lets a wrapper stand around the processors that are added from now on. Once.
 *
 * @param wrapper    a constant that outlives the topology
 * @param user_free  may be NULL; called with `user` when the topology is freed
 * @return KS_OK; KS_E_STATE when there is a wrapper already
 * @thread one at a time
 * @java   ProcessorWrapper
 */
KS_NODISCARD KS_API ks_status ks_topology_wrap_processors(ks_topology *topology,
                                                          const ks_processor_wrapper *wrapper,
                                                          void *user, ks_free_fn *user_free,
                                                          ks_error *error);

/* ---- stores ---------------------------------------------------------------------------------- */

/**
 * Adds a store.
 *
 * @param store       copied
 * @param processors  which use it: KS_NAMES("sum"); NULL: those that are connected later
 * @thread one at a time
 * @java   Topology#addStateStore
 */
KS_NODISCARD KS_API ks_status ks_topology_add_store(ks_topology *topology,
                                                    const ks_store_builder *store,
                                                    const char *const *processors, ks_error *error);

/**
 * Lets a processor use stores. Processors that share a store become one sub-topology.
 *
 * @param stores  KS_NAMES("totals"); at least one
 * @thread one at a time
 * @java   Topology#connectProcessorAndStateStores
 */
KS_NODISCARD KS_API ks_status ks_topology_connect_stores(ks_topology *topology,
                                                         const char *processor,
                                                         const char *const *stores,
                                                         ks_error *error);

/**
 * Adds a store that is kept from a topic, which is its changelog at the same time: after a loss it
 * is restored from there, row by row and past the processor. So the processor must put each record
 * under its own key, with its own value; and the topic should be compacted.
 *
 * Other processors may be connected to the store, to read it.
 *
 * @param store      copied; never logged, whatever it says
 * @param processor  writes the records to the store, and forwards nothing
 * @param source     topic and names of the nodes
 * @thread one at a time
 * @java   Topology#addReadOnlyStateStore
 */
KS_NODISCARD KS_API ks_status ks_topology_add_read_only_store(
    ks_topology *topology, const ks_store_builder *store, const ks_processor *processor, void *user,
    const ks_store_source *source, ks_error *error);

/**
 * Adds a global store: every instance keeps it as a whole, from all partitions of a topic, through
 * the processor, which decides what is in it, also when it is restored. Every processor may read
 * it, and none is connected to it. ks_builder_add_global_store() says more.
 *
 * @param store      copied; a key-value store; logging and caching mean nothing
 * @param processor  writes what it likes to the store, and forwards nothing; it brings no stores
 * @param source     topic and names of the nodes; the timestamps are those of the records, whatever
 *                   an extractor says
 * @thread one at a time; of the processor: the global thread
 * @java   Topology#addGlobalStore
 */
KS_NODISCARD KS_API ks_status ks_topology_add_global_store(
    ks_topology *topology, const ks_store_builder *store, const ks_processor *processor, void *user,
    const ks_store_source *source, ks_error *error);

#ifdef __cplusplus
}
#endif
#endif
