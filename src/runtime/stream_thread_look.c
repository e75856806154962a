/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_thread_look.c - what other threads tell a stream thread, and learn about it.
 *
 * They never see its tasks. What they ask goes through atomics that are written at the end of a
 * turn and after a commit; what they want goes through the mailbox, and a wake.
 *
 * Thread rule: as each function says in stream_thread.h.
 */
#include "runtime/stream_thread_parts.h"

/* ---- what the thread tells ------------------------------------------------------------------- */

void ksi_thread_publish_task(const ksi_thread_task *task)
{
    for (size_t i = 0; i < task->input_count; i++) {
        ksi_input_progress *progress = task->inputs[i].progress;
        int64_t offset = ksi_task_offset(task->task, task->inputs[i].input);
        if (offset >= 0 && progress != NULL) {
            atomic_store(&progress->processed, offset);
        }
    }
}

void ksi_thread_publish_counts(ksi_stream_thread *thread)
{
    uint64_t sent = thread->sent_before;
    uint64_t dropped = thread->dropped_before;
    for (size_t i = 0; i < thread->task_count; i++) {
        if (thread->tasks[i]->task != NULL) {
            sent += ksi_task_sent(thread->tasks[i]->task);
            dropped += ksi_task_dropped(thread->tasks[i]->task);
        }
    }
    atomic_store(&thread->sent, sent);
    atomic_store(&thread->dropped, dropped);
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
    return (ksi_stream_thread_stats){.processed = atomic_load(&thread->processed),
                                     .sent = atomic_load(&thread->sent),
                                     .dropped = atomic_load(&thread->dropped),
                                     .commits = atomic_load(&thread->commits)};
}

ksi_thread_activity ksi_stream_thread_activity_of(const ksi_stream_thread *thread)
{
    return (ksi_thread_activity){.turn_began_ns = atomic_load(&thread->turn_began_ns),
                                 .task = atomic_load(&thread->task_in_hand)};
}
