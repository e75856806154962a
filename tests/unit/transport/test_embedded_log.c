/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_embedded_log.c - the log in memory, through log.h and through the transport's interface.
 *
 * The threads of the last tests hand records over without any sleeping: a reader waits on its
 * consumer, and a test that hangs there has found a lost wake-up.
 */
#include "base/arena.h"
#include "base/thread.h"
#include "transport/transport.h"
#include <kstreams/options.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
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

static void only_the_log_in_memory_opens(void **state)
{
    (void)state;
    ks_error error = {0};
    assert_null(ks_log_open("embedded:/var/lib/log", &error));
    assert_int_equal(error.code, KS_E_NOT_BUILT);
    assert_non_null(strstr(error.message, "\"embedded:\""));

    error = (ks_error){0};
    assert_null(ks_log_open("broker:9092", &error));
    assert_int_equal(error.code, KS_E_NOT_BUILT);
    assert_non_null(strstr(error.message, "broker:9092"));

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
    assert_int_equal(transport->class->partition_count(transport, "topic"), 2);
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

enum { NAMES_SIZE = 64 };

static void collect_name(void *user, const char *topic)
{
    char *names = user;
    size_t length = strlen(names);
    (void)snprintf(names + length, NAMES_SIZE - length, "%s ", topic);
}

static void topics_are_visited_in_the_order_of_names(void **state)
{
    (void)state;
    ks_log *log = open_log();
    create(log, "b", 1);
    create(log, "c", 1);
    create(log, "B", 1);
    create(log, "a", 1);
    ksi_transport *transport = ksi_log_transport(log);
    char names[NAMES_SIZE] = "";
    transport->class->each_topic(transport, collect_name, names);
    assert_string_equal(names, "B a b c ");
    transport->class->release(transport);
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

/* Small and big records over many chunks; every slice stays what it was until the log is freed. */
static void records_never_move(void **state)
{
    (void)state;
    enum { RECORDS = 20000, BIG = 3 * 1024 * 1024 };
    ks_log *log = open_log();
    create(log, "topic", 1);
    char *big = test_malloc(BIG);
    memset(big, 'x', BIG);
    ksi_transport *transport = ksi_log_transport(log);
    ksi_consumer *consumer = transport->class->open_consumer(transport, NULL);
    size_t slot = 0;
    assert_int_equal(consumer->class->assign(consumer, at("topic", 0), 0, &slot, NULL), KS_OK);
    ks_log_record *records = test_calloc(RECORDS, sizeof *records);
    size_t seen = 0;
    for (int i = 0; i < RECORDS; i++) {
        char key[16];
        int length = snprintf(key, sizeof key, "%d", i);
        ks_log_record record = {.key = ks_slice_of(key, (size_t)length),
                                .value = ks_slice_of(big, i % 5000 == 4999 ? BIG : (size_t)i % 90),
                                .timestamp = i,
                                .partition = 0};
        assert_int_equal(ks_log_produce(log, "topic", &record, NULL), KS_OK);
        if (i % 7 == 0) {
            size_t count = 0;
            assert_int_equal(
                consumer->class->poll(consumer, slot, records + seen, RECORDS - seen, &count, NULL),
                KS_OK);
            seen += count;
            assert_int_equal(seen, i + 1);
            assert_int_equal(consumer->class->position(consumer, slot), i + 1);
        }
    }
    size_t count = 0;
    assert_int_equal(
        consumer->class->poll(consumer, slot, records + seen, RECORDS - seen, &count, NULL), KS_OK);
    assert_int_equal(seen + count, RECORDS);
    for (int i = 0; i < RECORDS; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "%d", i);
        assert_slice(records[i].key, key);
        assert_int_equal(records[i].value.size, i % 5000 == 4999 ? BIG : i % 90);
        assert_int_equal(records[i].offset, i);
        assert_int_equal(records[i].timestamp, i);
    }
    test_free(records);
    test_free(big);
    consumer->class->close(consumer);
    transport->class->release(transport);
    ks_log_free(log);
}

static void reading_begins_at_any_offset(void **state)
{
    (void)state;
    enum { RECORDS = 3000 };
    ks_log *log = open_log();
    create(log, "topic", 1);
    for (int i = 0; i < RECORDS; i++) {
        produce(log, "topic", NULL, "some value of a few bytes", 0);
    }
    ksi_transport *transport = ksi_log_transport(log);
    ksi_consumer *consumer = transport->class->open_consumer(transport, NULL);
    for (int64_t offset = 0; offset <= RECORDS; offset++) {
        size_t slot = 0;
        size_t count = 7;
        ks_log_record record = {0};
        assert_int_equal(consumer->class->assign(consumer, at("topic", 0), offset, &slot, NULL),
                         KS_OK);
        assert_int_equal(consumer->class->poll(consumer, slot, &record, 1, &count, NULL), KS_OK);
        assert_int_equal(count, offset < RECORDS ? 1 : 0);
        if (count == 1) {
            assert_int_equal(record.offset, offset);
        }
        assert_int_equal(consumer->class->end_offset(consumer, slot), RECORDS);
    }
    size_t slot = 0;
    ks_error error = {0};
    assert_int_equal(consumer->class->assign(consumer, at("topic", 0), -1, &slot, &error),
                     KS_E_ARGUMENT);
    assert_int_equal(consumer->class->assign(consumer, at("topic", 1), 0, &slot, &error),
                     KS_E_ARGUMENT);
    assert_int_equal(consumer->class->assign(consumer, at("nowhere", 0), 0, &slot, &error),
                     KS_E_UNKNOWN_TOPIC);
    consumer->class->close(consumer);
    transport->class->release(transport);
    ks_log_free(log);
}

static void an_offset_is_found_by_its_timestamp(void **state)
{
    (void)state;
    ks_log *log = open_log();
    create(log, "topic", 1);
    ksi_transport *transport = ksi_log_transport(log);
    int64_t offset = -1;
    assert_int_equal(transport->class->offset_at(transport, at("topic", 0), 5, &offset, NULL),
                     KS_OK);
    assert_int_equal(offset, 0);
    const int64_t timestamps[] = {10, 30, 20, 40};
    for (size_t i = 0; i < 4; i++) {
        ks_log_record record = {.timestamp = timestamps[i], .partition = 0};
        assert_int_equal(ks_log_produce(log, "topic", &record, NULL), KS_OK);
    }
    const int64_t wanted[][2] = {{0, 0}, {10, 0}, {11, 1}, {25, 1}, {31, 3}, {41, 4}};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        assert_int_equal(
            transport->class->offset_at(transport, at("topic", 0), wanted[i][0], &offset, NULL),
            KS_OK);
        assert_int_equal(offset, wanted[i][1]);
    }
    transport->class->release(transport);
    ks_log_free(log);
}

/* ---- groups ---------------------------------------------------------------------------------- */

static void a_group_keeps_its_own_offsets(void **state)
{
    (void)state;
    ks_log *log = open_log();
    create(log, "topic", 2);
    ksi_transport *transport = ksi_log_transport(log);
    ksi_group_offset offsets[] = {{at("topic", 0), 5}, {at("topic", 1), 0}};
    assert_int_equal(transport->class->commit(transport, "group", offsets, 2, NULL), KS_OK);
    offsets[0].offset = 8;
    assert_int_equal(transport->class->commit(transport, "group", offsets, 1, NULL), KS_OK);
    ksi_group_offset read[] = {{at("topic", 1), 77}, {at("topic", 0), 77}, {at("other", 0), 77}};
    assert_int_equal(transport->class->committed(transport, "group", read, 3, NULL), KS_OK);
    assert_int_equal(read[0].offset, 0);
    assert_int_equal(read[1].offset, 8);
    assert_int_equal(read[2].offset, -1);
    assert_int_equal(transport->class->committed(transport, "grou", read, 3, NULL), KS_OK);
    assert_int_equal(read[0].offset, -1);

    ks_error error = {0};
    ksi_group_offset bad[] = {{at("topic", 0), 9}, {at("topic", 1), -1}};
    assert_int_equal(transport->class->commit(transport, "group", bad, 2, &error), KS_E_ARGUMENT);
    assert_int_equal(transport->class->committed(transport, "group", read, 3, NULL), KS_OK);
    assert_int_equal(read[1].offset, 8); /* all or none */
    transport->class->release(transport);
    ks_log_free(log);
}

static void a_group_has_one_member(void **state)
{
    (void)state;
    ks_log *log = open_log();
    ksi_transport *transport = ksi_log_transport(log);
    ks_error error = {0};
    assert_int_equal(transport->class->join(transport, "group", &error), KS_OK);
    assert_int_equal(transport->class->join(transport, "other", &error), KS_OK);
    assert_int_equal(transport->class->join(transport, "group", &error), KS_E_STATE);
    assert_string_equal(error.where, "group");
    transport->class->leave(transport, "group");
    assert_int_equal(transport->class->join(transport, "group", &error), KS_OK);
    transport->class->release(transport);
    ks_log_free(log);
}

/* ---- waiting and threads --------------------------------------------------------------------- */

static void a_wait_ends_at_its_time_or_at_a_wake(void **state)
{
    (void)state;
    ks_log *log = open_log();
    create(log, "topic", 1);
    ksi_transport *transport = ksi_log_transport(log);
    ksi_consumer *consumer = transport->class->open_consumer(transport, NULL);
    size_t slot = 0;
    assert_int_equal(consumer->class->assign(consumer, at("topic", 0), 0, &slot, NULL), KS_OK);
    consumer->class->wait(consumer, 1);
    consumer->class->wake(consumer);
    consumer->class->wait(consumer, -1); /* the wake came first and still counts */
    produce(log, "topic", NULL, "v", 0);
    consumer->class->wait(consumer, -1); /* there is a record */
    consumer->class->watch(consumer, slot, false);
    consumer->class->wait(consumer, 1); /* which does not count while nobody has room for it */
    consumer->class->wake(consumer);
    consumer->class->wait(consumer, -1);
    consumer->class->close(consumer);
    transport->class->release(transport);
    ks_log_free(log);
}

enum { WRITERS = 3, RECORDS_OF_A_WRITER = 20000, PARTITIONS = 2 };

typedef struct writer {
    ks_log *log;
    int number;
} writer;

static void write_records(void *user)
{
    writer *self = user;
    for (int i = 0; i < RECORDS_OF_A_WRITER; i++) {
        char value[32];
        int length = snprintf(value, sizeof value, "%d %d", self->number, i);
        ks_log_record record = {.value = ks_slice_of(value, (size_t)length),
                                .timestamp = i,
                                .partition = i % PARTITIONS};
        if (ks_log_produce(self->log, "topic", &record, NULL) != KS_OK) {
            return; /* the reader misses a record and fails */
        }
    }
}

static void a_waiting_reader_sees_every_record_of_every_writer_in_order(void **state)
{
    (void)state;
    ks_log *log = open_log();
    create(log, "topic", PARTITIONS);
    ksi_transport *transport = ksi_log_transport(log);
    ksi_consumer *consumer = transport->class->open_consumer(transport, NULL);
    size_t slots[PARTITIONS];
    for (int32_t i = 0; i < PARTITIONS; i++) {
        assert_int_equal(consumer->class->assign(consumer, at("topic", i), 0, &slots[i], NULL),
                         KS_OK);
    }
    writer writers[WRITERS];
    ksi_thread threads[WRITERS] = {0};
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (writer){.log = log, .number = i};
        assert_int_equal(ksi_thread_start(&threads[i], "writer", write_records, &writers[i]), 0);
    }
    int last[WRITERS][PARTITIONS];
    memset(last, -1, sizeof last);
    size_t seen = 0;
    while (seen < (size_t)WRITERS * RECORDS_OF_A_WRITER) {
        consumer->class->wait(consumer, -1);
        for (int p = 0; p < PARTITIONS; p++) {
            ks_log_record batch[64];
            size_t count = 0;
            assert_int_equal(consumer->class->poll(consumer, slots[p], batch, 64, &count, NULL),
                             KS_OK);
            for (size_t i = 0; i < count; i++) {
                char value[32];
                int number = 0;
                int index = 0;
                (void)snprintf(value, sizeof value, "%.*s", (int)batch[i].value.size,
                               batch[i].value.data);
                assert_int_equal(sscanf(value, "%d %d", &number, &index), 2);
                assert_true(index > last[number][p]);
                last[number][p] = index;
            }
            seen += count;
        }
    }
    for (int i = 0; i < WRITERS; i++) {
        ksi_thread_join(&threads[i]);
        assert_int_equal(last[i][0], RECORDS_OF_A_WRITER - 2);
        assert_int_equal(last[i][1], RECORDS_OF_A_WRITER - 1);
    }
    consumer->class->close(consumer);
    transport->class->release(transport);
    ks_log_free(log);
}

/*
 * Two threads send one record to and fro: each turn is a sleep and a wake-up, so a lost one hangs.
 */
enum { TURNS = 2000 };

typedef struct player {
    ks_log *log;
    const char *from;
    const char *to;
} player;

static void play(void *user)
{
    player *self = user;
    ksi_transport *transport = ksi_log_transport(self->log);
    ksi_consumer *consumer = transport->class->open_consumer(transport, NULL);
    ksi_producer *producer = transport->class->open_producer(transport, NULL);
    size_t slot = 0;
    ks_status status = consumer->class->assign(consumer, at(self->from, 0), 0, &slot, NULL);
    for (int turn = 0; turn < TURNS && status == KS_OK;) {
        consumer->class->wait(consumer, -1);
        ks_log_record record;
        size_t count = 0;
        status = consumer->class->poll(consumer, slot, &record, 1, &count, NULL);
        if (status == KS_OK && count == 1) {
            status = producer->class->send(producer, self->to, &record, NULL);
            turn++;
        }
    }
    producer->class->close(producer);
    consumer->class->close(consumer);
    transport->class->release(transport);
}

static void no_wake_up_is_lost(void **state)
{
    (void)state;
    ks_log *log = open_log();
    create(log, "ping", 1);
    create(log, "pong", 1);
    player players[2] = {{log, "ping", "pong"}, {log, "pong", "ping"}};
    ksi_thread threads[2] = {0};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ksi_thread_start(&threads[i], "player", play, &players[i]), 0);
    }
    produce(log, "ping", NULL, "ball", 0);
    for (int i = 0; i < 2; i++) {
        ksi_thread_join(&threads[i]);
    }
    ksi_transport *transport = ksi_log_transport(log);
    int64_t begin = -1;
    int64_t end = -1;
    assert_int_equal(transport->class->offsets(transport, at("ping", 0), &begin, &end, NULL),
                     KS_OK);
    assert_int_equal(begin, 0);
    assert_int_equal(end, TURNS + 1);
    assert_int_equal(transport->class->offsets(transport, at("pong", 0), &begin, &end, NULL),
                     KS_OK);
    assert_int_equal(end, TURNS);
    transport->class->release(transport);
    ks_log_free(log);
}

static ks_status send_to(ksi_producer *producer, const char *topic, int32_t partition)
{
    const ks_log_record record = {.value = ks_slice_cstr("x"), .partition = partition};
    return producer->class->send(producer, topic, &record, NULL);
}

/* Beside another writer, and with more topics than it remembers the recent ones of. */
static void a_producer_knows_where_its_last_records_are(void **state)
{
    (void)state;
    ks_log *log = open_log();
    ksi_transport *transport = ksi_log_transport(log);
    ksi_producer *producer = transport->class->open_producer(transport, NULL);
    create(log, "two", 2);
    assert_int_equal(producer->class->last_offset(producer, at("two", 1)), -1);
    produce(log, "two", NULL, "another's", 1);
    assert_int_equal(send_to(producer, "two", 1), KS_OK);
    for (int i = 0; i < 20; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "other-%d", i);
        create(log, name, 1);
        assert_int_equal(send_to(producer, name, 0), KS_OK);
    }
    produce(log, "two", NULL, "another's", 1);
    int64_t first = producer->class->last_offset(producer, at("two", 1));
    int64_t end = 0;
    int64_t begin = 0;
    assert_int_equal(producer->class->last_offset(producer, at("two", 0)), -1);
    assert_int_equal(transport->class->offsets(transport, at("two", 1), &begin, &end, NULL), KS_OK);
    assert_true(first >= 0 && first < end);
    assert_int_equal(send_to(producer, "two", 1), KS_OK);
    assert_int_equal(producer->class->last_offset(producer, at("two", 1)), end);
    assert_int_equal(producer->class->last_offset(producer, at("nowhere", 0)), -1);
    assert_int_equal(producer->class->last_offset(producer, at("two", 2)), -1);
    producer->class->close(producer);
    transport->class->release(transport);
    ks_log_free(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_log_in_memory_opens),
        cmocka_unit_test(two_logs_share_nothing),
        cmocka_unit_test(a_transport_outlives_the_handle_it_came_from),
        cmocka_unit_test(topics_are_named_by_kafkas_rules),
        cmocka_unit_test(a_topic_is_created_once_with_one_count),
        cmocka_unit_test(topics_are_visited_in_the_order_of_names),
        cmocka_unit_test(what_was_produced_is_read_back),
        cmocka_unit_test(null_is_not_empty),
        cmocka_unit_test(a_missing_timestamp_becomes_now),
        cmocka_unit_test(keys_choose_partitions_as_javas_producer_does),
        cmocka_unit_test(records_without_a_key_take_turns),
        cmocka_unit_test(producing_names_what_is_missing),
        cmocka_unit_test(records_never_move),
        cmocka_unit_test(reading_begins_at_any_offset),
        cmocka_unit_test(an_offset_is_found_by_its_timestamp),
        cmocka_unit_test(a_group_keeps_its_own_offsets),
        cmocka_unit_test(a_group_has_one_member),
        cmocka_unit_test(a_wait_ends_at_its_time_or_at_a_wake),
        cmocka_unit_test(a_waiting_reader_sees_every_record_of_every_writer_in_order),
        cmocka_unit_test(no_wake_up_is_lost),
        cmocka_unit_test(a_producer_knows_where_its_last_records_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
