/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_cache.c - the budget of a thread's record cache, and who must go when it is exceeded.
 *
 * The sum of bytes is kept as Java's ThreadCache keeps it: every operation adds the difference that
 * it made to its own store. When operations on one store are nested (its flush forwards to a join,
 * which reads the same store), the inner difference is counted twice, so the sum drifts from the
 * truth. Evictions are driven by that sum, and they decide what an application emits: summing up
 * "correctly" would give other results than Java does. But a sum that drifts for weeks makes the
 * cache grow without bound or hold nothing, so once the drift is far beyond anything a comparison
 * of results could show, it is set right, between two operations.
 *
 * Thread rule: the stream thread that owns it.
 */
#include "base/check.h"
#include "base/memory.h"
#include "state/named_cache.h"

/* How far the sum may be from the truth before it is set right. */
#define TOLERATED_DRIFT ((int64_t)1 << 20)

/* Some hundred rows; the default of an application is ten megabytes. */
#define TIGHT_BYTES ((int64_t)1 << 16)

struct ksi_record_cache {
    int64_t max_bytes;
    int64_t bytes;
    ksi_named_cache **stores;
    size_t store_count;
    size_t store_capacity;
    unsigned depth; /* of operations that may call back */
};

ksi_record_cache *ksi_record_cache_new(int64_t max_bytes)
{
    ksi_record_cache *cache = ksi_calloc(1, sizeof *cache);
    cache->max_bytes = max_bytes;
    return cache;
}

void ksi_record_cache_free(ksi_record_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    KSI_CHECK(cache->store_count == 0);
    ksi_free(cache->stores);
    ksi_free(cache);
}

int64_t ksi_record_cache_bytes(const ksi_record_cache *cache)
{
    return cache->bytes;
}

ksi_named_cache *ksi_record_cache_add(ksi_record_cache *cache,
                                      const ksi_named_cache_options *options)
{
    cache->stores = ksi_grow(cache->stores, &cache->store_capacity, cache->store_count + 1,
                             sizeof(ksi_named_cache *));
    ksi_named_cache *named = ksi_named_cache_new(options);
    cache->stores[cache->store_count++] = named;
    return named;
}

void ksi_record_cache_remove(ksi_record_cache *cache, ksi_named_cache *named)
{
    size_t at = 0;
    while (at < cache->store_count && cache->stores[at] != named) {
        at++;
    }
    KSI_CHECK(at < cache->store_count);
    cache->store_count--;
    for (; at < cache->store_count; at++) {
        cache->stores[at] = cache->stores[at + 1];
    }
    cache->bytes -= ksi_named_cache_bytes(named);
    ksi_named_cache_free(named);
}

/* ---- what goes ------------------------------------------------------------------------------- */

static void correct_drift(ksi_record_cache *cache)
{
    if (cache->depth != 0) {
        return;
    }
    int64_t truth = 0;
    for (size_t i = 0; i < cache->store_count; i++) {
        truth += ksi_named_cache_bytes(cache->stores[i]);
    }
    int64_t drift = cache->bytes - truth;
    if (drift > TOLERATED_DRIFT || drift < -TOLERATED_DRIFT) {
        cache->bytes = truth;
    }
}

static ks_status evict_one(ksi_record_cache *cache, ksi_named_cache *named, ks_error *error)
{
    int64_t before = ksi_named_cache_bytes(named);
    cache->depth++;
    ks_status status = ksi_named_cache_evict(named, error);
    cache->depth--;
    cache->bytes += ksi_named_cache_bytes(named) - before;
    return status;
}

/* The store may run empty first: others hold the rest, or what a flush put into them. */
static ks_status evict_while_over(ksi_record_cache *cache, ksi_named_cache *named, ks_error *error)
{
    ks_status status = KS_OK;
    while (status == KS_OK && cache->bytes > cache->max_bytes && ksi_named_cache_count(named) > 0) {
        status = evict_one(cache, named, error);
    }
    return status;
}

static bool is_empty(const ksi_record_cache *cache)
{
    for (size_t i = 0; i < cache->store_count; i++) {
        if (ksi_named_cache_count(cache->stores[i]) > 0) {
            return false;
        }
    }
    return true;
}

ks_status ksi_record_cache_resize(ksi_record_cache *cache, int64_t max_bytes, ks_error *error)
{
    bool shrinks = max_bytes < cache->max_bytes;
    cache->max_bytes = max_bytes;
    ks_status status = KS_OK;
    size_t next = 0;
    while (shrinks && status == KS_OK && cache->bytes > cache->max_bytes && !is_empty(cache)) {
        status = evict_one(cache, cache->stores[next % cache->store_count], error);
        next++;
    }
    return status;
}

/* ---- for stores ------------------------------------------------------------------------------ */

const ksi_cached_row *ksi_record_cache_get(ksi_named_cache *named, ks_slice key)
{
    return ksi_named_cache_get(named, key);
}

void ksi_record_cache_expect(const ksi_named_cache *named, uint64_t hash)
{
    ksi_named_cache_expect(named, hash);
}

const ksi_cached_row *ksi_record_cache_peek(const ksi_named_cache *named, ks_slice key)
{
    return ksi_named_cache_peek(named, key);
}

bool ksi_record_cache_is_tight(const ksi_record_cache *cache)
{
    return cache->max_bytes <= TIGHT_BYTES;
}

size_t ksi_record_cache_count(const ksi_named_cache *named)
{
    return ksi_named_cache_count(named);
}

void ksi_record_cache_each_key(ksi_named_cache *named, ks_slice from, bool backward,
                               ksi_cache_key_fn *visit, void *user)
{
    ksi_named_cache_each_key(named, from, backward, visit, user);
}

ks_status ksi_record_cache_put(ksi_record_cache *cache, ksi_named_cache *named,
                               const ksi_cached_row *row, const ksi_cached_row **stored,
                               ks_error *error)
{
    int64_t before = ksi_named_cache_bytes(named);
    const ksi_cached_row *put = ksi_named_cache_put(named, row);
    cache->bytes += ksi_named_cache_bytes(named) - before;
    if (stored == NULL) {
        return evict_while_over(cache, named, error);
    }
    ksi_named_cache_hold(put);
    ks_status status = evict_while_over(cache, named, error);
    ksi_named_cache_release(named, put);
    *stored = put;
    return status;
}

ks_status ksi_record_cache_flush(ksi_record_cache *cache, ksi_named_cache *named, ks_error *error)
{
    int64_t before = ksi_named_cache_bytes(named);
    cache->depth++;
    ks_status status = ksi_named_cache_flush(named, error);
    cache->depth--;
    cache->bytes += ksi_named_cache_bytes(named) - before;
    correct_drift(cache);
    return status;
}
