/* SPDX-License-Identifier: Apache-2.0 */
/*
 * embedded_producer.c - writing to the log in memory: a record is in the log when send() returns.
 *
 * A task sends to few topics, one record after the other, so the producer remembers the topics it
 * met: a comparison of two short names instead of a lock and a look into the log's table. With each
 * it keeps the offsets of the last records it sent there, by which a store knows its place in its
 * changelog.
 *
 * Thread rule: the producer's owner.
 */
#include "transport/embedded/embedded_log.h"

#include "base/error.h"
#include "base/memory.h"

/* More topics than this are found through a table. */
#define RECENT_TOPICS 8

typedef struct known_topic {
    ksi_embedded_topic *topic;
    int64_t last_offsets[]; /* by partition; -1: nothing was sent there */
} known_topic;

typedef struct embedded_producer {
    ksi_producer producer; /* first */
    ksi_embedded_log *log;
    ksi_map *topics; /* name -> known_topic */
    known_topic *recent[RECENT_TOPICS];
    size_t next; /* which to forget next */
} embedded_producer;

/* Asks the log for a topic; NULL when it has none of that name. */
static known_topic *learn_topic(embedded_producer *producer, const char *name)
{
    ksi_embedded_topic *topic = ksi_embedded_log_topic(producer->log, name);
    if (topic == NULL) {
        return NULL;
    }
    size_t count = (size_t)topic->partition_count;
    known_topic *known = ksi_alloc(sizeof *known + count * sizeof(int64_t));
    known->topic = topic;
    for (size_t i = 0; i < count; i++) {
        known->last_offsets[i] = -1;
    }
    (void)ksi_map_put_cstr(producer->topics, name, known);
    return known;
}

static known_topic *find_topic(embedded_producer *producer, const char *name)
{
    for (size_t i = 0; i < RECENT_TOPICS && producer->recent[i] != NULL; i++) {
        if (strcmp(producer->recent[i]->topic->name, name) == 0) {
            return producer->recent[i];
        }
    }
    known_topic *known = ksi_map_get_cstr(producer->topics, name);
    if (known == NULL) {
        known = learn_topic(producer, name);
    }
    if (known != NULL) {
        producer->recent[producer->next] = known;
        producer->next = (producer->next + 1) % RECENT_TOPICS;
    }
    return known;
}

static ks_status producer_send(ksi_producer *self, const char *name, const ks_log_record *record,
                               ks_error *error)
{
    embedded_producer *producer = (embedded_producer *)self;
    known_topic *known = find_topic(producer, name);
    if (known == NULL) {
        return ksi_error_set(error, KS_E_UNKNOWN_TOPIC, name,
                             "the topic does not exist; create it first");
    }
    ksi_embedded_topic *topic = known->topic;
    if (record->partition < 0 || record->partition >= topic->partition_count) {
        return ksi_error_set(error, KS_E_ARGUMENT, name,
                             "the topic has partitions 0 to %d; there is no partition %d",
                             topic->partition_count - 1, record->partition);
    }
    ksi_partition *partition = &topic->partitions[record->partition];
    ks_status status =
        ksi_partition_append(partition, record, &known->last_offsets[record->partition], error);
    if (status == KS_OK && atomic_load(&partition->watchers) > 0) {
        ksi_embedded_log_notify(producer->log);
    }
    return status;
}

static int32_t producer_partition_count(ksi_producer *self, const char *name)
{
    const known_topic *known = find_topic((embedded_producer *)self, name);
    return known != NULL ? known->topic->partition_count : 0;
}

static ks_status producer_flush(ksi_producer *self, ks_error *error)
{
    (void)self;
    (void)error;
    return KS_OK; /* send() leaves nothing behind */
}

static int64_t producer_last_offset(ksi_producer *self, ksi_topic_partition partition)
{
    const known_topic *known = find_topic((embedded_producer *)self, partition.topic);
    bool is_there = known != NULL && partition.partition >= 0 &&
                    partition.partition < known->topic->partition_count;
    return is_there ? known->last_offsets[partition.partition] : -1;
}

static void producer_close(ksi_producer *self)
{
    if (self == NULL) {
        return;
    }
    embedded_producer *producer = (embedded_producer *)self;
    producer->log->transport.class->release(&producer->log->transport);
    ksi_map_free(producer->topics, ksi_free);
    ksi_free(producer);
}

static const ksi_producer_class embedded_producer_class = {
    .send = producer_send,
    .partition_count = producer_partition_count,
    .flush = producer_flush,
    .last_offset = producer_last_offset,
    .close = producer_close,
};

ksi_producer *ksi_embedded_producer_open(ksi_transport *transport, ks_error *error)
{
    (void)error;
    embedded_producer *producer = ksi_calloc(1, sizeof *producer);
    producer->producer.class = &embedded_producer_class;
    producer->log = (ksi_embedded_log *)transport;
    producer->topics = ksi_map_new();
    transport->class->retain(transport);
    return &producer->producer;
}
