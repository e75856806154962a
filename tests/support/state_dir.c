/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state_dir.c - see state_dir.h.
 */
#include "state_dir.h"

#ifndef _XOPEN_SOURCE
#define _XOPEN_SOURCE 700 /* nftw */
#endif

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATH_SIZE = 200, OPEN_FILES = 16 };

static char root[PATH_SIZE]; /* of this process; empty: not made yet */

static int remove_one(const char *path, const struct stat *what, int type, struct FTW *at)
{
    (void)what;
    (void)type;
    (void)at;
    return remove(path);
}

static void remove_root(void)
{
    (void)nftw(root, remove_one, OPEN_FILES, FTW_DEPTH | FTW_PHYS);
}

static void make_root(void)
{
    const char *parent = getenv("TMPDIR");
    int length = snprintf(root, sizeof root, "%s/kstreams-test-XXXXXX",
                          parent != NULL && parent[0] != '\0' ? parent : "/tmp");
    assert_true(length > 0 && length < (int)sizeof root);
    assert_non_null(mkdtemp(root));
    assert_int_equal(atexit(remove_root), 0);
}

const char *state_dir_new(void)
{
    static char path[PATH_SIZE + 16];
    static int number;
    if (root[0] == '\0') {
        make_root();
    }
    (void)snprintf(path, sizeof path, "%s/%d", root, number++);
    assert_int_equal(mkdir(path, 0700), 0);
    return path;
}

void state_dir_remove(const char *path)
{
    assert_int_equal(nftw(path, remove_one, OPEN_FILES, FTW_DEPTH | FTW_PHYS), 0);
}
