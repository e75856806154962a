/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_global.c - global tables and stores of an application with threads of its own, on a log in a
 * directory: read by many while they change, kept over restarts, and what ends them.
 */
#include <kstreams/kstreams.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "assert_ok.h"
#include "state_dir.h"

enum { PARTITIONS = 4, KEYS = 50, RECORDS = 4000, WAIT_MS = 60000 };

#define RATES KS_CONSUMED(.key = &ks_serde_string, .value = &ks_serde_i64)

typedef struct fixture {
    char servers[300];
    char state_dir[256];
    ks_log *log;
    ks_topology *topology;
    ks_app *app;
    atomic_int restored; /* records, by restoring */
    atomic_int asked;
    atomic_int wrong; /* answers that cannot be */
} fixture;

/* ---- topologies ------------------------------------------------------------------------------ */

/* Rates of a key only rise, by tens; what is found is forwarded. */
static void look_up(ks_ctx *ctx, const ks_record *record, void *state, void *user)
{
    fixture *self = user;
    ks_key_value entry = {.value = ks_null()};
    bool found = false;
    (void)state;
    ks_key_value_store *rates = ks_ctx_key_value_store(ctx, "rates");
    if (ks_key_value_store_get(rates, record->key, NULL, &entry, &found, NULL) != KS_OK) {
        return;
    }
    ks_record forwarded = *record;
    forwarded.value = ks_i64(found ? ks_value_i64(entry.value) : -1);
    if (found && ks_value_i64(entry.value) % 10 != 0) {
        atomic_fetch_add(&self->wrong, 1);
    }
    ks_ctx_forward(ctx, &forwarded);
}

/* All rates once, in the order of their keys. */
static void look_at_all(ks_ctx *ctx, const ks_record *record, void *state, void *user)
{
    fixture *self = user;
    ks_error error = {0};
    ks_key_value entry;
    bool found = true;
    int count = 0;
    (void)state;
    ks_key_value_iterator *all = ks_key_value_store_all(ks_ctx_key_value_store(ctx, "rates"));
    while (found && ks_key_value_iterator_next(all, &entry, &found, &error) == KS_OK) {
        count += found;
    }
    ks_key_value_iterator_free(all);
    if (count != KEYS || error.code != KS_OK) {
        atomic_fetch_add(&self->wrong, 1);
    }
    ks_ctx_forward(ctx, record);
}

static const ks_processor looking_up = {.struct_size = sizeof looking_up, .process = look_up};
static const ks_processor looking_at_all = {.struct_size = sizeof looking_at_all,
                                            .process = look_at_all};

/* Keeps the sum of all rates of a key. */
static void add_up(ks_ctx *ctx, const ks_record *record, void *state, void *user)
{
    ks_key_value entry = {.value = ks_null()};
    bool found = false;
    (void)state;
    (void)user;
    ks_key_value_store *rates = ks_ctx_key_value_store(ctx, "rates");
    if (ks_key_value_store_get(rates, record->key, NULL, &entry, &found, NULL) == KS_OK) {
        int64_t sum = ks_value_i64(record->value) + (found ? ks_value_i64(entry.value) : 0);
        (void)ks_key_value_store_put(rates, record->key, ks_i64(sum), NULL);
    }
}

static const ks_processor adding_up = {.struct_size = sizeof adding_up, .process = add_up};

static ks_topology *build(fixture *self, const ks_processor *reader, const ks_processor *keeper)
{
    ks_error error = {0};
    ks_builder *b = ks_builder_new(NULL);
    if (keeper != NULL) {
        ks_builder_add_global_store(
            b, KS_STORE_BUILDER(.name = "rates", .key = &ks_serde_string, .value = &ks_serde_i64),
            keeper, self,
            KS_STORE_SOURCE(.topic = "rate-topic", .key = &ks_serde_string,
                            .value = &ks_serde_i64));
    } else {
        ks_builder_global_table(b, "rate-topic", RATES, KS_MATERIALIZED(.name = "rates"));
    }
    ks_stream *in = ks_builder_stream(b, "in", RATES);
    ks_stream_to(ks_stream_process(in, reader, self, NULL), "out",
                 KS_PRODUCED(.key = &ks_serde_string, .value = &ks_serde_i64));
    ks_topology *topology = ks_builder_build(b, &error);
    assert_ok(topology != NULL ? KS_OK : error.code, &error);
    ks_builder_free(b);
    return topology;
}

/* ---- the application ------------------------------------------------------------------------- */

static ks_uncaught_answer replace(const ks_error *error, void *user)
{
    (void)error;
    atomic_fetch_add(&((fixture *)user)->asked, 1);
    return KS_REPLACE_THREAD;
}

static void follow(const ks_restore_progress *progress, void *user)
{
    fixture *self = user;
    if (progress->step == KS_RESTORE_BATCH) {
        atomic_fetch_add(&self->restored, (int)progress->records);
    }
}

static void ignore_line(ks_log_level level, const char *where, const char *message, void *user)
{
    (void)level;
    (void)where;
    (void)message;
    (void)user;
}

static void start(fixture *self, const ks_processor *reader, const ks_processor *keeper)
{
    ks_error error = {0};
    ks_config *config = ks_config_new();
    const char *const pairs[][2] = {{"application.id", "looking-up"},
                                    {"bootstrap.servers", self->servers},
                                    {"state.dir", self->state_dir},
                                    {"num.stream.threads", "3"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        assert_ok(ks_config_set(config, pairs[i][0], pairs[i][1], &error), &error);
    }
    atomic_store(&self->restored, 0);
    self->topology = build(self, reader, keeper);
    self->app = ks_app_new(self->topology, config,
                           KS_APP_OPTIONS(.log = self->log, .uncaught_error = replace,
                                          .restore_listener = follow, .log_line = ignore_line,
                                          .user = self),
                           &error);
    assert_ok(self->app != NULL ? KS_OK : error.code, &error);
    ks_config_free(config);
    assert_ok(ks_app_start(self->app, &error), &error);
}

static void stop(fixture *self)
{
    ks_error error = {0};
    assert_ok(ks_app_close(self->app, -1, &error), &error);
    ks_app_free(self->app);
    ks_topology_free(self->topology);
}

static void catch_up(fixture *self)
{
    ks_error error = {0};
    assert_ok(ks_app_wait_until_caught_up(self->app, WAIT_MS, &error), &error);
}

static fixture *new_fixture(void)
{
    ks_error error = {0};
    fixture *self = calloc(1, sizeof *self);
    assert_non_null(self);
    (void)snprintf(self->servers, sizeof self->servers, "embedded:%s/log", state_dir_new());
    (void)snprintf(self->state_dir, sizeof self->state_dir, "%s", state_dir_new());
    self->log = ks_log_open(self->servers, &error);
    assert_ok(self->log != NULL ? KS_OK : error.code, &error);
    assert_ok(ks_log_create_topic(self->log, "in", PARTITIONS, &error), &error);
    assert_ok(ks_log_create_topic(self->log, "rate-topic", PARTITIONS, &error), &error);
    assert_ok(ks_log_create_topic(self->log, "out", 1, &error), &error);
    return self;
}

static void free_fixture(fixture *self)
{
    ks_log_free(self->log);
    free(self);
}

/* ---- records --------------------------------------------------------------------------------- */

static void send(ks_log_producer *to, const char *topic, int key, int64_t number)
{
    ks_error error = {0};
    char text[16];
    char bytes[8];
    for (int i = 0; i < 8; i++) {
        bytes[i] = (char)((uint64_t)number >> (56 - 8 * i));
    }
    (void)snprintf(text, sizeof text, "key-%03d", key);
    const ks_log_record record = {.key = ks_slice_cstr(text),
                                  .value = ks_slice_of(bytes, sizeof bytes),
                                  .timestamp = 1,
                                  .partition = -1};
    assert_ok(ks_log_producer_send(to, topic, &record, &error), &error);
}

static void send_all(fixture *self, const char *topic, int count, int64_t rate)
{
    ks_error error = {0};
    ks_log_producer *producer = ks_log_producer_open(self->log, &error);
    assert_ok(producer != NULL ? KS_OK : error.code, &error);
    for (int i = 0; i < count; i++) {
        send(producer, topic, i % KEYS, rate);
    }
    assert_ok(ks_log_producer_flush(producer, &error), &error);
    ks_log_producer_free(producer);
}

/* How many records of "out" have a number of at least so much. */
static int count_from(fixture *self, int64_t least)
{
    ks_error error = {0};
    ks_log_record record;
    int count = 0;
    ks_log_reader *reader = ks_log_reader_open(self->log, "out", &error);
    assert_ok(reader != NULL ? KS_OK : error.code, &error);
    while (ks_log_reader_next(reader, &record)) {
        uint64_t number = 0;
        for (size_t i = 0; i < record.value.size; i++) {
            number = number << 8 | (unsigned char)record.value.data[i];
        }
        count += (int64_t)number >= least;
    }
    ks_log_reader_free(reader);
    return count;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void many_threads_read_a_global_table_while_it_changes(void **state)
{
    (void)state;
    fixture *self = new_fixture();
    send_all(self, "rate-topic", KEYS, 10);
    start(self, &looking_up, NULL);
    for (int round = 2; round <= 10; round++) {
        send_all(self, "in", RECORDS / 10, 0);
        send_all(self, "rate-topic", 10 * KEYS, round * 10);
    }
    catch_up(self);
    send_all(self, "in", KEYS, 0);
    catch_up(self);
    assert_int_equal(atomic_load(&self->wrong), 0);
    assert_int_equal(count_from(self, 10), 9 * (RECORDS / 10) + KEYS);
    assert_true(count_from(self, 100) >= KEYS); /* all that came after the last rate */
    stop(self);
    free_fixture(self);
}

static void many_threads_walk_through_a_global_table_while_it_changes(void **state)
{
    (void)state;
    fixture *self = new_fixture();
    send_all(self, "rate-topic", KEYS, 10);
    start(self, &looking_at_all, NULL);
    for (int round = 0; round < 5; round++) {
        send_all(self, "in", 100, 0);
        send_all(self, "rate-topic", KEYS, round * 10);
    }
    catch_up(self);
    assert_int_equal(atomic_load(&self->wrong), 0);
    assert_int_equal(count_from(self, 0), 500);
    stop(self);
    free_fixture(self);
}

static void a_restart_goes_on_where_the_last_ended(void **state)
{
    (void)state;
    fixture *self = new_fixture();
    send_all(self, "rate-topic", 20 * KEYS, 10);
    start(self, &looking_up, NULL);
    catch_up(self);
    assert_int_equal(atomic_load(&self->restored), 20 * KEYS);
    send_all(self, "rate-topic", KEYS, 20);
    catch_up(self);
    stop(self);
    send_all(self, "rate-topic", 7, 30);
    start(self, &looking_up, NULL);
    send_all(self, "in", KEYS, 0);
    catch_up(self);
    assert_int_equal(atomic_load(&self->restored), 7);
    assert_int_equal(count_from(self, 30), 7);
    assert_int_equal(count_from(self, 20), KEYS);
    stop(self);
    free_fixture(self);
}

static void sums_of_a_processor_are_exact_over_restarts(void **state)
{
    (void)state;
    fixture *self = new_fixture();
    for (int round = 0; round < 4; round++) {
        send_all(self, "rate-topic", 3 * KEYS, 10);
        start(self, &looking_up, &adding_up);
        send_all(self, "rate-topic", 2 * KEYS, 10);
        catch_up(self);
        stop(self);
    }
    start(self, &looking_up, &adding_up);
    send_all(self, "in", KEYS, 0);
    catch_up(self);
    assert_int_equal(count_from(self, 4 * 50), KEYS);
    assert_int_equal(count_from(self, 4 * 50 + 1), 0);
    stop(self);
    free_fixture(self);
}

static void a_record_that_does_not_read_ends_the_application(void **state)
{
    (void)state;
    ks_error error = {0};
    fixture *self = new_fixture();
    start(self, &looking_up, NULL);
    catch_up(self);
    const ks_log_record broken = {.key = ks_slice_cstr("key-000"),
                                  .value = ks_slice_cstr("short"),
                                  .timestamp = 1,
                                  .partition = 0};
    assert_ok(ks_log_produce(self->log, "rate-topic", &broken, &error), &error);
    assert_int_equal(ks_app_wait_until_caught_up(self->app, WAIT_MS, &error), KS_E_SERDE);
    assert_non_null(strstr(error.message, "topic rate-topic partition 0 offset 0"));
    assert_int_equal(atomic_load(&self->asked), 1);
    assert_ok(ks_app_close(self->app, -1, &error), &error);
    assert_int_equal(ks_app_state_of(self->app), KS_APP_ERROR);
    ks_app_free(self->app);
    ks_topology_free(self->topology);
    free_fixture(self);
}

static void closing_while_restoring_ends_soon_and_loses_nothing(void **state)
{
    (void)state;
    fixture *self = new_fixture();
    send_all(self, "rate-topic", 200 * KEYS, 10);
    start(self, &looking_up, NULL);
    stop(self);
    start(self, &looking_up, NULL);
    send_all(self, "in", KEYS, 0);
    catch_up(self);
    assert_int_equal(count_from(self, 10), KEYS);
    stop(self);
    free_fixture(self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_threads_read_a_global_table_while_it_changes),
        cmocka_unit_test(many_threads_walk_through_a_global_table_while_it_changes),
        cmocka_unit_test(a_restart_goes_on_where_the_last_ended),
        cmocka_unit_test(sums_of_a_processor_are_exact_over_restarts),
        cmocka_unit_test(a_record_that_does_not_read_ends_the_application),
        cmocka_unit_test(closing_while_restoring_ends_soon_and_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
