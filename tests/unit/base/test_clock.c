/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_clock.c - a clock that is moved by hand, and the system's.
 */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

static void a_manual_clock_stands_still_until_it_is_moved(void **state)
{
    (void)state;
    ksi_manual_clock manual;
    ksi_manual_clock_init(&manual, 5000);
    assert_int_equal(ksi_wall_ms(&manual.clock), 5000);
    int64_t monotonic = manual.clock.monotonic_ns(&manual.clock);
    assert_int_equal(ksi_wall_ms(&manual.clock), 5000);
    assert_int_equal(manual.clock.monotonic_ns(&manual.clock), monotonic);
}

static void both_times_of_a_manual_clock_move_together(void **state)
{
    (void)state;
    ksi_manual_clock manual;
    ksi_manual_clock_init(&manual, 0);
    int64_t before = manual.clock.monotonic_ns(&manual.clock);
    manual.now_ms += 1500;
    assert_int_equal(ksi_wall_ms(&manual.clock), 1500);
    assert_int_equal(manual.clock.monotonic_ns(&manual.clock) - before, 1500000000);
}

static void two_manual_clocks_are_independent(void **state)
{
    (void)state;
    ksi_manual_clock a;
    ksi_manual_clock b;
    ksi_manual_clock_init(&a, 1);
    ksi_manual_clock_init(&b, 2);
    a.now_ms = 10;
    assert_int_equal(ksi_wall_ms(&a.clock), 10);
    assert_int_equal(ksi_wall_ms(&b.clock), 2);
}

static void the_system_clock_tells_the_time_of_the_epoch(void **state)
{
    (void)state;
    int64_t before = (int64_t)time(NULL) * 1000;
    int64_t now = ksi_wall_ms(&ksi_system_clock);
    int64_t after = (int64_t)time(NULL) * 1000 + 1000;
    /* time() may lag behind the precise clock by a tick of the kernel */
    assert_true(now >= before - 100 && now <= after + 100);
}

static void the_systems_monotonic_time_never_goes_back(void **state)
{
    (void)state;
    int64_t last = ksi_system_clock.monotonic_ns(&ksi_system_clock);
    for (int i = 0; i < 1000; i++) {
        int64_t now = ksi_system_clock.monotonic_ns(&ksi_system_clock);
        assert_true(now >= last);
        last = now;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_manual_clock_stands_still_until_it_is_moved),
        cmocka_unit_test(both_times_of_a_manual_clock_move_together),
        cmocka_unit_test(two_manual_clocks_are_independent),
        cmocka_unit_test(the_system_clock_tells_the_time_of_the_epoch),
        cmocka_unit_test(the_systems_monotonic_time_never_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
