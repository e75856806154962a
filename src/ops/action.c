/* SPDX-License-Identifier: Apache-2.0 */
/*
 * action.c - peek, foreach, and the node that only passes on (merge, a branch). @java KStreamPeek,
 * ForeachProcessor, PassThrough
 */
#include "base/arena.h"
#include "ops/ops.h"
#include "topology/context.h"

typedef struct action_config {
    ks_action_fn *action;
    void *user;
} action_config;

static void peek_process(ks_ctx *ctx, const void *config, void *state, const ks_record *record)
{
    const action_config *peek = config;
    (void)state;
    peek->action(ctx, record, peek->user);
    ksi_forward_copy(ctx, record);
}

static void foreach_process(ks_ctx *ctx, const void *config, void *state, const ks_record *record)
{
    const action_config *each = config;
    (void)state;
    each->action(ctx, record, each->user);
}

static void pass_through_process(ks_ctx *ctx, const void *config, void *state,
                                 const ks_record *record)
{
    (void)config;
    (void)state;
    ksi_forward(ctx, record);
}

static const ksi_processor_class peek_class = {.process = peek_process};
static const ksi_processor_class foreach_class = {.process = foreach_process};
static const ksi_processor_class pass_through_class = {.process = pass_through_process};

static ksi_processor make(ks_arena *arena, const ksi_processor_class *class, ks_action_fn *action,
                          void *user)
{
    action_config *config = ksi_arena_alloc(arena, sizeof *config);
    *config = (action_config){.action = action, .user = user};
    return (ksi_processor){.class = class, .config = config};
}

ksi_processor ksi_op_peek(ks_arena *arena, ks_action_fn *action, void *user)
{
    return make(arena, &peek_class, action, user);
}

ksi_processor ksi_op_foreach(ks_arena *arena, ks_action_fn *action, void *user)
{
    return make(arena, &foreach_class, action, user);
}

ksi_processor ksi_op_pass_through(void)
{
    return (ksi_processor){.class = &pass_through_class};
}
