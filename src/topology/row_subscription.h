/* SPDX-License-Identifier: Apache-2.0 */
/*
 * row_subscription.h - what the two sides of a foreign-key join say to each other, and its bytes.
 * @java SubscriptionWrapper, SubscriptionResponseWrapper
 *
 *     left table's task                                right table's task
 *     row changes    -- subscription: foreign key -->  notes who wants the row, and answers
 *     joins          <-- response: primary key ------  its row now, and whenever it changes
 *
 * A subscription says whose it is, which version of the left row asks (a hash of the row's bytes),
 * where the answer must go, and what is to be done. An answer repeats the hash: when the left row
 * has changed meanwhile the answer is stale, and another is on its way. Left and right may be of
 * any size and never meet; what they know of each other is in these bytes, which are Java's:
 *
 *     subscription    version | no hash, instruction, [hash], primary key, [partition i32]
 *     response        version | no hash, [hash], [foreign value]
 *
 * each in a byte but for the hash (16 bytes), key and value; "no hash" is the high bit of the
 * version's byte, and stands where the left row was deleted. Version 0 of a subscription, of
 * instances before 3.4, has no partition: then the answer goes where the key says.
 *
 * Thread rule: values belong to the thread whose record they are.
 */
#ifndef KSI_TOPOLOGY_ROW_SUBSCRIPTION_H
#define KSI_TOPOLOGY_ROW_SUBSCRIPTION_H

#include "base/murmur3.h"
#include "topology/envelope.h"

#define KSI_KIND_SUBSCRIPTION ((ks_kind)(KS_KIND_RESERVED + 2))
#define KSI_KIND_RESPONSE ((ks_kind)(KS_KIND_RESERVED + 3))

/* What the right side shall do; the numbers are part of the format. */
typedef enum ksi_instruction {
    KSI_UNSUBSCRIBE = 0,            /* and say nothing */
    KSI_UNSUBSCRIBE_AND_ANSWER = 1, /* with null */
    KSI_SUBSCRIBE_AND_ANSWER = 2,   /* with null, too, when there is no row */
    KSI_SUBSCRIBE = 3,              /* and answer if there is a row */
    KSI_INSTRUCTION_COUNT
} ksi_instruction;

/* The version of a left row; none when it was deleted. */
typedef struct ksi_row_hash {
    bool is_there;
    ksi_hash128 hash;
} ksi_row_hash;

static inline bool ksi_row_hash_is_same(ksi_row_hash a, ksi_row_hash b)
{
    return a.is_there == b.is_there &&
           (!a.is_there || (a.hash.high == b.hash.high && a.hash.low == b.hash.low));
}

enum { KSI_SUBSCRIPTION_VERSION = 1, KSI_NO_PARTITION = -1 };

typedef struct ksi_row_subscription {
    uint8_t version;
    ksi_instruction instruction;
    ksi_row_hash hash;
    ks_value primary_key;
    int32_t primary_partition; /* KSI_NO_PARTITION in version 0 */
} ksi_row_subscription;

typedef struct ksi_row_response {
    ksi_row_hash hash;
    ks_value foreign_value;
    int32_t primary_partition; /* where it goes; not part of the bytes. KSI_NO_PARTITION: by key */
} ksi_row_response;

static inline ks_value ksi_row_subscription_value(const ksi_row_subscription *subscription)
{
    return ks_value_make(KSI_KIND_SUBSCRIPTION, (uint64_t)(uintptr_t)subscription, 0);
}

static inline const ksi_row_subscription *ksi_value_subscription(ks_value value)
{
    return (const ksi_row_subscription *)(uintptr_t)value.bits;
}

static inline ks_value ksi_row_response_value(const ksi_row_response *response)
{
    return ks_value_make(KSI_KIND_RESPONSE, (uint64_t)(uintptr_t)response, 0);
}

static inline const ksi_row_response *ksi_value_response(ks_value value)
{
    return (const ksi_row_response *)(uintptr_t)value.bits;
}

/* The bytes of a subscription whose key is serialized already; in `arena`. */
ks_slice ksi_row_subscription_bytes(const ksi_row_subscription *subscription, ks_slice primary_key,
                                    ks_arena *arena);
/*
 * Reads all but the key, whose bytes are a part of `bytes`. KS_E_SERDE when they are no
 * subscription, or of a version that this program does not know.
 */
KS_NODISCARD ks_status ksi_row_subscription_read(ks_slice bytes, ksi_row_subscription *subscription,
                                                 ks_slice *primary_key, ks_error *error);

/* Of a topic of subscriptions. `key_topic` is what the serde of the key gets to see as a topic. */
typedef struct ksi_row_subscription_envelope {
    ksi_envelope envelope;
    const char *key_topic; /* without the application id */
} ksi_row_subscription_envelope;
ksi_row_subscription_envelope ksi_row_subscription_envelope_of(const char *key_topic);

/* The serde inside one of subscriptions. */
const ks_serde *ksi_row_subscription_serde_of_key(const ks_serde *serde);

extern const ksi_envelope ksi_row_response_envelope;

#endif
