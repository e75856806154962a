/* SPDX-License-Identifier: Apache-2.0 */
/*
 * build.h - from a scenario to a topology.
 */
#ifndef CONFORMANCE_BUILD_H
#define CONFORMANCE_BUILD_H

#include "scenario.h"

#include <kstreams/topology.h>

/**
 * The properties of a scenario, with the runner's own (`application.id`, `state.dir`).
 *
 * @return owned; NULL on error: `error` has what the library said, or it is clear and the scenario
 *         has a problem
 */
ks_config *build_config(cf_scenario *scenario, const char *state_dir, ks_error *error);

/**
 * Builds the topology with the public DSL, op by op, in the order in which they stand.
 *
 * @param builder  where the ops go; stays the caller's, and must live as long as the topology only
 *                 as the library says
 * @return owned; NULL as above
 */
ks_topology *build_topology(cf_scenario *scenario, ks_builder *builder, ks_error *error);

#endif
