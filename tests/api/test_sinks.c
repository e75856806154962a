/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_sinks.c - where records go on a log: partitions that a partitioner chooses, topics that a
 * function names.
 */
#include <kstreams/kstreams.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "assert_ok.h"
#include "state_dir.h"

static const ks_serde *const text = &ks_serde_string;

/* ---- what the program says ------------------------------------------------------------------- */

/*
 * "first" goes to partition 0, "both" to 0 and 1, "nowhere" to none, "far" to one that is not
 * there; of others it says nothing.
 */
static ks_status by_value(const ks_partitioner *partitioner, const char *topic,
                          const ks_record *record, int32_t count, ks_partitions *partitions,
                          ks_error *error)
{
    ks_slice value = ks_value_text(record->value);
    (void)partitioner;
    (void)topic;
    (void)error;
    if (ks_slice_equal(value, ks_slice_cstr("nowhere"))) {
        ks_partitions_drop(partitions);
    } else if (ks_slice_equal(value, ks_slice_cstr("first"))) {
        return ks_partitions_add(partitions, 0);
    } else if (ks_slice_equal(value, ks_slice_cstr("both"))) {
        ks_status status = ks_partitions_add(partitions, 0);
        return status == KS_OK ? ks_partitions_add(partitions, 1) : status;
    } else if (ks_slice_equal(value, ks_slice_cstr("far"))) {
        return ks_partitions_add(partitions, count);
    }
    return KS_OK;
}

static const ks_partitioner partitioner = {
    .struct_size = sizeof partitioner, .name = "by value", .partition = by_value};

static ks_slice topic_in_key(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)user;
    return ks_value_text(record->key);
}

/* ---- a world --------------------------------------------------------------------------------- */

typedef struct world {
    ks_log *log;
    ks_topology *topology;
    ks_config *config;
    ks_app *app;
    ks_status status; /* of waiting until all was processed */
    ks_error error;
} world;

static world *new_world(void)
{
    ks_error error = {0};
    world *self = test_calloc(1, sizeof *self);
    self->log = ks_log_open("embedded:", &error);
    assert_ok(ks_log_create_topic(self->log, "in", 1, &error), &error);
    assert_ok(ks_log_create_topic(self->log, "out", 2, &error), &error);
    return self;
}

static void put(const world *self, const char *key, const char *value)
{
    ks_error error = {0};
    const ks_log_record record = {
        .key = ks_slice_cstr(key), .value = ks_slice_cstr(value), .timestamp = 7};
    assert_ok(ks_log_produce(self->log, "in", &record, &error), &error);
}

static void run(world *self, ks_builder *b)
{
    ks_error error = {0};
    self->topology = ks_builder_build(b, &error);
    assert_ok(self->topology != NULL ? KS_OK : error.code, &error);
    ks_builder_free(b);
    self->config = ks_config_new();
    assert_ok(ks_config_set(self->config, "application.id", "app", &error), &error);
    assert_ok(ks_config_set(self->config, "bootstrap.servers", "embedded:", &error), &error);
    assert_ok(ks_config_set(self->config, "state.dir", state_dir_new(), &error), &error);
    self->app = ks_app_new(self->topology, self->config, KS_APP_OPTIONS(.log = self->log), &error);
    assert_ok(self->app != NULL ? KS_OK : error.code, &error);
    assert_ok(ks_app_start(self->app, &error), &error);
    self->status = ks_app_wait_until_caught_up(self->app, -1, &self->error);
    ks_status closed = ks_app_close(self->app, -1, &error);
    assert_ok(closed, &error);
}

static void free_world(world *self)
{
    ks_app_free(self->app);
    ks_topology_free(self->topology);
    ks_config_free(self->config);
    ks_log_free(self->log);
    test_free(self);
}

static void assert_values(const world *self, const char *topic, int32_t partition,
                          const char *expected)
{
    ks_error error = {0};
    ks_log_record record;
    char values[200] = "";
    size_t used = 0;
    ks_log_reader *reader = ks_log_reader_open(self->log, topic, &error);
    assert_non_null(reader);
    while (ks_log_reader_next(reader, &record)) {
        if (record.partition == partition) {
            used += (size_t)snprintf(values + used, sizeof values - used, "%.*s ",
                                     (int)record.value.size, record.value.data);
        }
    }
    ks_log_reader_free(reader);
    assert_string_equal(values, expected);
}

/* A key whose partition of two, by murmur2, is this one. */
static const char *key_of(int32_t partition)
{
    static const char *const keys[] = {"a", "b", "c", "d", "e", "f"};
    size_t i = 0;
    while (ks_partition_of_key(ks_slice_cstr(keys[i]), 2) != partition) {
        i++;
        assert_true(i < sizeof keys / sizeof keys[0]);
    }
    return keys[i];
}

static ks_stream *input(ks_builder *b)
{
    return ks_builder_stream(b, "in", KS_CONSUMED(.key = text, .value = text));
}

/* ---- partitions ------------------------------------------------------------------------------ */

static void a_partitioner_answers_none_one_several_or_nothing(void **state)
{
    (void)state;
    world *self = new_world();
    put(self, key_of(0), "one");
    put(self, key_of(1), "two");
    put(self, key_of(1), "first");
    put(self, key_of(0), "both");
    put(self, key_of(0), "nowhere");
    ks_builder *b = ks_builder_new(NULL);
    ks_stream_to(input(b), "out",
                 KS_PRODUCED(.key = text, .value = text, .partitioner = &partitioner));
    run(self, b);
    assert_ok(self->status, &self->error);
    assert_values(self, "out", 0, "one first both ");
    assert_values(self, "out", 1, "two both ");
    assert_int_equal(ks_app_dropped_records(self->app, KS_DROP_PARTITIONER), 1);
    free_world(self);
}

static void a_partitioner_of_a_repartition_topic_does_the_same(void **state)
{
    (void)state;
    world *self = new_world();
    put(self, key_of(0), "one");
    put(self, key_of(0), "both");
    put(self, key_of(0), "nowhere");
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *moved = ks_stream_repartition(
        input(b), KS_REPARTITIONED(.key = text, .value = text, .name = "moved", .partitions = 2,
                                   .partitioner = &partitioner));
    ks_stream_to(moved, "out", KS_PRODUCED(.key = text, .value = text));
    run(self, b);
    assert_ok(self->status, &self->error);
    int64_t begin = 0;
    int64_t end = 0;
    assert_ok(ks_log_offsets(self->log, "app-moved-repartition", 1, &begin, &end, &self->error),
              &self->error);
    assert_int_equal(end, 1); /* "both", though the key belongs to partition 0 */
    ks_log_reader *reader = ks_log_reader_open(self->log, "out", &self->error);
    ks_log_record record;
    size_t count = 0;
    while (ks_log_reader_next(reader, &record)) {
        count++;
    }
    ks_log_reader_free(reader);
    assert_int_equal(count, 3);
    assert_int_equal(ks_app_dropped_records(self->app, KS_DROP_PARTITIONER), 1);
    free_world(self);
}

static void a_partition_that_is_not_there_fails_with_its_number(void **state)
{
    (void)state;
    world *self = new_world();
    put(self, "a", "far");
    ks_builder *b = ks_builder_new(NULL);
    ks_stream_to(input(b), "out",
                 KS_PRODUCED(.key = text, .value = text, .partitioner = &partitioner));
    run(self, b);
    assert_int_equal(self->status, KS_E_ARGUMENT);
    assert_non_null(
        strstr(self->error.message, "chose partition 2; the topic has partitions 0 to 1"));
    assert_string_equal(self->error.where, "KSTREAM-SINK-0000000001");
    free_world(self);
}

/* ---- topics ---------------------------------------------------------------------------------- */

static void a_record_goes_to_the_topic_that_the_function_names(void **state)
{
    (void)state;
    world *self = new_world();
    ks_error error = {0};
    assert_ok(ks_log_create_topic(self->log, "other", 1, &error), &error);
    put(self, "out", "x");
    put(self, "other", "y");
    put(self, "other", "first");
    put(self, "out", "nowhere");
    ks_builder *b = ks_builder_new(NULL);
    ks_stream_to_dynamic(input(b), topic_in_key, NULL,
                         KS_PRODUCED(.key = text, .value = text, .partitioner = &partitioner));
    run(self, b);
    assert_ok(self->status, &self->error);
    assert_values(self, "other", 0, "y first ");
    assert_values(self, "out", ks_partition_of_key(ks_slice_cstr("out"), 2), "x ");
    free_world(self);
}

static void assert_missing(const ks_partitioner *chosen)
{
    world *self = new_world();
    put(self, "missing", "x");
    ks_builder *b = ks_builder_new(NULL);
    ks_stream_to_dynamic(input(b), topic_in_key, NULL,
                         KS_PRODUCED(.key = text, .value = text, .partitioner = chosen));
    run(self, b);
    assert_int_equal(self->status, KS_E_UNKNOWN_TOPIC);
    assert_non_null(strstr(self->error.message, "missing: the application writes to this topic"));
    assert_non_null(strstr(self->error.message, "it does not exist; create it"));
    assert_string_equal(self->error.where, "KSTREAM-SINK-0000000001");
    free_world(self);
}

static void a_topic_that_is_not_there_is_named(void **state)
{
    (void)state;
    assert_missing(NULL);
    assert_missing(&partitioner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_partitioner_answers_none_one_several_or_nothing),
        cmocka_unit_test(a_partitioner_of_a_repartition_topic_does_the_same),
        cmocka_unit_test(a_partition_that_is_not_there_fails_with_its_number),
        cmocka_unit_test(a_record_goes_to_the_topic_that_the_function_names),
        cmocka_unit_test(a_topic_that_is_not_there_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
