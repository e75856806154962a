/* SPDX-License-Identifier: Apache-2.0 */
/*
 * windowed.c - serdes of windowed keys: the bytes of Java's windowed serializers.
 *
 *     time window     key | start i64                  big endian; the end follows from the size
 *     session         key | end i64 | start i64
 *
 * The bounds stand behind the key, so the key itself needs no length, and the bytes of one key's
 * windows have a common beginning: a topic is partitioned by that.
 *
 * Bytes that are too short for the bounds, or whose bounds are no window (Java's Window refuses
 * them: a negative start, an end before it), are an error. A window of a size always ends behind
 * its start; a session may end where it starts.
 *
 * The tempting wrong way is to write the end of a time window, too: topics that Java reads have the
 * start alone.
 *
 * Thread rule: any; the arena is the caller's.
 */
#include "serde/windowed.h"

#include <inttypes.h>

#include "base/arena.h"
#include "base/endian.h"
#include "serde/convert.h"

enum { BOUND_BYTES = 8, TIME_BYTES = BOUND_BYTES, SESSION_BYTES = 2 * BOUND_BYTES };

static const ks_windowed_serde *parts_of(const ks_serde *serde)
{
    return serde->config;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* The key in the window. */
static ks_status serialize_key(const ks_serde *serde, const ks_serde_ctx *ctx, ks_value value,
                               ks_arena *arena, ks_slice *key, ks_error *error)
{
    const char *where = ctx != NULL ? ctx->topic : NULL;
    if (ks_value_kind(value) != KS_KIND_WINDOWED) {
        return ksi_error_set(error, KS_E_SERDE, where,
                             "the serde %s writes windowed keys, and this value is of kind %s: "
                             "give the operation the serde of its keys",
                             serde->name, ks_kind_name(ks_value_kind(value)));
    }
    KS_TRY(ksi_serialize(parts_of(serde)->inner, ctx, ks_value_windowed(value)->key, arena, key,
                         error));
    if (key->data == NULL) {
        return ksi_error_set(error, KS_E_SERDE, where,
                             "the serde %s cannot write a window of the key null", serde->name);
    }
    return KS_OK;
}

/* The key with room for the bounds behind it, which are the caller's to write. */
static char *with_bounds(ks_arena *arena, ks_slice key, size_t bounds_size, ks_slice *bytes)
{
    char *to = ksi_arena_alloc(arena, key.size + bounds_size);
    if (key.size > 0) {
        memcpy(to, key.data, key.size);
    }
    *bytes = ks_slice_of(to, key.size + bounds_size);
    return to + key.size;
}

ks_status ks_time_windowed_serialize(const ks_serde *serde, const ks_serde_ctx *ctx, ks_value value,
                                     ks_arena *arena, ks_slice *bytes, ks_error *error)
{
    ks_slice key = ks_slice_null();
    KS_TRY(serialize_key(serde, ctx, value, arena, &key, error));
    ksi_put_be64(with_bounds(arena, key, TIME_BYTES, bytes),
                 (uint64_t)ks_value_windowed(value)->start);
    return KS_OK;
}

ks_status ks_session_windowed_serialize(const ks_serde *serde, const ks_serde_ctx *ctx,
                                        ks_value value, ks_arena *arena, ks_slice *bytes,
                                        ks_error *error)
{
    ks_slice key = ks_slice_null();
    KS_TRY(serialize_key(serde, ctx, value, arena, &key, error));
    char *bounds = with_bounds(arena, key, SESSION_BYTES, bytes);
    ksi_put_be64(bounds, (uint64_t)ks_value_windowed(value)->end);
    ksi_put_be64(bounds + BOUND_BYTES, (uint64_t)ks_value_windowed(value)->start);
    return KS_OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

static ks_status refuse_bounds(const ks_serde *serde, const ks_serde_ctx *ctx, int64_t start,
                               int64_t end, ks_error *error)
{
    return ksi_error_set(error, KS_E_SERDE, ctx != NULL ? ctx->topic : NULL,
                         "the serde %s read the bounds %" PRId64 " and %" PRId64
                         ", which are no window: what was written here is of another type, or its "
                         "windows are of another size",
                         serde->name, start, end);
}

static ks_status check_size(const ks_serde *serde, const ks_serde_ctx *ctx, ks_slice bytes,
                            size_t bounds_size, ks_error *error)
{
    if (bytes.size >= bounds_size) {
        return KS_OK;
    }
    return ksi_error_set(error, KS_E_SERDE, ctx != NULL ? ctx->topic : NULL,
                         "the serde %s reads at least %zu bytes, and there %s %zu: what was "
                         "written here is of another type",
                         serde->name, bounds_size, bytes.size == 1 ? "is" : "are", bytes.size);
}

static ks_slice key_before(ks_slice bytes, size_t bounds_size)
{
    return ks_slice_of(bytes.data, bytes.size - bounds_size);
}

ks_status ks_time_windowed_deserialize(const ks_serde *serde, const ks_serde_ctx *ctx,
                                       ks_slice bytes, ks_arena *arena, ks_value *value,
                                       ks_error *error)
{
    ks_windowed *windowed = ksi_arena_alloc(arena, sizeof *windowed);
    KS_TRY(check_size(serde, ctx, bytes, TIME_BYTES, error));
    KS_TRY(ksi_deserialize(parts_of(serde)->inner, ctx, key_before(bytes, TIME_BYTES), arena,
                           &windowed->key, error));
    windowed->start = (int64_t)ksi_get_be64(bytes.data + bytes.size - TIME_BYTES);
    windowed->end = windowed->start;
    if (windowed->start >= 0) {
        windowed->end = ksi_window_end(windowed->start, parts_of(serde)->size_ms);
    }
    if (windowed->start >= windowed->end) {
        return refuse_bounds(serde, ctx, windowed->start, windowed->end, error);
    }
    *value = ks_windowed_value(windowed);
    return KS_OK;
}

ks_status ks_session_windowed_deserialize(const ks_serde *serde, const ks_serde_ctx *ctx,
                                          ks_slice bytes, ks_arena *arena, ks_value *value,
                                          ks_error *error)
{
    ks_windowed *windowed = ksi_arena_alloc(arena, sizeof *windowed);
    KS_TRY(check_size(serde, ctx, bytes, SESSION_BYTES, error));
    KS_TRY(ksi_deserialize(parts_of(serde)->inner, ctx, key_before(bytes, SESSION_BYTES), arena,
                           &windowed->key, error));
    const char *bounds = bytes.data + bytes.size - SESSION_BYTES;
    windowed->end = (int64_t)ksi_get_be64(bounds);
    windowed->start = (int64_t)ksi_get_be64(bounds + BOUND_BYTES);
    if (windowed->start < 0 || windowed->end < windowed->start) {
        return refuse_bounds(serde, ctx, windowed->start, windowed->end, error);
    }
    *value = ks_windowed_value(windowed);
    return KS_OK;
}

/* ---- serdes of a topology's own -------------------------------------------------------------- */

static const ks_serde time_values = KS_TIME_WINDOWED_SERDE(NULL, 0);
static const ks_serde session_values = KS_SESSION_WINDOWED_SERDE(NULL);

static const ks_serde *make(ks_arena *arena, const ks_serde *inner, int64_t size_ms,
                            const ks_serde *values)
{
    if (inner == NULL) {
        return NULL;
    }
    ks_windowed_serde *parts = ksi_arena_alloc(arena, sizeof *parts);
    *parts = (ks_windowed_serde){.inner = inner, .size_ms = size_ms};
    ks_serde *serde = ksi_arena_alloc(arena, sizeof *serde);
    *serde = *values;
    serde->config = parts;
    return serde;
}

const ks_serde *ksi_time_windowed_serde(ks_arena *arena, const ks_serde *inner, int64_t size_ms)
{
    return make(arena, inner, size_ms, &time_values);
}

const ks_serde *ksi_session_windowed_serde(ks_arena *arena, const ks_serde *inner)
{
    return make(arena, inner, 0, &session_values);
}

size_t ksi_windowed_bounds_size(const ks_serde *serde)
{
    if (serde->serialize == ks_time_windowed_serialize) {
        return TIME_BYTES;
    }
    return serde->serialize == ks_session_windowed_serialize ? SESSION_BYTES : 0;
}

const ks_serde *ksi_windowed_inner(const ks_serde *serde)
{
    return ksi_windowed_bounds_size(serde) > 0 ? parts_of(serde)->inner : NULL;
}
