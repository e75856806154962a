/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_app_threads.c - an application whose threads come, go, fail and pause while records flow, on
 * a log in a directory: nothing is counted twice or not at all.
 */
#include <kstreams/kstreams.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "assert_ok.h"
#include "state_dir.h"

enum { PATH_SIZE = 600, KEYS = 40, PARTITIONS = 4 };

/* A log, a state directory, and an application on them that counts the records of each key. */
typedef struct fixture {
    char servers[PATH_SIZE];
    char state_dir[PATH_SIZE];
    const char *guarantee;
    ks_log *log;
    ks_topology *topology;
    ks_app *app;
    ks_uncaught_answer answer;
    atomic_int failures_left; /* the callback fails as often */
    atomic_int asked;         /* the handler was */
    atomic_llong restored;    /* records, by the listener */
} fixture;

static ks_value fail_sometimes(ks_ctx *ctx, const ks_record *record, void *user)
{
    fixture *self = user;
    if (atomic_load(&self->failures_left) > 0) {
        atomic_fetch_sub(&self->failures_left, 1);
        ks_ctx_fail(ctx, "as the test wants it");
    }
    return record->value;
}

static ks_topology *counting(fixture *self)
{
    ks_error error = {0};
    ks_builder *builder = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(
        builder, "in", KS_CONSUMED(.key = &ks_serde_string, .value = &ks_serde_string));
    ks_stream *checked = ks_stream_map_values(in, fail_sometimes, self, NULL);
    ks_table *counts = ks_grouped_stream_count(
        ks_stream_group_by_key(checked,
                               KS_GROUPED(.key = &ks_serde_string, .value = &ks_serde_string)),
        KS_MATERIALIZED(.name = "counts"));
    ks_stream_to(ks_table_to_stream(counts, NULL), "out",
                 KS_PRODUCED(.key = &ks_serde_string, .value = &ks_serde_i64));
    ks_topology *topology = ks_builder_build(builder, &error);
    assert_ok(topology != NULL ? KS_OK : error.code, &error);
    ks_builder_free(builder);
    return topology;
}

static ks_uncaught_answer answer(const ks_error *error, void *user)
{
    fixture *self = user;
    assert_non_null(strstr(error->message, "as the test wants it"));
    atomic_fetch_add(&self->asked, 1);
    return self->answer;
}

static void follow(const ks_restore_progress *progress, void *user)
{
    fixture *self = user;
    if (progress->step == KS_RESTORE_BATCH) {
        atomic_fetch_add(&self->restored, progress->records);
    }
}

/* Lines of the library are no news here: threads fail because the test wants it. */
static void ignore_line(ks_log_level level, const char *where, const char *message, void *user)
{
    (void)level;
    (void)where;
    (void)message;
    (void)user;
}

static void make_app(fixture *self)
{
    ks_error error = {0};
    ks_config *config = ks_config_new();
    const char *const pairs[][2] = {
        {"application.id", "counting"},      {"bootstrap.servers", self->servers},
        {"state.dir", self->state_dir},      {"processing.guarantee", self->guarantee},
        {"statestore.cache.max.bytes", "0"}, {"num.stream.threads", "2"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        assert_ok(ks_config_set(config, pairs[i][0], pairs[i][1], &error), &error);
    }
    self->topology = counting(self);
    self->app = ks_app_new(self->topology, config,
                           KS_APP_OPTIONS(.log = self->log, .uncaught_error = answer,
                                          .restore_listener = follow, .log_line = ignore_line,
                                          .user = self),
                           &error);
    assert_ok(self->app != NULL ? KS_OK : error.code, &error);
    ks_config_free(config);
}

static void free_app(fixture *self)
{
    ks_app_free(self->app);
    ks_topology_free(self->topology);
}

static fixture *new_fixture(const char *guarantee)
{
    ks_error error = {0};
    fixture *self = calloc(1, sizeof *self);
    assert_non_null(self);
    self->guarantee = guarantee;
    (void)snprintf(self->servers, sizeof self->servers, "embedded:%s/log", state_dir_new());
    (void)snprintf(self->state_dir, sizeof self->state_dir, "%s", state_dir_new());
    self->log = ks_log_open(self->servers, &error);
    assert_ok(self->log != NULL ? KS_OK : error.code, &error);
    assert_ok(ks_log_create_topic(self->log, "in", PARTITIONS, &error), &error);
    assert_ok(ks_log_create_topic(self->log, "out", 1, &error), &error);
    make_app(self);
    return self;
}

static void free_fixture(fixture *self)
{
    free_app(self);
    ks_log_free(self->log);
    free(self);
}

static void produce(const fixture *self, int rounds)
{
    ks_error error = {0};
    for (int i = 0; i < rounds * KEYS; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "k%d", i % KEYS);
        const ks_log_record record = {.key = ks_slice_cstr(key),
                                      .value = ks_slice_cstr("x"),
                                      .timestamp = 1000 + i,
                                      .partition = -1};
        assert_ok(ks_log_produce(self->log, "in", &record, &error), &error);
    }
}

static void start(const fixture *self)
{
    ks_error error = {0};
    assert_ok(ks_app_start(self->app, &error), &error);
}

static void catch_up(const fixture *self)
{
    ks_error error = {0};
    assert_ok(ks_app_wait_until_caught_up(self->app, 60000, &error), &error);
}

static int64_t number_of(ks_slice value)
{
    uint64_t number = 0;
    assert_int_equal(value.size, 8);
    for (size_t i = 0; i < 8; i++) {
        number = number << 8 | (unsigned char)value.data[i];
    }
    return (int64_t)number;
}

/* Every count of every key from 1 to `rounds` is in the output once, in order. */
static void assert_counted_once(const fixture *self, int rounds)
{
    ks_error error = {0};
    int64_t last[KEYS] = {0};
    ks_log_record record;
    ks_log_reader *reader = ks_log_reader_open(self->log, "out", &error);
    assert_non_null(reader);
    while (ks_log_reader_next(reader, &record)) {
        char key[16] = {0};
        assert_true(record.key.size < sizeof key);
        memcpy(key, record.key.data, record.key.size);
        size_t at = (size_t)strtol(key + 1, NULL, 10);
        assert_true(at < KEYS);
        assert_int_equal(number_of(record.value), last[at] + 1);
        last[at]++;
    }
    ks_log_reader_free(reader);
    for (size_t i = 0; i < KEYS; i++) {
        assert_int_equal(last[i], rounds);
    }
}

/* ---- the tests ------------------------------------------------------------------------------- */

static void threads_come_and_go_while_records_flow(void **state)
{
    (void)state;
    ks_error error = {0};
    fixture *self = new_fixture("exactly_once_v2");
    assert_int_equal(ks_app_add_stream_thread(self->app, &error), KS_E_STATE);
    start(self);
    produce(self, 10);
    assert_ok(ks_app_add_stream_thread(self->app, &error), &error);
    assert_ok(ks_app_add_stream_thread(self->app, &error), &error);
    assert_int_equal(ks_app_stream_threads(self->app), 4);
    produce(self, 10);
    catch_up(self);
    for (int i = 0; i < 3; i++) {
        assert_ok(ks_app_remove_stream_thread(self->app, &error), &error);
        produce(self, 5);
    }
    assert_int_equal(ks_app_stream_threads(self->app), 1);
    catch_up(self);
    assert_counted_once(self, 35);
    assert_int_equal(ks_app_stats_of(self->app).records_processed, 35 * KEYS);
    free_fixture(self);
}

static void the_last_thread_may_go_and_another_come(void **state)
{
    (void)state;
    ks_error error = {0};
    fixture *self = new_fixture("at_least_once");
    start(self);
    assert_ok(ks_app_remove_stream_thread(self->app, &error), &error);
    assert_ok(ks_app_remove_stream_thread(self->app, &error), &error);
    assert_int_equal(ks_app_remove_stream_thread(self->app, &error), KS_E_STATE);
    produce(self, 3);
    assert_ok(ks_app_add_stream_thread(self->app, &error), &error);
    catch_up(self);
    assert_counted_once(self, 3);
    free_fixture(self);
}

static void a_thread_that_fails_is_replaced_and_nothing_is_counted_twice(void **state)
{
    (void)state;
    fixture *self = new_fixture("exactly_once_v2");
    self->answer = KS_REPLACE_THREAD;
    start(self);
    produce(self, 20);
    catch_up(self);
    atomic_store(&self->failures_left, 3);
    produce(self, 20);
    catch_up(self);
    assert_int_equal(atomic_load(&self->asked), 3);
    assert_int_equal(ks_app_state_of(self->app), KS_APP_RUNNING);
    assert_int_equal(ks_app_stream_threads(self->app), 2);
    assert_counted_once(self, 40);
    free_fixture(self);
}

static void without_an_answer_the_first_failure_ends_the_application(void **state)
{
    (void)state;
    ks_error error = {0};
    fixture *self = new_fixture("exactly_once_v2");
    self->answer = KS_SHUTDOWN_CLIENT;
    start(self);
    atomic_store(&self->failures_left, 1);
    produce(self, 1);
    assert_int_equal(ks_app_wait_until_caught_up(self->app, 60000, &error), KS_E_PROCESSING);
    assert_ok(ks_app_close(self->app, -1, &error), &error);
    assert_int_equal(ks_app_state_of(self->app), KS_APP_ERROR);
    /* Another one goes on where the committed ones ended. */
    free_app(self);
    make_app(self);
    start(self);
    catch_up(self);
    assert_counted_once(self, 1);
    free_fixture(self);
}

static void a_paused_application_processes_nothing(void **state)
{
    (void)state;
    ks_error error = {0};
    fixture *self = new_fixture("exactly_once_v2");
    assert_false(ks_app_is_paused(self->app));
    ks_app_pause(self->app);
    start(self);
    produce(self, 2);
    assert_true(ks_app_is_paused(self->app));
    assert_int_equal(ks_app_wait_until_caught_up(self->app, 50, &error), KS_E_TIMEOUT);
    assert_int_equal(ks_app_stats_of(self->app).records_processed, 0);
    ks_app_resume(self->app);
    catch_up(self);
    assert_counted_once(self, 2);
    free_fixture(self);
}

static void cleaning_up_makes_the_changelog_fill_the_stores(void **state)
{
    (void)state;
    ks_error error = {0};
    fixture *self = new_fixture("exactly_once_v2");
    start(self);
    produce(self, 4);
    catch_up(self);
    assert_int_equal(ks_app_clean_up(self->app, &error), KS_E_STATE);
    assert_ok(ks_app_close(self->app, -1, &error), &error);
    assert_ok(ks_app_clean_up(self->app, &error), &error);
    free_app(self);
    assert_int_equal(atomic_load(&self->restored), 0);
    make_app(self);
    assert_ok(ks_app_clean_up(self->app, &error), &error); /* nothing is there */
    start(self);
    produce(self, 1);
    catch_up(self);
    assert_int_equal(atomic_load(&self->restored), 4 * KEYS);
    assert_counted_once(self, 5);
    free_fixture(self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_come_and_go_while_records_flow),
        cmocka_unit_test(the_last_thread_may_go_and_another_come),
        cmocka_unit_test(a_thread_that_fails_is_replaced_and_nothing_is_counted_twice),
        cmocka_unit_test(without_an_answer_the_first_failure_ends_the_application),
        cmocka_unit_test(a_paused_application_processes_nothing),
        cmocka_unit_test(cleaning_up_makes_the_changelog_fill_the_stores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
