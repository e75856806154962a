/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read.c - a document into a struct, by the table of its fields.
 *
 * The walk follows the document, not the table: values come in the order in which they stand, and
 * each is stored where its field says. Writers print fields in one order nearly always, so the
 * field that follows the last one found is tried first; the search goes round from there.
 *
 * Invariants
 *   - every value is taken from the reader, also those of unknown fields: its grammar is checked
 *   - a bit for each field says that it was seen; a second time is an error, and what is missing at
 *     the end gets its default, stays zero, or is an error
 *   - what one document takes from the arena is bounded by a budget: `[{},{},...]` of a large
 *     struct would otherwise take a hundred times the memory that it came in
 *   - recursion is as deep as the document, which the reader bounds
 *
 * The tempting wrong way is to look fields up in the document, one search each: with duplicate
 * names the answer depends on the search, and an unknown field is never met.
 *
 * Thread rule: the arena's owner.
 */
#include "base/arena.h"
#include "base/error.h"
#include "serde/json/convert.h"
#include "serde/json/place.h"
#include "serde/json/walk.h"
#include "serde/utf8.h"

enum { FIELDS_MAX = 256, FIRST_ELEMENTS = 4, MEMORY_MAX = 64 * 1024 * 1024 };

typedef struct reading {
    ksi_json_reader reader;
    const ksi_json_target *target;
    ks_slice document;
    ks_arena *arena;
    size_t memory_left;
    ksi_json_event event; /* the one just taken */
} reading;

/* ---- errors ---------------------------------------------------------------------------------- */

static ks_status refuse_at(const reading *r, size_t offset, const ksi_json_place *place,
                           const char *reason)
{
    char path[KSI_JSON_PATH_SIZE];
    const ksi_json_target *target = r->target;
    (void)ksi_json_path(place, path);
    return ksi_error_set(target->error, KS_E_SERDE, target->where, "%s: %s%sat byte %zu: %s",
                         target->name, path, path[0] != '\0' ? " " : "", offset, reason);
}

static ks_status refuse(const reading *r, const ksi_json_place *place, const char *reason)
{
    return refuse_at(r, r->event.offset, place, reason);
}

/* A table that contradicts itself is a mistake of the program, not of the record. */
static ks_status refuse_table(const reading *r, const ksi_json_place *place, const char *reason)
{
    char path[KSI_JSON_PATH_SIZE];
    return ksi_error_set(r->target->error, KS_E_ARGUMENT, r->target->where,
                         "%s: the table's field %s %s", r->target->name, ksi_json_path(place, path),
                         reason);
}

/* The first control character in a string. */
static size_t control_offset(ks_slice document)
{
    bool is_in_string = false;
    for (size_t i = 0; i < document.size; i++) {
        char c = document.data[i];
        if (is_in_string && (unsigned char)c < 0x20) {
            return i;
        }
        i += is_in_string && c == '\\';
        is_in_string = is_in_string != (c == '"');
    }
    return document.size;
}

static ks_status refuse_fault(const reading *r, const ksi_json_place *place, ksi_json_fault fault)
{
    ks_slice document = r->document;
    switch (fault) {
    case KSI_JSON_NOT_UTF8:
        return refuse_at(r, ksi_utf8_well_formed_size(document), NULL, "malformed UTF-8");
    case KSI_JSON_CONTROL:
        return refuse_at(r, control_offset(document), NULL,
                         "a control character in a string; it must be escaped");
    case KSI_JSON_UNCLOSED:
        return refuse_at(r, document.size, NULL, "the document ends within a string");
    case KSI_JSON_EMPTY:
        return refuse_at(r, 0, NULL, "the document is empty");
    case KSI_JSON_TOO_BIG:
        return refuse_at(r, 0, NULL, "the document is larger than 4 GiB");
    case KSI_JSON_TOO_DEEP:
        return refuse(r, place, "objects and arrays are more than 64 levels deep");
    case KSI_JSON_BAD_ESCAPE:
        return refuse(r, place, "a string has an escape that is none");
    case KSI_JSON_TRAILING:
        return refuse(r, NULL, "something follows the document");
    default:
        return refuse(r, place, "malformed JSON here or in what follows");
    }
}

static ks_status advance(reading *r, const ksi_json_place *place)
{
    ksi_json_fault fault = ksi_json_next(&r->reader, &r->event);
    return fault == KSI_JSON_SOUND ? KS_OK : refuse_fault(r, place, fault);
}

static ks_status take_memory(reading *r, const ksi_json_place *place, size_t size)
{
    if (size > r->memory_left) {
        return refuse(r, place, "the document takes more memory than its type allows");
    }
    r->memory_left -= size;
    return KS_OK;
}

/* ---- values nobody wants --------------------------------------------------------------------- */

static bool is_begin(ksi_json_token token)
{
    return token == KSI_JSON_OBJECT_BEGIN || token == KSI_JSON_ARRAY_BEGIN;
}

static bool is_end(ksi_json_token token)
{
    return token == KSI_JSON_OBJECT_END || token == KSI_JSON_ARRAY_END;
}

/* Takes the rest of the value just begun, and refuses what is malformed in it. */
static ks_status pass_over(reading *r, const ksi_json_place *place)
{
    static const ks_json_what number = {.kind = KS_JSON_KIND_NUMBER_TEXT};
    size_t depth = 0;
    for (;;) {
        if (r->event.token == KSI_JSON_NUMBER) {
            ks_slice unused;
            const char *reason = ksi_json_convert(&number, &r->event, (char *)&unused, r->arena);
            if (reason != NULL) {
                return refuse(r, place, reason);
            }
        }
        depth += is_begin(r->event.token);
        depth -= is_end(r->event.token);
        if (depth == 0) {
            return KS_OK;
        }
        KS_TRY(advance(r, place));
    }
}

/* ---- types ----------------------------------------------------------------------------------- */

bool ksi_json_is_trusted(const ks_json_type *type, ks_slice name)
{
    if (type->trusted == NULL) {
        return true;
    }
    for (const char *const *trusted = type->trusted; *trusted != NULL; trusted++) {
        size_t size = strlen(*trusted);
        bool is_package = size >= 1 && (*trusted)[size - 1] == '*';
        size -= is_package;
        if ((is_package ? name.size >= size : name.size == size) &&
            memcmp(name.data, *trusted, size) == 0) {
            return true;
        }
    }
    return false;
}

static ks_status check_type_field(const reading *r, const ks_json_type *type,
                                  const ksi_json_place *place)
{
    if (r->event.token != KSI_JSON_STRING || !ksi_json_is_trusted(type, r->event.text)) {
        return refuse(r, place, "names a type that is not trusted here");
    }
    return KS_OK;
}

/* ---- objects and arrays ---------------------------------------------------------------------- */

static ks_status read_nested(reading *r, const ks_json_what *what, char *to,
                             const ksi_json_place *place);

/* The value just taken; not of an array. */
static inline ks_status read_value(reading *r, const ks_json_what *what, char *to,
                                   const ksi_json_place *place)
{
    if (what->kind == KS_JSON_KIND_OBJECT || what->kind == KS_JSON_KIND_OBJECT_POINTER) {
        return read_nested(r, what, to, place);
    }
    if (r->event.token == KSI_JSON_STRING && r->event.has_escapes) {
        KS_TRY(take_memory(r, place, r->event.text.size + 1));
    }
    const char *reason = ksi_json_convert(what, &r->event, to, r->arena);
    return reason == NULL ? KS_OK : refuse(r, place, reason);
}

/* Names are short and mostly differ in their first letter: a call costs more than the loop. */
static bool is_named(ks_slice key, const char *name)
{
    size_t i = 0;
    while (i < key.size && name[i] == key.data[i] && name[i] != '\0') {
        i++;
    }
    return i == key.size && name[i] == '\0';
}

/* The field of that name; the search begins at `from`. The count: there is none. */
static size_t find_field(const ks_json_type *type, ks_slice key, size_t from)
{
    for (size_t i = from; i < type->field_count; i++) {
        if (is_named(key, ksi_json_field_name(&type->fields[i]))) {
            return i;
        }
    }
    for (size_t i = 0; i < from; i++) {
        if (is_named(key, ksi_json_field_name(&type->fields[i]))) {
            return i;
        }
    }
    return type->field_count;
}

/* What an absent field becomes. */
static ks_status complete_field(reading *r, const ks_json_field *field, char *object,
                                const ksi_json_place *outer)
{
    ksi_json_place place = {.outer = outer, .name = ksi_json_field_name(field)};
    if (field->when_absent != NULL) {
        const char *reason = ksi_json_convert_text(&field->what, field->when_absent,
                                                   object + field->offset, r->arena);
        return reason == NULL ? KS_OK : refuse_table(r, &place, reason);
    }
    return field->is_optional ? KS_OK : refuse(r, &place, "is missing");
}

/* Arrays are two members, so they are a field's business and no value's. */
static ks_status read_array(reading *r, const ks_json_field *field, char *object,
                            const ksi_json_place *place)
{
    const ks_json_what *element = field->what.of;
    size_t size = ksi_json_element_size(element);
    if (size != field->what.size) {
        return refuse_table(r, place, "has elements of another size than its type");
    }
    if (r->event.token != KSI_JSON_ARRAY_BEGIN) {
        return refuse(r, place, "is not an array");
    }
    size_t capacity = 0;
    size_t count = 0;
    char *elements = ksi_arena_alloc(r->arena, 0);
    for (;; count++) {
        ksi_json_place here = {.outer = place, .index = count};
        KS_TRY(advance(r, &here));
        if (r->event.token == KSI_JSON_ARRAY_END) {
            break;
        }
        if (count == capacity) {
            capacity = capacity == 0 ? FIRST_ELEMENTS : capacity * 2;
            KS_TRY(take_memory(r, place, capacity * size));
            char *larger = ksi_arena_alloc(r->arena, capacity * size);
            memcpy(larger, elements, count * size);
            elements = larger;
        }
        memset(elements + count * size, 0, size);
        KS_TRY(read_value(r, element, elements + count * size, &here));
    }
    memcpy(object + field->offset, &elements, sizeof elements);
    memcpy(object + field->count_offset, &count, sizeof count);
    return KS_OK;
}

static ks_status read_field(reading *r, const ks_json_field *field, char *object,
                            const ksi_json_place *place)
{
    if (r->event.token == KSI_JSON_NULL) {
        return field->is_optional || field->when_absent != NULL
                   ? complete_field(r, field, object, place->outer)
                   : refuse(r, place, "is null and not optional");
    }
    if (field->flag != 0) {
        memcpy(object + field->flag - 1, &(bool){true}, sizeof(bool));
    }
    return field->what.kind == KS_JSON_KIND_ARRAY
               ? read_array(r, field, object, place)
               : read_value(r, &field->what, object + field->offset, place);
}

/* A field that the table has not. The key lives until the next event: places need a name of C. */
static ks_status read_other(reading *r, const ks_json_type *type, const ksi_json_place *outer)
{
    ks_slice key = r->event.key;
    if (type->type_field != NULL && is_named(key, type->type_field)) {
        return check_type_field(r, type,
                                &(ksi_json_place){.outer = outer, .name = type->type_field});
    }
    if (type->fail_on_unknown) {
        ksi_json_place place = {.outer = outer, .name = ks_text_cstr(r->arena, key)};
        return refuse(r, &place, "the type has no such field");
    }
    return pass_over(r, outer);
}

/* A bit for each field that the document has. */
typedef struct seen {
    uint64_t bits[FIELDS_MAX / 64];
} seen;

static bool was_seen(const seen *s, size_t field)
{
    return (s->bits[field / 64] >> (field % 64) & 1) != 0;
}

/* All of the object whose begin was just taken. */
static ks_status read_object(reading *r, const ks_json_type *type, char *object,
                             const ksi_json_place *outer)
{
    if (type->field_count > FIELDS_MAX) {
        return refuse_table(r, outer, "has more than 256 fields");
    }
    seen in_document = {{0}};
    size_t count = 0; /* of them */
    size_t expected = 0;
    for (;;) {
        KS_TRY(advance(r, outer));
        if (r->event.token == KSI_JSON_OBJECT_END) {
            break;
        }
        size_t found = find_field(type, r->event.key, expected);
        if (found == type->field_count) {
            KS_TRY(read_other(r, type, outer));
            continue;
        }
        const ks_json_field *field = &type->fields[found];
        ksi_json_place place = {.outer = outer, .name = ksi_json_field_name(field)};
        if (was_seen(&in_document, found)) {
            return refuse(r, &place, "comes twice in its object");
        }
        KS_TRY(read_field(r, field, object, &place));
        in_document.bits[found / 64] |= UINT64_C(1) << (found % 64);
        count++;
        expected = found + 1;
    }
    for (size_t i = 0; count < type->field_count; i++) {
        if (!was_seen(&in_document, i)) {
            KS_TRY(complete_field(r, &type->fields[i], object, outer));
            count++;
        }
    }
    return KS_OK;
}

static ks_status read_nested(reading *r, const ks_json_what *what, char *to,
                             const ksi_json_place *place)
{
    const ks_json_type *type = what->of;
    if (what->size != 0 && what->size != type->size) {
        return refuse_table(r, place, "has another size than its type");
    }
    if (r->event.token != KSI_JSON_OBJECT_BEGIN) {
        return refuse(r, place, "is not an object");
    }
    char *object = to;
    if (what->kind == KS_JSON_KIND_OBJECT_POINTER) {
        KS_TRY(take_memory(r, place, type->size));
        object = ksi_arena_zalloc(r->arena, type->size);
        memcpy(to, &object, sizeof object);
    }
    return read_object(r, type, object, place);
}

ks_status ksi_json_read(const ksi_json_target *target, const ks_json_type *type, ks_slice bytes,
                        void *to, ks_arena *arena)
{
    reading r = {.target = target,
                 .document = bytes,
                 .arena = arena,
                 .memory_left = type->memory_max_bytes != 0 ? type->memory_max_bytes : MEMORY_MAX};
    ksi_json_fault fault = ksi_json_begin(&r.reader, bytes);
    if (fault != KSI_JSON_SOUND) {
        return refuse_fault(&r, NULL, fault);
    }
    KS_TRY(advance(&r, NULL));
    if (r.event.token != KSI_JSON_OBJECT_BEGIN) {
        return refuse(&r, NULL, "the document is not an object");
    }
    KS_TRY(read_object(&r, type, to, NULL));
    fault = ksi_json_end(&r.reader);
    return fault == KSI_JSON_SOUND ? KS_OK : refuse_fault(&r, NULL, fault);
}
