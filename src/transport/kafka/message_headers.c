/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message_headers.c - headers from librdkafka's to ours.
 */
#include "transport/kafka/message_headers.h"

const ks_headers *ksi_kafka_headers(ks_arena *arena, const rd_kafka_headers_t *headers)
{
    const ks_headers *list = NULL;
    const char *name = NULL;
    const void *value = NULL;
    size_t size = 0;
    size_t at = 0;
    while (rd_kafka_header_get_all(headers, at++, &name, &value, &size) ==
           RD_KAFKA_RESP_ERR_NO_ERROR) {
        ks_slice bytes = ks_slice_of(value, value != NULL ? size : 0);
        list = ks_headers_with(arena, list, ks_slice_cstr(name), bytes);
    }
    return list;
}
