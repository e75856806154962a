/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_batteries.c - a serde of one's own, alone and in a topology.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "batteries.h"
#include "rig.h"

static void a_reading_is_written_as_it_was_read(void **state)
{
    (void)state;
    ks_arena *arena = ks_arena_new();
    ks_serde_ctx where = {.topic = "readings"};
    ks_error error = {0};
    ks_value value;
    ks_slice bytes;

    assert_int_equal(reading_serde.deserialize(&reading_serde, &where, ks_slice_cstr("21.5 87"),
                                               arena, &value, &error),
                     KS_OK);
    const reading *r = ks_value_object(value, &reading_serde);
    assert_true(r->celsius > 21.4 && r->celsius < 21.6);
    assert_int_equal(r->battery, 87);
    assert_int_equal(reading_serde.serialize(&reading_serde, &where, value, arena, &bytes, &error),
                     KS_OK);
    assert_true(ks_slice_equal(bytes, ks_slice_cstr("21.5 87")));
    ks_arena_free(arena);
}

static void bytes_that_are_no_reading_are_an_error_that_shows_them(void **state)
{
    (void)state;
    rig r;
    ks_error error = {0};
    ks_log_record record = {
        .key = ks_slice_cstr("kitchen"), .value = ks_slice_cstr("warm"), .timestamp = 0};

    rig_open(&r, batteries_topology, NULL, NULL);
    assert_int_equal(ks_test_driver_pipe(r.driver, "readings", &record, &error), KS_E_SERDE);
    assert_non_null(strstr(error.message, "not \"warm\""));
    rig_close(&r);
}

static void a_low_battery_is_told(void **state)
{
    (void)state;
    rig r;
    ks_error error = {0};
    ks_log_record low = {
        .key = ks_slice_cstr("balcony"), .value = ks_slice_cstr("-3.0 7"), .timestamp = 0};
    ks_log_record full = {
        .key = ks_slice_cstr("kitchen"), .value = ks_slice_cstr("21.5 87"), .timestamp = 0};

    rig_open(&r, batteries_topology, NULL, NULL);
    ks_test_output *notes =
        ks_test_driver_output(r.driver, "battery-notes", &ks_serde_string, &ks_serde_string);
    assert_int_equal(ks_test_driver_pipe(r.driver, "readings", &low, &error), KS_OK);
    assert_int_equal(ks_test_driver_pipe(r.driver, "readings", &full, &error), KS_OK);
    rig_expect(notes, ks_text_of("balcony"), ks_text_of("balcony has 7 % left"));
    rig_expect_end(notes);
    assert_int_equal(ks_test_driver_produced_count(r.driver, "low-batteries"), 1);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reading_is_written_as_it_was_read),
        cmocka_unit_test(bytes_that_are_no_reading_are_an_error_that_shows_them),
        cmocka_unit_test(a_low_battery_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
