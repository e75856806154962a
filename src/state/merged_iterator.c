/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merged_iterator.c - see merged_iterator.h.
 *
 *     cache     b'     c(deleted)     e
 *     rows      a  b   c         d
 *     result    a  b'            d    e
 *
 * The cache changes while one iterates: what is written, evicted or flushed in between. So its keys
 * in the range are copied at the opening (cache_walk.h), and what a key's row is gets decided when
 * it is given out: the cache if it has the key, else the rows. A dirty row that went down to the
 * rows meanwhile is found there; Java skips it.
 *
 * The order of use, which decides what is evicted and so what an application emits, is Java's:
 * opening uses nothing, and a cached row counts as used when it becomes the next candidate of the
 * cache, which is one step before it is given out when the rows have smaller keys.
 *
 * Without a cache the rows are passed on as they come, and so are the pages of a query.
 *
 * Thread rule: that of the store.
 */
#include "state/merged_iterator.h"

#include "base/buffer.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/slice.h"

struct ksi_merged_iterator {
    ksi_merged_options options;
    ksi_row_iterator *below;
    ksi_query_iterator *queried; /* instead of all the others; NULL: not a query */
    ksi_row_range range;
    ksi_cache_walk own; /* unless the options have one */
    bool has_row;       /* `row` is the next of `below` */
    bool row_is_fresh;  /* nothing can have changed it yet */
    ksi_row row;
    ksi_buffer value; /* of the row given out last */
};

/* ---- opening --------------------------------------------------------------------------------- */

static void begin(ksi_merged_iterator *iterator, const ksi_merged_options *options,
                  const ksi_row_range *range)
{
    iterator->options = *options;
    iterator->range = *range;
    iterator->below = ksi_row_iterator_open(options->rows, range);
    iterator->has_row = false;
    if (options->cached != NULL && options->walk == NULL) {
        ksi_cache_walk_begin(&iterator->own,
                             &(ksi_cache_walk_options){.cached = options->cached,
                                                       .range = *range,
                                                       .is_no_use = options->is_no_use});
        iterator->range = (ksi_row_range){.backward = range->backward}; /* bounds were borrowed */
    }
}

ksi_merged_iterator *ksi_merged_iterator_open(const ksi_merged_options *options,
                                              const ksi_row_range *range)
{
    ksi_merged_iterator *iterator = ksi_calloc(1, sizeof *iterator);
    ksi_cache_walk_init(&iterator->own);
    begin(iterator, options, range);
    return iterator;
}

void ksi_merged_iterator_stop(ksi_merged_iterator *iterator)
{
    ksi_row_iterator_close(iterator->below);
    iterator->below = NULL;
    ksi_cache_walk_stop(&iterator->own);
}

void ksi_merged_iterator_restart(ksi_merged_iterator *iterator, const ksi_merged_options *options,
                                 const ksi_row_range *range)
{
    ksi_merged_iterator_stop(iterator);
    begin(iterator, options, range);
}

ksi_merged_iterator *ksi_merged_iterator_open_query(ksi_store_query *query,
                                                    const ksi_row_range *range)
{
    ksi_merged_iterator *iterator = ksi_calloc(1, sizeof *iterator);
    iterator->queried = ksi_query_iterator_open(query, range);
    ksi_cache_walk_init(&iterator->own);
    return iterator;
}

void ksi_merged_iterator_close(ksi_merged_iterator *iterator)
{
    if (iterator == NULL) {
        return;
    }
    ksi_row_iterator_close(iterator->below);
    ksi_query_iterator_close(iterator->queried);
    ksi_cache_walk_destroy(&iterator->own);
    ksi_buffer_destroy(&iterator->value);
    ksi_free(iterator);
}

/* ---- the two sides --------------------------------------------------------------------------- */

static ksi_cache_walk *walk_of(ksi_merged_iterator *iterator)
{
    return iterator->options.walk != NULL ? iterator->options.walk : &iterator->own;
}

/* The next key of the cache; NULL: it has none in this range. */
static const ksi_walked_key *next_cached(ksi_merged_iterator *iterator)
{
    ksi_cache_walk *walk = walk_of(iterator);
    const ksi_row_range *range = &iterator->range;
    for (;;) {
        const ksi_walked_key *next = ksi_cache_walk_next(walk);
        bool is_above = next != NULL && ksi_row_range_is_above(range, next->key);
        bool is_below = next != NULL && ksi_row_range_is_below(range, next->key);
        if (!is_above && !is_below) {
            return next;
        }
        if (range->backward ? is_below : is_above) {
            return NULL; /* it is of a range that is yet to come */
        }
        ksi_cache_walk_take(walk);
    }
}

static bool is_hidden(const ksi_merged_iterator *iterator, ks_slice key)
{
    const ksi_merged_options *options = &iterator->options;
    return options->hides != NULL && options->hides(options->hides_owner, key);
}

/* The next stored row that has not expired. */
static ks_status next_stored(ksi_merged_iterator *iterator, ksi_row *row, bool *found,
                             ks_error *error)
{
    do {
        KS_TRY(ksi_row_iterator_next(iterator->below, row, found, error));
    } while (*found && is_hidden(iterator, row->key));
    return KS_OK;
}

static ks_status fill_row(ksi_merged_iterator *iterator, ks_error *error)
{
    if (iterator->has_row) {
        iterator->row_is_fresh = false;
        return KS_OK;
    }
    iterator->row_is_fresh = true;
    return next_stored(iterator, &iterator->row, &iterator->has_row, error);
}

/* ---- merging --------------------------------------------------------------------------------- */

/* The row of a key as it is now; `stored` is what the rows have, NULL when that is not known. */
static ks_status newest(ksi_merged_iterator *iterator, ks_slice key, const ksi_row *stored,
                        ksi_row *row, bool *found, ks_error *error)
{
    const ksi_cached_row *cached = ksi_record_cache_peek(iterator->options.cached, key);
    if (cached != NULL) {
        *found = cached->value.data != NULL;
        *row = (ksi_row){.key = key, .value = cached->value, .timestamp = cached->timestamp};
    } else if (stored != NULL) {
        *found = true;
        *row = *stored;
        return KS_OK; /* its iterator keeps it */
    } else {
        KS_TRY(ksi_row_store_look(iterator->options.rows, key, row, found, error));
        row->key = key;
        *found = *found && !is_hidden(iterator, key);
    }
    if (*found) {
        ksi_buffer_clear(&iterator->value);
        ksi_buffer_append(&iterator->value, row->value.data, row->value.size);
        row->value = ksi_buffer_slice(&iterator->value);
    }
    return KS_OK;
}

/* Takes the smaller of the two keys (the greater going backward); `*any` false at the end. */
static ks_status take_key(ksi_merged_iterator *iterator, ksi_row *row, bool *any, bool *found,
                          ks_error *error)
{
    const ksi_walked_key *cached = next_cached(iterator);
    KS_TRY(fill_row(iterator, error));
    *any = cached != NULL || iterator->has_row;
    if (!*any) {
        return KS_OK;
    }
    int order = iterator->has_row ? 1 : -1;
    if (cached != NULL && iterator->has_row) {
        order = ksi_slice_compare(cached->key, iterator->row.key);
        order = iterator->range.backward ? -order : order;
    }
    if (order <= 0) {
        ksi_cache_walk_take(walk_of(iterator));
    }
    iterator->has_row = iterator->has_row && order < 0;
    if (order <= 0 && !cached->was_there) {
        return KS_OK; /* whatever has been put there since */
    }
    if (order < 0) {
        return newest(iterator, cached->key, NULL, row, found, error);
    }
    return newest(iterator, iterator->row.key, iterator->row_is_fresh ? &iterator->row : NULL, row,
                  found, error);
}

ks_status ksi_merged_iterator_next(ksi_merged_iterator *iterator, ksi_row *row, bool *found,
                                   ks_error *error)
{
    *found = false;
    if (iterator->queried != NULL) {
        return ksi_query_iterator_next(iterator->queried, row, found, error);
    }
    if (iterator->options.cached == NULL) {
        return next_stored(iterator, row, found, error);
    }
    bool any = true;
    while (any && !*found) {
        KS_TRY(take_key(iterator, row, &any, found, error));
    }
    return KS_OK;
}
