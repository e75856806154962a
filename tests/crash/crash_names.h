/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crash_names.h - which of ksi_crash_points a life of stores alone never passes: those of the log
 * in a directory and of committing tasks. They are tested with whole applications.
 */
#ifndef TESTS_CRASH_CRASH_NAMES_H
#define TESTS_CRASH_CRASH_NAMES_H

#include <stdbool.h>
#include <string.h>

static inline bool crash_needs_an_application(const char *point)
{
    return strncmp(point, "log.", 4) == 0 || strcmp(point, "commit.flushed") == 0 ||
           strcmp(point, "commit.sent") == 0 || strcmp(point, "commit.committed") == 0;
}

#endif
