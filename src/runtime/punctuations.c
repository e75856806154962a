/* SPDX-License-Identifier: Apache-2.0 */
/*
 * punctuations.c - see punctuations.h.
 */
#include "runtime/punctuations.h"

#include "base/memory.h"

static int by_due(const void *a, const void *b)
{
    const ksi_punctuation *left = a;
    const ksi_punctuation *right = b;
    return (left->due_ms > right->due_ms) - (left->due_ms < right->due_ms);
}

void ksi_punctuations_init(ksi_punctuations *all)
{
    *all = (ksi_punctuations){0};
    for (size_t i = 0; i < 2; i++) {
        ksi_heap_init(&all->queues[i], by_due);
    }
}

void ksi_punctuations_destroy(ksi_punctuations *all)
{
    for (size_t i = 0; i < 2; i++) {
        for (size_t p = 0; p < all->queues[i].count; p++) {
            ksi_free(all->queues[i].items[p]);
        }
        ksi_heap_destroy(&all->queues[i]);
    }
    ksi_free(all->in_hand);
    all->in_hand = NULL;
}

/* Times too far away for the clock are never. */
static int64_t later(int64_t from_ms, int64_t by_ms)
{
    int64_t sum;
    return __builtin_add_overflow(from_ms, by_ms, &sum) ? KSI_NEVER_DUE : sum;
}

static int64_t next_due(int64_t due_ms, int64_t interval_ms, int64_t now_ms)
{
    int64_t next = later(due_ms, interval_ms);
    if (now_ms < next) {
        return next;
    }
    int64_t missed = (now_ms - due_ms) / interval_ms;
    return later(due_ms + missed * interval_ms, interval_ms);
}

static int64_t first_due(const ks_schedule *schedule, int64_t now_ms)
{
    if (schedule->is_anchored) {
        return schedule->start_ms < now_ms
                   ? next_due(schedule->start_ms, schedule->interval_ms, now_ms)
                   : schedule->start_ms;
    }
    return schedule->type == KS_PUNCTUATION_WALL_CLOCK ? later(now_ms, schedule->interval_ms) : 0;
}

ks_punctuation ksi_punctuations_add(ksi_punctuations *all, const ks_schedule *schedule,
                                    int64_t now_ms, const ksi_punctuation *what)
{
    ksi_punctuation *new = ksi_alloc(sizeof *new);
    *new = *what;
    new->due_ms = first_due(schedule, now_ms);
    new->interval_ms = schedule->interval_ms;
    new->id = ++all->last_id;
    ksi_heap_push(&all->queues[schedule->type == KS_PUNCTUATION_WALL_CLOCK], new);
    return new->id;
}

void ksi_punctuations_cancel(ksi_punctuations *all, ks_punctuation id)
{
    if (all->in_hand != NULL && all->in_hand->id == id) {
        all->in_hand->is_cancelled = true;
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        for (size_t p = 0; p < all->queues[i].count; p++) {
            ksi_punctuation *one = all->queues[i].items[p];
            one->is_cancelled = one->is_cancelled || one->id == id;
        }
    }
}

const ksi_punctuation *ksi_punctuations_take(ksi_punctuations *all, ks_punctuation_type type,
                                             int64_t now_ms)
{
    ksi_heap *queue = &all->queues[type];
    while (ksi_punctuations_due(all, type) <= now_ms && queue->count > 0) {
        ksi_punctuation *first = ksi_heap_pop(queue);
        if (!first->is_cancelled) {
            all->in_hand = first;
            return first;
        }
        ksi_free(first);
    }
    return NULL;
}

void ksi_punctuations_done(ksi_punctuations *all, ks_punctuation_type type, int64_t now_ms)
{
    ksi_punctuation *done = all->in_hand;
    all->in_hand = NULL;
    if (done->is_cancelled) {
        ksi_free(done);
        return;
    }
    done->due_ms = next_due(done->due_ms, done->interval_ms, now_ms);
    ksi_heap_push(&all->queues[type], done);
}
