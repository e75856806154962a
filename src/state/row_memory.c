/* SPDX-License-Identifier: Apache-2.0 */
/*
 * row_memory.c - see row_memory.h.
 *
 *     slab     [ next | piece | piece | ...            cursor --> | free ]
 *     lists    16  32  48 ... 512      pieces that were given back, by size
 *     large    blocks in a ring, so that one can leave it and all can be freed
 *
 * Slabs double from 1 KB to 64 KB: a store of a few rows takes little. What is left of a slab that
 * is too short for the next piece becomes a piece of its own size.
 *
 * With the address sanitizer every piece is a large one, so that it sees who touches what was given
 * back.
 *
 * Thread rule: the owner's.
 */
#include "state/row_memory.h"

#include "base/arena.h"
#include "base/memory.h"

#include <stdint.h>

enum { FIRST_SLAB = 1024, LARGEST_SLAB = 64 * 1024 };
enum { SIZES = KSI_ROW_MEMORY_MOST / KSI_ROW_MEMORY_STEP + 1 };

typedef struct piece {
    struct piece *next;
} piece;

typedef struct slab {
    struct slab *next;
    uint64_t unused; /* keeps pieces aligned */
} slab;

typedef struct large {
    struct large *next;
    struct large *before;
} large;

struct ksi_row_memory {
    char *cursor;
    char *end;
    slab *slabs;
    size_t slab_size;
    large ring; /* its `next` is the first */
    piece *lists[SIZES];
};

ksi_row_memory *ksi_row_memory_new(void)
{
    ksi_row_memory *memory = ksi_calloc(1, sizeof *memory);
    memory->slab_size = FIRST_SLAB;
    memory->ring.next = &memory->ring;
    memory->ring.before = &memory->ring;
    return memory;
}

void ksi_row_memory_free(ksi_row_memory *memory)
{
    if (memory == NULL) {
        return;
    }
    while (memory->slabs != NULL) {
        slab *next = memory->slabs->next;
        ksi_free(memory->slabs);
        memory->slabs = next;
    }
    for (large *it = memory->ring.next; it != &memory->ring;) {
        large *next = it->next;
        ksi_free(it);
        it = next;
    }
    ksi_free(memory);
}

static bool is_large(size_t size)
{
#ifdef KSI_ARENA_GUARDED
    return size > 0;
#else
    return size > KSI_ROW_MEMORY_MOST;
#endif
}

static void *take_large(ksi_row_memory *memory, size_t size)
{
    large *it = ksi_alloc(sizeof *it + size);
    *it = (large){.next = memory->ring.next, .before = &memory->ring};
    it->next->before = it;
    memory->ring.next = it;
    return it + 1;
}

static void give_large(void *bytes)
{
    large *it = (large *)bytes - 1;
    it->next->before = it->before;
    it->before->next = it->next;
    ksi_free(it);
}

static void put_in_list(ksi_row_memory *memory, void *bytes, size_t room)
{
    piece *it = bytes;
    piece **list = &memory->lists[room / KSI_ROW_MEMORY_STEP];
    it->next = *list;
    *list = it;
}

static void next_slab(ksi_row_memory *memory)
{
    size_t left = (size_t)(memory->end - memory->cursor);
    if (memory->cursor != NULL && left >= KSI_ROW_MEMORY_STEP) {
        put_in_list(memory, memory->cursor, left);
    }
    slab *it = ksi_alloc(memory->slab_size);
    it->next = memory->slabs;
    memory->slabs = it;
    memory->cursor = (char *)(it + 1);
    memory->end = (char *)it + memory->slab_size;
    if (memory->slab_size < LARGEST_SLAB) {
        memory->slab_size *= 2;
    }
}

void *ksi_row_memory_take(ksi_row_memory *memory, size_t size)
{
    if (is_large(size)) {
        return take_large(memory, size);
    }
    size_t room = ksi_row_memory_room(size > 0 ? size : 1);
    piece **list = &memory->lists[room / KSI_ROW_MEMORY_STEP];
    if (*list != NULL) {
        piece *it = *list;
        *list = it->next;
        return it;
    }
    if (memory->cursor == NULL || (size_t)(memory->end - memory->cursor) < room) {
        next_slab(memory);
    }
    void *bytes = memory->cursor;
    memory->cursor += room;
    return bytes;
}

void ksi_row_memory_give(ksi_row_memory *memory, void *bytes, size_t size)
{
    if (bytes == NULL) {
        return;
    }
    if (is_large(size)) {
        give_large(bytes);
        return;
    }
    put_in_list(memory, bytes, ksi_row_memory_room(size > 0 ? size : 1));
}
