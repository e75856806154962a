/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.h - a scenario from its first property to its last step.
 */
#ifndef CONFORMANCE_RUN_H
#define CONFORMANCE_RUN_H

#include "scenario.h"

/** What happens between the steps. */
typedef enum cf_between {
    BETWEEN_NOTHING = 0,
    BETWEEN_RESTART_KEPT, /**< the task begins again with its state */
    BETWEEN_RESTART_LOST  /**< it begins again and rebuilds its state from the changelogs */
} cf_between;

/**
 * Builds the topology, does the steps and gives what the recorder would write as `expect`. May be
 * called again: each call is a run of its own.
 *
 * @return a new reference; NULL when the scenario has a problem
 */
json_t *scenario_run(cf_scenario *scenario, cf_between between);

#endif
