/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_classic_random.c - many members of a classic group at random, over connections that break.
 *
 * The model is what each process really runs: it begins a task some time after it was told to,
 * closes one some time after it was told to, and reports some time after that; it stalls, vanishes,
 * leaves and joins; answers are late or lost. At no moment may two processes whose commits would be
 * accepted run one task; when all are well, each task runs once, and nobody joins any more.
 * KSTREAMS_TEST_SEED=N repeats a run.
 */
#include "classic_process.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* The even ones are static members. */
static void start_at_random(process_fixture *self, size_t number)
{
    char name[16];
    (void)snprintf(name, sizeof name, "c%zu", number);
    ksi_member_options options = process_options(self, name);
    options.capacity = (int32_t)below(4);
    options.standbys = (int32_t)below(3);
    options.instance_id = number % 2 == 0 ? name : NULL;
    start_process_with(self, number, &options);
}

/* Begins a task that is wanted, or closes one that is not. */
static void do_something(classic_process *at)
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

static void one_random_step(process_fixture *self)
{
    size_t number = below(PROCESSES);
    classic_process *at = &self->processes[number];
    self->now += (int64_t)below(12);
    group_model_pass(&self->group, self->now);
    if (at->member == NULL) {
        if (below(8) == 0) {
            start_at_random(self, number);
        }
        return;
    }
    size_t what = below(400);
    if (what == 0) {
        stop_process(self, number);
    } else if (what == 1) {
        kill_process(self, number);
    } else if (what == 2) {
        ksi_classic_set_capacity(at->member, (int32_t)below(4));
    } else if (what < 9) {
        cut(self, number);
    } else if (what < 12) {
        static const int16_t codes[] = {14, 15, 16, 22, 25, 27};
        self->group.next_code = codes[below(sizeof codes / sizeof *codes)];
        deliver(self, number);
        self->group.next_code = 0;
    } else if (what < 160) {
        deliver(self, number);
    } else if (what < 280) {
        take_turn(self, number);
        if (at->status == KS_E_FENCED) {
            obey(self, number);
        }
        assert_int_not_equal(at->status, KS_E_TOPOLOGY);
    } else if (what < 340) {
        do_something(at);
    } else {
        report(self, number);
    }
}

static void no_task_ever_has_two_owners_and_all_have_one_in_the_end(void **state)
{
    process_fixture *self = *state;
    start_random();
    for (int round = 0; round < 60; round++) {
        for (int i = 0; i < 1500; i++) {
            one_random_step(self);
            assert_one_owner_at_most(self);
        }
        if (self->processes[0].member == NULL) {
            start_process(self, 0);
        }
        ksi_classic_set_capacity(self->processes[0].member, 1);
        run_for(self, 10 * (SESSION_MS + REBALANCE_MS));
        assert_one_owner_each(self);
        int joins = self->group.joins;
        uint64_t epoch = self->processes[0].view.epoch;
        run_for(self, 3 * (SESSION_MS + REBALANCE_MS));
        assert_int_equal(self->group.joins, joins);
        assert_int_equal(self->processes[0].view.epoch, epoch);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_task_ever_has_two_owners_and_all_have_one_in_the_end,
                                        set_up_processes, tear_down_processes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
