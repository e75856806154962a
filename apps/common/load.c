/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.c - a text file into a topic, one record a line.
 *
 * Lines may be of any length and end in LF or CRLF; the last one needs no end. What is in a line is
 * the application's business.
 *
 * Thread rule: any thread, one file each.
 */
#include "common/load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static ks_status fail_io(ks_error *error, const char *path, const char *what, int reason)
{
    error->code = KS_E_IO;
    snprintf(error->where, sizeof error->where, "%s", path);
    snprintf(error->message, sizeof error->message,
             "%s: %s; --input takes a text file that you may read, or - for standard input", what,
             strerror(reason));
    return error->code;
}

static ks_status fail_line(ks_error *error, const char *path, uint64_t line, const char *problem)
{
    error->code = KS_E_ARGUMENT;
    snprintf(error->where, sizeof error->where, "%s:%llu", path, (unsigned long long)line);
    snprintf(error->message, sizeof error->message, "%s", problem);
    return error->code;
}

app_line app_line_as_value(ks_slice line, ks_log_record *record, const char **problem)
{
    (void)problem;
    record->value = line;
    return APP_LINE_RECORD;
}

static size_t without_line_end(const char *line, size_t size)
{
    if (size > 0 && line[size - 1] == '\n') {
        size--;
        if (size > 0 && line[size - 1] == '\r') {
            size--;
        }
    }
    return size;
}

/* An open file and what messages call it. */
typedef struct text_source {
    FILE *file;
    const char *name;
} text_source;

static ks_status send_lines(ks_log_producer *producer, const char *topic, text_source source,
                            app_line_fn *parse, uint64_t *records, ks_error *error)
{
    char *line = NULL;
    size_t capacity = 0;
    uint64_t number = 0;
    ks_status status = KS_OK;

    while (status == KS_OK) {
        ssize_t size = getline(&line, &capacity, source.file);
        if (size < 0) {
            if (ferror(source.file)) {
                status = fail_io(error, source.name, "cannot be read", errno);
            }
            break;
        }
        ks_log_record record = {.timestamp = -1, .partition = -1};
        const char *problem = "not a line this program understands";
        number++;
        switch (parse(ks_slice_of(line, without_line_end(line, (size_t)size)), &record, &problem)) {
        case APP_LINE_RECORD:
            status = ks_log_producer_send(producer, topic, &record, error);
            *records += status == KS_OK;
            break;
        case APP_LINE_SKIP:
            break;
        case APP_LINE_MALFORMED:
            status = fail_line(error, source.name, number, problem);
            break;
        }
    }
    free(line);
    return status;
}

/* What was sent is in the log at the end, also when a line was malformed. */
static ks_status load_source(ks_log *log, const char *topic, text_source source, app_line_fn *parse,
                             uint64_t *records, ks_error *error)
{
    ks_error flush_error = {0};
    ks_log_producer *producer = ks_log_producer_open(log, error);

    if (producer == NULL) {
        return error->code;
    }
    ks_status status = send_lines(producer, topic, source, parse, records, error);
    ks_status flushed = ks_log_producer_flush(producer, &flush_error);
    if (status == KS_OK && flushed != KS_OK) {
        *error = flush_error;
        status = flushed;
    }
    ks_log_producer_free(producer);
    return status;
}

ks_status app_load(ks_log *log, const char *topic, const char *path, app_line_fn *parse,
                   uint64_t *records, ks_error *error)
{
    *records = 0;
    if (strcmp(path, "-") == 0) {
        text_source standard_input = {stdin, "standard input"};
        return load_source(log, topic, standard_input, parse, records, error);
    }
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return fail_io(error, path, "cannot be opened", errno);
    }
    text_source source = {file, path};
    ks_status status = load_source(log, topic, source, parse, records, error);
    fclose(file);
    return status;
}
