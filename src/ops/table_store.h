/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table_store.h - the store behind a table's node, seen through its serdes, and the way its updates
 * leave the node.
 *
 * The store is a key-value store, or a versioned one, which also says whether an update is the
 * latest of its key, and takes none that is older than it keeps: then nothing is forwarded.
 *
 * A node that makes a table works out new and old value of a key and calls
 * ksi_table_store_update(), which does the rest: puts the row if the table is materialized, says
 * whether the row is the latest of its key, and forwards. With a cache nothing is forwarded then:
 * what the cache gives up at a commit or an eviction is forwarded from the node, under the context
 * of the row's last write. Without a cache, or without a store, each update is forwarded at once.
 * @java KeyValueStoreWrapper, TimestampedTupleForwarder, TimestampedCacheFlushListener
 *
 * Thread rule: the thread of the task.
 */
#ifndef KSI_OPS_TABLE_STORE_H
#define KSI_OPS_TABLE_STORE_H

#include "ops/ops.h"
#include "state/key_value_store.h"
#include "state/versioned_store.h"
#include "topology/change.h"
#include "topology/context.h"

typedef struct ksi_table_store {
    ksi_key_value_store *store; /* one of the two; both NULL: the table is not materialized */
    ksi_versioned_store *versioned;
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

static inline bool ksi_table_is_materialized(const ksi_table_store *table)
{
    return table->store != NULL || table->versioned != NULL;
}

/* From the init of a node that makes a table. Its store, if any, is connected to the node. */
KS_NODISCARD ks_status ksi_table_store_open(ksi_table_store *table, ks_ctx *ctx,
                                            const ksi_table_node *node, ks_error *error);

/* The same for a node that only reads the store `name`. */
KS_NODISCARD ks_status ksi_table_store_open_to_read(ksi_table_store *table, ks_ctx *ctx,
                                                    const char *name, ks_error *error);

/*
 * Reads a key of a materialized table; the value lives in the record's arena. False: the context
 * failed.
 */
bool ksi_table_store_get(ksi_table_store *table, ks_value key, ksi_table_row *row);

/* The same as of a time; of a versioned table. */
bool ksi_table_store_get_as_of(ksi_table_store *table, ks_value key, int64_t time,
                               ksi_table_row *row);

/*
 * The update of a key: `record` has its key, timestamp and headers, and as its value what the node
 * was given. A null `new_value` deletes.
 */
void ksi_table_store_update(ksi_table_store *table, const ks_record *record, ks_value new_value,
                            ks_value old_value);

#endif
