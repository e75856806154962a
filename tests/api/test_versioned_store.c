/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_versioned_store.c - versioned stores as a program has them: behind a table of the test
 * driver, and of a processor in an application that ends and comes back.
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

static ks_value word(const char *characters)
{
    return ks_text(ks_slice_cstr(characters));
}

/* ---- a table in the test driver -------------------------------------------------------------- */

typedef struct driven {
    ks_topology *topology;
    ks_config *config;
    ks_test_driver *driver;
    ks_versioned_store *store;
    ks_arena *arena;
} driven;

static driven *drive(int64_t history_retention_ms)
{
    static driven self;
    ks_error error = {0};
    ks_builder *b = ks_builder_new(NULL);
    ks_table *table =
        ks_builder_table(b, "t", KS_CONSUMED(.key = text, .value = text),
                         KS_MATERIALIZED(.name = "v", .type = KS_STORE_VERSIONED,
                                         .history_retention_ms = history_retention_ms));
    ks_stream_to(ks_table_to_stream(table, NULL), "out", NULL);
    self.topology = ks_builder_build(b, &error);
    assert_ok(self.topology != NULL ? KS_OK : error.code, &error);
    ks_builder_free(b);
    self.config = ks_config_new();
    set(self.config, "application.id", "app");
    set(self.config, "bootstrap.servers", "embedded:");
    self.driver = ks_test_driver_new(self.topology, self.config, NULL, &error);
    assert_ok(self.driver != NULL ? KS_OK : error.code, &error);
    self.store = ks_test_driver_versioned_store(self.driver, "v");
    assert_non_null(self.store);
    self.arena = ks_arena_new();
    return &self;
}

static void drive_no_more(driven *self)
{
    ks_arena_free(self->arena);
    ks_test_driver_free(self->driver);
    ks_config_free(self->config);
    ks_topology_free(self->topology);
}

static void pipe(driven *self, const char *key, const char *value, int64_t timestamp)
{
    ks_error error = {0};
    ks_log_record record = {.key = ks_slice_cstr(key), .timestamp = timestamp, .partition = -1};
    if (value != NULL) {
        record.value = ks_slice_cstr(value);
    }
    assert_ok(ks_test_driver_pipe(self->driver, "t", &record, &error), &error);
}

static void assert_version(const ks_version *version, const char *value, int64_t timestamp,
                           int64_t valid_to)
{
    assert_int_equal(version->timestamp, timestamp);
    assert_int_equal(version->valid_to, valid_to);
    if (value == NULL) {
        assert_true(ks_value_is_null(version->value));
    } else {
        assert_true(ks_slice_equal(ks_value_text(version->value), ks_slice_cstr(value)));
    }
}

static void a_store_is_read_as_of_a_time(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_version version;
    driven *self = drive(1000);
    pipe(self, "k", "a", 10);
    pipe(self, "k", "c", 30);
    pipe(self, "k", "b", 20);
    assert_ok(ks_versioned_store_get(self->store, word("k"), self->arena, &version, &error),
              &error);
    assert_version(&version, "c", 30, KS_VALID_TO_UNDEFINED);
    assert_ok(
        ks_versioned_store_get_as_of(self->store, word("k"), 29, self->arena, &version, &error),
        &error);
    assert_version(&version, "b", 20, 30);
    assert_ok(
        ks_versioned_store_get_as_of(self->store, word("k"), 9, self->arena, &version, &error),
        &error);
    assert_version(&version, NULL, -1, KS_VALID_TO_UNDEFINED);
    assert_ok(ks_versioned_store_get(self->store, word("other"), self->arena, &version, &error),
              &error);
    assert_version(&version, NULL, -1, KS_VALID_TO_UNDEFINED);
    assert_true(ks_value_equal(ks_versioned_store_value(self->store, word("k")), word("c")));
    assert_true(ks_value_is_null(ks_versioned_store_value(self->store, word("other"))));
    drive_no_more(self);
}

static void versions_are_put_and_deleted_at_their_times(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_version old;
    int64_t valid_to = 0;
    driven *self = drive(100);
    assert_ok(ks_versioned_store_put(self->store, word("k"), word("b"), 200, &valid_to, &error),
              &error);
    assert_int_equal(valid_to, KS_VALID_TO_UNDEFINED);
    assert_ok(ks_versioned_store_put(self->store, word("k"), word("a"), 150, &valid_to, &error),
              &error);
    assert_int_equal(valid_to, 200);
    assert_ok(ks_versioned_store_delete(self->store, word("k"), 170, self->arena, &old, &error),
              &error);
    assert_version(&old, "a", 150, 200);
    assert_ok(ks_versioned_store_put(self->store, word("k"), word("x"), 99, &valid_to, &error),
              &error);
    assert_int_equal(valid_to, KS_NOT_PUT);
    assert_ok(ks_versioned_store_delete(self->store, word("k"), 99, self->arena, &old, &error),
              &error);
    assert_version(&old, NULL, -1, KS_VALID_TO_UNDEFINED);
    assert_int_equal(ks_test_driver_dropped_records(self->driver), 2);
    /* Whatever was put or not is in the changelog. */
    assert_int_equal(ks_test_driver_produced_count(self->driver, "app-v-changelog"), 5);
    assert_int_equal(ks_test_driver_produced_count(self->driver, "out"), 0);
    drive_no_more(self);
}

static void all_versions_of_a_key_come_newest_first(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_versions versions;
    ks_keys keys;
    driven *self = drive(100);
    pipe(self, "k", "a", 10);
    pipe(self, "k", "b", 120);
    pipe(self, "k", NULL, 130);
    pipe(self, "k", "c", 140);
    pipe(self, "j", "z", 5); /* too late */
    pipe(self, "j", "y", 50);
    assert_ok(
        ks_versioned_store_versions(self->store, word("k"), NULL, self->arena, &versions, &error),
        &error);
    assert_int_equal(versions.count, 3);
    assert_version(&versions.items[0], "c", 140, KS_VALID_TO_UNDEFINED);
    assert_version(&versions.items[1], "b", 120, 130);
    assert_version(&versions.items[2], "a", 10, 120);
    const ks_version_span span = {.from = 120, .to = 139};
    assert_ok(
        ks_versioned_store_versions(self->store, word("k"), &span, self->arena, &versions, &error),
        &error);
    assert_int_equal(versions.count, 1);
    assert_version(&versions.items[0], "b", 120, 130);
    const ks_version_span before = {.from = 0, .to = 39};
    assert_ok(ks_versioned_store_versions(self->store, word("k"), &before, self->arena, &versions,
                                          &error),
              &error);
    assert_int_equal(versions.count, 0);
    assert_ok(ks_versioned_store_keys(self->store, self->arena, &keys, &error), &error);
    assert_int_equal(keys.count, 2);
    assert_true(ks_slice_equal(ks_value_text(keys.items[0]), ks_slice_cstr("j")));
    assert_true(ks_slice_equal(ks_value_text(keys.items[1]), ks_slice_cstr("k")));
    drive_no_more(self);
}

static void wrong_calls_say_what_is_wrong(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_version version;
    driven *self = drive(100);
    assert_int_equal(ks_versioned_store_put(self->store, ks_null(), word("x"), 1, NULL, &error),
                     KS_E_ARGUMENT);
    assert_int_equal(ks_versioned_store_put(self->store, word("k"), word("x"), -1, NULL, &error),
                     KS_E_TIMESTAMP);
    assert_int_equal(ks_versioned_store_put(self->store, ks_i64(1), word("x"), 1, NULL, &error),
                     KS_E_SERDE);
    assert_int_equal(ks_versioned_store_get(NULL, word("k"), self->arena, &version, &error),
                     KS_E_STORE);
    assert_null(ks_test_driver_key_value_store(self->driver, "v"));
    assert_null(ks_test_driver_versioned_store(self->driver, "none"));
    drive_no_more(self);
}

static ks_status build_with(const ks_materialized *materialized, ks_error *error)
{
    ks_builder *b = ks_builder_new(NULL);
    (void)ks_builder_table(b, "t", KS_CONSUMED(.key = text, .value = text), materialized);
    ks_topology *topology = ks_builder_build(b, error);
    ks_status status = topology != NULL ? KS_OK : error->code;
    ks_topology_free(topology);
    ks_builder_free(b);
    return status;
}

static void options_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    ks_error error = {0};
    assert_int_equal(build_with(KS_MATERIALIZED(.type = KS_STORE_VERSIONED), &error),
                     KS_E_ARGUMENT);
    assert_non_null(strstr(error.message, "needs a name"));
    assert_int_equal(build_with(KS_MATERIALIZED(.name = "v", .history_retention_ms = 5), &error),
                     KS_E_ARGUMENT);
    assert_non_null(strstr(error.message, "KS_STORE_VERSIONED only"));
    assert_int_equal(build_with(KS_MATERIALIZED(.name = "v", .type = KS_STORE_VERSIONED,
                                                .history_retention_ms = -1),
                                &error),
                     KS_E_ARGUMENT);
    assert_non_null(strstr(error.message, "negative"));
    ks_builder *b = ks_builder_new(NULL);
    ks_builder_add_store(b, KS_STORE_BUILDER(.name = "v", .kind = KS_STORE_KIND_VERSIONED_KEY_VALUE,
                                             .caching_enabled = true));
    assert_null(ks_builder_build(b, &error));
    assert_non_null(strstr(error.message, "cannot be cached"));
    ks_builder_free(b);
}

/* ---- a processor in an application ----------------------------------------------------------- */

/*
 * Prices of products change, at times that come in any order, and questions ask what a product cost
 * at a time. Both go through one topic, so a question is answered from the prices before it.
 */
enum { PRODUCTS = 6, EVENTS = 300, PARTITIONS = 3, ROUNDS = 5, LONGEST_MS = 60000 };

typedef struct price {
    int64_t time;
    int cents; /* 0: not sold */
} price;

typedef struct shop {
    ks_log *log;
    char state_dir[400];
    const char *guarantee;
    price prices[PRODUCTS][EVENTS * ROUNDS];
    size_t counts[PRODUCTS];
    char expected[EVENTS * ROUNDS][40];
    size_t questions;
    int64_t now;
} shop;

static void handle_event(ks_ctx *ctx, const ks_record *event, void *state, void *user)
{
    ks_slice what = ks_value_text(event->value);
    ks_versioned_store *prices = ks_ctx_versioned_store(ctx, "prices");
    (void)state;
    (void)user;
    if (ks_value_is_null(event->value) || what.data[0] != '?') {
        (void)ks_versioned_store_put(prices, event->key, event->value, event->timestamp, NULL,
                                     NULL);
        return;
    }
    ks_version version;
    if (ks_versioned_store_get_as_of(prices, event->key, event->timestamp, NULL, &version, NULL) ==
        KS_OK) {
        ks_record answer = *event;
        ks_slice cents =
            ks_value_is_null(version.value) ? ks_slice_cstr("-") : ks_value_text(version.value);
        answer.value = ks_text(ks_text_format(ks_ctx_arena(ctx), "%.*s=%.*s", (int)what.size,
                                              what.data, (int)cents.size, cents.data));
        ks_ctx_forward(ctx, &answer);
    }
}

static void run_shop(const shop *self, int64_t history_retention_ms)
{
    const ks_store_builder prices =
        *KS_STORE_BUILDER(.name = "prices", .kind = KS_STORE_KIND_VERSIONED_KEY_VALUE, .key = text,
                          .value = text, .history_retention_ms = history_retention_ms);
    const ks_processor processor = {.struct_size = sizeof processor, .process = handle_event};
    ks_error error = {0};
    ks_builder *b = ks_builder_new(NULL);
    ks_builder_add_store(b, &prices);
    ks_stream *events = ks_builder_stream(b, "events", KS_CONSUMED(.key = text, .value = text));
    ks_stream *answers = ks_stream_process_values(events, &processor, NULL,
                                                  KS_CONNECTED(.stores = KS_NAMES("prices")));
    ks_stream_to(answers, "answers", KS_PRODUCED(.key = text, .value = text));
    ks_topology *topology = ks_builder_build(b, &error);
    assert_ok(topology != NULL ? KS_OK : error.code, &error);
    ks_builder_free(b);
    ks_config *config = ks_config_new();
    set(config, "application.id", "shop");
    set(config, "bootstrap.servers", "embedded:");
    set(config, "state.dir", self->state_dir);
    set(config, "processing.guarantee", self->guarantee);
    ks_app *app = ks_app_new(topology, config, KS_APP_OPTIONS(.log = self->log), &error);
    assert_ok(app != NULL ? KS_OK : error.code, &error);
    assert_ok(ks_app_start(app, &error), &error);
    assert_ok(ks_app_wait_until_caught_up(app, -1, &error), &error);
    assert_ok(ks_app_close(app, -1, &error), &error);
    ks_app_free(app);
    ks_config_free(config);
    ks_topology_free(topology);
}

static int price_at(const shop *self, int product, int64_t time)
{
    const price *best = NULL;
    for (size_t i = 0; i < self->counts[product]; i++) {
        const price *at = &self->prices[product][i];
        if (at->time <= time && (best == NULL || at->time >= best->time)) {
            best = at;
        }
    }
    return best != NULL ? best->cents : 0;
}

static void produce(const shop *self, int product, const char *value, int64_t time)
{
    ks_error error = {0};
    char name[20];
    (void)snprintf(name, sizeof name, "product-%d", product);
    ks_log_record record = {.key = ks_slice_cstr(name), .timestamp = time, .partition = -1};
    if (value != NULL) {
        record.value = ks_slice_cstr(value);
    }
    assert_ok(ks_log_produce(self->log, "events", &record, &error), &error);
}

static void happen(shop *self)
{
    char words[40];
    for (int i = 0; i < EVENTS; i++) {
        int product = rand() % PRODUCTS;
        self->now += rand() % 50;
        int64_t time = self->now - (rand() % 2 == 0 ? 0 : rand() % 5000);
        if (rand() % 2 == 0) {
            size_t number = self->questions++;
            (void)snprintf(words, sizeof words, "?%zu", number);
            produce(self, product, words, time);
            int cents = price_at(self, product, time);
            char was[20] = "-";
            if (cents > 0) {
                (void)snprintf(was, sizeof was, "%d", cents);
            }
            (void)snprintf(self->expected[number], sizeof *self->expected, "?%zu=%s", number, was);
            continue;
        }
        price change = {.time = time, .cents = rand() % 5 == 0 ? 0 : 1 + rand() % 1000};
        /* Java forgets some deletions at the very time of a price; see the store's unit test. */
        change.time -= change.time % 2;
        change.time += change.cents == 0 ? 1 : 0;
        (void)snprintf(words, sizeof words, "%d", change.cents);
        produce(self, product, change.cents > 0 ? words : NULL, change.time);
        self->prices[product][self->counts[product]++] = change;
    }
}

static void assert_answers(const shop *self)
{
    ks_error error = {0};
    ks_log_record record;
    size_t count = 0;
    ks_log_reader *reader = ks_log_reader_open(self->log, "answers", &error);
    assert_non_null(reader);
    while (ks_log_reader_next(reader, &record)) {
        size_t number = strtoul(record.value.data + 1, NULL, 10);
        assert_in_range(number, 0, self->questions - 1);
        if (!ks_slice_equal(record.value, ks_slice_cstr(self->expected[number]))) {
            fail_msg("%.*s instead of %s", (int)record.value.size, record.value.data,
                     self->expected[number]);
        }
        count++;
    }
    ks_log_reader_free(reader);
    assert_int_equal(count, self->questions);
}

static void keep_shop(const char *guarantee)
{
    static shop self;
    ks_error error = {0};
    self = (shop){.guarantee = guarantee, .now = 100000};
    self.log = ks_log_open("embedded:", &error);
    assert_non_null(self.log);
    assert_ok(ks_log_create_topic(self.log, "events", PARTITIONS, &error), &error);
    assert_ok(ks_log_create_topic(self.log, "answers", 1, &error), &error);
    (void)snprintf(self.state_dir, sizeof self.state_dir, "%s", state_dir_new());
    for (int round = 0; round < ROUNDS; round++) {
        happen(&self);
        if (round == 2) {
            state_dir_remove(self.state_dir); /* built again from the changelog */
        }
        /* Rows are laid out for a retention: another one builds them again, too. */
        run_shop(&self, round < 4 ? LONGEST_MS : LONGEST_MS * 2);
        assert_answers(&self);
    }
    ks_log_free(self.log);
}

static void history_is_there_with_the_state_and_without_it(void **state)
{
    (void)state;
    const char *wanted = getenv("KSTREAMS_TEST_SEED");
    unsigned seed = wanted != NULL ? (unsigned)strtoul(wanted, NULL, 10) : (unsigned)time(NULL);
    print_message("KSTREAMS_TEST_SEED=%u\n", seed);
    srand(seed);
    keep_shop("at_least_once");
    keep_shop("exactly_once_v2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_store_is_read_as_of_a_time),
        cmocka_unit_test(versions_are_put_and_deleted_at_their_times),
        cmocka_unit_test(all_versions_of_a_key_come_newest_first),
        cmocka_unit_test(wrong_calls_say_what_is_wrong),
        cmocka_unit_test(options_that_do_not_fit_are_refused),
        cmocka_unit_test(history_is_there_with_the_state_and_without_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
