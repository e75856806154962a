/* SPDX-License-Identifier: Apache-2.0 */
/*
 * derived_table.h - the value of a derived table for a value of its parent: for the table's own
 * node, and for others that read the table through its parent (table_view.h).
 *
 * Each that derives has an own state of the transformer, as Java, which asks its supplier again.
 *
 * Thread rule: the thread of the task.
 */
#ifndef KSI_OPS_DERIVED_TABLE_H
#define KSI_OPS_DERIVED_TABLE_H

#include "ops/ops.h"

/* One derivation at work: in a node's state or a reader's. */
typedef struct ksi_derivation {
    const ksi_derived_table *how;
    void *state; /* of the transformer; NULL: it has none */
} ksi_derivation;

/* From a node's init. A failure of the transformer's is on the context. */
void ksi_derivation_open(ksi_derivation *derivation, ks_ctx *ctx, const ksi_derived_table *how);
void ksi_derivation_close(ksi_derivation *derivation);

/*
 * The derived value of a parent's row or change, which `record` has as its value. Null is derived
 * as null, but a transformer is asked about it. What it answers after a failure is not used.
 */
ks_value ksi_derive(const ksi_derivation *derivation, ks_ctx *ctx, const ks_record *record);

#endif
