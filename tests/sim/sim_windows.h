/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_windows.h - the applications of a seed whose results wait for time: parts of windowed_app.h.
 *
 * What they should write is what they do write in a world without faults, with one instance that
 * goes through the same input from the first record to the last (sim_run.c). Record caches and
 * disks are the disturbed one's alone.
 *
 * Thread rule: one thread.
 */
#ifndef TESTS_SIM_SIM_WINDOWS_H
#define TESTS_SIM_SIM_WINDOWS_H

#include "sim_world.h"

void sim_windows_create_topics(sim_world *world);
/* The next record of a partition, so much later than those before it. */
void sim_windows_produce(sim_world *world, int32_t partition, int64_t later_ms);
/* The end of the input: all windows close. */
void sim_windows_close(sim_world *world);
/* Puts all inputs of a world, end included, into another one. */
void sim_windows_repeat(const sim_world *world, sim_world *other);

/* The plan of the world without faults. */
sim_plan sim_windows_smooth_plan(const sim_plan *plan);
/* What came out, against what came out there. Complains. */
void sim_windows_check(sim_world *world, const sim_world *smooth);

#endif
