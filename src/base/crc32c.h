/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crc32c.h - CRC-32C (Castagnoli; RFC 3720, B.4), Kafka's and our own checksum of stored records.
 *
 * Thread rule: any thread.
 */
#ifndef KSI_BASE_CRC32C_H
#define KSI_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Goes on from `crc`, which is 0 at the beginning. */
uint32_t ksi_crc32c(uint32_t crc, const void *bytes, size_t size);

/* Without the processor's instruction; for tests. */
uint32_t ksi_crc32c_portable(uint32_t crc, const void *bytes, size_t size);

#endif
