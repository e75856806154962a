/* SPDX-License-Identifier: Apache-2.0 */
/*
 * describe.c - `ks describe APP`: the topology of an application, as text, as a graph, as a
 * picture.
 *
 * The applications' own topology functions are linked in, so what is described is what runs. The
 * picture is Graphviz's work: its program `dot` reads the graph from a pipe and writes SVG to our
 * standard output. posix_spawnp() tells a missing program from one that fails, which a shell would
 * blur.
 */
#include "command.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kstreams/kstreams.h>

#include "click_enrich/topology.h"
#include "stock_stats/topology.h"
#include "unknown_payment/topology.h"
#include "word_count/topology.h"

extern char **environ;

typedef struct described_app {
    const char *name;
    void (*topology)(ks_builder *builder);
} described_app;

enum { APP_COUNT = 4 };

static const described_app apps[APP_COUNT] = {
    {"word_count", word_count_topology},
    {"unknown_payment", unknown_payment_topology},
    {"stock_stats", stock_stats_topology},
    {"click_enrich", click_enrich_topology},
};

typedef int print_fn(const ks_topology *topology);

static int print_text(const ks_topology *topology)
{
    fputs(ks_topology_describe(topology), stdout);
    return EXIT_SUCCESS;
}

static int print_dot(const ks_topology *topology)
{
    fputs(ks_topology_dot(topology), stdout);
    return EXIT_SUCCESS;
}

/* Starts `dot -Tsvg` with its input on a pipe; `*input` is our end of it. Returns 0 or an errno. */
static int start_graphviz(pid_t *child, int *input)
{
    char *arguments[] = {"dot", "-Tsvg", NULL};
    posix_spawn_file_actions_t actions;
    int ends[2];

    if (pipe(ends) != 0) {
        return errno;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[1]);
    int reason = posix_spawnp(child, arguments[0], &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[0]);
    if (reason != 0) {
        close(ends[1]);
        return reason;
    }
    *input = ends[1];
    return 0;
}

static bool write_all(int file, const char *text)
{
    size_t left = strlen(text);

    while (left > 0) {
        ssize_t written = write(file, text, left);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        if (written > 0) {
            text += written;
            left -= (size_t)written;
        }
    }
    return true;
}

static int print_svg(const ks_topology *topology)
{
    pid_t child = 0;
    int input = -1;
    int status = 0;
    int reason = start_graphviz(&child, &input);

    if (reason == ENOENT) {
        fprintf(stderr, "ks: --svg needs Graphviz's program `dot`: install the package graphviz, "
                        "or use --dot\n");
        return EXIT_FAILURE;
    }
    if (reason != 0) {
        fprintf(stderr, "ks: cannot start `dot`: %s\n", strerror(reason));
        return EXIT_FAILURE;
    }
    signal(SIGPIPE, SIG_IGN); /* a `dot` that ends early is told by its exit status */
    bool written = write_all(input, ks_topology_dot(topology));
    close(input);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!written || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "ks: `dot` did not draw the graph\n");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

static const described_app *find_app(const char *name)
{
    for (size_t i = 0; i < APP_COUNT; i++) {
        if (strcmp(name, apps[i].name) == 0) {
            return &apps[i];
        }
    }
    return NULL;
}

static int unknown_app(const char *name)
{
    const char *names[APP_COUNT];

    for (size_t i = 0; i < APP_COUNT; i++) {
        names[i] = apps[i].name;
    }
    return unknown_word("application", name, names, APP_COUNT);
}

static int unknown_option(const char *option)
{
    static const char *const names[] = {"--dot", "--svg", "--help"};

    return unknown_word("option", option, names, sizeof names / sizeof names[0]);
}

static int describe_app(const described_app *app, print_fn *print)
{
    ks_error error = {0};
    int exit_status = EXIT_FAILURE;
    ks_builder *builder = ks_builder_new(NULL);

    app->topology(builder);
    ks_topology *topology = ks_builder_build(builder, &error);
    if (topology == NULL) {
        ks_error_print("ks", &error);
    } else {
        exit_status = print(topology);
    }
    ks_topology_free(topology);
    ks_builder_free(builder);
    return exit_status;
}

/* NULL for an option that is none. */
static print_fn *print_for(const char *option)
{
    if (strcmp(option, "--dot") == 0) {
        return print_dot;
    }
    return strcmp(option, "--svg") == 0 ? print_svg : NULL;
}

static int run_describe(int argc, char **argv)
{
    const described_app *app = NULL;
    print_fn *print = NULL;

    for (int i = 0; i < argc; i++) {
        if (argv[i][0] == '-') {
            print_fn *wanted = print_for(argv[i]);
            if (wanted == NULL) {
                return unknown_option(argv[i]);
            }
            if (print != NULL && print != wanted) {
                fprintf(stderr, "ks: describe prints one thing at a time: --dot or --svg\n");
                return KS_TOOL_USAGE;
            }
            print = wanted;
        } else if (app != NULL) {
            fprintf(stderr, "ks: describe takes one application, not %s and %s\n", app->name,
                    argv[i]);
            return KS_TOOL_USAGE;
        } else {
            app = find_app(argv[i]);
            if (app == NULL) {
                return unknown_app(argv[i]);
            }
        }
    }
    if (app == NULL) {
        fprintf(stderr, "ks: describe which application? `ks describe --help` lists them\n");
        return KS_TOOL_USAGE;
    }
    return describe_app(app, print != NULL ? print : print_text);
}

const command describe_command = {
    .name = "describe",
    .arguments = "APP [--dot|--svg]",
    .summary = "prints the topology of an application",
    .help = "  APP      word_count, unknown_payment, stock_stats, click_enrich\n"
            "  --dot    as a Graphviz graph\n"
            "  --svg    as a picture, drawn by Graphviz's `dot`\n\n"
            "Without an option it is the text of Java's TopologyDescription.\n",
    .run = run_describe,
};
