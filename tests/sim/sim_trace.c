/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_trace.c - see sim_trace.h.
 */
#include "sim_trace.h"

#include <inttypes.h>

/* ---- random numbers -------------------------------------------------------------------------- */

uint64_t sim_random_next(sim_random *random)
{
    random->state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t mixed = random->state;
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

int64_t sim_random_below(sim_random *random, int64_t bound)
{
    return bound > 0 ? (int64_t)(sim_random_next(random) % (uint64_t)bound) : 0;
}

int64_t sim_random_between(sim_random *random, int64_t low, int64_t high)
{
    return low + sim_random_below(random, high - low + 1);
}

bool sim_random_strikes(sim_random *random, int64_t chances)
{
    return chances > 0 && sim_random_below(random, 10000) < chances;
}

/* ---- events ---------------------------------------------------------------------------------- */

const char *sim_event_name(sim_event event)
{
    static const char *const names[SIM_EVENTS] = {
        [SIM_LOST_ANSWER] = "lost answers",
        [SIM_LOST_REQUEST] = "lost requests",
        [SIM_REFUSAL] = "refusals",
        [SIM_FENCED_PRODUCER] = "fenced producers",
        [SIM_LOST_HEARTBEAT] = "lost heartbeats",
        [SIM_LONG_CALL] = "calls that others overtook",
        [SIM_CRASH] = "crashes",
        [SIM_DEATH_IN_A_CALL] = "deaths in a call",
        [SIM_STALL] = "stalls",
        [SIM_OUTAGE] = "outages",
        [SIM_GIVEN_UP] = "outages that lasted too long",
        [SIM_FENCED_MEMBER] = "steps after which a member was found fenced",
        [SIM_CLOSE] = "closes",
        [SIM_MORE_THREADS] = "threads added",
        [SIM_FEWER_THREADS] = "threads removed",
        [SIM_REPLACED_THREAD] = "threads replaced",
        [SIM_FAILED_INSTANCE] = "instances that failed",
        [SIM_PAUSE] = "pauses",
        [SIM_TIME_JUMP] = "jumps of time",
        [SIM_RESTORED_STORE] = "stores restored",
        [SIM_PROMOTED_STANDBY] = "standbys promoted",
    };
    return names[event];
}

/* ---- the trace ------------------------------------------------------------------------------- */

void sim_trace_init(sim_trace *trace, bool has_text)
{
    *trace = (sim_trace){.hash = UINT64_C(0xcbf29ce484222325), .has_text = has_text};
}

void sim_trace_destroy(sim_trace *trace)
{
    ksi_buffer_destroy(&trace->text);
}

static void mix(sim_trace *trace, uint64_t number)
{
    trace->hash = (trace->hash ^ number) * UINT64_C(0x100000001b3);
    trace->hash ^= trace->hash >> 29;
}

void sim_trace_add(sim_trace *trace, const char *who, const char *what, int64_t a, int64_t b)
{
    for (const char *at = who; *at != '\0'; at++) {
        mix(trace, (unsigned char)*at);
    }
    for (const char *at = what; *at != '\0'; at++) {
        mix(trace, (unsigned char)*at);
    }
    mix(trace, (uint64_t)a);
    mix(trace, (uint64_t)b);
    trace->lines++;
    if (trace->has_text) {
        ksi_buffer_appendf(&trace->text, "%6" PRIu64 " %-4s %s %" PRId64 " %" PRId64 "\n",
                           trace->lines, who, what, a, b);
    }
}
