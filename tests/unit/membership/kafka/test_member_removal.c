/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_member_removal.c - members that an operator takes out of a group.
 */
#include "membership/kafka/kafka_group.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "fake_broker.h"

typedef struct removal_fixture {
    fake_broker *broker;
    ksi_logger logger;
    char removed[128]; /* what the broker was told, a group and a member each */
    int16_t codes[4];  /* that it answers, in turn */
    size_t answers;
    ks_error error;
} removal_fixture;

/* LeaveGroup 4, by hand: compact strings, an array of one member. */
static void note_request(removal_fixture *self, ks_slice body)
{
    const char *at = body.data;
    int group_size = at[0] - 1;
    const char *member = at + 1 + group_size + 1;
    size_t used = strlen(self->removed);
    assert_int_equal(member[-1], 2);
    (void)snprintf(self->removed + used, sizeof self->removed - used, "%.*s:%.*s ", group_size,
                   at + 1, member[0] - 1, member + 1);
}

static fake_reply answer_leave(void *user, const fake_request *request, ksi_buffer *body)
{
    removal_fixture *self = user;
    if (request->api != KSI_API_LEAVE_GROUP) {
        return FAKE_DEFAULT;
    }
    note_request(self, request->body);
    fake_put_left(body, self->codes[self->answers++]);
    return FAKE_ANSWER;
}

static int begin(void **state)
{
    removal_fixture *self = ksi_calloc(1, sizeof *self);
    ksi_logger_init(&self->logger, NULL, NULL, KS_LOG_LEVEL_ERROR);
    self->broker = fake_broker_new(answer_leave, self);
    fake_broker_run(self->broker);
    *state = self;
    return 0;
}

static int end(void **state)
{
    removal_fixture *self = *state;
    fake_broker_free(self->broker);
    ksi_logger_destroy(&self->logger);
    ksi_free(self);
    return 0;
}

static ks_status remove_two(removal_fixture *self, int64_t timeout_ms)
{
    const ksi_kafka_cluster cluster = {.bootstrap_servers = fake_broker_address(self->broker),
                                       .client_id = "tool",
                                       .request_timeout_ms = timeout_ms,
                                       .retry_backoff_ms = 1,
                                       .reconnect_backoff_ms = 1};
    const ksi_generation members[] = {{.member = "m-1"}, {.member = "m-2", .instance = "i"}};
    return ksi_kafka_group_remove_members(&cluster, "app", members, 2, &self->logger, &self->error);
}

static void each_member_is_said_to_have_left(void **state)
{
    removal_fixture *self = *state;
    assert_int_equal(remove_two(self, 0), KS_OK);
    assert_string_equal(self->removed, "app:m-1 app:m-2 ");
}

static void one_that_is_gone_already_is_no_error(void **state)
{
    removal_fixture *self = *state;
    self->codes[0] = KSI_KAFKA_UNKNOWN_MEMBER_ID;
    assert_int_equal(remove_two(self, 0), KS_OK);
    assert_string_equal(self->removed, "app:m-1 app:m-2 ");
}

static void a_coordinator_that_moves_is_asked_again(void **state)
{
    removal_fixture *self = *state;
    self->codes[0] = KSI_KAFKA_NOT_COORDINATOR;
    assert_int_equal(remove_two(self, 0), KS_OK);
    assert_string_equal(self->removed, "app:m-1 app:m-1 app:m-2 ");
}

static void a_refusal_ends_it(void **state)
{
    removal_fixture *self = *state;
    self->codes[0] = KSI_KAFKA_GROUP_AUTHORIZATION_FAILED;
    assert_int_equal(remove_two(self, 0), KS_E_IO);
    assert_string_equal(self->removed, "app:m-1 ");
    assert_non_null(strstr(self->error.message, "GROUP_AUTHORIZATION_FAILED"));
}

static void a_lost_answer_is_asked_for_again(void **state)
{
    removal_fixture *self = *state;
    fake_broker_script(self->broker, KSI_API_LEAVE_GROUP, FAKE_CLOSE, ks_slice_null());
    assert_int_equal(remove_two(self, 0), KS_OK);
    assert_string_equal(self->removed, "app:m-1 app:m-2 ");
    assert_int_equal(fake_broker_requests(self->broker, KSI_API_LEAVE_GROUP), 3);
}

static void a_cluster_that_is_down_is_not_waited_for_for_ever(void **state)
{
    removal_fixture *self = *state;
    fake_broker_go_down(self->broker);
    ks_status status = remove_two(self, 50);
    assert_true(status == KS_E_IO || status == KS_E_TIMEOUT);
    assert_true((self->error.flags & KS_ERROR_RETRIABLE) != 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_member_is_said_to_have_left),
        TEST(one_that_is_gone_already_is_no_error),
        TEST(a_coordinator_that_moves_is_asked_again),
        TEST(a_refusal_ends_it),
        TEST(a_lost_answer_is_asked_for_again),
        TEST(a_cluster_that_is_down_is_not_waited_for_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
