/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_wire.c - the types of Kafka's protocol, and what a reader makes of bytes that are none.
 */
#include "membership/kafka/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void assert_bytes(ksi_buffer *written, const char *bytes, size_t size)
{
    assert_int_equal(written->size, size);
    assert_memory_equal(written->data, bytes, size);
    ksi_buffer_destroy(written);
}

#define ASSERT_BYTES(written, literal) assert_bytes(written, literal, sizeof(literal) - 1)

static ksi_wire_reader reader_of(const char *bytes, size_t size)
{
    return ksi_wire_reader_of(ks_slice_of(bytes, size));
}

#define READER(literal) reader_of(literal, sizeof(literal) - 1)

static void numbers_are_big_endian(void **state)
{
    (void)state;
    ksi_buffer written = {0};
    ksi_wire_put_i8(&written, -2);
    ksi_wire_put_bool(&written, true);
    ksi_wire_put_i16(&written, -2);
    ksi_wire_put_i32(&written, 0x01020304);
    ksi_wire_put_i64(&written, -3);
    ksi_wire_reader reader = ksi_wire_reader_of(ksi_buffer_slice(&written));
    assert_int_equal(ksi_wire_take_i8(&reader), -2);
    assert_true(ksi_wire_take_bool(&reader));
    assert_int_equal(ksi_wire_take_i16(&reader), -2);
    assert_int_equal(ksi_wire_take_i32(&reader), 0x01020304);
    assert_int_equal(ksi_wire_take_i64(&reader), -3);
    assert_true(ksi_wire_is_good(&reader));
    ASSERT_BYTES(&written, "\xfe\x01\xff\xfe\x01\x02\x03\x04\xff\xff\xff\xff\xff\xff\xff\xfd");
}

static void a_uvarint_has_seven_bits_a_byte(void **state)
{
    (void)state;
    const uint32_t numbers[] = {0, 1, 127, 128, 300, 16383, 16384, 1u << 31, UINT32_MAX};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        ksi_buffer written = {0};
        ksi_wire_put_uvarint(&written, numbers[i]);
        ksi_wire_reader reader = ksi_wire_reader_of(ksi_buffer_slice(&written));
        assert_int_equal(ksi_wire_take_uvarint(&reader), numbers[i]);
        assert_true(ksi_wire_is_good(&reader));
        assert_ptr_equal(reader.at, reader.end);
        ksi_buffer_destroy(&written);
    }
    ksi_buffer written = {0};
    ksi_wire_put_uvarint(&written, 300);
    ASSERT_BYTES(&written, "\xac\x02");
}

static void a_uvarint_of_more_than_32_bits_is_refused(void **state)
{
    (void)state;
    ksi_wire_reader large = READER("\xff\xff\xff\xff\x1f");
    assert_int_equal(ksi_wire_take_uvarint(&large), 0);
    assert_false(ksi_wire_is_good(&large));
    ksi_wire_reader endless = READER("\x80\x80\x80\x80\x80\x80\x80\x80");
    (void)ksi_wire_take_uvarint(&endless);
    assert_false(ksi_wire_is_good(&endless));
}

static void null_and_empty_differ_in_either_kind(void **state)
{
    (void)state;
    ksi_buffer written = {0};
    ksi_wire_put_string(&written, ks_slice_null());
    ksi_wire_put_string(&written, ks_slice_cstr(""));
    ksi_wire_put_bytes(&written, ks_slice_null());
    ksi_wire_put_bytes(&written, ks_slice_cstr(""));
    ksi_wire_put_compact_string(&written, ks_slice_null());
    ksi_wire_put_compact_string(&written, ks_slice_cstr(""));
    ksi_wire_put_compact_bytes(&written, ks_slice_null());
    ksi_wire_put_compact_bytes(&written, ks_slice_cstr(""));
    ksi_wire_reader reader = ksi_wire_reader_of(ksi_buffer_slice(&written));
    assert_null(ksi_wire_take_optional_string(&reader).data);
    assert_non_null(ksi_wire_take_optional_string(&reader).data);
    assert_null(ksi_wire_take_bytes(&reader).data);
    assert_non_null(ksi_wire_take_bytes(&reader).data);
    assert_null(ksi_wire_take_optional_compact_string(&reader).data);
    assert_non_null(ksi_wire_take_optional_compact_string(&reader).data);
    assert_null(ksi_wire_take_compact_bytes(&reader).data);
    assert_non_null(ksi_wire_take_compact_bytes(&reader).data);
    assert_true(ksi_wire_is_good(&reader));
    ASSERT_BYTES(&written, "\xff\xff\0\0\xff\xff\xff\xff\0\0\0\0\0\1\0\1");
}

static void a_text_that_must_be_there_is_not_null(void **state)
{
    (void)state;
    ksi_wire_reader classic = READER("\xff\xff");
    (void)ksi_wire_take_string(&classic);
    assert_false(ksi_wire_is_good(&classic));
    ksi_wire_reader compact = READER("\0");
    (void)ksi_wire_take_compact_string(&compact);
    assert_false(ksi_wire_is_good(&compact));
}

static void a_text_has_no_nul(void **state)
{
    (void)state;
    ksi_wire_reader reader = READER("\4a\0b");
    assert_null(ksi_wire_take_compact_string(&reader).data);
    assert_false(ksi_wire_is_good(&reader));
    ksi_wire_reader bytes = READER("\4a\0b");
    assert_int_equal(ksi_wire_take_compact_bytes(&bytes).size, 3);
    assert_true(ksi_wire_is_good(&bytes));
}

static void a_size_that_goes_past_the_end_or_below_null_is_refused(void **state)
{
    (void)state;
    ksi_wire_reader beyond = READER("\0\0\0\4abc");
    assert_null(ksi_wire_take_bytes(&beyond).data);
    assert_false(ksi_wire_is_good(&beyond));
    ksi_wire_reader below = READER("\xff\xff\xff\xfe");
    assert_null(ksi_wire_take_bytes(&below).data);
    assert_false(ksi_wire_is_good(&below));
}

static void a_count_is_never_more_than_can_be_there(void **state)
{
    (void)state;
    ksi_wire_reader fits = READER("\0\0\0\2abcd");
    assert_int_equal(ksi_wire_take_count(&fits, 2), 2);
    ksi_wire_reader too_many = READER("\0\0\0\3abcd");
    assert_int_equal(ksi_wire_take_count(&too_many, 2), 0);
    assert_false(ksi_wire_is_good(&too_many));
    ksi_wire_reader compact = READER("\xff\xff\xff\xff\x0f");
    assert_int_equal(ksi_wire_take_compact_count(&compact, 1), 0);
    assert_false(ksi_wire_is_good(&compact));
    ksi_wire_reader null = READER("\xff\xff\xff\xff");
    assert_int_equal(ksi_wire_take_count(&null, 1), 0);
    assert_true(ksi_wire_is_good(&null));
}

static void tagged_fields_are_passed_over(void **state)
{
    (void)state;
    ksi_wire_reader reader = READER("\2\0\3abc\x07\1d\x2a");
    ksi_wire_skip_tags(&reader);
    assert_int_equal(ksi_wire_take_i8(&reader), 0x2a);
    assert_true(ksi_wire_is_good(&reader));
    ksi_wire_reader cut = READER("\2\0\3ab");
    ksi_wire_skip_tags(&cut);
    assert_false(ksi_wire_is_good(&cut));
}

static void after_a_failure_everything_is_zero(void **state)
{
    (void)state;
    ksi_wire_reader reader = READER("\1\2");
    (void)ksi_wire_take_i32(&reader);
    assert_int_equal(ksi_wire_take_i8(&reader), 0);
    assert_int_equal(ksi_wire_take_i64(&reader), 0);
    assert_null(ksi_wire_take_optional_string(&reader).data);
    assert_int_equal(ksi_wire_take_count(&reader, 1), 0);
    assert_false(ksi_wire_is_good(&reader));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_big_endian),
        cmocka_unit_test(a_uvarint_has_seven_bits_a_byte),
        cmocka_unit_test(a_uvarint_of_more_than_32_bits_is_refused),
        cmocka_unit_test(null_and_empty_differ_in_either_kind),
        cmocka_unit_test(a_text_that_must_be_there_is_not_null),
        cmocka_unit_test(a_text_has_no_nul),
        cmocka_unit_test(a_size_that_goes_past_the_end_or_below_null_is_refused),
        cmocka_unit_test(a_count_is_never_more_than_can_be_there),
        cmocka_unit_test(tagged_fields_are_passed_over),
        cmocka_unit_test(after_a_failure_everything_is_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
