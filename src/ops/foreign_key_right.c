/* SPDX-License-Identifier: Apache-2.0 */
/*
 * foreign_key_right.c - the right side of a foreign-key join: who wants which row, answering, and
 * telling all of them of a change. @java SubscriptionReceiveProcessorSupplier,
 * SubscriptionJoinProcessorSupplier, ForeignTableJoinProcessorSupplier
 *
 * A subscription is put or deleted in the store, then passed on to be answered. Only one that wants
 * an answer in any case may name no key; it is kept nowhere. Others without key are dropped and
 * counted.
 *
 * An answer has the larger timestamp of the subscription and the row that is named; what a change
 * on the right tells has that change's alone. Updates without key are dropped and counted, and so
 * are those of a versioned table that are not the latest of their row.
 *
 * Those of one foreign key are told in the order of their keys' bytes, each from what the store has
 * when its turn comes.
 */
#include "base/endian.h"
#include "base/error.h"
#include "base/slice.h"
#include "ops/foreign_key.h"

#include <string.h>

enum { SIZE_BYTES = 4 };

/* ---- keys of the store ----------------------------------------------------------------------- */

static ks_slice combined_key(ks_arena *arena, ks_slice foreign_key, ks_slice primary_key)
{
    size_t size = SIZE_BYTES + foreign_key.size + primary_key.size;
    char *data = ksi_arena_alloc(arena, size);
    ksi_put_be32(data, (uint32_t)foreign_key.size);
    if (foreign_key.size > 0) {
        memcpy(data + SIZE_BYTES, foreign_key.data, foreign_key.size);
    }
    if (primary_key.size > 0) {
        memcpy(data + SIZE_BYTES + foreign_key.size, primary_key.data, primary_key.size);
    }
    return ks_slice_of(data, size);
}

/* ---- receiving ------------------------------------------------------------------------------- */

typedef struct subscriptions {
    ksi_key_value_store *store;
    ksi_foreign_key_serde foreign_key;
    ksi_foreign_key_serde primary_key;
} subscriptions;

static ks_status subscriptions_init(ks_ctx *ctx, const void *config, void *state, ks_error *error)
{
    const ksi_foreign_key_join *how = config;
    subscriptions *here = state;
    here->store = ksi_key_value_store_of(ctx->services->store(ctx, how->store));
    KSI_CHECK(here->store != NULL); /* the join has added it */
    KS_TRY(ksi_foreign_key_serde_open(&here->foreign_key, ctx, how->foreign_key_serde,
                                      how->foreign_key_topic, error));
    return ksi_foreign_key_serde_open(&here->primary_key, ctx, how->primary_key_serde,
                                      how->primary_key_topic, error);
}

/* False: the context failed. */
static bool keep(const subscriptions *here, ks_ctx *ctx, const ks_record *record,
                 const ksi_row_subscription *subscription)
{
    ks_slice foreign_key;
    ks_slice primary_key;
    ks_slice value = ks_slice_null();
    if (!ksi_foreign_key_serialize(&here->foreign_key, ctx, record, record->key, &foreign_key) ||
        !ksi_foreign_key_serialize(&here->primary_key, ctx, record, subscription->primary_key,
                                   &primary_key)) {
        return false;
    }
    if (subscription->instruction != KSI_UNSUBSCRIBE &&
        subscription->instruction != KSI_UNSUBSCRIBE_AND_ANSWER) {
        value = ksi_row_subscription_bytes(subscription, primary_key, ctx->arena);
    }
    ks_error error;
    ksi_error_begin(&error);
    if (ksi_key_value_store_write(here->store, combined_key(ctx->arena, foreign_key, primary_key),
                                  value, record->timestamp, &ctx->record, &error) != KS_OK) {
        ksi_ctx_fail_error(ctx, &error);
    }
    return !ksi_ctx_failed(ctx);
}

static void receive_process(ks_ctx *ctx, const void *config, void *state, const ks_record *record)
{
    const ksi_row_subscription *subscription = ksi_value_subscription(record->value);
    (void)config;
    if (ks_value_is_null(record->key)) {
        if (subscription->instruction != KSI_SUBSCRIBE_AND_ANSWER) {
            ksi_ctx_drop(ctx, KS_DROP_NULL, "null foreign key");
            return;
        }
    } else if (!keep(state, ctx, record, subscription)) {
        return;
    }
    ksi_forward_copy(ctx, record);
}

static const ksi_processor_class receive_class = {
    .state_size = sizeof(subscriptions), .init = subscriptions_init, .process = receive_process};

ksi_processor ksi_op_foreign_key_receive(const ksi_foreign_key_join *join)
{
    return (ksi_processor){.class = &receive_class, .config = join};
}

/* ---- answering ------------------------------------------------------------------------------- */

typedef struct answer_state {
    ksi_table_reader right;
} answer_state;

static ks_status answer_init(ks_ctx *ctx, const void *config, void *state, ks_error *error)
{
    const ksi_foreign_key_join *how = config;
    return ksi_table_reader_open(&((answer_state *)state)->right, ctx, how->right, error);
}

static bool wants_answer(ksi_instruction instruction, const ksi_table_row *right)
{
    return instruction == KSI_SUBSCRIBE ? right->found : instruction != KSI_UNSUBSCRIBE;
}

static void answer_process(ks_ctx *ctx, const void *config, void *state, const ks_record *record)
{
    const ksi_row_subscription *subscription = ksi_value_subscription(record->value);
    ksi_table_row right = {.value = ks_null()};
    (void)config;
    if (!ks_value_is_null(record->key) &&
        !ksi_table_reader_get(&((answer_state *)state)->right, ctx, record->key, &right)) {
        return;
    }
    if (!wants_answer(subscription->instruction, &right)) {
        return;
    }
    ksi_row_response response = {.hash = subscription->hash,
                                 .foreign_value = right.value,
                                 .primary_partition = subscription->primary_partition};
    if (subscription->instruction == KSI_UNSUBSCRIBE_AND_ANSWER) {
        response.foreign_value = ks_null();
    }
    ks_record out = *record;
    out.key = subscription->primary_key;
    out.value = ksi_row_response_value(&response);
    if (right.found && right.timestamp > out.timestamp) {
        out.timestamp = right.timestamp;
    }
    ksi_forward(ctx, &out);
}

static void answer_close(const void *config, void *state)
{
    (void)config;
    ksi_table_reader_close(&((answer_state *)state)->right);
}

static const ksi_processor_class answer_class = {.state_size = sizeof(answer_state),
                                                 .init = answer_init,
                                                 .process = answer_process,
                                                 .close = answer_close};

ksi_processor ksi_op_foreign_key_answer(const ksi_foreign_key_join *join)
{
    return (ksi_processor){.class = &answer_class, .config = join};
}

/* ---- telling --------------------------------------------------------------------------------- */

/* Answers one subscription anew; `row` is the store's. */
static void tell_one(const subscriptions *here, ks_ctx *ctx, const ks_record *record,
                     ks_slice primary_key, const ksi_row *row)
{
    ks_error error;
    ksi_row_subscription subscription;
    ks_slice same_key;
    ksi_error_begin(&error);
    if (ksi_row_subscription_read(row->value, &subscription, &same_key, &error) != KS_OK) {
        ksi_ctx_fail_error(ctx, &error);
        return;
    }
    const ksi_row_response response = {.hash = subscription.hash,
                                       .foreign_value = ksi_value_change(record->value)->new_value,
                                       .primary_partition = subscription.primary_partition};
    ks_record out = *record;
    out.value = ksi_row_response_value(&response);
    if (ksi_foreign_key_deserialize(&here->primary_key, ctx, record, primary_key, &out.key)) {
        ksi_forward(ctx, &out);
    }
}

static ks_status tell_all(const subscriptions *here, ks_ctx *ctx, const ks_record *record,
                          ks_slice prefix, ks_error *error)
{
    const ksi_row_range range = {.low = prefix,
                                 .high = ksi_slice_behind_prefix(prefix, ctx->arena)};
    ksi_merged_iterator *iterator = ksi_key_value_store_iterate(here->store, &range);
    ksi_row row;
    bool found = true;
    ks_status status = KS_OK;
    while (status == KS_OK && found && !ksi_ctx_failed(ctx)) {
        status = ksi_merged_iterator_next(iterator, &row, &found, error);
        if (status == KS_OK && found) {
            /* So that a million of them hold the memory of one. */
            ksi_arena_mark mark = ksi_arena_save(ctx->arena);
            tell_one(here, ctx, record,
                     ks_slice_of(row.key.data + prefix.size, row.key.size - prefix.size), &row);
            ksi_arena_release(ctx->arena, mark);
        }
    }
    ksi_merged_iterator_close(iterator);
    return status;
}

static void tell_process(ks_ctx *ctx, const void *config, void *state, const ks_record *record)
{
    const ksi_foreign_key_join *how = config;
    const subscriptions *here = state;
    ks_slice foreign_key;
    if (ks_value_is_null(record->key)) {
        ksi_ctx_drop(ctx, KS_DROP_NULL, "null key");
        return;
    }
    if (how->right_is_versioned && !ksi_value_change(record->value)->is_latest) {
        ksi_ctx_count_drop(ctx, KS_DROP_LATE);
        return;
    }
    if (!ksi_foreign_key_serialize(&here->foreign_key, ctx, record, record->key, &foreign_key)) {
        return;
    }
    ks_error error;
    ksi_error_begin(&error);
    ks_slice prefix = combined_key(ctx->arena, foreign_key, ks_slice_null());
    if (tell_all(here, ctx, record, prefix, &error) != KS_OK) {
        ksi_ctx_fail_error(ctx, &error);
    }
}

static const ksi_processor_class tell_class = {
    .state_size = sizeof(subscriptions), .init = subscriptions_init, .process = tell_process};

ksi_processor ksi_op_foreign_key_tell(const ksi_foreign_key_join *join)
{
    return (ksi_processor){.class = &tell_class, .config = join};
}
