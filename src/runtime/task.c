/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task.c - a task runs: takes one record at a time through its nodes, and flushes its stores. See
 * task.h.
 *
 *     enqueue -> record_queue -> partition_group -> source -> ... -> sink -> collector -> producer
 *                                                        |
 *                                                  stores -> changelog sinks -> collector
 *
 * An error that no handler took is kept: the task answers it from then on and does nothing more, so
 * that a record which failed can never be passed over by a later commit.
 */
#include "runtime/task_parts.h"

#include "base/crash_point.h"
#include "base/error.h"
#include "base/memory.h"
#include "runtime/patience.h"

/* ---- user code ------------------------------------------------------------------------------- */

/*
 * User code asked a value for another kind: the caller of the node is asked what to do, as Java
 * rethrows a ClassCastException.
 */
static void on_mismatch(void *owner, const char *message)
{
    ks_ctx *ctx = owner;
    if (!ksi_ctx_failed(ctx)) {
        const ksi_node *node = ctx->node != NULL ? ctx->node->node : NULL;
        ks_ctx_fail(ctx, "%s%s%s", message,
                    node != NULL && node->parent_count > 0 ? "; the record came from " : "",
                    node != NULL && node->parent_count > 0 ? node->parents[0]->name : "");
        ctx->failure = KSI_FAILURE_PASSING;
    }
}

ksi_mismatch_handler ksi_task_mismatch_handler(ksi_task *task)
{
    return (ksi_mismatch_handler){.fn = on_mismatch, .owner = &task->ctx};
}

ks_status ksi_task_run(ksi_task *task, ksi_user_code_fn *body, void *argument, ks_error *reason)
{
    ksi_mismatch_handler before = ksi_value_on_mismatch(on_mismatch, &task->ctx);
    ks_status status = body(task, argument, reason);
    (void)ksi_value_on_mismatch(before.fn, before.owner);
    return status;
}

/* ---- records --------------------------------------------------------------------------------- */

/*
 * Keeps the first error, for good, and answers it. Where the log only did not answer, nothing is
 * known to be wrong; but the record was half done, and doing it again would count in the stores
 * twice. So the task goes back to its last commit. @java TaskCorruptedException of a timeout
 */
static ks_status fail_task(ksi_task *task, const ks_error *reason, ks_error *error)
{
    if (!task->failed) {
        task->failed = true;
        task->error = *reason;
        if (ksi_is_retriable(reason)) {
            task->error.flags |= KS_ERROR_ABORT;
        }
    }
    if (error != NULL) {
        *error = task->error;
    }
    return task->error.code;
}

/* A topic name that lives as long as the task. */
static const char *intern_topic(ksi_task *task, const char *topic)
{
    const char *kept = ksi_map_get_cstr(task->topics, topic);
    if (kept == NULL) {
        char *copy = ksi_arena_strdup(&task->task_arena, topic);
        ksi_map_put_cstr(task->topics, topic, copy);
        kept = copy;
    }
    return kept;
}

typedef struct arrival {
    size_t input;
    const char *topic;
    const ks_log_record *record;
} arrival;

static ks_status enqueue(ksi_task *task, void *argument, ks_error *reason)
{
    const arrival *new = argument;
    return ksi_partition_group_enqueue(&task->group, new->input, new->topic, new->record, reason);
}

void ksi_task_enqueue(ksi_task *task, size_t input, const char *topic, const ks_log_record *record)
{
    const ksi_record_queue *queue = task->group.queues[input];
    ks_error reason;
    ksi_error_begin(&reason);
    if (task->failed) {
        return;
    }
    if (topic == NULL || strcmp(topic, queue->topic) == 0) {
        topic = queue->topic;
    } else {
        topic = intern_topic(task, topic);
    }
    arrival new = {.input = input, .topic = topic, .record = record};
    if (ksi_task_run(task, enqueue, &new, &reason) != KS_OK) {
        (void)fail_task(task, &reason, NULL);
    }
}

static void process_record(ksi_task *task, const ksi_record_queue *queue,
                           const ksi_stamped_record *record)
{
    ks_ctx *ctx = &task->ctx;
    bool keeps_source = ksi_error_handlers_keep_source(&task->handlers);
    ctx->record = (ksi_record_context){
        .topic = record->raw->topic,
        .partition = record->raw->record.partition,
        .offset = record->raw->record.offset,
        .timestamp = record->record.timestamp,
        .headers = record->record.headers,
        .source_key = keeps_source ? record->raw->record.key : ks_slice_null(),
        .source_value = keeps_source ? record->raw->record.value : ks_slice_null()};
    ctx->context_of = NULL;
    ctx->stream_time = task->group.stream_time;
    ksi_ctx_show_record(ctx, ctx->record.topic, ctx->record.offset);
    ksi_ctx_set_node(ctx, queue->source);
    queue->source->process(ctx, queue->source, &record->record);
    ksi_ctx_set_node(ctx, NULL);
}

/* ---- punctuations ---------------------------------------------------------------------------- */

typedef struct punctuating {
    ks_punctuation_type type;
    int64_t now_ms;
    bool punctuated;
} punctuating;

static void punctuate_one(ksi_task *task, const ksi_punctuation *due, int64_t now_ms)
{
    ks_ctx *ctx = &task->ctx;
    ctx->record = (ksi_record_context){.partition = -1, .offset = -1, .timestamp = now_ms};
    ctx->context_of = NULL;
    ctx->stream_time = task->group.stream_time;
    ksi_ctx_show_record(ctx, NULL, -1);
    ksi_ctx_set_node(ctx, due->node);
    due->punctuate(ctx, now_ms, due->user);
    ksi_ctx_settle_punctuation(ctx);
    ksi_ctx_set_node(ctx, NULL);
    ksi_arena_reset(&task->arena);
}

static ks_status punctuate_due(ksi_task *task, void *argument, ks_error *reason)
{
    punctuating *now = argument;
    const ksi_punctuation *due;
    while ((due = ksi_punctuations_take(&task->punctuations, now->type, now->now_ms)) != NULL) {
        punctuate_one(task, due, now->now_ms);
        ksi_punctuations_done(&task->punctuations, now->type, now->now_ms);
        now->punctuated = true;
        task->commit_needed = true;
        if (ksi_ctx_failed(&task->ctx)) {
            *reason = task->ctx.error;
            return reason->code;
        }
    }
    return KS_OK;
}

static bool is_due_by_stream_time(const ksi_task *task)
{
    return ksi_punctuations_due(&task->punctuations, KS_PUNCTUATION_STREAM_TIME) <=
               task->group.stream_time &&
           task->group.stream_time >= 0;
}

static ks_status punctuate_by_stream_time(ksi_task *task, ks_error *reason)
{
    punctuating now = {.type = KS_PUNCTUATION_STREAM_TIME, .now_ms = task->group.stream_time};
    return punctuate_due(task, &now, reason);
}

/* ---- the next record ------------------------------------------------------------------------- */

static ks_status process_next(ksi_task *task, void *argument, ks_error *reason)
{
    bool *processed = argument;
    ksi_record_queue *queue;
    ksi_stamped_record record;
    KS_TRY(ksi_partition_group_next(&task->group, &queue, &record, reason));
    if (queue == NULL) {
        return KS_OK;
    }
    *processed = true;
    if (!record.corrupted) {
        process_record(task, queue, &record);
    }
    ksi_record_queue_release(queue);
    ksi_arena_reset(&task->arena);
    task->commit_needed = true;
    if (ksi_ctx_failed(&task->ctx)) {
        *reason = task->ctx.error;
        return reason->code;
    }
    return is_due_by_stream_time(task) ? punctuate_by_stream_time(task, reason) : KS_OK;
}

ks_status ksi_task_process(ksi_task *task, bool *processed, ks_error *error)
{
    ks_error reason;
    ksi_error_begin(&reason);
    *processed = false;
    if (task->failed) {
        return fail_task(task, &reason, error);
    }
    if (task->group.buffered == 0 || !ksi_partition_group_ready(&task->group, task->ctx.clock)) {
        return KS_OK;
    }
    ks_status status = ksi_task_run(task, process_next, processed, &reason);
    return status == KS_OK ? KS_OK : fail_task(task, &reason, error);
}

/* ---- when it is time ------------------------------------------------------------------------- */

ks_status ksi_task_punctuate(ksi_task *task, ks_punctuation_type type, bool *punctuated,
                             ks_error *error)
{
    ks_error reason = {0};
    punctuating now = {.type = type, .now_ms = task->group.stream_time};
    int64_t due_ms = ksi_punctuations_due(&task->punctuations, type);
    *punctuated = false;
    if (task->failed) {
        return fail_task(task, &reason, error);
    }
    if (due_ms == KSI_NEVER_DUE) {
        return KS_OK; /* without a look at the clock */
    }
    if (type == KS_PUNCTUATION_WALL_CLOCK) {
        now.now_ms = ksi_wall_ms(task->ctx.clock);
    } else if (now.now_ms < 0) {
        return KS_OK;
    }
    if (due_ms > now.now_ms) {
        return KS_OK;
    }
    ks_status status = ksi_task_run(task, punctuate_due, &now, &reason);
    *punctuated = now.punctuated;
    return status == KS_OK ? KS_OK : fail_task(task, &reason, error);
}

int64_t ksi_task_wall_clock_due_ms(const ksi_task *task)
{
    return ksi_punctuations_due(&task->punctuations, KS_PUNCTUATION_WALL_CLOCK);
}

/* ---- flushing -------------------------------------------------------------------------------- */

static ks_status flush_stores(ksi_task *task, void *unused, ks_error *reason)
{
    ks_status status = KS_OK;
    (void)unused;
    for (size_t i = 0; status == KS_OK && i < task->store_count; i++) {
        status = ksi_store_flush(task->stores[i].store, reason);
        if (status != KS_OK && task->ctx.failure == KSI_FAILURE_FATAL) {
            reason->code = KS_E_PROCESSOR_STATE; /* a handler said fail: Java has a class for it */
        }
    }
    for (size_t i = 0; status == KS_OK && i < task->store_count; i++) {
        status = ksi_store_settle(task->stores[i].store, reason);
    }
    return status;
}

ks_status ksi_task_flush(ksi_task *task, ks_error *error)
{
    ks_error reason;
    ksi_error_begin(&reason);
    if (task->failed) {
        return fail_task(task, &reason, error);
    }
    ksi_ctx_show_record(&task->ctx, NULL, -1);
    ks_status status = ksi_task_run(task, flush_stores, NULL, &reason);
    ksi_arena_reset(&task->arena);
    return status == KS_OK ? KS_OK : fail_task(task, &reason, error);
}

/* ---- what the log refused later -------------------------------------------------------------- */

static ks_status lost_without_question(const ksi_task *task, const char *topic,
                                       const ks_log_record *record, const ks_error *reason,
                                       ks_error *error)
{
    (void)ksi_error_set(error, reason->code, topic,
                        "a record of task %s for partition %d was refused after it was sent, and "
                        "nothing may go on without it: %.300s",
                        task->ctx.task_id, (int)record->partition, reason->message);
    return ksi_error_flag(error, KS_ERROR_FATAL | reason->flags);
}

ks_status ksi_task_undelivered(ksi_task *task, uint32_t purpose, const char *topic,
                               const ks_log_record *record, const ks_error *reason, ks_error *error)
{
    const size_t node = purpose - KSI_SENT_RESULT;
    if (purpose < KSI_SENT_RESULT || node >= task->topology->node_count ||
        task->instances[node] == NULL) {
        return lost_without_question(task, topic, record, reason, error);
    }
    const ksi_unwritten result = {.stage = KS_FAILURE_SENDING, .topic = topic, .output = record};
    return ksi_handle_undelivered(&task->handlers, task->instances[node]->node->name, &result,
                                  reason, error);
}

ks_status ksi_task_send_letters(ksi_task *task, bool *any, ks_error *error)
{
    return ksi_error_handlers_send_letters(&task->handlers, any, error);
}

/* ---- the rows of its stores ------------------------------------------------------------------ */

static ksi_row_store *rows_of(const ksi_task_store *store)
{
    return store->rows->rows;
}

ks_status ksi_task_commit_unlogged(ksi_task *task, ks_error *error)
{
    for (size_t i = 0; i < task->store_count; i++) {
        if (task->stores[i].rows->changelog == NULL) {
            KS_TRY(ksi_row_store_commit(rows_of(&task->stores[i]), NULL, error));
        }
    }
    return KS_OK;
}

/* What was committed of the input that is a store's changelog; -1: nothing new. */
static int64_t input_offset(const ksi_task *task, const ksi_store_rows *rows)
{
    size_t input = ksi_task_input_of(task, rows->changelog);
    return input != SIZE_MAX ? ksi_task_offset(task, input) : -1;
}

/*
 * Where a store is in its changelog, now that what was appended is in the log, and the offsets of
 * the inputs are committed.
 */
static ksi_store_position position_of(const ksi_task *task, const ksi_task_store *store)
{
    ksi_store_position position = ksi_row_store_position(rows_of(store));
    bool is_input = store->rows->input_of != NULL;
    int64_t end =
        is_input ? input_offset(task, store->rows) : ksi_changelog_sink_end(&store->changelog);
    if (end >= 0) {
        position.offset = end;
        position.hash = is_input ? 0 : store->changelog.last_hash;
    }
    position.current_ms = ksi_wall_ms(task->ctx.clock);
    return position;
}

ks_status ksi_task_committed(ksi_task *task, ks_error *error)
{
    task->commit_needed = false;
    task->commit_requested = false;
    ksi_collector_committed(&task->collector);
    for (size_t i = 0; i < task->store_count; i++) {
        const ksi_task_store *store = &task->stores[i];
        ksi_store_position position = position_of(task, store);
        bool has_place = store->rows->changelog != NULL && position.offset >= 0;
        KS_TRY(ksi_row_store_commit(rows_of(store), has_place ? &position : NULL, error));
    }
    return KS_OK;
}

/* ---- what others ask ------------------------------------------------------------------------- */

size_t ksi_task_input_count(const ksi_task *task)
{
    return task->group.count;
}

const char *ksi_task_input_topic(const ksi_task *task, size_t input)
{
    return task->group.queues[input]->topic;
}

size_t ksi_task_input_of(const ksi_task *task, const char *topic)
{
    for (size_t i = 0; i < task->group.count; i++) {
        if (strcmp(task->group.queues[i]->topic, topic) == 0) {
            return i;
        }
    }
    for (size_t i = 0; i < task->group.count; i++) {
        const ksi_pattern *pattern = task->group.queues[i]->source->node->source.pattern;
        if (pattern != NULL && ksi_pattern_text(pattern) == task->group.queues[i]->topic &&
            ksi_pattern_matches(pattern, topic)) {
            return i;
        }
    }
    return SIZE_MAX;
}

const ksi_source *ksi_task_source_of(const ksi_task *task, size_t input)
{
    return &task->group.queues[input]->source->node->source;
}

size_t ksi_task_queued(const ksi_task *task, size_t input)
{
    return ksi_record_queue_size(task->group.queues[input]);
}

void ksi_task_set_caught_up(ksi_task *task, size_t input, bool caught_up)
{
    task->group.queues[input]->caught_up = caught_up;
}

int64_t ksi_task_offset(const ksi_task *task, size_t input)
{
    const ksi_record_queue *queue = task->group.queues[input];
    if (queue->next_offset < 0 || !queue->has_head) {
        return queue->next_offset;
    }
    return queue->head.raw->record.offset;
}

void ksi_task_forget_offset(ksi_task *task, size_t input)
{
    ksi_record_queue *queue = task->group.queues[input];
    KSI_ASSERT(!queue->has_head);
    queue->next_offset = -1;
}

int64_t ksi_task_partition_time(const ksi_task *task, size_t input)
{
    return task->group.queues[input]->partition_time;
}

void ksi_task_set_partition_time(ksi_task *task, size_t input, int64_t timestamp)
{
    ksi_partition_group_set_time(&task->group, input, timestamp);
}

int64_t *ksi_task_note(ksi_task *task, const char *name)
{
    for (size_t i = 0; i < task->note_count; i++) {
        if (strcmp(task->notes[i]->name, name) == 0) {
            return &task->notes[i]->number;
        }
    }
    ksi_commit_note *note = ksi_arena_alloc(&task->task_arena, sizeof *note);
    *note = (ksi_commit_note){.name = ksi_arena_strdup(&task->task_arena, name), .number = -1};
    task->notes = ksi_grow(task->notes, &task->note_capacity, task->note_count + 1,
                           sizeof(ksi_commit_note *));
    task->notes[task->note_count++] = note;
    return &note->number;
}

ksi_commit_notes ksi_task_notes(const ksi_task *task, ks_arena *arena)
{
    ksi_commit_notes notes = {
        .items = ksi_arena_alloc(arena, (task->note_count + 1) * sizeof *notes.items)};
    for (size_t i = 0; i < task->note_count; i++) {
        if (task->notes[i]->number >= 0) {
            notes.items[notes.count++] = *task->notes[i];
        }
    }
    return notes;
}

void ksi_task_take_notes(ksi_task *task, const ksi_commit_notes *notes)
{
    for (size_t i = 0; i < notes->count; i++) {
        int64_t *number = ksi_task_note(task, notes->items[i].name);
        if (*number < notes->items[i].number) {
            *number = notes->items[i].number;
        }
    }
}

bool ksi_task_commit_needed(const ksi_task *task)
{
    return task->commit_needed;
}

bool ksi_task_commit_requested(const ksi_task *task)
{
    return task->commit_requested;
}

uint64_t ksi_task_dropped_by(const ksi_task *task, ks_drop_reason reason)
{
    return task->ctx.dropped_by[reason];
}

ksi_task_activity ksi_task_activity_of(const ksi_task *task)
{
    const ks_ctx *ctx = &task->ctx;
    const ksi_node_instance *instance = __atomic_load_n(&ctx->node, __ATOMIC_RELAXED);
    return (ksi_task_activity){
        .node = instance != NULL ? instance->node->name : NULL,
        .topic = __atomic_load_n(&ctx->shown_topic, __ATOMIC_RELAXED),
        .partition = task->partition,
        .offset = __atomic_load_n(&ctx->shown_offset, __ATOMIC_RELAXED),
    };
}

uint64_t ksi_task_sent(const ksi_task *task)
{
    return task->collector.sent;
}

ksi_store *ksi_task_store_named(const ksi_task *task, const char *name)
{
    for (size_t i = 0; i < task->store_count; i++) {
        if (strcmp(task->stores[i].rows->spec->spec.name, name) == 0) {
            return task->stores[i].store;
        }
    }
    return NULL;
}

size_t ksi_task_store_count(const ksi_task *task)
{
    return task->store_count;
}

ksi_store *ksi_task_store_at(const ksi_task *task, size_t index)
{
    return task->stores[index].store;
}

void ksi_task_store_serdes(const ksi_task *task, size_t index, const ks_serde **key,
                           const ks_serde **value)
{
    *key = task->stores[index].key;
    *value = task->stores[index].value;
}
