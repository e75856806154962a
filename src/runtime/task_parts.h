/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_parts.h - what a task is made of, for the two files that know: task_start.c makes and ends
 * it, task.c runs it.
 *
 * Thread rule: the owner of the task.
 */
#ifndef KSI_RUNTIME_TASK_PARTS_H
#define KSI_RUNTIME_TASK_PARTS_H

#include "runtime/partition_group.h"
#include "runtime/punctuations.h"
#include "runtime/task.h"

typedef struct ksi_task_store {
    const ksi_store_rows *rows;
    ksi_store *store;
    const ks_serde *key; /* with the defaults of the properties filled in */
    const ks_serde *value;
    ksi_changelog_sink changelog;
} ksi_task_store;

struct ksi_task {
    const ks_topology *topology;
    int subtopology;
    int32_t partition;
    ks_ctx ctx;
    ks_arena arena;      /* of the record in hand */
    ks_arena task_arena; /* names, topics */
    ksi_collector collector;
    ksi_error_handlers handlers;
    ksi_partition_group group;
    ksi_node_instance **instances; /* by node index; NULL for nodes of other sub-topologies */
    size_t started;                /* nodes below this index have been initialised */
    ksi_task_rows *rows;
    bool owns_rows;
    ksi_task_store *stores; /* in the order of their first nodes */
    size_t store_count;
    ksi_store **readers; /* of the global stores, which somebody else writes */
    size_t reader_count;
    const ks_timestamp_extractor *default_extractor;
    ksi_punctuations punctuations;
    ksi_commit_note **notes; /* of its nodes, which know where theirs stand */
    size_t note_count;
    size_t note_capacity;
    ksi_map *topics; /* names of topics that patterns matched */
    bool commit_needed;
    bool commit_requested; /* by a processor, since the last commit */
    bool failed;
    ks_error error;
};

/* The number of a name, where it stands; -1 for a new one. */
int64_t *ksi_task_note(ksi_task *task, const char *name);

typedef ks_status ksi_user_code_fn(ksi_task *task, void *argument, ks_error *reason);

/*
 * Calls what may run user code: a value that is asked for another kind meanwhile fails the node
 * that asked (serde/mismatch.h).
 */
KS_NODISCARD ks_status ksi_task_run(ksi_task *task, ksi_user_code_fn *body, void *argument,
                                    ks_error *reason);

#endif
