/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_table_join.c - a record of a stream with the row that a table has for it: a table of the
 * task, read by the record's key, or a global one, read by what a function makes of the record.
 * @java KStreamKTableJoin, KStreamGlobalKTableJoin, KStreamKTableJoinProcessor
 *
 *     record | its key or value is null | no row
 *     inner  | dropped, counted         | nothing
 *     left   | null key: join with null | join with null
 *            | null value: dropped, counted
 *
 * The result has the record's key, timestamp and headers. Updates of the table join nothing. A
 * versioned table answers as of the record's time.
 *
 * With a grace period a record waits in a buffer until stream time is so far ahead of it, and is
 * joined then, in the context that it came in; one that comes later than that is joined at once. A
 * record without key cannot wait: a left join with a grace period fails with it, as Java's.
 *
 * Thread rule: the thread of the task.
 */
#include "base/error.h"
#include "ops/grace_buffer.h"
#include "ops/ops.h"
#include "ops/table_view.h"

typedef struct join_state {
    const ksi_stream_table_join *how;
    ks_ctx *ctx;
    ksi_table_reader table;
    bool is_versioned;
    ksi_grace_buffer buffer; /* with a grace period */
} join_state;

static ks_status join_init(ks_ctx *ctx, const void *config, void *state, ks_error *error)
{
    const ksi_stream_table_join *how = config;
    join_state *here = state;
    here->how = how;
    here->ctx = ctx;
    if (how->grace != NULL) {
        KS_TRY(ksi_grace_buffer_open(&here->buffer, ctx, how->grace, error));
    }
    KS_TRY(ksi_table_reader_open(&here->table, ctx, how->table, error));
    here->is_versioned = ksi_table_reader_is_versioned(&here->table);
    return KS_OK;
}

static void join_close(const void *config, void *state)
{
    join_state *here = state;
    (void)config;
    ksi_table_reader_close(&here->table);
    ksi_grace_buffer_close(&here->buffer);
}

/* The row for a record; one with a null key has none. False: the context failed. */
static bool read_row(join_state *here, ks_ctx *ctx, const ks_record *record, ks_value key,
                     ksi_table_row *row)
{
    if (ks_value_is_null(key)) {
        *row = (ksi_table_row){.value = ks_null()};
        return true;
    }
    return here->is_versioned
               ? ksi_table_reader_get_as_of(&here->table, ctx, key, record->timestamp, row)
               : ksi_table_reader_get(&here->table, ctx, key, row);
}

static void join_record(const ksi_stream_table_join *how, join_state *here, ks_ctx *ctx,
                        const ks_record *record, ks_value key)
{
    ksi_table_row row;
    if (!read_row(here, ctx, record, key, &row) || (!how->is_left && ks_value_is_null(row.value))) {
        return;
    }
    ks_record joined = *record;
    joined.value = how->join(ctx, record->key, record->value, row.value, how->user);
    if (!ksi_ctx_failed(ctx)) {
        ksi_forward(ctx, &joined);
    }
}

/* One that has waited; its key is the table's. */
static void join_released(void *owner, const ks_record *record)
{
    join_state *here = owner;
    join_record(here->how, here, here->ctx, record, record->key);
}

static void join_or_wait(const ksi_stream_table_join *how, join_state *here, ks_ctx *ctx,
                         const ks_record *record)
{
    bool waits;
    if (ks_value_is_null(record->key)) {
        ks_ctx_fail(ctx, "a record without key cannot wait for the table; give it one, or leave "
                         "the grace period out");
        return;
    }
    if (!ksi_grace_buffer_put(&here->buffer, record, &waits)) {
        return;
    }
    if (waits) {
        ksi_grace_buffer_release(&here->buffer, join_released, here);
    } else {
        join_record(how, here, ctx, record, record->key);
    }
}

static void join_process(ks_ctx *ctx, const void *config, void *state, const ks_record *record)
{
    const ksi_stream_table_join *how = config;
    join_state *here = state;
    ks_value key = how->key != NULL ? how->key(ctx, record, how->user) : record->key;
    if (ksi_ctx_failed(ctx)) {
        return;
    }
    if (ks_value_is_null(record->value) || (!how->is_left && ks_value_is_null(key))) {
        ksi_ctx_drop(ctx, KS_DROP_NULL, "null join key or value");
        return;
    }
    if (how->grace != NULL) {
        join_or_wait(how, here, ctx, record);
    } else {
        join_record(how, here, ctx, record, key);
    }
}

static const ksi_processor_class join_class = {.state_size = sizeof(join_state),
                                               .init = join_init,
                                               .process = join_process,
                                               .close = join_close};

ksi_processor ksi_op_stream_table_join(const ksi_stream_table_join *join)
{
    return (ksi_processor){.class = &join_class, .config = join};
}
