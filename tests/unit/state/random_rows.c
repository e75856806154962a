/* SPDX-License-Identifier: Apache-2.0 */
/*
 * random_rows.c - see random_rows.h.
 */
#include "random_rows.h"

#include "base/slice.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static char keys[RANDOM_KEYS][RANDOM_KEY_BYTES];
static size_t key_sizes[RANDOM_KEYS];
static char text[RANDOM_TEXT_BYTES];
static uint64_t random_state;
static uint64_t seed;

uint64_t random_seed(void)
{
    return seed;
}

uint32_t random_below(uint32_t count)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state >> 33) % count);
}

ks_slice random_key(size_t number)
{
    return ks_slice_of(keys[number], key_sizes[number]);
}

ks_slice random_value(uint32_t at, uint32_t size)
{
    return ks_slice_of(text + at, size);
}

static int compare_keys(const void *a, const void *b)
{
    return ksi_slice_compare(*(const ks_slice *)a, *(const ks_slice *)b);
}

ks_slice random_key_like(char to[RANDOM_KEY_BYTES], const ks_slice *others, size_t count)
{
    size_t size = 0;
    if (count > 0 && random_below(3) > 0) {
        ks_slice other = others[random_below((uint32_t)count)];
        size = random_below((uint32_t)other.size + 1);
        memcpy(to, other.data, size);
    }
    size_t more = random_below(4) == 0 ? random_below(RANDOM_KEY_BYTES + 1) : random_below(4);
    for (; more > 0 && size < RANDOM_KEY_BYTES; more--) {
        static const char likely[] = {'\0', '\xff', 'a', 'b', '\x7f', '\x80'};
        to[size++] =
            random_below(3) == 0 ? (char)random_below(256) : likely[random_below(sizeof likely)];
    }
    return ks_slice_of(to, size);
}

static bool is_among(ks_slice key, const ks_slice *others, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (ks_slice_equal(key, others[i])) {
            return true;
        }
    }
    return false;
}

static void make_keys(void)
{
    static char bytes[RANDOM_KEYS][RANDOM_KEY_BYTES];
    ks_slice made[RANDOM_KEYS];
    made[0] = ks_slice_of(bytes[0], 0); /* the empty key is one */
    made[1] = ks_slice_of(memset(bytes[1], 0xff, RANDOM_KEY_BYTES), RANDOM_KEY_BYTES);
    for (size_t i = 2; i < RANDOM_KEYS;) {
        made[i] = random_key_like(bytes[i], made, i);
        i += is_among(made[i], made, i) ? 0 : 1;
    }
    qsort(made, RANDOM_KEYS, sizeof *made, compare_keys);
    for (size_t i = 0; i < RANDOM_KEYS; i++) {
        key_sizes[i] = made[i].size;
        memcpy(keys[i], made[i].data, made[i].size);
    }
    for (size_t i = 0; i < RANDOM_TEXT_BYTES; i++) {
        text[i] = (char)random_below(256);
    }
}

ks_slice random_behind_prefix(ks_slice prefix, char to[RANDOM_KEY_BYTES])
{
    size_t size = prefix.size;
    while (size > 0 && (unsigned char)prefix.data[size - 1] == 0xff) {
        size--;
    }
    if (size == 0) {
        return ks_slice_null();
    }
    memcpy(to, prefix.data, size);
    to[size - 1] = (char)((unsigned char)to[size - 1] + 1);
    return ks_slice_of(to, size);
}

ks_slice random_bound(char to[RANDOM_KEY_BYTES])
{
    ks_slice key = random_key(random_below(RANDOM_KEYS));
    switch (random_below(4)) {
    case 0:
        return ks_slice_null();
    case 1:
        return random_key_like(to, &key, 1);
    default:
        return key;
    }
}

void random_start(void)
{
    const char *given = getenv("KSTREAMS_TEST_SEED");
    seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    random_state = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
    print_message("seed %" PRIu64 " (KSTREAMS_TEST_SEED repeats it)\n", seed);
    make_keys();
}

ksi_row_range random_range(char low[RANDOM_KEY_BYTES], char high[RANDOM_KEY_BYTES])
{
    ksi_row_range range = {.backward = random_below(2) == 0, .committed = random_below(3) == 0};
    if (random_below(4) == 0) {
        ks_slice key = random_key(random_below(RANDOM_KEYS));
        range.low = ks_slice_of(key.data, random_below((uint32_t)key.size + 1));
        range.high = random_behind_prefix(range.low, high);
    } else {
        range.low = random_bound(low);
        range.high = random_bound(high);
        range.high_inclusive = random_below(2) == 0;
    }
    return range;
}

bool random_range_has(const ksi_row_range *range, ks_slice key)
{
    if (range->low.data != NULL && ksi_slice_compare(key, range->low) < 0) {
        return false;
    }
    int order = range->high.data != NULL ? ksi_slice_compare(key, range->high) : -1;
    return order < 0 || (order == 0 && range->high_inclusive);
}
