/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text_values.c - see text_values.h.
 */
#include "text_values.h"

#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "command.h"
#include "options.h"
#include "table.h"

enum { LONGEST_NUMBER = 400 };

const ks_serde *serde_of(const char *name)
{
    static const char *const names[] = {"string", "bytes",  "short",   "integer", "long",
                                        "float",  "double", "boolean", "uuid"};

    if (name == NULL) {
        return &ks_serde_string;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            return ks_serde_by_name(name);
        }
    }
    (void)unknown_word("serde", name, names, sizeof names / sizeof names[0]);
    return NULL;
}

/* ---- from text ------------------------------------------------------------------------------- */

static ks_status refuse(const ks_serde *serde, ks_slice text, ks_error *error)
{
    if (error != NULL) {
        error->code = KS_E_SERDE;
        (void)snprintf(error->where, sizeof error->where, "the serde %s:", serde->name);
        (void)snprintf(error->message, sizeof error->message, "'%.*s' is no value of it",
                       (int)(text.size < 100 ? text.size : 100), text.data);
    }
    return KS_E_SERDE;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char small = (char)(c | 0x20);
    return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

static ks_status parse_hex(const ks_serde *serde, ks_slice text, ks_arena *arena, ks_slice *bytes,
                           ks_error *error)
{
    char *into = ks_arena_alloc(arena, text.size / 2);

    if (text.size % 2 != 0) {
        return refuse(serde, text, error);
    }
    for (size_t i = 0; i < text.size; i += 2) {
        int high = hex_digit(text.data[i]);
        int low = hex_digit(text.data[i + 1]);
        if (high < 0 || low < 0) {
            return refuse(serde, text, error);
        }
        into[i / 2] = (char)(high * 16 + low);
    }
    *bytes = ks_slice_of(into, text.size / 2);
    return KS_OK;
}

static bool parse_double(const char *text, double *number)
{
    char *end = NULL;

    *number = strtod(text, &end);
    return end != text && *end == '\0';
}

/* The value of a number or a truth value; false when the text is none, or out of range. */
static bool parse_scalar(ks_kind kind, const char *text, ks_value *value)
{
    int64_t whole = 0;
    double real = 0;

    switch (kind) {
    case KS_KIND_BOOL:
        *value = ks_bool(strcmp(text, "true") == 0);
        return strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
    case KS_KIND_I16:
        if (!parse_number(text, &whole) || whole < INT16_MIN || whole > INT16_MAX) {
            return false;
        }
        *value = ks_i16((int16_t)whole);
        return true;
    case KS_KIND_I32:
        if (!parse_number(text, &whole) || whole < INT32_MIN || whole > INT32_MAX) {
            return false;
        }
        *value = ks_i32((int32_t)whole);
        return true;
    case KS_KIND_I64:
        if (!parse_number(text, &whole)) {
            return false;
        }
        *value = ks_i64(whole);
        return true;
    case KS_KIND_F32:
        if (!parse_double(text, &real) || (isfinite(real) && fabs(real) > (double)FLT_MAX)) {
            return false;
        }
        *value = ks_f32((float)real);
        return true;
    case KS_KIND_F64:
        if (!parse_double(text, &real)) {
            return false;
        }
        *value = ks_f64(real);
        return true;
    default:
        return false;
    }
}

ks_status parse_value(const ks_serde *serde, ks_slice text, ks_arena *arena, ks_slice *bytes,
                      ks_error *error)
{
    const ks_serde_ctx ctx = {.topic = ""};
    char number[LONGEST_NUMBER];
    ks_value value = ks_null();

    *bytes = text;
    if (text.data == NULL || serde->kind == KS_KIND_TEXT) {
        return KS_OK;
    }
    if (serde->kind == KS_KIND_BYTES) {
        return parse_hex(serde, text, arena, bytes, error);
    }
    if (serde->kind == KS_KIND_UUID) { /* the bytes on the topic are the text, when it is one */
        ks_status status = serde->deserialize(serde, &ctx, text, arena, &value, error);
        return status == KS_OK ? KS_OK : refuse(serde, text, error);
    }
    if (text.size >= sizeof number || memchr(text.data, '\0', text.size) != NULL) {
        return refuse(serde, text, error);
    }
    (void)snprintf(number, sizeof number, "%.*s", KS_SLICE_ARGS(text));
    if (!parse_scalar(serde->kind, number, &value)) {
        return refuse(serde, text, error);
    }
    return serde->serialize(serde, &ctx, value, arena, bytes, error);
}

/* ---- to text --------------------------------------------------------------------------------- */

/* With as few digits as read back to the same number. */
static void print_real(FILE *file, double number, bool is_float, bool json)
{
    char text[64];
    int most = is_float ? FLT_DECIMAL_DIG : DBL_DECIMAL_DIG;

    if (!isfinite(number)) {
        const char *name = isnan(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity";
        fprintf(file, json ? "\"%s\"" : "%s", name);
        return;
    }
    for (int digits = 1; digits <= most; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, number);
        double back = is_float ? (double)strtof(text, NULL) : strtod(text, NULL);
        if (back <= number && back >= number) {
            break;
        }
    }
    fputs(text, file);
}

static void print_hex(FILE *file, ks_slice bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        fprintf(file, "%02x", (unsigned char)bytes.data[i]);
    }
}

static void print_bytes(FILE *file, const ks_serde *serde, ks_slice bytes, bool json)
{
    if (serde->kind == KS_KIND_BYTES) {
        fputs(json ? "\"" : "", file);
        print_hex(file, bytes);
        fputs(json ? "\"" : "", file);
    } else if (json) {
        json_text(file, bytes);
    } else {
        fwrite(bytes.data, 1, bytes.size, file);
    }
}

ks_status print_value(FILE *file, const ks_serde *serde, ks_slice bytes, bool json, ks_arena *arena,
                      ks_error *error)
{
    const ks_serde_ctx ctx = {.topic = ""};
    ks_value value = ks_null();

    if (bytes.data == NULL) {
        fputs("null", file);
        return KS_OK;
    }
    ks_status status = serde->deserialize(serde, &ctx, bytes, arena, &value, error);
    if (status != KS_OK) {
        return status;
    }
    switch (serde->kind) {
    case KS_KIND_BOOL:
        fputs(ks_value_bool(value) ? "true" : "false", file);
        break;
    case KS_KIND_I16:
        fprintf(file, "%d", ks_value_i16(value));
        break;
    case KS_KIND_I32:
        fprintf(file, "%" PRId32, ks_value_i32(value));
        break;
    case KS_KIND_I64:
        fprintf(file, "%" PRId64, ks_value_i64(value));
        break;
    case KS_KIND_F32:
        print_real(file, (double)ks_value_f32(value), true, json);
        break;
    case KS_KIND_F64:
        print_real(file, ks_value_f64(value), false, json);
        break;
    default: /* text, bytes, and a UUID, which is text on its topic */
        print_bytes(file, serde, bytes, json);
        break;
    }
    return KS_OK;
}
