/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash_index.c - see hash_index.h.
 *
 *     slots    (hash, item), probed one after another; at most five of eight are taken
 *
 * Invariants
 *   - An item stands at the place of its hash or behind it, with no free slot between.
 *   - Removing closes the gap in the run of slots, so that no search needs marks of what was.
 *
 * The tempting wrong way is chains through the items: finding out that a key is not there, taking
 * an item out, and growing then wait for the memory of items that nobody asked for, and in a large
 * index each of them is a line that the processor does not have.
 *
 * Thread rule: the owner's.
 */
#include "base/hash_index.h"

#include "base/memory.h"

#include <string.h>

enum { FIRST_SLOTS = 64 };

void ksi_hash_index_open(ksi_hash_index *index)
{
    *index = (ksi_hash_index){.slots = ksi_calloc(FIRST_SLOTS, sizeof *index->slots),
                              .slot_count = FIRST_SLOTS};
}

void ksi_hash_index_close(ksi_hash_index *index)
{
    ksi_free(index->slots);
    *index = (ksi_hash_index){0};
}

void ksi_hash_index_clear(ksi_hash_index *index)
{
    ksi_hash_index_close(index);
    ksi_hash_index_open(index);
}

static bool has_key(const ksi_tree_item *item, ks_slice key)
{
    return item->key.size == key.size &&
           (key.size == 0 || memcmp(item->key.data, key.data, key.size) == 0);
}

ksi_tree_item *ksi_hash_index_find(const ksi_hash_index *index, ks_slice key, uint64_t hash)
{
    const ksi_hash_slot *slots = index->slots;
    size_t mask = index->slot_count - 1;
    for (size_t i = hash & mask; slots[i].item != NULL; i = (i + 1) & mask) {
        if (slots[i].hash == hash && has_key(slots[i].item, key)) {
            return slots[i].item;
        }
    }
    return NULL;
}

static void place(ksi_hash_slot *slots, size_t mask, ksi_hash_slot slot)
{
    size_t i = slot.hash & mask;
    while (slots[i].item != NULL) {
        i = (i + 1) & mask;
    }
    slots[i] = slot;
}

static void grow(ksi_hash_index *index)
{
    size_t count = index->slot_count * 2;
    ksi_hash_slot *slots = ksi_calloc(count, sizeof *slots);
    for (size_t i = 0; i < index->slot_count; i++) {
        if (index->slots[i].item != NULL) {
            place(slots, count - 1, index->slots[i]);
        }
    }
    ksi_free(index->slots);
    index->slots = slots;
    index->slot_count = count;
}

void ksi_hash_index_add(ksi_hash_index *index, ksi_tree_item *item, uint64_t hash)
{
    if (index->count >= index->slot_count / 8 * 5) {
        grow(index);
    }
    place(index->slots, index->slot_count - 1, (ksi_hash_slot){.hash = hash, .item = item});
    index->count++;
}

/* Later slots of the run move up unless they are before their place. */
static void close_gap(ksi_hash_index *index, size_t gap)
{
    ksi_hash_slot *slots = index->slots;
    size_t mask = index->slot_count - 1;
    for (size_t i = (gap + 1) & mask; slots[i].item != NULL; i = (i + 1) & mask) {
        size_t home = slots[i].hash & mask;
        if (((i - home) & mask) >= ((i - gap) & mask)) {
            slots[gap] = slots[i];
            gap = i;
        }
    }
    slots[gap] = (ksi_hash_slot){0};
}

void ksi_hash_index_remove(ksi_hash_index *index, const ksi_tree_item *item, uint64_t hash)
{
    size_t mask = index->slot_count - 1;
    size_t i = hash & mask;
    while (index->slots[i].item != item) {
        i = (i + 1) & mask;
    }
    close_gap(index, i);
    index->count--;
}

ksi_tree_item *ksi_hash_index_at(const ksi_hash_index *index, size_t *at)
{
    while (*at < index->slot_count && index->slots[*at].item == NULL) {
        (*at)++;
    }
    return *at < index->slot_count ? index->slots[*at].item : NULL;
}
