/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_progress.c - how far an application is, by what its threads published and the log holds.
 */
#include "log_fixture.h"

#include "runtime/progress.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

typedef struct fixture {
    ks_log *log;
    ks_topology *topology;
    ksi_transport *transport;
    ksi_assignment assignment;
    ksi_progress progress;
} fixture;

static fixture *new_fixture(void)
{
    ks_error error = {0};
    fixture *self = test_calloc(1, sizeof *self);
    self->log = log_open();
    log_create(self->log, "in", 3);
    log_create(self->log, "out", 1);
    self->topology = passing();
    self->transport = ksi_log_transport(self->log);
    const ksi_assignment_options wanted = {
        .topology = self->topology, .application_id = "app", .transport = self->transport};
    assert_ok(ksi_assignment_make(&self->assignment, &wanted, &error), &error);
    ksi_progress_init(&self->progress, &self->assignment);
    return self;
}

static void free_fixture(fixture *self)
{
    ksi_progress_destroy(&self->progress);
    ksi_assignment_destroy(&self->assignment);
    self->transport->class->release(self->transport);
    ks_topology_free(self->topology);
    ks_log_free(self->log);
    test_free(self);
}

static ksi_input_progress *entry(const fixture *self, int32_t partition)
{
    return ksi_progress_of(&self->progress, (ksi_topic_partition){"in", partition});
}

static bool caught_up(const fixture *self, uint64_t *ends)
{
    *ends = 0;
    return ksi_progress_is_caught_up(&self->progress, self->transport, ends);
}

static void every_partition_that_is_read_has_an_entry(void **state)
{
    (void)state;
    fixture *self = new_fixture();
    assert_int_equal(self->progress.count, 3);
    for (int32_t p = 0; p < 3; p++) {
        assert_non_null(entry(self, p));
        assert_int_equal(entry(self, p)->at.partition, p);
        assert_false(entry(self, p)->is_assigned);
    }
    assert_null(entry(self, 3));
    assert_null(ksi_progress_of(&self->progress, (ksi_topic_partition){"out", 0}));
    free_fixture(self);
}

static void only_partitions_of_this_application_count(void **state)
{
    (void)state;
    uint64_t ends = 0;
    fixture *self = new_fixture();
    log_produce(self->log, "in", 0, 1, "a:1");
    log_produce(self->log, "in", 0, 1, "a:2");
    log_produce(self->log, "in", 1, 1, "a:3");
    assert_true(caught_up(self, &ends)); /* nothing is its own */
    assert_int_equal(ends, 0);
    assert_int_equal(ksi_progress_behind(&self->progress, self->transport), 0);
    ksi_progress_assign(&self->progress, (ksi_task_id){0, 0}, true);
    assert_false(caught_up(self, &ends));
    assert_int_equal(ksi_progress_behind(&self->progress, self->transport), 2);
    ksi_progress_assign(&self->progress, (ksi_task_id){0, 1}, true);
    assert_int_equal(ksi_progress_behind(&self->progress, self->transport), 3);
    ksi_progress_assign(&self->progress, (ksi_task_id){0, 0}, false);
    assert_int_equal(ksi_progress_behind(&self->progress, self->transport), 1);
    free_fixture(self);
}

/* What is processed is not behind; caught up is what is committed. */
static void caught_up_is_what_is_committed(void **state)
{
    (void)state;
    uint64_t ends = 0;
    fixture *self = new_fixture();
    ksi_progress_assign(&self->progress, (ksi_task_id){0, 0}, true);
    ksi_progress_assign(&self->progress, (ksi_task_id){0, 1}, true);
    log_produce(self->log, "in", 0, 1, "a:1");
    log_produce(self->log, "in", 1, 1, "b:1");
    log_produce(self->log, "in", 1, 1, "b:2");
    atomic_store(&entry(self, 0)->processed, 1);
    atomic_store(&entry(self, 1)->processed, 2);
    assert_int_equal(ksi_progress_behind(&self->progress, self->transport), 0);
    assert_false(caught_up(self, &ends));
    atomic_store(&entry(self, 0)->committed, 1);
    assert_false(caught_up(self, &ends));
    atomic_store(&entry(self, 1)->committed, 2);
    assert_true(caught_up(self, &ends));
    assert_int_equal(ends, 3);
    log_produce(self->log, "in", 0, 1, "a:2");
    assert_false(caught_up(self, &ends));
    assert_int_equal(ksi_progress_behind(&self->progress, self->transport), 1);
    free_fixture(self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_partition_that_is_read_has_an_entry),
        cmocka_unit_test(only_partitions_of_this_application_count),
        cmocka_unit_test(caught_up_is_what_is_committed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
