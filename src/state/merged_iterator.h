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

#include "state/record_cache.h"
#include "state/row_store.h"
#include "state/store_query.h"

typedef struct ksi_merged_iterator ksi_merged_iterator;

/* `cached` NULL: there is nothing above the rows. Both outlive the iterator; bounds are copied. */
ksi_merged_iterator *ksi_merged_iterator_open(ksi_named_cache *cached, ksi_row_store *rows,
                                              const ksi_row_range *range);
/* A range of a store that others write: page by page, as a query reads it. */
ksi_merged_iterator *ksi_merged_iterator_open_query(ksi_store_query *query,
                                                    const ksi_row_range *range);
/* The next row, borrowed until the next call; `*found` false at the end. */
KS_NODISCARD ks_status ksi_merged_iterator_next(ksi_merged_iterator *iterator, ksi_row *row,
                                                bool *found, ks_error *error);
void ksi_merged_iterator_close(ksi_merged_iterator *iterator); /* accepts NULL */

#endif
