/* SPDX-License-Identifier: Apache-2.0 */
/*
 * row_buffer.h - the rows of a store that are in memory: written and not committed, committed and
 * not yet in RocksDB, or only remembered.
 *
 *     pending      written since the last commit; dropped by an abort
 *     committed    durable in the changelog; waits to be applied
 *     clean        equal to what RocksDB has (a value, or "absent"); may be forgotten at any time
 *
 * A row is found by a hash table (0.1 us) and stands in an ordered tree for iterating. What the
 * buffer does not know is *unknown*: only then is RocksDB asked. A pending row keeps the committed
 * one under it, so that an abort puts it back and a query may ask for committed rows only.
 *
 * Without RocksDB below (a store in memory) nothing is unknown, nothing is applied, and rows are
 * never forgotten: then committed rows are clean at once.
 *
 * Walks go by key and survive everything. Forgetting clean rows waits while a walk is open: the
 * snapshot of RocksDB that the walk is merged with may be older than the row.
 *
 * The tempting wrong way is two trees, one pending and one committed: every read looks twice, and a
 * commit moves rows instead of changing a mark.
 *
 * Thread rule: the store's lock.
 */
#ifndef KSI_STATE_ROW_BUFFER_H
#define KSI_STATE_ROW_BUFFER_H

#include "base/tree.h"

typedef struct ksi_row_buffer ksi_row_buffer;

typedef struct ksi_row_buffer_options {
    bool has_rocks; /* false: a store in memory */
} ksi_row_buffer_options;

ksi_row_buffer *ksi_row_buffer_new(const ksi_row_buffer_options *options);
void ksi_row_buffer_free(ksi_row_buffer *buffer); /* accepts NULL */

/* What the buffer says of a key. */
typedef enum ksi_row_knowledge {
    KSI_ROW_UNKNOWN, /* RocksDB knows */
    KSI_ROW_ABSENT,
    KSI_ROW_PRESENT
} ksi_row_knowledge;

/* A row of a store: borrowed until the next call on what gave it, unless that says more. */
typedef struct ksi_row {
    ks_slice key;
    ks_slice value;    /* null: absent */
    int64_t timestamp; /* -1 in a store without timestamps */
} ksi_row;

/* ---- reading and writing --------------------------------------------------------------------- */

/* The newest row, or (`committed`) the newest one that was committed. */
ksi_row_knowledge ksi_row_buffer_find(ksi_row_buffer *buffer, ks_slice key, bool committed,
                                      ksi_row *out);
/* Writes a pending row; a null value deletes. Slices may point into the buffer. */
void ksi_row_buffer_put(ksi_row_buffer *buffer, ks_slice key, ks_slice value, int64_t timestamp);
/* Remembers what RocksDB says of a key that is unknown: a clean row. */
void ksi_row_buffer_remember(ksi_row_buffer *buffer, ks_slice key, ks_slice value,
                             int64_t timestamp);
/*
 * Forgets everything, pending rows too: before the store is built again. To a walk that is open,
 * whatever there is came later.
 */
void ksi_row_buffer_clear(ksi_row_buffer *buffer);

/* ---- transactions ---------------------------------------------------------------------------- */

/* Pending rows become committed ones. */
void ksi_row_buffer_commit(ksi_row_buffer *buffer);
/* Pending rows are dropped; what they covered is back. */
void ksi_row_buffer_abort(ksi_row_buffer *buffer);

/* ---- applying -------------------------------------------------------------------------------- */

/* Sees a committed row in key order; false stops. */
typedef bool ksi_row_visit_fn(void *user, const ksi_row *row);

/*
 * Visits the committed rows that are not applied, in key order, until `visit` says stop; the
 * buffer is not changed. @return whether all were visited
 */
bool ksi_row_buffer_each_unapplied(ksi_row_buffer *buffer, ksi_row_visit_fn *visit, void *user);
bool ksi_row_buffer_has_unapplied(const ksi_row_buffer *buffer);
/* All committed rows are in RocksDB now: they become clean. */
void ksi_row_buffer_applied(ksi_row_buffer *buffer);

/* Bytes by state, with what the buffer itself needs for them. */
typedef struct ksi_row_buffer_bytes {
    int64_t pending;
    int64_t unapplied;
    int64_t clean;
} ksi_row_buffer_bytes;
ksi_row_buffer_bytes ksi_row_buffer_bytes_of(const ksi_row_buffer *buffer);
/* Rows that are present, as far as the buffer knows; exact for a store in memory. */
uint64_t ksi_row_buffer_present(const ksi_row_buffer *buffer);

/* Forgets clean rows, those used longest ago first, until at most so many bytes are clean. */
void ksi_row_buffer_trim(ksi_row_buffer *buffer, int64_t max_clean_bytes);

/* ---- iterating ------------------------------------------------------------------------------- */

/* A walk over the rows, absent ones included: each as find() would answer it. Survives puts. */
typedef struct ksi_row_walk {
    ksi_row_buffer *buffer;
    uint64_t began;
    bool backward;
    bool committed;
    ksi_tree_cursor at;
} ksi_row_walk;

typedef struct ksi_row_seen {
    ksi_row row;
    ksi_row_knowledge knowledge;
} ksi_row_seen;

/* Every begun walk must be ended. */
void ksi_row_walk_begin(ksi_row_walk *walk, ksi_row_buffer *buffer, bool backward, bool committed);
void ksi_row_walk_end(ksi_row_walk *walk);
/* The first row at or behind `from`, or of all for a null key. False at the end. */
bool ksi_row_walk_seek(ksi_row_walk *walk, ks_slice from, ksi_row_seen *seen);
/* The row behind the one of key `after`, which the walk saw last. */
bool ksi_row_walk_next(ksi_row_walk *walk, ks_slice after, ksi_row_seen *seen);
/*
 * The row of a key as find() answers it, and what was known of the key when the walk began: where
 * that is nothing, what RocksDB had then counts.
 */
ksi_row_knowledge ksi_row_walk_find(const ksi_row_walk *walk, ks_slice key, ksi_row *out,
                                    ksi_row_knowledge *at_beginning);

#endif
