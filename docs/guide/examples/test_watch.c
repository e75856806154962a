/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_watch.c - processors, a store that two of them share, and the wall clock of a test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rig.h"
#include "watch.h"

enum { MINUTE_MS = 60 * 1000 };

static void minutes_pass(rig *r, int64_t minutes)
{
    ks_error error = {0};

    for (int64_t i = 0; i < minutes; i++) {
        assert_int_equal(ks_test_driver_advance_wall_clock(r->driver, MINUTE_MS, &error), KS_OK);
    }
}

static void a_thermometer_that_is_silent_for_an_hour_is_told_of_once(void **state)
{
    (void)state;
    rig r;

    rig_open(&r, watch_topology, NULL, NULL);
    ks_test_input *readings =
        ks_test_driver_input(r.driver, "readings", &ks_serde_string, &ks_serde_f64, 0, 1000);
    ks_test_output *silent =
        ks_test_driver_output(r.driver, "silent", &ks_serde_string, &ks_serde_i64);

    rig_pipe(readings, ks_text_of("kitchen"), ks_f64(21.5));
    minutes_pass(&r, 30);
    rig_pipe(readings, ks_text_of("balcony"), ks_f64(-3));
    minutes_pass(&r, 59);
    rig_expect(silent, ks_text_of("kitchen"), ks_i64(0));
    rig_expect_end(silent);
    minutes_pass(&r, 60);
    rig_expect(silent, ks_text_of("balcony"), ks_i64((int64_t)30 * MINUTE_MS));
    rig_expect_end(silent);
    rig_close(&r);
}

static void the_next_reading_says_how_long_it_took(void **state)
{
    (void)state;
    rig r;

    rig_open(&r, watch_topology, NULL, NULL);
    ks_test_input *readings =
        ks_test_driver_input(r.driver, "readings", &ks_serde_string, &ks_serde_f64, 0, 1000);
    ks_test_output *pauses =
        ks_test_driver_output(r.driver, "pauses", &ks_serde_string, &ks_serde_i64);

    rig_pipe(readings, ks_text_of("kitchen"), ks_f64(21.5));
    minutes_pass(&r, 7);
    rig_pipe(readings, ks_text_of("kitchen"), ks_f64(21));
    rig_expect(pauses, ks_text_of("kitchen"), ks_i64((int64_t)7 * MINUTE_MS));
    rig_expect_end(pauses);
    rig_close(&r);
}

static void a_wrapper_sees_the_records_of_the_nodes_it_is_around(void **state)
{
    (void)state;
    rig r;
    int64_t before = watch_counted();

    rig_open(&r, counted_watch_topology, NULL, NULL);
    ks_test_input *readings =
        ks_test_driver_input(r.driver, "readings", &ks_serde_string, &ks_serde_f64, 0, 1000);
    rig_pipe(readings, ks_text_of("kitchen"), ks_f64(21.5));
    rig_pipe(readings, ks_text_of("kitchen"), ks_f64(21));
    assert_int_equal(watch_counted() - before, 2); /* at "watch" */
    assert_int_equal(ks_test_driver_produced_count(r.driver, "pauses"), 1);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thermometer_that_is_silent_for_an_hour_is_told_of_once),
        cmocka_unit_test(the_next_reading_says_how_long_it_took),
        cmocka_unit_test(a_wrapper_sees_the_records_of_the_nodes_it_is_around),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
