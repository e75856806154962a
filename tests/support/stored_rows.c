/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stored_rows.c - see stored_rows.h.
 */
#include "stored_rows.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/slice.h"

static char kept[4096]; /* the row given last: the iterator that had it is closed */

static ks_slice keep(ks_slice bytes, size_t at)
{
    assert_true(at + bytes.size <= sizeof kept);
    memcpy(kept + at, bytes.data, bytes.size);
    return ks_slice_of(kept + at, bytes.size);
}

bool stored_rows_next(const ksi_key_value_store *store, ks_slice after, ksi_row *row)
{
    ks_error error = {0};
    bool found = true;
    ksi_row_iterator *iterator =
        ksi_row_iterator_open(ksi_key_value_store_rows(store), &(ksi_row_range){.low = after});
    do {
        assert_int_equal(ksi_row_iterator_next(iterator, row, &found, &error), KS_OK);
    } while (found && after.data != NULL && ksi_slice_compare(row->key, after) <= 0);
    if (found) {
        row->value = keep(row->value, row->key.size);
        row->key = keep(row->key, 0);
    }
    ksi_row_iterator_close(iterator);
    return found;
}

void stored_rows_restore(const ksi_key_value_store *store, ks_slice key, ks_slice value,
                         int64_t timestamp)
{
    ks_error error = {0};
    const ksi_store_position position = {.offset = 1};
    ksi_row_store *rows = ksi_key_value_store_rows(store);
    assert_int_equal(ksi_row_store_restore(rows, key, value, timestamp, &error), KS_OK);
    assert_int_equal(ksi_row_store_restored(rows, &position, &error), KS_OK);
}

uint64_t stored_rows_count(const ksi_key_value_store *store)
{
    return ksi_row_store_count(ksi_key_value_store_rows(store));
}
