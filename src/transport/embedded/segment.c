/* SPDX-License-Identifier: Apache-2.0 */
/*
 * segment.c - see segment.h.
 *
 * Thread rule: see segment.h.
 */
#include "transport/embedded/segment.h"

#include "base/buffer.h"
#include "base/error.h"
#include "base/memory.h"
#include "storage/files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK_BYTES ((int64_t)64 * 1024)

/* ---- life ------------------------------------------------------------------------------------ */

ksi_segment *ksi_segment_new(const char *directory, int64_t base_offset, uint32_t generation,
                             int64_t created_ms)
{
    ksi_segment *segment = ksi_calloc(1, sizeof *segment);
    atomic_init(&segment->references, 1);
    ksi_buffer path = {0};
    ksi_buffer_appendf(&path, "%s/%020lld", directory, (long long)base_offset);
    if (generation > 0) {
        ksi_buffer_appendf(&path, ".%u", generation);
    }
    ksi_buffer_append_text(&path, ".log");
    segment->path = ksi_strdup(ksi_buffer_cstr(&path));
    ksi_buffer_destroy(&path);
    segment->base_offset = base_offset;
    segment->generation = generation;
    segment->file = -1;
    segment->facts = (ksi_segment_facts){.last_batch = -1,
                                         .last_offset = base_offset - 1,
                                         .newest_timestamp = INT64_MIN,
                                         .created_ms = created_ms};
    return segment;
}

ksi_segment *ksi_segment_retain(ksi_segment *segment)
{
    atomic_fetch_add_explicit(&segment->references, 1, memory_order_relaxed);
    return segment;
}

void ksi_segment_release(ksi_segment *segment)
{
    if (segment == NULL ||
        atomic_fetch_sub_explicit(&segment->references, 1, memory_order_acq_rel) > 1) {
        return;
    }
    if (segment->file >= 0) {
        (void)close(segment->file);
    }
    ksi_free(segment->index);
    ksi_free(segment->path);
    ksi_free(segment);
}

/* ---- the file -------------------------------------------------------------------------------- */

static ks_status refused(const ksi_segment *segment, const char *what, ks_error *error)
{
    return ksi_file_refused(what, segment->path, "bootstrap.servers", error);
}

ks_status ksi_segment_corrupt(const ksi_segment *segment, int64_t position, const char *reason,
                              ks_error *error)
{
    return ksi_error_set(error, KS_E_CORRUPT, segment->path,
                         "the log does not read back at byte %lld of %s: %s; put the directory of "
                         "the log back from a copy, or begin a new one elsewhere",
                         (long long)position, segment->path, reason);
}

ks_status ksi_segment_create(ksi_segment *segment, ks_error *error)
{
    segment->file = open(segment->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, KSI_FILE_MODE);
    return segment->file >= 0 ? KS_OK : refused(segment, "make", error);
}

ks_status ksi_segment_open(ksi_segment *segment, ks_error *error)
{
    if (segment->file >= 0) {
        return KS_OK;
    }
    segment->file = open(segment->path, O_RDWR | O_CLOEXEC);
    if (segment->file >= 0) {
        return KS_OK;
    }
    return errno == ENOENT ? ksi_segment_corrupt(segment, 0, "the file is missing", error)
                           : refused(segment, "open", error);
}

void ksi_segment_rest(ksi_segment *segment)
{
    if (segment->file >= 0 && atomic_load(&segment->references) == 1) {
        (void)close(segment->file);
        segment->file = -1;
    }
}

void ksi_segment_unlink(ksi_segment *segment)
{
    (void)unlink(segment->path); /* what stays is removed when the log is opened again */
}

ks_status ksi_segment_write(ksi_segment *segment, int64_t position, const void *bytes, size_t size,
                            ks_error *error)
{
    const char *from = bytes;
    while (size > 0) {
        ssize_t written = pwrite(segment->file, from, size, position);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return refused(segment, "write", error);
        }
        from += written;
        position += written;
        size -= (size_t)written;
    }
    return KS_OK;
}

ks_status ksi_segment_read(ksi_segment *segment, int64_t position, void *bytes, size_t size,
                           ks_error *error)
{
    char *to = bytes;
    while (size > 0) {
        ssize_t got = pread(segment->file, to, size, position);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return refused(segment, "read", error);
        }
        if (got == 0) {
            return ksi_segment_corrupt(segment, position, "the file ends too early", error);
        }
        to += got;
        position += got;
        size -= (size_t)got;
    }
    return KS_OK;
}

ks_status ksi_segment_sync(ksi_segment *segment, ks_error *error)
{
    return fdatasync(segment->file) == 0 ? KS_OK : refused(segment, "write", error);
}

/* ---- verifying ------------------------------------------------------------------------------- */

static ks_status verify_batch(ksi_segment *segment, int64_t position, ks_error *error)
{
    const ksi_segment_facts *facts = &segment->facts;
    char head[KSI_BATCH_HEADER_BYTES];
    ksi_batch_header header;
    ks_error reason = {0};
    KS_TRY(ksi_segment_read(segment, position, head, sizeof head, error));
    if (ksi_batch_read_header(head, &header, &reason) != KS_OK) {
        return ksi_segment_corrupt(segment, position, reason.message, error);
    }
    if (header.bytes != (uint64_t)(facts->bytes - position) ||
        header.last_offset != facts->last_offset) {
        return ksi_segment_corrupt(segment, position, "another batch stands there", error);
    }
    size_t size = (size_t)header.bytes - KSI_BATCH_HEADER_BYTES;
    char *records = ksi_alloc(size + 1);
    ks_status status =
        ksi_segment_read(segment, position + KSI_BATCH_HEADER_BYTES, records, size, error);
    if (status == KS_OK && !ksi_batch_records_intact(&header, records)) {
        status = ksi_segment_corrupt(segment, position, "records have a wrong checksum", error);
    }
    ksi_free(records);
    return status;
}

ks_status ksi_segment_verify(ksi_segment *segment, int64_t *cut, ks_error *error)
{
    const ksi_segment_facts *facts = &segment->facts;
    struct stat found;
    *cut = 0;
    KS_TRY(ksi_segment_open(segment, error));
    if (fstat(segment->file, &found) != 0) {
        return refused(segment, "read", error);
    }
    if (found.st_size < facts->bytes) {
        return ksi_segment_corrupt(segment, found.st_size, "the file ends too early", error);
    }
    if (found.st_size > facts->bytes) {
        *cut = found.st_size - facts->bytes;
        if (ftruncate(segment->file, facts->bytes) != 0) {
            return refused(segment, "cut", error);
        }
    }
    ks_status status =
        facts->last_batch >= 0 ? verify_batch(segment, facts->last_batch, error) : KS_OK;
    ksi_segment_rest(segment); /* most will not be read soon */
    return status;
}

/* ---- the index ------------------------------------------------------------------------------- */

/* How many marks are at or before an offset. */
static size_t marks_up_to(const ksi_segment *segment, int64_t offset)
{
    size_t low = 0;
    size_t high = segment->index_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (segment->index[middle].offset <= offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void ksi_segment_note(ksi_segment *segment, int64_t offset, int64_t position)
{
    size_t at = marks_up_to(segment, offset);
    int64_t before = at > 0 ? segment->index[at - 1].position : 0;
    bool is_near =
        position - before < MARK_BYTES ||
        (at < segment->index_count && segment->index[at].position - position < MARK_BYTES);
    if (is_near) {
        return;
    }
    segment->index = ksi_grow(segment->index, &segment->index_capacity, segment->index_count + 1,
                              sizeof *segment->index);
    memmove(&segment->index[at + 1], &segment->index[at],
            (segment->index_count - at) * sizeof *segment->index);
    segment->index[at] = (ksi_segment_mark){.offset = offset, .position = position};
    segment->index_count++;
}

int64_t ksi_segment_near(const ksi_segment *segment, int64_t offset)
{
    size_t at = marks_up_to(segment, offset);
    return at > 0 ? segment->index[at - 1].position : 0;
}

/* ---- scanning -------------------------------------------------------------------------------- */

void ksi_segment_scan_begin(ksi_segment_scan *scan, ksi_segment *segment, int64_t position,
                            int64_t limit)
{
    scan->segment = segment;
    scan->next = position;
    scan->limit = limit;
    scan->window = position;
    scan->window_bytes = 0;
}

/* Reads from the next header on, unless it is in the window. */
static ks_status fill_window(ksi_segment_scan *scan, ks_error *error)
{
    int64_t window_end = scan->window + (int64_t)scan->window_bytes;
    if (scan->next + KSI_BATCH_HEADER_BYTES <= window_end) {
        return KS_OK;
    }
    int64_t left = scan->limit - scan->next;
    scan->window = scan->next;
    scan->window_bytes = left < KSI_SCAN_WINDOW ? (size_t)left : KSI_SCAN_WINDOW;
    return ksi_segment_read(scan->segment, scan->window, scan->bytes, scan->window_bytes, error);
}

ks_status ksi_segment_scan_next(ksi_segment_scan *scan, ksi_batch_header *header, int64_t *position,
                                bool *found, ks_error *error)
{
    *found = false;
    *position = scan->next;
    if (scan->next >= scan->limit) {
        return KS_OK;
    }
    if (scan->limit - scan->next < KSI_BATCH_HEADER_BYTES) {
        return ksi_segment_corrupt(scan->segment, scan->next, "a batch is cut", error);
    }
    KS_TRY(fill_window(scan, error));
    ks_error reason = {0};
    if (ksi_batch_read_header(scan->bytes + (scan->next - scan->window), header, &reason) !=
        KS_OK) {
        return ksi_segment_corrupt(scan->segment, scan->next, reason.message, error);
    }
    if (header->bytes > (uint64_t)(scan->limit - scan->next)) {
        return ksi_segment_corrupt(scan->segment, scan->next, "a batch is cut", error);
    }
    scan->next += (int64_t)header->bytes;
    *found = true;
    return KS_OK;
}
