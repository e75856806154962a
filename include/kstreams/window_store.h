/* SPDX-License-Identifier: Apache-2.0 */
/*
 * window_store.h - window stores: a value under each key and start of a window, for as long as the
 * retention says.
 *
 *     ks_window_store *clicks = ks_ctx_window_store(ctx, "clicks");
 *     ks_window_store_put(clicks, record->key, record->value, record->timestamp, NULL);
 *     ks_window_iterator *last = ks_window_store_fetch(clicks, record->key,
 *                                                      record->timestamp - 60000,
 *                                                      record->timestamp, NULL);
 *     ks_window_entry entry;
 *     bool found;
 *     while (ks_window_iterator_next(last, &entry, &found, NULL) == KS_OK && found) { ... }
 *     ks_window_iterator_free(last);
 *
 * The retention counts back from the highest start that was ever put: what began that long ago or
 * before is not found any more, and a put of it is dropped and counted in `dropped-records`. Times
 * are milliseconds of the epoch, from 0 on.
 *
 * Order. Entries of one key come in the order of starts. Entries of several keys come as in Java:
 * of a store in memory by start, then by serialized key; of one on RocksDB by serialized key within
 * segments of time of half the retention, at least a minute; of the store of an aggregation that
 * emits when windows close by start, then key.
 *
 * Handles, serdes, timestamps and failures are those of store.h. A store with duplicates, which
 * retains what is put under one key and start beside each other, can be fetched but not be asked
 * for one entry, and nothing is deleted from it.
 *
 * @thread the store's
 */
#ifndef KSTREAMS_WINDOW_STORE_H
#define KSTREAMS_WINDOW_STORE_H

#include <kstreams/serde.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A window store, seen through the serdes it was made with. @java WindowStore */
typedef struct ks_window_store ks_window_store;

/** An entry. */
typedef struct ks_window_entry {
    ks_value key;
    int64_t start;
    int64_t end; /**< exclusive: the start and the size of the store's windows */
    ks_value value;
    int64_t timestamp; /**< milliseconds of the epoch; -1 in a store without timestamps */
} ks_window_entry;

/* ---- one entry ------------------------------------------------------------------------------- */

/**
 * Puts a value with the timestamp of the record in hand, over the one that is there; a null value
 * deletes.
 *
 * @param start  of the window, milliseconds of the epoch
 * @return KS_OK, also when it was too late to be put; KS_E_ARGUMENT for a null key; KS_E_TIMESTAMP
 *         for a negative start; KS_E_SERDE when key or value is of another kind than the store's;
 *         KS_E_STATE when the handle is for reading only; or what failed in the changelog, or when
 *         room had to be made in the record cache
 * @thread the store's
 * @java   WindowStore#put
 */
KS_API ks_status ks_window_store_put(ks_window_store *store, ks_value key, ks_value value,
                                     int64_t start, ks_error *error);

/**
 * The same with a timestamp of its own.
 *
 * @param timestamp  milliseconds of the epoch; -1 is that of the record in hand
 * @return as ks_window_store_put(); KS_E_ARGUMENT also for any other negative timestamp, and for
 *         any but -1 in a store that keeps none
 * @thread the store's
 * @java   WindowStore#put
 */
KS_API ks_status ks_window_store_put_at(ks_window_store *store, ks_value key, ks_value value,
                                        int64_t start, int64_t timestamp, ks_error *error);

/**
 * Looks a key and the start of a window up.
 *
 * @param arena  where the entry is put; it lives until the arena is reset, whatever is written
 *               meanwhile. NULL, with a processor's handle: until the record has been processed;
 *               with a test driver's: until the driver is freed
 * @param entry  its value is null when there is none
 * @return KS_OK; KS_E_ARGUMENT for a null key; KS_E_STATE for a store with duplicates; KS_E_SERDE
 *         when the key is of another kind than the store's, or the stored bytes cannot be read
 * @thread the store's
 * @java   ReadOnlyWindowStore#fetch
 */
KS_NODISCARD KS_API ks_status ks_window_store_get(ks_window_store *store, ks_value key,
                                                  int64_t start, ks_arena *arena,
                                                  ks_window_entry *entry, ks_error *error);

/**
 * The value of a key and start, or null when there is none: a lookup that leaves its failure to the
 * handle, as ks_key_value_store_value() does.
 *
 * @thread the store's
 * @java   ReadOnlyWindowStore#fetch
 */
KS_API ks_value ks_window_store_value(ks_window_store *store, ks_value key, int64_t start);

/* ---- several entries ------------------------------------------------------------------------- */

/**
 * A walk over entries. The store may be read and written meanwhile: an entry that was there at the
 * beginning comes with its newest value, or not at all when it was deleted. @java
 * WindowStoreIterator
 */
typedef struct ks_window_iterator ks_window_iterator;

/**
 * The entries of a key whose windows start within a time, both ends included, earliest first.
 *
 * @return owned: free with ks_window_iterator_free(), before the store is gone. NULL after a
 *         failure, unless a processor gave no `error`: KS_E_ARGUMENT for a null key, KS_E_SERDE
 *         when it is of another kind than the store's
 * @thread the store's
 * @java   ReadOnlyWindowStore#fetch
 */
KS_API ks_window_iterator *ks_window_store_fetch(ks_window_store *store, ks_value key, int64_t from,
                                                 int64_t to, ks_error *error);
/** The same, latest first. @thread the store's @java ReadOnlyWindowStore#backwardFetch */
KS_API ks_window_iterator *ks_window_store_backward_fetch(ks_window_store *store, ks_value key,
                                                          int64_t from, int64_t to,
                                                          ks_error *error);

/**
 * The entries of keys within a range, all ends included.
 *
 * @param key_from  null: from the first key
 * @param key_to    null: to the last. When its bytes come before those of `key_from` there is no
 *                  entry
 * @return as ks_window_store_fetch()
 * @thread the store's
 * @java   ReadOnlyWindowStore#fetch
 */
KS_API ks_window_iterator *ks_window_store_fetch_range(ks_window_store *store, ks_value key_from,
                                                       ks_value key_to, int64_t from, int64_t to,
                                                       ks_error *error);
/** The same in the other direction. @thread the store's @java ReadOnlyWindowStore#backwardFetch */
KS_API ks_window_iterator *ks_window_store_backward_fetch_range(ks_window_store *store,
                                                                ks_value key_from, ks_value key_to,
                                                                int64_t from, int64_t to,
                                                                ks_error *error);

/** The entries of all keys within a time. Never NULL. @thread the store's
 * @java ReadOnlyWindowStore#fetchAll */
KS_API ks_window_iterator *ks_window_store_fetch_all(ks_window_store *store, int64_t from,
                                                     int64_t to);
/** The same in the other direction. @thread the store's
 * @java ReadOnlyWindowStore#backwardFetchAll */
KS_API ks_window_iterator *ks_window_store_backward_fetch_all(ks_window_store *store, int64_t from,
                                                              int64_t to);

/** All entries. Never NULL. @thread the store's @java ReadOnlyWindowStore#all */
KS_API ks_window_iterator *ks_window_store_all(ks_window_store *store);
/** The same in the other direction. @thread the store's @java ReadOnlyWindowStore#backwardAll */
KS_API ks_window_iterator *ks_window_store_backward_all(ks_window_store *store);

/**
 * The next entry in `*entry`, borrowed until the next call; `*found` is false at the end.
 *
 * @return KS_OK; KS_E_SERDE when the stored bytes cannot be read
 * @thread the store's
 */
KS_NODISCARD KS_API ks_status ks_window_iterator_next(ks_window_iterator *iterator,
                                                      ks_window_entry *entry, bool *found,
                                                      ks_error *error);
/** Ends the walk; what it gave out is gone. @thread the store's */
KS_API void ks_window_iterator_free(ks_window_iterator *iterator);

#ifdef __cplusplus
}
#endif

#endif
