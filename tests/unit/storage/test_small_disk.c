/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_small_disk.c - state on a disk that gets full, or is mounted read-only: one clear message
 * each, what was committed stays, and with space again everything goes on.
 *
 * The disk is a tmpfs of 24 MB in a mount namespace of its own, which goes away with the child
 * process that uses it. Who may not mount skips, and the program answers 77.
 */
#define _GNU_SOURCE /* unshare */

#include "storage/rocks.h"
#include "storage/state_directory.h"

#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define SKIPPED 77
#define MEGABYTE (1024 * 1024)

static bool was_skipped;

static void write_map(const char *path, const char *text)
{
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file >= 0) {
        (void)!write(file, text, strlen(text)); /* mounting says whether it worked */
        (void)close(file);
    }
}

/* A namespace to mount in; who is not root gets one in which he is. */
static bool enter_namespace(void)
{
    char users[64];
    char groups[64];
    (void)snprintf(users, sizeof users, "0 %ld 1", (long)geteuid());
    (void)snprintf(groups, sizeof groups, "0 %ld 1", (long)getegid());
    if (unshare(CLONE_NEWNS) == 0) {
        return true;
    }
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
        return false;
    }
    write_map("/proc/self/uid_map", users);
    write_map("/proc/self/setgroups", "deny"); /* without it the groups may not be mapped */
    write_map("/proc/self/gid_map", groups);
    return true;
}

/* A disk of 24 MB at "<scratch>/disk", seen by this process alone. */
static bool small_disk(const scratch *place)
{
    const char *disk = scratch_path(place, "disk");
    (void)mkdir(disk, 0755);
    if (!enter_namespace() || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", disk, "tmpfs", 0, "size=24m") != 0) {
        print_message("skipped: a small tmpfs cannot be mounted: %s\n", strerror(errno));
        return false;
    }
    return true;
}

static void on_small_disk(scratch *place, CMUnitTestFunction body)
{
    if (!run_in_child(place, small_disk, body)) {
        was_skipped = true;
        skip();
    }
}

/* ---- a full disk ----------------------------------------------------------------------------- */

/* Takes all but about `left` bytes of the disk. */
static void fill_disk(const scratch *place, size_t left)
{
    static char block[64 * 1024];
    int file = open(scratch_path(place, "disk/filler"), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    int spare = open(scratch_path(place, "disk/spare"), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(file >= 0 && spare >= 0);
    for (size_t kept = 0; kept < left; kept += sizeof block) {
        assert_true(write(spare, block, sizeof block) > 0);
    }
    while (write(file, block, sizeof block) > 0) {
    }
    assert_int_equal(errno, ENOSPC);
    (void)close(file);
    (void)close(spare);
    (void)unlink(scratch_path(place, "disk/spare"));
}

static void free_disk(const scratch *place)
{
    assert_int_equal(unlink(scratch_path(place, "disk/filler")), 0);
}

static void flush_without_space(void **state)
{
    scratch *place = *state;
    ks_error error = {0};
    const char *path = scratch_path(place, "disk/db");
    ksi_rocks *rocks = database_open(place, path);
    ksi_family *family = family_of(rocks, "a");
    fill(family, 100, 1000);
    put(family, "00000000", "committed");
    assert_done(ksi_family_flush(family, &error), &error);
    fill_disk(place, 256 * 1024);

    ksi_rocks_batch *batch = ksi_rocks_batch_new(rocks);
    static char value[MEGABYTE];
    ksi_rocks_batch_put(batch, family, ks_slice_cstr("big"), ks_slice_of(value, sizeof value));
    assert_done(ksi_rocks_write(batch, false, &error), &error); /* memory takes it */
    ksi_rocks_batch_free(batch);
    assert_int_equal(ksi_family_flush(family, &error), KS_E_IO);
    assert_says(&error, KS_E_IO, "no space is left", path, "free some and start again",
                "nothing that was committed is lost", "No space left on device", NULL);
    assert_value(family, "00000000", "committed"); /* reading goes on */

    error = (ks_error){0};
    assert_int_equal(ksi_rocks_close(rocks, &error), KS_E_IO);
    assert_says(&error, KS_E_IO, "no space is left", path, NULL);

    free_disk(place);
    rocks = database_open(place, path);
    family = family_of(rocks, "a");
    assert_value(family, "00000000", "committed");
    assert_value(family, "big", NULL); /* the changelog has it */
    assert_int_equal(ksi_family_estimate_count(family), 100 + 1);
    put(family, "later", "1");
    error = (ks_error){0};
    assert_done(ksi_rocks_close(rocks, &error), &error);
}

static void a_full_disk_fails_the_flush_and_keeps_what_was_committed(void **state)
{
    on_small_disk(*state, flush_without_space);
}

/* Writes until one is refused; each of those before was promised to last. */
static int durable_writes(ksi_family *family, ks_error *error)
{
    static char value[256 * 1024];
    ksi_rocks_batch *batch = ksi_rocks_batch_new(ksi_family_database(family));
    int written = 0;
    for (; written < 100; written++) { /* more than the disk has */
        char key[16];
        (void)snprintf(key, sizeof key, "%08d", written);
        ksi_rocks_batch_put(batch, family, ks_slice_cstr(key), ks_slice_of(value, sizeof value));
        if (ksi_rocks_write(batch, true, error) != KS_OK) {
            break;
        }
    }
    ksi_rocks_batch_free(batch);
    return written;
}

static void durable_writes_without_space(void **state)
{
    scratch *place = *state;
    ks_error error = {0};
    const char *path = scratch_path(place, "disk/db");
    ksi_rocks *rocks = database_open(place, path);
    put(family_of(rocks, "a"), "first", "1");
    assert_done(ksi_family_flush(family_of(rocks, "a"), &error), &error);
    fill_disk(place, 1024 * 1024);
    int written = durable_writes(family_of(rocks, "a"), &error);
    assert_says(&error, KS_E_IO, "no space is left", path, "free some and start again", NULL);
    assert_value(family_of(rocks, "a"), "first", "1");
    ksi_rocks_abandon(rocks);

    free_disk(place);
    rocks = database_open(place, path);
    ksi_family *family = family_of(rocks, "a");
    ksi_buffer value = {0};
    for (int i = 0; i < written; i++) {
        char key[16];
        bool found = false;
        (void)snprintf(key, sizeof key, "%08d", i);
        error = (ks_error){0};
        assert_done(ksi_family_get(family, ks_slice_cstr(key), &value, &found, &error), &error);
        assert_true(found && value.size == 256 * 1024);
    }
    ksi_buffer_destroy(&value);
    assert_value(family, "first", "1");
    assert_done(ksi_rocks_close(rocks, &error), &error);
}

static void a_full_disk_fails_the_durable_write_and_keeps_those_before(void **state)
{
    on_small_disk(*state, durable_writes_without_space);
}

static void restore_without_space(void **state)
{
    scratch *place = *state;
    ks_error error = {0};
    const char *path = scratch_path(place, "disk/db");
    ksi_rocks *rocks = database_open(place, path);
    ksi_family *family = family_of(rocks, "a");
    fill(family, 10, 100);
    fill_disk(place, 256 * 1024);
    static char value[64 * 1024];
    ksi_sst *sst = ksi_sst_begin(family, &error);
    assert_non_null(sst);
    ks_status status = KS_OK;
    for (int i = 0; i < 32 && status == KS_OK; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "%08d", i);
        status = ksi_sst_put(sst, ks_slice_cstr(key), ks_slice_of(value, sizeof value), &error);
    }
    if (status == KS_OK) {
        status = ksi_sst_ingest(sst, &error);
    } else {
        ksi_sst_abandon(sst);
    }
    assert_int_equal(status, KS_E_IO);
    assert_says(&error, KS_E_IO, "no space is left", path, NULL);
    assert_int_equal(count_files(path, ".tmp", NULL), 0);
    assert_int_equal(ksi_family_estimate_count(family), 10);
    free_disk(place);
    put(family, "later", "1"); /* a file of its own failed, not the database */
    error = (ks_error){0};
    assert_done(ksi_rocks_close(rocks, &error), &error);
}

static void a_full_disk_fails_the_restore_and_leaves_no_half_file(void **state)
{
    on_small_disk(*state, restore_without_space);
}

static void open_without_space(void **state)
{
    scratch *place = *state;
    ks_error error = {0};
    fill_disk(place, 0);
    assert_null(ksi_state_directory_open(scratch_path(place, "disk"), "orders", &ksi_system_clock,
                                         &place->logger, &error));
    assert_says(&error, KS_E_IO, "cannot write", "disk/orders/", "No space left on device",
                "free some space and start again", NULL);
    free_disk(place);
    error = (ks_error){0};
    ksi_state_directory *directory = ksi_state_directory_open(
        scratch_path(place, "disk"), "orders", &ksi_system_clock, &place->logger, &error);
    assert_done(error.code, &error);
    ksi_state_directory_close(directory);
}

static void a_full_disk_refuses_a_new_application_until_there_is_space(void **state)
{
    on_small_disk(*state, open_without_space);
}

static void open_read_only(void **state)
{
    scratch *place = *state;
    ks_error error = {0};
    const char *disk = scratch_path(place, "disk");
    ksi_rocks *rocks = database_open(place, scratch_path(place, "disk/db"));
    fill(family_of(rocks, "a"), 10, 100);
    assert_done(ksi_rocks_close(rocks, &error), &error);
    assert_int_equal(mount(NULL, disk, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    assert_null(database_try(place, scratch_path(place, "disk/db"), &error));
    assert_says(&error, KS_E_IO, "may not write", "disk/db", "Read-only file system", NULL);
    assert_null(ksi_state_directory_open(disk, "orders", &ksi_system_clock, NULL, &error));
    assert_says(&error, KS_E_IO, "disk/orders", "Read-only file system", "state.dir", NULL);
    assert_int_equal(mount(NULL, disk, NULL, MS_REMOUNT, NULL), 0);
    error = (ks_error){0};
    rocks = database_open(place, scratch_path(place, "disk/db"));
    assert_int_equal(ksi_family_estimate_count(family_of(rocks, "a")), 10);
    assert_done(ksi_rocks_close(rocks, &error), &error);
}

static void a_disk_that_is_mounted_read_only_is_named(void **state)
{
    on_small_disk(*state, open_read_only);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_full_disk_fails_the_flush_and_keeps_what_was_committed),
        TEST(a_full_disk_fails_the_durable_write_and_keeps_those_before),
        TEST(a_full_disk_fails_the_restore_and_leaves_no_half_file),
        TEST(a_full_disk_refuses_a_new_application_until_there_is_space),
        TEST(a_disk_that_is_mounted_read_only_is_named),
    };
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    return failures == 0 && was_skipped ? SKIPPED : failures;
}
