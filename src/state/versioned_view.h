/* SPDX-License-Identifier: Apache-2.0 */
/*
 * versioned_view.h - a versioned store as a user has it: through its serdes.
 *
 * Whoever gives a handle out fills one of these.
 *
 * Thread rule: that of the store.
 */
#ifndef KSI_STATE_VERSIONED_VIEW_H
#define KSI_STATE_VERSIONED_VIEW_H

#include "base/arena.h"
#include "state/store_owner.h"
#include "state/store_serdes.h"
#include "state/versioned_store.h"
#include <kstreams/store.h>

struct ks_versioned_store {
    ksi_versioned_store *store;
    ksi_store_serdes serdes;
    ks_arena *arena;   /* where bytes are made; each call gives back what it took */
    ks_arena *results; /* where versions are put when a call names no arena; NULL: it must */
    ksi_store_owner owner;
};

#endif
