/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fill.h - a topic of generated records or lines.
 */
#ifndef KS_BENCH_FILL_H
#define KS_BENCH_FILL_H

#include <kstreams/log.h>

#include "options.h"

/* What was written: keys and values, in bytes. */
typedef struct bench_filled {
    uint64_t records;
    uint64_t bytes;
} bench_filled;

/*
 * Makes the topics that a command or a job's --fill names, and fills them. A topic that has records
 * already is refused.
 */
ks_status bench_fill(ks_log *log, const bench_options *options, bench_filled *filled,
                     ks_error *error);

/* The commands fill and fill-lines. Returns the exit status. */
int bench_fill_command(const bench_options *options);

/* Makes a topic, unless there is an empty one already; anything else is an error. */
ks_status bench_empty_topic(ks_log *log, const char *topic, int32_t partitions, ks_error *error);

/* Says the error on standard error. Returns EXIT_FAILURE. */
int bench_report(const ks_error *error);

#endif
