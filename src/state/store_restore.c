/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_restore.c - see store_restore.h.
 */
#include "state/store_restore.h"

#include "base/memory.h"
#include "state/versioned_rows.h"

struct ksi_store_restore {
    ksi_row_store *rows;
    ksi_versioned_rows *versions; /* NULL: a record is a row */
};

ksi_store_restore *ksi_store_restore_open(const ksi_store_spec *spec, ksi_row_store *rows,
                                          ks_error *error)
{
    ksi_store_restore *restore = ksi_calloc(1, sizeof *restore);
    restore->rows = rows;
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

ks_status ksi_store_restore_record(ksi_store_restore *restore, ks_slice key, ks_slice value,
                                   int64_t timestamp, ks_error *error)
{
    return restore->versions != NULL
               ? ksi_versioned_rows_restore(restore->versions, key, value, timestamp, error)
               : ksi_row_store_restore(restore->rows, key, value, timestamp, error);
}
