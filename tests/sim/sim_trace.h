/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_trace.h - what makes a simulation repeatable, and lets it be seen: random numbers of a seed,
 * and a record of all that happened.
 *
 * Every choice of a run comes from one generator, so that a seed is a run. Whether
 * it really is shows in the trace: two runs of a seed must leave the same one. A hash of it is kept
 * always; the text, which costs more than the run itself, on demand.
 *
 * Thread rule: one thread.
 */
#ifndef TESTS_SIM_SIM_TRACE_H
#define TESTS_SIM_SIM_TRACE_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stdint.h>

/* ---- random numbers (splitmix64) ------------------------------------------------------------- */

typedef struct sim_random {
    uint64_t state;
} sim_random;

uint64_t sim_random_next(sim_random *random);
/* 0 ... bound - 1; 0 for a bound below 1. */
int64_t sim_random_below(sim_random *random, int64_t bound);
/* low ... high. */
int64_t sim_random_between(sim_random *random, int64_t low, int64_t high);
/* True `chances` times of 10,000. */
bool sim_random_strikes(sim_random *random, int64_t chances);

/* ---- the trace ------------------------------------------------------------------------------- */

/* What a simulation is made for; seeds that never have one of these test less than they say. */
typedef enum sim_event {
    SIM_LOST_ANSWER,
    SIM_LOST_REQUEST,
    SIM_REFUSAL,
    SIM_FENCED_PRODUCER,
    SIM_LOST_HEARTBEAT,
    SIM_LONG_CALL, /* others went on meanwhile */
    SIM_CRASH,
    SIM_DEATH_IN_A_CALL,
    SIM_STALL,
    SIM_OUTAGE,
    SIM_GIVEN_UP, /* an outage was longer than task.timeout.ms */
    SIM_FENCED_MEMBER,
    SIM_CLOSE,
    SIM_MORE_THREADS,
    SIM_FEWER_THREADS,
    SIM_REPLACED_THREAD,
    SIM_FAILED_INSTANCE,
    SIM_PAUSE,
    SIM_TIME_JUMP,
    SIM_RESTORED_STORE, /* from records, not from nothing */
    SIM_PROMOTED_STANDBY,
    SIM_EVENTS
} sim_event;

const char *sim_event_name(sim_event event);

typedef struct sim_trace {
    int64_t counts[SIM_EVENTS];
    uint64_t hash;
    uint64_t lines;
    bool has_text;
    ksi_buffer text;
} sim_trace;

void sim_trace_init(sim_trace *trace, bool has_text);
void sim_trace_destroy(sim_trace *trace);
/* `who` did `what`, with two numbers that say more about it. */
void sim_trace_add(sim_trace *trace, const char *who, const char *what, int64_t a, int64_t b);

#endif
