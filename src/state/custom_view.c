/* SPDX-License-Identifier: Apache-2.0 */
/*
 * custom_view.c - see custom_view.h.
 *
 * A structure of another class than the caller thinks would be memory of another layout, so asking
 * for it is an error of the caller that is found here.
 *
 * Thread rule: that of the store.
 */
#include "state/custom_view.h"

#include "base/error.h"

/* The owner of a handle, which may be NULL. */
static const ksi_store_owner *owner_of(const ks_custom_store *view)
{
    return view != NULL ? &view->owner : NULL;
}

static const char *name_of(const ks_custom_store *view)
{
    return ksi_custom_store_spec(view->store)->name;
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
        &call, ksi_error_set(ksi_store_call_error(&call), KS_E_ARGUMENT, name_of(store),
                             "this store was described with another class; ask for its state with "
                             "the one that is its .custom"));
    return NULL;
}

static ks_status check_key(const ks_custom_store *view, ks_slice key, ks_error *error)
{
    return key.data != NULL
               ? KS_OK
               : ksi_error_set(error, KS_E_ARGUMENT, name_of(view), "a row needs a key");
}

static ks_status put(const ks_custom_store *view, ks_slice key, ks_slice value, ks_error *error)
{
    int64_t timestamp = view->context != NULL ? view->context->timestamp : 0;
    KS_TRY(check_key(view, key, error));
    return ksi_custom_store_put(view->store, key, value, timestamp, error);
}

ks_status ks_custom_store_put(ks_custom_store *store, ks_slice key, ks_slice value, ks_error *error)
{
    ksi_store_call call;
    KS_TRY(ksi_store_call_begin(&call, owner_of(store), error));
    return ksi_store_call_end(&call, put(store, key, value, ksi_store_call_error(&call)));
}

static ks_status get(const ks_custom_store *view, ks_slice key, ks_arena *arena, ks_slice *value,
                     ks_error *error)
{
    ksi_row row;
    bool found;
    arena = arena != NULL ? arena : view->results;
    KS_TRY(check_key(view, key, error));
    if (arena == NULL) {
        return ksi_error_set(error, KS_E_ARGUMENT, name_of(view),
                             "the value needs an arena to be put into; give one");
    }
    KS_TRY(ksi_custom_store_get(view->store, key, &row, &found, error));
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
