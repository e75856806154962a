/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manual_app.h - applications without threads of their own: a test steps their workers, and time
 * passes only when it says so.
 *
 *     manual_world    a log, a clock, and the applications on them
 *     manual_step     every worker of every application, once; what was broken meanwhile is told
 *     manual_settle   until nobody has anything to do
 *     manual_run_ms   lets time pass in small steps, and settles in each
 *
 * After every single step of a worker the world looks who runs which task: two applications that
 * the group knows, or two threads of one, never run the same. One that is `left_out` is neither
 * stepped nor looked at, as a process that was stopped for a while.
 *
 * Thread rule: the test's.
 */
#ifndef TESTS_UNIT_RUNTIME_MANUAL_APP_H
#define TESTS_UNIT_RUNTIME_MANUAL_APP_H

#include "log_fixture.h"

#include "runtime/app.h"

enum { MANUAL_APPS = 3, MANUAL_TEXT_SIZE = 512 };

typedef struct manual_world manual_world;

typedef struct manual_app {
    manual_world *world;
    ks_topology *topology;
    ks_config *config;
    ks_app *app; /* NULL: none */
    bool left_out;
    ks_uncaught_answer answer; /* of the handler */
    int asked;                 /* the handler */
    char asked_about[MANUAL_TEXT_SIZE];
    char last_error[MANUAL_TEXT_SIZE];    /* line of the log */
    char last_restored[MANUAL_TEXT_SIZE]; /* likewise: "restored store ..." */
    int restores;                         /* such lines */
    int rejoins;                          /* likewise: "it joins again" */
    int promotions;                       /* of standbys, by the restore listener */
} manual_app;

struct manual_world {
    ks_log *log;
    ksi_manual_clock clock;
    manual_app apps[MANUAL_APPS];
};

manual_world *manual_world_new(void);        /* with a log in memory */
void manual_world_free(manual_world *world); /* crashes what runs */

/* Starts an application of the world; takes topology and config. It took no step yet. */
manual_app *manual_start(manual_world *world, size_t which, ks_topology *topology,
                         ks_config *config);
/* Ends and frees it: cleanly; as a crash does; or when it has ended by itself. */
void manual_close(manual_app *app);
void manual_crash(manual_app *app);
/* Again, after one of these, with what was there: on the same state directory. */
void manual_restart(manual_app *app);

bool manual_step(manual_world *world); /* whether there was anything to do */
void manual_settle(manual_world *world);
void manual_run_ms(manual_world *world, int64_t ms);

/* How many tasks the stream threads of an application run, one of them, and which ones at all. */
size_t manual_running(const manual_app *app);
size_t manual_running_in(const manual_app *app, size_t thread);
ksi_task_handle *manual_task(const manual_app *app, int subtopology, int32_t partition);

#endif
