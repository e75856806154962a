/* SPDX-License-Identifier: Apache-2.0 */
/*
 * where.c - where the offsets of a group are set to.
 *
 * The names are those of Kafka's tools. An offset that is not there becomes the nearest that is, as
 * they do it; but a shift of what was never committed leaves the partition alone, where they shift
 * the end of the partition.
 */
#include "where.h"

#include <inttypes.h>
#include <time.h>

#include "command.h"
#include "config/duration.h"

int where_check(where_options *where, const char *command_name, int *count)
{
    int64_t duration_ms = 0;

    *count = (int)where->to_earliest + (int)where->to_latest + (int)(where->to_offset != -1) +
             (int)(where->to_datetime != -1) + (int)(where->by_duration != NULL) +
             (int)(where->shift_by != WHERE_NO_SHIFT);
    if (*count > 1) {
        return usage("%s goes to one place: --to-earliest, --to-latest, --to-offset, --to-datetime,"
                     " --by-duration or --shift-by",
                     command_name);
    }
    if (where->to_offset < -1) {
        return usage("--to-offset takes a number from 0 on, not %" PRId64, where->to_offset);
    }
    if (where->by_duration != NULL) {
        if (!ksi_duration_ms(where->by_duration, &duration_ms)) {
            return usage("--by-duration takes a duration such as PT1H30M or P7D, not '%s'",
                         where->by_duration);
        }
        int64_t now_ms = (int64_t)time(NULL) * 1000;
        where->to_datetime = duration_ms < now_ms ? now_ms - duration_ms : 0;
    }
    return 0;
}

ks_status where_find(ks_log *log, const where_options *where, ks_topic_partition of,
                     int64_t committed, int64_t *offset, ks_error *error)
{
    int64_t begin = 0;
    int64_t end = 0;
    ks_status status = ks_log_offsets(log, of.topic, of.partition, &begin, &end, error);

    if (status != KS_OK) {
        return status;
    }
    if (where->to_datetime >= 0) {
        return ks_log_offset_at(log, of.topic, of.partition, where->to_datetime, offset, error);
    }
    int64_t wanted = where->to_latest ? end : where->to_offset >= 0 ? where->to_offset : begin;
    if (where->shift_by != WHERE_NO_SHIFT) {
        if (committed < 0) {
            *offset = -1;
            return KS_OK;
        }
        bool is_far = where->shift_by > INT64_MAX - committed;
        wanted = is_far ? INT64_MAX : committed + where->shift_by;
    }
    *offset = wanted < begin ? begin : wanted > end ? end : wanted;
    return KS_OK;
}
