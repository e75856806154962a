/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_run.h - one seed: a rough time, then a quiet one, then the checks.
 *
 *     rough    random steps of random workers; inputs, crashes, stalls, closes, threads that come
 *              and go, time that jumps; every call to the log may go wrong
 *     quiet    nothing bad happens any more, and everybody is stepped in turn: all inputs have to
 *              be processed and committed within so many rounds
 *     checks   stores, changelog and offsets; then everybody closes, and the outputs are read
 *
 * Thread rule: one thread.
 */
#ifndef TESTS_SIM_SIM_RUN_H
#define TESTS_SIM_SIM_RUN_H

#include "sim_plan.h"

typedef struct sim_result {
    char complaint[500]; /* empty: all is well */
    char plan[SIM_PLAN_TEXT];
    uint64_t hash; /* of the trace */
    int64_t inputs;
    int64_t lives; /* of instances */
    int64_t counts[SIM_EVENTS];
    char *text; /* the trace, when it was asked for: free() */
} sim_result;

sim_result sim_run(uint64_t seed, faulty_sabotage sabotage, bool with_text);

typedef struct sim_summary {
    uint64_t first;
    uint64_t seeds;
    uint64_t failures;
    int64_t inputs;
    int64_t lives;
    int64_t counts[SIM_EVENTS];
} sim_summary;

/* Prints how to repeat each that fails. */
sim_summary sim_run_seeds(uint64_t first, uint64_t count);
void sim_print_summary(const sim_summary *all);

#endif
