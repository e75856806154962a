/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_kafka_client.c - what a client says of its brokers, against librdkafka's mock cluster.
 */
#include "transport/kafka/kafka_client.h"

#include "base/clock.h"

#include <librdkafka/rdkafka_mock.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { DEADLINE_MS = 60000, TURN_MS = 20 };

/* Lines that somebody is to read, and how many. */
typedef struct lines {
    ksi_mutex lock;
    int begun;
    int over;
    int others; /* about connections */
} lines;

typedef struct fixture {
    rd_kafka_t *host; /* of the mock cluster */
    rd_kafka_mock_cluster_t *cluster;
    lines lines;
    ksi_logger logger;
    ksi_kafka_outage outage;
    ksi_kafka_client *client;
} fixture;

static void note_line(ks_log_level level, const char *where, const char *message, void *user)
{
    lines *said = user;
    (void)where;
    ksi_mutex_lock(&said->lock);
    if (level >= KS_LOG_LEVEL_WARN) {
        said->begun += strstr(message, "no broker answers; trying again") != NULL;
        said->over += strstr(message, "brokers answer again") != NULL;
        said->others += strstr(message, "onnect") != NULL && strstr(message, "answer") == NULL;
    }
    ksi_mutex_unlock(&said->lock);
}

static int count_of(fixture *self, const int *counter)
{
    ksi_mutex_lock(&self->lines.lock);
    int count = *counter;
    ksi_mutex_unlock(&self->lines.lock);
    return count;
}

/*
 * A client that is connected and idle. The mock cluster answers two requests that come in one piece
 * one by one, the second when a third one comes: so nothing is asked beside what a client asks of
 * itself when it has connected.
 */
static ksi_kafka_client *open_client(fixture *self)
{
    const ksi_kafka_client_options options = {.role = KSI_KAFKA_ADMIN,
                                              .bootstrap_servers =
                                                  rd_kafka_mock_cluster_bootstraps(self->cluster),
                                              .client_id = "admin"};
    ks_error error = {0};
    ksi_kafka_client *client = ksi_kafka_client_open(&options, &self->outage, &error);
    assert_non_null(client);
    char *id = rd_kafka_clusterid(client->handle, DEADLINE_MS);
    assert_non_null(id);
    rd_kafka_mem_free(client->handle, id);
    return client;
}

static int set_up(void **state)
{
    fixture *self = test_calloc(1, sizeof *self);
    char reason[256] = "";
    self->host = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), reason, sizeof reason);
    assert_non_null(self->host);
    self->cluster = rd_kafka_mock_cluster_new(self->host, 1);
    assert_non_null(self->cluster);
    ksi_mutex_init(&self->lines.lock);
    ksi_logger_init(&self->logger, note_line, &self->lines, KS_LOG_LEVEL_DEBUG);
    ksi_kafka_outage_init(&self->outage, &self->logger);
    self->client = open_client(self);
    *state = self;
    return 0;
}

static int tear_down(void **state)
{
    fixture *self = *state;
    ksi_kafka_client_release(self->client);
    ksi_kafka_outage_destroy(&self->outage);
    ksi_logger_destroy(&self->logger);
    ksi_mutex_destroy(&self->lines.lock);
    rd_kafka_mock_cluster_destroy(self->cluster);
    rd_kafka_destroy(self->host);
    test_free(self);
    return 0;
}

static rd_kafka_resp_err_t ask(fixture *self)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code = rd_kafka_metadata(self->client->handle, 1, NULL, &metadata, TURN_MS);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_metadata_destroy(metadata);
        ksi_kafka_client_works(self->client);
    }
    ksi_kafka_client_serve(self->client);
    return code;
}

/* Asks until the counter has grown to `wanted`. */
static void ask_until(fixture *self, const int *counter, int wanted)
{
    int64_t deadline_ms = ksi_monotonic_ms(&ksi_system_clock) + DEADLINE_MS;
    while (count_of(self, counter) < wanted) {
        if (ksi_monotonic_ms(&ksi_system_clock) > deadline_ms) {
            fail_msg("not within %d ms: %d lines; there are %d", DEADLINE_MS, wanted,
                     count_of(self, counter));
        }
        (void)ask(self);
    }
}

static void ask_until_answered(fixture *self)
{
    int64_t deadline_ms = ksi_monotonic_ms(&ksi_system_clock) + DEADLINE_MS;
    while (ask(self) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (ksi_monotonic_ms(&ksi_system_clock) > deadline_ms) {
            fail_msg("not within %d ms: an answer of the cluster", DEADLINE_MS);
        }
    }
}

static void an_outage_is_two_lines(void **state)
{
    fixture *self = *state;
    ask_until_answered(self);
    rd_kafka_mock_broker_set_down(self->cluster, 1);
    ask_until(self, &self->lines.begun, 1);
    for (int i = 0; i < 50; i++) { /* it goes on */
        (void)ask(self);
    }
    rd_kafka_mock_broker_set_up(self->cluster, 1);
    ksi_kafka_client_release(self->client);
    self->client = open_client(self); /* what one client meets, the others meet as well */
    ask_until(self, &self->lines.over, 1);
    assert_int_equal(count_of(self, &self->lines.begun), 1);
    assert_int_equal(count_of(self, &self->lines.over), 1);
    assert_int_equal(count_of(self, &self->lines.others), 0);
}

/* The words are librdkafka's, which says each of them once in half a minute. */
static void an_outage_begins_in_whichever_order_it_is_heard_of(void **state)
{
    fixture *self = *state;
    const rd_kafka_resp_err_t down = RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
    const rd_kafka_resp_err_t socket = RD_KAFKA_RESP_ERR__TRANSPORT;
    static const char lost[] = "b:1/1: Disconnected (after 30000ms in state UP)";
    static const char refused[] =
        "b:1/1: Connect to b:1 failed: refused (after 0ms in state CONNECT)";
    const struct {
        rd_kafka_resp_err_t code[3];
        const char *reason[3];
        int begun;
    } list[] = {
        {{socket, down, socket}, {lost, "all", refused}, 1},
        {{socket, socket, down}, {lost, refused, "all"}, 1},
        {{socket, down, down}, {refused, "all", "all"}, 1},
        {{RD_KAFKA_RESP_ERR__RESOLVE, down, socket}, {"no such host", "all", refused}, 1},
        /* a connection that nobody used was closed; one of several brokers went away */
        {{socket, down, down}, {lost, "all", "all"}, 0},
        {{socket, socket, socket}, {lost, refused, refused}, 0},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        self->lines.begun = self->lines.over = 0;
        ksi_kafka_outage outage;
        ksi_kafka_outage_init(&outage, &self->logger);
        ksi_kafka_outage_over(&outage); /* the first answer */
        for (size_t heard = 0; heard < 3; heard++) {
            assert_true(
                ksi_kafka_outage_heard(&outage, list[i].code[heard], list[i].reason[heard]));
        }
        assert_int_equal(count_of(self, &self->lines.begun), list[i].begun);
        ksi_kafka_outage_over(&outage);
        assert_int_equal(count_of(self, &self->lines.over), list[i].begun);
        /* An answer ends what was suspected, too. */
        assert_true(ksi_kafka_outage_heard(&outage, down, "all"));
        assert_int_equal(count_of(self, &self->lines.begun), list[i].begun);
        assert_false(ksi_kafka_outage_heard(&outage, RD_KAFKA_RESP_ERR__FATAL, "fatal"));
        ksi_kafka_outage_destroy(&outage);
    }
}

static void an_error_in_an_outage_says_what_the_sockets_said(void **state)
{
    fixture *self = *state;
    ask_until_answered(self);
    const ksi_kafka_failure failure = {RD_KAFKA_RESP_ERR__TIMED_OUT, NULL, "orders",
                                       "creating the topic"};
    ks_error error = {0};
    assert_int_equal(ksi_kafka_client_fail(self->client, &failure, &error), KS_E_TIMEOUT);
    assert_string_equal(error.message, "creating the topic: Local: Timed out");
    rd_kafka_mock_broker_set_down(self->cluster, 1);
    ask_until(self, &self->lines.begun, 1);
    assert_int_equal(ksi_kafka_client_fail(self->client, &failure, &error), KS_E_TIMEOUT);
    assert_int_equal(error.flags, KS_ERROR_RETRIABLE);
    assert_string_equal(error.where, "orders");
    assert_non_null(strstr(error.message, "creating the topic: Local: Timed out; last heard: "));
    assert_non_null(strstr(error.message, "127.0.0.1"));
}

static void codes_say_whether_to_call_again(void **state)
{
    fixture *self = *state;
    static const struct {
        rd_kafka_resp_err_t code;
        ks_status status;
        uint32_t flags;
    } list[] = {
        {RD_KAFKA_RESP_ERR__TRANSPORT, KS_E_IO, KS_ERROR_RETRIABLE},
        {RD_KAFKA_RESP_ERR_NOT_COORDINATOR, KS_E_IO, KS_ERROR_RETRIABLE},
        {RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS, KS_E_STATE, KS_ERROR_RETRIABLE},
        {RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, KS_E_STATE, KS_ERROR_RETRIABLE},
        {RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, KS_E_FENCED, 0},
        {RD_KAFKA_RESP_ERR__FENCED, KS_E_FENCED, 0},
        {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, KS_E_UNKNOWN_TOPIC, 0},
        {RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, KS_E_OUT_OF_RANGE, 0},
        {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, KS_E_LIMIT, 0},
        {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, KS_E_IO, 0},
        {RD_KAFKA_RESP_ERR__FATAL, KS_E_IO, KS_ERROR_FATAL},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        const ksi_kafka_failure failure = {list[i].code, "the words", "t", "trying"};
        ks_error error = {0};
        assert_int_equal(ksi_kafka_client_fail(self->client, &failure, &error), list[i].status);
        assert_int_equal(error.code, list[i].status);
        assert_int_equal(error.flags, list[i].flags);
        assert_string_equal(error.where, "t");
        assert_memory_equal(error.message, "trying: the words", 17);
        assert_int_equal(ksi_kafka_client_fail(NULL, &failure, NULL), list[i].status);
    }
}

static void an_error_says_what_to_do_where_the_clients_words_do_not(void **state)
{
    fixture *self = *state;
    ks_error error = {0};
    ksi_kafka_failure failure = {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, NULL, "t", "sending"};
    assert_int_equal(ksi_kafka_client_fail(self->client, &failure, &error), KS_E_LIMIT);
    assert_string_equal(error.message, "sending: Broker: Message size too large; raise "
                                       "max.message.bytes of the topic, or send less");
    failure.code = RD_KAFKA_RESP_ERR_POLICY_VIOLATION;
    failure.text = "nobody may";
    assert_int_equal(ksi_kafka_client_fail(self->client, &failure, &error), KS_E_ARGUMENT);
    assert_string_equal(error.message, "sending: nobody may");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_outage_is_two_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_outage_begins_in_whichever_order_it_is_heard_of, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_error_in_an_outage_says_what_the_sockets_said, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(codes_say_whether_to_call_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_error_says_what_to_do_where_the_clients_words_do_not,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
