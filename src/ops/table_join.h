/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table_join.h - a joined row out of two rows: for those who read a joined table that has no store
 * (table_view.h).
 *
 * Thread rule: the thread of the task.
 */
#ifndef KSI_OPS_TABLE_JOIN_H
#define KSI_OPS_TABLE_JOIN_H

#include "ops/ops.h"
#include "ops/table_store.h"

/* Whether the right row has any say when there is this left one. */
bool ksi_table_join_needs_right(const ksi_table_join *how, const ksi_table_row *left);

/*
 * The row of the joined table; found when its value is not null, and then as late as the later of
 * the two. False: the context failed.
 */
bool ksi_table_join_rows(const ksi_table_join *how, ks_ctx *ctx, ks_value key,
                         const ksi_table_row *left, const ksi_table_row *right, ksi_table_row *row);

#endif
