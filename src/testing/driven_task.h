/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driven_task.h - a task of the test driver, and what is left of it when it is started again.
 *
 *     task        nodes, caches, queues: gone with a restart
 *     rows        of its stores: kept, or lost and restored from what was captured
 *     consumed    every record that was put into its queues, by input: what the log would have
 *     inputs      how far each of them was processed, and its time
 *
 * A restart does what an application does: the task ends after its commit; a new one opens the
 * stores, goes on at the committed offsets with the partition times that were committed beside
 * them, and what had waited in the queues is read again. Changelogs are read by the runtime's own
 * restore; the task that keeps the global stores processes its topics again from their beginning,
 * which is how those are restored. What it drops then was counted before.
 *
 * Thread rule: the driver's.
 */
#ifndef KSI_TESTING_DRIVEN_TASK_H
#define KSI_TESTING_DRIVEN_TASK_H

#include "runtime/task.h"
#include "testing/capture.h"

typedef struct ksi_driven_input {
    const char *topic;   /* as the task has it */
    int64_t committed;   /* offset */
    int64_t time;        /* the partition time; -1: none */
    const char **topics; /* the topic of each record: one pattern is one input */
    size_t capacity;
} ksi_driven_input;

typedef struct ksi_driven_task {
    ksi_task *task;           /* NULL: it was not started, or could not be started again */
    ksi_task_rows *rows;      /* of its stores */
    ksi_task_options options; /* what it points to is the driver's */
    ksi_capture consumed;
    ksi_driven_input *inputs;
    size_t input_count;
    ks_arena note_arena;
    ksi_commit_notes notes;                 /* committed */
    uint64_t dropped[KS_DROP_REASON_COUNT]; /* before this start */
} ksi_driven_task;

/* Starts it the first time; free it also after an error. A zeroed one is empty. */
KS_NODISCARD ks_status ksi_driven_task_start(ksi_driven_task *driven,
                                             const ksi_task_options *options, ks_error *error);
/* Accepts an empty one. */
void ksi_driven_task_destroy(ksi_driven_task *driven);

/* The input that a topic is for; SIZE_MAX when there is none, also of an empty one. */
size_t ksi_driven_task_input_of(const ksi_driven_task *driven, const char *topic);
/* Queues a copy of a record behind all others of its input. */
void ksi_driven_task_enqueue(ksi_driven_task *driven, size_t input, const char *topic,
                             const ks_log_record *record);
/* Flushes the caches and commits. */
KS_NODISCARD ks_status ksi_driven_task_commit(ksi_driven_task *driven, ks_error *error);
/* Records dropped since the first start; 0 for an empty one. */
uint64_t ksi_driven_task_dropped_by(const ksi_driven_task *driven, ks_drop_reason reason);

/* Ends it after a commit. */
void ksi_driven_task_stop(ksi_driven_task *driven);
/*
 * Starts it again, with its rows or with restored ones. `changelogs`: where its changelogs were
 * written. After an error it is not there and can only be destroyed.
 */
KS_NODISCARD ks_status ksi_driven_task_resume(ksi_driven_task *driven, bool keeps_rows,
                                              const ksi_capture *changelogs, ks_error *error);

#endif
