/* SPDX-License-Identifier: Apache-2.0 */
/*
 * faulty_log.c - see faulty_log.h.
 */
#include "faulty_log.h"

#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

faulty_state faults;

static ksi_transport_class faulty_transport;
static ksi_producer_class faulty_producer;
static ksi_consumer_class faulty_consumer;
static const ksi_transport_class *real_transport;
static const ksi_producer_class *real_producer;
static const ksi_consumer_class *real_consumer;

static ks_status ask(faulty_call which, ks_error *error)
{
    if (faults.out != which) {
        return KS_OK;
    }
    faults.asked++;
    (void)ksi_error_set(error, faults.code, faults.where != NULL ? faults.where : "broker",
                        "nobody is there");
    uint32_t flags = faults.is_void ? KS_ERROR_ABORT : KS_ERROR_RETRIABLE;
    return ksi_error_flag(error, faults.is_final ? 0 : flags);
}

static ks_status commit_offsets(ksi_transport *self, const ksi_offset_commit *commit,
                                ks_error *error)
{
    KS_TRY(ask(COMMIT, error));
    return real_transport->commit_offsets(self, commit, error);
}

static ks_status committed(ksi_transport *self, const char *group, ksi_group_offset *offsets,
                           size_t count, ks_arena *arena, ks_error *error)
{
    KS_TRY(ask(COMMITTED, error));
    return real_transport->committed(self, group, offsets, count, arena, error);
}

static ks_status offsets(ksi_transport *self, ksi_topic_partition partition, int64_t *begin,
                         int64_t *end, ks_error *error)
{
    KS_TRY(ask(OFFSETS, error));
    return real_transport->offsets(self, partition, begin, end, error);
}

static ks_status create_topic(ksi_transport *self, const ksi_topic_spec *spec, ks_error *error)
{
    KS_TRY(ask(CREATE, error));
    return real_transport->create_topic(self, spec, error);
}

static ks_status assign(ksi_consumer *self, ksi_topic_partition partition, int64_t offset,
                        size_t *slot, ks_error *error)
{
    KS_TRY(ask(ASSIGN, error));
    return real_consumer->assign(self, partition, offset, slot, error);
}

static ks_status poll_slot(ksi_consumer *self, size_t slot, ks_log_record *records, size_t capacity,
                           size_t *count, ks_error *error)
{
    KS_TRY(ask(POLL, error));
    return real_consumer->poll(self, slot, records, capacity, count, error);
}

static int64_t end_offset(ksi_consumer *self, size_t slot)
{
    return real_consumer->end_offset(self, slot) + faults.later;
}

/* What is bad is not sent on; it will be refused. */
static ks_status send_record(ksi_producer *self, uint32_t sender, const char *topic,
                             const ks_log_record *record, ks_error *error)
{
    if (faults.on_send != NULL) {
        faults.on_send();
    }
    bool is_bad = faults.bad_topic != NULL && strcmp(topic, faults.bad_topic) == 0;
    KS_TRY(ask(SEND, error));
    if (!is_bad || faults.refused_count == FAULTY_MOST_REFUSED) {
        return real_producer->send(self, sender, topic, record, error);
    }
    faulty_sent *refused = &faults.refused[faults.refused_count++];
    *refused = (faulty_sent){.sender = sender, .partition = record->partition};
    (void)snprintf(refused->topic, sizeof refused->topic, "%s", topic);
    return KS_OK;
}

static ks_status partition_count(ksi_producer *self, const char *topic, int32_t *count,
                                 ks_error *error)
{
    KS_TRY(ask(COUNT, error));
    return real_producer->partition_count(self, topic, count, error);
}

static ks_status refuse_all(ks_error *error)
{
    ks_error reason = {0};
    (void)ksi_error_set(&reason, faults.code, "broker", "the record is too large");
    (void)ksi_error_flag(&reason, faults.refusal);
    while (faults.refused_count > 0) {
        const faulty_sent *refused = &faults.refused[--faults.refused_count];
        const ks_log_record record = {.key = ks_slice_cstr("k"),
                                      .value = ks_slice_cstr("bad"),
                                      .timestamp = 7,
                                      .partition = refused->partition,
                                      .offset = -1};
        KS_TRY(faults.undelivered(faults.owner, refused->sender, refused->topic, &record, &reason,
                                  error));
    }
    return KS_OK;
}

static size_t pending_bytes(const ksi_producer *self)
{
    return faults.out == FLUSH ? 1000 : real_producer->pending_bytes(self);
}

static ks_status flush(ksi_producer *self, ks_error *error)
{
    KS_TRY(ask(FLUSH, error));
    KS_TRY(refuse_all(error));
    return real_producer->flush(self, error);
}

static ks_status commit_transaction(ksi_producer *self, const ksi_offset_commit *offsets,
                                    ks_error *error)
{
    KS_TRY(ask(COMMIT, error));
    return real_producer->commit(self, offsets, error);
}

static ksi_producer *open_producer(ksi_transport *self, const ksi_producer_options *options,
                                   ks_error *error)
{
    if (ask(OPEN, error) != KS_OK) {
        return NULL;
    }
    ksi_producer *producer = real_transport->open_producer(self, options, error);
    real_producer = producer->class;
    faulty_producer = *real_producer;
    faulty_producer.send = send_record;
    faulty_producer.partition_count = partition_count;
    faulty_producer.flush = flush;
    faulty_producer.pending_bytes = pending_bytes;
    faulty_producer.commit = commit_transaction;
    producer->class = &faulty_producer;
    faults.undelivered = options != NULL ? options->undelivered : NULL;
    faults.owner = options != NULL ? options->owner : NULL;
    return producer;
}

static ksi_consumer *open_consumer(ksi_transport *self, ksi_reads reads, ks_error *error)
{
    ksi_consumer *consumer = real_transport->open_consumer(self, reads, error);
    real_consumer = consumer->class;
    faulty_consumer = *real_consumer;
    faulty_consumer.assign = assign;
    faulty_consumer.poll = poll_slot;
    faulty_consumer.end_offset = end_offset;
    consumer->class = &faulty_consumer;
    return consumer;
}

ks_log *faulty_log_open(void)
{
    memset(&faults, 0, sizeof faults);
    faults.code = KS_E_IO;
    ks_log *log = log_open();
    log_create(log, "in", 1);
    log_create(log, "out", 1);
    log_create(log, "letters", 1);
    ksi_transport *transport = ksi_log_transport(log);
    real_transport = transport->class;
    faulty_transport = *real_transport;
    faulty_transport.commit_offsets = commit_offsets;
    faulty_transport.committed = committed;
    faulty_transport.offsets = offsets;
    faulty_transport.create_topic = create_topic;
    faulty_transport.open_producer = open_producer;
    faulty_transport.open_consumer = open_consumer;
    transport->class = &faulty_transport;
    transport->class->release(transport);
    return log;
}

void faulty_log_commits_at_once(bool at_once)
{
    faulty_transport.commits_at_once = at_once;
}

/* By the log's own clients, which stay as they are. */
void faulty_log_produce_to(ks_log *log, const char *topic, const char *record)
{
    ksi_transport *transport = ksi_log_transport(log);
    transport->class = real_transport;
    log_produce(log, topic, 0, 1, record);
    transport->class = &faulty_transport;
    transport->class->release(transport);
}

void faulty_log_produce(ks_log *log, const char *record)
{
    faulty_log_produce_to(log, "in", record);
}

void faulty_log_expect(ks_log *log, const char *topic, const char *values)
{
    char found[FAULTY_TEXT_SIZE];
    ksi_transport *transport = ksi_log_transport(log);
    transport->class = real_transport;
    assert_string_equal(log_values(log, topic, found, sizeof found), values);
    transport->class = &faulty_transport;
    transport->class->release(transport);
}

static ks_config *quick_config(void)
{
    ks_config *config = config_of("app");
    config_put(config, "commit.interval.ms", "100");
    config_put(config, "task.timeout.ms", "5000");
    return config;
}

thread_rig *faulty_rig_new(ks_log *log, ks_topology *topology, bool is_exact)
{
    thread_rig *rig = rig_new(log, topology, quick_config());
    rig->transactional_id = is_exact ? "app-1" : NULL;
    return rig;
}

void faulty_rig_free(thread_rig *rig, ks_log *log)
{
    rig_free(rig);
    ks_log_free(log);
}

void faulty_rig_give_again(thread_rig *rig)
{
    assert_int_equal(rig->returned, 1);
    rig->returned = 0;
    rig_restore(rig);
}
