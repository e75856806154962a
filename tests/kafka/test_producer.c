/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_producer.c - what producers and their transactions leave on a real broker: markers, aborted
 * records, offsets of groups, fenced producers, records that a topic does not take.
 */
#include "base/arena.h"
#include "kafka_broker.h"
#include "transport/kafka/kafka_transport.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct fixture {
    ksi_transport *transport; /* reads what was committed */
    const ksi_transport_class *class;
    const char *topic;
    const char *id;
    ks_arena arena;
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

#define assert_refused(call, code_, flags_)            \
    do {                                               \
        self->error = (ks_error){0};                   \
        assert_int_equal((call), (code_));             \
        assert_int_equal(self->error.flags, (flags_)); \
        assert_true(self->error.message[0] != '\0');   \
    } while (0)

static int set_up(void **state)
{
    fixture *self = calloc(1, sizeof *self);
    const ksi_kafka_options options = {.bootstrap_servers = kafka_bootstrap_servers(),
                                       .reads_committed = true};
    self->transport = ksi_kafka_transport_open(&options, &self->error);
    if (self->transport == NULL) {
        fail_msg("%s: %s", self->error.where, self->error.message);
    }
    self->class = self->transport->class;
    self->topic = kafka_name("topic");
    self->id = kafka_name("id");
    ksi_arena_init(&self->arena, 0);
    /* Records of 1970 go otherwise when the broker looks for old ones: soon after its start. */
    const ksi_topic_config configs[] = {{"max.message.bytes", "2000"}, {"retention.ms", "-1"}};
    const ksi_topic_spec spec = {
        .name = self->topic, .partitions = 1, .configs = configs, .config_count = 2};
    assert_ok(self->class->create_topic(self->transport, &spec, &self->error));
    *state = self;
    return 0;
}

static int tear_down(void **state)
{
    fixture *self = *state;
    assert_ok(self->class->delete_topic(self->transport, self->topic, &self->error));
    self->class->release(self->transport);
    ksi_arena_destroy(&self->arena);
    free(self);
    return 0;
}

static ksi_producer *open_producer(fixture *self, const char *id)
{
    const ksi_producer_options options = {.transactional_id = id};
    ksi_producer *producer = self->class->open_producer(self->transport, &options, &self->error);
    if (producer == NULL) {
        fail_msg("%s: %s", self->error.where, self->error.message);
    }
    return producer;
}

static ks_status send_value(fixture *self, ksi_producer *producer, const char *value)
{
    const ks_log_record record = {.value = ks_slice_cstr(value), .timestamp = 1234};
    return producer->class->send(producer, 0, self->topic, &record, &self->error);
}

/* Until the log has all that was sent. */
static void let_arrive(fixture *self, ksi_producer *producer)
{
    while (producer->class->pending_bytes(producer) > 0) {
        int64_t next_ns = 0;
        assert_ok(producer->class->poll(producer, 1, &next_ns, &self->error));
    }
}

static ksi_consumer *open_consumer(fixture *self, size_t *slot)
{
    ksi_consumer *consumer =
        self->class->open_consumer(self->transport, KSI_READS_INPUT, &self->error);
    assert_non_null(consumer);
    const ksi_topic_partition at = {.topic = self->topic};
    assert_ok(consumer->class->assign(consumer, at, 0, slot, &self->error));
    return consumer;
}

/* Values until the end of the partition, each behind a blank. */
static const char *read_on(fixture *self, ksi_consumer *consumer, size_t slot)
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

static void readers_see_what_was_committed_and_pass_over_the_rest(void **state)
{
    fixture *self = *state;
    ksi_producer *producer = open_producer(self, self->id);
    assert_ok(send_value(self, producer, "a"));
    assert_ok(send_value(self, producer, "b"));
    assert_ok(producer->class->commit(producer, NULL, &self->error)); /* its marker is 2 */
    assert_ok(send_value(self, producer, "c"));
    assert_int_equal(producer->class->last_offset(producer, (ksi_topic_partition){self->topic, 0}),
                     1);
    let_arrive(self, producer);
    assert_ok(producer->class->abort(producer, &self->error));
    size_t slot = 0;
    ksi_consumer *consumer = open_consumer(self, &slot);
    assert_string_equal(read_on(self, consumer, slot), " a b");
    int64_t behind_the_aborted = consumer->class->position(consumer, slot);
    assert_int_equal(behind_the_aborted, 5); /* a, b, marker, c, marker */

    assert_ok(send_value(self, producer, "d"));
    assert_ok(producer->class->commit(producer, NULL, &self->error));
    int64_t last = producer->class->last_offset(producer, (ksi_topic_partition){self->topic, 0});
    assert_int_equal(last, behind_the_aborted);
    const char *text = "";
    while (consumer->class->position(consumer, slot) <= last + 1) {
        text = ksi_arena_format(&self->arena, "%s%s", text, read_on(self, consumer, slot));
        consumer->class->wait(consumer, 100);
    }
    assert_string_equal(text, " d");
    assert_int_equal(consumer->class->position(consumer, slot), last + 2); /* d and its marker */
    consumer->class->close(consumer);
    producer->class->close(producer);
}

static ks_status commit_offset(fixture *self, ksi_producer *producer,
                               const ksi_generation *generation, int64_t offset)
{
    const ksi_group_offset place = {
        .partition = {self->topic, 0}, .offset = offset, .metadata = ks_slice_cstr("AgAAAAAAAAAA")};
    const ksi_offset_commit commit = {
        .group = self->id, .generation = generation, .offsets = &place, .count = 1};
    return producer->class->commit(producer, &commit, &self->error);
}

/*
 * As an application's member does before any commit. A cluster that never had a group has no
 * coordinator for a moment, and librdkafka 2.0.2 may then wait for minutes, whatever its timeout.
 */
static void find_coordinator(fixture *self)
{
    ksi_group_offset none = {.partition = {self->topic, 0}};
    assert_ok(
        self->class->committed(self->transport, self->id, &none, 1, &self->arena, &self->error));
    assert_int_equal(none.offset, -1);
}

static void offsets_are_committed_with_their_transaction(void **state)
{
    fixture *self = *state;
    find_coordinator(self);
    ksi_producer *producer = open_producer(self, self->id);
    assert_ok(send_value(self, producer, "a"));
    assert_ok(commit_offset(self, producer, NULL, 7));
    assert_ok(commit_offset(self, producer, NULL, 8)); /* without a record */
    ksi_group_offset found = {.partition = {self->topic, 0}};
    assert_ok(
        self->class->committed(self->transport, self->id, &found, 1, &self->arena, &self->error));
    assert_int_equal(found.offset, 8);
    assert_true(ks_slice_equal(found.metadata, ks_slice_cstr("AgAAAAAAAAAA")));

    /* Of a member that the group does not have: nothing is committed. */
    const ksi_generation stranger = {.member = "nobody", .number = 3};
    assert_ok(send_value(self, producer, "b"));
    assert_refused(commit_offset(self, producer, &stranger, 9), KS_E_FENCED, 0);
    producer->class->close(producer);
    assert_ok(
        self->class->committed(self->transport, self->id, &found, 1, &self->arena, &self->error));
    assert_int_equal(found.offset, 8);
    size_t slot = 0;
    ksi_consumer *consumer = open_consumer(self, &slot);
    assert_string_equal(read_on(self, consumer, slot), " a");
    consumer->class->close(consumer);
}

/* Where a restore has to get to: the last transaction may count by then. */
static void records_of_an_open_transaction_are_below_the_high_watermark(void **state)
{
    fixture *self = *state;
    const ksi_topic_partition at = {.topic = self->topic};
    int64_t begin = -1;
    int64_t end = -1;
    size_t slot = 0;
    ksi_producer *producer = open_producer(self, self->id);
    ksi_consumer *consumer = open_consumer(self, &slot);
    assert_ok(send_value(self, producer, "a"));
    let_arrive(self, producer);
    assert_string_equal(read_on(self, consumer, slot), "");
    assert_ok(self->class->offsets(self->transport, at, &begin, &end, &self->error));
    assert_int_equal(end, 0);
    assert_ok(self->class->high_watermark(self->transport, at, &end, &self->error));
    assert_int_equal(end, 1);
    assert_ok(producer->class->abort(producer, &self->error));
    while (consumer->class->position(consumer, slot) < end) {
        consumer->class->wait(consumer, -1);
        assert_string_equal(read_on(self, consumer, slot), "");
    }
    consumer->class->close(consumer);
    producer->class->close(producer);
}

static void the_newer_producer_of_an_id_fences_the_older(void **state)
{
    fixture *self = *state;
    ksi_producer *older = open_producer(self, self->id);
    assert_ok(send_value(self, older, "a"));
    assert_ok(older->class->commit(older, NULL, &self->error));
    assert_ok(send_value(self, older, "b"));
    let_arrive(self, older);
    ksi_producer *newer = open_producer(self, self->id);
    assert_ok(send_value(self, newer, "c"));
    assert_ok(newer->class->commit(newer, NULL, &self->error));
    assert_refused(older->class->commit(older, NULL, &self->error), KS_E_FENCED, 0);
    assert_refused(send_value(self, older, "d"), KS_E_FENCED, 0);
    older->class->close(older);
    newer->class->close(newer);
    size_t slot = 0;
    ksi_consumer *consumer = open_consumer(self, &slot);
    assert_string_equal(read_on(self, consumer, slot), " a c");
    consumer->class->close(consumer);
}

static ks_status note_size(void *owner, uint32_t sender, const char *topic,
                           const ks_log_record *record, const ks_error *reason, ks_error *error)
{
    (void)sender, (void)topic, (void)error;
    *(size_t *)owner = reason->code == KS_E_LIMIT ? record->value.size : 0;
    return KS_OK;
}

static void a_record_that_its_topic_does_not_take_is_shown(void **state)
{
    enum { TOO_LARGE = 5000 };
    fixture *self = *state;
    size_t refused = 0;
    const ksi_producer_options options = {.undelivered = note_size, .owner = &refused};
    ksi_producer *producer = self->class->open_producer(self->transport, &options, &self->error);
    assert_non_null(producer);
    assert_ok(send_value(self, producer, "a"));
    assert_ok(producer->class->flush(producer, &self->error));
    char *bytes = ksi_arena_zalloc(&self->arena, TOO_LARGE + 1);
    memset(bytes, 'x', TOO_LARGE);
    assert_ok(send_value(self, producer, bytes));
    assert_ok(producer->class->flush(producer, &self->error));
    assert_int_equal(refused, TOO_LARGE);
    assert_ok(send_value(self, producer, "b"));
    assert_ok(producer->class->flush(producer, &self->error));
    producer->class->close(producer);
    size_t slot = 0;
    ksi_consumer *consumer = open_consumer(self, &slot);
    assert_string_equal(read_on(self, consumer, slot), " a b");
    consumer->class->close(consumer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(readers_see_what_was_committed_and_pass_over_the_rest,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(offsets_are_committed_with_their_transaction, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(records_of_an_open_transaction_are_below_the_high_watermark,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_newer_producer_of_an_id_fences_the_older, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_record_that_its_topic_does_not_take_is_shown, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
