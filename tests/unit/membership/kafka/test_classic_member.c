/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_classic_member.c - the protocol over a link, to a broker that keeps a group_model.
 *
 * Each connection to the broker is a caller of the group. Time is the test's: it passes where the
 * member has nothing to do but wait, and where a test says so; how quick the machine is at anything
 * else changes nothing.
 */
#include "membership/kafka/classic_member.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "fake_broker.h"
#include "group_model.h"

enum { TASKS = 4, SESSION_MS = 3000, HEARTBEAT_MS = 50, PATIENCE_MS = 120000 };

typedef struct member_fixture {
    fake_broker *broker;
    group_model group;
    uint64_t held[MODEL_CALLERS]; /* the request of each caller that waits; 0: none */
    ksi_group_task tasks[TASKS];
    ksi_membership *membership;
    ksi_group_view view;
    ks_error error;
    int64_t now_ms;
} member_fixture;

/* Connections are never more here than the model has callers for. */
static fake_reply answer(void *user, const fake_request *request, ksi_buffer *body)
{
    member_fixture *self = user;
    int caller = request->connection % MODEL_CALLERS;
    if (request->api != KSI_API_JOIN_GROUP && request->api != KSI_API_SYNC_GROUP &&
        request->api != KSI_API_HEARTBEAT && request->api != KSI_API_LEAVE_GROUP) {
        return FAKE_DEFAULT;
    }
    group_model_disconnect(&self->group, caller);
    group_model_pass(&self->group, self->now_ms);
    group_model_request(&self->group, caller, request->api, request->body);
    if (!self->group.answered[caller]) {
        self->held[caller] = request->number;
        return FAKE_HOLD;
    }
    self->group.answered[caller] = false;
    ksi_buffer_append(body, self->group.answers[caller].data, self->group.answers[caller].size);
    return FAKE_ANSWER;
}

static int begin(void **state)
{
    member_fixture *self = ksi_calloc(1, sizeof *self);
    group_model_init(&self->group);
    self->now_ms = 1000000;
    self->broker = fake_broker_new(answer, self);
    for (int t = 0; t < TASKS; t++) {
        self->tasks[t].id = (ksi_task_id){0, t};
    }
    *state = self;
    return 0;
}

static int end(void **state)
{
    member_fixture *self = *state;
    if (self->membership != NULL) {
        self->membership->class->vanish(self->membership);
    }
    fake_broker_free(self->broker);
    group_model_destroy(&self->group);
    ksi_free(self);
    return 0;
}

static void join_as(member_fixture *self, const char *instance)
{
    const ksi_kafka_cluster cluster = {.bootstrap_servers = fake_broker_address(self->broker),
                                       .client_id = "tester",
                                       .retry_backoff_ms = 1,
                                       .reconnect_backoff_ms = 1};
    const ksi_member_options options = {.group = "app",
                                        .instance_id = instance,
                                        .process_id = "p",
                                        .client_id = "tester",
                                        .capacity = 1,
                                        .session_timeout_ms = SESSION_MS,
                                        .heartbeat_interval_ms = HEARTBEAT_MS,
                                        .rebalance_timeout_ms = PATIENCE_MS,
                                        .tasks = self->tasks,
                                        .task_count = TASKS};
    self->membership = ksi_classic_join(&cluster, &options, NULL, self->now_ms, &self->error);
    assert_non_null(self->membership);
}

static ks_status turn(member_fixture *self)
{
    ksi_membership *at = self->membership;
    ks_status status = at->class->poll(at, self->now_ms, &self->view, &self->error);
    if (status == KS_OK) {
        at->class->report(at, self->view.active, self->view.active_count, NULL, 0);
    }
    while (fake_broker_step(self->broker, 0)) {
    }
    group_model_pass(&self->group, self->now_ms);
    for (int c = 0; c < MODEL_CALLERS; c++) {
        if (self->held[c] != 0 && self->group.answered[c]) {
            self->group.answered[c] = false;
            fake_broker_answer(self->broker, self->held[c],
                               ksi_buffer_slice(&self->group.answers[c]));
            self->held[c] = 0;
        }
    }
    return status;
}

/* As a supervisor waits: for an answer, or until the next poll is due. */
static void wait_for_it(member_fixture *self)
{
    struct pollfd fds[2];
    size_t count = self->membership->class->descriptors(self->membership, fds, 2);
    int64_t left = self->membership->class->next_poll_ms(self->membership) - self->now_ms;
    int wait_ms = left < 0 ? 0 : left < 10 ? (int)left : 10;
    if (poll(fds, (nfds_t)count, wait_ms) == 0) {
        self->now_ms += wait_ms;
    }
}

static void run_until_it_has(member_fixture *self, size_t count)
{
    int64_t start = ksi_monotonic_ms(&ksi_system_clock);
    while (self->view.active_count != count) {
        assert_int_equal(turn(self), KS_OK);
        wait_for_it(self);
        if (ksi_monotonic_ms(&ksi_system_clock) - start > PATIENCE_MS) {
            fail_msg("not within %d ms: %zu tasks; it has %zu", PATIENCE_MS, count,
                     self->view.active_count);
        }
    }
}

static void a_member_finds_its_group_and_gets_its_tasks(void **state)
{
    member_fixture *self = *state;
    join_as(self, NULL);
    run_until_it_has(self, TASKS);
    ksi_generation generation = self->membership->class->generation(self->membership);
    assert_int_equal(generation.number, 1);
    assert_null(generation.instance);
    assert_true(group_model_accepts(&self->group, &generation));
    assert_int_equal(fake_broker_connections(self->broker), 1);
}

static void an_answer_wakes_and_until_then_there_is_nothing_to_do(void **state)
{
    member_fixture *self = *state;
    struct pollfd fds[2];
    join_as(self, NULL);
    run_until_it_has(self, TASKS);
    ksi_membership *at = self->membership;
    while (at->class->next_poll_ms(at) <= self->now_ms) {
        assert_int_equal(turn(self), KS_OK);
    }
    assert_true(at->class->next_poll_ms(at) <= self->now_ms + HEARTBEAT_MS);
    self->now_ms += HEARTBEAT_MS;
    assert_int_equal(at->class->poll(at, self->now_ms, &self->view, &self->error), KS_OK);
    assert_true(at->class->next_poll_ms(at) > self->now_ms); /* a heartbeat is on its way */
    assert_int_equal(at->class->descriptors(at, fds, 2), 1);
    assert_int_equal(poll(fds, 1, 0), 0);
    while (fake_broker_step(self->broker, 1000) && poll(fds, 1, 0) == 0) {
    }
    assert_int_equal(poll(fds, 1, PATIENCE_MS), 1);
}

static void a_broker_that_is_back_within_the_session_costs_nothing(void **state)
{
    member_fixture *self = *state;
    join_as(self, NULL);
    run_until_it_has(self, TASKS);
    fake_broker_go_down(self->broker);
    self->now_ms += HEARTBEAT_MS;
    for (int i = 0; i < 50; i++) {
        assert_int_equal(turn(self), KS_OK);
        wait_for_it(self);
    }
    assert_int_equal(self->view.active_count, TASKS);
    fake_broker_come_up(self->broker);
    size_t heartbeats = fake_broker_requests(self->broker, KSI_API_HEARTBEAT);
    while (fake_broker_requests(self->broker, KSI_API_HEARTBEAT) < heartbeats + 2) {
        assert_int_equal(turn(self), KS_OK);
        wait_for_it(self);
    }
    assert_int_equal(self->view.active_count, TASKS);
    assert_int_equal(self->group.generation, 1);
}

static void a_broker_that_is_gone_for_longer_ends_the_session(void **state)
{
    member_fixture *self = *state;
    join_as(self, NULL);
    run_until_it_has(self, TASKS);
    fake_broker_go_down(self->broker);
    self->now_ms += SESSION_MS + HEARTBEAT_MS;
    assert_int_equal(turn(self), KS_E_FENCED);
    assert_int_equal(turn(self), KS_E_FENCED);
    fake_broker_come_up(self->broker);
    assert_int_equal(self->membership->class->rejoin(self->membership, self->now_ms, &self->error),
                     KS_OK);
    self->view = (ksi_group_view){0};
    run_until_it_has(self, TASKS);
    assert_true(self->group.generation > 1);
}

static void leaving_tells_the_group(void **state)
{
    member_fixture *self = *state;
    join_as(self, NULL);
    run_until_it_has(self, TASKS);
    fake_broker_run(self->broker);
    self->membership->class->leave(self->membership);
    self->membership = NULL;
    assert_int_equal(fake_broker_requests(self->broker, KSI_API_LEAVE_GROUP), 1);
    assert_int_equal(group_model_count(&self->group), 0);
}

static void leaving_does_not_wait_behind_a_join_that_is_parked(void **state)
{
    member_fixture *self = *state;
    join_as(self, NULL);
    for (int i = 0; fake_broker_requests(self->broker, KSI_API_JOIN_GROUP) < 1; i++) {
        assert_int_equal(turn(self), KS_OK);
    }
    fake_broker_script(self->broker, KSI_API_JOIN_GROUP, FAKE_HOLD, ks_slice_null());
    while (fake_broker_requests(self->broker, KSI_API_JOIN_GROUP) < 2) {
        assert_int_equal(turn(self), KS_OK);
    }
    fake_broker_run(self->broker);
    self->membership->class->leave(self->membership);
    self->membership = NULL;
    assert_int_equal(fake_broker_requests(self->broker, KSI_API_LEAVE_GROUP), 1);
    assert_int_equal(fake_broker_connections(self->broker), 2);
}

static void leaving_a_broker_that_is_silent_takes_a_second(void **state)
{
    member_fixture *self = *state;
    join_as(self, NULL);
    run_until_it_has(self, TASKS);
    fake_broker_script(self->broker, KSI_API_LEAVE_GROUP, FAKE_HOLD, ks_slice_null());
    fake_broker_run(self->broker);
    int64_t start = ksi_monotonic_ms(&ksi_system_clock);
    self->membership->class->leave(self->membership);
    self->membership = NULL;
    int64_t took = ksi_monotonic_ms(&ksi_system_clock) - start;
    assert_true(took >= 900);
    assert_true(took < PATIENCE_MS);
    assert_int_equal(group_model_count(&self->group), 1);
}

static void a_static_member_keeps_its_place_when_it_leaves(void **state)
{
    member_fixture *self = *state;
    join_as(self, "i1");
    run_until_it_has(self, TASKS);
    fake_broker_run(self->broker);
    self->membership->class->leave(self->membership);
    self->membership = NULL;
    assert_int_equal(fake_broker_requests(self->broker, KSI_API_LEAVE_GROUP), 0);
    assert_int_equal(group_model_count(&self->group), 1);
}

static void options_that_make_no_sense_are_refused_at_once(void **state)
{
    member_fixture *self = *state;
    ksi_kafka_cluster cluster = {.bootstrap_servers = "localhost:no-port", .client_id = "tester"};
    ksi_member_options options = {
        .group = "app", .process_id = "p", .client_id = "c", .session_timeout_ms = 1};
    assert_null(ksi_classic_join(&cluster, &options, NULL, 0, &self->error));
    assert_int_equal(self->error.code, KS_E_CONFIG);
    cluster.bootstrap_servers = "localhost:9092";
    options.session_timeout_ms = 0;
    assert_null(ksi_classic_join(&cluster, &options, NULL, 0, &self->error));
    assert_int_equal(self->error.code, KS_E_ARGUMENT);
}

#define WITH_BROKER(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BROKER(a_member_finds_its_group_and_gets_its_tasks),
        WITH_BROKER(an_answer_wakes_and_until_then_there_is_nothing_to_do),
        WITH_BROKER(a_broker_that_is_back_within_the_session_costs_nothing),
        WITH_BROKER(a_broker_that_is_gone_for_longer_ends_the_session),
        WITH_BROKER(leaving_tells_the_group),
        WITH_BROKER(leaving_does_not_wait_behind_a_join_that_is_parked),
        WITH_BROKER(leaving_a_broker_that_is_silent_takes_a_second),
        WITH_BROKER(a_static_member_keeps_its_place_when_it_leaves),
        WITH_BROKER(options_that_make_no_sense_are_refused_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
