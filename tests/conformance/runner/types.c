/* SPDX-License-Identifier: Apache-2.0 */
/*
 * types.c - types of the vocabulary; see types.h.
 *
 * Numbers in JSON keep the form that Java's recorder gave them: whole types are JSON integers,
 * floating types JSON reals (3.0 is not 3), and a NaN or an infinity, which JSON has not, is its
 * name as a text. A float goes through double, so 0.1f reads 0.10000000149011612 on both sides.
 */
#include "types.h"

#include "numbers.h"

#include <math.h>
#include <stdlib.h>

typedef struct type_entry {
    const char *name;
    const ks_serde *serde;
} type_entry;

static const type_entry types[] = {
    {"string", &ks_serde_string}, {"long", &ks_serde_i64},   {"integer", &ks_serde_i32},
    {"short", &ks_serde_i16},     {"double", &ks_serde_f64}, {"float", &ks_serde_f32},
    {"bytes", &ks_serde_bytes},   {"uuid", &ks_serde_uuid},  {"void", &ks_serde_void},
};

/* ---- windowed keys --------------------------------------------------------------------------- */

static const char windowed_prefix[] = "windowed-string:";
static const ks_serde windowed_string_values = KS_TIME_WINDOWED_SERDE(&ks_serde_string, 0);
static const ks_serde session_string = KS_SESSION_WINDOWED_SERDE(&ks_serde_string);

/*
 * Serdes of windows of all sizes that were asked for; they live as long as the process, since a
 * topology may outlive the scenario that names them. Scenarios run one after the other.
 */
typedef struct windowed_string {
    struct windowed_string *next;
    ks_windowed_serde parts;
    ks_serde serde;
} windowed_string;

static windowed_string *windowed_strings;

static const ks_serde *windowed_string_of(cf_problem *problem, const char *digits)
{
    int64_t size_ms = 0;
    if (!number_parse(ks_slice_cstr(digits), &size_ms)) {
        problem_set(problem, "type `windowed-string:%s`: no size in milliseconds", digits);
        return NULL;
    }
    windowed_string *at = windowed_strings;
    while (at != NULL && at->parts.size_ms != size_ms) {
        at = at->next;
    }
    if (at == NULL) {
        at = calloc(1, sizeof *at);
        if (at == NULL) {
            abort();
        }
        at->parts = (ks_windowed_serde){.inner = &ks_serde_string, .size_ms = size_ms};
        at->serde = windowed_string_values;
        at->serde.config = &at->parts;
        at->next = windowed_strings;
        windowed_strings = at;
    }
    return &at->serde;
}

/* ---- types ----------------------------------------------------------------------------------- */

const ks_serde *type_serde(cf_problem *problem, const char *type)
{
    if (type == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(types[i].name, type) == 0) {
            return types[i].serde;
        }
    }
    if (strcmp(type, "session-string") == 0) {
        return &session_string;
    }
    if (strncmp(type, windowed_prefix, sizeof windowed_prefix - 1) == 0) {
        return windowed_string_of(problem, type + sizeof windowed_prefix - 1);
    }
    problem_set(problem, "unknown type `%s`", type);
    return NULL;
}

ks_kind type_number_kind(const char *type)
{
    for (size_t i = 0; type != NULL && i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(types[i].name, type) == 0) {
            ks_kind kind = types[i].serde->kind;
            return number_is(ks_value_make(kind, 0, 0)) ? kind : KS_KIND_NULL;
        }
    }
    return KS_KIND_NULL;
}

/* ---- literals -------------------------------------------------------------------------------- */

static ks_slice text_of(const json_t *json)
{
    return ks_slice_of(json_string_value(json), json_string_length(json));
}

static bool hex_digit(char c, uint8_t *digit)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c == '\0' ? NULL : strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
    *digit = (uint8_t)(at == NULL ? 0 : at - digits);
    return at != NULL;
}

/* UUID.fromString: five groups of hex digits, each cut to its width, so "1-2-3-4-5" is one. */
static ks_value uuid_literal(cf_problem *problem, ks_arena *arena, ks_slice text)
{
    static const size_t widths[] = {4, 2, 2, 2, 6};
    uint8_t *bytes = ks_arena_alloc(arena, 16);
    size_t at = 0;
    uint8_t *out = bytes;
    for (size_t group = 0; group < 5; group++) {
        uint64_t bits = 0;
        size_t begin = at;
        uint8_t digit = 0;
        while (at < text.size && hex_digit(text.data[at], &digit)) {
            bits = bits << 4 | digit;
            at++;
        }
        bool closed = group < 4 ? at < text.size && text.data[at] == '-' : at == text.size;
        if (at == begin || !closed) {
            problem_set(problem, "no UUID: `%.*s`", (int)text.size, text.data);
            return ks_null();
        }
        at++;
        for (size_t i = widths[group]; i-- > 0;) {
            *out++ = (uint8_t)(bits >> (8 * i));
        }
    }
    return ks_uuid(bytes);
}

/* {"key": text, "window": [start, end]} */
static ks_value windowed_literal(cf_problem *problem, ks_arena *arena, const json_t *json)
{
    const json_t *key = json_object_get(json, "key");
    const json_t *bounds = json_object_get(json, "window");
    if (!json_is_string(key) || json_array_size(bounds) != 2) {
        problem_set(problem, "a windowed key must be written as `key` and `window`: [start, end]");
        return ks_null();
    }
    ks_windowed *windowed = ks_arena_alloc(arena, sizeof *windowed);
    *windowed = (ks_windowed){.key = ks_text(text_of(key)),
                              .start = json_integer_value(json_array_get(bounds, 0)),
                              .end = json_integer_value(json_array_get(bounds, 1))};
    return ks_windowed_value(windowed);
}

static ks_value untyped_literal(cf_problem *problem, const json_t *json)
{
    if (json_is_string(json)) {
        return ks_text(text_of(json));
    }
    if (json_is_integer(json)) {
        return ks_i64(json_integer_value(json));
    }
    if (json_is_real(json)) {
        return ks_f64(json_real_value(json));
    }
    problem_set(problem, "not a literal: neither text nor number nor null");
    return ks_null();
}

ks_value type_literal(cf_problem *problem, ks_arena *arena, const char *type, const json_t *json)
{
    if (json == NULL || json_is_null(json)) {
        return ks_null();
    }
    if (type == NULL) {
        return untyped_literal(problem, json);
    }
    const ks_serde *serde = type_serde(problem, type);
    ks_kind number = type_number_kind(type);
    if (serde == NULL) {
        return ks_null();
    }
    if (serde == &ks_serde_void) {
        problem_set(problem, "a void value can only be null");
        return ks_null();
    }
    if (serde->kind == KS_KIND_WINDOWED) {
        return windowed_literal(problem, arena, json);
    }
    if (number != KS_KIND_NULL ? !json_is_number(json) : !json_is_string(json)) {
        problem_set(problem, "a %s must be written as a %s", type,
                    number != KS_KIND_NULL ? "number" : "text");
        return ks_null();
    }
    if (number != KS_KIND_NULL) {
        return number_cast(untyped_literal(problem, json), number);
    }
    if (serde == &ks_serde_bytes) {
        return ks_bytes(type_bytes(problem, arena, json));
    }
    return serde == &ks_serde_uuid ? uuid_literal(problem, arena, text_of(json))
                                   : ks_text(text_of(json));
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static bool is_hex_form(ks_slice text)
{
    return text.size >= 4 && memcmp(text.data, "hex:", 4) == 0;
}

ks_slice type_bytes(cf_problem *problem, ks_arena *arena, const json_t *json)
{
    if (json == NULL || json_is_null(json)) {
        return ks_slice_null();
    }
    if (!json_is_string(json)) {
        problem_set(problem, "bytes must be written as text or `hex:`");
        return ks_slice_null();
    }
    ks_slice text = text_of(json);
    if (!is_hex_form(text)) {
        return text;
    }
    size_t size = (text.size - 4) / 2;
    char *bytes = ks_arena_alloc(arena, size);
    bool sound = text.size % 2 == 0;
    for (size_t i = 0; sound && i < size; i++) {
        uint8_t high = 0;
        uint8_t low = 0;
        sound = hex_digit(text.data[4 + 2 * i], &high) && hex_digit(text.data[5 + 2 * i], &low);
        bytes[i] = (char)(uint8_t)(high << 4 | low);
    }
    if (!sound) {
        problem_set(problem, "no pairs of hex digits: `%.*s`", (int)text.size, text.data);
    }
    return ks_slice_of(bytes, size);
}

ks_slice type_step_bytes(cf_problem *problem, ks_arena *arena, const char *type,
                         const ks_serde_ctx *where, const json_t *json)
{
    if (json == NULL || json_is_null(json) ||
        (json_is_string(json) && is_hex_form(text_of(json)))) {
        return type_bytes(problem, arena, json);
    }
    const ks_serde *serde = type_serde(problem, type);
    ks_value value = type_literal(problem, arena, type, json);
    ks_slice bytes = ks_slice_null();
    ks_error error = {0};
    if (!problem_is_set(problem) &&
        serde->serialize(serde, where, value, arena, &bytes, &error) != KS_OK) {
        problem_set(problem, "cannot serialize a %s of the step: %s", type, error.message);
    }
    return bytes;
}

ks_slice type_bytes_text(ks_arena *arena, ks_slice bytes)
{
    bool printable = !is_hex_form(bytes);
    for (size_t i = 0; printable && i < bytes.size; i++) {
        printable = bytes.data[i] >= 0x20 && bytes.data[i] <= 0x7e;
    }
    return printable ? bytes : ks_value_to_text(arena, ks_bytes(bytes));
}

ks_slice type_text(ks_arena *arena, ks_value value)
{
    return ks_value_kind(value) == KS_KIND_BYTES ? type_bytes_text(arena, ks_value_bytes(value))
                                                 : ks_value_to_text(arena, value);
}

/* ---- JSON of what the library gives ---------------------------------------------------------- */

/* Text that is no UTF-8 has no JSON form; it can only be wrong, so it is shown in hex. */
static json_t *text_json(ks_arena *arena, ks_slice text)
{
    json_t *json = json_stringn(text.data, text.size);
    if (json != NULL) {
        return json;
    }
    ks_slice hex = ks_value_to_text(arena, ks_bytes(text));
    return json_stringn(hex.data, hex.size);
}

json_t *type_bytes_json(ks_arena *arena, ks_slice bytes)
{
    return bytes.data == NULL ? json_null() : text_json(arena, type_bytes_text(arena, bytes));
}

static json_t *floating_json(double number)
{
    if (isnan(number)) {
        return json_string("NaN");
    }
    return isinf(number) ? json_string(number > 0 ? "Infinity" : "-Infinity") : json_real(number);
}

json_t *type_value_json(cf_problem *problem, ks_arena *arena, ks_value value)
{
    switch (ks_value_kind(value)) {
    case KS_KIND_NULL:
        return json_null();
    case KS_KIND_TEXT:
    case KS_KIND_UUID:
        return text_json(arena, ks_value_to_text(arena, value));
    case KS_KIND_BYTES:
        return type_bytes_json(arena, ks_value_bytes(value));
    case KS_KIND_I16:
    case KS_KIND_I32:
    case KS_KIND_I64:
        return json_integer(number_long(value));
    case KS_KIND_F32:
    case KS_KIND_F64:
        return floating_json(number_double(value));
    default:
        problem_set(problem, "no JSON form for a value of kind %s",
                    ks_kind_name(ks_value_kind(value)));
        return json_null();
    }
}
