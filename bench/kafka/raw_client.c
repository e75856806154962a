/* SPDX-License-Identifier: Apache-2.0 */
/*
 * raw_client.c - what librdkafka costs without any library above it: the ceiling of `make
 * bench-kafka`.
 *
 *     raw_client consume SERVERS TOPIC COUNT         reads COUNT records
 *     raw_client pass SERVERS INPUT OUTPUT COUNT     reads and writes each, key and all
 *
 * The loops are as quick as librdkafka's users know to write them: the consumer has no group and
 * its partitions go to one queue that is read in large batches; records are sent through a topic
 * handle to the partition they came from, which is that of their key, and delivery reports come as
 * events, many at a time. They convert nothing, commit nothing and keep nothing, so no engine can
 * be quicker; the distance to them is what an engine costs.
 *
 * Prints one line of JSON with the fields of ks-bench that are about cost.
 *
 * Thread rule: one thread, beside librdkafka's own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <kstreams/value.h>
#include <librdkafka/rdkafka.h>

#include "cost.h"

enum { BATCH = 10000, WAIT_MS = 50, FULL_QUEUE_WAIT_MS = 10 };

typedef struct setting {
    const char *name;
    const char *value;
} setting;

static const setting consumer_settings[] = {{"enable.partition.eof", "false"},
                                            {"auto.offset.reset", "error"},
                                            {"fetch.wait.max.ms", "50"},
                                            {"queued.min.messages", "1000000"},
                                            {"queued.max.messages.kbytes", "65536"},
                                            {"check.crcs", "false"},
                                            {"socket.receive.buffer.bytes", "262144"}};

static const setting producer_settings[] = {
    {"enable.idempotence", "true"}, {"linger.ms", "100"},
    {"batch.size", "1000000"},      {"queue.buffering.max.messages", "1000000"},
    {"partitioner", "murmur2"},     {"queue.buffering.max.kbytes", "131072"}};

static _Noreturn void give_up(const char *what, const char *why)
{
    fprintf(stderr, "raw_client: %s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

static rd_kafka_t *open_client(rd_kafka_type_t type, const char *servers)
{
    const setting *settings = type == RD_KAFKA_CONSUMER ? consumer_settings : producer_settings;
    size_t count = type == RD_KAFKA_CONSUMER ? sizeof consumer_settings / sizeof *consumer_settings
                                             : sizeof producer_settings / sizeof *producer_settings;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[512];

    if (rd_kafka_conf_set(conf, "bootstrap.servers", servers, why, sizeof why) !=
        RD_KAFKA_CONF_OK) {
        give_up("bootstrap.servers", why);
    }
    for (size_t i = 0; i < count; i++) {
        if (rd_kafka_conf_set(conf, settings[i].name, settings[i].value, why, sizeof why) !=
            RD_KAFKA_CONF_OK) {
            give_up(settings[i].name, why);
        }
    }
    if (type == RD_KAFKA_PRODUCER) {
        rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR);
    }
    rd_kafka_t *client = rd_kafka_new(type, conf, why, sizeof why);
    if (client == NULL) {
        give_up("no client", why);
    }
    return client;
}

/* ---- producing ------------------------------------------------------------------------------- */

typedef struct sink {
    rd_kafka_t *client;
    rd_kafka_topic_t *topic;
    rd_kafka_queue_t *events;
    uint64_t sent;
    uint64_t delivered;
} sink;

static sink open_sink(const char *servers, const char *topic)
{
    sink s = {.client = open_client(RD_KAFKA_PRODUCER, servers)};

    s.topic = rd_kafka_topic_new(s.client, topic, NULL);
    s.events = rd_kafka_queue_get_main(s.client);
    if (s.topic == NULL) {
        give_up(topic, rd_kafka_err2str(rd_kafka_last_error()));
    }
    return s;
}

static void take_reports(sink *s, int wait_ms)
{
    const rd_kafka_message_t *message;
    rd_kafka_event_t *event = rd_kafka_queue_poll(s->events, wait_ms);

    while (event != NULL) {
        while ((message = rd_kafka_event_message_next(event)) != NULL) {
            if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
                give_up("not delivered", rd_kafka_err2str(message->err));
            }
            s->delivered++;
        }
        rd_kafka_event_destroy(event);
        event = rd_kafka_queue_poll(s->events, 0);
    }
}

typedef struct outgoing {
    ks_slice key;
    ks_slice value;
    int64_t timestamp;
    int32_t partition;
} outgoing;

static rd_kafka_resp_err_t produce(sink *s, const outgoing *record)
{
    rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = s->topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = record->partition},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = record->timestamp},
        {.vtype = RD_KAFKA_VTYPE_KEY,
         .u.mem = {.ptr = (void *)(uintptr_t)record->key.data, .size = record->key.size}},
        {.vtype = RD_KAFKA_VTYPE_VALUE,
         .u.mem = {.ptr = (void *)(uintptr_t)record->value.data, .size = record->value.size}},
    };
    rd_kafka_error_t *error = rd_kafka_produceva(s->client, parts, sizeof parts / sizeof *parts);
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);

    rd_kafka_error_destroy(error);
    return code;
}

static void send_record(sink *s, const outgoing *record)
{
    rd_kafka_resp_err_t code = produce(s, record);

    while (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        take_reports(s, FULL_QUEUE_WAIT_MS);
        code = produce(s, record);
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        give_up("not sent", rd_kafka_err2str(code));
    }
    s->sent++;
}

static void close_sink(sink *s)
{
    while (s->delivered < s->sent) {
        take_reports(s, WAIT_MS);
    }
    rd_kafka_queue_destroy(s->events);
    rd_kafka_topic_destroy(s->topic);
    rd_kafka_destroy(s->client);
}

static int32_t partition_count(rd_kafka_t *client, const char *topic)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);
    rd_kafka_resp_err_t code = rd_kafka_metadata(client, 0, handle, &metadata, 10000);

    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && metadata->topic_cnt == 1) {
        code = metadata->topics[0].err;
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        give_up(topic, rd_kafka_err2str(code));
    }
    int32_t count = metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(handle);
    return count;
}

/* ---- consuming ------------------------------------------------------------------------------- */

static void pass_on(sink *s, const rd_kafka_message_t *message)
{
    outgoing record = {
        .key = ks_slice_of(message->key, message->key_len),
        .value = ks_slice_of(message->payload, message->len),
        .timestamp = rd_kafka_message_timestamp(message, NULL),
        .partition = message->partition,
    };
    send_record(s, &record);
}

/* Reads `count` records; `s` NULL: and forgets them. */
static void consume(const char *servers, const char *topic, uint64_t count, sink *s)
{
    static rd_kafka_message_t *messages[BATCH];
    rd_kafka_t *client = open_client(RD_KAFKA_CONSUMER, servers);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    int32_t partitions = partition_count(client, topic);
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);
    uint64_t seen = 0;

    for (int32_t p = 0; p < partitions; p++) {
        if (rd_kafka_consume_start_queue(handle, p, RD_KAFKA_OFFSET_BEGINNING, queue) != 0) {
            give_up(topic, rd_kafka_err2str(rd_kafka_last_error()));
        }
    }
    while (seen < count) {
        ssize_t got = rd_kafka_consume_batch_queue(queue, WAIT_MS, messages, BATCH);
        for (ssize_t i = 0; i < got; i++) {
            if (messages[i]->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
                give_up(topic, rd_kafka_message_errstr(messages[i]));
            }
            if (s != NULL) {
                pass_on(s, messages[i]);
            }
            rd_kafka_message_destroy(messages[i]);
        }
        seen += got > 0 ? (uint64_t)got : 0;
        if (s != NULL) {
            take_reports(s, 0);
        }
    }
    for (int32_t p = 0; p < partitions; p++) {
        (void)rd_kafka_consume_stop(handle, p);
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_topic_destroy(handle);
    rd_kafka_destroy(client);
}

/* ---- the program ----------------------------------------------------------------------------- */

static uint64_t number_of(const char *text)
{
    char *end;
    uint64_t number = strtoull(text, &end, 10);

    if (end == text || *end != '\0' || number == 0) {
        give_up(text, "is no number of records");
    }
    return number;
}

int main(int argc, char **argv)
{
    int64_t began_ns = bench_now_ns();
    const char *job = argc > 1 ? argv[1] : "";

    if (strcmp(job, "consume") == 0 && argc == 5) {
        consume(argv[2], argv[3], number_of(argv[4]), NULL);
    } else if (strcmp(job, "pass") == 0 && argc == 6) {
        sink s = open_sink(argv[2], argv[4]);
        consume(argv[2], argv[3], number_of(argv[5]), &s);
        close_sink(&s);
    } else {
        give_up("usage",
                "raw_client consume SERVERS TOPIC COUNT | pass SERVERS INPUT OUTPUT COUNT");
    }
    bench_print_cost(job, number_of(argv[argc - 1]), began_ns);
    return EXIT_SUCCESS;
}
