/* SPDX-License-Identifier: Apache-2.0 */
/*
 * consume.c - `ks consume TOPIC`: prints the records of a topic, and those that come.
 *
 * Without --follow it ends where the topic ends when it is reached. Output is flushed before each
 * wait, so that whoever reads a pipe sees every record that is there.
 */
#include "command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "table.h"
#include "text_values.h"

typedef struct consumption {
    const char *topic;
    const ks_serde *key_serde;
    const ks_serde *value_serde;
    const char *separator;
    int64_t max;
    bool json;
    bool follows;
    bool prints_key;
    bool prints_timestamp;
    bool prints_partition;
    bool prints_offset;
    bool prints_headers;
    ks_arena *arena; /* of one record */
    int64_t count;
} consumption;

/* ---- a record -------------------------------------------------------------------------------- */

static void print_plain_headers(const ks_headers *headers)
{
    size_t count = ks_headers_count(headers);

    for (size_t i = 0; i < count; i++) {
        ks_header header = ks_headers_at(headers, i);
        printf("%s%.*s=", i > 0 ? "," : "", KS_SLICE_ARGS(header.name));
        if (header.value.data == NULL) {
            fputs("null", stdout);
        } else {
            fwrite(header.value.data, 1, header.value.size, stdout);
        }
    }
}

static ks_status print_plain(consumption *self, const ks_log_record *record, ks_error *error)
{
    if (self->prints_timestamp) {
        printf("%" PRId64 "%s", record->timestamp, self->separator);
    }
    if (self->prints_partition) {
        printf("%" PRId32 "%s", record->partition, self->separator);
    }
    if (self->prints_offset) {
        printf("%" PRId64 "%s", record->offset, self->separator);
    }
    if (self->prints_headers) {
        print_plain_headers(record->headers);
        fputs(self->separator, stdout);
    }
    if (self->prints_key) {
        ks_status status =
            print_value(stdout, self->key_serde, record->key, false, self->arena, error);
        if (status != KS_OK) {
            return status;
        }
        fputs(self->separator, stdout);
    }
    ks_status status =
        print_value(stdout, self->value_serde, record->value, false, self->arena, error);
    fputs(status == KS_OK ? "\n" : "", stdout);
    return status;
}

static ks_status print_json_record(consumption *self, const ks_log_record *record, ks_error *error)
{
    size_t count = ks_headers_count(record->headers);

    printf("{\"partition\": %" PRId32 ", \"offset\": %" PRId64 ", \"timestamp\": %" PRId64
           ", \"headers\": [",
           record->partition, record->offset, record->timestamp);
    for (size_t i = 0; i < count; i++) {
        ks_header header = ks_headers_at(record->headers, i);
        fputs(i > 0 ? ", [" : "[", stdout);
        json_text(stdout, header.name);
        fputs(", ", stdout);
        json_text(stdout, header.value);
        fputs("]", stdout);
    }
    fputs("], \"key\": ", stdout);
    ks_status status = print_value(stdout, self->key_serde, record->key, true, self->arena, error);
    if (status == KS_OK) {
        fputs(", \"value\": ", stdout);
        status = print_value(stdout, self->value_serde, record->value, true, self->arena, error);
    }
    fputs(status == KS_OK ? "}\n" : "\n", stdout);
    return status;
}

/* ---- all records ----------------------------------------------------------------------------- */

static int print_record(consumption *self, const ks_log_record *record)
{
    ks_error error = {0};

    ks_arena_reset(self->arena);
    ks_status status =
        self->json ? print_json_record(self, record, &error) : print_plain(self, record, &error);
    self->count++;
    if (status != KS_OK) {
        (void)fflush(stdout);
        fprintf(stderr,
                "ks: %s, partition %" PRId32 ", offset %" PRId64
                ": %s; --key-serde and --value-serde say what the bytes are\n",
                self->topic, record->partition, record->offset, error.message);
        return EXIT_FAILURE;
    }
    return ferror(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* The next record, unless the reader has to wait for one that is not in the topic yet. */
static bool next_record(const consumption *self, ks_log_reader *reader, ks_log_record *record)
{
    return self->follows ? ks_log_reader_next(reader, record)
                         : ks_log_reader_next_to_end(reader, record);
}

static int consume(consumption *self, ks_log_reader *reader)
{
    ks_error error = {0};
    ks_log_record record = {0};

    while (self->max < 0 || self->count < self->max) {
        if (next_record(self, reader, &record)) {
            if (print_record(self, &record) != EXIT_SUCCESS) {
                return EXIT_FAILURE;
            }
            continue;
        }
        if (ks_log_reader_status(reader, &error) != KS_OK) {
            return failed(&error);
        }
        if (!self->follows) {
            break;
        }
        (void)fflush(stdout);
        if (ks_log_reader_wait(reader, -1, &error) != KS_OK) {
            return failed(&error);
        }
    }
    if (ks_log_reader_skipped(reader) > 0) {
        fprintf(stderr, "ks: %" PRId64 " offsets were deleted before they could be read\n",
                ks_log_reader_skipped(reader));
    }
    return EXIT_SUCCESS;
}

static int consume_from(consumption *self, const log_options *log_is,
                        const ks_log_reader_options *where)
{
    int exit_status = EXIT_SUCCESS;
    ks_error error = {0};
    ks_log *log = open_log(log_is, false, &exit_status);

    if (log == NULL) {
        return exit_status;
    }
    ks_log_reader *reader = ks_log_reader_open_at(log, self->topic, where, &error);
    if (reader != NULL) {
        exit_status = consume(self, reader);
    } else if (error.code == KS_E_UNKNOWN_TOPIC) {
        fprintf(stderr, "ks: there is no topic %s; `ks topics list` lists them\n", self->topic);
        exit_status = EXIT_FAILURE;
    } else {
        exit_status = failed(&error);
    }
    ks_log_reader_free(reader);
    ks_log_free(log);
    return exit_status;
}

/* ---- arguments ------------------------------------------------------------------------------- */

typedef struct start_options {
    bool from_beginning;
    bool from_end;
    int64_t offset; /* -1: not given */
    int64_t since;
    text_list partitions;
} start_options;

static int find_start(const start_options *given, ks_log_reader_options *where)
{
    int ways = (int)given->from_beginning + (int)given->from_end + (int)(given->offset != -1) +
               (int)(given->since != -1);

    if (ways > 1) {
        return usage("reading begins in one place: --from-beginning, --from-end, --offset or "
                     "--since");
    }
    if (given->offset < -1) {
        return usage("--offset takes a number from 0 on, not %" PRId64, given->offset);
    }
    if (given->offset >= 0) {
        where->start = KS_LOG_START_OFFSET;
        where->at = given->offset;
    } else if (given->since >= 0) {
        where->start = KS_LOG_START_TIMESTAMP;
        where->at = given->since;
    } else {
        where->start = given->from_end ? KS_LOG_START_END : KS_LOG_START_BEGINNING;
    }
    return 0;
}

/* The numbers of --partition, to be freed; NULL: all partitions, or something was wrong. */
static int32_t *find_partitions(const text_list *texts, int *exit_status)
{
    int32_t *numbers = texts->count > 0 ? calloc(texts->count, sizeof *numbers) : NULL;

    for (size_t i = 0; i < texts->count && numbers != NULL && *exit_status == 0; i++) {
        int64_t number = 0;
        if (!parse_number(texts->items[i], &number) || number < 0 || number > INT32_MAX) {
            *exit_status = usage("--partition takes a number from 0 on, not '%s'", texts->items[i]);
        }
        numbers[i] = (int32_t)number;
    }
    return numbers;
}

static int check(consumption *self, const char *key_serde, const char *value_serde)
{
    self->key_serde = serde_of(key_serde);
    self->value_serde = self->key_serde != NULL ? serde_of(value_serde) : NULL;
    if (self->value_serde == NULL) {
        return KS_TOOL_USAGE;
    }
    if (self->max < -1) {
        return usage("--max-messages takes a number from 0 on, not %" PRId64, self->max);
    }
    self->prints_key = self->prints_key || key_serde != NULL;
    return 0;
}

static int start(consumption *self, const log_options *log_is, const start_options *given)
{
    ks_log_reader_options where;
    ks_log_reader_options_init(&where);
    int exit_status = find_start(given, &where);
    int32_t *partitions =
        exit_status == 0 ? find_partitions(&given->partitions, &exit_status) : NULL;

    if (exit_status == 0) {
        where.partitions = partitions;
        where.partition_count = given->partitions.count;
        self->json = log_is->json;
        exit_status = consume_from(self, log_is, &where);
    }
    free(partitions);
    return exit_status;
}

static int run_consume(int argc, char **argv)
{
    log_options log_is = {0};
    consumption self = {.max = -1, .separator = "\t"};
    start_options given = {.offset = -1, .since = -1};
    const char *key_serde = NULL;
    const char *value_serde = NULL;
    text_list words = {0};
    const option options[] = {LOG_OPTIONS(log_is),
                              {"--from-beginning", OPTION_FLAG, &given.from_beginning},
                              {"--from-end", OPTION_FLAG, &given.from_end},
                              {"--offset", OPTION_NUMBER, &given.offset},
                              {"--since", OPTION_TIME, &given.since},
                              {"--partition", OPTION_LIST, &given.partitions},
                              {"--max-messages", OPTION_NUMBER, &self.max},
                              {"--follow", OPTION_FLAG, &self.follows},
                              {"--key-serde", OPTION_TEXT, &key_serde},
                              {"--value-serde", OPTION_TEXT, &value_serde},
                              {"--separator", OPTION_TEXT, &self.separator},
                              {"--print-key", OPTION_FLAG, &self.prints_key},
                              {"--print-timestamp", OPTION_FLAG, &self.prints_timestamp},
                              {"--print-partition", OPTION_FLAG, &self.prints_partition},
                              {"--print-offset", OPTION_FLAG, &self.prints_offset},
                              {"--print-headers", OPTION_FLAG, &self.prints_headers}};
    int exit_status = parse_options(argc, argv, OPTION_TABLE(options), &words);

    self.arena = ks_arena_new();
    if (exit_status == 0) {
        self.topic = only_word("consume", "topic", &words);
        exit_status = self.topic != NULL ? check(&self, key_serde, value_serde) : KS_TOOL_USAGE;
    }
    if (exit_status == 0) {
        exit_status = start(&self, &log_is, &given);
    }
    ks_arena_free(self.arena);
    text_list_free(&given.partitions);
    text_list_free(&words);
    return exit_status;
}

const command consume_command = {
    .name = "consume",
    .arguments = "TOPIC --bootstrap-server LOG [OPTION]...",
    .summary = "prints the records of a topic",
    .help = "  --from-beginning        the default\n"
            "  --from-end              only what comes, with --follow\n"
            "  --offset N              of each partition that is read\n"
            "  --since TIME            milliseconds of the epoch or a date in UTC\n"
            "  --partition N           only this one; may be given many times\n"
            "  --max-messages N        ends after so many\n"
            "  --follow                waits for more at the end\n"
            "  --key-serde NAME        string (default), bytes (hexadecimal), short, integer,\n"
            "  --value-serde NAME      long, float, double, boolean, uuid\n"
            "  --print-key --print-timestamp --print-partition --print-offset --print-headers\n"
            "                          before the value, in the order timestamp, partition,\n"
            "                          offset, headers, key; --key-serde prints the key, too\n"
            "  --separator TEXT        between them; a tab when it is not given\n" LOG_OPTIONS_HELP,
    .run = run_consume,
};
