/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_buffer.c - bytes that grow, also when the bytes come from the buffer itself.
 */
#include "base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void an_empty_buffer_is_valid(void **state)
{
    (void)state;
    ksi_buffer buffer = {0};
    assert_int_equal(ksi_buffer_slice(&buffer).size, 0);
    assert_non_null(ksi_buffer_slice(&buffer).data);
    ksi_buffer_append(&buffer, NULL, 0);
    assert_string_equal(ksi_buffer_cstr(&buffer), "");
    ksi_buffer_destroy(&buffer);
    ksi_buffer_destroy(&buffer);
}

static void appended_bytes_stand_one_after_the_other(void **state)
{
    (void)state;
    ksi_buffer buffer = {0};
    ksi_buffer_append(&buffer, "a\0b", 3);
    ksi_buffer_append_text(&buffer, "cd");
    ksi_buffer_appendf(&buffer, "-%d-%s", 17, "x");
    assert_true(ks_slice_equal(ksi_buffer_slice(&buffer), ks_slice_of("a\0bcd-17-x", 10)));
    assert_int_equal(ksi_buffer_cstr(&buffer)[10], '\0');
    assert_int_equal(buffer.size, 10);
    ksi_buffer_destroy(&buffer);
}

static void a_buffer_grows_by_its_own_bytes(void **state)
{
    (void)state;
    ksi_buffer buffer = {0};
    ksi_buffer_append_text(&buffer, "ab");
    for (int i = 0; i < 12; i++) {
        ksi_buffer_append(&buffer, buffer.data, buffer.size);
    }
    assert_int_equal(buffer.size, 2 << 12);
    for (size_t i = 0; i < buffer.size; i++) {
        assert_int_equal(buffer.data[i], i % 2 == 0 ? 'a' : 'b');
    }
    ksi_buffer_destroy(&buffer);
}

static void clearing_keeps_the_memory(void **state)
{
    (void)state;
    ksi_buffer buffer = {0};
    ksi_buffer_appendf(&buffer, "%*d", 5000, 1);
    assert_int_equal(buffer.size, 5000);
    char *memory = buffer.data;
    ksi_buffer_clear(&buffer);
    ksi_buffer_append_text(&buffer, "again");
    assert_ptr_equal(buffer.data, memory);
    assert_string_equal(ksi_buffer_cstr(&buffer), "again");
    ksi_buffer_destroy(&buffer);
}

static void reserving_makes_room_without_changing_the_size(void **state)
{
    (void)state;
    ksi_buffer buffer = {0};
    ksi_buffer_append_text(&buffer, "x");
    ksi_buffer_reserve(&buffer, 1000);
    char *memory = buffer.data;
    for (int i = 0; i < 1000; i++) {
        ksi_buffer_append(&buffer, "y", 1);
    }
    assert_ptr_equal(buffer.data, memory);
    assert_int_equal(buffer.size, 1001);
    ksi_buffer_destroy(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_buffer_is_valid),
        cmocka_unit_test(appended_bytes_stand_one_after_the_other),
        cmocka_unit_test(a_buffer_grows_by_its_own_bytes),
        cmocka_unit_test(clearing_keeps_the_memory),
        cmocka_unit_test(reserving_makes_room_without_changing_the_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
