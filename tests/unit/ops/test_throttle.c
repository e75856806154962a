/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_throttle.c - once in an interval, whatever the clock does.
 */
#include "ops/throttle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void it_passes_once_in_an_interval(void **state)
{
    int64_t next = 0;
    (void)state;
    assert_true(ksi_throttle_passes(&next, 1000, 5000));
    assert_false(ksi_throttle_passes(&next, 1000, 5000));
    assert_false(ksi_throttle_passes(&next, 1000, 5999));
    assert_true(ksi_throttle_passes(&next, 1000, 6000));
}

static void an_interval_of_nothing_holds_nothing_up(void **state)
{
    int64_t next = 0;
    (void)state;
    assert_true(ksi_throttle_passes(&next, 0, 5000));
    assert_true(ksi_throttle_passes(&next, 0, 5000));
    assert_true(ksi_throttle_passes(&next, 0, 4999));
}

static void a_clock_that_goes_back_stops_nobody(void **state)
{
    int64_t next = 0;
    (void)state;
    assert_true(ksi_throttle_passes(&next, 1000, 3600000));
    assert_false(ksi_throttle_passes(&next, 1000, 3600000));
    assert_true(ksi_throttle_passes(&next, 1000, 5000));
    assert_false(ksi_throttle_passes(&next, 1000, 5999));
}

static void an_interval_longer_than_time_passes_always(void **state)
{
    int64_t next = 0;
    (void)state;
    assert_true(ksi_throttle_passes(&next, INT64_MAX, 5000));
    assert_true(ksi_throttle_passes(&next, INT64_MAX, 5000)); /* the sum came around, as in Java */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_passes_once_in_an_interval),
        cmocka_unit_test(an_interval_of_nothing_holds_nothing_up),
        cmocka_unit_test(a_clock_that_goes_back_stops_nobody),
        cmocka_unit_test(an_interval_longer_than_time_passes_always),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
