/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scratch.h - a temporary directory for one run of a program.
 */
#ifndef APPS_COMMON_SCRATCH_H
#define APPS_COMMON_SCRATCH_H

#include <kstreams/common.h>

/*
 * Makes "NAME-XXXXXX" in $TMPDIR, or in /tmp. NULL with an error; give it to app_scratch_remove().
 */
char *app_scratch_make(const char *name, ks_error *error);

/* Removes the directory with all that is in it, and frees the path. Accepts NULL. */
void app_scratch_remove(char *path);

#endif
