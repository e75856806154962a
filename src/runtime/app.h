/* SPDX-License-Identifier: Apache-2.0 */
/*
 * app.h - an application inside: what its files share.
 *
 *     app.c            made, freed
 *     app_check.c      its properties and topology
 *     app_start.c      what can fail before records flow, then the workers
 *     app_global.c     the global thread, if there are global stores
 *     app_threads.c    stream threads come, end, are replaced
 *     app_tasks.c      tasks are made, handed round, closed
 *     app_topics.c     which topics it reads, and what when patterns match others
 *     app_supervise.c  the supervisor's turn: the group, the mail, the state, the end
 *     app_wait.c       waiting for records and for the end; stats
 *
 * Workers. Each stream thread, the restorer, the global thread and the supervisor do their work in
 * steps (ksi_app_step_worker()). A native thread does nothing but step its worker and wait; a test
 * in `manual` mode has no native threads and steps workers in any order it likes.
 *
 * Who touches what. A task's handle is with the supervisor, the restorer or a stream thread, and
 * goes round by message (task_handle.h). The supervisor's own fields and the list of threads are
 * guarded by `lock`; stream threads and the restorer never take it but to tell waiters.
 *
 * Lock order: `lock`, then a store lock of a task that no thread has, a lock of the transport, a
 * mailbox or the logger.
 *
 * Thread rule: what stands below `lock` in the structure is guarded by it; the rest is constant
 * after ksi_app_new() or ks_app_start().
 */
#ifndef KSI_RUNTIME_APP_H
#define KSI_RUNTIME_APP_H

#include "base/thread.h"
#include "runtime/assignment.h"
#include "runtime/global_thread.h"
#include "runtime/group_session.h"
#include "runtime/mailbox.h"
#include "runtime/patience.h"
#include "runtime/progress.h"
#include "runtime/restorer.h"
#include "runtime/stream_thread.h"
#include "storage/state_directory.h"
#include <kstreams/app.h>

/* A stream thread, from its start until its slot is freed with the application. */
typedef struct ksi_app_thread {
    ks_app *app;
    ksi_stream_thread *thread;
    size_t index; /* in the transactional id; of no other that lives */
    ksi_thread native;
    bool has_ended;
    bool is_stuck;    /* its turn does not end */
    bool has_said_so; /* stepped by hand: its last step is done */
    ks_error failure; /* why; KS_OK: it was asked to */
} ksi_app_thread;

struct ks_app {
    const ks_topology *topology;
    ks_config *config;
    const char *application_id;           /* in `config` */
    const char *name;                     /* in log lines: client.id, else the application.id */
    char process_id[KSI_PROCESS_ID_SIZE]; /* of this member of the group */
    bool has_own_id;                      /* it was given, and is not that of the directory */
    ksi_clock *clock;
    ksi_logger logger;
    ks_state_listener_fn *listener;           /* may be NULL */
    ks_restore_listener_fn *restore_listener; /* may be NULL */
    ks_uncaught_error_fn *uncaught;           /* may be NULL */
    ks_rocksdb_config_fn *rocksdb_config;     /* may be NULL */
    void *user;
    ksi_failure_handlers failure_handlers;
    ksi_transport *transport;
    ksi_assignment assignment;
    ksi_task_state *states; /* what was on the disk when it was looked at last */
    size_t state_count;
    ksi_progress progress;
    ksi_restorer *restorer;
    ksi_global_thread *global; /* NULL: there are no global stores */
    ksi_mailbox mailbox;       /* the supervisor's */
    bool is_manual;            /* no native threads */
    atomic_int waiters;        /* calls of ks_app_wait_until_caught_up() under way */
    atomic_int state;          /* ks_app_state; changed under `lock` only */
    atomic_bool paused;

    int wake_event;            /* an eventfd: the supervisor shall take a turn */
    ksi_group_session session; /* in the group */
    ksi_patience_options puts_up;

    ksi_mutex lock;
    ksi_condition changed;        /* state, or perhaps caught up */
    uint64_t changes;             /* how often it was */
    ksi_local_state *local_state; /* from start to end; NULL: there is nothing on disk */
    ksi_membership *membership;   /* from start to end */
    ksi_group_view view;
    ksi_patience patience;    /* of the supervisor, with the group and the topics */
    ksi_app_thread **threads; /* those that have ended, too */
    size_t thread_count;
    size_t thread_capacity;
    ksi_task_handle **tasks;
    size_t task_count;
    size_t task_capacity;
    ksi_thread restorer_native;
    ksi_thread global_native;
    ksi_thread supervisor_native;
    bool is_regrouping;   /* its tasks are to be made anew; it is in no group when it has none */
    bool has_other_tasks; /* than it had in its last group: it waits for the others */
    int64_t refused_since_ms; /* the group has other tasks; -1: it has not */
    uint32_t disputes;        /* of the group, that it has looked at the topics for */
    bool is_lost;             /* the group fenced this member; it rejoins when all tasks are back */
    bool has_workers;         /* it was started */
    bool is_stopping;         /* it ends as soon as its threads have */
    bool restorer_has_ended;
    bool global_is_restored; /* tasks may run; true where there are no global stores */
    bool global_has_ended;
    bool global_has_said_so; /* stepped by hand: its last step is done */
    ks_error global_failure; /* why; KS_OK: it was asked to */
    bool needs_report;
    int64_t next_poll_ms;
    int64_t missing_since_ms; /* a topic it reads was not there when it looked; -1: all were */
    int64_t next_look_ms;     /* at the topics */
    uint64_t looks_wanted;    /* by those who wait; when it is more than the next, at once */
    uint64_t looks_done;
    int64_t max_poll_interval_ms;
    bool failed;
    ks_error failure; /* the first one */
    int wake_fd;      /* gets a byte when the application has ended; -1: none */
};

/* What a test may inject. */
typedef struct ksi_app_seams {
    ksi_clock *clock;
    const char *process_id;   /* NULL: a random one */
    ksi_transport *transport; /* goes before the log of the options; NULL: that one */
    bool is_manual;           /* no native threads: the caller steps */
} ksi_app_seams;

ks_app *ksi_app_new(const ks_topology *topology, const ks_config *config,
                    const ks_app_options *options, const ksi_app_seams *seams, ks_error *error);

/* KS_E_ARGUMENT for NULL, which is what ks_app_new() gave when it failed. */
ks_status ksi_app_check_given(const ks_app *app, ks_error *error);
/*
 * The same, and KS_E_STATE in a callback of this application; `call` is what would wait there for
 * ever.
 */
ks_status ksi_app_check_may_wait(const ks_app *app, const char *call, ks_error *error);

/* ---- stepping by hand ------------------------------------------------------------------------ */

/*
 * One step of a worker: 0 the supervisor, 1 the restorer, then the global thread, if there is one,
 * then the stream threads, also those that have ended. `*progressed`: whether there was anything to
 * do. False when it has ended.
 */
size_t ksi_app_worker_count(const ks_app *app);
bool ksi_app_step_worker(ks_app *app, size_t worker, bool *progressed);
/*
 * What a crash leaves: nothing is committed, applied or told to anybody. The application can only
 * be freed.
 */
void ksi_app_crash(ks_app *app);

/* ---- app_check.c ----------------------------------------------------------------------------- */

KS_NODISCARD ks_status ksi_app_check_config(const ks_config *config, ks_error *error);
KS_NODISCARD ks_status ksi_app_check_topology(const ks_topology *topology, const ks_config *config,
                                              ks_error *error);

/* ---- app_start.c; with the lock held --------------------------------------------------------- */

/* Opens the tasks' stores on disk once, which nobody has open, and remembers how far they are. */
KS_NODISCARD ks_status ksi_app_look_at_state(ks_app *app, ks_error *error);
KS_NODISCARD ks_status ksi_app_join_group(ks_app *app, ks_error *error);

/* ---- app_topics.c; with the lock held -------------------------------------------------------- */

/* Assignment and progress, for the topics that there are now; internal ones are created. */
KS_NODISCARD ks_status ksi_app_find_topics(ks_app *app, ks_error *error);
bool ksi_app_has_patterns(const ks_app *app);
/* They were found a moment ago: when the next look is due. */
void ksi_app_looked_at_topics(ks_app *app);
/* The group has other tasks than this member: tries again for a while. */
KS_NODISCARD ks_status ksi_app_take_refusal(ks_app *app, const ks_error *reason, ks_error *error);
/* Somebody has reason to believe that they are others by now. */
void ksi_app_look_at_topics_soon(ks_app *app);
/*
 * Sees to it that the tasks are those of the topics there are, a step at a time; the lock is given
 * back while the log is asked. An error ends the application.
 */
KS_NODISCARD ks_status ksi_app_follow_topics(ks_app *app, bool *progressed, ks_error *error);

/* ---- app_threads.c; with the lock held ------------------------------------------------------- */

/* Makes a stream thread, and starts its native one when the application has started. */
KS_NODISCARD ks_status ksi_app_add_thread(ks_app *app, ks_error *error);
KS_NODISCARD ks_status ksi_app_start_native(ks_app *app, ksi_app_thread *slot, ks_error *error);
/* Threads that have not ended, and those of them that are not asked to. */
size_t ksi_app_live_threads(const ks_app *app);
size_t ksi_app_working_threads(const ks_app *app);
/* app_supervise.c: whether one is on its way out and has not said yet whether it failed. */
bool ksi_app_is_a_thread_ending(const ks_app *app);
void ksi_app_stop_threads(ks_app *app);
/* Divides the record cache among those that work, and tells the group how many there are. */
void ksi_app_share_cache(ks_app *app);
/* What the body of a stream thread does in one step; false when the thread has ended. @thread it */
bool ksi_app_step_thread(ksi_app_thread *slot, bool *progressed);

/* ---- app_global.c ---------------------------------------------------------------------------- */

/* Opens the global stores, if there are any, and starts its native thread. With the lock held. */
KS_NODISCARD ks_status ksi_app_make_global(ks_app *app, ks_error *error);
KS_NODISCARD ks_status ksi_app_start_global(ks_app *app, ks_error *error);
/* What the global stores are read through; NULL: there are none. */
const ksi_task_rows *ksi_app_global_rows(const ks_app *app);
/* Whether it is over; asks it to end. With the lock held. */
bool ksi_app_end_global(ks_app *app);
/* What its body does in one step; false when it has ended. @thread it */
bool ksi_app_step_global(ks_app *app, bool *progressed);

/* ---- app_tasks.c; with the lock held --------------------------------------------------------- */

/* Makes, moves and closes tasks as far as that goes now. An error ends the application. */
KS_NODISCARD ks_status ksi_app_place_tasks(ks_app *app, ks_error *error);
/* Whether every task this process shall run runs. */
bool ksi_app_runs_all_tasks(const ks_app *app);
void ksi_app_close_tasks(ks_app *app);
/* Tells the group what this process has. */
void ksi_app_report_tasks(ks_app *app);

/* ---- app_supervise.c ------------------------------------------------------------------------- */

/* What the others post. */
enum {
    KSI_APP_TAKEN,
    KSI_APP_RETURNED,
    KSI_APP_FENCED,
    KSI_APP_TOPIC_MISSING,
    KSI_APP_THREAD_ENDED,
    KSI_APP_RESTORED_ALL,
    KSI_APP_GLOBAL_RESTORED,
    KSI_APP_GLOBAL_ENDED
};

void ksi_app_post(ks_app *app, int kind, void *what); /* @thread any, with or without the lock */
/* The supervisor's turn; false when the application has ended. @thread the supervisor */
bool ksi_app_supervise(ks_app *app, bool *progressed);
void ksi_app_wake_supervisor(ks_app *app); /* @thread any */
/* Until somebody posts, or the group wants to be asked. @thread the supervisor */
void ksi_app_wait_supervisor(ks_app *app);
/* Leaves it at once, if it is in one. With the lock held. */
void ksi_app_leave_group(ks_app *app);
/* Keeps the first. With the lock held. */
void ksi_app_remember_failure(ks_app *app, const ks_error *failure);
/* Asks everything to end, with or without a failure. With the lock held. */
void ksi_app_begin_end(ks_app *app);
/* The last step, when no worker is left. With the lock held. */
void ksi_app_end(ks_app *app);
/* The body of a native thread of an application: its callbacks must not wait for its end. */
void ksi_app_enter_thread(const ks_app *app);

/* ---- app_state.c; all with the lock held ----------------------------------------------------- */

/*
 * Makes a transition and tells the listener; false, and nothing, for one that Java does not make.
 */
bool ksi_app_set_state(ks_app *app, ks_app_state to);
/* That something is not as it was. */
void ksi_app_tell_waiters(ks_app *app);
/* What a worker without work says; `owner` is the application. @thread any, without the lock */
void ksi_app_on_idle(void *owner);
/* NOT_RUNNING or ERROR. */
bool ksi_app_has_ended(const ks_app *app);

#endif
