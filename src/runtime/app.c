/* SPDX-License-Identifier: Apache-2.0 */
/*
 * app.c - an application: made, told of by its threads, ended, freed. @java KafkaStreams
 *
 * What is asked of its properties is in app_check.c, starting in app_start.c, waiting and closing
 * in app_wait.c.
 *
 * Ending has one way. Whoever wants the end (close, a failed thread) asks every thread to stop;
 * each ends by itself, and the last one leaves the group and makes the last step of the state.
 * Joining them is left to close and free, which wait for that step first.
 *
 * Failure. The first failing thread's error is kept. Its tasks commit nothing; the other threads
 * commit and close as at any end, which is what Java does under SHUTDOWN_CLIENT.
 *
 * State on disk is the application's: taken before the first task is made, given back when the last
 * thread has ended, whatever the reason.
 *
 * Lock order: a task's store lock, then the application's, then the log's or the logger's. No
 * thread takes one of them while it holds one that comes later.
 *
 * Thread rule: any thread, as <kstreams/app.h> says.
 */
#include "runtime/app.h"

#include "base/check.h"
#include "base/error.h"
#include "base/memory.h"
#include "config/config.h"

#include <unistd.h>

/* ---- making ---------------------------------------------------------------------------------- */

void ks_app_options_init(ks_app_options *options)
{
    *options = (ks_app_options){.head.struct_size = sizeof *options};
}

static void log_notice(const char *name, const char *message, void *user)
{
    ks_app *app = user;
    ksi_log(&app->logger, KS_LOG_LEVEL_WARN, name, "%s", message);
}

/* The log it works on: the one given, or the one the properties name. */
static ks_status open_transport(ks_app *app, ks_log *given, ks_error *error)
{
    if (given != NULL) {
        app->transport = ksi_log_transport(given);
        return KS_OK;
    }
    ks_error reason = {0};
    ks_log *log = ks_log_open(ksi_config_text(app->config, "bootstrap.servers"), &reason);
    if (log == NULL) {
        if (error != NULL) {
            *error = reason;
        }
        return reason.code;
    }
    app->transport = ksi_log_transport(log);
    ks_log_free(log);
    return KS_OK;
}

ks_app *ksi_app_new(const ks_topology *topology, const ks_config *config,
                    const ks_app_options *options, ksi_clock *clock, ks_error *error)
{
    const ks_app_options none = {0};
    const ks_app_options *how = options != NULL ? options : &none;
    ks_app *app = ksi_calloc(1, sizeof *app);
    app->topology = topology;
    app->config = ksi_config_copy(config);
    app->application_id = ksi_config_text(app->config, "application.id");
    const char *client_id = ksi_config_text(app->config, "client.id");
    app->name = client_id != NULL && client_id[0] != '\0' ? client_id : app->application_id;
    app->clock = clock;
    app->listener = how->state_listener;
    app->rocksdb_config = how->rocksdb_config;
    app->user = how->user;
    app->wake_fd = -1;
    atomic_init(&app->state, KS_APP_CREATED);
    atomic_init(&app->waiters, 0);
    ksi_logger_init(&app->logger, how->log_line, how->user, KS_LOG_LEVEL_INFO);
    ksi_mutex_init(&app->lock);
    ksi_condition_init(&app->changed);
    if (ksi_app_check_config(app->config, error) != KS_OK ||
        ksi_app_check_topology(topology, app->config, error) != KS_OK ||
        open_transport(app, how->log, error) != KS_OK) {
        ks_app_free(app);
        return NULL;
    }
    ksi_config_each_notice(app->config, log_notice, app);
    return app;
}

ks_app *ks_app_new(const ks_topology *topology, const ks_config *config,
                   const ks_app_options *options, ks_error *error)
{
    return ksi_app_new(topology, config, options, &ksi_system_clock, error);
}

/* ---- what the threads tell ------------------------------------------------------------------- */

void ksi_app_stop_threads(ks_app *app)
{
    for (size_t i = 0; i < app->thread_count; i++) {
        ksi_stream_thread_stop(app->threads[i]);
    }
}

void ksi_app_remember_failure(ks_app *app, const ks_error *failure)
{
    if (!app->failed) {
        app->failed = true;
        app->failure = *failure;
    }
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

/* The last step, when no thread is left. */
void ksi_app_end(ks_app *app)
{
    close_state(app);
    if (app->is_member) {
        app->transport->class->leave(app->transport, app->application_id);
        app->is_member = false;
    }
    (void)ksi_app_set_state(app, ks_app_state_of(app) == KS_APP_PENDING_ERROR ? KS_APP_ERROR
                                                                              : KS_APP_NOT_RUNNING);
    if (app->wake_fd >= 0) {
        ssize_t written = write(app->wake_fd, "", 1);
        (void)written; /* a full pipe wakes its reader as well */
    }
}

static void on_ready(void *owner)
{
    ks_app *app = owner;
    ksi_mutex_lock(&app->lock);
    app->restoring--;
    if (app->restoring == 0) {
        (void)ksi_app_set_state(app, KS_APP_RUNNING);
        ksi_local_state_log_memory(app->local_state, "when running");
    }
    ksi_mutex_unlock(&app->lock);
}

static void on_idle(void *owner)
{
    ks_app *app = owner;
    if (atomic_load(&app->waiters) > 0) {
        ksi_mutex_lock(&app->lock);
        ksi_condition_wake_all(&app->changed);
        ksi_mutex_unlock(&app->lock);
    }
}

static void on_ended(void *owner, const ks_error *failure)
{
    ks_app *app = owner;
    ksi_mutex_lock(&app->lock);
    if (failure != NULL) {
        char text[sizeof *failure + 64];
        ksi_log(&app->logger, KS_LOG_LEVEL_ERROR, app->name, "the application stops: %s",
                ks_error_text(failure, text, sizeof text));
        ksi_app_remember_failure(app, failure);
        (void)ksi_app_set_state(app, KS_APP_PENDING_ERROR);
        ksi_app_stop_threads(app);
    }
    app->live--;
    if (app->live == 0) {
        ksi_app_end(app);
    }
    ksi_mutex_unlock(&app->lock);
}

/* The application whose stream thread this is: it must not wait for its own end. */
static _Thread_local const ks_app *app_of_this_thread;

ks_status ksi_app_check_may_wait(const ks_app *app, const char *call, ks_error *error)
{
    if (app_of_this_thread == app) {
        return ksi_error_set(error, KS_E_STATE, app->application_id,
                             "%s was called by a callback of the application, which would wait for "
                             "itself; call it in a thread of the program (to ask for the end only, "
                             "ks_app_close() with a timeout of 0 will do)",
                             call);
    }
    return KS_OK;
}

void ksi_app_thread_body(void *user)
{
    ksi_stream_thread *thread = user;
    ks_app *app = ksi_stream_thread_owner(thread);
    app_of_this_thread = app;
    const ksi_stream_thread_events events = {
        .ready = on_ready, .idle = on_idle, .ended = on_ended, .owner = app};
    ksi_stream_thread_run(thread, &events);
}

/* ---- the end --------------------------------------------------------------------------------- */

void ks_app_free(ks_app *app)
{
    if (app == NULL) {
        return;
    }
    KSI_CHECK(app_of_this_thread != app); /* a callback cannot free the application it runs in */
    if (app->thread_count > 0) {
        ks_status status = ks_app_close(app, -1, NULL);
        (void)status; /* nobody to tell: a failure was logged when it happened */
    }
    for (size_t i = 0; i < app->thread_count; i++) {
        ksi_stream_thread_free(app->threads[i]);
    }
    ksi_free(app->threads);
    ksi_free(app->natives);
    ksi_assignment_destroy(&app->assignment);
    if (app->transport != NULL) {
        app->transport->class->release(app->transport);
    }
    ksi_logger_destroy(&app->logger);
    ksi_condition_destroy(&app->changed);
    ksi_mutex_destroy(&app->lock);
    ks_config_free(app->config);
    ksi_free(app);
}
