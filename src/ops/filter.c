/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter.c - filter, filterNot, and the filter before a repartition topic. Nulls are the
 * predicate's business.
 * @java KStreamFilter
 */
#include "base/arena.h"
#include "ops/ops.h"
#include "topology/context.h"

typedef struct filter_config {
    ks_predicate_fn *predicate;
    void *user;
    bool negated;
} filter_config;

static void filter_process(ks_ctx *ctx, const void *config, void *state, const ks_record *record)
{
    const filter_config *filter = config;
    (void)state;
    if (filter->predicate(ctx, record, filter->user) != filter->negated) {
        ksi_forward_copy(ctx, record);
    }
}

static const ksi_processor_class filter_class = {.process = filter_process};

ksi_processor ksi_op_filter(ks_arena *arena, ks_predicate_fn *predicate, void *user, bool negated)
{
    filter_config *config = ksi_arena_alloc(arena, sizeof *config);
    *config = (filter_config){.predicate = predicate, .user = user, .negated = negated};
    return (ksi_processor){.class = &filter_class, .config = config};
}

/*
 * A record without key has no partition to go to, and nothing that reads a repartition topic would
 * take it (KIP-962).
 */
static void has_key_process(ks_ctx *ctx, const void *config, void *state, const ks_record *record)
{
    (void)config;
    (void)state;
    if (!ks_value_is_null(record->key)) {
        ksi_forward_copy(ctx, record);
    }
}

static const ksi_processor_class has_key_class = {.process = has_key_process};

/*
 * The same node where a left join below takes records without key. It is not a node that only
 * passes on: the sink below gives up the source bytes of its own copy of the context.
 */
static void any_key_process(ks_ctx *ctx, const void *config, void *state, const ks_record *record)
{
    (void)config;
    (void)state;
    ksi_forward_copy(ctx, record);
}

static const ksi_processor_class any_key_class = {.process = any_key_process};

ksi_processor ksi_op_any_key(void)
{
    return (ksi_processor){.class = &any_key_class};
}

ksi_processor ksi_op_has_key(void)
{
    return (ksi_processor){.class = &has_key_class};
}
