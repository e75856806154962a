/* SPDX-License-Identifier: Apache-2.0 */
/*
 * app.h - an application inside: what its files share. The essay is in app.c.
 *
 * Thread rule: what stands below `lock` in the structure is guarded by it; the rest is constant
 * after ksi_app_new() or, the threads and the assignment, after ks_app_start().
 */
#ifndef KSI_RUNTIME_APP_H
#define KSI_RUNTIME_APP_H

#include "base/thread.h"
#include "runtime/assignment.h"
#include "runtime/stream_thread.h"
#include <kstreams/app.h>

struct ks_app {
    const ks_topology *topology;
    ks_config *config;
    const char *application_id; /* in `config` */
    const char *name;           /* in log lines: client.id, else the application.id */
    ksi_clock *clock;
    ksi_logger logger;
    ks_state_listener_fn *listener;       /* may be NULL */
    ks_rocksdb_config_fn *rocksdb_config; /* may be NULL */
    void *user;
    ksi_transport *transport;
    ksi_assignment assignment;
    ksi_local_state *local_state; /* from start to end; NULL: there is nothing on disk */
    ksi_stream_thread **threads;
    ksi_thread *natives;
    size_t thread_count;
    atomic_int waiters; /* calls of ks_app_wait_until_caught_up() under way */
    atomic_int state;   /* ks_app_state; changed under `lock` only */

    ksi_mutex lock;
    ksi_condition changed; /* state, live threads, or perhaps caught up */
    size_t restoring;      /* threads that are not ready */
    size_t live;           /* threads that have not ended */
    bool is_member;        /* of its group */
    bool failed;
    ks_error failure; /* the first one */
    int wake_fd;      /* gets a byte when the application has ended; -1: none */
};

/* ks_app_new() with another clock. */
ks_app *ksi_app_new(const ks_topology *topology, const ks_config *config,
                    const ks_app_options *options, ksi_clock *clock, ks_error *error);

/* KS_E_STATE in a callback of this application; `call` is what would wait there for ever. */
ks_status ksi_app_check_may_wait(const ks_app *app, const char *call, ks_error *error);

/* ---- app_check.c ----------------------------------------------------------------------------- */

KS_NODISCARD ks_status ksi_app_check_config(const ks_config *config, ks_error *error);
KS_NODISCARD ks_status ksi_app_check_topology(const ks_topology *topology, const ks_config *config,
                                              ks_error *error);

/* ---- app.c; with the lock held, but the body ------------------------------------------------- */

/* What a stream thread of an application runs; `user` is the ksi_stream_thread. */
void ksi_app_thread_body(void *user);
/* Asks every thread to end. */
void ksi_app_stop_threads(ks_app *app);
/* Keeps the first. */
void ksi_app_remember_failure(ks_app *app, const ks_error *failure);
/* The last step, when no thread is left. */
void ksi_app_end(ks_app *app);

/* ---- app_state.c; all with the lock held ----------------------------------------------------- */

/*
 * Makes a transition and tells the listener; false, and nothing, for one that Java does not make.
 */
bool ksi_app_set_state(ks_app *app, ks_app_state to);
/* NOT_RUNNING or ERROR. */
bool ksi_app_has_ended(const ks_app *app);

#endif
