/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crc32c.c - CRC-32C by the processor's instruction where there is one, else by tables.
 *
 * The instruction takes eight bytes in one step but answers three steps later, so one chain of them
 * uses a third of what the processor can do. Blocks are therefore cut in three, whose checksums are
 * worked out side by side; that of the first two parts is then moved past the bytes behind it,
 * which is a multiplication by a power of x in the polynomials modulo the generator, by a table for
 * each byte of the checksum. (The method is in V. Gopal et al., "Fast CRC Computation for iSCSI
 * Polynomial Using CRC32 Instruction", Intel 2011.)
 *
 * The portable way is "slicing by eight" (M. Kounavis, F. Berry, "A Systematic Approach to Building
 * High Performance Software-based CRC Generators", 2005).
 *
 * Thread rule: any thread; the tables are made once.
 */
#include "base/crc32c.h"

#include <endian.h>
#include <pthread.h>
#include <string.h>

#define POLYNOMIAL 0x82f63b78u /* reflected */
enum { PART = 1024 };          /* bytes of each of the three parts of a block */

static uint32_t slices[8][256];
static uint32_t shift_part[4][256]; /* moves a checksum past PART bytes */
static pthread_once_t tables_made = PTHREAD_ONCE_INIT;

/* A checksum followed by zero bytes. */
static uint32_t past_zeros(uint32_t crc, size_t count)
{
    while (count-- > 0) {
        crc = slices[0][crc & 0xff] ^ (crc >> 8);
    }
    return crc;
}

static void make_tables(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc & 1) != 0 ? (crc >> 1) ^ POLYNOMIAL : crc >> 1;
        }
        slices[0][i] = crc;
    }
    for (uint32_t i = 0; i < 256; i++) {
        for (size_t s = 1; s < 8; s++) {
            slices[s][i] = slices[0][slices[s - 1][i] & 0xff] ^ (slices[s - 1][i] >> 8);
        }
    }
    for (uint32_t i = 0; i < 256; i++) {
        for (uint32_t byte = 0; byte < 4; byte++) {
            shift_part[byte][i] = past_zeros(i << (8 * byte), PART);
        }
    }
}

uint32_t ksi_crc32c_portable(uint32_t crc, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    (void)pthread_once(&tables_made, make_tables);
    crc = ~crc;
    for (; size >= 8; size -= 8, at += 8) {
        uint64_t eight;
        memcpy(&eight, at, sizeof eight);
        eight = le64toh(eight) ^ crc;
        crc = slices[7][eight & 0xff] ^ slices[6][(eight >> 8) & 0xff] ^
              slices[5][(eight >> 16) & 0xff] ^ slices[4][(eight >> 24) & 0xff] ^
              slices[3][(eight >> 32) & 0xff] ^ slices[2][(eight >> 40) & 0xff] ^
              slices[1][(eight >> 48) & 0xff] ^ slices[0][eight >> 56];
    }
    for (; size > 0; size--, at++) {
        crc = slices[0][(crc ^ *at) & 0xff] ^ (crc >> 8);
    }
    return ~crc;
}

#if defined(__x86_64__)

#include <nmmintrin.h>

static uint32_t past_part(uint32_t crc)
{
    return shift_part[0][crc & 0xff] ^ shift_part[1][(crc >> 8) & 0xff] ^
           shift_part[2][(crc >> 16) & 0xff] ^ shift_part[3][crc >> 24];
}

static uint64_t load(const unsigned char *at)
{
    uint64_t eight;
    memcpy(&eight, at, sizeof eight);
    return eight;
}

__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc,
                                                                 const unsigned char *at,
                                                                 size_t size)
{
    uint64_t first = ~crc;
    for (; size >= (size_t)3 * PART; size -= (size_t)3 * PART, at += (size_t)3 * PART) {
        uint64_t second = 0;
        uint64_t third = 0;
        for (size_t i = 0; i < PART; i += 8) {
            first = _mm_crc32_u64(first, load(at + i));
            second = _mm_crc32_u64(second, load(at + PART + i));
            third = _mm_crc32_u64(third, load(at + (size_t)2 * PART + i));
        }
        first = past_part(past_part((uint32_t)first) ^ (uint32_t)second) ^ (uint32_t)third;
    }
    for (; size >= 8; size -= 8, at += 8) {
        first = _mm_crc32_u64(first, load(at));
    }
    uint32_t rest = (uint32_t)first;
    for (; size > 0; size--, at++) {
        rest = _mm_crc32_u8(rest, *at);
    }
    return ~rest;
}

uint32_t ksi_crc32c(uint32_t crc, const void *bytes, size_t size)
{
    (void)pthread_once(&tables_made, make_tables);
    return __builtin_cpu_supports("sse4.2") ? by_instruction(crc, bytes, size)
                                            : ksi_crc32c_portable(crc, bytes, size);
}

#else

uint32_t ksi_crc32c(uint32_t crc, const void *bytes, size_t size)
{
    return ksi_crc32c_portable(crc, bytes, size);
}

#endif
