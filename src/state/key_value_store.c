/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key_value_store.c - the key-value store of a task: the rows, the changelog below and the record
 * cache above them.
 *
 * The order of things is Java's CachingKeyValueStore and
 * ChangeLogging(Timestamped)KeyValueBytesStore:
 *   - A row that reaches the store is stored, then logged, then told of. It is logged without
 *     headers; a value of a timestamped store with the timestamp beside it, all else with the
 *     timestamp of the context of its write.
 *   - Whoever wants to be told of flushed rows makes the store look before it deletes: a row that
 *     is not there is neither deleted nor logged nor told of. With nobody to tell, and without a
 *     cache, every delete is logged.
 *   - A row that is read and not cached is put into the cache, clean, which may evict and so flush
 *     others. What is absent is not remembered.
 *
 * The tempting wrong way: keeping the old row by its address in the tree while the new one is put.
 * The put overwrites it, so it is copied, into one buffer for each level of nesting, because
 * telling of a row may come back here.
 *
 * Below the cache stands a row store (row_store.h), in memory or on RocksDB.
 *
 * Thread rule: the thread of the task.
 */
#include "state/key_value_store.h"

#include "base/buffer.h"
#include "base/check.h"
#include "base/error.h"
#include "base/memory.h"

enum { TIMESTAMP_BYTES = 8 };

struct ksi_key_value_store {
    ksi_store base;
    ksi_changelog *changelog;
    ksi_record_cache *cache;
    ksi_named_cache *cached; /* NULL: not cached */
    ksi_store_query *query;  /* a reader: instead of all the others; NULL: it is none */
    ksi_queried_row queried;
    int64_t pending_max_bytes;
    ksi_flush_fn *flush;
    void *flush_owner;
    bool wants_old;
    ksi_buffer *old_values; /* one for each level of nested flushes */
    size_t old_value_capacity;
    size_t old_value_count;
    size_t depth;
};

static ks_status flush_row(void *owner, const ksi_cached_row *cached, ks_error *error);

static ks_status flush_base(ksi_store *store, ks_error *error)
{
    return ksi_key_value_store_flush(ksi_key_value_store_of(store), error);
}

static void close_base(ksi_store *store)
{
    ksi_key_value_store_close(ksi_key_value_store_of(store));
}

static const ksi_store_class key_value_class = {.flush = flush_base, .close = close_base};

ksi_key_value_store *ksi_key_value_store_of(ksi_store *store)
{
    bool is_one = store != NULL && store->class == &key_value_class;
    return is_one ? (ksi_key_value_store *)store : NULL;
}

ksi_store *ksi_key_value_store_base(ksi_key_value_store *store)
{
    return store != NULL ? &store->base : NULL;
}

ksi_key_value_store *ksi_key_value_store_open(const ksi_store_options *options)
{
    ksi_key_value_store *store = ksi_calloc(1, sizeof *store);
    ksi_store_begin(&store->base, &key_value_class, options);
    if (options->query != NULL) {
        store->query = ksi_store_query_retain(options->query);
        return store;
    }
    store->changelog = options->changelog;
    store->pending_max_bytes = options->pending_max_bytes;
    if (options->cache != NULL && options->spec->caching) {
        store->cache = options->cache;
        store->cached = ksi_record_cache_add(
            store->cache, &(ksi_named_cache_options){
                              .value_overhead = options->spec->timestamped ? TIMESTAMP_BYTES : 0,
                              .flush = flush_row,
                              .owner = store,
                          });
    }
    return store;
}

void ksi_key_value_store_close(ksi_key_value_store *store)
{
    if (store == NULL) {
        return;
    }
    if (store->cached != NULL) {
        ksi_record_cache_remove(store->cache, store->cached);
    }
    for (size_t i = 0; i < store->old_value_count; i++) {
        ksi_buffer_destroy(&store->old_values[i]);
    }
    ksi_free(store->old_values);
    ksi_store_query_release(store->query);
    ksi_queried_row_destroy(&store->queried);
    ksi_store_end(&store->base);
    ksi_free(store);
}

const ksi_store_spec *ksi_key_value_store_spec(const ksi_key_value_store *store)
{
    return store->base.spec;
}

bool ksi_key_value_store_on_flush(ksi_key_value_store *store, ksi_flush_fn *flush, void *owner,
                                  bool wants_old)
{
    if (store->cached == NULL) {
        return false;
    }
    store->flush = flush;
    store->flush_owner = owner;
    store->wants_old = wants_old;
    return true;
}

ksi_row_store *ksi_key_value_store_rows(const ksi_key_value_store *store)
{
    return store->base.rows;
}

uint64_t ksi_key_value_store_count(const ksi_key_value_store *store)
{
    uint64_t count = 0;
    if (store->query == NULL) {
        return ksi_row_store_count(store->base.rows);
    }
    return ksi_store_query_count(store->query, &count, NULL) == KS_OK ? count : 0;
}

/* ---- below the cache ------------------------------------------------------------------------- */

/* Borrowed until the next call on the rows. */
KS_NODISCARD static ks_status find_stored(const ksi_key_value_store *store, ks_slice key,
                                          ksi_row *row, bool *found, ks_error *error)
{
    return ksi_row_store_get(store->base.rows, key, false, row, found, error);
}

/*
 * A row that a store with a bound gives up is deleted in the changelog, too, but not if the store
 * has timestamps: Java does not find the bound below what adds them.
 * @java ChangeLoggingKeyValueBytesStore#maybeSetEvictionListener
 */
static ks_status log_eviction(ksi_key_value_store *store, const ksi_row *row,
                              const ksi_record_context *context, ks_error *error)
{
    ks_slice evicted = row->value.data != NULL && !store->base.spec->timestamped
                           ? ksi_row_store_next_to_go(store->base.rows, row->key)
                           : ks_slice_null();
    return evicted.data == NULL
               ? KS_OK
               : store->changelog->append(store->changelog, evicted, ks_slice_null(),
                                          context->timestamp, NULL, error);
}

static ks_status store_and_log(ksi_key_value_store *store, const ksi_row *row,
                               const ksi_record_context *context, ks_error *error)
{
    if (store->changelog == NULL) {
        ksi_row_store_put(store->base.rows, row->key, row->value, row->timestamp);
        return ksi_row_store_bound_pending(store->base.rows, store->pending_max_bytes, error);
    }
    KS_TRY(log_eviction(store, row, context, error));
    bool has_own_time = store->base.spec->timestamped && row->value.data != NULL;
    int64_t timestamp = has_own_time ? row->timestamp : context->timestamp;
    /* Java stores first. Here the key may be the stored row's own, which storing a delete frees. */
    KS_TRY(
        store->changelog->append(store->changelog, row->key, row->value, timestamp, NULL, error));
    ksi_row_store_put(store->base.rows, row->key, row->value, row->timestamp);
    return ksi_row_store_bound_pending(store->base.rows, store->pending_max_bytes, error);
}

/* ---- what the cache gives up ----------------------------------------------------------------- */

/* A copy of the bytes that lives until this level of nesting ends. */
static ks_slice keep_old_value(ksi_key_value_store *store, ks_slice value)
{
    if (store->depth >= store->old_value_count) {
        store->old_values = ksi_grow(store->old_values, &store->old_value_capacity,
                                     store->depth + 1, sizeof(ksi_buffer));
        while (store->old_value_count <= store->depth) {
            store->old_values[store->old_value_count++] = (ksi_buffer){0};
        }
    }
    ksi_buffer *buffer = &store->old_values[store->depth];
    ksi_buffer_clear(buffer);
    ksi_buffer_append(buffer, value.data, value.size);
    return ksi_buffer_slice(buffer);
}

static ks_status flush_row(void *owner, const ksi_cached_row *cached, ks_error *error)
{
    ksi_key_value_store *store = owner;
    const ksi_row new_row = {
        .key = cached->key, .value = cached->value, .timestamp = cached->timestamp};
    if (store->flush == NULL) {
        return store_and_log(store, &new_row, &cached->context, error);
    }
    ksi_row old_row = {.key = cached->key, .value = ks_slice_null(), .timestamp = -1};
    if (new_row.value.data == NULL || store->wants_old) {
        ksi_row stored;
        bool found;
        KS_TRY(find_stored(store, cached->key, &stored, &found, error));
        if (!found && new_row.value.data == NULL) {
            return KS_OK;
        }
        if (found && store->wants_old) {
            old_row.value = keep_old_value(store, stored.value);
            old_row.timestamp = stored.timestamp;
        }
    }
    KS_TRY(store_and_log(store, &new_row, &cached->context, error));
    store->depth++;
    ks_status status =
        store->flush(store->flush_owner, &new_row, &old_row, &cached->context, error);
    store->depth--;
    return status;
}

/* ---- reading and writing --------------------------------------------------------------------- */

static ks_status read_cached(ksi_key_value_store *store, ks_slice key, ksi_row *row, bool *found,
                             ks_error *error)
{
    const ksi_cached_row *cached = ksi_record_cache_get(store->cached, key);
    if (cached == NULL) {
        ksi_row stored;
        KS_TRY(find_stored(store, key, &stored, found, error));
        if (!*found) {
            return KS_OK;
        }
        const ksi_cached_row clean = {
            .key = stored.key, .value = stored.value, .timestamp = stored.timestamp};
        KS_TRY(ksi_record_cache_put(store->cache, store->cached, &clean, &cached, error));
    }
    *found = cached->value.data != NULL;
    *row = (ksi_row){.key = cached->key, .value = cached->value, .timestamp = cached->timestamp};
    return KS_OK;
}

/* What was copied lives until the next call, like a row of one's own. */
static ks_status read_queried(ksi_key_value_store *store, ks_slice key, ksi_row *row, bool *found,
                              ks_error *error)
{
    ksi_queried_row *queried = &store->queried;
    KS_TRY(ksi_store_query_get(store->query, key, false, queried, error));
    *found = queried->found;
    *row = (ksi_row){
        .key = key, .value = ksi_buffer_slice(&queried->value), .timestamp = queried->timestamp};
    return KS_OK;
}

ks_status ksi_key_value_store_read(ksi_key_value_store *store, ks_slice key, ksi_row *row,
                                   bool *found, ks_error *error)
{
    if (store->query != NULL) {
        return read_queried(store, key, row, found, error);
    }
    if (store->cached != NULL) {
        return read_cached(store, key, row, found, error);
    }
    return find_stored(store, key, row, found, error);
}

ks_status ksi_key_value_store_write(ksi_key_value_store *store, ks_slice key, ks_slice value,
                                    int64_t timestamp, const ksi_record_context *context,
                                    ks_error *error)
{
    if (store->query != NULL) {
        return ksi_error_set(error, KS_E_STATE, store->base.spec->name,
                             "this is a global store, which every instance keeps from its topic: "
                             "here it can be read only; send a record to the topic instead");
    }
    const int64_t own_time = store->base.spec->timestamped && value.data != NULL ? timestamp : -1;
    if (store->cached != NULL) {
        const ksi_cached_row row = {
            .key = key, .value = value, .timestamp = own_time, .dirty = true, .context = *context};
        return ksi_record_cache_put(store->cache, store->cached, &row, NULL, error);
    }
    const ksi_row row = {.key = key, .value = value, .timestamp = own_time};
    return store_and_log(store, &row, context, error);
}

ksi_merged_iterator *ksi_key_value_store_iterate(ksi_key_value_store *store,
                                                 const ksi_row_range *range)
{
    return store->query != NULL ? ksi_merged_iterator_open_query(store->query, range)
                                : ksi_merged_iterator_open(store->cached, store->base.rows, range);
}

ks_status ksi_key_value_store_flush(ksi_key_value_store *store, ks_error *error)
{
    return store->cached != NULL ? ksi_record_cache_flush(store->cache, store->cached, error)
                                 : KS_OK;
}
