/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_user_functions.c - what a serde, partitioner or timestamp extractor of the program may do
 * wrong: fail and not say why, or not be there at all. Neither may pass for a success.
 */
#include <kstreams/kstreams.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void say_nothing(ks_log_level level, const char *where, const char *message, void *user)
{
    (void)level, (void)where, (void)message, (void)user;
}

/* What says no without a word: every function that a user may write and that has a ks_error. */
static ks_status serialize_mutely(const ks_serde *serde, const ks_serde_ctx *ctx, ks_value value,
                                  ks_arena *arena, ks_slice *bytes, ks_error *error)
{
    (void)serde, (void)ctx, (void)value, (void)arena, (void)bytes, (void)error;
    return KS_E_SERDE;
}

static ks_status deserialize_mutely(const ks_serde *serde, const ks_serde_ctx *ctx, ks_slice bytes,
                                    ks_arena *arena, ks_value *value, ks_error *error)
{
    (void)serde, (void)ctx, (void)bytes, (void)arena, (void)value, (void)error;
    return KS_E_SERDE;
}

static ks_status partition_mutely(const ks_partitioner *partitioner, const char *topic,
                                  const ks_record *record, int32_t count, ks_partitions *partitions,
                                  ks_error *error)
{
    (void)partitioner, (void)topic, (void)record, (void)count, (void)partitions, (void)error;
    return KS_E_PROCESSING;
}

static ks_status extract_mutely(const ks_timestamp_extractor *extractor,
                                const ks_source_record *record, int64_t partition_time,
                                int64_t *timestamp, ks_error *error)
{
    (void)extractor, (void)record, (void)partition_time, (void)timestamp, (void)error;
    return KS_E_TIMESTAMP;
}

static const ks_serde mute_serde = {.struct_size = sizeof mute_serde,
                                    .name = "mute",
                                    .kind = KS_KIND_TEXT,
                                    .serialize = serialize_mutely,
                                    .deserialize = deserialize_mutely};
static const ks_partitioner mute_partitioner = {
    .struct_size = sizeof mute_partitioner, .name = "mute", .partition = partition_mutely};
static const ks_timestamp_extractor mute_extractor = {
    .struct_size = sizeof mute_extractor, .name = "mute", .extract = extract_mutely};
static const ks_serde empty_serde = {.struct_size = sizeof empty_serde, .name = "empty"};
static const ks_partitioner empty_partitioner = {.struct_size = sizeof empty_partitioner};
static const ks_timestamp_extractor empty_extractor = {.struct_size = sizeof empty_extractor};

/* What the way from "in" to "out" ends with under these options. */
static void run_with(const ks_consumed *consumed, const ks_produced *produced, ks_error *error)
{
    const ks_log_record record = {
        .key = ks_slice_cstr("key"), .value = ks_slice_cstr("value"), .timestamp = 1000};
    ks_error first = {0};
    ks_log *log = ks_log_open("embedded:", &first);
    ks_config *config = ks_config_new();
    ks_builder *b = ks_builder_new(NULL);
    assert_int_equal(ks_log_create_topic(log, "in", 1, &first), KS_OK);
    assert_int_equal(ks_log_create_topic(log, "out", 1, &first), KS_OK);
    assert_int_equal(ks_log_produce(log, "in", &record, &first), KS_OK);
    assert_int_equal(ks_config_set(config, "application.id", "app", &first), KS_OK);
    assert_int_equal(ks_config_set(config, "bootstrap.servers", "embedded:", &first), KS_OK);
    ks_stream_to(ks_builder_stream(b, "in", consumed), "out", produced);
    ks_topology *topology = ks_builder_build(b, &first);
    assert_non_null(topology);
    ks_app *app =
        ks_app_new(topology, config, KS_APP_OPTIONS(.log = log, .log_line = say_nothing), &first);
    assert_non_null(app);
    *error = (ks_error){0};
    ks_status status = ks_app_start(app, error);
    if (status == KS_OK) {
        status = ks_app_wait_until_caught_up(app, -1, error);
    }
    assert_int_not_equal(status, KS_OK);
    assert_int_equal(status, error->code);
    assert_int_equal(ks_app_stats_of(app).records_produced, 0);
    ks_app_free(app);
    ks_topology_free(topology);
    ks_builder_free(b);
    ks_config_free(config);
    ks_log_free(log);
}

static void what_fails_without_a_word_fails_all_the_same(void **state)
{
    (void)state;
    ks_error error;
    const ks_serde *text = &ks_serde_string;
    const ks_consumed *in = KS_CONSUMED(.key = text, .value = text);
    const ks_produced *out = KS_PRODUCED(.key = text, .value = text);
    run_with(KS_CONSUMED(.key = text, .value = &mute_serde), out, &error);
    assert_non_null(strstr(error.message, "the serde \"mute\" failed and filled no ks_error"));
    run_with(in, KS_PRODUCED(.key = text, .value = &mute_serde), &error);
    assert_non_null(strstr(error.message, "the serde \"mute\" failed and filled no ks_error"));
    run_with(in, KS_PRODUCED(.key = text, .value = text, .partitioner = &mute_partitioner), &error);
    assert_non_null(strstr(error.message, "the partitioner \"mute\" failed"));
    run_with(KS_CONSUMED(.key = text, .value = text, .timestamp_extractor = &mute_extractor), out,
             &error);
    assert_int_equal(error.code, KS_E_TIMESTAMP);
    assert_non_null(strstr(error.message, "the timestamp extractor \"mute\" failed"));
}

static void what_has_no_function_is_refused_at_the_start(void **state)
{
    (void)state;
    ks_error error;
    const ks_serde *text = &ks_serde_string;
    const ks_consumed *in = KS_CONSUMED(.key = text, .value = text);
    const ks_produced *out = KS_PRODUCED(.key = text, .value = text);
    run_with(KS_CONSUMED(.key = text, .value = &empty_serde), out, &error);
    assert_int_equal(error.code, KS_E_ARGUMENT);
    run_with(in, KS_PRODUCED(.key = &empty_serde, .value = text), &error);
    assert_int_equal(error.code, KS_E_ARGUMENT);
    run_with(in, KS_PRODUCED(.key = text, .value = text, .partitioner = &empty_partitioner),
             &error);
    assert_int_equal(error.code, KS_E_ARGUMENT);
    run_with(KS_CONSUMED(.key = text, .value = text, .timestamp_extractor = &empty_extractor), out,
             &error);
    assert_int_equal(error.code, KS_E_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fails_without_a_word_fails_all_the_same),
        cmocka_unit_test(what_has_no_function_is_refused_at_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
