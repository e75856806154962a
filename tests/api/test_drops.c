/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_drops.c - records that go no further are counted by the reason, by driver and application.
 */
#include <kstreams/kstreams.h>
#include <kstreams/testing.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "state_dir.h"

static const ks_serde *const text = &ks_serde_string;

static void fail_on_bad(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)user;
    if (ks_slice_equal(ks_value_text(record->value), ks_slice_cstr("bad"))) {
        ks_ctx_fail(ctx, "a bad value");
    }
}

static ks_status nowhere(const ks_partitioner *partitioner, const char *topic,
                         const ks_record *record, int32_t count, ks_partitions *partitions,
                         ks_error *error)
{
    (void)partitioner;
    (void)topic;
    (void)count;
    (void)error;
    if (ks_slice_equal(ks_value_text(record->value), ks_slice_cstr("nowhere"))) {
        ks_partitions_drop(partitions);
    }
    return KS_OK;
}

static const ks_partitioner partitioner = {
    .struct_size = sizeof partitioner, .name = "nowhere", .partition = nowhere};

/* A log takes no negative timestamps, so one comes from here. */
static ks_status stamp(const ks_timestamp_extractor *extractor, const ks_source_record *record,
                       int64_t partition_time, int64_t *timestamp, ks_error *error)
{
    bool is_early = ks_slice_equal(ks_value_text(record->record.value), ks_slice_cstr("early"));
    (void)extractor;
    (void)partition_time;
    (void)error;
    *timestamp = is_early ? -1 : record->record.timestamp;
    return KS_OK;
}

static const ks_timestamp_extractor extractor = {
    .struct_size = sizeof extractor, .name = "stamp", .extract = stamp};

/* "in" is checked, counted and written; "numbers" only has to be readable. */
static ks_topology *build(void)
{
    ks_error error = {0};
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(
        b, "in", KS_CONSUMED(.key = text, .value = text, .timestamp_extractor = &extractor));
    ks_stream *good = ks_stream_peek(in, fail_on_bad, NULL, NULL);
    ks_stream_to(good, "out", KS_PRODUCED(.partitioner = &partitioner));
    (void)ks_grouped_stream_count(ks_stream_group_by_key(good, NULL),
                                  KS_MATERIALIZED(.name = "counts", .type = KS_STORE_IN_MEMORY));
    (void)ks_builder_stream(b, "numbers", KS_CONSUMED(.key = text, .value = &ks_serde_i64));
    ks_topology *topology = ks_builder_build(b, &error);
    ks_builder_free(b);
    assert_non_null(topology);
    return topology;
}

static void set(ks_config *config, const char *name, const char *value)
{
    ks_error error = {0};
    assert_int_equal(ks_config_set(config, name, value, &error), KS_OK);
}

static ks_config *going_on(void)
{
    ks_config *config = ks_config_new();
    set(config, "application.id", "drops");
    set(config, "bootstrap.servers", "embedded:");
    set(config, "state.dir", state_dir_new());
    set(config, "processing.exception.handler", "LogAndContinue");
    set(config, "deserialization.exception.handler", "LogAndContinue");
    return config;
}

typedef struct input {
    const char *topic;
    const char *key;
    const char *value;
    int64_t timestamp;
} input;

static const input inputs[] = {
    {"in", "k", "good", 1},     {"in", "k", "bad", 1},     {"in", NULL, "no key", 1},
    {"in", "k", "nowhere", 1},  {"in", "k", "early", 1},   {"numbers", "k", "not 8 bytes", 1},
    {"in", "k", "nowhere", 2},  {"numbers", "k", "no", 2}, {"numbers", "k", "8 bytes.", 3},
    {"numbers", "k", "odd", 4},
};
enum { INPUTS = sizeof inputs / sizeof inputs[0] };

/* By reason: what the records above are. */
static const uint64_t expected[KS_DROP_REASON_COUNT] = {
    [KS_DROP_DESERIALIZATION] = 3, [KS_DROP_TIMESTAMP] = 1,   [KS_DROP_NULL] = 1,
    [KS_DROP_PROCESSING] = 1,      [KS_DROP_PARTITIONER] = 2,
};
enum { ALL = 8 };

static ks_log_record record_of(const input *one)
{
    return (ks_log_record){.key = one->key != NULL ? ks_slice_cstr(one->key) : ks_slice_null(),
                           .value = ks_slice_cstr(one->value),
                           .timestamp = one->timestamp};
}

static void a_driver_counts_drops_by_their_reason(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_config *config = going_on();
    ks_topology *topology = build();
    ks_test_driver *driver = ks_test_driver_new(topology, config, NULL, &error);
    assert_non_null(driver);
    for (size_t i = 0; i < INPUTS; i++) {
        const ks_log_record record = record_of(&inputs[i]);
        assert_int_equal(ks_test_driver_pipe(driver, inputs[i].topic, &record, &error), KS_OK);
    }
    for (size_t r = 0; r < KS_DROP_REASON_COUNT; r++) {
        assert_int_equal(ks_test_driver_dropped_by(driver, (ks_drop_reason)r), expected[r]);
    }
    assert_int_equal(ks_test_driver_dropped_by(driver, KS_DROP_REASON_COUNT), 0);
    assert_int_equal(ks_test_driver_dropped_records(driver), ALL);
    ks_test_driver_free(driver);
    ks_topology_free(topology);
    ks_config_free(config);
}

static void an_application_counts_them_over_all_tasks_also_of_those_that_are_gone(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_config *config = going_on();
    ks_topology *topology = build();
    ks_log *log = ks_log_open("embedded:", &error);
    assert_int_equal(ks_log_create_topic(log, "in", 2, &error), KS_OK);
    assert_int_equal(ks_log_create_topic(log, "numbers", 2, &error), KS_OK);
    assert_int_equal(ks_log_create_topic(log, "out", 2, &error), KS_OK);
    for (size_t i = 0; i < INPUTS; i++) {
        ks_log_record record = record_of(&inputs[i]);
        record.partition = (int32_t)(i % 2);
        assert_int_equal(ks_log_produce(log, inputs[i].topic, &record, &error), KS_OK);
    }
    ks_app *app = ks_app_new(topology, config, KS_APP_OPTIONS(.log = log), &error);
    assert_int_equal(ks_app_start(app, &error), KS_OK);
    assert_int_equal(ks_app_wait_until_caught_up(app, -1, &error), KS_OK);
    assert_int_equal(ks_app_close(app, -1, &error), KS_OK);
    for (size_t r = 0; r < KS_DROP_REASON_COUNT; r++) {
        assert_int_equal(ks_app_dropped_records(app, (ks_drop_reason)r), expected[r]);
    }
    assert_int_equal(ks_app_dropped_records(app, KS_DROP_REASON_COUNT), 0);
    assert_int_equal(ks_app_stats_of(app).records_dropped, ALL);
    ks_app_free(app);
    ks_log_free(log);
    ks_topology_free(topology);
    ks_config_free(config);
}

static void every_reason_has_a_word(void **state)
{
    (void)state;
    for (size_t r = 0; r < KS_DROP_REASON_COUNT; r++) {
        assert_string_not_equal(ks_drop_reason_name((ks_drop_reason)r), "unknown");
    }
    assert_string_equal(ks_drop_reason_name(KS_DROP_LATE), "late");
    assert_string_equal(ks_drop_reason_name((ks_drop_reason)KS_DROP_REASON_COUNT), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_driver_counts_drops_by_their_reason),
        cmocka_unit_test(an_application_counts_them_over_all_tasks_also_of_those_that_are_gone),
        cmocka_unit_test(every_reason_has_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
