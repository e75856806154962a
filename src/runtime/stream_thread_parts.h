/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_thread_parts.h - what a stream thread is made of, for the files that know.
 *
 *     stream_thread_tasks.c   tasks come, their inputs are found, and go
 *     stream_thread.c         life, turns, waiting, the end
 *     stream_thread_commit.c  what was processed is committed, and goes to the disk
 *     stream_thread_look.c    what other threads tell it and learn about it
 *
 * Thread rule: the worker of the thread, but for what is atomic or does not change any more.
 */
#ifndef KSI_RUNTIME_STREAM_THREAD_PARTS_H
#define KSI_RUNTIME_STREAM_THREAD_PARTS_H

#include "base/thread.h"
#include "runtime/begin_offset.h"
#include "runtime/mailbox.h"
#include "runtime/patience.h"
#include "runtime/stream_thread.h"

typedef struct ksi_thread_input {
    ksi_topic_partition at;
    size_t input; /* of the task */
    size_t slot;  /* of the consumer */
    bool watched;
    bool is_repartition;
    bool is_at_end;  /* the last poll took all there was */
    bool is_astray;  /* its position is none of the topic any more: to begin again */
    bool is_missing; /* and that because there was no such topic */
    ksi_input_progress *progress;
    ksi_patience patience; /* with polling it */
    int64_t committed;
    int64_t purged; /* the records before it were deleted */
} ksi_thread_input;

typedef struct ksi_thread_task {
    ksi_task_handle *handle;
    ksi_task *task;
    ksi_thread_input *inputs;
    size_t input_count;
    uint32_t number; /* among the tasks of the thread; records are sent under it */
    bool is_leaving;
} ksi_thread_task;

/* How far a commit is; what makes it wait is gone on with in a later turn. */
typedef enum ksi_commit_step {
    KSI_COMMIT_NONE,    /* none is under way */
    KSI_COMMIT_SENDING, /* the caches are flushed */
    KSI_COMMIT_OFFSETS  /* all was sent that is not part of a transaction */
} ksi_commit_step;

struct ksi_stream_thread {
    ksi_stream_thread_options options;
    ks_arena arena;
    ks_arena commit_arena; /* of the commit in hand */
    ksi_mailbox mailbox;
    ksi_consumer *consumer;
    ksi_producer *producer;  /* NULL before the first turn, after a failure, after the end */
    ksi_record_cache *cache; /* NULL: caching is off */
    ksi_thread_task **tasks;
    size_t task_count;
    size_t task_capacity;
    ksi_task_handle **arriving; /* given, and not begun yet */
    size_t arriving_count;
    size_t arriving_capacity;
    ksi_patience_options puts_up; /* of all its patience */
    ksi_patience patience;        /* with what it does for all of its tasks */
    ksi_patience_options goes_back;
    ksi_patience going_back; /* to the last commit, time and again; settled by the next one */
    ksi_commit_step commit_step;
    int64_t ending_ms; /* since when it is to end and cannot; negative: it is not */
    size_t queue_bound;
    int64_t poll_ms;
    int64_t commit_interval_ms;
    int64_t last_commit_ms;
    int64_t apply_interval_ms;
    int64_t last_apply_ms;
    int64_t last_current_ms; /* when the stores were last said to be current; 0: not yet */
    int64_t purge_interval_ms;
    int64_t last_purge_ms;
    int64_t send_at_ns;            /* when the producer wants to be polled; -1: nothing waits */
    bool has_unapplied;            /* rows were committed since */
    int64_t uncommitted_max_bytes; /* negative: no bound */
    int64_t uncommitted_bytes;     /* of all tasks, as the turn began and as it went on */
    size_t pending_max_bytes;      /* of records in a transaction */
    uint64_t session;              /* in which its tasks run */
    ksi_generation generation;     /* as which the commit in hand is made */
    ksi_group_offset *offsets;     /* of the commit in hand */
    size_t offset_count;
    size_t offset_capacity;
    uint64_t sent_before; /* by tasks that are gone */
    uint64_t dropped_before[KS_DROP_REASON_COUNT];
    bool told_of_shortened; /* that the metadata of a commit leaves notes out */
    bool finished;
    atomic_bool stop;
    atomic_llong cache_bytes; /* wanted */
    _Atomic uint64_t processed;
    _Atomic uint64_t sent;
    _Atomic uint64_t dropped_by[KS_DROP_REASON_COUNT];
    _Atomic uint64_t commits;
    _Atomic int64_t turn_began_ns;
    ksi_mutex look_lock; /* who looks at the next has it; nothing is taken under it */
    _Atomic(const ksi_thread_task *) task_in_hand;
};

int64_t ksi_thread_now_ms(const ksi_stream_thread *thread);

/* All that is in its inputs was taken from them, as far as it knows. */
bool ksi_thread_is_at_end(const ksi_stream_thread *thread);
/* An input's topic is not there: it has to begin again, when there is one. */
void ksi_thread_miss(ksi_stream_thread *thread, ksi_thread_input *input);

/* ---- stream_thread_tasks.c ------------------------------------------------------------------- */

/* By which reading a partition begins. */
ksi_offset_rules ksi_thread_offset_rules(const ksi_stream_thread *thread);
/* Remembers what it was given, and marks what was asked back. KS_E_FENCED: all is lost. */
KS_NODISCARD ks_status ksi_thread_read_mail(ksi_stream_thread *thread, size_t *work,
                                            ks_error *error);
/* Begins what was given, and commits and returns what was asked back. */
KS_NODISCARD ks_status ksi_thread_move_tasks(ksi_stream_thread *thread, size_t *work,
                                             ks_error *error);
/* ksi_undelivered_fn of the thread's producer. */
ks_status ksi_thread_undelivered(void *owner, uint32_t sender, const char *topic,
                                 const ks_log_record *record, const ks_error *reason,
                                 ks_error *error);
/*
 * Returns every task, the producer being closed before: what it still writes must not come behind
 * what the next one reads. `is_clean` says whether everything is committed.
 */
void ksi_thread_return_all(ksi_stream_thread *thread, bool is_clean);

/* ---- stream_thread_commit.c ------------------------------------------------------------------ */

/* Whether commit.interval.ms is over. */
bool ksi_thread_commit_due(const ksi_stream_thread *thread, int64_t now_ms);
/* Whether there is anything to commit. */
bool ksi_thread_needs_commit(const ksi_stream_thread *thread);
/*
 * Begins a commit or goes on with it. After an error that is flagged retriable it is still under
 * way: until it has been gone on with to its end nothing may be processed.
 */
KS_NODISCARD ks_status ksi_thread_commit(ksi_stream_thread *thread, ks_error *error);
/*
 * The offset to commit for an input; negative: none yet. Where the queue is empty, that behind all
 * that was passed over, such as the marks of transactions.
 */
int64_t ksi_thread_offset(const ksi_stream_thread *thread, const ksi_thread_task *task,
                          const ksi_thread_input *input);
/*
 * Commits when it is time; without work, at the end of all inputs, and with somebody waiting for
 * the results, it is time.
 */
KS_NODISCARD ks_status ksi_thread_maybe_commit(ksi_stream_thread *thread, size_t *work,
                                               ks_error *error);
/* Applies when it is time, and makes it durable: a crash restores what came later. */
KS_NODISCARD ks_status ksi_thread_maybe_apply(ksi_stream_thread *thread, ks_error *error);
/* When the stores are to be said to be current, though there is nothing to commit. */
int64_t ksi_thread_current_due_ms(const ksi_stream_thread *thread);
/* Gives the disk all that is committed, and says that it is current until now. */
KS_NODISCARD ks_status ksi_thread_apply(ksi_stream_thread *thread, ks_error *error);
/* Deletes what was processed and committed from repartition topics, now and then. */
void ksi_thread_maybe_purge(ksi_stream_thread *thread);

/* ---- stream_thread_look.c -------------------------------------------------------------------- */

/* Tells the others how far the inputs of a task are, and what the tasks have done. */
void ksi_thread_publish_task(const ksi_stream_thread *thread, const ksi_thread_task *task);
void ksi_thread_publish_counts(ksi_stream_thread *thread);

/* Whose code runs from now on: NULL for nobody's. */
void ksi_thread_hold(ksi_stream_thread *thread, const ksi_thread_task *task);
/* Waits until nobody looks at a task that is held no more, so that it may be freed. */
void ksi_thread_end_looks(ksi_stream_thread *thread);

enum { KSI_THREAD_GIVE, KSI_THREAD_CALL_BACK, KSI_THREAD_LOSE };

#endif
