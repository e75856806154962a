/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tables.c - tables as a program has them: groups of a table in an application with several
 * partitions that ends and comes back, transformers with stores, and what handlers are told.
 */
#include <kstreams/kstreams.h>
#include <kstreams/testing.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "assert_ok.h"
#include "state_dir.h"

static const ks_serde *const text = &ks_serde_string;

static void set(ks_config *config, const char *name, const char *value)
{
    ks_error error = {0};
    assert_ok(ks_config_set(config, name, value, &error), &error);
}

static ks_topology *build(ks_builder *builder)
{
    ks_error error = {0};
    ks_topology *topology = ks_builder_build(builder, &error);
    assert_ok(topology != NULL ? KS_OK : error.code, &error);
    ks_builder_free(builder);
    return topology;
}

/* ---- people who move, and how many live in each city ----------------------------------------- */

enum { PEOPLE = 12, CITIES = 5, MOVES = 200, PARTITIONS = 4 };

typedef struct world {
    ks_log *log;
    char state_dir[400];
    int city_of[PEOPLE]; /* CITIES: abroad, CITIES + 1: nobody knows */
    int64_t now;
} world;

static bool lives_here(ks_ctx *ctx, const ks_record *person, void *user)
{
    (void)ctx;
    (void)user;
    return !ks_slice_equal(ks_value_text(person->value), ks_slice_cstr("abroad"));
}

static ks_pair by_city(ks_ctx *ctx, const ks_record *person, void *user)
{
    (void)ctx;
    (void)user;
    return (ks_pair){.key = person->value, .value = person->key};
}

static ks_topology *census(void)
{
    ks_builder *b = ks_builder_new(NULL);
    ks_table *people = ks_builder_table(b, "people", KS_CONSUMED(.key = text, .value = text), NULL);
    ks_table *here = ks_table_filter(people, lives_here, NULL, NULL);
    ks_grouped_table *cities =
        ks_table_group_by(here, by_city, NULL, KS_GROUPED(.key = text, .value = text));
    ks_table *counts = ks_grouped_table_count(cities, KS_MATERIALIZED(.name = "population"));
    ks_stream_to(ks_table_to_stream(counts, NULL), "cities", NULL);
    return build(b);
}

static void run(const world *self)
{
    ks_error error = {0};
    ks_topology *topology = census();
    ks_config *config = ks_config_new();
    set(config, "application.id", "census");
    set(config, "bootstrap.servers", "embedded:");
    set(config, "state.dir", self->state_dir);
    set(config, "num.stream.threads", "2");
    ks_app *app = ks_app_new(topology, config, KS_APP_OPTIONS(.log = self->log), &error);
    assert_ok(app != NULL ? KS_OK : error.code, &error);
    assert_ok(ks_app_start(app, &error), &error);
    assert_ok(ks_app_wait_until_caught_up(app, -1, &error), &error);
    assert_ok(ks_app_close(app, -1, &error), &error);
    ks_app_free(app);
    ks_config_free(config);
    ks_topology_free(topology);
}

static void move_people(world *self)
{
    for (int i = 0; i < MOVES; i++) {
        ks_error error = {0};
        char name[20];
        char city[20];
        int who = rand() % PEOPLE;
        int where = rand() % (CITIES + 2);
        (void)snprintf(name, sizeof name, "person-%d", who);
        (void)snprintf(city, sizeof city, "city-%d", where);
        ks_log_record record = {
            .key = ks_slice_cstr(name), .timestamp = ++self->now, .partition = -1};
        if (where <= CITIES) {
            record.value = ks_slice_cstr(where < CITIES ? city : "abroad");
        }
        assert_ok(ks_log_produce(self->log, "people", &record, &error), &error);
        self->city_of[who] = where;
    }
}

/* The last count that was written for each city. */
static void read_counts(const world *self, long long *counts)
{
    ks_error error = {0};
    ks_log_record record;
    ks_log_reader *reader = ks_log_reader_open(self->log, "cities", &error);
    assert_non_null(reader);
    while (ks_log_reader_next(reader, &record)) {
        int city = record.key.data[record.key.size - 1] - '0';
        assert_in_range(city, 0, CITIES - 1);
        counts[city] = 0;
        for (size_t i = 0; i < record.value.size; i++) {
            counts[city] = counts[city] * 256 + (unsigned char)record.value.data[i];
        }
    }
    ks_log_reader_free(reader);
}

static void assert_counts(const world *self)
{
    long long counts[CITIES] = {0};
    read_counts(self, counts);
    for (int city = 0; city < CITIES; city++) {
        long long expected = 0;
        for (int i = 0; i < PEOPLE; i++) {
            expected += self->city_of[i] == city;
        }
        if (counts[city] != expected) {
            fail_msg("city %d has %lld people, not %lld", city, expected, counts[city]);
        }
    }
}

static void groups_of_a_table_are_right_with_the_state_and_without_it(void **state)
{
    (void)state;
    ks_error error = {0};
    world self = {.now = 0};
    const char *wanted = getenv("KSTREAMS_TEST_SEED");
    unsigned seed = wanted != NULL ? (unsigned)strtoul(wanted, NULL, 10) : (unsigned)time(NULL);
    print_message("KSTREAMS_TEST_SEED=%u\n", seed);
    srand(seed);
    for (int i = 0; i < PEOPLE; i++) {
        self.city_of[i] = CITIES + 1;
    }
    self.log = ks_log_open("embedded:", &error);
    assert_non_null(self.log);
    assert_ok(ks_log_create_topic(self.log, "people", PARTITIONS, &error), &error);
    assert_ok(ks_log_create_topic(self.log, "cities", 1, &error), &error);
    (void)snprintf(self.state_dir, sizeof self.state_dir, "%s", state_dir_new());
    for (int round = 0; round < 3; round++) {
        move_people(&self);
        run(&self);
        assert_counts(&self);
        if (round == 1) {
            state_dir_remove(self.state_dir);
        }
    }
    assert_int_equal(ks_log_partition_count(self.log, "census-population-repartition"), PARTITIONS);
    ks_log_free(self.log);
}

/* ---- a transformer with a store -------------------------------------------------------------- */

typedef struct numbering {
    ks_key_value_store *numbers;
    int64_t punctuations;
} numbering;

static void count_a_punctuation(ks_ctx *ctx, int64_t now_ms, void *user)
{
    (void)ctx;
    (void)now_ms;
    ((numbering *)user)->punctuations++;
}

static void begin_numbering(ks_ctx *ctx, void *state, void *user)
{
    numbering *self = state;
    (void)user;
    self->numbers = ks_ctx_key_value_store(ctx, "numbers");
    ks_ctx_schedule(ctx, count_a_punctuation, self, KS_SCHEDULE(.interval_ms = 1000));
}

/* How often the row was changed, and how many punctuations there were. */
static ks_value number(ks_ctx *ctx, const ks_record *record, void *state, void *user)
{
    numbering *self = state;
    ks_key_value row = {.value = ks_i64(0)};
    bool found = false;
    (void)user;
    if (ks_key_value_store_get(self->numbers, record->key, ks_ctx_arena(ctx), &row, &found, NULL) !=
        KS_OK) {
        return ks_null();
    }
    int64_t times = found ? ks_value_i64(row.value) + 1 : 1;
    ks_key_value_store_put(self->numbers, record->key, ks_i64(times), NULL);
    ks_slice shown = ks_value_to_text(ks_ctx_arena(ctx), record->value);
    return ks_text(ks_text_format(ks_ctx_arena(ctx), "%.*s #%lld (%lld)", (int)shown.size,
                                  shown.data, (long long)times, (long long)self->punctuations));
}

static const ks_value_transformer numbering_values = {.struct_size = sizeof numbering_values,
                                                      .state_size = sizeof(numbering),
                                                      .init = begin_numbering,
                                                      .transform = number};

static ks_value forward_all(ks_ctx *ctx, const ks_record *record, void *state, void *user)
{
    (void)state;
    (void)user;
    ks_ctx_forward(ctx, record);
    return record->value;
}

static const ks_value_transformer forwarding = {.struct_size = sizeof forwarding,
                                                .transform = forward_all};

static ks_topology *transformed(const ks_value_transformer *transformer)
{
    ks_builder *b = ks_builder_new(NULL);
    ks_builder_add_store(b,
                         KS_STORE_BUILDER(.name = "numbers", .key = text, .value = &ks_serde_i64));
    ks_table *in = ks_builder_table(b, "in", KS_CONSUMED(.key = text, .value = text), NULL);
    ks_table *out = ks_table_transform_values(
        in, transformer, NULL, KS_CONNECTED(.name = "numbered", .stores = KS_NAMES("numbers")),
        KS_MATERIALIZED(.key = text, .value = text));
    ks_stream_to(ks_table_to_stream(out, NULL), "out", NULL);
    return build(b);
}

static ks_test_driver *drive(const ks_topology *topology, const ks_test_driver_options *options)
{
    ks_error error = {0};
    ks_config *config = ks_config_new();
    ks_test_driver *driver = ks_test_driver_new(topology, config, options, &error);
    assert_ok(driver != NULL ? KS_OK : error.code, &error);
    ks_config_free(config);
    return driver;
}

static void assert_next(ks_test_output *output, const char *key, const char *value)
{
    ks_error error = {0};
    ks_record record;
    assert_true(ks_test_output_read(output, &record, &error));
    assert_true(ks_value_equal(record.key, ks_text_of(key)));
    if (!ks_value_equal(record.value, ks_text_of(value))) {
        ks_slice got = ks_value_text(record.value);
        fail_msg("%s: \"%.*s\", not \"%s\"", key, (int)got.size, got.data, value);
    }
}

static void a_transformer_has_stores_and_punctuations(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_topology *topology = transformed(&numbering_values);
    assert_non_null(strstr(ks_topology_describe(topology), "numbered (stores: [numbers])"));
    ks_test_driver *driver = drive(topology, NULL);
    ks_test_input *input = ks_test_driver_input(driver, "in", text, text, 0, 600);
    ks_test_output *output = ks_test_driver_output(driver, "out", text, text);
    assert_ok(ks_test_input_pipe(input, ks_text_of("a"), ks_text_of("x"), &error), &error);
    assert_ok(ks_test_input_pipe(input, ks_text_of("b"), ks_text_of("y"), &error), &error);
    assert_ok(ks_test_input_pipe(input, ks_text_of("a"), ks_null(), &error), &error);
    assert_ok(ks_test_input_pipe(input, ks_text_of("a"), ks_text_of("z"), &error), &error);
    assert_next(output, "a", "x #1 (0)");
    assert_next(output, "b", "y #1 (1)");
    assert_next(output, "a", "null #2 (1)"); /* a deletion became a row */
    assert_next(output, "a", "z #3 (2)");
    assert_int_equal(ks_test_output_size(output), 0);
    ks_test_driver_free(driver);
    ks_topology_free(topology);
}

static void a_transformer_that_forwards_fails_and_is_told_what_to_do(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_topology *topology = transformed(&forwarding);
    ks_test_driver *driver = drive(topology, NULL);
    ks_test_input *input = ks_test_driver_input(driver, "in", text, text, 0, 0);
    assert_int_equal(ks_test_input_pipe(input, ks_text_of("a"), ks_text_of("x"), &error),
                     KS_E_PROCESSING);
    assert_non_null(strstr(error.message, "ks_ctx_forward()"));
    assert_non_null(strstr(error.message, "return the new value"));
    ks_test_driver_free(driver);
    ks_topology_free(topology);
}

/* ---- failures -------------------------------------------------------------------------------- */

static ks_value parse(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)user;
    ks_slice digits = ks_value_text(record->value);
    if (digits.data[0] < '0' || digits.data[0] > '9') {
        ks_ctx_fail(ctx, "no number");
    }
    return record->value;
}

static ks_failure_answer keep_record(const ks_failure *failure, void *user)
{
    assert_int_equal(failure->stage, KS_FAILURE_PROCESSING);
    *(ks_kind *)user = ks_value_kind(failure->record->value);
    assert_true(ks_value_equal(failure->record->value, ks_text_of("x")));
    return KS_FAILURE_CONTINUE;
}

static void a_handler_is_told_of_the_new_value_of_a_table_and_not_of_a_change(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_kind kind = KS_KIND_NULL;
    ks_builder *b = ks_builder_new(NULL);
    ks_table *in = ks_builder_table(b, "in", KS_CONSUMED(.key = text, .value = text), NULL);
    ks_table *out = ks_table_map_values(in, parse, NULL, KS_MATERIALIZED(.value = text));
    ks_stream_to(ks_table_to_stream(out, NULL), "out", NULL);
    ks_topology *topology = build(b);
    ks_test_driver *driver =
        drive(topology, KS_TEST_DRIVER_OPTIONS(.user = &kind, .processing_handler = keep_record));
    ks_test_input *input = ks_test_driver_input(driver, "in", text, text, 0, 0);
    assert_ok(ks_test_input_pipe(input, ks_text_of("a"), ks_text_of("1"), &error), &error);
    assert_ok(ks_test_input_pipe(input, ks_text_of("a"), ks_text_of("x"), &error), &error);
    assert_int_equal(kind, KS_KIND_TEXT);
    assert_int_equal(ks_test_driver_dropped_by(driver, KS_DROP_PROCESSING), 1);
    ks_test_driver_free(driver);
    ks_topology_free(topology);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_of_a_table_are_right_with_the_state_and_without_it),
        cmocka_unit_test(a_transformer_has_stores_and_punctuations),
        cmocka_unit_test(a_transformer_that_forwards_fails_and_is_told_what_to_do),
        cmocka_unit_test(a_handler_is_told_of_the_new_value_of_a_table_and_not_of_a_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
