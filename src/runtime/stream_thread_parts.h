/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_thread_parts.h - what a stream thread is made of, for the files that know.
 *
 *     stream_thread_start.c   its tasks are made, their inputs found, their stores restored
 *     stream_thread.c         turns, the loop, the end
 *     stream_thread_commit.c  what was processed is committed, and goes to the disk
 *     stream_thread_look.c    what other threads learn about it
 *
 * Thread rule: the stream thread, but for what is atomic or does not change any more.
 */
#ifndef KSI_RUNTIME_STREAM_THREAD_PARTS_H
#define KSI_RUNTIME_STREAM_THREAD_PARTS_H

#include "runtime/stream_thread.h"

typedef struct ksi_thread_input {
    ksi_topic_partition at;
    size_t input; /* of the task */
    size_t slot;  /* of the consumer */
    bool watched;
    _Atomic int64_t processed; /* the offset behind the last record processed */
    _Atomic int64_t committed; /* where a new start would begin */
} ksi_thread_input;

typedef struct ksi_thread_task {
    ksi_assigned_task id;
    ksi_task *task;           /* NULL when closed */
    ksi_thread_input *inputs; /* in the arena */
    size_t input_count;
    ksi_store_query *
        *queries; /* of its stores, each retained until the thread is freed; likewise */
    size_t query_count;
} ksi_thread_task;

struct ksi_stream_thread {
    ksi_stream_thread_options options;
    ks_arena arena;
    ksi_consumer *consumer;
    ksi_producer *producer;
    ksi_record_cache *cache; /* NULL: caching is off */
    ksi_thread_task *tasks;
    size_t task_count;
    size_t task_capacity;
    size_t queue_bound;
    int64_t poll_ms;
    int64_t commit_interval_ms;
    int64_t last_commit_ms;
    int64_t apply_interval_ms;
    int64_t last_apply_ms;
    int64_t last_current_ms;       /* when the stores were last said to be current; 0: not yet */
    bool has_unapplied;            /* rows were committed since */
    int64_t uncommitted_max_bytes; /* negative: no bound */
    int64_t uncommitted_bytes;     /* of all tasks; read with their stores held */
    bool is_restored;
    ksi_group_offset *offsets; /* of the commit in hand */
    size_t offset_count;
    size_t offset_capacity;
    atomic_bool stop;
    atomic_bool finished;
    _Atomic uint64_t processed;
    _Atomic uint64_t sent;
    _Atomic uint64_t dropped;
    _Atomic uint64_t commits;
};
int64_t ksi_thread_now_ms(const ksi_stream_thread *thread);

/* ---- stream_thread_commit.c ------------------------------------------------------------------ */

/* Whether commit.interval.ms is over. */
bool ksi_thread_commit_due(const ksi_stream_thread *thread, int64_t now_ms);
/* Whether there is anything to commit. */
bool ksi_thread_needs_commit(const ksi_stream_thread *thread);
KS_NODISCARD ks_status ksi_thread_commit(ksi_stream_thread *thread, ks_error *error);
/* Commits when it is time; without work and with somebody waiting for the results it is time. */
KS_NODISCARD ks_status ksi_thread_maybe_commit(ksi_stream_thread *thread, size_t *work,
                                               ks_error *error);
/* Applies when it is time, and makes it durable: a crash restores what came later. */
KS_NODISCARD ks_status ksi_thread_maybe_apply(ksi_stream_thread *thread, ks_error *error);
/* When the stores are to be said to be current, though there is nothing to commit. */
int64_t ksi_thread_current_due_ms(const ksi_stream_thread *thread);
/* At the end: the stores are left as current as they are, on disk. */
KS_NODISCARD ks_status ksi_thread_leave_stores(ksi_stream_thread *thread, ks_error *error);

/* ---- stream_thread_look.c -------------------------------------------------------------------- */

/* Tells the others how far the inputs of a task are. */
void ksi_thread_publish_task(const ksi_thread_task *task);
/* Tells the others what the tasks have done. Before they are closed. */
void ksi_thread_publish_counts(ksi_stream_thread *thread);

#endif
