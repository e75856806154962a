/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_map.c - the hash map against a plain list, and its order of iteration.
 */
#include "base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static int values[1000];

/* The keys in the order of iteration, each followed by a space. */
static void assert_order(const ksi_map *map, const char *wanted)
{
    char text[256] = "";
    size_t used = 0;
    ks_slice key;
    for (size_t i = 0; ksi_map_at(map, &i, &key, NULL); i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%.*s ", (int)key.size, key.data);
    }
    assert_string_equal(text, wanted);
}

static void an_empty_map_has_nothing(void **state)
{
    (void)state;
    ksi_map *map = ksi_map_new();
    size_t at = 0;
    assert_int_equal(ksi_map_count(map), 0);
    assert_null(ksi_map_get_cstr(map, "a"));
    assert_null(ksi_map_remove(map, ks_slice_cstr("a")));
    assert_false(ksi_map_at(map, &at, NULL, NULL));
    ksi_map_free(map, NULL);
    ksi_map_free(NULL, NULL);
}

static void putting_again_replaces_and_keeps_the_place(void **state)
{
    (void)state;
    ksi_map *map = ksi_map_new();
    assert_null(ksi_map_put_cstr(map, "b", &values[0]));
    assert_null(ksi_map_put_cstr(map, "a", &values[1]));
    assert_ptr_equal(ksi_map_put_cstr(map, "b", &values[2]), &values[0]);
    assert_ptr_equal(ksi_map_get_cstr(map, "b"), &values[2]);
    assert_int_equal(ksi_map_count(map), 2);
    assert_order(map, "b a ");
    ksi_map_free(map, NULL);
}

static void iteration_follows_the_order_of_insertion(void **state)
{
    (void)state;
    ksi_map *map = ksi_map_new();
    static const char *const keys[] = {"zebra", "apple", "mango", "fig", "kiwi"};
    for (size_t i = 0; i < 5; i++) {
        ksi_map_put_cstr(map, keys[i], &values[i]);
    }
    assert_ptr_equal(ksi_map_remove(map, ks_slice_cstr("apple")), &values[1]);
    ksi_map_put_cstr(map, "apple", &values[7]);
    assert_order(map, "zebra mango fig kiwi apple ");
    ksi_map_free(map, NULL);
}

static void entries_may_be_removed_while_iterating(void **state)
{
    (void)state;
    ksi_map *map = ksi_map_new();
    char name[8];
    for (int i = 0; i < 100; i++) {
        (void)snprintf(name, sizeof name, "%d", i);
        ksi_map_put_cstr(map, name, &values[i]);
    }
    int seen = 0;
    ks_slice key;
    void *value;
    for (size_t i = 0; ksi_map_at(map, &i, &key, &value); i++) {
        assert_ptr_equal(value, &values[seen]);
        if (seen++ % 3 != 0) {
            assert_ptr_equal(ksi_map_remove(map, key), value); /* `key` lies in the map */
        }
    }
    assert_int_equal(seen, 100);
    assert_int_equal(ksi_map_count(map), 34);
    ksi_map_free(map, NULL);
}

static void keys_are_copied_and_may_hold_any_bytes(void **state)
{
    (void)state;
    ksi_map *map = ksi_map_new();
    char key[] = {'a', '\0', 'b'};
    ksi_map_put(map, ks_slice_of(key, 3), &values[3]);
    ksi_map_put(map, ks_slice_of(key, 1), &values[1]);
    ksi_map_put(map, ks_slice_of(key, 0), &values[0]);
    key[0] = 'x';
    assert_ptr_equal(ksi_map_get(map, ks_slice_of("a\0b", 3)), &values[3]);
    assert_ptr_equal(ksi_map_get(map, ks_slice_of("a", 1)), &values[1]);
    assert_ptr_equal(ksi_map_get(map, ks_slice_null()), &values[0]);
    assert_null(ksi_map_get(map, ks_slice_of("a\0c", 3)));
    ksi_map_free(map, NULL);
}

static int freed;

static void count_free(void *value)
{
    assert_non_null(value);
    freed++;
}

static void freeing_a_map_frees_the_values_that_are_left(void **state)
{
    (void)state;
    freed = 0;
    ksi_map *map = ksi_map_new();
    ksi_map_put_cstr(map, "a", &values[0]);
    ksi_map_put_cstr(map, "b", &values[1]);
    ksi_map_put_cstr(map, "c", &values[2]);
    ksi_map_remove(map, ks_slice_cstr("b"));
    ksi_map_free(map, count_free);
    assert_int_equal(freed, 2);
}

enum { KEYS = 300 };

/* What the map should hold: the value of each key, and the time of its insertion. */
typedef struct model {
    void *value[KEYS];
    int inserted[KEYS];
    size_t count;
} model;

static void compare_with_model(const ksi_map *map, const model *expected)
{
    assert_int_equal(ksi_map_count(map), expected->count);
    size_t seen = 0;
    int last = -1;
    ks_slice key;
    void *value;
    for (size_t i = 0; ksi_map_at(map, &i, &key, &value); i++) {
        char name[16] = "";
        memcpy(name, key.data, key.size);
        long number = strtol(name, NULL, 10);
        assert_ptr_equal(value, expected->value[number]);
        assert_true(expected->inserted[number] > last);
        last = expected->inserted[number];
        seen++;
    }
    assert_int_equal(seen, expected->count);
}

static void random_operations_agree_with_a_list(void **state)
{
    (void)state;
    unsigned seed = 90210;
    print_message("seed %u\n", seed);
    srandom(seed);
    ksi_map *map = ksi_map_new();
    static model expected;
    for (int step = 0; step < 60000; step++) {
        long range = step / 10000 % 2 == 0 ? KEYS : 12; /* times of growing and of shrinking */
        long number = random() % range;
        char name[16];
        (void)snprintf(name, sizeof name, "%ld", number);
        void *before = expected.value[number];
        if (random() % 2 == 0) {
            void *value = &values[random() % 1000];
            assert_ptr_equal(ksi_map_put_cstr(map, name, value), before);
            expected.value[number] = value;
            expected.inserted[number] = before != NULL ? expected.inserted[number] : step;
            expected.count += before == NULL ? 1 : 0;
        } else {
            assert_ptr_equal(ksi_map_remove(map, ks_slice_cstr(name)), before);
            expected.value[number] = NULL;
            expected.count -= before != NULL ? 1 : 0;
        }
        assert_ptr_equal(ksi_map_get_cstr(map, name), expected.value[number]);
        if (step % 500 == 0) {
            compare_with_model(map, &expected);
        }
    }
    compare_with_model(map, &expected);
    ksi_map_free(map, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_map_has_nothing),
        cmocka_unit_test(putting_again_replaces_and_keeps_the_place),
        cmocka_unit_test(iteration_follows_the_order_of_insertion),
        cmocka_unit_test(entries_may_be_removed_while_iterating),
        cmocka_unit_test(keys_are_copied_and_may_hold_any_bytes),
        cmocka_unit_test(freeing_a_map_frees_the_values_that_are_left),
        cmocka_unit_test(random_operations_agree_with_a_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
