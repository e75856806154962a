/* SPDX-License-Identifier: Apache-2.0 */
/*
 * custom_view.c - custom stores as a user has them; see store_view.h.
 *
 * A structure of another class than the caller thinks would be memory of another layout, so asking
 * for it is an error of the caller that is found here.
 *
 * Thread rule: that of the store.
 */
#include "state/store_view.h"

#include "base/error.h"

/* The owner of a handle, which may be NULL. */
static const ksi_store_owner *owner_of(const ks_custom_store *handle)
{
    return handle != NULL ? &handle->view.owner : NULL;
}

void *ks_custom_store_state(const ks_custom_store *store, const ks_custom_store_class *type)
{
    ksi_store_call call;
    if (ksi_store_call_begin(&call, owner_of(store), NULL) != KS_OK) {
        return NULL;
    }
    if (ksi_custom_store_spec(store->store)->custom == type) {
        return ksi_custom_store_state(store->store);
    }
    (void)ksi_store_call_end(
        &call, ksi_error_set(ksi_store_call_error(&call), KS_E_ARGUMENT, store->view.serdes.store,
                             "this store was described with another class; ask for its state with "
                             "the one that is its .custom"));
    return NULL;
}

static ks_status check_key(const ks_custom_store *handle, ks_slice key, ks_error *error)
{
    return key.data != NULL ? KS_OK
                            : ksi_error_set(error, KS_E_ARGUMENT, handle->view.serdes.store,
                                            "a row needs a key");
}

static ks_status put(const ks_custom_store *handle, ks_slice key, ks_slice value, ks_error *error)
{
    int64_t timestamp = handle->view.context != NULL ? handle->view.context->timestamp : 0;
    KS_TRY(check_key(handle, key, error));
    return ksi_custom_store_put(handle->store, key, value, timestamp, error);
}

ks_status ks_custom_store_put(ks_custom_store *store, ks_slice key, ks_slice value, ks_error *error)
{
    ksi_store_call call;
    KS_TRY(ksi_store_call_begin(&call, owner_of(store), error));
    return ksi_store_call_end(&call, put(store, key, value, ksi_store_call_error(&call)));
}

static ks_status get(const ks_custom_store *handle, ks_slice key, ks_arena *arena, ks_slice *value,
                     ks_error *error)
{
    ksi_row row;
    bool found;
    KS_TRY(check_key(handle, key, error));
    KS_TRY(ksi_store_view_results(&handle->view, &arena, error));
    KS_TRY(ksi_custom_store_get(handle->store, key, &row, &found, error));
    *value = found ? ksi_arena_copy(arena, row.value) : ks_slice_null();
    return KS_OK;
}

ks_status ks_custom_store_get(ks_custom_store *store, ks_slice key, ks_arena *arena,
                              ks_slice *value, bool *found, ks_error *error)
{
    ksi_store_call call;
    *value = ks_slice_null();
    *found = false;
    KS_TRY(ksi_store_call_begin(&call, owner_of(store), error));
    ks_status status = get(store, key, arena, value, ksi_store_call_error(&call));
    *found = value->data != NULL;
    return ksi_store_call_end(&call, status);
}
