/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outer_rows.c - see outer_rows.h. A row is read whole before one value is added: lists are short,
 * because only records of one key, side and millisecond share one.
 */
#include "ops/outer_rows.h"

#include "base/endian.h"
#include "base/error.h"

#include <string.h>

enum {
    SIDE_AT = 8, /* behind the time */
    KEY_AT = 9,
    LIST_OF_ANY_SIZE = 1, /* how Java's list serde marks values of different sizes */
    COUNT_AT = 1,
    VALUES_AT = 5,
    SIZE_BYTES = 4,
    SIDE_BYTES = 1
};

static uint8_t side_byte(ksi_join_side side)
{
    return side == KSI_JOIN_LEFT ? 1 : 0;
}

/* ---- writing --------------------------------------------------------------------------------- */

static ks_slice key_bytes(ks_ctx *ctx, const ksi_outer_key *key)
{
    uint8_t *bytes = ksi_arena_alloc(ctx->arena, KEY_AT + key->key.size);
    ksi_put_be64(bytes, (uint64_t)key->time);
    bytes[SIDE_AT] = side_byte(key->side);
    if (key->key.size > 0) {
        memcpy(bytes + KEY_AT, key->key.data, key->key.size);
    }
    return ks_slice_of(bytes, KEY_AT + key->key.size);
}

/* `list` with one value more; null for none so far. */
static ks_slice longer_list(ks_ctx *ctx, ks_slice list, ksi_join_side side, ks_slice value)
{
    size_t before = list.data != NULL ? list.size : VALUES_AT;
    uint32_t count = list.data != NULL ? ksi_get_be32(list.data + COUNT_AT) : 0;
    size_t size = before + SIZE_BYTES + SIDE_BYTES + value.size;
    uint8_t *bytes = ksi_arena_alloc(ctx->arena, size);
    if (list.data != NULL) {
        memcpy(bytes, list.data, list.size);
    }
    bytes[0] = LIST_OF_ANY_SIZE;
    ksi_put_be32(bytes + COUNT_AT, count + 1);
    ksi_put_be32(bytes + before, (uint32_t)(SIDE_BYTES + value.size));
    bytes[before + SIZE_BYTES] = side_byte(side);
    if (value.size > 0) {
        memcpy(bytes + before + SIZE_BYTES + SIDE_BYTES, value.data, value.size);
    }
    return ks_slice_of(bytes, size);
}

static ks_status refuse(const ksi_key_value_store *store, ks_error *error)
{
    return ksi_error_set(error, KS_E_STORE, ksi_key_value_store_spec(store)->name,
                         "it has a row that is none of a join of streams; another program may have "
                         "written to its changelog, so give the join a store_name of its own");
}

static bool is_list(ks_slice value)
{
    return value.size >= VALUES_AT && value.data[0] == LIST_OF_ANY_SIZE;
}

ks_status ksi_outer_rows_add(ksi_key_value_store *store, ks_ctx *ctx, const ksi_outer_key *key,
                             ks_slice value, ks_error *error)
{
    ks_slice bytes = key_bytes(ctx, key);
    ks_slice list = ks_slice_null();
    if (value.data != NULL) {
        ksi_row row;
        bool found = false;
        KS_TRY(ksi_key_value_store_read(store, bytes, &row, &found, error));
        if (found && !is_list(row.value)) {
            return refuse(store, error);
        }
        list = longer_list(ctx, found ? row.value : ks_slice_null(), key->side, value);
    }
    return ksi_key_value_store_write(store, bytes, list, -1, &ctx->record, error);
}

ks_status ksi_outer_rows_match(ksi_key_value_store *store, ks_ctx *ctx, const ksi_outer_key *key,
                               ks_error *error)
{
    ks_slice bytes = key_bytes(ctx, key);
    ksi_row row;
    bool found = false;
    KS_TRY(ksi_key_value_store_read(store, bytes, &row, &found, error));
    return found ? ksi_key_value_store_write(store, bytes, ks_slice_null(), -1, &ctx->record, error)
                 : KS_OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

ks_status ksi_outer_row_read(const ksi_key_value_store *store, const ksi_row *row,
                             ksi_outer_row *result, ks_error *error)
{
    if (row->key.size < KEY_AT || !is_list(row->value)) {
        return refuse(store, error);
    }
    bool is_left = (uint8_t)row->key.data[SIDE_AT] == side_byte(KSI_JOIN_LEFT);
    *result = (ksi_outer_row){
        .key = {.time = (int64_t)ksi_get_be64(row->key.data),
                .side = is_left ? KSI_JOIN_LEFT : KSI_JOIN_RIGHT,
                .key = ks_slice_of(row->key.data + KEY_AT, row->key.size - KEY_AT)},
        .values = ks_slice_of(row->value.data + VALUES_AT, row->value.size - VALUES_AT),
        .count = ksi_get_be32(row->value.data + COUNT_AT)};
    return KS_OK;
}

ks_status ksi_outer_row_next(const ksi_key_value_store *store, ksi_outer_row *row, ks_slice *value,
                             ks_error *error)
{
    const ks_slice left = row->values;
    uint32_t size = left.size >= SIZE_BYTES ? ksi_get_be32(left.data) : 0;
    if (row->count == 0 || size < SIDE_BYTES || size > left.size - SIZE_BYTES) {
        return refuse(store, error);
    }
    *value = ks_slice_of(left.data + SIZE_BYTES + SIDE_BYTES, size - SIDE_BYTES);
    row->values = ks_slice_of(left.data + SIZE_BYTES + size, left.size - SIZE_BYTES - size);
    row->count--;
    return KS_OK;
}
