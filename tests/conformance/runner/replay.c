/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay.c - see replay.h.
 *
 * The test driver and an application share all code above the log, but not how records get there
 * and back: consumers and producers, internal topics, commits. So the same steps are sent to real
 * topics, and what is in sinks, repartition topics, changelogs and dead letters afterwards must be
 * what was recorded. The next record is sent only when the one before is processed and committed:
 * two that wait at once would be taken by their timestamps and by chance, and nothing would be
 * recorded for that order.
 *
 * What an application decides by itself is left out: when it commits (which a record cache shows),
 * what time it is, when the global thread has read its topic. So are runs that end in an error.
 *
 * Each scenario has an application.id of its own, because a cluster remembers groups; what is read
 * is compared under the name `app`, which all recorded ones have.
 */
#include "replay.h"

#include "build.h"
#include "compare.h"
#include "files.h"
#include "outcome.h"
#include "steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <kstreams/app.h>
#include <kstreams/log.h>

enum { APPLICATION_SIZE = 64, NAME_SIZE = 512, PATIENCE_MS = 60000 };

static const char recorded_prefix[] = "app-";
static const char recorded_prefix_in_hex[] = "6170702d"; /* as buffers have it in their records */

/* A scenario on a log, and all it owns. */
typedef struct cf_replay {
    cf_scenario *scenario;
    const char *servers;
    char application[APPLICATION_SIZE];
    ks_log *log;
    char *state_dir;
    ks_config *config;
    ks_builder *builder;
    ks_topology *topology;
    ks_app *app;
    json_t *produced; /* what was found */
} cf_replay;

/* ---- what may differ ------------------------------------------------------------------------- */

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static const char *step_difference(const cf_scenario *scenario)
{
    const json_t *steps = json_object_get(scenario->root, "steps");
    const json_t *produced = json_object_get(json_object_get(scenario->root, "expect"), "produced");
    if (json_array_size(steps) == 0) {
        return "it sends nothing";
    }
    for (size_t i = 0; i < json_array_size(steps); i++) {
        const json_t *step = json_array_get(steps, i);
        const char *topic = json_string_value(json_object_get(step, "pipe"));
        if (topic == NULL) {
            return "an application goes by the clock of the machine";
        }
        if (json_integer_value(json_object_get(step, "ts")) < 0) {
            return "a log takes no negative timestamp";
        }
        if (json_object_get(produced, topic) != NULL || starts_with(topic, recorded_prefix)) {
            return "what was sent to a topic is not told from what the application wrote there";
        }
    }
    return NULL;
}

/* librdkafka takes the timestamp 0 for "now", so a cluster is sent 1 instead. */
static bool has_timestamp_zero(const json_t *records)
{
    bool found = false;
    for (size_t i = 0; i < json_array_size(records) && !found; i++) {
        const json_t *timestamp = json_object_get(json_array_get(records, i), "ts");
        found = json_is_integer(timestamp) && json_integer_value(timestamp) == 0;
    }
    return found;
}

static const char *cluster_difference(const cf_scenario *scenario)
{
    const json_t *produced = json_object_get(json_object_get(scenario->root, "expect"), "produced");
    bool found = has_timestamp_zero(json_object_get(scenario->root, "steps"));
    const char *topic;
    json_t *records;
    json_object_foreach((json_t *)(uintptr_t)produced, topic, records)
    {
        found = found || has_timestamp_zero(records);
    }
    return found ? "librdkafka cannot send the timestamp 0" : NULL;
}

static bool reads(const cf_scenario *scenario, const char *topic)
{
    const json_t *nodes = json_object_get(scenario->root, "topology");
    bool found = false;
    for (size_t i = 0; i < json_array_size(nodes) && !found; i++) {
        const json_t *node = json_array_get(nodes, i);
        const char *op = json_string_value(json_object_get(node, "op"));
        const char *one = json_string_value(json_object_get(node, "topic"));
        const json_t *many = json_object_get(node, "topics");
        found = one != NULL && strcmp(one, topic) == 0 && op != NULL && strcmp(op, "to") != 0 &&
                strcmp(op, "addSink") != 0;
        for (size_t t = 0; t < json_array_size(many) && !found; t++) {
            const char *source = json_string_value(json_array_get(many, t));
            found = source != NULL && strcmp(source, topic) == 0;
        }
    }
    return found;
}

/* An inner topic whose records wait for their turn. A foreign-key join has two, but answers come
 * one by one to what was registered, so its registrations count for both. */
static bool waits(const char *topic)
{
    return strstr(topic, "-repartition") != NULL ||
           strstr(topic, "-SUBSCRIPTION-REGISTRATION-") != NULL ||
           strstr(topic, "-subscription-registration-") != NULL;
}

/* By what it produced, as the driver ordered it. */
static const char *topic_difference(const cf_scenario *scenario)
{
    const json_t *produced = json_object_get(json_object_get(scenario->root, "expect"), "produced");
    size_t inner = 0;
    const char *topic;
    json_t *records;
    json_object_foreach((json_t *)(uintptr_t)produced, topic, records)
    {
        char *text = json_dumps(records, JSON_COMPACT);
        bool names_itself = text != NULL && (strstr(text, recorded_prefix) != NULL ||
                                             strstr(text, recorded_prefix_in_hex) != NULL);
        free(text);
        if (names_itself || (starts_with(topic, recorded_prefix) && reads(scenario, topic))) {
            return "its application.id is in its topology or its records";
        }
        if (topic[0] == '\0') {
            return "no log has a topic without a name";
        }
        inner += waits(topic) || reads(scenario, topic);
    }
    return inner > 1 ? "the tasks behind several topics of its own take turns as they like" : NULL;
}

static bool repartitions(const cf_scenario *scenario)
{
    const json_t *produced = json_object_get(json_object_get(scenario->root, "expect"), "produced");
    const char *topic;
    json_t *records;
    json_object_foreach((json_t *)(uintptr_t)produced, topic, records)
    {
        if (strstr(topic, "-repartition") != NULL) {
            return true;
        }
    }
    return false;
}

static const char *node_difference(const cf_scenario *scenario)
{
    const json_t *nodes = json_object_get(scenario->root, "topology");
    for (size_t i = 0; i < json_array_size(nodes); i++) {
        const json_t *node = json_array_get(nodes, i);
        const char *op = json_string_value(json_object_get(node, "op"));
        const char *timestamp = json_string_value(json_object_get(node, "timestamp"));
        const char *processor =
            json_string_value(json_array_get(json_object_get(node, "processor"), 0));
        if (op != NULL && (strcmp(op, "globalTable") == 0 || strcmp(op, "addGlobalStore") == 0)) {
            return "the global thread reads its topic when it likes";
        }
        if (json_object_get(node, "partitions") != NULL) {
            return "the driver's topics have one partition";
        }
        if (processor != NULL && strcmp(processor, "punctuateStream") == 0 &&
            repartitions(scenario)) {
            return "whether a task is there before its first record shows in its punctuations";
        }
        if ((timestamp != NULL && strcmp(timestamp, "wallclock") == 0) ||
            (processor != NULL && strcmp(processor, "punctuateWall") == 0)) {
            return "an application goes by the clock of the machine";
        }
    }
    return NULL;
}

static bool has_stores(const json_t *expect)
{
    const char *topic;
    json_t *records;
    json_object_foreach(json_object_get(expect, "produced"), topic, records)
    {
        if (strstr(topic, "-changelog") != NULL) {
            return true;
        }
    }
    return json_object_size(json_object_get(expect, "stores")) > 0;
}

const char *replay_difference_expected(const cf_scenario *scenario, const char *servers)
{
    const json_t *config = json_object_get(scenario->root, "config");
    const json_t *expect = json_object_get(scenario->root, "expect");
    const char *cache = json_string_value(json_object_get(config, "statestore.cache.max.bytes"));
    const char *extractor =
        json_string_value(json_object_get(config, "default.timestamp.extractor"));

    if (!json_is_null(json_object_get(expect, "error"))) {
        return "it ends in an error";
    }
    if ((cache == NULL || strcmp(cache, "0") != 0) && has_stores(expect)) {
        return "a record cache shows when an application commits";
    }
    if (extractor != NULL && strcmp(extractor, "wallclock") == 0) {
        return "an application goes by the clock of the machine";
    }
    if (json_object_get(config, "max.task.idle.ms") != NULL) {
        return "how long an application waits for records goes by the clock of the machine";
    }
    const char *why = step_difference(scenario);
    why = why != NULL ? why : topic_difference(scenario);
    why = why != NULL ? why : node_difference(scenario);
    return why != NULL || starts_with(servers, "embedded:") ? why : cluster_difference(scenario);
}

/* ---- running --------------------------------------------------------------------------------- */

static bool is_sound(const cf_replay *replay)
{
    return !problem_is_set(&replay->scenario->problem);
}

static void note(cf_replay *replay, ks_status status, const char *what, const ks_error *error)
{
    if (status != KS_OK) {
        problem_set(&replay->scenario->problem, "%s: %s: %s", what, error->where, error->message);
    }
}

/* The scenarios' timestamps are long past: nothing may be deleted for its age. */
static void create_topic(cf_replay *replay, const char *topic)
{
    ks_error error = {0};
    const ks_topic_config keeps = {.name = "retention.ms", .value = "-1"};
    ks_status status = ks_log_create_configured_topic(replay->log, topic, 1, &keeps, 1, &error);

    note(replay, status, "creating a topic", &error);
}

static void create_topics(cf_replay *replay)
{
    const json_t *expect = json_object_get(replay->scenario->root, "expect");
    const json_t *steps = json_object_get(replay->scenario->root, "steps");
    const char *topic;
    json_t *value;

    json_object_foreach(json_object_get(replay->scenario->root, "topics"), topic, value)
    {
        create_topic(replay, topic);
    }
    for (size_t i = 0; i < json_array_size(steps); i++) {
        create_topic(replay, json_string_value(json_object_get(json_array_get(steps, i), "pipe")));
    }
    json_object_foreach(json_object_get(expect, "produced"), topic, value)
    {
        if (!starts_with(topic, recorded_prefix)) {
            create_topic(replay, topic);
        }
    }
}

static void configure(cf_replay *replay, ks_error *error)
{
    const char *const properties[][2] = {
        {"application.id", replay->application},
        {"bootstrap.servers", replay->servers},
        {"commit.interval.ms", "10"},
        {"repartition.purge.interval.ms", "3600000"},
    };
    replay->config = build_config(replay->scenario, replay->state_dir, error);
    ks_status status = replay->config != NULL ? KS_OK : error->code;
    for (size_t i = 0; i < sizeof properties / sizeof properties[0] && status == KS_OK; i++) {
        status = ks_config_set(replay->config, properties[i][0], properties[i][1], error);
    }
    note(replay, status, "properties", error);
}

static void start(cf_replay *replay)
{
    ks_error error = {0};
    ks_status status = KS_OK;

    configure(replay, &error);
    if (is_sound(replay)) {
        replay->builder = ks_builder_new(replay->config);
        replay->topology = build_topology(replay->scenario, replay->builder, &error);
        status = replay->topology != NULL ? KS_OK : error.code;
    }
    if (replay->topology != NULL) {
        replay->app = ks_app_new(replay->topology, replay->config,
                                 KS_APP_OPTIONS(.log = replay->log), &error);
        status = replay->app != NULL ? ks_app_start(replay->app, &error) : error.code;
    }
    note(replay, status, "starting", &error);
}

static void wait_until_caught_up(cf_replay *replay, const char *what)
{
    ks_error error = {0};

    note(replay, ks_app_wait_until_caught_up(replay->app, PATIENCE_MS, &error), what, &error);
}

static void do_steps(cf_replay *replay, cf_steps steps)
{
    wait_until_caught_up(replay, "before the first step");
    for (size_t i = 0; i < steps.count && is_sound(replay); i++) {
        char what[32];
        ks_error error = {0};
        snprintf(what, sizeof what, "steps[%zu]", i);
        note(replay, ks_log_produce(replay->log, steps.all[i].topic, &steps.all[i].record, &error),
             what, &error);
        if (is_sound(replay)) {
            wait_until_caught_up(replay, what);
        }
    }
    ks_error error = {0};
    ks_status status = ks_app_close(replay->app, PATIENCE_MS, &error);
    if (is_sound(replay)) {
        note(replay, status, "closing", &error);
    }
}

/* ---- what it left ---------------------------------------------------------------------------- */

/* A topic of the application under the name that the recorded one has; NULL: none of this run's. */
static const char *recorded_name(const cf_replay *replay, const char *topic, char *name)
{
    size_t size = strlen(replay->application);

    if (strncmp(topic, replay->application, size) == 0 && topic[size] == '-') {
        snprintf(name, NAME_SIZE, "%s%s", recorded_prefix, topic + size + 1);
        return name;
    }
    const json_t *root = replay->scenario->root;
    bool own = json_object_get(json_object_get(root, "topics"), topic) != NULL ||
               json_object_get(json_object_get(json_object_get(root, "expect"), "produced"),
                               topic) != NULL;
    return own ? topic : NULL;
}

static bool is_input(const cf_replay *replay, const char *topic)
{
    const json_t *steps = json_object_get(replay->scenario->root, "steps");
    bool found = false;
    for (size_t i = 0; i < json_array_size(steps) && !found; i++) {
        const char *pipe = json_string_value(json_object_get(json_array_get(steps, i), "pipe"));
        found = pipe != NULL && strcmp(pipe, topic) == 0;
    }
    return found;
}

static void read_topic(const char *topic, int32_t partitions, void *user)
{
    cf_replay *replay = user;
    char name[NAME_SIZE];
    ks_error error = {0};
    ks_log_record record;
    const char *known = recorded_name(replay, topic, name);

    (void)partitions;
    if (known == NULL || is_input(replay, topic)) {
        return;
    }
    ks_log_reader *reader = ks_log_reader_open(replay->log, topic, &error);
    json_t *list = json_array();
    while (reader != NULL && ks_log_reader_next_to_end(reader, &record)) {
        json_array_append_new(list, outcome_record(replay->scenario->arena, &record));
    }
    ks_status status = reader != NULL ? ks_log_reader_status(reader, &error) : error.code;
    note(replay, status, "reading", &error);
    ks_log_reader_free(reader);
    if (json_array_size(list) > 0) {
        json_object_set(replay->produced, known, list);
    }
    json_decref(list);
}

static void read_topics(cf_replay *replay)
{
    ks_error error = {0};

    replay->produced = json_object();
    note(replay, ks_log_each_topic(replay->log, read_topic, replay, &error), "topics", &error);
}

static void delete_topic(const char *topic, int32_t partitions, void *user)
{
    cf_replay *replay = user;
    char name[NAME_SIZE];
    ks_error error = {0};

    (void)partitions;
    if (recorded_name(replay, topic, name) != NULL) {
        note(replay, ks_log_delete_topic(replay->log, topic, &error), "deleting", &error);
    }
}

static void clean_up(cf_replay *replay)
{
    ks_error error = {0};

    ks_app_free(replay->app);
    ks_topology_free(replay->topology);
    ks_builder_free(replay->builder);
    ks_config_free(replay->config);
    if (replay->log != NULL) {
        note(replay, ks_log_each_topic(replay->log, delete_topic, replay, &error), "topics",
             &error);
        note(replay, ks_log_delete_group(replay->log, replay->application, &error), "the group",
             &error);
    }
    ks_log_free(replay->log);
    folder_remove(replay->state_dir);
}

/* ---- comparing ------------------------------------------------------------------------------- */

/* A record that the driver gave no timestamp has got one from the log: the time of its writing. */
static void leave_out_times_of_the_log(const json_t *produced, json_t *found)
{
    const char *topic;
    json_t *records;
    json_object_foreach((json_t *)(uintptr_t)produced, topic, records)
    {
        json_t *own = json_object_get(found, topic);
        for (size_t i = 0; i < json_array_size(records) && i < json_array_size(own); i++) {
            json_t *record = json_array_get(own, i);
            if (json_is_null(json_object_get(json_array_get(records, i), "ts")) &&
                json_is_integer(json_object_get(record, "ts"))) {
                json_object_set_new(record, "ts", json_null());
            }
        }
    }
}

static bool agrees(const cf_replay *replay, char *difference, size_t size)
{
    const json_t *expect = json_object_get(replay->scenario->root, "expect");
    json_t *want =
        json_pack("{s:n, s:O}", "error", "produced", json_object_get(expect, "produced"));
    json_t *got = json_pack("{s:n, s:O}", "error", "produced", replay->produced);
    leave_out_times_of_the_log(json_object_get(expect, "produced"), replay->produced);
    bool same = outcomes_are_equal(want, got, difference, size);

    json_decref(want);
    json_decref(got);
    return same;
}

bool replay_agrees(cf_scenario *scenario, const char *servers, char *difference, size_t size)
{
    static unsigned runs;
    ks_error error = {0};
    cf_replay replay = {.scenario = scenario, .servers = servers};
    cf_steps steps = steps_read(scenario);

    snprintf(replay.application, sizeof replay.application, "conformance-%ld-%u", (long)getpid(),
             ++runs);
    replay.log = ks_log_open(servers, &error);
    note(&replay, replay.log != NULL ? KS_OK : error.code, "the log", &error);
    replay.state_dir = folder_make_temporary();
    if (replay.state_dir == NULL) {
        problem_set(&scenario->problem, "cannot make a temporary folder; set TMPDIR to one where "
                                        "folders can be made");
    }
    if (is_sound(&replay)) {
        create_topics(&replay);
    }
    if (is_sound(&replay)) {
        start(&replay);
    }
    if (is_sound(&replay)) {
        do_steps(&replay, steps);
    }
    if (is_sound(&replay)) {
        read_topics(&replay);
    }
    bool same = is_sound(&replay) && agrees(&replay, difference, size);
    clean_up(&replay);
    if (!is_sound(&replay)) {
        snprintf(difference, size, "%s", scenario->problem.text);
        same = false;
    }
    json_decref(replay.produced);
    return same;
}
