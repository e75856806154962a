/* SPDX-License-Identifier: Apache-2.0 */
/*
 * restorer.c - see restorer.h.
 *
 * A job is a task and one restore for each of its stores with a changelog. Jobs take turns, and
 * within a job its stores do: one batch each, so that a big store does not hold up a small one.
 *
 * An active task is complete when all its stores have reached the end that their changelogs had
 * when it was looked last, and a last look shows no more: who wrote them before has given the task
 * up, so the end does not move any longer.
 *
 * Rows are written, with their positions behind them, before a task is given back, also when it is
 * called back in the middle: what was read need not be read again.
 *
 * Thread rule: see restorer.h.
 */
#include "runtime/restorer.h"

#include "base/error.h"
#include "base/memory.h"
#include "runtime/patience.h"
#include "runtime/restore.h"

#include <inttypes.h>

#define STANDBY_WRITE_MS 1000
#define STANDBY_LOOK_MS 100   /* how often the end of a changelog is asked for */
#define HELD_UP_MS 3000       /* by a transaction, until that is told */
#define HELD_UP_LONG_MS 60000 /* until it is told to be no good sign */

enum { GIVE, CALL_BACK, PROMOTE };

typedef struct job {
    ksi_task_handle *task;
    ksi_restore *restores; /* one for each store of the task; those without a topic are unused */
    size_t begun;          /* restores below this index have begun */
    ksi_patience patience;
    int64_t written_ms;
    int64_t looked_ms;
    int64_t advanced_ms; /* when a position last moved */
    int64_t told_ms;     /* and how long after that it was told that none does */
} job;

struct ksi_restorer {
    ksi_restorer_options options;
    ksi_patience_options puts_up;
    ksi_mailbox mailbox;
    ksi_consumer *consumer;
    atomic_bool stop;
    job **jobs;
    size_t count;
    size_t capacity;
};

ksi_restorer *ksi_restorer_new(const ksi_restorer_options *options, ks_error *error)
{
    ksi_consumer *consumer =
        options->transport->class->open_consumer(options->transport, KSI_READS_CHANGELOG, error);
    if (consumer == NULL) {
        return NULL;
    }
    ksi_restorer *restorer = ksi_calloc(1, sizeof *restorer);
    restorer->options = *options;
    restorer->puts_up = (ksi_patience_options){.who = options->name,
                                               .clock = options->clock,
                                               .logger = options->logger,
                                               .timeout_ms = options->task_timeout_ms};
    restorer->consumer = consumer;
    ksi_mailbox_init(&restorer->mailbox);
    atomic_init(&restorer->stop, false);
    return restorer;
}

/* ---- telling --------------------------------------------------------------------------------- */

static void tell(const ksi_restorer *restorer, const job *of, size_t store, ks_restore_step step,
                 int64_t records)
{
    const ksi_restore *restore = &of->restores[store];
    if (restorer->options.listener == NULL) {
        return;
    }
    const ks_restore_progress progress = {.step = step,
                                          .store = of->task->rows->stores[store].spec->spec.name,
                                          .topic = restore->changelog.topic,
                                          .partition = restore->changelog.partition,
                                          .position = restore->position.offset,
                                          .end = restore->end,
                                          .records = records};
    restorer->options.listener(&progress, restorer->options.user);
}

static void log_stale(const ksi_restorer *restorer, const job *of, size_t store)
{
    ksi_restore *restore = &of->restores[store];
    if (restore->stale[0] == '\0') {
        return;
    }
    ksi_log(restorer->options.logger, KS_LOG_LEVEL_WARN, restorer->options.name,
            "the local state of store %s of task %s was wiped and is rebuilt from its "
            "changelog: %s",
            of->task->rows->stores[store].spec->spec.name, of->task->name, restore->stale);
    restore->stale[0] = '\0';
}

static void log_restored(const ksi_restorer *restorer, const job *of, size_t store)
{
    const ksi_restore *restore = &of->restores[store];
    ksi_log(restorer->options.logger, KS_LOG_LEVEL_INFO, restorer->options.name,
            "restored store %s of task %s from %" PRId64 " changelog records, beginning at offset "
            "%" PRId64,
            of->task->rows->stores[store].spec->spec.name, of->task->name, restore->read,
            restore->from);
}

static void log_held_up(const ksi_restorer *restorer, const job *of, size_t store, bool is_long)
{
    const ksi_restore *restore = &of->restores[store];
    ksi_log(restorer->options.logger, is_long ? KS_LOG_LEVEL_WARN : KS_LOG_LEVEL_INFO,
            restorer->options.name,
            "store %s of task %s waits for the end of a transaction: %s-%d ends at offset %" PRId64
            ", and from %" PRId64 " on nothing is decided; %s",
            of->task->rows->stores[store].spec->spec.name, of->task->name, restore->changelog.topic,
            (int)restore->changelog.partition, restore->end, restore->position.offset,
            is_long ? "unless transaction.timeout.ms is as long as that, the brokers have "
                      "forgotten it: kafka-transactions.sh finds it (find-hanging) and ends it "
                      "(abort)"
                    : "who began it may have been killed, and then the broker ends it when its "
                      "transaction.timeout.ms is over");
}

/* ---- jobs ------------------------------------------------------------------------------------ */

static bool has_changelog(const job *of, size_t store)
{
    return of->restores[store].changelog.topic != NULL;
}

/* Ends a job, which is in no list any more; tells why it ended before the end, if it did. */
static void end_job(ksi_restorer *restorer, job *of, bool is_complete, const ks_error *failure)
{
    ksi_task_handle *task = of->task;
    for (size_t i = 0; i < of->begun; i++) {
        if (!has_changelog(of, i)) {
            continue;
        }
        ks_restore_step step = task->is_standby ? KS_STANDBY_SUSPENDED
                               : is_complete    ? KS_RESTORE_END
                                                : KS_RESTORE_SUSPENDED;
        if (is_complete) {
            log_restored(restorer, of, i);
        }
        tell(restorer, of, i, step, of->restores[i].read);
        ksi_restore_end(&of->restores[i]);
    }
    ksi_free(of->restores);
    ksi_free(of);
    task->is_clean = failure == NULL;
    task->is_restored = is_complete;
    task->failure = failure != NULL ? *failure : (ks_error){0};
    atomic_store(&task->offsets, ksi_task_rows_offsets(task->rows));
    restorer->options.events.returned(restorer->options.events.owner, task);
}

static void remove_job(ksi_restorer *restorer, size_t index)
{
    restorer->count--;
    for (size_t i = index; i < restorer->count; i++) {
        restorer->jobs[i] = restorer->jobs[i + 1];
    }
}

static job *begin_job(ksi_restorer *restorer, ksi_task_handle *task)
{
    job *of = ksi_calloc(1, sizeof *of);
    of->task = task;
    of->restores = ksi_calloc(task->rows->count + 1, sizeof *of->restores);
    of->written_ms = ksi_monotonic_ms(restorer->options.clock);
    of->looked_ms = of->written_ms;
    of->advanced_ms = of->written_ms;
    ksi_patience_init(&of->patience, &restorer->puts_up);
    for (size_t i = 0; i < task->rows->count; i++) {
        const ksi_store_rows *store = &task->rows->stores[i];
        if (store->changelog == NULL) {
            continue;
        }
        of->restores[i] =
            (ksi_restore){.transport = restorer->options.transport,
                          .consumer = restorer->consumer,
                          .changelog = {.topic = store->changelog, .partition = task->id.partition},
                          .input_of = store->input_of,
                          .is_own = store->input_of == NULL,
                          .spec = &store->spec->spec,
                          .rows = store->rows,
                          .clock = restorer->options.clock};
    }
    return of;
}

/* Which of the jobs is a task's; their count when none is. */
static size_t find_job(const ksi_restorer *restorer, const ksi_task_handle *task)
{
    size_t at = 0;
    while (at < restorer->count && restorer->jobs[at]->task != task) {
        at++;
    }
    return at;
}

/* ---- work on a job --------------------------------------------------------------------------- */

static ks_status write_all(job *of, ks_error *error)
{
    for (size_t i = 0; i < of->begun; i++) {
        if (has_changelog(of, i)) {
            KS_TRY(ksi_restore_write(&of->restores[i], error));
        }
    }
    return KS_OK;
}

/*
 * An input may have fewer partitions than the task's sub-topology has tasks: then nothing comes
 * into the store of this one, and there is nothing to restore.
 */
static ks_status find_input(ksi_restore *restore, ks_error *error)
{
    ksi_transport *transport = restore->transport;
    int32_t count = 0;
    KS_TRY(transport->class->partition_count(transport, restore->changelog.topic, &count, error));
    if (restore->changelog.partition >= count) {
        restore->changelog.topic = NULL;
    }
    return KS_OK;
}

/* Without the lock, as it may take time. */
static ks_status ask_before_begin(job *of, ks_error *error)
{
    for (size_t i = 0; i < of->task->rows->count; i++) {
        ksi_restore *restore = &of->restores[i];
        if (!has_changelog(of, i) || !ksi_restore_wants_begin(restore)) {
            continue;
        }
        if (i >= of->begun && restore->input_of != NULL) {
            KS_TRY(find_input(restore, error));
        }
        if (has_changelog(of, i)) {
            KS_TRY(ksi_restore_ask(restore, error));
        }
    }
    return KS_OK;
}

static ks_status begin_stores(ksi_restorer *restorer, job *of, ks_error *error)
{
    for (size_t i = 0; i < of->task->rows->count; i++) {
        bool is_first = i >= of->begun;
        if (has_changelog(of, i) && ksi_restore_wants_begin(&of->restores[i])) {
            KS_TRY(ksi_restore_begin(&of->restores[i], error));
            log_stale(restorer, of, i);
        }
        of->begun += is_first;
        if (has_changelog(of, i) && is_first) {
            tell(restorer, of, i, of->task->is_standby ? KS_STANDBY_START : KS_RESTORE_START, 0);
        }
    }
    return KS_OK;
}

static ks_status read_stores(ksi_restorer *restorer, job *of, bool *progressed, ks_error *error)
{
    for (size_t i = 0; i < of->begun; i++) {
        size_t count = 0;
        if (!has_changelog(of, i) ||
            (!of->task->is_standby && ksi_restore_is_complete(&of->restores[i]))) {
            continue;
        }
        int64_t before = of->restores[i].read;
        int64_t position = of->restores[i].position.offset;
        KS_TRY(ksi_restore_read(&of->restores[i], &count, error));
        *progressed = *progressed || count > 0;
        if (of->restores[i].position.offset > position) {
            of->advanced_ms = ksi_monotonic_ms(restorer->options.clock);
            of->told_ms = 0;
        }
        if (of->restores[i].read > before) {
            tell(restorer, of, i, of->task->is_standby ? KS_STANDBY_BATCH : KS_RESTORE_BATCH,
                 of->restores[i].read - before);
        }
    }
    return KS_OK;
}

static bool is_complete(const job *of)
{
    for (size_t i = 0; i < of->task->rows->count; i++) {
        if (has_changelog(of, i) && !ksi_restore_is_complete(&of->restores[i])) {
            return false;
        }
    }
    return true;
}

static ks_status look_for_more(job *of, ks_error *error)
{
    for (size_t i = 0; i < of->begun; i++) {
        if (has_changelog(of, i)) {
            KS_TRY(ksi_restore_ask(&of->restores[i], error));
        }
    }
    return KS_OK;
}

/* Rows of a standby go to the store now and then. */
static ks_status write_standby(const ksi_restorer *restorer, job *of, ks_error *error)
{
    int64_t now = ksi_monotonic_ms(restorer->options.clock);
    if (now - of->written_ms < STANDBY_WRITE_MS) {
        return KS_OK;
    }
    of->written_ms = now;
    KS_TRY(write_all(of, error));
    atomic_store(&of->task->offsets, ksi_task_rows_offsets(of->task->rows));
    return KS_OK;
}

/* With the lock: what was asked for is there. */
static ks_status work_on(ksi_restorer *restorer, job *of, bool *progressed, ks_error *error)
{
    KS_TRY(begin_stores(restorer, of, error));
    KS_TRY(read_stores(restorer, of, progressed, error));
    return of->task->is_standby ? write_standby(restorer, of, error) : KS_OK;
}

typedef ks_status job_fn(ksi_restorer *restorer, job *of, bool *progressed, ks_error *error);

static ks_status locked(ksi_restorer *restorer, job *of, job_fn *call, bool *progressed,
                        ks_error *error)
{
    ksi_store_lock_enter(of->task->rows->lock);
    ks_status status = call(restorer, of, progressed, error);
    ksi_store_lock_leave(of->task->rows->lock);
    return status;
}

static ks_status write_last(ksi_restorer *restorer, job *of, bool *progressed, ks_error *error)
{
    (void)restorer;
    *progressed = true;
    return write_all(of, error);
}

/* To listeners of a standby the ends are news. */
static ks_status look_as_standby(const ksi_restorer *restorer, job *of, ks_error *error)
{
    int64_t now = ksi_monotonic_ms(restorer->options.clock);
    if (now - of->looked_ms < STANDBY_LOOK_MS) {
        return KS_OK;
    }
    of->looked_ms = now;
    return look_for_more(of, error);
}

/* Once after each of the two times. */
static void tell_held_up(const ksi_restorer *restorer, job *of)
{
    int64_t waited_ms = ksi_monotonic_ms(restorer->options.clock) - of->advanced_ms;
    int64_t due_ms = waited_ms >= HELD_UP_LONG_MS ? HELD_UP_LONG_MS : HELD_UP_MS;
    if (waited_ms < due_ms || of->told_ms >= due_ms) {
        return;
    }
    of->told_ms = due_ms;
    for (size_t i = 0; i < of->begun; i++) {
        if (has_changelog(of, i) && ksi_restore_is_held_up(&of->restores[i])) {
            log_held_up(restorer, of, i, due_ms == HELD_UP_LONG_MS);
        }
    }
}

/* One turn of a job; `*is_done` when all is read and written. */
static ks_status turn(ksi_restorer *restorer, job *of, bool *progressed, bool *is_done,
                      ks_error *error)
{
    KS_TRY(ask_before_begin(of, error));
    KS_TRY(locked(restorer, of, work_on, progressed, error));
    if (of->task->is_standby) {
        return look_as_standby(restorer, of, error);
    }
    if (!is_complete(of)) {
        tell_held_up(restorer, of);
        return KS_OK;
    }
    KS_TRY(look_for_more(of, error));
    *is_done = is_complete(of);
    return *is_done ? locked(restorer, of, write_last, progressed, error) : KS_OK;
}

static void watch_all(job *of, bool watched)
{
    for (size_t i = 0; i < of->begun; i++) {
        ksi_restore_watch(&of->restores[i], watched);
    }
}

/* The same, for as long as the log makes it wait: KS_OK, and it goes on in a while. */
static ks_status patient_turn(ksi_restorer *restorer, job *of, bool *progressed, bool *is_done,
                              ks_error *error)
{
    ks_error reason = {0};
    bool was_waiting = of->patience.since_ms >= 0;
    if (!ksi_patience_is_due(&of->patience)) {
        return KS_OK;
    }
    ks_status status = turn(restorer, of, progressed, is_done, &reason);
    if (status == KS_OK) {
        ksi_patience_settle(&of->patience);
        if (was_waiting) {
            watch_all(of, true);
        }
        return KS_OK;
    }
    status = ksi_judge_unknown_topic(restorer->options.transport, &reason);
    if (!ksi_is_retriable(&reason)) {
        *error = reason;
        return status;
    }
    watch_all(of, false); /* its records are no reason to wake up for meanwhile */
    return ksi_patience_fail(&of->patience, &reason, error);
}

/* ---- mail ------------------------------------------------------------------------------------ */

static void call_back(ksi_restorer *restorer, ksi_task_handle *task)
{
    size_t at = find_job(restorer, task);
    if (at == restorer->count) {
        return; /* it is on its way back */
    }
    job *of = restorer->jobs[at];
    ks_error error = {0};
    ksi_store_lock_enter(task->rows->lock);
    ks_status status = write_all(of, &error);
    ksi_store_lock_leave(task->rows->lock);
    remove_job(restorer, at);
    end_job(restorer, of, false, status != KS_OK ? &error : NULL);
}

static void promote(ksi_restorer *restorer, ksi_task_handle *task)
{
    size_t at = find_job(restorer, task);
    if (at == restorer->count) {
        return;
    }
    for (size_t i = 0; i < restorer->jobs[at]->begun; i++) {
        if (has_changelog(restorer->jobs[at], i)) {
            tell(restorer, restorer->jobs[at], i, KS_STANDBY_PROMOTED,
                 restorer->jobs[at]->restores[i].read);
        }
    }
    task->is_standby = false;
    restorer->jobs[at]->looked_ms = 0;
    restorer->jobs[at]->advanced_ms = ksi_monotonic_ms(restorer->options.clock);
}

static void read_mail(ksi_restorer *restorer, bool *progressed)
{
    ksi_message message;
    while (ksi_mailbox_take(&restorer->mailbox, &message)) {
        *progressed = true;
        if (message.kind == GIVE) {
            restorer->jobs =
                ksi_grow(restorer->jobs, &restorer->capacity, restorer->count + 1, sizeof(job *));
            restorer->jobs[restorer->count++] = begin_job(restorer, message.what);
        } else if (message.kind == CALL_BACK) {
            call_back(restorer, message.what);
        } else {
            promote(restorer, message.what);
        }
    }
}

/* ---- for its worker -------------------------------------------------------------------------- */

void ksi_restorer_step(ksi_restorer *restorer, bool *progressed)
{
    *progressed = false;
    read_mail(restorer, progressed);
    for (size_t i = 0; i < restorer->count;) {
        job *of = restorer->jobs[i];
        ks_error error = {0};
        bool is_done = false;
        ks_status status = patient_turn(restorer, of, progressed, &is_done, &error);
        if (status == KS_OK && !is_done) {
            i++;
            continue;
        }
        *progressed = true;
        remove_job(restorer, i);
        if (status != KS_OK) {
            ksi_error_prefix(&error, "restoring task %s: ", of->task->name);
        }
        end_job(restorer, of, status == KS_OK, status != KS_OK ? &error : NULL);
    }
}

void ksi_restorer_wait(ksi_restorer *restorer)
{
    int64_t timeout_ms = restorer->count > 0 ? STANDBY_LOOK_MS : -1;
    restorer->consumer->class->wait(restorer->consumer, timeout_ms);
}

void ksi_restorer_wake(ksi_restorer *restorer)
{
    restorer->consumer->class->wake(restorer->consumer);
}

void ksi_restorer_give(ksi_restorer *restorer, ksi_task_handle *task)
{
    ksi_mailbox_post(&restorer->mailbox, GIVE, task);
    ksi_restorer_wake(restorer);
}

void ksi_restorer_call_back(ksi_restorer *restorer, ksi_task_handle *task)
{
    ksi_mailbox_post(&restorer->mailbox, CALL_BACK, task);
    ksi_restorer_wake(restorer);
}

void ksi_restorer_promote(ksi_restorer *restorer, ksi_task_handle *task)
{
    ksi_mailbox_post(&restorer->mailbox, PROMOTE, task);
    ksi_restorer_wake(restorer);
}

void ksi_restorer_stop(ksi_restorer *restorer)
{
    atomic_store(&restorer->stop, true);
    ksi_restorer_wake(restorer);
}

bool ksi_restorer_is_stopping(const ksi_restorer *restorer)
{
    return atomic_load(&restorer->stop);
}

void ksi_restorer_finish(ksi_restorer *restorer)
{
    bool progressed = false;
    read_mail(restorer, &progressed);
    while (restorer->count > 0) {
        call_back(restorer, restorer->jobs[restorer->count - 1]->task);
    }
}

void ksi_restorer_free(ksi_restorer *restorer)
{
    if (restorer == NULL) {
        return;
    }
    ksi_restorer_finish(restorer);
    restorer->consumer->class->close(restorer->consumer);
    ksi_mailbox_destroy(&restorer->mailbox);
    ksi_free(restorer->jobs);
    ksi_free(restorer);
}
