/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tree_set.c - the set behind a description, against a list and against java.util.TreeSet
 * itself.
 */
#include "topology/tree_set.h"

#include "java_random.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

typedef struct collected {
    ksi_described *nodes[128];
    size_t count;
} collected;

static void collect(ksi_described *node, void *user)
{
    collected *into = user;
    assert_true(into->count < sizeof into->nodes / sizeof *into->nodes);
    into->nodes[into->count++] = node;
}

static void nodes_come_out_largest_first_then_by_name_and_once(void **state)
{
    (void)state;
    ks_arena arena;
    ksi_arena_init(&arena, 0);
    ksi_described nodes[] = {{.name = "b", .size = 2},
                             {.name = "a", .size = 2},
                             {.name = "z", .size = 9},
                             {.name = "c", .size = 1},
                             {.name = "B", .size = 2}};
    ksi_tree_set set = {0};
    for (size_t i = 0; i < 10; i++) {
        ksi_tree_set_add(&set, &nodes[i % 5], &arena);
    }
    collected got = {.count = 0};
    ksi_tree_set_each(&set, collect, &got);
    static const char *const expected[] = {"z", "B", "a", "b", "c"};
    assert_int_equal(got.count, 5);
    for (size_t i = 0; i < got.count; i++) {
        assert_string_equal(got.nodes[i]->name, expected[i]);
    }
    ksi_arena_destroy(&arena);
}

static void an_empty_set_visits_nothing(void **state)
{
    (void)state;
    const ksi_tree_set set = {0};
    collected got = {.count = 0};
    ksi_tree_set_each(&set, collect, &got);
    assert_int_equal(got.count, 0);
}

typedef struct descent {
    int last;
    size_t count;
} descent;

static void expect_next_below(ksi_described *node, void *user)
{
    descent *seen = user;
    assert_int_equal(node->size, seen->last - 1);
    seen->last = node->size;
    seen->count++;
}

static void a_thousand_ascending_nodes_stay_in_order_and_are_found_again(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    ks_arena arena;
    ksi_arena_init(&arena, 0);
    ksi_tree_set set = {0};
    ksi_described *nodes = calloc(COUNT, sizeof *nodes);
    assert_non_null(nodes);
    for (int i = 0; i < 2 * COUNT; i++) {
        nodes[i % COUNT] = (ksi_described){.name = "n", .size = i % COUNT};
        ksi_tree_set_add(&set, &nodes[i % COUNT], &arena);
    }
    descent seen = {.last = COUNT};
    ksi_tree_set_each(&set, expect_next_below, &seen);
    assert_int_equal(seen.count, COUNT);
    free(nodes);
    ksi_arena_destroy(&arena);
}

/*
 * 500 sets; in every other one the sizes change between additions, so that where a node ends up
 * (and whether it gets in twice) depends on the shape of the tree.
 */
static void sizes_that_change_meanwhile_lead_to_the_order_of_java(void **state)
{
    (void)state;
    java_random random = java_random_of(5);
    for (int round = 0; round < 500; round++) {
        ks_arena arena;
        ksi_arena_init(&arena, 0);
        ksi_tree_set set = {0};
        ksi_described nodes[60] = {{0}};
        char names[60][3];
        uint32_t count = 1 + below(&random, 60);
        for (uint32_t i = 0; i < count; i++) {
            snprintf(names[i], sizeof names[i], "%02u", i % 100);
            nodes[i] = (ksi_described){.name = names[i], .size = 1 + (int)below(&random, 9)};
        }
        uint32_t additions = below(&random, 3 * count);
        for (uint32_t i = 0; i < additions; i++) {
            if (round % 2 == 1) {
                uint32_t grown = below(&random, count);
                nodes[grown].size += (int)below(&random, 4);
            }
            ksi_tree_set_add(&set, &nodes[below(&random, count)], &arena);
        }
        collected got = {.count = 0};
        ksi_tree_set_each(&set, collect, &got);
        for (size_t i = 0; i < got.count; i++) {
            mix(&random, got.nodes[i]->name, 2);
        }
        mix(&random, "", 1);
        ksi_arena_destroy(&arena);
    }
    if (random.hash != UINT64_C(0x68a0f6b9ecaf07c7)) {
        fail_msg("%016" PRIx64 " is not Java's", random.hash);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_come_out_largest_first_then_by_name_and_once),
        cmocka_unit_test(an_empty_set_visits_nothing),
        cmocka_unit_test(a_thousand_ascending_nodes_stay_in_order_and_are_found_again),
        cmocka_unit_test(sizes_that_change_meanwhile_lead_to_the_order_of_java),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
