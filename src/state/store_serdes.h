/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_serdes.h - keys and values of a store to bytes and back, for the handles of every kind of
 * store.
 *
 * Thread rule: that of the store.
 */
#ifndef KSI_STATE_STORE_SERDES_H
#define KSI_STATE_STORE_SERDES_H

#include <kstreams/serde.h>

typedef struct ksi_store_serdes {
    const char *store; /* its name, for messages */
    const char *topic; /* of its changelog, which serdes are told */
    const ks_serde *key;
    const ks_serde *value;
} ksi_store_serdes;

KS_NODISCARD ks_status ksi_store_write_bytes(const ksi_store_serdes *serdes, bool is_key,
                                             ks_value value, ks_arena *arena, ks_slice *bytes,
                                             ks_error *error);
/* A key, which must not be null. */
KS_NODISCARD ks_status ksi_store_key_bytes(const ksi_store_serdes *serdes, ks_value key,
                                           ks_arena *arena, ks_slice *bytes, ks_error *error);
/* What is read lives in the arena. */
KS_NODISCARD ks_status ksi_store_read_bytes(const ksi_store_serdes *serdes, bool is_key,
                                            ks_slice bytes, ks_arena *arena, ks_value *value,
                                            ks_error *error);

#endif
