/* SPDX-License-Identifier: Apache-2.0 */
/*
 * partitioner.h - what a call to a user's partitioner decided.
 *
 * The caller makes one for each record with topic, count and error, and frees `items` afterwards.
 *
 * Thread rule: the thread of the task.
 */
#ifndef KSI_TOPOLOGY_PARTITIONER_H
#define KSI_TOPOLOGY_PARTITIONER_H

#include <kstreams/options.h>

struct ks_partitions {
    const char *topic;
    int32_t partition_count;
    ks_error *error;
    bool decided;   /* false: the default decides */
    int32_t *items; /* distinct; none and decided: the record is dropped */
    size_t count;
    size_t capacity;
};

#endif
