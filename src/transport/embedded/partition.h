/* SPDX-License-Identifier: Apache-2.0 */
/*
 * partition.h - one partition of an embedded log: what writing, deleting and reading need of it,
 * whether its batches are in memory (memory_partition.c) or in files (file_partition.c).
 *
 *     begin                                          end
 *       | batch | batch | batch | ... | batch | batch | staged | staged
 *       ^ records before it are deleted               ^ readers see what is before it
 *
 * Every change has two halves. Under the log's lock it is *staged*: batches are placed behind the
 * end, a new beginning is noted. Nobody sees that. Then all partitions that a commit touches are
 * *published*, or, when one of them refused, *unstaged*. Between the two stands the log's one point
 * of commit (embedded_log.c). The tempting wrong way is to append partition by partition and to
 * clean up after an error: a reader has seen the first of them by then.
 *
 * Readers take no part in the log's lock. They load `end` and read up to there; what they hold,
 * they hold by a count, so that deleting records takes nothing away from them.
 *
 * Waiting. A consumer about to sleep raises `watchers` and then looks at `end`; a writer moves
 * `end` and then looks at `watchers`. Both pairs are sequentially consistent, so one of the two
 * always sees the other, and a writer whom nobody waits for pays a single load.
 *
 * Thread rule: stage, publish and unstage by whoever holds the log's lock; begin, end, bytes,
 * offset_at and open_reader any thread; a reader belongs to one.
 */
#ifndef KSI_TRANSPORT_EMBEDDED_PARTITION_H
#define KSI_TRANSPORT_EMBEDDED_PARTITION_H

#include "transport/embedded/batch.h"

typedef struct ksi_partition ksi_partition;
typedef struct ksi_partition_reader ksi_partition_reader;

typedef struct ksi_partition_reader_class {
    /*
     * Up to `capacity` records from the position on. They point into what the reader holds, until
     * the next poll. KS_E_OUT_OF_RANGE; KS_E_CORRUPT and KS_E_IO for a partition in files.
     */
    ks_status (*poll)(ksi_partition_reader *reader, ks_log_record *records, size_t capacity,
                      size_t *count, ks_error *error);
    void (*close)(ksi_partition_reader *reader);
} ksi_partition_reader_class;

struct ksi_partition_reader {
    const ksi_partition_reader_class *class;
    int64_t position; /* of the next record */
};

struct ksi_topic_settings;

typedef struct ksi_partition_class {
    /* A sealed batch behind all others; it is given its offsets, and kept or copied. */
    ks_status (*stage)(ksi_partition *partition, ksi_batch *batch, ks_error *error);
    /* Records before `begin`, which is not behind the end, are deleted. */
    void (*stage_begin)(ksi_partition *partition, int64_t begin);
    /* In files: what is staged is on the disk when it returns, as far as files go. May be NULL. */
    ks_status (*sync)(ksi_partition *partition, ks_error *error);
    /* In files: the rows that make what is staged permanent, into the catalogue. May be NULL. */
    void (*describe)(ksi_partition *partition);
    void (*publish)(ksi_partition *partition);
    void (*unstage)(ksi_partition *partition);
    /* The topic was deleted: lets go of the records. Readers may be at work. */
    void (*drop)(ksi_partition *partition);

    /* Where the records begin that a topic wants to keep, by age and by size; begin when all. */
    int64_t (*retained_from)(ksi_partition *partition, const struct ksi_topic_settings *settings,
                             int64_t now_ms);
    /* The first offset with a timestamp of at least `timestamp`, or the end. */
    ks_status (*offset_at)(ksi_partition *partition, int64_t timestamp, int64_t *offset,
                           ks_error *error);
    int64_t (*bytes)(ksi_partition *partition);
    /* Keeps nothing of the partition alive: close it before. `offset` may be anything. */
    ksi_partition_reader *(*open_reader)(ksi_partition *partition, int64_t offset);
    void (*free)(ksi_partition *partition);
} ksi_partition_class;

struct ksi_partition {
    const ksi_partition_class *class;
    int32_t number;
    atomic_int watchers;   /* consumers that wait for a record */
    _Atomic int64_t begin; /* the first offset that was not deleted */
    _Atomic int64_t end;   /* one past the last record */
};

static inline int64_t ksi_partition_begin(const ksi_partition *partition)
{
    return atomic_load(&partition->begin);
}

static inline int64_t ksi_partition_end(const ksi_partition *partition)
{
    return atomic_load(&partition->end);
}

/* What every reader asks first: KS_E_OUT_OF_RANGE unless the position is from begin to end. */
KS_NODISCARD ks_status ksi_partition_check_position(const ksi_partition *partition,
                                                    int64_t position, ks_error *error);

/*
 * What every reader asks last: records that were deleted while it looked for them are no gap that
 * compaction left. KS_E_OUT_OF_RANGE, and nothing was read.
 */
KS_NODISCARD ks_status ksi_partition_check_gap(const ksi_partition *partition, int64_t start,
                                               const ks_log_record *records, size_t *count,
                                               ks_error *error);

/* Empty, in memory. */
ksi_partition *ksi_memory_partition_new(int32_t number);

struct ksi_log_directory;

/* Where a partition in files belongs. */
typedef struct ksi_partition_home {
    struct ksi_log_directory *directory;       /* outlives the partition */
    const struct ksi_topic_settings *settings; /* read under the log's lock */
    const char *topic;
    uint64_t topic_id;
    int32_t number;
} ksi_partition_home;

/* As the catalogue knows it; looks at its files. NULL with an error. */
ksi_partition *ksi_file_partition_open(const ksi_partition_home *home, ks_error *error);

#endif
