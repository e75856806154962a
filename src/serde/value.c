/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value.c - what can be done with any value: name its kind, compare, copy, print, and refuse a
 * wrong accessor.
 *
 * Equality and text are those of Java's boxed values, because topologies are compared with Java's:
 * a double equals itself when it is NaN, and 0.0 is not -0.0 (Double.equals); numbers print as
 * String.valueOf() prints them. Comparing doubles with == is the tempting wrong way, and a record
 * whose value is NaN would then never be a duplicate of itself.
 *
 * Invariants: kinds above KS_KIND_RESERVED belong to rooms above this one. Nothing here looks
 * behind their `bits`: they are copied as they are, and are equal when these are.
 *
 * Thread rule: any, but for copies and texts, which belong to the arena's owner. The handler of
 * mismatches is per thread.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/slice.h"
#include "serde/mismatch.h"
#include "serde/number_text.h"
#include "serde/uuid.h"
#include <kstreams/serde.h>

static const char *const kind_names[] = {
    [KS_KIND_NULL] = "null",
    [KS_KIND_BOOL] = "bool",
    [KS_KIND_I16] = "i16",
    [KS_KIND_I32] = "i32",
    [KS_KIND_I64] = "i64",
    [KS_KIND_F32] = "f32",
    [KS_KIND_F64] = "f64",
    [KS_KIND_UUID] = "uuid",
    [KS_KIND_TEXT] = "text",
    [KS_KIND_BYTES] = "bytes",
    [KS_KIND_WINDOWED] = "windowed key",
    [KS_KIND_OBJECT] = "object",
    [KS_KIND_RESERVED] = "internal",
};

const char *ks_kind_name(ks_kind kind)
{
    size_t index = (size_t)kind;
    return index < KS_KIND_RESERVED ? kind_names[index] : kind_names[KS_KIND_RESERVED];
}

/* ---- wrong accessors ------------------------------------------------------------------------- */

static _Thread_local ksi_mismatch_handler handler;

ksi_mismatch_handler ksi_value_on_mismatch(ksi_mismatch_fn *fn, void *owner)
{
    ksi_mismatch_handler before = handler;
    handler = (ksi_mismatch_handler){.fn = fn, .owner = owner};
    return before;
}

static void report(const char *message)
{
    if (handler.fn != NULL) {
        handler.fn(handler.owner, message);
        return;
    }
    (void)fprintf(stderr, "kstreams: %s\n", message);
    abort();
}

void ks_value_mismatch(ks_value value, ks_kind wanted)
{
    char message[160];
    (void)snprintf(message, sizeof message,
                   "a value of kind %s was read as %s; ask ks_value_kind() first, or give the "
                   "topic the serde that fits",
                   ks_kind_name(ks_value_kind(value)), ks_kind_name(wanted));
    report(message);
}

static const ks_object *object_of(ks_value value)
{
    return (const ks_object *)(uintptr_t)value.bits;
}

static const char *serde_name(const ks_serde *serde)
{
    return serde != NULL && serde->name != NULL ? serde->name : "unnamed";
}

void *ks_object_new(ks_arena *arena, const struct ks_serde *serde, size_t size, ks_value *value)
{
    ks_object *object = ksi_arena_alloc(arena, sizeof *object);
    *object = (ks_object){.serde = serde, .payload = ksi_arena_zalloc(arena, size)};
    *value = ks_object_value(object);
    return object->payload;
}

void *ks_value_object(ks_value value, const ks_serde *serde)
{
    if (value.kind == KS_KIND_NULL || !ks_value_expect(value, KS_KIND_OBJECT)) {
        return NULL;
    }
    const ks_object *object = object_of(value);
    if (object->serde == serde) {
        return object->payload;
    }
    char message[240];
    (void)snprintf(message, sizeof message,
                   "an object of the serde %.64s was read as one of the serde %.64s; name the "
                   "serde that made it",
                   serde_name(object->serde), serde_name(serde));
    report(message);
    return NULL;
}

/* ---- equality -------------------------------------------------------------------------------- */

static bool has_size(ks_value value)
{
    return value.kind == KS_KIND_TEXT || value.kind == KS_KIND_BYTES || value.kind == KS_KIND_UUID;
}

static ks_slice slice_of(ks_value value)
{
    return ks_slice_of((const void *)(uintptr_t)value.bits, value.size);
}

static const ks_windowed *windowed_of(ks_value value)
{
    return (const ks_windowed *)(uintptr_t)value.bits;
}

static bool is_nan(ks_value value)
{
    return value.kind == KS_KIND_F64   ? isnan(ks_value_f64(value))
           : value.kind == KS_KIND_F32 ? isnan(ks_value_f32(value))
                                       : false;
}

bool ks_value_equal(ks_value a, ks_value b)
{
    /* A windowed key in a windowed key is one step deeper, so this is a loop. */
    while (a.kind == b.kind && a.kind == KS_KIND_WINDOWED) {
        const ks_windowed *in_a = windowed_of(a);
        const ks_windowed *in_b = windowed_of(b);
        if (in_a->start != in_b->start || in_a->end != in_b->end) {
            return false;
        }
        a = in_a->key;
        b = in_b->key;
    }
    if (a.kind != b.kind) {
        return false;
    }
    if (has_size(a)) {
        return ksi_slice_compare(slice_of(a), slice_of(b)) == 0;
    }
    if (a.kind == KS_KIND_OBJECT) {
        return object_of(a)->serde == object_of(b)->serde &&
               object_of(a)->payload == object_of(b)->payload;
    }
    return a.bits == b.bits || (is_nan(a) && is_nan(b));
}

/* ---- copies ---------------------------------------------------------------------------------- */

/* A serde of a program built before `copy` was there is shorter. */
static bool can_copy(const ks_serde *serde)
{
    return serde != NULL && serde->struct_size >= sizeof *serde && serde->copy != NULL;
}

static ks_value copy_object(ks_arena *arena, const ks_object *object)
{
    ks_object *copy = ksi_arena_alloc(arena, sizeof *copy);
    *copy = *object;
    if (can_copy(object->serde)) {
        copy->payload = object->serde->copy(object->serde, object->payload, arena);
    }
    return ks_object_value(copy);
}

ks_value ks_value_copy(ks_arena *arena, ks_value value)
{
    if (has_size(value)) {
        ks_slice copy = ksi_arena_copy(arena, slice_of(value));
        return ks_value_make(ks_value_kind(value), (uint64_t)(uintptr_t)copy.data, copy.size);
    }
    if (value.kind == KS_KIND_OBJECT) {
        return copy_object(arena, object_of(value));
    }
    if (value.kind == KS_KIND_WINDOWED) {
        ks_windowed *copy = ksi_arena_alloc(arena, sizeof *copy);
        *copy = *windowed_of(value);
        copy->key = ks_value_copy(arena, copy->key);
        return ks_windowed_value(copy);
    }
    return value;
}

/* ---- text ------------------------------------------------------------------------------------ */

static ks_slice bytes_to_text(ks_arena *arena, ks_slice bytes)
{
    static const char hex[] = "0123456789abcdef";
    static const char prefix[] = {'h', 'e', 'x', ':'};
    size_t size = sizeof prefix + 2 * bytes.size;
    char *text = ksi_arena_alloc(arena, size);
    memcpy(text, prefix, sizeof prefix);
    for (size_t i = 0; i < bytes.size; i++) {
        unsigned char byte = (unsigned char)bytes.data[i];
        text[sizeof prefix + 2 * i] = hex[byte >> 4];
        text[sizeof prefix + 2 * i + 1] = hex[byte & 0xfu];
    }
    return ks_slice_of(text, size);
}

static ks_slice windowed_to_text(ks_arena *arena, const ks_windowed *windowed)
{
    ks_slice key = ks_value_to_text(arena, windowed->key);
    char bounds[64];
    int size = snprintf(bounds, sizeof bounds, "@%" PRId64 "/%" PRId64 "]", windowed->start,
                        windowed->end);
    char *text = ksi_arena_alloc(arena, 1 + key.size + (size_t)size);
    text[0] = '[';
    memcpy(text + 1, key.data, key.size); /* a text may hold a NUL, so no "%s" */
    memcpy(text + 1 + key.size, bounds, (size_t)size);
    return ks_slice_of(text, 1 + key.size + (size_t)size);
}

static ks_slice number_to_text(ks_arena *arena, ks_value value)
{
    char text[KSI_NUMBER_TEXT_SIZE];
    size_t size;
    if (value.kind == KS_KIND_F64) {
        size = ksi_f64_to_text(ks_value_f64(value), text);
    } else if (value.kind == KS_KIND_F32) {
        size = ksi_f32_to_text(ks_value_f32(value), text);
    } else {
        size = (size_t)snprintf(text, sizeof text, "%" PRId64, (int64_t)value.bits);
    }
    return ksi_arena_copy(arena, ks_slice_of(text, size));
}

static ks_slice uuid_to_text(ks_arena *arena, ks_value value)
{
    char *text = ksi_arena_alloc(arena, KSI_UUID_TEXT_SIZE);
    ksi_uuid_to_text((const uint8_t *)(uintptr_t)value.bits, text);
    return ks_slice_of(text, KSI_UUID_TEXT_SIZE);
}

ks_slice ks_value_to_text(ks_arena *arena, ks_value value)
{
    switch (ks_value_kind(value)) {
    case KS_KIND_BOOL:
        return ksi_arena_copy(arena, ks_slice_cstr(value.bits != 0 ? "true" : "false"));
    case KS_KIND_I16:
    case KS_KIND_I32:
    case KS_KIND_I64:
    case KS_KIND_F32:
    case KS_KIND_F64:
        return number_to_text(arena, value);
    case KS_KIND_UUID:
        return uuid_to_text(arena, value);
    case KS_KIND_TEXT:
        return ksi_arena_copy(arena, slice_of(value));
    case KS_KIND_BYTES:
        return bytes_to_text(arena, slice_of(value));
    case KS_KIND_WINDOWED:
        return windowed_to_text(arena, windowed_of(value));
    case KS_KIND_OBJECT:
        return ks_text_format(arena, "object of %s", serde_name(object_of(value)->serde));
    case KS_KIND_NULL:
    case KS_KIND_RESERVED:
        break;
    }
    return ksi_arena_copy(arena, ks_slice_cstr(ks_kind_name(ks_value_kind(value))));
}
