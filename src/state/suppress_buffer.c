/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suppress_buffer.c - see suppress_buffer.h.
 *
 * An entry stands for a key from when it comes until the changelog was told that it is gone. While
 * it waits it is in the heap; since it changed it is in the list of those to log.
 *
 * In what order a commit logs keys means nothing, and Java's is that of a HashSet. It is followed
 * here, because the changelog is compared record by record: by bucket, and within one by when they
 * changed. The table grows with the most keys that a commit ever had and never shrinks. (A bucket
 * of more than eight becomes a tree in Java; with a hash of the whole key that needs an enemy.)
 *
 * Thread rule: the thread of the task.
 */
#include "state/suppress_buffer.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/error.h"
#include "base/heap.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/slice.h"

#include <stdlib.h>

enum { FIRST_BUCKETS = 16 };

typedef struct entry {
    int64_t time;
    int64_t size;  /* as Java counts it */
    uint32_t hash; /* Java's, spread */
    bool waits;
    bool is_dirty;
    size_t key_size;
    char key[]; /* of key_size bytes */
} entry;

/* An entry to log, and where it stands in Java's order. */
typedef struct dirty_entry {
    entry *of;
    uint32_t bucket;
    size_t since;
} dirty_entry;

struct ksi_suppress_buffer {
    ksi_store base; /* first */
    ksi_changelog *changelog;
    ksi_map *entries; /* key -> entry */
    ksi_heap order;   /* of those that wait */
    int64_t bytes;
    dirty_entry *dirty;
    size_t dirty_count;
    size_t dirty_capacity;
    uint32_t buckets;
    ksi_buffer row; /* one being written */
    ks_arena arena; /* of `version` */
    const ks_headers *version;
};

static ks_slice key_of(const entry *of)
{
    return ks_slice_of(of->key, of->key_size);
}

static int compare_times(const void *a, const void *b)
{
    const entry *left = a;
    const entry *right = b;
    if (left->time != right->time) {
        return left->time < right->time ? -1 : 1;
    }
    return ksi_slice_compare(key_of(left), key_of(right));
}

/* Arrays.hashCode(), as a HashMap spreads it. */
static uint32_t java_hash(ks_slice key)
{
    uint32_t hash = 1;
    for (size_t i = 0; i < key.size; i++) {
        uint32_t byte = (unsigned char)key.data[i];
        hash = hash * 31u + (byte ^ 0x80u) - 0x80u; /* Java's bytes have a sign */
    }
    return hash ^ hash >> 16;
}

static entry *new_entry(ksi_suppress_buffer *buffer, ks_slice key)
{
    entry *made = ksi_calloc(1, sizeof *made + key.size);
    made->hash = java_hash(key);
    made->key_size = key.size;
    if (key.size > 0) {
        memcpy(made->key, key.data, key.size);
    }
    (void)ksi_map_put(buffer->entries, key, made);
    return made;
}

static void begin_to_wait(ksi_suppress_buffer *buffer, entry *of, int64_t time)
{
    of->time = time;
    of->waits = true;
    of->size = 0;
    ksi_heap_push(&buffer->order, of);
}

static void resize(ksi_suppress_buffer *buffer, entry *of, int64_t size)
{
    buffer->bytes += size - of->size;
    of->size = size;
}

/* ---- the changelog --------------------------------------------------------------------------- */

static void mark_dirty(ksi_suppress_buffer *buffer, entry *of)
{
    if (buffer->changelog == NULL || of->is_dirty) {
        return;
    }
    of->is_dirty = true;
    buffer->dirty = ksi_grow(buffer->dirty, &buffer->dirty_capacity, buffer->dirty_count + 1,
                             sizeof *buffer->dirty);
    buffer->dirty[buffer->dirty_count] = (dirty_entry){.of = of, .since = buffer->dirty_count};
    buffer->dirty_count++;
}

static int compare_buckets(const void *a, const void *b)
{
    const dirty_entry *left = a;
    const dirty_entry *right = b;
    if (left->bucket != right->bucket) {
        return left->bucket < right->bucket ? -1 : 1;
    }
    return left->since < right->since ? -1 : left->since > right->since;
}

static void sort_dirty(ksi_suppress_buffer *buffer)
{
    while (buffer->dirty_count > buffer->buckets / 4 * 3) {
        buffer->buckets *= 2;
    }
    for (size_t i = 0; i < buffer->dirty_count; i++) {
        buffer->dirty[i].bucket = buffer->dirty[i].of->hash & (buffer->buckets - 1);
    }
    qsort(buffer->dirty, buffer->dirty_count, sizeof *buffer->dirty, compare_buckets);
}

static ks_status look_up(ksi_suppress_buffer *buffer, ks_slice key, ks_slice *bytes,
                         ks_error *error)
{
    ksi_row row;
    bool found = false;
    KS_TRY(ksi_row_store_look(buffer->base.rows, key, &row, &found, error));
    KSI_CHECK(found);
    *bytes = row.value;
    return KS_OK;
}

static ks_status log_entry(ksi_suppress_buffer *buffer, const entry *of, ks_error *error)
{
    const int64_t now = -1; /* the log's own time */
    ksi_changelog *log = buffer->changelog;
    ks_slice key = key_of(of);
    if (!of->waits) {
        return log->append(log, key, ks_slice_null(), now, NULL, error);
    }
    ks_slice bytes;
    KS_TRY(look_up(buffer, key, &bytes, error));
    return log->append(log, key, bytes, now, buffer->version, error);
}

static void forget(ksi_suppress_buffer *buffer, entry *of)
{
    (void)ksi_map_remove(buffer->entries, key_of(of));
    ksi_free(of);
}

static ks_status settle_base(ksi_store *base, ks_error *error)
{
    ksi_suppress_buffer *buffer = (ksi_suppress_buffer *)base;
    if (buffer->dirty_count > 1) {
        sort_dirty(buffer);
    }
    for (size_t i = 0; i < buffer->dirty_count; i++) {
        KS_TRY(log_entry(buffer, buffer->dirty[i].of, error));
    }
    for (size_t i = 0; i < buffer->dirty_count; i++) {
        entry *of = buffer->dirty[i].of;
        of->is_dirty = false;
        if (!of->waits) {
            forget(buffer, of);
        }
    }
    buffer->dirty_count = 0;
    return KS_OK;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void close_base(ksi_store *base)
{
    ksi_suppress_buffer *buffer = (ksi_suppress_buffer *)base;
    ksi_store_end(base);
    ksi_heap_destroy(&buffer->order);
    ksi_map_free(buffer->entries, ksi_free);
    ksi_buffer_destroy(&buffer->row);
    ksi_arena_destroy(&buffer->arena);
    ksi_free(buffer->dirty);
    ksi_free(buffer);
}

static const ksi_store_class suppress_class = {.settle = settle_base, .close = close_base};

static ks_status load_row(ksi_suppress_buffer *buffer, const ksi_row *row, ks_arena *scratch,
                          ks_error *error)
{
    ksi_buffered_value value;
    KS_TRY(ksi_buffered_value_read(row->value, scratch, &value, error));
    entry *of = new_entry(buffer, row->key);
    begin_to_wait(buffer, of, value.time);
    resize(buffer, of, ksi_buffered_value_size(row->key, &value));
    ksi_arena_reset(scratch);
    return KS_OK;
}

static ks_status load_rows(ksi_suppress_buffer *buffer, ks_error *error)
{
    ks_arena scratch;
    ksi_row row;
    bool found;
    ksi_arena_init(&scratch, 0);
    ksi_row_iterator *rows = ksi_row_iterator_open(buffer->base.rows, &(ksi_row_range){0});
    ks_status status = ksi_row_iterator_next(rows, &row, &found, error);
    while (status == KS_OK && found) {
        status = load_row(buffer, &row, &scratch, error);
        if (status == KS_OK) {
            status = ksi_row_iterator_next(rows, &row, &found, error);
        }
    }
    ksi_row_iterator_close(rows);
    ksi_arena_destroy(&scratch);
    return status;
}

ksi_suppress_buffer *ksi_suppress_buffer_open(const ksi_store_options *options, ks_error *error)
{
    static const char version[] = {KSI_BUFFERED_VERSION};
    ksi_suppress_buffer *buffer = ksi_calloc(1, sizeof *buffer);
    ksi_store_begin(&buffer->base, &suppress_class, options);
    buffer->changelog = options->changelog;
    buffer->entries = ksi_map_new();
    buffer->buckets = FIRST_BUCKETS;
    ksi_heap_init(&buffer->order, compare_times);
    ksi_arena_init(&buffer->arena, 0);
    buffer->version =
        ks_headers_with(&buffer->arena, NULL, ks_slice_cstr(KSI_BUFFERED_VERSION_HEADER),
                        ks_slice_of(version, sizeof version));
    if (load_rows(buffer, error) != KS_OK) {
        ksi_error_prefix(error, "loading store %s: ", options->spec->name);
        close_base(&buffer->base);
        return NULL;
    }
    return buffer;
}

ksi_store *ksi_suppress_buffer_base(ksi_suppress_buffer *buffer)
{
    return buffer != NULL ? &buffer->base : NULL;
}

ksi_suppress_buffer *ksi_suppress_buffer_of(ksi_store *store)
{
    return store != NULL && store->class == &suppress_class ? (ksi_suppress_buffer *)store : NULL;
}

const ksi_store_spec *ksi_suppress_buffer_spec(const ksi_suppress_buffer *buffer)
{
    return buffer->base.spec;
}

/* ---- updates --------------------------------------------------------------------------------- */

size_t ksi_suppress_buffer_count(const ksi_suppress_buffer *buffer)
{
    return buffer->order.count;
}

int64_t ksi_suppress_buffer_bytes(const ksi_suppress_buffer *buffer)
{
    return buffer->bytes;
}

int64_t ksi_suppress_buffer_oldest(const ksi_suppress_buffer *buffer)
{
    const entry *first = ksi_heap_peek(&buffer->order);
    return first != NULL ? first->time : INT64_MAX;
}

static ks_status prior_of(ksi_suppress_buffer *buffer, ks_slice key, ks_slice *prior,
                          ks_error *error)
{
    ks_slice bytes;
    ksi_buffered_value before;
    KS_TRY(look_up(buffer, key, &bytes, error));
    KS_TRY(ksi_buffered_value_read(bytes, NULL, &before, error));
    *prior = before.prior;
    return KS_OK;
}

ks_status ksi_suppress_buffer_put(ksi_suppress_buffer *buffer, ks_slice key,
                                  const ksi_buffered_value *update, ks_error *error)
{
    entry *of = ksi_map_get(buffer->entries, key);
    ksi_buffered_value value = *update;
    value.prior = update->old_value;
    if (of == NULL) {
        of = new_entry(buffer, key);
    }
    if (of->waits) {
        value.time = of->time;
        KS_TRY(prior_of(buffer, key, &value.prior, error));
    } else {
        begin_to_wait(buffer, of, update->time);
    }
    ksi_buffer_clear(&buffer->row);
    ksi_buffered_value_write(&value, &buffer->row);
    resize(buffer, of, ksi_buffered_value_size(key, &value));
    ksi_row_store_put(buffer->base.rows, key, ksi_buffer_slice(&buffer->row), -1);
    mark_dirty(buffer, of);
    return KS_OK;
}

ks_status ksi_suppress_buffer_first(ksi_suppress_buffer *buffer, ks_arena *arena, ks_slice *key,
                                    ksi_buffered_value *update, ks_error *error)
{
    const entry *first = ksi_heap_peek(&buffer->order);
    ks_slice bytes;
    KSI_CHECK(first != NULL);
    KS_TRY(look_up(buffer, key_of(first), &bytes, error));
    *key = ksi_arena_copy(arena, key_of(first));
    return ksi_buffered_value_read(ksi_arena_copy(arena, bytes), arena, update, error);
}

void ksi_suppress_buffer_evict(ksi_suppress_buffer *buffer)
{
    entry *first = ksi_heap_pop(&buffer->order);
    KSI_CHECK(first != NULL);
    resize(buffer, first, 0);
    first->waits = false;
    ksi_row_store_put(buffer->base.rows, key_of(first), ks_slice_null(), -1);
    mark_dirty(buffer, first);
    if (!first->is_dirty) {
        forget(buffer, first);
    }
}

ks_status ksi_suppress_buffer_prior(ksi_suppress_buffer *buffer, ks_slice key, ks_slice *prior,
                                    bool *found, ks_error *error)
{
    const entry *of = ksi_map_get(buffer->entries, key);
    *found = of != NULL && of->waits;
    *prior = ks_slice_null();
    return *found ? prior_of(buffer, key, prior, error) : KS_OK;
}
