/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_optimiser.c - repartition topics become one where that is safe, and only there. What equals
 * Java is in the scenarios optimizer/; here stands where Java fails or loses the partition.
 */
#include "base/buffer.h"
#include "topology/topology.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <kstreams/kstreams.h>

static bool keep_all(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)user;
    return record != NULL;
}

static ks_value key_of(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)user;
    return record->key;
}

static ks_value value_of(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)user;
    return record->value;
}

static void pass_on(ks_ctx *ctx, const ks_record *record, void *state, void *user)
{
    (void)state;
    (void)user;
    ks_ctx_forward(ctx, record);
}

/* ---- helpers --------------------------------------------------------------------------------- */

static ks_builder *builder_with(const char *property, const char *value)
{
    ks_config *config = ks_config_new();
    assert_int_equal(ks_config_set(config, "topology.optimization", "all", NULL), KS_OK);
    assert_int_equal(ks_config_set(config, property, value, NULL), KS_OK);
    ks_builder *builder = ks_builder_new(config);
    ks_config_free(config);
    return builder;
}

static ks_builder *optimising_builder(void)
{
    return builder_with("topology.optimization", "all");
}

static ks_topology *built(ks_builder *builder)
{
    ks_error error = {0};
    char text[800];
    ks_topology *topology = ks_builder_build(builder, &error);
    if (topology == NULL) {
        fail_msg("%s", ks_error_text(&error, text, sizeof text));
    }
    ks_builder_free(builder);
    return topology;
}

static ks_stream *new_keys(ks_stream *stream)
{
    return ks_stream_select_key(stream, key_of, NULL, NULL);
}

static ks_stream *filtered(ks_stream *stream)
{
    return ks_stream_filter(stream, keep_all, NULL, NULL);
}

/* `store` names the store and the topic. */
static void count(ks_stream *stream, const char *store)
{
    ks_grouped_stream_count(ks_stream_group_by_key(stream, NULL), KS_MATERIALIZED(.name = store));
}

static void assert_topics(const ks_topology *topology, const char *expected)
{
    ksi_buffer names = {0};
    for (size_t i = 0; i < topology->internal_topic_count; i++) {
        ksi_buffer_appendf(&names, "%s%s", i > 0 ? " " : "", topology->internal_topics[i].name);
    }
    ks_slice text = ksi_buffer_slice(&names);
    if (!ks_slice_equal(text, ks_slice_cstr(expected))) {
        fail_msg("'%.*s' is not '%s'", (int)text.size, text.data, expected);
    }
    ksi_buffer_destroy(&names);
}

static bool is_prefixed(const ksi_node *node, const char *prefix)
{
    return strncmp(node->name, prefix, strlen(prefix)) == 0;
}

/* No node changes a key between a source and a node that needs equal keys together. */
static bool keeps_its_keys(const ksi_node *node)
{
    if (is_prefixed(node, "KSTREAM-KEY-SELECT-")) {
        return false;
    }
    for (size_t i = 0; i < node->parent_count; i++) {
        if (!keeps_its_keys(node->parents[i])) {
            return false;
        }
    }
    return true;
}

static void assert_partitioned(const ks_topology *topology)
{
    for (size_t i = 0; i < topology->node_count; i++) {
        const ksi_node *node = topology->nodes[i];
        if (node->store_count > 0 && !keeps_its_keys(node)) {
            fail_msg("%s counts keys that were changed since the last topic:\n%s", node->name,
                     ksi_topology_description(topology));
        }
    }
}

/* ---- what Java cannot build ------------------------------------------------------------------ */

static void two_groupings_below_one_filter_share_a_topic(void **state)
{
    (void)state;
    ks_builder *b = optimising_builder();
    ks_stream *kept = filtered(new_keys(ks_builder_stream(b, "in", NULL)));
    count(kept, "one");
    count(kept, "two");
    ks_topology *topology = built(b);
    assert_topics(topology, "one-repartition");
    assert_partitioned(topology);
    const ksi_node *source = ksi_topology_node(topology, "one-repartition-source");
    assert_int_equal(source->child_count, 1);
    assert_int_equal(source->children[0]->child_count, 2);
    ks_topology_free(topology);
}

static void branches_share_a_topic(void **state)
{
    (void)state;
    ks_builder *b = optimising_builder();
    ks_split *split = ks_stream_split(new_keys(ks_builder_stream(b, "in", NULL)), NULL);
    count(ks_split_branch(split, keep_all, NULL, NULL), "one");
    count(ks_split_default_branch(split, NULL), "two");
    ks_topology *topology = built(b);
    assert_topics(topology, "one-repartition");
    assert_partitioned(topology);
    ks_topology_free(topology);
}

static void merges_of_merges_are_repartitioned_behind_the_last(void **state)
{
    (void)state;
    ks_builder *b = optimising_builder();
    ks_stream *inner = ks_stream_merge(new_keys(ks_builder_stream(b, "a", NULL)),
                                       new_keys(ks_builder_stream(b, "b", NULL)), NULL);
    ks_stream *outer = ks_stream_merge(inner, new_keys(ks_builder_stream(b, "c", NULL)), NULL);
    count(outer, "one");
    count(filtered(outer), "two");
    ks_topology *topology = built(b);
    assert_topics(topology, "one-repartition");
    assert_partitioned(topology);
    ks_topology_free(topology);
}

/* ---- where Java loses the partition ---------------------------------------------------------- */

static void a_point_that_another_stream_reaches_too_stays(void **state)
{
    (void)state;
    ks_builder *b = optimising_builder();
    ks_stream *a = new_keys(ks_builder_stream(b, "a", NULL));
    count(a, "of-a");
    count(filtered(a), "of-kept-a");
    count(ks_stream_merge(a, new_keys(ks_builder_stream(b, "b", NULL)), NULL), "of-both");
    ks_topology *topology = built(b);
    assert_topics(topology, "of-a-repartition of-both-repartition");
    assert_partitioned(topology);
    ks_topology_free(topology);
}

static void every_way_to_a_point_is_moved_with_it(void **state)
{
    (void)state;
    ks_builder *b = optimising_builder();
    ks_stream *changed = new_keys(ks_builder_stream(b, "in", NULL));
    count(changed, "all");
    count(ks_stream_merge(filtered(changed), filtered(changed), NULL), "twice");
    ks_topology *topology = built(b);
    assert_topics(topology, "all-repartition");
    assert_partitioned(topology);
    assert_int_equal(ksi_topology_node(topology, "all-repartition-source")->child_count, 3);
    ks_topology_free(topology);
}

static void a_key_that_was_changed_again_on_one_of_the_ways_keeps_the_point(void **state)
{
    (void)state;
    ks_builder *b = optimising_builder();
    ks_stream *changed = new_keys(ks_builder_stream(b, "in", NULL));
    count(changed, "all");
    count(ks_stream_merge(filtered(changed), new_keys(changed), NULL), "both");
    ks_topology *topology = built(b);
    assert_topics(topology, "all-repartition both-repartition");
    assert_partitioned(topology);
    ks_topology_free(topology);
}

/* ---- settings -------------------------------------------------------------------------------- */

static void without_the_property_nothing_is_merged(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *changed = new_keys(ks_builder_stream(b, "in", NULL));
    count(changed, "one");
    count(changed, "two");
    ks_topology *topology = built(b);
    assert_topics(topology, "one-repartition two-repartition");
    ks_topology_free(topology);
}

static const ks_processor passing = {.struct_size = sizeof passing, .process = pass_on};

static void add_processor_between(ks_builder *b)
{
    ks_stream *changed = new_keys(ks_builder_stream(b, "in", NULL));
    count(changed, "one");
    count(ks_stream_process(changed, &passing, NULL, NULL), "two");
}

static void a_processor_counts_as_changing_keys_only_when_told(void **state)
{
    (void)state;
    ks_builder *b = optimising_builder();
    add_processor_between(b);
    ks_topology *topology = built(b);
    assert_topics(topology, "one-repartition");
    ks_topology_free(topology);
    b = builder_with("__enable.process.processValue.fix__", "true");
    add_processor_between(b);
    topology = built(b);
    assert_topics(topology, "one-repartition two-repartition");
    ks_topology_free(topology);
}

static void the_shared_topic_has_the_first_serdes_that_are_known(void **state)
{
    (void)state;
    ks_builder *b = optimising_builder();
    ks_stream *changed = new_keys(ks_builder_stream(b, "in", NULL));
    count(changed, "one");
    ks_grouped_stream_count(ks_stream_group_by_key(changed, KS_GROUPED(.value = &ks_serde_i64)),
                            KS_MATERIALIZED(.name = "two"));
    ks_grouped_stream_count(
        ks_stream_group_by_key(changed, KS_GROUPED(.key = &ks_serde_i32, .value = &ks_serde_i32)),
        KS_MATERIALIZED(.name = "three"));
    ks_topology *topology = built(b);
    const ksi_node *sink = ksi_topology_node(topology, "one-repartition-sink");
    assert_ptr_equal(sink->sink.key, &ks_serde_i32);
    assert_ptr_equal(sink->sink.value, &ks_serde_i64);
    ks_topology_free(topology);
}

/* ---- at random ------------------------------------------------------------------------------- */

enum { MOST_STREAMS = 14 };

static ks_stream *random_stream(ks_builder *b, ks_stream **streams, int made, unsigned *seed)
{
    ks_stream *of = streams[rand_r(seed) % made];
    char name[20];
    switch (rand_r(seed) % 6) {
    case 0:
        snprintf(name, sizeof name, "in-%d", made);
        return ks_builder_stream(b, name, NULL);
    case 1:
        return filtered(of);
    case 2:
        return ks_stream_map_values(of, value_of, NULL, NULL);
    case 3:
        return ks_stream_merge(of, streams[rand_r(seed) % made], NULL);
    default:
        return new_keys(of);
    }
}

/* The number of repartition topics. */
static size_t random_topics(ks_builder *b, unsigned seed)
{
    ks_stream *streams[MOST_STREAMS] = {ks_builder_stream(b, "in", NULL)};
    for (int made = 1; made < MOST_STREAMS; made++) {
        char store[20];
        snprintf(store, sizeof store, "store-%d", made);
        streams[made] = random_stream(b, streams, made, &seed);
        if (rand_r(&seed) % 2 == 0) {
            count(streams[rand_r(&seed) % (made + 1)], store);
        }
    }
    ks_topology *topology = built(b);
    size_t topics = topology->internal_topic_count;
    assert_partitioned(topology);
    ks_topology_free(topology);
    return topics;
}

static void whatever_is_merged_equal_keys_meet(void **state)
{
    (void)state;
    size_t fewer = 0;
    for (unsigned seed = 1; seed <= 3000; seed++) {
        size_t plain = random_topics(ks_builder_new(NULL), seed);
        size_t optimised = random_topics(optimising_builder(), seed);
        if (optimised > plain) {
            fail_msg("seed %u: %zu topics became %zu", seed, plain, optimised);
        }
        fewer += optimised < plain;
    }
    assert_true(fewer > 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_groupings_below_one_filter_share_a_topic),
        cmocka_unit_test(branches_share_a_topic),
        cmocka_unit_test(merges_of_merges_are_repartitioned_behind_the_last),
        cmocka_unit_test(a_point_that_another_stream_reaches_too_stays),
        cmocka_unit_test(every_way_to_a_point_is_moved_with_it),
        cmocka_unit_test(a_key_that_was_changed_again_on_one_of_the_ways_keeps_the_point),
        cmocka_unit_test(without_the_property_nothing_is_merged),
        cmocka_unit_test(a_processor_counts_as_changing_keys_only_when_told),
        cmocka_unit_test(the_shared_topic_has_the_first_serdes_that_are_known),
        cmocka_unit_test(whatever_is_merged_equal_keys_meet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
