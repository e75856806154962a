/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_aggregate.c - count, reduce and aggregate of a grouped stream in session windows.
 *
 * A record begins a session of its own instant. Each session of its key that is at most a gap away
 * is merged into it, in the order in which the store has them: the aggregate begins with the
 * initializer's, takes in one session after the other, and the record last. Then the sessions that
 * were merged are removed, each update with its old value, and the one session is put.
 *
 *     stored     [10 ... 20]         [32 ... 40]
 *     record                    26                   gap 6
 *     result     [10 ........................ 40]    removed: [10, 20], [32, 40]
 *
 * What is easily taken for an accident and is Java's rule:
 *   - Whether a record is late is asked of the session it has made, so one that is too old by
 *     itself may still make a session longer. The initializer and the merger have been called by
 *     then.
 *   - A record at the instant of a session of one instant updates it in place: nothing is removed.
 *   - A null value is given to the aggregator; only a null key is dropped.
 *   - The timestamp of an update is the end of its session. Its headers are empty, because it is a
 *     record of its own; what the cache gives up has those of the last write.
 *   - With an update no old value goes along: what it replaces was removed before.
 *
 * How far time has got is the highest timestamp that this node has seen (operator_time.h).
 * @java KStreamSessionWindowAggregate
 */
#include "ops/emit_on_close.h"
#include "ops/fold.h"
#include "ops/operator_time.h"

typedef struct session_aggregate_state {
    ksi_table_store table;
    ksi_emit_on_close emit;
    ksi_operator_time time;
} session_aggregate_state;

/* A session with its value. In the record's arena. */
typedef struct session {
    struct session *next; /* of those that are merged, in their order */
    ks_windowed key;
    ks_value value;
} session;

/* What a record makes of the sessions of its key. */
typedef struct merging {
    const ksi_windowed_aggregate *config;
    const ks_record *record;
    ks_slice key; /* serialized */
    session made;
    session *first;
    session **end;
} merging;

static ks_status session_aggregate_init(ks_ctx *ctx, const void *config, void *state,
                                        ks_error *error)
{
    const ksi_windowed_aggregate *aggregate = config;
    session_aggregate_state *mine = state;
    mine->time = ksi_operator_time_of_windows(ctx, aggregate->how.table.store, &aggregate->windows);
    KS_TRY(ksi_table_store_open(&mine->table, ctx, &aggregate->how.table, error));
    ksi_emit_on_close_open(&mine->emit, ctx, aggregate->how.table.store);
    return KS_OK;
}

/* ---- merging --------------------------------------------------------------------------------- */

static ks_value merge_values(ks_ctx *ctx, const merging *into, ks_value other)
{
    const ksi_aggregate *how = &into->config->how;
    ks_value aggregate = into->made.value;
    if (how->reduce != NULL) {
        return ks_value_is_null(aggregate) ? other : how->reduce(ctx, aggregate, other, how->user);
    }
    return into->config->merge != NULL
               ? into->config->merge(ctx, into->record->key, aggregate, other, how->user)
               : ks_i64(ks_value_i64(aggregate) + ks_value_i64(other));
}

/* False: the context failed. */
static bool merge_session(ksi_table_store *table, const ksi_session_row *row, merging *into)
{
    ks_ctx *ctx = table->ctx;
    ks_windowed *made = &into->made.key;
    session *old = ksi_arena_alloc(ctx->arena, sizeof *old);
    *old = (session){.key = {.key = made->key, .start = row->start, .end = row->end}};
    if (!ksi_table_store_read_value(table, row->value, &old->value)) {
        return false;
    }
    *into->end = old;
    into->end = &old->next;
    made->start = row->start < made->start ? row->start : made->start;
    made->end = row->end > made->end ? row->end : made->end;
    into->made.value = merge_values(ctx, into, old->value);
    return !ksi_ctx_failed(ctx);
}

/* Merges what is at most a gap away. False: the context failed. */
static bool merge_sessions(ksi_table_store *table, merging *into)
{
    const int64_t gap_ms = into->config->windows.size_ms;
    const int64_t time = into->record->timestamp;
    ksi_session_iterator *iterator = ksi_session_store_find(
        table->sessions, &(ksi_session_range){.key_from = into->key,
                                              .key_to = into->key,
                                              .earliest_end = time - gap_ms,
                                              .latest_start = ksi_window_end(time, gap_ms)});
    ks_error error;
    ksi_session_row row;
    bool found = true;
    bool is_fine = true;
    ksi_error_begin(&error);
    while (is_fine && found) {
        if (ksi_session_iterator_next(iterator, &row, &found, &error) != KS_OK) {
            ksi_ctx_fail_error(table->ctx, &error);
            is_fine = false;
        } else if (found) {
            is_fine = merge_session(table, &row, into);
        }
    }
    ksi_session_iterator_close(iterator);
    return is_fine;
}

/* ---- updating -------------------------------------------------------------------------------- */

static void remove_merged(ksi_table_store *table, const merging *of)
{
    for (const session *old = of->first; old != NULL && !ksi_ctx_failed(table->ctx);
         old = old->next) {
        ksi_table_store_update_session(table, &(ksi_session_update){.session = &old->key,
                                                                    .key = of->key,
                                                                    .removes = true,
                                                                    .new_value = ks_null(),
                                                                    .old_value = old->value});
    }
}

static void update(ksi_table_store *table, merging *of)
{
    ks_ctx *ctx = table->ctx;
    const ks_windowed *made = &of->made.key;
    if (made->start != of->record->timestamp || made->end != of->record->timestamp) {
        remove_merged(table, of);
    }
    if (!ksi_ctx_failed(ctx)) {
        of->made.value = ksi_fold_next(ctx, &of->config->how, of->record, of->made.value);
    }
    if (!ksi_ctx_failed(ctx)) {
        ksi_table_store_update_session(table, &(ksi_session_update){.session = made,
                                                                    .key = of->key,
                                                                    .new_value = of->made.value,
                                                                    .old_value = ks_null()});
    }
}

/* ---- what has closed ------------------------------------------------------------------------- */

/* Forwards, under the record in hand, what ended before and has not been emitted. */
static void emit_closed(session_aggregate_state *mine, const ks_record *record, int64_t close_time)
{
    ksi_table_store *table = &mine->table;
    if (!ksi_close_is_due(&mine->emit, close_time) || close_time < 1) {
        return;
    }
    const int64_t last = *mine->emit.last_close;
    ksi_session_iterator *iterator =
        ksi_session_store_find_ending(table->sessions, last > 0 ? last : 0, close_time - 1);
    ks_error error;
    ksi_session_row row;
    bool found = true;
    ksi_error_begin(&error);
    while (found && !ksi_ctx_failed(table->ctx)) {
        if (ksi_session_iterator_next(iterator, &row, &found, &error) != KS_OK) {
            ksi_ctx_fail_error(table->ctx, &error);
        } else if (found) {
            ksi_table_store_forward_session(table, &row, record);
        }
    }
    ksi_session_iterator_close(iterator);
    if (!ksi_ctx_failed(table->ctx)) {
        ksi_close_done(&mine->emit, close_time);
        ksi_session_store_keep_from(table->sessions, close_time);
    }
}

/* ---- the node -------------------------------------------------------------------------------- */

/* What ends before that is closed. */
static int64_t close_time_of(int64_t stream_time, const ks_windows *windows)
{
    return stream_time - ksi_window_end(windows->grace_ms, windows->size_ms);
}

static void session_aggregate_process(ks_ctx *ctx, const void *config, void *state,
                                      const ks_record *record)
{
    const ksi_windowed_aggregate *aggregate = config;
    session_aggregate_state *mine = state;
    merging of = {.config = aggregate, .record = record};
    if (ks_value_is_null(record->key)) {
        ksi_ctx_drop(ctx, KS_DROP_NULL, "null key");
        return;
    }
    const int64_t close_time = close_time_of(
        ksi_operator_time_observe(&mine->time, record->timestamp), &aggregate->windows);
    of.end = &of.first;
    of.made.key =
        (ks_windowed){.key = record->key, .start = record->timestamp, .end = record->timestamp};
    of.made.value = ksi_fold_beginning(ctx, &aggregate->how);
    if (ksi_ctx_failed(ctx) || !ksi_table_store_key_bytes(&mine->table, record->key, &of.key) ||
        !merge_sessions(&mine->table, &of)) {
        return;
    }
    if (of.made.key.end < close_time) {
        ksi_ctx_drop(ctx, KS_DROP_LATE, "its session has closed");
    } else {
        update(&mine->table, &of);
    }
    if (aggregate->how.table.emits_on_close && !ksi_ctx_failed(ctx)) {
        emit_closed(mine, record, close_time);
    }
}

static const ksi_processor_class session_aggregate_class = {.state_size =
                                                                sizeof(session_aggregate_state),
                                                            .init = session_aggregate_init,
                                                            .process = session_aggregate_process};

ksi_processor ksi_op_session_aggregate(const ksi_windowed_aggregate *aggregate)
{
    return (ksi_processor){.class = &session_aggregate_class, .config = aggregate};
}
