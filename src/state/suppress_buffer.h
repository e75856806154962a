/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suppress_buffer.h - the updates that a table holds back, one for each key, oldest key first.
 * @java InMemoryTimeOrderedKeyValueChangeBuffer
 *
 *     put ---> rows, in memory: key -> update (buffered_value.h)
 *                |    keys by (time, key)             made from the rows when the buffer is opened
 *                |    keys that changed ---> changelog   at a commit, once for each
 *     take <-----+
 *
 * A key keeps the time at which it came, however often it is updated: else a busy key would wait
 * for ever. So the order changes only at its ends, and a heap holds it.
 *
 * The rows are those of a row store, so a commit, an abort and restoring are what they are to any
 * store. The order is not: it belongs to the opened buffer, and a task that failed opens a new one
 * on rows that have gone back to the last commit. The tempting wrong way is to keep updates in the
 * heap and rows of them in the changelog only: then an abort has to know what to undo.
 *
 * The changelog gets at a commit what a key became, and a tombstone for one that is gone, also when
 * it came and went since the last commit, as in Java.
 *
 * Thread rule: the thread of the task.
 */
#ifndef KSI_STATE_SUPPRESS_BUFFER_H
#define KSI_STATE_SUPPRESS_BUFFER_H

#include "state/buffered_value.h"
#include "state/store.h"

typedef struct ksi_suppress_buffer ksi_suppress_buffer;

/* NULL with an error when its rows make no sense. */
ksi_suppress_buffer *ksi_suppress_buffer_open(const ksi_store_options *options, ks_error *error);
ksi_store *ksi_suppress_buffer_base(ksi_suppress_buffer *buffer);
/* NULL for NULL and for a store of another kind. */
ksi_suppress_buffer *ksi_suppress_buffer_of(ksi_store *store);
const ksi_store_spec *ksi_suppress_buffer_spec(const ksi_suppress_buffer *buffer);

size_t ksi_suppress_buffer_count(const ksi_suppress_buffer *buffer);
int64_t ksi_suppress_buffer_bytes(const ksi_suppress_buffer *buffer); /* as Java counts them */
/* Since when the key waits that waits longest; INT64_MAX: nothing waits. */
int64_t ksi_suppress_buffer_oldest(const ksi_suppress_buffer *buffer);

/*
 * Holds an update back. A key that waits already keeps its time and its prior value; one that does
 * not gets `time` of the update and, as its prior value, the update's old one.
 */
KS_NODISCARD ks_status ksi_suppress_buffer_put(ksi_suppress_buffer *buffer, ks_slice key,
                                               const ksi_buffered_value *update, ks_error *error);
/* The update of the key that waits longest, of which there must be one; all lives in `arena`. */
KS_NODISCARD ks_status ksi_suppress_buffer_first(ksi_suppress_buffer *buffer, ks_arena *arena,
                                                 ks_slice *key, ksi_buffered_value *update,
                                                 ks_error *error);
/* Lets go of it. */
void ksi_suppress_buffer_evict(ksi_suppress_buffer *buffer);
/*
 * What a key had before it was held back, borrowed until the next call; not `*found`: it waits for
 * nothing.
 */
KS_NODISCARD ks_status ksi_suppress_buffer_prior(ksi_suppress_buffer *buffer, ks_slice key,
                                                 ks_slice *prior, bool *found, ks_error *error);

#endif
