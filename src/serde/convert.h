/* SPDX-License-Identifier: Apache-2.0 */
/*
 * convert.h - values to bytes and back through a serde, with null left out.
 *
 * Null is null on every topic and in every store, and no serde is ever asked about it. That rule
 * stands here, so that whoever calls a serde need not remember it.
 *
 * Thread rule: the owner of the arena.
 */
#ifndef KSI_SERDE_CONVERT_H
#define KSI_SERDE_CONVERT_H

#include "base/error.h"

#include <kstreams/serde.h>

/* Null gives the null slice. */
KS_NODISCARD static inline ks_status ksi_serialize(const ks_serde *serde, const ks_serde_ctx *where,
                                                   ks_value value, ks_arena *arena, ks_slice *bytes,
                                                   ks_error *error)
{
    if (ks_value_is_null(value)) {
        *bytes = ks_slice_null();
        return KS_OK;
    }
    ks_status status = serde->serialize(serde, where, value, arena, bytes, error);
    return status == KS_OK ? KS_OK : ksi_error_complete(error, status, "serde", serde->name);
}

/* The null slice gives null. */
KS_NODISCARD static inline ks_status ksi_deserialize(const ks_serde *serde,
                                                     const ks_serde_ctx *where, ks_slice bytes,
                                                     ks_arena *arena, ks_value *value,
                                                     ks_error *error)
{
    if (bytes.data == NULL) {
        *value = ks_null();
        return KS_OK;
    }
    ks_status status = serde->deserialize(serde, where, bytes, arena, value, error);
    return status == KS_OK ? KS_OK : ksi_error_complete(error, status, "serde", serde->name);
}

#endif
