/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_handle.h - a task as it is handed around: between the supervisor, the restorer and the
 * stream threads of one process.
 *
 *     supervisor --> restorer --> supervisor --> stream thread --> supervisor ...
 *                    (standby)                   (running)
 *
 * Whoever has the handle has the rows. Giving it on is a message (mailbox.h); the fields of the
 * supervisor are touched by nobody else.
 *
 * Thread rule: as said.
 */
#ifndef KSI_RUNTIME_TASK_HANDLE_H
#define KSI_RUNTIME_TASK_HANDLE_H

#include "runtime/task_rows.h"

#include <stdatomic.h>

typedef enum ksi_task_place {
    KSI_AT_SUPERVISOR, /* nobody works on it */
    KSI_AT_RESTORER,
    KSI_AT_THREAD
} ksi_task_place;

typedef struct ksi_stream_thread ksi_stream_thread;

typedef struct ksi_task_handle {
    ksi_task_id id;
    const char *name; /* "0_1" */
    ksi_task_rows *rows;

    uint64_t session; /* in which it runs (group_session.h); set before it is handed to a thread */

    /* with whoever has it */
    bool is_clean;    /* given back: nothing is uncommitted */
    bool is_restored; /* given back: its stores are at the end of their changelogs */
    bool is_standby;  /* at the restorer: to be kept current, and not to be run */
    ks_error failure; /* given back by the restorer: why it could not go on; else KS_OK */

    _Atomic int64_t offsets; /* how much of its state is here; for the group */

    /* the supervisor's */
    ksi_task_place place;
    ksi_stream_thread *thread; /* at a thread */
    bool is_running;           /* the thread has taken it */
    bool is_leaving;           /* was asked back */
    bool wants_active;         /* what the group wants of this process */
    bool wants_standby;
    bool counts_as_active; /* it was wanted so, and is not given up yet */
} ksi_task_handle;

#endif
