/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rocks.c - see rocks.h.
 *
 * Families are opened with the database, because RocksDB refuses to open one without all of its
 * families, and made on demand later. Their handles live as long as the database.
 *
 * Flushing on close is ours alone: RocksDB would flush what was written without a log from its
 * destructor, where nobody hears of a full disk, so it is told not to (rocks_options.c).
 */
#include "storage/rocks.h"

#include "base/check.h"
#include "base/crash_point.h"
#include "base/error.h"
#include "base/map.h"
#include "base/memory.h"
#include "storage/rocks_parts.h"

#include <stdatomic.h>

#define DEFAULT_FAMILY "default"

/* ---- opening and closing --------------------------------------------------------------------- */

static ksi_family *add_family(ksi_rocks *rocks, const char *name,
                              rocksdb_column_family_handle_t *handle)
{
    ksi_family *family = ksi_calloc(1, sizeof *family);
    family->rocks = rocks;
    family->name = ksi_strdup(name);
    family->handle = handle;
    atomic_init(&family->is_written, false);
    ksi_mutex_init(&family->flush_lock);
    ksi_map_put_cstr(rocks->families, name, family);
    return family;
}

static void free_family(void *pointer)
{
    ksi_family *family = pointer;
    rocksdb_column_family_handle_destroy(family->handle);
    ksi_mutex_destroy(&family->flush_lock);
    ksi_free(family->name);
    ksi_free(family);
}

static ks_status open_with(ksi_rocks *rocks, const char *const *names, size_t count,
                           ks_error *error)
{
    rocksdb_options_t *whole = ksi_rocks_family_options(rocks, DEFAULT_FAMILY);
    rocksdb_options_t **options = ksi_calloc(count, sizeof *options);
    rocksdb_column_family_handle_t **handles = ksi_calloc(count, sizeof *handles);
    for (size_t i = 0; i < count; i++) {
        options[i] = ksi_rocks_family_options(rocks, names[i]);
    }
    rocksdb_options_set_create_if_missing(whole, rocks->is_there ? 0 : 1);
    char *refused = NULL;
    rocks->db =
        rocksdb_open_column_families(whole, rocks->path, (int)count, names,
                                     (const rocksdb_options_t *const *)options, handles, &refused);
    for (size_t i = 0; refused == NULL && i < count; i++) {
        (void)add_family(rocks, names[i], handles[i]);
    }
    for (size_t i = 0; i < count; i++) {
        rocksdb_options_destroy(options[i]);
    }
    rocksdb_options_destroy(whole);
    ksi_free(options);
    ksi_free(handles);
    return ksi_rocks_error(rocks, rocks->path, refused, error);
}

static ks_status open_existing(ksi_rocks *rocks, ks_error *error)
{
    size_t count = 0;
    char *refused = NULL;
    rocksdb_options_t *options = ksi_rocks_family_options(rocks, DEFAULT_FAMILY);
    char **names = rocksdb_list_column_families(options, rocks->path, &count, &refused);
    rocksdb_options_destroy(options);
    ks_status status = refused == NULL ? open_with(rocks, (const char *const *)names, count, error)
                                       : ksi_rocks_error(rocks, rocks->path, refused, error);
    rocksdb_list_column_families_destroy(names, count); /* an empty list is an allocation, too */
    return status;
}

static ks_status open_database(ksi_rocks *rocks, ks_error *error)
{
    static const char *const only_default[] = {DEFAULT_FAMILY};
    ksi_rocks_remains remains = KSI_ROCKS_NOTHING;
    KS_TRY(ksi_rocks_look(rocks, &remains, error));
    rocks->is_there = remains != KSI_ROCKS_NOTHING;
    if (remains == KSI_ROCKS_HEADLESS) {
        return ksi_error_set(error, KS_E_CORRUPT, rocks->path,
                             "the database in %s does not read back: its file CURRENT is missing, "
                             "its rows are there",
                             rocks->path);
    }
    KS_TRY(rocks->is_there ? open_existing(rocks, error)
                           : open_with(rocks, only_default, 1, error));
    rocks->is_there = true;
    ksi_rocks_remove_leftovers(rocks);
    return KS_OK;
}

static void free_rocks(ksi_rocks *rocks)
{
    ksi_map_free(rocks->families, free_family);
    if (rocks->db != NULL) {
        rocksdb_close(rocks->db);
    }
    rocksdb_writeoptions_destroy(rocks->fast_writes);
    rocksdb_writeoptions_destroy(rocks->logged_writes);
    rocksdb_writeoptions_destroy(rocks->durable_writes);
    rocksdb_readoptions_destroy(rocks->reads);
    rocksdb_cache_destroy(rocks->cache);
    ksi_mutex_destroy(&rocks->lock);
    ksi_free(rocks->path);
    ksi_free(rocks);
}

ksi_rocks *ksi_rocks_open(const ksi_rocks_options *options, ks_error *error)
{
    ksi_rocks *rocks = ksi_calloc(1, sizeof *rocks);
    rocks->path = ksi_strdup(options->path);
    rocks->write_buffer_bytes = options->write_buffer_bytes;
    rocks->tune = options->tune;
    rocks->tune_user = options->tune_user;
    rocks->logger = options->logger;
    rocks->families = ksi_map_new();
    rocks->cache = rocksdb_cache_create_lru((size_t)options->block_cache_bytes);
    rocks->reads = rocksdb_readoptions_create();
    rocks->fast_writes = rocksdb_writeoptions_create();
    rocksdb_writeoptions_disable_WAL(rocks->fast_writes, 1);
    rocks->logged_writes = rocksdb_writeoptions_create();
    rocks->durable_writes = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(rocks->durable_writes, 1);
    ksi_mutex_init(&rocks->lock);
    atomic_init(&rocks->open_objects, 0);
    atomic_init(&rocks->file_number, 0);
    if (open_database(rocks, error) != KS_OK) {
        free_rocks(rocks);
        return NULL;
    }
    return rocks;
}

static void check_nothing_is_open(ksi_rocks *rocks)
{
    size_t left = atomic_load(&rocks->open_objects);
    if (left > 0) {
        ksi_log(rocks->logger, KS_LOG_LEVEL_ERROR, rocks->path,
                "closed with %zu iterators, batches or files still open", left);
    }
    KSI_CHECK(left == 0); /* an iterator, a batch or a file is left */
}

ks_status ksi_rocks_close(ksi_rocks *rocks, ks_error *error)
{
    if (rocks == NULL) {
        return KS_OK;
    }
    check_nothing_is_open(rocks);
    ks_status status = KS_OK;
    void *family = NULL;
    for (size_t i = 0; ksi_map_at(rocks->families, &i, NULL, &family); i++) {
        ks_error refused = {0};
        if (ksi_family_flush(family, &refused) != KS_OK && status == KS_OK) {
            status = refused.code;
            if (error != NULL) {
                *error = refused;
            }
        }
        KSI_CRASH_POINT("close.between-families");
    }
    KSI_CRASH_POINT("close.flushed");
    free_rocks(rocks);
    return status;
}

void ksi_rocks_abandon(ksi_rocks *rocks)
{
    if (rocks != NULL) {
        check_nothing_is_open(rocks);
        free_rocks(rocks);
    }
}

/* ---- families -------------------------------------------------------------------------------- */

ksi_family *ksi_rocks_family(ksi_rocks *rocks, const char *name, ks_error *error)
{
    ksi_mutex_lock(&rocks->lock);
    ksi_family *family = ksi_map_get_cstr(rocks->families, name);
    if (family == NULL) {
        char *refused = NULL;
        rocksdb_options_t *options = ksi_rocks_family_options(rocks, name);
        rocksdb_column_family_handle_t *handle =
            rocksdb_create_column_family(rocks->db, options, name, &refused);
        rocksdb_options_destroy(options);
        if (ksi_rocks_error(rocks, name, refused, error) == KS_OK) {
            family = add_family(rocks, name, handle);
            KSI_CRASH_POINT("family.created");
        } /* else the handle is an empty shell of 8 bytes that no function of the C API frees */
    }
    ksi_mutex_unlock(&rocks->lock);
    return family;
}

bool ksi_rocks_has_family(ksi_rocks *rocks, const char *name)
{
    ksi_mutex_lock(&rocks->lock);
    bool has = ksi_map_get_cstr(rocks->families, name) != NULL;
    ksi_mutex_unlock(&rocks->lock);
    return has;
}

ks_status ksi_rocks_drop_family(ksi_rocks *rocks, const char *name, ks_error *error)
{
    char *refused = NULL;
    ksi_mutex_lock(&rocks->lock);
    ksi_family *family = ksi_map_get_cstr(rocks->families, name);
    if (family != NULL) {
        rocksdb_drop_column_family(rocks->db, family->handle, &refused);
    }
    if (family != NULL && refused == NULL) { /* one that could not be dropped is still there */
        (void)ksi_map_remove(rocks->families, ks_slice_cstr(name));
        free_family(family);
    }
    ksi_mutex_unlock(&rocks->lock);
    return ksi_rocks_error(rocks, name, refused, error);
}

const char *ksi_family_name(const ksi_family *family)
{
    return family->name;
}

ksi_rocks *ksi_family_database(const ksi_family *family)
{
    return family->rocks;
}

ksi_rocks_memory ksi_rocks_memory_of(ksi_rocks *rocks)
{
    ksi_rocks_memory memory = {.block_cache = (int64_t)rocksdb_cache_get_usage(rocks->cache)};
    ksi_mutex_lock(&rocks->lock);
    void *value = NULL;
    for (size_t i = 0; ksi_map_at(rocks->families, &i, NULL, &value); i++) {
        const ksi_family *family = value;
        uint64_t number = 0;
        if (rocksdb_property_int_cf(rocks->db, family->handle, "rocksdb.size-all-mem-tables",
                                    &number) == 0) {
            memory.memtables += (int64_t)number;
        }
        if (rocksdb_property_int_cf(rocks->db, family->handle, "rocksdb.estimate-table-readers-mem",
                                    &number) == 0) {
            memory.table_readers += (int64_t)number;
        }
    }
    ksi_mutex_unlock(&rocks->lock);
    return memory;
}

uint64_t ksi_family_estimate_count(const ksi_family *family)
{
    uint64_t number = 0;
    (void)rocksdb_property_int_cf(family->rocks->db, family->handle, "rocksdb.estimate-num-keys",
                                  &number);
    return number;
}

/* ---- reading --------------------------------------------------------------------------------- */

ks_status ksi_family_get(ksi_family *family, ks_slice key, ksi_buffer *value, bool *found,
                         ks_error *error)
{
    char *refused = NULL;
    ksi_buffer_clear(value);
    rocksdb_pinnableslice_t *pinned = rocksdb_get_pinned_cf(
        family->rocks->db, family->rocks->reads, family->handle, key.data, key.size, &refused);
    *found = pinned != NULL;
    if (pinned != NULL) {
        size_t size = 0;
        const char *bytes = rocksdb_pinnableslice_value(pinned, &size);
        ksi_buffer_append(value, bytes, size);
        rocksdb_pinnableslice_destroy(pinned);
    }
    return ksi_rocks_error(family->rocks, family->name, refused, error);
}

/* ---- flushing -------------------------------------------------------------------------------- */

static char *flush_now(ksi_family *family)
{
    char *refused = NULL;
    KSI_CRASH_POINT("flush.begin");
    rocksdb_flushoptions_t *options = rocksdb_flushoptions_create();
    rocksdb_flushoptions_set_wait(options, 1);
    rocksdb_flush_cf(family->rocks->db, options, family->handle, &refused);
    rocksdb_flushoptions_destroy(options);
    KSI_CRASH_POINT("flush.end");
    return refused;
}

ks_status ksi_family_flush(ksi_family *family, ks_error *error)
{
    char *refused = NULL;
    ksi_mutex_lock(&family->flush_lock);
    if (atomic_exchange(&family->is_written, false)) {
        refused = flush_now(family);
    }
    if (refused != NULL) {
        atomic_store(&family->is_written, true);
    }
    ksi_mutex_unlock(&family->flush_lock);
    return ksi_rocks_error(family->rocks, family->name, refused, error);
}

static uint64_t background_errors(const ksi_family *family)
{
    uint64_t number = 0;
    (void)rocksdb_property_int_cf(family->rocks->db, family->handle, "rocksdb.background-errors",
                                  &number);
    return number;
}

ks_status ksi_family_compact(ksi_family *family, ks_error *error)
{
    KS_TRY(ksi_family_flush(family, error));
    uint64_t before = background_errors(family); /* the C function has no answer of its own */
    KSI_CRASH_POINT("compact.flushed");
    rocksdb_compact_range_cf(family->rocks->db, family->handle, NULL, 0, NULL, 0);
    KSI_CRASH_POINT("compact.end");
    if (background_errors(family) != before) {
        return ksi_error_set(error, KS_E_IO, family->name,
                             "the database in %s could not be compacted; its file LOG says why",
                             family->rocks->path);
    }
    return KS_OK;
}
