/* SPDX-License-Identifier: Apache-2.0 */
/*
 * embedded_producer.c - writing to the log in memory: a record is in the log when send() returns.
 *
 * A task sends to few topics, one record after the other, so the producer remembers the topics it
 * met: a comparison of two short names instead of a lock and a look into the log's table.
 *
 * Thread rule: the producer's owner.
 */
#include "transport/embedded/embedded_log.h"

#include "base/error.h"
#include "base/memory.h"

/* More topics than this are found through the log's own table. */
#define REMEMBERED_TOPICS 8

typedef struct embedded_producer {
    ksi_producer producer; /* first */
    ksi_embedded_log *log;
    ksi_embedded_topic *topics[REMEMBERED_TOPICS];
    size_t next; /* which to forget next */
} embedded_producer;

static ksi_embedded_topic *find_topic(embedded_producer *producer, const char *name)
{
    for (size_t i = 0; i < REMEMBERED_TOPICS && producer->topics[i] != NULL; i++) {
        if (strcmp(producer->topics[i]->name, name) == 0) {
            return producer->topics[i];
        }
    }
    ksi_embedded_topic *topic = ksi_embedded_log_topic(producer->log, name);
    if (topic != NULL) {
        producer->topics[producer->next] = topic;
        producer->next = (producer->next + 1) % REMEMBERED_TOPICS;
    }
    return topic;
}

static ks_status producer_send(ksi_producer *self, const char *name, const ks_log_record *record,
                               ks_error *error)
{
    embedded_producer *producer = (embedded_producer *)self;
    ksi_embedded_topic *topic = find_topic(producer, name);
    if (topic == NULL) {
        return ksi_error_set(error, KS_E_UNKNOWN_TOPIC, name,
                             "the topic does not exist; create it first");
    }
    if (record->partition < 0 || record->partition >= topic->partition_count) {
        return ksi_error_set(error, KS_E_ARGUMENT, name,
                             "the topic has partitions 0 to %d; there is no partition %d",
                             topic->partition_count - 1, record->partition);
    }
    ksi_partition *partition = &topic->partitions[record->partition];
    ks_status status = ksi_partition_append(partition, record, error);
    if (status == KS_OK && atomic_load(&partition->watchers) > 0) {
        ksi_embedded_log_notify(producer->log);
    }
    return status;
}

static int32_t producer_partition_count(ksi_producer *self, const char *name)
{
    const ksi_embedded_topic *topic = find_topic((embedded_producer *)self, name);
    return topic != NULL ? topic->partition_count : 0;
}

static ks_status producer_flush(ksi_producer *self, ks_error *error)
{
    (void)self;
    (void)error;
    return KS_OK; /* send() leaves nothing behind */
}

static void producer_close(ksi_producer *self)
{
    if (self == NULL) {
        return;
    }
    embedded_producer *producer = (embedded_producer *)self;
    producer->log->transport.class->release(&producer->log->transport);
    ksi_free(producer);
}

static const ksi_producer_class embedded_producer_class = {
    .send = producer_send,
    .partition_count = producer_partition_count,
    .flush = producer_flush,
    .close = producer_close,
};

ksi_producer *ksi_embedded_producer_open(ksi_transport *transport, ks_error *error)
{
    (void)error;
    embedded_producer *producer = ksi_calloc(1, sizeof *producer);
    producer->producer.class = &embedded_producer_class;
    producer->log = (ksi_embedded_log *)transport;
    transport->class->retain(transport);
    return &producer->producer;
}
