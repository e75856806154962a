/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_membership.c - members of classic groups on a real broker: they join, share, come and go.
 *
 * Several processes are played in this one: each has a membership of its own, does at once what its
 * view says, and reports it. What the group is, librdkafka is asked for as any tool would.
 */
#include "membership/kafka/classic_member.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "kafka_broker.h"

/* Sessions outlast what a busy machine keeps anybody waiting, but where their end is awaited. */
enum { TASKS = 8, MEMBERS = 3, HEARTBEAT_MS = 500, PATIENCE_MS = 60000 };
enum { SESSION_MS = 30000, SHORT_SESSION_MS = 3000 };

typedef struct played {
    ksi_membership *membership; /* NULL: not there */
    ks_status status;
    ks_error error;
    bool runs[TASKS];
    size_t moves; /* tasks begun or given up since the test last looked */
} played;

typedef struct group_fixture {
    const char *group;
    const char *topic;
    ksi_group_input input;
    ksi_group_task tasks[TASKS];
    played members[MEMBERS];
} group_fixture;

static int64_t now_ms(void)
{
    return ksi_monotonic_ms(&ksi_system_clock);
}

static int begin(void **state)
{
    group_fixture *self = ksi_calloc(1, sizeof *self);
    self->group = kafka_name("members");
    self->topic = kafka_name("members-input");
    self->input = (ksi_group_input){0, self->topic, TASKS};
    for (int t = 0; t < TASKS; t++) {
        self->tasks[t].id = (ksi_task_id){0, t};
    }
    *state = self;
    return 0;
}

static ksi_member_options options_of(group_fixture *self, const char *client_id)
{
    return (ksi_member_options){.group = self->group,
                                .process_id = client_id,
                                .client_id = client_id,
                                .capacity = 1,
                                .session_timeout_ms = SESSION_MS,
                                .heartbeat_interval_ms = HEARTBEAT_MS,
                                .rebalance_timeout_ms = PATIENCE_MS,
                                .inputs = &self->input,
                                .input_count = 1,
                                .tasks = self->tasks,
                                .task_count = TASKS};
}

static void join_with(group_fixture *self, size_t number, const ksi_member_options *options)
{
    const ksi_kafka_cluster cluster = {.bootstrap_servers = kafka_bootstrap_servers(),
                                       .client_id = options->client_id};
    played *at = &self->members[number];
    *at = (played){0};
    at->membership = ksi_classic_join(&cluster, options, NULL, now_ms(), &at->error);
    assert_non_null(at->membership);
}

static void join(group_fixture *self, size_t number)
{
    char name[16];
    (void)snprintf(name, sizeof name, "m%zu", number);
    ksi_member_options options = options_of(self, name);
    join_with(self, number, &options);
}

static void leave(group_fixture *self, size_t number)
{
    played *at = &self->members[number];
    at->membership->class->leave(at->membership);
    at->membership = NULL;
    memset(at->runs, 0, sizeof at->runs);
}

static void vanish(group_fixture *self, size_t number)
{
    played *at = &self->members[number];
    at->membership->class->vanish(at->membership);
    at->membership = NULL;
    memset(at->runs, 0, sizeof at->runs);
}

static int end(void **state)
{
    group_fixture *self = *state;
    for (size_t m = 0; m < MEMBERS; m++) {
        if (self->members[m].membership != NULL) {
            leave(self, m);
        }
    }
    ksi_free(self);
    return 0;
}

static void obey(played *at, const ksi_group_view *view)
{
    bool wanted[TASKS] = {false};
    for (size_t i = 0; i < view->active_count; i++) {
        wanted[view->active[i].partition] = true;
    }
    for (size_t t = 0; t < TASKS; t++) {
        at->moves += wanted[t] != at->runs[t];
        at->runs[t] = wanted[t];
    }
    at->membership->class->report(at->membership, view->active, view->active_count, NULL, 0);
}

static void assert_one_owner_at_most(const group_fixture *self)
{
    for (size_t t = 0; t < TASKS; t++) {
        size_t owners = 0;
        for (size_t m = 0; m < MEMBERS; m++) {
            owners += self->members[m].runs[t];
        }
        assert_true(owners <= 1);
    }
}

/* Everybody takes a turn, after waiting until somebody has something to do. */
static void take_turns(group_fixture *self)
{
    struct pollfd fds[MEMBERS];
    nfds_t count = 0;
    int64_t next = now_ms() + HEARTBEAT_MS;
    for (size_t m = 0; m < MEMBERS; m++) {
        ksi_membership *at = self->members[m].membership;
        if (at != NULL) {
            count += at->class->descriptors(at, fds + count, 1);
            int64_t due = at->class->next_poll_ms(at);
            next = due < next ? due : next;
        }
    }
    int64_t left = next - now_ms();
    (void)poll(fds, count, left > 0 ? (int)left : 0);
    for (size_t m = 0; m < MEMBERS; m++) {
        played *at = &self->members[m];
        ksi_group_view view;
        if (at->membership != NULL) {
            at->status = at->membership->class->poll(at->membership, now_ms(), &view, &at->error);
            if (at->status == KS_OK) {
                obey(at, &view);
            } else {
                memset(at->runs, 0, sizeof at->runs);
            }
        }
        assert_one_owner_at_most(self);
    }
}

static size_t count_runs(const group_fixture *self, size_t number)
{
    size_t count = 0;
    for (size_t t = 0; t < TASKS; t++) {
        count += self->members[number].runs[t];
    }
    return count;
}

/* Until the three run so many tasks; returns how long it took. */
static int64_t run_until(group_fixture *self, size_t a, size_t b, size_t c)
{
    int64_t start = now_ms();
    while (count_runs(self, 0) != a || count_runs(self, 1) != b || count_runs(self, 2) != c) {
        take_turns(self);
        if (now_ms() - start > PATIENCE_MS) {
            fail_msg("after %d ms the members run %zu, %zu and %zu tasks", PATIENCE_MS,
                     count_runs(self, 0), count_runs(self, 1), count_runs(self, 2));
        }
    }
    return now_ms() - start;
}

static void run_for(group_fixture *self, int64_t duration_ms)
{
    for (int64_t end_ms = now_ms() + duration_ms; now_ms() < end_ms;) {
        take_turns(self);
    }
}

static int32_t generation_of(const group_fixture *self, size_t number)
{
    ksi_membership *at = self->members[number].membership;
    return at->class->generation(at).number;
}

/* ---- what tools see -------------------------------------------------------------------------- */

typedef struct seen_group {
    rd_kafka_consumer_group_state_t state;
    char assignor[32];
    size_t members;
    size_t partitions; /* that they have together */
} seen_group;

static void note_group(const rd_kafka_ConsumerGroupDescription_t *group, const char *topic,
                       seen_group *seen)
{
    seen->state = rd_kafka_ConsumerGroupDescription_state(group);
    (void)snprintf(seen->assignor, sizeof seen->assignor, "%s",
                   rd_kafka_ConsumerGroupDescription_partition_assignor(group));
    seen->members = rd_kafka_ConsumerGroupDescription_member_count(group);
    for (size_t m = 0; m < seen->members; m++) {
        const rd_kafka_topic_partition_list_t *list =
            rd_kafka_MemberAssignment_partitions(rd_kafka_MemberDescription_assignment(
                rd_kafka_ConsumerGroupDescription_member(group, m)));
        for (int i = 0; i < list->cnt; i++) {
            assert_string_equal(list->elems[i].topic, topic);
            seen->partitions++;
        }
    }
}

static seen_group describe(const group_fixture *self)
{
    seen_group seen = {.members = 0};
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    assert_int_equal(
        rd_kafka_conf_set(conf, "bootstrap.servers", kafka_bootstrap_servers(), text, sizeof text),
        RD_KAFKA_CONF_OK);
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    assert_non_null(client);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    const char *groups[] = {self->group};
    rd_kafka_DescribeConsumerGroups(client, groups, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, PATIENCE_MS);
    assert_non_null(event);
    assert_int_equal(rd_kafka_event_error(event), 0);
    size_t count = 0;
    const rd_kafka_ConsumerGroupDescription_t **described =
        rd_kafka_DescribeConsumerGroups_result_groups(
            rd_kafka_event_DescribeConsumerGroups_result(event), &count);
    assert_int_equal(count, 1);
    note_group(described[0], self->topic, &seen);
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(client);
    return seen;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void tools_see_a_stable_group_with_its_members_and_their_partitions(void **state)
{
    group_fixture *self = *state;
    join(self, 0);
    join(self, 1);
    (void)run_until(self, 4, 4, 0);
    seen_group seen = describe(self);
    assert_int_equal(seen.state, RD_KAFKA_CONSUMER_GROUP_STATE_STABLE);
    assert_string_equal(seen.assignor, "kstreams");
    assert_int_equal(seen.members, 2);
    assert_int_equal(seen.partitions, TASKS);
}

static void members_come_and_go_and_share_what_there_is(void **state)
{
    group_fixture *self = *state;
    join(self, 0);
    (void)run_until(self, 8, 0, 0);
    join(self, 1);
    (void)run_until(self, 4, 4, 0);
    join(self, 2);
    for (int64_t start = now_ms(); count_runs(self, 2) < 2; take_turns(self)) {
        if (now_ms() - start > PATIENCE_MS) {
            fail_msg("after %d ms the third member runs %zu tasks", PATIENCE_MS,
                     count_runs(self, 2));
        }
    }
    run_for(self, 2000);
    assert_int_equal(count_runs(self, 0) + count_runs(self, 1) + count_runs(self, 2), TASKS);
    int32_t generation = generation_of(self, 0);
    run_for(self, 3000);
    assert_int_equal(generation_of(self, 0), generation); /* nobody joins any more */
    leave(self, 0);                                       /* it leads */
    int64_t took = run_until(self, 0, 4, 4);
    assert_true(took < SESSION_MS);
    leave(self, 2);
    took = run_until(self, 0, 8, 0);
    assert_true(took < SESSION_MS);
}

static void a_member_that_vanishes_is_replaced_when_its_session_is_over(void **state)
{
    group_fixture *self = *state;
    ksi_member_options options = options_of(self, "m1");
    options.session_timeout_ms = SHORT_SESSION_MS;
    join(self, 0);
    join_with(self, 1, &options);
    (void)run_until(self, 4, 4, 0);
    vanish(self, 1);
    int64_t took = run_until(self, 8, 0, 0);
    assert_true(took > SHORT_SESSION_MS / 2);
}

static void a_static_member_that_restarts_moves_nothing(void **state)
{
    group_fixture *self = *state;
    for (size_t m = 0; m < 2; m++) { /* the first of them leads */
        ksi_member_options options = options_of(self, m == 0 ? "m0" : "m1");
        options.instance_id = options.client_id;
        join_with(self, m, &options);
    }
    (void)run_until(self, 4, 4, 0);
    run_for(self, 2 * HEARTBEAT_MS);
    int32_t generation = generation_of(self, 0);
    for (size_t m = 0; m < 2; m++) {
        bool before[TASKS];
        memcpy(before, self->members[m].runs, sizeof before);
        self->members[1 - m].moves = 0;
        leave(self, m);
        ksi_member_options options = options_of(self, m == 0 ? "m0" : "m1");
        options.instance_id = options.client_id;
        join_with(self, m, &options);
        (void)run_until(self, 4, 4, 0);
        run_for(self, 3 * HEARTBEAT_MS);
        assert_memory_equal(self->members[m].runs, before, sizeof before);
        assert_int_equal(self->members[1 - m].moves, 0);
        assert_int_equal(generation_of(self, m), generation);
    }
    vanish(self, 0); /* a static member stays until its session is over: do not wait for it */
    vanish(self, 1);
}

static void a_second_process_of_an_instance_ends_the_first(void **state)
{
    group_fixture *self = *state;
    ksi_member_options options = options_of(self, "m0");
    options.instance_id = "i0";
    join_with(self, 0, &options);
    (void)run_until(self, 8, 0, 0);
    memset(self->members[0].runs, 0, sizeof self->members[0].runs);
    vanish(self, 0);
    join_with(self, 0, &options);
    (void)run_until(self, 8, 0, 0);

    /* Not polled until the other has its place. */
    played first = self->members[0];
    self->members[0] = (played){0};
    join_with(self, 1, &options);
    (void)run_until(self, 0, 8, 0);
    ksi_group_view view;
    ks_error error = {0};
    int64_t start = now_ms();
    ks_status status = KS_OK;
    while (status == KS_OK && now_ms() - start < PATIENCE_MS) {
        take_turns(self);
        status = first.membership->class->poll(first.membership, now_ms(), &view, &error);
    }
    assert_int_equal(status, KS_E_STATE);
    assert_non_null(strstr(error.message, "group.instance.id"));
    first.membership->class->leave(first.membership);
}

static void a_member_with_other_tasks_is_refused(void **state)
{
    group_fixture *self = *state;
    join(self, 0);
    (void)run_until(self, 8, 0, 0);
    ksi_member_options options = options_of(self, "odd");
    options.task_count = TASKS - 1;
    join_with(self, 1, &options);
    for (int64_t start = now_ms(); self->members[1].status == KS_OK; take_turns(self)) {
        assert_true(now_ms() - start < PATIENCE_MS);
    }
    assert_int_equal(self->members[1].status, KS_E_TOPOLOGY);
    assert_non_null(strstr(self->members[1].error.message, "task 0_7 is in the group"));
    leave(self, 1);
    run_for(self, 2 * HEARTBEAT_MS);
    assert_int_equal(self->members[0].status, KS_OK);
    assert_int_equal(count_runs(self, 0), TASKS);
}

static void a_session_shorter_than_the_broker_takes_is_said_so(void **state)
{
    group_fixture *self = *state;
    ksi_member_options options = options_of(self, "hasty");
    options.session_timeout_ms = 10;
    join_with(self, 0, &options);
    for (int64_t start = now_ms(); self->members[0].status == KS_OK; take_turns(self)) {
        assert_true(now_ms() - start < PATIENCE_MS);
    }
    assert_int_equal(self->members[0].status, KS_E_CONFIG);
    assert_non_null(strstr(self->members[0].error.message, "INVALID_SESSION_TIMEOUT"));
}

#define ON_GROUP(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    (void)kafka_bootstrap_servers();
    const struct CMUnitTest tests[] = {
        ON_GROUP(tools_see_a_stable_group_with_its_members_and_their_partitions),
        ON_GROUP(members_come_and_go_and_share_what_there_is),
        ON_GROUP(a_member_that_vanishes_is_replaced_when_its_session_is_over),
        ON_GROUP(a_static_member_that_restarts_moves_nothing),
        ON_GROUP(a_second_process_of_an_instance_ends_the_first),
        ON_GROUP(a_member_with_other_tasks_is_refused),
        ON_GROUP(a_session_shorter_than_the_broker_takes_is_said_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
