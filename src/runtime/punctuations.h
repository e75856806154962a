/* SPDX-License-Identifier: Apache-2.0 */
/*
 * punctuations.h - what a task is to call when it is time. @java PunctuationQueue,
 * PunctuationSchedule
 *
 * Two queues, by stream time and by the wall clock, ordered by when a punctuation is due. Taking
 * one makes it the one in hand; what it schedules meanwhile goes into the queues and may be due at
 * once. Done with, it goes back with its next time:
 *
 *     due + interval, or when that is over too
 *     due + (floor((now - due) / interval) + 1) * interval
 *
 * so a punctuation that is late stays on its grid and makes up for nothing. The wrong way would be
 * now + interval, which drifts.
 *
 * Several that are due at once go in the order of Java's heap, and one that was cancelled stays
 * there until it is due, because taking it out would change that order.
 *
 * Thread rule: the owner of the task.
 */
#ifndef KSI_RUNTIME_PUNCTUATIONS_H
#define KSI_RUNTIME_PUNCTUATIONS_H

#include "base/heap.h"
#include "topology/context.h"

#define KSI_NEVER_DUE INT64_MAX

typedef struct ksi_punctuation {
    int64_t due_ms;
    int64_t interval_ms;
    ksi_node_instance *node; /* whose it is */
    ks_punctuator_fn *punctuate;
    void *user;
    ks_punctuation id;
    bool is_cancelled;
} ksi_punctuation;

typedef struct ksi_punctuations {
    ksi_heap queues[2]; /* by ks_punctuation_type */
    ksi_punctuation *in_hand;
    ks_punctuation last_id;
} ksi_punctuations;

void ksi_punctuations_init(ksi_punctuations *all);
void ksi_punctuations_destroy(ksi_punctuations *all);

/* `now_ms` is the time that `schedule` goes by: -1 while stream time is not known. */
ks_punctuation ksi_punctuations_add(ksi_punctuations *all, const ks_schedule *schedule,
                                    int64_t now_ms, const ksi_punctuation *what);
void ksi_punctuations_cancel(ksi_punctuations *all, ks_punctuation id);

/* When the first may be due; KSI_NEVER_DUE: none is. */
static inline int64_t ksi_punctuations_due(const ksi_punctuations *all, ks_punctuation_type type)
{
    const ksi_heap *queue = &all->queues[type];
    return queue->count > 0 ? ((const ksi_punctuation *)queue->items[0])->due_ms : KSI_NEVER_DUE;
}

/* The next one that is due, which is in hand until ksi_punctuations_done(); NULL: none is. */
const ksi_punctuation *ksi_punctuations_take(ksi_punctuations *all, ks_punctuation_type type,
                                             int64_t now_ms);
void ksi_punctuations_done(ksi_punctuations *all, ks_punctuation_type type, int64_t now_ms);

#endif
