/* SPDX-License-Identifier: Apache-2.0 */
/*
 * row_iterator.c - a range of rows in order: what the buffer knows over what RocksDB had when the
 * iterator was opened.
 *
 *     buffer    b      d(deleted)  f(new)
 *     RocksDB   a  b   d           e
 *     result    a  b               e
 *
 * Both sides only supply keys. What a key's row is, the buffer is asked again at the moment it is
 * given out, because puts and deletes may have come since: so a row is always the newest. The
 * buffer also says whether the key was there at the opening; where it knows nothing of that time,
 * RocksDB's snapshot decides.
 *
 * While an iterator is open the buffer forgets nothing, so a row that was applied after the
 * snapshot was taken is not lost between the two.
 *
 * Thread rule: that of the store.
 */
#include "base/endian.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/slice.h"
#include "state/row_store.h"
#include "state/row_store_parts.h"

struct ksi_row_iterator {
    ksi_row_store *store;
    ksi_row_range range;
    ksi_buffer low;
    ksi_buffer high;
    ksi_row_walk walk;
    bool walk_begun;
    bool has_buffered;          /* the walk stands on `buffered` */
    ksi_buffer buffered;        /* its key */
    ksi_rocks_iterator *stored; /* NULL in memory */
    bool stored_begun;
    ksi_buffer key; /* of the row given last */
    ksi_buffer value;
};

static ks_slice keep(ksi_buffer *in, ks_slice bytes)
{
    ksi_buffer_clear(in);
    if (bytes.data == NULL) {
        return bytes;
    }
    ksi_buffer_append(in, bytes.data, bytes.size);
    return ksi_buffer_slice(in);
}

static ksi_rocks_iterator *open_stored(ksi_row_iterator *iterator)
{
    ksi_row_store *store = iterator->store;
    ksi_buffer low = {0};
    ksi_buffer high = {0};
    ksi_physical_key(&low, store->options.partition, iterator->range.low);
    if (iterator->range.high.data == NULL) {
        ksi_physical_key(&high, store->options.partition + 1, ks_slice_null());
    } else {
        ksi_physical_key(&high, store->options.partition, iterator->range.high);
        if (iterator->range.high_inclusive) {
            ksi_buffer_append(&high, "", 1); /* the smallest key behind it */
        }
    }
    ksi_rocks_iterator *stored = ksi_rocks_iterator_open(
        store->options.family, ksi_buffer_slice(&low), ksi_buffer_slice(&high));
    ksi_buffer_destroy(&low);
    ksi_buffer_destroy(&high);
    return stored;
}

ksi_row_iterator *ksi_row_iterator_open(ksi_row_store *store, const ksi_row_range *range)
{
    ksi_row_iterator *iterator = ksi_calloc(1, sizeof *iterator);
    iterator->store = store;
    iterator->range = *range;
    iterator->range.low = keep(&iterator->low, range->low);
    iterator->range.high = keep(&iterator->high, range->high);
    ksi_row_walk_begin(&iterator->walk, store->buffer, range->backward, range->committed);
    iterator->stored = store->options.family != NULL ? open_stored(iterator) : NULL;
    return iterator;
}

void ksi_row_iterator_close(ksi_row_iterator *iterator)
{
    if (iterator == NULL) {
        return;
    }
    ksi_row_walk_end(&iterator->walk);
    ksi_row_buffer_trim(iterator->store->buffer, iterator->store->options.clean_bytes);
    ksi_rocks_iterator_close(iterator->stored);
    ksi_buffer_destroy(&iterator->low);
    ksi_buffer_destroy(&iterator->high);
    ksi_buffer_destroy(&iterator->buffered);
    ksi_buffer_destroy(&iterator->key);
    ksi_buffer_destroy(&iterator->value);
    ksi_free(iterator);
}

/* ---- the two sides --------------------------------------------------------------------------- */

bool ksi_row_range_is_above(const ksi_row_range *range, ks_slice key)
{
    if (range->high.data == NULL) {
        return false;
    }
    int order = ksi_slice_compare(key, range->high);
    return range->high_inclusive ? order > 0 : order >= 0;
}

bool ksi_row_range_is_below(const ksi_row_range *range, ks_slice key)
{
    return range->low.data != NULL && ksi_slice_compare(key, range->low) < 0;
}

/* Moves the walk to its next key within the range. */
static void step_buffer(ksi_row_iterator *iterator)
{
    const ksi_row_range *range = &iterator->range;
    ksi_row_seen seen;
    bool any;
    if (!iterator->walk_begun) {
        iterator->walk_begun = true;
        any = ksi_row_walk_seek(&iterator->walk, range->backward ? range->high : range->low, &seen);
    } else {
        any = ksi_row_walk_next(&iterator->walk, ksi_buffer_slice(&iterator->buffered), &seen);
    }
    if (any && range->backward && ksi_row_range_is_above(range, seen.row.key)) {
        (void)keep(&iterator->buffered, seen.row.key); /* the bound itself, which is exclusive */
        any = ksi_row_walk_next(&iterator->walk, ksi_buffer_slice(&iterator->buffered), &seen);
    }
    iterator->has_buffered = any && !ksi_row_range_is_above(range, seen.row.key) &&
                             !ksi_row_range_is_below(range, seen.row.key);
    if (iterator->has_buffered) {
        (void)keep(&iterator->buffered, seen.row.key);
    }
}

static void step_stored(ksi_row_iterator *iterator)
{
    if (iterator->stored == NULL) {
        return;
    }
    bool backward = iterator->range.backward;
    if (!iterator->stored_begun) {
        iterator->stored_begun = true;
        if (backward) {
            ksi_rocks_iterator_seek_last(iterator->stored);
        } else {
            ksi_rocks_iterator_seek_first(iterator->stored);
        }
    } else if (backward) {
        ksi_rocks_iterator_previous(iterator->stored);
    } else {
        ksi_rocks_iterator_next(iterator->stored);
    }
}

/* The key RocksDB stands on, without its partition; null at the end. */
static ks_slice stored_key(const ksi_row_iterator *iterator)
{
    if (iterator->stored == NULL || !ksi_rocks_iterator_valid(iterator->stored)) {
        return ks_slice_null();
    }
    ks_slice key = ksi_rocks_iterator_key(iterator->stored);
    return ks_slice_of(key.data + KSI_PARTITION_BYTES, key.size - KSI_PARTITION_BYTES);
}

/* ---- merging --------------------------------------------------------------------------------- */

/* Negative: the buffer's key comes first; positive: RocksDB's; zero: they are the same. */
static int which_first(const ksi_row_iterator *iterator, ks_slice stored)
{
    if (!iterator->has_buffered) {
        return 1;
    }
    if (stored.data == NULL) {
        return -1;
    }
    int order = ksi_slice_compare(ksi_buffer_slice(&iterator->buffered), stored);
    return iterator->range.backward ? -order : order;
}

/* Takes the next key: copies it, and RocksDB's row of it, into the iterator. False at the end. */
static bool take_key(ksi_row_iterator *iterator, bool *is_stored)
{
    ks_slice stored = stored_key(iterator);
    if (!iterator->has_buffered && stored.data == NULL) {
        return false;
    }
    int order = which_first(iterator, stored);
    *is_stored = order >= 0;
    (void)keep(&iterator->key, order < 0 ? ksi_buffer_slice(&iterator->buffered) : stored);
    if (*is_stored) {
        (void)keep(&iterator->value, ksi_rocks_iterator_value(iterator->stored));
        step_stored(iterator);
    }
    if (order <= 0) {
        step_buffer(iterator);
    }
    return true;
}

ks_status ksi_row_iterator_next(ksi_row_iterator *iterator, ksi_row *row, bool *found,
                                ks_error *error)
{
    bool is_stored;
    *found = false;
    if (!iterator->walk_begun) {
        step_buffer(iterator);
        step_stored(iterator);
    }
    while (!*found && take_key(iterator, &is_stored)) {
        ks_slice key = ksi_buffer_slice(&iterator->key);
        ksi_row_knowledge then;
        ksi_row_knowledge known = ksi_row_walk_find(&iterator->walk, key, row, &then);
        if (then == KSI_ROW_ABSENT || (then == KSI_ROW_UNKNOWN && !is_stored)) {
            continue; /* it came later */
        }
        if (known == KSI_ROW_UNKNOWN && is_stored) {
            KS_TRY(ksi_physical_value_read(iterator->store, ksi_buffer_slice(&iterator->value), row,
                                           error));
            *found = true;
        } else if (known == KSI_ROW_PRESENT) {
            row->value = keep(&iterator->value, row->value);
            *found = true;
        }
        row->key = key;
    }
    if (!*found && iterator->stored != NULL) {
        return ksi_rocks_iterator_status(iterator->stored, error);
    }
    return KS_OK;
}
