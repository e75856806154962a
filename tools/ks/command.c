/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command.c - what all commands say alike.
 */
#include "command.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ACTIONS = 8 };

int run_action(const char *command_name, const action *actions, size_t count, int argc, char **argv)
{
    const char *names[MOST_ACTIONS];

    for (size_t i = 0; i < count && i < MOST_ACTIONS; i++) {
        names[i] = actions[i].name;
        if (argc > 0 && strcmp(argv[0], names[i]) == 0) {
            return actions[i].run(argc - 1, argv + 1);
        }
    }
    if (argc == 0 || argv[0][0] == '-') {
        return usage("%s does what? `ks %s --help` tells", command_name, command_name);
    }
    return unknown_word("action", argv[0], names, count);
}

int failed(const ks_error *error)
{
    ks_error_print("ks", error);
    return EXIT_FAILURE;
}

int usage(const char *format, ...)
{
    va_list args;

    fputs("ks: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return KS_TOOL_USAGE;
}
