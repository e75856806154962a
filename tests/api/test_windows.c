/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_windows.c - windowed tables in a whole program: where their keys go, that what came out
 * when it closed comes out once, whatever starts anew meanwhile, and that nothing is lost.
 *
 * What is counted in which window, and when, stands in recorded scenarios
 * (tests/conformance/scenarios/windows-*, emit-on-close).
 */
#include <kstreams/kstreams.h>
#include <kstreams/testing.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "assert_ok.h"
#include "state_dir.h"

enum { PARTITIONS = 7, KEYS = 20, WINDOWS = 5 };

static const ks_serde *const text = &ks_serde_string;
static const ks_serde in_windows = KS_TIME_WINDOWED_SERDE(&ks_serde_string, 10);

/* ---- what a test works with ------------------------------------------------------------------ */

static ks_config *new_config(void)
{
    ks_error error = {0};
    ks_config *config = ks_config_new();
    assert_ok(ks_config_set(config, "application.id", "app", &error), &error);
    assert_ok(ks_config_set(config, "bootstrap.servers", "embedded:", &error), &error);
    assert_ok(ks_config_set(config, "state.dir", state_dir_new(), &error), &error);
    return config;
}

/* Counts in windows of 10 ms, from "in" to "out". */
static ks_topology *counting(ks_emit_strategy emit, const ks_produced *produced)
{
    ks_error error = {0};
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(b, "in", KS_CONSUMED(.key = text, .value = text));
    ks_windowed_stream *windowed = ks_windowed_stream_emit_strategy(
        ks_grouped_stream_windowed_by(ks_stream_group_by_key(in, NULL), ks_tumbling_windows(10, 0)),
        emit);
    ks_table *counts = ks_windowed_stream_count(windowed, KS_MATERIALIZED(.name = "counts"));
    ks_stream_to(ks_table_to_stream(counts, NULL), "out", produced);
    ks_topology *topology = ks_builder_build(b, &error);
    assert_ok(topology != NULL ? KS_OK : error.code, &error);
    ks_builder_free(b);
    return topology;
}

static void put(ks_log *log, const char *key, int64_t timestamp)
{
    ks_error error = {0};
    const ks_log_record record = {
        .key = ks_slice_cstr(key), .value = ks_slice_cstr("v"), .timestamp = timestamp};
    assert_ok(ks_log_produce(log, "in", &record, &error), &error);
}

/* Runs the application until all is processed, and closes it. */
static void run(ks_log *log, const ks_topology *topology, const ks_config *config)
{
    ks_error error = {0};
    ks_app *app = ks_app_new(topology, config, KS_APP_OPTIONS(.log = log), &error);
    assert_ok(app != NULL ? KS_OK : error.code, &error);
    assert_ok(ks_app_start(app, &error), &error);
    assert_ok(ks_app_wait_until_caught_up(app, -1, &error), &error);
    assert_ok(ks_app_close(app, -1, &error), &error);
    ks_app_free(app);
}

static ks_log *open_log(int32_t out_partitions)
{
    ks_error error = {0};
    ks_log *log = ks_log_open("embedded:", &error);
    assert_ok(ks_log_create_topic(log, "in", 1, &error), &error);
    assert_ok(ks_log_create_topic(log, "out", out_partitions, &error), &error);
    return log;
}

/* ---- where keys go --------------------------------------------------------------------------- */

/* Counts KEYS keys in WINDOWS windows each; checks the partition of each result. */
static void check_partitions(const ks_produced *produced, int32_t (*expected)(ks_slice inner))
{
    ks_error error = {0};
    ks_log *log = open_log(PARTITIONS);
    for (int i = 0; i < KEYS * WINDOWS; i++) {
        char key[8];
        (void)snprintf(key, sizeof key, "key %d", i % KEYS);
        put(log, key, 1000 + i / KEYS * 10);
    }
    ks_topology *topology = counting(KS_EMIT_ON_WINDOW_UPDATE, produced);
    ks_config *config = new_config();
    assert_ok(ks_config_set(config, "statestore.cache.max.bytes", "0", &error), &error);
    run(log, topology, config);
    ks_log_reader *reader = ks_log_reader_open(log, "out", &error);
    ks_log_record record;
    int count = 0;
    while (ks_log_reader_next(reader, &record)) {
        ks_slice inner = ks_slice_of(record.key.data, record.key.size - 8);
        assert_int_equal(record.partition, expected(inner));
        count++;
    }
    assert_int_equal(count, KEYS * WINDOWS);
    ks_log_reader_free(reader);
    ks_config_free(config);
    ks_topology_free(topology);
    ks_log_free(log);
}

static int32_t of_inner_key(ks_slice inner)
{
    return ks_partition_of_key(inner, PARTITIONS);
}

static void all_windows_of_a_key_go_to_its_own_partition(void **state)
{
    (void)state;
    check_partitions(NULL, of_inner_key);
    check_partitions(KS_PRODUCED(.key = &in_windows), of_inner_key);
}

static int32_t the_last(ks_slice inner)
{
    (void)inner;
    return PARTITIONS - 1;
}

static ks_status choose_the_last(const ks_partitioner *partitioner, const char *topic,
                                 const ks_record *record, int32_t count, ks_partitions *partitions,
                                 ks_error *error)
{
    (void)partitioner;
    (void)topic;
    (void)error;
    assert_int_equal(ks_value_kind(record->key), KS_KIND_WINDOWED);
    return ks_partitions_add(partitions, count - 1);
}

static void a_partitioner_decides_for_windowed_keys_too(void **state)
{
    (void)state;
    static const ks_partitioner last = {
        .struct_size = sizeof last, .name = "the last", .partition = choose_the_last};
    check_partitions(KS_PRODUCED(.partitioner = &last), the_last);
}

static ks_value no_key(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)record;
    (void)user;
    return ks_null();
}

static void a_null_key_where_windowed_keys_are_written_fails_the_record(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(b, "in", KS_CONSUMED(.key = text, .value = text));
    ks_stream_to(ks_stream_select_key(in, no_key, NULL, NULL), "out",
                 KS_PRODUCED(.key = &in_windows, .value = text));
    ks_topology *topology = ks_builder_build(b, &error);
    assert_ok(topology != NULL ? KS_OK : error.code, &error);
    ks_builder_free(b);
    ks_test_driver *driver = ks_test_driver_new(topology, NULL, NULL, &error);
    assert_non_null(driver);
    const ks_log_record record = {.key = ks_slice_cstr("k"), .value = ks_slice_cstr("v")};
    assert_int_equal(ks_test_driver_pipe(driver, "in", &record, &error), KS_E_PROCESSING);
    assert_non_null(strstr(error.message, "the key is null"));
    ks_test_driver_free(driver);
    ks_topology_free(topology);
}

/* ---- once ------------------------------------------------------------------------------------ */

static void pipe_at(ks_test_driver *driver, const char *key, int64_t timestamp)
{
    ks_error error = {0};
    const ks_log_record record = {
        .key = ks_slice_cstr(key), .value = ks_slice_cstr("v"), .timestamp = timestamp};
    assert_ok(ks_test_driver_pipe(driver, "in", &record, &error), &error);
}

static size_t results_of(const ks_test_driver *driver)
{
    ks_log_record record;
    size_t count = 0;
    while (ks_test_driver_produced(driver, "out", count, &record)) {
        count++;
    }
    return count;
}

static void check_restart(ks_test_restart how)
{
    ks_error error = {0};
    ks_topology *topology = counting(KS_EMIT_ON_WINDOW_CLOSE, NULL);
    ks_config *config = new_config();
    ks_test_driver *driver = ks_test_driver_new(topology, config, NULL, &error);
    assert_non_null(driver);
    pipe_at(driver, "a", 1);
    pipe_at(driver, "a", 15); /* closes the window of 1 */
    assert_int_equal(results_of(driver), 1);
    assert_ok(ks_test_driver_restart(driver, how, &error), &error);
    pipe_at(driver, "a", 16);
    assert_int_equal(results_of(driver), 1);
    pipe_at(driver, "a", 25);
    assert_int_equal(results_of(driver), 2);
    ks_test_driver_free(driver);
    ks_config_free(config);
    ks_topology_free(topology);
}

static void a_window_that_came_out_does_not_come_out_again_after_a_restart(void **state)
{
    (void)state;
    check_restart(KS_TEST_RESTART_KEEP_STATE);
    check_restart(KS_TEST_RESTART_LOSE_STATE);
}

/* The values, which are counts, in the order of the log. */
static void assert_counts(ks_log *log, const char *expected)
{
    ks_error error = {0};
    ks_log_record record;
    char all[128] = "";
    ks_log_reader *reader = ks_log_reader_open(log, "out", &error);
    while (ks_log_reader_next(reader, &record)) {
        const size_t length = strlen(all);
        (void)snprintf(all + length, sizeof all - length, "%.*s@%d=%d ", (int)record.key.size - 8,
                       record.key.data, (unsigned char)record.key.data[record.key.size - 1],
                       record.value.data[7]);
    }
    ks_log_reader_free(reader);
    assert_string_equal(all, expected);
}

static void how_far_windows_came_out_is_committed_beside_the_offsets(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_log *log = open_log(1);
    ks_topology *topology = counting(KS_EMIT_ON_WINDOW_CLOSE, NULL);
    ks_config *config = new_config();
    assert_ok(
        ks_config_set(config, "__emit.interval.ms.kstreams.windowed.aggregation__", "0", &error),
        &error);
    put(log, "a", 1);
    put(log, "a", 2);
    put(log, "a", 15);
    run(log, topology, config);
    assert_counts(log, "a@0=2 ");
    put(log, "a", 16); /* stream time begins anew, and is behind the first window again */
    run(log, topology, config);
    assert_counts(log, "a@0=2 ");
    put(log, "a", 25);
    run(log, topology, config);
    assert_counts(log, "a@0=2 a@10=2 ");
    ks_config_free(config);
    ks_topology_free(topology);
    ks_log_free(log);
}

static void a_driver_that_is_told_an_interval_waits_for_it(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_topology *topology = counting(KS_EMIT_ON_WINDOW_CLOSE, NULL);
    ks_config *config = new_config();
    assert_ok(
        ks_config_set(config, "__emit.interval.ms.kstreams.windowed.aggregation__", "500", &error),
        &error);
    ks_test_driver *driver = ks_test_driver_new(topology, config, NULL, &error);
    assert_non_null(driver);
    pipe_at(driver, "a", 1); /* the first look */
    pipe_at(driver, "a", 15);
    assert_ok(ks_test_driver_advance_wall_clock(driver, 499, &error), &error);
    pipe_at(driver, "a", 25);
    assert_int_equal(results_of(driver), 0);
    assert_ok(ks_test_driver_advance_wall_clock(driver, 1, &error), &error);
    pipe_at(driver, "a", 26);
    assert_int_equal(results_of(driver), 2);
    ks_test_driver_free(driver);
    ks_config_free(config);
    ks_topology_free(topology);
}

/* ---- a small cache --------------------------------------------------------------------------- */

static void emit_each_letter(ks_ctx *ctx, const ks_record *record, void *user)
{
    const size_t letters = ks_value_text(record->value).size;
    (void)user;
    for (size_t i = 0; i < letters; i++) {
        ks_emit_value(ctx, record->value);
    }
}

static ks_topology *counting_letters(void)
{
    ks_error error = {0};
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(b, "in", KS_CONSUMED(.key = text, .value = text));
    ks_stream *letters = ks_stream_flat_map_values(in, emit_each_letter, NULL, NULL);
    (void)ks_windowed_stream_count(
        ks_grouped_stream_windowed_by(ks_stream_group_by_key(letters, NULL),
                                      ks_sliding_windows(10, 50)),
        KS_MATERIALIZED(.name = "counts"));
    ks_topology *topology = ks_builder_build(b, &error);
    assert_ok(topology != NULL ? KS_OK : error.code, &error);
    ks_builder_free(b);
    return topology;
}

static void pipe_letters(ks_test_driver *driver, const char *letters, int64_t timestamp)
{
    ks_error error = {0};
    const ks_log_record record = {
        .key = ks_slice_cstr("k"), .value = ks_slice_cstr(letters), .timestamp = timestamp};
    assert_ok(ks_test_driver_pipe(driver, "in", &record, &error), &error);
}

static void assert_windows(const ks_topology *topology, int cache_bytes, const char *expected)
{
    ks_error error = {0};
    ks_window_entry entry;
    char budget[16];
    char all[128] = "";
    ks_config *config = new_config();
    (void)snprintf(budget, sizeof budget, "%d", cache_bytes);
    assert_ok(ks_config_set(config, "statestore.cache.max.bytes", budget, &error), &error);
    ks_test_driver *driver = ks_test_driver_new(topology, config, NULL, &error);
    assert_non_null(driver);
    pipe_letters(driver, "a", 29);
    pipe_letters(driver, "bb", 35);
    pipe_letters(driver, "ccc", 34);
    ks_window_iterator *iterator =
        ks_window_store_all(ks_test_driver_window_store(driver, "counts"));
    bool found = true;
    while (found) {
        assert_ok(ks_window_iterator_next(iterator, &entry, &found, &error), &error);
        if (!found) {
            break;
        }
        const size_t length = strlen(all);
        (void)snprintf(all + length, sizeof all - length, "%lld=%lld ", (long long)entry.start,
                       (long long)ks_value_i64(entry.value));
    }
    ks_window_iterator_free(iterator);
    assert_string_equal(all, expected);
    ks_test_driver_free(driver);
    ks_config_free(config);
}

/* While the windows of a key are walked over, updating one evicts the next. */
static void a_small_cache_loses_no_record_of_sliding_windows(void **state)
{
    (void)state;
    ks_topology *topology = counting_letters();
    for (int bytes = 0; bytes < 800; bytes += 5) {
        assert_windows(topology, bytes, "19=1 24=4 25=6 30=5 35=2 ");
    }
    ks_topology_free(topology);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_windows_of_a_key_go_to_its_own_partition),
        cmocka_unit_test(a_partitioner_decides_for_windowed_keys_too),
        cmocka_unit_test(a_null_key_where_windowed_keys_are_written_fails_the_record),
        cmocka_unit_test(a_window_that_came_out_does_not_come_out_again_after_a_restart),
        cmocka_unit_test(how_far_windows_came_out_is_committed_beside_the_offsets),
        cmocka_unit_test(a_driver_that_is_told_an_interval_waits_for_it),
        cmocka_unit_test(a_small_cache_loses_no_record_of_sliding_windows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
