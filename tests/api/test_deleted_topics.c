/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_deleted_topics.c - an input topic that the topology names is deleted while the application
 * runs: for good, and to be made anew.
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

typedef struct world {
    ks_log *log;
    ks_topology *topology;
    ks_config *config;
    ks_app *app;
} world;

static void create(const world *self, const char *topic)
{
    ks_error error = {0};
    assert_ok(ks_log_create_topic(self->log, topic, 1, &error), &error);
}

static void put(const world *self, const char *value)
{
    ks_error error = {0};
    const ks_log_record record = {
        .key = ks_slice_cstr("k"), .value = ks_slice_cstr(value), .timestamp = 7, .partition = -1};
    assert_ok(ks_log_produce(self->log, "in", &record, &error), &error);
}

static ks_topology *passing(void)
{
    ks_error error = {0};
    ks_builder *builder = ks_builder_new(NULL);
    ks_stream_to(ks_builder_stream(builder, "in", KS_CONSUMED(.key = text, .value = text)), "out",
                 NULL);
    ks_topology *topology = ks_builder_build(builder, &error);
    assert_ok(topology != NULL ? KS_OK : error.code, &error);
    ks_builder_free(builder);
    return topology;
}

/* It runs, and has read two records. */
static world new_world(const char *guarantee)
{
    ks_error error = {0};
    world self = {.log = ks_log_open("embedded:", &error)};
    const char *const pairs[][2] = {{"application.id", "app"},
                                    {"bootstrap.servers", "embedded:"},
                                    {"state.dir", state_dir_new()},
                                    {"processing.guarantee", guarantee},
                                    {"metadata.max.age.ms", "20"}};
    assert_non_null(self.log);
    create(&self, "in");
    create(&self, "out");
    self.topology = passing();
    self.config = ks_config_new();
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        assert_ok(ks_config_set(self.config, pairs[i][0], pairs[i][1], &error), &error);
    }
    self.app = ks_app_new(self.topology, self.config, KS_APP_OPTIONS(.log = self.log), &error);
    assert_ok(self.app != NULL ? KS_OK : error.code, &error);
    put(&self, "1");
    put(&self, "2");
    assert_ok(ks_app_start(self.app, &error), &error);
    assert_ok(ks_app_wait_until_caught_up(self.app, -1, &error), &error);
    return self;
}

static void free_world(world *self)
{
    ks_error error = {0};
    assert_ok(ks_app_close(self->app, -1, &error), &error);
    ks_app_free(self->app);
    ks_config_free(self->config);
    ks_topology_free(self->topology);
    ks_log_free(self->log);
}

/* Until the output has a record with this value; how many it has in all. */
static size_t await_output(const world *self, const char *value)
{
    ks_error error = {0};
    ks_log_record record;
    size_t count = 0;
    bool found = false;
    ks_log_reader *reader = ks_log_reader_open(self->log, "out", &error);
    assert_non_null(reader);
    while (!found) {
        if (ks_log_reader_next(reader, &record)) {
            count++;
            found = ks_slice_equal(record.value, ks_slice_cstr(value));
        } else {
            assert_ok(ks_log_reader_wait(reader, 60000, &error), &error);
        }
    }
    ks_log_reader_free(reader);
    return count;
}

static const char *const guarantees[] = {"at_least_once", "exactly_once_v2"};

static void an_input_topic_that_is_deleted_ends_the_application(void **state)
{
    (void)state;
    for (size_t g = 0; g < 2; g++) {
        ks_error error = {0};
        world self = new_world(guarantees[g]);
        assert_ok(ks_log_delete_topic(self.log, "in", &error), &error);
        ks_status status = KS_OK;
        while (status == KS_OK) { /* what is not there has no records to wait for */
            status = ks_app_wait_until_caught_up(self.app, -1, &error);
        }
        assert_int_equal(status, KS_E_UNKNOWN_TOPIC);
        assert_string_equal(error.where, "in");
        assert_non_null(strstr(error.message, "was deleted while the application ran; create it "
                                              "again, and start the application anew"));
        assert_int_equal(ks_app_close(self.app, -1, &error), KS_OK);
        assert_int_equal(ks_app_state_of(self.app), KS_APP_ERROR);
        free_world(&self);
    }
}

static void one_that_is_made_anew_is_read_from_its_beginning(void **state)
{
    (void)state;
    for (size_t g = 0; g < 2; g++) {
        ks_error error = {0};
        world self = new_world(guarantees[g]);
        assert_ok(ks_log_delete_topic(self.log, "in", &error), &error);
        create(&self, "in");
        put(&self, "3");
        put(&self, "4");
        put(&self, "5"); /* more than the former one had */
        assert_int_equal(await_output(&self, "5"), 5);
        assert_ok(ks_app_wait_until_caught_up(self.app, -1, &error), &error);
        free_world(&self);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_input_topic_that_is_deleted_ends_the_application),
        cmocka_unit_test(one_that_is_made_anew_is_read_from_its_beginning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
