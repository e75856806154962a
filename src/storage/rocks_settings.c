/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rocks_settings.c - see rocks_settings.h.
 *
 * The tempting other way is to show the program a rocksdb_options_t, as Java shows its classes. It
 * forces RocksDB's header on the program, and nobody can see afterwards what was changed: a merge
 * operator or a comparator breaks the rows of every store, a second block cache is memory that no
 * budget knows. A text can be read before it is obeyed. So there are three kinds of options:
 *
 *   - of the whole database, which `database_options` lists (RocksDB reads both kinds from one
 *     text, so it cannot say); the rest are of a store. One at the wrong place is refused, because
 *     RocksDB would take it and do nothing.
 *   - ours, which `refused` lists: what durability, the order of rows, snapshots and the bound on
 *     memory stand on.
 *   - everything else, which RocksDB checks itself, one option at a time, so that the message names
 *     the one that is wrong. What only shows when the database is opened (a compression that was
 *     not built in) is an error of opening it.
 */
#include "storage/rocks_settings.h"

#include "base/buffer.h"
#include "base/map.h"
#include "base/memory.h"

#include <rocksdb/c.h>
#include <string.h>

struct ks_rocksdb_options {
    const char *store; /* NULL: the whole database */
    ksi_buffer text;   /* "name=value;..." */
    bool failed;
    ks_error error; /* the first */
};

struct ksi_rocks_settings {
    char *database;  /* NULL: nothing is wanted */
    ksi_map *stores; /* name -> text */
};

/* ---- what may be set ------------------------------------------------------------------------- */

static const char *const database_options[] = {
    "access_hint_on_compaction_start",
    "advise_random_on_open",
    "allow_concurrent_memtable_write",
    "allow_data_in_errors",
    "allow_fallocate",
    "allow_mmap_reads",
    "allow_mmap_writes",
    "avoid_flush_during_recovery",
    "avoid_unnecessary_blocking_io",
    "bgerror_resume_retry_interval",
    "bytes_per_sync",
    "checksum_handoff_file_types",
    "compaction_readahead_size",
    "daily_offpeak_time_utc",
    "db_host_id",
    "db_log_dir",
    "delayed_write_rate",
    "delete_obsolete_files_period_micros",
    "dump_malloc_stats",
    "enable_pipelined_write",
    "enable_thread_tracking",
    "enable_write_thread_adaptive_yield",
    "fail_if_options_file_error",
    "info_log_level",
    "is_fd_close_on_exec",
    "keep_log_file_num",
    "log_file_time_to_roll",
    "log_readahead_size",
    "manifest_preallocation_size",
    "max_background_compactions",
    "max_background_flushes",
    "max_background_jobs",
    "max_bgerror_resume_count",
    "max_file_opening_threads",
    "max_log_file_size",
    "max_manifest_file_size",
    "max_open_files",
    "max_subcompactions",
    "max_total_wal_size",
    "max_write_batch_group_size_bytes",
    "random_access_max_buffer_size",
    "rate_limiter_bytes_per_sec",
    "skip_stats_update_on_db_open",
    "stats_dump_period_sec",
    "stats_history_buffer_size",
    "stats_persist_period_sec",
    "strict_bytes_per_sync",
    "table_cache_numshardbits",
    "two_write_queues",
    "use_adaptive_mutex",
    "use_direct_io_for_flush_and_compaction",
    "use_direct_reads",
    "use_fsync",
    "verify_sst_unique_id_in_manifest",
    "wal_bytes_per_sync",
    "wal_compression",
    "writable_file_max_buffer_size",
    "write_dbid_to_manifest",
    "write_thread_max_yield_usec",
    "write_thread_slow_yield_usec",
};

#define ORDER "rows are read in the order of their bytes"
#define LOSES "rows that were committed could be lost without a word"
#define SNAPSHOT "what an iterator has seen must stay as it was"
#define DIRECTORY "all files of a database are kept and set aside together"
#define FAMILIES "each family is flushed by itself, with the offset that describes it"
#define MEMORY "memory is shared out of statestore.memory.max.bytes; set that property"
#define OPENING "opening and closing the database is done by the library"

static const struct {
    const char *name;
    const char *why;
} refused[] = {
    {"allow_2pc", LOSES},
    {"allow_ingest_behind", "restored rows go over the older ones"},
    {"atomic_flush", FAMILIES},
    {"avoid_flush_during_shutdown", OPENING},
    {"best_efforts_recovery", LOSES},
    {"block_cache", MEMORY},
    {"block_cache_compressed", MEMORY},
    {"cf_paths", DIRECTORY},
    {"compaction_filter", LOSES},
    {"compaction_filter_factory", LOSES},
    {"comparator", ORDER},
    {"create_if_missing", OPENING},
    {"create_missing_column_families", "there is one family for each store"},
    {"db_paths", DIRECTORY},
    {"db_write_buffer_size", MEMORY},
    {"env", DIRECTORY},
    {"error_if_exists", OPENING},
    {"inplace_update_support", SNAPSHOT},
    {"manual_wal_flush", LOSES},
    {"memtable", ORDER},
    {"memtable_factory", ORDER},
    {"merge_operator", "a row is what was put last"},
    {"no_block_cache", MEMORY},
    {"paranoid_checks", LOSES},
    {"persist_stats_to_disk", "there is one family for each store"},
    {"persistent_cache", MEMORY},
    {"plain_table_factory", ORDER},
    {"prefix_extractor", ORDER},
    {"recycle_log_file_num", LOSES},
    {"row_cache", MEMORY},
    {"skip_checking_sst_file_sizes_on_db_open", "a missing file must show when it is opened"},
    {"table_factory", ORDER},
    {"track_and_verify_wals_in_manifest", "most rows are written without that log"},
    {"unordered_write", SNAPSHOT},
    {"wal_dir", DIRECTORY},
    {"wal_recovery_mode", LOSES},
    {"write_buffer_manager", MEMORY},
};

static const char *why_refused(const char *name, size_t size)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (strlen(refused[i].name) == size && strncmp(refused[i].name, name, size) == 0) {
            return refused[i].why;
        }
    }
    return NULL;
}

static bool is_of_database(const char *name)
{
    for (size_t i = 0; i < sizeof database_options / sizeof database_options[0]; i++) {
        if (strcmp(database_options[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- one option ------------------------------------------------------------------------------ */

static void refuse(ks_rocksdb_options *options, const char *name, const char *value,
                   const char *why, const char *detail)
{
    if (options->failed) {
        return;
    }
    options->failed = true;
    const char *where = options->store != NULL ? options->store : "rocksdb_config";
    (void)ksi_error_set(&options->error, KS_E_CONFIG, where,
                        "RocksDB option %.80s = %.200s, given for %s%.80s by rocksdb_config, %s%s",
                        name, value, options->store != NULL ? "store " : "the whole database",
                        options->store != NULL ? options->store : "", why, detail);
}

/* A name such as "block_size", nothing that RocksDB would take for two. */
static bool is_name(const char *name)
{
    return name[0] != '\0' && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

/* Whether it is one value: what stands outside of braces must not end it. */
static bool is_one_value(const char *value)
{
    int depth = 0;
    for (const char *at = value; *at != '\0'; at++) {
        depth += *at == '{' ? 1 : 0;
        depth -= *at == '}' ? 1 : 0;
        if (depth < 0 || (*at == ';' && depth == 0)) {
            return false;
        }
    }
    return depth == 0 && value[0] != '\0';
}

/* The reason that a name within the braces of a value is ours; NULL when none is. */
static const char *why_part_refused(const char *value)
{
    static const char *const ends_of_names = "{};= ";
    const char *at = value;
    while (*at != '\0') {
        at += strspn(at, ends_of_names);
        size_t size = strcspn(at, ends_of_names);
        const char *behind = at + size + strspn(at + size, " ");
        const char *why = *behind == '=' ? why_refused(at, size) : NULL;
        if (why != NULL) {
            return why;
        }
        at += size;
    }
    return NULL;
}

/* What RocksDB says of one option; NULL when it takes it. The caller frees it. */
static char *refused_by_rocksdb(const char *setting)
{
    char *answer = NULL;
    rocksdb_options_t *plain = rocksdb_options_create();
    rocksdb_options_t *tried = rocksdb_options_create();
    rocksdb_get_options_from_string(plain, setting, tried, &answer);
    rocksdb_options_destroy(plain);
    rocksdb_options_destroy(tried);
    return answer;
}

static void take(ks_rocksdb_options *options, const char *name, const char *value)
{
    ksi_buffer setting = {0};
    ksi_buffer_appendf(&setting, "%s=%s;", name, value);
    char *answer = refused_by_rocksdb(ksi_buffer_cstr(&setting));
    if (answer != NULL) {
        refuse(options, name, value,
               "is not taken by RocksDB; write it as rocksdb/options.h and RocksDB's OPTIONS files "
               "do, or leave it out: ",
               answer);
    } else {
        ksi_buffer_appendf(&options->text, "%s", ksi_buffer_cstr(&setting));
    }
    rocksdb_free(answer);
    ksi_buffer_destroy(&setting);
}

void ks_rocksdb_options_set(ks_rocksdb_options *options, const char *name, const char *value)
{
    if (name == NULL || value == NULL || !is_name(name) || !is_one_value(value)) {
        refuse(options, name != NULL ? name : "NULL", value != NULL ? value : "NULL",
               "is not one name and one value; give each option by itself, and a value of several "
               "parts in {braces}",
               "");
        return;
    }
    const char *ours = why_refused(name, strlen(name));
    ours = ours == NULL ? why_part_refused(value) : ours;
    if (ours != NULL) {
        refuse(options, name, value, "cannot be changed; leave it out: ", ours);
    } else if (strcmp(name, "compaction_style") == 0 && strstr(value, "FIFO") != NULL) {
        refuse(options, name, value, "cannot be changed to that; leave it out: ", LOSES);
    } else if (options->store != NULL && is_of_database(name)) {
        refuse(options, name, value,
               "is an option of the whole database; set it when the name of the store is NULL", "");
    } else if (options->store == NULL && !is_of_database(name)) {
        refuse(options, name, value,
               "is not an option of a whole database; set it when a store is named", "");
    } else {
        take(options, name, value);
    }
}

/* ---- all of them ----------------------------------------------------------------------------- */

ksi_rocks_settings *ksi_rocks_settings_new(void)
{
    ksi_rocks_settings *settings = ksi_calloc(1, sizeof *settings);
    settings->stores = ksi_map_new();
    return settings;
}

void ksi_rocks_settings_free(ksi_rocks_settings *settings)
{
    if (settings == NULL) {
        return;
    }
    ksi_map_free(settings->stores, ksi_free);
    ksi_free(settings->database);
    ksi_free(settings);
}

ks_status ksi_rocks_settings_ask(ksi_rocks_settings *settings, const char *store,
                                 ks_rocksdb_config_fn *configure, void *user, ks_error *error)
{
    if (configure == NULL) {
        return KS_OK;
    }
    ks_rocksdb_options options = {.store = store};
    configure(store, &options, user);
    if (options.failed) {
        *error = options.error;
    } else if (options.text.size > 0 && store == NULL) {
        ksi_free(settings->database);
        settings->database = ksi_strdup(ksi_buffer_cstr(&options.text));
    } else if (options.text.size > 0) {
        ksi_free(
            ksi_map_put_cstr(settings->stores, store, ksi_strdup(ksi_buffer_cstr(&options.text))));
    }
    ksi_buffer_destroy(&options.text);
    return options.failed ? options.error.code : KS_OK;
}

static void apply(const char *text, rocksdb_options_t *options)
{
    char *answer = NULL;
    if (text != NULL) {
        rocksdb_get_options_from_string(options, text, options, &answer);
    }
    rocksdb_free(answer); /* taken one by one before, so together as well */
}

/* RocksDB reads the options of the database from those of "default"; a store may have that name. */
void ksi_rocks_settings_tune(const char *family, void *options, void *user)
{
    const ksi_rocks_settings *settings = user;
    if (strcmp(family, "default") == 0) {
        apply(settings->database, options);
    }
    apply(ksi_map_get_cstr(settings->stores, family), options);
}
