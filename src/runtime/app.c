/* SPDX-License-Identifier: Apache-2.0 */
/*
 * app.c - an application: made, paused, cleaned, freed. @java KafkaStreams
 *
 * app.h says which file does what. Joining native threads is left to close and free, which first
 * wait for the supervisor to make the last step of the state: whoever sees NOT_RUNNING or ERROR
 * knows that nothing of the application runs any more.
 *
 * Thread rule: any thread, as <kstreams/app.h> says.
 */
#include "runtime/app.h"

#include "base/check.h"
#include "base/error.h"
#include "base/memory.h"
#include "config/config.h"
#include "storage/state_directory.h"
#include "transport/log_handle.h"

#include <errno.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

enum { HOLD_WITHIN_MS = 10000 };

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

/* The log that was given, with clients of the application's own where a log has clients. */
static ksi_transport *transport_of(ks_app *app, ks_log *given, ks_error *error)
{
    ksi_transport *shared = ksi_log_transport(given);
    if (shared->class->for_application == NULL) {
        return shared;
    }
    ksi_transport *own = shared->class->for_application(shared, app->config, &app->logger, error);
    shared->class->release(shared);
    return own;
}

/* The log that the properties name. A program that looks at it may hold it for a moment. */
static ksi_transport *open_log(ks_app *app, ks_error *error)
{
    bool syncs = strcmp(ksi_config_choice(app->config, "embedded.sync"), "commit") == 0;
    const ks_log_options *how =
        KS_LOG_OPTIONS(.sync_commits = syncs, .hold_within_ms = HOLD_WITHIN_MS,
                       .config = app->config);
    return ksi_log_open_transport(ksi_config_text(app->config, "bootstrap.servers"), how,
                                  &app->logger, error);
}

static ks_status open_transport(ks_app *app, ksi_transport *injected, ks_log *given,
                                ks_error *error)
{
    ks_error reason = {0};
    if (injected != NULL) {
        injected->class->retain(injected);
        app->transport = injected;
    } else {
        app->transport = given != NULL ? transport_of(app, given, &reason) : open_log(app, &reason);
    }
    if (reason.code != KS_OK && error != NULL) {
        *error = reason;
    }
    return reason.code;
}

/* Something that no other member has; for humans it means nothing. */
static void make_process_id(ks_app *app, const char *given)
{
    unsigned char bytes[16] = {0};
    app->has_own_id = given != NULL;
    if (given != NULL) {
        (void)snprintf(app->process_id, sizeof app->process_id, "%s", given);
        return;
    }
    ssize_t got = getrandom(bytes, sizeof bytes, 0);
    KSI_CHECK(got == (ssize_t)sizeof bytes); /* so few bytes never fail */
    for (size_t i = 0; i < sizeof bytes; i++) {
        (void)snprintf(app->process_id + 2 * i, 3, "%02x", bytes[i]);
    }
}

static void init_locks(ks_app *app)
{
    ksi_mutex_init(&app->lock);
    ksi_condition_init(&app->changed);
    ksi_mailbox_init(&app->mailbox);
    ksi_group_session_init(&app->session);
    atomic_init(&app->state, KS_APP_CREATED);
    atomic_init(&app->waiters, 0);
    atomic_init(&app->paused, false);
}

static ks_status open_wake_event(ks_app *app, ks_error *error)
{
    app->wake_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (app->wake_event < 0) {
        return ksi_error_set(error, KS_E_IO, app->name, "no descriptor could be made: %s",
                             strerror(errno));
    }
    return KS_OK;
}

static void init_patience(ks_app *app)
{
    app->puts_up =
        (ksi_patience_options){.who = app->name,
                               .clock = app->clock,
                               .logger = &app->logger,
                               .timeout_ms = ksi_config_i64(app->config, "task.timeout.ms")};
    ksi_patience_init(&app->patience, &app->puts_up);
}

ks_app *ksi_app_new(const ks_topology *topology, const ks_config *config,
                    const ks_app_options *options, const ksi_app_seams *seams, ks_error *error)
{
    const ks_app_options none = {0};
    const ks_app_options *how = options != NULL ? options : &none;
    ks_app *app = ksi_calloc(1, sizeof *app);
    app->topology = topology;
    app->config = ksi_config_copy(config);
    app->application_id = ksi_config_text(app->config, "application.id");
    const char *client_id = ksi_config_text(app->config, "client.id");
    app->name = client_id != NULL && client_id[0] != '\0' ? client_id : app->application_id;
    app->clock = seams->clock;
    app->is_manual = seams->is_manual;
    app->listener = how->state_listener;
    app->restore_listener = how->restore_listener;
    app->uncaught = how->uncaught_error;
    app->rocksdb_config = how->rocksdb_config;
    app->user = how->user;
    app->failure_handlers = (ksi_failure_handlers){.deserialization = how->deserialization_handler,
                                                   .processing = how->processing_handler,
                                                   .production = how->production_handler,
                                                   .user = how->user};
    app->wake_fd = -1;
    app->wake_event = -1;
    app->missing_since_ms = -1;
    app->refused_since_ms = -1;
    make_process_id(app, seams->process_id);
    init_locks(app);
    init_patience(app);
    ksi_logger_init(&app->logger, how->log_line, how->user,
                    how->log_debug ? KS_LOG_LEVEL_DEBUG : KS_LOG_LEVEL_INFO);
    if (ksi_app_check_config(app->config, error) != KS_OK ||
        ksi_app_check_topology(topology, app->config, error) != KS_OK ||
        ksi_topology_begin_use(topology, error) != KS_OK || open_wake_event(app, error) != KS_OK ||
        open_transport(app, seams->transport, how->log, error) != KS_OK) {
        ks_app_free(app);
        return NULL;
    }
    bool has_clients = app->transport->class->for_application != NULL;
    ksi_config_each_notice(app->config, has_clients, log_notice, app);
    return app;
}

ks_app *ks_app_new(const ks_topology *topology, const ks_config *config,
                   const ks_app_options *options, ks_error *error)
{
    const ksi_app_seams seams = {.clock = &ksi_system_clock};
    return ksi_app_new(topology, config, options, &seams, error);
}

/* ---- threads of the application -------------------------------------------------------------- */

/* The application whose thread this is: it must not wait for its own end. */
static _Thread_local const ks_app *app_of_this_thread;

void ksi_app_enter_thread(const ks_app *app)
{
    app_of_this_thread = app;
}

ks_status ksi_app_check_given(const ks_app *app, ks_error *error)
{
    return app != NULL ? KS_OK
                       : ksi_error_set(error, KS_E_ARGUMENT, "application",
                                       "must not be NULL; ks_app_new() said why it made none");
}

ks_status ksi_app_check_may_wait(const ks_app *app, const char *call, ks_error *error)
{
    KS_TRY(ksi_app_check_given(app, error));
    if (app_of_this_thread == app) {
        return ksi_error_set(error, KS_E_STATE, app->application_id,
                             "%s was called by a callback of the application, which would wait for "
                             "itself; call it in a thread of the program (to ask for the end only, "
                             "ks_app_close() with a timeout of 0 will do)",
                             call);
    }
    return KS_OK;
}

/* ---- pausing and cleaning -------------------------------------------------------------------- */

static void wake_threads(ks_app *app)
{
    ksi_mutex_lock(&app->lock);
    for (size_t i = 0; i < app->thread_count; i++) {
        ksi_stream_thread_wake(app->threads[i]->thread);
    }
    ksi_mutex_unlock(&app->lock);
}

void ks_app_pause(ks_app *app)
{
    atomic_store(&app->paused, true);
}

void ks_app_resume(ks_app *app)
{
    atomic_store(&app->paused, false);
    wake_threads(app);
}

bool ks_app_is_paused(const ks_app *app)
{
    return atomic_load(&app->paused);
}

ks_status ks_app_clean_up(ks_app *app, ks_error *error)
{
    KS_TRY(ksi_app_check_given(app, error));
    ksi_mutex_lock(&app->lock);
    ks_app_state state = ks_app_state_of(app);
    ks_status status = KS_OK;
    if (state != KS_APP_CREATED && !ksi_app_has_ended(app)) {
        status = ksi_error_set(error, KS_E_STATE, app->application_id,
                               "the application is %s; its state can be deleted before it starts "
                               "and after it has ended",
                               ks_app_state_name(state));
    } else {
        status = ksi_state_directory_delete_database(ksi_config_text(app->config, "state.dir"),
                                                     app->application_id, app->clock, &app->logger,
                                                     error);
    }
    ksi_mutex_unlock(&app->lock);
    return status;
}

/* ---- the end --------------------------------------------------------------------------------- */

void ksi_app_crash(ks_app *app)
{
    for (size_t i = 0; i < app->thread_count; i++) {
        ksi_stream_thread_abandon(app->threads[i]->thread);
        app->threads[i]->has_ended = true;
    }
    ksi_restorer_free(app->restorer);
    app->restorer = NULL;
    ksi_app_close_tasks(app);
    ksi_global_thread_free(app->global); /* what it did not write down is not written */
    app->global = NULL;
    ksi_local_state_abandon(app->local_state);
    app->local_state = NULL;
    if (app->membership != NULL) {
        app->membership->class->vanish(app->membership);
        app->membership = NULL;
    }
    atomic_store(&app->state, KS_APP_ERROR);
}

static void free_thread(ksi_app_thread *slot)
{
    ksi_stream_thread_free(slot->thread);
    ksi_free(slot);
}

void ks_app_free(ks_app *app)
{
    if (app == NULL) {
        return;
    }
    KSI_CHECK(app_of_this_thread != app); /* a callback cannot free the application it runs in */
    /* One that has ended by itself is closed, too: its threads may be in their last lines. */
    if (app->has_workers && (!app->is_manual || !ksi_app_has_ended(app))) {
        KSI_CHECK(!app->is_manual); /* whoever steps it has to bring it to its end */
        ks_status status = ks_app_close(app, -1, NULL);
        (void)status; /* nobody to tell: a failure was logged when it happened */
    }
    for (size_t i = 0; i < app->thread_count; i++) {
        free_thread(app->threads[i]);
    }
    ksi_restorer_free(app->restorer);
    ksi_global_thread_free(app->global);
    ksi_free(app->threads);
    ksi_free(app->states);
    ksi_progress_destroy(&app->progress);
    ksi_assignment_destroy(&app->assignment);
    if (app->transport != NULL) {
        app->transport->class->release(app->transport);
    }
    ksi_logger_destroy(&app->logger);
    ksi_mailbox_destroy(&app->mailbox);
    ksi_group_session_destroy(&app->session);
    if (app->wake_event >= 0) {
        (void)close(app->wake_event);
    }
    ksi_condition_destroy(&app->changed);
    ksi_mutex_destroy(&app->lock);
    ks_config_free(app->config);
    ksi_free(app);
}
