/* SPDX-License-Identifier: Apache-2.0 */
/*
 * partition.c - appending to and reading from one partition in memory; partition.h has the essay.
 *
 * A record within a chunk, at a multiple of 8 bytes:
 *
 *     timestamp i64 | headers pointer | key size u32 | value size u32 | key | value | padding
 *
 * A size of UINT32_MAX is Kafka's null. A record that does not fit into what is left of a chunk
 * begins a new one; one that is bigger than a chunk gets a chunk of its size.
 */
#include "transport/embedded/partition.h"

#include "base/check.h"
#include "base/error.h"
#include "base/memory.h"
#include "serde/headers.h"

#define FIRST_CHUNK_BYTES ((size_t)4096)
#define MAX_CHUNK_BYTES ((size_t)1024 * 1024)
#define NULL_SIZE UINT32_MAX
/* Kafka's own bound: sizes are signed 32-bit numbers on its wire. */
#define MAX_FIELD_BYTES ((size_t)INT32_MAX)

struct ksi_log_chunk {
    _Atomic(ksi_log_chunk *) next;
    int64_t base_offset;
    size_t capacity;
    size_t used; /* the writer's: readers go by offsets */
    _Alignas(8) char data[];
};

typedef struct stored_record {
    int64_t timestamp;
    const ks_headers *headers;
    uint32_t key_size;
    uint32_t value_size;
    char bytes[];
} stored_record;

void ksi_partition_init(ksi_partition *partition, int32_t number)
{
    ksi_mutex_init(&partition->lock);
    atomic_init(&partition->end, 0);
    atomic_init(&partition->watchers, 0);
    atomic_init(&partition->first, NULL);
    partition->last = NULL;
    partition->next_capacity = FIRST_CHUNK_BYTES;
    ksi_arena_init(&partition->headers, 0);
    partition->number = number;
}

void ksi_partition_destroy(ksi_partition *partition)
{
    ksi_log_chunk *chunk = atomic_load(&partition->first);
    while (chunk != NULL) {
        ksi_log_chunk *next = atomic_load(&chunk->next);
        ksi_free(chunk);
        chunk = next;
    }
    ksi_arena_destroy(&partition->headers);
    ksi_mutex_destroy(&partition->lock);
}

/* ---- appending ------------------------------------------------------------------------------- */

static size_t field_bytes(uint32_t size)
{
    return size == NULL_SIZE ? 0 : size;
}

static size_t stored_bytes(size_t key, size_t value)
{
    return (sizeof(stored_record) + key + value + 7u) & ~(size_t)7u;
}

/* The chunk that has room for `size` bytes: the last one, or a new one behind it. */
static ksi_log_chunk *chunk_with_room(ksi_partition *partition, size_t size)
{
    ksi_log_chunk *last = partition->last;
    if (last != NULL && last->capacity - last->used >= size) {
        return last;
    }
    size_t capacity = partition->next_capacity;
    if (capacity < MAX_CHUNK_BYTES) {
        partition->next_capacity = capacity * 2;
    }
    if (capacity < size) {
        capacity = size;
    }
    ksi_log_chunk *chunk = ksi_alloc(sizeof *chunk + capacity);
    atomic_init(&chunk->next, NULL);
    chunk->base_offset = atomic_load_explicit(&partition->end, memory_order_relaxed);
    chunk->capacity = capacity;
    chunk->used = 0;
    if (last == NULL) {
        atomic_store_explicit(&partition->first, chunk, memory_order_release);
    } else {
        atomic_store_explicit(&last->next, chunk, memory_order_release);
    }
    partition->last = chunk;
    return chunk;
}

/*
 * A null slice has no bytes, whatever its size says: a reader finds the next record by what stands
 * here.
 */
static ks_slice without_size_if_null(ks_slice slice)
{
    return slice.data != NULL ? slice : ks_slice_null();
}

ks_status ksi_partition_append(ksi_partition *partition, const ks_log_record *record,
                               int64_t *offset, ks_error *error)
{
    ks_slice key = without_size_if_null(record->key);
    ks_slice value = without_size_if_null(record->value);
    if (key.size > MAX_FIELD_BYTES || value.size > MAX_FIELD_BYTES) {
        return ksi_error_set(error, KS_E_LIMIT, "record",
                             "a key of %zu and a value of %zu bytes do not fit into a log, whose "
                             "limit is %zu each",
                             key.size, value.size, MAX_FIELD_BYTES);
    }
    size_t size = stored_bytes(key.size, value.size);
    ksi_mutex_lock(&partition->lock);
    ksi_log_chunk *chunk = chunk_with_room(partition, size);
    stored_record *stored = (stored_record *)(void *)(chunk->data + chunk->used);
    stored->timestamp = record->timestamp;
    stored->headers = ksi_headers_copy(&partition->headers, record->headers);
    stored->key_size = key.data != NULL ? (uint32_t)key.size : NULL_SIZE;
    stored->value_size = value.data != NULL ? (uint32_t)value.size : NULL_SIZE;
    if (key.data != NULL && key.size > 0) {
        memcpy(stored->bytes, key.data, key.size);
    }
    if (value.data != NULL && value.size > 0) {
        memcpy(stored->bytes + key.size, value.data, value.size);
    }
    chunk->used += size;
    int64_t end = atomic_load_explicit(&partition->end, memory_order_relaxed);
    /* Publishes the record, and stands before the caller's look at `watchers`. */
    atomic_store(&partition->end, end + 1);
    ksi_mutex_unlock(&partition->lock);
    *offset = end;
    return KS_OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

static const stored_record *record_at(const ksi_log_chunk *chunk, size_t position)
{
    return (const stored_record *)(const void *)(chunk->data + position);
}

/* Goes on to the next chunk when the cursor's offset lies there. */
static void enter_chunk(ksi_partition_cursor *cursor)
{
    const ksi_log_chunk *next = atomic_load_explicit(&cursor->chunk->next, memory_order_acquire);
    if (next != NULL && next->base_offset == cursor->offset) {
        cursor->chunk = next;
        cursor->position = 0;
    }
}

/* Steps over one record, which must be below the end. */
static const stored_record *take(ksi_partition_cursor *cursor)
{
    enter_chunk(cursor);
    const stored_record *stored = record_at(cursor->chunk, cursor->position);
    cursor->position +=
        stored_bytes(field_bytes(stored->key_size), field_bytes(stored->value_size));
    cursor->offset++;
    return stored;
}

ksi_partition_cursor ksi_partition_seek(int64_t offset)
{
    KSI_ASSERT(offset >= 0);
    return (ksi_partition_cursor){.chunk = NULL, .position = 0, .offset = offset};
}

/* Finds the record of the cursor's offset, which must be below the end. */
static void locate(ksi_partition *partition, ksi_partition_cursor *cursor)
{
    const ksi_log_chunk *chunk = atomic_load_explicit(&partition->first, memory_order_acquire);
    for (;;) {
        const ksi_log_chunk *next = atomic_load_explicit(&chunk->next, memory_order_acquire);
        if (next == NULL || next->base_offset > cursor->offset) {
            break;
        }
        chunk = next;
    }
    int64_t wanted = cursor->offset;
    *cursor = (ksi_partition_cursor){.chunk = chunk, .position = 0, .offset = chunk->base_offset};
    while (cursor->offset < wanted) {
        (void)take(cursor);
    }
}

size_t ksi_partition_read(ksi_partition *partition, ksi_partition_cursor *cursor,
                          ks_log_record *records, size_t capacity)
{
    int64_t end = atomic_load_explicit(&partition->end, memory_order_acquire);
    if (cursor->offset >= end) {
        return 0;
    }
    if (cursor->chunk == NULL) {
        locate(partition, cursor);
    }
    size_t count = 0;
    while (count < capacity && cursor->offset < end) {
        int64_t offset = cursor->offset;
        const stored_record *stored = take(cursor);
        ks_log_record *record = &records[count++];
        size_t key_bytes = field_bytes(stored->key_size);
        record->key = ks_slice_of(stored->key_size != NULL_SIZE ? stored->bytes : NULL, key_bytes);
        record->value =
            ks_slice_of(stored->value_size != NULL_SIZE ? stored->bytes + key_bytes : NULL,
                        field_bytes(stored->value_size));
        record->timestamp = stored->timestamp;
        record->partition = partition->number;
        record->offset = offset;
        record->headers = stored->headers;
    }
    return count;
}

int64_t ksi_partition_offset_at(ksi_partition *partition, int64_t timestamp)
{
    int64_t end = ksi_partition_end(partition);
    if (end == 0) {
        return 0;
    }
    ksi_partition_cursor cursor = ksi_partition_seek(0);
    locate(partition, &cursor);
    while (cursor.offset < end) {
        int64_t offset = cursor.offset;
        if (take(&cursor)->timestamp >= timestamp) {
            return offset;
        }
    }
    return end;
}
