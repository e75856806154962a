/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.h - runs an application until it has processed all there is, or a signal stops it.
 */
#ifndef APPS_COMMON_RUN_H
#define APPS_COMMON_RUN_H

#include <kstreams/app.h>

typedef struct app_run {
    ks_app_stats stats; /* at the end */
    double seconds;     /* from the start of the application to its last commit */
    int stopped_by;     /* SIGINT or SIGTERM; 0 when it came to the end */
} app_run;

/*
 * Starts `app`, shows progress under `name`, waits, and closes it. A stop by a signal is no error.
 */
KS_NODISCARD ks_status app_run_to_the_end(ks_app *app, const char *name, app_run *run,
                                          ks_error *error);

/* What main() returns after a run that went well. */
int app_run_exit_status(const app_run *run);

#endif
