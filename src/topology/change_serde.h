/* SPDX-License-Identifier: Apache-2.0 */
/*
 * change_serde.h - the changes of a grouped table on their repartition topic: both values in the
 * bytes of one record. @java ChangedSerializer, ChangedDeserializer
 *
 *     old value, 0x00                                  only leaves its group
 *     new value, 0x01                                  only enters it
 *     varint (size of new), new value, old value, 0x02    both
 *
 * The varint is a zigzag one, as everywhere in Kafka's records. What later versions of Java write
 * is read, too: 0x03, 0x04 and 0x05 mean the same with one byte more before them, 1 for a change
 * that is the latest of its row and 0 for one that came too late.
 *
 * The serde is made when a task starts, out of that of the values (envelope.h).
 *
 * Thread rule: the thread of the task.
 */
#ifndef KSI_TOPOLOGY_CHANGE_SERDE_H
#define KSI_TOPOLOGY_CHANGE_SERDE_H

#include "topology/change.h"
#include "topology/envelope.h"

/* A serde of changes in `arena`; `value` is that of both values and outlives it. */
const ks_serde *ksi_change_serde(ks_arena *arena, const ks_serde *value);

/* Around the values of such a topic. */
extern const ksi_envelope ksi_change_envelope;

#endif
