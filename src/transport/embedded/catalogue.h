/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalogue.h - what a durable log is made of: topics, how much of each partition counts, and what
 * groups committed; one small RocksDB whose writes go through its own log.
 *
 *     V                                    version u32
 *     N                                    the id of the next topic, u64
 *     T name                               id u64 | partitions u32 | { name 0 value 0 } configs
 *     D name                               id u64: deleted, its files may still be there
 *     P id u64 | partition u32             begin i64 | end i64
 *     S id u64 | partition u32 | base i64  generation u32 | bytes | last batch | last offset |
 *                                          newest timestamp | created, i64 each
 *     G group 0 topic 0 partition u32      offset i64 | has metadata u8 | metadata
 *
 * Numbers are big endian, so that rows lie in their order.
 *
 * The catalogue is the truth about the log: a commit is done when its rows are written, all in one
 * batch, and what the files have beyond the rows does not count.
 *
 * Changes are gathered by the put and delete functions and take effect with ksi_catalogue_write().
 *
 * Thread rule: the embedded log's lock.
 */
#ifndef KSI_TRANSPORT_EMBEDDED_CATALOGUE_H
#define KSI_TRANSPORT_EMBEDDED_CATALOGUE_H

#include "base/logger.h"
#include "transport/embedded/group_offsets.h"
#include "transport/embedded/segment.h"
#include "transport/embedded/topic_config.h"

typedef struct ksi_catalogue ksi_catalogue;

typedef struct ksi_topic_row {
    const char *name;
    uint64_t id;
    int32_t partitions;
    ksi_topic_config_set *config; /* when read: borrowed; its values may be taken over */
} ksi_topic_row;

typedef struct ksi_partition_key {
    uint64_t topic; /* id */
    int32_t partition;
} ksi_partition_key;

typedef struct ksi_segment_row {
    int64_t base_offset;
    uint32_t generation;
    ksi_segment_facts facts;
} ksi_segment_row;

/* Opens or creates; `path` is its directory. NULL with an error. */
ksi_catalogue *ksi_catalogue_open(const char *path, ksi_logger *logger, ks_error *error);
ks_status ksi_catalogue_close(ksi_catalogue *catalogue, ks_error *error); /* accepts NULL */

/* ---- reading --------------------------------------------------------------------------------- */

typedef ks_status ksi_topic_row_fn(void *user, const ksi_topic_row *row, ks_error *error);
typedef ks_status ksi_segment_row_fn(void *user, const ksi_segment_row *row, ks_error *error);

/* Each stops at the first error of its visitor, and answers it. */
KS_NODISCARD ks_status ksi_catalogue_each_topic(ksi_catalogue *catalogue, ksi_topic_row_fn *visit,
                                                void *user, ks_error *error);
/* Topics whose files are to be removed; `config` is NULL. */
KS_NODISCARD ks_status ksi_catalogue_each_deleted(ksi_catalogue *catalogue, ksi_topic_row_fn *visit,
                                                  void *user, ks_error *error);
/* Segments of a partition, by offset. */
KS_NODISCARD ks_status ksi_catalogue_each_segment(ksi_catalogue *catalogue, ksi_partition_key key,
                                                  ksi_segment_row_fn *visit, void *user,
                                                  ks_error *error);
/* 0 and 0 when there is no row. */
KS_NODISCARD ks_status ksi_catalogue_partition(ksi_catalogue *catalogue, ksi_partition_key key,
                                               int64_t *begin, int64_t *end, ks_error *error);
KS_NODISCARD ks_status ksi_catalogue_load_groups(ksi_catalogue *catalogue,
                                                 ksi_group_offsets *groups, ks_error *error);

/* ---- changing -------------------------------------------------------------------------------- */

/* An id that no topic has had. */
uint64_t ksi_catalogue_next_id(ksi_catalogue *catalogue);
void ksi_catalogue_put_topic(ksi_catalogue *catalogue, const ksi_topic_row *row);
/* The topic, its partitions and segments; a row of deleted topics stands for its files. */
void ksi_catalogue_delete_topic(ksi_catalogue *catalogue, const char *name, uint64_t id);
void ksi_catalogue_forget_deleted(ksi_catalogue *catalogue, const char *name);
void ksi_catalogue_put_partition(ksi_catalogue *catalogue, ksi_partition_key key, int64_t begin,
                                 int64_t end);
void ksi_catalogue_put_segment(ksi_catalogue *catalogue, ksi_partition_key key,
                               const ksi_segment_row *row);
void ksi_catalogue_delete_segment(ksi_catalogue *catalogue, ksi_partition_key key,
                                  int64_t base_offset);
void ksi_catalogue_put_offset(ksi_catalogue *catalogue, const char *group,
                              const ksi_group_offset *offset);
void ksi_catalogue_delete_offset(ksi_catalogue *catalogue, const char *group,
                                 ksi_topic_partition partition);

/* All changes since the last write, or none; `synced`: on the disk when it returns. */
KS_NODISCARD ks_status ksi_catalogue_write(ksi_catalogue *catalogue, bool synced, ks_error *error);

#endif
