/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.c - the handle of log.h: a transport, a producer for ks_log_produce(), and readers.
 *
 * Everything here goes through the transport's class, so that it works on whatever log is behind
 * it. A producer belongs to one thread and ks_log_produce() may be called by any, so the handle has
 * a lock around its producer.
 *
 * Thread rule: the handle any thread; a reader its owner.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/slice.h"
#include "base/thread.h"
#include "transport/embedded/embedded_log.h"
#include "transport/transport.h"

#define EMBEDDED_PREFIX "embedded:"

struct ks_log {
    ksi_transport *transport;
    ksi_mutex lock; /* guards what follows */
    ksi_producer *producer;
    ksi_map *turns; /* topic -> the turn of its next record without a key */
};

/* ---- life ------------------------------------------------------------------------------------ */

static ks_status check_bootstrap_servers(const char *servers, ks_error *error)
{
    static const char *where = "bootstrap.servers";
    if (servers == NULL || servers[0] == '\0') {
        return ksi_error_set(error, KS_E_ARGUMENT, where,
                             "no log was named; \"embedded:\" is a log in this process");
    }
    if (strcmp(servers, EMBEDDED_PREFIX) == 0) {
        return KS_OK;
    }
    if (strncmp(servers, EMBEDDED_PREFIX, strlen(EMBEDDED_PREFIX)) == 0) {
        return ksi_error_set(error, KS_E_NOT_BUILT, where,
                             "'%s' asks for a durable log in a directory, which this version does "
                             "not have; use \"embedded:\", a log in the memory of this process",
                             servers);
    }
    return ksi_error_set(error, KS_E_NOT_BUILT, where,
                         "'%s' asks for Kafka brokers, which this version does not reach; use "
                         "\"embedded:\", a log in the memory of this process",
                         servers);
}

ks_log *ks_log_open(const char *bootstrap_servers, ks_error *error)
{
    if (check_bootstrap_servers(bootstrap_servers, error) != KS_OK) {
        return NULL;
    }
    ksi_transport *transport = ksi_embedded_log_new();
    ksi_producer *producer = transport->class->open_producer(transport, NULL, error);
    if (producer == NULL) {
        transport->class->release(transport);
        return NULL;
    }
    ks_log *log = ksi_calloc(1, sizeof *log);
    log->transport = transport;
    log->producer = producer;
    log->turns = ksi_map_new();
    ksi_mutex_init(&log->lock);
    return log;
}

void ks_log_free(ks_log *log)
{
    if (log == NULL) {
        return;
    }
    log->producer->class->close(log->producer);
    log->transport->class->release(log->transport);
    ksi_map_free(log->turns, ksi_free);
    ksi_mutex_destroy(&log->lock);
    ksi_free(log);
}

ksi_transport *ksi_log_transport(ks_log *log)
{
    log->transport->class->retain(log->transport);
    return log->transport;
}

/* ---- topics ---------------------------------------------------------------------------------- */

static ks_status check_log(const ks_log *log, const char *topic, ks_error *error)
{
    if (log == NULL || topic == NULL) {
        return ksi_error_set(error, KS_E_ARGUMENT, log == NULL ? "log" : "topic",
                             "must not be NULL");
    }
    return KS_OK;
}

ks_status ks_log_create_topic(ks_log *log, const char *topic, int32_t partitions, ks_error *error)
{
    KS_TRY(check_log(log, topic, error));
    const ksi_topic_spec spec = {.name = topic, .partitions = partitions};
    return log->transport->class->create_topic(log->transport, &spec, error);
}

int32_t ks_log_partition_count(ks_log *log, const char *topic)
{
    if (log == NULL || topic == NULL) {
        return 0;
    }
    return log->transport->class->partition_count(log->transport, topic);
}

/* ---- producing ------------------------------------------------------------------------------- */

/* The next partition for a record without a key: each topic has its own turn. */
static int32_t next_turn(ks_log *log, const char *topic, int32_t partitions)
{
    uint32_t *turn = ksi_map_get_cstr(log->turns, topic);
    if (turn == NULL) {
        turn = ksi_calloc(1, sizeof *turn);
        (void)ksi_map_put_cstr(log->turns, topic, turn);
    }
    return (int32_t)((*turn)++ % (uint32_t)partitions);
}

static ks_status produce_locked(ks_log *log, const char *topic, const ks_log_record *record,
                                ks_error *error)
{
    ksi_producer *producer = log->producer;
    ks_log_record complete = *record;
    if (complete.timestamp == -1) {
        complete.timestamp = ksi_wall_ms(&ksi_system_clock);
    }
    if (complete.partition == -1) {
        int32_t partitions = producer->class->partition_count(producer, topic);
        if (partitions == 0) {
            return ksi_error_set(error, KS_E_UNKNOWN_TOPIC, topic,
                                 "the topic does not exist; create it with ks_log_create_topic()");
        }
        /* As Java's producer: the hash without its sign, modulo. */
        complete.partition =
            record->key.data != NULL
                ? (int32_t)((ksi_murmur2(record->key) & 0x7fffffffu) % (uint32_t)partitions)
                : next_turn(log, topic, partitions);
    }
    KS_TRY(producer->class->send(producer, topic, &complete, error));
    return producer->class->flush(producer, error);
}

ks_status ks_log_produce(ks_log *log, const char *topic, const ks_log_record *record,
                         ks_error *error)
{
    KS_TRY(check_log(log, topic, error));
    if (record == NULL) {
        return ksi_error_set(error, KS_E_ARGUMENT, topic, "the record must not be NULL");
    }
    if (record->timestamp < -1) {
        return ksi_error_set(error, KS_E_ARGUMENT, topic,
                             "timestamp %lld is negative; give milliseconds of the epoch, or -1 "
                             "for now",
                             (long long)record->timestamp);
    }
    ksi_mutex_lock(&log->lock);
    ks_status status = produce_locked(log, topic, record, error);
    ksi_mutex_unlock(&log->lock);
    return status;
}
