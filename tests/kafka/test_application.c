/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_application.c - applications on a real broker: how they enter and leave their group, and
 * what does not disturb it.
 *
 * Which generation of the group an application is in, it says in its log: that is where a rebalance
 * shows, and where it shows that there was none.
 */
#include <kstreams/kstreams.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "assert_ok.h"
#include "kafka_broker.h"
#include "state_dir.h"

enum { PARTITIONS = 4, KEYS = 20, PATIENCE_MS = 60000, PATH_SIZE = 600 };

/* ---- an instance ----------------------------------------------------------------------------- */

typedef struct names {
    const char *application;
    const char *in;
    const char *out;
} names;

typedef struct instance {
    const names *names;
    const char *group_instance; /* NULL: a dynamic member */
    const char *session_ms;
    const char *guarantee; /* NULL: at_least_once */
    char state_dir[PATH_SIZE];
    ks_topology *topology;
    ks_app *app;
    atomic_int generation; /* that it said last */
    atomic_int active;     /* tasks it has in it */
    atomic_int joins;      /* how often it said one */
} instance;

static void note_line(ks_log_level level, const char *where, const char *message, void *user)
{
    instance *self = user;
    const char *at = strstr(message, " has in generation ");
    int generation = 0;
    int active = 0;
    int to_come = 0;
    (void)level;
    (void)where;
    if (at != NULL) {
        assert_int_equal(sscanf(at, " has in generation %d: %d active tasks (%d more to come)",
                                &generation, &active, &to_come),
                         3);
        atomic_store(&self->active, active);
        atomic_store(&self->generation, generation);
        atomic_fetch_add(&self->joins, 1);
    }
}

static ks_topology *counting(const names *topics)
{
    ks_error error = {0};
    ks_builder *builder = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(
        builder, topics->in, KS_CONSUMED(.key = &ks_serde_string, .value = &ks_serde_string));
    ks_table *counts = ks_grouped_stream_count(
        ks_stream_group_by_key(in, KS_GROUPED(.key = &ks_serde_string, .value = &ks_serde_string)),
        KS_MATERIALIZED(.name = "counts"));
    ks_stream_to(ks_table_to_stream(counts, NULL), topics->out,
                 KS_PRODUCED(.key = &ks_serde_string, .value = &ks_serde_i64));
    ks_topology *topology = ks_builder_build(builder, &error);
    assert_ok(topology != NULL ? KS_OK : error.code, &error);
    ks_builder_free(builder);
    return topology;
}

static void new_state_dir(instance *self)
{
    (void)snprintf(self->state_dir, sizeof self->state_dir, "%s", state_dir_new());
}

static void start(instance *self)
{
    ks_error error = {0};
    ks_config *config = ks_config_new();
    const char *const pairs[][2] = {{"application.id", self->names->application},
                                    {"bootstrap.servers", kafka_bootstrap_servers()},
                                    {"state.dir", self->state_dir},
                                    {"statestore.cache.max.bytes", "0"},
                                    {"commit.interval.ms", "100"},
                                    {"consumer.session.timeout.ms", self->session_ms},
                                    {"processing.guarantee", self->guarantee},
                                    {"consumer.group.instance.id", self->group_instance}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if (pairs[i][1] != NULL) {
            assert_ok(ks_config_set(config, pairs[i][0], pairs[i][1], &error), &error);
        }
    }
    self->topology = counting(self->names);
    self->app = ks_app_new(self->topology, config,
                           KS_APP_OPTIONS(.log_line = note_line, .user = self), &error);
    assert_ok(self->app != NULL ? KS_OK : error.code, &error);
    ks_config_free(config);
    assert_ok(ks_app_start(self->app, &error), &error);
}

static void stop(instance *self)
{
    ks_error error = {0};
    assert_ok(ks_app_close(self->app, PATIENCE_MS, &error), &error);
    ks_app_free(self->app);
    ks_topology_free(self->topology);
    self->app = NULL;
}

/* Until it runs all tasks it shall run, and has processed what was written. */
static void wait_until_caught_up(const instance *self)
{
    ks_error error = {0};
    assert_ok(ks_app_wait_until_caught_up(self->app, PATIENCE_MS, &error), &error);
    assert_int_equal(ks_app_state_of(self->app), KS_APP_RUNNING);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- topics ---------------------------------------------------------------------------------- */

static ks_log *open_log(void)
{
    ks_error error = {0};
    ks_log *log = ks_log_open(kafka_bootstrap_servers(), &error);
    assert_ok(log != NULL ? KS_OK : error.code, &error);
    return log;
}

static void make_names(names *made)
{
    ks_error error = {0};
    *made = (names){.application = kafka_name("application"),
                    .in = kafka_name("application-in"),
                    .out = kafka_name("application-out")};
    ks_log *log = open_log();
    assert_ok(ks_log_create_topic(log, made->in, PARTITIONS, &error), &error);
    assert_ok(ks_log_create_topic(log, made->out, PARTITIONS, &error), &error);
    ks_log_free(log);
}

static void write_each_key(const names *topics)
{
    ks_error error = {0};
    ks_log *log = open_log();
    for (int i = 0; i < KEYS; i++) {
        char key[16];
        int length = snprintf(key, sizeof key, "k%d", i);
        const ks_log_record record = {.key = ks_slice_of(key, (size_t)length),
                                      .value = ks_slice_cstr("v"),
                                      .timestamp = -1,
                                      .partition = -1};
        assert_ok(ks_log_produce(log, topics->in, &record, &error), &error);
    }
    ks_log_free(log);
}

/* How many results there are, and the sum of all of them. */
static void read_results(const names *topics, int *count, int64_t *sum)
{
    ks_error error = {0};
    ks_log_record record;
    ks_log *log = open_log();
    ks_log_reader *reader = ks_log_reader_open(log, topics->out, &error);
    assert_ok(reader != NULL ? KS_OK : error.code, &error);
    *count = 0;
    *sum = 0;
    while (ks_log_reader_next_to_end(reader, &record)) {
        assert_int_equal(record.value.size, 8);
        *count += 1;
        *sum += ((const unsigned char *)record.value.data)[7];
    }
    assert_ok(ks_log_reader_status(reader, &error), &error);
    ks_log_reader_free(reader);
    ks_log_free(log);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void an_instance_that_was_closed_is_succeeded_at_once(void **state)
{
    (void)state;
    names topics;
    make_names(&topics);
    instance first = {.names = &topics, .session_ms = "45000"};
    instance second = {.names = &topics, .session_ms = "45000"};
    new_state_dir(&first);
    new_state_dir(&second);
    write_each_key(&topics);
    start(&first);
    wait_until_caught_up(&first);
    stop(&first);
    write_each_key(&topics);
    int64_t began_ms = now_ms();
    start(&second);
    wait_until_caught_up(&second);
    /* A member that did not leave would have kept the tasks for its session. */
    assert_true(now_ms() - began_ms < 45000);
    stop(&second);
    int count;
    int64_t sum;
    read_results(&topics, &count, &sum);
    assert_int_equal(count, 2 * KEYS);
    assert_int_equal(sum, 3 * KEYS);
}

static void a_static_member_that_restarts_within_its_session_moves_nothing(void **state)
{
    (void)state;
    names topics;
    make_names(&topics);
    instance first = {.names = &topics, .session_ms = "45000", .group_instance = "one"};
    instance second = {.names = &topics, .session_ms = "45000", .group_instance = "two"};
    new_state_dir(&first);
    new_state_dir(&second);
    start(&first);
    wait_until_caught_up(&first);
    start(&second);
    wait_until_caught_up(&second);
    while (atomic_load(&second.active) != PARTITIONS / 2 ||
           atomic_load(&first.generation) != atomic_load(&second.generation)) {
        wait_until_caught_up(&first); /* a move has two steps */
        wait_until_caught_up(&second);
    }
    int generation = atomic_load(&first.generation);
    int joins = atomic_load(&first.joins);
    stop(&second);
    write_each_key(&topics);
    start(&second);
    wait_until_caught_up(&second);
    wait_until_caught_up(&first);
    assert_int_equal(atomic_load(&second.generation), generation);
    assert_int_equal(atomic_load(&first.joins), joins);
    stop(&first);
    stop(&second);
    int count;
    int64_t sum;
    read_results(&topics, &count, &sum);
    assert_int_equal(count, KEYS);
    assert_int_equal(sum, KEYS);
}

static void change_thread(const instance *self, ks_status (*change)(ks_app *, ks_error *))
{
    ks_error error = {0};
    assert_ok(change(self->app, &error), &error);
    write_each_key(self->names);
    wait_until_caught_up(self);
}

/* The last thread that is added takes the place of the one that was removed, if it has ended. */
static void expect_no_rebalance(const char *guarantee)
{
    names topics;
    make_names(&topics);
    instance only = {.names = &topics, .session_ms = "45000", .guarantee = guarantee};
    new_state_dir(&only);
    start(&only);
    wait_until_caught_up(&only);
    int joins = atomic_load(&only.joins);
    change_thread(&only, ks_app_add_stream_thread);
    assert_int_equal(ks_app_stream_threads(only.app), 2);
    change_thread(&only, ks_app_remove_stream_thread);
    assert_int_equal(ks_app_stream_threads(only.app), 1);
    change_thread(&only, ks_app_add_stream_thread);
    assert_int_equal(ks_app_stream_threads(only.app), 2);
    assert_int_equal(atomic_load(&only.joins), joins);
    stop(&only);
    int count;
    int64_t sum;
    read_results(&topics, &count, &sum);
    assert_int_equal(count, 3 * KEYS);
    assert_int_equal(sum, (1 + 2 + 3) * KEYS);
}

static void a_stream_thread_more_or_less_causes_no_rebalance(void **state)
{
    (void)state;
    expect_no_rebalance("at_least_once");
    expect_no_rebalance("exactly_once_v2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_instance_that_was_closed_is_succeeded_at_once),
        cmocka_unit_test(a_static_member_that_restarts_within_its_session_moves_nothing),
        cmocka_unit_test(a_stream_thread_more_or_less_causes_no_rebalance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
