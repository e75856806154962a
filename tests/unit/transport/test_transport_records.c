/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_transport_records.c - every transport: topics, and records into and out of them.
 */
#include "contract.h"

#include "base/clock.h"

/* ---- topics ---------------------------------------------------------------------------------- */

static int32_t partitions_of(fixture *self, const char *topic)
{
    int32_t count = -1;
    assert_ok(self->class->partition_count(self->transport, named(topic), &count, &self->error));
    return count;
}

static int32_t partitions_for(fixture *self, ksi_producer *producer, const char *topic)
{
    int32_t count = -1;
    assert_ok(producer->class->partition_count(producer, named(topic), &count, &self->error));
    return count;
}

static void topics_are_created_once_with_one_count(void **state)
{
    fixture *self = *state;
    ksi_topic_spec spec = {.name = named("topic"), .partitions = 3};
    assert_int_equal(partitions_of(self, "topic"), 0);
    assert_ok(self->class->create_topic(self->transport, &spec, &self->error));
    assert_ok(self->class->create_topic(self->transport, &spec, &self->error));
    assert_int_equal(partitions_of(self, "topic"), 3);
    spec.partitions = 4;
    assert_refused(self->class->create_topic(self->transport, &spec, &self->error), KS_E_ARGUMENT);
    spec = (ksi_topic_spec){.name = named("none"), .partitions = 0};
    assert_refused(self->class->create_topic(self->transport, &spec, &self->error), KS_E_ARGUMENT);
    spec = (ksi_topic_spec){.name = "a/b", .partitions = 1};
    assert_refused(self->class->create_topic(self->transport, &spec, &self->error), KS_E_ARGUMENT);
    assert_int_equal(partitions_of(self, "none"), 0);
}

static void topics_are_visited_in_the_order_of_names(void **state)
{
    fixture *self = *state;
    create_topic(self, "b", 1);
    create_topic(self, "c", 1);
    create_topic(self, "B", 1);
    create_topic(self, "a", 1);
    assert_ok(self->class->delete_topic(self->transport, named("c"), &self->error));
    char names[64] = "";
    assert_ok(self->class->each_topic(self->transport, note_name, names, &self->error));
    assert_string_equal(names, "B a b ");
}

static void note_config(void *user, const ksi_topic_config *config, bool is_default)
{
    char *text = user;
    if (strcmp(config->name, "retention.ms") == 0 || strcmp(config->name, "cleanup.policy") == 0) {
        size_t length = strlen(text);
        (void)snprintf(text + length, 128 - length, "%s=%s%s ", config->name, config->value,
                       is_default ? "" : "!");
    }
}

static void a_topic_is_configured_by_kafkas_names(void **state)
{
    fixture *self = *state;
    const ksi_topic_config configs[] = {{"cleanup.policy", "compact"}, {"preallocate", "true"}};
    ksi_topic_spec spec = {
        .name = named("topic"), .partitions = 1, .configs = configs, .config_count = 2};
    assert_ok(self->class->create_topic(self->transport, &spec, &self->error));
    char text[128] = "";
    assert_ok(
        self->class->each_config(self->transport, named("topic"), note_config, text, &self->error));
    assert_string_equal(text, "cleanup.policy=compact! retention.ms=604800000 ");

    ksi_topic_config one = {"retention.ms", "60000"};
    assert_ok(self->class->set_config(self->transport, named("topic"), &one, &self->error));
    one = (ksi_topic_config){"cleanup.policy", NULL};
    assert_ok(self->class->set_config(self->transport, named("topic"), &one, &self->error));
    text[0] = '\0';
    assert_ok(
        self->class->each_config(self->transport, named("topic"), note_config, text, &self->error));
    assert_string_equal(text, "cleanup.policy=delete retention.ms=60000! ");

    const ksi_topic_config bad[] = {{"retention.ms", "soon"},
                                    {"retention.ms", "-2"},
                                    {"retention.weeks", "1"},
                                    {"cleanup.policy", "shred"},
                                    {"min.cleanable.dirty.ratio", "1.5"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_refused(
            self->class->set_config(self->transport, named("topic"), &bad[i], &self->error),
            KS_E_ARGUMENT);
        assert_non_null(strstr(self->error.message, bad[i].name));
        spec = (ksi_topic_spec){
            .name = named("other"), .partitions = 1, .configs = &bad[i], .config_count = 1};
        assert_refused(self->class->create_topic(self->transport, &spec, &self->error),
                       KS_E_ARGUMENT);
    }
    assert_int_equal(partitions_of(self, "other"), 0);
    assert_refused(self->class->set_config(self->transport, named("nowhere"), &one, &self->error),
                   KS_E_UNKNOWN_TOPIC);
}

static void a_deleted_topic_is_unknown_to_whoever_has_it(void **state)
{
    fixture *self = *state;
    create_topic(self, "topic", 1);
    create_topic(self, "other", 1);
    ksi_producer *producer = open_producer(self, NULL);
    ksi_consumer *consumer = open_consumer(self);
    size_t slot = assign(self, consumer, "topic", 0, 0);
    send_value(self, producer, "topic", 0, "old");
    flush_all(self, producer);
    ksi_group_offset offset = {.partition = at("topic", 0), .offset = 1};
    const ksi_offset_commit commit = {.group = named("group"), .offsets = &offset, .count = 1};
    assert_ok(self->class->commit_offsets(self->transport, &commit, &self->error));

    send_value(self, producer, "topic", 0, "lost");
    send_value(self, producer, "other", 0, "kept");
    assert_ok(self->class->delete_topic(self->transport, named("topic"), &self->error));
    ks_log_record record;
    size_t count = 9;
    consumer->class->wait(consumer, -1); /* its end is news */
    assert_refused(consumer->class->poll(consumer, slot, &record, 1, &count, &self->error),
                   KS_E_UNKNOWN_TOPIC);
    assert_int_equal(count, 0);
    assert_refused(producer->class->flush(producer, &self->error), KS_E_UNKNOWN_TOPIC);
    assert_non_null(strstr(self->error.where, "topic"));
    assert_values(self, "other", 0, 0, " kept");
    const ks_log_record more = {.timestamp = 1};
    assert_refused(producer->class->send(producer, 0, named("topic"), &more, &self->error),
                   KS_E_UNKNOWN_TOPIC);
    assert_refused(self->class->delete_topic(self->transport, named("topic"), &self->error),
                   KS_E_UNKNOWN_TOPIC);

    create_topic(self, "topic", 2);
    assert_int_equal(committed(self, "group", "topic", 0), -1);
    assert_int_equal(partitions_for(self, producer, "topic"), 2);
    send_value(self, producer, "topic", 1, "new");
    flush_all(self, producer);
    assert_int_equal(producer->class->last_offset(producer, at("topic", 1)), 0);
    assert_offsets(self, "topic", 0, 0, 0);
    assert_values(self, "topic", 1, 0, " new");
    assert_refused(consumer->class->poll(consumer, slot, &record, 1, &count, &self->error),
                   KS_E_UNKNOWN_TOPIC);
    consumer->class->close(consumer);
    producer->class->close(producer);
}

/* ---- records --------------------------------------------------------------------------------- */

static void what_was_sent_is_read_back(void **state)
{
    fixture *self = *state;
    create_topic(self, "topic", 1);
    ksi_producer *producer = open_producer(self, NULL);
    ks_log_record record = {
        .key = ks_slice_cstr("k"),
        .value = ks_slice_cstr("v"),
        .timestamp = 1234,
        .offset = 99,
        .headers = ks_headers_with(&self->arena, NULL, ks_slice_cstr("h"), ks_slice_cstr("1"))};
    record.headers =
        ks_headers_with(&self->arena, record.headers, ks_slice_cstr("n"), ks_slice_null());
    assert_ok(producer->class->send(producer, 0, named("topic"), &record, &self->error));
    const ks_log_record null = {.key = {.data = NULL, .size = 3}, .timestamp = 5};
    assert_ok(producer->class->send(producer, 0, named("topic"), &null, &self->error));
    const ks_log_record empty = {.key = ks_slice_cstr(""), .value = ks_slice_cstr("")};
    assert_ok(producer->class->send(producer, 0, named("topic"), &empty, &self->error));
    ksi_arena_reset(&self->arena);
    flush_all(self, producer);

    ksi_consumer *consumer = open_consumer(self);
    size_t slot = assign(self, consumer, "topic", 0, 0);
    ks_log_record read[4];
    size_t count = 0;
    assert_ok(poll_some(self, consumer, slot, read, 4, &count));
    assert_int_equal(count, 3);
    assert_true(ks_slice_equal(read[0].key, ks_slice_cstr("k")));
    assert_true(ks_slice_equal(read[0].value, ks_slice_cstr("v")));
    assert_int_equal(read[0].timestamp, 1234);
    assert_int_equal(read[0].offset, 0);
    assert_int_equal(ks_headers_count(read[0].headers), 2);
    assert_true(ks_slice_equal(ks_headers_at(read[0].headers, 0).name, ks_slice_cstr("h")));
    assert_true(ks_slice_equal(ks_headers_at(read[0].headers, 0).value, ks_slice_cstr("1")));
    assert_null(ks_headers_at(read[0].headers, 1).value.data);
    assert_null(read[1].key.data);
    assert_int_equal(read[1].key.size, 0);
    assert_null(read[1].value.data);
    assert_int_equal(read[1].timestamp, 5);
    assert_null(read[1].headers);
    assert_non_null(read[2].key.data);
    assert_non_null(read[2].value.data);
    assert_int_equal(read[2].key.size + read[2].value.size, 0);
    assert_int_equal(read[2].offset, 2);
    consumer->class->close(consumer);
    producer->class->close(producer);
}

/* Kafka's brokers refuse them. */
static void a_timestamp_may_be_before_the_epoch(void **state)
{
    fixture *self = *state;
    create_topic(self, "topic", 1);
    ksi_producer *producer = open_producer(self, NULL);
    send_value_at(self, producer, "topic", 0, "v", -5);
    flush_all(self, producer);
    ksi_consumer *consumer = open_consumer(self);
    size_t slot = assign(self, consumer, "topic", 0, 0);
    ks_log_record record = {0};
    size_t count = 0;
    assert_ok(poll_some(self, consumer, slot, &record, 1, &count));
    assert_int_equal(count, 1);
    assert_int_equal(record.timestamp, -5);
    consumer->class->close(consumer);
    producer->class->close(producer);
}

static void a_record_without_a_timestamp_is_of_now(void **state)
{
    fixture *self = *state;
    create_topic(self, "topic", 1);
    ksi_producer *producer = open_producer(self, NULL);
    int64_t before = ksi_wall_ms(&ksi_system_clock);
    send_value_at(self, producer, "topic", 0, "v", KSI_TIMESTAMP_NOW);
    flush_all(self, producer);
    ksi_consumer *consumer = open_consumer(self);
    size_t slot = assign(self, consumer, "topic", 0, 0);
    ks_log_record record = {0};
    size_t count = 0;
    assert_ok(poll_some(self, consumer, slot, &record, 1, &count));
    assert_int_equal(count, 1);
    assert_in_range(record.timestamp, before, ksi_wall_ms(&ksi_system_clock));
    consumer->class->close(consumer);
    producer->class->close(producer);
}

static void sending_names_what_is_missing(void **state)
{
    fixture *self = *state;
    create_topic(self, "topic", 2);
    ksi_producer *producer = open_producer(self, NULL);
    ks_log_record record = {.partition = 0};
    assert_refused(producer->class->send(producer, 0, named("nowhere"), &record, &self->error),
                   KS_E_UNKNOWN_TOPIC);
    assert_string_equal(self->error.where, named("nowhere"));
    record.partition = 2;
    assert_refused(producer->class->send(producer, 0, named("topic"), &record, &self->error),
                   KS_E_ARGUMENT);
    record.partition = -1;
    assert_refused(producer->class->send(producer, 0, named("topic"), &record, &self->error),
                   KS_E_ARGUMENT);
    assert_int_equal(partitions_for(self, producer, "nowhere"), 0);
    assert_int_equal(producer->class->pending_bytes(producer), 0);
    producer->class->close(producer);
}

static void records_are_gathered_until_they_are_old_full_or_flushed(void **state)
{
    fixture *self = *state;
    create_topic(self, "topic", 1);
    ksi_producer *producer = open_producer(self, NULL);
    int64_t next = 0;
    assert_ok(producer->class->poll(producer, 1000, &next, &self->error));
    assert_int_equal(next, -1);
    assert_int_equal(producer->class->last_offset(producer, at("topic", 0)), -1);
    send_value(self, producer, "topic", 0, "a");
    assert_true(producer->class->pending_bytes(producer) > 0);
    assert_offsets(self, "topic", 0, 0, 0);
    assert_ok(producer->class->poll(producer, 1000, &next, &self->error));
    assert_true(next > 1000);
    assert_offsets(self, "topic", 0, 0, 0);
    assert_ok(producer->class->poll(producer, next, &next, &self->error));
    assert_int_equal(next, -1);
    assert_offsets(self, "topic", 0, 0, 1);
    assert_int_equal(producer->class->pending_bytes(producer), 0);

    send_value(self, producer, "topic", 0, "b");
    flush_all(self, producer);
    assert_offsets(self, "topic", 0, 0, 2);
    assert_int_equal(producer->class->last_offset(producer, at("topic", 0)), 1);

    enum { SIZE = 300 * 1024 };
    char *bytes = calloc(1, SIZE);
    const ks_log_record big = {.value = ks_slice_of(bytes, SIZE)};
    for (int i = 0; i < 4; i++) {
        assert_ok(producer->class->send(producer, 0, named("topic"), &big, &self->error));
    }
    assert_offsets(self, "topic", 0, 0, 6);
    free(bytes);
    send_value(self, producer, "topic", 0, "closed");
    producer->class->close(producer);
    assert_offsets(self, "topic", 0, 0, 7);
}

/* Many batches of small records and some bigger than a batch, over three partitions. */
static void records_of_all_sizes_come_back_in_order_without_holes(void **state)
{
    enum { RECORDS = 30000, BIG = 3 * 1024 * 1024, PARTITIONS = 3 };
    fixture *self = *state;
    create_topic(self, "topic", PARTITIONS);
    char *big = malloc(BIG);
    memset(big, 'x', BIG);
    ksi_producer *producer = open_producer(self, NULL);
    for (int i = 0; i < RECORDS; i++) {
        size_t size = i % 7500 == 7499 ? BIG : (size_t)i % 90;
        char key[16];
        int length = snprintf(key, sizeof key, "%d", i);
        const ks_log_record record = {.key = ks_slice_of(key, (size_t)length),
                                      .value = ks_slice_of(big, size),
                                      .timestamp = i,
                                      .partition = i % PARTITIONS};
        assert_ok(producer->class->send(producer, 0, named("topic"), &record, &self->error));
        if (i % 997 == 0) {
            flush_all(self, producer);
        }
    }
    flush_all(self, producer);
    ksi_consumer *consumer = open_consumer(self);
    for (int p = 0; p < PARTITIONS; p++) {
        size_t slot = assign(self, consumer, "topic", p, 0);
        size_t count = 1;
        int next = p;
        while (count > 0) {
            ks_log_record records[100];
            assert_ok(consumer->class->poll(consumer, slot, records, 100, &count, &self->error));
            for (size_t i = 0; i < count; i++, next += PARTITIONS) {
                char key[16];
                (void)snprintf(key, sizeof key, "%d", next);
                assert_true(ks_slice_equal(records[i].key, ks_slice_cstr(key)));
                assert_int_equal(records[i].value.size,
                                 next % 7500 == 7499 ? BIG : (size_t)next % 90);
                assert_int_equal(records[i].offset, next / PARTITIONS);
                assert_int_equal(records[i].partition, p);
            }
            assert_int_equal(consumer->class->position(consumer, slot), next / PARTITIONS);
        }
        assert_true(next >= RECORDS);
    }
    int64_t bytes = 0;
    assert_ok(self->class->partition_bytes(self->transport, at("topic", 2), &bytes, &self->error));
    assert_true(bytes > 4 * (int64_t)BIG / PARTITIONS);
    consumer->class->close(consumer);
    producer->class->close(producer);
    free(big);
}

/* Who has to ask a broker knows it after a moment. */
static void assert_out_of_range(fixture *self, ksi_consumer *consumer, size_t slot)
{
    ks_log_record record;
    size_t count = 0;
    ks_status status = KS_OK;
    for (int turn = 0; turn < 100 && status == KS_OK && count == 0; turn++) {
        self->error = (ks_error){0};
        status = consumer->class->poll(consumer, slot, &record, 1, &count, &self->error);
        if (status == KS_OK && count == 0) {
            assert_true(self->implementation->is_cluster);
            consumer->class->wait(consumer, 100);
        }
    }
    assert_int_equal(status, KS_E_OUT_OF_RANGE);
    assert_int_equal(count, 0);
    assert_true(self->error.message[0] != '\0');
}

static void reading_begins_at_any_offset(void **state)
{
    enum { RECORDS = 2000 };
    fixture *self = *state;
    create_topic(self, "topic", 1);
    ksi_producer *producer = open_producer(self, NULL);
    for (int i = 0; i < RECORDS; i++) {
        send_value(self, producer, "topic", 0, "some value of a few bytes");
        if (i % 11 == 0) {
            flush_all(self, producer);
        }
    }
    flush_all(self, producer);
    ksi_consumer *consumer = open_consumer(self);
    int64_t step = self->implementation->is_cluster ? 100 : 1; /* the first fetch is slow there */
    for (int64_t offset = 0; offset <= RECORDS; offset += step) {
        size_t slot = assign(self, consumer, "topic", 0, offset);
        assert_int_equal(slot, 0); /* numbers are used again */
        size_t count = 7;
        ks_log_record record = {0};
        assert_ok(poll_some(self, consumer, slot, &record, 1, &count));
        assert_int_equal(count, offset < RECORDS ? 1 : 0);
        if (count == 1) {
            assert_int_equal(record.offset, offset);
        }
        assert_int_equal(consumer->class->end_offset(consumer, slot), RECORDS);
        consumer->class->unassign(consumer, slot);
    }
    size_t slot = assign(self, consumer, "topic", 0, RECORDS + 1);
    assert_out_of_range(self, consumer, slot);
    assert_refused(consumer->class->assign(consumer, at("topic", 0), -1, &slot, &self->error),
                   KS_E_ARGUMENT);
    assert_refused(consumer->class->assign(consumer, at("topic", 1), 0, &slot, &self->error),
                   KS_E_ARGUMENT);
    assert_refused(consumer->class->assign(consumer, at("nowhere", 0), 0, &slot, &self->error),
                   KS_E_UNKNOWN_TOPIC);
    consumer->class->close(consumer);
    producer->class->close(producer);
}

/* What a poll gave stays as it is until the next one, whatever happens to the log. */
static void what_was_polled_is_held(void **state)
{
    fixture *self = *state;
    create_topic(self, "topic", 1);
    ksi_producer *producer = open_producer(self, NULL);
    send_value(self, producer, "topic", 0, "first");
    flush_all(self, producer);
    send_value(self, producer, "topic", 0, "second");
    flush_all(self, producer);
    ksi_consumer *consumer = open_consumer(self);
    size_t slot = assign(self, consumer, "topic", 0, 0);
    ks_log_record records[2];
    size_t count = 0;
    assert_ok(poll_some(self, consumer, slot, records, 2, &count));
    assert_int_equal(count, 2);
    for (int i = 0; i < 100; i++) {
        send_value(self, producer, "topic", 0, "and many more behind them");
        flush_all(self, producer);
    }
    assert_ok(self->class->delete_records(self->transport, at("topic", 0), 50, &self->error));
    assert_ok(self->class->delete_topic(self->transport, named("topic"), &self->error));
    assert_true(ks_slice_equal(records[0].value, ks_slice_cstr("first")));
    assert_true(ks_slice_equal(records[1].value, ks_slice_cstr("second")));
    consumer->class->close(consumer);
    producer->class->close(producer);
}

static void an_offset_is_found_by_its_timestamp(void **state)
{
    fixture *self = *state;
    create_topic(self, "topic", 1);
    int64_t offset = -1;
    assert_ok(self->class->offset_at(self->transport, at("topic", 0), 5, &offset, &self->error));
    assert_int_equal(offset, 0);
    ksi_producer *producer = open_producer(self, NULL);
    const int64_t timestamps[] = {10, 30, 20, 40};
    for (size_t i = 0; i < 4; i++) {
        send_value_at(self, producer, "topic", 0, "v", timestamps[i]);
        if (i % 2 == 1) {
            flush_all(self, producer);
        }
    }
    const int64_t wanted[][2] = {{0, 0}, {10, 0}, {11, 1}, {25, 1}, {31, 3}, {41, 4}};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        assert_ok(self->class->offset_at(self->transport, at("topic", 0), wanted[i][0], &offset,
                                         &self->error));
        assert_int_equal(offset, wanted[i][1]);
    }
    assert_ok(self->class->delete_records(self->transport, at("topic", 0), 2, &self->error));
    assert_ok(self->class->offset_at(self->transport, at("topic", 0), 25, &offset, &self->error));
    assert_int_equal(offset, 3);
    producer->class->close(producer);
}

static void deleted_records_are_out_of_range(void **state)
{
    fixture *self = *state;
    create_topic(self, "topic", 1);
    ksi_producer *producer = open_producer(self, NULL);
    const char *values[] = {"a", "b", "c", "d", "e"};
    for (size_t i = 0; i < 5; i++) {
        send_value(self, producer, "topic", 0, values[i]);
        if (i == 2) {
            flush_all(self, producer);
        }
    }
    flush_all(self, producer);
    ksi_consumer *consumer = open_consumer(self);
    size_t slot = assign(self, consumer, "topic", 0, 0);
    ks_log_record record;
    size_t count = 0;
    assert_ok(poll_some(self, consumer, slot, &record, 1, &count));
    assert_int_equal(record.offset, 0);
    consumer->class->unassign(consumer, slot);
    assert_ok(self->class->delete_records(self->transport, at("topic", 0), 2, &self->error));
    slot = assign(self, consumer, "topic", 0, 1); /* nothing of it can have been fetched */
    assert_offsets(self, "topic", 0, 2, 5);
    assert_out_of_range(self, consumer, slot);
    consumer->class->unassign(consumer, slot);
    assert_values(self, "topic", 0, 2, " c d e");
    assert_ok(self->class->delete_records(self->transport, at("topic", 0), 1, &self->error));
    assert_offsets(self, "topic", 0, 2, 5); /* it does not go back */
    assert_refused(self->class->delete_records(self->transport, at("topic", 0), 6, &self->error),
                   KS_E_OUT_OF_RANGE);
    assert_refused(self->class->delete_records(self->transport, at("topic", 0), -1, &self->error),
                   KS_E_OUT_OF_RANGE);
    assert_ok(self->class->delete_records(self->transport, at("topic", 0), 5, &self->error));
    assert_offsets(self, "topic", 0, 5, 5);
    assert_values(self, "topic", 0, 5, "");
    send_value(self, producer, "topic", 0, "f");
    flush_all(self, producer);
    assert_offsets(self, "topic", 0, 5, 6);
    assert_values(self, "topic", 0, 5, " f");
    consumer->class->close(consumer);
    producer->class->close(producer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONTRACT(topics_are_created_once_with_one_count),
        CONTRACT(topics_are_visited_in_the_order_of_names),
        CONTRACT(a_topic_is_configured_by_kafkas_names),
        CONTRACT(what_was_sent_is_read_back),
        CONTRACT(a_record_without_a_timestamp_is_of_now),
        CONTRACT(sending_names_what_is_missing),
        CONTRACT(reading_begins_at_any_offset),
        CONTRACT(what_was_polled_is_held),
        CONTRACT(an_offset_is_found_by_its_timestamp),
        CONTRACT(deleted_records_are_out_of_range),
    };
    const struct CMUnitTest of_own_logs[] = {
        CONTRACT(a_deleted_topic_is_unknown_to_whoever_has_it),
        CONTRACT(a_timestamp_may_be_before_the_epoch),
        CONTRACT(records_are_gathered_until_they_are_old_full_or_flushed),
        CONTRACT(records_of_all_sizes_come_back_in_order_without_holes),
    };
    return RUN_CONTRACT(tests) + RUN_CONTRACT_OF_OWN_LOGS(of_own_logs);
}
