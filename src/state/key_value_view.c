/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key_value_view.c - key-value stores as a user has them; see store_view.h. Of
 * ks_key_value_store_put_all() not one entry is written when a serde refuses one. @java
 * MeteredKeyValueStore
 *
 * Thread rule: that of the store.
 */
#include "state/store_view.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/slice.h"

/* The owner of a handle, which may be NULL. */
static const ksi_store_owner *owner_of(const ks_key_value_store *handle)
{
    return handle != NULL ? &handle->view.owner : NULL;
}

/* ---- bytes and values ------------------------------------------------------------------------ */

static ks_status read_entry(const ks_key_value_store *handle, const ksi_row *row, ks_arena *arena,
                            ks_key_value *entry, ks_error *error)
{
    KS_TRY(ksi_store_read_bytes(&handle->view.serdes, true, row->key, arena, &entry->key, error));
    KS_TRY(
        ksi_store_read_bytes(&handle->view.serdes, false, row->value, arena, &entry->value, error));
    entry->timestamp = row->timestamp;
    return KS_OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

static ks_status find(ks_key_value_store *handle, ks_slice key, ksi_row *row, bool *found,
                      ks_error *error)
{
    if (handle->view.context == NULL) {
        return ksi_row_store_look(ksi_key_value_store_rows(handle->store), key, row, found, error);
    }
    ksi_mismatch_handler before = ksi_store_view_listen(&handle->view);
    ks_status status = ksi_key_value_store_read(handle->store, key, row, found, error);
    ksi_store_view_listen_no_more(before);
    return status;
}

/* Where an entry is put; a call that wants none needs no arena. */
static ks_status choose_arena(const ks_key_value_store *handle, bool wants_entry, ks_arena **arena,
                              ks_error *error)
{
    return wants_entry ? ksi_store_view_results(&handle->view, arena, error) : KS_OK;
}

static ks_status get(ks_key_value_store *store, ks_value key, ks_arena *arena, ks_key_value *entry,
                     bool *found, ks_error *error)
{
    ks_slice bytes = ks_slice_null();
    ksi_row row;
    bool is_there = false;
    if (entry == NULL || found == NULL) {
        return ksi_error_set(error, KS_E_ARGUMENT, store->view.serdes.store,
                             "NULL was given for where the entry, or whether there is one, goes; "
                             "give both addresses");
    }
    KS_TRY(choose_arena(store, true, &arena, error));
    ksi_arena_mark mark = ksi_arena_save(store->view.arena);
    ks_status status =
        ksi_store_key_bytes(&store->view.serdes, key, store->view.arena, &bytes, error);
    if (status == KS_OK) {
        status = find(store, bytes, &row, &is_there, error);
    }
    if (status == KS_OK && is_there) {
        row.key = bytes; /* what is given back may be borrowed from there */
        status = read_entry(store, &row, arena, entry, error);
    }
    ksi_store_view_give_back(&store->view, mark, arena);
    *found = status == KS_OK && is_there;
    return status;
}

ks_status ks_key_value_store_get(ks_key_value_store *store, ks_value key, ks_arena *arena,
                                 ks_key_value *entry, bool *found, ks_error *error)
{
    ksi_store_call call;
    if (found != NULL) {
        *found = false;
    }
    KS_TRY(ksi_store_call_begin(&call, owner_of(store), error));
    ks_error *reason = ksi_store_call_error(&call);
    return ksi_store_call_end(&call, get(store, key, arena, entry, found, reason));
}

ks_value ks_key_value_store_value(ks_key_value_store *store, ks_value key)
{
    ks_key_value entry = {.value = ks_null()};
    bool found;
    ks_status status = ks_key_value_store_get(store, key, NULL, &entry, &found, NULL);
    return status == KS_OK && found ? entry.value : ks_null();
}

uint64_t ks_key_value_store_approximate_count(ks_key_value_store *store)
{
    return store != NULL ? ksi_key_value_store_count(store->store) : 0;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* An entry as it is written. */
typedef struct prepared {
    ks_slice key;
    ks_slice value;
    int64_t timestamp;
} prepared;

static ks_status prepare(const ks_key_value_store *handle, const ks_key_value *entry,
                         prepared *result, ks_error *error)
{
    KS_TRY(ksi_store_view_time(&handle->view, ksi_key_value_store_spec(handle->store)->timestamped,
                               entry->timestamp, &result->timestamp, error));
    KS_TRY(ksi_store_key_bytes(&handle->view.serdes, entry->key, handle->view.arena, &result->key,
                               error));
    return ksi_store_write_bytes(&handle->view.serdes, false, entry->value, handle->view.arena,
                                 &result->value, error);
}

static ks_status write_prepared(ks_key_value_store *handle, const prepared *entry, ks_error *error)
{
    ksi_mismatch_handler before = ksi_store_view_listen(&handle->view);
    ks_status status = ksi_key_value_store_write(handle->store, entry->key, entry->value,
                                                 entry->timestamp, handle->view.context, error);
    ksi_store_view_listen_no_more(before);
    return status;
}

static ks_status put_all(ks_key_value_store *store, const ks_key_value *entries, size_t count,
                         ks_error *error)
{
    KS_TRY(ksi_store_view_writable(&store->view, error));
    if (entries == NULL && count > 0) {
        return ksi_error_set(error, KS_E_ARGUMENT, store->view.serdes.store,
                             "NULL was given for %zu entries to put; give them", count);
    }
    ksi_arena_mark mark = ksi_arena_save(store->view.arena);
    prepared *ready = ksi_arena_alloc(store->view.arena, (count + 1) * sizeof *ready);
    ks_status status = KS_OK;
    for (size_t i = 0; status == KS_OK && i < count; i++) {
        status = prepare(store, &entries[i], &ready[i], error);
    }
    for (size_t i = 0; status == KS_OK && i < count; i++) {
        status = write_prepared(store, &ready[i], error);
    }
    ksi_arena_release(store->view.arena, mark);
    return status;
}

ks_status ks_key_value_store_put_all(ks_key_value_store *store, const ks_key_value *entries,
                                     size_t count, ks_error *error)
{
    ksi_store_call call;
    KS_TRY(ksi_store_call_begin(&call, owner_of(store), error));
    return ksi_store_call_end(&call, put_all(store, entries, count, ksi_store_call_error(&call)));
}

ks_status ks_key_value_store_put(ks_key_value_store *store, ks_value key, ks_value value,
                                 ks_error *error)
{
    const ks_key_value entry = ks_key_value_of(key, value);
    return ks_key_value_store_put_all(store, &entry, 1, error);
}

ks_status ks_key_value_store_put_at(ks_key_value_store *store, ks_value key, ks_value value,
                                    int64_t timestamp, ks_error *error)
{
    const ks_key_value entry = {.key = key, .value = value, .timestamp = timestamp};
    return ks_key_value_store_put_all(store, &entry, 1, error);
}

/* What is there is read before it is overwritten: the row is borrowed until then. */
static ks_status read_old(ks_key_value_store *handle, ks_slice key, ks_arena *arena,
                          ks_key_value *old, bool *found, ks_error *error)
{
    ksi_row row;
    *found = false;
    KS_TRY(find(handle, key, &row, found, error));
    if (!*found || old == NULL) {
        return KS_OK;
    }
    row.key = key;
    return read_entry(handle, &row, arena, old, error);
}

static ks_status put_if_absent(ks_key_value_store *store, const ks_key_value *entry,
                               ks_arena *arena, ks_key_value *existing, bool *found,
                               ks_error *error)
{
    prepared ready = {0};
    KS_TRY(ksi_store_view_writable(&store->view, error));
    if (entry == NULL) {
        return ksi_error_set(error, KS_E_ARGUMENT, store->view.serdes.store,
                             "NULL was given for the entry to put; give one");
    }
    KS_TRY(choose_arena(store, existing != NULL, &arena, error));
    ksi_arena_mark mark = ksi_arena_save(store->view.arena);
    ks_status status = prepare(store, entry, &ready, error);
    if (status == KS_OK) {
        status = read_old(store, ready.key, arena, existing, found, error);
    }
    if (status == KS_OK && !*found) {
        status = write_prepared(store, &ready, error);
    }
    ksi_store_view_give_back(&store->view, mark, arena);
    return status;
}

static ks_status delete (ks_key_value_store *store, ks_value key, ks_arena *arena,
                         ks_key_value *old, bool *found, ks_error *error)
{
    prepared ready = {.value = ks_slice_null(), .timestamp = -1};
    KS_TRY(ksi_store_view_writable(&store->view, error));
    KS_TRY(choose_arena(store, old != NULL, &arena, error));
    ksi_arena_mark mark = ksi_arena_save(store->view.arena);
    ks_status status =
        ksi_store_key_bytes(&store->view.serdes, key, store->view.arena, &ready.key, error);
    if (status == KS_OK) {
        status = read_old(store, ready.key, arena, old, found, error);
    }
    if (status == KS_OK) {
        status = write_prepared(store, &ready, error);
    }
    ksi_store_view_give_back(&store->view, mark, arena);
    return status;
}

ks_status ks_key_value_store_put_if_absent(ks_key_value_store *store, const ks_key_value *entry,
                                           ks_arena *arena, ks_key_value *existing, bool *found,
                                           ks_error *error)
{
    ksi_store_call call;
    bool unasked = false;
    bool *is_there = found != NULL ? found : &unasked;
    *is_there = false;
    KS_TRY(ksi_store_call_begin(&call, owner_of(store), error));
    ks_error *reason = ksi_store_call_error(&call);
    ks_status status = put_if_absent(store, entry, arena, existing, is_there, reason);
    *is_there = *is_there && status == KS_OK;
    return ksi_store_call_end(&call, status);
}

ks_status ks_key_value_store_delete(ks_key_value_store *store, ks_value key, ks_arena *arena,
                                    ks_key_value *old, bool *found, ks_error *error)
{
    ksi_store_call call;
    bool unasked = false;
    bool *was_there = found != NULL ? found : &unasked;
    *was_there = false;
    KS_TRY(ksi_store_call_begin(&call, owner_of(store), error));
    ks_error *reason = ksi_store_call_error(&call);
    ks_status status = delete (store, key, arena, old, was_there, reason);
    *was_there = *was_there && status == KS_OK;
    return ksi_store_call_end(&call, status);
}

/* ---- iterating ------------------------------------------------------------------------------- */

struct ks_key_value_iterator {
    const ks_key_value_store *handle; /* NULL: of a handle that was NULL */
    ksi_merged_iterator *rows;        /* NULL: there are none */
    ks_arena arena;                   /* of the entry given last */
};

/* `range` NULL: over nothing. */
static ks_key_value_iterator *iterate(ks_key_value_store *handle, const ksi_row_range *range)
{
    ks_key_value_iterator *iterator = ksi_calloc(1, sizeof *iterator);
    iterator->handle = handle;
    ksi_arena_init(&iterator->arena, 0);
    if (range != NULL && handle->view.context == NULL) {
        iterator->rows = ksi_merged_iterator_open(
            &(ksi_merged_options){.rows = ksi_key_value_store_rows(handle->store)}, range);
    } else if (range != NULL) {
        iterator->rows = ksi_key_value_store_iterate(handle->store, range);
    }
    return iterator;
}

static ks_key_value_iterator *iterate_all(ks_key_value_store *handle, bool backward)
{
    ksi_store_call call;
    const ksi_row_range all = {.backward = backward};
    bool may = ksi_store_call_begin(&call, owner_of(handle), NULL) == KS_OK;
    return iterate(handle, may ? &all : NULL);
}

ks_key_value_iterator *ks_key_value_store_all(ks_key_value_store *store)
{
    return iterate_all(store, false);
}

ks_key_value_iterator *ks_key_value_store_reverse_all(ks_key_value_store *store)
{
    return iterate_all(store, true);
}

/*
 * An iterator that may be NULL is what a processor would have to look for first of all: when it
 * asked for no error, it gets one over nothing, and next() finds the context failed.
 */
static ks_key_value_iterator *end_iterating(ksi_store_call *call, ks_key_value_store *handle,
                                            ks_key_value_iterator *iterator)
{
    if (iterator != NULL || call->asked != NULL || call->owner->fail == NULL) {
        return iterator;
    }
    (void)ksi_store_call_end(call, call->own.code);
    return iterate(handle, NULL);
}

/* A null bound gives the null slice: no bound. */
static ks_key_value_iterator *open_between(ks_key_value_store *handle, ks_value from, ks_value to,
                                           bool backward, ks_error *error)
{
    ksi_row_range range = {.high_inclusive = true, .backward = backward};
    ks_key_value_iterator *iterator = NULL;
    ksi_arena_mark mark = ksi_arena_save(handle->view.arena);
    if (ksi_store_write_bytes(&handle->view.serdes, true, from, handle->view.arena, &range.low,
                              error) != KS_OK ||
        ksi_store_write_bytes(&handle->view.serdes, true, to, handle->view.arena, &range.high,
                              error) != KS_OK) {
        goto out;
    }
    bool is_empty = range.low.data != NULL && ksi_row_range_is_above(&range, range.low);
    if (is_empty) {
        ksi_log(handle->view.logger, KS_LOG_LEVEL_WARN, handle->view.serdes.store,
                "a range whose first key comes after its last is empty: the bounds are in the "
                "wrong order, or the bytes of the key serde do not order as its values do, which "
                "is so for the built-in serdes of numbers when some are negative");
    }
    iterator = iterate(handle, is_empty ? NULL : &range);
out:
    ksi_arena_release(handle->view.arena, mark);
    return iterator;
}

static ks_key_value_iterator *iterate_between(ks_key_value_store *handle, ks_value from,
                                              ks_value to, bool backward, ks_error *error)
{
    ksi_store_call call;
    if (ksi_store_call_begin(&call, owner_of(handle), error) != KS_OK) {
        return error != NULL ? NULL : iterate(handle, NULL);
    }
    ks_key_value_iterator *iterator =
        open_between(handle, from, to, backward, ksi_store_call_error(&call));
    return end_iterating(&call, handle, iterator);
}

ks_key_value_iterator *ks_key_value_store_range(ks_key_value_store *store, ks_value from,
                                                ks_value to, ks_error *error)
{
    return iterate_between(store, from, to, false, error);
}

ks_key_value_iterator *ks_key_value_store_reverse_range(ks_key_value_store *store, ks_value from,
                                                        ks_value to, ks_error *error)
{
    return iterate_between(store, from, to, true, error);
}

static ks_key_value_iterator *open_prefix(ks_key_value_store *store, ks_value prefix,
                                          const ks_serde *serde, ks_error *error)
{
    ksi_store_serdes with = store->view.serdes;
    with.key = serde != NULL ? serde : with.key;
    ksi_row_range range = {.high_inclusive = false};
    ks_key_value_iterator *iterator = NULL;
    if (ks_value_is_null(prefix)) {
        ksi_error_set(error, KS_E_ARGUMENT, store->view.serdes.store,
                      "the prefix is null; ks_key_value_store_all() gives all entries");
        return NULL;
    }
    ksi_arena_mark mark = ksi_arena_save(store->view.arena);
    if (ksi_store_write_bytes(&with, true, prefix, store->view.arena, &range.low, error) == KS_OK) {
        range.high = ksi_slice_behind_prefix(range.low, store->view.arena);
        iterator = iterate(store, &range);
    }
    ksi_arena_release(store->view.arena, mark);
    return iterator;
}

ks_key_value_iterator *ks_key_value_store_prefix_scan(ks_key_value_store *store, ks_value prefix,
                                                      const ks_serde *serde, ks_error *error)
{
    ksi_store_call call;
    if (ksi_store_call_begin(&call, owner_of(store), error) != KS_OK) {
        return error != NULL ? NULL : iterate(store, NULL);
    }
    ks_key_value_iterator *iterator =
        open_prefix(store, prefix, serde, ksi_store_call_error(&call));
    return end_iterating(&call, store, iterator);
}

static ks_status next(ks_key_value_iterator *iterator, ks_key_value *entry, bool *found,
                      ks_error *error)
{
    ksi_row row;
    ksi_mismatch_handler before = ksi_store_view_listen(&iterator->handle->view);
    ks_status status = ksi_merged_iterator_next(iterator->rows, &row, found, error);
    ksi_store_view_listen_no_more(before);
    KS_TRY(status);
    if (!*found) {
        return KS_OK;
    }
    ksi_arena_reset(&iterator->arena);
    return read_entry(iterator->handle, &row, &iterator->arena, entry, error);
}

ks_status ks_key_value_iterator_next(ks_key_value_iterator *iterator, ks_key_value *entry,
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

void ks_key_value_iterator_free(ks_key_value_iterator *iterator)
{
    if (iterator == NULL) {
        return;
    }
    ksi_merged_iterator_close(iterator->rows);
    ksi_arena_destroy(&iterator->arena);
    ksi_free(iterator);
}
