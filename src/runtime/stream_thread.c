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
 * Committed rows stay in memory. They are applied to the stores on disk when a store has too many,
 * all of them and durably when statestore.apply.interval.ms is over, and at the end.
 *
 * Waiting. Without work the thread sleeps on its consumer: until records come, until a commit is
 * due, or, when records are queued that may not be processed yet (max.task.idle.ms), for poll.ms.
 * It never sleeps for less than a millisecond, and never polls in between.
 *
 * Others look at this thread: the application asks whether it has caught up and what it has done.
 * That goes through atomics that are written at the end of a turn and after a commit, never through
 * the tasks.
 *
 * The tempting wrong way is to commit the tasks that did not fail when one did. The cache and the
 * producer are the thread's: what the failed task left in them would be delivered without an offset
 * that says so, and Java closes all tasks of the thread dirty, too.
 *
 * Thread rule: see stream_thread.h; lock order in README.md.
 */
#include "runtime/stream_thread.h"

#include "base/check.h"
#include "base/error.h"
#include "base/memory.h"
#include "config/config.h"
#include "runtime/begin_offset.h"
#include "runtime/restore.h"

#define POLL_BATCH 256
#define PROCESS_BATCH 256
#define RECORDS_PER_LOOK 16 /* at the clock */

typedef struct thread_input {
    ksi_topic_partition at;
    size_t input; /* of the task */
    size_t slot;  /* of the consumer */
    bool watched;
    _Atomic int64_t processed; /* the offset behind the last record processed */
    _Atomic int64_t committed; /* where a new start would begin */
} thread_input;

typedef struct thread_task {
    ksi_assigned_task id;
    ksi_task *task;       /* NULL when closed */
    thread_input *inputs; /* in the arena */
    size_t input_count;
} thread_task;

struct ksi_stream_thread {
    ksi_stream_thread_options options;
    ks_arena arena;
    ksi_consumer *consumer;
    ksi_producer *producer;
    ksi_record_cache *cache; /* NULL: caching is off */
    thread_task *tasks;
    size_t task_count;
    size_t task_capacity;
    size_t queue_bound;
    int64_t poll_ms;
    int64_t commit_interval_ms;
    int64_t last_commit_ms;
    int64_t apply_interval_ms;
    int64_t last_apply_ms;
    bool has_unapplied;            /* rows were committed since */
    int64_t uncommitted_max_bytes; /* negative: no bound */
    int64_t uncommitted_bytes;     /* of all tasks, as the turn began and as it went on */
    bool is_restored;
    ksi_group_offset *offsets; /* of the commit in hand */
    size_t offset_count;
    size_t offset_capacity;
    atomic_bool stop;
    atomic_bool finished;
    _Atomic uint64_t processed;
    _Atomic uint64_t sent;
    _Atomic uint64_t dropped;
    _Atomic uint64_t commits;
};

static int64_t now_ms(const ksi_stream_thread *thread)
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
    thread->last_commit_ms = now_ms(thread);
    thread->apply_interval_ms = ksi_config_i64(options->config, "statestore.apply.interval.ms");
    thread->last_apply_ms = now_ms(thread);
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

/* ---- tasks ----------------------------------------------------------------------------------- */

/* Begins to read one partition for a task. */
static ks_status open_input(ksi_stream_thread *thread, thread_task *task,
                            const ksi_assigned_input *assigned, ks_error *error)
{
    const ksi_stream_thread_options *options = &thread->options;
    size_t number = ksi_task_input_of(task->task, assigned->topic);
    KSI_CHECK(number != SIZE_MAX);
    if (task->id.partition >= assigned->partitions) {
        /* A topic with fewer partitions than another one of the sub-topology: nothing will come. */
        ksi_task_set_caught_up(task->task, number, true);
        return KS_OK;
    }
    ksi_offset_rules rules = {.transport = options->transport,
                              .group = options->application_id,
                              .clock = options->clock,
                              .logger = options->logger};
    KS_TRY(ksi_offset_fallback(options->config, &rules.fallback, error));
    thread_input *input = &task->inputs[task->input_count];
    int64_t offset = 0;
    input->at = (ksi_topic_partition){.topic = assigned->topic, .partition = task->id.partition};
    input->input = number;
    input->watched = true;
    KS_TRY(ksi_begin_offset(&rules, input->at, &assigned->source->source, &offset, error));
    KS_TRY(
        thread->consumer->class->assign(thread->consumer, input->at, offset, &input->slot, error));
    atomic_init(&input->processed, offset);
    atomic_init(&input->committed, offset);
    task->input_count++;
    return KS_OK;
}

static ks_status open_inputs(ksi_stream_thread *thread, thread_task *task, ks_error *error)
{
    const ksi_assignment *assignment = thread->options.assignment;
    task->inputs =
        ksi_arena_zalloc(&thread->arena, (assignment->input_count + 1) * sizeof *task->inputs);
    for (size_t i = 0; i < assignment->input_count; i++) {
        const ksi_assigned_input *input = &assignment->inputs[i];
        if (input->source->subtopology == task->id.subtopology) {
            KS_TRY(open_input(thread, task, input, error));
        }
    }
    return KS_OK;
}

ks_status ksi_stream_thread_add_task(ksi_stream_thread *thread, ksi_assigned_task id,
                                     ks_error *error)
{
    const ksi_stream_thread_options *options = &thread->options;
    const ksi_task_options wanted = {
        .topology = options->topology,
        .subtopology = id.subtopology,
        .partition = id.partition,
        .config = options->config,
        .application_id = options->application_id,
        .producer = thread->producer,
        .cache = thread->cache,
        .state = options->state,
        .clock = options->clock,
        .logger = options->logger,
        .matched_topics = options->assignment->matched_topics,
        .matched_topic_count = options->assignment->matched_topic_count,
    };
    ksi_task *made = ksi_task_new(&wanted, error);
    if (made == NULL) {
        ksi_error_prefix(error, "starting task %d_%d: ", id.subtopology, id.partition);
        return ksi_error_flag(error, 0);
    }
    thread->tasks = ksi_grow(thread->tasks, &thread->task_capacity, thread->task_count + 1,
                             sizeof *thread->tasks);
    thread_task *task = &thread->tasks[thread->task_count++];
    *task = (thread_task){.id = id, .task = made};
    return open_inputs(thread, task, error);
}

ksi_task *ksi_stream_thread_task_at(const ksi_stream_thread *thread, size_t index)
{
    return index < thread->task_count ? thread->tasks[index].task : NULL;
}

/* ---- restoring ------------------------------------------------------------------------------- */

static void log_restored(const ksi_stream_thread *thread, const char *store, const char *task,
                         const ksi_restore *restore)
{
    ksi_logger *logger = thread->options.logger;
    const char *name = thread->options.name;
    if (restore->stale[0] != '\0') {
        ksi_log(logger, KS_LOG_LEVEL_WARN, name,
                "the local state of store %s of task %s was wiped and is rebuilt from its "
                "changelog: %s",
                store, task, restore->stale);
    }
    ksi_log(logger, KS_LOG_LEVEL_INFO, name,
            "restored store %s of task %s from %lld changelog records, beginning at offset %lld",
            store, task, (long long)restore->rows, (long long)restore->from);
}

static ks_status restore_task(ksi_stream_thread *thread, const thread_task *task, ks_error *error)
{
    for (size_t i = 0; i < ksi_task_store_count(task->task); i++) {
        ksi_key_value_store *store = ksi_task_store_at(task->task, i);
        const ksi_store_spec *spec = ksi_key_value_store_spec(store);
        if (!spec->logging) {
            continue;
        }
        ksi_restore restore = {
            .transport = thread->options.transport,
            .changelog = {.topic = ksi_changelog_topic_name(thread->options.application_id,
                                                            spec->name, &thread->arena),
                          .partition = task->id.partition},
            .store = store,
            .clock = thread->options.clock,
            .stop = &thread->stop};
        ks_status status = ksi_restore_store(&restore, error);
        if (status != KS_OK) {
            ksi_error_prefix(error, "restoring store %s of task %s: ", spec->name,
                             ksi_task_id(task->task));
            return status;
        }
        log_restored(thread, spec->name, ksi_task_id(task->task), &restore);
    }
    return KS_OK;
}

ks_status ksi_stream_thread_restore(ksi_stream_thread *thread, ks_error *error)
{
    for (size_t i = 0; i < thread->task_count && !atomic_load(&thread->stop); i++) {
        KS_TRY(restore_task(thread, &thread->tasks[i], error));
    }
    thread->last_commit_ms = now_ms(thread);
    thread->last_apply_ms = now_ms(thread);
    thread->is_restored = !atomic_load(&thread->stop); /* else it may have been cut off */
    return KS_OK;
}

/* ---- a turn ---------------------------------------------------------------------------------- */

/* Strictly more than the interval, as Java. */
static bool commit_due(const ksi_stream_thread *thread)
{
    return now_ms(thread) - thread->last_commit_ms > thread->commit_interval_ms;
}

static void watch(ksi_stream_thread *thread, thread_input *input, bool watched)
{
    if (input->watched != watched) {
        input->watched = watched;
        thread->consumer->class->watch(thread->consumer, input->slot, watched);
    }
}

/* Moves up to a batch from the log into the queue of one input. */
static ks_status fill_queue(ksi_stream_thread *thread, ksi_task *task, thread_input *input,
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

/*
 * Whether there are as many uncommitted rows as there may be. What a task's record evicts from the
 * cache may go to stores of other tasks, and is counted when the next turn begins.
 */
static bool is_full(const ksi_stream_thread *thread)
{
    return thread->uncommitted_max_bytes >= 0 &&
           thread->uncommitted_bytes > thread->uncommitted_max_bytes;
}

/*
 * Processes up to a batch of a task. A slow callback makes a batch long: a stop, and too many
 * uncommitted rows, are seen after each record, the clock every few.
 */
static ks_status process_batch(ksi_stream_thread *thread, ksi_task *task, size_t *processed,
                               ks_error *error)
{
    const int64_t others = thread->uncommitted_bytes - ksi_task_uncommitted_bytes(task);
    for (size_t i = 0; i < PROCESS_BATCH; i++) {
        bool one = false;
        if (atomic_load_explicit(&thread->stop, memory_order_relaxed) || is_full(thread) ||
            (i % RECORDS_PER_LOOK == RECORDS_PER_LOOK - 1 && commit_due(thread))) {
            return KS_OK;
        }
        KS_TRY(ksi_task_process(task, &one, error));
        if (!one) {
            return KS_OK;
        }
        (*processed)++;
        thread->uncommitted_bytes = others + ksi_task_uncommitted_bytes(task);
    }
    return KS_OK;
}

/* Tells the others how far the inputs of a task are. */
static void publish_task(const thread_task *task)
{
    for (size_t i = 0; i < task->input_count; i++) {
        int64_t offset = ksi_task_offset(task->task, task->inputs[i].input);
        if (offset >= 0) {
            atomic_store(&task->inputs[i].processed, offset);
        }
    }
}

static void publish_counts(ksi_stream_thread *thread)
{
    uint64_t sent = 0;
    uint64_t dropped = 0;
    for (size_t i = 0; i < thread->task_count; i++) {
        sent += ksi_task_sent(thread->tasks[i].task);
        dropped += ksi_task_dropped(thread->tasks[i].task);
    }
    atomic_store(&thread->sent, sent);
    atomic_store(&thread->dropped, dropped);
}

static ks_status turn_of_task(ksi_stream_thread *thread, thread_task *task, size_t *work,
                              ks_error *error)
{
    size_t processed = 0;
    for (size_t i = 0; i < task->input_count; i++) {
        KS_TRY(fill_queue(thread, task->task, &task->inputs[i], work, error));
    }
    ks_status status = process_batch(thread, task->task, &processed, error);
    atomic_fetch_add(&thread->processed, processed);
    *work += processed;
    publish_task(task);
    return status;
}

/* ---- committing ------------------------------------------------------------------------------ */

/* A record that was dropped before it was processed moves an offset, too. */
static bool needs_commit(const thread_task *task)
{
    if (ksi_task_commit_needed(task->task)) {
        return true;
    }
    for (size_t i = 0; i < task->input_count; i++) {
        const thread_input *input = &task->inputs[i];
        if (ksi_task_offset(task->task, input->input) > atomic_load(&input->committed)) {
            return true;
        }
    }
    return false;
}

static bool any_needs_commit(const ksi_stream_thread *thread)
{
    for (size_t i = 0; i < thread->task_count; i++) {
        if (needs_commit(&thread->tasks[i])) {
            return true;
        }
    }
    return false;
}

static void collect_offsets(ksi_stream_thread *thread)
{
    thread->offset_count = 0;
    for (size_t t = 0; t < thread->task_count; t++) {
        const thread_task *task = &thread->tasks[t];
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
static ks_status mark_committed(ksi_stream_thread *thread, ks_error *error)
{
    size_t next = 0;
    for (size_t t = 0; t < thread->task_count; t++) {
        thread_task *task = &thread->tasks[t];
        for (size_t i = 0; i < task->input_count; i++) {
            if (ksi_task_offset(task->task, task->inputs[i].input) >= 0) {
                atomic_store(&task->inputs[i].committed, thread->offsets[next++].offset);
            }
        }
        KS_TRY(ksi_task_committed(task->task, error));
    }
    return KS_OK;
}

/* Puts before an error of the disk what it means and what to do. */
static ks_status disk_failed(ks_status status, ks_error *error)
{
    ksi_error_prefix(error, "local state cannot be written; nothing that was committed is lost. "
                            "Mend the disk or set another state.dir, then start again: ");
    return status;
}

static ks_status commit_unlogged(ksi_stream_thread *thread, ks_error *error)
{
    for (size_t i = 0; i < thread->task_count; i++) {
        ks_status status = ksi_task_commit_unlogged(thread->tasks[i].task, error);
        if (status != KS_OK) {
            return disk_failed(status, error);
        }
    }
    return KS_OK;
}

/* After a commit: stores with too many committed rows in memory give them to the disk. */
static ks_status apply_full(ksi_stream_thread *thread, ks_error *error)
{
    for (size_t i = 0; i < thread->task_count; i++) {
        ks_status status = ksi_task_apply_full(thread->tasks[i].task, error);
        if (status != KS_OK) {
            return disk_failed(status, error);
        }
    }
    thread->has_unapplied = thread->options.state != NULL;
    return KS_OK;
}

static ks_status apply_all(ksi_stream_thread *thread, ks_error *error)
{
    for (size_t i = 0; i < thread->task_count; i++) {
        ks_status status = ksi_task_apply(thread->tasks[i].task, error);
        if (status != KS_OK) {
            return disk_failed(status, error);
        }
    }
    thread->last_apply_ms = now_ms(thread);
    thread->has_unapplied = false;
    return KS_OK;
}

/* Applies when it is time, and makes it durable: a crash restores what came later. */
static ks_status maybe_apply(ksi_stream_thread *thread, ks_error *error)
{
    bool is_due = now_ms(thread) - thread->last_apply_ms >= thread->apply_interval_ms;
    if (!thread->has_unapplied || !is_due) {
        return KS_OK;
    }
    KS_TRY(apply_all(thread, error));
    for (size_t i = 0; i < thread->task_count; i++) {
        ks_status status = ksi_task_flush_disk(thread->tasks[i].task, error);
        if (status != KS_OK) {
            return disk_failed(status, error);
        }
    }
    return KS_OK;
}

/*
 * Flushing a cache may process records below it, so all tasks are flushed before anything is waited
 * for. Stores without a changelog are committed before the offsets: a crash in between processes
 * records twice, which at-least-once allows, and the other order would lose them.
 */
static ks_status commit(ksi_stream_thread *thread, ks_error *error)
{
    const ksi_stream_thread_options *options = &thread->options;
    for (size_t i = 0; i < thread->task_count; i++) {
        ks_status status = ksi_task_flush(thread->tasks[i].task, error);
        if (status != KS_OK) {
            ksi_error_prefix(error, "flushing the caches for a commit: ");
            return status;
        }
    }
    KS_TRY(thread->producer->class->flush(thread->producer, error));
    KS_TRY(commit_unlogged(thread, error));
    collect_offsets(thread);
    KS_TRY(options->transport->class->commit(options->transport, options->application_id,
                                             thread->offsets, thread->offset_count, error));
    KS_TRY(mark_committed(thread, error));
    atomic_fetch_add(&thread->commits, 1);
    publish_counts(thread);
    thread->uncommitted_bytes = 0;
    return apply_full(thread, error);
}

/* Commits when it is time; without work and with somebody waiting for the results it is time. */
static ks_status maybe_commit(ksi_stream_thread *thread, size_t *work, ks_error *error)
{
    bool wanted = *work == 0 && atomic_load(thread->options.waiters) > 0;
    if (!wanted && !commit_due(thread)) {
        return KS_OK;
    }
    thread->last_commit_ms = now_ms(thread);
    if (!any_needs_commit(thread)) {
        return KS_OK;
    }
    (*work)++;
    return commit(thread, error);
}

static void count_uncommitted(ksi_stream_thread *thread)
{
    thread->uncommitted_bytes = 0;
    for (size_t i = 0; i < thread->task_count; i++) {
        thread->uncommitted_bytes += ksi_task_uncommitted_bytes(thread->tasks[i].task);
    }
}

ks_status ksi_stream_thread_step(ksi_stream_thread *thread, bool *progressed, ks_error *error)
{
    size_t work = 0;
    ks_status status = KS_OK;
    count_uncommitted(thread);
    for (size_t i = 0; i < thread->task_count && status == KS_OK; i++) {
        status = turn_of_task(thread, &thread->tasks[i], &work, error);
        if (status == KS_OK && is_full(thread)) {
            thread->last_commit_ms = now_ms(thread);
            status = commit(thread, error);
        }
    }
    publish_counts(thread);
    if (status == KS_OK) {
        status = maybe_commit(thread, &work, error);
    }
    if (status == KS_OK) {
        status = maybe_apply(thread, error);
    }
    *progressed = work > 0;
    return status;
}

/* ---- the loop -------------------------------------------------------------------------------- */

static bool has_queued(const ksi_stream_thread *thread)
{
    for (size_t t = 0; t < thread->task_count; t++) {
        const thread_task *task = &thread->tasks[t];
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
    int64_t left_ms = due_ms - now_ms(thread);
    left_ms = left_ms > 0 ? left_ms : 1;
    return timeout_ms < 0 || timeout_ms > left_ms ? left_ms : timeout_ms;
}

void ksi_stream_thread_wait(ksi_stream_thread *thread)
{
    int64_t timeout_ms = -1;
    if (any_needs_commit(thread)) {
        timeout_ms = no_later_than(thread, timeout_ms,
                                   thread->last_commit_ms + thread->commit_interval_ms + 1);
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
        publish_counts(thread);
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

/* The stores are left as current as they are, on disk. */
static ks_status leave_stores(ksi_stream_thread *thread, ks_error *error)
{
    for (size_t i = 0; i < thread->task_count; i++) {
        KS_TRY(ksi_task_committed(thread->tasks[i].task, error));
    }
    return apply_all(thread, error);
}

ks_status ksi_stream_thread_finish(ksi_stream_thread *thread, ks_error *error)
{
    ks_status status = KS_OK;
    bool is_open = !atomic_load(&thread->finished);
    if (is_open && any_needs_commit(thread)) {
        status = commit(thread, error);
    }
    if (status == KS_OK && is_open && thread->is_restored && thread->options.state != NULL) {
        status = leave_stores(thread, error);
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

/* ---- for other threads ----------------------------------------------------------------------- */

void ksi_stream_thread_stop(ksi_stream_thread *thread)
{
    atomic_store(&thread->stop, true);
    ksi_stream_thread_wake(thread);
}

void ksi_stream_thread_wake(ksi_stream_thread *thread)
{
    thread->consumer->class->wake(thread->consumer);
}

/* The end of a partition; what cannot be asked counts as empty. */
static int64_t end_of(const ksi_stream_thread *thread, const thread_input *input)
{
    ksi_transport *transport = thread->options.transport;
    int64_t begin = 0;
    int64_t end = 0;
    return transport->class->offsets(transport, input->at, &begin, &end, NULL) == KS_OK ? end : 0;
}

bool ksi_stream_thread_caught_up(const ksi_stream_thread *thread, uint64_t *ends)
{
    for (size_t t = 0; t < thread->task_count; t++) {
        const thread_task *task = &thread->tasks[t];
        for (size_t i = 0; i < task->input_count; i++) {
            int64_t end = end_of(thread, &task->inputs[i]);
            if (atomic_load(&task->inputs[i].committed) < end) {
                return false;
            }
            *ends += (uint64_t)end;
        }
    }
    return true;
}

ksi_stream_thread_stats ksi_stream_thread_stats_of(const ksi_stream_thread *thread)
{
    ksi_stream_thread_stats stats = {.processed = atomic_load(&thread->processed),
                                     .sent = atomic_load(&thread->sent),
                                     .dropped = atomic_load(&thread->dropped),
                                     .commits = atomic_load(&thread->commits)};
    for (size_t t = 0; t < thread->task_count; t++) {
        const thread_task *task = &thread->tasks[t];
        for (size_t i = 0; i < task->input_count; i++) {
            int64_t behind =
                end_of(thread, &task->inputs[i]) - atomic_load(&task->inputs[i].processed);
            stats.behind += behind > 0 ? (uint64_t)behind : 0;
        }
    }
    return stats;
}
