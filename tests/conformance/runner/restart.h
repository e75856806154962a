/* SPDX-License-Identifier: Apache-2.0 */
/*
 * restart.h - a scenario with a restart before every step, once with its state kept and once with
 * its state lost: nobody may see which it was, nor, in most scenarios, that there was one.
 */
#ifndef CONFORMANCE_RESTART_H
#define CONFORMANCE_RESTART_H

#include "scenario.h"

/**
 * Why the two runs may differ, so that comparing them says nothing; NULL: they must agree.
 */
const char *restart_difference_expected(const cf_scenario *scenario);

/**
 * Runs the scenario both ways.
 *
 * @param difference  what differs first, or the scenario's problem
 * @return whether the two agree with each other, and with what is recorded as far as they must
 */
bool restart_agrees(cf_scenario *scenario, char *difference, size_t size);

#endif
