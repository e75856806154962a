/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_owner.h - who gave out a handle of a store, and what a failure of a call means to it.
 *
 * A test that calls a store looks at the error it gets. A processor would write the same three
 * lines behind each call: when it failed, fail the context and return. So a call that is given no
 * error by a processor tells the owner of the handle, which is the context; and once the context
 * has failed, calls do nothing any more, as all calls on it.
 *
 * The rooms below the context cannot know it, hence the two functions.
 *
 * Thread rule: that of the store.
 */
#ifndef KSI_STATE_STORE_OWNER_H
#define KSI_STATE_STORE_OWNER_H

#include "base/error.h"

typedef struct ksi_store_owner {
    void *self;
    bool (*has_failed)(const void *self);
    void (*fail)(void *self, const ks_error *error); /* NULL: nobody is told */
} ksi_store_owner;

/* One call on a handle: where its error goes. */
typedef struct ksi_store_call {
    const ksi_store_owner *owner; /* NULL: there is no store */
    ks_error *asked;              /* the caller's; may be NULL */
    ks_error own;
} ksi_store_call;

/* Begins a call; not KS_OK when it may not be made. */
KS_NODISCARD static inline ks_status ksi_store_call_begin(ksi_store_call *call,
                                                          const ksi_store_owner *owner,
                                                          ks_error *asked)
{
    call->owner = owner;
    call->asked = asked;
    ksi_error_begin(&call->own);
    if (owner == NULL) {
        return ksi_error_set(asked, KS_E_STORE, "store",
                             "the handle is NULL: the call that should have given it has failed");
    }
    if (owner->has_failed != NULL && owner->has_failed(owner->self)) {
        return ksi_error_set(asked, KS_E_STATE, "store",
                             "the record has failed already; its processor should return");
    }
    return KS_OK;
}

/* Where the call puts its error. */
static inline ks_error *ksi_store_call_error(ksi_store_call *call)
{
    return call->asked != NULL ? call->asked : &call->own;
}

/* Ends a call that was begun: tells the owner of a failure that the caller did not ask for. */
static inline ks_status ksi_store_call_end(ksi_store_call *call, ks_status status)
{
    if (status != KS_OK && call->asked == NULL && call->owner->fail != NULL) {
        call->owner->fail(call->owner->self, &call->own);
    }
    return status;
}

#endif
