/* SPDX-License-Identifier: Apache-2.0 */
/*
 * files.h - scenario files and temporary folders.
 *
 * What is returned is owned by the caller and freed with free(), a list with file_list_free(). On
 * failure errno says why.
 */
#ifndef CONFORMANCE_FILES_H
#define CONFORMANCE_FILES_H

#include <stdbool.h>
#include <stddef.h>

typedef struct file_list {
    char **paths;
    size_t count;
    size_t room;
} file_list;

/**
 * Adds a file or, of a folder, every file below it whose name ends in `.json`, sorted by path.
 * @return false when the path is neither, or something below it cannot be read; `culprit`, if so,
 *         is owned
 */
bool file_list_add(file_list *list, const char *path, char **culprit);
void file_list_free(file_list *list);

/** The bytes of a file, or NULL. */
char *file_read(const char *path, size_t *size);

/** A new empty folder below $TMPDIR or /tmp, or NULL. */
char *folder_make_temporary(void);

/**
 * Removes such a folder with all that is in it, and frees its path; NULL is fine. What cannot be
 * removed stays.
 */
void folder_remove(char *path);

#endif
