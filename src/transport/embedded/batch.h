/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch.h - records of one partition, encoded one behind the other: what producers gather, what the
 * log keeps in memory and in its files, and what readers decode in place.
 *
 *     header    magic u32 | crc u32 | bytes u64 | base offset i64 | last offset i64 |
 *               newest timestamp i64 | records u32 | crc of the records u32
 *     record    key size u32 | value size u32 | timestamp i64 | offset - base u32 |
 *               headers size u32 | key | value | headers
 *     headers   for each: name size u32 | value size u32 | name | value
 *
 * Numbers are little endian; a size of ffffffff is Kafka's null. `bytes` counts the whole batch,
 * this header included. Offsets within a batch rise; compaction leaves gaps. The first crc is over
 * the rest of the header, the second over the records, both CRC-32C: so a producer works out the
 * long one before it waits for its turn, and the short one follows when the offsets are known.
 *
 * The problem: a record should be copied once on its way in and never on its way out. So fields
 * are of fixed width, decoding is a few loads, and what a reader gets are slices into the batch.
 * The tempting wrong way is Kafka's own format: its variable-length numbers save ten bytes a record
 * and cost more than all the rest of reading it.
 *
 * In memory a batch is counted: the log holds it until its records are deleted, and a reader until
 * it has read on. Once it is in the log it never changes.
 *
 * Thread rule: building belongs to one thread; a finished batch may be read by any.
 */
#ifndef KSI_TRANSPORT_EMBEDDED_BATCH_H
#define KSI_TRANSPORT_EMBEDDED_BATCH_H

#include "base/arena.h"
#include <kstreams/log.h>

#include <stdatomic.h>

enum { KSI_BATCH_HEADER_BYTES = 48, KSI_BATCH_RECORD_BYTES = 24 };
/* A batch that has reached this takes no more records; one record may be bigger. */
#define KSI_BATCH_FULL_BYTES ((size_t)1024 * 1024)

typedef struct ksi_batch {
    atomic_int references;
    uint32_t count;
    int64_t base_offset; /* the log's, once it is in it */
    int64_t last_offset;
    int64_t newest_timestamp;
    size_t size; /* of `bytes`, header included */
    size_t capacity;
    char *bytes;
} ksi_batch;

/* ---- building -------------------------------------------------------------------------------- */

/* Empty, with one reference. */
ksi_batch *ksi_batch_new(void);
ksi_batch *ksi_batch_retain(ksi_batch *batch);
void ksi_batch_release(ksi_batch *batch); /* accepts NULL */
/* Begins anew with the memory it has; only while nobody else holds it. */
void ksi_batch_clear(ksi_batch *batch);

/* What a record takes. */
size_t ksi_batch_bytes_of(const ks_log_record *record);
/*
 * Appends a record; its bytes are copied. KS_E_LIMIT when key, value or headers have 2^31 bytes or
 * more.
 */
KS_NODISCARD ks_status ksi_batch_append(ksi_batch *batch, const ks_log_record *record,
                                        ks_error *error);
/* The same for a record that keeps its offset, which lies behind all others: for compaction. */
KS_NODISCARD ks_status ksi_batch_append_at(ksi_batch *batch, const ks_log_record *record,
                                           int64_t offset, ks_error *error);
/* Works out the long crc; nothing is appended behind it. */
void ksi_batch_seal(ksi_batch *batch);
/* Gives a sealed batch its offsets, and completes the header. */
void ksi_batch_place(ksi_batch *batch, int64_t base_offset);

/* Whether the caller's reference is the only one. */
bool ksi_batch_is_unshared(const ksi_batch *batch);
/*
 * Copies the records of `from` behind those of `into`, which nobody else holds; both are placed.
 * The crcs are those of `into` from then on: for batches that stay in memory, where nobody asks.
 */
void ksi_batch_merge(ksi_batch *into, const ksi_batch *from);
/* Gives back room that was made for more records than came; while nobody else holds it. */
void ksi_batch_trim(ksi_batch *batch);

/* ---- reading --------------------------------------------------------------------------------- */

typedef struct ksi_batch_header {
    uint64_t bytes;
    int64_t base_offset;
    int64_t last_offset;
    int64_t newest_timestamp;
    uint32_t count;
    uint32_t records_crc;
} ksi_batch_header;

/*
 * Takes a header apart. KS_E_CORRUPT, with the reason in the message and no place (the caller knows
 * it), when the bytes are no header.
 */
KS_NODISCARD ks_status ksi_batch_read_header(const char *bytes, ksi_batch_header *header,
                                             ks_error *error);
/* Whether the records behind a header are those that were written. */
bool ksi_batch_records_intact(const ksi_batch_header *header, const char *records);

/* A place in a batch. */
typedef struct ksi_batch_cursor {
    const char *at;
    const char *end;
    int64_t base_offset;
} ksi_batch_cursor;

/* At the first record; `bytes` is the whole batch and outlives the cursor. */
ksi_batch_cursor ksi_batch_begin(const char *bytes, const ksi_batch_header *header);
ksi_batch_cursor ksi_batch_begin_in(const ksi_batch *batch);
/*
 * The next record, false behind the last. Slices point into the batch; headers are made in `arena`.
 * The records must be intact. The partition is left as it is.
 */
bool ksi_batch_next(ksi_batch_cursor *cursor, ks_log_record *record, ks_arena *arena);
/* Passes over records before an offset. */
void ksi_batch_skip_to(ksi_batch_cursor *cursor, int64_t offset);

/*
 * Whether the records of a batch lie one behind the other up to its end, as its header says: for
 * bytes that have a right crc and may all the same come from anywhere.
 */
bool ksi_batch_is_well_formed(const char *bytes, const ksi_batch_header *header);

#endif
