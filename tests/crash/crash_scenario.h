/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crash_scenario.h - a directory and the lives that are spent on it, one child process after the
 * other.
 *
 *     [cut]  every second seed: a life that ends between two operations
 *     armed  killed as planned
 *     closed checks, works a little, closes
 *     looked checks that nothing was left to replay
 *
 * The parent never opens RocksDB: its background threads would not survive the next fork.
 *
 * Thread rule: one thread.
 */
#ifndef TESTS_CRASH_CRASH_SCENARIO_H
#define TESTS_CRASH_CRASH_SCENARIO_H

#include "crash_life.h"

typedef struct crash_outcome {
    bool was_killed; /* at the planned point, and by nothing else */
    bool is_broken;  /* a check complained, or a child died of something else */
    char complaint[480];
} crash_outcome;

crash_outcome crash_scenario_run(crash_plan plan);

enum { CRASH_TEXT = 96 };
/* "point:n:seed", or "point+:n:seed" for soon after it. */
void crash_plan_write(const crash_plan *plan, char text[CRASH_TEXT]);
bool crash_plan_read(const char *text, crash_plan *plan);

/* A seed from the clock; KSTREAMS_CRASH_SEED overrides. Printed. */
uint64_t crash_first_seed(void);

#endif
