/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_run.c - see sim_run.h.
 */
#include "sim_run.h"

#include "sim_check.h"
#include "sim_windows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ROUNDS = 6000, QUIET_ROUNDS = 4, ROUNDS_TO_SETTLE = 20 };

#define MS INT64_C(1000000)

/* ---- choosing -------------------------------------------------------------------------------- */

/* One that runs, or (`runs` false) one that does not; NULL when there is none. */
static sim_instance *choose(sim_world *world, bool runs)
{
    sim_instance *fitting[SIM_MOST_INSTANCES];
    int count = 0;
    for (int i = 0; i < world->plan.instances; i++) {
        if ((world->instances[i].app != NULL) == runs) {
            fitting[count++] = &world->instances[i];
        }
    }
    return count > 0 ? fitting[sim_random_below(&world->random, count)] : NULL;
}

/* ---- events ---------------------------------------------------------------------------------- */

static void crash(sim_world *world, sim_instance *instance)
{
    sim_instance_crash(instance);
    if (sim_random_strikes(&world->random, 4000)) {
        sim_instance_forget(instance);
    }
}

/* It dies in one of its next calls. */
static void arm(sim_world *world, sim_instance *instance)
{
    if (instance->faulty->calls_left < 0) {
        instance->faulty->calls_left = sim_random_below(&world->random, 60);
        instance->faulty->dies_after = sim_random_strikes(&world->random, 5000);
        sim_trace_add(&world->trace, instance->name, "is to die", instance->faulty->calls_left, 0);
    }
}

static void stall(sim_world *world, sim_instance *instance)
{
    int64_t ms = sim_random_between(&world->random, 20, world->plan.session_ms * 3);
    instance->stalled_until_ns = world->now_ns + ms * MS;
    sim_trace_add(&world->trace, instance->name, "stalls", ms, 0);
    world->trace.counts[SIM_STALL]++;
}

static void lose_log(sim_world *world, sim_instance *instance)
{
    int64_t ms = sim_random_between(&world->random, 20, world->plan.session_ms * 3);
    instance->faulty->outage_until_ns = world->now_ns + ms * MS;
    sim_trace_add(&world->trace, instance->name, "reaches no log", ms, 0);
    world->trace.counts[SIM_OUTAGE]++;
    world->disturbances++;
}

static void change_threads(sim_instance *instance, bool more)
{
    ks_status status = more ? ks_app_add_stream_thread(instance->app, NULL)
                       : ks_app_stream_threads(instance->app) > 1
                           ? ks_app_remove_stream_thread(instance->app, NULL)
                           : KS_E_STATE;
    sim_trace *trace = &instance->world->trace;
    sim_trace_add(trace, instance->name, more ? "one thread more" : "one less", (int64_t)status, 0);
    trace->counts[more ? SIM_MORE_THREADS : SIM_FEWER_THREADS] += status == KS_OK;
}

static void pause_or_resume(sim_instance *instance)
{
    instance->is_paused = !instance->is_paused;
    sim_trace_add(&instance->world->trace, instance->name, "pauses", instance->is_paused, 0);
    instance->world->trace.counts[SIM_PAUSE] += instance->is_paused;
    if (instance->is_paused) {
        ks_app_pause(instance->app);
    } else {
        ks_app_resume(instance->app);
    }
}

static void change_clock(sim_world *world, sim_instance *instance)
{
    int64_t ms = sim_random_between(&world->random, -3600 * 1000, 3600 * 1000);
    instance->clock.wall_offset_ms = ms;
    instance->clock.slowness_ns =
        sim_random_strikes(&world->random, 5000) ? sim_random_below(&world->random, 3 * MS) : 0;
    sim_trace_add(&world->trace, instance->name, "clock", ms, instance->clock.slowness_ns);
}

static void happen_to(sim_world *world, sim_instance *instance)
{
    switch (sim_random_below(&world->random, 14)) {
    case 0:
        crash(world, instance);
        break;
    case 1:
    case 2:
        arm(world, instance);
        break;
    case 3:
        sim_instance_close(instance);
        break;
    case 4:
    case 5:
        change_threads(instance, true);
        break;
    case 6:
    case 7:
        change_threads(instance, false);
        break;
    case 8:
    case 9:
        stall(world, instance);
        break;
    case 10:
        pause_or_resume(instance);
        break;
    case 11:
    case 12:
        lose_log(world, instance);
        break;
    default:
        change_clock(world, instance);
        break;
    }
}

/* Something that nobody asked for. */
static void event(sim_world *world)
{
    sim_instance *instance = choose(world, true);
    if (sim_random_strikes(&world->random, 1000)) {
        int64_t ms = sim_random_below(&world->random, world->plan.session_ms * 2);
        sim_trace_add(&world->trace, "*", "time jumps", ms, 0);
        world->trace.counts[SIM_TIME_JUMP]++;
        world->now_ns += ms * MS;
    } else if (instance != NULL) {
        happen_to(world, instance);
    }
}

/* ---- the rough time -------------------------------------------------------------------------- */

/* Somebody has to run, and somebody comes now and then. */
static void start_somebody(sim_world *world)
{
    bool nobody = choose(world, true) == NULL;
    sim_instance *instance = choose(world, false);
    if (instance != NULL && (nobody || sim_random_strikes(&world->random, 150))) {
        sim_instance_start(instance);
    }
}

static void step_somebody(sim_world *world)
{
    sim_instance *instance = choose(world, true);
    if (instance == NULL || instance->app == NULL || world->now_ns < instance->stalled_until_ns) {
        return;
    }
    size_t workers = ksi_app_worker_count(instance->app);
    size_t worker = (size_t)sim_random_below(&world->random, (int64_t)workers);
    (void)sim_instance_step(instance, worker);
}

static void live_roughly(sim_world *world)
{
    const sim_plan *plan = &world->plan;
    int64_t produce_chances = plan->records * 10000 / plan->steps;
    for (int64_t i = 0; i < plan->steps && world->complaint[0] == '\0'; i++) {
        start_somebody(world);
        step_somebody(world);
        world->now_ns += sim_random_below(&world->random, plan->pace_us * 1000);
        for (int64_t left = produce_chances; left > 0; left -= 10000) {
            if (sim_random_strikes(&world->random, left)) {
                sim_produce(world);
            }
        }
        if (sim_random_strikes(&world->random, plan->turbulence)) {
            event(world);
        }
    }
}

/* ---- the quiet time -------------------------------------------------------------------------- */

/* Who was to die dies; nothing else happens. */
static void calm_down(sim_world *world)
{
    sim_trace_add(&world->trace, "*", "all calms down", 0, 0);
    world->is_settling = true;
    for (int i = 0; i < SIM_MOST_INSTANCES; i++) {
        sim_instance *instance = &world->instances[i];
        if (instance->app == NULL) {
            continue;
        }
        instance->stalled_until_ns = 0;
        instance->clock.slowness_ns = 0;
        instance->faulty->is_enabled = false;
        if (instance->faulty->calls_left >= 0) {
            sim_instance_crash(instance);
        } else if (instance->is_paused) {
            pause_or_resume(instance);
        }
    }
}

/* Every worker of everybody who runs; whether there is nobody left. */
static bool step_all(sim_world *world)
{
    bool is_empty = true;
    for (int i = 0; i < SIM_MOST_INSTANCES; i++) {
        sim_instance *instance = &world->instances[i];
        for (size_t w = 0; instance->app != NULL && w < ksi_app_worker_count(instance->app); w++) {
            (void)sim_instance_step(instance, w);
        }
        is_empty = is_empty && instance->app == NULL;
    }
    world->now_ns += sim_random_between(&world->random, 1, 10) * MS;
    return is_empty;
}

/* For people who read the trace: where every task is. */
static void trace_tasks(sim_world *world)
{
    for (int i = 0; i < SIM_MOST_INSTANCES; i++) {
        const sim_instance *instance = &world->instances[i];
        for (size_t t = 0; instance->app != NULL && t < instance->app->task_count; t++) {
            const ksi_task_handle *task = instance->app->tasks[t];
            sim_trace_add(&world->trace, instance->name, task->name, task->place,
                          task->wants_active * 10000 + task->wants_standby * 1000 +
                              task->is_running * 100 + task->is_leaving * 10 + task->is_standby);
        }
    }
}

static void catch_up(sim_world *world)
{
    int quiet = 0;
    for (int round = 0; round < MOST_ROUNDS && world->complaint[0] == '\0'; round++) {
        if (step_all(world)) {
            sim_instance_start(&world->instances[0]);
        }
        world->is_settled = round >= ROUNDS_TO_SETTLE;
        quiet = sim_is_caught_up(world) ? quiet + 1 : 0;
        if (quiet == QUIET_ROUNDS) {
            return;
        }
    }
    trace_tasks(world);
    sim_complain(world, "the instances did not catch up within %d rounds", MOST_ROUNDS);
}

static void close_all(sim_world *world)
{
    for (int i = 0; i < SIM_MOST_INSTANCES; i++) {
        if (world->instances[i].app != NULL) {
            sim_instance_close(&world->instances[i]);
        }
    }
    for (int round = 0; round < MOST_ROUNDS && world->complaint[0] == '\0'; round++) {
        if (step_all(world)) {
            return;
        }
    }
    sim_complain(world, "the instances did not close within %d rounds", MOST_ROUNDS);
}

/* ---- a run ----------------------------------------------------------------------------------- */

/* What comes out of windows is what comes out of them in a world without faults. */
static void compare_with_a_smooth_world(sim_world *world)
{
    sim_plan plan = sim_windows_smooth_plan(&world->plan);
    sim_world smooth;
    sim_world_init(&smooth, &plan, SABOTAGE_NONE, false);
    smooth.is_settling = true;
    sim_windows_repeat(world, &smooth);
    catch_up(&smooth);
    close_all(&smooth);
    if (smooth.complaint[0] != '\0') {
        sim_complain(world, "without faults: %s", smooth.complaint);
    } else {
        sim_windows_check(world, &smooth);
    }
    sim_world_destroy(&smooth);
}

static void live(sim_world *world)
{
    live_roughly(world);
    if (world->complaint[0] == '\0') {
        calm_down(world);
        if (world->plan.kind == SIM_WINDOWS) {
            sim_windows_close(world);
        }
        catch_up(world);
    }
    if (world->complaint[0] == '\0') {
        if (world->plan.kind != SIM_WINDOWS) {
            sim_check_state(world);
        }
        close_all(world);
    }
    if (world->complaint[0] != '\0') {
        return;
    }
    if (world->plan.kind == SIM_WINDOWS) {
        compare_with_a_smooth_world(world);
    } else {
        sim_check_outputs(world);
    }
}

sim_result sim_run(uint64_t seed, faulty_sabotage sabotage, bool with_text)
{
    sim_world world;
    sim_result result = {.text = NULL};
    sim_plan plan = sim_plan_of(seed);
    sim_world_init(&world, &plan, sabotage, with_text);
    if (world.complaint[0] == '\0') {
        live(&world);
    }
    (void)snprintf(result.complaint, sizeof result.complaint, "%s", world.complaint);
    (void)snprintf(result.plan, sizeof result.plan, "%s", sim_plan_text(&plan));
    result.hash = world.trace.hash;
    result.inputs = (int64_t)world.input_count;
    result.lives = world.lives;
    memcpy(result.counts, world.trace.counts, sizeof result.counts);
    result.text = with_text ? strdup(ksi_buffer_cstr(&world.trace.text)) : NULL;
    sim_world_destroy(&world);
    return result;
}

/* ---- many ------------------------------------------------------------------------------------ */

static void print_failure(const sim_result *result, uint64_t seed)
{
    printf("%s\n  %s\n  its trace: make sim SEED=%" PRIu64 "\n", result->plan, result->complaint,
           seed);
    (void)fflush(stdout);
}

sim_summary sim_run_seeds(uint64_t first, uint64_t count)
{
    sim_summary all = {.first = first, .seeds = count};
    for (uint64_t seed = first; seed < first + count; seed++) {
        sim_result result = sim_run(seed, SABOTAGE_NONE, false);
        all.inputs += result.inputs;
        all.lives += result.lives;
        for (int i = 0; i < SIM_EVENTS; i++) {
            all.counts[i] += result.counts[i];
        }
        if (result.complaint[0] != '\0') {
            all.failures++;
            print_failure(&result, seed);
        }
    }
    return all;
}

void sim_print_summary(const sim_summary *all)
{
    printf("seeds %" PRIu64 " to %" PRIu64 ": %" PRIu64 " failed. %" PRId64
           " inputs, instances were started %" PRId64 " times\n",
           all->first, all->first + all->seeds - 1, all->failures, all->inputs, all->lives);
    for (int i = 0; i < SIM_EVENTS; i++) {
        printf("  %8" PRId64 " %s\n", all->counts[i], sim_event_name((sim_event)i));
    }
}
