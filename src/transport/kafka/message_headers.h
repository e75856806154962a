/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message_headers.h - the headers of librdkafka's messages, and whether there are any.
 *
 * Nearly none has, but librdkafka, when asked, builds a buffer for each message to find that out:
 * as much work as all else it does for it. The answer lies in the bytes. A record of Kafka's
 * format 2 is
 *
 *     ... | length of key | key | length of value | value | number of headers | headers
 *
 * with lengths as zigzag varints (-1 is null), and every librdkafka points with key and value into
 * the bytes that were fetched. So where the bytes around the key and the value are the lengths of
 * this layout, the one behind the value is the number of headers, and a 0 there means none. Where
 * they are anything else (an older format, nothing to go by), librdkafka is asked.
 *
 * Thread rule: who has the message.
 */
#ifndef KSI_TRANSPORT_KAFKA_MESSAGE_HEADERS_H
#define KSI_TRANSPORT_KAFKA_MESSAGE_HEADERS_H

#include <kstreams/value.h>

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { KSI_LENGTH_BYTES = 5, KSI_NULL_LENGTH = 1 };

/* A length as it stands in a record; returns how many bytes it has. */
static inline size_t ksi_encode_length(size_t length, uint8_t bytes[KSI_LENGTH_BYTES])
{
    uint64_t zigzag = (uint64_t)length << 1;
    size_t size = 0;
    for (; zigzag > 0x7f && size < KSI_LENGTH_BYTES - 1; zigzag >>= 7) {
        bytes[size++] = (uint8_t)(zigzag | 0x80);
    }
    bytes[size++] = (uint8_t)zigzag;
    return size;
}

/* Where the number of headers stands; NULL when the layout is not known. */
static inline const uint8_t *ksi_header_count_of(const rd_kafka_message_t *message)
{
    const uint8_t *key = message->key;
    const uint8_t *value = message->payload;
    if (value == NULL) {
        bool is_tombstone = key != NULL && key[message->key_len] == KSI_NULL_LENGTH;
        return is_tombstone ? key + message->key_len + 1 : NULL;
    }
    uint8_t bytes[KSI_LENGTH_BYTES];
    size_t size = ksi_encode_length(message->len, bytes);
    bool is_behind_key =
        key == NULL || (uintptr_t)value - (uintptr_t)key == message->key_len + size;
    if (!is_behind_key) {
        return NULL;
    }
    const uint8_t *length = value - size;
    bool is_known =
        memcmp(length, bytes, size) == 0 && (key != NULL || length[-1] == KSI_NULL_LENGTH);
    return is_known ? value + message->len : NULL;
}

/* A list with its bytes in `arena`. */
const ks_headers *ksi_kafka_headers(ks_arena *arena, const rd_kafka_headers_t *headers);

/* True: it has none. False: ask librdkafka. */
static inline bool ksi_message_has_no_headers(const rd_kafka_message_t *message)
{
    const uint8_t *count = ksi_header_count_of(message);
    return count != NULL && *count == 0;
}

#endif
