/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_restorer.c - stores are restored side by side, called back, followed, and fail alone.
 */
#include "thread_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { PARTITIONS = 3, MANY = 2000 };

#define CHANGELOG "app-counted-changelog"

/* What was told of one partition. */
typedef struct told {
    int begun;
    int ended;
    int suspended;
    int promoted;
    int64_t read; /* in all batches */
    size_t returned;
} told;

typedef struct fixture {
    thread_rig *rig; /* its tasks; its own restorer has nothing to do */
    ksi_restorer *restorer;
    told of[PARTITIONS];
} fixture;

static void follow(const ks_restore_progress *progress, void *user)
{
    told *of = &((fixture *)user)->of[progress->partition];
    assert_string_equal(progress->store, "counted");
    assert_string_equal(progress->topic, CHANGELOG);
    switch (progress->step) {
    case KS_RESTORE_START:
    case KS_STANDBY_START:
        of->begun++;
        break;
    case KS_RESTORE_BATCH:
    case KS_STANDBY_BATCH:
        of->read += progress->records;
        break;
    case KS_RESTORE_END:
        of->ended++;
        break;
    case KS_RESTORE_SUSPENDED:
    case KS_STANDBY_SUSPENDED:
        of->suspended++;
        break;
    case KS_STANDBY_PROMOTED:
        of->promoted++;
        break;
    }
}

static void take_back(void *owner, ksi_task_handle *task)
{
    ((fixture *)owner)->of[task->id.partition].returned++;
}

static fixture *new_fixture(void)
{
    ks_error error = {0};
    fixture *self = test_calloc(1, sizeof *self);
    ks_log *log = log_open();
    log_create(log, "in", PARTITIONS);
    log_create(log, "out", 1);
    self->rig = rig_new(log, counting(), config_of("app"));
    self->rig->keeps_state = true;
    rig_open_unrestored(self->rig);
    const ksi_restorer_options options = {.name = "restorer",
                                          .transport = self->rig->transport,
                                          .clock = &self->rig->clock.clock,
                                          .logger = &self->rig->logger,
                                          .task_timeout_ms = 5000,
                                          .events = {.returned = take_back, .owner = self},
                                          .listener = follow,
                                          .user = self};
    self->restorer = ksi_restorer_new(&options, &error);
    assert_non_null(self->restorer);
    return self;
}

static void free_fixture(fixture *self)
{
    ks_log *log = self->rig->log;
    ksi_restorer_free(self->restorer);
    rig_free(self->rig);
    ks_log_free(log);
    test_free(self);
}

/* Rows of so many different keys. */
static void append_rows(const fixture *self, int32_t partition, int from, int count)
{
    for (int i = from; i < from + count; i++) {
        char row[32];
        (void)snprintf(row, sizeof row, "key-%05d:12345678", i);
        log_produce(self->rig->log, CHANGELOG, partition, i, row);
    }
}

static ksi_task_handle *task(const fixture *self, int32_t partition)
{
    return &self->rig->tasks[partition];
}

static size_t count_rows(const fixture *self, int32_t partition)
{
    ks_error error = {0};
    ksi_row row;
    bool found = true;
    size_t count = 0;
    ksi_row_iterator *all =
        ksi_row_iterator_open(task(self, partition)->rows->stores[0].rows, &(ksi_row_range){0});
    assert_ok(ksi_row_iterator_next(all, &row, &found, &error), &error);
    while (found) {
        count++;
        assert_ok(ksi_row_iterator_next(all, &row, &found, &error), &error);
    }
    ksi_row_iterator_close(all);
    return count;
}

static int64_t position(const fixture *self, int32_t partition)
{
    return ksi_row_store_position(task(self, partition)->rows->stores[0].rows).offset;
}

static bool step(const fixture *self)
{
    bool progressed = false;
    ksi_restorer_step(self->restorer, &progressed);
    return progressed;
}

static void step_until_idle(const fixture *self)
{
    while (step(self)) {
    }
}

static void tasks_are_restored_side_by_side_and_come_when_they_are_done(void **state)
{
    (void)state;
    fixture *self = new_fixture();
    append_rows(self, 0, 0, MANY);
    append_rows(self, 1, 0, 10);
    for (int32_t p = 0; p < PARTITIONS; p++) {
        ksi_restorer_give(self->restorer, task(self, p));
    }
    assert_true(step(self));
    for (int32_t p = 0; p < PARTITIONS; p++) {
        assert_int_equal(self->of[p].begun, 1);
    }
    assert_true(self->of[0].read > 0 && self->of[0].read < MANY);
    assert_int_equal(self->of[0].returned, 0);
    assert_int_equal(self->of[1].returned, 1); /* it does not wait for the long one */
    assert_int_equal(self->of[2].returned, 1);
    step_until_idle(self);
    const size_t rows[PARTITIONS] = {MANY, 10, 0};
    for (int32_t p = 0; p < PARTITIONS; p++) {
        assert_int_equal(self->of[p].returned, 1);
        assert_int_equal(self->of[p].ended, 1);
        assert_int_equal(self->of[p].read, rows[p]);
        assert_true(task(self, p)->is_restored && task(self, p)->is_clean);
        assert_int_equal(count_rows(self, p), rows[p]);
        assert_int_equal(task(self, p)->offsets, rows[p]);
    }
    free_fixture(self);
}

static void a_task_that_is_called_back_in_the_middle_goes_on_there(void **state)
{
    (void)state;
    fixture *self = new_fixture();
    append_rows(self, 0, 0, MANY);
    ksi_restorer_give(self->restorer, task(self, 0));
    assert_true(step(self));
    ksi_restorer_call_back(self->restorer, task(self, 0));
    step_until_idle(self);
    assert_int_equal(self->of[0].returned, 1);
    assert_int_equal(self->of[0].suspended, 1);
    assert_false(task(self, 0)->is_restored);
    assert_true(task(self, 0)->is_clean);
    const int64_t read = self->of[0].read;
    assert_true(read > 0 && read < MANY);
    assert_int_equal(position(self, 0), read); /* kept */
    assert_int_equal(count_rows(self, 0), read);
    ksi_restorer_call_back(self->restorer, task(self, 0)); /* asked twice: it is not there */
    step_until_idle(self);
    assert_int_equal(self->of[0].returned, 1);

    ksi_restorer_give(self->restorer, task(self, 0));
    step_until_idle(self);
    assert_true(task(self, 0)->is_restored);
    assert_int_equal(self->of[0].read, MANY); /* nothing twice */
    assert_int_equal(count_rows(self, 0), MANY);
    assert_string_equal(self->rig->wiped, "");
    free_fixture(self);
}

static void a_standby_follows_its_changelog_and_is_promoted(void **state)
{
    (void)state;
    fixture *self = new_fixture();
    append_rows(self, 0, 0, 10);
    task(self, 0)->is_standby = true;
    ksi_restorer_give(self->restorer, task(self, 0));
    step_until_idle(self);
    assert_int_equal(self->of[0].read, 10);
    append_rows(self, 0, 10, 5);
    step_until_idle(self);
    assert_int_equal(self->of[0].read, 15);
    assert_int_equal(self->of[0].returned, 0);
    self->rig->clock.now_ms += 1000; /* now and then it is written */
    step_until_idle(self);
    assert_int_equal(position(self, 0), 15);
    assert_int_equal(task(self, 0)->offsets, 15);
    append_rows(self, 0, 15, 3);
    ksi_restorer_promote(self->restorer, task(self, 0));
    step_until_idle(self);
    assert_int_equal(self->of[0].promoted, 1);
    assert_int_equal(self->of[0].returned, 1);
    assert_int_equal(self->of[0].ended, 1);
    assert_true(task(self, 0)->is_restored);
    assert_int_equal(self->of[0].read, 18);
    assert_int_equal(count_rows(self, 0), 18);
    free_fixture(self);
}

static void a_standby_that_is_called_back_keeps_what_it_read(void **state)
{
    (void)state;
    fixture *self = new_fixture();
    append_rows(self, 0, 0, 10);
    task(self, 0)->is_standby = true;
    ksi_restorer_give(self->restorer, task(self, 0));
    step_until_idle(self);
    ksi_restorer_call_back(self->restorer, task(self, 0));
    step_until_idle(self);
    assert_int_equal(self->of[0].returned, 1);
    assert_int_equal(self->of[0].suspended, 1);
    assert_int_equal(position(self, 0), 10);
    assert_int_equal(count_rows(self, 0), 10);
    free_fixture(self);
}

static void one_task_fails_alone(void **state)
{
    (void)state;
    fixture *self = new_fixture();
    for (int32_t p = 0; p < PARTITIONS; p++) {
        append_rows(self, p, 0, 10);
        ksi_restorer_give(self->restorer, task(self, p));
    }
    task(self, 1)->rows->stores[0].changelog = "nowhere";
    step_until_idle(self);
    assert_int_equal(task(self, 1)->failure.code, KS_E_UNKNOWN_TOPIC);
    assert_non_null(strstr(task(self, 1)->failure.message, "restoring task 0_1"));
    assert_false(task(self, 1)->is_restored);
    assert_false(task(self, 1)->is_clean);
    for (int32_t p = 0; p < PARTITIONS; p += 2) {
        assert_int_equal(self->of[p].returned, 1);
        assert_true(task(self, p)->is_restored);
        assert_int_equal(task(self, p)->failure.code, KS_OK);
        assert_int_equal(count_rows(self, p), 10);
    }
    free_fixture(self);
}

static void finishing_returns_everything_with_what_was_read(void **state)
{
    (void)state;
    fixture *self = new_fixture();
    append_rows(self, 0, 0, MANY);
    ksi_restorer_give(self->restorer, task(self, 0));
    task(self, 1)->is_standby = true;
    ksi_restorer_give(self->restorer, task(self, 1));
    assert_true(step(self));
    ksi_restorer_give(self->restorer, task(self, 2)); /* not even begun */
    ksi_restorer_stop(self->restorer);
    assert_true(ksi_restorer_is_stopping(self->restorer));
    ksi_restorer_finish(self->restorer);
    for (int32_t p = 0; p < PARTITIONS; p++) {
        assert_int_equal(self->of[p].returned, 1);
        assert_false(task(self, p)->is_restored);
        assert_true(task(self, p)->is_clean);
    }
    assert_int_equal(position(self, 0), self->of[0].read);
    free_fixture(self);
}

/* A log whose partitions end where a transaction, which goes on, has sent its records to. */
static int64_t undecided;
static const ksi_transport_class *real_class;

static ks_status end_behind_undecided(ksi_transport *transport, ksi_topic_partition at,
                                      int64_t *end, ks_error *error)
{
    int64_t begin = 0;
    ks_status status = real_class->offsets(transport, at, &begin, end, error);
    *end += undecided;
    return status;
}

static void pass_ms(const fixture *self, int64_t ms)
{
    self->rig->clock.now_ms += ms;
    step_until_idle(self);
}

static void who_waits_for_a_transaction_says_so_and_later_that_it_may_be_forgotten(void **state)
{
    (void)state;
    fixture *self = new_fixture();
    ksi_transport *transport = self->rig->transport;
    real_class = transport->class;
    ksi_transport_class held = *real_class;
    held.high_watermark = end_behind_undecided;
    transport->class = &held;
    undecided = 5;
    append_rows(self, 0, 0, 10);
    ksi_restorer_give(self->restorer, task(self, 0));
    step_until_idle(self);
    pass_ms(self, 2999);
    assert_int_equal(self->rig->held_up, 0);
    pass_ms(self, 1);
    pass_ms(self, 56000);
    assert_int_equal(self->rig->held_up, 1);
    assert_non_null(strstr(self->rig->held_up_line, CHANGELOG "-0 ends at offset 15, and from 10"));
    assert_non_null(strstr(self->rig->held_up_line, "then the broker ends it"));
    pass_ms(self, 1000);
    pass_ms(self, 1000000);
    assert_int_equal(self->rig->held_up, 2);
    assert_non_null(strstr(self->rig->held_up_line, "kafka-transactions.sh"));
    assert_int_equal(self->of[0].returned, 0);

    undecided = 0;
    append_rows(self, 0, 10, 5);
    step_until_idle(self);
    assert_int_equal(self->of[0].returned, 1);
    assert_int_equal(count_rows(self, 0), 15);
    transport->class = real_class;
    free_fixture(self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_are_restored_side_by_side_and_come_when_they_are_done),
        cmocka_unit_test(a_task_that_is_called_back_in_the_middle_goes_on_there),
        cmocka_unit_test(a_standby_follows_its_changelog_and_is_promoted),
        cmocka_unit_test(a_standby_that_is_called_back_keeps_what_it_read),
        cmocka_unit_test(one_task_fails_alone),
        cmocka_unit_test(finishing_returns_everything_with_what_was_read),
        cmocka_unit_test(who_waits_for_a_transaction_says_so_and_later_that_it_may_be_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
