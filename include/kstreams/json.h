/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.h - a C struct as JSON, from a table of its fields.
 *
 *     typedef struct payment {
 *         ks_slice id;
 *         int64_t amount;                 in cents
 *         int64_t paid_at;                milliseconds of the epoch
 *         item *items;
 *         size_t item_count;
 *     } payment;
 *
 *     static const ks_json_field payment_fields[] = {
 *         KS_JSON_STRING(payment, id),
 *         KS_JSON_DECIMAL(payment, amount, 2),
 *         KS_JSON_DATE_TIME(payment, paid_at, .name = "paidAt"),
 *         KS_JSON_ARRAY(payment, items, item_count, KS_JSON_OBJECTS(&item_type)),
 *     };
 *     static const ks_json_type payment_type = KS_JSON_TYPE(payment, payment_fields);
 *     const ks_serde payment_serde = KS_JSON_SERDE(payment_type);
 *
 *     const payment *p = ks_value_object(record->value, &payment_serde);     in a callback
 *
 * Reading is strict. The document is one object in UTF-8, at most 64 levels deep, with nothing
 * behind it; a field comes at most once, is of the kind the table says and within the range of its
 * member; what is neither optional nor has a default must be there. Anything else is KS_E_SERDE
 * with the path of the field and the offset of the byte: "payment: items[3].price at byte 212:
 * ...". Fields that the table does not name are read over, unless the type fails on them.
 *
 * What is read lives in the record's arena. Texts without escapes are slices of the record's own
 * bytes.
 *
 * Tables are constants at file scope. The macros check that a member has a C type that fits; they
 * are C only, and C++ uses tables that a C file defines.
 */
#ifndef KSTREAMS_JSON_H
#define KSTREAMS_JSON_H

#include <kstreams/serde.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a member is in the struct and in the document; the macros choose it. */
typedef enum ks_json_kind {
    KS_JSON_KIND_STRING = 1, /**< ks_slice */
    KS_JSON_KIND_C_STRING,   /**< const char * */
    KS_JSON_KIND_SIGNED,
    KS_JSON_KIND_UNSIGNED,
    KS_JSON_KIND_DOUBLE, /**< double or float */
    KS_JSON_KIND_BOOL,
    KS_JSON_KIND_DECIMAL,         /**< int64_t, scaled */
    KS_JSON_KIND_NUMBER_TEXT,     /**< ks_slice */
    KS_JSON_KIND_DATE,            /**< int32_t */
    KS_JSON_KIND_DATE_TIME,       /**< int64_t */
    KS_JSON_KIND_LOCAL_DATE_TIME, /**< int64_t */
    KS_JSON_KIND_ENUM,
    KS_JSON_KIND_OBJECT,         /**< a struct in the struct */
    KS_JSON_KIND_OBJECT_POINTER, /**< a struct of its own */
    KS_JSON_KIND_ARRAY           /**< pointer and count */
} ks_json_kind;

/** A value's kind and what belongs to it; the macros fill it. */
typedef struct ks_json_what {
    ks_json_kind kind;
    int32_t scale;  /**< digits after the point: of a decimal, of the second */
    size_t size;    /**< of the member; of an element for an array */
    const void *of; /**< ks_json_type, ks_json_name[], or an array's element: ks_json_what */
} ks_json_what;

/**
 * A field: use the macros below. After a macro's own arguments the members `name`, `when_absent`
 * and `is_optional` may be given as designated initializers, and KS_JSON_HAS().
 */
typedef struct ks_json_field {
    const char *member;
    ks_json_what what;
    size_t offset;
    size_t count_offset; /**< of an array's count */
    size_t flag;         /**< 1 + the offset of the bool that says whether it is there; 0: none */

    /** in the document; NULL: the member's name */
    const char *name;
    /**
     * what it is when it is absent or null, as text: "0.00", "KRW", "true", "2026-01-31"; for
     * values that are neither object nor array
     */
    const char *when_absent;
    /**
     * may be absent or null, and the member is then zero: a null slice, NULL, 0. Printing leaves
     * out null slices, NULL, and what a flag says is not there.
     */
    bool is_optional;
    uint8_t reserved;
} ks_json_field;

/** A name of an enum. The table ends with {NULL, 0}; of several names the first is printed. */
typedef struct ks_json_name {
    const char *name;
    int64_t value;
} ks_json_name;

/** A struct: use KS_JSON_TYPE(). The members from `fail_on_unknown` on are options. */
typedef struct ks_json_type {
    size_t struct_size; /**< sizeof(ks_json_type) */
    const char *name;   /**< for messages */
    size_t size;        /**< of the struct */
    const ks_json_field *fields;
    size_t field_count; /**< at most 256 */

    /** a field that the table does not name is an error @java DeserializationFeature */
    bool fail_on_unknown;
    /** a field that says what the object is, such as "@class"; printed first */
    const char *type_field;
    /** what is printed in it; NULL: nothing is */
    const char *type_name;
    /**
     * what `type_field`, or the record's header `__TypeId__`, may say, when it is there: names, or
     * "com.shop.payments.*" for all of a package; ends with NULL. NULL: anything. Nothing is ever
     * made by its name; this keeps records of others out. @java
     * DefaultJackson2JavaTypeMapper#addTrustedPackages
     */
    const char *const *trusted;
    /** the most memory one document may take, in bytes; 0: 64 MiB */
    size_t memory_max_bytes;
} ks_json_type;

/* ---- reading and printing without a record --------------------------------------------------- */

/**
 * Reads a document into a struct.
 *
 * @param bytes   must live as long as what was read: texts may point into it
 * @param to      of the type's size; filled on success, undefined otherwise
 * @param arena   where arrays, objects of their own and texts with escapes live
 * @return KS_OK; KS_E_SERDE with path, offset and reason; KS_E_ARGUMENT for a table that
 *         contradicts itself
 * @thread the arena's owner
 */
KS_NODISCARD KS_API ks_status ks_json_read(const ks_json_type *type, ks_slice bytes, void *to,
                                           ks_arena *arena, ks_error *error);

/**
 * Prints a struct: fields in the order of the table, no blanks, numbers in the fewest digits that
 * read back.
 *
 * @param bytes  set on success; lives in `arena`
 * @return KS_OK; KS_E_SERDE with the path for what JSON cannot say: NaN, malformed UTF-8, an enum's
 *         value without a name, a date past year 9999, a missing member that is not optional
 * @thread the arena's owner
 */
KS_NODISCARD KS_API ks_status ks_json_write(const ks_json_type *type, const void *from,
                                            ks_arena *arena, ks_slice *bytes, ks_error *error);

/* ---- the serde ------------------------------------------------------------------------------- */

/**
 * What KS_JSON_SERDE() puts into a serde: prints its objects. @thread the arena's owner
 */
KS_API ks_status ks_json_serialize(const ks_serde *serde, const ks_serde_ctx *ctx, ks_value value,
                                   ks_arena *arena, ks_slice *bytes, ks_error *error);
/** The same: reads them. @thread the arena's owner */
KS_API ks_status ks_json_deserialize(const ks_serde *serde, const ks_serde_ctx *ctx, ks_slice bytes,
                                     ks_arena *arena, ks_value *value, ks_error *error);
/** The same: copies all of one, texts, arrays, objects of their own. @thread the arena's owner */
KS_API void *ks_json_copy(const ks_serde *serde, const void *payload, ks_arena *arena);

#ifndef __cplusplus

/** A serde of objects of that ks_json_type: `const ks_serde payment_serde = ...`. */
#define KS_JSON_SERDE(json_type)                                                             \
    {                                                                                        \
        .struct_size = sizeof(ks_serde), .name = "JSON " #json_type, .kind = KS_KIND_OBJECT, \
        .serialize = ks_json_serialize, .deserialize = ks_json_deserialize,                  \
        .config = &(json_type), .copy = ks_json_copy                                         \
    }

/* ---- describing a struct --------------------------------------------------------------------- */

/** A struct with its table: KS_JSON_TYPE(payment, payment_fields, .fail_on_unknown = true). */
#define KS_JSON_TYPE(...) KS_JSON_TYPE_(__VA_ARGS__, .struct_size = sizeof(ks_json_type))
#define KS_JSON_TYPE_(type, table, ...)                                \
    {                                                                  \
        .name = #type, .size = sizeof(type), .fields = (table),        \
        .field_count = sizeof(table) / sizeof((table)[0]), __VA_ARGS__ \
    }

/** The bool that says whether an optional member is there. */
#define KS_JSON_HAS(type, flag_member) \
    .is_optional = true, .flag = 1 + KS_JSON_OFFSET_(type, flag_member, bool)

/** A text: ks_slice or const char *. For the latter a text with U+0000 is an error. */
#define KS_JSON_STRING(...) KS_JSON_STRING_(__VA_ARGS__, KS_JSON_NO_MORE_)
#define KS_JSON_STRING_(type, member_, ...)                                                      \
    KS_JSON_FIELD_(KS_JSON_STRING_KIND_(KS_JSON_LVALUE_(type, member_)), 0, NULL, type, member_, \
                   __VA_ARGS__)

/** An integer of any C type. The number may be written 7, 7.0 or 0.7e1. */
#define KS_JSON_INTEGER(...) KS_JSON_INTEGER_(__VA_ARGS__, KS_JSON_NO_MORE_)
#define KS_JSON_INTEGER_(type, member_, ...)                                                      \
    KS_JSON_FIELD_(KS_JSON_INTEGER_KIND_(KS_JSON_LVALUE_(type, member_)), 0, NULL, type, member_, \
                   __VA_ARGS__)

/** A double or float: the nearest one; past the largest is an error. */
#define KS_JSON_DOUBLE(...) KS_JSON_DOUBLE_(__VA_ARGS__, KS_JSON_NO_MORE_)
#define KS_JSON_DOUBLE_(type, member_, ...)                        \
    KS_JSON_FIELD_(_Generic(KS_JSON_LVALUE_(type, member_), double \
                            : KS_JSON_KIND_DOUBLE, float           \
                            : KS_JSON_KIND_DOUBLE),                \
                   0, NULL, type, member_, __VA_ARGS__)

/** A bool. */
#define KS_JSON_BOOL(...) KS_JSON_BOOL_(__VA_ARGS__, KS_JSON_NO_MORE_)
#define KS_JSON_BOOL_(type, member_, ...)                        \
    KS_JSON_FIELD_(_Generic(KS_JSON_LVALUE_(type, member_), bool \
                            : KS_JSON_KIND_BOOL),                \
                   0, NULL, type, member_, __VA_ARGS__)

/**
 * Money and the like: an int64_t of the last of `digits` places after the point, 1234 for 12.34
 * with 2; 0 to 18 of them. Exact: a number with more places than that is an error, not rounded.
 * Reads a number or a string with one ("12.34"), and prints a number with all its places.
 */
#define KS_JSON_DECIMAL(...) KS_JSON_DECIMAL_(__VA_ARGS__, KS_JSON_NO_MORE_)
#define KS_JSON_DECIMAL_(type, member_, digits, ...)                                           \
    KS_JSON_FIELD_(KS_JSON_I64_KIND_(type, member_, KS_JSON_KIND_DECIMAL), digits, NULL, type, \
                   member_, __VA_ARGS__)

/** A number of any length as it stands, in a ks_slice: for decimals of another library. */
#define KS_JSON_NUMBER_TEXT(...) KS_JSON_NUMBER_TEXT_(__VA_ARGS__, KS_JSON_NO_MORE_)
#define KS_JSON_NUMBER_TEXT_(type, member_, ...)                     \
    KS_JSON_FIELD_(_Generic(KS_JSON_LVALUE_(type, member_), ks_slice \
                            : KS_JSON_KIND_NUMBER_TEXT),             \
                   0, NULL, type, member_, __VA_ARGS__)

/** "2026-05-21" as days since 1970-01-01, in an int32_t. @java LocalDate */
#define KS_JSON_DATE(...) KS_JSON_DATE_(__VA_ARGS__, KS_JSON_NO_MORE_)
#define KS_JSON_DATE_(type, member_, ...)                           \
    KS_JSON_FIELD_(_Generic(KS_JSON_LVALUE_(type, member_), int32_t \
                            : KS_JSON_KIND_DATE),                   \
                   0, NULL, type, member_, __VA_ARGS__)

/**
 * "2026-05-19T21:48:15.989+09:00", with the zone's offset or Z, as milliseconds of the epoch in an
 * int64_t; further digits are cut. Prints "2026-05-19T12:48:15.989Z". @java Instant, OffsetDateTime
 */
#define KS_JSON_DATE_TIME(...) \
    KS_JSON_TIME_(KS_JSON_KIND_DATE_TIME, 3, __VA_ARGS__, KS_JSON_NO_MORE_)
/** The same in microseconds. */
#define KS_JSON_DATE_TIME_MICROS(...) \
    KS_JSON_TIME_(KS_JSON_KIND_DATE_TIME, 6, __VA_ARGS__, KS_JSON_NO_MORE_)
/**
 * "2026-05-19T21:48:15.989", without any zone, counted as if it were UTC; prints no zone. @java
 * LocalDateTime
 */
#define KS_JSON_LOCAL_DATE_TIME(...) \
    KS_JSON_TIME_(KS_JSON_KIND_LOCAL_DATE_TIME, 3, __VA_ARGS__, KS_JSON_NO_MORE_)
/** The same in microseconds. */
#define KS_JSON_LOCAL_DATE_TIME_MICROS(...) \
    KS_JSON_TIME_(KS_JSON_KIND_LOCAL_DATE_TIME, 6, __VA_ARGS__, KS_JSON_NO_MORE_)
#define KS_JSON_TIME_(kind_, digits, type, member_, ...)                                 \
    KS_JSON_FIELD_(KS_JSON_I64_KIND_(type, member_, kind_), digits, NULL, type, member_, \
                   __VA_ARGS__)

/** A C enum or integer by the names of a ks_json_name table; another name is an error. */
#define KS_JSON_ENUM(...) KS_JSON_ENUM_(__VA_ARGS__, KS_JSON_NO_MORE_)
#define KS_JSON_ENUM_(type, member_, names, ...) \
    KS_JSON_FIELD_(KS_JSON_KIND_ENUM, 0, names, type, member_, __VA_ARGS__)

/** A struct within the struct. */
#define KS_JSON_OBJECT(...) KS_JSON_OBJECT_(__VA_ARGS__, KS_JSON_NO_MORE_)
#define KS_JSON_OBJECT_(type, member_, json_type, ...) \
    KS_JSON_FIELD_(KS_JSON_KIND_OBJECT, 0, json_type, type, member_, __VA_ARGS__)

/** A pointer to a struct, NULL when it is absent. A type may point to itself. */
#define KS_JSON_OBJECT_POINTER(...) KS_JSON_OBJECT_POINTER_(__VA_ARGS__, KS_JSON_NO_MORE_)
#define KS_JSON_OBJECT_POINTER_(type, member_, json_type, ...)    \
    {                                                             \
        .member = #member_,                                       \
        .what = {.kind = KS_JSON_KIND_OBJECT_POINTER,             \
                 .size = sizeof(*KS_JSON_LVALUE_(type, member_)), \
                 .of = (json_type)},                              \
        .offset = offsetof(type, member_), __VA_ARGS__            \
    }

/**
 * An array: a pointer to its first element and a size_t. What the elements are says one of the
 * macros below.
 */
#define KS_JSON_ARRAY(type, member_, count_member, ...) \
    KS_JSON_ARRAY_(type, member_, count_member, __VA_ARGS__, KS_JSON_NO_MORE_)
#define KS_JSON_ARRAY_(type, member_, count_member, elements, ...)               \
    {                                                                            \
        .member = #member_,                                                      \
        .what = {.kind = KS_JSON_KIND_ARRAY,                                     \
                 .size = sizeof(*KS_JSON_LVALUE_(type, member_)),                \
                 .of = (elements)},                                              \
        .offset = offsetof(type, member_),                                       \
        .count_offset = KS_JSON_OFFSET_(type, count_member, size_t), __VA_ARGS__ \
    }

#define KS_JSON_STRINGS KS_JSON_ELEMENT_(KS_JSON_KIND_STRING, 0, sizeof(ks_slice), NULL)
#define KS_JSON_C_STRINGS KS_JSON_ELEMENT_(KS_JSON_KIND_C_STRING, 0, sizeof(char *), NULL)
#define KS_JSON_INTEGERS(c_type) \
    KS_JSON_ELEMENT_(KS_JSON_INTEGER_KIND_((c_type)0), 0, sizeof(c_type), NULL)
#define KS_JSON_DOUBLES KS_JSON_ELEMENT_(KS_JSON_KIND_DOUBLE, 0, sizeof(double), NULL)
#define KS_JSON_BOOLS KS_JSON_ELEMENT_(KS_JSON_KIND_BOOL, 0, sizeof(bool), NULL)
#define KS_JSON_DECIMALS(digits) \
    KS_JSON_ELEMENT_(KS_JSON_KIND_DECIMAL, digits, sizeof(int64_t), NULL)
#define KS_JSON_DATES KS_JSON_ELEMENT_(KS_JSON_KIND_DATE, 0, sizeof(int32_t), NULL)
#define KS_JSON_DATE_TIMES KS_JSON_ELEMENT_(KS_JSON_KIND_DATE_TIME, 3, sizeof(int64_t), NULL)
#define KS_JSON_ENUMS(c_type, names) KS_JSON_ELEMENT_(KS_JSON_KIND_ENUM, 0, sizeof(c_type), names)
/** Elements that are structs; json_type is the address of theirs. */
#define KS_JSON_OBJECTS(json_type) KS_JSON_ELEMENT_(KS_JSON_KIND_OBJECT, 0, 0, json_type)

/* ---- what the macros above are made of ------------------------------------------------------- */

#define KS_JSON_LVALUE_(type, member_) (((type *)0)->member_)
#define KS_JSON_NO_MORE_ .reserved = 0
#define KS_JSON_FIELD_(kind_, scale_, of_, type, member_, ...)   \
    {                                                            \
        .member = #member_,                                      \
        .what = {.kind = (kind_),                                \
                 .scale = (scale_),                              \
                 .size = sizeof(KS_JSON_LVALUE_(type, member_)), \
                 .of = (of_)},                                   \
        .offset = offsetof(type, member_), __VA_ARGS__           \
    }
#define KS_JSON_ELEMENT_(kind_, scale_, size_, of_) \
    (&(const ks_json_what){.kind = (kind_), .scale = (scale_), .size = (size_), .of = (of_)})
/* `wanted` is a type and takes no parentheses, whatever clang-tidy says. */
#define KS_JSON_OFFSET_(type, member_, wanted) \
    (offsetof(type, member_) + _Generic(KS_JSON_LVALUE_(type, member_), wanted : 0u)) /* NOLINT */
#define KS_JSON_STRING_KIND_(lvalue) \
    _Generic((lvalue), ks_slice : KS_JSON_KIND_STRING, const char * : KS_JSON_KIND_C_STRING)
#define KS_JSON_I64_KIND_(type, member_, kind_) \
    _Generic(KS_JSON_LVALUE_(type, member_), int64_t : (kind_))
#define KS_JSON_INTEGER_KIND_(lvalue)                    \
    _Generic((lvalue), signed char                       \
             : KS_JSON_KIND_SIGNED, short                \
             : KS_JSON_KIND_SIGNED, int                  \
             : KS_JSON_KIND_SIGNED, long                 \
             : KS_JSON_KIND_SIGNED, long long            \
             : KS_JSON_KIND_SIGNED, unsigned char        \
             : KS_JSON_KIND_UNSIGNED, unsigned short     \
             : KS_JSON_KIND_UNSIGNED, unsigned int       \
             : KS_JSON_KIND_UNSIGNED, unsigned long      \
             : KS_JSON_KIND_UNSIGNED, unsigned long long \
             : KS_JSON_KIND_UNSIGNED)

#endif /* __cplusplus */

#ifdef __cplusplus
}
#endif
#endif
