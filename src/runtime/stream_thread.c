/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_thread.c - the loop of a thread; stream_thread.h has the invariants.
 *
 * A turn polls every input whose queue has room, processes up to a batch of each task, and commits
 * when commit.interval.ms is over, or as soon as the tasks have gathered as many uncommitted rows
 * as statestore.uncommitted.max.bytes allows, or a transaction more records than buffer.memory. The
 * bound of a queue is buffered.records.per.partition; a full queue's partition is not watched, so
 * that its records do not end a wait for which they are no work.
 *
 * Other threads may read the stores of a task. The thread has them for itself, by the task's store
 * lock, for a batch of records, and gives way between two of them to those who wait; likewise while
 * it flushes, commits and applies. It holds no such lock when it polls or sleeps, and one at most.
 *
 * Waiting. Without work the thread sleeps on its consumer: until records come, until a commit or a
 * punctuation is due, or, when records are queued that may not be processed yet (max.task.idle.ms),
 * for poll.ms. It never sleeps for less than a millisecond, and never polls in between.
 *
 * What belongs to a commit, and to rows that go to the disk, is in stream_thread_commit.c; how
 * tasks come and go, in stream_thread_tasks.c; what others learn, in stream_thread_look.c.
 *
 * Thread rule: see stream_thread.h; lock order in README.md.
 */
#include "runtime/stream_thread_parts.h"

#include "base/error.h"
#include "base/memory.h"
#include "config/clients.h"
#include "config/config.h"

#include <inttypes.h>

#define POLL_BATCH 256
#define PROCESS_BATCH 256
#define RECORDS_PER_LOOK 16 /* at the clock */
#define BATCH_NS 1000000    /* how long other tasks wait for a batch of slow records */

int64_t ksi_thread_now_ms(const ksi_stream_thread *thread)
{
    return ksi_monotonic_ms(thread->options.clock);
}

/* ---- life ------------------------------------------------------------------------------------ */

/*
 * How much a thread may have sent that is not in the log yet. Without transactions the threads
 * share a producer's memory, and a record that finds it full would wait in the middle of a task; so
 * a thread stops when most of its part is taken.
 */
static size_t pending_max_bytes(const ks_config *config, bool is_transactional)
{
    int64_t all = ksi_config_client_i64(config, KSI_CLIENT_PRODUCER, "buffer.memory");
    int32_t threads = ksi_config_i32(config, "num.stream.threads");
    return (size_t)(is_transactional || threads <= 0 ? all : all / threads * 3 / 4);
}

static void read_config(ksi_stream_thread *thread)
{
    const ks_config *config = thread->options.config;
    int32_t bound = ksi_config_i32(config, "buffered.records.per.partition");
    thread->queue_bound = bound > 0 ? (size_t)bound : 1;
    thread->poll_ms = ksi_config_i64(config, "poll.ms");
    thread->commit_interval_ms = ksi_config_i64(config, "commit.interval.ms");
    thread->apply_interval_ms = ksi_config_i64(config, "statestore.apply.interval.ms");
    thread->purge_interval_ms = ksi_config_i64(config, "repartition.purge.interval.ms");
    thread->uncommitted_max_bytes = ksi_config_i64(config, "statestore.uncommitted.max.bytes");
    thread->pending_max_bytes = pending_max_bytes(config, thread->options.transactional_id != NULL);
}

/*
 * In its own turn, as others may hold locks when the thread is made: with a transactional id the
 * log is asked to end what the one before it had open.
 */
static ks_status need_producer(ksi_stream_thread *thread, ks_error *error)
{
    ksi_transport *transport = thread->options.transport;
    if (thread->producer != NULL) {
        return KS_OK;
    }
    const ksi_producer_options options = {.transactional_id = thread->options.transactional_id,
                                          .undelivered = ksi_thread_undelivered,
                                          .owner = thread};
    thread->producer = transport->class->open_producer(transport, &options, error);
    return thread->producer != NULL ? KS_OK : ksi_error_flag(error, 0); /* as it said */
}

ksi_stream_thread *ksi_stream_thread_new(const ksi_stream_thread_options *options, ks_error *error)
{
    ksi_stream_thread *thread = ksi_calloc(1, sizeof *thread);
    thread->options = *options;
    ksi_arena_init(&thread->arena, 0);
    ksi_arena_init(&thread->commit_arena, 0);
    ksi_mailbox_init(&thread->mailbox);
    ksi_mutex_init(&thread->look_lock);
    thread->ending_ms = -1;
    thread->options.name = ksi_arena_strdup(&thread->arena, options->name);
    thread->options.transactional_id = ksi_arena_strdup(&thread->arena, options->transactional_id);
    thread->send_at_ns = -1;
    read_config(thread);
    thread->puts_up =
        (ksi_patience_options){.who = thread->options.name,
                               .clock = options->clock,
                               .logger = options->logger,
                               .timeout_ms = ksi_config_i64(options->config, "task.timeout.ms")};
    ksi_patience_init(&thread->patience, &thread->puts_up);
    thread->goes_back = thread->puts_up;
    thread->goes_back.backs_off = true;
    thread->goes_back.logger = NULL; /* each time is a line of its own */
    ksi_patience_init(&thread->going_back, &thread->goes_back);
    atomic_init(&thread->stop, false);
    atomic_init(&thread->cache_bytes, options->cache_bytes);
    atomic_init(&thread->turn_began_ns, -1);
    if (options->cache_bytes >= 0) {
        thread->cache = ksi_record_cache_new(options->cache_bytes);
    }
    thread->consumer =
        options->transport->class->open_consumer(options->transport, KSI_READS_INPUT, error);
    if (thread->consumer == NULL) {
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
    ksi_mutex_destroy(&thread->look_lock);
    ksi_mailbox_destroy(&thread->mailbox);
    ksi_free(thread->tasks);
    ksi_free(thread->arriving);
    ksi_free(thread->offsets);
    ksi_arena_destroy(&thread->commit_arena);
    ksi_arena_destroy(&thread->arena);
    ksi_free(thread);
}

const char *ksi_stream_thread_name(const ksi_stream_thread *thread)
{
    return thread->options.name;
}

/* ---- a turn ---------------------------------------------------------------------------------- */

static void watch(ksi_stream_thread *thread, ksi_thread_input *input, bool watched)
{
    if (input->watched != watched) {
        input->watched = watched;
        thread->consumer->class->watch(thread->consumer, input->slot, watched);
    }
}

/*
 * A log forgets what groups committed of a topic that is deleted. So where there still is such an
 * offset the topic was never gone, whatever was heard meanwhile, and else the reset policy decides,
 * as it does when the records an input stood before are not there.
 */
static ks_status find_begin_again(const ksi_stream_thread *thread, const ksi_task *task,
                                  const ksi_thread_input *input, ksi_begin *begin, ks_error *error)
{
    const ksi_source *source = ksi_task_source_of(task, input->input);
    const ksi_offset_rules rules = ksi_thread_offset_rules(thread);
    int64_t position = thread->consumer->class->position(thread->consumer, input->slot);
    if (!input->is_missing) {
        return ksi_begin_again(&rules, input->at, source, position, begin, error);
    }
    KS_TRY(ksi_begin_offset(&rules, input->at, source, begin, error));
    ksi_log(thread->options.logger, KS_LOG_LEVEL_WARN, input->at.topic,
            "the topic was not there for a while; partition %d was read up to offset %" PRId64
            " before, and is read on at offset %" PRId64,
            (int)input->at.partition, position, begin->offset);
    return KS_OK;
}

/* What was queued is processed before: what comes next may be records of another topic. */
static ks_status begin_again(ksi_stream_thread *thread, ksi_task *task, ksi_thread_input *input,
                             ks_error *error)
{
    ksi_consumer *consumer = thread->consumer;
    ksi_begin begin = {0};
    if (ksi_task_queued(task, input->input) > 0) {
        watch(thread, input, false);
        return KS_OK;
    }
    KS_TRY(find_begin_again(thread, task, input, &begin, error));
    size_t former = input->slot;
    consumer->class->unassign(consumer, former);
    KS_TRY(consumer->class->assign(consumer, input->at, begin.offset, &input->slot, error));
    ksi_task_forget_offset(task, input->input);
    input->is_astray = false;
    input->is_at_end = false;
    input->is_missing = false;
    input->watched = true;
    input->committed = -1; /* whatever it is, it is not of these records */
    input->purged = 0;
    if (input->progress != NULL) {
        atomic_store(&input->progress->processed, begin.offset);
        atomic_store(&input->progress->committed, begin.offset);
    }
    return KS_OK;
}

void ksi_thread_miss(ksi_stream_thread *thread, ksi_thread_input *input)
{
    input->is_astray = true;
    input->is_missing = true;
    thread->options.events.missing(thread->options.events.owner);
}

/* Moves up to a batch from the log into the queue of one input. */
static ks_status poll_input(ksi_stream_thread *thread, ksi_task *task, ksi_thread_input *input,
                            size_t *polled, ks_error *error)
{
    ksi_consumer *consumer = thread->consumer;
    ks_log_record batch[POLL_BATCH];
    size_t room = thread->queue_bound - ksi_task_queued(task, input->input);
    size_t count = 0;
    if (input->is_astray) {
        return begin_again(thread, task, input, error);
    }
    ks_status status = consumer->class->poll(consumer, input->slot, batch,
                                             room < POLL_BATCH ? room : POLL_BATCH, &count, error);
    if (status == KS_E_OUT_OF_RANGE) {
        (*polled)++;
        input->is_astray = true;
        return KS_OK;
    }
    if (status == KS_E_UNKNOWN_TOPIC) {
        ksi_thread_miss(thread, input);
    }
    KS_TRY(status);
    for (size_t i = 0; i < count; i++) {
        ksi_task_enqueue(task, input->input, NULL, &batch[i]);
    }
    input->is_at_end = consumer->class->position(consumer, input->slot) >=
                       consumer->class->end_offset(consumer, input->slot);
    ksi_task_set_caught_up(task, input->input, input->is_at_end);
    *polled += count;
    return KS_OK;
}

/* While the log does not answer for one input, the others go on. */
static ks_status fill_queue(ksi_stream_thread *thread, ksi_task *task, ksi_thread_input *input,
                            size_t *polled, ks_error *error)
{
    bool has_room = ksi_task_queued(task, input->input) < thread->queue_bound;
    bool is_due = ksi_patience_is_due(&input->patience);
    watch(thread, input, has_room && is_due);
    if (!has_room || !is_due) {
        return KS_OK;
    }
    ks_error reason;
    ksi_error_begin(&reason);
    ks_status status = poll_input(thread, task, input, polled, &reason);
    if (status == KS_OK) {
        ksi_patience_settle(&input->patience);
        return KS_OK;
    }
    if (input->is_missing) {
        /* Whoever looks at the topics may find that it is no input any more, or there again. */
        ksi_thread_miss(thread, input);
        reason.flags |= KS_ERROR_RETRIABLE;
    }
    if (ksi_is_retriable(&reason)) {
        watch(thread, input, false);
        return ksi_patience_fail(&input->patience, &reason, error);
    }
    *error = reason;
    return status;
}

/* Whether there are as many uncommitted rows as there may be. */
static bool is_full(const ksi_stream_thread *thread)
{
    return thread->uncommitted_max_bytes >= 0 &&
           thread->uncommitted_bytes > thread->uncommitted_max_bytes;
}

/* The same for records that are not in the log: they have to get there before there are more. */
static bool is_sent_full(const ksi_stream_thread *thread)
{
    return thread->producer->class->pending_bytes(thread->producer) > thread->pending_max_bytes;
}

/* Whether a batch has lasted long enough, or a commit is due. */
static bool is_time(const ksi_stream_thread *thread, int64_t began_ns)
{
    int64_t now_ns = thread->options.clock->monotonic_ns(thread->options.clock);
    return now_ns - began_ns > BATCH_NS || ksi_thread_commit_due(thread, now_ns / 1000000) ||
           is_sent_full(thread);
}

/*
 * Processes up to a batch of a task. A slow callback makes a batch long: a stop, a wish for a
 * commit, and too many uncommitted rows, are seen after each record, the clock every few.
 */
static ks_status process_batch(ksi_stream_thread *thread, ksi_thread_task *task, size_t *processed,
                               ks_error *error)
{
    ksi_task_rows *rows = task->handle->rows;
    const int64_t others = thread->uncommitted_bytes - ksi_task_rows_uncommitted_bytes(rows);
    const int64_t began_ns = thread->options.clock->monotonic_ns(thread->options.clock);
    for (size_t i = 0; i < PROCESS_BATCH; i++) {
        bool one = false;
        if (atomic_load_explicit(&thread->stop, memory_order_relaxed) || is_full(thread) ||
            (i % RECORDS_PER_LOOK == RECORDS_PER_LOOK - 1 && is_time(thread, began_ns))) {
            return KS_OK;
        }
        KS_TRY(ksi_task_process(task->task, &one, error));
        if (!one) {
            return KS_OK;
        }
        (*processed)++;
        thread->uncommitted_bytes = others + ksi_task_rows_uncommitted_bytes(rows);
        ksi_store_lock_give_way(rows->lock);
        if (ksi_task_commit_requested(task->task)) {
            return KS_OK;
        }
    }
    return KS_OK;
}

/* What is due by either time; it may write rows as a record may. */
static ks_status punctuate(ksi_stream_thread *thread, ksi_thread_task *task, size_t *work,
                           ks_error *error)
{
    const int64_t others =
        thread->uncommitted_bytes - ksi_task_rows_uncommitted_bytes(task->handle->rows);
    bool by_stream_time = false;
    bool by_wall_clock = false;
    KS_TRY(ksi_task_punctuate(task->task, KS_PUNCTUATION_STREAM_TIME, &by_stream_time, error));
    KS_TRY(ksi_task_punctuate(task->task, KS_PUNCTUATION_WALL_CLOCK, &by_wall_clock, error));
    if (by_stream_time || by_wall_clock) {
        thread->uncommitted_bytes = others + ksi_task_rows_uncommitted_bytes(task->handle->rows);
        (*work)++;
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
    if (atomic_load_explicit(thread->options.paused, memory_order_relaxed) ||
        is_sent_full(thread)) {
        return KS_OK;
    }
    ksi_thread_hold(thread, task);
    ksi_store_lock_enter(task->handle->rows->lock);
    ks_status status = process_batch(thread, task, &processed, error);
    if (status == KS_OK) {
        status = punctuate(thread, task, work, error);
    }
    ksi_store_lock_leave(task->handle->rows->lock);
    ksi_thread_hold(thread, NULL);
    atomic_fetch_add(&thread->processed, processed);
    *work += processed;
    ksi_thread_publish_task(thread, task);
    return status;
}

/* Sees to it that what was sent is seen soon. In a transaction the commit does. */
static ks_status send_due(ksi_stream_thread *thread, ks_error *error)
{
    ksi_producer *producer = thread->producer;
    if (thread->options.transactional_id != NULL) {
        return KS_OK;
    }
    int64_t now_ns = thread->options.clock->monotonic_ns(thread->options.clock);
    return producer->class->poll(producer, now_ns, &thread->send_at_ns, error);
}

static ks_status commit_if_full(ksi_stream_thread *thread, ks_error *error)
{
    bool is_transaction_full = thread->options.transactional_id != NULL && is_sent_full(thread);
    return is_full(thread) || is_transaction_full ? ksi_thread_commit(thread, error) : KS_OK;
}

static ks_status turn_of_tasks(ksi_stream_thread *thread, size_t *work, ks_error *error)
{
    for (size_t i = 0; i < thread->task_count; i++) {
        KS_TRY(turn_of_task(thread, thread->tasks[i], work, error));
        KS_TRY(commit_if_full(thread, error));
    }
    return KS_OK;
}

/* What was begun comes first: a commit under way, tasks that come and go. */
static ks_status take_turn(ksi_stream_thread *thread, size_t *work, ks_error *error)
{
    KS_TRY(need_producer(thread, error));
    if (thread->commit_step != KSI_COMMIT_NONE) {
        (*work)++;
        KS_TRY(ksi_thread_commit(thread, error));
    }
    KS_TRY(ksi_thread_move_tasks(thread, work, error));
    KS_TRY(turn_of_tasks(thread, work, error));
    ksi_thread_publish_counts(thread);
    KS_TRY(send_due(thread, error));
    KS_TRY(ksi_thread_maybe_commit(thread, work, error));
    KS_TRY(ksi_thread_maybe_apply(thread, error));
    ksi_thread_maybe_purge(thread);
    return KS_OK;
}

static void log_lost(const ksi_stream_thread *thread, const ks_error *reason)
{
    ksi_log(
        thread->options.logger, KS_LOG_LEVEL_WARN, thread->options.name,
        "a commit was refused: what this thread did since the last one is dropped, and the group "
        "is asked whose its tasks are now: %s",
        reason->message);
}

/*
 * What it had belongs to others. It begins anew with nothing, as a member that just joined; and
 * after a pause when the session goes on, for then another producer may be fencing it for ever.
 */
static void lose_tasks(ksi_stream_thread *thread, const ks_error *reason)
{
    log_lost(thread, reason);
    thread->options.events.fenced(thread->options.events.owner); /* before they are given again */
    ksi_thread_return_all(thread, false);
    if (ksi_group_session_generation(thread->options.session, thread->session, &thread->generation,
                                     NULL) == KS_OK) {
        ksi_patience_pause(&thread->going_back);
    }
}

/*
 * A result could not be sent, and the production handler said: once more; or a transaction is void.
 * What was done since the last commit is dropped; the owner gives the tasks again. @java
 * TaskCorruptedException
 *
 * What lasts would come to the same point again and again: so it begins after a pause, and not for
 * longer than task.timeout.ms without a commit in between. A failure so long after the last one is
 * no more of the same, for perhaps there was nothing to commit.
 */
static ks_status go_back(ksi_stream_thread *thread, const ks_error *reason, ks_error *error)
{
    char text[sizeof *reason + 64];
    ksi_patience *patience = &thread->going_back;
    ksi_thread_return_all(thread, false);
    if (ksi_thread_now_ms(thread) - patience->again_ms > patience->options->timeout_ms) {
        ksi_patience_settle(patience);
    }
    KS_TRY(ksi_patience_fail(patience, reason, error));
    ksi_log(thread->options.logger, KS_LOG_LEVEL_WARN, thread->options.name,
            "what was done since the last commit is dropped, and all tasks of this thread go back "
            "to it: %s",
            ks_error_text(reason, text, sizeof text));
    return KS_OK;
}

/* What becomes of the thread after a turn that failed; KS_OK: it goes on. */
static ks_status recover(ksi_stream_thread *thread, const ks_error *reason, size_t *work,
                         ks_error *error)
{
    if (reason->code == KS_E_FENCED) {
        (*work)++;
        lose_tasks(thread, reason);
        return KS_OK;
    }
    if ((reason->flags & KS_ERROR_ABORT) != 0) {
        (*work)++;
        return go_back(thread, reason, error);
    }
    *work = 0;
    if (ksi_is_retriable(reason)) {
        return ksi_patience_fail(&thread->patience, reason, error);
    }
    *error = *reason;
    return reason->code;
}

/* Until when there is nothing to do but to read the mail. */
static int64_t pauses_until_ms(const ksi_stream_thread *thread)
{
    const ksi_patience *log = &thread->patience;
    const ksi_patience *back = &thread->going_back;
    int64_t log_ms = ksi_patience_is_due(log) ? INT64_MIN : log->again_ms;
    int64_t back_ms = ksi_patience_is_due(back) ? INT64_MIN : back->again_ms;
    return log_ms > back_ms ? log_ms : back_ms;
}

static ks_status turn(ksi_stream_thread *thread, size_t *work, ks_error *error)
{
    ks_error reason;
    ksi_error_begin(&reason);
    ks_status status = ksi_thread_read_mail(thread, work, &reason);
    if (status == KS_OK && pauses_until_ms(thread) != INT64_MIN) {
        return KS_OK;
    }
    if (status == KS_OK) {
        status = take_turn(thread, work, &reason);
    }
    if (status != KS_OK) {
        return recover(thread, &reason, work, error);
    }
    ksi_patience_settle(&thread->patience);
    if (*work == 0 && ksi_thread_is_at_end(thread)) {
        thread->options.events.idle(thread->options.events.owner);
    }
    return KS_OK;
}

ks_status ksi_stream_thread_step(ksi_stream_thread *thread, bool *progressed, ks_error *error)
{
    size_t work = 0;
    atomic_store(&thread->turn_began_ns,
                 thread->options.clock->monotonic_ns(thread->options.clock));
    ks_status status = turn(thread, &work, error);
    atomic_store(&thread->turn_began_ns, -1);
    *progressed = work > 0;
    return status;
}

/* ---- waiting --------------------------------------------------------------------------------- */

bool ksi_thread_is_at_end(const ksi_stream_thread *thread)
{
    for (size_t t = 0; t < thread->task_count; t++) {
        const ksi_thread_task *task = thread->tasks[t];
        for (size_t i = 0; i < task->input_count; i++) {
            if (!task->inputs[i].is_at_end) {
                return false;
            }
        }
    }
    return true;
}

static bool has_queued(const ksi_stream_thread *thread)
{
    for (size_t t = 0; t < thread->task_count; t++) {
        const ksi_thread_task *task = thread->tasks[t];
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

/* When the first punctuation is due by the wall clock, as this thread's time; -1: none is. */
static int64_t punctuation_due_ms(const ksi_stream_thread *thread)
{
    int64_t due_ms = INT64_MAX;
    for (size_t i = 0; i < thread->task_count; i++) {
        int64_t one_ms = ksi_task_wall_clock_due_ms(thread->tasks[i]->task);
        due_ms = one_ms < due_ms ? one_ms : due_ms;
    }
    if (due_ms == INT64_MAX || atomic_load_explicit(thread->options.paused, memory_order_relaxed)) {
        return -1;
    }
    int64_t left_ms = due_ms - ksi_wall_ms(thread->options.clock);
    return ksi_thread_now_ms(thread) + (left_ms > 0 ? left_ms : 0);
}

/* When the first input may be asked again that did not answer; negative: all do. */
static int64_t input_due_ms(const ksi_stream_thread *thread)
{
    int64_t due_ms = -1;
    for (size_t t = 0; t < thread->task_count; t++) {
        const ksi_thread_task *task = thread->tasks[t];
        for (size_t i = 0; i < task->input_count; i++) {
            const ksi_patience *patience = &task->inputs[i].patience;
            if (patience->since_ms >= 0 && (due_ms < 0 || patience->again_ms < due_ms)) {
                due_ms = patience->again_ms;
            }
        }
    }
    return due_ms;
}

/* Records are no reason to wake up for while the log makes it wait. */
static void wait_out(ksi_stream_thread *thread)
{
    for (size_t t = 0; t < thread->task_count; t++) {
        for (size_t i = 0; i < thread->tasks[t]->input_count; i++) {
            watch(thread, &thread->tasks[t]->inputs[i], false);
        }
    }
    thread->consumer->class->wait(thread->consumer,
                                  no_later_than(thread, -1, pauses_until_ms(thread)));
}

void ksi_stream_thread_wait(ksi_stream_thread *thread)
{
    if (pauses_until_ms(thread) != INT64_MIN) {
        wait_out(thread);
        return;
    }
    int64_t input_ms = input_due_ms(thread);
    int64_t punctuation_ms = punctuation_due_ms(thread);
    int64_t timeout_ms = -1;
    if (thread->send_at_ns >= 0) {
        timeout_ms = no_later_than(thread, timeout_ms, thread->send_at_ns / 1000000 + 1);
    }
    if (ksi_thread_needs_commit(thread)) {
        timeout_ms = no_later_than(thread, timeout_ms,
                                   thread->last_commit_ms + thread->commit_interval_ms + 1);
    }
    if (thread->options.keeps_state && thread->task_count > 0) {
        timeout_ms = no_later_than(thread, timeout_ms, ksi_thread_current_due_ms(thread));
    }
    if (input_ms >= 0) {
        timeout_ms = no_later_than(thread, timeout_ms, input_ms);
    }
    if (punctuation_ms >= 0) {
        timeout_ms = no_later_than(thread, timeout_ms, punctuation_ms);
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

/* ---- the end --------------------------------------------------------------------------------- */

void ksi_stream_thread_return_mail(ksi_stream_thread *thread)
{
    ksi_message message;
    while (ksi_mailbox_take(&thread->mailbox, &message)) {
        if (message.kind == KSI_THREAD_GIVE) {
            ksi_task_handle *handle = message.what;
            handle->is_clean = true;
            thread->options.events.returned(thread->options.events.owner, handle);
        }
    }
}

static void end(ksi_stream_thread *thread, bool is_clean)
{
    if (thread->finished) {
        return;
    }
    thread->finished = true;
    atomic_store(&thread->stop, true); /* nobody gives it more, but what is on its way */
    ksi_thread_return_all(thread, is_clean);
    ksi_stream_thread_return_mail(thread);
    ksi_thread_publish_counts(thread);
    ksi_record_cache_free(thread->cache);
    thread->cache = NULL;
}

void ksi_stream_thread_abandon(ksi_stream_thread *thread)
{
    end(thread, false);
}

/* How long a thread that is to end puts up with a log that does not answer. */
#define MOST_ENDING_MS 10000

/* Whether it may still wait: then the next try is due in a while. */
static bool may_wait(ksi_stream_thread *thread)
{
    int64_t now_ms = ksi_thread_now_ms(thread);
    if (thread->ending_ms < 0) {
        thread->ending_ms = now_ms;
    }
    return now_ms - thread->ending_ms < MOST_ENDING_MS;
}

static ks_status settle_all(ksi_stream_thread *thread, ks_error *error)
{
    if (thread->commit_step != KSI_COMMIT_NONE || ksi_thread_needs_commit(thread)) {
        KS_TRY(ksi_thread_commit(thread, error));
    }
    return thread->options.keeps_state ? ksi_thread_apply(thread, error) : KS_OK;
}

/* The group went on without this member: its tasks are with others, or will be. */
static bool is_out_of_group(const ks_error *reason)
{
    bool in_rebalance = (reason->flags & (KS_ERROR_RETRIABLE | KS_ERROR_ABORT)) != 0;
    return reason->code == KS_E_FENCED || (reason->code == KS_E_STATE && in_rebalance);
}

ks_status ksi_stream_thread_finish(ksi_stream_thread *thread, bool *finished, ks_error *error)
{
    ks_status status = KS_OK;
    ks_error reason = {0};
    *finished = false;
    if (!thread->finished && !ksi_patience_is_due(&thread->patience)) {
        return KS_OK;
    }
    if (!thread->finished) {
        status = settle_all(thread, &reason);
    }
    if (status != KS_OK && ksi_is_retriable(&reason) && may_wait(thread) &&
        ksi_patience_fail(&thread->patience, &reason, &reason) == KS_OK) {
        return KS_OK;
    }
    *finished = true;
    end(thread, status == KS_OK);
    if (status != KS_OK && ksi_is_retriable(&reason)) {
        ksi_error_prefix(&reason, "gave up when it was to end; what was not committed will be "
                                  "processed again: ");
    }
    if (status != KS_OK && is_out_of_group(&reason)) {
        /* No failure: whoever has its tasks next goes on from the last commit. */
        log_lost(thread, &reason);
        thread->options.events.fenced(thread->options.events.owner);
        return KS_OK;
    }
    if (status != KS_OK) {
        *error = reason;
    }
    return status;
}
