/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_configuration.c - the properties file of the guide, and what is said about wrong ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <kstreams/kstreams.h>

static void the_file_of_the_guide_is_read(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_config *config = ks_config_new();

    assert_int_equal(ks_config_load(config, "docs/guide/examples/thermometers.properties", &error),
                     KS_OK);
    assert_string_equal(ks_config_get(config, "application.id"), "thermometers");
    assert_string_equal(ks_config_get(config, "num.stream.threads"), "2");
    ks_config_free(config);
}

static void what_is_set_later_wins_and_what_is_not_set_has_its_default(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_config *config = ks_config_new();

    assert_int_equal(ks_config_set(config, "num.stream.threads", "2", &error), KS_OK);
    assert_int_equal(ks_config_set(config, "num.stream.threads", "4", &error), KS_OK);
    assert_string_equal(ks_config_get(config, "num.stream.threads"), "4");
    assert_string_equal(ks_config_get(config, "poll.ms"), "100");
    ks_config_free(config);
}

static void a_misspelt_property_is_refused_with_the_right_name(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_config *config = ks_config_new();

    assert_int_equal(ks_config_set(config, "comit.interval.ms", "100", &error), KS_E_CONFIG);
    assert_non_null(strstr(error.message, "commit.interval.ms"));
    ks_config_free(config);
}

static void a_value_out_of_range_is_refused(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_config *config = ks_config_new();

    assert_int_equal(ks_config_set(config, "processing.guarantee", "exactly_twice", &error),
                     KS_E_CONFIG);
    assert_non_null(strstr(error.message, "exactly_once_v2"));
    ks_config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_of_the_guide_is_read),
        cmocka_unit_test(what_is_set_later_wins_and_what_is_not_set_has_its_default),
        cmocka_unit_test(a_misspelt_property_is_refused_with_the_right_name),
        cmocka_unit_test(a_value_out_of_range_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
