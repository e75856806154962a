/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suppress.h - the buffer of a suppressed table, seen through its serdes: for the table's own node,
 * and for others that read the table (table_view.h).
 *
 * Thread rule: the thread of the task.
 */
#ifndef KSI_OPS_SUPPRESS_H
#define KSI_OPS_SUPPRESS_H

#include "ops/ops.h"
#include "state/suppress_buffer.h"
#include "topology/context.h"

typedef struct ksi_suppressed {
    ksi_suppress_buffer *buffer;
    ks_ctx *ctx;
    const ks_serde *key;
    const ks_serde *value;
    const char *topic; /* the changelog's, for serdes */
} ksi_suppressed;

/* From the init of a node that the store is connected to. */
KS_NODISCARD ks_status ksi_suppressed_open(ksi_suppressed *table, ks_ctx *ctx, const char *store,
                                           ks_error *error);

/*
 * What a key had before its update was held back; not `*found`: nothing of it is. The value lives
 * in the record's arena. False: the context failed.
 */
bool ksi_suppressed_prior(ksi_suppressed *table, ks_value key, ks_value *prior, bool *found);

#endif
