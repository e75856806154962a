/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emit_on_close.h - results of windows that are emitted once, when the window has closed: when it
 * is time to look for such windows, and the emission of those of a window store. @java
 * AbstractKStreamTimeWindowAggregateProcessor, TimeTracker
 *
 * A look goes over the store, so it is taken at most once in an interval of the clock (1 s; the
 * property __emit.interval.ms.kstreams.windowed.aggregation__), and only when more windows have
 * closed than at the last emission. How far that one came is kept in the commit metadata, under the
 * name of the store: a task that starts anew goes on there.
 *
 *     if (ksi_close_is_due(&emit, close_time)) {
 *         ... forward what has closed since *emit.last_close ...
 *         ksi_close_done(&emit, close_time);
 *     }
 *
 * Until a window was emitted its row must stay, whatever the retention of the store says: the store
 * keeps all, and after an emission is told from which start on (or, of sessions, which end). Java
 * lets them go, and loses windows that a jump of stream time closes.
 *
 * Thread rule: the thread of the task.
 */
#ifndef KSI_OPS_EMIT_ON_CLOSE_H
#define KSI_OPS_EMIT_ON_CLOSE_H

#include "base/error.h"
#include "ops/table_store.h"
#include "serde/windowed.h"

typedef struct ksi_emit_on_close {
    ks_ctx *ctx;
    int64_t interval_ms;  /* of the clock, between two looks */
    int64_t next_look_ms; /* by the clock */
    int64_t *last_close;  /* the close time of the last emission; -1: none yet */
} ksi_emit_on_close;

/* From the init of the node; `store` is the name of its store, which outlives the task. */
void ksi_emit_on_close_open(ksi_emit_on_close *emit, ks_ctx *ctx, const char *store);

/*
 * Whether to emit what closed before `close_time`: stream time less the grace. True takes the look:
 * the next one is an interval away.
 */
bool ksi_close_is_due(ksi_emit_on_close *emit, int64_t close_time);
/* All that closed before was emitted. */
void ksi_close_done(ksi_emit_on_close *emit, int64_t close_time);

/*
 * The whole for tables over window stores: forwards the windows that have closed, if it is time
 * for that, under the record in hand, which closed them.
 */
void ksi_emit_closed_windows(ksi_emit_on_close *emit, ksi_table_store *table,
                             const ks_windows *windows, const ks_record *record,
                             int64_t close_time);

#endif
