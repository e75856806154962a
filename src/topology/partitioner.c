/* SPDX-License-Identifier: Apache-2.0 */
/*
 * partitioner.c - the partitions a partitioner chose, and Java's default choice.
 */
#include "topology/partitioner.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/slice.h"

int32_t ks_partition_of_key(ks_slice key, int32_t partition_count)
{
    return ksi_partition_of_key(key, partition_count);
}

ks_status ks_partitions_add(ks_partitions *partitions, int32_t partition)
{
    if (partition < 0 || partition >= partitions->partition_count) {
        return ksi_error_set(partitions->error, KS_E_ARGUMENT, partitions->topic,
                             "the partitioner chose partition %d; the topic has partitions 0 to %d",
                             (int)partition, (int)partitions->partition_count - 1);
    }
    partitions->decided = true;
    for (size_t i = 0; i < partitions->count; i++) {
        if (partitions->items[i] == partition) {
            return KS_OK;
        }
    }
    partitions->items = ksi_grow(partitions->items, &partitions->capacity, partitions->count + 1,
                                 sizeof *partitions->items);
    partitions->items[partitions->count++] = partition;
    return KS_OK;
}

void ks_partitions_drop(ks_partitions *partitions)
{
    partitions->decided = true;
    partitions->count = 0;
}
