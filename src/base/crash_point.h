/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crash_point.h - named moments at which a test may kill the process.
 *
 * A crash is only interesting between two steps that belong together, and those moments are too
 * short to hit by chance. Each has a name here; a test sets the hook, and a child process kills
 * itself in it. Without a hook a point costs one load, so points stay in every build.
 *
 * The names are listed so that a test can tell that one was never reached.
 */
#ifndef KSI_BASE_CRASH_POINT_H
#define KSI_BASE_CRASH_POINT_H

#include <stddef.h>

typedef void ksi_crash_hook_fn(const char *point);
extern ksi_crash_hook_fn *ksi_crash_hook; /* NULL: nothing happens */

#define KSI_CRASH_POINT(point)      \
    do {                            \
        if (ksi_crash_hook != NULL) \
            ksi_crash_hook(point);  \
    } while (0)

/* Every name that is used, ended by NULL: by stores and their database, ... */
extern const char *const ksi_crash_points[];
/* ... by a stream thread that commits, ... */
extern const char *const ksi_commit_crash_points[];
/* ... and by a log in a directory. */
extern const char *const ksi_log_crash_points[];

#endif
