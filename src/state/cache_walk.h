/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache_walk.h - the cached rows of a store, one after the other, as Java's iterators look at them.
 * @java ThreadCache.MemoryLRUCacheBytesIterator, FilteredCacheIterator
 *
 * A row that is looked at becomes the one used last, and the order of use decides what is evicted,
 * and so what an application emits. Java looks at more than is asked for: with the cache of a
 * window or session store in memory, at all rows of a span of time in the order of time, whatever
 * their keys. So what is looked at and what is asked for are two things here.
 *
 * That costs Java a step for each cached row with each record. Here it is done where the budget is
 * tight (ksi_record_cache_is_tight()) and shows in results; in a cache of megabytes only what is
 * asked for is looked at, and a record costs no more than its own rows.
 *
 * The keys are copied at the beginning; rows may be written, evicted and flushed during the walk.
 * A row that was asked for and is evicted meanwhile is given all the same: whoever merges the walk
 * with the rows below finds it there.
 *
 * Thread rule: that of the record cache.
 */
#ifndef KSI_STATE_CACHE_WALK_H
#define KSI_STATE_CACHE_WALK_H

#include "base/arena.h"
#include "state/record_cache.h"
#include "state/row_store.h"

/* The time by which rows stand in Java's cache, before their bytes. */
typedef int64_t ksi_cache_time_fn(const void *owner, ks_slice row_key);
typedef bool ksi_cache_asks_fn(const void *owner, ks_slice row_key);

/* What is given outlives the walk, but for the bounds. */
typedef struct ksi_cache_walk_options {
    ksi_named_cache *cached;
    ksi_row_range range;         /* which rows are looked at, in which direction */
    ksi_cache_time_fn *time_of;  /* NULL: rows stand in the order of their bytes */
    ksi_cache_asks_fn *asks_for; /* NULL: for all of them */
    const void *owner;
    bool is_no_use; /* nothing becomes the one used last */
} ksi_cache_walk_options;

typedef struct ksi_walked_key {
    ks_slice key;
    int64_t time;
    bool was_there; /* false: the cache knew at the beginning that the key was deleted */
    bool is_asked_for;
} ksi_walked_key;

/* The fields are cache_walk.c's own. */
typedef struct ksi_cache_walk {
    ksi_cache_walk_options options;
    ks_arena arena; /* of the keys */
    ksi_walked_key *keys;
    size_t count;
    size_t capacity;
    size_t at;     /* what was taken lies before */
    size_t looked; /* so does what was looked at */
} ksi_cache_walk;

void ksi_cache_walk_init(ksi_cache_walk *walk); /* one that is over */
/* Begins, perhaps anew. Nothing is used by that. */
void ksi_cache_walk_begin(ksi_cache_walk *walk, const ksi_cache_walk_options *options);
/*
 * The next key that was asked for, until it is taken; NULL at the end. Looks on to the first such
 * row that is still cached, or at all that are left.
 */
const ksi_walked_key *ksi_cache_walk_next(ksi_cache_walk *walk);
/* What next() gave has been dealt with. */
void ksi_cache_walk_take(ksi_cache_walk *walk);
/* Lets go of the keys: the walk is over. */
void ksi_cache_walk_stop(ksi_cache_walk *walk);
void ksi_cache_walk_destroy(ksi_cache_walk *walk);

#endif
