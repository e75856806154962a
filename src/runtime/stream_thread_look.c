/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_thread_look.c - what other threads tell a stream thread, and learn about it.
 *
 * They never see its tasks. What they ask goes through atomics that are written at the end of a
 * turn and after a commit; what they want goes through the mailbox, and a wake. The one exception
 * is what a thread is stuck in, which it cannot say itself: the supervisor looks at a few words of
 * the task in hand, under a lock that the thread takes once before it frees a task.
 *
 * Thread rule: as each function says in stream_thread.h.
 */
#include "runtime/stream_thread_parts.h"

#include <stdio.h>
#include <string.h>

/* ---- what the thread tells ------------------------------------------------------------------- */

void ksi_thread_publish_task(const ksi_stream_thread *thread, const ksi_thread_task *task)
{
    for (size_t i = 0; i < task->input_count; i++) {
        ksi_input_progress *progress = task->inputs[i].progress;
        int64_t offset = ksi_thread_offset(thread, task, &task->inputs[i]);
        if (offset >= 0 && progress != NULL) {
            atomic_store(&progress->processed, offset);
        }
    }
}

void ksi_thread_publish_counts(ksi_stream_thread *thread)
{
    uint64_t sent = thread->sent_before;
    uint64_t dropped[KS_DROP_REASON_COUNT];
    memcpy(dropped, thread->dropped_before, sizeof dropped);
    for (size_t i = 0; i < thread->task_count; i++) {
        if (thread->tasks[i]->task != NULL) {
            sent += ksi_task_sent(thread->tasks[i]->task);
            for (size_t r = 0; r < KS_DROP_REASON_COUNT; r++) {
                dropped[r] += ksi_task_dropped_by(thread->tasks[i]->task, (ks_drop_reason)r);
            }
        }
    }
    atomic_store(&thread->sent, sent);
    for (size_t r = 0; r < KS_DROP_REASON_COUNT; r++) {
        atomic_store_explicit(&thread->dropped_by[r], dropped[r], memory_order_relaxed);
    }
}

void ksi_thread_hold(ksi_stream_thread *thread, const ksi_thread_task *task)
{
    atomic_store_explicit(&thread->task_in_hand, task, memory_order_release);
}

void ksi_thread_end_looks(ksi_stream_thread *thread)
{
    ksi_thread_hold(thread, NULL);
    ksi_mutex_lock(&thread->look_lock);
    ksi_mutex_unlock(&thread->look_lock);
}

/* ---- what it is told ------------------------------------------------------------------------- */

void ksi_stream_thread_give(ksi_stream_thread *thread, ksi_task_handle *task)
{
    ksi_mailbox_post(&thread->mailbox, KSI_THREAD_GIVE, task);
    ksi_stream_thread_wake(thread);
}

void ksi_stream_thread_call_back(ksi_stream_thread *thread, ksi_task_handle *task)
{
    ksi_mailbox_post(&thread->mailbox, KSI_THREAD_CALL_BACK, task);
    ksi_stream_thread_wake(thread);
}

void ksi_stream_thread_lose(ksi_stream_thread *thread)
{
    ksi_mailbox_post(&thread->mailbox, KSI_THREAD_LOSE, NULL);
    ksi_stream_thread_wake(thread);
}

void ksi_stream_thread_resize_cache(ksi_stream_thread *thread, int64_t bytes)
{
    atomic_store(&thread->cache_bytes, bytes);
    ksi_stream_thread_wake(thread);
}

void ksi_stream_thread_stop(ksi_stream_thread *thread)
{
    atomic_store(&thread->stop, true);
    ksi_stream_thread_wake(thread);
}

bool ksi_stream_thread_is_stopping(const ksi_stream_thread *thread)
{
    return atomic_load(&thread->stop);
}

void ksi_stream_thread_wake(ksi_stream_thread *thread)
{
    thread->consumer->class->wake(thread->consumer);
}

/* ---- what others ask ------------------------------------------------------------------------- */

ksi_stream_thread_stats ksi_stream_thread_stats_of(const ksi_stream_thread *thread)
{
    ksi_stream_thread_stats stats = {.processed = atomic_load(&thread->processed),
                                     .sent = atomic_load(&thread->sent),
                                     .commits = atomic_load(&thread->commits)};
    for (size_t r = 0; r < KS_DROP_REASON_COUNT; r++) {
        stats.dropped_by[r] = atomic_load(&thread->dropped_by[r]);
        stats.dropped += stats.dropped_by[r];
    }
    return stats;
}

ksi_thread_activity ksi_stream_thread_activity_of(ksi_stream_thread *thread)
{
    ksi_thread_activity activity = {.turn_began_ns = atomic_load(&thread->turn_began_ns)};
    ksi_mutex_lock(&thread->look_lock);
    const ksi_thread_task *task = atomic_load_explicit(&thread->task_in_hand, memory_order_acquire);
    if (task != NULL) {
        ksi_task_activity busy = ksi_task_activity_of(task->task);
        activity.node = busy.node;
        snprintf(activity.task, sizeof activity.task, "%s", task->handle->name);
        if (busy.topic != NULL) {
            snprintf(activity.record, sizeof activity.record,
                     "the record at topic %s partition %d offset %lld", busy.topic,
                     (int)busy.partition, (long long)busy.offset);
        }
    }
    ksi_mutex_unlock(&thread->look_lock);
    return activity;
}
