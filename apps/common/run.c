/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.c - runs an application until it has processed all there is, or a signal stops it.
 *
 * A service would call ks_app_run(), which goes on for ever. A program over a file has an end:
 * everything that was loaded is processed and committed. So the main thread waits for that in short
 * turns, and between two of them shows progress and looks whether a signal came. The handler only
 * sets a flag; the library's threads block all signals, so it is always the main thread that gets
 * them, and closing the application commits what was done.
 *
 * Thread rule: the main thread, one run at a time.
 */
#include "common/run.h"

#include <signal.h>
#include <stdlib.h>

#include "common/progress.h"

static const int64_t turn_ms = 50;

static volatile sig_atomic_t signal_seen;

static void remember_signal(int number)
{
    signal_seen = number;
}

/* Waits in turns; KS_OK at the end and after a signal. */
static ks_status wait_for_the_end(ks_app *app, app_progress *progress, ks_error *error)
{
    while (signal_seen == 0) {
        ks_error now = {0};
        ks_status status = ks_app_wait_until_caught_up(app, turn_ms, &now);
        if (status != KS_E_TIMEOUT) {
            if (status != KS_OK) {
                *error = now;
            }
            return status;
        }
        ks_app_stats stats = ks_app_stats_of(app);
        app_progress_show(progress, &stats);
    }
    return KS_OK;
}

ks_status app_run_to_the_end(ks_app *app, const char *name, app_run *run, ks_error *error)
{
    struct sigaction old_interrupt;
    struct sigaction old_terminate;
    struct sigaction action = {.sa_handler = remember_signal};
    app_progress progress;

    *run = (app_run){0};
    signal_seen = 0;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, &old_interrupt);
    sigaction(SIGTERM, &action, &old_terminate);

    app_progress_begin(&progress, name);
    ks_status status = ks_app_start(app, error);
    if (status == KS_OK) {
        status = wait_for_the_end(app, &progress, error);
        run->seconds = app_seconds() - progress.started;
        ks_error close_error = {0};
        if (ks_app_close(app, -1, &close_error) != KS_OK && status == KS_OK) {
            *error = close_error;
            status = close_error.code;
        }
        run->stats = ks_app_stats_of(app);
        run->stopped_by = signal_seen;
        app_progress_end(&progress, &run->stats);
    }

    sigaction(SIGINT, &old_interrupt, NULL);
    sigaction(SIGTERM, &old_terminate, NULL);
    return status;
}

int app_run_exit_status(const app_run *run)
{
    return run->stopped_by != 0 ? 128 + run->stopped_by : EXIT_SUCCESS;
}
