/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_uuid.c - texts are UUIDs exactly when java.util.UUID.fromString() takes them.
 */
#include "serde/uuid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

typedef struct reading {
    const char *text;
    const char *uuid; /* NULL: refused */
} reading;

/* Written by Java: the text, and UUID.fromString(text).toString(). */
static const reading readings[] = {
    {"123e4567-e89b-12d3-a456-426614174000", "123e4567-e89b-12d3-a456-426614174000"},
    {"123E4567-E89B-12D3-A456-426614174000", "123e4567-e89b-12d3-a456-426614174000"},
    {"00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000000"},
    {"ffffffff-ffff-ffff-ffff-ffffffffffff", "ffffffff-ffff-ffff-ffff-ffffffffffff"},
    {"1-2-3-4-5", "00000001-0002-0003-0004-000000000005"},
    {"+1-+2-+3-+4-+5", "00000001-0002-0003-0004-000000000005"},
    {"123456789-12345-12345-12345-1234567", "23456789-2345-2345-2345-000001234567"},
    {"7fffffffffffffff-0-0-0-0", "ffffffff-0000-0000-0000-000000000000"},
    {"0-0-0-0-8000000000000000", NULL},
    {"0-0-0-0-7fffffffffffffff", "00000000-0000-0000-0000-ffffffffffff"},
    {"0000000000000000000000000001-1-1-1-1", "00000001-0001-0001-0001-000000000001"},
    {"000000000000000000000000000001-1-1-1", NULL},
    {"", NULL},
    {"-", NULL},
    {"----", NULL},
    {"1-2-3-4", NULL},
    {"1-2-3-4-5-6", NULL},
    {"1-2-3-4-", NULL},
    {"-1-2-3-4", NULL},
    {"1--2-3-4", NULL},
    {"1-2-3-4-g", NULL},
    {" 1-2-3-4-5", NULL},
    {"1-2-3-4-5 ", NULL},
    {"1-2-3-4-+", NULL},
    {"1-2-3-4-1+", NULL},
    {"123e4567-e89b-12d3-a456-4266141740000", NULL},
    {"123e4567e89b12d3a456426614174000", NULL},
    {"\331\241-\357\274\222-\340\245\251-\357\274\241-\357\275\206",
     "00000001-0002-0003-000a-00000000000f"},
    {"\360\235\237\217-2-3-4-5", NULL},
    {"\357\274\247-2-3-4-5", NULL},
    {"1-2-3-4-\302\262", NULL},
    {"{123e4567-e89b-12d3-a456-42661417400}", NULL},
    {"+23e4567-e89b-12d3-a456-426614174000", "023e4567-e89b-12d3-a456-426614174000"},
    {"\331\240\331\240\331\240\331\240\331\240\331\240\331\240\331\241"
     "-\331\240\331\240\331\240\331\242-\331\240\331\240\331\240"
     "\331\243-\331\240\331\240\331\240\331\244-\331\240\331\240"
     "\331\240\331\240\331\240\331\240\331\240\331\240\331\240\331\240"
     "\331\240\331\245",
     "00000001-0002-0003-0004-000000000005"},
};

static void texts_are_read_as_in_java(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof readings / sizeof *readings; i++) {
        uint8_t uuid[KSI_UUID_SIZE];
        bool is_uuid = ksi_uuid_from_text(ks_slice_cstr(readings[i].text), uuid);
        assert_int_equal(is_uuid, readings[i].uuid != NULL);
        if (is_uuid) {
            char text[KSI_UUID_TEXT_SIZE + 1] = {0};
            ksi_uuid_to_text(uuid, text);
            assert_string_equal(text, readings[i].uuid);
        }
    }
}

static void malformed_utf8_is_no_uuid(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "1-2-3-4-\xd9",         "1-2-3-4-\xef\xbc", "1-2-3-4-\xd9\x41",     "1-2-3-4-\xc0\xb5",
        "1-2-3-4-\xe0\x80\xb5", "1-2-3-4-\xb5",     "1-2-3-4-5\xef\xbc\xff"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        uint8_t uuid[KSI_UUID_SIZE];
        assert_false(ksi_uuid_from_text(ks_slice_cstr(texts[i]), uuid));
    }
}

static void every_uuid_reads_back_from_its_text(void **state)
{
    (void)state;
    unsigned seed = 4711;
    print_message("seed %u\n", seed);
    srandom(seed);
    for (int i = 0; i < 2000; i++) {
        uint8_t uuid[KSI_UUID_SIZE];
        for (size_t j = 0; j < sizeof uuid; j++) {
            uuid[j] = (uint8_t)(random() >> 7);
        }
        char text[KSI_UUID_TEXT_SIZE];
        uint8_t again[KSI_UUID_SIZE];
        ksi_uuid_to_text(uuid, text);
        assert_true(ksi_uuid_from_text(ks_slice_of(text, sizeof text), again));
        assert_memory_equal(uuid, again, sizeof uuid);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_read_as_in_java),
        cmocka_unit_test(malformed_utf8_is_no_uuid),
        cmocka_unit_test(every_uuid_reads_back_from_its_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
