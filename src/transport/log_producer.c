/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_producer.c - writing records from outside a topology: one at a time, or many.
 *
 *     ks_log_producer   the transport's producer, and the choice of a partition as Java's makes it
 *     ks_log_produce    the same behind the handle's lock, with a flush after each record
 *
 * Sending looks at the clock, so that a program which sends now and then does not keep its records
 * back until it has a batch of them. Nothing happens between calls: this is no thread.
 *
 * Thread rule: a producer its owner; ks_log_produce() any thread.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/slice.h"
#include "transport/log_handle.h"

struct ks_log_producer {
    ksi_producer *producer;
    ksi_map *turns; /* topic -> the turn of its next record without a key */
};

/* ---- life ------------------------------------------------------------------------------------ */

ks_log_producer *ksi_log_producer_new(ksi_transport *transport, ks_error *error)
{
    ksi_producer *below = transport->class->open_producer(transport, NULL, error);
    if (below == NULL) {
        return NULL;
    }
    ks_log_producer *producer = ksi_calloc(1, sizeof *producer);
    producer->producer = below;
    producer->turns = ksi_map_new();
    return producer;
}

ks_log_producer *ks_log_producer_open(ks_log *log, ks_error *error)
{
    if (log == NULL) {
        (void)ksi_error_set(error, KS_E_ARGUMENT, "log", "must not be NULL");
        return NULL;
    }
    return ksi_log_producer_new(log->transport, error);
}

void ks_log_producer_free(ks_log_producer *producer)
{
    if (producer == NULL) {
        return;
    }
    producer->producer->class->close(producer->producer);
    ksi_map_free(producer->turns, ksi_free);
    ksi_free(producer);
}

/* ---- sending --------------------------------------------------------------------------------- */

/* The next partition for a record without a key: each topic has its own turn. */
static int32_t next_turn(ks_log_producer *self, const char *topic, int32_t partitions)
{
    uint32_t *turn = ksi_map_get_cstr(self->turns, topic);
    if (turn == NULL) {
        turn = ksi_calloc(1, sizeof *turn);
        (void)ksi_map_put_cstr(self->turns, topic, turn);
    }
    return (int32_t)((*turn)++ % (uint32_t)partitions);
}

/* As Java's producer. Where the topic is not there, sending says so. */
static ks_status choose_partition(ks_log_producer *self, const char *topic, ks_slice key,
                                  int32_t *partition, ks_error *error)
{
    int32_t partitions = 0;
    KS_TRY(self->producer->class->partition_count(self->producer, topic, &partitions, error));
    if (partitions == 0) {
        *partition = 0;
    } else if (key.data != NULL) {
        *partition = ksi_partition_of_key(key, partitions);
    } else {
        *partition = next_turn(self, topic, partitions);
    }
    return KS_OK;
}

static ks_status check_record(const char *topic, const ks_log_record *record, ks_error *error)
{
    if (record == NULL) {
        return ksi_error_set(error, KS_E_ARGUMENT, topic, "the record must not be NULL");
    }
    if (record->timestamp < 0 && record->timestamp != KSI_TIMESTAMP_NOW) {
        return ksi_error_set(error, KS_E_ARGUMENT, topic,
                             "timestamp %lld is negative; give milliseconds of the epoch, or -1 "
                             "for now",
                             (long long)record->timestamp);
    }
    return KS_OK;
}

static ks_status send_record(ks_log_producer *self, const char *topic, const ks_log_record *record,
                             ks_error *error)
{
    KS_TRY(check_record(topic, record, error));
    ks_log_record complete = *record;
    if (complete.partition == -1) {
        KS_TRY(choose_partition(self, topic, record->key, &complete.partition, error));
    }
    return self->producer->class->send(self->producer, 0, topic, &complete, error);
}

ks_status ks_log_producer_send(ks_log_producer *producer, const char *topic,
                               const ks_log_record *record, ks_error *error)
{
    if (producer == NULL || topic == NULL) {
        return ksi_error_set(error, KS_E_ARGUMENT, producer == NULL ? "producer" : "topic",
                             "must not be NULL");
    }
    KS_TRY(send_record(producer, topic, record, error));
    int64_t next_ns = 0;
    int64_t now_ns = ksi_system_clock.monotonic_ns(&ksi_system_clock);
    return producer->producer->class->poll(producer->producer, now_ns, &next_ns, error);
}

ks_status ks_log_producer_flush(ks_log_producer *producer, ks_error *error)
{
    if (producer == NULL) {
        return ksi_error_set(error, KS_E_ARGUMENT, "producer", "must not be NULL");
    }
    return producer->producer->class->flush(producer->producer, error);
}

/* ---- one at a time --------------------------------------------------------------------------- */

static ks_status produce_locked(ks_log *log, const char *topic, const ks_log_record *record,
                                ks_error *error)
{
    if (log->producer == NULL) {
        log->producer = ksi_log_producer_new(log->transport, error);
        if (log->producer == NULL) {
            return error != NULL ? error->code : KS_E_IO;
        }
    }
    KS_TRY(send_record(log->producer, topic, record, error));
    return ks_log_producer_flush(log->producer, error);
}

ks_status ks_log_produce(ks_log *log, const char *topic, const ks_log_record *record,
                         ks_error *error)
{
    KS_TRY(ksi_log_check(log, topic, "topic", error));
    ksi_mutex_lock(&log->lock);
    ks_status status = produce_locked(log, topic, record, error);
    ksi_mutex_unlock(&log->lock);
    return status;
}
