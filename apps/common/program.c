/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program.c - what the main() of every application does.
 *
 * Everything of Kafka Streams that an application does is here, in its order: build the topology,
 * open a log, fill the input topic, run, read the output topic. The log is the embedded one, in the
 * memory of this process.
 *
 * Thread rule: the main thread.
 */
#include "common/program.h"

#include <stdlib.h>

#include <kstreams/kstreams.h>

#include "common/report.h"
#include "common/run.h"

/* Creates the topics and fills the input. */
static ks_status fill(const app_program *program, const char *input, ks_log *log, uint64_t *records,
                      ks_error *error)
{
    ks_status status = ks_log_create_topic(log, program->input_topic, program->partitions, error);
    if (status == KS_OK) {
        status = ks_log_create_topic(log, program->output_topic, program->partitions, error);
    }
    if (status == KS_OK) {
        status = app_load(log, program->input_topic, input, program->line, records, error);
    }
    return status;
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
        log = ks_log_open(ks_config_get(arguments.config, "bootstrap.servers"), &error);
    }
    if (log != NULL && fill(program, arguments.input, log, &records, &error) == KS_OK &&
        run_over(about->name, &arguments, topology, log, &run, &error) == KS_OK &&
        program->print(log, &error) == KS_OK) {
        app_print_run(records, &run);
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
