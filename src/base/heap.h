/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heap.h - a binary heap that breaks ties exactly as java.util.PriorityQueue.
 *
 * Which of two input partitions with equal timestamps goes first decides results, so the order of
 * equals is part of the semantics: push sifts up while strictly smaller than the parent; pop moves
 * the last leaf to the root and sifts it down to the smaller child (the left one when equal) while
 * that child is strictly smaller. (Checked against java.util.PriorityQueue of OpenJDK 17.)
 */
#ifndef KSI_BASE_HEAP_H
#define KSI_BASE_HEAP_H

#include <kstreams/common.h>

/* Negative, zero or positive, as a before, equal to or after b. */
typedef int ksi_heap_compare_fn(const void *a, const void *b);

typedef struct ksi_heap {
    void **items;
    size_t count;
    size_t capacity;
    ksi_heap_compare_fn *compare;
} ksi_heap;

void ksi_heap_init(ksi_heap *heap, ksi_heap_compare_fn *compare);
void ksi_heap_destroy(ksi_heap *heap); /* not the items */
void ksi_heap_push(ksi_heap *heap, void *item);
void *ksi_heap_peek(const ksi_heap *heap); /* NULL when empty */
void *ksi_heap_pop(ksi_heap *heap);        /* NULL when empty */
bool ksi_heap_remove(ksi_heap *heap,
                     void *item); /* as PriorityQueue#remove(Object); false when it is not there */

#endif
