/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_custom_store.c - the structure of a custom store is what its rows say, whenever it is
 * opened.
 *
 * The structure is a sum of the numbers that the values are, with the keys in the order in which
 * they were loaded.
 */
#include "state/custom_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct sum {
    int64_t total;
    char keys[100];
    size_t count;
} sum;

static ks_status load(void *state, ks_slice key, ks_slice value, void *user, ks_error *error)
{
    sum *all = state;
    (void)user;
    if (value.size == 0) {
        return ks_error_set(error, KS_E_CORRUPT, NULL, "no number");
    }
    all->total += value.data[0] - '0';
    assert_in_range(all->count, 0, sizeof all->keys - 2);
    all->keys[all->count++] = key.data[0];
    return KS_OK;
}

static const ks_custom_store_class class_of_sum = {
    .struct_size = sizeof class_of_sum, .state_size = sizeof(sum), .load = load};
static const ksi_store_spec spec = {
    .name = "sum", .kind = KSI_STORE_CUSTOM, .logging = true, .custom = &class_of_sum};

/* A changelog that counts. */
typedef struct counting {
    ksi_changelog changelog;
    size_t rows;
    size_t deletions;
    int64_t timestamp;
} counting;

static ks_status append(ksi_changelog *changelog, ks_slice key, ks_slice value, int64_t timestamp,
                        const ks_headers *headers, ks_error *error)
{
    counting *to = (counting *)changelog;
    (void)key;
    (void)error;
    assert_null(headers);
    to->rows++;
    to->deletions += value.data == NULL;
    to->timestamp = timestamp;
    return KS_OK;
}

static ksi_custom_store *open_on(ksi_row_store *rows, counting *logged)
{
    ks_error error = {0};
    ksi_custom_store *store = ksi_custom_store_open(
        &(ksi_store_options){.spec = &spec, .changelog = &logged->changelog, .rows = rows}, &error);
    if (store == NULL) {
        fail_msg("%s", error.message);
    }
    return store;
}

static void put(ksi_custom_store *store, const char *key, const char *value)
{
    ks_error error = {0};
    ks_slice bytes = value != NULL ? ks_slice_cstr(value) : ks_slice_null();
    assert_int_equal(ksi_custom_store_put(store, ks_slice_cstr(key), bytes, 5, &error), KS_OK);
}

static void assert_sum(ksi_row_store *rows, counting *logged, int64_t total, const char *keys)
{
    ksi_custom_store *store = open_on(rows, logged);
    const sum *all = ksi_custom_store_state(store);
    assert_int_equal(all->total, total);
    assert_string_equal(all->keys, keys);
    ksi_store_close(ksi_custom_store_base(store));
}

static void a_structure_is_made_from_the_rows_of_the_last_commit(void **state)
{
    ks_error error = {0};
    counting logged = {.changelog.append = append};
    ksi_row_store *rows = ksi_store_rows_in_memory(&spec);
    (void)state;
    ksi_custom_store *store = open_on(rows, &logged);
    put(store, "b", "2");
    put(store, "a", "1");
    put(store, "c", "3");
    const sum *all = ksi_custom_store_state(store);
    assert_int_equal(all->total, 0); /* putting is none of the structure's business */
    assert_int_equal(ksi_row_store_commit(rows, &(ksi_store_position){.offset = 3}, &error), KS_OK);
    put(store, "a", NULL);
    put(store, "c", "9");
    ksi_store_close(ksi_custom_store_base(store));
    assert_sum(rows, &logged, 11, "bc"); /* the same transaction goes on */
    assert_true(ksi_row_store_abort(rows));
    assert_sum(rows, &logged, 6, "abc");
    assert_int_equal(logged.rows, 5);
    assert_int_equal(logged.deletions, 1);
    assert_int_equal(logged.timestamp, 5);
    ksi_row_store_close(rows);
}

static void rows_that_do_not_load_open_no_store(void **state)
{
    ks_error error = {0};
    counting logged = {.changelog.append = append};
    ksi_row_store *rows = ksi_store_rows_in_memory(&spec);
    (void)state;
    ksi_custom_store *store = open_on(rows, &logged);
    put(store, "a", "");
    ksi_store_close(ksi_custom_store_base(store));
    assert_null(ksi_custom_store_open(&(ksi_store_options){.spec = &spec, .rows = rows}, &error));
    assert_int_equal(error.code, KS_E_CORRUPT);
    assert_string_equal(error.message, "loading store sum: no number");
    ksi_row_store_close(rows);
}

static void a_store_without_rows_has_its_own_and_no_changelog(void **state)
{
    ks_error error = {0};
    ksi_custom_store *store = ksi_custom_store_open(&(ksi_store_options){.spec = &spec}, &error);
    ksi_row row;
    bool found;
    (void)state;
    assert_non_null(store);
    put(store, "a", "7");
    assert_int_equal(ksi_custom_store_get(store, ks_slice_cstr("a"), &row, &found, &error), KS_OK);
    assert_true(found);
    assert_true(ks_slice_equal(row.value, ks_slice_cstr("7")));
    assert_null(ksi_custom_store_of(NULL));
    assert_ptr_equal(ksi_custom_store_of(ksi_custom_store_base(store)), store);
    ksi_store_close(ksi_custom_store_base(store));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_structure_is_made_from_the_rows_of_the_last_commit),
        cmocka_unit_test(rows_that_do_not_load_open_no_store),
        cmocka_unit_test(a_store_without_rows_has_its_own_and_no_changelog),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
