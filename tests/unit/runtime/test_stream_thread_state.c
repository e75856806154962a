/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_stream_thread_state.c - when rows go to the disk: turn by turn, on a clock that only the
 * test moves.
 */
#include "thread_rig.h"

#include "base/crash_point.h"
#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "state_dir.h"
#include "stored_rows.h"

enum { TEXT_SIZE = 512, DAY_MS = 24 * 60 * 60 * 1000 };

/* ---- one thread and its state ---------------------------------------------------------------- */

/* Counts what is in topic "in"; without a cache, unless `cache_bytes` says so. */
static thread_rig *new_fixture(const char *cache_bytes)
{
    ks_log *log = log_open();
    log_create(log, "in", 1);
    log_create(log, "out", 1);
    ks_config *config = config_of("app");
    config_put(config, "statestore.cache.max.bytes", cache_bytes);
    config_put(config, "commit.interval.ms", "100");
    thread_rig *self = rig_new(log, counting(), config);
    self->keeps_state = true;
    return self;
}

static void free_fixture(thread_rig *self)
{
    ks_log *log = self->log;
    rig_free(self);
    ks_log_free(log);
}

static ks_status try_step(const thread_rig *self, bool *progressed, ks_error *error)
{
    return ksi_stream_thread_step(self->thread, progressed, error);
}

/* Records "KEY:x" for so many different keys. */
static void produce_keys(const thread_rig *self, int count)
{
    for (int i = 0; i < count; i++) {
        char record[32];
        (void)snprintf(record, sizeof record, "key-%d:x", i);
        log_produce(self->log, "in", 0, 1, record);
    }
}

/* How many rows are on the disk, with no application running. */
static size_t rows_on_disk(thread_rig *self)
{
    ks_error error = {0};
    ksi_row_store *store = NULL;
    ksi_row row;
    size_t count = 0;
    bool found = true;
    rig_open_state(self);
    assert_ok(ksi_local_state_rows(self->state, &self->topology->stores[0], 0, &store, &error),
              &error);
    ksi_row_iterator *all = ksi_row_iterator_open(store, &(ksi_row_range){0});
    assert_ok(ksi_row_iterator_next(all, &row, &found, &error), &error);
    while (found) {
        count++;
        assert_ok(ksi_row_iterator_next(all, &row, &found, &error), &error);
    }
    ksi_row_iterator_close(all);
    ksi_row_store_close(store);
    rig_close_state(self);
    return count;
}

/* ---- committing and applying ----------------------------------------------------------------- */

static void what_was_not_committed_never_reaches_the_disk(void **state)
{
    (void)state;
    thread_rig *self = new_fixture("0");
    rig_open(self);
    produce_keys(self, 3);
    rig_step_until_idle(self);
    rig_pass_ms(self, 5); /* it is sent */
    assert_int_equal(log_count(self->log, "out"), 3);
    assert_true(ksi_row_store_bytes(rig_rows(self)).pending > 0);
    rig_abandon(self);
    assert_int_equal(rows_on_disk(self), 0);
    free_fixture(self);
}

static void committed_rows_go_to_the_disk_when_the_interval_is_over(void **state)
{
    (void)state;
    thread_rig *self = new_fixture("0");
    rig_open(self);
    produce_keys(self, 3);
    rig_step_until_idle(self);
    rig_pass_ms(self, 101);
    assert_int_equal(rig_commits(self), 1);
    assert_int_equal(ksi_row_store_bytes(rig_rows(self)).pending, 0);
    assert_true(ksi_row_store_bytes(rig_rows(self)).unapplied > 0);
    rig_pass_ms(self, 29898);
    assert_true(ksi_row_store_bytes(rig_rows(self)).unapplied > 0);
    rig_pass_ms(self, 1);
    assert_int_equal(ksi_row_store_bytes(rig_rows(self)).unapplied, 0);
    rig_abandon(self); /* and they stay, whatever happens then */
    assert_int_equal(rows_on_disk(self), 3);
    free_fixture(self);
}

static void a_clean_end_applies_and_a_failure_restores_from_the_last_apply(void **state)
{
    (void)state;
    thread_rig *self = new_fixture("0");
    rig_open(self);
    produce_keys(self, 3);
    rig_step_until_idle(self);
    rig_close(self);
    assert_int_equal(rows_on_disk(self), 3);
    rig_open(self);
    assert_non_null(strstr(self->restored_line, "from 0 changelog records, beginning at offset 3"));
    produce_keys(self, 5);
    rig_step_until_idle(self);
    rig_pass_ms(self, 101);
    rig_abandon(self); /* committed and not applied */
    assert_int_equal(rows_on_disk(self), 3);
    rig_open(self);
    assert_non_null(strstr(self->restored_line, "from 5 changelog records, beginning at offset 3"));
    assert_string_equal(self->wiped, "");
    rig_close(self);
    assert_int_equal(rows_on_disk(self), 5);
    free_fixture(self);
}

static void a_store_with_too_many_committed_rows_applies_them_at_the_commit(void **state)
{
    (void)state;
    thread_rig *self = new_fixture("0");
    config_put(self->config, "statestore.memory.max.bytes", "40000"); /* 10,000 of one store */
    rig_open(self);
    produce_keys(self, 3);
    rig_step_until_idle(self);
    rig_pass_ms(self, 101);
    assert_true(ksi_row_store_bytes(rig_rows(self)).unapplied > 0);
    produce_keys(self, 300);
    rig_step_until_idle(self);
    rig_pass_ms(self, 101);
    assert_int_equal(ksi_row_store_bytes(rig_rows(self)).unapplied, 0);
    rig_abandon(self);
    assert_int_equal(rows_on_disk(self), 300);
    free_fixture(self);
}

/* ---- too many uncommitted rows --------------------------------------------------------------- */

static void too_many_uncommitted_rows_are_committed_at_the_next_record(void **state)
{
    (void)state;
    thread_rig *self = new_fixture("0");
    config_put(self->config, "statestore.uncommitted.max.bytes", "1");
    rig_open(self);
    produce_keys(self, 5);
    rig_step_until_idle(self);
    assert_int_equal(rig_commits(self), 5);
    assert_int_equal(log_committed(self->log, "app", "in", 0), 5);
    rig_close(self);

    config_put(self->config, "statestore.uncommitted.max.bytes", "-1");
    rig_open(self);
    produce_keys(self, 2000);
    rig_step_until_idle(self);
    assert_int_equal(rig_commits(self), 0);
    rig_close(self);
    free_fixture(self);
}

static size_t written_through;

static void count_marks(const char *point)
{
    written_through += strcmp(point, "write-through.marked") == 0;
}

/* The cache gives its rows up in one go, as a record that writes many rows does. */
static void far_too_many_rows_of_one_record_are_written_through(void **state)
{
    (void)state;
    thread_rig *self = new_fixture("1000000");
    config_put(self->config, "statestore.uncommitted.max.bytes", "5000");
    rig_open(self);
    produce_keys(self, 1000);
    rig_step_until_idle(self);
    assert_int_equal(rig_commits(self), 0);
    written_through = 0;
    ksi_crash_hook = count_marks;
    rig_pass_ms(self, 101);
    ksi_crash_hook = NULL;
    assert_int_equal(written_through, 1);
    assert_int_equal(rig_commits(self), 1);
    rig_abandon(self);
    assert_int_equal(rows_on_disk(self), 1000);
    rig_open(self);
    assert_string_equal(self->wiped, ""); /* the commit took the mark away */
    assert_non_null(strstr(self->restored_line, "from 0 changelog records"));
    rig_close(self);
    free_fixture(self);
}

/* What was written through and never committed is half a record's work. */
static void a_transaction_that_was_cut_off_is_wiped(void **state)
{
    (void)state;
    ks_error error = {0};
    thread_rig *self = new_fixture("1000000");
    config_put(self->config, "statestore.uncommitted.max.bytes", "5000");
    rig_open(self);
    produce_keys(self, 3);
    rig_step_until_idle(self);
    rig_pass_ms(self, 101);
    produce_keys(self, 1000);
    rig_step_until_idle(self);
    assert_ok(ksi_task_flush(rig_task(self), &error), &error);
    assert_true(ksi_row_store_is_written_through(rig_rows(self)));
    rig_abandon(self);
    rig_open(self);
    assert_non_null(strstr(self->wiped, "memory had no room for"));
    rig_close(self);
    free_fixture(self);
}

/* ---- stale state ----------------------------------------------------------------------------- */

static void state_that_was_current_a_day_ago_is_rebuilt(void **state)
{
    (void)state;
    thread_rig *self = new_fixture("0");
    rig_open(self);
    produce_keys(self, 3);
    rig_step_until_idle(self);
    rig_close(self);
    self->clock.now_ms += DAY_MS;
    rig_open(self);
    assert_string_equal(self->wiped, "");
    rig_close(self); /* it was current until now */
    self->clock.now_ms += DAY_MS + 1;
    rig_open(self);
    assert_non_null(strstr(self->wiped, "store counted of task 0_0"));
    assert_non_null(strstr(self->wiped, "last current 24 hours ago"));
    assert_non_null(strstr(self->restored_line, "from 3 changelog records, beginning at offset 0"));
    rig_close(self);
    assert_int_equal(rows_on_disk(self), 3);
    free_fixture(self);
}

static void stores_that_are_idle_for_days_stay_current(void **state)
{
    (void)state;
    thread_rig *self = new_fixture("0");
    rig_open(self);
    produce_keys(self, 3);
    rig_step_until_idle(self);
    rig_pass_ms(self, 101);
    assert_int_equal(rig_commits(self), 1);
    for (int hour = 0; hour < 72; hour++) {
        rig_pass_ms(self, DAY_MS / 24);
    }
    assert_int_equal(rig_commits(self), 1); /* nothing was processed */
    rig_abandon(self);
    self->clock.now_ms += DAY_MS / 2;
    rig_open(self);
    assert_string_equal(self->wiped, "");
    assert_non_null(strstr(self->restored_line, "from 0 changelog records, beginning at offset 3"));
    rig_abandon(self);
    self->clock.now_ms += DAY_MS; /* the last start was cut off before it said anything */
    rig_open(self);
    assert_non_null(strstr(self->wiped, "last current "));
    rig_close(self);
    free_fixture(self);
}

static void a_start_with_nothing_to_restore_says_that_stores_are_current(void **state)
{
    (void)state;
    thread_rig *self = new_fixture("0");
    rig_open(self);
    produce_keys(self, 3);
    rig_step_until_idle(self);
    rig_close(self);
    self->clock.now_ms += DAY_MS / 2;
    rig_open(self);
    rig_pass_ms(self, 101);   /* when a commit would be due */
    rig_pass_ms(self, 30000); /* and is made durable with the next apply */
    assert_int_equal(rig_commits(self), 0);
    rig_abandon(self);
    self->clock.now_ms += DAY_MS * 3 / 4;
    rig_open(self);
    assert_string_equal(self->wiped, "");
    assert_non_null(strstr(self->restored_line, "from 0 changelog records, beginning at offset 3"));
    rig_close(self);
    free_fixture(self);
}

static void a_restore_that_is_stopped_leaves_a_position_to_go_on_from(void **state)
{
    (void)state;
    thread_rig *self = new_fixture("0");
    rig_open(self);
    produce_keys(self, 3);
    rig_step_until_idle(self);
    rig_close(self);
    (void)snprintf(self->wiped, sizeof self->wiped, "%s",
                   ksi_config_text(self->config, "state.dir"));
    state_dir_remove(self->wiped);
    rig_open_unrestored(self);
    ksi_restorer_give(self->restorer, &self->tasks[0]);
    ksi_restorer_finish(self->restorer);
    assert_int_equal(self->restored, 1); /* the first time, and not now */
    assert_true(self->tasks[0].is_clean);
    rig_close(self);
    rig_open(self);
    assert_string_equal(self->wiped, "");
    assert_non_null(strstr(self->restored_line, "from 3 changelog records, beginning at offset 0"));
    rig_close(self);
    free_fixture(self);
}

/* ---- a disk that fails ----------------------------------------------------------------------- */

static void a_disk_that_fails_ends_the_thread_and_names_the_store(void **state)
{
    (void)state;
    char database[TEXT_SIZE];
    char away[TEXT_SIZE];
    ks_error error = {0};
    bool progressed = true;
    thread_rig *self = new_fixture("0");
    rig_open(self);
    produce_keys(self, 3);
    rig_step_until_idle(self);
    rig_pass_ms(self, 101);
    const char *directory = ksi_config_text(self->config, "state.dir");
    (void)snprintf(database, sizeof database, "%s/app/rocksdb", directory);
    (void)snprintf(away, sizeof away, "%s/app/away", directory);
    assert_int_equal(rename(database, away), 0); /* nothing can be written there */
    self->clock.now_ms += 30000;
    assert_int_not_equal(try_step(self, &progressed, &error), KS_OK);
    assert_string_equal(error.where, "counted");
    assert_non_null(strstr(error.message, "nothing that was committed is lost"));
    rig_end_workers(self);
    assert_int_not_equal(ksi_local_state_close(self->state, &error), KS_OK);
    self->state = NULL;

    assert_int_equal(rename(away, database), 0); /* it is mended */
    rig_open(self);
    assert_non_null(strstr(self->restored_line, "from 3 changelog records"));
    assert_int_equal(rig_commits(self), 0);
    rig_close(self);
    assert_int_equal(rows_on_disk(self), 3);
    assert_int_equal(log_count(self->log, "out"), 3); /* no record was processed twice */
    free_fixture(self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_not_committed_never_reaches_the_disk),
        cmocka_unit_test(committed_rows_go_to_the_disk_when_the_interval_is_over),
        cmocka_unit_test(a_clean_end_applies_and_a_failure_restores_from_the_last_apply),
        cmocka_unit_test(a_store_with_too_many_committed_rows_applies_them_at_the_commit),
        cmocka_unit_test(too_many_uncommitted_rows_are_committed_at_the_next_record),
        cmocka_unit_test(far_too_many_rows_of_one_record_are_written_through),
        cmocka_unit_test(a_transaction_that_was_cut_off_is_wiped),
        cmocka_unit_test(state_that_was_current_a_day_ago_is_rebuilt),
        cmocka_unit_test(stores_that_are_idle_for_days_stay_current),
        cmocka_unit_test(a_start_with_nothing_to_restore_says_that_stores_are_current),
        cmocka_unit_test(a_restore_that_is_stopped_leaves_a_position_to_go_on_from),
        cmocka_unit_test(a_disk_that_fails_ends_the_thread_and_names_the_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
