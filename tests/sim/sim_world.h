/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_world.h - a log, the instances of an application on it, and their time.
 *
 *     world --- log in memory
 *       |--- instance 0: faulty transport -> application, stepped by hand
 *       |--- instance 1 ...
 *       `--- clock: every instance reads it by a clock of its own, whose wall time may be off
 *
 * An instance has lives: it is started, and closes, fails or crashes. What it has on disk may
 * survive. Nothing happens by itself: whoever steps decides what comes next (sim_run.c), and what
 * came in is remembered, to be compared with what came out (sim_check.c).
 *
 * The first thing that is not as it should be is the world's complaint; later ones would be
 * consequences.
 *
 * Thread rule: one thread.
 */
#ifndef TESTS_SIM_SIM_WORLD_H
#define TESTS_SIM_SIM_WORLD_H

#include "runtime/app.h"
#include "sim_plan.h"

#define SIM_APPLICATION "sim"
#define SIM_INPUT "in"
#define SIM_OUTPUT "out"
#define SIM_STORE "store"
#define SIM_GLOBAL "everywhere"

typedef struct sim_world sim_world;

typedef struct sim_clock {
    ksi_clock clock; /* first */
    sim_world *world;
    int64_t wall_offset_ms;
    int64_t slowness_ns; /* how long at most something takes between two looks at the clock */
} sim_clock;

typedef struct sim_instance {
    sim_world *world;
    sim_clock clock;
    char name[16]; /* of this life */
    char process_id[24];
    char directory[240]; /* empty: none yet */
    int number;
    int lives;
    ks_app *app; /* NULL: it does not run */
    faulty_transport *faulty;
    bool is_closing;
    bool is_paused;
    int64_t stalled_until_ns;
    int steps;           /* under way, one within the other */
    size_t busy_workers; /* a bit for each that is in the middle of a step */
} sim_instance;

/* A record that was put into the input topic. */
typedef struct sim_input {
    int32_t key;   /* of the output: the key it is counted or kept by; of windows: the partition */
    int64_t value; /* numbers are given in turn; of windows: how much later than its turn it is */
} sim_input;

struct sim_world {
    sim_plan plan;
    faulty_sabotage sabotage;
    sim_random random;
    sim_trace trace;
    int64_t now_ns;
    ks_log *log;
    ksi_transport *transport; /* behind it */
    ks_topology *topology;
    sim_instance instances[SIM_MOST_INSTANCES];
    sim_input *inputs;
    size_t input_count;
    size_t input_capacity;
    int64_t ends[SIM_MOST_PARTITIONS]; /* of windows: how many inputs */
    bool is_within;   /* somebody waits in the middle of a step while others go on */
    bool is_settling; /* nothing bad happens any more */
    bool is_settled;  /* and what happened before has been dealt with */
    bool was_fenced;  /* an instance was fenced, and may have gone on for a while */
    int64_t disturbances;
    int64_t lives;
    char complaint[500]; /* empty: all is well */
};

void sim_world_init(sim_world *world, const sim_plan *plan, faulty_sabotage sabotage,
                    bool has_text);
/* Whatever runs is dropped as by a crash. */
void sim_world_destroy(sim_world *world);
/* Keeps the first. */
void sim_complain(sim_world *world, const char *format, ...) KS_PRINTF(2, 3);

void sim_produce(sim_world *world);
/* Faults and crashes so far, after which at least once is not once. */
int64_t sim_disturbances(const sim_world *world);

/* ---- instances ------------------------------------------------------------------------------- */

void sim_instance_start(sim_instance *instance);
void sim_instance_crash(sim_instance *instance);
/* Asks it to close; it ends when it has been stepped often enough. */
void sim_instance_close(sim_instance *instance);
/* One step of one of its workers, and what follows from it. True when there was something to do. */
bool sim_instance_step(sim_instance *instance, size_t worker);
/* Loses what it has on disk, and comes back as another one. Not while it runs. */
void sim_instance_forget(sim_instance *instance);

#endif
