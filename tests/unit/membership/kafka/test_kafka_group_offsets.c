/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_kafka_group_offsets.c - offsets of a group against a broker that answers as it is told, in a
 * thread of its own.
 */
#include "membership/kafka/kafka_group.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/memory.h"
#include "base/thread.h"
#include "fake_broker.h"

typedef struct offsets_fixture {
    fake_broker *broker;
    ksi_kafka_group_offsets *offsets;
    ksi_buffer request; /* the body of the last one; the broker's lock guards it */
    ks_arena arena;
    ks_error error;
    ksi_logger logger;
    bool is_unstable; /* a transaction is open, for ever */
    int lines;
    char last_line[256];
} offsets_fixture;

static void note_line(ks_log_level level, const char *where, const char *message, void *user)
{
    offsets_fixture *self = user;
    self->lines += level == KS_LOG_LEVEL_INFO;
    (void)snprintf(self->last_line, sizeof self->last_line, "%s: %s", where, message);
}

static const ksi_generation generation = {.member = "member-1", .number = 5};

/* Keeps the request; it is answered by the script, or like this. */
static fake_reply all_is_well(void *user, const fake_request *request, ksi_buffer *body)
{
    offsets_fixture *self = user;
    if (request->api != KSI_API_OFFSET_COMMIT && request->api != KSI_API_OFFSET_FETCH) {
        return FAKE_DEFAULT;
    }
    ksi_buffer_clear(&self->request);
    ksi_buffer_append(&self->request, request->body.data, request->body.size);
    const ksi_offset_answer answer = {
        .topic = ks_slice_cstr("a"),
        .partition = 1,
        .offset = 7,
        .error_code = self->is_unstable ? KSI_KAFKA_UNSTABLE_OFFSET_COMMIT : KSI_KAFKA_NONE};
    const ksi_offset_answers answers = {.list = &answer, .count = 1};
    if (request->api == KSI_API_OFFSET_COMMIT) {
        fake_put_committed(body, &answers);
    } else {
        fake_put_fetched(body, &answers);
    }
    return FAKE_ANSWER;
}

static void open_with(offsets_fixture *self, int64_t request_timeout_ms)
{
    const ksi_kafka_cluster cluster = {.bootstrap_servers = fake_broker_address(self->broker),
                                       .client_id = "tester",
                                       .request_timeout_ms = request_timeout_ms,
                                       .retry_backoff_ms = 20};
    ksi_kafka_group_offsets_close(self->offsets);
    self->offsets = ksi_kafka_group_offsets_open(&cluster, &self->logger, &self->error);
    assert_non_null(self->offsets);
}

static int begin(void **state)
{
    offsets_fixture *self = ksi_calloc(1, sizeof *self);
    self->broker = fake_broker_new(all_is_well, self);
    fake_broker_run(self->broker);
    ksi_arena_init(&self->arena, 0);
    ksi_logger_init(&self->logger, note_line, self, KS_LOG_LEVEL_INFO);
    open_with(self, 0);
    *state = self;
    return 0;
}

static int end(void **state)
{
    offsets_fixture *self = *state;
    ksi_kafka_group_offsets_close(self->offsets);
    fake_broker_free(self->broker);
    ksi_logger_destroy(&self->logger);
    ksi_buffer_destroy(&self->request);
    ksi_arena_destroy(&self->arena);
    ksi_free(self);
    return 0;
}

static void script(offsets_fixture *self, ksi_api api, fake_reply reply,
                   const ksi_offset_answers *answers)
{
    ksi_buffer body = {0};
    if (api == KSI_API_OFFSET_COMMIT) {
        fake_put_committed(&body, answers);
    } else {
        fake_put_fetched(&body, answers);
    }
    fake_broker_script(self->broker, api, reply, ksi_buffer_slice(&body));
    ksi_buffer_destroy(&body);
}

/* The answer for a-1: a code. */
static void script_code(offsets_fixture *self, ksi_api api, int16_t code)
{
    const ksi_offset_answer answer = {
        .topic = ks_slice_cstr("a"), .partition = 1, .error_code = code, .offset = -1};
    const ksi_offset_answers answers = {.list = &answer, .count = 1};
    script(self, api, FAKE_ANSWER, &answers);
}

static const ksi_offset_answers no_answers;

static ks_status commit_one(offsets_fixture *self, const ksi_generation *by)
{
    const ksi_kafka_offset offset = {.topic = "a", .partition = 1, .offset = 7};
    return ksi_kafka_group_offsets_commit(self->offsets, "app", by, &offset, 1, &self->error);
}

static ks_status fetch_one(offsets_fixture *self, ksi_kafka_offset *offset)
{
    *offset = (ksi_kafka_offset){.topic = "a", .partition = 1};
    return ksi_kafka_group_offsets_fetch(self->offsets, "app", offset, 1, &self->arena,
                                         &self->error);
}

static void assert_retriable(offsets_fixture *self, ks_status status, ks_status expected)
{
    assert_int_equal(status, expected);
    assert_int_equal(self->error.code, expected);
    assert_int_equal(self->error.flags, KS_ERROR_RETRIABLE);
}

/* ---- commit ---------------------------------------------------------------------------------- */

static void all_offsets_of_a_commit_go_in_one_request(void **state)
{
    offsets_fixture *self = *state;
    const ksi_kafka_offset list[] = {{"a", 0, 10, ks_slice_cstr("text")},
                                     {"a", 3, 11, ks_slice_null()},
                                     {"b", 1, 12, ks_slice_null()}};
    const ksi_offset_answer three[] = {{.topic = ks_slice_cstr("a"), .partition = 0},
                                       {.topic = ks_slice_cstr("a"), .partition = 3},
                                       {.topic = ks_slice_cstr("b"), .partition = 1}};
    const ksi_offset_answers answers = {.list = three, .count = 3};
    script(self, KSI_API_OFFSET_COMMIT, FAKE_ANSWER, &answers);
    assert_int_equal(
        ksi_kafka_group_offsets_commit(self->offsets, "app", &generation, list, 3, &self->error),
        KS_OK);
    assert_int_equal(fake_broker_requests(self->broker, KSI_API_OFFSET_COMMIT), 1);
}

static void a_commit_names_the_member_and_its_generation(void **state)
{
    offsets_fixture *self = *state;
    const ksi_kafka_offset offset = {.topic = "a", .partition = 1, .offset = 7};
    ksi_buffer expected = {0};
    assert_int_equal(commit_one(self, &generation), KS_OK);
    ksi_put_offset_commit(&expected, "app", &generation, &offset, 1);
    assert_int_equal(fake_broker_requests(self->broker, KSI_API_OFFSET_COMMIT), 1);
    assert_int_equal(self->request.size, expected.size);
    assert_memory_equal(self->request.data, expected.data, expected.size);
    ksi_buffer_destroy(&expected);
}

static void nothing_to_commit_needs_no_broker(void **state)
{
    offsets_fixture *self = *state;
    assert_int_equal(
        ksi_kafka_group_offsets_commit(self->offsets, "app", &generation, NULL, 0, &self->error),
        KS_OK);
    assert_int_equal(fake_broker_connections(self->broker), 0);
}

static void a_commit_during_a_rebalance_may_be_made_again_by_the_newest_generation(void **state)
{
    offsets_fixture *self = *state;
    script_code(self, KSI_API_OFFSET_COMMIT, KSI_KAFKA_REBALANCE_IN_PROGRESS);
    assert_retriable(self, commit_one(self, &generation), KS_E_STATE);
    script_code(self, KSI_API_OFFSET_COMMIT, KSI_KAFKA_ILLEGAL_GENERATION);
    assert_retriable(self, commit_one(self, &generation), KS_E_STATE);
    assert_int_equal(fake_broker_requests(self->broker, KSI_API_OFFSET_COMMIT), 2);
}

static void a_member_that_is_out_is_fenced(void **state)
{
    offsets_fixture *self = *state;
    script_code(self, KSI_API_OFFSET_COMMIT, KSI_KAFKA_UNKNOWN_MEMBER_ID);
    assert_int_equal(commit_one(self, &generation), KS_E_FENCED);
    script_code(self, KSI_API_OFFSET_COMMIT, KSI_KAFKA_FENCED_INSTANCE_ID);
    assert_int_equal(commit_one(self, &generation), KS_E_FENCED);
    assert_int_equal(self->error.flags, 0);
    assert_non_null(strstr(self->error.message, "group.instance.id"));
}

static void offsets_of_a_group_with_members_are_set_by_nobody_else(void **state)
{
    offsets_fixture *self = *state;
    script_code(self, KSI_API_OFFSET_COMMIT, KSI_KAFKA_UNKNOWN_MEMBER_ID);
    assert_int_equal(commit_one(self, NULL), KS_E_STATE);
    assert_int_equal(self->error.flags, 0);
    assert_non_null(strstr(self->error.message, "stop all instances"));
}

static void a_partition_that_is_refused_is_named(void **state)
{
    offsets_fixture *self = *state;
    script_code(self, KSI_API_OFFSET_COMMIT, KSI_KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    assert_retriable(self, commit_one(self, &generation), KS_E_UNKNOWN_TOPIC);
    assert_string_equal(self->error.where, "group app, a-1");
}

/* A member has read the topic: this broker has not heard of it yet. A tool may have mistyped it. */
static void a_topic_that_is_not_there_is_final_for_a_tool_only(void **state)
{
    offsets_fixture *self = *state;
    script_code(self, KSI_API_OFFSET_COMMIT, KSI_KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(commit_one(self, NULL), KS_E_UNKNOWN_TOPIC);
    assert_int_equal(self->error.flags, 0);
    assert_int_equal(fake_broker_requests(self->broker, KSI_API_OFFSET_COMMIT), 1);
}

static void a_coordinator_that_moved_or_loads_is_asked_again(void **state)
{
    offsets_fixture *self = *state;
    script_code(self, KSI_API_OFFSET_COMMIT, KSI_KAFKA_NOT_COORDINATOR);
    script_code(self, KSI_API_OFFSET_COMMIT, KSI_KAFKA_COORDINATOR_LOAD_IN_PROGRESS);
    assert_int_equal(commit_one(self, &generation), KS_OK);
    assert_int_equal(fake_broker_requests(self->broker, KSI_API_OFFSET_COMMIT), 3);
    assert_int_equal(fake_broker_requests(self->broker, KSI_API_FIND_COORDINATOR), 2);
}

static void a_commit_whose_answer_was_lost_is_made_once_more(void **state)
{
    offsets_fixture *self = *state;
    script(self, KSI_API_OFFSET_COMMIT, FAKE_HALF, &no_answers);
    assert_int_equal(commit_one(self, &generation), KS_OK);
    script(self, KSI_API_OFFSET_COMMIT, FAKE_HALF, &no_answers);
    script(self, KSI_API_OFFSET_COMMIT, FAKE_CLOSE, &no_answers);
    assert_retriable(self, commit_one(self, &generation), KS_E_IO);
    assert_non_null(strstr(self->error.message, "committing offsets: no answer to OffsetCommit"));
    assert_int_equal(fake_broker_requests(self->broker, KSI_API_OFFSET_COMMIT), 4);
}

static void idle_connections_that_the_broker_closes_do_not_show(void **state)
{
    offsets_fixture *self = *state;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(commit_one(self, &generation), KS_OK);
        fake_broker_hang_up(self->broker);
    }
}

static void silence_is_a_timeout(void **state)
{
    offsets_fixture *self = *state;
    open_with(self, 50);
    script(self, KSI_API_OFFSET_COMMIT, FAKE_HOLD, &no_answers);
    assert_retriable(self, commit_one(self, &generation), KS_E_TIMEOUT);
}

static void without_a_broker_a_commit_is_a_timeout_that_says_why(void **state)
{
    offsets_fixture *self = *state;
    open_with(self, 50);
    fake_broker_go_down(self->broker);
    assert_retriable(self, commit_one(self, &generation), KS_E_TIMEOUT);
    assert_non_null(strstr(self->error.message, "Connection refused"));
}

static void an_answer_that_leaves_a_partition_out_is_no_success(void **state)
{
    offsets_fixture *self = *state;
    ksi_kafka_offset offset;
    script(self, KSI_API_OFFSET_COMMIT, FAKE_ANSWER, &no_answers);
    assert_int_equal(commit_one(self, &generation), KS_E_IO);
    assert_non_null(strstr(self->error.message, "0 of 1"));
    script(self, KSI_API_OFFSET_FETCH, FAKE_ANSWER, &no_answers);
    assert_int_equal(fetch_one(self, &offset), KS_E_IO);
    assert_non_null(strstr(self->error.message, "a-1"));
}

/* ---- fetch ----------------------------------------------------------------------------------- */

static void all_that_a_group_committed_is_listed(void **state)
{
    offsets_fixture *self = *state;
    const ksi_offset_answer list[] = {
        {.topic = ks_slice_cstr("b"), .partition = 3, .offset = 5},
        {.topic = ks_slice_cstr("a"), .partition = 0, .offset = -1},
        {.topic = ks_slice_cstr("a"), .offset = 9, .metadata = ks_slice_cstr("text")}};
    const ksi_offset_answers answers = {.list = list, .count = 3};
    ksi_kafka_offset_list listed = {0};
    script(self, KSI_API_OFFSET_FETCH, FAKE_ANSWER, &answers);
    assert_int_equal(
        ksi_kafka_group_offsets_list(self->offsets, "app", &self->arena, &listed, &self->error),
        KS_OK);
    assert_int_equal(listed.count, 2);
    assert_string_equal(listed.items[0].topic, "b");
    assert_int_equal(listed.items[0].partition, 3);
    assert_int_equal(listed.items[0].offset, 5);
    assert_string_equal(listed.items[1].topic, "a");
    assert_true(ks_slice_equal(listed.items[1].metadata, ks_slice_cstr("text")));
    script(self, KSI_API_OFFSET_FETCH, FAKE_ANSWER, &no_answers);
    assert_int_equal(
        ksi_kafka_group_offsets_list(self->offsets, "app", &self->arena, &listed, &self->error),
        KS_OK);
    assert_int_equal(listed.count, 0);
}

static void a_list_is_asked_for_again_while_the_coordinator_is_not_known(void **state)
{
    offsets_fixture *self = *state;
    const ksi_offset_answers moved = {.error_code = KSI_KAFKA_NOT_COORDINATOR};
    ksi_kafka_offset_list listed = {0};
    script(self, KSI_API_OFFSET_FETCH, FAKE_ANSWER, &moved);
    script(self, KSI_API_OFFSET_FETCH, FAKE_ANSWER, &no_answers);
    assert_int_equal(
        ksi_kafka_group_offsets_list(self->offsets, "app", &self->arena, &listed, &self->error),
        KS_OK);
    assert_int_equal(fake_broker_requests(self->broker, KSI_API_OFFSET_FETCH), 2);
}

static void fetched_offsets_are_filled_in_whatever_their_order(void **state)
{
    offsets_fixture *self = *state;
    const ksi_offset_answer three[] = {
        {.topic = ks_slice_cstr("b"), .partition = 1, .offset = -1, .metadata = ks_slice_cstr("")},
        {.topic = ks_slice_cstr("a"), .partition = 3, .offset = 11},
        {.topic = ks_slice_cstr("a"), .partition = 0, .offset = 10, .metadata = ks_slice_cstr("t")},
    };
    const ksi_offset_answers answers = {.list = three, .count = 3};
    script(self, KSI_API_OFFSET_FETCH, FAKE_ANSWER, &answers);
    ksi_kafka_offset list[] = {{.topic = "a", .partition = 0},
                               {.topic = "a", .partition = 3},
                               {.topic = "b", .partition = 1, .offset = 4711}};
    assert_int_equal(
        ksi_kafka_group_offsets_fetch(self->offsets, "app", list, 3, &self->arena, &self->error),
        KS_OK);
    assert_int_equal(list[0].offset, 10);
    assert_true(ks_slice_equal(list[0].metadata, ks_slice_cstr("t")));
    assert_int_equal(list[1].offset, 11);
    assert_null(list[1].metadata.data);
    assert_int_equal(list[2].offset, -1);
}

static void an_offset_of_an_open_transaction_is_waited_for(void **state)
{
    offsets_fixture *self = *state;
    ksi_kafka_offset offset;
    script_code(self, KSI_API_OFFSET_FETCH, KSI_KAFKA_UNSTABLE_OFFSET_COMMIT);
    script_code(self, KSI_API_OFFSET_FETCH, KSI_KAFKA_UNSTABLE_OFFSET_COMMIT);
    assert_int_equal(fetch_one(self, &offset), KS_OK);
    assert_int_equal(offset.offset, 7);
    assert_int_equal(fake_broker_requests(self->broker, KSI_API_OFFSET_FETCH), 3);
    assert_int_equal(fake_broker_requests(self->broker, KSI_API_FIND_COORDINATOR), 1);
    assert_int_equal(self->lines, 0); /* it was open for a moment */
}

static void a_transaction_that_stays_open_is_told_once(void **state)
{
    offsets_fixture *self = *state;
    ksi_kafka_offset offset;
    open_with(self, 4000);
    self->is_unstable = true;
    assert_retriable(self, fetch_one(self, &offset), KS_E_IO);
    assert_int_equal(self->lines, 1);
    assert_non_null(strstr(self->last_line, "group app, a-1: waiting for the end of a transac"));
    assert_non_null(strstr(self->last_line, "transaction.timeout.ms"));
}

static void a_transaction_that_does_not_end_is_the_reason_of_the_error(void **state)
{
    offsets_fixture *self = *state;
    ksi_kafka_offset offset;
    open_with(self, 500);
    for (int i = 0; i < 30; i++) { /* more than there is time for */
        script_code(self, KSI_API_OFFSET_FETCH, KSI_KAFKA_UNSTABLE_OFFSET_COMMIT);
    }
    assert_retriable(self, fetch_one(self, &offset), KS_E_IO);
    assert_non_null(strstr(self->error.message, "a transaction that sent offsets"));
    assert_string_equal(self->error.where, "group app, a-1");
}

static void each_group_has_a_coordinator_of_its_own(void **state)
{
    offsets_fixture *self = *state;
    ksi_kafka_offset offset = {.topic = "a", .partition = 1};
    const char *const groups[] = {"app", "other", "app"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(ksi_kafka_group_offsets_fetch(self->offsets, groups[i], &offset, 1,
                                                       &self->arena, &self->error),
                         KS_OK);
    }
    assert_int_equal(fake_broker_requests(self->broker, KSI_API_FIND_COORDINATOR), 3);
}

/* ---- threads --------------------------------------------------------------------------------- */

enum { THREADS = 4, CALLS = 25 };

static void commit_and_fetch(void *user)
{
    offsets_fixture *self = user;
    ks_arena arena;
    ksi_arena_init(&arena, 0);
    for (int i = 0; i < CALLS; i++) {
        ksi_kafka_offset offset = {.topic = "a", .partition = 1, .offset = 7};
        ks_error error = {0};
        assert_int_equal(
            ksi_kafka_group_offsets_commit(self->offsets, "app", &generation, &offset, 1, &error),
            KS_OK);
        offset.offset = 0;
        assert_int_equal(
            ksi_kafka_group_offsets_fetch(self->offsets, "app", &offset, 1, &arena, &error), KS_OK);
        assert_int_equal(offset.offset, 7);
    }
    ksi_arena_destroy(&arena);
}

static void many_threads_may_call(void **state)
{
    offsets_fixture *self = *state;
    ksi_thread threads[THREADS] = {0};
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(ksi_thread_start(&threads[i], "caller", commit_and_fetch, self), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        ksi_thread_join(&threads[i]);
    }
    assert_int_equal(fake_broker_requests(self->broker, KSI_API_OFFSET_COMMIT), THREADS * CALLS);
    assert_int_equal(fake_broker_connections(self->broker), 1);
}

static void a_list_of_servers_that_cannot_be_read_is_refused(void **state)
{
    offsets_fixture *self = *state;
    const ksi_kafka_cluster cluster = {.bootstrap_servers = ","};
    assert_null(ksi_kafka_group_offsets_open(&cluster, NULL, &self->error));
    assert_int_equal(self->error.code, KS_E_CONFIG);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_offsets_of_a_commit_go_in_one_request),
        TEST(a_commit_names_the_member_and_its_generation),
        TEST(nothing_to_commit_needs_no_broker),
        TEST(a_commit_during_a_rebalance_may_be_made_again_by_the_newest_generation),
        TEST(a_member_that_is_out_is_fenced),
        TEST(offsets_of_a_group_with_members_are_set_by_nobody_else),
        TEST(a_partition_that_is_refused_is_named),
        TEST(a_topic_that_is_not_there_is_final_for_a_tool_only),
        TEST(a_coordinator_that_moved_or_loads_is_asked_again),
        TEST(a_commit_whose_answer_was_lost_is_made_once_more),
        TEST(idle_connections_that_the_broker_closes_do_not_show),
        TEST(silence_is_a_timeout),
        TEST(without_a_broker_a_commit_is_a_timeout_that_says_why),
        TEST(an_answer_that_leaves_a_partition_out_is_no_success),
        TEST(fetched_offsets_are_filled_in_whatever_their_order),
        TEST(all_that_a_group_committed_is_listed),
        TEST(a_list_is_asked_for_again_while_the_coordinator_is_not_known),
        TEST(an_offset_of_an_open_transaction_is_waited_for),
        TEST(a_transaction_that_stays_open_is_told_once),
        TEST(a_transaction_that_does_not_end_is_the_reason_of_the_error),
        TEST(each_group_has_a_coordinator_of_its_own),
        TEST(many_threads_may_call),
        TEST(a_list_of_servers_that_cannot_be_read_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
