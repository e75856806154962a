/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suppress.c - suppress of a table: updates are held back, for some time or until the window that
 * is their key has closed. @java KTableSuppressProcessorSupplier
 *
 *     update ---> buffer ---> oldest keys, once their time is over or the buffer is full ---> below
 *
 * Time is that of the updates that come by, so nothing is emitted while nothing comes, and what a
 * node above keeps back moves no time. A key waits since the time of its first update, or is due by
 * the end of its window.
 *
 * What is emitted goes down in the name of the record that was its last update: its timestamp and
 * headers, its topic and offset. The old value is that of the last update, too, and not what the
 * key had before it waited, as in Java.
 *
 * Of a window that has closed nothing was ever emitted, so a deletion is nothing to tell of; with a
 * time limit it may be one, and goes down.
 *
 * An update leaves the buffer after it was forwarded. A node below that reads this table meanwhile
 * sees what the key had before, as Java; and a failure leaves the update where it was.
 */
#include "ops/suppress.h"

#include "base/arena.h"
#include "base/error.h"
#include "ops/operator_time.h"
#include "serde/convert.h"
#include "topology/change.h"

/* ---- the buffer, through its serdes ---------------------------------------------------------- */

ks_status ksi_suppressed_open(ksi_suppressed *table, ks_ctx *ctx, const char *store,
                              ks_error *error)
{
    *table = (ksi_suppressed){.buffer = ksi_suppress_buffer_of(ctx->services->store(ctx, store)),
                              .ctx = ctx};
    if (table->buffer == NULL) {
        return ksi_error_set(error, KS_E_STORE, ctx->node->node->name,
                             "no buffer '%s' is connected to this node", store);
    }
    const ksi_store_spec *spec = ksi_suppress_buffer_spec(table->buffer);
    const char *what = ksi_arena_format(ctx->task_arena, "store %s", store);
    KS_TRY(ksi_ctx_key_serde(ctx, spec->key, what, &table->key, error));
    KS_TRY(ksi_ctx_value_serde(ctx, spec->value, what, &table->value, error));
    table->topic = ksi_changelog_topic_name(ctx->application_id, store, ctx->task_arena);
    return KS_OK;
}

static ks_status serialize(const ksi_suppressed *table, bool is_key, ks_value value,
                           ks_slice *bytes, ks_error *error)
{
    const ks_serde_ctx where = {
        .topic = table->topic, .is_key = is_key, .headers = table->ctx->record.headers};
    return ksi_ctx_serialize(table->ctx, is_key ? table->key : table->value, &where, value, bytes,
                             error);
}

static ks_status deserialize(const ksi_suppressed *table, bool is_key, ks_slice bytes,
                             ks_value *value, ks_error *error)
{
    const ks_serde_ctx where = {
        .topic = table->topic, .is_key = is_key, .headers = table->ctx->record.headers};
    return ksi_deserialize(is_key ? table->key : table->value, &where, bytes, table->ctx->arena,
                           value, error);
}

bool ksi_suppressed_prior(ksi_suppressed *table, ks_value key, ks_value *prior, bool *found)
{
    ks_error error;
    ks_slice key_bytes;
    ks_slice bytes;
    ksi_error_begin(&error);
    ks_status status = serialize(table, true, key, &key_bytes, &error);
    if (status == KS_OK) {
        status = ksi_suppress_buffer_prior(table->buffer, key_bytes, &bytes, found, &error);
    }
    if (status == KS_OK && *found) {
        status = deserialize(table, false, ksi_arena_copy(table->ctx->arena, bytes), prior, &error);
    }
    if (status != KS_OK) {
        ksi_ctx_fail_error(table->ctx, &error);
    }
    return status == KS_OK;
}

/* ---- the node -------------------------------------------------------------------------------- */

typedef struct suppress_state {
    ksi_suppressed table;
    ksi_operator_time time; /* of the updates that came by */
} suppress_state;

static ks_status suppress_init(ks_ctx *ctx, const void *config, void *state, ks_error *error)
{
    const ksi_suppress *how = config;
    suppress_state *here = state;
    here->time = ksi_operator_time_of(ctx, ctx->node->node->name);
    return ksi_suppressed_open(&here->table, ctx, how->buffer, error);
}

static ks_status hold_back(const ksi_suppress *how, const ksi_suppressed *table,
                           const ks_record *record, ks_error *error)
{
    const ksi_change *change = ksi_value_change(record->value);
    ksi_buffered_value update = {.context = table->ctx->record,
                                 .time = table->ctx->record.timestamp};
    ks_slice key;
    if (how->until_window_closes) {
        update.time = ks_value_windowed(record->key)->end;
    }
    KS_TRY(serialize(table, true, record->key, &key, error));
    KS_TRY(serialize(table, false, change->old_value, &update.old_value, error));
    KS_TRY(serialize(table, false, change->new_value, &update.new_value, error));
    return ksi_suppress_buffer_put(table->buffer, key, &update, error);
}

static ks_status forward(const ksi_suppressed *table, ks_slice key,
                         const ksi_buffered_value *update, ks_error *error)
{
    ks_ctx *ctx = table->ctx;
    ksi_change change = {.is_latest = true};
    ks_record record = {.timestamp = update->context.timestamp, .headers = update->context.headers};
    KS_TRY(deserialize(table, true, key, &record.key, error));
    KS_TRY(deserialize(table, false, update->new_value, &change.new_value, error));
    KS_TRY(deserialize(table, false, update->old_value, &change.old_value, error));
    record.value = ksi_change_value(&change);

    const ksi_record_context outer = ctx->record;
    const ks_record *outer_context_of = ctx->context_of;
    ctx->record = update->context;
    ctx->context_of = NULL;
    ksi_forward(ctx, &record);
    ctx->record = outer;
    ctx->context_of = outer_context_of;
    return KS_OK;
}

/* Emits what waits longest. False: the context failed. */
static bool emit_first(const ksi_suppress *how, const ksi_suppressed *table)
{
    ks_ctx *ctx = table->ctx;
    ks_error error;
    ks_slice key;
    ksi_buffered_value update;
    ksi_error_begin(&error);
    ksi_arena_mark mark = ksi_arena_save(ctx->arena);
    ks_status status = ksi_suppress_buffer_first(table->buffer, ctx->arena, &key, &update, &error);
    bool is_wanted = !how->until_window_closes || update.new_value.data != NULL;
    if (status == KS_OK && is_wanted) {
        status = forward(table, key, &update, &error);
    }
    if (status != KS_OK) {
        ksi_ctx_fail_error(ctx, &error);
    }
    bool is_done = !ksi_ctx_failed(ctx);
    if (is_done) {
        ksi_suppress_buffer_evict(table->buffer);
    }
    ksi_arena_release(ctx->arena, mark);
    return is_done;
}

static bool is_over_capacity(const ksi_suppress *how, const ksi_suppressed *table)
{
    return (int64_t)ksi_suppress_buffer_count(table->buffer) > how->max_records ||
           ksi_suppress_buffer_bytes(table->buffer) > how->max_bytes;
}

static void refuse_to_go_on(const ksi_suppress *how, const ksi_suppressed *table)
{
    ks_ctx_fail(table->ctx,
                "%s holds back more than its buffer may hold: %zu of %lld updates, %lld of %lld "
                "bytes; raise max_records or max_bytes of KS_SUPPRESSED, or emit early",
                table->ctx->node->node->name, ksi_suppress_buffer_count(table->buffer),
                (long long)how->max_records, (long long)ksi_suppress_buffer_bytes(table->buffer),
                (long long)how->max_bytes);
}

/* Whether a time lies so far back; in Java's arithmetic, which takes any limit. */
static bool is_due(const ksi_suppress *how, int64_t since, int64_t stream_time)
{
    return since <= (int64_t)((uint64_t)stream_time - (uint64_t)how->wait_ms);
}

static void suppress_process(ks_ctx *ctx, const void *config, void *state, const ks_record *record)
{
    const ksi_suppress *how = config;
    suppress_state *here = state;
    const ksi_suppressed *table = &here->table;
    ks_error error;
    ksi_error_begin(&error);
    const int64_t stream_time = ksi_operator_time_observe(&here->time, record->timestamp);
    if (hold_back(how, table, record, &error) != KS_OK) {
        ksi_ctx_fail_error(ctx, &error);
        return;
    }
    bool goes_on = true;
    while (goes_on && ksi_suppress_buffer_count(table->buffer) > 0 &&
           is_due(how, ksi_suppress_buffer_oldest(table->buffer), stream_time)) {
        goes_on = emit_first(how, table);
    }
    while (goes_on && is_over_capacity(how, table)) {
        if (!how->emits_early) {
            refuse_to_go_on(how, table);
            return;
        }
        goes_on = emit_first(how, table);
    }
}

static const ksi_processor_class suppress_class = {
    .state_size = sizeof(suppress_state), .init = suppress_init, .process = suppress_process};

ksi_processor ksi_op_suppress(const ksi_suppress *suppress)
{
    return (ksi_processor){.class = &suppress_class, .config = suppress};
}
