/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_app.c - what of an application needs more than the public headers: several threads, and
 * failures while closing.
 */
#include "log_fixture.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/thread.h"
#include "runtime/app.h"

#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

static const ks_serde *const text = &ks_serde_string;

typedef struct fixture {
    ks_log *log;
    ks_config *config;
    ks_topology *topology;
    ks_app *app;
} fixture;

static void keep_quiet(ks_log_level level, const char *where, const char *message, void *user)
{
    (void)level;
    (void)where;
    (void)message;
    (void)user;
}

/* Takes config and topology. */
static fixture *new_fixture(ks_log *log, ks_topology *topology, ks_config *config)
{
    ks_error error = {0};
    fixture *self = test_calloc(1, sizeof *self);
    self->log = log;
    self->config = config;
    self->topology = topology;
    self->app = ksi_app_new(topology, config, KS_APP_OPTIONS(.log = log, .log_line = keep_quiet),
                            &(ksi_app_seams){.clock = &ksi_system_clock}, &error);
    assert_ok(self->app != NULL ? KS_OK : error.code, &error);
    return self;
}

static void free_fixture(fixture *self)
{
    ks_app_free(self->app);
    ks_topology_free(self->topology);
    ks_config_free(self->config);
    test_free(self);
}

static ks_config *with_threads(const char *count)
{
    ks_config *config = config_of("app");
    config_put(config, "num.stream.threads", count);
    return config;
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

/* ---- several threads ------------------------------------------------------------------------- */

static ks_value first_letter(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)user;
    ks_slice value = ks_value_text(record->value);
    return ks_text(ks_slice_of(value.data, value.size > 0 ? 1 : 0));
}

static ks_value as_text(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)user;
    return ks_text(ks_value_to_text(ks_ctx_arena(ctx), record->value));
}

/* in -> by first letter (repartition) -> counted -> again (repartition) -> out */
static ks_topology *two_hops(void)
{
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(b, "in", KS_CONSUMED(.key = text, .value = text));
    ks_grouped_stream *grouped =
        ks_stream_group_by(in, first_letter, NULL, KS_GROUPED(.key = text, .value = text));
    ks_table *counts = ks_grouped_stream_count(grouped, KS_MATERIALIZED(.name = "counted"));
    ks_stream *results =
        ks_stream_map_values(ks_table_to_stream(counts, NULL), as_text, NULL, NULL);
    ks_stream *again = ks_stream_repartition(
        results, KS_REPARTITIONED(.key = text, .value = text, .name = "again"));
    ks_stream_to(again, "out", KS_PRODUCED(.key = text, .value = text));
    return topology_of(b);
}

static int64_t last_number(ks_log *log, const char *topic, const char *key)
{
    ks_error error = {0};
    ks_log_reader *reader = ks_log_reader_open(log, topic, &error);
    ks_log_record record;
    long long last = -1;
    assert_non_null(reader);
    while (ks_log_reader_next(reader, &record)) {
        if (ks_slice_equal(record.key, ks_slice_cstr(key))) {
            char number[32];
            (void)snprintf(number, sizeof number, "%.*s", (int)record.value.size,
                           record.value.data);
            assert_int_equal(sscanf(number, "%lld", &last), 1);
        }
    }
    ks_log_reader_free(reader);
    return last;
}

/* Each wait must see through both repartition topics, whichever thread is how far. */
static void several_threads_catch_up_through_every_repartition_topic(void **state)
{
    (void)state;
    enum { ROUNDS = 20, RECORDS = 200 };
    ks_log *log = log_open();
    log_create(log, "in", 4);
    log_create(log, "out", 1);
    fixture *self = new_fixture(log, two_hops(), with_threads("3"));
    start(self);
    for (int round = 1; round <= ROUNDS; round++) {
        for (int i = 0; i < RECORDS; i++) {
            char record[32];
            (void)snprintf(record, sizeof record, "%d:%c", i, 'a' + i % 4);
            log_produce(log, "in", -1, i, record);
        }
        catch_up(self);
        for (char letter = 'a'; letter <= 'd'; letter++) {
            const char key[] = {letter, '\0'};
            assert_int_equal(last_number(log, "out", key), round * RECORDS / 4);
        }
    }
    ks_app_stats stats = ks_app_stats_of(self->app);
    assert_int_equal(stats.records_behind, 0);
    assert_true(stats.records_processed >= 2 * ROUNDS * RECORDS);
    free_fixture(self);
    ks_log_free(log);
}

static void threads_without_a_task_start_and_end(void **state)
{
    (void)state;
    ks_log *log = log_open();
    log_create(log, "in", 1);
    log_create(log, "out", 1);
    fixture *self = new_fixture(log, passing(), with_threads("4"));
    log_produce(log, "in", 0, 1, "key:value");
    start(self);
    catch_up(self);
    assert_int_equal(log_count(log, "out"), 1);
    free_fixture(self);
    ks_log_free(log);
}

static void no_stream_thread_is_no_application(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_config *config = with_threads("0");
    ks_topology *topology = passing();
    assert_null(
        ksi_app_new(topology, config, NULL, &(ksi_app_seams){.clock = &ksi_system_clock}, &error));
    assert_int_equal(error.code, KS_E_TOPOLOGY);
    assert_non_null(strstr(error.message, "no stream threads"));
    ks_topology_free(topology);
    ks_config_free(config);
}

static void fail_on_no(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)user;
    if (ks_slice_equal(ks_value_text(record->value), ks_slice_cstr("no"))) {
        ks_ctx_fail(ctx, "said no");
    }
}

static ks_topology *failing_on_no(void)
{
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(b, "in", KS_CONSUMED(.key = text, .value = text));
    ks_stream_to(ks_stream_peek(in, fail_on_no, NULL, KS_NAMED(.name = "asking")), "out",
                 KS_PRODUCED(.key = text, .value = text));
    return topology_of(b);
}

static void one_failing_thread_stops_all_and_the_others_commit(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_log *log = log_open();
    log_create(log, "in", 2);
    log_create(log, "out", 1);
    fixture *self = new_fixture(log, failing_on_no(), with_threads("2"));
    start(self);
    log_produce(log, "in", 0, 1, "a:yes");
    catch_up(self);
    log_produce(log, "in", 1, 1, "b:no");
    assert_int_equal(ks_app_wait_until_caught_up(self->app, -1, &error), KS_E_PROCESSING);
    assert_string_equal(error.where, "asking");
    assert_ok(ks_app_close(self->app, -1, &error), &error);
    assert_int_equal(ks_app_state_of(self->app), KS_APP_ERROR);
    assert_int_equal(log_committed(log, "app", "in", 0), 1);
    assert_int_equal(log_committed(log, "app", "in", 1), -1);
    free_fixture(self);
    ks_log_free(log);
}

/* ---- closing --------------------------------------------------------------------------------- */

/* Whether the count was reached, told by a callback to the test. */
typedef struct signal_seen {
    ksi_mutex lock;
    ksi_condition changed;
    bool given;
} signal_seen;

static void tell(ks_ctx *ctx, const ks_record *record, void *user)
{
    signal_seen *seen = user;
    (void)ctx;
    (void)record;
    ksi_mutex_lock(&seen->lock);
    seen->given = true;
    ksi_condition_wake_all(&seen->changed);
    ksi_mutex_unlock(&seen->lock);
}

static void fail_always(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)record;
    (void)user;
    ks_ctx_fail(ctx, "nothing gets out");
}

/* What the cache holds meets a node that fails, and it gets there only by the last commit. */
static void a_commit_that_fails_while_closing_is_not_hidden(void **state)
{
    (void)state;
    ks_error error = {0};
    signal_seen seen = {.given = false};
    ksi_mutex_init(&seen.lock);
    ksi_condition_init(&seen.changed);
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(b, "in", KS_CONSUMED(.key = text, .value = text));
    ks_grouped_stream *grouped =
        ks_stream_group_by_key(ks_stream_peek(in, tell, &seen, NULL), NULL);
    ks_table *counts = ks_grouped_stream_count(grouped, KS_MATERIALIZED(.name = "counted"));
    ks_stream_foreach(ks_table_to_stream(counts, NULL), fail_always, NULL,
                      KS_NAMED(.name = "the-end"));
    ks_log *log = log_open();
    log_create(log, "in", 1);
    fixture *self = new_fixture(log, topology_of(b), config_of("app"));
    log_produce(log, "in", 0, 1, "a:x");
    start(self);
    ksi_mutex_lock(&seen.lock);
    while (!seen.given) {
        ksi_condition_wait(&seen.changed, &seen.lock);
    }
    ksi_mutex_unlock(&seen.lock);
    assert_int_equal(ks_app_close(self->app, -1, &error), KS_E_PROCESSOR_STATE);
    assert_string_equal(error.where, "the-end");
    assert_int_equal(ks_app_state_of(self->app), KS_APP_NOT_RUNNING);
    assert_int_equal(log_committed(log, "app", "in", 0), -1);
    free_fixture(self);
    ks_log_free(log);
    ksi_condition_destroy(&seen.changed);
    ksi_mutex_destroy(&seen.lock);
}

/*
 * Started and closed at once, in every phase there may be: restoring, running, or not even there.
 */
static void starting_and_closing_at_once_loses_nothing(void **state)
{
    (void)state;
    enum { ROUNDS = 50 };
    ks_log *log = log_open();
    log_create(log, "in", 3);
    log_create(log, "out", 1);
    for (int round = 1; round <= ROUNDS; round++) {
        char record[32];
        (void)snprintf(record, sizeof record, "%d:a", round);
        log_produce(log, "in", -1, round, record);
        fixture *self = new_fixture(log, two_hops(), with_threads("2"));
        start(self);
        free_fixture(self);
    }
    fixture *self = new_fixture(log, two_hops(), with_threads("2"));
    start(self);
    catch_up(self);
    assert_int_equal(last_number(log, "out", "a"), ROUNDS);
    free_fixture(self);
    ks_log_free(log);
}

enum { PATIENCE_MS = 20000 };

/* What the program did with the signal before: here it counts. */
static atomic_int ends;

static void end_at_once(int number)
{
    (void)number;
    atomic_fetch_add(&ends, 1);
}

typedef struct signals_seen {
    atomic_bool closes;
    bool handler_is_back; /* while the application still closes */
} signals_seen;

static void note_closing(ks_app_state from, ks_app_state to, void *user)
{
    signals_seen *seen = user;
    (void)from;
    if (to == KS_APP_PENDING_SHUTDOWN) {
        (void)kill(getpid(), SIGTERM); /* the rest of the burst */
        atomic_store(&seen->closes, true);
    }
}

/* Sends the first signal, and keeps the closing waiting until the old handler is back. */
static void send_sigterm(ks_ctx *ctx, const ks_record *record, void *user)
{
    signals_seen *seen = user;
    struct sigaction now;
    int64_t deadline_ms = ksi_monotonic_ms(&ksi_system_clock) + PATIENCE_MS;
    (void)ctx;
    (void)record;
    (void)kill(getpid(), SIGTERM);
    while (!seen->handler_is_back && ksi_monotonic_ms(&ksi_system_clock) < deadline_ms) {
        bool is_back = sigaction(SIGTERM, NULL, &now) == 0 && now.sa_handler == end_at_once;
        seen->handler_is_back = atomic_load(&seen->closes) && is_back;
        (void)sched_yield();
    }
}

static void a_second_signal_finds_the_old_handler_unless_it_comes_with_the_first(void **state)
{
    (void)state;
    ks_error error = {0};
    signals_seen seen = {.handler_is_back = false};
    struct sigaction own = {.sa_handler = end_at_once};
    struct sigaction before;
    assert_int_equal(sigaction(SIGTERM, &own, &before), 0);
    atomic_store(&ends, 0);
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(b, "in", KS_CONSUMED(.key = text, .value = text));
    ks_stream_foreach(in, send_sigterm, &seen, NULL);
    ks_topology *topology = topology_of(b);
    ks_config *config = config_of("app");
    ks_log *log = log_open();
    log_create(log, "in", 1);
    log_produce(log, "in", 0, 1, "a:x");
    ks_app *app = ks_app_new(topology, config,
                             KS_APP_OPTIONS(.log = log, .log_line = keep_quiet,
                                            .state_listener = note_closing, .user = &seen),
                             &error);
    assert_non_null(app);
    assert_ok(ks_app_run(app, &error), &error);
    assert_true(seen.handler_is_back);
    assert_int_equal(atomic_load(&ends), 0);
    assert_int_equal(log_committed(log, "app", "in", 0), 1);
    ks_app_free(app);
    ks_topology_free(topology);
    ks_config_free(config);
    ks_log_free(log);
    assert_int_equal(sigaction(SIGTERM, &before, NULL), 0);
}

static void an_application_keeps_its_log_alive(void **state)
{
    (void)state;
    ks_log *log = log_open();
    log_create(log, "in", 1);
    log_create(log, "out", 1);
    log_produce(log, "in", 0, 1, "a:x");
    fixture *self = new_fixture(log, passing(), config_of("app"));
    ks_log_free(log);
    start(self);
    catch_up(self);
    assert_int_equal(ks_app_stats_of(self->app).records_produced, 1);
    free_fixture(self);
}

/* ---- starting -------------------------------------------------------------------------------- */

static struct {
    const ksi_transport_class *real;
    ksi_transport_class class;
    int silent; /* so many questions get no answer */
    bool is_retriable;
} silence;

static ks_status silent_partition_count(ksi_transport *self, const char *topic, int32_t *count,
                                        ks_error *error)
{
    if (silence.silent == 0) {
        return silence.real->partition_count(self, topic, count, error);
    }
    silence.silent--;
    (void)ksi_error_set(error, KS_E_TIMEOUT, topic, "nobody answers");
    return ksi_error_flag(error, silence.is_retriable ? KS_ERROR_RETRIABLE : 0);
}

/* A log that says nothing the first times it is asked for a topic. */
static ks_log *new_silent_log(int times)
{
    ks_log *log = log_open();
    log_create(log, "in", 2);
    log_create(log, "out", 2);
    ksi_transport *transport = ksi_log_transport(log);
    silence.real = transport->class;
    silence.class = *silence.real;
    silence.class.partition_count = silent_partition_count;
    silence.silent = times;
    silence.is_retriable = true;
    transport->class = &silence.class;
    transport->class->release(transport);
    return log;
}

static void a_start_waits_for_a_log_that_falls_silent(void **state)
{
    (void)state;
    for (int times = 0; times < 6; times++) { /* at inputs, and at internal topics */
        ks_log *log = new_silent_log(times);
        fixture *self = new_fixture(log, two_hops(), with_threads("1"));
        log_produce(log, "in", 0, 1, "a:b");
        start(self);
        catch_up(self);
        assert_int_equal(silence.silent, 0);
        assert_int_equal(last_number(log, "out", "b"), 1);
        free_fixture(self);
        ks_log_free(log);
    }
}

static void a_start_does_not_wait_for_what_does_not_pass(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_log *log = new_silent_log(1);
    silence.is_retriable = false;
    fixture *self = new_fixture(log, two_hops(), with_threads("1"));
    assert_int_equal(ks_app_start(self->app, &error), KS_E_TIMEOUT);
    assert_non_null(strstr(error.message, "nobody answers"));
    free_fixture(self);
    ks_log_free(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_threads_catch_up_through_every_repartition_topic),
        cmocka_unit_test(threads_without_a_task_start_and_end),
        cmocka_unit_test(no_stream_thread_is_no_application),
        cmocka_unit_test(one_failing_thread_stops_all_and_the_others_commit),
        cmocka_unit_test(a_commit_that_fails_while_closing_is_not_hidden),
        cmocka_unit_test(starting_and_closing_at_once_loses_nothing),
        cmocka_unit_test(a_second_signal_finds_the_old_handler_unless_it_comes_with_the_first),
        cmocka_unit_test(an_application_keeps_its_log_alive),
        cmocka_unit_test(a_start_waits_for_a_log_that_falls_silent),
        cmocka_unit_test(a_start_does_not_wait_for_what_does_not_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
