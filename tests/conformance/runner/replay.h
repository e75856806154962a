/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay.h - a scenario as an application on a log: what it leaves in the topics is what Java's
 * engine left, byte for byte.
 */
#ifndef CONFORMANCE_REPLAY_H
#define CONFORMANCE_REPLAY_H

#include "scenario.h"

/**
 * Why an application on this log may leave other records than the driver, so that comparing says
 * nothing; NULL: it must leave the same ones.
 */
const char *replay_difference_expected(const cf_scenario *scenario, const char *servers);

/**
 * Runs the scenario on a log, a record at a time, and compares what its topics then have.
 *
 * @param servers     the log, as `bootstrap.servers` names it; topics that the scenario reads or
 *                    writes must not be there, and are deleted afterwards
 * @param difference  what differs first, or the scenario's problem
 */
bool replay_agrees(cf_scenario *scenario, const char *servers, char *difference, size_t size);

#endif
