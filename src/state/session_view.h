/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_view.h - a session store as a user has it: through its serdes, and in the name of a
 * record.
 *
 * Whoever gives a handle out fills one of these. Reading goes through the record cache, so that a
 * task sees what it wrote; a view of what is stored looks below it and cannot write.
 *
 * Thread rule: that of the store.
 */
#ifndef KSI_STATE_SESSION_VIEW_H
#define KSI_STATE_SESSION_VIEW_H

#include "base/arena.h"
#include "base/logger.h"
#include "serde/mismatch.h"
#include "state/session_store.h"
#include "state/store_owner.h"
#include "state/store_serdes.h"
#include <kstreams/session_store.h>

struct ks_session_store {
    ksi_session_store *store;
    ksi_store_serdes serdes;
    /* The record in whose name is written, as it is at the moment; NULL: reads below the cache. */
    const ksi_record_context *context;
    ks_arena *arena;    /* where bytes are made; each call gives back what it took */
    ks_arena *results;  /* where values are put when a call names no arena; NULL: it must */
    ksi_logger *logger; /* may be NULL */
    /*
     * Told of values that nodes ask for another kind, when a call evicts rows and runs them; no
     * function: whoever is registered, which is right within a node.
     */
    ksi_mismatch_handler on_mismatch;
    ksi_store_owner owner;
};

#endif
