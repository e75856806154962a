/* SPDX-License-Identifier: Apache-2.0 */
/*
 * window_keys.h - the key of a row of a window store, and that of its changelog record.
 *
 *     segment i64 | key | start i64 | sequence u32           by key
 *     segment i64 | 00 | start i64 | key | sequence u32      by time
 *
 *     key | start i64 | sequence u32                         in the changelog, of both
 *
 * Numbers are big-endian, keys stand there as they are: in the order of bytes a key comes before
 * those that it begins, unless they go on with bytes that are smaller than those of a start. That
 * is Java's order, and so are the sizes, which the record cache counts. @java WindowKeySchema,
 * PrefixedWindowKeySchemas.TimeFirstWindowKeySchema, SegmentedCacheFunction
 *
 * Thread rule: any thread; buffers are the caller's.
 */
#ifndef KSI_STATE_WINDOW_KEYS_H
#define KSI_STATE_WINDOW_KEYS_H

#include "base/buffer.h"

/* What the key of a row says; `key` is borrowed from it. */
typedef struct ksi_window_key {
    ks_slice key;
    int64_t start;
    uint32_t sequence;
} ksi_window_key;

/* The key of a row, made in `in`, which is cleared. */
ks_slice ksi_window_key_make(ksi_buffer *in, bool by_time, int64_t segment,
                             const ksi_window_key *key);
ksi_window_key ksi_window_key_read(ks_slice row_key, bool by_time);
int64_t ksi_window_key_start(ks_slice row_key, bool by_time);

/* The key of the changelog record of a row; may be part of the row's. */
ks_slice ksi_window_key_logged(ks_slice row_key, ksi_buffer *in);
ks_slice ksi_window_key_logged_by_time(ks_slice row_key, ksi_buffer *in);
/* False: these are not the bytes of a key. */
bool ksi_window_key_read_logged(ks_slice bytes, ksi_window_key *key);

#endif
