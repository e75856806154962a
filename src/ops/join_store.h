/* SPDX-License-Identifier: Apache-2.0 */
/*
 * join_store.h - what the nodes of a join of streams have in common: stores in which records wait
 * for each other, seen through their serdes, and what a task knows of the join as a whole.
 *
 * A record passes two nodes of its side, one that meets the records of the other side and one that
 * puts it into its own store, and both need the bytes of its key. They stand in what the task
 * knows, under the value that they were made of: a node that is given another key makes them anew.
 *
 * Thread rule: the thread of the task.
 */
#ifndef KSI_OPS_JOIN_STORE_H
#define KSI_OPS_JOIN_STORE_H

#include "ops/operator_time.h"
#include "ops/ops.h"
#include "state/window_store.h"
#include "topology/context.h"

/* Of one join in one task. @java KStreamImplJoin.TimeTracker */
typedef struct ksi_join_task {
    bool has_begun;
    ksi_operator_time time; /* of either side */
    int64_t stream_time;    /* what it came to with the record in hand */
    int64_t min_time;       /* about the lowest of those without partner; INT64_MAX: not known */
    int64_t none_before;    /* no record without partner is older: where a look begins */
    int64_t next_emit;      /* of the wall clock: before it nobody looks for closed windows */
    ks_value key;           /* of the record in hand; null: `key_bytes` has none yet */
    ks_slice key_bytes;
} ksi_join_task;

/* What the nodes of a join share; the first that asks begins it. From an init. */
ksi_join_task *ksi_join_task_of(ks_ctx *ctx, const ksi_stream_join *join);

static inline void ksi_join_task_advance(ksi_join_task *task, int64_t timestamp)
{
    task->stream_time = ksi_operator_time_observe(&task->time, timestamp);
}

typedef struct ksi_join_store {
    ksi_window_store *store;
    const ks_serde *key;
    const ks_serde *value;
    const char *topic; /* the changelog's, for serdes */
} ksi_join_store;

KS_NODISCARD ks_status ksi_join_store_open(ksi_join_store *store, ks_ctx *ctx, const char *name,
                                           ks_error *error);

/* The bytes of the key of the record in hand; they live as long as the record. */
KS_NODISCARD ks_status ksi_join_store_key(const ksi_join_store *store, ks_ctx *ctx,
                                          ksi_join_task *task, ks_value key, ks_slice *bytes,
                                          ks_error *error);

/* Puts a record, under the bytes of its key, beside those that are there. */
KS_NODISCARD ks_status ksi_join_store_put(const ksi_join_store *store, ks_ctx *ctx, ks_slice key,
                                          const ks_record *record, ks_error *error);

/*
 * The records of a key from `before_ms` before a time until `after_ms` behind it; never before 0,
 * and sums that leave the range of numbers come around, as in Java.
 */
ksi_window_iterator *ksi_join_store_near(const ksi_join_store *store, ks_slice key, int64_t time,
                                         int64_t before_ms, int64_t after_ms);
/* The last time that is still near. */
int64_t ksi_join_time_to(int64_t time, int64_t after_ms);

/* Java's sum of two longs. */
static inline int64_t ksi_join_sum(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

/* A record that was found; its value is borrowed until the next one is asked for. */
typedef struct ksi_join_partner {
    int64_t time;
    ks_value value;
} ksi_join_partner;

/* False at the end, and when the context failed. */
bool ksi_join_store_next(const ksi_join_store *store, ks_ctx *ctx, ksi_window_iterator *near,
                         ksi_join_partner *partner);

/* Forwards a result that keeps the headers of `record`. False: the context failed. */
static inline bool ksi_join_emit(ks_ctx *ctx, const ks_record *record, ks_value key, ks_value value,
                                 int64_t timestamp)
{
    ks_record result = *record;
    result.key = key;
    result.value = value;
    result.timestamp = timestamp;
    ksi_forward(ctx, &result); /* does nothing when the joiner has failed */
    return !ksi_ctx_failed(ctx);
}

#endif
