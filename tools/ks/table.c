/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.c - see table.h. Cells are kept until all are there, for only then the widths are known.
 */
#include "table.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct table {
    const column *columns;
    size_t column_count;
    char **cells; /* row by row */
    size_t cell_count;
    size_t capacity;
};

static void *checked(void *memory)
{
    if (memory == NULL) {
        fprintf(stderr, "ks: out of memory\n");
        abort();
    }
    return memory;
}

table *table_new(const column *columns, size_t count)
{
    table *rows = checked(calloc(1, sizeof *rows));

    rows->columns = columns;
    rows->column_count = count;
    return rows;
}

void table_free(table *rows)
{
    if (rows == NULL) {
        return;
    }
    for (size_t i = 0; i < rows->cell_count; i++) {
        free(rows->cells[i]);
    }
    free(rows->cells);
    free(rows);
}

void table_text(table *rows, const char *text)
{
    if (rows->cell_count == rows->capacity) {
        rows->capacity = rows->capacity * 2 + 64;
        rows->cells = checked(realloc(rows->cells, rows->capacity * sizeof *rows->cells));
    }
    rows->cells[rows->cell_count++] = checked(strdup(text));
}

void table_number(table *rows, int64_t number)
{
    char text[32];

    (void)snprintf(text, sizeof text, "%" PRId64, number);
    table_text(rows, text);
}

void table_optional(table *rows, int64_t number)
{
    if (number >= 0) {
        table_number(rows, number);
    } else {
        table_text(rows, "-");
    }
}

/* ---- for people ------------------------------------------------------------------------------ */

static int width_of(const table *rows, size_t which)
{
    size_t width = strlen(rows->columns[which].name);

    for (size_t i = which; i < rows->cell_count; i += rows->column_count) {
        size_t length = strlen(rows->cells[i]);
        width = length > width ? length : width;
    }
    return (int)width;
}

static void print_cell(const table *rows, size_t which, const char *text, int width)
{
    bool is_last = which + 1 == rows->column_count;

    if (rows->columns[which].is_number) {
        printf("%*s%s", width, text, is_last ? "\n" : "  ");
    } else {
        printf("%-*s%s", is_last ? 0 : width, text, is_last ? "\n" : "  ");
    }
}

static void print_aligned(const table *rows)
{
    int *widths = checked(calloc(rows->column_count, sizeof *widths));

    for (size_t i = 0; i < rows->column_count; i++) {
        char heading[64];
        size_t length = 0;
        const char *name = rows->columns[i].name;
        for (; name[length] != '\0' && length + 1 < sizeof heading; length++) {
            heading[length] = (char)toupper((unsigned char)name[length]);
        }
        heading[length] = '\0';
        widths[i] = width_of(rows, i);
        print_cell(rows, i, heading, widths[i]);
    }
    for (size_t i = 0; i < rows->cell_count; i++) {
        size_t which = i % rows->column_count;
        print_cell(rows, which, rows->cells[i], widths[which]);
    }
    free(widths);
}

/* ---- for programs ---------------------------------------------------------------------------- */

static void print_json(const table *rows)
{
    putchar('[');
    for (size_t i = 0; i < rows->cell_count; i++) {
        size_t which = i % rows->column_count;
        const char *cell = rows->cells[i];
        if (which == 0) {
            fputs(i > 0 ? "},\n {" : "{", stdout);
        }
        printf("%s\"%s\": ", which > 0 ? ", " : "", rows->columns[which].name);
        if (!rows->columns[which].is_number) {
            json_text(stdout, ks_slice_cstr(cell));
        } else {
            fputs(strcmp(cell, "-") == 0 ? "null" : cell, stdout);
        }
    }
    fputs(rows->cell_count > 0 ? "}]\n" : "]\n", stdout);
}

void table_print(const table *rows, bool json, const char *nothing)
{
    if (json) {
        print_json(rows);
    } else if (rows->cell_count == 0) {
        printf("%s\n", nothing);
    } else {
        print_aligned(rows);
    }
}

/* How many bytes of UTF-8 begin here; 0 when they are none. */
static size_t utf8_length(const unsigned char *at, size_t left)
{
    size_t length = at[0] < 0x80 ? 1 : at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;

    if (length == 0 || at[0] > 0xf4 || length > left) {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool is_overlong = (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xf0 && at[1] < 0x90);
    bool is_surrogate = at[0] == 0xed && at[1] > 0x9f;
    bool is_too_big = at[0] == 0xf4 && at[1] > 0x8f;
    return is_overlong || is_surrogate || is_too_big ? 0 : length;
}

void json_text(FILE *file, ks_slice text)
{
    if (text.data == NULL) {
        fputs("null", file);
        return;
    }
    fputc('"', file);
    for (size_t i = 0; i < text.size;) {
        const unsigned char *at = (const unsigned char *)text.data + i;
        size_t length = utf8_length(at, text.size - i);
        if (length == 0) {
            fputs("\\ufffd", file);
        } else if (*at == '"' || *at == '\\') {
            fprintf(file, "\\%c", *at);
        } else if (*at < 0x20) {
            fprintf(file, "\\u%04x", *at);
        } else {
            fwrite(at, 1, length, file);
        }
        i += length > 0 ? length : 1;
    }
    fputc('"', file);
}
