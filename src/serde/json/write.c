/* SPDX-License-Identifier: Apache-2.0 */
/*
 * write.c - a struct as a document, by the table of its fields.
 *
 * Fields come in the order of the table and without blanks, so equal structs give equal bytes: a
 * changelog or a test may compare them. What is absent is left out, not printed as null.
 *
 * Invariants
 *   - what is printed reads back as the same struct: texts are checked to be UTF-8, doubles have
 *     the fewest digits that give the same double, decimals all their places
 *   - what JSON cannot say is an error with its path, never something near it
 *   - a struct that points to itself ends at the depth that reading allows
 *
 * The text grows in the arena, by doubling; what it has outgrown is given back with the record.
 *
 * Thread rule: the arena's owner.
 */
#include <math.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/error.h"
#include "serde/json/number.h"
#include "serde/json/place.h"
#include "serde/json/reader.h"
#include "serde/json/time.h"
#include "serde/json/walk.h"
#include "serde/number_text.h"
#include "serde/utf8.h"

enum { FIRST_SIZE = 1024, ESCAPE_SIZE = 6, INTEGER_SIZE = 24, PLACES_MAX = 18 };

typedef struct writing {
    const ksi_json_target *target;
    ks_arena *arena;
    char *text;
    size_t size;
    size_t capacity;
    size_t depth;
} writing;

static ks_status refuse(const writing *w, const ksi_json_place *place, const char *reason)
{
    char path[KSI_JSON_PATH_SIZE];
    const ksi_json_target *target = w->target;
    (void)ksi_json_path(place, path);
    return ksi_error_set(target->error, KS_E_SERDE, target->where, "%s: %s%s%s", target->name, path,
                         path[0] != '\0' ? ": " : "", reason);
}

/* ---- bytes ----------------------------------------------------------------------------------- */

/* Room for `size` more bytes; they count when put() or the caller adds them. */
static char *room(writing *w, size_t size)
{
    if (size > w->capacity - w->size) {
        size_t capacity = w->capacity == 0 ? FIRST_SIZE : w->capacity * 2;
        while (capacity - w->size < size) {
            capacity *= 2;
        }
        char *larger = ksi_arena_alloc(w->arena, capacity);
        if (w->size > 0) {
            memcpy(larger, w->text, w->size);
        }
        w->text = larger;
        w->capacity = capacity;
    }
    return w->text + w->size;
}

static void put(writing *w, const char *bytes, size_t size)
{
    memcpy(room(w, size), bytes, size);
    w->size += size;
}

static void put_char(writing *w, char c)
{
    *room(w, 1) = c;
    w->size++;
}

/* ---- texts ----------------------------------------------------------------------------------- */

/* The letter behind the backslash; NUL: the character has none. */
static char escape_letter(unsigned char c)
{
    switch (c) {
    case '"':
    case '\\':
        return (char)c;
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    default:
        return '\0';
    }
}

static size_t escape(unsigned char c, char text[ESCAPE_SIZE + 1])
{
    char letter = escape_letter(c);
    if (letter == '\0') {
        (void)snprintf(text, ESCAPE_SIZE + 1, "\\u%04X", c);
        return ESCAPE_SIZE;
    }
    text[0] = '\\';
    text[1] = letter;
    return 2;
}

static bool needs_escape(unsigned char c)
{
    return c < 0x20 || c == '"' || c == '\\';
}

static void put_string(writing *w, ks_slice text)
{
    put_char(w, '"');
    size_t begin = 0;
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (needs_escape(c)) {
            char escaped[ESCAPE_SIZE + 1];
            put(w, text.data + begin, i - begin);
            put(w, escaped, escape(c, escaped));
            begin = i + 1;
        }
    }
    if (text.size > begin) {
        put(w, text.data + begin, text.size - begin);
    }
    put_char(w, '"');
}

static ks_status write_text(writing *w, ks_slice text, const ksi_json_place *place)
{
    if (text.data == NULL) {
        return refuse(w, place, "is null and not optional");
    }
    if (ksi_utf8_well_formed_size(text) != text.size) {
        return refuse(w, place, "the text is not UTF-8");
    }
    put_string(w, text);
    return KS_OK;
}

static ks_slice load_slice(const char *member)
{
    ks_slice slice;
    memcpy(&slice, member, sizeof slice);
    return slice;
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* Sign-extended when the member is signed. */
static uint64_t load_integer(const char *member, size_t size, bool is_signed)
{
    uint64_t bits = 0;
    switch (size) {
    case 1:
        bits = (uint8_t)*member;
        break;
    case 2: {
        uint16_t narrow;
        memcpy(&narrow, member, sizeof narrow);
        bits = narrow;
        break;
    }
    case 4: {
        uint32_t narrow;
        memcpy(&narrow, member, sizeof narrow);
        bits = narrow;
        break;
    }
    default:
        memcpy(&bits, member, sizeof bits);
        return bits;
    }
    uint64_t sign = UINT64_C(1) << (8 * size - 1);
    return is_signed ? (bits ^ sign) - sign : bits;
}

/* The digits of a magnitude, at least `least` of them, at the end of `text`; where they begin. */
static char *digits_of(uint64_t magnitude, size_t least, char text[INTEGER_SIZE])
{
    char *at = text + INTEGER_SIZE;
    for (size_t count = 0; magnitude != 0 || count < least; count++) {
        *--at = (char)('0' + magnitude % 10);
        magnitude /= 10;
    }
    return at;
}

static void put_integer(writing *w, const char *member, const ks_json_what *what)
{
    bool is_signed = what->kind != KS_JSON_KIND_UNSIGNED;
    uint64_t bits = load_integer(member, what->size, is_signed);
    bool is_negative = is_signed && (int64_t)bits < 0;
    size_t places = what->kind == KS_JSON_KIND_DECIMAL ? (size_t)what->scale : 0;
    char text[INTEGER_SIZE];
    char *at = digits_of(is_negative ? 0 - bits : bits, places + 1, text);
    size_t size = (size_t)(text + INTEGER_SIZE - at);
    if (is_negative) {
        put_char(w, '-');
    }
    put(w, at, size - places);
    if (places > 0) {
        put_char(w, '.');
        put(w, text + INTEGER_SIZE - places, places);
    }
}

static ks_status write_double(writing *w, const char *member, size_t size,
                              const ksi_json_place *place)
{
    char text[KSI_NUMBER_TEXT_SIZE];
    size_t length;
    bool is_finite;
    if (size == sizeof(float)) {
        float number;
        memcpy(&number, member, sizeof number);
        is_finite = isfinite(number) != 0;
        length = ksi_f32_to_text(number, text);
    } else {
        double number;
        memcpy(&number, member, sizeof number);
        is_finite = isfinite(number) != 0;
        length = ksi_f64_to_text(number, text);
    }
    if (!is_finite) {
        return refuse(w, place, "JSON has no NaN and no infinity");
    }
    put(w, text, length);
    return KS_OK;
}

static ks_status write_number_text(writing *w, const char *member, const ksi_json_place *place)
{
    ks_slice text = load_slice(member);
    ksi_json_decimal decimal;
    if (!ksi_json_decimal_of(text, &decimal)) {
        return refuse(w, place, "the text is not a number");
    }
    put(w, text.data, text.size);
    return KS_OK;
}

/* ---- dates and names ------------------------------------------------------------------------- */

static ks_status write_time(writing *w, const ks_json_what *what, const char *member,
                            const ksi_json_place *place)
{
    char text[KSI_JSON_TIME_SIZE];
    size_t size;
    if (what->kind == KS_JSON_KIND_DATE) {
        int32_t day;
        memcpy(&day, member, sizeof day);
        size = ksi_json_date_text(day, text);
    } else {
        int64_t moment;
        memcpy(&moment, member, sizeof moment);
        bool is_local = what->kind == KS_JSON_KIND_LOCAL_DATE_TIME;
        size = ksi_json_moment_text(moment, is_local, what->scale, text);
    }
    if (size == 0) {
        return refuse(w, place, "the year is not one of 0000 to 9999");
    }
    put_string(w, ks_slice_of(text, size));
    return KS_OK;
}

static ks_status write_enum(writing *w, const ks_json_what *what, const char *member,
                            const ksi_json_place *place)
{
    uint64_t bits = load_integer(member, what->size, false);
    for (const ks_json_name *known = what->of; known->name != NULL; known++) {
        uint64_t narrowed = load_integer((const char *)&known->value, sizeof known->value, false) &
                            (UINT64_MAX >> (64 - 8 * what->size));
        if (narrowed == bits) {
            return write_text(w, ks_slice_cstr(known->name), place);
        }
    }
    return refuse(w, place, "the value has no name");
}

/* ---- objects and arrays ---------------------------------------------------------------------- */

static ks_status write_object(writing *w, const ks_json_type *type, const char *object,
                              const ksi_json_place *place);

static ks_status write_value(writing *w, const ks_json_what *what, const char *member,
                             const ksi_json_place *place)
{
    switch (what->kind) {
    case KS_JSON_KIND_STRING:
        return write_text(w, load_slice(member), place);
    case KS_JSON_KIND_C_STRING:
        return write_text(w, ks_slice_cstr(ksi_json_load_pointer(member)), place);
    case KS_JSON_KIND_DECIMAL:
        if (what->scale < 0 || what->scale > PLACES_MAX) {
            return refuse(w, place, "the table's decimal has places other than 0 to 18");
        }
        put_integer(w, member, what);
        return KS_OK;
    case KS_JSON_KIND_SIGNED:
    case KS_JSON_KIND_UNSIGNED:
        put_integer(w, member, what);
        return KS_OK;
    case KS_JSON_KIND_DOUBLE:
        return write_double(w, member, what->size, place);
    case KS_JSON_KIND_NUMBER_TEXT:
        return write_number_text(w, member, place);
    case KS_JSON_KIND_BOOL:
        if (*(const bool *)(const void *)member) {
            put(w, "true", 4);
        } else {
            put(w, "false", 5);
        }
        return KS_OK;
    case KS_JSON_KIND_DATE:
    case KS_JSON_KIND_DATE_TIME:
    case KS_JSON_KIND_LOCAL_DATE_TIME:
        return write_time(w, what, member, place);
    case KS_JSON_KIND_ENUM:
        return write_enum(w, what, member, place);
    case KS_JSON_KIND_OBJECT:
        return write_object(w, what->of, member, place);
    case KS_JSON_KIND_OBJECT_POINTER:
        return write_object(w, what->of, ksi_json_load_pointer(member), place);
    case KS_JSON_KIND_ARRAY:
        break;
    }
    return refuse(w, place, "has a kind that is no value");
}

static ks_status write_array(writing *w, const ks_json_field *field, const char *object,
                             const ksi_json_place *place)
{
    const ks_json_what *element = field->what.of;
    const char *elements = ksi_json_load_pointer(object + field->offset);
    size_t count = ksi_json_load_count(field, object);
    size_t size = ksi_json_element_size(element);
    if (elements == NULL && count > 0) {
        return refuse(w, place, "has a count and no elements");
    }
    put_char(w, '[');
    for (size_t i = 0; i < count; i++) {
        ksi_json_place here = {.outer = place, .index = i};
        if (i > 0) {
            put_char(w, ',');
        }
        KS_TRY(write_value(w, element, elements + i * size, &here));
    }
    put_char(w, ']');
    return KS_OK;
}

/* Whether an optional member is there to be printed. */
static bool is_there(const ks_json_field *field, const char *object)
{
    const bool *flag = ksi_json_flag(field, object);
    if (flag != NULL) {
        return *flag;
    }
    switch (field->what.kind) {
    case KS_JSON_KIND_STRING:
    case KS_JSON_KIND_NUMBER_TEXT:
        return load_slice(object + field->offset).data != NULL;
    case KS_JSON_KIND_C_STRING:
    case KS_JSON_KIND_OBJECT_POINTER:
    case KS_JSON_KIND_ARRAY:
        return ksi_json_load_pointer(object + field->offset) != NULL;
    default:
        return true;
    }
}

static void put_name(writing *w, const char *name, bool *is_first)
{
    if (!*is_first) {
        put_char(w, ',');
    }
    *is_first = false;
    put_string(w, ks_slice_cstr(name));
    put_char(w, ':');
}

static ks_status write_fields(writing *w, const ks_json_type *type, const char *object,
                              const ksi_json_place *outer)
{
    bool is_first = true;
    if (type->type_field != NULL && type->type_name != NULL) {
        put_name(w, type->type_field, &is_first);
        put_string(w, ks_slice_cstr(type->type_name));
    }
    for (size_t i = 0; i < type->field_count; i++) {
        const ks_json_field *field = &type->fields[i];
        ksi_json_place place = {.outer = outer, .name = ksi_json_field_name(field)};
        if (field->is_optional && !is_there(field, object)) {
            continue;
        }
        put_name(w, place.name, &is_first);
        KS_TRY(field->what.kind == KS_JSON_KIND_ARRAY
                   ? write_array(w, field, object, &place)
                   : write_value(w, &field->what, object + field->offset, &place));
    }
    return KS_OK;
}

static ks_status write_object(writing *w, const ks_json_type *type, const char *object,
                              const ksi_json_place *place)
{
    if (object == NULL) {
        return refuse(w, place, "is NULL and not optional");
    }
    if (w->depth == KSI_JSON_DEPTH_MAX) {
        return refuse(w, place, "objects are more than 64 levels deep");
    }
    w->depth++;
    put_char(w, '{');
    KS_TRY(write_fields(w, type, object, place));
    put_char(w, '}');
    w->depth--;
    return KS_OK;
}

ks_status ksi_json_write(const ksi_json_target *target, const ks_json_type *type, const void *from,
                         ks_arena *arena, ks_slice *bytes)
{
    writing w = {.target = target, .arena = arena};
    KS_TRY(write_object(&w, type, from, NULL));
    *bytes = ks_slice_of(w.text, w.size);
    return KS_OK;
}
