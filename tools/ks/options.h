/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h - the arguments of a command: a table of options, and words.
 *
 *     ks consume orders --max-messages 10 --partition=0 --partition=2
 *                word   option and its value   a list, given twice
 */
#ifndef KS_TOOL_OPTIONS_H
#define KS_TOOL_OPTIONS_H

#include <kstreams/log.h>

typedef enum option_kind {
    OPTION_FLAG,   /* bool: given or not */
    OPTION_TEXT,   /* const char *: NULL when it was not given */
    OPTION_NUMBER, /* int64_t: as it was when it was not given */
    OPTION_TIME,   /* int64_t: milliseconds of the epoch, or a date */
    OPTION_LIST    /* text_list: may be given many times */
} option_kind;

typedef struct option {
    const char *name; /* with its dashes */
    option_kind kind;
    void *target;
} option;

/* Borrowed texts; free it with text_list_free(). */
typedef struct text_list {
    const char **items;
    size_t count;
} text_list;

void text_list_add(text_list *list, const char *text);
void text_list_free(text_list *list);

/* The options of a command; the first word behind "--" and all that follow are words. */
typedef struct option_table {
    const option *options;
    size_t count;
} option_table;

#define OPTION_TABLE(options_) \
    ((option_table){.options = (options_), .count = sizeof(options_) / sizeof((options_)[0])})

/* Fills the targets. 0, or KS_TOOL_USAGE when it has said what is wrong. */
int parse_options(int argc, char **argv, option_table table, text_list *words);

/* A whole number, and nothing behind it. */
bool parse_number(const char *text, int64_t *number);
/*
 * Milliseconds of the epoch, or a date: "2026-11-21", "2026-11-21T09:30:00" (UTC),
 * "2026-11-21T09:30:00.500+02:00".
 */
bool parse_time(const char *text, int64_t *ms);

/* What every command that works on a log takes. */
typedef struct log_options {
    const char *servers;
    const char *command_config; /* a file of properties */
    bool json;
} log_options;

#define LOG_OPTIONS(log_)                                          \
    {"--bootstrap-server", OPTION_TEXT, &(log_).servers},          \
        {"--command-config", OPTION_TEXT, &(log_).command_config}, \
    {                                                              \
        "--json", OPTION_FLAG, &(log_).json                        \
    }

/* How LOG_OPTIONS is explained. */
#define LOG_OPTIONS_HELP                                                                         \
    "  --bootstrap-server LOG  embedded:DIR, a log in a directory, or HOST:PORT,... of Kafka;\n" \
    "                          also from the variable KS_BOOTSTRAP_SERVER\n"                     \
    "  --command-config FILE   properties for it, bootstrap.servers among them\n"                \
    "  --json                  for programs: one JSON document, or one for each record\n"

/*
 * Opens the log; `may_create`: also a directory that is not there. NULL when it has said why, with
 * the exit status in `*exit_status`.
 */
ks_log *open_log(const log_options *options, bool may_create, int *exit_status);

/* The only word, which is a WHAT; NULL when it has said that it is missing or there are more. */
const char *only_word(const char *action_name, const char *what, const text_list *words);

/* An action on one topic or group of a log, with no options but those of the log. */
typedef struct one_word {
    const char *name; /* "topics delete" */
    const char *what; /* "topic" */
    int (*act)(ks_log *log, const char *word, bool json);
} one_word;

/* Reads the options, opens the log and acts. Answers the exit status. */
int with_one_word(int argc, char **argv, const one_word *how);

#endif
