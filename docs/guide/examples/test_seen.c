/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_seen.c - stores of different kinds: what is in them, and which have a changelog.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rig.h"
#include "seen.h"

static void three_readings(rig *r)
{
    rig_open(r, seen_topology, NULL, NULL);
    ks_test_input *readings =
        ks_test_driver_input(r->driver, "readings", &ks_serde_string, &ks_serde_f64, 0, 1000);
    rig_pipe(readings, ks_text_of("kitchen"), ks_f64(21.5));
    rig_pipe(readings, ks_text_of("balcony"), ks_f64(-3));
    rig_pipe(readings, ks_text_of("kitchen"), ks_f64(22));
}

static void every_store_knows_its_own(void **state)
{
    (void)state;
    rig r;
    ks_error error = {0};
    ks_key_value entry;
    bool found;

    three_readings(&r);
    ks_key_value_store *seen = ks_test_driver_key_value_store(r.driver, "seen");
    ks_key_value_store *last = ks_test_driver_key_value_store(r.driver, "last");
    ks_key_value_store *lately = ks_test_driver_key_value_store(r.driver, "lately");
    ks_value kitchen = ks_text_of("kitchen");

    assert_true(ks_value_equal(ks_key_value_store_value(seen, kitchen), ks_i64(2)));
    assert_true(ks_value_is_null(ks_key_value_store_value(seen, ks_text_of("cellar"))));
    assert_int_equal(ks_key_value_store_get(last, kitchen, NULL, &entry, &found, &error), KS_OK);
    assert_true(ks_value_equal(entry.value, ks_f64(22)));
    assert_int_equal(entry.timestamp, 2000);
    assert_true(ks_value_equal(ks_key_value_store_value(lately, kitchen), ks_i64(2)));
    rig_close(&r);
}

static void a_walk_goes_in_the_order_of_keys(void **state)
{
    (void)state;
    rig r;
    ks_error error = {0};
    ks_key_value entry;
    bool found = true;
    size_t count = 0;
    const char *const expected[] = {"balcony", "kitchen"};

    three_readings(&r);
    ks_key_value_store *store = ks_test_driver_key_value_store(r.driver, "seen");
    ks_key_value_iterator *all = ks_key_value_store_all(store);
    while (ks_key_value_iterator_next(all, &entry, &found, &error) == KS_OK && found) {
        assert_true(ks_value_equal(entry.key, ks_text_of(expected[count])));
        count++;
    }
    ks_key_value_iterator_free(all);
    assert_int_equal(error.code, KS_OK);
    assert_int_equal(count, 2);
    rig_close(&r);
}

static void stores_with_logging_have_a_changelog(void **state)
{
    (void)state;
    rig r;

    three_readings(&r);
    assert_int_equal(ks_test_driver_produced_count(r.driver, "test-seen-changelog"), 3);
    assert_int_equal(ks_test_driver_produced_count(r.driver, "test-last-changelog"), 3);
    assert_int_equal(ks_test_driver_produced_count(r.driver, "test-lately-changelog"), 0);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_store_knows_its_own),
        cmocka_unit_test(a_walk_goes_in_the_order_of_keys),
        cmocka_unit_test(stores_with_logging_have_a_changelog),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
