/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group_member_app.c - a member of a group that does at once what it is told, and prints what it
 * runs whenever that changes, for tests that do things to it or to brokers meanwhile.
 *
 *     group_member_app SERVERS GROUP NAME SESSION_MS
 *
 *     runs 0 1 2      the partitions whose tasks it runs
 *     fenced          its session was lost, it runs nothing and joins again
 *
 * It leaves the group when standard input ends. Any error that is none of the above ends it with a
 * line about it.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "membership/kafka/classic_member.h"

enum { TASKS = 6, REBALANCE_MS = 20000, HEARTBEAT_MS = 500 };

static int64_t now_ms(void)
{
    return ksi_monotonic_ms(&ksi_system_clock);
}

static ksi_membership *join(char **arguments, ks_error *error)
{
    static const ksi_group_input input = {0, "input", TASKS};
    ksi_group_task tasks[TASKS];
    for (int t = 0; t < TASKS; t++) {
        tasks[t] = (ksi_group_task){{0, t}, false};
    }
    const ksi_kafka_cluster cluster = {.bootstrap_servers = arguments[1],
                                       .client_id = arguments[3]};
    const ksi_member_options options = {.group = arguments[2],
                                        .process_id = arguments[3],
                                        .client_id = arguments[3],
                                        .capacity = 1,
                                        .session_timeout_ms = strtoll(arguments[4], NULL, 10),
                                        .heartbeat_interval_ms = HEARTBEAT_MS,
                                        .rebalance_timeout_ms = REBALANCE_MS,
                                        .inputs = &input,
                                        .input_count = 1,
                                        .tasks = tasks,
                                        .task_count = TASKS};
    return ksi_classic_join(&cluster, &options, NULL, now_ms(), error);
}

static void print_tasks(const ksi_group_view *view)
{
    (void)printf("runs");
    for (size_t i = 0; i < view->active_count; i++) {
        (void)printf(" %d", view->active[i].partition);
    }
    (void)printf("\n");
    (void)fflush(stdout);
}

/* False: it cannot go on. */
static bool take_turn(ksi_membership *self, uint64_t *epoch, ks_error *error)
{
    ksi_group_view view = {0};
    ks_status status = self->class->poll(self, now_ms(), &view, error);
    if (status == KS_E_FENCED) {
        (void)printf("fenced\n");
        (void)fprintf(stderr, "%s\n", error->message);
        return self->class->rejoin(self, now_ms(), error) == KS_OK;
    }
    if (status == KS_OK && view.epoch != *epoch) {
        *epoch = view.epoch;
        print_tasks(&view);
        self->class->report(self, view.active, view.active_count, NULL, 0);
    }
    return status == KS_OK || (error->flags & KS_ERROR_RETRIABLE) != 0;
}

/* False: standard input ended. */
static bool wait_for_it(const ksi_membership *self)
{
    struct pollfd fds[2] = {{.fd = 0, .events = POLLIN}};
    size_t count = 1 + self->class->descriptors(self, fds + 1, 1);
    int64_t left_ms = self->class->next_poll_ms(self) - now_ms();
    left_ms = left_ms < HEARTBEAT_MS ? left_ms : HEARTBEAT_MS;
    (void)poll(fds, (nfds_t)count, left_ms > 0 ? (int)left_ms : 0);
    return fds[0].revents == 0;
}

int main(int count, char **arguments)
{
    if (count != 5) {
        (void)fprintf(stderr, "usage: group_member_app SERVERS GROUP NAME SESSION_MS\n");
        return 2;
    }
    ks_error error = {0};
    ksi_membership *self = join(arguments, &error);
    uint64_t epoch = 0;
    bool good = self != NULL;
    while (good && wait_for_it(self)) {
        good = take_turn(self, &epoch, &error);
    }
    if (!good) {
        ks_error_print(arguments[0], &error);
    }
    if (self != NULL) {
        self->class->leave(self);
    }
    return good ? 0 : 1;
}
