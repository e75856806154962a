/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command.h - what a command of `ks` is: one file, one entry in the table of main.c.
 */
#ifndef KS_TOOL_COMMAND_H
#define KS_TOOL_COMMAND_H

#include <stddef.h>

/* The exit status for arguments that make no sense. */
#define KS_TOOL_USAGE 2

typedef struct command {
    const char *name;
    const char *arguments; /* as --help shows them */
    const char *summary;   /* one line */
    const char *help;      /* the rest of `ks NAME --help`, each line ended */
    /* `argv[0]` is the first argument behind the command's name. Returns the exit status. */
    int (*run)(int argc, char **argv);
} command;

extern const command describe_command; /* describe.c */

/*
 * Says that `word` is no WHAT, with the most similar of `names` or, when none is similar, all of
 * them. Returns KS_TOOL_USAGE.
 */
int unknown_word(const char *what, const char *word, const char *const *names, size_t count);

#endif
