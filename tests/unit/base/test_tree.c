/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tree.c - the ordered tree against a sorted array, through every way of looking up and
 * removing.
 */
#include "base/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/slice.h"

static void put(ksi_tree *tree, const char *key, const char *value, int64_t timestamp)
{
    const ksi_tree_entry *entry =
        ksi_tree_put(tree, ks_slice_cstr(key), ks_slice_cstr(value), timestamp);
    assert_true(ks_slice_equal(entry->key, ks_slice_cstr(key)));
    assert_true(ks_slice_equal(entry->value, ks_slice_cstr(value)));
    assert_int_equal(entry->timestamp, timestamp);
}

static void assert_key(const ksi_tree_entry *entry, const char *key)
{
    if (key == NULL) {
        assert_null(entry);
    } else {
        assert_non_null(entry);
        assert_true(ks_slice_equal(entry->key, ks_slice_cstr(key)));
    }
}

static void an_empty_tree_has_nothing(void **state)
{
    (void)state;
    ksi_tree *tree = ksi_tree_new();
    ks_slice key = ks_slice_cstr("a");
    assert_int_equal(ksi_tree_count(tree), 0);
    assert_int_equal(ksi_tree_bytes(tree), 0);
    assert_null(ksi_tree_get(tree, key));
    assert_null(ksi_tree_first(tree));
    assert_null(ksi_tree_last(tree));
    assert_null(ksi_tree_at_or_above(tree, key));
    assert_null(ksi_tree_at_or_below(tree, key));
    assert_false(ksi_tree_remove(tree, key));
    ksi_tree_clear(tree);
    ksi_tree_free(tree);
    ksi_tree_free(NULL);
}

static void neighbours_are_found_whether_the_key_is_there_or_not(void **state)
{
    (void)state;
    ksi_tree *tree = ksi_tree_new();
    put(tree, "d", "4", 4);
    put(tree, "b", "2", 2);
    put(tree, "f", "6", 6);
    assert_key(ksi_tree_first(tree), "b");
    assert_key(ksi_tree_last(tree), "f");
    assert_key(ksi_tree_at_or_above(tree, ks_slice_cstr("d")), "d");
    assert_key(ksi_tree_above(tree, ks_slice_cstr("d")), "f");
    assert_key(ksi_tree_at_or_below(tree, ks_slice_cstr("d")), "d");
    assert_key(ksi_tree_below(tree, ks_slice_cstr("d")), "b");
    assert_key(ksi_tree_at_or_above(tree, ks_slice_cstr("c")), "d");
    assert_key(ksi_tree_at_or_below(tree, ks_slice_cstr("e")), "d");
    assert_key(ksi_tree_above(tree, ks_slice_cstr("f")), NULL);
    assert_key(ksi_tree_below(tree, ks_slice_cstr("b")), NULL);
    ksi_tree_free(tree);
}

static void keys_order_as_unsigned_bytes_and_shorter_first(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
    } sorted[] = {{"", 0},
                  {"\0", 1},
                  {"\0\0", 2},
                  {"\0\x01", 2},
                  {"a", 1},
                  {"a\0", 2},
                  {"a\0\0\0\0\0\0\0\0", 9},
                  {"a\x01", 2},
                  {"\x7f", 1},
                  {"\x80", 1},
                  {"\xff", 1},
                  {"\xff\xff", 2}};
    ksi_tree *tree = ksi_tree_new();
    for (size_t i = 12; i > 0; i--) {
        ksi_tree_put(tree, ks_slice_of(sorted[i - 1].bytes, sorted[i - 1].size), ks_slice_of("", 0),
                     (int64_t)(i - 1));
    }
    const ksi_tree_entry *entry = ksi_tree_first(tree);
    for (size_t i = 0; i < 12; i++) {
        assert_non_null(entry);
        assert_int_equal(entry->timestamp, i);
        entry = ksi_tree_above(tree, entry->key);
    }
    assert_null(entry);
    ksi_tree_free(tree);
}

static void null_values_stay_null(void **state)
{
    (void)state;
    ksi_tree *tree = ksi_tree_new();
    put(tree, "a", NULL, 1);
    put(tree, "b", "", 2);
    assert_null(ksi_tree_get(tree, ks_slice_cstr("a"))->value.data);
    assert_non_null(ksi_tree_get(tree, ks_slice_cstr("b"))->value.data);
    put(tree, "b", NULL, 3);
    put(tree, "a", "now a value", 4);
    put(tree, "a", NULL, 5);
    put(tree, "a", "and again a longer value than before", 6);
    ksi_tree_free(tree);
}

static void a_value_may_be_put_from_the_tree_itself(void **state)
{
    (void)state;
    ksi_tree *tree = ksi_tree_new();
    put(tree, "a", "0123456789", 1);
    for (int i = 0; i < 3; i++) { /* first a part of itself, then its own key, then a longer one */
        const ksi_tree_entry *entry = ksi_tree_get(tree, ks_slice_cstr("a"));
        ksi_tree_put(tree, entry->key, ks_slice_of(entry->value.data + 2, entry->value.size - 2),
                     2);
    }
    assert_true(
        ks_slice_equal(ksi_tree_get(tree, ks_slice_cstr("a"))->value, ks_slice_cstr("6789")));
    const ksi_tree_entry *entry = ksi_tree_get(tree, ks_slice_cstr("a"));
    ksi_tree_put(tree, entry->value, entry->key, 3);
    assert_true(
        ks_slice_equal(ksi_tree_get(tree, ks_slice_cstr("6789"))->value, ks_slice_cstr("a")));
    ksi_tree_free(tree);
}

/* ---- against a model ------------------------------------------------------------------------- */

enum { MOST = 1500, LONGEST_KEY = 28, LONGEST_VALUE = 40 };

typedef struct row {
    char key[LONGEST_KEY];
    size_t key_size;
    char value[LONGEST_VALUE];
    size_t value_size;
    int64_t timestamp;
} row;

typedef struct model {
    row rows[MOST]; /* sorted */
    size_t count;
} model;

static ks_slice key_of(const row *at)
{
    return ks_slice_of(at->key, at->key_size);
}

/* How many rows are smaller than the key. */
static size_t place_of(const model *all, ks_slice key, bool *found)
{
    size_t at = 0;
    for (size_t high = all->count; at < high;) {
        size_t middle = at + (high - at) / 2;
        if (ksi_slice_compare(key_of(&all->rows[middle]), key) < 0) {
            at = middle + 1;
        } else {
            high = middle;
        }
    }
    *found = at < all->count && ksi_slice_compare(key_of(&all->rows[at]), key) == 0;
    return at;
}

static void model_put(model *all, const row *added)
{
    bool found;
    size_t at = place_of(all, key_of(added), &found);
    if (!found) {
        memmove(&all->rows[at + 1], &all->rows[at], (all->count - at) * sizeof *all->rows);
        all->count++;
    }
    all->rows[at] = *added;
}

static void model_remove(model *all, size_t at)
{
    all->count--;
    memmove(&all->rows[at], &all->rows[at + 1], (all->count - at) * sizeof *all->rows);
}

static void assert_is_row(const ksi_tree_entry *entry, const model *all, size_t at, bool exists)
{
    if (!exists) {
        assert_null(entry);
        return;
    }
    assert_non_null(entry);
    assert_true(ks_slice_equal(entry->key, key_of(&all->rows[at])));
    assert_true(
        ks_slice_equal(entry->value, ks_slice_of(all->rows[at].value, all->rows[at].value_size)));
    assert_int_equal(entry->timestamp, all->rows[at].timestamp);
}

static void compare_around(const ksi_tree *tree, const model *all, ks_slice key)
{
    bool found;
    size_t at = place_of(all, key, &found);
    size_t above = found ? at + 1 : at;
    assert_is_row(ksi_tree_get(tree, key), all, at, found);
    assert_is_row(ksi_tree_at_or_above(tree, key), all, at, at < all->count);
    assert_is_row(ksi_tree_above(tree, key), all, above, above < all->count);
    assert_is_row(ksi_tree_below(tree, key), all, at - 1, at > 0);
    assert_is_row(ksi_tree_at_or_below(tree, key), all, above - 1, above > 0);
}

static void compare_all(const ksi_tree *tree, const model *all)
{
    uint64_t bytes = 0;
    const ksi_tree_entry *entry = ksi_tree_first(tree);
    for (size_t i = 0; i < all->count; i++) {
        assert_is_row(entry, all, i, true);
        bytes += all->rows[i].key_size + all->rows[i].value_size;
        entry = ksi_tree_above(tree, entry->key);
    }
    assert_null(entry);
    assert_is_row(ksi_tree_last(tree), all, all->count - 1, all->count > 0);
    assert_int_equal(ksi_tree_count(tree), all->count);
    assert_int_equal(ksi_tree_bytes(tree), bytes);
}

/* Keys that share long beginnings, keys that begin one another, keys with zeros and high bytes. */
static void random_key(row *to)
{
    static const char *const beginnings[] = {"", "customer-0000", "\xff\xff", "customer-00"};
    const char *beginning = beginnings[random() % 4];
    to->key_size = strlen(beginning);
    memcpy(to->key, beginning, to->key_size);
    size_t more = (size_t)random() % 5 + (random() % 4 == 0 ? 8 : 0);
    for (size_t i = 0; i < more; i++) {
        static const char bytes[] = {'\0', '1', '2', '7', 'a', '\x80', '\xff'};
        to->key[to->key_size++] = bytes[random() % 7];
    }
}

static void random_row(row *to, int step)
{
    random_key(to);
    to->value_size = (size_t)random() % LONGEST_VALUE;
    for (size_t i = 0; i < to->value_size; i++) {
        to->value[i] = (char)random();
    }
    to->timestamp = step;
}

static void random_operations_agree_with_a_sorted_array(void **state)
{
    (void)state;
    unsigned seed = 31337;
    print_message("seed %u\n", seed);
    srandom(seed);
    ksi_tree *tree = ksi_tree_new();
    model *all = calloc(1, sizeof *all);
    assert_non_null(all);
    for (int step = 0; step < 60000; step++) {
        row next;
        random_row(&next, step);
        bool is_growing = step / 6000 % 2 == 0;
        if (random() % 10 < (is_growing ? 7 : 2) && all->count < MOST - 1) {
            model_put(all, &next);
            ksi_tree_put(tree, key_of(&next), ks_slice_of(next.value, next.value_size), step);
        } else if (all->count > 0 && random() % 3 > 0) { /* one that is there */
            size_t at = (size_t)random() % all->count;
            assert_true(ksi_tree_remove(tree, key_of(&all->rows[at])));
            model_remove(all, at);
        } else {
            bool found;
            size_t at = place_of(all, key_of(&next), &found);
            assert_int_equal(ksi_tree_remove(tree, key_of(&next)), found);
            if (found) {
                model_remove(all, at);
            }
        }
        compare_around(tree, all, key_of(&next));
        if (step % 1000 == 0) {
            compare_all(tree, all);
        }
    }
    compare_all(tree, all);
    free(all);
    ksi_tree_clear(tree);
    assert_int_equal(ksi_tree_count(tree), 0);
    put(tree, "usable", "again", 1);
    ksi_tree_free(tree);
}

static void an_entry_stays_where_it_is_until_it_is_removed(void **state)
{
    (void)state;
    ksi_tree *tree = ksi_tree_new();
    put(tree, "key-00500", "stays", 1);
    const ksi_tree_entry *entry = ksi_tree_get(tree, ks_slice_cstr("key-00500"));
    char name[16];
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(name, sizeof name, "key-%05d", i);
        if (i != 500) {
            put(tree, name, "value", i);
        }
    }
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(name, sizeof name, "key-%05d", i);
        assert_true(i == 500 || ksi_tree_remove(tree, ks_slice_cstr(name)));
    }
    assert_ptr_equal(ksi_tree_first(tree), entry);
    assert_true(ks_slice_equal(entry->value, ks_slice_cstr("stays")));
    ksi_tree_free(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_tree_has_nothing),
        cmocka_unit_test(neighbours_are_found_whether_the_key_is_there_or_not),
        cmocka_unit_test(keys_order_as_unsigned_bytes_and_shorter_first),
        cmocka_unit_test(null_values_stay_null),
        cmocka_unit_test(a_value_may_be_put_from_the_tree_itself),
        cmocka_unit_test(random_operations_agree_with_a_sorted_array),
        cmocka_unit_test(an_entry_stays_where_it_is_until_it_is_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
