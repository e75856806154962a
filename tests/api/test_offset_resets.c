/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_offset_resets.c - where an application begins to read a topic that it never read before.
 */
#include <kstreams/kstreams.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "assert_ok.h"
#include "state_dir.h"

#define HOUR_MS INT64_C(3600000)

static const ks_serde *const text = &ks_serde_string;

typedef struct world {
    ks_log *log;
    ks_topology *topology;
    ks_config *config;
    ks_app *app;
} world;

static void put(const world *self, const char *value, int64_t hours_ago)
{
    ks_error error = {0};
    const ks_log_record record = {.value = ks_slice_cstr(value),
                                  .timestamp = (int64_t)time(NULL) * 1000 - hours_ago * HOUR_MS};
    assert_ok(ks_log_produce(self->log, "in", &record, &error), &error);
}

/* With three records in the log: of a day ago, of three hours ago, and of now. */
static world *new_world_with(const char *property, const ks_consumed *consumed)
{
    ks_error error = {0};
    world *self = test_calloc(1, sizeof *self);
    self->log = ks_log_open("embedded:", &error);
    assert_ok(ks_log_create_topic(self->log, "in", 1, &error), &error);
    assert_ok(ks_log_create_topic(self->log, "out", 1, &error), &error);
    put(self, "day", 24);
    put(self, "hours", 3);
    put(self, "now", 0);
    ks_builder *b = ks_builder_new(NULL);
    ks_stream_to(ks_builder_stream(b, "in", consumed), "out", NULL);
    self->topology = ks_builder_build(b, &error);
    assert_ok(self->topology != NULL ? KS_OK : error.code, &error);
    ks_builder_free(b);
    self->config = ks_config_new();
    assert_ok(ks_config_set(self->config, "application.id", "app", &error), &error);
    assert_ok(ks_config_set(self->config, "bootstrap.servers", "embedded:", &error), &error);
    assert_ok(ks_config_set(self->config, "state.dir", state_dir_new(), &error), &error);
    if (property != NULL) {
        assert_ok(ks_config_set(self->config, "auto.offset.reset", property, &error), &error);
    }
    self->app = ks_app_new(self->topology, self->config, KS_APP_OPTIONS(.log = self->log), &error);
    assert_ok(self->app != NULL ? KS_OK : error.code, &error);
    return self;
}

static world *new_world(const ks_consumed *consumed)
{
    return new_world_with(NULL, consumed);
}

static void free_world(world *self)
{
    ks_app_free(self->app);
    ks_topology_free(self->topology);
    ks_config_free(self->config);
    ks_log_free(self->log);
    test_free(self);
}

static ks_status run(const world *self, ks_error *error)
{
    assert_ok(ks_app_start(self->app, error), error);
    return ks_app_wait_until_caught_up(self->app, 60000, error);
}

static void assert_out(const world *self, const char *expected)
{
    ks_error error = {0};
    ks_log_record record;
    char values[100] = "";
    size_t used = 0;
    ks_log_reader *reader = ks_log_reader_open(self->log, "out", &error);
    assert_non_null(reader);
    while (ks_log_reader_next(reader, &record)) {
        used += (size_t)snprintf(values + used, sizeof values - used, "%.*s ",
                                 (int)record.value.size, (const char *)record.value.data);
    }
    ks_log_reader_free(reader);
    assert_string_equal(values, expected);
}

static void without_a_policy_everything_is_read(void **state)
{
    (void)state;
    ks_error error = {0};
    world *self = new_world(KS_CONSUMED(.key = text, .value = text));
    assert_ok(run(self, &error), &error);
    assert_out(self, "day hours now ");
    free_world(self);
}

static void by_duration_what_is_younger_is_read(void **state)
{
    (void)state;
    ks_error error = {0};
    world *self = new_world(KS_CONSUMED(.key = text, .value = text,
                                        .offset_reset = KS_OFFSET_RESET_BY_DURATION,
                                        .offset_reset_duration_ms = 4 * HOUR_MS));
    assert_ok(run(self, &error), &error);
    assert_out(self, "hours now ");
    free_world(self);
}

static void a_duration_may_be_a_property(void **state)
{
    (void)state;
    ks_error error = {0};
    world *self = new_world_with("by_duration:PT4H", KS_CONSUMED(.key = text, .value = text));
    assert_ok(run(self, &error), &error);
    assert_out(self, "hours now ");
    free_world(self);
}

/* @java a duration that reaches behind the first record is the beginning */
static void a_duration_longer_than_the_log_is_the_beginning(void **state)
{
    (void)state;
    ks_error error = {0};
    world *self = new_world(KS_CONSUMED(.key = text, .value = text,
                                        .offset_reset = KS_OFFSET_RESET_BY_DURATION,
                                        .offset_reset_duration_ms = INT64_MAX));
    assert_ok(run(self, &error), &error);
    assert_out(self, "day hours now ");
    free_world(self);
}

static void without_an_offset_and_without_a_policy_the_topic_is_named(void **state)
{
    (void)state;
    ks_error error = {0};
    world *self =
        new_world(KS_CONSUMED(.key = text, .value = text, .offset_reset = KS_OFFSET_RESET_NONE));
    assert_int_equal(run(self, &error), KS_E_STATE);
    assert_string_equal(error.where, "in");
    assert_non_null(strstr(error.message, "the reset policy is none"));
    assert_out(self, "");
    free_world(self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_policy_everything_is_read),
        cmocka_unit_test(by_duration_what_is_younger_is_read),
        cmocka_unit_test(a_duration_may_be_a_property),
        cmocka_unit_test(a_duration_longer_than_the_log_is_the_beginning),
        cmocka_unit_test(without_an_offset_and_without_a_policy_the_topic_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
