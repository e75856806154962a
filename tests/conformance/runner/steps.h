/* SPDX-License-Identifier: Apache-2.0 */
/*
 * steps.h - the steps of a scenario: what is piped into the driver, and how its clock moves.
 */
#ifndef CONFORMANCE_STEPS_H
#define CONFORMANCE_STEPS_H

#include "scenario.h"

#include <kstreams/log.h>

/** One step: a record for a topic or, without a topic, the wall clock moved on. */
typedef struct cf_step {
    const char *topic;
    ks_log_record record;
    int64_t advance_ms;
} cf_step;

typedef struct cf_steps {
    const cf_step *all; /**< in the scenario's arena */
    size_t count;
} cf_steps;

/**
 * Reads all steps, so that a misspelt one is a problem even when an earlier one ends the run. None
 * when there is a problem.
 */
cf_steps steps_read(cf_scenario *scenario);

#endif
