/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cogroup.c - the functions of one input of a cogroup, as those of an aggregation.
 *
 * A cogroup is one aggregation for each of its inputs, over one store. An aggregation has one user
 * pointer, and here are two: that of the input's aggregator, and that of what all inputs share. So
 * each aggregation is given functions that know both. The tempting wrong way is a second pointer in
 * every aggregation, which only a cogroup would ever set. @java CogroupedStreamAggregateBuilder
 *
 * Thread rule: the thread of the task.
 */
#include "ops/ops.h"

#include "base/arena.h"

static ks_value initialize(ks_ctx *ctx, void *user)
{
    const ksi_cogroup_input *input = user;
    return input->initialize(ctx, input->shared_user);
}

static ks_value aggregate(ks_ctx *ctx, const ks_record *record, ks_value before, void *user)
{
    const ksi_cogroup_input *input = user;
    return input->aggregate(ctx, record, before, input->user);
}

static ks_value merge(ks_ctx *ctx, ks_value key, ks_value before, ks_value other, void *user)
{
    const ksi_cogroup_input *input = user;
    return input->merge(ctx, key, before, other, input->shared_user);
}

ksi_windowed_aggregate ksi_cogroup_aggregate(ks_arena *arena, const ksi_cogroup_input *input)
{
    ksi_cogroup_input *own = ksi_arena_alloc(arena, sizeof *own);
    *own = *input;
    return (ksi_windowed_aggregate){
        .how = {.initialize = initialize, .aggregate = aggregate, .user = own},
        .merge = input->merge != NULL ? merge : NULL};
}
