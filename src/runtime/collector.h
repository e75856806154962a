/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collector.h - where a task's records leave it: sinks and changelogs. @java RecordCollectorImpl, SinkNode
 *
 * A sink serializes key and value, asks its partitioner (or murmur2 of the key, as Java's producer; records without key take turns), and
 * hands the bytes to the producer, which copies them. A value of another kind than the serde's fails the record at the sink's parent.
 * A producer that refuses a record fails the task, whatever the processing handler says: that record would be lost.
 *
 * Thread rule: the owner of the task.
 */
#ifndef KSI_RUNTIME_COLLECTOR_H
#define KSI_RUNTIME_COLLECTOR_H

#include "state/changelog.h"
#include "topology/context.h"
#include "transport/transport.h"
#include <kstreams/config.h>

struct ksi_error_handlers;

typedef struct ksi_collector {
    ks_ctx *ctx;
    ksi_producer *producer;
    struct ksi_error_handlers *handlers;
    ksi_map *topics; /* name -> what is known about it */
    uint64_t sent;
} ksi_collector;

void ksi_collector_init(ksi_collector *collector, ks_ctx *ctx, ksi_producer *producer);
void ksi_collector_destroy(ksi_collector *collector);

/* Sends bytes; partition -1 is chosen by the key. An error ends the task. */
ks_status ksi_collector_send(ksi_collector *collector, const char *topic,
                             const ks_log_record *record, ks_error *error);

/* ---- sinks ----------------------------------------------------------------------------------------------------------- */

/* A sink as a task has it: the state of its node instance. */
typedef struct ksi_sink_state {
    const char *topic; /* as the log names it; NULL when dynamic */
    bool is_internal;  /* a repartition topic */
    const ks_serde *key;
    const ks_serde *value;
    ksi_collector *collector;
} ksi_sink_state;

/* Resolves topic and serdes. */
ks_status ksi_sink_init(ksi_sink_state *state, const ksi_node *node, const ks_topology *topology,
                        ksi_collector *collector, ks_error *error);
/* The `process` of a sink's instance. Failures are raised on the context. */
void ksi_sink_process(ks_ctx *ctx, ksi_node_instance *instance, const ks_record *record);

/* ---- changelogs ------------------------------------------------------------------------------------------------------ */

/* The changelog of one store in one task. */
typedef struct ksi_changelog_sink {
    ksi_changelog changelog;
    ksi_collector *collector;
    const char *topic;
    int32_t partition;
} ksi_changelog_sink;

void ksi_changelog_sink_init(ksi_changelog_sink *sink, ksi_collector *collector, const char *topic,
                             int32_t partition);

#endif
