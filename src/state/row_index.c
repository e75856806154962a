/* SPDX-License-Identifier: Apache-2.0 */
/*
 * row_index.c - finding the rows of a buffer: by key in a hash table, in order by a tree.
 *
 *     table    every row (base/hash_index.h)
 *     memo     the key that was looked up last
 *     loose    rows that are in the table only
 *     tree     rows in order
 *
 * A new row is put into the tree only when somebody wants order, and then together with all others
 * that came since, sorted: an aggregation that gets and puts by key alone and is applied through a
 * sorted list never pays for a tree.
 *
 * Invariants
 *   - The memo names a row of the table, or a key that has none.
 *   - A row's `loose_at` is its place in `loose` unless `is_ordered`.
 *
 * Thread rule: that of the buffer.
 */
#include "state/row_buffer_parts.h"

#include "base/check.h"
#include "base/endian.h"
#include "base/memory.h"
#include "base/slice.h"

#include <stdlib.h>

typedef ksi_buffered_row row;

void ksi_row_index_open(ksi_row_buffer *buffer)
{
    buffer->tree = ksi_tree_new();
    ksi_hash_index_open(&buffer->table);
}

void ksi_row_index_close(ksi_row_buffer *buffer)
{
    ksi_tree_free(buffer->tree);
    ksi_hash_index_close(&buffer->table);
    ksi_free(buffer->loose);
}

void ksi_row_index_clear(ksi_row_buffer *buffer)
{
    ksi_tree_clear(buffer->tree);
    ksi_hash_index_clear(&buffer->table);
    buffer->loose_count = 0;
    buffer->memo.is_set = false;
}

/* ---- the memo -------------------------------------------------------------------------------- */

static bool is_memo(const ksi_row_buffer *buffer, ks_slice key)
{
    const ksi_row_memo *memo = &buffer->memo;
    if (!memo->is_set || memo->size != key.size) {
        return false;
    }
    const char *known = memo->row != NULL ? memo->row->bytes : memo->key;
    return key.size == 0 || memcmp(known, key.data, key.size) == 0;
}

static void remember(ksi_row_buffer *buffer, ks_slice key, uint64_t hash, row *it)
{
    ksi_row_memo *memo = &buffer->memo;
    memo->row = it;
    memo->hash = hash;
    memo->size = key.size;
    memo->is_set = it != NULL || key.size <= KSI_ROW_MEMO_BYTES;
    if (it == NULL && memo->is_set && key.size > 0) {
        memcpy(memo->key, key.data, key.size);
    }
}

uint64_t ksi_row_index_hash(const ksi_row_buffer *buffer, ks_slice key)
{
    return is_memo(buffer, key) ? buffer->memo.hash : ksi_slice_hash(key);
}

/* ---- the table ------------------------------------------------------------------------------- */

row *ksi_row_index_find(ksi_row_buffer *buffer, ks_slice key)
{
    if (is_memo(buffer, key)) {
        return buffer->memo.row;
    }
    uint64_t hash = ksi_slice_hash(key);
    row *found = ksi_row_of(ksi_hash_index_find(&buffer->table, key, hash));
    remember(buffer, key, hash, found);
    return found;
}

const row *ksi_row_index_peek(const ksi_row_buffer *buffer, ks_slice key)
{
    return ksi_row_of(ksi_hash_index_find(&buffer->table, key, ksi_slice_hash(key)));
}

void ksi_row_buffer_expect(const ksi_row_buffer *buffer, uint64_t hash)
{
    ksi_hash_index_expect(&buffer->table, hash);
}

void ksi_row_index_add(ksi_row_buffer *buffer, row *it)
{
    ksi_hash_index_add(&buffer->table, &it->item, it->hash);
    KSI_CHECK(buffer->loose_count < UINT32_MAX);
    buffer->loose =
        ksi_grow(buffer->loose, &buffer->loose_capacity, buffer->loose_count + 1, sizeof(row *));
    it->loose_at = (uint32_t)buffer->loose_count;
    buffer->loose[buffer->loose_count++] = it;
    remember(buffer, it->item.key, it->hash, it);
}

void ksi_row_index_remove(ksi_row_buffer *buffer, row *it)
{
    ksi_hash_index_remove(&buffer->table, &it->item, it->hash);
    if (it->is_ordered) {
        KSI_CHECK(ksi_tree_remove(buffer->tree, it->item.key) == &it->item);
    } else {
        row *last = buffer->loose[--buffer->loose_count];
        buffer->loose[it->loose_at] = last;
        last->loose_at = it->loose_at;
    }
    if (buffer->memo.row == it) {
        buffer->memo.is_set = false;
    }
}

/* ---- order ----------------------------------------------------------------------------------- */

/* Sixteen bytes of the key beside the address: sorting seldom touches rows. */
typedef struct sorted_row {
    uint64_t first;
    uint64_t second;
    row *it;
} sorted_row;

static int compare_rows(const void *a, const void *b)
{
    const sorted_row *left = a;
    const sorted_row *right = b;
    if (left->first != right->first) {
        return left->first < right->first ? -1 : 1;
    }
    if (left->second != right->second) {
        return left->second < right->second ? -1 : 1;
    }
    return ksi_slice_compare(left->it->item.key, right->it->item.key);
}

static size_t count_shared(row *const *rows, size_t count)
{
    ks_slice key = rows[0]->item.key;
    size_t shared = key.size;
    for (size_t i = 1; i < count; i++) {
        ks_slice other = rows[i]->item.key;
        size_t limit = other.size < shared ? other.size : shared;
        size_t same = 0;
        while (same < limit && key.data[same] == other.data[same]) {
            same++;
        }
        shared = same;
    }
    return shared;
}

static sorted_row sorted_row_of(row *it, size_t shared)
{
    char bytes[16] = {0}; /* zeros behind a short key: they tie or come first, as it does */
    size_t left = it->item.key.size - shared;
    if (left > 0) {
        memcpy(bytes, it->bytes + shared, left < sizeof bytes ? left : sizeof bytes);
    }
    return (sorted_row){.first = ksi_get_be64(bytes), .second = ksi_get_be64(bytes + 8), .it = it};
}

void ksi_rows_sort(row **rows, size_t count)
{
    if (count < 2) {
        return;
    }
    size_t shared = count_shared(rows, count);
    sorted_row *sorted = ksi_alloc(count * sizeof *sorted);
    for (size_t i = 0; i < count; i++) {
        sorted[i] = sorted_row_of(rows[i], shared);
    }
    qsort(sorted, count, sizeof *sorted, compare_rows);
    for (size_t i = 0; i < count; i++) {
        rows[i] = sorted[i].it;
    }
    ksi_free(sorted);
}

void ksi_row_index_order(ksi_row_buffer *buffer)
{
    if (buffer->loose_count == 0) {
        return;
    }
    ksi_rows_sort(buffer->loose, buffer->loose_count);
    for (size_t i = 0; i < buffer->loose_count; i++) {
        buffer->loose[i]->is_ordered = true;
        KSI_CHECK(ksi_tree_insert(buffer->tree, &buffer->loose[i]->item));
    }
    buffer->loose_count = 0;
}
