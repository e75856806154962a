/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_thread_start.c - a stream thread is given its tasks, and restores their stores.
 *
 * Making tasks and finding where their inputs begin is the work of whoever starts the application,
 * so that what is missing is the answer of that call. Restoring may take long, and is the thread's
 * own.
 *
 * Nothing of a task is locked here: until the application runs nobody else gets hold of its stores.
 *
 * Thread rule: see stream_thread.h.
 */
#include "runtime/stream_thread_parts.h"

#include "base/check.h"
#include "base/error.h"
#include "base/memory.h"
#include "runtime/begin_offset.h"
#include "runtime/restore.h"

/* ---- tasks ----------------------------------------------------------------------------------- */

/* Begins to read one partition for a task. */
static ks_status open_input(ksi_stream_thread *thread, ksi_thread_task *task,
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
    ksi_thread_input *input = &task->inputs[task->input_count];
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

static ks_status open_inputs(ksi_stream_thread *thread, ksi_thread_task *task, ks_error *error)
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

/* Handles of the stores, which outlive the task: others look them up at any time. */
static void keep_queries(ksi_stream_thread *thread, ksi_thread_task *task)
{
    task->query_count = ksi_task_store_count(task->task);
    task->queries =
        ksi_arena_alloc(&thread->arena, (task->query_count + 1) * sizeof(ksi_store_query *));
    for (size_t i = 0; i < task->query_count; i++) {
        task->queries[i] = ksi_store_query_retain(ksi_task_store_query(task->task, i));
    }
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
    ksi_thread_task *task = &thread->tasks[thread->task_count++];
    *task = (ksi_thread_task){.id = id, .task = made};
    keep_queries(thread, task);
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

static ks_status restore_task(ksi_stream_thread *thread, const ksi_thread_task *task,
                              ks_error *error)
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

/* What nodes wrote when they were started; from here on the turns keep count. */
static void count_uncommitted(ksi_stream_thread *thread)
{
    thread->uncommitted_bytes = 0;
    for (size_t i = 0; i < thread->task_count; i++) {
        thread->uncommitted_bytes += ksi_task_uncommitted_bytes(thread->tasks[i].task);
    }
}

ks_status ksi_stream_thread_restore(ksi_stream_thread *thread, ks_error *error)
{
    for (size_t i = 0; i < thread->task_count && !atomic_load(&thread->stop); i++) {
        KS_TRY(restore_task(thread, &thread->tasks[i], error));
    }
    count_uncommitted(thread);
    thread->last_commit_ms = ksi_thread_now_ms(thread);
    thread->last_apply_ms = ksi_thread_now_ms(thread);
    thread->is_restored = !atomic_load(&thread->stop); /* else it may have been cut off */
    return KS_OK;
}
