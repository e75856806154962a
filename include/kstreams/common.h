/* SPDX-License-Identifier: Apache-2.0 */
/*
 * common.h - what every kstreams header shares: version, export macro, slices, status codes,
 * errors, arenas.
 *
 * Conventions of the whole library
 *   1. Handles are opaque. What a function returns is *owned* (free it with its `_free`), or
 *      *borrowed until* a named moment. The user frees builder, topology, app, config, log, test
 *      driver and iterators, and nothing else.
 *   2. A function that can fail returns ks_status (or NULL) and fills the caller's ks_error, which
 *      may be NULL.
 *   3. Every `_free` accepts NULL.
 *   4. Options are literals named after Kafka's own objects: KS_CONSUMED(.value =
 *      &ks_serde_string). NULL means all defaults.
 *   5. A callback takes its context first and the user's pointer last.
 *   6. Texts are UTF-8. A name or topic given as `const char *` is copied; a serde, extractor or
 *      partitioner is kept by reference and must outlive the topology (they are meant to be `const`
 *      globals).
 *   7. Times are milliseconds: of the epoch where a moment is meant, plain where a duration is.
 *
 * @thread any
 */
#ifndef KSTREAMS_COMMON_H
#define KSTREAMS_COMMON_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define KS_VERSION_MAJOR 0
#define KS_VERSION_MINOR 1
#define KS_VERSION_PATCH 0

#if defined(__GNUC__) || defined(__clang__)
#define KS_API __attribute__((visibility("default")))
#define KS_NODISCARD __attribute__((warn_unused_result))
#define KS_PRINTF(format_at, args_at) __attribute__((format(printf, format_at, args_at)))
#define KS_NORETURN __attribute__((noreturn))
#else
#define KS_API
#define KS_NODISCARD
#define KS_PRINTF(format_at, args_at)
#define KS_NORETURN
#endif

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The version of the library that is linked, such as "0.1.0" (the macros give the headers'
 * version). @thread any
 */
KS_API const char *ks_library_version(void);

/* ---- slices ---------------------------------------------------------------------------------- */

/**
 * Some bytes that belong to somebody else. `data == NULL` is Kafka's null, which is not the same as
 * empty. Not NUL-terminated: print with "%.*s" and KS_SLICE_ARGS().
 */
typedef struct ks_slice {
    const char *data;
    size_t size;
} ks_slice;

/** `size` bytes at `data`, borrowed. */
static inline ks_slice ks_slice_of(const void *data, size_t size)
{
    ks_slice slice;
    slice.data = (const char *)data;
    slice.size = size;
    return slice;
}

/** The null slice. */
static inline ks_slice ks_slice_null(void)
{
    return ks_slice_of(NULL, 0);
}

/** The bytes of a C text without its NUL; NULL gives the null slice. Borrows `text`. */
static inline ks_slice ks_slice_cstr(const char *text)
{
    return ks_slice_of(text, text != NULL ? strlen(text) : 0);
}

/** Equal bytes; null equals only null. */
static inline bool ks_slice_equal(ks_slice a, ks_slice b)
{
    return a.size == b.size && (a.data == NULL) == (b.data == NULL) &&
           (a.data == NULL || memcmp(a.data, b.data, a.size) == 0);
}

/** How much of a slice printf can print: all of it up to INT_MAX bytes. For KS_SLICE_ARGS(). */
static inline int ks_slice_precision(ks_slice slice)
{
    return slice.size < INT_MAX ? (int)slice.size : INT_MAX;
}

/** What printf is given for a slice; the null slice is printed as an empty one. */
static inline const char *ks_slice_chars(ks_slice slice)
{
    return slice.data != NULL ? slice.data : "";
}

/**
 * A slice for "%.*s". The argument is evaluated twice.
 *
 *     printf("%.*s is new\n", KS_SLICE_ARGS(name));
 */
#define KS_SLICE_ARGS(slice) ks_slice_precision(slice), ks_slice_chars(slice)

/* ---- status and errors ----------------------------------------------------------------------- */

/** What went wrong, as a program asks it. The text is in ks_error. */
typedef enum ks_status {
    KS_OK = 0,
    /**
     * an argument out of range, or a call that does not fit here (@java IllegalArgumentException)
     */
    KS_E_ARGUMENT = -1,
    /** a property is unknown, malformed or out of range (@java ConfigException) */
    KS_E_CONFIG = -2,
    /** the graph: names, duplicates, parents, stores, sources (@java TopologyException) */
    KS_E_TOPOLOGY = -3,
    /**
     * bytes could not be made into a value, or a value into bytes (@java SerializationException)
     */
    KS_E_SERDE = -4,
    /**
     * user code failed, or a value had another kind than the code expected (@java StreamsException)
     */
    KS_E_PROCESSING = -5,
    /** a record has a negative timestamp and the extractor does not accept it */
    KS_E_TIMESTAMP = -6,
    /** the call is not allowed in this state of its object (@java IllegalStateException) */
    KS_E_STATE = -7,
    KS_E_LIMIT = -8, /**< something sized by data went past the property that bounds it */
    KS_E_IO = -9,    /**< the operating system refused; the message has its reason */
    /** the time given ran out; what was begun goes on or was undone, as the function says */
    KS_E_TIMEOUT = -10,
    KS_E_UNKNOWN_TOPIC = -11, /**< the topic does not exist */
    /** part of Kafka Streams that this version of the library does not have yet */
    KS_E_NOT_BUILT = -12,
    KS_E_STORE = -13, /**< no store of that name here, or it is of another kind */
    /** writing out a store's cache failed (@java ProcessorStateException) */
    KS_E_PROCESSOR_STATE = -14,
    KS_E_CORRUPT = -15, /**< files that do not read back as they were written */
    /**
     * the task that owns the store has left this thread or this process: look the store up again
     * (@java InvalidStateStoreException, StateStoreMigratedException)
     */
    KS_E_STORE_MIGRATED = -16,
    /**
     * another took over: a newer producer of this transactional id, or the group gave this member's
     * tasks away (@java ProducerFencedException, TaskMigratedException)
     */
    KS_E_FENCED = -17,
    /**
     * the records asked for were deleted, or are not there yet (@java OffsetOutOfRangeException)
     */
    KS_E_OUT_OF_RANGE = -18
} ks_status;

/** The name of a status code, such as "KS_E_CONFIG". Never NULL. @thread any */
KS_API const char *ks_status_name(ks_status status);

/** Answers of an error beside its code. */
typedef enum ks_error_flags {
    KS_ERROR_FATAL = 1,     /**< the object cannot go on; close it */
    KS_ERROR_RETRIABLE = 2, /**< the same call may succeed later */
    KS_ERROR_ABORT = 4      /**< the running transaction must be aborted */
} ks_error_flags;

/**
 * An error, owned by the caller and filled by the library: no allocation, nothing to free.
 *
 * `where` names the node, store, topic or property; `message` says what happened and what to
 * change. A function that succeeds leaves it alone, so initialise it: `ks_error err = {0};`
 */
typedef struct ks_error {
    ks_status code;
    uint32_t flags; /**< ks_error_flags, or-ed */
    char where[160];
    char message[480];
} ks_error;

/**
 * Fills an error, for serdes, extractors and partitioners of a program's own: printf-like; texts
 * that are too long are cut.
 *
 *     return ks_error_set(error, KS_E_SERDE, NULL, "a reading has 12 bytes, not %zu", bytes.size);
 *
 * @param error  may be NULL: nothing is filled
 * @param code   not KS_OK
 * @param where  NULL: the library says it
 * @return `code`
 * @thread any
 */
KS_API ks_status ks_error_set(ks_error *error, ks_status code, const char *where,
                              const char *format, ...) KS_PRINTF(4, 5);

/**
 * "KS_E_TOPOLOGY at word-counts: ..." into `buffer`, always NUL-terminated; returns `buffer`.
 * @thread any
 */
KS_API const char *ks_error_text(const ks_error *error, char *buffer, size_t size);

/**
 * The same on a line of standard error, behind the name of the program: "orders: KS_E_CONFIG at
 * ...". @thread any
 *
 * @param program  NULL: nothing stands before it
 */
KS_API void ks_error_print(const char *program, const ks_error *error);

/* ---- arenas ---------------------------------------------------------------------------------- */

/**
 * Memory that is given back all at once. Serdes and callbacks allocate in an arena and free
 * nothing. The arena of a callback (ks_ctx_arena()) lives until the record that caused the call has
 * been processed.
 */
typedef struct ks_arena ks_arena;

/**
 * `size` bytes aligned for any type, not zeroed; never NULL. `size == 0` gives a valid address.
 * @thread the arena's owner
 */
KS_API void *ks_arena_alloc(ks_arena *arena, size_t size);

/** A copy of the bytes in the arena; null stays null. @thread the arena's owner */
KS_API ks_slice ks_arena_copy(ks_arena *arena, ks_slice bytes);

/** Frees what a program allocated by itself. */
typedef void ks_free_fn(void *pointer);

/**
 * Calls `release(pointer)` when the arena is reset: for what a serde must allocate elsewhere.
 * @thread the arena's owner
 */
KS_API void ks_arena_on_reset(ks_arena *arena, ks_free_fn *release, void *pointer);

/* ---- options --------------------------------------------------------------------------------- */

/**
 * The hidden head of every options literal. The macros fill it; it lets an error name the line that
 * gave them, and is there so that options can grow from 1.0 on. Until then a program is compiled
 * anew with each version: the size is not looked at yet. `guard` makes `KS_CONSUMED(&serde)` warn:
 * options are named, never positional.
 */
typedef struct ks_options_head {
    size_t struct_size;
    const char *file;
    int line;
} ks_options_head;

typedef struct ks_use_designated_initializers ks_use_designated_initializers;

/*
 * What an options macro puts first. The member behind `head` is the guard, so a positional
 * initializer meets it and warns.
 */
#define KS_OPTIONS_HEAD(type) .head = {sizeof(type), __FILE__, __LINE__}

/* ---- topics ---------------------------------------------------------------------------------- */

/** One configuration of a topic, by Kafka's names: "cleanup.policy", "retention.ms"... */
typedef struct ks_topic_config {
    const char *name;
    const char *value; /**< NULL when set: back to the default */
    bool is_default;   /**< set when read, ignored otherwise */
} ks_topic_config;

#ifdef __cplusplus
}
#endif
#endif
