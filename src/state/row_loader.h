/* SPDX-License-Identifier: Apache-2.0 */
/*
 * row_loader.h - rows of a changelog on their way into RocksDB, in bulk.
 *
 * Restoring a store writes many rows that nobody reads meanwhile. So they need no hash and no tree:
 * they are copied one behind the other as RocksDB will have them, sorted once, and written in key
 * order, the last row of each key only. Many become a sorted file that RocksDB takes in as it is,
 * past memtables and log, durable at once; few become a batch, because a file for every handful of
 * rows of a standby would be compacted for longer than it took to write.
 *
 * Invariants
 *   - Rows are gathered until they are written or cleared; a write that fails drops
 *     them too, as nothing is restored behind it.
 *   - No position is written here, so none can be newer than its rows: that is for whoever calls,
 *     afterwards, into the same family. What went into a batch is no more durable than the
 *     position that follows it.
 *   - bytes() is what the loader takes from the heap, with what it will need to sort.
 *
 * Thread rule: that of the store.
 */
#ifndef KSI_STATE_ROW_LOADER_H
#define KSI_STATE_ROW_LOADER_H

#include "state/row_buffer.h"
#include "storage/rocks.h"

/* Rows with fewer bytes than this go into a batch. */
#define KSI_ROW_LOADER_FILE_BYTES ((size_t)1024 * 1024)

typedef struct ksi_row_loader ksi_row_loader;

/* For the rows of one partition: keys and values become what row_store.h says RocksDB has. */
ksi_row_loader *ksi_row_loader_new(ksi_family *family, int32_t partition, bool timestamped);
void ksi_row_loader_free(ksi_row_loader *loader); /* accepts NULL; what it gathered is gone */

/* Copies a row; a null value deletes. A later one of the same key wins. */
void ksi_row_loader_add(ksi_row_loader *loader, const ksi_row *row);
/* How many rows are gathered, those of the same key too. */
size_t ksi_row_loader_count(const ksi_row_loader *loader);
int64_t ksi_row_loader_bytes(const ksi_row_loader *loader);
/* Drops what was gathered, and gives the memory back. */
void ksi_row_loader_clear(ksi_row_loader *loader);
/*
 * Writes what was gathered over the rows of the family. `family_is_empty`: the partition has no
 * rows there, so there is nothing to delete. Nothing is gathered afterwards, and memory for a few
 * rows is kept.
 */
ks_status ksi_row_loader_write(ksi_row_loader *loader, bool family_is_empty, ks_error *error);
bool ksi_row_loader_has_deletes(const ksi_row_loader *loader);

#endif
