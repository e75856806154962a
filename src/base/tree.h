/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.h - the ordered tree: bytes -> bytes with a timestamp, in the order of unsigned bytes.
 *
 * What stores in memory and write buffers are made of. Keys and values are copied in. Every entry's
 * address is stable until it is removed, so a cursor is a key and not a node: iterating survives
 * puts and deletes by finding the next key again.
 *
 * Thread rule: the owner's.
 */
#ifndef KSI_BASE_TREE_H
#define KSI_BASE_TREE_H

#include <kstreams/common.h>

typedef struct ksi_tree ksi_tree;

/* An entry as it stands in the tree: borrowed until it is put again or removed. */
typedef struct ksi_tree_entry {
    ks_slice key;
    ks_slice value; /* may be the null slice: what that means is the owner's business */
    int64_t timestamp;
} ksi_tree_entry;

ksi_tree *ksi_tree_new(void);
void ksi_tree_free(ksi_tree *tree);
void ksi_tree_clear(ksi_tree *tree);
uint64_t ksi_tree_count(const ksi_tree *tree);
/* Bytes of keys and values, without the tree's own. */
uint64_t ksi_tree_bytes(const ksi_tree *tree);

/* The entry of a key, or NULL. */
const ksi_tree_entry *ksi_tree_get(const ksi_tree *tree, ks_slice key);
/* Puts or replaces. The slices may point into the tree itself. Returns the entry. */
const ksi_tree_entry *ksi_tree_put(ksi_tree *tree, ks_slice key, ks_slice value, int64_t timestamp);
/* Removes; false when it was not there. */
bool ksi_tree_remove(ksi_tree *tree, ks_slice key);

/*
 * Smallest entry, smallest >= key, smallest > key; greatest, greatest <= key, greatest < key; NULL
 * when there is none.
 */
const ksi_tree_entry *ksi_tree_first(const ksi_tree *tree);
const ksi_tree_entry *ksi_tree_at_or_above(const ksi_tree *tree, ks_slice key);
const ksi_tree_entry *ksi_tree_above(const ksi_tree *tree, ks_slice key);
const ksi_tree_entry *ksi_tree_last(const ksi_tree *tree);
const ksi_tree_entry *ksi_tree_at_or_below(const ksi_tree *tree, ks_slice key);
const ksi_tree_entry *ksi_tree_below(const ksi_tree *tree, ks_slice key);

#endif
