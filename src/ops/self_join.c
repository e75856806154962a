/* SPDX-License-Identifier: Apache-2.0 */
/*
 * self_join.c - a join of a stream with itself that needs one store instead of two.
 *
 * A record meets those in the store twice: as the left one of a pair, then as the right one, and
 * once itself. The results and their order are those of the join with two stores: the pair with
 * itself stands before the first pair with a later record. It is left out for a record that is so
 * late that the second store would not have taken it. As in Java, left and outer joins become this
 * as well, since each record is its own partner: what has a null key is then dropped. @java
 * KStreamKStreamSelfJoin
 */
#include "base/error.h"
#include "ops/join_store.h"
#include "ops/ops.h"

typedef struct self_state {
    const ksi_stream_join *how;
    ksi_join_store store;
    ksi_join_task *task;
} self_state;

static ks_status self_init(ks_ctx *ctx, const void *config, void *state, ks_error *error)
{
    self_state *self = state;
    self->how = config;
    self->task = ksi_join_task_of(ctx, self->how);
    return ksi_join_store_open(&self->store, ctx, self->how->sides[KSI_JOIN_LEFT].store, error);
}

/* The record with itself, emitted at most once. */
typedef struct self_pair {
    ks_value value;
    bool is_due;
} self_pair;

static bool emit_self(ks_ctx *ctx, const ks_record *record, self_pair *own)
{
    bool is_due = own->is_due;
    own->is_due = false;
    return !is_due || ksi_join_emit(ctx, record, record->key, own->value, record->timestamp);
}

/* The record as one side of pairs with those in the store. False: the context failed. */
static bool meet(const self_state *self, ks_ctx *ctx, ks_slice key, const ks_record *record,
                 ksi_join_side side, self_pair *own)
{
    const ksi_stream_join *how = self->how;
    bool is_left = side == KSI_JOIN_LEFT;
    ksi_window_iterator *near =
        ksi_join_store_near(&self->store, key, record->timestamp,
                            is_left ? how->windows.before_ms : how->windows.after_ms,
                            is_left ? how->windows.after_ms : how->windows.before_ms);
    ksi_join_partner partner;
    bool go_on = true;
    while (go_on) {
        ksi_arena_mark mark = ksi_arena_save(ctx->arena);
        go_on = ksi_join_store_next(&self->store, ctx, near, &partner);
        bool is_later = go_on && partner.time > record->timestamp;
        if (is_later && !is_left) {
            go_on = emit_self(ctx, record, own);
        }
        if (go_on) {
            ks_value value = how->join(ctx, record->key, is_left ? record->value : partner.value,
                                       is_left ? partner.value : record->value, how->user);
            go_on = ksi_join_emit(ctx, record, record->key, value,
                                  is_later ? partner.time : record->timestamp);
        }
        ksi_arena_release(ctx->arena, mark);
    }
    ksi_window_iterator_close(near);
    return !ksi_ctx_failed(ctx);
}

static void self_process(ks_ctx *ctx, const void *config, void *state, const ks_record *record)
{
    const ksi_stream_join *how = config;
    const self_state *self = state;
    ks_error error;
    ks_slice key;
    if (ks_value_is_null(record->key) || ks_value_is_null(record->value)) {
        ksi_ctx_drop(ctx, KS_DROP_NULL, "null key or null value");
        return;
    }
    self_pair own = {.value = how->join(ctx, record->key, record->value, record->value, how->user)};
    if (ksi_ctx_failed(ctx)) {
        return;
    }
    ksi_join_task_advance(self->task, record->timestamp);
    const ks_join_windows *windows = &how->windows;
    int64_t retention_ms = windows->before_ms + windows->after_ms + windows->grace_ms;
    own.is_due = record->timestamp > self->task->stream_time - retention_ms + 1;
    ksi_error_begin(&error);
    if (ksi_join_store_key(&self->store, ctx, self->task, record->key, &key, &error) != KS_OK) {
        ksi_ctx_fail_error(ctx, &error);
        return;
    }
    if (meet(self, ctx, key, record, KSI_JOIN_LEFT, &own) &&
        meet(self, ctx, key, record, KSI_JOIN_RIGHT, &own)) {
        (void)emit_self(ctx, record, &own);
    }
}

static const ksi_processor_class self_class = {
    .state_size = sizeof(self_state), .init = self_init, .process = self_process};

ksi_processor ksi_op_self_join(const ksi_stream_join *join)
{
    return (ksi_processor){.class = &self_class, .config = join};
}
