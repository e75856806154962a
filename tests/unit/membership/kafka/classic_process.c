/* SPDX-License-Identifier: Apache-2.0 */
/* classic_process.c - see classic_process.h. */
#include "classic_process.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { STEP_MS = 20, PER_SUBTOPOLOGY = TASKS / 2 };

static const ksi_group_input inputs[] = {{0, "orders", PER_SUBTOPOLOGY},
                                         {0, "rates", 2},
                                         {1, "app-counts-repartition", PER_SUBTOPOLOGY}};

int set_up_processes(void **state)
{
    process_fixture *self = ksi_calloc(1, sizeof *self);
    group_model_init(&self->group);
    for (int t = 0; t < TASKS; t++) {
        self->tasks[t].id = (ksi_task_id){t / PER_SUBTOPOLOGY, t % PER_SUBTOPOLOGY};
        self->tasks[t].stateful = t >= PER_SUBTOPOLOGY;
    }
    self->now = 1000;
    group_model_pass(&self->group, self->now);
    *state = self;
    return 0;
}

int tear_down_processes(void **state)
{
    process_fixture *self = *state;
    for (size_t p = 0; p < PROCESSES; p++) {
        kill_process(self, p);
        ksi_buffer_destroy(&self->processes[p].request);
    }
    group_model_destroy(&self->group);
    ksi_free(self);
    return 0;
}

size_t task_index(ksi_task_id id)
{
    return (size_t)id.subtopology * PER_SUBTOPOLOGY + (size_t)id.partition;
}

ksi_member_options process_options(process_fixture *self, const char *client_id)
{
    return (ksi_member_options){.group = "app",
                                .process_id = client_id,
                                .client_id = client_id,
                                .capacity = 1,
                                .session_timeout_ms = SESSION_MS,
                                .heartbeat_interval_ms = HEARTBEAT_MS,
                                .rebalance_timeout_ms = REBALANCE_MS,
                                .inputs = inputs,
                                .input_count = sizeof inputs / sizeof *inputs,
                                .tasks = self->tasks,
                                .task_count = TASKS};
}

classic_process *start_process_with(process_fixture *self, size_t number,
                                    const ksi_member_options *options)
{
    classic_process *at = &self->processes[number];
    assert_null(at->member);
    at->member = ksi_classic_new(options, 0, NULL, self->now);
    at->in_flight = false;
    at->view = (ksi_group_view){0};
    drop_all(at);
    return at;
}

classic_process *start_process(process_fixture *self, size_t number)
{
    char name[16];
    (void)snprintf(name, sizeof name, "c%zu", number);
    ksi_member_options options = process_options(self, name);
    return start_process_with(self, number, &options);
}

void kill_process(process_fixture *self, size_t number)
{
    classic_process *at = &self->processes[number];
    group_model_disconnect(&self->group, (int)number);
    ksi_classic_free(at->member);
    at->member = NULL;
    drop_all(at);
}

void stop_process(process_fixture *self, size_t number)
{
    ksi_classic_request request;
    group_model_disconnect(&self->group, (int)number);
    if (ksi_classic_leave(self->processes[number].member, &request)) {
        group_model_request(&self->group, (int)number, request.api, request.body);
    }
    kill_process(self, number);
}

void drop_all(classic_process *process)
{
    memset(process->runs, 0, sizeof process->runs);
    memset(process->wanted, 0, sizeof process->wanted);
    memset(process->standby, 0, sizeof process->standby);
}

static void see(classic_process *at)
{
    ksi_error_begin(&at->error);
    at->status = ksi_classic_status(at->member, &at->view, &at->error);
    if (at->status != KS_OK) {
        return;
    }
    memset(at->wanted, 0, sizeof at->wanted);
    memset(at->standby, 0, sizeof at->standby);
    for (size_t i = 0; i < at->view.active_count; i++) {
        at->wanted[task_index(at->view.active[i])] = true;
    }
    for (size_t i = 0; i < at->view.standby_count; i++) {
        at->standby[task_index(at->view.standby[i])] = true;
    }
}

void take_turn(process_fixture *self, size_t number)
{
    classic_process *at = &self->processes[number];
    ksi_classic_request request;
    if (at->in_flight && self->group.answered[number]) {
        at->in_flight = false;
        self->group.answered[number] = false;
        (void)ksi_classic_answered(at->member, ksi_buffer_slice(&self->group.answers[number]),
                                   self->now);
    }
    if (ksi_classic_passed(at->member, at->in_flight, self->now)) {
        at->in_flight = false;
        group_model_disconnect(&self->group, (int)number);
    }
    if (!at->in_flight && ksi_classic_next(at->member, self->now, &request)) {
        at->in_flight = true;
        at->delivered = false;
        at->api = request.api;
        ksi_buffer_clear(&at->request);
        ksi_buffer_append(&at->request, request.body.data, request.body.size);
    }
    see(at);
}

void deliver(process_fixture *self, size_t number)
{
    classic_process *at = &self->processes[number];
    if (at->in_flight && !at->delivered) {
        at->delivered = true;
        group_model_request(&self->group, (int)number, at->api, ksi_buffer_slice(&at->request));
    }
}

void cut(process_fixture *self, size_t number)
{
    classic_process *at = &self->processes[number];
    group_model_disconnect(&self->group, (int)number);
    if (at->in_flight) {
        ks_error why;
        ksi_error_begin(&why);
        (void)ksi_error_set(&why, KS_E_IO, "app", "the connection was lost");
        (void)ksi_error_flag(&why, KS_ERROR_RETRIABLE);
        at->in_flight = false;
        ksi_classic_unanswered(at->member, &why, self->now);
    }
}

void report(process_fixture *self, size_t number)
{
    classic_process *at = &self->processes[number];
    ksi_task_id active[TASKS];
    ksi_task_state standby[TASKS];
    size_t active_count = 0;
    size_t standby_count = 0;
    for (size_t t = 0; t < TASKS; t++) {
        if (at->runs[t]) {
            active[active_count++] = self->tasks[t].id;
        } else if (at->standby[t]) {
            standby[standby_count++] = (ksi_task_state){self->tasks[t].id, 10};
        }
    }
    ksi_classic_report(at->member, (ksi_task_ids){active, active_count}, standby, standby_count);
}

void obey(process_fixture *self, size_t number)
{
    classic_process *at = &self->processes[number];
    if (at->status == KS_E_FENCED) {
        drop_all(at);
        at->in_flight = false;
        group_model_disconnect(&self->group, (int)number);
        ksi_classic_rejoin(at->member, self->now);
        return;
    }
    memcpy(at->runs, at->wanted, sizeof at->runs);
    report(self, number);
}

void run_for(process_fixture *self, int64_t duration_ms)
{
    for (int64_t end = self->now + duration_ms; self->now < end; self->now += STEP_MS) {
        group_model_pass(&self->group, self->now);
        for (size_t p = 0; p < PROCESSES; p++) {
            if (self->processes[p].member != NULL) {
                deliver(self, p);
                take_turn(self, p);
                deliver(self, p);
                obey(self, p);
                assert_one_owner_at_most(self);
            }
        }
    }
}

size_t count_true(const bool *tasks)
{
    size_t count = 0;
    for (size_t t = 0; t < TASKS; t++) {
        count += tasks[t];
    }
    return count;
}

bool is_current(const process_fixture *self, const classic_process *process)
{
    ksi_generation generation = ksi_classic_generation(process->member);
    return group_model_accepts(&self->group, &generation);
}

static size_t count_owners(const process_fixture *self, size_t task)
{
    size_t owners = 0;
    for (size_t p = 0; p < PROCESSES; p++) {
        const classic_process *at = &self->processes[p];
        owners += at->member != NULL && at->runs[task] && is_current(self, at);
    }
    return owners;
}

/* A process that is out may run on for a while, but none of its commits counts. */
void assert_one_owner_at_most(const process_fixture *self)
{
    for (size_t t = 0; t < TASKS; t++) {
        assert_true(count_owners(self, t) <= 1);
    }
}

void assert_one_owner_each(const process_fixture *self)
{
    for (size_t t = 0; t < TASKS; t++) {
        assert_int_equal(count_owners(self, t), 1);
    }
}
