/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_client_config.c - what becomes of an application's properties in each client of librdkafka.
 */
#include "transport/kafka/client_config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MOST_PAIRS 4

/* `NAME, VALUE, ...` of the program, and what librdkafka is then set to. */
typedef struct expectation {
    const char *pairs[2 * MOST_PAIRS + 1];
    ksi_kafka_role role;
    const char *name;
    const char *value;
} expectation;

static ks_config *config_of(const char *const *pairs)
{
    ks_config *config = ks_config_new();
    ks_error error = {0};
    for (; *pairs != NULL; pairs += 2) {
        if (ks_config_set(config, pairs[0], pairs[1], &error) != KS_OK) {
            fail_msg("%s: %s", error.where, error.message);
        }
    }
    return config;
}

static rd_kafka_conf_t *conf_of(ksi_kafka_role role, const ks_config *config, ks_error *error)
{
    const ksi_kafka_client_options options = {.role = role,
                                              .bootstrap_servers = "one:9092,two",
                                              .client_id = "orders-client",
                                              .transactional_id = "orders-1",
                                              .config = config};
    return ksi_kafka_client_conf(&options, error);
}

static void assert_set(const rd_kafka_conf_t *conf, const char *name, const char *wanted)
{
    char value[256] = "";
    size_t size = sizeof value;
    rd_kafka_conf_res_t found = rd_kafka_conf_get(conf, name, value, &size);
    if (found != RD_KAFKA_CONF_OK && wanted[0] != '\0') {
        fail_msg("%s is not set and should be \"%s\"", name, wanted);
    }
    if (strcmp(value, wanted) != 0) {
        fail_msg("%s is \"%s\" and should be \"%s\"", name, value, wanted);
    }
}

static void assert_expectations(const expectation *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ks_error error = {0};
        ks_config *config = config_of(list[i].pairs);
        rd_kafka_conf_t *conf = conf_of(list[i].role, config, &error);
        if (conf == NULL) {
            fail_msg("%s: %s", error.where, error.message);
        }
        assert_set(conf, list[i].name, list[i].value);
        rd_kafka_conf_destroy(conf);
        ks_config_free(config);
    }
}

#define ASSERT_EXPECTATIONS(list) assert_expectations(list, sizeof(list) / sizeof((list)[0]))

#define INPUT KSI_KAFKA_INPUT
#define CHANGELOG KSI_KAFKA_CHANGELOG
#define GLOBAL KSI_KAFKA_GLOBAL
#define READER KSI_KAFKA_READER
#define ADMIN KSI_KAFKA_ADMIN
#define PRODUCER KSI_KAFKA_PRODUCER
#define TRANSACTIONAL KSI_KAFKA_TRANSACTIONAL

static void javas_names_become_librdkafkas(void **state)
{
    (void)state;
    static const expectation list[] = {
        {{"fetch.max.wait.ms", "20"}, INPUT, "fetch.wait.max.ms", "20"},
        {{"max.partition.fetch.bytes", "70000"}, INPUT, "fetch.message.max.bytes", "70000"},
        {{"fetch.min.bytes", "9"}, GLOBAL, "fetch.min.bytes", "9"},
        {{"client.rack", "r1"}, INPUT, "client.rack", "r1"},
        {{"check.crcs", "true"}, READER, "check.crcs", "true"},
        {{"isolation.level", "read_committed"}, INPUT, "isolation.level", "read_committed"},
        {{"buffer.memory", "1048577"}, PRODUCER, "queue.buffering.max.kbytes", "1025"},
        {{"max.request.size", "70000"}, PRODUCER, "message.max.bytes", "70000"},
        {{"delivery.timeout.ms", "9000"}, PRODUCER, "message.timeout.ms", "9000"},
        {{"linger.ms", "7"}, PRODUCER, "linger.ms", "7"},
        {{"batch.size", "16384"}, PRODUCER, "batch.size", "16384"},
        {{"compression.type", "zstd"}, PRODUCER, "compression.codec", "zstd"},
        {{"retries", "12"}, PRODUCER, "message.send.max.retries", "12"},
        {{"acks", "all"}, PRODUCER, "acks", "-1"},
        {{"metadata.max.age.ms", "5000"}, ADMIN, "topic.metadata.refresh.interval.ms", "5000"},
        {{"reconnect.backoff.ms", "70"}, ADMIN, "reconnect.backoff.ms", "70"},
        {{"reconnect.backoff.max.ms", "700"}, PRODUCER, "reconnect.backoff.max.ms", "700"},
        {{"retry.backoff.ms", "70"}, PRODUCER, "retry.backoff.ms", "70"},
        {{"request.timeout.ms", "7000"}, PRODUCER, "socket.timeout.ms", "7000"},
        {{"receive.buffer.bytes", "-1"}, INPUT, "socket.receive.buffer.bytes", "0"},
        {{"send.buffer.bytes", "70000"}, INPUT, "socket.send.buffer.bytes", "70000"},
        {{"connections.max.idle.ms", "70000"}, INPUT, "connections.max.idle.ms", "70000"},
        {{"transaction.timeout.ms", "7000"}, TRANSACTIONAL, "transaction.timeout.ms", "7000"},
    };
    ASSERT_EXPECTATIONS(list);
}

static void the_narrowest_name_of_a_property_wins(void **state)
{
    (void)state;
    static const expectation list[] = {
        {{"consumer.fetch.max.wait.ms", "2", "fetch.max.wait.ms", "1"},
         INPUT,
         "fetch.wait.max.ms",
         "2"},
        {{"main.consumer.fetch.max.wait.ms", "3", "consumer.fetch.max.wait.ms", "2"},
         INPUT,
         "fetch.wait.max.ms",
         "3"},
        {{"main.consumer.fetch.max.wait.ms", "3", "consumer.fetch.max.wait.ms", "2"},
         CHANGELOG,
         "fetch.wait.max.ms",
         "2"},
        {{"restore.consumer.fetch.max.wait.ms", "4"}, CHANGELOG, "fetch.wait.max.ms", "4"},
        {{"global.consumer.fetch.max.wait.ms", "5"}, GLOBAL, "fetch.wait.max.ms", "5"},
        {{"main.consumer.fetch.max.wait.ms", "3", "consumer.fetch.max.wait.ms", "2"},
         READER,
         "fetch.wait.max.ms",
         "2"},
        {{"producer.request.timeout.ms", "2000", "request.timeout.ms", "3000"},
         PRODUCER,
         "socket.timeout.ms",
         "2000"},
        {{"producer.request.timeout.ms", "2000", "request.timeout.ms", "3000"},
         ADMIN,
         "socket.timeout.ms",
         "3000"},
        {{"admin.request.timeout.ms", "4000"}, ADMIN, "socket.timeout.ms", "4000"},
        /* librdkafka's own names stand behind a prefix */
        {{"consumer.queued.max.messages.kbytes", "777"},
         INPUT,
         "queued.max.messages.kbytes",
         "777"},
        {{"producer.queue.buffering.max.messages", "777"},
         PRODUCER,
         "queue.buffering.max.messages",
         "777"},
    };
    ASSERT_EXPECTATIONS(list);
}

static void what_the_library_stands_on_cannot_be_changed(void **state)
{
    (void)state;
    static const expectation list[] = {
        {{"consumer.enable.partition.eof", "false"}, INPUT, "enable.partition.eof", "true"},
        {{"enable.auto.commit", "true"}, INPUT, "enable.auto.commit", "false"},
        {{"auto.offset.reset", "latest"}, INPUT, "auto.offset.reset", "error"},
        {{"group.id", "mine"}, INPUT, "group.id", ""},
        {{"producer.transactional.id", "mine"}, TRANSACTIONAL, "transactional.id", "orders-1"},
        {{"producer.transactional.id", "mine"}, PRODUCER, "transactional.id", ""},
        {{"producer.client.id", "mine"}, PRODUCER, "client.id", "orders-client"},
        {{"consumer.bootstrap.servers", "x:1"}, INPUT, "bootstrap.servers", "one:9092,two"},
        {{"enable.idempotence", "false"}, TRANSACTIONAL, "enable.idempotence", "true"},
    };
    ASSERT_EXPECTATIONS(list);
}

static void properties_that_exclude_one_another_are_settled_as_in_java(void **state)
{
    (void)state;
    static const expectation list[] = {
        {{NULL}, PRODUCER, "enable.idempotence", "true"},
        {{"acks", "1"}, PRODUCER, "enable.idempotence", "false"},
        {{"max.in.flight.requests.per.connection", "6"}, PRODUCER, "enable.idempotence", "false"},
        {{"max.in.flight.requests.per.connection", "5"}, PRODUCER, "enable.idempotence", "true"},
        {{"enable.idempotence", "true", "acks", "all"}, PRODUCER, "enable.idempotence", "true"},
        {{NULL}, PRODUCER, "message.timeout.ms", "120000"},
        {{NULL}, TRANSACTIONAL, "transaction.timeout.ms", "10000"},
        {{NULL}, TRANSACTIONAL, "message.timeout.ms", "10000"},
        {{"delivery.timeout.ms", "20000"}, TRANSACTIONAL, "message.timeout.ms", "10000"},
        {{"delivery.timeout.ms", "2000"}, TRANSACTIONAL, "message.timeout.ms", "2000"},
        {{"transaction.timeout.ms", "7000"}, TRANSACTIONAL, "socket.timeout.ms", "7000"},
        {{"reconnect.backoff.ms", "5000"}, INPUT, "reconnect.backoff.max.ms", "5000"},
        {{"fetch.max.wait.ms", "90000"}, INPUT, "socket.timeout.ms", "91000"},
        {{"max.partition.fetch.bytes", "90000000"}, INPUT, "fetch.max.bytes", "90000000"},
        {{"fetch.max.bytes", "200000000"}, INPUT, "receive.message.max.bytes", "200000512"},
        /* a level is for its own compression only */
        {{"compression.type", "gzip", "compression.gzip.level", "2", "compression.lz4.level", "9"},
         PRODUCER,
         "compression.level",
         "2"},
    };
    ASSERT_EXPECTATIONS(list);
}

/* librdkafka looks at how properties go together when a client is made. */
static void every_client_can_be_made(void **state)
{
    (void)state;
    for (int role = 0; role < KSI_KAFKA_ROLES; role++) {
        ks_error error = {0};
        char reason[256] = "";
        rd_kafka_conf_t *conf = conf_of((ksi_kafka_role)role, NULL, &error);
        assert_non_null(conf);
        rd_kafka_t *handle = rd_kafka_new(
            ksi_kafka_role_produces((ksi_kafka_role)role) ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER,
            conf, reason, sizeof reason);
        if (handle == NULL) {
            fail_msg("role %d: %s", role, reason);
        }
        rd_kafka_destroy(handle);
    }
}

static void exactly_once_reads_committed_records_whatever_is_set(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_config *config =
        config_of((const char *const[]){"consumer.isolation.level", "read_uncommitted", NULL});
    const ksi_kafka_client_options options = {.role = INPUT,
                                              .bootstrap_servers = "one",
                                              .client_id = "c",
                                              .config = config,
                                              .reads_committed = true};
    rd_kafka_conf_t *conf = ksi_kafka_client_conf(&options, &error);
    assert_non_null(conf);
    assert_set(conf, "isolation.level", "read_committed");
    rd_kafka_conf_destroy(conf);
    ks_config_free(config);
    conf = conf_of(INPUT, NULL, &error);
    assert_set(conf, "isolation.level", "read_uncommitted");
    rd_kafka_conf_destroy(conf);
}

/* Else an application that reads committed records would wait for an end it never comes to. */
static void inputs_end_where_they_are_read_to(void **state)
{
    (void)state;
    ks_error error = {0};
    static const char *const names[] = {"isolation.level", "consumer.isolation.level",
                                        "main.consumer.isolation.level"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        ks_config *config = config_of((const char *const[]){names[i], "read_committed", NULL});
        rd_kafka_conf_t *conf = conf_of(ADMIN, config, &error);
        assert_non_null(conf);
        assert_set(conf, "isolation.level", "read_committed");
        rd_kafka_conf_destroy(conf);
        conf = conf_of(KSI_KAFKA_UNCOMMITTED, config, &error);
        assert_non_null(conf);
        assert_set(conf, "isolation.level", "read_uncommitted");
        rd_kafka_conf_destroy(conf);
        ks_config_free(config);
    }
    rd_kafka_conf_t *conf = conf_of(ADMIN, NULL, &error);
    assert_set(conf, "isolation.level", "read_uncommitted");
    rd_kafka_conf_destroy(conf);
}

static void a_value_that_librdkafka_refuses_is_named_as_it_was_written(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_config *config =
        config_of((const char *const[]){"consumer.fetch.max.wait.ms", "soon", NULL});
    assert_null(conf_of(INPUT, config, &error));
    assert_int_equal(error.code, KS_E_CONFIG);
    assert_string_equal(error.where, "consumer.fetch.max.wait.ms");
    assert_non_null(strstr(error.message, "\"soon\""));
    assert_non_null(strstr(error.message, "fetch.wait.max.ms"));
    ks_config_free(config);
}

static void connections_that_are_not_plain_are_not_built(void **state)
{
    (void)state;
    static const char *const names[] = {"security.protocol", "consumer.security.protocol"};
    for (size_t i = 0; i < 2; i++) {
        ks_error error = {0};
        ks_config *config = config_of((const char *const[]){names[i], "SASL_SSL", NULL});
        assert_null(conf_of(INPUT, config, &error));
        assert_int_equal(error.code, KS_E_NOT_BUILT);
        assert_string_equal(error.where, "security.protocol");
        assert_non_null(strstr(error.message, "SASL_SSL"));
        ks_config_free(config);
    }
}

/* ---- what does nothing ----------------------------------------------------------------------- */

static void note_line(ks_log_level level, const char *where, const char *message, void *user)
{
    char *lines = user;
    size_t length = strlen(lines);
    assert_int_equal(level, KS_LOG_LEVEL_WARN);
    (void)snprintf(lines + length, 1024 - length, "%s: %s\n", where, message);
}

static void each_property_that_does_nothing_gets_one_line(void **state)
{
    (void)state;
    char lines[1024] = "";
    ksi_logger logger;
    ksi_logger_init(&logger, note_line, lines, KS_LOG_LEVEL_DEBUG);
    ks_config *config = config_of((const char *const[]){
        "max.block.ms", "7", "consumer.max.poll.records", "9", "consumer.enable.partition.eof",
        "false", "sasl.mechanism", "PLAIN",
        /* these do something, here or elsewhere */
        "acks", "all", "session.timeout.ms", "6000", "client.dns.lookup", "use_all_dns_ips",
        "admin.debug", "all", "request.timeout.ms", "9000", "application.id", "orders",
        "topic.retention.ms", "9", "group.id", "x", NULL});
    ksi_kafka_client_notices(config, NULL, &logger);
    assert_string_equal(lines,
                        "max.block.ms: has no counterpart in librdkafka and does nothing\n"
                        "consumer.max.poll.records: has no counterpart in librdkafka and does "
                        "nothing\n"
                        "consumer.enable.partition.eof: ignored: the library sets it as it needs "
                        "it\n"
                        "sasl.mechanism: does nothing: security.protocol is PLAINTEXT\n");
    ksi_logger_destroy(&logger);

    /* Whoever opens another transport to the same cluster has been told. */
    char again[1024] = "";
    ksi_logger_init(&logger, note_line, again, KS_LOG_LEVEL_DEBUG);
    ksi_kafka_client_notices(config, config, &logger);
    assert_string_equal(again, "");
    ks_config *changed = config_of((const char *const[]){"max.block.ms", "8", NULL});
    ksi_kafka_client_notices(changed, config, &logger);
    assert_string_equal(again, "max.block.ms: has no counterpart in librdkafka and does nothing\n");
    ks_config_free(changed);
    ks_config_free(config);
    ksi_logger_destroy(&logger);
}

static void a_call_waits_for_ten_seconds_at_the_most(void **state)
{
    (void)state;
    assert_int_equal(ksi_kafka_call_timeout_ms(NULL), 10000);
    ks_config *config = config_of((const char *const[]){"default.api.timeout.ms", "3000", NULL});
    assert_int_equal(ksi_kafka_call_timeout_ms(config), 3000);
    ks_config_free(config);
    config = config_of((const char *const[]){"admin.default.api.timeout.ms", "60000", NULL});
    assert_int_equal(ksi_kafka_call_timeout_ms(config), 10000);
    ks_config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(javas_names_become_librdkafkas),
        cmocka_unit_test(the_narrowest_name_of_a_property_wins),
        cmocka_unit_test(what_the_library_stands_on_cannot_be_changed),
        cmocka_unit_test(properties_that_exclude_one_another_are_settled_as_in_java),
        cmocka_unit_test(every_client_can_be_made),
        cmocka_unit_test(exactly_once_reads_committed_records_whatever_is_set),
        cmocka_unit_test(inputs_end_where_they_are_read_to),
        cmocka_unit_test(a_value_that_librdkafka_refuses_is_named_as_it_was_written),
        cmocka_unit_test(connections_that_are_not_plain_are_not_built),
        cmocka_unit_test(each_property_that_does_nothing_gets_one_line),
        cmocka_unit_test(a_call_waits_for_ten_seconds_at_the_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
