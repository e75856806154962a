/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_restore.c - see store_restore.h.
 */
#include "state/store_restore.h"

#include "base/arena.h"
#include "base/memory.h"
#include "state/buffered_value.h"
#include "state/versioned_rows.h"

struct ksi_store_restore {
    ksi_row_store *rows;
    ksi_versioned_rows *versions; /* NULL: of another kind than versioned */
    bool is_buffer;               /* a record is an update that waits */
};

ksi_store_restore *ksi_store_restore_open(const ksi_store_spec *spec, ksi_row_store *rows,
                                          ks_error *error)
{
    ksi_store_restore *restore = ksi_calloc(1, sizeof *restore);
    restore->rows = rows;
    restore->is_buffer = spec->kind == KSI_STORE_SUPPRESS;
    if (spec->kind == KSI_STORE_VERSIONED) {
        restore->versions = ksi_versioned_rows_open(
            &(ksi_versioned_rows_options){.rows = rows, .history_retention_ms = spec->retention_ms},
            error);
        if (restore->versions == NULL) {
            ksi_store_restore_close(restore);
            return NULL;
        }
    }
    return restore;
}

void ksi_store_restore_close(ksi_store_restore *restore)
{
    if (restore != NULL) {
        ksi_versioned_rows_close(restore->versions);
        ksi_free(restore);
    }
}

/* What waits becomes a row in the current version, whichever it was written in. */
static ks_status restore_update(ksi_row_store *rows, ks_slice key,
                                const ksi_buffered_record *record, ks_error *error)
{
    ks_arena arena;
    ksi_buffered_value update;
    ksi_buffer bytes = {0};
    ksi_arena_init(&arena, 0);
    ks_status status = ksi_buffered_value_restore(record, &arena, &update, error);
    if (status == KS_OK) {
        ksi_buffered_value_write(&update, &bytes);
        status = ksi_row_store_restore(rows, key, ksi_buffer_slice(&bytes), -1, error);
    }
    ksi_buffer_destroy(&bytes);
    ksi_arena_destroy(&arena);
    return status;
}

static ks_status restore_buffered(ksi_row_store *rows, ks_slice key, ks_slice value,
                                  const ksi_record_context *context, ks_error *error)
{
    ksi_buffered_record record = {.value = value, .context = *context};
    ksi_row row;
    if (value.data == NULL) {
        return ksi_row_store_restore(rows, key, value, -1, error);
    }
    KS_TRY(ksi_row_store_look(rows, key, &row, &record.is_waiting, error));
    if (record.is_waiting) {
        ksi_buffered_value before;
        KS_TRY(ksi_buffered_value_read(row.value, NULL, &before, error));
        record.prior = before.prior;
    }
    return restore_update(rows, key, &record, error);
}

ks_status ksi_store_restore_record(ksi_store_restore *restore, ks_slice key, ks_slice value,
                                   const ksi_record_context *context, ks_error *error)
{
    if (restore->versions != NULL) {
        return ksi_versioned_rows_restore(restore->versions, key, value, context->timestamp, error);
    }
    if (restore->is_buffer) {
        return restore_buffered(restore->rows, key, value, context, error);
    }
    return ksi_row_store_restore(restore->rows, key, value, context->timestamp, error);
}
