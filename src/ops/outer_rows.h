/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outer_rows.h - the records of a left or outer join that have found no partner so far, in a
 * key-value store of bytes.
 *
 * Rows stand in the order of time, side and key, so that those whose windows close first come
 * first. A row is a list, because several records may have one key, side and time; a record is
 * added to its end, and a partner takes the whole list out. Keys and values are Java's, byte for
 * byte, since both may restore the store from one changelog:
 *
 *     key    time 8 | side 1 | key           side: 1 left, 0 right, so right rows come first
 *     value  1 | count 4 | { size 4 | side 1 | value } ...
 *
 * What is made here lies in the record's arena. @java ListValueStore,
 * TimestampedKeyAndJoinSideSerializer, LeftOrRightValueSerializer
 *
 * Thread rule: the thread of the task.
 */
#ifndef KSI_OPS_OUTER_ROWS_H
#define KSI_OPS_OUTER_ROWS_H

#include "ops/ops.h"
#include "state/key_value_store.h"
#include "topology/context.h"

typedef struct ksi_outer_key {
    int64_t time;
    ksi_join_side side;
    ks_slice key;
} ksi_outer_key;

/* Adds a value to the end of a row; a null value deletes the row, as it does in Java. */
KS_NODISCARD ks_status ksi_outer_rows_add(ksi_key_value_store *store, ks_ctx *ctx,
                                          const ksi_outer_key *key, ks_slice value,
                                          ks_error *error);
/* Deletes a row if it is there. */
KS_NODISCARD ks_status ksi_outer_rows_match(ksi_key_value_store *store, ks_ctx *ctx,
                                            const ksi_outer_key *key, ks_error *error);

/* A row as it is read; all of it is borrowed from `row`. */
typedef struct ksi_outer_row {
    ksi_outer_key key;
    ks_slice values; /* those that are left */
    uint32_t count;
} ksi_outer_row;

/* KS_E_STORE for bytes that are no such row. */
KS_NODISCARD ks_status ksi_outer_row_read(const ksi_key_value_store *store, const ksi_row *row,
                                          ksi_outer_row *result, ks_error *error);
/* Takes the next value of `count` off the row. */
KS_NODISCARD ks_status ksi_outer_row_next(const ksi_key_value_store *store, ksi_outer_row *row,
                                          ks_slice *value, ks_error *error);

#endif
