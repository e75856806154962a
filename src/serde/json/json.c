/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.c - the JSON serde as programs see it, and copies of what it made.
 *
 * A payload points into the record it was read from and into that record's arena. Whoever keeps it
 * longer needs all of it: ksi_json_own() goes along the table as reading does and copies what each
 * member points to. Printing and reading again would give the same struct at five times the cost.
 *
 * Thread rule: the arena's owner.
 */
#include <kstreams/json.h>

#include "base/arena.h"
#include "base/error.h"
#include "serde/json/place.h"
#include "serde/json/walk.h"

static const char type_header[] = "__TypeId__";

/* ---- copies ---------------------------------------------------------------------------------- */

static void own_value(const ks_json_what *what, char *member, ks_arena *arena)
{
    ks_slice slice;
    char *pointer;
    switch (what->kind) {
    case KS_JSON_KIND_STRING:
    case KS_JSON_KIND_NUMBER_TEXT:
        memcpy(&slice, member, sizeof slice);
        slice = ksi_arena_copy(arena, slice);
        memcpy(member, &slice, sizeof slice);
        break;
    case KS_JSON_KIND_C_STRING:
        pointer = ksi_arena_strdup(arena, ksi_json_load_pointer(member));
        memcpy(member, &pointer, sizeof pointer);
        break;
    case KS_JSON_KIND_OBJECT:
        ksi_json_own(what->of, member, arena);
        break;
    case KS_JSON_KIND_OBJECT_POINTER:
        pointer = ksi_json_load_pointer(member);
        if (pointer != NULL) {
            const ks_json_type *type = what->of;
            pointer = memcpy(ksi_arena_alloc(arena, type->size), pointer, type->size);
            ksi_json_own(type, pointer, arena);
            memcpy(member, &pointer, sizeof pointer);
        }
        break;
    default:
        break;
    }
}

static void own_array(const ks_json_field *field, char *object, ks_arena *arena)
{
    const ks_json_what *element = field->what.of;
    const char *elements = ksi_json_load_pointer(object + field->offset);
    size_t count = ksi_json_load_count(field, object);
    size_t size = ksi_json_element_size(element);
    if (elements == NULL) {
        return;
    }
    char *copy = ksi_arena_alloc(arena, count * size);
    memcpy(copy, elements, count * size);
    for (size_t i = 0; i < count; i++) {
        own_value(element, copy + i * size, arena);
    }
    memcpy(object + field->offset, &copy, sizeof copy);
}

void ksi_json_own(const ks_json_type *type, char *object, ks_arena *arena)
{
    for (size_t i = 0; i < type->field_count; i++) {
        const ks_json_field *field = &type->fields[i];
        if (field->what.kind == KS_JSON_KIND_ARRAY) {
            own_array(field, object, arena);
        } else {
            own_value(&field->what, object + field->offset, arena);
        }
    }
}

void *ks_json_copy(const ks_serde *serde, const void *payload, ks_arena *arena)
{
    const ks_json_type *type = serde->config;
    char *copy = memcpy(ksi_arena_alloc(arena, type->size), payload, type->size);
    ksi_json_own(type, copy, arena);
    return copy;
}

/* ---- the serde ------------------------------------------------------------------------------- */

static ksi_json_target target_of(const ks_json_type *type, const ks_serde_ctx *ctx, ks_error *error)
{
    return (ksi_json_target){
        .where = ctx != NULL ? ctx->topic : NULL, .name = type->name, .error = error};
}

ks_status ks_json_serialize(const ks_serde *serde, const ks_serde_ctx *ctx, ks_value value,
                            ks_arena *arena, ks_slice *bytes, ks_error *error)
{
    const ks_json_type *type = serde->config;
    ksi_json_target target = target_of(type, ctx, error);
    if (ks_value_kind(value) != KS_KIND_OBJECT) {
        return ksi_error_set(error, KS_E_SERDE, target.where,
                             "the serde %s writes objects, and this value is of kind %s: make it "
                             "with ks_object_new()",
                             serde->name, ks_kind_name(ks_value_kind(value)));
    }
    const ks_object *object = (const ks_object *)(uintptr_t)value.bits;
    if (object->serde != serde) {
        return ksi_error_set(error, KS_E_SERDE, target.where,
                             "the serde %s got an object of the serde %s: give the operation the "
                             "serde of its values",
                             serde->name, object->serde != NULL ? object->serde->name : "unnamed");
    }
    return ksi_json_write(&target, type, object->payload, arena, bytes);
}

static ks_status check_type_header(const ksi_json_target *target, const ks_json_type *type,
                                   const ks_serde_ctx *ctx)
{
    ks_slice name;
    if (type->trusted == NULL || ctx == NULL ||
        !ks_headers_last(ctx->headers, type_header, &name) || name.data == NULL ||
        ksi_json_is_trusted(type, name)) {
        return KS_OK;
    }
    return ksi_error_set(
        target->error, KS_E_SERDE, target->where,
        "%s: the record's header %s names the type %.*s, which is not trusted here", target->name,
        type_header, (int)(name.size < 100 ? name.size : 100), name.data);
}

ks_status ks_json_deserialize(const ks_serde *serde, const ks_serde_ctx *ctx, ks_slice bytes,
                              ks_arena *arena, ks_value *value, ks_error *error)
{
    const ks_json_type *type = serde->config;
    ksi_json_target target = target_of(type, ctx, error);
    KS_TRY(check_type_header(&target, type, ctx));
    void *payload = ks_object_new(arena, serde, type->size, value);
    return ksi_json_read(&target, type, bytes, payload, arena);
}

/* ---- without a record ------------------------------------------------------------------------ */

ks_status ks_json_read(const ks_json_type *type, ks_slice bytes, void *to, ks_arena *arena,
                       ks_error *error)
{
    ksi_json_target target = target_of(type, NULL, error);
    memset(to, 0, type->size);
    return ksi_json_read(&target, type, bytes, to, arena);
}

ks_status ks_json_write(const ks_json_type *type, const void *from, ks_arena *arena,
                        ks_slice *bytes, ks_error *error)
{
    ksi_json_target target = target_of(type, NULL, error);
    return ksi_json_write(&target, type, from, arena, bytes);
}
