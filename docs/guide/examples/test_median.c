/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_median.c - the median goes on after a restart, with its rows and from the changelog.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "median.h"
#include "rig.h"

static void the_median_is_of_all_readings_there_ever_were(void **state)
{
    (void)state;
    rig r;
    ks_error error = {0};

    rig_open(&r, median_topology, NULL, NULL);
    ks_test_input *readings =
        ks_test_driver_input(r.driver, "readings", &ks_serde_string, &ks_serde_f64, 0, 1000);
    ks_test_output *medians =
        ks_test_driver_output(r.driver, "medians", &ks_serde_string, &ks_serde_i64);

    rig_pipe(readings, ks_text_of("kitchen"), ks_f64(21.5));
    rig_expect(medians, ks_text_of("kitchen"), ks_i64(21));
    rig_pipe(readings, ks_text_of("balcony"), ks_f64(-3));
    rig_expect(medians, ks_text_of("balcony"), ks_i64(-3));
    assert_int_equal(ks_test_driver_restart(r.driver, KS_TEST_RESTART_KEEP_STATE, &error), KS_OK);
    rig_pipe(readings, ks_text_of("cellar"), ks_f64(12));
    rig_expect(medians, ks_text_of("cellar"), ks_i64(12));
    assert_int_equal(ks_test_driver_restart(r.driver, KS_TEST_RESTART_LOSE_STATE, &error), KS_OK);
    rig_pipe(readings, ks_text_of("oven"), ks_f64(250)); /* beyond the scale */
    rig_pipe(readings, ks_text_of("balcony"), ks_f64(-3));
    rig_pipe(readings, ks_text_of("balcony"), ks_f64(-2));
    rig_expect(medians, ks_text_of("balcony"), ks_i64(-3));
    rig_expect(medians, ks_text_of("balcony"), ks_i64(-2));
    rig_expect_end(medians);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_median_is_of_all_readings_there_ever_were),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
