/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_app_query.c - stores of a running application, read by threads that are none of its own.
 *
 * Each round sends every key of a partition once, in the order of keys. So whatever moment a page
 * shows, the counts of a partition do not rise from key to key and differ by one at most; and a
 * committed page shows no more records than the group has committed.
 */
#include "log_fixture.h"

#include "base/arena.h"
#include "base/endian.h"
#include "base/thread.h"
#include "runtime/app.h"
#include "runtime/app_query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { PARTITIONS = 2, KEYS = 6, READERS = 2, ROUNDS = 40, ANSWERS = 400 };

typedef struct fixture {
    ks_log *log;
    ks_config *config;
    ks_topology *topology;
    ks_app *app;
    atomic_uint_fast64_t answers; /* of all readers */
    atomic_bool failed;           /* one of them */
} fixture;

static void keep_quiet(ks_log_level level, const char *where, const char *message, void *user)
{
    (void)level;
    (void)where;
    (void)message;
    (void)user;
}

/* Commits and applies all the time; a thread for each task. Takes the topology. */
static fixture *new_fixture(ks_topology *topology)
{
    ks_error error = {0};
    fixture *self = test_calloc(1, sizeof *self);
    self->log = log_open();
    log_create(self->log, "in", PARTITIONS);
    log_create(self->log, "out", 1);
    self->topology = topology;
    self->config = config_of("app");
    config_put(self->config, "num.stream.threads", "2");
    config_put(self->config, "commit.interval.ms", "2");
    config_put(self->config, "statestore.apply.interval.ms", "5");
    config_put(self->config, "statestore.cache.max.bytes", "0");
    self->app = ksi_app_new(topology, self->config,
                            KS_APP_OPTIONS(.log = self->log, .log_line = keep_quiet),
                            &(ksi_app_seams){.clock = &ksi_system_clock}, &error);
    assert_ok(self->app != NULL ? KS_OK : error.code, &error);
    return self;
}

static void free_fixture(fixture *self)
{
    ks_app_free(self->app);
    ks_topology_free(self->topology);
    ks_config_free(self->config);
    ks_log_free(self->log);
    test_free(self);
}

static void start(const fixture *self)
{
    ks_error error = {0};
    assert_ok(ks_app_start(self->app, &error), &error);
}

static void catch_up(const fixture *self)
{
    ks_error error = {0};
    assert_ok(ks_app_wait_until_caught_up(self->app, -1, &error), &error);
}

static void send_round(const fixture *self)
{
    for (int key = 0; key < KEYS; key++) {
        for (int32_t partition = 0; partition < PARTITIONS; partition++) {
            char record[32];
            (void)snprintf(record, sizeof record, "key-%d:x", key);
            log_produce(self->log, "in", partition, key, record);
        }
    }
}

/* ---- reading --------------------------------------------------------------------------------- */

typedef struct reader {
    ksi_thread thread;
    fixture *fixture;
    ksi_store_query *stores[PARTITIONS];
    unsigned turn;
    int64_t seen[PARTITIONS]; /* how many records a page has shown */
    const char *complaint;    /* cmocka may only fail on its own thread */
} reader;

static int64_t count_in(ks_slice value)
{
    return value.size == 8 ? (int64_t)ksi_get_be64(value.data) : -1;
}

/* How many records of a partition the group has committed. */
static int64_t committed_records(reader *r, int32_t partition)
{
    ksi_transport *transport = ksi_log_transport(r->fixture->log);
    ksi_group_offset offset = {.partition = {.topic = "in", .partition = partition}};
    ks_arena arena;
    ksi_arena_init(&arena, 0);
    if (transport->class->committed(transport, "app", &offset, 1, &arena, NULL) != KS_OK) {
        r->complaint = "committed offsets cannot be read";
    }
    ksi_arena_destroy(&arena);
    transport->class->release(transport);
    return offset.offset > 0 ? offset.offset : 0;
}

/* The sum of one page; complains about counts that were never there together. */
static ks_status read_page(reader *r, int32_t partition, bool committed, int64_t *sum)
{
    ksi_row row;
    bool found = true;
    int64_t first = -1;
    int64_t last = -1;
    ks_error error = {0};
    ksi_query_iterator *iterator = ksi_query_iterator_open(
        r->stores[partition], &(ksi_row_range){.low = ks_slice_cstr("key-"),
                                               .high = ks_slice_cstr("key-9"),
                                               .committed = committed});
    ks_status status = ksi_query_iterator_next(iterator, &row, &found, &error);
    *sum = 0;
    while (status == KS_OK && found) {
        int64_t count = count_in(row.value);
        first = first < 0 ? count : first;
        if (count < 1 || count < first - 1 || (last >= 0 && count > last)) {
            r->complaint = "a page shows counts of different moments";
        }
        last = count;
        *sum += count;
        status = ksi_query_iterator_next(iterator, &row, &found, &error);
    }
    ksi_query_iterator_close(iterator);
    return status;
}

static ks_status read_committed(reader *r, int32_t partition)
{
    int64_t sum = 0;
    ks_status status = read_page(r, partition, true, &sum);
    if (status == KS_OK && sum > committed_records(r, partition)) {
        r->complaint = "a committed page shows what was not committed";
    }
    return status;
}

static ks_status read_newest(reader *r, int32_t partition)
{
    int64_t sum = 0;
    ks_status status = read_page(r, partition, false, &sum);
    if (status == KS_OK && sum < r->seen[partition]) {
        r->complaint = "a page shows less than the one before it";
    }
    r->seen[partition] = status == KS_OK ? sum : r->seen[partition];
    return status;
}

/* The committed count of a key, then its newest one: the same or more. */
static ks_status read_key(reader *r, int32_t partition)
{
    ks_error error = {0};
    ksi_queried_row row = {0};
    const ks_slice key = ks_slice_cstr("key-3");
    ks_status status = ksi_store_query_get(r->stores[partition], key, true, &row, &error);
    int64_t committed = row.found ? count_in(ksi_buffer_slice(&row.value)) : 0;
    if (status == KS_OK) {
        status = ksi_store_query_get(r->stores[partition], key, false, &row, &error);
    }
    if (status == KS_OK && committed > (row.found ? count_in(ksi_buffer_slice(&row.value)) : 0)) {
        r->complaint = "the newest count is below a committed one";
    }
    ksi_queried_row_destroy(&row);
    return status;
}

static ks_status read_once(reader *r)
{
    int32_t partition = (int32_t)(r->turn % PARTITIONS);
    unsigned kind = r->turn++ / PARTITIONS % 3;
    return kind == 0   ? read_key(r, partition)
           : kind == 1 ? read_newest(r, partition)
                       : read_committed(r, partition);
}

/* Looks its stores up, and reads until both are closed under it. */
static void read_on(void *user)
{
    reader *r = user;
    ks_error error = {0};
    unsigned closed = 0;
    for (int32_t p = 0; p < PARTITIONS; p++) {
        r->stores[p] = ksi_app_store_query(r->fixture->app, "counted", p, &error);
        r->complaint = r->stores[p] == NULL ? "a store was not found" : r->complaint;
    }
    while (closed < PARTITIONS && r->complaint == NULL) {
        ks_status status = read_once(r);
        closed = status == KS_E_STORE_MIGRATED ? closed + 1 : 0;
        if (status != KS_OK && status != KS_E_STORE_MIGRATED) {
            r->complaint = ks_status_name(status);
        }
        atomic_fetch_add(&r->fixture->answers, 1);
    }
    if (r->complaint != NULL) {
        atomic_store(&r->fixture->failed, true);
    }
    for (int32_t p = 0; p < PARTITIONS; p++) {
        ksi_store_query_release(r->stores[p]);
    }
}

static void stores_are_read_while_records_flow_and_until_the_application_ends(void **state)
{
    (void)state;
    ks_error error = {0};
    reader readers[READERS] = {0};
    fixture *self = new_fixture(counting());
    start(self);
    send_round(self);
    catch_up(self); /* it is running now */
    for (int i = 0; i < READERS; i++) {
        readers[i].fixture = self;
        readers[i].turn = (unsigned)i;
        assert_int_equal(ksi_thread_start(&readers[i].thread, "reader", read_on, &readers[i]), 0);
    }
    for (int round = 1;
         round < ROUNDS || (atomic_load(&self->answers) < ANSWERS && !atomic_load(&self->failed));
         round++) {
        send_round(self);
        if (round % 4 == 0) {
            catch_up(self);
        }
    }
    assert_ok(ks_app_close(self->app, -1, &error), &error);
    for (int i = 0; i < READERS; i++) {
        ksi_thread_join(&readers[i].thread);
        if (readers[i].complaint != NULL) {
            fail_msg("reader %d: %s", i, readers[i].complaint);
        }
        assert_true(readers[i].seen[0] >= KEYS && readers[i].seen[1] >= KEYS);
    }
    free_fixture(self);
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void assert_refused(const fixture *self, const char *store, int32_t partition,
                           ks_status with, const char *words)
{
    ks_error error = {0};
    assert_null(ksi_app_store_query(self->app, store, partition, &error));
    assert_int_equal(error.code, with);
    assert_string_equal(error.where, store);
    assert_non_null(strstr(error.message, words));
}

static void a_store_is_looked_up_in_a_running_application_only(void **state)
{
    (void)state;
    ks_error error = {0};
    fixture *self = new_fixture(counting());
    assert_refused(self, "counted", 0, KS_E_STATE, "CREATED");
    start(self);
    catch_up(self);
    assert_refused(self, "discounted", 0, KS_E_ARGUMENT, "no store of this name");
    assert_refused(self, "counted", PARTITIONS, KS_E_ARGUMENT, "partition 2");
    assert_refused(self, "counted", -1, KS_E_ARGUMENT, "partition -1");
    assert_ok(ks_app_close(self->app, -1, &error), &error);
    assert_refused(self, "counted", 0, KS_E_STATE, "NOT_RUNNING");
    free_fixture(self);
}

static void a_handle_outlives_the_application(void **state)
{
    (void)state;
    ks_error error = {0};
    ksi_queried_row row = {0};
    fixture *self = new_fixture(counting());
    start(self);
    send_round(self);
    catch_up(self);
    ksi_store_query *store = ksi_app_store_query(self->app, "counted", 1, &error);
    assert_non_null(store);
    assert_ok(ksi_store_query_get(store, ks_slice_cstr("key-0"), true, &row, &error), &error);
    assert_true(row.found);
    assert_int_equal(count_in(ksi_buffer_slice(&row.value)), 1);
    free_fixture(self);
    assert_int_equal(ksi_store_query_get(store, ks_slice_cstr("key-0"), true, &row, &error),
                     KS_E_STORE_MIGRATED);
    assert_string_equal(error.where, "counted");
    ksi_queried_row_destroy(&row);
    ksi_store_query_release(store);
}

/* ---- from within a record -------------------------------------------------------------------- */

typedef struct asker {
    ks_app *app;
    ks_status own;
    ks_status other;
    int64_t count; /* of the key, as its own task has it */
} asker;

/* A record of partition 0 asks for its key there, and in the other task. */
static void ask(ks_ctx *ctx, const ks_record *record, void *user)
{
    asker *a = user;
    ks_error error = {0};
    ksi_queried_row row = {0};
    (void)ctx;
    ksi_store_query *own = ksi_app_store_query(a->app, "counted", 0, &error);
    ksi_store_query *other = ksi_app_store_query(a->app, "counted", 1, &error);
    if (own != NULL && other != NULL) {
        ks_slice key = ks_value_text(record->key);
        a->other = ksi_store_query_get(other, key, false, &row, &error);
        a->own = ksi_store_query_get(own, key, false, &row, &error);
        a->count = row.found ? count_in(ksi_buffer_slice(&row.value)) : 0;
    }
    ksi_queried_row_destroy(&row);
    ksi_store_query_release(own);
    ksi_store_query_release(other);
}

static void a_record_reads_stores_of_its_own_task_only(void **state)
{
    (void)state;
    asker a = {.own = KS_E_IO, .other = KS_E_IO, .count = -1};
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in =
        ks_builder_stream(b, "in", KS_CONSUMED(.key = &ks_serde_string, .value = &ks_serde_string));
    ks_grouped_stream *grouped = ks_stream_group_by_key(ks_stream_peek(in, ask, &a, NULL), NULL);
    (void)ks_grouped_stream_count(grouped, KS_MATERIALIZED(.name = "counted"));
    fixture *self = new_fixture(topology_of(b));
    a.app = self->app;
    start(self);
    catch_up(self);
    log_produce(self->log, "in", 0, 1, "key-0:x");
    log_produce(self->log, "in", 0, 2, "key-0:x");
    catch_up(self);
    assert_int_equal(a.own, KS_OK);
    assert_int_equal(a.count, 1);
    assert_int_equal(a.other, KS_E_STATE);
    free_fixture(self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stores_are_read_while_records_flow_and_until_the_application_ends),
        cmocka_unit_test(a_store_is_looked_up_in_a_running_application_only),
        cmocka_unit_test(a_handle_outlives_the_application),
        cmocka_unit_test(a_record_reads_stores_of_its_own_task_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
