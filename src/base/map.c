/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map.c - the hash map: an array of entries in the order of insertion, and a table of positions in
 * front of it.
 *
 *     table   [ 3 | - | 1 | - | 2 | gone | ... ]   position + 2, 0 = never, 1 = removed
 *     entries [ a | b | (removed) | c | ... ]      appended to; removed ones stay until the rebuild
 *
 * The order of iteration is part of what a program sees (topology descriptions, error messages), so
 * it must not depend on a hash: walking the table itself is the tempting wrong way.
 *
 * Invariants: at least a quarter of the table is never-used, so every probe ends; there are never
 * more places than cells, so putting and removing for ever does not grow the array; places only
 * move in ksi_map_put(), so removing while iterating is fine. The null slice as a key is the empty
 * key.
 *
 * Thread rule: the owner's.
 */
#include "base/map.h"

#include "base/check.h"
#include "base/memory.h"
#include "base/slice.h"

enum { NEVER_USED = 0, REMOVED = 1, FIRST_PLACE = 2, FIRST_TABLE_SIZE = 16 };

typedef struct entry {
    char *key; /* NULL: removed */
    size_t key_size;
    uint64_t hash;
    void *value;
} entry;

struct ksi_map {
    entry *entries;
    size_t used; /* entries, with the removed ones */
    size_t capacity;
    size_t count;
    uint32_t *table;
    size_t table_size; /* 0 before the first put */
    size_t table_used; /* cells that are not NEVER_USED */
};

ksi_map *ksi_map_new(void)
{
    return ksi_calloc(1, sizeof(ksi_map));
}

void ksi_map_free(ksi_map *map, ks_free_fn *free_value)
{
    if (map == NULL) {
        return;
    }
    for (size_t i = 0; i < map->used; i++) {
        if (map->entries[i].key != NULL && free_value != NULL) {
            free_value(map->entries[i].value);
        }
        ksi_free(map->entries[i].key);
    }
    ksi_free(map->entries);
    ksi_free(map->table);
    ksi_free(map);
}

size_t ksi_map_count(const ksi_map *map)
{
    return map->count;
}

/* The cell of a key, or NULL. */
static uint32_t *find_cell(const ksi_map *map, ks_slice key, uint64_t hash)
{
    if (map->table_size == 0) {
        return NULL;
    }
    size_t mask = map->table_size - 1;
    for (size_t at = (size_t)hash & mask;; at = (at + 1) & mask) {
        uint32_t cell = map->table[at];
        if (cell == NEVER_USED) {
            return NULL;
        }
        if (cell == REMOVED) {
            continue;
        }
        const entry *found = &map->entries[cell - FIRST_PLACE];
        if (found->hash == hash && found->key_size == key.size &&
            (key.size == 0 || memcmp(found->key, key.data, key.size) == 0)) {
            return &map->table[at];
        }
    }
}

/* Closes the gaps of removed entries and fills a table of the right size. */
static void rebuild(ksi_map *map)
{
    size_t kept = 0;
    for (size_t i = 0; i < map->used; i++) {
        if (map->entries[i].key != NULL) {
            map->entries[kept++] = map->entries[i];
        }
    }
    map->used = kept;
    size_t size = FIRST_TABLE_SIZE;
    while (size / 2 < kept + 1) {
        size *= 2;
    }
    KSI_CHECK(size <= UINT32_MAX / 2);
    ksi_free(map->table);
    map->table = ksi_calloc(size, sizeof *map->table);
    map->table_size = size;
    map->table_used = kept;
    for (size_t i = 0; i < kept; i++) {
        size_t at = (size_t)map->entries[i].hash & (size - 1);
        while (map->table[at] != NEVER_USED) {
            at = (at + 1) & (size - 1);
        }
        map->table[at] = (uint32_t)(i + FIRST_PLACE);
    }
}

void *ksi_map_get(const ksi_map *map, ks_slice key)
{
    const uint32_t *cell = find_cell(map, key, ksi_slice_hash(key));
    return cell != NULL ? map->entries[*cell - FIRST_PLACE].value : NULL;
}

void *ksi_map_put(ksi_map *map, ks_slice key, void *value)
{
    uint64_t hash = ksi_slice_hash(key);
    const uint32_t *cell = find_cell(map, key, hash);
    if (cell != NULL) {
        entry *found = &map->entries[*cell - FIRST_PLACE];
        void *before = found->value;
        found->value = value;
        return before;
    }
    entry added = {.key = ksi_alloc(key.size), .key_size = key.size, .hash = hash, .value = value};
    if (key.size > 0) {
        memcpy(added.key, key.data, key.size);
    }
    if (4 * (map->table_used + 1) > 3 * map->table_size || map->used >= map->table_size) {
        rebuild(map);
    }
    size_t mask = map->table_size - 1;
    size_t at = (size_t)hash & mask;
    while (map->table[at] >= FIRST_PLACE) {
        at = (at + 1) & mask;
    }
    map->table_used += map->table[at] == NEVER_USED ? 1 : 0;
    map->table[at] = (uint32_t)(map->used + FIRST_PLACE);
    map->entries = ksi_grow(map->entries, &map->capacity, map->used + 1, sizeof *map->entries);
    map->entries[map->used++] = added;
    map->count++;
    return NULL;
}

void *ksi_map_remove(ksi_map *map, ks_slice key)
{
    uint32_t *cell = find_cell(map, key, ksi_slice_hash(key));
    if (cell == NULL) {
        return NULL;
    }
    entry *found = &map->entries[*cell - FIRST_PLACE];
    void *value = found->value;
    *cell = REMOVED;
    ksi_free(found->key); /* last: `key` may point into it */
    *found = (entry){0};
    map->count--;
    return value;
}

bool ksi_map_at(const ksi_map *map, size_t *at, ks_slice *key, void **value)
{
    size_t i = *at;
    while (i < map->used && map->entries[i].key == NULL) {
        i++;
    }
    *at = i;
    if (i >= map->used) {
        return false;
    }
    const entry *found = &map->entries[i];
    if (key != NULL) {
        *key = ks_slice_of(found->key, found->key_size);
    }
    if (value != NULL) {
        *value = found->value;
    }
    return true;
}
