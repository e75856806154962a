/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_time.c - dates and moments as text, each day of the years 0000 to 9999.
 */
#include "serde/json/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static void every_day_is_that_of_the_c_library(void **state)
{
    (void)state;
    for (int32_t day = -719528; day <= 2932896; day++) {
        char text[KSI_JSON_TIME_SIZE];
        char wanted[64];
        struct tm civil;
        time_t seconds = (time_t)day * 86400;
        int32_t back;
        size_t size = ksi_json_date_text(day, text);
        (void)gmtime_r(&seconds, &civil);
        (void)snprintf(wanted, sizeof wanted, "%04d-%02d-%02d", civil.tm_year + 1900,
                       civil.tm_mon + 1, civil.tm_mday);
        assert_int_equal(size, 10);
        assert_memory_equal(text, wanted, size);
        assert_true(ksi_json_date_of(ks_slice_of(text, size), &back));
        assert_int_equal(back, day);
    }
}

static void years_of_other_than_four_digits_are_not_written(void **state)
{
    (void)state;
    char text[KSI_JSON_TIME_SIZE];
    assert_int_equal(ksi_json_date_text(-719529, text), 0);
    assert_int_equal(ksi_json_date_text(2932897, text), 0);
    assert_int_equal(ksi_json_date_text(INT32_MIN, text), 0);
    assert_int_equal(ksi_json_moment_text(INT64_MIN, false, 3, text), 0);
    assert_int_equal(ksi_json_moment_text(INT64_MAX, true, 6, text), 0);
}

static int64_t moment_of(const char *text, bool is_local)
{
    int64_t moment;
    if (!ksi_json_moment_of(ks_slice_cstr(text), is_local, 3, &moment)) {
        fail_msg("not read: %s", text);
    }
    return moment;
}

static void zones_are_counted_back_to_utc(void **state)
{
    (void)state;
    assert_int_equal(moment_of("1970-01-01T00:00:00Z", false), 0);
    assert_int_equal(moment_of("1970-01-01T09:00:00+09:00", false), 0);
    assert_int_equal(moment_of("1969-12-31T19:30:00-0430", false), 0);
    assert_int_equal(moment_of("1970-01-01T02:00+02", false), 0);
    assert_int_equal(moment_of("1970-01-01T00:00:00.1239Z", false), 123);
    assert_int_equal(moment_of("1969-12-31T23:59:59.5Z", false), -500);
    assert_int_equal(moment_of("1970-01-01T00:01", true), 60000);
}

static void what_is_no_moment_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "2026-05-21",
        "2026-05-21T",
        "2026-05-21 10:00:00Z",
        "2026-05-21T10Z",
        "2026-05-21T24:00:00Z",
        "2026-05-21T10:60:00Z",
        "2026-05-21T10:00:60Z",
        "2026-05-21T10:00:00.Z",
        "2026-05-21T10:00:00",
        "2026-05-21T10:00:00z",
        "2026-05-21T10:00:00+9",
        "2026-05-21T10:00:00+19:00",
        "2026-05-21T10:00:00+09:",
        "2026-05-21T10:00:00Z ",
        "2026-5-21T10:00:00Z",
        "+2026-05-21T10:00:00Z",
        "2026-00-21T10:00:00Z",
        "2026-13-21T10:00:00Z",
        "2026-04-31T10:00:00Z",
        "2025-02-29T10:00:00Z",
        "1900-02-29T10:00:00Z",
        "2026-05-00T10:00:00Z",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int64_t moment;
        if (ksi_json_moment_of(ks_slice_cstr(texts[i]), false, 3, &moment)) {
            fail_msg("read: %s", texts[i]);
        }
    }
    int64_t moment;
    assert_false(ksi_json_moment_of(ks_slice_cstr("2026-05-21T10:00:00Z"), true, 3, &moment));
    assert_true(ksi_json_moment_of(ks_slice_cstr("2000-02-29T10:00:00Z"), false, 3, &moment));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_day_is_that_of_the_c_library),
        cmocka_unit_test(years_of_other_than_four_digits_are_not_written),
        cmocka_unit_test(zones_are_counted_back_to_utc),
        cmocka_unit_test(what_is_no_moment_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
