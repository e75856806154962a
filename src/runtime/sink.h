/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink.h - a sink as a task has it: finds the topic, asks the partitioner, serializes, and sends.
 * @java SinkNode, RecordCollectorImpl#send
 *
 * The order is Java's: topic, partitioner, key, value. A record that goes nowhere is not
 * serialized. A value of another kind than the serde's fails the record at the sink's parent; a
 * serde that fails asks the production handler first.
 *
 * Thread rule: the owner of the task.
 */
#ifndef KSI_RUNTIME_SINK_H
#define KSI_RUNTIME_SINK_H

#include "runtime/error_handlers.h"

/* The state of a sink's node instance. */
typedef struct ksi_sink_state {
    const char *topic; /* as the log names it; NULL when dynamic */
    uint32_t purpose;  /* of what it sends (collector.h) */
    bool is_internal;  /* a repartition topic */
    const ks_serde *key;
    const ks_serde *value;
    ksi_collector *collector;
    ksi_error_handlers *handlers;
} ksi_sink_state;

/*
 * Resolves topic and serdes when the task starts. KS_E_PROCESSING for a serde that nobody named.
 * The handlers are borrowed.
 */
KS_NODISCARD ks_status ksi_sink_init(ksi_sink_state *state, const ksi_node *node,
                                     const ks_topology *topology, ksi_error_handlers *handlers,
                                     ks_error *error);
/* The `process` of a sink's instance. Failures are raised on the context. */
void ksi_sink_process(ks_ctx *ctx, ksi_node_instance *instance, const ks_record *record);

#endif
