/* SPDX-License-Identifier: Apache-2.0 */
/*
 * restore.h - filling a store with the rows of its changelog before its task processes anything.
 *
 * Thread rule: the thread that owns the task.
 */
#ifndef KSI_RUNTIME_RESTORE_H
#define KSI_RUNTIME_RESTORE_H

#include "state/key_value_store.h"
#include "transport/transport.h"

#include <stdatomic.h>

/* One partition of a changelog and the store it belongs to. */
typedef struct ksi_restore {
    ksi_transport *transport;
    ksi_topic_partition changelog;
    ksi_key_value_store *store;
    const atomic_bool *stop; /* ends early, between two batches, when it becomes true */
    int64_t rows;            /* out: how many records were read */
} ksi_restore;

/* Reads the changelog from its beginning to the end it has when this is called. */
KS_NODISCARD ks_status ksi_restore_store(ksi_restore *restore, ks_error *error);

#endif
