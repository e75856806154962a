/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_assignment.c - partition counts, tasks and internal topics (assignment.c,
 * internal_topics.c).
 */
#include "log_fixture.h"

#include "runtime/assignment.h"
#include "runtime/internal_topics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* ---- helpers --------------------------------------------------------------------------------- */

typedef struct fixture {
    ks_log *log;
    ksi_transport *transport;
    ks_topology *topology;
    ksi_assignment assignment;
    bool made;
    ks_config *config;
} fixture;

static fixture *fixture_of(ks_log *log, ks_topology *topology)
{
    fixture *self = test_calloc(1, sizeof *self);
    self->log = log;
    self->transport = ksi_log_transport(log);
    self->topology = topology;
    self->config = config_of("app");
    return self;
}

static ks_status try_to_assign(fixture *self, ks_error *error)
{
    const ksi_assignment_options options = {
        .topology = self->topology, .application_id = "app", .transport = self->transport};
    ks_status status = ksi_assignment_make(&self->assignment, &options, error);
    self->made = status == KS_OK;
    return status;
}

static void assign(fixture *self)
{
    ks_error error = {0};
    assert_ok(try_to_assign(self, &error), &error);
}

static void free_fixture(fixture *self)
{
    if (self->made) {
        ksi_assignment_destroy(&self->assignment);
    }
    self->transport->class->release(self->transport);
    ks_topology_free(self->topology);
    ks_config_free(self->config);
    ks_log_free(self->log);
    test_free(self);
}

/* How many partitions are needed of a topic; 0 when it is not needed. */
static int32_t needed(const fixture *self, const char *topic)
{
    for (size_t i = 0; i < self->assignment.needed_topic_count; i++) {
        if (strcmp(self->assignment.needed_topics[i].topic, topic) == 0) {
            return self->assignment.needed_topics[i].partitions;
        }
    }
    return 0;
}

static ks_value value_as_key(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)user;
    return record->value;
}

static const ks_serde *const text = &ks_serde_string;

static ks_stream *source(ks_builder *b, const char *topic)
{
    return ks_builder_stream(b, topic, KS_CONSUMED(.key = text, .value = text));
}

static ks_stream *repartitioned(ks_stream *stream, const char *name, int32_t partitions)
{
    return ks_stream_repartition(stream, KS_REPARTITIONED(.key = text, .value = text, .name = name,
                                                          .partitions = partitions));
}

static void to_out(ks_stream *stream)
{
    ks_stream_to(stream, "out", KS_PRODUCED(.key = text, .value = text));
}

/* ---- counts ---------------------------------------------------------------------------------- */

static void a_subtopology_has_as_many_tasks_as_its_widest_topic(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    to_out(ks_stream_merge(source(b, "narrow"), source(b, "wide"), NULL));
    to_out(source(b, "apart"));
    fixture *self = fixture_of(log_open(), topology_of(b));
    log_create(self->log, "narrow", 2);
    log_create(self->log, "wide", 5);
    log_create(self->log, "apart", 3);
    assign(self);
    assert_int_equal(ksi_assignment_task_count(&self->assignment, 0), 5);
    assert_int_equal(ksi_assignment_task_count(&self->assignment, 1), 3);
    assert_int_equal(self->assignment.task_count, 8);
    for (size_t i = 0; i < 8; i++) { /* by sub-topology, then by partition */
        assert_int_equal(self->assignment.tasks[i].subtopology, i < 5 ? 0 : 1);
        assert_int_equal(self->assignment.tasks[i].partition, i < 5 ? i : i - 5);
    }
    free_fixture(self);
}

static void a_repartition_topic_is_as_wide_as_what_is_above_it(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *both = ks_stream_merge(source(b, "narrow"), source(b, "wide"), NULL);
    ks_grouped_stream *grouped =
        ks_stream_group_by(both, value_as_key, NULL, KS_GROUPED(.key = text, .value = text));
    (void)ks_grouped_stream_count(grouped, KS_MATERIALIZED(.name = "counted"));
    fixture *self = fixture_of(log_open(), topology_of(b));
    log_create(self->log, "narrow", 2);
    log_create(self->log, "wide", 5);
    assign(self);
    assert_int_equal(needed(self, "app-counted-repartition"), 5);
    assert_int_equal(needed(self, "app-counted-changelog"), 5);
    assert_int_equal(self->assignment.needed_topic_count, 2);
    assert_int_equal(self->assignment.task_count, 10);
    free_fixture(self);
}

static void a_given_number_of_partitions_holds_and_is_handed_down(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *first = repartitioned(source(b, "in"), "first", 7);
    ks_stream *second = repartitioned(first, "second", 0);
    ks_stream *third = repartitioned(second, "third", 3);
    to_out(third);
    fixture *self = fixture_of(log_open(), topology_of(b));
    log_create(self->log, "in", 2);
    assign(self);
    assert_int_equal(needed(self, "app-first-repartition"), 7);
    assert_int_equal(needed(self, "app-second-repartition"), 7);
    assert_int_equal(needed(self, "app-third-repartition"), 3);
    assert_int_equal(self->assignment.task_count, 2 + 7 + 7 + 3);
    free_fixture(self);
}

/* Java may give the last topic 2 partitions here: those of what it happens to know first. */
static void a_chain_of_repartitions_is_as_wide_as_its_widest_input(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *long_way = repartitioned(repartitioned(source(b, "wide"), "a", 0), "b", 0);
    to_out(repartitioned(ks_stream_merge(source(b, "narrow"), long_way, NULL), "last", 0));
    fixture *self = fixture_of(log_open(), topology_of(b));
    log_create(self->log, "narrow", 2);
    log_create(self->log, "wide", 6);
    assign(self);
    assert_int_equal(needed(self, "app-last-repartition"), 6);
    free_fixture(self);
}

static void add_source(ks_topology *topology, const char *name, const char *topic)
{
    ks_error error = {0};
    const ksi_source reads = {.topics = &topic, .topic_count = 1, .key = text, .value = text};
    assert_ok(ksi_topology_add_source(topology, name, &reads, &error), &error);
}

/* Sub-topologies 0 (reads in and loop, writes other) and 1 (reads other, writes loop). */
static ks_topology *loop(void)
{
    ks_error error = {0};
    ks_topology *topology = ksi_topology_new();
    const char *parents[] = {"IN", "LOOP"};
    const char *other = "OTHER";
    const ksi_sink to_other = {.topic = "other-repartition"};
    const ksi_sink to_loop = {.topic = "loop-repartition"};
    ksi_topology_add_internal_topic(topology, "loop-repartition", 0);
    ksi_topology_add_internal_topic(topology, "other-repartition", 0);
    add_source(topology, "IN", "in");
    add_source(topology, "LOOP", "loop-repartition");
    assert_ok(ksi_topology_add_sink(topology, "TO-OTHER", &to_other, parents, 2, &error), &error);
    add_source(topology, "OTHER", "other-repartition");
    assert_ok(ksi_topology_add_sink(topology, "TO-LOOP", &to_loop, &other, 1, &error), &error);
    ksi_topology_freeze(topology);
    return topology;
}

static void a_loop_is_as_wide_as_what_enters_it(void **state)
{
    (void)state;
    fixture *self = fixture_of(log_open(), loop());
    log_create(self->log, "in", 4);
    assign(self);
    assert_int_equal(needed(self, "app-loop-repartition"), 4);
    assert_int_equal(needed(self, "app-other-repartition"), 4);
    free_fixture(self);
}

static void stores_that_are_not_logged_need_no_topic(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    (void)ks_builder_table(b, "in", KS_CONSUMED(.key = text, .value = text),
                           KS_MATERIALIZED(.name = "table", .logging_disabled = true));
    fixture *self = fixture_of(log_open(), topology_of(b));
    log_create(self->log, "in", 4);
    assign(self);
    assert_int_equal(self->assignment.needed_topic_count, 0);
    assert_int_equal(self->assignment.task_count, 4);
    free_fixture(self);
}

/* ---- topics that are missing or matched ------------------------------------------------------ */

static void a_missing_topic_is_named_with_its_reader(void **state)
{
    (void)state;
    ks_error error = {0};
    fixture *self = fixture_of(log_open(), passing());
    assert_int_equal(try_to_assign(self, &error), KS_E_UNKNOWN_TOPIC);
    assert_string_equal(error.where, "in");
    assert_non_null(strstr(error.message, "KSTREAM-SOURCE-0000000000"));
    free_fixture(self);
}

static void all_missing_topics_are_named_at_once(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *narrow = source(b, "narrow");
    to_out(ks_stream_merge(narrow, source(b, "wide"), NULL));
    fixture *self = fixture_of(log_open(), topology_of(b));
    assert_int_equal(try_to_assign(self, &error), KS_E_UNKNOWN_TOPIC);
    assert_string_equal(error.where, "narrow");
    assert_non_null(strstr(error.message, "and likewise wide; create"));
    free_fixture(self);
}

static void patterns_match_what_is_there_but_not_the_applications_own(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *all = ks_builder_stream_matching(b, "(orders|app|other).*",
                                                KS_CONSUMED(.key = text, .value = text));
    ks_grouped_stream *grouped =
        ks_stream_group_by(all, value_as_key, NULL, KS_GROUPED(.key = text, .value = text));
    (void)ks_grouped_stream_count(grouped, KS_MATERIALIZED(.name = "counted"));
    fixture *self = fixture_of(log_open(), topology_of(b));
    log_create(self->log, "orders-b", 3);
    log_create(self->log, "orders-a", 2);
    log_create(self->log, "payments", 9);
    log_create(self->log, "app-counted-repartition", 3);
    log_create(self->log, "app-counted-changelog", 3);
    log_create(self->log, "app-something", 1);
    log_create(self->log, "other-counted-changelog", 1);
    assign(self);
    assert_int_equal(self->assignment.matched_topic_count, 4);
    assert_string_equal(self->assignment.matched_topics[0], "app-something");
    assert_string_equal(self->assignment.matched_topics[1], "orders-a");
    assert_string_equal(self->assignment.matched_topics[2], "orders-b");
    assert_string_equal(self->assignment.matched_topics[3], "other-counted-changelog");
    assert_int_equal(needed(self, "app-counted-repartition"), 3);
    free_fixture(self);
}

/* ---- later ----------------------------------------------------------------------------------- */

static ksi_topics_change compared(const fixture *self, ks_error *error)
{
    ksi_topics_change change = KSI_TOPICS_SAME;
    const ksi_assignment_options options = {
        .topology = self->topology, .application_id = "app", .transport = self->transport};
    assert_ok(ksi_assignment_compare(&self->assignment, &options, &change, error), error);
    return change;
}

static void delete_topic(const fixture *self, const char *topic)
{
    ks_error error = {0};
    assert_ok(ks_log_delete_topic(self->log, topic, &error), &error);
}

static void topics_that_came_grew_or_went_are_told_apart(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_builder *b = ks_builder_new(NULL);
    to_out(ks_builder_stream_matching(b, "orders-.*", KS_CONSUMED(.key = text, .value = text)));
    to_out(ks_builder_stream(b, "named", KS_CONSUMED(.key = text, .value = text)));
    fixture *self = fixture_of(log_open(), topology_of(b));
    log_create(self->log, "orders-a", 1);
    log_create(self->log, "named", 1);
    assign(self);
    assert_int_equal(compared(self, &error), KSI_TOPICS_SAME);
    log_create(self->log, "orders-b", 1);
    assert_int_equal(compared(self, &error), KSI_TOPICS_OTHERS);
    delete_topic(self, "orders-b");
    assert_int_equal(compared(self, &error), KSI_TOPICS_SAME);
    delete_topic(self, "orders-a");
    assert_int_equal(compared(self, &error), KSI_TOPICS_FEWER);
    assert_int_equal(error.code, KS_OK);
    delete_topic(self, "named");
    assert_int_equal(compared(self, &error), KSI_TOPICS_MISSING); /* which counts more */
    assert_int_equal(error.code, KS_E_UNKNOWN_TOPIC);
    assert_string_equal(error.where, "named");
    log_create(self->log, "orders-a", 3);
    log_create(self->log, "named", 1);
    assert_int_equal(compared(self, &error), KSI_TOPICS_OTHERS);
    free_fixture(self);
}

static void a_repartition_topic_that_went_can_be_made_again(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(b, "named", KS_CONSUMED(.key = text, .value = text));
    to_out(repartitioned(in, "below", 2));
    fixture *self = fixture_of(log_open(), topology_of(b));
    log_create(self->log, "named", 1);
    log_create(self->log, "app-below-repartition", 2);
    assign(self);
    assert_int_equal(compared(self, &error), KSI_TOPICS_SAME);
    delete_topic(self, "app-below-repartition");
    assert_int_equal(compared(self, &error), KSI_TOPICS_FEWER);
    free_fixture(self);
}

static void a_pattern_that_matches_nothing_has_no_tasks(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *all =
        ks_builder_stream_matching(b, "orders-.*", KS_CONSUMED(.key = text, .value = text));
    to_out(all);
    fixture *self = fixture_of(log_open(), topology_of(b));
    assign(self);
    assert_int_equal(self->assignment.task_count, 0);
    assert_non_null(self->assignment.matched_topics);
    free_fixture(self);

    /* But what is below it then has no number of partitions. */
    ks_error error = {0};
    b = ks_builder_new(NULL);
    all = ks_builder_stream_matching(b, "orders-.*", KS_CONSUMED(.key = text, .value = text));
    to_out(repartitioned(all, "below", 0));
    self = fixture_of(log_open(), topology_of(b));
    assert_int_equal(try_to_assign(self, &error), KS_E_TOPOLOGY);
    assert_string_equal(error.where, "app-below-repartition");
    free_fixture(self);
}

static void two_patterns_do_not_match_one_topic(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_builder *b = ks_builder_new(NULL);
    to_out(ks_builder_stream_matching(b, "orders-.*", KS_CONSUMED(.key = text, .value = text)));
    to_out(ks_builder_stream_matching(b, ".*-eu", KS_CONSUMED(.key = text, .value = text)));
    fixture *self = fixture_of(log_open(), topology_of(b));
    log_create(self->log, "orders-us", 1);
    log_create(self->log, "payments-eu", 1);
    assign(self);
    ksi_assignment_destroy(&self->assignment);
    log_create(self->log, "orders-eu", 1);
    assert_int_equal(try_to_assign(self, &error), KS_E_TOPOLOGY);
    assert_non_null(strstr(error.message, "'orders-eu'"));
    assert_non_null(strstr(error.message, "'orders-.*'"));
    free_fixture(self);
}

/* ---- internal topics ------------------------------------------------------------------------- */

static void internal_topics_are_created_once(void **state)
{
    (void)state;
    ks_error error = {0};
    fixture *self = fixture_of(log_open(), counting());
    log_create(self->log, "in", 3);
    assign(self);
    for (int i = 0; i < 2; i++) {
        assert_ok(ksi_internal_topics_make_ready(&self->assignment, self->config, self->transport,
                                                 NULL, &error),
                  &error);
        assert_int_equal(ks_log_partition_count(self->log, "app-counted-changelog"), 3);
    }
    free_fixture(self);
}

static void nothing_is_created_when_one_topic_does_not_fit(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_builder *b = ks_builder_new(NULL);
    to_out(repartitioned(repartitioned(source(b, "in"), "first", 0), "second", 0));
    fixture *self = fixture_of(log_open(), topology_of(b));
    log_create(self->log, "in", 3);
    log_create(self->log, "app-second-repartition", 4);
    assign(self);
    assert_int_equal(ksi_internal_topics_make_ready(&self->assignment, self->config,
                                                    self->transport, NULL, &error),
                     KS_E_TOPOLOGY);
    assert_string_equal(error.where, "app-second-repartition");
    assert_non_null(strstr(error.message, "4 partitions"));
    assert_non_null(strstr(error.message, "needs 3"));
    assert_int_equal(ks_log_partition_count(self->log, "app-first-repartition"), 0);
    free_fixture(self);
}

/* ---- configurations -------------------------------------------------------------------------- */

typedef struct config_look {
    const char *name;
    char value[64];
} config_look;

static void look_at_config(void *user, const ksi_topic_config *config, bool is_default)
{
    config_look *look = user;
    (void)is_default;
    if (strcmp(config->name, look->name) == 0) {
        (void)snprintf(look->value, sizeof look->value, "%s", config->value);
    }
}

static void assert_config(const fixture *self, const char *topic, const char *name,
                          const char *expected)
{
    ks_error error = {0};
    config_look look = {.name = name};
    assert_ok(
        self->transport->class->each_config(self->transport, topic, look_at_config, &look, &error),
        &error);
    assert_string_equal(look.value, expected);
}

static void set(fixture *self, const char *name, const char *value)
{
    ks_error error = {0};
    assert_ok(ks_config_set(self->config, name, value, &error), &error);
}

static void make_ready(fixture *self)
{
    ks_error error = {0};
    assign(self);
    assert_ok(ksi_internal_topics_make_ready(&self->assignment, self->config, self->transport, NULL,
                                             &error),
              &error);
}

/* @java InternalTopicConfig: library < "topic." < the store's own */
static void what_is_said_of_one_store_goes_over_what_is_said_of_all(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    ks_topic_config own[] = {{.name = "segment.bytes", .value = "4000000"},
                             {.name = "cleanup.policy", .value = "compact,delete"},
                             {0}};
    ks_grouped_stream *grouped = ks_stream_group_by(source(b, "in"), value_as_key, NULL,
                                                    KS_GROUPED(.key = text, .value = text));
    (void)ks_grouped_stream_count(grouped, KS_MATERIALIZED(.name = "plain"));
    (void)ks_grouped_stream_count(grouped, KS_MATERIALIZED(.name = "own", .changelog_config = own));
    own[0] = (ks_topic_config){0}; /* it was copied */
    fixture *self = fixture_of(log_open(), topology_of(b));
    log_create(self->log, "in", 1);
    set(self, "topic.segment.bytes", "3000000");
    set(self, "topic.max.message.bytes", "20000");
    make_ready(self);
    assert_config(self, "app-plain-changelog", "cleanup.policy", "compact");
    assert_config(self, "app-plain-changelog", "segment.bytes", "3000000");
    assert_config(self, "app-own-changelog", "cleanup.policy", "compact,delete");
    assert_config(self, "app-own-changelog", "segment.bytes", "4000000");
    assert_config(self, "app-own-changelog", "max.message.bytes", "20000");
    assert_config(self, "app-plain-repartition", "cleanup.policy", "delete");
    assert_config(self, "app-plain-repartition", "segment.bytes", "3000000");
    assert_config(self, "app-plain-repartition", "retention.ms", "-1");
    free_fixture(self);
}

static void pass(ks_ctx *ctx, const ks_record *record, void *state, void *user)
{
    (void)state;
    (void)user;
    ks_ctx_forward(ctx, record);
}

/* @java WindowedChangelogTopicConfig: the retention goes over "topic.", the store's own over it. */
static void rows_of_windows_are_kept_for_their_retention_and_some_more(void **state)
{
    (void)state;
    static const ks_processor processor = {.struct_size = sizeof processor, .process = pass};
    static const ks_topic_config own[] = {{.name = "retention.ms", .value = "5"}, {0}};
    ks_store_builder windows =
        *KS_STORE_BUILDER(.name = "plain", .kind = KS_STORE_KIND_WINDOW, .key = text, .value = text,
                          .retention_ms = 300000, .window_size_ms = 1000);
    ks_builder *b = ks_builder_new(NULL);
    ks_builder_add_store(b, &windows);
    windows.name = "own";
    windows.changelog_config = own;
    ks_builder_add_store(b, &windows);
    windows.name = "ever";
    windows.changelog_config = NULL;
    windows.retention_ms = INT64_MAX;
    ks_builder_add_store(b, &windows);
    to_out(ks_stream_process_values(source(b, "in"), &processor, NULL,
                                    KS_CONNECTED(.stores = KS_NAMES("plain", "own", "ever"))));
    fixture *self = fixture_of(log_open(), topology_of(b));
    log_create(self->log, "in", 1);
    set(self, "windowstore.changelog.additional.retention.ms", "7000");
    set(self, "topic.retention.ms", "1");
    make_ready(self);
    assert_config(self, "app-plain-changelog", "cleanup.policy", "compact,delete");
    assert_config(self, "app-plain-changelog", "retention.ms", "307000");
    assert_config(self, "app-own-changelog", "retention.ms", "5");
    assert_config(self, "app-ever-changelog", "retention.ms", "9223372036854775807");
    free_fixture(self);
}

static ks_value left_of(ks_ctx *ctx, ks_value key, ks_value left, ks_value right, void *user)
{
    (void)ctx;
    (void)key;
    (void)right;
    (void)user;
    return left;
}

/* @java StreamJoinedStoreFactory */
static void rows_of_a_join_are_deleted_and_never_compacted(void **state)
{
    (void)state;
    static const ks_topic_config own[] = {{.name = "cleanup.policy", .value = "compact"},
                                          {.name = "segment.bytes", .value = "4000000"},
                                          {0}};
    ks_builder *b = ks_builder_new(NULL);
    to_out(ks_stream_join(source(b, "in"), source(b, "other"), left_of, NULL,
                          ks_join_windows_of(1000, 0),
                          KS_STREAM_JOINED(.key = text, .value = text, .other_value = text,
                                           .store_name = "near", .changelog_config = own)));
    fixture *self = fixture_of(log_open(), topology_of(b));
    log_create(self->log, "in", 1);
    log_create(self->log, "other", 1);
    set(self, "windowstore.changelog.additional.retention.ms", "0");
    make_ready(self);
    assert_config(self, "app-near-this-join-store-changelog", "cleanup.policy", "delete");
    assert_config(self, "app-near-this-join-store-changelog", "segment.bytes", "4000000");
    assert_config(self, "app-near-other-join-store-changelog", "retention.ms", "2000");
    free_fixture(self);
}

static void a_configuration_that_the_log_does_not_take_names_the_topic(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_builder *b = ks_builder_new(NULL);
    const ks_topic_config wrong[] = {{.name = "segment.bytes", .value = "big"}, {0}};
    (void)ks_builder_table(b, "in", KS_CONSUMED(.key = text, .value = text),
                           KS_MATERIALIZED(.name = "rows", .changelog_config = wrong));
    fixture *self = fixture_of(log_open(), topology_of(b));
    log_create(self->log, "in", 1);
    assign(self);
    assert_int_equal(ksi_internal_topics_make_ready(&self->assignment, self->config,
                                                    self->transport, NULL, &error),
                     KS_E_ARGUMENT);
    assert_non_null(strstr(error.message, "creating a changelog topic"));
    assert_non_null(strstr(error.message, "segment.bytes"));
    free_fixture(self);
}

static void a_source_topic_that_is_a_changelog_needs_no_other(void **state)
{
    (void)state;
    ks_config *config = config_of("app");
    ks_error error = {0};
    assert_ok(ks_config_set(config, "topology.optimization", "reuse.ktable.source.topics", &error),
              &error);
    ks_builder *b = ks_builder_new(config);
    ks_config_free(config);
    (void)ks_builder_table(b, "in", KS_CONSUMED(.key = text, .value = text),
                           KS_MATERIALIZED(.name = "rows"));
    fixture *self = fixture_of(log_open(), topology_of(b));
    log_create(self->log, "in", 1);
    make_ready(self);
    assert_int_equal(self->assignment.needed_topic_count, 0);
    assert_int_equal(ks_log_partition_count(self->log, "app-rows-changelog"), 0);
    free_fixture(self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_subtopology_has_as_many_tasks_as_its_widest_topic),
        cmocka_unit_test(a_repartition_topic_is_as_wide_as_what_is_above_it),
        cmocka_unit_test(a_given_number_of_partitions_holds_and_is_handed_down),
        cmocka_unit_test(a_chain_of_repartitions_is_as_wide_as_its_widest_input),
        cmocka_unit_test(a_loop_is_as_wide_as_what_enters_it),
        cmocka_unit_test(stores_that_are_not_logged_need_no_topic),
        cmocka_unit_test(a_missing_topic_is_named_with_its_reader),
        cmocka_unit_test(all_missing_topics_are_named_at_once),
        cmocka_unit_test(patterns_match_what_is_there_but_not_the_applications_own),
        cmocka_unit_test(a_pattern_that_matches_nothing_has_no_tasks),
        cmocka_unit_test(topics_that_came_grew_or_went_are_told_apart),
        cmocka_unit_test(a_repartition_topic_that_went_can_be_made_again),
        cmocka_unit_test(two_patterns_do_not_match_one_topic),
        cmocka_unit_test(internal_topics_are_created_once),
        cmocka_unit_test(nothing_is_created_when_one_topic_does_not_fit),
        cmocka_unit_test(what_is_said_of_one_store_goes_over_what_is_said_of_all),
        cmocka_unit_test(rows_of_windows_are_kept_for_their_retention_and_some_more),
        cmocka_unit_test(rows_of_a_join_are_deleted_and_never_compacted),
        cmocka_unit_test(a_configuration_that_the_log_does_not_take_names_the_topic),
        cmocka_unit_test(a_source_topic_that_is_a_changelog_needs_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
