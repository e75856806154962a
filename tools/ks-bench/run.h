/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.h - a job is run and measured.
 */
#ifndef KS_BENCH_RUN_H
#define KS_BENCH_RUN_H

#include "options.h"

/*
 * Runs the job and prints its line. `main_ns` is when main() began. Returns the exit status; 128
 * and its number after a signal.
 */
int bench_run(const bench_options *options, int64_t main_ns);

#endif
