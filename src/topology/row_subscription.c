/* SPDX-License-Identifier: Apache-2.0 */
/*
 * row_subscription.c - see row_subscription.h.
 */
#include "topology/row_subscription.h"

#include "base/endian.h"
#include "serde/convert.h"
#include "topology/context.h"

#include <string.h>

enum { NO_HASH = 0x80, HASH_BYTES = 16, PARTITION_BYTES = 4, RESPONSE_VERSION = 0 };

/* ---- parts ----------------------------------------------------------------------------------- */

static size_t hash_size(const ksi_row_hash *hash)
{
    return hash->is_there ? HASH_BYTES : 0;
}

static uint8_t version_byte(uint8_t version, const ksi_row_hash *hash)
{
    return (uint8_t)(hash->is_there ? version : version | NO_HASH);
}

static char *put_hash(char *at, const ksi_row_hash *hash)
{
    if (hash->is_there) {
        ksi_put_be64(at, hash->hash.high);
        ksi_put_be64(at + HASH_BYTES / 2, hash->hash.low);
    }
    return at + hash_size(hash);
}

static char *put_bytes(char *at, ks_slice bytes)
{
    if (bytes.size > 0) {
        memcpy(at, bytes.data, bytes.size);
    }
    return at + bytes.size;
}

static ks_slice behind(ks_slice bytes, size_t size)
{
    return ks_slice_of(bytes.data + size, bytes.size - size);
}

/* Takes the hash off the front if the first byte said that there is one; false: it is cut off. */
static bool take_hash(ks_slice *rest, uint8_t first, ksi_row_hash *hash)
{
    *hash = (ksi_row_hash){.is_there = (first & NO_HASH) == 0};
    if (!hash->is_there) {
        return true;
    }
    if (rest->size < HASH_BYTES) {
        return false;
    }
    hash->hash.high = ksi_get_be64(rest->data);
    hash->hash.low = ksi_get_be64(rest->data + HASH_BYTES / 2);
    *rest = behind(*rest, HASH_BYTES);
    return true;
}

static ks_status refuse(const char *what, size_t size, ks_error *error)
{
    return ksi_error_set(error, KS_E_SERDE, what,
                         "these %zu bytes are none; does another program write to this topic, or "
                         "an instance of a later version?",
                         size);
}

/* ---- subscriptions --------------------------------------------------------------------------- */

ks_slice ksi_row_subscription_bytes(const ksi_row_subscription *subscription, ks_slice primary_key,
                                    ks_arena *arena)
{
    size_t partition_size = subscription->version > 0 ? PARTITION_BYTES : 0;
    size_t size = 2 + hash_size(&subscription->hash) + primary_key.size + partition_size;
    char *data = ksi_arena_alloc(arena, size);
    data[0] = (char)version_byte(subscription->version, &subscription->hash);
    data[1] = (char)subscription->instruction;
    char *at = put_bytes(put_hash(data + 2, &subscription->hash), primary_key);
    if (partition_size > 0) {
        ksi_put_be32(at, (uint32_t)subscription->primary_partition);
    }
    return ks_slice_of(data, size);
}

ks_status ksi_row_subscription_read(ks_slice bytes, ksi_row_subscription *subscription,
                                    ks_slice *primary_key, ks_error *error)
{
    static const char what[] = "a subscription of a foreign-key join";
    ks_slice rest = bytes;
    if (rest.size < 2) {
        return refuse(what, bytes.size, error);
    }
    const uint8_t first = (uint8_t)rest.data[0];
    const uint8_t instruction = (uint8_t)rest.data[1];
    *subscription = (ksi_row_subscription){.version = first & (NO_HASH - 1),
                                           .instruction = (ksi_instruction)instruction,
                                           .primary_partition = KSI_NO_PARTITION};
    rest = behind(rest, 2);
    if (subscription->version > KSI_SUBSCRIPTION_VERSION || instruction >= KSI_INSTRUCTION_COUNT ||
        !take_hash(&rest, first, &subscription->hash)) {
        return refuse(what, bytes.size, error);
    }
    if (subscription->version > 0) {
        if (rest.size < PARTITION_BYTES) {
            return refuse(what, bytes.size, error);
        }
        rest.size -= PARTITION_BYTES;
        subscription->primary_partition = (int32_t)ksi_get_be32(rest.data + rest.size);
    }
    *primary_key = rest;
    return KS_OK;
}

typedef struct subscription_serde {
    ks_serde serde;
    const ks_serde *key;
    const char *key_topic;
} subscription_serde;

const ks_serde *ksi_row_subscription_serde_of_key(const ks_serde *serde)
{
    return ((const subscription_serde *)serde->config)->key;
}

static ks_serde_ctx context_of_key(const subscription_serde *self, const ks_serde_ctx *ctx)
{
    return (ks_serde_ctx){.topic = self->key_topic, .is_key = true, .headers = ctx->headers};
}

static ks_status serialize_subscription(const ks_serde *serde, const ks_serde_ctx *ctx,
                                        ks_value value, ks_arena *arena, ks_slice *bytes,
                                        ks_error *error)
{
    const subscription_serde *self = serde->config;
    const ksi_row_subscription *subscription = ksi_value_subscription(value);
    const ks_serde_ctx where = context_of_key(self, ctx);
    ks_slice key;
    KS_TRY(ksi_serialize(self->key, &where, subscription->primary_key, arena, &key, error));
    *bytes = ksi_row_subscription_bytes(subscription, key, arena);
    return KS_OK;
}

static ks_status deserialize_subscription(const ks_serde *serde, const ks_serde_ctx *ctx,
                                          ks_slice bytes, ks_arena *arena, ks_value *value,
                                          ks_error *error)
{
    const subscription_serde *self = serde->config;
    const ks_serde_ctx where = context_of_key(self, ctx);
    ksi_row_subscription *subscription = ksi_arena_alloc(arena, sizeof *subscription);
    ks_slice key = ks_slice_null();
    KS_TRY(ksi_row_subscription_read(bytes, subscription, &key, error));
    KS_TRY(ksi_deserialize(self->key, &where, key, arena, &subscription->primary_key, error));
    *value = ksi_row_subscription_value(subscription);
    return KS_OK;
}

static const ks_serde *make_subscription_serde(const ksi_envelope *envelope, const ks_ctx *ctx,
                                               const ks_serde *key)
{
    const ksi_row_subscription_envelope *own = (const ksi_row_subscription_envelope *)envelope;
    subscription_serde *made = ksi_arena_alloc(ctx->task_arena, sizeof *made);
    made->key = key;
    made->key_topic =
        ksi_arena_format(ctx->task_arena, "%s-%s", ctx->application_id, own->key_topic);
    made->serde = (ks_serde){.struct_size = sizeof made->serde,
                             .name = key->name,
                             .kind = KSI_KIND_SUBSCRIPTION,
                             .serialize = serialize_subscription,
                             .deserialize = deserialize_subscription,
                             .config = made};
    return &made->serde;
}

ksi_row_subscription_envelope ksi_row_subscription_envelope_of(const char *key_topic)
{
    return (ksi_row_subscription_envelope){
        .envelope = {.serde = make_subscription_serde, .is_of_key = true}, .key_topic = key_topic};
}

/* ---- responses ------------------------------------------------------------------------------- */

static ks_status serialize_response(const ks_serde *serde, const ks_serde_ctx *ctx, ks_value value,
                                    ks_arena *arena, ks_slice *bytes, ks_error *error)
{
    const ksi_row_response *response = ksi_value_response(value);
    ks_slice inner = ks_slice_null();
    KS_TRY(ksi_serialize(serde->config, ctx, response->foreign_value, arena, &inner, error));
    size_t size = 1 + hash_size(&response->hash) + inner.size;
    char *data = ksi_arena_alloc(arena, size);
    data[0] = (char)version_byte(RESPONSE_VERSION, &response->hash);
    put_bytes(put_hash(data + 1, &response->hash), inner);
    *bytes = ks_slice_of(data, size);
    return KS_OK;
}

/* A value of no bytes reads as null, as in Java. */
static ks_status deserialize_response(const ks_serde *serde, const ks_serde_ctx *ctx,
                                      ks_slice bytes, ks_arena *arena, ks_value *value,
                                      ks_error *error)
{
    static const char what[] = "a response of a foreign-key join";
    ksi_row_response *response = ksi_arena_alloc(arena, sizeof *response);
    *response = (ksi_row_response){.primary_partition = KSI_NO_PARTITION};
    ks_slice rest = bytes;
    if (rest.size < 1) {
        return refuse(what, bytes.size, error);
    }
    const uint8_t first = (uint8_t)rest.data[0];
    rest = behind(rest, 1);
    if ((first & (NO_HASH - 1)) != RESPONSE_VERSION || !take_hash(&rest, first, &response->hash)) {
        return refuse(what, bytes.size, error);
    }
    response->foreign_value = ks_null();
    if (rest.size > 0) {
        KS_TRY(ksi_deserialize(serde->config, ctx, rest, arena, &response->foreign_value, error));
    }
    *value = ksi_row_response_value(response);
    return KS_OK;
}

static const ks_serde *make_response_serde(const ksi_envelope *envelope, const ks_ctx *ctx,
                                           const ks_serde *foreign_value)
{
    ks_serde *made = ksi_arena_alloc(ctx->task_arena, sizeof *made);
    (void)envelope;
    *made = (ks_serde){.struct_size = sizeof *made,
                       .name = foreign_value->name,
                       .kind = KSI_KIND_RESPONSE,
                       .serialize = serialize_response,
                       .deserialize = deserialize_response,
                       .config = foreign_value};
    return made;
}

const ksi_envelope ksi_row_response_envelope = {.serde = make_response_serde};
