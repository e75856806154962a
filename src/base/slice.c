/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slice.c - comparing and hashing bytes.
 *
 * Two hashes live here on purpose. ksi_slice_hash() serves tables in memory and may change with any
 * release. ksi_murmur2() is Kafka's: it decides which partition a key goes to, so it is as frozen
 * as a file format, and using the fast one for partitions is the tempting wrong way.
 *
 * Null counts as empty here: what null means is decided before bytes are compared.
 *
 * Thread rule: any.
 */
#include "base/slice.h"

#include <endian.h>

#include "base/arena.h"
#include "base/endian.h"

int ksi_slice_compare(ks_slice a, ks_slice b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common > 0 ? memcmp(a.data, b.data, common) : 0;
    if (order != 0) {
        return order;
    }
    return (a.size > b.size) - (a.size < b.size);
}

bool ksi_slice_starts_with(ks_slice slice, ks_slice prefix)
{
    return slice.size >= prefix.size &&
           (prefix.size == 0 || memcmp(slice.data, prefix.data, prefix.size) == 0);
}

ks_slice ksi_slice_behind_prefix(ks_slice prefix, ks_arena *arena)
{
    while (prefix.size > 0 && (unsigned char)prefix.data[prefix.size - 1] == 0xffu) {
        prefix.size--;
    }
    if (prefix.size == 0) {
        return ks_slice_null();
    }
    char *end = ksi_arena_alloc(arena, prefix.size);
    memcpy(end, prefix.data, prefix.size);
    end[prefix.size - 1] = (char)((unsigned char)end[prefix.size - 1] + 1);
    return ks_slice_of(end, prefix.size);
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9fb21c651e98df25);
    return hash ^ (hash >> 32);
}

/*
 * The last one to seven bytes, by loads of fixed sizes that may overlap what came before: copying
 * a number of bytes that is not known when compiling is a call.
 */
static uint64_t tail_of(const char *at, size_t left, size_t size)
{
    uint64_t word = 0;
    if (size >= 8) {
        memcpy(&word, at + left - 8, 8);
        return word;
    }
    if (left >= 4) {
        uint32_t first;
        uint32_t last;
        memcpy(&first, at, 4);
        memcpy(&last, at + left - 4, 4);
        return (uint64_t)first << 32 | last;
    }
    const unsigned char *bytes = (const unsigned char *)at;
    return bytes[0] | (uint64_t)bytes[left / 2] << 8 | (uint64_t)bytes[left - 1] << 16;
}

uint64_t ksi_slice_hash(ks_slice slice)
{
    uint64_t hash = UINT64_C(0x243f6a8885a308d3) ^ slice.size;
    const char *at = slice.data;
    size_t left = slice.size;
    for (; left >= 8; left -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        hash = mix(hash, word);
    }
    if (left > 0) {
        hash = mix(hash, tail_of(at, left, slice.size));
    }
    return mix(hash, hash >> 29);
}

uint32_t ksi_murmur2(ks_slice slice)
{
    const uint32_t multiplier = UINT32_C(0x5bd1e995);
    const unsigned char *at = (const unsigned char *)slice.data;
    size_t left = slice.size;
    uint32_t hash = UINT32_C(0x9747b28c) ^ (uint32_t)slice.size;
    for (; left >= 4; left -= 4, at += 4) {
        uint32_t word;
        memcpy(&word, at, sizeof word);
        word = le32toh(word) * multiplier;
        word ^= word >> 24;
        hash = (hash * multiplier) ^ (word * multiplier);
    }
    if (left > 0) {
        for (size_t i = 0; i < left; i++) {
            hash ^= (uint32_t)at[i] << (8 * i);
        }
        hash *= multiplier;
    }
    hash = (hash ^ (hash >> 13)) * multiplier;
    return hash ^ (hash >> 15);
}
