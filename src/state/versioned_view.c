/* SPDX-License-Identifier: Apache-2.0 */
/*
 * versioned_view.c - versioned stores as a user has them; see store_view.h. @java
 * MeteredVersionedKeyValueStore
 *
 * A version that was read is borrowed until the next call on the rows, so its value is made before
 * anything is written: a deletion reads, makes the old value and then puts.
 *
 * Thread rule: that of the store.
 */
#include "state/store_view.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/slice.h"

#include <stdlib.h>

/* The owner of a handle, which may be NULL. */
static const ksi_store_owner *owner_of(const ks_versioned_store *handle)
{
    return handle != NULL ? &handle->view.owner : NULL;
}

static const ks_version no_version = {.timestamp = -1, .valid_to = KS_VALID_TO_UNDEFINED};

/* ---- reading --------------------------------------------------------------------------------- */

static ks_status read_version(const ks_versioned_store *handle, const ksi_version *stored,
                              ks_arena *arena, ks_version *version, ks_error *error)
{
    KS_TRY(ksi_store_read_bytes(&handle->view.serdes, false, stored->value, arena, &version->value,
                                error));
    version->timestamp = stored->from;
    version->valid_to = stored->to;
    return KS_OK;
}

/* The version of a key, newest or as of a time, into the arena. */
static ks_status find(const ks_versioned_store *handle, ks_slice key, const int64_t *as_of,
                      ks_arena *arena, ks_version *version, ks_error *error)
{
    ksi_versioned_rows *versions = ksi_versioned_store_versions(handle->store);
    ksi_version stored;
    bool found;
    KS_TRY(as_of != NULL
               ? ksi_versioned_rows_get_as_of(versions, key, *as_of, &stored, &found, error)
               : ksi_versioned_rows_get(versions, key, &stored, &found, error));
    return found ? read_version(handle, &stored, arena, version, error) : KS_OK;
}

static ks_status get(const ks_versioned_store *handle, ks_value key, const int64_t *as_of,
                     ks_arena *arena, ks_version *version, ks_error *error)
{
    ks_slice bytes;
    KS_TRY(ksi_store_view_results(&handle->view, &arena, error));
    ksi_arena_mark mark = ksi_arena_save(handle->view.arena);
    ks_status status =
        ksi_store_key_bytes(&handle->view.serdes, key, handle->view.arena, &bytes, error);
    if (status == KS_OK) {
        status = find(handle, bytes, as_of, arena, version, error);
    }
    ksi_store_view_give_back(&handle->view, mark, arena);
    return status;
}

ks_status ks_versioned_store_get(ks_versioned_store *store, ks_value key, ks_arena *arena,
                                 ks_version *version, ks_error *error)
{
    ksi_store_call call;
    *version = no_version;
    KS_TRY(ksi_store_call_begin(&call, owner_of(store), error));
    ks_error *reason = ksi_store_call_error(&call);
    return ksi_store_call_end(&call, get(store, key, NULL, arena, version, reason));
}

ks_value ks_versioned_store_value(ks_versioned_store *store, ks_value key)
{
    ks_version version;
    ks_status status = ks_versioned_store_get(store, key, NULL, &version, NULL);
    return status == KS_OK ? version.value : ks_null();
}

ks_status ks_versioned_store_get_as_of(ks_versioned_store *store, ks_value key, int64_t as_of,
                                       ks_arena *arena, ks_version *version, ks_error *error)
{
    ksi_store_call call;
    *version = no_version;
    KS_TRY(ksi_store_call_begin(&call, owner_of(store), error));
    ks_error *reason = ksi_store_call_error(&call);
    return ksi_store_call_end(&call, get(store, key, &as_of, arena, version, reason));
}

/* ---- all versions of a key ------------------------------------------------------------------- */

typedef struct version_list {
    ks_version *items; /* in the arena; oldest first */
    size_t count;
    size_t capacity;
    ks_arena *arena;
} version_list;

static ks_version *add(version_list *list)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity * 2 + 8;
        ks_version *items = ksi_arena_alloc(list->arena, capacity * sizeof *items);
        if (list->count > 0) {
            memcpy(items, list->items, list->count * sizeof *items);
        }
        list->items = items;
        list->capacity = capacity;
    }
    return &list->items[list->count++];
}

/*
 * From the version that is valid at `time` on. Before the retention it is as Java answers: of a
 * span that ends there, the latest version only.
 */
static ks_status gather(const ks_versioned_store *handle, ks_slice key, const ks_version_span *span,
                        version_list *list, ks_error *error)
{
    ksi_versioned_rows *versions = ksi_versioned_store_versions(handle->store);
    bool is_history_over = ksi_versioned_rows_has_expired(versions, span->to);
    int64_t time = ksi_versioned_rows_oldest(versions);
    time = span->from > time ? span->from : time;
    for (;;) {
        ksi_version stored;
        bool found;
        KS_TRY(is_history_over
                   ? ksi_versioned_rows_get(versions, key, &stored, &found, error)
                   : ksi_versioned_rows_next(versions, key, time, &stored, &found, error));
        if (!found || stored.from > span->to) {
            return KS_OK;
        }
        if (stored.value.data != NULL) {
            KS_TRY(read_version(handle, &stored, list->arena, add(list), error));
        }
        if (stored.to == KSI_NO_END) {
            return KS_OK;
        }
        time = stored.to;
    }
}

static ks_status read_versions(const ks_versioned_store *handle, ks_value key,
                               const ks_version_span *span, version_list *list, ks_error *error)
{
    static const ks_version_span always = {.from = INT64_MIN, .to = INT64_MAX};
    ks_slice bytes;
    KS_TRY(ksi_store_view_results(&handle->view, &list->arena, error));
    ksi_arena_mark mark = ksi_arena_save(handle->view.arena);
    ks_status status =
        ksi_store_key_bytes(&handle->view.serdes, key, handle->view.arena, &bytes, error);
    if (status == KS_OK) {
        status = gather(handle, bytes, span != NULL ? span : &always, list, error);
    }
    ksi_store_view_give_back(&handle->view, mark, list->arena);
    for (size_t i = 0; i < list->count / 2; i++) { /* newest first */
        ks_version other = list->items[i];
        list->items[i] = list->items[list->count - 1 - i];
        list->items[list->count - 1 - i] = other;
    }
    return status;
}

ks_status ks_versioned_store_versions(ks_versioned_store *store, ks_value key,
                                      const ks_version_span *span, ks_arena *arena,
                                      ks_versions *versions, ks_error *error)
{
    ksi_store_call call;
    version_list list = {.arena = arena};
    *versions = (ks_versions){0};
    KS_TRY(ksi_store_call_begin(&call, owner_of(store), error));
    ks_error *reason = ksi_store_call_error(&call);
    ks_status status = read_versions(store, key, span, &list, reason);
    if (status == KS_OK) {
        *versions = (ks_versions){.items = list.items, .count = list.count};
    }
    return ksi_store_call_end(&call, status);
}

/* ---- all keys -------------------------------------------------------------------------------- */

typedef struct key_list {
    ks_slice *items;
    size_t count;
    size_t capacity;
    ks_arena *arena; /* of their bytes */
} key_list;

static void add_key(void *user, ks_slice key)
{
    key_list *list = user;
    bool is_last = list->count > 0 && ksi_slice_compare(list->items[list->count - 1], key) == 0;
    if (!is_last) {
        list->items = ksi_grow(list->items, &list->capacity, list->count + 1, sizeof(ks_slice));
        list->items[list->count++] = ksi_arena_copy(list->arena, key);
    }
}

static int compare_keys(const void *a, const void *b)
{
    return ksi_slice_compare(*(const ks_slice *)a, *(const ks_slice *)b);
}

static ks_status read_keys(const ks_versioned_store *handle, const key_list *list, ks_keys *keys,
                           ks_error *error)
{
    ks_value *values = ksi_arena_alloc(list->arena, (list->count + 1) * sizeof *values);
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (i == 0 || ksi_slice_compare(list->items[i - 1], list->items[i]) != 0) {
            KS_TRY(ksi_store_read_bytes(&handle->view.serdes, true, list->items[i], list->arena,
                                        &values[count++], error));
        }
    }
    *keys = (ks_keys){.items = values, .count = count};
    return KS_OK;
}

static ks_status all_keys(const ks_versioned_store *handle, ks_arena *arena, ks_keys *keys,
                          ks_error *error)
{
    KS_TRY(ksi_store_view_results(&handle->view, &arena, error));
    key_list list = {.arena = arena};
    ks_status status = ksi_versioned_rows_each_key(ksi_versioned_store_versions(handle->store),
                                                   add_key, &list, error);
    if (status == KS_OK && list.count > 0) {
        qsort(list.items, list.count, sizeof *list.items, compare_keys);
        status = read_keys(handle, &list, keys, error);
    }
    ksi_free(list.items);
    return status;
}

ks_status ks_versioned_store_keys(ks_versioned_store *store, ks_arena *arena, ks_keys *keys,
                                  ks_error *error)
{
    ksi_store_call call;
    *keys = (ks_keys){0};
    KS_TRY(ksi_store_call_begin(&call, owner_of(store), error));
    ks_error *reason = ksi_store_call_error(&call);
    return ksi_store_call_end(&call, all_keys(store, arena, keys, reason));
}

/* ---- writing --------------------------------------------------------------------------------- */

static ks_status put(ks_versioned_store *handle, ks_value key, ks_value value, int64_t timestamp,
                     int64_t *valid_to, ks_error *error)
{
    ks_slice key_bytes;
    ks_slice value_bytes;
    int64_t ends;
    ksi_arena_mark mark = ksi_arena_save(handle->view.arena);
    ks_status status =
        ksi_store_key_bytes(&handle->view.serdes, key, handle->view.arena, &key_bytes, error);
    if (status == KS_OK) {
        status = ksi_store_write_bytes(&handle->view.serdes, false, value, handle->view.arena,
                                       &value_bytes, error);
    }
    if (status == KS_OK) {
        status =
            ksi_versioned_store_put(handle->store, key_bytes, value_bytes, timestamp, &ends, error);
    }
    ksi_arena_release(handle->view.arena, mark);
    if (status == KS_OK && valid_to != NULL) {
        *valid_to = ends;
    }
    return status;
}

ks_status ks_versioned_store_put(ks_versioned_store *store, ks_value key, ks_value value,
                                 int64_t timestamp, int64_t *valid_to, ks_error *error)
{
    ksi_store_call call;
    KS_TRY(ksi_store_call_begin(&call, owner_of(store), error));
    ks_error *reason = ksi_store_call_error(&call);
    return ksi_store_call_end(&call, put(store, key, value, timestamp, valid_to, reason));
}

/* What is too old to be deleted has no old version either. */
static ks_status delete_as_of(ks_versioned_store *handle, ks_value key, int64_t timestamp,
                              ks_arena *arena, ks_version *old, ks_error *error)
{
    bool is_too_old =
        ksi_versioned_rows_has_expired(ksi_versioned_store_versions(handle->store), timestamp);
    if (old != NULL && !is_too_old) {
        KS_TRY(get(handle, key, &timestamp, arena, old, error));
    }
    return put(handle, key, ks_null(), timestamp, NULL, error);
}

ks_status ks_versioned_store_delete(ks_versioned_store *store, ks_value key, int64_t timestamp,
                                    ks_arena *arena, ks_version *old, ks_error *error)
{
    ksi_store_call call;
    if (old != NULL) {
        *old = no_version;
    }
    KS_TRY(ksi_store_call_begin(&call, owner_of(store), error));
    ks_error *reason = ksi_store_call_error(&call);
    return ksi_store_call_end(&call, delete_as_of(store, key, timestamp, arena, old, reason));
}
