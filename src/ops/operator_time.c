/* SPDX-License-Identifier: Apache-2.0 */
/*
 * operator_time.c - see operator_time.h.
 */
#include "ops/operator_time.h"

#include "base/arena.h"

void ksi_operator_time_open(ksi_operator_time *time, ks_ctx *ctx)
{
    *time = (ksi_operator_time){
        .ctx = ctx,
        .name = ksi_arena_format(ctx->task_arena, KSI_OWN_NOTE "%s", ctx->node->node->name),
        .highest = -1};
}

int64_t ksi_operator_time_observe(ksi_operator_time *time, int64_t timestamp)
{
    const ksi_ctx_services *services = time->ctx->services;
    if (!time->is_known) { /* a task is made before it is known what was committed for it */
        time->highest = services->note(time->ctx, time->name);
        time->is_known = true;
    }
    if (time->highest < timestamp) {
        time->highest = timestamp;
        services->keep_note(time->ctx, time->name, timestamp);
    }
    return time->highest;
}
