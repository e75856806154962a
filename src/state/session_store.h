/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_store.h - the session store of a task: a row for each key and session, which expires.
 * @java SessionStore, RocksDBSessionStore, InMemorySessionStore, CachingSessionStore
 *
 * Thread rule: the thread of the task.
 */
#ifndef KSI_STATE_SESSION_STORE_H
#define KSI_STATE_SESSION_STORE_H

#include "state/store.h"

typedef struct ksi_session_store ksi_session_store;

/* A session; borrowed as the call says that gives it. */
typedef struct ksi_session_row {
    ks_slice key;
    int64_t start; /* both included */
    int64_t end;
    ks_slice value; /* null: absent */
} ksi_session_row;

/* As ksi_window_flush_fn. */
typedef ks_status ksi_session_flush_fn(void *owner, const ksi_session_row *new_row,
                                       const ksi_session_row *old_row,
                                       const ksi_record_context *context, ks_error *error);

/* NULL with an error when the rows that are there were laid out for another retention. */
ksi_session_store *ksi_session_store_open(const ksi_store_options *options, ks_error *error);
ksi_store *ksi_session_store_base(ksi_session_store *store);
/* NULL for NULL and for a store of another kind. */
ksi_session_store *ksi_session_store_of(ksi_store *store);
const ksi_store_spec *ksi_session_store_spec(const ksi_session_store *store);
/* The highest end that was ever put; -1: nothing was. @java observedStreamTime */
int64_t ksi_session_store_observed(const ksi_session_store *store);
/* False when the store has no cache: then the caller forwards by itself at each put. */
bool ksi_session_store_on_flush(ksi_session_store *store, ksi_session_flush_fn *flush, void *owner,
                                bool wants_old);

/*
 * The value of one session, null when it is not there; it lives until the next call.
 * @java SessionStore#fetchSession
 */
KS_NODISCARD ks_status ksi_session_store_get(ksi_session_store *store, ks_slice key, int64_t start,
                                             int64_t end, ks_slice *value, ks_error *error);
/* The same below the cache; of `of` key, start and end count. */
KS_NODISCARD ks_status ksi_session_store_look(ksi_session_store *store, const ksi_session_row *of,
                                              ks_slice *value, ks_error *error);
/*
 * Puts or, with a null value, removes. What is too old is not put, and told to the `too_late` of
 * the options.
 */
KS_NODISCARD ks_status ksi_session_store_put(ksi_session_store *store, const ksi_session_row *row,
                                             const ksi_record_context *context, ks_error *error);
/* Removes; what is too old to be there is not told of. @java SessionStore#remove */
KS_NODISCARD ks_status ksi_session_store_remove(ksi_session_store *store, ks_slice key,
                                                int64_t start, int64_t end,
                                                const ksi_record_context *context, ks_error *error);

/* Sessions that end at `earliest_end` or later and start at `latest_start` or before. */
typedef struct ksi_session_range {
    ks_slice key_from; /* null: from the first key */
    ks_slice key_to;   /* null: to the last; the same as key_from: of that key */
    int64_t earliest_end;
    int64_t latest_start;
    bool backward;
    bool stored; /* below the cache */
} ksi_session_range;

typedef struct ksi_session_iterator ksi_session_iterator;

/* @java SessionStore#findSessions */
ksi_session_iterator *ksi_session_store_find(ksi_session_store *store,
                                             const ksi_session_range *range);
/*
 * All sessions that end within a time, both included, in the order of ends: what has closed. Only
 * of a store that keeps them by time, or that is in memory.
 * @java SessionStore#findSessions(Instant, Instant)
 */
ksi_session_iterator *ksi_session_store_find_ending(ksi_session_store *store, int64_t from,
                                                    int64_t to);
bool ksi_session_store_finds_ending(const ksi_session_store *store);
/*
 * From now on what ends at `end` or later does not expire, and is found by its end, however old it
 * is: who emits what has closed moves this on. Of a store by time.
 */
void ksi_session_store_keep_from(ksi_session_store *store, int64_t end);
/* The next row, borrowed until the next call with this iterator; `*found` false at the end. */
KS_NODISCARD ks_status ksi_session_iterator_next(ksi_session_iterator *iterator,
                                                 ksi_session_row *row, bool *found,
                                                 ks_error *error);
void ksi_session_iterator_close(ksi_session_iterator *iterator); /* accepts NULL */

#endif
