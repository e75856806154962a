/* SPDX-License-Identifier: Apache-2.0 */
/*
 * headers.c - the headers of a record: immutable lists that share their storage.
 *
 *     list "a,b"    count 2 --\
 *     list "a,b,c"  count 3 ---> block: used 3 of 4 [ a | b | c | - ]
 *     list "a,b,d"  count 3 ---> block: used 3 of 6 [ a | b | d | ... ]
 *
 * The problem: what one branch of a topology adds no other branch may see, yet adding one header
 * after the other must not copy the list each time. A list is therefore a count and a block. The
 * first to add to the end of a block appends in place, which nobody else can see, because every
 * other list of that block ends before; whoever comes second finds the place taken and copies.
 *
 * Invariants
 *   - items before `used` never change; a list's count is at most its block's `used`; no list is
 *     empty (that is NULL)
 *   - a block, its lists and the bytes of its headers are in one arena. A list that is extended
 *     into another arena is copied whole: sharing the tail across arenas is the tempting wrong way,
 *     and the shorter-lived one takes the bytes with it
 *   - an arena is known by its address: one that has lists in it does not move
 *   - releasing a mark of the arena may take headers from behind a list that is older than the
 *     mark. `used` then stays too large, which only makes the next one copy
 *
 * Thread rule: any thread may read a list; making one belongs to the arena's owner, who alone
 * writes to its blocks.
 */
#include "serde/headers.h"

#include "base/arena.h"
#include "base/slice.h"

enum { SPARE = 3 };

typedef struct header_block {
    ks_arena *arena;
    size_t used;
    size_t capacity;
    ks_header items[];
} header_block;

struct ks_headers {
    size_t count;
    header_block *block;
};

size_t ks_headers_count(const ks_headers *headers)
{
    return headers != NULL ? headers->count : 0;
}

ks_header ks_headers_at(const ks_headers *headers, size_t index)
{
    if (index >= ks_headers_count(headers)) {
        return (ks_header){.name = ks_slice_null(), .value = ks_slice_null()};
    }
    return headers->block->items[index];
}

bool ks_headers_last(const ks_headers *headers, const char *name, ks_slice *value)
{
    ks_slice wanted = ks_slice_cstr(name);
    ks_slice last = ks_slice_null();
    bool found = false;
    for (size_t i = ks_headers_count(headers); i > 0 && !found; i--) {
        ks_header header = headers->block->items[i - 1];
        found = ksi_slice_compare(header.name, wanted) == 0;
        last = found ? header.value : last;
    }
    if (value != NULL) {
        *value = last;
    }
    return found;
}

static header_block *new_block(ks_arena *arena, size_t capacity)
{
    header_block *block = ksi_arena_alloc(arena, sizeof *block + capacity * sizeof *block->items);
    block->arena = arena;
    block->used = 0;
    block->capacity = capacity;
    return block;
}

static const ks_headers *list_of(header_block *block)
{
    ks_headers *list = ksi_arena_alloc(block->arena, sizeof *list);
    list->count = block->used;
    list->block = block;
    return list;
}

/* A header whose bytes are in `arena`. A name is never null, as in Java. */
static ks_header own_header(ks_arena *arena, ks_slice name, ks_slice value)
{
    name = name.data != NULL ? name : ks_slice_of("", 0);
    return (ks_header){.name = ksi_arena_copy(arena, name), .value = ksi_arena_copy(arena, value)};
}

/*
 * The headers of a list in a new block with room for more; the bytes are copied unless they are in
 * `arena` already.
 */
static header_block *copy_block(ks_arena *arena, const ks_headers *headers, size_t spare)
{
    size_t count = ks_headers_count(headers);
    header_block *block = new_block(arena, count + spare);
    bool is_here = headers != NULL && headers->block->arena == arena;
    for (size_t i = 0; i < count; i++) {
        ks_header header = headers->block->items[i];
        block->items[i] = is_here ? header : own_header(arena, header.name, header.value);
    }
    block->used = count;
    return block;
}

/* Whether one more can be appended in place. */
static bool has_room(const ks_arena *arena, const ks_headers *headers)
{
    const header_block *block = headers->block;
    return block->arena == arena && block->used == headers->count && block->used < block->capacity;
}

const ks_headers *ks_headers_with(ks_arena *arena, const ks_headers *headers, ks_slice name,
                                  ks_slice value)
{
    header_block *block = headers != NULL && has_room(arena, headers)
                              ? headers->block
                              : copy_block(arena, headers, ks_headers_count(headers) + SPARE);
    block->items[block->used] = own_header(arena, name, value);
    block->used++;
    return list_of(block);
}

const ks_headers *ks_headers_without(ks_arena *arena, const ks_headers *headers, const char *name)
{
    ks_slice unwanted = ks_slice_cstr(name);
    if (headers == NULL) {
        return NULL;
    }
    bool is_here = headers->block->arena == arena;
    header_block *block = new_block(arena, headers->count);
    for (size_t i = 0; i < headers->count; i++) {
        ks_header header = headers->block->items[i];
        if (ksi_slice_compare(header.name, unwanted) != 0) {
            block->items[block->used++] =
                is_here ? header : own_header(arena, header.name, header.value);
        }
    }
    return block->used > 0 ? list_of(block) : NULL;
}

const ks_headers *ksi_headers_copy(ks_arena *arena, const ks_headers *headers)
{
    if (headers == NULL) {
        return NULL;
    }
    header_block *block = new_block(arena, headers->count);
    for (size_t i = 0; i < headers->count; i++) {
        ks_header header = headers->block->items[i];
        block->items[i] = own_header(arena, header.name, header.value);
    }
    block->used = headers->count;
    return list_of(block);
}
