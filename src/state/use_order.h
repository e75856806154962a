/* SPDX-License-Identifier: Apache-2.0 */
/*
 * use_order.h - the keys of a store with a bound, in the order of their use: who goes when there is
 * one too many. @java MemoryLRUCache
 *
 * Reading and writing a key count as use. What was done since the last commit can be taken back,
 * because rows can: a key that was evicted by an aborted transaction comes back to its old place.
 *
 * Thread rule: that of the row store it belongs to.
 */
#ifndef KSI_STATE_USE_ORDER_H
#define KSI_STATE_USE_ORDER_H

#include <kstreams/common.h>

typedef struct ksi_use_order ksi_use_order;

ksi_use_order *ksi_use_order_new(void);
void ksi_use_order_free(ksi_use_order *order); /* accepts NULL */

size_t ksi_use_order_count(const ksi_use_order *order);
bool ksi_use_order_has(const ksi_use_order *order, ks_slice key);
/* The key that was not used for longest, borrowed until it is removed; null when there is none. */
ks_slice ksi_use_order_eldest(const ksi_use_order *order);

/* The key becomes the one used last; it is copied when it is new. */
void ksi_use_order_add(ksi_use_order *order, ks_slice key);
/* The same for a key that is there; nothing for one that is not. */
void ksi_use_order_use(ksi_use_order *order, ks_slice key);
void ksi_use_order_remove(ksi_use_order *order,
                          ks_slice key); /* the slice may be the order's own */
void ksi_use_order_clear(ksi_use_order *order);

void ksi_use_order_commit(ksi_use_order *order);
/* Everything is as it was after the last commit. */
void ksi_use_order_abort(ksi_use_order *order);

#endif
