/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rocks_options.c - what RocksDB is told, what its answers mean, and what it leaves in a directory.
 *
 * The options, and why they differ from RocksDB's own:
 *   - No flush from the destructor (see rocks.c). The C API has no function for it, its
 *     reader of option texts has.
 *   - The log of durable writes is cut at the size of the memtables. Otherwise it is kept until the
 *     last family that wrote to it is flushed, and one mark in an idle family would hold gigabytes.
 *   - A durable write that was cut short at the end of that log is a crash and is dropped; damage
 *     before it is an error. RocksDB would go on as if the rows behind it had never been.
 *   - Memory blocks of memtables and the room reserved for MANIFEST are small: each family has its
 *     own, and the smallest disk and budget should do.
 *   - Open files stay below half of what the process may open; sockets need the rest. All files are
 *     still looked at on open, so a missing one shows at once.
 *   - The file LOG has errors only and turns over at 1 MB; statistics are not gathered.
 *   - Bloom filters on whole keys and no prefix extractor: gets of absent keys are common, and
 *     iterators want the total order. Filters and indexes live in the block cache, which has an
 *     end.
 *
 * Errors come as allocated texts such as "IO error: No space left on device: ..." and
 * "Corruption: ...": the system's words decide first, then what stands before the colon. On open,
 * RocksDB calls "Corruption" what it was only not allowed to read; a database must not be given up
 * for that.
 *
 * Thread rule: any.
 */
#include "base/buffer.h"
#include "base/error.h"
#include "storage/rocks_parts.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#define BLOOM_BITS 10
#define SMALLEST_BLOCK ((int64_t)16 * 1024)
#define LARGEST_BLOCK ((int64_t)1024 * 1024)
#define LOG_BYTES ((size_t)1024 * 1024)
#define MANIFEST_BYTES ((size_t)64 * 1024)
#define MANY_FILES 16384

/* ---- errors ---------------------------------------------------------------------------------- */

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text);
    return size >= strlen(end) && strcmp(text + size - strlen(end), end) == 0;
}

typedef struct meaning {
    ks_status status;
    const char *before; /* the directory */
    const char *after;
} meaning;

/* What the system refused, whatever RocksDB makes of it. */
static const struct {
    const char *words;
    meaning meaning;
} of_the_system[] = {
    {"No space left",
     {KS_E_IO, "no space is left for the database in ",
      "; free some and start again, nothing that was committed is lost"}},
    {"quota exceeded",
     {KS_E_IO, "no space is left in this user's quota for the database in ",
      "; free some and start again, nothing that was committed is lost"}},
    {"Permission denied",
     {KS_E_IO, "this user may not read or write the database in ",
      "; give it access to the directory and all files in it, or set another state.dir"}},
    {"Read-only file system",
     {KS_E_IO, "this user may not write to the database in ",
      "; its file system is mounted read-only: mount it otherwise, or set another state.dir"}},
    {"Too many open files",
     {KS_E_IO, "too few files may be open for the database in ",
      "; allow this process more of them (ulimit -n)"}},
    {"lock hold by current process",
     {KS_E_STATE, "this process has opened the database already in ", ""}},
    {"LOCK: Resource temporarily unavailable",
     {KS_E_STATE, "another process has opened the database in ", ""}},
};

static meaning meaning_of(const ksi_rocks *rocks, const char *text)
{
    for (size_t i = 0; i < sizeof of_the_system / sizeof of_the_system[0]; i++) {
        if (strstr(text, of_the_system[i].words) != NULL) {
            return of_the_system[i].meaning;
        }
    }
    bool is_missing = rocks->is_there && strstr(text, "No such file or directory") != NULL;
    bool is_damaged = starts_with(text, "Corruption") && strstr(text, "IO error") == NULL;
    if (is_missing || is_damaged) {
        return (meaning){KS_E_CORRUPT,
                         "files are missing or do not read back as they were written "
                         "in the database in ",
                         ""};
    }
    if (starts_with(text, "Invalid argument") || starts_with(text, "Not implemented")) {
        return (meaning){KS_E_ARGUMENT, "options or a call do not fit the database in ", ""};
    }
    return (meaning){KS_E_IO, "cannot read or write the database in ", ""};
}

ks_status ksi_rocks_error(const ksi_rocks *rocks, const char *where, char *text, ks_error *error)
{
    if (text == NULL) {
        return KS_OK;
    }
    meaning what = meaning_of(rocks, text);
    ks_status status = ksi_error_set(error, what.status, where, "%s%s%s (RocksDB: %s)", what.before,
                                     rocks->path, what.after, text);
    rocksdb_free(text);
    return status;
}

/* ---- options --------------------------------------------------------------------------------- */

/* RocksDB's options as we want them where the C API has no function. */
static rocksdb_options_t *options_by_text(void)
{
    char *refused = NULL;
    rocksdb_options_t *plain = rocksdb_options_create();
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_get_options_from_string(plain, "avoid_flush_during_shutdown=true", options, &refused);
    rocksdb_free(refused); /* unknown one day: then it flushes, as it does by itself */
    rocksdb_options_destroy(plain);
    return options;
}

/* -1: no limit. */
static int open_files(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY ||
        files.rlim_cur >= MANY_FILES) {
        return -1;
    }
    return (int)(files.rlim_cur / 2);
}

static size_t memtable_block(int64_t write_buffer_bytes)
{
    int64_t block = write_buffer_bytes / 64;
    block = block > LARGEST_BLOCK ? LARGEST_BLOCK : block;
    return (size_t)(block < SMALLEST_BLOCK ? SMALLEST_BLOCK : block);
}

static void set_table_options(rocksdb_options_t *options, rocksdb_cache_t *cache)
{
    rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();
    rocksdb_block_based_options_set_block_cache(table, cache);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1);
    rocksdb_block_based_options_set_filter_policy(
        table, rocksdb_filterpolicy_create_bloom_full(BLOOM_BITS));
    rocksdb_options_set_block_based_table_factory(options, table);
    rocksdb_block_based_options_destroy(table);
}

rocksdb_options_t *ksi_rocks_family_options(const ksi_rocks *rocks, const char *name)
{
    rocksdb_options_t *options = options_by_text();
    rocksdb_options_set_db_write_buffer_size(options, (size_t)rocks->write_buffer_bytes);
    rocksdb_options_set_max_total_wal_size(options, (uint64_t)rocks->write_buffer_bytes);
    rocksdb_options_set_wal_recovery_mode(options,
                                          rocksdb_tolerate_corrupted_tail_records_recovery);
    rocksdb_options_set_arena_block_size(options, memtable_block(rocks->write_buffer_bytes));
    rocksdb_options_set_manifest_preallocation_size(options, MANIFEST_BYTES);
    rocksdb_options_set_compression(options, rocksdb_no_compression);
    rocksdb_options_set_max_background_jobs(options, 2);
    rocksdb_options_set_max_file_opening_threads(options, 1); /* else 16 are born and die */
    rocksdb_options_set_info_log_level(options, 3);           /* errors */
    rocksdb_options_set_max_log_file_size(options, LOG_BYTES);
    rocksdb_options_set_keep_log_file_num(options, 2);
    rocksdb_options_set_stats_dump_period_sec(options, 0);
    rocksdb_options_set_stats_persist_period_sec(options, 0);
    rocksdb_options_set_max_open_files(options, open_files());
    set_table_options(options, rocks->cache);
    if (rocks->tune != NULL) {
        rocks->tune(name, options, rocks->tune_user);
    }
    return options;
}

/* ---- the directory --------------------------------------------------------------------------- */

ks_status ksi_rocks_look(const ksi_rocks *rocks, ksi_rocks_remains *remains, ks_error *error)
{
    *remains = KSI_ROCKS_NOTHING;
    DIR *directory = opendir(rocks->path);
    if (directory == NULL && errno == ENOENT) {
        return KS_OK;
    }
    if (directory == NULL) {
        return ksi_error_set(error, KS_E_IO, rocks->path,
                             "cannot look into the directory of the database, %s: %s", rocks->path,
                             strerror(errno));
    }
    bool has_current = false;
    bool has_rows = false;
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        has_current = has_current || strcmp(entry->d_name, "CURRENT") == 0;
        has_rows = has_rows || ends_with(entry->d_name, ".sst") || ends_with(entry->d_name, ".log");
    }
    (void)closedir(directory);
    if (has_current) {
        *remains = KSI_ROCKS_DATABASE;
    } else if (has_rows) {
        *remains = KSI_ROCKS_HEADLESS;
    }
    return KS_OK;
}

void ksi_rocks_remove_leftovers(const ksi_rocks *rocks)
{
    DIR *directory = opendir(rocks->path);
    if (directory == NULL) {
        return;
    }
    ksi_buffer path = {0};
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        const char *name = entry->d_name;
        if (!starts_with(name, KSI_SST_PREFIX) || !ends_with(name, KSI_SST_SUFFIX)) {
            continue;
        }
        ksi_buffer_clear(&path);
        ksi_buffer_appendf(&path, "%s/%s", rocks->path, name);
        bool is_gone = remove(ksi_buffer_cstr(&path)) == 0;
        ksi_log(rocks->logger, is_gone ? KS_LOG_LEVEL_INFO : KS_LOG_LEVEL_WARN, rocks->path,
                "%s, of a restore that was killed, %s", name,
                is_gone ? "was removed" : strerror(errno));
    }
    ksi_buffer_destroy(&path);
    (void)closedir(directory);
}
