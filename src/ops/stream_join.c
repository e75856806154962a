/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_join.c - joins of two streams within a window: inner, left and outer.
 *
 *      left  --> window --> join --+        window: forwards a record, then puts it into the store
 *                 | store     |    |                of its side, so that it does not meet itself
 *                             +----+--> merge       when both sides are one stream
 *                 | store     |    |        join:   meets the records of the other side's store
 *      right --> window --> join --+
 *
 * A result has the larger timestamp of the two, and the headers of the record that came last. No
 * record is too late for a partner that is still in its store.
 *
 * Without partner. On a side that emits such records one that meets nobody is emitted with null at
 * once if no partner can come in time any more. Otherwise it waits in the outer store
 * (outer_rows.h), which both sides share. A partner takes it out. A record that is as late as the
 * stream time first emits those whose windows have closed, in the order of their times, with their
 * own times and its headers.
 *
 * The look for closed windows walks the store, so two conditions stand before it: the lowest time
 * that may be in there, and an interval of the wall clock. What they let through decides which
 * result comes when, and so both are Java's to the letter: the lowest time is that of the last row
 * that was looked at, and while none is known the sum comes around to a negative number, which lets
 * every look through. That is also what finds the rows of a store that was restored.
 *
 * Nulls. A null key joins nobody: a side that emits such records emits it at once, the other drops
 * it. A null value is dropped and counted. @java KStreamKStreamJoin, KStreamJoinWindow
 */
#include "base/buffer.h"
#include "base/endian.h"
#include "base/error.h"
#include "config/config.h"
#include "ops/join_store.h"
#include "ops/ops.h"
#include "ops/outer_rows.h"
#include "ops/throttle.h"
#include "serde/convert.h"

/* True when the status is KS_OK; else the context fails. */
static bool succeeds(ks_ctx *ctx, ks_status status, const ks_error *error)
{
    if (status != KS_OK) {
        ksi_ctx_fail_error(ctx, error);
    }
    return status == KS_OK;
}

/* ---- into the store -------------------------------------------------------------------------- */

typedef struct window_state {
    ksi_join_store own;
    ksi_join_task *task;
} window_state;

static ks_status window_init(ks_ctx *ctx, const void *config, void *state, ks_error *error)
{
    const ksi_stream_join_side *side = config;
    window_state *window = state;
    window->task = ksi_join_task_of(ctx, side->join);
    return ksi_join_store_open(&window->own, ctx, side->store, error);
}

static void window_process(ks_ctx *ctx, const void *config, void *state, const ks_record *record)
{
    const window_state *window = state;
    ks_error error;
    ks_slice key;
    (void)config;
    window->task->key = ks_null();
    ksi_forward(ctx, record);
    if (ksi_ctx_failed(ctx) || ks_value_is_null(record->key)) {
        return;
    }
    ksi_error_begin(&error);
    ks_status status =
        ksi_join_store_key(&window->own, ctx, window->task, record->key, &key, &error);
    if (status == KS_OK) {
        status = ksi_join_store_put(&window->own, ctx, key, record, &error);
    }
    (void)succeeds(ctx, status, &error);
}

static const ksi_processor_class window_class = {.state_size = sizeof(window_state),
                                                 .init = window_init,
                                                 .process = window_process,
                                                 .keeps_key = true};

ksi_processor ksi_op_stream_join_window(const ksi_stream_join_side *side)
{
    return (ksi_processor){.class = &window_class, .config = side};
}

/* ---- with the other side --------------------------------------------------------------------- */

typedef struct join_state {
    const ksi_stream_join *how;
    const ksi_stream_join_side *side;
    int64_t before_ms; /* where partners of this side are */
    int64_t after_ms;
    ksi_join_store other;
    ksi_join_task *task;
    ksi_key_value_store *outer; /* NULL: an inner join */
    const char *outer_topic;
    const ks_serde *values[KSI_JOIN_SIDES]; /* with `outer` */
    int64_t emit_interval_ms;
} join_state;

static ks_status open_outer(join_state *join, ks_ctx *ctx, ks_error *error)
{
    const ksi_stream_join *how = join->how;
    join->outer = ksi_key_value_store_of(ctx->services->store(ctx, how->outer_store));
    if (join->outer == NULL) {
        return ksi_error_set(error, KS_E_STORE, ctx->node->node->name,
                             "no key-value store '%s' is connected to this node", how->outer_store);
    }
    const char *what = ksi_arena_format(ctx->task_arena, "store %s", how->outer_store);
    for (size_t i = 0; i < KSI_JOIN_SIDES; i++) {
        KS_TRY(ksi_ctx_value_serde(ctx, how->sides[i].value, what, &join->values[i], error));
    }
    join->outer_topic =
        ksi_changelog_topic_name(ctx->application_id, how->outer_store, ctx->task_arena);
    join->emit_interval_ms = ksi_config_i64(
        ctx->config, "__emit.interval.ms.kstreams.outer.join.spurious.results.fix__");
    return KS_OK;
}

static ks_status join_init(ks_ctx *ctx, const void *config, void *state, ks_error *error)
{
    const ksi_stream_join_side *side = config;
    const ksi_stream_join *how = side->join;
    join_state *join = state;
    bool is_left = side->side == KSI_JOIN_LEFT;
    *join = (join_state){.how = how,
                         .side = side,
                         .before_ms = is_left ? how->windows.before_ms : how->windows.after_ms,
                         .after_ms = is_left ? how->windows.after_ms : how->windows.before_ms,
                         .task = ksi_join_task_of(ctx, how)};
    const ksi_stream_join_side *other = &how->sides[is_left ? KSI_JOIN_RIGHT : KSI_JOIN_LEFT];
    KS_TRY(ksi_join_store_open(&join->other, ctx, other->store, error));
    return how->outer_store != NULL ? open_outer(join, ctx, error) : KS_OK;
}

static ks_value join_values(const ksi_stream_join *how, ks_ctx *ctx, ksi_join_side side,
                            ks_value key, ks_value own, ks_value other)
{
    bool is_left = side == KSI_JOIN_LEFT;
    return how->join(ctx, key, is_left ? own : other, is_left ? other : own, how->user);
}

/* The record with nobody. */
static void emit_alone(const join_state *join, ks_ctx *ctx, const ks_record *record)
{
    ks_value value =
        join_values(join->how, ctx, join->side->side, record->key, record->value, ks_null());
    (void)ksi_join_emit(ctx, record, record->key, value, record->timestamp);
}

/* ---- what has waited in vain ----------------------------------------------------------------- */

/* Whether a record of the row's side and time may still find a partner. */
static bool is_window_open(const join_state *join, const ksi_outer_key *key)
{
    const ks_join_windows *windows = &join->how->windows;
    int64_t reach = key->side == KSI_JOIN_LEFT ? windows->after_ms : windows->before_ms;
    return ksi_join_sum(ksi_join_sum(key->time, reach), windows->grace_ms) >=
           join->task->stream_time;
}

/* False: the context failed. */
static bool emit_waiting(const join_state *join, ks_ctx *ctx, const ks_record *record,
                         const ksi_outer_key *from, ks_slice bytes)
{
    const ks_serde_ctx where = {.topic = join->outer_topic};
    const ks_serde_ctx where_key = {.topic = join->outer_topic, .is_key = true};
    ks_error error;
    ks_value key;
    ks_value own;
    ksi_error_begin(&error);
    ks_status status =
        ksi_deserialize(join->other.key, &where_key, from->key, ctx->arena, &key, &error);
    if (status == KS_OK) {
        status = ksi_deserialize(join->values[from->side], &where, bytes, ctx->arena, &own, &error);
    }
    if (!succeeds(ctx, status, &error)) {
        return false;
    }
    ks_value value = join_values(join->how, ctx, from->side, key, own, ks_null());
    return ksi_join_emit(ctx, record, key, value, from->time);
}

/* The key of the row that was emitted last and is still there; empty: none. */
static bool delete_emitted(const join_state *join, ks_ctx *ctx, ksi_buffer *emitted)
{
    ks_error error;
    if (emitted->size == 0) {
        return true;
    }
    ksi_error_begin(&error);
    ks_status status = ksi_key_value_store_write(join->outer, ksi_buffer_slice(emitted),
                                                 ks_slice_null(), -1, &ctx->record, &error);
    ksi_buffer_clear(emitted);
    return succeeds(ctx, status, &error);
}

/*
 * Emits all of a row. The row before it is deleted behind the first of them, as Java does, so that
 * what a joiner refuses is asked of it again.
 */
static bool emit_row(const join_state *join, ks_ctx *ctx, const ks_record *record,
                     ksi_outer_row *row, ksi_buffer *emitted)
{
    bool go_on = true;
    while (go_on && row->count > 0) {
        ks_error error;
        ks_slice value;
        ksi_error_begin(&error);
        ksi_arena_mark mark = ksi_arena_save(ctx->arena);
        go_on = succeeds(ctx, ksi_outer_row_next(join->outer, row, &value, &error), &error) &&
                emit_waiting(join, ctx, record, &row->key, value) &&
                delete_emitted(join, ctx, emitted);
        ksi_arena_release(ctx->arena, mark);
    }
    return go_on;
}

/* `*first_open`: the time of the first row that stays. False: the context failed. */
static bool emit_closed(const join_state *join, ks_ctx *ctx, const ks_record *record,
                        ksi_merged_iterator *rows, ksi_buffer *emitted, int64_t *first_open)
{
    bool is_open[KSI_JOIN_SIDES] = {false, false};
    *first_open = INT64_MAX;
    for (;;) {
        ks_error error;
        ksi_row stored = {0};
        ksi_outer_row row = {0};
        bool found = false;
        ksi_error_begin(&error);
        ks_status status = ksi_merged_iterator_next(rows, &stored, &found, &error);
        if (status == KS_OK && found) {
            status = ksi_outer_row_read(join->outer, &stored, &row, &error);
        }
        if (!succeeds(ctx, status, &error)) {
            return false;
        }
        if (!found) {
            return delete_emitted(join, ctx, emitted);
        }
        join->task->min_time = row.key.time;
        if (is_open[KSI_JOIN_LEFT] && is_open[KSI_JOIN_RIGHT]) {
            return delete_emitted(join, ctx, emitted); /* all rows behind it are younger */
        }
        if (is_window_open(join, &row.key)) {
            is_open[row.key.side] = true;
            *first_open = row.key.time < *first_open ? row.key.time : *first_open;
            continue;
        }
        if (!emit_row(join, ctx, record, &row, emitted)) {
            return false;
        }
        ksi_buffer_append(emitted, stored.key.data, stored.key.size);
    }
}

/*
 * Emits what has waited in vain, if it may be time to look. A look begins where the first record
 * may be: what was emitted since the last commit still stands before it, as deletions, and walking
 * over them at each look would take ever longer. False: the context failed.
 */
static bool look_for_closed(const join_state *join, ks_ctx *ctx, const ks_record *record)
{
    ksi_join_task *task = join->task;
    int64_t closes_at =
        ksi_join_sum(ksi_join_sum(task->min_time, join->after_ms), join->how->windows.grace_ms);
    if (closes_at >= task->stream_time) {
        return true;
    }
    if (!ksi_throttle_passes(&task->next_emit, join->emit_interval_ms, ksi_wall_ms(ctx->clock))) {
        return true;
    }
    task->min_time = INT64_MAX;
    char none_before[sizeof(int64_t)];
    ksi_put_be64(none_before, (uint64_t)task->none_before);
    ksi_buffer emitted = {0};
    int64_t first_open;
    ksi_merged_iterator *rows = ksi_key_value_store_iterate(
        join->outer, &(ksi_row_range){.low = ks_slice_of(none_before, sizeof none_before)});
    bool go_on = emit_closed(join, ctx, record, rows, &emitted, &first_open);
    ksi_merged_iterator_close(rows);
    ksi_buffer_destroy(&emitted);
    if (go_on) {
        task->none_before = first_open;
    }
    return go_on;
}

/* ---- one record ------------------------------------------------------------------------------ */

/* A pair was found: its partner waits no longer. False: the context failed. */
static bool emit_pair(const join_state *join, ks_ctx *ctx, ks_slice key, const ks_record *record,
                      const ksi_join_partner *partner)
{
    ksi_join_side side = join->side->side;
    if (join->outer != NULL) {
        ks_error error;
        const ksi_outer_key waiting = {.time = partner->time,
                                       .side =
                                           side == KSI_JOIN_LEFT ? KSI_JOIN_RIGHT : KSI_JOIN_LEFT,
                                       .key = key};
        ksi_error_begin(&error);
        if (!succeeds(ctx, ksi_outer_rows_match(join->outer, ctx, &waiting, &error), &error)) {
            return false;
        }
    }
    ks_value value = join_values(join->how, ctx, side, record->key, record->value, partner->value);
    int64_t time = partner->time > record->timestamp ? partner->time : record->timestamp;
    return ksi_join_emit(ctx, record, record->key, value, time);
}

/* False: the context failed. */
static bool meet_partners(const join_state *join, ks_ctx *ctx, ks_slice key,
                          const ks_record *record, bool *has_any)
{
    ksi_window_iterator *near =
        ksi_join_store_near(&join->other, key, record->timestamp, join->before_ms, join->after_ms);
    bool go_on = true;
    *has_any = false;
    while (go_on) {
        ksi_join_partner partner;
        ksi_arena_mark mark = ksi_arena_save(ctx->arena);
        go_on = ksi_join_store_next(&join->other, ctx, near, &partner);
        if (go_on) {
            *has_any = true;
            go_on = emit_pair(join, ctx, key, record, &partner);
        }
        ksi_arena_release(ctx->arena, mark);
    }
    ksi_window_iterator_close(near);
    return !ksi_ctx_failed(ctx);
}

/* Nobody was there: the record waits if somebody may still come. */
static void wait_or_emit(const join_state *join, ks_ctx *ctx, ks_slice key, const ks_record *record)
{
    ksi_join_task *task = join->task;
    if (ksi_join_time_to(record->timestamp, join->after_ms) < task->stream_time) {
        emit_alone(join, ctx, record);
        return;
    }
    ks_error error;
    ks_slice value;
    ksi_join_side side = join->side->side;
    const ks_serde_ctx where = {.topic = join->outer_topic};
    const ksi_outer_key waiting = {.time = record->timestamp, .side = side, .key = key};
    task->min_time = record->timestamp < task->min_time ? record->timestamp : task->min_time;
    task->none_before =
        record->timestamp < task->none_before ? record->timestamp : task->none_before;
    ksi_error_begin(&error);
    ks_status status =
        ksi_serialize(join->values[side], &where, record->value, ctx->arena, &value, &error);
    if (status == KS_OK) {
        status = ksi_outer_rows_add(join->outer, ctx, &waiting, value, &error);
    }
    (void)succeeds(ctx, status, &error);
}

static void join_process(ks_ctx *ctx, const void *config, void *state, const ks_record *record)
{
    const ksi_stream_join_side *side = config;
    const join_state *join = state;
    ks_error error;
    ks_slice key;
    bool has_partner = false;
    ksi_join_task_advance(join->task, record->timestamp);
    if (ks_value_is_null(record->value) ||
        (ks_value_is_null(record->key) && !side->emits_unmatched)) {
        ksi_ctx_drop(ctx, KS_DROP_NULL, "null key or null value");
        return;
    }
    if (ks_value_is_null(record->key)) {
        emit_alone(join, ctx, record);
        return;
    }
    if (join->outer != NULL && record->timestamp == join->task->stream_time &&
        !look_for_closed(join, ctx, record)) {
        return;
    }
    ksi_error_begin(&error);
    ks_status status = ksi_join_store_key(&join->other, ctx, join->task, record->key, &key, &error);
    if (succeeds(ctx, status, &error) && meet_partners(join, ctx, key, record, &has_partner) &&
        !has_partner && side->emits_unmatched) {
        wait_or_emit(join, ctx, key, record);
    }
}

static const ksi_processor_class join_class = {
    .state_size = sizeof(join_state), .init = join_init, .process = join_process};

ksi_processor ksi_op_stream_join(const ksi_stream_join_side *side)
{
    return (ksi_processor){.class = &join_class, .config = side};
}
