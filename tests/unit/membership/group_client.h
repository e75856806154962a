/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group_client.h - a process that is a member of a group, as tests of a coordinator play it: it
 * polls, runs what it is told to, and says what it runs.
 */
#ifndef TEST_GROUP_CLIENT_H
#define TEST_GROUP_CLIENT_H

#include "membership/coordinator.h"

enum { TASKS = 12, CLIENTS = 6, SESSION_MS = 1000 };

extern const char client_group[]; /* "app" */

/* A member as its process sees it. */
typedef struct group_client {
    ksi_membership *membership; /* NULL: not there */
    ksi_group_view view;        /* its numbers only; the tasks are in the two below */
    bool wanted[TASKS];
    bool standby[TASKS];
    bool runs[TASKS];
} group_client;

typedef struct client_fixture {
    ksi_coordinator *coordinator;
    ksi_group_task tasks[TASKS];
    group_client clients[CLIENTS];
    int64_t now;
    int joined;
} client_fixture;

/* Tasks 0_0 to 0_5 are stateless, 1_0 to 1_5 stateful. */
size_t task_index(ksi_task_id id);
ksi_member_options client_options(client_fixture *self, const char *client_id);
group_client *join_client_with(client_fixture *self, size_t number,
                               const ksi_member_options *options);
group_client *join_client(client_fixture *self, size_t number);
ks_status poll_client(client_fixture *self, group_client *at);
void report_client(client_fixture *self, group_client *at);
void obey_view(group_client *at);
/* One turn of a process that is quick: asks, does all of it, says so. */
void take_turn(client_fixture *self, group_client *at);
/* Several turns of everybody, so that tasks have gone where they belong. */
void take_turns(client_fixture *self);
size_t count_tasks(const bool *tasks);
bool is_client_current(const client_fixture *self, const group_client *at);
void leave_client(group_client *at);
void vanish_client(group_client *at);
int set_up_clients(void **state);
int tear_down_clients(void **state);

#endif
