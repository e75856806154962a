/* SPDX-License-Identifier: Apache-2.0 */
/*
 * windows.h - windows: kinds of them, what is aggregated in them, and cogroups.
 *
 *     ks_grouped_stream   *trades = ks_stream_group_by_key(stream, NULL);
 *     ks_windowed_stream  *recent = ks_grouped_stream_windowed_by(
 *         trades, ks_hopping_windows(5000, 1000, KS_NO_GRACE));
 *     ks_table            *stats  = ks_windowed_stream_aggregate(
 *         recent, no_trades, add_trade, NULL, NULL, KS_MATERIALIZED(.name = "trade-aggregates"));
 *
 * The result is a table whose keys are windowed: ks_value_windowed() gives key, start and end.
 * Times are milliseconds of the epoch; a record is in the windows that its timestamp is in.
 *
 * Grace. A window closes when a record comes whose timestamp is behind its end by the grace period.
 * What comes for a closed window is dropped and counted in `dropped-records`. How far time has got
 * is known to each aggregation for itself, from the records that it has seen.
 *
 * Retention. The store of the result keeps a window for as long as size and grace need, or for
 * `materialized->retention_ms`, which may not be shorter. It takes no later records for that.
 *
 * Whose the handles are, and what becomes of a misuse, stream.h says; when `user` is freed,
 * options.h.
 *
 * @thread builder thread
 */
#ifndef KSTREAMS_WINDOWS_H
#define KSTREAMS_WINDOWS_H

#include <kstreams/table.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- kinds of windows ------------------------------------------------------------------------ */

/** A window closes as soon as time has reached its end. */
#define KS_NO_GRACE ((int64_t)0)

typedef enum ks_windows_kind {
    KS_WINDOWS_TIME = 1, /**< tumbling and hopping @java TimeWindows */
    KS_WINDOWS_SLIDING,  /**< @java SlidingWindows */
    KS_WINDOWS_SESSION,  /**< @java SessionWindows */
    KS_WINDOWS_UNLIMITED /**< @java UnlimitedWindows */
} ks_windows_kind;

/**
 * Windows of one kind; made by one of the functions below, and checked by who takes them:
 * ks_builder_build() reports bounds that make no sense.
 */
typedef struct ks_windows {
    ks_windows_kind kind;
    int64_t size_ms;    /**< of time windows; the difference of sliding, the gap of session ones */
    int64_t advance_ms; /**< of time windows */
    int64_t grace_ms;
    int64_t start_ms; /**< of unlimited windows */
} ks_windows;

/** What the functions below fill in; they are what to call. Nothing is checked. @thread any */
static inline ks_windows ks_windows_make(ks_windows_kind kind, int64_t size_ms, int64_t advance_ms,
                                         int64_t grace_ms)
{
    ks_windows windows;
    windows.kind = kind;
    windows.size_ms = size_ms;
    windows.advance_ms = advance_ms;
    windows.grace_ms = grace_ms;
    windows.start_ms = 0;
    return windows;
}

/**
 * Windows of a size that follow each other: a record is in exactly one. They begin at multiples of
 * the size and end before the next one. @java TimeWindows#ofSizeAndGrace
 */
static inline ks_windows ks_tumbling_windows(int64_t size_ms, int64_t grace_ms)
{
    return ks_windows_make(KS_WINDOWS_TIME, size_ms, size_ms, grace_ms);
}

/**
 * Windows of a size of which one begins with each advance: a record is in several. The advance is
 * at least 1 and at most the size. @java TimeWindows#advanceBy
 */
static inline ks_windows ks_hopping_windows(int64_t size_ms, int64_t advance_ms, int64_t grace_ms)
{
    return ks_windows_make(KS_WINDOWS_TIME, size_ms, advance_ms, grace_ms);
}

/**
 * Windows that begin or end with a record: those of all records of a key that are at most so far
 * apart, both bounds included. @java SlidingWindows#ofTimeDifferenceAndGrace
 */
static inline ks_windows ks_sliding_windows(int64_t difference_ms, int64_t grace_ms)
{
    return ks_windows_make(KS_WINDOWS_SLIDING, difference_ms, 0, grace_ms);
}

/**
 * Windows that grow: records of a key belong to one session as long as no gap between two of them
 * is larger; from the first to the last of them, both included. A record between two sessions makes
 * one of them. @java SessionWindows#ofInactivityGapAndGrace
 */
static inline ks_windows ks_session_windows(int64_t inactivity_gap_ms, int64_t grace_ms)
{
    return ks_windows_make(KS_WINDOWS_SESSION, inactivity_gap_ms, 0, grace_ms);
}

/**
 * One window from a time on without an end; records before it are in none, and nothing is ever too
 * late. @java UnlimitedWindows#startOn
 */
static inline ks_windows ks_unlimited_windows(int64_t start_ms)
{
    ks_windows windows = ks_windows_make(KS_WINDOWS_UNLIMITED, INT64_MAX, 0, 0);
    windows.start_ms = start_ms;
    return windows;
}

/* ---- aggregating in windows ------------------------------------------------------------------ */

/** A grouped stream in windows. @java TimeWindowedKStream, SessionWindowedKStream */
typedef struct ks_windowed_stream ks_windowed_stream;

/** When the result of a window is emitted. @java EmitStrategy */
typedef enum ks_emit_strategy {
    KS_EMIT_ON_WINDOW_UPDATE = 0, /**< whenever it changes, as far as the record cache lets it */
    KS_EMIT_ON_WINDOW_CLOSE       /**< once, when the window has closed; not of unlimited windows */
} ks_emit_strategy;

/**
 * Combines the aggregates of sessions that a record has made one, earliest first: `aggregate` is
 * what the initializer gave, or this function for the sessions before; `other` is the next one's.
 * @thread a stream thread
 * @java Merger
 */
typedef ks_value ks_merger_fn(ks_ctx *ctx, ks_value key, ks_value aggregate, ks_value other,
                              void *user);

/** Puts a grouped stream into windows. @java KGroupedStream#windowedBy */
KS_API ks_windowed_stream *ks_grouped_stream_windowed_by(ks_grouped_stream *grouped,
                                                         ks_windows windows);

/**
 * The same windows, whose results are emitted so. @java TimeWindowedKStream#emitStrategy,
 * SessionWindowedKStream#emitStrategy
 */
KS_API ks_windowed_stream *ks_windowed_stream_emit_strategy(ks_windowed_stream *windowed,
                                                            ks_emit_strategy strategy);

/**
 * Counts the records of each key and window; the value serde is i64. A null key is dropped and
 * counted in `dropped-records`; a null value is in sliding windows only.
 *
 * @param materialized  as of ks_grouped_stream_count(), with a window or session store
 * @return a table with windowed keys, owned by the builder. Never NULL: misuse is reported by
 *         ks_builder_build()
 * @java   TimeWindowedKStream#count, SessionWindowedKStream#count
 */
KS_API ks_table *ks_windowed_stream_count(ks_windowed_stream *windowed,
                                          const ks_materialized *materialized);

/**
 * Combines the values of each key and window; the first value is the first aggregate. Sessions that
 * become one are combined by the same function. @java TimeWindowedKStream#reduce,
 * SessionWindowedKStream#reduce
 */
KS_API ks_table *ks_windowed_stream_reduce(ks_windowed_stream *windowed, ks_reducer_fn *reduce,
                                           void *user, const ks_materialized *materialized);

/**
 * Folds the records of each key and window into an aggregate that may be of another type: give its
 * serde in `materialized->value`. `user` goes to all functions.
 *
 * @param merge  needed for session windows and NULL for all others
 * @java  TimeWindowedKStream#aggregate, SessionWindowedKStream#aggregate
 */
KS_API ks_table *ks_windowed_stream_aggregate(ks_windowed_stream *windowed,
                                              ks_initializer_fn *initialize,
                                              ks_aggregator_fn *aggregate, ks_merger_fn *merge,
                                              void *user, const ks_materialized *materialized);

/* ---- cogroups -------------------------------------------------------------------------------- */

/**
 * Several grouped streams of one key type that are folded into one aggregate.
 * @java CogroupedKStream
 */
typedef struct ks_cogrouped_stream ks_cogrouped_stream;

/** A cogroup in windows. @java TimeWindowedCogroupedKStream, SessionWindowedCogroupedKStream */
typedef struct ks_windowed_cogrouped_stream ks_windowed_cogrouped_stream;

/**
 * Begins a cogroup with a first stream. `user_free` is for `user`, as in options; it may be NULL.
 * @java KGroupedStream#cogroup
 */
KS_API ks_cogrouped_stream *ks_grouped_stream_cogroup(ks_grouped_stream *grouped,
                                                      ks_aggregator_fn *aggregate, void *user,
                                                      ks_free_fn *user_free);

/**
 * Adds a stream with an aggregator of its own; a stream that is added twice counts with the last.
 * @return `cogrouped`
 * @java   CogroupedKStream#cogroup
 */
KS_API ks_cogrouped_stream *ks_cogrouped_stream_cogroup(ks_cogrouped_stream *cogrouped,
                                                        ks_grouped_stream *grouped,
                                                        ks_aggregator_fn *aggregate, void *user,
                                                        ks_free_fn *user_free);

/**
 * Folds the records of each key, whichever stream they come from, into one aggregate. `user` goes
 * to `initialize`; each aggregator has its own. Nulls as in ks_grouped_stream_aggregate(). Both
 * serdes are those of `materialized` or of the properties: the streams' are not inherited, as in
 * Java. @java CogroupedKStream#aggregate
 */
KS_API ks_table *ks_cogrouped_stream_aggregate(ks_cogrouped_stream *cogrouped,
                                               ks_initializer_fn *initialize, void *user,
                                               const ks_materialized *materialized);

/** Puts a cogroup into windows. @java CogroupedKStream#windowedBy */
KS_API ks_windowed_cogrouped_stream *ks_cogrouped_stream_windowed_by(ks_cogrouped_stream *cogrouped,
                                                                     ks_windows windows);

/**
 * Folds the records of each key and window; results are emitted whenever they change. Serdes as in
 * ks_cogrouped_stream_aggregate().
 *
 * @param merge  needed for session windows and NULL for all others
 * @java  TimeWindowedCogroupedKStream#aggregate, SessionWindowedCogroupedKStream#aggregate
 */
KS_API ks_table *ks_windowed_cogrouped_stream_aggregate(ks_windowed_cogrouped_stream *windowed,
                                                        ks_initializer_fn *initialize,
                                                        ks_merger_fn *merge, void *user,
                                                        const ks_materialized *materialized);

#ifdef __cplusplus
}
#endif
#endif
