/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grace_buffer.c - see grace_buffer.h.
 */
#include "ops/grace_buffer.h"

#include "base/endian.h"
#include "base/error.h"
#include "serde/convert.h"
#include "state/buffered_value.h"

enum {
    TIME_AT = 1,
    KEY_AT = TIME_AT + 8,
    NUMBER_SIZE = 4,
    AROUND_KEY = KEY_AT + NUMBER_SIZE,
    NUMBER_MASK = 0x7fffffff
};

/* What the changelog is told: Java leaves the time of its records to the producer. */
static const ksi_record_context no_context = {.partition = -1, .offset = -1, .timestamp = -1};

/* ---- rows ------------------------------------------------------------------------------------ */

static ks_status check_key(const ksi_grace_buffer *buffer, ks_slice row_key, ks_error *error)
{
    if (row_key.size >= AROUND_KEY) {
        return KS_OK;
    }
    return ksi_error_set(error, KS_E_CORRUPT, ksi_key_value_store_spec(buffer->store)->name,
                         "a key of %zu bytes is none of a buffer of records; its changelog was "
                         "written by something else",
                         row_key.size);
}

static int64_t time_of(ks_slice row_key)
{
    return (int64_t)ksi_get_be64(row_key.data + TIME_AT);
}

static ks_slice new_row_key(ks_arena *arena, int64_t time, ks_slice key)
{
    uint8_t *bytes = ksi_arena_alloc(arena, AROUND_KEY + key.size);
    bytes[0] = 0;
    ksi_put_be64(bytes + TIME_AT, (uint64_t)time);
    if (key.size > 0) {
        memcpy(bytes + KEY_AT, key.data, key.size);
    }
    return ks_slice_of(bytes, AROUND_KEY + key.size);
}

/* Gives the row the next number that is free. */
static ks_status take_number(ksi_grace_buffer *buffer, ks_slice row_key, ks_error *error)
{
    bool is_taken = true;
    ksi_row row;
    while (is_taken) {
        buffer->number = (buffer->number + 1) & NUMBER_MASK;
        /* the bytes are our own, fresh out of the arena */
        ksi_put_be32((uint8_t *)(uintptr_t)row_key.data + row_key.size - NUMBER_SIZE,
                     buffer->number);
        KS_TRY(ksi_key_value_store_read(buffer->store, row_key, &row, &is_taken, error));
    }
    return KS_OK;
}

static uint32_t number_of(ks_slice row_key)
{
    return ksi_get_be32(row_key.data + row_key.size - NUMBER_SIZE);
}

/* What the rows say of those who put them. */
static ks_status remember(ksi_grace_buffer *buffer, ksi_merged_iterator *rows, ks_error *error)
{
    bool found = true;
    while (found) {
        ksi_row row;
        KS_TRY(ksi_merged_iterator_next(rows, &row, &found, error));
        if (!found) {
            break;
        }
        KS_TRY(check_key(buffer, row.key, error));
        buffer->stream_time = time_of(row.key); /* they come in the order of time */
        if (buffer->earliest > buffer->stream_time) {
            buffer->earliest = buffer->stream_time;
        }
        if (buffer->number < number_of(row.key)) {
            buffer->number = number_of(row.key);
        }
    }
    return KS_OK;
}

/* ---- opening --------------------------------------------------------------------------------- */

ks_status ksi_grace_buffer_open(ksi_grace_buffer *buffer, ks_ctx *ctx, const ksi_grace *grace,
                                ks_error *error)
{
    *buffer = (ksi_grace_buffer){
        .store = ksi_key_value_store_of(ctx->services->store(ctx, grace->buffer)),
        .ctx = ctx,
        .topic = ctx->node->node->name,
        .grace_ms = grace->grace_ms,
        .stream_time = -1,
        .earliest = INT64_MAX};
    if (buffer->store == NULL) {
        return ksi_error_set(error, KS_E_STORE, ctx->node->node->name,
                             "no buffer '%s' is connected to this node", grace->buffer);
    }
    const char *what = ksi_arena_format(ctx->task_arena, "store %s", grace->buffer);
    KS_TRY(ksi_ctx_key_serde(ctx, grace->key, what, &buffer->key, error));
    KS_TRY(ksi_ctx_value_serde(ctx, grace->value, what, &buffer->value, error));
    ksi_merged_iterator *rows = ksi_key_value_store_iterate(buffer->store, &(ksi_row_range){0});
    ks_status status = remember(buffer, rows, error);
    ksi_merged_iterator_close(rows);
    return status;
}

void ksi_grace_buffer_close(ksi_grace_buffer *buffer)
{
    ksi_buffer_destroy(&buffer->bytes);
}

/* ---- waiting --------------------------------------------------------------------------------- */

/* Whether stream time is far enough ahead; a difference that does not fit is far enough. */
static bool is_due(const ksi_grace_buffer *buffer, int64_t time)
{
    int64_t ahead;
    return __builtin_sub_overflow(buffer->stream_time, buffer->grace_ms, &ahead)
               ? buffer->grace_ms < 0
               : time <= ahead;
}

/* Due already and not at this very moment. */
static bool is_late(const ksi_grace_buffer *buffer, int64_t time)
{
    return time < INT64_MAX && is_due(buffer, time + 1);
}

static ks_serde_ctx serde_ctx(const ksi_grace_buffer *buffer, bool is_key)
{
    return (ks_serde_ctx){
        .topic = buffer->topic, .is_key = is_key, .headers = buffer->ctx->record.headers};
}

static ks_status put(ksi_grace_buffer *buffer, const ks_record *record, ks_error *error)
{
    ks_arena *arena = buffer->ctx->arena;
    const ks_serde_ctx for_key = serde_ctx(buffer, true);
    const ks_serde_ctx for_value = serde_ctx(buffer, false);
    ksi_buffered_value waiting = {.context = buffer->ctx->record};
    ks_slice key;
    ks_ctx *ctx = buffer->ctx;
    KS_TRY(ksi_ctx_serialize(ctx, buffer->key, &for_key, record->key, &key, error));
    KS_TRY(ksi_ctx_serialize(ctx, buffer->value, &for_value, record->value, &waiting.new_value,
                             error));
    const ks_slice row_key = new_row_key(arena, record->timestamp, key);
    KS_TRY(take_number(buffer, row_key, error));
    ksi_buffer_clear(&buffer->bytes);
    ksi_buffered_value_write(&waiting, &buffer->bytes);
    return ksi_key_value_store_write(buffer->store, row_key, ksi_buffer_slice(&buffer->bytes), -1,
                                     &no_context, error);
}

bool ksi_grace_buffer_put(ksi_grace_buffer *buffer, const ks_record *record, bool *waits)
{
    ks_error error;
    ksi_error_begin(&error);
    *waits = !is_late(buffer, record->timestamp);
    if (*waits && put(buffer, record, &error) != KS_OK) {
        ksi_ctx_fail_error(buffer->ctx, &error);
        return false;
    }
    if (*waits && record->timestamp > buffer->stream_time) {
        buffer->stream_time = record->timestamp;
    }
    if (*waits && record->timestamp < buffer->earliest) {
        buffer->earliest = record->timestamp;
    }
    return true;
}

/* ---- letting go ------------------------------------------------------------------------------ */

/* Everything that is read lives in the record's arena. */
static ks_status read_record(const ksi_grace_buffer *buffer, ks_slice row_key, ks_slice bytes,
                             ks_record *record, ksi_record_context *context, ks_error *error)
{
    ks_arena *arena = buffer->ctx->arena;
    const ks_serde_ctx for_key = serde_ctx(buffer, true);
    const ks_serde_ctx for_value = serde_ctx(buffer, false);
    const ks_slice key = ks_slice_of(row_key.data + KEY_AT, row_key.size - AROUND_KEY);
    ksi_buffered_value waiting;
    KS_TRY(ksi_buffered_value_read(bytes, arena, &waiting, error));
    *context = waiting.context;
    *record = (ks_record){.timestamp = context->timestamp, .headers = context->headers};
    KS_TRY(ksi_deserialize(buffer->key, &for_key, key, arena, &record->key, error));
    return ksi_deserialize(buffer->value, &for_value, waiting.new_value, arena, &record->value,
                           error);
}

/* Emits a row in the name of the record that it was, and removes it. */
static ks_status release_row(ksi_grace_buffer *buffer, ks_slice row_key, ks_slice bytes,
                             ksi_grace_emit_fn *emit, void *owner, ks_error *error)
{
    ks_ctx *ctx = buffer->ctx;
    const ksi_record_context outer = ctx->record;
    const ks_record *outer_context_of = ctx->context_of;
    ks_record record;
    ksi_record_context context;
    KS_TRY(read_record(buffer, row_key, bytes, &record, &context, error));
    ctx->record = context;
    ctx->context_of = NULL;
    emit(owner, &record);
    ctx->record = outer;
    ctx->context_of = outer_context_of;
    if (ksi_ctx_failed(ctx)) {
        return KS_OK;
    }
    return ksi_key_value_store_write(buffer->store, row_key, ks_slice_null(), -1, &no_context,
                                     error);
}

/* Goes over the rows until one is not due, or the context fails. */
static ks_status release(ksi_grace_buffer *buffer, ksi_merged_iterator *rows,
                         ksi_grace_emit_fn *emit, void *owner, ks_error *error)
{
    ks_arena *arena = buffer->ctx->arena;
    while (!ksi_ctx_failed(buffer->ctx)) {
        bool found;
        ksi_row row;
        KS_TRY(ksi_merged_iterator_next(rows, &row, &found, error));
        if (found) {
            KS_TRY(check_key(buffer, row.key, error));
        }
        buffer->earliest = found ? time_of(row.key) : INT64_MAX;
        if (!found || !is_due(buffer, buffer->earliest)) {
            break;
        }
        const ksi_arena_mark mark = ksi_arena_save(arena);
        const ks_slice key = ksi_arena_copy(arena, row.key);
        const ks_slice bytes = ksi_arena_copy(arena, row.value);
        ks_status status = release_row(buffer, key, bytes, emit, owner, error);
        ksi_arena_release(arena, mark);
        KS_TRY(status);
    }
    return KS_OK;
}

void ksi_grace_buffer_release(ksi_grace_buffer *buffer, ksi_grace_emit_fn *emit, void *owner)
{
    if (!is_due(buffer, buffer->earliest)) {
        return;
    }
    ks_error error;
    ksi_error_begin(&error);
    ksi_merged_iterator *rows = ksi_key_value_store_iterate(buffer->store, &(ksi_row_range){0});
    if (release(buffer, rows, emit, owner, &error) != KS_OK) {
        ksi_ctx_fail_error(buffer->ctx, &error);
    }
    ksi_merged_iterator_close(rows);
}
