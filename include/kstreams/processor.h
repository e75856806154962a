/* SPDX-License-Identifier: Apache-2.0 */
/*
 * processor.h - what a callback may do with its context; processors and their punctuations.
 *
 * A ks_ctx is valid during the call it was given to, on that thread. What a callback allocates in
 * ks_ctx_arena() lives until the record that caused the call has been processed. After
 * ks_ctx_fail() the return value of the callback is ignored and every call on the context does
 * nothing.
 *
 * @thread the callback's
 */
#ifndef KSTREAMS_PROCESSOR_H
#define KSTREAMS_PROCESSOR_H

#include <kstreams/options.h>
#include <kstreams/session_store.h>
#include <kstreams/store.h>
#include <kstreams/window_store.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The arena of the record in hand. Borrowed until the callback returns; what is allocated in it
 * needs no free.
 */
KS_API ks_arena *ks_ctx_arena(ks_ctx *ctx);

/**
 * Emits a record from a flat operation: its key (flat_map only) and value; timestamp and headers
 * are the input's. Values may live in the arena or anywhere that outlives the call. Java's function
 * returns them as an Iterable.
 */
KS_API void ks_emit(ks_ctx *ctx, ks_value key, ks_value value);

/** Emits a value under the input's own key, from flat_map_values or flat_map. */
KS_API void ks_emit_value(ks_ctx *ctx, ks_value value);

/**
 * Fails the record: the processing exception handler decides what becomes of it. Only the first
 * failure of a call counts. printf-like; the node and the position of the record are added by the
 * library. In Java user code throws.
 */
KS_API void ks_ctx_fail(ks_ctx *ctx, const char *format, ...) KS_PRINTF(2, 3);

/** The topic the record came from; NULL in a punctuation. @java ProcessorContext#recordMetadata */
KS_API const char *ks_ctx_topic(const ks_ctx *ctx);

/**
 * The partition the record came from; -1 in a punctuation. @java ProcessorContext#recordMetadata
 */
KS_API int32_t ks_ctx_partition(const ks_ctx *ctx);

/** The offset of the record; -1 in a punctuation. @java ProcessorContext#recordMetadata */
KS_API int64_t ks_ctx_offset(const ks_ctx *ctx);

/**
 * The highest timestamp the task has processed, or -1 before the first record. @java
 * ProcessorContext#currentStreamTimeMs
 */
KS_API int64_t ks_ctx_stream_time(const ks_ctx *ctx);

/**
 * The wall clock of the application or test, in milliseconds of the epoch. @java
 * ProcessorContext#currentSystemTimeMs
 */
KS_API int64_t ks_ctx_wall_clock(const ks_ctx *ctx);

/** The task, such as "0_1". Borrowed until the callback returns. @java ProcessorContext#taskId */
KS_API const char *ks_ctx_task_id(const ks_ctx *ctx);

/** The node whose callback this is. Borrowed until the topology is freed. */
KS_API const char *ks_ctx_node_name(const ks_ctx *ctx);

/** `application.id`. Borrowed until the callback returns. @java ProcessorContext#applicationId */
KS_API const char *ks_ctx_application_id(const ks_ctx *ctx);

/**
 * A property of the application: as set, else its default; NULL when it has neither or the name is
 * unknown. Borrowed until the callback returns. @java ProcessorContext#appConfigs
 */
KS_API const char *ks_ctx_config(const ks_ctx *ctx, const char *name);

/** The serde of `default.key.serde`, or NULL. @java ProcessorContext#keySerde */
KS_API const ks_serde *ks_ctx_default_key_serde(const ks_ctx *ctx);
/** The serde of `default.value.serde`, or NULL. @java ProcessorContext#valueSerde */
KS_API const ks_serde *ks_ctx_default_value_serde(const ks_ctx *ctx);

/* ---- records that go no further -------------------------------------------------------------- */

/** Why a record was dropped; all are `dropped-records` together. */
typedef enum ks_drop_reason {
    KS_DROP_DESERIALIZATION = 0, /**< a serde could not read it, and the handler went on */
    KS_DROP_TIMESTAMP,           /**< its timestamp extractor gave it a negative one */
    KS_DROP_NULL,                /**< an operation needs the key or value that it has not */
    KS_DROP_LATE,                /**< its window is over, or a newer row or question overtook it */
    KS_DROP_PROCESSING,          /**< a node or punctuation failed, and the handler went on */
    KS_DROP_PRODUCTION,          /**< it could not be written, and the handler went on */
    KS_DROP_PARTITIONER          /**< its partitioner wants it nowhere */
} ks_drop_reason;
/** How many reasons there are in this version. */
#define KS_DROP_REASON_COUNT 7

/** A word for a reason, such as "deserialization". Never NULL. @thread any */
KS_API const char *ks_drop_reason_name(ks_drop_reason reason);

/* ---- processors ------------------------------------------------------------------------------ */

/**
 * An operation of the program's own: a constant that outlives the topology. Every task has an
 * instance, which is `state_size` zeroed bytes. @java Processor, ProcessorSupplier,
 * FixedKeyProcessor, FixedKeyProcessorSupplier
 *
 *     static void process(ks_ctx *ctx, const ks_record *record, void *state, void *user)
 *     {
 *         ((totals *)state)->seen++;
 *         ks_ctx_forward(ctx, record);
 *     }
 *
 *     const ks_processor counting = {
 *         .struct_size = sizeof counting, .state_size = sizeof(totals), .process = process};
 *
 * @thread of the functions: the stream thread of the task
 */
typedef struct ks_processor {
    size_t struct_size;
    size_t state_size; /**< may be 0: `state` is NULL then */
    /** When a task starts; may be NULL. What fails here (ks_ctx_fail()) fails the start. */
    void (*init)(ks_ctx *ctx, void *state, void *user);
    /** For each record. It forwards what shall go on: nothing goes on by itself. */
    void (*process)(ks_ctx *ctx, const ks_record *record, void *state, void *user);
    /** Once for each init that did not fail; may be NULL. */
    void (*close)(void *state, void *user);
    /**
     * Stores that the processor brings along, up to a NULL: they are added and connected to each
     * of its nodes. NULL: none. @java ConnectedStoreProvider
     */
    const ks_store_builder *const *stores;
} ks_processor;

/* ---- around every processor ------------------------------------------------------------------ */

/** The operation that a wrapper stands around: of the DSL, or the program's own. */
typedef struct ks_wrapped ks_wrapped;

/**
 * Something that stands around the processors of a topology, those of the DSL and of the program,
 * and sees each record first: to count, to measure, to leave records out, to keep something in a
 * store. A constant that outlives the topology. @java ProcessorWrapper
 *
 * Between the nodes of a table the value of a record is the library's own: a wrapper hands it on as
 * it is. Sources, sinks and what keeps a global store are not wrapped.
 *
 * @thread of the functions: `wraps` the builder's; the others the stream thread of the task
 */
typedef struct ks_processor_wrapper {
    size_t struct_size;
    size_t state_size; /**< zeroed bytes for each node and task; may be 0 */
    /** Whether to stand around the node of that name; NULL: around every one. */
    bool (*wraps)(const char *node, void *user);
    /** When a task starts, before the wrapped operation's; may be NULL. */
    void (*init)(ks_ctx *ctx, void *state, void *user);
    /** For each record; it calls ks_wrapped_process() for the operation to happen. */
    void (*process)(ks_ctx *ctx, const ks_record *record, ks_wrapped *wrapped, void *state,
                    void *user);
    /** Behind the wrapped operation's; may be NULL. */
    void (*close)(void *state, void *user);
    /** Stores that each wrapped node gets, up to a NULL. NULL: none. */
    const ks_store_builder *const *stores;
} ks_processor_wrapper;

/**
 * Runs the wrapped operation for a record, which need not be the one in hand. What it forwards has
 * been processed when it returns. @thread the callback's
 */
KS_API void ks_wrapped_process(ks_ctx *ctx, ks_wrapped *wrapped, const ks_record *record);

/* ---- what a processor does ------------------------------------------------------------------- */

/**
 * Sends a record to every node below a processor, from its process function or a punctuation. They
 * have run when it returns. It fails with a negative timestamp, from init (the nodes below have not
 * begun), and in ks_stream_process_values() with another key than that of the record in hand. @java
 * ProcessorContext#forward(Record)
 */
KS_API void ks_ctx_forward(ks_ctx *ctx, const ks_record *record);

/**
 * Sends a record to the node of that name below the processor; fails when there is none. @java
 * ProcessorContext#forward(Record, String)
 */
KS_API void ks_ctx_forward_to(ks_ctx *ctx, const ks_record *record, const char *child);

/**
 * Asks for a commit. The task is committed after the record or punctuation in hand, with the other
 * tasks of its thread, and not before the next turn of the thread. @java ProcessorContext#commit
 */
KS_API void ks_ctx_request_commit(ks_ctx *ctx);

/* ---- stores of a processor ------------------------------------------------------------------- */

/**
 * A key-value store of the processor, with or without timestamps, for its functions and
 * punctuations: one that it brings along, or that is connected to its node.
 *
 *     static void process(ks_ctx *ctx, const ks_record *record, void *state, void *user)
 *     {
 *         ks_key_value_store *counts = ks_ctx_key_value_store(ctx, "counts");
 *         ks_value old = ks_key_value_store_value(counts, record->key);
 *         int64_t count = ks_value_is_null(old) ? 1 : ks_value_i64(old) + 1;
 *         ks_key_value_store_put(counts, record->key, ks_i64(count), NULL);
 *     }
 *
 * Calls on it that are given no error and fail, fail the context, as ks_ctx_fail() does; from then
 * on they do nothing. Without an arena an entry lives until the record has been processed. Writing
 * is done in the name of the record in hand.
 *
 * @param name  of the store
 * @return borrowed until the task ends: init may keep it. NULL after a failure, which is also that
 *         the store is not connected to the node or is of another kind; calls on NULL do nothing
 * @thread the callback's
 * @java   ProcessorContext#getStateStore
 */
KS_API ks_key_value_store *ks_ctx_key_value_store(ks_ctx *ctx, const char *name);

/**
 * A versioned store of the processor; as ks_ctx_key_value_store() otherwise. Versions are put with
 * the timestamp that the call says, not with that of the record in hand. @java
 * ProcessorContext#getStateStore
 */
KS_API ks_versioned_store *ks_ctx_versioned_store(ks_ctx *ctx, const char *name);

/**
 * A window store of the processor; as ks_ctx_key_value_store() otherwise. @java
 * ProcessorContext#getStateStore
 */
KS_API ks_window_store *ks_ctx_window_store(ks_ctx *ctx, const char *name);

/**
 * A session store of the processor; as ks_ctx_key_value_store() otherwise. @java
 * ProcessorContext#getStateStore
 */
KS_API ks_session_store *ks_ctx_session_store(ks_ctx *ctx, const char *name);

/**
 * A custom store of the processor; as ks_ctx_key_value_store() otherwise.
 *
 *     top_index *top = ks_custom_store_state(ks_ctx_custom_store(ctx, "top"), &top_class);
 *     if (top == NULL) {
 *         return;
 *     }
 *
 * @java ProcessorContext#getStateStore
 */
KS_API ks_custom_store *ks_ctx_custom_store(ks_ctx *ctx, const char *name);

/* ---- punctuations ---------------------------------------------------------------------------- */

/** Whose time a punctuation goes by. @java PunctuationType */
typedef enum ks_punctuation_type {
    KS_PUNCTUATION_STREAM_TIME = 0, /**< ks_ctx_stream_time(): stands still without records */
    KS_PUNCTUATION_WALL_CLOCK       /**< ks_ctx_wall_clock() */
} ks_punctuation_type;

/**
 * Called when it is time; `now_ms` is the time as it is, which may be later than it was due. May
 * forward, schedule and cancel. There is no record in hand: no topic, partition and offset -1, no
 * headers. A failure is the processing exception handler's. @java Punctuator
 */
typedef void ks_punctuator_fn(ks_ctx *ctx, int64_t now_ms, void *user);

/** When a punctuation is due. */
typedef struct ks_schedule {
    ks_options_head head;
    ks_use_designated_initializers *guard;
    int64_t interval_ms; /**< at least 1 */
    ks_punctuation_type type;
    bool is_anchored; /**< due at `start_ms` and whole intervals later, and at no other time */
    int64_t start_ms; /**< with `is_anchored`: not negative, milliseconds of the epoch */
} ks_schedule;
#define KS_SCHEDULE(...) (&(const ks_schedule){KS_OPTIONS_HEAD(ks_schedule), __VA_ARGS__})
/** For C++ and other languages: the head filled and all else zero. */
KS_API void ks_schedule_init(ks_schedule *schedule);

/** A punctuation of a task; 0 is none. It needs no free. @java Cancellable */
typedef uint64_t ks_punctuation;

/**
 * Calls `punctuate` again and again until it is cancelled or the task ends. From the functions of a
 * processor and from punctuations only.
 *
 * First due: by stream time with the first record, by the wall clock an interval from now, anchored
 * at `start_ms` or, when that is over, a whole number of intervals later. It is called once when it
 * is due; intervals that were missed meanwhile are not made up for.
 *
 * @param user  borrowed until the punctuation is cancelled or the task has ended: often the state
 * @return for ks_ctx_cancel(); 0 after a failure, such as an interval below 1
 * @thread the callback's
 * @java   ProcessorContext#schedule
 */
KS_API ks_punctuation ks_ctx_schedule(ks_ctx *ctx, ks_punctuator_fn *punctuate, void *user,
                                      const ks_schedule *schedule);

/**
 * Ends a punctuation, also from within it. One that has ended, and 0, are let pass. @thread the
 * callback's @java Cancellable#cancel
 */
KS_API void ks_ctx_cancel(ks_ctx *ctx, ks_punctuation punctuation);

#ifdef __cplusplus
}
#endif
#endif
