/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command_line.h - the options every application has.
 *
 *     --input FILE     what to read; - is standard input
 *     --generate N     N made-up records instead, of a program that can make some up
 *     --bootstrap-server LOG
 *                      embedded:DIR, a directory, which is made when it is not there; or a Kafka
 *                      cluster, host:port,host:port
 *     --config FILE    a properties file, Kafka's names
 *     -D NAME=VALUE    one property
 *     --help, --version
 *
 * --bootstrap-server is short for -D bootstrap.servers=. Properties take effect in the order given,
 * so a later one wins. Anything else is an error that says so, and exit status 2.
 *
 * Without it the log is in memory: its topics end with the process, so local state that outlives it
 * would belong to nothing. It is in a temporary directory then, which goes when the arguments are
 * freed. With a log in DIR local state is in DIR-state, and a next run goes on with it; on a
 * cluster it is where Kafka Streams has it. A state.dir that is given is used in all cases.
 */
#ifndef APPS_COMMON_COMMAND_LINE_H
#define APPS_COMMON_COMMAND_LINE_H

#include <kstreams/config.h>

/*
 * Exit statuses besides EXIT_SUCCESS and EXIT_FAILURE. A program stopped by a signal ends with 128
 * + its number.
 */
#define APP_EXIT_USAGE 2

/* What an application says about itself. */
typedef struct app_about {
    const char
        *name; /* of the program; also its application.id, unless a property says otherwise */
    const char *summary;    /* one or two sentences for --help */
    const char *input_help; /* what --input FILE has to hold, in a few words */
    const char *generates;  /* what --generate N makes up; NULL: it has no such option */
    const char *example;    /* a command that works from the root of the source tree */
} app_about;

typedef struct app_arguments {
    ks_config *config;  /* owned */
    const char *input;  /* borrowed from argv; NULL, with a log that stays only: nothing new */
    uint64_t generated; /* how many records are made up instead; 0: none */
    bool is_durable;    /* the log outlives the process */
    char *scratch;      /* the temporary directory, owned; NULL: there is none */
} app_arguments;

/*
 * Reads the arguments. True: go on, and give the result to app_arguments_free() in the end. False:
 * everything has been said; end with `*exit_status`.
 */
bool app_arguments_read(const app_about *about, int argc, char **argv, app_arguments *arguments,
                        int *exit_status);
void app_arguments_free(app_arguments *arguments); /* after the application is freed */

/* Prints "word_count: KS_E_...: ..." to standard error. Returns EXIT_FAILURE. */
int app_report(const app_about *about, const ks_error *error);

#endif
