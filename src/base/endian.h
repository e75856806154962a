/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endian.h - big-endian integers, the order of every Kafka format, in one place.
 */
#ifndef KSI_BASE_ENDIAN_H
#define KSI_BASE_ENDIAN_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline void ksi_put_be16(void *to, uint16_t number)
{
    number = htobe16(number);
    memcpy(to, &number, sizeof number);
}

static inline void ksi_put_be32(void *to, uint32_t number)
{
    number = htobe32(number);
    memcpy(to, &number, sizeof number);
}

static inline void ksi_put_be64(void *to, uint64_t number)
{
    number = htobe64(number);
    memcpy(to, &number, sizeof number);
}

static inline uint16_t ksi_get_be16(const void *from)
{
    uint16_t number;
    memcpy(&number, from, sizeof number);
    return be16toh(number);
}

static inline uint32_t ksi_get_be32(const void *from)
{
    uint32_t number;
    memcpy(&number, from, sizeof number);
    return be32toh(number);
}

static inline uint64_t ksi_get_be64(const void *from)
{
    uint64_t number;
    memcpy(&number, from, sizeof number);
    return be64toh(number);
}

#endif
