/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_group_offsets.c - offsets of groups, committed and read over our own connection, on a
 * broker.
 */
#include "membership/kafka/kafka_group.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <kstreams/log.h>
#include <librdkafka/rdkafka.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/memory.h"
#include "kafka_broker.h"
#include "membership/kafka/coordinator_link.h"
#include "membership/kafka/kafka_error.h"

enum { PARTITIONS = 4, TIMEOUT_MS = 30000 };

typedef struct group_fixture {
    const char *group;
    const char *topic;
    const char *other_topic;
    ksi_kafka_group_offsets *offsets;
    ksi_coordinator_link *link; /* of the member, when there is one */
    char member[256];
    ksi_generation generation;
    ks_arena arena;
    ks_error error;
} group_fixture;

static ksi_kafka_cluster cluster_of(int64_t request_timeout_ms)
{
    return (ksi_kafka_cluster){.bootstrap_servers = kafka_bootstrap_servers(),
                               .client_id = "tester",
                               .request_timeout_ms = request_timeout_ms};
}

static void open_with(group_fixture *self, int64_t request_timeout_ms)
{
    const ksi_kafka_cluster cluster = cluster_of(request_timeout_ms);
    ksi_kafka_group_offsets_close(self->offsets);
    self->offsets = ksi_kafka_group_offsets_open(&cluster, NULL, &self->error);
    assert_non_null(self->offsets);
}

static void create_topics(group_fixture *self)
{
    ks_log *log = ks_log_open(kafka_bootstrap_servers(), &self->error);
    assert_non_null(log);
    assert_int_equal(ks_log_create_topic(log, self->topic, PARTITIONS, &self->error), KS_OK);
    assert_int_equal(ks_log_create_topic(log, self->other_topic, PARTITIONS, &self->error), KS_OK);
    ks_log_free(log);
}

static int begin(void **state)
{
    group_fixture *self = ksi_calloc(1, sizeof *self);
    self->group = kafka_name("app");
    self->topic = kafka_name("input");
    self->other_topic = kafka_name("other");
    ksi_arena_init(&self->arena, 0);
    create_topics(self);
    open_with(self, TIMEOUT_MS);
    *state = self;
    return 0;
}

static int end(void **state)
{
    group_fixture *self = *state;
    ksi_coordinator_link_free(self->link);
    ksi_kafka_group_offsets_close(self->offsets);
    ksi_arena_destroy(&self->arena);
    ksi_free(self);
    return 0;
}

static ks_status commit(group_fixture *self, const ksi_generation *by, int64_t offset)
{
    const ksi_kafka_offset one = {.topic = self->topic, .offset = offset};
    return ksi_kafka_group_offsets_commit(self->offsets, self->group, by, &one, 1, &self->error);
}

static ks_status fetch(group_fixture *self, int64_t *offset)
{
    ksi_kafka_offset one = {.topic = self->topic};
    ks_status status = ksi_kafka_group_offsets_fetch(self->offsets, self->group, &one, 1,
                                                     &self->arena, &self->error);
    *offset = one.offset;
    return status;
}

/* ---- a member -------------------------------------------------------------------------------- */

static ks_slice ask(group_fixture *self, ksi_api api, ksi_buffer *request)
{
    ks_slice body = ks_slice_null();
    ksi_coordinator_link_send(self->link, api, ksi_buffer_slice(request), TIMEOUT_MS,
                              ksi_monotonic_ms(&ksi_system_clock));
    ksi_link_state state = ksi_coordinator_link_await(self->link, &body, &self->error);
    assert_string_equal(self->error.message, "");
    assert_int_equal(state, KSI_LINK_ANSWERED);
    ksi_buffer_destroy(request);
    return body;
}

static ksi_joined join_once(group_fixture *self)
{
    const ksi_join_request join = {.group = self->group,
                                   .session_timeout_ms = 30000,
                                   .rebalance_timeout_ms = 30000,
                                   .member = self->member,
                                   .protocol_type = "consumer",
                                   .protocol = "kstreams",
                                   .metadata = ks_slice_cstr("")};
    ksi_buffer request = {0};
    ksi_joined joined;
    ksi_put_join_group(&request, &join);
    assert_int_equal(ksi_take_join_group(ask(self, KSI_API_JOIN_GROUP, &request), &self->arena,
                                         &joined, &self->error),
                     KS_OK);
    (void)snprintf(self->member, sizeof self->member, "%.*s", KS_SLICE_ARGS(joined.member));
    return joined;
}

static void become_member(group_fixture *self)
{
    const ksi_kafka_cluster cluster = cluster_of(TIMEOUT_MS);
    self->link = ksi_coordinator_link_new(&cluster, self->group, NULL, &self->error);
    assert_non_null(self->link);
    ksi_joined joined = join_once(self);
    assert_int_equal(joined.error_code, KSI_KAFKA_MEMBER_ID_REQUIRED);
    joined = join_once(self);
    assert_int_equal(joined.error_code, KSI_KAFKA_NONE);
    assert_int_equal(joined.member_count, 1);
    self->generation = (ksi_generation){.member = self->member, .number = joined.generation};

    const ksi_member_assignment assignment = {joined.member, ks_slice_cstr("tasks")};
    const ksi_sync_request sync = {.group = self->group,
                                   .generation = self->generation,
                                   .protocol_type = "consumer",
                                   .protocol = "kstreams",
                                   .assignments = &assignment,
                                   .assignment_count = 1};
    ksi_buffer request = {0};
    ksi_synced synced;
    ksi_put_sync_group(&request, &sync);
    assert_int_equal(
        ksi_take_sync_group(ask(self, KSI_API_SYNC_GROUP, &request), &synced, &self->error), KS_OK);
    assert_int_equal(synced.error_code, KSI_KAFKA_NONE);
    assert_true(ks_slice_equal(synced.assignment, ks_slice_cstr("tasks")));
}

static int16_t heartbeat_code(group_fixture *self)
{
    ksi_buffer request = {0};
    ksi_plain_answer answer;
    ksi_put_heartbeat(&request, self->group, &self->generation);
    assert_int_equal(
        ksi_take_heartbeat(ask(self, KSI_API_HEARTBEAT, &request), &answer, &self->error), KS_OK);
    return answer.error_code;
}

static int16_t leave_code(group_fixture *self)
{
    ksi_buffer request = {0};
    ksi_plain_answer answer;
    ksi_put_leave_group(&request, self->group, &self->generation);
    assert_int_equal(
        ksi_take_leave_group(ask(self, KSI_API_LEAVE_GROUP, &request), &answer, &self->error),
        KS_OK);
    return answer.error_code;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void what_was_never_committed_has_no_offset(void **state)
{
    group_fixture *self = *state;
    int64_t offset = 0;
    assert_int_equal(fetch(self, &offset), KS_OK);
    assert_int_equal(offset, -1);
}

static void offsets_of_several_topics_are_read_as_they_were_committed(void **state)
{
    group_fixture *self = *state;
    ksi_kafka_offset list[2 * PARTITIONS];
    for (int32_t i = 0; i < 2 * PARTITIONS; i++) {
        list[i] = (ksi_kafka_offset){.topic = i < PARTITIONS ? self->topic : self->other_topic,
                                     .partition = i % PARTITIONS,
                                     .offset = 100 + i,
                                     .metadata = ks_slice_cstr(i % 2 == 0 ? "AgAAAZ==" : "")};
    }
    assert_int_equal(ksi_kafka_group_offsets_commit(self->offsets, self->group, NULL, list,
                                                    2 * PARTITIONS, &self->error),
                     KS_OK);
    for (size_t i = 0; i < 2 * PARTITIONS; i++) {
        list[i].offset = 0;
        list[i].metadata = ks_slice_null();
    }
    assert_int_equal(ksi_kafka_group_offsets_fetch(self->offsets, self->group, list, 2 * PARTITIONS,
                                                   &self->arena, &self->error),
                     KS_OK);
    for (int32_t i = 0; i < 2 * PARTITIONS; i++) {
        assert_int_equal(list[i].offset, 100 + i);
        assert_true(ks_slice_equal(list[i].metadata, ks_slice_cstr(i % 2 == 0 ? "AgAAAZ==" : "")));
    }
}

static void a_topic_that_is_not_there_is_refused(void **state)
{
    group_fixture *self = *state;
    const ksi_kafka_offset one = {.topic = kafka_name("nowhere"), .offset = 1};
    assert_int_equal(
        ksi_kafka_group_offsets_commit(self->offsets, self->group, NULL, &one, 1, &self->error),
        KS_E_UNKNOWN_TOPIC);
    assert_non_null(strstr(self->error.where, one.topic));
}

static void metadata_that_is_too_large_is_refused(void **state)
{
    group_fixture *self = *state;
    enum { TOO_LARGE = 5000 };
    char text[TOO_LARGE];
    memset(text, 'x', sizeof text);
    const ksi_kafka_offset one = {
        .topic = self->topic, .offset = 1, .metadata = ks_slice_of(text, sizeof text)};
    assert_int_equal(
        ksi_kafka_group_offsets_commit(self->offsets, self->group, NULL, &one, 1, &self->error),
        KS_E_LIMIT);
    assert_non_null(strstr(self->error.message, "offset.metadata.max.bytes"));
}

static void a_member_commits_in_its_generation_only(void **state)
{
    group_fixture *self = *state;
    int64_t offset = 0;
    become_member(self);
    assert_int_equal(commit(self, &self->generation, 7), KS_OK);
    assert_int_equal(fetch(self, &offset), KS_OK);
    assert_int_equal(offset, 7);

    ksi_generation other = self->generation;
    other.number++;
    assert_int_equal(commit(self, &other, 8), KS_E_STATE);
    assert_int_equal(self->error.flags, KS_ERROR_RETRIABLE);
    other = self->generation;
    other.member = "nobody";
    assert_int_equal(commit(self, &other, 8), KS_E_FENCED);
    assert_int_equal(commit(self, NULL, 8), KS_E_STATE);
    assert_int_equal(self->error.flags, 0);
    assert_int_equal(fetch(self, &offset), KS_OK);
    assert_int_equal(offset, 7);
}

static void a_member_that_left_is_fenced_and_tools_may_commit_again(void **state)
{
    group_fixture *self = *state;
    become_member(self);
    assert_int_equal(heartbeat_code(self), KSI_KAFKA_NONE);
    assert_int_equal(leave_code(self), KSI_KAFKA_NONE);
    assert_int_equal(leave_code(self), KSI_KAFKA_UNKNOWN_MEMBER_ID);
    assert_int_equal(heartbeat_code(self), KSI_KAFKA_UNKNOWN_MEMBER_ID);
    assert_int_equal(commit(self, &self->generation, 8), KS_E_FENCED);
    assert_int_equal(commit(self, NULL, 9), KS_OK);
}

static void a_commit_while_the_member_joins_again_is_refused_and_retriable(void **state)
{
    group_fixture *self = *state;
    become_member(self);
    ksi_joined joined = join_once(self); /* the next generation, before it was synced */
    assert_int_equal(joined.error_code, KSI_KAFKA_NONE);
    assert_int_equal(commit(self, &self->generation, 7), KS_E_STATE);
    assert_int_equal(self->error.flags, KS_ERROR_RETRIABLE);
    self->generation.number = joined.generation;
    assert_int_equal(commit(self, &self->generation, 7), KS_E_STATE);
    assert_int_equal(self->error.flags, KS_ERROR_RETRIABLE);
    assert_non_null(strstr(self->error.message, "REBALANCE_IN_PROGRESS"));
}

/* ---- transactions ---------------------------------------------------------------------------- */

static rd_kafka_t *open_transactional(const char *id)
{
    char text[256] = "";
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const char *const settings[][2] = {{"bootstrap.servers", kafka_bootstrap_servers()},
                                       {"transactional.id", id}};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(rd_kafka_conf_set(conf, settings[i][0], settings[i][1], text, sizeof text),
                         RD_KAFKA_CONF_OK);
    }
    rd_kafka_t *producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    assert_string_equal(text, "");
    assert_non_null(producer);
    assert_null(rd_kafka_init_transactions(producer, TIMEOUT_MS));
    assert_null(rd_kafka_begin_transaction(producer));
    return producer;
}

static void send_offset(group_fixture *self, rd_kafka_t *producer, int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, self->topic, 0)->offset = offset;
    rd_kafka_consumer_group_metadata_t *metadata = rd_kafka_consumer_group_metadata_new_with_genid(
        self->group, self->generation.number, self->member, NULL);
    assert_null(rd_kafka_send_offsets_to_transaction(producer, list, metadata, TIMEOUT_MS));
    rd_kafka_consumer_group_metadata_destroy(metadata);
    rd_kafka_topic_partition_list_destroy(list);
}

static void an_offset_of_an_open_transaction_is_not_read(void **state)
{
    group_fixture *self = *state;
    int64_t offset = 0;
    become_member(self);
    assert_int_equal(commit(self, &self->generation, 7), KS_OK);
    rd_kafka_t *producer = open_transactional(self->group);
    send_offset(self, producer, 8);

    open_with(self, 500);
    assert_int_equal(fetch(self, &offset), KS_E_IO);
    assert_int_equal(self->error.flags, KS_ERROR_RETRIABLE);
    assert_non_null(strstr(self->error.message, "UNSTABLE_OFFSET_COMMIT"));

    assert_null(rd_kafka_commit_transaction(producer, TIMEOUT_MS));
    open_with(self, TIMEOUT_MS);
    assert_int_equal(fetch(self, &offset), KS_OK); /* waits for the marker, when it must */
    assert_int_equal(offset, 8);
    rd_kafka_destroy(producer);
}

static void an_offset_of_an_aborted_transaction_is_never_seen(void **state)
{
    group_fixture *self = *state;
    int64_t offset = 0;
    become_member(self);
    assert_int_equal(commit(self, &self->generation, 7), KS_OK);
    rd_kafka_t *producer = open_transactional(self->group);
    send_offset(self, producer, 8);
    assert_null(rd_kafka_abort_transaction(producer, TIMEOUT_MS));
    assert_int_equal(fetch(self, &offset), KS_OK);
    assert_int_equal(offset, 7);
    rd_kafka_destroy(producer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_never_committed_has_no_offset),
        TEST(offsets_of_several_topics_are_read_as_they_were_committed),
        TEST(a_topic_that_is_not_there_is_refused),
        TEST(metadata_that_is_too_large_is_refused),
        TEST(a_member_commits_in_its_generation_only),
        TEST(a_member_that_left_is_fenced_and_tools_may_commit_again),
        TEST(a_commit_while_the_member_joins_again_is_refused_and_retriable),
        TEST(an_offset_of_an_open_transaction_is_not_read),
        TEST(an_offset_of_an_aborted_transaction_is_never_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
