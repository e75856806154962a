/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.c - numbers as people read them, and the closing lines of a run.
 *
 * Thread rule: any thread.
 */
#include "common/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

const char *app_number(uint64_t number, char *buffer)
{
    char digits[APP_NUMBER_SIZE];
    int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
    char *out = buffer;

    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) {
            *out++ = ',';
        }
        *out++ = digits[i];
    }
    *out = '\0';
    return buffer;
}

/* The most memory this process ever had, in megabytes. */
static double peak_memory_mb(void)
{
    struct rusage usage;

    if (getrusage(RUSAGE_SELF, &usage) != 0) {
        return 0;
    }
    return (double)usage.ru_maxrss / 1024; /* Linux counts kilobytes */
}

void app_print_run(uint64_t input_records, const app_run *run, bool is_durable)
{
    char input[APP_NUMBER_SIZE];
    char processed[APP_NUMBER_SIZE];
    char produced[APP_NUMBER_SIZE];
    char rate[APP_NUMBER_SIZE];
    double seconds = run->seconds > 0 ? run->seconds : 1e-9;
    uint64_t per_second = (uint64_t)((double)run->stats.records_processed / seconds);

    if (input_records == 0 && run->stats.records_processed == 0) {
        printf("%s\n", is_durable ? "nothing is new: all records had been processed before"
                                  : "the input is empty: there was nothing to process");
    }
    printf("input records      %12s\n", app_number(input_records, input));
    printf("records processed  %12s   repartitioned ones included\n",
           app_number(run->stats.records_processed, processed));
    printf("records produced   %12s   results, repartition and changelog topics\n",
           app_number(run->stats.records_produced, produced));
    if (run->stats.records_dropped > 0) {
        printf("drops              %12s   for windows that had closed, without a key, unreadable\n",
               app_number(run->stats.records_dropped, produced));
    }
    printf("time               %12.3f s\n", run->seconds);
    printf("throughput         %12s records/s\n", app_number(per_second, rate));
    printf("peak memory        %12.1f MB%s\n", peak_memory_mb(),
           is_durable ? "" : "   the log with all of its topics included");
    if (run->stopped_by != 0) {
        printf("stopped by signal %d before the end: these are the results up to there\n",
               run->stopped_by);
    }
}

int app_finish(const app_about *about, int exit_status)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return exit_status;
    }
    fprintf(stderr, "%s: results could not be written to standard output: %s\n", about->name,
            errno != 0 ? strerror(errno) : "an earlier write failed");
    return EXIT_FAILURE;
}
