/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_thread_commit.c - what a stream thread processed is committed, and later goes to the disk.
 *
 *     caches flushed -> producer flushed -> stores without changelog -> offsets -> rows, in memory
 *
 * Committed rows stay in memory. They are applied to the stores on disk when a store has too many,
 * all of them and durably when statestore.apply.interval.ms is over, and at the end.
 *
 * The tempting wrong way is to commit the tasks that did not fail when one did. The cache and the
 * producer are the thread's: what the failed task left in them would be delivered without an offset
 * that says so, and Java closes all tasks of the thread dirty, too.
 *
 * Thread rule: the stream thread.
 */
#include "runtime/stream_thread_parts.h"

#include "base/error.h"
#include "base/memory.h"
#include "runtime/restore.h"

/* ---- when ------------------------------------------------------------------------------------ */

/* Strictly more than the interval, as Java. */
bool ksi_thread_commit_due(const ksi_stream_thread *thread, int64_t now_ms)
{
    return now_ms - thread->last_commit_ms > thread->commit_interval_ms;
}

/* A record that was dropped before it was processed moves an offset, too. */
static bool needs_commit(const ksi_thread_task *task)
{
    if (ksi_task_commit_needed(task->task)) {
        return true;
    }
    for (size_t i = 0; i < task->input_count; i++) {
        const ksi_thread_input *input = &task->inputs[i];
        if (ksi_task_offset(task->task, input->input) > atomic_load(&input->committed)) {
            return true;
        }
    }
    return false;
}

bool ksi_thread_needs_commit(const ksi_stream_thread *thread)
{
    for (size_t i = 0; i < thread->task_count; i++) {
        if (needs_commit(&thread->tasks[i])) {
            return true;
        }
    }
    return false;
}

/* ---- offsets --------------------------------------------------------------------------------- */

static void collect_offsets(ksi_stream_thread *thread)
{
    thread->offset_count = 0;
    for (size_t t = 0; t < thread->task_count; t++) {
        const ksi_thread_task *task = &thread->tasks[t];
        for (size_t i = 0; i < task->input_count; i++) {
            int64_t offset = ksi_task_offset(task->task, task->inputs[i].input);
            if (offset < 0) {
                continue;
            }
            thread->offsets = ksi_grow(thread->offsets, &thread->offset_capacity,
                                       thread->offset_count + 1, sizeof *thread->offsets);
            thread->offsets[thread->offset_count++] =
                (ksi_group_offset){.partition = task->inputs[i].at, .offset = offset};
        }
    }
}

/* Remembers what collect_offsets() found as committed. */
static void mark_committed(ksi_stream_thread *thread)
{
    size_t next = 0;
    for (size_t t = 0; t < thread->task_count; t++) {
        ksi_thread_task *task = &thread->tasks[t];
        for (size_t i = 0; i < task->input_count; i++) {
            if (ksi_task_offset(task->task, task->inputs[i].input) >= 0) {
                atomic_store(&task->inputs[i].committed, thread->offsets[next++].offset);
            }
        }
    }
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* Puts before an error of the disk what it means and what to do. */
static ks_status of_the_disk(ks_status status, ks_error *error)
{
    if (status != KS_OK) {
        ksi_error_prefix(error, "local state cannot be written; nothing that was committed is "
                                "lost. Mend the disk or set another state.dir, then start again: ");
    }
    return status;
}

typedef ks_status task_fn(ksi_task *task, ks_error *error);

/* One task after the other, each while nobody else reads its stores. */
static ks_status each_task(ksi_stream_thread *thread, task_fn *call, ks_error *error)
{
    ks_status status = KS_OK;
    for (size_t i = 0; i < thread->task_count && status == KS_OK; i++) {
        ksi_task_enter_stores(thread->tasks[i].task);
        status = call(thread->tasks[i].task, error);
        ksi_task_leave_stores(thread->tasks[i].task);
    }
    return status;
}

/* Stores with too many committed rows in memory give them to the disk. */
static ks_status apply_full(ksi_stream_thread *thread, ks_error *error)
{
    KS_TRY(of_the_disk(each_task(thread, ksi_task_apply_full, error), error));
    thread->has_unapplied = thread->options.state != NULL;
    return KS_OK;
}

static ks_status apply_all(ksi_stream_thread *thread, ks_error *error)
{
    KS_TRY(of_the_disk(each_task(thread, ksi_task_apply, error), error));
    thread->last_apply_ms = ksi_thread_now_ms(thread);
    thread->has_unapplied = false;
    return KS_OK;
}

ks_status ksi_thread_maybe_apply(ksi_stream_thread *thread, ks_error *error)
{
    bool is_due = ksi_thread_now_ms(thread) - thread->last_apply_ms >= thread->apply_interval_ms;
    if (!thread->has_unapplied || !is_due) {
        return KS_OK;
    }
    KS_TRY(apply_all(thread, error));
    for (size_t i = 0; i < thread->task_count; i++) {
        /* The longest of all, and no row changes: the stores can be read meanwhile. */
        KS_TRY(of_the_disk(ksi_task_flush_disk(thread->tasks[i].task, error), error));
    }
    return KS_OK;
}

/* ---- a commit -------------------------------------------------------------------------------- */

/*
 * Flushing a cache may process records below it, so all tasks are flushed before anything is waited
 * for. Stores without a changelog are committed before the offsets: a crash in between processes
 * records twice, which at-least-once allows, and the other order would lose them.
 */
ks_status ksi_thread_commit(ksi_stream_thread *thread, ks_error *error)
{
    const ksi_stream_thread_options *options = &thread->options;
    ks_status status = each_task(thread, ksi_task_flush, error);
    if (status != KS_OK) {
        ksi_error_prefix(error, "flushing the caches for a commit: ");
        return status;
    }
    KS_TRY(thread->producer->class->flush(thread->producer, error));
    KS_TRY(of_the_disk(each_task(thread, ksi_task_commit_unlogged, error), error));
    collect_offsets(thread);
    KS_TRY(options->transport->class->commit(options->transport, options->application_id,
                                             thread->offsets, thread->offset_count, error));
    mark_committed(thread);
    KS_TRY(each_task(thread, ksi_task_committed, error));
    atomic_fetch_add(&thread->commits, 1);
    ksi_thread_publish_counts(thread);
    thread->uncommitted_bytes = 0;
    thread->last_current_ms = ksi_thread_now_ms(thread);
    return apply_full(thread, error);
}

#define STAY_CURRENT_MS (KSI_DELETE_RETENTION_MS / 4)

int64_t ksi_thread_current_due_ms(const ksi_stream_thread *thread)
{
    int64_t commit_ms = thread->last_commit_ms + thread->commit_interval_ms + 1;
    int64_t due_ms = thread->last_current_ms + STAY_CURRENT_MS;
    bool is_later = thread->last_current_ms != 0 && due_ms > commit_ms;
    return is_later ? due_ms : commit_ms;
}

/*
 * A commit says of all stores when they were current. Without one, an application that had nothing
 * to do for a day would find its stores too old after a crash, and rebuild what never changed. So
 * it is said again from time to time, and soon after a start that had nothing to restore.
 */
static ks_status stay_current(ksi_stream_thread *thread, int64_t now_ms, ks_error *error)
{
    bool is_due =
        thread->last_current_ms == 0 || now_ms - thread->last_current_ms >= STAY_CURRENT_MS;
    if (thread->options.state == NULL || !is_due) {
        return KS_OK;
    }
    KS_TRY(each_task(thread, ksi_task_committed, error));
    thread->last_current_ms = now_ms;
    thread->has_unapplied = true; /* positions */
    return KS_OK;
}

ks_status ksi_thread_maybe_commit(ksi_stream_thread *thread, size_t *work, ks_error *error)
{
    bool wanted = *work == 0 && atomic_load(thread->options.waiters) > 0;
    if (!wanted && !ksi_thread_commit_due(thread, ksi_thread_now_ms(thread))) {
        return KS_OK;
    }
    thread->last_commit_ms = ksi_thread_now_ms(thread);
    if (!ksi_thread_needs_commit(thread)) {
        return stay_current(thread, thread->last_commit_ms, error);
    }
    (*work)++;
    return ksi_thread_commit(thread, error);
}

ks_status ksi_thread_leave_stores(ksi_stream_thread *thread, ks_error *error)
{
    KS_TRY(each_task(thread, ksi_task_committed, error));
    return apply_all(thread, error);
}
