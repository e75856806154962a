/* SPDX-License-Identifier: Apache-2.0 */
/*
 * restore.h - bringing a store up to its changelog before its task processes anything.
 *
 * A store in memory is filled from the first record. A store on disk goes on from its position, if
 * what is there can be trusted; else it is wiped, alone, and filled from the first record:
 *
 *     the position is behind the end of the changelog, or before    another log, or records that
 *     its beginning                                                 were deleted
 *     the record before the position has another hash               the topic was made anew
 *     it was last current longer ago than deleted rows are kept     a tombstone may be gone, and
 *     in a changelog (24 hours)                                     its row would live again
 *     there are rows and no position                                an earlier restore was cut off
 *     the mark of a transaction that was written through            it was cut off, halfway
 *
 * Thread rule: the thread that owns the task.
 */
#ifndef KSI_RUNTIME_RESTORE_H
#define KSI_RUNTIME_RESTORE_H

#include "base/clock.h"
#include "state/key_value_store.h"
#include "transport/transport.h"

#include <stdatomic.h>

/* How long a compacted topic keeps a tombstone: Kafka's default of delete.retention.ms. */
#define KSI_DELETE_RETENTION_MS ((int64_t)24 * 60 * 60 * 1000)

enum { KSI_STALE_REASON_SIZE = 200 };

/* One partition of a changelog and the store it belongs to. */
typedef struct ksi_restore {
    ksi_transport *transport;
    ksi_topic_partition changelog;
    ksi_key_value_store *store;
    ksi_clock *clock;
    const atomic_bool *stop;           /* ends early, between two batches, when it becomes true */
    int64_t rows;                      /* out: how many records were read */
    int64_t from;                      /* out: the offset of the first one */
    char stale[KSI_STALE_REASON_SIZE]; /* out: why what was on disk was wiped; empty: it was not */
} ksi_restore;

/* Reads the changelog to the end it has when this is called. */
KS_NODISCARD ks_status ksi_restore_store(ksi_restore *restore, ks_error *error);

#endif
