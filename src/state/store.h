/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.h - what every store of a task has: a spec, rows, a flush and an end.
 *
 *     ksi_store                 here: what a task does with any store
 *       ksi_key_value_store     key_value_store.h; the kinds extend it: it is their first member
 *       ksi_versioned_store     versioned_store.h
 *       ksi_custom_store        custom_store.h
 *       ksi_suppress_buffer     suppress_buffer.h
 *
 * A task holds ksi_store pointers and never asks for the kind. Whoever reads and writes does: it
 * turns the pointer into that of the kind it needs (ksi_key_value_store_of()), which answers NULL
 * for a store of another.
 *
 * A new kind is a file with its layout on top of the row store, a case in ksi_store_open(), and a
 * public handle.
 *
 * Thread rule: the thread of the task.
 */
#ifndef KSI_STATE_STORE_H
#define KSI_STATE_STORE_H

#include "state/changelog.h"
#include "state/record_cache.h"
#include "state/record_context.h"
#include "state/row_store.h"
#include "state/store_query.h"
#include "state/store_spec.h"

typedef struct ksi_store ksi_store;

typedef struct ksi_store_class {
    /*
     * Empties what the store holds back from rows and changelog. Before every commit; may forward,
     * so other stores may be written. NULL: it holds nothing back.
     */
    ks_status (*flush)(ksi_store *store, ks_error *error);
    /* Behind the flushes of all stores, the last to write before the commit. NULL: nothing. */
    ks_status (*settle)(ksi_store *store, ks_error *error);
    /* Drops what was not flushed and frees the store, with ksi_store_end() of its base. */
    void (*close)(ksi_store *store);
} ksi_store_class;

struct ksi_store {
    const ksi_store_class *class;
    const ksi_store_spec *spec;
    ksi_row_store *rows; /* what is committed, applied, restored and iterated; NULL: a reader */
    bool owns_rows;
};

/* What a store is opened with. All but the spec may be NULL; what is given outlives the store. */
typedef struct ksi_store_options {
    const ksi_store_spec *spec;
    ksi_changelog *changelog; /* NULL: not logged */
    ksi_record_cache *cache;  /* NULL: not cached, whatever the spec says */
    ksi_row_store *rows;      /* NULL: in memory, its own */
    /* The record in hand, of which a store that writes by itself takes the timestamp. */
    const ksi_record_context *context;
    int64_t pending_max_bytes; /* more uncommitted rows go to the disk early; 0: no bound */
    /*
     * A store that another thread writes, such as a global one: it can be read only, through this,
     * and the fields between spec and here mean nothing. NULL: the store is the caller's.
     */
    ksi_store_query *query;
    /*
     * Beside the query, where one thread writes and reads, as in a test: the store that writes.
     * Keys and values are read through its record cache, where that counts as a use.
     */
    ksi_store *writer;
    void (*too_late)(void *owner); /* told of each write that the retention refuses */
    void *owner;
} ksi_store_options;

/* Rows in memory for a store: with its bound, if it has one. */
ksi_row_store *ksi_store_rows_in_memory(const ksi_store_spec *spec);

/* For the kinds: the base of a store with the rows it was given, else rows of its own in memory. */
void ksi_store_begin(ksi_store *store, const ksi_store_class *class,
                     const ksi_store_options *options);
/* The rows outlive the store unless they are its own. */
void ksi_store_end(ksi_store *store);

/* A store of the kind that the spec says. NULL with an error when its rows do not fit. */
ksi_store *ksi_store_open(const ksi_store_options *options, ks_error *error);

KS_NODISCARD static inline ks_status ksi_store_flush(ksi_store *store, ks_error *error)
{
    return store->class->flush != NULL ? store->class->flush(store, error) : KS_OK;
}

KS_NODISCARD static inline ks_status ksi_store_settle(ksi_store *store, ks_error *error)
{
    return store->class->settle != NULL ? store->class->settle(store, error) : KS_OK;
}

static inline void ksi_store_close(ksi_store *store)
{
    if (store != NULL) {
        store->class->close(store);
    }
}

#endif
