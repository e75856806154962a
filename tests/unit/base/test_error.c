/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_error.c - errors are filled, prefixed, cut between characters, and read.
 */
#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

static void setting_an_error_fills_every_part_and_returns_the_code(void **state)
{
    (void)state;
    ks_error error = {.flags = KS_ERROR_FATAL};
    assert_int_equal(ksi_error_set(&error, KS_E_CONFIG, "a.property", "%d is not %s", 7, "text"),
                     KS_E_CONFIG);
    assert_int_equal(error.code, KS_E_CONFIG);
    assert_int_equal(error.flags, 0);
    assert_string_equal(error.where, "a.property");
    assert_string_equal(error.message, "7 is not text");
}

static void a_program_fills_an_error_the_same_way(void **state)
{
    (void)state;
    ks_error error = {.flags = KS_ERROR_FATAL};
    assert_int_equal(ks_error_set(&error, KS_E_SERDE, "topic in", "%d bytes", 7), KS_E_SERDE);
    assert_int_equal(error.code, KS_E_SERDE);
    assert_int_equal(error.flags, 0);
    assert_string_equal(error.where, "topic in");
    assert_string_equal(error.message, "7 bytes");
    assert_int_equal(ks_error_set(NULL, KS_E_IO, NULL, "y"), KS_E_IO);
}

static void an_error_may_be_null(void **state)
{
    (void)state;
    assert_int_equal(ksi_error_set(NULL, KS_E_IO, "x", "y"), KS_E_IO);
    ksi_error_prefix(NULL, "x");
    assert_int_not_equal(ksi_error_flag(NULL, KS_ERROR_FATAL), KS_OK);
}

static void where_may_be_null(void **state)
{
    (void)state;
    char text[64];
    ks_error error = {0};
    (void)ksi_error_set(&error, KS_E_IO, NULL, "no disk");
    assert_string_equal(error.where, "");
    assert_string_equal(ks_error_text(&error, text, sizeof text), "KS_E_IO: no disk");
}

/* What printing it writes to standard error. */
static const char *printed(const char *program, const ks_error *error)
{
    static char text[800];
    FILE *file = tmpfile();
    assert_non_null(file);
    (void)fflush(stderr);
    int before = dup(STDERR_FILENO);
    assert_int_equal(dup2(fileno(file), STDERR_FILENO), STDERR_FILENO);
    ks_error_print(program, error);
    (void)fflush(stderr);
    assert_int_equal(dup2(before, STDERR_FILENO), STDERR_FILENO);
    (void)close(before);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    (void)fclose(file);
    return text;
}

static void a_program_prints_an_error_behind_its_name(void **state)
{
    (void)state;
    ks_error error = {0};
    (void)ksi_error_set(&error, KS_E_IO, "topic in", "no disk");
    assert_string_equal(printed("orders", &error), "orders: KS_E_IO at topic in: no disk\n");
    assert_string_equal(printed(NULL, &error), "KS_E_IO at topic in: no disk\n");
    memset(error.where, 'w', sizeof error.where - 1);
    memset(error.message, 'm', sizeof error.message - 1);
    const char *longest = printed("orders", &error);
    assert_int_equal(strlen(longest), strlen("orders: KS_E_IO at : \n") + sizeof error.where - 1 +
                                          sizeof error.message - 1);
}

static void a_prefix_stands_before_the_message(void **state)
{
    (void)state;
    ks_error error = {0};
    (void)ksi_error_set(&error, KS_E_SERDE, "in", "3 bytes");
    ksi_error_prefix(&error, "the %s of topic %s: ", "value", "in");
    assert_string_equal(error.message, "the value of topic in: 3 bytes");
    assert_int_equal(error.code, KS_E_SERDE);
}

static void the_message_may_be_made_of_the_error_itself(void **state)
{
    (void)state;
    ks_error error = {0};
    (void)ksi_error_set(&error, KS_E_SERDE, "first", "inner");
    (void)ksi_error_set(&error, KS_E_PROCESSING, error.message, "%s, outer at %s", error.message,
                        error.where);
    assert_string_equal(error.message, "inner, outer at first");
    assert_string_equal(error.where, "inner");
    ksi_error_prefix(&error, "%s: ", error.message);
    assert_string_equal(error.message, "inner, outer at first: inner, outer at first");
}

static void long_texts_are_cut_between_characters(void **state)
{
    (void)state;
    char many[2 * sizeof((ks_error *)0)->message];
    for (size_t before = 0; before < 4; before++) {
        memset(many, 'x', before);
        for (size_t i = before; i + 4 < sizeof many; i += 4) {
            memcpy(many + i, "\xf0\x9f\x98\x80", 5);
        }
        ks_error error = {0};
        (void)ksi_error_set(&error, KS_E_IO, many, "%s", many);
        size_t size = strlen(error.message);
        assert_true(size < sizeof error.message && size + 4 >= sizeof error.message);
        assert_int_equal((size - before) % 4, 0);
        assert_memory_equal(error.message, many, size);
        assert_int_equal((strlen(error.where) - before) % 4, 0);
    }
}

static void flags_add_up_until_the_next_error(void **state)
{
    (void)state;
    ks_error error = {0};
    (void)ksi_error_set(&error, KS_E_IO, "x", "y");
    assert_int_equal(ksi_error_flag(&error, KS_ERROR_FATAL), KS_E_IO);
    assert_int_equal(ksi_error_flag(&error, KS_ERROR_ABORT), KS_E_IO);
    assert_int_equal(error.flags, KS_ERROR_FATAL | KS_ERROR_ABORT);
    (void)ksi_error_set(&error, KS_E_IO, "x", "y");
    assert_int_equal(error.flags, 0);
}

static void the_text_has_code_place_and_message(void **state)
{
    (void)state;
    char text[128];
    ks_error error = {0};
    assert_string_equal(ks_error_text(&error, text, sizeof text), "KS_OK");
    assert_string_equal(ks_error_text(NULL, text, sizeof text), "KS_OK");
    (void)ksi_error_set(&error, KS_E_TOPOLOGY, "word-counts", "no parent");
    assert_string_equal(ks_error_text(&error, text, sizeof text),
                        "KS_E_TOPOLOGY at word-counts: no parent");
    assert_string_equal(ks_error_text(&error, text, 5), "KS_E");
    assert_string_equal(ks_error_text(&error, text, 1), "");
    assert_ptr_equal(ks_error_text(&error, text, 0), text);
}

static void every_status_has_a_name(void **state)
{
    (void)state;
    assert_string_equal(ks_status_name(KS_OK), "KS_OK");
    for (int status = KS_E_STORE; status <= KS_OK; status++) {
        assert_memory_equal(ks_status_name((ks_status)status), "KS_", 3);
        for (int other = KS_E_STORE; other < status; other++) {
            assert_string_not_equal(ks_status_name((ks_status)status),
                                    ks_status_name((ks_status)other));
        }
    }
    assert_string_equal(ks_status_name((ks_status)99), "unknown status");
}

static ks_status count_then(int *count, ks_status status)
{
    KS_TRY(status);
    (*count)++;
    return KS_OK;
}

static void try_leaves_the_function_with_the_status_that_failed(void **state)
{
    (void)state;
    int count = 0;
    assert_int_equal(count_then(&count, KS_E_LIMIT), KS_E_LIMIT);
    assert_int_equal(count, 0);
    assert_int_equal(count_then(&count, KS_OK), KS_OK);
    assert_int_equal(count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(setting_an_error_fills_every_part_and_returns_the_code),
        cmocka_unit_test(a_program_fills_an_error_the_same_way),
        cmocka_unit_test(an_error_may_be_null),
        cmocka_unit_test(where_may_be_null),
        cmocka_unit_test(a_program_prints_an_error_behind_its_name),
        cmocka_unit_test(a_prefix_stands_before_the_message),
        cmocka_unit_test(the_message_may_be_made_of_the_error_itself),
        cmocka_unit_test(long_texts_are_cut_between_characters),
        cmocka_unit_test(flags_add_up_until_the_next_error),
        cmocka_unit_test(the_text_has_code_place_and_message),
        cmocka_unit_test(every_status_has_a_name),
        cmocka_unit_test(try_leaves_the_function_with_the_status_that_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
