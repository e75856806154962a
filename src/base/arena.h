/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.h - memory that is given back all at once, with marks for a part of it.
 *
 * An arena is a chain of blocks and a cursor. A mark remembers the cursor; releasing it gives back
 * what came later, calls the on-reset functions registered since, and keeps the blocks for reuse,
 * so that a steady state allocates nothing. Debug builds fill released memory with 0xDD, and builds
 * with the address sanitizer report whoever touches it. Big requests get a block of their own,
 * freed when their mark is released.
 *
 * Thread rule: an arena belongs to one thread at a time.
 */
#ifndef KSI_BASE_ARENA_H
#define KSI_BASE_ARENA_H

#include <kstreams/common.h>
#include <stdarg.h>

/* Built with the address sanitizer: memory that nobody was given is poisoned. */
#if defined(__SANITIZE_ADDRESS__)
#define KSI_ARENA_GUARDED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KSI_ARENA_GUARDED 1
#endif
#endif

typedef struct ksi_arena_block ksi_arena_block;
typedef struct ksi_arena_cleanup ksi_arena_cleanup;

struct ks_arena {
    char *cursor; /* next free byte of `current`, aligned to 16 */
    char *end;    /* end of `current` */
    ksi_arena_block *current;
    ksi_arena_block *first;
    ksi_arena_block *big; /* the newest block of a big request */
    ksi_arena_cleanup *cleanups;
    size_t block_size;
};

typedef struct ksi_arena_mark {
    char *cursor;
    ksi_arena_block *block;
    ksi_arena_block *big;
    ksi_arena_cleanup *cleanups;
} ksi_arena_mark;

/* `block_size` 0 takes the default of 16 KiB. The first block is allocated on first use. */
void ksi_arena_init(ks_arena *arena, size_t block_size);
void ksi_arena_destroy(ks_arena *arena);
void ksi_arena_reset(ks_arena *arena);

ksi_arena_mark ksi_arena_save(const ks_arena *arena);
void ksi_arena_release(ks_arena *arena, ksi_arena_mark mark);

/* The slow path: a new block. */
void *ksi_arena_alloc_block(ks_arena *arena, size_t size);

static inline void *ksi_arena_alloc(ks_arena *arena, size_t size)
{
#ifndef KSI_ARENA_GUARDED
    /*
     * What is left is a multiple of 16, so a size that fits also fits when rounded; size 0 takes
     * the slow path.
     */
    if (size - 1u < (size_t)(arena->end - arena->cursor)) {
        void *memory = arena->cursor;
        arena->cursor += (size + 15u) & ~(size_t)15u;
        return memory;
    }
#endif
    return ksi_arena_alloc_block(arena, size);
}

void *ksi_arena_zalloc(ks_arena *arena, size_t size);
char *ksi_arena_strdup(ks_arena *arena, const char *text); /* NULL stays NULL */
ks_slice ksi_arena_copy(ks_arena *arena, ks_slice bytes);
char *ksi_arena_format(ks_arena *arena, const char *format, ...) KS_PRINTF(2, 3);

typedef struct ksi_arena_text {
    char *text;  /* NUL-terminated */
    size_t size; /* without the NUL */
} ksi_arena_text;

ksi_arena_text ksi_arena_vformat(ks_arena *arena, const char *format, va_list args) KS_PRINTF(2, 0);

#endif
