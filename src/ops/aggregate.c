/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aggregate.c - count, reduce and aggregate of a grouped stream, without windows.
 *
 * A record with a null key or null value is dropped and counted. The result's timestamp is the
 * larger of the record's and the stored one; a key that has no aggregate takes the record's. The
 * headers of the row in the store are empty; those of the forwarded update are the record's.
 * @java KStreamAggregate, KStreamReduce
 */
#include "ops/fold.h"

typedef struct aggregate_state {
    ksi_table_store table;
} aggregate_state;

static ks_status aggregate_init(ks_ctx *ctx, const void *config, void *state, ks_error *error)
{
    const ksi_aggregate *aggregate = config;
    return ksi_table_store_open(&((aggregate_state *)state)->table, ctx, &aggregate->table, error);
}

static void aggregate_process(ks_ctx *ctx, const void *config, void *state, const ks_record *record)
{
    const ksi_aggregate *how = config;
    ksi_table_store *table = &((aggregate_state *)state)->table;
    ksi_table_row old;

    if (ks_value_is_null(record->key) || ks_value_is_null(record->value)) {
        ksi_ctx_drop(ctx, KS_DROP_NULL, "null key or null value");
        return;
    }
    if (!ksi_table_store_get(table, record->key, &old)) {
        return;
    }
    ks_record update = *record;
    ks_value aggregate;
    if (ksi_fold(ctx, how, record, &old, &aggregate)) {
        update.timestamp = old.timestamp;
        ksi_table_store_update(table, &update, aggregate, old.value);
    }
}

static const ksi_processor_class aggregate_class = {
    .state_size = sizeof(aggregate_state), .init = aggregate_init, .process = aggregate_process};

ksi_processor ksi_op_aggregate(const ksi_aggregate *aggregate)
{
    return (ksi_processor){.class = &aggregate_class, .config = aggregate};
}
