/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_arena.c - memory given back all at once: marks, big requests, cleanups.
 */
#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <kstreams/serde.h>

enum { BLOCK = 1024 };

static char calls[64];

static void remember(void *pointer)
{
    size_t size = strlen(calls);
    (void)snprintf(calls + size, sizeof calls - size, "%s", (const char *)pointer);
}

static void memory_is_aligned_distinct_and_writable(void **state)
{
    (void)state;
    ks_arena arena;
    ksi_arena_init(&arena, BLOCK);
    char *pieces[200];
    for (size_t i = 0; i < 200; i++) {
        size_t size = i % 40 + 1;
        pieces[i] = ksi_arena_alloc(&arena, size);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        memset(pieces[i], (int)i, size);
    }
    for (size_t i = 0; i < 200; i++) {
        for (size_t j = 0; j < i % 40 + 1; j++) {
            assert_int_equal((unsigned char)pieces[i][j], i);
        }
    }
    ksi_arena_destroy(&arena);
}

static void size_zero_gives_a_valid_address(void **state)
{
    (void)state;
    ks_arena arena;
    ksi_arena_init(&arena, BLOCK);
    void *a = ksi_arena_alloc(&arena, 0);
    void *b = ksi_arena_alloc(&arena, 0);
    assert_non_null(a);
    assert_non_null(b);
    assert_ptr_not_equal(a, b);
    ksi_arena_destroy(&arena);
}

static void releasing_a_mark_gives_back_what_came_later(void **state)
{
    (void)state;
    ks_arena arena;
    ksi_arena_init(&arena, BLOCK);
    char *kept = ksi_arena_strdup(&arena, "kept");
    ksi_arena_mark mark = ksi_arena_save(&arena);
    void *first = ksi_arena_alloc(&arena, 100);
    for (int i = 0; i < 50; i++) {
        (void)ksi_arena_alloc(&arena, 100);
    }
    ksi_arena_release(&arena, mark);
    assert_string_equal(kept, "kept");
    assert_ptr_equal(ksi_arena_alloc(&arena, 100), first);
    ksi_arena_destroy(&arena);
}

static void a_mark_of_an_untouched_arena_releases_everything(void **state)
{
    (void)state;
    ks_arena arena;
    ksi_arena_init(&arena, BLOCK);
    ksi_arena_mark mark = ksi_arena_save(&arena);
    void *first = ksi_arena_alloc(&arena, 100);
    (void)ksi_arena_alloc(&arena, 10 * BLOCK);
    ksi_arena_release(&arena, mark);
    assert_null(arena.big);
    assert_ptr_equal(ksi_arena_alloc(&arena, 100), first);
    ksi_arena_destroy(&arena);
}

static void marks_nest(void **state)
{
    (void)state;
    ks_arena arena;
    ksi_arena_init(&arena, BLOCK);
    (void)ksi_arena_alloc(&arena, 10);
    ksi_arena_mark outer = ksi_arena_save(&arena);
    char *middle = ksi_arena_strdup(&arena, "middle");
    ksi_arena_mark inner = ksi_arena_save(&arena);
    (void)ksi_arena_alloc(&arena, 5 * BLOCK);
    (void)ksi_arena_alloc(&arena, BLOCK / 2);
    ksi_arena_release(&arena, inner);
    assert_string_equal(middle, "middle");
    ksi_arena_release(&arena, outer);
    assert_ptr_equal(ksi_arena_strdup(&arena, "again!"), middle);
    ksi_arena_destroy(&arena);
}

static void big_requests_have_blocks_of_their_own_and_go_with_their_mark(void **state)
{
    (void)state;
    ks_arena arena;
    ksi_arena_init(&arena, BLOCK);
    char *older = ksi_arena_alloc(&arena, 3 * BLOCK);
    memset(older, 'o', 3 * BLOCK);
    ksi_arena_block *before = arena.big;
    ksi_arena_mark mark = ksi_arena_save(&arena);
    memset(ksi_arena_alloc(&arena, 7 * BLOCK), 'n', 7 * BLOCK);
    assert_ptr_not_equal(arena.big, before);
    ksi_arena_release(&arena, mark);
    assert_ptr_equal(arena.big, before);
    assert_int_equal(older[3 * BLOCK - 1], 'o');
    ksi_arena_reset(&arena);
    assert_null(arena.big);
    ksi_arena_destroy(&arena);
}

static void a_reset_arena_reuses_its_blocks(void **state)
{
    (void)state;
    ks_arena arena;
    ksi_arena_init(&arena, BLOCK);
    void *addresses[20];
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 20; i++) {
            void *memory = ksi_arena_alloc(&arena, 200);
            if (round > 0) {
                assert_ptr_equal(memory, addresses[i]);
            }
            addresses[i] = memory;
        }
        ksi_arena_reset(&arena);
    }
    ksi_arena_destroy(&arena);
}

static void cleanups_run_newest_first_and_once(void **state)
{
    (void)state;
    calls[0] = '\0';
    ks_arena *arena = ks_arena_new();
    ks_arena_on_reset(arena, remember, (void *)(uintptr_t) "a");
    ks_arena_on_reset(arena, remember, (void *)(uintptr_t) "b");
    ksi_arena_mark mark = ksi_arena_save(arena);
    ks_arena_on_reset(arena, remember, (void *)(uintptr_t) "c");
    ks_arena_on_reset(arena, remember, (void *)(uintptr_t) "d");
    ksi_arena_release(arena, mark);
    assert_string_equal(calls, "dc");
    ks_arena_reset(arena);
    assert_string_equal(calls, "dcba");
    ks_arena_on_reset(arena, remember, (void *)(uintptr_t) "e");
    ks_arena_free(arena);
    assert_string_equal(calls, "dcbae");
}

static void cleanups_run_before_the_memory_is_given_back(void **state)
{
    (void)state;
    calls[0] = '\0';
    ks_arena *arena = ks_arena_new();
    char *text = ksi_arena_strdup(arena, "whole");
    char *big = ksi_arena_zalloc(arena, 1 << 20);
    (void)snprintf(big, 16, "%s", "-big");
    ks_arena_on_reset(arena, remember, big);
    ks_arena_on_reset(arena, remember, text);
    ks_arena_reset(arena);
    assert_string_equal(calls, "whole-big");
    ks_arena_free(arena);
}

static void copies_keep_null_and_empty_apart(void **state)
{
    (void)state;
    ks_arena *arena = ks_arena_new();
    assert_null(ks_arena_copy(arena, ks_slice_null()).data);
    assert_non_null(ks_arena_copy(arena, ks_slice_of("", 0)).data);
    ks_slice copy = ks_arena_copy(arena, ks_slice_of("a\0b", 3));
    assert_true(ks_slice_equal(copy, ks_slice_of("a\0b", 3)));
    assert_null(ksi_arena_strdup(arena, NULL));
    assert_string_equal(ksi_arena_format(arena, "%s/%d", "x", 5), "x/5");
    ks_arena_free(arena);
    ks_arena_free(NULL);
}

/* Pieces of any size with nested marks; each piece keeps its pattern until its mark is released. */
static void random_marks_and_pieces_never_overlap(void **state)
{
    (void)state;
    enum { MOST = 400, DEEPEST = 12 };
    unsigned seed = 1717;
    print_message("seed %u\n", seed);
    srandom(seed);
    ks_arena arena;
    ksi_arena_init(&arena, BLOCK);
    struct {
        unsigned char *at;
        size_t size;
    } pieces[MOST];
    struct {
        ksi_arena_mark mark;
        size_t count;
    } marks[DEEPEST];
    size_t count = 0;
    size_t depth = 0;
    for (int step = 0; step < 20000; step++) {
        long what = random() % 10;
        if (what == 0 && depth < DEEPEST) {
            marks[depth].mark = ksi_arena_save(&arena);
            marks[depth++].count = count;
        } else if (what == 1 && depth > 0) {
            for (size_t i = 0; i < count; i++) {
                assert_int_equal(pieces[i].at[0], i % 251);
                assert_int_equal(pieces[i].at[pieces[i].size - 1], i % 251);
            }
            depth--;
            ksi_arena_release(&arena, marks[depth].mark);
            count = marks[depth].count;
        } else if (count == MOST) {
            ksi_arena_reset(&arena);
            count = depth = 0;
        } else {
            size_t size = (size_t)(random() % (random() % 8 == 0 ? 4 * BLOCK : 100)) + 1;
            pieces[count].at = ksi_arena_alloc(&arena, size);
            pieces[count].size = size;
            memset(pieces[count].at, (int)(count % 251), size);
            count++;
        }
    }
    ksi_arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_aligned_distinct_and_writable),
        cmocka_unit_test(size_zero_gives_a_valid_address),
        cmocka_unit_test(releasing_a_mark_gives_back_what_came_later),
        cmocka_unit_test(a_mark_of_an_untouched_arena_releases_everything),
        cmocka_unit_test(marks_nest),
        cmocka_unit_test(big_requests_have_blocks_of_their_own_and_go_with_their_mark),
        cmocka_unit_test(a_reset_arena_reuses_its_blocks),
        cmocka_unit_test(cleanups_run_newest_first_and_once),
        cmocka_unit_test(cleanups_run_before_the_memory_is_given_back),
        cmocka_unit_test(copies_keep_null_and_empty_apart),
        cmocka_unit_test(random_marks_and_pieces_never_overlap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
