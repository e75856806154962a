/* SPDX-License-Identifier: Apache-2.0 */
/*
 * builder.h - the builder behind the handles of the DSL: names, the plan, and the first misuse.
 * @java InternalStreamsBuilder
 *
 * Names. One counter numbers processors and stores alike, ten digits wide. A user's name still uses
 * up the number it replaces, because the names of what comes after must not depend on it; the few
 * operations where it does not say so.
 *
 * Misuse. The first refused call is remembered with the line that made it (its options know); from
 * then on every call returns the builder's inert handles and does nothing, and ks_builder_build()
 * reports it. What only shows when the topology is written (two nodes of one name) is reported with
 * the line of the plan node.
 *
 * Lifetimes. Handles and plan live in the builder; configurations of processors and users' pointers
 * live in the topology, which the builder makes when it is made and gives away when it builds.
 *
 * Thread rule: the builder's thread.
 */
#ifndef KSI_DSL_BUILDER_H
#define KSI_DSL_BUILDER_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "dsl/graph.h"
#include "ops/ops.h"
#include "ops/table_view.h"
#include <kstreams/windows.h>

struct ks_stream {
    ks_builder *builder;
    const char *name;    /* of the node whose output it is */
    const ks_serde *key; /* NULL: not known */
    const ks_serde *value;
    bool repartition_required; /* the key was changed above */
    ksi_plan_node *node;
    ksi_plan_node *repartition; /* of its last join; one without a name of its own reuses it */
};

/* The nodes that make one table, in their configurations. */
typedef struct ksi_table_nodes ksi_table_nodes;
struct ksi_table_nodes {
    ksi_table_node *node;
    const ksi_table_nodes *next;
};

struct ks_table {
    ks_builder *builder;
    const char *name;
    const ks_serde *key;
    const ks_serde *value;
    const char *queryable_name;       /* NULL: none */
    ksi_table_node *table;            /* in the configuration of its node */
    const ksi_table_nodes *inputs;    /* of a cogroup: all its aggregations, `table` among them */
    const ksi_store_spec *lazy_store; /* of a topic or a stream: its store, should it need one */
    ks_table *parent;                 /* of a derived one: what it is derived from */
    const ksi_derived_table *derived;
    bool cannot_be_read;        /* by other nodes than its own: a cogroup in windows, as in Java */
    const char *buffer;         /* of a suppressed one, whose parent stands above, too */
    const ksi_table_join *join; /* of a joined one: `parent` is its left table */
    ks_table *other;            /* and this its right one */
    bool is_versioned;          /* its changes and rows are those of a versioned store */
    ksi_plan_node *node;
};

struct ks_global_table {
    ks_builder *builder;
    const ks_serde *key; /* NULL: not known */
    const ks_serde *value;
    const char *store; /* NULL: the handle is inert */
};

struct ks_grouped_stream {
    ks_builder *builder;
    const char *name;
    const ks_serde *key;
    const ks_serde *value;
    const char *repartition_name; /* the user's; NULL: none */
    bool repartition_required;
    ksi_plan_node *node;
    ksi_plan_node *repartition; /* reused by every aggregation when the user named it */
};

/* A group of a cogroup, and what stands for it in the aggregation that is being added. */
typedef struct ksi_cogroup_member ksi_cogroup_member;
struct ksi_cogroup_member {
    ksi_cogroup_member *next; /* in the order of adding */
    ks_grouped_stream *grouped;
    ks_aggregator_fn *aggregate;
    void *user;
    ksi_plan_node *parent; /* of the aggregations: the group's node or a repartition point */
    ksi_plan_node *node;
    ksi_table_node *table;
};

struct ks_cogrouped_stream {
    ks_builder *builder;
    ksi_cogroup_member *first; /* NULL: the handle is inert */
};

struct ks_windowed_cogrouped_stream {
    ks_builder *builder;
    ks_cogrouped_stream *cogrouped;
    ks_windows windows; /* checked */
};

struct ks_windowed_stream {
    ks_builder *builder;
    ks_grouped_stream *grouped;
    ks_windows windows; /* checked */
    ks_emit_strategy emit;
};

struct ks_grouped_table {
    ks_builder *builder;
    const ks_serde *key;
    const ks_serde *value;
    const char *repartition_name; /* the user's; NULL: none */
    ksi_plan_node *node;
    ksi_plan_node *repartition; /* reused by every aggregation when the user named it */
};

struct ks_split {
    ks_builder *builder;
    bool has_default;
    const char *name;
    const ks_stream *stream;
    ksi_branches *branches;
    ksi_plan_node *node;
};

/* What has a generated name, as lists for a message. */
typedef struct ksi_unnamed {
    ksi_buffer changelogs;
    ksi_buffer stores;
    ksi_buffer repartitions;
} ksi_unnamed;

/* Two nodes whose records meet by key, and the call that brings them together. */
typedef struct ksi_copartition {
    ksi_plan_node *node;
    ksi_plan_node *other;
    const char *file;
    int line;
} ksi_copartition;

typedef struct ksi_copartitions {
    ksi_copartition *items;
    size_t count;
    size_t capacity;
} ksi_copartitions;

/* The rewritings that topology.optimization asks for. */
typedef struct ksi_optimisations {
    bool reuse_source_topics;
    bool merge_repartitions;
    bool make_self_joins;
} ksi_optimisations;

struct ks_builder {
    ks_arena arena;
    ks_topology *topology; /* NULL after it was given away */
    ksi_plan_node *root;
    ksi_plan_node **nodes; /* all, for freeing */
    size_t node_count;
    size_t node_capacity;
    int next_number;
    int next_priority;
    ks_store_type store_type;
    bool wants_names; /* ensure.explicit.internal.resource.naming */
    ksi_optimisations optimisations;
    bool process_changes_key; /* for the optimiser: __enable.process.processValue.fix__ */
    ksi_unnamed unnamed;
    ksi_copartitions copartitions;
    bool built;
    bool failed;
    ks_error error;        /* the first misuse */
    const char *call_file; /* of the call under way, as far as its options say */
    int call_line;
    ks_stream inert_stream;
    ks_table inert_table;
    ks_global_table inert_global_table;
    ks_grouped_stream inert_grouped;
    ks_cogrouped_stream inert_cogrouped;
    ks_windowed_cogrouped_stream inert_windowed_cogrouped;
    ks_grouped_table inert_grouped_table;
    ks_windowed_stream inert_windowed;
    ks_split inert_split;
};

/* The head of options that may be NULL. */
#define KSI_HEAD_OF(options) ((options) != NULL ? &(options)->head : NULL)

/* ---- misuse ---------------------------------------------------------------------------------- */

/* Remembers the first misuse. `head` may be NULL. */
void ksi_builder_fail(ks_builder *builder, const ks_options_head *head, ks_status code,
                      const char *where, const char *format, ...) KS_PRINTF(5, 6);
void ksi_builder_fail_error(ks_builder *builder, const ks_options_head *head,
                            const ks_error *error);
/*
 * Frees `user` with the topology; called by every operation that takes a user pointer, refused or
 * not.
 */
void ksi_builder_own(ks_builder *builder, void *user, ks_free_fn *user_free);
/*
 * False, and the misuse remembered, when the builder has failed or built, or a needed argument is
 * NULL. Every call begins so.
 */
bool ksi_builder_begin(ks_builder *builder, const ks_options_head *head, const char *call,
                       bool is_complete);
/* False, and the misuse remembered, when another handle of the call is of another builder. */
bool ksi_is_of_builder(ks_builder *builder, const ks_options_head *head, const ks_builder *other,
                       const char *call);
static inline bool ksi_builder_ready(ks_builder *builder, const ks_options_head *head,
                                     const char *call, bool is_complete)
{
    return ksi_builder_begin(builder, head, call, is_complete) && is_complete; /* for analysers */
}

/* ---- names ----------------------------------------------------------------------------------- */

/* What the names of sources and of the nodes behind those of tables begin with. */
#define KSI_STREAM_SOURCE "KSTREAM-SOURCE-"
#define KSI_TABLE_SOURCE "KTABLE-SOURCE-"

const char *ksi_new_processor_name(ks_builder *builder, const char *prefix);
const char *ksi_new_store_name(ks_builder *builder, const char *prefix);
/*
 * The user's name, checked and copied, or a generated one; uses up a number either way. NULL: the
 * builder failed.
 */
const char *ksi_name_or_new(ks_builder *builder, const ks_options_head *head, const char *name,
                            const char *prefix);
/* The same, but the user's name uses up no number: process, as Java. */
const char *ksi_free_name_or_new(ks_builder *builder, const ks_options_head *head, const char *name,
                                 const char *prefix);
/* ksi_name_or_new() with a suffix behind the user's name. */
const char *ksi_suffixed_or_new(ks_builder *builder, const ks_options_head *head, const char *name,
                                const char *suffix, const char *prefix);

/* ---- generated names (unnamed.c) ------------------------------------------------------------- */

/*
 * Notes that a resource got a generated name; ksi_check_unnamed() refuses them when the properties
 * ask for names.
 */
void ksi_note_unnamed_store(ks_builder *builder, const char *store, bool logging);
/* Of a store that Java does not count as one to name: the changelog alone. */
void ksi_note_unnamed_changelog(ks_builder *builder, const char *store);
void ksi_note_unnamed_repartition(ks_builder *builder, const char *topic);
KS_NODISCARD ks_status ksi_check_unnamed(const ks_builder *builder, ks_error *error);
void ksi_unnamed_destroy(ksi_unnamed *unnamed);

/* ---- copartition.c --------------------------------------------------------------------------- */

/*
 * Notes that the records of two nodes meet by key: all topics that reach the one or the other must
 * have equally many partitions. Which these are is looked up when the plan is written, because the
 * optimiser replaces sources. @java AbstractStream#ensureCopartitionWith
 */
void ksi_copartition_with(ks_builder *builder, ksi_plan_node *node, ksi_plan_node *other);
/* Tells the topology, which has the sources by now. KS_E_TOPOLOGY for numbers that differ. */
KS_NODISCARD ks_status ksi_write_copartitions(const ks_builder *builder, ks_error *error);

/* ---- the plan -------------------------------------------------------------------------------- */

ksi_plan_node *ksi_add_plan_node(ks_builder *builder, const char *name, ksi_plan_write_fn *write);
/* Connects and numbers it. Once for each parent, as Java, which numbers a merge twice. */
void ksi_attach(ks_builder *builder, ksi_plan_node *parent, ksi_plan_node *node);

/* What a Consumed literal, which may be NULL, says of a source; without topics. */
ksi_source ksi_source_of(const ks_consumed *consumed);
/* The same of a store's, which begins with the first record there is; the topic is borrowed. */
ksi_source ksi_source_of_store(const ks_store_source *source);
KS_NODISCARD ks_status ksi_check_reset(const ks_consumed *consumed, ks_error *error);
/* What a program says of a store; false: the builder failed. */
bool ksi_read_store(ks_builder *builder, const ks_options_head *head, const ks_store_builder *store,
                    ksi_store_spec *spec);
/* What KS_STORE_DEFAULT means. */
ks_store_type ksi_default_store_type(const ks_config *config);

ks_stream *ksi_stream_new(ks_builder *builder, const ks_stream *values);
ks_table *ksi_table_new(ks_builder *builder, const ks_table *values);

/* ---- optimiser.c ----------------------------------------------------------------------------- */

ksi_optimisations ksi_optimisations_of(const ks_config *config);
/* Rewrites the plan as the properties ask for; sources of the same topics are one by then. */
void ksi_optimise(ks_builder *builder);

/* ---- stores ---------------------------------------------------------------------------------- */

/* Options of a store with everything decided. @java MaterializedInternal */
typedef struct ksi_materialized {
    ksi_store_spec spec;
    bool queryable; /* the user named it */
} ksi_materialized;

/* Whether the literal is Java's overload with Materialized, and not just one with Named. */
bool ksi_is_materialized(const ks_materialized *options);
/* Whether what it says goes together, store or no store; false: the builder failed. */
bool ksi_check_materialized(ks_builder *builder, const ks_materialized *options);
/*
 * Decides on the store of an operation; an unnamed store uses up a number. False: the builder
 * failed.
 */
bool ksi_materialize(ks_builder *builder, const ks_materialized *options, const char *prefix,
                     ksi_materialized *result);

/*
 * The same for a table over windows: also decides what kind of store it is, and for how long rows
 * are kept.
 */
bool ksi_materialize_windows(ks_builder *builder, const ks_windows *windows, ks_emit_strategy emit,
                             const ks_materialized *options, const char *prefix,
                             ksi_materialized *result);

/* ---- aggregations (grouped_stream.c, windowed_stream.c) -------------------------------------- */

/*
 * Puts an aggregation with its store behind the grouping, or behind a repartition point of it. Of
 * `values`, name, key serde and table node are given.
 */
ks_table *ksi_add_aggregation(ks_grouped_stream *grouped, const ksi_materialized *store,
                              ksi_processor aggregation, const ks_table *values);

/* The operation for the kind of windows. */
ksi_processor ksi_windowed_operation(const ksi_windowed_aggregate *config);
/* Whether the bounds make sense; false: the builder failed. */
bool ksi_check_windows(ks_builder *builder, const ks_windows *windows, const char *call);
/* Whether a merger is there where one is needed, and only there; false: the builder failed. */
bool ksi_check_merger(ks_builder *builder, const ks_options_head *head, const ks_windows *windows,
                      ks_merger_fn *merge, const char *call);
/* Behind the end of its window, how late a record may come. @java GraphGraceSearchUtil */
int64_t ksi_windows_grace(const ks_windows *windows);
/* The serde of the table's windowed keys, in the topology's arena; NULL when `key` is not known. */
const ks_serde *ksi_windowed_key(ks_builder *builder, const ks_windows *windows,
                                 const ks_serde *key);

/* ---- tables ---------------------------------------------------------------------------------- */

/*
 * The table of a topic or a stream, whose node is `node`; has a store only if it was named, until
 * another operation needs it. `values` has what is known of its serdes.
 */
ks_table *ksi_new_source_table(ks_builder *builder, ksi_plan_node *node,
                               const ksi_materialized *store, const ks_table *values);
/*
 * Asks for old values in the table's changes. Without `by_force` no table is materialized for it,
 * and the answer may be no. @java KTableImpl#enableSendingOldValues
 */
bool ksi_table_send_old_values(ks_table *table, bool by_force);
/*
 * How other operations read the table; a table of a topic or a stream is materialized for it. The
 * node that reads must be connected to the view's stores. @java KTableImpl#valueGetterSupplier
 */
const ksi_table_view *ksi_table_read(ks_table *table);
/* Connects a node to the stores that it reads a table from, each once. */
void ksi_connect_view(ksi_plan_node *node, ks_arena *arena, const ksi_table_view *view);

/* ---- repartition.c --------------------------------------------------------------------------- */

/*
 * The plan node of a repartition point, not attached yet; uses up three numbers. `base` names its
 * topic.
 */
ksi_plan_node *ksi_new_repartition(ks_builder *builder, const char *base, bool is_user_named,
                                   const ks_serde *key, const ks_serde *value);

/*
 * The stream as a side of a join: itself, or, when its key was changed, what comes out of a
 * repartition point. `name` names the topic; NULL: it is named after the stream, and a point that
 * an earlier join has put behind the stream is used again. Uses up three numbers either way. Serdes
 * are those of the stream when NULL. @java KStreamImpl#repartitionForJoin
 */
ks_stream *ksi_stream_for_join(ks_stream *stream, const char *name, const ks_serde *key,
                               const ks_serde *value);

#endif
