/* SPDX-License-Identifier: Apache-2.0 */
/*
 * app_wait.c - somebody waits for an application: until it has caught up, or has closed.
 *
 * Caught up. One thread's answer is outdated when another sends to a repartition topic it reads. So
 * all are asked twice: when every one says yes both times, by the same end offsets, then between
 * the two rounds nothing was left anywhere, because end offsets and committed offsets only grow. A
 * commit may be 30 s away; while somebody waits, a thread at the end of its inputs commits at once.
 *
 * A thread that failed gives its tasks back before it says so, and another may have done its work
 * by then. Whoever waited would close an application that has not been asked what to do about it.
 *
 * Topics that a pattern matches count from the moment they are there, so the supervisor is asked to
 * look at them, too.
 *
 * Thread rule: any thread but those of the application.
 */
#include "runtime/app.h"

#include "base/error.h"

/* ---- waiting --------------------------------------------------------------------------------- */

/* People wait in the time of the machine, whatever clock the application goes by. */
static int64_t machine_ms(void)
{
    return ksi_monotonic_ms(&ksi_system_clock);
}

/* Waits for `changed` until the deadline (negative: for ever); false when it has passed. */
static bool wait_for_change(ks_app *app, int64_t deadline_ms)
{
    if (deadline_ms < 0) {
        ksi_condition_wait(&app->changed, &app->lock);
        return true;
    }
    int64_t left = deadline_ms - machine_ms();
    if (left <= 0) {
        return false;
    }
    (void)ksi_condition_wait_for(&app->changed, &app->lock, left);
    return true;
}

static bool is_over(int64_t deadline_ms)
{
    return deadline_ms >= 0 && machine_ms() >= deadline_ms;
}

/* Negative: none. A timeout longer than the clock counts is none, too. */
static int64_t deadline_of(int64_t timeout_ms)
{
    int64_t now_ms = machine_ms();
    return timeout_ms < 0 || timeout_ms > INT64_MAX - now_ms ? -1 : now_ms + timeout_ms;
}

/* What is this process's at this moment: its tasks' inputs, and the topics of global stores. */
typedef struct reading {
    ksi_progress tasks;
    ksi_progress global;
} reading;

static reading read_progress(const ks_app *app)
{
    reading now = {.global = {.count = 0}};
    ksi_progress_copy(&now.tasks, &app->progress);
    if (app->global != NULL) {
        ksi_progress_copy(&now.global, ksi_global_thread_progress(app->global));
    }
    return now;
}

static void forget(reading *now)
{
    ksi_progress_destroy(&now->tasks);
    ksi_progress_destroy(&now->global);
}

/*
 * One round; adds the ends it went by. The log is asked without the lock, which queries want; what
 * was committed is read before the ends, so a yes was true at that moment.
 */
static bool is_caught_up(ks_app *app, uint64_t *ends)
{
    reading now = read_progress(app);
    ksi_mutex_unlock(&app->lock);
    bool yes = ksi_progress_is_caught_up(&now.tasks, app->transport, ends) &&
               ksi_progress_is_caught_up(&now.global, app->transport, ends);
    ksi_mutex_lock(&app->lock);
    forget(&now);
    return yes;
}

/* `look`: of the supervisor at the topics, which has to be over. */
static bool caught_up(ks_app *app, uint64_t look)
{
    uint64_t first = 0;
    uint64_t second = 0;
    return ks_app_state_of(app) == KS_APP_RUNNING && app->looks_done >= look &&
           is_caught_up(app, &first) && is_caught_up(app, &second) && first == second &&
           ks_app_state_of(app) == KS_APP_RUNNING && !ksi_app_is_a_thread_ending(app);
}

/* The error that stopped the application, or that it is not running at all. */
static ks_status stopped(const ks_app *app, ks_app_state state, ks_error *error)
{
    if (app->failed) {
        if (error != NULL) {
            *error = app->failure;
        }
        return app->failure.code;
    }
    return ksi_error_set(error, KS_E_STATE, app->application_id,
                         "the application is %s; only a running one catches up",
                         ks_app_state_name(state));
}

/* Topics that patterns match by now are to be read, too: the supervisor looks at them. */
static uint64_t ask_for_look(ks_app *app)
{
    if (!ksi_app_has_patterns(app)) {
        return 0;
    }
    app->looks_wanted++;
    ksi_app_wake_supervisor(app);
    return app->looks_wanted;
}

static ks_status wait_locked(ks_app *app, int64_t deadline_ms, ks_error *error)
{
    const uint64_t look = ask_for_look(app);
    for (;;) {
        ks_app_state state = ks_app_state_of(app);
        if (state != KS_APP_REBALANCING && state != KS_APP_RUNNING &&
            state != KS_APP_PENDING_ERROR) {
            return stopped(app, state, error);
        }
        uint64_t changes = app->changes;
        if (caught_up(app, look)) {
            return KS_OK;
        }
        bool is_in_time =
            changes != app->changes ? !is_over(deadline_ms) : wait_for_change(app, deadline_ms);
        if (!is_in_time) {
            return ksi_error_set(error, KS_E_TIMEOUT, app->application_id,
                                 "the application has not caught up with its input topics in the "
                                 "time given; it goes on");
        }
    }
}

ks_status ks_app_wait_until_caught_up(ks_app *app, int64_t timeout_ms, ks_error *error)
{
    KS_TRY(ksi_app_check_may_wait(app, "ks_app_wait_until_caught_up()", error));
    int64_t deadline_ms = deadline_of(timeout_ms);
    ksi_mutex_lock(&app->lock);
    atomic_fetch_add(&app->waiters, 1);
    for (size_t i = 0; i < app->thread_count; i++) {
        ksi_stream_thread_wake(app->threads[i]->thread);
    }
    if (app->global != NULL) {
        ksi_global_thread_wake(app->global);
    }
    ks_status status = wait_locked(app, deadline_ms, error);
    atomic_fetch_sub(&app->waiters, 1);
    ksi_mutex_unlock(&app->lock);
    return status;
}

ks_app_stats ks_app_stats_of(ks_app *app)
{
    ks_app_stats all = {0};
    ksi_mutex_lock(&app->lock);
    for (size_t i = 0; i < app->thread_count; i++) {
        ksi_stream_thread_stats one = ksi_stream_thread_stats_of(app->threads[i]->thread);
        all.records_processed += one.processed;
        all.records_produced += one.sent;
        all.records_dropped += one.dropped;
        all.commits += one.commits;
    }
    for (int reason = 0; app->global != NULL && reason < KS_DROP_REASON_COUNT; reason++) {
        all.records_dropped += ksi_global_thread_dropped(app->global, (ks_drop_reason)reason);
    }
    bool has_workers = app->has_workers;
    reading now = {.tasks = {.count = 0}};
    if (has_workers) {
        now = read_progress(app);
    }
    ksi_mutex_unlock(&app->lock);
    all.records_behind = ksi_progress_behind(&now.tasks, app->transport) +
                         ksi_progress_behind(&now.global, app->transport);
    if (has_workers) {
        forget(&now);
    }
    return all;
}

uint64_t ks_app_dropped_records(ks_app *app, ks_drop_reason reason)
{
    uint64_t count = 0;
    if ((size_t)reason >= KS_DROP_REASON_COUNT) {
        return 0;
    }
    ksi_mutex_lock(&app->lock);
    for (size_t i = 0; i < app->thread_count; i++) {
        count += ksi_stream_thread_stats_of(app->threads[i]->thread).dropped_by[reason];
    }
    count += app->global != NULL ? ksi_global_thread_dropped(app->global, reason) : 0;
    ksi_mutex_unlock(&app->lock);
    return count;
}

size_t ks_app_stream_threads(ks_app *app)
{
    ksi_mutex_lock(&app->lock);
    size_t count = ksi_app_working_threads(app);
    ksi_mutex_unlock(&app->lock);
    return count;
}

ks_app_memory ks_app_memory_of(ks_app *app)
{
    ksi_mutex_lock(&app->lock);
    ks_app_memory memory = ksi_local_state_memory(app->local_state);
    ksi_mutex_unlock(&app->lock);
    return memory;
}

/* ---- closing --------------------------------------------------------------------------------- */

static ks_status close_locked(ks_app *app, int64_t deadline_ms, ks_error *error)
{
    if (ksi_app_set_state(app, KS_APP_PENDING_SHUTDOWN)) {
        ksi_local_state_log_memory(app->local_state, "when closing");
        if (app->has_workers) {
            ksi_app_begin_end(app);
        } else {
            ksi_app_end(app);
        }
    }
    while (!ksi_app_has_ended(app)) {
        if (!wait_for_change(app, deadline_ms)) {
            return ksi_error_set(error, KS_E_TIMEOUT, app->application_id,
                                 "the application has not closed in the time given; it goes on "
                                 "closing, and may be closed again to wait longer");
        }
    }
    /* An ended thread has given the lock back for good, so it can be joined under it. */
    for (size_t i = 0; i < app->thread_count; i++) {
        ksi_thread_join(&app->threads[i]->native);
    }
    ksi_thread_join(&app->restorer_native);
    ksi_thread_join(&app->global_native);
    ksi_thread_join(&app->supervisor_native);
    if (app->failed && ks_app_state_of(app) == KS_APP_NOT_RUNNING) {
        return stopped(app, KS_APP_NOT_RUNNING, error); /* the commit of the closing failed */
    }
    return KS_OK;
}

ks_status ks_app_close(ks_app *app, int64_t timeout_ms, ks_error *error)
{
    KS_TRY(ksi_app_check_given(app, error));
    if (timeout_ms != 0) {
        KS_TRY(ksi_app_check_may_wait(app, "ks_app_close()", error));
    }
    int64_t deadline_ms = deadline_of(timeout_ms);
    ksi_mutex_lock(&app->lock);
    ks_status status = close_locked(app, deadline_ms, error);
    ksi_mutex_unlock(&app->lock);
    return status;
}
