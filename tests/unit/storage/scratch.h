/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scratch.h - what the tests of storage share: a directory that goes away, files in it to look at
 * and to damage, the lines that were logged, and a database with rows.
 */
#ifndef TESTS_UNIT_STORAGE_SCRATCH_H
#define TESTS_UNIT_STORAGE_SCRATCH_H

#include "storage/rocks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

typedef struct scratch {
    char path[256];
    ksi_logger logger;
    char lines[8192]; /* what was logged */
} scratch;

/* cmocka's setup and teardown: `*state` is the scratch; its directory is removed. */
int scratch_setup(void **state);
int scratch_teardown(void **state);
/* "<path>/<name>"; the last 32 answers stay valid. */
const char *scratch_path(const scratch *place, const char *name);

void make_directory(const char *path);
void remove_tree(const char *path);
void write_file(const char *path, const char *text);
/* The file's text, valid until the next call. */
const char *file_text(const char *path);
bool file_exists(const char *path);
/* Files of a directory whose name ends so; `largest` may be NULL, else it gets the path of one. */
size_t count_files(const char *directory, const char *end, char largest[512]);
/* All bytes of those files. */
int64_t bytes_in(const char *directory, const char *end);
/* Turns over the bits of one byte; negative positions count from the end. */
void damage_file(const char *path, int64_t position);
void cut_file(const char *path, int64_t size);

/* Fails the test with the library's own words. */
void assert_done_at(ks_status status, const ks_error *error, int line);
#define assert_done(status, error) assert_done_at(status, error, __LINE__)
/* The error's code, and all texts (ended by NULL) in its message. */
void assert_says(const ks_error *error, ks_status code, ...);

/* ---- children -------------------------------------------------------------------------------- */

/* Prepares the child's process; false: it cannot, and said why. */
typedef bool prepare_fn(const scratch *place);

/*
 * Runs `body` as a test of its own in a child process, after `prepare` (may be NULL); false when
 * that could not. Fails the test when the body fails. To be called before this process has opened
 * any database: RocksDB's threads do not survive fork(2).
 */
bool run_in_child(scratch *place, prepare_fn *prepare, CMUnitTestFunction body);

/* ---- a database ------------------------------------------------------------------------------ */

ksi_rocks *database_try(scratch *place, const char *path, ks_error *error);
ksi_rocks *database_open(scratch *place, const char *path);
ksi_family *family_of(ksi_rocks *rocks, const char *name);
void put(ksi_family *family, const char *key, const char *value);
void erase(ksi_family *family, const char *key);
/* Asserts the value of a key; NULL: there is none. */
void assert_value_at(ksi_family *family, const char *key, const char *value, int line);
#define assert_value(family, key, value) assert_value_at(family, key, value, __LINE__)
/* `count` rows of `size` bytes, flushed; keys "00000000"... */
void fill(ksi_family *family, int count, size_t size);

#endif
