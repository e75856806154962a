/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command_line.c - the options every application has.
 *
 * Written out rather than left to getopt_long(): that one accepts abbreviations, which turn into
 * errors the day an option is added, and its messages cannot say what to do next. Properties are
 * checked where they stand on the command line, so that a message is about the argument the user
 * just typed.
 *
 * Thread rule: the main thread, before anything else runs.
 */
#include "common/command_line.h"

#include <stdio.h>
#include <stdlib.h>

#include <kstreams/kstreams.h>

#include "common/load.h"
#include "common/scratch.h"

/* What state.dir is until the user names one, or all arguments are read. */
static const char no_state_dir[] = "(not given)";

static const char embedded[] = "embedded:";

typedef enum option_id {
    OPTION_UNKNOWN,
    OPTION_HELP,
    OPTION_VERSION,
    OPTION_INPUT,
    OPTION_GENERATE,
    OPTION_LOG,
    OPTION_CONFIG,
    OPTION_PROPERTY
} option_id;

typedef struct option {
    option_id id;
    const char *name;
    bool takes_value;
} option;

static const option options[] = {
    {OPTION_HELP, "--help", false},           {OPTION_HELP, "-h", false},
    {OPTION_VERSION, "--version", false},     {OPTION_INPUT, "--input", true},
    {OPTION_CONFIG, "--config", true},        {OPTION_PROPERTY, "-D", true},
    {OPTION_LOG, "--bootstrap-server", true}, {OPTION_GENERATE, "--generate", true},
};

static void print_help(const app_about *about)
{
    printf("Usage: %s --input FILE [--bootstrap-server LOG] [--config FILE] [-D NAME=VALUE]...\n\n",
           about->name);
    printf("%s\n\n", about->summary);
    printf("  --input FILE     %s; - is standard input\n", about->input_help);
    if (about->generates != NULL) {
        printf("  --generate N     %s, instead of an input\n", about->generates);
    }
    printf("  --bootstrap-server LOG\n"
           "                   embedded:DIR keeps topics in DIR and local state in DIR-state;\n"
           "                   HOST:PORT,... is a Kafka cluster. The next run goes on where this\n"
           "                   one ended, and needs no --input. Without it topics are in memory,\n"
           "                   and end with the program\n");
    printf("  --config FILE    properties under Kafka's names, one NAME=VALUE a line\n");
    printf("  -D NAME=VALUE    sets one property; may be repeated, and a later one wins\n");
    printf("  --help, -h       prints this\n");
    printf("  --version        prints the version of the library\n\n");
    printf("Example: %s\n\n", about->example);
    printf("Exit status: 0 done, 1 failed, 2 wrong arguments, 128 + N stopped by signal N.\n");
}

static int usage_error(const app_about *about, const char *problem, const char *argument)
{
    fprintf(stderr, "%s: %s%s\nTry '%s --help'.\n", about->name, problem, argument, about->name);
    return APP_EXIT_USAGE;
}

/* The options are few enough to be named all: the one that was meant is among them. */
static int unknown_argument(const app_about *about, const char *argument)
{
    if (argument[0] == '-') {
        fprintf(stderr,
                "%s: unknown option %s; there are --input FILE, %s--bootstrap-server LOG, "
                "--config FILE, -D NAME=VALUE, --help, --version\n",
                about->name, argument, about->generates != NULL ? "--generate N, " : "");
    } else {
        fprintf(stderr, "%s: unexpected argument %s; a file to read is given as --input %s\n",
                about->name, argument, argument);
    }
    return APP_EXIT_USAGE;
}

int app_report(const app_about *about, const ks_error *error)
{
    ks_error_print(about->name, error);
    return EXIT_FAILURE;
}

/*
 * Which option `argument` is. `*value` is what follows in the same word (--input=FILE,
 * -DNAME=VALUE), or NULL.
 */
static const option *find_option(const char *argument, const char **value)
{
    *value = NULL;
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        const char *name = options[i].name;
        size_t length = strlen(name);
        if (strncmp(argument, name, length) != 0) {
            continue;
        }
        if (argument[length] == '\0') {
            return &options[i];
        }
        if (options[i].takes_value && options[i].id == OPTION_PROPERTY) {
            *value = argument + length;
            return &options[i];
        }
        if (options[i].takes_value && argument[length] == '=') {
            *value = argument + length + 1;
            return &options[i];
        }
    }
    return NULL;
}

static int set(const app_about *about, ks_config *config, const char *name, const char *value)
{
    ks_error error = {0};

    if (ks_config_set(config, name, value, &error) != KS_OK) {
        (void)app_report(about, &error);
        return APP_EXIT_USAGE;
    }
    return EXIT_SUCCESS;
}

/* Sets a property from NAME=VALUE. */
static int set_property(const app_about *about, ks_config *config, const char *assignment)
{
    const char *equals = strchr(assignment, '=');
    char name[256];

    if (equals == NULL || equals == assignment || (size_t)(equals - assignment) >= sizeof name) {
        return usage_error(about, "-D takes NAME=VALUE, such as -D commit.interval.ms=100, not ",
                           assignment);
    }
    memcpy(name, assignment, (size_t)(equals - assignment));
    name[equals - assignment] = '\0';
    return set(about, config, name, equals + 1);
}

static int set_generated(const app_about *about, const char *value, app_arguments *arguments)
{
    enum { MOST = 1000 * 1000 * 1000 }; /* their times, which end now, must not begin before 1970 */
    int64_t count = 0;

    if (!app_number_of(ks_slice_cstr(value), &count) || count == 0 || count > MOST) {
        return usage_error(about,
                           "--generate takes how many records to make up, such as 10000 and at "
                           "most a thousand million, not ",
                           value);
    }
    arguments->generated = (uint64_t)count;
    return EXIT_SUCCESS;
}

static int apply_option(const app_about *about, option_id id, const char *value,
                        app_arguments *arguments)
{
    ks_error error = {0};

    switch (id) {
    case OPTION_INPUT:
        if (arguments->input != NULL) {
            return usage_error(about, "--input is given twice, the second time as ", value);
        }
        arguments->input = value;
        return EXIT_SUCCESS;
    case OPTION_GENERATE:
        return about->generates != NULL ? set_generated(about, value, arguments)
                                        : unknown_argument(about, "--generate");
    case OPTION_LOG:
        return set(about, arguments->config, "bootstrap.servers", value);
    case OPTION_CONFIG:
        if (ks_config_load(arguments->config, value, &error) != KS_OK) {
            (void)app_report(about, &error);
            return APP_EXIT_USAGE;
        }
        return EXIT_SUCCESS;
    case OPTION_PROPERTY:
        return set_property(about, arguments->config, value);
    default:
        return EXIT_FAILURE;
    }
}

/* What an application has before the user says anything. */
static int set_defaults(const app_about *about, ks_config *config)
{
    ks_error error = {0};

    if (ks_config_set(config, "application.id", about->name, &error) != KS_OK ||
        ks_config_set(config, "bootstrap.servers", embedded, &error) != KS_OK ||
        ks_config_set(config, "state.dir", no_state_dir, &error) != KS_OK) {
        return app_report(about, &error);
    }
    return EXIT_SUCCESS;
}

/* Reads the arguments one by one. `*done` when --help or --version was answered. */
static int read_all(const app_about *about, int argc, char **argv, app_arguments *arguments,
                    bool *done)
{
    int status = set_defaults(about, arguments->config);

    for (int i = 1; i < argc && status == EXIT_SUCCESS; i++) {
        const char *value;
        const option *found = find_option(argv[i], &value);
        if (found == NULL) {
            return unknown_argument(about, argv[i]);
        }
        if (!found->takes_value) {
            if (found->id == OPTION_HELP) {
                print_help(about);
            } else {
                printf("%s %s\n", about->name, ks_library_version());
            }
            *done = true;
            return EXIT_SUCCESS;
        }
        if (value == NULL) {
            if (i + 1 == argc) {
                return usage_error(about, "a value is missing after ", argv[i]);
            }
            value = argv[++i];
        }
        status = apply_option(about, found->id, value, arguments);
    }
    return status;
}

/* The directory of the log, empty when it is in memory; NULL for a cluster. */
static const char *log_directory(const app_arguments *arguments)
{
    const char *log = ks_config_get(arguments->config, "bootstrap.servers");
    size_t size = sizeof embedded - 1;
    return strncmp(log, embedded, size) == 0 ? log + size : NULL;
}

static bool is_durable(const app_arguments *arguments)
{
    const char *directory = log_directory(arguments);
    return directory == NULL || directory[0] != '\0';
}

/* Beside the log, so that both stay or go together. */
static int use_state_beside(const app_about *about, app_arguments *arguments, const char *directory)
{
    size_t size = strlen(directory);
    char *path = malloc(size + sizeof "-state");
    int status = APP_EXIT_USAGE;

    while (size > 1 && directory[size - 1] == '/') {
        size--;
    }
    if (path != NULL) {
        (void)snprintf(path, size + sizeof "-state", "%.*s-state", (int)size, directory);
        status = set(about, arguments->config, "state.dir", path);
    }
    free(path);
    return status;
}

static int use_default_state(const app_about *about, app_arguments *arguments)
{
    ks_config *defaults = ks_config_new();
    int status = set(about, arguments->config, "state.dir", ks_config_get(defaults, "state.dir"));

    ks_config_free(defaults);
    return status;
}

/*
 * Nobody named a state.dir: it stays beside a log that stays in a directory, and goes with one that
 * goes.
 */
static int choose_state(const app_about *about, app_arguments *arguments)
{
    ks_error error = {0};

    if (strcmp(ks_config_get(arguments->config, "state.dir"), no_state_dir) != 0) {
        return EXIT_SUCCESS;
    }
    if (arguments->is_durable) {
        const char *directory = log_directory(arguments);
        return directory != NULL ? use_state_beside(about, arguments, directory)
                                 : use_default_state(about, arguments);
    }
    arguments->scratch = app_scratch_make(about->name, &error);
    if (arguments->scratch == NULL ||
        ks_config_set(arguments->config, "state.dir", arguments->scratch, &error) != KS_OK) {
        return app_report(about, &error);
    }
    return EXIT_SUCCESS;
}

static int check_input(const app_about *about, const app_arguments *arguments)
{
    bool is_made_up = arguments->generated > 0;

    if (arguments->input != NULL && is_made_up) {
        return usage_error(about, "records come from --input or --generate, not both; leave out ",
                           "one of them");
    }
    if (arguments->input == NULL && !is_made_up && !arguments->is_durable) {
        return usage_error(about, "nothing to read: give --input FILE, such as\n    ",
                           about->example);
    }
    return EXIT_SUCCESS;
}

bool app_arguments_read(const app_about *about, int argc, char **argv, app_arguments *arguments,
                        int *exit_status)
{
    bool done = false;

    *arguments = (app_arguments){.config = ks_config_new()};
    *exit_status = read_all(about, argc, argv, arguments, &done);
    arguments->is_durable = is_durable(arguments);
    if (*exit_status == EXIT_SUCCESS && !done) {
        *exit_status = check_input(about, arguments);
    }
    if (*exit_status == EXIT_SUCCESS && !done) {
        *exit_status = choose_state(about, arguments);
    }
    if (*exit_status != EXIT_SUCCESS || done) {
        app_arguments_free(arguments);
        return false;
    }
    return true;
}

void app_arguments_free(app_arguments *arguments)
{
    ks_config_free(arguments->config);
    app_scratch_remove(arguments->scratch);
    *arguments = (app_arguments){0};
}
