/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_serdes.c - the built-in serdes write Java's bytes and refuse what Java refuses.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include <kstreams/serde.h>

#define COUNT(table) (sizeof(table) / sizeof *(table))

static const ks_serde_ctx at_topic = {.topic = "payments"};

static const ks_serde *const all[] = {
    &ks_serde_string, &ks_serde_bytes, &ks_serde_i16,  &ks_serde_i32,  &ks_serde_i64,
    &ks_serde_f32,    &ks_serde_f64,   &ks_serde_bool, &ks_serde_uuid, &ks_serde_void};

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

/* Serializes to exactly these bytes, and deserializes these bytes to an equal value. */
static void check_bytes(ks_arena *arena, const ks_serde *serde, ks_value value, const void *bytes,
                        size_t size)
{
    ks_error error = {0};
    ks_slice written = ks_slice_null();
    assert_int_equal(serde->serialize(serde, &at_topic, value, arena, &written, &error), KS_OK);
    assert_int_equal(written.size, size);
    assert_non_null(written.data);
    assert_memory_equal(written.data, bytes, size);
    ks_value read = ks_null();
    ks_slice input = ks_arena_copy(arena, ks_slice_of(bytes, size));
    assert_int_equal(serde->deserialize(serde, &at_topic, input, arena, &read, &error), KS_OK);
    assert_true(ks_value_equal(read, value));
    assert_int_equal(error.code, KS_OK);
}

static void check_refused(ks_arena *arena, const ks_serde *serde, const void *bytes, size_t size,
                          const char *words)
{
    ks_error error = {0};
    ks_value read = ks_null();
    ks_slice input = ks_arena_copy(arena, ks_slice_of(bytes, size));
    assert_int_equal(serde->deserialize(serde, &at_topic, input, arena, &read, &error), KS_E_SERDE);
    assert_int_equal(error.code, KS_E_SERDE);
    assert_string_equal(error.where, "payments");
    assert_non_null(strstr(error.message, words));
}

static void integers_are_big_endian(void **state)
{
    check_bytes(*state, &ks_serde_i16, ks_i16(0x0102), "\x01\x02", 2);
    check_bytes(*state, &ks_serde_i16, ks_i16(-2), "\xff\xfe", 2);
    check_bytes(*state, &ks_serde_i16, ks_i16(INT16_MIN), "\x80\x00", 2);
    check_bytes(*state, &ks_serde_i32, ks_i32(0x01020304), "\x01\x02\x03\x04", 4);
    check_bytes(*state, &ks_serde_i32, ks_i32(-1), "\xff\xff\xff\xff", 4);
    check_bytes(*state, &ks_serde_i32, ks_i32(INT32_MIN), "\x80\x00\x00\x00", 4);
    check_bytes(*state, &ks_serde_i64, ks_i64(INT64_C(0x0102030405060708)),
                "\x01\x02\x03\x04\x05\x06\x07\x08", 8);
    check_bytes(*state, &ks_serde_i64, ks_i64(-1), "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
    check_bytes(*state, &ks_serde_i64, ks_i64(INT64_MIN), "\x80\0\0\0\0\0\0\0", 8);
}

static void floating_point_numbers_are_ieee_754(void **state)
{
    check_bytes(*state, &ks_serde_f32, ks_f32(1.5F), "\x3f\xc0\x00\x00", 4);
    check_bytes(*state, &ks_serde_f32, ks_f32(-0.0F), "\x80\x00\x00\x00", 4);
    check_bytes(*state, &ks_serde_f64, ks_f64(3.14), "\x40\x09\x1e\xb8\x51\xeb\x85\x1f", 8);
    check_bytes(*state, &ks_serde_f64, ks_f64(-INFINITY), "\xff\xf0\0\0\0\0\0\0", 8);
    check_bytes(*state, &ks_serde_f64, ks_f64(0), "\0\0\0\0\0\0\0\0", 8);
}

static void a_nan_keeps_its_bits(void **state)
{
    static const char bytes[] = {'\x7f', '\xf0', 0, 0, 0, 0, 0, '\x2a'}; /* a signalling one */
    ks_error error = {0};
    ks_value value = ks_null();
    ks_slice again = ks_slice_null();
    assert_int_equal(ks_serde_f64.deserialize(&ks_serde_f64, &at_topic,
                                              ks_slice_of(bytes, sizeof bytes), *state, &value,
                                              &error),
                     KS_OK);
    assert_true(isnan(ks_value_f64(value)));
    assert_int_equal(
        ks_serde_f64.serialize(&ks_serde_f64, &at_topic, value, *state, &again, &error), KS_OK);
    assert_true(ks_slice_equal(again, ks_slice_of(bytes, sizeof bytes)));
}

static void bools_are_one_byte_0_or_1(void **state)
{
    check_bytes(*state, &ks_serde_bool, ks_bool(true), "\x01", 1);
    check_bytes(*state, &ks_serde_bool, ks_bool(false), "\x00", 1);
    check_refused(*state, &ks_serde_bool, "\x02", 1, "0x02");
    check_refused(*state, &ks_serde_bool, "\xff", 1, "0xff");
    check_refused(*state, &ks_serde_bool, "\x01\x00", 2, "exactly 1 byte, and there are 2");
}

static void texts_and_bytes_are_themselves(void **state)
{
    check_bytes(*state, &ks_serde_string, ks_text_of("z\xc3\xbcrich"), "z\xc3\xbcrich", 7);
    check_bytes(*state, &ks_serde_string, ks_text_of(""), "", 0);
    check_bytes(*state, &ks_serde_string, ks_text(ks_slice_of("a\0b", 3)), "a\0b", 3);
    check_bytes(*state, &ks_serde_bytes, ks_bytes(ks_slice_of("\xff\x00", 2)), "\xff\x00", 2);
    check_bytes(*state, &ks_serde_bytes, ks_bytes(ks_slice_of("", 0)), "", 0);
}

static void malformed_text_reads_as_replacement_characters(void **state)
{
    ks_error error = {0};
    ks_value value = ks_null();
    assert_int_equal(ks_serde_string.deserialize(&ks_serde_string, &at_topic,
                                                 ks_slice_cstr("a\xff\xe2\x82z"), *state, &value,
                                                 &error),
                     KS_OK);
    assert_true(ks_value_equal(value, ks_text_of("a\xef\xbf\xbd\xef\xbf\xbdz")));
}

static void uuids_are_36_characters(void **state)
{
    static const uint8_t uuid[16] = {0x12, 0x3e, 0x45, 0x67, 0xe8, 0x9b, 0x12, 0xd3,
                                     0xa4, 0x56, 0x42, 0x66, 0x14, 0x17, 0x40, 0x00};
    check_bytes(*state, &ks_serde_uuid, ks_uuid(uuid), "123e4567-e89b-12d3-a456-426614174000", 36);
    check_refused(*state, &ks_serde_uuid, "123e4567", 8, "8 bytes");
    check_refused(*state, &ks_serde_uuid, "", 0, "0 bytes");
}

static void wrong_sizes_are_refused(void **state)
{
    static const struct {
        const ks_serde *serde;
        size_t size;
    } fixed[] = {{&ks_serde_i16, 2}, {&ks_serde_i32, 4}, {&ks_serde_i64, 8},
                 {&ks_serde_f32, 4}, {&ks_serde_f64, 8}, {&ks_serde_bool, 1}};
    static const char zeros[16];
    for (size_t i = 0; i < COUNT(fixed); i++) {
        for (size_t size = 0; size <= sizeof zeros; size++) {
            if (size != fixed[i].size) {
                check_refused(*state, fixed[i].serde, zeros, size, fixed[i].serde->name);
            }
        }
    }
}

static void the_message_says_how_many_bytes_there_are(void **state)
{
    check_refused(*state, &ks_serde_i64, "abc", 3,
                  "the serde i64 reads exactly 8 bytes, and there are 3");
    check_refused(*state, &ks_serde_i16, "a", 1,
                  "the serde i16 reads exactly 2 bytes, and there is 1");
}

static void void_reads_nothing_and_writes_nothing(void **state)
{
    check_refused(*state, &ks_serde_void, "", 0, "only null");
    check_refused(*state, &ks_serde_void, "x", 1, "1 bytes");
    ks_error error = {0};
    ks_slice bytes = ks_slice_null();
    assert_int_equal(
        ks_serde_void.serialize(&ks_serde_void, &at_topic, ks_i32(1), *state, &bytes, &error),
        KS_E_SERDE);
}

static void values_of_another_kind_are_not_written(void **state)
{
    for (size_t i = 0; i < COUNT(all); i++) {
        ks_value other = all[i] == &ks_serde_i32 ? ks_i64(1) : ks_i32(1);
        ks_error error = {0};
        ks_slice bytes = ks_slice_null();
        assert_int_equal(all[i]->serialize(all[i], &at_topic, other, *state, &bytes, &error),
                         KS_E_SERDE);
        assert_string_equal(error.where, "payments");
        assert_non_null(strstr(error.message, all[i]->name));
        assert_non_null(strstr(error.message, ks_kind_name(ks_value_kind(other))));
        assert_null(bytes.data);
    }
}

static void an_error_and_a_context_may_be_left_out(void **state)
{
    ks_value value = ks_null();
    assert_int_equal(
        ks_serde_i64.deserialize(&ks_serde_i64, NULL, ks_slice_cstr("abc"), *state, &value, NULL),
        KS_E_SERDE);
}

static void serdes_are_found_by_each_of_their_names(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const ks_serde *serde;
    } wanted[] = {
        {"string", &ks_serde_string}, {"bytes", &ks_serde_bytes},  {"short", &ks_serde_i16},
        {"integer", &ks_serde_i32},   {"long", &ks_serde_i64},     {"float", &ks_serde_f32},
        {"double", &ks_serde_f64},    {"boolean", &ks_serde_bool}, {"uuid", &ks_serde_uuid},
        {"void", &ks_serde_void},     {"i16", &ks_serde_i16},      {"i32", &ks_serde_i32},
        {"i64", &ks_serde_i64},       {"f32", &ks_serde_f32},      {"f64", &ks_serde_f64},
        {"bool", &ks_serde_bool},
    };
    static const struct {
        const char *java_class;
        const ks_serde *serde;
    } classes[] = {
        {"StringSerde", &ks_serde_string}, {"ByteArraySerde", &ks_serde_bytes},
        {"BytesSerde", &ks_serde_bytes},   {"ByteBufferSerde", &ks_serde_bytes},
        {"ShortSerde", &ks_serde_i16},     {"IntegerSerde", &ks_serde_i32},
        {"LongSerde", &ks_serde_i64},      {"FloatSerde", &ks_serde_f32},
        {"DoubleSerde", &ks_serde_f64},    {"BooleanSerde", &ks_serde_bool},
        {"UUIDSerde", &ks_serde_uuid},     {"VoidSerde", &ks_serde_void},
    };
    for (size_t i = 0; i < COUNT(wanted); i++) {
        assert_ptr_equal(ks_serde_by_name(wanted[i].name), wanted[i].serde);
    }
    for (size_t i = 0; i < COUNT(classes); i++) {
        char name[128];
        (void)snprintf(name, sizeof name, "org.apache.kafka.common.serialization.Serdes$%s",
                       classes[i].java_class);
        assert_ptr_equal(ks_serde_by_name(name), classes[i].serde);
    }
    for (size_t i = 0; i < COUNT(all); i++) {
        assert_ptr_equal(ks_serde_by_name(all[i]->name), all[i]);
        assert_int_equal(all[i]->struct_size, sizeof(ks_serde));
    }
}

static void unknown_names_find_no_serde(void **state)
{
    (void)state;
    assert_null(ks_serde_by_name(NULL));
    assert_null(ks_serde_by_name(""));
    assert_null(ks_serde_by_name("String"));
    assert_null(ks_serde_by_name("StringSerde"));
    assert_null(ks_serde_by_name("org.apache.kafka.common.serialization.Serdes$"));
    assert_null(ks_serde_by_name("org.apache.kafka.common.serialization.Serdes$string"));
    assert_null(ks_serde_by_name("org.apache.kafka.common.serialization.Serdes$ListSerde"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_big_endian),
        cmocka_unit_test(floating_point_numbers_are_ieee_754),
        cmocka_unit_test(a_nan_keeps_its_bits),
        cmocka_unit_test(bools_are_one_byte_0_or_1),
        cmocka_unit_test(texts_and_bytes_are_themselves),
        cmocka_unit_test(malformed_text_reads_as_replacement_characters),
        cmocka_unit_test(uuids_are_36_characters),
        cmocka_unit_test(wrong_sizes_are_refused),
        cmocka_unit_test(the_message_says_how_many_bytes_there_are),
        cmocka_unit_test(void_reads_nothing_and_writes_nothing),
        cmocka_unit_test(values_of_another_kind_are_not_written),
        cmocka_unit_test(an_error_and_a_context_may_be_left_out),
        cmocka_unit_test(serdes_are_found_by_each_of_their_names),
        cmocka_unit_test(unknown_names_find_no_serde),
    };
    return cmocka_run_group_tests(tests, arena_setup, arena_teardown);
}
