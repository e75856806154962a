/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_transport_commits.c - every transport: transactions, groups, waiting, many threads.
 */
#include "base/thread.h"
#include "contract.h"

/* ---- transactions ---------------------------------------------------------------------------- */

static void a_transaction_is_seen_as_a_whole(void **state)
{
    fixture *self = *state;
    create_topic(self, "in", 1);
    create_topic(self, "out", 2);
    ksi_producer *producer = open_producer(self, "id");
    send_value(self, producer, "out", 0, "a");
    send_value(self, producer, "out", 1, "b");
    int64_t next = 0;
    flush_all(self, producer);
    assert_ok(producer->class->poll(producer, 1000000000, &next, &self->error));
    assert_ok(producer->class->poll(producer, 2000000000, &next, &self->error));
    assert_true(next == -1 || self->implementation->is_cluster); /* it looks for answers */
    assert_offsets(self, "out", 0, 0, 0);
    assert_true(producer->class->pending_bytes(producer) > 0);
    ksi_group_offset offset = {
        .partition = at("in", 0), .offset = 12, .metadata = ks_slice_cstr("meta")};
    const ksi_offset_commit offsets = {.group = named("group"), .offsets = &offset, .count = 1};
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
    send_value(self, producer, "out", 0, "c");
    assert_ok(producer->class->commit(producer, NULL, &self->error));
    assert_values(self, "out", 0, 0, " a c");
    producer->class->close(producer);
}

static void an_aborted_transaction_leaves_nothing(void **state)
{
    fixture *self = *state;
    create_topic(self, "out", 1);
    ksi_producer *producer = open_producer(self, "id");
    send_value(self, producer, "out", 0, "dropped");
    assert_ok(producer->class->abort(producer, &self->error));
    assert_int_equal(producer->class->pending_bytes(producer), 0);
    send_value(self, producer, "out", 0, "kept");
    assert_ok(producer->class->commit(producer, NULL, &self->error));
    send_value(self, producer, "out", 0, "never committed");
    producer->class->close(producer);
    assert_values(self, "out", 0, 0, " kept");

    ksi_producer *plain = open_producer(self, NULL);
    assert_refused(plain->class->commit(plain, NULL, &self->error), KS_E_STATE);
    assert_refused(plain->class->abort(plain, &self->error), KS_E_STATE);
    plain->class->close(plain);
}

static void offsets_have_no_hole_where_a_transaction_was_aborted(void **state)
{
    fixture *self = *state;
    create_topic(self, "out", 1);
    ksi_producer *producer = open_producer(self, "id");
    send_value(self, producer, "out", 0, "dropped");
    assert_ok(producer->class->abort(producer, &self->error));
    send_value(self, producer, "out", 0, "kept");
    assert_ok(producer->class->commit(producer, NULL, &self->error));
    producer->class->close(producer);
    assert_offsets(self, "out", 0, 0, 1);
}

static void a_newer_producer_fences_the_one_before_it(void **state)
{
    fixture *self = *state;
    create_topic(self, "out", 1);
    ksi_producer *old = open_producer(self, "id");
    ksi_producer *other = open_producer(self, "another id");
    send_value(self, old, "out", 0, "old");
    ksi_producer *young = open_producer(self, "id");
    send_value(self, young, "out", 0, "young");
    assert_refused(old->class->commit(old, NULL, &self->error), KS_E_FENCED);
    assert_ok(young->class->commit(young, NULL, &self->error));
    assert_refused(old->class->commit(old, NULL, &self->error), KS_E_FENCED);
    old->class->close(old);
    send_value(self, young, "out", 0, "still");
    assert_ok(young->class->commit(young, NULL, &self->error));
    send_value(self, other, "out", 0, "other");
    assert_ok(other->class->commit(other, NULL, &self->error));
    assert_values(self, "out", 0, 0, " young still other");
    young->class->close(young);
    other->class->close(other);
}

static void a_transaction_on_a_deleted_topic_commits_nothing(void **state)
{
    fixture *self = *state;
    create_topic(self, "gone", 1);
    create_topic(self, "out", 1);
    ksi_producer *producer = open_producer(self, "id");
    send_value(self, producer, "out", 0, "a");
    send_value(self, producer, "gone", 0, "b");
    assert_ok(self->class->delete_topic(self->transport, named("gone"), &self->error));
    assert_refused(producer->class->commit(producer, NULL, &self->error), KS_E_UNKNOWN_TOPIC);
    assert_offsets(self, "out", 0, 0, 0);
    assert_ok(producer->class->abort(producer, &self->error));
    send_value(self, producer, "out", 0, "c");
    assert_ok(producer->class->commit(producer, NULL, &self->error));
    assert_values(self, "out", 0, 0, " c");
    producer->class->close(producer);
}

/* ---- groups ---------------------------------------------------------------------------------- */

static void a_group_keeps_its_own_offsets(void **state)
{
    fixture *self = *state;
    create_topic(self, "topic", 2);
    ksi_group_offset offsets[] = {
        {.partition = at("topic", 0), .offset = 5, .metadata = ks_slice_cstr("five")},
        {.partition = at("topic", 1), .offset = 0, .metadata = ks_slice_cstr("")}};
    ksi_offset_commit commit = {.group = named("group"), .offsets = offsets, .count = 2};
    assert_ok(self->class->commit_offsets(self->transport, &commit, &self->error));
    offsets[0].offset = 8;
    offsets[0].metadata = ks_slice_null();
    commit.count = 1;
    ksi_group_offset read[] = {
        {.partition = at("topic", 1)}, {.partition = at("topic", 0)}, {.partition = at("no", 0)}};
    assert_ok(self->class->committed(self->transport, named("group"), read, 3, &self->arena,
                                     &self->error));
    assert_true(ks_slice_equal(read[1].metadata, ks_slice_cstr("five")));
    assert_ok(self->class->commit_offsets(self->transport, &commit, &self->error));
    assert_ok(self->class->committed(self->transport, named("group"), read, 3, &self->arena,
                                     &self->error));
    assert_int_equal(read[0].offset, 0);
    assert_int_equal(read[0].metadata.size, 0);
    assert_int_equal(read[1].offset, 8);
    assert_int_equal(read[1].metadata.size, 0);
    assert_int_equal(read[2].offset, -1);
    assert_int_equal(committed(self, "grou", "topic", 0), -1);

    ksi_group_offset bad[] = {{.partition = at("topic", 0), .offset = 9},
                              {.partition = at("topic", 1), .offset = -1}};
    commit = (ksi_offset_commit){.group = named("group"), .offsets = bad, .count = 2};
    assert_refused(self->class->commit_offsets(self->transport, &commit, &self->error),
                   KS_E_ARGUMENT);
    assert_int_equal(committed(self, "group", "topic", 0), 8); /* all or none */
}

/* Kafka's brokers make an empty one of it. */
static void no_metadata_is_not_empty_metadata(void **state)
{
    fixture *self = *state;
    create_topic(self, "topic", 2);
    ksi_group_offset offsets[] = {{.partition = at("topic", 0), .offset = 5},
                                  {.partition = at("topic", 1), .metadata = ks_slice_cstr("")}};
    const ksi_offset_commit commit = {.group = "group", .offsets = offsets, .count = 2};
    assert_ok(self->class->commit_offsets(self->transport, &commit, &self->error));
    assert_ok(
        self->class->committed(self->transport, "group", offsets, 2, &self->arena, &self->error));
    assert_null(offsets[0].metadata.data);
    assert_non_null(offsets[1].metadata.data);
}

static void note_offset(void *user, const ksi_group_offset *offset)
{
    char *text = user;
    size_t length = strlen(text);
    (void)snprintf(text + length, 64 - length, "%s-%d@%lld ", base_of(offset->partition.topic),
                   offset->partition.partition, (long long)offset->offset);
}

static void groups_are_listed_and_deleted(void **state)
{
    fixture *self = *state;
    create_topic(self, "a", 2);
    create_topic(self, "b", 1);
    ksi_group_offset offsets[] = {{.partition = at("b", 0), .offset = 3},
                                  {.partition = at("a", 1), .offset = 2},
                                  {.partition = at("a", 0), .offset = 1}};
    ksi_offset_commit commit = {.group = named("two"), .offsets = offsets, .count = 3};
    assert_ok(self->class->commit_offsets(self->transport, &commit, &self->error));
    commit.group = named("group");
    assert_ok(self->class->commit_offsets(self->transport, &commit, &self->error));
    char names[64] = "";
    assert_ok(self->class->each_group(self->transport, note_name, names, &self->error));
    assert_string_equal(names, "group two ");
    char text[64] = "";
    assert_ok(
        self->class->each_offset(self->transport, named("two"), note_offset, text, &self->error));
    assert_string_equal(text, "a-0@1 a-1@2 b-0@3 ");
    assert_ok(self->class->delete_group(self->transport, named("group"), &self->error));
    assert_int_equal(committed(self, "group", "a", 0), -1);
    assert_int_equal(committed(self, "two", "a", 0), 1);
}

static void a_group_that_has_members_is_not_deleted(void **state)
{
    fixture *self = *state;
    create_topic(self, "a", 1);
    ksi_group_offset offset = {.partition = at("a", 0), .offset = 1};
    const ksi_offset_commit commit = {.group = "group", .offsets = &offset, .count = 1};
    assert_ok(self->class->commit_offsets(self->transport, &commit, &self->error));
    ksi_membership *member = join_group(self, "p", 0);
    assert_refused(self->class->delete_group(self->transport, "group", &self->error), KS_E_STATE);
    member->class->leave(member);
    assert_ok(self->class->delete_group(self->transport, "group", &self->error));
    assert_int_equal(committed(self, "group", "a", 0), -1);
}

/* Commits count only from a member that the group still knows in this generation. */
static void a_member_whose_session_ended_commits_nothing(void **state)
{
    fixture *self = *state;
    create_topic(self, "in", 1);
    create_topic(self, "out", 1);
    ksi_membership *slow = join_group(self, "slow", 0);
    const ksi_generation generation = slow->class->generation(slow);
    ksi_group_offset offset = {.partition = at("in", 0), .offset = 1};
    const ksi_offset_commit commit = {
        .group = named("group"), .generation = &generation, .offsets = &offset, .count = 1};
    ksi_producer *producer = open_producer(self, "id");
    send_value(self, producer, "out", 0, "a");
    assert_ok(producer->class->commit(producer, &commit, &self->error));
    offset.offset = 2;
    assert_ok(self->class->commit_offsets(self->transport, &commit, &self->error));

    ksi_membership *other = join_group(self, "other", 5000);
    offset.offset = 3;
    send_value(self, producer, "out", 0, "b");
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
    create_topic(self, "topic", 1);
    ksi_producer *producer = open_producer(self, NULL);
    ksi_consumer *consumer = open_consumer(self);
    size_t slot = assign(self, consumer, "topic", 0, 0);
    consumer->class->wait(consumer, 1);
    consumer->class->wake(consumer);
    consumer->class->wait(consumer, -1); /* the wake came first and still counts */
    send_value(self, producer, "topic", 0, "v");
    flush_all(self, producer);
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
    const char *topic;
    const char *id; /* NULL: without transactions */
    int number;
    ks_status status;
} writer;

/* The third one in transactions. */
static void write_records(void *user)
{
    writer *self = user;
    const ksi_producer_options options = {.transactional_id = self->id};
    ksi_producer *producer = self->transport->class->open_producer(self->transport, &options, NULL);
    for (int i = 0; i < RECORDS_OF_A_WRITER && self->status == KS_OK; i++) {
        char value[32];
        int length = snprintf(value, sizeof value, "%d %d", self->number, i);
        const ks_log_record record = {.value = ks_slice_of(value, (size_t)length),
                                      .timestamp = i,
                                      .partition = i % SHARED_PARTITIONS};
        self->status = producer->class->send(producer, 0, self->topic, &record, NULL);
        if (self->status == KS_OK && (i % 53 == 0 || i == RECORDS_OF_A_WRITER - 1)) {
            self->status = options.transactional_id != NULL
                               ? producer->class->commit(producer, NULL, NULL)
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
    create_topic(self, "topic", SHARED_PARTITIONS);
    ksi_consumer *consumer = open_consumer(self);
    size_t slots[SHARED_PARTITIONS];
    for (int32_t i = 0; i < SHARED_PARTITIONS; i++) {
        slots[i] = assign(self, consumer, "topic", i, 0);
    }
    writer writers[WRITERS];
    ksi_thread threads[WRITERS] = {0};
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (writer){.transport = self->transport,
                              .topic = named("topic"),
                              .id = i == WRITERS - 1 ? named("id") : NULL,
                              .number = i};
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
    create_topic(self, "topic", 1);
    ksi_producer *producer = open_producer(self, NULL);
    for (int i = 0; i < DELETED_RECORDS; i++) {
        char value[32];
        (void)snprintf(value, sizeof value, "record %d", i);
        send_value(self, producer, "topic", 0, value);
        if (i % 5 == 0) {
            flush_all(self, producer);
        }
    }
    flush_all(self, producer);
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
enum { TURNS = 2000, TURNS_OVER_BROKERS = 200 };

typedef struct player {
    ksi_transport *transport;
    ksi_topic_partition from;
    const char *to;
    int turns;
} player;

static void play(void *user)
{
    player *self = user;
    ksi_transport *transport = self->transport;
    ksi_consumer *consumer = transport->class->open_consumer(transport, KSI_READS_LOG, NULL);
    ksi_producer *producer = transport->class->open_producer(transport, NULL, NULL);
    size_t slot = 0;
    ks_status status = consumer->class->assign(consumer, self->from, 0, &slot, NULL);
    for (int turn = 0; turn < self->turns && status == KS_OK;) {
        ks_log_record record;
        size_t count = 0;
        consumer->class->wait(consumer, -1);
        status = consumer->class->poll(consumer, slot, &record, 1, &count, NULL);
        if (status == KS_OK && count == 1) {
            status = producer->class->send(producer, 0, self->to, &record, NULL);
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
    create_topic(self, "ping", 1);
    create_topic(self, "pong", 1);
    int turns = self->implementation->is_cluster ? TURNS_OVER_BROKERS : TURNS;
    player players[] = {{self->transport, at("ping", 0), named("pong"), turns},
                        {self->transport, at("pong", 0), named("ping"), turns}};
    ksi_thread threads[2] = {0};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ksi_thread_start(&threads[i], "player", play, &players[i]), 0);
    }
    ksi_producer *producer = open_producer(self, NULL);
    send_value(self, producer, "ping", 0, "ball");
    flush_all(self, producer);
    for (int i = 0; i < 2; i++) {
        ksi_thread_join(&threads[i]);
    }
    assert_offsets(self, "ping", 0, 0, turns + 1);
    assert_offsets(self, "pong", 0, 0, turns);
    producer->class->close(producer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONTRACT(a_transaction_is_seen_as_a_whole),
        CONTRACT(an_aborted_transaction_leaves_nothing),
        CONTRACT(a_newer_producer_fences_the_one_before_it),
        CONTRACT(a_group_keeps_its_own_offsets),
        CONTRACT(groups_are_listed_and_deleted),
        CONTRACT(a_wait_ends_at_its_time_or_at_a_wake),
        CONTRACT(a_waiting_reader_sees_every_record_of_every_writer_in_order),
        CONTRACT(no_wake_up_is_lost),
    };
    const struct CMUnitTest of_own_logs[] = {
        CONTRACT(offsets_have_no_hole_where_a_transaction_was_aborted),
        CONTRACT(a_transaction_on_a_deleted_topic_commits_nothing),
        CONTRACT(no_metadata_is_not_empty_metadata),
        CONTRACT(a_group_that_has_members_is_not_deleted),
        CONTRACT(a_member_whose_session_ended_commits_nothing),
        CONTRACT(reading_and_deleting_at_once_is_safe),
    };
    return RUN_CONTRACT(tests) + RUN_CONTRACT_OF_OWN_LOGS(of_own_logs);
}
