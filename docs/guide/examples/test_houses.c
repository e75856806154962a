/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_houses.c - tables of tables follow every change of a row.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "houses.h"
#include "rig.h"

static void a_reading_enters_the_mean_of_its_house_and_the_old_one_leaves_it(void **state)
{
    (void)state;
    rig r;

    rig_open(&r, houses_topology, NULL, NULL);
    ks_test_input *readings =
        ks_test_driver_input(r.driver, "readings", &ks_serde_string, &ks_serde_f64, 0, 1000);
    ks_test_output *means =
        ks_test_driver_output(r.driver, "house-means", &ks_serde_string, &ks_serde_f64);

    rig_pipe(readings, ks_text_of("lake/pier"), ks_f64(10));
    rig_pipe(readings, ks_text_of("lake/dock"), ks_f64(20));
    rig_pipe(readings, ks_text_of("lake/pier"), ks_f64(14));
    rig_pipe(readings, ks_text_of("lake/dock"), ks_null());
    rig_expect(means, ks_text_of("lake"), ks_f64(10));
    rig_expect(means, ks_text_of("lake"), ks_f64(15));
    rig_expect(means, ks_text_of("lake"), ks_f64(17));
    rig_expect(means, ks_text_of("lake"), ks_f64(14));
    rig_expect_end(means);
    rig_close(&r);
}

static void a_row_that_is_kept_no_longer_is_deleted(void **state)
{
    (void)state;
    rig r;

    rig_open(&r, houses_topology, NULL, NULL);
    ks_test_input *readings =
        ks_test_driver_input(r.driver, "readings", &ks_serde_string, &ks_serde_f64, 0, 1000);
    ks_test_output *frost =
        ks_test_driver_output(r.driver, "frost", &ks_serde_string, &ks_serde_f64);

    rig_pipe(readings, ks_text_of("lake/pier"), ks_f64(-2));
    rig_pipe(readings, ks_text_of("lake/pier"), ks_f64(3));
    rig_expect(frost, ks_text_of("lake/pier"), ks_f64(-2));
    rig_expect(frost, ks_text_of("lake/pier"), ks_null());
    rig_expect_end(frost);
    rig_close(&r);
}

static void a_source_topic_can_be_the_changelog_of_its_table(void **state)
{
    (void)state;
    rig r;
    ks_error error = {0};
    ks_config *config = ks_config_new();

    assert_int_equal(ks_config_set(config, "topology.optimization", "all", &error), KS_OK);
    rig_open(&r, houses_topology, config, NULL);
    ks_test_input *readings =
        ks_test_driver_input(r.driver, "readings", &ks_serde_string, &ks_serde_f64, 0, 1000);
    rig_pipe(readings, ks_text_of("lake/pier"), ks_f64(10));
    assert_int_equal(ks_test_driver_produced_count(r.driver, "test-latest-changelog"), 0);
    assert_int_equal(ks_test_driver_produced_count(r.driver, "test-means-changelog"), 1);
    rig_close(&r);
    ks_config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reading_enters_the_mean_of_its_house_and_the_old_one_leaves_it),
        cmocka_unit_test(a_row_that_is_kept_no_longer_is_deleted),
        cmocka_unit_test(a_source_topic_can_be_the_changelog_of_its_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
