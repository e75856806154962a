/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_store.h - session stores: a value under each key, start and end of a session, for as long
 * as the retention says.
 *
 *     ks_session_store *visits = ks_ctx_session_store(ctx, "visits");
 *     ks_session_store_put(visits, &(ks_session_entry){record->key, start, end, value}, NULL);
 *     ks_session_iterator *near = ks_session_store_find(visits, record->key,
 *                                                       record->timestamp - gap,
 *                                                       record->timestamp + gap, NULL);
 *     ks_session_entry entry;
 *     bool found;
 *     while (ks_session_iterator_next(near, &entry, &found, NULL) == KS_OK && found) { ... }
 *     ks_session_iterator_free(near);
 *
 * A session begins at 0 or later and does not end before that; both ends are included. Times are
 * milliseconds of the epoch. The retention counts back from the highest end that was ever put: what
 * ended that long ago or before is not found any more, and a put of it is dropped and counted in
 * `dropped-records`.
 *
 * Order. Sessions of one key come in the order of their ends. Those of several keys come as in
 * Java: of a store in memory by end, then by serialized key; of one on RocksDB by serialized key
 * within segments of time of half the retention, at least a minute.
 *
 * Handles, serdes and failures are those of store.h. A session store keeps no timestamps.
 *
 * @thread the store's
 */
#ifndef KSTREAMS_SESSION_STORE_H
#define KSTREAMS_SESSION_STORE_H

#include <kstreams/serde.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A session store, seen through the serdes it was made with. @java SessionStore */
typedef struct ks_session_store ks_session_store;

/** A session and its value. */
typedef struct ks_session_entry {
    ks_value key;
    int64_t start;
    int64_t end; /**< inclusive */
    ks_value value;
} ks_session_entry;

/* ---- one session ----------------------------------------------------------------------------- */

/**
 * Puts a session, over the one of the same key, start and end; a null value removes that.
 *
 * @param entry  borrowed
 * @return KS_OK, also when it was too late to be put; KS_E_ARGUMENT for a null key, or a session
 *         that ends before it begins; KS_E_SERDE when key or value is of another kind than the
 *         store's; KS_E_STATE when the handle is for reading only; or what failed in the changelog,
 *         or when room had to be made in the record cache
 * @thread the store's
 * @java   SessionStore#put
 */
KS_API ks_status ks_session_store_put(ks_session_store *store, const ks_session_entry *entry,
                                      ks_error *error);

/**
 * Removes a session. The changelog gets a deletion even if it is not there.
 *
 * @return as ks_session_store_put()
 * @thread the store's
 * @java   SessionStore#remove
 */
KS_API ks_status ks_session_store_remove(ks_session_store *store, ks_value key, int64_t start,
                                         int64_t end, ks_error *error);

/**
 * The value of a session, or null when it is not there.
 *
 * @param arena  where the value is put; it lives until the arena is reset. NULL, with a processor's
 *               handle: until the record has been processed; with a test driver's: until the driver
 *               is freed
 * @return null also after a failure, which `error` says: KS_E_ARGUMENT for a null key, KS_E_SERDE
 *         when the key is of another kind than the store's, or the stored bytes cannot be read
 * @thread the store's
 * @java   ReadOnlySessionStore#fetchSession
 */
KS_API ks_value ks_session_store_get(ks_session_store *store, ks_value key, int64_t start,
                                     int64_t end, ks_arena *arena, ks_error *error);

/* ---- several sessions ------------------------------------------------------------------------ */

/**
 * A walk over sessions. The store may be read and written meanwhile: a session that was there at
 * the beginning comes with its newest value, or not at all when it was removed. @java
 * KeyValueIterator
 */
typedef struct ks_session_iterator ks_session_iterator;

/**
 * The sessions of a key that end at `earliest_end` or later and start at `latest_start` or before:
 * those that overlap the time between the two. Earliest end first.
 *
 * @return owned: free with ks_session_iterator_free(), before the store is gone. NULL after a
 *         failure, unless a processor gave no `error`: KS_E_ARGUMENT for a null key, KS_E_SERDE
 *         when it is of another kind than the store's
 * @thread the store's
 * @java   ReadOnlySessionStore#findSessions
 */
KS_API ks_session_iterator *ks_session_store_find(ks_session_store *store, ks_value key,
                                                  int64_t earliest_end, int64_t latest_start,
                                                  ks_error *error);
/** The same, latest first. @thread the store's @java ReadOnlySessionStore#backwardFindSessions */
KS_API ks_session_iterator *ks_session_store_backward_find(ks_session_store *store, ks_value key,
                                                           int64_t earliest_end,
                                                           int64_t latest_start, ks_error *error);

/**
 * The same of the keys within a range, both ends included.
 *
 * @param key_from  null: from the first key
 * @param key_to    null: to the last. When its bytes come before those of `key_from` there is no
 *                  session
 * @return as ks_session_store_find()
 * @thread the store's
 * @java   ReadOnlySessionStore#findSessions
 */
KS_API ks_session_iterator *ks_session_store_find_range(ks_session_store *store, ks_value key_from,
                                                        ks_value key_to, int64_t earliest_end,
                                                        int64_t latest_start, ks_error *error);
/** The same in the other direction. @thread the store's
 * @java ReadOnlySessionStore#backwardFindSessions */
KS_API ks_session_iterator *ks_session_store_backward_find_range(ks_session_store *store,
                                                                 ks_value key_from, ks_value key_to,
                                                                 int64_t earliest_end,
                                                                 int64_t latest_start,
                                                                 ks_error *error);

/**
 * The sessions of all keys that end within a time, both ends included, in the order of their ends.
 *
 * @return as ks_session_store_find(); KS_E_STATE when the store cannot tell: one of a program's own
 *         on RocksDB, or with a record cache
 * @thread the store's
 * @java   SessionStore#findSessions
 */
KS_API ks_session_iterator *ks_session_store_find_ending(ks_session_store *store, int64_t from,
                                                         int64_t to, ks_error *error);

/** All sessions of a key. @thread the store's @java ReadOnlySessionStore#fetch */
KS_API ks_session_iterator *ks_session_store_fetch(ks_session_store *store, ks_value key,
                                                   ks_error *error);
/** The same, latest first. @thread the store's @java ReadOnlySessionStore#backwardFetch */
KS_API ks_session_iterator *ks_session_store_backward_fetch(ks_session_store *store, ks_value key,
                                                            ks_error *error);
/**
 * All sessions of the keys within a range, as ks_session_store_find_range(). @thread the store's
 * @java ReadOnlySessionStore#fetch
 */
KS_API ks_session_iterator *ks_session_store_fetch_range(ks_session_store *store, ks_value key_from,
                                                         ks_value key_to, ks_error *error);
/** The same in the other direction. @thread the store's @java ReadOnlySessionStore#backwardFetch */
KS_API ks_session_iterator *ks_session_store_backward_fetch_range(ks_session_store *store,
                                                                  ks_value key_from,
                                                                  ks_value key_to, ks_error *error);

/**
 * The next session in `*entry`, borrowed until the next call; `*found` is false at the end.
 *
 * @return KS_OK; KS_E_SERDE when the stored bytes cannot be read
 * @thread the store's
 */
KS_NODISCARD KS_API ks_status ks_session_iterator_next(ks_session_iterator *iterator,
                                                       ks_session_entry *entry, bool *found,
                                                       ks_error *error);
/** Ends the walk; what it gave out is gone. @thread the store's */
KS_API void ks_session_iterator_free(ks_session_iterator *iterator);

#ifdef __cplusplus
}
#endif

#endif
