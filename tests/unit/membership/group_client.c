/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group_client.c - the turns of a member: poll, run, report.
 */
#include "group_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

const char client_group[] = "app";

size_t task_index(ksi_task_id id)
{
    return (size_t)id.subtopology * TASKS / 2 + (size_t)id.partition;
}

ksi_member_options client_options(client_fixture *self, const char *client_id)
{
    return (ksi_member_options){.group = client_group,
                                .process_id = "p",
                                .client_id = client_id,
                                .capacity = 1,
                                .session_timeout_ms = SESSION_MS,
                                .tasks = self->tasks,
                                .task_count = TASKS};
}

group_client *join_client_with(client_fixture *self, size_t number,
                               const ksi_member_options *options)
{
    ks_error error = {0};
    group_client *at = &self->clients[number];
    assert_null(at->membership);
    *at = (group_client){0};
    at->membership = ksi_coordinator_join(self->coordinator, options, self->now, &error);
    assert_non_null(at->membership);
    return at;
}

group_client *join_client(client_fixture *self, size_t number)
{
    char name[16];
    (void)snprintf(name, sizeof name, "c%zu", number);
    ksi_member_options options = client_options(self, name);
    return join_client_with(self, number, &options);
}

ks_status poll_client(client_fixture *self, group_client *at)
{
    ksi_group_view view = {0};
    ks_error error = {0};
    ks_status status = at->membership->class->poll(at->membership, self->now, &view, &error);
    assert_int_equal(status, error.code);
    if (status == KS_OK) {
        memset(at->wanted, 0, sizeof at->wanted);
        memset(at->standby, 0, sizeof at->standby);
        for (size_t i = 0; i < view.active_count; i++) {
            at->wanted[task_index(view.active[i])] = true;
        }
        for (size_t i = 0; i < view.standby_count; i++) {
            at->standby[task_index(view.standby[i])] = true;
        }
        at->view = view;
    }
    return status;
}

void report_client(client_fixture *self, group_client *at)
{
    ksi_task_id active[TASKS];
    ksi_task_state standby[TASKS];
    size_t active_count = 0;
    size_t standby_count = 0;
    for (size_t t = 0; t < TASKS; t++) {
        if (at->runs[t]) {
            active[active_count++] = self->tasks[t].id;
        } else if (at->standby[t]) {
            standby[standby_count++] =
                (ksi_task_state){.id = self->tasks[t].id, .offsets = self->now};
        }
    }
    at->membership->class->report(at->membership, active, active_count, standby, standby_count);
}

void obey_view(group_client *at)
{
    memcpy(at->runs, at->wanted, sizeof at->runs);
}

void take_turn(client_fixture *self, group_client *at)
{
    assert_int_equal(poll_client(self, at), KS_OK);
    obey_view(at);
    report_client(self, at);
}

void take_turns(client_fixture *self)
{
    for (int i = 0; i < 4; i++) {
        for (size_t c = 0; c < CLIENTS; c++) {
            if (self->clients[c].membership != NULL) {
                take_turn(self, &self->clients[c]);
            }
        }
    }
}

size_t count_tasks(const bool *tasks)
{
    size_t found = 0;
    for (size_t t = 0; t < TASKS; t++) {
        found += tasks[t];
    }
    return found;
}

bool is_client_current(const client_fixture *self, const group_client *at)
{
    ksi_generation generation = at->membership->class->generation(at->membership);
    return ksi_coordinator_is_current(self->coordinator, client_group, &generation);
}

void leave_client(group_client *at)
{
    at->membership->class->leave(at->membership);
    *at = (group_client){0};
}

void vanish_client(group_client *at)
{
    at->membership->class->vanish(at->membership);
    *at = (group_client){0};
}

int set_up_clients(void **state)
{
    static client_fixture self;
    self = (client_fixture){.coordinator = ksi_coordinator_new()};
    for (size_t t = 0; t < TASKS; t++) {
        self.tasks[t].id.subtopology = (int)(t / (TASKS / 2));
        self.tasks[t].id.partition = (int32_t)(t % (TASKS / 2));
        self.tasks[t].stateful = t >= TASKS / 2;
    }
    *state = &self;
    return 0;
}

int tear_down_clients(void **state)
{
    client_fixture *self = *state;
    for (size_t c = 0; c < CLIENTS; c++) {
        if (self->clients[c].membership != NULL) {
            leave_client(&self->clients[c]);
        }
    }
    ksi_coordinator_free(self->coordinator);
    return 0;
}
