/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill_life.h - one life of a process: it opens the log of a directory, runs the application on it
 * with two threads, feeds it, and is killed or comes to its end.
 *
 * Nothing is prepared for the kill. The feeder is a thread of the same process, so that the log is
 * written from three sides, and what of the input counts is what the log says after the kill.
 *
 * The last life takes no more input, waits until the application is caught up, and judges: topics
 * and stores, by kill_facts.h.
 *
 * Faults are mistakes that a log or a runtime could make, made here from outside by moving what the
 * group committed: each of them must be found.
 *
 * Thread rule: a child process; its main thread feeds.
 */
#ifndef TESTS_CRASH_APPLICATION_KILL_LIFE_H
#define TESTS_CRASH_APPLICATION_KILL_LIFE_H

#include "kill_facts.h"

typedef enum kill_fault {
    KILL_NO_FAULT,
    KILL_OFFSET_FORWARD,     /* each life begins one record too late, in the partitions that lag */
    KILL_OFFSET_BACK,        /* each life begins one record too early */
    KILL_JUDGED_TOO_STRICTLY /* runs at least once, and is judged as exactly once */
} kill_fault;

/* Where a life is to end. */
typedef struct kill_strike {
    char point[40];     /* of crash_point.h; "moment": after `nth` ms; "": it comes to its end */
    unsigned nth;       /* time that the point is reached, by other threads than the feeder's */
    bool without_state; /* state.dir is deleted before */
} kill_strike;

typedef enum kill_application {
    KILL_COUNTING,
    KILL_REPARTITIONING,
    KILL_WINDOWING /* windowed_app.h; the other two are in kill_model.h */
} kill_application;

typedef struct kill_plan {
    kill_application application;
    bool exactly_once;
    uint64_t seed;
    kill_fault fault;
    char directory[200];
} kill_plan;

/* What a child tells its parent, in memory they share. */
typedef struct kill_report {
    bool was_struck; /* a point was reached as often as planned, or a moment came */
    char complaint[KILL_COMPLAINT];
} kill_report;

enum { KILL_EXIT_FINE = 0, KILL_EXIT_COMPLAINT = 1 };

/* Lives life `number`, and ends the process. `is_last`: judges. */
_Noreturn void kill_life_run(const kill_plan *plan, unsigned number, const kill_strike *strike,
                             bool is_last, kill_report *report);

#endif
