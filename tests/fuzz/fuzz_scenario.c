/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_scenario.c - any bytes as a conformance scenario: parsed and, when they are one, built into
 * a topology.
 *
 * What must hold: no bytes crash the reading of a scenario, nor what its ops ask of the library's
 * builder; a topology that was not built left a reason, either a problem of the scenario or an
 * error with a code; one that was built can be described, also after its builder is gone. Steps are
 * read and not run.
 *
 * Bytes turned at random are no JSON, and JSON turned at random is no topology: plain mutation
 * never gets past the parser. So the mutator below changes the tree of a scenario, with words of
 * the vocabulary, and only now and then its bytes.
 *
 * Thread rule: one thread.
 */
#include "build.h"
#include "steps.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

static void must(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "fuzz_scenario: %s\n", what);
        abort();
    }
}

/* ---- the target ------------------------------------------------------------------------------ */

static void build(cf_scenario *scenario)
{
    ks_error error = {0};
    ks_builder *builder = NULL;
    ks_topology *topology = NULL;
    ks_config *config = build_config(scenario, "state", &error);
    if (config != NULL) {
        builder = ks_builder_new(config);
        topology = build_topology(scenario, builder, &error);
    }
    must(topology != NULL || problem_is_set(&scenario->problem) || error.code != KS_OK,
         "no topology, and no reason");
    must(topology == NULL || !problem_is_set(&scenario->problem), "built in spite of a problem");
    ks_builder_free(builder);
    if (topology != NULL) {
        must(strncmp(ks_topology_describe(topology), "Topologies:\n", 12) == 0, "not described");
    }
    ks_topology_free(topology);
    ks_config_free(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cf_scenario *scenario = scenario_load((const char *)data, size);
    cf_steps steps = steps_read(scenario);
    must(steps.count == 0 || !problem_is_set(&scenario->problem), "steps in spite of a problem");
    if (!problem_is_set(&scenario->problem)) {
        build(scenario);
    }
    scenario_free(scenario);
    return 0;
}

/* ---- the mutator ----------------------------------------------------------------------------- */

/* Has an op of each kind, so that changes begin where topologies are. */
static const char first_scenario[] =
    "{\"name\":\"n\",\"config\":{\"statestore.cache.max.bytes\":\"0\"},"
    "\"topics\":{\"in\":{\"key\":\"string\",\"value\":\"string\"},"
    "\"out\":{\"key\":\"string\",\"value\":\"long\"}},\"topology\":["
    "{\"id\":\"a\",\"op\":\"stream\",\"topic\":\"in\",\"timestamp\":\"skip\"},"
    "{\"id\":\"b\",\"op\":\"filter\",\"of\":\"a\",\"fn\":[\"contains\",\"x\"],\"name\":\"f\"},"
    "{\"id\":\"c\",\"op\":\"flatMapValues\",\"of\":\"b\",\"fn\":\"words\"},"
    "{\"id\":\"d\",\"op\":\"map\",\"of\":\"c\",\"fn\":\"swap\"},"
    "{\"id\":\"e\",\"op\":\"split\",\"of\":\"d\",\"name\":\"s\",\"default\":true,"
    "\"branches\":[{\"name\":\"-x\",\"fn\":\"always\"},{\"fn\":\"even\"}]},"
    "{\"id\":\"g\",\"op\":\"merge\",\"of\":[\"e.-x\",\"e.0\"]},"
    "{\"id\":\"h\",\"op\":\"groupByKey\",\"of\":\"g\",\"key\":\"string\",\"value\":\"string\"},"
    "{\"id\":\"i\",\"op\":\"aggregate\",\"of\":\"h\",\"init\":0,\"fn\":\"sum\",\"value\":\"long\","
    "\"store\":{\"name\":\"agg\",\"type\":\"memory\",\"caching\":false}},"
    "{\"id\":\"j\",\"op\":\"toStream\",\"of\":\"i\"},{\"op\":\"to\",\"of\":\"j\",\"topic\":\"out\"}"
    ","
    "{\"id\":\"k\",\"op\":\"repartition\",\"of\":\"a\",\"partitions\":2},"
    "{\"id\":\"l\",\"op\":\"toTable\",\"of\":\"k\",\"store\":{\"logging\":false}},"
    "{\"id\":\"m\",\"op\":\"table\",\"topic\":\"t\"},{\"op\":\"print\",\"of\":\"a\"}],"
    "\"steps\":[{\"pipe\":\"in\",\"key\":\"k\",\"value\":\"hex:00\",\"ts\":1,"
    "\"headers\":[[\"h\",null]]},{\"advanceWallClock\":5}]}";

/* Fields, ops, functions, types and names: what a scenario is made of, and what is almost that. */
static const char *const words[] = {
    "id",
    "op",
    "of",
    "fn",
    "name",
    "topic",
    "topics",
    "pattern",
    "timestamp",
    "reset",
    "store",
    "key",
    "value",
    "default",
    "branches",
    "dynamic",
    "partitions",
    "topicName",
    "init",
    "type",
    "caching",
    "logging",
    "retention",
    "config",
    "steps",
    "headers",
    "stream",
    "table",
    "filter",
    "filterNot",
    "mapValues",
    "map",
    "selectKey",
    "flatMap",
    "peek",
    "foreach",
    "print",
    "split",
    "merge",
    "to",
    "toTable",
    "toStream",
    "groupByKey",
    "groupBy",
    "count",
    "reduce",
    "aggregate",
    "windowedBy",
    "join",
    "contains",
    "even",
    "greater",
    "valueNull",
    "keyEquals",
    "upper",
    "const",
    "add",
    "first",
    "after",
    "before",
    "withKey",
    "swap",
    "keyFirst",
    "nullKey",
    "words",
    "repeat",
    "concat",
    "min",
    "last",
    "string",
    "long",
    "integer",
    "double",
    "bytes",
    "uuid",
    "void",
    "rocksdb",
    "memory",
    "lru:3",
    "versioned:10",
    "earliest",
    "embedded-value",
    "by_duration:-1",
    "wallclock",
    "a",
    "b",
    "c",
    "e.0",
    "in",
    "out",
    "in|out",
    "(",
    "(a+)+b",
    "",
    "-x",
    "agg",
    "hex:0",
    "name with spaces",
    "KSTREAM-SOURCE-0000000000",
    "topology.optimization",
    "all",
    "default.timestamp.extractor",
    "ensure.explicit.internal.resource.naming",
    "default.value.serde",
    "__emit",
};

static unsigned draw(unsigned *state, size_t below)
{
    *state = *state * 1664525u + 1013904223u;
    return (unsigned)((*state >> 8) % (below == 0 ? 1 : below));
}

static const char *draw_word(unsigned *state)
{
    return words[draw(state, sizeof words / sizeof words[0])];
}

static json_t *draw_value(unsigned *state)
{
    static const json_int_t numbers[] = {0, 1, -1, 2, 4, 1000, INT32_MAX, INT64_MAX, INT64_MIN};
    switch (draw(state, 12)) {
    case 0:
        return json_null();
    case 1:
        return json_boolean(draw(state, 2));
    case 2:
        return json_integer(numbers[draw(state, sizeof numbers / sizeof numbers[0])]);
    case 3:
        return json_real(1.5);
    case 4:
        return json_pack("[s]", draw_word(state));
    case 5:
        return json_pack("[s, s]", draw_word(state), draw_word(state));
    case 6:
        return json_pack("{s: s}", draw_word(state), draw_word(state));
    default:
        return json_string(draw_word(state));
    }
}

static json_t *draw_child(json_t *parent, unsigned *state, const char **name, size_t *index)
{
    if (json_is_array(parent)) {
        *index = draw(state, json_array_size(parent));
        return json_array_get(parent, *index);
    }
    unsigned skip = draw(state, json_object_size(parent));
    void *at = json_object_iter(parent);
    for (; skip > 0 && at != NULL; skip--) {
        at = json_object_iter_next(parent, at);
    }
    *name = at != NULL ? json_object_iter_key(at) : NULL;
    return at != NULL ? json_object_iter_value(at) : NULL;
}

static void change_array(json_t *array, size_t index, unsigned *state)
{
    json_t *other = json_array_get(array, draw(state, json_array_size(array)));
    switch (draw(state, 4)) {
    case 0:
        json_array_remove(array, index);
        break;
    case 1:
        json_array_insert_new(array, index, json_deep_copy(other));
        break;
    case 2:
        json_array_set_new(array, index, json_deep_copy(other));
        break;
    default:
        json_array_set_new(array, index, draw_value(state));
        break;
    }
}

static void change_object(json_t *object, const char *name, unsigned *state)
{
    switch (draw(state, 4)) {
    case 0:
        json_object_del(object, name);
        break;
    case 1:
        json_object_set_new(object, draw_word(state), draw_value(state));
        break;
    default:
        json_object_set_new(object, name, draw_value(state));
        break;
    }
}

/* Walks down by chance and changes what it comes to. */
static void change(json_t *root, unsigned *state)
{
    json_t *at = root;
    for (;;) {
        const char *name = NULL;
        size_t index = 0;
        json_t *child = draw_child(at, state, &name, &index);
        bool deeper = json_is_object(child) || json_is_array(child);
        if (deeper && draw(state, 5) > 0) {
            at = child;
            continue;
        }
        if (child != NULL && json_is_array(at)) {
            change_array(at, index, state);
        } else if (child != NULL) {
            /* the iterator's name goes with the member it belongs to */
            char copy[128];
            snprintf(copy, sizeof copy, "%s", name);
            change_object(at, copy, state);
        }
        return;
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    unsigned state = seed;
    if (draw(&state, 8) == 0) {
        return LLVMFuzzerMutate(data, size, max_size);
    }
    json_t *root = json_loadb((const char *)data, size, JSON_ALLOW_NUL, NULL);
    if (!json_is_object(root)) {
        json_decref(root);
        root = json_loads(first_scenario, 0, NULL);
    }
    must(json_is_object(root), "the first scenario is no JSON");
    for (unsigned changes = draw(&state, 3) + 1; changes > 0; changes--) {
        change(root, &state);
    }
    size_t written = json_dumpb(root, (char *)data, max_size, JSON_COMPACT);
    json_decref(root);
    return written > 0 && written <= max_size ? written : LLVMFuzzerMutate(data, size, max_size);
}
