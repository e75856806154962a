/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manual_app.c - see manual_app.h.
 */
#include "manual_app.h"

#include "runtime/stream_thread_parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { STEP_MS = 10, MOST_STEPS = 100000, MOST_TASKS = 32 };

/* ---- what an application tells --------------------------------------------------------------- */

static void hear(ks_log_level level, const char *where, const char *message, void *user)
{
    manual_app *app = user;
    (void)where;
    if (level == KS_LOG_LEVEL_ERROR) {
        (void)snprintf(app->last_error, sizeof app->last_error, "%s", message);
    }
    if (strstr(message, "restored store") != NULL) {
        (void)snprintf(app->last_restored, sizeof app->last_restored, "%s", message);
        app->restores++;
    }
    app->rejoins += strstr(message, "it joins again") != NULL;
}

static ks_uncaught_answer answer(const ks_error *error, void *user)
{
    manual_app *app = user;
    app->asked++;
    (void)snprintf(app->asked_about, sizeof app->asked_about, "%s", error->message);
    return app->answer;
}

static void follow_restore(const ks_restore_progress *progress, void *user)
{
    ((manual_app *)user)->promotions += progress->step == KS_STANDBY_PROMOTED;
}

/* ---- coming and going ------------------------------------------------------------------------ */

manual_world *manual_world_new(void)
{
    manual_world *world = test_calloc(1, sizeof *world);
    world->log = log_open();
    ksi_manual_clock_init(&world->clock, 1000000);
    return world;
}

static void forget(manual_app *app)
{
    ks_topology_free(app->topology);
    ks_config_free(app->config);
    app->topology = NULL;
    app->config = NULL;
}

void manual_world_free(manual_world *world)
{
    for (size_t i = 0; i < MANUAL_APPS; i++) {
        if (world->apps[i].app != NULL) {
            manual_crash(&world->apps[i]);
        }
        forget(&world->apps[i]);
    }
    ks_log_free(world->log);
    test_free(world);
}

manual_app *manual_start(manual_world *world, size_t which, ks_topology *topology,
                         ks_config *config)
{
    manual_app *app = &world->apps[which];
    assert_null(app->app);
    forget(app);
    *app = (manual_app){.world = world, .topology = topology, .config = config};
    manual_restart(app);
    return app;
}

void manual_restart(manual_app *app)
{
    ks_error error = {0};
    char process[24];
    (void)snprintf(process, sizeof process, "process-%d", (int)(app - app->world->apps));
    const ksi_app_seams seams = {
        .clock = &app->world->clock.clock, .process_id = process, .is_manual = true};
    app->app = ksi_app_new(app->topology, app->config,
                           KS_APP_OPTIONS(.log = app->world->log, .log_line = hear,
                                          .uncaught_error = answer,
                                          .restore_listener = follow_restore, .user = app),
                           &seams, &error);
    assert_ok(app->app != NULL ? KS_OK : error.code, &error);
    assert_ok(ks_app_start(app->app, &error), &error);
}

static bool step_app(manual_app *app);

void manual_close(manual_app *app)
{
    ks_error error = {0};
    ks_status asked = ks_app_close(app->app, 0, &error); /* there is nobody who would wait */
    assert_true(asked == KS_E_TIMEOUT || ksi_app_has_ended(app->app));
    for (int steps = 0; !ksi_app_has_ended(app->app); steps++) {
        assert_true(steps < MOST_STEPS);
        (void)step_app(app);
    }
    ks_app_free(app->app);
    app->app = NULL;
}

void manual_crash(manual_app *app)
{
    ksi_app_crash(app->app);
    ks_app_free(app->app);
    app->app = NULL;
}

/* ---- who runs what --------------------------------------------------------------------------- */

size_t manual_running_in(const manual_app *app, size_t thread)
{
    return app->app->threads[thread]->thread->task_count;
}

size_t manual_running(const manual_app *app)
{
    size_t count = 0;
    for (size_t i = 0; i < app->app->thread_count; i++) {
        count += manual_running_in(app, i);
    }
    return count;
}

ksi_task_handle *manual_task(const manual_app *app, int subtopology, int32_t partition)
{
    for (size_t i = 0; i < app->app->task_count; i++) {
        ksi_task_handle *task = app->app->tasks[i];
        if (task->id.subtopology == subtopology && task->id.partition == partition) {
            return task;
        }
    }
    return NULL;
}

typedef struct seen_tasks {
    ksi_task_id ids[MOST_TASKS];
    size_t count;
} seen_tasks;

static void see(seen_tasks *seen, ksi_task_id id)
{
    for (size_t i = 0; i < seen->count; i++) {
        if (seen->ids[i].subtopology == id.subtopology && seen->ids[i].partition == id.partition) {
            fail_msg("task %d_%d runs twice", id.subtopology, (int)id.partition);
        }
    }
    assert_true(seen->count < MOST_TASKS);
    seen->ids[seen->count++] = id;
}

static void expect_no_task_twice(const manual_world *world)
{
    seen_tasks seen = {.count = 0};
    for (size_t a = 0; a < MANUAL_APPS; a++) {
        const manual_app *app = &world->apps[a];
        bool looked_at = app->app != NULL && !app->left_out && !app->app->is_lost;
        for (size_t t = 0; looked_at && t < app->app->thread_count; t++) {
            const ksi_stream_thread *thread = app->app->threads[t]->thread;
            for (size_t i = 0; i < thread->task_count; i++) {
                see(&seen, thread->tasks[i]->handle->id);
            }
        }
    }
}

/* ---- stepping -------------------------------------------------------------------------------- */

static bool step_app(manual_app *app)
{
    bool any = false;
    for (size_t worker = 0; worker < ksi_app_worker_count(app->app); worker++) {
        bool progressed = false;
        (void)ksi_app_step_worker(app->app, worker, &progressed);
        any = any || progressed;
        expect_no_task_twice(app->world);
    }
    return any;
}

bool manual_step(manual_world *world)
{
    bool any = false;
    for (size_t i = 0; i < MANUAL_APPS; i++) {
        manual_app *app = &world->apps[i];
        if (app->app != NULL && !app->left_out) {
            any = step_app(app) || any;
        }
    }
    return any;
}

void manual_settle(manual_world *world)
{
    for (int steps = 0; manual_step(world); steps++) {
        assert_true(steps < MOST_STEPS);
    }
}

void manual_run_ms(manual_world *world, int64_t ms)
{
    manual_settle(world);
    for (int64_t passed = 0; passed < ms; passed += STEP_MS) {
        world->clock.now_ms += STEP_MS;
        manual_settle(world);
    }
}
