/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ops_suppress.c - suppress of a table.
 */
#include "ops.h"

/* 0 is no bound in the library; Java's 0 holds nothing, as no update fits into one byte. */
static void read_bounds(cf_fields *buffer, ks_suppressed *options)
{
    bool has_records = fields_number(buffer, "maxRecords", &options->max_records);
    bool has_bytes = fields_number(buffer, "maxBytes", &options->max_bytes);
    if ((has_records && options->max_records == 0) || (has_bytes && options->max_bytes == 0)) {
        options->max_bytes = 1;
    }
}

/* Java's bounds emit early unless they are told otherwise; without a bound it does not matter. */
static void read_buffer(cf_build *build, cf_fields *node, ks_suppressed *options)
{
    cf_fields buffer;
    bool logging = true;
    if (!fields_object(node, "buffer", &buffer)) {
        return;
    }
    read_bounds(&buffer, options);
    const char *full = fields_text(&buffer, "full");
    if (full != NULL && strcmp(full, "shutdown") == 0) {
        options->when_full = KS_BUFFER_SHUTS_DOWN;
    } else if (full != NULL && strcmp(full, "emit") != 0) {
        problem_set(build_problem(build), "%s: unknown `full`: %s", buffer.where, full);
    }
    fields_bool(&buffer, "logging", &logging);
    options->logging_disabled = !logging;
    fields_done(&buffer);
}

cf_handle op_suppress(cf_build *build, cf_fields *node)
{
    ks_table *table = table_input(build, node);
    ks_suppressed options = *KS_SUPPRESSED(.name = fields_text(node, "name"));
    bool closes = false;
    fields_bool(node, "untilWindowCloses", &closes);
    bool is_limited = fields_number(node, "untilTimeLimit", &options.time_limit_ms);
    if (closes == is_limited) {
        problem_set(build_problem(build), "%s: one of untilWindowCloses and untilTimeLimit",
                    node->where);
    }
    options.until = closes ? KS_UNTIL_WINDOW_CLOSES : KS_UNTIL_TIME_LIMIT;
    read_buffer(build, node, &options);
    return build_is_sound(build) ? handle_of(HANDLE_TABLE, ks_table_suppress(table, &options))
                                 : handle_none();
}
