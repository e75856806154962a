/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_view.c - see store_view.h.
 */
#include "state/store_view.h"

#include "base/error.h"

ksi_store_handle ksi_store_handle_of(ksi_store *store, const ksi_store_view *view)
{
    switch (store->spec->kind) {
    case KSI_STORE_VERSIONED:
        return (ksi_store_handle){
            .versioned = {.store = ksi_versioned_store_of(store), .view = *view}};
    case KSI_STORE_WINDOW:
        return (ksi_store_handle){.window = {.store = ksi_window_store_of(store), .view = *view}};
    case KSI_STORE_SESSION:
        return (ksi_store_handle){.session = {.store = ksi_session_store_of(store), .view = *view}};
    case KSI_STORE_CUSTOM:
        return (ksi_store_handle){.custom = {.store = ksi_custom_store_of(store), .view = *view}};
    default:
        return (ksi_store_handle){
            .key_value = {.store = ksi_key_value_store_of(store), .view = *view}};
    }
}

ksi_mismatch_handler ksi_store_view_listen(const ksi_store_view *view)
{
    ksi_mismatch_handler before = ksi_value_on_mismatch(NULL, NULL);
    ksi_mismatch_handler now = view->on_mismatch.fn != NULL ? view->on_mismatch : before;
    (void)ksi_value_on_mismatch(now.fn, now.owner);
    return before;
}

void ksi_store_view_listen_no_more(ksi_mismatch_handler before)
{
    (void)ksi_value_on_mismatch(before.fn, before.owner);
}

ks_status ksi_store_view_writable(const ksi_store_view *view, ks_error *error)
{
    return view->context != NULL
               ? KS_OK
               : ksi_error_set(error, KS_E_STATE, view->serdes.store,
                               "this handle shows what is stored below the record cache; write "
                               "through the other handle of the store");
}

ks_status ksi_store_view_time(const ksi_store_view *view, bool is_timestamped, int64_t timestamp,
                              int64_t *time, ks_error *error)
{
    *time = timestamp;
    if (timestamp == KSI_TIME_OF_THE_RECORD) {
        *time = view->context->timestamp;
        return KS_OK;
    }
    if (timestamp < 0) {
        return ksi_error_set(error, KS_E_ARGUMENT, view->serdes.store,
                             "the timestamp %lld is negative; give one from 0 on, or -1 for that "
                             "of the record in hand",
                             (long long)timestamp);
    }
    if (!is_timestamped) {
        return ksi_error_set(error, KS_E_ARGUMENT, view->serdes.store,
                             "this store keeps no timestamps, so %lld would be lost; give -1",
                             (long long)timestamp);
    }
    return KS_OK;
}

ks_status ksi_store_view_results(const ksi_store_view *view, ks_arena **arena, ks_error *error)
{
    *arena = *arena != NULL ? *arena : view->results;
    return *arena != NULL ? KS_OK
                          : ksi_error_set(error, KS_E_ARGUMENT, view->serdes.store,
                                          "what is read needs an arena to be put into; give one");
}

void ksi_store_view_give_back(const ksi_store_view *view, ksi_arena_mark mark,
                              const ks_arena *result)
{
    if (result != view->arena) {
        ksi_arena_release(view->arena, mark);
    }
}

ks_status ksi_refuse_no_iterator(ks_error *error)
{
    return ksi_error_set(error, KS_E_ARGUMENT, "iterator",
                         "must not be NULL; the call that should have given it said why not");
}
