/* SPDX-License-Identifier: Apache-2.0 */
/*
 * where.h - where the offsets of a group are set to: options of `ks groups reset` and `ks reset`.
 */
#ifndef KS_TOOL_WHERE_H
#define KS_TOOL_WHERE_H

#include "options.h"

/* Not more than one of them is given. */
typedef struct where_options {
    bool to_earliest;
    bool to_latest;
    int64_t to_offset;   /* -1: not given */
    int64_t to_datetime; /* -1: not given */
    const char *by_duration;
    int64_t shift_by; /* WHERE_NO_SHIFT: not given */
} where_options;

#define WHERE_NO_SHIFT INT64_MIN
#define WHERE_NOT_GIVEN \
    ((where_options){.to_offset = -1, .to_datetime = -1, .shift_by = WHERE_NO_SHIFT})

/* For a table of options. */
#define WHERE_OPTIONS(where_)                                  \
    {"--to-earliest", OPTION_FLAG, &(where_).to_earliest},     \
        {"--to-latest", OPTION_FLAG, &(where_).to_latest},     \
        {"--to-offset", OPTION_NUMBER, &(where_).to_offset},   \
        {"--to-datetime", OPTION_TIME, &(where_).to_datetime}, \
        {"--by-duration", OPTION_TEXT, &(where_).by_duration}, \
    {                                                          \
        "--shift-by", OPTION_NUMBER, &(where_).shift_by        \
    }

/* How they are explained. */
#define WHERE_HELP                                                                     \
    "  --to-earliest           the first record that is there\n"                       \
    "  --to-latest             behind the last one\n"                                  \
    "  --to-offset N           this offset, or the nearest that is there\n"            \
    "  --to-datetime TIME      the first record of this timestamp or a later one\n"    \
    "  --by-duration DURATION  the same, so long before now; such as PT1H30M or P7D\n" \
    "  --shift-by N            so many behind what is committed; before, if negative\n"

/*
 * Checks the options of COMMAND and makes times of durations; `*count`: how many are given. 0, or
 * KS_TOOL_USAGE when it has said what is wrong.
 */
int where_check(where_options *where, const char *command_name, int *count);

/*
 * The offset for a partition of which `committed` is committed, -1: nothing. Without options: the
 * first record. -1: there is nothing to shift.
 */
KS_NODISCARD ks_status where_find(ks_log *log, const where_options *where, ks_topic_partition of,
                                  int64_t committed, int64_t *offset, ks_error *error);

#endif
