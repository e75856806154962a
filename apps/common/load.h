/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.h - a text file into a topic, one record a line.
 */
#ifndef APPS_COMMON_LOAD_H
#define APPS_COMMON_LOAD_H

#include <kstreams/log.h>

/* What a line is. */
typedef enum app_line {
    APP_LINE_RECORD,   /* a record */
    APP_LINE_SKIP,     /* nothing: empty, a comment */
    APP_LINE_MALFORMED /* neither; the loader stops */
} app_line;

/*
 * Makes a record of a line, which has lost its line end. Key and value may point into it; the rest
 * of the record is prepared. `*problem` says what is wrong with a malformed line.
 */
typedef app_line app_line_fn(ks_slice line, ks_log_record *record, const char **problem);

/* The line is the value of a record without key. */
app_line app_line_as_value(ks_slice line, ks_log_record *record, const char **problem);

/*
 * Produces the lines of `path` (- is standard input) to `topic`; `*records` counts them. KS_E_IO
 * when it cannot be read, KS_E_ARGUMENT for a malformed line; `error->where` is FILE or FILE:LINE.
 */
KS_NODISCARD ks_status app_load(ks_log *log, const char *topic, const char *path,
                                app_line_fn *parse, uint64_t *records, ks_error *error);

#endif
