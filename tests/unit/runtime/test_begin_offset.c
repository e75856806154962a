/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_begin_offset.c - where a task begins to read.
 */
#include "log_fixture.h"

#include "runtime/begin_offset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { NOW = 100000 };

/* A partition with records at 10, 20, ... 50 s. */
typedef struct fixture {
    ks_log *log;
    ksi_manual_clock clock;
    ksi_offset_rules rules;
} fixture;

static fixture *new_fixture(void)
{
    fixture *self = test_calloc(1, sizeof *self);
    self->log = log_open();
    ksi_manual_clock_init(&self->clock, NOW);
    self->rules = (ksi_offset_rules){.transport = ksi_log_transport(self->log),
                                     .group = "app",
                                     .fallback = KS_OFFSET_RESET_EARLIEST,
                                     .clock = &self->clock.clock};
    log_create(self->log, "in", 2);
    for (int64_t second = 10; second <= 50; second += 10) {
        log_produce(self->log, "in", 1, second * 1000, "key:value");
    }
    return self;
}

static void free_fixture(fixture *self)
{
    self->rules.transport->class->release(self->rules.transport);
    ks_log_free(self->log);
    test_free(self);
}

static void commit(const fixture *self, int64_t offset)
{
    ks_error error = {0};
    const ksi_group_offset committed = {.partition = {.topic = "in", .partition = 1},
                                        .offset = offset};
    ksi_transport *transport = self->rules.transport;
    const ksi_offset_commit commit = {.group = "app", .offsets = &committed, .count = 1};
    assert_ok(transport->class->commit_offsets(transport, &commit, &error), &error);
}

static int64_t begin_of(const fixture *self, ks_offset_reset reset, int64_t duration_ms)
{
    ks_error error = {0};
    const ksi_source source = {.offset_reset = reset, .offset_reset_duration_ms = duration_ms};
    ksi_begin begin = {.offset = -1};
    assert_ok(
        ksi_begin_offset(&self->rules, (ksi_topic_partition){"in", 1}, &source, &begin, &error),
        &error);
    return begin.offset;
}

static void the_committed_offset_comes_first(void **state)
{
    (void)state;
    fixture *self = new_fixture();
    const ks_offset_reset all[] = {KS_OFFSET_RESET_DEFAULT, KS_OFFSET_RESET_EARLIEST,
                                   KS_OFFSET_RESET_LATEST, KS_OFFSET_RESET_NONE,
                                   KS_OFFSET_RESET_BY_DURATION};
    const int64_t committed[] = {0, 3, 5};
    for (size_t c = 0; c < sizeof committed / sizeof committed[0]; c++) {
        commit(self, committed[c]);
        for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
            assert_int_equal(begin_of(self, all[i], 1), committed[c]);
        }
    }
    free_fixture(self);
}

static void without_one_the_policy_of_the_source_decides(void **state)
{
    (void)state;
    ks_error error = {0};
    fixture *self = new_fixture();
    assert_int_equal(begin_of(self, KS_OFFSET_RESET_EARLIEST, 0), 0);
    assert_int_equal(begin_of(self, KS_OFFSET_RESET_LATEST, 0), 5);
    assert_int_equal(begin_of(self, KS_OFFSET_RESET_BY_DURATION, NOW - 30000), 2);
    assert_int_equal(begin_of(self, KS_OFFSET_RESET_BY_DURATION, NOW - 30001), 3);
    assert_int_equal(begin_of(self, KS_OFFSET_RESET_BY_DURATION, NOW), 0);
    assert_int_equal(begin_of(self, KS_OFFSET_RESET_BY_DURATION, 10 * NOW), 0);
    assert_int_equal(begin_of(self, KS_OFFSET_RESET_BY_DURATION, 1000), 5);
    const ksi_source none = {.offset_reset = KS_OFFSET_RESET_NONE};
    ksi_begin begin = {0};
    assert_int_equal(
        ksi_begin_offset(&self->rules, (ksi_topic_partition){"in", 1}, &none, &begin, &error),
        KS_E_STATE);
    assert_string_equal(error.where, "in");
    free_fixture(self);
}

static void without_a_policy_the_property_decides(void **state)
{
    (void)state;
    fixture *self = new_fixture();
    ks_config *config = config_of("app");
    ksi_offset_fallback(config, &self->rules);
    assert_int_equal(self->rules.fallback, KS_OFFSET_RESET_EARLIEST);
    config_put(config, "auto.offset.reset", "latest");
    ksi_offset_fallback(config, &self->rules);
    assert_int_equal(begin_of(self, KS_OFFSET_RESET_DEFAULT, 0), 5);
    assert_int_equal(begin_of(self, KS_OFFSET_RESET_EARLIEST, 0), 0);
    config_put(config, "main.consumer.auto.offset.reset", "none");
    ksi_offset_fallback(config, &self->rules);
    assert_int_equal(self->rules.fallback, KS_OFFSET_RESET_NONE);
    config_put(config, "main.consumer.auto.offset.reset", "by_duration:PT1H");
    ksi_offset_fallback(config, &self->rules);
    assert_int_equal(self->rules.fallback, KS_OFFSET_RESET_BY_DURATION);
    assert_int_equal(self->rules.fallback_duration_ms, 3600000);
    ks_config_free(config);
    free_fixture(self);
}

static void a_committed_offset_outside_the_partition_is_none(void **state)
{
    (void)state;
    fixture *self = new_fixture();
    commit(self, 6);
    assert_int_equal(begin_of(self, KS_OFFSET_RESET_EARLIEST, 0), 0);
    assert_int_equal(begin_of(self, KS_OFFSET_RESET_LATEST, 0), 5);
    free_fixture(self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_committed_offset_comes_first),
        cmocka_unit_test(without_one_the_policy_of_the_source_decides),
        cmocka_unit_test(without_a_policy_the_property_decides),
        cmocka_unit_test(a_committed_offset_outside_the_partition_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
