/* SPDX-License-Identifier: Apache-2.0 */
/*
 * files.h - small things about files and directories. What fails answers false and leaves errno.
 *
 * Thread rule: any thread.
 */
#ifndef KSI_STORAGE_FILES_H
#define KSI_STORAGE_FILES_H

#include "base/clock.h"
#include <kstreams/common.h>

enum { KSI_DIRECTORY_MODE = 0750, KSI_FILE_MODE = 0640 };

/* "directory/name", to be freed with ksi_free(). */
char *ksi_path_join(const char *directory, const char *name);
bool ksi_path_exists(const char *path);

/* "2026-11-21T09:30:00Z"; `compact` leaves out what a file name should not have. */
void ksi_time_text(ksi_clock *clock, bool compact, char *text, size_t size);

/* At most `size` - 1 bytes of a small file, NUL-terminated. */
bool ksi_file_read_text(int file, char *text, size_t size);
bool ksi_file_write_all(int file, const char *text, size_t size);
/* Makes a new file with this text, durable; false when it is there or cannot be. */
bool ksi_file_create(const char *path, const char *text);
/* Makes the names in a directory durable. */
bool ksi_directory_sync(const char *path);
/*
 * Makes a directory and what is missing above it. When it cannot, `*refused` is the part that could
 * not be made, to be freed.
 */
bool ksi_directories_make(const char *path, char **refused);

/*
 * Removes a directory with all that is in it, as far down as `depth` directories below it; one that
 * is not there is no mistake. When it cannot, `*refused` is what could not be removed, to be freed.
 */
bool ksi_directory_remove(const char *path, int depth, char **refused);

/*
 * KS_E_IO in words, by errno: "cannot write DIR/lock: Read-only file system; give this user ... or
 * set state.dir to a directory that has it". `place` is the property that named the directory.
 */
ks_status ksi_file_refused(const char *what, const char *path, const char *place, ks_error *error);

#endif
