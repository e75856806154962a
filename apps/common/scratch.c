/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scratch.c - a temporary directory for one run of a program.
 *
 * Nothing in it is followed out of it: symbolic links are removed, not what they lead to. A run
 * that is killed leaves its directory behind, as every program in /tmp does.
 *
 * Thread rule: the main thread.
 */
#ifndef _XOPEN_SOURCE
#define _XOPEN_SOURCE 700 /* nftw() */
#endif

#include "common/scratch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ftw.h>

enum { OPEN_FILES = 16 };

char *app_scratch_make(const char *name, ks_error *error)
{
    const char *parent = getenv("TMPDIR");
    if (parent == NULL || parent[0] == '\0') {
        parent = "/tmp";
    }
    size_t size = strlen(parent) + strlen(name) + sizeof "/-XXXXXX";
    char *path = malloc(size);
    if (path != NULL) {
        (void)snprintf(path, size, "%s/%s-XXXXXX", parent, name);
    }
    if (path == NULL || mkdtemp(path) == NULL) {
        *error = (ks_error){.code = KS_E_IO};
        (void)snprintf(error->where, sizeof error->where, "%s", parent);
        (void)snprintf(error->message, sizeof error->message,
                       "no temporary directory can be made there (%s); set TMPDIR, or give "
                       "-D state.dir=DIRECTORY",
                       strerror(errno));
        free(path);
        return NULL;
    }
    return path;
}

static int remove_one(const char *path, const struct stat *what, int type, struct FTW *at)
{
    (void)what;
    (void)type;
    (void)at;
    return remove(path);
}

void app_scratch_remove(char *path)
{
    if (path == NULL) {
        return;
    }
    if (nftw(path, remove_one, OPEN_FILES, FTW_DEPTH | FTW_PHYS) != 0) {
        fprintf(stderr, "%s: not all of it could be removed: %s\n", path, strerror(errno));
    }
    free(path);
}
