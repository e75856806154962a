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
    bool is_there; /* files of a database were found, or made: missing ones are lost ones */
    rocksdb_t *db;
    rocksdb_cache_t *cache;
    rocksdb_readoptions_t *reads;
    rocksdb_writeoptions_t *fast_writes;   /* no write-ahead log */
    rocksdb_writeoptions_t *logged_writes; /* with it, not synced */
    rocksdb_writeoptions_t *durable_writes;
    int64_t write_buffer_bytes;
    ksi_rocks_tune_fn *tune;
    void *tune_user;
    ksi_logger *logger;
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
    ksi_mutex flush_lock;   /* who finds nothing to flush must not return before who flushes */
};

/*
 * Makes an error of what RocksDB answered, and frees the text; KS_OK for NULL. `where` is the store
 * or the file.
 */
ks_status ksi_rocks_error(const ksi_rocks *rocks, const char *where, char *text, ks_error *error);

/* The options of a family, or of a file for it; the caller destroys them. */
rocksdb_options_t *ksi_rocks_family_options(const ksi_rocks *rocks, const char *name);

/* What a directory has of a database. */
typedef enum ksi_rocks_remains {
    KSI_ROCKS_NOTHING, /* a new one may be made */
    KSI_ROCKS_DATABASE,
    KSI_ROCKS_HEADLESS /* rows, but no file CURRENT to find them by */
} ksi_rocks_remains;
ks_status ksi_rocks_look(const ksi_rocks *rocks, ksi_rocks_remains *remains, ks_error *error);
/* Removes what a killed restore left. The database must be open: its lock is what allows it. */
void ksi_rocks_remove_leftovers(const ksi_rocks *rocks);

/* "restore-7.tmp" */
#define KSI_SST_PREFIX "restore-"
#define KSI_SST_SUFFIX ".tmp"

#endif
