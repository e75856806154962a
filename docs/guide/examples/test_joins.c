/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_joins.c - who finds whom in a join, and when that is known.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "joins.h"
#include "rig.h"

static ks_test_input *texts_to(rig *r, const char *topic)
{
    return ks_test_driver_input(r->driver, topic, &ks_serde_string, &ks_serde_string, 0, 0);
}

static ks_test_input *numbers_to(rig *r, const char *topic)
{
    return ks_test_driver_input(r->driver, topic, &ks_serde_string, &ks_serde_f64, 0, 0);
}

static ks_test_output *texts_of(rig *r, const char *topic)
{
    return ks_test_driver_output(r->driver, topic, &ks_serde_string, &ks_serde_string);
}

static void pipe_at(ks_test_input *input, int64_t minute, const char *key, ks_value value)
{
    rig_pipe_at(input, minute * MINUTE_MS, ks_text_of(key), value);
}

static void a_reading_finds_the_place_that_is_known_when_it_comes(void **state)
{
    (void)state;
    rig r;

    rig_open(&r, placed_topology, NULL, NULL);
    ks_test_input *readings = numbers_to(&r, "readings");
    ks_test_input *places = texts_to(&r, "thermometer-places");
    ks_test_output *placed = texts_of(&r, "placed-readings");

    pipe_at(readings, 1, "t7", ks_f64(4));
    pipe_at(places, 2, "t7", ks_text_of("the cellar"));
    pipe_at(readings, 3, "t7", ks_f64(5));
    rig_expect(placed, ks_text_of("t7"), ks_text_of("4.0 in nowhere"));
    rig_expect(placed, ks_text_of("t7"), ks_text_of("5.0 in the cellar"));
    rig_expect_end(placed);
    rig_close(&r);
}

static void with_a_grace_period_it_waits_and_finds_the_place_of_its_time(void **state)
{
    (void)state;
    rig r;

    rig_open(&r, placed_then_topology, NULL, NULL);
    ks_test_input *readings = numbers_to(&r, "readings");
    ks_test_input *places = texts_to(&r, "thermometer-places");
    ks_test_output *placed = texts_of(&r, "placed-readings");

    pipe_at(readings, 1, "t7", ks_f64(4));
    pipe_at(places, 5, "t7", ks_text_of("the attic"));
    pipe_at(places, 0, "t7", ks_text_of("the cellar")); /* late */
    rig_expect_end(placed);
    pipe_at(readings, 11, "t7", ks_f64(5));
    rig_expect(placed, ks_text_of("t7"), ks_text_of("4.0 in the cellar"));
    rig_expect_end(placed);
    rig_close(&r);
}

static void a_warm_fridge_finds_who_opened_it_within_five_minutes(void **state)
{
    (void)state;
    rig r;

    rig_open(&r, fridges_topology, NULL, NULL);
    ks_test_input *readings = numbers_to(&r, "readings");
    ks_test_input *doors = texts_to(&r, "doors");
    ks_test_output *explained = texts_of(&r, "warm-fridges");

    pipe_at(doors, 10, "fridge", ks_text_of("Ann"));
    pipe_at(readings, 15, "fridge", ks_f64(9));
    rig_expect(explained, ks_text_of("fridge"), ks_text_of("9.0, Ann opened it"));
    pipe_at(readings, 20, "fridge", ks_f64(10));
    rig_expect_end(explained); /* somebody may still come */

    pipe_at(readings, 22, "freezer", ks_f64(9));
    rig_expect(explained, ks_text_of("fridge"), ks_text_of("10.0, and nobody was there"));
    rig_expect_end(explained);
    rig_close(&r);
}

static void either_table_updates_the_join_and_a_row_that_goes_ends_it(void **state)
{
    (void)state;
    rig r;

    rig_open(&r, wanted_topology, NULL, NULL);
    ks_test_input *measured = numbers_to(&r, "readings");
    ks_test_input *wanted = numbers_to(&r, "wanted");
    ks_test_output *missing =
        ks_test_driver_output(r.driver, "missing", &ks_serde_string, &ks_serde_f64);

    rig_pipe(measured, ks_text_of("kitchen"), ks_f64(18));
    rig_pipe(wanted, ks_text_of("kitchen"), ks_f64(20));
    rig_pipe(measured, ks_text_of("kitchen"), ks_f64(19));
    rig_pipe(wanted, ks_text_of("kitchen"), ks_null());
    rig_expect(missing, ks_text_of("kitchen"), ks_f64(2));
    rig_expect(missing, ks_text_of("kitchen"), ks_f64(1));
    rig_expect(missing, ks_text_of("kitchen"), ks_null());
    rig_expect_end(missing);
    rig_close(&r);
}

static void all_rows_that_name_a_house_follow_it(void **state)
{
    (void)state;
    rig r;

    rig_open(&r, owners_topology, NULL, NULL);
    ks_test_input *thermometers = texts_to(&r, "thermometers");
    ks_test_input *houses = texts_to(&r, "houses");
    ks_test_output *owners = texts_of(&r, "owners");

    rig_pipe(houses, ks_text_of("lake"), ks_text_of("Ann"));
    rig_pipe(thermometers, ks_text_of("t1"), ks_text_of("lake"));
    rig_pipe(thermometers, ks_text_of("t2"), ks_text_of("lake"));
    rig_pipe(houses, ks_text_of("lake"), ks_text_of("Bo"));
    rig_expect(owners, ks_text_of("t1"), ks_text_of("Ann"));
    rig_expect(owners, ks_text_of("t2"), ks_text_of("Ann"));
    rig_expect(owners, ks_text_of("t1"), ks_text_of("Bo"));
    rig_expect(owners, ks_text_of("t2"), ks_text_of("Bo"));
    rig_expect_end(owners);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reading_finds_the_place_that_is_known_when_it_comes),
        cmocka_unit_test(with_a_grace_period_it_waits_and_finds_the_place_of_its_time),
        cmocka_unit_test(a_warm_fridge_finds_who_opened_it_within_five_minutes),
        cmocka_unit_test(either_table_updates_the_join_and_a_row_that_goes_ends_it),
        cmocka_unit_test(all_rows_that_name_a_house_follow_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
