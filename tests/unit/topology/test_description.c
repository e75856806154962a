/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_description.c - the text of a topology against Java's, and the drawing of one.
 */
#include "topology/topology.h"

#include "java_random.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const ksi_processor_class some_class = {.state_size = 0};
static const ksi_processor some_processor = {.class = &some_class};

/* ---- random graphs, as the same program builds them in Java ---------------------------------- */

enum { MAX_NODES = 30, MAX_TOPICS = 4 };

/* "Aa" and "BB" have the same hash code in Java. */
static const char *const prefixes[] = {"KSTREAM-FILTER-", "n", "Aa", "BB", "store-", "z.z_"};

typedef struct graph {
    java_random *random;
    ks_topology *topology;
    ks_arena *arena;
    const char *open[MAX_NODES]; /* what may be a parent */
    uint32_t open_count;
    uint32_t topics;
    uint32_t stores;
} graph;

static const char *prefix(graph *g)
{
    return prefixes[below(g->random, 6)];
}

static void add_random_source(graph *g, const char *name)
{
    const char *topics[MAX_TOPICS];
    uint32_t count = 1 + below(g->random, MAX_TOPICS);
    for (uint32_t i = 0; i < count; i++) {
        topics[i] = ksi_arena_format(g->arena, "%s%u", prefix(g), g->topics++);
    }
    assert_int_equal(ksi_topology_add_source(g->topology, name,
                                             &(ksi_source){.topics = topics, .topic_count = count},
                                             NULL),
                     KS_OK);
    g->open[g->open_count++] = name;
}

static size_t random_parents(graph *g, const char **parents)
{
    size_t distinct = 0;
    uint32_t count = 1 + below(g->random, 3);
    for (uint32_t i = 0; i < count; i++) {
        const char *parent = g->open[below(g->random, g->open_count)];
        size_t at = 0;
        while (at < distinct && strcmp(parents[at], parent) != 0) {
            at++;
        }
        if (at == distinct) {
            parents[distinct++] = parent;
        }
    }
    return distinct;
}

static void add_random_processor(graph *g, const char *name, const char *const *parents,
                                 size_t count)
{
    assert_int_equal(
        ksi_topology_add_processor(g->topology, name, &some_processor, parents, count, NULL),
        KS_OK);
    g->open[g->open_count++] = name;
    uint32_t stores = below(g->random, 6);
    for (uint32_t i = 3; i < stores; i++) {
        const char *store = ksi_arena_format(g->arena, "%ss%u", prefix(g), g->stores++);
        assert_int_equal(
            ksi_topology_add_store(g->topology, &(ksi_store_spec){.name = store}, NULL), KS_OK);
        assert_int_equal(ksi_topology_connect_store(g->topology, name, store, NULL), KS_OK);
    }
}

static void add_random_node(graph *g, uint32_t number)
{
    const char *parents[3];
    const char *name = ksi_arena_format(g->arena, "%s%010u", prefix(g), number);
    uint32_t kind = g->open_count == 0 ? 0 : below(g->random, 10);
    if (kind < 2) {
        add_random_source(g, name);
        return;
    }
    size_t count = random_parents(g, parents);
    if (kind < 8) {
        add_random_processor(g, name, parents, count);
    } else {
        const char *topic = ksi_arena_format(g->arena, "%sout", prefix(g));
        assert_int_equal(ksi_topology_add_sink(g->topology, name, &(ksi_sink){.topic = topic},
                                               parents, count, NULL),
                         KS_OK);
    }
}

static void two_thousand_random_graphs_read_as_in_java(void **state)
{
    (void)state;
    java_random random = java_random_of(11);
    size_t longest = 0;
    for (int round = 0; round < 2000; round++) {
        ks_arena arena;
        ksi_arena_init(&arena, 0);
        graph g = {.random = &random, .topology = ksi_topology_new(), .arena = &arena};
        uint32_t nodes = 1 + below(&random, MAX_NODES);
        for (uint32_t i = 0; i < nodes; i++) {
            add_random_node(&g, i);
        }
        ksi_topology_freeze(g.topology);
        const char *text = ks_topology_describe(g.topology);
        size_t length = strlen(text);
        mix(&random, text, length);
        longest = length > longest ? length : longest;
        ks_topology_free(g.topology);
        ksi_arena_destroy(&arena);
    }
    if (random.hash != UINT64_C(0x8aa5176dbcf051e4) || longest != 3896) {
        fail_msg("%016" PRIx64 ", longest %zu: not Java's", random.hash, longest);
    }
}

/* 40 times two processors with one child: 2^40 paths lead from the last node to the first. */
static void a_graph_with_a_million_million_paths_is_described_at_once(void **state)
{
    (void)state;
    ks_arena arena;
    ksi_arena_init(&arena, 0);
    ks_topology *topology = ksi_topology_new();
    const char *above = "source";
    const char *topic = "in";
    const ksi_source source = {.topics = &topic, .topic_count = 1};
    assert_int_equal(ksi_topology_add_source(topology, above, &source, NULL), KS_OK);
    for (int i = 0; i < 40; i++) {
        const char *pair[2] = {ksi_arena_format(&arena, "left-%02d", i),
                               ksi_arena_format(&arena, "right-%02d", i)};
        for (int side = 0; side < 2; side++) {
            assert_int_equal(
                ksi_topology_add_processor(topology, pair[side], &some_processor, &above, 1, NULL),
                KS_OK);
        }
        above = ksi_arena_format(&arena, "both-%02d", i);
        assert_int_equal(
            ksi_topology_add_processor(topology, above, &some_processor, pair, 2, NULL), KS_OK);
    }
    ksi_topology_freeze(topology);
    const char *text = ks_topology_describe(topology);
    assert_non_null(
        strstr(text, "both-39 (stores: [])\n      --> none\n      <-- left-39, right-39"));
    ks_topology_free(topology);
    ksi_arena_destroy(&arena);
}

/* ---- what Java has no equal of --------------------------------------------------------------- */

static ks_slice some_topic(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)record;
    (void)user;
    return ks_slice_null();
}

static ks_topology *with_pattern_store_and_dynamic_sink(ksi_pattern **pattern)
{
    const char *parent = "source";
    ks_topology *topology = ksi_topology_new();
    *pattern = ksi_pattern_compile("orders-\\d+\"", NULL);
    assert_int_equal(
        ksi_topology_add_source(topology, "source", &(ksi_source){.pattern = *pattern}, NULL),
        KS_OK);
    assert_int_equal(ksi_topology_add_processor(topology, "p", &some_processor, &parent, 1, NULL),
                     KS_OK);
    assert_int_equal(ksi_topology_add_store(topology, &(ksi_store_spec){.name = "rows"}, NULL),
                     KS_OK);
    assert_int_equal(ksi_topology_connect_store(topology, "p", "rows", NULL), KS_OK);
    parent = "p";
    assert_int_equal(ksi_topology_add_sink(topology, "dynamic",
                                           &(ksi_sink){.topic_name = some_topic}, &parent, 1, NULL),
                     KS_OK);
    assert_int_equal(
        ksi_topology_add_sink(topology, "fixed", &(ksi_sink){.topic = "out"}, &parent, 1, NULL),
        KS_OK);
    ksi_topology_freeze(topology);
    return topology;
}

static void patterns_and_dynamic_sinks_are_described(void **state)
{
    (void)state;
    ksi_pattern *pattern;
    ks_topology *topology = with_pattern_store_and_dynamic_sink(&pattern);
    const char *text = ks_topology_describe(topology);
    assert_non_null(strstr(text, "Source: source (topics: orders-\\d+\")\n"));
    assert_non_null(strstr(text, "Sink: dynamic (extractor class: ks_topic_name_fn)\n"));
    ks_topology_free(topology);
    ksi_pattern_free(pattern);
}

static size_t count_of(const char *text, const char *what)
{
    size_t count = 0;
    for (const char *at = strstr(text, what); at != NULL; at = strstr(at + 1, what)) {
        count++;
    }
    return count;
}

static void the_drawing_has_every_node_topic_store_and_edge_once(void **state)
{
    (void)state;
    ksi_pattern *pattern;
    ks_topology *topology = with_pattern_store_and_dynamic_sink(&pattern);
    const char *dot = ks_topology_dot(topology);
    static const char *const lines[] = {
        "\"source\" [label=\"source\", shape=house];",
        "\"p\" [label=\"p\", shape=box, style=rounded];",
        "\"dynamic\" [label=\"dynamic\", shape=invhouse];",
        "\"fixed\" [label=\"fixed\", shape=invhouse];",
        "\"store rows\" [label=\"rows\", shape=cylinder];",
        "\"topic out\" [label=\"out\"",
        "\"topic orders-\\\\d+\\\"\" [label=\"orders-\\\\d+\\\"\"", /* quoted for dot */
        "\"topic orders-\\\\d+\\\"\" -> \"source\";",
        "\"source\" -> \"p\";",
        "\"p\" -> \"store rows\";",
        "\"p\" -> \"dynamic\";",
        "\"p\" -> \"fixed\";",
        "\"fixed\" -> \"topic out\";",
        "subgraph cluster_0 {",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (count_of(dot, lines[i]) != 1) {
            fail_msg("%s\nis there %zu times in\n%s", lines[i], count_of(dot, lines[i]), dot);
        }
    }
    assert_int_equal(count_of(dot, " -> "), 6);
    assert_int_equal(count_of(dot, "{"), count_of(dot, "}"));
    ks_topology_free(topology);
    ksi_pattern_free(pattern);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_thousand_random_graphs_read_as_in_java),
        cmocka_unit_test(a_graph_with_a_million_million_paths_is_described_at_once),
        cmocka_unit_test(patterns_and_dynamic_sinks_are_described),
        cmocka_unit_test(the_drawing_has_every_node_topic_store_and_edge_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
