/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logged_rows.c - see logged_rows.h.
 *
 * The order of things is Java's CachingKeyValueStore, CachingWindowStore and ChangeLogging stores:
 *   - A row that reaches the rows is stored, then logged, then told of. It is logged without
 *     headers; a value of a timestamped store with the timestamp beside it, all else with the
 *     timestamp of the context of its write. One that is too old to be stored is logged all the
 *     same, and refused again by whoever restores it.
 *   - Whoever wants to be told of flushed rows makes the store look before it deletes: a row that
 *     is not there is neither deleted nor logged nor told of. With nobody to tell, and without a
 *     cache, every delete is logged.
 *   - A row that is read and not cached is put into the cache, clean, which may evict and so flush
 *     others; only key-value stores do that. What is absent is not remembered.
 *
 * The tempting wrong way: keeping the old row by its address in the tree while the new one is put.
 * The put overwrites it, so it is copied, into one buffer for each level of nesting, because
 * telling of a row may come back here.
 *
 * Below the cache stands a row store (row_store.h), in memory or on RocksDB.
 *
 * Thread rule: the thread of the task.
 */
#include "state/logged_rows.h"

#include "base/check.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/slice.h"

enum { TIMESTAMP_BYTES = 8 };

static ks_status flush_row(void *owner, const ksi_cached_row *cached, ks_error *error);
static void expect_row(void *owner, uint64_t hash);

void ksi_logged_rows_open(ksi_logged_rows *logged, const ksi_store_options *options,
                          ksi_row_store *rows, const ksi_row_layout *layout, void *owner)
{
    *logged = (ksi_logged_rows){
        .spec = options->spec,
        .layout = layout,
        .layout_owner = owner,
        .rows = rows,
        .changelog = options->changelog,
        .pending_max_bytes = options->pending_max_bytes,
    };
    if (options->cache != NULL && options->spec->caching) {
        logged->cache = options->cache;
        logged->cached = ksi_record_cache_add(
            logged->cache, &(ksi_named_cache_options){
                               .value_overhead = options->spec->timestamped ? TIMESTAMP_BYTES : 0,
                               .flush = flush_row,
                               .expect = expect_row,
                               .owner = logged,
                           });
    }
}

void ksi_logged_rows_close(ksi_logged_rows *logged)
{
    if (logged->cached != NULL) {
        ksi_record_cache_remove(logged->cache, logged->cached);
    }
    for (size_t i = 0; i < logged->old_value_count; i++) {
        ksi_buffer_destroy(&logged->old_values[i]);
    }
    ksi_free(logged->old_values);
    ksi_buffer_destroy(&logged->changelog_key);
}

bool ksi_logged_rows_on_flush(ksi_logged_rows *logged, ksi_flush_fn *flush, void *owner,
                              bool wants_old)
{
    if (logged->cached == NULL) {
        return false;
    }
    logged->flush = flush;
    logged->flush_owner = owner;
    logged->wants_old = wants_old;
    return true;
}

/* ---- below the cache ------------------------------------------------------------------------- */

/* Borrowed until the next call on the rows. */
KS_NODISCARD static ks_status find_stored(const ksi_logged_rows *logged, ks_slice key, ksi_row *row,
                                          bool *found, ks_error *error)
{
    const ksi_row_layout *layout = logged->layout;
    const void *owner = logged->layout_owner;
    if ((layout->hides != NULL && layout->hides(owner, key)) ||
        (layout->lacks != NULL && layout->lacks(owner, key))) {
        *found = false;
        return KS_OK;
    }
    return ksi_row_store_get(logged->rows, key, false, row, found, error);
}

/*
 * A row that a store with a bound gives up is deleted in the changelog, too, but not if the store
 * has timestamps: Java does not find the bound below what adds them.
 * @java ChangeLoggingKeyValueBytesStore#maybeSetEvictionListener
 */
static ks_status log_eviction(ksi_logged_rows *logged, const ksi_row *row,
                              const ksi_record_context *context, ks_error *error)
{
    ks_slice evicted = row->value.data != NULL && !logged->spec->timestamped
                           ? ksi_row_store_next_to_go(logged->rows, row->key)
                           : ks_slice_null();
    return evicted.data == NULL
               ? KS_OK
               : logged->changelog->append(logged->changelog, evicted, ks_slice_null(),
                                           context->timestamp, NULL, error);
}

static ks_status log_row(ksi_logged_rows *logged, const ksi_row *row,
                         const ksi_record_context *context, ks_error *error)
{
    const ksi_row_layout *layout = logged->layout;
    bool has_own_time = logged->spec->timestamped && row->value.data != NULL;
    int64_t timestamp = has_own_time ? row->timestamp : context->timestamp;
    ks_slice key =
        layout->changelog_key != NULL
            ? layout->changelog_key(logged->layout_owner, row->key, &logged->changelog_key)
            : row->key;
    const ks_headers *headers = logged->spec->logs_headers ? context->headers : NULL;
    return logged->changelog->append(logged->changelog, key, row->value, timestamp, headers, error);
}

/*
 * Java stores first. Here the key may be the stored row's own, which storing a delete frees, so the
 * row is logged first; only what is too old has to be known before.
 */
static ks_status store_and_log(ksi_logged_rows *logged, const ksi_row *row,
                               const ksi_record_context *context, ks_error *error)
{
    const ksi_row_layout *layout = logged->layout;
    bool is_stored = layout->admits == NULL || layout->admits(logged->layout_owner, row->key);
    if (logged->changelog != NULL) {
        KS_TRY(log_eviction(logged, row, context, error));
        KS_TRY(log_row(logged, row, context, error));
    }
    if (!is_stored) {
        return KS_OK;
    }
    ksi_row_store_put(logged->rows, row->key, row->value, row->timestamp);
    return ksi_row_store_bound_pending(logged->rows, logged->pending_max_bytes, error);
}

ks_status ksi_logged_rows_log_absence(ksi_logged_rows *logged, ks_slice key,
                                      const ksi_record_context *context, ks_error *error)
{
    const ksi_row absent = {.key = key, .value = ks_slice_null(), .timestamp = -1};
    return logged->changelog != NULL ? log_row(logged, &absent, context, error) : KS_OK;
}

/* ---- what the cache gives up ----------------------------------------------------------------- */

/* A copy of the bytes that lives until this level of nesting ends. */
static ks_slice keep_old_value(ksi_logged_rows *logged, ks_slice value)
{
    if (logged->depth >= logged->old_value_count) {
        logged->old_values = ksi_grow(logged->old_values, &logged->old_value_capacity,
                                      logged->depth + 1, sizeof(ksi_buffer));
        while (logged->old_value_count <= logged->depth) {
            logged->old_values[logged->old_value_count++] = (ksi_buffer){0};
        }
    }
    ksi_buffer *buffer = &logged->old_values[logged->depth];
    ksi_buffer_clear(buffer);
    ksi_buffer_append(buffer, value.data, value.size);
    return ksi_buffer_slice(buffer);
}

static ks_status flush_row(void *owner, const ksi_cached_row *cached, ks_error *error)
{
    ksi_logged_rows *logged = owner;
    const ksi_row new_row = {
        .key = cached->key, .value = cached->value, .timestamp = cached->timestamp};
    if (logged->flush == NULL) {
        return store_and_log(logged, &new_row, &cached->context, error);
    }
    ksi_row old_row = {.key = cached->key, .value = ks_slice_null(), .timestamp = -1};
    if (new_row.value.data == NULL || logged->wants_old) {
        ksi_row stored;
        bool found;
        KS_TRY(find_stored(logged, cached->key, &stored, &found, error));
        if (!found && new_row.value.data == NULL) {
            return KS_OK;
        }
        if (found && logged->wants_old) {
            old_row.value = keep_old_value(logged, stored.value);
            old_row.timestamp = stored.timestamp;
        }
    }
    KS_TRY(store_and_log(logged, &new_row, &cached->context, error));
    logged->depth++;
    ks_status status =
        logged->flush(logged->flush_owner, &new_row, &old_row, &cached->context, error);
    logged->depth--;
    return status;
}

static void expect_row(void *owner, uint64_t hash)
{
    const ksi_logged_rows *logged = owner;
    ksi_row_store_expect(logged->rows, hash);
}

/* ---- reading and writing --------------------------------------------------------------------- */

void ksi_logged_rows_expect(const ksi_logged_rows *logged, ks_slice key)
{
    uint64_t hash = ksi_slice_hash(key);
    if (logged->cached != NULL) {
        ksi_record_cache_expect(logged->cached, hash);
    } else {
        ksi_row_store_expect(logged->rows, hash);
    }
}

static ks_status read_cached(ksi_logged_rows *logged, ks_slice key, ksi_row *row, bool *found,
                             ks_error *error)
{
    const ksi_cached_row *cached = ksi_record_cache_get(logged->cached, key);
    if (cached == NULL) {
        ksi_row stored = {0};
        KS_TRY(find_stored(logged, key, &stored, found, error));
        if (!*found || !logged->layout->caches_reads) {
            *row = stored;
            return KS_OK;
        }
        const ksi_cached_row clean = {
            .key = stored.key, .value = stored.value, .timestamp = stored.timestamp};
        KS_TRY(ksi_record_cache_put(logged->cache, logged->cached, &clean, &cached, error));
    }
    *found = cached->value.data != NULL;
    *row = (ksi_row){.key = cached->key, .value = cached->value, .timestamp = cached->timestamp};
    return KS_OK;
}

ks_status ksi_logged_rows_read(ksi_logged_rows *logged, ks_slice key, ksi_row *row, bool *found,
                               ks_error *error)
{
    return logged->cached != NULL ? read_cached(logged, key, row, found, error)
                                  : find_stored(logged, key, row, found, error);
}

ks_status ksi_logged_rows_look(const ksi_logged_rows *logged, ks_slice key, ksi_row *row,
                               bool *found, ks_error *error)
{
    const ksi_cached_row *cached =
        logged->cached != NULL ? ksi_record_cache_peek(logged->cached, key) : NULL;
    if (cached == NULL) {
        return find_stored(logged, key, row, found, error);
    }
    *found = cached->value.data != NULL;
    *row = (ksi_row){.key = cached->key, .value = cached->value, .timestamp = cached->timestamp};
    return KS_OK;
}

ks_status ksi_logged_rows_write(ksi_logged_rows *logged, ks_slice key, ks_slice value,
                                int64_t timestamp, const ksi_record_context *context,
                                ks_error *error)
{
    const int64_t own_time = logged->spec->timestamped && value.data != NULL ? timestamp : -1;
    if (logged->cached != NULL) {
        const ksi_cached_row row = {
            .key = key, .value = value, .timestamp = own_time, .dirty = true, .context = *context};
        return ksi_record_cache_put(logged->cache, logged->cached, &row, NULL, error);
    }
    const ksi_row row = {.key = key, .value = value, .timestamp = own_time};
    return store_and_log(logged, &row, context, error);
}

ksi_merged_iterator *ksi_logged_rows_iterate(ksi_logged_rows *logged, const ksi_row_range *range)
{
    const ksi_merged_options options = {.cached = logged->cached,
                                        .rows = logged->rows,
                                        .hides = logged->layout->hides,
                                        .hides_owner = logged->layout_owner};
    return ksi_merged_iterator_open(&options, range);
}

ks_status ksi_logged_rows_flush(ksi_logged_rows *logged, ks_error *error)
{
    return logged->cached != NULL ? ksi_record_cache_flush(logged->cache, logged->cached, error)
                                  : KS_OK;
}
