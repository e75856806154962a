/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_rows.h - the rows of all stores of a task: what stays when the task begins anew.
 *
 *     task_rows    rows on disk and in memory, their places in the changelogs, readers of other
 *                  threads: from when this process gets the task until it gives it away
 *     task         nodes, caches, queues, producer: from one thread to the next, and anew after a
 *                  failure
 *
 * Opening a store costs a look into RocksDB, and restoring one much more. So a task that moves to
 * another thread, or whose thread failed, is made anew around the rows it has: after a failure
 * without what was not committed.
 *
 * A store whose changelog is an input of the task never writes to it, and its place there is what
 * the group has committed: its rows are those of the records before, and of no other.
 *
 * Nobody needs a lock to use them: they are handed on by message, and whoever has them is the only
 * one to change them. Threads that do not have them read through the handles (state/store_query.h),
 * and whoever changes rows holds the store lock meanwhile.
 *
 * The global stores of a process are such rows, too, of a task without a partition. Their lock is a
 * shared one: every task reads them.
 *
 * Thread rule: as said.
 */
#ifndef KSI_RUNTIME_TASK_ROWS_H
#define KSI_RUNTIME_TASK_ROWS_H

#include "base/arena.h"
#include "membership/membership.h"
#include "runtime/local_state.h"
#include "state/store_query.h"
#include "topology/topology.h"

typedef struct ksi_store_rows {
    const ksi_topology_store *spec;
    ksi_row_store *rows;
    ksi_store_query *query;   /* for other threads */
    ksi_store_memory *memory; /* its share of the memory; NULL: a store in memory */
    const char *changelog;    /* the topic it is restored from; NULL: none */
    const char *input_of;     /* the group that reads it as an input; NULL: it is the store's own */
    bool is_on_disk;
} ksi_store_rows;

typedef struct ksi_task_rows {
    ks_arena arena;
    ksi_task_id id;
    ksi_local_state *state; /* NULL: all stores are in memory */
    ksi_store_rows *stores; /* in the order of their first nodes */
    size_t count;
    ksi_store_lock *lock;
} ksi_task_rows;

typedef struct ksi_task_rows_options {
    const ks_topology *topology;
    ksi_task_id id; /* the sub-topology may be KSI_ALL_SUBTOPOLOGIES or KSI_GLOBAL_STORES */
    const char *application_id;
    ksi_local_state *state; /* NULL: all stores are in memory */
} ksi_task_rows_options;

/* Instead of a sub-topology: all of them, but not the global stores; or those and nothing else. */
#define KSI_ALL_SUBTOPOLOGIES (-1)
#define KSI_GLOBAL_STORES (-2)

/* Whether a task of a sub-topology, or of one of those above, runs a node. */
static inline bool ksi_task_has_node(int subtopology, const ksi_node *node)
{
    if (node->is_global) {
        return subtopology == KSI_GLOBAL_STORES;
    }
    return subtopology == KSI_ALL_SUBTOPOLOGIES || subtopology == node->subtopology;
}

/* NULL with an error when the disk cannot be read. */
ksi_task_rows *ksi_task_rows_open(const ksi_task_rows_options *options, ks_error *error);
/* What is committed and was not applied comes back from the changelog. Accepts NULL. */
void ksi_task_rows_close(ksi_task_rows *rows);

/* Whether a store has a changelog. */
bool ksi_task_rows_are_logged(const ksi_task_rows *rows);
/* The handle of a store by name, borrowed; NULL when the task has none of it. */
ksi_store_query *ksi_task_rows_query(const ksi_task_rows *rows, const char *store);

/* Back to the last commit; stores that cannot go back are emptied, to be restored. */
KS_NODISCARD ks_status ksi_task_rows_abort(ksi_task_rows *rows, ks_error *error);
/* Applies the stores on disk whose committed rows outgrew their share of the memory; or all. */
KS_NODISCARD ks_status ksi_task_rows_apply_full(ksi_task_rows *rows, ks_error *error);
KS_NODISCARD ks_status ksi_task_rows_apply(ksi_task_rows *rows, ks_error *error);
/* Makes durable what was applied. */
KS_NODISCARD ks_status ksi_task_rows_flush_disk(ksi_task_rows *rows, ks_error *error);
/* Bytes of rows that wait for a commit, also of those that went to the disk before it. */
int64_t ksi_task_rows_uncommitted_bytes(const ksi_task_rows *rows);
/* Whether a store on disk has a place in its changelog: there is something to go on from. */
bool ksi_task_rows_have_state(const ksi_task_rows *rows);
/* The sum of the places in the changelogs: how much of its state this process has. */
int64_t ksi_task_rows_offsets(const ksi_task_rows *rows);

#endif
