/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_timestamp.c - the built-in timestamp extractors.
 */
#include <kstreams/options.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static ks_status extract(const ks_timestamp_extractor *extractor, int64_t timestamp,
                         int64_t partition_time, int64_t *result, ks_error *error)
{
    const ks_source_record record = {.topic = "in",
                                     .partition = 2,
                                     .offset = 17,
                                     .record = {.timestamp = timestamp},
                                     .wall_clock_ms = 5000};
    *error = (ks_error){0};
    return extractor->extract(extractor, &record, partition_time, result, error);
}

static void valid_timestamps_pass_all_but_the_wall_clock(void **state)
{
    (void)state;
    static const ks_timestamp_extractor *const all[] = {
        &ks_timestamp_fail_on_invalid, &ks_timestamp_log_and_skip_on_invalid,
        &ks_timestamp_use_partition_time_on_invalid};
    static const int64_t times[] = {0, 1, INT64_MAX};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(all[i]->struct_size, sizeof *all[i]);
        for (size_t t = 0; t < 3; t++) {
            ks_error error;
            int64_t result = -9;
            assert_int_equal(extract(all[i], times[t], 33, &result, &error), KS_OK);
            assert_int_equal(result, times[t]);
        }
    }
}

static void a_negative_timestamp_fails_by_default(void **state)
{
    (void)state;
    ks_error error;
    int64_t result = 0;
    assert_int_equal(extract(&ks_timestamp_fail_on_invalid, -1, 33, &result, &error),
                     KS_E_TIMESTAMP);
    assert_string_equal(error.where, "in");
    assert_non_null(strstr(error.message, "partition 2 offset 17"));
    assert_non_null(strstr(error.message, "-1"));
}

static void a_negative_timestamp_can_be_handed_on_to_be_skipped(void **state)
{
    (void)state;
    ks_error error;
    int64_t result = 0;
    assert_int_equal(extract(&ks_timestamp_log_and_skip_on_invalid, -7, 33, &result, &error),
                     KS_OK);
    assert_int_equal(result, -7);
}

static void a_negative_timestamp_can_become_that_of_the_partition(void **state)
{
    (void)state;
    ks_error error;
    int64_t result = 0;
    const ks_timestamp_extractor *extractor = &ks_timestamp_use_partition_time_on_invalid;
    assert_int_equal(extract(extractor, -1, 33, &result, &error), KS_OK);
    assert_int_equal(result, 33);
    assert_int_equal(extract(extractor, -1, 0, &result, &error), KS_OK);
    assert_int_equal(result, 0);
    assert_int_equal(extract(extractor, -1, -1, &result, &error), KS_E_TIMESTAMP);
    assert_non_null(strstr(error.message, "offset 17"));
}

static void the_wall_clock_does_not_look_at_the_record(void **state)
{
    (void)state;
    ks_error error;
    int64_t result = 0;
    assert_int_equal(extract(&ks_timestamp_wallclock, -1, 33, &result, &error), KS_OK);
    assert_int_equal(result, 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_timestamps_pass_all_but_the_wall_clock),
        cmocka_unit_test(a_negative_timestamp_fails_by_default),
        cmocka_unit_test(a_negative_timestamp_can_be_handed_on_to_be_skipped),
        cmocka_unit_test(a_negative_timestamp_can_become_that_of_the_partition),
        cmocka_unit_test(the_wall_clock_does_not_look_at_the_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
