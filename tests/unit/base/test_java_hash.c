/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_java_hash.c - the order of a java.util.HashMap, with crowded buckets and without.
 */
#include "base/java_hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { MOST = 45, LONGEST = 40 };

/* How the texts of a case are made. */
typedef enum family {
    PLAIN,         /* store-0, store-1, ... */
    ONE_HASH,      /* AaAaAaAaAaAa, AaAaAaAaAaBB, ...: all of the same hash */
    NODE_NAMES,    /* KSTREAM-AGGREGATE-0000000000, ... */
    OTHER_SCRIPTS, /* with characters of two bytes and of two UTF-16 units */
    ONE_BUCKET     /* unequal hashes that meet in bucket 5 of 64 */
} family;

static void make_text(family kind, size_t index, char text[LONGEST])
{
    switch (kind) {
    case PLAIN:
        (void)snprintf(text, LONGEST, "store-%zu", index);
        break;
    case ONE_HASH:
        for (size_t bit = 0; bit < 6; bit++) {
            memcpy(text + 2 * bit, (index >> (5 - bit) & 1u) == 0 ? "Aa" : "BB", 3);
        }
        break;
    case NODE_NAMES:
        (void)snprintf(text, LONGEST, "KSTREAM-AGGREGATE-%010zu", index);
        break;
    case OTHER_SCRIPTS:
        (void)snprintf(text, LONGEST, "z\303\274rich-%zu\360\237\230\200", index);
        break;
    case ONE_BUCKET:
        for (size_t k = 0, found = 0; found <= index; k++) {
            (void)snprintf(text, LONGEST, "k%zu", k);
            uint32_t hash = (uint32_t)ksi_java_string_hash(text);
            found += ((hash ^ hash >> 16) & 63u) == 5u ? 1 : 0;
        }
        break;
    }
}

typedef struct order_case {
    family kind;
    size_t count;
    size_t capacity; /* of new HashMap(n); 0 for new HashMap() */
    size_t order[MOST];
} order_case;

/* Written by Java: the values of a HashMap that maps each text to its index. */
static const order_case orders[] = {
    {PLAIN, 10, 0, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
    {PLAIN, 12, 0, {10, 0, 11, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
    {PLAIN, 13, 0, {10, 0, 11, 1, 12, 2, 3, 4, 5, 6, 7, 8, 9}},
    {PLAIN, 30, 0, {15, 16, 17, 18, 19, 10, 11, 12, 13, 14, 26, 27, 28, 29, 20,
                    21, 0,  22, 1,  23, 2,  24, 3,  25, 4,  5,  6,  7,  8,  9}},
    {PLAIN, 30, 4, {15, 16, 17, 18, 19, 10, 11, 12, 13, 14, 26, 27, 28, 29, 20,
                    21, 0,  22, 1,  23, 2,  24, 3,  25, 4,  5,  6,  7,  8,  9}},
    {PLAIN, 10, 64, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
    {ONE_HASH, 8, 0, {0, 1, 2, 3, 4, 5, 6, 7}},
    {ONE_HASH, 9, 0, {0, 1, 2, 3, 4, 5, 6, 7, 8}},
    {ONE_HASH, 12, 0, {3, 0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11}},
    {ONE_HASH, 33, 0, {7,  3,  0,  1,  2,  4,  5,  6,  8,  9,  10, 11, 12, 13, 14, 15, 16,
                       17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32}},
    {ONE_HASH, 40, 64, {15, 7,  3,  0,  1,  2,  4,  5,  6,  8,  9,  10, 11, 12,
                        13, 14, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27,
                        28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39}},
    {NODE_NAMES, 25, 0, {15, 16, 17, 18, 11, 12, 13, 14, 19, 10, 4,  5, 6,
                         7,  0,  22, 1,  23, 2,  24, 3,  8,  9,  20, 21}},
    {OTHER_SCRIPTS, 20, 0, {7, 6, 5, 4, 9, 8, 3, 2, 0, 1, 19, 17, 18, 11, 12, 10, 15, 16, 13, 14}},
    {ONE_BUCKET, 9, 0, {0, 1, 2, 3, 4, 5, 6, 7, 8}},
    {ONE_BUCKET, 20, 0, {3, 0, 18, 19, 13, 14, 17, 15, 16, 1, 2, 4, 5, 6, 7, 8, 9, 11, 12, 10}},
    {ONE_BUCKET, 45, 64, {13, 3,  0,  43, 44, 18, 21, 22, 20, 19, 14, 17, 15, 16, 29,
                          30, 27, 28, 23, 26, 35, 36, 33, 34, 31, 32, 39, 40, 37, 41,
                          42, 38, 25, 24, 1,  2,  4,  5,  6,  7,  8,  9,  11, 12, 10}},
    {ONE_BUCKET, 40, 1, {13, 3,  0,  18, 21, 22, 20, 19, 14, 17, 15, 16, 29, 30,
                         27, 28, 23, 26, 35, 36, 33, 34, 31, 32, 39, 37, 38, 25,
                         24, 1,  2,  4,  5,  6,  7,  8,  9,  11, 12, 10}},
};

static void texts_come_in_the_order_of_javas_hash_map(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        const order_case *wanted = &orders[i];
        char texts[MOST][LONGEST];
        const char *pointers[MOST];
        for (size_t j = 0; j < wanted->count; j++) {
            make_text(wanted->kind, j, texts[j]);
            pointers[j] = texts[j];
        }
        size_t order[MOST];
        ksi_java_hash_order(pointers, wanted->count, wanted->capacity, order);
        for (size_t j = 0; j < wanted->count; j++) {
            assert_int_equal(order[j], wanted->order[j]);
        }
    }
}

static void texts_hash_as_java_strings(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int32_t hash;
    } hashes[] = {
        {"", 0},
        {"a", 97},
        {"word-counts", -1202629273},
        {"z\303\274rich", -565983330},
        {"\360\237\230\200", 1772899},
        {"\342\202\254", 8364},
        {"KSTREAM-SOURCE-0000000000", 1861603632},
    };
    for (size_t i = 0; i < sizeof hashes / sizeof *hashes; i++) {
        assert_int_equal(ksi_java_string_hash(hashes[i].text), hashes[i].hash);
    }
}

static void no_texts_have_no_order(void **state)
{
    (void)state;
    size_t order = 99;
    ksi_java_hash_order(NULL, 0, 0, &order);
    assert_int_equal(order, 99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_come_in_the_order_of_javas_hash_map),
        cmocka_unit_test(texts_hash_as_java_strings),
        cmocka_unit_test(no_texts_have_no_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
