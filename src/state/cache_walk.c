/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache_walk.c - see cache_walk.h.
 *
 *     keys      a  .  b  .  .  c  .        `.` is looked at and not asked for
 *                     ^at      ^looked
 *
 * Looking goes ahead of taking by one row that was asked for, as in Java, whose iterators have
 * their next row in hand: `b` has been given by next() and not taken, `c` has not been looked at.
 */
#include "state/cache_walk.h"

#include "base/memory.h"
#include "base/slice.h"

#include <stdlib.h>

static int64_t time_of(const ksi_cache_walk *walk, ks_slice key)
{
    const ksi_cache_walk_options *options = &walk->options;
    return options->time_of != NULL ? options->time_of(options->owner, key) : 0;
}

static int compare_places(const ksi_walked_key *one, const ksi_walked_key *other)
{
    if (one->time != other->time) {
        return one->time < other->time ? -1 : 1;
    }
    return ksi_slice_compare(one->key, other->key);
}

static int compare_forward(const void *a, const void *b)
{
    return compare_places(a, b);
}

static int compare_backward(const void *a, const void *b)
{
    return compare_places(b, a);
}

/* ---- beginning ------------------------------------------------------------------------------- */

static void add_key(ksi_cache_walk *walk, ks_slice key, int64_t time)
{
    const ksi_cache_walk_options *options = &walk->options;
    walk->keys = ksi_grow(walk->keys, &walk->capacity, walk->count + 1, sizeof *walk->keys);
    walk->keys[walk->count++] = (ksi_walked_key){
        .key = ksi_arena_copy(&walk->arena, key),
        .time = time,
        .was_there = ksi_record_cache_peek(options->cached, key)->value.data != NULL,
        .is_asked_for = options->asks_for == NULL || options->asks_for(options->owner, key)};
}

static bool collect_by_bytes(void *user, ks_slice key)
{
    ksi_cache_walk *walk = user;
    const ksi_row_range *range = &walk->options.range;
    bool is_above = ksi_row_range_is_above(range, key);
    bool is_below = ksi_row_range_is_below(range, key);
    if (is_above || is_below) {
        return range->backward ? is_above : is_below; /* the range may be yet to come */
    }
    add_key(walk, key, 0);
    return true;
}

/* Both bounds are included. */
static bool collect_by_time(void *user, ks_slice key)
{
    ksi_cache_walk *walk = user;
    const ksi_row_range *range = &walk->options.range;
    const ksi_walked_key place = {.key = key, .time = time_of(walk, key)};
    const ksi_walked_key low = {.key = range->low,
                                .time = range->low.data != NULL ? time_of(walk, range->low) : 0};
    const ksi_walked_key high = {.key = range->high,
                                 .time = range->high.data != NULL ? time_of(walk, range->high) : 0};
    if ((low.key.data == NULL || compare_places(&place, &low) >= 0) &&
        (high.key.data == NULL || compare_places(&place, &high) <= 0)) {
        add_key(walk, key, place.time);
    }
    return true;
}

void ksi_cache_walk_init(ksi_cache_walk *walk)
{
    *walk = (ksi_cache_walk){0};
    ksi_arena_init(&walk->arena, 0);
}

void ksi_cache_walk_begin(ksi_cache_walk *walk, const ksi_cache_walk_options *options)
{
    const ksi_row_range *range = &options->range;
    ksi_cache_walk_stop(walk);
    walk->options = *options;
    if (options->time_of == NULL) {
        ksi_record_cache_each_key(options->cached, range->backward ? range->high : range->low,
                                  range->backward, collect_by_bytes, walk);
    } else {
        ksi_record_cache_each_key(options->cached, ks_slice_null(), false, collect_by_time, walk);
        if (walk->count > 1) {
            qsort(walk->keys, walk->count, sizeof *walk->keys,
                  range->backward ? compare_backward : compare_forward);
        }
    }
    walk->options.range = (ksi_row_range){0}; /* the bounds were borrowed */
}

/* ---- walking --------------------------------------------------------------------------------- */

static void look_on(ksi_cache_walk *walk)
{
    bool is_there = false;
    while (walk->looked < walk->count && !is_there) {
        const ksi_walked_key *key = &walk->keys[walk->looked++];
        is_there =
            ksi_record_cache_get(walk->options.cached, key->key) != NULL && key->is_asked_for;
    }
}

const ksi_walked_key *ksi_cache_walk_next(ksi_cache_walk *walk)
{
    while (walk->at < walk->count && !walk->keys[walk->at].is_asked_for) {
        walk->at++;
    }
    if (walk->at >= walk->looked && !walk->options.is_no_use) {
        look_on(walk);
    }
    return walk->at < walk->count ? &walk->keys[walk->at] : NULL;
}

void ksi_cache_walk_take(ksi_cache_walk *walk)
{
    walk->at++;
}

void ksi_cache_walk_stop(ksi_cache_walk *walk)
{
    ksi_arena_reset(&walk->arena);
    walk->count = 0;
    walk->at = 0;
    walk->looked = 0;
}

void ksi_cache_walk_destroy(ksi_cache_walk *walk)
{
    ksi_arena_destroy(&walk->arena);
    ksi_free(walk->keys);
}
