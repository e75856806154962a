/* SPDX-License-Identifier: Apache-2.0 */
/*
 * processor_calls.c - what only the program's own processors may do with their context: forward,
 * schedule, cancel, ask for a commit. @java ProcessorContextImpl
 *
 * Other callbacks have the same ks_ctx, so each call looks first whose callback runs: a mapper that
 * could forward would send records past the operation it belongs to.
 *
 * Thread rule: the thread of the task.
 */
#include "topology/context.h"

#include <string.h>

bool ksi_ctx_is_processor(ks_ctx *ctx, const char *call)
{
    if (ksi_ctx_failed(ctx)) {
        return false;
    }
    const ksi_node *node = ctx->node != NULL ? ctx->node->node : NULL;
    if (node == NULL || node->kind != KSI_NODE_PROCESSOR || !node->processor.class->is_program) {
        ks_ctx_fail(ctx,
                    "%s is for processors and their punctuations (ks_stream_process()); this "
                    "callback is of another operation",
                    call);
        return false;
    }
    return true;
}

/* ---- forwarding ------------------------------------------------------------------------------ */

static bool may_forward(ks_ctx *ctx, const ks_record *record, const char *call)
{
    if (!ksi_ctx_is_processor(ctx, call)) {
        return false;
    }
    if (ctx->node->node->processor.class->only_answers) {
        ks_ctx_fail(ctx,
                    "%s: a transformer of a table cannot forward, since its records would be no "
                    "rows of the table; return the new value, or use ks_stream_process()",
                    call);
        return false;
    }
    if (record == NULL) {
        ks_ctx_fail(ctx, "%s: the record is NULL; give one", call);
        return false;
    }
    if (record->timestamp < 0) {
        ks_ctx_fail(ctx, "%s: the record has the negative timestamp %lld; give it one of 0 or more",
                    call, (long long)record->timestamp);
        return false;
    }
    if (ctx->is_starting) {
        ks_ctx_fail(ctx,
                    "%s: the nodes below have not begun yet; forward from process or from a "
                    "punctuation, not from init",
                    call);
        return false;
    }
    /* A punctuation has no record in hand to compare with. */
    const ks_record *in_hand = ctx->context_of;
    if (ctx->node->node->processor.class->keeps_key && in_hand != NULL &&
        !ks_value_equal(record->key, in_hand->key)) {
        ks_ctx_fail(ctx,
                    "%s: the key is not that of the record in hand, which "
                    "ks_stream_process_values() promises to keep; use ks_stream_process()",
                    call);
        return false;
    }
    return true;
}

void ks_ctx_forward(ks_ctx *ctx, const ks_record *record)
{
    if (may_forward(ctx, record, "ks_ctx_forward()")) {
        ksi_arena_mark mark = ksi_arena_save(ctx->arena);
        ksi_forward(ctx, record);
        ksi_arena_release(ctx->arena, mark); /* so that a million records hold the memory of one */
    }
}

void ks_ctx_forward_to(ks_ctx *ctx, const ks_record *record, const char *child)
{
    if (!may_forward(ctx, record, "ks_ctx_forward_to()")) {
        return;
    }
    for (size_t i = 0; child != NULL && i < ctx->node->child_count; i++) {
        ksi_node_instance *below = ctx->node->children[i];
        if (strcmp(below->node->name, child) == 0) {
            ksi_arena_mark mark = ksi_arena_save(ctx->arena);
            ksi_forward_to(ctx, below, record);
            ksi_arena_release(ctx->arena, mark);
            return;
        }
    }
    ks_ctx_fail(ctx,
                "ks_ctx_forward_to(): no node \"%s\" is below this processor; name one that "
                "ks_topology_describe() shows there",
                child != NULL ? child : "(null)");
}

/* ---- commits --------------------------------------------------------------------------------- */

void ks_ctx_request_commit(ks_ctx *ctx)
{
    if (ksi_ctx_is_processor(ctx, "ks_ctx_request_commit()")) {
        ctx->services->request_commit(ctx);
    }
}

/* ---- punctuations ---------------------------------------------------------------------------- */

void ks_schedule_init(ks_schedule *schedule)
{
    *schedule = (ks_schedule){.head.struct_size = sizeof *schedule};
}

ks_punctuation ks_ctx_schedule(ks_ctx *ctx, ks_punctuator_fn *punctuate, void *user,
                               const ks_schedule *schedule)
{
    if (!ksi_ctx_is_processor(ctx, "ks_ctx_schedule()")) {
        return 0;
    }
    if (punctuate == NULL || schedule == NULL || schedule->interval_ms < 1) {
        ks_ctx_fail(ctx, "ks_ctx_schedule() needs a function and an interval of at least 1 ms");
        return 0;
    }
    if (schedule->is_anchored && schedule->start_ms < 0) {
        ks_ctx_fail(ctx, "ks_ctx_schedule(): the start %lld ms is before the epoch; give 0 or more",
                    (long long)schedule->start_ms);
        return 0;
    }
    return ctx->services->schedule(ctx, punctuate, user, schedule);
}

void ks_ctx_cancel(ks_ctx *ctx, ks_punctuation punctuation)
{
    if (punctuation != 0 && ksi_ctx_is_processor(ctx, "ks_ctx_cancel()")) {
        ctx->services->cancel(ctx, punctuation);
    }
}
