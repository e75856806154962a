/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.h - reading a key-value store.
 *
 * A store handle is borrowed from whoever gave it (a test driver, later a query or a processor) and
 * belongs to its thread.
 */
#ifndef KSTREAMS_STORE_H
#define KSTREAMS_STORE_H

#include <kstreams/serde.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A key-value store, seen through the serdes it was made with. @java ReadOnlyKeyValueStore */
typedef struct ks_key_value_store ks_key_value_store;

/** An entry. `timestamp` is -1 in a store without timestamps. */
typedef struct ks_key_value {
    ks_value key;
    ks_value value;
    int64_t timestamp;
} ks_key_value;

/**
 * Looks a key up.
 *
 * @param arena  where the entry is put; it lives until the arena is reset
 * @param found  set to whether there is one
 * @return KS_OK; KS_E_ARGUMENT for a null key; KS_E_SERDE when the key is of another kind than the
 *         store's, or the stored bytes cannot be read
 * @thread the store's
 * @java   ReadOnlyKeyValueStore#get
 */
KS_NODISCARD KS_API ks_status ks_key_value_store_get(ks_key_value_store *store, ks_value key,
                                                     ks_arena *arena, ks_key_value *entry,
                                                     bool *found, ks_error *error);

/** A walk over entries. @java KeyValueIterator */
typedef struct ks_key_value_iterator ks_key_value_iterator;

/**
 * All entries in the order of their serialized keys.
 *
 * @return owned: free with ks_key_value_iterator_free(), before the store is gone
 * @thread the store's
 * @java   ReadOnlyKeyValueStore#all
 */
KS_API ks_key_value_iterator *ks_key_value_store_all(ks_key_value_store *store);

/**
 * The next entry in `*entry`, borrowed until the next call; `*found` is false at the end.
 *
 * @return KS_OK; KS_E_SERDE when the stored bytes cannot be read
 * @thread the store's
 */
KS_NODISCARD KS_API ks_status ks_key_value_iterator_next(ks_key_value_iterator *iterator,
                                                         ks_key_value *entry, bool *found,
                                                         ks_error *error);
/** Ends the walk; what it gave out is gone. @thread the store's */
KS_API void ks_key_value_iterator_free(ks_key_value_iterator *iterator);

/**
 * How many entries there are, exact for stores in memory. @thread the store's @java
 * approximateNumEntries
 */
KS_API uint64_t ks_key_value_store_approximate_count(ks_key_value_store *store);

#ifdef __cplusplus
}
#endif
#endif
