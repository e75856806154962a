/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_restore.h - the records of a changelog on their way into the rows of a store, whatever its
 * kind.
 *
 * To most kinds a record is a row, though its key may be another. To a versioned store it is a put,
 * which is done again; to a buffer of updates an update, perhaps as an older version wrote it.
 *
 *     open, record, record, ..., ksi_row_store_restored(), record, ..., close
 *
 * It is closed before the rows are wiped, and opened again.
 *
 * Thread rule: whoever has the rows at the moment.
 */
#ifndef KSI_STATE_STORE_RESTORE_H
#define KSI_STATE_STORE_RESTORE_H

#include "state/record_context.h"
#include "state/row_store.h"
#include "state/store_spec.h"

typedef struct ksi_store_restore ksi_store_restore;

/*
 * NULL with an error; KS_E_CONFIG: the rows are those of another configuration of the store and
 * must be wiped.
 */
ksi_store_restore *ksi_store_restore_open(const ksi_store_spec *spec, ksi_row_store *rows,
                                          ks_error *error);
void ksi_store_restore_close(ksi_store_restore *restore); /* accepts NULL */

/* A record; its context says where it stands in the changelog. See ksi_row_store_restore(). */
KS_NODISCARD ks_status ksi_store_restore_record(ksi_store_restore *restore, ks_slice key,
                                                ks_slice value, const ksi_record_context *context,
                                                ks_error *error);

#endif
