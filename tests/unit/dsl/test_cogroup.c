/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_cogroup.c - who is asked for old values, what is co-partitioned, and which calls make no
 * cogroup.
 */
#include "dsl/builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <kstreams/kstreams.h>

static ks_value nothing(ks_ctx *ctx, void *user)
{
    (void)ctx;
    (void)user;
    return ks_null();
}

static ks_value key_of(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)user;
    return record->value;
}

static ks_value add_up(ks_ctx *ctx, const ks_record *record, ks_value aggregate, void *user)
{
    (void)ctx;
    (void)record;
    (void)user;
    return aggregate;
}

static ks_value merge(ks_ctx *ctx, ks_value key, ks_value aggregate, ks_value other, void *user)
{
    (void)ctx;
    (void)key;
    (void)other;
    (void)user;
    return aggregate;
}

static ks_grouped_stream *group(ks_builder *b, const char *topic)
{
    return ks_stream_group_by_key(ks_builder_stream(b, topic, NULL), NULL);
}

/* ---- the table ------------------------------------------------------------------------------- */

static void all_inputs_send_old_values_when_one_asks(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    ks_cogrouped_stream *both = ks_grouped_stream_cogroup(group(b, "a"), add_up, NULL, NULL);
    both = ks_cogrouped_stream_cogroup(both, group(b, "b"), add_up, NULL, NULL);
    ks_table *table = ks_cogrouped_stream_aggregate(both, nothing, NULL, NULL);
    size_t inputs = 0;
    for (const ksi_table_nodes *at = table->inputs; at != NULL; at = at->next, inputs++) {
        assert_false(at->node->send_old_values);
    }
    assert_int_equal(inputs, 2);
    assert_true(ksi_table_send_old_values(table, false));
    for (const ksi_table_nodes *at = table->inputs; at != NULL; at = at->next) {
        assert_true(at->node->send_old_values);
    }
    ks_builder_free(b);
}

/*
 * In Java topics above a repartition point have to be as many as those it meets; here only what
 * meets does.
 */
static void what_meets_is_co_partitioned(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    ks_error error = {0};
    ks_grouped_stream *rekeyed = ks_stream_group_by(ks_builder_stream(b, "b", NULL), key_of, NULL,
                                                    KS_GROUPED(.name = "by-value"));
    ks_cogrouped_stream *both = ks_grouped_stream_cogroup(group(b, "a"), add_up, NULL, NULL);
    both = ks_cogrouped_stream_cogroup(both, rekeyed, add_up, NULL, NULL);
    (void)ks_cogrouped_stream_aggregate(both, nothing, NULL, NULL);
    ks_topology *topology = ks_builder_build(b, &error);
    assert_non_null(topology);
    size_t together = 0;
    for (size_t i = 0; i < topology->node_count; i++) {
        const ksi_node *node = topology->nodes[i];
        if (node->kind == KSI_NODE_SOURCE) {
            bool is_above = strcmp(node->source.topics[0], "b") == 0;
            assert_int_equal(node->copartition == 0, is_above);
            together += node->copartition != 0;
        }
    }
    assert_int_equal(together, 2);
    ks_topology_free(topology);
    ks_builder_free(b);
}

/* ---- calls that make none -------------------------------------------------------------------- */

static void assert_refused(ks_builder *b, const char *says)
{
    ks_error error = {0};
    assert_null(ks_builder_build(b, &error));
    assert_int_equal(error.code, KS_E_ARGUMENT);
    assert_non_null(strstr(error.message, says));
    ks_builder_free(b);
}

static void functions_are_needed(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    assert_ptr_equal(ks_grouped_stream_cogroup(group(b, "a"), NULL, NULL, NULL),
                     &b->inert_cogrouped);
    assert_refused(b, "NULL");

    b = ks_builder_new(NULL);
    ks_cogrouped_stream *one = ks_grouped_stream_cogroup(group(b, "a"), add_up, NULL, NULL);
    (void)ks_cogrouped_stream_cogroup(one, NULL, add_up, NULL, NULL);
    assert_refused(b, "NULL");

    b = ks_builder_new(NULL);
    one = ks_grouped_stream_cogroup(group(b, "a"), add_up, NULL, NULL);
    assert_ptr_equal(ks_cogrouped_stream_aggregate(one, NULL, NULL, NULL), &b->inert_table);
    assert_refused(b, "NULL");
}

static void groups_of_two_builders_are_refused(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    ks_builder *other = ks_builder_new(NULL);
    ks_cogrouped_stream *one = ks_grouped_stream_cogroup(group(b, "a"), add_up, NULL, NULL);
    (void)ks_cogrouped_stream_cogroup(one, group(other, "b"), add_up, NULL, NULL);
    assert_refused(b, "different builders");
    ks_builder_free(other);
}

static void windows_are_checked_and_a_merger_is_for_sessions(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        ks_builder *b = ks_builder_new(NULL);
        ks_cogrouped_stream *one = ks_grouped_stream_cogroup(group(b, "a"), add_up, NULL, NULL);
        ks_windows windows = i == 0   ? ks_tumbling_windows(0, 0)
                             : i == 1 ? ks_tumbling_windows(5, 0)
                                      : ks_session_windows(5, 0);
        ks_windowed_cogrouped_stream *windowed = ks_cogrouped_stream_windowed_by(one, windows);
        ks_merger_fn *merger = i == 1 ? merge : NULL;
        (void)ks_windowed_cogrouped_stream_aggregate(windowed, nothing, merger, NULL, NULL);
        assert_refused(b, i == 0 ? "size" : "merger");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_inputs_send_old_values_when_one_asks),
        cmocka_unit_test(what_meets_is_co_partitioned),
        cmocka_unit_test(functions_are_needed),
        cmocka_unit_test(groups_of_two_builders_are_refused),
        cmocka_unit_test(windows_are_checked_and_a_merger_is_for_sessions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
