/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table_source.c - the node where records become the updates of a table: of a topic (table) or of a
 * stream (toTable).
 *
 * A null key is dropped and counted, a null value deletes. Out-of-order updates are applied as they
 * come. A table that nothing asks for has no store: then every record is an update without an old
 * value. @java KTableSource
 */
#include "ops/ops.h"
#include "ops/table_store.h"

typedef struct table_source_state {
    ksi_table_store table;
} table_source_state;

static ks_status table_source_init(ks_ctx *ctx, const void *config, void *state, ks_error *error)
{
    const ksi_table_source *source = config;
    table_source_state *here = state;
    if (source->store == NULL) {
        return KS_OK;
    }
    return ksi_table_store_open(&here->table, ctx, source->store, source->send_old_values, error);
}

static void forward_unmaterialized(ks_ctx *ctx, const ks_record *record)
{
    ksi_change change = {.new_value = record->value, .old_value = ks_null()};
    ks_record update = *record;
    update.value = ksi_change_value(&change);
    ksi_forward(ctx, &update);
}

static void table_source_process(ks_ctx *ctx, const void *config, void *state,
                                 const ks_record *record)
{
    const ksi_table_source *source = config;
    ksi_table_store *table = &((table_source_state *)state)->table;
    ksi_table_row old;

    if (ks_value_is_null(record->key)) {
        ksi_ctx_drop(ctx, KS_DROP_NULL, "null key");
        return;
    }
    if (source->store == NULL) {
        forward_unmaterialized(ctx, record);
        return;
    }
    if (ksi_table_store_get(table, record->key, &old) &&
        ksi_table_store_put(table, record->key, record->value, record->timestamp)) {
        ksi_table_store_forward(table, record, record->value, old.value);
    }
}

static const ksi_processor_class table_source_class = {.state_size = sizeof(table_source_state),
                                                       .init = table_source_init,
                                                       .process = table_source_process};

ksi_processor ksi_op_table_source(const ksi_table_source *source)
{
    return (ksi_processor){.class = &table_source_class, .config = source};
}
