/* SPDX-License-Identifier: Apache-2.0 */
/*
 * app_start.c - an application is started: group, assignment, topics, state, threads, tasks.
 *
 * Starting happens in the caller's thread, up to the point where records flow: assignment, internal
 * topics, tasks. So a missing topic or a serde that nobody named is the answer of ks_app_start()
 * and not a line in a log. Only restoring is left to the threads.
 *
 * Thread rule: the caller of ks_app_start(), with the application's lock held.
 */
#include "runtime/app.h"

#include "base/buffer.h"
#include "base/error.h"
#include "base/memory.h"
#include "config/config.h"
#include "runtime/internal_topics.h"

#include <string.h>

static ks_status make_thread(ks_app *app, size_t number, size_t count, ks_error *error)
{
    int64_t cache_bytes = ksi_config_cache_max_bytes(app->config);
    ksi_buffer name = {0};
    ksi_buffer_appendf(&name, "%s-StreamThread-%zu", app->name, number);
    const ksi_stream_thread_options options = {
        .name = ksi_buffer_cstr(&name),
        .owner = app,
        .topology = app->topology,
        .config = app->config,
        .application_id = app->application_id,
        .transport = app->transport,
        .assignment = &app->assignment,
        .clock = app->clock,
        .logger = &app->logger,
        .state = app->local_state,
        .cache_bytes = cache_bytes > 0 ? cache_bytes / (int64_t)count : -1,
        .waiters = &app->waiters};
    ksi_stream_thread *thread = ksi_stream_thread_new(&options, error);
    ksi_buffer_destroy(&name);
    if (thread == NULL) {
        return ksi_error_flag(error, 0); /* as the transport said */
    }
    app->threads[app->thread_count++] = thread;
    return KS_OK;
}

static ks_status make_threads(ks_app *app, ks_error *error)
{
    size_t count = (size_t)ksi_config_i32(app->config, "num.stream.threads");
    app->threads = ksi_calloc(count, sizeof(ksi_stream_thread *));
    app->natives = ksi_calloc(count, sizeof *app->natives);
    for (size_t i = 0; i < count; i++) {
        KS_TRY(make_thread(app, i + 1, count, error));
    }
    return KS_OK;
}

/* How many stores on disk the tasks will have. */
static size_t count_stores_on_disk(const ks_app *app)
{
    size_t count = 0;
    for (size_t t = 0; t < app->assignment.task_count; t++) {
        for (size_t i = 0; i < app->topology->store_count; i++) {
            const ksi_topology_store *store = &app->topology->stores[i];
            count += store->subtopology == app->assignment.tasks[t].subtopology &&
                     ksi_local_state_keeps(&store->spec);
        }
    }
    return count;
}

static ks_status open_state(ks_app *app, ks_error *error)
{
    const ksi_local_state_options options = {.topology = app->topology,
                                             .config = app->config,
                                             .application_id = app->application_id,
                                             .row_stores = count_stores_on_disk(app),
                                             .rocksdb_config = app->rocksdb_config,
                                             .user = app->user,
                                             .clock = app->clock,
                                             .logger = &app->logger};
    if (options.row_stores == 0) {
        return KS_OK;
    }
    app->local_state = ksi_local_state_open(&options, error);
    return app->local_state != NULL ? KS_OK : ksi_error_flag(error, 0); /* as the state said */
}

static ks_status make_tasks(ks_app *app, ks_error *error)
{
    KS_TRY(open_state(app, error));
    KS_TRY(make_threads(app, error));
    for (size_t i = 0; i < app->assignment.task_count; i++) {
        ksi_stream_thread *thread = app->threads[i % app->thread_count];
        KS_TRY(ksi_stream_thread_add_task(thread, app->assignment.tasks[i], error));
    }
    return KS_OK;
}

/* The opposite, before a thread was started. */
static void drop_tasks(ks_app *app)
{
    for (size_t i = 0; i < app->thread_count; i++) {
        ksi_stream_thread_free(app->threads[i]);
    }
    ksi_free(app->threads);
    ksi_free(app->natives);
    app->threads = NULL;
    app->natives = NULL;
    app->thread_count = 0;
}

/*
 * A database may open and not read all the same, which its stores find out. Then it is set aside,
 * as one that does not open, and the tasks are made on a new one.
 */
static ks_status make_tasks_on_good_state(ks_app *app, ks_error *error)
{
    ks_error reason = {0};
    ks_status status = make_tasks(app, &reason);
    if (status != KS_OK && ksi_local_state_failed(app->local_state, &reason)) {
        drop_tasks(app);
        ksi_local_state *broken = app->local_state;
        app->local_state = NULL;
        KS_TRY(ksi_local_state_close(broken, error));
        return make_tasks(app, error);
    }
    if (status != KS_OK) {
        *error = reason;
    }
    return status;
}

/* All that can fail before a thread runs. */
static ks_status prepare(ks_app *app, ks_error *error)
{
    const ksi_assignment_options options = {.topology = app->topology,
                                            .application_id = app->application_id,
                                            .transport = app->transport,
                                            .logger = &app->logger};
    KS_TRY(app->transport->class->join(app->transport, app->application_id, error));
    app->is_member = true;
    KS_TRY(ksi_assignment_make(&app->assignment, &options, error));
    KS_TRY(ksi_internal_topics_make_ready(&app->assignment, app->transport, &app->logger, error));
    return make_tasks_on_good_state(app, error);
}

static ks_status start_threads(ks_app *app, ks_error *error)
{
    app->restoring = app->thread_count;
    for (size_t i = 0; i < app->thread_count; i++) {
        ksi_stream_thread *thread = app->threads[i];
        int reason =
            ksi_thread_start(&app->natives[i], "stream-thread", ksi_app_thread_body, thread);
        if (reason != 0) {
            return ksi_error_set(error, KS_E_IO, ksi_stream_thread_name(thread),
                                 "the thread could not be started: %s", strerror(reason));
        }
        app->live++;
    }
    return KS_OK;
}

/*
 * The lock is held throughout: a thread that is ready, and a close, wait until the start is over.
 */
static ks_status start_locked(ks_app *app, ks_error *error)
{
    ks_error reason = {0};
    if (!ksi_app_set_state(app, KS_APP_REBALANCING)) {
        return ksi_error_set(error, KS_E_STATE, app->application_id,
                             "an application is started once; this one is %s. Make a new one",
                             ks_app_state_name(ks_app_state_of(app)));
    }
    ks_status status = prepare(app, &reason);
    if (status == KS_OK) {
        status = start_threads(app, &reason);
    }
    if (status == KS_OK) {
        return KS_OK;
    }
    ksi_app_remember_failure(app, &reason);
    if (error != NULL) {
        *error = reason;
    }
    (void)ksi_app_set_state(app, KS_APP_PENDING_ERROR);
    ksi_app_stop_threads(app);
    /* The lock is held, so none of those that were started has ended. */
    for (size_t i = app->live; i < app->thread_count; i++) {
        ksi_stream_thread_abandon(app->threads[i]);
    }
    if (app->live == 0) {
        ksi_app_end(app);
    }
    return status;
}

ks_status ks_app_start(ks_app *app, ks_error *error)
{
    ksi_mutex_lock(&app->lock);
    ks_status status = start_locked(app, error);
    ksi_mutex_unlock(&app->lock);
    return status;
}
