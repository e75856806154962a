/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_query.h - a store of a task, as threads that do not own it may read it.
 *
 * A handle stands between them and the rows: it is counted, so whoever keeps one may use it for as
 * long as it likes, while the task and its store come and go. Once the task has closed the store,
 * every call on the handle and on its iterators answers KS_E_STORE_MIGRATED.
 *
 * Each call takes the task's store lock for one lookup or one page of rows and copies what it
 * found. So an iterator is a row of snapshots and not one: each page is the store as it is when the
 * page is read, and the next page goes on behind the last key. No query holds anything that the
 * task has to wait for between two calls, however slowly its rows are used.
 *
 * The tempting wrong way is one iterator kept open below: it would hold back the trimming of the
 * buffer, and RocksDB's snapshot, for as long as a query takes its time.
 *
 * Isolation. Uncommitted, the default, reads what the task's thread has written by its last batch.
 * Committed leaves out what the transaction in hand wrote, except what was too big for memory and
 * was written through. What the record cache holds back is seen once it is flushed.
 *
 * Thread rule: any, but opening and closing, which are the task's; a call from the task's thread
 * within its batch uses the lock it has. Within the batch of another task a call answers
 * KS_E_STATE, because two tasks that ask each other would wait for ever. A global store may be
 * asked within a task's batch, and lookups in it do not wait for each other. An iterator belongs to
 * one thread at a time.
 */
#ifndef KSI_STATE_STORE_QUERY_H
#define KSI_STATE_STORE_QUERY_H

#include "base/buffer.h"
#include "state/row_store.h"
#include "state/store_lock.h"

typedef struct ksi_store_query ksi_store_query;

/* With one reference, the owner's. Rows are borrowed until the close; the name is copied. */
ksi_store_query *ksi_store_query_open(const char *name, ksi_row_store *rows, ksi_store_lock *lock);
/*
 * Before the rows are closed: waits for the call that is reading them, ends all others, and gives
 * the owner's reference back. Accepts NULL.
 */
void ksi_store_query_close(ksi_store_query *query);

ksi_store_query *ksi_store_query_retain(ksi_store_query *query);
void ksi_store_query_release(ksi_store_query *query); /* accepts NULL */

/* What a lookup copies. `(ksi_queried_row){0}` is empty and valid. */
typedef struct ksi_queried_row {
    bool found;
    ksi_buffer value;
    int64_t timestamp;     /* -1 in a store without timestamps */
    ksi_peeked_row peeked; /* scratch, kept from one lookup to the next */
} ksi_queried_row;
void ksi_queried_row_destroy(ksi_queried_row *row);

KS_NODISCARD ks_status ksi_store_query_get(ksi_store_query *query, ks_slice key, bool committed,
                                           ksi_queried_row *row, ks_error *error);
/* Exact in memory, an estimate with RocksDB. */
KS_NODISCARD ks_status ksi_store_query_count(ksi_store_query *query, uint64_t *count,
                                             ks_error *error);

/* How much is copied while the task's thread waits. A row that is bigger is a page of its own. */
enum { KSI_QUERY_PAGE_ROWS = 256, KSI_QUERY_PAGE_BYTES = 64 * 1024 };

typedef struct ksi_query_iterator ksi_query_iterator;

/* Reads nothing yet. The bounds are copied; the iterator keeps a reference to the handle. */
ksi_query_iterator *ksi_query_iterator_open(ksi_store_query *query, const ksi_row_range *range);
/* The next row, borrowed until the next call; `*found` false at the end. */
KS_NODISCARD ks_status ksi_query_iterator_next(ksi_query_iterator *iterator, ksi_row *row,
                                               bool *found, ks_error *error);
void ksi_query_iterator_close(ksi_query_iterator *iterator); /* accepts NULL */

#endif
