/* SPDX-License-Identifier: Apache-2.0 */
/*
 * change_serde.c - see change_serde.h.
 */
#include "topology/change_serde.h"

#include "base/arena.h"
#include "base/error.h"
#include "serde/convert.h"
#include "topology/context.h"

#include <string.h>

enum { MAX_VARINT = 5, ONLY_OLD = 0, ONLY_NEW = 1, BOTH = 2, FIRST_WITH_LATEST = 3, FLAGS = 6 };

/* ---- writing --------------------------------------------------------------------------------- */

static char *put_varint(char *at, size_t size)
{
    uint64_t rest = (uint64_t)size << 1; /* zigzag of a number that is not negative */
    while (rest > 0x7f) {
        *at++ = (char)(uint8_t)(rest | 0x80);
        rest >>= 7;
    }
    *at++ = (char)(uint8_t)rest;
    return at;
}

static char *put_bytes(char *at, ks_slice bytes)
{
    if (bytes.size > 0) {
        memcpy(at, bytes.data, bytes.size);
    }
    return at + bytes.size;
}

static ks_status serialize(const ks_serde *serde, const ks_serde_ctx *ctx, ks_value value,
                           ks_arena *arena, ks_slice *bytes, ks_error *error)
{
    const ksi_change *change = ksi_value_change(value);
    ks_slice new_bytes;
    ks_slice old_bytes;
    KS_TRY(ksi_serialize(serde->config, ctx, change->new_value, arena, &new_bytes, error));
    KS_TRY(ksi_serialize(serde->config, ctx, change->old_value, arena, &old_bytes, error));
    bool has_new = !ks_value_is_null(change->new_value);
    bool has_old = !ks_value_is_null(change->old_value);
    if (!has_new && !has_old) {
        return ksi_error_set(error, KS_E_SERDE, serde->name,
                             "both values of a change are null, which says nothing");
    }
    char *data = ksi_arena_alloc(arena, MAX_VARINT + new_bytes.size + old_bytes.size + 1);
    char *at = has_new && has_old ? put_varint(data, new_bytes.size) : data;
    at = put_bytes(at, new_bytes);
    at = put_bytes(at, old_bytes);
    *at++ = has_new && has_old ? BOTH : has_new ? ONLY_NEW : ONLY_OLD;
    *bytes = ks_slice_of(data, (size_t)(at - data));
    return KS_OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Takes a varint off the front; false when there is none, or what it says is not there. */
static bool take_varint(ks_slice *rest, size_t *size)
{
    uint64_t number = 0;
    for (unsigned shift = 0; shift < MAX_VARINT * 7 && rest->size > 0; shift += 7) {
        uint8_t byte = (uint8_t)rest->data[0];
        *rest = ks_slice_of(rest->data + 1, rest->size - 1);
        number |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *size = (size_t)(number >> 1);
            return (number & 1) == 0 && number >> 1 <= rest->size;
        }
    }
    return false;
}

/* Takes flags off the end and splits what is left; false: the bytes are no change. */
static bool split(ks_slice bytes, ks_slice *new_bytes, ks_slice *old_bytes, bool *is_latest)
{
    if (bytes.size == 0) {
        return false;
    }
    uint8_t flag = (uint8_t)bytes.data[--bytes.size];
    *is_latest = true;
    if (flag >= FIRST_WITH_LATEST && flag < FLAGS) {
        if (bytes.size == 0 || (uint8_t)bytes.data[bytes.size - 1] > 1) {
            return false;
        }
        *is_latest = bytes.data[--bytes.size] == 1;
        flag = (uint8_t)(flag - FIRST_WITH_LATEST);
    }
    *new_bytes = flag == ONLY_NEW ? bytes : ks_slice_null();
    *old_bytes = flag == ONLY_OLD ? bytes : ks_slice_null();
    if (flag == BOTH) {
        size_t size;
        if (!take_varint(&bytes, &size)) {
            return false;
        }
        *new_bytes = ks_slice_of(bytes.data, size);
        *old_bytes = ks_slice_of(bytes.data + size, bytes.size - size);
    }
    return flag <= BOTH;
}

static ks_status deserialize(const ks_serde *serde, const ks_serde_ctx *ctx, ks_slice bytes,
                             ks_arena *arena, ks_value *value, ks_error *error)
{
    ks_slice new_bytes;
    ks_slice old_bytes;
    ksi_change *change = ksi_arena_zalloc(arena, sizeof *change);
    if (!split(bytes, &new_bytes, &old_bytes, &change->is_latest)) {
        return ksi_error_set(error, KS_E_SERDE, serde->name,
                             "these %zu bytes are no change of a table; does another program write "
                             "to this repartition topic?",
                             bytes.size);
    }
    KS_TRY(ksi_deserialize(serde->config, ctx, new_bytes, arena, &change->new_value, error));
    KS_TRY(ksi_deserialize(serde->config, ctx, old_bytes, arena, &change->old_value, error));
    *value = ksi_change_value(change);
    return KS_OK;
}

const ks_serde *ksi_change_serde(ks_arena *arena, const ks_serde *value)
{
    ks_serde *serde = ksi_arena_alloc(arena, sizeof *serde);
    *serde = (ks_serde){.struct_size = sizeof *serde,
                        .name = value->name,
                        .kind = KSI_KIND_CHANGE,
                        .serialize = serialize,
                        .deserialize = deserialize,
                        .config = value};
    return serde;
}

static const ks_serde *serde_in_task(const ksi_envelope *envelope, const ks_ctx *ctx,
                                     const ks_serde *value)
{
    (void)envelope;
    return ksi_change_serde(ctx->task_arena, value);
}

const ksi_envelope ksi_change_envelope = {.serde = serde_in_task};
