/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_requests.c - requests are byte for byte what Kafka's own client writes, and answers that it
 * writes are read; cut off anywhere, they are refused.
 */
#include "membership/kafka/requests.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/arena.h"
#include "golden_requests.h"
#include "membership/kafka/kafka_error.h"

static void assert_hex(ksi_buffer *written, const char *golden)
{
    ksi_buffer hex = {0};
    for (size_t i = 0; i < written->size; i++) {
        ksi_buffer_appendf(&hex, "%02x", (unsigned)(unsigned char)written->data[i]);
    }
    assert_string_equal(ksi_buffer_cstr(&hex), golden);
    ksi_buffer_destroy(&hex);
    ksi_buffer_destroy(written);
}

static unsigned digit(char hex)
{
    return hex <= '9' ? (unsigned)(hex - '0') : (unsigned)(hex - 'a') + 10;
}

static ks_slice bytes_of(ks_arena *arena, const char *golden)
{
    size_t size = strlen(golden) / 2;
    char *bytes = ks_arena_alloc(arena, size);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (char)(digit(golden[2 * i]) << 4 | digit(golden[2 * i + 1]));
    }
    return ks_slice_of(bytes, size);
}

static void assert_text(ks_slice slice, const char *text)
{
    assert_true(ks_slice_equal(slice, ks_slice_cstr(text)));
}

static const ksi_generation dynamic_member = {.member = "member-1", .number = 5};
static const ksi_generation static_member = {
    .member = "member-1", .instance = "instance-1", .number = 5};

/* ---- requests -------------------------------------------------------------------------------- */

static void a_header_is_that_of_kafkas_client(void **state)
{
    (void)state;
    ksi_buffer written = {0};
    ksi_put_request_header(&written, KSI_API_HEARTBEAT, 77, "client");
    assert_hex(&written, golden_request_header);
}

static void requests_about_the_group_are_those_of_kafkas_client(void **state)
{
    (void)state;
    ksi_buffer written = {0};
    ksi_put_find_coordinator(&written, "app");
    assert_hex(&written, golden_find_coordinator);
    ksi_put_heartbeat(&written, "app", &dynamic_member);
    assert_hex(&written, golden_heartbeat);
    ksi_put_leave_group(&written, "app", &static_member);
    assert_hex(&written, golden_leave);
}

static void joining_is_written_as_kafkas_client_does(void **state)
{
    (void)state;
    ksi_join_request join = {.group = "app",
                             .session_timeout_ms = 45000,
                             .rebalance_timeout_ms = 300000,
                             .member = "member-1",
                             .protocol_type = "consumer",
                             .protocol = "kstreams",
                             .metadata = ks_slice_of("\1\2\3", 3)};
    ksi_buffer written = {0};
    ksi_put_join_group(&written, &join);
    assert_hex(&written, golden_join);
    join.member = "";
    join.instance = "instance-1";
    ksi_put_join_group(&written, &join);
    assert_hex(&written, golden_join_static);
}

static void syncing_is_written_as_kafkas_client_does(void **state)
{
    (void)state;
    ksi_sync_request sync = {.group = "app",
                             .generation = dynamic_member,
                             .protocol_type = "consumer",
                             .protocol = "kstreams"};
    ksi_buffer written = {0};
    ksi_put_sync_group(&written, &sync);
    assert_hex(&written, golden_sync_follower);
    const ksi_member_assignment assignments[] = {
        {ks_slice_cstr("member-1"), ks_slice_of("\x09", 1)},
        {ks_slice_cstr("member-2"), ks_slice_cstr("")},
    };
    sync.generation = static_member;
    sync.assignments = assignments;
    sync.assignment_count = 2;
    ksi_put_sync_group(&written, &sync);
    assert_hex(&written, golden_sync_leader);
}

static void offsets_are_grouped_by_topic_as_kafkas_client_does(void **state)
{
    (void)state;
    const ksi_kafka_offset offsets[] = {
        {"a", 0, 10, ks_slice_cstr("text")},
        {"a", 3, 5000000000, ks_slice_null()},
        {"b", 1, 0, ks_slice_cstr("")},
    };
    ksi_buffer written = {0};
    ksi_put_offset_commit(&written, "app", &dynamic_member, offsets, 3);
    assert_hex(&written, golden_commit);
    ksi_put_offset_commit(&written, "app", NULL, offsets, 0);
    assert_hex(&written, golden_commit_nobody);
    ksi_put_offset_fetch(&written, "app", offsets, 3);
    assert_hex(&written, golden_fetch);
}

/* ---- answers --------------------------------------------------------------------------------- */

static void the_found_coordinator_is_read(void **state)
{
    ksi_found_coordinator found;
    assert_int_equal(ksi_take_find_coordinator(bytes_of(*state, golden_found), &found, NULL),
                     KS_OK);
    assert_int_equal(found.throttle_ms, 3);
    assert_int_equal(found.error_code, KSI_KAFKA_NONE);
    assert_int_equal(found.node, 2);
    assert_text(found.host, "broker-2");
    assert_int_equal(found.port, 9093);
}

static void the_leaders_list_of_members_is_read(void **state)
{
    ksi_joined joined;
    assert_int_equal(ksi_take_join_group(bytes_of(*state, golden_joined), *state, &joined, NULL),
                     KS_OK);
    assert_int_equal(joined.throttle_ms, 3);
    assert_int_equal(joined.error_code, KSI_KAFKA_NONE);
    assert_int_equal(joined.generation, 5);
    assert_text(joined.protocol_type, "consumer");
    assert_text(joined.protocol, "kstreams");
    assert_text(joined.leader, "member-1");
    assert_text(joined.member, "member-1");
    assert_int_equal(joined.member_count, 2);
    assert_text(joined.members[0].id, "member-1");
    assert_null(joined.members[0].instance.data);
    assert_text(joined.members[0].metadata, "\1\2\3");
    assert_text(joined.members[1].id, "member-2");
    assert_text(joined.members[1].instance, "instance-2");
    assert_text(joined.members[1].metadata, "");
}

static void the_id_to_join_with_is_read_from_a_refusal(void **state)
{
    ksi_joined joined;
    ks_slice body = bytes_of(*state, golden_member_id_required);
    assert_int_equal(ksi_take_join_group(body, *state, &joined, NULL), KS_OK);
    assert_int_equal(joined.error_code, KSI_KAFKA_MEMBER_ID_REQUIRED);
    assert_text(joined.member, "member-1");
    assert_null(joined.protocol.data);
    assert_int_equal(joined.member_count, 0);
}

static void plain_answers_are_read(void **state)
{
    ksi_synced synced;
    assert_int_equal(ksi_take_sync_group(bytes_of(*state, golden_synced), &synced, NULL), KS_OK);
    assert_int_equal(synced.error_code, KSI_KAFKA_REBALANCE_IN_PROGRESS);
    assert_text(synced.protocol, "kstreams");
    assert_text(synced.assignment, "\1\2\3");

    ksi_plain_answer answer;
    ks_slice body = bytes_of(*state, golden_heartbeat_answer);
    assert_int_equal(ksi_take_heartbeat(body, &answer, NULL), KS_OK);
    assert_int_equal(answer.throttle_ms, 250);
    assert_int_equal(answer.error_code, KSI_KAFKA_REBALANCE_IN_PROGRESS);
}

static void leaving_answers_with_the_error_of_the_member(void **state)
{
    ksi_plain_answer answer;
    assert_int_equal(ksi_take_leave_group(bytes_of(*state, golden_left), &answer, NULL), KS_OK);
    assert_int_equal(answer.error_code, KSI_KAFKA_UNKNOWN_MEMBER_ID);
}

static void answers_about_offsets_are_flattened(void **state)
{
    ksi_offset_answers answers;
    ks_slice body = bytes_of(*state, golden_committed);
    assert_int_equal(ksi_take_offset_commit(body, *state, &answers, NULL), KS_OK);
    assert_int_equal(answers.throttle_ms, 1);
    assert_int_equal(answers.count, 3);
    assert_text(answers.list[1].topic, "a");
    assert_int_equal(answers.list[1].partition, 3);
    assert_int_equal(answers.list[1].error_code, KSI_KAFKA_ILLEGAL_GENERATION);
    assert_text(answers.list[2].topic, "b");
    assert_int_equal(answers.list[2].error_code, KSI_KAFKA_UNKNOWN_TOPIC_OR_PARTITION);

    body = bytes_of(*state, golden_fetched);
    assert_int_equal(ksi_take_offset_fetch(body, *state, &answers, NULL), KS_OK);
    assert_int_equal(answers.error_code, KSI_KAFKA_NONE);
    assert_int_equal(answers.count, 2);
    assert_int_equal(answers.list[0].offset, 10);
    assert_text(answers.list[0].metadata, "text");
    assert_int_equal(answers.list[1].offset, -1);
    assert_int_equal(answers.list[1].error_code, KSI_KAFKA_UNSTABLE_OFFSET_COMMIT);
}

/* ---- versions and headers -------------------------------------------------------------------- */

static void a_broker_of_today_has_all_our_versions(void **state)
{
    ks_error error = {0};
    ks_status status = ksi_take_api_versions(bytes_of(*state, golden_versions), &error);
    assert_string_equal(error.message, "");
    assert_int_equal(status, KS_OK);
}

static void a_version_that_is_missing_is_named(void **state)
{
    ks_slice body = bytes_of(*state, golden_versions);
    char *join = (char *)memchr(body.data, KSI_API_JOIN_GROUP, body.size);
    assert_non_null(join);
    join[4] = 6; /* its highest version */
    ks_error error = {0};
    assert_int_equal(ksi_take_api_versions(body, &error), KS_E_NOT_BUILT);
    assert_non_null(strstr(error.message, "version 7 of JoinGroup"));
}

static void a_broker_that_does_not_know_our_question_says_so(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_slice old = ks_slice_of("\0\x23\0\0\0\0", 6); /* UNSUPPORTED_VERSION, of version 0 */
    assert_int_equal(ksi_take_api_versions(old, &error), KS_E_NOT_BUILT);
    assert_non_null(strstr(error.message, "UNSUPPORTED_VERSION"));
}

static void an_answer_is_that_of_its_request(void **state)
{
    (void)state;
    ks_slice body;
    ks_slice frame = ks_slice_of("\0\0\0\x07\0body", 9);
    assert_int_equal(ksi_take_response_header(frame, KSI_API_HEARTBEAT, 7, &body, NULL), KS_OK);
    assert_text(body, "body");
    /* The one answer whose header has no tagged fields. */
    assert_int_equal(ksi_take_response_header(frame, KSI_API_API_VERSIONS, 7, &body, NULL), KS_OK);
    assert_int_equal(body.size, 5);
    ks_error error = {0};
    assert_int_equal(ksi_take_response_header(frame, KSI_API_HEARTBEAT, 8, &body, &error), KS_E_IO);
    assert_non_null(strstr(error.message, "number 8"));
}

/* Reads a body as the answer to any request. */
static ks_status take_any(ksi_api api, ks_slice body, ks_arena *arena, ks_error *error)
{
    ksi_found_coordinator found;
    ksi_joined joined;
    ksi_synced synced;
    ksi_plain_answer plain;
    ksi_offset_answers offsets;
    switch (api) {
    case KSI_API_FIND_COORDINATOR:
        return ksi_take_find_coordinator(body, &found, error);
    case KSI_API_JOIN_GROUP:
        return ksi_take_join_group(body, arena, &joined, error);
    case KSI_API_SYNC_GROUP:
        return ksi_take_sync_group(body, &synced, error);
    case KSI_API_HEARTBEAT:
        return ksi_take_heartbeat(body, &plain, error);
    case KSI_API_LEAVE_GROUP:
        return ksi_take_leave_group(body, &plain, error);
    case KSI_API_OFFSET_COMMIT:
        return ksi_take_offset_commit(body, arena, &offsets, error);
    case KSI_API_OFFSET_FETCH:
        return ksi_take_offset_fetch(body, arena, &offsets, error);
    case KSI_API_API_VERSIONS:
        return ksi_take_api_versions(body, error);
    }
    return KS_E_ARGUMENT;
}

static void an_answer_that_is_cut_off_anywhere_is_refused(void **state)
{
    const struct {
        ksi_api api;
        const char *golden;
        size_t behind; /* bytes of tagged fields that end it, which nobody needs */
    } answers[] = {
        {KSI_API_FIND_COORDINATOR, golden_found, 1},
        {KSI_API_JOIN_GROUP, golden_joined, 1},
        {KSI_API_SYNC_GROUP, golden_synced, 1},
        {KSI_API_HEARTBEAT, golden_heartbeat_answer, 1},
        {KSI_API_LEAVE_GROUP, golden_left, 1},
        {KSI_API_OFFSET_COMMIT, golden_committed, 1},
        {KSI_API_OFFSET_FETCH, golden_fetched, 1},
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        ks_slice body = bytes_of(*state, answers[i].golden);
        assert_int_equal(take_any(answers[i].api, body, *state, NULL), KS_OK);
        for (size_t size = 0; size < body.size - answers[i].behind; size++) {
            ks_error error = {0};
            ks_slice cut = ks_slice_of(body.data, size);
            assert_int_equal(take_any(answers[i].api, cut, *state, &error), KS_E_IO);
            assert_non_null(strstr(error.message, ksi_api_name(answers[i].api)));
        }
    }
}

static int begin(void **state)
{
    static ks_arena arena;
    ksi_arena_init(&arena, 0);
    *state = &arena;
    return 0;
}

static int finish(void **state)
{
    ksi_arena_destroy(*state);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_header_is_that_of_kafkas_client),
        TEST(requests_about_the_group_are_those_of_kafkas_client),
        TEST(joining_is_written_as_kafkas_client_does),
        TEST(syncing_is_written_as_kafkas_client_does),
        TEST(offsets_are_grouped_by_topic_as_kafkas_client_does),
        TEST(the_found_coordinator_is_read),
        TEST(the_leaders_list_of_members_is_read),
        TEST(the_id_to_join_with_is_read_from_a_refusal),
        TEST(plain_answers_are_read),
        TEST(leaving_answers_with_the_error_of_the_member),
        TEST(answers_about_offsets_are_flattened),
        TEST(a_broker_of_today_has_all_our_versions),
        TEST(a_version_that_is_missing_is_named),
        TEST(a_broker_that_does_not_know_our_question_says_so),
        TEST(an_answer_is_that_of_its_request),
        TEST(an_answer_that_is_cut_off_anywhere_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
