/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_windows.c - windows change, close and refuse what is late.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rig.h"
#include "windows.h"

static const ks_serde thermometer_in_session = KS_SESSION_WINDOWED_SERDE(&ks_serde_string);

/* The kitchen's thermometer from one minute to another one. */
static ks_value kitchen(ks_windowed *window, int64_t from, int64_t until)
{
    *window = (ks_windowed){
        .key = ks_text_of("kitchen"), .start = from * MINUTE_MS, .end = until * MINUTE_MS};
    return ks_windowed_value(window);
}

static void measure(ks_test_input *readings, int64_t minute, double celsius)
{
    rig_pipe_at(readings, minute * MINUTE_MS, ks_text_of("kitchen"), ks_f64(celsius));
}

static ks_test_input *open_readings(rig *r, void (*topology)(ks_builder *))
{
    rig_open(r, topology, NULL, NULL);
    return ks_test_driver_input(r->driver, "readings", &ks_serde_string, &ks_serde_f64, 0, 0);
}

static void an_hour_changes_until_it_closes_and_is_final_then(void **state)
{
    (void)state;
    rig r;
    ks_windowed first;
    ks_windowed second;

    ks_test_input *readings = open_readings(&r, hours_topology);
    ks_test_output *so_far =
        ks_test_driver_output(r.driver, "highest-so-far", &thermometer_in_hour, &ks_serde_f64);
    ks_test_output *final =
        ks_test_driver_output(r.driver, "highest-of-hour", &thermometer_in_hour, &ks_serde_f64);
    (void)kitchen(&first, 0, 60);
    (void)kitchen(&second, 60, 120);

    measure(readings, 5, 19);
    measure(readings, 65, 18);
    measure(readings, 55, 21); /* late, and in time: the hour closes at minute 70 */
    rig_expect(so_far, ks_windowed_value(&first), ks_f64(19));
    rig_expect(so_far, ks_windowed_value(&second), ks_f64(18));
    rig_expect(so_far, ks_windowed_value(&first), ks_f64(21));
    rig_expect_end(final);

    measure(readings, 70, 17);
    rig_expect(final, ks_windowed_value(&first), ks_f64(21));
    rig_expect_end(final);
    rig_close(&r);
}

static void what_comes_for_a_closed_hour_is_dropped_and_counted(void **state)
{
    (void)state;
    rig r;
    ks_windowed hour;

    ks_test_input *readings = open_readings(&r, hours_topology);
    ks_test_output *so_far =
        ks_test_driver_output(r.driver, "highest-so-far", &thermometer_in_hour, &ks_serde_f64);

    measure(readings, 70, 18);
    measure(readings, 59, 40);
    assert_int_equal(ks_test_driver_dropped_records(r.driver), 1);
    rig_expect(so_far, kitchen(&hour, 60, 120), ks_f64(18));
    rig_expect_end(so_far);
    rig_close(&r);
}

static void the_store_has_a_row_for_each_hour(void **state)
{
    (void)state;
    rig r;

    ks_test_input *readings = open_readings(&r, hours_topology);
    measure(readings, 5, 19);
    measure(readings, 65, 18);

    ks_window_store *hours = ks_test_driver_window_store(r.driver, "highest-of-hours");
    ks_value first = ks_window_store_value(hours, ks_text_of("kitchen"), 0);
    assert_true(ks_value_equal(first, ks_f64(19)));
    ks_value second = ks_window_store_value(hours, ks_text_of("kitchen"), HOUR_MS);
    assert_true(ks_value_equal(second, ks_f64(18)));
    rig_close(&r);
}

static void a_topic_with_windowed_keys_is_read_with_their_serde(void **state)
{
    (void)state;
    rig r;
    ks_windowed hour;

    rig_open(&r, hot_hours_topology, NULL, NULL);
    ks_test_input *hours = ks_test_driver_input(r.driver, "highest-of-hour", &thermometer_in_hour,
                                                &ks_serde_f64, 0, 0);
    ks_test_output *hot =
        ks_test_driver_output(r.driver, "hot-hours", &ks_serde_string, &ks_serde_string);

    rig_pipe(hours, kitchen(&hour, 60, 120), ks_f64(29));
    rig_pipe(hours, kitchen(&hour, 120, 180), ks_f64(31));
    rig_expect(hot, ks_text_of("kitchen"), ks_text_of("31.0 in hour 2"));
    rig_expect_end(hot);
    rig_close(&r);
}

static void a_spell_of_frost_grows_and_comes_out_once(void **state)
{
    (void)state;
    rig r;
    ks_windowed spell;

    ks_test_input *readings = open_readings(&r, frosts_topology);
    ks_test_output *frosts =
        ks_test_driver_output(r.driver, "frosts", &thermometer_in_session, &ks_serde_i64);

    measure(readings, 0, -1);
    measure(readings, 20, -2);
    measure(readings, 45, -1);
    measure(readings, 95, 4); /* no frost: no time passes for the frosts */
    rig_expect_end(frosts);
    measure(readings, 100, -3);
    rig_expect(frosts, kitchen(&spell, 0, 45), ks_i64(3));
    rig_expect_end(frosts);
    rig_close(&r);
}

static void readings_and_openings_meet_in_one_aggregate(void **state)
{
    (void)state;
    rig r;
    ks_error error = {0};
    ks_record last;

    ks_test_input *readings = open_readings(&r, climate_topology);
    ks_test_input *doors =
        ks_test_driver_input(r.driver, "doors", &ks_serde_string, &ks_serde_string, 0, 0);
    ks_test_output *climates =
        ks_test_driver_output(r.driver, "climates", &thermometer_in_hour, &climate_serde);

    measure(readings, 10, 19);
    rig_pipe_at(doors, 20 * MINUTE_MS, ks_text_of("kitchen"), ks_text_of("opened"));
    rig_pipe_at(doors, 30 * MINUTE_MS, ks_text_of("kitchen"), ks_text_of("opened"));
    assert_int_equal(ks_test_output_size(climates), 3);
    while (ks_test_output_read(climates, &last, &error)) {
    }
    const climate *hour = ks_value_object(last.value, &climate_serde);
    assert_true(hour->highest == 19);
    assert_int_equal(hour->openings, 2);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_hour_changes_until_it_closes_and_is_final_then),
        cmocka_unit_test(what_comes_for_a_closed_hour_is_dropped_and_counted),
        cmocka_unit_test(the_store_has_a_row_for_each_hour),
        cmocka_unit_test(a_topic_with_windowed_keys_is_read_with_their_serde),
        cmocka_unit_test(a_spell_of_frost_grows_and_comes_out_once),
        cmocka_unit_test(readings_and_openings_meet_in_one_aggregate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
