/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_stream_join.c - what a join of two streams refuses, and what it says of its stores and
 * topics. Names, numbers and texts are those of the scenarios in joins-ss/.
 */
#include "base/buffer.h"
#include "topology/topology.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include <kstreams/kstreams.h>

static ks_value pair(ks_ctx *ctx, ks_value key, ks_value left, ks_value right, void *user)
{
    (void)ctx;
    (void)key;
    (void)user;
    return ks_value_is_null(left) ? right : left;
}

static ks_value key_of(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)user;
    return record->key;
}

static ks_builder *builder_with(const char *property, const char *value)
{
    ks_config *config = ks_config_new();
    assert_int_equal(ks_config_set(config, property, value, NULL), KS_OK);
    ks_builder *builder = ks_builder_new(config);
    ks_config_free(config);
    return builder;
}

static ks_topology *built(ks_builder *builder)
{
    ks_error error = {0};
    ks_topology *topology = ks_builder_build(builder, &error);
    if (topology == NULL) {
        fail_msg("%s: %s", error.where, error.message);
    }
    ks_builder_free(builder);
    return topology;
}

static void expect_refusal(ks_builder *builder, ks_status code, const char *part)
{
    ks_error error = {0};
    assert_null(ks_builder_build(builder, &error));
    assert_int_equal(error.code, code);
    if (strstr(error.message, part) == NULL) {
        fail_msg("'%s' says nothing of '%s'", error.message, part);
    }
    ks_builder_free(builder);
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void a_join_needs_another_stream_and_a_joiner(void **state)
{
    (void)state;
    for (int without = 0; without < 2; without++) {
        ks_builder *builder = ks_builder_new(NULL);
        ks_stream *left = ks_builder_stream(builder, "l", NULL);
        ks_stream *right = ks_builder_stream(builder, "r", NULL);
        ks_stream_join(left, without == 0 ? NULL : right, without == 1 ? NULL : pair, NULL,
                       ks_join_windows_of(1, 0), NULL);
        expect_refusal(builder, KS_E_ARGUMENT, "NULL was given");
    }
}

static void both_streams_are_of_one_builder(void **state)
{
    (void)state;
    ks_builder *builder = ks_builder_new(NULL);
    ks_builder *another = ks_builder_new(NULL);
    ks_stream_outer_join(ks_builder_stream(builder, "l", NULL),
                         ks_builder_stream(another, "r", NULL), pair, NULL,
                         ks_join_windows_of(1, 0), NULL);
    expect_refusal(builder, KS_E_ARGUMENT, "different builders");
    ks_builder_free(another);
}

static void windows_that_make_no_sense_are_refused_with_the_line_of_the_call(void **state)
{
    (void)state;
    static const struct {
        ks_join_windows windows;
        const char *part;
    } wrong[] = {
        {{-1, 0, 0}, "less than 0"},
        {{5, -6, 0}, "less than 0"},
        {{1, 1, -1}, "grace_ms"},
        {{INT64_MAX, 1, 0}, "more than time has"},
        {{INT64_MAX, 0, 1}, "more than time has"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ks_builder *builder = ks_builder_new(NULL);
        ks_stream_left_join(ks_builder_stream(builder, "l", NULL),
                            ks_builder_stream(builder, "r", NULL), pair, NULL, wrong[i].windows,
                            KS_STREAM_JOINED(.name = "j"));
        ks_error error = {0};
        assert_null(ks_builder_build(builder, &error));
        assert_int_equal(error.code, KS_E_ARGUMENT);
        assert_non_null(strstr(error.message, wrong[i].part));
        assert_non_null(strstr(error.message, "test_stream_join.c:"));
        ks_builder_free(builder);
    }
}

static void a_window_of_no_width_on_one_side_is_none_the_less_one(void **state)
{
    (void)state;
    ks_builder *builder = ks_builder_new(NULL);
    ks_stream_join(ks_builder_stream(builder, "l", NULL), ks_builder_stream(builder, "r", NULL),
                   pair, NULL, ks_join_windows_between(-5, 5, 0), NULL);
    ks_topology_free(built(builder));
}

static void stores_of_a_join_are_on_rocksdb_or_in_memory(void **state)
{
    (void)state;
    static const ks_store_type others[] = {KS_STORE_LRU, KS_STORE_VERSIONED};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        ks_builder *builder = ks_builder_new(NULL);
        ks_stream_join(ks_builder_stream(builder, "l", NULL), ks_builder_stream(builder, "r", NULL),
                       pair, NULL, ks_join_windows_of(1, 0), KS_STREAM_JOINED(.type = others[i]));
        expect_refusal(builder, KS_E_ARGUMENT, "KS_STORE_IN_MEMORY");
    }
}

static void names_and_names_of_stores_are_checked(void **state)
{
    (void)state;
    for (int of_store = 0; of_store < 2; of_store++) {
        ks_builder *builder = ks_builder_new(NULL);
        ks_stream_join(ks_builder_stream(builder, "l", NULL), ks_builder_stream(builder, "r", NULL),
                       pair, NULL, ks_join_windows_of(1, 0),
                       KS_STREAM_JOINED(.name = of_store ? "fine" : "a b",
                                        .store_name = of_store ? "a b" : NULL));
        expect_refusal(builder, KS_E_TOPOLOGY, "change ' '");
    }
}

static void where_names_are_asked_for_a_join_needs_both(void **state)
{
    (void)state;
    ks_builder *builder = builder_with("ensure.explicit.internal.resource.naming", "true");
    ks_stream_left_join(ks_builder_stream(builder, "l", NULL),
                        ks_builder_stream(builder, "r", NULL), pair, NULL, ks_join_windows_of(1, 0),
                        KS_STREAM_JOINED(.name = "named"));
    expect_refusal(builder, KS_E_TOPOLOGY, "KSTREAM-OUTERSHARED-0000000004-store");
}

/* ---- stores ---------------------------------------------------------------------------------- */

static void stores_keep_records_for_the_window_and_its_grace(void **state)
{
    (void)state;
    static const ks_topic_config compressed[] = {{.name = "compression.type", .value = "zstd"},
                                                 {.name = NULL}};
    ks_builder *builder = ks_builder_new(NULL);
    ks_stream_outer_join(
        ks_builder_stream(builder, "l", NULL), ks_builder_stream(builder, "r", NULL), pair, NULL,
        ks_join_windows_between(3, 4, 50),
        KS_STREAM_JOINED(.key = &ks_serde_i64, .value = &ks_serde_string,
                         .other_value = &ks_serde_i32, .store_name = "s",
                         .type = KS_STORE_IN_MEMORY, .changelog_config = compressed));
    ks_topology *topology = built(builder);
    static const char *const names[] = {"s-outer-this-join-store", "s-outer-other-join-store"};
    for (int i = 0; i < 2; i++) {
        const ksi_topology_store *store = ksi_topology_store_named(topology, names[i]);
        assert_non_null(store);
        assert_int_equal(store->spec.kind, KSI_STORE_WINDOW);
        assert_int_equal(store->spec.type, KS_STORE_IN_MEMORY);
        assert_int_equal(store->spec.window_size_ms, 7);
        assert_int_equal(store->spec.retention_ms, 57);
        assert_true(store->spec.retain_duplicates);
        assert_true(store->spec.logging);
        assert_false(store->spec.caching);
        assert_ptr_equal(store->spec.key, &ks_serde_i64);
        assert_ptr_equal(store->spec.value, i == 0 ? &ks_serde_string : &ks_serde_i32);
        assert_string_equal(store->spec.changelog_config[0].value, "zstd");
    }
    const ksi_topology_store *outer =
        ksi_topology_store_named(topology, "s-outer-shared-join-store");
    assert_non_null(outer);
    assert_int_equal(outer->spec.kind, KSI_STORE_KEY_VALUE);
    assert_int_equal(outer->spec.type, KS_STORE_IN_MEMORY);
    assert_false(outer->spec.caching);
    assert_true(outer->spec.logging);
    ks_topology_free(topology);
}

/* ---- topics ---------------------------------------------------------------------------------- */

static size_t group_of(const ks_topology *topology, const char *source)
{
    const ksi_node *node = ksi_topology_node(topology, source);
    assert_non_null(node);
    return node->copartition;
}

static void topics_of_both_sides_have_equally_many_partitions(void **state)
{
    (void)state;
    ks_builder *builder = ks_builder_new(NULL);
    ks_stream *left = ks_builder_stream(builder, "l", KS_CONSUMED(.name = "left"));
    ks_stream *right = ks_builder_stream(builder, "r", KS_CONSUMED(.name = "right"));
    ks_stream *third = ks_builder_stream(builder, "t", KS_CONSUMED(.name = "third"));
    ks_builder_stream(builder, "x", KS_CONSUMED(.name = "other"));
    ks_stream *joined =
        ks_stream_join(left, ks_stream_select_key(right, key_of, NULL, NULL), pair, NULL,
                       ks_join_windows_of(1, 0), KS_STREAM_JOINED(.name = "j"));
    ks_stream_left_join(joined, third, pair, NULL, ks_join_windows_of(1, 0), NULL);
    ks_topology *topology = built(builder);
    size_t group = group_of(topology, "left");
    assert_int_not_equal(group, 0);
    assert_int_equal(group_of(topology, "j-right-repartition-source"), group);
    assert_int_equal(group_of(topology, "third"), group);
    assert_int_equal(group_of(topology, "right"), 0);
    assert_int_equal(group_of(topology, "other"), 0);
    ks_topology_free(topology);
}

/* The optimiser makes one of the two repartition topics; it takes their place in both joins. */
static void a_merged_repartition_topic_goes_with_all_that_its_parts_were_joined_with(void **state)
{
    (void)state;
    ks_builder *builder = builder_with("topology.optimization", "merge.repartition.topics");
    ks_stream *left = ks_builder_stream(builder, "l", KS_CONSUMED(.name = "left"));
    ks_stream *right = ks_builder_stream(builder, "r", KS_CONSUMED(.name = "right"));
    ks_stream *third = ks_builder_stream(builder, "t", KS_CONSUMED(.name = "third"));
    ks_stream *rekeyed = ks_stream_select_key(left, key_of, NULL, NULL);
    ks_stream_join(rekeyed, right, pair, NULL, ks_join_windows_of(1, 0),
                   KS_STREAM_JOINED(.name = "first"));
    ks_stream_join(rekeyed, third, pair, NULL, ks_join_windows_of(1, 0),
                   KS_STREAM_JOINED(.name = "second"));
    ks_topology *topology = built(builder);
    assert_null(ksi_topology_node(topology, "second-left-repartition-source"));
    size_t group = group_of(topology, "first-left-repartition-source");
    assert_int_not_equal(group, 0);
    assert_int_equal(group_of(topology, "right"), group);
    assert_int_equal(group_of(topology, "third"), group);
    ks_topology_free(topology);
}

static size_t stores_of_self_join(const char *optimisation)
{
    ks_builder *builder = builder_with("topology.optimization", optimisation);
    ks_stream *stream = ks_builder_stream(builder, "s", NULL);
    ks_stream_join(stream, ks_builder_stream(builder, "s", NULL), pair, NULL,
                   ks_join_windows_of(1, 0), NULL);
    ks_topology *topology = built(builder);
    size_t count = topology->store_count;
    ks_topology_free(topology);
    return count;
}

static void a_self_join_has_one_store_where_that_is_asked_for(void **state)
{
    (void)state;
    assert_int_equal(stores_of_self_join("none"), 2);
    assert_int_equal(stores_of_self_join("merge.repartition.topics"), 2);
    assert_int_equal(stores_of_self_join("single.store.self.join"), 1);
    assert_int_equal(stores_of_self_join("all"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_join_needs_another_stream_and_a_joiner),
        cmocka_unit_test(both_streams_are_of_one_builder),
        cmocka_unit_test(windows_that_make_no_sense_are_refused_with_the_line_of_the_call),
        cmocka_unit_test(a_window_of_no_width_on_one_side_is_none_the_less_one),
        cmocka_unit_test(stores_of_a_join_are_on_rocksdb_or_in_memory),
        cmocka_unit_test(names_and_names_of_stores_are_checked),
        cmocka_unit_test(where_names_are_asked_for_a_join_needs_both),
        cmocka_unit_test(stores_keep_records_for_the_window_and_its_grace),
        cmocka_unit_test(topics_of_both_sides_have_equally_many_partitions),
        cmocka_unit_test(a_merged_repartition_topic_goes_with_all_that_its_parts_were_joined_with),
        cmocka_unit_test(a_self_join_has_one_store_where_that_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
