/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_hub.c - operations without state.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hub.h"
#include "rig.h"

static void a_line_becomes_a_reading_for_each_thermometer(void **state)
{
    (void)state;
    rig r;

    rig_open(&r, hub_topology, NULL, NULL);
    ks_test_input *lines =
        ks_test_driver_input(r.driver, "hub-lines", &ks_serde_void, &ks_serde_string, 0, 1);
    ks_test_output *home =
        ks_test_driver_output(r.driver, "fahrenheit-home", &ks_serde_string, &ks_serde_f64);

    rig_pipe(lines, ks_null(), ks_text_of("kitchen=20 shelf=-273 balcony=-5"));
    rig_expect(home, ks_text_of("kitchen"), ks_f64(68));
    rig_expect(home, ks_text_of("balcony"), ks_f64(23));
    rig_expect_end(home);
    rig_close(&r);
}

static void a_header_says_the_house(void **state)
{
    (void)state;
    rig r;
    ks_error error = {0};
    ks_arena *arena = ks_arena_new();
    const ks_headers *headers =
        ks_headers_with(arena, NULL, ks_slice_cstr("house"), ks_slice_cstr("lake"));
    ks_record reading = {.key = ks_text_of("pier"), .value = ks_f64(10), .headers = headers};

    rig_open(&r, hub_topology, NULL, NULL);
    ks_test_input *readings =
        ks_test_driver_input(r.driver, "readings", &ks_serde_string, &ks_serde_f64, 0, 1);
    ks_test_output *lake =
        ks_test_driver_output(r.driver, "fahrenheit-lake", &ks_serde_string, &ks_serde_f64);

    assert_int_equal(ks_test_input_pipe_record(readings, &reading, &error), KS_OK);
    rig_expect(lake, ks_text_of("pier"), ks_f64(50));
    rig_close(&r);
    ks_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_becomes_a_reading_for_each_thermometer),
        cmocka_unit_test(a_header_says_the_house),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
