/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.h - KTable and the aggregations that make one.
 *
 * An aggregate is kept in a store with a changelog topic, and every change of it is a record of the
 * resulting table (with caching on, the last of several changes between two commits).
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

/** The changes of a table as a stream; a deletion is a null value. @java KTable#toStream */
KS_API ks_stream *ks_table_to_stream(ks_table *table, const ks_named *named);

/** The changes of a table as a stream with new keys. @java KTable#toStream(KeyValueMapper) */
KS_API ks_stream *ks_table_to_stream_with_key(ks_table *table, ks_mapper_fn *key, void *user,
                                              const ks_named *named);

/**
 * The name under which the table can be queried, or NULL when it has none. Borrowed from the
 * builder. @java KTable#queryableStoreName
 */
KS_API const char *ks_table_queryable_store_name(const ks_table *table);

#ifdef __cplusplus
}
#endif
#endif
