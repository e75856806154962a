/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_driver_restart.c - the test driver's restart: what goes on, what begins anew, what is lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <kstreams/kstreams.h>
#include <kstreams/testing.h>

/* ---- a counted table, one without changelog, a processor with memory of its own -------------- */

typedef struct memory {
    int64_t seen;
} memory;

static int closed;

static void remember(ks_ctx *ctx, const ks_record *record, void *state, void *user)
{
    memory *own = state;
    (void)user;
    ks_record answer = *record;
    answer.value = ks_i64(++own->seen);
    ks_ctx_forward(ctx, &answer);
}

static void close_memory(void *state, void *user)
{
    (void)state;
    (void)user;
    closed++;
}

static const ks_processor remembering = {.struct_size = sizeof remembering,
                                         .state_size = sizeof(memory),
                                         .process = remember,
                                         .close = close_memory};

static ks_topology *build(void)
{
    ks_error error = {0};
    ks_builder *builder = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(
        builder, "in", KS_CONSUMED(.key = &ks_serde_string, .value = &ks_serde_string));
    ks_grouped_stream *by_key = ks_stream_group_by_key(in, NULL);
    ks_table *logged = ks_grouped_stream_count(by_key, KS_MATERIALIZED(.name = "logged"));
    ks_stream_to(ks_table_to_stream(logged, NULL), "counts", NULL);
    ks_grouped_stream_count(by_key, KS_MATERIALIZED(.name = "unlogged", .logging_disabled = true));
    ks_stream_to(ks_stream_process(in, &remembering, NULL, NULL), "seen",
                 KS_PRODUCED(.key = &ks_serde_string, .value = &ks_serde_i64));
    ks_topology *topology = ks_builder_build(builder, &error);
    assert_non_null(topology);
    ks_builder_free(builder);
    return topology;
}

typedef struct fixture {
    ks_topology *topology;
    ks_test_driver *driver;
    ks_test_input *in;
    ks_test_output *counts;
    ks_test_output *seen;
} fixture;

static int set_up(void **state)
{
    static fixture f;
    ks_error error = {0};
    closed = 0;
    f.topology = build();
    f.driver = ks_test_driver_new(f.topology, NULL, NULL, &error);
    assert_non_null(f.driver);
    f.in = ks_test_driver_input(f.driver, "in", &ks_serde_string, &ks_serde_string, 100, 10);
    f.counts = ks_test_driver_output(f.driver, "counts", &ks_serde_string, &ks_serde_i64);
    f.seen = ks_test_driver_output(f.driver, "seen", &ks_serde_string, &ks_serde_i64);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    ks_test_driver_free(f->driver);
    ks_topology_free(f->topology);
    return 0;
}

static void pipe_key(fixture *f, const char *key)
{
    ks_error error = {0};
    assert_int_equal(ks_test_input_pipe(f->in, ks_text_of(key), ks_text_of("value"), &error),
                     KS_OK);
}

static int64_t last_of(ks_test_output *output)
{
    ks_error error = {0};
    ks_record record;
    int64_t last = -1;
    while (ks_test_output_read(output, &record, &error)) {
        last = ks_value_i64(record.value);
    }
    return last;
}

static void restart(fixture *f, ks_test_restart how)
{
    ks_error error = {0};
    assert_int_equal(ks_test_driver_restart(f->driver, how, &error), KS_OK);
}

static int64_t stored(const fixture *f, const char *store, const char *key)
{
    ks_error error = {0};
    ks_arena *arena = ks_arena_new();
    ks_key_value entry;
    bool found = false;
    assert_int_equal(ks_key_value_store_get(ks_test_driver_key_value_store(f->driver, store),
                                            ks_text_of(key), arena, &entry, &found, &error),
                     KS_OK);
    int64_t value = found ? ks_value_i64(entry.value) : -1;
    ks_arena_free(arena);
    return value;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void a_count_goes_on_after_a_restart_of_either_kind(void **state)
{
    fixture *f = *state;
    pipe_key(f, "k");
    restart(f, KS_TEST_RESTART_KEEP_STATE);
    pipe_key(f, "k");
    restart(f, KS_TEST_RESTART_LOSE_STATE);
    pipe_key(f, "k");
    assert_int_equal(last_of(f->counts), 3);
    assert_int_equal(stored(f, "logged", "k"), 3);
}

static void a_store_without_changelog_survives_only_where_its_state_is_kept(void **state)
{
    fixture *f = *state;
    pipe_key(f, "k");
    restart(f, KS_TEST_RESTART_KEEP_STATE);
    assert_int_equal(stored(f, "unlogged", "k"), 1);
    restart(f, KS_TEST_RESTART_LOSE_STATE);
    assert_int_equal(stored(f, "unlogged", "k"), -1);
}

static void a_processor_begins_with_zeroed_state_and_the_one_before_it_was_closed(void **state)
{
    fixture *f = *state;
    pipe_key(f, "k");
    pipe_key(f, "k");
    assert_int_equal(last_of(f->seen), 2);
    restart(f, KS_TEST_RESTART_KEEP_STATE);
    assert_int_equal(closed, 1);
    pipe_key(f, "k");
    assert_int_equal(last_of(f->seen), 1);
}

static void a_handle_of_a_store_goes_on(void **state)
{
    fixture *f = *state;
    ks_error error = {0};
    ks_key_value_store *store = ks_test_driver_key_value_store(f->driver, "logged");
    pipe_key(f, "k");
    restart(f, KS_TEST_RESTART_LOSE_STATE);
    assert_ptr_equal(ks_test_driver_key_value_store(f->driver, "logged"), store);
    assert_int_equal(ks_key_value_store_put(store, ks_text_of("k"), ks_i64(41), &error), KS_OK);
    restart(f, KS_TEST_RESTART_LOSE_STATE); /* what was written is committed first, and logged */
    pipe_key(f, "k");
    assert_int_equal(last_of(f->counts), 42);
}

static void the_counters_go_on(void **state)
{
    fixture *f = *state;
    ks_error error = {0};
    assert_int_equal(ks_test_input_pipe(f->in, ks_null(), ks_text_of("value"), &error), KS_OK);
    uint64_t dropped = ks_test_driver_dropped_records(f->driver);
    assert_int_equal(dropped, 2); /* by each of the two counts */
    restart(f, KS_TEST_RESTART_LOSE_STATE);
    assert_int_equal(ks_test_driver_dropped_records(f->driver), dropped);
    assert_int_equal(ks_test_driver_dropped_by(f->driver, KS_DROP_NULL), dropped);
}

static void an_unprocessed_record_waits_again(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_builder *builder = ks_builder_new(NULL);
    const ks_consumed texts = *KS_CONSUMED(.key = &ks_serde_string, .value = &ks_serde_string);
    ks_stream *merged = ks_stream_merge(ks_builder_stream(builder, "left", &texts),
                                        ks_builder_stream(builder, "right", &texts), NULL);
    ks_stream_to(merged, "out", KS_PRODUCED(.key = &ks_serde_string, .value = &ks_serde_string));
    ks_topology *topology = ks_builder_build(builder, &error);
    assert_non_null(topology);
    ks_config *config = ks_config_new();
    assert_int_equal(ks_config_set(config, "max.task.idle.ms", "1000", &error), KS_OK);
    ks_test_driver *driver = ks_test_driver_new(topology, config, NULL, &error);
    assert_non_null(driver);
    ks_test_input *left =
        ks_test_driver_input(driver, "left", &ks_serde_string, &ks_serde_string, 5, 0);
    ks_test_input *right =
        ks_test_driver_input(driver, "right", &ks_serde_string, &ks_serde_string, 1, 0);
    ks_test_output *out = ks_test_driver_output(driver, "out", &ks_serde_string, &ks_serde_string);

    assert_int_equal(ks_test_input_pipe(left, ks_null(), ks_text_of("later"), &error), KS_OK);
    assert_int_equal(ks_test_output_size(out), 0);
    assert_int_equal(ks_test_driver_restart(driver, KS_TEST_RESTART_LOSE_STATE, &error), KS_OK);
    assert_int_equal(ks_test_input_pipe(right, ks_null(), ks_text_of("earlier"), &error), KS_OK);
    assert_int_equal(ks_test_driver_advance_wall_clock(driver, 1000, &error), KS_OK);
    assert_int_equal(ks_test_driver_advance_wall_clock(driver, 1000, &error), KS_OK);
    ks_record record;
    assert_true(ks_test_output_read(out, &record, &error));
    assert_memory_equal(ks_value_text(record.value).data, "earlier", 7);
    assert_true(ks_test_output_read(out, &record, &error));
    assert_memory_equal(ks_value_text(record.value).data, "later", 5);
    assert_int_equal(ks_test_output_size(out), 0);

    ks_test_driver_free(driver);
    ks_config_free(config);
    ks_topology_free(topology);
    ks_builder_free(builder);
}

static void fail_the_second_time(ks_ctx *ctx, void *state, void *user)
{
    int *starts = user;
    (void)state;
    if (++*starts > 1) {
        ks_ctx_fail(ctx, "no second start");
    }
}

static void ignore(ks_ctx *ctx, const ks_record *record, void *state, void *user)
{
    (void)ctx;
    (void)record;
    (void)state;
    (void)user;
}

static void a_driver_whose_restart_failed_says_so_from_then_on(void **state)
{
    (void)state;
    static const ks_processor stubborn = {
        .struct_size = sizeof stubborn, .init = fail_the_second_time, .process = ignore};
    ks_error error = {0};
    int starts = 0;
    ks_builder *builder = ks_builder_new(NULL);
    ks_stream_process(
        ks_builder_stream(builder, "in",
                          KS_CONSUMED(.key = &ks_serde_string, .value = &ks_serde_string)),
        &stubborn, &starts, NULL);
    ks_topology *topology = ks_builder_build(builder, &error);
    ks_test_driver *driver = ks_test_driver_new(topology, NULL, NULL, &error);
    assert_non_null(driver);
    assert_int_not_equal(ks_test_driver_restart(driver, KS_TEST_RESTART_KEEP_STATE, &error), KS_OK);
    assert_non_null(strstr(error.message, "no second start"));
    const ks_log_record record = {.timestamp = 1};
    error = (ks_error){0};
    assert_int_equal(ks_test_driver_pipe(driver, "in", &record, &error), KS_E_STATE);
    assert_int_equal(ks_test_driver_advance_wall_clock(driver, 1, &error), KS_E_STATE);
    assert_int_equal(ks_test_driver_restart(driver, KS_TEST_RESTART_KEEP_STATE, &error),
                     KS_E_STATE);
    ks_test_driver_free(driver);
    ks_topology_free(topology);
    ks_builder_free(builder);
}

/* ---- windows --------------------------------------------------------------------------------- */

static ks_topology *build_windowed_count(void)
{
    ks_error error = {0};
    ks_builder *builder = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(
        builder, "in", KS_CONSUMED(.key = &ks_serde_string, .value = &ks_serde_string));
    ks_windowed_stream *tens =
        ks_grouped_stream_windowed_by(ks_stream_group_by_key(in, NULL), ks_tumbling_windows(10, 0));
    ks_windowed_stream_count(tens, KS_MATERIALIZED(.name = "tens", .retention_ms = 1000));
    ks_topology *topology = ks_builder_build(builder, &error);
    assert_non_null(topology);
    ks_builder_free(builder);
    return topology;
}

static void what_was_late_before_a_restart_is_late_after_it(void **state)
{
    (void)state;
    static const ks_test_restart ways[] = {KS_TEST_RESTART_KEEP_STATE, KS_TEST_RESTART_LOSE_STATE};
    for (size_t i = 0; i < 2; i++) {
        ks_error error = {0};
        ks_topology *topology = build_windowed_count();
        ks_test_driver *driver = ks_test_driver_new(topology, NULL, NULL, &error);
        assert_non_null(driver);
        ks_log_record record = {.key = ks_slice_cstr("a"),
                                .value = ks_slice_cstr("v"),
                                .timestamp = 15,
                                .partition = -1};
        assert_int_equal(ks_test_driver_pipe(driver, "in", &record, &error), KS_OK);
        assert_int_equal(ks_test_driver_restart(driver, ways[i], &error), KS_OK);
        record.timestamp = 9;
        assert_int_equal(ks_test_driver_pipe(driver, "in", &record, &error), KS_OK);
        assert_int_equal(ks_test_driver_dropped_records(driver), 1);
        ks_window_store *tens = ks_test_driver_window_store(driver, "tens");
        assert_true(ks_value_is_null(ks_window_store_value(tens, ks_text_of("a"), 0)));
        assert_int_equal(ks_value_i64(ks_window_store_value(tens, ks_text_of("a"), 10)), 1);
        ks_test_driver_free(driver);
        ks_topology_free(topology);
    }
}

static ks_value left_alone(ks_ctx *ctx, ks_value key, ks_value left, ks_value right, void *user)
{
    (void)ctx;
    (void)key;
    (void)user;
    return ks_value_is_null(right) ? left : ks_null();
}

static void join_left(ks_builder *builder, ks_stream *in)
{
    const ks_serde *text = &ks_serde_string;
    ks_stream *other = ks_builder_stream(builder, "other", KS_CONSUMED(.key = text, .value = text));
    ks_stream *joined =
        ks_stream_left_join(in, other, left_alone, NULL, ks_join_windows_of(10, 0),
                            KS_STREAM_JOINED(.key = text, .value = text, .other_value = text));
    ks_stream_to(joined, "out", KS_PRODUCED(.key = text, .value = text));
}

static void hold_back(ks_builder *builder, ks_stream *in)
{
    const ks_serde *text = &ks_serde_string;
    (void)builder;
    ks_table *table = ks_stream_to_table(in, KS_MATERIALIZED(.key = text, .value = text));
    ks_table *held =
        ks_table_suppress(table, KS_SUPPRESSED(.until = KS_UNTIL_TIME_LIMIT, .time_limit_ms = 10));
    ks_stream_to(ks_table_to_stream(held, NULL), "out", KS_PRODUCED(.key = text, .value = text));
}

/* Two records at `times` 100 and 150, a restart, then one that was due long before. */
static size_t results_of_a_late_record(void (*add)(ks_builder *builder, ks_stream *in),
                                       const ks_test_restart *way)
{
    const ks_serde *text = &ks_serde_string;
    ks_error error = {0};
    ks_builder *builder = ks_builder_new(NULL);
    add(builder, ks_builder_stream(builder, "in", KS_CONSUMED(.key = text, .value = text)));
    ks_topology *topology = ks_builder_build(builder, &error);
    assert_non_null(topology);
    ks_test_driver *driver = ks_test_driver_new(topology, NULL, NULL, &error);
    assert_non_null(driver);
    ks_test_output *out = ks_test_driver_output(driver, "out", text, text);
    ks_log_record record = {
        .key = ks_slice_cstr("a"), .value = ks_slice_cstr("v"), .partition = -1};
    for (record.timestamp = 100; record.timestamp <= 150; record.timestamp += 50) {
        assert_int_equal(ks_test_driver_pipe(driver, "in", &record, &error), KS_OK);
    }
    if (way != NULL) {
        assert_int_equal(ks_test_driver_restart(driver, *way, &error), KS_OK);
    }
    record = (ks_log_record){.key = ks_slice_cstr("late"),
                             .value = ks_slice_cstr("v"),
                             .timestamp = 60,
                             .partition = -1};
    assert_int_equal(ks_test_driver_pipe(driver, "in", &record, &error), KS_OK);
    size_t results = ks_test_output_size(out);
    ks_test_driver_free(driver);
    ks_topology_free(topology);
    ks_builder_free(builder);
    return results;
}

static void joins_and_suppressions_know_after_a_restart_how_far_time_was(void **state)
{
    (void)state;
    static const ks_test_restart ways[] = {KS_TEST_RESTART_KEEP_STATE, KS_TEST_RESTART_LOSE_STATE};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(results_of_a_late_record(join_left, &ways[i]), 2);
        assert_int_equal(results_of_a_late_record(hold_back, &ways[i]), 2);
    }
    assert_int_equal(results_of_a_late_record(join_left, NULL), 2);
    assert_int_equal(results_of_a_late_record(hold_back, NULL), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_count_goes_on_after_a_restart_of_either_kind, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            a_store_without_changelog_survives_only_where_its_state_is_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_processor_begins_with_zeroed_state_and_the_one_before_it_was_closed, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(a_handle_of_a_store_goes_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_counters_go_on, set_up, tear_down),
        cmocka_unit_test(an_unprocessed_record_waits_again),
        cmocka_unit_test(what_was_late_before_a_restart_is_late_after_it),
        cmocka_unit_test(joins_and_suppressions_know_after_a_restart_how_far_time_was),
        cmocka_unit_test(a_driver_whose_restart_failed_says_so_from_then_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
