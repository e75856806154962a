/* SPDX-License-Identifier: Apache-2.0 */
/*
 * progress.c - how far an application has got, on standard error.
 *
 * Standard output belongs to the results: `word_count ... > counts.txt` must hold nothing else.
 *
 * Thread rule: the main thread.
 */
#include "common/progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "common/report.h"

static const double rewrite_every = 0.1;
static const double add_line_every = 1.0;

double app_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void app_progress_begin(app_progress *progress, const char *name)
{
    *progress = (app_progress){.name = name, .rewrites = isatty(STDERR_FILENO) == 1};
    progress->started = app_seconds();
    progress->last = progress->started;
}

static void print_line(const app_progress *progress, const ks_app_stats *stats, double now)
{
    char processed[APP_NUMBER_SIZE];
    char behind[APP_NUMBER_SIZE];
    char rate[APP_NUMBER_SIZE];
    double seconds = now - progress->started;
    double per_second = seconds > 0 ? (double)stats->records_processed / seconds : 0;

    fprintf(stderr, "%s%s: %s records processed, %s waiting, %s records/s%s",
            progress->rewrites ? "\r\033[K" : "", progress->name,
            app_number(stats->records_processed, processed),
            app_number(stats->records_behind, behind), app_number((uint64_t)per_second, rate),
            progress->rewrites ? "" : "\n");
    (void)fflush(stderr);
}

void app_progress_show(app_progress *progress, const ks_app_stats *stats)
{
    double now = app_seconds();

    if (now - progress->last >= (progress->rewrites ? rewrite_every : add_line_every)) {
        print_line(progress, stats, now);
        progress->last = now;
    }
}

void app_progress_end(app_progress *progress, const ks_app_stats *stats)
{
    print_line(progress, stats, app_seconds());
    if (progress->rewrites) {
        fputc('\n', stderr);
    }
}
