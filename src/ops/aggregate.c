/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aggregate.c - count, reduce and aggregate of a grouped stream, without windows.
 *
 * A record with a null key or null value is dropped and counted. The result's timestamp is the
 * larger of the record's and the stored one; a key that has no aggregate takes the record's. The
 * headers of the row in the store are empty; those of the forwarded update are the record's.
 *
 * As Java, count and aggregate hand down as the old value of a key's first update what they began
 * with, 0 or the initializer's, although no such row was ever there. Who asks for old values sees
 * it: a group of the result subtracts a row that nobody added. With a cache the old value comes
 * from the store and is null. @java KStreamAggregate, KStreamReduce
 */
#include "ops/ops.h"
#include "ops/table_store.h"

typedef struct aggregate_state {
    ksi_table_store table;
} aggregate_state;

static ks_status aggregate_init(ks_ctx *ctx, const void *config, void *state, ks_error *error)
{
    const ksi_aggregate *aggregate = config;
    return ksi_table_store_open(&((aggregate_state *)state)->table, ctx, &aggregate->table, error);
}

/* What a key without an aggregate begins with; null for reduce, whose first value it is. */
static ks_value beginning(ks_ctx *ctx, const ksi_aggregate *how)
{
    if (how->reduce != NULL) {
        return ks_null();
    }
    return how->initialize != NULL ? how->initialize(ctx, how->user) : ks_i64(0);
}

static ks_value next_aggregate(ks_ctx *ctx, const ksi_aggregate *how, const ks_record *record,
                               ks_value before)
{
    if (how->reduce != NULL) {
        return ks_value_is_null(before) ? record->value
                                        : how->reduce(ctx, before, record->value, how->user);
    }
    return how->aggregate != NULL ? how->aggregate(ctx, record, before, how->user)
                                  : ks_i64(ks_value_i64(before) + 1);
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
    if (ks_value_is_null(old.value)) {
        old.value = beginning(ctx, how);
    } else if (old.timestamp > record->timestamp) {
        update.timestamp = old.timestamp;
    }
    ks_value aggregate =
        ksi_ctx_failed(ctx) ? ks_null() : next_aggregate(ctx, how, record, old.value);
    if (!ksi_ctx_failed(ctx)) {
        ksi_table_store_update(table, &update, aggregate, old.value);
    }
}

static const ksi_processor_class aggregate_class = {
    .state_size = sizeof(aggregate_state), .init = aggregate_init, .process = aggregate_process};

ksi_processor ksi_op_aggregate(const ksi_aggregate *aggregate)
{
    return (ksi_processor){.class = &aggregate_class, .config = aggregate};
}
