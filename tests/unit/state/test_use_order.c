/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_use_order.c - the order of use against a model that is an array of key numbers, eldest
 * first, copied at each commit.
 */
#include "state/use_order.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

enum { KEYS = 30, OPERATIONS = 200000 };

static uint64_t random_state;

static uint32_t below(uint32_t count)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state >> 33) % count);
}

typedef struct model {
    int keys[KEYS];
    size_t count;
} model;

static ks_slice key_of(int number, char buffer[16])
{
    return ks_slice_of(buffer, number == 0 ? 0 : (size_t)snprintf(buffer, 16, "k%d", number));
}

static bool take(model *m, int number)
{
    size_t kept = 0;
    size_t before = m->count;
    for (size_t i = 0; i < m->count; i++) {
        if (m->keys[i] != number) {
            m->keys[kept++] = m->keys[i];
        }
    }
    m->count = kept;
    return kept != before;
}

static void compare(const ksi_use_order *order, const model *now)
{
    char buffer[16];
    assert_int_equal(ksi_use_order_count(order), now->count);
    ks_slice eldest = ksi_use_order_eldest(order);
    assert_int_equal(eldest.data != NULL, now->count > 0);
    assert_true(now->count == 0 || ks_slice_equal(eldest, key_of(now->keys[0], buffer)));
}

static void operate(ksi_use_order *order, model *now, model *committed)
{
    char buffer[16];
    int number = (int)below(KEYS);
    ks_slice key = key_of(number, buffer);
    switch (below(16)) {
    case 0:
        ksi_use_order_commit(order);
        *committed = *now;
        break;
    case 1:
        ksi_use_order_abort(order);
        *now = *committed;
        break;
    case 2:
    case 3:
    case 4:
        ksi_use_order_remove(order, key);
        (void)take(now, number);
        break;
    case 5:
    case 6:
    case 7:
    case 8:
        ksi_use_order_use(order, key);
        if (take(now, number)) {
            now->keys[now->count++] = number;
        }
        break;
    default:
        ksi_use_order_add(order, key);
        (void)take(now, number);
        now->keys[now->count++] = number;
    }
}

static void the_order_is_that_of_use_and_an_abort_brings_the_old_one_back(void **state)
{
    (void)state;
    const char *given = getenv("KSTREAMS_TEST_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    random_state = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
    print_message("seed %" PRIu64 " (KSTREAMS_TEST_SEED repeats it)\n", seed);
    ksi_use_order *order = ksi_use_order_new();
    model now = {.count = 0};
    model committed = {.count = 0};
    for (int i = 0; i < OPERATIONS; i++) {
        operate(order, &now, &committed);
        compare(order, &now);
        for (int k = 0; k < KEYS; k++) {
            char buffer[16];
            model copy = now;
            assert_int_equal(ksi_use_order_has(order, key_of(k, buffer)), take(&copy, k));
        }
    }
    while (now.count > 0) { /* all of it, and not only the eldest */
        compare(order, &now);
        ksi_use_order_remove(order, ksi_use_order_eldest(order));
        (void)take(&now, now.keys[0]);
    }
    compare(order, &now);
    ksi_use_order_free(order);
    ksi_use_order_free(NULL);
}

static void what_was_cleared_is_gone_for_good(void **state)
{
    (void)state;
    ksi_use_order *order = ksi_use_order_new();
    ksi_use_order_add(order, ks_slice_cstr("a"));
    ksi_use_order_commit(order);
    ksi_use_order_clear(order);
    ksi_use_order_abort(order);
    assert_int_equal(ksi_use_order_count(order), 0);
    ksi_use_order_add(order, ks_slice_cstr("a"));
    assert_true(ks_slice_equal(ksi_use_order_eldest(order), ks_slice_cstr("a")));
    ksi_use_order_free(order);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_order_is_that_of_use_and_an_abort_brings_the_old_one_back),
        cmocka_unit_test(what_was_cleared_is_gone_for_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
