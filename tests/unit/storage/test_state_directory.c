/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_state_directory.c - who holds the state of an application, which version wrote it, and how a
 * database is set aside.
 */
#include "storage/state_directory.h"

#include "scratch.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOMENT INT64_C(1795253400000) /* 2026-11-21T09:30:00Z */

static ksi_manual_clock clock_of_test;

static ksi_state_directory *try_open(scratch *place, const char *id, ks_error *error)
{
    ksi_manual_clock_init(&clock_of_test, MOMENT);
    return ksi_state_directory_open(place->path, id, &clock_of_test.clock, &place->logger, error);
}

static ksi_state_directory *open_state(scratch *place, const char *id)
{
    ks_error error = {0};
    ksi_state_directory *directory = try_open(place, id, &error);
    assert_done(error.code, &error);
    assert_non_null(directory);
    return directory;
}

static void assert_refused(scratch *place, ks_status code, const char *first, const char *second)
{
    ks_error error = {0};
    assert_null(try_open(place, "orders", &error));
    assert_says(&error, code, first, second, NULL);
}

/* ---- making it ------------------------------------------------------------------------------- */

static void missing_directories_are_made_and_say_their_version(void **state)
{
    scratch *place = *state;
    ks_error error = {0};
    ksi_manual_clock_init(&clock_of_test, MOMENT);
    ksi_state_directory *directory = ksi_state_directory_open(
        scratch_path(place, "a/b//c/"), "orders", &clock_of_test.clock, NULL, &error);
    assert_done(error.code, &error);
    assert_non_null(directory);
    assert_string_equal(file_text(scratch_path(place, "a/b/c/orders/version")),
                        "kstreams state 1\n");
    assert_non_null(strstr(ksi_state_directory_path(directory), "/c//orders"));
    assert_false(file_exists(ksi_state_directory_database(directory)));
    ksi_state_directory_close(directory);
    ksi_state_directory_close(NULL);
}

static const char *process_id(scratch *place, const char *fresh, char id[KSI_PROCESS_ID_SIZE])
{
    ks_error error = {0};
    ksi_state_directory *directory = open_state(place, "orders");
    assert_done(ksi_state_directory_process_id(directory, fresh, id, &error), &error);
    ksi_state_directory_close(directory);
    return id;
}

static void the_process_keeps_its_id_over_restarts(void **state)
{
    scratch *place = *state;
    char id[KSI_PROCESS_ID_SIZE];
    assert_string_equal(process_id(place, "first-1", id), "first-1");
    assert_string_equal(process_id(place, "second", id), "first-1");
    write_file(scratch_path(place, "orders/process-id"), "no id: \x01\n");
    assert_string_equal(process_id(place, "third", id), "third");
    assert_string_equal(process_id(place, "fourth", id), "third");
    write_file(scratch_path(place, "orders/process-id"), "");
    assert_string_equal(process_id(place, "fifth", id), "fifth");
}

static void a_closed_directory_opens_again_with_what_is_in_it(void **state)
{
    scratch *place = *state;
    ksi_state_directory_close(open_state(place, "orders"));
    make_directory(scratch_path(place, "orders/rocksdb"));
    write_file(scratch_path(place, "orders/rocksdb/kept"), "rows");
    ksi_state_directory *directory = open_state(place, "orders");
    assert_string_equal(ksi_state_directory_database(directory),
                        scratch_path(place, "orders/rocksdb"));
    assert_string_equal(file_text(scratch_path(place, "orders/rocksdb/kept")), "rows");
    assert_string_equal(place->lines, "");
    ksi_state_directory_close(directory);
}

static void a_name_that_leads_elsewhere_is_refused(void **state)
{
    scratch *place = *state;
    static const char *const names[] = {"", ".", "..", "../orders", "a/b"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        ks_error error = {0};
        assert_null(try_open(place, names[i], &error));
        assert_says(&error, KS_E_ARGUMENT, names[i], NULL);
        assert_string_equal(error.where, "application.id");
    }
}

static void a_file_in_the_place_of_a_directory_is_named(void **state)
{
    scratch *place = *state;
    write_file(scratch_path(place, "orders"), "a file");
    assert_refused(place, KS_E_IO, scratch_path(place, "orders"), "a file stands where");
    assert_string_equal(file_text(scratch_path(place, "orders")), "a file");
}

/* ---- the lock -------------------------------------------------------------------------------- */

static void the_lock_says_who_holds_it_and_nothing_when_given_back(void **state)
{
    scratch *place = *state;
    char host[65] = "";
    char wanted[200];
    assert_int_equal(gethostname(host, sizeof host - 1), 0);
    (void)snprintf(wanted, sizeof wanted, "pid %ld on host %s since 2026-11-21T09:30:00Z\n",
                   (long)getpid(), host);
    ksi_state_directory *directory = open_state(place, "orders");
    assert_string_equal(file_text(scratch_path(place, "orders/lock")), wanted);
    ksi_state_directory_close(directory);
    assert_string_equal(file_text(scratch_path(place, "orders/lock")), "");
}

static void the_same_process_is_refused_a_second_time_and_told_so(void **state)
{
    scratch *place = *state;
    ksi_state_directory *directory = open_state(place, "orders");
    assert_refused(place, KS_E_STATE, "this process already", "two application.id");
    ksi_state_directory *other = open_state(place, "invoices");
    ksi_state_directory_close(other);
    ksi_state_directory_close(directory);
    ksi_state_directory_close(open_state(place, "orders"));
}

/* A child that opens the directory, says so, and holds it until it is told to go on. */
typedef struct holder {
    pid_t pid;
    int to_child[2];
    int from_child[2];
} holder;

static holder start_holder(scratch *place, bool closes)
{
    holder child = {0};
    char byte;
    assert_int_equal(pipe(child.to_child), 0);
    assert_int_equal(pipe(child.from_child), 0);
    child.pid = fork();
    assert_true(child.pid >= 0);
    if (child.pid == 0) {
        ks_error error = {0};
        ksi_state_directory *directory = try_open(place, "orders", &error);
        bool went_well = directory != NULL && write(child.from_child[1], "o", 1) == 1 &&
                         read(child.to_child[0], &byte, 1) == 1;
        if (closes) {
            ksi_state_directory_close(directory);
        }
        _exit(went_well ? 0 : 1);
    }
    assert_int_equal(read(child.from_child[0], &byte, 1), 1);
    return child;
}

static void end_holder(holder *child)
{
    int how = 0;
    assert_int_equal(write(child->to_child[1], "x", 1), 1);
    assert_int_equal(waitpid(child->pid, &how, 0), child->pid);
    assert_int_equal(how, 0);
    for (size_t i = 0; i < 2; i++) {
        (void)close(child->to_child[i]);
        (void)close(child->from_child[i]);
    }
}

static void another_process_is_refused_with_pid_host_and_time_of_the_holder(void **state)
{
    scratch *place = *state;
    char host[65] = "";
    char who[128];
    assert_int_equal(gethostname(host, sizeof host - 1), 0);
    holder child = start_holder(place, true);
    (void)snprintf(who, sizeof who, "process %ld on host %s since 2026-11-21T09:30:00Z",
                   (long)child.pid, host);
    assert_refused(place, KS_E_STATE, who, "another state.dir");
    end_holder(&child);
    ksi_state_directory_close(open_state(place, "orders"));
}

static void the_lock_of_a_dead_process_is_taken_and_the_log_tells(void **state)
{
    scratch *place = *state;
    char who[64];
    holder child = start_holder(place, false);
    end_holder(&child);
    (void)snprintf(who, sizeof who, "process %ld on host", (long)child.pid);
    ksi_state_directory *directory = open_state(place, "orders");
    assert_non_null(strstr(place->lines, who));
    assert_non_null(strstr(place->lines, "ended without closing"));
    ksi_state_directory_close(directory);
}

static void the_lock_of_a_file_that_was_removed_is_not_enough(void **state)
{
    scratch *place = *state;
    ksi_state_directory *first = open_state(place, "orders");
    assert_int_equal(unlink(scratch_path(place, "orders/lock")), 0);
    ksi_state_directory *second = open_state(place, "orders"); /* the lock that has the name */
    assert_refused(place, KS_E_STATE, "this process already", "pid");
    ksi_state_directory_close(first); /* must not give back the lock of the second */
    assert_refused(place, KS_E_STATE, "this process already", "pid");
    ksi_state_directory_close(second);
}

static void a_child_that_keeps_the_lock_of_a_dead_parent_is_told_apart(void **state)
{
    scratch *place = *state;
    int to_grandchild[2];
    int pid_of[2];
    pid_t grandchild = 0;
    char byte;
    assert_int_equal(pipe(to_grandchild), 0);
    assert_int_equal(pipe(pid_of), 0);
    pid_t child = fork();
    if (child == 0) {
        ks_error error = {0};
        ksi_state_directory *directory = try_open(place, "orders", &error);
        pid_t own = directory != NULL ? fork() : -1;
        if (own == 0) {
            (void)close(to_grandchild[1]); /* its end is the sign to leave */
            _exit(read(to_grandchild[0], &byte, 1) == 0 ? 0 : 1);
        }
        _exit(own > 0 && write(pid_of[1], &own, sizeof own) == (ssize_t)sizeof own ? 0 : 1);
    }
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_int_equal(how, 0);
    assert_int_equal(read(pid_of[0], &grandchild, sizeof grandchild), (int)sizeof grandchild);
    assert_refused(place, KS_E_STATE, "it is gone, but a child", "stop that child");
    (void)close(to_grandchild[0]);
    (void)close(to_grandchild[1]);
    (void)close(pid_of[0]);
    (void)close(pid_of[1]);
}

/* ---- the version ----------------------------------------------------------------------------- */

static void a_directory_of_a_newer_version_is_refused_with_both_numbers(void **state)
{
    scratch *place = *state;
    ksi_state_directory_close(open_state(place, "orders"));
    write_file(scratch_path(place, "orders/version"), "kstreams state 7\n");
    assert_refused(place, KS_E_STATE, "has format 7", "reads up to 1");
    assert_refused(place, KS_E_STATE, "newer version", "run the newer version");
    assert_string_equal(file_text(scratch_path(place, "orders/version")), "kstreams state 7\n");
    write_file(scratch_path(place, "orders/version"), "kstreams state 1\n");
    ksi_state_directory_close(open_state(place, "orders")); /* the refusal gave the lock back */
}

static void a_directory_of_somebody_else_is_refused_with_what_it_says(void **state)
{
    scratch *place = *state;
    ksi_state_directory_close(open_state(place, "orders"));
    static const char *const texts[] = {"", "another product 3\n", "kstreams state \n",
                                        "kstreams state -1\n", "kstreams state 0\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        write_file(scratch_path(place, "orders/version"), texts[i]);
        assert_refused(place, KS_E_STATE, "not a state directory of kstreams",
                       "\"kstreams state 1\"");
        assert_string_equal(file_text(scratch_path(place, "orders/version")), texts[i]);
    }
}

static void a_database_without_a_version_is_not_guessed_at(void **state)
{
    scratch *place = *state;
    ksi_state_directory_close(open_state(place, "orders"));
    make_directory(scratch_path(place, "orders/rocksdb"));
    assert_int_equal(unlink(scratch_path(place, "orders/version")), 0);
    assert_refused(place, KS_E_STATE, "no file `version`", "put the file back");
    assert_false(file_exists(scratch_path(place, "orders/version")));
}

static void half_a_version_of_a_crash_is_written_again(void **state)
{
    scratch *place = *state;
    make_directory(scratch_path(place, "orders"));
    write_file(scratch_path(place, "orders/version.tmp"), "kstr");
    ksi_state_directory_close(open_state(place, "orders"));
    assert_string_equal(file_text(scratch_path(place, "orders/version")), "kstreams state 1\n");
    assert_false(file_exists(scratch_path(place, "orders/version.tmp")));
}

/* ---- setting aside --------------------------------------------------------------------------- */

static void make_database(const scratch *place, const char *text)
{
    make_directory(scratch_path(place, "orders/rocksdb"));
    write_file(scratch_path(place, "orders/rocksdb/rows"), text);
}

static void a_database_is_renamed_with_its_reason_and_the_log_names_both(void **state)
{
    scratch *place = *state;
    ks_error error = {0};
    ksi_state_directory *directory = open_state(place, "orders");
    make_database(place, "first");
    assert_done(ksi_state_directory_set_aside(directory, "block 7 is broken", &error), &error);
    assert_false(file_exists(scratch_path(place, "orders/rocksdb")));
    const char *aside = scratch_path(place, "orders/rocksdb.set-aside-20261121T093000Z-1");
    assert_string_equal(file_text(scratch_path(place, "orders/rocksdb.set-aside-20261121T093000Z-1/"
                                                      "rows")),
                        "first");
    assert_string_equal(file_text(scratch_path(place, "orders/rocksdb.set-aside-20261121T093000Z-1/"
                                                      "reason")),
                        "block 7 is broken\n");
    assert_non_null(strstr(place->lines, aside));
    assert_non_null(strstr(place->lines, "nothing was deleted; stores are rebuilt"));
    assert_non_null(strstr(place->lines, ": block 7 is broken"));
    ksi_state_directory_close(directory);
}

static void nothing_set_aside_before_is_overwritten(void **state)
{
    scratch *place = *state;
    ks_error error = {0};
    ksi_state_directory *directory = open_state(place, "orders");
    make_directory(scratch_path(place, "orders/rocksdb.set-aside-20261121T093000Z-2")); /* empty */
    static const char *const texts[] = {"first", "second", "third"};
    for (size_t i = 0; i < 3; i++) { /* all in the same second */
        make_database(place, texts[i]);
        assert_done(ksi_state_directory_set_aside(directory, texts[i], &error), &error);
    }
    static const int numbers[] = {1, 3, 4};
    for (size_t i = 0; i < 3; i++) {
        char name[128];
        (void)snprintf(name, sizeof name, "orders/rocksdb.set-aside-20261121T093000Z-%d/rows",
                       numbers[i]);
        assert_string_equal(file_text(scratch_path(place, name)), texts[i]);
    }
    assert_int_equal(count_files(scratch_path(place, "orders/rocksdb.set-aside-20261121T093000Z-2"),
                                 "rows", NULL),
                     0);
    ksi_state_directory_close(directory);
}

static void an_older_reason_is_kept_when_a_database_is_set_aside_again(void **state)
{
    scratch *place = *state;
    ks_error error = {0};
    ksi_state_directory *directory = open_state(place, "orders");
    make_database(place, "rows");
    write_file(scratch_path(place, "orders/rocksdb/reason"), "of last week\n");
    assert_done(ksi_state_directory_set_aside(directory, "of today", &error), &error);
    assert_string_equal(file_text(scratch_path(place, "orders/rocksdb.set-aside-20261121T093000Z-1/"
                                                      "reason")),
                        "of last week\nof today\n");
    ksi_state_directory_close(directory);
}

static void setting_aside_what_is_not_there_is_an_error_that_names_both(void **state)
{
    scratch *place = *state;
    ks_error error = {0};
    ksi_state_directory *directory = open_state(place, "orders");
    assert_int_equal(ksi_state_directory_set_aside(directory, "why", &error), KS_E_IO);
    assert_says(&error, KS_E_IO, "cannot rename", "orders/rocksdb to", ".set-aside-2026",
                "No such file", NULL);
    ksi_state_directory_close(directory);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(missing_directories_are_made_and_say_their_version),
        TEST(the_process_keeps_its_id_over_restarts),
        TEST(a_closed_directory_opens_again_with_what_is_in_it),
        TEST(a_name_that_leads_elsewhere_is_refused),
        TEST(a_file_in_the_place_of_a_directory_is_named),
        TEST(the_lock_says_who_holds_it_and_nothing_when_given_back),
        TEST(the_same_process_is_refused_a_second_time_and_told_so),
        TEST(another_process_is_refused_with_pid_host_and_time_of_the_holder),
        TEST(the_lock_of_a_dead_process_is_taken_and_the_log_tells),
        TEST(the_lock_of_a_file_that_was_removed_is_not_enough),
        TEST(a_child_that_keeps_the_lock_of_a_dead_parent_is_told_apart),
        TEST(a_directory_of_a_newer_version_is_refused_with_both_numbers),
        TEST(a_directory_of_somebody_else_is_refused_with_what_it_says),
        TEST(a_database_without_a_version_is_not_guessed_at),
        TEST(half_a_version_of_a_crash_is_written_again),
        TEST(a_database_is_renamed_with_its_reason_and_the_log_names_both),
        TEST(nothing_set_aside_before_is_overwritten),
        TEST(an_older_reason_is_kept_when_a_database_is_set_aside_again),
        TEST(setting_aside_what_is_not_there_is_an_error_that_names_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
