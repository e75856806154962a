/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_topology.c - what a graph refuses while it is filled, and what freezing makes of it.
 */
#include "base/error.h"
#include "topology/topology.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const ksi_processor_class some_class = {.state_size = 0};
static const ksi_processor some_processor = {.class = &some_class};

/* ---- helpers --------------------------------------------------------------------------------- */

static ks_status add_source(ks_topology *topology, const char *name, const char *topic,
                            ks_error *error)
{
    return ksi_topology_add_source(topology, name,
                                   &(ksi_source){.topics = &topic, .topic_count = 1}, error);
}

static ks_status add_matching(ks_topology *topology, const char *name, const ksi_pattern *pattern,
                              ks_error *error)
{
    return ksi_topology_add_source(topology, name, &(ksi_source){.pattern = pattern}, error);
}

static ks_status add_processor(ks_topology *topology, const char *name, const char *parent,
                               ks_error *error)
{
    return ksi_topology_add_processor(topology, name, &some_processor, &parent, 1, error);
}

static ks_status add_sink(ks_topology *topology, const char *name, const char *parent,
                          ks_error *error)
{
    return ksi_topology_add_sink(topology, name, &(ksi_sink){.topic = "out"}, &parent, 1, error);
}

static ks_status add_store(ks_topology *topology, const char *name, const char *processor,
                           ks_error *error)
{
    KS_TRY(ksi_topology_add_store(topology, &(ksi_store_spec){.name = name}, error));
    return ksi_topology_connect_store(topology, processor, name, error);
}

static void assert_refused(ks_status status, const ks_error *error, const char *where,
                           const char *what)
{
    assert_int_equal(status, KS_E_TOPOLOGY);
    assert_int_equal(error->code, KS_E_TOPOLOGY);
    assert_string_equal(error->where, where);
    if (strstr(error->message, what) == NULL) {
        fail_msg("'%s' is not in: %s", what, error->message);
    }
}

/* ---- names ----------------------------------------------------------------------------------- */

static void names_follow_the_rules_of_topics(void **state)
{
    (void)state;
    char longest[251];
    memset(longest, 'n', sizeof longest);
    longest[249] = '\0';
    static const char *const good[] = {"a", "A.b_c-9", "...", ".a"};
    static const char *const bad[] = {"", ".", "..", "a b", "a/b", "a\n", "\xc3\xbc", "a:b", "a,b"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(ksi_name_check(good[i], NULL), KS_OK);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ks_error error = {0};
        assert_int_equal(ksi_name_check(bad[i], &error), KS_E_TOPOLOGY);
        assert_true(error.message[0] != '\0');
    }
    assert_int_equal(ksi_name_check(longest, NULL), KS_OK);
    longest[249] = 'n';
    longest[250] = '\0';
    ks_error error = {0};
    assert_int_equal(ksi_name_check(longest, &error), KS_E_TOPOLOGY);
    assert_non_null(strstr(error.message, "this one has 250"));
}

static void a_refused_byte_is_shown_readably(void **state)
{
    (void)state;
    ks_error error = {0};
    assert_int_equal(ksi_name_check("a b", &error), KS_E_TOPOLOGY);
    assert_non_null(strstr(error.message, "change ' '"));
    assert_int_equal(ksi_name_check("ab\xc3\xbc", &error), KS_E_TOPOLOGY);
    for (const char *c = error.message; *c != '\0'; c++) {
        assert_in_range((unsigned char)*c, 0x20, 0x7e);
    }
    assert_non_null(strstr(error.message, "byte 0xc3 at position 3"));
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void names_are_unique_over_all_kinds_of_nodes(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_topology *topology = ksi_topology_new();
    assert_int_equal(add_source(topology, "n", "t", &error), KS_OK);
    assert_refused(add_source(topology, "n", "u", &error), &error, "n", "unique");
    assert_refused(add_processor(topology, "n", "n", &error), &error, "n", "unique");
    assert_refused(add_sink(topology, "n", "n", &error), &error, "n", "unique");
    assert_int_equal(topology->node_count, 1);
    ks_topology_free(topology);
}

static void parents_must_be_known_and_no_sinks(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_topology *topology = ksi_topology_new();
    assert_int_equal(add_source(topology, "source", "t", &error), KS_OK);
    assert_refused(add_processor(topology, "p", "nobody", &error), &error, "p", "'nobody'");
    assert_refused(add_processor(topology, "p", "p", &error), &error, "p", "its own parent");
    assert_refused(ksi_topology_add_processor(topology, "p", &some_processor, NULL, 0, &error),
                   &error, "p", "no parent");
    assert_int_equal(add_sink(topology, "sink", "source", &error), KS_OK);
    assert_refused(add_processor(topology, "p", "sink", &error), &error, "p", "is a sink");
    assert_refused(add_sink(topology, "p", "sink", &error), &error, "p", "is a sink");
    const char *const half[] = {"source", "nobody"};
    assert_refused(ksi_topology_add_processor(topology, "p", &some_processor, half, 2, &error),
                   &error, "p", "'nobody'");
    assert_int_equal(topology->node_count, 2);
    assert_int_equal(ksi_topology_node(topology, "source")->child_count, 1);
    assert_null(ksi_topology_node(topology, "p"));
    ks_topology_free(topology);
}

static void a_topic_has_one_source_by_name_or_by_pattern(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_topology *topology = ksi_topology_new();
    ksi_pattern *orders = ksi_pattern_compile("orders-.*", &error);
    ksi_pattern *pays = ksi_pattern_compile("pay.*", &error);
    const char *const both[] = {"fresh", "payments"};
    assert_int_equal(add_source(topology, "a", "payments", &error), KS_OK);
    assert_refused(add_source(topology, "b", "payments", &error), &error, "b", "'payments'");
    assert_refused(ksi_topology_add_source(topology, "b",
                                           &(ksi_source){.topics = both, .topic_count = 2}, &error),
                   &error, "b", "'payments'");
    assert_null(ksi_map_get_cstr(topology->sources_by_topic, "fresh")); /* refused as a whole */
    assert_refused(add_matching(topology, "b", pays, &error), &error, "b", "'payments'");
    assert_int_equal(add_matching(topology, "b", orders, &error), KS_OK);
    assert_refused(add_source(topology, "c", "orders-eu", &error), &error, "c", "'orders-.*'");
    assert_int_equal(add_source(topology, "c", "orders", &error), KS_OK);
    assert_refused(ksi_topology_add_source(topology, "d", &(ksi_source){0}, &error), &error, "d",
                   "no topic");
    assert_ptr_equal(ksi_topology_node(topology, "b")->source.pattern, orders);
    assert_ptr_equal(ksi_map_get_cstr(topology->sources_by_topic, "orders"),
                     ksi_topology_node(topology, "c"));
    ks_topology_free(topology);
    ksi_pattern_free(orders);
    ksi_pattern_free(pays);
}

static void store_names_are_unique(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_topology *topology = ksi_topology_new();
    assert_int_equal(add_source(topology, "source", "t", &error), KS_OK);
    assert_int_equal(add_processor(topology, "p", "source", &error), KS_OK);
    assert_int_equal(add_store(topology, "s", "p", &error), KS_OK);
    assert_refused(add_store(topology, "s", "p", &error), &error, "s", "store names are unique");
    assert_int_equal(topology->store_count, 1);
    assert_int_equal(ksi_topology_node(topology, "p")->store_count, 1);
    ks_topology_free(topology);
}

static void one_description_added_twice_is_one_store(void **state)
{
    (void)state;
    ks_error error = {0};
    static const ks_topic_config hour[] = {{.name = "retention.ms", .value = "3600000"}, {0}};
    static const ks_topic_config day[] = {{.name = "retention.ms", .value = "86400000"}, {0}};
    static const char mark;
    ksi_store_spec spec = {.name = "s", .origin = &mark, .changelog_config = hour};
    ks_topology *topology = ksi_topology_new();
    assert_int_equal(ksi_topology_add_store(topology, &spec, &error), KS_OK);
    assert_int_equal(ksi_topology_add_store(topology, &spec, &error), KS_OK);
    assert_int_equal(topology->store_count, 1);
    assert_string_equal(topology->stores[0].spec.changelog_config[0].value, "3600000");
    spec.changelog_config = day;
    assert_refused(ksi_topology_add_store(topology, &spec, &error), &error, "s", "unique");
    spec.changelog_config = hour;
    spec.caching = true;
    assert_refused(ksi_topology_add_store(topology, &spec, &error), &error, "s", "unique");
    ks_topology_free(topology);
}

static void a_store_is_connected_to_known_processors_only(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_topology *topology = ksi_topology_new();
    assert_int_equal(add_source(topology, "source", "t", &error), KS_OK);
    assert_int_equal(add_processor(topology, "p", "source", &error), KS_OK);
    assert_int_equal(add_sink(topology, "sink", "p", &error), KS_OK);
    assert_refused(ksi_topology_connect_store(topology, "p", "s", &error), &error, "p",
                   "store 's' is unknown");
    assert_int_equal(ksi_topology_add_store(topology, &(ksi_store_spec){.name = "s"}, &error),
                     KS_OK);
    assert_refused(ksi_topology_connect_store(topology, "q", "s", &error), &error, "q",
                   "no processor of this name");
    assert_refused(ksi_topology_connect_store(topology, "source", "s", &error), &error, "source",
                   "it is a source");
    assert_refused(ksi_topology_connect_store(topology, "sink", "s", &error), &error, "sink",
                   "it is a sink");
    assert_int_equal(ksi_topology_connect_store(topology, "p", "s", &error), KS_OK);
    assert_int_equal(ksi_topology_connect_store(topology, "p", "s", &error), KS_OK);
    assert_int_equal(ksi_topology_node(topology, "p")->store_count, 1);
    ks_topology_free(topology);
}

static void a_source_topic_takes_the_place_of_a_changelog_once(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_topology *topology = ksi_topology_new();
    const ksi_store_spec logged = {.name = "s", .logging = true};
    assert_int_equal(ksi_topology_add_store(topology, &logged, &error), KS_OK);
    assert_int_equal(ksi_topology_set_source_topic(topology, "s", "t", &error), KS_OK);
    assert_string_equal(ksi_topology_store_named(topology, "s")->source_topic, "t");
    assert_false(ksi_topology_store_named(topology, "s")->spec.logging);
    assert_refused(ksi_topology_set_source_topic(topology, "s", "u", &error), &error, "s",
                   "topic 't' is the changelog of this store already");
    ks_topology_free(topology);
}

/* ---- what is kept ---------------------------------------------------------------------------- */

static void names_and_topics_are_copied(void **state)
{
    (void)state;
    char name[] = "name";
    char topic[] = "topic";
    char store[] = "store";
    char sink[] = "sink";
    ks_error error = {0};
    ks_topology *topology = ksi_topology_new();
    assert_int_equal(add_source(topology, name, topic, &error), KS_OK);
    assert_int_equal(add_processor(topology, "p", name, &error), KS_OK);
    assert_int_equal(add_store(topology, store, "p", &error), KS_OK);
    const char *parent = "p";
    assert_int_equal(
        ksi_topology_add_sink(topology, "out", &(ksi_sink){.topic = sink}, &parent, 1, &error),
        KS_OK);
    ksi_topology_add_internal_topic(topology, sink, 3);
    name[0] = topic[0] = store[0] = sink[0] = '!';
    ksi_topology_freeze(topology);
    assert_string_equal(ks_topology_describe(topology), "Topologies:\n"
                                                        "   Sub-topology: 0\n"
                                                        "    Source: name (topics: [topic])\n"
                                                        "      --> p\n"
                                                        "    Processor: p (stores: [store])\n"
                                                        "      --> out\n"
                                                        "      <-- name\n"
                                                        "    Sink: out (topic: sink)\n"
                                                        "      <-- p\n"
                                                        "\n");
    assert_int_equal(ksi_topology_internal_topic(topology, "sink")->partitions, 3);
    ks_topology_free(topology);
}

static void count_free(void *pointer)
{
    (*(int *)pointer)++;
}

static void what_was_registered_is_freed_with_the_topology(void **state)
{
    (void)state;
    int freed = 0;
    ks_topology *topology = ksi_topology_new();
    ksi_topology_on_free(topology, count_free, &freed);
    ksi_topology_on_free(topology, NULL, &freed);
    ksi_topology_freeze(topology);
    assert_int_equal(freed, 0);
    ks_topology_free(topology);
    assert_int_equal(freed, 1);
    ks_topology_free(NULL);
}

/* ---- freezing -------------------------------------------------------------------------------- */

static void subtopologies_are_numbered_by_their_first_node(void **state)
{
    (void)state;
    ks_topology *topology = ksi_topology_new();
    assert_int_equal(add_source(topology, "a", "ta", NULL), KS_OK);
    assert_int_equal(add_source(topology, "b", "tb", NULL), KS_OK);
    assert_int_equal(add_source(topology, "c", "tc", NULL), KS_OK);
    assert_int_equal(add_source(topology, "d", "td", NULL), KS_OK);
    assert_int_equal(add_processor(topology, "of-d", "d", NULL), KS_OK);
    assert_int_equal(add_processor(topology, "of-b", "b", NULL), KS_OK);
    const char *const joined[] = {"a", "c"};
    assert_int_equal(
        ksi_topology_add_processor(topology, "of-a-c", &some_processor, joined, 2, NULL), KS_OK);
    assert_int_equal(add_store(topology, "s", "of-d", NULL), KS_OK);
    ksi_topology_freeze(topology);
    static const struct {
        const char *name;
        int subtopology;
    } expected[] = {{"a", 0},    {"b", 1},    {"c", 0},     {"d", 2},
                    {"of-d", 2}, {"of-b", 1}, {"of-a-c", 0}};
    assert_int_equal(topology->subtopology_count, 3);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        assert_int_equal(ksi_topology_node(topology, expected[i].name)->subtopology,
                         expected[i].subtopology);
    }
    assert_int_equal(topology->stores[0].subtopology, 2);
    ks_topology_free(topology);
}

static void processors_that_share_a_store_are_one_subtopology(void **state)
{
    (void)state;
    ks_topology *topology = ksi_topology_new();
    assert_int_equal(add_source(topology, "a", "ta", NULL), KS_OK);
    assert_int_equal(add_source(topology, "b", "tb", NULL), KS_OK);
    assert_int_equal(add_source(topology, "c", "tc", NULL), KS_OK);
    assert_int_equal(add_processor(topology, "of-a", "a", NULL), KS_OK);
    assert_int_equal(add_processor(topology, "of-b", "b", NULL), KS_OK);
    assert_int_equal(add_processor(topology, "of-c", "c", NULL), KS_OK);
    assert_int_equal(ksi_topology_add_store(topology, &(ksi_store_spec){.name = "idle"}, NULL),
                     KS_OK);
    assert_int_equal(add_store(topology, "s", "of-c", NULL), KS_OK);
    assert_int_equal(ksi_topology_connect_store(topology, "of-a", "s", NULL), KS_OK);
    ksi_topology_freeze(topology);
    assert_int_equal(topology->subtopology_count, 2);
    assert_int_equal(ksi_topology_node(topology, "of-a")->subtopology, 0);
    assert_int_equal(ksi_topology_node(topology, "of-b")->subtopology, 1);
    assert_int_equal(ksi_topology_node(topology, "of-c")->subtopology, 0);
    assert_int_equal(ksi_topology_store_named(topology, "s")->subtopology, 0);
    assert_int_equal(ksi_topology_store_named(topology, "idle")->subtopology, -1);
    assert_null(ksi_topology_store_named(topology, "other"));
    ks_topology_free(topology);
}

/* ---- global stores --------------------------------------------------------------------------- */

static ks_status add_global(ks_topology *topology, const char *source, const char *topic,
                            const char *processor, const char *store, ks_error *error)
{
    const ksi_global_store global = {.source_name = source,
                                     .source = {.topics = &topic, .topic_count = 1},
                                     .processor_name = processor,
                                     .processor = some_processor,
                                     .spec = {.name = store, .logging = true}};
    return ksi_topology_add_global_store(topology, &global, error);
}

static void a_global_store_is_a_sub_topology_of_its_own_kind(void **state)
{
    (void)state;
    ks_topology *topology = ksi_topology_new();
    assert_int_equal(add_source(topology, "a", "t", NULL), KS_OK);
    assert_int_equal(add_global(topology, "gs", "g", "gp", "global", NULL), KS_OK);
    assert_int_equal(add_source(topology, "b", "u", NULL), KS_OK);
    ksi_topology_freeze(topology);
    assert_string_equal(ks_topology_describe(topology),
                        "Topologies:\n"
                        "   Sub-topology: 0\n    Source: a (topics: [t])\n      --> none\n\n"
                        "  Sub-topology: 1 for global store (will not generate tasks)\n"
                        "    Source: gs (topics: [g])\n      --> gp\n"
                        "    Processor: gp (stores: [global])\n      --> none\n      <-- gs\n"
                        "  Sub-topology: 2\n    Source: b (topics: [u])\n      --> none\n\n");
    assert_non_null(strstr(ks_topology_dot(topology), "Sub-topology: 1 (global store)"));
    assert_true(ksi_topology_has_global_stores(topology));
    assert_false(ksi_topology_is_global(topology, 0));
    assert_true(ksi_topology_is_global(topology, 1));
    assert_true(topology->stores[0].is_global);
    assert_string_equal(topology->stores[0].source_topic, "g");
    assert_false(topology->stores[0].spec.logging);
    ks_topology_free(topology);
}

static void a_global_store_has_names_and_a_topic_of_its_own(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_topology *topology = ksi_topology_new();
    assert_int_equal(add_source(topology, "a", "t", NULL), KS_OK);
    assert_int_equal(add_processor(topology, "p", "a", NULL), KS_OK);
    assert_int_equal(add_store(topology, "s", "p", NULL), KS_OK);
    assert_refused(add_global(topology, "a", "g", "gp", "gl", &error), &error, "a", "unique");
    assert_refused(add_global(topology, "gs", "t", "gp", "gl", &error), &error, "gs",
                   "topic 't' is read by another source");
    assert_refused(add_global(topology, "gs", "g", "p", "gl", &error), &error, "p", "unique");
    assert_refused(add_global(topology, "gs", "g", "gs", "gl", &error), &error, "gs", "two names");
    assert_refused(add_global(topology, "gs", "g", "gp", "s", &error), &error, "s",
                   "store names are unique");
    assert_int_equal(add_global(topology, "gs", "g", "gp", "gl", &error), KS_OK);
    assert_refused(add_global(topology, "gs2", "g", "gp2", "gl2", &error), &error, "gs2",
                   "topic 'g' is read by another source");
    assert_refused(add_source(topology, "b", "g", &error), &error, "b",
                   "topic 'g' is read by another source");
    assert_refused(add_store(topology, "gl", "p", &error), &error, "gl", "store names are unique");
    assert_refused(ksi_topology_connect_store(topology, "p", "gl", &error), &error, "p",
                   "do not connect it");
    assert_refused(ksi_topology_connect_store(topology, "gp", "s", &error), &error, "gp",
                   "connect store 's' to another processor");
    assert_refused(add_processor(topology, "q", "gp", &error), &error, "q", "keeps a global store");
    assert_refused(add_processor(topology, "q", "gs", &error), &error, "q", "keeps a global store");
    ks_topology_free(topology);
}

static void a_global_store_is_a_key_value_store(void **state)
{
    (void)state;
    ks_error error = {0};
    const char *topic = "g";
    ks_topology *topology = ksi_topology_new();
    const ksi_global_store global = {.source_name = "gs",
                                     .source = {.topics = &topic, .topic_count = 1},
                                     .processor_name = "gp",
                                     .processor = some_processor,
                                     .spec = {.name = "v", .kind = KSI_STORE_VERSIONED}};
    assert_refused(ksi_topology_add_global_store(topology, &global, &error), &error, "v",
                   "this one is versioned key-value");
    assert_int_equal(topology->node_count, 0);
    ks_topology_free(topology);
}

static void a_topology_of_nothing_has_a_description(void **state)
{
    (void)state;
    ks_topology *topology = ksi_topology_new();
    ksi_topology_freeze(topology);
    assert_int_equal(topology->subtopology_count, 0);
    assert_string_equal(ks_topology_describe(topology), "Topologies:\n ");
    assert_non_null(strstr(ks_topology_dot(topology), "digraph topology {"));
    ks_topology_free(topology);
}

static void internal_topics_are_known_by_the_applications_name(void **state)
{
    (void)state;
    ks_arena *arena = ks_arena_new();
    ks_topology *topology = ksi_topology_new();
    ksi_topology_add_internal_topic(topology, "x-repartition", 0);
    ksi_topology_add_internal_topic(topology, "x-repartition", 4); /* the later count counts */
    assert_int_equal(topology->internal_topic_count, 1);
    assert_int_equal(ksi_topology_internal_topic(topology, "x-repartition")->partitions, 4);
    assert_null(ksi_topology_internal_topic(topology, "x"));
    assert_string_equal(ksi_topology_topic_name(topology, "app", "x-repartition", arena),
                        "app-x-repartition");
    assert_string_equal(ksi_topology_topic_name(topology, "app", "x", arena), "x");
    assert_string_equal(ksi_changelog_topic_name("app", "store", arena), "app-store-changelog");
    ks_topology_free(topology);
    ks_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_follow_the_rules_of_topics),
        cmocka_unit_test(a_refused_byte_is_shown_readably),
        cmocka_unit_test(names_are_unique_over_all_kinds_of_nodes),
        cmocka_unit_test(parents_must_be_known_and_no_sinks),
        cmocka_unit_test(a_topic_has_one_source_by_name_or_by_pattern),
        cmocka_unit_test(store_names_are_unique),
        cmocka_unit_test(one_description_added_twice_is_one_store),
        cmocka_unit_test(a_store_is_connected_to_known_processors_only),
        cmocka_unit_test(a_source_topic_takes_the_place_of_a_changelog_once),
        cmocka_unit_test(names_and_topics_are_copied),
        cmocka_unit_test(what_was_registered_is_freed_with_the_topology),
        cmocka_unit_test(subtopologies_are_numbered_by_their_first_node),
        cmocka_unit_test(processors_that_share_a_store_are_one_subtopology),
        cmocka_unit_test(a_global_store_is_a_sub_topology_of_its_own_kind),
        cmocka_unit_test(a_global_store_has_names_and_a_topic_of_its_own),
        cmocka_unit_test(a_global_store_is_a_key_value_store),
        cmocka_unit_test(a_topology_of_nothing_has_a_description),
        cmocka_unit_test(internal_topics_are_known_by_the_applications_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
