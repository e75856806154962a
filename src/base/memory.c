/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory.c - the one door to the heap, and the hook that ends the process when there is no memory.
 *
 * The problem: a library that answers "out of memory" from every small allocation pays for it with
 * an error path in every function, none of which is ever run. librdkafka and RocksDB abort anyway.
 * So small allocations cannot fail here; what is sized by data is bounded by a property before it
 * reaches this file.
 *
 * Invariants: nothing returned is NULL, not even for size 0; a count times a size that overflows is
 * refused like any other size nobody has. The tempting wrong way is to let ksi_grow() double
 * without looking: near the end of size_t it wraps to a small block and the caller writes past it.
 *
 * Thread rule: any.
 */
#include "base/memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { FIRST_CAPACITY = 8 };

static KS_NORETURN void out_of_memory(size_t size)
{
    (void)fprintf(stderr, "kstreams: no memory for %zu bytes\n", size);
    abort();
}

void *ksi_alloc(size_t size)
{
    void *memory = malloc(size > 0 ? size : 1);
    if (memory == NULL) {
        out_of_memory(size);
    }
    return memory;
}

void *ksi_calloc(size_t count, size_t size)
{
    bool empty = count == 0 || size == 0;
    void *memory = calloc(empty ? 1 : count, empty ? 1 : size);
    if (memory == NULL) {
        out_of_memory(size > 0 && count > SIZE_MAX / size ? SIZE_MAX : count * size);
    }
    return memory;
}

void *ksi_realloc(void *pointer, size_t size)
{
    void *memory = realloc(pointer, size > 0 ? size : 1);
    if (memory == NULL) {
        out_of_memory(size);
    }
    return memory;
}

void ksi_free(void *pointer)
{
    free(pointer);
}

char *ksi_strdup(const char *text)
{
    if (text == NULL) {
        return NULL;
    }
    size_t size = strlen(text) + 1;
    char *copy = ksi_alloc(size);
    memcpy(copy, text, size);
    return copy;
}

void *ksi_grow(void *items, size_t *capacity, size_t needed, size_t item_size)
{
    KSI_ASSERT(item_size > 0);
    if (needed <= *capacity) {
        return items;
    }
    size_t most = SIZE_MAX / item_size;
    if (needed > most) {
        out_of_memory(SIZE_MAX);
    }
    size_t grown = *capacity < FIRST_CAPACITY ? FIRST_CAPACITY : *capacity;
    while (grown < needed) {
        grown = grown > most / 2 ? needed : grown * 2;
    }
    if (grown > most) {
        grown = needed;
    }
    items = ksi_realloc(items, grown * item_size);
    *capacity = grown;
    return items;
}
