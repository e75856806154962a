/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table_view.c - see table_view.h.
 *
 * A function that derives a row on reading gets it as a record: with the row's own timestamp, and
 * without headers. To a transformer, which may ask for the context, the row comes from no topic; it
 * is asked about a row that is not there, too, with timestamp -1.
 * @java KTableTransformValues#KTableTransformValuesGetter
 */
#include "ops/table_view.h"

#include "base/arena.h"
#include "base/error.h"
#include "ops/table_join.h"

ks_status ksi_table_reader_open(ksi_table_reader *reader, ks_ctx *ctx, const ksi_table_view *view,
                                ks_error *error)
{
    *reader = (ksi_table_reader){0};
    if (view->cannot_be_read) {
        return ksi_error_set(error, KS_E_STORE, ctx->node->node->name,
                             "the rows of a cogroup in windows ('%s') cannot be read by another "
                             "node; make a stream and a table of it, and read that",
                             view->store);
    }
    if (view->store != NULL) {
        return ksi_table_store_open_to_read(&reader->store, ctx, view->store, error);
    }
    reader->parent = ksi_arena_zalloc(ctx->task_arena, sizeof *reader->parent);
    if (view->join != NULL) {
        reader->join = view->join;
        reader->right = ksi_arena_zalloc(ctx->task_arena, sizeof *reader->right);
        KS_TRY(ksi_table_reader_open(reader->parent, ctx, view->join->left.view, error));
        return ksi_table_reader_open(reader->right, ctx, view->join->right.view, error);
    }
    KS_TRY(ksi_table_reader_open(reader->parent, ctx, view->parent, error));
    if (view->buffer != NULL) {
        return ksi_suppressed_open(&reader->suppressed, ctx, view->buffer, error);
    }
    ksi_derivation_open(&reader->derivation, ctx, view->derived);
    return KS_OK;
}

void ksi_table_reader_close(ksi_table_reader *reader)
{
    for (ksi_table_reader *at = reader; at->parent != NULL; at = at->parent) {
        if (at->join != NULL) {
            ksi_table_reader_close(at->right);
        } else if (at->derivation.how != NULL) {
            ksi_derivation_close(&at->derivation);
        }
    }
}

/* Asks the transformer in the name of the row and of no topic. */
static ks_value transform(const ksi_table_reader *reader, ks_ctx *ctx, const ks_record *row)
{
    const ksi_record_context outer = ctx->record;
    const ks_record *outer_context_of = ctx->context_of;
    ctx->record = (ksi_record_context){.partition = -1, .offset = -1, .timestamp = row->timestamp};
    ctx->context_of = row;
    ks_value value = ksi_derive(&reader->derivation, ctx, row);
    ctx->record = outer;
    ctx->context_of = outer_context_of;
    return value;
}

bool ksi_table_reader_is_versioned(const ksi_table_reader *reader)
{
    for (; reader->parent != NULL; reader = reader->parent) {
        if (reader->suppressed.buffer != NULL || reader->join != NULL) {
            return false;
        }
    }
    return reader->store.versioned != NULL;
}

static bool derive_row(ksi_table_reader *reader, ks_ctx *ctx, ks_value key, ksi_table_row *row)
{
    const ks_record given = {
        .key = key, .value = row->value, .timestamp = row->found ? row->timestamp : -1};
    row->value = reader->derivation.how->transformer != NULL
                     ? transform(reader, ctx, &given)
                     : ksi_derive(&reader->derivation, ctx, &given);
    row->timestamp = given.timestamp;
    row->found = !ks_value_is_null(row->value);
    return !ksi_ctx_failed(ctx);
}

/* What is held back is not seen yet: the row is as before, of which no time is known. */
static bool suppressed_row(ksi_table_reader *reader, ks_ctx *ctx, ks_value key, ksi_table_row *row)
{
    bool is_held_back;
    *row = (ksi_table_row){.value = ks_null(), .timestamp = -1};
    if (!ksi_suppressed_prior(&reader->suppressed, key, &row->value, &is_held_back)) {
        return false;
    }
    row->found = !ks_value_is_null(row->value);
    return is_held_back || ksi_table_reader_get(reader->parent, ctx, key, row);
}

static bool join_rows(ksi_table_reader *reader, ks_ctx *ctx, ks_value key, ksi_table_row *row)
{
    ksi_table_row left;
    ksi_table_row right = {.value = ks_null()};
    return ksi_table_reader_get(reader->parent, ctx, key, &left) &&
           (!ksi_table_join_needs_right(reader->join, &left) ||
            ksi_table_reader_get(reader->right, ctx, key, &right)) &&
           ksi_table_join_rows(reader->join, ctx, key, &left, &right, row);
}

bool ksi_table_reader_get(ksi_table_reader *reader, ks_ctx *ctx, ks_value key, ksi_table_row *row)
{
    if (reader->parent == NULL) {
        return ksi_table_store_get(&reader->store, key, row);
    }
    if (reader->suppressed.buffer != NULL) {
        return suppressed_row(reader, ctx, key, row);
    }
    if (reader->join != NULL) {
        return join_rows(reader, ctx, key, row);
    }
    return ksi_table_reader_get(reader->parent, ctx, key, row) && derive_row(reader, ctx, key, row);
}

bool ksi_table_reader_get_as_of(ksi_table_reader *reader, ks_ctx *ctx, ks_value key, int64_t time,
                                ksi_table_row *row)
{
    if (reader->parent == NULL) {
        return ksi_table_store_get_as_of(&reader->store, key, time, row);
    }
    return ksi_table_reader_get_as_of(reader->parent, ctx, key, time, row) &&
           derive_row(reader, ctx, key, row);
}
