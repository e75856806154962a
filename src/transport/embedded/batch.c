/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch.c - encoding and decoding batches; batch.h has the format.
 *
 * Thread rule: see batch.h.
 */
#include "transport/embedded/batch.h"

#include "base/check.h"
#include "base/crc32c.h"
#include "base/error.h"
#include "base/memory.h"
#include "serde/headers.h"

#include <endian.h>

#define MAGIC 0x3142534bu /* "KSB1" */
#define NULL_SIZE UINT32_MAX
/* Kafka's own bound: sizes are signed 32-bit numbers on its wire. */
#define MAX_FIELD_BYTES ((size_t)INT32_MAX)
enum { FIRST_BYTES = 512 };

/* Where the fields of the header stand. */
enum {
    AT_MAGIC = 0,
    AT_CRC = 4,
    AT_BYTES = 8,
    AT_BASE = 16,
    AT_LAST = 24,
    AT_TIMESTAMP = 32,
    AT_COUNT = 40,
    AT_RECORDS_CRC = 44
};

/* The fixed part of a record, as it stands in the bytes of a little-endian machine. */
typedef struct record_head {
    uint32_t key_size;
    uint32_t value_size;
    int64_t timestamp;
    uint32_t offset_delta;
    uint32_t headers_size;
} record_head;

_Static_assert(sizeof(record_head) == KSI_BATCH_RECORD_BYTES, "a record begins with 24 bytes");

static void put32(char *to, uint32_t number)
{
    number = htole32(number);
    memcpy(to, &number, sizeof number);
}

static void put64(char *to, uint64_t number)
{
    number = htole64(number);
    memcpy(to, &number, sizeof number);
}

static uint32_t get32(const char *from)
{
    uint32_t number;
    memcpy(&number, from, sizeof number);
    return le32toh(number);
}

static uint64_t get64(const char *from)
{
    uint64_t number;
    memcpy(&number, from, sizeof number);
    return le64toh(number);
}

static void put_head(char *to, const record_head *head)
{
    const record_head swapped = {.key_size = htole32(head->key_size),
                                 .value_size = htole32(head->value_size),
                                 .timestamp = (int64_t)htole64((uint64_t)head->timestamp),
                                 .offset_delta = htole32(head->offset_delta),
                                 .headers_size = htole32(head->headers_size)};
    memcpy(to, &swapped, sizeof swapped);
}

static record_head get_head(const char *from)
{
    record_head head;
    memcpy(&head, from, sizeof head);
    return (record_head){.key_size = le32toh(head.key_size),
                         .value_size = le32toh(head.value_size),
                         .timestamp = (int64_t)le64toh((uint64_t)head.timestamp),
                         .offset_delta = le32toh(head.offset_delta),
                         .headers_size = le32toh(head.headers_size)};
}

static size_t size_at(uint32_t size)
{
    return size != NULL_SIZE ? size : 0;
}

/* ---- life ------------------------------------------------------------------------------------ */

ksi_batch *ksi_batch_new(void)
{
    ksi_batch *batch = ksi_calloc(1, sizeof *batch);
    atomic_init(&batch->references, 1);
    batch->capacity = FIRST_BYTES;
    batch->bytes = ksi_alloc(batch->capacity);
    ksi_batch_clear(batch);
    return batch;
}

ksi_batch *ksi_batch_retain(ksi_batch *batch)
{
    atomic_fetch_add_explicit(&batch->references, 1, memory_order_relaxed);
    return batch;
}

void ksi_batch_release(ksi_batch *batch)
{
    if (batch == NULL ||
        atomic_fetch_sub_explicit(&batch->references, 1, memory_order_acq_rel) > 1) {
        return;
    }
    ksi_free(batch->bytes);
    ksi_free(batch);
}

void ksi_batch_clear(ksi_batch *batch)
{
    batch->count = 0;
    batch->size = KSI_BATCH_HEADER_BYTES;
    batch->base_offset = 0;
    batch->last_offset = -1;
    batch->newest_timestamp = INT64_MIN;
}

/* ---- appending ------------------------------------------------------------------------------- */

/* A null slice has no bytes, whatever its size says. */
static size_t bytes_in(ks_slice slice)
{
    return slice.data != NULL ? slice.size : 0;
}

static size_t header_bytes(const ks_headers *headers)
{
    size_t bytes = 0;
    for (size_t i = 0; i < ks_headers_count(headers); i++) {
        ks_header header = ks_headers_at(headers, i);
        bytes += 8 + bytes_in(header.name) + bytes_in(header.value);
    }
    return bytes;
}

size_t ksi_batch_bytes_of(const ks_log_record *record)
{
    return KSI_BATCH_RECORD_BYTES + bytes_in(record->key) + bytes_in(record->value) +
           header_bytes(record->headers);
}

static char *put_slice(char *to, ks_slice slice)
{
    size_t size = bytes_in(slice);
    if (size > 0) {
        memcpy(to, slice.data, size);
    }
    return to + size;
}

static uint32_t size_of(ks_slice slice)
{
    return slice.data != NULL ? (uint32_t)slice.size : NULL_SIZE;
}

static void put_headers(char *to, const ks_headers *headers)
{
    for (size_t i = 0; i < ks_headers_count(headers); i++) {
        ks_header header = ks_headers_at(headers, i);
        put32(to, (uint32_t)bytes_in(header.name)); /* a name is never null */
        put32(to + 4, size_of(header.value));
        to = put_slice(put_slice(to + 8, header.name), header.value);
    }
}

static void make_room(ksi_batch *batch, size_t more)
{
    if (batch->capacity - batch->size >= more) {
        return;
    }
    size_t capacity = batch->capacity * 2;
    while (capacity - batch->size < more) {
        capacity *= 2;
    }
    batch->bytes = ksi_realloc(batch->bytes, capacity);
    batch->capacity = capacity;
}

static ks_status append(ksi_batch *batch, const ks_log_record *record, int64_t offset,
                        ks_error *error)
{
    size_t headers = record->headers != NULL ? header_bytes(record->headers) : 0;
    size_t key = bytes_in(record->key);
    size_t value = bytes_in(record->value);
    if (key > MAX_FIELD_BYTES || value > MAX_FIELD_BYTES || headers > MAX_FIELD_BYTES) {
        return ksi_error_set(error, KS_E_LIMIT, "record",
                             "a key of %zu, a value of %zu and headers of %zu bytes do not fit "
                             "into a log, whose limit is %zu each",
                             key, value, headers, MAX_FIELD_BYTES);
    }
    size_t size = KSI_BATCH_RECORD_BYTES + key + value + headers;
    make_room(batch, size);
    char *at = batch->bytes + batch->size;
    const record_head head = {.key_size = size_of(record->key),
                              .value_size = size_of(record->value),
                              .timestamp = record->timestamp,
                              .offset_delta = (uint32_t)(offset - batch->base_offset),
                              .headers_size = (uint32_t)headers};
    put_head(at, &head);
    at = put_slice(put_slice(at + KSI_BATCH_RECORD_BYTES, record->key), record->value);
    if (headers > 0) {
        put_headers(at, record->headers);
    }
    batch->size += size;
    batch->count++;
    batch->last_offset = offset;
    if (record->timestamp > batch->newest_timestamp) {
        batch->newest_timestamp = record->timestamp;
    }
    return KS_OK;
}

ks_status ksi_batch_append(ksi_batch *batch, const ks_log_record *record, ks_error *error)
{
    return append(batch, record, batch->last_offset + 1, error);
}

ks_status ksi_batch_append_at(ksi_batch *batch, const ks_log_record *record, int64_t offset,
                              ks_error *error)
{
    if (batch->count == 0) {
        batch->base_offset = offset;
    }
    KSI_ASSERT(batch->count == 0 || offset > batch->last_offset);
    return append(batch, record, offset, error);
}

void ksi_batch_seal(ksi_batch *batch)
{
    const char *records = batch->bytes + KSI_BATCH_HEADER_BYTES;
    put32(batch->bytes + AT_RECORDS_CRC,
          ksi_crc32c(0, records, batch->size - KSI_BATCH_HEADER_BYTES));
}

void ksi_batch_place(ksi_batch *batch, int64_t base_offset)
{
    char *bytes = batch->bytes;
    batch->last_offset += base_offset - batch->base_offset;
    batch->base_offset = base_offset;
    put32(bytes + AT_MAGIC, MAGIC);
    put64(bytes + AT_BYTES, batch->size);
    put64(bytes + AT_BASE, (uint64_t)batch->base_offset);
    put64(bytes + AT_LAST, (uint64_t)batch->last_offset);
    put64(bytes + AT_TIMESTAMP, (uint64_t)batch->newest_timestamp);
    put32(bytes + AT_COUNT, batch->count);
    put32(bytes + AT_CRC, ksi_crc32c(0, bytes + AT_BYTES, KSI_BATCH_HEADER_BYTES - AT_BYTES));
}

bool ksi_batch_is_unshared(const ksi_batch *batch)
{
    return atomic_load_explicit(&batch->references, memory_order_acquire) == 1;
}

void ksi_batch_merge(ksi_batch *into, const ksi_batch *from)
{
    size_t added = from->size - KSI_BATCH_HEADER_BYTES;
    int64_t shift = from->base_offset - into->base_offset;
    make_room(into, added);
    char *at = into->bytes + into->size;
    memcpy(at, from->bytes + KSI_BATCH_HEADER_BYTES, added);
    for (const char *end = at + added; at < end;) {
        record_head head = get_head(at);
        head.offset_delta += (uint32_t)shift;
        put_head(at, &head);
        at += KSI_BATCH_RECORD_BYTES + size_at(head.key_size) + size_at(head.value_size) +
              head.headers_size;
    }
    into->size += added;
    into->count += from->count;
    into->last_offset = from->last_offset;
    if (from->newest_timestamp > into->newest_timestamp) {
        into->newest_timestamp = from->newest_timestamp;
    }
}

void ksi_batch_trim(ksi_batch *batch)
{
    if (batch->capacity > batch->size) {
        batch->bytes = ksi_realloc(batch->bytes, batch->size);
        batch->capacity = batch->size;
    }
}

/* ---- reading --------------------------------------------------------------------------------- */

ks_status ksi_batch_read_header(const char *bytes, ksi_batch_header *header, ks_error *error)
{
    if (get32(bytes + AT_MAGIC) != MAGIC) {
        return ksi_error_set(error, KS_E_CORRUPT, "", "no batch begins here");
    }
    if (get32(bytes + AT_CRC) !=
        ksi_crc32c(0, bytes + AT_BYTES, KSI_BATCH_HEADER_BYTES - AT_BYTES)) {
        return ksi_error_set(error, KS_E_CORRUPT, "", "the header of a batch has a wrong checksum");
    }
    *header = (ksi_batch_header){.bytes = get64(bytes + AT_BYTES),
                                 .base_offset = (int64_t)get64(bytes + AT_BASE),
                                 .last_offset = (int64_t)get64(bytes + AT_LAST),
                                 .newest_timestamp = (int64_t)get64(bytes + AT_TIMESTAMP),
                                 .count = get32(bytes + AT_COUNT),
                                 .records_crc = get32(bytes + AT_RECORDS_CRC)};
    if (header->bytes < KSI_BATCH_HEADER_BYTES || header->base_offset < 0 ||
        header->last_offset < header->base_offset) {
        return ksi_error_set(error, KS_E_CORRUPT, "", "the header of a batch contradicts itself");
    }
    return KS_OK;
}

bool ksi_batch_records_intact(const ksi_batch_header *header, const char *records)
{
    return ksi_crc32c(0, records, (size_t)header->bytes - KSI_BATCH_HEADER_BYTES) ==
           header->records_crc;
}

ksi_batch_cursor ksi_batch_begin(const char *bytes, const ksi_batch_header *header)
{
    return (ksi_batch_cursor){.at = bytes + KSI_BATCH_HEADER_BYTES,
                              .end = bytes + header->bytes,
                              .base_offset = header->base_offset};
}

ksi_batch_cursor ksi_batch_begin_in(const ksi_batch *batch)
{
    return (ksi_batch_cursor){.at = batch->bytes + KSI_BATCH_HEADER_BYTES,
                              .end = batch->bytes + batch->size,
                              .base_offset = batch->base_offset};
}

static ks_slice slice_at(const char *at, uint32_t size)
{
    return size != NULL_SIZE ? ks_slice_of(at, size) : ks_slice_null();
}

static const ks_headers *get_headers(const char *at, size_t size, ks_arena *arena)
{
    const ks_headers *headers = NULL;
    const char *end = at + size;
    while (at < end) {
        size_t name = get32(at);
        uint32_t value = get32(at + 4);
        at += 8;
        headers =
            ks_headers_with(arena, headers, ks_slice_of(at, name), slice_at(at + name, value));
        at += name + size_at(value);
    }
    return headers;
}

bool ksi_batch_next(ksi_batch_cursor *cursor, ks_log_record *record, ks_arena *arena)
{
    if (cursor->at >= cursor->end) {
        return false;
    }
    const record_head head = get_head(cursor->at);
    const char *key = cursor->at + KSI_BATCH_RECORD_BYTES;
    const char *value = key + size_at(head.key_size);
    const char *headers = value + size_at(head.value_size);
    record->key = slice_at(key, head.key_size);
    record->value = slice_at(value, head.value_size);
    record->timestamp = head.timestamp;
    record->offset = cursor->base_offset + head.offset_delta;
    record->headers = head.headers_size > 0 ? get_headers(headers, head.headers_size, arena) : NULL;
    cursor->at = headers + head.headers_size;
    return true;
}

void ksi_batch_skip_to(ksi_batch_cursor *cursor, int64_t offset)
{
    while (cursor->at < cursor->end) {
        const record_head head = get_head(cursor->at);
        if (cursor->base_offset + head.offset_delta >= offset) {
            return;
        }
        cursor->at += KSI_BATCH_RECORD_BYTES + size_at(head.key_size) + size_at(head.value_size) +
                      head.headers_size;
    }
}

/* ---- checking -------------------------------------------------------------------------------- */

static bool headers_fit(const char *at, size_t size)
{
    while (size > 0) {
        if (size < 8) {
            return false;
        }
        size_t needed = 8 + (size_t)get32(at) + size_at(get32(at + 4));
        if (needed > size || get32(at) == NULL_SIZE) {
            return false;
        }
        at += needed;
        size -= needed;
    }
    return true;
}

bool ksi_batch_is_well_formed(const char *bytes, const ksi_batch_header *header)
{
    const char *at = bytes + KSI_BATCH_HEADER_BYTES;
    size_t left = (size_t)header->bytes - KSI_BATCH_HEADER_BYTES;
    int64_t last = header->base_offset - 1;
    uint32_t count = 0;
    while (left > 0) {
        if (left < KSI_BATCH_RECORD_BYTES) {
            return false;
        }
        const record_head head = get_head(at);
        size_t fields = size_at(head.key_size) + size_at(head.value_size);
        size_t size = KSI_BATCH_RECORD_BYTES + fields + head.headers_size;
        int64_t offset = header->base_offset + head.offset_delta;
        if (size > left || offset <= last ||
            !headers_fit(at + KSI_BATCH_RECORD_BYTES + fields, head.headers_size)) {
            return false;
        }
        last = offset;
        count++;
        at += size;
        left -= size;
    }
    return count == header->count && last <= header->last_offset;
}
