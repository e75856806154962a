/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table_store.c - see table_store.h. Values read from a store are copied into the record's arena
 * where they are more than a number, because a row is borrowed only until the next call on the
 * store.
 */
#include "ops/table_store.h"

#include "base/check.h"
#include "base/error.h"
#include "serde/convert.h"
#include "serde/windowed.h"

static ks_status deserialize(const ksi_table_store *table, bool is_key, ks_slice bytes,
                             ks_value *value, ks_error *error)
{
    const ks_serde *serde = is_key ? table->key : table->value;
    const ks_serde_ctx where = {.topic = table->topic, .is_key = is_key};
    if (serde->kind >= KS_KIND_UUID) {
        bytes = ksi_arena_copy(table->ctx->arena, bytes);
    }
    return ksi_deserialize(serde, &where, bytes, table->ctx->arena, value, error);
}

static ks_status serialize(const ksi_table_store *table, bool is_key, ks_value value,
                           ks_slice *bytes, ks_error *error)
{
    const ks_serde *serde = is_key ? table->key : table->value;
    const ks_serde_ctx where = {.topic = table->topic, .is_key = is_key};
    return ksi_serialize(serde, &where, value, table->ctx->arena, bytes, error);
}

/* ---- what the cache gives up ----------------------------------------------------------------- */

/* A flushed row; of a windowed table also its window. */
typedef struct flushed {
    ks_slice key;
    int64_t start;
    int64_t end;
    ks_slice new_value;
    int64_t timestamp;
    ks_slice old_value;
} flushed;

static bool is_windowed(const ksi_table_store *table)
{
    return table->windows != NULL || table->sessions != NULL;
}

static ks_status read_flushed(ksi_table_store *table, const flushed *row, ks_windowed *windowed,
                              ks_record *record, ksi_change *change, ks_error *error)
{
    KS_TRY(deserialize(table, true, row->key, &record->key, error));
    if (is_windowed(table)) {
        *windowed = (ks_windowed){.key = record->key, .start = row->start, .end = row->end};
        record->key = ks_windowed_value(windowed);
    }
    KS_TRY(deserialize(table, false, row->new_value, &change->new_value, error));
    if (table->send_old_values) {
        KS_TRY(deserialize(table, false, row->old_value, &change->old_value, error));
    }
    return KS_OK;
}

static ks_status forward_row(ksi_table_store *table, const flushed *row,
                             const ksi_record_context *context, ks_error *error)
{
    ks_ctx *ctx = table->ctx;
    ksi_arena_mark mark = ksi_arena_save(ctx->arena);
    ksi_node_instance *node = ctx->node;
    ksi_record_context outer = ctx->record;
    const ks_record *outer_context_of = ctx->context_of;
    ksi_ctx_set_node(ctx, table->node);
    ctx->record = *context;
    ctx->context_of = NULL;

    ksi_change change = {.is_latest = true};
    ks_windowed windowed;
    ks_record record = {.timestamp = row->timestamp, .headers = context->headers};
    ks_status status = read_flushed(table, row, &windowed, &record, &change, error);
    if (status == KS_OK) {
        record.value = ksi_change_value(&change);
        ksi_forward(ctx, &record);
        if (ksi_ctx_failed(ctx)) {
            status = ctx->error.code;
            if (error != NULL) {
                *error = ctx->error;
            }
        }
    }
    ctx->record = outer;
    ctx->context_of = outer_context_of;
    ksi_ctx_set_node(ctx, node);
    ksi_arena_release(ctx->arena, mark);
    return status;
}

/* What is deleted has the timestamp of what deleted it. */
static int64_t time_of(ks_slice value, int64_t timestamp, const ksi_record_context *context)
{
    return value.data != NULL ? timestamp : context->timestamp;
}

static ks_status forward_flushed(void *owner, const ksi_row *new_row, const ksi_row *old_row,
                                 const ksi_record_context *context, ks_error *error)
{
    const flushed row = {.key = new_row->key,
                         .new_value = new_row->value,
                         .timestamp = time_of(new_row->value, new_row->timestamp, context),
                         .old_value = old_row->value};
    return forward_row(owner, &row, context, error);
}

static ks_status forward_flushed_window(void *owner, const ksi_window_row *new_row,
                                        const ksi_window_row *old_row,
                                        const ksi_record_context *context, ks_error *error)
{
    const ksi_table_store *table = owner;
    const flushed row = {.key = new_row->key,
                         .start = new_row->start,
                         .end = ksi_window_end(new_row->start, table->window_size_ms),
                         .new_value = new_row->value,
                         .timestamp = time_of(new_row->value, new_row->timestamp, context),
                         .old_value = old_row->value};
    return forward_row(owner, &row, context, error);
}

static ks_status forward_flushed_session(void *owner, const ksi_session_row *new_row,
                                         const ksi_session_row *old_row,
                                         const ksi_record_context *context, ks_error *error)
{
    const flushed row = {.key = new_row->key,
                         .start = new_row->start,
                         .end = new_row->end,
                         .new_value = new_row->value,
                         .timestamp = new_row->end,
                         .old_value = old_row->value};
    return forward_row(owner, &row, context, error);
}

/* ---- opening and reading --------------------------------------------------------------------- */

ks_status ksi_table_store_open_to_read(ksi_table_store *table, ks_ctx *ctx, const char *name,
                                       ks_error *error)
{
    ksi_store *store = ctx->services->store(ctx, name);
    *table = (ksi_table_store){.store = ksi_key_value_store_of(store),
                               .versioned = ksi_versioned_store_of(store),
                               .windows = ksi_window_store_of(store),
                               .sessions = ksi_session_store_of(store),
                               .ctx = ctx,
                               .node = ctx->node};
    if (!ksi_table_is_materialized(table)) {
        return ksi_error_set(error, KS_E_STORE, ctx->node->node->name,
                             "no store '%s' with the rows of a table is connected to this node",
                             name);
    }
    const ksi_store_spec *spec = store->spec;
    const char *what = ksi_arena_format(ctx->task_arena, "store %s", name);
    KS_TRY(ksi_ctx_key_serde(ctx, spec->key, what, &table->key, error));
    KS_TRY(ksi_ctx_value_serde(ctx, spec->value, what, &table->value, error));
    table->topic = ksi_changelog_topic_name(ctx->application_id, name, ctx->task_arena);
    table->window_size_ms = spec->window_size_ms;
    return KS_OK;
}

/* Whether what the cache gives up is forwarded, because there is a cache. */
static bool forward_on_flush(ksi_table_store *table, bool wants_old)
{
    if (table->windows != NULL) {
        return ksi_window_store_on_flush(table->windows, forward_flushed_window, table, wants_old);
    }
    if (table->sessions != NULL) {
        return ksi_session_store_on_flush(table->sessions, forward_flushed_session, table,
                                          wants_old);
    }
    return table->store != NULL &&
           ksi_key_value_store_on_flush(table->store, forward_flushed, table, wants_old);
}

ks_status ksi_table_store_open(ksi_table_store *table, ks_ctx *ctx, const ksi_table_node *node,
                               ks_error *error)
{
    *table = (ksi_table_store){.ctx = ctx, .node = ctx->node};
    if (node->store != NULL) {
        KS_TRY(ksi_table_store_open_to_read(table, ctx, node->store, error));
        table->caching = !node->emits_on_close && forward_on_flush(table, node->send_old_values);
    }
    table->send_old_values = node->send_old_values;
    table->emits_on_close = node->emits_on_close;
    return KS_OK;
}

/* What is stored under a key: newest, or, when `time` is given, as of then. */
static ks_status find(const ksi_table_store *table, ks_slice key, const int64_t *time, ksi_row *row,
                      bool *found, ks_error *error)
{
    if (table->store != NULL) {
        return ksi_key_value_store_read(table->store, key, row, found, error);
    }
    ksi_versioned_rows *versions = ksi_versioned_store_versions(table->versioned);
    ksi_version version = {0};
    KS_TRY(time != NULL ? ksi_versioned_rows_get_as_of(versions, key, *time, &version, found, error)
                        : ksi_versioned_rows_get(versions, key, &version, found, error));
    *row = (ksi_row){.key = key, .value = version.value, .timestamp = version.from};
    return KS_OK;
}

bool ksi_table_store_key_bytes(ksi_table_store *table, ks_value key, ks_slice *bytes)
{
    ks_error error;
    ksi_error_begin(&error);
    if (serialize(table, true, key, bytes, &error) != KS_OK) {
        ksi_ctx_fail_error(table->ctx, &error);
        return false;
    }
    return true;
}

static bool read_part(ksi_table_store *table, bool is_key, ks_slice bytes, ks_value *value)
{
    ks_error error;
    ksi_error_begin(&error);
    if (deserialize(table, is_key, bytes, value, &error) != KS_OK) {
        ksi_ctx_fail_error(table->ctx, &error);
        return false;
    }
    return true;
}

bool ksi_table_store_read_key(ksi_table_store *table, ks_slice bytes, ks_value *key)
{
    return read_part(table, true, bytes, key);
}

bool ksi_table_store_read_value(ksi_table_store *table, ks_slice bytes, ks_value *value)
{
    return read_part(table, false, bytes, value);
}

/* What was read of a row, as the table has it. */
static bool take_row(ksi_table_store *table, const ksi_row *stored, ksi_table_row *row)
{
    row->timestamp = stored->timestamp;
    return ksi_table_store_read_value(table, stored->value, &row->value);
}

static bool get(ksi_table_store *table, ks_value key, const int64_t *time, ksi_table_row *row)
{
    ks_error error;
    ks_slice key_bytes;
    ksi_row stored = {0};
    *row = (ksi_table_row){.value = ks_null()};
    if (!ksi_table_store_key_bytes(table, key, &key_bytes)) {
        return false;
    }
    ksi_error_begin(&error);
    if (find(table, key_bytes, time, &stored, &row->found, &error) != KS_OK) {
        ksi_ctx_fail_error(table->ctx, &error);
        return false;
    }
    return !row->found || take_row(table, &stored, row);
}

bool ksi_table_store_get_window(ksi_table_store *table, ks_slice key, int64_t start,
                                ksi_table_row *row)
{
    ks_error error;
    ksi_row stored = {0};
    ksi_error_begin(&error);
    *row = (ksi_table_row){.value = ks_null()};
    if (ksi_window_store_get(table->windows, key, start, &stored, &row->found, &error) != KS_OK) {
        ksi_ctx_fail_error(table->ctx, &error);
        return false;
    }
    return !row->found || take_row(table, &stored, row);
}

static bool get_session(ksi_table_store *table, ks_slice key, const ks_windowed *session,
                        ksi_table_row *row)
{
    ks_error error;
    ksi_row stored = {.timestamp = session->end};
    ksi_error_begin(&error);
    if (ksi_session_store_get(table->sessions, key, session->start, session->end, &stored.value,
                              &error) != KS_OK) {
        ksi_ctx_fail_error(table->ctx, &error);
        return false;
    }
    row->found = stored.value.data != NULL;
    return !row->found || take_row(table, &stored, row);
}

/* A key that is no windowed one, and a serde that is another's, fail as a wrong kind does. */
static bool get_windowed(ksi_table_store *table, ks_value key, ksi_table_row *row)
{
    const ks_windowed *windowed = ks_value_windowed(key);
    ks_slice key_bytes;
    *row = (ksi_table_row){.value = ks_null()};
    if (windowed == NULL || !ksi_table_store_key_bytes(table, windowed->key, &key_bytes)) {
        return false;
    }
    return table->sessions != NULL
               ? get_session(table, key_bytes, windowed, row)
               : ksi_table_store_get_window(table, key_bytes, windowed->start, row);
}

bool ksi_table_store_get(ksi_table_store *table, ks_value key, ksi_table_row *row)
{
    return is_windowed(table) ? get_windowed(table, key, row) : get(table, key, NULL, row);
}

bool ksi_table_store_get_as_of(ksi_table_store *table, ks_value key, int64_t time,
                               ksi_table_row *row)
{
    KSI_CHECK(table->versioned != NULL);
    return get(table, key, &time, row);
}

/* ---- updates --------------------------------------------------------------------------------- */

/* False: the context failed, or the update is older than the store keeps. */
static bool put(ksi_table_store *table, const ks_record *record, ks_value value, bool *is_latest)
{
    ks_error error;
    ks_slice key_bytes;
    ks_slice value_bytes;
    int64_t valid_to = KSI_NO_END;
    ksi_error_begin(&error);
    ks_status status = serialize(table, true, record->key, &key_bytes, &error);
    if (status == KS_OK) {
        status = serialize(table, false, value, &value_bytes, &error);
    }
    if (status == KS_OK && table->versioned != NULL) {
        status = ksi_versioned_store_put(table->versioned, key_bytes, value_bytes,
                                         record->timestamp, &valid_to, &error);
    } else if (status == KS_OK) {
        status = ksi_key_value_store_write(table->store, key_bytes, value_bytes, record->timestamp,
                                           &table->ctx->record, &error);
    }
    if (status != KS_OK) {
        /* Says nothing when a flush below has failed the context already. */
        ksi_ctx_fail_error(table->ctx, &error);
    }
    *is_latest = valid_to == KSI_NO_END;
    return status == KS_OK && valid_to != KSI_NOT_PUT;
}

void ksi_table_store_update(ksi_table_store *table, const ks_record *record, ks_value new_value,
                            ks_value old_value)
{
    ksi_change change = {.new_value = new_value,
                         .old_value = table->send_old_values ? old_value : ks_null(),
                         .is_latest = true};
    if (!ksi_table_is_materialized(table)) {
        if (ks_value_kind(record->value) == KSI_KIND_CHANGE) {
            change.is_latest = ksi_value_change(record->value)->is_latest;
        }
    } else if (!put(table, record, new_value, &change.is_latest) || table->caching) {
        return;
    }
    ks_record update = *record;
    update.value = ksi_change_value(&change);
    ksi_forward(table->ctx, &update);
}

/* ---- updates of windows ---------------------------------------------------------------------- */

static bool put_window(ksi_table_store *table, const ksi_window_update *update)
{
    ks_error error;
    ksi_window_row row = {
        .key = update->key, .start = update->start, .timestamp = update->record->timestamp};
    ksi_error_begin(&error);
    ks_status status = serialize(table, false, update->new_value, &row.value, &error);
    if (status == KS_OK) {
        status = ksi_window_store_put(table->windows, &row, &table->ctx->record, &error);
    }
    if (status != KS_OK) {
        ksi_ctx_fail_error(table->ctx, &error);
    }
    return status == KS_OK;
}

void ksi_table_store_update_window(ksi_table_store *table, const ksi_window_update *update)
{
    if (!put_window(table, update) || table->caching || table->emits_on_close) {
        return;
    }
    const ksi_change change = {.new_value = update->new_value,
                               .old_value = table->send_old_values ? update->old_value : ks_null(),
                               .is_latest = true};
    const ks_windowed windowed = {.key = update->record->key,
                                  .start = update->start,
                                  .end = ksi_window_end(update->start, table->window_size_ms)};
    ks_record record = *update->record;
    record.key = ks_windowed_value(&windowed);
    record.value = ksi_change_value(&change);
    ksi_forward(table->ctx, &record);
}

/* ---- updates of sessions --------------------------------------------------------------------- */

static bool put_session(ksi_table_store *table, const ksi_session_update *update)
{
    const ks_windowed *session = update->session;
    ksi_session_row row = {.key = update->key, .start = session->start, .end = session->end};
    const ksi_record_context *context = &table->ctx->record;
    ks_error error;
    ksi_error_begin(&error);
    ks_status status = update->removes
                           ? ksi_session_store_remove(table->sessions, row.key, row.start, row.end,
                                                      context, &error)
                           : serialize(table, false, update->new_value, &row.value, &error);
    if (status == KS_OK && !update->removes) {
        status = ksi_session_store_put(table->sessions, &row, context, &error);
    }
    if (status != KS_OK) {
        ksi_ctx_fail_error(table->ctx, &error);
    }
    return status == KS_OK;
}

static void forward_session(ksi_table_store *table, const ks_windowed *session,
                            const ksi_change *change, const ks_headers *headers)
{
    ksi_forward(table->ctx, &(ks_record){.key = ks_windowed_value(session),
                                         .value = ksi_change_value(change),
                                         .timestamp = session->end,
                                         .headers = headers});
}

void ksi_table_store_update_session(ksi_table_store *table, const ksi_session_update *update)
{
    if (!put_session(table, update) || table->caching || table->emits_on_close) {
        return;
    }
    const ksi_change change = {.new_value = update->new_value,
                               .old_value = table->send_old_values ? update->old_value : ks_null(),
                               .is_latest = true};
    forward_session(table, update->session, &change, NULL);
}

void ksi_table_store_forward_session(ksi_table_store *table, const ksi_session_row *row,
                                     const ks_record *closing)
{
    ksi_arena_mark mark = ksi_arena_save(table->ctx->arena);
    ksi_change change = {.is_latest = true};
    ks_windowed session = {.start = row->start, .end = row->end};
    if (ksi_table_store_read_key(table, row->key, &session.key) &&
        ksi_table_store_read_value(table, row->value, &change.new_value)) {
        forward_session(table, &session, &change, closing->headers);
    }
    ksi_arena_release(table->ctx->arena, mark);
}
