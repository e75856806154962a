/* SPDX-License-Identifier: Apache-2.0 */
/*
 * restore.h - bringing one store up to its changelog, a batch at a time.
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
 *     rows laid out for another kind or configuration of the        they cannot be read
 *     store
 *
 * A changelog that is an input, read by a group, counts as far as the group has committed: what
 * lies behind was not processed, and the store must not know of it. Its end moves with the commits.
 *
 * A global store is kept from all partitions of its topic, each a restore of its own over the same
 * rows (global_thread.h); records of one may go elsewhere than into the rows.
 *
 * One thread restores many stores side by side (restorer.h), and a standby is a restore that does
 * not end. So only ksi_restore_ask() waits for the log: it says where the changelog begins and
 * ends, and is called without the lock that readers of the rows want.
 *
 *     wants_begin -> ask -> begin -> read ... read -> ask -> is_complete -> write -> end
 *          ^                          |
 *          +--- what was read cannot be gone on from
 *
 * Thread rule: whoever has the rows at the moment.
 */
#ifndef KSI_RUNTIME_RESTORE_H
#define KSI_RUNTIME_RESTORE_H

#include "base/clock.h"
#include "state/row_store.h"
#include "state/store_restore.h"
#include "transport/transport.h"

/* How long a compacted topic keeps a tombstone: Kafka's default of delete.retention.ms. */
#define KSI_DELETE_RETENTION_MS ((int64_t)24 * 60 * 60 * 1000)
/* How often a store that does not change says that it is current. */
#define KSI_STAY_CURRENT_MS (KSI_DELETE_RETENTION_MS / 4)

enum { KSI_STALE_REASON_SIZE = 200 };

/* Takes a record in place of the rows. */
typedef ks_status ksi_restore_take_fn(void *owner, const ks_log_record *record, ks_error *error);

/* How it stands with its reading. */
typedef enum ksi_restore_state {
    KSI_RESTORE_NEW,
    KSI_RESTORE_READING,
    KSI_RESTORE_OUT_OF_RANGE, /* the records at the position are gone */
    KSI_RESTORE_ANOTHER_LOG   /* the record before the position is another one */
} ksi_restore_state;

/* One partition of a changelog and the rows it belongs to. The first part is the caller's. */
typedef struct ksi_restore {
    ksi_transport *transport;
    ksi_consumer *consumer; /* gives it a slot; its owner sleeps on it */
    ksi_topic_partition changelog;
    const char *input_of; /* the group that reads it as an input; NULL: nobody does */
    bool is_own;          /* only the tasks that have the store write to it */
    const ksi_store_spec *spec;
    ksi_row_store *rows;
    size_t position_index; /* which of the rows' positions; 0 unless they have several */
    ksi_clock *clock;
    ksi_restore_take_fn *take; /* NULL: a record is a row */
    void *owner;               /* for it */
    bool follows;              /* what cannot be gone on from is an error: others read the rows */

    /* what others may look at */
    int64_t read;                      /* records, since it began */
    int64_t from;                      /* the offset of the first one */
    int64_t begin;                     /* of the changelog, as was last asked */
    int64_t end;                       /* where to stop in it, likewise */
    ksi_store_position position;       /* behind what was read */
    char stale[KSI_STALE_REASON_SIZE]; /* why what was there was wiped; empty: it was not */

    ksi_restore_state state;
    ksi_store_restore *into; /* the rows, while it goes on */
    size_t slot;
    bool is_assigned;
    bool has_unwritten;     /* rows were gathered, or the position moved, since the last write */
    uint64_t expected_hash; /* of the record before the position; 0: nothing to compare */
} ksi_restore;

/* Asks where the changelog begins and ends. Waits for the log. */
KS_NODISCARD ks_status ksi_restore_ask(ksi_restore *restore, ks_error *error);
/* Whether it has to begin, or to begin anew: the log is to be asked first. */
static inline bool ksi_restore_wants_begin(const ksi_restore *restore)
{
    return restore->state != KSI_RESTORE_READING;
}
/* Looks at what is there, wipes it when it cannot be trusted, and begins to read behind it. */
KS_NODISCARD ks_status ksi_restore_begin(ksi_restore *restore, ks_error *error);
/* Reads a batch; `*count` is 0 when there is nothing now. It may want to begin anew then. */
KS_NODISCARD ks_status ksi_restore_read(ksi_restore *restore, size_t *count, ks_error *error);
/* Whether all up to `end` was read. */
bool ksi_restore_is_complete(const ksi_restore *restore);
/* Whether there is more, which no reader may have yet: transactions are open. */
bool ksi_restore_is_held_up(const ksi_restore *restore);
/* Whether its records end a wait of the consumer. */
void ksi_restore_watch(ksi_restore *restore, bool watched);
/* Brings what was gathered into the store, and the position behind it. */
KS_NODISCARD ks_status ksi_restore_write(ksi_restore *restore, ks_error *error);
/*
 * Where records were taken by `take`: tells the rows how far they are, which their owner commits
 * and applies.
 */
void ksi_restore_settle(ksi_restore *restore);
/* Stops reading. What was not written is read again the next time. */
void ksi_restore_end(ksi_restore *restore);

#endif
