/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table_source.c - the node where records become the updates of a table: of a topic (table) or of a
 * stream (toTable).
 *
 * A null key is dropped and counted, a null value deletes. Out-of-order updates are applied as they
 * come, and by a versioned table where they belong in time: as in Java the old value of a change is
 * what was the latest of the key, also when the update is older. A table that nothing asks for has
 * no store: then every record is an update without an old value. @java KTableSource
 */
#include "ops/ops.h"
#include "ops/table_store.h"

typedef struct table_source_state {
    ksi_table_store table;
} table_source_state;

static ks_status table_source_init(ks_ctx *ctx, const void *config, void *state, ks_error *error)
{
    return ksi_table_store_open(&((table_source_state *)state)->table, ctx, config, error);
}

static void table_source_process(ks_ctx *ctx, const void *config, void *state,
                                 const ks_record *record)
{
    ksi_table_store *table = &((table_source_state *)state)->table;
    ksi_table_row old = {.value = ks_null()};
    (void)config;
    if (ks_value_is_null(record->key)) {
        ksi_ctx_drop(ctx, KS_DROP_NULL, "null key");
        return;
    }
    if (!ksi_table_is_materialized(table) || ksi_table_store_get(table, record->key, &old)) {
        ksi_table_store_update(table, record, record->value, old.value);
    }
}

static const ksi_processor_class table_source_class = {.state_size = sizeof(table_source_state),
                                                       .init = table_source_init,
                                                       .process = table_source_process};

ksi_processor ksi_op_table_source(const ksi_table_node *table)
{
    return (ksi_processor){.class = &table_source_class, .config = table};
}
