/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.h - numbers as people read them, and the closing lines of a run.
 */
#ifndef APPS_COMMON_REPORT_H
#define APPS_COMMON_REPORT_H

#include "common/command_line.h"
#include "common/run.h"

#define APP_NUMBER_SIZE 32

/* "1,234,567" into `buffer`, which holds APP_NUMBER_SIZE bytes; returns it. */
const char *app_number(uint64_t number, char *buffer);

/*
 * Prints to standard output what a run did: records, time, rate, peak memory. `is_durable`: the log
 * is not in memory.
 */
void app_print_run(uint64_t input_records, const app_run *run, bool is_durable);

/*
 * What main() returns at the end: `exit_status`, unless results could not be written (a full disk),
 * which is said and is a failure.
 */
int app_finish(const app_about *about, int exit_status);

#endif
