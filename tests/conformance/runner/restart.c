/* SPDX-License-Identifier: Apache-2.0 */
/*
 * restart.c - see restart.h.
 *
 * Where the state came from must never be seen, for the changelogs hold all of it: the two runs are
 * compared with each other. The restart itself must not be seen either, and the run whose state was
 * lost is compared with what Java did without one, except where a restart shows by its nature:
 *
 *     a punctuation              is scheduled anew
 *     a record cache with a      begins empty, so that other entries have to give way
 *     bound of its own
 *     records that wait for      wait anew
 *     others
 *     records that wait for a    begin to be numbered anew where none is left
 *     table
 *     the time that a            is the highest that came by, and begins anew: with records out of
 *     suppressed table knows     order it is behind then
 *     what an aggregation in     the time begins anew, and with records out of order a window that
 *     windows knows              had closed is open again; so does the wait of closed windows for
 *                                the clock
 *     what a left or outer join  the time, and which rows it has looked at, begin anew; one of a
 *     of streams knows           stream with itself in one store goes by the time, too
 */
#include "restart.h"

#include "compare.h"
#include "run.h"

#include <stdio.h>

/* ---- topics that double as changelogs -------------------------------------------------------- */

/* Whether a store may have an input for its changelog. */
static bool restores_from_inputs(const cf_scenario *scenario)
{
    const json_t *config = json_object_get(scenario->root, "config");
    const char *rules = json_string_value(json_object_get(config, "topology.optimization"));
    bool reuses = rules != NULL && (strstr(rules, "all") != NULL || strstr(rules, "reuse") != NULL);
    const json_t *nodes = json_object_get(scenario->root, "topology");
    for (size_t i = 0; i < json_array_size(nodes) && !reuses; i++) {
        const char *op = json_string_value(json_object_get(json_array_get(nodes, i), "op"));
        reuses = op != NULL && strcmp(op, "addReadOnlyStore") == 0;
    }
    return reuses;
}

static bool is_raw(const json_t *side)
{
    const char *text = json_string_value(side);
    return text != NULL && strncmp(text, "hex:", 4) == 0;
}

/* Whether a record may be another one once it was read: skipped, or with another timestamp. */
static bool changes_inputs(const cf_scenario *scenario)
{
    const json_t *config = json_object_get(scenario->root, "config");
    const json_t *nodes = json_object_get(scenario->root, "topology");
    const json_t *steps = json_object_get(scenario->root, "steps");
    bool changes = json_object_get(config, "default.timestamp.extractor") != NULL;
    for (size_t i = 0; i < json_array_size(nodes) && !changes; i++) {
        changes = json_object_get(json_array_get(nodes, i), "timestamp") != NULL;
    }
    for (size_t i = 0; i < json_array_size(steps) && !changes; i++) {
        const json_t *step = json_array_get(steps, i);
        changes = is_raw(json_object_get(step, "key")) || is_raw(json_object_get(step, "value")) ||
                  json_integer_value(json_object_get(step, "ts")) < 0;
    }
    return changes;
}

/* Whether windows that have closed are looked for only now and then. */
static bool looks_now_and_then(const cf_scenario *scenario)
{
    const json_t *config = json_object_get(scenario->root, "config");
    const char *interval = json_string_value(
        json_object_get(config, "__emit.interval.ms.kstreams.windowed.aggregation__"));
    return interval != NULL && strcmp(interval, "0") != 0;
}

/*
 * Whether rows of a global table may push others out of a record cache: after a restart it has none
 * until they are read again.
 */
static bool has_global_rows_in_a_small_cache(const cf_scenario *scenario)
{
    const json_t *config = json_object_get(scenario->root, "config");
    const char *bytes = json_string_value(json_object_get(config, "statestore.cache.max.bytes"));
    const json_t *nodes = json_object_get(scenario->root, "topology");
    bool has_global = false;
    for (size_t i = 0; i < json_array_size(nodes) && !has_global; i++) {
        const char *op = json_string_value(json_object_get(json_array_get(nodes, i), "op"));
        has_global =
            op != NULL && (strcmp(op, "globalTable") == 0 || strcmp(op, "addGlobalStore") == 0);
    }
    return has_global && bytes != NULL && strcmp(bytes, "0") != 0;
}

/* ---- what may be seen ------------------------------------------------------------------------ */

const char *restart_difference_expected(const cf_scenario *scenario)
{
    if (looks_now_and_then(scenario)) {
        return "a task that begins looks for closed windows at once, as in Java";
    }
    if (has_global_rows_in_a_small_cache(scenario)) {
        return "a task that begins has no row of a global table in its record cache";
    }
    const json_t *nodes = json_object_get(scenario->root, "topology");
    for (size_t i = 0; i < json_array_size(nodes); i++) {
        const json_t *node = json_array_get(nodes, i);
        const json_t *store = json_object_get(node, "store");
        const char *type = json_string_value(json_object_get(store, "type"));
        const char *op = json_string_value(json_object_get(node, "op"));
        bool is_global = op != NULL && strcmp(op, "addGlobalStore") == 0; /* has its topic */
        bool is_unlogged =
            json_is_false(json_object_get(store, "logging")) ||
            json_is_false(json_object_get(json_object_get(node, "buffer"), "logging"));
        if (is_unlogged && !is_global) {
            return "a store without changelog cannot come back";
        }
        if (type != NULL && strncmp(type, "lru:", 4) == 0) {
            return "the changelog of a store with a bound does not say which entry was used when";
        }
    }
    return restores_from_inputs(scenario) && changes_inputs(scenario)
               ? "an input that is a changelog has its records as they came, not as they were read"
               : NULL;
}

static bool punctuates(const json_t *node)
{
    const json_t *processor = json_object_get(node, "processor");
    const char *name = json_string_value(json_array_get(processor, 0));
    return name != NULL && strncmp(name, "punctuate", 9) == 0;
}

/* Whether a record's time is lower than that of one before it. */
static bool is_out_of_order(const cf_scenario *scenario)
{
    const json_t *steps = json_object_get(scenario->root, "steps");
    json_int_t highest = 0;
    for (size_t i = 0; i < json_array_size(steps); i++) {
        json_int_t time = json_integer_value(json_object_get(json_array_get(steps, i), "ts"));
        if (time < highest) {
            return true;
        }
        highest = time;
    }
    return false;
}

static bool suppresses(const json_t *node)
{
    const char *op = json_string_value(json_object_get(node, "op"));
    return op != NULL && strcmp(op, "suppress") == 0;
}

/* Only joins of streams have a window. */
static bool joins_by_time(const cf_scenario *scenario, const json_t *node)
{
    const char *op = json_string_value(json_object_get(node, "op"));
    bool is_inner = op != NULL && strcmp(op, "join") == 0;
    bool is_outer = op != NULL && (strcmp(op, "leftJoin") == 0 || strcmp(op, "outerJoin") == 0);
    return json_object_get(node, "window") != NULL &&
           (is_outer || (is_inner && is_out_of_order(scenario)));
}

static bool aggregates_by_time(const cf_scenario *scenario, const json_t *node)
{
    const char *op = json_string_value(json_object_get(node, "op"));
    const json_t *config = json_object_get(scenario->root, "config");
    const json_t *wait =
        json_object_get(config, "__emit.interval.ms.kstreams.windowed.aggregation__");
    return op != NULL && strcmp(op, "windowedBy") == 0 &&
           (is_out_of_order(scenario) || wait != NULL);
}

static bool shows_by_its_nature(const cf_scenario *scenario)
{
    const json_t *config = json_object_get(scenario->root, "config");
    const json_t *cache = json_object_get(config, "statestore.cache.max.bytes");
    const char *bytes = json_string_value(cache);
    bool is_off = bytes != NULL && strcmp(bytes, "0") == 0;
    bool shows = (cache != NULL && !is_off) ||
                 json_object_get(config, "cache.max.bytes.buffering") != NULL ||
                 json_object_get(config, "max.task.idle.ms") != NULL;
    const json_t *nodes = json_object_get(scenario->root, "topology");
    for (size_t i = 0; i < json_array_size(nodes) && !shows; i++) {
        const json_t *node = json_array_get(nodes, i);
        shows = punctuates(node) || json_object_get(node, "grace") != NULL ||
                (suppresses(node) && is_out_of_order(scenario)) || joins_by_time(scenario, node) ||
                aggregates_by_time(scenario, node);
    }
    return shows;
}

bool restart_agrees(cf_scenario *scenario, char *difference, size_t size)
{
    json_t *kept =
        problem_is_set(&scenario->problem) ? NULL : scenario_run(scenario, BETWEEN_RESTART_KEPT);
    json_t *lost = kept != NULL ? scenario_run(scenario, BETWEEN_RESTART_LOST) : NULL;
    bool same = false;
    if (lost == NULL) {
        snprintf(difference, size, "%s", scenario->problem.text);
    } else {
        const json_t *recorded = json_object_get(scenario->root, "expect");
        same =
            outcomes_are_equal(kept, lost, difference, size) &&
            (shows_by_its_nature(scenario) || outcomes_are_equal(recorded, lost, difference, size));
    }
    json_decref(kept);
    json_decref(lost);
    return same;
}
