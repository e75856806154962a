/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_app_tasks.c - tasks among threads and among applications of one group, step by step: the
 * fixture fails when one of them ever runs twice.
 */
#include "manual_app.h"

#include "base/error.h"
#include "state/row_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { PARTITIONS = 4, SESSION_MS = 6000, LONG_MS = 1000 };

static const ks_serde *const text = &ks_serde_string;

static manual_world *new_world(void)
{
    manual_world *world = manual_world_new();
    log_create(world->log, "in", PARTITIONS);
    log_create(world->log, "out", 1);
    return world;
}

/* Results at once, so that every record shows. */
static ks_config *new_config(const char *guarantee)
{
    ks_config *config = config_of("app");
    config_put(config, "processing.guarantee", guarantee);
    config_put(config, "commit.interval.ms", "100");
    config_put(config, "statestore.cache.max.bytes", "0");
    config_put(config, "session.timeout.ms", "6000");
    return config;
}

static ks_config *with(ks_config *config, const char *name, const char *value)
{
    config_put(config, name, value);
    return config;
}

/* One record to each partition, whose key is the partition's number. */
static void produce_to_all(const manual_world *world)
{
    for (int32_t p = 0; p < PARTITIONS; p++) {
        char record[16];
        (void)snprintf(record, sizeof record, "%d:x", (int)p);
        log_produce(world->log, "in", p, 1, record);
    }
}

/* The counts of a key, in the order in which they came out. */
static void expect_counts(const manual_world *world, int32_t partition, long long last)
{
    ks_error error = {0};
    ks_log_reader *reader = ks_log_reader_open(world->log, "out", &error);
    ks_log_record record;
    char key[16];
    long long expected = 1;
    (void)snprintf(key, sizeof key, "%d", (int)partition);
    assert_non_null(reader);
    while (ks_log_reader_next(reader, &record)) {
        if (ks_slice_equal(record.key, ks_slice_cstr(key))) {
            char number[32];
            (void)snprintf(number, sizeof number, "%lld", expected++);
            assert_true(ks_slice_equal(record.value, ks_slice_cstr(number)));
        }
    }
    ks_log_reader_free(reader);
    assert_int_equal(expected - 1, last);
}

static void expect_all_counts(const manual_world *world, long long last)
{
    for (int32_t p = 0; p < PARTITIONS; p++) {
        expect_counts(world, p, last);
    }
}

/* ---- among applications ---------------------------------------------------------------------- */

static void applications_that_come_and_go_share_the_tasks(void **state)
{
    (void)state;
    const char *const guarantees[] = {"at_least_once", "exactly_once_v2"};
    for (size_t g = 0; g < 2; g++) {
        manual_world *world = new_world();
        manual_app *one = manual_start(world, 0, counting(), new_config(guarantees[g]));
        produce_to_all(world);
        manual_run_ms(world, LONG_MS);
        assert_int_equal(manual_running(one), 4);
        manual_app *two = manual_start(world, 1, counting(), new_config(guarantees[g]));
        produce_to_all(world);
        manual_run_ms(world, LONG_MS);
        assert_int_equal(manual_running(one), 2);
        assert_int_equal(manual_running(two), 2);
        manual_app *three = manual_start(world, 2, counting(), new_config(guarantees[g]));
        produce_to_all(world);
        manual_run_ms(world, LONG_MS);
        assert_int_equal(manual_running(one) + manual_running(two) + manual_running(three), 4);
        assert_true(manual_running(three) >= 1);
        manual_close(one);
        produce_to_all(world);
        manual_run_ms(world, LONG_MS);
        assert_int_equal(manual_running(two), 2);
        assert_int_equal(manual_running(three), 2);
        expect_all_counts(world, 4); /* nothing was lost, and no state left behind */
        manual_close(two);
        manual_close(three);
        manual_world_free(world);
    }
}

static void a_crashed_application_is_replaced_after_its_session(void **state)
{
    (void)state;
    manual_world *world = new_world();
    manual_app *one = manual_start(world, 0, counting(), new_config("exactly_once_v2"));
    manual_app *two = manual_start(world, 1, counting(), new_config("exactly_once_v2"));
    produce_to_all(world);
    manual_run_ms(world, LONG_MS);
    assert_int_equal(manual_running(one), 2);
    manual_crash(one);
    produce_to_all(world);
    manual_run_ms(world, LONG_MS);
    assert_int_equal(manual_running(two), 2); /* nobody knows yet */
    manual_run_ms(world, SESSION_MS);
    assert_int_equal(manual_running(two), 4);
    expect_all_counts(world, 2);
    manual_close(two);
    manual_world_free(world);
}

static void an_application_that_was_asleep_is_fenced_and_joins_again(void **state)
{
    (void)state;
    manual_world *world = new_world();
    manual_app *one = manual_start(world, 0, counting(), new_config("exactly_once_v2"));
    manual_app *two = manual_start(world, 1, counting(), new_config("exactly_once_v2"));
    produce_to_all(world);
    manual_run_ms(world, LONG_MS);
    produce_to_all(world);
    bool progressed = false;
    (void)ksi_app_step_worker(one->app, 2, &progressed); /* processed and not committed */
    assert_true(progressed);
    one->left_out = true;
    manual_run_ms(world, SESSION_MS + LONG_MS);
    assert_int_equal(manual_running(two), 4);
    assert_int_equal(manual_running(one), 2); /* so it believes */
    expect_all_counts(world, 2);
    assert_int_equal(one->rejoins, 0);
    /* It wakes up in the middle of a turn of its thread. */
    (void)ksi_app_step_worker(one->app, 2, &progressed);
    expect_all_counts(world, 2);
    while (!one->app->is_lost) {
        (void)ksi_app_step_worker(one->app, 0, &progressed);
    }
    one->left_out = false;
    produce_to_all(world);
    manual_run_ms(world, LONG_MS);
    assert_int_equal(one->rejoins, 1);
    assert_int_equal(manual_running(one), 2);
    assert_int_equal(manual_running(two), 2);
    assert_int_equal(ks_app_state_of(one->app), KS_APP_RUNNING);
    expect_all_counts(world, 3);
    manual_close(one);
    manual_close(two);
    manual_world_free(world);
}

/* Others have its tasks: closing it is no failure. */
static void an_application_that_was_asleep_may_be_closed(void **state)
{
    (void)state;
    ks_error error = {0};
    manual_world *world = new_world();
    manual_app *one = manual_start(world, 0, counting(), new_config("exactly_once_v2"));
    manual_app *two = manual_start(world, 1, counting(), new_config("exactly_once_v2"));
    produce_to_all(world);
    manual_run_ms(world, LONG_MS);
    produce_to_all(world);
    bool progressed = false;
    (void)ksi_app_step_worker(one->app, 2, &progressed);
    one->left_out = true;
    manual_run_ms(world, SESSION_MS + LONG_MS);
    assert_int_equal(ks_app_close(one->app, 0, &error), KS_E_TIMEOUT);
    for (int steps = 0; !ksi_app_has_ended(one->app); steps++) {
        assert_true(steps < 100);
        (void)ksi_app_step_worker(one->app, (size_t)steps % 3, &progressed);
    }
    assert_ok(ks_app_close(one->app, 0, &error), &error);
    assert_int_equal(ks_app_state_of(one->app), KS_APP_NOT_RUNNING);
    manual_run_ms(world, LONG_MS);
    expect_all_counts(world, 2);
    manual_close(one);
    manual_close(two);
    manual_world_free(world);
}

/* A member whose group takes its time to say whether it knows it, while commits are refused. */
static struct slow_group {
    ksi_membership_class slow;
    const ksi_membership_class *real;
    bool is_in_doubt;
    bool refuses;
    bool fences;            /* once */
    size_t states_reported; /* of tasks that do not run */
    int64_t offsets_reported;
} slow_group;

static void patch_group(ks_app *app)
{
    slow_group =
        (struct slow_group){.slow = *app->membership->class, .real = app->membership->class};
    app->membership->class = &slow_group.slow;
}

static ks_status poll_slowly(ksi_membership *membership, int64_t now_ms, ksi_group_view *view,
                             ks_error *error)
{
    KS_TRY(slow_group.real->poll(membership, now_ms, view, error));
    view->is_in_doubt = slow_group.is_in_doubt;
    return KS_OK;
}

static void doubt(ksi_membership *membership, int64_t now_ms)
{
    (void)membership;
    (void)now_ms;
    slow_group.is_in_doubt = true;
}

static ksi_generation generation_of_somebody(const ksi_membership *membership)
{
    ksi_generation generation = slow_group.real->generation(membership);
    generation.number += slow_group.refuses ? 1000 : 0;
    return generation;
}

static void a_refused_commit_is_a_doubt_and_tasks_wait_until_the_group_has_answered(void **state)
{
    (void)state;
    manual_world *world = new_world();
    manual_app *one = manual_start(world, 0, counting(), new_config("exactly_once_v2"));
    produce_to_all(world);
    manual_run_ms(world, LONG_MS);
    expect_all_counts(world, 1);
    patch_group(one->app);
    slow_group.refuses = true;
    slow_group.slow.poll = poll_slowly;
    slow_group.slow.doubt = doubt;
    slow_group.slow.generation = generation_of_somebody;
    manual_run_ms(world, LONG_MS);
    produce_to_all(world);
    manual_run_ms(world, LONG_MS);
    assert_true(slow_group.is_in_doubt);
    assert_int_equal(manual_running(one), 0);
    assert_int_equal(ks_app_state_of(one->app), KS_APP_REBALANCING);
    slow_group.refuses = false;
    slow_group.is_in_doubt = false;
    manual_run_ms(world, LONG_MS);
    assert_int_equal(manual_running(one), PARTITIONS);
    assert_int_equal(one->rejoins, 0); /* it was no loss */
    expect_all_counts(world, 2);
    one->app->membership->class = slow_group.real;
    manual_close(one);
    manual_world_free(world);
}

static ks_status poll_and_fence(ksi_membership *membership, int64_t now_ms, ksi_group_view *view,
                                ks_error *error)
{
    if (slow_group.fences) {
        slow_group.fences = false;
        return ksi_error_set(error, KS_E_FENCED, "app", "the session is over");
    }
    return slow_group.real->poll(membership, now_ms, view, error);
}

/* Keeps what the first report after a loss says of what is on the disk. */
static void report_and_keep(ksi_membership *membership, const ksi_task_id *active,
                            size_t active_count, const ksi_task_state *standby,
                            size_t standby_count)
{
    if (active_count == 0 && standby_count > slow_group.states_reported) {
        slow_group.states_reported = standby_count;
        for (size_t i = 0; i < standby_count; i++) {
            slow_group.offsets_reported += standby[i].offsets;
        }
    }
    slow_group.real->report(membership, active, active_count, standby, standby_count);
}

static void an_application_that_joins_again_says_what_it_has_on_the_disk(void **state)
{
    (void)state;
    manual_world *world = new_world();
    manual_app *one =
        manual_start(world, 0, counting(),
                     with(new_config("at_least_once"), "statestore.apply.interval.ms", "100"));
    produce_to_all(world);
    manual_run_ms(world, LONG_MS);
    patch_group(one->app);
    slow_group.slow.poll = poll_and_fence;
    slow_group.slow.report = report_and_keep;
    slow_group.fences = true;
    manual_run_ms(world, LONG_MS);
    assert_int_equal(one->rejoins, 1);
    assert_int_equal(slow_group.states_reported, PARTITIONS);
    assert_int_equal(slow_group.offsets_reported, PARTITIONS); /* a row in each changelog */
    assert_int_equal(manual_running(one), PARTITIONS);
    produce_to_all(world);
    manual_run_ms(world, LONG_MS);
    expect_all_counts(world, 2);
    one->app->membership->class = slow_group.real;
    manual_close(one);
    manual_world_free(world);
}

static void a_task_that_stays_as_a_standby_is_run_by_another(void **state)
{
    (void)state;
    manual_world *world = new_world();
    manual_app *apps[2];
    for (size_t i = 0; i < 2; i++) {
        apps[i] = manual_start(world, i, counting(),
                               with(new_config("exactly_once_v2"), "num.standby.replicas", "1"));
        produce_to_all(world);
        manual_run_ms(world, 3 * LONG_MS);
    }
    assert_int_equal(manual_running(apps[0]), 2);
    assert_int_equal(manual_running(apps[1]), 2);
    assert_int_equal(apps[0]->app->task_count, 4);
    expect_all_counts(world, 2);
    manual_close(apps[0]);
    manual_close(apps[1]);
    manual_world_free(world);
}

static void a_standby_takes_over_with_its_state(void **state)
{
    (void)state;
    manual_world *world = new_world();
    manual_app *apps[2];
    for (size_t i = 0; i < 2; i++) {
        apps[i] = manual_start(world, i, counting(),
                               with(new_config("exactly_once_v2"), "num.standby.replicas", "1"));
    }
    for (int i = 0; i < 20; i++) {
        produce_to_all(world);
    }
    manual_run_ms(world, 3 * LONG_MS); /* standbys are written once a second */
    assert_int_equal(manual_running(apps[1]), 2);
    assert_int_equal(apps[1]->app->task_count, 4); /* two of them standbys */
    ksi_row_store *before[PARTITIONS];
    for (int32_t p = 0; p < PARTITIONS; p++) {
        before[p] = manual_task(apps[1], 0, p)->rows->stores[0].rows;
    }
    manual_crash(apps[0]);
    manual_run_ms(world, SESSION_MS + LONG_MS);
    assert_int_equal(manual_running(apps[1]), 4);
    assert_int_equal(apps[1]->promotions, 2);
    for (int32_t p = 0; p < PARTITIONS; p++) {
        assert_ptr_equal(manual_task(apps[1], 0, p)->rows->stores[0].rows, before[p]);
    }
    produce_to_all(world);
    manual_run_ms(world, LONG_MS);
    expect_all_counts(world, 21);
    manual_close(apps[1]);
    manual_world_free(world);
}

/* ---- among threads --------------------------------------------------------------------------- */

static void a_task_that_moves_to_another_thread_keeps_its_open_stores(void **state)
{
    (void)state;
    ks_error error = {0};
    manual_world *world = new_world();
    manual_app *one = manual_start(world, 0, counting(), new_config("at_least_once"));
    produce_to_all(world);
    manual_run_ms(world, LONG_MS);
    assert_int_equal(manual_running_in(one, 0), 4);
    const int restores = one->restores;
    ksi_row_store *before[PARTITIONS];
    for (int32_t p = 0; p < PARTITIONS; p++) {
        before[p] = manual_task(one, 0, p)->rows->stores[0].rows;
    }
    assert_ok(ks_app_add_stream_thread(one->app, &error), &error);
    produce_to_all(world);
    manual_run_ms(world, LONG_MS);
    assert_int_equal(manual_running_in(one, 0), 2);
    assert_int_equal(manual_running_in(one, 1), 2);
    assert_int_equal(ks_app_stream_threads(one->app), 2);
    produce_to_all(world);
    manual_run_ms(world, LONG_MS);
    assert_ok(ks_app_remove_stream_thread(one->app, &error), &error);
    produce_to_all(world);
    manual_run_ms(world, LONG_MS);
    assert_int_equal(manual_running_in(one, 0), 4);
    assert_int_equal(ks_app_stream_threads(one->app), 1);
    for (int32_t p = 0; p < PARTITIONS; p++) {
        assert_ptr_equal(manual_task(one, 0, p)->rows->stores[0].rows, before[p]);
    }
    assert_int_equal(one->restores, restores);
    assert_int_equal(ks_app_state_of(one->app), KS_APP_RUNNING);
    expect_all_counts(world, 4);
    manual_close(one);
    manual_world_free(world);
}

static void the_last_thread_may_be_removed_and_another_added(void **state)
{
    (void)state;
    ks_error error = {0};
    manual_world *world = new_world();
    manual_app *one = manual_start(world, 0, counting(), new_config("exactly_once_v2"));
    produce_to_all(world);
    manual_run_ms(world, LONG_MS);
    assert_ok(ks_app_remove_stream_thread(one->app, &error), &error);
    produce_to_all(world);
    manual_run_ms(world, LONG_MS);
    assert_int_equal(manual_running(one), 0);
    expect_all_counts(world, 1);
    assert_int_equal(ks_app_remove_stream_thread(one->app, &error), KS_E_STATE);
    assert_ok(ks_app_add_stream_thread(one->app, &error), &error);
    manual_run_ms(world, LONG_MS);
    assert_int_equal(manual_running(one), 4);
    expect_all_counts(world, 2);
    manual_close(one);
    manual_world_free(world);
}

/* ---- whose transactions ---------------------------------------------------------------------- */

enum { MOST_PRODUCERS = 8, ID_SIZE = 128 };

/* The transactional ids that producers were opened with, in this order. */
static struct {
    char ids[MOST_PRODUCERS][ID_SIZE];
    size_t count;
    const ksi_transport_class *real;
    ksi_transport_class noting;
} opened;

static ksi_producer *open_noted_producer(ksi_transport *transport,
                                         const ksi_producer_options *options, ks_error *error)
{
    if (options != NULL && options->transactional_id != NULL) {
        assert_true(opened.count < MOST_PRODUCERS);
        (void)snprintf(opened.ids[opened.count++], ID_SIZE, "%s", options->transactional_id);
    }
    return opened.real->open_producer(transport, options, error);
}

static manual_world *new_noting_world(void)
{
    manual_world *world = new_world();
    ksi_transport *transport = ksi_log_transport(world->log);
    memset(&opened, 0, sizeof opened);
    opened.real = transport->class;
    opened.noting = *opened.real;
    opened.noting.open_producer = open_noted_producer;
    transport->class = &opened.noting;
    transport->class->release(transport);
    return world;
}

/* That there are so many, and the last one is that of a thread of this application. */
static void expect_opened(size_t count, const manual_app *app, size_t index)
{
    char expected[ID_SIZE];
    (void)snprintf(expected, sizeof expected, "app-%s-%zu", app->app->process_id, index);
    assert_int_equal(opened.count, count);
    assert_string_equal(opened.ids[count - 1], expected);
}

static void a_thread_has_the_transactional_id_of_the_one_whose_place_it_takes(void **state)
{
    (void)state;
    ks_error error = {0};
    manual_world *world = new_noting_world();
    manual_app *one = manual_start(world, 0, counting(),
                                   with(new_config("exactly_once_v2"), "num.stream.threads", "2"));
    produce_to_all(world);
    manual_run_ms(world, LONG_MS);
    expect_opened(2, one, 2);
    assert_ok(ks_app_remove_stream_thread(one->app, &error), &error);
    produce_to_all(world);
    manual_run_ms(world, LONG_MS);
    assert_ok(ks_app_add_stream_thread(one->app, &error), &error);
    produce_to_all(world);
    manual_run_ms(world, LONG_MS);
    expect_opened(3, one, 2);
    assert_ok(ks_app_remove_stream_thread(one->app, &error), &error);
    assert_ok(ks_app_add_stream_thread(one->app, &error), &error);
    produce_to_all(world);
    manual_run_ms(world, LONG_MS);
    expect_opened(4, one, 3); /* that of one which has not ended would fence it */
    expect_all_counts(world, 4);
    manual_close(one);
    manual_world_free(world);
}

static void no_two_threads_of_any_application_share_a_transactional_id(void **state)
{
    (void)state;
    manual_world *world = new_noting_world();
    manual_app *apps[2];
    for (size_t i = 0; i < 2; i++) {
        apps[i] = manual_start(world, i, counting(),
                               with(new_config("exactly_once_v2"), "num.stream.threads", "2"));
    }
    produce_to_all(world);
    manual_run_ms(world, LONG_MS);
    assert_int_equal(opened.count, 4);
    for (size_t i = 0; i < opened.count; i++) {
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(opened.ids[i], opened.ids[k]);
        }
    }
    expect_all_counts(world, 1);
    manual_close(apps[0]);
    manual_close(apps[1]);
    manual_world_free(world);
}

/* ---- threads that fail ----------------------------------------------------------------------- */

/* Fails on the first record of a key that is set, once. */
static const char *fail_on;

static void fail_once(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)user;
    if (fail_on != NULL && ks_slice_equal(ks_value_text(record->key), ks_slice_cstr(fail_on))) {
        fail_on = NULL;
        ks_ctx_fail(ctx, "once");
    }
}

/* in -> counted -> fails, perhaps -> as text -> out */
static ks_value as_text(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)user;
    return ks_text(ks_value_to_text(ks_ctx_arena(ctx), record->value));
}

static ks_topology *counting_with_failures(void)
{
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(b, "in", KS_CONSUMED(.key = text, .value = text));
    ks_table *counts = ks_grouped_stream_count(ks_stream_group_by_key(in, NULL),
                                               KS_MATERIALIZED(.name = "counted"));
    ks_stream *seen = ks_stream_peek(ks_table_to_stream(counts, NULL), fail_once, NULL, NULL);
    ks_stream_to(ks_stream_map_values(seen, as_text, NULL, NULL), "out",
                 KS_PRODUCED(.key = text, .value = text));
    return topology_of(b);
}

static void a_failed_thread_is_replaced_and_its_tasks_go_back_to_their_last_commit(void **state)
{
    (void)state;
    manual_world *world = new_world();
    manual_app *one = manual_start(world, 0, counting_with_failures(),
                                   with(new_config("exactly_once_v2"), "num.stream.threads", "2"));
    one->answer = KS_REPLACE_THREAD;
    produce_to_all(world);
    manual_run_ms(world, LONG_MS);
    ksi_row_store *before = manual_task(one, 0, 3)->rows->stores[0].rows;
    fail_on = "3";
    produce_to_all(world);
    manual_run_ms(world, LONG_MS);
    assert_int_equal(one->asked, 1);
    assert_non_null(strstr(one->asked_about, "once"));
    assert_int_equal(ks_app_stream_threads(one->app), 2);
    assert_int_equal(manual_running(one), 4);
    assert_int_equal(ks_app_state_of(one->app), KS_APP_RUNNING);
    assert_ptr_equal(manual_task(one, 0, 3)->rows->stores[0].rows, before);
    expect_all_counts(world, 2);
    manual_close(one);
    manual_world_free(world);
}

/* Without a word of the program, one failure ends the application, and only this one. */
static void a_failure_ends_one_application_and_another_goes_on(void **state)
{
    (void)state;
    manual_world *world = new_world();
    manual_app *apps[2];
    for (size_t i = 0; i < 2; i++) {
        apps[i] = manual_start(world, i, counting_with_failures(), new_config("exactly_once_v2"));
        apps[i]->answer = KS_SHUTDOWN_CLIENT;
    }
    produce_to_all(world);
    manual_run_ms(world, LONG_MS);
    fail_on = "3";
    produce_to_all(world);
    manual_run_ms(world, LONG_MS); /* it left the group: no session has to end */
    manual_app *failed = apps[0]->asked > 0 ? apps[0] : apps[1];
    manual_app *other = apps[0]->asked > 0 ? apps[1] : apps[0];
    assert_int_equal(failed->asked, 1);
    assert_int_equal(other->asked, 0);
    assert_int_equal(ks_app_state_of(failed->app), KS_APP_ERROR);
    assert_int_equal(ks_app_state_of(other->app), KS_APP_RUNNING);
    assert_int_equal(manual_running(other), 4);
    expect_all_counts(world, 2);
    manual_close(other);
    manual_close(failed);
    manual_world_free(world);
}

static void a_failure_may_end_every_application(void **state)
{
    (void)state;
    manual_world *world = new_world();
    manual_app *apps[2];
    for (size_t i = 0; i < 2; i++) {
        apps[i] = manual_start(world, i, counting_with_failures(), new_config("at_least_once"));
        apps[i]->answer = KS_SHUTDOWN_APPLICATION;
    }
    produce_to_all(world);
    manual_run_ms(world, LONG_MS);
    fail_on = "3";
    produce_to_all(world);
    manual_run_ms(world, SESSION_MS);
    assert_int_equal(apps[0]->asked + apps[1]->asked, 1);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(ks_app_state_of(apps[i]->app), KS_APP_ERROR);
        if (apps[i]->asked == 0) {
            assert_non_null(strstr(apps[i]->last_error, "asked the whole application to shut"));
        }
        manual_close(apps[i]);
    }
    manual_world_free(world);
}

/* ---- a thread that is stuck ------------------------------------------------------------------ */

static manual_world *stuck_world;
static bool is_released;

/* What the other threads of the process do while one is stuck: in a thread of its own, as they. */
static void go_on_without(void *user)
{
    ks_app *app = stuck_world->apps[0].app;
    const size_t stuck = *(const size_t *)user;
    bool progressed = true;
    for (int64_t passed = 0; passed < 4000; passed += 100) {
        stuck_world->clock.now_ms += 100;
        (void)ksi_app_step_worker(app, 0, &progressed);
        (void)ksi_app_step_worker(app, 2 + (1 - stuck), &progressed);
    }
    (void)ksi_app_step_worker(app, 0, &progressed);
}

/* Does not return for longer than max.poll.interval.ms. */
static void be_stuck(ks_ctx *ctx, const ks_record *record, void *user)
{
    ksi_thread others = {0};
    (void)ctx;
    (void)user;
    if (is_released || !ks_slice_equal(ks_value_text(record->key), ks_slice_cstr("0"))) {
        return;
    }
    const ks_app *app = stuck_world->apps[0].app;
    size_t self = ksi_stream_thread_activity_of(app->threads[0]->thread).turn_began_ns >= 0 ? 0 : 1;
    assert_int_equal(ksi_thread_start(&others, "others", go_on_without, &self), 0);
    ksi_thread_join(&others);
    is_released = true;
}

static void a_stuck_thread_ends_the_application_and_is_named(void **state)
{
    (void)state;
    manual_world *world = new_world();
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(b, "in", KS_CONSUMED(.key = text, .value = text));
    ks_stream_to(ks_stream_peek(in, be_stuck, NULL, NULL), "out",
                 KS_PRODUCED(.key = text, .value = text));
    ks_config *config = with(new_config("exactly_once_v2"), "num.stream.threads", "2");
    config_put(config, "max.poll.interval.ms", "3000");
    manual_app *one = manual_start(world, 0, topology_of(b), config);
    manual_run_ms(world, LONG_MS);
    assert_int_equal(manual_running_in(one, 0), 2);
    assert_int_equal(manual_running_in(one, 1), 2);
    stuck_world = world;
    is_released = false;
    produce_to_all(world);
    manual_run_ms(world, LONG_MS);
    assert_true(is_released);
    assert_int_equal(ks_app_state_of(one->app), KS_APP_ERROR);
    assert_non_null(strstr(one->last_error, "one batch of task 0_0"));
    assert_non_null(strstr(one->last_error, "node KSTREAM-PEEK-0000000001 with the record at "
                                            "topic in partition 0 offset 0,"));
    assert_non_null(strstr(one->last_error, "StreamThread-"));
    assert_non_null(strstr(one->last_error, "max.poll.interval.ms"));
    manual_close(one);

    /* What the stuck thread had was fenced; the next application processes it, once. */
    manual_restart(one);
    manual_run_ms(world, LONG_MS);
    assert_int_equal(log_count(world->log, "out"), PARTITIONS);
    manual_close(one);
    manual_world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(applications_that_come_and_go_share_the_tasks),
        cmocka_unit_test(a_crashed_application_is_replaced_after_its_session),
        cmocka_unit_test(an_application_that_was_asleep_is_fenced_and_joins_again),
        cmocka_unit_test(an_application_that_was_asleep_may_be_closed),
        cmocka_unit_test(a_refused_commit_is_a_doubt_and_tasks_wait_until_the_group_has_answered),
        cmocka_unit_test(an_application_that_joins_again_says_what_it_has_on_the_disk),
        cmocka_unit_test(a_task_that_stays_as_a_standby_is_run_by_another),
        cmocka_unit_test(a_standby_takes_over_with_its_state),
        cmocka_unit_test(a_task_that_moves_to_another_thread_keeps_its_open_stores),
        cmocka_unit_test(the_last_thread_may_be_removed_and_another_added),
        cmocka_unit_test(a_thread_has_the_transactional_id_of_the_one_whose_place_it_takes),
        cmocka_unit_test(no_two_threads_of_any_application_share_a_transactional_id),
        cmocka_unit_test(a_failed_thread_is_replaced_and_its_tasks_go_back_to_their_last_commit),
        cmocka_unit_test(a_failure_ends_one_application_and_another_goes_on),
        cmocka_unit_test(a_failure_may_end_every_application),
        cmocka_unit_test(a_stuck_thread_ends_the_application_and_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
