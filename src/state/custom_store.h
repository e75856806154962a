/* SPDX-License-Identifier: Apache-2.0 */
/*
 * custom_store.h - the custom store of a task: rows that last, and a structure of the program's
 * that is made from them.
 * @java StateStore, StateStoreContext#register
 *
 *     processor ---> structure   the program's, in memory: made when the store is opened, and gone
 *                       |        when it is closed
 *                      put
 *                       |
 *                    rows ---> changelog: key, value
 *
 * A task that fails or moves closes its stores and opens new ones on the same rows, which have gone
 * back to the last commit. So the structure follows the rows by itself, through aborts as well. The
 * tempting wrong way is to keep it and tell it of aborts: every program would have to undo what it
 * did, which is what rows are for.
 *
 * Putting a row does not feed it to the structure. A sketch changes with every record and puts a
 * row with every commit, so what is put is not what has happened; the program knows.
 *
 * Thread rule: the thread of the task.
 */
#ifndef KSI_STATE_CUSTOM_STORE_H
#define KSI_STATE_CUSTOM_STORE_H

#include "state/store.h"

typedef struct ksi_custom_store ksi_custom_store;

/* Makes the structure from the rows. NULL with an error when the program says so. */
ksi_custom_store *ksi_custom_store_open(const ksi_store_options *options, ks_error *error);
ksi_store *ksi_custom_store_base(ksi_custom_store *store);
/* NULL for NULL and for a store of another kind. */
ksi_custom_store *ksi_custom_store_of(ksi_store *store);
const ksi_store_spec *ksi_custom_store_spec(const ksi_custom_store *store);
void *ksi_custom_store_state(const ksi_custom_store *store);

/* A null value deletes. */
KS_NODISCARD ks_status ksi_custom_store_put(ksi_custom_store *store, ks_slice key, ks_slice value,
                                            int64_t timestamp, ks_error *error);
/* The newest row; it lives until the next call. */
KS_NODISCARD ks_status ksi_custom_store_get(ksi_custom_store *store, ks_slice key, ksi_row *row,
                                            bool *found, ks_error *error);

#endif
