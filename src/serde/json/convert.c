/* SPDX-License-Identifier: Apache-2.0 */
/*
 * convert.c - a single value of a document into a member: a text, a number, a date, a name.
 *
 * Every conversion is exact or refused: an integer out of the member's range, a decimal with too
 * many places and an unknown name are errors, never a near miss. Only doubles round, as they must.
 *
 * A member is written byte by byte (memcpy), because the table knows its size and not its type.
 *
 * The answer of a conversion is why it failed, as a piece of a sentence, since place and offset are
 * known to the caller alone.
 *
 * Thread rule: the arena's owner.
 */
#include "serde/json/convert.h"

#include "base/arena.h"
#include "serde/json/number.h"
#include "serde/json/time.h"
#include "serde/utf8.h"

enum { SHOWN_MAX = 40 };

const char *ksi_json_token_name(ksi_json_token token)
{
    switch (token) {
    case KSI_JSON_OBJECT_BEGIN:
    case KSI_JSON_OBJECT_END:
        return "an object";
    case KSI_JSON_ARRAY_BEGIN:
    case KSI_JSON_ARRAY_END:
        return "an array";
    case KSI_JSON_STRING:
        return "a string";
    case KSI_JSON_NUMBER:
        return "a number";
    case KSI_JSON_TRUE:
    case KSI_JSON_FALSE:
        return "a boolean";
    case KSI_JSON_NULL:
        return "null";
    }
    return "something else";
}

/* `format` has one %.*s and one %s: for the value's text, which may be long, and "..." if it is. */
static const char *refuse(ks_arena *arena, const char *format, ks_slice text)
{
    size_t shown = text.size < SHOWN_MAX ? text.size : SHOWN_MAX;
    shown = ksi_utf8_well_formed_size(ks_slice_of(text.data, shown));
    ks_slice quoted =
        ks_text_format(arena, "%.*s%s", (int)shown, text.data, shown < text.size ? "..." : "");
    return ksi_arena_format(arena, format, (int)quoted.size, quoted.data);
}

static const char *expected(ks_arena *arena, const char *wanted, const ksi_json_event *event)
{
    return ksi_arena_format(arena, "is %s, not %s", ksi_json_token_name(event->token), wanted);
}

/* ---- texts ----------------------------------------------------------------------------------- */

/* The string's text, which lives as long as the arena. */
static const char *text_of(const ksi_json_event *event, ks_arena *arena, ks_slice *text)
{
    if (event->token != KSI_JSON_STRING) {
        return expected(arena, "a string", event);
    }
    *text = event->has_escapes ? ksi_arena_copy(arena, event->text) : event->text;
    return NULL;
}

static const char *convert_string(const ks_json_what *what, const ksi_json_event *event, char *to,
                                  ks_arena *arena)
{
    (void)what;
    ks_slice text = ks_slice_null();
    const char *reason = text_of(event, arena, &text);
    if (reason == NULL) {
        memcpy(to, &text, sizeof text);
    }
    return reason;
}

static const char *convert_c_string(const ks_json_what *what, const ksi_json_event *event, char *to,
                                    ks_arena *arena)
{
    (void)what;
    ks_slice text = ks_slice_null();
    const char *reason = text_of(event, arena, &text);
    if (reason != NULL) {
        return reason;
    }
    if (text.size > 0 && memchr(text.data, '\0', text.size) != NULL) {
        return "holds U+0000, which a C text ends at";
    }
    const char *copy = ks_text_cstr(arena, text);
    memcpy(to, &copy, sizeof copy);
    return NULL;
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* The low bytes of a number; the caller has seen that it fits. */
static void store_integer(char *to, size_t size, uint64_t bits)
{
    switch (size) {
    case 1:
        *to = (char)(uint8_t)bits;
        return;
    case 2:
        memcpy(to, &(uint16_t){(uint16_t)bits}, 2);
        return;
    case 4:
        memcpy(to, &(uint32_t){(uint32_t)bits}, 4);
        return;
    default:
        memcpy(to, &bits, 8);
        return;
    }
}

/* The greatest magnitude that fits: of the negative numbers of a signed member one more. */
static uint64_t greatest(ks_json_kind kind, size_t size, bool is_negative)
{
    uint64_t all = UINT64_MAX >> (64 - 8 * size);
    if (kind == KS_JSON_KIND_UNSIGNED) {
        return is_negative ? 0 : all;
    }
    return (all >> 1) + is_negative;
}

/* The number that stands there; the answer is NULL, or why there is none. */
static const char *number_of(const ks_json_what *what, const ksi_json_event *event,
                             ksi_json_decimal *decimal, ks_arena *arena)
{
    bool is_text = what->kind == KS_JSON_KIND_DECIMAL && event->token == KSI_JSON_STRING;
    if (event->token != KSI_JSON_NUMBER && !is_text) {
        return expected(arena, "a number", event);
    }
    return ksi_json_decimal_of(event->text, decimal)
               ? NULL
               : refuse(arena, "%.*s is not a number", event->text);
}

static const char *convert_integer(const ks_json_what *what, const ksi_json_event *event, char *to,
                                   ks_arena *arena)
{
    ksi_json_decimal decimal = {0};
    uint64_t magnitude = 0;
    const char *reason = number_of(what, event, &decimal, arena);
    if (reason != NULL) {
        return reason;
    }
    ksi_json_scaling scaling = ksi_json_decimal_scale(decimal, what->scale, &magnitude);
    if (scaling == KSI_JSON_TOO_MANY_PLACES) {
        return what->kind == KS_JSON_KIND_DECIMAL
                   ? refuse(arena, "%.*s has more places after the point than are kept",
                            event->text)
                   : refuse(arena, "%.*s is not a whole number", event->text);
    }
    if (scaling == KSI_JSON_TOO_LARGE ||
        magnitude > greatest(what->kind, what->size, decimal.is_negative)) {
        return refuse(arena, "%.*s is out of the member's range", event->text);
    }
    store_integer(to, what->size, decimal.is_negative ? 0 - magnitude : magnitude);
    return NULL;
}

/* Numbers too near to zero for a double are zero, as everywhere; those too large are refused. */
static const char *convert_double(const ks_json_what *what, const ksi_json_event *event, char *to,
                                  ks_arena *arena)
{
    ksi_json_decimal decimal = {0};
    const char *reason = number_of(what, event, &decimal, arena);
    if (reason != NULL) {
        return reason;
    }
    double as_double = decimal.is_negative ? -0.0 : 0.0;
    float as_float = decimal.is_negative ? -0.0F : 0.0F;
    bool is_near = what->size == sizeof(float) ? ksi_json_float(event->text, &as_float)
                                               : ksi_json_double(event->text, &as_double);
    if (!is_near && decimal.exponent > 0) {
        return refuse(arena, "%.*s is out of the member's range", event->text);
    }
    if (what->size == sizeof(float)) {
        memcpy(to, &as_float, sizeof as_float);
    } else {
        memcpy(to, &as_double, sizeof as_double);
    }
    return NULL;
}

static const char *convert_number_text(const ks_json_what *what, const ksi_json_event *event,
                                       char *to, ks_arena *arena)
{
    ksi_json_decimal unused;
    const char *reason = number_of(what, event, &unused, arena);
    if (reason == NULL) {
        memcpy(to, &event->text, sizeof event->text);
    }
    return reason;
}

/* ---- dates and names ------------------------------------------------------------------------- */

static const char *convert_date(const ks_json_what *what, const ksi_json_event *event, char *to,
                                ks_arena *arena)
{
    (void)what;
    int32_t day;
    if (event->token != KSI_JSON_STRING) {
        return expected(arena, "a string with a date", event);
    }
    if (!ksi_json_date_of(event->text, &day)) {
        return refuse(arena, "\"%.*s\" is no date such as 2026-05-21", event->text);
    }
    memcpy(to, &day, sizeof day);
    return NULL;
}

static const char *convert_moment(const ks_json_what *what, const ksi_json_event *event, char *to,
                                  ks_arena *arena)
{
    int64_t moment;
    bool is_local = what->kind == KS_JSON_KIND_LOCAL_DATE_TIME;
    if (event->token != KSI_JSON_STRING) {
        return expected(arena, "a string with a date and a time", event);
    }
    if (!ksi_json_moment_of(event->text, is_local, what->scale, &moment)) {
        return is_local ? refuse(arena,
                                 "\"%.*s\" is no date and time without a zone, such as "
                                 "2026-05-21T21:48:15.989",
                                 event->text)
                        : refuse(arena,
                                 "\"%.*s\" is no date and time with a zone, such as "
                                 "2026-05-21T21:48:15.989Z",
                                 event->text);
    }
    memcpy(to, &moment, sizeof moment);
    return NULL;
}

static const char *convert_enum(const ks_json_what *what, const ksi_json_event *event, char *to,
                                ks_arena *arena)
{
    if (event->token != KSI_JSON_STRING) {
        return expected(arena, "a string with a name", event);
    }
    for (const ks_json_name *known = what->of; known->name != NULL; known++) {
        if (ks_slice_equal(event->text, ks_slice_cstr(known->name))) {
            store_integer(to, what->size, (uint64_t)known->value);
            return NULL;
        }
    }
    return refuse(arena, "\"%.*s\" is none of the names known", event->text);
}

static const char *convert_bool(const ks_json_what *what, const ksi_json_event *event, char *to,
                                ks_arena *arena)
{
    (void)what;
    if (event->token != KSI_JSON_TRUE && event->token != KSI_JSON_FALSE) {
        return expected(arena, "a boolean", event);
    }
    bool is_true = event->token == KSI_JSON_TRUE;
    memcpy(to, &is_true, sizeof is_true);
    return NULL;
}

/* ---- all of them ----------------------------------------------------------------------------- */

typedef const char *conversion(const ks_json_what *what, const ksi_json_event *event, char *to,
                               ks_arena *arena);

static conversion *const conversions[] = {
    [KS_JSON_KIND_STRING] = convert_string,
    [KS_JSON_KIND_C_STRING] = convert_c_string,
    [KS_JSON_KIND_SIGNED] = convert_integer,
    [KS_JSON_KIND_UNSIGNED] = convert_integer,
    [KS_JSON_KIND_DOUBLE] = convert_double,
    [KS_JSON_KIND_BOOL] = convert_bool,
    [KS_JSON_KIND_DECIMAL] = convert_integer,
    [KS_JSON_KIND_NUMBER_TEXT] = convert_number_text,
    [KS_JSON_KIND_DATE] = convert_date,
    [KS_JSON_KIND_DATE_TIME] = convert_moment,
    [KS_JSON_KIND_LOCAL_DATE_TIME] = convert_moment,
    [KS_JSON_KIND_ENUM] = convert_enum,
};

const char *ksi_json_convert(const ks_json_what *what, const ksi_json_event *event, char *to,
                             ks_arena *arena)
{
    size_t kind = (size_t)what->kind;
    if (kind >= sizeof conversions / sizeof conversions[0] || conversions[kind] == NULL) {
        return "has a kind that is no single value";
    }
    return conversions[kind](what, event, to, arena);
}

static ksi_json_token token_of_text(ks_json_kind kind, const char *text)
{
    switch (kind) {
    case KS_JSON_KIND_SIGNED:
    case KS_JSON_KIND_UNSIGNED:
    case KS_JSON_KIND_DOUBLE:
    case KS_JSON_KIND_DECIMAL:
    case KS_JSON_KIND_NUMBER_TEXT:
        return KSI_JSON_NUMBER;
    case KS_JSON_KIND_BOOL:
        return strcmp(text, "true") == 0    ? KSI_JSON_TRUE
               : strcmp(text, "false") == 0 ? KSI_JSON_FALSE
                                            : KSI_JSON_STRING;
    default:
        return KSI_JSON_STRING;
    }
}

const char *ksi_json_convert_text(const ks_json_what *what, const char *text, char *to,
                                  ks_arena *arena)
{
    ksi_json_event event = {.token = token_of_text(what->kind, text), .text = ks_slice_cstr(text)};
    return ksi_json_convert(what, &event, to, arena);
}
