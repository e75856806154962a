/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_commit_metadata.c - the text beside a committed offset, byte for byte as Kafka Streams 4.3.1
 * writes it: recorded from TopicPartitionMetadata#encode and #decode.
 */
#include "runtime/commit_metadata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
    int64_t time;
    const char *text;
} recorded[] = {
    {-1, "Av//////////"},
    {0, "AgAAAAAAAAAA"},
    {1, "AgAAAAAAAAAB"},
    {255, "AgAAAAAAAAD/"},
    {1700000000000, "AgAAAYvP5WgA"},
    {4102444800123, "AgAAA7ssw9h7"},
    {INT64_MAX, "An//////////"},
    {INT64_MIN, "AoAAAAAAAAAA"},
};

static void texts_are_java_s(void **state)
{
    (void)state;
    ks_arena arena;
    ksi_arena_init(&arena, 0);
    for (size_t i = 0; i < sizeof recorded / sizeof recorded[0]; i++) {
        ks_slice text = ksi_commit_metadata_encode(recorded[i].time, &arena);
        assert_true(ks_slice_equal(text, ks_slice_cstr(recorded[i].text)));
        assert_int_equal(ksi_commit_metadata_decode(text), recorded[i].time);
    }
    ksi_arena_destroy(&arena);
}

static void what_a_processor_of_java_put_there_is_passed_over(void **state)
{
    (void)state;
    ks_slice text = ks_slice_cstr("AgAAAAAAAAAHAAAAAQAAAANrZXkAAAAAAAAABQ=="); /* key = 5 */
    assert_int_equal(ksi_commit_metadata_decode(text), 7);
}

static void the_first_version_has_no_more_than_the_time(void **state)
{
    (void)state;
    assert_int_equal(ksi_commit_metadata_decode(ks_slice_cstr("AQAAAAAAAAAF")), 5);
}

static void what_is_not_understood_says_no_time(void **state)
{
    (void)state;
    assert_int_equal(ksi_commit_metadata_decode(ks_slice_null()), -1);
    assert_int_equal(ksi_commit_metadata_decode(ks_slice_cstr("")), -1);
    assert_int_equal(ksi_commit_metadata_decode(ks_slice_cstr("AwAAAAAAAAAF")), -1); /* version 3 */
    assert_int_equal(ksi_commit_metadata_decode(ks_slice_cstr("???")), -1);
    assert_int_equal(ksi_commit_metadata_decode(ks_slice_cstr("AgAAAAAAAAA")), -1); /* cut off */
    assert_int_equal(ksi_commit_metadata_decode(ks_slice_cstr("AgAAAA AAAAAF")), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_java_s),
        cmocka_unit_test(what_a_processor_of_java_put_there_is_passed_over),
        cmocka_unit_test(the_first_version_has_no_more_than_the_time),
        cmocka_unit_test(what_is_not_understood_says_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
