/* SPDX-License-Identifier: Apache-2.0 */
/*
 * global_thread.h - one worker keeps the global stores of a process: all partitions of their
 * topics, in every instance of the application. @java GlobalStreamThread
 *
 *     restore   each partition up to the end it had at the start: row by row, or through the
 *               store's processor where that writes what it likes            -> `restored`
 *     follow    whatever comes, through the store's nodes, in the order in which it is read
 *
 * No task runs before `restored`, so a processor finds in a global store at least what was in its
 * topic when the application started. From there on the two are not in step: what a record finds
 * is a matter of who was faster, in Java as here.
 *
 * A store on disk knows how far it is in each partition, and the next start goes on from there.
 * What cannot be gone on from (restore.h) is wiped as a whole, since a row does not say which
 * partition it came from, and rebuilt with a message.
 *
 * The stores are a task's (KSI_GLOBAL_STORES) of which there is one in a process: nodes, handlers
 * and contexts are those of every task. Its queues are empty between two records. There is nobody
 * to take it over: when it fails, the application ends.
 *
 * Locks. Its store lock is a shared one (state/store_lock.h), which it has for a batch, giving way
 * after each record; tasks and queries read beside each other in between.
 *
 * Thread rule: step, wait, finish and abandon belong to its worker; stop, wake and what is counted
 * are for any thread; the rest is the application's.
 */
#ifndef KSI_RUNTIME_GLOBAL_THREAD_H
#define KSI_RUNTIME_GLOBAL_THREAD_H

#include "runtime/assignment.h"
#include "runtime/progress.h"
#include "runtime/task.h"
#include <kstreams/app.h>

typedef struct ksi_global_thread ksi_global_thread;

/* What it tells its owner, from its worker. */
typedef struct ksi_global_thread_events {
    void (*restored)(void *owner); /* once: tasks may run */
    void (*idle)(void *owner);     /* there is nothing to do at the moment */
    void *owner;
} ksi_global_thread_events;

/* What it is made with; borrowed until it is freed, unless it says so. */
typedef struct ksi_global_thread_options {
    const char *name; /* in log lines: "<client.id>-GlobalStreamThread"; copied */
    const ks_topology *topology;
    const ks_config *config;
    const char *application_id;
    ksi_transport *transport;
    const ksi_assignment *assignment; /* of the start; may change afterwards */
    ksi_local_state *state;           /* NULL: there are no stores on disk */
    ksi_clock *clock;
    ksi_logger *logger; /* may be NULL */
    ksi_failure_handlers failure;
    ks_restore_listener_fn *listener; /* may be NULL */
    void *user;                       /* for it */
    ksi_global_thread_events events;
} ksi_global_thread_options;

/* Opens the stores and starts their nodes; reads nothing yet. NULL with an error. */
ksi_global_thread *ksi_global_thread_new(const ksi_global_thread_options *options, ks_error *error);
/* Closes what is still open, the stores last. Accepts NULL. */
void ksi_global_thread_free(ksi_global_thread *thread);
const char *ksi_global_thread_name(const ksi_global_thread *thread);
/* The stores, for tasks and queries, until ksi_global_thread_close_stores(). */
const ksi_task_rows *ksi_global_thread_rows(const ksi_global_thread *thread);

/* ---- by its worker --------------------------------------------------------------------------- */

/* A batch of every partition. After an error it can only be abandoned. */
KS_NODISCARD ks_status ksi_global_thread_step(ksi_global_thread *thread, bool *progressed,
                                              ks_error *error);
void ksi_global_thread_wait(ksi_global_thread *thread);
/* Writes down what was read, whether or not all of that succeeds, and ends the nodes. */
KS_NODISCARD ks_status ksi_global_thread_finish(ksi_global_thread *thread, ks_error *error);
/* The same without writing. */
void ksi_global_thread_abandon(ksi_global_thread *thread);
/* By the owner, when the worker has ended: handles of the stores answer KS_E_STORE_MIGRATED. */
void ksi_global_thread_close_stores(ksi_global_thread *thread);

/* ---- @thread any ----------------------------------------------------------------------------- */

void ksi_global_thread_wake(ksi_global_thread *thread);
/* Asks its worker to finish. */
void ksi_global_thread_stop(ksi_global_thread *thread);
bool ksi_global_thread_is_stopping(const ksi_global_thread *thread);
/* How far it is in the topics. */
const ksi_progress *ksi_global_thread_progress(const ksi_global_thread *thread);
/* Records dropped for a reason; at most a turn old. */
uint64_t ksi_global_thread_dropped(const ksi_global_thread *thread, ks_drop_reason reason);

#endif
