/* SPDX-License-Identifier: Apache-2.0 */
/*
 * join_store.c - see join_store.h. Values that are read stay in the row they stand in: it is
 * borrowed until the iterator goes on, and by then the result was forwarded.
 */
#include "ops/join_store.h"

#include "base/error.h"
#include "serde/convert.h"

ksi_join_task *ksi_join_task_of(ks_ctx *ctx, const ksi_stream_join *join)
{
    ksi_join_task *task = ksi_ctx_shared_state(ctx, join, sizeof *task);
    if (!task->has_begun) {
        *task = (ksi_join_task){.has_begun = true,
                                .time = ksi_operator_time_of(ctx, join->sides[KSI_JOIN_LEFT].store),
                                .stream_time = -1,
                                .min_time = INT64_MAX,
                                .key = ks_null()};
    }
    return task;
}

ks_status ksi_join_store_open(ksi_join_store *store, ks_ctx *ctx, const char *name, ks_error *error)
{
    *store = (ksi_join_store){.store = ksi_window_store_of(ctx->services->store(ctx, name))};
    if (store->store == NULL) {
        return ksi_error_set(error, KS_E_STORE, ctx->node->node->name,
                             "no window store '%s' is connected to this node", name);
    }
    const ksi_store_spec *spec = ksi_window_store_spec(store->store);
    const char *what = ksi_arena_format(ctx->task_arena, "store %s", name);
    KS_TRY(ksi_ctx_key_serde(ctx, spec->key, what, &store->key, error));
    KS_TRY(ksi_ctx_value_serde(ctx, spec->value, what, &store->value, error));
    store->topic = ksi_changelog_topic_name(ctx->application_id, name, ctx->task_arena);
    return KS_OK;
}

/* ---- one record ------------------------------------------------------------------------------ */

static bool is_same(ks_value a, ks_value b)
{
    return a.bits == b.bits && a.size == b.size && a.kind == b.kind;
}

ks_status ksi_join_store_key(const ksi_join_store *store, ks_ctx *ctx, ksi_join_task *task,
                             ks_value key, ks_slice *bytes, ks_error *error)
{
    if (!is_same(task->key, key)) {
        const ks_serde_ctx where = {.topic = store->topic, .is_key = true};
        task->key = ks_null();
        KS_TRY(ksi_serialize(store->key, &where, key, ctx->arena, &task->key_bytes, error));
        task->key = key;
    }
    *bytes = task->key_bytes;
    return KS_OK;
}

ks_status ksi_join_store_put(const ksi_join_store *store, ks_ctx *ctx, ks_slice key,
                             const ks_record *record, ks_error *error)
{
    const ks_serde_ctx where = {.topic = store->topic};
    ksi_window_row row = {.key = key, .start = record->timestamp, .timestamp = record->timestamp};
    KS_TRY(ksi_serialize(store->value, &where, record->value, ctx->arena, &row.value, error));
    return ksi_window_store_put(store->store, &row, &ctx->record, error);
}

/* ---- the records near one -------------------------------------------------------------------- */

static int64_t not_before_zero(int64_t time)
{
    return time > 0 ? time : 0;
}

int64_t ksi_join_time_to(int64_t time, int64_t after_ms)
{
    return not_before_zero(ksi_join_sum(time, after_ms));
}

ksi_window_iterator *ksi_join_store_near(const ksi_join_store *store, ks_slice key, int64_t time,
                                         int64_t before_ms, int64_t after_ms)
{
    const ksi_window_range range = {
        .key_from = key,
        .key_to = key,
        .from = not_before_zero((int64_t)((uint64_t)time - (uint64_t)before_ms)),
        .to = ksi_join_time_to(time, after_ms)};
    return ksi_window_store_fetch(store->store, &range);
}

bool ksi_join_store_next(const ksi_join_store *store, ks_ctx *ctx, ksi_window_iterator *near,
                         ksi_join_partner *partner)
{
    const ks_serde_ctx where = {.topic = store->topic};
    ks_error error;
    ksi_window_row row = {0};
    bool found = false;
    ksi_error_begin(&error);
    ks_status status = ksi_window_iterator_next(near, &row, &found, &error);
    if (status == KS_OK && found) {
        partner->time = row.start;
        status =
            ksi_deserialize(store->value, &where, row.value, ctx->arena, &partner->value, &error);
    }
    if (status != KS_OK) {
        ksi_ctx_fail_error(ctx, &error);
    }
    return status == KS_OK && found;
}
