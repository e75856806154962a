/* SPDX-License-Identifier: Apache-2.0 */
/*
 * partition.c - what partitions in memory and in files have in common; partition.h has the essay.
 *
 * Thread rule: any thread.
 */
#include "transport/embedded/partition.h"

#include "base/error.h"

ks_status ksi_partition_check_position(const ksi_partition *partition, int64_t position,
                                       ks_error *error)
{
    /* The end after the beginning, which never passes it. */
    int64_t begin = ksi_partition_begin(partition);
    int64_t end = ksi_partition_end(partition);
    if (position >= begin && position <= end) {
        return KS_OK;
    }
    return ksi_error_set(error, KS_E_OUT_OF_RANGE, "",
                         "partition %d has the offsets %lld to before %lld; offset %lld is not "
                         "there: %s",
                         partition->number, (long long)begin, (long long)end, (long long)position,
                         position < begin ? "its record was deleted"
                                          : "the topic is another one than it came from");
}

ks_status ksi_partition_check_gap(const ksi_partition *partition, int64_t start,
                                  const ks_log_record *records, size_t *count, ks_error *error)
{
    if (*count == 0 || records[0].offset == start) {
        return KS_OK;
    }
    ks_status status = ksi_partition_check_position(partition, start, error);
    *count = status == KS_OK ? *count : 0;
    return status;
}
