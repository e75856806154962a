/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_cache.h - the record cache of a thread: one byte budget shared by the cached stores of its
 * tasks. @java ThreadCache
 *
 * Its evictions decide which intermediate results an application emits, so sizes and order are
 * Java's (4.3.1, ThreadCache, NamedCache, LRUCacheEntry): going over the budget evicts from the
 * store being used only, least recently used first; evicting a dirty row flushes all dirty rows of
 * that store, the evicted one first, then the rest in the order of their last update.
 *
 * A flush forwards, and what it reaches reads and writes other stores, or this one again: every
 * function below may be called while another is under way on the same cache.
 *
 * Each store has rows of its own in it, a ksi_named_cache.
 *
 * Thread rule: the stream thread that owns it.
 */
#ifndef KSI_STATE_RECORD_CACHE_H
#define KSI_STATE_RECORD_CACHE_H

#include "state/record_context.h"

typedef struct ksi_record_cache ksi_record_cache;

/*
 * A budget of 0 still makes a cache, one that gives up each row as soon as it has it (Java's, when
 * threads share less than a byte each). `statestore.cache.max.bytes=0` is not this: there stores
 * are opened without a cache.
 */
ksi_record_cache *ksi_record_cache_new(int64_t max_bytes);
void ksi_record_cache_free(ksi_record_cache *cache); /* accepts NULL; its stores must be closed */
/* A smaller budget evicts at once what no longer fits, from one store after the other. */
KS_NODISCARD ks_status ksi_record_cache_resize(ksi_record_cache *cache, int64_t max_bytes,
                                               ks_error *error);
/* What counts against the budget, in Java's estimate. */
int64_t ksi_record_cache_bytes(const ksi_record_cache *cache);

/* ---- for stores ------------------------------------------------------------------------------ */

/*
 * A row in the cache. A null value is a delete that has not been flushed (dirty), or was and is
 * still remembered.
 */
typedef struct ksi_cached_row {
    ks_slice key;
    ks_slice value;
    int64_t timestamp;
    bool dirty;                 /* put by a write and not flushed since */
    ksi_record_context context; /* of the write; a clean row that came from below has none */
} ksi_cached_row;

typedef struct ksi_named_cache ksi_named_cache;

/* Takes a dirty row that leaves the cache or is cleaned; the row lives until it returns. */
typedef ks_status ksi_cache_flush_fn(void *owner, const ksi_cached_row *row, ks_error *error);
/* Told a little earlier that a row will be, with the hash of its key (ksi_slice_hash). */
typedef void ksi_cache_expect_fn(void *owner, uint64_t hash);

typedef struct ksi_named_cache_options {
    /* what Java keeps in the bytes of a value beside it: 8 for a timestamp */
    size_t value_overhead;
    ksi_cache_flush_fn *flush;
    ksi_cache_expect_fn *expect; /* NULL: nobody wants to know */
    void *owner;
} ksi_named_cache_options;

ksi_named_cache *ksi_record_cache_add(ksi_record_cache *cache,
                                      const ksi_named_cache_options *options);
void ksi_record_cache_remove(ksi_record_cache *cache,
                             ksi_named_cache *named); /* drops dirty rows; frees `named` */

/*
 * The row of a key, borrowed until the next call for this store; NULL when it is not cached. It
 * becomes the one used last.
 */
const ksi_cached_row *ksi_record_cache_get(ksi_named_cache *named, ks_slice key);

/* A key of this hash will be read soon: asks for the memory where it begins to be looked for. */
void ksi_record_cache_expect(const ksi_named_cache *named, uint64_t hash);

/* The same without becoming the one used last, and what is borrowed stays so. */
const ksi_cached_row *ksi_record_cache_peek(const ksi_named_cache *named, ks_slice key);

size_t ksi_record_cache_count(const ksi_named_cache *named); /* of its rows */

/*
 * Whether the budget is that of a test rather than of an application: so small that reading rows
 * decides what results there are, because it decides what is evicted.
 */
bool ksi_record_cache_is_tight(const ksi_record_cache *cache);

/* False stops. */
typedef bool ksi_cache_key_fn(void *user, ks_slice key);
/*
 * Visits the cached keys at and behind `from` (before it when `backward`; all for a null key) in
 * the order of their bytes, deleted ones too. `visit` must leave the cache alone.
 */
void ksi_record_cache_each_key(ksi_named_cache *named, ks_slice from, bool backward,
                               ksi_cache_key_fn *visit, void *user);

/*
 * Puts a row, copying it, then evicts from this store while the whole cache is over its budget:
 * perhaps the row itself. `stored` may be NULL; it gets the row as it was put, borrowed until the
 * next call for this store even if it was evicted.
 */
KS_NODISCARD ks_status ksi_record_cache_put(ksi_record_cache *cache, ksi_named_cache *named,
                                            const ksi_cached_row *row,
                                            const ksi_cached_row **stored, ks_error *error);

/* Flushes the dirty rows of one store in the order of their last update. */
KS_NODISCARD ks_status ksi_record_cache_flush(ksi_record_cache *cache, ksi_named_cache *named,
                                              ks_error *error);

#endif
