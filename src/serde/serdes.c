/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serdes.c - the built-in serdes: exactly the bytes of Java's Serdes.
 *
 *     bool                 1 byte, 0 or 1; any other byte is an error
 *     i16 i32 i64 f32 f64  2, 4, 8, 4, 8 bytes, big endian; any other size is an error
 *     string               UTF-8; malformed pieces read as U+FFFD (utf8.c)
 *     uuid                 36 characters; reads all that UUID.fromString() reads (uuid.c)
 *     bytes                themselves
 *     void                 nothing: null is its only value, and a serde is never called for null
 *
 * Invariants
 *   - what deserializes serializes again, and reading that gives an equal value; the bytes may
 *     differ (a lenient UUID)
 *   - a NaN keeps its bits in both directions, as in Java's raw conversions
 *   - the error's `where` is the topic; which record it was the caller adds
 *
 * The tempting wrong way is to serialize a number of another width ("it fits"): Java refuses it,
 * and the next reader would too.
 *
 * Thread rule: any; the arena is the caller's.
 */
#include <kstreams/serde.h>

#include "base/arena.h"
#include "base/endian.h"
#include "base/error.h"
#include "serde/utf8.h"
#include "serde/uuid.h"

static const char *where_of(const ks_serde_ctx *ctx)
{
    return ctx != NULL ? ctx->topic : NULL;
}

static ks_status refuse_kind(const ks_serde *serde, const ks_serde_ctx *ctx, ks_value value,
                             ks_error *error)
{
    return ksi_error_set(error, KS_E_SERDE, where_of(ctx),
                         "the serde %s writes values of kind %s, and this one is of kind %s: give "
                         "the operation the serde of its values",
                         serde->name, ks_kind_name(serde->kind),
                         ks_kind_name(ks_value_kind(value)));
}

/* ---- bool and numbers ------------------------------------------------------------------------ */

static size_t size_of_kind(ks_kind kind)
{
    switch (kind) {
    case KS_KIND_BOOL:
        return 1;
    case KS_KIND_I16:
        return 2;
    case KS_KIND_I32:
    case KS_KIND_F32:
        return 4;
    default:
        return 8;
    }
}

static ks_status serialize_number(const ks_serde *serde, const ks_serde_ctx *ctx, ks_value value,
                                  ks_arena *arena, ks_slice *bytes, ks_error *error)
{
    if (ks_value_kind(value) != serde->kind) {
        return refuse_kind(serde, ctx, value, error);
    }
    size_t size = size_of_kind(serde->kind);
    char *to = ksi_arena_alloc(arena, size);
    switch (size) {
    case 1:
        *to = value.bits != 0 ? 1 : 0;
        break;
    case 2:
        ksi_put_be16(to, (uint16_t)value.bits);
        break;
    case 4:
        ksi_put_be32(to, (uint32_t)value.bits);
        break;
    default:
        ksi_put_be64(to, value.bits);
        break;
    }
    *bytes = ks_slice_of(to, size);
    return KS_OK;
}

/*
 * The bits of a value of the kind, as the ks_i16() family sets them: integers with their sign
 * extended.
 */
static uint64_t bits_from(ks_kind kind, const char *from)
{
    switch (kind) {
    case KS_KIND_BOOL:
        return (unsigned char)*from;
    case KS_KIND_I16:
        return (uint64_t)(int64_t)(int16_t)ksi_get_be16(from);
    case KS_KIND_I32:
        return (uint64_t)(int64_t)(int32_t)ksi_get_be32(from);
    case KS_KIND_F32:
        return ksi_get_be32(from);
    default:
        return ksi_get_be64(from);
    }
}

static ks_status deserialize_number(const ks_serde *serde, const ks_serde_ctx *ctx, ks_slice bytes,
                                    ks_arena *arena, ks_value *value, ks_error *error)
{
    (void)arena;
    size_t size = size_of_kind(serde->kind);
    if (bytes.size != size) {
        return ksi_error_set(error, KS_E_SERDE, where_of(ctx),
                             "the serde %s reads exactly %zu byte%s, and there %s %zu: what was "
                             "written here is of another type",
                             serde->name, size, size == 1 ? "" : "s",
                             bytes.size == 1 ? "is" : "are", bytes.size);
    }
    uint64_t bits = bits_from(serde->kind, bytes.data);
    if (serde->kind == KS_KIND_BOOL && bits > 1) {
        return ksi_error_set(error, KS_E_SERDE, where_of(ctx),
                             "the serde bool reads the byte 0 or 1, and this is 0x%02x: what was "
                             "written here is of another type",
                             (unsigned)bits);
    }
    *value = ks_value_make(serde->kind, bits, 0);
    return KS_OK;
}

/* ---- text and bytes -------------------------------------------------------------------------- */

static ks_status serialize_slice(const ks_serde *serde, const ks_serde_ctx *ctx, ks_value value,
                                 ks_arena *arena, ks_slice *bytes, ks_error *error)
{
    (void)arena;
    if (ks_value_kind(value) != serde->kind) {
        return refuse_kind(serde, ctx, value, error);
    }
    *bytes = ks_slice_of((const void *)(uintptr_t)value.bits, value.size);
    return KS_OK;
}

static ks_status refuse_size(const ks_serde *serde, const ks_serde_ctx *ctx, size_t size,
                             ks_error *error)
{
    return ksi_error_set(error, KS_E_SERDE, where_of(ctx),
                         "the serde %s makes values of less than 4 GiB, and this one has %zu "
                         "bytes: split it, or keep it elsewhere and send its address",
                         serde->name, size);
}

static ks_status deserialize_string(const ks_serde *serde, const ks_serde_ctx *ctx, ks_slice bytes,
                                    ks_arena *arena, ks_value *value, ks_error *error)
{
    ks_slice text = ksi_utf8_decode(arena, bytes);
    if (text.size > UINT32_MAX) {
        return refuse_size(serde, ctx, text.size, error);
    }
    *value = ks_text(text);
    return KS_OK;
}

static ks_status deserialize_bytes(const ks_serde *serde, const ks_serde_ctx *ctx, ks_slice bytes,
                                   ks_arena *arena, ks_value *value, ks_error *error)
{
    (void)arena;
    if (bytes.size > UINT32_MAX) {
        return refuse_size(serde, ctx, bytes.size, error);
    }
    *value = ks_bytes(bytes);
    return KS_OK;
}

/* ---- uuid and void --------------------------------------------------------------------------- */

static ks_status serialize_uuid(const ks_serde *serde, const ks_serde_ctx *ctx, ks_value value,
                                ks_arena *arena, ks_slice *bytes, ks_error *error)
{
    if (ks_value_kind(value) != KS_KIND_UUID) {
        return refuse_kind(serde, ctx, value, error);
    }
    char *text = ksi_arena_alloc(arena, KSI_UUID_TEXT_SIZE);
    ksi_uuid_to_text((const uint8_t *)(uintptr_t)value.bits, text);
    *bytes = ks_slice_of(text, KSI_UUID_TEXT_SIZE);
    return KS_OK;
}

static ks_status deserialize_uuid(const ks_serde *serde, const ks_serde_ctx *ctx, ks_slice bytes,
                                  ks_arena *arena, ks_value *value, ks_error *error)
{
    uint8_t *uuid = ksi_arena_alloc(arena, KSI_UUID_SIZE);
    if (!ksi_uuid_from_text(bytes, uuid)) {
        return ksi_error_set(error, KS_E_SERDE, where_of(ctx),
                             "the serde %s reads a UUID of 36 characters, and these %zu bytes are "
                             "none: what was written here is of another type",
                             serde->name, bytes.size);
    }
    *value = ks_uuid(uuid);
    return KS_OK;
}

static ks_status serialize_void(const ks_serde *serde, const ks_serde_ctx *ctx, ks_value value,
                                ks_arena *arena, ks_slice *bytes, ks_error *error)
{
    (void)arena;
    (void)bytes;
    return refuse_kind(serde, ctx, value, error);
}

static ks_status deserialize_void(const ks_serde *serde, const ks_serde_ctx *ctx, ks_slice bytes,
                                  ks_arena *arena, ks_value *value, ks_error *error)
{
    (void)arena;
    (void)value;
    return ksi_error_set(error, KS_E_SERDE, where_of(ctx),
                         "the serde %s reads only null, and there are %zu bytes: what was written "
                         "here is of another type",
                         serde->name, bytes.size);
}

/* ---- the serdes ------------------------------------------------------------------------------ */

#define SERDE(serde_name, serde_kind, serialize_with, deserialize_with)              \
    {                                                                                \
        .struct_size = sizeof(ks_serde), .name = (serde_name), .kind = (serde_kind), \
        .serialize = (serialize_with), .deserialize = (deserialize_with)             \
    }
#define NUMBER_SERDE(name, kind) SERDE((name), (kind), serialize_number, deserialize_number)

const ks_serde ks_serde_string = SERDE("string", KS_KIND_TEXT, serialize_slice, deserialize_string);
const ks_serde ks_serde_bytes = SERDE("bytes", KS_KIND_BYTES, serialize_slice, deserialize_bytes);
const ks_serde ks_serde_i16 = NUMBER_SERDE("i16", KS_KIND_I16);
const ks_serde ks_serde_i32 = NUMBER_SERDE("i32", KS_KIND_I32);
const ks_serde ks_serde_i64 = NUMBER_SERDE("i64", KS_KIND_I64);
const ks_serde ks_serde_f32 = NUMBER_SERDE("f32", KS_KIND_F32);
const ks_serde ks_serde_f64 = NUMBER_SERDE("f64", KS_KIND_F64);
const ks_serde ks_serde_bool = NUMBER_SERDE("bool", KS_KIND_BOOL);
const ks_serde ks_serde_uuid = SERDE("uuid", KS_KIND_UUID, serialize_uuid, deserialize_uuid);
const ks_serde ks_serde_void = SERDE("void", KS_KIND_NULL, serialize_void, deserialize_void);

/*
 * A serde's names: the C name, the word of the properties, and what stands behind Java's
 * "...serialization.Serdes$".
 */
static const struct {
    const char *name;
    const char *word;
    const char *java_class;
    const ks_serde *serde;
} names[] = {
    {"string", "string", "StringSerde", &ks_serde_string},
    {"bytes", "bytes", "ByteArraySerde", &ks_serde_bytes},
    {"bytes", "bytes", "BytesSerde", &ks_serde_bytes},
    {"bytes", "bytes", "ByteBufferSerde", &ks_serde_bytes},
    {"i16", "short", "ShortSerde", &ks_serde_i16},
    {"i32", "integer", "IntegerSerde", &ks_serde_i32},
    {"i64", "long", "LongSerde", &ks_serde_i64},
    {"f32", "float", "FloatSerde", &ks_serde_f32},
    {"f64", "double", "DoubleSerde", &ks_serde_f64},
    {"bool", "boolean", "BooleanSerde", &ks_serde_bool},
    {"uuid", "uuid", "UUIDSerde", &ks_serde_uuid},
    {"void", "void", "VoidSerde", &ks_serde_void},
};

const ks_serde *ks_serde_by_name(const char *name)
{
    static const char java_package[] = "org.apache.kafka.common.serialization.Serdes$";
    if (name == NULL) {
        return NULL;
    }
    size_t prefix = sizeof java_package - 1;
    const char *java_class = strncmp(name, java_package, prefix) == 0 ? name + prefix : NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        bool is_it = java_class != NULL
                         ? strcmp(names[i].java_class, java_class) == 0
                         : strcmp(names[i].name, name) == 0 || strcmp(names[i].word, name) == 0;
        if (is_it) {
            return names[i].serde;
        }
    }
    return NULL;
}
