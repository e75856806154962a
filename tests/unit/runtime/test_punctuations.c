/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_punctuations.c - punctuations of applications: by whose thread, when, and what is committed.
 * When they are due, and in which order, stands in tests/api/test_punctuations.c.
 */
#include "manual_app.h"

#include "base/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

typedef struct calls {
    ksi_mutex lock;
    ksi_condition changed;
    int count;
    int64_t last_ms;
} calls;

static int called(calls *self)
{
    ksi_mutex_lock(&self->lock);
    int count = self->count;
    ksi_mutex_unlock(&self->lock);
    return count;
}

static void tick(ks_ctx *ctx, int64_t now_ms, void *user)
{
    calls *self = user;
    const ks_record record = {
        .key = ks_text_of("tick"), .value = ks_text_of("tick"), .timestamp = now_ms};
    ks_ctx_forward(ctx, &record);
    ksi_mutex_lock(&self->lock);
    self->count++;
    self->last_ms = now_ms;
    ksi_condition_wake_all(&self->changed);
    ksi_mutex_unlock(&self->lock);
}

static void by_wall_clock(ks_ctx *ctx, void *state, void *user)
{
    (void)state;
    ks_ctx_schedule(ctx, tick, user,
                    KS_SCHEDULE(.interval_ms = 50, .type = KS_PUNCTUATION_WALL_CLOCK));
}

static void by_stream_time(ks_ctx *ctx, void *state, void *user)
{
    (void)state;
    ks_ctx_schedule(ctx, tick, user, KS_SCHEDULE(.interval_ms = 10));
}

static void swallow(ks_ctx *ctx, const ks_record *record, void *state, void *user)
{
    (void)ctx;
    (void)record;
    (void)state;
    (void)user;
}

static const ks_processor clocked = {
    .struct_size = sizeof clocked, .init = by_wall_clock, .process = swallow};
static const ks_processor driven = {
    .struct_size = sizeof driven, .init = by_stream_time, .process = swallow};

/* in -> the processor, which lets nothing through -> out */
static ks_topology *ticking(const ks_processor *processor, calls *user)
{
    const ks_serde *text = &ks_serde_string;
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(b, "in", KS_CONSUMED(.key = text, .value = text));
    ks_stream_to(ks_stream_process(in, processor, user, NULL), "out",
                 KS_PRODUCED(.key = text, .value = text));
    return topology_of(b);
}

static void calls_init(calls *self)
{
    *self = (calls){0};
    ksi_mutex_init(&self->lock);
    ksi_condition_init(&self->changed);
}

static void calls_destroy(calls *self)
{
    ksi_condition_destroy(&self->changed);
    ksi_mutex_destroy(&self->lock);
}

static void a_thread_without_records_wakes_for_its_punctuations(void **state)
{
    (void)state;
    calls seen;
    ks_error error = {0};
    calls_init(&seen);
    ks_log *log = log_open();
    log_create(log, "in", 1);
    log_create(log, "out", 1);
    ks_config *config = config_of("ticking");
    ks_topology *topology = ticking(&clocked, &seen);
    ks_app *app = ks_app_new(topology, config, KS_APP_OPTIONS(.log = log), &error);
    assert_ok(ks_app_start(app, &error), &error);
    ksi_mutex_lock(&seen.lock);
    while (seen.count < 3) {
        ksi_condition_wait(&seen.changed, &seen.lock);
    }
    ksi_mutex_unlock(&seen.lock);
    assert_ok(ks_app_close(app, -1, &error), &error);
    assert_int_equal(log_count(log, "out"), (size_t)seen.count); /* the last ones are committed */
    ks_app_free(app);
    ks_topology_free(topology);
    ks_config_free(config);
    ks_log_free(log);
    calls_destroy(&seen);
}

static void a_paused_application_is_not_called_and_makes_up_for_nothing(void **state)
{
    (void)state;
    calls seen;
    calls_init(&seen);
    manual_world *world = manual_world_new();
    log_create(world->log, "in", 1);
    log_create(world->log, "out", 1);
    ks_config *config = config_of("ticking");
    config_put(config, "processing.guarantee", "exactly_once_v2");
    manual_app *one = manual_start(world, 0, ticking(&clocked, &seen), config);
    manual_run_ms(world, 1000);
    int before = called(&seen);
    assert_true(before >= 5);
    assert_int_equal(log_count(world->log, "out"), (size_t)before); /* nobody waits for a commit */
    ks_app_pause(one->app);
    manual_run_ms(world, 1000);
    assert_int_equal(called(&seen), before);
    ks_app_resume(one->app);
    manual_settle(world);
    assert_int_equal(called(&seen), before + 1);
    manual_close(one);
    manual_world_free(world);
    calls_destroy(&seen);
}

/* Every 10 ms of stream time there is a call, whatever a thread takes at a time. */
static void stream_time_is_looked_at_after_each_record(void **state)
{
    (void)state;
    calls seen;
    char record[20];
    calls_init(&seen);
    manual_world *world = manual_world_new();
    log_create(world->log, "in", 1);
    log_create(world->log, "out", 1);
    for (int64_t timestamp = 0; timestamp < 1000; timestamp += 2) {
        snprintf(record, sizeof record, "k:%d", (int)timestamp);
        log_produce(world->log, "in", 0, timestamp, record);
    }
    manual_app *one = manual_start(world, 0, ticking(&driven, &seen), config_of("ticking"));
    manual_run_ms(world, 1000);
    assert_int_equal(called(&seen), 100);
    assert_int_equal(seen.last_ms, 990);
    manual_close(one);
    assert_int_equal(log_count(world->log, "out"), 100);

    /* Stream time survives; what was due by it is due again: Java keeps no schedule either. */
    manual_restart(one);
    manual_run_ms(world, 1000);
    assert_int_equal(called(&seen), 101);
    assert_int_equal(seen.last_ms, 998);
    manual_close(one);
    manual_world_free(world);
    calls_destroy(&seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_without_records_wakes_for_its_punctuations),
        cmocka_unit_test(a_paused_application_is_not_called_and_makes_up_for_nothing),
        cmocka_unit_test(stream_time_is_looked_at_after_each_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
