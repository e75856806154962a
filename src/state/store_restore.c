/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_restore.c - see store_restore.h.
 */
#include "state/store_restore.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/memory.h"
#include "state/buffered_value.h"
#include "state/retention.h"
#include "state/session_key.h"
#include "state/versioned_rows.h"
#include "state/window_keys.h"

struct ksi_store_restore {
    const ksi_store_spec *spec;
    ksi_row_store *rows;
    ksi_versioned_rows *versions; /* of a versioned store */
    ksi_retention retention;      /* of windows and sessions */
    ksi_session_keys sessions;
    ksi_buffer key;
};

ksi_store_restore *ksi_store_restore_open(const ksi_store_spec *spec, ksi_row_store *rows,
                                          ks_error *error)
{
    ksi_store_restore *restore = ksi_calloc(1, sizeof *restore);
    restore->spec = spec;
    restore->rows = rows;
    ks_status status = KS_OK;
    if (spec->kind == KSI_STORE_VERSIONED) {
        restore->versions = ksi_versioned_rows_open(
            &(ksi_versioned_rows_options){.rows = rows, .history_retention_ms = spec->retention_ms},
            error);
        status = restore->versions != NULL ? KS_OK : KS_E_STORE;
    } else if (spec->kind == KSI_STORE_WINDOW || spec->kind == KSI_STORE_SESSION) {
        restore->sessions = ksi_session_keys_of(spec);
        status = ksi_retention_open(&restore->retention, spec, rows, error);
    }
    if (status != KS_OK) {
        ksi_store_restore_close(restore);
        return NULL;
    }
    return restore;
}

void ksi_store_restore_close(ksi_store_restore *restore)
{
    if (restore != NULL) {
        ksi_versioned_rows_close(restore->versions);
        ksi_buffer_destroy(&restore->key);
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

static ks_status restore_window(ksi_store_restore *restore, ks_slice bytes, ks_slice value,
                                int64_t timestamp, ks_error *error)
{
    ksi_window_key key;
    ksi_retention *retention = &restore->retention;
    if (!ksi_window_key_read_logged(bytes, &key)) {
        return ksi_error_set(error, KS_E_CORRUPT, restore->spec->name,
                             "a record of the changelog has a key of %zu bytes, which is not that "
                             "of a window",
                             bytes.size);
    }
    ksi_store_note note = ksi_row_store_note(restore->rows, false);
    if (note.sequence < (int64_t)key.sequence) { /* also of rows that were not stored */
        note.sequence = (int64_t)key.sequence;
        ksi_row_store_set_note(restore->rows, &note);
    }
    bool is_nothing = restore->spec->retain_duplicates && value.data == NULL;
    if ((is_nothing && !retention->is_exact) || !ksi_retention_restores(retention, key.start)) {
        return KS_OK;
    }
    ks_slice row_key = ksi_window_key_make(&restore->key, ksi_window_layout_of(restore->spec),
                                           ksi_retention_segment(retention, key.start), &key);
    return ksi_row_store_restore(restore->rows, row_key, value, timestamp, error);
}

/* In a store by time a session is two rows. */
static ks_status restore_session(ksi_store_restore *restore, ks_slice bytes, ks_slice value,
                                 ks_error *error)
{
    const ksi_session_keys *keys = &restore->sessions;
    ksi_session_id id;
    if (!ksi_session_key_read_logged(bytes, &id)) {
        return ksi_error_set(error, KS_E_CORRUPT, restore->spec->name,
                             "a record of the changelog has a key of %zu bytes, which is not that "
                             "of a session",
                             bytes.size);
    }
    if (!ksi_retention_restores(&restore->retention, id.end)) {
        return KS_OK;
    }
    KS_TRY(ksi_row_store_restore(restore->rows, ksi_session_key_of_row(&restore->key, keys, &id),
                                 value, -1, error));
    if (!keys->by_time) {
        return KS_OK;
    }
    ks_slice mark = value.data != NULL ? ks_slice_of("", 0) : value;
    return ksi_row_store_restore(restore->rows, ksi_session_key_of_index(&restore->key, keys, &id),
                                 mark, -1, error);
}

ks_status ksi_store_restore_record(ksi_store_restore *restore, ks_slice key, ks_slice value,
                                   const ksi_record_context *context, ks_error *error)
{
    int64_t timestamp = context->timestamp;
    switch (restore->spec->kind) {
    case KSI_STORE_VERSIONED:
        return ksi_versioned_rows_restore(restore->versions, key, value, timestamp, error);
    case KSI_STORE_WINDOW:
        return restore_window(restore, key, value, timestamp, error);
    case KSI_STORE_SESSION:
        return restore_session(restore, key, value, error);
    case KSI_STORE_SUPPRESS:
        return restore_buffered(restore->rows, key, value, context, error);
    default:
        return ksi_row_store_restore(restore->rows, key, value, timestamp, error);
    }
}
