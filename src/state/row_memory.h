/* SPDX-License-Identifier: Apache-2.0 */
/*
 * row_memory.h - the memory of a row buffer's rows: pieces of a few sizes, cut from slabs, and all
 * of them given back at once.
 *
 * A store makes and forgets millions of rows of nearly the same size. A piece is given back to the
 * list of its size and taken from there again; a slab goes only with the whole. What is larger
 * than KSI_ROW_MEMORY_MOST has a block of the heap for itself.
 *
 * The tempting wrong way is the heap for each piece: it takes as long as everything else that is
 * done with a new row, and a buffer that is freed has to visit every row.
 *
 * What is in the lists does not go to other sizes: rows whose size changes for good leave up to
 * what they needed before behind, until the buffer is cleared.
 *
 * Thread rule: the owner's.
 */
#ifndef KSI_STATE_ROW_MEMORY_H
#define KSI_STATE_ROW_MEMORY_H

#include <stddef.h>

enum { KSI_ROW_MEMORY_STEP = 16, KSI_ROW_MEMORY_MOST = 512 };

typedef struct ksi_row_memory ksi_row_memory;

ksi_row_memory *ksi_row_memory_new(void);
void ksi_row_memory_free(ksi_row_memory *memory); /* with every piece; accepts NULL */
/* A piece, aligned to KSI_ROW_MEMORY_STEP. */
void *ksi_row_memory_take(ksi_row_memory *memory, size_t size);
/* Back, with the size it was taken for; accepts NULL. */
void ksi_row_memory_give(ksi_row_memory *memory, void *bytes, size_t size);

/* What a piece of that size really has. */
static inline size_t ksi_row_memory_room(size_t size)
{
    size_t step = KSI_ROW_MEMORY_STEP;
    return (size + step - 1) / step * step;
}

#endif
