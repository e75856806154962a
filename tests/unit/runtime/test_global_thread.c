/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_global_thread.c - global stores of applications that are stepped by hand: restored before
 * anything runs, followed, kept over restarts and crashes, and what ends them.
 */
#include "manual_app.h"
#include "runtime/app_query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PARTITIONS = 3 };

#define TEXTS KS_CONSUMED(.key = &ks_serde_string, .value = &ks_serde_string)

/* ---- topologies ------------------------------------------------------------------------------ */

/* Forwards "value of the record/value in the global store". */
static void look_up(ks_ctx *ctx, const ks_record *record, void *state, void *user)
{
    (void)state;
    (void)user;
    ks_key_value entry = {.value = ks_null()};
    bool found = false;
    ks_key_value_store *rates = ks_ctx_key_value_store(ctx, "rates");
    if (ks_key_value_store_get(rates, record->key, NULL, &entry, &found, NULL) != KS_OK) {
        return;
    }
    ks_slice rate = found ? ks_value_text(entry.value) : ks_slice_cstr("none");
    ks_slice value = ks_value_text(record->value);
    char text[64];
    int size = snprintf(text, sizeof text, "%.*s/%.*s", (int)value.size, value.data, (int)rate.size,
                        rate.data);
    ks_record forwarded = *record;
    forwarded.value = ks_text(ks_slice_of(text, (size_t)size));
    ks_ctx_forward(ctx, &forwarded);
}

static const ks_processor looking_up = {.struct_size = sizeof looking_up, .process = look_up};

static void write_there(ks_ctx *ctx, const ks_record *record, void *state, void *user)
{
    (void)state;
    (void)user;
    (void)ks_key_value_store_put(ks_ctx_key_value_store(ctx, "rates"), record->key, record->value,
                                 NULL);
}

static const ks_processor writing = {.struct_size = sizeof writing, .process = write_there};

static void add_stream(ks_builder *b, const ks_processor *processor)
{
    ks_stream *in = ks_builder_stream(b, "in", TEXTS);
    ks_stream *out = ks_stream_process(in, processor, NULL, NULL);
    ks_stream_to(out, "out", KS_PRODUCED(.key = &ks_serde_string, .value = &ks_serde_string));
}

static ks_topology *with_table(ks_store_type type, const ks_processor *processor)
{
    ks_builder *b = ks_builder_new(NULL);
    ks_builder_global_table(b, "rate-topic", TEXTS, KS_MATERIALIZED(.name = "rates", .type = type));
    if (processor != NULL) {
        add_stream(b, processor);
    }
    return topology_of(b);
}

/* Keeps "value value" and fails at "bad"; `user` counts its calls. */
static void keep_twice(ks_ctx *ctx, const ks_record *record, void *state, void *user)
{
    (void)state;
    ks_slice value = ks_value_text(record->value);
    const char *bytes = value.data != NULL ? value.data : "";
    char text[64];
    int size =
        snprintf(text, sizeof text, "%.*s %.*s", (int)value.size, bytes, (int)value.size, bytes);
    ++*(int *)user;
    if (ks_slice_equal(value, ks_slice_cstr("bad"))) {
        ks_ctx_fail(ctx, "this rate is bad");
        return;
    }
    (void)ks_key_value_store_put(ks_ctx_key_value_store(ctx, "rates"), record->key,
                                 ks_text(ks_slice_of(text, (size_t)size)), NULL);
}

static const ks_processor keeping = {.struct_size = sizeof keeping, .process = keep_twice};

static ks_topology *with_processor(ks_store_type type, int *calls)
{
    ks_builder *b = ks_builder_new(NULL);
    ks_builder_add_global_store(
        b,
        KS_STORE_BUILDER(.name = "rates", .kind = KS_STORE_KIND_TIMESTAMPED_KEY_VALUE, .type = type,
                         .key = &ks_serde_string, .value = &ks_serde_string),
        &keeping, calls,
        KS_STORE_SOURCE(.topic = "rate-topic", .key = &ks_serde_string, .value = &ks_serde_string));
    add_stream(b, &looking_up);
    return topology_of(b);
}

/* ---- what a test works with ------------------------------------------------------------------ */

static manual_world *new_world(void)
{
    manual_world *world = manual_world_new();
    log_create(world->log, "in", 2);
    log_create(world->log, "out", 1);
    log_create(world->log, "rate-topic", PARTITIONS);
    return world;
}

/* key-0 ... in all partitions. */
static void produce_rates(manual_world *world, int from, int to, const char *value)
{
    for (int i = from; i < to; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "key-%d:%s%d", i, value, i);
        log_produce(world->log, "rate-topic", i % PARTITIONS, 10 + i, text);
    }
}

static void assert_out(manual_world *world, const char *expected)
{
    char text[400];
    assert_string_equal(log_values(world->log, "out", text, sizeof text), expected);
}

/* What a query of the application's store finds; NULL: nothing. */
static void assert_stored(const manual_app *app, const char *key, const char *expected)
{
    ks_error error = {0};
    ksi_queried_row row = {0};
    ksi_store_query *query = ksi_app_store_query(app->app, "rates", 0, &error);
    assert_ok(query != NULL ? KS_OK : error.code, &error);
    assert_ok(ksi_store_query_get(query, ks_slice_cstr(key), false, &row, &error), &error);
    assert_int_equal(row.found, expected != NULL);
    if (expected != NULL) {
        assert_true(ks_slice_equal(ksi_buffer_slice(&row.value), ks_slice_cstr(expected)));
    }
    ksi_queried_row_destroy(&row);
    ksi_store_query_release(query);
}

static uint64_t count_stored(const manual_app *app)
{
    ks_error error = {0};
    uint64_t count = 0;
    ksi_store_query *query = ksi_app_store_query(app->app, "rates", 0, &error);
    assert_ok(query != NULL ? KS_OK : error.code, &error);
    ksi_query_iterator *rows = ksi_query_iterator_open(query, &(ksi_row_range){0});
    ksi_row row;
    for (bool found = true; found; count += found) {
        assert_ok(ksi_query_iterator_next(rows, &row, &found, &error), &error);
    }
    ksi_query_iterator_close(rows);
    ksi_store_query_release(query);
    return count;
}

static bool runs(const manual_app *app)
{
    return ks_app_state_of(app->app) == KS_APP_RUNNING;
}

/* ---- restoring and following ----------------------------------------------------------------- */

static void no_record_is_processed_before_the_global_store_is_at_its_end(ks_store_type type)
{
    manual_world *world = new_world();
    produce_rates(world, 0, 3000, "r");
    log_produce(world->log, "in", 0, 1, "key-2999:a");
    log_produce(world->log, "in", 0, 2, "key-0:b");
    manual_app *app = manual_start(world, 0, with_table(type, &looking_up), config_of("g"));
    while (!app->app->global_is_restored) {
        assert_false(runs(app));
        assert_int_equal(manual_running(app), 0);
        assert_int_equal(log_count(world->log, "out"), 0);
        assert_true(manual_step(world));
    }
    manual_run_ms(world, 500);
    assert_true(runs(app));
    assert_out(world, "a/r2999 b/r0 ");
    assert_int_equal(count_stored(app), 3000);
    manual_close(app);
    manual_world_free(world);
}

static void records_wait_for_a_global_store_in_memory(void **state)
{
    (void)state;
    no_record_is_processed_before_the_global_store_is_at_its_end(KS_STORE_IN_MEMORY);
}

static void records_wait_for_a_global_store_on_rocksdb(void **state)
{
    (void)state;
    no_record_is_processed_before_the_global_store_is_at_its_end(KS_STORE_ROCKSDB);
}

static void what_comes_later_is_found_and_deleted(void **state)
{
    (void)state;
    manual_world *world = new_world();
    manual_app *app =
        manual_start(world, 0, with_table(KS_STORE_ROCKSDB, &looking_up), config_of("g"));
    manual_run_ms(world, 200);
    assert_true(runs(app));
    log_produce(world->log, "in", 0, 1, "key-1:a");
    manual_run_ms(world, 200);
    produce_rates(world, 0, 3, "r");
    manual_run_ms(world, 200);
    log_produce(world->log, "in", 0, 2, "key-1:b");
    manual_run_ms(world, 200);
    ks_error error = {0};
    const ks_log_record deletion = {.key = ks_slice_cstr("key-1"), .partition = 1, .timestamp = 9};
    assert_ok(ks_log_produce(world->log, "rate-topic", &deletion, &error), &error);
    manual_run_ms(world, 200);
    log_produce(world->log, "in", 0, 3, "key-1:c");
    manual_run_ms(world, 200);
    assert_out(world, "a/none b/r1 c/none ");
    assert_int_equal(ks_app_stats_of(app->app).records_behind, 0);
    assert_int_equal(count_stored(app), 2);
    manual_close(app);
    manual_world_free(world);
}

static void every_instance_has_every_partition(void **state)
{
    (void)state;
    manual_world *world = new_world();
    produce_rates(world, 0, 30, "r");
    for (size_t i = 0; i < 2; i++) {
        manual_start(world, i, with_table(KS_STORE_ROCKSDB, &looking_up), config_of("g"));
    }
    manual_run_ms(world, 2000);
    produce_rates(world, 30, 40, "r");
    manual_run_ms(world, 500);
    for (size_t i = 0; i < 2; i++) {
        assert_true(runs(&world->apps[i]));
        assert_int_equal(manual_running(&world->apps[i]), 1);
        assert_int_equal(count_stored(&world->apps[i]), 40);
        assert_stored(&world->apps[i], "key-39", "r39");
    }
    manual_close(&world->apps[0]);
    manual_close(&world->apps[1]);
    manual_world_free(world);
}

static void an_application_of_global_tables_only_runs(void **state)
{
    (void)state;
    manual_world *world = new_world();
    ks_config *config = config_of("g");
    config_put(config, "num.stream.threads", "0");
    produce_rates(world, 0, 5, "r");
    manual_app *app = manual_start(world, 0, with_table(KS_STORE_ROCKSDB, NULL), config);
    manual_run_ms(world, 500);
    assert_true(runs(app));
    assert_stored(app, "key-4", "r4");
    assert_stored(app, "key-5", NULL);
    manual_close(app);
    manual_world_free(world);
}

/* ---- restarts -------------------------------------------------------------------------------- */

static void a_restart_reads_only_what_is_new(void **state)
{
    (void)state;
    manual_world *world = new_world();
    produce_rates(world, 0, 300, "r");
    manual_app *app =
        manual_start(world, 0, with_table(KS_STORE_ROCKSDB, &looking_up), config_of("g"));
    manual_run_ms(world, 500);
    produce_rates(world, 300, 303, "r"); /* followed, not restored */
    manual_run_ms(world, 500);
    manual_close(app);
    log_produce(world->log, "rate-topic", 2, 500, "key-2:new");
    manual_restart(app);
    manual_run_ms(world, 500);
    assert_true(runs(app));
    assert_string_equal(app->last_restored, "restored store rates, a global one, from 1 records of "
                                            "topic rate-topic, partition 2, beginning at offset "
                                            "101");
    assert_int_equal(count_stored(app), 303);
    assert_stored(app, "key-2", "new");
    assert_stored(app, "key-302", "r302");
    manual_close(app);
    manual_world_free(world);
}

static void a_crash_costs_reading_again_and_nothing_else(void **state)
{
    (void)state;
    manual_world *world = new_world();
    produce_rates(world, 0, 300, "r");
    manual_app *app =
        manual_start(world, 0, with_table(KS_STORE_ROCKSDB, &looking_up), config_of("g"));
    for (int crashes = 0; crashes < 20; crashes++) {
        for (int steps = 0; steps < 3 * crashes; steps++) {
            (void)manual_step(world);
        }
        produce_rates(world, crashes, 300, crashes % 2 == 0 ? "even" : "odd");
        manual_crash(app);
        manual_restart(app);
    }
    manual_run_ms(world, 1000);
    assert_true(runs(app));
    assert_int_equal(count_stored(app), 300);
    assert_stored(app, "key-0", "even0");
    assert_stored(app, "key-19", "odd19");
    assert_stored(app, "key-299", "odd299");
    manual_close(app);
    manual_world_free(world);
}

static void state_beyond_the_log_is_rebuilt(void **state)
{
    (void)state;
    ks_error error = {0};
    manual_world *world = new_world();
    produce_rates(world, 0, 300, "old");
    manual_app *app =
        manual_start(world, 0, with_table(KS_STORE_ROCKSDB, &looking_up), config_of("g"));
    manual_run_ms(world, 500);
    manual_close(app);
    assert_ok(ks_log_delete_topic(world->log, "rate-topic", &error), &error);
    log_create(world->log, "rate-topic", PARTITIONS);
    produce_rates(world, 1, 6, "new");
    manual_restart(app);
    manual_run_ms(world, 500);
    assert_true(runs(app));
    assert_int_equal(count_stored(app), 5);
    assert_stored(app, "key-1", "new1");
    assert_stored(app, "key-0", NULL);
    manual_close(app);
    manual_world_free(world);
}

static void another_topic_of_the_same_length_is_noticed(void **state)
{
    (void)state;
    ks_error error = {0};
    manual_world *world = new_world();
    produce_rates(world, 0, 300, "old");
    manual_app *app =
        manual_start(world, 0, with_table(KS_STORE_ROCKSDB, &looking_up), config_of("g"));
    manual_run_ms(world, 500);
    manual_close(app);
    assert_ok(ks_log_delete_topic(world->log, "rate-topic", &error), &error);
    log_create(world->log, "rate-topic", PARTITIONS);
    produce_rates(world, 1000, 1600, "new");
    manual_restart(app);
    manual_run_ms(world, 500);
    assert_int_equal(count_stored(app), 600);
    assert_stored(app, "key-0", NULL);
    manual_close(app);
    manual_world_free(world);
}

static void state_of_a_day_ago_is_rebuilt(void **state)
{
    (void)state;
    manual_world *world = new_world();
    produce_rates(world, 0, 300, "r");
    manual_app *app =
        manual_start(world, 0, with_table(KS_STORE_ROCKSDB, &looking_up), config_of("g"));
    manual_run_ms(world, 500);
    manual_close(app);
    world->clock.now_ms += (int64_t)25 * 60 * 60 * 1000;
    manual_restart(app);
    manual_run_ms(world, 500);
    assert_non_null(strstr(app->last_restored, "from 100 records"));
    assert_int_equal(count_stored(app), 300);
    manual_close(app);
    manual_world_free(world);
}

/* ---- a processor that keeps a store ---------------------------------------------------------- */

static void a_processor_keeps_and_restores_what_it_likes(void **state)
{
    (void)state;
    int calls = 0;
    manual_world *world = new_world();
    produce_rates(world, 0, 300, "r");
    manual_app *app =
        manual_start(world, 0, with_processor(KS_STORE_ROCKSDB, &calls), config_of("g"));
    manual_run_ms(world, 500);
    assert_int_equal(calls, 300);
    produce_rates(world, 300, 303, "r");
    manual_run_ms(world, 500);
    assert_int_equal(calls, 303);
    assert_stored(app, "key-302", "r302 r302");
    manual_close(app);
    produce_rates(world, 0, 3, "s");
    manual_restart(app);
    manual_run_ms(world, 500);
    assert_int_equal(calls, 306); /* what it has seen before is on disk */
    assert_stored(app, "key-0", "s0 s0");
    assert_stored(app, "key-299", "r299 r299");
    log_produce(world->log, "in", 0, 1, "key-2:a");
    manual_run_ms(world, 500);
    assert_out(world, "a/s2 s2 ");
    manual_close(app);
    manual_world_free(world);
}

static void a_store_in_memory_is_kept_by_its_processor_from_the_beginning(void **state)
{
    (void)state;
    int calls = 0;
    manual_world *world = new_world();
    produce_rates(world, 0, 30, "r");
    manual_app *app =
        manual_start(world, 0, with_processor(KS_STORE_IN_MEMORY, &calls), config_of("g"));
    manual_run_ms(world, 500);
    manual_crash(app);
    manual_restart(app);
    manual_run_ms(world, 500);
    assert_int_equal(calls, 60);
    assert_stored(app, "key-29", "r29 r29");
    manual_close(app);
    manual_world_free(world);
}

/* ---- what ends it ---------------------------------------------------------------------------- */

static void a_processor_that_fails_ends_the_application_whatever_the_answer(bool while_restoring)
{
    int calls = 0;
    manual_world *world = new_world();
    produce_rates(world, 0, 3, "r");
    if (while_restoring) {
        log_produce(world->log, "rate-topic", 0, 1, "key:bad");
    }
    manual_app *app =
        manual_start(world, 0, with_processor(KS_STORE_ROCKSDB, &calls), config_of("g"));
    app->answer = KS_REPLACE_THREAD;
    if (!while_restoring) {
        manual_run_ms(world, 500);
        assert_true(runs(app));
        log_produce(world->log, "rate-topic", 0, 1, "key:bad");
    }
    manual_run_ms(world, 500);
    assert_int_equal(ks_app_state_of(app->app), KS_APP_ERROR);
    assert_int_equal(app->asked, 1);
    assert_non_null(strstr(app->asked_about, "this rate is bad"));
    assert_non_null(strstr(app->last_error, "this rate is bad"));
    ks_app_free(app->app);
    app->app = NULL;
    manual_world_free(world);
}

static void a_processor_that_fails_while_restoring_ends_the_application(void **state)
{
    (void)state;
    a_processor_that_fails_ends_the_application_whatever_the_answer(true);
}

static void a_processor_that_fails_later_ends_the_application(void **state)
{
    (void)state;
    a_processor_that_fails_ends_the_application_whatever_the_answer(false);
}

static void the_processing_handler_is_asked_where_the_property_says_so(void **state)
{
    (void)state;
    int calls = 0;
    manual_world *world = new_world();
    ks_config *config = config_of("g");
    config_put(config, "processing.exception.handler", "LogAndContinue");
    config_put(config, "processing.exception.handler.global.enabled", "true");
    log_produce(world->log, "rate-topic", 0, 1, "key:bad");
    produce_rates(world, 0, 3, "r");
    manual_app *app = manual_start(world, 0, with_processor(KS_STORE_ROCKSDB, &calls), config);
    manual_run_ms(world, 500);
    log_produce(world->log, "rate-topic", 0, 1, "key:bad");
    manual_run_ms(world, 500);
    assert_true(runs(app));
    assert_int_equal(calls, 5);
    assert_int_equal(ks_app_dropped_records(app->app, KS_DROP_PROCESSING), 2);
    assert_int_equal(ks_app_stats_of(app->app).records_dropped, 2);
    assert_int_equal(count_stored(app), 3);
    manual_close(app);
    manual_world_free(world);
}

static void a_task_cannot_write_to_a_global_store(void **state)
{
    (void)state;
    manual_world *world = new_world();
    manual_app *app =
        manual_start(world, 0, with_table(KS_STORE_ROCKSDB, &writing), config_of("g"));
    manual_run_ms(world, 500);
    log_produce(world->log, "in", 0, 1, "k:v");
    manual_run_ms(world, 500);
    assert_int_equal(ks_app_state_of(app->app), KS_APP_ERROR);
    assert_non_null(strstr(app->asked_about, "read only"));
    ks_app_free(app->app);
    app->app = NULL;
    manual_world_free(world);
}

static void a_missing_topic_is_said_by_the_start(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_log *log = log_open();
    ks_config *config = config_of("g");
    ks_topology *topology = with_table(KS_STORE_ROCKSDB, NULL);
    ks_app *app = ks_app_new(topology, config, KS_APP_OPTIONS(.log = log), &error);
    assert_non_null(app);
    assert_int_equal(ks_app_start(app, &error), KS_E_UNKNOWN_TOPIC);
    assert_string_equal(error.where, "rate-topic");
    ks_app_free(app);
    ks_topology_free(topology);
    ks_config_free(config);
    ks_log_free(log);
}

static void a_handle_ends_with_the_application(void **state)
{
    (void)state;
    ks_error error = {0};
    ksi_queried_row row = {0};
    manual_world *world = new_world();
    manual_app *app =
        manual_start(world, 0, with_table(KS_STORE_ROCKSDB, &looking_up), config_of("g"));
    assert_null(ksi_app_store_query(app->app, "rates", 0, &error));
    assert_int_equal(error.code, KS_E_STATE);
    manual_run_ms(world, 500);
    ksi_store_query *query = ksi_app_store_query(app->app, "rates", 0, &error);
    assert_non_null(query);
    manual_close(app);
    assert_int_equal(ksi_store_query_get(query, ks_slice_cstr("k"), false, &row, &error),
                     KS_E_STORE_MIGRATED);
    ksi_store_query_release(query);
    ksi_queried_row_destroy(&row);
    manual_world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_wait_for_a_global_store_in_memory),
        cmocka_unit_test(records_wait_for_a_global_store_on_rocksdb),
        cmocka_unit_test(what_comes_later_is_found_and_deleted),
        cmocka_unit_test(every_instance_has_every_partition),
        cmocka_unit_test(an_application_of_global_tables_only_runs),
        cmocka_unit_test(a_restart_reads_only_what_is_new),
        cmocka_unit_test(a_crash_costs_reading_again_and_nothing_else),
        cmocka_unit_test(state_beyond_the_log_is_rebuilt),
        cmocka_unit_test(another_topic_of_the_same_length_is_noticed),
        cmocka_unit_test(state_of_a_day_ago_is_rebuilt),
        cmocka_unit_test(a_processor_keeps_and_restores_what_it_likes),
        cmocka_unit_test(a_store_in_memory_is_kept_by_its_processor_from_the_beginning),
        cmocka_unit_test(a_processor_that_fails_while_restoring_ends_the_application),
        cmocka_unit_test(a_processor_that_fails_later_ends_the_application),
        cmocka_unit_test(the_processing_handler_is_asked_where_the_property_says_so),
        cmocka_unit_test(a_task_cannot_write_to_a_global_store),
        cmocka_unit_test(a_missing_topic_is_said_by_the_start),
        cmocka_unit_test(a_handle_ends_with_the_application),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
