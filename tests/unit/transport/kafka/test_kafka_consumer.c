/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_kafka_consumer.c - slots, ends and waiting, over a mock cluster.
 */
#include "base/clock.h"
#include "mock_cluster.h"

/* What may be said once more is: a client that lost its broker connects again in its own time. */
static void send_patiently(mock_fixture *self, ksi_producer *producer, const char *topic,
                           int32_t partition, const char *value)
{
    ks_status status = mock_send(self, producer, topic, partition, value);
    while (status != KS_OK && (self->error.flags & KS_ERROR_RETRIABLE) != 0) {
        self->error = (ks_error){0};
        status = mock_send(self, producer, topic, partition, value);
    }
    assert_ok(status);
}

static void produce(mock_fixture *self, const char *topic, int32_t partition, const char *values)
{
    ksi_producer *producer = mock_producer(self, NULL);
    char one[2] = "";
    for (const char *at = values; *at != '\0'; at++) {
        one[0] = *at;
        send_patiently(self, producer, topic, partition, one);
    }
    assert_ok(producer->class->flush(producer, &self->error));
    producer->class->close(producer);
}

static void what_was_sent_is_read_with_its_headers(void **state)
{
    mock_fixture *self = *state;
    mock_topic(self, "topic", 1);
    ksi_producer *producer = mock_producer(self, NULL);
    const ks_headers *headers =
        ks_headers_with(&self->arena, NULL, ks_slice_cstr("h"), ks_slice_cstr("1"));
    headers = ks_headers_with(&self->arena, headers, ks_slice_cstr("n"), ks_slice_null());
    const ks_log_record sent[] = {
        {.key = ks_slice_cstr("k"),
         .value = ks_slice_cstr("v"),
         .timestamp = 77,
         .headers = headers},
        {.key = {.data = NULL, .size = 3}, .timestamp = 0},
        {.key = ks_slice_cstr(""), .value = ks_slice_cstr(""), .timestamp = 78}};
    for (size_t i = 0; i < 3; i++) {
        assert_ok(producer->class->send(producer, 0, "topic", &sent[i], &self->error));
    }
    assert_ok(producer->class->flush(producer, &self->error));
    producer->class->close(producer);

    ksi_consumer *consumer = mock_consumer(self);
    size_t slot = mock_assign(self, consumer, "topic", 0, 0);
    ks_log_record read[3];
    size_t have = 0;
    while (have < 3) { /* one at a time: a poll gives no more than it is asked for */
        ks_log_record record;
        size_t count = 0;
        assert_ok(consumer->class->poll(consumer, slot, &record, 1, &count, &self->error));
        if (count == 0) {
            consumer->class->wait(consumer, 1000);
            continue;
        }
        assert_int_equal(record.offset, have);
        read[have] = record;
        if (have == 0) {
            assert_true(ks_slice_equal(record.key, ks_slice_cstr("k")));
            assert_true(ks_slice_equal(record.value, ks_slice_cstr("v")));
            assert_int_equal(record.timestamp, 77);
            assert_int_equal(ks_headers_count(record.headers), 2);
            assert_true(ks_slice_equal(ks_headers_at(record.headers, 0).value, ks_slice_cstr("1")));
            assert_null(ks_headers_at(record.headers, 1).value.data);
        }
        have++;
    }
    assert_null(read[1].key.data);
    assert_null(read[1].value.data);
    assert_int_equal(read[1].timestamp, 1); /* librdkafka's 0 would be the time of now */
    assert_null(read[1].headers);
    assert_non_null(read[2].key.data);
    assert_non_null(read[2].value.data);
    assert_int_equal(read[2].value.size, 0);
    consumer->class->close(consumer);
}

static void the_end_is_known_only_once_it_was_seen(void **state)
{
    mock_fixture *self = *state;
    mock_topic(self, "topic", 1);
    ksi_consumer *consumer = mock_consumer(self);
    size_t slot = mock_assign(self, consumer, "topic", 0, 0);
    assert_true(consumer->class->end_offset(consumer, slot) > 0); /* nothing says it is empty */
    assert_string_equal(mock_read(self, consumer, slot), "");
    assert_int_equal(consumer->class->position(consumer, slot), 0);
    assert_int_equal(consumer->class->end_offset(consumer, slot), 0);
    produce(self, "topic", 0, "abc");
    consumer->class->wait(consumer, 10000);
    assert_string_equal(mock_read(self, consumer, slot), " a b c");
    assert_int_equal(consumer->class->position(consumer, slot), 3);
    assert_int_equal(consumer->class->end_offset(consumer, slot), 3);

    /* What the client knows of the partition from its last reader is not taken for the end. */
    consumer->class->unassign(consumer, slot);
    slot = mock_assign(self, consumer, "topic", 0, 3);
    assert_true(consumer->class->end_offset(consumer, slot) > 3);
    consumer->class->close(consumer);
}

static void an_offset_behind_the_end_is_out_of_range_for_good(void **state)
{
    mock_fixture *self = *state;
    mock_topic(self, "topic", 2);
    produce(self, "topic", 0, "ab");
    ksi_consumer *consumer = mock_consumer(self);
    size_t slot = mock_assign(self, consumer, "topic", 0, 7);
    ks_log_record record;
    size_t count = 9;
    ks_status status = KS_OK;
    while (status == KS_OK) { /* that it cannot be read is news */
        consumer->class->wait(consumer, -1);
        status = consumer->class->poll(consumer, slot, &record, 1, &count, &self->error);
        assert_int_equal(count, 0);
    }
    assert_int_equal(status, KS_E_OUT_OF_RANGE);
    consumer->class->wait(consumer, -1);
    assert_refused(consumer->class->poll(consumer, slot, &record, 1, &count, &self->error),
                   KS_E_OUT_OF_RANGE, 0);
    consumer->class->unassign(consumer, slot);
    assert_int_equal(mock_assign(self, consumer, "topic", 0, 1), slot);
    assert_string_equal(mock_read(self, consumer, slot), " b");
    consumer->class->close(consumer);
}

static void what_cannot_be_assigned_is_named(void **state)
{
    mock_fixture *self = *state;
    mock_topic(self, "topic", 2);
    rd_kafka_mock_topic_set_error(self->cluster, "nowhere",
                                  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    ksi_consumer *consumer = mock_consumer(self);
    size_t slot = 0;
    const ksi_consumer_class *class = consumer->class;
    assert_refused(class->assign(consumer, mock_at("topic", 0), -1, &slot, &self->error),
                   KS_E_ARGUMENT, 0);
    assert_refused(class->assign(consumer, mock_at("topic", 2), 0, &slot, &self->error),
                   KS_E_ARGUMENT, 0);
    assert_refused(class->assign(consumer, mock_at("topic", -1), 0, &slot, &self->error),
                   KS_E_ARGUMENT, 0);
    assert_refused(class->assign(consumer, mock_at("nowhere", 0), 0, &slot, &self->error),
                   KS_E_UNKNOWN_TOPIC, 0);
    assert_string_equal(self->error.where, "nowhere");
    slot = mock_assign(self, consumer, "topic", 1, 0);
    assert_refused(class->assign(consumer, mock_at("topic", 1), 0, &slot, &self->error), KS_E_STATE,
                   0);
    class->close(consumer);
}

/* A partition goes from one consumer to another of the same client, forth and back. */
static void a_partition_moves_between_consumers(void **state)
{
    mock_fixture *self = *state;
    mock_topic(self, "topic", 1);
    produce(self, "topic", 0, "abcdefgh");
    ksi_consumer *consumers[2] = {mock_consumer(self), mock_consumer(self)};
    for (int64_t offset = 0; offset < 8; offset++) {
        ksi_consumer *consumer = consumers[offset % 2];
        size_t slot = mock_assign(self, consumer, "topic", 0, offset);
        ks_log_record record;
        size_t count = 0;
        while (count == 0) {
            assert_ok(consumer->class->poll(consumer, slot, &record, 1, &count, &self->error));
            if (count == 0) {
                consumer->class->wait(consumer, 10000);
            }
        }
        assert_int_equal(record.offset, offset);
        assert_int_equal(record.value.data[0], 'a' + offset);
        consumer->class->unassign(consumer, slot);
    }
    consumers[0]->class->close(consumers[0]);
    consumers[1]->class->close(consumers[1]);
}

static void a_partition_has_one_reader_at_a_time(void **state)
{
    mock_fixture *self = *state;
    mock_topic(self, "topic", 1);
    ksi_consumer *first = mock_consumer(self);
    ksi_consumer *second = mock_consumer(self);
    size_t slot = mock_assign(self, first, "topic", 0, 0);
    size_t refused = 0;
    assert_refused(second->class->assign(second, mock_at("topic", 0), 0, &refused, &self->error),
                   KS_E_STATE, 0);
    assert_string_equal(self->error.where, "topic");
    first->class->unassign(first, slot);
    slot = mock_assign(self, second, "topic", 0, 0);
    second->class->unassign(second, slot);
    first->class->close(first);
    second->class->close(second);
}

static int64_t time_of_wait(ksi_consumer *consumer, int64_t timeout_ms)
{
    int64_t begin = ksi_monotonic_ms(&ksi_system_clock);
    consumer->class->wait(consumer, timeout_ms);
    return ksi_monotonic_ms(&ksi_system_clock) - begin;
}

static void only_watched_slots_and_wake_end_a_wait(void **state)
{
    enum { SHORT_MS = 200, LONG_MS = 60000 };
    mock_fixture *self = *state;
    mock_topic(self, "topic", 2);
    ksi_consumer *consumer = mock_consumer(self);
    const ksi_consumer_class *class = consumer->class;
    size_t slot = mock_assign(self, consumer, "topic", 0, 0);
    assert_string_equal(mock_read(self, consumer, slot), "");
    assert_true(time_of_wait(consumer, SHORT_MS) >= SHORT_MS);

    class->watch(consumer, slot, false);
    produce(self, "topic", 0, "a");
    assert_true(time_of_wait(consumer, SHORT_MS) >= SHORT_MS);
    assert_true(time_of_wait(consumer, SHORT_MS) >= SHORT_MS);
    class->watch(consumer, slot, true); /* what has come meanwhile counts at once */
    assert_true(time_of_wait(consumer, LONG_MS) < LONG_MS);
    assert_true(time_of_wait(consumer, LONG_MS) < LONG_MS); /* and until it is polled */
    assert_string_equal(mock_read(self, consumer, slot), " a");

    class->wake(consumer);
    assert_true(time_of_wait(consumer, LONG_MS) < LONG_MS);
    assert_true(time_of_wait(consumer, SHORT_MS) >= SHORT_MS); /* once */
    assert_true(time_of_wait(consumer, 0) < LONG_MS);
    class->close(consumer);
}

static void what_was_polled_is_held_until_the_next_poll(void **state)
{
    mock_fixture *self = *state;
    mock_topic(self, "topic", 1);
    produce(self, "topic", 0, "abcd");
    ksi_consumer *consumer = mock_consumer(self);
    size_t slot = mock_assign(self, consumer, "topic", 0, 0);
    ks_log_record records[2];
    size_t count = 0;
    while (count == 0) {
        consumer->class->wait(consumer, 10000);
        assert_ok(consumer->class->poll(consumer, slot, records, 2, &count, &self->error));
    }
    produce(self, "topic", 0, "efgh");
    assert_int_equal(count, 2);
    assert_int_equal(records[0].value.data[0], 'a');
    assert_int_equal(records[1].value.data[0], 'b');
    assert_int_equal(consumer->class->position(consumer, slot), 2);
    consumer->class->close(consumer); /* with messages held, and more of them queued */
}

static void a_lost_connection_is_not_the_slots_affair(void **state)
{
    mock_fixture *self = *state;
    mock_topic(self, "topic", 1);
    produce(self, "topic", 0, "ab");
    ksi_consumer *consumer = mock_consumer(self);
    size_t slot = mock_assign(self, consumer, "topic", 0, 0);
    assert_string_equal(mock_read(self, consumer, slot), " a b");
    assert_int_equal(rd_kafka_mock_broker_set_down(self->cluster, 1), 0);
    consumer->class->wait(consumer, 300);
    size_t count = 0;
    ks_log_record record;
    assert_ok(consumer->class->poll(consumer, slot, &record, 1, &count, &self->error));
    assert_int_equal(count, 0);
    assert_int_equal(rd_kafka_mock_broker_set_up(self->cluster, 1), 0);
    produce(self, "topic", 0, "cd");
    consumer->class->wait(consumer, 10000);
    assert_string_equal(mock_read(self, consumer, slot), " c d");
    consumer->class->close(consumer);
}

/*
 * librdkafka before 2.2 looks for room once a second, which would take 24 seconds and more here.
 */
static void a_small_queue_that_was_read_is_filled_at_once(void **state)
{
    enum { BATCHES = 60, IN_BATCH = 10, LONGEST_MS = 20000 };
    mock_fixture *self = *state;
    mock_topic(self, "topic", 1);
    mock_set(self, "consumer.queued.min.messages", "10");
    mock_set(self, "consumer.fetch.message.max.bytes", "1"); /* a batch each time */
    for (int i = 0; i < BATCHES; i++) {
        produce(self, "topic", 0, "abcdefghij");
    }
    ksi_consumer *consumer = mock_consumer(self);
    size_t slot = mock_assign(self, consumer, "topic", 0, 0);
    int64_t begin = ksi_monotonic_ms(&ksi_system_clock);
    while (consumer->class->position(consumer, slot) < BATCHES * IN_BATCH) {
        ks_log_record records[IN_BATCH / 2];
        size_t count = 0;
        consumer->class->wait(consumer, 10000);
        assert_ok(
            consumer->class->poll(consumer, slot, records, IN_BATCH / 2, &count, &self->error));
    }
    assert_true(ksi_monotonic_ms(&ksi_system_clock) - begin < LONGEST_MS);
    consumer->class->close(consumer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MOCK_TEST(what_was_sent_is_read_with_its_headers),
        MOCK_TEST(the_end_is_known_only_once_it_was_seen),
        MOCK_TEST(an_offset_behind_the_end_is_out_of_range_for_good),
        MOCK_TEST(what_cannot_be_assigned_is_named),
        MOCK_TEST(a_partition_moves_between_consumers),
        MOCK_TEST(a_partition_has_one_reader_at_a_time),
        MOCK_TEST(only_watched_slots_and_wake_end_a_wait),
        MOCK_TEST(what_was_polled_is_held_until_the_next_poll),
        MOCK_TEST(a_small_queue_that_was_read_is_filled_at_once),
        MOCK_TEST(a_lost_connection_is_not_the_slots_affair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
