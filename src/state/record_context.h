/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_context.h - where the record in hand came from. @java ProcessorRecordContext
 *
 * Travels with the record through the nodes; a record cache keeps a copy with each dirty entry, so
 * that a row flushed later is forwarded and logged under the context of its last write.
 */
#ifndef KSI_STATE_RECORD_CONTEXT_H
#define KSI_STATE_RECORD_CONTEXT_H

#include <kstreams/value.h>

typedef struct ksi_record_context {
    const char *topic; /* NULL when there is none */
    int32_t partition; /* -1 when there is none */
    int64_t offset;    /* -1 when there is none */
    int64_t timestamp;
    const ks_headers *headers;
    /*
     * The source record's bytes, for a dead letter: null when there is no dead letter queue, or
     * once they were given up.
     */
    ks_slice source_key;
    ks_slice source_value;
} ksi_record_context;

#endif
