/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_places.c - a global table is up to date as soon as its topic is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "places.h"
#include "rig.h"

static void every_task_knows_the_place(void **state)
{
    (void)state;
    rig r;

    rig_open(&r, places_topology, NULL, NULL);
    ks_test_input *places = ks_test_driver_input(r.driver, "thermometer-places", &ks_serde_string,
                                                 &ks_serde_string, 0, 1000);
    ks_test_input *readings =
        ks_test_driver_input(r.driver, "readings", &ks_serde_string, &ks_serde_f64, 0, 1000);
    ks_test_output *placed =
        ks_test_driver_output(r.driver, "placed-readings", &ks_serde_string, &ks_serde_string);

    rig_pipe(readings, ks_text_of("t7"), ks_f64(4));
    rig_pipe(places, ks_text_of("t7"), ks_text_of("the cellar"));
    rig_pipe(readings, ks_text_of("t7"), ks_f64(5));
    rig_expect(placed, ks_text_of("t7"), ks_text_of("4.0 in a place unknown"));
    rig_expect(placed, ks_text_of("t7"), ks_text_of("5.0 in the cellar"));
    rig_expect_end(placed);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_knows_the_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
