/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thread_rig.h - one stream thread and what an application puts around it, driven by hand.
 *
 *     rig_new        a log, a topology, a clock that only the test moves, a member of the group
 *     rig_open       state on disk (if wanted), all tasks restored, and given to the thread
 *     rig_step ...   turns of the thread
 *     rig_close      the thread finishes; what an application does when it ends
 *     rig_abandon    the thread ends as after a failure: nothing is committed
 *
 * A rig may be opened again: the next thread finds the log and the disk as the last one left them.
 *
 * Thread rule: the test's.
 */
#ifndef TESTS_UNIT_RUNTIME_THREAD_RIG_H
#define TESTS_UNIT_RUNTIME_THREAD_RIG_H

#include "log_fixture.h"

#include "runtime/restorer.h"
#include "runtime/stream_thread.h"

enum { RIG_TEXT_SIZE = 512 };

typedef struct thread_rig {
    ks_log *log; /* the test's */
    ks_topology *topology;
    ks_config *config;
    const char *transactional_id; /* NULL: at least once */
    bool keeps_state;             /* stores are on disk */
    ksi_failure_handlers failure;
    ksi_transport *transport;
    ksi_manual_clock clock;
    ksi_logger logger;
    ksi_assignment assignment;
    ksi_progress progress;
    ksi_membership *membership;
    ksi_group_session session;
    atomic_int waiters;
    atomic_bool paused;
    ksi_local_state *state;
    ksi_restorer *restorer;
    ksi_task_handle *tasks;
    ksi_stream_thread *thread;
    /* what was told */
    size_t restored;
    size_t taken;
    size_t returned;
    size_t returned_clean;
    size_t missing;
    size_t fenced;
    size_t idle;
    char wiped[RIG_TEXT_SIZE];         /* the last line about it */
    char restored_line[RIG_TEXT_SIZE]; /* likewise */
    size_t held_up;                    /* lines that restoring waits for a transaction */
    char held_up_line[RIG_TEXT_SIZE];  /* the last of them */
    size_t outages;                    /* lines that say that one began */
    size_t outages_over;
} thread_rig;

/* Takes topology and config. The thread is not open yet. */
thread_rig *rig_new(ks_log *log, ks_topology *topology, ks_config *config);
void rig_free(thread_rig *rig); /* abandons what is open */

void rig_open_state(thread_rig *rig);
void rig_close_state(thread_rig *rig);
/* State, tasks and workers; nothing is restored. */
void rig_open_unrestored(thread_rig *rig);
/* Everything up to the restored tasks in the mailbox of the thread; it took no turn yet. */
void rig_open_unstepped(thread_rig *rig);
/* And the turn that takes them. */
void rig_open(thread_rig *rig);
/* Steps the restorer until it has nothing to do, and gives restored tasks to the thread. */
void rig_restore(thread_rig *rig);
void rig_close(thread_rig *rig);
void rig_abandon(thread_rig *rig);
/* Thread, restorer and tasks go, without a commit; the state stays open. */
void rig_end_workers(thread_rig *rig);

bool rig_step(thread_rig *rig); /* whether there was anything to do */
void rig_step_until_idle(thread_rig *rig);
void rig_pass_ms(thread_rig *rig, int64_t ms); /* and steps until idle */
bool rig_caught_up(const thread_rig *rig);
uint64_t rig_commits(const thread_rig *rig);
/* The first task as the thread has it, and a store of it. */
ksi_task *rig_task(const thread_rig *rig);
ksi_row_store *rig_rows(const thread_rig *rig);

#endif
