/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_query.c - see store_query.h.
 *
 * `rows` is guarded by the store lock. `is_closed` says the same to those who do not want to wait
 * for it: an iterator looks before it gives out a row that it has copied long ago.
 *
 * Thread rule: that of the header.
 */
#include "state/store_query.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdatomic.h>

struct ksi_store_query {
    char *name;
    ksi_store_lock *lock;
    ksi_row_store *rows; /* NULL: closed */
    atomic_bool is_closed;
    atomic_size_t references;
};

/* ---- the handle ------------------------------------------------------------------------------ */

ksi_store_query *ksi_store_query_open(const char *name, ksi_row_store *rows, ksi_store_lock *lock)
{
    ksi_store_query *query = ksi_calloc(1, sizeof *query);
    query->name = ksi_strdup(name);
    query->lock = ksi_store_lock_retain(lock);
    query->rows = rows;
    atomic_init(&query->is_closed, false);
    atomic_init(&query->references, 1);
    return query;
}

ksi_store_query *ksi_store_query_retain(ksi_store_query *query)
{
    atomic_fetch_add(&query->references, 1);
    return query;
}

void ksi_store_query_release(ksi_store_query *query)
{
    if (query == NULL || atomic_fetch_sub(&query->references, 1) > 1) {
        return;
    }
    ksi_store_lock_release(query->lock);
    ksi_free(query->name);
    ksi_free(query);
}

static ks_status migrated(const ksi_store_query *query, ks_error *error)
{
    return ksi_error_set(error, KS_E_STORE_MIGRATED, query->name,
                         "the task that owns this store has closed it: it moved to another thread "
                         "or instance, or the application ends; look the store up again");
}

static ks_status refuse_to_enter(const ksi_store_query *query, ks_error *error)
{
    return ksi_error_set(error, KS_E_STATE, query->name,
                         "queried from within a record of another task: a processor can read the "
                         "stores that are connected to it, and global stores");
}

/* Takes the lock unless this thread has it; `*took` says that it has to be left. */
static ks_status enter(const ksi_store_query *query, bool *took, ks_error *error)
{
    *took = false;
    if (!ksi_store_lock_is_mine(query->lock)) {
        if (!ksi_store_lock_may_enter(query->lock)) {
            return refuse_to_enter(query, error);
        }
        ksi_store_lock_enter(query->lock);
        *took = true;
    }
    return query->rows != NULL ? KS_OK : migrated(query, error);
}

static void leave(const ksi_store_query *query, bool took)
{
    if (took) {
        ksi_store_lock_leave(query->lock);
    }
}

void ksi_store_query_close(ksi_store_query *query)
{
    if (query == NULL) {
        return;
    }
    bool took = !ksi_store_lock_is_mine(query->lock);
    if (took) {
        ksi_store_lock_enter(query->lock);
    }
    query->rows = NULL;
    atomic_store(&query->is_closed, true);
    leave(query, took);
    ksi_store_query_release(query);
}

/* ---- lookups --------------------------------------------------------------------------------- */

void ksi_queried_row_destroy(ksi_queried_row *row)
{
    ksi_buffer_destroy(&row->value);
    ksi_peeked_row_destroy(&row->peeked);
}

/* Of a global store: beside others that do the same. */
static ks_status peek(ksi_store_query *query, ks_slice key, bool committed, ksi_queried_row *to,
                      ks_error *error)
{
    ksi_peeked_row *peeked = &to->peeked;
    bool is_mine = ksi_store_lock_is_mine(query->lock);
    if (!is_mine && !ksi_store_lock_may_enter(query->lock)) {
        return refuse_to_enter(query, error);
    }
    if (!is_mine) {
        ksi_store_lock_enter_to_read(query->lock);
    }
    ks_status status = query->rows != NULL
                           ? ksi_row_store_peek(query->rows, key, committed, peeked, error)
                           : migrated(query, error);
    if (status == KS_OK && peeked->found) {
        to->found = true;
        ksi_buffer_append(&to->value, peeked->row.value.data, peeked->row.value.size);
        to->timestamp = peeked->row.timestamp;
    }
    if (!is_mine) {
        ksi_store_lock_leave_reading(query->lock);
    }
    return status;
}

static ks_status get_row(ksi_store_query *query, ks_slice key, bool committed, ksi_queried_row *to,
                         ks_error *error)
{
    ksi_row row = {0};
    /* What a query reads is no use of a row by the task. */
    KS_TRY(committed ? ksi_row_store_get(query->rows, key, true, &row, &to->found, error)
                     : ksi_row_store_look(query->rows, key, &row, &to->found, error));
    if (to->found) {
        ksi_buffer_append(&to->value, row.value.data, row.value.size);
        to->timestamp = row.timestamp;
    }
    return KS_OK;
}

ks_status ksi_store_query_get(ksi_store_query *query, ks_slice key, bool committed,
                              ksi_queried_row *row, ks_error *error)
{
    row->found = false;
    row->timestamp = -1;
    ksi_buffer_clear(&row->value);
    if (ksi_store_lock_is_shared(query->lock)) {
        return peek(query, key, committed, row, error);
    }
    bool took;
    ks_status status = enter(query, &took, error);
    if (status == KS_OK) {
        status = get_row(query, key, committed, row, error);
    }
    leave(query, took);
    return status;
}

ks_status ksi_store_query_count(ksi_store_query *query, uint64_t *count, ks_error *error)
{
    bool took;
    ks_status status = enter(query, &took, error);
    *count = status == KS_OK ? ksi_row_store_count(query->rows) : 0;
    leave(query, took);
    return status;
}

/* ---- ranges ---------------------------------------------------------------------------------- */

typedef struct copied_row {
    size_t key_size;
    size_t value_size;
    int64_t timestamp;
} copied_row;

struct ksi_query_iterator {
    ksi_store_query *query;
    ksi_row_range range; /* what is left of it behind the page */
    ksi_buffer low;
    ksi_buffer high;
    bool is_last; /* nothing is left behind the page */
    copied_row rows[KSI_QUERY_PAGE_ROWS];
    size_t count;
    size_t at;        /* the row that is next */
    ksi_buffer bytes; /* key and value of each row */
    size_t bytes_at;
};

static ks_slice keep(ksi_buffer *in, ks_slice bytes)
{
    ksi_buffer_clear(in);
    if (bytes.data == NULL) {
        return bytes;
    }
    ksi_buffer_append(in, bytes.data, bytes.size);
    return ksi_buffer_slice(in);
}

ksi_query_iterator *ksi_query_iterator_open(ksi_store_query *query, const ksi_row_range *range)
{
    ksi_query_iterator *iterator = ksi_calloc(1, sizeof *iterator);
    iterator->query = ksi_store_query_retain(query);
    iterator->range = *range;
    iterator->range.low = keep(&iterator->low, range->low);
    iterator->range.high = keep(&iterator->high, range->high);
    return iterator;
}

void ksi_query_iterator_close(ksi_query_iterator *iterator)
{
    if (iterator == NULL) {
        return;
    }
    ksi_store_query_release(iterator->query);
    ksi_buffer_destroy(&iterator->low);
    ksi_buffer_destroy(&iterator->high);
    ksi_buffer_destroy(&iterator->bytes);
    ksi_free(iterator);
}

static void copy_row(ksi_query_iterator *iterator, const ksi_row *row)
{
    iterator->rows[iterator->count++] = (copied_row){
        .key_size = row->key.size, .value_size = row->value.size, .timestamp = row->timestamp};
    ksi_buffer_append(&iterator->bytes, row->key.data, row->key.size);
    ksi_buffer_append(&iterator->bytes, row->value.data, row->value.size);
}

static bool is_full(const ksi_query_iterator *iterator)
{
    return iterator->count == KSI_QUERY_PAGE_ROWS || iterator->bytes.size >= KSI_QUERY_PAGE_BYTES;
}

/* What is left of the range behind the row. */
static void go_on_behind(ksi_query_iterator *iterator, ks_slice key)
{
    if (iterator->range.backward) {
        iterator->range.high = keep(&iterator->high, key);
        iterator->range.high_inclusive = false;
        return;
    }
    (void)keep(&iterator->low, key);
    ksi_buffer_append(&iterator->low, "", 1); /* the smallest key behind it */
    iterator->range.low = ksi_buffer_slice(&iterator->low);
}

/* Copies the next rows. Under the lock. */
static ks_status copy_page(ksi_query_iterator *iterator, ks_error *error)
{
    ksi_row_iterator *rows = ksi_row_iterator_open(iterator->query->rows, &iterator->range);
    ks_status status = KS_OK;
    ksi_row row = {0};
    bool any = true;
    while (status == KS_OK && any && !is_full(iterator)) {
        status = ksi_row_iterator_next(rows, &row, &any, error);
        if (status == KS_OK && any) {
            copy_row(iterator, &row);
        }
    }
    if (status == KS_OK && any) {
        go_on_behind(iterator, row.key);
    }
    iterator->is_last = status == KS_OK && !any;
    ksi_row_iterator_close(rows);
    return status;
}

static ks_status read_page(ksi_query_iterator *iterator, ks_error *error)
{
    iterator->count = 0;
    iterator->at = 0;
    iterator->bytes_at = 0;
    ksi_buffer_clear(&iterator->bytes);
    bool took;
    ks_status status = enter(iterator->query, &took, error);
    if (status == KS_OK) {
        status = copy_page(iterator, error);
    }
    leave(iterator->query, took);
    if (status != KS_OK) {
        iterator->count = 0; /* the next call reads the page again */
    }
    return status;
}

ks_status ksi_query_iterator_next(ksi_query_iterator *iterator, ksi_row *row, bool *found,
                                  ks_error *error)
{
    *found = false;
    if (atomic_load(&iterator->query->is_closed)) {
        return migrated(iterator->query, error);
    }
    if (iterator->at == iterator->count && !iterator->is_last) {
        KS_TRY(read_page(iterator, error));
    }
    if (iterator->at == iterator->count) {
        return KS_OK;
    }
    const copied_row *copied = &iterator->rows[iterator->at++];
    const char *key = ksi_buffer_slice(&iterator->bytes).data + iterator->bytes_at;
    *found = true;
    *row = (ksi_row){.key = ks_slice_of(key, copied->key_size),
                     .value = ks_slice_of(key + copied->key_size, copied->value_size),
                     .timestamp = copied->timestamp};
    iterator->bytes_at += copied->key_size + copied->value_size;
    return KS_OK;
}
