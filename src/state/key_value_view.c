/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key_value_view.c - see key_value_view.h. @java MeteredKeyValueStore
 *
 * A call turns keys and values into bytes first and touches the store afterwards, so that what a
 * serde refuses has changed nothing; of ks_key_value_store_put_all() not one entry is written.
 *
 * Bytes are made in the view's arena and given back at the end of the call, which may be long: a
 * write can evict rows, which are then forwarded, and the nodes below may use this very handle.
 * Marks nest, so that is harmless.
 *
 * Thread rule: that of the store.
 */
#include "state/key_value_view.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/slice.h"
#include "state/store_serdes.h"

enum { TIME_OF_THE_RECORD = -1 };

/* The owner of a handle, which may be NULL. */
static const ksi_store_owner *owner_of(const ks_key_value_store *view)
{
    return view != NULL ? &view->owner : NULL;
}

/* ---- bytes and values ------------------------------------------------------------------------ */

static const char *name_of(const ks_key_value_store *view)
{
    return ksi_key_value_store_spec(view->store)->name;
}

static ksi_store_serdes serdes_of(const ks_key_value_store *view)
{
    return (ksi_store_serdes){
        .store = name_of(view), .topic = view->topic, .key = view->key, .value = view->value};
}

static ks_status write_bytes(const ks_key_value_store *view, bool is_key, ks_value value,
                             ks_arena *arena, ks_slice *bytes, ks_error *error)
{
    const ksi_store_serdes serdes = serdes_of(view);
    return ksi_store_write_bytes(&serdes, is_key, value, arena, bytes, error);
}

static ks_status read_bytes(const ks_key_value_store *view, bool is_key, ks_slice bytes,
                            ks_arena *arena, ks_value *value, ks_error *error)
{
    const ksi_store_serdes serdes = serdes_of(view);
    return ksi_store_read_bytes(&serdes, is_key, bytes, arena, value, error);
}

static ks_status read_entry(const ks_key_value_store *view, const ksi_row *row, ks_arena *arena,
                            ks_key_value *entry, ks_error *error)
{
    KS_TRY(read_bytes(view, true, row->key, arena, &entry->key, error));
    KS_TRY(read_bytes(view, false, row->value, arena, &entry->value, error));
    entry->timestamp = row->timestamp;
    return KS_OK;
}

static ks_status key_bytes(const ks_key_value_store *view, ks_value key, ks_arena *arena,
                           ks_slice *bytes, ks_error *error)
{
    const ksi_store_serdes serdes = serdes_of(view);
    return ksi_store_key_bytes(&serdes, key, arena, bytes, error);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Before and after what may evict rows. */
static ksi_mismatch_handler listen(const ks_key_value_store *view)
{
    ksi_mismatch_handler before = ksi_value_on_mismatch(NULL, NULL);
    bool is_own = view->on_mismatch.fn != NULL;
    ksi_mismatch_handler now = is_own ? view->on_mismatch : before;
    (void)ksi_value_on_mismatch(now.fn, now.owner);
    return before;
}

static void listen_no_more(ksi_mismatch_handler before)
{
    (void)ksi_value_on_mismatch(before.fn, before.owner);
}

static ks_status find(ks_key_value_store *view, ks_slice key, ksi_row *row, bool *found,
                      ks_error *error)
{
    if (view->context == NULL) {
        return ksi_row_store_look(ksi_key_value_store_rows(view->store), key, row, found, error);
    }
    ksi_mismatch_handler before = listen(view);
    ks_status status = ksi_key_value_store_read(view->store, key, row, found, error);
    listen_no_more(before);
    return status;
}

/* Where an entry is put; a call that wants none needs no arena. */
static ks_status choose_arena(const ks_key_value_store *view, bool wants_entry, ks_arena **arena,
                              ks_error *error)
{
    *arena = *arena != NULL ? *arena : view->results;
    return *arena != NULL || !wants_entry
               ? KS_OK
               : ksi_error_set(error, KS_E_ARGUMENT, name_of(view),
                               "the entry needs an arena to be put into; give one");
}

/* What one call takes of the view's arena is given back, unless the result is there. */
static void give_back(const ks_key_value_store *view, ksi_arena_mark mark, const ks_arena *result)
{
    if (result != view->arena) {
        ksi_arena_release(view->arena, mark);
    }
}

static ks_status get(ks_key_value_store *store, ks_value key, ks_arena *arena, ks_key_value *entry,
                     bool *found, ks_error *error)
{
    ks_slice bytes = ks_slice_null();
    ksi_row row;
    bool is_there = false;
    if (entry == NULL || found == NULL) {
        return ksi_error_set(error, KS_E_ARGUMENT, name_of(store),
                             "NULL was given for where the entry, or whether there is one, goes; "
                             "give both addresses");
    }
    KS_TRY(choose_arena(store, true, &arena, error));
    ksi_arena_mark mark = ksi_arena_save(store->arena);
    ks_status status = key_bytes(store, key, store->arena, &bytes, error);
    if (status == KS_OK) {
        status = find(store, bytes, &row, &is_there, error);
    }
    if (status == KS_OK && is_there) {
        row.key = bytes; /* what is given back may be borrowed from there */
        status = read_entry(store, &row, arena, entry, error);
    }
    give_back(store, mark, arena);
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

static ks_status check_writable(const ks_key_value_store *view, ks_error *error)
{
    return view->context != NULL
               ? KS_OK
               : ksi_error_set(error, KS_E_STATE, name_of(view),
                               "this handle shows what is stored below the record cache; write "
                               "through the other handle of the store");
}

static ks_status prepare_time(const ks_key_value_store *view, int64_t timestamp, int64_t *time,
                              ks_error *error)
{
    *time = timestamp;
    if (timestamp == TIME_OF_THE_RECORD) {
        *time = view->context->timestamp;
        return KS_OK;
    }
    if (timestamp < 0) {
        return ksi_error_set(error, KS_E_ARGUMENT, name_of(view),
                             "the timestamp %lld is negative; give one from 0 on, or -1 for that "
                             "of the record in hand",
                             (long long)timestamp);
    }
    if (!ksi_key_value_store_spec(view->store)->timestamped) {
        return ksi_error_set(error, KS_E_ARGUMENT, name_of(view),
                             "this store keeps no timestamps, so %lld would be lost; give -1",
                             (long long)timestamp);
    }
    return KS_OK;
}

static ks_status prepare(const ks_key_value_store *view, const ks_key_value *entry,
                         prepared *result, ks_error *error)
{
    KS_TRY(prepare_time(view, entry->timestamp, &result->timestamp, error));
    KS_TRY(key_bytes(view, entry->key, view->arena, &result->key, error));
    return write_bytes(view, false, entry->value, view->arena, &result->value, error);
}

static ks_status write_prepared(ks_key_value_store *view, const prepared *entry, ks_error *error)
{
    ksi_mismatch_handler before = listen(view);
    ks_status status = ksi_key_value_store_write(view->store, entry->key, entry->value,
                                                 entry->timestamp, view->context, error);
    listen_no_more(before);
    return status;
}

static ks_status put_all(ks_key_value_store *store, const ks_key_value *entries, size_t count,
                         ks_error *error)
{
    KS_TRY(check_writable(store, error));
    if (entries == NULL && count > 0) {
        return ksi_error_set(error, KS_E_ARGUMENT, name_of(store),
                             "NULL was given for %zu entries to put; give them", count);
    }
    ksi_arena_mark mark = ksi_arena_save(store->arena);
    prepared *ready = ksi_arena_alloc(store->arena, (count + 1) * sizeof *ready);
    ks_status status = KS_OK;
    for (size_t i = 0; status == KS_OK && i < count; i++) {
        status = prepare(store, &entries[i], &ready[i], error);
    }
    for (size_t i = 0; status == KS_OK && i < count; i++) {
        status = write_prepared(store, &ready[i], error);
    }
    ksi_arena_release(store->arena, mark);
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
static ks_status read_old(ks_key_value_store *view, ks_slice key, ks_arena *arena,
                          ks_key_value *old, bool *found, ks_error *error)
{
    ksi_row row;
    *found = false;
    KS_TRY(find(view, key, &row, found, error));
    if (!*found || old == NULL) {
        return KS_OK;
    }
    row.key = key;
    return read_entry(view, &row, arena, old, error);
}

static ks_status put_if_absent(ks_key_value_store *store, const ks_key_value *entry,
                               ks_arena *arena, ks_key_value *existing, bool *found,
                               ks_error *error)
{
    prepared ready = {0};
    KS_TRY(check_writable(store, error));
    if (entry == NULL) {
        return ksi_error_set(error, KS_E_ARGUMENT, name_of(store),
                             "NULL was given for the entry to put; give one");
    }
    KS_TRY(choose_arena(store, existing != NULL, &arena, error));
    ksi_arena_mark mark = ksi_arena_save(store->arena);
    ks_status status = prepare(store, entry, &ready, error);
    if (status == KS_OK) {
        status = read_old(store, ready.key, arena, existing, found, error);
    }
    if (status == KS_OK && !*found) {
        status = write_prepared(store, &ready, error);
    }
    give_back(store, mark, arena);
    return status;
}

static ks_status delete (ks_key_value_store *store, ks_value key, ks_arena *arena,
                         ks_key_value *old, bool *found, ks_error *error)
{
    prepared ready = {.value = ks_slice_null(), .timestamp = -1};
    KS_TRY(check_writable(store, error));
    KS_TRY(choose_arena(store, old != NULL, &arena, error));
    ksi_arena_mark mark = ksi_arena_save(store->arena);
    ks_status status = key_bytes(store, key, store->arena, &ready.key, error);
    if (status == KS_OK) {
        status = read_old(store, ready.key, arena, old, found, error);
    }
    if (status == KS_OK) {
        status = write_prepared(store, &ready, error);
    }
    give_back(store, mark, arena);
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
    const ks_key_value_store *view; /* NULL: of a handle that was NULL */
    ksi_merged_iterator *rows;      /* NULL: there are none */
    ks_arena arena;                 /* of the entry given last */
};

/* `range` NULL: over nothing. */
static ks_key_value_iterator *iterate(ks_key_value_store *view, const ksi_row_range *range)
{
    ks_key_value_iterator *iterator = ksi_calloc(1, sizeof *iterator);
    iterator->view = view;
    ksi_arena_init(&iterator->arena, 0);
    if (range != NULL && view->context == NULL) {
        iterator->rows = ksi_merged_iterator_open(
            &(ksi_merged_options){.rows = ksi_key_value_store_rows(view->store)}, range);
    } else if (range != NULL) {
        iterator->rows = ksi_key_value_store_iterate(view->store, range);
    }
    return iterator;
}

static ks_key_value_iterator *iterate_all(ks_key_value_store *view, bool backward)
{
    ksi_store_call call;
    const ksi_row_range all = {.backward = backward};
    bool may = ksi_store_call_begin(&call, owner_of(view), NULL) == KS_OK;
    return iterate(view, may ? &all : NULL);
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
static ks_key_value_iterator *end_iterating(ksi_store_call *call, ks_key_value_store *view,
                                            ks_key_value_iterator *iterator)
{
    if (iterator != NULL || call->asked != NULL || call->owner->fail == NULL) {
        return iterator;
    }
    (void)ksi_store_call_end(call, call->own.code);
    return iterate(view, NULL);
}

/* A null bound gives the null slice: no bound. */
static ks_key_value_iterator *open_between(ks_key_value_store *view, ks_value from, ks_value to,
                                           bool backward, ks_error *error)
{
    ksi_row_range range = {.high_inclusive = true, .backward = backward};
    ks_key_value_iterator *iterator = NULL;
    ksi_arena_mark mark = ksi_arena_save(view->arena);
    if (write_bytes(view, true, from, view->arena, &range.low, error) != KS_OK ||
        write_bytes(view, true, to, view->arena, &range.high, error) != KS_OK) {
        goto out;
    }
    bool is_empty = range.low.data != NULL && ksi_row_range_is_above(&range, range.low);
    if (is_empty) {
        ksi_log(view->logger, KS_LOG_LEVEL_WARN, name_of(view),
                "a range whose first key comes after its last is empty: the bounds are in the "
                "wrong order, or the bytes of the key serde do not order as its values do, which "
                "is so for the built-in serdes of numbers when some are negative");
    }
    iterator = iterate(view, is_empty ? NULL : &range);
out:
    ksi_arena_release(view->arena, mark);
    return iterator;
}

static ks_key_value_iterator *iterate_between(ks_key_value_store *view, ks_value from, ks_value to,
                                              bool backward, ks_error *error)
{
    ksi_store_call call;
    if (ksi_store_call_begin(&call, owner_of(view), error) != KS_OK) {
        return error != NULL ? NULL : iterate(view, NULL);
    }
    ks_key_value_iterator *iterator =
        open_between(view, from, to, backward, ksi_store_call_error(&call));
    return end_iterating(&call, view, iterator);
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
    ks_key_value_store with = *store; /* the same store through another serde */
    with.key = serde != NULL ? serde : store->key;
    ksi_row_range range = {.high_inclusive = false};
    ks_key_value_iterator *iterator = NULL;
    if (ks_value_is_null(prefix)) {
        ksi_error_set(error, KS_E_ARGUMENT, name_of(store),
                      "the prefix is null; ks_key_value_store_all() gives all entries");
        return NULL;
    }
    ksi_arena_mark mark = ksi_arena_save(store->arena);
    if (write_bytes(&with, true, prefix, store->arena, &range.low, error) == KS_OK) {
        range.high = ksi_slice_behind_prefix(range.low, store->arena);
        iterator = iterate(store, &range);
    }
    ksi_arena_release(store->arena, mark);
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
    ksi_mismatch_handler before = listen(iterator->view);
    ks_status status = ksi_merged_iterator_next(iterator->rows, &row, found, error);
    listen_no_more(before);
    KS_TRY(status);
    if (!*found) {
        return KS_OK;
    }
    ksi_arena_reset(&iterator->arena);
    return read_entry(iterator->view, &row, &iterator->arena, entry, error);
}

ks_status ks_key_value_iterator_next(ks_key_value_iterator *iterator, ks_key_value *entry,
                                     bool *found, ks_error *error)
{
    ksi_store_call call;
    *found = false;
    if (iterator == NULL) {
        return ksi_error_set(error, KS_E_ARGUMENT, "iterator",
                             "must not be NULL; the call that should have given it said why not");
    }
    KS_TRY(ksi_store_call_begin(&call, owner_of(iterator->view), error));
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
