/* SPDX-License-Identifier: Apache-2.0 */
/*
 * classic_process.h - processes that are members of one group_model: each runs what it is told to
 * and says what it runs, over a connection that takes its time and breaks when a test wants it.
 *
 * A request lies on the way to the group until deliver(), an answer until turn(). Time is one
 * number.
 */
#ifndef TEST_CLASSIC_PROCESS_H
#define TEST_CLASSIC_PROCESS_H

#include "group_model.h"
#include "membership/kafka/classic_protocol.h"

enum { TASKS = 12, PROCESSES = 6, SESSION_MS = 1000, HEARTBEAT_MS = 300, REBALANCE_MS = 2000 };

typedef struct classic_process {
    ksi_classic *member; /* NULL: not there */
    ksi_group_view view; /* its numbers only */
    ks_status status;    /* of the last turn */
    ks_error error;
    bool wanted[TASKS];
    bool standby[TASKS];
    bool runs[TASKS];
    bool in_flight;
    bool delivered;
    ksi_api api; /* of the request in flight */
    ksi_buffer request;
} classic_process;

typedef struct process_fixture {
    group_model group;
    ksi_group_task tasks[TASKS];
    classic_process processes[PROCESSES];
    int64_t now;
} process_fixture;

int set_up_processes(void **state);
int tear_down_processes(void **state);

/* Tasks 0_0 to 0_5 are stateless, 1_0 to 1_5 stateful. */
size_t task_index(ksi_task_id id);
ksi_member_options process_options(process_fixture *self, const char *client_id);
classic_process *start_process_with(process_fixture *self, size_t number,
                                    const ksi_member_options *options);
classic_process *start_process(process_fixture *self, size_t number);
/* It leaves the group, or is just gone. */
void stop_process(process_fixture *self, size_t number);
void kill_process(process_fixture *self, size_t number);

/* Takes an answer that is there, sends what is due. It still runs what it ran. */
void take_turn(process_fixture *self, size_t number);
/* The group takes the request of a process. */
void deliver(process_fixture *self, size_t number);
/* The connection breaks: the answer is lost, and so is a request that was not delivered. */
void cut(process_fixture *self, size_t number);
/* It runs what its view says, and says so. */
void obey(process_fixture *self, size_t number);
void report(process_fixture *self, size_t number);
void drop_all(classic_process *process);
/* Everybody takes turns, obeys, and time passes in small steps. */
void run_for(process_fixture *self, int64_t duration_ms);

size_t count_true(const bool *tasks);
bool is_current(const process_fixture *self, const classic_process *process);
void assert_one_owner_at_most(const process_fixture *self);
void assert_one_owner_each(const process_fixture *self);

#endif
