/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill_truth.c - see kill_truth.h.
 */
#include "kill_truth.h"

#include <stdio.h>

static bool complain(char complaint[KILL_COMPLAINT], const char *what, const ks_error *error)
{
    char words[300];
    (void)snprintf(complaint, KILL_COMPLAINT, "%s: %s", what,
                   ks_error_text(error, words, sizeof words));
    return false;
}

/* ---- the application that nobody kills ------------------------------------------------------- */

static bool copy_input(ks_log *from, ks_log *to, char *complaint)
{
    ks_error error = {0};
    ks_log_record record;
    ks_log_reader *reader = ks_log_reader_open(from, KILL_INPUT, &error);
    ks_log_producer *producer = reader != NULL ? ks_log_producer_open(to, &error) : NULL;
    bool is_fine = producer != NULL;
    while (is_fine && ks_log_reader_next(reader, &record)) {
        is_fine = ks_log_producer_send(producer, KILL_INPUT, &record, &error) == KS_OK;
    }
    is_fine = is_fine && ks_log_reader_status(reader, &error) == KS_OK &&
              ks_log_producer_flush(producer, &error) == KS_OK;
    ks_log_producer_free(producer);
    ks_log_reader_free(reader);
    return is_fine || complain(complaint, "copying the input", &error);
}

static bool create_topics(ks_log *log, char *complaint)
{
    ks_error error = {0};
    bool is_fine = ks_log_create_topic(log, KILL_INPUT, KILL_PARTITIONS, &error) == KS_OK;
    for (int part = 0; is_fine && part < WINDOWED_PARTS; part++) {
        is_fine = ks_log_create_topic(log, windowed_topics[part], KILL_PARTITIONS, &error) == KS_OK;
    }
    return is_fine || complain(complaint, "creating topics", &error);
}

static bool set_properties(ks_config *config, const char *directory, ks_error *error)
{
    const char *const properties[][2] = {
        {"application.id", KILL_APPLICATION},
        {"bootstrap.servers", "embedded:"},
        {"state.dir", directory},
        {"statestore.cache.max.bytes", "0"},
        {"dsl.store.suppliers.class",
         "org.apache.kafka.streams.state.BuiltInDslStoreSuppliers$InMemoryDslStoreSuppliers"},
        {"__emit.interval.ms.kstreams.outer.join.spurious.results.fix__", "0"},
        {"__emit.interval.ms.kstreams.windowed.aggregation__", "0"},
    };
    for (size_t i = 0; i < sizeof properties / sizeof properties[0]; i++) {
        if (ks_config_set(config, properties[i][0], properties[i][1], error) != KS_OK) {
            return false;
        }
    }
    return true;
}

static bool run_to_the_end(ks_log *log, const char *directory, char *complaint)
{
    ks_error error = {0};
    ks_config *config = ks_config_new();
    ks_builder *builder = NULL;
    const ks_topology *topology = NULL;
    ks_app *app = NULL;
    bool is_fine = set_properties(config, directory, &error);
    if (is_fine) {
        builder = ks_builder_new(config);
        windowed_app_build(builder, KILL_INPUT, WINDOWED_ALL_PARTS);
        topology = ks_builder_build(builder, &error);
    }
    if (topology != NULL) {
        app = ks_app_new(topology, config, KS_APP_OPTIONS(.log = log), &error);
    }
    is_fine = app != NULL && ks_app_start(app, &error) == KS_OK &&
              ks_app_wait_until_caught_up(app, KILL_CATCH_UP_MS, &error) == KS_OK &&
              ks_app_close(app, -1, &error) == KS_OK;
    ks_app_free(app);
    ks_config_free(config); /* builder and topology live as long as the process */
    return is_fine || complain(complaint, "the application that is not killed", &error);
}

/* A truth that says nothing would be right about anything. */
static bool says_something(ks_log *truth, const char *topic, char *complaint)
{
    ks_log_record record;
    ks_log_reader *reader = ks_log_reader_open(truth, topic, NULL);
    bool is_fine = reader != NULL && ks_log_reader_next(reader, &record);
    ks_log_reader_free(reader);
    if (!is_fine) {
        (void)snprintf(complaint, KILL_COMPLAINT, "%s: nothing comes out", topic);
    }
    return is_fine;
}

bool kill_truth_judge(ks_log *log, bool exactly_once, const char *directory,
                      char complaint[KILL_COMPLAINT])
{
    ks_error error = {0};
    windowed_promise promise = exactly_once ? WINDOWED_EACH : WINDOWED_AT_LEAST;
    ks_log *truth = ks_log_open("embedded:", &error);
    if (truth == NULL) {
        return complain(complaint, "a log in memory", &error);
    }
    bool is_fine = create_topics(truth, complaint) && copy_input(log, truth, complaint) &&
                   run_to_the_end(truth, directory, complaint);
    for (int part = 0; is_fine && part < WINDOWED_PARTS; part++) {
        is_fine = says_something(truth, windowed_topics[part], complaint) &&
                  windowed_results_match(log, truth, (windowed_part)part, promise, complaint);
    }
    ks_log_free(truth);
    return is_fine;
}
