/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_checker.c - the checks of a life find the mistakes that a write path could make.
 *
 * Each fault is run with the plans of a healthy run: it must be found by at least one of them, with
 * the complaint that names it, and the healthy run must pass all.
 */
#include "crash_scenario.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { TRIES = 12 };

static crash_plan plan_of(const char *point, crash_fault fault, unsigned i)
{
    crash_plan plan = {.nth = 3 + 20 * i, .seed = 1000 + i, .fault = fault};
    (void)snprintf(plan.point, sizeof plan.point, "%s", point);
    if (strcmp(point, "operation") != 0) {
        plan.nth = 1 + i;
    }
    return plan;
}

/* Runs a fault until it is found; the complaint must contain `complaint`. */
static void is_found(crash_fault fault, const char *point, const char *complaint)
{
    int found = 0;
    for (unsigned i = 0; i < TRIES && found == 0; i++) {
        crash_outcome healthy = crash_scenario_run(plan_of(point, CRASH_NO_FAULT, i));
        assert_false(healthy.is_broken);
        crash_outcome broken = crash_scenario_run(plan_of(point, fault, i));
        if (broken.is_broken) {
            if (strstr(broken.complaint, complaint) == NULL) {
                fail_msg("found, with another complaint: %s", broken.complaint);
            }
            found++;
        }
    }
    assert_true(found > 0);
}

static void a_position_written_before_its_rows_is_found(void **state)
{
    (void)state;
    is_found(CRASH_POSITION_FIRST, "apply.begin", "belongs neither to the position");
}

static void a_position_flushed_without_its_rows_is_found(void **state)
{
    (void)state;
    is_found(CRASH_POSITION_ALONE, "operation", "belongs neither to the position");
}

static void a_missing_dirty_mark_is_found(void **state)
{
    (void)state;
    is_found(CRASH_MARK_MISSING, "written-through", "belongs neither to the position");
}

static void a_commit_that_is_not_on_disk_is_found(void **state)
{
    (void)state;
    is_found(CRASH_COMMIT_NOT_ON_DISK, "operation", "not what was committed last");
}

static void a_close_that_forgets_stores_is_found(void **state)
{
    (void)state;
    is_found(CRASH_CLOSE_FORGETS, "operation", "not ");
}

static void a_row_that_is_not_in_the_changelog_is_found(void **state)
{
    (void)state;
    is_found(CRASH_ROW_NOT_LOGGED, "operation", "partition");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_position_written_before_its_rows_is_found),
        cmocka_unit_test(a_position_flushed_without_its_rows_is_found),
        cmocka_unit_test(a_missing_dirty_mark_is_found),
        cmocka_unit_test(a_commit_that_is_not_on_disk_is_found),
        cmocka_unit_test(a_close_that_forgets_stores_is_found),
        cmocka_unit_test(a_row_that_is_not_in_the_changelog_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
