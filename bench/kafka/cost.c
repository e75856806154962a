/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cost.c - see cost.h.
 */
#include "cost.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

int64_t bench_now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

void bench_print_cost(const char *job, uint64_t records, int64_t began_ns)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    double cpu_s = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
    printf("{\"job\": \"%s\", \"records\": %" PRIu64 ", \"wall_s\": %.3f, \"cpu_s\": %.3f"
           ", \"records_per_cpu_s\": %.0f, \"peak_rss_mb\": %.1f}\n",
           job, records, (double)(bench_now_ns() - began_ns) / 1e9, cpu_s, (double)records / cpu_s,
           (double)usage.ru_maxrss * 1024 / 1e6);
}
