/* SPDX-License-Identifier: Apache-2.0 */
/*
 * progress.h - how far an application has got, on standard error.
 *
 * On a terminal one line is rewritten in place, several times a second; elsewhere (a file, a pipe)
 * a line is added once a second.
 */
#ifndef APPS_COMMON_PROGRESS_H
#define APPS_COMMON_PROGRESS_H

#include <kstreams/app.h>

typedef struct app_progress {
    const char *name; /* of the program */
    bool rewrites;    /* standard error is a terminal */
    double started;   /* seconds, of the monotonic clock */
    double last;      /* when a line was printed last */
} app_progress;

/* Seconds of a clock that never jumps. */
double app_seconds(void);

void app_progress_begin(app_progress *progress, const char *name);

/* Shows how far it is, unless it was shown a moment ago. */
void app_progress_show(app_progress *progress, const ks_app_stats *stats);

/* Shows the end, and leaves the line. */
void app_progress_end(app_progress *progress, const ks_app_stats *stats);

#endif
