/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ops.h - the operations of the DSL as processors: each function puts a configuration into `arena`
 * (the topology's) and returns the processor to add. What an operation does with nulls and
 * timestamps stands in its file.
 *
 * One file for each kind of operation; none knows the DSL above it or the runtime below it.
 *
 * Thread rule: made by the builder's thread; run by the threads of the tasks, each with its state.
 */
#ifndef KSI_OPS_OPS_H
#define KSI_OPS_OPS_H

#include "topology/processor_class.h"
#include <kstreams/join.h>
#include <kstreams/windows.h>

/* filter.c */
ksi_processor ksi_op_filter(ks_arena *arena, ks_predicate_fn *predicate, void *user, bool negated);
/* What stands before a repartition topic: that drops null keys, and that does not. */
ksi_processor ksi_op_has_key(void);
ksi_processor ksi_op_any_key(void);

/* map.c */
ksi_processor ksi_op_map(ks_arena *arena, ks_pair_mapper_fn *map, void *user);
ksi_processor ksi_op_select_key(ks_arena *arena, ks_mapper_fn *key, void *user);
ksi_processor ksi_op_map_values(ks_arena *arena, ks_mapper_fn *map, void *user);

/* flat_map.c */
ksi_processor ksi_op_flat_map(ks_arena *arena, ks_action_fn *emit, void *user, bool emits_keys);

/* action.c */
ksi_processor ksi_op_peek(ks_arena *arena, ks_action_fn *action, void *user);
ksi_processor ksi_op_foreach(ks_arena *arena, ks_action_fn *action, void *user);
ksi_processor ksi_op_pass_through(void);

/* process.c: the program's own; `processor` outlives the topology */
ksi_processor ksi_op_process(ks_arena *arena, const ks_processor *processor, void *user);
ksi_processor ksi_op_process_values(ks_arena *arena, const ks_processor *processor, void *user);

/*
 * print.c: `path` and `label` are copied; a file that cannot be opened fails the start of the task
 */
typedef struct ksi_print {
    const char *path;
    const char *label;
    ks_print_mapper_fn *mapper;
    void *user;
} ksi_print;
ksi_processor ksi_op_print(ks_arena *arena, const ksi_print *print);

/*
 * branch.c: branches are added while the topology is built; branch i goes to child i, the default
 * to the child behind them
 */
typedef struct ksi_branches ksi_branches;
ksi_branches *ksi_branches_new(ks_arena *arena);
void ksi_branches_add(ksi_branches *branches, ks_arena *arena, ks_predicate_fn *condition,
                      void *user);
size_t ksi_branches_count(const ksi_branches *branches);
ksi_processor ksi_op_branch(const ksi_branches *branches);

/*
 * What the configuration of every node that makes a table begins with. It may still change until
 * the topology is written: a table of a topic is materialized when a later operation needs that,
 * and old values are sent when one asks for them.
 */
typedef struct ksi_table_node {
    const char *store; /* NULL: not materialized */
    bool send_old_values;
    bool emits_on_close; /* of windows: the node forwards those that have closed, and no updates */
} ksi_table_node;

/* table_source.c: a table of a topic or a stream */
ksi_processor ksi_op_table_source(const ksi_table_node *table);

/*
 * derived_table.c: filter, mapValues or transformValues of a table; one of the three functions is
 * given
 */
typedef struct ksi_derived_table {
    ksi_table_node table;
    ks_predicate_fn *keep;
    bool negated;
    ks_mapper_fn *map;
    const ks_value_transformer *transformer; /* outlives the topology */
    void *user;
    bool is_of_versioned; /* its parent is a versioned table */
} ksi_derived_table;
ksi_processor ksi_op_derived_table(const ksi_derived_table *derived);

/* table_group_by.c: a table's changes under the keys of its groups */
typedef struct ksi_table_group_by {
    ks_pair_mapper_fn *map;
    void *user;
    bool is_of_versioned; /* the table is a versioned one */
} ksi_table_group_by;
ksi_processor ksi_op_table_group_by(const ksi_table_group_by *group_by);

/* table_aggregate.c: one of the function sets is given */
typedef struct ksi_table_aggregate {
    ksi_table_node table;
    ks_initializer_fn *initialize; /* aggregate */
    ks_aggregator_fn *add;
    ks_aggregator_fn *subtract;
    ks_reducer_fn *reduce_add; /* reduce; all NULL: count */
    ks_reducer_fn *reduce_subtract;
    void *user;
} ksi_table_aggregate;
ksi_processor ksi_op_table_aggregate(const ksi_table_aggregate *aggregate);

/* suppress.c: updates of a table, held back */
typedef struct ksi_suppress {
    ksi_table_node table; /* without rows of its own; always sends old values */
    const char *buffer;   /* the store */
    int64_t wait_ms;      /* behind the first update, or the end of the window */
    bool until_window_closes;
    int64_t max_records; /* INT64_MAX: no bound */
    int64_t max_bytes;
    bool emits_early; /* where a bound is reached; else the record fails */
} ksi_suppress;
ksi_processor ksi_op_suppress(const ksi_suppress *suppress);

/* to_stream.c: the new value out of a change */
ksi_processor ksi_op_to_stream(void);

/* aggregate.c: one of the three function sets is given */
typedef struct ksi_aggregate {
    ksi_table_node table;
    ks_initializer_fn *initialize; /* aggregate */
    ks_aggregator_fn *aggregate;
    ks_reducer_fn *reduce; /* reduce; all NULL: count */
    void *user;
} ksi_aggregate;
ksi_processor ksi_op_aggregate(const ksi_aggregate *aggregate);

/*
 * window_aggregate.c (tumbling, hopping, unlimited), sliding_aggregate.c: the same for each window
 * of a record; session_aggregate.c: for the one session that it makes
 */
typedef struct ksi_windowed_aggregate {
    ksi_aggregate how;
    ks_merger_fn *merge; /* of sessions, and only of an aggregate */
    ks_windows windows;
} ksi_windowed_aggregate;
ksi_processor ksi_op_window_aggregate(const ksi_windowed_aggregate *aggregate);
ksi_processor ksi_op_sliding_aggregate(const ksi_windowed_aggregate *aggregate);
ksi_processor ksi_op_session_aggregate(const ksi_windowed_aggregate *aggregate);

/* cogroup.c: the aggregation of one input */
typedef struct ksi_cogroup_input {
    ks_initializer_fn *initialize; /* of all inputs */
    ks_merger_fn *merge;           /* of all inputs; NULL: not in sessions */
    void *shared_user;             /* for both */
    ks_aggregator_fn *aggregate;
    void *user; /* for the aggregator */
} ksi_cogroup_input;
ksi_windowed_aggregate ksi_cogroup_aggregate(ks_arena *arena, const ksi_cogroup_input *input);

/*
 * table_join.c: a side behind each of two tables, and behind both what merges them and is the
 * joined table
 */
struct ksi_table_view;
typedef struct ksi_table_join_side {
    const struct ksi_table_view *view;
    bool keeps;        /* its rows are in the result without a partner, too */
    bool is_versioned; /* it is a versioned table */
} ksi_table_join_side;
typedef struct ksi_table_join {
    ksi_table_node table; /* the merge */
    ks_joiner_fn *join;
    void *user;
    ksi_table_join_side left;
    ksi_table_join_side right;
} ksi_table_join;
typedef struct ksi_table_join_node {
    const ksi_table_join *join;
    bool is_right;
} ksi_table_join_node;
ksi_processor ksi_op_table_join_side(const ksi_table_join_node *node);
ksi_processor ksi_op_table_join_merge(const ksi_table_join *join);

/* Records that wait for a table. */
typedef struct ksi_grace {
    const char *buffer; /* the store that they wait in */
    const ks_serde *key;
    const ks_serde *value;
    int64_t grace_ms;
} ksi_grace;

/* stream_table_join.c: with a table of the task, or with a global one */
typedef struct ksi_stream_table_join {
    ks_joiner_fn *join;
    ks_mapper_fn *key; /* makes the key of a global table's row; NULL: the record's own */
    void *user;        /* of both functions */
    const struct ksi_table_view *table;
    const ksi_grace *grace; /* NULL: records are joined as they come */
    bool is_left;
} ksi_stream_table_join;
ksi_processor ksi_op_stream_table_join(const ksi_stream_table_join *join);

/*
 * stream_join.c: the two nodes of each side of a join of streams. The first puts records into the
 * store of its side, the second meets those of the other side; all share one configuration.
 */
typedef enum ksi_join_side { KSI_JOIN_LEFT = 0, KSI_JOIN_RIGHT = 1, KSI_JOIN_SIDES } ksi_join_side;

typedef struct ksi_stream_join ksi_stream_join;
typedef struct ksi_stream_join_side {
    const ksi_stream_join *join;
    ksi_join_side side;
    const char *store;     /* of this side's records */
    const ks_serde *value; /* of them; NULL: default of the properties */
    bool emits_unmatched;  /* joins what finds no partner with null */
} ksi_stream_join_side;
struct ksi_stream_join {
    ks_joiner_fn *join;
    void *user;
    ks_join_windows windows;
    ksi_stream_join_side sides[KSI_JOIN_SIDES];
    const char *outer_store; /* of what has no partner so far; NULL: an inner join */
};
ksi_processor ksi_op_stream_join_window(const ksi_stream_join_side *side);
ksi_processor ksi_op_stream_join(const ksi_stream_join_side *side);

/* self_join.c: the second node of a join of a stream with itself, which needs one store only */
ksi_processor ksi_op_self_join(const ksi_stream_join *join);

#endif
