/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serde.h - how values become bytes and bytes become values.
 *
 * A serde is a constant descriptor with two functions. The built-in ones write exactly Java's
 * bytes. A serde is never called for null: null is null on every topic.
 */
#ifndef KSTREAMS_SERDE_H
#define KSTREAMS_SERDE_H

#include <kstreams/value.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Where the bytes go to or come from. */
typedef struct ks_serde_ctx {
    const char *topic; /**< a store's changelog topic when it is a store that asks */
    bool is_key;
    const ks_headers *headers;
} ks_serde_ctx;

typedef struct ks_serde ks_serde;

/**
 * Turns `value`, never null, into bytes that live at least as long as the arena.
 *
 * @param bytes  set on success: may point into the value, into `arena`, or to constant memory
 * @return KS_OK, or KS_E_SERDE with a message (a value of another kind than the serde's is one such
 *         error)
 */
typedef ks_status ks_serialize_fn(const ks_serde *serde, const ks_serde_ctx *ctx, ks_value value,
                                  ks_arena *arena, ks_slice *bytes, ks_error *error);

/**
 * Turns bytes, never null, into a value. The value may point into `bytes`, which live as long as
 * `arena` does.
 *
 * @return KS_OK, or KS_E_SERDE with a message for bytes that are none of this serde's
 */
typedef ks_status ks_deserialize_fn(const ks_serde *serde, const ks_serde_ctx *ctx, ks_slice bytes,
                                    ks_arena *arena, ks_value *value, ks_error *error);

/**
 * Copies the payload of an object into `arena`, with all that it points to.
 *
 * @return the copy. Never NULL
 */
typedef void *ks_copy_fn(const ks_serde *serde, const void *payload, ks_arena *arena);

/**
 * A serde: a constant that outlives every topology that names it. @java Serde
 *
 * `kind` is the kind of the values it makes; a record whose value has another
 * kind than the serde that shall write it fails at the node above, with both kinds in the message.
 */
struct ks_serde {
    size_t struct_size; /**< sizeof(ks_serde) */
    const char *name;   /**< for messages and for the property `default.value.serde` */
    ks_kind kind;
    ks_serialize_fn *serialize;
    ks_deserialize_fn *deserialize;
    const void *config; /**< the serde's own */
    /** of objects, for ks_value_copy(); NULL: a copy of the value shares the payload */
    ks_copy_fn *copy;
};

/*
 * The built-in serdes; bytes as Java's Serdes.*: big endian, IEEE 754, UTF-8, 36 characters for a
 * UUID.
 */
/** text; malformed UTF-8 reads as U+FFFD, as in Java @java Serdes.String */
KS_API extern const ks_serde ks_serde_string;
KS_API extern const ks_serde ks_serde_bytes; /**< @java Serdes.ByteArray */
KS_API extern const ks_serde ks_serde_i16;   /**< @java Serdes.Short */
KS_API extern const ks_serde ks_serde_i32;   /**< @java Serdes.Integer */
KS_API extern const ks_serde ks_serde_i64;   /**< @java Serdes.Long */
KS_API extern const ks_serde ks_serde_f32;   /**< @java Serdes.Float */
KS_API extern const ks_serde ks_serde_f64;   /**< @java Serdes.Double */
KS_API extern const ks_serde ks_serde_bool;  /**< one byte, 0 or 1 @java Serdes.Boolean */
KS_API extern const ks_serde ks_serde_uuid;  /**< 36 characters of text @java Serdes.UUID */
/** only null; any bytes are an error @java Serdes.Void */
KS_API extern const ks_serde ks_serde_void;

/* ---- windowed keys --------------------------------------------------------------------------- */

/** What a serde of windowed keys is made of. */
typedef struct ks_windowed_serde {
    const ks_serde *inner; /**< of the keys in the windows */
    int64_t size_ms;       /**< of time windows: the bytes have the start only */
} ks_windowed_serde;

/** Key, then the start as 8 bytes; the size says where a window ends. @thread any
 * @java TimeWindowedSerializer, TimeWindowedDeserializer */
KS_API extern ks_serialize_fn ks_time_windowed_serialize;
KS_API extern ks_deserialize_fn ks_time_windowed_deserialize;
/** Key, then end and start as 8 bytes each. @thread any
 * @java SessionWindowedSerializer, SessionWindowedDeserializer */
KS_API extern ks_serialize_fn ks_session_windowed_serialize;
KS_API extern ks_deserialize_fn ks_session_windowed_deserialize;

/**
 * The initializer of a serde for keys in time windows, as windowed tables have them; outside
 * functions, where it is a constant:
 *
 *     static const ks_serde ticker_in_window = KS_TIME_WINDOWED_SERDE(&ks_serde_string, 5000);
 *
 * Operations that make windowed keys know their serde; a topic of them that is read needs it. C
 * only. @java WindowedSerdes.TimeWindowedSerde
 */
#define KS_TIME_WINDOWED_SERDE(inner_serde, window_size_ms)                              \
    {                                                                                    \
        sizeof(ks_serde), "time-windowed", KS_KIND_WINDOWED, ks_time_windowed_serialize, \
            ks_time_windowed_deserialize,                                                \
            &(const ks_windowed_serde){(inner_serde), (window_size_ms)}, NULL            \
    }

/** The same for keys in sessions, which need no size. @java WindowedSerdes.SessionWindowedSerde */
#define KS_SESSION_WINDOWED_SERDE(inner_serde)                                                  \
    {                                                                                           \
        sizeof(ks_serde), "session-windowed", KS_KIND_WINDOWED, ks_session_windowed_serialize,  \
            ks_session_windowed_deserialize, &(const ks_windowed_serde){(inner_serde), 0}, NULL \
    }

/**
 * A built-in serde by name: "string", "bytes", "short", "integer", "long", "float", "double",
 * "boolean", "uuid", "void", the C names ("i64" ...), or Java's class names
 * ("org.apache.kafka.common.serialization.Serdes$StringSerde"). NULL when unknown.
 * @thread any
 */
KS_API const ks_serde *ks_serde_by_name(const char *name);

/**
 * An arena of one's own, for using serdes outside callbacks. Owned: free with ks_arena_free().
 * @thread any
 */
KS_API ks_arena *ks_arena_new(void);
/** Resets the arena and frees it; only for one of ks_arena_new(). @thread the arena's owner */
KS_API void ks_arena_free(ks_arena *arena);

/**
 * Gives back everything that was allocated in it and calls what ks_arena_on_reset() registered.
 * @thread the arena's owner
 */
KS_API void ks_arena_reset(ks_arena *arena);

#ifdef __cplusplus
}
#endif
#endif
