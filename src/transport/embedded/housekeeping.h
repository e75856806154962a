/* SPDX-License-Identifier: Apache-2.0 */
/*
 * housekeeping.h - what becomes of old records: deleted by age and size, or compacted.
 *
 * One step looks at all topics. In a process a thread of the log's takes a step every few minutes,
 * as often as a broker does; a test takes steps itself, at the times it likes.
 *
 * Retention deletes whole pieces (segments, or batches in memory), the oldest first: those whose
 * newest record is older than `retention.ms`, and those behind which `retention.bytes` are left.
 *
 * Compaction (compaction.c) is for partitions in files.
 *
 * Thread rule: any thread, one step at a time.
 */
#ifndef KSI_TRANSPORT_EMBEDDED_HOUSEKEEPING_H
#define KSI_TRANSPORT_EMBEDDED_HOUSEKEEPING_H

#include "transport/embedded/embedded_log.h"

/* What a step did. */
typedef struct ksi_housekeeping {
    size_t partitions_shortened; /* by retention */
    size_t segments_compacted;
} ksi_housekeeping;

/* One step; goes on after a partition that cannot be cleaned, and answers its error at the end. */
ks_status ksi_embedded_housekeep(ksi_embedded_log *log, int64_t now_ms, ksi_housekeeping *done,
                                 ks_error *error);

/* Starts the log's thread when it does not run. Under the log's lock. */
void ksi_housekeeping_start(ksi_embedded_log *log);
/* Ends it; nothing when it does not run. Nobody uses the log any more. */
void ksi_housekeeping_stop(ksi_embedded_log *log);

#endif
