/* SPDX-License-Identifier: Apache-2.0 */
/*
 * versioned_store.h - the versioned store of a task: the versions of each key, and a changelog.
 * @java VersionedKeyValueStore
 *
 * There is no record cache above it: each version counts, so none may be held back for the next.
 *
 *     put ---> versions of keys (versioned_rows.h) ---> changelog: key, value, and as timestamp the
 *                                                       time from which the version is valid
 *
 * Thread rule: the thread of the task.
 */
#ifndef KSI_STATE_VERSIONED_STORE_H
#define KSI_STATE_VERSIONED_STORE_H

#include "state/store.h"
#include "state/versioned_rows.h"

typedef struct ksi_versioned_store ksi_versioned_store;

/* NULL with an error when its rows cannot be read, or are those of another retention. */
ksi_versioned_store *ksi_versioned_store_open(const ksi_store_options *options, ks_error *error);
ksi_store *ksi_versioned_store_base(ksi_versioned_store *store);
/* NULL for NULL and for a store of another kind. */
ksi_versioned_store *ksi_versioned_store_of(ksi_store *store);
/* For reading. */
ksi_versioned_rows *ksi_versioned_store_versions(const ksi_versioned_store *store);

/*
 * Puts a version, a null value deletes; see ksi_versioned_rows_put(). What comes too late is not
 * put, yet logged, as Java does.
 */
KS_NODISCARD ks_status ksi_versioned_store_put(ksi_versioned_store *store, ks_slice key,
                                               ks_slice value, int64_t timestamp, int64_t *valid_to,
                                               ks_error *error);

#endif
