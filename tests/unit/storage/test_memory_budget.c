/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_memory_budget.c - shares, what accounts answer, report and summary, and threads that come
 * and go.
 */
#include "storage/memory_budget.h"

#include "base/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MEGABYTE ((int64_t)1024 * 1024)

static int64_t used_of(void *owner)
{
    return *(const int64_t *)owner;
}

static void one_account_has_everything(void **state)
{
    (void)state;
    int64_t used = 7;
    ksi_memory_budget *budget = ksi_memory_budget_new(1000);
    ksi_memory_account *account = ksi_memory_account_open(budget, "a", 5, used_of, &used);
    assert_int_equal(ksi_memory_account_limit(account), 1000);
    assert_int_equal(ksi_memory_budget_used(budget), 7);
    ksi_memory_account_close(account);
    assert_int_equal(ksi_memory_budget_used(budget), 0);
    ksi_memory_budget_free(budget);
    ksi_memory_account_close(NULL);
    ksi_memory_budget_free(NULL);
}

static void limits_follow_the_weights_of_who_is_there(void **state)
{
    (void)state;
    int64_t used = 0;
    ksi_memory_budget *budget = ksi_memory_budget_new(600);
    ksi_memory_account *a = ksi_memory_account_open(budget, "a", 1, used_of, &used);
    ksi_memory_account *b = ksi_memory_account_open(budget, "b", 2, used_of, &used);
    assert_int_equal(ksi_memory_account_limit(a), 200);
    assert_int_equal(ksi_memory_account_limit(b), 400);
    ksi_memory_account *c = ksi_memory_account_open(budget, "c", 3, used_of, &used);
    assert_int_equal(ksi_memory_account_limit(a), 100);
    assert_int_equal(ksi_memory_account_limit(b), 200);
    assert_int_equal(ksi_memory_account_limit(c), 300);
    ksi_memory_account_close(b);
    assert_int_equal(ksi_memory_account_limit(a), 150);
    assert_int_equal(ksi_memory_account_limit(c), 450);
    ksi_memory_account_close(a);
    assert_int_equal(ksi_memory_account_limit(c), 600);
    ksi_memory_account_close(c);
    ksi_memory_budget_free(budget);
}

static void the_others_share_what_fixed_accounts_leave(void **state)
{
    (void)state;
    int64_t used = 40;
    ksi_memory_budget *budget = ksi_memory_budget_new(1000);
    ksi_memory_account *early = ksi_memory_account_open(budget, "early", 1, used_of, &used);
    ksi_memory_account *fixed = ksi_memory_account_open_fixed(budget, "fixed", 250, used_of, &used);
    assert_int_equal(ksi_memory_account_limit(fixed), 250);
    assert_int_equal(ksi_memory_account_limit(early), 750);
    ksi_memory_account *late = ksi_memory_account_open(budget, "late", 2, used_of, &used);
    assert_int_equal(ksi_memory_account_limit(fixed), 250);
    assert_int_equal(ksi_memory_account_limit(early), 250);
    assert_int_equal(ksi_memory_account_limit(late), 500);
    assert_int_equal(ksi_memory_account_used(late), 40);
    assert_int_equal(ksi_memory_budget_used(budget), 120);
    assert_int_equal(ksi_memory_budget_limit(budget), 1000);
    ksi_memory_account *greedy =
        ksi_memory_account_open_fixed(budget, "greedy", 5000, used_of, &used);
    assert_int_equal(ksi_memory_account_limit(early), 0); /* never below nothing */
    ksi_memory_account_close(greedy);
    ksi_memory_account_close(fixed);
    assert_int_equal(ksi_memory_account_limit(late), 666);
    ksi_memory_account_close(late);
    ksi_memory_account_close(early);
    ksi_memory_budget_free(budget);
}

static void limits_are_rounded_down_and_do_not_overflow(void **state)
{
    (void)state;
    int64_t used = 0;
    ksi_memory_budget *budget = ksi_memory_budget_new(INT64_MAX);
    ksi_memory_account *a = ksi_memory_account_open(budget, "a", INT32_MAX, used_of, &used);
    ksi_memory_account *b = ksi_memory_account_open(budget, "b", INT32_MAX, used_of, &used);
    assert_int_equal(ksi_memory_account_limit(a), INT64_MAX / 2);
    assert_int_equal(ksi_memory_account_limit(b), INT64_MAX / 2);
    ksi_memory_account_close(a);
    ksi_memory_account_close(b);
    ksi_memory_budget_free(budget);

    budget = ksi_memory_budget_new(100);
    ksi_memory_account *thirds[3];
    for (size_t i = 0; i < 3; i++) {
        thirds[i] = ksi_memory_account_open(budget, "third", 1, used_of, &used);
    }
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(ksi_memory_account_limit(thirds[i]), 33);
    }
    for (size_t i = 0; i < 3; i++) {
        ksi_memory_account_close(thirds[i]);
    }
    ksi_memory_budget_free(budget);
}

static const char *summary(ksi_memory_budget *budget)
{
    static char line[200];
    ksi_buffer text = {0};
    ksi_memory_budget_summarize(budget, &text);
    (void)snprintf(line, sizeof line, "%s", ksi_buffer_cstr(&text));
    ksi_buffer_destroy(&text);
    return line;
}

static void the_report_has_a_line_for_each_account_and_the_summary_the_largest(void **state)
{
    (void)state;
    int64_t buffers = 12 * MEGABYTE + 3 * MEGABYTE / 10 + 1;
    int64_t cache = 0;
    int64_t below_nothing = -5;
    ksi_buffer text = {0};
    ksi_memory_budget *budget = ksi_memory_budget_new(128 * MEGABYTE);
    char name[] = "store buffers";
    ksi_memory_account *a = ksi_memory_account_open(budget, name, 2, used_of, &buffers);
    name[0] = 'x'; /* it was copied */
    ksi_memory_account *b = ksi_memory_account_open(budget, "block cache", 1, used_of, &cache);
    ksi_memory_account *c =
        ksi_memory_account_open(budget, "client queues", 1, used_of, &below_nothing);
    ksi_memory_budget_report(budget, &text);
    assert_string_equal(ksi_buffer_cstr(&text), "store buffers: 12.3 of 64.0 MB\n"
                                                "block cache: 0.0 of 32.0 MB\n"
                                                "client queues: 0.0 of 32.0 MB\n");
    assert_int_equal(ksi_memory_budget_used(budget), buffers);
    assert_string_equal(summary(budget), "12.3 of 128.0 MB; most of it: 12.3 store buffers");
    below_nothing = 2 * MEGABYTE;
    cache = 20 * MEGABYTE;
    assert_string_equal(summary(budget), "34.3 of 128.0 MB; most of it: 20.0 block cache, 12.3 "
                                         "store buffers, 2.0 client queues");
    int64_t many = 3 * MEGABYTE;
    ksi_memory_account *d = ksi_memory_account_open(budget, "many", 1, used_of, &many);
    assert_string_equal(summary(budget), "37.3 of 128.0 MB; most of it: 20.0 block cache, 12.3 "
                                         "store buffers, 3.0 many");
    ksi_memory_account_close(d);
    ksi_buffer_destroy(&text);
    ksi_memory_account_close(c);
    ksi_memory_account_close(b);
    ksi_memory_account_close(a);
    assert_string_equal(summary(budget), "0.0 of 128.0 MB");
    ksi_memory_budget_free(budget);
}

/* ---- threads --------------------------------------------------------------------------------- */

#define ROUNDS 2000

typedef struct visitor {
    ksi_memory_budget *budget;
    atomic_bool is_open; /* false: being asked would be a mistake */
    atomic_int mistakes;
    int limit_errors;
} visitor;

static int64_t ask_visitor(void *owner)
{
    visitor *self = owner;
    if (!atomic_load(&self->is_open)) {
        atomic_fetch_add(&self->mistakes, 1);
    }
    return 10;
}

static void come_and_go(void *user)
{
    visitor *self = user;
    for (int i = 0; i < ROUNDS; i++) {
        atomic_store(&self->is_open, true);
        ksi_memory_account *account =
            ksi_memory_account_open(self->budget, "visitor", 1, ask_visitor, self);
        int64_t limit = ksi_memory_account_limit(account);
        self->limit_errors += limit < 250 || limit > 1000; /* between one and four share 1000 */
        ksi_memory_account_close(account);
        atomic_store(&self->is_open, false);
    }
}

static void a_closed_account_is_asked_no_more_whatever_other_threads_do(void **state)
{
    (void)state;
    ksi_memory_budget *budget = ksi_memory_budget_new(1000);
    visitor visitors[4];
    ksi_thread threads[4];
    for (size_t i = 0; i < 4; i++) {
        visitors[i] = (visitor){.budget = budget};
        assert_int_equal(ksi_thread_start(&threads[i], "visitor", come_and_go, &visitors[i]), 0);
    }
    for (int i = 0; i < ROUNDS; i++) {
        int64_t used = ksi_memory_budget_used(budget);
        assert_true(used >= 0 && used <= 40 && used % 10 == 0);
        ksi_buffer text = {0};
        ksi_memory_budget_report(budget, &text);
        ksi_memory_budget_summarize(budget, &text);
        ksi_buffer_destroy(&text);
    }
    for (size_t i = 0; i < 4; i++) {
        ksi_thread_join(&threads[i]);
        assert_int_equal(atomic_load(&visitors[i].mistakes), 0);
        assert_int_equal(visitors[i].limit_errors, 0);
    }
    ksi_memory_budget_free(budget);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_account_has_everything),
        cmocka_unit_test(limits_follow_the_weights_of_who_is_there),
        cmocka_unit_test(the_others_share_what_fixed_accounts_leave),
        cmocka_unit_test(limits_are_rounded_down_and_do_not_overflow),
        cmocka_unit_test(the_report_has_a_line_for_each_account_and_the_summary_the_largest),
        cmocka_unit_test(a_closed_account_is_asked_no_more_whatever_other_threads_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
