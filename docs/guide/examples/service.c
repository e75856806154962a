/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service.c - the guide's topology as a service: service FILE [NAME=VALUE]...
 *
 * Properties come from a file, and what the command line says wins. It runs until a signal, and
 * ends with status 0 after a clean close.
 */
#include <stdio.h>
#include <stdlib.h>

#include "thermometers.h"

static ks_status configure(ks_config *config, int argc, char **argv, ks_error *error)
{
    if (argc < 2) {
        return ks_error_set(error, KS_E_ARGUMENT, NULL, "usage: service FILE [NAME=VALUE]...");
    }
    ks_status status = ks_config_load(config, argv[1], error);
    for (int i = 2; i < argc && status == KS_OK; i++) {
        char *equals = strchr(argv[i], '=');
        if (equals == NULL) {
            return ks_error_set(error, KS_E_ARGUMENT, argv[i], "a property is NAME=VALUE");
        }
        *equals = '\0';
        status = ks_config_set(config, argv[i], equals + 1, error);
    }
    return status;
}

static void print_line(ks_log_level level, const char *where, const char *message, void *user)
{
    static const char *const words[] = {"debug", "info", "warning", "error"};

    (void)user;
    if (level >= KS_LOG_LEVEL_INFO) {
        fprintf(stderr, "%s: %s: %s\n", words[level], where, message);
    }
}

static void print_state(ks_app_state from, ks_app_state to, void *user)
{
    (void)user;
    fprintf(stderr, "state: %s -> %s\n", ks_app_state_name(from), ks_app_state_name(to));
}

int main(int argc, char **argv)
{
    ks_error error = {0};
    ks_config *config = ks_config_new();
    ks_builder *builder = NULL;
    ks_topology *topology = NULL;
    ks_app *app = NULL;

    if (configure(config, argc, argv, &error) == KS_OK) {
        builder = ks_builder_new(config);
        thermometers_topology(builder);
        topology = ks_builder_build(builder, &error);
    }
    if (topology != NULL) {
        app = ks_app_new(topology, config,
                         KS_APP_OPTIONS(.log_line = print_line, .state_listener = print_state),
                         &error);
    }
    /* until SIGINT, SIGTERM or a failure */
    ks_status status = app != NULL ? ks_app_run(app, &error) : error.code;
    if (status != KS_OK) {
        ks_error_print("service", &error);
    }
    ks_app_free(app);
    ks_topology_free(topology);
    ks_builder_free(builder);
    ks_config_free(config);
    return status == KS_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
