/* SPDX-License-Identifier: Apache-2.0 */
/*
 * row_buffer.h - the rows of a store that are in memory: written and not committed, committed and
 * not yet in RocksDB, or only remembered.
 *
 *     pending      written since the last commit; dropped by an abort
 *     committed    durable in the changelog; waits to be applied
 *     clean        equal to what RocksDB has (a value, or "absent"); may be forgotten at any time
 *
 * A row is found by a hash table (0.1 us) and stands in an ordered tree once order is wanted. What
 * the buffer does not know is *unknown*: only then is RocksDB asked. A pending row keeps the
 * committed one under it: an abort puts it back, and a query may ask for committed rows only.
 *
 * Without RocksDB below (a store in memory) nothing is unknown, nothing is applied, and rows are
 * never forgotten: then committed rows are clean at once.
 *
 * Known from: every live row behind a certain key is here, so what is not here is absent. Where
 * that begins is behind RocksDB's last key when the buffer is new or cleared, and moves up whenever
 * a row that is present is forgotten. Buffers of rows in the order of time forget the lowest keys
 * first, so there it moves slowly and all recent rows are known.
 *
 * Expiry: a floor below which rows do not exist, for whoever reads the newest rows at once, for
 * others after the commit; an abort takes it back. It only rises; writing below it is nothing.
 *
 * Walks survive everything. Forgetting clean rows waits while a walk is open: the
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
    bool by_time;   /* keys rise with time: the lowest are forgotten first */
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
/*
 * The same, and nothing changes, not even the order of use: several threads may do this at once
 * while none does anything else.
 */
ksi_row_knowledge ksi_row_buffer_peek(const ksi_row_buffer *buffer, ks_slice key, bool committed,
                                      ksi_row *out);
/*
 * A key of this hash (ksi_slice_hash) will be read or written soon: asks for the memory where it
 * begins to be looked for, and does not wait for it.
 */
void ksi_row_buffer_expect(const ksi_row_buffer *buffer, uint64_t hash);
/* Writes a pending row; a null value deletes. Slices may point into the buffer. */
void ksi_row_buffer_put(ksi_row_buffer *buffer, ks_slice key, ks_slice value, int64_t timestamp);
/* Remembers what RocksDB says of a key that is unknown: a clean row. */
void ksi_row_buffer_remember(ksi_row_buffer *buffer, ks_slice key, ks_slice value,
                             int64_t timestamp);
/*
 * Forgets everything, pending rows and the floor too: before the store is built again. To a walk
 * that is open, whatever there is came later; what it has lent stays until it ends.
 */
void ksi_row_buffer_clear(ksi_row_buffer *buffer);

/* ---- what is known of other rows ------------------------------------------------------------- */

/* Whether all live rows at or above a key (null: all there are) are in the buffer. */
bool ksi_row_buffer_knows_from(const ksi_row_buffer *buffer, ks_slice low);
/* Nobody has said yet what RocksDB's last key is. */
bool ksi_row_buffer_must_ask(const ksi_row_buffer *buffer);
/* RocksDB's last key; null when it has none. */
void ksi_row_buffer_told_last(ksi_row_buffer *buffer, ks_slice last);
/* Rows came into RocksDB that the buffer has not seen: what its last key is must be asked again. */
void ksi_row_buffer_rows_came_below(ksi_row_buffer *buffer);

/* ---- expiry ---------------------------------------------------------------------------------- */

/* Rows with a key < `below` expire; pending until the commit. */
void ksi_row_buffer_expire(ksi_row_buffer *buffer, ks_slice below);
/* The floor; a null slice when there is none. Borrowed until the next call. */
ks_slice ksi_row_buffer_floor(const ksi_row_buffer *buffer, bool committed);
/*
 * Whether RocksDB may have rows that expired: low <= key < high, where `low` is null for the first
 * of all. Borrowed until the next call.
 */
bool ksi_row_buffer_floor_to_apply(const ksi_row_buffer *buffer, ks_slice *low, ks_slice *high);
void ksi_row_buffer_floor_applied(ksi_row_buffer *buffer);

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
uint64_t ksi_row_buffer_present(ksi_row_buffer *buffer);

/*
 * Forgets clean rows, those used longest ago first (by time: the lowest), until at most so many
 * bytes are clean.
 */
void ksi_row_buffer_trim(ksi_row_buffer *buffer, int64_t max_clean_bytes);

/* ---- iterating ------------------------------------------------------------------------------- */

typedef struct ksi_buffered_row ksi_buffered_row;

/*
 * A walk over the rows that were here when it began, absent ones included: each as find() would
 * answer it. Survives puts.
 */
typedef struct ksi_row_walk {
    ksi_row_buffer *buffer;
    uint64_t began;
    bool backward;
    bool committed;
    ksi_tree_cursor at;
} ksi_row_walk;

typedef struct ksi_row_seen {
    ksi_row row; /* borrowed until the walk ends; the value until the row changes */
    ksi_row_knowledge knowledge;
    ksi_row_knowledge at_beginning; /* of the walk */
    ksi_buffered_row *in;
} ksi_row_seen;

/* Every begun walk must be ended. */
void ksi_row_walk_begin(ksi_row_walk *walk, ksi_row_buffer *buffer, bool backward, bool committed);
void ksi_row_walk_end(ksi_row_walk *walk);
/* The first row at or behind `from`, or of all for a null key. False at the end. */
bool ksi_row_walk_seek(ksi_row_walk *walk, ks_slice from, ksi_row_seen *seen);
/* The row behind the one of key `after`, which the walk saw last. */
bool ksi_row_walk_next(ksi_row_walk *walk, ks_slice after, ksi_row_seen *seen);
/* The same row again, after others may have changed it. Not after a clearing. */
void ksi_row_walk_look(const ksi_row_walk *walk, ksi_row_seen *seen);
/* From now on the value that was seen stays as it is until the last walk ends. */
void ksi_row_walk_lend(const ksi_row_walk *walk, ksi_buffered_row *in);
/* Whether the buffer was cleared since the walk began: then it has nothing more to show. */
bool ksi_row_walk_is_void(const ksi_row_walk *walk);
/*
 * The row of a key as find() answers it, and what was known of the key when the walk began: where
 * that is nothing, what RocksDB had then counts. `in` is NULL when there is no row.
 */
void ksi_row_walk_find(const ksi_row_walk *walk, ks_slice key, ksi_row_seen *seen);

#endif
