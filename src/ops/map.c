/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map.c - map, selectKey, mapValues: one record out for each one in, with timestamp and headers of
 * the input.
 * @java KStreamMap, KStreamMapValues
 */
#include "base/arena.h"
#include "ops/ops.h"
#include "topology/context.h"

typedef struct map_config {
    ks_pair_mapper_fn *pair;
    ks_mapper_fn *one;
    void *user;
} map_config;

static void map_process(ks_ctx *ctx, const void *config, void *state, const ks_record *record)
{
    const map_config *map = config;
    (void)state;
    ks_record mapped = *record;
    ks_pair pair = map->pair(ctx, record, map->user);
    mapped.key = pair.key;
    mapped.value = pair.value;
    ksi_forward(ctx, &mapped);
}

static void select_key_process(ks_ctx *ctx, const void *config, void *state,
                               const ks_record *record)
{
    const map_config *map = config;
    (void)state;
    ks_record mapped = *record;
    mapped.key = map->one(ctx, record, map->user);
    ksi_forward(ctx, &mapped);
}

static void map_values_process(ks_ctx *ctx, const void *config, void *state,
                               const ks_record *record)
{
    const map_config *map = config;
    (void)state;
    ks_record mapped = *record;
    mapped.value = map->one(ctx, record, map->user);
    ksi_forward(ctx, &mapped);
}

static const ksi_processor_class map_class = {.process = map_process};
static const ksi_processor_class select_key_class = {.process = select_key_process};
static const ksi_processor_class map_values_class = {.process = map_values_process};

static ksi_processor make(ks_arena *arena, const ksi_processor_class *class, map_config values)
{
    map_config *config = ksi_arena_alloc(arena, sizeof *config);
    *config = values;
    return (ksi_processor){.class = class, .config = config};
}

ksi_processor ksi_op_map(ks_arena *arena, ks_pair_mapper_fn *map, void *user)
{
    return make(arena, &map_class, (map_config){.pair = map, .user = user});
}

ksi_processor ksi_op_select_key(ks_arena *arena, ks_mapper_fn *key, void *user)
{
    return make(arena, &select_key_class, (map_config){.one = key, .user = user});
}

ksi_processor ksi_op_map_values(ks_arena *arena, ks_mapper_fn *map, void *user)
{
    return make(arena, &map_values_class, (map_config){.one = map, .user = user});
}
