/* SPDX-License-Identifier: Apache-2.0 */
/*
 * partition.h - one partition in memory: a chain of chunks that is only ever appended to.
 *
 *     first -> [ base 0 | record record ... ] -> [ base 812 | record ... ] -> NULL
 *                                                                   ^ end (atomic)
 *
 * The problem: a reader shall get a batch without copying a byte and without holding a lock while
 * the task works on it. So a record, once written, never moves and never changes, and a reader's
 * slices stay valid for as long as the partition exists.
 *
 * Writers take turns under `lock`. A reader takes no lock: it loads `end` and walks the chain up to
 * there. What makes that right: the bytes of record n, and the `next` pointer that leads to it, are
 * written before `end` becomes n + 1, and a reader never looks at anything beyond the `end` it saw.
 *
 * The tempting wrong way is an array of records that grows by realloc: it moves under the readers.
 *
 * Waiting. A consumer about to sleep raises `watchers` and then looks at `end`; a writer moves
 * `end` and then looks at `watchers`. Both pairs are sequentially consistent, so one of the two
 * always sees the other, and a writer whom nobody waits for pays a single load.
 *
 * Thread rule: any thread appends and reads; a cursor belongs to one thread.
 */
#ifndef KSI_TRANSPORT_EMBEDDED_PARTITION_H
#define KSI_TRANSPORT_EMBEDDED_PARTITION_H

#include "base/arena.h"
#include "base/thread.h"
#include <kstreams/log.h>

#include <stdatomic.h>

typedef struct ksi_log_chunk ksi_log_chunk;

typedef struct ksi_partition {
    ksi_mutex lock;      /* writers; guards `last`, `chunk_count` and `headers` */
    _Atomic int64_t end; /* one past the last record */
    atomic_int watchers; /* consumers that wait for a record */
    _Atomic(ksi_log_chunk *) first;
    ksi_log_chunk *last;
    size_t next_capacity; /* of the next chunk: small topics stay small */
    ks_arena headers;     /* copies of the records' headers */
    int32_t number;
} ksi_partition;

/* Where a reader stands. `chunk` NULL: not found yet. */
typedef struct ksi_partition_cursor {
    const ksi_log_chunk *chunk;
    size_t position; /* of the next record within the chunk */
    int64_t offset;  /* of the next record */
} ksi_partition_cursor;

void ksi_partition_init(ksi_partition *partition, int32_t number);
void ksi_partition_destroy(ksi_partition *partition);

/*
 * Appends a record and says its offset; partition and offset of `record` are ignored. KS_E_LIMIT
 * when it is too big.
 */
KS_NODISCARD ks_status ksi_partition_append(ksi_partition *partition, const ks_log_record *record,
                                            int64_t *offset, ks_error *error);

/* A cursor that begins at `offset`, which may be anything from 0 to beyond the end. */
ksi_partition_cursor ksi_partition_seek(int64_t offset);

/* Up to `capacity` records from the cursor on; moves it behind them. */
size_t ksi_partition_read(ksi_partition *partition, ksi_partition_cursor *cursor,
                          ks_log_record *records, size_t capacity);

/* The first offset with a timestamp of at least `timestamp`, or the end. */
int64_t ksi_partition_offset_at(ksi_partition *partition, int64_t timestamp);

static inline int64_t ksi_partition_end(ksi_partition *partition)
{
    return atomic_load(&partition->end);
}

#endif
