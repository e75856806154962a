/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program.c - what the main() of every application does.
 *
 * Everything of Kafka Streams that an application does is here, in its order: build the topology,
 * open a log, fill the input topic, run, read the output topic. The log is in the memory of this
 * process, in a directory, or a Kafka cluster: that is one property, and nothing else here asks
 * which it is. On one that stays, a run goes on with what the one before committed and says so.
 *
 * Thread rule: the main thread.
 */
#include "common/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <kstreams/kstreams.h>

#include "common/report.h"
#include "common/run.h"
#include "common/stop.h"

/* A topic that is there keeps the partitions it has. */
static ks_status need_topic(ks_log *log, const char *topic, int32_t partitions, ks_error *error)
{
    if (ks_log_partition_count(log, topic) > 0) {
        return KS_OK;
    }
    return ks_log_create_topic(log, topic, partitions, error);
}

/* Creates the topics and fills the input. */
static ks_status fill(const app_program *program, const app_arguments *arguments, ks_log *log,
                      uint64_t *records, ks_error *error)
{
    ks_status status = need_topic(log, program->output_topic, program->partitions, error);
    for (size_t i = 0; status == KS_OK && program->input_topics[i] != NULL; i++) {
        status = need_topic(log, program->input_topics[i], program->partitions, error);
    }
    if (status != KS_OK || (arguments->input == NULL && arguments->generated == 0)) {
        return status;
    }
    return app_load(log,
                    &(app_load_options){.topic = program->input_topics[0],
                                        .parse = program->line,
                                        .path = arguments->input,
                                        .generate = program->generate,
                                        .count = arguments->generated},
                    records, error);
}

/* How far the runs before came in the input topics. */
typedef struct app_past {
    const char *const *topics;
    uint64_t processed;
} app_past;

static void add_offset(const ks_group_offset *offset, void *user)
{
    app_past *past = user;
    for (size_t i = 0; past->topics[i] != NULL; i++) {
        if (strcmp(offset->topic, past->topics[i]) == 0) {
            past->processed += (uint64_t)offset->offset;
        }
    }
}

/*
 * Internal topics get as many copies as the cluster can keep, up to three, unless a property says
 * how many.
 */
static ks_status choose_copies(ks_config *config, ks_log *log, ks_error *error)
{
    enum { COPIES = 3 };
    int32_t brokers = 0;
    char copies[16];
    if (strcmp(ks_config_get(config, "replication.factor"), "-1") != 0) {
        return KS_OK;
    }
    ks_status status = ks_log_broker_count(log, &brokers, error);
    if (status != KS_OK) {
        return status;
    }
    (void)snprintf(copies, sizeof copies, "%d", (int)(brokers < COPIES ? brokers : COPIES));
    return ks_config_set(config, "replication.factor", copies, error);
}

/* Prints what runs, where it is asked for, and whether this run continues others. */
static ks_status tell_beginning(const app_program *program, const ks_config *config,
                                const ks_topology *topology, ks_log *log, ks_error *error)
{
    app_past past = {.topics = program->input_topics};
    char number[APP_NUMBER_SIZE];
    ks_status status = ks_log_each_group_offset(log, ks_config_get(config, "application.id"),
                                                add_offset, &past, error);
    if (status == KS_OK && program->shows_topology) {
        printf("%s\n", ks_topology_describe(topology));
    }
    if (status == KS_OK && past.processed > 0) {
        printf("continues: %s records of %s were processed before this run\n\n",
               app_number(past.processed, number),
               past.topics[1] == NULL ? past.topics[0] : "the input topics");
    }
    return status;
}

static ks_log *open_log(const ks_config *config, ks_error *error)
{
    const char *sync = ks_config_get(config, "embedded.sync");
    bool sync_commits = sync != NULL && strcmp(sync, "commit") == 0;
    return ks_log_open_with(
        ks_config_get(config, "bootstrap.servers"),
        KS_LOG_OPTIONS(.sync_commits = sync_commits, .hold_within_ms = 10000, .config = config),
        error);
}

/* Runs the application over the log, under the name given, and closes it. */
static ks_status run_over(const char *name, const app_arguments *arguments,
                          const ks_topology *topology, ks_log *log, app_run *run, ks_error *error)
{
    ks_app *app = ks_app_new(topology, arguments->config, KS_APP_OPTIONS(.log = log), error);
    if (app == NULL) {
        return error->code;
    }
    ks_status status = app_run_to_the_end(app, name, run, error);
    ks_app_free(app);
    app_stop_release(); /* printing what there is may be cut short */
    return status;
}

int app_main(const app_about *about, const app_program *program, int argc, char **argv)
{
    app_arguments arguments;
    app_run run = {0};
    ks_error error = {0};
    uint64_t records = 0;
    int exit_status;

    if (!app_arguments_read(about, argc, argv, &arguments, &exit_status)) {
        return app_finish(about, exit_status);
    }
    ks_log *log = NULL;
    ks_builder *builder = ks_builder_new(arguments.config);
    program->topology(builder);
    ks_topology *topology = ks_builder_build(builder, &error);
    if (topology != NULL) {
        log = open_log(arguments.config, &error);
        app_stop_catch();
    }
    if (log != NULL && choose_copies(arguments.config, log, &error) == KS_OK &&
        fill(program, &arguments, log, &records, &error) == KS_OK &&
        tell_beginning(program, arguments.config, topology, log, &error) == KS_OK &&
        run_over(about->name, &arguments, topology, log, &run, &error) == KS_OK &&
        program->print(log, &error) == KS_OK) {
        app_print_run(records, &run, arguments.is_durable);
        exit_status = app_run_exit_status(&run);
    } else {
        exit_status = app_report(about, &error);
    }
    ks_log_free(log);
    ks_topology_free(topology);
    ks_builder_free(builder);
    app_arguments_free(&arguments);
    return app_finish(about, exit_status);
}
