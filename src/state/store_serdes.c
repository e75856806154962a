/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_serdes.c - see store_serdes.h.
 */
#include "state/store_serdes.h"

#include "base/arena.h"
#include "base/error.h"
#include "serde/convert.h"

ks_status ksi_store_write_bytes(const ksi_store_serdes *serdes, bool is_key, ks_value value,
                                ks_arena *arena, ks_slice *bytes, ks_error *error)
{
    const ks_serde_ctx where = {.topic = serdes->topic, .is_key = is_key};
    ks_status status =
        ksi_serialize(is_key ? serdes->key : serdes->value, &where, value, arena, bytes, error);
    if (status != KS_OK) {
        ksi_error_prefix(error, "the %s given to store %s: ", is_key ? "key" : "value",
                         serdes->store);
    }
    return status;
}

ks_status ksi_store_key_bytes(const ksi_store_serdes *serdes, ks_value key, ks_arena *arena,
                              ks_slice *bytes, ks_error *error)
{
    if (ks_value_is_null(key)) {
        return ksi_error_set(error, KS_E_ARGUMENT, serdes->store,
                             "the key is null; a store has no entry for it");
    }
    return ksi_store_write_bytes(serdes, true, key, arena, bytes, error);
}

ks_status ksi_store_read_bytes(const ksi_store_serdes *serdes, bool is_key, ks_slice bytes,
                               ks_arena *arena, ks_value *value, ks_error *error)
{
    const ks_serde_ctx where = {.topic = serdes->topic, .is_key = is_key};
    ks_status status = ksi_deserialize(is_key ? serdes->key : serdes->value, &where,
                                       ksi_arena_copy(arena, bytes), arena, value, error);
    if (status != KS_OK) {
        ksi_error_prefix(error, "the %s of an entry of store %s: ", is_key ? "key" : "value",
                         serdes->store);
    }
    return status;
}
