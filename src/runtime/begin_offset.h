/* SPDX-License-Identifier: Apache-2.0 */
/*
 * begin_offset.h - where a task begins to read a partition: the group's committed offset, else what
 * a reset policy says.
 *
 * Thread rule: constant once made; any thread may ask.
 */
#ifndef KSI_RUNTIME_BEGIN_OFFSET_H
#define KSI_RUNTIME_BEGIN_OFFSET_H

#include "base/clock.h"
#include "base/logger.h"
#include "runtime/commit_metadata.h"
#include "topology/topology.h"
#include "transport/transport.h"
#include <kstreams/config.h>

typedef struct ksi_offset_rules {
    ksi_transport *transport;
    const char *group;        /* the application.id */
    ks_offset_reset fallback; /* for sources without a policy: auto.offset.reset */
    int64_t fallback_duration_ms;
    ksi_clock *clock;
    ksi_logger *logger; /* may be NULL */
    ks_arena *notes;    /* where the notes of ksi_begin go; NULL: nobody wants them */
} ksi_offset_rules;

/* Where reading begins, how far time had come there, and what nodes of the task kept. */
typedef struct ksi_begin {
    int64_t offset;
    int64_t partition_time; /* -1: unknown */
    ksi_commit_notes notes;
} ksi_begin;

/* Sets the policy of auto.offset.reset. */
void ksi_offset_fallback(const ks_config *config, ksi_offset_rules *rules);

/*
 * Sets `*offset` to where the group begins to read the partition; `source` is the node that reads
 * it. KS_E_STATE when there is no usable offset and the policy is `none`.
 */
KS_NODISCARD ks_status ksi_begin_offset(const ksi_offset_rules *rules,
                                        ksi_topic_partition partition, const ksi_source *source,
                                        ksi_begin *begin, ks_error *error);
/*
 * The same for a reader who stood at `position` and cannot go on there, because the records were
 * deleted or the topic is another one: what was committed does not count either.
 */
KS_NODISCARD ks_status ksi_begin_again(const ksi_offset_rules *rules, ksi_topic_partition partition,
                                       const ksi_source *source, int64_t position, ksi_begin *begin,
                                       ks_error *error);

#endif
