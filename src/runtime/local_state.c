/* SPDX-License-Identifier: Apache-2.0 */
/*
 * local_state.c - see local_state.h.
 *
 * Which error means that the database is broken? KS_E_CORRUPT alone does not: a serde of the
 * program may answer it for a record. Only one about the database or one of its stores counts, so
 * that a bad record never costs a healthy database.
 */
#include "runtime/local_state.h"

#include "base/crash_point.h"
#include "base/error.h"
#include "base/memory.h"
#include "config/config.h"
#include "storage/memory_budget.h"
#include "storage/rocks_settings.h"
#include "storage/state_directory.h"

#include <stdatomic.h>

struct ksi_local_state {
    const ks_topology *topology;
    ksi_logger *logger;
    ksi_state_directory *directory;
    ksi_rocks_settings *settings;
    ksi_rocks *rocks;
    ksi_memory_budget *budget;
    ksi_memory_account *block_cache;
    ksi_memory_account *memtables;
    _Atomic int64_t rows_used; /* the sum of what the stores told */
    int64_t clean_bytes;       /* of each store, until its first commit */
    int64_t pending_max_bytes;
    bool is_broken;
    ks_error fault; /* why it is */
};

bool ksi_local_state_keeps(const ksi_store_spec *spec)
{
    return spec->type != KS_STORE_IN_MEMORY && spec->type != KS_STORE_LRU;
}

/* ---- opening --------------------------------------------------------------------------------- */

/* Half of the memtables' part is for those that fill, half for those that are being flushed. */
static ks_status open_database(ksi_local_state *state, int64_t memory_bytes, ks_error *error)
{
    const ksi_rocks_options options = {.path = ksi_state_directory_database(state->directory),
                                       .block_cache_bytes = memory_bytes / 4,
                                       .write_buffer_bytes = memory_bytes / 8,
                                       .tune = ksi_rocks_settings_tune,
                                       .tune_user = state->settings,
                                       .logger = state->logger};
    ks_error reason = {0};
    state->rocks = ksi_rocks_open(&options, &reason);
    if (state->rocks == NULL && reason.code == KS_E_CORRUPT) {
        KS_TRY(ksi_state_directory_set_aside(state->directory, reason.message, error));
        state->rocks = ksi_rocks_open(&options, &reason);
    }
    if (state->rocks == NULL) {
        *error = reason;
        return reason.code;
    }
    return KS_OK;
}

/* Asks the program about the database and each store on disk. */
static ks_status ask_for_settings(ksi_local_state *state, const ksi_local_state_options *options,
                                  ks_error *error)
{
    KS_TRY(ksi_rocks_settings_ask(state->settings, NULL, options->rocksdb_config, options->user,
                                  error));
    for (size_t i = 0; i < state->topology->store_count; i++) {
        const ksi_store_spec *spec = &state->topology->stores[i].spec;
        if (ksi_local_state_keeps(spec)) {
            KS_TRY(ksi_rocks_settings_ask(state->settings, spec->name, options->rocksdb_config,
                                          options->user, error));
        }
    }
    return KS_OK;
}

/* A thread commits at a quarter of this, so only a single record gets there. */
static int64_t pending_max_bytes(const ks_config *config)
{
    int64_t bytes = ksi_config_i64(config, "statestore.uncommitted.max.bytes");
    if (bytes < 0) {
        return 0;
    }
    bytes = bytes > 0 ? bytes : 1;
    return bytes < INT64_MAX / 4 ? 4 * bytes : INT64_MAX;
}

static ks_status open_directory(ksi_local_state *state, const ksi_local_state_options *options,
                                ks_error *error)
{
    state->directory =
        ksi_state_directory_open(ksi_config_text(options->config, "state.dir"),
                                 options->application_id, options->clock, options->logger, error);
    return state->directory != NULL ? KS_OK : error->code;
}

static int64_t block_cache_used(void *owner)
{
    ksi_rocks_memory memory = ksi_rocks_memory_of(owner);
    return memory.block_cache + memory.table_readers;
}

static int64_t memtables_used(void *owner)
{
    return ksi_rocks_memory_of(owner).memtables;
}

static void open_accounts(ksi_local_state *state, int64_t memory_bytes)
{
    state->block_cache = ksi_memory_account_open_fixed(
        state->budget, "block cache", memory_bytes / 4, block_cache_used, state->rocks);
    state->memtables = ksi_memory_account_open_fixed(state->budget, "memtables", memory_bytes / 4,
                                                     memtables_used, state->rocks);
}

static void close_accounts(ksi_local_state *state)
{
    ksi_memory_account_close(state->block_cache);
    ksi_memory_account_close(state->memtables);
}

static void free_state(ksi_local_state *state)
{
    ksi_state_directory_close(state->directory);
    ksi_rocks_settings_free(state->settings);
    ksi_memory_budget_free(state->budget);
    ksi_free(state);
}

ksi_local_state *ksi_local_state_open(const ksi_local_state_options *options, ks_error *error)
{
    ks_error local = {0};
    ks_error *reason = error != NULL ? error : &local;
    int64_t memory_bytes = ksi_config_i64(options->config, "statestore.memory.max.bytes");
    int64_t stores = options->row_stores > 0 ? (int64_t)options->row_stores : 1;
    ksi_local_state *state = ksi_calloc(1, sizeof *state);
    state->topology = options->topology;
    state->logger = options->logger;
    atomic_init(&state->rows_used, 0);
    state->budget = ksi_memory_budget_new(memory_bytes);
    state->clean_bytes = memory_bytes / 4 / stores;
    state->pending_max_bytes = pending_max_bytes(options->config);
    state->settings = ksi_rocks_settings_new();
    if (ask_for_settings(state, options, reason) != KS_OK ||
        open_directory(state, options, reason) != KS_OK ||
        open_database(state, memory_bytes, reason) != KS_OK) {
        free_state(state);
        return NULL;
    }
    open_accounts(state, memory_bytes);
    return state;
}

ks_status ksi_local_state_process_id(const ksi_local_state *state, const char *fresh, char *id,
                                     ks_error *error)
{
    return ksi_state_directory_process_id(state->directory, fresh, id, error);
}

ks_status ksi_local_state_close(ksi_local_state *state, ks_error *error)
{
    if (state == NULL) {
        return KS_OK;
    }
    KSI_CRASH_POINT("close.before-flush");
    close_accounts(state); /* they ask the database */
    ks_status status = ksi_rocks_close(state->rocks, error);
    if (state->is_broken) { /* that it could not be written is no news */
        status = ksi_state_directory_set_aside(state->directory, state->fault.message, error);
    }
    free_state(state);
    return status;
}

void ksi_local_state_abandon(ksi_local_state *state)
{
    if (state != NULL) {
        close_accounts(state);
        ksi_rocks_abandon(state->rocks);
        free_state(state);
    }
}

/* ---- stores ---------------------------------------------------------------------------------- */

ks_status ksi_local_state_rows(ksi_local_state *state, const ksi_topology_store *store,
                               int32_t partition, ksi_row_store **rows, ks_error *error)
{
    const ksi_store_spec *spec = &store->spec;
    *rows = NULL;
    if (state == NULL || !ksi_local_state_keeps(spec)) {
        return KS_OK;
    }
    ks_error reason = {0};
    ksi_family *family = ksi_rocks_family(state->rocks, spec->name, &reason);
    if (family != NULL) {
        *rows = ksi_row_store_open(
            &(ksi_row_store_options){.name = spec->name,
                                     .family = family,
                                     .partition = partition,
                                     .timestamped = spec->timestamped,
                                     .key_bytes = ksi_store_least_key(spec),
                                     .layout = ksi_store_layout(spec),
                                     .logged = ksi_topology_store_has_changelog(store),
                                     .clean_bytes = state->clean_bytes,
                                     .by_time = spec->kind == KSI_STORE_WINDOW ||
                                                spec->kind == KSI_STORE_SESSION},
            &reason);
    }
    if (*rows == NULL) {
        ksi_error_prefix(&reason, "opening store %s, partition %d: ", spec->name, (int)partition);
        *error = reason;
        return reason.code;
    }
    return KS_OK;
}

int64_t ksi_local_state_pending_max_bytes(const ksi_local_state *state)
{
    return state->pending_max_bytes;
}

ks_status ksi_local_state_flush(ksi_local_state *state, const ksi_store_spec *spec, ks_error *error)
{
    ksi_family *family = ksi_rocks_family(state->rocks, spec->name, error);
    if (family == NULL) {
        return ksi_error_flag(error, 0); /* as the database said */
    }
    return ksi_family_flush(family, error);
}

/* ---- memory ---------------------------------------------------------------------------------- */

struct ksi_store_memory {
    ksi_local_state *state;
    ksi_memory_account *account;
    _Atomic int64_t used; /* as of the last commit: the store itself is not for other threads */
};

static int64_t rows_used(void *owner)
{
    ksi_store_memory *memory = owner;
    return atomic_load(&memory->used);
}

ksi_store_memory *ksi_store_memory_open(ksi_local_state *state, const char *store, const char *task)
{
    ksi_store_memory *memory = ksi_calloc(1, sizeof *memory);
    ksi_buffer name = {0};
    ksi_buffer_appendf(&name, "rows of store %s, task %s", store, task);
    memory->state = state;
    atomic_init(&memory->used, 0);
    memory->account =
        ksi_memory_account_open(state->budget, ksi_buffer_cstr(&name), 1, rows_used, memory);
    ksi_buffer_destroy(&name);
    return memory;
}

static void tell(ksi_store_memory *memory, int64_t used)
{
    int64_t before = atomic_exchange(&memory->used, used);
    (void)atomic_fetch_add(&memory->state->rows_used, used - before);
}

void ksi_store_memory_close(ksi_store_memory *memory)
{
    if (memory != NULL) {
        tell(memory, 0);
        ksi_memory_account_close(memory->account);
        ksi_free(memory);
    }
}

int64_t ksi_store_memory_follow(ksi_store_memory *memory, ksi_row_store *rows)
{
    int64_t half = ksi_memory_account_limit(memory->account) / 2;
    ksi_row_store_set_clean_bytes(rows, half);
    ksi_row_buffer_bytes bytes = ksi_row_store_bytes(rows);
    tell(memory, bytes.unapplied + bytes.clean);
    return half;
}

ks_app_memory ksi_local_state_memory(ksi_local_state *state)
{
    ks_app_memory memory = {0};
    if (state != NULL) {
        memory.limit = ksi_memory_budget_limit(state->budget);
        memory.block_cache = ksi_memory_account_used(state->block_cache);
        memory.memtables = ksi_memory_account_used(state->memtables);
        memory.rows = atomic_load(&state->rows_used);
        memory.used = memory.block_cache + memory.memtables + memory.rows;
    }
    return memory;
}

void ksi_local_state_log_memory(ksi_local_state *state, const char *when)
{
    if (state == NULL) {
        return;
    }
    const char *where = ksi_state_directory_path(state->directory);
    ksi_buffer text = {0};
    ksi_memory_budget_summarize(state->budget, &text);
    ksi_log(state->logger, KS_LOG_LEVEL_INFO, where, "memory %s: %s", when, ksi_buffer_cstr(&text));
    ksi_buffer_clear(&text);
    ksi_memory_budget_report(state->budget, &text);
    for (const char *line = ksi_buffer_cstr(&text); *line != '\0';) {
        size_t size = strcspn(line, "\n");
        ksi_log(state->logger, KS_LOG_LEVEL_DEBUG, where, "memory %s: %.*s", when, (int)size, line);
        line += size + (line[size] != '\0');
    }
    ksi_buffer_destroy(&text);
}

/* ---- a broken database ----------------------------------------------------------------------- */

bool ksi_local_state_failed(ksi_local_state *state, const ks_error *error)
{
    if (state == NULL || error->code != KS_E_CORRUPT) {
        return false;
    }
    const char *database = ksi_state_directory_database(state->directory);
    bool is_about_it = strncmp(error->where, database, sizeof error->where - 1) == 0; /* cut */
    if (!is_about_it && ksi_topology_store_named(state->topology, error->where) == NULL) {
        return false;
    }
    state->is_broken = true;
    state->fault = *error;
    return true;
}
