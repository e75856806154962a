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

ksi_offset_rules ksi_thread_offset_rules(const ksi_stream_thread *thread)
{
    const ksi_stream_thread_options *options = &thread->options;
    ksi_offset_rules rules = {.transport = options->transport,
                              .group = options->application_id,
                              .clock = options->clock,
                              .logger = options->logger};
    ksi_offset_fallback(options->config, &rules);
    return rules;
}

/* An input of a task, read from where it begins before the task is made. */
typedef struct found_input {
    const ksi_assigned_input *assigned;
    ksi_begin begin;
    size_t slot;
    bool is_read; /* `slot` is the consumer's */
} found_input;

/* A topic with fewer partitions than another one of the sub-topology has no records for it. */
static bool is_there(const found_input *found, const ksi_task_handle *handle)
{
    return handle->id.partition < found->assigned->partitions;
}

static ks_status find_input(ksi_stream_thread *thread, const ksi_task_handle *handle,
                            found_input *found, ks_arena *notes, ks_error *error)
{
    const ksi_assigned_input *assigned = found->assigned;
    ksi_consumer *consumer = thread->consumer;
    const ksi_topic_partition at = {.topic = assigned->topic, .partition = handle->id.partition};
    if (!is_there(found, handle)) {
        return KS_OK;
    }
    ksi_offset_rules rules = ksi_thread_offset_rules(thread);
    rules.notes = notes;
    KS_TRY(ksi_begin_offset(&rules, at, &assigned->source->source, &found->begin, error));
    KS_TRY(consumer->class->assign(consumer, at, found->begin.offset, &found->slot, error));
    found->is_read = true;
    return KS_OK;
}

static ks_status find_inputs(ksi_stream_thread *thread, const ksi_task_handle *handle,
                             found_input *found, size_t *count, ks_arena *notes, ks_error *error)
{
    const ksi_assignment *assignment = thread->options.assignment;
    for (size_t i = 0; i < assignment->input_count; i++) {
        const ksi_assigned_input *assigned = &assignment->inputs[i];
        if (assigned->source->subtopology == handle->id.subtopology) {
            found_input *one = &found[(*count)++];
            *one = (found_input){.assigned = assigned};
            KS_TRY(find_input(thread, handle, one, notes, error));
        }
    }
    return KS_OK;
}

/* Those that no task took over. */
static void stop_reading(ksi_stream_thread *thread, const found_input *found, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (found[i].is_read) {
            thread->consumer->class->unassign(thread->consumer, found[i].slot);
        }
    }
}

/* The task takes over an input. */
static void open_input(ksi_stream_thread *thread, ksi_thread_task *task, found_input *found)
{
    const ksi_assigned_input *assigned = found->assigned;
    const int64_t offset = found->begin.offset;
    size_t number = ksi_task_input_of(task->task, assigned->topic);
    KSI_CHECK(number != SIZE_MAX);
    if (!is_there(found, task->handle)) {
        ksi_task_set_caught_up(task->task, number, true);
        return;
    }
    ksi_thread_input *input = &task->inputs[task->input_count];
    *input = (ksi_thread_input){
        .at = {.topic = assigned->topic, .partition = task->handle->id.partition},
        .input = number,
        .slot = found->slot,
        .watched = true,
        .is_repartition = assigned->internal != NULL,
        .committed = offset,
    };
    ksi_patience_init(&input->patience, &thread->puts_up);
    input->progress = ksi_progress_of(thread->options.progress, input->at);
    found->is_read = false;
    ksi_task_set_partition_time(task->task, number, found->begin.partition_time);
    ksi_task_take_notes(task->task, &found->begin.notes);
    task->input_count++;
    if (input->progress != NULL) {
        atomic_store(&input->progress->processed, offset);
        atomic_store(&input->progress->committed, offset);
    }
}

static ks_status make_task(ksi_stream_thread *thread, ksi_thread_task *task, ks_error *error)
{
    const ksi_stream_thread_options *options = &thread->options;
    const ksi_task_options wanted = {
        .topology = options->topology,
        .subtopology = task->handle->id.subtopology,
        .partition = task->handle->id.partition,
        .config = options->config,
        .application_id = options->application_id,
        .producer = thread->producer,
        .number = task->number,
        .cache = thread->cache,
        .rows = task->handle->rows,
        .global_rows = options->global_rows,
        .clock = options->clock,
        .logger = options->logger,
        .failure = options->failure,
        .matched_topics = options->assignment->matched_topics,
        .matched_topic_count = options->assignment->matched_topic_count,
    };
    ksi_store_lock_enter(task->handle->rows->lock);
    task->task = ksi_task_new(&wanted, error);
    ksi_store_lock_leave(task->handle->rows->lock);
    return task->task != NULL ? KS_OK : ksi_error_flag(error, 0);
}

static ksi_thread_task *task_numbered(const ksi_stream_thread *thread, uint32_t number)
{
    for (size_t i = 0; i < thread->task_count; i++) {
        if (thread->tasks[i]->number == number) {
            return thread->tasks[i];
        }
    }
    return NULL;
}

/* The lowest that is free: a producer keeps something for each. */
static uint32_t free_number(const ksi_stream_thread *thread)
{
    uint32_t number = 0;
    while (task_numbered(thread, number) != NULL) {
        number++;
    }
    return number;
}

ks_status ksi_thread_undelivered(void *owner, uint32_t sender, const char *topic,
                                 const ks_log_record *record, const ks_error *reason,
                                 ks_error *error)
{
    const ksi_stream_thread *thread = owner;
    const ksi_thread_task *task = task_numbered(thread, ksi_sender_task(sender));
    if (task == NULL || task->task == NULL) { /* a task goes only when all it sent is there */
        (void)ksi_error_set(error, reason->code, topic, "a record was refused: %s",
                            reason->message);
        return ksi_error_flag(error, KS_ERROR_FATAL);
    }
    return ksi_task_undelivered(task->task, ksi_sender_purpose(sender), topic, record, reason,
                                error);
}

static ksi_thread_task *add_task(ksi_stream_thread *thread, ksi_task_handle *handle)
{
    ksi_thread_task *task = ksi_calloc(1, sizeof *task);
    task->handle = handle;
    task->number = free_number(thread);
    task->inputs = ksi_calloc(thread->options.assignment->input_count + 1, sizeof *task->inputs);
    thread->session = handle->session;
    thread->tasks =
        ksi_grow(thread->tasks, &thread->task_capacity, thread->task_count + 1, sizeof task);
    thread->tasks[thread->task_count++] = task; /* from here on it is returned in any case */
    if (thread->task_count == 1) {
        thread->last_commit_ms = ksi_thread_now_ms(thread);
        thread->last_apply_ms = thread->last_commit_ms;
        thread->last_purge_ms = thread->last_commit_ms;
    }
    return task;
}

static ks_status open_task(ksi_stream_thread *thread, ksi_thread_task *task, found_input *found,
                           size_t count, ks_error *error)
{
    KS_TRY(make_task(thread, task, error));
    for (size_t i = 0; i < count; i++) {
        open_input(thread, task, &found[i]);
    }
    thread->options.events.taken(thread->options.events.owner, task->handle);
    return KS_OK;
}

static void remove_arriving(ksi_stream_thread *thread, size_t index)
{
    thread->arriving_count--;
    for (size_t i = index; i < thread->arriving_count; i++) {
        thread->arriving[i] = thread->arriving[i + 1];
    }
}

static bool is_arriving(const ksi_stream_thread *thread, const ksi_task_handle *handle)
{
    return thread->arriving_count > 0 && thread->arriving[0] == handle;
}

/*
 * The log is asked first, and without the lock that readers of the stores want; as long as it does
 * not answer, or has no such topic, the task stays among those that arrive. What fails behind that
 * does not pass.
 */
static ks_status begin_task(ksi_stream_thread *thread, ksi_task_handle *handle, ks_error *error)
{
    size_t count = 0;
    found_input *found = ksi_calloc(thread->options.assignment->input_count + 1, sizeof *found);
    ks_arena notes;
    ksi_arena_init(&notes, 0);
    ks_status status = find_inputs(thread, handle, found, &count, &notes, error);
    if (status == KS_OK) {
        remove_arriving(thread, 0);
        status = open_task(thread, add_task(thread, handle), found, count, error);
        error->flags &= status == KS_OK ? error->flags : ~(uint32_t)KS_ERROR_RETRIABLE;
    }
    stop_reading(thread, found, count);
    ksi_free(found);
    ksi_arena_destroy(&notes);
    if (status == KS_E_UNKNOWN_TOPIC && is_arriving(thread, handle)) {
        thread->options.events.missing(thread->options.events.owner);
        (void)ksi_error_flag(error, KS_ERROR_RETRIABLE);
    }
    if (status != KS_OK) {
        ksi_error_prefix(error, "starting task %s: ", handle->name);
    }
    return status;
}

static ks_status begin_tasks(ksi_stream_thread *thread, size_t *work, ks_error *error)
{
    while (thread->arriving_count > 0) {
        (*work)++;
        KS_TRY(begin_task(thread, thread->arriving[0], error));
    }
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

static bool any_is_leaving(const ksi_stream_thread *thread)
{
    for (size_t i = 0; i < thread->task_count; i++) {
        if (thread->tasks[i]->is_leaving) {
            return true;
        }
    }
    return false;
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

/* What was never begun is as it came. */
static void return_arriving(ksi_stream_thread *thread)
{
    while (thread->arriving_count > 0) {
        ksi_task_handle *handle = thread->arriving[--thread->arriving_count];
        handle->is_clean = true;
        give_back(thread, handle);
    }
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
    thread->commit_step = KSI_COMMIT_NONE;
    thread->send_at_ns = -1;
    for (size_t i = 0; i < count; i++) {
        give_back(thread, handles[i]);
    }
    return_arriving(thread);
    ksi_free(handles);
}

/* One that has not begun goes at once; one that is not here is on its way back. */
static void let_go(ksi_stream_thread *thread, ksi_task_handle *handle)
{
    for (size_t i = 0; i < thread->task_count; i++) {
        thread->tasks[i]->is_leaving |= thread->tasks[i]->handle == handle;
    }
    for (size_t i = 0; i < thread->arriving_count; i++) {
        if (thread->arriving[i] == handle) {
            remove_arriving(thread, i);
            handle->is_clean = true;
            give_back(thread, handle);
            return;
        }
    }
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
    ksi_message message;
    while (ksi_mailbox_take(&thread->mailbox, &message)) {
        (*work)++;
        if (message.kind == KSI_THREAD_LOSE) {
            return ksi_error_set(error, KS_E_FENCED, thread->options.application_id,
                                 "the session of this member ended");
        }
        if (message.kind == KSI_THREAD_CALL_BACK) {
            let_go(thread, message.what);
            continue;
        }
        thread->arriving = ksi_grow(thread->arriving, &thread->arriving_capacity,
                                    thread->arriving_count + 1, sizeof(ksi_task_handle *));
        thread->arriving[thread->arriving_count++] = message.what;
    }
    return KS_OK;
}

ks_status ksi_thread_move_tasks(ksi_stream_thread *thread, size_t *work, ks_error *error)
{
    KS_TRY(resize_cache(thread, error));
    if (any_is_leaving(thread)) {
        (*work)++;
        if (ksi_thread_needs_commit(thread)) {
            KS_TRY(ksi_thread_commit(thread, error));
        }
        return_leaving(thread);
    }
    return begin_tasks(thread, work, error);
}
