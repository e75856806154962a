/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sliding_aggregate.c - count, reduce and aggregate in sliding windows: those of a fixed length,
 * both bounds included, that begin just behind a record or end with one.
 *
 * For a record at time t and windows of difference d, the windows of the key that start from t - 2d
 * to t + 1 say all that there is to know, newest first:
 *
 *     start = t + 1           the record's right window is there
 *     end   > t               the record is in it: updated; the first one met holds what is to
 *                             come into the record's right window
 *     end   = t               the record's left window is there: updated
 *     end   < t               holds the records that may be in the record's left window; the last
 *
 * Then are made: the right window of the record before, if this record is the first in it; the
 * record's left window [t - d, t], which goes on from what is in it already; and its right window
 * [t + 1, t + 1 + d], but only when later records are in it, whose aggregate it takes over. All of
 * that hangs on the timestamps of rows being the highest of their records.
 *
 * Records before d have no left window of their own, because a window does not start before time 0:
 * all of them share [0, d]. As in Java such a record never makes closed windows come out.
 *
 * A null key or value is dropped and counted, as is a record whose right window has closed, and a
 * window that has closed. A difference of 0 fails the record, as Java, whose windows are never
 * empty. @java KStreamSlidingWindowAggregate
 */
#include "ops/emit_on_close.h"
#include "ops/fold.h"
#include "ops/operator_time.h"

typedef struct sliding_state {
    ksi_table_store table;
    ksi_emit_on_close emit;
    ksi_operator_time time;
} sliding_state;

/* The record in hand. */
typedef struct sliding {
    ks_ctx *ctx;
    const ksi_aggregate *how;
    ksi_table_store *table;
    const ks_record *record;
    ks_slice key;
    int64_t difference;
    int64_t close_time;
} sliding;

/* What the windows of its key say. */
typedef struct findings {
    int64_t *starts; /* of the windows that were met; in the record's arena */
    size_t count;
    size_t capacity;
    ksi_table_row left;  /* what may go into its left window; not found: nothing */
    ksi_table_row right; /* what may go into its right window */
    bool has_left_window;
    bool has_right_window;
    bool has_previous;
    int64_t previous; /* the time of the record before */
    bool is_complete; /* nothing is to be made */
} findings;

static ks_status sliding_init(ks_ctx *ctx, const void *config, void *state, ks_error *error)
{
    const ksi_windowed_aggregate *aggregate = config;
    sliding_state *mine = state;
    mine->time = ksi_operator_time_of_windows(ctx, aggregate->how.table.store, &aggregate->windows);
    KS_TRY(ksi_table_store_open(&mine->table, ctx, &aggregate->how.table, error));
    ksi_emit_on_close_open(&mine->emit, ctx, aggregate->how.table.store);
    return KS_OK;
}

/* ---- updating and making windows ------------------------------------------------------------- */

/* Puts and forwards; false: the context failed. */
static bool put_window(const sliding *in, int64_t start, const ksi_table_row *row, ks_value old)
{
    ks_record record = *in->record;
    record.timestamp = row->timestamp;
    const ksi_window_update update = {.record = &record,
                                      .key = in->key,
                                      .start = start,
                                      .new_value = row->value,
                                      .old_value = old};
    ksi_table_store_update_window(in->table, &update);
    return !ksi_ctx_failed(in->ctx);
}

/* The record goes into the window whose row is given, unless it has closed. */
static bool update_window(const sliding *in, int64_t start, const ksi_table_row *row)
{
    if (ksi_window_end(start, in->difference) < in->close_time) {
        ksi_ctx_drop(in->ctx, KS_DROP_LATE, "its window has closed");
        return true;
    }
    ksi_table_row next = {.timestamp = in->record->timestamp};
    if (!ks_value_is_null(row->value) && row->timestamp > next.timestamp) {
        next.timestamp = row->timestamp;
    }
    next.value = ksi_fold_next(in->ctx, in->how, in->record, row->value);
    return !ksi_ctx_failed(in->ctx) && put_window(in, start, &next, row->value);
}

/* A window whose first record this one is. */
static bool begin_window(const sliding *in, int64_t start)
{
    const ksi_table_row beginning = {.value = ksi_fold_beginning(in->ctx, in->how),
                                     .timestamp = in->record->timestamp};
    return !ksi_ctx_failed(in->ctx) && update_window(in, start, &beginning);
}

/* The record's right window, when records behind it are known. */
static bool make_right_window(const sliding *in, const findings *found)
{
    const int64_t time = in->record->timestamp;
    if (found->has_right_window || !found->right.found || found->right.timestamp <= time) {
        return true;
    }
    return put_window(in, time + 1, &found->right, ks_null());
}

static bool has_met(const findings *found, int64_t start)
{
    for (size_t i = 0; i < found->count; i++) {
        if (found->starts[i] == start) {
            return true;
        }
    }
    return false;
}

static bool make_windows(const sliding *in, const findings *found)
{
    const int64_t time = in->record->timestamp;
    if (found->has_previous && !has_met(found, found->previous + 1) &&
        ksi_window_end(found->previous + 1, in->difference) >= time &&
        !begin_window(in, found->previous + 1)) {
        return false;
    }
    if (!found->has_left_window) {
        const int64_t start = time - in->difference;
        if (in->difference == 0) {
            ks_ctx_fail(in->ctx, "a sliding window of difference 0 has no length; give "
                                 "ks_sliding_windows() at least 1");
            return false;
        }
        ksi_table_row before = found->left;
        before.timestamp = time;
        const bool goes_on = found->has_previous && start <= found->previous;
        if (!(goes_on ? update_window(in, start, &before) : begin_window(in, start))) {
            return false;
        }
    }
    return make_right_window(in, found);
}

/* ---- meeting the windows of the key ---------------------------------------------------------- */

static void note_start(const sliding *in, findings *found, int64_t start)
{
    if (found->count == found->capacity) {
        const size_t capacity = found->capacity > 0 ? 2 * found->capacity : 16;
        int64_t *grown = ksi_arena_alloc(in->ctx->arena, capacity * sizeof *grown);
        if (found->count > 0) {
            memcpy(grown, found->starts, found->count * sizeof *grown);
        }
        found->starts = grown;
        found->capacity = capacity;
    }
    found->starts[found->count++] = start;
}

/* One window and what it says. `*more`: whether older windows matter. False: the context failed. */
typedef bool meet_fn(const sliding *in, findings *found, int64_t start, const ksi_table_row *row,
                     bool *more);

static bool meet(const sliding *in, findings *found, int64_t start, const ksi_table_row *row,
                 bool *more)
{
    const int64_t time = in->record->timestamp;
    const int64_t end = ksi_window_end(start, in->difference);
    if (start == time + 1) {
        found->has_right_window = true;
        return true;
    }
    if (end < time) {
        found->left = *row;
        found->has_previous = true;
        found->previous = row->timestamp;
        *more = false;
        return true;
    }
    if (end == time) {
        found->has_left_window = true;
        found->is_complete = row->timestamp >= time;
        found->has_previous = !found->is_complete;
        found->previous = row->timestamp;
        *more = !found->is_complete;
    } else if (!found->right.found) {
        found->right = *row;
    }
    return update_window(in, start, row);
}

/* The same for a record before the difference; oldest first. `left` is the row of [0, d]. */
static bool meet_early(const sliding *in, findings *found, int64_t start, const ksi_table_row *row,
                       bool *more)
{
    const int64_t time = in->record->timestamp;
    (void)more;
    if (start == 0) {
        found->left = *row;
        found->has_previous = row->timestamp < time;
        found->previous = row->timestamp;
        return true;
    }
    if (start > time) {
        found->has_right_window = true;
        return true;
    }
    found->right = *row;
    return update_window(in, start, row);
}

static bool next_window(const sliding *in, ksi_window_iterator *iterator, int64_t *start,
                        ksi_table_row *row)
{
    ks_error error;
    ksi_window_row stored;
    ksi_error_begin(&error);
    if (ksi_window_iterator_next(iterator, &stored, &row->found, &error) != KS_OK) {
        ksi_ctx_fail_error(in->ctx, &error);
        return false;
    }
    if (!row->found) {
        return true;
    }
    *start = stored.start;
    row->timestamp = stored.timestamp;
    return ksi_table_store_read_value(in->table, stored.value, &row->value);
}

static bool meet_windows(const sliding *in, const ksi_window_range *range, meet_fn *each,
                         findings *found)
{
    ksi_window_iterator *iterator = ksi_window_store_fetch(in->table->windows, range);
    bool more = true;
    bool ok = true;
    while (more && ok) {
        ksi_table_row row;
        int64_t start = 0;
        ok = next_window(in, iterator, &start, &row);
        if (!ok || !row.found) {
            break;
        }
        note_start(in, found, start);
        ok = each(in, found, start, &row, &more);
    }
    ksi_window_iterator_close(iterator);
    return ok;
}

/* ---- records --------------------------------------------------------------------------------- */

static void process_early(const sliding *in)
{
    findings found = {0};
    const ksi_window_range range = {
        .key_from = in->key, .key_to = in->key, .from = 0, .to = in->record->timestamp + 1};
    if (!meet_windows(in, &range, meet_early, &found)) {
        return;
    }
    /* without a window between, all records of [0, d] that are later are behind this one */
    if (!found.right.found) {
        found.right = found.left;
    }
    if (!make_right_window(in, &found) ||
        (found.has_previous && !has_met(&found, found.previous + 1) &&
         !begin_window(in, found.previous + 1))) {
        return;
    }
    (void)(found.left.found ? update_window(in, 0, &found.left) : begin_window(in, 0));
}

/* False: the context failed. */
static bool process_in_time(const sliding *in)
{
    const int64_t time = in->record->timestamp;
    findings found = {0};
    const ksi_window_range range = {
        .key_from = in->key,
        .key_to = in->key,
        .from = time - in->difference > in->difference ? time - 2 * in->difference : 0,
        .to = time + 1,
        .backward = true};
    return meet_windows(in, &range, meet, &found) &&
           (found.is_complete || make_windows(in, &found));
}

static void sliding_process(ks_ctx *ctx, const void *config, void *state, const ks_record *record)
{
    const ksi_windowed_aggregate *aggregate = config;
    const ks_windows *windows = &aggregate->windows;
    sliding_state *mine = state;
    if (ks_value_is_null(record->key) || ks_value_is_null(record->value)) {
        ksi_ctx_drop(ctx, KS_DROP_NULL, "null key or null value");
        return;
    }
    const int64_t stream_time = ksi_operator_time_observe(&mine->time, record->timestamp);
    sliding in = {.ctx = ctx,
                  .how = &aggregate->how,
                  .table = &mine->table,
                  .record = record,
                  .difference = windows->size_ms,
                  .close_time = stream_time - windows->grace_ms};
    if (ksi_window_end(record->timestamp, in.difference) < in.close_time) {
        ksi_ctx_drop(ctx, KS_DROP_LATE, "its window has closed");
    } else if (!ksi_table_store_key_bytes(&mine->table, record->key, &in.key)) {
        return;
    } else if (record->timestamp < in.difference) {
        process_early(&in);
    } else if (process_in_time(&in) && aggregate->how.table.emits_on_close) {
        ksi_emit_closed_windows(&mine->emit, &mine->table, windows, record, in.close_time);
    }
}

static const ksi_processor_class sliding_class = {
    .state_size = sizeof(sliding_state), .init = sliding_init, .process = sliding_process};

ksi_processor ksi_op_sliding_aggregate(const ksi_windowed_aggregate *aggregate)
{
    return (ksi_processor){.class = &sliding_class, .config = aggregate};
}
