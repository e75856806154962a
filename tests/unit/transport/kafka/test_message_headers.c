/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_message_headers.c - what the bytes around a record say about its headers.
 */
#include "transport/kafka/message_headers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { NO_KEY = -1, NO_VALUE = -1, LONGEST = 1 << 21 };

/* A record of format 2 from its key on, in memory that ends with it. */
static uint8_t *lay_out(rd_kafka_message_t *message, int key_size, int value_size, uint8_t headers)
{
    uint8_t prefix[32] = {0};
    size_t at = 0;
    if (key_size == NO_KEY) {
        prefix[at++] = KSI_NULL_LENGTH;
    } else {
        at += ksi_encode_length((size_t)key_size, prefix);
    }
    size_t key_at = at;
    uint8_t length[KSI_LENGTH_BYTES] = {KSI_NULL_LENGTH};
    size_t length_size = value_size == NO_VALUE ? 1 : ksi_encode_length((size_t)value_size, length);
    size_t keys = key_size > 0 ? (size_t)key_size : 0;
    size_t values = value_size > 0 ? (size_t)value_size : 0;
    uint8_t *bytes = malloc(at + keys + length_size + values + 1);
    memcpy(bytes, prefix, at);
    memset(bytes + at, 'k', keys);
    at += keys;
    memcpy(bytes + at, length, length_size);
    at += length_size;
    *message = (rd_kafka_message_t){.key = key_size == NO_KEY ? NULL : bytes + key_at,
                                    .key_len = keys,
                                    .payload = value_size == NO_VALUE ? NULL : bytes + at,
                                    .len = values};
    memset(bytes + at, 'v', values);
    bytes[at + values] = headers;
    return bytes;
}

static void the_number_of_headers_is_found_behind_the_value(void **state)
{
    (void)state;
    const int sizes[] = {NO_VALUE, 0, 1, 63, 64, 100, 8191, 8192, 1048575, 1048576, LONGEST};
    const size_t count = sizeof sizes / sizeof sizes[0];
    for (size_t k = 0; k < count; k++) {
        for (size_t v = 0; v < count; v++) {
            rd_kafka_message_t message;
            uint8_t *bytes = lay_out(&message, sizes[k], sizes[v], 0);
            bool has_neither = sizes[k] == NO_KEY && sizes[v] == NO_VALUE;
            assert_int_equal(ksi_message_has_no_headers(&message), !has_neither);
            free(bytes);
            bytes = lay_out(&message, sizes[k], sizes[v], 2); /* one header */
            assert_false(ksi_message_has_no_headers(&message));
            free(bytes);
        }
    }
}

/* Format 1: lengths of four bytes, and nothing behind the value. */
static void another_layout_is_not_taken_for_it(void **state)
{
    (void)state;
    for (uint32_t key_size = 0; key_size < 300; key_size += 7) {
        for (uint32_t value_size = 0; value_size < 300; value_size++) {
            uint8_t *bytes = calloc(1, 8 + key_size + value_size + 1);
            uint8_t *value = bytes + 8 + key_size;
            bytes[2] = (uint8_t)(key_size >> 8);
            bytes[3] = (uint8_t)key_size;
            value[-2] = (uint8_t)(value_size >> 8);
            value[-1] = (uint8_t)value_size;
            rd_kafka_message_t message = {
                .key = bytes + 4, .key_len = key_size, .payload = value, .len = value_size};
            assert_false(ksi_message_has_no_headers(&message));
            memset(bytes, 0xff, 4); /* a null key */
            message.key = NULL;
            message.key_len = 0;
            message.payload = bytes + 8;
            memcpy(bytes + 4, value - 4, 4);
            assert_false(ksi_message_has_no_headers(&message));
            free(bytes);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_number_of_headers_is_found_behind_the_value),
        cmocka_unit_test(another_layout_is_not_taken_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
