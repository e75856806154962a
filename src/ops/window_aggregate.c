/* SPDX-License-Identifier: Apache-2.0 */
/*
 * window_aggregate.c - count, reduce and aggregate in windows whose starts are given: tumbling,
 * hopping and unlimited ones.
 *
 * A record updates each window that its timestamp is in, oldest first. A window that has closed
 * takes no more: its part of the record is dropped and counted, once for each such window. How far
 * time has got is the highest timestamp that this node has seen; it begins anew when the task does.
 *
 * A null key is dropped and counted; a null value is passed on to the functions, as in Java, whose
 * sliding windows alone drop it. Results carry the larger of the record's and the stored timestamp.
 * As without windows, what a window began with is handed down as the old value of its first update.
 *
 * The key is serialized once for all windows of a record. @java KStreamWindowAggregate
 */
#include "ops/emit_on_close.h"
#include "ops/fold.h"
#include "ops/operator_time.h"

enum { EXPECTED = 8 }; /* windows behind the first of a record */

typedef struct window_aggregate_state {
    ksi_table_store table;
    ksi_emit_on_close emit;
    ksi_operator_time time;
} window_aggregate_state;

static ks_status window_aggregate_init(ks_ctx *ctx, const void *config, void *state,
                                       ks_error *error)
{
    const ksi_windowed_aggregate *aggregate = config;
    window_aggregate_state *mine = state;
    mine->time = ksi_operator_time_of_windows(ctx, aggregate->how.table.store, &aggregate->windows);
    KS_TRY(ksi_table_store_open(&mine->table, ctx, &aggregate->how.table, error));
    ksi_emit_on_close_open(&mine->emit, ctx, aggregate->how.table.store);
    return KS_OK;
}

/* False: the context failed. */
static bool update_window(ks_ctx *ctx, const ksi_windowed_aggregate *config, ksi_table_store *table,
                          const ksi_window_update *where)
{
    ksi_window_update update = *where;
    ks_record record = *where->record;
    ksi_table_row old;
    if (!ksi_table_store_get_window(table, where->key, where->start, &old) ||
        !ksi_fold(ctx, &config->how, where->record, &old, &update.new_value)) {
        return false;
    }
    record.timestamp = old.timestamp;
    update.record = &record;
    update.old_value = old.value;
    ksi_table_store_update_window(table, &update);
    return !ksi_ctx_failed(ctx);
}

/* The start of the first window that a timestamp is in; unlimited windows have one. */
static int64_t first_start(const ks_windows *windows, int64_t timestamp)
{
    if (windows->kind == KS_WINDOWS_UNLIMITED) {
        return windows->start_ms;
    }
    int64_t earliest = timestamp - windows->size_ms + windows->advance_ms;
    return earliest > 0 ? earliest / windows->advance_ms * windows->advance_ms : 0;
}

/* The rows of one record's windows stand far from each other: asks for their memory all at once. */
static void expect_windows(const ksi_table_store *table, const ksi_window_update *first,
                           int64_t step)
{
    int64_t start = first->start;
    int64_t left = first->record->timestamp - start;
    for (int i = 0; i < EXPECTED && left >= step; i++) {
        start += step;
        left -= step;
        ksi_window_store_expect(table->windows, first->key, start);
    }
}

static void window_aggregate_process(ks_ctx *ctx, const void *config, void *state,
                                     const ks_record *record)
{
    const ksi_windowed_aggregate *aggregate = config;
    const ks_windows *windows = &aggregate->windows;
    window_aggregate_state *mine = state;
    ksi_window_update update = {.record = record};
    if (ks_value_is_null(record->key)) {
        ksi_ctx_drop(ctx, KS_DROP_NULL, "null key");
        return;
    }
    if (!ksi_table_store_key_bytes(&mine->table, record->key, &update.key)) {
        return;
    }
    const int64_t close_time =
        ksi_operator_time_observe(&mine->time, record->timestamp) - windows->grace_ms;
    const bool is_unlimited = windows->kind == KS_WINDOWS_UNLIMITED;
    const int64_t step = is_unlimited ? INT64_MAX : windows->advance_ms;
    update.start = first_start(windows, record->timestamp);
    expect_windows(&mine->table, &update, step);
    while (update.start <= record->timestamp) {
        if (ksi_window_end(update.start, windows->size_ms) <= close_time && !is_unlimited) {
            ksi_ctx_drop(ctx, KS_DROP_LATE, "its window has closed");
        } else if (!update_window(ctx, aggregate, &mine->table, &update)) {
            return;
        }
        if (update.start > INT64_MAX - step) {
            break;
        }
        update.start += step;
    }
    if (aggregate->how.table.emits_on_close) {
        ksi_emit_closed_windows(&mine->emit, &mine->table, windows, record, close_time);
    }
}

static const ksi_processor_class window_aggregate_class = {.state_size =
                                                               sizeof(window_aggregate_state),
                                                           .init = window_aggregate_init,
                                                           .process = window_aggregate_process};

ksi_processor ksi_op_window_aggregate(const ksi_windowed_aggregate *aggregate)
{
    return (ksi_processor){.class = &window_aggregate_class, .config = aggregate};
}
