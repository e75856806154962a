/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_segment.c - a segment with any bytes in it: records that are true, or an error, never more.
 *
 * The first byte of an input chooses what becomes of the rest:
 *     0  it is the file
 *     1  it is the records of batches whose checksums are right: what a checksum does not stop
 *     2  it is damage (position u16, mask u8) to a file of known records: each record that is read
 *        must be one of those
 * The segment is read from its beginning, from an offset in the middle, and by timestamp.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "transport/embedded/file_partition.h"

#define REQUIRE(condition) ((condition) ? (void)0 : abort())

enum { KNOWN_RECORDS = 40, RECORDS_OF_A_BATCH = 7, MOST_BYTES = 1 << 16 };

static int file = -1;

static void begin_file(void)
{
    if (file < 0) {
        char name[] = "/tmp/kstreams-fuzz-XXXXXX";
        file = mkstemp(name);
        REQUIRE(file >= 0 && unlink(name) == 0);
    }
    REQUIRE(ftruncate(file, 0) == 0);
}

static int64_t append(int64_t position, const void *bytes, size_t size)
{
    REQUIRE(pwrite(file, bytes, size, position) == (ssize_t)size);
    return position + (int64_t)size;
}

/* ---- files ----------------------------------------------------------------------------------- */

/* A batch of these record bytes, with right checksums. */
static int64_t append_nonsense(int64_t position, int64_t offset, const uint8_t *bytes, size_t size)
{
    ksi_batch *batch = ksi_batch_new();
    batch->bytes = ksi_realloc(batch->bytes, KSI_BATCH_HEADER_BYTES + size);
    batch->capacity = batch->size = KSI_BATCH_HEADER_BYTES + size;
    memcpy(batch->bytes + KSI_BATCH_HEADER_BYTES, bytes, size);
    batch->count = (uint32_t)(size / KSI_BATCH_RECORD_BYTES);
    batch->last_offset = batch->count;
    ksi_batch_seal(batch);
    ksi_batch_place(batch, offset);
    position = append(position, batch->bytes, batch->size);
    ksi_batch_release(batch);
    return position;
}

static int64_t write_nonsense(const uint8_t *data, size_t size)
{
    int64_t position = 0;
    for (int64_t offset = 0; size > 1; offset += 100) {
        size_t bytes = data[0] < size - 1 ? data[0] : size - 1;
        position = append_nonsense(position, offset, data + 1, bytes);
        data += 1 + bytes;
        size -= 1 + bytes;
    }
    return position;
}

static void known_record(int64_t offset, char key[16], char value[64], ks_log_record *record)
{
    int key_size = snprintf(key, 16, "key %lld", (long long)offset);
    int value_size = snprintf(value, 64, "%*lld", (int)(offset % 50), (long long)offset);
    *record = (ks_log_record){.key = ks_slice_of(key, (size_t)key_size),
                              .value = ks_slice_of(value, (size_t)value_size),
                              .timestamp = offset * 10};
}

static int64_t write_damaged(const uint8_t *data, size_t size)
{
    int64_t position = 0;
    ksi_batch *batch = ksi_batch_new();
    for (int64_t offset = 0; offset < KNOWN_RECORDS; offset++) {
        char key[16];
        char value[64];
        ks_log_record record;
        known_record(offset, key, value, &record);
        REQUIRE(ksi_batch_append(batch, &record, NULL) == KS_OK);
        if (batch->count == RECORDS_OF_A_BATCH || offset == KNOWN_RECORDS - 1) {
            ksi_batch_seal(batch);
            ksi_batch_place(batch, offset + 1 - batch->count);
            position = append(position, batch->bytes, batch->size);
            ksi_batch_clear(batch);
        }
    }
    ksi_batch_release(batch);
    for (; size >= 3; data += 3, size -= 3) {
        int64_t at = ((int64_t)data[0] << 8 | data[1]) % position;
        uint8_t byte = 0;
        REQUIRE(pread(file, &byte, 1, at) == 1);
        byte ^= data[2];
        (void)append(at, &byte, 1);
    }
    return position - (int64_t)size; /* and, by what is left, a torn end */
}

/* ---- reading --------------------------------------------------------------------------------- */

static void check_known(const ks_log_record *record)
{
    char key[16];
    char value[64];
    ks_log_record wanted;
    REQUIRE(record->offset >= 0 && record->offset < KNOWN_RECORDS);
    known_record(record->offset, key, value, &wanted);
    REQUIRE(ks_slice_equal(record->key, wanted.key));
    REQUIRE(ks_slice_equal(record->value, wanted.value));
    REQUIRE(record->timestamp == wanted.timestamp);
}

static void read_from(ksi_partition *partition, int64_t offset, bool is_known)
{
    ksi_partition_reader *reader = ksi_file_partition_open_reader(partition, offset);
    size_t count = 1;
    ks_status status = KS_OK;
    while (status == KS_OK && count > 0) {
        ks_log_record records[5];
        ks_error error = {0};
        status = reader->class->poll(reader, records, 5, &count, &error);
        REQUIRE(status == KS_OK || (error.code == status && error.message[0] != '\0'));
        for (size_t i = 0; i < count; i++) {
            REQUIRE(records[i].offset >= offset);
            offset = records[i].offset + 1;
            if (is_known) {
                check_known(&records[i]);
            }
        }
        REQUIRE(status != KS_OK || count == 0 || reader->position == offset);
    }
    reader->class->close(reader);
}

static void read_all(int64_t bytes, bool is_known)
{
    ksi_log_directory directory = {.path = NULL};
    ksi_file_partition partition = {.directory = &directory, .staged_begin = -1};
    ksi_segment *segment = ksi_segment_new("/fuzz", 0, 0, 0);
    segment->file = dup(file);
    segment->facts = (ksi_segment_facts){.bytes = bytes,
                                         .last_batch = 0,
                                         .last_offset = KNOWN_RECORDS - 1,
                                         .newest_timestamp = INT64_MAX};
    partition.segments = &segment;
    partition.count = 1;
    ksi_mutex_init(&partition.lock);
    atomic_init(&partition.partition.begin, 0);
    atomic_init(&partition.partition.end, KNOWN_RECORDS);
    read_from(&partition.partition, 0, is_known);
    read_from(&partition.partition, KNOWN_RECORDS / 2, is_known);
    int64_t offset = 0;
    (void)ksi_file_partition_offset_at(&partition.partition, 170, &offset, NULL);
    ksi_mutex_destroy(&partition.lock);
    ksi_segment_release(segment);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > MOST_BYTES) {
        return 0;
    }
    begin_file();
    int64_t bytes = 0;
    switch (data[0] % 3) {
    case 0:
        bytes = append(0, data + 1, size - 1);
        break;
    case 1:
        bytes = write_nonsense(data + 1, size - 1);
        break;
    default:
        bytes = write_damaged(data + 1, size - 1);
        break;
    }
    read_all(bytes, data[0] % 3 == 2);
    return 0;
}
