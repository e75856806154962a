/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h - the command line of ks-bench.
 */
#ifndef KS_BENCH_OPTIONS_H
#define KS_BENCH_OPTIONS_H

#include "generator.h"
#include "jobs.h"

#define BENCH_PROGRAM "ks-bench"

/* The exit status for arguments that make no sense. */
#define BENCH_EXIT_USAGE 2

typedef enum bench_command { BENCH_RUN, BENCH_FILL, BENCH_FILL_LINES } bench_command;

/* Numbers that were not given and have no default are -1, texts NULL. */
typedef struct bench_options {
    bench_command command;
    const bench_job *job; /* NULL unless BENCH_RUN */
    const char *bootstrap_server;
    const char *input;
    const char *input2;
    const char *output;
    const char *topic;
    const char *rows; /* second topics to fill; at most one of them */
    const char *twin;
    int64_t records;
    int64_t lines;
    const char *guarantee; /* "alos" or "eos" */
    int64_t threads;
    int64_t cache_bytes;
    int64_t commit_ms;
    bool fill;
    bool restore;
    int64_t keys;
    int64_t value_bytes;
    int64_t words;
    int64_t vocabulary;
    int64_t partitions;
    int64_t seed;
    int64_t start_ms;
} bench_options;

/* True: go on. False: everything has been said; end with `*exit_status`. */
bool bench_options_read(int argc, char **argv, bench_options *options, int *exit_status);

/* What the options ask the generator for, in the first topic and in the second. */
bench_input bench_options_input(const bench_options *options);
bench_input bench_options_second_input(const bench_options *options);

/* What the second topic is to be filled with. */
bench_second bench_options_second(const bench_options *options);

/* The log lives in this process only. */
bool bench_options_in_memory(const bench_options *options);

#endif
