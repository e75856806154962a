/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_joins.c - which topics a join puts together, which repartition points let records without
 * key pass, and what a misuse of a join leads to. What joins give is shown by recorded scenarios.
 */
#include "dsl/builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <kstreams/kstreams.h>

/* ---- callbacks: never run here --------------------------------------------------------------- */

static ks_value join(ks_ctx *ctx, ks_value key, ks_value left, ks_value right, void *user)
{
    (void)ctx;
    (void)key;
    (void)right;
    (void)user;
    return left;
}

static ks_value value_of(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)user;
    return record->value;
}

static void count_free(void *user)
{
    ++*(int *)user;
}

/* ---- building -------------------------------------------------------------------------------- */

static ks_stream *stream_of(ks_builder *b, const char *topic)
{
    return ks_builder_stream(b, topic, KS_CONSUMED(.name = topic));
}

/* Its source is `topic`-source. */
static ks_table *table_of(ks_builder *b, const char *topic)
{
    return ks_builder_table(b, topic, KS_CONSUMED(.name = topic), NULL);
}

static ks_topology *built(ks_builder *b)
{
    ks_error error = {0};
    ks_topology *topology = ks_builder_build(b, &error);
    if (topology == NULL) {
        fail_msg("%s", error.message);
    }
    ks_builder_free(b);
    return topology;
}

/* `mentions` stands in the message, or is the call that the error names. */
static void refused(ks_builder *b, ks_status code, const char *mentions)
{
    ks_error error = {0};
    assert_null(ks_builder_build(b, &error));
    bool names = strcmp(error.where, mentions) == 0 || strstr(error.message, mentions) != NULL;
    if (error.code != code || !names) {
        fail_msg("%d: %s: %s", (int)error.code, error.where, error.message);
    }
    ks_builder_free(b);
}

/* ---- topics that go together ----------------------------------------------------------------- */

/* The group of a source; 0: it has none. */
static size_t group_of(const ks_topology *topology, const char *source)
{
    const ksi_node *node = ksi_topology_node(topology, source);
    if (node == NULL) {
        fail_msg("no node %s", source);
    }
    return node->copartition;
}

static void assert_together(const ks_topology *topology, const char *a, const char *b)
{
    assert_int_not_equal(group_of(topology, a), 0);
    assert_int_equal(group_of(topology, a), group_of(topology, b));
}

static void what_is_joined_is_partitioned_alike(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *s = ks_stream_map_values(stream_of(b, "s"), value_of, NULL, NULL);
    ks_table *t = ks_table_map_values(table_of(b, "t"), value_of, NULL, NULL);
    ks_table *u = table_of(b, "u");
    (void)stream_of(b, "alone");
    (void)ks_stream_join_table(s, t, join, NULL, NULL);
    (void)ks_table_outer_join(t, u, join, NULL, NULL);
    ks_topology *topology = built(b);
    assert_together(topology, "s", "t-source");
    assert_together(topology, "s", "u-source"); /* by way of t */
    assert_int_equal(group_of(topology, "alone"), 0);
    ks_topology_free(topology);
}

static void two_joins_that_share_nothing_are_two_groups(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    (void)ks_stream_join_table(stream_of(b, "s"), table_of(b, "t"), join, NULL, NULL);
    (void)ks_stream_join_table(stream_of(b, "s2"), table_of(b, "t2"), join, NULL, NULL);
    ks_topology *topology = built(b);
    assert_together(topology, "s", "t-source");
    assert_together(topology, "s2", "t2-source");
    assert_int_not_equal(group_of(topology, "s"), group_of(topology, "s2"));
    ks_topology_free(topology);
}

static void what_was_joined_before_comes_along(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *joined = ks_stream_join_table(stream_of(b, "s"), table_of(b, "t"), join, NULL, NULL);
    (void)ks_stream_left_join_table(joined, table_of(b, "u"), join, NULL, NULL);
    ks_topology *topology = built(b);
    assert_together(topology, "t-source", "u-source");
    ks_topology_free(topology);
}

static void a_source_that_became_another_is_found(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    (void)stream_of(b, "s");
    ks_stream *again = ks_builder_stream(b, "s", KS_CONSUMED(.name = "again"));
    ks_table *t = ks_stream_to_table(again, NULL);
    (void)ks_table_join(t, table_of(b, "u"), join, NULL, NULL);
    ks_topology *topology = built(b);
    assert_together(topology, "s", "u-source");
    ks_topology_free(topology);
}

static void a_repartitioned_side_goes_by_its_own_topic(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *rekeyed = ks_stream_select_key(stream_of(b, "s"), value_of, NULL, NULL);
    (void)ks_stream_join_table(rekeyed, table_of(b, "t"), join, NULL, KS_JOINED(.name = "j"));
    ks_topology *topology = built(b);
    assert_together(topology, "j-repartition-source", "t-source");
    assert_int_equal(group_of(topology, "s"), 0);
    ks_topology_free(topology);
}

static void repartition_points_that_became_one_are_found(void **state)
{
    (void)state;
    ks_config *config = ks_config_new();
    assert_int_equal(ks_config_set(config, "topology.optimization", "all", NULL), KS_OK);
    ks_builder *b = ks_builder_new(config);
    ks_stream *rekeyed = ks_stream_select_key(stream_of(b, "s"), value_of, NULL, NULL);
    (void)ks_stream_join_table(rekeyed, table_of(b, "t"), join, NULL, KS_JOINED(.name = "j"));
    (void)ks_stream_join_table(rekeyed, table_of(b, "u"), join, NULL, KS_JOINED(.name = "k"));
    ks_topology *topology = built(b);
    assert_null(ksi_topology_node(topology, "k-repartition-source"));
    assert_together(topology, "j-repartition-source", "t-source");
    assert_together(topology, "t-source", "u-source");
    ks_topology_free(topology);
    ks_config_free(config);
}

static void own_topics_with_different_numbers_are_refused(void **state)
{
    (void)state;
    for (int32_t other = 3; other <= 4; other++) {
        ks_builder *b = ks_builder_new(NULL);
        ks_stream *s = ks_stream_repartition(stream_of(b, "s"),
                                             KS_REPARTITIONED(.name = "a", .partitions = 3));
        ks_stream *t = ks_stream_repartition(stream_of(b, "t"),
                                             KS_REPARTITIONED(.name = "b", .partitions = other));
        (void)ks_stream_join_table(s, ks_stream_to_table(t, NULL), join, NULL, KS_JOINED());
        if (other == 3) {
            ks_topology_free(built(b));
        } else {
            refused(b, KS_E_TOPOLOGY, "test_joins.c");
        }
    }
}

/* ---- records without key --------------------------------------------------------------------- */

static const ksi_processor_class *filter_of(bool is_left, bool with_global)
{
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *s = ks_stream_repartition(stream_of(b, "s"), KS_REPARTITIONED(.name = "r"));
    if (with_global) {
        ks_global_table *t = ks_builder_global_table(b, "t", NULL, NULL);
        (void)(is_left ? ks_stream_left_join_global_table(s, t, value_of, join, NULL, NULL)
                       : ks_stream_join_global_table(s, t, value_of, join, NULL, NULL));
    } else {
        ks_table *t = table_of(b, "t");
        s = ks_stream_map_values(s, value_of, NULL, NULL);
        (void)(is_left ? ks_stream_left_join_table(s, t, join, NULL, NULL)
                       : ks_stream_join_table(s, t, join, NULL, NULL));
    }
    ks_topology *topology = built(b);
    const ksi_node *filter = ksi_topology_node(topology, "r-repartition-filter");
    assert_non_null(filter);
    const ksi_processor_class *class = filter->processor.class;
    ks_topology_free(topology);
    return class;
}

static void records_without_key_pass_to_left_joins_only(void **state)
{
    (void)state;
    for (int with_global = 0; with_global <= 1; with_global++) {
        assert_ptr_equal(filter_of(true, with_global), ksi_op_any_key().class);
        assert_ptr_equal(filter_of(false, with_global), ksi_op_has_key().class);
    }
}

/* ---- misuse ---------------------------------------------------------------------------------- */

static void a_join_needs_both_sides_and_a_joiner(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    (void)ks_stream_join_table(stream_of(b, "s"), table_of(b, "t"), NULL, NULL, NULL);
    refused(b, KS_E_ARGUMENT, "ks_stream_join_table");
    b = ks_builder_new(NULL);
    (void)ks_stream_left_join_table(stream_of(b, "s"), NULL, join, NULL, NULL);
    refused(b, KS_E_ARGUMENT, "ks_stream_left_join_table");
    b = ks_builder_new(NULL);
    (void)ks_stream_join_global_table(
        stream_of(b, "s"), ks_builder_global_table(b, "t", NULL, NULL), NULL, join, NULL, NULL);
    refused(b, KS_E_ARGUMENT, "ks_stream_join_global_table");
    b = ks_builder_new(NULL);
    (void)ks_table_outer_join(table_of(b, "t"), NULL, join, NULL, NULL);
    refused(b, KS_E_ARGUMENT, "ks_table_outer_join");
}

static void both_sides_are_of_one_builder(void **state)
{
    (void)state;
    ks_builder *other = ks_builder_new(NULL);
    ks_table *t = table_of(other, "t");
    ks_builder *b = ks_builder_new(NULL);
    (void)ks_stream_join_table(stream_of(b, "s"), t, join, NULL, NULL);
    refused(b, KS_E_ARGUMENT, "different builders");
    b = ks_builder_new(NULL);
    (void)ks_table_join(table_of(b, "u"), t, join, NULL, NULL);
    refused(b, KS_E_ARGUMENT, "different builders");
    b = ks_builder_new(NULL);
    (void)ks_stream_join_global_table(stream_of(b, "s"),
                                      ks_builder_global_table(other, "g", NULL, NULL), value_of,
                                      join, NULL, NULL);
    refused(b, KS_E_ARGUMENT, "different builders");
    ks_builder_free(other);
}

static void records_wait_only_for_a_table_that_keeps_its_versions_as_long(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    (void)ks_stream_join_table(stream_of(b, "s"), table_of(b, "t"), join, NULL,
                               KS_JOINED(.with_grace = true, .grace_ms = 5));
    refused(b, KS_E_ARGUMENT, "KS_STORE_VERSIONED");
    for (int64_t grace_ms = 100; grace_ms <= 101; grace_ms++) {
        b = ks_builder_new(NULL);
        ks_table *t = ks_builder_table(
            b, "t", NULL,
            KS_MATERIALIZED(.name = "v", .type = KS_STORE_VERSIONED, .history_retention_ms = 100));
        ks_table *derived = ks_table_map_values(t, value_of, NULL, NULL);
        (void)ks_stream_join_table(stream_of(b, "s"), derived, join, NULL,
                                   KS_JOINED(.with_grace = true, .grace_ms = grace_ms));
        if (grace_ms == 100) {
            ks_topology_free(built(b));
        } else {
            refused(b, KS_E_ARGUMENT, "history_retention_ms");
        }
    }
}

static void a_user_pointer_is_freed_once(void **state)
{
    (void)state;
    int freed = 0;
    ks_builder *b = ks_builder_new(NULL);
    ks_table *t = table_of(b, "t");
    (void)ks_stream_join_table(stream_of(b, "s"), t, join, &freed,
                               KS_JOINED(.user_free = count_free));
    (void)ks_table_join(t, table_of(b, "u"), join, &freed,
                        KS_MATERIALIZED(.named = "n", .user_free = count_free));
    ks_topology *topology = built(b);
    assert_int_equal(freed, 0);
    ks_topology_free(topology);
    assert_int_equal(freed, 2);

    b = ks_builder_new(NULL);
    (void)ks_stream_join_global_table(stream_of(b, "s"), NULL, value_of, join, &freed,
                                      KS_NAMED(.user_free = count_free));
    refused(b, KS_E_ARGUMENT, "ks_stream_join_global_table");
    assert_int_equal(freed, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_joined_is_partitioned_alike),
        cmocka_unit_test(two_joins_that_share_nothing_are_two_groups),
        cmocka_unit_test(what_was_joined_before_comes_along),
        cmocka_unit_test(a_source_that_became_another_is_found),
        cmocka_unit_test(a_repartitioned_side_goes_by_its_own_topic),
        cmocka_unit_test(repartition_points_that_became_one_are_found),
        cmocka_unit_test(own_topics_with_different_numbers_are_refused),
        cmocka_unit_test(records_without_key_pass_to_left_joins_only),
        cmocka_unit_test(a_join_needs_both_sides_and_a_joiner),
        cmocka_unit_test(both_sides_are_of_one_builder),
        cmocka_unit_test(records_wait_only_for_a_table_that_keeps_its_versions_as_long),
        cmocka_unit_test(a_user_pointer_is_freed_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
