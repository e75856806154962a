/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_kafka_producer.c - sending and settling, over a mock cluster.
 */
#include "base/clock.h"
#include "base/thread.h"
#include "mock_cluster.h"
#include "transport/kafka/deliveries.h"
#include "transport/kafka/kafka_producer.h"

typedef struct undelivered_note {
    mock_fixture *fixture;
    ksi_producer *producer;
    const char *dead_letters; /* where refused records are sent; NULL: nowhere */
    ks_status answer;
    int count;
    uint32_t sender;
    ks_status reason;
    char record[128];
} undelivered_note;

static ks_status note_undelivered(void *owner, uint32_t sender, const char *topic,
                                  const ks_log_record *record, const ks_error *reason,
                                  ks_error *error)
{
    undelivered_note *note = owner;
    note->count++;
    note->sender = sender;
    note->reason = reason->code;
    (void)snprintf(note->record, sizeof note->record, "%s/%d %.*s=%.*s @%lld #%lld %zu headers",
                   topic, record->partition, KS_SLICE_ARGS(record->key),
                   KS_SLICE_ARGS(record->value), (long long)record->timestamp,
                   (long long)record->offset, ks_headers_count(record->headers));
    if (note->answer != KS_OK) {
        return ks_error_set(error, note->answer, topic, "the handler does not accept it");
    }
    return note->dead_letters == NULL
               ? KS_OK
               : mock_send(note->fixture, note->producer, note->dead_letters, 0, "dead");
}

static void flush(mock_fixture *self, ksi_producer *producer)
{
    assert_ok(producer->class->flush(producer, &self->error));
}

/* ---- sending --------------------------------------------------------------------------------- */

static void a_flush_returns_when_all_is_there(void **state)
{
    mock_fixture *self = *state;
    mock_topic(self, "topic", 2);
    ksi_producer *producer = mock_producer(self, NULL);
    int32_t count = 0;
    assert_int_equal(producer->class->partition_count(producer, "topic", &count, NULL), KS_OK);
    assert_int_equal(count, 2);
    assert_int_equal(producer->class->last_offset(producer, mock_at("topic", 0)), -1);
    assert_ok(mock_send(self, producer, "topic", 0, "a"));
    assert_ok(mock_send(self, producer, "topic", 1, "x"));
    assert_ok(mock_send(self, producer, "topic", 0, "b"));
    assert_int_equal(producer->class->pending_bytes(producer), 3 * ksi_record_bytes(0, 1));
    flush(self, producer);
    assert_int_equal(producer->class->pending_bytes(producer), 0);
    assert_int_equal(producer->class->last_offset(producer, mock_at("topic", 0)), 1);
    assert_int_equal(producer->class->last_offset(producer, mock_at("topic", 1)), 0);
    assert_int_equal(producer->class->last_offset(producer, mock_at("topic", 2)), -1);
    assert_int_equal(producer->class->last_offset(producer, mock_at("other", 0)), -1);
    assert_string_equal(mock_values(self, "topic", 0), " a b");
    assert_string_equal(mock_values(self, "topic", 1), " x");
    producer->class->close(producer);
}

static void closing_delivers_what_was_sent(void **state)
{
    mock_fixture *self = *state;
    mock_topic(self, "topic", 1);
    ksi_producer *producer = mock_producer(self, NULL);
    assert_ok(mock_send(self, producer, "topic", 0, "a"));
    producer->class->close(producer);
    assert_string_equal(mock_values(self, "topic", 0), " a");
}

static int32_t count_of(mock_fixture *self, ksi_producer *producer, const char *topic)
{
    int32_t count = -1;
    assert_ok(producer->class->partition_count(producer, topic, &count, &self->error));
    return count;
}

static void partitions_are_counted_anew_after_five_minutes(void **state)
{
    const int64_t minute_ns = 60000000000;
    mock_fixture *self = *state;
    int64_t next_ns = 0;
    mock_topic(self, "topic", 2);
    mock_topic(self, "other", 3);
    ksi_producer *producer = mock_producer(self, NULL);
    assert_ok(producer->class->poll(producer, minute_ns, &next_ns, &self->error));
    assert_int_equal(count_of(self, producer, "topic"), 2);
    assert_int_equal(count_of(self, producer, "other"), 3);
    rd_kafka_mock_topic_set_error(self->cluster, "topic", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    assert_ok(producer->class->poll(producer, 5 * minute_ns, &next_ns, &self->error));
    assert_int_equal(count_of(self, producer, "topic"), 2);
    assert_ok(producer->class->poll(producer, 6 * minute_ns, &next_ns, &self->error));
    assert_int_equal(count_of(self, producer, "topic"), 0);
    assert_int_equal(count_of(self, producer, "other"), 3);
    producer->class->close(producer);
}

static void what_cannot_be_sent_is_named(void **state)
{
    enum { TOO_LARGE = 2 * 1024 * 1024 };
    mock_fixture *self = *state;
    mock_topic(self, "topic", 2);
    rd_kafka_mock_topic_set_error(self->cluster, "nowhere",
                                  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    ksi_producer *producer = mock_producer(self, NULL);
    int32_t count = -1;
    assert_int_equal(producer->class->partition_count(producer, "nowhere", &count, NULL), KS_OK);
    assert_int_equal(count, 0);
    assert_refused(mock_send(self, producer, "nowhere", 0, "a"), KS_E_UNKNOWN_TOPIC, 0);
    assert_string_equal(self->error.where, "nowhere");
    assert_refused(mock_send(self, producer, "topic", 2, "a"), KS_E_ARGUMENT, 0);
    assert_refused(mock_send(self, producer, "topic", -1, "a"), KS_E_ARGUMENT, 0);
    char *bytes = calloc(1, TOO_LARGE);
    const ks_log_record large = {.value = ks_slice_of(bytes, TOO_LARGE), .timestamp = 1};
    assert_refused(producer->class->send(producer, 0, "topic", &large, &self->error), KS_E_LIMIT,
                   0);
    assert_non_null(strstr(self->error.message, "max.request.size"));
    free(bytes);
    assert_int_equal(producer->class->pending_bytes(producer), 0);
    flush(self, producer);
    assert_refused(producer->class->commit(producer, NULL, &self->error), KS_E_STATE, 0);
    producer->class->close(producer);
}

/* ---- what becomes of it ---------------------------------------------------------------------- */

static void a_refused_record_is_shown_as_it_was_sent(void **state)
{
    mock_fixture *self = *state;
    mock_topic(self, "topic", 1);
    mock_topic(self, "dead", 1);
    undelivered_note note = {.fixture = self, .dead_letters = "dead"};
    const ksi_producer_options options = {.undelivered = note_undelivered, .owner = &note};
    ksi_producer *producer = note.producer = mock_producer(self, &options);
    assert_ok(mock_send(self, producer, "dead", 0, "first"));
    flush(self, producer);
    mock_answer(self, MOCK_PRODUCE, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, 0);
    const ks_log_record record = {
        .key = ks_slice_cstr("k"),
        .value = ks_slice_cstr("v"),
        .timestamp = 55,
        .headers = ks_headers_with(&self->arena, NULL, ks_slice_cstr("h"), ks_slice_cstr("1"))};
    assert_ok(producer->class->send(producer, 42, "topic", &record, &self->error));
    flush(self,
          producer); /* its loss is accepted, and the dead letter is there when this returns */
    assert_int_equal(note.count, 1);
    assert_int_equal(note.sender, 42);
    assert_int_equal(note.reason, KS_E_LIMIT);
    assert_string_equal(note.record, "topic/0 k=v @55 #-1 1 headers");
    assert_int_equal(producer->class->pending_bytes(producer), 0);
    assert_string_equal(mock_values(self, "topic", 0), "");
    assert_string_equal(mock_values(self, "dead", 0), " first dead");
    assert_ok(mock_send(self, producer, "topic", 0, "more"));
    flush(self, producer);
    assert_string_equal(mock_values(self, "topic", 0), " more");
    producer->class->close(producer);
}

static void a_refusal_that_is_not_accepted_is_an_error_once(void **state)
{
    mock_fixture *self = *state;
    mock_topic(self, "topic", 1);
    undelivered_note note = {.fixture = self, .answer = KS_E_PROCESSING};
    const ksi_producer_options options = {.undelivered = note_undelivered, .owner = &note};
    const ksi_producer_options none = {0};
    ksi_producer *asks = mock_producer(self, &options);
    ksi_producer *tells = mock_producer(self, &none);
    mock_answer(self, MOCK_PRODUCE, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, 0);
    assert_ok(mock_send(self, asks, "topic", 0, "a"));
    assert_refused(asks->class->flush(asks, &self->error), KS_E_PROCESSING, 0);
    flush(self, asks);
    mock_answer(self, MOCK_PRODUCE, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 0);
    assert_ok(mock_send(self, tells, "topic", 0, "a"));
    assert_refused(tells->class->flush(tells, &self->error), KS_E_IO, 0);
    assert_string_equal(self->error.where, "topic");
    flush(self, tells);
    assert_int_equal(note.count, 1);
    asks->class->close(asks);
    tells->class->close(tells);
}

static void an_answer_that_is_late_is_waited_for_by_the_next_call(void **state)
{
    mock_fixture *self = *state;
    mock_topic(self, "topic", 1);
    ksi_producer *producer = mock_producer(self, NULL);
    assert_ok(mock_send(self, producer, "topic", 0, "a"));
    flush(self, producer);
    mock_answer(self, MOCK_PRODUCE, RD_KAFKA_RESP_ERR_NO_ERROR, 1500);
    assert_ok(mock_send(self, producer, "topic", 0, "b"));
    assert_ok(mock_send(self, producer, "topic", 0, "c"));
    assert_refused(producer->class->flush(producer, &self->error), KS_E_TIMEOUT,
                   KS_ERROR_RETRIABLE);
    flush(self, producer);
    assert_int_equal(producer->class->last_offset(producer, mock_at("topic", 0)), 2);
    assert_string_equal(mock_values(self, "topic", 0), " a b c");
    producer->class->close(producer);
}

static void an_outage_loses_nothing(void **state)
{
    mock_fixture *self = *state;
    mock_topic(self, "topic", 1);
    ksi_producer *producer = mock_producer(self, NULL);
    assert_ok(mock_send(self, producer, "topic", 0, "a"));
    flush(self, producer);
    assert_int_equal(rd_kafka_mock_broker_set_down(self->cluster, 1), 0);
    assert_ok(mock_send(self, producer, "topic", 0, "b"));
    assert_refused(producer->class->flush(producer, &self->error), KS_E_TIMEOUT,
                   KS_ERROR_RETRIABLE);
    assert_int_equal(rd_kafka_mock_broker_set_up(self->cluster, 1), 0);
    ks_status status = KS_E_TIMEOUT;
    while (status != KS_OK) {
        self->error = (ks_error){0};
        status = producer->class->flush(producer, &self->error);
        assert_true(status == KS_OK || (self->error.flags & KS_ERROR_RETRIABLE) != 0);
    }
    assert_string_equal(mock_values(self, "topic", 0), " a b");
    producer->class->close(producer);
}

/* The account outlives its producer, and the client is released with records that nobody took. */
static void closing_during_an_outage_ends(void **state)
{
    mock_fixture *self = *state;
    mock_topic(self, "topic", 1);
    ksi_producer *other = mock_producer(self, NULL);
    ksi_producer *producer = mock_producer(self, NULL);
    assert_ok(mock_send(self, producer, "topic", 0, "a"));
    flush(self, producer);
    assert_int_equal(rd_kafka_mock_broker_set_down(self->cluster, 1), 0);
    assert_ok(mock_send(self, producer, "topic", 0, "b"));
    int64_t begin = ksi_monotonic_ms(&ksi_system_clock);
    producer->class->close(producer);
    assert_true(ksi_monotonic_ms(&ksi_system_clock) - begin < 30000);
    assert_int_equal(other->class->pending_bytes(other), 0);
    assert_ok(other->class->flush(other, &self->error)); /* what it did not send is not its own */
    other->class->close(other);
}

/* ---- sharing a client ------------------------------------------------------------------------ */

enum { THREADS = 4, ROUNDS = 30, RECORDS = 50 };

/* As when a broker has lost what came before: such a client sends nothing any more. */
static void after_a_failure_for_good_the_next_producer_has_a_new_client(void **state)
{
    mock_fixture *self = *state;
    mock_topic(self, "topic", 1);
    ksi_producer *producer = mock_producer(self, NULL);
    assert_ok(mock_send(self, producer, "topic", 0, "a"));
    flush(self, producer);
    rd_kafka_t *handle = ((ksi_kafka_producer *)producer)->client->handle;
    assert_int_equal(
        rd_kafka_test_fatal_error(handle, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "lost"),
        RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_refused(mock_send(self, producer, "topic", 0, "b"), KS_E_IO, KS_ERROR_ABORT);
    assert_refused(mock_send(self, producer, "topic", 0, "b"), KS_E_IO, KS_ERROR_ABORT);
    ksi_producer *next = mock_producer(self, NULL);
    assert_ok(mock_send(self, next, "topic", 0, "b"));
    flush(self, next);
    assert_int_equal(next->class->last_offset(next, mock_at("topic", 0)), 1);
    producer->class->close(producer);
    next->class->close(next);
}

typedef struct sender_thread {
    mock_fixture *fixture;
    ksi_thread thread;
    int32_t partition;
    bool done;
} sender_thread;

/* Each thread has a partition of its own, so that it knows what its last offset has to be. */
static void send_rounds(void *user)
{
    sender_thread *self = user;
    ks_error error = {0};
    ksi_producer *producer = ksi_kafka_producer_open(self->fixture->transport, NULL, &error);
    bool ok = producer != NULL;
    for (int round = 0; ok && round < ROUNDS; round++) {
        for (int i = 0; ok && i < RECORDS; i++) {
            const ks_log_record record = {
                .value = ks_slice_cstr("v"), .timestamp = 1, .partition = self->partition};
            ok = producer->class->send(producer, (uint32_t)(i % 3), "topic", &record, &error) ==
                 KS_OK;
        }
        ok = ok && producer->class->flush(producer, &error) == KS_OK &&
             producer->class->pending_bytes(producer) == 0 &&
             producer->class->last_offset(producer, mock_at("topic", self->partition)) ==
                 (round + 1) * RECORDS - 1;
    }
    if (producer != NULL) {
        producer->class->close(producer);
    }
    self->done = ok;
}

static void threads_share_a_client_and_wait_for_their_own(void **state)
{
    mock_fixture *self = *state;
    mock_topic(self, "topic", THREADS);
    sender_thread threads[THREADS] = {0};
    for (int i = 0; i < THREADS; i++) {
        threads[i] = (sender_thread){.fixture = self, .partition = i};
        assert_int_equal(ksi_thread_start(&threads[i].thread, "sender", send_rounds, &threads[i]),
                         0);
    }
    for (int i = 0; i < THREADS; i++) {
        ksi_thread_join(&threads[i].thread);
        assert_true(threads[i].done);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MOCK_TEST(a_flush_returns_when_all_is_there),
        MOCK_TEST(closing_delivers_what_was_sent),
        MOCK_TEST(partitions_are_counted_anew_after_five_minutes),
        MOCK_TEST(what_cannot_be_sent_is_named),
        MOCK_TEST(a_refused_record_is_shown_as_it_was_sent),
        MOCK_TEST(a_refusal_that_is_not_accepted_is_an_error_once),
        MOCK_TEST(an_answer_that_is_late_is_waited_for_by_the_next_call),
        MOCK_TEST(an_outage_loses_nothing),
        MOCK_TEST(closing_during_an_outage_ends),
        MOCK_TEST(after_a_failure_for_good_the_next_producer_has_a_new_client),
        MOCK_TEST(threads_share_a_client_and_wait_for_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
