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
 * RocksDB's snapshot decides. Where the buffer knows all rows from the low bound on, RocksDB is not
 * asked, and there is no other side.
 *
 * While an iterator is open the buffer forgets nothing, so a row that was applied after the
 * snapshot was taken is not lost between the two.
 *
 * Nothing is copied. A row that is given out lies in the buffer, which leaves a lent value alone
 * until the last walk ends, or in RocksDB's iterator: so both sides move on only when the next row
 * is asked for. The iterator that was closed last is kept for the next one that is opened.
 *
 * What expired before the opening is left out by raising the low bound, so that an abort, which
 * takes the floor back, brings nothing that was not there; what expires later the buffer hides.
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
    bool has_begun;
    bool move_buffer; /* the row of this side was given out, or passed over */
    bool move_stored;
    bool has_buffered; /* the walk stands on `buffered` */
    ksi_row_seen buffered;
    ksi_rocks_iterator *stored; /* NULL: the buffer knows all */
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

static ksi_row_iterator *take_iterator(ksi_row_store *store)
{
    ksi_row_iterator *iterator = store->spare;
    if (iterator == NULL) {
        iterator = ksi_calloc(1, sizeof *iterator);
        iterator->store = store;
    }
    store->spare = NULL;
    return iterator;
}

void ksi_row_iterator_free(ksi_row_iterator *iterator)
{
    if (iterator != NULL) {
        ksi_buffer_destroy(&iterator->low);
        ksi_buffer_destroy(&iterator->high);
        ksi_free(iterator);
    }
}

ksi_row_iterator *ksi_row_iterator_open(ksi_row_store *store, const ksi_row_range *range)
{
    ksi_row_iterator *iterator = take_iterator(store);
    ks_slice low = range->low;
    ks_slice floor = ksi_row_buffer_floor(store->buffer, range->committed);
    if (floor.data != NULL && (low.data == NULL || ksi_slice_compare(low, floor) < 0)) {
        low = floor;
    }
    iterator->range = *range;
    iterator->range.low = keep(&iterator->low, low);
    iterator->range.high = keep(&iterator->high, range->high);
    iterator->has_begun = false;
    iterator->move_buffer = true;
    iterator->move_stored = true;
    iterator->has_buffered = false;
    ksi_row_walk_begin(&iterator->walk, store->buffer, range->backward, range->committed);
    iterator->stored =
        ksi_row_store_knows_from(store, iterator->range.low) ? NULL : open_stored(iterator);
    return iterator;
}

void ksi_row_iterator_close(ksi_row_iterator *iterator)
{
    if (iterator == NULL) {
        return;
    }
    ksi_row_store *store = iterator->store;
    ksi_row_walk_end(&iterator->walk);
    ksi_row_buffer_trim(store->buffer, store->options.clean_bytes);
    if (iterator->stored != NULL) {
        ksi_rocks_iterator_close(iterator->stored);
    }
    if (store->spare == NULL) {
        store->spare = iterator;
    } else {
        ksi_row_iterator_free(iterator);
    }
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
    ksi_row_seen *seen = &iterator->buffered;
    bool any;
    if (!iterator->has_begun) {
        any = ksi_row_walk_seek(&iterator->walk, range->backward ? range->high : range->low, seen);
        if (any && range->backward && ksi_row_range_is_above(range, seen->row.key)) {
            /* the bound itself, which is exclusive */
            any = ksi_row_walk_next(&iterator->walk, seen->row.key, seen);
        }
    } else {
        any = iterator->has_buffered && ksi_row_walk_next(&iterator->walk, seen->row.key, seen);
    }
    iterator->has_buffered =
        any && !(range->backward ? ksi_row_range_is_below(range, seen->row.key)
                                 : ksi_row_range_is_above(range, seen->row.key));
}

static void step_stored(ksi_row_iterator *iterator)
{
    if (iterator->stored == NULL) {
        return;
    }
    bool backward = iterator->range.backward;
    if (!iterator->has_begun) {
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
    int order = ksi_slice_compare(iterator->buffered.row.key, stored);
    return iterator->range.backward ? -order : order;
}

/* Moves the sides whose rows are done with. */
static void move_on(ksi_row_iterator *iterator)
{
    if (iterator->move_buffer) {
        step_buffer(iterator);
    }
    if (iterator->move_stored) {
        step_stored(iterator);
    }
    iterator->has_begun = true;
    iterator->move_buffer = false;
    iterator->move_stored = false;
}

/* Takes the next key and looks what its row is now. False at the end. */
static bool take_key(ksi_row_iterator *iterator, ksi_row_seen *seen, bool *is_stored)
{
    if (ksi_row_walk_is_void(&iterator->walk)) {
        return false;
    }
    move_on(iterator);
    ks_slice stored = stored_key(iterator);
    if (!iterator->has_buffered && stored.data == NULL) {
        return false;
    }
    int order = which_first(iterator, stored);
    iterator->move_buffer = order <= 0;
    iterator->move_stored = order >= 0;
    *is_stored = order >= 0;
    if (order <= 0) {
        *seen = iterator->buffered;
        ksi_row_walk_look(&iterator->walk, seen);
    } else {
        ksi_row_walk_find(&iterator->walk, stored, seen);
    }
    return true;
}

/* The row that RocksDB stands on. */
static ks_status read_stored(const ksi_row_iterator *iterator, ks_slice key, ksi_row *row,
                             ks_error *error)
{
    const ksi_row_store_options *options = &iterator->store->options;
    if (key.size < options->key_bytes) {
        return ksi_error_set(
            error, KS_E_CORRUPT, options->name,
            "a row of partition %d has a key of %zu bytes, fewer than the %zu that "
            "all of them have",
            (int)options->partition, key.size, options->key_bytes);
    }
    row->key = key;
    return ksi_physical_value_read(iterator->store, ksi_rocks_iterator_value(iterator->stored), row,
                                   error);
}

ks_status ksi_row_iterator_next(ksi_row_iterator *iterator, ksi_row *row, bool *found,
                                ks_error *error)
{
    ksi_row_seen seen;
    bool is_stored;
    *found = false;
    while (!*found && take_key(iterator, &seen, &is_stored)) {
        if (seen.at_beginning == KSI_ROW_ABSENT ||
            (seen.at_beginning == KSI_ROW_UNKNOWN && !is_stored)) {
            continue; /* it came later */
        }
        if (seen.knowledge == KSI_ROW_PRESENT) {
            ksi_row_walk_lend(&iterator->walk, seen.in);
            *row = seen.row;
            *found = true;
        } else if (seen.knowledge == KSI_ROW_UNKNOWN && is_stored) {
            KS_TRY(read_stored(iterator, seen.row.key, row, error));
            *found = true;
        }
    }
    if (!*found && iterator->stored != NULL) {
        return ksi_rocks_iterator_status(iterator->stored, error);
    }
    return KS_OK;
}
