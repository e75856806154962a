/* SPDX-License-Identifier: Apache-2.0 */
/*
 * window_iterator.c - fetching from a window store; see window_store.h.
 *
 * The rows that are asked for stand in one range of the row store for each segment, when keys are
 * bounded and rows are by key; else in one range for all. Rows of other keys or times may stand in
 * a range, too, and are passed over. A segment that has nothing is found by looking for the next
 * row, so that a wide range over few rows is short.
 *
 * A store on RocksDB gives rows in the order in which they stand, and so does one in memory for one
 * key. Several keys of a store in memory come in the order of time, then key: since they do not
 * stand like that unless the store is by time, their keys are gathered and sorted at the opening.
 * Keeping rows of memory in that order would make fetching one key, as joins do for each record, a
 * walk over all of them.
 *
 * With a record cache above a store in memory Java looks at the cached rows of all keys in the
 * order of time, from the first key at time 0 to the last key at the last time, or at all there are
 * when no key is asked for; the latter in a store by key on RocksDB, too. As long as these are few
 * (cache_walk.h) the walk over the cache is the iterator's own and goes on from segment to segment.
 *
 * The iterator that was closed last is kept for the next one, with all it has allocated.
 *
 * Thread rule: the thread of the task.
 */
#include "base/arena.h"
#include "base/endian.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/slice.h"
#include "state/window_store_parts.h"

#include <stdlib.h>
#include <string.h>

enum {
    NUMBER_BYTES = 8,
    BEHIND_KEY_BYTES = 12, /* start, sequence */
    STEPS = 2              /* with more segments to go the next one that has rows is looked for */
};

typedef struct gathered_row {
    ks_slice row_key;
    ksi_window_key key;
} gathered_row;

struct ksi_window_iterator {
    ksi_window_store *store;
    ksi_window_range range; /* keys are in `key_from` and `key_to` */
    int64_t visible_from;   /* below the cache */
    ksi_buffer key_from;
    ksi_buffer key_to;
    int64_t segment; /* to be opened next */
    int64_t last;    /* to be opened at all */
    bool is_open;    /* there is a range whose rows are coming */
    bool by_segment; /* a range for each segment */
    ksi_merged_iterator *rows;
    bool is_walking; /* `walk` is over the cached rows of all segments */
    ksi_cache_walk walk;
    ksi_buffer low;
    ksi_buffer high;
    bool is_gathered;
    bool must_gather; /* not done yet */
    ks_arena arena;
    gathered_row *gathered;
    size_t count;
    size_t capacity;
    size_t at;
    ksi_buffer value; /* of a gathered row */
};

/* ---- what belongs to the range --------------------------------------------------------------- */

/* As it was at the opening: time may go on while one iterates. */
static bool hides(const void *owner, ks_slice row_key)
{
    const ksi_window_iterator *iterator = owner;
    return ksi_window_key_start(row_key, iterator->store->layout) < iterator->visible_from;
}

static bool is_in_range(const ksi_window_range *range, const ksi_window_key *key)
{
    return key->start >= range->from && key->start <= range->to &&
           (range->key_from.data == NULL || ksi_slice_compare(key->key, range->key_from) >= 0) &&
           (range->key_to.data == NULL || ksi_slice_compare(key->key, range->key_to) <= 0);
}

static bool is_one_key(const ksi_window_range *range)
{
    return range->key_from.data != NULL && range->key_to.data != NULL &&
           ksi_slice_compare(range->key_from, range->key_to) == 0;
}

/* ---- bounds of row keys ---------------------------------------------------------------------- */

static void append_be64(ksi_buffer *to, int64_t number)
{
    char bytes[NUMBER_BYTES];
    ksi_put_be64(bytes, (uint64_t)number);
    ksi_buffer_append(to, bytes, sizeof bytes);
}

/* Compares `behind` with some bytes and `behind` again. */
static int compare_shifted(const char behind[BEHIND_KEY_BYTES], ks_slice bytes)
{
    size_t same = bytes.size < BEHIND_KEY_BYTES ? bytes.size : BEHIND_KEY_BYTES;
    int order = memcmp(behind, bytes.data, same);
    if (order == 0) {
        order = memcmp(behind + same, behind, BEHIND_KEY_BYTES - same);
    }
    return order != 0 ? order : -1; /* that is longer */
}

/*
 * What no row of a segment stands behind whose key is `key` or less and which starts by `to`. A key
 * that `key` begins with is less, and yet its start may be more than what follows in `key`: then
 * its rows stand behind those of `key`.
 */
static void append_high_key(ksi_buffer *high, ks_slice key, int64_t to)
{
    char behind[BEHIND_KEY_BYTES];
    ksi_put_be64(behind, (uint64_t)to);
    memset(behind + NUMBER_BYTES, 0xff, BEHIND_KEY_BYTES - NUMBER_BYTES);
    size_t size = 0;
    for (size_t n = 1; n <= key.size; n++) {
        if (compare_shifted(behind, ks_slice_of(key.data + size, n - size)) < 0) {
            size = n;
        }
    }
    ksi_buffer_append(high, key.data, size);
    ksi_buffer_append(high, behind, sizeof behind);
}

/* Of all rows between two segments, both included; the low one first. */
static void bound_segments(ksi_window_iterator *iterator, int64_t first, int64_t last)
{
    ksi_buffer_clear(&iterator->low);
    append_be64(&iterator->low, first);
    ksi_buffer_clear(&iterator->high);
    append_be64(&iterator->high, last + 1);
}

static void bound_times(ksi_window_iterator *iterator)
{
    const ksi_window_range *range = &iterator->range;
    const ksi_retention *retention = &iterator->store->retention;
    const ksi_window_layout layout = iterator->store->layout;
    (void)ksi_window_key_of_time(&iterator->low, layout,
                                 ksi_retention_segment(retention, range->from),
                                 (uint64_t)range->from);
    (void)ksi_window_key_of_time(&iterator->high, layout,
                                 ksi_retention_segment(retention, range->to),
                                 (uint64_t)range->to + 1);
}

static void bound_keys(ksi_window_iterator *iterator, int64_t segment)
{
    const ksi_window_range *range = &iterator->range;
    bound_segments(iterator, segment, segment);
    ksi_buffer_append(&iterator->low, range->key_from.data, range->key_from.size);
    if (is_one_key(range)) {
        append_be64(&iterator->low, range->from);
    }
    if (range->key_to.data != NULL) {
        ksi_buffer_clear(&iterator->high);
        append_be64(&iterator->high, segment);
        append_high_key(&iterator->high, range->key_to, range->to);
    }
}

/* The high bound is no key of a row, or behind them: so whether it is included is all one. */
static ksi_row_range bounds(const ksi_window_iterator *iterator)
{
    return (ksi_row_range){.low = ksi_buffer_slice(&iterator->low),
                           .high = ksi_buffer_slice(&iterator->high),
                           .high_inclusive = iterator->by_segment,
                           .backward = iterator->range.backward};
}

/* NULL: nothing stands above the rows that are asked for. */
static ksi_named_cache *cache_of(const ksi_window_iterator *iterator)
{
    return iterator->range.stored ? NULL : iterator->store->logged.cached;
}

static void open_rows(ksi_window_iterator *iterator)
{
    const ksi_row_range range = bounds(iterator);
    const bool walks_with_rows = iterator->is_walking && !iterator->is_gathered;
    const ksi_merged_options options = {.cached = cache_of(iterator),
                                        .rows = iterator->store->logged.rows,
                                        .hides = hides,
                                        .hides_owner = iterator,
                                        .walk = walks_with_rows ? &iterator->walk : NULL,
                                        .is_no_use = iterator->is_walking};
    if (iterator->rows != NULL) {
        ksi_merged_iterator_restart(iterator->rows, &options, &range);
    } else {
        iterator->rows = ksi_merged_iterator_open(&options, &range);
    }
    iterator->is_open = true;
}

/* ---- from segment to segment ----------------------------------------------------------------- */

static bool is_over(const ksi_window_iterator *iterator)
{
    return iterator->range.backward ? iterator->segment < iterator->last
                                    : iterator->segment > iterator->last;
}

static int64_t segments_left(const ksi_window_iterator *iterator)
{
    return iterator->range.backward ? iterator->segment - iterator->last
                                    : iterator->last - iterator->segment;
}

/* The one that comes first of a segment that was found and that of a key. */
static void take_first(ksi_window_iterator *iterator, int64_t *found, ks_slice row_key)
{
    int64_t segment = (int64_t)ksi_get_be64(row_key.data);
    bool comes_first = iterator->range.backward ? segment > *found : segment < *found;
    *found = comes_first ? segment : *found;
}

typedef struct first_cached {
    ksi_window_iterator *iterator;
    int64_t *found;
} first_cached;

static bool take_cached(void *user, ks_slice row_key)
{
    first_cached *first = user;
    take_first(first->iterator, first->found, row_key);
    return false;
}

/* Goes on to the next segment that has rows; nothing counts as used by that. */
static ks_status skip_empty(ksi_window_iterator *iterator, ks_error *error)
{
    bool backward = iterator->range.backward;
    ksi_named_cache *cached = cache_of(iterator);
    int64_t found = backward ? iterator->last - 1 : iterator->last + 1;
    bound_segments(iterator, backward ? iterator->last : iterator->segment,
                   backward ? iterator->segment : iterator->last);
    const ksi_row_range range = bounds(iterator);
    if (cached != NULL) {
        ksi_record_cache_each_key(cached, backward ? range.high : range.low, backward, take_cached,
                                  &(first_cached){iterator, &found});
    }
    ksi_row row;
    bool any = false;
    ksi_row_iterator *rows = ksi_row_iterator_open(iterator->store->logged.rows, &range);
    ks_status status = ksi_row_iterator_next(rows, &row, &any, error);
    if (any) {
        take_first(iterator, &found, row.key);
    }
    ksi_row_iterator_close(rows);
    iterator->segment = found;
    return status;
}

/* Opens the next segment; false when there is none. */
static ks_status open_segment(ksi_window_iterator *iterator, bool *any, ks_error *error)
{
    if (segments_left(iterator) > STEPS) {
        KS_TRY(skip_empty(iterator, error));
    }
    *any = !is_over(iterator);
    if (*any) {
        bound_keys(iterator, iterator->segment);
        open_rows(iterator);
        iterator->segment += iterator->range.backward ? -1 : 1;
    }
    return KS_OK;
}

/* The next row as it stands. */
static ks_status next_row(ksi_window_iterator *iterator, ksi_row *row, ksi_window_key *key,
                          bool *found, ks_error *error)
{
    bool any = true;
    *found = false;
    while (!*found && any) {
        if (!iterator->is_open) {
            any = iterator->by_segment;
            if (any) {
                KS_TRY(open_segment(iterator, &any, error));
            }
            continue;
        }
        KS_TRY(ksi_merged_iterator_next(iterator->rows, row, found, error));
        iterator->is_open = *found;
        if (*found) {
            *key = ksi_window_key_read(row->key, iterator->store->layout);
            *found = is_in_range(&iterator->range, key);
        }
    }
    return KS_OK;
}

/* ---- in the order of time -------------------------------------------------------------------- */

/* Byte `at` of a key with its sequence behind it, as Java has duplicates in memory; -1: the end. */
static int byte_at(const ksi_window_key *key, size_t at)
{
    if (at < key->key.size) {
        return (unsigned char)key->key.data[at];
    }
    size_t behind = at - key->key.size;
    return behind < sizeof key->sequence ? (int)(key->sequence >> (24 - 8 * behind) & 0xff) : -1;
}

static int compare_gathered(const void *a, const void *b)
{
    const ksi_window_key *one = &((const gathered_row *)a)->key;
    const ksi_window_key *other = &((const gathered_row *)b)->key;
    if (one->start != other->start) {
        return one->start < other->start ? -1 : 1;
    }
    size_t at = 0;
    while (byte_at(one, at) == byte_at(other, at) && byte_at(one, at) >= 0) {
        at++;
    }
    return byte_at(one, at) - byte_at(other, at);
}

static ks_status gather(ksi_window_iterator *iterator, ks_error *error)
{
    ksi_row row;
    ksi_window_key key;
    bool found = true;
    iterator->must_gather = false;
    while (found) {
        KS_TRY(next_row(iterator, &row, &key, &found, error));
        if (found) {
            iterator->gathered = ksi_grow(iterator->gathered, &iterator->capacity,
                                          iterator->count + 1, sizeof *iterator->gathered);
            ks_slice row_key = ksi_arena_copy(&iterator->arena, row.key);
            iterator->gathered[iterator->count++] = (gathered_row){
                .row_key = row_key, .key = ksi_window_key_read(row_key, iterator->store->layout)};
        }
    }
    if (iterator->count > 1) {
        qsort(iterator->gathered, iterator->count, sizeof *iterator->gathered, compare_gathered);
    }
    return KS_OK;
}

/* The walk goes as far as a gathered row, which may be in the cache or not. */
static void walk_to(ksi_window_iterator *iterator, const gathered_row *to)
{
    const ksi_walked_key *next = ksi_cache_walk_next(&iterator->walk);
    int order = -1;
    while (next != NULL && order < 0) {
        const gathered_row cached = {
            .row_key = next->key, .key = ksi_window_key_read(next->key, iterator->store->layout)};
        order = compare_gathered(&cached, to);
        order = iterator->range.backward ? -order : order;
        if (order <= 0) {
            ksi_cache_walk_take(&iterator->walk);
        }
        next = order < 0 ? ksi_cache_walk_next(&iterator->walk) : NULL;
    }
}

/* A gathered row as it is now, if it still is. */
static ks_status look(ksi_window_iterator *iterator, const gathered_row *at, ksi_row *row,
                      bool *found, ks_error *error)
{
    ksi_named_cache *cache = cache_of(iterator);
    const ksi_cached_row *cached = cache != NULL ? ksi_record_cache_peek(cache, at->row_key) : NULL;
    if (cached != NULL) {
        *found = cached->value.data != NULL;
        *row = (ksi_row){.value = cached->value, .timestamp = cached->timestamp};
    } else {
        KS_TRY(ksi_row_store_look(iterator->store->logged.rows, at->row_key, row, found, error));
        *found = *found && !hides(iterator, at->row_key);
    }
    if (*found) {
        ksi_buffer_clear(&iterator->value);
        ksi_buffer_append(&iterator->value, row->value.data, row->value.size);
        row->value = ksi_buffer_slice(&iterator->value);
    }
    return KS_OK;
}

static ks_status next_gathered(ksi_window_iterator *iterator, ksi_row *row, ksi_window_key *key,
                               bool *found, ks_error *error)
{
    if (iterator->must_gather) {
        KS_TRY(gather(iterator, error));
    }
    *found = false;
    while (!*found && iterator->at < iterator->count) {
        size_t at = iterator->range.backward ? iterator->count - 1 - iterator->at : iterator->at;
        iterator->at++;
        *key = iterator->gathered[at].key;
        if (iterator->is_walking) {
            walk_to(iterator, &iterator->gathered[at]);
        }
        KS_TRY(look(iterator, &iterator->gathered[at], row, found, error));
    }
    return KS_OK;
}

/* ---- the calls ------------------------------------------------------------------------------- */

static ksi_window_iterator *take_iterator(ksi_window_store *store)
{
    ksi_window_iterator *iterator = store->spare;
    if (iterator == NULL) {
        iterator = ksi_calloc(1, sizeof *iterator);
        iterator->store = store;
        ksi_arena_init(&iterator->arena, 0);
        ksi_cache_walk_init(&iterator->walk);
    }
    store->spare = NULL;
    return iterator;
}

static ks_slice keep(ksi_buffer *in, ks_slice bytes)
{
    ksi_buffer_clear(in);
    ksi_buffer_append(in, bytes.data, bytes.size);
    return bytes.data != NULL ? ksi_buffer_slice(in) : bytes;
}

/* No row starts before what is visible below the cache, nor behind the highest start. */
static void narrow(ksi_window_iterator *iterator)
{
    const ksi_window_store *store = iterator->store;
    ksi_window_range *range = &iterator->range;
    const ksi_retention *retention = &store->retention;
    iterator->visible_from =
        range->kept ? ksi_retention_kept_from(retention) : retention->visible_from;
    int64_t low = cache_of(iterator) == NULL ? iterator->visible_from : 0;
    low = low > 0 ? low : 0;
    range->from = range->from > low ? range->from : low;
    range->to = range->to < store->highest ? range->to : store->highest;
}

/* ---- the walk over the cache ----------------------------------------------------------------- */

static int64_t walk_time_of(const void *owner, ks_slice row_key)
{
    const ksi_window_iterator *iterator = owner;
    return ksi_window_key_start(row_key, iterator->store->layout);
}

static bool walk_asks_for(const void *owner, ks_slice row_key)
{
    const ksi_window_iterator *iterator = owner;
    const ksi_window_key key = ksi_window_key_read(row_key, iterator->store->layout);
    return is_in_range(&iterator->range, &key);
}

static ks_slice walk_bound(ksi_buffer *in, const ksi_window_store *store, const ksi_window_key *at)
{
    return at->key.data == NULL
               ? ks_slice_null()
               : ksi_window_key_make(in, store->layout,
                                     ksi_retention_segment(&store->retention, at->start), at);
}

/* `to` is where the range ended before it was narrowed. */
static void begin_walk(ksi_window_iterator *iterator, int64_t to)
{
    const ksi_store_spec *spec = iterator->store->base.spec;
    const ksi_window_range *range = &iterator->range;
    ksi_named_cache *cached = cache_of(iterator);
    const bool in_memory = spec->type == KS_STORE_IN_MEMORY;
    const bool has_keys = range->key_from.data != NULL || range->key_to.data != NULL;
    iterator->is_walking = cached != NULL && (in_memory || (!spec->by_time && !has_keys)) &&
                           ksi_record_cache_is_tight(iterator->store->logged.cache);
    if (!iterator->is_walking) {
        return;
    }
    const ksi_window_key first = {.key = range->key_from};
    const ksi_window_key last = {
        .key = range->key_to, .start = to > 0 ? to : 0, .sequence = UINT32_MAX};
    const ksi_cache_walk_options options = {
        .cached = cached,
        .range = {.low = walk_bound(&iterator->low, iterator->store, &first),
                  .high = walk_bound(&iterator->high, iterator->store, &last),
                  .high_inclusive = true,
                  .backward = range->backward},
        .time_of = in_memory ? walk_time_of : NULL,
        .asks_for = walk_asks_for,
        .owner = iterator};
    ksi_cache_walk_begin(&iterator->walk, &options);
}

ksi_window_iterator *ksi_window_store_fetch(ksi_window_store *store, const ksi_window_range *range)
{
    ksi_window_iterator *iterator = take_iterator(store);
    const ksi_store_spec *spec = store->base.spec;
    iterator->range = *range;
    iterator->range.key_from = keep(&iterator->key_from, range->key_from);
    iterator->range.key_to = keep(&iterator->key_to, range->key_to);
    const int64_t to = range->to;
    range = &iterator->range;
    narrow(iterator);
    bool has_keys = range->key_from.data != NULL || range->key_to.data != NULL;
    bool is_sorted = spec->type != KS_STORE_IN_MEMORY || spec->by_time || is_one_key(range);
    iterator->is_open = false;
    iterator->by_segment = false;
    iterator->is_gathered = !is_sorted;
    iterator->must_gather = !is_sorted;
    iterator->count = 0;
    iterator->at = 0;
    begin_walk(iterator, to);
    if (range->from > range->to) {
        return iterator;
    }
    int64_t first = ksi_retention_segment(&store->retention, range->from);
    int64_t last = ksi_retention_segment(&store->retention, range->to);
    iterator->by_segment = has_keys && !spec->by_time;
    iterator->segment = range->backward ? last : first;
    iterator->last = range->backward ? first : last;
    if (spec->by_time) {
        bound_times(iterator);
        open_rows(iterator);
    } else if (!has_keys) {
        bound_segments(iterator, first, last);
        open_rows(iterator);
    }
    return iterator;
}

ks_status ksi_window_iterator_next(ksi_window_iterator *iterator, ksi_window_row *row, bool *found,
                                   ks_error *error)
{
    ksi_row stored = {0};
    ksi_window_key key = {0};
    KS_TRY(iterator->is_gathered ? next_gathered(iterator, &stored, &key, found, error)
                                 : next_row(iterator, &stored, &key, found, error));
    if (!*found && iterator->is_walking) {
        (void)ksi_cache_walk_next(&iterator->walk); /* what is left is looked at */
    }
    *row = (ksi_window_row){.key = key.key,
                            .start = key.start,
                            .value = *found ? stored.value : ks_slice_null(),
                            .timestamp = stored.timestamp};
    return KS_OK;
}

void ksi_window_iterator_free(ksi_window_iterator *iterator)
{
    if (iterator == NULL) {
        return;
    }
    ksi_merged_iterator_close(iterator->rows);
    ksi_cache_walk_destroy(&iterator->walk);
    ksi_arena_destroy(&iterator->arena);
    ksi_free(iterator->gathered);
    ksi_buffer_destroy(&iterator->key_from);
    ksi_buffer_destroy(&iterator->key_to);
    ksi_buffer_destroy(&iterator->low);
    ksi_buffer_destroy(&iterator->high);
    ksi_buffer_destroy(&iterator->value);
    ksi_free(iterator);
}

void ksi_window_iterator_close(ksi_window_iterator *iterator)
{
    if (iterator == NULL) {
        return;
    }
    if (iterator->store->spare != NULL) {
        ksi_window_iterator_free(iterator);
        return;
    }
    if (iterator->rows != NULL) {
        ksi_merged_iterator_stop(iterator->rows);
    }
    ksi_cache_walk_stop(&iterator->walk);
    ksi_arena_reset(&iterator->arena);
    iterator->store->spare = iterator;
}
