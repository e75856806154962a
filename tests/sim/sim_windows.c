/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_windows.c - see sim_windows.h.
 */
#include "sim_windows.h"

#include "base/memory.h"
#include "sim_check.h"

void sim_windows_create_topics(sim_world *world)
{
    ks_error error = {0};
    for (int part = 0; part < WINDOWED_PARTS; part++) {
        if ((world->plan.parts >> part & 1) != 0 &&
            ks_log_create_topic(world->log, windowed_topics[part], world->plan.partitions,
                                &error) != KS_OK) {
            sim_complain(world, "%s was refused: %s", windowed_topics[part], error.message);
        }
    }
}

void sim_windows_produce(sim_world *world, int32_t partition, int64_t later_ms)
{
    ks_error error = {0};
    char key[RECORD_PLACE_TEXT];
    char value[RECORD_PLACE_TEXT];
    int64_t offset = world->ends[partition]++;
    const ks_log_record record = {.key = windowed_app_key(key, partition, offset),
                                  .value = record_place_text(value, partition, offset),
                                  .timestamp = windowed_app_time(offset) + later_ms,
                                  .partition = partition};
    if (ks_log_produce(world->log, SIM_INPUT, &record, &error) != KS_OK) {
        sim_complain(world, "an input was refused: %s", error.message);
    }
    world->inputs = ksi_grow(world->inputs, &world->input_capacity, world->input_count + 1,
                             sizeof *world->inputs);
    world->inputs[world->input_count++] = (sim_input){.key = partition, .value = later_ms};
    sim_trace_add(&world->trace, "in", value, record.timestamp, 0);
}

void sim_windows_close(sim_world *world)
{
    for (int jump = 1; jump <= WINDOWED_JUMPS; jump++) {
        for (int32_t p = 0; p < world->plan.partitions; p++) {
            sim_windows_produce(world, p, windowed_app_jump_ms(jump));
        }
    }
}

void sim_windows_repeat(const sim_world *world, sim_world *other)
{
    for (size_t i = 0; i < world->input_count; i++) {
        sim_windows_produce(other, world->inputs[i].key, world->inputs[i].value);
    }
}

/* ---- the truth ------------------------------------------------------------------------------- */

sim_plan sim_windows_smooth_plan(const sim_plan *plan)
{
    sim_plan smooth = *plan;
    smooth.is_exact = true;
    smooth.is_cached = false;
    smooth.is_on_disk = false;
    smooth.runs_smoothly = true;
    smooth.instances = 1;
    smooth.threads = 1;
    smooth.standbys = 0;
    smooth.turbulence = 0;
    smooth.odds = (faulty_odds){0};
    return smooth;
}

/*
 * What reads several rows of a store to write several: sessions that become one, the windows before
 * and behind a record.
 */
static bool takes_rows_together(windowed_part part)
{
    return part == WINDOWED_SLIDING || part == WINDOWED_CLOSED_SLIDING ||
           part == WINDOWED_SESSIONS || part == WINDOWED_CLOSED_SESSIONS ||
           part == WINDOWED_HELD_SESSIONS;
}

/*
 * At least once, some rows of a record may be logged and others not: a cache was full, or the log
 * did not answer in the middle of a flush. The record comes again, and finds the ones without the
 * others. Nothing promises more, and Java does the same.
 */
static bool may_be_torn(const sim_world *world, windowed_part part)
{
    return !sim_is_strict(world) && takes_rows_together(part);
}

void sim_windows_check(sim_world *world, const sim_world *smooth)
{
    char complaint[WINDOWED_COMPLAINT];
    windowed_promise promise = !sim_is_strict(world)   ? WINDOWED_AT_LEAST
                               : world->plan.is_cached ? WINDOWED_SOME
                                                       : WINDOWED_EACH;
    if (!sim_is_ordered(world)) {
        return;
    }
    for (int part = 0; part < WINDOWED_PARTS; part++) {
        if ((world->plan.parts >> part & 1) != 0 && !may_be_torn(world, (windowed_part)part) &&
            !windowed_results_match(world->log, smooth->log, (windowed_part)part, promise,
                                    complaint)) {
            sim_complain(world, "%s", complaint);
        }
    }
}
