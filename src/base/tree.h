/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.h - the ordered tree: items of the owner's, in the order of the unsigned bytes of their
 * keys.
 *
 * What stores and write buffers are made of. An item is a ksi_tree_item within any struct; the tree
 * keeps its address and nothing else. A cursor knows when the tree has changed and finds the next
 * key again: iterating survives inserts and removals.
 *
 * Thread rule: the owner's.
 */
#ifndef KSI_BASE_TREE_H
#define KSI_BASE_TREE_H

#include <kstreams/common.h>

typedef struct ksi_tree ksi_tree;

/* What an item is to the tree. The key must not change while the item is in a tree. */
typedef struct ksi_tree_item {
    ks_slice key;
} ksi_tree_item;

ksi_tree *ksi_tree_new(void);
void ksi_tree_free(ksi_tree *tree);  /* accepts NULL; not the items */
void ksi_tree_clear(ksi_tree *tree); /* forgets the items */
uint64_t ksi_tree_count(const ksi_tree *tree);

/* The item of a key, or NULL. */
ksi_tree_item *ksi_tree_get(const ksi_tree *tree, ks_slice key);
/* False, and nothing done, when an item of that key is there. */
bool ksi_tree_insert(ksi_tree *tree, ksi_tree_item *item);
/* Takes the item of a key out; NULL when there is none. */
ksi_tree_item *ksi_tree_remove(ksi_tree *tree, ks_slice key);

/*
 * Smallest item, smallest >= key, smallest > key; greatest, greatest <= key, greatest < key; NULL
 * when there is none.
 */
ksi_tree_item *ksi_tree_first(const ksi_tree *tree);
ksi_tree_item *ksi_tree_at_or_above(const ksi_tree *tree, ks_slice key);
ksi_tree_item *ksi_tree_above(const ksi_tree *tree, ks_slice key);
ksi_tree_item *ksi_tree_last(const ksi_tree *tree);
ksi_tree_item *ksi_tree_at_or_below(const ksi_tree *tree, ks_slice key);
ksi_tree_item *ksi_tree_below(const ksi_tree *tree, ks_slice key);

/* ---- cursors --------------------------------------------------------------------------------- */

enum { KSI_TREE_DEEPEST = 16 };

/*
 * A place in the tree that moves to the next item without searching, and searches again by itself
 * when the tree has changed meanwhile. Fill it with ksi_tree_seek(); nothing to free.
 */
typedef struct ksi_tree_cursor {
    const ksi_tree *tree;
    uint64_t changes; /* of the tree, when the place was found */
    ksi_tree_item *item;
    struct {
        void *node;
        size_t position;
    } steps[KSI_TREE_DEEPEST];
    size_t depth;
} ksi_tree_cursor;

/* The first item >= key (last <= key when `backward`); the first (last) of all for a null key. */
ksi_tree_item *ksi_tree_seek(ksi_tree_cursor *cursor, const ksi_tree *tree, ks_slice key,
                             bool backward);
/*
 * The item behind the one whose key is `after`, which the cursor gave last and which may have left
 * the tree since.
 */
ksi_tree_item *ksi_tree_next(ksi_tree_cursor *cursor, ks_slice after);
ksi_tree_item *ksi_tree_previous(ksi_tree_cursor *cursor, ks_slice before);

#endif
