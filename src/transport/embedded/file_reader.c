/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_reader.c - reading a partition in files.
 *
 *     file     ...| batch | batch | batch | batch | batch |...
 *     buffer              | batch | batch | bat|
 *                                 ^ cursor     ^ loaded
 *
 * Bytes are read into a buffer of the reader's, checked a batch at a time, and decoded where they
 * are. What a poll gave points into the buffer, so it is moved and filled only at the beginning of
 * a poll: a poll ends early rather than take it away. The buffer is given back when there is
 * nothing to read.
 *
 * The tempting wrong way is to map the files: what other processes and the page cache do to a
 * mapping becomes this process's memory use, and a bad sector a signal instead of an error.
 *
 * Thread rule: a reader belongs to one thread.
 */
#include "transport/embedded/file_partition.h"

#include "base/check.h"
#include "base/error.h"
#include "base/memory.h"

#include <string.h>

#define READ_BYTES ((size_t)128 * 1024)

typedef struct file_reader {
    ksi_partition_reader reader; /* first */
    ksi_file_partition *partition;
    ks_arena headers;
    ksi_segment *segment;  /* NULL: to be found */
    int64_t file_position; /* of what is loaded next */
    int64_t limit;         /* how much of the segment is known to be committed */
    char *buffer;
    size_t capacity;
    size_t next;   /* the next batch within what is loaded */
    size_t loaded; /* where the bytes end */
    ksi_batch_cursor cursor;
    bool in_batch;
} file_reader;

static void leave_segment(file_reader *reader)
{
    ksi_file_partition_leave(reader->partition, reader->segment);
    reader->segment = NULL;
    reader->next = reader->loaded = 0;
    reader->in_batch = false;
}

/* ---- finding --------------------------------------------------------------------------------- */

/* Goes to the batch of the position within a segment. */
static ks_status locate(file_reader *reader, const ksi_segment_view *view, ks_error *error)
{
    reader->file_position = view->near;
    if (reader->reader.position <= view->segment->base_offset) {
        return KS_OK;
    }
    ksi_segment_scan scan;
    ksi_segment_scan_begin(&scan, view->segment, view->near, view->facts.bytes);
    bool found = true;
    while (found) {
        ksi_batch_header header;
        int64_t position = 0;
        KS_TRY(ksi_segment_scan_next(&scan, &header, &position, &found, error));
        if (found) {
            ksi_file_partition_note(reader->partition, view->segment, header.base_offset, position);
        }
        if (!found || header.last_offset >= reader->reader.position) {
            reader->file_position = position;
            break;
        }
    }
    return KS_OK;
}

/* Sees whether the segment has grown, or which one comes next; false when there is nothing. */
static ks_status find_segment(file_reader *reader, bool *found, ks_error *error)
{
    ksi_segment_view view;
    *found = false;
    KS_TRY(ksi_file_partition_segment(reader->partition, reader->reader.position, &view, error));
    if (view.segment == NULL) {
        return KS_OK;
    }
    *found = true;
    reader->limit = view.facts.bytes;
    if (view.segment == reader->segment) {
        ksi_segment_release(view.segment); /* one reference is enough */
        return KS_OK;
    }
    leave_segment(reader);
    reader->segment = view.segment;
    ks_status status = locate(reader, &view, error);
    if (status != KS_OK) {
        leave_segment(reader);
    }
    return status;
}

/* ---- loading --------------------------------------------------------------------------------- */

static int64_t next_position(const file_reader *reader)
{
    return reader->file_position - (int64_t)(reader->loaded - reader->next);
}

static ks_status corrupt(const file_reader *reader, const char *reason, ks_error *error)
{
    return ksi_segment_corrupt(reader->segment, next_position(reader), reason, error);
}

/* How many bytes the next batch has; the header must be loaded. */
static ks_status batch_bytes(const file_reader *reader, ksi_batch_header *header, ks_error *error)
{
    ks_error reason = {0};
    if (ksi_batch_read_header(reader->buffer + reader->next, header, &reason) != KS_OK) {
        return corrupt(reader, reason.message, error);
    }
    if (header->bytes > (uint64_t)(reader->limit - next_position(reader))) {
        return corrupt(reader, "a batch is cut", error);
    }
    return KS_OK;
}

/* Has at least `size` bytes of the next batch in the buffer, which moves. */
static ks_status load(file_reader *reader, size_t size, ks_error *error)
{
    size_t kept = reader->loaded - reader->next;
    if (kept >= size) {
        return KS_OK;
    }
    int64_t left = reader->limit - reader->file_position;
    if ((int64_t)(size - kept) > left) {
        return corrupt(reader, "a batch is cut", error);
    }
    size_t wanted = size > READ_BYTES ? size : READ_BYTES;
    if ((int64_t)(wanted - kept) > left) {
        wanted = kept + (size_t)left;
    }
    if (kept > 0) {
        memmove(reader->buffer, reader->buffer + reader->next, kept);
    }
    reader->next = 0;
    reader->loaded = kept;
    if (reader->capacity < wanted) {
        reader->buffer = ksi_realloc(reader->buffer, wanted);
        reader->capacity = wanted;
    }
    KS_TRY(ksi_segment_read(reader->segment, reader->file_position, reader->buffer + kept,
                            wanted - kept, error));
    reader->file_position += (int64_t)(wanted - kept);
    reader->loaded = wanted;
    return KS_OK;
}

/* Enters the next batch, which is loaded as a whole. */
static ks_status enter(file_reader *reader, const ksi_batch_header *header, ks_error *error)
{
    const char *bytes = reader->buffer + reader->next;
    if (!ksi_batch_records_intact(header, bytes + KSI_BATCH_HEADER_BYTES)) {
        return corrupt(reader, "records have a wrong checksum", error);
    }
    if (!ksi_batch_is_well_formed(bytes, header)) {
        return corrupt(reader, "records do not fit into their batch", error);
    }
    reader->cursor = ksi_batch_begin(bytes, header);
    ksi_batch_skip_to(&reader->cursor, reader->reader.position);
    reader->next += (size_t)header->bytes;
    reader->in_batch = true;
    return KS_OK;
}

/* The next batch that is in the buffer already; `in_batch` says whether there was one. */
static ks_status enter_loaded(file_reader *reader, ks_error *error)
{
    size_t loaded = reader->loaded - reader->next;
    ksi_batch_header header;
    reader->in_batch = false;
    if (loaded < KSI_BATCH_HEADER_BYTES) {
        return KS_OK;
    }
    KS_TRY(batch_bytes(reader, &header, error));
    return header.bytes <= loaded ? enter(reader, &header, error) : KS_OK;
}

/* The next batch from wherever it is. */
static ks_status enter_next(file_reader *reader, ks_error *error)
{
    KS_TRY(enter_loaded(reader, error));
    if (reader->in_batch) {
        return KS_OK;
    }
    if (reader->segment == NULL || next_position(reader) >= reader->limit) {
        bool found = false;
        KS_TRY(find_segment(reader, &found, error));
        if (!found || next_position(reader) >= reader->limit) {
            return KS_OK;
        }
    }
    ksi_batch_header header;
    KS_TRY(load(reader, KSI_BATCH_HEADER_BYTES, error));
    KS_TRY(batch_bytes(reader, &header, error));
    KS_TRY(load(reader, (size_t)header.bytes, error));
    return enter(reader, &header, error);
}

/* ---- polling --------------------------------------------------------------------------------- */

static size_t decode(file_reader *reader, ks_log_record *records, size_t capacity)
{
    size_t count = 0;
    while (count < capacity && ksi_batch_next(&reader->cursor, &records[count], &reader->headers)) {
        records[count++].partition = reader->partition->partition.number;
    }
    if (count > 0) {
        reader->reader.position = records[count - 1].offset + 1;
    }
    return count;
}

static void give_buffer_back(file_reader *reader)
{
    if (reader->next == reader->loaded && reader->buffer != NULL) {
        ksi_free(reader->buffer);
        reader->buffer = NULL;
        reader->capacity = reader->next = reader->loaded = 0;
    }
}

static ks_status file_poll(ksi_partition_reader *self, ks_log_record *records, size_t capacity,
                           size_t *count, ks_error *error)
{
    file_reader *reader = (file_reader *)self;
    const ksi_partition *partition = &reader->partition->partition;
    int64_t start = self->position;
    *count = 0;
    ksi_arena_reset(&reader->headers);
    KS_TRY(ksi_partition_check_position(partition, start, error));
    int64_t end = ksi_partition_end(partition);
    if (start == end || capacity == 0) {
        reader->in_batch = reader->in_batch && capacity == 0;
        give_buffer_back(reader);
        return KS_OK;
    }
    while (*count == 0) {
        if (!reader->in_batch) {
            KS_TRY(enter_next(reader, error));
        }
        if (!reader->in_batch) {
            KS_TRY(ksi_partition_check_position(partition, start, error));
            self->position = end; /* compaction left nothing of what was there */
            return KS_OK;
        }
        *count = decode(reader, records, capacity);
        reader->in_batch = *count == capacity;
    }
    while (*count < capacity) {
        /* What was read is true; an error of the next batch is found again by the next poll. */
        if (enter_loaded(reader, NULL) != KS_OK || !reader->in_batch) {
            reader->in_batch = false;
            break;
        }
        *count += decode(reader, records + *count, capacity - *count);
        reader->in_batch = *count == capacity;
    }
    return ksi_partition_check_gap(partition, start, records, count, error);
}

static void file_reader_close(ksi_partition_reader *self)
{
    file_reader *reader = (file_reader *)self;
    leave_segment(reader);
    ksi_arena_destroy(&reader->headers);
    ksi_free(reader->buffer);
    ksi_free(reader);
}

static const ksi_partition_reader_class file_reader_class = {
    .poll = file_poll,
    .close = file_reader_close,
};

ksi_partition_reader *ksi_file_partition_open_reader(ksi_partition *partition, int64_t offset)
{
    file_reader *reader = ksi_calloc(1, sizeof *reader);
    reader->reader = (ksi_partition_reader){.class = &file_reader_class, .position = offset};
    reader->partition = (ksi_file_partition *)partition;
    ksi_arena_init(&reader->headers, 0);
    return &reader->reader;
}

/* ---- by timestamp ---------------------------------------------------------------------------- */

/* The first record from `from` on that is as new as `timestamp`; `*offset` stays when none is. */
static ks_status find_record(ksi_file_partition *partition, int64_t from, int64_t timestamp,
                             int64_t *offset, ks_error *error)
{
    ksi_partition_reader *reader = ksi_file_partition_open_reader(&partition->partition, from);
    ks_log_record records[64];
    size_t count = 1;
    bool found = false;
    ks_status status = KS_OK;
    while (status == KS_OK && count > 0 && !found) {
        status = reader->class->poll(reader, records, 64, &count, error);
        for (size_t i = 0; i < count && !found; i++) {
            found = records[i].timestamp >= timestamp;
            *offset = found ? records[i].offset : *offset;
        }
    }
    reader->class->close(reader);
    return status;
}

/* The offset of the first batch from `from` on with a record as new as `timestamp`, or -1. */
static ks_status find_batch(ksi_segment_view *view, int64_t from, int64_t timestamp,
                            int64_t *offset, ks_error *error)
{
    ksi_segment_scan scan;
    ksi_segment_scan_begin(&scan, view->segment, view->near, view->facts.bytes);
    bool found = true;
    *offset = -1;
    while (found && *offset < 0) {
        ksi_batch_header header;
        int64_t position = 0;
        KS_TRY(ksi_segment_scan_next(&scan, &header, &position, &found, error));
        if (found && header.last_offset >= from && header.newest_timestamp >= timestamp) {
            *offset = header.base_offset > from ? header.base_offset : from;
        }
    }
    return KS_OK;
}

ks_status ksi_file_partition_offset_at(ksi_partition *self, int64_t timestamp, int64_t *offset,
                                       ks_error *error)
{
    ksi_file_partition *partition = (ksi_file_partition *)self;
    int64_t end = ksi_partition_end(self);
    int64_t from = ksi_partition_begin(self);
    *offset = end;
    while (from < end) {
        ksi_segment_view view;
        KS_TRY(ksi_file_partition_segment(partition, from, &view, error));
        if (view.segment == NULL) {
            return KS_OK;
        }
        int64_t batch = -1;
        ks_status status = KS_OK;
        if (view.facts.newest_timestamp >= timestamp) {
            status = find_batch(&view, from, timestamp, &batch, error);
        }
        from = view.facts.last_offset + 1;
        ksi_file_partition_leave(partition, view.segment);
        KS_TRY(status);
        if (batch >= 0) {
            /* Mostly in that batch; what is new in it may lie before the beginning. */
            return find_record(partition, batch, timestamp, offset, error);
        }
    }
    return KS_OK;
}
