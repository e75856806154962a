/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_view.h - stores as a user has them: through their serdes, and in the name of a record.
 *
 * Whoever gives handles out, a processor's context or a test driver, says once in whose name and
 * into which arenas (ksi_store_view), and makes a handle of the store's kind of it. Reading goes
 * through the record cache, so that a task sees what it wrote; a handle without a record looks
 * below the cache and cannot write.
 *
 * A call turns keys and values into bytes first and touches the store afterwards, so that what a
 * serde refuses has changed nothing. Bytes are made in the view's arena and given back at the end
 * of the call, which may be long: a write can evict rows, which are then forwarded, and the nodes
 * below may use this very handle. Marks nest, so that is harmless.
 *
 * Thread rule: that of the store.
 */
#ifndef KSI_STATE_STORE_VIEW_H
#define KSI_STATE_STORE_VIEW_H

#include "base/arena.h"
#include "base/logger.h"
#include "serde/mismatch.h"
#include "state/custom_store.h"
#include "state/key_value_store.h"
#include "state/session_store.h"
#include "state/store_owner.h"
#include "state/store_serdes.h"
#include "state/versioned_store.h"
#include "state/window_store.h"
#include <kstreams/session_store.h>
#include <kstreams/store.h>
#include <kstreams/window_store.h>

/* What the handles of all kinds of stores have in common. */
typedef struct ksi_store_view {
    ksi_store_serdes serdes;
    /* The record in whose name is written, as it is at the moment; NULL: reads below the cache. */
    const ksi_record_context *context;
    ks_arena *arena;    /* where bytes are made; each call gives back what it took */
    ks_arena *results;  /* where is put what was read when a call names no arena; NULL: it must */
    ksi_logger *logger; /* may be NULL */
    /*
     * Told of values that nodes ask for another kind, when a call evicts rows and runs them; no
     * function: whoever is registered, which is right within a node.
     */
    ksi_mismatch_handler on_mismatch;
    ksi_store_owner owner;
} ksi_store_view;

struct ks_key_value_store {
    ksi_key_value_store *store;
    ksi_store_view view;
};

struct ks_versioned_store {
    ksi_versioned_store *store;
    ksi_store_view view;
};

struct ks_window_store {
    ksi_window_store *store;
    ksi_store_view view;
};

struct ks_session_store {
    ksi_session_store *store;
    ksi_store_view view;
};

struct ks_custom_store {
    ksi_custom_store *store;
    ksi_store_view view; /* its rows are bytes: no serdes */
};

/* A handle of the kind that its store is of. */
typedef union ksi_store_handle {
    ks_key_value_store key_value;
    ks_versioned_store versioned;
    ks_window_store window;
    ks_session_store session;
    ks_custom_store custom;
} ksi_store_handle;

ksi_store_handle ksi_store_handle_of(ksi_store *store, const ksi_store_view *view);

/* ---- what calls of all kinds do -------------------------------------------------------------- */

/* Before and after what may evict rows, which runs nodes. */
ksi_mismatch_handler ksi_store_view_listen(const ksi_store_view *view);
void ksi_store_view_listen_no_more(ksi_mismatch_handler before);

KS_NODISCARD ks_status ksi_store_view_writable(const ksi_store_view *view, ks_error *error);

enum { KSI_TIME_OF_THE_RECORD = -1 };
/* The timestamp of what is written: as given, or that of the record. */
KS_NODISCARD ks_status ksi_store_view_time(const ksi_store_view *view, bool is_timestamped,
                                           int64_t timestamp, int64_t *time, ks_error *error);

/* Where what was read is put: the arena that the call names, or the view's. */
KS_NODISCARD ks_status ksi_store_view_results(const ksi_store_view *view, ks_arena **arena,
                                              ks_error *error);
/* What a call took of the view's arena is given back, unless the result is there. */
void ksi_store_view_give_back(const ksi_store_view *view, ksi_arena_mark mark,
                              const ks_arena *result);

/* A call was given no iterator. */
ks_status ksi_refuse_no_iterator(ks_error *error);

#endif
