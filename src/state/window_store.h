/* SPDX-License-Identifier: Apache-2.0 */
/*
 * window_store.h - the window store of a task: a row for each key and start of a window, which
 * expires. @java WindowStore, RocksDBWindowStore, InMemoryWindowStore, CachingWindowStore
 *
 *     key, start ---> row key (window_keys.h) ---> cache, changelog and rows (logged_rows.h)
 *                     what has expired (retention.h)
 *
 * What has expired is not seen below the cache; what the cache has of it is, as in Java, until the
 * cache gives it up. What is put and is too old is logged and not stored.
 *
 * Thread rule: the thread of the task.
 */
#ifndef KSI_STATE_WINDOW_STORE_H
#define KSI_STATE_WINDOW_STORE_H

#include "state/store.h"

typedef struct ksi_window_store ksi_window_store;

/* A row with what its key is made of; borrowed as the call says that gives it. */
typedef struct ksi_window_row {
    ks_slice key;
    int64_t start;
    ks_slice value; /* null: absent */
    int64_t timestamp;
} ksi_window_row;

/*
 * Told of each dirty row that the cache gives up, as ksi_flush_fn of a key-value store: `old` has a
 * null value when the row was absent or nobody wants old ones.
 */
typedef ks_status ksi_window_flush_fn(void *owner, const ksi_window_row *new_row,
                                      const ksi_window_row *old_row,
                                      const ksi_record_context *context, ks_error *error);

ksi_window_store *ksi_window_store_open(const ksi_store_options *options, ks_error *error);
ksi_store *ksi_window_store_base(ksi_window_store *store);
/* NULL for NULL and for a store of another kind. */
ksi_window_store *ksi_window_store_of(ksi_store *store);
const ksi_store_spec *ksi_window_store_spec(const ksi_window_store *store);
/* False when the store has no cache: then the caller forwards by itself at each put. */
bool ksi_window_store_on_flush(ksi_window_store *store, ksi_window_flush_fn *flush, void *owner,
                               bool wants_old);
/* The highest start that was ever put; -1: nothing was. @java observedStreamTime */
int64_t ksi_window_store_observed(const ksi_window_store *store);

/*
 * Rows with this start or a later one stay readable by who fetches what is `kept`, whatever the
 * retention says, until the next call moves that on. A store `by_time` keeps everything until the
 * first call.
 */
void ksi_window_store_keep_from(ksi_window_store *store, int64_t start);

/*
 * The row of a key and start will be got soon. Who gets several says so of all of them first: then
 * the processor waits for memory once and not for each.
 */
void ksi_window_store_expect(ksi_window_store *store, ks_slice key, int64_t start);
/* The row of a key and start; it lives until the next call. Not with duplicates. */
KS_NODISCARD ks_status ksi_window_store_get(ksi_window_store *store, ks_slice key, int64_t start,
                                            ksi_row *row, bool *found, ks_error *error);
/*
 * Puts or, with a null value, deletes; with duplicates each put is a row of its own, and a null
 * value is logged and nothing else. What is too old is not put, and told to the `too_late` of the
 * options.
 */
KS_NODISCARD ks_status ksi_window_store_put(ksi_window_store *store, const ksi_window_row *row,
                                            const ksi_record_context *context, ks_error *error);

/* Which rows: both bounds of time and key are included. */
typedef struct ksi_window_range {
    ks_slice key_from; /* null: from the first key */
    ks_slice key_to;   /* null: to the last; the same as key_from: of that key */
    int64_t from;
    int64_t to;
    bool backward;
    bool kept;   /* also what only ksi_window_store_keep_from() keeps */
    bool stored; /* below the cache */
} ksi_window_range;

typedef struct ksi_window_iterator ksi_window_iterator;

/*
 * Rows in Java's order for this kind of store. The store may be read and written while it is open,
 * as by ksi_row_iterator; it must be closed before the store is.
 */
ksi_window_iterator *ksi_window_store_fetch(ksi_window_store *store, const ksi_window_range *range);
/* The next row, borrowed until the next call with this iterator; `*found` false at the end. */
KS_NODISCARD ks_status ksi_window_iterator_next(ksi_window_iterator *iterator, ksi_window_row *row,
                                                bool *found, ks_error *error);
void ksi_window_iterator_close(ksi_window_iterator *iterator); /* accepts NULL */

#endif
