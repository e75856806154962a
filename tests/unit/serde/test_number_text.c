/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_number_text.c - doubles and floats print as Java prints them.
 */
#include "serde/number_text.h"

#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "number_vectors.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

static void check_f64(const f64_text *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char text[KSI_NUMBER_TEXT_SIZE];
        double number;
        memcpy(&number, &rows[i].bits, sizeof number);
        size_t size = ksi_f64_to_text(number, text);
        assert_string_equal(text, rows[i].text);
        assert_int_equal(size, strlen(rows[i].text));
    }
}

static void check_f32(const f32_text *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char text[KSI_NUMBER_TEXT_SIZE];
        float number;
        memcpy(&number, &rows[i].bits, sizeof number);
        size_t size = ksi_f32_to_text(number, text);
        assert_string_equal(text, rows[i].text);
        assert_int_equal(size, strlen(rows[i].text));
    }
}

static void doubles_print_as_in_java(void **state)
{
    (void)state;
    assert_true(COUNT(f64_texts) > 300);
    check_f64(f64_texts, COUNT(f64_texts));
    check_f64(f64_texts_since_19, COUNT(f64_texts_since_19));
}

static void floats_print_as_in_java(void **state)
{
    (void)state;
    assert_true(COUNT(f32_texts) > 100);
    check_f32(f32_texts, COUNT(f32_texts));
    check_f32(f32_texts_since_19, COUNT(f32_texts_since_19));
}

static void every_text_reads_back_as_the_same_double(void **state)
{
    (void)state;
    unsigned seed = 20250611;
    print_message("seed %u\n", seed);
    srandom(seed);
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = (uint64_t)random() << 42 ^ (uint64_t)random() << 21 ^ (uint64_t)random();
        double number;
        memcpy(&number, &bits, sizeof number);
        if (isnan(number)) {
            continue;
        }
        char text[KSI_NUMBER_TEXT_SIZE];
        ksi_f64_to_text(number, text);
        double again = strtod(text, NULL);
        assert_memory_equal(&again, &number, sizeof number);
    }
}

static void the_decimal_point_does_not_follow_the_locale(void **state)
{
    (void)state;
    static const char *const with_comma[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE"};
    const char *chosen = NULL;
    for (size_t i = 0; i < COUNT(with_comma) && chosen == NULL; i++) {
        chosen = setlocale(LC_NUMERIC, with_comma[i]);
    }
    if (chosen == NULL) {
        print_message("no locale with a decimal comma is installed\n");
        skip();
    }
    char text[KSI_NUMBER_TEXT_SIZE];
    ksi_f64_to_text(-1234.5625, text);
    (void)setlocale(LC_NUMERIC, "C");
    assert_string_equal(text, "-1234.5625");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_print_as_in_java),
        cmocka_unit_test(floats_print_as_in_java),
        cmocka_unit_test(every_text_reads_back_as_the_same_double),
        cmocka_unit_test(the_decimal_point_does_not_follow_the_locale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
