/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_key.h - the keys of the rows of a session store: which session a row is, and where it
 * stands.
 *
 *     changelog              key | end i64 | start i64          @java SessionKeySchema
 *     row        segment i64 | key | end i64 | start i64
 *
 *     by time:   segment | 0 | key | end | start
 *                segment | 1 | end | start | key                the index
 *
 *     in memory  ~start instead of start in a row
 *
 * Numbers are big-endian and never negative. A segment is a span of ends, as long as Java's, so
 * that rows go out of date from the front, and so that a row costs the record cache what it costs
 * Java's: 8 bytes before the key. Within a segment rows stand in the order of their bytes, which
 * for keys of different lengths is not that of the keys: Java's order, too. In memory Java gives
 * the later of two sessions of a key with the same end first, hence the complement. @java
 * InMemorySessionStore
 *
 * A store that keeps its sessions by time has a second row for each, without a value, in the order
 * of ends. Both stand in their segment, so one floor below which all expires takes both. Java turns
 * that around (values in the order of time, an index of keys), but the key is looked up with
 * each record and the time once in a while. @java RocksDBTimeOrderedSessionStore
 *
 * Thread rule: none.
 */
#ifndef KSI_STATE_SESSION_KEY_H
#define KSI_STATE_SESSION_KEY_H

#include "base/buffer.h"
#include "state/store_spec.h"

/* Which layout the keys of a store have. */
typedef struct ksi_session_keys {
    int64_t segment_ms;
    bool by_time;
    bool in_memory;
} ksi_session_keys;

/* Which session, borrowed from what was read. */
typedef struct ksi_session_id {
    ks_slice key;
    int64_t start;
    int64_t end;
} ksi_session_id;

ksi_session_keys ksi_session_keys_of(const ksi_store_spec *spec);

/* What is in the key of a row, or of one of the index, beside that of the record. */
size_t ksi_session_key_bytes(const ksi_session_keys *keys);

static inline int64_t ksi_session_segment(const ksi_session_keys *keys, int64_t end)
{
    return end / keys->segment_ms;
}

/* Each puts a key into a buffer, over what was there. */
ks_slice ksi_session_key_of_row(ksi_buffer *in, const ksi_session_keys *keys,
                                const ksi_session_id *id);
ks_slice ksi_session_key_of_index(ksi_buffer *in, const ksi_session_keys *keys,
                                  const ksi_session_id *id);
/* What no row (or, `is_index`, no row of the index) of a segment or a later one is below. */
ks_slice ksi_session_key_of_place(ksi_buffer *in, const ksi_session_keys *keys, int64_t segment,
                                  bool is_index);
/* What no row of a key is below, or (`is_last`) behind, that ends at `end`. */
ks_slice ksi_session_key_of_bound(ksi_buffer *in, const ksi_session_keys *keys, ks_slice key,
                                  int64_t end, bool is_last);
/* What no row of any key up to `key` in a segment is behind. @java OrderedBytes#upperRange */
ks_slice ksi_session_key_of_last(ksi_buffer *in, const ksi_session_keys *keys, int64_t segment,
                                 ks_slice key);
/* What no row of the index is below that ends at `end`. */
ks_slice ksi_session_key_of_end(ksi_buffer *in, const ksi_session_keys *keys, int64_t end);

/* The key of a row as its changelog has it: a part of it, or made in `in`. */
ks_slice ksi_session_key_logged(const ksi_session_keys *keys, ks_slice row_key, ksi_buffer *in);
/* False when the bytes are too few to be a key of a changelog, or have a negative time. */
bool ksi_session_key_read_logged(ks_slice logged, ksi_session_id *id);
/* Of keys that were written here. */
ksi_session_id ksi_session_key_read_row(const ksi_session_keys *keys, ks_slice row_key);
ksi_session_id ksi_session_key_read_index(const ksi_session_keys *keys, ks_slice index_key);

/* The segment of a row, or of one of the index. */
int64_t ksi_session_key_segment(ks_slice any_key);

#endif
