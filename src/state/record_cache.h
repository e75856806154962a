/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_cache.h - the record cache of a thread: one byte budget shared by the cached stores of its tasks. @java ThreadCache, NamedCache
 *
 * Its evictions decide which intermediate results an application emits, so sizes and order are Java's (4.3.1, NamedCache,
 * LRUCacheEntry, ThreadCache): going over the budget evicts from the store being written only, least recently used first; evicting
 * a dirty row flushes all dirty rows of that store, the evicted one first, then the rest in the order of their last update.
 *
 * Thread rule: the stream thread that owns it.
 */
#ifndef KSI_STATE_RECORD_CACHE_H
#define KSI_STATE_RECORD_CACHE_H

#include <kstreams/common.h>

typedef struct ksi_record_cache ksi_record_cache;

ksi_record_cache *ksi_record_cache_new(int64_t max_bytes);
void ksi_record_cache_free(ksi_record_cache *cache);
/* Evicts at once what no longer fits. */
ks_status ksi_record_cache_resize(ksi_record_cache *cache, int64_t max_bytes, ks_error *error);
int64_t ksi_record_cache_bytes(const ksi_record_cache *cache);

#endif
