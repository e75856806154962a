/* SPDX-License-Identifier: Apache-2.0 */
/*
 * foreign_key_left.c - the left side of a foreign-key join: registering what a row names, and
 * resolving the answers. @java SubscriptionSendProcessorSupplier, ResponseJoinProcessorSupplier
 *
 * What a change of a left row tells the right side, where `old` and `new` are the foreign keys of
 * its old and its new value (none: there is no value, or it names none):
 *
 *                         inner join                        left join
 *     new, no old         new: subscribe                    new: subscribe, answer
 *     new = old           new: subscribe                    new: subscribe, answer
 *     new, other old      old: unsubscribe                  old: unsubscribe
 *                         new: subscribe, answer            new: subscribe, answer
 *     old, no new         old: unsubscribe, answer          old: unsubscribe
 *                                                           no key: answer
 *     neither             nothing                           no key: answer
 *
 * An inner join that is not joined yet need not hear that there is no row; a left join always wants
 * an answer, since it always has a result, and gets it under no key where it names none. A left
 * join says nothing of a row that neither was nor is there. An inner join drops a row that names
 * none, and counts it. Old and new are the same when their bytes are.
 *
 * An answer counts if the row is still what it was when it asked, which its hash says; a stale one
 * is dropped and counted. Without a row on the right the result is deleted, in a left join only if
 * there is none on the left either. The result has the answer's timestamp and headers.
 *
 * Updates of a versioned table that are not the latest of their row ask nothing.
 */
#include "base/error.h"
#include "base/slice.h"
#include "ops/foreign_key.h"

/* ---- registering ----------------------------------------------------------------------------- */

typedef struct register_state {
    ksi_foreign_key_serde foreign_key;
    ksi_foreign_key_serde value;
} register_state;

/* A change of a left row on its way. */
typedef struct left_change {
    ks_ctx *ctx;
    const ks_record *record;
    ks_value old_key;
    ks_value new_key;
    ksi_row_subscription subscription;
} left_change;

static ks_status register_init(ks_ctx *ctx, const void *config, void *state, ks_error *error)
{
    const ksi_foreign_key_join *how = config;
    register_state *here = state;
    KS_TRY(ksi_foreign_key_serde_open(&here->foreign_key, ctx, how->foreign_key_serde,
                                      how->foreign_key_topic, error));
    return ksi_foreign_value_serde_open(&here->value, ctx, how->left_value_serde, how->hash_topic,
                                        error);
}

/* The key that a value of the row names, or null. */
static ks_value foreign_key_of(ks_ctx *ctx, const ksi_foreign_key_join *how,
                               const ks_record *record, ks_value value)
{
    if (ks_value_is_null(value) || ksi_ctx_failed(ctx)) {
        return ks_null();
    }
    ks_record row = *record;
    row.value = value;
    ks_value key = how->foreign_key(ctx, &row, how->user);
    return ksi_ctx_failed(ctx) ? ks_null() : key;
}

static bool is_same_key(const register_state *here, const left_change *change)
{
    ks_slice old_bytes;
    ks_slice new_bytes;
    if (ks_value_is_null(change->new_key) ||
        !ksi_foreign_key_serialize(&here->foreign_key, change->ctx, change->record, change->new_key,
                                   &new_bytes) ||
        !ksi_foreign_key_serialize(&here->foreign_key, change->ctx, change->record, change->old_key,
                                   &old_bytes)) {
        return false;
    }
    return ksi_slice_compare(old_bytes, new_bytes) == 0;
}

static void say(left_change *change, ks_value foreign_key, ksi_instruction instruction)
{
    ks_record out = *change->record;
    ksi_row_subscription subscription = change->subscription;
    subscription.instruction = instruction;
    out.key = foreign_key;
    out.value = ksi_row_subscription_value(&subscription);
    ksi_forward(change->ctx, &out);
}

static void register_left(const register_state *here, left_change *change)
{
    if (!ks_value_is_null(change->old_key) && !is_same_key(here, change)) {
        say(change, change->old_key, KSI_UNSUBSCRIBE);
    }
    say(change, change->new_key, KSI_SUBSCRIBE_AND_ANSWER);
}

static void register_inner(const register_state *here, left_change *change)
{
    if (ks_value_is_null(change->new_key)) {
        say(change, change->old_key, KSI_UNSUBSCRIBE_AND_ANSWER);
    } else if (!ks_value_is_null(change->old_key) && !is_same_key(here, change)) {
        say(change, change->old_key, KSI_UNSUBSCRIBE);
        say(change, change->new_key, KSI_SUBSCRIBE_AND_ANSWER);
    } else {
        say(change, change->new_key, KSI_SUBSCRIBE);
    }
}

/* False: there is nothing to say, or the context failed. */
static bool begin_change(ks_ctx *ctx, const ksi_foreign_key_join *how, const register_state *here,
                         left_change *change)
{
    const ks_record *record = change->record;
    const ksi_change *values = ksi_value_change(record->value);
    bool is_there = !ks_value_is_null(values->new_value);
    if (how->left_is_versioned && !values->is_latest) {
        ksi_ctx_count_drop(ctx, KS_DROP_LATE);
        return false;
    }
    if (!is_there && ks_value_is_null(values->old_value)) {
        return false;
    }
    change->old_key = foreign_key_of(ctx, how, record, values->old_value);
    change->new_key = foreign_key_of(ctx, how, record, values->new_value);
    if (ksi_ctx_failed(ctx)) {
        return false;
    }
    if (!how->is_left_join && ks_value_is_null(change->new_key)) {
        if (is_there) {
            ksi_ctx_drop(ctx, KS_DROP_NULL, "null foreign key");
        }
        if (ks_value_is_null(change->old_key)) {
            return false;
        }
    }
    change->subscription = (ksi_row_subscription){.version = KSI_SUBSCRIPTION_VERSION,
                                                  .primary_key = record->key,
                                                  .primary_partition = ctx->record.partition};
    return ksi_foreign_key_hash(&here->value, ctx, record, values->new_value,
                                &change->subscription.hash);
}

static void register_process(ks_ctx *ctx, const void *config, void *state, const ks_record *record)
{
    const ksi_foreign_key_join *how = config;
    left_change change = {.ctx = ctx, .record = record};
    if (!begin_change(ctx, how, state, &change)) {
        return;
    }
    if (ctx->record.partition < 0) {
        ks_ctx_fail(ctx, "the row was changed by a punctuation, so it has no partition that an "
                         "answer could go to; let it pass a topic before the foreign-key join");
        return;
    }
    if (how->is_left_join) {
        register_left(state, &change);
    } else {
        register_inner(state, &change);
    }
}

static const ksi_processor_class register_class = {
    .state_size = sizeof(register_state), .init = register_init, .process = register_process};

ksi_processor ksi_op_foreign_key_register(const ksi_foreign_key_join *join)
{
    return (ksi_processor){.class = &register_class, .config = join};
}

/* ---- resolving ------------------------------------------------------------------------------- */

typedef struct resolve_state {
    ksi_table_reader left;
    ksi_foreign_key_serde value;
} resolve_state;

static ks_status resolve_init(ks_ctx *ctx, const void *config, void *state, ks_error *error)
{
    const ksi_foreign_key_join *how = config;
    resolve_state *here = state;
    KS_TRY(ksi_table_reader_open(&here->left, ctx, how->left, error));
    return ksi_foreign_value_serde_open(&here->value, ctx, how->left_value_serde, how->hash_topic,
                                        error);
}

static void resolve_process(ks_ctx *ctx, const void *config, void *state, const ks_record *record)
{
    const ksi_foreign_key_join *how = config;
    resolve_state *here = state;
    const ksi_row_response *response = ksi_value_response(record->value);
    ksi_table_row left;
    ksi_row_hash hash;
    if (ks_value_is_null(record->key)) {
        ks_ctx_fail(ctx, "an answer has no key; does another program write to this topic?");
        return;
    }
    if (!ksi_table_reader_get(&here->left, ctx, record->key, &left) ||
        !ksi_foreign_key_hash(&here->value, ctx, record, left.value, &hash)) {
        return;
    }
    if (!ksi_row_hash_is_same(hash, response->hash)) {
        ksi_ctx_count_drop(ctx, KS_DROP_LATE);
        return;
    }
    ks_record result = *record;
    bool is_nothing =
        ks_value_is_null(response->foreign_value) && (!how->is_left_join || !left.found);
    result.value =
        is_nothing ? ks_null()
                   : how->join(ctx, record->key, left.value, response->foreign_value, how->user);
    ksi_forward(ctx, &result);
}

static void resolve_close(const void *config, void *state)
{
    (void)config;
    ksi_table_reader_close(&((resolve_state *)state)->left);
}

static const ksi_processor_class resolve_class = {.state_size = sizeof(resolve_state),
                                                  .init = resolve_init,
                                                  .process = resolve_process,
                                                  .close = resolve_close};

ksi_processor ksi_op_foreign_key_resolve(const ksi_foreign_key_join *join)
{
    return (ksi_processor){.class = &resolve_class, .config = join};
}
