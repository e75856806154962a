/* SPDX-License-Identifier: Apache-2.0 */
/*
 * operator_time.h - the stream time of one operator: the highest timestamp of all records that came
 * to it, by which it knows what is late.
 *
 * It is kept in the commit metadata, under a name made of that of its node: a task that starts
 * anew goes on with it. Java begins at nothing, and then takes records that it refused before.
 *
 * At least once the rows may be ahead of what was committed. A record that comes again would then
 * find nothing of a window that its store hides by now, and put an aggregate of itself in the place
 * of the complete one. So time is at least where the store hides nothing that is open.
 *
 * Thread rule: the thread of the task.
 */
#ifndef KSI_OPS_OPERATOR_TIME_H
#define KSI_OPS_OPERATOR_TIME_H

#include "ops/ops.h"
#include "topology/context.h"

typedef struct ksi_operator_time {
    ks_ctx *ctx;
    const char *name;
    int64_t highest;  /* -1: nothing has come yet */
    int64_t at_least; /* what the store says */
    bool is_known;
} ksi_operator_time;

/* From the init of a node that aggregates in `windows` of that store. */
void ksi_operator_time_open(ksi_operator_time *time, ks_ctx *ctx, const char *store,
                            const ks_windows *windows);
/* A record has come; the stream time with it. */
int64_t ksi_operator_time_observe(ksi_operator_time *time, int64_t timestamp);

#endif
