/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command.h - what a command of `ks` is: one file, one entry in the table of main.c.
 *
 * Exit status: EXIT_SUCCESS, EXIT_FAILURE when something could not be done, KS_TOOL_USAGE for
 * arguments that make no sense. Results go to standard output, everything said about them to
 * standard error, each message beginning with "ks: ".
 */
#ifndef KS_TOOL_COMMAND_H
#define KS_TOOL_COMMAND_H

#include <stddef.h>

#include <kstreams/common.h>

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
extern const command topics_command;   /* topics.c */
extern const command produce_command;  /* produce.c */
extern const command consume_command;  /* consume.c */
extern const command groups_command;   /* groups.c */
extern const command reset_command;    /* reset.c */
extern const command state_command;    /* state.c */

/* A command of a command, such as `topics create`. */
typedef struct action {
    const char *name;
    int (*run)(int argc, char **argv);
} action;

/* Runs the action that the first argument names; says which there are when it names none. */
int run_action(const char *command_name, const action *actions, size_t count, int argc,
               char **argv);

/*
 * Says that `word` is no WHAT, with the most similar of `names` or, when none is similar, all of
 * them. Returns KS_TOOL_USAGE.
 */
int unknown_word(const char *what, const char *word, const char *const *names, size_t count);

/* Says what went wrong. Returns EXIT_FAILURE. */
int failed(const ks_error *error);
/* Says what is wrong with the arguments. Returns KS_TOOL_USAGE. */
int usage(const char *format, ...) KS_PRINTF(1, 2);

#endif
