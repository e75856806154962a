/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topics.c - `ks topics`: what topics there are, making, configuring and deleting them.
 */
#include "command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "table.h"

/* Splits NAME=VALUE in place of a copy that the caller frees; false without "=". */
static bool split_config(char *text, ks_topic_config *config)
{
    char *equals = strchr(text, '=');

    if (equals == NULL || equals == text) {
        return false;
    }
    *equals = '\0';
    *config = (ks_topic_config){.name = text, .value = equals[1] != '\0' ? equals + 1 : NULL};
    return true;
}

/* ---- create ---------------------------------------------------------------------------------- */

static int create_topic(ks_log *log, const char *topic, int32_t partitions, const text_list *texts)
{
    ks_error error = {0};
    ks_topic_config *configs = calloc(texts->count + 1, sizeof *configs);
    char **copies = calloc(texts->count + 1, sizeof *copies);
    int exit_status = configs != NULL && copies != NULL ? EXIT_SUCCESS : EXIT_FAILURE;

    for (size_t i = 0; i < texts->count && exit_status == EXIT_SUCCESS; i++) {
        copies[i] = strdup(texts->items[i]);
        if (copies[i] == NULL || !split_config(copies[i], &configs[i])) {
            exit_status = usage("--config takes NAME=VALUE, not '%s'", texts->items[i]);
        }
    }
    bool was_there = ks_log_partition_count(log, topic) > 0;
    if (exit_status == EXIT_SUCCESS &&
        ks_log_create_configured_topic(log, topic, partitions, configs, texts->count, &error) !=
            KS_OK) {
        exit_status = failed(&error);
    }
    if (exit_status == EXIT_SUCCESS) {
        printf(was_there ? "%s is there already, with %" PRId32 " partition%s\n"
                         : "created %s with %" PRId32 " partition%s\n",
               topic, partitions, partitions == 1 ? "" : "s");
    }
    for (size_t i = 0; copies != NULL && i < texts->count; i++) {
        free(copies[i]);
    }
    free(copies);
    free(configs);
    return exit_status;
}

static int run_create(int argc, char **argv)
{
    log_options log_is = {0};
    int64_t partitions = 1;
    text_list configs = {0};
    text_list words = {0};
    const option options[] = {LOG_OPTIONS(log_is),
                              {"--partitions", OPTION_NUMBER, &partitions},
                              {"--config", OPTION_LIST, &configs}};
    int exit_status = parse_options(argc, argv, OPTION_TABLE(options), &words);

    if (exit_status == 0 && (partitions < 1 || partitions > 100000)) {
        exit_status =
            usage("--partitions takes a number from 1 to 100000, not %" PRId64, partitions);
    }
    if (exit_status == 0) {
        const char *topic = only_word("topics create", "topic", &words);
        ks_log *log = topic != NULL ? open_log(&log_is, true, &exit_status) : NULL;
        if (log != NULL) {
            exit_status = create_topic(log, topic, (int32_t)partitions, &configs);
        } else if (topic == NULL) {
            exit_status = KS_TOOL_USAGE;
        }
        ks_log_free(log);
    }
    text_list_free(&configs);
    text_list_free(&words);
    return exit_status;
}

/* ---- list and describe ----------------------------------------------------------------------- */

typedef struct topic_listing {
    ks_log *log;
    table *rows;
    ks_error error;
} topic_listing;

typedef struct extent {
    int64_t begin;
    int64_t end;
    int64_t bytes; /* -1: the log does not tell */
} extent;

static ks_status measure(ks_log *log, const char *topic, int32_t partition, extent *found,
                         ks_error *error)
{
    ks_status status = ks_log_offsets(log, topic, partition, &found->begin, &found->end, error);

    if (status == KS_OK) {
        status = ks_log_partition_bytes(log, topic, partition, &found->bytes, error);
    }
    if (status == KS_E_NOT_BUILT) {
        found->bytes = -1;
        status = KS_OK;
    }
    return status;
}

static ks_status sum_partitions(ks_log *log, const char *topic, int32_t partitions,
                                int64_t *records, int64_t *bytes, ks_error *error)
{
    for (int32_t i = 0; i < partitions; i++) {
        extent found = {0};
        ks_status status = measure(log, topic, i, &found, error);
        if (status != KS_OK) {
            return status;
        }
        *records += found.end - found.begin;
        *bytes = found.bytes >= 0 ? *bytes + found.bytes : -1;
    }
    return KS_OK;
}

static void list_topic(const char *topic, int32_t partitions, void *user)
{
    topic_listing *listing = user;
    int64_t records = 0;
    int64_t bytes = 0;
    ks_error error = {0};
    ks_status status = sum_partitions(listing->log, topic, partitions, &records, &bytes, &error);

    if (status == KS_OK) {
        table_text(listing->rows, topic);
        table_number(listing->rows, partitions);
        table_number(listing->rows, records);
        table_optional(listing->rows, bytes);
    } else if (status != KS_E_UNKNOWN_TOPIC) { /* that one was deleted just now */
        listing->error = error;
    }
}

static int print_topics(ks_log *log, bool json)
{
    static const column columns[] = {
        {"topic", false}, {"partitions", true}, {"offsets", true}, {"bytes", true}};
    topic_listing listing = {.log = log, .rows = table_new(columns, 4)};
    ks_error error = {0};
    ks_status status = ks_log_each_topic(log, list_topic, &listing, &error);

    if (status == KS_OK && listing.error.code != KS_OK) {
        error = listing.error;
        status = error.code;
    }
    if (status == KS_OK) {
        table_print(listing.rows, json, "no topics; `ks topics create` makes one");
    }
    table_free(listing.rows);
    return status == KS_OK ? EXIT_SUCCESS : failed(&error);
}

static int run_list(int argc, char **argv)
{
    log_options log_is = {0};
    text_list words = {0};
    const option options[] = {LOG_OPTIONS(log_is)};
    int exit_status = parse_options(argc, argv, OPTION_TABLE(options), &words);

    if (exit_status == 0 && words.count > 0) {
        exit_status = usage("topics list takes no topic; `ks topics describe %s` tells about it",
                            words.items[0]);
    }
    ks_log *log = exit_status == 0 ? open_log(&log_is, false, &exit_status) : NULL;
    if (log != NULL) {
        exit_status = print_topics(log, log_is.json);
    }
    ks_log_free(log);
    text_list_free(&words);
    return exit_status;
}

static ks_status fill_partitions(ks_log *log, const char *topic, table *rows, ks_error *error)
{
    int32_t partitions = ks_log_partition_count(log, topic);
    ks_status status = KS_OK;

    for (int32_t i = 0; i < partitions && status == KS_OK; i++) {
        extent found = {0};
        status = measure(log, topic, i, &found, error);
        table_number(rows, i);
        table_number(rows, found.begin);
        table_number(rows, found.end);
        table_optional(rows, found.bytes);
    }
    return status;
}

static void fill_config(const ks_topic_config *config, void *user)
{
    if (!config->is_default) {
        table_text(user, config->name);
        table_text(user, config->value != NULL ? config->value : "");
    }
}

static int describe_topic(ks_log *log, const char *topic, bool json)
{
    static const column partition_columns[] = {
        {"partition", true}, {"begin", true}, {"end", true}, {"bytes", true}};
    static const column config_columns[] = {{"config", false}, {"value", false}};
    table *partitions = table_new(partition_columns, 4);
    table *configs = table_new(config_columns, 2);
    ks_error error = {0};
    ks_status status = ks_log_each_topic_config(log, topic, fill_config, configs, &error);

    if (status == KS_OK) {
        status = fill_partitions(log, topic, partitions, &error);
    }
    if (status == KS_OK && json) {
        printf("{\"topic\": \"%s\",\n\"configs\":\n",
               topic); /* no name of a topic needs escaping */
        table_print(configs, true, "");
        printf(",\n\"partitions\":\n");
        table_print(partitions, true, "");
        printf("}\n");
    } else if (status == KS_OK) {
        table_print(partitions, false, "");
        printf("\n");
        table_print(configs, false,
                    "every configuration has its default; `ks topics config` "
                    "prints them");
    }
    table_free(partitions);
    table_free(configs);
    return status == KS_OK ? EXIT_SUCCESS : failed(&error);
}

static int run_describe(int argc, char **argv)
{
    return with_one_word(argc, argv, &(one_word){"topics describe", "topic", describe_topic});
}

/* ---- delete and config ----------------------------------------------------------------------- */

static int delete_topic(ks_log *log, const char *topic, bool json)
{
    ks_error error = {0};

    (void)json;
    if (ks_log_delete_topic(log, topic, &error) != KS_OK) {
        return failed(&error);
    }
    printf("deleted %s\n", topic);
    return EXIT_SUCCESS;
}

static int run_delete(int argc, char **argv)
{
    return with_one_word(argc, argv, &(one_word){"topics delete", "topic", delete_topic});
}

static void list_config(const ks_topic_config *config, void *user)
{
    table_text(user, config->name);
    table_text(user, config->value != NULL ? config->value : "");
    table_text(user, config->is_default ? "default" : "set");
}

static int print_configs(ks_log *log, const char *topic, bool json)
{
    static const column columns[] = {{"config", false}, {"value", false}, {"source", false}};
    table *rows = table_new(columns, 3);
    ks_error error = {0};
    ks_status status = ks_log_each_topic_config(log, topic, list_config, rows, &error);

    if (status == KS_OK) {
        table_print(rows, json, "");
    }
    table_free(rows);
    return status == KS_OK ? EXIT_SUCCESS : failed(&error);
}

static int set_config(ks_log *log, const char *topic, const char *text)
{
    ks_error error = {0};
    ks_topic_config config = {0};
    char *copy = strdup(text);
    int exit_status = EXIT_SUCCESS;

    if (copy == NULL || !split_config(copy, &config)) {
        exit_status =
            usage("a configuration is NAME=VALUE, or NAME= for its default; not '%s'", text);
    } else if (ks_log_set_topic_config(log, topic, config.name, config.value, &error) != KS_OK) {
        exit_status = failed(&error);
    }
    free(copy);
    return exit_status;
}

static int run_config(int argc, char **argv)
{
    log_options log_is = {0};
    text_list words = {0};
    const option options[] = {LOG_OPTIONS(log_is)};
    int exit_status = parse_options(argc, argv, OPTION_TABLE(options), &words);

    if (exit_status == 0 && words.count == 0) {
        exit_status = usage("topics config: which topic?");
    }
    ks_log *log = exit_status == 0 ? open_log(&log_is, false, &exit_status) : NULL;
    for (size_t i = 1; log != NULL && i < words.count && exit_status == 0; i++) {
        exit_status = set_config(log, words.items[0], words.items[i]);
    }
    if (log != NULL && exit_status == 0) {
        exit_status = print_configs(log, words.items[0], log_is.json);
    }
    ks_log_free(log);
    text_list_free(&words);
    return exit_status;
}

/* ---- the command ----------------------------------------------------------------------------- */

static int run_topics(int argc, char **argv)
{
    static const action actions[] = {{"list", run_list},
                                     {"create", run_create},
                                     {"describe", run_describe},
                                     {"config", run_config},
                                     {"delete", run_delete}};

    return run_action("topics", actions, sizeof actions / sizeof actions[0], argc, argv);
}

const command topics_command = {
    .name = "topics",
    .arguments = "ACTION --bootstrap-server LOG [ARGUMENT]...",
    .summary = "lists, creates, describes, configures and deletes topics",
    .help = "  list                               all topics; offsets: between first and end\n"
            "  create TOPIC [--partitions N] [--config NAME=VALUE]...\n"
            "                                     one partition unless told; makes the log, too\n"
            "  describe TOPIC                     its partitions, and what is configured\n"
            "  config TOPIC [NAME=VALUE]...       sets (NAME= for the default) and prints them\n"
            "  delete TOPIC                       with its records\n\n" LOG_OPTIONS_HELP,
    .run = run_topics,
};
