/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_log.c - log.h: opening, topics, producing and reading back; test_transport_contract.c has
 * what lies below.
 */
#include "base/arena.h"
#include "base/thread.h"
#include "transport/log_handle.h"
#include <kstreams/options.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

/* ---- helpers --------------------------------------------------------------------------------- */

static ks_log *open_log(void)
{
    ks_error error = {0};
    ks_log *log = ks_log_open("embedded:", &error);
    assert_non_null(log);
    return log;
}

static void create(ks_log *log, const char *topic, int32_t partitions)
{
    ks_error error = {0};
    assert_int_equal(ks_log_create_topic(log, topic, partitions, &error), KS_OK);
}

static void produce(ks_log *log, const char *topic, const char *key, const char *value,
                    int32_t partition)
{
    ks_error error = {0};
    ks_log_record record = {.key = ks_slice_cstr(key),
                            .value = ks_slice_cstr(value),
                            .timestamp = 7,
                            .partition = partition};
    assert_int_equal(ks_log_produce(log, topic, &record, &error), KS_OK);
}

static void assert_slice(ks_slice slice, const char *text)
{
    assert_true(ks_slice_equal(slice, ks_slice_cstr(text)));
}

static ksi_topic_partition at(const char *topic, int32_t partition)
{
    return (ksi_topic_partition){.topic = topic, .partition = partition};
}

/* ---- opening --------------------------------------------------------------------------------- */

static void a_cluster_that_does_not_answer_is_refused_with_what_the_socket_said(void **state)
{
    (void)state;
    ks_error error = {0};
    assert_null(ks_log_open("127.0.0.1:1", &error)); /* nobody listens there */
    assert_int_equal(error.code, KS_E_IO);
    assert_string_equal(error.where, "bootstrap.servers");
    assert_non_null(strstr(error.message, "no broker answers at 127.0.0.1:1"));
    assert_non_null(strstr(error.message, "Connection refused"));
}

static void a_log_takes_properties_of_its_clients(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_config *config = ks_config_new();
    assert_int_equal(ks_config_set(config, "consumer.fetch.max.wait.ms", "soon", &error), KS_OK);
    assert_null(ks_log_open_with("127.0.0.1:1", KS_LOG_OPTIONS(.config = config), &error));
    assert_int_equal(error.code, KS_E_CONFIG);
    assert_string_equal(error.where, "consumer.fetch.max.wait.ms");
    ks_log *log = ks_log_open_with("embedded:", KS_LOG_OPTIONS(.config = config), &error);
    assert_non_null(log); /* which has none */
    ks_log_free(log);
    ks_config_free(config);
}

static void what_is_no_log_is_refused(void **state)
{
    (void)state;
    ks_error error = {0};
    assert_null(ks_log_open("embedded:/dev/null/log", &error));
    assert_int_equal(error.code, KS_E_IO);
    assert_non_null(strstr(error.message, "/dev/null"));

    error = (ks_error){0};
    assert_null(ks_log_open("no address", &error));
    assert_int_equal(error.code, KS_E_CONFIG);
    assert_string_equal(error.where, "bootstrap.servers");

    error = (ks_error){0};
    assert_null(ks_log_open(NULL, &error));
    assert_int_equal(error.code, KS_E_ARGUMENT);
    ks_log_free(NULL);
}

static void two_logs_share_nothing(void **state)
{
    (void)state;
    ks_log *one = open_log();
    ks_log *other = open_log();
    create(one, "topic", 1);
    assert_int_equal(ks_log_partition_count(one, "topic"), 1);
    assert_int_equal(ks_log_partition_count(other, "topic"), 0);
    ks_log_free(one);
    ks_log_free(other);
}

static void a_transport_outlives_the_handle_it_came_from(void **state)
{
    (void)state;
    ks_log *log = open_log();
    create(log, "topic", 2);
    ksi_transport *transport = ksi_log_transport(log);
    ks_log_free(log);
    int32_t count = 0;
    assert_int_equal(transport->class->partition_count(transport, "topic", &count, NULL), KS_OK);
    assert_int_equal(count, 2);
    transport->class->release(transport);
}

/* ---- topics ---------------------------------------------------------------------------------- */

static void topics_are_named_by_kafkas_rules(void **state)
{
    (void)state;
    ks_log *log = open_log();
    char longest[251];
    memset(longest, 'a', sizeof longest);
    longest[249] = '\0';
    create(log, longest, 1);
    create(log, "A.z_0-9", 1);
    longest[249] = 'a';
    longest[250] = '\0';
    const char *refused[] = {"", ".", "..", "two words", "a/b", "\xc3\xa9", longest};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        ks_error error = {0};
        assert_int_equal(ks_log_create_topic(log, refused[i], 1, &error), KS_E_ARGUMENT);
        assert_true(error.message[0] != '\0');
        assert_int_equal(ks_log_partition_count(log, refused[i]), 0);
    }
    ks_log_free(log);
}

static void a_topic_is_created_once_with_one_count(void **state)
{
    (void)state;
    ks_log *log = open_log();
    ks_error error = {0};
    assert_int_equal(ks_log_create_topic(log, "topic", 0, &error), KS_E_ARGUMENT);
    create(log, "topic", 3);
    create(log, "topic", 3);
    assert_int_equal(ks_log_create_topic(log, "topic", 4, &error), KS_E_ARGUMENT);
    assert_string_equal(error.where, "topic");
    assert_int_equal(ks_log_partition_count(log, "topic"), 3);
    ks_log_free(log);
}

/* ---- producing and reading ------------------------------------------------------------------- */

static void what_was_produced_is_read_back(void **state)
{
    (void)state;
    ks_log *log = open_log();
    create(log, "topic", 1);
    ks_arena arena;
    ksi_arena_init(&arena, 0);
    ks_log_record record = {
        .key = ks_slice_cstr("k"),
        .value = ks_slice_cstr("v"),
        .timestamp = 1234,
        .partition = 0,
        .offset = 99,
        .headers = ks_headers_with(&arena, NULL, ks_slice_cstr("h"), ks_slice_cstr("1"))};
    record.headers = ks_headers_with(&arena, record.headers, ks_slice_cstr("n"), ks_slice_null());
    ks_error error = {0};
    assert_int_equal(ks_log_produce(log, "topic", &record, &error), KS_OK);
    ksi_arena_destroy(&arena); /* the log has its own copy of all of it */

    ks_log_reader *reader = ks_log_reader_open(log, "topic", &error);
    assert_non_null(reader);
    ks_log_record read = {0};
    assert_true(ks_log_reader_next(reader, &read));
    assert_slice(read.key, "k");
    assert_slice(read.value, "v");
    assert_int_equal(read.timestamp, 1234);
    assert_int_equal(read.partition, 0);
    assert_int_equal(read.offset, 0);
    assert_int_equal(ks_headers_count(read.headers), 2);
    assert_slice(ks_headers_at(read.headers, 0).name, "h");
    assert_slice(ks_headers_at(read.headers, 0).value, "1");
    assert_slice(ks_headers_at(read.headers, 1).name, "n");
    assert_null(ks_headers_at(read.headers, 1).value.data);
    assert_false(ks_log_reader_next(reader, &read));
    produce(log, "topic", "k2", "v2", 0);
    assert_true(ks_log_reader_next(reader, &read));
    assert_slice(read.value, "v2");
    assert_int_equal(read.offset, 1);
    ks_log_reader_free(reader);
    ks_log_free(log);
}

static void null_is_not_empty(void **state)
{
    (void)state;
    ks_log *log = open_log();
    create(log, "topic", 1);
    produce(log, "topic", NULL, NULL, 0);
    produce(log, "topic", "", "", 0);
    ks_error error = {0};
    const ks_log_record odd = {.key = {.data = NULL, .size = 3},
                               .value = {.data = NULL, .size = 9}};
    assert_int_equal(ks_log_produce(log, "topic", &odd, &error), KS_OK);
    produce(log, "topic", "last", "one", 0);
    ks_log_reader *reader = ks_log_reader_open(log, "topic", &error);
    ks_log_record read = {0};
    assert_true(ks_log_reader_next(reader, &read));
    assert_null(read.key.data);
    assert_null(read.value.data);
    assert_true(ks_log_reader_next(reader, &read));
    assert_non_null(read.key.data);
    assert_non_null(read.value.data);
    assert_int_equal(read.key.size + read.value.size, 0);
    assert_true(ks_log_reader_next(reader, &read)); /* null, whatever its size said */
    assert_null(read.key.data);
    assert_int_equal(read.key.size + read.value.size, 0);
    assert_true(ks_log_reader_next(reader, &read));
    assert_slice(read.value, "one");
    ks_log_reader_free(reader);
    ks_log_free(log);
}

static void a_missing_timestamp_becomes_now(void **state)
{
    (void)state;
    ks_log *log = open_log();
    create(log, "topic", 1);
    ks_error error = {0};
    ks_log_record record = {.timestamp = -1, .partition = 0};
    assert_int_equal(ks_log_produce(log, "topic", &record, &error), KS_OK);
    record.timestamp = -2;
    assert_int_equal(ks_log_produce(log, "topic", &record, &error), KS_E_ARGUMENT);
    ks_log_reader *reader = ks_log_reader_open(log, "topic", &error);
    ks_log_record read = {0};
    assert_true(ks_log_reader_next(reader, &read));
    assert_true(read.timestamp > 1600000000000);
    assert_false(ks_log_reader_next(reader, &read));
    ks_log_reader_free(reader);
    ks_log_free(log);
}

static void keys_choose_partitions_as_javas_producer_does(void **state)
{
    (void)state;
    ks_log *log = open_log();
    create(log, "topic", 4);
    const char *keys[] = {"a", "b", "c", "alpha", "", "a much longer key than the others"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        produce(log, "topic", keys[i], "v", -1);
    }
    ks_error error = {0};
    ks_log_reader *reader = ks_log_reader_open(log, "topic", &error);
    ks_log_record read = {0};
    size_t count = 0;
    while (ks_log_reader_next(reader, &read)) {
        assert_int_equal(read.partition, ks_partition_of_key(read.key, 4));
        count++;
    }
    assert_int_equal(count, sizeof keys / sizeof keys[0]);
    ks_log_reader_free(reader);
    ks_log_free(log);
}

static void records_without_a_key_take_turns(void **state)
{
    (void)state;
    ks_log *log = open_log();
    create(log, "three", 3);
    create(log, "two", 2);
    for (int i = 0; i < 6; i++) {
        produce(log, "three", NULL, "v", -1);
        produce(log, "two", NULL, "v", -1);
    }
    ksi_transport *transport = ksi_log_transport(log);
    int64_t begin = 0;
    int64_t end = 0;
    for (int32_t i = 0; i < 3; i++) {
        assert_int_equal(transport->class->offsets(transport, at("three", i), &begin, &end, NULL),
                         KS_OK);
        assert_int_equal(end, 2);
    }
    for (int32_t i = 0; i < 2; i++) {
        assert_int_equal(transport->class->offsets(transport, at("two", i), &begin, &end, NULL),
                         KS_OK);
        assert_int_equal(end, 3);
    }
    transport->class->release(transport);
    ks_log_free(log);
}

static void producing_names_what_is_missing(void **state)
{
    (void)state;
    ks_log *log = open_log();
    create(log, "topic", 2);
    ks_error error = {0};
    ks_log_record record = {.timestamp = 0, .partition = -1};
    assert_int_equal(ks_log_produce(log, "nowhere", &record, &error), KS_E_UNKNOWN_TOPIC);
    assert_string_equal(error.where, "nowhere");
    record.partition = 0;
    assert_int_equal(ks_log_produce(log, "nowhere", &record, &error), KS_E_UNKNOWN_TOPIC);
    record.partition = 2;
    assert_int_equal(ks_log_produce(log, "topic", &record, &error), KS_E_ARGUMENT);
    assert_null(ks_log_reader_open(log, "nowhere", &error));
    assert_int_equal(error.code, KS_E_UNKNOWN_TOPIC);
    ks_log_free(log);
}

/* ---- many records, and from where ------------------------------------------------------------ */

static void send_numbers(ks_log *log, const char *topic, int count)
{
    ks_error error = {0};
    ks_log_producer *producer = ks_log_producer_open(log, &error);
    assert_non_null(producer);
    for (int i = 0; i < count; i++) {
        char value[16];
        (void)snprintf(value, sizeof value, "%d", i);
        const ks_log_record record = {
            .value = ks_slice_cstr(value), .timestamp = 100 + i, .partition = -1};
        assert_int_equal(ks_log_producer_send(producer, topic, &record, &error), KS_OK);
    }
    assert_int_equal(ks_log_producer_flush(producer, &error), KS_OK);
    ks_log_producer_free(producer);
}

/* The values that a reader gives now, each behind a blank. */
static void assert_reads(ks_log_reader *reader, const char *wanted)
{
    char text[128] = "";
    ks_log_record record = {0};
    assert_non_null(reader);
    while (ks_log_reader_next(reader, &record)) {
        size_t length = strlen(text);
        (void)snprintf(text + length, sizeof text - length, " %.*s", (int)record.value.size,
                       record.value.data);
    }
    assert_string_equal(text, wanted);
    assert_int_equal(ks_log_reader_status(reader, NULL), KS_OK);
}

static void assert_reads_from(ks_log *log, const ks_log_reader_options *options, const char *wanted)
{
    ks_error error = {0};
    ks_log_reader *reader = ks_log_reader_open_at(log, "topic", options, &error);
    assert_reads(reader, wanted);
    ks_log_reader_free(reader);
}

static void reading_begins_where_it_is_told_to(void **state)
{
    (void)state;
    ks_log *log = open_log();
    create(log, "topic", 2);
    send_numbers(log, "topic", 6); /* 0 2 4 in partition 0, 1 3 5 in partition 1 */
    const int32_t one[] = {1};
    const int32_t twice[] = {1, 1};
    const int32_t missing[] = {2};
    assert_reads_from(log, NULL, " 0 2 4 1 3 5");
    assert_reads_from(log, KS_LOG_READER_OPTIONS(.partitions = one, .partition_count = 1),
                      " 1 3 5");
    assert_reads_from(log, KS_LOG_READER_OPTIONS(.start = KS_LOG_START_END), "");
    assert_reads_from(log, KS_LOG_READER_OPTIONS(.start = KS_LOG_START_OFFSET, .at = 2), " 4 5");
    assert_reads_from(log, KS_LOG_READER_OPTIONS(.start = KS_LOG_START_TIMESTAMP, .at = 103),
                      " 4 3 5");
    ks_error error = {0};
    assert_null(ks_log_reader_open_at(
        log, "topic", KS_LOG_READER_OPTIONS(.start = KS_LOG_START_OFFSET, .at = 4), &error));
    assert_int_equal(error.code, KS_E_OUT_OF_RANGE);
    assert_null(ks_log_reader_open_at(
        log, "topic", KS_LOG_READER_OPTIONS(.partitions = twice, .partition_count = 2), &error));
    assert_int_equal(error.code, KS_E_ARGUMENT);
    assert_null(ks_log_reader_open_at(
        log, "topic", KS_LOG_READER_OPTIONS(.partitions = missing, .partition_count = 1), &error));
    assert_int_equal(error.code, KS_E_ARGUMENT);
    ks_log_free(log);
}

static void a_reader_knows_its_position_and_what_it_missed(void **state)
{
    (void)state;
    ks_log *log = open_log();
    create(log, "topic", 1);
    send_numbers(log, "topic", 5);
    ks_error error = {0};
    ks_log_reader *reader = ks_log_reader_open(log, "topic", &error);
    assert_int_equal(ks_log_reader_position(reader, 0), 0);
    assert_int_equal(ks_log_reader_position(reader, 1), -1);
    assert_reads(reader, " 0 1 2 3 4");
    assert_int_equal(ks_log_reader_position(reader, 0), 5);
    send_numbers(log, "topic", 4);
    assert_int_equal(ks_log_delete_records(log, "topic", 0, 7, &error), KS_OK);
    assert_reads(reader, " 2 3");
    assert_int_equal(ks_log_reader_skipped(reader), 2);
    assert_int_equal(ks_log_delete_topic(log, "topic", &error), KS_OK);
    ks_log_record record = {0};
    assert_false(ks_log_reader_next(reader, &record));
    assert_int_equal(ks_log_reader_status(reader, &error), KS_E_UNKNOWN_TOPIC);
    assert_int_equal(ks_log_reader_wait(reader, -1, &error), KS_E_UNKNOWN_TOPIC);
    ks_log_reader_free(reader);
    ks_log_free(log);
}

static void produce_one(void *user)
{
    produce(user, "topic", NULL, "late", 0);
}

static void a_reader_waits_for_more(void **state)
{
    (void)state;
    ks_log *log = open_log();
    create(log, "topic", 1);
    ks_error error = {0};
    ks_log_reader *reader = ks_log_reader_open(log, "topic", &error);
    assert_int_equal(ks_log_reader_wait(reader, 0, &error), KS_E_TIMEOUT);
    ksi_thread thread = {0};
    assert_int_equal(ksi_thread_start(&thread, "producer", produce_one, log), 0);
    assert_int_equal(ks_log_reader_wait(reader, -1, &error), KS_OK);
    ksi_thread_join(&thread);
    assert_reads(reader, " late");
    ks_log_reader_wake(reader);
    assert_int_equal(ks_log_reader_wait(reader, -1, &error), KS_OK);
    assert_reads(reader, "");
    ks_log_reader_free(reader);
    ks_log_free(log);
}

/* ---- topics, configurations, groups ---------------------------------------------------------- */

static void note_topic(const char *topic, int32_t partitions, void *user)
{
    size_t length = strlen(user);
    (void)snprintf((char *)user + length, 128 - length, "%s:%d ", topic, partitions);
}

static void note_set_config(const ks_topic_config *config, void *user)
{
    if (!config->is_default) {
        size_t length = strlen(user);
        (void)snprintf((char *)user + length, 128 - length, "%s=%s ", config->name, config->value);
    }
}

static void topics_are_listed_and_configured(void **state)
{
    (void)state;
    ks_log *log = open_log();
    ks_error error = {0};
    const ks_topic_config good[] = {{.name = "retention.ms", .value = "1000"}};
    const ks_topic_config bad[] = {{.name = "retention", .value = "1000"}};
    assert_int_equal(ks_log_create_configured_topic(log, "b", 2, good, 1, &error), KS_OK);
    assert_int_equal(ks_log_create_configured_topic(log, "c", 2, bad, 1, &error), KS_E_ARGUMENT);
    create(log, "a", 1);
    char text[128] = "";
    assert_int_equal(ks_log_each_topic(log, note_topic, text, &error), KS_OK);
    assert_string_equal(text, "a:1 b:2 ");
    assert_int_equal(ks_log_set_topic_config(log, "b", "cleanup.policy", "compact", &error), KS_OK);
    text[0] = '\0';
    assert_int_equal(ks_log_each_topic_config(log, "b", note_set_config, text, &error), KS_OK);
    assert_string_equal(text, "cleanup.policy=compact retention.ms=1000 ");
    assert_int_equal(ks_log_set_topic_config(log, "b", "retention.ms", NULL, &error), KS_OK);
    text[0] = '\0';
    assert_int_equal(ks_log_each_topic_config(log, "b", note_set_config, text, &error), KS_OK);
    assert_string_equal(text, "cleanup.policy=compact ");
    ks_log_free(log);
}

/* ---- reading to the end ---------------------------------------------------------------------- */

/* A log of one partition whose records come when a consumer has waited for them, as a cluster's. */
typedef struct slow_log {
    ksi_transport transport;
    ksi_consumer consumer;
    int64_t records;
    int64_t end; /* behind them may be the mark of a commit */
    int64_t position;
    bool has_come;
    int waits;
} slow_log;

#define SLOW_OF(member_, pointer_) \
    ((slow_log *)(void *)((char *)(pointer_)-offsetof(slow_log, member_)))

static void slow_reference(ksi_transport *transport)
{
    (void)transport;
}

static ks_status slow_partition_count(ksi_transport *transport, const char *topic, int32_t *count,
                                      ks_error *error)
{
    (void)transport;
    (void)topic;
    (void)error;
    *count = 1;
    return KS_OK;
}

static ks_status slow_offsets(ksi_transport *transport, ksi_topic_partition partition,
                              int64_t *begin, int64_t *end, ks_error *error)
{
    (void)partition;
    (void)error;
    *begin = 0;
    *end = SLOW_OF(transport, transport)->end;
    return KS_OK;
}

static ksi_consumer *slow_open_consumer(ksi_transport *transport, ksi_reads reads, ks_error *error)
{
    (void)error;
    assert_int_equal(reads, KSI_READS_LOG);
    return &SLOW_OF(transport, transport)->consumer;
}

static ks_status slow_assign(ksi_consumer *consumer, ksi_topic_partition partition, int64_t offset,
                             size_t *slot, ks_error *error)
{
    (void)partition;
    (void)error;
    SLOW_OF(consumer, consumer)->position = offset;
    *slot = 0;
    return KS_OK;
}

static ks_status slow_poll(ksi_consumer *consumer, size_t slot, ks_log_record *records,
                           size_t capacity, size_t *count, ks_error *error)
{
    slow_log *self = SLOW_OF(consumer, consumer);
    (void)slot;
    (void)capacity;
    (void)error;
    *count = 0;
    if (self->has_come && self->position < self->records) {
        records[(*count)++] = (ks_log_record){.offset = self->position++};
        self->has_come = false;
    } else if (self->has_come) {
        self->position = self->end;
    }
    return KS_OK;
}

static void slow_wait(ksi_consumer *consumer, int64_t timeout_ms)
{
    slow_log *self = SLOW_OF(consumer, consumer);
    assert_int_equal(timeout_ms, -1);
    assert_false(self->has_come); /* what it has was not looked at */
    assert_true(self->position < self->end);
    self->has_come = true;
    self->waits++;
}

static int64_t slow_position(ksi_consumer *consumer, size_t slot)
{
    (void)slot;
    return SLOW_OF(consumer, consumer)->position;
}

static void slow_close(ksi_consumer *consumer)
{
    (void)consumer;
}

static void a_reader_waits_for_what_is_on_its_way(void **state)
{
    static const ksi_transport_class transport_class = {.retain = slow_reference,
                                                        .release = slow_reference,
                                                        .partition_count = slow_partition_count,
                                                        .offsets = slow_offsets,
                                                        .open_consumer = slow_open_consumer};
    static const ksi_consumer_class consumer_class = {.assign = slow_assign,
                                                      .poll = slow_poll,
                                                      .wait = slow_wait,
                                                      .position = slow_position,
                                                      .close = slow_close};
    (void)state;
    slow_log slow = {
        .transport = {&transport_class}, .consumer = {&consumer_class}, .records = 2, .end = 3};
    ks_log *log = ksi_log_of(&slow.transport);
    ks_error error = {0};
    ks_log_reader *reader = ks_log_reader_open(log, "topic", &error);
    ks_log_record record = {0};
    assert_false(ks_log_reader_next(reader, &record));
    assert_true(ks_log_reader_next_to_end(reader, &record));
    assert_int_equal(record.offset, 0);
    assert_true(ks_log_reader_next_to_end(reader, &record));
    assert_int_equal(record.offset, 1);
    assert_false(ks_log_reader_next_to_end(reader, &record)); /* the mark was passed */
    assert_int_equal(slow.waits, 3);
    assert_int_equal(ks_log_reader_status(reader, &error), KS_OK);
    ks_log_reader_free(reader);
    ks_log_free(log);
}

static void a_reader_that_has_everything_does_not_wait(void **state)
{
    (void)state;
    ks_log *log = open_log();
    create(log, "topic", 2);
    send_numbers(log, "topic", 6);
    ks_error error = {0};
    ks_log_reader *reader = ks_log_reader_open(log, "topic", &error);
    ks_log_record record;
    for (int i = 0; i < 6; i++) {
        assert_true(ks_log_reader_next_to_end(reader, &record));
    }
    assert_false(ks_log_reader_next_to_end(reader, &record));
    assert_int_equal(ks_log_delete_topic(log, "topic", &error), KS_OK);
    assert_false(ks_log_reader_next_to_end(reader, &record));
    assert_int_equal(ks_log_reader_status(reader, &error), KS_E_UNKNOWN_TOPIC);
    ks_log_reader_free(reader);
    ks_log_free(log);
}

/* ---- groups ---------------------------------------------------------------------------------- */

static void note_offset(const ks_group_offset *offset, void *user)
{
    size_t length = strlen(user);
    (void)snprintf((char *)user + length, 128 - length, "%s-%d:%lld/%lld-%lld ", offset->topic,
                   offset->partition, (long long)offset->offset, (long long)offset->begin,
                   (long long)offset->end);
}

static void note_group(const char *group, void *user)
{
    size_t length = strlen(user);
    (void)snprintf((char *)user + length, 128 - length, "%s ", group);
}

static void count_member(const ks_group_member *member, void *user)
{
    assert_string_equal(member->client_id, "client");
    assert_int_equal(member->threads, 3);
    assert_int_equal(member->active_tasks, 1);
    assert_int_equal(member->active[0].subtopology, 0);
    assert_int_equal(member->active[0].partition, 1);
    assert_int_equal(member->standby_tasks, 0);
    assert_int_equal(member->input_count, 1);
    assert_string_equal(member->inputs[0].topic, "topic");
    assert_int_equal(member->inputs[0].partition, 1);
    (*(int *)user)++;
}

static void a_group_at_rest_is_moved_and_deleted(void **state)
{
    (void)state;
    ks_log *log = open_log();
    create(log, "topic", 2);
    send_numbers(log, "topic", 6);
    ks_error error = {0};
    ks_group_offset offsets[] = {{.topic = "topic", .partition = 0, .offset = 2},
                                 {.topic = "topic", .partition = 1, .offset = 4}};
    assert_int_equal(ks_log_set_group_offsets(log, "group", offsets, 2, &error), KS_E_OUT_OF_RANGE);
    offsets[1].offset = 3;
    assert_int_equal(ks_log_set_group_offsets(log, "group", offsets, 2, &error), KS_OK);
    char text[128] = "";
    assert_int_equal(ks_log_each_group_offset(log, "group", note_offset, text, &error), KS_OK);
    assert_string_equal(text, "topic-0:2/0-3 topic-1:3/0-3 ");

    const ksi_group_task task = {{0, 1}, false};
    const ksi_group_input input = {0, "topic", 2};
    const ksi_member_options options = {.group = "group",
                                        .process_id = "process",
                                        .client_id = "client",
                                        .capacity = 3,
                                        .session_timeout_ms = 1000,
                                        .inputs = &input,
                                        .input_count = 1,
                                        .tasks = &task,
                                        .task_count = 1};
    ksi_transport *transport = ksi_log_transport(log);
    ksi_membership *member = transport->class->join(transport, &options, 0, &error);
    assert_non_null(member);
    ksi_group_view view;
    assert_int_equal(member->class->poll(member, 0, &view, &error), KS_OK);
    int members = 0;
    assert_int_equal(ks_log_each_group_member(log, "group", count_member, &members, &error), KS_OK);
    assert_int_equal(members, 1);
    assert_int_equal(ks_log_set_group_offsets(log, "group", offsets, 2, &error), KS_E_STATE);
    assert_int_equal(ks_log_delete_group(log, "group", &error), KS_E_STATE);

    assert_int_equal(ks_log_remove_group_members(log, "group", &error), KS_OK);
    assert_int_equal(ks_log_remove_group_members(log, "nobody", &error), KS_OK);
    assert_int_equal(member->class->poll(member, 0, &view, &error), KS_E_FENCED);
    assert_int_equal(ks_log_set_group_offsets(log, "group", offsets, 2, &error), KS_OK);
    assert_int_equal(member->class->rejoin(member, 0, &error), KS_OK);
    assert_int_equal(ks_log_delete_group(log, "group", &error), KS_E_STATE);
    member->class->leave(member);
    transport->class->release(transport);

    assert_int_equal(ks_log_delete_group(log, "group", &error), KS_OK);
    text[0] = '\0';
    assert_int_equal(ks_log_each_group(log, note_group, text, &error), KS_OK);
    assert_string_equal(text, "");
    ks_log_free(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_log_is_refused),
        cmocka_unit_test(a_cluster_that_does_not_answer_is_refused_with_what_the_socket_said),
        cmocka_unit_test(a_log_takes_properties_of_its_clients),
        cmocka_unit_test(two_logs_share_nothing),
        cmocka_unit_test(a_transport_outlives_the_handle_it_came_from),
        cmocka_unit_test(topics_are_named_by_kafkas_rules),
        cmocka_unit_test(a_topic_is_created_once_with_one_count),
        cmocka_unit_test(what_was_produced_is_read_back),
        cmocka_unit_test(null_is_not_empty),
        cmocka_unit_test(a_missing_timestamp_becomes_now),
        cmocka_unit_test(keys_choose_partitions_as_javas_producer_does),
        cmocka_unit_test(records_without_a_key_take_turns),
        cmocka_unit_test(producing_names_what_is_missing),
        cmocka_unit_test(reading_begins_where_it_is_told_to),
        cmocka_unit_test(a_reader_knows_its_position_and_what_it_missed),
        cmocka_unit_test(a_reader_waits_for_more),
        cmocka_unit_test(topics_are_listed_and_configured),
        cmocka_unit_test(a_reader_waits_for_what_is_on_its_way),
        cmocka_unit_test(a_reader_that_has_everything_does_not_wait),
        cmocka_unit_test(a_group_at_rest_is_moved_and_deleted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
