/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.h - rows of a result, printed aligned for people or as JSON for programs.
 *
 *     TOPIC     PARTITIONS  RECORDS        [{"topic": "orders", "partitions": 4, "records": 12},
 *     orders             4       12         ...
 */
#ifndef KS_TOOL_TABLE_H
#define KS_TOOL_TABLE_H

#include <stdio.h>

#include <kstreams/common.h>

typedef struct column {
    const char *name; /* in small letters; the heading is in capitals */
    bool is_number;   /* to the right; without quotes in JSON */
} column;

typedef struct table table;

/* `columns` is borrowed. */
table *table_new(const column *columns, size_t count);
void table_free(table *rows);
/* The next cell, from the left. */
void table_text(table *rows, const char *text);
void table_number(table *rows, int64_t number);
/* A dash when it is negative: there is none. */
void table_optional(table *rows, int64_t number);
/* What to say instead of a heading when there are no rows. */
void table_print(const table *rows, bool json, const char *nothing);

/* `text` as a JSON string; bytes that are no UTF-8 become U+FFFD. Null is null. */
void json_text(FILE *file, ks_slice text);

#endif
