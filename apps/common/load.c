/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.c - lines of text into topics, one record a line.
 *
 * Lines may be of any length and end in LF or CRLF; the last one needs no end. What is in a line is
 * the application's business. Made-up lines take the same way as those of a file, so that a program
 * reads what it makes up. A signal (stop.h) ends the input where it is.
 *
 * Thread rule: any thread, one file each.
 */
#include "common/load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <kstreams/serde.h>

#include "common/stop.h"

struct app_lines {
    ks_log *log;
    ks_log_producer *producer;
    const app_load_options *options;
    const char *source; /* what messages call it */
    uint64_t number;    /* of the line */
    uint64_t records;
    uint64_t random;
    ks_arena *arena;
    ks_status status;
    ks_error *error;
};

static ks_status fail_io(ks_error *error, const char *path, const char *what, int reason)
{
    error->code = KS_E_IO;
    snprintf(error->where, sizeof error->where, "%s", path);
    snprintf(error->message, sizeof error->message,
             "%s: %s; --input takes a text file that you may read, or - for standard input", what,
             strerror(reason));
    return error->code;
}

static ks_status fail_line(const app_lines *lines, const char *problem)
{
    ks_error *error = lines->error;
    error->code = KS_E_ARGUMENT;
    snprintf(error->where, sizeof error->where, "%s:%llu", lines->source,
             (unsigned long long)lines->number);
    snprintf(error->message, sizeof error->message, "%s", problem);
    return error->code;
}

/* ---- what is in a line ----------------------------------------------------------------------- */

app_line app_line_as_value(ks_slice line, app_record *record, const char **problem)
{
    (void)problem;
    record->record.value = line;
    return APP_LINE_RECORD;
}

bool app_next_field(ks_slice *rest, ks_slice *field)
{
    const char *tab = rest->size > 0 ? memchr(rest->data, '\t', rest->size) : NULL;
    if (tab == NULL) {
        return false;
    }
    *field = ks_slice_of(rest->data, (size_t)(tab - rest->data));
    *rest = ks_slice_of(tab + 1, rest->size - field->size - 1);
    return true;
}

bool app_number_of(ks_slice field, int64_t *number)
{
    enum { MOST_DIGITS = 18 };
    *number = 0;
    for (size_t i = 0; i < field.size; i++) {
        if (field.data[i] < '0' || field.data[i] > '9') {
            return false;
        }
        *number = *number * 10 + (field.data[i] - '0');
    }
    return field.size > 0 && field.size <= MOST_DIGITS;
}

/* ---- one line -------------------------------------------------------------------------------- */

bool app_lines_put(app_lines *lines, ks_slice line)
{
    app_record record = {.topic = lines->options->topic,
                         .record = {.timestamp = -1, .partition = -1},
                         .arena = lines->arena};
    const char *problem = "not a line this program understands";
    lines->number++;
    switch (lines->options->parse(line, &record, &problem)) {
    case APP_LINE_RECORD:
        lines->status =
            ks_log_producer_send(lines->producer, record.topic, &record.record, lines->error);
        lines->records += lines->status == KS_OK;
        break;
    case APP_LINE_SKIP:
        break;
    case APP_LINE_MALFORMED:
        lines->status =
            fail_line(lines, record.error.code != KS_OK ? record.error.message : problem);
        break;
    }
    ks_arena_reset(lines->arena);
    return lines->status == KS_OK && app_stop_signal() == 0;
}

/* Knuth's linear congruential generator (MMIX); its upper half is random enough for a demo. */
uint32_t app_lines_random(app_lines *lines, uint32_t below)
{
    lines->random = lines->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(lines->random >> 33) % below;
}

int64_t app_lines_time_from(app_lines *lines, int64_t earliest)
{
    ks_log_reader *reader = ks_log_reader_open_at(
        lines->log, lines->options->topic,
        KS_LOG_READER_OPTIONS(.start = KS_LOG_START_TIMESTAMP, .at = earliest), lines->error);
    ks_log_record record;
    int64_t time = earliest;

    if (reader == NULL) {
        lines->status = lines->error->code;
        return time;
    }
    while (ks_log_reader_next_to_end(reader, &record)) {
        time = record.timestamp > time ? record.timestamp : time;
    }
    lines->status = ks_log_reader_status(reader, lines->error);
    ks_log_reader_free(reader);
    return time;
}

/* ---- all lines ------------------------------------------------------------------------------- */

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

static void put_all(app_lines *lines, FILE *file)
{
    char *line = NULL;
    size_t capacity = 0;

    while (lines->status == KS_OK && app_stop_signal() == 0) {
        ssize_t size = getline(&line, &capacity, file);
        if (size < 0) {
            if (ferror(file) && app_stop_signal() == 0) {
                lines->status = fail_io(lines->error, lines->source, "cannot be read", errno);
            }
            break;
        }
        (void)app_lines_put(lines, ks_slice_of(line, without_line_end(line, (size_t)size)));
    }
    free(line);
}

static void put_file(app_lines *lines, const char *path)
{
    if (strcmp(path, "-") == 0) {
        lines->source = "standard input";
        put_all(lines, stdin);
        return;
    }
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        lines->status = fail_io(lines->error, path, "cannot be opened", errno);
        return;
    }
    lines->source = path;
    put_all(lines, file);
    fclose(file);
}

/* What was sent is in the log at the end, also when a line was malformed. */
ks_status app_load(ks_log *log, const app_load_options *options, uint64_t *records, ks_error *error)
{
    ks_error flush_error = {0};
    app_lines lines = {.log = log,
                       .options = options,
                       .source = "made-up line",
                       .random = 2026,
                       .producer = ks_log_producer_open(log, error),
                       .error = error};

    *records = 0;
    if (lines.producer == NULL) {
        return error->code;
    }
    lines.arena = ks_arena_new();
    if (options->path != NULL) {
        put_file(&lines, options->path);
    } else {
        options->generate(&lines, options->count);
    }
    ks_status flushed = ks_log_producer_flush(lines.producer, &flush_error);
    if (lines.status == KS_OK && flushed != KS_OK) {
        *error = flush_error;
        lines.status = flushed;
    }
    *records = lines.records;
    ks_log_producer_free(lines.producer);
    ks_arena_free(lines.arena);
    return lines.status;
}
