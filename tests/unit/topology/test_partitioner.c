/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_partitioner.c - the default partition against Java's, and what a user's partitioner may say.
 */
#include "topology/partitioner.h"

#include "base/memory.h"
#include "java_random.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void known_keys_go_where_java_sends_them(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        int32_t of_4;
        int32_t of_1000;
    } expected[] = {{"", 1, 681},
                    {"a", 0, 524},
                    {"key", 1, 281},
                    {"unknown", 3, 87},
                    {"payment-17", 2, 202},
                    {"\xc3\xbc"
                     "ber",
                     3, 731},
                    {"the quick brown fox", 1, 129}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        ks_slice key = ks_slice_cstr(expected[i].key);
        assert_int_equal(ks_partition_of_key(key, 1), 0);
        assert_int_equal(ks_partition_of_key(key, 4), expected[i].of_4);
        assert_int_equal(ks_partition_of_key(key, 1000), expected[i].of_1000);
    }
}

static void random_bytes_go_where_java_sends_them(void **state)
{
    (void)state;
    java_random random = java_random_of(9);
    for (int i = 0; i < 2000; i++) {
        uint8_t bytes[40];
        uint32_t size = below(&random, 40);
        for (uint32_t b = 0; b < size; b++) {
            bytes[b] = (uint8_t)below(&random, 256);
        }
        int32_t count = 1 + (int32_t)below(&random, 100);
        uint8_t partition = (uint8_t)ks_partition_of_key(ks_slice_of(bytes, size), count);
        mix(&random, &partition, 1);
    }
    if (random.hash != UINT64_C(0x22f8ad8281846234)) {
        fail_msg("%016" PRIx64 " is not Java's", random.hash);
    }
}

static void partitions_are_a_set(void **state)
{
    (void)state;
    ks_partitions partitions = {.topic = "out", .partition_count = 3};
    assert_false(partitions.decided);
    assert_int_equal(ks_partitions_add(&partitions, 2), KS_OK);
    assert_int_equal(ks_partitions_add(&partitions, 0), KS_OK);
    assert_int_equal(ks_partitions_add(&partitions, 2), KS_OK);
    assert_true(partitions.decided);
    assert_int_equal(partitions.count, 2);
    assert_int_equal(partitions.items[0], 2);
    assert_int_equal(partitions.items[1], 0);
    ksi_free(partitions.items);
}

static void a_partition_that_is_not_there_is_refused(void **state)
{
    (void)state;
    static const int32_t bad[] = {-1, 3, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ks_error error = {0};
        ks_partitions partitions = {.topic = "out", .partition_count = 3, .error = &error};
        assert_int_equal(ks_partitions_add(&partitions, bad[i]), KS_E_ARGUMENT);
        assert_string_equal(error.where, "out");
        assert_non_null(strstr(error.message, "partitions 0 to 2"));
        assert_int_equal(partitions.count, 0);
        assert_false(partitions.decided);
    }
}

static void dropping_is_a_decision_for_no_partition(void **state)
{
    (void)state;
    ks_partitions partitions = {.topic = "out", .partition_count = 3};
    assert_int_equal(ks_partitions_add(&partitions, 1), KS_OK);
    ks_partitions_drop(&partitions);
    assert_true(partitions.decided);
    assert_int_equal(partitions.count, 0);
    ksi_free(partitions.items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_keys_go_where_java_sends_them),
        cmocka_unit_test(random_bytes_go_where_java_sends_them),
        cmocka_unit_test(partitions_are_a_set),
        cmocka_unit_test(a_partition_that_is_not_there_is_refused),
        cmocka_unit_test(dropping_is_a_decision_for_no_partition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
