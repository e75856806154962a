/* SPDX-License-Identifier: Apache-2.0 */
/*
 * captured_log.h - what a test driver has captured, as the log that its stores are restored from.
 *
 * A driver has no log, and a restart needs one: changelogs are topics that it produced, and topics
 * that double as changelogs are inputs of its task. Behind the interface of a transport they can be
 * read by the runtime's own restore (runtime/restore.h), so that a restart of the driver is one of
 * an application as far as stores are concerned. Nothing else of a transport is here.
 *
 * One partition is read at a time.
 *
 * Thread rule: the driver's.
 */
#ifndef KSI_TESTING_CAPTURED_LOG_H
#define KSI_TESTING_CAPTURED_LOG_H

#include "testing/capture.h"

typedef struct ksi_captured_log {
    ksi_transport transport;
    ksi_consumer consumer;
    const ksi_capture *capture; /* the topics; one without a record is empty */
    /* Of the partition that is asked for, where it is an input: what its task has processed. */
    int64_t committed;
    const ksi_captured_topic *reading; /* what is read now; NULL: nothing, or an empty topic */
    int64_t next;
} ksi_captured_log;

/* `capture` is borrowed. `committed`: -1 when the partition is no input. */
void ksi_captured_log_init(ksi_captured_log *log, const ksi_capture *capture, int64_t committed);

#endif
