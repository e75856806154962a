/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map.h - the hash map: bytes -> pointer, iterated in the order of insertion.
 *
 * Keys are copied into the map. Open addressing over an array of entries; removal leaves the order
 * of the others.
 *
 *     for (size_t i = 0; ksi_map_at(map, &i, &key, &value); i++) ...
 *
 * Thread rule: the owner's.
 */
#ifndef KSI_BASE_MAP_H
#define KSI_BASE_MAP_H

#include <kstreams/common.h>

typedef struct ksi_map ksi_map;

ksi_map *ksi_map_new(void);
/* `free_value` may be NULL. */
void ksi_map_free(ksi_map *map, ks_free_fn *free_value);
size_t ksi_map_count(const ksi_map *map);

/* The value of a key, or NULL. */
void *ksi_map_get(const ksi_map *map, ks_slice key);
/* Puts or replaces; returns the value that was replaced, or NULL. */
void *ksi_map_put(ksi_map *map, ks_slice key, void *value);
/* Removes; returns the value that was there, or NULL. */
void *ksi_map_remove(ksi_map *map, ks_slice key);
/*
 * The entry at or behind position `*at`, in the order of insertion; false at the end. `key` may be
 * NULL.
 */
bool ksi_map_at(const ksi_map *map, size_t *at, ks_slice *key, void **value);

static inline void *ksi_map_get_cstr(const ksi_map *map, const char *key)
{
    return ksi_map_get(map, ks_slice_cstr(key));
}

static inline void *ksi_map_put_cstr(ksi_map *map, const char *key, void *value)
{
    return ksi_map_put(map, ks_slice_cstr(key), value);
}

#endif
