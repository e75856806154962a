/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_thread.h - one thread's share of an application: its tasks, its consumer, its producer and
 * its record cache. @java StreamThread
 *
 *     consumer --poll--> queues of the tasks --process--> producer
 *                              |                             |
 *                              +---- commit: flush caches, flush producer, then offsets;
 *                                            later, in bulk: rows to the stores on disk
 *
 * The loop is ksi_stream_thread_run(); one turn of it is ksi_stream_thread_step(), which never
 * waits and asks the time only of the injected clock, so that a test can drive an application turn
 * by turn.
 *
 * Invariants
 *   - Nothing is processed before every logged store of every task is restored.
 *   - An offset is committed only after the caches were flushed and the producer has delivered what
 *     the records before it led to.
 *   - After a failure nothing is committed: all of the thread's tasks go back to their last commit
 *     when the application starts again. Rows that were not committed never reach the disk; what
 *     was committed and not applied comes back from the changelog.
 *
 * Thread rule: made and filled by the thread that starts the application, then handed to its own;
 * functions marked "@thread any" may be called by others between ksi_stream_thread_new() and
 * ksi_stream_thread_free().
 */
#ifndef KSI_RUNTIME_STREAM_THREAD_H
#define KSI_RUNTIME_STREAM_THREAD_H

#include "runtime/assignment.h"
#include "runtime/task.h"

#include <stdatomic.h>

typedef struct ksi_stream_thread ksi_stream_thread;

/* What it is made with; borrowed until it is freed. */
typedef struct ksi_stream_thread_options {
    const char *name; /* "<client.id>-StreamThread-1"; copied */
    void *owner;      /* for the thread's body; may be NULL */
    const ks_topology *topology;
    const ks_config *config;
    const char *application_id;
    ksi_transport *transport;
    const ksi_assignment *assignment;
    ksi_clock *clock;
    ksi_logger *logger;        /* may be NULL */
    ksi_local_state *state;    /* NULL: all stores are in memory */
    int64_t cache_bytes;       /* this thread's share; negative: no record cache */
    const atomic_int *waiters; /* while positive, a thread without work commits at once */
} ksi_stream_thread_options;

/* What the loop tells its owner, from the thread that runs it. */
typedef struct ksi_stream_thread_events {
    void (*ready)(void *owner); /* all stores are restored */
    void (*idle)(void *owner);  /* there is nothing to do at the moment */
    /* The last call. `failure` is NULL after a clean end. */
    void (*ended)(void *owner, const ks_error *failure);
    void *owner;
} ksi_stream_thread_events;

ksi_stream_thread *ksi_stream_thread_new(const ksi_stream_thread_options *options, ks_error *error);
/* Abandons what nobody finished. Accepts NULL. */
void ksi_stream_thread_free(ksi_stream_thread *thread);

const char *ksi_stream_thread_name(const ksi_stream_thread *thread);
void *ksi_stream_thread_owner(const ksi_stream_thread *thread);

/* Makes a task of the assignment and finds where its inputs begin. */
KS_NODISCARD ks_status ksi_stream_thread_add_task(ksi_stream_thread *thread, ksi_assigned_task id,
                                                  ks_error *error);

/* Restores the stores of all tasks; ends early when the thread is to stop. */
KS_NODISCARD ks_status ksi_stream_thread_restore(ksi_stream_thread *thread, ks_error *error);

/*
 * One turn: polls, processes a batch of each task, commits when it is time. `*progressed`: whether
 * there was anything to do.
 */
KS_NODISCARD ks_status ksi_stream_thread_step(ksi_stream_thread *thread, bool *progressed,
                                              ks_error *error);

/* Waits until the next turn may have something to do, or ksi_stream_thread_wake(). */
void ksi_stream_thread_wait(ksi_stream_thread *thread);

/*
 * Commits, applies, and closes tasks and producer, whether or not that succeeds. What others may
 * ask stays, and the consumer, which they may wake. Nothing the second time.
 */
KS_NODISCARD ks_status ksi_stream_thread_finish(ksi_stream_thread *thread, ks_error *error);
/* The same without the commit. */
void ksi_stream_thread_abandon(ksi_stream_thread *thread);

/* Restores, takes turns until it is to stop or fails, and finishes, or abandons what failed. */
void ksi_stream_thread_run(ksi_stream_thread *thread, const ksi_stream_thread_events *events);

/* Ends the loop at the end of its turn. @thread any */
void ksi_stream_thread_stop(ksi_stream_thread *thread);
/* Makes the loop take a turn. @thread any */
void ksi_stream_thread_wake(ksi_stream_thread *thread);

/*
 * Whether all that was in the inputs is processed and committed; adds the end offsets it went by to
 * `*ends`. One answer may be outdated by another thread's sends before it is given; app.c says how
 * to ask several threads. @thread any
 */
bool ksi_stream_thread_caught_up(const ksi_stream_thread *thread, uint64_t *ends);

/*
 * The handle of a store of a task of this thread, or NULL; to be released. Once the task is closed
 * it answers KS_E_STORE_MIGRATED. Not while the application is started. @thread any
 */
ksi_store_query *ksi_stream_thread_store_query(const ksi_stream_thread *thread,
                                               ksi_assigned_task task, const char *store);

typedef struct ksi_stream_thread_stats {
    uint64_t processed;
    uint64_t sent;
    uint64_t dropped;
    uint64_t commits;
    uint64_t behind; /* records in input partitions and not yet processed */
} ksi_stream_thread_stats;

/* At most a turn old. @thread any */
ksi_stream_thread_stats ksi_stream_thread_stats_of(const ksi_stream_thread *thread);

/* The tasks, for tests; NULL past the end or when finished. */
ksi_task *ksi_stream_thread_task_at(const ksi_stream_thread *thread, size_t index);

#endif
