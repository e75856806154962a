/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rocks.h - RocksDB as kstreams uses it: one database per process, one column family per store.
 *
 * The problem: RocksDB's C API hands out raw handles with an order of destruction that its asserts
 * enforce (Debian's build aborts on a family or an iterator that outlives its database), reports
 * errors as allocated texts, and has defaults meant for one big store. This file hides all three.
 *
 * Invariants
 *   - The write-ahead log is off unless a write asks for it. What is not flushed is lost with the
 *     process, and that is fine: rows and the changelog offset that describes them are in one
 *     family, written in that order, so a family never holds an offset newer than its rows.
 *   - A family is flushed on its own (`rocksdb_flush_cf` flushes nothing else).
 *   - The database counts what is open on it. Closing it with an iterator, a batch or a file left
 *     is a mistake of ours and stops the program with the number of them, instead of RocksDB's
 *     assert.
 *   - A directory that has rows of a database is never taken for an empty one: RocksDB would delete
 *     them when it makes a new one over them (it does when only the file CURRENT is missing).
 *
 * Errors, each naming the directory and with RocksDB's own words at the end: KS_E_STATE when the
 * database is open already, here or in another process; KS_E_CORRUPT for what is missing or does
 * not read back; KS_E_IO for what the operating system refused (a full disk and missing rights say
 * what to do); KS_E_ARGUMENT for options and calls that RocksDB does not take.
 *
 * Thread rule: a database, its families and batches may be used from any thread; an iterator and
 * a batch belong to one thread at a time.
 */
#ifndef KSI_STORAGE_ROCKS_H
#define KSI_STORAGE_ROCKS_H

#include "base/buffer.h"
#include "base/logger.h"

typedef struct ksi_rocks ksi_rocks;
typedef struct ksi_family ksi_family;
typedef struct ksi_rocks_batch ksi_rocks_batch;
typedef struct ksi_rocks_iterator ksi_rocks_iterator;
typedef struct ksi_sst ksi_sst;

/*
 * Lets the application change RocksDB's options: `options` is a rocksdb_options_t. Called for each
 * family when it is opened and for each sorted file, by the thread that does it; may not call back
 * into the database. Options of the whole database are those of the family "default".
 */
typedef void ksi_rocks_tune_fn(const char *family, void *options, void *user);

typedef struct ksi_rocks_options {
    const char *path;
    int64_t block_cache_bytes;  /* shared by all families */
    int64_t write_buffer_bytes; /* of all memtables together */
    ksi_rocks_tune_fn *tune;    /* may be NULL */
    void *tune_user;
    ksi_logger *logger; /* may be NULL; must outlive the database */
} ksi_rocks_options;

/*
 * Opens or creates (the directory above `path` must be there); all families that are there are
 * opened. NULL with an error. Files that a restore left behind when it was killed are removed.
 */
ksi_rocks *ksi_rocks_open(const ksi_rocks_options *options, ks_error *error);
/*
 * Flushes every family that was written to, and closes in any case. What could not be flushed is an
 * error: those rows are in the changelog only.
 */
ks_status ksi_rocks_close(ksi_rocks *rocks, ks_error *error);
/* Closes without flushing: what a crash would leave, as far as RocksDB allows. For tests. */
void ksi_rocks_abandon(ksi_rocks *rocks);

/* The family of a name, made when it is not there. Owned by the database. NULL with an error. */
ksi_family *ksi_rocks_family(ksi_rocks *rocks, const char *name, ks_error *error);
/* Whether there is a family of that name, without making it. */
bool ksi_rocks_has_family(ksi_rocks *rocks, const char *name);
/* Deletes a family and its rows; nobody may use it any more. One that is not there is no error. */
ks_status ksi_rocks_drop_family(ksi_rocks *rocks, const char *name, ks_error *error);
const char *ksi_family_name(const ksi_family *family);
ksi_rocks *ksi_family_database(const ksi_family *family);
/* About how many rows a family has. */
uint64_t ksi_family_estimate_count(const ksi_family *family);

/* What the database holds in memory now: block cache, memtables, tables' indexes. */
typedef struct ksi_rocks_memory {
    int64_t block_cache;
    int64_t memtables;
    int64_t table_readers;
} ksi_rocks_memory;
ksi_rocks_memory ksi_rocks_memory_of(ksi_rocks *rocks);

/* ---- reading --------------------------------------------------------------------------------- */

/* The value of a key, appended to `value` (cleared first). `*found` false when there is none. */
ks_status ksi_family_get(ksi_family *family, ks_slice key, ksi_buffer *value, bool *found,
                         ks_error *error);

/*
 * Rows in key order as they are now: a snapshot. `low` (inclusive) and `high` (exclusive) bound it;
 * null slices leave a side open (an empty `high` does not: nothing is below it). Bounds are copied.
 */
ksi_rocks_iterator *ksi_rocks_iterator_open(ksi_family *family, ks_slice low, ks_slice high);
void ksi_rocks_iterator_close(ksi_rocks_iterator *iterator);              /* accepts NULL */
void ksi_rocks_iterator_seek(ksi_rocks_iterator *iterator, ks_slice key); /* first >= */
void ksi_rocks_iterator_seek_backward(ksi_rocks_iterator *iterator, ks_slice key); /* last <= */
void ksi_rocks_iterator_seek_first(ksi_rocks_iterator *iterator);
void ksi_rocks_iterator_seek_last(ksi_rocks_iterator *iterator);
void ksi_rocks_iterator_next(ksi_rocks_iterator *iterator);
void ksi_rocks_iterator_previous(ksi_rocks_iterator *iterator);
bool ksi_rocks_iterator_valid(const ksi_rocks_iterator *iterator);
/* Borrowed until the iterator moves. */
ks_slice ksi_rocks_iterator_key(const ksi_rocks_iterator *iterator);
ks_slice ksi_rocks_iterator_value(const ksi_rocks_iterator *iterator);
/* Why the iterator is not valid: KS_OK at an end, else what could not be read. */
ks_status ksi_rocks_iterator_status(const ksi_rocks_iterator *iterator, ks_error *error);

/* ---- writing --------------------------------------------------------------------------------- */

ksi_rocks_batch *ksi_rocks_batch_new(ksi_rocks *rocks);
void ksi_rocks_batch_free(ksi_rocks_batch *batch); /* accepts NULL */
void ksi_rocks_batch_put(ksi_rocks_batch *batch, ksi_family *family, ks_slice key, ks_slice value);
void ksi_rocks_batch_delete(ksi_rocks_batch *batch, ksi_family *family, ks_slice key);
/* From `low` to before `high`; nothing when `high` is not above `low`. */
void ksi_rocks_batch_delete_range(ksi_rocks_batch *batch, ksi_family *family, ks_slice low,
                                  ks_slice high);
size_t ksi_rocks_batch_bytes(const ksi_rocks_batch *batch);
void ksi_rocks_batch_clear(ksi_rocks_batch *batch);
/* Writes all of it or nothing; `durable` uses the write-ahead log, synced. The batch is cleared. */
ks_status ksi_rocks_write(ksi_rocks_batch *batch, bool durable, ks_error *error);
/*
 * The same, always by way of the write-ahead log: it survives the end of the process, and with
 * `synced` that of the machine.
 */
ks_status ksi_rocks_write_logged(ksi_rocks_batch *batch, bool synced, ks_error *error);

/* Makes everything written to the family durable. Returns when it is. */
ks_status ksi_family_flush(ksi_family *family, ks_error *error);
ks_status ksi_family_compact(ksi_family *family, ks_error *error);

/* ---- bulk loading ---------------------------------------------------------------------------- */

/* A sorted file beside the database; rows are added in strictly rising key order. */
ksi_sst *ksi_sst_begin(ksi_family *family, ks_error *error);
ks_status ksi_sst_put(ksi_sst *sst, ks_slice key, ks_slice value, ks_error *error);
ks_status ksi_sst_delete(ksi_sst *sst, ks_slice key, ks_error *error);
/*
 * Moves the file into the family, over older rows of the same keys, durable when it returns; a file
 * without rows is nothing. Frees `sst` in any case.
 */
ks_status ksi_sst_ingest(ksi_sst *sst, ks_error *error);
void ksi_sst_abandon(ksi_sst *sst); /* accepts NULL; deletes the file */

#endif
