/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_windowed.c - serdes of windowed keys write Java's bytes and refuse what is no window.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "serde/windowed.h"

static const ks_serde_ctx at_topic = {.topic = "counts", .is_key = true};
static const ks_serde of_five_seconds = KS_TIME_WINDOWED_SERDE(&ks_serde_string, 5000);
static const ks_serde of_sessions = KS_SESSION_WINDOWED_SERDE(&ks_serde_string);

static int arena_setup(void **state)
{
    *state = ks_arena_new();
    return 0;
}

static int arena_teardown(void **state)
{
    ks_arena_free(*state);
    return 0;
}

static void check_bytes(ks_arena *arena, const ks_serde *serde, ks_windowed windowed,
                        ks_slice expected)
{
    ks_error error = {0};
    ks_slice written = ks_slice_null();
    ks_value read = ks_null();
    const ks_value value = ks_windowed_value(&windowed);
    assert_int_equal(serde->serialize(serde, &at_topic, value, arena, &written, &error), KS_OK);
    assert_true(ks_slice_equal(written, expected));
    assert_int_equal(serde->deserialize(serde, &at_topic, written, arena, &read, &error), KS_OK);
    assert_true(ks_value_equal(read, value));
}

static void check_refused(ks_arena *arena, const ks_serde *serde, ks_slice bytes, const char *words)
{
    ks_error error = {0};
    ks_value read = ks_null();
    assert_int_equal(
        serde->deserialize(serde, &at_topic, ks_arena_copy(arena, bytes), arena, &read, &error),
        KS_E_SERDE);
    assert_string_equal(error.where, "counts");
    assert_non_null(strstr(error.message, words));
}

static void a_time_window_is_the_key_and_its_start(void **state)
{
    check_bytes(*state, &of_five_seconds,
                (ks_windowed){.key = ks_text_of("a"), .start = 5000, .end = 10000},
                ks_slice_of("a\0\0\0\0\0\0\x13\x88", 9));
    check_bytes(*state, &of_five_seconds,
                (ks_windowed){.key = ks_text_of(""), .start = 0, .end = 5000},
                ks_slice_of("\0\0\0\0\0\0\0\0", 8));
}

static void a_session_is_the_key_its_end_and_its_start(void **state)
{
    check_bytes(*state, &of_sessions,
                (ks_windowed){.key = ks_text_of("ab"), .start = 1, .end = 258},
                ks_slice_of("ab\0\0\0\0\0\0\x01\x02\0\0\0\0\0\0\0\x01", 18));
    check_bytes(*state, &of_sessions, (ks_windowed){.key = ks_text_of("x"), .start = 7, .end = 7},
                ks_slice_of("x\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0\x07", 17));
}

static void a_window_without_an_end_ends_with_time(void **state)
{
    const ks_serde *unlimited = ksi_time_windowed_serde(*state, &ks_serde_string, INT64_MAX);
    check_bytes(*state, unlimited,
                (ks_windowed){.key = ks_text_of("a"), .start = 3, .end = INT64_MAX},
                ks_slice_of("a\0\0\0\0\0\0\0\x03", 9));
}

static void bytes_that_are_no_window_are_refused(void **state)
{
    check_refused(*state, &of_five_seconds, ks_slice_of("1234567", 7), "at least 8 bytes");
    check_refused(*state, &of_sessions, ks_slice_of("123456789012345", 15), "at least 16 bytes");
    check_refused(*state, &of_five_seconds, ks_slice_of("k\xff\0\0\0\0\0\0\0", 9), "no window");
    check_refused(*state, &of_sessions, ks_slice_of("k\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02", 17),
                  "no window");
    check_refused(*state, &of_sessions, ks_slice_of("k\0\0\0\0\0\0\0\x01\xff\0\0\0\0\0\0\x02", 17),
                  "no window");
}

static void what_is_no_windowed_key_is_not_written(void **state)
{
    ks_error error = {0};
    ks_slice written = ks_slice_null();
    const ks_windowed of_null = {.key = ks_null(), .start = 0, .end = 5000};
    const ks_windowed of_number = {.key = ks_i64(1), .start = 0, .end = 5000};
    assert_int_equal(ks_time_windowed_serialize(&of_five_seconds, &at_topic, ks_text_of("a"),
                                                *state, &written, &error),
                     KS_E_SERDE);
    assert_non_null(strstr(error.message, "kind text"));
    assert_int_equal(ks_session_windowed_serialize(&of_sessions, &at_topic,
                                                   ks_windowed_value(&of_null), *state, &written,
                                                   &error),
                     KS_E_SERDE);
    assert_non_null(strstr(error.message, "key null"));
    assert_int_equal(ks_time_windowed_serialize(&of_five_seconds, &at_topic,
                                                ks_windowed_value(&of_number), *state, &written,
                                                &error),
                     KS_E_SERDE);
}

static void a_serde_that_is_not_known_gives_none(void **state)
{
    assert_null(ksi_time_windowed_serde(*state, NULL, 5));
    assert_null(ksi_session_windowed_serde(*state, NULL));
}

static void a_windowed_serde_says_what_is_in_the_window(void **state)
{
    const ks_serde *sessions = ksi_session_windowed_serde(*state, &ks_serde_i64);
    assert_ptr_equal(ksi_windowed_inner(sessions), &ks_serde_i64);
    assert_ptr_equal(ksi_windowed_inner(&of_five_seconds), &ks_serde_string);
    assert_null(ksi_windowed_inner(&ks_serde_string));
    assert_int_equal(ksi_windowed_bounds_size(sessions), 16);
    assert_int_equal(ksi_windowed_bounds_size(&of_five_seconds), 8);
    assert_int_equal(ksi_windowed_bounds_size(&ks_serde_i64), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, arena_setup, arena_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_time_window_is_the_key_and_its_start),
        TEST(a_session_is_the_key_its_end_and_its_start),
        TEST(a_window_without_an_end_ends_with_time),
        TEST(bytes_that_are_no_window_are_refused),
        TEST(what_is_no_windowed_key_is_not_written),
        TEST(a_serde_that_is_not_known_gives_none),
        TEST(a_windowed_serde_says_what_is_in_the_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
