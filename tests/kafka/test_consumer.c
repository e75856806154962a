/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_consumer.c - reading from a real broker: records and topics that were deleted, and a
 * partition that goes from thread to thread while it grows.
 */
#include "base/check.h"
#include "base/thread.h"
#include "kafka_broker.h"
#include "transport/kafka/kafka_transport.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct fixture {
    ksi_transport *transport;
    const ksi_transport_class *class;
    const char *topic;
    ks_error error;
} fixture;

#define assert_ok(call)                                                                \
    do {                                                                               \
        ks_status assert_status = (call);                                              \
        if (assert_status != KS_OK) {                                                  \
            fail_msg("%s at %s: %s", ks_status_name(assert_status), self->error.where, \
                     self->error.message);                                             \
        }                                                                              \
    } while (0)

static int set_up(void **state)
{
    fixture *self = calloc(1, sizeof *self);
    const ksi_kafka_options options = {.bootstrap_servers = kafka_bootstrap_servers()};
    self->transport = ksi_kafka_transport_open(&options, &self->error);
    if (self->transport == NULL) {
        fail_msg("%s: %s", self->error.where, self->error.message);
    }
    self->class = self->transport->class;
    self->topic = kafka_name("topic");
    /* Records of 1970 go otherwise when the broker looks for old ones: soon after its start. */
    const ksi_topic_config kept = {"retention.ms", "-1"};
    const ksi_topic_spec spec = {
        .name = self->topic, .partitions = 1, .configs = &kept, .config_count = 1};
    assert_ok(self->class->create_topic(self->transport, &spec, &self->error));
    *state = self;
    return 0;
}

static int tear_down(void **state)
{
    fixture *self = *state;
    assert_ok(self->class->delete_topic(self->transport, self->topic, &self->error));
    self->class->release(self->transport);
    free(self);
    return 0;
}

static ksi_topic_partition place(const fixture *self)
{
    return (ksi_topic_partition){.topic = self->topic, .partition = 0};
}

static void produce(fixture *self, int first, int count)
{
    ksi_producer *producer = self->class->open_producer(self->transport, NULL, &self->error);
    assert_non_null(producer);
    for (int i = first; i < first + count; i++) {
        const ks_log_record record = {.value = ks_slice_of(&i, sizeof i), .timestamp = 1 + i};
        assert_ok(producer->class->send(producer, 0, self->topic, &record, &self->error));
    }
    assert_ok(producer->class->flush(producer, &self->error));
    producer->class->close(producer);
}

static void records_that_were_deleted_are_out_of_range(void **state)
{
    fixture *self = *state;
    produce(self, 0, 5);
    assert_ok(self->class->delete_records(self->transport, place(self), 3, &self->error));
    ksi_consumer *consumer =
        self->class->open_consumer(self->transport, KSI_READS_CHANGELOG, &self->error);
    assert_non_null(consumer);
    size_t slot = 0;
    ks_log_record records[8];
    size_t count = 0;
    ks_status status = KS_OK;
    assert_ok(consumer->class->assign(consumer, place(self), 1, &slot, &self->error));
    while (status == KS_OK) {
        consumer->class->wait(consumer, -1);
        status = consumer->class->poll(consumer, slot, records, 8, &count, &self->error);
        assert_int_equal(count, 0);
    }
    assert_int_equal(status, KS_E_OUT_OF_RANGE);
    consumer->class->unassign(consumer, slot);
    assert_ok(consumer->class->assign(consumer, place(self), 3, &slot, &self->error));
    while (count == 0) {
        consumer->class->wait(consumer, -1);
        assert_ok(consumer->class->poll(consumer, slot, records, 8, &count, &self->error));
    }
    assert_int_equal(count, 2);
    assert_int_equal(records[0].offset, 3);
    consumer->class->close(consumer);
}

/* The reader stands at a record that was deleted before it was fetched: one batch at a time is. */
static void a_reader_of_the_log_goes_on_behind_what_was_deleted(void **state)
{
    fixture *self = *state;
    for (int i = 0; i < 5; i++) {
        produce(self, i, 1);
    }
    ks_config *config = ks_config_new();
    assert_ok(ks_config_set(config, "consumer.queued.min.messages", "1", &self->error));
    assert_ok(ks_config_set(config, "consumer.fetch.message.max.bytes", "1", &self->error));
    ks_log *log =
        ks_log_open_with(kafka_bootstrap_servers(), KS_LOG_OPTIONS(.config = config), &self->error);
    assert_non_null(log);
    ks_log_reader *reader = ks_log_reader_open(log, self->topic, &self->error);
    assert_non_null(reader);
    assert_ok(self->class->delete_records(self->transport, place(self), 3, &self->error));
    int64_t read = 0;
    int64_t last = -1;
    ks_log_record record;
    while (ks_log_reader_next_to_end(reader, &record)) {
        last = record.offset;
        read++;
    }
    assert_ok(ks_log_reader_status(reader, &self->error));
    assert_int_equal(last, 4);
    assert_true(ks_log_reader_skipped(reader) > 0);
    assert_int_equal(ks_log_reader_skipped(reader) + read, 5);
    ks_log_reader_free(reader);
    ks_log_free(log);
    ks_config_free(config);
}

/* ---- made anew ------------------------------------------------------------------------------- */

static void a_topic_that_is_made_anew_has_nothing_of_the_old_one(void **state)
{
    enum { ROUNDS = 20 };
    fixture *self = *state;
    const ksi_topic_spec spec = {.name = self->topic, .partitions = 1};
    for (int i = 0; i < ROUNDS; i++) {
        int32_t partitions = -1;
        int64_t begin = -1;
        int64_t end = -1;
        produce(self, i, 1);
        assert_ok(self->class->delete_topic(self->transport, self->topic, &self->error));
        assert_ok(
            self->class->partition_count(self->transport, self->topic, &partitions, &self->error));
        assert_int_equal(partitions, 0);
        assert_ok(self->class->create_topic(self->transport, &spec, &self->error));
        assert_ok(self->class->offsets(self->transport, place(self), &begin, &end, &self->error));
        assert_int_equal(end, 0);
    }
}

/* ---- from thread to thread ------------------------------------------------------------------- */

enum { READERS = 3, RECORDS = 20000, TURN = 400 };

/* The partition belongs to the thread whose turn it is; the next goes on where it stopped. */
typedef struct relay {
    fixture *fixture;
    ksi_mutex lock;
    ksi_condition changed;
    int turn;
    bool over; /* all is read, or something is wrong */
    /* of whose turn it is, without the lock */
    int64_t position;
    char why[512];
} relay;

typedef struct reader {
    relay *relay;
    ksi_thread thread;
    int number;
} reader;

/* Whether to go on: a broker that has much to do may be asked again. */
static bool is_fine(relay *self, ks_status status, const ks_error *error)
{
    if (status == KS_OK || (error->flags & KS_ERROR_RETRIABLE) != 0) {
        return true;
    }
    (void)snprintf(self->why, sizeof self->why, "at offset %lld: %.400s", (long long)self->position,
                   error->message);
    return false;
}

static bool is_next(relay *self, const ks_log_record *record)
{
    int value = -1;
    memcpy(&value, record->value.data, sizeof value);
    if (record->offset == self->position && value == self->position) {
        self->position++;
        return true;
    }
    (void)snprintf(self->why, sizeof self->why, "offset %lld has %d; the next one was %lld",
                   (long long)record->offset, value, (long long)self->position);
    return false;
}

/* Reads some records: each has its offset for a value. */
static bool read_turn(relay *self, ksi_consumer *consumer)
{
    size_t slot = 0;
    ks_error error = {0};
    const ksi_consumer_class *class = consumer->class;
    ks_status status = class->assign(consumer, place(self->fixture), self->position, &slot, &error);
    if (status != KS_OK) {
        return is_fine(self, status, &error);
    }
    bool ok = true;
    int64_t until = self->position + TURN;
    while (ok && self->position < until) {
        ks_log_record records[64];
        size_t count = 0;
        ok = is_fine(self, class->poll(consumer, slot, records, 64, &count, &error), &error);
        for (size_t i = 0; ok && i < count; i++) {
            ok = is_next(self, &records[i]);
        }
        if (count == 0) {
            class->wait(consumer, 100);
        }
    }
    class->unassign(consumer, slot);
    return ok;
}

static void read_in_turns(void *user)
{
    reader *self = user;
    relay *shared = self->relay;
    ksi_consumer *consumer =
        shared->fixture->class->open_consumer(shared->fixture->transport, KSI_READS_INPUT, NULL);
    KSI_CHECK(consumer != NULL);
    ksi_mutex_lock(&shared->lock);
    while (!shared->over) {
        if (shared->turn != self->number) {
            ksi_condition_wait(&shared->changed, &shared->lock);
            continue;
        }
        ksi_mutex_unlock(&shared->lock);
        bool goes_on = read_turn(shared, consumer) && shared->position < RECORDS;
        ksi_mutex_lock(&shared->lock);
        shared->over = !goes_on;
        shared->turn = (shared->turn + 1) % READERS;
        ksi_condition_wake_all(&shared->changed);
    }
    ksi_mutex_unlock(&shared->lock);
    consumer->class->close(consumer);
}

static void a_partition_goes_from_thread_to_thread_while_it_grows(void **state)
{
    fixture *self = *state;
    relay shared = {.fixture = self};
    reader readers[READERS];
    ksi_mutex_init(&shared.lock);
    ksi_condition_init(&shared.changed);
    for (int i = 0; i < READERS; i++) {
        readers[i] = (reader){.relay = &shared, .number = i};
        assert_int_equal(ksi_thread_start(&readers[i].thread, "reader", read_in_turns, &readers[i]),
                         0);
    }
    for (int first = 0; first < RECORDS + TURN; first += 1000) {
        produce(self, first, 1000);
    }
    for (int i = 0; i < READERS; i++) {
        ksi_thread_join(&readers[i].thread);
    }
    ksi_condition_destroy(&shared.changed);
    ksi_mutex_destroy(&shared.lock);
    assert_string_equal(shared.why, "");
    assert_true(shared.position >= RECORDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(records_that_were_deleted_are_out_of_range, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_reader_of_the_log_goes_on_behind_what_was_deleted, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_topic_that_is_made_anew_has_nothing_of_the_old_one,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_partition_goes_from_thread_to_thread_while_it_grows,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
