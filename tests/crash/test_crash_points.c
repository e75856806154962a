/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_crash_points.c - a kill at every named point of stores, and shortly after each, loses
 * nothing.
 *
 * KSTREAMS_CRASH=point:n:seed runs that one plan, as a failure prints it.
 */
#include "base/crash_point.h"
#include "crash_log.h"
#include "crash_scenario.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { KILLS = 5, KILLS_SOON_AFTER = 1 };

static uint64_t first_seed;

/* The n-th time; some points are rare, so a life that never got so far tries the first time. */
static crash_outcome kill_at(const char *point, bool soon_after, uint64_t seed)
{
    uint64_t random = seed;
    crash_plan plan = {.soon_after = soon_after, .seed = seed};
    (void)snprintf(plan.point, sizeof plan.point, "%s", point);
    /* A life restores in several files once. */
    bool is_once = strcmp(point, "restore.between-files") == 0;
    plan.nth = is_once ? 1 : 1 + (unsigned)crash_random_below(&random, 4);
    crash_outcome outcome = crash_scenario_run(plan);
    if (!outcome.was_killed && !outcome.is_broken) {
        plan.nth = 1;
        outcome = crash_scenario_run(plan);
    }
    return outcome;
}

static void a_kill_at_every_point_loses_nothing(void **state)
{
    (void)state;
    int failures = 0;
    uint64_t seed = first_seed;
    for (size_t i = 0; ksi_crash_points[i] != NULL; i++) {
        int killed = 0;
        for (int k = 0; k < KILLS + KILLS_SOON_AFTER; k++) {
            crash_outcome outcome = kill_at(ksi_crash_points[i], k >= KILLS, seed++);
            failures += outcome.is_broken;
            killed += outcome.was_killed;
        }
        if (killed < KILLS + KILLS_SOON_AFTER) {
            fprintf(stderr, "%s: %d kills of %d: the point was not reached\n", ksi_crash_points[i],
                    killed, KILLS + KILLS_SOON_AFTER);
            failures++;
        }
    }
    assert_int_equal(failures, 0);
}

static void the_planned_kill_loses_nothing(void **state)
{
    crash_outcome outcome = crash_scenario_run(*(const crash_plan *)*state);
    printf("%s\n", outcome.was_killed ? "killed" : "the point was not reached");
    assert_false(outcome.is_broken);
}

int main(void)
{
    const char *given = getenv("KSTREAMS_CRASH");
    crash_plan plan;
    if (given != NULL) {
        if (!crash_plan_read(given, &plan)) {
            fprintf(stderr, "KSTREAMS_CRASH=%s: write point:n:seed\n", given);
            return 1;
        }
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_prestate(the_planned_kill_loses_nothing, &plan),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kill_at_every_point_loses_nothing),
    };
    first_seed = crash_first_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
