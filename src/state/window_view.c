/* SPDX-License-Identifier: Apache-2.0 */
/*
 * window_view.c - window stores as a user has them; see store_view.h. @java MeteredWindowStore,
 * MeteredTimestampedWindowStore
 *
 * Thread rule: that of the store.
 */
#include "state/store_view.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/slice.h"

/* The owner of a handle, which may be NULL. */
static const ksi_store_owner *owner_of(const ks_window_store *handle)
{
    return handle != NULL ? &handle->view.owner : NULL;
}

static int64_t end_of(const ks_window_store *handle, int64_t start)
{
    int64_t size = ksi_window_store_spec(handle->store)->window_size_ms;
    return start <= INT64_MAX - size ? start + size : INT64_MAX;
}

static ks_status read_entry(const ks_window_store *handle, const ksi_window_row *row,
                            ks_arena *arena, ks_window_entry *entry, ks_error *error)
{
    entry->start = row->start;
    entry->end = end_of(handle, row->start);
    entry->timestamp = row->timestamp;
    KS_TRY(ksi_store_read_bytes(&handle->view.serdes, true, row->key, arena, &entry->key, error));
    return ksi_store_read_bytes(&handle->view.serdes, false, row->value, arena, &entry->value,
                                error);
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Key and value of an entry to be put. */
typedef struct unserialized {
    ks_value key;
    ks_value value;
} unserialized;

static ks_status put(const ks_window_store *handle, const unserialized *entry, int64_t start,
                     int64_t timestamp, ks_error *error)
{
    ksi_window_row row = {.start = start};
    KS_TRY(ksi_store_view_writable(&handle->view, error));
    KS_TRY(ksi_store_view_time(&handle->view, ksi_window_store_spec(handle->store)->timestamped,
                               timestamp, &row.timestamp, error));
    ksi_arena_mark mark = ksi_arena_save(handle->view.arena);
    ks_status status =
        ksi_store_key_bytes(&handle->view.serdes, entry->key, handle->view.arena, &row.key, error);
    if (status == KS_OK) {
        status = ksi_store_write_bytes(&handle->view.serdes, false, entry->value,
                                       handle->view.arena, &row.value, error);
    }
    if (status == KS_OK) {
        ksi_mismatch_handler before = ksi_store_view_listen(&handle->view);
        status = ksi_window_store_put(handle->store, &row, handle->view.context, error);
        ksi_store_view_listen_no_more(before);
    }
    ksi_arena_release(handle->view.arena, mark);
    return status;
}

ks_status ks_window_store_put_at(ks_window_store *store, ks_value key, ks_value value,
                                 int64_t start, int64_t timestamp, ks_error *error)
{
    ksi_store_call call;
    const unserialized entry = {.key = key, .value = value};
    KS_TRY(ksi_store_call_begin(&call, owner_of(store), error));
    ks_error *reason = ksi_store_call_error(&call);
    return ksi_store_call_end(&call, put(store, &entry, start, timestamp, reason));
}

ks_status ks_window_store_put(ks_window_store *store, ks_value key, ks_value value, int64_t start,
                              ks_error *error)
{
    return ks_window_store_put_at(store, key, value, start, KSI_TIME_OF_THE_RECORD, error);
}

/* ---- one entry ------------------------------------------------------------------------------- */

static ks_status check_get(const ks_window_store *handle, ks_error *error)
{
    return ksi_window_store_spec(handle->store)->retain_duplicates
               ? ksi_error_set(error, KS_E_STATE, handle->view.serdes.store,
                               "this store has several values under one key and start; fetch them")
               : KS_OK;
}

/* The entry of a key in bytes, through the record cache. */
static ks_status find(const ks_window_store *handle, ks_slice key, int64_t start, ks_arena *arena,
                      ks_window_entry *entry, ks_error *error)
{
    ksi_row stored;
    bool found;
    KS_TRY(ksi_window_store_get(handle->store, key, start, &stored, &found, error));
    const ksi_window_row row = {
        .key = key, .start = start, .value = stored.value, .timestamp = stored.timestamp};
    return found ? read_entry(handle, &row, arena, entry, error) : KS_OK;
}

static ks_status find_stored(const ks_window_store *handle, ks_slice key, int64_t start,
                             ks_arena *arena, ks_window_entry *entry, ks_error *error)
{
    ksi_window_row row;
    bool found;
    ksi_window_iterator *rows = ksi_window_store_fetch(
        handle->store,
        &(ksi_window_range){
            .key_from = key, .key_to = key, .from = start, .to = start, .stored = true});
    ks_status status = ksi_window_iterator_next(rows, &row, &found, error);
    if (status == KS_OK && found) {
        status = read_entry(handle, &row, arena, entry, error);
    }
    ksi_window_iterator_close(rows);
    return status;
}

static ks_status get(const ks_window_store *handle, ks_value key, int64_t start, ks_arena *arena,
                     ks_window_entry *entry, ks_error *error)
{
    ks_slice bytes;
    KS_TRY(check_get(handle, error));
    KS_TRY(ksi_store_view_results(&handle->view, &arena, error));
    ksi_arena_mark mark = ksi_arena_save(handle->view.arena);
    ks_status status =
        ksi_store_key_bytes(&handle->view.serdes, key, handle->view.arena, &bytes, error);
    if (status == KS_OK) {
        ksi_mismatch_handler before = ksi_store_view_listen(&handle->view);
        status = (handle->view.context != NULL ? find : find_stored)(handle, bytes, start, arena,
                                                                     entry, error);
        ksi_store_view_listen_no_more(before);
    }
    ksi_store_view_give_back(&handle->view, mark, arena);
    return status;
}

ks_status ks_window_store_get(ks_window_store *store, ks_value key, int64_t start, ks_arena *arena,
                              ks_window_entry *entry, ks_error *error)
{
    ksi_store_call call;
    *entry = (ks_window_entry){.start = start, .timestamp = -1};
    KS_TRY(ksi_store_call_begin(&call, owner_of(store), error));
    ks_error *reason = ksi_store_call_error(&call);
    return ksi_store_call_end(&call, get(store, key, start, arena, entry, reason));
}

ks_value ks_window_store_value(ks_window_store *store, ks_value key, int64_t start)
{
    ks_window_entry entry;
    ks_status status = ks_window_store_get(store, key, start, NULL, &entry, NULL);
    return status == KS_OK ? entry.value : ks_null();
}

/* ---- several entries ------------------------------------------------------------------------- */

struct ks_window_iterator {
    const ks_window_store *handle; /* NULL: of a handle that was NULL */
    ksi_window_iterator *rows;     /* NULL: there are none */
    ks_arena arena;                /* of the entry given last */
};

/* What is fetched: entries of one key (which must not be null), or of those between two. */
typedef struct wanted {
    ks_value key_from;
    ks_value key_to;
    int64_t from;
    int64_t to;
    bool is_one_key;
    bool backward;
} wanted;

static ks_window_iterator *iterator_of(const ks_window_store *handle, ksi_window_iterator *rows)
{
    ks_window_iterator *iterator = ksi_calloc(1, sizeof *iterator);
    iterator->handle = handle;
    iterator->rows = rows;
    ksi_arena_init(&iterator->arena, 0);
    return iterator;
}

/* A null bound gives the null slice: no bound. */
static ks_status write_keys(const ks_window_store *handle, const wanted *what,
                            ksi_window_range *range, ks_error *error)
{
    if (what->is_one_key) {
        KS_TRY(ksi_store_key_bytes(&handle->view.serdes, what->key_from, handle->view.arena,
                                   &range->key_from, error));
        range->key_to = range->key_from;
        return KS_OK;
    }
    KS_TRY(ksi_store_write_bytes(&handle->view.serdes, true, what->key_from, handle->view.arena,
                                 &range->key_from, error));
    return ksi_store_write_bytes(&handle->view.serdes, true, what->key_to, handle->view.arena,
                                 &range->key_to, error);
}

static void warn_of_order(const ks_window_store *handle, const ksi_window_range *range)
{
    if (range->key_from.data != NULL && range->key_to.data != NULL &&
        ksi_slice_compare(range->key_from, range->key_to) > 0) {
        ksi_log(handle->view.logger, KS_LOG_LEVEL_WARN, handle->view.serdes.store,
                "a range whose first key comes after its last is empty: the bounds are in the "
                "wrong order, or the bytes of the key serde do not order as its values do, which "
                "is so for the built-in serdes of numbers when some are negative");
    }
}

/*
 * An iterator that may be NULL is what a processor would have to look for first of all: when it
 * asked for no error, it gets one over nothing, and next() finds the context failed.
 */
static ks_window_iterator *iterate(ks_window_store *handle, const wanted *what, ks_error *error)
{
    ksi_store_call call;
    if (ksi_store_call_begin(&call, owner_of(handle), error) != KS_OK) {
        return error != NULL ? NULL : iterator_of(handle, NULL);
    }
    ksi_window_range range = {.from = what->from,
                              .to = what->to,
                              .backward = what->backward,
                              .stored = handle->view.context == NULL};
    ksi_window_iterator *rows = NULL;
    ksi_arena_mark mark = ksi_arena_save(handle->view.arena);
    ks_status status = write_keys(handle, what, &range, ksi_store_call_error(&call));
    if (status == KS_OK) {
        warn_of_order(handle, &range);
        rows = ksi_window_store_fetch(handle->store, &range);
    }
    ksi_arena_release(handle->view.arena, mark);
    bool may_be_null = error != NULL || handle->view.owner.fail == NULL;
    (void)ksi_store_call_end(&call, status);
    return status != KS_OK && may_be_null ? NULL : iterator_of(handle, rows);
}

ks_window_iterator *ks_window_store_fetch(ks_window_store *store, ks_value key, int64_t from,
                                          int64_t to, ks_error *error)
{
    const wanted what = {.key_from = key, .from = from, .to = to, .is_one_key = true};
    return iterate(store, &what, error);
}

ks_window_iterator *ks_window_store_backward_fetch(ks_window_store *store, ks_value key,
                                                   int64_t from, int64_t to, ks_error *error)
{
    const wanted what = {
        .key_from = key, .from = from, .to = to, .is_one_key = true, .backward = true};
    return iterate(store, &what, error);
}

ks_window_iterator *ks_window_store_fetch_range(ks_window_store *store, ks_value key_from,
                                                ks_value key_to, int64_t from, int64_t to,
                                                ks_error *error)
{
    const wanted what = {.key_from = key_from, .key_to = key_to, .from = from, .to = to};
    return iterate(store, &what, error);
}

ks_window_iterator *ks_window_store_backward_fetch_range(ks_window_store *store, ks_value key_from,
                                                         ks_value key_to, int64_t from, int64_t to,
                                                         ks_error *error)
{
    const wanted what = {
        .key_from = key_from, .key_to = key_to, .from = from, .to = to, .backward = true};
    return iterate(store, &what, error);
}

ks_window_iterator *ks_window_store_fetch_all(ks_window_store *store, int64_t from, int64_t to)
{
    const wanted what = {.from = from, .to = to};
    return iterate(store, &what, NULL);
}

ks_window_iterator *ks_window_store_backward_fetch_all(ks_window_store *store, int64_t from,
                                                       int64_t to)
{
    const wanted what = {.from = from, .to = to, .backward = true};
    return iterate(store, &what, NULL);
}

ks_window_iterator *ks_window_store_all(ks_window_store *store)
{
    return ks_window_store_fetch_all(store, 0, INT64_MAX);
}

ks_window_iterator *ks_window_store_backward_all(ks_window_store *store)
{
    return ks_window_store_backward_fetch_all(store, 0, INT64_MAX);
}

static ks_status next(ks_window_iterator *iterator, ks_window_entry *entry, bool *found,
                      ks_error *error)
{
    ksi_window_row row;
    ksi_mismatch_handler before = ksi_store_view_listen(&iterator->handle->view);
    ks_status status = ksi_window_iterator_next(iterator->rows, &row, found, error);
    ksi_store_view_listen_no_more(before);
    KS_TRY(status);
    if (!*found) {
        return KS_OK;
    }
    ksi_arena_reset(&iterator->arena);
    return read_entry(iterator->handle, &row, &iterator->arena, entry, error);
}

ks_status ks_window_iterator_next(ks_window_iterator *iterator, ks_window_entry *entry, bool *found,
                                  ks_error *error)
{
    ksi_store_call call;
    *found = false;
    if (iterator == NULL) {
        return ksi_refuse_no_iterator(error);
    }
    KS_TRY(ksi_store_call_begin(&call, owner_of(iterator->handle), error));
    if (iterator->rows == NULL) {
        return KS_OK;
    }
    ks_status status = next(iterator, entry, found, ksi_store_call_error(&call));
    *found = *found && status == KS_OK;
    return ksi_store_call_end(&call, status);
}

void ks_window_iterator_free(ks_window_iterator *iterator)
{
    if (iterator == NULL) {
        return;
    }
    ksi_window_iterator_close(iterator->rows);
    ksi_arena_destroy(&iterator->arena);
    ksi_free(iterator);
}
