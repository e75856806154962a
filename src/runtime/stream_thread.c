/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_thread.c - the loop of a thread; stream_thread.h has the invariants.
 *
 * A turn polls every input whose queue has room, processes up to a batch of each task, and commits
 * when commit.interval.ms is over, or as soon as the tasks have gathered as many uncommitted rows
 * as statestore.uncommitted.max.bytes allows. The bound of a queue is
 * buffered.records.per.partition; a full queue's partition is not watched, so that its records do
 * not end a wait for which they are no work.
 *
 * Other threads may read the stores of a task. The thread has them for itself, by the task's store
 * lock, for a batch of records, and gives way between two of them to those who wait; likewise while
 * it flushes, commits and applies. It holds no such lock when it polls or sleeps, and one at most.
 *
 * Waiting. Without work the thread sleeps on its consumer: until records come, until a commit is
 * due, or, when records are queued that may not be processed yet (max.task.idle.ms), for poll.ms.
 * It never sleeps for less than a millisecond, and never polls in between.
 *
 * What belongs to a commit, and to rows that go to the disk, is in stream_thread_commit.c; how a
 * thread gets its tasks, in stream_thread_start.c; what others learn, in stream_thread_look.c.
 *
 * Thread rule: see stream_thread.h; lock order in README.md.
 */
#include "runtime/stream_thread_parts.h"

#include "base/error.h"
#include "base/memory.h"
#include "config/config.h"

#define POLL_BATCH 256
#define PROCESS_BATCH 256
#define RECORDS_PER_LOOK 16 /* at the clock */
#define BATCH_NS 1000000    /* how long other tasks wait for a batch of slow records */

int64_t ksi_thread_now_ms(const ksi_stream_thread *thread)
{
    return thread->options.clock->monotonic_ns(thread->options.clock) / 1000000;
}

/* ---- life ------------------------------------------------------------------------------------ */

ksi_stream_thread *ksi_stream_thread_new(const ksi_stream_thread_options *options, ks_error *error)
{
    ksi_stream_thread *thread = ksi_calloc(1, sizeof *thread);
    int32_t bound = ksi_config_i32(options->config, "buffered.records.per.partition");
    thread->options = *options;
    ksi_arena_init(&thread->arena, 0);
    thread->options.name = ksi_arena_strdup(&thread->arena, options->name);
    thread->queue_bound = bound > 0 ? (size_t)bound : 1;
    thread->poll_ms = ksi_config_i64(options->config, "poll.ms");
    thread->commit_interval_ms = ksi_config_i64(options->config, "commit.interval.ms");
    thread->last_commit_ms = ksi_thread_now_ms(thread);
    thread->apply_interval_ms = ksi_config_i64(options->config, "statestore.apply.interval.ms");
    thread->last_apply_ms = ksi_thread_now_ms(thread);
    thread->uncommitted_max_bytes =
        ksi_config_i64(options->config, "statestore.uncommitted.max.bytes");
    atomic_init(&thread->stop, false);
    atomic_init(&thread->finished, false);
    if (options->cache_bytes >= 0) {
        thread->cache = ksi_record_cache_new(options->cache_bytes);
    }
    const ksi_transport_class *class = options->transport->class;
    thread->consumer = class->open_consumer(options->transport, error);
    if (thread->consumer != NULL) {
        thread->producer = class->open_producer(options->transport, error);
    }
    if (thread->producer == NULL) {
        ksi_stream_thread_free(thread);
        return NULL;
    }
    return thread;
}

void ksi_stream_thread_free(ksi_stream_thread *thread)
{
    if (thread == NULL) {
        return;
    }
    ksi_stream_thread_abandon(thread);
    if (thread->consumer != NULL) {
        thread->consumer->class->close(thread->consumer);
    }
    for (size_t t = 0; t < thread->task_count; t++) {
        for (size_t i = 0; i < thread->tasks[t].query_count; i++) {
            ksi_store_query_release(thread->tasks[t].queries[i]);
        }
    }
    ksi_free(thread->tasks);
    ksi_free(thread->offsets);
    ksi_arena_destroy(&thread->arena);
    ksi_free(thread);
}

const char *ksi_stream_thread_name(const ksi_stream_thread *thread)
{
    return thread->options.name;
}

void *ksi_stream_thread_owner(const ksi_stream_thread *thread)
{
    return thread->options.owner;
}

/* ---- a turn ---------------------------------------------------------------------------------- */

static void watch(ksi_stream_thread *thread, ksi_thread_input *input, bool watched)
{
    if (input->watched != watched) {
        input->watched = watched;
        thread->consumer->class->watch(thread->consumer, input->slot, watched);
    }
}

/* Moves up to a batch from the log into the queue of one input. */
static ks_status fill_queue(ksi_stream_thread *thread, ksi_task *task, ksi_thread_input *input,
                            size_t *polled, ks_error *error)
{
    ksi_consumer *consumer = thread->consumer;
    size_t queued = ksi_task_queued(task, input->input);
    watch(thread, input, queued < thread->queue_bound);
    if (queued >= thread->queue_bound) {
        return KS_OK;
    }
    ks_log_record batch[POLL_BATCH];
    size_t room = thread->queue_bound - queued;
    size_t count = 0;
    KS_TRY(consumer->class->poll(consumer, input->slot, batch,
                                 room < POLL_BATCH ? room : POLL_BATCH, &count, error));
    for (size_t i = 0; i < count; i++) {
        ksi_task_enqueue(task, input->input, NULL, &batch[i]);
    }
    ksi_task_set_caught_up(task, input->input,
                           consumer->class->position(consumer, input->slot) >=
                               consumer->class->end_offset(consumer, input->slot));
    *polled += count;
    return KS_OK;
}

/* Whether there are as many uncommitted rows as there may be. */
static bool is_full(const ksi_stream_thread *thread)
{
    return thread->uncommitted_max_bytes >= 0 &&
           thread->uncommitted_bytes > thread->uncommitted_max_bytes;
}

/* Whether a batch has lasted long enough, or a commit is due. */
static bool is_time(const ksi_stream_thread *thread, int64_t began_ns)
{
    int64_t now_ns = thread->options.clock->monotonic_ns(thread->options.clock);
    return now_ns - began_ns > BATCH_NS || ksi_thread_commit_due(thread, now_ns / 1000000);
}

/*
 * Processes up to a batch of a task. A slow callback makes a batch long: a stop, and too many
 * uncommitted rows, are seen after each record, the clock every few.
 */
static ks_status process_batch(ksi_stream_thread *thread, ksi_task *task, size_t *processed,
                               ks_error *error)
{
    const int64_t others = thread->uncommitted_bytes - ksi_task_uncommitted_bytes(task);
    const int64_t began_ns = thread->options.clock->monotonic_ns(thread->options.clock);
    for (size_t i = 0; i < PROCESS_BATCH; i++) {
        bool one = false;
        if (atomic_load_explicit(&thread->stop, memory_order_relaxed) || is_full(thread) ||
            (i % RECORDS_PER_LOOK == RECORDS_PER_LOOK - 1 && is_time(thread, began_ns))) {
            return KS_OK;
        }
        KS_TRY(ksi_task_process(task, &one, error));
        if (!one) {
            return KS_OK;
        }
        (*processed)++;
        thread->uncommitted_bytes = others + ksi_task_uncommitted_bytes(task);
        ksi_task_give_way(task);
    }
    return KS_OK;
}

static ks_status turn_of_task(ksi_stream_thread *thread, ksi_thread_task *task, size_t *work,
                              ks_error *error)
{
    size_t processed = 0;
    for (size_t i = 0; i < task->input_count; i++) {
        KS_TRY(fill_queue(thread, task->task, &task->inputs[i], work, error));
    }
    ksi_task_enter_stores(task->task);
    ks_status status = process_batch(thread, task->task, &processed, error);
    ksi_task_leave_stores(task->task);
    atomic_fetch_add(&thread->processed, processed);
    *work += processed;
    ksi_thread_publish_task(task);
    return status;
}

ks_status ksi_stream_thread_step(ksi_stream_thread *thread, bool *progressed, ks_error *error)
{
    size_t work = 0;
    ks_status status = KS_OK;
    for (size_t i = 0; i < thread->task_count && status == KS_OK; i++) {
        status = turn_of_task(thread, &thread->tasks[i], &work, error);
        if (status == KS_OK && is_full(thread)) {
            thread->last_commit_ms = ksi_thread_now_ms(thread);
            status = ksi_thread_commit(thread, error);
        }
    }
    ksi_thread_publish_counts(thread);
    if (status == KS_OK) {
        status = ksi_thread_maybe_commit(thread, &work, error);
    }
    if (status == KS_OK) {
        status = ksi_thread_maybe_apply(thread, error);
    }
    *progressed = work > 0;
    return status;
}

/* ---- the loop -------------------------------------------------------------------------------- */

static bool has_queued(const ksi_stream_thread *thread)
{
    for (size_t t = 0; t < thread->task_count; t++) {
        const ksi_thread_task *task = &thread->tasks[t];
        for (size_t i = 0; i < task->input_count; i++) {
            if (ksi_task_queued(task->task, task->inputs[i].input) > 0) {
                return true;
            }
        }
    }
    return false;
}

/* Makes a timeout end no later than at `due_ms`; a millisecond from now at the earliest. */
static int64_t no_later_than(const ksi_stream_thread *thread, int64_t timeout_ms, int64_t due_ms)
{
    int64_t left_ms = due_ms - ksi_thread_now_ms(thread);
    left_ms = left_ms > 0 ? left_ms : 1;
    return timeout_ms < 0 || timeout_ms > left_ms ? left_ms : timeout_ms;
}

void ksi_stream_thread_wait(ksi_stream_thread *thread)
{
    int64_t timeout_ms = -1;
    if (ksi_thread_needs_commit(thread)) {
        timeout_ms = no_later_than(thread, timeout_ms,
                                   thread->last_commit_ms + thread->commit_interval_ms + 1);
    }
    if (thread->options.state != NULL) {
        timeout_ms = no_later_than(thread, timeout_ms, ksi_thread_current_due_ms(thread));
    }
    if (thread->has_unapplied) {
        timeout_ms =
            no_later_than(thread, timeout_ms, thread->last_apply_ms + thread->apply_interval_ms);
    }
    if (has_queued(thread) && (timeout_ms < 0 || timeout_ms > thread->poll_ms)) {
        timeout_ms = thread->poll_ms > 0 ? thread->poll_ms : 1;
    }
    thread->consumer->class->wait(thread->consumer, timeout_ms);
}

void ksi_stream_thread_abandon(ksi_stream_thread *thread)
{
    if (atomic_load(&thread->finished)) {
        return;
    }
    if (thread->task_count > 0) {
        ksi_thread_publish_counts(thread);
    }
    for (size_t i = thread->task_count; i > 0; i--) {
        ksi_task_free(thread->tasks[i - 1].task);
        thread->tasks[i - 1].task = NULL;
    }
    if (thread->producer != NULL) {
        thread->producer->class->close(thread->producer);
    }
    ksi_record_cache_free(thread->cache);
    thread->producer = NULL;
    thread->cache = NULL;
    atomic_store(&thread->finished, true);
}

ks_status ksi_stream_thread_finish(ksi_stream_thread *thread, ks_error *error)
{
    ks_status status = KS_OK;
    bool is_open = !atomic_load(&thread->finished);
    if (is_open && ksi_thread_needs_commit(thread)) {
        status = ksi_thread_commit(thread, error);
    }
    if (status == KS_OK && is_open && thread->is_restored && thread->options.state != NULL) {
        status = ksi_thread_leave_stores(thread, error);
    }
    ksi_stream_thread_abandon(thread);
    return status;
}

void ksi_stream_thread_run(ksi_stream_thread *thread, const ksi_stream_thread_events *events)
{
    ks_error error = {0};
    ks_status status = ksi_stream_thread_restore(thread, &error);
    if (status == KS_OK && !atomic_load(&thread->stop)) {
        events->ready(events->owner);
    }
    while (status == KS_OK && !atomic_load(&thread->stop)) {
        bool progressed = false;
        status = ksi_stream_thread_step(thread, &progressed, &error);
        if (status == KS_OK && !progressed) {
            events->idle(events->owner);
            ksi_stream_thread_wait(thread);
        }
    }
    if (status == KS_OK) {
        status = ksi_stream_thread_finish(thread, &error);
    } else {
        ksi_stream_thread_abandon(thread);
    }
    events->ended(events->owner, status != KS_OK ? &error : NULL);
}
