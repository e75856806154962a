/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fold.c - see fold.h.
 *
 * As Java, count and aggregate hand down as the old value of a group's first update what they began
 * with, 0 or the initializer's, although no such row was ever there. Who asks for old values sees
 * it: a group of the result subtracts a row that nobody added. With a cache the old value comes
 * from the store and is null.
 */
#include "ops/fold.h"

ks_value ksi_fold_beginning(ks_ctx *ctx, const ksi_aggregate *how)
{
    if (how->reduce != NULL) {
        return ks_null();
    }
    return how->initialize != NULL ? how->initialize(ctx, how->user) : ks_i64(0);
}

ks_value ksi_fold_next(ks_ctx *ctx, const ksi_aggregate *how, const ks_record *record,
                       ks_value before)
{
    if (how->reduce != NULL) {
        return ks_value_is_null(before) ? record->value
                                        : how->reduce(ctx, before, record->value, how->user);
    }
    return how->aggregate != NULL ? how->aggregate(ctx, record, before, how->user)
                                  : ks_i64(ks_value_i64(before) + 1);
}

bool ksi_fold(ks_ctx *ctx, const ksi_aggregate *how, const ks_record *record, ksi_table_row *row,
              ks_value *next)
{
    if (ks_value_is_null(row->value)) {
        row->value = ksi_fold_beginning(ctx, how);
        row->timestamp = record->timestamp;
    } else if (row->timestamp < record->timestamp) {
        row->timestamp = record->timestamp;
    }
    if (ksi_ctx_failed(ctx)) {
        return false;
    }
    *next = ksi_fold_next(ctx, how, record, row->value);
    return !ksi_ctx_failed(ctx);
}
