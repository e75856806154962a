/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table_store.h - the store behind a table's node, seen through its serdes, and the way its updates
 * leave the node.
 *
 * The store is a key-value store, or a versioned one, which also says whether an update is the
 * latest of its key, and takes none that is older than it keeps: then nothing is forwarded. Or it
 * is a window or session store: then the keys of the table are windowed, and the store's are those
 * in the windows. Whoever reads such a table need not know. An aggregation does, which has one key
 * and several windows of it: it serializes the key once and names the windows by their starts.
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
#include "state/session_store.h"
#include "state/versioned_store.h"
#include "state/window_store.h"
#include "topology/change.h"
#include "topology/context.h"

typedef struct ksi_table_store {
    ksi_key_value_store *store; /* one of these; all NULL: the table is not materialized */
    ksi_versioned_store *versioned;
    ksi_window_store *windows;
    ksi_session_store *sessions;
    ks_ctx *ctx;
    ksi_node_instance *node;
    const ks_serde *key; /* of the store: of a windowed table, that of the keys in the windows */
    const ks_serde *value;
    const char *topic; /* the changelog's, for serdes */
    int64_t window_size_ms;
    bool send_old_values;
    bool caching;
    bool emits_on_close;
} ksi_table_store;

/* A value as it stands in a table. */
typedef struct ksi_table_row {
    ks_value value;
    int64_t timestamp;
    bool found;
} ksi_table_row;

static inline bool ksi_table_is_materialized(const ksi_table_store *table)
{
    return table->store != NULL || table->versioned != NULL || table->windows != NULL ||
           table->sessions != NULL;
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

/* ---- windows --------------------------------------------------------------------------------- */

/* The bytes of a key, in the record's arena or in the value. False: the context failed. */
bool ksi_table_store_key_bytes(ksi_table_store *table, ks_value key, ks_slice *bytes);

/* Reads the window of a key that begins at `start`, as ksi_table_store_get(). */
bool ksi_table_store_get_window(ksi_table_store *table, ks_slice key, int64_t start,
                                ksi_table_row *row);

/* Key and value of a row of the store, in the record's arena. False: the context failed. */
bool ksi_table_store_read_key(ksi_table_store *table, ks_slice bytes, ks_value *key);
bool ksi_table_store_read_value(ksi_table_store *table, ks_slice bytes, ks_value *value);

/* The update of a window; `record` has key, timestamp and headers. */
typedef struct ksi_window_update {
    const ks_record *record;
    ks_slice key; /* the bytes of the record's key */
    int64_t start;
    ks_value new_value;
    ks_value old_value;
} ksi_window_update;

/* As ksi_table_store_update(); a table that emits on close forwards nothing. */
void ksi_table_store_update_window(ksi_table_store *table, const ksi_window_update *update);

/* ---- sessions -------------------------------------------------------------------------------- */

/* The update of a session, whose end is its timestamp. */
typedef struct ksi_session_update {
    const ks_windowed *session;
    ks_slice key; /* the bytes of its key */
    bool removes;
    ks_value new_value; /* null when it removes */
    ks_value old_value;
} ksi_session_update;

/*
 * As ksi_table_store_update_window(), but what is forwarded has no headers: it is a record of its
 * own.
 */
void ksi_table_store_update_session(ksi_table_store *table, const ksi_session_update *update);

/* Forwards a session that has closed, with the headers of the record that closed it. */
void ksi_table_store_forward_session(ksi_table_store *table, const ksi_session_row *row,
                                     const ks_record *closing);

#endif
