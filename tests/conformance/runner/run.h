/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.h - a scenario from its first property to its last step.
 */
#ifndef CONFORMANCE_RUN_H
#define CONFORMANCE_RUN_H

#include "scenario.h"

/**
 * Builds the topology, does the steps and gives what the recorder would write as `expect`.
 *
 * @return a new reference; NULL when the scenario has a problem
 */
json_t *scenario_run(cf_scenario *scenario);

#endif
