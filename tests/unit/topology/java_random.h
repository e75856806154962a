/* SPDX-License-Identifier: Apache-2.0 */
/*
 * java_random.h - a generator of numbers (xorshift64) and a hash (FNV-1a) that are one line each in
 * Java, too.
 *
 * Tests that compare with Java run the same random program in both languages and compare one hash
 * of all that came out: the expected numbers in those tests were printed by Kafka Streams 4.3.1.
 */
#ifndef TEST_JAVA_RANDOM_H
#define TEST_JAVA_RANDOM_H

#include <stddef.h>
#include <stdint.h>

typedef struct java_random {
    uint64_t state;
    uint64_t hash;
} java_random;

static inline java_random java_random_of(uint64_t seed)
{
    return (java_random){.state = seed, .hash = UINT64_C(0xcbf29ce484222325)};
}

static inline uint32_t below(java_random *random, uint32_t count)
{
    random->state ^= random->state << 13;
    random->state ^= random->state >> 7;
    random->state ^= random->state << 17;
    return (uint32_t)((random->state >> 33) % count);
}

static inline void mix(java_random *random, const void *bytes, size_t size)
{
    const uint8_t *byte = bytes;
    for (size_t i = 0; i < size; i++) {
        random->hash = (random->hash ^ byte[i]) * UINT64_C(0x100000001b3);
    }
}

#endif
