/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scratch_directory.h - a directory for a test's database, gone when the test is.
 */
#ifndef TESTS_UNIT_STATE_SCRATCH_DIRECTORY_H
#define TESTS_UNIT_STATE_SCRATCH_DIRECTORY_H

#include "storage/rocks.h"

enum { SCRATCH_PATH_BYTES = 512 };

/* Makes an empty directory under TMPDIR and writes its path. */
void scratch_directory_make(char path[SCRATCH_PATH_BYTES]);
/* Deletes it with all that is in it. */
void scratch_directory_remove(const char *path);
/* A database's files as they are, unflushed, at `path`: what a crash would leave. */
void scratch_directory_copy_database(ksi_rocks *rocks, const char *path);

#endif
