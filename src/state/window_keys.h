/* SPDX-License-Identifier: Apache-2.0 */
/*
 * window_keys.h - the key of a row of a window store, and that of its changelog record.
 *
 *     segment i64 | key | start i64 | sequence u32           by key
 *     segment i64 | 00 | start i64 | key | sequence u32      by time
 *     segment i64 | start i64 | key | sequence u32           by time, in memory
 *
 *     key | start i64 | sequence u32                         in the changelog, of all
 *
 * Numbers are big-endian, keys stand there as they are: in the order of bytes a key comes before
 * those that it begins, unless they go on with bytes that are smaller than those of a start. That
 * is Java's order, and so are the sizes, which the record cache counts: in memory Java has but one
 * layout, without a prefix. @java WindowKeySchema,
 * PrefixedWindowKeySchemas.TimeFirstWindowKeySchema, SegmentedCacheFunction
 *
 * Thread rule: any thread; buffers are the caller's.
 */
#ifndef KSI_STATE_WINDOW_KEYS_H
#define KSI_STATE_WINDOW_KEYS_H

#include "base/buffer.h"
#include "state/store_spec.h"

typedef enum ksi_window_layout {
    KSI_WINDOW_BY_KEY,
    KSI_WINDOW_BY_TIME,
    KSI_WINDOW_BY_TIME_IN_MEMORY
} ksi_window_layout;

ksi_window_layout ksi_window_layout_of(const ksi_store_spec *spec);

/* What the key of a row says; `key` is borrowed from it. */
typedef struct ksi_window_key {
    ks_slice key;
    int64_t start;
    uint32_t sequence;
} ksi_window_key;

/* What is in such a key beside that of the record. */
size_t ksi_window_key_bytes(ksi_window_layout layout);

/* The key of a row, made in `in`, which is cleared. */
ks_slice ksi_window_key_make(ksi_buffer *in, ksi_window_layout layout, int64_t segment,
                             const ksi_window_key *key);
ksi_window_key ksi_window_key_read(ks_slice row_key, ksi_window_layout layout);
int64_t ksi_window_key_start(ks_slice row_key, ksi_window_layout layout);
/*
 * What no row by time is below that starts at `start` or later, counted without a sign. Not of a
 * layout by key.
 */
ks_slice ksi_window_key_of_time(ksi_buffer *in, ksi_window_layout layout, int64_t segment,
                                uint64_t start);

/* The key of the changelog record of a row: part of the row's, or made in `in`. */
ks_slice ksi_window_key_logged(ks_slice row_key, ksi_window_layout layout, ksi_buffer *in);
/* False: these are not the bytes of a key. */
bool ksi_window_key_read_logged(ks_slice bytes, ksi_window_key *key);

#endif
