/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_source_topics.c - a table whose source topic is the changelog of its store: applications
 * that are started again, with their state and without it.
 *
 * The table is grouped by its values, and the groups are counted. So the old value of every change
 * shows: a row that is missing, or that is newer than what was processed, makes a wrong count.
 */
#include <kstreams/kstreams.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "assert_ok.h"
#include "state_dir.h"

enum { PATH_SIZE = 400, KEYS = 30, VALUES = 4, PARTITIONS = 3 };

static const ks_serde *const text = &ks_serde_string;

/* ---- the world ------------------------------------------------------------------------------- */

typedef struct world {
    ks_log *log;
    char state_dir[PATH_SIZE];
    const char *guarantee;
    ks_store_type type;
    ks_app *app;
    ks_topology *topology;
    ks_config *config;
    bool has_wide_input;        /* of the same tasks, with more partitions than the source topic */
    ks_topology *(*make)(void); /* NULL: counts_of_values() */
    long long restored;         /* records read by the last start for the table's store */
    size_t wiped;
    int value_of[KEYS]; /* what each key should have; -1: nothing */
    unsigned seed;
} world;

static world *new_world(const char *guarantee, ks_store_type type)
{
    ks_error error = {0};
    world *self = test_calloc(1, sizeof *self);
    self->log = ks_log_open("embedded:", &error);
    assert_non_null(self->log);
    assert_ok(ks_log_create_topic(self->log, "colours", PARTITIONS, &error), &error);
    assert_ok(ks_log_create_topic(self->log, "counts", 1, &error), &error);
    self->guarantee = guarantee;
    self->type = type;
    self->seed = 2026;
    (void)snprintf(self->state_dir, sizeof self->state_dir, "%s", state_dir_new());
    for (int i = 0; i < KEYS; i++) {
        self->value_of[i] = -1;
    }
    return self;
}

static void free_world(world *self)
{
    ks_log_free(self->log);
    test_free(self);
}

static void hear(ks_log_level level, const char *where, const char *message, void *user)
{
    static const char restored[] = "restored store rows of task ";
    world *self = user;
    const char *count = strstr(message, " from ");
    (void)level;
    (void)where;
    if (strncmp(message, restored, sizeof restored - 1) == 0 && count != NULL) {
        self->restored += strtoll(count + 6, NULL, 10);
    }
    self->wiped += strstr(message, "was wiped") != NULL;
}

static ks_pair by_value(ks_ctx *ctx, const ks_record *row, void *user)
{
    (void)ctx;
    (void)user;
    return (ks_pair){row->value, row->key};
}

static ks_topology *counts_of_values(ks_store_type type, bool has_wide_input)
{
    ks_error error = {0};
    ks_config *config = ks_config_new();
    assert_ok(ks_config_set(config, "topology.optimization", "all", &error), &error);
    ks_builder *b = ks_builder_new(config);
    ks_config_free(config);
    ks_table *rows = ks_builder_table(
        b, "colours", KS_CONSUMED(.key = text, .value = text),
        KS_MATERIALIZED(.name = "rows", .type = type,
                        .history_retention_ms = type == KS_STORE_VERSIONED ? 60000 : 0));
    ks_grouped_table *groups =
        ks_table_group_by(rows, by_value, NULL, KS_GROUPED(.key = text, .value = text));
    ks_table *counts = ks_grouped_table_count(groups, KS_MATERIALIZED(.name = "sizes"));
    ks_stream_to(ks_table_to_stream(counts, NULL), "counts", NULL);
    if (has_wide_input) {
        ks_stream *wide = ks_builder_stream(b, "wide", KS_CONSUMED(.key = text, .value = text));
        ks_stream *both = ks_stream_merge(wide, ks_table_to_stream(rows, NULL), NULL);
        ks_stream_to(both, "both", KS_PRODUCED(.key = text, .value = text));
    }
    ks_topology *topology = ks_builder_build(b, &error);
    assert_ok(topology != NULL ? KS_OK : error.code, &error);
    ks_builder_free(b);
    return topology;
}

static void set(ks_config *config, const char *name, const char *value)
{
    ks_error error = {0};
    assert_ok(ks_config_set(config, name, value, &error), &error);
}

static void start(world *self)
{
    ks_error error = {0};
    self->restored = 0;
    self->wiped = 0;
    self->topology =
        self->make != NULL ? self->make() : counts_of_values(self->type, self->has_wide_input);
    self->config = ks_config_new();
    set(self->config, "application.id", "app");
    set(self->config, "bootstrap.servers", "embedded:");
    set(self->config, "state.dir", self->state_dir);
    set(self->config, "processing.guarantee", self->guarantee);
    self->app =
        ks_app_new(self->topology, self->config,
                   KS_APP_OPTIONS(.log = self->log, .log_line = hear, .user = self), &error);
    assert_ok(self->app != NULL ? KS_OK : error.code, &error);
    assert_ok(ks_app_start(self->app, &error), &error);
    assert_ok(ks_app_wait_until_caught_up(self->app, -1, &error), &error);
}

static void stop(world *self)
{
    ks_error error = {0};
    assert_ok(ks_app_close(self->app, -1, &error), &error);
    ks_app_free(self->app);
    ks_topology_free(self->topology);
    ks_config_free(self->config);
}

/* ---- the source topic ------------------------------------------------------------------------ */

static void put(world *self, int key, int value)
{
    ks_error error = {0};
    char key_text[16];
    char value_text[16];
    (void)snprintf(key_text, sizeof key_text, "key-%d", key);
    (void)snprintf(value_text, sizeof value_text, "value-%d", value);
    const ks_log_record record = {.key = ks_slice_cstr(key_text),
                                  .value = value >= 0 ? ks_slice_cstr(value_text) : ks_slice_null(),
                                  .timestamp = 1000,
                                  .partition = -1};
    assert_ok(ks_log_produce(self->log, "colours", &record, &error), &error);
    self->value_of[key] = value;
}

static void put_any(world *self, int count)
{
    for (int i = 0; i < count; i++) {
        int key = rand_r(&self->seed) % KEYS;
        put(self, key, rand_r(&self->seed) % (VALUES + 1) - 1);
    }
}

static int64_t end_of(const world *self, const char *topic, int32_t partitions)
{
    ks_error error = {0};
    int64_t sum = 0;
    for (int32_t p = 0; p < partitions; p++) {
        int64_t begin = 0;
        int64_t end = 0;
        assert_ok(ks_log_offsets(self->log, topic, p, &begin, &end, &error), &error);
        sum += end;
    }
    return sum;
}

/* ---- what comes out -------------------------------------------------------------------------- */

static long long number_of(ks_slice bytes)
{
    long long number = 0;
    for (size_t i = 0; i < bytes.size; i++) {
        number = number * 256 + (unsigned char)bytes.data[i];
    }
    return number;
}

/* The last size of each group is that of the keys that have its value. */
static void assert_counts(const world *self)
{
    ks_error error = {0};
    ks_log_record record;
    long long told[VALUES] = {0};
    long long expected[VALUES] = {0};
    ks_log_reader *reader = ks_log_reader_open(self->log, "counts", &error);
    assert_non_null(reader);
    while (ks_log_reader_next(reader, &record)) {
        int value = record.key.data[record.key.size - 1] - '0';
        told[value] = number_of(record.value);
    }
    ks_log_reader_free(reader);
    for (int i = 0; i < KEYS; i++) {
        if (self->value_of[i] >= 0) {
            expected[self->value_of[i]]++;
        }
    }
    for (int i = 0; i < VALUES; i++) {
        assert_int_equal(told[i], expected[i]);
    }
}

static void lose_state(world *self)
{
    state_dir_remove(self->state_dir);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void nothing_is_written_to_the_source_topic_nor_to_a_changelog(void **state)
{
    (void)state;
    world *self = new_world("at_least_once", KS_STORE_ROCKSDB);
    put_any(self, 50);
    start(self);
    put_any(self, 50);
    stop(self);
    assert_int_equal(end_of(self, "colours", PARTITIONS), 100);
    assert_int_equal(ks_log_partition_count(self->log, "app-rows-changelog"), 0);
    assert_int_equal(ks_log_partition_count(self->log, "app-sizes-changelog"), PARTITIONS);
    free_world(self);
}

/* With its state, without it, with records that came meanwhile and without any. */
static void restart_in_all_ways(const char *guarantee, ks_store_type type)
{
    world *self = new_world(guarantee, type);
    bool kept = type != KS_STORE_IN_MEMORY;
    put_any(self, 100);
    start(self);
    assert_counts(self);
    stop(self);

    put_any(self, 40);
    start(self);
    assert_int_equal(self->restored, kept ? 0 : 100); /* and none of the 40 to come */
    assert_int_equal(self->wiped, 0);
    assert_counts(self);
    stop(self);

    lose_state(self);
    put_any(self, 60);
    start(self);
    assert_int_equal(self->restored, 140);
    assert_counts(self);
    stop(self);

    start(self);
    assert_int_equal(self->restored, kept ? 0 : 200);
    put_any(self, 10);
    stop(self);
    start(self);
    assert_int_equal(self->wiped, 0);
    assert_counts(self);
    stop(self);
    free_world(self);
}

static void an_application_goes_on_as_if_it_had_never_ended(void **state)
{
    (void)state;
    restart_in_all_ways("at_least_once", KS_STORE_ROCKSDB);
    restart_in_all_ways("at_least_once", KS_STORE_IN_MEMORY);
    restart_in_all_ways("exactly_once_v2", KS_STORE_ROCKSDB);
    restart_in_all_ways("exactly_once_v2", KS_STORE_IN_MEMORY);
    restart_in_all_ways("exactly_once_v2", KS_STORE_VERSIONED);
}

static void a_task_without_a_partition_of_the_source_topic_has_nothing_to_restore(void **state)
{
    (void)state;
    ks_error error = {0};
    world *self = new_world("exactly_once_v2", KS_STORE_ROCKSDB);
    self->has_wide_input = true;
    assert_ok(ks_log_create_topic(self->log, "wide", PARTITIONS + 2, &error), &error);
    assert_ok(ks_log_create_topic(self->log, "both", 1, &error), &error);
    put_any(self, 30);
    start(self);
    stop(self);
    lose_state(self);
    put_any(self, 30);
    start(self);
    assert_int_equal(self->restored, 30);
    assert_counts(self);
    stop(self);
    free_world(self);
}

/* ---- a read-only store ----------------------------------------------------------------------- */

static void put_row(ks_ctx *ctx, const ks_record *record, void *state, void *user)
{
    (void)state;
    (void)user;
    ks_key_value_store_put(ks_ctx_key_value_store(ctx, "rows"), record->key, record->value, NULL);
}

/* Answers a question with the value that its key has in the store. */
static void answer(ks_ctx *ctx, const ks_record *question, void *state, void *user)
{
    ks_key_value row = {.value = ks_null()};
    bool found = false;
    ks_record reply = *question;
    (void)state;
    (void)user;
    if (ks_key_value_store_get(ks_ctx_key_value_store(ctx, "rows"), question->key, NULL, &row,
                               &found, NULL) == KS_OK) {
        reply.value = found ? row.value : ks_text_of("nothing");
        ks_ctx_forward(ctx, &reply);
    }
}

static const ks_processor keeper = {.struct_size = sizeof keeper, .process = put_row};
static const ks_processor answerer = {.struct_size = sizeof answerer, .process = answer};

static ks_topology *answers_from_a_read_only_store(void)
{
    ks_error error = {0};
    ks_topology *t = ks_topology_new(NULL);
    assert_ok(ks_topology_add_read_only_store(
                  t, KS_STORE_BUILDER(.name = "rows", .key = text, .value = text), &keeper, NULL,
                  KS_STORE_SOURCE(.topic = "colours", .source_name = "rows-in",
                                  .processor_name = "rows-put", .key = text, .value = text),
                  &error),
              &error);
    assert_ok(ks_topology_add_source(t, KS_NAMES("questions"),
                                     KS_CONSUMED(.name = "ask", .key = text, .value = text),
                                     &error),
              &error);
    assert_ok(ks_topology_add_processor(t, KS_NAMES("ask"), &answerer, NULL,
                                        KS_CONNECTED(.name = "answer", .stores = KS_NAMES("rows")),
                                        &error),
              &error);
    assert_ok(ks_topology_add_sink(t, KS_NAMES("answer"), "answers",
                                   KS_PRODUCED(.name = "tell", .key = text, .value = text), &error),
              &error);
    return t;
}

static void ask_for_all_keys(const world *self)
{
    ks_error error = {0};
    for (int i = 0; i < KEYS; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "key-%d", i);
        const ks_log_record question = {.key = ks_slice_cstr(key),
                                        .value = ks_slice_cstr("?"),
                                        .timestamp = 1,
                                        .partition = -1};
        assert_ok(ks_log_produce(self->log, "questions", &question, &error), &error);
    }
}

/* The last answer for each key is the value that it should have. */
static void assert_answers(const world *self)
{
    ks_error error = {0};
    ks_log_record record;
    char last[KEYS][16] = {{0}};
    ks_log_reader *reader = ks_log_reader_open(self->log, "answers", &error);
    assert_non_null(reader);
    while (ks_log_reader_next(reader, &record)) {
        char name[16];
        (void)snprintf(name, sizeof name, "%.*s", (int)record.key.size,
                       (const char *)record.key.data);
        long key = strtol(name + strlen("key-"), NULL, 10);
        (void)snprintf(last[key], sizeof last[key], "%.*s", (int)record.value.size,
                       (const char *)record.value.data);
    }
    ks_log_reader_free(reader);
    for (int i = 0; i < KEYS; i++) {
        char expected[32] = "nothing";
        if (self->value_of[i] >= 0) {
            (void)snprintf(expected, sizeof expected, "value-%d", self->value_of[i]);
        }
        assert_string_equal(last[i], expected);
    }
}

static void a_read_only_store_comes_back_from_its_source_topic(void **state)
{
    (void)state;
    static const char *const guarantees[] = {"at_least_once", "exactly_once_v2"};
    ks_error error = {0};
    for (size_t i = 0; i < 2; i++) {
        world *self = new_world(guarantees[i], KS_STORE_ROCKSDB);
        self->make = answers_from_a_read_only_store;
        assert_ok(ks_log_create_topic(self->log, "questions", PARTITIONS, &error), &error);
        assert_ok(ks_log_create_topic(self->log, "answers", 1, &error), &error);
        put_any(self, 100);
        start(self);
        ask_for_all_keys(self);
        stop(self);
        start(self);
        assert_int_equal(self->restored, 0);
        assert_answers(self);
        stop(self);
        lose_state(self);
        start(self);
        assert_int_equal(self->restored, 100);
        ask_for_all_keys(self);
        assert_ok(ks_app_wait_until_caught_up(self->app, -1, &error), &error);
        assert_answers(self);
        stop(self);
        assert_int_equal(end_of(self, "colours", PARTITIONS), 100);
        assert_int_equal(ks_log_partition_count(self->log, "app-rows-changelog"), 0);
        free_world(self);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_written_to_the_source_topic_nor_to_a_changelog),
        cmocka_unit_test(an_application_goes_on_as_if_it_had_never_ended),
        cmocka_unit_test(a_task_without_a_partition_of_the_source_topic_has_nothing_to_restore),
        cmocka_unit_test(a_read_only_store_comes_back_from_its_source_topic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
