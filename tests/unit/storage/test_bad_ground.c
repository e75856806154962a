/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_bad_ground.c - directories that may not be written, databases that somebody else holds,
 * files that are damaged or gone: one clear message each, nothing deleted, and a way to go on.
 * src/storage/README.md has the table that people read; full disks are test_small_disk.c's.
 *
 * A directory without rights is one of root's, looked at by nobody: that needs a child process,
 * see run_in_child().
 */
#include "storage/rocks.h"
#include "storage/state_directory.h"

#include "scratch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534

/* A user that may not do everything. */
static bool plain_user(const scratch *place)
{
    (void)place;
    if (geteuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0)) {
        print_message("skipped: root may write everywhere, and cannot become nobody: %s\n",
                      strerror(errno));
        return false;
    }
    return true;
}

/* ---- no right to write ----------------------------------------------------------------------- */

static void make_state(void **state)
{
    scratch *place = *state;
    ks_error error = {0};
    ksi_state_directory *directory =
        ksi_state_directory_open(place->path, "orders", &ksi_system_clock, &place->logger, &error);
    assert_done(error.code, &error);
    ksi_rocks *rocks = database_open(place, ksi_state_directory_database(directory));
    fill(family_of(rocks, "a"), 10, 100);
    put(family_of(rocks, "a"), "k", "committed");
    assert_done(ksi_rocks_close(rocks, &error), &error);
    ksi_state_directory_close(directory);
}

static void read_state(void **state)
{
    scratch *place = *state;
    ks_error error = {0};
    ksi_rocks *rocks = database_open(place, scratch_path(place, "orders/rocksdb"));
    assert_value(family_of(rocks, "a"), "k", "committed");
    assert_int_equal(ksi_family_estimate_count(family_of(rocks, "a")), 10 + 1);
    assert_done(ksi_rocks_close(rocks, &error), &error);
}

static void open_without_rights(void **state)
{
    scratch *place = *state;
    ks_error error = {0};
    assert_null(
        ksi_state_directory_open(place->path, "orders", &ksi_system_clock, &place->logger, &error));
    assert_says(&error, KS_E_IO, "cannot write", "orders/lock", "Permission denied",
                "give this user write access", "state.dir", NULL);
    assert_null(
        ksi_state_directory_open(place->path, "new", &ksi_system_clock, &place->logger, &error));
    assert_says(&error, KS_E_IO, "cannot make directory", "/new", "Permission denied",
                "give this user write access", NULL);
    assert_null(database_try(place, scratch_path(place, "orders/rocksdb"), &error));
    assert_says(&error, KS_E_IO, "this user may not read or write", "orders/rocksdb",
                "set another state.dir", "Permission denied", NULL);
    assert_null(database_try(place, scratch_path(place, "another"), &error));
    assert_says(&error, KS_E_IO, "this user may not read or write", "/another", NULL);
}

static void a_directory_without_rights_is_named_and_left_as_it_is(void **state)
{
    scratch *place = *state;
    (void)run_in_child(place, NULL, make_state);
    const char *database = scratch_path(place, "orders/rocksdb");
    size_t files = count_files(database, "", NULL);
    assert_int_equal(chmod(database, 0555), 0);
    assert_int_equal(chmod(scratch_path(place, "orders"), 0555), 0);
    assert_int_equal(chmod(scratch_path(place, "orders/lock"), 0444), 0);
    assert_int_equal(chmod(scratch_path(place, "orders/rocksdb/LOCK"), 0444), 0);
    assert_int_equal(chmod(place->path, 0555), 0);
    bool could = run_in_child(place, plain_user, open_without_rights);
    assert_int_equal(chmod(place->path, 0755), 0);
    assert_int_equal(chmod(scratch_path(place, "orders"), 0755), 0);
    assert_int_equal(chmod(database, 0755), 0);
    assert_int_equal(chmod(scratch_path(place, "orders/rocksdb/LOCK"), 0644), 0);
    assert_int_equal(count_files(database, "", NULL), files);
    if (!could) {
        skip();
    }
    (void)run_in_child(place, NULL, read_state);
}

static void open_unreadable_table(void **state)
{
    scratch *place = *state;
    ks_error error = {0};
    assert_null(database_try(place, scratch_path(place, "orders/rocksdb"), &error));
    assert_says(&error, KS_E_IO, "this user may not read", "all files in it", "Permission denied",
                NULL);
}

static void open_to_all(const scratch *place, mode_t table)
{
    char path[512];
    const char *database = scratch_path(place, "orders/rocksdb");
    assert_true(count_files(database, ".sst", path) > 0);
    assert_int_equal(chmod(place->path, 0755), 0);
    assert_int_equal(chmod(scratch_path(place, "orders"), 0755), 0);
    assert_int_equal(chmod(database, 0777), 0);
    assert_int_equal(chmod(scratch_path(place, "orders/rocksdb/LOCK"), 0666), 0);
    assert_int_equal(chmod(path, table), 0);
}

/* RocksDB calls it a corruption; whoever believed that would put a healthy database aside. */
static void a_table_that_may_not_be_read_is_not_called_broken(void **state)
{
    scratch *place = *state;
    (void)run_in_child(place, NULL, make_state);
    open_to_all(place, 0);
    bool could = run_in_child(place, plain_user, open_unreadable_table);
    open_to_all(place, 0644);
    (void)run_in_child(place, NULL, read_state);
    if (!could) {
        skip();
    }
}

static bool few_files(const scratch *place)
{
    (void)place;
    int next = dup(STDOUT_FILENO); /* the lowest that is free */
    struct rlimit files;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    (void)close(next);
    files.rlim_cur = (rlim_t)next + 3;
    return setrlimit(RLIMIT_NOFILE, &files) == 0;
}

static void open_with_few_files(void **state)
{
    scratch *place = *state;
    ks_error error = {0};
    assert_null(database_try(place, scratch_path(place, "orders/rocksdb"), &error));
    assert_says(&error, KS_E_IO, "too few files may be open", "ulimit -n", "Too many open files",
                NULL);
}

static void too_few_open_files_are_named_and_not_called_broken(void **state)
{
    scratch *place = *state;
    (void)run_in_child(place, NULL, make_state);
    assert_true(run_in_child(place, few_files, open_with_few_files));
    (void)run_in_child(place, NULL, read_state);
}

/* ---- two processes --------------------------------------------------------------------------- */

static void open_while_held(void **state)
{
    scratch *place = *state;
    ks_error error = {0};
    assert_null(database_try(place, scratch_path(place, "orders/rocksdb"), &error));
    assert_says(&error, KS_E_STATE, "another process has opened the database", "orders/rocksdb",
                NULL);
}

/* Not a body of run_in_child: it holds the database until the pipe is closed. */
static pid_t hold_database(scratch *place, int signal_to[2], int signal_from[2])
{
    pid_t child = fork();
    if (child == 0) {
        char byte = 'o';
        (void)close(signal_to[1]);
        ksi_rocks *rocks = database_try(place, scratch_path(place, "orders/rocksdb"), NULL);
        bool went_well = rocks != NULL && write(signal_from[1], &byte, 1) == 1 &&
                         read(signal_to[0], &byte, 1) == 0 && ksi_rocks_close(rocks, NULL) == KS_OK;
        _exit(went_well ? 0 : 1);
    }
    return child;
}

static void a_database_of_another_process_is_refused_and_unharmed(void **state)
{
    scratch *place = *state;
    int signal_to[2];
    int signal_from[2];
    int how = 0;
    char byte;
    (void)run_in_child(place, NULL, make_state);
    assert_int_equal(pipe(signal_to), 0);
    assert_int_equal(pipe(signal_from), 0);
    pid_t holder = hold_database(place, signal_to, signal_from);
    assert_int_equal(read(signal_from[0], &byte, 1), 1);
    (void)run_in_child(place, NULL, open_while_held);
    (void)close(signal_to[1]);
    assert_int_equal(waitpid(holder, &how, 0), holder);
    assert_int_equal(how, 0);
    (void)run_in_child(place, NULL, read_state);
    (void)close(signal_to[0]);
    (void)close(signal_from[0]);
    (void)close(signal_from[1]);
}

/* ---- damaged and missing files --------------------------------------------------------------- */

/* The state of an application with one database of 2,000 rows, closed. */
typedef struct damaged {
    scratch *place;
    ksi_state_directory *directory;
    const char *database;
    char table[512]; /* path of a file with rows */
    size_t files;    /* that have rows */
} damaged;

static damaged begin(void **state)
{
    damaged with = {.place = *state};
    ks_error error = {0};
    with.directory = ksi_state_directory_open(with.place->path, "orders", &ksi_system_clock,
                                              &with.place->logger, &error);
    assert_done(error.code, &error);
    with.database = ksi_state_directory_database(with.directory);
    ksi_rocks *rocks = database_open(with.place, with.database);
    fill(family_of(rocks, "a"), 2000, 100);
    assert_done(ksi_rocks_close(rocks, &error), &error);
    with.files = count_files(with.database, ".sst", with.table);
    assert_int_equal(with.files, 1);
    return with;
}

/* Opening says what is wrong and touches nothing that has rows. */
static void assert_does_not_open(const damaged *with, const char *why)
{
    ks_error error = {0};
    assert_null(database_try(with->place, with->database, &error));
    assert_says(&error, KS_E_CORRUPT, "the database in", with->database, why, NULL);
    assert_int_equal(count_files(with->database, ".sst", NULL), with->files);
}

/* What the application does then: the database is put aside, whole, and a new one made. */
static void set_aside_and_go_on(damaged *with, const char *reason)
{
    ks_error error = {0};
    char aside[512];
    assert_done(ksi_state_directory_set_aside(with->directory, reason, &error), &error);
    ksi_rocks *rocks = database_open(with->place, with->database);
    ksi_family *family = family_of(rocks, "a");
    assert_value(family, "00000007", NULL);
    put(family, "k", "restored");
    assert_done(ksi_rocks_close(rocks, &error), &error);
    rocks = database_open(with->place, with->database);
    assert_value(family_of(rocks, "a"), "k", "restored");
    assert_done(ksi_rocks_close(rocks, &error), &error);
    assert_int_equal(count_files(ksi_state_directory_path(with->directory), "Z-1", aside), 1);
    assert_int_equal(count_files(aside, ".sst", NULL), with->files);
    assert_int_equal(count_files(aside, "reason", NULL), 1);
    ksi_state_directory_close(with->directory);
}

static void a_truncated_table_does_not_open(void **state)
{
    damaged with = begin(state);
    cut_file(with.table, 50000);
    with.files = 1;
    assert_does_not_open(&with, strrchr(with.table, '/') + 1);
    set_aside_and_go_on(&with, "a table is cut");
}

static void a_table_whose_end_is_damaged_does_not_read(void **state)
{
    damaged with = begin(state);
    ks_error error = {0};
    damage_file(with.table, -5); /* the footer's magic number */
    ksi_rocks *rocks = database_try(with.place, with.database, &error);
    if (rocks != NULL) { /* with few files allowed, tables are opened when they are read */
        ksi_buffer value = {0};
        bool found = false;
        assert_int_equal(ksi_family_get(family_of(rocks, "a"), ks_slice_cstr("00000007"), &value,
                                        &found, &error),
                         KS_E_CORRUPT);
        ksi_buffer_destroy(&value);
        (void)ksi_rocks_close(rocks, NULL);
    }
    assert_says(&error, KS_E_CORRUPT, "do not read back", with.database, NULL);
    set_aside_and_go_on(&with, error.message);
}

static void a_turned_bit_in_a_row_is_found_when_it_is_read_and_never_given_out(void **state)
{
    damaged with = begin(state);
    ks_error error = {0};
    damage_file(with.table, 60000);
    ksi_rocks *rocks = database_open(with.place, with.database);
    ksi_family *family = family_of(rocks, "a");
    int refused = 0;
    ksi_buffer value = {0};
    for (int i = 0; i < 2000; i++) {
        char key[16];
        bool found = false;
        (void)snprintf(key, sizeof key, "%08d", i);
        ks_status status = ksi_family_get(family, ks_slice_cstr(key), &value, &found, &error);
        assert_true(status == KS_E_CORRUPT || (status == KS_OK && found && value.size == 100));
        refused += status != KS_OK;
    }
    ksi_buffer_destroy(&value);
    assert_in_range(refused, 1, 100); /* the rows of one block */
    assert_says(&error, KS_E_CORRUPT, "do not read back", with.database,
                strrchr(with.table, '/') + 1, NULL);
    assert_string_equal(error.where, "a");

    ksi_rocks_iterator *iterator =
        ksi_rocks_iterator_open(family, ks_slice_null(), ks_slice_null());
    int rows = 0;
    ksi_rocks_iterator_seek_first(iterator);
    for (; ksi_rocks_iterator_valid(iterator); ksi_rocks_iterator_next(iterator)) {
        rows++;
    }
    assert_true(rows < 2000);
    assert_int_equal(ksi_rocks_iterator_status(iterator, &error), KS_E_CORRUPT);
    ksi_rocks_iterator_close(iterator);
    error = (ks_error){0};
    assert_done(ksi_rocks_close(rocks, &error), &error);
    set_aside_and_go_on(&with, "a block is damaged");
}

static void a_missing_table_does_not_open(void **state)
{
    damaged with = begin(state);
    assert_int_equal(unlink(with.table), 0);
    with.files = 0;
    char number[16]; /* RocksDB tries, and names, an older ending as well */
    (void)snprintf(number, sizeof number, "%.6s.", strrchr(with.table, '/') + 1);
    assert_does_not_open(&with, number);
    set_aside_and_go_on(&with, "a table is gone");
}

static void a_database_without_current_is_not_made_anew_over_its_rows(void **state)
{
    damaged with = begin(state);
    const char *current = scratch_path(with.place, "orders/rocksdb/CURRENT");
    const char *hidden = scratch_path(with.place, "orders/hidden");
    ks_error error = {0};
    assert_int_equal(rename(current, hidden), 0);
    assert_does_not_open(&with, "CURRENT is missing");
    assert_int_equal(rename(hidden, current), 0); /* put back, everything is there */
    ksi_rocks *rocks = database_open(with.place, with.database);
    assert_int_equal(ksi_family_estimate_count(family_of(rocks, "a")), 2000);
    assert_done(ksi_rocks_close(rocks, &error), &error);
    assert_int_equal(unlink(current), 0);
    set_aside_and_go_on(&with, "CURRENT is missing");
}

static void a_missing_or_damaged_manifest_does_not_open(void **state)
{
    damaged with = begin(state);
    char name[64];
    (void)snprintf(name, sizeof name, "%s",
                   file_text(scratch_path(with.place, "orders/rocksdb/CURRENT")));
    name[strcspn(name, "\n")] = '\0';
    char manifest[512];
    (void)snprintf(manifest, sizeof manifest, "%s/%s", with.database, name);
    damage_file(manifest, 20);
    assert_does_not_open(&with, "RocksDB: Corruption");
    assert_int_equal(unlink(manifest), 0);
    assert_does_not_open(&with, name);
    set_aside_and_go_on(&with, "MANIFEST is gone");
}

static void a_damaged_current_does_not_open(void **state)
{
    damaged with = begin(state);
    write_file(scratch_path(with.place, "orders/rocksdb/CURRENT"), "");
    assert_does_not_open(&with, "CURRENT");
    set_aside_and_go_on(&with, "CURRENT is empty");
}

static void damage_in_the_log_of_durable_writes_is_not_skipped(void **state)
{
    damaged with = begin(state);
    ks_error error = {0};
    char log[512];
    ksi_rocks *rocks = database_open(with.place, with.database);
    ksi_family *family = family_of(rocks, "a");
    ksi_rocks_batch *batch = ksi_rocks_batch_new(rocks);
    for (int i = 0; i < 100; i++) {
        ksi_rocks_batch_put(batch, family, ks_slice_cstr("unlogged"), ks_slice_cstr("a value"));
        assert_done(ksi_rocks_write(batch, true, &error), &error);
    }
    ksi_rocks_batch_free(batch);
    ksi_rocks_abandon(rocks);
    assert_true(count_files(with.database, ".log", log) > 0);
    damage_file(log, 700); /* in the middle: a crash only cuts the end */
    assert_does_not_open(&with, "RocksDB: Corruption");
    set_aside_and_go_on(&with, "the log is damaged");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* those with children first: see the top */
        TEST(a_directory_without_rights_is_named_and_left_as_it_is),
        TEST(a_table_that_may_not_be_read_is_not_called_broken),
        TEST(too_few_open_files_are_named_and_not_called_broken),
        TEST(a_database_of_another_process_is_refused_and_unharmed),
        TEST(a_truncated_table_does_not_open),
        TEST(a_table_whose_end_is_damaged_does_not_read),
        TEST(a_turned_bit_in_a_row_is_found_when_it_is_read_and_never_given_out),
        TEST(a_missing_table_does_not_open),
        TEST(a_database_without_current_is_not_made_anew_over_its_rows),
        TEST(a_missing_or_damaged_manifest_does_not_open),
        TEST(a_damaged_current_does_not_open),
        TEST(damage_in_the_log_of_durable_writes_is_not_skipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
