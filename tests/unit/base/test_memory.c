/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_memory.c - the door to the heap: sizes of zero, growing, and the end when there is no
 * memory.
 */
#include "base/memory.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void nothing_returned_is_null(void **state)
{
    (void)state;
    void *a = ksi_alloc(0);
    void *b = ksi_calloc(0, 8);
    void *c = ksi_realloc(NULL, 0);
    assert_non_null(a);
    assert_non_null(b);
    assert_non_null(c);
    ksi_free(a);
    ksi_free(b);
    ksi_free(c);
    ksi_free(NULL);
}

static void cleared_memory_is_zero(void **state)
{
    (void)state;
    static const char zeros[64];
    char *memory = ksi_calloc(8, 8);
    assert_memory_equal(memory, zeros, sizeof zeros);
    ksi_free(memory);
}

static void copies_of_texts_keep_null(void **state)
{
    (void)state;
    assert_null(ksi_strdup(NULL));
    char *copy = ksi_strdup("text");
    assert_string_equal(copy, "text");
    ksi_free(copy);
}

static void a_list_grows_by_doubling_and_keeps_its_items(void **state)
{
    (void)state;
    int *items = NULL;
    size_t capacity = 0;
    size_t moves = 0;
    for (size_t i = 0; i < 10000; i++) {
        size_t before = capacity;
        items = ksi_grow(items, &capacity, i + 1, sizeof *items);
        items[i] = (int)i;
        assert_true(capacity >= i + 1);
        moves += capacity != before ? 1 : 0;
    }
    assert_true(moves < 20);
    for (int i = 0; i < 10000; i++) {
        assert_int_equal(items[i], i);
    }
    int *same = items;
    items = ksi_grow(items, &capacity, 1, sizeof *items);
    assert_ptr_equal(items, same);
    ksi_free(items);
}

/*
 * Runs `body` in a child whose standard error is read; true when the child aborted after saying
 * `words`.
 */
static bool aborts_saying(void (*body)(void), const char *words)
{
    int output[2];
    assert_int_equal(pipe(output), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit no_core = {0};
        (void)setrlimit(RLIMIT_CORE, &no_core);
        (void)signal(SIGABRT, SIG_DFL);
        (void)dup2(output[1], STDERR_FILENO);
        body();
        _exit(0);
    }
    assert_int_equal(close(output[1]), 0);
    char text[512] = "";
    size_t used = 0;
    for (ssize_t got = 1; got > 0 && used < sizeof text - 1; used += (size_t)got) {
        got = read(output[0], text + used, sizeof text - 1 - used);
        assert_true(got >= 0);
    }
    assert_int_equal(close(output[0]), 0);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && strstr(text, words) != NULL;
}

static void grow_past_the_address_space(void)
{
    int item = 0;
    size_t capacity = 1;
    (void)ksi_grow(&item, &capacity, SIZE_MAX / 2, 8);
}

static void a_list_never_wraps_to_a_small_one(void **state)
{
    (void)state;
    assert_true(aborts_saying(grow_past_the_address_space, "no memory for"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_returned_is_null),
        cmocka_unit_test(cleared_memory_is_zero),
        cmocka_unit_test(copies_of_texts_keep_null),
        cmocka_unit_test(a_list_grows_by_doubling_and_keeps_its_items),
        cmocka_unit_test(a_list_never_wraps_to_a_small_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
