/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.h - lines of text into topics, one record a line: those of a file, or made-up ones.
 */
#ifndef APPS_COMMON_LOAD_H
#define APPS_COMMON_LOAD_H

#include <kstreams/log.h>
#include <kstreams/value.h>

/* What a line is. */
typedef enum app_line {
    APP_LINE_RECORD,   /* a record */
    APP_LINE_SKIP,     /* nothing: empty, a comment */
    APP_LINE_MALFORMED /* neither; the loader stops */
} app_line;

/* A record to be, and where it goes. */
typedef struct app_record {
    const char *topic;    /* the application's first input topic, unless the line says another */
    ks_log_record record; /* what was not set is the log's affair */
    ks_arena *arena;      /* of this line */
    ks_error error;       /* for what a call of the library had to say of the line */
} app_record;

/*
 * Makes a record of a line, which has lost its line end. Key and value may point into it, or into
 * the record's arena. `*problem` says what is wrong with a malformed line.
 */
typedef app_line app_line_fn(ks_slice line, app_record *record, const char **problem);

/* The line is the value of a record without key. */
app_line app_line_as_value(ks_slice line, app_record *record, const char **problem);

/*
 * The beginning of `rest` up to a tab, which is taken off; false when there is no tab. */
bool app_next_field(ks_slice *rest, ks_slice *field);
/* A field that is a number from 0 on. */
bool app_number_of(ks_slice field, int64_t *number);

/* Where made-up lines go. */
typedef struct app_lines app_lines;
/* False: the log failed or a signal came, and no more are needed. */
bool app_lines_put(app_lines *lines, ks_slice line);
/*
 * `earliest`, or the highest timestamp that the first input topic has behind it: what is made up
 * from there on is not late for what an earlier run made up.
 */
int64_t app_lines_time_from(app_lines *lines, int64_t earliest);
/* A number from 0 to `below` - 1, the same ones in each run. */
uint32_t app_lines_random(app_lines *lines, uint32_t below);

/* Makes up `count` records or about as many, as lines such as those of a file. */
typedef void app_generate_fn(app_lines *lines, uint64_t count);

/* What is loaded, and how. */
typedef struct app_load_options {
    const char *topic; /* the application's first input topic */
    app_line_fn *parse;
    const char *path;          /* - is standard input; NULL: lines are made up */
    app_generate_fn *generate; /* when there is no path */
    uint64_t count;            /* for it */
} app_load_options;

/*
 * Produces the lines to their topics; `*records` counts them. KS_E_IO when they cannot be read,
 * KS_E_ARGUMENT for a malformed line; `error->where` is FILE or FILE:LINE.
 */
KS_NODISCARD ks_status app_load(ks_log *log, const app_load_options *options, uint64_t *records,
                                ks_error *error);

#endif
