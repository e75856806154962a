/* SPDX-License-Identifier: Apache-2.0 */
/*
 * operator_time.h - the stream time of one operator: the highest timestamp of all records that came
 * to it, by which it knows what is late and what has waited long enough.
 *
 * It is kept in the commit metadata, under a name of its own: a task that starts anew goes on with
 * it. Java begins at nothing, and then takes records that it refused before, and lets wait what was
 * due.
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
    int64_t *highest; /* as it is committed; -1: nothing has come yet */
    int64_t at_least; /* what the store says */
} ksi_operator_time;

/* Under a name of its own, which no other operator of the task uses. From an init. */
ksi_operator_time ksi_operator_time_of(ks_ctx *ctx, const char *name);
/* Of a node that aggregates in `windows` of that store. From its init. */
ksi_operator_time ksi_operator_time_of_windows(ks_ctx *ctx, const char *store,
                                               const ks_windows *windows);

/* A record has come; the stream time with it. */
static inline int64_t ksi_operator_time_observe(const ksi_operator_time *time, int64_t timestamp)
{
    int64_t highest = *time->highest > time->at_least ? *time->highest : time->at_least;
    *time->highest = timestamp > highest ? timestamp : highest;
    return *time->highest;
}

#endif
