/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - ks-bench: what a topology costs.
 *
 * Runs a job over the records of a topic and prints one line of JSON; fills topics with records
 * that are the same every time, so that what a job answers can be checked by whoever writes the
 * generator again. bench/README.md says how to read the line; generator.h, jobs.h and result.h
 * define records, jobs and the digest.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fill.h"
#include "run.h"

int main(int argc, char **argv)
{
    int64_t start_ns = bench_now_ns();
    bench_options options;
    int exit_status;

    if (bench_options_read(argc, argv, &options, &exit_status)) {
        exit_status = options.command == BENCH_RUN ? bench_run(&options, start_ns)
                                                   : bench_fill_command(&options);
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, BENCH_PROGRAM ": the output could not be written: %s\n", strerror(errno));
        return EXIT_FAILURE;
    }
    return exit_status;
}
