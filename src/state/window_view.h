/* SPDX-License-Identifier: Apache-2.0 */
/*
 * window_view.h - a window store as a user has it: through its serdes, and in the name of a record.
 *
 * Whoever gives a handle out fills one of these. Reading goes through the record cache, so that a
 * task sees what it wrote; a view of what is stored looks below it and cannot write.
 *
 * Thread rule: that of the store.
 */
#ifndef KSI_STATE_WINDOW_VIEW_H
#define KSI_STATE_WINDOW_VIEW_H

#include "base/arena.h"
#include "base/logger.h"
#include "serde/mismatch.h"
#include "state/store_owner.h"
#include "state/store_serdes.h"
#include "state/window_store.h"
#include <kstreams/window_store.h>

struct ks_window_store {
    ksi_window_store *store;
    ksi_store_serdes serdes;
    /* The record in whose name is written, as it is at the moment; NULL: reads below the cache. */
    const ksi_record_context *context;
    ks_arena *arena;    /* where bytes are made; each call gives back what it took */
    ks_arena *results;  /* where entries are put when a call names no arena; NULL: it must */
    ksi_logger *logger; /* may be NULL */
    /*
     * Told of values that nodes ask for another kind, when a call evicts rows and runs them; no
     * function: whoever is registered, which is right within a node.
     */
    ksi_mismatch_handler on_mismatch;
    ksi_store_owner owner;
};

#endif
