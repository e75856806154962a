/* SPDX-License-Identifier: Apache-2.0 */
/*
 * change.h - the update of a table between its nodes: new and old value in one. @java Change
 *
 * It travels as the value of a record under a kind of our own, so that table nodes and stream nodes
 * have one signature. User code never sees one: the node that leaves the table takes the new value
 * out. Between a table's groupBy and its aggregation it goes through a topic (change_serde.h).
 *
 * Thread rule: a change belongs to the thread whose record it is, and lives while it is forwarded.
 */
#ifndef KSI_TOPOLOGY_CHANGE_H
#define KSI_TOPOLOGY_CHANGE_H

#include <kstreams/value.h>

#define KSI_KIND_CHANGE ((ks_kind)(KS_KIND_RESERVED + 1))

typedef struct ksi_change {
    ks_value new_value;
    ks_value old_value; /* null unless a node below asked for old values */
    bool is_latest;     /* no row of the key has a later timestamp; only versioned tables know */
} ksi_change;

static inline ks_value ksi_change_value(const ksi_change *change)
{
    return ks_value_make(KSI_KIND_CHANGE, (uint64_t)(uintptr_t)change, 0);
}

static inline const ksi_change *ksi_value_change(ks_value value)
{
    return (const ksi_change *)(uintptr_t)value.bits;
}

#endif
