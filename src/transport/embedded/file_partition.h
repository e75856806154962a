/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_partition.h - what the writing side (file_partition.c), the readers (file_reader.c) and
 * cleaning of a partition in files share.
 *
 * Thread rule: see partition.h.
 */
#ifndef KSI_TRANSPORT_EMBEDDED_FILE_PARTITION_H
#define KSI_TRANSPORT_EMBEDDED_FILE_PARTITION_H

#include "base/thread.h"
#include "transport/embedded/log_directory.h"
#include "transport/embedded/partition.h"

/* What a segment will be once it is published. */
typedef struct ksi_staged_segment {
    ksi_segment *segment;
    ksi_segment_facts facts;
    int64_t last_base; /* offset at which its last batch begins */
    bool is_new;       /* not in the chain yet */
} ksi_staged_segment;

typedef struct ksi_file_partition {
    ksi_partition partition; /* first */
    ksi_log_directory *directory;
    const ksi_topic_settings *settings;
    ksi_partition_key key;
    char *topic;
    char *path;

    ksi_mutex lock; /* guards the chain, facts and indexes */
    ksi_segment **segments;
    size_t count;
    size_t capacity;

    ksi_staged_segment *staged; /* the holder's of the log's lock, as what follows */
    size_t staged_count;
    size_t staged_capacity;
    int64_t staged_begin; /* -1: it stays */
    bool is_synced;
    bool is_described;
} ksi_file_partition;

/* A segment as it was at one moment. */
typedef struct ksi_segment_view {
    ksi_segment *segment; /* open, a reference; NULL: there is none */
    ksi_segment_facts facts;
    int64_t near; /* a position at or before the offset that was asked for */
} ksi_segment_view;

/* The first segment that has records from `offset` on. */
KS_NODISCARD ks_status ksi_file_partition_segment(ksi_file_partition *partition, int64_t offset,
                                                  ksi_segment_view *view, ks_error *error);
/* Gives the reference of a view back. Accepts NULL. */
void ksi_file_partition_leave(ksi_file_partition *partition, ksi_segment *segment);
/* Where a batch was found, for those who come later. */
void ksi_file_partition_note(ksi_file_partition *partition, ksi_segment *segment, int64_t offset,
                             int64_t position);

/*
 * Whether `count` segments from `segment` on are still in the chain, and where; the one that grows
 * is never among them. Under the log's lock, or the partition's.
 */
bool ksi_file_partition_find(const ksi_file_partition *partition, const ksi_segment *segment,
                             size_t count, size_t *at);
/* One segment, which is taken over, or none (NULL) instead of `count`. Under the log's lock. */
void ksi_file_partition_replace(ksi_file_partition *partition, size_t at, size_t count,
                                ksi_segment *segment);

/* file_reader.c */
ksi_partition_reader *ksi_file_partition_open_reader(ksi_partition *partition, int64_t offset);
ks_status ksi_file_partition_offset_at(ksi_partition *self, int64_t timestamp, int64_t *offset,
                                       ks_error *error);

#endif
