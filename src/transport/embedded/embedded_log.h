/* SPDX-License-Identifier: Apache-2.0 */
/*
 * embedded_log.h - the log in memory: topics, and the offsets that groups committed.
 *
 * A topic, once created, lives as long as the log, and so does its address: consumers and producers
 * keep pointers to topics and partitions and look nothing up while records pass.
 *
 * Locks. `lock` guards the tables below it; `wait_lock` guards sleeping and waking. Neither is
 * taken while the other or a partition's lock is held.
 *
 * Thread rule: any thread; reference counted.
 */
#ifndef KSI_TRANSPORT_EMBEDDED_EMBEDDED_LOG_H
#define KSI_TRANSPORT_EMBEDDED_EMBEDDED_LOG_H

#include "base/map.h"
#include "transport/embedded/partition.h"
#include "transport/transport.h"

typedef struct ksi_embedded_topic {
    char *name;
    int32_t partition_count;
    ksi_partition partitions[];
} ksi_embedded_topic;

typedef struct ksi_embedded_log {
    ksi_transport transport; /* first: the transport is the log */
    atomic_int references;
    ksi_mutex lock;
    ksi_map *topics;  /* name -> ksi_embedded_topic */
    ksi_map *offsets; /* group NUL topic NUL partition -> int64_t */
    ksi_map *members; /* groups that are joined */
    ksi_mutex wait_lock;
    ksi_condition changed; /* a watched partition grew, or a consumer was woken */
} ksi_embedded_log;

/* A new, empty log with one reference. */
ksi_transport *ksi_embedded_log_new(void);

/* The topic, or NULL. */
ksi_embedded_topic *ksi_embedded_log_topic(ksi_embedded_log *log, const char *name);

/* Finds a partition: KS_E_UNKNOWN_TOPIC, KS_E_ARGUMENT. */
KS_NODISCARD ks_status ksi_embedded_log_partition(ksi_embedded_log *log, ksi_topic_partition at,
                                                  ksi_partition **partition, ks_error *error);

/* Wakes the consumers that sleep; called after a watched partition grew. */
void ksi_embedded_log_notify(ksi_embedded_log *log);

/* embedded_consumer.c, embedded_producer.c: each retains the log until it is closed. */
ksi_consumer *ksi_embedded_consumer_open(ksi_transport *transport, ks_error *error);
ksi_producer *ksi_embedded_producer_open(ksi_transport *transport, ks_error *error);

#endif
