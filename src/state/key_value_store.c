/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key_value_store.c - see key_value_store.h: a key is that of its row, in the rows, in the cache
 * and in the changelog; and a reader asks the query of another's store instead, or, on its thread,
 * the store itself.
 *
 * Thread rule: the thread of the task.
 */
#include "state/key_value_store.h"

#include "base/error.h"
#include "base/memory.h"

struct ksi_key_value_store {
    ksi_store base; /* first */
    ksi_logged_rows logged;
    ksi_store_query *query; /* a reader: instead of the rows; NULL: it is none */
    ksi_queried_row queried;
    ksi_key_value_store *writer; /* a reader on the thread of another: instead of the query */
};

static const ksi_row_layout key_value_layout = {.caches_reads = true};

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
        store->writer = ksi_key_value_store_of(options->writer);
    } else {
        ksi_logged_rows_open(&store->logged, options, store->base.rows, &key_value_layout, NULL);
    }
    return store;
}

void ksi_key_value_store_close(ksi_key_value_store *store)
{
    if (store == NULL) {
        return;
    }
    ksi_logged_rows_close(&store->logged);
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
    return ksi_logged_rows_on_flush(&store->logged, flush, owner, wants_old);
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

static ksi_logged_rows *logged_rows_of(ksi_key_value_store *store)
{
    return store->writer != NULL ? &store->writer->logged : &store->logged;
}

ks_status ksi_key_value_store_read(ksi_key_value_store *store, ks_slice key, ksi_row *row,
                                   bool *found, ks_error *error)
{
    if (store->query != NULL && store->writer == NULL) {
        return read_queried(store, key, row, found, error);
    }
    return ksi_logged_rows_read(logged_rows_of(store), key, row, found, error);
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
    return ksi_logged_rows_write(&store->logged, key, value, timestamp, context, error);
}

ksi_merged_iterator *ksi_key_value_store_iterate(ksi_key_value_store *store,
                                                 const ksi_row_range *range)
{
    return store->query != NULL && store->writer == NULL
               ? ksi_merged_iterator_open_query(store->query, range)
               : ksi_logged_rows_iterate(logged_rows_of(store), range);
}

ks_status ksi_key_value_store_flush(ksi_key_value_store *store, ks_error *error)
{
    return ksi_logged_rows_flush(&store->logged, error);
}
