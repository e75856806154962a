/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rocks_parts.h - what a database is made of, for the files of this room that stand on RocksDB.
 *
 * Thread rule: that of rocks.h; `lock` guards `families`.
 */
#ifndef KSI_STORAGE_ROCKS_PARTS_H
#define KSI_STORAGE_ROCKS_PARTS_H

#include "base/map.h"
#include "base/thread.h"
#include "storage/rocks.h"

#include <rocksdb/c.h>
#include <stdatomic.h>

struct ksi_rocks {
    char *path;
    rocksdb_t *db;
    rocksdb_cache_t *cache;
    rocksdb_readoptions_t *reads;
    rocksdb_writeoptions_t *fast_writes; /* no write-ahead log */
    rocksdb_writeoptions_t *durable_writes;
    int64_t write_buffer_bytes;
    ksi_rocks_tune_fn *tune;
    void *tune_user;
    ksi_mutex lock;
    ksi_map *families;          /* name -> ksi_family */
    atomic_size_t open_objects; /* iterators, batches, files */
    atomic_size_t file_number;  /* of the next sorted file */
};

struct ksi_family {
    ksi_rocks *rocks;
    char *name;
    rocksdb_column_family_handle_t *handle;
    atomic_bool is_written; /* since it was flushed */
};

/* Makes an error of what RocksDB answered, and frees the text; KS_OK for NULL. */
ks_status ksi_rocks_error(const char *where, char *text, ks_error *error);

#endif
