/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_slice.c - order, hash and Kafka's murmur2 of bytes; big-endian integers; slices for printf.
 */
#include "base/slice.h"

#include <kstreams/serde.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/endian.h"

static ks_slice text(const char *bytes)
{
    return ks_slice_cstr(bytes);
}

static void bytes_order_unsigned_and_shorter_first(void **state)
{
    (void)state;
    assert_int_equal(ksi_slice_compare(text("abc"), text("abc")), 0);
    assert_true(ksi_slice_compare(text("abc"), text("abd")) < 0);
    assert_true(ksi_slice_compare(text("ab"), text("abc")) < 0);
    assert_true(ksi_slice_compare(text("abc"), text("ab")) > 0);
    assert_true(ksi_slice_compare(text("\x7f"), text("\x80")) < 0);
    assert_true(ksi_slice_compare(text("\xff"), text("a")) > 0);
    assert_true(ksi_slice_compare(text(""), text("a")) < 0);
    assert_int_equal(ksi_slice_compare(ks_slice_null(), text("")), 0);
    assert_true(ksi_slice_compare(ks_slice_of("a\0a", 3), ks_slice_of("a\0b", 3)) < 0);
}

static void behind_a_prefix_are_the_bytes_that_follow_all_that_begin_with_it(void **state)
{
    (void)state;
    ks_arena *arena = ks_arena_new();
    assert_true(ks_slice_equal(ksi_slice_behind_prefix(text("ab"), arena), text("ac")));
    assert_true(ks_slice_equal(ksi_slice_behind_prefix(text("a\xff\xff"), arena), text("b")));
    assert_true(ks_slice_equal(ksi_slice_behind_prefix(text("\x7f"), arena), text("\x80")));
    assert_null(ksi_slice_behind_prefix(text("\xff\xff"), arena).data);
    assert_null(ksi_slice_behind_prefix(text(""), arena).data);
    ks_arena_free(arena);
}

static void a_slice_starts_with_its_prefixes(void **state)
{
    (void)state;
    assert_true(ksi_slice_starts_with(text("abc"), text("")));
    assert_true(ksi_slice_starts_with(text("abc"), text("ab")));
    assert_true(ksi_slice_starts_with(text("abc"), text("abc")));
    assert_false(ksi_slice_starts_with(text("abc"), text("abcd")));
    assert_false(ksi_slice_starts_with(text("abc"), text("b")));
    assert_true(ksi_slice_starts_with(text("abc"), ks_slice_null()));
}

static void equal_bytes_hash_alike_wherever_they_are(void **state)
{
    (void)state;
    char bytes[64];
    for (size_t size = 0; size < 40; size++) {
        memset(bytes, 'x', sizeof bytes);
        uint64_t hash = ksi_slice_hash(ks_slice_of(bytes, size));
        assert_true(ksi_slice_hash(ks_slice_of(bytes + 3, size)) == hash);
        assert_true(ksi_slice_hash(ks_slice_of(bytes, size + 1)) != hash);
        bytes[size / 2] = 'y';
        assert_true(size == 0 || ksi_slice_hash(ks_slice_of(bytes, size)) != hash);
    }
}

static void murmur2_is_kafkas(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        int32_t hash;
    } known[] = {
        {"", 275646681},
        {"a", -1563381124},
        {"ab", 316155434},
        {"abc", 479470107},
        {"abcd", -1323649548},
        {"abcde", 461995741},
        {"foobar", -790332482},
        {"21", -973932308},
        {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
        {"z\303\274rich", 1564393856},
        {"\xff\xff\xff\xff\xff\xff\xff", -71293549},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        assert_int_equal((int32_t)ksi_murmur2(text(known[i].bytes)), known[i].hash);
    }
}

static void integers_are_put_and_taken_big_endian(void **state)
{
    (void)state;
    char bytes[9] = {0};
    ksi_put_be16(bytes + 1, 0x0102);
    assert_memory_equal(bytes + 1, "\x01\x02", 2);
    assert_int_equal(ksi_get_be16(bytes + 1), 0x0102);
    ksi_put_be32(bytes + 1, 0xfe020304u);
    assert_memory_equal(bytes + 1, "\xfe\x02\x03\x04", 4);
    assert_int_equal(ksi_get_be32(bytes + 1), 0xfe020304u);
    ksi_put_be64(bytes + 1, UINT64_C(0xfd02030405060708));
    assert_memory_equal(bytes + 1, "\xfd\x02\x03\x04\x05\x06\x07\x08", 8);
    assert_true(ksi_get_be64(bytes + 1) == UINT64_C(0xfd02030405060708));
    assert_int_equal(bytes[0], 0);
}

static void a_slice_is_printed_up_to_its_end(void **state)
{
    (void)state;
    char line[40];
    ks_slice key = ks_slice_of("kitchen 21", 7);
    ks_slice huge = ks_slice_of("x", (size_t)INT_MAX + 2);
    (void)snprintf(line, sizeof line, "[%.*s] [%.*s]", KS_SLICE_ARGS(key),
                   KS_SLICE_ARGS(ks_slice_null()));
    assert_string_equal(line, "[kitchen] []");
    assert_int_equal(ks_slice_precision(huge), INT_MAX); /* and not negative, which is no bound */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_order_unsigned_and_shorter_first),
        cmocka_unit_test(a_slice_starts_with_its_prefixes),
        cmocka_unit_test(behind_a_prefix_are_the_bytes_that_follow_all_that_begin_with_it),
        cmocka_unit_test(equal_bytes_hash_alike_wherever_they_are),
        cmocka_unit_test(murmur2_is_kafkas),
        cmocka_unit_test(a_slice_is_printed_up_to_its_end),
        cmocka_unit_test(integers_are_put_and_taken_big_endian),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
