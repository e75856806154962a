/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timestamp.c - the built-in timestamp extractors. @java
 * org.apache.kafka.streams.processor.*Timestamp*
 */
#include "base/error.h"

#include <kstreams/options.h>

static ks_status fail_on_invalid(const ks_timestamp_extractor *extractor,
                                 const ks_source_record *record, int64_t partition_time,
                                 int64_t *timestamp, ks_error *error)
{
    (void)extractor;
    (void)partition_time;
    *timestamp = record->record.timestamp;
    if (*timestamp >= 0) {
        return KS_OK;
    }
    return ksi_error_set(error, KS_E_TIMESTAMP, record->topic,
                         "record at partition %d offset %lld has the negative timestamp %lld; "
                         "another timestamp extractor can skip such records or give them a time",
                         (int)record->partition, (long long)record->offset, (long long)*timestamp);
}

static ks_status as_it_is(const ks_timestamp_extractor *extractor, const ks_source_record *record,
                          int64_t partition_time, int64_t *timestamp, ks_error *error)
{
    (void)extractor;
    (void)partition_time;
    (void)error;
    *timestamp = record->record.timestamp;
    return KS_OK;
}

static ks_status or_partition_time(const ks_timestamp_extractor *extractor,
                                   const ks_source_record *record, int64_t partition_time,
                                   int64_t *timestamp, ks_error *error)
{
    (void)extractor;
    *timestamp = record->record.timestamp;
    if (*timestamp < 0) {
        *timestamp = partition_time;
    }
    if (*timestamp >= 0) {
        return KS_OK;
    }
    return ksi_error_set(error, KS_E_TIMESTAMP, record->topic,
                         "record at partition %d offset %lld has a negative timestamp, and none "
                         "before it had a valid one; another timestamp extractor can skip it",
                         (int)record->partition, (long long)record->offset);
}

static ks_status wallclock(const ks_timestamp_extractor *extractor, const ks_source_record *record,
                           int64_t partition_time, int64_t *timestamp, ks_error *error)
{
    (void)extractor;
    (void)partition_time;
    (void)error;
    *timestamp = record->wall_clock_ms;
    return KS_OK;
}

const ks_timestamp_extractor ks_timestamp_fail_on_invalid = {.struct_size =
                                                                 sizeof(ks_timestamp_extractor),
                                                             .name = "FailOnInvalidTimestamp",
                                                             .extract = fail_on_invalid};
const ks_timestamp_extractor ks_timestamp_log_and_skip_on_invalid = {
    .struct_size = sizeof(ks_timestamp_extractor),
    .name = "LogAndSkipOnInvalidTimestamp",
    .extract = as_it_is};
const ks_timestamp_extractor ks_timestamp_use_partition_time_on_invalid = {
    .struct_size = sizeof(ks_timestamp_extractor),
    .name = "UsePartitionTimeOnInvalidTimestamp",
    .extract = or_partition_time};
const ks_timestamp_extractor ks_timestamp_wallclock = {.struct_size =
                                                           sizeof(ks_timestamp_extractor),
                                                       .name = "WallclockTimestampExtractor",
                                                       .extract = wallclock};
