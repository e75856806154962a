/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fold.h - one step of count, reduce or aggregate, whatever the record is grouped into: a key, a
 * window, a session.
 *
 * What is returned after a failure of the context means nothing.
 *
 * Thread rule: the thread of the task.
 */
#ifndef KSI_OPS_FOLD_H
#define KSI_OPS_FOLD_H

#include "ops/table_store.h"

/* What a group without an aggregate begins with; null for reduce, whose first value it is. */
ks_value ksi_fold_beginning(ks_ctx *ctx, const ksi_aggregate *how);

/* The aggregate with the record in it. */
ks_value ksi_fold_next(ks_ctx *ctx, const ksi_aggregate *how, const ks_record *record,
                       ks_value before);

/*
 * Both for the row that a group has: `*row` comes back with what the group began with, if it had
 * none, and with the timestamp of the result, the larger of the row's and the record's. False: the
 * context failed.
 */
bool ksi_fold(ks_ctx *ctx, const ksi_aggregate *how, const ks_record *record, ksi_table_row *row,
              ks_value *next);

#endif
