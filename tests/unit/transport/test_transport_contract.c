/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_transport_contract.c - what every transport does, run over each of them.
 *
 * An implementation opens an empty log; everything else goes through transport.h, so that a
 * difference between two of them is a failure here and not a surprise in an application. Time is
 * handed to poll() and join(); nothing sleeps.
 */
#include "base/arena.h"
#include "base/thread.h"
#include "membership/membership.h"
#include "transport/transport.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "transport_implementations.h"

/* ---- helpers --------------------------------------------------------------------------------- */

typedef struct fixture {
    const transport_implementation *implementation;
    ks_log *log;
    ksi_transport *transport;
    const ksi_transport_class *class;
    ks_arena arena;
    ks_error error;
} fixture;

static const transport_implementation *current; /* that of the group that runs */

static int set_up(void **state)
{
    fixture *self = calloc(1, sizeof *self);
    self->implementation = current;
    self->log = current->open();
    self->transport = ksi_log_transport(self->log);
    self->class = self->transport->class;
    ksi_arena_init(&self->arena, 0);
    *state = self;
    return 0;
}

static int tear_down(void **state)
{
    fixture *self = *state;
    ksi_arena_destroy(&self->arena);
    self->class->release(self->transport);
    ks_log_free(self->log);
    free(self);
    return 0;
}

#define assert_ok(call)                                                                \
    do {                                                                               \
        ks_status assert_status = (call);                                              \
        if (assert_status != KS_OK) {                                                  \
            fail_msg("%s at %s: %s", ks_status_name(assert_status), self->error.where, \
                     self->error.message);                                             \
        }                                                                              \
    } while (0)

/* An error says where and what. */
#define assert_refused(call, code_)                  \
    do {                                             \
        self->error = (ks_error){0};                 \
        assert_int_equal((call), (code_));           \
        assert_int_equal(self->error.code, (code_)); \
        assert_true(self->error.message[0] != '\0'); \
    } while (0)

static ksi_topic_partition at(const char *topic, int32_t partition)
{
    return (ksi_topic_partition){.topic = topic, .partition = partition};
}

static void create(fixture *self, const char *topic, int32_t partitions)
{
    const ksi_topic_spec spec = {.name = topic, .partitions = partitions};
    assert_ok(self->class->create_topic(self->transport, &spec, &self->error));
}

static ksi_producer *open_producer(fixture *self, const char *id)
{
    ksi_producer *producer = self->class->open_producer(self->transport, id, &self->error);
    assert_non_null(producer);
    return producer;
}

static ksi_consumer *open_consumer(fixture *self)
{
    ksi_consumer *consumer = self->class->open_consumer(self->transport, &self->error);
    assert_non_null(consumer);
    return consumer;
}

static void send_at(fixture *self, ksi_producer *producer, const char *topic, int32_t partition,
                    const char *value, int64_t timestamp)
{
    const ks_log_record record = {
        .value = ks_slice_cstr(value), .timestamp = timestamp, .partition = partition};
    assert_ok(producer->class->send(producer, topic, &record, &self->error));
}

static void send(fixture *self, ksi_producer *producer, const char *topic, int32_t partition,
                 const char *value)
{
    send_at(self, producer, topic, partition, value, 7);
}

static void flush(fixture *self, ksi_producer *producer)
{
    assert_ok(producer->class->flush(producer, &self->error));
}

static size_t assign(fixture *self, ksi_consumer *consumer, const char *topic, int32_t partition,
                     int64_t offset)
{
    size_t slot = 0;
    assert_ok(consumer->class->assign(consumer, at(topic, partition), offset, &slot, &self->error));
    return slot;
}

/* Polls until nothing comes: the values, each behind a blank, up to `size`. */
static void read_values(fixture *self, ksi_consumer *consumer, size_t slot, char *text, size_t size)
{
    size_t length = 0;
    size_t count = 1;
    text[0] = '\0';
    while (count > 0) {
        ks_log_record records[3];
        assert_ok(consumer->class->poll(consumer, slot, records, 3, &count, &self->error));
        for (size_t i = 0; i < count; i++) {
            int more = snprintf(text + length, size - length, " %.*s", (int)records[i].value.size,
                                records[i].value.data);
            assert_true(more > 0 && (size_t)more < size - length);
            length += (size_t)more;
        }
    }
}

/* What a partition has from `offset` on. */
static void assert_values(fixture *self, const char *topic, int32_t partition, int64_t offset,
                          const char *wanted)
{
    char text[256];
    ksi_consumer *consumer = open_consumer(self);
    size_t slot = assign(self, consumer, topic, partition, offset);
    read_values(self, consumer, slot, text, sizeof text);
    consumer->class->close(consumer);
    assert_string_equal(text, wanted);
}

static void assert_offsets(fixture *self, const char *topic, int32_t partition, int64_t begin,
                           int64_t end)
{
    int64_t first = -1;
    int64_t last = -1;
    assert_ok(
        self->class->offsets(self->transport, at(topic, partition), &first, &last, &self->error));
    assert_int_equal(first, begin);
    assert_int_equal(last, end);
}

static int64_t committed(fixture *self, const char *group, const char *topic, int32_t partition)
{
    ksi_group_offset offset = {.partition = at(topic, partition), .offset = 77};
    assert_ok(
        self->class->committed(self->transport, group, &offset, 1, &self->arena, &self->error));
    return offset.offset;
}

static ksi_membership *join(fixture *self, const char *process, int64_t now_ms)
{
    static const ksi_group_task tasks[] = {{{0, 0}, false}, {{0, 1}, false}};
    const ksi_member_options options = {.group = "group",
                                        .process_id = process,
                                        .client_id = process,
                                        .capacity = 1,
                                        .session_timeout_ms = 1000,
                                        .tasks = tasks,
                                        .task_count = 2};
    ksi_membership *member = self->class->join(self->transport, &options, now_ms, &self->error);
    assert_non_null(member);
    return member;
}

/* ---- topics ---------------------------------------------------------------------------------- */

static void topics_are_created_once_with_one_count(void **state)
{
    fixture *self = *state;
    ksi_topic_spec spec = {.name = "topic", .partitions = 3};
    assert_int_equal(self->class->partition_count(self->transport, "topic"), 0);
    assert_ok(self->class->create_topic(self->transport, &spec, &self->error));
    assert_ok(self->class->create_topic(self->transport, &spec, &self->error));
    assert_int_equal(self->class->partition_count(self->transport, "topic"), 3);
    spec.partitions = 4;
    assert_refused(self->class->create_topic(self->transport, &spec, &self->error), KS_E_ARGUMENT);
    spec = (ksi_topic_spec){.name = "none", .partitions = 0};
    assert_refused(self->class->create_topic(self->transport, &spec, &self->error), KS_E_ARGUMENT);
    spec = (ksi_topic_spec){.name = "a/b", .partitions = 1};
    assert_refused(self->class->create_topic(self->transport, &spec, &self->error), KS_E_ARGUMENT);
    assert_int_equal(self->class->partition_count(self->transport, "none"), 0);
}

static void note_name(void *user, const char *name)
{
    char *names = user;
    size_t length = strlen(names);
    (void)snprintf(names + length, 64 - length, "%s ", name);
}

static void topics_are_visited_in_the_order_of_names(void **state)
{
    fixture *self = *state;
    create(self, "b", 1);
    create(self, "c", 1);
    create(self, "B", 1);
    create(self, "a", 1);
    assert_ok(self->class->delete_topic(self->transport, "c", &self->error));
    char names[64] = "";
    self->class->each_topic(self->transport, note_name, names);
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
    ksi_topic_spec spec = {.name = "topic", .partitions = 1, .configs = configs, .config_count = 2};
    assert_ok(self->class->create_topic(self->transport, &spec, &self->error));
    char text[128] = "";
    assert_ok(self->class->each_config(self->transport, "topic", note_config, text, &self->error));
    assert_string_equal(text, "cleanup.policy=compact! retention.ms=604800000 ");

    ksi_topic_config one = {"retention.ms", "60000"};
    assert_ok(self->class->set_config(self->transport, "topic", &one, &self->error));
    one = (ksi_topic_config){"cleanup.policy", NULL};
    assert_ok(self->class->set_config(self->transport, "topic", &one, &self->error));
    text[0] = '\0';
    assert_ok(self->class->each_config(self->transport, "topic", note_config, text, &self->error));
    assert_string_equal(text, "cleanup.policy=delete retention.ms=60000! ");

    const ksi_topic_config bad[] = {{"retention.ms", "soon"},
                                    {"retention.ms", "-2"},
                                    {"retention.weeks", "1"},
                                    {"cleanup.policy", "shred"},
                                    {"cleanup.policy", ""},
                                    {"min.cleanable.dirty.ratio", "1.5"},
                                    {"message.timestamp.type", "LogAppendTime"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_refused(self->class->set_config(self->transport, "topic", &bad[i], &self->error),
                       KS_E_ARGUMENT);
        assert_non_null(strstr(self->error.message, bad[i].name));
        spec = (ksi_topic_spec){
            .name = "other", .partitions = 1, .configs = &bad[i], .config_count = 1};
        assert_refused(self->class->create_topic(self->transport, &spec, &self->error),
                       KS_E_ARGUMENT);
    }
    assert_int_equal(self->class->partition_count(self->transport, "other"), 0);
    assert_refused(self->class->set_config(self->transport, "nowhere", &one, &self->error),
                   KS_E_UNKNOWN_TOPIC);
}

static void a_deleted_topic_is_unknown_to_whoever_has_it(void **state)
{
    fixture *self = *state;
    create(self, "topic", 1);
    create(self, "other", 1);
    ksi_producer *producer = open_producer(self, NULL);
    ksi_consumer *consumer = open_consumer(self);
    size_t slot = assign(self, consumer, "topic", 0, 0);
    send(self, producer, "topic", 0, "old");
    flush(self, producer);
    ksi_group_offset offset = {.partition = at("topic", 0), .offset = 1};
    const ksi_offset_commit commit = {.group = "group", .offsets = &offset, .count = 1};
    assert_ok(self->class->commit_offsets(self->transport, &commit, &self->error));

    send(self, producer, "topic", 0, "lost");
    send(self, producer, "other", 0, "kept");
    assert_ok(self->class->delete_topic(self->transport, "topic", &self->error));
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
    assert_refused(producer->class->send(producer, "topic", &more, &self->error),
                   KS_E_UNKNOWN_TOPIC);
    assert_refused(self->class->delete_topic(self->transport, "topic", &self->error),
                   KS_E_UNKNOWN_TOPIC);

    create(self, "topic", 2);
    assert_int_equal(committed(self, "group", "topic", 0), -1);
    assert_int_equal(producer->class->partition_count(producer, "topic"), 2);
    send(self, producer, "topic", 1, "new");
    flush(self, producer);
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
    create(self, "topic", 1);
    ksi_producer *producer = open_producer(self, NULL);
    ks_log_record record = {
        .key = ks_slice_cstr("k"),
        .value = ks_slice_cstr("v"),
        .timestamp = 1234,
        .offset = 99,
        .headers = ks_headers_with(&self->arena, NULL, ks_slice_cstr("h"), ks_slice_cstr("1"))};
    record.headers =
        ks_headers_with(&self->arena, record.headers, ks_slice_cstr("n"), ks_slice_null());
    assert_ok(producer->class->send(producer, "topic", &record, &self->error));
    const ks_log_record null = {.key = {.data = NULL, .size = 3}, .timestamp = -5};
    assert_ok(producer->class->send(producer, "topic", &null, &self->error));
    const ks_log_record empty = {.key = ks_slice_cstr(""), .value = ks_slice_cstr("")};
    assert_ok(producer->class->send(producer, "topic", &empty, &self->error));
    ksi_arena_reset(&self->arena);
    flush(self, producer);

    ksi_consumer *consumer = open_consumer(self);
    size_t slot = assign(self, consumer, "topic", 0, 0);
    ks_log_record read[4];
    size_t count = 0;
    assert_ok(consumer->class->poll(consumer, slot, read, 4, &count, &self->error));
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
    assert_int_equal(read[1].timestamp, -5);
    assert_null(read[1].headers);
    assert_non_null(read[2].key.data);
    assert_non_null(read[2].value.data);
    assert_int_equal(read[2].key.size + read[2].value.size, 0);
    assert_int_equal(read[2].offset, 2);
    consumer->class->close(consumer);
    producer->class->close(producer);
}

static void sending_names_what_is_missing(void **state)
{
    fixture *self = *state;
    create(self, "topic", 2);
    ksi_producer *producer = open_producer(self, NULL);
    ks_log_record record = {.partition = 0};
    assert_refused(producer->class->send(producer, "nowhere", &record, &self->error),
                   KS_E_UNKNOWN_TOPIC);
    assert_string_equal(self->error.where, "nowhere");
    record.partition = 2;
    assert_refused(producer->class->send(producer, "topic", &record, &self->error), KS_E_ARGUMENT);
    record.partition = -1;
    assert_refused(producer->class->send(producer, "topic", &record, &self->error), KS_E_ARGUMENT);
    assert_int_equal(producer->class->partition_count(producer, "nowhere"), 0);
    assert_int_equal(producer->class->pending_bytes(producer), 0);
    producer->class->close(producer);
}

static void records_are_gathered_until_they_are_old_full_or_flushed(void **state)
{
    fixture *self = *state;
    create(self, "topic", 1);
    ksi_producer *producer = open_producer(self, NULL);
    int64_t next = 0;
    assert_ok(producer->class->poll(producer, 1000, &next, &self->error));
    assert_int_equal(next, -1);
    assert_int_equal(producer->class->last_offset(producer, at("topic", 0)), -1);
    send(self, producer, "topic", 0, "a");
    assert_true(producer->class->pending_bytes(producer) > 0);
    assert_offsets(self, "topic", 0, 0, 0);
    assert_ok(producer->class->poll(producer, 1000, &next, &self->error));
    assert_true(next > 1000);
    assert_offsets(self, "topic", 0, 0, 0);
    assert_ok(producer->class->poll(producer, next, &next, &self->error));
    assert_int_equal(next, -1);
    assert_offsets(self, "topic", 0, 0, 1);
    assert_int_equal(producer->class->pending_bytes(producer), 0);

    send(self, producer, "topic", 0, "b");
    flush(self, producer);
    assert_offsets(self, "topic", 0, 0, 2);
    assert_int_equal(producer->class->last_offset(producer, at("topic", 0)), 1);

    enum { SIZE = 300 * 1024 };
    char *bytes = calloc(1, SIZE);
    const ks_log_record big = {.value = ks_slice_of(bytes, SIZE)};
    for (int i = 0; i < 4; i++) {
        assert_ok(producer->class->send(producer, "topic", &big, &self->error));
    }
    assert_offsets(self, "topic", 0, 0, 6);
    free(bytes);
    send(self, producer, "topic", 0, "closed");
    producer->class->close(producer);
    assert_offsets(self, "topic", 0, 0, 7);
}

/* Many batches of small records and some bigger than a batch, over three partitions. */
static void records_of_all_sizes_come_back_in_order_without_holes(void **state)
{
    enum { RECORDS = 30000, BIG = 3 * 1024 * 1024, PARTITIONS = 3 };
    fixture *self = *state;
    create(self, "topic", PARTITIONS);
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
        assert_ok(producer->class->send(producer, "topic", &record, &self->error));
        if (i % 997 == 0) {
            flush(self, producer);
        }
    }
    flush(self, producer);
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

static void reading_begins_at_any_offset(void **state)
{
    enum { RECORDS = 2000 };
    fixture *self = *state;
    create(self, "topic", 1);
    ksi_producer *producer = open_producer(self, NULL);
    for (int i = 0; i < RECORDS; i++) {
        send(self, producer, "topic", 0, "some value of a few bytes");
        if (i % 11 == 0) {
            flush(self, producer);
        }
    }
    flush(self, producer);
    ksi_consumer *consumer = open_consumer(self);
    for (int64_t offset = 0; offset <= RECORDS; offset++) {
        size_t slot = assign(self, consumer, "topic", 0, offset);
        assert_int_equal(slot, 0); /* numbers are used again */
        size_t count = 7;
        ks_log_record record = {0};
        assert_ok(consumer->class->poll(consumer, slot, &record, 1, &count, &self->error));
        assert_int_equal(count, offset < RECORDS ? 1 : 0);
        if (count == 1) {
            assert_int_equal(record.offset, offset);
        }
        assert_int_equal(consumer->class->end_offset(consumer, slot), RECORDS);
        consumer->class->unassign(consumer, slot);
    }
    size_t slot = assign(self, consumer, "topic", 0, RECORDS + 1);
    size_t count = 0;
    ks_log_record record;
    assert_refused(consumer->class->poll(consumer, slot, &record, 1, &count, &self->error),
                   KS_E_OUT_OF_RANGE);
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
    create(self, "topic", 1);
    ksi_producer *producer = open_producer(self, NULL);
    send(self, producer, "topic", 0, "first");
    flush(self, producer);
    send(self, producer, "topic", 0, "second");
    flush(self, producer);
    ksi_consumer *consumer = open_consumer(self);
    size_t slot = assign(self, consumer, "topic", 0, 0);
    ks_log_record records[2];
    size_t count = 0;
    assert_ok(consumer->class->poll(consumer, slot, records, 2, &count, &self->error));
    assert_int_equal(count, 2);
    for (int i = 0; i < 100; i++) {
        send(self, producer, "topic", 0, "and many more behind them");
        flush(self, producer);
    }
    assert_ok(self->class->delete_records(self->transport, at("topic", 0), 50, &self->error));
    assert_ok(self->class->delete_topic(self->transport, "topic", &self->error));
    assert_true(ks_slice_equal(records[0].value, ks_slice_cstr("first")));
    assert_true(ks_slice_equal(records[1].value, ks_slice_cstr("second")));
    consumer->class->close(consumer);
    producer->class->close(producer);
}

static void an_offset_is_found_by_its_timestamp(void **state)
{
    fixture *self = *state;
    create(self, "topic", 1);
    int64_t offset = -1;
    assert_ok(self->class->offset_at(self->transport, at("topic", 0), 5, &offset, &self->error));
    assert_int_equal(offset, 0);
    ksi_producer *producer = open_producer(self, NULL);
    const int64_t timestamps[] = {10, 30, 20, 40};
    for (size_t i = 0; i < 4; i++) {
        send_at(self, producer, "topic", 0, "v", timestamps[i]);
        if (i % 2 == 1) {
            flush(self, producer);
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
    create(self, "topic", 1);
    ksi_producer *producer = open_producer(self, NULL);
    const char *values[] = {"a", "b", "c", "d", "e"};
    for (size_t i = 0; i < 5; i++) {
        send(self, producer, "topic", 0, values[i]);
        if (i == 2) {
            flush(self, producer);
        }
    }
    flush(self, producer);
    ksi_consumer *consumer = open_consumer(self);
    size_t slot = assign(self, consumer, "topic", 0, 0);
    ks_log_record record;
    size_t count = 0;
    assert_ok(consumer->class->poll(consumer, slot, &record, 1, &count, &self->error));
    assert_int_equal(record.offset, 0);
    assert_ok(self->class->delete_records(self->transport, at("topic", 0), 2, &self->error));
    assert_offsets(self, "topic", 0, 2, 5);
    assert_refused(consumer->class->poll(consumer, slot, &record, 1, &count, &self->error),
                   KS_E_OUT_OF_RANGE);
    assert_int_equal(count, 0);
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
    send(self, producer, "topic", 0, "f");
    flush(self, producer);
    assert_offsets(self, "topic", 0, 5, 6);
    assert_values(self, "topic", 0, 5, " f");
    consumer->class->close(consumer);
    producer->class->close(producer);
}

/* ---- transactions ---------------------------------------------------------------------------- */

static void a_transaction_is_seen_as_a_whole(void **state)
{
    fixture *self = *state;
    create(self, "in", 1);
    create(self, "out", 2);
    ksi_producer *producer = open_producer(self, "id");
    send(self, producer, "out", 0, "a");
    send(self, producer, "out", 1, "b");
    int64_t next = 0;
    flush(self, producer);
    assert_ok(producer->class->poll(producer, 1000000000, &next, &self->error));
    assert_ok(producer->class->poll(producer, 2000000000, &next, &self->error));
    assert_int_equal(next, -1);
    assert_offsets(self, "out", 0, 0, 0);
    assert_true(producer->class->pending_bytes(producer) > 0);
    ksi_group_offset offset = {
        .partition = at("in", 0), .offset = 12, .metadata = ks_slice_cstr("meta")};
    const ksi_offset_commit offsets = {.group = "group", .offsets = &offset, .count = 1};
    assert_int_equal(committed(self, "group", "in", 0), -1);
    assert_ok(producer->class->commit(producer, &offsets, &self->error));
    assert_values(self, "out", 0, 0, " a");
    assert_values(self, "out", 1, 0, " b");
    assert_int_equal(committed(self, "group", "in", 0), 12);
    assert_int_equal(producer->class->last_offset(producer, at("out", 1)), 0);
    assert_int_equal(producer->class->pending_bytes(producer), 0);

    offset.offset = 13; /* offsets alone, and records alone */
    assert_ok(producer->class->commit(producer, &offsets, &self->error));
    assert_int_equal(committed(self, "group", "in", 0), 13);
    send(self, producer, "out", 0, "c");
    assert_ok(producer->class->commit(producer, NULL, &self->error));
    assert_values(self, "out", 0, 0, " a c");
    producer->class->close(producer);
}

static void an_aborted_transaction_leaves_nothing(void **state)
{
    fixture *self = *state;
    create(self, "out", 1);
    ksi_producer *producer = open_producer(self, "id");
    send(self, producer, "out", 0, "dropped");
    assert_ok(producer->class->abort(producer, &self->error));
    assert_int_equal(producer->class->pending_bytes(producer), 0);
    send(self, producer, "out", 0, "kept");
    assert_ok(producer->class->commit(producer, NULL, &self->error));
    send(self, producer, "out", 0, "never committed");
    producer->class->close(producer);
    assert_values(self, "out", 0, 0, " kept");
    assert_offsets(self, "out", 0, 0, 1);

    ksi_producer *plain = open_producer(self, NULL);
    assert_refused(plain->class->commit(plain, NULL, &self->error), KS_E_STATE);
    assert_refused(plain->class->abort(plain, &self->error), KS_E_STATE);
    plain->class->close(plain);
}

static void a_newer_producer_fences_the_one_before_it(void **state)
{
    fixture *self = *state;
    create(self, "out", 1);
    ksi_producer *old = open_producer(self, "id");
    ksi_producer *other = open_producer(self, "another id");
    send(self, old, "out", 0, "old");
    ksi_producer *young = open_producer(self, "id");
    send(self, young, "out", 0, "young");
    assert_refused(old->class->commit(old, NULL, &self->error), KS_E_FENCED);
    assert_ok(young->class->commit(young, NULL, &self->error));
    assert_refused(old->class->commit(old, NULL, &self->error), KS_E_FENCED);
    old->class->close(old);
    send(self, young, "out", 0, "still");
    assert_ok(young->class->commit(young, NULL, &self->error));
    send(self, other, "out", 0, "other");
    assert_ok(other->class->commit(other, NULL, &self->error));
    assert_values(self, "out", 0, 0, " young still other");
    young->class->close(young);
    other->class->close(other);
}

static void a_transaction_on_a_deleted_topic_commits_nothing(void **state)
{
    fixture *self = *state;
    create(self, "gone", 1);
    create(self, "out", 1);
    ksi_producer *producer = open_producer(self, "id");
    send(self, producer, "out", 0, "a");
    send(self, producer, "gone", 0, "b");
    assert_ok(self->class->delete_topic(self->transport, "gone", &self->error));
    assert_refused(producer->class->commit(producer, NULL, &self->error), KS_E_UNKNOWN_TOPIC);
    assert_offsets(self, "out", 0, 0, 0);
    assert_ok(producer->class->abort(producer, &self->error));
    send(self, producer, "out", 0, "c");
    assert_ok(producer->class->commit(producer, NULL, &self->error));
    assert_values(self, "out", 0, 0, " c");
    producer->class->close(producer);
}

/* ---- groups ---------------------------------------------------------------------------------- */

static void a_group_keeps_its_own_offsets(void **state)
{
    fixture *self = *state;
    create(self, "topic", 2);
    ksi_group_offset offsets[] = {
        {.partition = at("topic", 0), .offset = 5, .metadata = ks_slice_cstr("five")},
        {.partition = at("topic", 1), .offset = 0, .metadata = ks_slice_cstr("")}};
    ksi_offset_commit commit = {.group = "group", .offsets = offsets, .count = 2};
    assert_ok(self->class->commit_offsets(self->transport, &commit, &self->error));
    offsets[0].offset = 8;
    offsets[0].metadata = ks_slice_null();
    commit.count = 1;
    ksi_group_offset read[] = {
        {.partition = at("topic", 1)}, {.partition = at("topic", 0)}, {.partition = at("no", 0)}};
    assert_ok(
        self->class->committed(self->transport, "group", read, 3, &self->arena, &self->error));
    assert_true(ks_slice_equal(read[1].metadata, ks_slice_cstr("five")));
    assert_ok(self->class->commit_offsets(self->transport, &commit, &self->error));
    assert_ok(
        self->class->committed(self->transport, "group", read, 3, &self->arena, &self->error));
    assert_int_equal(read[0].offset, 0);
    assert_non_null(read[0].metadata.data);
    assert_int_equal(read[0].metadata.size, 0);
    assert_int_equal(read[1].offset, 8);
    assert_null(read[1].metadata.data);
    assert_int_equal(read[2].offset, -1);
    assert_int_equal(committed(self, "grou", "topic", 0), -1);

    ksi_group_offset bad[] = {{.partition = at("topic", 0), .offset = 9},
                              {.partition = at("topic", 1), .offset = -1}};
    commit = (ksi_offset_commit){.group = "group", .offsets = bad, .count = 2};
    assert_refused(self->class->commit_offsets(self->transport, &commit, &self->error),
                   KS_E_ARGUMENT);
    assert_int_equal(committed(self, "group", "topic", 0), 8); /* all or none */
}

static void note_offset(void *user, const ksi_group_offset *offset)
{
    char *text = user;
    size_t length = strlen(text);
    (void)snprintf(text + length, 64 - length, "%s-%d@%lld ", offset->partition.topic,
                   offset->partition.partition, (long long)offset->offset);
}

static void groups_are_listed_and_deleted(void **state)
{
    fixture *self = *state;
    create(self, "a", 2);
    create(self, "b", 1);
    ksi_group_offset offsets[] = {{.partition = at("b", 0), .offset = 3},
                                  {.partition = at("a", 1), .offset = 2},
                                  {.partition = at("a", 0), .offset = 1}};
    ksi_offset_commit commit = {.group = "two", .offsets = offsets, .count = 3};
    assert_ok(self->class->commit_offsets(self->transport, &commit, &self->error));
    commit.group = "group";
    assert_ok(self->class->commit_offsets(self->transport, &commit, &self->error));
    ksi_membership *member = join(self, "p", 0);
    char names[64] = "";
    self->class->each_group(self->transport, note_name, names);
    assert_string_equal(names, "group two ");
    char text[64] = "";
    self->class->each_offset(self->transport, "two", note_offset, text);
    assert_string_equal(text, "a-0@1 a-1@2 b-0@3 ");
    assert_refused(self->class->delete_group(self->transport, "group", &self->error), KS_E_STATE);
    member->class->leave(member);
    assert_ok(self->class->delete_group(self->transport, "group", &self->error));
    assert_int_equal(committed(self, "group", "a", 0), -1);
    assert_int_equal(committed(self, "two", "a", 0), 1);
}

/* Commits count only from a member that the group still knows in this generation. */
static void a_member_whose_session_ended_commits_nothing(void **state)
{
    fixture *self = *state;
    create(self, "in", 1);
    create(self, "out", 1);
    ksi_membership *slow = join(self, "slow", 0);
    const ksi_generation generation = slow->class->generation(slow);
    ksi_group_offset offset = {.partition = at("in", 0), .offset = 1};
    const ksi_offset_commit commit = {
        .group = "group", .generation = &generation, .offsets = &offset, .count = 1};
    ksi_producer *producer = open_producer(self, "id");
    send(self, producer, "out", 0, "a");
    assert_ok(producer->class->commit(producer, &commit, &self->error));
    offset.offset = 2;
    assert_ok(self->class->commit_offsets(self->transport, &commit, &self->error));

    ksi_membership *other = join(self, "other", 5000);
    offset.offset = 3;
    send(self, producer, "out", 0, "b");
    assert_refused(producer->class->commit(producer, &commit, &self->error), KS_E_FENCED);
    assert_refused(self->class->commit_offsets(self->transport, &commit, &self->error),
                   KS_E_FENCED);
    assert_values(self, "out", 0, 0, " a");
    assert_int_equal(committed(self, "group", "in", 0), 2);
    other->class->leave(other);
    slow->class->vanish(slow);
    producer->class->close(producer);
}

/* ---- waiting and threads --------------------------------------------------------------------- */

static void a_wait_ends_at_its_time_or_at_a_wake(void **state)
{
    fixture *self = *state;
    create(self, "topic", 1);
    ksi_producer *producer = open_producer(self, NULL);
    ksi_consumer *consumer = open_consumer(self);
    size_t slot = assign(self, consumer, "topic", 0, 0);
    consumer->class->wait(consumer, 1);
    consumer->class->wake(consumer);
    consumer->class->wait(consumer, -1); /* the wake came first and still counts */
    send(self, producer, "topic", 0, "v");
    flush(self, producer);
    consumer->class->wait(consumer, -1); /* there is a record */
    consumer->class->watch(consumer, slot, false);
    consumer->class->wait(consumer, 1); /* which does not count while nobody has room for it */
    consumer->class->wake(consumer);
    consumer->class->wait(consumer, -1);
    consumer->class->close(consumer);
    producer->class->close(producer);
}

enum { WRITERS = 3, RECORDS_OF_A_WRITER = 20000, SHARED_PARTITIONS = 2 };

typedef struct writer {
    ksi_transport *transport;
    int number;
    ks_status status;
} writer;

/* The third one in transactions. */
static void write_records(void *user)
{
    writer *self = user;
    const char *id = self->number == WRITERS - 1 ? "id" : NULL;
    ksi_producer *producer = self->transport->class->open_producer(self->transport, id, NULL);
    for (int i = 0; i < RECORDS_OF_A_WRITER && self->status == KS_OK; i++) {
        char value[32];
        int length = snprintf(value, sizeof value, "%d %d", self->number, i);
        const ks_log_record record = {.value = ks_slice_of(value, (size_t)length),
                                      .timestamp = i,
                                      .partition = i % SHARED_PARTITIONS};
        self->status = producer->class->send(producer, "topic", &record, NULL);
        if (self->status == KS_OK && (i % 53 == 0 || i == RECORDS_OF_A_WRITER - 1)) {
            self->status = id != NULL ? producer->class->commit(producer, NULL, NULL)
                                      : producer->class->flush(producer, NULL);
        }
    }
    producer->class->close(producer);
}

typedef struct reader_state {
    int last[WRITERS][SHARED_PARTITIONS];
    size_t seen;
} reader_state;

static void take_records(reader_state *reader, const ks_log_record *records, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char value[32];
        int number = 0;
        int index = 0;
        (void)snprintf(value, sizeof value, "%.*s", (int)records[i].value.size,
                       records[i].value.data);
        assert_int_equal(sscanf(value, "%d %d", &number, &index), 2);
        int *last = &reader->last[number][records[i].partition];
        assert_int_equal(index, *last < 0 ? records[i].partition : *last + SHARED_PARTITIONS);
        *last = index;
    }
    reader->seen += count;
}

static void a_waiting_reader_sees_every_record_of_every_writer_in_order(void **state)
{
    fixture *self = *state;
    create(self, "topic", SHARED_PARTITIONS);
    ksi_consumer *consumer = open_consumer(self);
    size_t slots[SHARED_PARTITIONS];
    for (int32_t i = 0; i < SHARED_PARTITIONS; i++) {
        slots[i] = assign(self, consumer, "topic", i, 0);
    }
    writer writers[WRITERS];
    ksi_thread threads[WRITERS] = {0};
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (writer){.transport = self->transport, .number = i};
        assert_int_equal(ksi_thread_start(&threads[i], "writer", write_records, &writers[i]), 0);
    }
    reader_state reader = {.seen = 0};
    memset(reader.last, -1, sizeof reader.last);
    while (reader.seen < (size_t)WRITERS * RECORDS_OF_A_WRITER) {
        consumer->class->wait(consumer, -1);
        for (int p = 0; p < SHARED_PARTITIONS; p++) {
            ks_log_record batch[64];
            size_t count = 0;
            assert_ok(consumer->class->poll(consumer, slots[p], batch, 64, &count, &self->error));
            take_records(&reader, batch, count);
        }
    }
    for (int i = 0; i < WRITERS; i++) {
        ksi_thread_join(&threads[i]);
        assert_int_equal(writers[i].status, KS_OK);
    }
    consumer->class->close(consumer);
}

/* One thread deletes what another reads: it gets what it was given, or out of range. */
enum { DELETED_RECORDS = 4000 };

static void delete_behind(void *user)
{
    writer *self = user;
    ksi_transport *transport = self->transport;
    for (int64_t before = 0; before < DELETED_RECORDS && self->status == KS_OK; before += 7) {
        self->status = transport->class->delete_records(transport, at("topic", 0), before, NULL);
    }
}

static void reading_and_deleting_at_once_is_safe(void **state)
{
    fixture *self = *state;
    create(self, "topic", 1);
    ksi_producer *producer = open_producer(self, NULL);
    for (int i = 0; i < DELETED_RECORDS; i++) {
        char value[32];
        (void)snprintf(value, sizeof value, "record %d", i);
        send(self, producer, "topic", 0, value);
        if (i % 5 == 0) {
            flush(self, producer);
        }
    }
    flush(self, producer);
    writer deleter = {.transport = self->transport};
    ksi_thread thread = {0};
    assert_int_equal(ksi_thread_start(&thread, "deleter", delete_behind, &deleter), 0);
    ksi_consumer *consumer = open_consumer(self);
    int64_t offset = 0;
    while (offset < DELETED_RECORDS) {
        size_t slot = assign(self, consumer, "topic", 0, offset);
        ks_log_record records[20];
        size_t count = 1;
        ks_status status = KS_OK;
        while (count > 0) {
            status = consumer->class->poll(consumer, slot, records, 20, &count, &self->error);
            for (size_t i = 0; i < count; i++) {
                char value[32];
                (void)snprintf(value, sizeof value, "record %lld", (long long)records[i].offset);
                assert_true(ks_slice_equal(records[i].value, ks_slice_cstr(value)));
                offset = records[i].offset + 1;
            }
        }
        if (status == KS_E_OUT_OF_RANGE) {
            int64_t end = 0;
            assert_ok(
                self->class->offsets(self->transport, at("topic", 0), &offset, &end, &self->error));
        } else {
            assert_int_equal(status, KS_OK);
        }
        consumer->class->unassign(consumer, slot);
    }
    ksi_thread_join(&thread);
    assert_int_equal(deleter.status, KS_OK);
    consumer->class->close(consumer);
    producer->class->close(producer);
}

/* Two threads send one record to and fro: each turn is a sleep and a wake-up; a lost one hangs. */
enum { TURNS = 2000 };

typedef struct player {
    ksi_transport *transport;
    const char *from;
    const char *to;
} player;

static void play(void *user)
{
    player *self = user;
    ksi_transport *transport = self->transport;
    ksi_consumer *consumer = transport->class->open_consumer(transport, NULL);
    ksi_producer *producer = transport->class->open_producer(transport, NULL, NULL);
    size_t slot = 0;
    ks_status status = consumer->class->assign(consumer, at(self->from, 0), 0, &slot, NULL);
    for (int turn = 0; turn < TURNS && status == KS_OK;) {
        ks_log_record record;
        size_t count = 0;
        consumer->class->wait(consumer, -1);
        status = consumer->class->poll(consumer, slot, &record, 1, &count, NULL);
        if (status == KS_OK && count == 1) {
            status = producer->class->send(producer, self->to, &record, NULL);
            turn++;
        }
        if (status == KS_OK && count == 1) {
            status = producer->class->flush(producer, NULL);
        }
    }
    consumer->class->close(consumer);
    producer->class->close(producer);
}

static void no_wake_up_is_lost(void **state)
{
    fixture *self = *state;
    create(self, "ping", 1);
    create(self, "pong", 1);
    player players[] = {{self->transport, "ping", "pong"}, {self->transport, "pong", "ping"}};
    ksi_thread threads[2] = {0};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ksi_thread_start(&threads[i], "player", play, &players[i]), 0);
    }
    ksi_producer *producer = open_producer(self, NULL);
    send(self, producer, "ping", 0, "ball");
    flush(self, producer);
    for (int i = 0; i < 2; i++) {
        ksi_thread_join(&threads[i]);
    }
    assert_offsets(self, "ping", 0, 0, TURNS + 1);
    assert_offsets(self, "pong", 0, 0, TURNS);
    producer->class->close(producer);
}

#define CONTRACT(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONTRACT(topics_are_created_once_with_one_count),
        CONTRACT(topics_are_visited_in_the_order_of_names),
        CONTRACT(a_topic_is_configured_by_kafkas_names),
        CONTRACT(a_deleted_topic_is_unknown_to_whoever_has_it),
        CONTRACT(what_was_sent_is_read_back),
        CONTRACT(sending_names_what_is_missing),
        CONTRACT(records_are_gathered_until_they_are_old_full_or_flushed),
        CONTRACT(records_of_all_sizes_come_back_in_order_without_holes),
        CONTRACT(reading_begins_at_any_offset),
        CONTRACT(what_was_polled_is_held),
        CONTRACT(an_offset_is_found_by_its_timestamp),
        CONTRACT(deleted_records_are_out_of_range),
        CONTRACT(a_transaction_is_seen_as_a_whole),
        CONTRACT(an_aborted_transaction_leaves_nothing),
        CONTRACT(a_newer_producer_fences_the_one_before_it),
        CONTRACT(a_transaction_on_a_deleted_topic_commits_nothing),
        CONTRACT(a_group_keeps_its_own_offsets),
        CONTRACT(groups_are_listed_and_deleted),
        CONTRACT(a_member_whose_session_ended_commits_nothing),
        CONTRACT(a_wait_ends_at_its_time_or_at_a_wake),
        CONTRACT(a_waiting_reader_sees_every_record_of_every_writer_in_order),
        CONTRACT(reading_and_deleting_at_once_is_safe),
        CONTRACT(no_wake_up_is_lost),
    };
    int failed = 0;
    for (size_t i = 0; i < transport_implementation_count; i++) {
        current = &transport_implementations[i];
        failed += _cmocka_run_group_tests(current->name, tests, sizeof tests / sizeof tests[0],
                                          NULL, NULL);
    }
    return failed;
}
