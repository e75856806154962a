/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table_store.h - the store behind a table's node, seen through its serdes, and the way its updates
 * leave the node.
 *
 * With a cache the node forwards nothing itself: what the cache gives up at a commit or an eviction
 * is forwarded from the node then, under the context of the row's last write. Without a cache the
 * node forwards each update at once. ksi_table_store_forward() does the right one.
 * @java KeyValueStoreWrapper, TimestampedTupleForwarder, TimestampedCacheFlushListener
 *
 * Thread rule: the thread of the task.
 */
#ifndef KSI_OPS_TABLE_STORE_H
#define KSI_OPS_TABLE_STORE_H

#include "state/key_value_store.h"
#include "topology/change.h"
#include "topology/context.h"

typedef struct ksi_table_store {
    ksi_key_value_store *store;
    ks_ctx *ctx;
    ksi_node_instance *node;
    const ks_serde *key;
    const ks_serde *value;
    const char *topic; /* the changelog's, for serdes */
    bool send_old_values;
    bool caching;
} ksi_table_store;

/* A value as it stands in a table. */
typedef struct ksi_table_row {
    ks_value value;
    int64_t timestamp;
    bool found;
} ksi_table_row;

/* From a node's init. `name` is a store that is connected to the node. */
KS_NODISCARD ks_status ksi_table_store_open(ksi_table_store *table, ks_ctx *ctx, const char *name,
                                            bool send_old_values, ks_error *error);

/* Reads a key; the value lives in the record's arena. False: the context failed. */
bool ksi_table_store_get(ksi_table_store *table, ks_value key, ksi_table_row *row);

/* Writes the new value of a key, null deletes. False: the context failed. */
bool ksi_table_store_put(ksi_table_store *table, ks_value key, ks_value value, int64_t timestamp);

/*
 * Forwards an update that was put, unless the cache will. `record` has key, timestamp and headers
 * of the update.
 */
void ksi_table_store_forward(ksi_table_store *table, const ks_record *record, ks_value new_value,
                             ks_value old_value);

#endif
