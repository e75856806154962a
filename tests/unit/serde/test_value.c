/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_value.c - values: kinds, equality and text as Java's, copies, wrong accessors.
 */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "serde/mismatch.h"
#include <kstreams/serde.h>

static const uint8_t one_uuid[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255};

static ks_serde own_serde(const char *name)
{
    return (ks_serde){.struct_size = sizeof(ks_serde), .name = name, .kind = KS_KIND_OBJECT};
}

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

static void assert_text(ks_slice slice, const char *text)
{
    assert_non_null(slice.data);
    assert_int_equal(slice.size, strlen(text));
    assert_memory_equal(slice.data, text, slice.size);
}

/* ---- kinds and equality ---------------------------------------------------------------------- */

static void every_kind_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int a = KS_KIND_NULL; a <= KS_KIND_RESERVED; a++) {
        for (int b = KS_KIND_NULL; b < a; b++) {
            assert_string_not_equal(ks_kind_name((ks_kind)a), ks_kind_name((ks_kind)b));
        }
    }
    assert_string_equal(ks_kind_name(KS_KIND_TEXT), "text");
    assert_string_equal(ks_kind_name((ks_kind)200), ks_kind_name(KS_KIND_RESERVED));
}

static void values_are_equal_by_kind_and_content(void **state)
{
    (void)state;
    char elsewhere[] = "abc";
    assert_true(ks_value_equal(ks_null(), ks_null()));
    assert_true(ks_value_equal(ks_text_of("abc"), ks_text_of(elsewhere)));
    assert_true(ks_value_equal(ks_i16(-1), ks_i16(-1)));
    assert_false(ks_value_equal(ks_text_of("abc"), ks_text_of("abd")));
    assert_false(ks_value_equal(ks_text_of("abc"), ks_text_of("abcd")));
    assert_false(ks_value_equal(ks_text_of(""), ks_null()));
    assert_false(ks_value_equal(ks_text_of("abc"), ks_bytes(ks_slice_cstr("abc"))));
    assert_false(ks_value_equal(ks_i32(1), ks_i64(1)));
    assert_false(ks_value_equal(ks_bool(true), ks_bool(false)));
}

static void uuids_are_equal_by_their_bytes(void **state)
{
    (void)state;
    uint8_t copy[16];
    memcpy(copy, one_uuid, sizeof copy);
    assert_true(ks_value_equal(ks_uuid(one_uuid), ks_uuid(copy)));
    copy[15] = 0;
    assert_false(ks_value_equal(ks_uuid(one_uuid), ks_uuid(copy)));
}

static void floating_point_numbers_are_equal_as_in_java(void **state)
{
    (void)state;
    assert_true(ks_value_equal(ks_f64(NAN), ks_f64(-NAN)));
    assert_true(ks_value_equal(ks_f32(NAN), ks_f32(-NAN)));
    assert_false(ks_value_equal(ks_f64(0.0), ks_f64(-0.0)));
    assert_false(ks_value_equal(ks_f32(0.0F), ks_f32(-0.0F)));
    assert_true(ks_value_equal(ks_f64(0.1), ks_f64(0.1)));
    assert_false(ks_value_equal(ks_f64(NAN), ks_f64(1)));
}

static void windowed_keys_are_equal_by_key_and_bounds(void **state)
{
    (void)state;
    ks_windowed a = {.key = ks_text_of("k"), .start = 1, .end = 2};
    ks_windowed b = a;
    assert_true(ks_value_equal(ks_windowed_value(&a), ks_windowed_value(&b)));
    b.end = 3;
    assert_false(ks_value_equal(ks_windowed_value(&a), ks_windowed_value(&b)));
    b = a;
    b.start = 0;
    assert_false(ks_value_equal(ks_windowed_value(&a), ks_windowed_value(&b)));
    b = a;
    b.key = ks_text_of("l");
    assert_false(ks_value_equal(ks_windowed_value(&a), ks_windowed_value(&b)));
    assert_false(ks_value_equal(ks_windowed_value(&a), a.key));
}

static void objects_are_equal_when_they_are_the_same(void **state)
{
    (void)state;
    ks_serde serde = own_serde("a");
    int payloads[2] = {7, 7};
    ks_object a = {.serde = &serde, .payload = &payloads[0]};
    ks_object again = a;
    ks_object b = {.serde = &serde, .payload = &payloads[1]};
    assert_true(ks_value_equal(ks_object_value(&a), ks_object_value(&again)));
    assert_false(ks_value_equal(ks_object_value(&a), ks_object_value(&b)));
}

/* ---- copies ---------------------------------------------------------------------------------- */

static void a_copy_outlives_the_bytes_it_was_made_from(void **state)
{
    char text[] = "text";
    uint8_t uuid[16];
    memcpy(uuid, one_uuid, sizeof uuid);
    ks_windowed windowed = {.key = ks_text_of(text), .start = 5, .end = 9};
    ks_value copies[] = {ks_value_copy(*state, ks_text_of(text)),
                         ks_value_copy(*state, ks_bytes(ks_slice_cstr(text))),
                         ks_value_copy(*state, ks_uuid(uuid)),
                         ks_value_copy(*state, ks_windowed_value(&windowed))};
    memset(text, 'X', sizeof text - 1);
    memset(uuid, 0, sizeof uuid);
    windowed = (ks_windowed){.key = ks_null()};
    assert_true(ks_value_equal(copies[0], ks_text_of("text")));
    assert_true(ks_value_equal(copies[1], ks_bytes(ks_slice_cstr("text"))));
    assert_true(ks_value_equal(copies[2], ks_uuid(one_uuid)));
    ks_windowed wanted = {.key = ks_text_of("text"), .start = 5, .end = 9};
    assert_true(ks_value_equal(copies[3], ks_windowed_value(&wanted)));
}

static void a_copied_object_keeps_its_payload(void **state)
{
    ks_serde serde = own_serde("a");
    int payload = 7;
    ks_object object = {.serde = &serde, .payload = &payload};
    ks_value copy = ks_value_copy(*state, ks_object_value(&object));
    object = (ks_object){0};
    assert_ptr_equal(ks_value_object(copy, &serde), &payload);
}

static void a_new_object_is_zeroed_and_knows_its_serde(void **state)
{
    ks_serde serde = own_serde("a");
    const uint64_t zeros[4] = {0};
    ks_value value;
    memset(ks_arena_alloc(*state, 256), 0xAB, 256);
    ks_arena_reset(*state);
    void *payload = ks_object_new(*state, &serde, sizeof zeros, &value);
    assert_memory_equal(payload, zeros, sizeof zeros);
    assert_int_equal(ks_value_kind(value), KS_KIND_OBJECT);
    assert_ptr_equal(ks_value_object(value, &serde), payload);
    assert_null(ks_value_object(ks_null(), &serde));
}

static void copies_of_numbers_null_and_internal_kinds_are_the_same_bits(void **state)
{
    ks_value values[] = {ks_null(), ks_bool(true), ks_i64(INT64_MIN), ks_f64(-0.0),
                         ks_value_make((ks_kind)(KS_KIND_RESERVED + 1), 0x1234, 0)};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        ks_value copy = ks_value_copy(*state, values[i]);
        assert_memory_equal(&copy, &values[i], sizeof copy);
    }
}

static void empty_text_stays_text(void **state)
{
    ks_value copy = ks_value_copy(*state, ks_text_of(""));
    assert_int_equal(ks_value_kind(copy), KS_KIND_TEXT);
    assert_non_null(ks_value_text(copy).data);
}

/* ---- text ------------------------------------------------------------------------------------ */

static void values_print_as_in_java(void **state)
{
    ks_arena *arena = *state;
    assert_text(ks_value_to_text(arena, ks_null()), "null");
    assert_text(ks_value_to_text(arena, ks_bool(true)), "true");
    assert_text(ks_value_to_text(arena, ks_bool(false)), "false");
    assert_text(ks_value_to_text(arena, ks_i16(-32768)), "-32768");
    assert_text(ks_value_to_text(arena, ks_i32(INT32_MIN)), "-2147483648");
    assert_text(ks_value_to_text(arena, ks_i64(INT64_MIN)), "-9223372036854775808");
    assert_text(ks_value_to_text(arena, ks_f32(0.1F)), "0.1");
    assert_text(ks_value_to_text(arena, ks_f64(1e10)), "1.0E10");
    assert_text(ks_value_to_text(arena, ks_f64(-0.0)), "-0.0");
    assert_text(ks_value_to_text(arena, ks_uuid(one_uuid)), "00010203-0405-0607-0809-0a0b0c0d0eff");
    assert_text(ks_value_to_text(arena, ks_text_of("z\xc3\xbcrich")), "z\xc3\xbcrich");
    assert_text(ks_value_to_text(arena, ks_text_of("")), "");
}

static void bytes_print_as_hex(void **state)
{
    assert_text(ks_value_to_text(*state, ks_bytes(ks_slice_of("\x00\x0f\xff", 3))), "hex:000fff");
    assert_text(ks_value_to_text(*state, ks_bytes(ks_slice_of("", 0))), "hex:");
}

static void windowed_keys_print_with_their_bounds(void **state)
{
    ks_windowed inner = {.key = ks_text_of("k"), .start = 0, .end = 5000};
    ks_windowed outer = {.key = ks_windowed_value(&inner), .start = -1, .end = INT64_MAX};
    assert_text(ks_value_to_text(*state, ks_windowed_value(&inner)), "[k@0/5000]");
    assert_text(ks_value_to_text(*state, ks_windowed_value(&outer)),
                "[[k@0/5000]@-1/9223372036854775807]");
}

static void objects_print_the_name_of_their_serde(void **state)
{
    ks_serde serde = own_serde("payment");
    ks_object object = {.serde = &serde, .payload = NULL};
    assert_text(ks_value_to_text(*state, ks_object_value(&object)), "object of payment");
}

/* ---- wrong accessors ------------------------------------------------------------------------- */

typedef struct told {
    int count;
    char last[256];
} told;

static void remember(void *owner, const char *message)
{
    told *all = owner;
    all->count++;
    (void)snprintf(all->last, sizeof all->last, "%s", message);
}

static void a_wrong_accessor_tells_the_handler_and_answers_zero(void **state)
{
    (void)state;
    told all = {0};
    ksi_mismatch_handler before = ksi_value_on_mismatch(remember, &all);
    assert_int_equal(ks_value_i64(ks_text_of("7")), 0);
    assert_non_null(strstr(all.last, "kind text was read as i64"));
    assert_true(ks_value_f64(ks_i64(7)) == 0);
    assert_null(ks_value_text(ks_i64(7)).data);
    assert_null(ks_value_uuid(ks_null()));
    assert_null(ks_value_windowed(ks_bool(true)));
    assert_false(ks_value_bool(ks_i32(1)));
    assert_int_equal(all.count, 6);
    ksi_mismatch_handler mine = ksi_value_on_mismatch(before.fn, before.owner);
    assert_ptr_equal(mine.owner, &all);
}

static void null_is_no_wrong_text_bytes_or_object(void **state)
{
    (void)state;
    told all = {0};
    ks_serde serde = own_serde("a");
    ksi_mismatch_handler before = ksi_value_on_mismatch(remember, &all);
    assert_null(ks_value_text(ks_null()).data);
    assert_null(ks_value_bytes(ks_null()).data);
    assert_null(ks_value_object(ks_null(), &serde));
    ksi_value_on_mismatch(before.fn, before.owner);
    assert_int_equal(all.count, 0);
}

static void an_object_of_another_serde_is_a_mismatch(void **state)
{
    (void)state;
    told all = {0};
    ks_serde mine = own_serde("payment");
    ks_serde other = own_serde("order");
    int payload = 7;
    ks_object object = {.serde = &mine, .payload = &payload};
    ksi_mismatch_handler before = ksi_value_on_mismatch(remember, &all);
    assert_ptr_equal(ks_value_object(ks_object_value(&object), &mine), &payload);
    assert_int_equal(all.count, 0);
    assert_null(ks_value_object(ks_object_value(&object), &other));
    assert_int_equal(all.count, 1);
    assert_non_null(strstr(all.last, "the serde payment was read as one of the serde order"));
    assert_null(ks_value_object(ks_i64(1), &other));
    assert_int_equal(all.count, 2);
    ksi_value_on_mismatch(before.fn, before.owner);
}

static void *handler_of_a_new_thread(void *unused)
{
    (void)unused;
    ksi_mismatch_handler before = ksi_value_on_mismatch(NULL, NULL);
    return before.fn == NULL ? NULL : before.owner;
}

static void the_handler_belongs_to_its_thread(void **state)
{
    (void)state;
    told all = {0};
    ksi_mismatch_handler before = ksi_value_on_mismatch(remember, &all);
    pthread_t thread;
    void *found = &all;
    assert_int_equal(pthread_create(&thread, NULL, handler_of_a_new_thread, NULL), 0);
    assert_int_equal(pthread_join(thread, &found), 0);
    assert_null(found);
    assert_ptr_equal(ksi_value_on_mismatch(before.fn, before.owner).owner, &all);
}

static void outside_callbacks_a_wrong_accessor_aborts_and_says_why(void **state)
{
    (void)state;
    int output[2];
    assert_int_equal(pipe(output), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit no_core = {0};
        (void)setrlimit(RLIMIT_CORE, &no_core);
        (void)signal(SIGABRT, SIG_DFL);
        (void)dup2(output[1], STDERR_FILENO);
        (void)ks_value_i64(ks_text_of("7"));
        _exit(0);
    }
    assert_int_equal(close(output[1]), 0);
    char text[512] = "";
    size_t used = 0;
    for (ssize_t got = 1; got > 0 && used < sizeof text - 1; used += (size_t)got) {
        got = read(output[0], text + used, sizeof text - 1 - used);
        assert_true(got >= 0);
    }
    assert_int_equal(close(output[0]), 0);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_non_null(strstr(text, "a value of kind text was read as i64"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_has_a_name_of_its_own),
        cmocka_unit_test(values_are_equal_by_kind_and_content),
        cmocka_unit_test(uuids_are_equal_by_their_bytes),
        cmocka_unit_test(floating_point_numbers_are_equal_as_in_java),
        cmocka_unit_test(windowed_keys_are_equal_by_key_and_bounds),
        cmocka_unit_test(objects_are_equal_when_they_are_the_same),
        cmocka_unit_test(a_copy_outlives_the_bytes_it_was_made_from),
        cmocka_unit_test(a_copied_object_keeps_its_payload),
        cmocka_unit_test(a_new_object_is_zeroed_and_knows_its_serde),
        cmocka_unit_test(copies_of_numbers_null_and_internal_kinds_are_the_same_bits),
        cmocka_unit_test(empty_text_stays_text),
        cmocka_unit_test(values_print_as_in_java),
        cmocka_unit_test(bytes_print_as_hex),
        cmocka_unit_test(windowed_keys_print_with_their_bounds),
        cmocka_unit_test(objects_print_the_name_of_their_serde),
        cmocka_unit_test(a_wrong_accessor_tells_the_handler_and_answers_zero),
        cmocka_unit_test(null_is_no_wrong_text_bytes_or_object),
        cmocka_unit_test(an_object_of_another_serde_is_a_mismatch),
        cmocka_unit_test(the_handler_belongs_to_its_thread),
        cmocka_unit_test(outside_callbacks_a_wrong_accessor_aborts_and_says_why),
    };
    return cmocka_run_group_tests(tests, arena_setup, arena_teardown);
}
