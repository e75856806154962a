/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transport.h - the interface to a log: topics, reading, writing, and a group's committed offsets.
 *
 * The runtime knows Kafka and the embedded log only through this. A transport is shared by the
 * threads of an application and is reference counted: whoever keeps it retains it. A consumer or a
 * producer belongs to one thread (but any thread may wake a consumer) and keeps its transport
 * alive.
 *
 * Delivery. A producer's records may be buffered until flush(), which returns when all of them are
 * in the log: that is what a commit waits for before it commits offsets.
 *
 * Slots. A consumer numbers its partitions 0, 1, 2... in the order of assign(), so that nothing on
 * the way of a record looks up a topic by its name.
 *
 * Thread rule: ksi_transport functions any thread; the rest as above.
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

/* ---- producer -------------------------------------------------------------------------------- */

typedef struct ksi_producer_class {
    /* Sends a record to a partition (never -1); the bytes are copied before it returns.
     * KS_E_UNKNOWN_TOPIC, KS_E_ARGUMENT for a partition that is not there, KS_E_LIMIT. */
    ks_status (*send)(ksi_producer *producer, const char *topic, const ks_log_record *record,
                      ks_error *error);
    /* How many partitions a topic has; 0 when there is none. */
    int32_t (*partition_count)(ksi_producer *producer, const char *topic);
    /* Waits until everything sent is in the log. */
    ks_status (*flush)(ksi_producer *producer, ks_error *error);
    /*
     * The offset of the last record that this producer sent to a partition, or -1: right after a
     * flush.
     */
    int64_t (*last_offset)(ksi_producer *producer, ksi_topic_partition partition);
    void (*close)(ksi_producer *producer);
} ksi_producer_class;

struct ksi_producer {
    const ksi_producer_class *class;
};

/* ---- consumer -------------------------------------------------------------------------------- */

typedef struct ksi_consumer_class {
    /* Starts reading a partition at an offset and gives it a slot. */
    ks_status (*assign)(ksi_consumer *consumer, ksi_topic_partition partition, int64_t offset,
                        size_t *slot, ks_error *error);
    /*
     * Up to `capacity` records of one partition into `records`, without waiting; `*count` is 0 when
     * there is none now. What they point to is borrowed until the next poll of the slot.
     */
    ks_status (*poll)(ksi_consumer *consumer, size_t slot, ks_log_record *records, size_t capacity,
                      size_t *count, ks_error *error);
    /* Whether records of a slot end a wait(): false while its reader has no room. True at first. */
    void (*watch)(ksi_consumer *consumer, size_t slot, bool watched);
    /*
     * Waits until a watched slot may have records, the time is over (negative: for ever), or
     * wake(). A wake() that came before the wait ends it, too.
     */
    void (*wait)(ksi_consumer *consumer, int64_t timeout_ms);
    /* Ends a wait(). @thread any */
    void (*wake)(ksi_consumer *consumer);
    /* The offset the next poll of a slot begins at, and the end of its partition as last seen. */
    int64_t (*position)(ksi_consumer *consumer, size_t slot);
    int64_t (*end_offset)(ksi_consumer *consumer, size_t slot);
    void (*close)(ksi_consumer *consumer);
} ksi_consumer_class;

struct ksi_consumer {
    const ksi_consumer_class *class;
};

/* ---- the log --------------------------------------------------------------------------------- */

typedef struct ksi_group_offset {
    ksi_topic_partition partition;
    int64_t offset; /* -1: none was committed */
} ksi_group_offset;

typedef void ksi_topic_visit_fn(void *user, const char *topic);

typedef struct ksi_transport_class {
    void (*retain)(ksi_transport *transport);
    void (*release)(ksi_transport *transport);
    /* Creates a topic; KS_OK when it is there with as many partitions, KS_E_ARGUMENT when with
     * another count or when the name is no topic name. */
    ks_status (*create_topic)(ksi_transport *transport, const char *topic, int32_t partitions,
                              ks_error *error);
    int32_t (*partition_count)(ksi_transport *transport, const char *topic); /* 0: there is none */
    /* Calls `visit` for every topic, in the order of names. */
    void (*each_topic)(ksi_transport *transport, ksi_topic_visit_fn *visit, void *user);
    /* First and end offset (one past the last record). */
    ks_status (*offsets)(ksi_transport *transport, ksi_topic_partition partition, int64_t *begin,
                         int64_t *end, ks_error *error);
    /*
     * The first offset whose timestamp is `timestamp` or later; the end offset when there is none.
     */
    ks_status (*offset_at)(ksi_transport *transport, ksi_topic_partition partition,
                           int64_t timestamp, int64_t *offset, ks_error *error);
    /* The offsets a group committed: fills `offset` of each. */
    ks_status (*committed)(ksi_transport *transport, const char *group, ksi_group_offset *offsets,
                           size_t count, ks_error *error);
    /* Commits all or none. */
    ks_status (*commit)(ksi_transport *transport, const char *group,
                        const ksi_group_offset *offsets, size_t count, ks_error *error);
    /*
     * Makes the caller the one member of a group until leave(); KS_E_STATE when another has it. Two
     * applications with one id would otherwise process every record twice.
     */
    ks_status (*join)(ksi_transport *transport, const char *group, ks_error *error);
    void (*leave)(ksi_transport *transport, const char *group);
    ksi_consumer *(*open_consumer)(ksi_transport *transport, ks_error *error);
    ksi_producer *(*open_producer)(ksi_transport *transport, ks_error *error);
} ksi_transport_class;

struct ksi_transport {
    const ksi_transport_class *class;
};

/* The transport behind a handle of log.h, retained: give it back with `release`. */
ksi_transport *ksi_log_transport(ks_log *log);

/* Kafka's rule for names of topics: 1 to 249 of [a-zA-Z0-9._-], and neither "." nor "..". */
KS_NODISCARD ks_status ksi_topic_name_check(const char *topic, ks_error *error);

#endif
