/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_history.c - a versioned table answers for the time that it is asked about.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "history.h"
#include "rig.h"

enum { HOUR_MS = 60 * 60 * 1000 };

static void pipe_at(ks_test_input *input, int64_t timestamp, ks_value value)
{
    rig_pipe_at(input, timestamp, ks_text_of("t7"), value);
}

static void a_reading_that_comes_late_finds_the_place_of_its_time(void **state)
{
    (void)state;
    rig r;

    rig_open(&r, history_topology, NULL, NULL);
    ks_test_input *places = ks_test_driver_input(r.driver, "thermometer-places", &ks_serde_string,
                                                 &ks_serde_string, 0, 0);
    ks_test_input *readings =
        ks_test_driver_input(r.driver, "readings", &ks_serde_string, &ks_serde_f64, 0, 0);
    ks_test_output *measured =
        ks_test_driver_output(r.driver, "measured-at", &ks_serde_string, &ks_serde_string);

    pipe_at(places, 1 * HOUR_MS, ks_text_of("cellar"));
    pipe_at(places, 5 * HOUR_MS, ks_text_of("attic"));
    pipe_at(readings, 6 * HOUR_MS, ks_f64(20));
    pipe_at(readings, 2 * HOUR_MS, ks_f64(4)); /* late */
    rig_expect(measured, ks_text_of("t7"), ks_text_of("attic"));
    rig_expect(measured, ks_text_of("t7"), ks_text_of("cellar"));
    rig_expect_end(measured);
    rig_close(&r);
}

static void a_correction_of_the_past_is_heard_too(void **state)
{
    (void)state;
    rig r;
    ks_error error = {0};
    ks_arena *arena = ks_arena_new();
    ks_versions versions;

    rig_open(&r, history_topology, NULL, NULL);
    ks_test_input *places = ks_test_driver_input(r.driver, "thermometer-places", &ks_serde_string,
                                                 &ks_serde_string, 0, 0);
    pipe_at(places, 1 * HOUR_MS, ks_text_of("cellar"));
    pipe_at(places, 5 * HOUR_MS, ks_text_of("attic"));
    pipe_at(places, 3 * HOUR_MS, ks_text_of("kitchen")); /* late */

    ks_versioned_store *store = ks_test_driver_versioned_store(r.driver, "places");
    assert_int_equal(
        ks_versioned_store_versions(store, ks_text_of("t7"), NULL, arena, &versions, &error),
        KS_OK);
    assert_int_equal(versions.count, 3); /* newest first */
    assert_true(ks_value_equal(versions.items[1].value, ks_text_of("kitchen")));
    assert_int_equal(versions.items[1].timestamp, 3 * HOUR_MS);
    assert_int_equal(versions.items[1].valid_to, 5 * HOUR_MS);
    ks_arena_free(arena);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reading_that_comes_late_finds_the_place_of_its_time),
        cmocka_unit_test(a_correction_of_the_past_is_heard_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
