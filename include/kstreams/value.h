/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value.h - keys, values, headers and records as callbacks see them.
 *
 * A ks_value is 16 bytes and travels in two registers: a kind, and either the number itself or the
 * address and size of bytes that live elsewhere (in the record's own buffer or in its arena).
 * Copying one copies no bytes.
 *
 * Asking a value for another kind than it has is a mistake of the program. Inside a callback it
 * fails the record with KS_E_PROCESSING, naming the node and both kinds (Java's
 * ClassCastException), and the accessor answers zero or null; outside a callback it prints the same
 * sentence and aborts.
 *
 * @thread any
 */
#ifndef KSTREAMS_VALUE_H
#define KSTREAMS_VALUE_H

#include <kstreams/common.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a value is. Kinds above KS_KIND_OBJECT are the library's own. */
typedef enum ks_kind {
    KS_KIND_NULL = 0,
    KS_KIND_BOOL,
    KS_KIND_I16,
    KS_KIND_I32,
    KS_KIND_I64,
    KS_KIND_F32,
    KS_KIND_F64,
    KS_KIND_UUID, /**< 16 bytes, big endian */
    KS_KIND_TEXT, /**< UTF-8, not NUL-terminated */
    KS_KIND_BYTES,
    KS_KIND_WINDOWED, /**< a key with the bounds of its window: ks_windowed */
    KS_KIND_OBJECT,   /**< a value of the user's own serde: ks_object */
    KS_KIND_RESERVED
} ks_kind;

/**
 * A key or a value. Make and read it with the functions below; the members are visible only so that
 * they can be inline.
 */
typedef struct ks_value {
    uint64_t bits; /**< the number, or the address of the bytes */
    uint32_t size; /**< of the bytes */
    /** ks_kind; as wide as `size`, so that making a value writes whole words */
    uint32_t kind;
} ks_value;

/**
 * A key in a window: milliseconds, `end` exclusive for time windows and inclusive for session
 * windows. @java Windowed
 */
typedef struct ks_windowed {
    ks_value key;
    int64_t start;
    int64_t end;
} ks_windowed;

struct ks_serde;

/** The payload of a KS_KIND_OBJECT: `serde` says whose it is. */
typedef struct ks_object {
    const struct ks_serde *serde;
    void *payload;
} ks_object;

/** The name of a kind, such as "text". Never NULL. @thread any */
KS_API const char *ks_kind_name(ks_kind kind);

/** What a wrong accessor calls; see the top of this file. @thread any */
KS_API void ks_value_mismatch(ks_value value, ks_kind wanted);

/* ---- making values --------------------------------------------------------------------------- */

/** For the functions below, and for none of a program's own. */
static inline ks_value ks_value_make(ks_kind kind, uint64_t bits, size_t size)
{
    ks_value value;
    value.bits = bits;
    value.size = (uint32_t)size;
    value.kind = (uint32_t)kind;
    return value;
}

/** Kafka's null: a record without key, a tombstone. */
static inline ks_value ks_null(void)
{
    return ks_value_make(KS_KIND_NULL, 0, 0);
}

/** A boolean. */
static inline ks_value ks_bool(bool value)
{
    return ks_value_make(KS_KIND_BOOL, value ? 1 : 0, 0);
}

/** Java's short. */
static inline ks_value ks_i16(int16_t value)
{
    return ks_value_make(KS_KIND_I16, (uint64_t)(int64_t)value, 0);
}

/** Java's int. */
static inline ks_value ks_i32(int32_t value)
{
    return ks_value_make(KS_KIND_I32, (uint64_t)(int64_t)value, 0);
}

/** Java's long. */
static inline ks_value ks_i64(int64_t value)
{
    return ks_value_make(KS_KIND_I64, (uint64_t)value, 0);
}

/** Java's float. */
static inline ks_value ks_f32(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return ks_value_make(KS_KIND_F32, bits, 0);
}

/** Java's double. */
static inline ks_value ks_f64(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return ks_value_make(KS_KIND_F64, bits, 0);
}

/**
 * Text that lives elsewhere, for as long as the value is used: borrowed. The null slice gives null.
 * At most 4 GiB - 1.
 */
static inline ks_value ks_text(ks_slice text)
{
    return text.data != NULL
               ? ks_value_make(KS_KIND_TEXT, (uint64_t)(uintptr_t)text.data, text.size)
               : ks_null();
}

/** A C text as a value: borrowed; NULL gives null. */
static inline ks_value ks_text_of(const char *text)
{
    return ks_text(ks_slice_cstr(text));
}

/** Bytes that live elsewhere: borrowed. The null slice gives null. At most 4 GiB - 1. */
static inline ks_value ks_bytes(ks_slice bytes)
{
    return bytes.data != NULL
               ? ks_value_make(KS_KIND_BYTES, (uint64_t)(uintptr_t)bytes.data, bytes.size)
               : ks_null();
}

/** A UUID of 16 big-endian bytes that live elsewhere: borrowed. */
static inline ks_value ks_uuid(const uint8_t *bytes16)
{
    return ks_value_make(KS_KIND_UUID, (uint64_t)(uintptr_t)bytes16, 16);
}

/** A windowed key that lives elsewhere: borrowed. */
static inline ks_value ks_windowed_value(const ks_windowed *windowed)
{
    return ks_value_make(KS_KIND_WINDOWED, (uint64_t)(uintptr_t)windowed, 0);
}

/** An object of a user's serde that lives elsewhere: borrowed. */
static inline ks_value ks_object_value(const ks_object *object)
{
    return ks_value_make(KS_KIND_OBJECT, (uint64_t)(uintptr_t)object, 0);
}

/* ---- reading values -------------------------------------------------------------------------- */

/** What the value is. */
static inline ks_kind ks_value_kind(ks_value value)
{
    return (ks_kind)value.kind;
}

/** Whether it is Kafka's null; an empty text is not. */
static inline bool ks_value_is_null(ks_value value)
{
    return value.kind == KS_KIND_NULL;
}

/** True when the value has the kind wanted; otherwise reports it as the top of this file says. */
static inline bool ks_value_expect(ks_value value, ks_kind wanted)
{
    if (value.kind == (uint32_t)wanted) {
        return true;
    }
    ks_value_mismatch(value, wanted);
    return false;
}

/** The boolean; false for any other kind, null too. */
static inline bool ks_value_bool(ks_value value)
{
    return ks_value_expect(value, KS_KIND_BOOL) && value.bits != 0;
}

/** The number; 0 for any other kind, null too. No kind is converted into another. */
static inline int16_t ks_value_i16(ks_value value)
{
    return ks_value_expect(value, KS_KIND_I16) ? (int16_t)(int64_t)value.bits : (int16_t)0;
}

/** As ks_value_i16(). */
static inline int32_t ks_value_i32(ks_value value)
{
    return ks_value_expect(value, KS_KIND_I32) ? (int32_t)(int64_t)value.bits : 0;
}

/** As ks_value_i16(). */
static inline int64_t ks_value_i64(ks_value value)
{
    return ks_value_expect(value, KS_KIND_I64) ? (int64_t)value.bits : 0;
}

/** As ks_value_i16(). */
static inline float ks_value_f32(ks_value value)
{
    float number = 0;
    if (ks_value_expect(value, KS_KIND_F32)) {
        uint32_t bits = (uint32_t)value.bits;
        memcpy(&number, &bits, sizeof number);
    }
    return number;
}

/** As ks_value_i16(). */
static inline double ks_value_f64(ks_value value)
{
    double number = 0;
    if (ks_value_expect(value, KS_KIND_F64)) {
        memcpy(&number, &value.bits, sizeof number);
    }
    return number;
}

/** The text, borrowed from where the value points; the null slice for null. */
static inline ks_slice ks_value_text(ks_value value)
{
    if (value.kind == KS_KIND_NULL || !ks_value_expect(value, KS_KIND_TEXT)) {
        return ks_slice_null();
    }
    return ks_slice_of((const void *)(uintptr_t)value.bits, value.size);
}

/** The bytes, borrowed from where the value points; the null slice for null. */
static inline ks_slice ks_value_bytes(ks_value value)
{
    if (value.kind == KS_KIND_NULL || !ks_value_expect(value, KS_KIND_BYTES)) {
        return ks_slice_null();
    }
    return ks_slice_of((const void *)(uintptr_t)value.bits, value.size);
}

/** The 16 bytes of a UUID, borrowed from where the value points; NULL for another kind. */
static inline const uint8_t *ks_value_uuid(ks_value value)
{
    return ks_value_expect(value, KS_KIND_UUID) ? (const uint8_t *)(uintptr_t)value.bits : NULL;
}

/** The windowed key, borrowed from where the value points; NULL for another kind. */
static inline const ks_windowed *ks_value_windowed(ks_value value)
{
    return ks_value_expect(value, KS_KIND_WINDOWED) ? (const ks_windowed *)(uintptr_t)value.bits
                                                    : NULL;
}

/**
 * A zeroed payload for an object of a user's serde, and the value that stands for it; both live in
 * `arena`.
 *
 *     ks_value value;
 *     struct statistic *statistic =
 *         ks_object_new(ks_ctx_arena(ctx), &statistic_serde, sizeof *statistic, &value);
 *
 * @thread the arena's owner
 */
KS_API void *ks_object_new(ks_arena *arena, const struct ks_serde *serde, size_t size,
                           ks_value *value);

/**
 * The payload of an object of that serde, borrowed from where the value points. NULL for null, and,
 * reported as the top of this file says, for any other value. @thread any
 */
KS_API void *ks_value_object(ks_value value, const struct ks_serde *serde);

/**
 * Same kind and same content; two objects are equal only when they are the same one. @thread any
 */
KS_API bool ks_value_equal(ks_value a, ks_value b);

/**
 * A copy of the value whose bytes live in `arena`. The payload of an object is copied by its
 * serde's `copy`, and shared when it has none. @thread the arena's owner
 */
KS_API ks_value ks_value_copy(ks_arena *arena, ks_value value);

/**
 * The value as a person reads it, as Java's String.valueOf: decimal, the text itself, "null",
 * "[key@start/end]";
 * bytes as "hex:" and lower-case hex. The result lives in `arena`. @thread the arena's owner
 */
KS_API ks_slice ks_value_to_text(ks_arena *arena, ks_value value);

/* ---- headers --------------------------------------------------------------------------------- */

/**
 * The headers of a record: an immutable list, so that what one branch adds no other branch sees
 * (Java shares one mutable list). NULL is the empty list and fits everywhere.
 */
typedef struct ks_headers ks_headers;

/** One header. `value` may be the null slice. */
typedef struct ks_header {
    ks_slice name;
    ks_slice value;
} ks_header;

/** How many headers; 0 for NULL. @thread any */
KS_API size_t ks_headers_count(const ks_headers *headers);

/**
 * Header `index`, in the order in which they were added; the two null slices past the end. @thread
 * any
 */
KS_API ks_header ks_headers_at(const ks_headers *headers, size_t index);

/**
 * Finds the last header of that name.
 *
 * @param value  set to its value, borrowed as the list is; to the null slice when there is none
 * @return whether there is one
 * @thread any
 * @java   Headers#lastHeader
 */
KS_API bool ks_headers_last(const ks_headers *headers, const char *name, ks_slice *value);

/**
 * The list with one header more; name and value are copied into `arena`, where the list lives.
 * `headers` itself does not change. @thread the arena's owner @java Headers#add
 */
KS_API const ks_headers *ks_headers_with(ks_arena *arena, const ks_headers *headers, ks_slice name,
                                         ks_slice value);

/**
 * The list without any header of that name; lives in `arena`. `headers` itself does not change.
 * @thread the arena's owner @java Headers#remove
 */
KS_API const ks_headers *ks_headers_without(ks_arena *arena, const ks_headers *headers,
                                            const char *name);

/* ---- records --------------------------------------------------------------------------------- */

/** A record as a callback sees it. @java Record */
typedef struct ks_record {
    ks_value key;
    ks_value value;
    int64_t timestamp; /**< milliseconds of the epoch */
    const ks_headers *headers;
} ks_record;

/* ---- text ------------------------------------------------------------------------------------ */

/**
 * Takes the next word off `rest`: the longest run of ASCII letters, digits, '_' and bytes above
 * 0x7f (so words of any UTF-8 language stay whole). False when none is left. Java's split("\\W+")
 * for ASCII text. @thread any
 */
KS_API bool ks_text_next_word(ks_slice *rest, ks_slice *word);

/**
 * The text with ASCII letters in lower case, in `arena`; other bytes as they are. @thread the
 * arena's owner
 */
KS_API ks_slice ks_text_lower(ks_arena *arena, ks_slice text);

/**
 * The text with ASCII letters in upper case, in `arena`; other bytes as they are. @thread the
 * arena's owner
 */
KS_API ks_slice ks_text_upper(ks_arena *arena, ks_slice text);

/** printf into `arena`. @thread the arena's owner */
KS_API ks_slice ks_text_format(ks_arena *arena, const char *format, ...) KS_PRINTF(2, 3);

/** A NUL-terminated copy in `arena`; NULL for the null slice. @thread the arena's owner */
KS_API const char *ks_text_cstr(ks_arena *arena, ks_slice text);

#ifdef __cplusplus
}
#endif
#endif
