/* SPDX-License-Identifier: Apache-2.0 */
/*
 * named_cache.c - the cached rows of one store: a hash index, and two lists through its rows.
 *
 *     used     head: used last ... tail: goes first     every row
 *     dirty    first: updated first ... last            rows that were written and not flushed
 *
 * The problem: flushing calls back, and the callback may read and write this very store. Java lives
 * with it because its entries are immutable: a flush works on the entries as they were when it
 * began, whatever happens to the cache meanwhile. Here a row is reused in place, so what is being
 * flushed (or was just read) is *held*: a held row is never changed nor freed. Writing its key puts
 * a new row in its place; evicting it takes it out of the table and leaves it to its holder.
 *
 * What follows from Java, and looks odd:
 *   - Rows are clean from the moment a flush begins, so a nested write may evict, without a word,
 *     rows that this flush has yet to deliver; a nested read of those sees the store as it was
 *     before.
 *   - After a flush the keys that it deleted leave the cache, even one that a nested call has
 *     written again meanwhile: that write is lost. (Only a processor that writes into the table
 *     which calls it can do that.)
 *   - Flushing does not count as use; reading and writing do.
 *
 * Ranges need the rows in key order as well. Most stores are never asked for one, so the tree is
 * made at the first range and kept up to date from then on.
 *
 * Steady state: rows that leave are kept with their buffers for the next new key, so that nothing
 * is allocated.
 *
 * Thread rule: that of the record cache.
 */
#include "state/named_cache.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/hash_index.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/slice.h"
#include "base/tree.h"
#include "serde/headers.h"

#include <stddef.h>

enum {
    MAX_SPARE_ROWS = 64,
    MAX_SPARE_BYTES = 4096, /* a spare row with a larger buffer gives it back */
    ARENA_BLOCK_BYTES = 256,
    INSIDE_BYTES = 48,
    AHEAD = 4, /* of a flush: rows that are announced before their turn */
    /*
     * Java's estimate of a node: three references; of an entry: its flag, timestamp, offset and
     * partition.
     */
    NODE_BYTES = 3 * 8,
    ENTRY_BYTES = 1 + 8 + 8 + 4
};

typedef struct cache_row cache_row;
/*
 * What finding a row touches stands together at the front, and short rows have their bytes inside.
 */
struct cache_row {
    uint64_t hash;
    ksi_tree_item item; /* the key again: in `table`, and in `sorted` while that is kept */
    cache_row *newer;
    cache_row *older; /* also the next of spare and retired rows */
    int64_t counted;  /* Java's size of node and entry */
    ks_arena *arena;  /* of headers and source bytes; NULL until there are some */
    unsigned holds;
    bool resident;
    ksi_cached_row row;
    cache_row *dirty_before;
    cache_row *dirty_after;
    char *bytes; /* key, then value: `inside`, or allocated */
    size_t capacity;
    char inside[INSIDE_BYTES];
};

/* The rows of one flush; kept for the next. */
typedef struct flush_batch flush_batch;
struct flush_batch {
    cache_row **rows;
    size_t count;
    size_t capacity;
    flush_batch *next;
};

struct ksi_named_cache {
    ksi_named_cache_options options;
    ksi_hash_index table;
    int64_t bytes;
    cache_row *head;
    cache_row *tail;
    cache_row *dirty_first;
    cache_row *dirty_last;
    cache_row *retired; /* released, still borrowed by who read them */
    cache_row *spare;
    size_t spare_count;
    flush_batch *batches;
    ksi_tree *sorted; /* the rows in key order; NULL until somebody asks for a range */
    ksi_map *topics;  /* name -> its one copy, which contexts point to */
    const char *last_topic;
    int64_t last_topic_length; /* in Java's chars */
};

/* ---- Java's sizes ---------------------------------------------------------------------------- */

/* How many chars a Java string of this UTF-8 has. */
static int64_t java_length(ks_slice text)
{
    int64_t length = 0;
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if ((byte & 0xC0u) != 0x80u) {
            length += byte >= 0xF0u ? 2 : 1;
        }
    }
    return length;
}

/* Of a context that is the cache's own. */
static int64_t size_of_context(const ksi_named_cache *cache, const ksi_record_context *context)
{
    int64_t size = context->topic != NULL ? cache->last_topic_length : 0;
    size_t count = ks_headers_count(context->headers);
    for (size_t i = 0; i < count; i++) {
        ks_header header = ks_headers_at(context->headers, i);
        size += java_length(header.name) + (int64_t)header.value.size;
    }
    return size;
}

static int64_t size_of_row(const ksi_named_cache *cache, const ksi_cached_row *row)
{
    int64_t size = NODE_BYTES + ENTRY_BYTES + (int64_t)row->key.size;
    if (row->value.data != NULL) {
        size += (int64_t)(row->value.size + cache->options.value_overhead);
    }
    return size + size_of_context(cache, &row->context);
}

/* ---- the memory of rows ---------------------------------------------------------------------- */

static cache_row *row_of(const ksi_cached_row *row)
{
    return (cache_row *)(uintptr_t)((const char *)row - offsetof(cache_row, row));
}

static void free_bytes(cache_row *row)
{
    if (row->bytes != row->inside) {
        ksi_free(row->bytes);
    }
    row->bytes = row->inside;
    row->capacity = sizeof row->inside;
}

static void free_row(cache_row *row)
{
    if (row->arena != NULL) {
        ksi_arena_destroy(row->arena);
        ksi_free(row->arena);
    }
    free_bytes(row);
    ksi_free(row);
}

static cache_row *take_row(ksi_named_cache *cache)
{
    cache_row *row = cache->spare;
    if (row == NULL) {
        row = ksi_calloc(1, sizeof *row);
        free_bytes(row);
        return row;
    }
    cache->spare = row->older;
    cache->spare_count--;
    return row;
}

static void recycle(ksi_named_cache *cache, cache_row *row)
{
    if (cache->spare_count == MAX_SPARE_ROWS) {
        free_row(row);
        return;
    }
    if (row->capacity > MAX_SPARE_BYTES) {
        free_bytes(row);
    }
    if (row->arena != NULL) {
        ksi_arena_reset(row->arena);
    }
    row->older = cache->spare;
    cache->spare = row;
    cache->spare_count++;
}

static void recycle_retired(ksi_named_cache *cache)
{
    while (cache->retired != NULL) {
        cache_row *row = cache->retired;
        cache->retired = row->older;
        recycle(cache, row);
    }
}

static const char *own_topic(ksi_named_cache *cache, const char *topic)
{
    if (topic == NULL) {
        return NULL;
    }
    if (cache->last_topic == NULL || strcmp(cache->last_topic, topic) != 0) {
        char *copy = ksi_map_get_cstr(cache->topics, topic);
        if (copy == NULL) {
            copy = ksi_strdup(topic);
            (void)ksi_map_put_cstr(cache->topics, topic, copy);
        }
        cache->last_topic = copy;
        cache->last_topic_length = java_length(ks_slice_cstr(copy));
    }
    return cache->last_topic;
}

/*
 * Copies the context into the row: the topic once for all rows, the rest into the row's own arena.
 */
static void own_context(ksi_named_cache *cache, cache_row *row, const ksi_record_context *context)
{
    bool has_headers = ks_headers_count(context->headers) > 0;
    bool has_source = context->source_key.data != NULL || context->source_value.data != NULL;
    if (row->arena != NULL) {
        ksi_arena_reset(row->arena);
    } else if (has_headers || has_source) {
        row->arena = ksi_alloc(sizeof *row->arena);
        ksi_arena_init(row->arena, ARENA_BLOCK_BYTES);
    }
    row->row.context = *context;
    row->row.context.topic = own_topic(cache, context->topic);
    row->row.context.headers = ksi_headers_copy(row->arena, context->headers);
    if (has_source) {
        row->row.context.source_key = ksi_arena_copy(row->arena, context->source_key);
        row->row.context.source_value = ksi_arena_copy(row->arena, context->source_value);
    }
}

/* Copies what `input` says into the row. The bytes of `input` may be the row's own. */
static void fill(ksi_named_cache *cache, cache_row *row, const ksi_cached_row *input)
{
    size_t needed = input->key.size + input->value.size;
    char *bytes = row->bytes;
    size_t capacity = row->capacity;
    if (needed > capacity) {
        capacity = needed + needed / 4;
        bytes = ksi_alloc(capacity);
    }
    if (input->value.size > 0) {
        memmove(bytes + input->key.size, input->value.data, input->value.size);
    }
    /*
     * Rewritten in place the key is there already, and the slice given may lie in the value that
     * was just overwritten.
     */
    bool in_place = row->resident && bytes == row->bytes;
    if (input->key.size > 0 && !in_place) {
        memcpy(bytes, input->key.data, input->key.size);
    }
    if (bytes != row->bytes) {
        free_bytes(row);
        row->bytes = bytes;
        row->capacity = capacity;
    }
    row->row.key = ks_slice_of(bytes, input->key.size);
    row->row.value = input->value.data != NULL
                         ? ks_slice_of(bytes + input->key.size, input->value.size)
                         : ks_slice_null();
    row->item.key = row->row.key; /* the same bytes, perhaps in another place */
    row->row.timestamp = input->timestamp;
    row->row.dirty = input->dirty;
    if (input->dirty) {
        own_context(cache, row, &input->context);
    } else {
        row->row.context = (ksi_record_context){.partition = -1, .offset = -1, .timestamp = -1};
    }
    row->counted = size_of_row(cache, &row->row);
}

/* ---- the table and its lists ----------------------------------------------------------------- */

static cache_row *row_of_item(ksi_tree_item *item)
{
    return item == NULL ? NULL : (cache_row *)((uintptr_t)item - offsetof(cache_row, item));
}

static cache_row *find(const ksi_named_cache *cache, ks_slice key, uint64_t hash)
{
    return row_of_item(ksi_hash_index_find(&cache->table, key, hash));
}

/* Whoever writes a key has often just read it: then it is the one used last. */
static cache_row *find_used_last(const ksi_named_cache *cache, ks_slice key, uint64_t *hash)
{
    if (cache->head != NULL && ks_slice_equal(cache->head->row.key, key)) {
        *hash = cache->head->hash;
        return cache->head;
    }
    *hash = ksi_slice_hash(key);
    return find(cache, key, *hash);
}

static void link_newest(ksi_named_cache *cache, cache_row *row)
{
    row->newer = NULL;
    row->older = cache->head;
    if (cache->head != NULL) {
        cache->head->newer = row;
    } else {
        cache->tail = row;
    }
    cache->head = row;
}

static void unlink_used(ksi_named_cache *cache, cache_row *row)
{
    *(row->newer != NULL ? &row->newer->older : &cache->head) = row->older;
    *(row->older != NULL ? &row->older->newer : &cache->tail) = row->newer;
}

static void use(ksi_named_cache *cache, cache_row *row)
{
    if (row != cache->head) {
        unlink_used(cache, row);
        link_newest(cache, row);
    }
}

static void link_dirty(ksi_named_cache *cache, cache_row *row)
{
    row->dirty_after = NULL;
    row->dirty_before = cache->dirty_last;
    *(cache->dirty_last != NULL ? &cache->dirty_last->dirty_after : &cache->dirty_first) = row;
    cache->dirty_last = row;
    row->row.dirty = true;
}

static void unlink_dirty(ksi_named_cache *cache, cache_row *row)
{
    *(row->dirty_before != NULL ? &row->dirty_before->dirty_after : &cache->dirty_first) =
        row->dirty_after;
    *(row->dirty_after != NULL ? &row->dirty_after->dirty_before : &cache->dirty_last) =
        row->dirty_before;
    row->row.dirty = false;
}

static void add_to_table(ksi_named_cache *cache, cache_row *row)
{
    ksi_hash_index_add(&cache->table, &row->item, row->hash);
    row->resident = true;
    cache->bytes += row->counted;
    link_newest(cache, row);
    if (cache->sorted != NULL) {
        (void)ksi_tree_insert(cache->sorted, &row->item);
    }
}

/*
 * Out of the table and the list of use; the caller sees to the dirty list and to the row's memory.
 */
static void take_from_table(ksi_named_cache *cache, cache_row *row)
{
    ksi_hash_index_remove(&cache->table, &row->item, row->hash);
    row->resident = false;
    if (cache->sorted != NULL) {
        (void)ksi_tree_remove(cache->sorted, row->item.key);
    }
    cache->bytes -= row->counted;
    unlink_used(cache, row);
}

static void drop(ksi_named_cache *cache, cache_row *row)
{
    take_from_table(cache, row);
    if (row->row.dirty) {
        unlink_dirty(cache, row);
    }
    if (row->holds == 0) {
        recycle(cache, row);
    }
}

/* ---- made and gone --------------------------------------------------------------------------- */

ksi_named_cache *ksi_named_cache_new(const ksi_named_cache_options *options)
{
    ksi_named_cache *cache = ksi_calloc(1, sizeof *cache);
    cache->options = *options;
    ksi_hash_index_open(&cache->table);
    cache->topics = ksi_map_new();
    return cache;
}

void ksi_named_cache_free(ksi_named_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    recycle_retired(cache);
    while (cache->head != NULL) {
        KSI_CHECK(cache->head->holds == 0);
        drop(cache, cache->head);
    }
    while (cache->spare != NULL) {
        cache_row *row = cache->spare;
        cache->spare = row->older;
        free_row(row);
    }
    while (cache->batches != NULL) {
        flush_batch *batch = cache->batches;
        cache->batches = batch->next;
        ksi_free(batch->rows);
        ksi_free(batch);
    }
    ksi_tree_free(cache->sorted);
    ksi_map_free(cache->topics, ksi_free);
    ksi_hash_index_close(&cache->table);
    ksi_free(cache);
}

int64_t ksi_named_cache_bytes(const ksi_named_cache *cache)
{
    return cache->bytes;
}

size_t ksi_named_cache_count(const ksi_named_cache *cache)
{
    return cache->table.count;
}

/* ---- reading and writing --------------------------------------------------------------------- */

const ksi_cached_row *ksi_named_cache_get(ksi_named_cache *cache, ks_slice key)
{
    uint64_t hash = 0;
    cache_row *row = find_used_last(cache, key, &hash);
    if (row != NULL) {
        use(cache, row);
    }
    recycle_retired(cache);
    return row != NULL ? &row->row : NULL;
}

void ksi_named_cache_expect(const ksi_named_cache *cache, uint64_t hash)
{
    ksi_hash_index_expect(&cache->table, hash);
}

const ksi_cached_row *ksi_named_cache_peek(const ksi_named_cache *cache, ks_slice key)
{
    const cache_row *row = find(cache, key, ksi_slice_hash(key));
    return row != NULL ? &row->row : NULL;
}

static void sort_rows(ksi_named_cache *cache)
{
    cache->sorted = ksi_tree_new();
    for (cache_row *row = cache->head; row != NULL; row = row->older) {
        (void)ksi_tree_insert(cache->sorted, &row->item);
    }
}

void ksi_named_cache_each_key(ksi_named_cache *cache, ks_slice from, bool backward,
                              ksi_cache_key_fn *visit, void *user)
{
    if (cache->sorted == NULL) {
        sort_rows(cache);
    }
    ksi_tree_cursor at;
    ksi_tree_item *item = ksi_tree_seek(&at, cache->sorted, from, backward);
    while (item != NULL && visit(user, item->key)) {
        item = backward ? ksi_tree_previous(&at, item->key) : ksi_tree_next(&at, item->key);
    }
}

const ksi_cached_row *ksi_named_cache_put(ksi_named_cache *cache, const ksi_cached_row *input)
{
    uint64_t hash = 0;
    cache_row *row = find_used_last(cache, input->key, &hash);
    if (row != NULL) {
        KSI_CHECK(input->dirty || !row->row.dirty);
        if (row->holds > 0) {
            drop(cache, row);
            row = NULL;
        }
    }
    if (row == NULL) {
        row = take_row(cache);
        fill(cache, row, input);
        row->hash = hash;
        add_to_table(cache, row);
    } else {
        if (row->row.dirty) {
            unlink_dirty(cache, row);
        }
        cache->bytes -= row->counted;
        fill(cache, row, input);
        cache->bytes += row->counted;
        use(cache, row);
    }
    if (input->dirty) {
        link_dirty(cache, row);
    }
    recycle_retired(cache);
    return &row->row;
}

void ksi_named_cache_hold(const ksi_cached_row *row)
{
    row_of(row)->holds++;
}

void ksi_named_cache_release(ksi_named_cache *cache, const ksi_cached_row *row)
{
    cache_row *released = row_of(row);
    released->holds--;
    if (released->holds == 0 && !released->resident) {
        released->older = cache->retired;
        cache->retired = released;
    }
}

/* ---- flushing -------------------------------------------------------------------------------- */

static flush_batch *take_batch(ksi_named_cache *cache)
{
    flush_batch *batch = cache->batches;
    if (batch == NULL) {
        return ksi_calloc(1, sizeof *batch);
    }
    cache->batches = batch->next;
    return batch;
}

static void add_to_batch(flush_batch *batch, cache_row *row)
{
    batch->rows = ksi_grow(batch->rows, &batch->capacity, batch->count + 1, sizeof(cache_row *));
    batch->rows[batch->count++] = row;
    row->holds++;
}

static void give_back_batch(ksi_named_cache *cache, flush_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        cache_row *row = batch->rows[i];
        row->holds--;
        if (row->holds == 0 && !row->resident) {
            recycle(cache, row);
        }
    }
    batch->count = 0;
    batch->next = cache->batches;
    cache->batches = batch;
}

/*
 * Before row `at` of a batch is flushed: asks for the memory of one that comes later, and says of
 * one that comes sooner, whose memory is here by now, that it will.
 */
static void announce(const ksi_named_cache *cache, const flush_batch *batch, size_t at)
{
    if (cache->options.expect == NULL) {
        return;
    }
    if (at + 2 * AHEAD < batch->count) {
        const cache_row *later = batch->rows[at + 2 * AHEAD];
        __builtin_prefetch(later);
        __builtin_prefetch((const char *)later + 64);
        __builtin_prefetch((const char *)later + 128);
    }
    if (at + AHEAD < batch->count) {
        cache->options.expect(cache->options.owner, batch->rows[at + AHEAD]->hash);
    }
}

/* `evicted` is dirty and out of the table already, or NULL. */
static ks_status flush_all(ksi_named_cache *cache, cache_row *evicted, ks_error *error)
{
    if (cache->dirty_first == NULL) {
        return KS_OK;
    }
    flush_batch *batch = take_batch(cache);
    if (evicted != NULL) {
        unlink_dirty(cache, evicted);
        add_to_batch(batch, evicted);
    }
    size_t first_resident = batch->count;
    while (cache->dirty_first != NULL) {
        cache_row *row = cache->dirty_first;
        unlink_dirty(cache, row);
        add_to_batch(batch, row);
    }
    ks_status status = KS_OK;
    for (size_t i = 0; i < batch->count && status == KS_OK; i++) {
        announce(cache, batch, i);
        status = cache->options.flush(cache->options.owner, &batch->rows[i]->row, error);
    }
    for (size_t i = first_resident; i < batch->count && status == KS_OK; i++) {
        cache_row *flushed = batch->rows[i];
        if (flushed->row.value.data == NULL) {
            cache_row *now = find(cache, flushed->row.key, flushed->hash);
            if (now != NULL) {
                drop(cache, now);
            }
        }
    }
    give_back_batch(cache, batch);
    return status;
}

/* Asks for the memory of the two rows that will go next, which nobody has touched for long. */
static void fetch_ahead(const ksi_named_cache *cache, const cache_row *eldest)
{
    const cache_row *next = eldest->newer; /* asked for when the row before it went */
    if (next != NULL) {
        ksi_hash_index_expect(&cache->table, next->hash);
    }
    if (next != NULL && next->newer != NULL) {
        __builtin_prefetch(next->newer);
        __builtin_prefetch((const char *)next->newer + 64);
    }
}

ks_status ksi_named_cache_evict(ksi_named_cache *cache, ks_error *error)
{
    cache_row *eldest = cache->tail;
    if (eldest == NULL) {
        return KS_OK;
    }
    fetch_ahead(cache, eldest);
    if (!eldest->row.dirty) {
        drop(cache, eldest);
        return KS_OK;
    }
    take_from_table(cache, eldest);
    return flush_all(cache, eldest, error);
}

ks_status ksi_named_cache_flush(ksi_named_cache *cache, ks_error *error)
{
    return flush_all(cache, NULL, error);
}
