/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.c - runs an application until it has processed all there is, or a signal stops it.
 *
 * A service would call ks_app_run(), which goes on for ever. A program over a file has an end:
 * everything that was loaded is processed and committed. So the main thread waits for that in short
 * turns, and between two of them shows progress and looks whether a signal came (stop.h). Closing
 * the application commits what was done.
 *
 * Thread rule: the main thread, one run at a time.
 */
#include "common/run.h"

#include <stdlib.h>

#include "common/progress.h"
#include "common/stop.h"

static const int64_t turn_ms = 50;

/* Waits in turns; KS_OK at the end and after a signal. */
static ks_status wait_for_the_end(ks_app *app, app_progress *progress, ks_error *error)
{
    while (app_stop_signal() == 0) {
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
    app_progress progress;

    *run = (app_run){0};

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
        run->stopped_by = app_stop_signal();
        app_progress_end(&progress, &run->stats);
    }
    return status;
}

int app_run_exit_status(const app_run *run)
{
    return run->stopped_by != 0 ? 128 + run->stopped_by : EXIT_SUCCESS;
}
