/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.c - runs a scenario on the library's test driver; see run.h.
 *
 * Whatever the library refuses before the first step is an error at "build", later one at the index
 * of its step; after an error nothing but its place and kind is worth comparing, because nothing is
 * promised about a task that failed. The state folder lives as long as the run.
 */
#include "run.h"

#include "build.h"
#include "files.h"
#include "outcome.h"
#include "steps.h"

/* Everything a run makes; the order of the members is the order in which they are made. */
typedef struct cf_run {
    cf_scenario *scenario;
    char *state_dir;
    ks_config *config;
    ks_builder *builder;
    ks_topology *topology;
    ks_test_driver *driver;
    json_t *outcome;
} cf_run;

static bool is_sound(const cf_run *run)
{
    return !problem_is_set(&run->scenario->problem);
}

/*
 * Ends the run with an error of the library; a problem that came before it, or instead of it, stays
 * one.
 */
static void fail(cf_run *run, json_t *at, const ks_error *error)
{
    if (!is_sound(run)) {
        json_decref(at);
        return;
    }
    json_t *json = outcome_error(run->scenario, at, error);
    if (json != NULL) {
        json_object_set_new(run->outcome, "error", json);
    }
}

/*
 * Where the properties are refused, the ops are read all the same: a problem among them is one,
 * whatever Java did.
 */
static void read_ops(cf_scenario *scenario)
{
    ks_error ignored = {0};
    ks_builder *builder = ks_builder_new(NULL);
    ks_topology_free(build_topology(scenario, builder, &ignored));
    ks_builder_free(builder);
}

/* True when the driver stands. */
static bool start(cf_run *run)
{
    cf_scenario *scenario = run->scenario;
    ks_error error = {0};
    run->config = build_config(scenario, run->state_dir, &error);
    if (run->config != NULL) {
        run->builder = ks_builder_new(run->config);
        run->topology = build_topology(scenario, run->builder, &error);
    } else if (is_sound(run)) {
        read_ops(scenario);
    }
    if (run->topology != NULL) {
        run->driver = ks_test_driver_new(
            run->topology, run->config,
            KS_TEST_DRIVER_OPTIONS(.wall_clock_ms = scenario->wall_clock_ms), &error);
    }
    if (run->driver == NULL) {
        fail(run, json_string("build"), &error);
        return false;
    }
    json_object_set_new(run->outcome, "description", outcome_description(run->topology));
    return true;
}

static ks_status step_run(ks_test_driver *driver, const cf_step *step, cf_between between,
                          ks_error *error)
{
    if (between != BETWEEN_NOTHING) {
        ks_test_restart restart = between == BETWEEN_RESTART_KEPT ? KS_TEST_RESTART_KEEP_STATE
                                                                  : KS_TEST_RESTART_LOSE_STATE;
        ks_status status = ks_test_driver_restart(driver, restart, error);
        if (status != KS_OK) {
            return status;
        }
    }
    return step->topic != NULL ? ks_test_driver_pipe(driver, step->topic, &step->record, error)
                               : ks_test_driver_advance_wall_clock(driver, step->advance_ms, error);
}

/* True when no step failed. */
static bool do_steps(cf_run *run, cf_steps steps, cf_between between)
{
    for (size_t i = 0; i < steps.count && is_sound(run); i++) {
        ks_error error = {0};
        if (step_run(run->driver, &steps.all[i], between, &error) != KS_OK) {
            fail(run, json_integer((json_int_t)i), &error);
            return false;
        }
    }
    return is_sound(run);
}

static void read_outcome(cf_run *run)
{
    json_object_set_new(run->outcome, "produced", outcome_produced(run->scenario, run->driver));
    json_object_set_new(run->outcome, "stores", outcome_stores(run->scenario, run->driver));
    json_object_set_new(run->outcome, "dropped",
                        json_integer((json_int_t)ks_test_driver_dropped_records(run->driver)));
    json_object_set_new(run->outcome, "error", json_null());
}

json_t *scenario_run(cf_scenario *scenario, cf_between between)
{
    cf_run run = {.scenario = scenario, .outcome = json_object()};
    cf_steps steps = steps_read(scenario);
    run.state_dir = folder_make_temporary();
    if (run.state_dir == NULL) {
        problem_set(&scenario->problem, "cannot make a temporary folder; set TMPDIR to one where "
                                        "folders can be made");
    }
    if (is_sound(&run) && start(&run) && do_steps(&run, steps, between)) {
        read_outcome(&run);
    }
    ks_test_driver_free(run.driver);
    ks_topology_free(run.topology);
    ks_builder_free(run.builder);
    ks_config_free(run.config);
    folder_remove(run.state_dir);
    if (!is_sound(&run)) {
        json_decref(run.outcome);
        return NULL;
    }
    return run.outcome;
}
