/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table_aggregate.c - count, reduce and aggregate of a grouped table: rows enter a group and leave
 * it again. @java KTableAggregate, KTableReduce
 *
 * A change first takes its old value out of the aggregate, then puts its new one in. Nothing is
 * subtracted from a group without an aggregate: the row to subtract came before the state was
 * built, or never. A null key is a failure.
 *
 * The result's timestamp is the larger of the record's and the stored one; a group that has no
 * aggregate takes the record's. A null result deletes.
 */
#include "ops/ops.h"
#include "ops/table_store.h"

typedef struct aggregate_state {
    ksi_table_store table;
} aggregate_state;

static ks_status aggregate_init(ks_ctx *ctx, const void *config, void *state, ks_error *error)
{
    const ksi_table_aggregate *aggregate = config;
    return ksi_table_store_open(&((aggregate_state *)state)->table, ctx, &aggregate->table, error);
}

/* The functions take the value to add or subtract as the value of a record. */
static ks_value call(ks_ctx *ctx, const ksi_table_aggregate *how, ks_aggregator_fn *function,
                     const ks_record *record, ks_value value, ks_value aggregate)
{
    ks_record given = *record;
    given.value = value;
    return function(ctx, &given, aggregate, how->user);
}

static ks_value subtract(ks_ctx *ctx, const ksi_table_aggregate *how, const ks_record *record,
                         ks_value aggregate)
{
    ks_value value = ksi_value_change(record->value)->old_value;
    if (how->reduce_subtract != NULL) {
        return how->reduce_subtract(ctx, aggregate, value, how->user);
    }
    return how->subtract != NULL ? call(ctx, how, how->subtract, record, value, aggregate)
                                 : ks_i64(ks_value_i64(aggregate) - 1);
}

static ks_value add(ks_ctx *ctx, const ksi_table_aggregate *how, const ks_record *record,
                    ks_value aggregate)
{
    ks_value value = ksi_value_change(record->value)->new_value;
    if (how->reduce_add != NULL) {
        return ks_value_is_null(aggregate) ? value
                                           : how->reduce_add(ctx, aggregate, value, how->user);
    }
    if (how->add == NULL) {
        return ks_i64(ks_value_is_null(aggregate) ? 1 : ks_value_i64(aggregate) + 1);
    }
    if (ks_value_is_null(aggregate)) {
        aggregate = how->initialize(ctx, how->user);
    }
    return ksi_ctx_failed(ctx) ? ks_null() : call(ctx, how, how->add, record, value, aggregate);
}

static void aggregate_process(ks_ctx *ctx, const void *config, void *state, const ks_record *record)
{
    const ksi_table_aggregate *how = config;
    const ksi_change *change = ksi_value_change(record->value);
    ksi_table_store *table = &((aggregate_state *)state)->table;
    ksi_table_row old;

    if (ks_value_is_null(record->key)) {
        ks_ctx_fail(ctx, "a record of the grouped table has no key");
        return;
    }
    if (!ksi_table_store_get(table, record->key, &old)) {
        return;
    }
    ks_value aggregate = old.value;
    if (!ks_value_is_null(change->old_value) && old.found) {
        aggregate = subtract(ctx, how, record, aggregate);
    }
    if (!ksi_ctx_failed(ctx) && !ks_value_is_null(change->new_value)) {
        aggregate = add(ctx, how, record, aggregate);
    }
    ks_record update = *record;
    if (old.found && old.timestamp > record->timestamp) {
        update.timestamp = old.timestamp;
    }
    if (!ksi_ctx_failed(ctx)) {
        ksi_table_store_update(table, &update, aggregate, old.value);
    }
}

static const ksi_processor_class aggregate_class = {
    .state_size = sizeof(aggregate_state), .init = aggregate_init, .process = aggregate_process};

ksi_processor ksi_op_table_aggregate(const ksi_table_aggregate *aggregate)
{
    return (ksi_processor){.class = &aggregate_class, .config = aggregate};
}
