/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tree.c - the ordered tree against an array of flags: looking up, inserting, removing, and
 * cursors that go on while the tree changes under them.
 */
#include "base/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { KEYS = 5000, KEY_BYTES = 8 };

typedef struct thing {
    ksi_tree_item item; /* first */
    char key[KEY_BYTES];
    bool is_in;
} thing;

typedef struct world {
    ksi_tree *tree;
    thing things[KEYS];
} world;

static int set_up(void **state)
{
    world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->tree = ksi_tree_new();
    for (int i = 0; i < KEYS; i++) {
        int size = snprintf(w->things[i].key, KEY_BYTES, "%05d", i);
        w->things[i].item.key = ks_slice_of(w->things[i].key, (size_t)size);
    }
    srand(20);
    print_message("seed 20\n");
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    world *w = *state;
    ksi_tree_free(w->tree);
    free(w);
    return 0;
}

static void turn(world *w, int i)
{
    thing *it = &w->things[i];
    if (it->is_in) {
        assert_ptr_equal(ksi_tree_remove(w->tree, it->item.key), &it->item);
        assert_null(ksi_tree_remove(w->tree, it->item.key));
    } else {
        assert_true(ksi_tree_insert(w->tree, &it->item));
        assert_false(ksi_tree_insert(w->tree, &it->item));
    }
    it->is_in = !it->is_in;
}

static void turn_many(world *w, int count)
{
    for (int i = 0; i < count; i++) {
        turn(w, rand() % KEYS);
    }
}

/* The nearest key that is in, from `i` on in a direction; NULL past the ends. */
static thing *nearest(world *w, int i, int direction)
{
    while (i >= 0 && i < KEYS && !w->things[i].is_in) {
        i += direction;
    }
    return i >= 0 && i < KEYS ? &w->things[i] : NULL;
}

static void an_empty_tree_has_nothing(void **state)
{
    world *w = *state;
    ks_slice key = ks_slice_cstr("a");
    ksi_tree_cursor cursor;
    assert_int_equal(ksi_tree_count(w->tree), 0);
    assert_null(ksi_tree_get(w->tree, key));
    assert_null(ksi_tree_first(w->tree));
    assert_null(ksi_tree_last(w->tree));
    assert_null(ksi_tree_at_or_above(w->tree, key));
    assert_null(ksi_tree_below(w->tree, key));
    assert_null(ksi_tree_remove(w->tree, key));
    assert_null(ksi_tree_seek(&cursor, w->tree, ks_slice_null(), false));
    assert_null(ksi_tree_seek(&cursor, w->tree, key, true));
    ksi_tree_clear(w->tree);
    ksi_tree_free(NULL);
}

static void keys_order_as_unsigned_bytes_and_shorter_first(void **state)
{
    world *w = *state;
    static const struct {
        const char *bytes;
        size_t size;
    } sorted[] = {{"", 0},     {"\0", 1},       {"\0\0", 2},      {"a", 1},
                  {"a\0", 2},  {"aaaaaaaa", 8}, {"aaaaaaaab", 9}, {"ab", 2},
                  {"\x7f", 1}, {"\x80", 1},     {"\xff", 1},      {"\xff\xff", 2}};
    enum { COUNT = sizeof sorted / sizeof *sorted };
    ksi_tree_item items[COUNT];
    for (size_t i = COUNT; i-- > 0;) {
        items[i].key = ks_slice_of(sorted[i].bytes, sorted[i].size);
        assert_true(ksi_tree_insert(w->tree, &items[i]));
    }
    ksi_tree_cursor cursor;
    const ksi_tree_item *at = ksi_tree_seek(&cursor, w->tree, ks_slice_null(), false);
    for (size_t i = 0; i < COUNT; i++) {
        assert_ptr_equal(at, &items[i]);
        assert_ptr_equal(ksi_tree_get(w->tree, items[i].key), &items[i]);
        at = ksi_tree_next(&cursor, at->key);
    }
    assert_null(at);
}

/* Few keys, which share much or little: what a node says of all its keys comes and goes. */
static void keys_with_long_beginnings_in_common_come_and_go(void **state)
{
    world *w = *state;
    static char long_keys[KEYS][64];
    for (int i = 0; i < KEYS; i++) {
        int shared = i % 3 == 0 ? 8 : i % 3 == 1 ? 30 : 45;
        int size = snprintf(long_keys[i], sizeof long_keys[i], "%.*s%05d", shared,
                            "the beginning of all these keys, which is long", i);
        w->things[i].item.key = ks_slice_of(long_keys[i], (size_t)size);
    }
    for (int round = 0; round < 300; round++) {
        int reach = round % 3 == 0 ? 3 : round % 3 == 1 ? 45 : 500;
        for (int i = 0; i < 200; i++) {
            turn(w, rand() % reach);
        }
        for (int i = 0; i < 500; i++) {
            const thing *it = &w->things[i];
            assert_ptr_equal(ksi_tree_get(w->tree, it->item.key), it->is_in ? it : NULL);
        }
        if (round % 7 == 0) { /* and down to nothing */
            for (int i = 0; i < 500; i++) {
                if (w->things[i].is_in) {
                    turn(w, i);
                }
            }
            assert_null(ksi_tree_first(w->tree));
        }
    }
}

static void every_way_of_looking_up_agrees_with_the_flags(void **state)
{
    world *w = *state;
    for (int round = 0; round < 200; round++) {
        turn_many(w, 300);
        for (int probe = 0; probe < 50; probe++) {
            int i = rand() % KEYS;
            ks_slice key = w->things[i].item.key;
            bool is_in = w->things[i].is_in;
            assert_ptr_equal(ksi_tree_get(w->tree, key), is_in ? &w->things[i] : NULL);
            assert_ptr_equal(ksi_tree_at_or_above(w->tree, key), nearest(w, i, 1));
            assert_ptr_equal(ksi_tree_above(w->tree, key), nearest(w, i + 1, 1));
            assert_ptr_equal(ksi_tree_at_or_below(w->tree, key), nearest(w, i, -1));
            assert_ptr_equal(ksi_tree_below(w->tree, key), nearest(w, i - 1, -1));
        }
        assert_ptr_equal(ksi_tree_first(w->tree), nearest(w, 0, 1));
        assert_ptr_equal(ksi_tree_last(w->tree), nearest(w, KEYS - 1, -1));
    }
}

/* One walk of some length from a random key; the tree changes now and then on the way. */
static void walk(world *w, int direction)
{
    bool backward = direction < 0;
    int at = rand() % KEYS;
    ksi_tree_cursor cursor;
    const ksi_tree_item *item = ksi_tree_seek(&cursor, w->tree, w->things[at].item.key, backward);
    for (int steps = rand() % 300; steps > 0; steps--) {
        const thing *expected = nearest(w, at, direction);
        assert_ptr_equal(item, expected);
        if (expected == NULL) {
            return;
        }
        at = (int)(expected - w->things);
        if (rand() % 20 == 0) {
            turn(w, rand() % KEYS); /* perhaps the very one the cursor is at */
        }
        ks_slice here = w->things[at].item.key;
        item = backward ? ksi_tree_previous(&cursor, here) : ksi_tree_next(&cursor, here);
        at += direction;
    }
}

static void cursors_go_on_while_the_tree_changes(void **state)
{
    world *w = *state;
    for (int round = 0; round < 300; round++) {
        turn_many(w, 200);
        for (int i = 0; i < 20; i++) {
            walk(w, rand() % 2 == 0 ? 1 : -1);
        }
    }
}

static void a_cursor_sees_every_item_once(void **state)
{
    world *w = *state;
    turn_many(w, KEYS);
    ksi_tree_cursor cursor;
    uint64_t count = 0;
    for (const ksi_tree_item *it = ksi_tree_seek(&cursor, w->tree, ks_slice_null(), true);
         it != NULL; it = ksi_tree_previous(&cursor, it->key)) {
        count++;
    }
    assert_int_equal(count, ksi_tree_count(w->tree));
}

/* A root of one item that shared its beginning with others, and gives way to one that does not. */
static void a_window_that_grows_and_shrinks_on_its_way_loses_none(void **state)
{
    world *w = *state;
    int low = 0;
    int high = 0;
    while (high + 120 < KEYS) {
        for (int most = high + 20 + rand() % 100; high < most; high++) {
            turn(w, high);
        }
        for (int least = low + rand() % (high - low); low < least; low++) {
            turn(w, low);
        }
        for (int i = low; i < high; i++) {
            assert_ptr_equal(ksi_tree_get(w->tree, w->things[i].item.key), &w->things[i].item);
        }
    }
}

static void rising_falling_and_emptying_again(void **state)
{
    world *w = *state;
    for (int i = 0; i < KEYS; i++) {
        turn(w, i);
    }
    assert_int_equal(ksi_tree_count(w->tree), KEYS);
    for (int i = KEYS - 1; i >= 0; i--) {
        turn(w, i);
    }
    assert_int_equal(ksi_tree_count(w->tree), 0);
    assert_null(ksi_tree_first(w->tree));
    turn(w, 7);
    ksi_tree_clear(w->tree);
    assert_null(ksi_tree_get(w->tree, w->things[7].item.key));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_tree_has_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keys_order_as_unsigned_bytes_and_shorter_first, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(keys_with_long_beginnings_in_common_come_and_go, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(every_way_of_looking_up_agrees_with_the_flags, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(cursors_go_on_while_the_tree_changes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cursor_sees_every_item_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_window_that_grows_and_shrinks_on_its_way_loses_none,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(rising_falling_and_emptying_again, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
