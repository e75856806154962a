/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_heap.c - priorities come out in order, and equal ones as java.util.PriorityQueue gives them.
 */
#include "base/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

typedef struct item {
    int priority;
    int id;
} item;

static int by_priority(const void *a, const void *b)
{
    return ((const item *)a)->priority - ((const item *)b)->priority;
}

/*
 * Written by Java's PriorityQueue under the same operations: for poll() the id or -1; for
 * remove(Object) 1000 + id when it was there, else 2000 + id; in the end everything that was left.
 */
static const int answers_of_java[] = {
    -1,   1000, -1,   1,    -1,   2,    3,    5,    2003, 6,    4,    -1,   -1,   -1,   7,    9,
    2009, 10,   2006, 1013, 2013, 2005, 14,   8,    18,   16,   20,   2016, 1017, 23,   21,   22,
    11,   24,   26,   27,   28,   30,   31,   32,   15,   33,   35,   2024, 2002, 37,   40,   2027,
    38,   41,   34,   46,   2015, 48,   49,   51,   43,   39,   42,   50,   55,   57,   54,   58,
    60,   53,   64,   61,   59,   68,   65,   69,   63,   1070, 67,   73,   74,   2065, 75,   76,
    79,   78,   19,   1082, 84,   80,   83,   81,   85,   86,   62,   72,   2046, 87,   91,   92,
    88,   90,   89,   66,   52,   47,   44,   2016, 2041, 45,   2057, 94,   2033, 2043, 96,   98,
    95,   99,   25,   100,  101,  36,   12,   29,   71,   102,  56,   77,   103,  104,  97,   2032,
    105,  93,   -1,   2024, 106,  2004, 107,  -1,   109,  2016, 111,  112,  108,  2049, 2008, 2086,
    2034, 110,  114,  119,  118,  116,  120,  121,  115,  117,  113,  122,  -1,   -1,   -1,   123,
    124,  2121, 126,  127,  128,  129,  2116, 132,  131,  130,  125,
};

/* The generator of the Java program too: a linear congruence of 64 bits. */
static int next_number(uint64_t *seed, int bound)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int)((*seed >> 33) % (uint64_t)bound);
}

static void equal_priorities_come_as_from_javas_priority_queue(void **state)
{
    (void)state;
    static item items[300];
    int count = 0;
    size_t answered = 0;
    uint64_t seed = 42;
    ksi_heap heap;
    ksi_heap_init(&heap, by_priority);
    for (int step = 0; step < 300; step++) {
        int what = next_number(&seed, 8);
        if (what < 4) {
            items[count] = (item){.priority = next_number(&seed, 4), .id = count};
            ksi_heap_push(&heap, &items[count++]);
        } else if (what < 7) {
            const item *popped = ksi_heap_pop(&heap);
            assert_int_equal(popped != NULL ? popped->id : -1, answers_of_java[answered++]);
        } else if (count > 0) {
            item *wanted = &items[next_number(&seed, count)];
            bool was_there = ksi_heap_remove(&heap, wanted);
            assert_int_equal((was_there ? 1000 : 2000) + wanted->id, answers_of_java[answered++]);
        }
    }
    for (const item *popped = ksi_heap_pop(&heap); popped != NULL; popped = ksi_heap_pop(&heap)) {
        assert_int_equal(popped->id, answers_of_java[answered++]);
    }
    assert_int_equal(answered, sizeof answers_of_java / sizeof *answers_of_java);
    ksi_heap_destroy(&heap);
}

static void an_empty_heap_gives_null(void **state)
{
    (void)state;
    ksi_heap heap;
    item one = {0};
    ksi_heap_init(&heap, by_priority);
    assert_null(ksi_heap_peek(&heap));
    assert_null(ksi_heap_pop(&heap));
    assert_false(ksi_heap_remove(&heap, &one));
    ksi_heap_push(&heap, &one);
    assert_ptr_equal(ksi_heap_peek(&heap), &one);
    assert_ptr_equal(ksi_heap_pop(&heap), &one);
    assert_null(ksi_heap_peek(&heap));
    ksi_heap_destroy(&heap);
}

static void priorities_come_out_sorted(void **state)
{
    (void)state;
    enum { COUNT = 2000 };
    static item items[COUNT];
    unsigned seed = 8;
    print_message("seed %u\n", seed);
    srandom(seed);
    ksi_heap heap;
    ksi_heap_init(&heap, by_priority);
    for (int i = 0; i < COUNT; i++) {
        items[i] = (item){.priority = (int)(random() % 500), .id = i};
        ksi_heap_push(&heap, &items[i]);
    }
    for (int i = 0; i < COUNT; i += 3) {
        assert_true(ksi_heap_remove(&heap, &items[i]));
        assert_false(ksi_heap_remove(&heap, &items[i]));
    }
    int last = 0;
    int popped = 0;
    for (; heap.count > 0; popped++) {
        const item *peeked = ksi_heap_peek(&heap);
        assert_ptr_equal(ksi_heap_pop(&heap), peeked);
        assert_true(peeked->priority >= last);
        assert_int_not_equal(peeked->id % 3, 0);
        last = peeked->priority;
    }
    assert_int_equal(popped, COUNT - (COUNT + 2) / 3);
    ksi_heap_destroy(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_priorities_come_as_from_javas_priority_queue),
        cmocka_unit_test(an_empty_heap_gives_null),
        cmocka_unit_test(priorities_come_out_sorted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
