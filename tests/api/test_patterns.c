/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_patterns.c - sources that read whatever topics match a pattern, also those that are made
 * while the application runs.
 */
#include <kstreams/kstreams.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "assert_ok.h"
#include "state_dir.h"

enum { MOST_APPS = 2, PATH_SIZE = 400 };

static const ks_serde *const text = &ks_serde_string;

/* ---- a world --------------------------------------------------------------------------------- */

typedef struct world {
    ks_log *log;
    const char *guarantee;
    bool counts; /* with a store and its changelog; else records pass through */
    ks_topology *topology;
    ks_config *configs[MOST_APPS];
    ks_app *apps[MOST_APPS];
    size_t app_count;
    atomic_int rebalances; /* from RUNNING, in all of them */
} world;

static void create(const world *self, const char *topic, int32_t partitions)
{
    ks_error error = {0};
    assert_ok(ks_log_create_topic(self->log, topic, partitions, &error), &error);
}

static void follow(ks_app_state from, ks_app_state to, void *user)
{
    world *self = user;
    if (from == KS_APP_RUNNING && to == KS_APP_REBALANCING) {
        atomic_fetch_add(&self->rebalances, 1);
    }
}

static ks_topology *topology_of(bool counts)
{
    ks_error error = {0};
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream_matching(b, "in-.*", KS_CONSUMED(.key = text, .value = text));
    if (counts) {
        ks_grouped_stream *grouped =
            ks_stream_group_by_key(in, KS_GROUPED(.key = text, .value = text));
        ks_table *table = ks_grouped_stream_count(grouped, KS_MATERIALIZED(.name = "counts"));
        ks_stream_to(ks_table_to_stream(table, NULL), "out", NULL);
    } else {
        ks_stream_to(in, "out", NULL);
    }
    ks_topology *topology = ks_builder_build(b, &error);
    assert_ok(topology != NULL ? KS_OK : error.code, &error);
    ks_builder_free(b);
    return topology;
}

static world *new_world(bool counts, const char *guarantee)
{
    ks_error error = {0};
    world *self = test_calloc(1, sizeof *self);
    self->log = ks_log_open("embedded:", &error);
    assert_non_null(self->log);
    self->counts = counts;
    self->guarantee = guarantee;
    self->topology = topology_of(counts);
    create(self, "out", 1);
    create(self, "other", 1);
    return self;
}

static void set(ks_config *config, const char *name, const char *value)
{
    ks_error error = {0};
    assert_ok(ks_config_set(config, name, value, &error), &error);
}

static ks_app *start(world *self)
{
    ks_error error = {0};
    size_t i = self->app_count++;
    ks_config *config = self->configs[i] = ks_config_new();
    set(config, "application.id", "app");
    set(config, "client.id", i == 0 ? "first" : "second");
    set(config, "bootstrap.servers", "embedded:");
    set(config, "state.dir", state_dir_new());
    set(config, "processing.guarantee", self->guarantee);
    set(config, "metadata.max.age.ms", "20");
    self->apps[i] = ks_app_new(
        self->topology, config,
        KS_APP_OPTIONS(.log = self->log, .state_listener = follow, .user = self), &error);
    assert_ok(self->apps[i] != NULL ? KS_OK : error.code, &error);
    assert_ok(ks_app_start(self->apps[i], &error), &error);
    return self->apps[i];
}

static void wait(const world *self)
{
    ks_error error = {0};
    for (size_t i = 0; i < self->app_count; i++) {
        assert_ok(ks_app_wait_until_caught_up(self->apps[i], -1, &error), &error);
    }
}

static void free_world(world *self)
{
    ks_error error = {0};
    for (size_t i = 0; i < self->app_count; i++) {
        assert_ok(ks_app_close(self->apps[i], -1, &error), &error);
        ks_app_free(self->apps[i]);
        ks_config_free(self->configs[i]);
    }
    ks_topology_free(self->topology);
    ks_log_free(self->log);
    test_free(self);
}

static void put(const world *self, const char *topic, const char *key, const char *value)
{
    ks_error error = {0};
    const ks_log_record record = {
        .key = ks_slice_cstr(key), .value = ks_slice_cstr(value), .timestamp = 7, .partition = -1};
    assert_ok(ks_log_produce(self->log, topic, &record, &error), &error);
}

/* How many records of the output have this key; the number in the last one's value. */
static size_t outputs_of(const world *self, const char *key, long long *last)
{
    ks_error error = {0};
    ks_log_record record;
    size_t count = 0;
    ks_log_reader *reader = ks_log_reader_open(self->log, "out", &error);
    assert_non_null(reader);
    while (ks_log_reader_next(reader, &record)) {
        if (!ks_slice_equal(record.key, ks_slice_cstr(key))) {
            continue;
        }
        count++;
        *last = 0;
        for (size_t i = 0; i < record.value.size; i++) {
            *last = *last * 256 + (unsigned char)record.value.data[i];
        }
    }
    ks_log_reader_free(reader);
    return count;
}

static void assert_passed(const world *self, const char *key, size_t count)
{
    long long last = 0;
    assert_int_equal(outputs_of(self, key, &last), count);
}

static void assert_counted(const world *self, const char *key, long long count)
{
    long long last = 0;
    assert_true(outputs_of(self, key, &last) > 0);
    assert_int_equal(last, count);
}

/* Reads the output until as many keys as that have been counted twice. */
static void await_second_counts(const world *self, size_t keys)
{
    ks_error error = {0};
    ks_log_record record;
    size_t counted = 0;
    ks_log_reader *reader = ks_log_reader_open(self->log, "out", &error);
    assert_non_null(reader);
    while (counted < keys) {
        if (ks_log_reader_next(reader, &record)) {
            counted += record.value.data[record.value.size - 1] == 2;
        } else {
            assert_ok(ks_log_reader_wait(reader, 60000, &error), &error);
        }
    }
    ks_log_reader_free(reader);
}

/* ---- topics that come ------------------------------------------------------------------------ */

static void a_topic_that_is_made_later_is_read_from_its_beginning(void **state)
{
    (void)state;
    world *self = new_world(false, "at_least_once");
    create(self, "in-a", 2);
    put(self, "in-a", "a", "1");
    put(self, "other", "o", "1");
    start(self);
    wait(self);
    assert_passed(self, "a", 1);

    create(self, "in-b", 3); /* more tasks than before */
    for (int i = 0; i < 5; i++) {
        put(self, "in-b", "b", "1");
    }
    put(self, "in-a", "a", "2");
    wait(self);
    assert_passed(self, "b", 5);
    assert_passed(self, "a", 2); /* and nothing was read twice */
    assert_passed(self, "o", 0);
    assert_int_equal(atomic_load(&self->rebalances), 1);

    put(self, "in-a", "a", "3");
    put(self, "in-b", "b", "2");
    wait(self);
    assert_passed(self, "a", 3);
    assert_passed(self, "b", 6);
    assert_int_equal(atomic_load(&self->rebalances), 1);
    free_world(self);
}

static void a_pattern_may_match_nothing_at_first(void **state)
{
    (void)state;
    world *self = new_world(true, "exactly_once_v2");
    start(self);
    wait(self);
    create(self, "in-a", 1);
    put(self, "in-a", "a", "1");
    put(self, "in-a", "a", "2");
    wait(self);
    assert_counted(self, "a", 2);
    free_world(self);
}

static void stores_keep_what_they_have_when_a_topic_comes(void **state)
{
    (void)state;
    static const char *const guarantees[] = {"at_least_once", "exactly_once_v2"};
    for (size_t g = 0; g < 2; g++) {
        world *self = new_world(true, guarantees[g]);
        create(self, "in-a", 2);
        put(self, "in-a", "k", "1");
        put(self, "in-a", "k", "2");
        start(self);
        wait(self);
        assert_counted(self, "k", 2);
        create(self, "in-b", 2);
        put(self, "in-b", "k", "3");
        wait(self);
        assert_counted(self, "k", 3);
        create(self, "in-c", 1);
        put(self, "in-a", "k", "4");
        wait(self);
        assert_counted(self, "k", 4);
        free_world(self);
    }
}

static void all_instances_go_over_to_the_new_tasks(void **state)
{
    (void)state;
    world *self = new_world(true, "exactly_once_v2");
    create(self, "in-a", 4);
    start(self);
    start(self);
    for (int i = 0; i < 10; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "k%d", i);
        put(self, "in-a", key, "1");
    }
    wait(self);
    create(self, "in-b", 4);
    for (int i = 0; i < 10; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "k%d", i);
        put(self, "in-b", key, "2");
    }
    await_second_counts(self, 10); /* tasks may still be on their way between the two */
    for (int i = 0; i < 10; i++) {
        char key[16];
        long long last = 0;
        (void)snprintf(key, sizeof key, "k%d", i);
        assert_int_equal(outputs_of(self, key, &last), 2);
        assert_int_equal(last, 2);
    }
    free_world(self);
}

/* ---- topics that go -------------------------------------------------------------------------- */

static void a_topic_that_is_deleted_leaves_the_others_to_be_read(void **state)
{
    (void)state;
    static const char *const guarantees[] = {"at_least_once", "exactly_once_v2"};
    for (size_t g = 0; g < 2; g++) {
        ks_error error = {0};
        world *self = new_world(true, guarantees[g]);
        create(self, "in-a", 2);
        create(self, "in-b", 2);
        start(self);
        put(self, "in-a", "k", "1");
        put(self, "in-b", "k", "2");
        wait(self);
        put(self, "in-a", "k", "3"); /* it may be processed, or go with its topic */
        assert_ok(ks_log_delete_topic(self->log, "in-a", &error), &error);
        put(self, "in-b", "k", "4");
        wait(self);
        put(self, "in-b", "k", "5");
        wait(self);
        long long last = 0;
        assert_true(outputs_of(self, "k", &last) > 0);
        assert_true(last == 4 || last == 5);
        create(self, "in-a", 2);
        put(self, "in-a", "new", "1");
        put(self, "in-a", "new", "2");
        wait(self);
        assert_counted(self, "new", 2);
        free_world(self);
    }
}

/* ---- topics that cannot be taken ------------------------------------------------------------- */

static void a_topic_that_needs_a_wider_changelog_ends_the_application(void **state)
{
    (void)state;
    ks_error error = {0};
    world *self = new_world(true, "at_least_once");
    create(self, "in-a", 1);
    ks_app *app = start(self);
    wait(self);
    create(self, "in-b", 2);
    assert_int_equal(ks_app_wait_until_caught_up(app, -1, &error), KS_E_TOPOLOGY);
    assert_string_equal(error.where, "app-counts-changelog");
    assert_non_null(strstr(error.message, "1 partitions and the application needs 2"));
    free_world(self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_topic_that_is_made_later_is_read_from_its_beginning),
        cmocka_unit_test(a_pattern_may_match_nothing_at_first),
        cmocka_unit_test(stores_keep_what_they_have_when_a_topic_comes),
        cmocka_unit_test(all_instances_go_over_to_the_new_tasks),
        cmocka_unit_test(a_topic_that_is_deleted_leaves_the_others_to_be_read),
        cmocka_unit_test(a_topic_that_needs_a_wider_changelog_ends_the_application),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
