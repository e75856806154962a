/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scratch_directory.c - see scratch_directory.h.
 */
#ifndef _XOPEN_SOURCE
#define _XOPEN_SOURCE 700 /* mkdtemp(), nftw() */
#endif

#include "scratch_directory.h"
#include "storage/rocks_parts.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { OPEN_DIRECTORIES = 8 };

void scratch_directory_make(char path[SCRATCH_PATH_BYTES])
{
    const char *below = getenv("TMPDIR");
    int size = snprintf(path, SCRATCH_PATH_BYTES, "%s/kstreams-state-XXXXXX",
                        below != NULL ? below : "/tmp");
    assert_in_range(size, 1, SCRATCH_PATH_BYTES - 1);
    assert_non_null(mkdtemp(path));
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *where)
{
    (void)about;
    (void)kind;
    (void)where;
    return remove(path);
}

void scratch_directory_remove(const char *path)
{
    assert_int_equal(nftw(path, remove_one, OPEN_DIRECTORIES, FTW_DEPTH | FTW_PHYS), 0);
}

void scratch_directory_copy_database(ksi_rocks *rocks, const char *path)
{
    char *refused = NULL;
    rocksdb_checkpoint_t *checkpoint = rocksdb_checkpoint_object_create(rocks->db, &refused);
    assert_null(refused);
    rocksdb_checkpoint_create(checkpoint, path, UINT64_MAX, &refused);
    assert_null(refused);
    rocksdb_checkpoint_object_destroy(checkpoint);
}
