/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_outer_rows.c - records without partner, in bytes that Java reads and writes, too.
 */
#include "harness.h"

#include "ops/outer_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const harness_options with_store = {
    .store = "outer", .store_value = &ks_serde_bytes, .children = 1};

static ksi_outer_key key_at(int64_t time, ksi_join_side side, const char *key)
{
    return (ksi_outer_key){.time = time, .side = side, .key = ks_slice_cstr(key)};
}

static void add(harness *h, ksi_outer_key key, const char *value)
{
    ksi_key_value_store *store = ksi_key_value_store_of(h->store);
    assert_int_equal(ksi_outer_rows_add(store, &h->ctx, &key, ks_slice_cstr(value), NULL), KS_OK);
}

static void match(harness *h, ksi_outer_key key)
{
    ksi_key_value_store *store = ksi_key_value_store_of(h->store);
    assert_int_equal(ksi_outer_rows_match(store, &h->ctx, &key, NULL), KS_OK);
}

/* All rows in their order: `time side key=value,value `. */
static const char *rows_of(harness *h, char *text, size_t size)
{
    ksi_key_value_store *store = ksi_key_value_store_of(h->store);
    ksi_merged_iterator *rows = ksi_key_value_store_iterate(store, &(ksi_row_range){0});
    size_t length = 0;
    text[0] = '\0';
    for (;;) {
        ksi_row stored;
        ksi_outer_row row;
        bool found = false;
        assert_int_equal(ksi_merged_iterator_next(rows, &stored, &found, NULL), KS_OK);
        if (!found) {
            break;
        }
        assert_int_equal(ksi_outer_row_read(store, &stored, &row, NULL), KS_OK);
        length +=
            (size_t)snprintf(text + length, size - length, "%lld%c%.*s=", (long long)row.key.time,
                             row.key.side == KSI_JOIN_LEFT ? 'l' : 'r', KS_SLICE_ARGS(row.key.key));
        while (row.count > 0) {
            ks_slice value;
            assert_int_equal(ksi_outer_row_next(store, &row, &value, NULL), KS_OK);
            length += (size_t)snprintf(text + length, size - length, "%.*s,", KS_SLICE_ARGS(value));
        }
        length += (size_t)snprintf(text + length, size - length, " ");
    }
    ksi_merged_iterator_close(rows);
    return text;
}

static void rows_stand_in_the_order_of_time_then_side_then_key(void **state)
{
    (void)state;
    harness h;
    char text[200];
    harness_start(&h, &with_store);
    add(&h, key_at(300, KSI_JOIN_LEFT, "a"), "1");
    add(&h, key_at(2, KSI_JOIN_LEFT, "b"), "2");
    add(&h, key_at(2, KSI_JOIN_LEFT, "a"), "3");
    add(&h, key_at(2, KSI_JOIN_RIGHT, "c"), "4");
    add(&h, key_at(0, KSI_JOIN_LEFT, ""), "5");
    assert_string_equal(rows_of(&h, text, sizeof text), "0l=5, 2rc=4, 2la=3, 2lb=2, 300la=1, ");
    harness_stop(&h);
}

static void a_partner_takes_out_all_of_a_row_and_nothing_else(void **state)
{
    (void)state;
    harness h;
    char text[200];
    harness_start(&h, &with_store);
    add(&h, key_at(1, KSI_JOIN_LEFT, "a"), "first");
    add(&h, key_at(1, KSI_JOIN_LEFT, "a"), "");
    add(&h, key_at(1, KSI_JOIN_LEFT, "a"), "third");
    add(&h, key_at(1, KSI_JOIN_RIGHT, "a"), "other side");
    assert_string_equal(rows_of(&h, text, sizeof text), "1ra=other side, 1la=first,,third, ");
    match(&h, key_at(2, KSI_JOIN_LEFT, "a"));
    match(&h, key_at(1, KSI_JOIN_LEFT, "b"));
    match(&h, key_at(1, KSI_JOIN_LEFT, "a"));
    assert_string_equal(rows_of(&h, text, sizeof text), "1ra=other side, ");
    harness_stop(&h);
}

static void a_value_that_a_serde_makes_null_deletes_the_row(void **state)
{
    (void)state;
    harness h;
    char text[200];
    const ksi_outer_key key = key_at(1, KSI_JOIN_LEFT, "a");
    harness_start(&h, &with_store);
    add(&h, key, "1");
    assert_int_equal(
        ksi_outer_rows_add(ksi_key_value_store_of(h.store), &h.ctx, &key, ks_slice_null(), NULL),
        KS_OK);
    assert_string_equal(rows_of(&h, text, sizeof text), "");
    harness_stop(&h);
}

/* Recorded from Java: two right values of the key -1 at time 3, the second of no bytes. */
static void the_bytes_are_java_s(void **state)
{
    (void)state;
    static const char key[] = "\0\0\0\0\0\0\0\3\0\377";
    static const char value[] = "\1\0\0\0\2\0\0\0\2\0c\0\0\0\1\0";
    harness h;
    ksi_row row;
    bool found = false;
    harness_start(&h, &with_store);
    add(&h, key_at(3, KSI_JOIN_RIGHT, "\377"), "c");
    add(&h, key_at(3, KSI_JOIN_RIGHT, "\377"), "");
    assert_int_equal(ksi_key_value_store_read(ksi_key_value_store_of(h.store),
                                              ks_slice_of(key, sizeof key - 1), &row, &found, NULL),
                     KS_OK);
    assert_true(found);
    assert_int_equal(row.value.size, sizeof value - 1);
    assert_memory_equal(row.value.data, value, sizeof value - 1);
    harness_stop(&h);
}

/* A row of any bytes is read to its end or refused; nothing behind it is touched. */
static void bytes_that_are_no_row_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
    } broken[] = {
        {"", 0},
        {"\0\0\0\0\1\0\0\0\2\1x", 11}, /* another kind of list */
        {"\1\0\0\0\1", 5},             /* a value is missing */
        {"\1\0\0\0\1\0\0\0\0", 9},     /* a value without a side */
        {"\1\0\0\0\1\0\0\0\7\1x", 11}, /* a value that is cut */
        {"\1\0\0\0\1\377\377\377\377\1", 10},
    };
    harness h;
    harness_start(&h, &with_store);
    ksi_key_value_store *store = ksi_key_value_store_of(h.store);
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        const ksi_row stored = {.key = ks_slice_of("\0\0\0\0\0\0\0\1\1k", 10),
                                .value = ks_slice_of(broken[i].bytes, broken[i].size)};
        ksi_outer_row row = {0};
        ks_slice value;
        ks_error error = {0};
        ks_status status = ksi_outer_row_read(store, &stored, &row, &error);
        if (status == KS_OK) {
            status = ksi_outer_row_next(store, &row, &value, &error);
        }
        assert_int_equal(status, KS_E_STORE);
        assert_string_equal(error.where, "outer");
    }
    const ksi_row short_key = {.key = ks_slice_of("12345678", 8),
                               .value = ks_slice_of("\1\0\0\0\0", 5)};
    ksi_outer_row row = {0};
    assert_int_equal(ksi_outer_row_read(store, &short_key, &row, NULL), KS_E_STORE);
    harness_stop(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_stand_in_the_order_of_time_then_side_then_key),
        cmocka_unit_test(a_partner_takes_out_all_of_a_row_and_nothing_else),
        cmocka_unit_test(a_value_that_a_serde_makes_null_deletes_the_row),
        cmocka_unit_test(the_bytes_are_java_s),
        cmocka_unit_test(bytes_that_are_no_row_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
