/* SPDX-License-Identifier: Apache-2.0 */
/*
 * global_thread.c - see global_thread.h.
 *
 * A part is one partition of one store's topic, and a restore (restore.h) that does not end: once
 * all parts have reached the ends that were there at the beginning, records no longer go into the
 * rows but to the nodes. Where a store has a processor of the program's own they always do.
 *
 * Parts of a store share its rows. So wiping for one of them sends all the others back to their
 * beginnings, and positions of all are written behind the rows, with each apply.
 *
 * What a batch wrote is committed with it, in memory: nothing has to wait for anybody, as the topic
 * has it all. It goes to the disk like the rows of tasks do, when it is much or old.
 *
 * The tempting wrong way is a thread without a task, as in Java, whose restoring has a second copy
 * of deserializing, handlers and dropping, and differs from the first.
 *
 * Thread rule: see global_thread.h.
 */
#include "runtime/global_thread.h"

#include "base/error.h"
#include "base/memory.h"
#include "config/config.h"
#include "runtime/patience.h"
#include "runtime/restore.h"

#include <inttypes.h>
#include <string.h>

#define LOOK_MS 100 /* while restoring, should a partition say nothing */

typedef struct part {
    ksi_global_thread *thread;
    const ksi_store_rows *store;
    size_t input; /* of the task */
    ksi_input_progress *progress;
    ksi_restore restore;
    bool has_begun;
} part;

struct ksi_global_thread {
    ksi_global_thread_options options;
    char *name;
    ksi_consumer *consumer;
    ksi_task_rows *rows; /* NULL: closed */
    ksi_task *task;      /* NULL: ended */
    ksi_progress progress;
    ksi_patience_options puts_up;
    ksi_patience patience;
    part *parts; /* by store, then by partition */
    size_t count;
    bool has_begun;
    bool is_restored;
    bool has_unapplied;
    int64_t applied_ms;
    int64_t apply_interval_ms;
    atomic_bool stop;
    _Atomic uint64_t dropped_by[KS_DROP_REASON_COUNT];
};

/* ---- telling --------------------------------------------------------------------------------- */

static const char *store_name(const part *of)
{
    return of->store->spec->spec.name;
}

static void tell(const part *of, ks_restore_step step, int64_t records)
{
    const ksi_global_thread_options *options = &of->thread->options;
    const ksi_restore *restore = &of->restore;
    if (options->listener == NULL) {
        return;
    }
    const ks_restore_progress progress = {.step = step,
                                          .store = store_name(of),
                                          .topic = restore->changelog.topic,
                                          .partition = restore->changelog.partition,
                                          .position = restore->position.offset,
                                          .end = restore->end,
                                          .records = records};
    options->listener(&progress, options->user);
}

/* Whether the store was wiped, which is said once. */
static bool log_stale(part *of)
{
    ksi_restore *restore = &of->restore;
    if (restore->stale[0] == '\0') {
        return false;
    }
    ksi_log(of->thread->options.logger, KS_LOG_LEVEL_WARN, of->thread->name,
            "the local state of global store %s was wiped and is rebuilt from topic %s: of "
            "partition %d, %s",
            store_name(of), restore->changelog.topic, (int)restore->changelog.partition,
            restore->stale);
    restore->stale[0] = '\0';
    return true;
}

static void log_restored(const part *of)
{
    const ksi_restore *restore = &of->restore;
    ksi_log(of->thread->options.logger, KS_LOG_LEVEL_INFO, of->thread->name,
            "restored store %s, a global one, from %" PRId64 " records of topic %s, partition %d, "
            "beginning at offset %" PRId64,
            store_name(of), restore->read, restore->changelog.topic,
            (int)restore->changelog.partition, restore->from);
}

static void publish_counts(ksi_global_thread *thread)
{
    for (int reason = 0; reason < KS_DROP_REASON_COUNT; reason++) {
        atomic_store(&thread->dropped_by[reason],
                     ksi_task_dropped_by(thread->task, (ks_drop_reason)reason));
    }
}

/* The last thing of a turn: who reads it may rely on what stores and counts say then. */
static void publish_positions(ksi_global_thread *thread)
{
    for (size_t i = 0; i < thread->count; i++) {
        const part *of = &thread->parts[i];
        atomic_store(&of->progress->processed, of->restore.position.offset);
        atomic_store(&of->progress->committed, of->restore.position.offset);
    }
}

/* ---- records --------------------------------------------------------------------------------- */

/* Java's restoring passes over null keys in silence; what comes later is dropped and counted. */
static ks_status keep(void *owner, const ks_log_record *record, ks_error *error)
{
    const part *of = owner;
    ksi_global_thread *thread = of->thread;
    bool processed = false;
    if (record->key.data == NULL && !thread->is_restored) {
        return KS_OK;
    }
    ksi_task_enqueue(thread->task, of->input, NULL, record);
    KS_TRY(ksi_task_process(thread->task, &processed, error));
    ksi_store_lock_give_way(thread->rows->lock);
    return KS_OK;
}

/* ---- life ------------------------------------------------------------------------------------ */

static const ksi_store_rows *rows_of(const ksi_task_rows *rows, int subtopology)
{
    size_t i = 0;
    while (rows->stores[i].spec->subtopology != subtopology) {
        i++; /* each has one */
    }
    return &rows->stores[i];
}

static void init_part(ksi_global_thread *thread, part *of, ksi_input_progress *progress)
{
    const ksi_store_rows *store = rows_of(thread->rows, progress->subtopology);
    *of = (part){.thread = thread,
                 .store = store,
                 .input = ksi_task_input_of(thread->task, progress->at.topic),
                 .progress = progress,
                 .restore = {.transport = thread->options.transport,
                             .consumer = thread->consumer,
                             .changelog = progress->at,
                             .spec = &store->spec->spec,
                             .rows = store->rows,
                             .position_index = (size_t)progress->at.partition,
                             .clock = thread->options.clock,
                             .take = store->spec->reprocesses ? keep : NULL,
                             .owner = of}};
}

static void make_parts(ksi_global_thread *thread)
{
    ksi_progress_init_global(&thread->progress, thread->options.assignment);
    thread->options.assignment = NULL; /* another one may come */
    thread->count = thread->progress.count;
    thread->parts = ksi_calloc(thread->count + 1, sizeof *thread->parts);
    for (size_t i = 0; i < thread->count; i++) {
        init_part(thread, &thread->parts[i], &thread->progress.inputs[i]);
    }
    for (size_t i = 0; i < ksi_task_input_count(thread->task); i++) {
        ksi_task_set_caught_up(thread->task, i, true); /* what is queued is processed at once */
    }
}

static ks_status open_stores(ksi_global_thread *thread, ks_error *error)
{
    const ksi_global_thread_options *options = &thread->options;
    const ksi_task_rows_options rows = {.topology = options->topology,
                                        .id = {.subtopology = KSI_GLOBAL_STORES},
                                        .application_id = options->application_id,
                                        .state = options->state};
    thread->rows = ksi_task_rows_open(&rows, error);
    if (thread->rows == NULL) {
        return ksi_error_flag(error, 0); /* as the disk said */
    }
    const ksi_task_options task = {.topology = options->topology,
                                   .subtopology = KSI_GLOBAL_STORES,
                                   .config = options->config,
                                   .application_id = options->application_id,
                                   .rows = thread->rows,
                                   .global_rows = thread->rows,
                                   .clock = options->clock,
                                   .logger = options->logger,
                                   .failure = options->failure};
    thread->task = ksi_task_new(&task, error);
    return thread->task != NULL ? KS_OK : ksi_error_flag(error, 0); /* as the task said */
}

ksi_global_thread *ksi_global_thread_new(const ksi_global_thread_options *options, ks_error *error)
{
    ksi_consumer *consumer =
        options->transport->class->open_consumer(options->transport, KSI_READS_GLOBAL, error);
    if (consumer == NULL) {
        return NULL;
    }
    ksi_global_thread *thread = ksi_calloc(1, sizeof *thread);
    thread->options = *options;
    thread->name = ksi_strdup(options->name);
    thread->consumer = consumer;
    thread->apply_interval_ms = ksi_config_i64(options->config, "statestore.apply.interval.ms");
    thread->applied_ms = ksi_monotonic_ms(options->clock);
    thread->puts_up =
        (ksi_patience_options){.who = thread->name,
                               .clock = options->clock,
                               .logger = options->logger,
                               .timeout_ms = ksi_config_i64(options->config, "task.timeout.ms")};
    ksi_patience_init(&thread->patience, &thread->puts_up);
    atomic_init(&thread->stop, false);
    for (int reason = 0; reason < KS_DROP_REASON_COUNT; reason++) {
        atomic_init(&thread->dropped_by[reason], 0);
    }
    if (open_stores(thread, error) != KS_OK) {
        ksi_error_prefix(error, "opening the global stores: ");
        ksi_global_thread_free(thread);
        return NULL;
    }
    make_parts(thread);
    return thread;
}

const char *ksi_global_thread_name(const ksi_global_thread *thread)
{
    return thread->name;
}

const ksi_task_rows *ksi_global_thread_rows(const ksi_global_thread *thread)
{
    return thread->rows;
}

/* ---- restoring ------------------------------------------------------------------------------- */

static ks_status begin_part(part *of, ks_error *error)
{
    if (of->has_begun) {
        ksi_restore_end(&of->restore);
    }
    of->has_begun = true;
    return ksi_restore_begin(&of->restore, error);
}

/* Those of the same rows that had begun, but for the one that was wiped for. */
static ks_status begin_others_again(ksi_global_thread *thread, const part *one, ks_error *error)
{
    for (size_t i = 0; i < thread->count; i++) {
        part *of = &thread->parts[i];
        if (of != one && of->store == one->store && of->has_begun) {
            KS_TRY(begin_part(of, error));
        }
    }
    return KS_OK;
}

/* Positions are all known before the first wipe, which takes those that are known. */
static ks_status begin(ksi_global_thread *thread, ks_error *error)
{
    for (size_t i = 0; i < thread->count; i++) {
        const part *of = &thread->parts[i];
        KS_TRY(ksi_row_store_open_position(of->store->rows, of->restore.position_index, error));
    }
    for (size_t i = 0; i < thread->count; i++) {
        part *of = &thread->parts[i];
        KS_TRY(begin_part(of, error));
        if (log_stale(of)) {
            KS_TRY(begin_others_again(thread, of, error));
        }
    }
    for (size_t i = 0; i < thread->count; i++) {
        tell(&thread->parts[i], KS_RESTORE_START, 0);
    }
    thread->has_begun = true;
    return KS_OK;
}

static bool all_are_complete(const ksi_global_thread *thread)
{
    for (size_t i = 0; i < thread->count; i++) {
        if (!ksi_restore_is_complete(&thread->parts[i].restore)) {
            return false;
        }
    }
    return true;
}

/* From now on every record goes to the nodes. */
static ks_status end_restoring(ksi_global_thread *thread, ks_error *error)
{
    for (size_t i = 0; i < thread->count; i++) {
        part *of = &thread->parts[i];
        KS_TRY(ksi_restore_write(&of->restore, error));
        of->restore.take = keep;
        of->restore.follows = true;
        log_restored(of);
        tell(of, KS_RESTORE_END, of->restore.read);
    }
    thread->is_restored = true;
    thread->options.events.restored(thread->options.events.owner);
    return KS_OK;
}

/* ---- a turn ---------------------------------------------------------------------------------- */

static ks_status read_part(ksi_global_thread *thread, part *of, bool *progressed, ks_error *error)
{
    ksi_restore *restore = &of->restore;
    size_t count = 0;
    int64_t before = restore->read;
    if (!thread->is_restored && ksi_restore_is_complete(restore)) {
        return KS_OK; /* the others first */
    }
    if (ksi_restore_wants_begin(restore)) {
        *progressed = true;
        KS_TRY(ksi_restore_begin(restore, error));
        if (log_stale(of)) {
            KS_TRY(begin_others_again(thread, of, error));
        }
    }
    KS_TRY(ksi_restore_read(restore, &count, error));
    *progressed = *progressed || count > 0;
    if (!thread->is_restored && restore->read > before) {
        tell(of, KS_RESTORE_BATCH, restore->read - before);
    }
    return KS_OK;
}

/* What the nodes wrote is committed, and the stores know how far they are. */
static ks_status commit(ksi_global_thread *thread, ks_error *error)
{
    for (size_t i = 0; i < thread->count; i++) {
        part *of = &thread->parts[i];
        if (of->restore.take != NULL) {
            ksi_restore_settle(&of->restore);
            KS_TRY(ksi_row_store_commit(of->store->rows, NULL, error));
        }
    }
    thread->has_unapplied = true;
    return KS_OK;
}

static ks_status apply(ksi_global_thread *thread, ks_error *error)
{
    KS_TRY(commit(thread, error)); /* current until now */
    KS_TRY(ksi_task_rows_apply(thread->rows, error));
    thread->applied_ms = ksi_monotonic_ms(thread->options.clock);
    thread->has_unapplied = false;
    return KS_OK;
}

static int64_t until_apply_ms(const ksi_global_thread *thread)
{
    int64_t interval = thread->has_unapplied ? thread->apply_interval_ms : KSI_STAY_CURRENT_MS;
    int64_t left = thread->applied_ms + interval - ksi_monotonic_ms(thread->options.clock);
    return left > 0 ? left : 0;
}

/* With the store lock held. `*is_applied`: rows wait to be made durable. */
static ks_status turn(ksi_global_thread *thread, bool *progressed, bool *is_applied,
                      ks_error *error)
{
    if (!thread->has_begun) {
        *progressed = true;
        KS_TRY(begin(thread, error));
    }
    for (size_t i = 0; i < thread->count; i++) {
        KS_TRY(read_part(thread, &thread->parts[i], progressed, error));
        ksi_store_lock_give_way(thread->rows->lock);
    }
    if (*progressed) {
        KS_TRY(commit(thread, error));
        KS_TRY(ksi_task_rows_apply_full(thread->rows, error));
    }
    if (!thread->is_restored && all_are_complete(thread)) {
        *progressed = true;
        KS_TRY(end_restoring(thread, error));
    }
    *is_applied = thread->is_restored && until_apply_ms(thread) == 0;
    return *is_applied ? apply(thread, error) : KS_OK;
}

/*
 * Where the topics begin and end. Asked without the lock, and of all before one begins: what one of
 * them wipes the others begin again.
 */
static ks_status ask(ksi_global_thread *thread, ks_error *error)
{
    for (size_t i = 0; i < thread->count; i++) {
        ksi_restore *restore = &thread->parts[i].restore;
        if (ksi_restore_wants_begin(restore)) {
            KS_TRY(ksi_restore_ask(restore, error));
        }
    }
    return KS_OK;
}

static ks_status locked_turn(ksi_global_thread *thread, bool *progressed, ks_error *error)
{
    bool is_applied = false;
    ksi_store_lock_enter(thread->rows->lock);
    ks_status status = turn(thread, progressed, &is_applied, error);
    publish_counts(thread);
    if (status == KS_OK) {
        publish_positions(thread);
    }
    ksi_store_lock_leave(thread->rows->lock);
    if (status == KS_OK && is_applied) {
        status = ksi_task_rows_flush_disk(thread->rows, error); /* can be read meanwhile */
    }
    return status;
}

static void watch_all(ksi_global_thread *thread, bool watched)
{
    for (size_t i = 0; i < thread->count; i++) {
        ksi_restore_watch(&thread->parts[i].restore, watched);
    }
}

ks_status ksi_global_thread_step(ksi_global_thread *thread, bool *progressed, ks_error *error)
{
    ks_error reason = {0};
    bool was_waiting = thread->patience.since_ms >= 0;
    *progressed = false;
    if (!ksi_patience_is_due(&thread->patience)) {
        return KS_OK;
    }
    ks_status status = ask(thread, &reason);
    if (status == KS_OK) {
        status = locked_turn(thread, progressed, &reason);
    }
    if (status != KS_OK && ksi_is_retriable(&reason)) {
        *progressed = false;
        watch_all(thread, false); /* their records are no reason to wake up for meanwhile */
        return ksi_patience_fail(&thread->patience, &reason, error);
    }
    if (status != KS_OK) {
        *error = reason;
        return status;
    }
    ksi_patience_settle(&thread->patience);
    if (was_waiting) {
        watch_all(thread, true);
    }
    if (!*progressed) {
        thread->options.events.idle(thread->options.events.owner);
    }
    return KS_OK;
}

void ksi_global_thread_wait(ksi_global_thread *thread)
{
    bool is_waiting = !thread->is_restored || thread->patience.since_ms >= 0;
    thread->consumer->class->wait(thread->consumer, is_waiting ? LOOK_MS : until_apply_ms(thread));
}

/* ---- the end --------------------------------------------------------------------------------- */

static ks_status write_down(ksi_global_thread *thread, ks_error *error)
{
    for (size_t i = 0; thread->has_begun && i < thread->count; i++) {
        ksi_restore *restore = &thread->parts[i].restore;
        if (restore->take == NULL) {
            KS_TRY(ksi_restore_write(restore, error));
        }
    }
    return thread->has_begun ? apply(thread, error) : KS_OK;
}

/* With the store lock held, so that what a node's close reads is the thread's own. */
static void end_nodes(ksi_global_thread *thread)
{
    for (size_t i = 0; i < thread->count; i++) {
        part *of = &thread->parts[i];
        if (!of->has_begun) {
            continue;
        }
        if (thread->has_begun && !thread->is_restored) {
            tell(of, KS_RESTORE_SUSPENDED, of->restore.read);
        }
        ksi_restore_end(&of->restore);
    }
    thread->has_begun = false;
    ksi_task_free(thread->task);
    thread->task = NULL;
}

ks_status ksi_global_thread_finish(ksi_global_thread *thread, ks_error *error)
{
    if (thread->task == NULL) {
        return KS_OK;
    }
    ksi_store_lock_enter(thread->rows->lock);
    ks_status status = write_down(thread, error);
    publish_counts(thread);
    if (status == KS_OK) {
        publish_positions(thread);
    }
    end_nodes(thread);
    ksi_store_lock_leave(thread->rows->lock);
    return status;
}

void ksi_global_thread_abandon(ksi_global_thread *thread)
{
    if (thread->task != NULL) {
        ksi_store_lock_enter(thread->rows->lock);
        publish_counts(thread);
        end_nodes(thread);
        ksi_store_lock_leave(thread->rows->lock);
    }
}

void ksi_global_thread_close_stores(ksi_global_thread *thread)
{
    if (thread != NULL) {
        ksi_global_thread_abandon(thread);
        ksi_task_rows_close(thread->rows);
        thread->rows = NULL;
    }
}

void ksi_global_thread_free(ksi_global_thread *thread)
{
    if (thread == NULL) {
        return;
    }
    ksi_global_thread_close_stores(thread);
    thread->consumer->class->close(thread->consumer);
    ksi_free(thread->parts);
    ksi_progress_destroy(&thread->progress);
    ksi_free(thread->name);
    ksi_free(thread);
}

/* ---- others ---------------------------------------------------------------------------------- */

void ksi_global_thread_wake(ksi_global_thread *thread)
{
    thread->consumer->class->wake(thread->consumer);
}

void ksi_global_thread_stop(ksi_global_thread *thread)
{
    atomic_store(&thread->stop, true);
    ksi_global_thread_wake(thread);
}

bool ksi_global_thread_is_stopping(const ksi_global_thread *thread)
{
    return atomic_load(&thread->stop);
}

const ksi_progress *ksi_global_thread_progress(const ksi_global_thread *thread)
{
    return &thread->progress;
}

uint64_t ksi_global_thread_dropped(const ksi_global_thread *thread, ks_drop_reason reason)
{
    return atomic_load(&thread->dropped_by[reason]);
}
