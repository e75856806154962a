/* SPDX-License-Identifier: Apache-2.0 */
/*
 * local_state.h - what an application keeps on disk: its state directory, one database in it, and
 * the memory its stores may take.
 *
 *     <state.dir>/<application.id>/rocksdb      a column family per store, for all tasks
 *
 * An application whose topology has no store on disk has none of this: no directory, no lock.
 *
 * Memory. `statestore.memory.max.bytes` is a budget with an account (storage/memory_budget.h) for
 * each of its users: a quarter for the block cache, a quarter for the memtables of the database,
 * and half for the rows in front of it, in equal parts for each store of each task that is open.
 * Half of such a part is for committed rows that wait to be applied, half for rows that are only
 * remembered. A store learns of its part after each commit, when it has rows to give up as well.
 *
 * A database that does not read is renamed and a new one made; the changelogs fill it. One that
 * turns out not to read while the application runs ends it, and is renamed when it closes, so that
 * the next start rebuilds it.
 *
 * Thread rule: opened and closed by one thread at a time, under the application's lock; the
 * functions for stores any thread.
 */
#ifndef KSI_RUNTIME_LOCAL_STATE_H
#define KSI_RUNTIME_LOCAL_STATE_H

#include "base/clock.h"
#include "base/logger.h"
#include "state/row_store.h"
#include "topology/topology.h"
#include <kstreams/app.h>
#include <kstreams/config.h>

typedef struct ksi_local_state ksi_local_state;
typedef struct ksi_store_memory ksi_store_memory;

typedef struct ksi_local_state_options {
    const ks_topology *topology;
    const ks_config *config;
    const char *application_id;
    size_t row_stores;                    /* how many will be opened */
    ks_rocksdb_config_fn *rocksdb_config; /* may be NULL */
    void *user;                           /* for it */
    ksi_clock *clock;
    ksi_logger *logger; /* may be NULL */
} ksi_local_state_options;

/* Whether a store is kept on disk. */
bool ksi_local_state_keeps(const ksi_store_spec *spec);

/*
 * Takes the directory and opens the database. KS_E_STATE when another application has it; NULL with
 * an error.
 */
ksi_local_state *ksi_local_state_open(const ksi_local_state_options *options, ks_error *error);
/* The id of this process, kept in the directory (storage/state_directory.h). */
KS_NODISCARD ks_status ksi_local_state_process_id(const ksi_local_state *state, const char *fresh,
                                                  char *id, ks_error *error);
/*
 * Writes out what the database holds in memory, closes it and gives the directory back, in any
 * case; an error says what could not be written. The stores are closed before. Accepts NULL.
 */
KS_NODISCARD ks_status ksi_local_state_close(ksi_local_state *state, ks_error *error);
/* Closes without writing anything out, as far as RocksDB allows. For tests. Accepts NULL. */
void ksi_local_state_abandon(ksi_local_state *state);

/*
 * The rows of a store in a task; owned by the caller. `*rows` is NULL for a store in memory, and
 * when `state` is.
 */
KS_NODISCARD ks_status ksi_local_state_rows(ksi_local_state *state, const ksi_topology_store *store,
                                            int32_t partition, ksi_row_store **rows,
                                            ks_error *error);
/*
 * The part of the memory that the rows of a store in a task have, from now until it is closed; the
 * parts of the others become smaller and larger again. For a store on disk.
 */
ksi_store_memory *ksi_store_memory_open(ksi_local_state *state, const char *store,
                                        const char *task);
void ksi_store_memory_close(ksi_store_memory *memory); /* accepts NULL */
/*
 * Tells the others what the rows take, and the store how many it may remember. Answers how many
 * bytes of committed rows it may gather before they are applied. From the thread of the store.
 */
int64_t ksi_store_memory_follow(ksi_store_memory *memory, ksi_row_store *rows);
/* How many bytes of uncommitted rows a store may gather within one record; 0: no bound. */
int64_t ksi_local_state_pending_max_bytes(const ksi_local_state *state);
/* Makes durable what was applied to a store, in all partitions. */
KS_NODISCARD ks_status ksi_local_state_flush(ksi_local_state *state, const ksi_store_spec *spec,
                                             ks_error *error);

/* What is in use: the database is asked, the rows are as of the last commit of their thread. */
ks_app_memory ksi_local_state_memory(ksi_local_state *state); /* all 0 for NULL */
/* The same as a line of the log, and for each account as debug lines. `state` may be NULL. */
void ksi_local_state_log_memory(ksi_local_state *state, const char *when);

/*
 * Whether an error says that the database does not read; then closing renames it. `state` may be
 * NULL.
 */
bool ksi_local_state_failed(ksi_local_state *state, const ks_error *error);

#endif
