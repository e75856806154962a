/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_thread.h - one thread's share of an application: its tasks, its consumer, its producer and
 * its record cache. @java StreamThread
 *
 *     consumer --poll--> queues of the tasks --process--> producer
 *                              |                             |
 *                              +---- commit: flush caches, then records and offsets;
 *                                            later, in bulk: rows to the stores on disk
 *
 * Tasks come and go by message: the supervisor gives one, restored, and asks for it back; before it
 * goes all that was processed is committed. One turn is ksi_stream_thread_step(), which never waits
 * and asks the time only of the injected clock, so that a test can drive an application turn by
 * turn.
 *
 * Delivery. At least once: what the producer gathers is seen within milliseconds, and a commit
 * waits for it before it commits offsets. Exactly once: records and offsets of all tasks of the
 * thread are one transaction, which is what a commit commits. Where that costs little, a thread
 * that is at the end of its inputs commits at once, so that nobody waits for the interval.
 *
 * Invariants
 *   - A task is given with all of its logged stores restored.
 *   - An offset is committed only after the caches were flushed, and with or behind what the
 *     records before it led to.
 *   - After a failure nothing is committed: all of the thread's tasks go back to their last commit.
 *     Rows that were not committed never reach the disk.
 *   - Every task that was given is returned, whatever happens.
 *   - A log that does not answer makes a turn end, not wait: what was begun is gone on with in a
 *     later one (patience.h), and nothing is processed while a commit is under way.
 *
 * Thread rule: the worker that steps it; functions marked "@thread any" may be called by others
 * between ksi_stream_thread_new() and ksi_stream_thread_free().
 */
#ifndef KSI_RUNTIME_STREAM_THREAD_H
#define KSI_RUNTIME_STREAM_THREAD_H

#include "runtime/assignment.h"
#include "runtime/group_session.h"
#include "runtime/progress.h"
#include "runtime/task.h"
#include "runtime/task_handle.h"

#include <stdatomic.h>

/* What it tells its owner, from its worker. */
typedef struct ksi_stream_thread_events {
    /* A task that was given runs. */
    void (*taken)(void *owner, ksi_task_handle *task);
    /*
     * A task is the owner's again. Clean: everything was committed; else its rows have to go back
     * to the last commit.
     */
    void (*returned)(void *owner, ksi_task_handle *task);
    /* A topic that it reads is not there, for now or for good: somebody should look. */
    void (*missing)(void *owner);
    /* The group gave this member's tasks away; all are returned, and the thread goes on. */
    void (*fenced)(void *owner);
    /* There is nothing to do at the moment, and nothing more in its inputs. */
    void (*idle)(void *owner);
    void *owner;
} ksi_stream_thread_events;

/* What it is made with; borrowed until it is freed. */
typedef struct ksi_stream_thread_options {
    const char *name;             /* "<client.id>-StreamThread-1"; copied */
    const char *transactional_id; /* NULL: at least once; copied */
    const ks_topology *topology;
    const ks_config *config;
    const char *application_id;
    ksi_transport *transport;
    const ksi_assignment *assignment;
    const ksi_progress *progress;
    ksi_group_session *session;       /* of this process in the group */
    const ksi_task_rows *global_rows; /* of the global stores; NULL: there are none */
    ksi_clock *clock;
    ksi_logger *logger; /* may be NULL */
    ksi_failure_handlers failure;
    bool keeps_state;          /* there are stores on disk */
    int64_t cache_bytes;       /* this thread's share; negative: no record cache */
    const atomic_int *waiters; /* while positive, a thread at the end of its inputs commits */
    const atomic_bool *paused; /* while true, nothing is processed (@java KafkaStreams#pause) */
    ksi_stream_thread_events events;
} ksi_stream_thread_options;

ksi_stream_thread *ksi_stream_thread_new(const ksi_stream_thread_options *options, ks_error *error);
/* Abandons what nobody finished. Accepts NULL. */
void ksi_stream_thread_free(ksi_stream_thread *thread);
const char *ksi_stream_thread_name(const ksi_stream_thread *thread);

/* ---- by message; @thread any ----------------------------------------------------------------- */

/* Hands a task over, in the session that it names. */
void ksi_stream_thread_give(ksi_stream_thread *thread, ksi_task_handle *task);
/* Asks for a task back: committed first. */
void ksi_stream_thread_call_back(ksi_stream_thread *thread, ksi_task_handle *task);
/* The group gave its tasks away: they are dropped without a commit, and returned. */
void ksi_stream_thread_lose(ksi_stream_thread *thread);
/* Another share of the record cache. */
void ksi_stream_thread_resize_cache(ksi_stream_thread *thread, int64_t bytes);
/* Ends its batch early, and its worker soon. */
void ksi_stream_thread_stop(ksi_stream_thread *thread);
bool ksi_stream_thread_is_stopping(const ksi_stream_thread *thread);
/* Makes it take a turn. */
void ksi_stream_thread_wake(ksi_stream_thread *thread);

/* ---- by its worker --------------------------------------------------------------------------- */

/*
 * One turn: takes and returns tasks, polls, processes a batch of each, commits when it is time.
 * `*progressed`: whether there was anything to do. After an error the thread can only be abandoned.
 */
KS_NODISCARD ks_status ksi_stream_thread_step(ksi_stream_thread *thread, bool *progressed,
                                              ks_error *error);
/* Waits until the next turn may have something to do, or ksi_stream_thread_wake(). */
void ksi_stream_thread_wait(ksi_stream_thread *thread);
/*
 * Commits and applies, returns the tasks and closes the producer, whether or not that succeeds.
 * What others may ask stays, and the consumer, which they may wake. Nothing the second time.
 * `*finished` false: the log makes it wait; to be called again, after a wait. It gives up after
 * some seconds: what was not committed is processed again.
 */
KS_NODISCARD ks_status ksi_stream_thread_finish(ksi_stream_thread *thread, bool *finished,
                                                ks_error *error);
/* The same without the commit. */
void ksi_stream_thread_abandon(ksi_stream_thread *thread);
/*
 * Returns what was given and never begun: by the owner, once the worker has ended, for it may have
 * given a task while the thread was ending.
 */
void ksi_stream_thread_return_mail(ksi_stream_thread *thread);

/* ---- what others ask; @thread any ------------------------------------------------------------ */

typedef struct ksi_stream_thread_stats {
    uint64_t processed;
    uint64_t sent;
    uint64_t dropped; /* the sum of the next */
    uint64_t dropped_by[KS_DROP_REASON_COUNT];
    uint64_t commits;
} ksi_stream_thread_stats;

/* At most a turn old. */
ksi_stream_thread_stats ksi_stream_thread_stats_of(const ksi_stream_thread *thread);

/* What a thread is busy with. */
typedef struct ksi_thread_activity {
    int64_t turn_began_ns; /* monotonic; -1: between two turns */
    const char *node;      /* whose code runs; the topology's. NULL: none */
    char task[32];         /* "0_1"; empty: none */
    char record[320];      /* "the record at topic in ..."; empty: none in hand */
} ksi_thread_activity;

ksi_thread_activity ksi_stream_thread_activity_of(ksi_stream_thread *thread);

#endif
