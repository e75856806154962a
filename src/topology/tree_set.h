/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree_set.h - a java.util.TreeSet of described nodes, red-black tree and all.
 *
 * Only for description.c, which fills such sets while the sizes that order them still grow: where
 * an element ends up then depends on which elements it was compared with, that is, on the exact
 * shape of Java's tree at that moment.
 *
 * Thread rule: the owner's.
 */
#ifndef KSI_TOPOLOGY_TREE_SET_H
#define KSI_TOPOLOGY_TREE_SET_H

#include "base/arena.h"

/* A node as the description sees it. */
typedef struct ksi_described ksi_described;

typedef struct ksi_tree_set_entry ksi_tree_set_entry;

typedef struct ksi_tree_set {
    ksi_tree_set_entry *root;
} ksi_tree_set;

struct ksi_described {
    const char *name;
    size_t index; /* of the topology's node */
    int size;     /* of the tree below: itself and, path by path, its successors */
    ksi_tree_set parents;
    ksi_tree_set children;
};

/*
 * Adds a node unless it is there; ordered by descending size, then name, as they are at this
 * moment.
 */
void ksi_tree_set_add(ksi_tree_set *set, ksi_described *node, ks_arena *arena);

/* Calls `visit` for each node in the order of the tree. */
void ksi_tree_set_each(const ksi_tree_set *set, void (*visit)(ksi_described *node, void *user),
                       void *user);

#endif
