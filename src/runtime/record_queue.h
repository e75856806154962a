/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_queue.h - the records of one input of a task that wait their turn, first in, first out.
 * @java RecordQueue
 *
 * All but the first wait as bytes. The first, the head, has been deserialized and has its
 * timestamp, because which queue goes next is decided by the timestamps of the heads. So what a
 * broken record leads to (the handler, a dead letter) happens when the record becomes the head: on
 * arrival in an empty queue, or while the record before it is taken.
 *
 *     blocks  [ raw raw raw ][ raw raw       ]     copied on arrival, freed with their last record
 *               ^ in hand     ^ waiting
 *                   ^ head
 *
 * A record that the handler or the timestamp extractor skips is gone, but when nothing follows it
 * stays as a *corrupted* head: taking it processes nothing and moves the offset past it
 * (KAFKA-6502).
 *
 * Two arenas take turns: what was deserialized for the record in hand must outlive the
 * deserialization of the head behind it.
 *
 * Thread rule: the owner of the task.
 */
#ifndef KSI_RUNTIME_RECORD_QUEUE_H
#define KSI_RUNTIME_RECORD_QUEUE_H

#include "runtime/error_handlers.h"
#include "topology/context.h"

typedef struct ksi_queue_block ksi_queue_block;

/* A record as it waits. */
typedef struct ksi_raw_record {
    const char *topic; /* its own: a queue may take the records of several topics */
    ks_log_record record;
} ksi_raw_record;

typedef struct ksi_stamped_record {
    const ksi_raw_record *raw;
    ks_record record; /* with the timestamp the extractor gave it */
    bool corrupted;
} ksi_stamped_record;

typedef struct ksi_record_queue {
    /* as the log names it; the pattern's text when it takes all topics that match */
    const char *topic;
    uint32_t hash; /* of topic and partition, for the group's order of idle queues */
    ksi_node_instance *source;
    const ks_serde *key;
    const ks_serde *value;
    const ks_timestamp_extractor *extractor;
    bool needs_clock; /* the extractor may ask what time it is */
    ks_ctx *ctx;
    ksi_error_handlers *handlers;

    ksi_queue_block *first; /* the block of the oldest record that is not released */
    ksi_queue_block *last;
    ksi_queue_block *spare;
    const ksi_queue_block *next_block; /* where the next record to become the head stands */
    size_t next_position;
    size_t waiting; /* behind the head */
    size_t in_hand; /* not released: the one being processed, skipped ones behind it, the head */

    bool has_head;
    ksi_stamped_record head;
    ks_arena arenas[2];
    unsigned head_arena;
    int64_t partition_time; /* -1: no record was taken yet */

    int64_t next_offset;      /* one past the last record taken; -1: none was */
    bool caught_up;           /* nothing more is in the log, as far as is known */
    int64_t idle_deadline_ms; /* -1: not waiting */
} ksi_record_queue;

void ksi_record_queue_init(ksi_record_queue *queue);
void ksi_record_queue_destroy(ksi_record_queue *queue);

/* Copies a record to the end. `topic` lives as long as the queue. The head is not looked at. */
void ksi_record_queue_add(ksi_record_queue *queue, const char *topic, const ks_log_record *record);

/* Makes the next record the head when there is none. An error is the end of the task. */
KS_NODISCARD ks_status ksi_record_queue_update_head(ksi_record_queue *queue, ks_error *error);

/*
 * Takes the head, which must be there, and makes the next one the head. What `record` points to
 * lives until ksi_record_queue_release(), which must come before the next poll.
 */
KS_NODISCARD ks_status ksi_record_queue_poll(ksi_record_queue *queue, ksi_stamped_record *record,
                                             ks_error *error);
void ksi_record_queue_release(ksi_record_queue *queue);

static inline size_t ksi_record_queue_size(const ksi_record_queue *queue)
{
    return queue->waiting + (queue->has_head ? 1 : 0);
}

/* -1 for a corrupted head. */
static inline int64_t ksi_record_queue_head_timestamp(const ksi_record_queue *queue)
{
    return queue->head.corrupted ? -1 : queue->head.record.timestamp;
}

#endif
