/* SPDX-License-Identifier: Apache-2.0 */
/*
 * files.c - finds scenario files, reads them, makes and removes temporary folders; see files.h.
 *
 * A link to a folder is not followed below an argument, so that a link back up cannot make a walk
 * endless, and removing a folder never leaves it. The order of a walk is that of the bytes of the
 * paths, which is the recorder's.
 */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void *need(void *memory)
{
    if (memory == NULL) {
        fputs("ks-conformance: out of memory\n", stderr);
        abort();
    }
    return memory;
}

static char *joined(const char *folder, const char *name)
{
    size_t end = strlen(folder);
    const char *gap = end > 0 && folder[end - 1] == '/' ? "" : "/";
    size_t size = end + strlen(name) + 2;
    char *path = need(malloc(size));
    snprintf(path, size, "%s%s%s", folder, gap, name);
    return path;
}

/* ---- lists ----------------------------------------------------------------------------------- */

/* Takes the path over. */
static void append(file_list *list, char *path)
{
    if (list->count == list->room) {
        list->room = list->room == 0 ? 64 : list->room * 2;
        list->paths = need(realloc(list->paths, list->room * sizeof *list->paths));
    }
    list->paths[list->count++] = path;
}

void file_list_free(file_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->paths[i]);
    }
    free(list->paths);
    *list = (file_list){0};
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* All that a folder holds, as paths; false with errno when it cannot be read. */
static bool read_folder(file_list *entries, const char *folder)
{
    DIR *open = opendir(folder);
    if (open == NULL) {
        return false;
    }
    const struct dirent *entry = NULL;
    errno = 0;
    while ((entry = readdir(open)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            append(entries, joined(folder, entry->d_name));
        }
    }
    int reason = errno;
    closedir(open);
    errno = reason;
    return reason == 0;
}

/* ---- the walk -------------------------------------------------------------------------------- */

static bool ends_in_json(const char *path)
{
    size_t size = strlen(path);
    return size >= 5 && strcmp(path + size - 5, ".json") == 0;
}

static bool walk(file_list *list, const char *folder, char **culprit)
{
    file_list entries = {0};
    bool sound = read_folder(&entries, folder);
    if (!sound) {
        *culprit = need(strdup(folder));
    }
    for (size_t i = 0; i < entries.count && sound; i++) {
        const char *path = entries.paths[i];
        struct stat status;
        bool is_folder = lstat(path, &status) == 0 && S_ISDIR(status.st_mode);
        if (is_folder) {
            sound = walk(list, path, culprit);
        } else if (ends_in_json(path)) {
            append(list, need(strdup(path)));
        }
    }
    int reason = errno;
    file_list_free(&entries);
    errno = reason;
    return sound;
}

bool file_list_add(file_list *list, const char *path, char **culprit)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        *culprit = need(strdup(path));
        return false;
    }
    if (!S_ISDIR(status.st_mode)) {
        append(list, need(strdup(path)));
        return true;
    }
    size_t before = list->count;
    if (!walk(list, path, culprit)) {
        return false;
    }
    if (list->count > before) {
        qsort(list->paths + before, list->count - before, sizeof *list->paths, by_bytes);
    }
    return true;
}

#define FILE_LIMIT ((size_t)256 * 1024 * 1024) /* no scenario is anywhere near it */

/* ---- contents -------------------------------------------------------------------------------- */

char *file_read(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return NULL;
    }
    size_t room = 1 << 16;
    char *bytes = need(malloc(room));
    *size = 0;
    size_t got = 0;
    while ((got = fread(bytes + *size, 1, room - *size, file)) > 0) {
        *size += got;
        if (*size > FILE_LIMIT) {
            fclose(file);
            free(bytes);
            errno = EFBIG;
            return NULL;
        }
        if (*size == room) {
            room *= 2;
            bytes = need(realloc(bytes, room));
        }
    }
    int reason = ferror(file) ? errno : 0;
    fclose(file);
    if (reason != 0) {
        free(bytes);
        errno = reason;
        return NULL;
    }
    return bytes;
}

/* ---- temporary folders ----------------------------------------------------------------------- */

char *folder_make_temporary(void)
{
    const char *base = getenv("TMPDIR");
    char *path = joined(base != NULL && base[0] != '\0' ? base : "/tmp", "ks-conformance-XXXXXX");
    if (mkdtemp(path) == NULL) {
        free(path);
        return NULL;
    }
    return path;
}

static void remove_tree(const char *path)
{
    file_list entries = {0};
    struct stat status;
    if (lstat(path, &status) == 0 && S_ISDIR(status.st_mode) && read_folder(&entries, path)) {
        for (size_t i = 0; i < entries.count; i++) {
            remove_tree(entries.paths[i]);
        }
    }
    file_list_free(&entries);
    (void)remove(path);
}

void folder_remove(char *path)
{
    if (path != NULL) {
        remove_tree(path);
        free(path);
    }
}
