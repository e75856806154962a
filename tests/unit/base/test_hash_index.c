/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_hash_index.c - the hash index against an array of flags: adding, removing and finding, with
 * hashes that collide, runs that go around the end of the table, and growth.
 */
#include "base/hash_index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/slice.h"

enum { KEYS = 4000, KEY_BYTES = 8 };

typedef struct thing {
    uint64_t hash;
    ksi_tree_item item;
    char key[KEY_BYTES];
    bool is_in;
} thing;

typedef struct world {
    ksi_hash_index index;
    thing things[KEYS];
    size_t count;
} world;

static int set_up(void **state)
{
    world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    ksi_hash_index_open(&w->index);
    for (int i = 0; i < KEYS; i++) {
        thing *it = &w->things[i];
        int size = snprintf(it->key, KEY_BYTES, "%d", i);
        it->item.key = ks_slice_of(it->key, (size_t)size);
        it->hash = ksi_slice_hash(it->item.key);
    }
    srand(21);
    print_message("seed 21\n");
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    world *w = *state;
    ksi_hash_index_close(&w->index);
    free(w);
    return 0;
}

static void turn(world *w, thing *it)
{
    if (it->is_in) {
        ksi_hash_index_remove(&w->index, &it->item, it->hash);
        w->count--;
    } else {
        ksi_hash_index_add(&w->index, &it->item, it->hash);
        w->count++;
    }
    it->is_in = !it->is_in;
}

/* Every key is found if it is in, and what the index has are just those that are. */
static void assert_same(const world *w)
{
    size_t seen = 0;
    assert_int_equal(w->index.count, w->count);
    for (size_t i = 0; i < KEYS; i++) {
        const thing *it = &w->things[i];
        const ksi_tree_item *found = ksi_hash_index_find(&w->index, it->item.key, it->hash);
        assert_ptr_equal(found, it->is_in ? &it->item : NULL);
    }
    for (size_t i = 0; ksi_hash_index_at(&w->index, &i) != NULL; i++) {
        seen++;
    }
    assert_int_equal(seen, w->count);
}

static void an_empty_index_finds_nothing(void **state)
{
    world *w = *state;
    size_t at = 0;
    assert_null(ksi_hash_index_at(&w->index, &at));
    assert_same(w);
}

static void keys_come_and_go_at_random(void **state)
{
    world *w = *state;
    for (int round = 0; round < 20; round++) {
        int reach = round % 2 == 0 ? KEYS : KEYS / 40; /* many, or a few again and again */
        for (int i = 0; i < 3000; i++) {
            turn(w, &w->things[rand() % reach]);
        }
        assert_same(w);
    }
    for (size_t i = 0; i < KEYS; i++) {
        if (w->things[i].is_in) {
            turn(w, &w->things[i]);
        }
    }
    assert_same(w);
}

/* Hashes of few values near the end of the table: one run of slots, which goes around it. */
static void hashes_that_collide_are_told_apart_by_their_keys(void **state)
{
    world *w = *state;
    for (size_t i = 0; i < KEYS; i++) {
        w->things[i].hash = UINT64_MAX - (uint64_t)(rand() % 3);
    }
    for (int round = 0; round < 200; round++) {
        for (int i = 0; i < 10; i++) {
            turn(w, &w->things[rand() % 40]);
        }
        assert_same(w);
    }
    assert_int_equal(w->index.slot_count, 64); /* it did not grow: the end was where we thought */
}

static void the_empty_key_is_a_key(void **state)
{
    world *w = *state;
    ksi_tree_item empty = {.key = ks_slice_null()};
    turn(w, &w->things[0]);
    assert_null(ksi_hash_index_find(&w->index, ks_slice_null(), w->things[0].hash));
    ksi_hash_index_add(&w->index, &empty, w->things[0].hash);
    assert_ptr_equal(ksi_hash_index_find(&w->index, ks_slice_null(), w->things[0].hash), &empty);
    ksi_hash_index_remove(&w->index, &empty, w->things[0].hash);
    assert_same(w);
}

static void clearing_forgets_all_and_the_index_goes_on(void **state)
{
    world *w = *state;
    for (size_t i = 0; i < KEYS; i++) {
        turn(w, &w->things[i]);
    }
    ksi_hash_index_clear(&w->index);
    for (size_t i = 0; i < KEYS; i++) {
        w->things[i].is_in = false;
    }
    w->count = 0;
    assert_same(w);
    turn(w, &w->things[7]);
    assert_same(w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_empty_index_finds_nothing),
        TEST(keys_come_and_go_at_random),
        TEST(hashes_that_collide_are_told_apart_by_their_keys),
        TEST(the_empty_key_is_a_key),
        TEST(clearing_forgets_all_and_the_index_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
