/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_plan.c - see sim_plan.h.
 *
 * A disk is slow beside everything else here, so few seeds have one. Each kind of fault is left out
 * of half of the seeds: what is rare would otherwise never come after something else that is rare.
 */
#include "sim_plan.h"

#include <inttypes.h>
#include <stdio.h>

static int64_t odds_of(sim_random *random, int64_t most)
{
    return sim_random_strikes(random, 5000) ? sim_random_between(random, 1, most) : 0;
}

static faulty_odds draw_odds(sim_random *random)
{
    return (faulty_odds){.lost_answer = odds_of(random, 1500),
                         .lost_request = odds_of(random, 1500),
                         .refusal = odds_of(random, 300),
                         .fenced = odds_of(random, 200),
                         .bad_send = odds_of(random, 30),
                         .bad_poll = odds_of(random, 30),
                         .bad_look = odds_of(random, 200),
                         .quiet = odds_of(random, 1000),
                         .lost_heartbeat = odds_of(random, 3000),
                         .meanwhile = odds_of(random, 500)};
}

/* A task of all of them would be busy with its stores only. */
static int draw_parts(sim_random *random)
{
    int parts = 0;
    for (int64_t left = sim_random_between(random, 1, 3); left > 0; left--) {
        parts |= 1 << sim_random_below(random, WINDOWED_PARTS);
    }
    return parts;
}

sim_plan sim_plan_of(uint64_t seed)
{
    sim_random dice = {.state = seed * UINT64_C(0xd1342543de82ef95)};
    sim_random *random = &dice;
    sim_plan plan = {.seed = seed};
    plan.kind = (sim_kind)sim_random_below(random, 5);
    plan.is_exact = sim_random_strikes(random, 6500);
    plan.is_cached = sim_random_strikes(random, 5000);
    plan.is_on_disk = sim_random_strikes(random, 1000);
    plan.runs_smoothly = sim_random_strikes(random, 700);
    plan.partitions = (int32_t)sim_random_between(random, 1, SIM_MOST_PARTITIONS);
    plan.keys = (int32_t)sim_random_between(random, 1, SIM_MOST_KEYS);
    plan.instances = (int32_t)sim_random_between(random, 1, SIM_MOST_INSTANCES);
    plan.threads = (int32_t)sim_random_between(random, 1, 3);
    plan.standbys = (int32_t)sim_random_between(random, 0, 1);
    plan.commit_ms = sim_random_between(random, 5, 200);
    plan.session_ms = sim_random_between(random, 300, 2000);
    plan.purge_ms = sim_random_between(random, 20, 2000);
    plan.buffered_records = sim_random_between(random, 1, 50);
    plan.uncommitted_bytes = sim_random_strikes(random, 2000) ? 500 : 64 * 1024 * 1024;
    plan.cache_bytes =
        sim_random_strikes(random, 5000) ? sim_random_between(random, 100, 2000) : 2000000;
    plan.transaction_bytes = sim_random_strikes(random, 2000) ? 500 : 32 * 1024 * 1024;
    plan.steps = sim_random_between(random, 300, 6000);
    plan.records = sim_random_between(random, 20, 600);
    plan.turbulence = sim_random_between(random, 20, 250);
    plan.pace_us = sim_random_between(random, 100, 4000);
    plan.odds = draw_odds(random);
    plan.reuses_input = plan.kind == SIM_TABLE && sim_random_strikes(random, 5000);
    plan.has_global = plan.kind != SIM_WINDOWS && sim_random_strikes(random, 4000);
    plan.parts = plan.kind == SIM_WINDOWS ? draw_parts(random) : 0;
    plan.task_timeout_ms = sim_random_strikes(random, 2500) ? sim_random_between(random, 20, 1500)
                                                            : SIM_LONG_TIMEOUT_MS;
    if (plan.runs_smoothly) {
        plan.turbulence = 0;
        plan.odds = (faulty_odds){0};
    }
    return plan;
}

/* " of hopping, left" */
static const char *text_of_parts(const sim_plan *plan, char *text, size_t room)
{
    size_t size = 0;
    text[0] = '\0';
    for (int part = 0; part < WINDOWED_PARTS && size < room; part++) {
        if ((plan->parts >> part & 1) != 0) {
            size += (size_t)snprintf(text + size, room - size, "%s%s", size > 0 ? ", " : " of ",
                                     windowed_topics[part]);
        }
    }
    return text;
}

const char *sim_plan_text(const sim_plan *plan)
{
    static const char *const kinds[] = {"count", "repartition", "table", "groups", "windows"};
    static char text[SIM_PLAN_TEXT];
    char parts[60];
    (void)snprintf(text, sizeof text,
                   "seed %" PRIu64 ": %s%s%s, %s, cache %s, %s, %d partitions, %d keys, up to %d "
                   "instances of %d threads, %d standbys%s, %s",
                   plan->seed, kinds[plan->kind], text_of_parts(plan, parts, sizeof parts),
                   plan->reuses_input ? " kept in its input" : "",
                   plan->is_exact ? "exactly once" : "at least once",
                   plan->is_cached ? "on" : "off", plan->is_on_disk ? "on disk" : "in memory",
                   (int)plan->partitions, (int)plan->keys, (int)plan->instances, (int)plan->threads,
                   (int)plan->standbys, plan->has_global ? ", a global table" : "",
                   plan->runs_smoothly ? "smooth" : "rough");
    return text;
}
