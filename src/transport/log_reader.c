/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_reader.c - reading a topic from outside a topology.
 *
 * Partitions are read in turn, a batch of each, so that a reader that stops early has seen
 * something of every partition. Within a partition the order is that of the log; between partitions
 * there is none, as in Kafka.
 *
 * A reader that is slower than retention loses records: it goes on at the first that is left and
 * counts what it passed over. Every other error ends the reading and is kept, for next() can only
 * say that there is nothing.
 *
 * Thread rule: the reader's owner; wake() any thread.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "transport/log_handle.h"

#define READER_BATCH 256

typedef struct reader_partition {
    int32_t number;
    size_t slot;
    int64_t position; /* behind the last record that was given */
    int64_t end;      /* of the partition, when the reader was opened */
} reader_partition;

struct ks_log_reader {
    ksi_transport *transport; /* a reference */
    ksi_consumer *consumer;
    char *topic;
    reader_partition *partitions;
    size_t partition_count;
    size_t partition; /* where the next batch comes from */
    size_t current;   /* where this batch came from */
    size_t next;      /* the next record of the batch */
    size_t count;
    int64_t skipped;
    ks_error error; /* of what ended the reading; its code is KS_OK until then */
    ks_log_record batch[READER_BATCH];
};

void ks_log_reader_options_init(ks_log_reader_options *options)
{
    *options = (ks_log_reader_options){.head.struct_size = sizeof *options};
}

/* ---- opening --------------------------------------------------------------------------------- */

static ksi_topic_partition place_of(const ks_log_reader *reader, int32_t partition)
{
    return (ksi_topic_partition){.topic = reader->topic, .partition = partition};
}

/* Finds where reading begins in a partition, and its end. */
static ks_status find_offsets(ks_log_reader *reader, const ks_log_reader_options *options,
                              reader_partition *partition, ks_error *error)
{
    const ksi_transport_class *class = reader->transport->class;
    ksi_topic_partition at = place_of(reader, partition->number);
    int64_t *offset = &partition->position;
    int64_t begin = 0;
    KS_TRY(class->offsets(reader->transport, at, &begin, &partition->end, error));
    switch (options->start) {
    case KS_LOG_START_BEGINNING:
        *offset = begin;
        return KS_OK;
    case KS_LOG_START_END:
        *offset = partition->end;
        return KS_OK;
    case KS_LOG_START_OFFSET:
        if (options->at < 0 || options->at > partition->end) {
            return ksi_error_set(error, KS_E_OUT_OF_RANGE, reader->topic,
                                 "partition %d has offsets %lld to %lld; reading cannot begin at "
                                 "%lld",
                                 partition->number, (long long)begin, (long long)partition->end,
                                 (long long)options->at);
        }
        *offset = options->at > begin ? options->at : begin;
        return KS_OK;
    case KS_LOG_START_TIMESTAMP:
        return class->offset_at(reader->transport, at, options->at, offset, error);
    }
    return ksi_error_set(error, KS_E_ARGUMENT, reader->topic, "start %d is none of ks_log_start",
                         (int)options->start);
}

static ks_status add_partition(ks_log_reader *reader, const ks_log_reader_options *options,
                               int32_t partition, ks_error *error)
{
    for (size_t i = 0; i < reader->partition_count; i++) {
        if (reader->partitions[i].number == partition) {
            return ksi_error_set(error, KS_E_ARGUMENT, reader->topic, "partition %d is named twice",
                                 partition);
        }
    }
    reader_partition added = {.number = partition};
    KS_TRY(find_offsets(reader, options, &added, error));
    KS_TRY(reader->consumer->class->assign(reader->consumer, place_of(reader, partition),
                                           added.position, &added.slot, error));
    reader->partitions[reader->partition_count++] = added;
    return KS_OK;
}

static ks_status add_partitions(ks_log_reader *reader, const ks_log_reader_options *options,
                                int32_t partitions, ks_error *error)
{
    bool all = options->partitions == NULL;
    size_t count = all ? (size_t)partitions : options->partition_count;
    if (count == 0) {
        return ksi_error_set(error, KS_E_ARGUMENT, reader->topic,
                             "no partition was named; leave `partitions` NULL for all");
    }
    reader->partitions = ksi_calloc(count, sizeof *reader->partitions);
    for (size_t i = 0; i < count; i++) {
        KS_TRY(add_partition(reader, options, all ? (int32_t)i : options->partitions[i], error));
    }
    return KS_OK;
}

static ks_status open_reader(ks_log *log, const char *topic, const ks_log_reader_options *options,
                             ks_log_reader **opened, ks_error *error)
{
    KS_TRY(ksi_log_check(log, topic, "topic", error));
    int32_t partitions = 0;
    KS_TRY(ksi_log_find_topic(log, topic, &partitions, error));
    ks_log_reader *reader = ksi_calloc(1, sizeof *reader);
    reader->transport = ksi_log_transport(log);
    reader->topic = ksi_strdup(topic);
    reader->consumer =
        reader->transport->class->open_consumer(reader->transport, KSI_READS_LOG, error);
    ks_status status =
        reader->consumer != NULL ? add_partitions(reader, options, partitions, error) : KS_E_IO;
    if (status != KS_OK) {
        ks_log_reader_free(reader);
        return status;
    }
    *opened = reader;
    return KS_OK;
}

ks_log_reader *ks_log_reader_open_at(ks_log *log, const char *topic,
                                     const ks_log_reader_options *options, ks_error *error)
{
    const ks_log_reader_options all = {.start = KS_LOG_START_BEGINNING};
    ks_log_reader *reader = NULL;
    ks_status status = open_reader(log, topic, options != NULL ? options : &all, &reader, error);
    return status == KS_OK ? reader : NULL;
}

ks_log_reader *ks_log_reader_open(ks_log *log, const char *topic, ks_error *error)
{
    return ks_log_reader_open_at(log, topic, NULL, error);
}

void ks_log_reader_free(ks_log_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    if (reader->consumer != NULL) {
        reader->consumer->class->close(reader->consumer);
    }
    reader->transport->class->release(reader->transport);
    ksi_free(reader->partitions);
    ksi_free(reader->topic);
    ksi_free(reader);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Goes on at the first record that is left; KS_E_OUT_OF_RANGE when nothing was deleted there. */
static ks_status skip_deleted(ks_log_reader *reader, reader_partition *partition)
{
    ksi_consumer *consumer = reader->consumer;
    ksi_topic_partition at = place_of(reader, partition->number);
    int64_t begin = 0;
    int64_t end = 0;
    KS_TRY(reader->transport->class->offsets(reader->transport, at, &begin, &end, &reader->error));
    if (begin <= partition->position) {
        return KS_E_OUT_OF_RANGE; /* behind the end: poll() has said so */
    }
    consumer->class->unassign(consumer, partition->slot); /* nobody reads a partition twice */
    KS_TRY(consumer->class->assign(consumer, at, begin, &partition->slot, &reader->error));
    reader->skipped += begin - partition->position;
    partition->position = begin;
    reader->error = (ks_error){0};
    return KS_OK;
}

static ks_status poll_partition(ks_log_reader *reader, reader_partition *partition)
{
    ksi_consumer *consumer = reader->consumer;
    for (;;) {
        ks_status status = consumer->class->poll(consumer, partition->slot, reader->batch,
                                                 READER_BATCH, &reader->count, &reader->error);
        if (status != KS_E_OUT_OF_RANGE) {
            return status;
        }
        KS_TRY(skip_deleted(reader, partition)); /* more may be deleted meanwhile: look again */
    }
}

/* Fills the batch from the next partition that has something; false when none has. */
static bool next_batch(ks_log_reader *reader)
{
    reader->next = 0;
    reader->count = 0;
    for (size_t tried = 0; tried < reader->partition_count; tried++) {
        if (reader->error.code != KS_OK) {
            return false;
        }
        reader->current = reader->partition;
        reader->partition = (reader->partition + 1) % reader->partition_count;
        ks_status status = poll_partition(reader, &reader->partitions[reader->current]);
        if (status != KS_OK) {
            reader->count = 0;
            return false;
        }
        if (reader->count > 0) {
            return true;
        }
    }
    return false;
}

bool ks_log_reader_next(ks_log_reader *reader, ks_log_record *record)
{
    if (reader->next == reader->count && !next_batch(reader)) {
        return false;
    }
    *record = reader->batch[reader->next++];
    reader->partitions[reader->current].position = record->offset + 1;
    return true;
}

/*
 * By the consumer's positions, for the last offsets may be those of no record, such as the mark of
 * a commit.
 */
static bool is_at_end(const ks_log_reader *reader)
{
    for (size_t i = 0; i < reader->partition_count; i++) {
        const reader_partition *at = &reader->partitions[i];
        if (reader->consumer->class->position(reader->consumer, at->slot) < at->end) {
            return false;
        }
    }
    return true;
}

bool ks_log_reader_next_to_end(ks_log_reader *reader, ks_log_record *record)
{
    while (!ks_log_reader_next(reader, record)) {
        if (reader->error.code != KS_OK || is_at_end(reader)) {
            return false;
        }
        reader->consumer->class->wait(reader->consumer, -1);
    }
    return true;
}

ks_status ks_log_reader_status(const ks_log_reader *reader, ks_error *error)
{
    if (reader->error.code != KS_OK && error != NULL) {
        *error = reader->error;
    }
    return reader->error.code;
}

ks_status ks_log_reader_wait(ks_log_reader *reader, int64_t timeout_ms, ks_error *error)
{
    if (reader->next == reader->count && next_batch(reader)) {
        return KS_OK;
    }
    KS_TRY(ks_log_reader_status(reader, error));
    const int64_t began_ms = ksi_monotonic_ms(&ksi_system_clock);
    if (reader->next == reader->count) {
        reader->consumer->class->wait(reader->consumer, timeout_ms);
        (void)next_batch(reader);
    }
    KS_TRY(ks_log_reader_status(reader, error));
    /* It may have been woken, or by news that is no record, such as where a partition ends. */
    bool is_over = timeout_ms >= 0 && ksi_monotonic_ms(&ksi_system_clock) - began_ms >= timeout_ms;
    if (reader->next == reader->count && is_over) {
        return ksi_error_set(error, KS_E_TIMEOUT, reader->topic, "no record came within %lld ms",
                             (long long)timeout_ms);
    }
    return KS_OK;
}

void ks_log_reader_wake(ks_log_reader *reader)
{
    reader->consumer->class->wake(reader->consumer);
}

int64_t ks_log_reader_position(const ks_log_reader *reader, int32_t partition)
{
    for (size_t i = 0; i < reader->partition_count; i++) {
        if (reader->partitions[i].number == partition) {
            return reader->partitions[i].position;
        }
    }
    return -1;
}

int64_t ks_log_reader_skipped(const ks_log_reader *reader)
{
    return reader->skipped;
}
