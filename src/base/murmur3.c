/* SPDX-License-Identifier: Apache-2.0 */
/*
 * murmur3.c - see murmur3.h.
 *
 * Two halves of 64 bits run side by side: 16 bytes go into both, little endian, and each block
 * mixes one half into the other. What is left at the end is taken as a block that is filled up with
 * zeros, and does not rotate the halves.
 */
#include "base/murmur3.h"

#include <endian.h>
#include <string.h>

enum { BLOCK = 16, HALF = 8 };

static const uint64_t seed = 104729;
static const uint64_t c1 = 0x87c37b91114253d5;
static const uint64_t c2 = 0x4cf5ad432745937f;

static uint64_t rotate_left(uint64_t number, unsigned bits)
{
    return number << bits | number >> (64 - bits);
}

static uint64_t read_half(const char *from)
{
    uint64_t half;
    memcpy(&half, from, sizeof half);
    return le64toh(half);
}

static uint64_t mix_first(uint64_t half)
{
    return rotate_left(half * c1, 31) * c2;
}

static uint64_t mix_second(uint64_t half)
{
    return rotate_left(half * c2, 33) * c1;
}

static uint64_t finish(uint64_t hash)
{
    hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccd;
    hash = (hash ^ hash >> 33) * 0xc4ceb9fe1a85ec53;
    return hash ^ hash >> 33;
}

ksi_hash128 ksi_murmur3(ks_slice bytes)
{
    uint64_t first = seed;
    uint64_t second = seed;
    size_t at = 0;
    for (; bytes.size - at >= BLOCK; at += BLOCK) {
        first ^= mix_first(read_half(bytes.data + at));
        first = (rotate_left(first, 27) + second) * 5 + 0x52dce729;
        second ^= mix_second(read_half(bytes.data + at + HALF));
        second = (rotate_left(second, 31) + first) * 5 + 0x38495ab5;
    }
    if (at < bytes.size) {
        char rest[BLOCK] = {0};
        memcpy(rest, bytes.data + at, bytes.size - at);
        second ^= mix_second(read_half(rest + HALF)); /* of zeros it is zero */
        first ^= mix_first(read_half(rest));
    }
    first ^= bytes.size;
    second ^= bytes.size;
    first += second;
    second += first;
    first = finish(first);
    second = finish(second);
    first += second;
    return (ksi_hash128){.high = first, .low = second + first};
}
