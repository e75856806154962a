/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_thread.c - threads are born with signals blocked; conditions wake and time out.
 *
 * Nothing here sleeps: a test that hangs has found a lost wake-up.
 */
#include "base/thread.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"

typedef struct shared {
    ksi_mutex mutex;
    ksi_condition changed;
    int turn;
    int64_t sum;
    bool terminate_is_blocked;
} shared;

static void shared_init(shared *all)
{
    *all = (shared){0};
    ksi_mutex_init(&all->mutex);
    ksi_condition_init(&all->changed);
}

static void shared_destroy(shared *all)
{
    ksi_condition_destroy(&all->changed);
    ksi_mutex_destroy(&all->mutex);
}

static void look_at_the_mask(void *user)
{
    sigset_t mask;
    (void)pthread_sigmask(SIG_BLOCK, NULL, &mask);
    ((shared *)user)->terminate_is_blocked =
        sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGINT) == 1;
}

static void threads_have_all_signals_blocked_and_the_parent_has_not(void **state)
{
    (void)state;
    shared all;
    shared_init(&all);
    ksi_thread thread = {0};
    assert_int_equal(
        ksi_thread_start(&thread, "a name of more than 15 characters", look_at_the_mask, &all), 0);
    ksi_thread_join(&thread);
    assert_true(all.terminate_is_blocked);
    look_at_the_mask(&all);
    assert_false(all.terminate_is_blocked);
    shared_destroy(&all);
}

static void joining_what_was_not_started_or_twice_does_nothing(void **state)
{
    (void)state;
    shared all;
    shared_init(&all);
    ksi_thread thread = {0};
    ksi_thread_join(&thread);
    assert_int_equal(ksi_thread_start(&thread, "t", look_at_the_mask, &all), 0);
    ksi_thread_join(&thread);
    assert_false(thread.started);
    ksi_thread_join(&thread);
    shared_destroy(&all);
}

static void add_up(void *user)
{
    shared *all = user;
    for (int i = 0; i < 10000; i++) {
        ksi_mutex_lock(&all->mutex);
        all->sum++;
        ksi_mutex_unlock(&all->mutex);
    }
}

static void a_mutex_keeps_threads_apart(void **state)
{
    (void)state;
    shared all;
    shared_init(&all);
    ksi_thread threads[4];
    for (int i = 0; i < 4; i++) {
        assert_int_equal(ksi_thread_start(&threads[i], "adder", add_up, &all), 0);
    }
    for (int i = 0; i < 4; i++) {
        ksi_thread_join(&threads[i]);
    }
    assert_int_equal(all.sum, 40000);
    shared_destroy(&all);
}

/* Takes every odd turn. */
static void answer(void *user)
{
    shared *all = user;
    ksi_mutex_lock(&all->mutex);
    while (all->turn < 200) {
        if (all->turn % 2 == 1) {
            all->turn++;
            ksi_condition_wake_all(&all->changed);
        } else {
            ksi_condition_wait(&all->changed, &all->mutex);
        }
    }
    ksi_mutex_unlock(&all->mutex);
}

static void a_condition_wakes_who_waits_for_it(void **state)
{
    (void)state;
    shared all;
    shared_init(&all);
    ksi_thread thread;
    assert_int_equal(ksi_thread_start(&thread, "answer", answer, &all), 0);
    ksi_mutex_lock(&all.mutex);
    while (all.turn < 200) {
        if (all.turn % 2 == 0) {
            all.turn++;
            ksi_condition_wake_all(&all.changed);
        } else {
            assert_true(
                ksi_condition_wait_for(&all.changed, &all.mutex, all.turn < 100 ? -1 : 60000));
        }
    }
    ksi_condition_wake_all(&all.changed);
    ksi_mutex_unlock(&all.mutex);
    ksi_thread_join(&thread);
    assert_int_equal(all.turn, 200);
    shared_destroy(&all);
}

static void waiting_ends_when_the_time_is_over(void **state)
{
    (void)state;
    shared all;
    shared_init(&all);
    ksi_mutex_lock(&all.mutex);
    int64_t before = ksi_system_clock.monotonic_ns(&ksi_system_clock);
    while (ksi_condition_wait_for(&all.changed, &all.mutex, 20)) {
        before = ksi_system_clock.monotonic_ns(&ksi_system_clock); /* woken for no reason */
    }
    assert_true(ksi_system_clock.monotonic_ns(&ksi_system_clock) - before >= 20000000);
    assert_false(ksi_condition_wait_for(&all.changed, &all.mutex, 0));
    ksi_mutex_unlock(&all.mutex);
    shared_destroy(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_have_all_signals_blocked_and_the_parent_has_not),
        cmocka_unit_test(joining_what_was_not_started_or_twice_does_nothing),
        cmocka_unit_test(a_mutex_keeps_threads_apart),
        cmocka_unit_test(a_condition_wakes_who_waits_for_it),
        cmocka_unit_test(waiting_ends_when_the_time_is_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
