/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - `ks`, the command line of kstreams: finds the command and runs it.
 *
 * A new command is a new file with a `const command`, declared in command.h and listed here; help
 * and error messages follow from the table.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <kstreams/kstreams.h>

#include "command.h"

enum { COMMAND_COUNT = 7 };

static const command *const commands[COMMAND_COUNT] = {
    &describe_command, &topics_command, &produce_command, &consume_command,
    &groups_command,   &reset_command,  &state_command,
};

static void print_help(void)
{
    printf("Usage: ks COMMAND [ARGUMENT]...\n\n");
    printf("The command line of kstreams, Kafka Streams for C.\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        printf("  %-12s %s\n", commands[i]->name, commands[i]->summary);
    }
    printf("  %-12s prints this; `ks COMMAND --help` tells more about a command\n", "help");
    printf("  %-12s prints the version of the library\n", "--version");
}

static void print_command_help(const command *which)
{
    printf("Usage: ks %s %s\n\n%s\n\n%s", which->name, which->arguments, which->summary,
           which->help);
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return true;
        }
    }
    return false;
}

static int unknown_option(const char *option)
{
    static const char *const names[] = {"--help", "--version"};

    return unknown_word("option", option, names, sizeof names / sizeof names[0]);
}

static int run_command(int argc, char **argv)
{
    const char *names[COMMAND_COUNT];

    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        names[i] = commands[i]->name;
        if (strcmp(argv[0], names[i]) == 0) {
            if (asks_for_help(argc - 1, argv + 1)) {
                print_command_help(commands[i]);
                return EXIT_SUCCESS;
            }
            return commands[i]->run(argc - 1, argv + 1);
        }
    }
    return unknown_word("command", argv[0], names, COMMAND_COUNT);
}

/* `ks help`, `ks help COMMAND` */
static int run_help(int argc, char **argv)
{
    char help[] = "--help";
    char *asked[] = {argc > 0 ? argv[0] : help, help};

    if (argc > 0) {
        return run_command(2, asked);
    }
    print_help();
    return EXIT_SUCCESS;
}

static int run(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "ks: which command? `ks --help` lists them\n");
        return KS_TOOL_USAGE;
    }
    if (asks_for_help(1, argv + 1)) {
        return run_help(0, NULL);
    }
    if (strcmp(argv[1], "help") == 0) {
        return run_help(argc - 2, argv + 2);
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("ks %s\n", ks_library_version());
        return EXIT_SUCCESS;
    }
    return argv[1][0] == '-' ? unknown_option(argv[1]) : run_command(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
    int exit_status = run(argc, argv);

    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "ks: the output could not be written: %s\n", strerror(errno));
        return EXIT_FAILURE;
    }
    return exit_status;
}
