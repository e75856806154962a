/* SPDX-License-Identifier: Apache-2.0 */
/*
 * named_cache.h - the cached rows of one store: who was used last, who is dirty, how many bytes.
 * @java NamedCache, LRUCacheEntry
 *
 * Knows nothing of budgets: record_cache.h, which stores call, decides when something must go. Only
 * that file calls this one.
 *
 * Thread rule: that of the record cache.
 */
#ifndef KSI_STATE_NAMED_CACHE_H
#define KSI_STATE_NAMED_CACHE_H

#include "state/record_cache.h"

ksi_named_cache *ksi_named_cache_new(const ksi_named_cache_options *options);
void ksi_named_cache_free(ksi_named_cache *cache); /* accepts NULL; drops dirty rows */

/* Java's estimate of the bytes of its rows, and how many rows there are. */
int64_t ksi_named_cache_bytes(const ksi_named_cache *cache);
size_t ksi_named_cache_count(const ksi_named_cache *cache);

/* The row of a key, which becomes the one used last; NULL when it is not here. */
const ksi_cached_row *ksi_named_cache_get(ksi_named_cache *cache, ks_slice key);

/* As ksi_record_cache_expect(). */
void ksi_named_cache_expect(const ksi_named_cache *cache, uint64_t hash);

/* The same without using it. */
const ksi_cached_row *ksi_named_cache_peek(const ksi_named_cache *cache, ks_slice key);

/*
 * Visits the keys at and behind `from` (before it when `backward`; all for a null key) in their
 * order, until `visit` says stop. It must not change the cache. Not a use.
 */
void ksi_named_cache_each_key(ksi_named_cache *cache, ks_slice from, bool backward,
                              ksi_cache_key_fn *visit, void *user);

/*
 * Puts or replaces; the row becomes the one used last and, when dirty, the one updated last.
 * Everything is copied. Putting a clean row over a dirty one would lose an update: it aborts.
 */
const ksi_cached_row *ksi_named_cache_put(ksi_named_cache *cache, const ksi_cached_row *input);

/*
 * Between these a row outlives its eviction; after the second it is borrowed until the next put or
 * get.
 */
void ksi_named_cache_hold(const ksi_cached_row *row);
void ksi_named_cache_release(ksi_named_cache *cache, const ksi_cached_row *row);

/*
 * Gives up the row that was not used for longest; if it is dirty, flushes all dirty rows, this one
 * first.
 */
KS_NODISCARD ks_status ksi_named_cache_evict(ksi_named_cache *cache, ks_error *error);

/* Flushes all dirty rows in the order of their last update; deleted ones leave the cache. */
KS_NODISCARD ks_status ksi_named_cache_flush(ksi_named_cache *cache, ks_error *error);

#endif
