/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_coordinator_random.c - many members at random, and members on several threads.
 *
 * The model is what each member really runs: it begins a task some time after it was told to,
 * closes one some time after it was told to, and reports some time after that; it stalls, vanishes,
 * leaves and joins. At no moment may two members whose commits would be accepted run one task.
 * KSTREAMS_TEST_SEED=N repeats a run.
 */
#include "base/thread.h"

#include "group_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static uint64_t state_of_random;

static size_t below(size_t limit)
{
    state_of_random ^= state_of_random << 13;
    state_of_random ^= state_of_random >> 7;
    state_of_random ^= state_of_random << 17;
    return (size_t)((state_of_random >> 20) % limit);
}

static void start_random(void)
{
    const char *wanted = getenv("KSTREAMS_TEST_SEED");
    uint64_t seed = wanted != NULL ? strtoull(wanted, NULL, 10) : (uint64_t)time(NULL);
    print_message("KSTREAMS_TEST_SEED=%llu\n", (unsigned long long)seed);
    state_of_random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
}

/* A process that was fenced may run on for a while, but none of its commits counts. */
static void assert_one_owner_at_most(const client_fixture *self)
{
    for (size_t t = 0; t < TASKS; t++) {
        size_t owners = 0;
        for (size_t c = 0; c < CLIENTS; c++) {
            const group_client *at = &self->clients[c];
            owners += at->membership != NULL && at->runs[t] && is_client_current(self, at);
        }
        assert_true(owners <= 1);
    }
}

static void poll_or_rejoin(client_fixture *self, group_client *at)
{
    if (poll_client(self, at) == KS_E_FENCED) {
        ks_error error = {0};
        memset(at->runs, 0, sizeof at->runs);
        memset(at->wanted, 0, sizeof at->wanted);
        assert_int_equal(at->membership->class->rejoin(at->membership, self->now, &error), KS_OK);
    }
}

/* Begins a task that is wanted, or closes one that is not. */
static void do_something(group_client *at)
{
    size_t first = below(TASKS);
    for (size_t i = 0; i < TASKS; i++) {
        size_t t = (first + i) % TASKS;
        if (at->runs[t] != at->wanted[t]) {
            at->runs[t] = at->wanted[t];
            return;
        }
    }
}

static void one_random_step(client_fixture *self)
{
    size_t number = below(CLIENTS);
    group_client *at = &self->clients[number];
    self->now += (int64_t)below(40);
    if (at->membership == NULL) {
        if (below(8) == 0) {
            char name[16];
            (void)snprintf(name, sizeof name, "c%d", self->joined++);
            ksi_member_options options = client_options(self, name);
            options.capacity = (int32_t)below(4);
            options.standbys = (int32_t)below(3);
            join_client_with(self, number, &options);
        }
        return;
    }
    size_t what = below(200);
    if (what == 0) {
        leave_client(at);
    } else if (what == 1) {
        vanish_client(at);
    } else if (what == 2) {
        at->membership->class->set_capacity(at->membership, (int32_t)below(4));
    } else if (what < 70) {
        poll_or_rejoin(self, at);
    } else if (what < 140) {
        do_something(at);
    } else {
        report_client(self, at);
    }
}

/* Everybody behaves, until sessions of those who vanished are over and all is handed over. */
static void calm_down(client_fixture *self)
{
    for (int round = 0; round < 12; round++) {
        self->now += SESSION_MS / 5;
        for (size_t c = 0; c < CLIENTS; c++) {
            group_client *at = &self->clients[c];
            if (at->membership != NULL) {
                poll_or_rejoin(self, at);
                obey_view(at);
                report_client(self, at);
                assert_one_owner_at_most(self);
            }
        }
    }
}

static void copy_runs(const client_fixture *self, bool runs[CLIENTS][TASKS])
{
    for (size_t c = 0; c < CLIENTS; c++) {
        memcpy(runs[c], self->clients[c].runs, sizeof runs[c]);
    }
}

static size_t count_stopped(const client_fixture *self, bool before[CLIENTS][TASKS], size_t but)
{
    size_t stopped = 0;
    for (size_t c = 0; c < CLIENTS; c++) {
        for (size_t t = 0; c != but && t < TASKS; t++) {
            stopped += before[c][t] && !self->clients[c].runs[t];
        }
    }
    return stopped;
}

static void no_task_ever_has_two_owners_and_all_have_one_in_the_end(void **state)
{
    client_fixture *self = *state;
    start_random();
    for (int round = 0; round < 60; round++) {
        for (int i = 0; i < 600; i++) {
            one_random_step(self);
            assert_one_owner_at_most(self);
        }
        if (self->clients[0].membership == NULL) {
            join_client(self, 0);
        }
        self->clients[0].membership->class->set_capacity(self->clients[0].membership, 1);
        calm_down(self);
        uint64_t epoch = self->clients[0].view.epoch;
        size_t runs = 0;
        for (size_t c = 0; c < CLIENTS; c++) {
            runs += count_tasks(self->clients[c].runs);
        }
        assert_int_equal(runs, TASKS);
        calm_down(self);
        assert_int_equal(self->clients[0].view.epoch, epoch);
    }
}

/* Some were asked to give up tasks for it, and did not get to it before it was gone. */
static void come_and_go(client_fixture *self, size_t number)
{
    join_client(self, number);
    for (size_t c = 0; c < CLIENTS; c++) {
        if (self->clients[c].membership != NULL && below(2) == 0) {
            assert_int_equal(poll_client(self, &self->clients[c]), KS_OK);
        }
    }
    leave_client(&self->clients[number]);
}

static void among_equals_a_change_stops_no_more_tasks_than_it_must(void **state)
{
    client_fixture *self = *state;
    bool before[CLIENTS][TASKS];
    start_random();
    join_client(self, 0);
    take_turns(self);
    for (int round = 0; round < 400; round++) {
        size_t number = 1 + below(CLIENTS - 1);
        group_client *at = &self->clients[number];
        copy_runs(self, before);
        if (at->membership == NULL && below(3) == 0) {
            come_and_go(self, number);
            calm_down(self);
            assert_int_equal(count_stopped(self, before, number), 0);
        } else if (at->membership == NULL) {
            join_client(self, number);
            calm_down(self);
            assert_int_equal(count_stopped(self, before, number), count_tasks(at->runs));
        } else {
            if (below(2) == 0) {
                leave_client(at);
            } else {
                vanish_client(at);
            }
            calm_down(self);
            assert_int_equal(count_stopped(self, before, number), 0);
        }
    }
}

/* ---- threads --------------------------------------------------------------------------------- */

static _Atomic int owners[TASKS];

typedef struct worker {
    ksi_thread thread;
    client_fixture *of;
    size_t began;
    bool failed;
} worker;

/* cmocka's assertions are for the test's own thread. */
static void work_as_member(void *user)
{
    worker *self = user;
    for (int life = 0; life < 20; life++) {
        group_client at = {0};
        ksi_member_options options = client_options(self->of, "worker");
        at.membership = ksi_coordinator_join(self->of->coordinator, &options, 0, NULL);
        for (int i = 0; i < 50; i++) {
            ksi_group_view view;
            bool wanted[TASKS] = {false};
            at.membership->class->poll(at.membership, 0, &view, NULL);
            for (size_t a = 0; a < view.active_count; a++) {
                wanted[task_index(view.active[a])] = true;
            }
            for (size_t t = 0; t < TASKS; t++) {
                if (wanted[t] && !at.runs[t]) {
                    self->failed = self->failed || atomic_fetch_add(&owners[t], 1) != 0;
                    self->began++;
                } else if (!wanted[t] && at.runs[t]) {
                    atomic_fetch_sub(&owners[t], 1);
                }
                at.runs[t] = wanted[t];
            }
            report_client(self->of, &at);
        }
        for (size_t t = 0; t < TASKS; t++) {
            if (at.runs[t]) {
                atomic_fetch_sub(&owners[t], 1);
            }
        }
        at.membership->class->leave(at.membership);
    }
}

static void members_on_several_threads_never_share_a_task(void **state)
{
    client_fixture *self = *state;
    worker workers[4] = {{.of = self}, {.of = self}, {.of = self}, {.of = self}};
    for (size_t w = 0; w < 4; w++) {
        assert_int_equal(
            ksi_thread_start(&workers[w].thread, "member", work_as_member, &workers[w]), 0);
    }
    for (size_t w = 0; w < 4; w++) {
        ksi_thread_join(&workers[w].thread);
        assert_false(workers[w].failed);
    }
    assert_true(workers[0].began + workers[1].began + workers[2].began + workers[3].began >= TASKS);
    assert_false(ksi_coordinator_has_members(self->coordinator, client_group));
}

int main(void)
{
#define IN_A_GROUP(test) cmocka_unit_test_setup_teardown(test, set_up_clients, tear_down_clients)
    const struct CMUnitTest tests[] = {
        IN_A_GROUP(no_task_ever_has_two_owners_and_all_have_one_in_the_end),
        IN_A_GROUP(among_equals_a_change_stops_no_more_tasks_than_it_must),
        IN_A_GROUP(members_on_several_threads_never_share_a_task),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
