/* SPDX-License-Identifier: Apache-2.0 */
/*
 * partition_group.h - the queues of a task, and which of them goes next. @java PartitionGroup
 * (KIP-353, KIP-695)
 *
 * The next record is the one with the lowest timestamp among the heads; a heap of the non-empty
 * queues keeps them, with java.util.PriorityQueue's order of equals (base/heap.h), because ties
 * decide results.
 *
 * max.task.idle.ms says what an empty input means. -1: nothing, take what is there. 0: wait while
 * the log is known to hold more. Above 0: wait that long on top, in case a record still comes. Java
 * looks at the queues in the order of a HashMap and stops at the first that makes the task wait, so
 * a second empty input only starts its own time when the first one's is over; we keep that order.
 *
 * Thread rule: the owner of the task.
 */
#ifndef KSI_RUNTIME_PARTITION_GROUP_H
#define KSI_RUNTIME_PARTITION_GROUP_H

#include "base/heap.h"
#include "runtime/record_queue.h"

typedef struct ksi_partition_group {
    ksi_record_queue **queues;
    size_t count;
    size_t capacity;
    size_t *idle_order; /* indices of the queues in Java's order */
    ksi_heap by_time;   /* the queues that are not empty */
    size_t buffered;    /* records in all queues */
    int64_t max_idle_ms;
    int64_t stream_time; /* -1: none yet */
} ksi_partition_group;

void ksi_partition_group_init(ksi_partition_group *group, int64_t max_idle_ms);
void ksi_partition_group_destroy(ksi_partition_group *group); /* with its queues */

/*
 * A new queue, to be filled in by the caller; owned by the group. `partition` is that of the topic.
 */
ksi_record_queue *ksi_partition_group_add_queue(ksi_partition_group *group, const char *topic,
                                                int32_t partition);

/* Before the first record: the time of an input goes on from here, and stream time with it. */
void ksi_partition_group_set_time(ksi_partition_group *group, size_t queue, int64_t timestamp);

/* Queues a record. An error is that of a record which became a head. */
KS_NODISCARD ks_status ksi_partition_group_enqueue(ksi_partition_group *group, size_t queue,
                                                   const char *topic, const ks_log_record *record,
                                                   ks_error *error);

/* Whether a record may be taken now. Asking starts or ends the waiting for an empty input. */
bool ksi_partition_group_ready(ksi_partition_group *group, ksi_clock *clock);

/*
 * Takes the next record; `*queue` is NULL when there is none. Stream time moves on. Release the
 * queue when the record is done.
 */
KS_NODISCARD ks_status ksi_partition_group_next(ksi_partition_group *group,
                                                ksi_record_queue **queue,
                                                ksi_stamped_record *record, ks_error *error);

#endif
