/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ops.h - what build.c and the files with the ops share.
 *
 * An op reads its fields, and only if there is no problem so far calls the library; so no library
 * call ever sees a missing topic, function or handle. An op is added by a function in one of the
 * ops_*.c and a line in the table of build.c for the kind of input it takes.
 */
#ifndef CONFORMANCE_OPS_H
#define CONFORMANCE_OPS_H

#include "build.h"
#include "functions.h"

#include <kstreams/windows.h>

typedef enum cf_handle_kind {
    HANDLE_NONE = 0, /**< the op gives nothing to refer to */
    HANDLE_STREAM,
    HANDLE_TABLE,
    HANDLE_GLOBAL_TABLE,
    HANDLE_GROUPED_STREAM,
    HANDLE_GROUPED_TABLE,
    HANDLE_COGROUPED_STREAM,
    HANDLE_WINDOWED_COGROUPED_STREAM,
    HANDLE_WINDOWED_STREAM,
    HANDLE_TOPOLOGY, /**< of no input: the op adds to the topology itself */
    HANDLE_BRANCHES  /**< a split; its branches are handles of their own, named ID.branch */
} cf_handle_kind;

/** What an op gives. */
typedef struct cf_handle {
    cf_handle_kind kind;
    void *object; /**< the library's handle */
} cf_handle;

/** A handle under its id, in the scenario's arena. */
typedef struct cf_named_handle {
    struct cf_named_handle *next;
    const char *id;
    cf_handle handle;
} cf_named_handle;

/** A topology while it is built. */
typedef struct cf_build {
    cf_scenario *scenario;
    ks_builder *builder;
    ks_topology *topology; /**< once the builder has built */
    ks_error *error;       /**< for what the topology refuses */
    bool refused;
    cf_named_handle *handles;
    const ks_timestamp_extractor
        *default_extractor; /**< where the properties name one of the runner's own; else NULL */
} cf_build;

typedef cf_handle cf_op_fn(cf_build *build, cf_fields *node);

/** No problem so far: the library may be called. */
bool build_is_sound(const cf_build *build);
/** The problems of the scenario. */
cf_problem *build_problem(cf_build *build);

cf_handle handle_none(void);
cf_handle handle_of(cf_handle_kind kind, void *object);
/** Notes a handle under an id, before any that has the id already. */
void handle_put(cf_build *build, const char *id, cf_handle handle);
/** The same, and an id used twice is a problem. */
void handle_add(cf_build *build, const char *id, cf_handle handle);
/** The handle that `id` names; none with a problem when there is no such node. */
cf_handle handle_find(cf_build *build, const char *id);
/** The one input of a node. */
cf_handle handle_input(cf_build *build, cf_fields *node);
/** NULL with a problem when the handle is of another kind. */
ks_stream *handle_stream(cf_build *build, cf_handle handle);
ks_table *handle_table(cf_build *build, cf_handle handle);
/** The one input of a node, which must be a stream or a table. */
ks_stream *stream_input(cf_build *build, cf_fields *node);
ks_table *table_input(cf_build *build, cf_fields *node);

/* options.c: options of the DSL from the fields of a node */

/** NULL without `name`. `*storage` is where the options are put. */
const ks_named *named_of(cf_fields *node, ks_named *storage);
/** Of a source that reads `topic`; "" when the topic is not known. */
ks_consumed consumed_of(cf_build *build, cf_fields *node, const char *topic);
/** The first of `topics` that a pattern matches, or "". */
const char *first_topic_matching(const cf_scenario *scenario, const char *pattern);
/**
 * NULL when the node says nothing about name, store and serdes.
 * @param named  whether `name` is this op's Named (a table's source has its name in Consumed)
 */
const ks_materialized *materialized_of(cf_build *build, cf_fields *node, bool named,
                                       ks_materialized *storage);
/** The same of an aggregation in windows, whose store may have a `retention`. */
const ks_materialized *windowed_materialized_of(cf_build *build, cf_fields *node,
                                                ks_materialized *storage);
/** The one kind of windows that a node names. */
ks_windows windows_of(cf_build *build, cf_fields *node);
/** NULL without `name`, `key` and `value`: the plain overload, which alone inherits serdes. */
const ks_grouped *grouped_of(cf_build *build, cf_fields *node, ks_grouped *storage);
/**
 * A `store` of addStore, addGlobalStore and addReadOnlyStore, whose types are given or NULL. Each
 * has an address of its own: two descriptions at one address would be one store.
 */
ks_store_builder *store_of(cf_build *build, cf_fields *node, const char *key, const char *value);
/** The `type` of a `store`; the default without one. */
ks_store_type store_type_of(cf_problem *problem, cf_fields *store);
ks_produced produced_of(cf_build *build, cf_fields *node, const char *topic);
/** The extractor that the vocabulary calls so; NULL with a problem when it is unknown. */
const ks_timestamp_extractor *extractor_of(cf_problem *problem, const char *name);

/* ops_stream.c */
cf_op_fn op_stream, op_filter, op_map_values, op_map, op_select_key, op_flat_map,
    op_flat_map_values, op_peek, op_foreach, op_print, op_split, op_merge, op_repartition, op_to;
/* ops_table.c */
cf_op_fn op_table, op_global_table, op_to_table, op_to_stream, op_table_filter, op_table_map_values,
    op_table_transform_values, op_suppress, op_cogroup, op_cogroup_aggregate,
    op_cogroup_windowed_by, op_windowed_cogroup_aggregate;
/* ops_aggregation.c */
cf_op_fn op_group_by_key, op_group_by, op_count, op_reduce, op_aggregate, op_table_group_by,
    op_table_count, op_table_reduce, op_table_aggregate;
/* ops_join.c */
cf_op_fn op_join;
/* ops_windows.c */
cf_op_fn op_windowed_by, op_windowed_count, op_windowed_reduce, op_windowed_aggregate;
/* ops_processor.c */
cf_op_fn op_process, op_process_values, op_add_store, op_add_global_store;
/** The texts with a NULL behind them, as KS_NAMES() has it. */
const char *const *names_of(cf_build *build, const char *const *texts, size_t count);
/* ops_topology.c */
cf_op_fn op_add_source, op_add_processor, op_add_sink, op_add_read_only_store;

#endif
