/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_thread_commit.c - what a stream thread processed is committed, and later goes to the disk.
 *
 *     at least once   caches flushed -> producer flushed -> stores without changelog -> offsets
 *     exactly once    caches flushed -> stores without changelog -> records and offsets
 *     both            -> rows, in memory
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

#include "base/crash_point.h"
#include "base/error.h"
#include "base/memory.h"
#include "runtime/commit_metadata.h"
#include "runtime/restore.h"

/* ---- when ------------------------------------------------------------------------------------ */

/* Strictly more than the interval, as Java. */
bool ksi_thread_commit_due(const ksi_stream_thread *thread, int64_t now_ms)
{
    return now_ms - thread->last_commit_ms > thread->commit_interval_ms;
}

int64_t ksi_thread_offset(const ksi_stream_thread *thread, const ksi_thread_task *task,
                          const ksi_thread_input *input)
{
    int64_t offset = ksi_task_offset(task->task, input->input);
    if (ksi_task_queued(task->task, input->input) > 0 || input->is_astray) {
        return offset;
    }
    int64_t position = thread->consumer->class->position(thread->consumer, input->slot);
    return position > offset ? position : offset;
}

/* A record that was dropped before it was processed moves an offset, too. */
static bool needs_commit(const ksi_stream_thread *thread, const ksi_thread_task *task)
{
    if (ksi_task_commit_needed(task->task)) {
        return true;
    }
    for (size_t i = 0; i < task->input_count; i++) {
        const ksi_thread_input *input = &task->inputs[i];
        if (!input->is_missing && ksi_thread_offset(thread, task, input) > input->committed) {
            return true;
        }
    }
    return false;
}

bool ksi_thread_needs_commit(const ksi_stream_thread *thread)
{
    for (size_t i = 0; i < thread->task_count; i++) {
        if (needs_commit(thread, thread->tasks[i])) {
            return true;
        }
    }
    return false;
}

/* ---- offsets --------------------------------------------------------------------------------- */

/* Once: what has come to be too long does not become short again. */
static void tell_of_shortened(ksi_stream_thread *thread, const ksi_thread_task *task,
                              const ksi_commit_notes *notes)
{
    if (!thread->told_of_shortened && ksi_commit_metadata_is_shortened(notes)) {
        thread->told_of_shortened = true;
        ksi_log(thread->options.logger, KS_LOG_LEVEL_WARN, ksi_stream_thread_name(thread),
                "task %d_%d has so many operators of windows that what is committed of their time "
                "would be longer than %d bytes, and a broker refuses more than 4096; it is left "
                "out: after a restart records may be taken that were too late before",
                task->handle->id.subtopology, (int)task->handle->id.partition,
                KSI_COMMIT_METADATA_MAX);
    }
}

/* What moved since the last commit. */
static void collect_offsets(ksi_stream_thread *thread)
{
    thread->offset_count = 0;
    ksi_arena_reset(&thread->commit_arena);
    for (size_t t = 0; t < thread->task_count; t++) {
        const ksi_thread_task *task = thread->tasks[t];
        const ksi_commit_notes notes = ksi_task_notes(task->task, &thread->commit_arena);
        tell_of_shortened(thread, task, &notes);
        for (size_t i = 0; i < task->input_count; i++) {
            const ksi_thread_input *input = &task->inputs[i];
            int64_t offset = ksi_thread_offset(thread, task, input);
            if (offset < 0 || offset == input->committed || input->is_missing) {
                continue;
            }
            thread->offsets = ksi_grow(thread->offsets, &thread->offset_capacity,
                                       thread->offset_count + 1, sizeof *thread->offsets);
            thread->offsets[thread->offset_count++] =
                (ksi_group_offset){.partition = input->at,
                                   .offset = offset,
                                   .metadata = ksi_commit_metadata_encode(
                                       ksi_task_partition_time(task->task, input->input), &notes,
                                       &thread->commit_arena)};
        }
    }
}

/*
 * Remembers what collect_offsets() found as committed, and tells the others, who may take what they
 * read here as a sign that a commit is over: whatever else it changes for them comes before.
 */
static void mark_committed(ksi_stream_thread *thread)
{
    for (size_t t = 0; t < thread->task_count; t++) {
        const ksi_thread_task *task = thread->tasks[t];
        for (size_t i = 0; i < task->input_count; i++) {
            ksi_thread_input *input = &task->inputs[i];
            int64_t offset = ksi_thread_offset(thread, task, input);
            if (offset < 0 || input->is_missing) {
                continue;
            }
            input->committed = offset;
            if (input->progress != NULL) {
                atomic_store(&input->progress->processed, offset);
                atomic_store(&input->progress->committed, offset);
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
typedef ks_status rows_fn(ksi_task_rows *rows, ks_error *error);

/* One task after the other, each while nobody else reads its stores. */
static ks_status each_task(ksi_stream_thread *thread, task_fn *call, ks_error *error)
{
    ks_status status = KS_OK;
    for (size_t i = 0; i < thread->task_count && status == KS_OK; i++) {
        ksi_store_lock *lock = thread->tasks[i]->handle->rows->lock;
        ksi_thread_hold(thread, thread->tasks[i]); /* flushing runs its nodes */
        ksi_store_lock_enter(lock);
        status = call(thread->tasks[i]->task, error);
        ksi_store_lock_leave(lock);
        ksi_thread_hold(thread, NULL);
    }
    return status;
}

static ks_status each_rows(ksi_stream_thread *thread, rows_fn *call, ks_error *error)
{
    ks_status status = KS_OK;
    for (size_t i = 0; i < thread->task_count && status == KS_OK; i++) {
        ksi_task_rows *rows = thread->tasks[i]->handle->rows;
        ksi_store_lock_enter(rows->lock);
        status = of_the_disk(call(rows, error), error);
        ksi_store_lock_leave(rows->lock);
    }
    return status;
}

/* Stores with too many committed rows in memory give them to the disk. */
static ks_status apply_full(ksi_stream_thread *thread, ks_error *error)
{
    KS_TRY(each_rows(thread, ksi_task_rows_apply_full, error));
    thread->has_unapplied = thread->options.keeps_state;
    return KS_OK;
}

static ks_status apply_all(ksi_stream_thread *thread, ks_error *error)
{
    KS_TRY(each_rows(thread, ksi_task_rows_apply, error));
    thread->last_apply_ms = ksi_thread_now_ms(thread);
    thread->has_unapplied = false;
    return KS_OK;
}

ks_status ksi_thread_apply(ksi_stream_thread *thread, ks_error *error)
{
    KS_TRY(each_task(thread, ksi_task_committed, error));
    return apply_all(thread, error);
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
        KS_TRY(of_the_disk(ksi_task_rows_flush_disk(thread->tasks[i]->handle->rows, error), error));
    }
    return KS_OK;
}

/* ---- a commit -------------------------------------------------------------------------------- */

static ksi_offset_commit offsets_of(const ksi_stream_thread *thread)
{
    return (ksi_offset_commit){.group = thread->options.application_id,
                               .generation = &thread->generation,
                               .offsets = thread->offsets,
                               .count = thread->offset_count};
}

/* The inputs whose topics are not there: no offset of theirs can be committed. True: there are. */
static bool find_missing(ksi_stream_thread *thread)
{
    ksi_transport *transport = thread->options.transport;
    bool any = false;
    for (size_t t = 0; t < thread->task_count; t++) {
        for (size_t i = 0; i < thread->tasks[t]->input_count; i++) {
            ksi_thread_input *input = &thread->tasks[t]->inputs[i];
            int32_t count = 0;
            if (!input->is_missing &&
                transport->class->partition_count(transport, input->at.topic, &count, NULL) ==
                    KS_OK &&
                count == 0) {
                ksi_thread_miss(thread, input);
                any = true;
            }
        }
    }
    return any;
}

/* Offsets, and in a transaction the records with them; as the newest generation. */
static ks_status send_offsets(ksi_stream_thread *thread, ks_error *error)
{
    ksi_producer *producer = thread->producer;
    ksi_transport *transport = thread->options.transport;
    KS_TRY(ksi_group_session_generation(thread->options.session, thread->session,
                                        &thread->generation, error));
    const ksi_offset_commit offsets = offsets_of(thread);
    return thread->options.transactional_id != NULL
               ? producer->class->commit(producer, &offsets, error)
               : transport->class->commit_offsets(transport, &offsets, error);
}

static ks_status flush_tasks(ksi_stream_thread *thread, ks_error *error)
{
    ks_status status = each_task(thread, ksi_task_flush, error);
    if (status != KS_OK) {
        ksi_error_prefix(error, "flushing the caches for a commit: ");
    }
    return status;
}

/*
 * An input topic may be deleted at any time. Its records were processed, and that counts; only
 * where it was read to is of no use to anybody.
 */
static ks_status commit_offsets(ksi_stream_thread *thread, ks_error *error)
{
    ks_status status = send_offsets(thread, error);
    if (status == KS_E_UNKNOWN_TOPIC && thread->options.transactional_id == NULL &&
        find_missing(thread)) {
        collect_offsets(thread);
        status = send_offsets(thread, error);
    }
    return status;
}

/* Dead letters for what was refused after it was sent. */
static ks_status send_letters(ksi_stream_thread *thread, bool *any, ks_error *error)
{
    for (size_t i = 0; i < thread->task_count; i++) {
        KS_TRY(ksi_task_send_letters(thread->tasks[i]->task, any, error));
    }
    return KS_OK;
}

/*
 * Stores without a changelog are committed before the offsets: a crash in between processes records
 * twice, which nothing can prevent there, and the other order would lose them.
 */
static ks_status send_all(ksi_stream_thread *thread, ks_error *error)
{
    bool any = false;
    KS_TRY(send_letters(thread, &any, error));
    while (thread->options.transactional_id == NULL) {
        any = false;
        KS_TRY(thread->producer->class->flush(thread->producer, error));
        thread->send_at_ns = -1;
        KS_TRY(send_letters(thread, &any, error));
        if (!any) {
            break;
        }
    }
    KSI_CRASH_POINT("commit.sent");
    return of_the_disk(each_task(thread, ksi_task_commit_unlogged, error), error);
}

static ks_status take_for_committed(ksi_stream_thread *thread, ks_error *error)
{
    ksi_patience_settle(&thread->going_back);
    KS_TRY(each_task(thread, ksi_task_committed, error));
    atomic_fetch_add(&thread->commits, 1);
    ksi_thread_publish_counts(thread);
    mark_committed(thread);
    thread->uncommitted_bytes = 0;
    thread->last_commit_ms = ksi_thread_now_ms(thread);
    thread->last_current_ms = thread->last_commit_ms;
    return apply_full(thread, error);
}

/*
 * Flushing a cache may process records below it, so all tasks are flushed before anything is waited
 * for. An answer that was lost is asked for again: the same call settles it, so the offsets stay
 * what they are until it has.
 */
ks_status ksi_thread_commit(ksi_stream_thread *thread, ks_error *error)
{
    if (thread->commit_step == KSI_COMMIT_NONE) {
        KS_TRY(flush_tasks(thread, error));
        thread->commit_step = KSI_COMMIT_SENDING;
        KSI_CRASH_POINT("commit.flushed");
    }
    if (thread->commit_step == KSI_COMMIT_SENDING) {
        KS_TRY(send_all(thread, error));
        collect_offsets(thread);
        thread->commit_step = KSI_COMMIT_OFFSETS;
    }
    KS_TRY(commit_offsets(thread, error));
    thread->commit_step = KSI_COMMIT_NONE;
    KSI_CRASH_POINT("commit.committed");
    return take_for_committed(thread, error);
}

int64_t ksi_thread_current_due_ms(const ksi_stream_thread *thread)
{
    int64_t commit_ms = thread->last_commit_ms + thread->commit_interval_ms + 1;
    int64_t due_ms = thread->last_current_ms + KSI_STAY_CURRENT_MS;
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
        thread->last_current_ms == 0 || now_ms - thread->last_current_ms >= KSI_STAY_CURRENT_MS;
    if (!thread->options.keeps_state || !is_due) {
        return KS_OK;
    }
    KS_TRY(each_task(thread, ksi_task_committed, error));
    thread->last_current_ms = now_ms;
    thread->has_unapplied = true; /* positions */
    return KS_OK;
}

/* By a processor of a task that has something to commit. @java StreamTask#commitRequested */
static bool is_requested(const ksi_stream_thread *thread)
{
    for (size_t i = 0; i < thread->task_count; i++) {
        const ksi_thread_task *task = thread->tasks[i];
        if (ksi_task_commit_requested(task->task) && needs_commit(thread, task)) {
            return true;
        }
    }
    return false;
}

/*
 * Whether somebody would wait for the interval in vain. Not as soon as there is no work: a log that
 * is slower than the thread leaves it without work many times a second.
 */
static bool is_wanted(const ksi_stream_thread *thread)
{
    bool hides_results = thread->options.transactional_id != NULL &&
                         thread->options.transport->class->commits_at_once;
    return (hides_results || atomic_load(thread->options.waiters) > 0) &&
           ksi_thread_is_at_end(thread);
}

ks_status ksi_thread_maybe_commit(ksi_stream_thread *thread, size_t *work, ks_error *error)
{
    bool wanted = *work == 0 && is_wanted(thread);
    if (!wanted && !is_requested(thread) &&
        !ksi_thread_commit_due(thread, ksi_thread_now_ms(thread))) {
        return KS_OK;
    }
    if (!ksi_thread_needs_commit(thread)) {
        thread->last_commit_ms = ksi_thread_now_ms(thread);
        return stay_current(thread, thread->last_commit_ms, error);
    }
    (*work)++;
    return ksi_thread_commit(thread, error);
}

/* ---- repartition topics ---------------------------------------------------------------------- */

static void purge(const ksi_stream_thread *thread, ksi_thread_input *input)
{
    ksi_transport *transport = thread->options.transport;
    ks_error reason = {0};
    if (transport->class->purge != NULL) {
        transport->class->purge(transport, input->at, input->committed);
        input->purged = input->committed;
        return;
    }
    if (transport->class->delete_records(transport, input->at, input->committed, &reason) ==
        KS_OK) {
        input->purged = input->committed;
    } else {
        ksi_log(thread->options.logger, KS_LOG_LEVEL_DEBUG, input->at.topic,
                "processed records could not be deleted: %s", reason.message);
    }
}

/*
 * @java TaskManager#maybePurgeCommittedRecords: errors are ignored there, too; the next one may do.
 */
void ksi_thread_maybe_purge(ksi_stream_thread *thread)
{
    int64_t now_ms = ksi_thread_now_ms(thread);
    if (now_ms - thread->last_purge_ms < thread->purge_interval_ms) {
        return;
    }
    thread->last_purge_ms = now_ms;
    for (size_t t = 0; t < thread->task_count; t++) {
        for (size_t i = 0; i < thread->tasks[t]->input_count; i++) {
            ksi_thread_input *input = &thread->tasks[t]->inputs[i];
            if (input->is_repartition && input->committed > input->purged) {
                purge(thread, input);
            }
        }
    }
}
