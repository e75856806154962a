/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_coordinator_link.c - a link and one or two brokers, stepped in turn.
 *
 * Time stands still but for pauses: a link that waits for less than a second of its clock is let
 * wait at once. Longer ones are timeouts, and a test that wants one moves the clock.
 */
#include "membership/kafka/coordinator_link.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "fake_broker.h"

enum { LONGEST_PAUSE_MS = 1000, PATIENCE_STEPS = 1000, TIMEOUT_MS = 20000 };

typedef struct link_fixture {
    fake_broker *broker;
    fake_broker *other; /* NULL: there is one broker */
    ksi_coordinator_link *link;
    ksi_logger logger;
    ksi_buffer log; /* a line each, its level first */
    int64_t now_ms;
    int64_t retry_backoff_ms; /* 0: the default */
    ks_slice body;
    ks_error error;
} link_fixture;

static void note_line(ks_log_level level, const char *where, const char *message, void *user)
{
    link_fixture *self = user;
    ksi_buffer_appendf(&self->log, "%d %s: %s\n", (int)level, where, message);
}

static size_t lines_of(link_fixture *self, ks_log_level level)
{
    char prefix[8];
    (void)snprintf(prefix, sizeof prefix, "%d ", (int)level);
    size_t count = 0;
    const char *line = ksi_buffer_cstr(&self->log);
    for (; *line != '\0'; line = strchr(line, '\n') + 1) {
        count += strncmp(line, prefix, strlen(prefix)) == 0;
    }
    return count;
}

static int begin(void **state)
{
    link_fixture *self = ksi_calloc(1, sizeof *self);
    ksi_logger_init(&self->logger, note_line, self, KS_LOG_LEVEL_INFO);
    self->broker = fake_broker_new(NULL, NULL);
    self->now_ms = 1000000;
    *state = self;
    return 0;
}

static int end(void **state)
{
    link_fixture *self = *state;
    ksi_coordinator_link_free(self->link);
    fake_broker_free(self->broker);
    fake_broker_free(self->other);
    ksi_logger_destroy(&self->logger);
    ksi_buffer_destroy(&self->log);
    ksi_free(self);
    return 0;
}

static void link_to(link_fixture *self, const char *servers)
{
    const ksi_kafka_cluster cluster = {.bootstrap_servers = servers,
                                       .client_id = "tester",
                                       .retry_backoff_ms = self->retry_backoff_ms};
    self->link = ksi_coordinator_link_new(&cluster, "app", &self->logger, &self->error);
    assert_non_null(self->link);
}

static void add_other(link_fixture *self)
{
    self->other = fake_broker_new(NULL, NULL);
}

/* Polls once; the body of the fixture is set with ANSWERED. */
static ksi_link_state turn(link_fixture *self)
{
    return ksi_coordinator_link_poll(self->link, self->now_ms, &self->body, &self->error);
}

/* A pause of the link passes; else the brokers do what they have to do. */
static bool something_happens(link_fixture *self)
{
    int64_t pause_ms = ksi_coordinator_link_next_ms(self->link) - self->now_ms;
    if (pause_ms > 0 && pause_ms <= LONGEST_PAUSE_MS) {
        self->now_ms += pause_ms;
        return true;
    }
    bool one = fake_broker_step(self->broker, 5);
    bool two = self->other != NULL && fake_broker_step(self->other, 5);
    return one || two;
}

static ksi_link_state drive(link_fixture *self)
{
    for (int i = 0; i < PATIENCE_STEPS; i++) {
        ksi_link_state link_state = turn(self);
        if (link_state != KSI_LINK_WAITS) {
            return link_state;
        }
        (void)something_happens(self);
    }
    return KSI_LINK_WAITS;
}

static void send_heartbeat(link_fixture *self)
{
    ksi_buffer body = {0};
    const ksi_generation generation = {.member = "m", .number = 3};
    ksi_put_heartbeat(&body, "app", &generation);
    ksi_coordinator_link_send(self->link, KSI_API_HEARTBEAT, ksi_buffer_slice(&body), TIMEOUT_MS,
                              self->now_ms);
    ksi_buffer_destroy(&body);
}

static ksi_link_state heartbeat(link_fixture *self)
{
    send_heartbeat(self);
    return drive(self);
}

static int16_t code_of(link_fixture *self)
{
    ksi_plain_answer answer;
    assert_int_equal(ksi_take_heartbeat(self->body, &answer, NULL), KS_OK);
    return answer.error_code;
}

static void script_heartbeat(fake_broker *broker, fake_reply reply, int32_t throttle_ms,
                             int16_t code)
{
    ksi_buffer body = {0};
    fake_put_heartbeat(&body, throttle_ms, code);
    fake_broker_script(broker, KSI_API_HEARTBEAT, reply, ksi_buffer_slice(&body));
    ksi_buffer_destroy(&body);
}

static void script_found(fake_broker *broker, int16_t code)
{
    ksi_buffer body = {0};
    fake_put_found(&body, code, "", -1);
    fake_broker_script(broker, KSI_API_FIND_COORDINATOR, FAKE_ANSWER, ksi_buffer_slice(&body));
    ksi_buffer_destroy(&body);
}

/* ---- the way --------------------------------------------------------------------------------- */

static void a_request_finds_the_coordinator_and_is_answered(void **state)
{
    link_fixture *self = *state;
    link_to(self, fake_broker_address(self->broker));
    assert_int_equal(turn(self), KSI_LINK_IDLE);
    assert_int_equal(fake_broker_connections(self->broker), 0);

    script_heartbeat(self->broker, FAKE_ANSWER, 0, KSI_KAFKA_REBALANCE_IN_PROGRESS);
    assert_int_equal(heartbeat(self), KSI_LINK_ANSWERED);
    assert_int_equal(code_of(self), KSI_KAFKA_REBALANCE_IN_PROGRESS);
    assert_int_equal(turn(self), KSI_LINK_IDLE);
}

static void later_requests_go_the_same_way(void **state)
{
    link_fixture *self = *state;
    link_to(self, fake_broker_address(self->broker));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(heartbeat(self), KSI_LINK_ANSWERED);
    }
    assert_int_equal(fake_broker_connections(self->broker), 1);
    assert_int_equal(fake_broker_requests(self->broker, KSI_API_API_VERSIONS), 1);
    assert_int_equal(fake_broker_requests(self->broker, KSI_API_FIND_COORDINATOR), 1);
    assert_int_equal(fake_broker_requests(self->broker, KSI_API_HEARTBEAT), 3);
    assert_int_equal(lines_of(self, KS_LOG_LEVEL_INFO), 1);
}

static void the_coordinator_may_be_another_broker(void **state)
{
    link_fixture *self = *state;
    add_other(self);
    fake_broker_set_coordinator(self->broker, fake_broker_port(self->other));
    link_to(self, fake_broker_address(self->broker));
    assert_int_equal(heartbeat(self), KSI_LINK_ANSWERED);
    assert_int_equal(fake_broker_requests(self->broker, KSI_API_HEARTBEAT), 0);
    assert_int_equal(fake_broker_requests(self->other, KSI_API_HEARTBEAT), 1);
    assert_int_equal(fake_broker_requests(self->other, KSI_API_API_VERSIONS), 1);
}

static void a_broker_of_the_list_that_is_gone_is_passed_over(void **state)
{
    link_fixture *self = *state;
    add_other(self);
    ksi_buffer servers = {0};
    ksi_buffer_appendf(&servers, "%s,%s", fake_broker_address(self->other),
                       fake_broker_address(self->broker));
    fake_broker_go_down(self->other);
    link_to(self, ksi_buffer_cstr(&servers));
    ksi_buffer_destroy(&servers);
    int64_t began_ms = self->now_ms;
    assert_int_equal(heartbeat(self), KSI_LINK_ANSWERED);
    assert_int_equal(self->now_ms, began_ms); /* without a pause */
}

static void a_cluster_that_has_no_coordinator_yet_is_asked_again(void **state)
{
    link_fixture *self = *state;
    script_found(self->broker, KSI_KAFKA_COORDINATOR_NOT_AVAILABLE);
    script_found(self->broker, KSI_KAFKA_COORDINATOR_NOT_AVAILABLE);
    link_to(self, fake_broker_address(self->broker));
    int64_t began_ms = self->now_ms;
    assert_int_equal(heartbeat(self), KSI_LINK_ANSWERED);
    assert_int_equal(self->now_ms, began_ms + 200); /* two pauses of retry.backoff.ms */
    assert_int_equal(fake_broker_connections(self->broker), 1);
    assert_int_equal(lines_of(self, KS_LOG_LEVEL_WARN), 0); /* as new clusters are */
}

static void a_cluster_that_has_no_coordinator_for_long_is_told_once(void **state)
{
    link_fixture *self = *state;
    for (int i = 0; i < 30; i++) {
        script_found(self->broker, KSI_KAFKA_COORDINATOR_NOT_AVAILABLE);
    }
    self->retry_backoff_ms = 500;
    link_to(self, fake_broker_address(self->broker));
    assert_int_equal(heartbeat(self), KSI_LINK_ANSWERED);
    assert_int_equal(lines_of(self, KS_LOG_LEVEL_WARN), 1);
    assert_non_null(strstr(ksi_buffer_cstr(&self->log), "COORDINATOR_NOT_AVAILABLE"));
}

static void a_refusal_for_good_is_an_error_at_once(void **state)
{
    link_fixture *self = *state;
    script_found(self->broker, KSI_KAFKA_GROUP_AUTHORIZATION_FAILED);
    link_to(self, fake_broker_address(self->broker));
    assert_int_equal(heartbeat(self), KSI_LINK_UNSENT);
    assert_int_equal(self->error.code, KS_E_IO);
    assert_int_equal(self->error.flags, 0);
    assert_non_null(strstr(self->error.message, "GROUP_AUTHORIZATION_FAILED"));
}

static void a_broker_that_is_too_old_is_an_error_that_says_so(void **state)
{
    link_fixture *self = *state;
    /* Of version 0, as a broker answers that does not know ours. */
    fake_broker_script(self->broker, KSI_API_API_VERSIONS, FAKE_ANSWER,
                       ks_slice_of("\0\x23\0\0\0\0", 6));
    link_to(self, fake_broker_address(self->broker));
    assert_int_equal(heartbeat(self), KSI_LINK_UNSENT);
    assert_int_equal(self->error.code, KS_E_NOT_BUILT);
    assert_int_equal(self->error.flags, 0);
    assert_non_null(strstr(self->error.message, fake_broker_address(self->broker)));
}

/* ---- trouble --------------------------------------------------------------------------------- */

static void a_coordinator_that_moved_is_found_again(void **state)
{
    link_fixture *self = *state;
    add_other(self);
    link_to(self, fake_broker_address(self->broker));
    script_heartbeat(self->broker, FAKE_ANSWER, 0, KSI_KAFKA_NOT_COORDINATOR);
    assert_int_equal(heartbeat(self), KSI_LINK_ANSWERED);
    fake_broker_set_coordinator(self->broker, fake_broker_port(self->other));
    assert_true(ksi_coordinator_link_heed(self->link, code_of(self), self->now_ms));
    assert_int_equal(heartbeat(self), KSI_LINK_ANSWERED);
    assert_int_equal(fake_broker_requests(self->other, KSI_API_HEARTBEAT), 1);
}

static void a_coordinator_that_loads_is_given_time(void **state)
{
    link_fixture *self = *state;
    link_to(self, fake_broker_address(self->broker));
    assert_int_equal(heartbeat(self), KSI_LINK_ANSWERED);
    int64_t began_ms = self->now_ms;
    assert_true(ksi_coordinator_link_heed(self->link, KSI_KAFKA_COORDINATOR_LOAD_IN_PROGRESS,
                                          self->now_ms));
    assert_int_equal(heartbeat(self), KSI_LINK_ANSWERED);
    assert_int_equal(self->now_ms, began_ms + 100);
    assert_int_equal(fake_broker_requests(self->broker, KSI_API_FIND_COORDINATOR), 1);
    assert_false(ksi_coordinator_link_heed(self->link, KSI_KAFKA_UNKNOWN_MEMBER_ID, self->now_ms));
}

static void an_idle_connection_that_was_closed_is_nobodys_news(void **state)
{
    link_fixture *self = *state;
    link_to(self, fake_broker_address(self->broker));
    assert_int_equal(heartbeat(self), KSI_LINK_ANSWERED);
    fake_broker_hang_up(self->broker);
    int64_t began_ms = self->now_ms;
    assert_int_equal(heartbeat(self), KSI_LINK_ANSWERED);
    assert_int_equal(self->now_ms, began_ms);
    assert_int_equal(fake_broker_connections(self->broker), 2);
    assert_int_equal(lines_of(self, KS_LOG_LEVEL_WARN), 0);
    assert_int_equal(lines_of(self, KS_LOG_LEVEL_INFO), 1);
}

static void assert_lost_by(link_fixture *self, fake_reply reply, const char *words)
{
    script_heartbeat(self->broker, reply, 0, KSI_KAFKA_NONE);
    assert_int_equal(heartbeat(self), KSI_LINK_LOST);
    assert_int_equal(self->error.code, KS_E_IO);
    assert_int_equal(self->error.flags, KS_ERROR_RETRIABLE);
    assert_string_equal(self->error.where, "group app");
    assert_non_null(strstr(self->error.message, "no answer to Heartbeat: "));
    assert_non_null(strstr(self->error.message, words));
    assert_int_equal(heartbeat(self), KSI_LINK_ANSWERED);
}

static void a_request_without_an_answer_is_lost_and_not_sent_again(void **state)
{
    link_fixture *self = *state;
    link_to(self, fake_broker_address(self->broker));
    assert_lost_by(self, FAKE_CLOSE, "closed the connection");
    assert_lost_by(self, FAKE_HALF, "closed the connection");
    assert_lost_by(self, FAKE_WRONG, "was answered by an answer to number");
    assert_lost_by(self, FAKE_HUGE, "sent a frame of");
    assert_int_equal(fake_broker_requests(self->broker, KSI_API_HEARTBEAT), 8);
    assert_int_equal(lines_of(self, KS_LOG_LEVEL_WARN), 4);
}

static void an_answer_that_comes_byte_by_byte_is_an_answer(void **state)
{
    link_fixture *self = *state;
    link_to(self, fake_broker_address(self->broker));
    script_heartbeat(self->broker, FAKE_SLOWLY, 0, KSI_KAFKA_ILLEGAL_GENERATION);
    assert_int_equal(heartbeat(self), KSI_LINK_ANSWERED);
    assert_int_equal(code_of(self), KSI_KAFKA_ILLEGAL_GENERATION);
}

static void silence_is_a_loss_when_the_time_is_over(void **state)
{
    link_fixture *self = *state;
    link_to(self, fake_broker_address(self->broker));
    script_heartbeat(self->broker, FAKE_HOLD, 0, KSI_KAFKA_NONE);
    send_heartbeat(self);
    while (fake_broker_held(self->broker) == 0) {
        assert_int_equal(turn(self), KSI_LINK_WAITS);
        (void)something_happens(self);
    }
    assert_int_equal(ksi_coordinator_link_next_ms(self->link), self->now_ms + TIMEOUT_MS);
    self->now_ms += TIMEOUT_MS - 1;
    assert_int_equal(turn(self), KSI_LINK_WAITS);
    self->now_ms += 1;
    assert_int_equal(turn(self), KSI_LINK_LOST);
    assert_int_equal(self->error.code, KS_E_TIMEOUT);
    assert_int_equal(self->error.flags, KS_ERROR_RETRIABLE);
    /* A late answer is not taken for that of the next. */
    ksi_buffer late = {0};
    fake_put_heartbeat(&late, 0, KSI_KAFKA_UNKNOWN_MEMBER_ID);
    fake_broker_answer(self->broker, fake_broker_held(self->broker), ksi_buffer_slice(&late));
    ksi_buffer_destroy(&late);
    assert_int_equal(heartbeat(self), KSI_LINK_ANSWERED);
    assert_int_equal(code_of(self), KSI_KAFKA_NONE);
}

static void without_a_broker_the_request_waits_and_then_is_unsent(void **state)
{
    link_fixture *self = *state;
    fake_broker_go_down(self->broker);
    link_to(self, fake_broker_address(self->broker));
    int64_t began_ms = self->now_ms;
    assert_int_equal(heartbeat(self), KSI_LINK_UNSENT);
    assert_int_equal(self->now_ms, began_ms + TIMEOUT_MS);
    assert_int_equal(self->error.code, KS_E_TIMEOUT);
    assert_int_equal(self->error.flags, KS_ERROR_RETRIABLE);
    assert_non_null(strstr(self->error.message, "Heartbeat could not be sent in 20000 ms: "));
    assert_non_null(strstr(self->error.message, fake_broker_address(self->broker)));
    assert_non_null(strstr(self->error.message, "Connection refused"));
    assert_int_equal(lines_of(self, KS_LOG_LEVEL_WARN), 1);
}

static void an_outage_is_told_once_and_its_end_too(void **state)
{
    link_fixture *self = *state;
    link_to(self, fake_broker_address(self->broker));
    assert_int_equal(heartbeat(self), KSI_LINK_ANSWERED);
    fake_broker_go_down(self->broker);
    (void)fake_broker_step(self->broker, 0);
    assert_int_equal(heartbeat(self), KSI_LINK_UNSENT);
    assert_int_equal(heartbeat(self), KSI_LINK_UNSENT);
    assert_int_equal(lines_of(self, KS_LOG_LEVEL_WARN), 1);
    assert_int_equal(lines_of(self, KS_LOG_LEVEL_INFO), 1);
    fake_broker_come_up(self->broker);
    assert_int_equal(heartbeat(self), KSI_LINK_ANSWERED);
    assert_int_equal(lines_of(self, KS_LOG_LEVEL_WARN), 1);
    assert_int_equal(lines_of(self, KS_LOG_LEVEL_INFO), 2);
}

static void a_throttled_client_waits_before_its_next_request(void **state)
{
    link_fixture *self = *state;
    link_to(self, fake_broker_address(self->broker));
    script_heartbeat(self->broker, FAKE_ANSWER, 700, KSI_KAFKA_NONE);
    assert_int_equal(heartbeat(self), KSI_LINK_ANSWERED);
    int64_t answered_ms = self->now_ms;
    send_heartbeat(self);
    assert_int_equal(turn(self), KSI_LINK_WAITS);
    assert_int_equal(ksi_coordinator_link_next_ms(self->link), answered_ms + 700);
    assert_int_equal(drive(self), KSI_LINK_ANSWERED);
    assert_int_equal(self->now_ms, answered_ms + 700);
}

static void a_request_that_is_cancelled_stands_in_nobodys_way(void **state)
{
    link_fixture *self = *state;
    link_to(self, fake_broker_address(self->broker));
    script_heartbeat(self->broker, FAKE_HOLD, 0, KSI_KAFKA_NONE);
    send_heartbeat(self);
    while (fake_broker_held(self->broker) == 0) {
        assert_int_equal(turn(self), KSI_LINK_WAITS);
        (void)something_happens(self);
    }
    ksi_coordinator_link_cancel(self->link);
    assert_int_equal(turn(self), KSI_LINK_IDLE);
    assert_int_equal(heartbeat(self), KSI_LINK_ANSWERED);
    assert_int_equal(fake_broker_connections(self->broker), 2);
}

/* ---- waiting --------------------------------------------------------------------------------- */

static void a_link_that_waits_has_a_descriptor_to_wait_on(void **state)
{
    link_fixture *self = *state;
    struct pollfd fds[2];
    link_to(self, fake_broker_address(self->broker));
    assert_int_equal(ksi_coordinator_link_descriptors(self->link, fds, 2), 0);
    assert_true(ksi_coordinator_link_next_ms(self->link) == INT64_MAX);
    send_heartbeat(self);
    assert_true(ksi_coordinator_link_next_ms(self->link) <= self->now_ms);
    assert_int_equal(turn(self), KSI_LINK_WAITS);
    assert_int_equal(ksi_coordinator_link_descriptors(self->link, fds, 2), 1);
    assert_int_equal(drive(self), KSI_LINK_ANSWERED);
    assert_int_equal(ksi_coordinator_link_descriptors(self->link, fds, 2), 1);
    assert_int_equal(fds[0].events, POLLIN);
    assert_true(ksi_coordinator_link_next_ms(self->link) == INT64_MAX);
}

static void awaiting_waits_for_the_answer(void **state)
{
    link_fixture *self = *state;
    fake_broker_run(self->broker);
    link_to(self, fake_broker_address(self->broker));
    self->now_ms = ksi_monotonic_ms(&ksi_system_clock);
    script_heartbeat(self->broker, FAKE_SLOWLY, 0, KSI_KAFKA_UNKNOWN_MEMBER_ID);
    send_heartbeat(self);
    assert_int_equal(ksi_coordinator_link_await(self->link, &self->body, &self->error),
                     KSI_LINK_ANSWERED);
    assert_int_equal(code_of(self), KSI_KAFKA_UNKNOWN_MEMBER_ID);
    assert_int_equal(ksi_coordinator_link_await(self->link, &self->body, &self->error),
                     KSI_LINK_IDLE);
}

static void a_list_of_servers_that_cannot_be_read_is_refused(void **state)
{
    link_fixture *self = *state;
    const ksi_kafka_cluster cluster = {.bootstrap_servers = "host:port"};
    assert_null(ksi_coordinator_link_new(&cluster, "app", NULL, &self->error));
    assert_int_equal(self->error.code, KS_E_CONFIG);
    assert_string_equal(self->error.where, "bootstrap.servers");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_finds_the_coordinator_and_is_answered),
        TEST(later_requests_go_the_same_way),
        TEST(the_coordinator_may_be_another_broker),
        TEST(a_broker_of_the_list_that_is_gone_is_passed_over),
        TEST(a_cluster_that_has_no_coordinator_yet_is_asked_again),
        TEST(a_cluster_that_has_no_coordinator_for_long_is_told_once),
        TEST(a_refusal_for_good_is_an_error_at_once),
        TEST(a_broker_that_is_too_old_is_an_error_that_says_so),
        TEST(a_coordinator_that_moved_is_found_again),
        TEST(a_coordinator_that_loads_is_given_time),
        TEST(an_idle_connection_that_was_closed_is_nobodys_news),
        TEST(a_request_without_an_answer_is_lost_and_not_sent_again),
        TEST(an_answer_that_comes_byte_by_byte_is_an_answer),
        TEST(silence_is_a_loss_when_the_time_is_over),
        TEST(without_a_broker_the_request_waits_and_then_is_unsent),
        TEST(an_outage_is_told_once_and_its_end_too),
        TEST(a_throttled_client_waits_before_its_next_request),
        TEST(a_request_that_is_cancelled_stands_in_nobodys_way),
        TEST(a_link_that_waits_has_a_descriptor_to_wait_on),
        TEST(awaiting_waits_for_the_answer),
        TEST(a_list_of_servers_that_cannot_be_read_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
