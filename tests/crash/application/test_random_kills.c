/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_random_kills.c - an application on a log in a directory is killed at moments that nobody
 * named: in the middle of writing, of RocksDB's work, of starting, of closing.
 */
#include "crash_log.h"
#include "kill_scenario.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { KILLS = 50, KILLS_OF_A_SCENARIO = 10, MOST_SCENARIOS = 12 };

/* By then a life has begun, and more. */
static const uint64_t latest_ms[] = {
    [KILL_COUNTING] = 250, [KILL_REPARTITIONING] = 250, [KILL_WINDOWING] = 1000};

static kill_script script_of(uint64_t seed, unsigned i)
{
    kill_script script = {.plan = {.application = (kill_application)(i % 3),
                                   .exactly_once = i / 3 % 3 != 2,
                                   .seed = seed},
                          .strike_count = KILLS_OF_A_SCENARIO};
    uint64_t random = seed;
    for (size_t k = 0; k < KILLS_OF_A_SCENARIO; k++) {
        script.strikes[k] = (kill_strike){
            .point = "moment",
            .nth = 1 + (unsigned)crash_random_below(&random, latest_ms[script.plan.application]),
            .without_state = crash_random_below(&random, 5) == 0};
    }
    return script;
}

static void a_kill_at_a_random_moment_loses_nothing_and_repeats_nothing(void **state)
{
    (void)state;
    uint64_t seed = kill_first_seed();
    int failures = 0;
    int kills = 0;
    for (unsigned i = 0; i < MOST_SCENARIOS && kills < KILLS; i++) {
        kill_outcome outcome = kill_scenario_run(script_of(seed + i, i));
        failures += outcome.is_broken;
        for (size_t k = 0; k < KILLS_OF_A_SCENARIO; k++) {
            kills += outcome.was_struck[k];
        }
    }
    printf("%d kills\n", kills);
    assert_int_equal(failures, 0);
    assert_true(kills >= KILLS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kill_at_a_random_moment_loses_nothing_and_repeats_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
