/* SPDX-License-Identifier: Apache-2.0 */
/*
 * contract.c - see contract.h.
 */
#include "contract.h"

enum { MOST_LOOKS = 50 };

static const transport_implementation *current; /* that of the group that runs */

const char *named(const char *base)
{
    return current->name != NULL ? current->name(base) : base;
}

const char *base_of(const char *name)
{
    return current->base != NULL ? current->base(name) : name;
}

int set_up(void **state)
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

int tear_down(void **state)
{
    fixture *self = *state;
    ksi_arena_destroy(&self->arena);
    self->class->release(self->transport);
    ks_log_free(self->log);
    if (self->implementation->closed != NULL) {
        self->implementation->closed();
    }
    free(self);
    return 0;
}

ksi_topic_partition at(const char *topic, int32_t partition)
{
    return (ksi_topic_partition){.topic = named(topic), .partition = partition};
}

void create_topic(fixture *self, const char *topic, int32_t partitions)
{
    /* The records of tests have timestamps that are long over. */
    const ksi_topic_config kept = {"retention.ms", "-1"};
    const ksi_topic_spec spec = {
        .name = named(topic), .partitions = partitions, .configs = &kept, .config_count = 1};
    assert_ok(self->class->create_topic(self->transport, &spec, &self->error));
}

ksi_producer *open_producer(fixture *self, const char *id)
{
    const ksi_producer_options options = {.transactional_id = id != NULL ? named(id) : NULL};
    ksi_producer *producer = self->class->open_producer(self->transport, &options, &self->error);
    assert_non_null(producer);
    return producer;
}

ksi_consumer *open_consumer(fixture *self)
{
    ksi_consumer *consumer =
        self->class->open_consumer(self->transport, KSI_READS_LOG, &self->error);
    assert_non_null(consumer);
    return consumer;
}

void send_value_at(fixture *self, ksi_producer *producer, const char *topic, int32_t partition,
                   const char *value, int64_t timestamp)
{
    const ks_log_record record = {
        .value = ks_slice_cstr(value), .timestamp = timestamp, .partition = partition};
    assert_ok(producer->class->send(producer, 0, named(topic), &record, &self->error));
}

void send_value(fixture *self, ksi_producer *producer, const char *topic, int32_t partition,
                const char *value)
{
    send_value_at(self, producer, topic, partition, value, 7);
}

void flush_all(fixture *self, ksi_producer *producer)
{
    assert_ok(producer->class->flush(producer, &self->error));
}

size_t assign(fixture *self, ksi_consumer *consumer, const char *topic, int32_t partition,
              int64_t offset)
{
    size_t slot = 0;
    assert_ok(consumer->class->assign(consumer, at(topic, partition), offset, &slot, &self->error));
    return slot;
}

ks_status poll_some(fixture *self, ksi_consumer *consumer, size_t slot, ks_log_record *records,
                    size_t capacity, size_t *count)
{
    for (;;) {
        ks_status status =
            consumer->class->poll(consumer, slot, records, capacity, count, &self->error);
        if (status != KS_OK || *count > 0) {
            return status;
        }
        if (consumer->class->position(consumer, slot) >=
            consumer->class->end_offset(consumer, slot)) {
            return KS_OK;
        }
        consumer->class->wait(consumer, 100);
    }
}

/* Polls until the end: the values, each behind a blank, up to `size`. */
void read_values(fixture *self, ksi_consumer *consumer, size_t slot, char *text, size_t size)
{
    size_t length = 0;
    size_t count = 1;
    text[0] = '\0';
    while (count > 0) {
        ks_log_record records[3];
        assert_ok(poll_some(self, consumer, slot, records, 3, &count));
        for (size_t i = 0; i < count; i++) {
            int more = snprintf(text + length, size - length, " %.*s", (int)records[i].value.size,
                                records[i].value.data);
            assert_true(more > 0 && (size_t)more < size - length);
            length += (size_t)more;
        }
    }
}

/*
 * What a partition has from `offset` on. A broker shows a transaction a moment after its commit was
 * answered.
 */
void assert_values(fixture *self, const char *topic, int32_t partition, int64_t offset,
                   const char *wanted)
{
    char text[256] = "";
    int turns = self->implementation->is_cluster ? MOST_LOOKS : 1;
    for (int turn = 0; turn < turns && (turn == 0 || strcmp(text, wanted) != 0); turn++) {
        ksi_consumer *consumer = open_consumer(self);
        size_t slot = assign(self, consumer, topic, partition, offset);
        read_values(self, consumer, slot, text, sizeof text);
        consumer->class->close(consumer);
    }
    assert_string_equal(text, wanted);
}

void assert_offsets(fixture *self, const char *topic, int32_t partition, int64_t begin, int64_t end)
{
    int64_t first = -1;
    int64_t last = -1;
    assert_ok(
        self->class->offsets(self->transport, at(topic, partition), &first, &last, &self->error));
    assert_int_equal(first, begin);
    assert_int_equal(last, end);
}

int64_t committed(fixture *self, const char *group, const char *topic, int32_t partition)
{
    ksi_group_offset offset = {.partition = at(topic, partition), .offset = 77};
    assert_ok(self->class->committed(self->transport, named(group), &offset, 1, &self->arena,
                                     &self->error));
    return offset.offset;
}

ksi_membership *join_group(fixture *self, const char *process, int64_t now_ms)
{
    static const ksi_group_task tasks[] = {{{0, 0}, false}, {{0, 1}, false}};
    const ksi_member_options options = {.group = named("group"),
                                        .process_id = process,
                                        .client_id = process,
                                        .capacity = 1,
                                        .session_timeout_ms = 1000,
                                        .tasks = tasks,
                                        .task_count = 2};
    ksi_transport *where =
        self->implementation->holder != NULL ? self->implementation->holder() : self->transport;
    ksi_membership *member = where->class->join(where, &options, now_ms, &self->error);
    assert_non_null(member);
    return member;
}

void note_name(void *user, const char *name)
{
    char *names = user;
    size_t length = strlen(names);
    const char *base = base_of(name);
    if (base != NULL) {
        (void)snprintf(names + length, 64 - length, "%s ", base);
    }
}

int run_contract(const struct CMUnitTest *tests, size_t count, bool clusters_too)
{
    int failed = 0;
    for (size_t i = 0; i < transport_implementation_count; i++) {
        current = &transport_implementations[i];
        if (clusters_too || !current->is_cluster) {
            failed += _cmocka_run_group_tests(current->label, tests, count, NULL, NULL);
        }
    }
    return failed;
}
