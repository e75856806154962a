/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_headers.c - header lists are immutable, whoever adds to them and wherever.
 */
#include "serde/headers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/arena.h"
#include <kstreams/serde.h>

static const ks_headers *with(ks_arena *arena, const ks_headers *headers, const char *name,
                              const char *value)
{
    return ks_headers_with(arena, headers, ks_slice_cstr(name), ks_slice_cstr(value));
}

/* Compares with "a=1,b=2"; a null value is written as "b". */
static void assert_headers(const ks_headers *headers, const char *wanted)
{
    char text[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < ks_headers_count(headers); i++) {
        ks_header header = ks_headers_at(headers, i);
        bool is_null = header.value.data == NULL;
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%.*s%s%.*s", i > 0 ? "," : "",
                                 (int)header.name.size, header.name.data, is_null ? "" : "=",
                                 (int)header.value.size, is_null ? "" : header.value.data);
    }
    assert_string_equal(text, wanted);
}

static void the_null_list_is_empty(void **state)
{
    (void)state;
    ks_slice value = ks_slice_cstr("untouched");
    assert_int_equal(ks_headers_count(NULL), 0);
    assert_null(ks_headers_at(NULL, 0).name.data);
    assert_false(ks_headers_last(NULL, "a", &value));
    assert_null(value.data);
    ks_arena *arena = ks_arena_new();
    assert_null(ks_headers_without(arena, NULL, "a"));
    assert_null(ksi_headers_copy(arena, NULL));
    ks_arena_free(arena);
}

static void headers_stand_in_the_order_of_their_adding(void **state)
{
    (void)state;
    ks_arena *arena = ks_arena_new();
    const ks_headers *headers = NULL;
    for (int i = 0; i < 100; i++) {
        ks_slice name = ks_text_format(arena, "name-%d", i);
        headers = ks_headers_with(arena, headers, name, ks_text_format(arena, "%d", i));
    }
    assert_int_equal(ks_headers_count(headers), 100);
    for (size_t i = 0; i < 100; i++) {
        ks_header header = ks_headers_at(headers, i);
        assert_true(ks_slice_equal(header.name, ks_text_format(arena, "name-%zu", i)));
        assert_true(ks_slice_equal(header.value, ks_text_format(arena, "%zu", i)));
    }
    assert_null(ks_headers_at(headers, 100).name.data);
    ks_arena_free(arena);
}

static void what_one_branch_adds_no_other_sees(void **state)
{
    (void)state;
    ks_arena *arena = ks_arena_new();
    const ks_headers *trunk = with(arena, with(arena, NULL, "a", "1"), "b", "2");
    const ks_headers *left = with(arena, trunk, "c", "left");
    const ks_headers *right = with(arena, trunk, "c", "right");
    const ks_headers *farther = with(arena, left, "d", "4");
    assert_headers(trunk, "a=1,b=2");
    assert_headers(left, "a=1,b=2,c=left");
    assert_headers(right, "a=1,b=2,c=right");
    assert_headers(farther, "a=1,b=2,c=left,d=4");
    assert_headers(with(arena, right, "e", "5"), "a=1,b=2,c=right,e=5");
    ks_arena_free(arena);
}

static void the_last_header_of_a_name_is_the_one_found(void **state)
{
    (void)state;
    ks_arena *arena = ks_arena_new();
    const ks_headers *headers = with(arena, NULL, "a", "1");
    headers = with(arena, headers, "b", "2");
    headers = with(arena, headers, "a", "3");
    ks_slice value;
    assert_true(ks_headers_last(headers, "a", &value));
    assert_true(ks_slice_equal(value, ks_slice_cstr("3")));
    assert_true(ks_headers_last(headers, "b", NULL));
    assert_false(ks_headers_last(headers, "ab", &value));
    assert_null(value.data);
    ks_arena_free(arena);
}

static void a_null_value_is_not_an_empty_one(void **state)
{
    (void)state;
    ks_arena *arena = ks_arena_new();
    const ks_headers *headers = with(arena, NULL, "null", NULL);
    headers = with(arena, headers, "empty", "");
    assert_headers(headers, "null,empty=");
    ks_slice value = ks_slice_cstr("untouched");
    assert_true(ks_headers_last(headers, "null", &value));
    assert_null(value.data);
    ks_arena_free(arena);
}

static void without_takes_every_header_of_the_name(void **state)
{
    (void)state;
    ks_arena *arena = ks_arena_new();
    const ks_headers *headers = with(arena, NULL, "a", "1");
    headers = with(arena, headers, "b", "2");
    headers = with(arena, headers, "a", "3");
    assert_headers(ks_headers_without(arena, headers, "a"), "b=2");
    assert_headers(ks_headers_without(arena, headers, "c"), "a=1,b=2,a=3");
    assert_null(ks_headers_without(arena, ks_headers_without(arena, headers, "a"), "b"));
    assert_headers(with(arena, ks_headers_without(arena, headers, "b"), "d", "4"), "a=1,a=3,d=4");
    assert_headers(headers, "a=1,b=2,a=3");
    ks_arena_free(arena);
}

static void lists_outlive_the_arena_they_were_made_from(void **state)
{
    (void)state;
    ks_arena *brief = ks_arena_new();
    ks_arena *lasting = ks_arena_new();
    const ks_headers *origin = with(brief, with(brief, NULL, "a", "1"), "b", NULL);
    const ks_headers *more = with(lasting, origin, "c", "3");
    const ks_headers *less = ks_headers_without(lasting, origin, "b");
    const ks_headers *same = ksi_headers_copy(lasting, origin);
    ks_arena_free(brief);
    assert_headers(more, "a=1,b,c=3");
    assert_headers(less, "a=1");
    assert_headers(same, "a=1,b");
    ks_arena_free(lasting);
}

static void names_and_values_are_copied(void **state)
{
    (void)state;
    ks_arena *arena = ks_arena_new();
    char name[] = "name";
    char value[] = "value";
    const ks_headers *headers = with(arena, NULL, name, value);
    name[0] = value[0] = 'X';
    assert_headers(headers, "name=value");
    ks_arena_free(arena);
}

static void releasing_a_mark_leaves_older_lists_whole(void **state)
{
    (void)state;
    ks_arena arena;
    ksi_arena_init(&arena, 0);
    const ks_headers *older = with(&arena, NULL, "a", "1");
    ksi_arena_mark mark = ksi_arena_save(&arena);
    assert_headers(with(&arena, older, "b", "2"), "a=1,b=2");
    ksi_arena_release(&arena, mark);
    assert_headers(older, "a=1");
    assert_headers(with(&arena, older, "c", "3"), "a=1,c=3");
    ksi_arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_null_list_is_empty),
        cmocka_unit_test(headers_stand_in_the_order_of_their_adding),
        cmocka_unit_test(what_one_branch_adds_no_other_sees),
        cmocka_unit_test(the_last_header_of_a_name_is_the_one_found),
        cmocka_unit_test(a_null_value_is_not_an_empty_one),
        cmocka_unit_test(without_takes_every_header_of_the_name),
        cmocka_unit_test(lists_outlive_the_arena_they_were_made_from),
        cmocka_unit_test(names_and_values_are_copied),
        cmocka_unit_test(releasing_a_mark_leaves_older_lists_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
