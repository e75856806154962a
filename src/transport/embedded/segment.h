/* SPDX-License-Identifier: Apache-2.0 */
/*
 * segment.h - a file of batches, one behind the other: a piece of a partition.
 *
 *     <topic>/<partition>/00000000000000000812.log
 *         | batch (batch.h) | batch | ... | batch | what was not committed
 *                                                 ^ facts.bytes
 *
 * A segment is appended to while it is the last of its partition, and never changes after. How much
 * of the file counts is said by the catalogue, not by the file: what lies behind was written by a
 * commit that did not happen, and is written over or cut.
 *
 * Readers hold a segment by a count: deleting it takes its name away at once and its bytes when the
 * last of them has let go.
 *
 * The index tells where batches begin, about every 64 KiB; it is a help for finding an offset and
 * may have holes. It is not on the disk: what is missing is found by passing over headers.
 *
 * Thread rule: counting, reading and scanning any thread; `facts`, `file` and the index are guarded
 * by the partition's lock. A descriptor stays open while somebody beside the chain holds the
 * segment, and that of the last one while it grows.
 */
#ifndef KSI_TRANSPORT_EMBEDDED_SEGMENT_H
#define KSI_TRANSPORT_EMBEDDED_SEGMENT_H

#include "transport/embedded/batch.h"

/* What the catalogue says of a segment. */
typedef struct ksi_segment_facts {
    int64_t bytes;            /* that are committed */
    int64_t last_batch;       /* where the last batch begins; -1: there is none */
    int64_t last_offset;      /* of the last record, or the offset before the first */
    int64_t newest_timestamp; /* of all its records */
    int64_t created_ms;
} ksi_segment_facts;

typedef struct ksi_segment_mark {
    int64_t offset; /* of the first record of a batch */
    int64_t position;
} ksi_segment_mark;

typedef struct ksi_segment {
    atomic_int references;
    char *path;
    int64_t base_offset;
    uint32_t generation; /* counts how often its bytes were compacted */
    int file;            /* descriptor, -1: not open */
    ksi_segment_facts facts;
    ksi_segment_mark *index; /* by offset */
    size_t index_count;
    size_t index_capacity;
} ksi_segment;

/* Not there yet; empty; with one reference. */
ksi_segment *ksi_segment_new(const char *directory, int64_t base_offset, uint32_t generation,
                             int64_t created_ms);
ksi_segment *ksi_segment_retain(ksi_segment *segment);
void ksi_segment_release(ksi_segment *segment); /* accepts NULL */

/* Makes its file, or cuts one that a commit which did not happen has left. */
KS_NODISCARD ks_status ksi_segment_create(ksi_segment *segment, ks_error *error);
/* Opens its file; nothing when it is open. KS_E_CORRUPT when it is not there. */
KS_NODISCARD ks_status ksi_segment_open(ksi_segment *segment, ks_error *error);
/* Closes it for now, if nobody but its chain holds it. Under the partition's lock. */
void ksi_segment_rest(ksi_segment *segment);
/* Takes its name away. */
void ksi_segment_unlink(ksi_segment *segment);

KS_NODISCARD ks_status ksi_segment_write(ksi_segment *segment, int64_t position, const void *bytes,
                                         size_t size, ks_error *error);
KS_NODISCARD ks_status ksi_segment_read(ksi_segment *segment, int64_t position, void *bytes,
                                        size_t size, ks_error *error);
/* On the disk when it returns. */
KS_NODISCARD ks_status ksi_segment_sync(ksi_segment *segment, ks_error *error);

/*
 * Compares the file with the facts: cuts what was not committed (`*cut` bytes), and looks whether
 * what was committed is there and its last batch intact. KS_E_CORRUPT.
 */
KS_NODISCARD ks_status ksi_segment_verify(ksi_segment *segment, int64_t *cut, ks_error *error);

/* KS_E_CORRUPT in words: the file, the position, what to do. */
ks_status ksi_segment_corrupt(const ksi_segment *segment, int64_t position, const char *reason,
                              ks_error *error);

/* ---- finding --------------------------------------------------------------------------------- */

/* Notes where a batch begins, when nothing near is known. */
void ksi_segment_note(ksi_segment *segment, int64_t offset, int64_t position);
/* A position at or before the batch of an offset: where a scan for it begins. */
int64_t ksi_segment_near(const ksi_segment *segment, int64_t offset);

enum { KSI_SCAN_WINDOW = 16 * 1024 };

/* Passes over the headers of batches. */
typedef struct ksi_segment_scan {
    ksi_segment *segment;
    int64_t next;        /* where the next header stands */
    int64_t limit;       /* where the committed bytes end */
    int64_t window;      /* position of the bytes below */
    size_t window_bytes; /* how many there are */
    char bytes[KSI_SCAN_WINDOW];
} ksi_segment_scan;

void ksi_segment_scan_begin(ksi_segment_scan *scan, ksi_segment *segment, int64_t position,
                            int64_t limit);
/* The next header and where it stands; `*found` false at the limit. */
KS_NODISCARD ks_status ksi_segment_scan_next(ksi_segment_scan *scan, ksi_batch_header *header,
                                             int64_t *position, bool *found, ks_error *error);

#endif
