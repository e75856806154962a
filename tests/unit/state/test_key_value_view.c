/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_key_value_view.c - a store as a user reads it.
 */
#include "state/store_view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* ---- a store of integers by text ------------------------------------------------------------- */

typedef struct fixture {
    ksi_store_spec spec;
    ks_key_value_store view;
    ks_arena *arena;
    ks_arena *scratch;
    ksi_record_context context;
} fixture;

static void start(fixture *f)
{
    *f = (fixture){.spec = {.name = "rows", .timestamped = true},
                   .arena = ks_arena_new(),
                   .scratch = ks_arena_new(),
                   .context = {.topic = "in", .timestamp = 9}};
    f->view = (ks_key_value_store){
        .store = ksi_key_value_store_open(&(ksi_store_options){.spec = &f->spec}),
        .view = {.serdes = {.store = "rows",
                            .topic = "app-rows-changelog",
                            .key = &ks_serde_string,
                            .value = &ks_serde_i32},
                 .context = &f->context,
                 .arena = f->scratch}};
}

static void stop(fixture *f)
{
    ksi_key_value_store_close(f->view.store);
    ks_arena_free(f->arena);
    ks_arena_free(f->scratch);
}

static void write_bytes(fixture *f, const char *key, ks_slice value, int64_t timestamp)
{
    const ksi_record_context context = {.topic = "in"};
    assert_int_equal(ksi_key_value_store_write(f->view.store, ks_slice_cstr(key), value, timestamp,
                                               &context, NULL),
                     KS_OK);
}

static void write_number(fixture *f, const char *key, int8_t number, int64_t timestamp)
{
    const char bytes[4] = {0, 0, 0, (char)number};
    write_bytes(f, key, ks_slice_of(bytes, 4), timestamp);
}

/* ---- looking up ------------------------------------------------------------------------------ */

static void an_entry_is_found_by_its_key(void **state)
{
    (void)state;
    fixture f;
    ks_error error = {0};
    ks_key_value entry;
    bool found = false;
    start(&f);
    write_number(&f, "a", 4, 77);
    assert_int_equal(
        ks_key_value_store_get(&f.view, ks_text_of("a"), f.arena, &entry, &found, &error), KS_OK);
    assert_true(found);
    assert_true(ks_value_equal(entry.key, ks_text_of("a")));
    assert_int_equal(ks_value_i32(entry.value), 4);
    assert_int_equal(entry.timestamp, 77);
    assert_int_equal(
        ks_key_value_store_get(&f.view, ks_text_of("b"), f.arena, &entry, &found, &error), KS_OK);
    assert_false(found);
    assert_int_equal(ks_key_value_store_approximate_count(&f.view), 1);
    stop(&f);
}

static void a_key_that_cannot_be_one_is_refused(void **state)
{
    (void)state;
    fixture f;
    ks_error error = {0};
    ks_key_value entry;
    bool found = true;
    start(&f);
    assert_int_equal(ks_key_value_store_get(&f.view, ks_null(), f.arena, &entry, &found, &error),
                     KS_E_ARGUMENT);
    assert_string_equal(error.where, "rows");
    assert_false(found);
    assert_int_equal(ks_key_value_store_get(&f.view, ks_i64(3), f.arena, &entry, &found, &error),
                     KS_E_SERDE);
    assert_false(found);
    stop(&f);
}

static void bytes_of_another_serde_are_an_error_that_names_the_store(void **state)
{
    (void)state;
    fixture f;
    ks_error error = {0};
    ks_key_value entry;
    bool found = false;
    start(&f);
    write_bytes(&f, "a", ks_slice_cstr("five!"), 1);
    assert_int_equal(
        ks_key_value_store_get(&f.view, ks_text_of("a"), f.arena, &entry, &found, &error),
        KS_E_SERDE);
    assert_non_null(strstr(error.message, "the value of an entry of store rows"));
    ks_key_value_iterator *all = ks_key_value_store_all(&f.view);
    assert_int_equal(ks_key_value_iterator_next(all, &entry, &found, &error), KS_E_SERDE);
    ks_key_value_iterator_free(all);
    stop(&f);
}

/* ---- writing --------------------------------------------------------------------------------- */

static void an_entry_is_written_in_the_name_of_the_record_in_hand(void **state)
{
    (void)state;
    fixture f;
    ks_error error = {0};
    ks_key_value entry;
    bool found;
    start(&f);
    f.context.timestamp = 50;
    assert_int_equal(ks_key_value_store_put(&f.view, ks_text_of("a"), ks_i32(1), &error), KS_OK);
    f.context.timestamp = 60; /* the handle sees the record as it is at the moment */
    assert_int_equal(
        ks_key_value_store_get(&f.view, ks_text_of("a"), f.arena, &entry, &found, &error), KS_OK);
    assert_int_equal(entry.timestamp, 50);
    assert_int_equal(ks_key_value_store_put_at(&f.view, ks_text_of("a"), ks_i32(2), -1, &error),
                     KS_OK);
    assert_int_equal(
        ks_key_value_store_get(&f.view, ks_text_of("a"), f.arena, &entry, &found, &error), KS_OK);
    assert_int_equal(entry.timestamp, 60);
    assert_int_equal(ks_value_i32(entry.value), 2);
    stop(&f);
}

static void a_timestamp_that_would_be_lost_is_refused(void **state)
{
    (void)state;
    fixture f;
    ks_error error = {0};
    ks_key_value entry;
    bool found;
    start(&f);
    f.spec.timestamped = false;
    ksi_key_value_store_close(f.view.store);
    f.view.store = ksi_key_value_store_open(&(ksi_store_options){.spec = &f.spec});
    assert_int_equal(ks_key_value_store_put_at(&f.view, ks_text_of("a"), ks_i32(1), 7, &error),
                     KS_E_ARGUMENT);
    assert_string_equal(error.where, "rows");
    assert_int_equal(ks_key_value_store_put(&f.view, ks_text_of("a"), ks_i32(1), &error), KS_OK);
    assert_int_equal(
        ks_key_value_store_get(&f.view, ks_text_of("a"), f.arena, &entry, &found, &error), KS_OK);
    assert_true(found);
    assert_int_equal(entry.timestamp, -1);
    stop(&f);
}

/* A processor's handle makes its bytes in the arena of the record: what it gave must stay there. */
static void what_is_given_back_may_lie_where_bytes_are_made(void **state)
{
    (void)state;
    fixture f;
    ks_error error = {0};
    ks_key_value first;
    ks_key_value second;
    bool found;
    start(&f);
    write_number(&f, "a", 1, 1);
    write_number(&f, "b", 2, 1);
    assert_int_equal(
        ks_key_value_store_get(&f.view, ks_text_of("a"), f.scratch, &first, &found, &error), KS_OK);
    assert_int_equal(
        ks_key_value_store_delete(&f.view, ks_text_of("b"), f.scratch, &second, &found, &error),
        KS_OK);
    assert_int_equal(ks_key_value_store_put(&f.view, ks_text_of("c"), ks_i32(3), &error), KS_OK);
    assert_true(ks_value_equal(first.key, ks_text_of("a")));
    assert_true(ks_value_equal(second.key, ks_text_of("b")));
    stop(&f);
}

/* ---- all of them ----------------------------------------------------------------------------- */

static void expect_next(ks_key_value_iterator *all, const char *key, int32_t value)
{
    ks_error error = {0};
    ks_key_value entry;
    bool found = false;
    assert_int_equal(ks_key_value_iterator_next(all, &entry, &found, &error), KS_OK);
    assert_int_equal(found, key != NULL);
    if (key != NULL) {
        assert_true(ks_value_equal(entry.key, ks_text_of(key)));
        assert_int_equal(ks_value_i32(entry.value), value);
    }
}

static void all_entries_come_in_the_order_of_their_bytes(void **state)
{
    (void)state;
    fixture f;
    start(&f);
    write_number(&f, "b", 2, 1);
    write_number(&f, "\xc3\xbc", 5, 1);
    write_number(&f, "", 0, 1); /* the empty key is a key */
    write_number(&f, "ab", 1, 1);
    write_number(&f, "ba", 3, 1);
    ks_key_value_iterator *all = ks_key_value_store_all(&f.view);
    expect_next(all, "", 0);
    expect_next(all, "ab", 1);
    expect_next(all, "b", 2);
    expect_next(all, "ba", 3);
    expect_next(all, "\xc3\xbc", 5);
    expect_next(all, NULL, 0);
    expect_next(all, NULL, 0);
    ks_key_value_iterator_free(all);
    stop(&f);
}

static void an_iterator_survives_what_is_written_meanwhile(void **state)
{
    (void)state;
    fixture f;
    start(&f);
    write_number(&f, "a", 1, 1);
    write_number(&f, "c", 3, 1);
    write_number(&f, "d", 5, 1);
    ks_key_value_iterator *all = ks_key_value_store_all(&f.view);
    expect_next(all, "a", 1);
    write_bytes(&f, "a", ks_slice_null(), 2); /* the one it stands at */
    write_number(&f, "b", 2, 2);              /* a key that was not there when it was opened */
    write_number(&f, "c", 4, 2);
    write_bytes(&f, "d", ks_slice_null(), 3);
    expect_next(all, "c", 4);
    expect_next(all, NULL, 0);
    ks_key_value_iterator_free(all);
    ks_key_value_iterator_free(NULL);
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_is_found_by_its_key),
        cmocka_unit_test(a_key_that_cannot_be_one_is_refused),
        cmocka_unit_test(bytes_of_another_serde_are_an_error_that_names_the_store),
        cmocka_unit_test(an_entry_is_written_in_the_name_of_the_record_in_hand),
        cmocka_unit_test(a_timestamp_that_would_be_lost_is_refused),
        cmocka_unit_test(what_is_given_back_may_lie_where_bytes_are_made),
        cmocka_unit_test(all_entries_come_in_the_order_of_their_bytes),
        cmocka_unit_test(an_iterator_survives_what_is_written_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
