/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transport.h - the interface to a log: topics, reading, writing, a group's offsets and members.
 *
 * The runtime knows Kafka and the embedded log only through this. A transport is shared by the
 * threads of an application and is reference counted: whoever keeps it retains it. A consumer or a
 * producer belongs to one thread (but any thread may wake a consumer) and keeps its transport
 * alive.
 *
 * Delivery. A producer gathers records in batches. Without a transactional id a batch goes to the
 * log when it is full or a few milliseconds old (poll() sees to that), and flush() returns when all
 * of them are there: that is what a commit waits for before it commits offsets. With one, records
 * and offsets are seen together by commit(), or never.
 *
 *     at least once    send ... poll ... send | flush | commit_offsets
 *     exactly once     send ...          send | commit(offsets)            or abort
 *
 * Slots. A consumer numbers its partitions 0, 1, 2... in the order of assign() and reuses numbers
 * that were given back, so that nothing on the way of a record looks up a topic by its name.
 *
 * Waiting. Only wait(), flush(), commit() and the calls of a ksi_transport may wait for somebody
 * else, and they give up after some seconds with KS_E_TIMEOUT, flagged retriable: nothing is known
 * to be wrong, and the same call may be made again. How long an application puts up with that is
 * its own affair (task.timeout.ms). Two more may, seldom: whatever meets a topic for the first time
 * (assign, send, partition_count) asks how many partitions it has, and send() waits for room when
 * the cluster does not keep up. Whoever holds a lock that a callback or a query may want calls none
 * of the former.
 *
 * Thread rule: ksi_transport functions any thread; the rest as above.
 */
#ifndef KSI_TRANSPORT_TRANSPORT_H
#define KSI_TRANSPORT_TRANSPORT_H

#include "base/logger.h"
#include "membership/coordinator.h"
#include <kstreams/config.h>
#include <kstreams/log.h>

typedef struct ksi_transport ksi_transport;
typedef struct ksi_consumer ksi_consumer;
typedef struct ksi_producer ksi_producer;

typedef struct ksi_group_offset {
    ksi_topic_partition partition;
    int64_t offset;    /* -1: none was committed */
    ks_slice metadata; /* opaque text beside it; null: none. Committing copies it */
} ksi_group_offset;

/* The offsets of a group: all of them are committed, or none. */
typedef struct ksi_offset_commit {
    const char *group;
    /* KS_E_FENCED unless this is a member of the group in this generation; NULL: not checked */
    const ksi_generation *generation;
    const ksi_group_offset *offsets;
    size_t count;
} ksi_offset_commit;

/* ---- producer -------------------------------------------------------------------------------- */

/*
 * A record that was sent and that the log then refused, with its offset -1: borrowed for the call.
 * `sender` is what send() was given. KS_OK: its loss is accepted; else that is the answer of the
 * call which found it out.
 */
typedef ks_status ksi_undelivered_fn(void *owner, uint32_t sender, const char *topic,
                                     const ks_log_record *record, const ks_error *reason,
                                     ks_error *error);

typedef struct ksi_producer_options {
    const char *transactional_id; /* NULL: without transactions; copied */
    /* Called by the producer's functions but close(). NULL: a refusal is an error of the next. */
    ksi_undelivered_fn *undelivered;
    void *owner; /* for it */
} ksi_producer_options;

/* NULL options are those without transactions. */
static inline const char *ksi_transactional_id_of(const ksi_producer_options *options)
{
    return options != NULL ? options->transactional_id : NULL;
}

/* Kafka's "no timestamp"; any other one before the epoch is one. */
#define KSI_TIMESTAMP_NOW INT64_C(-1)

typedef struct ksi_producer_class {
    /* Sends a record to a partition (never -1); the bytes are copied before it returns. One with
     * KSI_TIMESTAMP_NOW gets the time of now. `sender` is a number of the caller's, for
     * ksi_undelivered_fn.
     * KS_E_UNKNOWN_TOPIC, KS_E_ARGUMENT for a partition that is not there, KS_E_LIMIT. */
    ks_status (*send)(ksi_producer *producer, uint32_t sender, const char *topic,
                      const ks_log_record *record, ks_error *error);
    /* How many partitions a topic has. KS_OK and 0: there is no such topic. */
    ks_status (*partition_count)(ksi_producer *producer, const char *topic, int32_t *count,
                                 ks_error *error);
    /*
     * Passes on what has waited long enough, by the monotonic clock; `*next_ns`: when it wants to
     * be called again, -1 when nothing waits. Nothing in a transaction.
     */
    ks_status (*poll)(ksi_producer *producer, int64_t now_ns, int64_t *next_ns, ks_error *error);
    /* Bytes of records that are not in the log yet. */
    size_t (*pending_bytes)(const ksi_producer *producer);
    /* Waits until everything sent is in the log. Nothing in a transaction. */
    ks_status (*flush)(ksi_producer *producer, ks_error *error);
    /*
     * With a transactional id: everything sent since the last one is in the log and the offsets are
     * committed, or neither. After an error that is flagged retriable it is not known which: the
     * same call again settles it. KS_E_FENCED: another has the id, or the group moved on.
     */
    ks_status (*commit)(ksi_producer *producer, const ksi_offset_commit *offsets, ks_error *error);
    /* With a transactional id: drops what was sent since the last commit. */
    ks_status (*abort)(ksi_producer *producer, ks_error *error);
    /*
     * The offset of the last record that this producer sent to a partition, or -1: right after a
     * flush or a commit.
     */
    int64_t (*last_offset)(ksi_producer *producer, ksi_topic_partition partition);
    /* What was not flushed is flushed as far as it can be; a transaction is aborted. */
    void (*close)(ksi_producer *producer);
} ksi_producer_class;

struct ksi_producer {
    const ksi_producer_class *class;
};

/* ---- consumer -------------------------------------------------------------------------------- */

/* What for: a transport chooses the client and its properties by it. */
typedef enum ksi_reads {
    KSI_READS_LOG = 0,   /* from outside an application */
    KSI_READS_INPUT,     /* of tasks */
    KSI_READS_CHANGELOG, /* to restore, and for standbys */
    KSI_READS_GLOBAL     /* topics of global stores */
} ksi_reads;

typedef struct ksi_consumer_class {
    /* Starts reading a partition at an offset and gives it a slot. */
    ks_status (*assign)(ksi_consumer *consumer, ksi_topic_partition partition, int64_t offset,
                        size_t *slot, ks_error *error);
    /* Stops reading it; the number may be given to another partition. */
    void (*unassign)(ksi_consumer *consumer, size_t slot);
    /*
     * Up to `capacity` records of one partition into `records`, without waiting; `*count` is 0 when
     * there is none now. What they point to is borrowed until the next poll of the slot.
     * KS_E_OUT_OF_RANGE: the position lies before the first record (they were deleted) or behind
     * the end (the topic is another one). Records that were fetched before they were deleted may
     * still be given.
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

typedef struct ksi_topic_config {
    const char *name;  /* Kafka's: "cleanup.policy", "retention.ms" ... */
    const char *value; /* NULL, when set: back to the default */
} ksi_topic_config;

typedef struct ksi_topic_spec {
    const char *name;
    int32_t partitions;
    int16_t replication_factor; /* 0 or -1: the log's default */
    const ksi_topic_config *configs;
    size_t config_count;
} ksi_topic_spec;

typedef void ksi_topic_visit_fn(void *user, const char *topic);
typedef void ksi_config_visit_fn(void *user, const ksi_topic_config *config, bool is_default);
typedef void ksi_group_visit_fn(void *user, const char *group);
typedef void ksi_offset_visit_fn(void *user, const ksi_group_offset *offset);

typedef struct ksi_transport_class {
    /*
     * A transaction costs hardly more than its records: a thread that has nothing to do need not
     * wait for commit.interval.ms, which elsewhere spares the log many small ones.
     */
    bool commits_at_once;
    void (*retain)(ksi_transport *transport);
    void (*release)(ksi_transport *transport);
    /*
     * A transport to the same log for one application, with clients of its own by its properties;
     * to be released as well. NULL: applications share this one.
     */
    ksi_transport *(*for_application)(ksi_transport *transport, const ks_config *config,
                                      ksi_logger *logger, ks_error *error);

    /* Creates a topic; KS_OK when it is there with as many partitions (its configuration then stays
     * as it is), KS_E_ARGUMENT when with another count or when the name or a configuration is none
     * that the log takes. */
    ks_status (*create_topic)(ksi_transport *transport, const ksi_topic_spec *spec,
                              ks_error *error);
    /* Records, offsets of groups and all; readers get KS_E_UNKNOWN_TOPIC. */
    ks_status (*delete_topic)(ksi_transport *transport, const char *topic, ks_error *error);
    /* KS_OK and 0: there is no such topic. After an error nothing is known of it. */
    ks_status (*partition_count)(ksi_transport *transport, const char *topic, int32_t *count,
                                 ks_error *error);
    /* Calls `visit` for every topic, in the order of names; after an error for none. */
    ks_status (*each_topic)(ksi_transport *transport, ksi_topic_visit_fn *visit, void *user,
                            ks_error *error);
    /* How many brokers there are; NULL: the log is one by itself. */
    ks_status (*broker_count)(ksi_transport *transport, int32_t *count, ks_error *error);
    /* Every configuration of a topic with its value, by name. */
    ks_status (*each_config)(ksi_transport *transport, const char *topic,
                             ksi_config_visit_fn *visit, void *user, ks_error *error);
    ks_status (*set_config)(ksi_transport *transport, const char *topic,
                            const ksi_topic_config *config, ks_error *error);

    /* First and end offset (one past the last record). */
    ks_status (*offsets)(ksi_transport *transport, ksi_topic_partition partition, int64_t *begin,
                         int64_t *end, ks_error *error);
    /*
     * The end of all that was written, where readers may not have come to it yet: the records of
     * a transaction that is committed have to be marked so in each partition, and until then
     * offsets() ends before them. NULL: that is nowhere so.
     */
    ks_status (*high_watermark)(ksi_transport *transport, ksi_topic_partition partition,
                                int64_t *end, ks_error *error);
    /*
     * The first offset whose timestamp is `timestamp` or later; the end offset when there is none.
     */
    ks_status (*offset_at)(ksi_transport *transport, ksi_topic_partition partition,
                           int64_t timestamp, int64_t *offset, ks_error *error);
    /* Bytes that a partition takes in the log. */
    ks_status (*partition_bytes)(ksi_transport *transport, ksi_topic_partition partition,
                                 int64_t *bytes, ks_error *error);
    /* Deletes the records before an offset; one behind the end is KS_E_OUT_OF_RANGE. */
    ks_status (*delete_records)(ksi_transport *transport, ksi_topic_partition partition,
                                int64_t before, ks_error *error);
    /* The same, not waited for: an error is nobody's. NULL: delete_records() does not wait. */
    void (*purge)(ksi_transport *transport, ksi_topic_partition partition, int64_t before);

    /* The offsets a group committed: fills `offset` and `metadata` of each; the latter lives as
     * long as `arena`. */
    ks_status (*committed)(ksi_transport *transport, const char *group, ksi_group_offset *offsets,
                           size_t count, ks_arena *arena, ks_error *error);
    ks_status (*commit_offsets)(ksi_transport *transport, const ksi_offset_commit *commit,
                                ks_error *error);
    /* Groups that committed offsets or have members, by name; the offsets of one, by partition. */
    ks_status (*each_group)(ksi_transport *transport, ksi_group_visit_fn *visit, void *user,
                            ks_error *error);
    ks_status (*each_offset)(ksi_transport *transport, const char *group,
                             ksi_offset_visit_fn *visit, void *user, ks_error *error);
    /* Members of a group, as they joined. */
    ks_status (*each_member)(ksi_transport *transport, const char *group,
                             ksi_member_visit_fn *visit, void *user, ks_error *error);
    /* Forgets the offsets of a group; KS_E_STATE while it has members. */
    ks_status (*delete_group)(ksi_transport *transport, const char *group, ks_error *error);
    /*
     * Takes every member out of a group: the tasks of dead ones need not wait for the end of their
     * sessions. Who lives joins again. NULL: KS_E_NOT_BUILT.
     */
    ks_status (*remove_members)(ksi_transport *transport, const char *group, ks_error *error);
    /* Becomes a member of a group. */
    ksi_membership *(*join)(ksi_transport *transport, const ksi_member_options *options,
                            int64_t now_ms, ks_error *error);

    ksi_consumer *(*open_consumer)(ksi_transport *transport, ksi_reads reads, ks_error *error);
    /* A newer producer of a transactional id fences the one before it. */
    ksi_producer *(*open_producer)(ksi_transport *transport, const ksi_producer_options *options,
                                   ks_error *error);
} ksi_transport_class;

struct ksi_transport {
    const ksi_transport_class *class;
};

/* The transport behind a handle of log.h, retained: give it back with `release`. */
ksi_transport *ksi_log_transport(ks_log *log);

/* Kafka's rule for names of topics: 1 to 249 of [a-zA-Z0-9._-], and neither "." nor "..". */
KS_NODISCARD ks_status ksi_topic_name_check(const char *topic, ks_error *error);

#endif
