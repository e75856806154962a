/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_check.h - what came out is compared with what came in.
 *
 *     exactly once    every input had its effect once: in the output topic, in the stores, in the
 *                     changelog, in the repartition topic; and the offsets say that all is done
 *     at least once   nothing is missing; and where nothing went wrong, the same as above
 *
 * Two differences are meant. With a record cache an output may stand for several inputs of its key:
 * then outputs only rise, and the last is right. And at least once, an instance that was taken for
 * dead may still write, over what its heir wrote: then only offsets, and what passes through one
 * by one, can be held against anybody. Kafka's own is no different; it is what fencing is for.
 *
 * Thread rule: one thread.
 */
#ifndef TESTS_SIM_SIM_CHECK_H
#define TESTS_SIM_SIM_CHECK_H

#include "sim_world.h"

/* Whether all that came in is committed, and everybody who runs is at rest. */
bool sim_is_caught_up(sim_world *world);
/* While applications run: their stores, the changelog, offsets. Complains. */
void sim_check_state(sim_world *world);
/* Whether a guarantee is "once" in this run. */
bool sim_is_strict(const sim_world *world);
/* Whether the last word on a key is a word of its owner. */
bool sim_is_ordered(const sim_world *world);
/* After they have closed: what they wrote. Complains. */
void sim_check_outputs(sim_world *world);

#endif
