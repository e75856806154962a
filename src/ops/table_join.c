/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table_join.c - a table out of two tables with the same keys. @java KTableKTableInnerJoin,
 * KTableKTableLeftJoin, KTableKTableRightJoin, KTableKTableOuterJoin, KTableKTableJoinMerger
 *
 *     left table --> side: new and old value joined with the right row --+
 *                                                                        +--> merge: the store
 *     right table -> side: the same with the left row -------------------+
 *
 * A side keeps its rows if they are in the result without a partner: the left side of a left join,
 * both of an outer one. So one rule does for all kinds. Of a change at this side:
 *
 *     other row | this side keeps    | this side does not
 *     there     | joined; a deletion is joined, too, if the other side keeps its rows
 *     missing   | joined with null   | nothing: it was in no result
 *
 * A change from nothing to nothing without a partner says nothing. The result is as late as the
 * later of change and row.
 *
 * A side that keeps its rows needs to know whether there was one, so it has old values sent.
 * Updates of a versioned table that are older than its latest are dropped and counted: the other
 * row as of then is not asked for, and the joined table is not versioned. @java KIP-914
 *
 * Thread rule: the thread of the task.
 */
#include "ops/table_join.h"

#include "base/error.h"
#include "ops/table_view.h"

static ks_value call(const ksi_table_join *how, ks_ctx *ctx, ks_value key, ks_value left,
                     ks_value right)
{
    return ksi_ctx_failed(ctx) ? ks_null() : how->join(ctx, key, left, right, how->user);
}

/* ---- one row out of two ---------------------------------------------------------------------- */

bool ksi_table_join_needs_right(const ksi_table_join *how, const ksi_table_row *left)
{
    return how->right.keeps || !ks_value_is_null(left->value);
}

bool ksi_table_join_rows(const ksi_table_join *how, ks_ctx *ctx, ks_value key,
                         const ksi_table_row *left, const ksi_table_row *right, ksi_table_row *row)
{
    bool has_left = !ks_value_is_null(left->value);
    bool has_right = !ks_value_is_null(right->value);
    *row = (ksi_table_row){.value = ks_null(), .timestamp = -1};
    if ((has_left && (has_right || how->left.keeps)) || (has_right && how->right.keeps)) {
        row->value = call(how, ctx, key, left->value, right->value);
        row->found = !ks_value_is_null(row->value);
    }
    if (has_left) {
        row->timestamp = left->timestamp;
    }
    if (has_right && right->timestamp > row->timestamp) {
        row->timestamp = right->timestamp;
    }
    return !ksi_ctx_failed(ctx);
}

/* ---- a side ---------------------------------------------------------------------------------- */

typedef struct side_state {
    ksi_table_reader other;
} side_state;

static const ksi_table_join_side *this_side(const ksi_table_join_node *node)
{
    return node->is_right ? &node->join->right : &node->join->left;
}

static const ksi_table_join_side *other_side(const ksi_table_join_node *node)
{
    return node->is_right ? &node->join->left : &node->join->right;
}

static ks_status side_init(ks_ctx *ctx, const void *config, void *state, ks_error *error)
{
    return ksi_table_reader_open(&((side_state *)state)->other, ctx, other_side(config)->view,
                                 error);
}

static void side_close(const void *config, void *state)
{
    (void)config;
    ksi_table_reader_close(&((side_state *)state)->other);
}

/* What a value of this side gives with the other row. */
static ks_value join_half(const ksi_table_join_node *node, ks_ctx *ctx, ks_value key,
                          ks_value value, ks_value other)
{
    bool has_other = !ks_value_is_null(other);
    bool is_in = ks_value_is_null(value) ? has_other && other_side(node)->keeps
                                         : has_other || this_side(node)->keeps;
    if (!is_in) {
        return ks_null();
    }
    return node->is_right ? call(node->join, ctx, key, other, value)
                          : call(node->join, ctx, key, value, other);
}

static void side_process(ks_ctx *ctx, const void *config, void *state, const ks_record *record)
{
    const ksi_table_join_node *node = config;
    const ksi_change *change = ksi_value_change(record->value);
    ksi_table_row other;
    if (ks_value_is_null(record->key)) {
        ksi_ctx_drop(ctx, KS_DROP_NULL, "null key");
        return;
    }
    if (this_side(node)->is_versioned && !change->is_latest) {
        ksi_ctx_drop(ctx, KS_DROP_LATE, "older than the latest row of its key");
        return;
    }
    if (!ksi_table_reader_get(&((side_state *)state)->other, ctx, record->key, &other)) {
        return;
    }
    bool has_other = !ks_value_is_null(other.value);
    bool was_there = !ks_value_is_null(change->new_value) || !ks_value_is_null(change->old_value);
    if (!has_other && !(this_side(node)->keeps && was_there)) {
        return;
    }
    ksi_change joined = {
        .new_value = join_half(node, ctx, record->key, change->new_value, other.value),
        .old_value = node->join->table.send_old_values
                         ? join_half(node, ctx, record->key, change->old_value, other.value)
                         : ks_null(),
        .is_latest = change->is_latest};
    if (ksi_ctx_failed(ctx)) {
        return;
    }
    ks_record out = *record;
    out.value = ksi_change_value(&joined);
    if (has_other && other.timestamp > out.timestamp) {
        out.timestamp = other.timestamp;
    }
    ksi_forward(ctx, &out);
}

static const ksi_processor_class side_class = {.state_size = sizeof(side_state),
                                               .init = side_init,
                                               .process = side_process,
                                               .close = side_close};

ksi_processor ksi_op_table_join_side(const ksi_table_join_node *node)
{
    return (ksi_processor){.class = &side_class, .config = node};
}

/* ---- the merge ------------------------------------------------------------------------------- */

static ks_status merge_init(ks_ctx *ctx, const void *config, void *state, ks_error *error)
{
    const ksi_table_join *how = config;
    return ksi_table_store_open(state, ctx, &how->table, error);
}

static void merge_process(ks_ctx *ctx, const void *config, void *state, const ks_record *record)
{
    const ksi_change *change = ksi_value_change(record->value);
    (void)ctx;
    (void)config;
    ksi_table_store_update(state, record, change->new_value, change->old_value);
}

static const ksi_processor_class merge_class = {
    .state_size = sizeof(ksi_table_store), .init = merge_init, .process = merge_process};

ksi_processor ksi_op_table_join_merge(const ksi_table_join *join)
{
    return (ksi_processor){.class = &merge_class, .config = join};
}
