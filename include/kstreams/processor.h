/* SPDX-License-Identifier: Apache-2.0 */
/*
 * processor.h - what a callback may do with its context.
 *
 * A ks_ctx is valid during the call it was given to, on that thread. What a callback allocates in
 * ks_ctx_arena() lives until the record that caused the call has been processed. After
 * ks_ctx_fail() the return value of the callback is ignored and every call on the context does
 * nothing.
 */
#ifndef KSTREAMS_PROCESSOR_H
#define KSTREAMS_PROCESSOR_H

#include <kstreams/options.h>

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
 * are the input's. Values may live in the arena or anywhere that outlives the call. @java the
 * returned Iterable of FlatMap
 */
KS_API void ks_emit(ks_ctx *ctx, ks_value key, ks_value value);

/** Emits a value under the input's own key, from flat_map_values or flat_map. */
KS_API void ks_emit_value(ks_ctx *ctx, ks_value value);

/**
 * Fails the record: the processing exception handler decides what becomes of it. Only the first
 * failure of a call counts. printf-like; the node and the position of the record are added by the
 * library. @java throwing from user code
 */
KS_API void ks_ctx_fail(ks_ctx *ctx, const char *format, ...) KS_PRINTF(2, 3);

/** The topic the record came from; NULL in a punctuation. @java recordMetadata().topic() */
KS_API const char *ks_ctx_topic(const ks_ctx *ctx);

/** The partition the record came from; -1 in a punctuation. */
KS_API int32_t ks_ctx_partition(const ks_ctx *ctx);

/** The offset of the record; -1 in a punctuation. */
KS_API int64_t ks_ctx_offset(const ks_ctx *ctx);

/**
 * The highest timestamp the task has processed, or -1 before the first record. @java
 * currentStreamTimeMs
 */
KS_API int64_t ks_ctx_stream_time(const ks_ctx *ctx);

/**
 * The wall clock of the application or test, in milliseconds of the epoch. @java
 * currentSystemTimeMs
 */
KS_API int64_t ks_ctx_wall_clock(const ks_ctx *ctx);

/** The task, such as "0_1". Borrowed until the callback returns. @java taskId */
KS_API const char *ks_ctx_task_id(const ks_ctx *ctx);

/** The node whose callback this is. Borrowed until the topology is freed. */
KS_API const char *ks_ctx_node_name(const ks_ctx *ctx);

#ifdef __cplusplus
}
#endif
#endif
