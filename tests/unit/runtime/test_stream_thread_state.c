/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_stream_thread_state.c - when rows go to the disk: turn by turn, on a clock that only the
 * test moves.
 */
#include "log_fixture.h"

#include "base/crash_point.h"
#include "config/config.h"
#include "runtime/internal_topics.h"
#include "runtime/stream_thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "state_dir.h"
#include "stored_rows.h"

enum { TEXT_SIZE = 512, DAY_MS = 24 * 60 * 60 * 1000 };

/* ---- one thread and its state ---------------------------------------------------------------- */

typedef struct fixture {
    ks_log *log;
    ks_topology *topology;
    ks_config *config; /* the test's, from one thread to the next */
    ksi_transport *transport;
    ksi_manual_clock clock;
    ksi_logger logger;
    ksi_assignment assignment;
    atomic_int waiters;
    ksi_local_state *state;
    ksi_stream_thread *thread;
    char wiped[TEXT_SIZE];    /* the last line about it */
    char restored[TEXT_SIZE]; /* likewise */
} fixture;

static void hear(ks_log_level level, const char *where, const char *message, void *user)
{
    fixture *self = user;
    (void)level;
    (void)where;
    if (strstr(message, "was wiped") != NULL) {
        (void)snprintf(self->wiped, sizeof self->wiped, "%s", message);
    } else if (strncmp(message, "restored store", 14) == 0) {
        (void)snprintf(self->restored, sizeof self->restored, "%s", message);
    }
}

static void open_state(fixture *self)
{
    ks_error error = {0};
    const ksi_local_state_options options = {.topology = self->topology,
                                             .config = self->config,
                                             .application_id = "app",
                                             .row_stores = 1,
                                             .clock = &self->clock.clock,
                                             .logger = &self->logger};
    self->state = ksi_local_state_open(&options, &error);
    assert_ok(self->state != NULL ? KS_OK : error.code, &error);
}

/* A thread over what is on the log and on the disk. */
static void open_thread(fixture *self)
{
    ks_error error = {0};
    self->wiped[0] = '\0';
    self->restored[0] = '\0';
    open_state(self);
    int64_t cache_bytes = ksi_config_cache_max_bytes(self->config);
    const ksi_stream_thread_options options = {.name = "thread",
                                               .topology = self->topology,
                                               .config = self->config,
                                               .application_id = "app",
                                               .transport = self->transport,
                                               .assignment = &self->assignment,
                                               .clock = &self->clock.clock,
                                               .logger = &self->logger,
                                               .state = self->state,
                                               .cache_bytes = cache_bytes > 0 ? cache_bytes : -1,
                                               .waiters = &self->waiters};
    self->thread = ksi_stream_thread_new(&options, &error);
    assert_non_null(self->thread);
    for (size_t i = 0; i < self->assignment.task_count; i++) {
        assert_ok(ksi_stream_thread_add_task(self->thread, self->assignment.tasks[i], &error),
                  &error);
    }
    assert_ok(ksi_stream_thread_restore(self->thread, &error), &error);
}

static void close_state(fixture *self)
{
    ks_error error = {0};
    assert_ok(ksi_local_state_close(self->state, &error), &error);
    self->state = NULL;
}

/* Ends as a failure does: nothing is committed. */
static void abandon_thread(fixture *self)
{
    ksi_stream_thread_free(self->thread);
    self->thread = NULL;
    close_state(self);
}

static void close_thread(fixture *self)
{
    ks_error error = {0};
    assert_ok(ksi_stream_thread_finish(self->thread, &error), &error);
    abandon_thread(self);
}

/* Counts what is in topic "in"; without a cache, unless `cache_bytes` says so. */
static fixture *new_fixture(const char *cache_bytes)
{
    ks_error error = {0};
    fixture *self = test_calloc(1, sizeof *self);
    self->log = log_open();
    log_create(self->log, "in", 1);
    log_create(self->log, "out", 1);
    self->topology = counting();
    self->config = config_of("app");
    config_put(self->config, "statestore.cache.max.bytes", cache_bytes);
    config_put(self->config, "commit.interval.ms", "100");
    self->transport = ksi_log_transport(self->log);
    ksi_logger_init(&self->logger, hear, self, KS_LOG_LEVEL_INFO);
    ksi_manual_clock_init(&self->clock, 1000000);
    const ksi_assignment_options wanted = {
        .topology = self->topology, .application_id = "app", .transport = self->transport};
    assert_ok(ksi_assignment_make(&self->assignment, &wanted, &error), &error);
    assert_ok(ksi_internal_topics_make_ready(&self->assignment, self->transport, NULL, &error),
              &error);
    return self;
}

static void free_fixture(fixture *self)
{
    ksi_assignment_destroy(&self->assignment);
    self->transport->class->release(self->transport);
    ksi_logger_destroy(&self->logger);
    ks_topology_free(self->topology);
    ks_config_free(self->config);
    ks_log_free(self->log);
    test_free(self);
}

static ks_status try_step(const fixture *self, bool *progressed, ks_error *error)
{
    return ksi_stream_thread_step(self->thread, progressed, error);
}

static void step_until_idle(const fixture *self)
{
    ks_error error = {0};
    bool progressed = true;
    while (progressed) {
        assert_ok(try_step(self, &progressed, &error), &error);
    }
}

static void pass_ms(fixture *self, int64_t ms)
{
    self->clock.now_ms += ms;
    step_until_idle(self);
}

/* Records "KEY:x" for so many different keys. */
static void produce_keys(const fixture *self, int count)
{
    for (int i = 0; i < count; i++) {
        char record[32];
        (void)snprintf(record, sizeof record, "key-%d:x", i);
        log_produce(self->log, "in", 0, 1, record);
    }
}

static ksi_row_store *rows(const fixture *self)
{
    ksi_task *task = ksi_stream_thread_task_at(self->thread, 0);
    return ksi_key_value_store_rows(ksi_task_key_value_store(task, "counted"));
}

static uint64_t commits(const fixture *self)
{
    return ksi_stream_thread_stats_of(self->thread).commits;
}

/* How many rows are on the disk, with no application running. */
static size_t rows_on_disk(fixture *self)
{
    ks_error error = {0};
    ksi_row_store *store = NULL;
    ksi_row row;
    size_t count = 0;
    bool found = true;
    open_state(self);
    assert_ok(ksi_local_state_rows(self->state, &self->topology->stores[0].spec, 0, &store, &error),
              &error);
    ksi_row_iterator *all = ksi_row_iterator_open(store, &(ksi_row_range){0});
    assert_ok(ksi_row_iterator_next(all, &row, &found, &error), &error);
    while (found) {
        count++;
        assert_ok(ksi_row_iterator_next(all, &row, &found, &error), &error);
    }
    ksi_row_iterator_close(all);
    ksi_row_store_close(store);
    close_state(self);
    return count;
}

/* ---- committing and applying ----------------------------------------------------------------- */

static void what_was_not_committed_never_reaches_the_disk(void **state)
{
    (void)state;
    fixture *self = new_fixture("0");
    open_thread(self);
    produce_keys(self, 3);
    step_until_idle(self);
    assert_int_equal(log_count(self->log, "out"), 3);
    assert_true(ksi_row_store_bytes(rows(self)).pending > 0);
    abandon_thread(self);
    assert_int_equal(rows_on_disk(self), 0);
    free_fixture(self);
}

static void committed_rows_go_to_the_disk_when_the_interval_is_over(void **state)
{
    (void)state;
    fixture *self = new_fixture("0");
    open_thread(self);
    produce_keys(self, 3);
    step_until_idle(self);
    pass_ms(self, 101);
    assert_int_equal(commits(self), 1);
    assert_int_equal(ksi_row_store_bytes(rows(self)).pending, 0);
    assert_true(ksi_row_store_bytes(rows(self)).unapplied > 0);
    pass_ms(self, 29898);
    assert_true(ksi_row_store_bytes(rows(self)).unapplied > 0);
    pass_ms(self, 1);
    assert_int_equal(ksi_row_store_bytes(rows(self)).unapplied, 0);
    abandon_thread(self); /* and they stay, whatever happens then */
    assert_int_equal(rows_on_disk(self), 3);
    free_fixture(self);
}

static void a_clean_end_applies_and_a_failure_restores_from_the_last_apply(void **state)
{
    (void)state;
    fixture *self = new_fixture("0");
    open_thread(self);
    produce_keys(self, 3);
    step_until_idle(self);
    close_thread(self);
    assert_int_equal(rows_on_disk(self), 3);
    open_thread(self);
    assert_non_null(strstr(self->restored, "from 0 changelog records, beginning at offset 3"));
    produce_keys(self, 5);
    step_until_idle(self);
    pass_ms(self, 101);
    abandon_thread(self); /* committed and not applied */
    assert_int_equal(rows_on_disk(self), 3);
    open_thread(self);
    assert_non_null(strstr(self->restored, "from 5 changelog records, beginning at offset 3"));
    assert_string_equal(self->wiped, "");
    close_thread(self);
    assert_int_equal(rows_on_disk(self), 5);
    free_fixture(self);
}

static void a_store_with_too_many_committed_rows_applies_them_at_the_commit(void **state)
{
    (void)state;
    fixture *self = new_fixture("0");
    config_put(self->config, "statestore.memory.max.bytes", "40000"); /* 10,000 of one store */
    open_thread(self);
    produce_keys(self, 3);
    step_until_idle(self);
    pass_ms(self, 101);
    assert_true(ksi_row_store_bytes(rows(self)).unapplied > 0);
    produce_keys(self, 300);
    step_until_idle(self);
    pass_ms(self, 101);
    assert_int_equal(ksi_row_store_bytes(rows(self)).unapplied, 0);
    abandon_thread(self);
    assert_int_equal(rows_on_disk(self), 300);
    free_fixture(self);
}

/* ---- too many uncommitted rows --------------------------------------------------------------- */

static void too_many_uncommitted_rows_are_committed_at_the_next_record(void **state)
{
    (void)state;
    fixture *self = new_fixture("0");
    config_put(self->config, "statestore.uncommitted.max.bytes", "1");
    open_thread(self);
    produce_keys(self, 5);
    step_until_idle(self);
    assert_int_equal(commits(self), 5);
    assert_int_equal(log_committed(self->log, "app", "in", 0), 5);
    close_thread(self);

    config_put(self->config, "statestore.uncommitted.max.bytes", "-1");
    open_thread(self);
    produce_keys(self, 2000);
    step_until_idle(self);
    assert_int_equal(commits(self), 0);
    close_thread(self);
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
    fixture *self = new_fixture("1000000");
    config_put(self->config, "statestore.uncommitted.max.bytes", "5000");
    open_thread(self);
    produce_keys(self, 1000);
    step_until_idle(self);
    assert_int_equal(commits(self), 0);
    written_through = 0;
    ksi_crash_hook = count_marks;
    pass_ms(self, 101);
    ksi_crash_hook = NULL;
    assert_int_equal(written_through, 1);
    assert_int_equal(commits(self), 1);
    abandon_thread(self);
    assert_int_equal(rows_on_disk(self), 1000);
    open_thread(self);
    assert_string_equal(self->wiped, ""); /* the commit took the mark away */
    assert_non_null(strstr(self->restored, "from 0 changelog records"));
    close_thread(self);
    free_fixture(self);
}

/* What was written through and never committed is half a record's work. */
static void a_transaction_that_was_cut_off_is_wiped(void **state)
{
    (void)state;
    ks_error error = {0};
    fixture *self = new_fixture("1000000");
    config_put(self->config, "statestore.uncommitted.max.bytes", "5000");
    open_thread(self);
    produce_keys(self, 3);
    step_until_idle(self);
    pass_ms(self, 101);
    produce_keys(self, 1000);
    step_until_idle(self);
    assert_ok(ksi_task_flush(ksi_stream_thread_task_at(self->thread, 0), &error), &error);
    assert_true(ksi_row_store_is_written_through(rows(self)));
    abandon_thread(self);
    open_thread(self);
    assert_non_null(strstr(self->wiped, "memory had no room for"));
    close_thread(self);
    free_fixture(self);
}

/* ---- stale state ----------------------------------------------------------------------------- */

static void state_that_was_current_a_day_ago_is_rebuilt(void **state)
{
    (void)state;
    fixture *self = new_fixture("0");
    open_thread(self);
    produce_keys(self, 3);
    step_until_idle(self);
    close_thread(self);
    self->clock.now_ms += DAY_MS;
    open_thread(self);
    assert_string_equal(self->wiped, "");
    close_thread(self); /* it was current until now */
    self->clock.now_ms += DAY_MS + 1;
    open_thread(self);
    assert_non_null(strstr(self->wiped, "store counted of task 0_0"));
    assert_non_null(strstr(self->wiped, "last current 24 hours ago"));
    assert_non_null(strstr(self->restored, "from 3 changelog records, beginning at offset 0"));
    close_thread(self);
    assert_int_equal(rows_on_disk(self), 3);
    free_fixture(self);
}

static void stores_that_are_idle_for_days_stay_current(void **state)
{
    (void)state;
    fixture *self = new_fixture("0");
    open_thread(self);
    produce_keys(self, 3);
    step_until_idle(self);
    pass_ms(self, 101);
    assert_int_equal(commits(self), 1);
    for (int hour = 0; hour < 72; hour++) {
        pass_ms(self, DAY_MS / 24);
    }
    assert_int_equal(commits(self), 1); /* nothing was processed */
    abandon_thread(self);
    self->clock.now_ms += DAY_MS / 2;
    open_thread(self);
    assert_string_equal(self->wiped, "");
    assert_non_null(strstr(self->restored, "from 0 changelog records, beginning at offset 3"));
    abandon_thread(self);
    self->clock.now_ms += DAY_MS; /* the last start was cut off before it said anything */
    open_thread(self);
    assert_non_null(strstr(self->wiped, "last current "));
    close_thread(self);
    free_fixture(self);
}

static void a_start_with_nothing_to_restore_says_that_stores_are_current(void **state)
{
    (void)state;
    fixture *self = new_fixture("0");
    open_thread(self);
    produce_keys(self, 3);
    step_until_idle(self);
    close_thread(self);
    self->clock.now_ms += DAY_MS / 2;
    open_thread(self);
    pass_ms(self, 101);   /* when a commit would be due */
    pass_ms(self, 30000); /* and is made durable with the next apply */
    assert_int_equal(commits(self), 0);
    abandon_thread(self);
    self->clock.now_ms += DAY_MS * 3 / 4;
    open_thread(self);
    assert_string_equal(self->wiped, "");
    assert_non_null(strstr(self->restored, "from 0 changelog records, beginning at offset 3"));
    close_thread(self);
    free_fixture(self);
}

static void a_restore_that_is_stopped_leaves_a_position_to_go_on_from(void **state)
{
    (void)state;
    ks_error error = {0};
    fixture *self = new_fixture("0");
    open_thread(self);
    produce_keys(self, 3);
    step_until_idle(self);
    close_thread(self);
    (void)snprintf(self->wiped, sizeof self->wiped, "%s",
                   ksi_config_text(self->config, "state.dir"));
    state_dir_remove(self->wiped);
    open_state(self);
    const ksi_stream_thread_options options = {.name = "thread",
                                               .topology = self->topology,
                                               .config = self->config,
                                               .application_id = "app",
                                               .transport = self->transport,
                                               .assignment = &self->assignment,
                                               .clock = &self->clock.clock,
                                               .state = self->state,
                                               .cache_bytes = -1,
                                               .waiters = &self->waiters};
    self->thread = ksi_stream_thread_new(&options, &error);
    assert_ok(ksi_stream_thread_add_task(self->thread, self->assignment.tasks[0], &error), &error);
    ksi_stream_thread_stop(self->thread);
    assert_ok(ksi_stream_thread_restore(self->thread, &error), &error);
    close_thread(self);
    open_thread(self);
    assert_string_equal(self->wiped, "");
    assert_non_null(strstr(self->restored, "from 3 changelog records, beginning at offset 0"));
    close_thread(self);
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
    fixture *self = new_fixture("0");
    open_thread(self);
    produce_keys(self, 3);
    step_until_idle(self);
    pass_ms(self, 101);
    const char *directory = ksi_config_text(self->config, "state.dir");
    (void)snprintf(database, sizeof database, "%s/app/rocksdb", directory);
    (void)snprintf(away, sizeof away, "%s/app/away", directory);
    assert_int_equal(rename(database, away), 0); /* nothing can be written there */
    self->clock.now_ms += 30000;
    assert_int_not_equal(try_step(self, &progressed, &error), KS_OK);
    assert_string_equal(error.where, "counted");
    assert_non_null(strstr(error.message, "nothing that was committed is lost"));
    ksi_stream_thread_free(self->thread);
    assert_int_not_equal(ksi_local_state_close(self->state, &error), KS_OK);

    assert_int_equal(rename(away, database), 0); /* it is mended */
    open_thread(self);
    assert_non_null(strstr(self->restored, "from 3 changelog records"));
    assert_int_equal(commits(self), 0);
    close_thread(self);
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
