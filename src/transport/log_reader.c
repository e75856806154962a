/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_reader.c - reading a topic from outside a topology.
 *
 * Partitions are read in turn, a batch of each, so that a reader that stops early has seen
 * something of every partition. Within a partition the order is that of the log; between partitions
 * there is none, as in Kafka.
 *
 * Thread rule: the reader's owner.
 */
#include "base/error.h"
#include "base/memory.h"
#include "transport/transport.h"

#define READER_BATCH 256

struct ks_log_reader {
    ksi_consumer *consumer;
    size_t partition_count; /* slot n reads partition n */
    size_t partition;       /* where the next batch comes from */
    size_t next;            /* the next record of the batch */
    size_t count;
    ks_log_record batch[READER_BATCH];
};

ks_log_reader *ks_log_reader_open(ks_log *log, const char *topic, ks_error *error)
{
    if (log == NULL || topic == NULL) {
        (void)ksi_error_set(error, KS_E_ARGUMENT, log == NULL ? "log" : "topic",
                            "must not be NULL");
        return NULL;
    }
    int32_t partitions = ks_log_partition_count(log, topic);
    if (partitions == 0) {
        (void)ksi_error_set(error, KS_E_UNKNOWN_TOPIC, topic,
                            "the topic does not exist; create it with ks_log_create_topic()");
        return NULL;
    }
    ks_log_reader *reader = ksi_calloc(1, sizeof *reader);
    ksi_transport *transport = ksi_log_transport(log);
    reader->consumer = transport->class->open_consumer(transport, error);
    ks_status status = reader->consumer != NULL ? KS_OK : KS_E_IO;
    for (int32_t i = 0; i < partitions && status == KS_OK; i++) {
        ksi_topic_partition at = {.topic = topic, .partition = i};
        int64_t begin = 0;
        int64_t end = 0;
        size_t slot = 0;
        status = transport->class->offsets(transport, at, &begin, &end, error);
        if (status == KS_OK) {
            status = reader->consumer->class->assign(reader->consumer, at, begin, &slot, error);
        }
    }
    transport->class->release(transport); /* the consumer keeps it */
    if (status != KS_OK) {
        ks_log_reader_free(reader);
        return NULL;
    }
    reader->partition_count = (size_t)partitions;
    return reader;
}

void ks_log_reader_free(ks_log_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    if (reader->consumer != NULL) {
        reader->consumer->class->close(reader->consumer);
    }
    ksi_free(reader);
}

/* Fills the batch from the next partition that has something; false when none has. */
static bool next_batch(ks_log_reader *reader)
{
    ksi_consumer *consumer = reader->consumer;
    for (size_t tried = 0; tried < reader->partition_count; tried++) {
        size_t slot = reader->partition;
        reader->partition = (reader->partition + 1) % reader->partition_count;
        reader->next = 0;
        ks_status status = consumer->class->poll(consumer, slot, reader->batch, READER_BATCH,
                                                 &reader->count, NULL);
        if (status == KS_OK && reader->count > 0) {
            return true;
        }
    }
    reader->count = 0;
    return false;
}

bool ks_log_reader_next(ks_log_reader *reader, ks_log_record *record)
{
    if (reader->next == reader->count && !next_batch(reader)) {
        return false;
    }
    *record = reader->batch[reader->next++];
    return true;
}
