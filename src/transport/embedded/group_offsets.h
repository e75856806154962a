/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group_offsets.h - what groups committed: group -> (topic, partition) -> offset and metadata.
 *
 * A table in memory, for a log in files as well: a few rows for each group, which are asked for
 * when tasks start and written at every commit.
 *
 * `name` is that of a group.
 *
 * Thread rule: the embedded log's lock.
 */
#ifndef KSI_TRANSPORT_EMBEDDED_GROUP_OFFSETS_H
#define KSI_TRANSPORT_EMBEDDED_GROUP_OFFSETS_H

#include "transport/transport.h"

typedef struct ksi_group_offsets ksi_group_offsets;

ksi_group_offsets *ksi_group_offsets_new(void);
void ksi_group_offsets_free(ksi_group_offsets *groups);

/* Sets offset and metadata, which is copied. */
void ksi_group_offsets_put(ksi_group_offsets *groups, const char *name,
                           const ksi_group_offset *offset);
/* Fills offset and metadata of the partition that is named; -1 and null when there is nothing. */
void ksi_group_offsets_get(const ksi_group_offsets *groups, const char *name,
                           ksi_group_offset *offset);

/* In no particular order; the visitor must not change the table. What it sees is borrowed. */
void ksi_group_offsets_each_group(const ksi_group_offsets *groups, ksi_group_visit_fn *visit,
                                  void *user);
void ksi_group_offsets_each(const ksi_group_offsets *groups, const char *name,
                            ksi_offset_visit_fn *visit, void *user);

void ksi_group_offsets_remove_group(ksi_group_offsets *groups, const char *name);
/* What all groups committed of a topic. */
void ksi_group_offsets_remove_topic(ksi_group_offsets *groups, const char *topic);

#endif
