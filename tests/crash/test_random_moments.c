/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_random_moments.c - a kill at a moment that nobody named loses nothing.
 *
 * An operation is chosen, and the kill comes from a timer up to 1.5 ms after its beginning: in the
 * middle of RocksDB's flushes, compactions and writes, or between two instructions of ours.
 */
#include "crash_log.h"
#include "crash_scenario.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { MOMENTS = 50 };

static void a_kill_at_a_random_moment_loses_nothing(void **state)
{
    (void)state;
    int failures = 0;
    uint64_t seed = crash_first_seed();
    for (int i = 0; i < MOMENTS; i++) {
        crash_plan plan = {.point = "operation", .soon_after = true, .seed = seed + (uint64_t)i};
        uint64_t random = plan.seed;
        plan.nth = 1 + (unsigned)crash_random_below(&random, 400);
        crash_outcome outcome = crash_scenario_run(plan);
        failures += outcome.is_broken || !outcome.was_killed;
    }
    assert_int_equal(failures, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kill_at_a_random_moment_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
