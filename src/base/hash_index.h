/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash_index.h - finding items by the bytes of their keys: a table of addresses with their hashes.
 *
 * An item is what a tree takes (tree.h), so one item can stand in both: found here, in order there.
 * The index keeps its address and hash and nothing else; the owner computes the hash once
 * (ksi_slice_hash) and keeps it for taking the item out.
 *
 * Thread rule: the owner's. Finding changes nothing, so several threads may do that at once while
 * none does anything else.
 */
#ifndef KSI_BASE_HASH_INDEX_H
#define KSI_BASE_HASH_INDEX_H

#include "base/tree.h"

/* The hash beside the address: probing and growing touch no item that is not asked for. */
typedef struct ksi_hash_slot {
    uint64_t hash;
    ksi_tree_item *item; /* NULL: free */
} ksi_hash_slot;

/* To be read by others, too: how many items there are, and how many there is room for. */
typedef struct ksi_hash_index {
    ksi_hash_slot *slots;
    size_t slot_count; /* a power of two */
    size_t count;
} ksi_hash_index;

void ksi_hash_index_open(ksi_hash_index *index);
void ksi_hash_index_close(ksi_hash_index *index); /* not the items; of zeros, too */
/* Forgets the items, and the room that was made for them. */
void ksi_hash_index_clear(ksi_hash_index *index);

/* The item of a key, or NULL. `hash` is ksi_slice_hash() of the key, here and below. */
ksi_tree_item *ksi_hash_index_find(const ksi_hash_index *index, ks_slice key, uint64_t hash);
/* Asks for the memory in which a hash will be looked up soon. */
static inline void ksi_hash_index_expect(const ksi_hash_index *index, uint64_t hash)
{
    __builtin_prefetch(&index->slots[hash & (index->slot_count - 1)]);
}
/* No item of that key is there. */
void ksi_hash_index_add(ksi_hash_index *index, ksi_tree_item *item, uint64_t hash);
/* The item is there. */
void ksi_hash_index_remove(ksi_hash_index *index, const ksi_tree_item *item, uint64_t hash);
/*
 * The item in slot `*at` or behind it, in no order that means anything; NULL at the end.
 *
 *     for (size_t i = 0; (item = ksi_hash_index_at(index, &i)) != NULL; i++) ...
 */
ksi_tree_item *ksi_hash_index_at(const ksi_hash_index *index, size_t *at);

#endif
