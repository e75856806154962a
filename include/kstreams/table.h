/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.h - KTable, what is derived from one, and the aggregations that make one.
 *
 * An aggregate is kept in a store with a changelog topic, and every change of it is a record of the
 * resulting table (with caching on, the last of several changes between two commits). All other
 * tables have a store only where the program names one, or a later operation needs their rows: a
 * table of a topic then gets the store that it was made with, a derived one is worked out from the
 * table above it.
 *
 * A change has an old value where an operation below needs it. To tell the old value of a derived
 * table without a store, its function is called for the old row of the table above: so it must
 * answer the same for the same row.
 *
 * @thread builder thread
 */
#ifndef KSTREAMS_TABLE_H
#define KSTREAMS_TABLE_H

#include <kstreams/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The aggregate before the first record of a key; may be null. @java Initializer */
typedef ks_value ks_initializer_fn(ks_ctx *ctx, void *user);

/**
 * The aggregate with one record more; null deletes it. `aggregate` is null when there is none.
 * @java Aggregator
 */
typedef ks_value ks_aggregator_fn(ks_ctx *ctx, const ks_record *record, ks_value aggregate,
                                  void *user);

/** Two values of a key in one; null deletes the aggregate. @java Reducer */
typedef ks_value ks_reducer_fn(ks_ctx *ctx, ks_value aggregate, ks_value value, void *user);

/**
 * Works out the values of a table with a state of its own and stores: a constant that outlives the
 * topology. Every task has an instance, which is `state_size` zeroed bytes. A table without a store
 * of its own that other operations read has one more for each of them, which has no stores. @java
 * ValueTransformerWithKey
 *
 * @thread of the functions: the stream thread of the task
 */
typedef struct ks_value_transformer {
    size_t struct_size;
    size_t state_size; /**< may be 0: `state` is NULL then */
    /** When a task starts; may be NULL. What fails here (ks_ctx_fail()) fails the start. */
    void (*init)(ks_ctx *ctx, void *state, void *user);
    /** The new value of a row; called for deletions, too, and may make a row of them. */
    ks_value (*transform)(ks_ctx *ctx, const ks_record *record, void *state, void *user);
    /** Once for each init that did not fail; may be NULL. */
    void (*close)(void *state, void *user);
} ks_value_transformer;

/* ---- aggregates of streams ------------------------------------------------------------------- */

/**
 * Counts the records of each key.
 *
 * The result's value serde is i64. Null keys and null values are dropped and counted in
 * `dropped-records`.
 *
 * @param grouped       borrowed; belongs to its builder
 * @param materialized  store name, serdes, logging, caching; NULL = unnamed store with changelog
 *                      and cache
 * @return the table, owned by the builder. Never NULL: misuse is reported by ks_builder_build()
 * @thread builder thread
 * @since  0.1   @java KGroupedStream#count
 */
KS_API ks_table *ks_grouped_stream_count(ks_grouped_stream *grouped,
                                         const ks_materialized *materialized);

/**
 * Combines the values of each key; the first value is the first aggregate. Nulls as in count. @java
 * KGroupedStream#reduce
 */
KS_API ks_table *ks_grouped_stream_reduce(ks_grouped_stream *grouped, ks_reducer_fn *reduce,
                                          void *user, const ks_materialized *materialized);

/**
 * Folds the records of each key into an aggregate that may be of another type: give its serde in
 * `materialized->value`. `user` goes to both functions. Nulls as in count. @java
 * KGroupedStream#aggregate
 */
KS_API ks_table *ks_grouped_stream_aggregate(ks_grouped_stream *grouped,
                                             ks_initializer_fn *initialize,
                                             ks_aggregator_fn *aggregate, void *user,
                                             const ks_materialized *materialized);

/* ---- tables of tables ------------------------------------------------------------------------ */

/**
 * The rows of a table for which `keep` says so; a row that it no longer keeps is deleted.
 *
 * `keep` is not called for deletions. Without old values a record that is not kept is a deletion,
 * even of a row that never was there; with old values such ones are left out.
 *
 * @param materialized  `name` and `named`, serdes, logging, caching; without a `name` the table has
 *                      no store. NULL: all as the table above
 * @return the table, owned by the builder. Never NULL: misuse is reported by ks_builder_build()
 * @thread builder thread
 * @java   KTable#filter
 */
KS_API ks_table *ks_table_filter(ks_table *table, ks_predicate_fn *keep, void *user,
                                 const ks_materialized *materialized);

/** The rows of a table for which `drop` does not say so. @java KTable#filterNot */
KS_API ks_table *ks_table_filter_not(ks_table *table, ks_predicate_fn *drop, void *user,
                                     const ks_materialized *materialized);

/**
 * A table with a new value for each row; null deletes it. `map` is not called for deletions.
 * `materialized` as for a filter; the value serde of the table above is not inherited. @java
 * KTable#mapValues
 */
KS_API ks_table *ks_table_map_values(ks_table *table, ks_mapper_fn *map, void *user,
                                     const ks_materialized *materialized);

/**
 * A table with the values that a transformer makes of the rows, with stores that were added to the
 * builder and are named in `connected`. The transformer may schedule and ask for commits, and not
 * forward. Its node has the name of `connected`, or else `materialized->named`; the rest is as in
 * ks_table_map_values(). @java KTable#transformValues
 */
KS_API ks_table *ks_table_transform_values(ks_table *table, const ks_value_transformer *transformer,
                                           void *user, const ks_connected *connected,
                                           const ks_materialized *materialized);

/** The changes of a table as a stream; a deletion is a null value. @java KTable#toStream */
KS_API ks_stream *ks_table_to_stream(ks_table *table, const ks_named *named);

/** The changes of a table as a stream with new keys. @java KTable#toStream(KeyValueMapper) */
KS_API ks_stream *ks_table_to_stream_with_key(ks_table *table, ks_mapper_fn *key, void *user,
                                              const ks_named *named);

/**
 * The updates of a table, held back: until the window that is their key has closed, so that only
 * the final result is seen, or for a time limit, within which only the last update of a key counts.
 * Time is that of the updates that come by. What is held back is kept in a store with a changelog,
 * which survives the task.
 *
 * @param options  needed: until when, and how much may be held back; KS_SUPPRESSED. Final results
 *                 need a windowed table
 * @return the table, owned by the builder. Never NULL: misuse is reported by ks_builder_build()
 * @thread builder thread
 * @java   KTable#suppress
 */
KS_API ks_table *ks_table_suppress(ks_table *table, const ks_suppressed *options);

/**
 * The name under which the table can be queried, or NULL when it has none. Borrowed from the
 * builder. @java KTable#queryableStoreName
 */
KS_API const char *ks_table_queryable_store_name(const ks_table *table);

/* ---- groups of a table's rows ---------------------------------------------------------------- */

/**
 * Groups the rows of a table by what `map` makes of each: the key of its group, and the value that
 * the group aggregates. A row that changes leaves one group and enters another, perhaps the same.
 * Always repartitions, through a topic of its own for each aggregation, or one for all when
 * `grouped` has a name.
 *
 * A row with a null group or value is in no group. `map` is called for a row as it enters and again
 * as it leaves, and must answer the same. Serdes are not inherited: `grouped` has them, or they are
 * the default ones.
 *
 * @java KTable#groupBy
 */
KS_API ks_grouped_table *ks_table_group_by(ks_table *table, ks_pair_mapper_fn *map, void *user,
                                           const ks_grouped *grouped);

/** How many rows each group has; 0 when all have left it. @java KGroupedTable#count */
KS_API ks_table *ks_grouped_table_count(ks_grouped_table *grouped,
                                        const ks_materialized *materialized);

/**
 * Combines the values of each group: `add` when a row enters it, `subtract` when one leaves it; the
 * first value is the first aggregate. Null deletes it. @java KGroupedTable#reduce
 */
KS_API ks_table *ks_grouped_table_reduce(ks_grouped_table *grouped, ks_reducer_fn *add,
                                         ks_reducer_fn *subtract, void *user,
                                         const ks_materialized *materialized);

/**
 * Folds the values of each group into an aggregate that may be of another type: give its serde in
 * `materialized->value`. `add` and `subtract` get a record with the group as its key and the value
 * that enters or leaves; `user` goes to all three functions. @java KGroupedTable#aggregate
 */
KS_API ks_table *ks_grouped_table_aggregate(ks_grouped_table *grouped,
                                            ks_initializer_fn *initialize, ks_aggregator_fn *add,
                                            ks_aggregator_fn *subtract, void *user,
                                            const ks_materialized *materialized);

#ifdef __cplusplus
}
#endif
#endif
