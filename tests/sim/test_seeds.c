/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_seeds.c - many seeds, each a run of several instances among faults.
 *
 *     KSTREAMS_SIM_SEEDS=N    so many seeds
 *     KSTREAMS_SIM_FIRST=N    beginning with this one
 *     KSTREAMS_SIM_SEED=N     this one alone, with its trace; they begin with 1
 */
#include "sim_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SEEDS 300
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SEEDS 300
#endif
#endif
#ifndef SEEDS
#define SEEDS 2000
#endif

/* In so many seeds everything happens. */
#define SEEDS_FOR_ALL_EVENTS 100

static uint64_t number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text != NULL && text[0] != '\0' ? strtoull(text, NULL, 10) : otherwise;
}

/* One seed for somebody who wants to see what happens in it. */
static void show(uint64_t seed)
{
    sim_result result = sim_run(seed, SABOTAGE_NONE, true);
    printf("%s%s\n%s\n", result.text, result.plan, result.complaint);
    (void)fflush(stdout);
    bool is_fine = result.complaint[0] == '\0';
    free(result.text);
    assert_true(is_fine);
}

static void every_seed_ends_with_what_its_guarantee_says(void **state)
{
    (void)state;
    if (number("KSTREAMS_SIM_SEED", 0) != 0) {
        show(number("KSTREAMS_SIM_SEED", 0));
        return;
    }
    uint64_t seeds = number("KSTREAMS_SIM_SEEDS", SEEDS);
    sim_summary all = sim_run_seeds(number("KSTREAMS_SIM_FIRST", 1), seeds);
    sim_print_summary(&all);
    (void)fflush(stdout);
    assert_true(all.failures == 0);
    for (int i = 0; i < SIM_EVENTS && seeds >= SEEDS_FOR_ALL_EVENTS; i++) {
        if (all.counts[i] == 0) {
            fail_msg("no seed had any %s", sim_event_name((sim_event)i));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_seed_ends_with_what_its_guarantee_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
