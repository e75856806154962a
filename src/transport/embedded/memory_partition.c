/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory_partition.c - a partition in memory: an array of counted batches, in the order of offsets.
 *
 * The array is guarded by a lock that is taken once for some batches, never for a record. A reader
 * takes a reference to each batch it decodes and keeps it until its next poll; deleting records
 * drops the log's reference, and the memory goes with the last of the two.
 *
 * Small batches, as a program makes them that produces record by record, are copied into the last
 * batch of the array, as long as nobody but the log holds that one: a reader that holds it has a
 * cursor into its bytes. That it cannot get hold of it meanwhile is what the lock is for.
 *
 * Thread rule: see partition.h.
 */
#include "base/check.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/thread.h"
#include "transport/embedded/partition.h"
#include "transport/embedded/topic_config.h"

#include <string.h>

/* A batch up to this size is copied into the one before it, up to that size. */
#define SMALL_BATCH_BYTES ((size_t)4096)
#define MERGED_BATCH_BYTES ((size_t)64 * 1024)
/* How many batches, and about how many bytes, a reader takes at once. */
enum { TAKEN_BATCHES = 32 };
#define TAKEN_BYTES ((size_t)256 * 1024)

typedef struct memory_partition {
    ksi_partition partition; /* first */
    ksi_mutex lock;          /* guards the batches, and the moving of begin and end */
    ksi_batch **batches;     /* by offset */
    size_t count;
    size_t capacity;
    int64_t bytes;

    ksi_batch **staged; /* the holder's of the log's lock, as what follows */
    size_t staged_count;
    size_t staged_capacity;
    int64_t staged_begin; /* -1: it stays */
} memory_partition;

typedef struct memory_reader {
    ksi_partition_reader reader; /* first */
    memory_partition *partition;
    ks_arena headers;
    ksi_batch *taken[TAKEN_BATCHES]; /* held until they are read and polled past */
    size_t taken_count;
    size_t next; /* which of them is entered next; the one before it has the cursor */
    ksi_batch_cursor cursor;
    bool in_batch;
} memory_reader;

static memory_partition *memory_of(ksi_partition *self)
{
    return (memory_partition *)self;
}

/* ---- writing --------------------------------------------------------------------------------- */

static ks_status memory_stage(ksi_partition *self, ksi_batch *batch, ks_error *error)
{
    (void)error;
    memory_partition *partition = memory_of(self);
    int64_t end = partition->staged_count > 0
                      ? partition->staged[partition->staged_count - 1]->last_offset + 1
                      : ksi_partition_end(self);
    ksi_batch_place(batch, end);
    if (batch->size > SMALL_BATCH_BYTES) {
        ksi_batch_trim(batch);
    }
    partition->staged = ksi_grow(partition->staged, &partition->staged_capacity,
                                 partition->staged_count + 1, sizeof(ksi_batch *));
    partition->staged[partition->staged_count++] = batch;
    return KS_OK;
}

static void memory_stage_begin(ksi_partition *self, int64_t begin)
{
    memory_of(self)->staged_begin = begin;
}

static void append(memory_partition *partition, ksi_batch *batch)
{
    partition->bytes += (int64_t)batch->size;
    ksi_batch *last = partition->count > 0 ? partition->batches[partition->count - 1] : NULL;
    if (last != NULL && batch->size <= SMALL_BATCH_BYTES &&
        last->size + batch->size <= MERGED_BATCH_BYTES && ksi_batch_is_unshared(last)) {
        ksi_batch_merge(last, batch);
        return;
    }
    partition->batches = ksi_grow(partition->batches, &partition->capacity, partition->count + 1,
                                  sizeof(ksi_batch *));
    partition->batches[partition->count++] = ksi_batch_retain(batch);
}

/* Lets go of the batches that lie before `begin` as a whole. */
static void drop_before(memory_partition *partition, int64_t begin)
{
    size_t gone = 0;
    while (gone < partition->count && partition->batches[gone]->last_offset < begin) {
        partition->bytes -= (int64_t)partition->batches[gone]->size;
        ksi_batch_release(partition->batches[gone++]);
    }
    partition->count -= gone;
    if (gone > 0 && partition->count > 0) {
        memmove(partition->batches, partition->batches + gone,
                partition->count * sizeof(ksi_batch *));
    }
}

static void memory_publish(ksi_partition *self)
{
    memory_partition *partition = memory_of(self);
    ksi_mutex_lock(&partition->lock);
    int64_t end = ksi_partition_end(self);
    for (size_t i = 0; i < partition->staged_count; i++) {
        end = partition->staged[i]->last_offset + 1;
        append(partition, partition->staged[i]);
    }
    if (partition->staged_begin >= 0) {
        atomic_store(&self->begin, partition->staged_begin);
        drop_before(partition, partition->staged_begin);
    }
    /* Under the lock: a reader that took a batch must not find its end in the future. */
    atomic_store(&self->end, end);
    ksi_mutex_unlock(&partition->lock);
    partition->staged_count = 0;
    partition->staged_begin = -1;
}

static void memory_unstage(ksi_partition *self)
{
    memory_of(self)->staged_count = 0;
    memory_of(self)->staged_begin = -1;
}

static void memory_drop(ksi_partition *self)
{
    memory_partition *partition = memory_of(self);
    ksi_mutex_lock(&partition->lock);
    for (size_t i = 0; i < partition->count; i++) {
        ksi_batch_release(partition->batches[i]);
    }
    partition->count = 0;
    partition->bytes = 0;
    ksi_mutex_unlock(&partition->lock);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* The index of the first batch that has records from `offset` on. Under the lock. */
static size_t find_batch(const memory_partition *partition, int64_t offset)
{
    size_t low = 0;
    size_t high = partition->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (partition->batches[middle]->last_offset < offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Gives back what was polled past; the batch with the cursor stays when it has records left. */
static void give_back(memory_reader *reader)
{
    size_t done = reader->next;
    if (reader->in_batch && reader->cursor.at < reader->cursor.end) {
        done--;
    } else {
        reader->in_batch = false;
    }
    for (size_t i = 0; i < done; i++) {
        ksi_batch_release(reader->taken[i]);
    }
    reader->taken_count -= done;
    reader->next -= done;
    if (reader->taken_count > 0) {
        memmove(reader->taken, reader->taken + done, reader->taken_count * sizeof(ksi_batch *));
    }
}

/* Takes batches from `offset` on; false when there are none, or no room. */
static bool take(memory_reader *reader, int64_t offset)
{
    memory_partition *partition = reader->partition;
    size_t before = reader->taken_count;
    size_t bytes = 0;
    ksi_mutex_lock(&partition->lock);
    for (size_t i = find_batch(partition, offset);
         i < partition->count && bytes < TAKEN_BYTES && reader->taken_count < TAKEN_BATCHES; i++) {
        reader->taken[reader->taken_count++] = ksi_batch_retain(partition->batches[i]);
        bytes += partition->batches[i]->size;
    }
    ksi_mutex_unlock(&partition->lock);
    return reader->taken_count > before;
}

/* Goes on to the next batch; false when there is none now. */
static bool enter_batch(memory_reader *reader, int64_t offset)
{
    reader->in_batch = false;
    if (reader->next == reader->taken_count && !take(reader, offset)) {
        return false;
    }
    reader->cursor = ksi_batch_begin_in(reader->taken[reader->next++]);
    ksi_batch_skip_to(&reader->cursor, offset);
    reader->in_batch = true;
    return true;
}

static ks_status memory_poll(ksi_partition_reader *self, ks_log_record *records, size_t capacity,
                             size_t *count, ks_error *error)
{
    memory_reader *reader = (memory_reader *)self;
    const ksi_partition *partition = &reader->partition->partition;
    int64_t start = self->position;
    *count = 0;
    give_back(reader);
    ksi_arena_reset(&reader->headers);
    KS_TRY(ksi_partition_check_position(partition, start, error));
    int64_t end = ksi_partition_end(partition);
    if (start == end) {
        return KS_OK;
    }
    size_t taken = 0;
    while (taken < capacity) {
        if (!reader->in_batch && !enter_batch(reader, self->position)) {
            break;
        }
        ks_log_record *record = &records[taken];
        if (!ksi_batch_next(&reader->cursor, record, &reader->headers)) {
            reader->in_batch = false;
            continue;
        }
        record->partition = partition->number;
        self->position = record->offset + 1;
        taken++;
    }
    if (taken == 0 && reader->taken_count == 0) {
        KS_TRY(ksi_partition_check_position(partition, start, error));
        self->position = end; /* compaction left nothing of what was there */
    }
    *count = taken;
    return ksi_partition_check_gap(partition, start, records, count, error);
}

static void memory_reader_close(ksi_partition_reader *self)
{
    memory_reader *reader = (memory_reader *)self;
    for (size_t i = 0; i < reader->taken_count; i++) {
        ksi_batch_release(reader->taken[i]);
    }
    ksi_arena_destroy(&reader->headers);
    ksi_free(reader);
}

static const ksi_partition_reader_class memory_reader_class = {
    .poll = memory_poll,
    .close = memory_reader_close,
};

static ksi_partition_reader *memory_open_reader(ksi_partition *self, int64_t offset)
{
    memory_reader *reader = ksi_calloc(1, sizeof *reader);
    reader->reader = (ksi_partition_reader){.class = &memory_reader_class, .position = offset};
    reader->partition = memory_of(self);
    ksi_arena_init(&reader->headers, 0);
    return &reader->reader;
}

/* The first batch behind `offset` that has a record as new as `timestamp`, retained; or NULL. */
static ksi_batch *newer_batch(memory_partition *partition, int64_t offset, int64_t timestamp)
{
    ksi_batch *found = NULL;
    ksi_mutex_lock(&partition->lock);
    for (size_t i = find_batch(partition, offset); i < partition->count && found == NULL; i++) {
        if (partition->batches[i]->newest_timestamp >= timestamp) {
            found = ksi_batch_retain(partition->batches[i]);
        }
    }
    ksi_mutex_unlock(&partition->lock);
    return found;
}

static ks_status memory_offset_at(ksi_partition *self, int64_t timestamp, int64_t *offset,
                                  ks_error *error)
{
    (void)error;
    int64_t begin = ksi_partition_begin(self);
    *offset = ksi_partition_end(self);
    ks_arena arena;
    ksi_arena_init(&arena, 0);
    ksi_batch *batch = newer_batch(memory_of(self), begin, timestamp);
    while (batch != NULL) {
        /* Its newest record may lie before the beginning: then go on behind it. */
        ksi_batch_cursor cursor = ksi_batch_begin_in(batch);
        ks_log_record record;
        bool found = false;
        ksi_batch_skip_to(&cursor, begin);
        while (!found && ksi_batch_next(&cursor, &record, &arena)) {
            found = record.timestamp >= timestamp;
        }
        begin = batch->last_offset + 1;
        ksi_batch_release(batch);
        if (found) {
            *offset = record.offset;
            break;
        }
        batch = newer_batch(memory_of(self), begin, timestamp);
    }
    ksi_arena_destroy(&arena);
    return KS_OK;
}

/* Batches are to a partition in memory what segments are to one in files. */
static int64_t memory_retained_from(ksi_partition *self, const ksi_topic_settings *settings,
                                    int64_t now_ms)
{
    memory_partition *partition = memory_of(self);
    int64_t begin = ksi_partition_begin(self);
    ksi_mutex_lock(&partition->lock);
    int64_t bytes = partition->bytes;
    for (size_t i = 0; i < partition->count; i++) {
        const ksi_batch *batch = partition->batches[i];
        bytes -= (int64_t)batch->size;
        if (!ksi_topic_settings_expire(settings, batch->newest_timestamp, bytes, now_ms)) {
            break;
        }
        begin = batch->last_offset + 1;
    }
    ksi_mutex_unlock(&partition->lock);
    return begin;
}

static int64_t memory_bytes(ksi_partition *self)
{
    memory_partition *partition = memory_of(self);
    ksi_mutex_lock(&partition->lock);
    int64_t bytes = partition->bytes;
    ksi_mutex_unlock(&partition->lock);
    return bytes;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void memory_free(ksi_partition *self)
{
    memory_partition *partition = memory_of(self);
    memory_drop(self);
    ksi_free(partition->batches);
    ksi_free(partition->staged);
    ksi_mutex_destroy(&partition->lock);
    ksi_free(partition);
}

static const ksi_partition_class memory_partition_class = {
    .stage = memory_stage,
    .stage_begin = memory_stage_begin,
    .publish = memory_publish,
    .unstage = memory_unstage,
    .drop = memory_drop,
    .retained_from = memory_retained_from,
    .offset_at = memory_offset_at,
    .bytes = memory_bytes,
    .open_reader = memory_open_reader,
    .free = memory_free,
};

ksi_partition *ksi_memory_partition_new(int32_t number)
{
    memory_partition *partition = ksi_calloc(1, sizeof *partition);
    partition->partition.class = &memory_partition_class;
    partition->partition.number = number;
    atomic_init(&partition->partition.watchers, 0);
    atomic_init(&partition->partition.begin, 0);
    atomic_init(&partition->partition.end, 0);
    partition->staged_begin = -1;
    ksi_mutex_init(&partition->lock);
    return &partition->partition;
}
