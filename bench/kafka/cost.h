/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cost.h - what a run of a client cost, in the fields that ks-bench prints, too.
 *
 * Thread rule: the program's.
 */
#ifndef BENCH_KAFKA_COST_H
#define BENCH_KAFKA_COST_H

#include <stdint.h>

/* Of a clock that only goes on. */
int64_t bench_now_ns(void);

/* One line of JSON about what this process has done and used since then. */
void bench_print_cost(const char *job, uint64_t records, int64_t began_ns);

#endif
