/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_thermometers.c - the guide's topology on the test driver.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <kstreams/testing.h>

#include "thermometers.h"

typedef struct fixture {
    ks_builder *builder;
    ks_topology *topology;
    ks_test_driver *driver;
    ks_test_input *readings;
    ks_test_output *highest;
    ks_test_output *broken;
} fixture;

static int set_up(void **state)
{
    static fixture f;
    const ks_serde *text = &ks_serde_string;
    const ks_serde *number = &ks_serde_f64;
    ks_error error = {0};

    f.builder = ks_builder_new(NULL);
    thermometers_topology(f.builder);
    f.topology = ks_builder_build(f.builder, &error);
    if (f.topology == NULL) {
        fail_msg("%s: %s", error.where, error.message);
    }
    f.driver = ks_test_driver_new(f.topology, NULL, NULL, &error);
    if (f.driver == NULL) {
        fail_msg("%s: %s", error.where, error.message);
    }
    f.readings = ks_test_driver_input(f.driver, "readings", text, number, 1000, 60000);
    f.highest = ks_test_driver_output(f.driver, "highest-readings", text, number);
    f.broken = ks_test_driver_output(f.driver, "broken-readings", text, number);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;

    ks_test_driver_free(f->driver);
    ks_topology_free(f->topology);
    ks_builder_free(f->builder);
    return 0;
}

static void measure(fixture *f, const char *thermometer, double celsius)
{
    ks_error error = {0};

    if (ks_test_input_pipe(f->readings, ks_text_of(thermometer), ks_f64(celsius), &error) !=
        KS_OK) {
        fail_msg("%s: %s", error.where, error.message);
    }
}

static void assert_next(ks_test_output *output, const char *thermometer, double celsius)
{
    ks_error error = {0};
    ks_record record;

    if (!ks_test_output_read(output, &record, &error)) {
        fail_msg("nothing was produced: %s", error.message);
    }
    assert_true(ks_value_equal(record.key, ks_text_of(thermometer)));
    assert_true(ks_value_equal(record.value, ks_f64(celsius)));
}

static void the_highest_reading_of_each_thermometer_stays(void **state)
{
    fixture *f = *state;

    measure(f, "kitchen", 21.5);
    measure(f, "balcony", -3.0);
    measure(f, "kitchen", 23.0);
    measure(f, "kitchen", 22.0);
    assert_next(f->highest, "kitchen", 21.5);
    assert_next(f->highest, "balcony", -3.0);
    assert_next(f->highest, "kitchen", 23.0);
    assert_next(f->highest, "kitchen", 23.0); /* an update, though its value is the old one */
    assert_int_equal(ks_test_output_size(f->highest), 0);
}

static void a_reading_that_cannot_be_goes_to_the_broken_ones(void **state)
{
    fixture *f = *state;

    measure(f, "kitchen", 850.0);
    assert_next(f->broken, "kitchen", 850.0);
    assert_int_equal(ks_test_output_size(f->highest), 0);
}

static void a_reading_without_a_thermometer_is_dropped_and_counted(void **state)
{
    fixture *f = *state;
    ks_error error = {0};

    assert_int_equal(ks_test_input_pipe(f->readings, ks_null(), ks_f64(20.0), &error), KS_OK);
    assert_int_equal(ks_test_output_size(f->highest), 0);
    assert_int_equal(ks_test_driver_dropped_records(f->driver), 1);
}

static void the_store_holds_the_highest_reading_and_its_time(void **state)
{
    fixture *f = *state;
    ks_error error = {0};
    ks_key_value entry;
    bool found = false;

    measure(f, "kitchen", 23.0); /* at 1,000 ms */
    measure(f, "kitchen", 22.0); /* at 61,000 ms */

    ks_key_value_store *store = ks_test_driver_key_value_store(f->driver, "highest");
    ks_value kitchen = ks_text_of("kitchen");
    assert_true(ks_value_equal(ks_key_value_store_value(store, kitchen), ks_f64(23.0)));
    assert_int_equal(ks_key_value_store_get(store, kitchen, NULL, &entry, &found, &error), KS_OK);
    assert_int_equal(entry.timestamp, 61000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_highest_reading_of_each_thermometer_stays, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_reading_that_cannot_be_goes_to_the_broken_ones, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_reading_without_a_thermometer_is_dropped_and_counted,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_store_holds_the_highest_reading_and_its_time, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
