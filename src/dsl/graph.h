/* SPDX-License-Identifier: Apache-2.0 */
/*
 * graph.h - the logical plan: what the program asked for, before it becomes a topology. @java
 * GraphNode
 *
 * A plan node stands for one operation, which may become several nodes of the topology (a
 * repartition becomes filter, sink and source). Plan nodes keep parents and children in the order
 * of adding and carry a build priority, the number of their creation: nodes are written in that
 * order, but never before all their parents. An optimiser may move plan nodes about until then;
 * that is why the plan exists at all.
 *
 * Everything here lives in the builder's arena, except what goes on into the topology:
 * configurations of processors and patterns.
 *
 * Thread rule: the builder's thread.
 */
#ifndef KSI_DSL_GRAPH_H
#define KSI_DSL_GRAPH_H

#include "topology/topology.h"

typedef struct ksi_plan_node ksi_plan_node;

/* Writes a plan node into the topology. */
typedef ks_status ksi_plan_write_fn(const ksi_plan_node *node, ks_topology *topology,
                                    ks_error *error);

/* What a repartition point is made of. */
typedef struct ksi_repartition {
    const char *filter_name; /* NULL for a topic of changes: a table's rows have keys */
    const char *sink_name;
    const char *source_name;
    const char *topic;
    const ks_serde *key;
    const ks_serde *value;
    const ks_partitioner *partitioner;
    int32_t partitions;
} ksi_repartition;

/* A store that a plan node adds or, when another adds it, only connects its processor to. */
typedef struct ksi_plan_store {
    const char *name;
    const ksi_store_spec *spec; /* NULL: another adds it */
} ksi_plan_store;

typedef struct ksi_plan_stores {
    ksi_plan_store *items;
    size_t count;
    size_t capacity;
} ksi_plan_stores;

typedef struct ksi_plan_nodes {
    ksi_plan_node **items;
    size_t count;
    size_t capacity;
} ksi_plan_nodes;

typedef struct ksi_plan_stream_join ksi_plan_stream_join;

struct ksi_plan_node {
    const char *name;
    const char *file; /* of the call that asked for it; NULL: not known */
    int line;
    int build_priority;
    bool written;
    bool queued;
    ksi_plan_nodes parents;
    ksi_plan_nodes children;
    ksi_plan_node *became; /* a source that another took the place of: the other */
    ksi_plan_write_fn *write;
    /* what the optimiser goes by */
    bool changes_key;
    bool changes_value;
    bool is_merge;
    bool may_be_merged; /* a repartition point that is there because an operation needs it */
    bool is_table_source;
    bool reuses_source_topic; /* a table's source topic is the changelog of its store, too */
    int64_t window_grace_ms;  /* of what aggregates in windows; -1: it does not */
    int visit;                /* of the last search that came by */
    bool joins_null_keys;     /* a join that wants records without key, too */
    bool keeps_null_keys;     /* there is one below, so repartition points let them pass */
    /* by kind */
    bool is_stream_source; /* may be merged with another of the same topics */
    ksi_source source;
    const char *source_name; /* of a table's source node */
    ksi_processor processor;
    ksi_plan_stores stores; /* in the order of adding */
    /*
     * Of a join: the processors behind its first and its last parent and before its own. They are
     * written with it and have no place in the plan.
     */
    ksi_plan_node *sides[2];
    ksi_sink sink;
    ksi_repartition repartition;
    ksi_global_store global;
    ksi_plan_stream_join *stream_join;
};

/*
 * A join of streams, left and right. Its plan node has both streams for parents, as Java's has: so
 * it is written behind both of them and their windows, which stand beside it.
 */
struct ksi_plan_stream_join {
    ksi_plan_node *windows[2];
    ksi_plan_node *joins[2]; /* written with the plan node, and not in the plan themselves */
    bool is_self_join;       /* both sides are one stream, and one store is enough */
    ksi_processor self_join;
    const char *store; /* of the left window */
};

ksi_plan_node *ksi_plan_node_new(ks_arena *arena, const char *name, ksi_plan_write_fn *write);
void ksi_plan_connect(ksi_plan_node *parent, ksi_plan_node *child);
void ksi_plan_disconnect(ksi_plan_node *parent, ksi_plan_node *child);
void ksi_plan_nodes_add(ksi_plan_nodes *nodes, ksi_plan_node *node); /* once */
void ksi_plan_node_destroy(ksi_plan_node *node); /* the lists; the node is the arena's */

/* Gives the node's processor a store of its own, copied into `arena`; or one that another adds. */
void ksi_plan_add_store(ksi_plan_node *node, ks_arena *arena, const ksi_store_spec *spec);
void ksi_plan_connect_store(ksi_plan_node *node, ks_arena *arena, const char *name);
bool ksi_plan_has_store(const ksi_plan_node *node, const char *name);

/*
 * One stream source for each set of topics: merges later ones into the first. KS_E_TOPOLOGY for
 * sets that overlap.
 */
KS_NODISCARD ks_status ksi_plan_merge_sources(ksi_plan_node *root, ks_error *error);

/* The topology's name for the source that the node writes; NULL: it writes none. */
const char *ksi_plan_source_name(const ksi_plan_node *node);

/*
 * Makes a join of streams whose sides are one stream do with one store: what is only there for the
 * right side is gone. Any other is left alone.
 */
void ksi_plan_make_self_join(ksi_plan_node *node);

/* Tells all above a node of a join that wants records without key. */
void ksi_plan_keep_null_keys(ksi_plan_node *join);

/* Writes all nodes below `root`. */
KS_NODISCARD ks_status ksi_plan_write(ksi_plan_node *root, ks_topology *topology, ks_error *error);

/* The kinds of plan nodes. */
ksi_plan_write_fn ksi_plan_write_source;
ksi_plan_write_fn ksi_plan_write_table_source;
ksi_plan_write_fn ksi_plan_write_processor;
ksi_plan_write_fn ksi_plan_write_stream_join;
ksi_plan_write_fn ksi_plan_write_join;
ksi_plan_write_fn ksi_plan_write_stores; /* stores without a processor */
ksi_plan_write_fn ksi_plan_write_sink;
ksi_plan_write_fn ksi_plan_write_repartition;
ksi_plan_write_fn ksi_plan_write_global_store;
ksi_plan_write_fn ksi_plan_write_change_repartition;

#endif
