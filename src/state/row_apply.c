/* SPDX-License-Identifier: Apache-2.0 */
/*
 * row_apply.c - the committed rows of a buffer that RocksDB does not have, in the order of keys.
 *
 * Whoever applies them wants them sorted, since RocksDB then finds the place of each beside that of
 * the one before. The tree has that order; but where it has few of the rows, or few of its rows are
 * wanted, it is cheaper to sort what the lists have.
 *
 * A row that was visited counts as one that RocksDB may have, whether or not the rest is visited:
 * applying may fail in the middle, and then a part of it is there.
 *
 * Thread rule: that of the buffer.
 */
#include "state/row_buffer_parts.h"

#include "base/memory.h"

/* Sorting a row costs about as much as passing by so many others in the tree. */
enum { FEW = 8 };

typedef ksi_buffered_row row;

/* The row's committed version is not in RocksDB. */
static bool waits_for_apply(const ksi_row_buffer *buffer, const row *it)
{
    bool waits = it->state == KSI_UNAPPLIED || (it->state == KSI_PENDING && it->must_apply);
    return waits && !ksi_row_buffer_hides(buffer, it->item.key, true);
}

static bool visit_row(const ksi_row_buffer *buffer, row *it, ksi_row_visit_fn *visit, void *user)
{
    ksi_row out;
    it->is_below = true; /* whatever becomes of applying the others */
    (void)ksi_row_describe(it, ksi_row_committed_version(buffer, it), &out);
    return visit(user, &out);
}

/* By the tree, which is in order: for when many of all rows wait. */
static bool each_by_tree(ksi_row_buffer *buffer, ksi_row_visit_fn *visit, void *user)
{
    bool all = true;
    ksi_tree_cursor at;
    ksi_row_index_order(buffer);
    const ksi_tree_item *item = ksi_tree_seek(&at, buffer->tree, ks_slice_null(), false);
    while (all && item != NULL) {
        row *it = ksi_row_of(item);
        all = !waits_for_apply(buffer, it) || visit_row(buffer, it, visit, user);
        item = ksi_tree_next(&at, item->key);
    }
    return all;
}

/* By the lists, sorted: for when few do, or the tree does not have them. */
static bool each_by_list(ksi_row_buffer *buffer, ksi_row_visit_fn *visit, void *user)
{
    row **rows = NULL;
    size_t capacity = 0;
    size_t count = 0;
    for (ksi_row_state state = KSI_UNAPPLIED; state <= KSI_PENDING; state++) {
        for (row *it = buffer->lists[state].first; it != NULL; it = it->after) {
            if (waits_for_apply(buffer, it)) {
                rows = ksi_grow(rows, &capacity, count + 1, sizeof *rows);
                rows[count++] = it;
            }
        }
    }
    ksi_rows_sort(rows, count);
    bool all = true;
    for (size_t i = 0; all && i < count; i++) {
        all = visit_row(buffer, rows[i], visit, user);
    }
    ksi_free(rows);
    return all;
}

bool ksi_row_buffer_each_unapplied(ksi_row_buffer *buffer, ksi_row_visit_fn *visit, void *user)
{
    int64_t others = buffer->bytes[KSI_CLEAN] + buffer->bytes[KSI_PENDING];
    bool many = buffer->bytes[KSI_UNAPPLIED] > others / FEW;
    bool has_order = buffer->loose_count <= buffer->table.count / FEW;
    return many && has_order ? each_by_tree(buffer, visit, user)
                             : each_by_list(buffer, visit, user);
}

bool ksi_row_buffer_has_unapplied(const ksi_row_buffer *buffer)
{
    for (const row *it = buffer->lists[KSI_PENDING].first; it != NULL; it = it->after) {
        if (it->must_apply) {
            return true;
        }
    }
    return buffer->lists[KSI_UNAPPLIED].first != NULL;
}
