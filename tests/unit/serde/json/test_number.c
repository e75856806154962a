/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_number.c - the numbers of JSON as exact decimals.
 */
#include "serde/json/number.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static ksi_json_decimal decimal_of(const char *text)
{
    ksi_json_decimal decimal;
    if (!ksi_json_decimal_of(ks_slice_cstr(text), &decimal)) {
        fail_msg("not read: %s", text);
    }
    return decimal;
}

static void assert_scaled(const char *text, int32_t places, uint64_t wanted)
{
    uint64_t magnitude;
    assert_int_equal(ksi_json_decimal_scale(decimal_of(text), places, &magnitude), KSI_JSON_SCALED);
    assert_true(magnitude == wanted);
}

static void assert_unscaled(const char *text, int32_t places, ksi_json_scaling wanted)
{
    uint64_t magnitude;
    assert_int_equal(ksi_json_decimal_scale(decimal_of(text), places, &magnitude), wanted);
}

static void what_is_a_number_in_other_languages_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",    "-",   "+1",   "01",    "-01",   "1.",      ".1",
                                        "1e",  "1e+", "1.e1", "0x1",   "1 ",    " 1",      "1,5",
                                        "1_0", "NaN", "--1",  "1e1.5", "1e1e1", "Infinity"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        ksi_json_decimal decimal;
        if (ksi_json_decimal_of(ks_slice_cstr(texts[i]), &decimal)) {
            fail_msg("read: %s", texts[i]);
        }
    }
}

static void equal_numbers_are_equal_however_they_are_written(void **state)
{
    (void)state;
    assert_scaled("1250", 0, 1250);
    assert_scaled("1250.000", 0, 1250);
    assert_scaled("1.25e3", 0, 1250);
    assert_scaled("125000E-2", 0, 1250);
    assert_scaled("12.5", 2, 1250);
    assert_scaled("-0.0", 9, 0);
    assert_scaled("0e999999999", 2, 0);
    assert_true(decimal_of("-0").is_negative);
}

static void all_of_64_bits_is_kept_and_nothing_more(void **state)
{
    (void)state;
    assert_scaled("18446744073709551615", 0, UINT64_MAX);
    assert_scaled("184467440737095516.15", 2, UINT64_MAX);
    assert_scaled("0.0000000000000000000000000018446744073709551615", 46, UINT64_MAX);
    assert_scaled("1000000000000000000.000000000000000000000000", 0, UINT64_C(1000000000000000000));
    assert_unscaled("18446744073709551616", 0, KSI_JSON_TOO_LARGE);
    assert_unscaled("100000000000000000000", 0, KSI_JSON_TOO_LARGE);
    assert_unscaled("1e20", 0, KSI_JSON_TOO_LARGE);
    assert_unscaled("1e999999999999", 0, KSI_JSON_TOO_LARGE);
}

static void digits_are_never_rounded_away(void **state)
{
    (void)state;
    assert_unscaled("0.001", 2, KSI_JSON_TOO_MANY_PLACES);
    assert_unscaled("1e-999999999999", 2, KSI_JSON_TOO_MANY_PLACES);
    assert_unscaled("1.00000000000000000000000000000001", 2, KSI_JSON_TOO_MANY_PLACES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_a_number_in_other_languages_is_refused),
        cmocka_unit_test(equal_numbers_are_equal_however_they_are_written),
        cmocka_unit_test(all_of_64_bits_is_kept_and_nothing_more),
        cmocka_unit_test(digits_are_never_rounded_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
