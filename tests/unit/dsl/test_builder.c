/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_builder.c - numbers and names, what a misuse leads to, and who frees a user pointer when.
 */
#include "topology/topology.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include <kstreams/kstreams.h>

/* ---- callbacks: never run here --------------------------------------------------------------- */

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

static void look(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)record;
    (void)user;
}

static ks_pair pair_of(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)user;
    return (ks_pair){record->key, record->value};
}

static ks_slice topic_of(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)record;
    (void)user;
    return ks_slice_cstr("t");
}

static ks_slice printed_of(ks_ctx *ctx, const ks_record *record, void *user)
{
    return topic_of(ctx, record, user);
}

static ks_value first_of(ks_ctx *ctx, void *user)
{
    (void)ctx;
    (void)user;
    return ks_null();
}

static ks_value add_up(ks_ctx *ctx, const ks_record *record, ks_value aggregate, void *user)
{
    (void)ctx;
    (void)record;
    (void)user;
    return aggregate;
}

static ks_value newest(ks_ctx *ctx, ks_value aggregate, ks_value value, void *user)
{
    (void)ctx;
    (void)aggregate;
    (void)user;
    return value;
}

/* ---- helpers --------------------------------------------------------------------------------- */

static ks_topology *built(ks_builder *builder)
{
    ks_error error = {0};
    char text[800];
    ks_topology *topology = ks_builder_build(builder, &error);
    if (topology == NULL) {
        fail_msg("%s", ks_error_text(&error, text, sizeof text));
    }
    return topology;
}

/* Builds, expecting a refusal; the error's text lives in `text`. */
static void refused(ks_builder *builder, ks_error *error)
{
    *error = (ks_error){0};
    assert_null(ks_builder_build(builder, error));
    assert_int_not_equal(error->code, KS_OK);
}

static void assert_mentions(const ks_error *error, const char *what)
{
    if (strstr(error->message, what) == NULL && strstr(error->where, what) == NULL) {
        fail_msg("'%s' is not in: %s: %s", what, error->where, error->message);
    }
}

/* The message begins with this file and that line. */
static void assert_call_site(const ks_error *error, int line)
{
    char site[160];
    snprintf(site, sizeof site, "test_builder.c:%d: ", line);
    assert_mentions(error, site);
}

/* ---- numbers and names ----------------------------------------------------------------------- */

static void word_count_reads_as_in_java(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *lines = ks_builder_stream(b, "lines", KS_CONSUMED(.value = &ks_serde_string));
    ks_stream *words = ks_stream_flat_map_values(lines, look, NULL, NULL);
    ks_grouped_stream *by_word =
        ks_stream_group_by(words, key_of, NULL, KS_GROUPED(.key = &ks_serde_string));
    ks_table *counts = ks_grouped_stream_count(by_word, KS_MATERIALIZED(.name = "counts"));
    ks_stream_to(ks_table_to_stream(counts, NULL), "word-counts", NULL);
    ks_topology *topology = built(b);
    ks_builder_free(b); /* before the topology, which needs nothing of it */
    assert_string_equal(ks_topology_describe(topology),
                        "Topologies:\n"
                        "   Sub-topology: 0\n"
                        "    Source: KSTREAM-SOURCE-0000000000 (topics: [lines])\n"
                        "      --> KSTREAM-FLATMAPVALUES-0000000001\n"
                        "    Processor: KSTREAM-FLATMAPVALUES-0000000001 (stores: [])\n"
                        "      --> KSTREAM-KEY-SELECT-0000000002\n"
                        "      <-- KSTREAM-SOURCE-0000000000\n"
                        "    Processor: KSTREAM-KEY-SELECT-0000000002 (stores: [])\n"
                        "      --> counts-repartition-filter\n"
                        "      <-- KSTREAM-FLATMAPVALUES-0000000001\n"
                        "    Processor: counts-repartition-filter (stores: [])\n"
                        "      --> counts-repartition-sink\n"
                        "      <-- KSTREAM-KEY-SELECT-0000000002\n"
                        "    Sink: counts-repartition-sink (topic: counts-repartition)\n"
                        "      <-- counts-repartition-filter\n"
                        "\n"
                        "  Sub-topology: 1\n"
                        "    Source: counts-repartition-source (topics: [counts-repartition])\n"
                        "      --> KSTREAM-AGGREGATE-0000000003\n"
                        "    Processor: KSTREAM-AGGREGATE-0000000003 (stores: [counts])\n"
                        "      --> KTABLE-TOSTREAM-0000000007\n"
                        "      <-- counts-repartition-source\n"
                        "    Processor: KTABLE-TOSTREAM-0000000007 (stores: [])\n"
                        "      --> KSTREAM-SINK-0000000008\n"
                        "      <-- KSTREAM-AGGREGATE-0000000003\n"
                        "    Sink: KSTREAM-SINK-0000000008 (topic: word-counts)\n"
                        "      <-- KTABLE-TOSTREAM-0000000007\n"
                        "\n");
    ks_topology_free(topology);
}

static void a_users_name_still_uses_up_a_number(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(b, "in", KS_CONSUMED(.name = "source"));
    ks_stream *kept = ks_stream_filter(in, keep_all, NULL, KS_NAMED(.name = "kept"));
    ks_stream_foreach(kept, look, NULL, NULL);
    ks_topology *topology = built(b);
    assert_non_null(ksi_topology_node(topology, "source"));
    assert_non_null(ksi_topology_node(topology, "kept"));
    assert_non_null(ksi_topology_node(topology, "KSTREAM-FOREACH-0000000002"));
    ks_topology_free(topology);
    ks_builder_free(b);
}

static void process_all(ks_ctx *ctx, const ks_record *record, void *state, void *user)
{
    (void)state;
    look(ctx, record, user);
}

/* As in Java, which numbers a processor only when nobody names it. */
static void the_name_of_a_processor_uses_up_no_number(void **state)
{
    (void)state;
    static const ks_processor processor = {.struct_size = sizeof processor, .process = process_all};
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(b, "in", NULL);
    ks_stream *named = ks_stream_process(in, &processor, NULL, KS_CONNECTED(.name = "mine"));
    ks_stream_foreach(ks_stream_process(named, &processor, NULL, NULL), look, NULL, NULL);
    ks_topology *topology = built(b);
    assert_non_null(ksi_topology_node(topology, "mine"));
    assert_non_null(ksi_topology_node(topology, "KSTREAM-PROCESSOR-0000000001"));
    assert_non_null(ksi_topology_node(topology, "KSTREAM-FOREACH-0000000002"));
    ks_topology_free(topology);
    ks_builder_free(b);
}

static void branches_are_named_after_their_split(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(b, "in", NULL);
    ks_split *split = ks_stream_split(in, KS_NAMED(.name = "by-size-"));
    ks_split_branch(split, keep_all, NULL, KS_BRANCHED(.name = "large"));
    ks_split_branch(split, keep_all, NULL, NULL);
    ks_split_default_branch(split, NULL);
    ks_stream_peek(in, look, NULL, NULL); /* each branch used up a number */
    ks_topology *topology = built(b);
    const ksi_node *node = ksi_topology_node(topology, "by-size-");
    assert_int_equal(node->child_count, 3);
    assert_string_equal(node->children[0]->name, "by-size-large");
    assert_string_equal(node->children[1]->name, "by-size-2");
    assert_string_equal(node->children[2]->name, "by-size-0");
    assert_non_null(ksi_topology_node(topology, "KSTREAM-PEEK-0000000005"));
    ks_topology_free(topology);
    ks_builder_free(b);
}

static void a_named_grouping_shares_one_repartition_topic(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(b, "in", NULL);
    ks_grouped_stream *grouped =
        ks_stream_group_by(in, key_of, NULL, KS_GROUPED(.name = "by-word"));
    ks_grouped_stream_count(grouped, KS_MATERIALIZED(.name = "one"));
    ks_grouped_stream_count(grouped, KS_MATERIALIZED(.name = "two"));
    ks_topology *topology = built(b);
    assert_int_equal(topology->internal_topic_count, 1);
    assert_string_equal(topology->internal_topics[0].name, "by-word-repartition");
    assert_int_equal(ksi_topology_node(topology, "by-word-repartition-source")->child_count, 2);
    ks_topology_free(topology);
    ks_builder_free(b);
}

static void only_a_changed_key_is_repartitioned(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(b, "in", NULL);
    ks_stream *same =
        ks_stream_map_values(ks_stream_filter(in, keep_all, NULL, NULL), key_of, NULL, NULL);
    ks_grouped_stream_count(ks_stream_group_by_key(same, NULL), KS_MATERIALIZED(.name = "same"));
    ks_stream *changed =
        ks_stream_filter(ks_stream_map(in, pair_of, NULL, NULL), keep_all, NULL, NULL);
    ks_grouped_stream_count(ks_stream_group_by_key(changed, NULL),
                            KS_MATERIALIZED(.name = "changed"));
    ks_stream_to_table(changed, KS_MATERIALIZED(.name = "table"));
    ks_topology *topology = built(b);
    assert_int_equal(topology->internal_topic_count, 2);
    assert_string_equal(topology->internal_topics[0].name, "changed-repartition");
    assert_string_equal(topology->internal_topics[1].name,
                        "KSTREAM-TOTABLE-0000000010-repartition");
    ks_topology_free(topology);
    ks_builder_free(b);
}

static void streams_of_the_same_topics_share_one_source(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    const char *const ab[] = {"a", "b", "a"};
    const char *const ba[] = {"b", "a"};
    ks_stream_foreach(ks_builder_stream_of(b, ab, 3, NULL), look, NULL, NULL);
    ks_stream_foreach(ks_builder_stream_of(b, ba, 2, NULL), look, NULL, NULL);
    ks_stream_foreach(ks_builder_stream_matching(b, "c.*", NULL), look, NULL, NULL);
    ks_stream_foreach(ks_builder_stream_matching(b, "c.*", NULL), look, NULL, NULL);
    ks_topology *topology = built(b);
    assert_int_equal(topology->node_count, 6);
    assert_int_equal(topology->subtopology_count, 2);
    const ksi_node *source = ksi_map_get_cstr(topology->sources_by_topic, "b");
    assert_string_equal(source->name, "KSTREAM-SOURCE-0000000000");
    assert_int_equal(source->source.topic_count, 2);
    assert_int_equal(source->child_count, 2);
    assert_ptr_equal(ksi_map_get_cstr(topology->sources_by_topic, "a"), source);
    const ksi_node *matching = ksi_topology_node(topology, "KSTREAM-SOURCE-0000000004");
    assert_true(ksi_pattern_matches(matching->source.pattern, "cc"));
    assert_int_equal(matching->child_count, 2);
    ks_topology_free(topology);
    ks_builder_free(b);
}

/* ---- serdes ---------------------------------------------------------------------------------- */

static void handles_carry_their_serdes_to_the_sink(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in =
        ks_builder_stream(b, "in", KS_CONSUMED(.key = &ks_serde_i32, .value = &ks_serde_string));
    ks_stream_to(ks_stream_filter(in, keep_all, NULL, NULL), "same", NULL);
    ks_stream_to(ks_stream_map_values(in, key_of, NULL, NULL), "new-value", NULL);
    ks_stream_to(ks_stream_select_key(in, key_of, NULL, NULL), "new-key", NULL);
    ks_stream_to(in, "given", KS_PRODUCED(.key = &ks_serde_i64));
    ks_table *counts = ks_grouped_stream_count(ks_stream_group_by_key(in, NULL), NULL);
    ks_stream_to(ks_table_to_stream(counts, NULL), "counts", NULL);
    ks_topology *topology = built(b);
    static const struct {
        const char *topic;
        const ks_serde *key;
        const ks_serde *value;
    } expected[] = {{"same", &ks_serde_i32, &ks_serde_string},
                    {"new-value", &ks_serde_i32, NULL},
                    {"new-key", NULL, &ks_serde_string},
                    {"given", &ks_serde_i64, &ks_serde_string},
                    {"counts", &ks_serde_i32, &ks_serde_i64}};
    size_t found = 0;
    for (size_t i = 0; i < topology->node_count; i++) {
        const ksi_node *node = topology->nodes[i];
        for (size_t e = 0; e < 5 && node->kind == KSI_NODE_SINK; e++) {
            if (strcmp(node->sink.topic, expected[e].topic) == 0) {
                assert_ptr_equal(node->sink.key, expected[e].key);
                assert_ptr_equal(node->sink.value, expected[e].value);
                found++;
            }
        }
    }
    assert_int_equal(found, 5);
    ks_topology_free(topology);
    ks_builder_free(b);
}

/* ---- misuse ---------------------------------------------------------------------------------- */

static void a_misuse_is_reported_with_its_line_and_only_the_first(void **state)
{
    (void)state;
    ks_error error;
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(b, "in", NULL);
    int line = __LINE__ + 1;
    ks_stream *bad = ks_stream_filter(in, keep_all, NULL, KS_NAMED(.name = "not a name"));
    ks_stream_filter(in, NULL, NULL, KS_NAMED(.name = "later"));
    ks_stream_to(bad, "out", NULL);
    refused(b, &error);
    assert_int_equal(error.code, KS_E_TOPOLOGY);
    assert_call_site(&error, line);
    assert_mentions(&error, "not a name");
    ks_builder_free(b);
}

static void every_call_on_a_failed_builder_gives_an_inert_handle(void **state)
{
    (void)state;
    ks_error error;
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *s = ks_stream_filter(ks_builder_stream(b, "in", NULL), NULL, NULL, NULL);
    const char *const topics[] = {"x"};
    assert_non_null(s);
    ks_stream *streams[] = {
        ks_builder_stream(b, "x", NULL),
        ks_builder_stream_of(b, topics, 1, NULL),
        ks_builder_stream_matching(b, "x", NULL),
        ks_stream_filter(s, keep_all, NULL, NULL),
        ks_stream_filter_not(s, keep_all, NULL, NULL),
        ks_stream_select_key(s, key_of, NULL, NULL),
        ks_stream_map(s, pair_of, NULL, NULL),
        ks_stream_map_values(s, key_of, NULL, NULL),
        ks_stream_flat_map(s, look, NULL, NULL),
        ks_stream_flat_map_values(s, look, NULL, NULL),
        ks_stream_peek(s, look, NULL, NULL),
        ks_split_branch(ks_stream_split(s, NULL), keep_all, NULL, NULL),
        ks_split_default_branch(ks_stream_split(s, NULL), NULL),
        ks_stream_merge(s, s, NULL),
        ks_stream_repartition(s, NULL),
        ks_table_to_stream(ks_builder_table(b, "t", NULL, NULL), NULL),
        ks_table_to_stream_with_key(ks_stream_to_table(s, NULL), key_of, NULL, NULL),
    };
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
        assert_ptr_equal(streams[i], s); /* there is one for each builder */
    }
    ks_grouped_stream *grouped = ks_stream_group_by_key(s, NULL);
    assert_ptr_equal(ks_stream_group_by(s, key_of, NULL, NULL), grouped);
    ks_table *table = ks_grouped_stream_count(grouped, NULL);
    assert_non_null(table);
    assert_ptr_equal(ks_grouped_stream_reduce(grouped, newest, NULL, NULL), table);
    assert_ptr_equal(ks_grouped_stream_aggregate(grouped, first_of, add_up, NULL, NULL), table);
    assert_null(ks_table_queryable_store_name(table));
    ks_stream_foreach(s, look, NULL, NULL);
    ks_stream_print(s, NULL);
    ks_stream_to(s, "out", NULL);
    ks_stream_to_dynamic(s, topic_of, NULL, NULL);
    refused(b, &error);
    assert_int_equal(error.code, KS_E_ARGUMENT);
    assert_mentions(&error, "ks_stream_filter");
    ks_builder_free(b);
}

/* Makes one mistake and returns its line. */
typedef int mistake_fn(ks_builder *b, ks_stream *in);

static int no_topic(ks_builder *b, ks_stream *in)
{
    (void)b;
    ks_stream_to(in, NULL, KS_PRODUCED(.name = "sink"));
    return __LINE__ - 1;
}

static int no_topics(ks_builder *b, ks_stream *in)
{
    (void)in;
    ks_builder_stream_of(b, NULL, 0, KS_CONSUMED(.name = "s"));
    return __LINE__ - 1;
}

static int an_empty_list_of_topics(ks_builder *b, ks_stream *in)
{
    const char *const topics[] = {"unused"};
    (void)in;
    ks_builder_stream_of(b, topics, 0, KS_CONSUMED(.name = "s"));
    return __LINE__ - 1;
}

static int a_null_topic_in_a_list(ks_builder *b, ks_stream *in)
{
    const char *const topics[] = {"a", NULL};
    (void)in;
    ks_builder_stream_of(b, topics, 2, KS_CONSUMED(.name = "s"));
    return __LINE__ - 1;
}

static int no_pattern(ks_builder *b, ks_stream *in)
{
    (void)in;
    ks_builder_stream_matching(b, "(open", KS_CONSUMED(.name = "s"));
    return __LINE__ - 1;
}

static int a_negative_reset(ks_builder *b, ks_stream *in)
{
    (void)in;
    const ks_consumed *how =
        KS_CONSUMED(.offset_reset = KS_OFFSET_RESET_BY_DURATION, .offset_reset_duration_ms = -1);
    ks_builder_table(b, "t", how, NULL);
    return how->head.line;
}

static int a_table_without_topic(ks_builder *b, ks_stream *in)
{
    (void)in;
    ks_builder_table(b, NULL, NULL, KS_MATERIALIZED(.name = "s"));
    return __LINE__ - 1;
}

static int a_global_table_without_topic(ks_builder *b, ks_stream *in)
{
    (void)in;
    ks_builder_global_table(b, NULL, NULL, KS_MATERIALIZED(.name = "s"));
    return __LINE__ - 1;
}

static int a_global_table_of_a_streams_topic(ks_builder *b, ks_stream *in)
{
    (void)in;
    ks_builder_global_table(b, "in", KS_CONSUMED(.name = "g"), NULL);
    return __LINE__ - 1;
}

static int a_bad_store_name(ks_builder *b, ks_stream *in)
{
    (void)b;
    ks_stream_to_table(in, KS_MATERIALIZED(.name = "a/b"));
    return __LINE__ - 1;
}

static int a_negative_partition_count(ks_builder *b, ks_stream *in)
{
    (void)b;
    ks_stream_repartition(in, KS_REPARTITIONED(.partitions = -4));
    return __LINE__ - 1;
}

static int a_partition_count_without_end(ks_builder *b, ks_stream *in)
{
    (void)b;
    ks_stream_repartition(in, KS_REPARTITIONED(.partitions = INT32_MAX));
    return __LINE__ - 1;
}

static int two_default_branches(ks_builder *b, ks_stream *in)
{
    (void)b;
    ks_split *split = ks_stream_split(in, NULL);
    ks_split_default_branch(split, KS_BRANCHED(.name = "one"));
    ks_split_default_branch(split, KS_BRANCHED(.name = "two"));
    return __LINE__ - 1;
}

static int a_stream_of_another_builder(ks_builder *b, ks_stream *in)
{
    (void)b;
    ks_builder *other = ks_builder_new(NULL);
    ks_stream_merge(in, ks_builder_stream(other, "x", NULL), KS_NAMED(.name = "m"));
    ks_builder_free(other);
    return __LINE__ - 2;
}

static int merging_nothing(ks_builder *b, ks_stream *in)
{
    (void)b;
    ks_stream_merge(in, NULL, KS_NAMED(.name = "m"));
    return __LINE__ - 1;
}

static int no_mapper_of_keys(ks_builder *b, ks_stream *in)
{
    (void)b;
    ks_table *table = ks_stream_to_table(in, NULL);
    ks_table_to_stream_with_key(table, NULL, NULL, KS_NAMED(.name = "m"));
    return __LINE__ - 1;
}

static int no_initializer(ks_builder *b, ks_stream *in)
{
    (void)b;
    ks_grouped_stream *grouped = ks_stream_group_by_key(in, NULL);
    const ks_materialized *store = KS_MATERIALIZED(.name = "s");
    ks_grouped_stream_aggregate(grouped, NULL, add_up, NULL, store);
    return store->head.line;
}

/* These show only when the topology is written. */
static int two_nodes_of_one_name(ks_builder *b, ks_stream *in)
{
    (void)b;
    ks_stream_peek(in, look, NULL, KS_NAMED(.name = "same"));
    ks_stream_peek(in, look, NULL, KS_NAMED(.name = "same"));
    return __LINE__ - 1;
}

static int two_stores_of_one_name(ks_builder *b, ks_stream *in)
{
    (void)b;
    ks_stream_to_table(in, KS_MATERIALIZED(.name = "same"));
    ks_stream_to_table(in, KS_MATERIALIZED(.name = "same"));
    return __LINE__ - 1;
}

static int topics_that_overlap(ks_builder *b, ks_stream *in)
{
    const char *const topics[] = {"in", "more"};
    (void)in;
    ks_builder_stream_of(b, topics, 2, KS_CONSUMED(.name = "s"));
    return __LINE__ - 1;
}

static int a_topic_as_stream_and_table(ks_builder *b, ks_stream *in)
{
    (void)in;
    ks_builder_table(b, "in", KS_CONSUMED(.name = "s"), NULL);
    return __LINE__ - 1;
}

static int a_pattern_that_matches_a_topic(ks_builder *b, ks_stream *in)
{
    (void)in;
    ks_builder_stream_matching(b, "i.", KS_CONSUMED(.name = "s"));
    return __LINE__ - 1;
}

static void every_misuse_names_the_line_that_made_it(void **state)
{
    (void)state;
    static const struct {
        mistake_fn *make;
        ks_status code;
        const char *mentions;
    } cases[] = {
        {no_topic, KS_E_ARGUMENT, "ks_stream_to"},
        {no_topics, KS_E_ARGUMENT, "ks_builder_stream"},
        {an_empty_list_of_topics, KS_E_TOPOLOGY, "ks_builder_stream"},
        {a_null_topic_in_a_list, KS_E_ARGUMENT, "topic 1"},
        {no_pattern, KS_E_ARGUMENT, "(open"},
        {a_negative_reset, KS_E_ARGUMENT, "offset_reset_duration_ms"},
        {a_global_table_without_topic, KS_E_ARGUMENT, "ks_builder_global_table"},
        {a_global_table_of_a_streams_topic, KS_E_TOPOLOGY, "is read by another source"},
        {a_table_without_topic, KS_E_ARGUMENT, "ks_builder_table"},
        {a_bad_store_name, KS_E_TOPOLOGY, "a/b"},
        {a_negative_partition_count, KS_E_ARGUMENT, "-4 partitions"},
        {a_partition_count_without_end, KS_E_ARGUMENT, "2147483647 partitions"},
        {two_default_branches, KS_E_ARGUMENT, "default branch"},
        {a_stream_of_another_builder, KS_E_ARGUMENT, "different builders"},
        {merging_nothing, KS_E_ARGUMENT, "ks_stream_merge"},
        {no_mapper_of_keys, KS_E_ARGUMENT, "ks_stream_select_key"},
        {no_initializer, KS_E_ARGUMENT, "ks_grouped_stream_aggregate"},
        {two_nodes_of_one_name, KS_E_TOPOLOGY, "same"},
        {two_stores_of_one_name, KS_E_TOPOLOGY, "same"},
        {topics_that_overlap, KS_E_TOPOLOGY, "overlap"},
        {a_topic_as_stream_and_table, KS_E_TOPOLOGY, "'in'"},
        {a_pattern_that_matches_a_topic, KS_E_TOPOLOGY, "'i.'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ks_error error;
        ks_builder *b = ks_builder_new(NULL);
        int line = cases[i].make(b, ks_builder_stream(b, "in", NULL));
        refused(b, &error);
        if (error.code != cases[i].code) {
            fail_msg("case %zu: %d %s", i, (int)error.code, error.message);
        }
        assert_call_site(&error, line);
        assert_mentions(&error, cases[i].mentions);
        ks_builder_free(b);
    }
}

static ks_value same_value(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)user;
    return record->value;
}

/* Each node runs in the frames of the one above it, so the depth is bounded and said to be. */
static void a_chain_of_more_than_ten_thousand_nodes_is_refused(void **state)
{
    (void)state;
    for (int more = 0; more <= 1; more++) {
        ks_error error = {0};
        ks_builder *b = ks_builder_new(NULL);
        ks_stream *stream = ks_builder_stream(b, "in", NULL);
        for (int i = 0; i < 9999 + more; i++) {
            stream = ks_stream_map_values(stream, same_value, NULL, NULL);
        }
        ks_topology *topology = ks_builder_build(b, &error);
        assert_int_equal(topology == NULL, more);
        assert_int_equal(error.code, more ? KS_E_LIMIT : KS_OK);
        ks_topology_free(topology);
        ks_builder_free(b);
    }
}

static void a_builder_builds_once(void **state)
{
    (void)state;
    ks_error error;
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(b, "in", NULL);
    ks_topology *topology = built(b);
    refused(b, &error);
    assert_int_equal(error.code, KS_E_STATE);
    assert_non_null(ks_stream_filter(in, keep_all, NULL, NULL)); /* inert, not a crash */
    assert_int_equal(topology->node_count, 1);
    ks_topology_free(topology);
    ks_builder_free(b);
}

static void options_without_literals_start_with_their_size_and_nothing_else(void **state)
{
    (void)state;
    ks_consumed consumed;
    memset(&consumed, 0xAB, sizeof consumed);
    ks_consumed_init(&consumed);
    const ks_consumed expected = {.head = {.struct_size = sizeof expected}};
    assert_memory_equal(&consumed, &expected, sizeof expected);
    ks_materialized materialized;
    memset(&materialized, 0xAB, sizeof materialized);
    ks_materialized_init(&materialized);
    assert_int_equal(materialized.head.struct_size, sizeof materialized);
    assert_null(materialized.head.file);
    assert_null(materialized.name);
    assert_false(materialized.unnamed_store);

    /* A misuse through such options has no line to name, but all else. */
    ks_error error;
    ks_builder *b = ks_builder_new(NULL);
    consumed.name = "no/name";
    ks_builder_stream(b, "in", &consumed);
    refused(b, &error);
    assert_mentions(&error, "no/name");
    assert_null(strstr(error.message, ".c:"));
    ks_builder_free(b);
}

static void a_literal_knows_its_file_and_line(void **state)
{
    (void)state;
    int line = __LINE__ + 1;
    const ks_named *named = KS_NAMED(.name = "n");
    assert_int_equal(named->head.line, line);
    assert_int_equal(named->head.struct_size, sizeof(ks_named));
    assert_non_null(strstr(named->head.file, "test_builder.c"));
    assert_null(named->guard);
}

/* ---- user pointers --------------------------------------------------------------------------- */

static void count_free(void *user)
{
    (*(int *)user)++;
}

enum { OPERATIONS_WITH_USER = 16 };

/* Every operation that takes a user pointer, each with one of its own. */
static void use_all(ks_stream *s, int *freed, bool wrong)
{
    const ks_named *named = KS_NAMED(.user_free = count_free);
    const ks_materialized *store = KS_MATERIALIZED(.user_free = count_free);
    ks_split *split = ks_stream_split(s, NULL);
    ks_grouped_stream *grouped = ks_stream_group_by_key(s, NULL);
    ks_stream_filter(s, wrong ? NULL : keep_all, &freed[0], named);
    ks_stream_filter_not(s, wrong ? NULL : keep_all, &freed[1], named);
    ks_stream_select_key(s, wrong ? NULL : key_of, &freed[2], named);
    ks_stream_map(s, wrong ? NULL : pair_of, &freed[3], named);
    ks_stream_map_values(s, wrong ? NULL : key_of, &freed[4], named);
    ks_stream_flat_map(s, wrong ? NULL : look, &freed[5], named);
    ks_stream_flat_map_values(s, wrong ? NULL : look, &freed[6], named);
    ks_stream_peek(s, wrong ? NULL : look, &freed[7], named);
    ks_stream_foreach(s, wrong ? NULL : look, &freed[8], named);
    ks_split_branch(split, wrong ? NULL : keep_all, &freed[9],
                    KS_BRANCHED(.user_free = count_free));
    ks_stream_to_dynamic(s, wrong ? NULL : topic_of, &freed[10],
                         KS_PRODUCED(.user_free = count_free));
    ks_stream_group_by(s, wrong ? NULL : key_of, &freed[11], KS_GROUPED(.user_free = count_free));
    ks_grouped_stream_reduce(grouped, wrong ? NULL : newest, &freed[12], store);
    ks_grouped_stream_aggregate(grouped, wrong ? NULL : first_of, add_up, &freed[13], store);
    ks_table_to_stream_with_key(ks_stream_to_table(s, NULL), wrong ? NULL : key_of, &freed[14],
                                named);
    ks_stream_print(s, KS_PRINTED(.mapper = printed_of, .user = &freed[15],
                                  .name = wrong ? "?" : NULL, .user_free = count_free));
}

static void assert_freed(const int *freed, int times)
{
    for (size_t i = 0; i < OPERATIONS_WITH_USER; i++) {
        if (freed[i] != times) {
            fail_msg("the user pointer of operation %zu was freed %d times, not %d", i, freed[i],
                     times);
        }
    }
}

static void user_pointers_are_freed_once_with_the_topology(void **state)
{
    (void)state;
    int freed[OPERATIONS_WITH_USER] = {0};
    ks_builder *b = ks_builder_new(NULL);
    use_all(ks_builder_stream(b, "in", NULL), freed, false);
    ks_topology *topology = built(b);
    ks_builder_free(b);
    assert_freed(freed, 0);
    ks_topology_free(topology);
    assert_freed(freed, 1);
}

static void user_pointers_are_freed_once_when_the_topology_goes_before_the_builder(void **state)
{
    (void)state;
    int freed[OPERATIONS_WITH_USER] = {0};
    ks_builder *b = ks_builder_new(NULL);
    use_all(ks_builder_stream(b, "in", NULL), freed, false);
    ks_topology_free(built(b));
    assert_freed(freed, 1);
    ks_builder_free(b);
    assert_freed(freed, 1);
}

static void user_pointers_are_freed_once_with_a_builder_that_never_built(void **state)
{
    (void)state;
    int freed[OPERATIONS_WITH_USER] = {0};
    ks_builder *b = ks_builder_new(NULL);
    use_all(ks_builder_stream(b, "in", NULL), freed, false);
    assert_freed(freed, 0);
    ks_builder_free(b);
    assert_freed(freed, 1);
}

static void user_pointers_of_refused_calls_are_freed_once(void **state)
{
    (void)state;
    int freed[OPERATIONS_WITH_USER] = {0};
    ks_error error;
    ks_builder *b = ks_builder_new(NULL);
    use_all(ks_builder_stream(b, "in", NULL), freed, true);
    assert_freed(freed, 0); /* never during the call: the program may look at it until it builds */
    refused(b, &error);
    assert_freed(freed, 0);
    ks_builder_free(b);
    assert_freed(freed, 1);
}

static void user_pointers_of_calls_after_building_are_freed_once_with_the_builder(void **state)
{
    (void)state;
    int freed[OPERATIONS_WITH_USER] = {0};
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(b, "in", NULL);
    ks_topology *topology = built(b);
    use_all(in, freed, false);
    ks_topology_free(topology);
    assert_freed(freed, 0);
    ks_builder_free(b);
    assert_freed(freed, 1);
}

static void user_pointers_are_freed_once_when_writing_the_topology_fails(void **state)
{
    (void)state;
    int freed[OPERATIONS_WITH_USER] = {0};
    ks_error error;
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(b, "in", NULL);
    use_all(in, freed, false);
    (void)two_nodes_of_one_name(b, in);
    refused(b, &error);
    ks_builder_free(b);
    assert_freed(freed, 1);
}

static void fail_when_called(void *user)
{
    (void)user;
    fail_msg("there is no user pointer to free");
}

static void operations_without_a_user_pointer_free_nothing(void **state)
{
    (void)state;
    const ks_named *named = KS_NAMED(.user_free = fail_when_called);
    const ks_materialized *store = KS_MATERIALIZED(.user_free = fail_when_called);
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(b, "in", NULL);
    ks_split *split = ks_stream_split(in, named);
    ks_split_default_branch(split, KS_BRANCHED(.user_free = fail_when_called));
    ks_stream_merge(in, in, named);
    ks_stream_to(in, "out", KS_PRODUCED(.user_free = fail_when_called));
    ks_grouped_stream *grouped =
        ks_stream_group_by_key(in, KS_GROUPED(.user_free = fail_when_called));
    ks_table_to_stream(ks_grouped_stream_count(grouped, store), named);
    ks_stream_to_table(in, store);
    ks_builder_table(b, "t", NULL, store);
    ks_topology_free(built(b));
    ks_builder_free(b);
}

static void configurations_of_a_changelog_that_is_not_there_are_refused(void **state)
{
    (void)state;
    static const ks_topic_config config[] = {{.name = "segment.ms", .value = "1000"}, {0}};
    static const ks_topic_config empty[] = {{.name = "segment.ms"}, {0}};
    ks_error error;
    ks_builder *b = ks_builder_new(NULL);
    ks_builder_table(
        b, "in", NULL,
        KS_MATERIALIZED(.name = "rows", .logging_disabled = true, .changelog_config = config));
    refused(b, &error);
    assert_int_equal(error.code, KS_E_ARGUMENT);
    assert_mentions(&error, "logging_disabled");
    ks_builder_free(b);
    b = ks_builder_new(NULL);
    ks_builder_table(b, "in", NULL, KS_MATERIALIZED(.name = "rows", .changelog_config = empty));
    refused(b, &error);
    assert_int_equal(error.code, KS_E_ARGUMENT);
    assert_mentions(&error, "'segment.ms' has no value");
    ks_builder_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(word_count_reads_as_in_java),
        cmocka_unit_test(a_users_name_still_uses_up_a_number),
        cmocka_unit_test(the_name_of_a_processor_uses_up_no_number),
        cmocka_unit_test(branches_are_named_after_their_split),
        cmocka_unit_test(a_named_grouping_shares_one_repartition_topic),
        cmocka_unit_test(only_a_changed_key_is_repartitioned),
        cmocka_unit_test(streams_of_the_same_topics_share_one_source),
        cmocka_unit_test(handles_carry_their_serdes_to_the_sink),
        cmocka_unit_test(a_misuse_is_reported_with_its_line_and_only_the_first),
        cmocka_unit_test(every_call_on_a_failed_builder_gives_an_inert_handle),
        cmocka_unit_test(every_misuse_names_the_line_that_made_it),
        cmocka_unit_test(a_chain_of_more_than_ten_thousand_nodes_is_refused),
        cmocka_unit_test(a_builder_builds_once),
        cmocka_unit_test(options_without_literals_start_with_their_size_and_nothing_else),
        cmocka_unit_test(a_literal_knows_its_file_and_line),
        cmocka_unit_test(user_pointers_are_freed_once_with_the_topology),
        cmocka_unit_test(user_pointers_are_freed_once_when_the_topology_goes_before_the_builder),
        cmocka_unit_test(user_pointers_are_freed_once_with_a_builder_that_never_built),
        cmocka_unit_test(user_pointers_of_refused_calls_are_freed_once),
        cmocka_unit_test(user_pointers_of_calls_after_building_are_freed_once_with_the_builder),
        cmocka_unit_test(user_pointers_are_freed_once_when_writing_the_topology_fails),
        cmocka_unit_test(operations_without_a_user_pointer_free_nothing),
        cmocka_unit_test(configurations_of_a_changelog_that_is_not_there_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
