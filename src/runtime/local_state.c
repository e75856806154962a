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
#include "storage/rocks_settings.h"
#include "storage/state_directory.h"

struct ksi_local_state {
    const ks_topology *topology;
    ksi_logger *logger;
    ksi_state_directory *directory;
    ksi_rocks_settings *settings;
    ksi_rocks *rocks;
    int64_t unapplied_bytes; /* of each store */
    int64_t clean_bytes;
    int64_t pending_max_bytes;
    bool is_broken;
    ks_error fault; /* why it is */
};

bool ksi_local_state_keeps(const ksi_store_spec *spec)
{
    return spec->type != KS_STORE_IN_MEMORY && spec->type != KS_STORE_LRU;
}

/* ---- opening --------------------------------------------------------------------------------- */

static ks_status open_database(ksi_local_state *state, int64_t memory_bytes, ks_error *error)
{
    const ksi_rocks_options options = {.path = ksi_state_directory_database(state->directory),
                                       .block_cache_bytes = memory_bytes / 4,
                                       .write_buffer_bytes = memory_bytes / 4,
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

static void free_state(ksi_local_state *state)
{
    ksi_state_directory_close(state->directory);
    ksi_rocks_settings_free(state->settings);
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
    state->unapplied_bytes = memory_bytes / 4 / stores;
    state->clean_bytes = memory_bytes / 4 / stores;
    state->pending_max_bytes = pending_max_bytes(options->config);
    state->settings = ksi_rocks_settings_new();
    if (ask_for_settings(state, options, reason) != KS_OK ||
        open_directory(state, options, reason) != KS_OK ||
        open_database(state, memory_bytes, reason) != KS_OK) {
        free_state(state);
        return NULL;
    }
    return state;
}

ks_status ksi_local_state_close(ksi_local_state *state, ks_error *error)
{
    if (state == NULL) {
        return KS_OK;
    }
    KSI_CRASH_POINT("close.before-flush");
    ks_status status = ksi_rocks_close(state->rocks, error);
    if (state->is_broken) { /* that it could not be written is no news */
        status = ksi_state_directory_set_aside(state->directory, state->fault.message, error);
    }
    free_state(state);
    return status;
}

/* ---- stores ---------------------------------------------------------------------------------- */

ks_status ksi_local_state_rows(ksi_local_state *state, const ksi_store_spec *spec,
                               int32_t partition, ksi_row_store **rows, ks_error *error)
{
    *rows = NULL;
    if (state == NULL || !ksi_local_state_keeps(spec)) {
        return KS_OK;
    }
    ks_error reason = {0};
    ksi_family *family = ksi_rocks_family(state->rocks, spec->name, &reason);
    if (family != NULL) {
        *rows = ksi_row_store_open(&(ksi_row_store_options){.name = spec->name,
                                                            .family = family,
                                                            .partition = partition,
                                                            .timestamped = spec->timestamped,
                                                            .logged = spec->logging,
                                                            .clean_bytes = state->clean_bytes},
                                   &reason);
    }
    if (*rows == NULL) {
        ksi_error_prefix(&reason, "opening store %s, partition %d: ", spec->name, (int)partition);
        *error = reason;
        return reason.code;
    }
    return KS_OK;
}

int64_t ksi_local_state_unapplied_max_bytes(const ksi_local_state *state)
{
    return state->unapplied_bytes;
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

/* ---- a broken database ----------------------------------------------------------------------- */

static bool is_about_a_store(const ksi_local_state *state, const char *where)
{
    for (size_t i = 0; i < state->topology->store_count; i++) {
        if (strcmp(state->topology->stores[i].spec.name, where) == 0) {
            return true;
        }
    }
    return false;
}

bool ksi_local_state_failed(ksi_local_state *state, const ks_error *error)
{
    if (state == NULL || error->code != KS_E_CORRUPT) {
        return false;
    }
    const char *database = ksi_state_directory_database(state->directory);
    bool is_about_it = strncmp(error->where, database, sizeof error->where - 1) == 0; /* cut */
    if (!is_about_it && !is_about_a_store(state, error->where)) {
        return false;
    }
    state->is_broken = true;
    state->fault = *error;
    return true;
}
