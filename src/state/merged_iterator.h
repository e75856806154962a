/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merged_iterator.h - a range of a store as its owner sees it: what the record cache has over the
 * rows below. @java MergedSortedCacheKeyValueBytesStoreIterator
 *
 * The keys are those that were there when the iterator was opened, each with its newest row; one
 * that was deleted meanwhile is left out. The store may be read and written in between.
 *
 * Thread rule: that of the store.
 */
#ifndef KSI_STATE_MERGED_ITERATOR_H
#define KSI_STATE_MERGED_ITERATOR_H

#include "state/cache_walk.h"
#include "state/row_store.h"
#include "state/store_query.h"

typedef struct ksi_merged_iterator ksi_merged_iterator;

/* Whether a stored row has expired for its readers. */
typedef bool ksi_row_hidden_fn(const void *owner, ks_slice key);

/* What is given outlives the iterator. */
typedef struct ksi_merged_options {
    ksi_named_cache *cached; /* NULL: there is nothing above the rows */
    ksi_row_store *rows;
    ksi_row_hidden_fn *hides; /* rows are left out, though not what the cache has; NULL: none is */
    const void *hides_owner;
    /*
     * The walk over the cached rows of several ranges, which goes on from one to the next; NULL:
     * one over the rows of the range. With it the bounds of a range must live until the next.
     */
    ksi_cache_walk *walk;
    bool is_no_use; /* nothing becomes the one used last; without `walk` */
} ksi_merged_options;

/* The bounds are copied, but see `walk`. */
ksi_merged_iterator *ksi_merged_iterator_open(const ksi_merged_options *options,
                                              const ksi_row_range *range);
/*
 * Lets go of what it holds of the store; it has no next row until it begins again, as one that was
 * just opened. Not of a query.
 */
void ksi_merged_iterator_stop(ksi_merged_iterator *iterator);
void ksi_merged_iterator_restart(ksi_merged_iterator *iterator, const ksi_merged_options *options,
                                 const ksi_row_range *range);
/* A range of a store that others write: page by page, as a query reads it. */
ksi_merged_iterator *ksi_merged_iterator_open_query(ksi_store_query *query,
                                                    const ksi_row_range *range);
/* The next row, borrowed until the next call; `*found` false at the end. */
KS_NODISCARD ks_status ksi_merged_iterator_next(ksi_merged_iterator *iterator, ksi_row *row,
                                                bool *found, ks_error *error);
void ksi_merged_iterator_close(ksi_merged_iterator *iterator); /* accepts NULL */

#endif
