/* SPDX-License-Identifier: Apache-2.0 */
/*
 * produce.c - `ks produce TOPIC`: a record of each line of a file or of standard input.
 *
 * Lines are taken as they come and passed on in batches, so a line that cannot be taken stops a run
 * whose lines before it are written. The message then says which line, and how many are there. When
 * somebody types, each line is written at once.
 */
#include "command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "options.h"
#include "text_values.h"

typedef struct production {
    const char *topic;
    const char *file;      /* NULL or "-": standard input */
    const char *separator; /* NULL: lines are values */
    const char *null_text; /* a key or value that is this is null; NULL: none is */
    const ks_serde *key_serde;
    const ks_serde *value_serde;
    const ks_headers *headers;
    int64_t timestamp;
    int64_t partition;
    ks_arena *arena; /* of one line */
    int64_t count;
    struct timespec told; /* when progress was told last */
} production;

static const char *input_name(const production *self)
{
    return self->file == NULL || strcmp(self->file, "-") == 0 ? "standard input" : self->file;
}

/* ---- a line ---------------------------------------------------------------------------------- */

static ks_slice or_null(const production *self, ks_slice text)
{
    bool is_null = self->null_text != NULL && ks_slice_equal(text, ks_slice_cstr(self->null_text));

    return is_null ? ks_slice_null() : text;
}

static const char *find_separator(const production *self, ks_slice line)
{
    size_t size = strlen(self->separator);

    for (size_t i = 0; i + size <= line.size; i++) {
        if (memcmp(line.data + i, self->separator, size) == 0) {
            return line.data + i;
        }
    }
    return NULL;
}

static ks_status send_line(production *self, ks_log_producer *producer, ks_slice line,
                           ks_error *error)
{
    ks_slice key = ks_slice_null();
    ks_slice value = line;

    if (self->separator != NULL) {
        const char *at = find_separator(self, line);
        if (at == NULL) {
            error->code = KS_E_ARGUMENT;
            (void)snprintf(error->message, sizeof error->message,
                           "the line has no separator '%s' between a key and a value",
                           self->separator);
            return error->code;
        }
        key = ks_slice_of(line.data, (size_t)(at - line.data));
        size_t used = key.size + strlen(self->separator);
        value = ks_slice_of(line.data + used, line.size - used);
    }
    ks_log_record record = {.timestamp = self->timestamp,
                            .partition = (int32_t)self->partition,
                            .headers = self->headers};
    ks_arena_reset(self->arena);
    ks_status status =
        parse_value(self->key_serde, or_null(self, key), self->arena, &record.key, error);
    if (status == KS_OK) {
        status =
            parse_value(self->value_serde, or_null(self, value), self->arena, &record.value, error);
    }
    return status == KS_OK ? ks_log_producer_send(producer, self->topic, &record, error) : status;
}

/* ---- all lines ------------------------------------------------------------------------------- */

static void tell_progress(production *self)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    double passed =
        (double)(now.tv_sec - self->told.tv_sec) + (double)(now.tv_nsec - self->told.tv_nsec) / 1e9;
    if (passed >= 0.25) {
        fprintf(stderr, "\r%" PRId64 " records", self->count);
        self->told = now;
    }
}

static ks_status send_lines(production *self, ks_log_producer *producer, FILE *input,
                            ks_error *error)
{
    char *line = NULL;
    size_t capacity = 0;
    bool is_typed = isatty(fileno(input)) != 0;
    bool shows_progress = !is_typed && isatty(STDERR_FILENO) != 0;
    ks_status status = KS_OK;

    while (status == KS_OK) {
        ssize_t length = getline(&line, &capacity, input);
        if (length < 0) {
            break;
        }
        size_t size = (size_t)length;
        size -= size > 0 && line[size - 1] == '\n' ? 1 : 0;
        status = send_line(self, producer, ks_slice_of(line, size), error);
        if (status == KS_OK && is_typed) {
            status = ks_log_producer_flush(producer, error);
        }
        self->count += status == KS_OK ? 1 : 0;
        if (shows_progress && self->count % 4096 == 0) {
            tell_progress(self);
        }
    }
    if (shows_progress && self->count >= 4096) {
        fputs("\r                              \r", stderr);
    }
    free(line);
    return status;
}

static int produce_from(production *self, ks_log *log, FILE *input)
{
    ks_error error = {0};

    if (ks_log_partition_count(log, self->topic) == 0) { /* an empty input would not find out */
        fprintf(stderr, "ks: there is no topic %s; `ks topics create` makes one\n", self->topic);
        return EXIT_FAILURE;
    }
    ks_log_producer *producer = ks_log_producer_open(log, &error);
    if (producer == NULL) {
        return failed(&error);
    }
    ks_status status = send_lines(self, producer, input, &error);
    if (status != KS_OK) {
        fprintf(stderr, "ks: %s:%" PRId64 ": %s %s\n", input_name(self), self->count + 1,
                error.where, error.message);
    }
    bool read_failed = ferror(input) != 0;
    if (read_failed) {
        fprintf(stderr, "ks: %s cannot be read: %s\n", input_name(self), strerror(errno));
    }
    ks_error late = {0};
    if (ks_log_producer_flush(producer, &late) != KS_OK) {
        status = late.code;
        (void)failed(&late);
    } else if (status != KS_OK && self->count > 0) {
        fprintf(stderr, "ks: the %" PRId64 " records before it are in %s\n", self->count,
                self->topic);
    }
    ks_log_producer_free(producer);
    if (status != KS_OK || read_failed) {
        return EXIT_FAILURE;
    }
    printf("%" PRId64 " record%s produced to %s\n", self->count, self->count == 1 ? "" : "s",
           self->topic);
    return EXIT_SUCCESS;
}

static int produce(production *self, const log_options *log_is)
{
    int exit_status = EXIT_SUCCESS;
    bool is_file = self->file != NULL && strcmp(self->file, "-") != 0;
    FILE *input = is_file ? fopen(self->file, "r") : stdin;

    if (input == NULL) {
        fprintf(stderr, "ks: %s cannot be read: %s\n", self->file, strerror(errno));
        return EXIT_FAILURE;
    }
    ks_log *log = open_log(log_is, false, &exit_status);
    if (log != NULL) {
        exit_status = produce_from(self, log, input);
    }
    ks_log_free(log);
    if (is_file) {
        (void)fclose(input);
    }
    return exit_status;
}

/* ---- arguments ------------------------------------------------------------------------------- */

/* NAME=VALUE of each header; NAME alone has the value null. */
static const ks_headers *make_headers(ks_arena *arena, const text_list *texts)
{
    const ks_headers *headers = NULL;

    for (size_t i = 0; i < texts->count; i++) {
        const char *text = texts->items[i];
        const char *equals = strchr(text, '=');
        ks_slice name = ks_slice_of(text, equals != NULL ? (size_t)(equals - text) : strlen(text));
        headers = ks_headers_with(arena, headers, name,
                                  equals != NULL ? ks_slice_cstr(equals + 1) : ks_slice_null());
    }
    return headers;
}

static int check(production *self, const char *key_serde, const char *value_serde)
{
    self->key_serde = serde_of(key_serde);
    self->value_serde = self->key_serde != NULL ? serde_of(value_serde) : NULL;
    if (self->value_serde == NULL) {
        return KS_TOOL_USAGE;
    }
    if (self->separator != NULL && self->separator[0] == '\0') {
        return usage("--key-separator must not be empty");
    }
    if (key_serde != NULL && self->separator == NULL) {
        return usage("--key-serde needs --key-separator: without it lines are values");
    }
    if (self->partition < -1 || self->partition > INT32_MAX) {
        return usage("--partition takes a number from 0 on, not %" PRId64, self->partition);
    }
    return 0;
}

static int run_produce(int argc, char **argv)
{
    log_options log_is = {0};
    production self = {.timestamp = -1, .partition = -1};
    const char *key_serde = NULL;
    const char *value_serde = NULL;
    text_list headers = {0};
    text_list words = {0};
    const option options[] = {LOG_OPTIONS(log_is),
                              {"--file", OPTION_TEXT, &self.file},
                              {"--key-separator", OPTION_TEXT, &self.separator},
                              {"--null", OPTION_TEXT, &self.null_text},
                              {"--key-serde", OPTION_TEXT, &key_serde},
                              {"--value-serde", OPTION_TEXT, &value_serde},
                              {"--header", OPTION_LIST, &headers},
                              {"--timestamp", OPTION_TIME, &self.timestamp},
                              {"--partition", OPTION_NUMBER, &self.partition}};
    int exit_status = parse_options(argc, argv, OPTION_TABLE(options), &words);
    ks_arena *kept = ks_arena_new();

    self.arena = ks_arena_new();
    if (exit_status == 0) {
        self.topic = only_word("produce", "topic", &words);
        exit_status = self.topic != NULL ? check(&self, key_serde, value_serde) : KS_TOOL_USAGE;
    }
    if (exit_status == 0) {
        self.headers = make_headers(kept, &headers);
        exit_status = produce(&self, &log_is);
    }
    ks_arena_free(self.arena);
    ks_arena_free(kept);
    text_list_free(&headers);
    text_list_free(&words);
    return exit_status;
}

const command produce_command = {
    .name = "produce",
    .arguments = "TOPIC --bootstrap-server LOG [OPTION]...",
    .summary = "writes a record of each line of its input",
    .help =
        "  --file FILE             instead of standard input\n"
        "  --key-separator TEXT    a line is a key, this, and a value; else only a value\n"
        "  --null TEXT             a key or a value that is TEXT is null; an empty one is empty\n"
        "  --key-serde NAME        string (default), bytes (hexadecimal), short, integer,\n"
        "  --value-serde NAME      long, float, double, boolean, uuid\n"
        "  --header NAME=VALUE     on every record; may be given many times\n"
        "  --timestamp TIME        milliseconds of the epoch or a date in UTC; else now\n"
        "  --partition N           else by the key as Java's producer, or in "
        "turn\n" LOG_OPTIONS_HELP,
    .run = run_produce,
};
