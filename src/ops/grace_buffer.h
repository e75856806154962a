/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grace_buffer.h - the records of a stream that wait until a table has caught up with them. @java
 * RocksDBTimeOrderedKeyValueBuffer
 *
 *     put ---> rows: 0 | timestamp i64 | key | number u32  ->  record (state/buffered_value.h)
 *                |
 *     release <--+   oldest first, then by the bytes of the key, then as they came
 *
 * A record is due once stream time is `grace_ms` ahead of it. Stream time here is that of the
 * records that were put: those that are dropped or come too late do not move it. One that is due
 * before it is put is too late to wait.
 *
 * The rows are those of a key-value store without a cache, so a commit, an abort and restoring are
 * what they are to any store. What is remembered beside them follows from them: the last one has
 * the stream time, the first one says when something is due. They are looked at when the buffer is
 * opened, so that nothing that was restored waits for ever; Java begins anew, and takes the keys of
 * its changelog for others when it restores.
 *
 * The number keeps records of one key and time apart, and in their order. It goes on from the
 * highest that waits, and passes over one that is taken; Java begins at 1 with each task and would
 * overwrite a record that waits.
 *
 * The changelog gets each put and each removal at once, without a timestamp.
 *
 * Thread rule: the thread of the task.
 */
#ifndef KSI_OPS_GRACE_BUFFER_H
#define KSI_OPS_GRACE_BUFFER_H

#include "base/buffer.h"
#include "ops/ops.h"
#include "state/key_value_store.h"
#include "topology/context.h"

typedef struct ksi_grace_buffer {
    ksi_key_value_store *store;
    ks_ctx *ctx;
    const ks_serde *key;
    const ks_serde *value;
    const char *topic; /* for serdes: the node's name, as in Java */
    int64_t grace_ms;
    int64_t stream_time; /* -1: nothing was put */
    int64_t earliest;    /* of the first row; INT64_MAX: there is none */
    uint32_t number;     /* of the last record put */
    ksi_buffer bytes;    /* of the record that is put */
} ksi_grace_buffer;

/* From a node's init, when the rows have been restored. */
KS_NODISCARD ks_status ksi_grace_buffer_open(ksi_grace_buffer *buffer, ks_ctx *ctx,
                                             const ksi_grace *grace, ks_error *error);
void ksi_grace_buffer_close(ksi_grace_buffer *buffer);

/* Lets a record with key and value wait, or not: `*waits`. False: the context failed. */
bool ksi_grace_buffer_put(ksi_grace_buffer *buffer, const ks_record *record, bool *waits);

/* Takes a record that is due, within the context that it came in; may fail the context. */
typedef void ksi_grace_emit_fn(void *owner, const ks_record *record);
/* Emits all records that are due and lets go of each. One whose emission fails stays. */
void ksi_grace_buffer_release(ksi_grace_buffer *buffer, ksi_grace_emit_fn *emit, void *owner);

#endif
