/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emit_on_close.c - see emit_on_close.h.
 *
 * A window of time ends before its end, so it has closed when the close time has reached that; a
 * sliding one ends with its end, and has closed behind it. Starts of windows that were emitted are
 * therefore counted from the close time of then, less the size, and one more for windows of time.
 *
 * Where the starts of windows are multiples of an advance, many looks find no window between the
 * last close time and this one. They do not count as emissions: the next look begins where the last
 * emission ended, as in Java.
 */
#include "ops/emit_on_close.h"

#include "config/config.h"
#include "ops/throttle.h"

/* ---- when ------------------------------------------------------------------------------------ */

void ksi_emit_on_close_open(ksi_emit_on_close *emit, ks_ctx *ctx, const char *store)
{
    *emit =
        (ksi_emit_on_close){.ctx = ctx,
                            .last_close = ctx->services->note(ctx, store),
                            .interval_ms = ksi_config_i64(
                                ctx->config, "__emit.interval.ms.kstreams.windowed.aggregation__")};
}

bool ksi_close_is_due(ksi_emit_on_close *emit, int64_t close_time)
{
    if (!ksi_throttle_passes(&emit->next_look_ms, emit->interval_ms,
                             ksi_wall_ms(emit->ctx->clock))) {
        return false;
    }
    return *emit->last_close < 0 || *emit->last_close < close_time;
}

void ksi_close_done(ksi_emit_on_close *emit, int64_t close_time)
{
    *emit->last_close = close_time;
}

/* ---- windows --------------------------------------------------------------------------------- */

static int64_t earlier(int64_t time, int64_t by)
{
    return time > by ? time - by : 0;
}

/* The first start that was not emitted yet. */
static int64_t first_open(const ks_windows *windows, int64_t last_close)
{
    if (last_close < 0) {
        return 0;
    }
    const int64_t start = earlier(last_close, windows->size_ms);
    return windows->kind == KS_WINDOWS_SLIDING ? start : start + 1;
}

/* The last start of windows that have closed; negative: none has. */
static int64_t last_closed(const ks_windows *windows, int64_t close_time)
{
    const int64_t start = close_time - windows->size_ms;
    return windows->kind == KS_WINDOWS_SLIDING ? start - 1 : start;
}

/* Whether the same windows hold both times. */
static bool are_of_same_windows(const ks_windows *windows, int64_t a, int64_t b)
{
    const int64_t advance = windows->advance_ms;
    const int64_t reach = windows->size_ms - advance;
    return a / advance == b / advance && earlier(a, reach) / advance == earlier(b, reach) / advance;
}

/* False: the context failed. */
static bool forward_window(ksi_table_store *table, const ksi_window_row *row,
                           const ks_record *closing)
{
    ks_ctx *ctx = table->ctx;
    ksi_arena_mark mark = ksi_arena_save(ctx->arena);
    ksi_change change = {.is_latest = true};
    ks_windowed windowed = {.start = row->start,
                            .end = ksi_window_end(row->start, table->window_size_ms)};
    if (ksi_table_store_read_key(table, row->key, &windowed.key) &&
        ksi_table_store_read_value(table, row->value, &change.new_value)) {
        ks_record record = *closing;
        record.key = ks_windowed_value(&windowed);
        record.value = ksi_change_value(&change);
        record.timestamp = row->timestamp;
        ksi_forward(ctx, &record);
    }
    ksi_arena_release(ctx->arena, mark);
    return !ksi_ctx_failed(ctx);
}

/* False: the context failed. */
static bool forward_windows(ksi_table_store *table, const ksi_window_range *range,
                            const ks_record *closing)
{
    ks_error error;
    ksi_window_row row;
    bool found = true;
    bool ok = true;
    ksi_error_begin(&error);
    ksi_window_iterator *iterator = ksi_window_store_fetch(table->windows, range);
    while (ok && found) {
        if (ksi_window_iterator_next(iterator, &row, &found, &error) != KS_OK) {
            ksi_ctx_fail_error(table->ctx, &error);
            ok = false;
        } else if (found) {
            ok = forward_window(table, &row, closing);
        }
    }
    ksi_window_iterator_close(iterator);
    return ok;
}

void ksi_emit_closed_windows(ksi_emit_on_close *emit, ksi_table_store *table,
                             const ks_windows *windows, const ks_record *record, int64_t close_time)
{
    if (!ksi_close_is_due(emit, close_time)) {
        return;
    }
    const ksi_window_range range = {.from = first_open(windows, *emit->last_close),
                                    .to = last_closed(windows, close_time),
                                    .kept = true};
    if (range.to < 0 || (windows->kind == KS_WINDOWS_TIME && *emit->last_close >= 0 &&
                         are_of_same_windows(windows, range.to, range.from - 1))) {
        return;
    }
    if (forward_windows(table, &range, record)) {
        ksi_close_done(emit, close_time);
        ksi_window_store_keep_from(table->windows, first_open(windows, close_time));
    }
}
