/* SPDX-License-Identifier: Apache-2.0 */
/*
 * progress.h - how far an application is in each partition it reads, for everybody to see.
 *
 * Stream threads write, at the end of a turn and after a commit; programs ask whether the
 * application has caught up and how far it is behind. One table for all threads, made at the start
 * from the assignment, so that a task may move while somebody looks: an entry stays where it is,
 * and a partition that no thread reads at the moment still counts while it is this application's.
 *
 * Thread rule: made and freed by the application; entries any thread, written by the thread whose
 * task reads the partition.
 */
#ifndef KSI_RUNTIME_PROGRESS_H
#define KSI_RUNTIME_PROGRESS_H

#include "runtime/assignment.h"

#include <stdatomic.h>

typedef struct ksi_input_progress {
    ksi_topic_partition at;
    int subtopology;
    _Atomic int64_t processed; /* the offset behind the last record processed */
    _Atomic int64_t committed; /* where a new start would begin */
    atomic_bool is_assigned;   /* the group wants this application to read it */
} ksi_input_progress;

typedef struct ksi_progress {
    ks_arena names;             /* of the topics */
    ksi_input_progress *inputs; /* by input of the assignment, then by partition */
    size_t count;
} ksi_progress;

/*
 * For the inputs of tasks; or of global stores, which every process reads, and so are assigned. May
 * outlive the assignment.
 */
void ksi_progress_init(ksi_progress *progress, const ksi_assignment *assignment);
void ksi_progress_init_global(ksi_progress *progress, const ksi_assignment *assignment);
void ksi_progress_destroy(ksi_progress *progress);

/*
 * What it says at this moment, with what is this application's only: for somebody who is going to
 * ask the log, without the lock that keeps the table from being made anew.
 */
void ksi_progress_copy(ksi_progress *copy, const ksi_progress *progress);

/* Whether the partitions of a task are this application's, from now on. */
void ksi_progress_assign(ksi_progress *progress, ksi_task_id task, bool is_assigned);

/* The entry of a partition; NULL when the application does not read it. */
ksi_input_progress *ksi_progress_of(const ksi_progress *progress, ksi_topic_partition at);

/*
 * These two ask the log, and wait for it. Whether all that is in the partitions this application
 * reads is processed and committed; adds the end offsets it went by to `*ends`. One answer may be
 * outdated by another thread's sends before it is given; app_wait.c says how to ask. False when the
 * log does not say.
 */
bool ksi_progress_is_caught_up(const ksi_progress *progress, ksi_transport *transport,
                               uint64_t *ends);
/* Records in those partitions that are not processed yet. */
uint64_t ksi_progress_behind(const ksi_progress *progress, ksi_transport *transport);

#endif
