/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_copartition.c - topics that are read together have equally many partitions (copartition.c,
 * and the groups of topology.c).
 */
#include "log_fixture.h"

#include "runtime/assignment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const ks_serde *const text = &ks_serde_string;

/* Sources A to D; what each reads is said by a test. */
typedef struct fixture {
    ks_log *log;
    ksi_transport *transport;
    ks_topology *topology;
    ksi_assignment assignment;
    bool made;
    ks_error error;
} fixture;

static fixture *new_fixture(void)
{
    fixture *self = test_calloc(1, sizeof *self);
    self->log = log_open();
    self->transport = ksi_log_transport(self->log);
    self->topology = ks_topology_new(NULL);
    return self;
}

static void free_fixture(fixture *self)
{
    if (self->made) {
        ksi_assignment_destroy(&self->assignment);
    }
    self->transport->class->release(self->transport);
    ks_topology_free(self->topology);
    ks_log_free(self->log);
    test_free(self);
}

static void reads(fixture *self, const char *source, const char *topic)
{
    assert_ok(ks_topology_add_source(self->topology, KS_NAMES(topic),
                                     KS_CONSUMED(.name = source, .key = text, .value = text),
                                     &self->error),
              &self->error);
}

static void reads_topic(fixture *self, const char *source, const char *topic, int32_t partitions)
{
    log_create(self->log, topic, partitions);
    reads(self, source, topic);
}

/* A repartition topic that is written from `in`; 0: as many partitions as that. */
static void reads_repartition(fixture *self, const char *source, const char *in, int32_t partitions)
{
    char topic[64];
    char sink[64];
    const char *const parent = in;
    (void)snprintf(topic, sizeof topic, "%s-repartition", source);
    (void)snprintf(sink, sizeof sink, "to-%s", source);
    const ksi_sink to = {.topic = topic, .key = text, .value = text};
    ksi_topology_add_internal_topic(self->topology, topic, partitions);
    assert_ok(ksi_topology_add_sink(self->topology, sink, &to, &parent, 1, &self->error),
              &self->error);
    reads(self, source, topic);
}

static void together(fixture *self, const char *const *sources)
{
    assert_ok(ks_topology_copartition(self->topology, sources, &self->error), &self->error);
}

static ks_status assign(fixture *self)
{
    const ksi_assignment_options options = {
        .topology = self->topology, .application_id = "app", .transport = self->transport};
    ks_status status = ksi_assignment_make(&self->assignment, &options, &self->error);
    self->made = status == KS_OK;
    return status;
}

static int32_t partitions_of(const fixture *self, const char *source)
{
    for (size_t i = 0; i < self->assignment.input_count; i++) {
        if (strcmp(self->assignment.inputs[i].source->name, source) == 0) {
            return self->assignment.inputs[i].partitions;
        }
    }
    return -1;
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void topics_that_are_read_together_have_equally_many_partitions(void **state)
{
    (void)state;
    fixture *self = new_fixture();
    reads_topic(self, "A", "orders", 4);
    reads_topic(self, "B", "prices", 3);
    reads_topic(self, "C", "apart", 2);
    assert_int_equal(assign(self), KS_OK); /* nobody reads them together */
    ksi_assignment_destroy(&self->assignment);
    together(self, KS_NAMES("A", "B"));
    assert_int_equal(assign(self), KS_E_TOPOLOGY);
    assert_string_equal(self->error.where, "prices");
    assert_non_null(strstr(self->error.message, "read together with orders"));
    assert_non_null(strstr(self->error.message, "differ: orders 4, prices 3."));
    assert_null(strstr(self->error.message, "apart"));
    free_fixture(self);
}

static void groups_that_share_a_source_are_one(void **state)
{
    (void)state;
    fixture *self = new_fixture();
    reads_topic(self, "A", "orders", 4);
    reads_topic(self, "B", "prices", 4);
    reads_topic(self, "C", "returns", 4);
    reads_topic(self, "D", "people", 2);
    together(self, KS_NAMES("A", "B"));
    together(self, KS_NAMES("C", "D"));
    together(self, KS_NAMES("B", "C"));
    assert_int_equal(assign(self), KS_E_TOPOLOGY);
    assert_string_equal(self->error.where, "people");
    assert_non_null(strstr(self->error.message, "orders 4, prices 4, returns 4, people 2"));
    free_fixture(self);
}

static void numbers_given_to_repartition_topics_must_fit(void **state)
{
    (void)state;
    fixture *self = new_fixture();
    reads_topic(self, "A", "orders", 4);
    reads_repartition(self, "B", "A", 6);
    together(self, KS_NAMES("A", "B"));
    assert_int_equal(assign(self), KS_E_TOPOLOGY); /* the topic of the log goes first */
    assert_string_equal(self->error.where, "app-B-repartition");
    assert_non_null(strstr(self->error.message, "orders 4, app-B-repartition 6"));
    free_fixture(self);

    self = new_fixture();
    reads_topic(self, "A", "orders", 4);
    reads_repartition(self, "B", "A", 6);
    reads_repartition(self, "C", "A", 0);
    reads_repartition(self, "D", "A", 8);
    together(self, KS_NAMES("B", "C", "D"));
    assert_int_equal(assign(self), KS_E_TOPOLOGY);
    assert_string_equal(self->error.where, "app-D-repartition");
    assert_non_null(strstr(self->error.message, "app-B-repartition 6, app-D-repartition 8"));
    free_fixture(self);
}

static void only_sources_of_tasks_are_co_partitioned(void **state)
{
    (void)state;
    fixture *self = new_fixture();
    const char *const source = "A";
    const ksi_sink to = {.topic = "out", .key = text, .value = text};
    reads_topic(self, "A", "orders", 4);
    assert_ok(ksi_topology_add_sink(self->topology, "SINK", &to, &source, 1, &self->error),
              &self->error);
    assert_int_equal(ks_topology_copartition(self->topology, KS_NAMES("A", "X"), &self->error),
                     KS_E_TOPOLOGY);
    assert_string_equal(self->error.where, "X");
    assert_int_equal(ks_topology_copartition(self->topology, KS_NAMES("A", "SINK"), &self->error),
                     KS_E_TOPOLOGY);
    assert_string_equal(self->error.where, "SINK");
    assert_int_equal(ks_topology_copartition(self->topology, NULL, &self->error), KS_E_ARGUMENT);
    free_fixture(self);
}

/* ---- what repartition topics get ------------------------------------------------------------- */

static void a_repartition_topic_takes_the_number_of_the_topics_it_is_read_with(void **state)
{
    (void)state;
    fixture *self = new_fixture();
    reads_topic(self, "A", "wide", 6);
    reads_topic(self, "B", "narrow", 2);
    reads_repartition(self, "C", "A", 0);
    together(self, KS_NAMES("C", "B"));
    assert_ok(assign(self), &self->error);
    assert_int_equal(partitions_of(self, "C"), 2); /* 6 without the group */
    assert_int_equal(self->assignment.needed_topics[0].partitions, 2);
    free_fixture(self);
}

static void repartition_topics_alone_take_the_number_given_or_the_largest(void **state)
{
    (void)state;
    fixture *self = new_fixture();
    reads_topic(self, "A", "wide", 6);
    reads_topic(self, "B", "narrow", 2);
    reads_repartition(self, "C", "B", 0);
    reads_repartition(self, "D", "A", 0);
    together(self, KS_NAMES("C", "D"));
    assert_ok(assign(self), &self->error);
    assert_int_equal(partitions_of(self, "C"), 6);
    assert_int_equal(partitions_of(self, "D"), 6);
    free_fixture(self);

    self = new_fixture();
    reads_topic(self, "A", "wide", 6);
    reads_repartition(self, "C", "A", 0);
    reads_repartition(self, "D", "A", 3);
    together(self, KS_NAMES("C", "D"));
    assert_ok(assign(self), &self->error);
    assert_int_equal(partitions_of(self, "C"), 3);
    assert_int_equal(partitions_of(self, "A"), 6);
    free_fixture(self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(topics_that_are_read_together_have_equally_many_partitions),
        cmocka_unit_test(groups_that_share_a_source_are_one),
        cmocka_unit_test(numbers_given_to_repartition_topics_must_fit),
        cmocka_unit_test(only_sources_of_tasks_are_co_partitioned),
        cmocka_unit_test(a_repartition_topic_takes_the_number_of_the_topics_it_is_read_with),
        cmocka_unit_test(repartition_topics_alone_take_the_number_given_or_the_largest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
