/* SPDX-License-Identifier: Apache-2.0 */
/*
 * custom_view.h - a custom store as a user has it: in the name of a record.
 *
 * Whoever gives a handle out fills one of these.
 *
 * Thread rule: that of the store.
 */
#ifndef KSI_STATE_CUSTOM_VIEW_H
#define KSI_STATE_CUSTOM_VIEW_H

#include "base/arena.h"
#include "state/custom_store.h"
#include "state/store_owner.h"

struct ks_custom_store {
    ksi_custom_store *store;
    const ksi_record_context *context; /* in whose name is written; NULL: nobody's */
    ks_arena *results; /* where values are put when a call names no arena; NULL: it must */
    ksi_store_owner owner;
};

#endif
