/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_thread_tasks.c - tasks come to a thread and go.
 *
 * A task is made anew around the rows it was given with: its nodes, its caches, its queues. It
 * begins where the group's offsets say, and its stream time where it stood then.
 *
 * All tasks that were asked back go together, because what a commit costs it costs once. A thread
 * commits all of its tasks at a time: cache and producer are the thread's, and what one task left
 * in them must not be delivered without an offset that says so.
 *
 * Thread rule: the worker of the thread.
 */
#include "runtime/stream_thread_parts.h"

#include "base/check.h"
#include "base/error.h"
#include "base/memory.h"

/* ---- coming ---------------------------------------------------------------------------------- */

ks_status ksi_thread_find_begin(const ksi_stream_thread *thread, ksi_topic_partition at,
                                const ksi_source *source, ksi_begin *begin, ks_error *error)
{
    const ksi_stream_thread_options *options = &thread->options;
    ksi_offset_rules rules = {.transport = options->transport,
                              .group = options->application_id,
                              .clock = options->clock,
                              .logger = options->logger};
    ksi_offset_fallback(options->config, &rules);
    return ksi_begin_offset(&rules, at, source, begin, error);
}

/* Begins to read one partition for a task. */
static ks_status open_input(ksi_stream_thread *thread, ksi_thread_task *task,
                            const ksi_assigned_input *assigned, ks_error *error)
{
    const ksi_stream_thread_options *options = &thread->options;
    size_t number = ksi_task_input_of(task->task, assigned->topic);
    KSI_CHECK(number != SIZE_MAX);
    int32_t partition = task->handle->id.partition;
    if (partition >= assigned->partitions) {
        /* A topic with fewer partitions than another one of the sub-topology: nothing will come. */
        ksi_task_set_caught_up(task->task, number, true);
        return KS_OK;
    }
    ksi_thread_input *input = &task->inputs[task->input_count];
    ksi_begin begin = {0};
    *input = (ksi_thread_input){
        .at = {.topic = assigned->topic, .partition = partition},
        .input = number,
        .watched = true,
        .is_repartition = assigned->internal != NULL,
    };
    input->progress = ksi_progress_of(options->progress, input->at);
    KS_TRY(ksi_thread_find_begin(thread, input->at, &assigned->source->source, &begin, error));
    KS_TRY(thread->consumer->class->assign(thread->consumer, input->at, begin.offset, &input->slot,
                                           error));
    ksi_task_set_partition_time(task->task, number, begin.partition_time);
    input->committed = begin.offset;
    task->input_count++;
    if (input->progress != NULL) {
        atomic_store(&input->progress->processed, begin.offset);
        atomic_store(&input->progress->committed, begin.offset);
    }
    return KS_OK;
}

static ks_status open_inputs(ksi_stream_thread *thread, ksi_thread_task *task, ks_error *error)
{
    const ksi_assignment *assignment = thread->options.assignment;
    task->inputs = ksi_calloc(assignment->input_count + 1, sizeof *task->inputs);
    for (size_t i = 0; i < assignment->input_count; i++) {
        const ksi_assigned_input *input = &assignment->inputs[i];
        if (input->source->subtopology == task->handle->id.subtopology) {
            KS_TRY(open_input(thread, task, input, error));
        }
    }
    return KS_OK;
}

static ks_status start_task(ksi_stream_thread *thread, ksi_thread_task *task, ks_error *error)
{
    const ksi_stream_thread_options *options = &thread->options;
    const ksi_task_options wanted = {
        .topology = options->topology,
        .subtopology = task->handle->id.subtopology,
        .partition = task->handle->id.partition,
        .config = options->config,
        .application_id = options->application_id,
        .producer = thread->producer,
        .cache = thread->cache,
        .rows = task->handle->rows,
        .global_rows = options->global_rows,
        .clock = options->clock,
        .logger = options->logger,
        .failure = options->failure,
        .matched_topics = options->assignment->matched_topics,
        .matched_topic_count = options->assignment->matched_topic_count,
    };
    task->task = ksi_task_new(&wanted, error);
    if (task->task == NULL) {
        return ksi_error_flag(error, 0);
    }
    return open_inputs(thread, task, error);
}

static ks_status take(ksi_stream_thread *thread, ksi_task_handle *handle, ks_error *error)
{
    ksi_thread_task *task = ksi_calloc(1, sizeof *task);
    task->handle = handle;
    thread->generation = handle->generation;
    thread->tasks =
        ksi_grow(thread->tasks, &thread->task_capacity, thread->task_count + 1, sizeof task);
    thread->tasks[thread->task_count++] = task; /* from here on it is returned in any case */
    if (thread->task_count == 1) {
        thread->last_commit_ms = ksi_thread_now_ms(thread);
        thread->last_apply_ms = thread->last_commit_ms;
        thread->last_purge_ms = thread->last_commit_ms;
    }
    ksi_store_lock_enter(handle->rows->lock);
    ks_status status = start_task(thread, task, error);
    ksi_store_lock_leave(handle->rows->lock);
    if (status != KS_OK) {
        ksi_error_prefix(error, "starting task %s: ", handle->name);
        return status;
    }
    thread->options.events.taken(thread->options.events.owner, handle);
    return KS_OK;
}

/* ---- going ----------------------------------------------------------------------------------- */

/* Closes a task, which is in no list any more; the handle is to be given back. */
static ksi_task_handle *close_task(ksi_stream_thread *thread, ksi_thread_task *task, bool is_clean)
{
    ksi_task_handle *handle = task->handle;
    for (size_t i = 0; i < task->input_count; i++) {
        ksi_thread_input *input = &task->inputs[i];
        thread->consumer->class->unassign(thread->consumer, input->slot);
    }
    if (task->task != NULL) {
        thread->sent_before += ksi_task_sent(task->task);
        for (size_t r = 0; r < KS_DROP_REASON_COUNT; r++) {
            thread->dropped_before[r] += ksi_task_dropped_by(task->task, (ks_drop_reason)r);
        }
        ksi_thread_end_looks(thread);
        ksi_store_lock_enter(handle->rows->lock);
        ksi_task_free(task->task);
        ksi_store_lock_leave(handle->rows->lock);
    }
    ksi_free(task->inputs);
    ksi_free(task);
    handle->is_clean = is_clean;
    return handle;
}

static void give_back(ksi_stream_thread *thread, ksi_task_handle *handle)
{
    thread->options.events.returned(thread->options.events.owner, handle);
}

static void return_leaving(ksi_stream_thread *thread)
{
    size_t kept = 0;
    size_t count = thread->task_count;
    ksi_thread_task **leaving = ksi_calloc(count + 1, sizeof *leaving);
    size_t leaving_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (thread->tasks[i]->is_leaving) {
            leaving[leaving_count++] = thread->tasks[i];
        } else {
            thread->tasks[kept++] = thread->tasks[i];
        }
    }
    thread->task_count = kept;
    for (size_t i = 0; i < leaving_count; i++) {
        give_back(thread, close_task(thread, leaving[i], true));
    }
    ksi_free(leaving);
}

void ksi_thread_return_all(ksi_stream_thread *thread, bool is_clean)
{
    size_t count = thread->task_count;
    ksi_task_handle **handles = ksi_calloc(count + 1, sizeof(ksi_task_handle *));
    for (size_t i = 0; i < count; i++) {
        handles[i] = close_task(thread, thread->tasks[i], is_clean);
    }
    thread->task_count = 0;
    if (thread->producer != NULL) {
        thread->producer->class->close(thread->producer);
        thread->producer = NULL;
    }
    for (size_t i = 0; i < count; i++) {
        give_back(thread, handles[i]);
    }
    ksi_free(handles);
}

static bool mark_leaving(ksi_stream_thread *thread, const ksi_task_handle *handle)
{
    for (size_t i = 0; i < thread->task_count; i++) {
        if (thread->tasks[i]->handle == handle) {
            thread->tasks[i]->is_leaving = true;
            return true;
        }
    }
    return false; /* it is on its way back */
}

/* ---- mail ------------------------------------------------------------------------------------ */

/* Shrinking evicts, and what is dirty would be written to stores that nobody holds: so commit. */
static ks_status resize_cache(ksi_stream_thread *thread, ks_error *error)
{
    int64_t wanted = atomic_load(&thread->cache_bytes);
    if (thread->cache == NULL || wanted == thread->options.cache_bytes) {
        return KS_OK;
    }
    if (wanted < thread->options.cache_bytes && thread->task_count > 0) {
        KS_TRY(ksi_thread_commit(thread, error));
    }
    thread->options.cache_bytes = wanted;
    return ksi_record_cache_resize(thread->cache, wanted, error);
}

ks_status ksi_thread_read_mail(ksi_stream_thread *thread, size_t *work, ks_error *error)
{
    bool any_leaves = false;
    ksi_message message;
    ks_status status = KS_OK;
    while (ksi_mailbox_take(&thread->mailbox, &message)) {
        (*work)++;
        if (message.kind == KSI_THREAD_LOSE) {
            return ksi_error_set(error, KS_E_FENCED, thread->options.application_id,
                                 "the session of this member ended");
        }
        if (message.kind == KSI_THREAD_CALL_BACK) {
            any_leaves = mark_leaving(thread, message.what) || any_leaves;
        } else if (status == KS_OK) {
            status = take(thread, message.what, error);
        } else {
            ksi_mailbox_post(&thread->mailbox, message.kind, message.what); /* for the end */
            break;
        }
    }
    KS_TRY(status);
    KS_TRY(resize_cache(thread, error));
    if (!any_leaves) {
        return KS_OK;
    }
    if (ksi_thread_needs_commit(thread)) {
        KS_TRY(ksi_thread_commit(thread, error));
    }
    return_leaving(thread);
    return KS_OK;
}
