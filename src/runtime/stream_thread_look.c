/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_thread_look.c - what other threads may know of a stream thread, and do to it.
 *
 * The application asks whether a thread has caught up and what it has done. That goes through
 * atomics, which the thread writes at the end of a turn and after a commit, and never through the
 * tasks.
 *
 * Thread rule: what publishes is the stream thread's; the rest is for any thread.
 */
#include "runtime/stream_thread_parts.h"

/* ---- what the thread tells ------------------------------------------------------------------- */

void ksi_thread_publish_task(const ksi_thread_task *task)
{
    for (size_t i = 0; i < task->input_count; i++) {
        int64_t offset = ksi_task_offset(task->task, task->inputs[i].input);
        if (offset >= 0) {
            atomic_store(&task->inputs[i].processed, offset);
        }
    }
}

void ksi_thread_publish_counts(ksi_stream_thread *thread)
{
    uint64_t sent = 0;
    uint64_t dropped = 0;
    for (size_t i = 0; i < thread->task_count; i++) {
        sent += ksi_task_sent(thread->tasks[i].task);
        dropped += ksi_task_dropped(thread->tasks[i].task);
    }
    atomic_store(&thread->sent, sent);
    atomic_store(&thread->dropped, dropped);
}

/* ---- for other threads ----------------------------------------------------------------------- */

void ksi_stream_thread_stop(ksi_stream_thread *thread)
{
    atomic_store(&thread->stop, true);
    ksi_stream_thread_wake(thread);
}

void ksi_stream_thread_wake(ksi_stream_thread *thread)
{
    thread->consumer->class->wake(thread->consumer);
}

ksi_store_query *ksi_stream_thread_store_query(const ksi_stream_thread *thread,
                                               ksi_assigned_task task, const char *store)
{
    for (size_t t = 0; t < thread->task_count; t++) {
        const ksi_thread_task *one = &thread->tasks[t];
        bool is_it = one->id.subtopology == task.subtopology && one->id.partition == task.partition;
        for (size_t i = 0; is_it && i < one->query_count; i++) {
            if (strcmp(ksi_store_query_name(one->queries[i]), store) == 0) {
                return ksi_store_query_retain(one->queries[i]);
            }
        }
    }
    return NULL;
}

/* The end of a partition; what cannot be asked counts as empty. */
static int64_t end_of(const ksi_stream_thread *thread, const ksi_thread_input *input)
{
    ksi_transport *transport = thread->options.transport;
    int64_t begin = 0;
    int64_t end = 0;
    return transport->class->offsets(transport, input->at, &begin, &end, NULL) == KS_OK ? end : 0;
}

bool ksi_stream_thread_caught_up(const ksi_stream_thread *thread, uint64_t *ends)
{
    for (size_t t = 0; t < thread->task_count; t++) {
        const ksi_thread_task *task = &thread->tasks[t];
        for (size_t i = 0; i < task->input_count; i++) {
            int64_t end = end_of(thread, &task->inputs[i]);
            if (atomic_load(&task->inputs[i].committed) < end) {
                return false;
            }
            *ends += (uint64_t)end;
        }
    }
    return true;
}

ksi_stream_thread_stats ksi_stream_thread_stats_of(const ksi_stream_thread *thread)
{
    ksi_stream_thread_stats stats = {.processed = atomic_load(&thread->processed),
                                     .sent = atomic_load(&thread->sent),
                                     .dropped = atomic_load(&thread->dropped),
                                     .commits = atomic_load(&thread->commits)};
    for (size_t t = 0; t < thread->task_count; t++) {
        const ksi_thread_task *task = &thread->tasks[t];
        for (size_t i = 0; i < task->input_count; i++) {
            int64_t behind =
                end_of(thread, &task->inputs[i]) - atomic_load(&task->inputs[i].processed);
            stats.behind += behind > 0 ? (uint64_t)behind : 0;
        }
    }
    return stats;
}
