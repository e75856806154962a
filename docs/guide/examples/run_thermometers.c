/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_thermometers.c - the guide's topology in a program: an embedded log, three readings, results.
 */
#include <stdio.h>
#include <stdlib.h>

#include "thermometers.h"

static ks_status produce_reading(ks_log *log, ks_arena *arena, const char *thermometer,
                                 double celsius, ks_error *error)
{
    ks_serde_ctx where = {.topic = "readings"};
    ks_log_record record = {.key = ks_slice_cstr(thermometer), .timestamp = -1, .partition = -1};

    if (ks_serde_f64.serialize(&ks_serde_f64, &where, ks_f64(celsius), arena, &record.value,
                               error) != KS_OK) {
        return error->code;
    }
    return ks_log_produce(log, "readings", &record, error);
}

static ks_status fill_topics(ks_log *log, ks_arena *arena, ks_error *error)
{
    static const char *const topics[] = {"readings", "highest-readings", "broken-readings"};

    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
        if (ks_log_create_topic(log, topics[i], 2, error) != KS_OK) {
            return error->code;
        }
    }
    if (produce_reading(log, arena, "kitchen", 21.5, error) != KS_OK ||
        produce_reading(log, arena, "balcony", -3.0, error) != KS_OK ||
        produce_reading(log, arena, "kitchen", 850.0, error) != KS_OK) {
        return error->code;
    }
    return KS_OK;
}

static ks_status print_topic(ks_log *log, ks_arena *arena, const char *topic, ks_error *error)
{
    ks_serde_ctx where = {.topic = topic};
    ks_log_record record;
    ks_status status = KS_OK;
    ks_log_reader *reader = ks_log_reader_open(log, topic, error);

    if (reader == NULL) {
        return error->code;
    }
    while (status == KS_OK && ks_log_reader_next_to_end(reader, &record)) {
        ks_value celsius;
        status =
            ks_serde_f64.deserialize(&ks_serde_f64, &where, record.value, arena, &celsius, error);
        if (status == KS_OK) {
            printf("%s: %.*s %.1f\n", topic, KS_SLICE_ARGS(record.key), ks_value_f64(celsius));
        }
    }
    ks_log_reader_free(reader);
    return status;
}

static ks_status configure(ks_config *config, ks_error *error)
{
    static const char *const properties[][2] = {{"application.id", "thermometers"},
                                                {"bootstrap.servers", "embedded:"},
                                                {"dsl.store.suppliers.class", "in_memory"}};

    for (size_t i = 0; i < sizeof properties / sizeof properties[0]; i++) {
        if (ks_config_set(config, properties[i][0], properties[i][1], error) != KS_OK) {
            return error->code;
        }
    }
    return KS_OK;
}

static ks_status run(ks_app *app, ks_error *error)
{
    ks_status status = ks_app_start(app, error);
    if (status == KS_OK) {
        status = ks_app_wait_until_caught_up(app, 10000, error);
    }
    if (status == KS_OK) {
        status = ks_app_close(app, 10000, error);
    }
    return status;
}

int main(void)
{
    ks_error error = {0};
    ks_arena *arena = ks_arena_new();
    ks_config *config = ks_config_new();
    ks_log *log = ks_log_open("embedded:", &error);
    ks_app *app = NULL;

    ks_status configured = configure(config, &error);
    ks_builder *builder = ks_builder_new(config);
    thermometers_topology(builder);
    ks_topology *topology = ks_builder_build(builder, &error);
    if (configured == KS_OK && topology != NULL && log != NULL &&
        fill_topics(log, arena, &error) == KS_OK) {
        app = ks_app_new(topology, config, KS_APP_OPTIONS(.log = log), &error);
    }
    if (app != NULL && run(app, &error) == KS_OK &&
        print_topic(log, arena, "highest-readings", &error) == KS_OK) {
        (void)print_topic(log, arena, "broken-readings", &error);
    }
    if (error.code != KS_OK) {
        ks_error_print("thermometers", &error);
    }
    ks_app_free(app);
    ks_topology_free(topology);
    ks_builder_free(builder);
    ks_log_free(log);
    ks_config_free(config);
    ks_arena_free(arena);
    return error.code == KS_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
