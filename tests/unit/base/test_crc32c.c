/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_crc32c.c - known checksums, and the two ways of working them out against each other.
 */
#include "base/crc32c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* RFC 3720, B.4, and the check value of the polynomial. */
static void test_known_checksums(void **state)
{
    (void)state;
    unsigned char bytes[32];
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(ksi_crc32c(0, bytes, sizeof bytes), 0x8a9136aau);
    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(ksi_crc32c(0, bytes, sizeof bytes), 0x62a8ab43u);
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)i;
    }
    assert_int_equal(ksi_crc32c(0, bytes, sizeof bytes), 0x46dd794eu);
    assert_int_equal(ksi_crc32c(0, "123456789", 9), 0xe3069283u);
    assert_int_equal(ksi_crc32c(0, "", 0), 0);
}

static void test_both_ways_agree_on_every_length_and_alignment(void **state)
{
    (void)state;
    enum { BYTES = 20000 };
    unsigned char *bytes = malloc(BYTES);
    unsigned seed = 20260101;
    print_message("seed %u\n", seed);
    for (size_t i = 0; i < BYTES; i++) {
        bytes[i] = (unsigned char)rand_r(&seed);
    }
    for (size_t i = 0; i < 3000; i++) {
        size_t from = (size_t)rand_r(&seed) % 64;
        size_t size = i < 100 ? i : (size_t)rand_r(&seed) % (BYTES - 64);
        assert_int_equal(ksi_crc32c(0, bytes + from, size),
                         ksi_crc32c_portable(0, bytes + from, size));
    }
    free(bytes);
}

static void test_a_checksum_goes_on_where_another_ended(void **state)
{
    (void)state;
    char bytes[10000];
    memset(bytes, 'x', sizeof bytes);
    uint32_t whole = ksi_crc32c(0, bytes, sizeof bytes);
    for (size_t cut = 0; cut <= sizeof bytes; cut += 777) {
        uint32_t begun = ksi_crc32c(0, bytes, cut);
        assert_int_equal(ksi_crc32c(begun, bytes + cut, sizeof bytes - cut), whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_checksums),
        cmocka_unit_test(test_both_ways_agree_on_every_length_and_alignment),
        cmocka_unit_test(test_a_checksum_goes_on_where_another_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
