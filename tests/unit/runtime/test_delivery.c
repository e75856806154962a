/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_delivery.c - what comes out when something goes wrong, place by place: exactly once under
 * exactly-once, at least once otherwise.
 *
 *     records of round 1   processed and committed
 *     records of round 2   something happens, at a named place
 *     records of round 3   afterwards: in the same application when only a thread failed; else in
 *                          another one, with the state directory of the first or without
 *
 * Each record adds one to the count of its key, and every count comes out. So what came out says
 * everything: exactly once is 1, 2, 3 ... to the number of records; lost is fewer. In the end the
 * store has to say what came out last, and one that is rebuilt from its changelog, too.
 *
 * A process that dies takes along what it had gathered and not sent. The log in memory would write
 * it out when its producer is closed, so here a producer without transactions gathers in one that
 * nobody sees, and passes it on when the log's would have.
 */
#include "manual_app.h"

#include "base/buffer.h"
#include "base/endian.h"
#include "base/error.h"
#include "state/store_query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "state_dir.h"

enum { PARTITIONS = 2, KEYS = 3, ROUND = 4, LINGER_MS = 5, LONG_MS = 1000, SESSION_MS = 6000 };

static const ks_serde *const text = &ks_serde_string;

/* ---- places ---------------------------------------------------------------------------------- */

typedef enum place {
    NOWHERE,
    AT_PROCESSING, /* the program's callback */
    AT_SEND,
    AT_FLUSH,      /* at least once: not delivered */
    BEFORE_COMMIT, /* nothing of it is executed */
    AFTER_COMMIT   /* executed; the answer does not come */
} place;

typedef enum mishap {
    AN_ERROR,          /* ends the thread, which is replaced */
    A_RETRIABLE_ERROR, /* it is not known whether it was executed */
    A_DEATH            /* of the process */
} mishap;

static struct {
    place where;
    mishap what;
    bool is_exact;
    bool is_dead; /* nothing is executed any more */
    int hits;
    int64_t gathered_since_ns; /* -1: nothing */
} faults;

/* Whether something happens here; `error` says what. */
static bool happens(place where, ks_error *error)
{
    if (faults.is_dead) {
        (void)ksi_error_set(error, KS_E_IO, "log", "the process is dead");
        return true;
    }
    if (faults.where != where) {
        return false;
    }
    faults.where = NOWHERE;
    faults.hits++;
    faults.is_dead = faults.what == A_DEATH;
    (void)ksi_error_set(error, KS_E_IO, "log", "something happened");
    if (faults.what == A_RETRIABLE_ERROR) {
        (void)ksi_error_flag(error, KS_ERROR_RETRIABLE);
    }
    return true;
}

/* ---- a log that things happen to ------------------------------------------------------------- */

static ksi_transport_class faulty_transport;
static ksi_producer_class faulty_producer;
static const ksi_transport_class *real_transport;
static const ksi_producer_class *real_producer;

static ks_status faulty_send(ksi_producer *producer, uint32_t sender, const char *topic,
                             const ks_log_record *record, ks_error *error)
{
    return happens(AT_SEND, error) ? error->code
                                   : real_producer->send(producer, sender, topic, record, error);
}

/* What was gathered goes to the log. */
static ks_status pass_on(ksi_producer *producer, ks_error *error)
{
    faults.gathered_since_ns = -1;
    return real_producer->commit(producer, NULL, error);
}

static ks_status faulty_poll(ksi_producer *producer, int64_t now_ns, int64_t *next_ns,
                             ks_error *error)
{
    *next_ns = -1;
    if (faults.is_exact || faults.is_dead || real_producer->pending_bytes(producer) == 0) {
        return KS_OK;
    }
    if (faults.gathered_since_ns < 0) {
        faults.gathered_since_ns = now_ns;
    }
    *next_ns = faults.gathered_since_ns + LINGER_MS * (int64_t)1000000;
    if (now_ns < *next_ns) {
        return KS_OK;
    }
    *next_ns = -1;
    return pass_on(producer, error);
}

static ks_status faulty_flush(ksi_producer *producer, ks_error *error)
{
    if (happens(AT_FLUSH, error)) {
        return error->code;
    }
    return faults.is_exact ? KS_OK : pass_on(producer, error);
}

static ks_status faulty_commit(ksi_producer *producer, const ksi_offset_commit *offsets,
                               ks_error *error)
{
    if (happens(BEFORE_COMMIT, error)) {
        return error->code;
    }
    KS_TRY(real_producer->commit(producer, offsets, error));
    return happens(AFTER_COMMIT, error) ? error->code : KS_OK;
}

static ks_status faulty_commit_offsets(ksi_transport *transport, const ksi_offset_commit *offsets,
                                       ks_error *error)
{
    if (happens(BEFORE_COMMIT, error)) {
        return error->code;
    }
    KS_TRY(real_transport->commit_offsets(transport, offsets, error));
    return happens(AFTER_COMMIT, error) ? error->code : KS_OK;
}

static ksi_producer *open_faulty_producer(ksi_transport *transport,
                                          const ksi_producer_options *options, ks_error *error)
{
    const char *own_id = ksi_transactional_id_of(options);
    const ksi_producer_options gathering = {.transactional_id =
                                                own_id != NULL ? own_id : "gathering"};
    ksi_producer *producer = real_transport->open_producer(transport, &gathering, error);
    real_producer = producer->class;
    faulty_producer = *real_producer;
    faulty_producer.send = faulty_send;
    faulty_producer.poll = faulty_poll;
    faulty_producer.flush = faulty_flush;
    faulty_producer.commit = faulty_commit;
    producer->class = &faulty_producer;
    faults.gathered_since_ns = -1;
    return producer;
}

static void make_log_faulty(ks_log *log)
{
    log_create(log, "first", 1);
    log_produce(log, "first", 0, 1,
                "the:test"); /* by a producer of its own, which stays as it is */
    ksi_transport *transport = ksi_log_transport(log);
    real_transport = transport->class;
    faulty_transport = *real_transport;
    faulty_transport.open_producer = open_faulty_producer;
    faulty_transport.commit_offsets = faulty_commit_offsets;
    transport->class = &faulty_transport;
    transport->class->release(transport);
}

/* ---- an application -------------------------------------------------------------------------- */

static void perhaps_fail(ks_ctx *ctx, const ks_record *record, void *user)
{
    ks_error error = {0};
    (void)record;
    (void)user;
    if (happens(AT_PROCESSING, &error)) {
        ks_ctx_fail(ctx, "%s", error.message);
    }
}

static ks_value as_text(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)user;
    return ks_text(ks_value_to_text(ks_ctx_arena(ctx), record->value));
}

/* in -> counted -> out, with something that may happen between the two. */
static ks_topology *counting_with_faults(void)
{
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(b, "in", KS_CONSUMED(.key = text, .value = text));
    ks_table *counts = ks_grouped_stream_count(ks_stream_group_by_key(in, NULL),
                                               KS_MATERIALIZED(.name = "counted"));
    ks_stream *seen = ks_stream_peek(ks_table_to_stream(counts, NULL), perhaps_fail, NULL, NULL);
    ks_stream_to(ks_stream_map_values(seen, as_text, NULL, NULL), "out",
                 KS_PRODUCED(.key = text, .value = text));
    return topology_of(b);
}

static ks_config *new_config(bool is_exact)
{
    ks_config *config = config_of("app");
    config_put(config, "processing.guarantee", is_exact ? "exactly_once_v2" : "at_least_once");
    config_put(config, "commit.interval.ms", "100");
    config_put(config, "statestore.cache.max.bytes", "0");
    config_put(config, "session.timeout.ms", "6000");
    return config;
}

/* Nothing happens in it. */
static manual_world *plain_world(void)
{
    manual_world *world = manual_world_new();
    log_create(world->log, "in", PARTITIONS);
    log_create(world->log, "out", 1);
    faults.where = NOWHERE;
    faults.is_dead = false;
    return world;
}

static manual_world *new_world(bool is_exact)
{
    manual_world *world = plain_world();
    faults.is_exact = is_exact;
    faults.hits = 0;
    faults.gathered_since_ns = -1;
    make_log_faulty(world->log);
    return world;
}

/* ROUND records for each key: key-0 in partition 0, key-1 in partition 1, and so on. */
static void produce_round(const manual_world *world)
{
    for (int i = 0; i < ROUND * KEYS; i++) {
        char record[16];
        (void)snprintf(record, sizeof record, "key-%d:x", i % KEYS);
        log_produce(world->log, "in", i % KEYS % PARTITIONS, i, record);
    }
}

/* ---- what came out --------------------------------------------------------------------------- */

typedef struct outcome {
    long long count; /* how often */
    long long last;
    bool in_order; /* 1, 2, 3 ... */
} outcome;

static outcome outcome_of(ks_log *log, const char *key)
{
    ks_error error = {0};
    ks_log_record record;
    outcome of = {.in_order = true};
    ks_log_reader *reader = ks_log_reader_open(log, "out", &error);
    assert_non_null(reader);
    while (ks_log_reader_next(reader, &record)) {
        if (ks_slice_equal(record.key, ks_slice_cstr(key))) {
            char number[32];
            (void)snprintf(number, sizeof number, "%.*s", (int)record.value.size,
                           record.value.data);
            assert_int_equal(sscanf(number, "%lld", &of.last), 1);
            of.count++;
            of.in_order = of.in_order && of.last == of.count;
        }
    }
    ks_log_reader_free(reader);
    return of;
}

static int64_t stored(const manual_app *app, int32_t partition, const char *key)
{
    ks_error error = {0};
    ksi_queried_row row = {0};
    ksi_task_handle *task = manual_task(app, 0, partition);
    assert_non_null(task);
    ksi_store_query *store = ksi_task_rows_query(task->rows, "counted");
    assert_ok(ksi_store_query_get(store, ks_slice_cstr(key), true, &row, &error), &error);
    int64_t count = row.found ? (int64_t)ksi_get_be64(row.value.data) : -1;
    ksi_queried_row_destroy(&row);
    return count;
}

static void expect_outcome(const manual_app *app, int rounds, const char *name)
{
    for (int i = 0; i < KEYS; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "key-%d", i);
        outcome of = outcome_of(app->world->log, key);
        int64_t count = stored(app, i % PARTITIONS, key);
        if (faults.is_exact && (!of.in_order || of.count != rounds * ROUND)) {
            fail_msg("%s: %s came out %lld times, last %lld", name, key, of.count, of.last);
        }
        if (of.count < rounds * ROUND || of.last < rounds * ROUND) {
            fail_msg("%s: %s was lost: came out %lld times, last %lld", name, key, of.count,
                     of.last);
        }
        if (count != of.last) {
            fail_msg("%s: %s is %lld in the store, and came out as %lld", name, key,
                     (long long)count, of.last);
        }
    }
}

/* ---- one story ------------------------------------------------------------------------------- */

typedef struct story {
    const char *name;
    place where;
    mishap what;
    bool only_at_least_once;
} story;

static const story stories[] = {
    {"a failure at processing", AT_PROCESSING, AN_ERROR, false},
    {"a failed send", AT_SEND, AN_ERROR, false},
    {"a failed flush", AT_FLUSH, AN_ERROR, true},
    {"a refused commit", BEFORE_COMMIT, AN_ERROR, false},
    {"a commit that was lost on its way", BEFORE_COMMIT, A_RETRIABLE_ERROR, false},
    {"a lost answer of a commit", AFTER_COMMIT, A_RETRIABLE_ERROR, false},
    {"a commit whose answer is an error", AFTER_COMMIT, AN_ERROR, false},
    {"a death at processing", AT_PROCESSING, A_DEATH, false},
    {"a death at a send", AT_SEND, A_DEATH, false},
    {"a death before a flush", AT_FLUSH, A_DEATH, true},
    {"a death with all sent and nothing committed", BEFORE_COMMIT, A_DEATH, false},
    {"a death right behind a commit", AFTER_COMMIT, A_DEATH, false},
};

enum { STORIES = sizeof stories / sizeof stories[0] };

static void lose_state(const manual_app *app)
{
    config_put(app->config, "state.dir", state_dir_new());
}

/* Until the mishap; what happens then is not stepped when the process is dead. */
static void run_into(manual_world *world)
{
    for (int ms = 0; ms < LONG_MS && faults.hits == 0; ms++) {
        while (!faults.is_dead && manual_step(world)) {
        }
        world->clock.now_ms += faults.is_dead ? 0 : 1;
    }
}

static void die_and_come_back(manual_app *app, bool keeps_state)
{
    manual_crash(app);
    faults.is_dead = false;
    if (!keeps_state) {
        lose_state(app);
    }
    manual_restart(app);
    manual_run_ms(app->world, SESSION_MS + LONG_MS); /* the dead member's session has to end */
}

static void tell(const story *what, bool is_exact, bool keeps_state)
{
    char name[160];
    (void)snprintf(name, sizeof name, "%s, %s, %s its state", what->name,
                   is_exact ? "exactly once" : "at least once", keeps_state ? "with" : "without");
    manual_world *world = new_world(is_exact);
    manual_app *app = manual_start(world, 0, counting_with_faults(), new_config(is_exact));
    app->answer = KS_REPLACE_THREAD;
    produce_round(world);
    manual_run_ms(world, LONG_MS);
    expect_outcome(app, 1, name);
    faults.where = what->where;
    faults.what = what->what;
    produce_round(world);
    run_into(world);
    if (faults.hits != 1) {
        fail_msg("%s: it did not happen", name);
    }
    if (what->what == A_DEATH) {
        die_and_come_back(app, keeps_state);
    }
    manual_run_ms(world, LONG_MS);
    expect_outcome(app, 2, name);
    assert_int_equal(app->asked, what->what == AN_ERROR ? 1 : 0);
    produce_round(world);
    manual_run_ms(world, LONG_MS);
    expect_outcome(app, 3, name);
    manual_close(app);
    lose_state(app);
    manual_restart(app); /* the changelog alone says the same */
    manual_run_ms(world, LONG_MS);
    expect_outcome(app, 3, name);
    manual_close(app);
    manual_world_free(world);
}

static void tell_all(bool is_exact)
{
    for (size_t i = 0; i < STORIES; i++) {
        if (is_exact && stories[i].only_at_least_once) {
            continue;
        }
        tell(&stories[i], is_exact, true);
        if (stories[i].what == A_DEATH) {
            tell(&stories[i], is_exact, false);
        }
    }
}

static void under_exactly_once_every_record_counts_once_whatever_happens(void **state)
{
    (void)state;
    tell_all(true);
}

static void under_at_least_once_nothing_is_lost_whatever_happens(void **state)
{
    (void)state;
    tell_all(false);
}

/* ---- committed and not, or half, on the disk ------------------------------------------------- */

/* in -> counted in "counted" and again in "again", both on disk -> out */
static ks_topology *counting_twice(void)
{
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(b, "in", KS_CONSUMED(.key = text, .value = text));
    ks_grouped_stream *grouped = ks_stream_group_by_key(in, NULL);
    ks_table *counts = ks_grouped_stream_count(grouped, KS_MATERIALIZED(.name = "counted"));
    (void)ks_grouped_stream_count(grouped, KS_MATERIALIZED(.name = "again"));
    ks_stream_to(ks_stream_map_values(ks_table_to_stream(counts, NULL), as_text, NULL, NULL), "out",
                 KS_PRODUCED(.key = text, .value = text));
    return topology_of(b);
}

typedef enum on_disk { NOTHING, ONE_STORE, ONE_FAMILY_FLUSHED, ALL_OF_IT, ON_DISK_COUNT } on_disk;

/* What the apply of a commit has got to when the process dies. */
static void apply_partly(const manual_app *app, on_disk how_far)
{
    ks_error error = {0};
    for (int32_t p = 0; p < PARTITIONS; p++) {
        ksi_task_rows *rows = manual_task(app, 0, p)->rows;
        assert_int_equal(rows->count, 2);
        for (size_t i = 0; i < (how_far == NOTHING ? 0u : how_far == ONE_STORE ? 1u : 2u); i++) {
            assert_ok(ksi_row_store_apply(rows->stores[i].rows, &error), &error);
        }
        for (size_t i = 0; i < (how_far == ALL_OF_IT ? 2u : how_far == NOTHING ? 0u : 1u); i++) {
            assert_ok(ksi_local_state_flush(rows->state, &rows->stores[i].spec->spec, &error),
                      &error);
        }
    }
}

static void a_commit_that_is_half_on_the_disk_is_completed_from_the_changelogs(void **state)
{
    (void)state;
    for (int exact = 0; exact < 2; exact++) {
        for (on_disk how_far = NOTHING; how_far < ON_DISK_COUNT; how_far++) {
            manual_world *world = new_world(exact == 1);
            manual_app *app = manual_start(world, 0, counting_twice(), new_config(exact == 1));
            produce_round(world);
            manual_run_ms(world, LONG_MS);
            apply_partly(app, how_far);
            manual_crash(app);
            manual_restart(app);
            manual_run_ms(world, SESSION_MS + LONG_MS);
            produce_round(world);
            manual_run_ms(world, LONG_MS);
            expect_outcome(app, 2, "half applied");
            for (int32_t p = 0; p < PARTITIONS; p++) { /* both stores count the same */
                ks_error error = {0};
                ksi_queried_row row = {0};
                ksi_store_query *again = ksi_task_rows_query(manual_task(app, 0, p)->rows, "again");
                char key[16];
                (void)snprintf(key, sizeof key, "key-%d", (int)p);
                assert_ok(ksi_store_query_get(again, ks_slice_cstr(key), true, &row, &error),
                          &error);
                assert_true(row.found);
                assert_int_equal(ksi_get_be64(row.value.data), stored(app, p, key));
                ksi_queried_row_destroy(&row);
            }
            manual_close(app);
            manual_world_free(world);
        }
    }
}

/* ---- a lost task that comes back ------------------------------------------------------------- */

static void what_a_sleeper_did_under_at_least_once_is_not_lost(void **state)
{
    (void)state;
    manual_world *world = plain_world();
    manual_app *one = manual_start(world, 0, counting_with_faults(), new_config(false));
    manual_app *two = manual_start(world, 1, counting_with_faults(), new_config(false));
    produce_round(world);
    manual_run_ms(world, LONG_MS);
    bool progressed = false;
    produce_round(world);
    (void)ksi_app_step_worker(one->app, 2, &progressed); /* processed, sent perhaps, no commit */
    assert_true(progressed);
    one->left_out = true;
    manual_run_ms(world, SESSION_MS + LONG_MS);
    assert_int_equal(manual_running(two), PARTITIONS);
    one->left_out = false;
    while (one->rejoins == 0) { /* whatever it still tries is refused */
        (void)ksi_app_step_worker(one->app, 2, &progressed);
        (void)ksi_app_step_worker(one->app, 0, &progressed);
    }
    manual_run_ms(world, LONG_MS);
    assert_int_equal(manual_running(one), 1);
    produce_round(world);
    manual_run_ms(world, LONG_MS);
    for (int i = 0; i < KEYS; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "key-%d", i);
        const manual_app *owner = manual_task(one, 0, i % PARTITIONS) != NULL ? one : two;
        outcome of = outcome_of(world->log, key);
        assert_true(of.count >= 3 * ROUND);
        assert_true(of.last >= 3 * ROUND);
        assert_true(stored(owner, i % PARTITIONS, key) >= 3 * ROUND);
    }
    manual_close(one);
    manual_close(two);
    manual_world_free(world);
}

/* ---- how soon -------------------------------------------------------------------------------- */

static void without_transactions_results_are_seen_after_milliseconds(void **state)
{
    (void)state;
    manual_world *world = plain_world();
    ks_config *config = new_config(false);
    config_put(config, "commit.interval.ms", "30000");
    manual_app *app = manual_start(world, 0, counting(), config);
    manual_run_ms(world, LONG_MS);
    log_produce(world->log, "in", 0, 1, "key-0:x");
    manual_settle(world);
    world->clock.now_ms += LINGER_MS - 1;
    manual_settle(world);
    assert_int_equal(log_count(world->log, "out"), 0);
    world->clock.now_ms += 1;
    manual_settle(world);
    assert_int_equal(log_count(world->log, "out"), 1);
    assert_int_equal(log_committed(world->log, "app", "in", 0), -1);
    manual_close(app);
    manual_world_free(world);
}

static void in_a_transaction_results_are_seen_as_soon_as_the_input_ends(void **state)
{
    (void)state;
    manual_world *world = new_world(true);
    ks_config *config = new_config(true);
    config_put(config, "commit.interval.ms", "5000");
    manual_app *app = manual_start(world, 0, counting(), config);
    manual_run_ms(world, LONG_MS);
    log_produce(world->log, "in", 0, 1, "key-0:x");
    bool progressed = false;
    (void)ksi_app_step_worker(app->app, 2, &progressed);
    assert_true(progressed);
    assert_int_equal(log_count(world->log, "out"), 0);
    (void)ksi_app_step_worker(app->app, 2, &progressed); /* nothing to do: it commits */
    assert_int_equal(log_count(world->log, "out"), 1);
    assert_int_equal(log_committed(world->log, "app", "in", 0), 1);
    manual_close(app);
    manual_world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(under_exactly_once_every_record_counts_once_whatever_happens),
        cmocka_unit_test(under_at_least_once_nothing_is_lost_whatever_happens),
        cmocka_unit_test(a_commit_that_is_half_on_the_disk_is_completed_from_the_changelogs),
        cmocka_unit_test(what_a_sleeper_did_under_at_least_once_is_not_lost),
        cmocka_unit_test(without_transactions_results_are_seen_after_milliseconds),
        cmocka_unit_test(in_a_transaction_results_are_seen_as_soon_as_the_input_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
