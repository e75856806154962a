/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collector.h - where a task's records leave it, as bytes: a partition for each, the producer, the
 * changelogs of its stores.
 * @java RecordCollectorImpl
 *
 * A record without a partition goes to that of its key (murmur2, as Java's producer); records
 * without key take turns. The producer copies the bytes. A producer that refuses a record fails the
 * task, whatever the processing handler says: that record would be lost.
 *
 * Delivery. A log may refuse a record long after it was sent. So each is sent under a number that
 * says who sent it: the task's number in its thread, above what it was sent for.
 *
 * Thread rule: the owner of the task.
 */
#ifndef KSI_RUNTIME_COLLECTOR_H
#define KSI_RUNTIME_COLLECTOR_H

#include "state/changelog.h"
#include "topology/context.h"
#include "transport/transport.h"
#include <kstreams/config.h>

typedef struct ksi_topic_facts ksi_topic_facts;

/* For what a record is sent. */
enum {
    KSI_SENT_CHANGELOG,
    KSI_SENT_DEAD_LETTER,
    KSI_SENT_RESULT, /* this and above: plus the index of the sink */
    KSI_SENT_BITS = 16
};

/* Whose task it is, and for what; by the number that a record was sent under. */
static inline uint32_t ksi_sender_task(uint32_t sender)
{
    return sender >> KSI_SENT_BITS;
}

static inline uint32_t ksi_sender_purpose(uint32_t sender)
{
    return sender & ((UINT32_C(1) << KSI_SENT_BITS) - 1);
}

typedef struct ksi_collector {
    ks_ctx *ctx;
    ksi_producer *producer;
    uint32_t number;       /* of the task in its thread */
    ksi_map *topics;       /* name -> what is known about it */
    ksi_topic_facts *last; /* of the topic asked for last */
    uint32_t commits;
    uint64_t sent;
} ksi_collector;

void ksi_collector_init(ksi_collector *collector, ks_ctx *ctx, ksi_producer *producer,
                        uint32_t number);
void ksi_collector_destroy(ksi_collector *collector);

/* The task has committed: partitions are counted anew when they are needed next. */
void ksi_collector_committed(ksi_collector *collector);

/* Sends bytes; partition -1 is chosen by the key. An error ends the task. */
KS_NODISCARD ks_status ksi_collector_send(ksi_collector *collector, uint32_t purpose,
                                          const char *topic, const ks_log_record *record,
                                          ks_error *error);

/* How many partitions a topic has; KS_E_UNKNOWN_TOPIC when the log has no such topic. */
KS_NODISCARD ks_status ksi_collector_partition_count(ksi_collector *collector, const char *topic,
                                                     int32_t *count, ks_error *error);

/* Fails the context for good: no handler may go on after a record that was not sent. */
void ksi_collector_fail_task(ksi_collector *collector, const ks_error *error);

/* ---- changelogs ------------------------------------------------------------------------------ */

/* The changelog of one store in one task. */
typedef struct ksi_changelog_sink {
    ksi_changelog changelog;
    ksi_collector *collector;
    const char *topic;
    int32_t partition;
    uint64_t last_hash; /* of the last record appended; 0: none was */
} ksi_changelog_sink;

void ksi_changelog_sink_init(ksi_changelog_sink *sink, ksi_collector *collector, const char *topic,
                             int32_t partition);

/*
 * By which a store on disk recognises the record of the changelog that it was written up to. Never
 * 0. Key and value only: a broker may replace timestamps.
 */
uint64_t ksi_changelog_hash(ks_slice key, ks_slice value);

/*
 * The offset behind the last record appended, or -1 when none was: after a flush of the producer.
 */
int64_t ksi_changelog_sink_end(const ksi_changelog_sink *sink);

#endif
