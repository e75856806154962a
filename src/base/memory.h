/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory.h - the one door to the heap.
 *
 * Small internal allocations never fail: the hook behind these functions reports the size wanted
 * and aborts, because librdkafka and RocksDB below us cannot do better either. What is sized by
 * data is bounded by a property before it comes here.
 */
#ifndef KSI_BASE_MEMORY_H
#define KSI_BASE_MEMORY_H

#include <stddef.h>

void *ksi_alloc(size_t size);
void *ksi_calloc(size_t count, size_t size);
void *ksi_realloc(void *pointer, size_t size);
void ksi_free(void *pointer);
char *ksi_strdup(const char *text); /* NULL stays NULL */

/*
 * Makes room for `needed` items: returns `items`, moved when it had to grow (doubling), and updates
 * `*capacity`.
 * items = ksi_grow(items, &capacity, count + 1, sizeof *items);
 */
void *ksi_grow(void *items, size_t *capacity, size_t needed, size_t item_size);

#endif
