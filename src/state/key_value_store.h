/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key_value_store.h - the key-value store of a task: bytes to bytes, with a changelog below and a
 * record cache above (logged_rows.h): a key is that of its row.
 *
 * A store that another thread writes, such as a global one, is opened as a reader of its query.
 *
 * Thread rule: the thread of the task.
 */
#ifndef KSI_STATE_KEY_VALUE_STORE_H
#define KSI_STATE_KEY_VALUE_STORE_H

#include "state/logged_rows.h"

typedef struct ksi_key_value_store ksi_key_value_store;

ksi_key_value_store *ksi_key_value_store_open(const ksi_store_options *options);
void ksi_key_value_store_close(
    ksi_key_value_store *store); /* accepts NULL; drops what was not flushed */

/* The store as any other, and back; NULL for NULL and for a store of another kind. */
ksi_store *ksi_key_value_store_base(ksi_key_value_store *store);
ksi_key_value_store *ksi_key_value_store_of(ksi_store *store);

const ksi_store_spec *ksi_key_value_store_spec(const ksi_key_value_store *store);
/* About how many rows there are. @java approximateNumEntries */
uint64_t ksi_key_value_store_count(const ksi_key_value_store *store);
/* The rows below the cache: what is committed, applied, restored and iterated. */
ksi_row_store *ksi_key_value_store_rows(const ksi_key_value_store *store);

/*
 * Asks to be told of flushed rows. False when the store has no cache: then the caller forwards by
 * itself at each put.
 * @java WrappedStateStore#setFlushListener
 */
bool ksi_key_value_store_on_flush(ksi_key_value_store *store, ksi_flush_fn *flush, void *owner,
                                  bool wants_old);

/*
 * True and the row when the key is there. Reading through the cache may evict other rows, hence the
 * status.
 */
KS_NODISCARD ks_status ksi_key_value_store_read(ksi_key_value_store *store, ks_slice key,
                                                ksi_row *row, bool *found, ks_error *error);

/*
 * Puts or, with a null value, deletes. The timestamp of a store without timestamps is that of the
 * context.
 */
KS_NODISCARD ks_status ksi_key_value_store_write(ksi_key_value_store *store, ks_slice key,
                                                 ks_slice value, int64_t timestamp,
                                                 const ksi_record_context *context,
                                                 ks_error *error);

/*
 * A range as reading it key by key would find it; the store outlives the iterator. Rows of the
 * cache count as used when their turn comes. @java CachingKeyValueStore#range
 */
ksi_merged_iterator *ksi_key_value_store_iterate(ksi_key_value_store *store,
                                                 const ksi_row_range *range);

/* Flushes the dirty rows of the cache, in the order of their last update. Before every commit. */
KS_NODISCARD ks_status ksi_key_value_store_flush(ksi_key_value_store *store, ks_error *error);

#endif
