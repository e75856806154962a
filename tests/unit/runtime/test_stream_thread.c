/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_stream_thread.c - the loop of a thread, turn by turn, on a clock that only the test moves.
 */
#include "thread_rig.h"

#include "state/key_value_store.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "stored_rows.h"

enum { TEXT_SIZE = 512 };

static const ks_serde *const text = &ks_serde_string;

/* ---- one thread ------------------------------------------------------------------------------ */

/* How long the log may keep back what was sent. */
enum { LINGER_MS = 5 };

/* Takes topology and config; the log stays the test's. Restored, so that turns can be taken. */
static thread_rig *new_thread(ks_log *log, ks_topology *topology, ks_config *config)
{
    thread_rig *self = rig_new(log, topology, config);
    rig_open(self);
    return self;
}

/* Until what was processed can be read. */
static void step_until_seen(thread_rig *self)
{
    rig_step_until_idle(self);
    rig_pass_ms(self, LINGER_MS);
}

static void finish(thread_rig *self)
{
    ks_error error = {0};
    bool finished = false;
    assert_ok(ksi_stream_thread_finish(self->thread, &finished, &error), &error);
    assert_true(finished);
    assert_int_equal(self->returned, self->assignment.task_count);
    assert_int_equal(self->returned_clean, self->returned);
}

static void expect_values(ks_log *log, const char *topic, const char *values)
{
    char found[TEXT_SIZE];
    assert_string_equal(log_values(log, topic, found, sizeof found), values);
}

static ks_log *log_with_in_and_out(int32_t partitions)
{
    ks_log *log = log_open();
    log_create(log, "in", partitions);
    log_create(log, "out", 1);
    return log;
}

static ks_config *config_with(const char *name, const char *value)
{
    ks_config *config = config_of("app");
    config_put(config, name, value);
    return config;
}

/* ---- committing ------------------------------------------------------------------------------ */

static void a_commit_comes_when_its_interval_is_over(void **state)
{
    (void)state;
    ks_log *log = log_with_in_and_out(1);
    thread_rig *self = new_thread(log, passing(), config_with("commit.interval.ms", "100"));
    log_produce(log, "in", 0, 1, "a:1");
    step_until_seen(self);
    expect_values(log, "out", "1 ");
    self->clock.now_ms += 100 - LINGER_MS;
    assert_false(rig_step(self));
    assert_int_equal(log_committed(log, "app", "in", 0), -1);
    assert_false(rig_caught_up(self));
    self->clock.now_ms += 1; /* more than the interval, as Java */
    assert_true(rig_step(self));
    assert_int_equal(log_committed(log, "app", "in", 0), 1);
    assert_true(rig_caught_up(self));
    self->clock.now_ms += 1000;
    assert_false(rig_step(self)); /* nothing to commit */
    assert_int_equal(ksi_stream_thread_stats_of(self->thread).commits, 1);
    rig_free(self);
    ks_log_free(log);
}

static void commit_on_wish(ks_ctx *ctx, const ks_record *record, void *state, void *user)
{
    (void)state;
    (void)user;
    if (ks_slice_equal(ks_value_text(record->value), ks_slice_cstr("commit"))) {
        ks_ctx_request_commit(ctx);
    }
}

static void ask_in_init(ks_ctx *ctx, void *state, void *user)
{
    (void)state;
    (void)user;
    ks_ctx_request_commit(ctx);
}

static void a_processor_asks_for_a_commit_and_gets_it_in_the_same_turn(void **state)
{
    (void)state;
    static const ks_processor wishing = {
        .struct_size = sizeof wishing, .init = ask_in_init, .process = commit_on_wish};
    const ks_serde *serde = &ks_serde_string;
    ks_log *log = log_with_in_and_out(1);
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(b, "in", KS_CONSUMED(.key = serde, .value = serde));
    ks_stream_process(in, &wishing, NULL, NULL);
    thread_rig *self =
        new_thread(log, topology_of(b), config_with("commit.interval.ms", "3600000"));
    rig_step_until_idle(self);
    assert_int_equal(rig_commits(self), 0); /* there is nothing to commit yet */
    log_produce(log, "in", 0, 1, "a:x");
    assert_true(rig_step(self));
    assert_int_equal(log_committed(log, "app", "in", 0), 1); /* the wish of init */
    log_produce(log, "in", 0, 2, "a:x");
    rig_step_until_idle(self);
    assert_int_equal(log_committed(log, "app", "in", 0), 1);
    log_produce(log, "in", 0, 3, "a:commit");
    log_produce(log, "in", 0, 4, "a:x");
    assert_true(rig_step(self));
    assert_int_equal(log_committed(log, "app", "in", 0), 3); /* right behind the record */
    rig_step_until_idle(self);
    assert_int_equal(log_committed(log, "app", "in", 0), 3);
    assert_int_equal(rig_commits(self), 2);
    rig_free(self);
    ks_log_free(log);
}

static void a_commit_brings_out_what_the_cache_holds(void **state)
{
    (void)state;
    ks_log *log = log_with_in_and_out(1);
    thread_rig *self = new_thread(log, counting(), config_with("commit.interval.ms", "100"));
    log_produce(log, "in", 0, 1, "a:x");
    log_produce(log, "in", 0, 2, "b:x");
    log_produce(log, "in", 0, 3, "a:x");
    rig_step_until_idle(self);
    expect_values(log, "out", "");
    assert_int_equal(log_count(log, "app-counted-changelog"), 0);
    self->clock.now_ms += 101;
    assert_true(rig_step(self));
    expect_values(log, "out", "1 2 "); /* in the order of the last updates */
    assert_int_equal(log_count(log, "app-counted-changelog"), 2);
    assert_int_equal(log_committed(log, "app", "in", 0), 3);
    rig_free(self);
    ks_log_free(log);
}

static void without_a_cache_every_update_comes_out(void **state)
{
    (void)state;
    ks_log *log = log_with_in_and_out(1);
    thread_rig *self = new_thread(log, counting(), config_with("statestore.cache.max.bytes", "0"));
    log_produce(log, "in", 0, 1, "a:x");
    log_produce(log, "in", 0, 2, "a:x");
    step_until_seen(self);
    expect_values(log, "out", "1 2 ");
    rig_free(self);
    ks_log_free(log);
}

static void with_somebody_waiting_a_thread_without_work_commits(void **state)
{
    (void)state;
    ks_log *log = log_with_in_and_out(1);
    thread_rig *self = new_thread(log, counting(), config_of("app"));
    log_produce(log, "in", 0, 1, "a:x");
    rig_step_until_idle(self);
    assert_false(rig_caught_up(self));
    atomic_store(&self->waiters, 1);
    assert_true(rig_step(self));
    assert_true(rig_caught_up(self));
    expect_values(log, "out", "1 ");
    assert_false(rig_step(self));
    rig_free(self);
    ks_log_free(log);
}

static void finishing_commits_and_a_second_thread_goes_on(void **state)
{
    (void)state;
    ks_log *log = log_with_in_and_out(2);
    thread_rig *self = new_thread(log, counting(), config_of("app"));
    log_produce(log, "in", 0, 1, "a:x");
    log_produce(log, "in", 0, 2, "a:x");
    log_produce(log, "in", 1, 3, "b:x");
    rig_step_until_idle(self);
    finish(self);
    assert_true(rig_caught_up(self)); /* may still be asked */
    assert_int_equal(ksi_stream_thread_stats_of(self->thread).processed, 3);
    rig_free(self);

    log_produce(log, "in", 0, 4, "a:x");
    self = new_thread(log, counting(), config_of("app"));
    ksi_key_value_store *store =
        ksi_key_value_store_of(ksi_task_store_named(rig_task(self), "counted"));
    assert_int_equal(stored_rows_count(store), 1);
    ksi_row row = {0};
    assert_true(stored_rows_next(store, ks_slice_null(), &row));
    assert_true(ks_slice_equal(row.key, ks_slice_cstr("a")));
    assert_int_equal(row.timestamp, 2);
    rig_step_until_idle(self);
    finish(self);
    assert_int_equal(ksi_stream_thread_stats_of(self->thread).processed, 1);
    expect_values(log, "out", "2 1 3 ");
    rig_free(self);
    ks_log_free(log);
}

static void fail_on_key_b(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)user;
    if (ks_slice_equal(ks_value_text(record->key), ks_slice_cstr("b"))) {
        ks_ctx_fail(ctx, "no b here");
    }
}

static void nothing_is_committed_after_a_failure(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(b, "in", KS_CONSUMED(.key = text, .value = text));
    ks_stream_foreach(in, fail_on_key_b, NULL, NULL);
    ks_log *log = log_with_in_and_out(2);
    thread_rig *self = new_thread(log, topology_of(b), config_with("commit.interval.ms", "0"));
    log_produce(log, "in", 0, 1, "a:x");
    rig_step_until_idle(self);
    self->clock.now_ms += 1;
    assert_true(rig_step(self));
    assert_int_equal(log_committed(log, "app", "in", 0), 1);

    log_produce(log, "in", 0, 1, "a:x");
    log_produce(log, "in", 1, 1, "b:x");
    self->clock.now_ms += 1; /* a commit is due */
    bool progressed = false;
    assert_int_equal(ksi_stream_thread_step(self->thread, &progressed, &error), KS_E_PROCESSING);
    assert_non_null(strstr(error.message, "no b here"));
    assert_non_null(strstr(error.message, "topic in, partition 1, offset 0"));
    ksi_stream_thread_abandon(self->thread);
    assert_int_equal(self->returned, 2);
    assert_int_equal(self->returned_clean, 0);
    assert_int_equal(log_committed(log, "app", "in", 0), 1);
    assert_int_equal(log_committed(log, "app", "in", 1), -1);
    rig_free(self);
    ks_log_free(log);
}

/* At least once, as Java: the changelog row of the record is in the log and its offset is not. */
static void what_was_not_committed_is_processed_again(void **state)
{
    (void)state;
    ks_log *log = log_with_in_and_out(1);
    thread_rig *self = new_thread(log, counting(), config_with("statestore.cache.max.bytes", "0"));
    log_produce(log, "in", 0, 1, "a:x");
    rig_step_until_idle(self);
    rig_free(self); /* as if the process had died */
    assert_int_equal(log_committed(log, "app", "in", 0), -1);

    self = new_thread(log, counting(), config_with("statestore.cache.max.bytes", "0"));
    rig_step_until_idle(self);
    finish(self);
    expect_values(log, "out", "1 2 ");
    assert_int_equal(log_committed(log, "app", "in", 0), 1);
    rig_free(self);
    ks_log_free(log);
}

/* ---- a log that refuses ---------------------------------------------------------------------- */

/*
 * The classes of the log with a few functions of the test's; which of them refuse, and in what
 * order they were called.
 */
static ksi_transport_class watched_transport;
static ksi_producer_class watched_producer;
static const ksi_transport_class *real_transport;
static const ksi_producer_class *real_producer;
static bool refuses_flush;
static bool refuses_commit;
static void (*on_commit)(void); /* NULL: nothing but a note */
static char calls[TEXT_SIZE];

static void note(const char *call)
{
    size_t length = strlen(calls);
    (void)snprintf(calls + length, sizeof calls - length, "%s ", call);
}

static ks_status noted_send(ksi_producer *producer, uint32_t sender, const char *topic,
                            const ks_log_record *record, ks_error *error)
{
    note(topic);
    return real_producer->send(producer, sender, topic, record, error);
}

static ks_status noted_flush(ksi_producer *producer, ks_error *error)
{
    note("flush");
    if (refuses_flush) {
        (void)snprintf(error->message, sizeof error->message, "not delivered");
        return error->code = KS_E_IO;
    }
    return real_producer->flush(producer, error);
}

static ks_status noted_commit(ksi_transport *transport, const ksi_offset_commit *commit,
                              ks_error *error)
{
    note("commit");
    if (on_commit != NULL) {
        on_commit();
    }
    if (refuses_commit) {
        (void)snprintf(error->message, sizeof error->message, "not committed");
        return error->code = KS_E_IO;
    }
    return real_transport->commit_offsets(transport, commit, error);
}

static ksi_producer *open_watched_producer(ksi_transport *transport,
                                           const ksi_producer_options *options, ks_error *error)
{
    ksi_producer *producer = real_transport->open_producer(transport, options, error);
    real_producer = producer->class;
    watched_producer = *real_producer;
    watched_producer.send = noted_send;
    watched_producer.flush = noted_flush;
    producer->class = &watched_producer;
    return producer;
}

static ks_log *watched_log(void)
{
    ks_log *log = log_with_in_and_out(1);
    ksi_transport *transport = ksi_log_transport(log);
    real_transport = transport->class;
    watched_transport = *real_transport;
    watched_transport.open_producer = open_watched_producer;
    watched_transport.commit_offsets = noted_commit;
    transport->class = &watched_transport;
    transport->class->release(transport);
    refuses_flush = false;
    refuses_commit = false;
    on_commit = NULL;
    return log;
}

static void offsets_are_committed_after_everything_was_delivered(void **state)
{
    (void)state;
    ks_log *log = watched_log();
    thread_rig *self = new_thread(log, counting(), config_with("commit.interval.ms", "100"));
    log_produce(log, "in", 0, 1, "a:x");
    rig_step_until_idle(self);
    calls[0] = '\0';
    self->clock.now_ms += 101;
    assert_true(rig_step(self));
    assert_string_equal(calls, "app-counted-changelog out flush commit ");
    rig_free(self);
    ks_log_free(log);
}

static void what_the_log_refuses_is_not_committed(void **state)
{
    (void)state;
    bool *const refusals[] = {&refuses_flush, &refuses_commit};
    for (size_t i = 0; i < 2; i++) {
        ks_error error = {0};
        bool progressed = false;
        ks_log *log = watched_log();
        thread_rig *self = new_thread(log, passing(), config_with("commit.interval.ms", "100"));
        log_produce(log, "in", 0, 1, "a:x");
        rig_step_until_idle(self);
        calls[0] = '\0';
        *refusals[i] = true;
        self->clock.now_ms += 101;
        assert_int_equal(ksi_stream_thread_step(self->thread, &progressed, &error), KS_E_IO);
        assert_string_equal(calls, i == 0 ? "flush " : "flush commit ");
        assert_false(rig_caught_up(self));
        assert_int_equal(ksi_stream_thread_stats_of(self->thread).commits, 0);
        ksi_stream_thread_abandon(self->thread);
        assert_int_equal(log_committed(log, "app", "in", 0), -1);
        rig_free(self);
        ks_log_free(log);
    }
}

/*
 * Somebody who reads the store while its rows are committed. It has the lock from before the
 * offsets are in the log, so the thread waits for it then: all it has done by itself is to be seen.
 */
static struct {
    thread_rig *rig;
    ksi_thread native;
    atomic_bool has_lock;
    bool saw_caught_up;
} reader;

static void read_while_the_thread_waits(void *user)
{
    ksi_store_lock *lock = reader.rig->tasks[0].rows->lock;
    (void)user;
    ksi_store_lock_enter(lock);
    atomic_store(&reader.has_lock, true);
    while (!ksi_store_lock_is_wanted(lock)) {
        (void)sched_yield();
    }
    reader.saw_caught_up = rig_caught_up(reader.rig);
    ksi_store_lock_leave(lock);
}

static void start_reader(void)
{
    assert_int_equal(ksi_thread_start(&reader.native, "reader", read_while_the_thread_waits, NULL),
                     0);
    while (!atomic_load(&reader.has_lock)) {
        (void)sched_yield();
    }
}

static void nobody_sees_that_all_is_committed_before_rows_and_counts_are(void **state)
{
    (void)state;
    ks_log *log = watched_log();
    thread_rig *self = new_thread(log, counting(), config_with("commit.interval.ms", "100"));
    log_produce(log, "in", 0, 1, "a:x");
    rig_step_until_idle(self);
    memset(&reader, 0, sizeof reader);
    reader.rig = self;
    on_commit = start_reader;
    self->clock.now_ms += 101;
    assert_true(rig_step(self));
    ksi_thread_join(&reader.native);
    assert_false(reader.saw_caught_up);
    assert_true(rig_caught_up(self));
    rig_free(self);
    ks_log_free(log);
}

/* ---- queues and time ------------------------------------------------------------------------- */

static ks_topology *merging(void)
{
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *one = ks_builder_stream(b, "one", KS_CONSUMED(.key = text, .value = text));
    ks_stream *two = ks_builder_stream(b, "two", KS_CONSUMED(.key = text, .value = text));
    ks_stream_to(ks_stream_merge(one, two, NULL), "out", KS_PRODUCED(.key = text, .value = text));
    return topology_of(b);
}

static ks_log *log_with_one_and_two(int32_t ones, int32_t twos)
{
    ks_log *log = log_open();
    log_create(log, "one", ones);
    log_create(log, "two", twos);
    log_create(log, "out", 1);
    return log;
}

static void inputs_are_merged_by_time(void **state)
{
    (void)state;
    ks_log *log = log_with_one_and_two(1, 1);
    thread_rig *self = new_thread(log, merging(), config_of("app"));
    log_produce(log, "one", 0, 10, "k:10");
    log_produce(log, "one", 0, 40, "k:40");
    log_produce(log, "two", 0, 20, "k:20");
    log_produce(log, "two", 0, 30, "k:30");
    step_until_seen(self);
    expect_values(log, "out", "10 20 30 40 ");
    rig_free(self);
    ks_log_free(log);
}

static void a_queue_of_one_record_still_merges_by_time(void **state)
{
    (void)state;
    ks_log *log = log_with_one_and_two(1, 1);
    thread_rig *self =
        new_thread(log, merging(), config_with("buffered.records.per.partition", "1"));
    log_produce(log, "one", 0, 10, "k:10");
    log_produce(log, "one", 0, 40, "k:40");
    log_produce(log, "two", 0, 20, "k:20");
    log_produce(log, "two", 0, 30, "k:30");
    assert_true(rig_step(self));
    /* input one is empty now, and the log has more of it */
    assert_int_equal(ksi_stream_thread_stats_of(self->thread).processed, 1);
    step_until_seen(self);
    expect_values(log, "out", "10 20 30 40 ");
    rig_free(self);
    ks_log_free(log);
}

static void an_empty_input_is_waited_for_by_the_injected_clock(void **state)
{
    (void)state;
    ks_log *log = log_with_one_and_two(1, 1);
    thread_rig *self = new_thread(log, merging(), config_with("max.task.idle.ms", "500"));
    log_produce(log, "one", 0, 10, "k:10");
    rig_step_until_idle(self);
    expect_values(log, "out", "");
    self->clock.now_ms += 499;
    rig_step_until_idle(self);
    expect_values(log, "out", "");
    self->clock.now_ms += 1;
    step_until_seen(self);
    expect_values(log, "out", "10 ");
    rig_free(self);
    ks_log_free(log);
}

static void a_topic_with_fewer_partitions_holds_up_nobody(void **state)
{
    (void)state;
    ks_log *log = log_with_one_and_two(3, 1);
    thread_rig *self = new_thread(log, merging(), config_of("app"));
    log_produce(log, "one", 2, 10, "k:10");
    log_produce(log, "two", 0, 20, "k:20");
    step_until_seen(self);
    assert_int_equal(log_count(log, "out"), 2);
    finish(self);
    assert_int_equal(log_committed(log, "app", "one", 2), 1);
    assert_int_equal(log_committed(log, "app", "two", 0), 1);
    assert_int_equal(log_committed(log, "app", "two", 2), -1);
    rig_free(self);
    ks_log_free(log);
}

static void topics_of_a_pattern_are_read_each_from_its_own_offset(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *all =
        ks_builder_stream_matching(b, "orders-.*", KS_CONSUMED(.key = text, .value = text));
    ks_stream_to(all, "out", KS_PRODUCED(.key = text, .value = text));
    ks_topology *topology = topology_of(b);
    ks_log *log = log_open();
    log_create(log, "out", 1);
    log_create(log, "orders-a", 1);
    log_create(log, "orders-b", 2);
    thread_rig *self = new_thread(log, topology, config_of("app"));
    log_produce(log, "orders-a", 0, 1, "k:a");
    log_produce(log, "orders-b", 0, 2, "k:b");
    log_produce(log, "orders-b", 0, 3, "k:c");
    step_until_seen(self);
    expect_values(log, "out", "a b c ");
    finish(self);
    assert_int_equal(log_committed(log, "app", "orders-a", 0), 1);
    assert_int_equal(log_committed(log, "app", "orders-b", 0), 2);
    rig_free(self);
    ks_log_free(log);
}

static void stats_count_what_is_behind(void **state)
{
    (void)state;
    ks_log *log = log_with_in_and_out(2);
    thread_rig *self = new_thread(log, passing(), config_of("app"));
    log_produce(log, "in", 0, 1, "a:1");
    log_produce(log, "in", 0, 1, "a:2");
    log_produce(log, "in", 1, 1, "a:3");
    assert_int_equal(ksi_progress_behind(&self->progress, self->transport), 3);
    rig_step_until_idle(self);
    ksi_stream_thread_stats stats = ksi_stream_thread_stats_of(self->thread);
    assert_int_equal(ksi_progress_behind(&self->progress, self->transport), 0);
    assert_int_equal(stats.processed, 3);
    assert_int_equal(stats.sent, 3);
    assert_int_equal(stats.commits, 0);
    rig_free(self);
    ks_log_free(log);
}

/* ---- transactions ---------------------------------------------------------------------------- */

static thread_rig *new_exact_thread(ks_log *log, ks_topology *topology, ks_config *config)
{
    thread_rig *self = rig_new(log, topology, config);
    self->transactional_id = "app-1";
    rig_open(self);
    return self;
}

static void a_transaction_is_seen_when_there_is_nothing_left_to_do(void **state)
{
    (void)state;
    ks_log *log = log_with_in_and_out(1);
    thread_rig *self = new_exact_thread(log, passing(), config_with("commit.interval.ms", "5000"));
    log_produce(log, "in", 0, 1, "a:1");
    assert_true(rig_step(self));
    expect_values(log, "out", "");
    assert_int_equal(log_committed(log, "app", "in", 0), -1);
    assert_true(rig_step(self)); /* the commit */
    expect_values(log, "out", "1 ");
    assert_int_equal(log_committed(log, "app", "in", 0), 1);
    assert_false(rig_step(self));
    rig_free(self);
    ks_log_free(log);
}

static void a_transaction_that_gathered_too_much_is_committed_early(void **state)
{
    (void)state;
    const char *const bounds[] = {"1", "1000000"};
    for (size_t i = 0; i < 2; i++) {
        ks_log *log = log_with_in_and_out(1);
        thread_rig *self =
            new_exact_thread(log, passing(), config_with("producer.buffer.memory", bounds[i]));
        for (int r = 0; r < 100; r++) {
            log_produce(log, "in", 0, 1, "a:1");
        }
        assert_true(rig_step(self));
        assert_int_equal(rig_commits(self), i == 0 ? 1 : 0);
        assert_int_equal(log_count(log, "out"), i == 0 ? log_committed(log, "app", "in", 0) : 0);
        rig_step_until_idle(self);
        assert_int_equal(log_count(log, "out"), 100);
        rig_free(self);
        ks_log_free(log);
    }
}

static void a_thread_whose_member_is_gone_drops_its_tasks_and_goes_on(void **state)
{
    (void)state;
    for (int exact = 0; exact < 2; exact++) {
        ks_log *log = log_with_in_and_out(2);
        thread_rig *self = rig_new(log, passing(), config_with("commit.interval.ms", "100"));
        self->transactional_id = exact ? "app-1" : NULL;
        rig_open(self);
        log_produce(log, "in", 0, 1, "a:1");
        assert_true(rig_step(self));
        for (size_t i = 0; i < 2; i++) {
            self->tasks[i].session += 1000; /* there is none */
        }
        ksi_group_session_end(&self->session);
        ksi_stream_thread_lose(self->thread);
        assert_true(rig_step(self));
        assert_int_equal(self->fenced, 1);
        assert_int_equal(self->returned, 2);
        assert_int_equal(self->returned_clean, 0);
        assert_int_equal(log_committed(log, "app", "in", 0), -1);
        rig_restore(self); /* given again, as what is nobody's any more */
        assert_true(rig_step(self));
        assert_int_equal(self->taken, 2);
        rig_pass_ms(self, 101); /* its commit is refused */
        assert_int_equal(self->fenced, 2);
        assert_int_equal(self->returned, 4);
        assert_int_equal(log_committed(log, "app", "in", 0), -1);
        if (exact) {
            expect_values(log, "out", "");
        }
        rig_free(self);
        ks_log_free(log);
    }
}

static void how_far_time_had_come_survives_a_restart(void **state)
{
    (void)state;
    ks_log *log = log_with_in_and_out(1);
    thread_rig *self = new_exact_thread(log, passing(), config_of("app"));
    assert_int_equal(ksi_task_partition_time(rig_task(self), 0), -1);
    log_produce(log, "in", 0, 70, "a:1");
    log_produce(log, "in", 0, 50, "a:2");
    rig_step_until_idle(self);
    rig_close(self);
    rig_open(self);
    assert_int_equal(ksi_task_partition_time(rig_task(self), 0), 70);
    rig_free(self);
    ks_log_free(log);
}

/* ---- stopping -------------------------------------------------------------------------------- */

static void a_thread_that_was_stopped_before_returns_its_tasks_untouched(void **state)
{
    (void)state;
    ks_log *log = log_with_in_and_out(1);
    thread_rig *self = rig_new(log, passing(), config_of("app"));
    log_produce(log, "in", 0, 1, "a:1");
    rig_open_unstepped(self);
    ksi_stream_thread_stop(self->thread);
    finish(self);
    assert_int_equal(self->taken, 0);
    assert_int_equal(log_count(log, "out"), 0);
    assert_int_equal(log_committed(log, "app", "in", 0), -1);
    rig_free(self);
    ks_log_free(log);
}

static void a_task_given_to_a_thread_that_is_ending_comes_back(void **state)
{
    (void)state;
    ks_log *log = log_with_in_and_out(1);
    thread_rig *self = new_thread(log, passing(), config_of("app"));
    ksi_stream_thread_abandon(self->thread);
    assert_true(ksi_stream_thread_is_stopping(self->thread)); /* who looks gives it no more */
    assert_int_equal(self->returned, 1);
    ksi_stream_thread_give(self->thread, &self->tasks[0]); /* who had looked before */
    ksi_stream_thread_return_mail(self->thread);
    assert_int_equal(self->returned, 2);
    assert_int_equal(self->returned_clean, 1);
    rig_free(self);
    ks_log_free(log);
}

static void stop_thread(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)record;
    ksi_stream_thread_stop(*(ksi_stream_thread **)user);
}

static void a_stop_is_seen_after_the_record_in_hand(void **state)
{
    (void)state;
    static ksi_stream_thread *thread;
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(b, "in", KS_CONSUMED(.key = text, .value = text));
    ks_stream_to(ks_stream_peek(in, stop_thread, &thread, NULL), "out",
                 KS_PRODUCED(.key = text, .value = text));
    ks_log *log = log_with_in_and_out(1);
    thread_rig *self = new_thread(log, topology_of(b), config_of("app"));
    thread = self->thread;
    log_produce(log, "in", 0, 1, "a:1");
    log_produce(log, "in", 0, 1, "a:2");
    assert_true(rig_step(self));
    assert_true(ksi_stream_thread_is_stopping(self->thread));
    finish(self);
    expect_values(log, "out", "1 ");
    assert_int_equal(log_committed(log, "app", "in", 0), 1);
    rig_free(self);
    ks_log_free(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_commit_comes_when_its_interval_is_over),
        cmocka_unit_test(a_processor_asks_for_a_commit_and_gets_it_in_the_same_turn),
        cmocka_unit_test(a_commit_brings_out_what_the_cache_holds),
        cmocka_unit_test(without_a_cache_every_update_comes_out),
        cmocka_unit_test(with_somebody_waiting_a_thread_without_work_commits),
        cmocka_unit_test(finishing_commits_and_a_second_thread_goes_on),
        cmocka_unit_test(nothing_is_committed_after_a_failure),
        cmocka_unit_test(what_was_not_committed_is_processed_again),
        cmocka_unit_test(offsets_are_committed_after_everything_was_delivered),
        cmocka_unit_test(what_the_log_refuses_is_not_committed),
        cmocka_unit_test(nobody_sees_that_all_is_committed_before_rows_and_counts_are),
        cmocka_unit_test(inputs_are_merged_by_time),
        cmocka_unit_test(a_queue_of_one_record_still_merges_by_time),
        cmocka_unit_test(an_empty_input_is_waited_for_by_the_injected_clock),
        cmocka_unit_test(a_topic_with_fewer_partitions_holds_up_nobody),
        cmocka_unit_test(topics_of_a_pattern_are_read_each_from_its_own_offset),
        cmocka_unit_test(stats_count_what_is_behind),
        cmocka_unit_test(a_transaction_is_seen_when_there_is_nothing_left_to_do),
        cmocka_unit_test(a_transaction_that_gathered_too_much_is_committed_early),
        cmocka_unit_test(a_thread_whose_member_is_gone_drops_its_tasks_and_goes_on),
        cmocka_unit_test(how_far_time_had_come_survives_a_restart),
        cmocka_unit_test(a_thread_that_was_stopped_before_returns_its_tasks_untouched),
        cmocka_unit_test(a_task_given_to_a_thread_that_is_ending_comes_back),
        cmocka_unit_test(a_stop_is_seen_after_the_record_in_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
