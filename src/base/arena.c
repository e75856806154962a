/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.c - memory that is given back all at once, with marks for a part of it.
 *
 *     first -> [ block | block | block | spare ] -> NULL
 *     big   -> [ newest ] -> [ older ] -> NULL
 *                                ^ current: cursor .. end
 *
 * The problem: a record makes dozens of small values that all die together. Freeing each is slow
 * and easy to forget; one arena for the whole record is neither, but a loop inside a callback (an
 * iterator, a punctuator that forwards) would pile up memory until the callback returns. So there
 * are marks: releasing one gives back what came after it.
 *
 * Invariants
 *   - blocks before `current` are full, blocks behind it are spare; spare blocks are kept until the
 *     arena is destroyed, so a steady state allocates nothing
 *   - a request of more than half a block gets a block of its own on the list `big`, which is a
 *     stack: a mark remembers its top and releasing pops to it. These are freed at once, so that
 *     one huge record does not hold its memory for ever
 *   - cleanups are a stack too; they run newest first and before any memory is given back, because
 *     what they free may be described by memory of the arena
 *   - marks nest: releasing one that was already given back by an outer one is a mistake of the
 *     caller
 *
 * The tempting wrong way is to put big blocks into the chain: what was left of the current block is
 * lost at every one.
 *
 * Thread rule: an arena belongs to one thread at a time.
 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/check.h"
#include "base/memory.h"

#include <kstreams/serde.h> /* ks_arena_new() and its kin are public */

#ifdef KSI_ARENA_GUARDED
#include <sanitizer/asan_interface.h>
#define GUARD(address, size) ASAN_POISON_MEMORY_REGION(address, size)
#define UNGUARD(address, size) ASAN_UNPOISON_MEMORY_REGION(address, size)
#else
#define GUARD(address, size) ((void)0)
#define UNGUARD(address, size) ((void)0)
#endif

enum { DEFAULT_BLOCK_SIZE = 16 * 1024, SMALLEST_BLOCK_SIZE = 256, RELEASED_BYTE = 0xdd };

struct ksi_arena_block {
    ksi_arena_block *next;
    size_t size; /* of `memory`, a multiple of 16 */
    _Alignas(16) char memory[];
};

struct ksi_arena_cleanup {
    ksi_arena_cleanup *next;
    ks_free_fn *release;
    void *pointer;
};

static size_t rounded(size_t size)
{
    return (size + 15u) & ~(size_t)15u;
}

static ksi_arena_block *new_block(size_t size)
{
    ksi_arena_block *block = ksi_alloc(sizeof *block + size);
    block->next = NULL;
    block->size = size;
    GUARD(block->memory, size);
    return block;
}

static void free_block(ksi_arena_block *block)
{
    UNGUARD(block->memory, block->size);
    ksi_free(block);
}

static void enter_block(ks_arena *arena, ksi_arena_block *block)
{
    arena->current = block;
    arena->cursor = block->memory;
    arena->end = block->memory + block->size;
}

void ksi_arena_init(ks_arena *arena, size_t block_size)
{
    *arena = (ks_arena){0};
    arena->block_size = block_size == 0 ? DEFAULT_BLOCK_SIZE : rounded(block_size);
    if (arena->block_size < SMALLEST_BLOCK_SIZE) {
        arena->block_size = SMALLEST_BLOCK_SIZE;
    }
}

void ksi_arena_destroy(ks_arena *arena)
{
    ksi_arena_reset(arena);
    for (ksi_arena_block *block = arena->first; block != NULL;) {
        ksi_arena_block *next = block->next;
        free_block(block);
        block = next;
    }
    ksi_arena_init(arena, arena->block_size);
}

static void *alloc_big(ks_arena *arena, size_t size)
{
    KSI_CHECK(size <= SIZE_MAX - sizeof(ksi_arena_block) - 16u);
    ksi_arena_block *block = new_block(rounded(size));
    block->next = arena->big;
    arena->big = block;
    UNGUARD(block->memory, size);
    return block->memory;
}

void *ksi_arena_alloc_block(ks_arena *arena, size_t size)
{
    if (size == 0) {
        size = 1;
    }
    if (size > arena->block_size / 2) {
        return alloc_big(arena, size);
    }
    if (size > (size_t)(arena->end - arena->cursor)) {
        ksi_arena_block **link = arena->current != NULL ? &arena->current->next : &arena->first;
        if (*link == NULL) {
            *link = new_block(arena->block_size);
        }
        enter_block(arena, *link);
    }
    void *memory = arena->cursor;
    arena->cursor += rounded(size);
    UNGUARD(memory, size);
    return memory;
}

static void run_cleanups(ks_arena *arena, ksi_arena_cleanup *until)
{
    while (arena->cleanups != until) {
        ksi_arena_cleanup *cleanup = arena->cleanups;
        arena->cleanups = cleanup->next;
        cleanup->release(cleanup->pointer);
    }
}

/* Spoils what is given back, so that whoever kept an address into it notices. */
static void spoil(const ks_arena *arena, ksi_arena_mark mark)
{
#if defined(KSI_DEBUG) || defined(KSI_ARENA_GUARDED)
    for (ksi_arena_block *block = mark.block; block != NULL; block = block->next) {
        char *from = block == mark.block ? mark.cursor : block->memory;
        char *to = block == arena->current ? arena->cursor : block->memory + block->size;
        UNGUARD(from, (size_t)(to - from));
        memset(from, RELEASED_BYTE, (size_t)(to - from));
        GUARD(from, (size_t)(to - from));
        if (block == arena->current) {
            break;
        }
    }
#else
    (void)arena;
    (void)mark;
#endif
}

ksi_arena_mark ksi_arena_save(const ks_arena *arena)
{
    return (ksi_arena_mark){.cursor = arena->cursor,
                            .block = arena->current,
                            .big = arena->big,
                            .cleanups = arena->cleanups};
}

void ksi_arena_release(ks_arena *arena, ksi_arena_mark mark)
{
    run_cleanups(arena, mark.cleanups);
    while (arena->big != mark.big) {
        ksi_arena_block *block = arena->big;
        arena->big = block->next;
        free_block(block);
    }
    if (mark.block == NULL && arena->first != NULL) { /* saved before the first block was there */
        mark.block = arena->first;
        mark.cursor = arena->first->memory;
    }
    spoil(arena, mark);
    if (mark.block != NULL) {
        enter_block(arena, mark.block);
        arena->cursor = mark.cursor;
    }
}

void ksi_arena_reset(ks_arena *arena)
{
    ksi_arena_release(arena, (ksi_arena_mark){0});
}

void *ksi_arena_zalloc(ks_arena *arena, size_t size)
{
    void *memory = ksi_arena_alloc(arena, size);
    return memset(memory, 0, size);
}

char *ksi_arena_strdup(ks_arena *arena, const char *text)
{
    if (text == NULL) {
        return NULL;
    }
    size_t size = strlen(text) + 1;
    return memcpy(ksi_arena_alloc(arena, size), text, size);
}

ks_slice ksi_arena_copy(ks_arena *arena, ks_slice bytes)
{
    if (bytes.data == NULL) {
        return ks_slice_null();
    }
    char *copy = ksi_arena_alloc(arena, bytes.size);
    if (bytes.size > 0) {
        memcpy(copy, bytes.data, bytes.size);
    }
    return ks_slice_of(copy, bytes.size);
}

char *ksi_arena_format(ks_arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = ksi_arena_vformat(arena, format, args).text;
    va_end(args);
    return text;
}

ksi_arena_text ksi_arena_vformat(ks_arena *arena, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, args);
    KSI_CHECK(size >= 0);
    char *text = ksi_arena_alloc(arena, (size_t)size + 1);
    (void)vsnprintf(text, (size_t)size + 1, format, again);
    va_end(again);
    return (ksi_arena_text){.text = text, .size = (size_t)size};
}

/* ---- the public arena ------------------------------------------------------------------------ */

void *ks_arena_alloc(ks_arena *arena, size_t size)
{
    return ksi_arena_alloc(arena, size);
}

ks_slice ks_arena_copy(ks_arena *arena, ks_slice bytes)
{
    return ksi_arena_copy(arena, bytes);
}

void ks_arena_on_reset(ks_arena *arena, ks_free_fn *release, void *pointer)
{
    ksi_arena_cleanup *cleanup = ksi_arena_alloc(arena, sizeof *cleanup);
    *cleanup = (ksi_arena_cleanup){.next = arena->cleanups, .release = release, .pointer = pointer};
    arena->cleanups = cleanup;
}

ks_arena *ks_arena_new(void)
{
    ks_arena *arena = ksi_alloc(sizeof *arena);
    ksi_arena_init(arena, 0);
    return arena;
}

void ks_arena_free(ks_arena *arena)
{
    if (arena == NULL) {
        return;
    }
    ksi_arena_destroy(arena);
    ksi_free(arena);
}

void ks_arena_reset(ks_arena *arena)
{
    ksi_arena_reset(arena);
}
