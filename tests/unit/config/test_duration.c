/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_duration.c - durations are read as java.time.Duration reads them, without signs.
 */
#include "config/duration.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void assert_ms(const char *text, int64_t expected)
{
    int64_t milliseconds = -1;
    if (!ksi_duration_ms(text, &milliseconds) || milliseconds != expected) {
        fail_msg("%s is %lld", text, (long long)milliseconds);
    }
}

static void days_and_parts_of_them_are_added_up(void **state)
{
    (void)state;
    assert_ms("P1D", 86400000);
    assert_ms("PT1H", 3600000);
    assert_ms("PT90M", 5400000);
    assert_ms("PT15S", 15000);
    assert_ms("PT0.5S", 500);
    assert_ms("PT1.2345S", 1234);
    assert_ms("P2DT3H4M5.006S", INT64_C(183845006));
    assert_ms("PT0S", 0);
    assert_ms("P100000000000D", INT64_C(8640000000000000000));
}

static void what_is_no_duration_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "P",
                                        "PT",
                                        "1D",
                                        "P1",
                                        "P1H",
                                        "PT1D",
                                        "P1DT",
                                        "P1Y",
                                        "P1M",
                                        "PT1",
                                        "PT1S1M",
                                        "P-1D",
                                        "-P1D",
                                        "+P1D",
                                        "PT1.S",
                                        "PT.5S",
                                        "P1D ",
                                        "p1d",
                                        "PT1.5M",
                                        "PT1S2S",
                                        "1h",
                                        "PT1H1H",
                                        "P1.5D",
                                        "P1000000000000D",
                                        "P100000000000DT999999999999999H"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        int64_t milliseconds = 0;
        if (ksi_duration_ms(wrong[i], &milliseconds)) {
            fail_msg("'%s' was taken for %lld", wrong[i], (long long)milliseconds);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_and_parts_of_them_are_added_up),
        cmocka_unit_test(what_is_no_duration_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
