/* SPDX-License-Identifier: Apache-2.0 */
/*
 * row_store.h - the rows of one store and one partition, in three layers.
 *
 *     write ---> pending ---> committed ---> RocksDB
 *                  |   commit     |   apply: in key order, in bulk, with the changelog offset
 *                  |   abort: dropped
 *     read  <--- the first layer that knows the key
 *
 * Every kind of store stands on this: a key-value store as it is, windows and sessions with keys of
 * their own. It knows bytes and no serdes, no cache, no changelog topic.
 *
 * Invariants
 *   - RocksDB holds committed rows only, and never a changelog offset newer than its rows: rows are
 *     written first, the offset row behind them, all into one family.
 *   - The exception is write-through: a transaction too big for memory goes to RocksDB before its
 *     commit, behind a durable `dirty` mark; a crash in between rebuilds this store of this
 *     partition from its changelog.
 *   - Without a changelog there is nothing to replay: then every commit is applied, through the
 *     write-ahead log and as one batch.
 *   - What the buffer does not have is absent, without asking, where it knows all: above RocksDB's
 *     last key when the store was opened (one seek, at the first miss), and above what it has
 *     forgotten since.
 *   - Expired rows go as one range: out of the buffer with the commit, out of RocksDB with the
 *     position of the next apply. So what is replayed after a crash finds what it found before.
 *   - In memory (no family) the layers are the same, and a commit is all there is.
 *
 * In RocksDB, in one family for all partitions of the store:
 *
 *     partition u32 | key                        value, behind 8 bytes of timestamp if it has one
 *     ffffffff | partition u32                   the position (layout of the rows, offset, time,
 *                                                hash); of a store that is kept from several
 *                                                partitions, one for each
 *     ffffffff | partition u32 | "note"          what the store noted of itself
 *     ffffffff | partition u32 | "dirty"         there while written through
 *
 * Thread rule: the thread of the task, under the task's lock while others may query.
 */
#ifndef KSI_STATE_ROW_STORE_H
#define KSI_STATE_ROW_STORE_H

#include "state/row_buffer.h"
#include "storage/rocks.h"

typedef struct ksi_row_store ksi_row_store;

/*
 * How far a store is, in its changelog: the offset of the next record to restore, when the store
 * was last known to be current, and a hash of the record before that offset.
 */
typedef struct ksi_store_position {
    int64_t offset; /* -1: nothing was ever restored or committed */
    int64_t current_ms;
    uint64_t hash; /* 0: there is no such record */
} ksi_store_position;

typedef struct ksi_row_store_options {
    const char *name;
    ksi_family *family; /* NULL: in memory */
    int32_t partition;
    bool timestamped;
    size_t key_bytes;    /* the least that a key has; what is on the disk is not taken on trust */
    uint8_t layout;      /* what the rows mean; a position of rows of another counts for nothing */
    bool logged;         /* false: commits are durable by themselves */
    int64_t clean_bytes; /* of rows that are only remembered */
    bool by_time;        /* keys rise with time: memory keeps the highest, not those used last */
    size_t max_rows;     /* the row used longest ago gives way; 0: no bound. In memory only */
} ksi_row_store_options;

/* NULL with an error when the position cannot be read. */
ksi_row_store *ksi_row_store_open(const ksi_row_store_options *options, ks_error *error);
/* Whether it was wiped then: a transaction that was written through had not been committed. */
bool ksi_row_store_was_cut_off(const ksi_row_store *store);
/* Whether the rows that were there when it was opened have another layout: wipe them. */
bool ksi_row_store_was_of_another_kind(const ksi_row_store *store);
/* Closes; what is committed and not applied stays out of RocksDB. Accepts NULL. */
void ksi_row_store_close(ksi_row_store *store);

/* ---- rows ------------------------------------------------------------------------------------ */

/*
 * The newest row, or the newest committed one. It lives until the next call. In a store with a
 * bound, reading the newest row counts as use.
 */
ks_status ksi_row_store_get(ksi_row_store *store, ks_slice key, bool committed, ksi_row *row,
                            bool *found, ks_error *error);
/* As ksi_row_buffer_expect(). */
void ksi_row_store_expect(const ksi_row_store *store, uint64_t hash);
/* The newest row, without counting as use. */
ks_status ksi_row_store_look(ksi_row_store *store, ks_slice key, ksi_row *row, bool *found,
                             ks_error *error);
/* What a peek finds, and where it puts bytes; `(ksi_peeked_row){0}` is empty. One a reader. */
typedef struct ksi_peeked_row {
    bool found;
    ksi_row row; /* until the store changes, or the next peek into this */
    ksi_buffer physical_key;
    ksi_buffer physical_value;
} ksi_peeked_row;
void ksi_peeked_row_destroy(ksi_peeked_row *peeked);
/*
 * The newest row, or the newest committed one, without leaving a trace in the store: several
 * threads may do this at once while none does anything else.
 */
ks_status ksi_row_store_peek(const ksi_row_store *store, ks_slice key, bool committed,
                             ksi_peeked_row *peeked, ks_error *error);
/* Writes a pending row; a null value deletes. In a store with a bound another may have to go. */
void ksi_row_store_put(ksi_row_store *store, ks_slice key, ks_slice value, int64_t timestamp);
/* The key whose row would go if one were put under `key`; null when none would. */
ks_slice ksi_row_store_next_to_go(const ksi_row_store *store, ks_slice key);

/*
 * Rows with a key < `below` expire: for readers of newest rows and for open iterators at once, for
 * those of committed rows with the commit, and an abort takes it back. Later writes below it are
 * nothing. They are dropped without being applied, and the next apply deletes the range in RocksDB.
 * It is known until the store is wiped or closed: who opens it says again what expired. Not for a
 * store with a bound.
 */
void ksi_row_store_expire(ksi_row_store *store, ks_slice below);

/*
 * What a store knows of itself beside its rows, such as the highest time it has seen. It goes with
 * the rows: committed and aborted with them, in RocksDB not before the rows it was committed with.
 */
typedef struct ksi_store_note {
    int64_t time;     /* -1: nothing was noted */
    int64_t sequence; /* 0 in the beginning */
    int64_t unit;     /* of time, by which rows are laid out; 0: not noted */
} ksi_store_note;

/* The newest note, or the newest one that was committed. */
ksi_store_note ksi_row_store_note(const ksi_row_store *store, bool committed);
void ksi_row_store_set_note(ksi_row_store *store, const ksi_store_note *note);

/* ---- transactions ---------------------------------------------------------------------------- */

/*
 * Pending rows become committed; `position` says where the changelog stands behind them (NULL when
 * the store has none). Only a store without changelog can fail: it writes at once.
 */
ks_status ksi_row_store_commit(ksi_row_store *store, const ksi_store_position *position,
                               ks_error *error);
/* False: rows were written through, so the store must be wiped and restored. */
bool ksi_row_store_abort(ksi_row_store *store);
/*
 * Writes committed rows and their position to RocksDB. Nothing to do in memory, nor between writing
 * through and the commit: the mark has to stay, and the commit applies.
 */
ks_status ksi_row_store_apply(ksi_row_store *store, ks_error *error);
/*
 * Writes pending rows to RocksDB before their commit, behind the mark. Not without a changelog:
 * nothing could rebuild the store, so there rows wait in memory.
 */
ks_status ksi_row_store_write_through(ksi_row_store *store, ks_error *error);
/*
 * The same when more bytes are pending than that (0: no bound): one record may write more than
 * memory has room for.
 */
ks_status ksi_row_store_bound_pending(ksi_row_store *store, int64_t most_bytes, ks_error *error);
/* Whether that was done since the last commit. */
bool ksi_row_store_is_written_through(const ksi_row_store *store);

/* Another bound for rows that are only remembered; what is above it is forgotten. */
void ksi_row_store_set_clean_bytes(ksi_row_store *store, int64_t clean_bytes);
ksi_row_buffer_bytes ksi_row_store_bytes(const ksi_row_store *store);
/* The position behind everything that is committed. */
ksi_store_position ksi_row_store_position(const ksi_row_store *store);
/*
 * A store that is kept from several partitions of a topic has a position in each, by number;
 * ksi_row_store_position() is that of partition 0. One has to be opened before it is asked for: it
 * is read from RocksDB. What is set is written by the next apply or ksi_row_store_restored().
 */
KS_NODISCARD ks_status ksi_row_store_open_position(ksi_row_store *store, size_t partition,
                                                   ks_error *error);
ksi_store_position ksi_row_store_position_in(const ksi_row_store *store, size_t partition);
void ksi_row_store_set_position(ksi_row_store *store, size_t partition,
                                const ksi_store_position *position);
/* Exact in memory, an estimate with RocksDB. @java approximateNumEntries */
uint64_t ksi_row_store_count(ksi_row_store *store);

/* ---- restoring ------------------------------------------------------------------------------- */

/* Deletes every row and all positions: the store is built from the beginning of its changelog. */
ks_status ksi_row_store_wipe(ksi_row_store *store, ks_error *error);
/* A row from the changelog: committed by definition. Gathered; see ksi_row_store_restored(). */
ks_status ksi_row_store_restore(ksi_row_store *store, ks_slice key, ks_slice value,
                                int64_t timestamp, ks_error *error);
/*
 * Where a changelog record is not a row: what was put on its account is restored, too. Brings it in
 * when it is much.
 */
ks_status ksi_row_store_bound_restored(ksi_row_store *store, ks_error *error);
/*
 * Brings what was gathered into RocksDB, as a sorted file or (where it is little) a batch, and the
 * position behind it (NULL: those that were set). Until then reads need not see those rows. A
 * standby calls this again and again.
 */
ks_status ksi_row_store_restored(ksi_row_store *store, const ksi_store_position *position,
                                 ks_error *error);

/* ---- iterating ------------------------------------------------------------------------------- */

typedef struct ksi_row_range {
    ks_slice low;  /* inclusive; null: from the first */
    ks_slice high; /* null: to the last */
    bool high_inclusive;
    bool backward;
    bool committed;
} ksi_row_range;

/* Whether a key lies behind the end of a range, or before its beginning. */
bool ksi_row_range_is_above(const ksi_row_range *range, ks_slice key);
bool ksi_row_range_is_below(const ksi_row_range *range, ks_slice key);

typedef struct ksi_row_iterator ksi_row_iterator;

/*
 * The rows of a range as they are, and as they become: keys that were there when it was opened,
 * each with its newest value; one that was deleted meanwhile is left out. Puts and deletes in
 * between are allowed. The bounds are copied.
 */
ksi_row_iterator *ksi_row_iterator_open(ksi_row_store *store, const ksi_row_range *range);
/*
 * The next row, borrowed until the next call with this iterator, whatever is written in between;
 * `*found` false at the end.
 */
ks_status ksi_row_iterator_next(ksi_row_iterator *iterator, ksi_row *row, bool *found,
                                ks_error *error);
void ksi_row_iterator_close(ksi_row_iterator *iterator); /* accepts NULL */

#endif
