/* SPDX-License-Identifier: Apache-2.0 */
/*
 * app_threads.c - the stream threads of an application: made, started, ended, replaced.
 *
 * A slot lives as long as the application, and with it what its thread counted: the statistics of a
 * thread that was replaced still count. Numbers of threads are not used again, as in Java after
 * its first replacement, so that a log line says which one it was. Transactional ids are.
 *
 * Whether a failure ends the application or only its thread is the supervisor's decision
 * (app_supervise.c); here a thread says that it has ended, and why.
 *
 * Thread rule: with the application's lock; ksi_app_step_thread() the thread itself.
 */
#include "runtime/app.h"

#include "base/buffer.h"
#include "base/error.h"
#include "base/memory.h"
#include "config/config.h"

#include <string.h>

/* ---- what a thread tells --------------------------------------------------------------------- */

static void on_taken(void *owner, ksi_task_handle *task)
{
    ksi_app_post(owner, KSI_APP_TAKEN, task);
}

static void on_returned(void *owner, ksi_task_handle *task)
{
    ksi_app_post(owner, KSI_APP_RETURNED, task);
}

static void on_fenced(void *owner)
{
    ksi_app_post(owner, KSI_APP_FENCED, NULL);
}

static void on_missing(void *owner)
{
    ksi_app_post(owner, KSI_APP_TOPIC_MISSING, NULL);
}

/* ---- its steps ------------------------------------------------------------------------------- */

static void say_ended(ksi_app_thread *slot)
{
    ksi_app_post(slot->app, KSI_APP_THREAD_ENDED, slot);
}

bool ksi_app_step_thread(ksi_app_thread *slot, bool *progressed)
{
    ks_error error = {0};
    *progressed = true;
    if (ksi_stream_thread_is_stopping(slot->thread)) {
        bool finished = false;
        if (ksi_stream_thread_finish(slot->thread, &finished, &error) != KS_OK) {
            slot->failure = error;
        }
        *progressed = finished;
        if (finished) {
            say_ended(slot);
        }
        return !finished;
    }
    if (ksi_stream_thread_step(slot->thread, progressed, &error) != KS_OK) {
        slot->failure = error;
        ksi_stream_thread_abandon(slot->thread);
        say_ended(slot);
        return false;
    }
    return true;
}

static void thread_body(void *user)
{
    ksi_app_thread *slot = user;
    bool progressed = false;
    ksi_app_enter_thread(slot->app);
    while (ksi_app_step_thread(slot, &progressed)) {
        if (!progressed) {
            ksi_stream_thread_wait(slot->thread);
        }
    }
}

/* ---- making ---------------------------------------------------------------------------------- */

ks_status ksi_app_start_native(ks_app *app, ksi_app_thread *slot, ks_error *error)
{
    if (app->is_manual) {
        return KS_OK;
    }
    int reason = ksi_thread_start(&slot->native, "stream-thread", thread_body, slot);
    if (reason != 0) {
        slot->has_ended = true; /* nobody steps it */
        ksi_stream_thread_abandon(slot->thread);
        return ksi_error_set(error, KS_E_IO, ksi_stream_thread_name(slot->thread),
                             "the thread could not be started: %s", strerror(reason));
    }
    return KS_OK;
}

/*
 * The lowest that no thread has which lives. One that takes the place of another has its
 * transactional id, so that whatever that one left open is ended when this one begins.
 */
static size_t free_index(const ks_app *app)
{
    size_t index = 1;
    for (size_t i = 0; i < app->thread_count;) {
        bool is_taken = !app->threads[i]->has_ended && app->threads[i]->index == index;
        index += is_taken;
        i = is_taken ? 0 : i + 1;
    }
    return index;
}

ks_status ksi_app_add_thread(ks_app *app, ks_error *error)
{
    const size_t number = app->thread_count + 1;
    const size_t index = free_index(app);
    bool is_exact =
        strcmp(ksi_config_choice(app->config, "processing.guarantee"), "exactly_once_v2") == 0;
    int64_t cache_bytes = ksi_config_cache_max_bytes(app->config);
    ksi_buffer name = {0};
    ksi_buffer id = {0};
    ksi_buffer_appendf(&name, "%s-StreamThread-%zu", app->name, number);
    ksi_buffer_appendf(&id, "%s-%s-%zu", app->application_id, app->process_id, index);
    const ksi_stream_thread_options options = {.name = ksi_buffer_cstr(&name),
                                               .transactional_id =
                                                   is_exact ? ksi_buffer_cstr(&id) : NULL,
                                               .topology = app->topology,
                                               .config = app->config,
                                               .application_id = app->application_id,
                                               .transport = app->transport,
                                               .assignment = &app->assignment,
                                               .progress = &app->progress,
                                               .session = &app->session,
                                               .global_rows = ksi_app_global_rows(app),
                                               .clock = app->clock,
                                               .logger = &app->logger,
                                               .failure = app->failure_handlers,
                                               .keeps_state = app->local_state != NULL,
                                               .cache_bytes = cache_bytes > 0 ? cache_bytes : -1,
                                               .waiters = &app->waiters,
                                               .paused = &app->paused,
                                               .events = {.taken = on_taken,
                                                          .returned = on_returned,
                                                          .missing = on_missing,
                                                          .fenced = on_fenced,
                                                          .idle = ksi_app_on_idle,
                                                          .owner = app}};
    ksi_stream_thread *thread = ksi_stream_thread_new(&options, error);
    ksi_buffer_destroy(&name);
    ksi_buffer_destroy(&id);
    if (thread == NULL) {
        return ksi_error_flag(error, 0); /* as the transport said */
    }
    ksi_app_thread *slot = ksi_calloc(1, sizeof *slot);
    slot->app = app;
    slot->thread = thread;
    slot->index = index;
    app->threads =
        ksi_grow(app->threads, &app->thread_capacity, app->thread_count + 1, sizeof slot);
    app->threads[app->thread_count++] = slot;
    return KS_OK;
}

/* ---- all of them ----------------------------------------------------------------------------- */

size_t ksi_app_live_threads(const ks_app *app)
{
    size_t count = 0;
    for (size_t i = 0; i < app->thread_count; i++) {
        count += !app->threads[i]->has_ended;
    }
    return count;
}

size_t ksi_app_working_threads(const ks_app *app)
{
    size_t count = 0;
    for (size_t i = 0; i < app->thread_count; i++) {
        const ksi_app_thread *slot = app->threads[i];
        count += !slot->has_ended && !ksi_stream_thread_is_stopping(slot->thread);
    }
    return count;
}

void ksi_app_stop_threads(ks_app *app)
{
    for (size_t i = 0; i < app->thread_count; i++) {
        if (!app->threads[i]->has_ended) {
            ksi_stream_thread_stop(app->threads[i]->thread);
        }
    }
}

/* @java KafkaStreams#resizeThreadCache */
void ksi_app_share_cache(ks_app *app)
{
    int64_t bytes = ksi_config_cache_max_bytes(app->config);
    size_t count = ksi_app_working_threads(app);
    for (size_t i = 0; bytes > 0 && count > 0 && i < app->thread_count; i++) {
        if (!app->threads[i]->has_ended) {
            ksi_stream_thread_resize_cache(app->threads[i]->thread, bytes / (int64_t)count);
        }
    }
    if (app->membership != NULL && count > 0) {
        app->membership->class->set_capacity(app->membership, (int32_t)count);
    }
}

/* ---- for programs ---------------------------------------------------------------------------- */

static ks_status check_runs(const ks_app *app, const char *what, ks_error *error)
{
    ks_app_state state = ks_app_state_of(app);
    if (state != KS_APP_RUNNING && state != KS_APP_REBALANCING) {
        return ksi_error_set(error, KS_E_STATE, app->application_id,
                             "the application is %s; a thread can be %s while it is RUNNING or "
                             "REBALANCING",
                             ks_app_state_name(state), what);
    }
    return KS_OK;
}

static ks_status add_locked(ks_app *app, ks_error *error)
{
    KS_TRY(check_runs(app, "added", error));
    KS_TRY(ksi_app_add_thread(app, error));
    KS_TRY(ksi_app_start_native(app, app->threads[app->thread_count - 1], error));
    ksi_app_share_cache(app);
    return KS_OK;
}

ks_status ks_app_add_stream_thread(ks_app *app, ks_error *error)
{
    KS_TRY(ksi_app_check_given(app, error));
    ksi_mutex_lock(&app->lock);
    ks_status status = add_locked(app, error);
    ksi_mutex_unlock(&app->lock);
    ksi_app_post(app, KSI_APP_TAKEN, NULL); /* a look at who has what */
    return status;
}

/* The youngest that works. */
static ksi_app_thread *last_working(const ks_app *app)
{
    for (size_t i = app->thread_count; i > 0; i--) {
        ksi_app_thread *slot = app->threads[i - 1];
        if (!slot->has_ended && !ksi_stream_thread_is_stopping(slot->thread)) {
            return slot;
        }
    }
    return NULL;
}

ks_status ks_app_remove_stream_thread(ks_app *app, ks_error *error)
{
    KS_TRY(ksi_app_check_given(app, error));
    ksi_mutex_lock(&app->lock);
    ks_status status = check_runs(app, "removed", error);
    ksi_app_thread *slot = status == KS_OK ? last_working(app) : NULL;
    if (status == KS_OK && slot == NULL) {
        status = ksi_error_set(error, KS_E_STATE, app->application_id,
                               "the application has no stream thread that could be removed");
    }
    if (slot != NULL) {
        ksi_stream_thread_stop(slot->thread);
        ksi_app_share_cache(app);
    }
    ksi_mutex_unlock(&app->lock);
    return status;
}
