/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mock_cluster.c - see mock_cluster.h.
 */
#include "mock_cluster.h"

static void log_nothing(const rd_kafka_t *handle, int level, const char *facility, const char *text)
{
    (void)handle, (void)level, (void)facility, (void)text;
}

static void open_transport(mock_fixture *self)
{
    const ksi_kafka_options options = {.bootstrap_servers =
                                           rd_kafka_mock_cluster_bootstraps(self->cluster),
                                       .config = self->config};
    self->transport = ksi_kafka_transport_open(&options, &self->error);
    if (self->transport == NULL) {
        fail_msg("%s: %s", self->error.where, self->error.message);
    }
}

void mock_set(mock_fixture *self, const char *property, const char *value)
{
    assert_ok(ks_config_set(self->config, property, value, &self->error));
    self->transport->class->release(self->transport);
    open_transport(self);
}

static int set_up(void **state, int brokers)
{
    mock_fixture *self = calloc(1, sizeof *self);
    char reason[256] = "";
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, log_nothing);
    self->base = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    assert_non_null(self->base);
    self->cluster = rd_kafka_mock_cluster_new(self->base, brokers);
    assert_non_null(self->cluster);
    self->config = ks_config_new();
    assert_ok(ks_config_set(self->config, "default.api.timeout.ms", "1000", &self->error));
    open_transport(self);
    ksi_arena_init(&self->arena, 0);
    *state = self;
    return 0;
}

int mock_set_up(void **state)
{
    return set_up(state, 1);
}

int mock_set_up_two(void **state)
{
    return set_up(state, 2);
}

int mock_tear_down(void **state)
{
    mock_fixture *self = *state;
    self->transport->class->release(self->transport);
    ks_config_free(self->config);
    rd_kafka_mock_cluster_destroy(self->cluster);
    rd_kafka_destroy(self->base);
    ksi_arena_destroy(&self->arena);
    free(self);
    return 0;
}

void mock_topic(mock_fixture *self, const char *topic, int32_t partitions)
{
    assert_int_equal(rd_kafka_mock_topic_create(self->cluster, topic, partitions, 1),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
}

void mock_answer(mock_fixture *self, int16_t request, rd_kafka_resp_err_t code, int delay_ms)
{
    assert_int_equal(
        rd_kafka_mock_broker_push_request_error_rtts(self->cluster, 1, request, 1, code, delay_ms),
        RD_KAFKA_RESP_ERR_NO_ERROR);
}

ksi_topic_partition mock_at(const char *topic, int32_t partition)
{
    return (ksi_topic_partition){.topic = topic, .partition = partition};
}

ksi_consumer *mock_consumer(mock_fixture *self)
{
    ksi_consumer *consumer =
        ksi_kafka_consumer_open(self->transport, KSI_READS_INPUT, &self->error);
    if (consumer == NULL) {
        fail_msg("%s: %s", self->error.where, self->error.message);
    }
    return consumer;
}

ksi_producer *mock_producer(mock_fixture *self, const ksi_producer_options *options)
{
    ksi_producer *producer = ksi_kafka_producer_open(self->transport, options, &self->error);
    if (producer == NULL) {
        fail_msg("%s: %s", self->error.where, self->error.message);
    }
    return producer;
}

ks_status mock_send(mock_fixture *self, ksi_producer *producer, const char *topic,
                    int32_t partition, const char *value)
{
    const ks_log_record record = {
        .value = ks_slice_cstr(value), .timestamp = 1234, .partition = partition};
    return producer->class->send(producer, 0, topic, &record, &self->error);
}

size_t mock_assign(mock_fixture *self, ksi_consumer *consumer, const char *topic, int32_t partition,
                   int64_t offset)
{
    size_t slot = 0;
    assert_ok(
        consumer->class->assign(consumer, mock_at(topic, partition), offset, &slot, &self->error));
    return slot;
}

const char *mock_read(mock_fixture *self, ksi_consumer *consumer, size_t slot)
{
    const char *text = "";
    size_t count = 1;
    while (count > 0 || consumer->class->position(consumer, slot) <
                            consumer->class->end_offset(consumer, slot)) {
        ks_log_record records[16];
        assert_ok(consumer->class->poll(consumer, slot, records, 16, &count, &self->error));
        for (size_t i = 0; i < count; i++) {
            text = ksi_arena_format(&self->arena, "%s %.*s", text, KS_SLICE_ARGS(records[i].value));
        }
        if (count == 0) {
            consumer->class->wait(consumer, 100);
        }
    }
    return text;
}

const char *mock_values(mock_fixture *self, const char *topic, int32_t partition)
{
    ksi_consumer *consumer = mock_consumer(self);
    const char *text = mock_read(self, consumer, mock_assign(self, consumer, topic, partition, 0));
    consumer->class->close(consumer);
    return text;
}
