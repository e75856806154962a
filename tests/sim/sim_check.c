/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_check.c - see sim_check.h.
 */
#include "sim_check.h"

#include "base/arena.h"
#include "base/endian.h"
#include "runtime/app_query.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- what has to come out -------------------------------------------------------------------- */

/* What is known of each key, from somewhere. -1: nothing. */
typedef struct findings {
    int64_t value[SIM_MOST_KEYS];
} findings;

static findings nothing(void)
{
    findings none;
    for (int i = 0; i < SIM_MOST_KEYS; i++) {
        none.value[i] = -1;
    }
    return none;
}

/* How many keys have their last input in each group; -1 for a group that never had any. */
static findings expected_groups(const sim_world *world)
{
    findings all = nothing();
    findings group_of = nothing();
    for (size_t i = 0; i < world->input_count; i++) {
        int64_t group = world->inputs[i].value % world->plan.keys;
        int64_t *before = &group_of.value[world->inputs[i].key];
        if (*before >= 0) {
            all.value[*before]--;
        }
        all.value[group] = all.value[group] < 0 ? 1 : all.value[group] + 1;
        *before = group;
    }
    return all;
}

/* The last value of each key: how many inputs, or the last one's number. */
static findings expected(const sim_world *world)
{
    if (world->plan.kind == SIM_GROUPS) {
        return expected_groups(world);
    }
    findings all = nothing();
    for (size_t i = 0; i < world->input_count; i++) {
        int64_t *value = &all.value[world->inputs[i].key];
        if (world->plan.kind == SIM_TABLE) {
            *value = world->inputs[i].value;
        } else {
            *value = *value < 0 ? 1 : *value + 1;
        }
    }
    return all;
}

bool sim_is_strict(const sim_world *world)
{
    return world->plan.is_exact || (sim_disturbances(world) == 0 && !world->was_fenced);
}

bool sim_is_ordered(const sim_world *world)
{
    return world->plan.is_exact || !world->was_fenced;
}

static int key_of(ks_slice key)
{
    bool is_one = key.size == 2 && key.data[0] == 'k' && key.data[1] >= '0' &&
                  key.data[1] < '0' + SIM_MOST_KEYS;
    return is_one ? key.data[1] - '0' : -1;
}

/* A count, or the number of an input; -1 for neither. */
static int64_t value_of(const sim_world *world, ks_slice value)
{
    char digits[24] = "";
    if (world->plan.kind != SIM_TABLE) {
        int64_t count = value.size == 8 ? (int64_t)ksi_get_be64(value.data) : -1;
        /* A row that is subtracted twice leaves less than nothing, or nothing at all. */
        bool may_be_less = world->plan.kind == SIM_GROUPS && !sim_is_strict(world) &&
                           (value.size == 8 || value.data == NULL);
        return count < 0 && may_be_less ? 0 : count;
    }
    if (value.size < 2 || value.size > 20 || value.data[0] != 'i') {
        return -1;
    }
    memcpy(digits, value.data + 1, value.size - 1);
    return strtoll(digits, NULL, 10);
}

static bool read_pair(sim_world *world, const char *where, ks_slice key, ks_slice value,
                      int *key_out, int64_t *value_out)
{
    *key_out = key_of(key);
    *value_out = value_of(world, value);
    if (*key_out < 0 || *value_out < 0) {
        sim_complain(world, "%s has a record that nobody sent: key %.*s", where,
                     (int)(key.size < 40 ? key.size : 40), key.data != NULL ? key.data : "(null)");
        return false;
    }
    return true;
}

/* What is at the end has to be exactly the expected, or at least that. */
static void compare(sim_world *world, const char *where, const findings *found)
{
    if (world->plan.kind == SIM_GROUPS && !sim_is_strict(world)) {
        return; /* a change that is repeated is subtracted and added again */
    }
    findings want = expected(world);
    bool may_be_more = !sim_is_strict(world) && world->plan.kind != SIM_TABLE;
    /* A row that came and went within one commit never left the cache. */
    bool may_be_unseen = world->plan.kind == SIM_GROUPS && world->plan.is_cached;
    for (int i = 0; i < SIM_MOST_KEYS; i++) {
        bool is_right = found->value[i] == want.value[i] ||
                        (may_be_unseen && want.value[i] == 0 && found->value[i] < 0) ||
                        (may_be_more && want.value[i] >= 0 && found->value[i] > want.value[i]);
        if (!is_right) {
            sim_complain(world, "%s: key k%d ends with %" PRId64 "; it has to be %s%" PRId64, where,
                         i, found->value[i], may_be_more ? "at least " : "", want.value[i]);
        }
    }
}

/* ---- outputs --------------------------------------------------------------------------------- */

/* The next input of a key behind one; -1 when there is none. */
static int64_t next_input(const sim_world *world, int key, int64_t behind)
{
    for (size_t i = (size_t)(behind + 1); i < world->input_count; i++) {
        if (world->inputs[i].key == key) {
            return world->inputs[i].value;
        }
    }
    return -1;
}

/* The only output that may follow when each input has one. */
static int64_t successor(const sim_world *world, int key, int64_t last)
{
    if (world->plan.kind == SIM_TABLE) {
        return next_input(world, key, last);
    }
    return last < 0 ? 1 : last + 1;
}

static void check_output(sim_world *world, int key, int64_t last, int64_t value)
{
    if (!sim_is_strict(world)) {
        return;
    }
    if (world->plan.kind == SIM_GROUPS) { /* one row enters or leaves, or changes within */
        int64_t step = value - (last < 0 ? 0 : last);
        if (!world->plan.is_cached && (step < -1 || step > 1)) {
            sim_complain(world, "group k%d went from %" PRId64 " to %" PRId64, key, last, value);
        }
        return;
    }
    if (value <= last) {
        sim_complain(world, "output %" PRId64 " of key k%d came after %" PRId64, value, key, last);
    } else if (!world->plan.is_cached && value != successor(world, key, last)) {
        sim_complain(world, "output %" PRId64 " of key k%d came right after %" PRId64, value, key,
                     last);
    }
}

/* Without a cache every value that passes through a table has to come out. */
static void check_all_passed(sim_world *world, const bool *seen)
{
    for (size_t i = 0; i < world->input_count; i++) {
        if (!seen[i]) {
            sim_complain(world, "input %zu did not come out", i);
        }
    }
}

void sim_check_outputs(sim_world *world)
{
    findings last = nothing();
    ks_log_record record;
    bool *seen = calloc(world->input_count + 1, sizeof *seen);
    ks_log_reader *reader = ks_log_reader_open(world->log, SIM_OUTPUT, NULL);
    while (ks_log_reader_next(reader, &record)) {
        int key = 0;
        int64_t value = 0;
        if (!read_pair(world, "the output", record.key, record.value, &key, &value)) {
            break;
        }
        check_output(world, key, last.value[key], value);
        last.value[key] = value;
        if (world->plan.kind == SIM_TABLE && value < (int64_t)world->input_count) {
            seen[value] = true;
        }
    }
    ks_log_reader_free(reader);
    if (sim_is_ordered(world)) {
        compare(world, "the output", &last);
    }
    if (world->plan.kind == SIM_TABLE && !world->plan.is_cached) {
        check_all_passed(world, seen);
    }
    free(seen);
}

/* ---- stores ---------------------------------------------------------------------------------- */

static void read_store(sim_world *world, ksi_store_query *query, findings *found)
{
    const ksi_row_range all = {0};
    ksi_query_iterator *iterator = ksi_query_iterator_open(query, &all);
    ksi_row row = {0};
    ks_error error = {0};
    bool goes_on = true;
    while (ksi_query_iterator_next(iterator, &row, &goes_on, &error) == KS_OK && goes_on) {
        int key = 0;
        int64_t value = 0;
        if (!read_pair(world, "a store", row.key, row.value, &key, &value)) {
            break;
        }
        if (found->value[key] >= 0) {
            sim_complain(world, "two partitions of the store have key k%d", key);
        }
        found->value[key] = value;
    }
    if (error.code != KS_OK) {
        sim_complain(world, "a store does not read: %s", error.message);
    }
    ksi_query_iterator_close(iterator);
}

static findings read_stores(sim_world *world)
{
    findings found = nothing();
    for (int32_t partition = 0; partition < world->plan.partitions; partition++) {
        int owners = 0;
        for (int i = 0; i < SIM_MOST_INSTANCES; i++) {
            ks_app *app = world->instances[i].app;
            ksi_store_query *query =
                app != NULL ? ksi_app_store_query(app, SIM_STORE, partition, NULL) : NULL;
            if (query != NULL) {
                owners++;
                read_store(world, query, &found);
                ksi_store_query_release(query);
            }
        }
        if (owners != 1) {
            sim_complain(world, "partition %d of the store is with %d instances", (int)partition,
                         owners);
        }
    }
    return found;
}

/* What a topic says when it is read from its beginning, each key from one partition. */
static findings read_topic(sim_world *world, const char *topic)
{
    findings found = nothing();
    ks_log_record record;
    ks_log_reader *reader = ks_log_reader_open(world->log, topic, NULL);
    if (reader == NULL) {
        sim_complain(world, "there is no topic %s", topic);
        return found;
    }
    while (ks_log_reader_next(reader, &record)) {
        int key = 0;
        int64_t value = 0;
        if (!read_pair(world, topic, record.key, record.value, &key, &value)) {
            break;
        }
        found.value[key] = value;
    }
    ks_log_reader_free(reader);
    return found;
}

/* Whatever happened, a global table is what its topic says, in every instance. */
static void check_global_tables(sim_world *world)
{
    findings want = read_topic(world, SIM_OUTPUT);
    for (int i = 0; i < SIM_MOST_INSTANCES; i++) {
        ks_app *app = world->instances[i].app;
        ksi_store_query *query = app != NULL ? ksi_app_store_query(app, SIM_GLOBAL, 0, NULL) : NULL;
        if (query == NULL) {
            continue;
        }
        findings found = nothing();
        read_store(world, query, &found);
        ksi_store_query_release(query);
        for (int key = 0; key < SIM_MOST_KEYS; key++) {
            if (found.value[key] != want.value[key]) {
                sim_complain(world,
                             "key k%d is %" PRId64 " in the global table of %s and %" PRId64
                             " in its topic",
                             key, found.value[key], world->instances[i].name, want.value[key]);
            }
        }
    }
}

void sim_check_state(sim_world *world)
{
    findings rows = read_stores(world);
    findings logged = read_topic(
        world, world->plan.reuses_input ? SIM_INPUT : SIM_APPLICATION "-" SIM_STORE "-changelog");
    if (world->plan.has_global) {
        check_global_tables(world);
    }
    if (!sim_is_ordered(world)) {
        return;
    }
    compare(world, "the store", &rows);
    for (int i = 0; i < SIM_MOST_KEYS; i++) {
        if (rows.value[i] != logged.value[i]) {
            sim_complain(world,
                         "key k%d is %" PRId64 " in the store and %" PRId64 " in the changelog", i,
                         rows.value[i], logged.value[i]);
        }
    }
}

/* ---- offsets --------------------------------------------------------------------------------- */

typedef struct inputs_look {
    sim_world *world;
    int64_t behind;      /* records that are not committed */
    int64_t repartition; /* records that were ever in a repartition topic */
} inputs_look;

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text);
    return length >= strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

static void look_at_partition(inputs_look *look, ksi_topic_partition at, bool is_repartition)
{
    ksi_transport *transport = look->world->transport;
    ks_error error = {0};
    ks_arena arena;
    int64_t begin = 0;
    int64_t end = 0;
    ksi_group_offset offset = {.partition = at};
    ksi_arena_init(&arena, 0);
    if (transport->class->offsets(transport, at, &begin, &end, &error) != KS_OK ||
        transport->class->committed(transport, SIM_APPLICATION, &offset, 1, &arena, &error) !=
            KS_OK) {
        sim_complain(look->world, "offsets do not read: %s", error.message);
    }
    int64_t done = offset.offset > 0 ? offset.offset : 0;
    look->behind += end - done;
    look->repartition += is_repartition ? end : 0;
    if (done > end) {
        sim_complain(look->world, "%s-%d was committed up to %" PRId64 " and ends at %" PRId64,
                     at.topic, (int)at.partition, done, end);
    }
    ksi_arena_destroy(&arena);
}

static void look_at_topic(void *user, const char *topic)
{
    inputs_look *look = user;
    ksi_transport *transport = look->world->transport;
    bool is_repartition = ends_with(topic, "-repartition");
    bool is_foreign = ends_with(topic, "-topic"); /* what a foreign-key join asks and answers */
    if (!is_repartition && !is_foreign && strcmp(topic, SIM_INPUT) != 0) {
        return;
    }
    int32_t partitions = 0;
    if (transport->class->partition_count(transport, topic, &partitions, NULL) != KS_OK) {
        sim_complain(look->world, "%s: its partitions are not known", topic);
    }
    for (int32_t p = 0; p < partitions; p++) {
        look_at_partition(look, (ksi_topic_partition){.topic = topic, .partition = p},
                          is_repartition);
    }
}

/* Whether every task runs in some instance, and everybody has what it shall have. */
static bool all_run(const sim_world *world)
{
    size_t running = 0;
    size_t wanted = 0;
    for (int i = 0; i < SIM_MOST_INSTANCES; i++) {
        const ks_app *app = world->instances[i].app;
        if (app == NULL) {
            continue;
        }
        if (ks_app_state_of(app) != KS_APP_RUNNING) {
            return false;
        }
        uint64_t ends = 0;
        if (app->global != NULL &&
            !ksi_progress_is_caught_up(ksi_global_thread_progress(app->global), world->transport,
                                       &ends)) {
            return false;
        }
        wanted = app->assignment.task_count;
        for (size_t t = 0; t < app->task_count; t++) {
            const ksi_task_handle *task = app->tasks[t];
            running += task->place == KSI_AT_THREAD && task->is_running && !task->is_leaving;
        }
    }
    return wanted > 0 && running == wanted;
}

bool sim_is_caught_up(sim_world *world)
{
    inputs_look look = {.world = world};
    if (world->transport->class->each_topic(world->transport, look_at_topic, &look, NULL) !=
        KS_OK) {
        return false;
    }
    if (look.behind > 0) {
        return false;
    }
    if (!all_run(world)) {
        return false;
    }
    int64_t inputs = (int64_t)world->input_count;
    if (world->plan.kind == SIM_REPARTITION &&
        (sim_is_strict(world) ? look.repartition != inputs : look.repartition < inputs)) {
        sim_complain(
            world, "%" PRId64 " records went through the repartition topic, of %" PRId64 " inputs",
            look.repartition, inputs);
    }
    return true;
}
