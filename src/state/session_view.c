/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_view.c - session stores as a user has them; see store_view.h. @java MeteredSessionStore
 *
 * Thread rule: that of the store.
 */
#include "state/store_view.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/slice.h"

/* The owner of a handle, which may be NULL. */
static const ksi_store_owner *owner_of(const ks_session_store *handle)
{
    return handle != NULL ? &handle->view.owner : NULL;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Puts or removes; nodes may run, for rows that have to leave the record cache. */
static ks_status write_row(const ks_session_store *handle, const ksi_session_row *row, bool removes,
                           ks_error *error)
{
    ksi_mismatch_handler before = ksi_store_view_listen(&handle->view);
    ks_status status = removes
                           ? ksi_session_store_remove(handle->store, row->key, row->start, row->end,
                                                      handle->view.context, error)
                           : ksi_session_store_put(handle->store, row, handle->view.context, error);
    ksi_store_view_listen_no_more(before);
    return status;
}

static ks_status write(const ks_session_store *handle, const ks_session_entry *entry, bool removes,
                       ks_error *error)
{
    KS_TRY(ksi_store_view_writable(&handle->view, error));
    if (entry == NULL) {
        return ksi_error_set(error, KS_E_ARGUMENT, handle->view.serdes.store,
                             "NULL was given for the session to put; give one");
    }
    ksi_session_row row = {.start = entry->start, .end = entry->end, .value = ks_slice_null()};
    ksi_arena_mark mark = ksi_arena_save(handle->view.arena);
    ks_status status =
        ksi_store_key_bytes(&handle->view.serdes, entry->key, handle->view.arena, &row.key, error);
    if (status == KS_OK && !removes) {
        status = ksi_store_write_bytes(&handle->view.serdes, false, entry->value,
                                       handle->view.arena, &row.value, error);
    }
    if (status == KS_OK) {
        status = write_row(handle, &row, removes, error);
    }
    ksi_arena_release(handle->view.arena, mark);
    return status;
}

ks_status ks_session_store_put(ks_session_store *store, const ks_session_entry *entry,
                               ks_error *error)
{
    ksi_store_call call;
    KS_TRY(ksi_store_call_begin(&call, owner_of(store), error));
    return ksi_store_call_end(&call, write(store, entry, false, ksi_store_call_error(&call)));
}

ks_status ks_session_store_remove(ks_session_store *store, ks_value key, int64_t start, int64_t end,
                                  ks_error *error)
{
    ksi_store_call call;
    const ks_session_entry entry = {.key = key, .start = start, .end = end, .value = ks_null()};
    KS_TRY(ksi_store_call_begin(&call, owner_of(store), error));
    return ksi_store_call_end(&call, write(store, &entry, true, ksi_store_call_error(&call)));
}

/* ---- one session ----------------------------------------------------------------------------- */

/* The bytes of a session, borrowed until the next call; null: it is not there. */
static ks_status find(const ks_session_store *handle, const ksi_session_row *of, ks_slice *value,
                      ks_error *error)
{
    return handle->view.context != NULL
               ? ksi_session_store_get(handle->store, of->key, of->start, of->end, value, error)
               : ksi_session_store_look(handle->store, of, value, error);
}

static ks_status get(const ks_session_store *handle, const ks_session_entry *of, ks_arena *arena,
                     ks_value *value, ks_error *error)
{
    ksi_session_row row = {.start = of->start, .end = of->end};
    ks_slice bytes = ks_slice_null();
    KS_TRY(ksi_store_view_results(&handle->view, &arena, error));
    ksi_arena_mark mark = ksi_arena_save(handle->view.arena);
    ks_status status =
        ksi_store_key_bytes(&handle->view.serdes, of->key, handle->view.arena, &row.key, error);
    if (status == KS_OK) {
        status = find(handle, &row, &bytes, error);
    }
    ksi_store_view_give_back(&handle->view, mark, arena); /* unless the value will be there, too */
    return status == KS_OK
               ? ksi_store_read_bytes(&handle->view.serdes, false, bytes, arena, value, error)
               : status;
}

ks_value ks_session_store_get(ks_session_store *store, ks_value key, int64_t start, int64_t end,
                              ks_arena *arena, ks_error *error)
{
    ksi_store_call call;
    ks_value value = ks_null();
    const ks_session_entry of = {.key = key, .start = start, .end = end};
    if (ksi_store_call_begin(&call, owner_of(store), error) != KS_OK) {
        return value;
    }
    ks_status status = get(store, &of, arena, &value, ksi_store_call_error(&call));
    return ksi_store_call_end(&call, status) == KS_OK ? value : ks_null();
}

/* ---- several sessions ------------------------------------------------------------------------ */

struct ks_session_iterator {
    const ks_session_store *handle; /* NULL: of no store */
    ksi_session_iterator *rows;     /* NULL: over nothing, because the call failed */
    ks_arena arena;                 /* of the entry that was given out last */
};

/* What is asked for. */
typedef struct wanted {
    ks_value key_from;
    ks_value key_to;
    int64_t earliest_end;
    int64_t latest; /* start, or (`by_end`) end */
    bool is_one_key;
    bool backward;
    bool by_end;
} wanted;

static ks_session_iterator *iterator_of(const ks_session_store *handle, ksi_session_iterator *rows)
{
    ks_session_iterator *iterator = ksi_calloc(1, sizeof *iterator);
    iterator->handle = handle;
    iterator->rows = rows;
    ksi_arena_init(&iterator->arena, 0);
    return iterator;
}

static ks_status write_keys(const ks_session_store *handle, const wanted *what,
                            ksi_session_range *range, ks_error *error)
{
    const ksi_store_serdes *serdes = &handle->view.serdes;
    if (what->is_one_key) {
        KS_TRY(ksi_store_key_bytes(serdes, what->key_from, handle->view.arena, &range->key_from,
                                   error));
        range->key_to = range->key_from;
        return KS_OK;
    }
    KS_TRY(ksi_store_write_bytes(serdes, true, what->key_from, handle->view.arena, &range->key_from,
                                 error));
    return ksi_store_write_bytes(serdes, true, what->key_to, handle->view.arena, &range->key_to,
                                 error);
}

static void warn_of_order(const ks_session_store *handle, const ksi_session_range *range)
{
    if (range->key_from.data != NULL && range->key_to.data != NULL &&
        ksi_slice_compare(range->key_from, range->key_to) > 0) {
        ksi_log(handle->view.logger, KS_LOG_LEVEL_WARN, handle->view.serdes.store,
                "a range whose first key comes after its last is empty: the bounds are in the "
                "wrong order, or the bytes of the key serde do not order as its values do, which "
                "is so for the built-in serdes of numbers when some are negative");
    }
}

static ks_status open_rows(const ks_session_store *handle, const wanted *what,
                           ksi_session_iterator **rows, ks_error *error)
{
    if (what->by_end && !ksi_session_store_finds_ending(handle->store)) {
        return ksi_error_set(error, KS_E_STATE, handle->view.serdes.store,
                             "sessions can be found by their ends in a store in memory without a "
                             "record cache, and in that of an aggregation that emits when windows "
                             "close; ask by key");
    }
    if (what->by_end) {
        *rows = ksi_session_store_find_ending(handle->store, what->earliest_end, what->latest);
        return KS_OK;
    }
    ksi_session_range range = {.earliest_end = what->earliest_end,
                               .latest_start = what->latest,
                               .backward = what->backward,
                               .stored = handle->view.context == NULL};
    ksi_arena_mark mark = ksi_arena_save(handle->view.arena);
    ks_status status = write_keys(handle, what, &range, error);
    if (status == KS_OK) {
        warn_of_order(handle, &range);
        *rows = ksi_session_store_find(handle->store, &range);
    }
    ksi_arena_release(handle->view.arena, mark);
    return status;
}

/*
 * An iterator that may be NULL is what a processor would have to look for first of all: when it
 * asked for no error, it gets one over nothing, and next() finds the context failed.
 */
static ks_session_iterator *iterate(const ks_session_store *handle, const wanted *what,
                                    ks_error *error)
{
    ksi_store_call call;
    ksi_session_iterator *rows = NULL;
    if (ksi_store_call_begin(&call, owner_of(handle), error) != KS_OK) {
        return error != NULL ? NULL : iterator_of(handle, NULL);
    }
    bool may_be_null = error != NULL || handle->view.owner.fail == NULL;
    ks_status status =
        ksi_store_call_end(&call, open_rows(handle, what, &rows, ksi_store_call_error(&call)));
    return status != KS_OK && may_be_null ? NULL : iterator_of(handle, rows);
}

ks_session_iterator *ks_session_store_find(ks_session_store *store, ks_value key,
                                           int64_t earliest_end, int64_t latest_start,
                                           ks_error *error)
{
    const wanted what = {
        .key_from = key, .earliest_end = earliest_end, .latest = latest_start, .is_one_key = true};
    return iterate(store, &what, error);
}

ks_session_iterator *ks_session_store_backward_find(ks_session_store *store, ks_value key,
                                                    int64_t earliest_end, int64_t latest_start,
                                                    ks_error *error)
{
    const wanted what = {.key_from = key,
                         .earliest_end = earliest_end,
                         .latest = latest_start,
                         .is_one_key = true,
                         .backward = true};
    return iterate(store, &what, error);
}

ks_session_iterator *ks_session_store_find_range(ks_session_store *store, ks_value key_from,
                                                 ks_value key_to, int64_t earliest_end,
                                                 int64_t latest_start, ks_error *error)
{
    const wanted what = {.key_from = key_from,
                         .key_to = key_to,
                         .earliest_end = earliest_end,
                         .latest = latest_start};
    return iterate(store, &what, error);
}

ks_session_iterator *ks_session_store_backward_find_range(ks_session_store *store,
                                                          ks_value key_from, ks_value key_to,
                                                          int64_t earliest_end,
                                                          int64_t latest_start, ks_error *error)
{
    const wanted what = {.key_from = key_from,
                         .key_to = key_to,
                         .earliest_end = earliest_end,
                         .latest = latest_start,
                         .backward = true};
    return iterate(store, &what, error);
}

ks_session_iterator *ks_session_store_find_ending(ks_session_store *store, int64_t from, int64_t to,
                                                  ks_error *error)
{
    const wanted what = {.earliest_end = from, .latest = to, .by_end = true};
    return iterate(store, &what, error);
}

ks_session_iterator *ks_session_store_fetch(ks_session_store *store, ks_value key, ks_error *error)
{
    return ks_session_store_find(store, key, 0, INT64_MAX, error);
}

ks_session_iterator *ks_session_store_backward_fetch(ks_session_store *store, ks_value key,
                                                     ks_error *error)
{
    return ks_session_store_backward_find(store, key, 0, INT64_MAX, error);
}

ks_session_iterator *ks_session_store_fetch_range(ks_session_store *store, ks_value key_from,
                                                  ks_value key_to, ks_error *error)
{
    return ks_session_store_find_range(store, key_from, key_to, 0, INT64_MAX, error);
}

ks_session_iterator *ks_session_store_backward_fetch_range(ks_session_store *store,
                                                           ks_value key_from, ks_value key_to,
                                                           ks_error *error)
{
    return ks_session_store_backward_find_range(store, key_from, key_to, 0, INT64_MAX, error);
}

static ks_status next(ks_session_iterator *iterator, ks_session_entry *entry, bool *found,
                      ks_error *error)
{
    const ksi_store_serdes *serdes = &iterator->handle->view.serdes;
    ksi_session_row row;
    KS_TRY(ksi_session_iterator_next(iterator->rows, &row, found, error));
    if (!*found) {
        return KS_OK;
    }
    ksi_arena_reset(&iterator->arena);
    entry->start = row.start;
    entry->end = row.end;
    KS_TRY(ksi_store_read_bytes(serdes, true, row.key, &iterator->arena, &entry->key, error));
    return ksi_store_read_bytes(serdes, false, row.value, &iterator->arena, &entry->value, error);
}

ks_status ks_session_iterator_next(ks_session_iterator *iterator, ks_session_entry *entry,
                                   bool *found, ks_error *error)
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

void ks_session_iterator_free(ks_session_iterator *iterator)
{
    if (iterator == NULL) {
        return;
    }
    ksi_session_iterator_close(iterator->rows);
    ksi_arena_destroy(&iterator->arena);
    ksi_free(iterator);
}
