/* SPDX-License-Identifier: Apache-2.0 */
/*
 * app_global.c - the global thread of an application: made, started, stepped, ended.
 *
 * Its stores are opened before the stream threads are made, whose tasks read them, and closed after
 * the last of those has ended. Tasks are made and restored meanwhile, but none runs before the
 * global stores are current (app_tasks.c).
 *
 * Thread rule: with the application's lock; ksi_app_step_global() the thread itself.
 */
#include "runtime/app.h"

#include "base/buffer.h"
#include "base/error.h"

#include <string.h>

static void on_restored(void *owner)
{
    ksi_app_post(owner, KSI_APP_GLOBAL_RESTORED, NULL);
}

ks_status ksi_app_make_global(ks_app *app, ks_error *error)
{
    app->global_is_restored = !ksi_topology_has_global_stores(app->topology);
    app->global_has_ended = app->global_is_restored;
    if (app->global_is_restored) {
        return KS_OK;
    }
    ksi_buffer name = {0};
    ksi_buffer_appendf(&name, "%s-GlobalStreamThread", app->name);
    const ksi_global_thread_options options = {
        .name = ksi_buffer_cstr(&name),
        .topology = app->topology,
        .config = app->config,
        .application_id = app->application_id,
        .transport = app->transport,
        .assignment = &app->assignment,
        .state = app->local_state,
        .clock = app->clock,
        .logger = &app->logger,
        .failure = app->failure_handlers,
        .listener = app->restore_listener,
        .user = app->user,
        .events = {.restored = on_restored, .idle = ksi_app_on_idle, .owner = app}};
    app->global = ksi_global_thread_new(&options, error);
    ksi_buffer_destroy(&name);
    if (app->global == NULL) {
        return ksi_error_flag(error, 0); /* as the disk, a task or the transport said */
    }
    return KS_OK;
}

const ksi_task_rows *ksi_app_global_rows(const ks_app *app)
{
    return app->global != NULL ? ksi_global_thread_rows(app->global) : NULL;
}

static bool say_ended(ks_app *app)
{
    ksi_app_post(app, KSI_APP_GLOBAL_ENDED, NULL);
    return false;
}

bool ksi_app_step_global(ks_app *app, bool *progressed)
{
    ks_error error = {0};
    *progressed = true;
    if (ksi_global_thread_is_stopping(app->global)) {
        if (ksi_global_thread_finish(app->global, &error) != KS_OK) {
            app->global_failure = error;
        }
        return say_ended(app);
    }
    if (ksi_global_thread_step(app->global, progressed, &error) != KS_OK) {
        app->global_failure = error;
        ksi_global_thread_abandon(app->global);
        return say_ended(app);
    }
    return true;
}

static void global_body(void *user)
{
    ks_app *app = user;
    bool progressed = false;
    ksi_app_enter_thread(app);
    while (ksi_app_step_global(app, &progressed)) {
        if (!progressed) {
            ksi_global_thread_wait(app->global);
        }
    }
}

ks_status ksi_app_start_global(ks_app *app, ks_error *error)
{
    if (app->global == NULL || app->is_manual) {
        return KS_OK;
    }
    int reason = ksi_thread_start(&app->global_native, "global-thread", global_body, app);
    if (reason != 0) {
        app->global_has_ended = true; /* nobody steps it */
        return ksi_error_set(error, KS_E_IO, ksi_global_thread_name(app->global),
                             "the thread could not be started: %s", strerror(reason));
    }
    return KS_OK;
}

bool ksi_app_end_global(ks_app *app)
{
    if (!app->global_has_ended) {
        ksi_global_thread_stop(app->global);
    }
    return app->global_has_ended;
}
