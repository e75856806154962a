/* SPDX-License-Identifier: Apache-2.0 */
/*
 * app_supervise.c - the supervisor: one worker that keeps an application together.
 *
 *     mail    a task was taken, returned, restored; the group fenced us; a thread ended
 *     group   what shall run here now, and what does
 *     topics  that it reads (app_topics.c)
 *     tasks   made, moved, closed accordingly (app_tasks.c)
 *     state   REBALANCING until all that shall run runs
 *     end     threads, then restorer and global thread, then tasks, group and state directory
 *
 * One worker does all of this, so that none of it needs an order among threads: everything is said
 * to it by mail, and it acts on what is the case when it gets there.
 *
 * Failure. A thread that fails returns its tasks and ends. The program's handler says whether
 * another takes its place, which begins with the tasks' last commit, or the application ends
 * (Java's default, too). A broken database ends it in any case: what one thread could not read, the
 * next cannot either. The first failure is the application's.
 *
 * Fenced. The group took this member for dead and gave its tasks away. Every thread drops what it
 * did not commit; when all tasks are back they are closed, and the member joins again.
 *
 * A refused commit, or a fenced producer, is a doubt, not yet a loss: the group is asked at once,
 * and no task goes to a thread until it has answered.
 *
 * Stuck. A thread that does not finish its turn within max.poll.interval.ms keeps its tasks from
 * everybody. It cannot be stopped; so the others commit, the group is left, which fences what it
 * may still commit, and the application ends with a message that names it. @java StreamThread,
 * whose consumer leaves the group by itself
 *
 * Thread rule: the supervisor's worker; functions that say so, others.
 */
#include "runtime/app.h"

#include "base/check.h"
#include "base/error.h"
#include "base/memory.h"

#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

void ksi_app_post(ks_app *app, int kind, void *what)
{
    ksi_mailbox_post(&app->mailbox, kind, what);
    ksi_app_wake_supervisor(app);
}

void ksi_app_wake_supervisor(ks_app *app)
{
    const uint64_t one = 1;
    ssize_t written = write(app->wake_event, &one, sizeof one);
    (void)written; /* a counter that is full wakes as well */
}

enum { MOST_DESCRIPTORS = 8 };

/* Its own event, and what the group's answers come by: when one is there, the group is asked. */
static void wait_for_events(ks_app *app, int64_t timeout_ms)
{
    struct pollfd fds[1 + MOST_DESCRIPTORS] = {{.fd = app->wake_event, .events = POLLIN}};
    const ksi_membership *membership = app->membership;
    size_t count = 1;
    if (membership != NULL && !app->is_lost && membership->class->descriptors != NULL) {
        count += membership->class->descriptors(membership, fds + 1, MOST_DESCRIPTORS);
    }
    (void)poll(fds, (nfds_t)count, timeout_ms < INT_MAX ? (int)timeout_ms : INT_MAX);
    for (size_t i = 1; i < count; i++) {
        app->next_poll_ms = fds[i].revents != 0 ? 0 : app->next_poll_ms;
    }
    uint64_t woken = 0;
    ssize_t taken = read(app->wake_event, &woken, sizeof woken);
    (void)taken; /* none: it was not woken by it */
}

void ksi_app_wait_supervisor(ks_app *app)
{
    int64_t next_ms = app->next_poll_ms; /* its own fields: no lock */
    next_ms = app->next_look_ms < next_ms ? app->next_look_ms : next_ms;
    if (!ksi_patience_is_due(&app->patience)) {
        next_ms = app->patience.again_ms;
    }
    int64_t left_ms = next_ms - ksi_monotonic_ms(app->clock);
    wait_for_events(app, left_ms > 0 ? left_ms : 1);
}

/* ---- the end --------------------------------------------------------------------------------- */

void ksi_app_remember_failure(ks_app *app, const ks_error *failure)
{
    if (!app->failed) {
        app->failed = true;
        app->failure = *failure;
    }
}

void ksi_app_begin_end(ks_app *app)
{
    app->is_stopping = true;
    ksi_app_stop_threads(app);
    ksi_app_wake_supervisor(app);
}

static void fail(ks_app *app, const ks_error *failure)
{
    char text[sizeof *failure + 64];
    ksi_log(&app->logger, KS_LOG_LEVEL_ERROR, app->name, "the application stops: %s",
            ks_error_text(failure, text, sizeof text));
    ksi_app_remember_failure(app, failure);
    (void)ksi_app_set_state(app, KS_APP_PENDING_ERROR);
    ksi_app_begin_end(app);
}

/* Writes out and gives back what is on disk. */
static void close_state(ks_app *app)
{
    ks_error refused = {0};
    if (app->failed) {
        (void)ksi_local_state_failed(app->local_state, &app->failure);
    }
    if (ksi_local_state_close(app->local_state, &refused) != KS_OK) {
        ksi_error_prefix(&refused, "closing the local state; what was committed comes back from "
                                   "the changelogs: ");
        char text[sizeof refused + 64];
        ksi_log(&app->logger, KS_LOG_LEVEL_ERROR, app->name, "%s",
                ks_error_text(&refused, text, sizeof text));
        ksi_app_remember_failure(app, &refused);
    }
    app->local_state = NULL;
}

void ksi_app_leave_group(ks_app *app)
{
    if (app->membership != NULL) {
        ksi_group_session_end(&app->session);
        app->membership->class->leave(app->membership);
        app->membership = NULL;
    }
}

void ksi_app_end(ks_app *app)
{
    ksi_app_close_tasks(app);
    ksi_global_thread_close_stores(app->global);
    close_state(app);
    ksi_app_leave_group(app);
    (void)ksi_app_set_state(app, ks_app_state_of(app) == KS_APP_PENDING_ERROR ? KS_APP_ERROR
                                                                              : KS_APP_NOT_RUNNING);
    if (app->wake_fd >= 0) {
        ssize_t written = write(app->wake_fd, "", 1);
        (void)written; /* a full pipe wakes its reader as well */
    }
}

static size_t count_stuck(const ks_app *app)
{
    size_t count = 0;
    for (size_t i = 0; i < app->thread_count; i++) {
        count += app->threads[i]->is_stuck && !app->threads[i]->has_ended;
    }
    return count;
}

/*
 * One thing after the other; false when all is done. A stuck thread may never end; the group is
 * left without it, so that others take its tasks, and refuses what it may still commit.
 */
static bool go_on_ending(ks_app *app)
{
    size_t live = ksi_app_live_threads(app);
    if (live > 0) {
        if (live == count_stuck(app)) {
            ksi_app_leave_group(app);
        }
        return true;
    }
    if (!app->restorer_has_ended) {
        ksi_restorer_stop(app->restorer);
        return true;
    }
    if (!ksi_app_end_global(app)) {
        return true;
    }
    ksi_app_end(app);
    return false;
}

/* ---- threads that end ------------------------------------------------------------------------ */

/*
 * What the program wants done about a failed thread. Called without the lock, as it may take time.
 */
static ks_uncaught_answer ask(ks_app *app, const ks_error *failure)
{
    if (app->uncaught == NULL) {
        return KS_SHUTDOWN_CLIENT;
    }
    ksi_mutex_unlock(&app->lock);
    ks_uncaught_answer answer = app->uncaught(failure, app->user);
    ksi_mutex_lock(&app->lock);
    return answer;
}

static void replace(ks_app *app, const ksi_app_thread *slot)
{
    ks_error error = {0};
    char text[sizeof slot->failure + 64];
    ksi_log(&app->logger, KS_LOG_LEVEL_WARN, ksi_stream_thread_name(slot->thread),
            "the thread is replaced; its tasks go back to their last commit: %s",
            ks_error_text(&slot->failure, text, sizeof text));
    if (ksi_app_add_thread(app, &error) != KS_OK ||
        ksi_app_start_native(app, app->threads[app->thread_count - 1], &error) != KS_OK) {
        fail(app, &error);
    }
}

static void thread_ended(ks_app *app, ksi_app_thread *slot)
{
    slot->has_ended = true;
    ksi_stream_thread_return_mail(slot->thread);
    if (slot->failure.code == KS_OK) {
        ksi_app_share_cache(app);
        return;
    }
    bool is_broken = ksi_local_state_failed(app->local_state, &slot->failure);
    if (app->is_stopping || is_broken) {
        fail(app, &slot->failure);
        return;
    }
    switch (ask(app, &slot->failure)) {
    case KS_REPLACE_THREAD:
        if (!app->is_stopping) {
            replace(app, slot);
        }
        return;
    case KS_SHUTDOWN_APPLICATION:
        if (app->membership != NULL) {
            app->membership->class->shut_down(app->membership);
        }
        break;
    case KS_SHUTDOWN_CLIENT:
        break;
    }
    fail(app, &slot->failure);
}

/*
 * Nobody can take its place. @java KafkaStreams#replaceStreamThread, which shuts down the client
 * then
 */
static void global_ended(ks_app *app)
{
    const ks_error *failure = &app->global_failure;
    app->global_has_ended = true;
    if (failure->code == KS_OK) {
        return;
    }
    bool is_broken = ksi_local_state_failed(app->local_state, failure);
    ks_uncaught_answer answer =
        app->is_stopping || is_broken ? KS_SHUTDOWN_CLIENT : ask(app, failure);
    if (answer == KS_REPLACE_THREAD) {
        ksi_log(&app->logger, KS_LOG_LEVEL_WARN, ksi_global_thread_name(app->global),
                "the thread of the global stores cannot be replaced, so the application stops");
    } else if (answer == KS_SHUTDOWN_APPLICATION && app->membership != NULL) {
        app->membership->class->shut_down(app->membership);
    }
    fail(app, failure);
}

/* ---- the state ------------------------------------------------------------------------------- */

/* Its tasks come back before it says how it ended; only that tells what becomes of the state. */
bool ksi_app_is_a_thread_ending(const ks_app *app)
{
    for (size_t i = 0; i < app->thread_count; i++) {
        const ksi_app_thread *slot = app->threads[i];
        if (!slot->has_ended && ksi_stream_thread_is_stopping(slot->thread)) {
            return true;
        }
    }
    return false;
}

static void follow_state(ks_app *app)
{
    bool runs = app->global_is_restored && !app->is_lost && !app->is_regrouping &&
                app->view.epoch != 0 && ksi_app_runs_all_tasks(app);
    if (runs && ks_app_state_of(app) == KS_APP_REBALANCING) {
        (void)ksi_app_set_state(app, KS_APP_RUNNING);
        ksi_local_state_log_memory(app->local_state, "when running");
    } else if (!runs && ks_app_state_of(app) == KS_APP_RUNNING &&
               !ksi_app_is_a_thread_ending(app)) {
        (void)ksi_app_set_state(app, KS_APP_REBALANCING);
    }
}

/* ---- mail ------------------------------------------------------------------------------------ */

static void task_returned(ks_app *app, ksi_task_handle *task)
{
    task->place = KSI_AT_SUPERVISOR;
    task->thread = NULL;
    task->is_running = false;
    task->is_leaving = false;
    app->needs_report = true;
    if (task->failure.code != KS_OK && !app->is_stopping) {
        (void)ksi_local_state_failed(app->local_state, &task->failure);
        fail(app, &task->failure);
    }
    task->failure = (ks_error){0};
}

/*
 * A thread's commit or producer was refused: the group says whether this member is lost, or only
 * the thread. Until then no task begins. @java StreamThread#handleTaskMigrated, where the member is
 * the thread, and joins again in any case
 */
static void doubt_membership(ks_app *app)
{
    ksi_membership *membership = app->membership;
    app->next_poll_ms = 0;
    if (membership != NULL && !app->is_lost && membership->class->doubt != NULL) {
        membership->class->doubt(membership, ksi_monotonic_ms(app->clock));
    }
}

static void read_mail(ks_app *app, bool *progressed)
{
    ksi_message message;
    while (ksi_mailbox_take(&app->mailbox, &message)) {
        ksi_task_handle *task = message.what;
        *progressed = true;
        switch (message.kind) {
        case KSI_APP_TAKEN:
            if (task != NULL) {
                task->is_running = true;
                follow_state(app); /* before what the thread may say next */
            }
            break;
        case KSI_APP_RETURNED:
            task_returned(app, task);
            break;
        case KSI_APP_FENCED:
            doubt_membership(app);
            break;
        case KSI_APP_TOPIC_MISSING:
            ksi_app_look_at_topics_soon(app);
            break;
        case KSI_APP_THREAD_ENDED:
            thread_ended(app, message.what);
            break;
        case KSI_APP_GLOBAL_RESTORED:
            app->global_is_restored = true;
            break;
        case KSI_APP_GLOBAL_ENDED:
            global_ended(app);
            break;
        default: /* KSI_APP_RESTORED_ALL */
            app->restorer_has_ended = true;
            break;
        }
    }
}

/* ---- the group ------------------------------------------------------------------------------- */

static void lose_all(ks_app *app, const ks_error *reason)
{
    ksi_log(&app->logger, KS_LOG_LEVEL_WARN, app->name,
            "the group took this member for dead; it joins again: %s", reason->message);
    app->is_lost = true;
    ksi_group_session_end(&app->session);
    for (size_t i = 0; i < app->thread_count; i++) {
        if (!app->threads[i]->has_ended) {
            ksi_stream_thread_lose(app->threads[i]->thread);
        }
    }
}

/*
 * With every task back and closed. Their state goes by what is on the disk, as at the first join:
 * without that the group would believe there is little, and give them to others.
 */
static ks_status rejoin(ks_app *app, ks_error *error)
{
    ks_error reason = {0};
    if (!ksi_patience_is_due(&app->patience)) {
        return KS_OK;
    }
    KS_TRY(ksi_app_look_at_state(app, error));
    ks_status status =
        app->membership->class->rejoin(app->membership, ksi_monotonic_ms(app->clock), &reason);
    if (status != KS_OK && ksi_is_retriable(&reason)) {
        return ksi_patience_fail(&app->patience, &reason, error);
    }
    if (status != KS_OK) {
        *error = reason;
        return status;
    }
    ksi_patience_settle(&app->patience);
    app->membership->class->report(app->membership, NULL, 0, app->states, app->state_count);
    app->is_lost = false;
    app->view = (ksi_group_view){0};
    app->next_poll_ms = 0;
    return KS_OK;
}

/* Threads that wait to commit by a newer generation need not wait any longer. */
static void follow_generation(ks_app *app)
{
    if (!ksi_group_session_follow(&app->session,
                                  app->membership->class->generation(app->membership))) {
        return;
    }
    for (size_t i = 0; i < app->thread_count; i++) {
        if (!app->threads[i]->has_ended) {
            ksi_stream_thread_wake(app->threads[i]->thread);
        }
    }
}

/* It is in the group; one with other tasks is not, who may have seen other topics. */
static void follow_disputes(ks_app *app)
{
    if (app->view.epoch != 0) {
        app->has_other_tasks = false;
        app->refused_since_ms = -1;
    }
    if (app->view.disputes != app->disputes) {
        app->disputes = app->view.disputes;
        ksi_app_look_at_topics_soon(app);
    }
}

/* Asks the group, when it is time. An error ends the application. */
static ks_status poll_group(ks_app *app, bool *progressed, ks_error *error)
{
    ks_error reason = {0};
    if (ksi_monotonic_ms(app->clock) < app->next_poll_ms) {
        return KS_OK;
    }
    ks_status status = app->membership->class->poll(app->membership, ksi_monotonic_ms(app->clock),
                                                    &app->view, &reason);
    app->next_poll_ms = app->membership->class->next_poll_ms(app->membership);
    if (status == KS_E_FENCED) {
        *progressed = true;
        app->view = (ksi_group_view){0};
        lose_all(app, &reason);
        return KS_OK;
    }
    if (status == KS_E_TOPOLOGY) {
        *progressed = true;
        return ksi_app_take_refusal(app, &reason, error);
    }
    if (status == KS_OK) {
        follow_generation(app);
        follow_disputes(app);
    } else if ((reason.flags & KS_ERROR_RETRIABLE) == 0) {
        *error = reason;
        return status;
    }
    return KS_OK;
}

static ks_status ask_group(ks_app *app, bool *progressed, ks_error *error)
{
    if (app->membership == NULL) {
        return KS_OK; /* it joins when nobody has the former tasks any more */
    }
    if (app->is_lost) {
        return app->task_count == 0 ? rejoin(app, error) : KS_OK;
    }
    if (app->needs_report) {
        ksi_app_report_tasks(app);
        app->next_poll_ms = 0;
    }
    uint64_t epoch = app->view.epoch;
    KS_TRY(poll_group(app, progressed, error));
    if (app->view.epoch != epoch) {
        /* Whatever was shown in a view that never arrived: the group learns what is here. */
        app->needs_report = true;
        *progressed = true;
    }
    if (app->view.shuts_down) {
        (void)ksi_error_set(error, KS_E_STATE, app->application_id,
                            "another instance asked the whole application to shut down");
        return KS_E_STATE;
    }
    return KS_OK;
}

/* While threads end, they still commit as members; whatever else the group says comes too late. */
static void stay_in_group(ks_app *app, bool *progressed)
{
    ks_error ignored = {0};
    if (app->membership != NULL && !app->is_lost) {
        ks_status status = poll_group(app, progressed, &ignored);
        (void)status;
    }
}

/* ---- a stuck thread -------------------------------------------------------------------------- */

static bool find_stuck(ks_app *app, ks_error *error)
{
    int64_t now_ns = app->clock->monotonic_ns(app->clock);
    for (size_t i = 0; i < app->thread_count; i++) {
        ksi_app_thread *slot = app->threads[i];
        ksi_thread_activity busy = ksi_stream_thread_activity_of(slot->thread);
        int64_t lasted_ms = busy.turn_began_ns >= 0 ? (now_ns - busy.turn_began_ns) / 1000000 : 0;
        if (slot->has_ended || lasted_ms <= app->max_poll_interval_ms) {
            continue;
        }
        slot->is_stuck = true;
        (void)ksi_error_set(error, KS_E_TIMEOUT, ksi_stream_thread_name(slot->thread),
                            "the thread has been busy for %" PRId64 " s with one batch of task %s, "
                            "in node %s with %s, which is longer than max.poll.interval.ms; a "
                            "callback does not return. Give it a time limit of its own, or raise "
                            "the property",
                            lasted_ms / 1000, busy.task[0] != '\0' ? busy.task : "(none)",
                            busy.node != NULL ? busy.node : "(none)",
                            busy.record[0] != '\0' ? busy.record : "no record");
        return true;
    }
    return false;
}

/* ---- a turn ---------------------------------------------------------------------------------- */

static ks_status supervise(ks_app *app, bool *progressed, ks_error *error)
{
    KS_TRY(ksi_app_follow_topics(app, progressed, error));
    KS_TRY(ask_group(app, progressed, error));
    KS_TRY(ksi_app_place_tasks(app, error));
    if (app->needs_report && !app->is_lost && app->membership != NULL) {
        ksi_app_report_tasks(app);
        app->next_poll_ms = 0;
        *progressed = true;
    }
    follow_state(app);
    return find_stuck(app, error) ? error->code : KS_OK;
}

bool ksi_app_supervise(ks_app *app, bool *progressed)
{
    ks_error error = {0};
    bool goes_on = true;
    *progressed = false;
    ksi_mutex_lock(&app->lock);
    read_mail(app, progressed);
    if (!app->is_stopping && supervise(app, progressed, &error) != KS_OK) {
        (void)ksi_local_state_failed(app->local_state, &error);
        fail(app, &error);
    }
    if (app->is_stopping) {
        stay_in_group(app, progressed);
        goes_on = go_on_ending(app);
    }
    ksi_app_tell_waiters(app);
    ksi_mutex_unlock(&app->lock);
    return goes_on;
}
