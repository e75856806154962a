/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heap.c - a binary heap whose order of equals is java.util.PriorityQueue's.
 *
 * Any heap returns a smallest item; which one of several equals is left open by the idea and fixed
 * by Java's code. Records of two partitions with one timestamp are processed in that order, so
 * results depend on it. The moves below are therefore the observable ones of PriorityQueue: strict
 * comparisons when sifting, the left child when both are equal, and in ksi_heap_remove() first down
 * and, only when the moved leaf stayed where it was put, up.
 *
 * Invariant: no item is smaller than its parent, (i - 1) / 2.
 * The tempting wrong way is a pairing heap or a sorted array: faster, and wrong by one tie.
 *
 * Thread rule: the owner's.
 */
#include "base/heap.h"

#include "base/memory.h"

void ksi_heap_init(ksi_heap *heap, ksi_heap_compare_fn *compare)
{
    *heap = (ksi_heap){.compare = compare};
}

void ksi_heap_destroy(ksi_heap *heap)
{
    ksi_free(heap->items);
    *heap = (ksi_heap){.compare = heap->compare};
}

static void sift_up(ksi_heap *heap, size_t at, void *item)
{
    while (at > 0) {
        size_t parent = (at - 1) / 2;
        if (heap->compare(item, heap->items[parent]) >= 0) {
            break;
        }
        heap->items[at] = heap->items[parent];
        at = parent;
    }
    heap->items[at] = item;
}

static void sift_down(ksi_heap *heap, size_t at, void *item)
{
    size_t first_leaf = heap->count / 2;
    while (at < first_leaf) {
        size_t child = 2 * at + 1;
        if (child + 1 < heap->count &&
            heap->compare(heap->items[child], heap->items[child + 1]) > 0) {
            child++;
        }
        if (heap->compare(item, heap->items[child]) <= 0) {
            break;
        }
        heap->items[at] = heap->items[child];
        at = child;
    }
    heap->items[at] = item;
}

void ksi_heap_push(ksi_heap *heap, void *item)
{
    heap->items = ksi_grow(heap->items, &heap->capacity, heap->count + 1, sizeof *heap->items);
    heap->count++;
    sift_up(heap, heap->count - 1, item);
}

void *ksi_heap_peek(const ksi_heap *heap)
{
    return heap->count > 0 ? heap->items[0] : NULL;
}

void *ksi_heap_pop(ksi_heap *heap)
{
    if (heap->count == 0) {
        return NULL;
    }
    void *smallest = heap->items[0];
    void *leaf = heap->items[--heap->count];
    if (heap->count > 0) {
        sift_down(heap, 0, leaf);
    }
    return smallest;
}

bool ksi_heap_remove(ksi_heap *heap, void *item)
{
    size_t at = 0;
    while (at < heap->count && heap->items[at] != item) {
        at++;
    }
    if (at == heap->count) {
        return false;
    }
    void *leaf = heap->items[--heap->count];
    if (at < heap->count) {
        sift_down(heap, at, leaf);
        if (heap->items[at] == leaf) {
            sift_up(heap, at, leaf);
        }
    }
    return true;
}
