/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_iterator.c - walks over the sessions of a store. See session_store.h, and session_key.h
 * for the order of rows.
 *
 *     by key      segment by segment, in each the part that may have sessions of the keys; what the
 *                 part has of others, because keys differ in length, is passed over
 *     by end      through the index of ends; rows are looked up one by one
 *
 * In memory Java gives sessions of several keys in order of time, then key, then the later start
 * first: there what is asked for is gathered and sorted. Without an index it is found by its end in
 * that way, too.
 *
 * A session has no length that is known beforehand, so what ends late may begin early: there is a
 * first segment to look at, but no last one but that of the newest end. Segments that are out of
 * date are passed over in one step, for only the cache may have something there.
 *
 * With a record cache above a store in memory Java looks at the cached sessions of all keys in the
 * order of ends, from the earliest end that is asked for on. As long as these are few
 * (cache_walk.h) the walk over the cache is the iterator's own and goes on from segment to segment.
 *
 * What has been given back is used again: the aggregation of sessions opens one of these for each
 * record.
 *
 * Thread rule: that of the store.
 */
#include "state/session_store.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/slice.h"
#include "state/session_store_parts.h"

#include <stdlib.h>

struct ksi_session_iterator {
    ksi_session_store *store;
    bool by_end; /* through the index */
    bool is_sorted;
    bool is_walking; /* `walk` is over the cached rows of all segments */
    ksi_cache_walk walk;
    ksi_session_range range; /* with its keys in the buffers below */
    int64_t latest_end;
    ksi_buffer key_from;
    ksi_buffer key_to;
    bool has_part; /* `rows` or `index` is open, of `segment` */
    bool is_over;
    int64_t segment;
    ksi_merged_iterator *rows;
    ksi_row_iterator *index;
    ksi_buffer low;
    ksi_buffer high;
    ksi_buffer value; /* of the row given out last, where it does not come from `rows` */
    bool is_gathered;
    ks_arena arena; /* of what was gathered */
    ksi_session_id *gathered;
    size_t capacity;
    size_t count;
    size_t left;
};

/* ---- opening --------------------------------------------------------------------------------- */

static ks_slice keep(ksi_buffer *in, ks_slice bytes)
{
    ksi_buffer_clear(in);
    if (bytes.data == NULL) {
        return bytes;
    }
    ksi_buffer_append(in, bytes.data, bytes.size);
    return ksi_buffer_slice(in);
}

/* Nothing stands above the rows that are asked for. */
static bool is_of_stored(const ksi_session_store *store, const ksi_session_range *range)
{
    return range->stored || store->logged.cached == NULL;
}

static ksi_session_iterator *take_iterator(ksi_session_store *store)
{
    ksi_session_iterator *iterator = store->spare;
    store->spare = NULL;
    if (iterator == NULL) {
        iterator = ksi_calloc(1, sizeof *iterator);
        iterator->store = store;
        ksi_arena_init(&iterator->arena, 0);
        ksi_cache_walk_init(&iterator->walk);
    }
    return iterator;
}

static bool is_of_one_key(const ksi_session_range *range)
{
    return range->key_from.data != NULL && range->key_to.data != NULL &&
           ksi_slice_compare(range->key_from, range->key_to) == 0;
}

static bool is_asked_for(const ksi_session_iterator *iterator, const ksi_session_id *id)
{
    const ksi_session_range *range = &iterator->range;
    return id->end >= range->earliest_end && id->end <= iterator->latest_end &&
           id->start <= range->latest_start &&
           (range->key_from.data == NULL || ksi_slice_compare(id->key, range->key_from) >= 0) &&
           (range->key_to.data == NULL || ksi_slice_compare(id->key, range->key_to) <= 0);
}

static int64_t end_of(const void *owner, ks_slice row_key)
{
    const ksi_session_iterator *iterator = owner;
    return ksi_session_key_read_row(&iterator->store->keys, row_key).end;
}

static bool walk_asks_for(const void *owner, ks_slice row_key)
{
    const ksi_session_iterator *iterator = owner;
    const ksi_session_id id = ksi_session_key_read_row(&iterator->store->keys, row_key);
    return is_asked_for(iterator, &id);
}

/* `range` as it was asked for: of one key from its earliest end on, of several from time 0 on. */
static void begin_walk(ksi_session_iterator *iterator, const ksi_session_range *range)
{
    const ksi_session_store *store = iterator->store;
    iterator->is_walking = store->keys.in_memory && !is_of_stored(store, range) &&
                           ksi_record_cache_is_tight(store->logged.cache);
    if (!iterator->is_walking) {
        return;
    }
    const int64_t first = is_of_one_key(range) && range->earliest_end > 0 ? range->earliest_end : 0;
    const ksi_cache_walk_options options = {
        .cached = store->logged.cached,
        .range = {.low = range->key_from.data != NULL
                             ? ksi_session_key_of_bound(&iterator->low, &store->keys,
                                                        range->key_from, first, false)
                             : ks_slice_null(),
                  .backward = range->backward},
        .time_of = end_of,
        .asks_for = walk_asks_for,
        .owner = iterator};
    ksi_cache_walk_begin(&iterator->walk, &options);
}

static ksi_session_iterator *open_walk(ksi_session_store *store, const ksi_session_range *range,
                                       int64_t latest_end, bool by_end)
{
    ksi_session_iterator *iterator = take_iterator(store);
    int64_t earliest = range->earliest_end > 0 ? range->earliest_end : 0;
    int64_t visible = store->retention.visible_from;
    if (!by_end && is_of_stored(store, range) && earliest < visible) {
        earliest = visible;
    }
    iterator->by_end = by_end;
    iterator->is_sorted = store->keys.in_memory && !is_of_one_key(range);
    iterator->range = *range;
    iterator->range.key_from = keep(&iterator->key_from, range->key_from);
    iterator->range.key_to = keep(&iterator->key_to, range->key_to);
    iterator->range.earliest_end = earliest;
    iterator->latest_end = latest_end < store->newest_end ? latest_end : store->newest_end;
    iterator->is_over = earliest > iterator->latest_end;
    iterator->has_part = false;
    iterator->is_gathered = false;
    iterator->count = 0;
    iterator->segment = ksi_session_segment(
        &store->keys, range->backward && !iterator->is_over ? iterator->latest_end : earliest);
    begin_walk(iterator, range);
    return iterator;
}

ksi_session_iterator *ksi_session_store_find(ksi_session_store *store,
                                             const ksi_session_range *range)
{
    return open_walk(store, range, INT64_MAX, false);
}

bool ksi_session_store_finds_ending(const ksi_session_store *store)
{
    return store->keys.by_time || (store->keys.in_memory && store->logged.cached == NULL);
}

ksi_session_iterator *ksi_session_store_find_ending(ksi_session_store *store, int64_t from,
                                                    int64_t to)
{
    KSI_CHECK(ksi_session_store_finds_ending(store));
    const ksi_session_range range = {.earliest_end = from, .latest_start = INT64_MAX};
    return open_walk(store, &range, to, store->keys.by_time);
}

/* ---- closing --------------------------------------------------------------------------------- */

static void close_part(ksi_session_iterator *iterator)
{
    if (iterator->rows != NULL) {
        ksi_merged_iterator_stop(iterator->rows);
    }
    ksi_row_iterator_close(iterator->index);
    iterator->index = NULL;
    iterator->has_part = false;
}

void ksi_session_iterator_free(ksi_session_iterator *iterator)
{
    if (iterator == NULL) {
        return;
    }
    close_part(iterator);
    ksi_merged_iterator_close(iterator->rows);
    ksi_cache_walk_destroy(&iterator->walk);
    ksi_buffer_destroy(&iterator->key_from);
    ksi_buffer_destroy(&iterator->key_to);
    ksi_buffer_destroy(&iterator->low);
    ksi_buffer_destroy(&iterator->high);
    ksi_buffer_destroy(&iterator->value);
    ksi_arena_destroy(&iterator->arena);
    ksi_free(iterator->gathered);
    ksi_free(iterator);
}

void ksi_session_iterator_close(ksi_session_iterator *iterator)
{
    if (iterator == NULL) {
        return;
    }
    close_part(iterator);
    ksi_cache_walk_stop(&iterator->walk);
    ksi_arena_reset(&iterator->arena);
    if (iterator->store->spare == NULL) {
        iterator->store->spare = iterator;
    } else {
        ksi_session_iterator_free(iterator);
    }
}

/* ---- by key, segment by segment -------------------------------------------------------------- */

/* `walk` may be NULL. */
static void open_rows(ksi_session_iterator *iterator, const ksi_row_range *range,
                      ksi_cache_walk *walk)
{
    const ksi_session_store *store = iterator->store;
    const ksi_merged_options options = {
        .cached = is_of_stored(store, &iterator->range) ? NULL : store->logged.cached,
        .rows = store->base.rows,
        .hides = ksi_session_store_hides,
        .hides_owner = store,
        .walk = walk,
        .is_no_use = iterator->is_walking};
    if (iterator->rows != NULL) {
        ksi_merged_iterator_restart(iterator->rows, &options, range);
    } else {
        iterator->rows = ksi_merged_iterator_open(&options, range);
    }
}

/* The part of a segment that has the rows of one key. */
static void bound_key(ksi_session_iterator *iterator, ksi_row_range *part)
{
    const ksi_session_keys *keys = &iterator->store->keys;
    int64_t begin = iterator->segment * keys->segment_ms;
    int64_t last = begin > INT64_MAX - keys->segment_ms ? INT64_MAX : begin + keys->segment_ms - 1;
    int64_t first = iterator->range.earliest_end > begin ? iterator->range.earliest_end : begin;
    ks_slice key = iterator->range.key_from;
    part->low = ksi_session_key_of_bound(&iterator->low, keys, key, first, false);
    part->high = ksi_session_key_of_bound(&iterator->high, keys, key, last, true);
    part->high_inclusive = true;
}

static void bound_keys(ksi_session_iterator *iterator, ksi_row_range *part)
{
    const ksi_session_keys *keys = &iterator->store->keys;
    const ksi_session_range *range = &iterator->range;
    (void)ksi_session_key_of_place(&iterator->low, keys, iterator->segment, false);
    ksi_buffer_append(&iterator->low, range->key_from.data, range->key_from.size);
    part->low = ksi_buffer_slice(&iterator->low);
    part->high_inclusive = range->key_to.data != NULL;
    if (part->high_inclusive) {
        part->high =
            ksi_session_key_of_last(&iterator->high, keys, iterator->segment, range->key_to);
    } else {
        int64_t behind = iterator->segment + (keys->by_time ? 0 : 1);
        part->high = ksi_session_key_of_place(&iterator->high, keys, behind, keys->by_time);
    }
}

/*
 * The next segment that has rows, from `segment` on or, backward, up to it. Only asked of segments
 * that are out of date, of which there may be millions.
 */
static ks_status find_occupied(ksi_session_iterator *iterator, ks_error *error)
{
    const ksi_session_keys *keys = &iterator->store->keys;
    const bool backward = iterator->range.backward;
    ksi_row_range rest = {.backward = backward};
    rest.low =
        ksi_session_key_of_place(&iterator->low, keys, backward ? 0 : iterator->segment, false);
    if (backward) {
        rest.high = ksi_session_key_of_place(&iterator->high, keys, iterator->segment + 1, false);
    }
    ksi_row row;
    bool found;
    open_rows(iterator, &rest, NULL);
    ks_status status = ksi_merged_iterator_next(iterator->rows, &row, &found, error);
    if (status == KS_OK && found) {
        iterator->segment = ksi_session_key_segment(row.key);
    }
    iterator->is_over = status == KS_OK && !found;
    return status;
}

static ks_status open_part(ksi_session_iterator *iterator, ks_error *error)
{
    const ksi_session_keys *keys = &iterator->store->keys;
    if (iterator->segment < iterator->store->retention.expired_below) {
        KS_TRY(find_occupied(iterator, error));
    }
    iterator->is_over =
        iterator->is_over ||
        iterator->segment < ksi_session_segment(keys, iterator->range.earliest_end) ||
        iterator->segment > ksi_session_segment(keys, iterator->latest_end);
    if (!iterator->is_over) {
        ksi_row_range part = {.backward = iterator->range.backward};
        if (is_of_one_key(&iterator->range)) {
            bound_key(iterator, &part);
        } else {
            bound_keys(iterator, &part);
        }
        open_rows(iterator, &part,
                  iterator->is_walking && !iterator->is_sorted ? &iterator->walk : NULL);
        iterator->has_part = true;
    }
    return KS_OK;
}

static ks_status next_by_key(ksi_session_iterator *iterator, ksi_session_id *id, ks_slice *value,
                             bool *found, ks_error *error)
{
    ksi_row row;
    while (!iterator->is_over) {
        if (!iterator->has_part) {
            KS_TRY(open_part(iterator, error));
            continue;
        }
        KS_TRY(ksi_merged_iterator_next(iterator->rows, &row, found, error));
        if (!*found) {
            iterator->has_part = false;
            iterator->segment += iterator->range.backward ? -1 : 1;
            continue;
        }
        *id = ksi_session_key_read_row(&iterator->store->keys, row.key);
        if (is_asked_for(iterator, id)) {
            *value = row.value;
            return KS_OK;
        }
    }
    *found = false;
    return KS_OK;
}

/* ---- by end ---------------------------------------------------------------------------------- */

/* The index of the first segment that has one, from `segment` on. */
static ks_status open_index(ksi_session_iterator *iterator, ks_error *error)
{
    const ksi_session_keys *keys = &iterator->store->keys;
    ksi_row_store *rows = iterator->store->base.rows;
    ksi_row row;
    bool found;
    ksi_row_iterator *rest = ksi_row_iterator_open(
        rows, &(ksi_row_range){
                  .low = ksi_session_key_of_place(&iterator->low, keys, iterator->segment, false)});
    ks_status status = ksi_row_iterator_next(rest, &row, &found, error);
    if (status == KS_OK && found) {
        iterator->segment = ksi_session_key_segment(row.key);
    }
    ksi_row_iterator_close(rest);
    KS_TRY(status);
    iterator->is_over =
        !found || iterator->segment > ksi_session_segment(keys, iterator->latest_end);
    if (!iterator->is_over) {
        int64_t begin = iterator->segment * keys->segment_ms;
        int64_t first = iterator->range.earliest_end > begin ? iterator->range.earliest_end : begin;
        iterator->index = ksi_row_iterator_open(
            rows, &(ksi_row_range){.low = ksi_session_key_of_end(&iterator->low, keys, first),
                                   .high = ksi_session_key_of_place(&iterator->high, keys,
                                                                    iterator->segment + 1, false)});
        iterator->has_part = true;
    }
    return KS_OK;
}

/* What is kept to be emitted is shown to who emits it. */
static bool is_visible(const ksi_session_store *store, int64_t end)
{
    return end >= ksi_retention_kept_from(&store->retention);
}

/* The row of a session, from below the cache; copied, as others may write before it is used. */
static ks_status look_up(ksi_session_iterator *iterator, const ksi_session_id *id, ks_slice *value,
                         bool *found, ks_error *error)
{
    ksi_session_store *store = iterator->store;
    ksi_row row;
    ks_slice key = ksi_session_key_of_row(&store->row_key, &store->keys, id);
    if (iterator->by_end || iterator->range.stored) {
        KS_TRY(ksi_row_store_look(store->base.rows, key, &row, found, error));
    } else if (iterator->is_walking) {
        KS_TRY(ksi_logged_rows_look(&store->logged, key, &row, found, error));
    } else {
        KS_TRY(ksi_logged_rows_read(&store->logged, key, &row, found, error));
    }
    if (*found) {
        *value = keep(&iterator->value, row.value);
    }
    return KS_OK;
}

static ks_status next_by_end(ksi_session_iterator *iterator, ksi_session_id *id, bool *found,
                             ks_error *error)
{
    ksi_row row;
    while (!iterator->is_over) {
        if (!iterator->has_part) {
            KS_TRY(open_index(iterator, error));
            continue;
        }
        KS_TRY(ksi_row_iterator_next(iterator->index, &row, found, error));
        if (!*found) {
            close_part(iterator);
            iterator->segment++;
            continue;
        }
        *id = ksi_session_key_read_index(&iterator->store->keys, row.key);
        iterator->is_over = id->end > iterator->latest_end;
        if (!iterator->is_over && is_visible(iterator->store, id->end)) {
            return KS_OK;
        }
    }
    *found = false;
    return KS_OK;
}

/* The next session in the order of the rows. Its value is null where it has to be looked up. */
static ks_status next_in_rows(ksi_session_iterator *iterator, ksi_session_id *id, ks_slice *value,
                              bool *found, ks_error *error)
{
    return iterator->by_end ? next_by_end(iterator, id, found, error)
                            : next_by_key(iterator, id, value, found, error);
}

/* ---- sorted ---------------------------------------------------------------------------------- */

static int compare_sessions(const void *a, const void *b)
{
    const ksi_session_id *one = a;
    const ksi_session_id *other = b;
    if (one->end != other->end) {
        return one->end < other->end ? -1 : 1;
    }
    int order = ksi_slice_compare(one->key, other->key);
    if (order != 0) {
        return order;
    }
    return one->start == other->start ? 0 : one->start > other->start ? -1 : 1;
}

static ks_status gather(ksi_session_iterator *iterator, ks_error *error)
{
    bool backward = iterator->range.backward;
    ksi_session_id id;
    ks_slice value;
    bool found = true;
    while (found) {
        KS_TRY(next_in_rows(iterator, &id, &value, &found, error));
        if (found) {
            iterator->gathered = ksi_grow(iterator->gathered, &iterator->capacity,
                                          iterator->count + 1, sizeof *iterator->gathered);
            id.key = ksi_arena_copy(&iterator->arena, id.key);
            iterator->gathered[iterator->count++] = id;
        }
    }
    if (iterator->count > 0) {
        qsort(iterator->gathered, iterator->count, sizeof *iterator->gathered, compare_sessions);
    }
    for (size_t i = 0; backward && i < iterator->count / 2; i++) {
        ksi_session_id other = iterator->gathered[i];
        iterator->gathered[i] = iterator->gathered[iterator->count - 1 - i];
        iterator->gathered[iterator->count - 1 - i] = other;
    }
    iterator->left = iterator->count;
    iterator->is_gathered = true;
    return KS_OK;
}

/* The walk goes as far as a gathered session, which may be in the cache or not. */
static void walk_to(ksi_session_iterator *iterator, const ksi_session_id *to)
{
    const ksi_session_keys *keys = &iterator->store->keys;
    const ksi_walked_key *next = ksi_cache_walk_next(&iterator->walk);
    int order = -1;
    while (next != NULL && order < 0) {
        const ksi_session_id cached = ksi_session_key_read_row(keys, next->key);
        order = compare_sessions(&cached, to);
        order = iterator->range.backward ? -order : order;
        if (order <= 0) {
            ksi_cache_walk_take(&iterator->walk);
        }
        next = order < 0 ? ksi_cache_walk_next(&iterator->walk) : NULL;
    }
}

static ks_status next_gathered(ksi_session_iterator *iterator, ksi_session_id *id, bool *found,
                               ks_error *error)
{
    if (!iterator->is_gathered) {
        KS_TRY(gather(iterator, error));
    }
    *found = iterator->left > 0;
    if (*found) {
        *id = iterator->gathered[iterator->count - iterator->left--];
        if (iterator->is_walking) {
            walk_to(iterator, id);
        }
    }
    return KS_OK;
}

/* ---- the next -------------------------------------------------------------------------------- */

ks_status ksi_session_iterator_next(ksi_session_iterator *iterator, ksi_session_row *row,
                                    bool *found, ks_error *error)
{
    ksi_session_id id = {0};
    ks_slice value = ks_slice_null();
    bool is_there = false;
    do {
        KS_TRY(iterator->is_sorted ? next_gathered(iterator, &id, found, error)
                                   : next_in_rows(iterator, &id, &value, found, error));
        is_there = value.data != NULL;
        if (*found && !is_there) { /* it may have been removed meanwhile */
            KS_TRY(look_up(iterator, &id, &value, &is_there, error));
        }
    } while (*found && !is_there);
    if (!*found && iterator->is_walking) {
        (void)ksi_cache_walk_next(&iterator->walk); /* what is left is looked at */
    }
    *row = (ksi_session_row){.key = id.key, .start = id.start, .end = id.end, .value = value};
    return KS_OK;
}
