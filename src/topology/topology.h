/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topology.h - the graph of nodes: sources, processors, sinks, and the stores connected to them.
 * @java InternalTopologyBuilder
 *
 * A topology is filled by the DSL (or, later, by the Processor API), checked as it is filled, and
 * frozen by ksi_topology_freeze(), which finds the sub-topologies: nodes that are connected by
 * edges or share a store. Order matters everywhere: nodes keep the order in which they were added,
 * a node's children the order in which those were added, and sub-topologies are numbered by their
 * first node.
 *
 * A global store stands in a sub-topology of its own: one source, one processor that keeps the
 * store. It has a number like the others and no tasks: each instance of an application keeps the
 * whole of it, and every processor of every sub-topology may read it without being connected to it.
 *
 * Names of internal topics (repartition topics) stand here without the application id;
 * ksi_topology_topic_name() puts it before them.
 *
 * Thread rule: the builder's thread until frozen, any thread afterwards.
 */
#ifndef KSI_TOPOLOGY_TOPOLOGY_H
#define KSI_TOPOLOGY_TOPOLOGY_H

#include "base/arena.h"
#include "base/map.h"
#include "state/store_spec.h"
#include "topology/envelope.h"
#include "topology/processor_class.h"
#include <kstreams/topology.h>

typedef enum ksi_node_kind { KSI_NODE_SOURCE, KSI_NODE_PROCESSOR, KSI_NODE_SINK } ksi_node_kind;

typedef struct ksi_pattern ksi_pattern;

typedef struct ksi_source {
    const char *const *topics;
    size_t topic_count;         /* 0 for a pattern */
    const ksi_pattern *pattern; /* NULL for topics */
    const ks_serde *key;        /* NULL: default of the properties */
    const ks_serde *value;
    const ksi_envelope *envelope; /* around the values, of which `value` is the inside; or NULL */
    const ks_timestamp_extractor *timestamp_extractor; /* NULL: default of the properties */
    ks_offset_reset offset_reset;
    int64_t offset_reset_duration_ms;
} ksi_source;

typedef struct ksi_sink {
    const char *topic; /* NULL when dynamic */
    ks_topic_name_fn *topic_name;
    void *user;
    const ks_serde *key; /* NULL: default of the properties */
    const ks_serde *value;
    const ksi_envelope *envelope; /* as in a source */
    const ks_partitioner *partitioner;
    /*
     * Windowed keys go to the partition of the key in the window. @java WindowedStreamPartitioner
     */
    bool by_inner_key;
} ksi_sink;

typedef struct ksi_node ksi_node;
struct ksi_node {
    const char *name;
    ksi_node_kind kind;
    size_t index;       /* in the order of adding */
    int subtopology;    /* set when frozen */
    bool is_global;     /* of a global store: runs once for each instance, in no task */
    size_t copartition; /* sources of one number have equally many partitions; 0: any number */
    ksi_node **parents;
    size_t parent_count;
    ksi_node **children;
    size_t child_count;
    size_t child_capacity;
    ksi_source source; /* by kind */
    ksi_sink sink;
    ksi_processor processor;
    size_t *stores; /* indices of the stores connected, in the order of connecting */
    size_t store_count;
    size_t store_capacity;
};

typedef struct ksi_topology_store {
    ksi_store_spec spec;
    /*
     * A topic that the topology reads and that doubles as the store's changelog: the store is
     * restored from it and never writes to it. NULL: a changelog of its own, or none.
     */
    const char *source_topic;
    bool is_global;       /* every instance has all of it, written by its global thread only */
    bool reprocesses;     /* a global one that is restored through its processor, not row by row */
    ksi_node *first_user; /* the node it was connected to first; NULL: nobody uses it */
    int subtopology;      /* -1: nobody uses it, so no task has it */
} ksi_topology_store;

/* Whether a topic has what the store has, so that it can be rebuilt. */
static inline bool ksi_topology_store_has_changelog(const ksi_topology_store *store)
{
    return store->spec.logging || store->source_topic != NULL;
}

/* A store that each instance has as a whole, and the two nodes that keep it. */
typedef struct ksi_global_store {
    const char *source_name;
    ksi_source source; /* of one topic */
    const char *processor_name;
    ksi_processor processor;
    ksi_store_spec spec;
    /*
     * What the processor writes is not what stands in the topic, so restoring has to go through it.
     */
    bool reprocesses;
} ksi_global_store;

typedef struct ksi_internal_topic {
    const char *name;   /* without the application id */
    int32_t partitions; /* 0: as many as the topics above it */
} ksi_internal_topic;

/* What changes behind a const topology: its texts are made when they are asked for. */
typedef struct ksi_topology_use ksi_topology_use;

struct ks_topology {
    ks_arena arena; /* everything below that has no owner of its own */
    ksi_node **nodes;
    size_t node_count;
    size_t node_capacity;
    ksi_map *nodes_by_name;
    ksi_map *sources_by_topic; /* topic -> the source node that reads it */
    ksi_topology_store *stores;
    size_t store_count;
    size_t store_capacity;
    ksi_internal_topic *internal_topics;
    size_t internal_topic_count;
    size_t internal_topic_capacity;
    int subtopology_count;
    size_t copartition_count; /* the highest number of a group of co-partitioned sources */
    size_t *groups;           /* union-find over node indices */
    size_t group_capacity;
    const ks_processor_wrapper *wrapper; /* around the processors; NULL: none */
    void *wrapper_user;
    ks_store_type store_type; /* what KS_STORE_DEFAULT means for stores of the program */
    ksi_topology_use *use;
};

ks_topology *ksi_topology_new(void);

/*
 * Checks Java's rules for node, store and topic names: 1 to 249 of ASCII letters, digits, '.', '_',
 * '-'; not "." or "..".
 */
KS_NODISCARD ks_status ksi_name_check(const char *name, ks_error *error);

/*
 * Adding; all answer KS_E_TOPOLOGY as Java's TopologyException. Strings and arrays are copied;
 * parents are named.
 */
KS_NODISCARD ks_status ksi_topology_add_source(ks_topology *topology, const char *name,
                                               const ksi_source *source, ks_error *error);
KS_NODISCARD ks_status ksi_topology_add_processor(ks_topology *topology, const char *name,
                                                  const ksi_processor *processor,
                                                  const char *const *parents, size_t parent_count,
                                                  ks_error *error);
KS_NODISCARD ks_status ksi_topology_add_sink(ks_topology *topology, const char *name,
                                             const ksi_sink *sink, const char *const *parents,
                                             size_t parent_count, ks_error *error);
/* wrapper.c: the processor with the topology's wrapper around it, which `wraps` it. */
bool ksi_topology_wraps(const ks_topology *topology, const char *node);
ksi_processor ksi_topology_wrapped(ks_topology *topology, const ksi_processor *processor);

/*
 * store_builder.c: the spec of a description, or KS_E_ARGUMENT. `default_type`: what
 * KS_STORE_DEFAULT means.
 */
KS_NODISCARD ks_status ksi_store_spec_of(const ks_store_builder *builder,
                                         ks_store_type default_type, ksi_store_spec *spec,
                                         ks_error *error);

/*
 * Adds a store, which no task has until a processor is connected to it. Adding what is there
 * already, by the same description, changes nothing.
 */
KS_NODISCARD ks_status ksi_topology_add_store(ks_topology *topology, const ksi_store_spec *spec,
                                              ks_error *error);
/*
 * Lets a processor use a store. Processors that share a store are one sub-topology.
 * @java connectProcessorAndStateStore
 */
KS_NODISCARD ks_status ksi_topology_connect_store(ks_topology *topology, const char *processor,
                                                  const char *store, ks_error *error);
/*
 * Makes a source topic the changelog of a store, which is not logged then. Once for each store.
 * @java connectSourceStoreAndTopic
 */
KS_NODISCARD ks_status ksi_topology_set_source_topic(ks_topology *topology, const char *store,
                                                     const char *topic, ks_error *error);
/*
 * Sources, by name, whose topics must have equally many partitions; groups that share a source are
 * one group. @java copartitionSources
 */
KS_NODISCARD ks_status ksi_topology_copartition(ks_topology *topology, const char *const *sources,
                                                size_t count, ks_error *error);
/* Adds the nodes of a global store and the store. @java addGlobalStore */
KS_NODISCARD ks_status ksi_topology_add_global_store(ks_topology *topology,
                                                     const ksi_global_store *store,
                                                     ks_error *error);
/* Adding a repartition topic twice keeps the later partition count, as Java. */
void ksi_topology_add_internal_topic(ks_topology *topology, const char *name, int32_t partitions);

/* Calls `release(pointer)` when the topology is freed: user pointers, configurations. */
void ksi_topology_on_free(ks_topology *topology, ks_free_fn *release, void *pointer);

/*
 * KS_E_LIMIT when a record would pass through more than 10,000 nodes in a row: each runs in the one
 * above it, and the stack ends somewhere.
 */
KS_NODISCARD ks_status ksi_topology_check_depth(const ks_topology *topology, ks_error *error);

/* Numbers the sub-topologies: after the last call that adds, and again when there are more. */
void ksi_topology_freeze(ks_topology *topology);

/*
 * topology_use.c: an application or a driver begins to use the topology, and nothing is added any
 * more. KS_E_LIMIT as ksi_topology_check_depth(). Any thread.
 */
KS_NODISCARD ks_status ksi_topology_begin_use(const ks_topology *topology, ks_error *error);
/* KS_E_STATE when the topology is used, so that nothing may be added; KS_E_ARGUMENT for NULL. */
KS_NODISCARD ks_status ksi_topology_check_open(const ks_topology *topology, ks_error *error);
ksi_topology_use *ksi_topology_use_new(void);
void ksi_topology_use_free(ksi_topology_use *use);
void ksi_topology_use_forget(ksi_topology_use *use); /* the texts, which are not true any more */

/* Whether a sub-topology is that of a global store. */
bool ksi_topology_is_global(const ks_topology *topology, int subtopology);
bool ksi_topology_has_global_stores(const ks_topology *topology);

/* NULL when there is none of that name. */
const ksi_node *ksi_topology_node(const ks_topology *topology, const char *name);
/* NULL when there is none of that name. */
const ksi_topology_store *ksi_topology_store_named(const ks_topology *topology, const char *name);
/* NULL when the topic is none of the topology's own. */
const ksi_internal_topic *ksi_topology_internal_topic(const ks_topology *topology,
                                                      const char *topic);

/*
 * The topic as the log knows it: internal topics get "<application.id>-" before them. In `arena`.
 */
const char *ksi_topology_topic_name(const ks_topology *topology, const char *application_id,
                                    const char *topic, ks_arena *arena);
/* "<application.id>-<store>-changelog" in `arena`. */
const char *ksi_changelog_topic_name(const char *application_id, const char *store,
                                     ks_arena *arena);

/* description.c */
char *ksi_topology_description(const ks_topology *topology); /* heap */
/* dot.c */
char *ksi_topology_dot_text(const ks_topology *topology); /* heap */

/*
 * pattern.c: regular expressions over whole topic names. NULL with KS_E_ARGUMENT for a text that is
 * none.
 */
ksi_pattern *ksi_pattern_compile(const char *text, ks_error *error);
void ksi_pattern_free(ksi_pattern *pattern);
/* KS_E_LIMIT when matching was given up: such a topic is not simply one that does not match. */
ks_status ksi_pattern_match(const ksi_pattern *pattern, const char *topic, bool *matches,
                            ks_error *error);
/* The same where that has been asked before; given up is no match. */
bool ksi_pattern_matches(const ksi_pattern *pattern, const char *topic);
const char *ksi_pattern_text(const ksi_pattern *pattern);

#endif
