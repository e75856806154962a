/* SPDX-License-Identifier: Apache-2.0 */
/*
 * restorer.h - brings the stores of tasks up to their changelogs, off the stream threads, and keeps
 * standbys there. @java DefaultStateUpdater
 *
 *     take(task)   -> reads every changelog of the task to its end -> `restored`
 *     take(standby)-> reads on and on                              -> until it is called back
 *
 * So a task that needs an hour of restoring costs the others nothing: their thread goes on with
 * records. All stores of all tasks are read in turn, a batch of each, by one consumer.
 *
 * The log is asked without the lock of the task's stores, and a task that it makes wait
 * (patience.h) keeps no other from going on.
 *
 * A standby writes what it read once a second, and a task what it gathered when it is complete or
 * called back; what is lost in between is read again.
 *
 * Thread rule: step, wait and free belong to its worker; give, call_back and wake are for any
 * thread.
 */
#ifndef KSI_RUNTIME_RESTORER_H
#define KSI_RUNTIME_RESTORER_H

#include "base/logger.h"
#include "runtime/mailbox.h"
#include "runtime/task_handle.h"
#include "transport/transport.h"
#include <kstreams/app.h>

typedef struct ksi_restorer ksi_restorer;

/* What it tells its owner, from its worker; the handle is the owner's again. */
typedef struct ksi_restorer_events {
    /* A standby, and a task that is not restored, comes when it was called back or has failed. */
    void (*returned)(void *owner, ksi_task_handle *task);
    void *owner;
} ksi_restorer_events;

typedef struct ksi_restorer_options {
    const char *name; /* in log lines: "<client.id>-StateUpdater-1"; borrowed */
    ksi_transport *transport;
    ksi_clock *clock;
    ksi_logger *logger; /* may be NULL */
    int64_t task_timeout_ms;
    ksi_restorer_events events;
    ks_restore_listener_fn *listener; /* may be NULL */
    void *user;                       /* for it */
} ksi_restorer_options;

ksi_restorer *ksi_restorer_new(const ksi_restorer_options *options, ks_error *error);
/* Finishes what nobody finished. Accepts NULL. */
void ksi_restorer_free(ksi_restorer *restorer);

/* Takes over a task; a standby when it says so. @thread any */
void ksi_restorer_give(ksi_restorer *restorer, ksi_task_handle *task);
/* Asks for a task back, wherever it is with it. @thread any */
void ksi_restorer_call_back(ksi_restorer *restorer, ksi_task_handle *task);
/* Makes a standby a task to be restored to the end and returned. @thread any */
void ksi_restorer_promote(ksi_restorer *restorer, ksi_task_handle *task);

/* A batch of every store. `*progressed`: whether there was anything to do. */
void ksi_restorer_step(ksi_restorer *restorer, bool *progressed);
void ksi_restorer_wait(ksi_restorer *restorer);
void ksi_restorer_wake(ksi_restorer *restorer); /* @thread any */
/* Returns every task it has, with what was read of it. */
void ksi_restorer_finish(ksi_restorer *restorer);
/* Asks its worker to finish. @thread any */
void ksi_restorer_stop(ksi_restorer *restorer);
bool ksi_restorer_is_stopping(const ksi_restorer *restorer); /* @thread any */

#endif
