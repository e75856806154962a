/* SPDX-License-Identifier: Apache-2.0 */
/*
 * foreign_key_serdes.c - the serdes of a foreign-key join, see foreign_key.h.
 *
 * The keys in the store, and the left rows that are hashed, belong to no topic: as in Java their
 * serdes get to see the name of one that does not exist, "<application.id>-<topic of
 * subscriptions>-pk", "-fk" or "-vh", the same on both sides, so that a serde that registers a
 * schema for each topic does so once.
 */
#include "ops/foreign_key.h"

#include "serde/convert.h"

static void see_topic(ksi_foreign_key_serde *serde, const ks_ctx *ctx, const char *topic,
                      bool is_key)
{
    serde->where = (ks_serde_ctx){
        .topic = ksi_arena_format(ctx->task_arena, "%s-%s", ctx->application_id, topic),
        .is_key = is_key};
}

ks_status ksi_foreign_key_serde_open(ksi_foreign_key_serde *serde, const ks_ctx *ctx,
                                     const ks_serde *own, const char *topic, ks_error *error)
{
    see_topic(serde, ctx, topic, true);
    return ksi_ctx_key_serde(ctx, own, ctx->node->node->name, &serde->serde, error);
}

ks_status ksi_foreign_value_serde_open(ksi_foreign_key_serde *serde, const ks_ctx *ctx,
                                       const ks_serde *own, const char *topic, ks_error *error)
{
    see_topic(serde, ctx, topic, false);
    return ksi_ctx_value_serde(ctx, own, ctx->node->node->name, &serde->serde, error);
}

bool ksi_foreign_key_serialize(const ksi_foreign_key_serde *serde, ks_ctx *ctx,
                               const ks_record *record, ks_value value, ks_slice *bytes)
{
    ks_error error;
    ks_serde_ctx where = serde->where;
    where.headers = record->headers;
    ksi_error_begin(&error);
    if (ksi_ctx_serialize(ctx, serde->serde, &where, value, bytes, &error) != KS_OK) {
        ksi_ctx_fail_error(ctx, &error);
    }
    return !ksi_ctx_failed(ctx);
}

bool ksi_foreign_key_deserialize(const ksi_foreign_key_serde *serde, ks_ctx *ctx,
                                 const ks_record *record, ks_slice bytes, ks_value *value)
{
    ks_error error;
    ks_serde_ctx where = serde->where;
    where.headers = record->headers;
    ksi_error_begin(&error);
    if (serde->serde->kind >= KS_KIND_UUID) {
        bytes = ksi_arena_copy(ctx->arena, bytes); /* a row of a store is only borrowed */
    }
    if (ksi_deserialize(serde->serde, &where, bytes, ctx->arena, value, &error) != KS_OK) {
        ksi_ctx_fail_error(ctx, &error);
    }
    return !ksi_ctx_failed(ctx);
}

bool ksi_foreign_key_hash(const ksi_foreign_key_serde *serde, ks_ctx *ctx, const ks_record *record,
                          ks_value value, ksi_row_hash *hash)
{
    ks_slice bytes;
    *hash = (ksi_row_hash){.is_there = !ks_value_is_null(value)};
    if (!ksi_foreign_key_serialize(serde, ctx, record, value, &bytes)) {
        return false;
    }
    if (hash->is_there) {
        hash->hash = ksi_murmur3(bytes);
    }
    return true;
}
