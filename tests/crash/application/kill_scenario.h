/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill_scenario.h - a directory with a log and an application's state, and the lives that are spent
 * on it, one child process after the other.
 *
 *     struck, struck, struck ...   killed as planned, each by its own strike
 *     last                         catches up, closes and judges; half of them without local state,
 *                                  so that the stores are what the changelogs make of them
 *
 * The parent never opens log or database: their threads would not survive the next fork.
 *
 * A script is text that repeats it, up to what threads and timers do:
 *
 *     repartitioning,eos,4711,commit.sent:3,!restore.before-ingest:1,moment:35
 *
 * "!" is a life that begins without local state, "bulk:1" one that feeds much and comes to its end.
 *
 * Thread rule: one thread.
 */
#ifndef TESTS_CRASH_APPLICATION_KILL_SCENARIO_H
#define TESTS_CRASH_APPLICATION_KILL_SCENARIO_H

#include "kill_life.h"

enum { KILL_MOST_STRIKES = 16, KILL_SCRIPT_TEXT = 1024 };

typedef struct kill_script {
    kill_plan plan; /* its directory is made */
    kill_strike strikes[KILL_MOST_STRIKES];
    size_t strike_count;
} kill_script;

typedef struct kill_outcome {
    bool was_struck[KILL_MOST_STRIKES]; /* killed as planned; else the life came to its end */
    bool is_broken;                     /* a life died of something else, or complained */
    char complaint[KILL_COMPLAINT + 80];
} kill_outcome;

/* A script that is broken and has no fault is printed, and its directory stays. */
kill_outcome kill_scenario_run(kill_script script);

void kill_script_write(const kill_script *script, char text[KILL_SCRIPT_TEXT]);
bool kill_script_read(const char *text, kill_script *script);

/* A seed from the clock; KSTREAMS_CRASH_SEED overrides. Printed. */
uint64_t kill_first_seed(void);

#endif
