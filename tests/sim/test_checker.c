/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_checker.c - the simulation itself: a seed is a run, and broken promises are found.
 */
#include "sim_run.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { REPLAYED = 40, SEEDS_TO_FIND = 300 };

static void a_seed_leaves_the_same_trace_each_time(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= REPLAYED; seed++) {
        sim_result first = sim_run(seed, SABOTAGE_NONE, true);
        sim_result second = sim_run(seed, SABOTAGE_NONE, true);
        bool is_same = strcmp(first.text, second.text) == 0 && first.hash == second.hash;
        if (!is_same) {
            size_t at = 0;
            while (first.text[at] == second.text[at]) {
                at++;
            }
            size_t from = at > 200 ? at - 200 : 0;
            print_message("%s\nfirst:\n%.400s\nsecond:\n%.400s\n", first.plan, first.text + from,
                          second.text + from);
        }
        free(first.text);
        free(second.text);
        assert_true(is_same);
    }
}

static void a_run_does_not_depend_on_whether_its_trace_is_written(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= REPLAYED; seed++) {
        sim_result with = sim_run(seed, SABOTAGE_NONE, true);
        sim_result without = sim_run(seed, SABOTAGE_NONE, false);
        assert_true(with.hash == without.hash);
        free(with.text);
    }
}

static void every_sabotage_is_found(void **state)
{
    (void)state;
    for (int kind = SABOTAGE_NONE + 1; kind < SABOTAGE_COUNT; kind++) {
        faulty_sabotage sabotage = (faulty_sabotage)kind;
        uint64_t seed = 1;
        sim_result result = sim_run(seed, sabotage, false);
        while (result.complaint[0] == '\0' && seed < SEEDS_TO_FIND) {
            result = sim_run(++seed, sabotage, false);
        }
        print_message("%s: seed %" PRIu64 ": %s\n", faulty_sabotage_name(sabotage), seed,
                      result.complaint[0] != '\0' ? result.complaint : "NOT FOUND");
        assert_true(result.complaint[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seed_leaves_the_same_trace_each_time),
        cmocka_unit_test(a_run_does_not_depend_on_whether_its_trace_is_written),
        cmocka_unit_test(every_sabotage_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
