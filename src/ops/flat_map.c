/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flat_map.c - flatMap and flatMapValues: the callback emits what it likes, and each emission runs
 * to the end before the next.
 *
 * Java collects an Iterable first and forwards afterwards. Emitting as we go allocates nothing and
 * gives the same results, with one difference: a callback that fails after emitting has already
 * forwarded (docs/differences.md).
 * @java KStreamFlatMap, KStreamFlatMapValues
 */
#include "base/arena.h"
#include "ops/ops.h"
#include "topology/context.h"

typedef struct flat_map_config {
    ks_action_fn *emit;
    void *user;
    bool emits_keys;
} flat_map_config;

static void flat_map_process(ks_ctx *ctx, const void *config, void *state, const ks_record *record)
{
    const flat_map_config *flat = config;
    (void)state;
    const ks_record *outer = ctx->emitting;
    bool outer_keys = ctx->emits_keys;
    ctx->emitting = record;
    ctx->emits_keys = flat->emits_keys;
    flat->emit(ctx, record, flat->user);
    ctx->emitting = outer;
    ctx->emits_keys = outer_keys;
}

static const ksi_processor_class flat_map_class = {.process = flat_map_process};

ksi_processor ksi_op_flat_map(ks_arena *arena, ks_action_fn *emit, void *user, bool emits_keys)
{
    flat_map_config *config = ksi_arena_alloc(arena, sizeof *config);
    *config = (flat_map_config){.emit = emit, .user = user, .emits_keys = emits_keys};
    return (ksi_processor){.class = &flat_map_class, .config = config};
}
