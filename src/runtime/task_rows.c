/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_rows.c - see task_rows.h.
 *
 * Stores are opened in the order of the first node that is connected to each, which is the order in
 * which a task flushes them.
 */
#include "runtime/task_rows.h"

#include "base/crash_point.h"
#include "base/error.h"
#include "base/memory.h"
#include "state/store.h"

#include <string.h>

/* ---- opening --------------------------------------------------------------------------------- */

static ks_status open_store(ksi_task_rows *rows, const ksi_task_rows_options *options,
                            const ksi_topology_store *spec, ks_error *error)
{
    ksi_row_store *opened = NULL;
    KS_TRY(ksi_local_state_rows(options->state, spec, options->id.partition, &opened, error));
    ksi_store_rows *store = &rows->stores[rows->count++];
    store->spec = spec;
    store->is_on_disk = opened != NULL;
    if (store->is_on_disk) {
        const char *task = spec->is_global
                               ? "global"
                               : ksi_arena_format(&rows->arena, "%d_%d", options->id.subtopology,
                                                  (int)options->id.partition);
        store->memory = ksi_store_memory_open(options->state, spec->spec.name, task);
    }
    store->rows = store->is_on_disk ? opened : ksi_store_rows_in_memory(&spec->spec);
    if (spec->source_topic != NULL) {
        store->changelog = ksi_topology_topic_name(options->topology, options->application_id,
                                                   spec->source_topic, &rows->arena);
        store->input_of = /* the global stores' have no group: all of them is read */
            spec->is_global ? NULL : ksi_arena_strdup(&rows->arena, options->application_id);
    } else if (spec->spec.logging) {
        store->changelog =
            ksi_changelog_topic_name(options->application_id, spec->spec.name, &rows->arena);
    }
    store->query = ksi_store_query_open(spec->spec.name, store->rows, rows->lock);
    return KS_OK;
}

static ks_status open_stores(ksi_task_rows *rows, const ksi_task_rows_options *options,
                             ks_error *error)
{
    const ks_topology *topology = options->topology;
    ks_status status = KS_OK;
    bool *opened = ksi_calloc(topology->store_count + 1, sizeof *opened);
    for (size_t n = 0; n < topology->node_count; n++) {
        const ksi_node *node = topology->nodes[n];
        bool belongs = ksi_task_has_node(options->id.subtopology, node);
        for (size_t i = 0; belongs && status == KS_OK && i < node->store_count; i++) {
            if (!opened[node->stores[i]]) {
                opened[node->stores[i]] = true;
                status = open_store(rows, options, &topology->stores[node->stores[i]], error);
            }
        }
    }
    ksi_free(opened);
    return status;
}

ksi_task_rows *ksi_task_rows_open(const ksi_task_rows_options *options, ks_error *error)
{
    ks_error local = {0};
    ksi_task_rows *rows = ksi_calloc(1, sizeof *rows);
    ksi_arena_init(&rows->arena, 0);
    rows->id = options->id;
    rows->state = options->state;
    bool is_global = options->id.subtopology == KSI_GLOBAL_STORES;
    rows->lock = is_global ? ksi_store_lock_new_shared() : ksi_store_lock_new();
    rows->stores = ksi_calloc(options->topology->store_count + 1, sizeof *rows->stores);
    if (open_stores(rows, options, error != NULL ? error : &local) != KS_OK) {
        ksi_task_rows_close(rows);
        return NULL;
    }
    return rows;
}

void ksi_task_rows_close(ksi_task_rows *rows)
{
    if (rows == NULL) {
        return;
    }
    for (size_t i = 0; i < rows->count; i++) {
        ksi_store_query_close(rows->stores[i].query);
        ksi_store_memory_close(rows->stores[i].memory);
        ksi_row_store_close(rows->stores[i].rows);
    }
    ksi_store_lock_release(rows->lock);
    ksi_free(rows->stores);
    ksi_arena_destroy(&rows->arena);
    ksi_free(rows);
}

/* ---- looking --------------------------------------------------------------------------------- */

bool ksi_task_rows_are_logged(const ksi_task_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        if (rows->stores[i].changelog != NULL) {
            return true;
        }
    }
    return false;
}

ksi_store_query *ksi_task_rows_query(const ksi_task_rows *rows, const char *store)
{
    for (size_t i = 0; i < rows->count; i++) {
        if (strcmp(rows->stores[i].spec->spec.name, store) == 0) {
            return rows->stores[i].query;
        }
    }
    return NULL;
}

int64_t ksi_task_rows_uncommitted_bytes(const ksi_task_rows *rows)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < rows->count; i++) {
        const ksi_row_store *of = rows->stores[i].rows;
        bytes += ksi_row_store_bytes(of).pending;
        if (ksi_row_store_is_written_through(of)) {
            bytes += ksi_local_state_pending_max_bytes(rows->state); /* at least, though on disk */
        }
    }
    return bytes;
}

bool ksi_task_rows_have_state(const ksi_task_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        const ksi_store_rows *store = &rows->stores[i];
        if (store->is_on_disk && store->changelog != NULL &&
            ksi_row_store_position(store->rows).offset >= 0) {
            return true;
        }
    }
    return false;
}

int64_t ksi_task_rows_offsets(const ksi_task_rows *rows)
{
    int64_t sum = 0;
    for (size_t i = 0; i < rows->count; i++) {
        int64_t offset = ksi_row_store_position(rows->stores[i].rows).offset;
        sum += rows->stores[i].changelog != NULL && offset > 0 ? offset : 0;
    }
    return sum;
}

/* ---- changing -------------------------------------------------------------------------------- */

ks_status ksi_task_rows_abort(ksi_task_rows *rows, ks_error *error)
{
    ks_status status = KS_OK;
    ksi_store_lock_enter(rows->lock);
    for (size_t i = 0; i < rows->count && status == KS_OK; i++) {
        if (!ksi_row_store_abort(rows->stores[i].rows)) {
            status = ksi_row_store_wipe(rows->stores[i].rows, error);
        }
    }
    ksi_store_lock_leave(rows->lock);
    return status;
}

static ks_status apply_store(ksi_task_rows *rows, const ksi_store_rows *store, ks_error *error)
{
    KS_TRY(ksi_row_store_apply(store->rows, error));
    (void)ksi_store_memory_follow(store->memory, store->rows);
    KSI_CRASH_POINT("apply.between-families");
    ksi_store_lock_give_way(rows->lock);
    return KS_OK;
}

ks_status ksi_task_rows_apply_full(ksi_task_rows *rows, ks_error *error)
{
    for (size_t i = 0; i < rows->count; i++) {
        const ksi_store_rows *store = &rows->stores[i];
        if (!store->is_on_disk) {
            continue;
        }
        int64_t bound = ksi_store_memory_follow(store->memory, store->rows);
        if (ksi_row_store_bytes(store->rows).unapplied > bound) {
            KS_TRY(apply_store(rows, store, error));
        }
    }
    return KS_OK;
}

ks_status ksi_task_rows_apply(ksi_task_rows *rows, ks_error *error)
{
    for (size_t i = 0; i < rows->count; i++) {
        if (rows->stores[i].is_on_disk) {
            KS_TRY(apply_store(rows, &rows->stores[i], error));
        }
    }
    return KS_OK;
}

ks_status ksi_task_rows_flush_disk(ksi_task_rows *rows, ks_error *error)
{
    for (size_t i = 0; i < rows->count; i++) {
        if (rows->stores[i].is_on_disk) {
            KS_TRY(ksi_local_state_flush(rows->state, &rows->stores[i].spec->spec, error));
        }
    }
    return KS_OK;
}
