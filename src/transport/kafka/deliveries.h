/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deliveries.h - what became of the records that were sent, for each who sent them.
 *
 * The producers of all threads share one client of librdkafka, which tells in one queue of events
 * what it delivered. Each ksi_producer has an account there, and each of its messages carries a
 * lane: account, sender, topic and partition. So a delivery is booked with a few additions, and
 * nothing is looked up or allocated.
 *
 *     send()  account.sent++                          the owner's
 *     event   account.done++, lane.last_offset        who serves the queue, one thread at a time
 *     flush   until done == sent
 *
 * Whoever waits for his own records serves the events of all; others who wait meanwhile sleep
 * until an event touched them, or nobody serves any more. rd_kafka_flush() is the tempting wrong
 * way: it waits for the records of every thread, and a busy one keeps it from ever ending.
 *
 * A record that the log refused is copied to its account, in the order of events, and the owner
 * settles it. One that is lost with its transaction or its client (time ran out, the producer was
 * fenced) is nobody's to settle: the account keeps the first such failure.
 *
 * An account outlives its producer until the last of its messages came back.
 *
 * Thread rule: an account's functions belong to its owner; `deliveries` any thread.
 */
#ifndef KSI_TRANSPORT_KAFKA_DELIVERIES_H
#define KSI_TRANSPORT_KAFKA_DELIVERIES_H

#include "base/arena.h"
#include "transport/kafka/kafka_client.h"
#include "transport/transport.h"

typedef struct ksi_deliveries ksi_deliveries;
typedef struct ksi_account ksi_account;

/* The way of a sender's records to a partition; belongs to an account. */
typedef struct ksi_lane {
    struct ksi_lane *next; /* of the same partition */
    ksi_account *account;
    rd_kafka_topic_t *topic; /* the client's */
    int32_t partition;
    uint32_t sender;
    _Atomic int64_t last_offset; /* -1: none was delivered */
} ksi_lane;

/* A record that was refused, with all it was sent with. */
typedef struct ksi_refusal {
    struct ksi_refusal *next;
    const ksi_lane *lane;
    rd_kafka_resp_err_t code;
    ks_log_record record;
    ks_arena arena; /* has its bytes */
} ksi_refusal;

struct ksi_account {
    ksi_deliveries *deliveries;
    ks_arena lanes;
    uint64_t sent; /* the owner's */
    uint64_t sent_bytes;
    _Atomic uint64_t done; /* written by whoever serves */
    _Atomic uint64_t done_bytes;
    atomic_bool has_trouble; /* there are refusals, or a failure */
    /* guarded by the deliveries' lock */
    ksi_refusal *first;
    ksi_refusal **last;
    rd_kafka_resp_err_t failure; /* of records that are lost */
    ksi_account *next_orphan;
};

/* Of a client that produces, which it does not retain. */
ksi_deliveries *ksi_deliveries_new(ksi_kafka_client *client);
/*
 * Before its client goes: what is still under way is given up. All accounts were closed. Accepts
 * NULL.
 */
void ksi_deliveries_free(ksi_deliveries *deliveries);

/* Books what is there, unless another thread is at it. */
void ksi_deliveries_serve(ksi_deliveries *deliveries);
/* The same, and waits for something, but not for long: the caller looks and calls again. */
void ksi_deliveries_wait(ksi_deliveries *deliveries, int64_t timeout_ms);

ksi_account *ksi_account_open(ksi_deliveries *deliveries);
/* The producer is gone; what is refused from now on is nobody's. */
void ksi_account_close(ksi_account *account);

/* A lane for its list of lanes; lives as long as the account. */
ksi_lane *ksi_account_lane(ksi_account *account, rd_kafka_topic_t *topic, int32_t partition,
                           uint32_t sender);

/* With about what librdkafka keeps beside it: small records would not count otherwise. */
static inline size_t ksi_record_bytes(size_t key_size, size_t value_size)
{
    return key_size + value_size + 200;
}

/* A record is handed to librdkafka. */
static inline void ksi_account_sent(ksi_account *account, size_t bytes)
{
    account->sent++;
    account->sent_bytes += bytes;
}

/* librdkafka did not take it. */
static inline void ksi_account_not_sent(ksi_account *account, size_t bytes)
{
    account->sent--;
    account->sent_bytes -= bytes;
}

static inline uint64_t ksi_account_under_way(const ksi_account *account)
{
    return account->sent - atomic_load_explicit(&account->done, memory_order_acquire);
}

static inline size_t ksi_account_bytes_under_way(const ksi_account *account)
{
    return (size_t)(account->sent_bytes -
                    atomic_load_explicit(&account->done_bytes, memory_order_relaxed));
}

static inline bool ksi_account_has_trouble(const ksi_account *account)
{
    return atomic_load_explicit(&account->has_trouble, memory_order_acquire);
}

/* Waits until none of its records is under way; false when that took longer than `timeout_ms`. */
bool ksi_account_wait(ksi_account *account, int64_t timeout_ms);

/* The oldest refusal, for ksi_refusal_free(); NULL when there is none. */
ksi_refusal *ksi_account_take_refusal(ksi_account *account);
void ksi_refusal_free(ksi_refusal *refusal);
/* The first failure of lost records, which then counts as told; NO_ERROR: none. */
rd_kafka_resp_err_t ksi_account_take_failure(ksi_account *account);

#endif
