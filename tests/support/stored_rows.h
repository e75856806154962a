/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stored_rows.h - what a key-value store holds below its cache, row by row, for tests.
 */
#ifndef TESTS_SUPPORT_STORED_ROWS_H
#define TESTS_SUPPORT_STORED_ROWS_H

#include "state/key_value_store.h"

/* The first row behind `after` (null: the first of all). The key lives until the next call. */
bool stored_rows_next(const ksi_key_value_store *store, ks_slice after, ksi_row *row);

/* Puts a row as restoring does, and ends the restoring. */
void stored_rows_restore(const ksi_key_value_store *store, ks_slice key, ks_slice value,
                         int64_t timestamp);

uint64_t stored_rows_count(const ksi_key_value_store *store);

#endif
