/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_app_memory.c - an application with much more state than it may keep in memory.
 */
#include <kstreams/kstreams.h>

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "state_dir.h"

enum { ROUNDS = 8, KEYS = 4000, VALUE_SIZE = 500 };
#define MEGABYTE ((int64_t)1024 * 1024)
#define LIMIT (4 * MEGABYTE) /* beside 16 MB of rows */

typedef struct heard {
    size_t running[KS_LOG_LEVEL_ERROR + 1]; /* by level */
    size_t closing[KS_LOG_LEVEL_ERROR + 1];
    char rows[160]; /* the last line about rows */
} heard;

static void hear(ks_log_level level, const char *where, const char *message, void *user)
{
    heard *self = user;
    (void)where;
    self->running[level] += strncmp(message, "memory when running: ", 21) == 0;
    self->closing[level] += strncmp(message, "memory when closing: ", 21) == 0;
    if (level == KS_LOG_LEVEL_DEBUG && strstr(message, "rows of store") != NULL) {
        (void)snprintf(self->rows, sizeof self->rows, "%s", message);
    }
}

static void assert_ok(ks_status status, const ks_error *error)
{
    if (status != KS_OK) {
        char words[800];
        fail_msg("%s", ks_error_text(error, words, sizeof words));
    }
}

static ks_topology *table_of(ks_store_type type)
{
    ks_error error = {0};
    ks_builder *b = ks_builder_new(NULL);
    (void)ks_builder_table(b, "rows",
                           KS_CONSUMED(.key = &ks_serde_string, .value = &ks_serde_string),
                           KS_MATERIALIZED(.name = "wide", .type = type));
    ks_topology *topology = ks_builder_build(b, &error);
    assert_ok(topology != NULL ? KS_OK : error.code, &error);
    ks_builder_free(b);
    return topology;
}

static void say_a_round(ks_log *log, int round)
{
    static char value[VALUE_SIZE + 1];
    ks_error error = {0};
    memset(value, 'a' + round, VALUE_SIZE);
    for (int i = 0; i < KEYS; i++) {
        char key[32];
        (void)snprintf(key, sizeof key, "%d-%d", round, i);
        const ks_log_record record = {.key = ks_slice_cstr(key),
                                      .value = ks_slice_cstr(value),
                                      .timestamp = 1000,
                                      .partition = -1};
        assert_ok(ks_log_produce(log, "rows", &record, &error), &error);
    }
}

static ks_config *config_of(void)
{
    ks_error error = {0};
    ks_config *config = ks_config_new();
    const char *const set[][2] = {{"application.id", "app"},
                                  {"bootstrap.servers", "embedded:"},
                                  {"state.dir", state_dir_new()},
                                  {"num.stream.threads", "2"},
                                  {"statestore.cache.max.bytes", "100000"},
                                  {"statestore.memory.max.bytes", "4194304"},
                                  {"statestore.uncommitted.max.bytes", "262144"}};
    for (size_t i = 0; i < sizeof set / sizeof set[0]; i++) {
        assert_ok(ks_config_set(config, set[i][0], set[i][1], &error), &error);
    }
    return config;
}

/*
 * What is in use when RocksDB is not flushing: while it does, and the disk is slow, memtables may
 * take more. Never coming back below the limit fails the test by its timeout.
 */
static ks_app_memory settled(ks_app *app)
{
    ks_app_memory memory = ks_app_memory_of(app);
    while (memory.used > LIMIT) {
        (void)sched_yield();
        memory = ks_app_memory_of(app);
    }
    assert_int_equal(memory.used, memory.block_cache + memory.memtables + memory.rows);
    assert_int_equal(memory.limit, LIMIT);
    return memory;
}

/* What the log has of a run without anything asked for. */
static heard hear_of_a_run(ks_log *log, const ks_topology *topology, const ks_config *config)
{
    heard lines = {0};
    ks_error error = {0};
    ks_app *app = ks_app_new(topology, config,
                             KS_APP_OPTIONS(.log = log, .log_line = hear, .user = &lines), &error);
    assert_ok(app != NULL ? KS_OK : error.code, &error);
    assert_ok(ks_app_start(app, &error), &error);
    assert_ok(ks_app_wait_until_caught_up(app, -1, &error), &error);
    assert_ok(ks_app_close(app, -1, &error), &error);
    ks_app_free(app);
    return lines;
}

static void state_that_does_not_fit_stays_within_the_memory_it_was_given(void **state)
{
    (void)state;
    heard lines = {0};
    ks_error error = {0};
    ks_log *log = ks_log_open("embedded:", &error);
    assert_non_null(log);
    assert_ok(ks_log_create_topic(log, "rows", 4, &error), &error);
    ks_topology *topology = table_of(KS_STORE_DEFAULT);
    ks_config *config = config_of();
    ks_app *app = ks_app_new(
        topology, config,
        KS_APP_OPTIONS(.log = log, .log_line = hear, .log_debug = true, .user = &lines), &error);
    assert_ok(app != NULL ? KS_OK : error.code, &error);
    assert_int_equal(ks_app_memory_of(app).limit, 0); /* before it is started */
    assert_ok(ks_app_start(app, &error), &error);
    int64_t most_rows = 0;
    for (int round = 0; round < ROUNDS; round++) {
        say_a_round(log, round);
        assert_ok(ks_app_wait_until_caught_up(app, -1, &error), &error);
        ks_app_memory memory = settled(app);
        assert_true(memory.memtables + memory.block_cache > 0);
        assert_true(memory.rows <= LIMIT / 2);
        most_rows = memory.rows > most_rows ? memory.rows : most_rows;
    }
    assert_true(most_rows >= LIMIT / 8); /* it is made use of */
    assert_int_equal(lines.running[KS_LOG_LEVEL_INFO], 1);
    assert_int_equal(lines.running[KS_LOG_LEVEL_DEBUG], 2 + 4); /* RocksDB's, and of four tasks */
    assert_ok(ks_app_close(app, -1, &error), &error);
    assert_int_equal(lines.closing[KS_LOG_LEVEL_INFO], 1);
    assert_int_equal(lines.closing[KS_LOG_LEVEL_DEBUG], 2 + 4);
    assert_non_null(strstr(lines.rows, "rows of store wide, task 0_3: "));
    assert_non_null(strstr(lines.rows, " of 0.5 MB"));
    assert_int_equal(ks_app_memory_of(app).limit, 0);
    ks_app_free(app);
    lines = hear_of_a_run(log, topology, config);
    assert_int_equal(lines.closing[KS_LOG_LEVEL_INFO], 1);
    assert_int_equal(lines.closing[KS_LOG_LEVEL_DEBUG], 0);
    ks_config_free(config);
    ks_topology_free(topology);
    ks_log_free(log);
}

static void an_application_without_stores_on_disk_has_nothing_to_report(void **state)
{
    (void)state;
    heard lines = {0};
    ks_error error = {0};
    ks_log *log = ks_log_open("embedded:", &error);
    assert_non_null(log);
    assert_ok(ks_log_create_topic(log, "rows", 1, &error), &error);
    ks_topology *topology = table_of(KS_STORE_IN_MEMORY);
    ks_config *config = config_of();
    ks_app *app = ks_app_new(topology, config,
                             KS_APP_OPTIONS(.log = log, .log_line = hear, .user = &lines), &error);
    assert_ok(app != NULL ? KS_OK : error.code, &error);
    say_a_round(log, 0);
    assert_ok(ks_app_start(app, &error), &error);
    assert_ok(ks_app_wait_until_caught_up(app, -1, &error), &error);
    assert_int_equal(ks_app_memory_of(app).used, 0);
    assert_ok(ks_app_close(app, -1, &error), &error);
    assert_int_equal(lines.running[KS_LOG_LEVEL_INFO] + lines.closing[KS_LOG_LEVEL_INFO], 0);
    ks_app_free(app);
    ks_config_free(config);
    ks_topology_free(topology);
    ks_log_free(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(state_that_does_not_fit_stays_within_the_memory_it_was_given),
        cmocka_unit_test(an_application_without_stores_on_disk_has_nothing_to_report),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
