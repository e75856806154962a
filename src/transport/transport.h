/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transport.h - the interface to a log: topics, reading, writing, and a group's committed offsets.
 *
 * The runtime knows Kafka and the embedded log only through this. A transport is shared by the threads of an application; a consumer or
 * a producer belongs to one thread. Every call answers with a status and the caller's error.
 *
 * Delivery. A producer's records may be buffered until ksi_producer_flush(), which returns when all of them are in the log: that is what a
 * commit waits for before it commits offsets.
 */
#ifndef KSI_TRANSPORT_TRANSPORT_H
#define KSI_TRANSPORT_TRANSPORT_H

#include <kstreams/log.h>

typedef struct ksi_transport ksi_transport;
typedef struct ksi_consumer ksi_consumer;
typedef struct ksi_producer ksi_producer;

typedef struct ksi_topic_partition {
    const char *topic;
    int32_t partition;
} ksi_topic_partition;

/* ---- producer ------------------------------------------------------------------------------------------------------- */

typedef struct ksi_producer_class {
    /* Sends a record to a partition (never -1); the bytes are copied before it returns. KS_E_UNKNOWN_TOPIC, KS_E_LIMIT, ... */
    ks_status (*send)(ksi_producer *producer, const char *topic, const ks_log_record *record, ks_error *error);
    /* How many partitions a topic has; 0 when there is none. */
    int32_t (*partition_count)(ksi_producer *producer, const char *topic);
    /* Waits until everything sent is in the log. */
    ks_status (*flush)(ksi_producer *producer, ks_error *error);
    void (*close)(ksi_producer *producer);
} ksi_producer_class;

struct ksi_producer {
    const ksi_producer_class *class;
};

/* ---- consumer ------------------------------------------------------------------------------------------------------- */

/* A record as it was read: borrowed until the next poll of its partition. */
typedef struct ksi_consumed_record {
    ks_log_record record;
} ksi_consumed_record;

typedef struct ksi_consumer_class {
    /* Starts reading a partition at an offset. */
    ks_status (*assign)(ksi_consumer *consumer, ksi_topic_partition partition, int64_t offset, ks_error *error);
    /*
     * Up to `capacity` records of one partition into `records`, without waiting; `*count` is 0 when there is none now.
     * The bytes stay valid for `*lease` (see the embedded log: until the topic is deleted) or until the next poll of this partition.
     */
    ks_status (*poll)(ksi_consumer *consumer, ksi_topic_partition partition, ks_log_record *records, size_t capacity,
                      size_t *count, ks_error *error);
    /* Waits until some assigned partition may have records, or the time is over, or ksi_consumer_class.wake. */
    void (*wait)(ksi_consumer *consumer, int64_t timeout_ms);
    /* Ends a wait() from another thread. */
    void (*wake)(ksi_consumer *consumer);
    /* The offset the next poll of a partition begins at, and the end of the partition as last seen. */
    int64_t (*position)(ksi_consumer *consumer, ksi_topic_partition partition);
    int64_t (*end_offset)(ksi_consumer *consumer, ksi_topic_partition partition);
    void (*close)(ksi_consumer *consumer);
} ksi_consumer_class;

struct ksi_consumer {
    const ksi_consumer_class *class;
};

/* ---- the log -------------------------------------------------------------------------------------------------------- */

typedef struct ksi_group_offset {
    ksi_topic_partition partition;
    int64_t offset; /* -1: none was committed */
} ksi_group_offset;

typedef struct ksi_transport_class {
    /* Creates a topic; KS_OK when it is there with as many partitions, KS_E_ARGUMENT when with another count. */
    ks_status (*create_topic)(ksi_transport *transport, const char *topic, int32_t partitions, ks_error *error);
    int32_t (*partition_count)(ksi_transport *transport, const char *topic); /* 0 when there is none */
    /* Calls `visit` for every topic, in the order of names. */
    void (*each_topic)(ksi_transport *transport, void (*visit)(void *user, const char *topic), void *user);
    /* First and end offset (one past the last record). */
    ks_status (*offsets)(ksi_transport *transport, ksi_topic_partition partition, int64_t *begin, int64_t *end,
                         ks_error *error);
    /* The offsets a group committed: fills `offset` of each. */
    ks_status (*committed)(ksi_transport *transport, const char *group, ksi_group_offset *offsets, size_t count,
                           ks_error *error);
    ks_status (*commit)(ksi_transport *transport, const char *group, const ksi_group_offset *offsets, size_t count,
                        ks_error *error);
    ksi_consumer *(*open_consumer)(ksi_transport *transport, ks_error *error);
    ksi_producer *(*open_producer)(ksi_transport *transport, ks_error *error);
    void (*release)(ksi_transport *transport);
} ksi_transport_class;

struct ksi_transport {
    const ksi_transport_class *class;
};

/* The transport behind a handle of log.h; its own reference, given back by `release`. */
ksi_transport *ksi_log_transport(ks_log *log);

#endif
