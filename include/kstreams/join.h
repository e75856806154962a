/* SPDX-License-Identifier: Apache-2.0 */
/*
 * join.h - joins: of two streams, of a stream with a table, of two tables.
 *
 *                  with a stream            with a table          with a global table
 *     stream       ks_stream_join()         ks_stream_join_table() ks_stream_join_global_table()
 *                  within a window of time  as it is then          by a key out of the record
 *     table                                 ks_table_join()
 *                                           ks_table_join_foreign_key()
 *
 * Left joins also give what has no partner on the right, outer joins what has none on either side:
 * the joiner then gets null for it. Both sides must have keys of one type and topics with the same
 * number of partitions; a stream whose key was changed is repartitioned first.
 *
 * Times are milliseconds. Whose the handles are, and what becomes of a misuse, stream.h says; when
 * `user` is freed, options.h.
 *
 * @thread builder thread
 */
#ifndef KSTREAMS_JOIN_H
#define KSTREAMS_JOIN_H

#include <kstreams/table.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Makes the value of a result. What it returns lives in the record's arena or anywhere that lives
 * longer; null is a value like any other, and deletes where the result is a table.
 * @thread a stream thread
 * @java ValueJoiner, ValueJoinerWithKey
 */
typedef ks_value ks_joiner_fn(ks_ctx *ctx, ks_value key, ks_value left, ks_value right, void *user);

/* ---- streams with streams -------------------------------------------------------------------- */

/**
 * How far apart two records may be: the right one from `before_ms` before the left one until
 * `after_ms` behind it, both included. Either may be negative, as long as something is left between
 * them. What has no partner is known to have none once stream time is behind the end of its window
 * by the grace period. @java JoinWindows
 */
typedef struct ks_join_windows {
    int64_t before_ms;
    int64_t after_ms;
    int64_t grace_ms;
} ks_join_windows;

/** As far before as behind. @java JoinWindows#ofTimeDifferenceAndGrace */
static inline ks_join_windows ks_join_windows_of(int64_t difference_ms, int64_t grace_ms)
{
    ks_join_windows windows;
    windows.before_ms = difference_ms;
    windows.after_ms = difference_ms;
    windows.grace_ms = grace_ms;
    return windows;
}

/** Each side for itself. @java JoinWindows#before, JoinWindows#after */
static inline ks_join_windows ks_join_windows_between(int64_t before_ms, int64_t after_ms,
                                                      int64_t grace_ms)
{
    ks_join_windows windows;
    windows.before_ms = before_ms;
    windows.after_ms = after_ms;
    windows.grace_ms = grace_ms;
    return windows;
}

/**
 * Joins the records of two streams that have one key and are near each other in time. A result has
 * the larger timestamp of the two. Records with a null key or value are dropped and counted in
 * `dropped-records`.
 *
 * @param options  serdes of the key and of both sides' values, names, stores; KS_STREAM_JOINED. The
 *                 serdes that the streams have are not inherited, as in Java
 * @return the stream of results, owned by the builder. Never NULL: misuse is reported by
 *         ks_builder_build()
 * @java   KStream#join
 */
KS_API ks_stream *ks_stream_join(ks_stream *stream, ks_stream *other, ks_joiner_fn *join,
                                 void *user, ks_join_windows windows,
                                 const ks_stream_joined *options);

/**
 * The same, and once for each record of the left stream that found no partner until its window
 * closed. A record with a null key has none, and is joined at once. @java KStream#leftJoin
 */
KS_API ks_stream *ks_stream_left_join(ks_stream *stream, ks_stream *other, ks_joiner_fn *join,
                                      void *user, ks_join_windows windows,
                                      const ks_stream_joined *options);

/** The same for the records of both. @java KStream#outerJoin */
KS_API ks_stream *ks_stream_outer_join(ks_stream *stream, ks_stream *other, ks_joiner_fn *join,
                                       void *user, ks_join_windows windows,
                                       const ks_stream_joined *options);

/* ---- streams with tables --------------------------------------------------------------------- */

/**
 * Joins each record of a stream with the row that its key has in a table at that moment: updates of
 * the table join nothing. The result has the record's timestamp. A record without a row is left
 * out; one with a null key or value is dropped and counted.
 *
 * A versioned table is asked as of the record's time. With a grace period records wait until stream
 * time is so far ahead of them.
 *
 * @param options  serdes, which the streams' are the default of, and a name; KS_JOINED
 * @java  KStream#join
 */
KS_API ks_stream *ks_stream_join_table(ks_stream *stream, ks_table *table, ks_joiner_fn *join,
                                       void *user, const ks_joined *options);

/**
 * The same; a record without a row, or with a null key, is joined with null.
 * @java KStream#leftJoin
 */
KS_API ks_stream *ks_stream_left_join_table(ks_stream *stream, ks_table *table, ks_joiner_fn *join,
                                            void *user, const ks_joined *options);

/**
 * Joins each record of a stream with the row that a global table has under what `key` makes of the
 * record: no repartitioning, whatever that is. The joiner gets the record's key, as Java's.
 * `user` goes to both functions. @java KStream#join(GlobalKTable)
 */
KS_API ks_stream *ks_stream_join_global_table(ks_stream *stream, ks_global_table *table,
                                              ks_mapper_fn *key, ks_joiner_fn *join, void *user,
                                              const ks_named *named);

/** The same; a record without a row is joined with null. @java KStream#leftJoin(GlobalKTable) */
KS_API ks_stream *ks_stream_left_join_global_table(ks_stream *stream, ks_global_table *table,
                                                   ks_mapper_fn *key, ks_joiner_fn *join,
                                                   void *user, const ks_named *named);

/* ---- tables with tables ---------------------------------------------------------------------- */

/**
 * The table of the rows that have a partner of the same key in the other table. An update of either
 * updates the result, which has the larger timestamp of the two. @java KTable#join
 */
KS_API ks_table *ks_table_join(ks_table *table, ks_table *other, ks_joiner_fn *join, void *user,
                               const ks_materialized *materialized);

/** The same, and the rows of the left table that have none. @java KTable#leftJoin */
KS_API ks_table *ks_table_left_join(ks_table *table, ks_table *other, ks_joiner_fn *join,
                                    void *user, const ks_materialized *materialized);

/** The same, and the rows of either that have none. @java KTable#outerJoin */
KS_API ks_table *ks_table_outer_join(ks_table *table, ks_table *other, ks_joiner_fn *join,
                                     void *user, const ks_materialized *materialized);

/**
 * The rows of a table joined with those of another that they name: `foreign_key` makes the key of
 * the other table out of a row's key and value; null names none. The result has the keys of the
 * left table. It goes through two internal topics, so an update of either table is seen a moment
 * later; an answer to a question that has changed meanwhile is dropped and counted. So a row that
 * changes again within that moment may keep its old result, as in Java, if it has none any more: a
 * left join, which always has one, does not. `user` goes to both functions.
 *
 * @param options  names, partitioners and, in `materialized`, the store of the result;
 *                 KS_TABLE_JOINED
 * @java  KTable#join
 */
KS_API ks_table *ks_table_join_foreign_key(ks_table *table, ks_table *other,
                                           ks_mapper_fn *foreign_key, ks_joiner_fn *join,
                                           void *user, const ks_table_joined *options);

/** The same, and the rows that name none, or one that is not there. @java KTable#leftJoin */
KS_API ks_table *ks_table_left_join_foreign_key(ks_table *table, ks_table *other,
                                                ks_mapper_fn *foreign_key, ks_joiner_fn *join,
                                                void *user, const ks_table_joined *options);

#ifdef __cplusplus
}
#endif
#endif
