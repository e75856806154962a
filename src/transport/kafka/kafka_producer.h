/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_producer.h - a producer of a cluster, as its two files see it: kafka_producer.c sends and
 * settles, kafka_transaction.c begins, commits and aborts.
 *
 * Thread rule: the producer's owner.
 */
#ifndef KSI_TRANSPORT_KAFKA_KAFKA_PRODUCER_H
#define KSI_TRANSPORT_KAFKA_KAFKA_PRODUCER_H

#include "transport/kafka/deliveries.h"
#include "transport/kafka/kafka_transport.h"

/* More topics than this are found through a table. */
#define KSI_KAFKA_RECENT_TOPICS 8

typedef struct ksi_known_topic ksi_known_topic;

/* How far a transaction has come. */
typedef enum ksi_transaction_step {
    KSI_TRANSACTION_NONE = 0,
    KSI_TRANSACTION_OPEN,
    KSI_TRANSACTION_OFFSETS, /* its offsets are in it: it is being committed */
    KSI_TRANSACTION_ENDING   /* its commit was asked for, and the answer did not come in time */
} ksi_transaction_step;

typedef struct ksi_kafka_producer {
    ksi_producer producer; /* first */
    ksi_transport *transport;
    ksi_kafka_client *client;
    ksi_account *account;
    char *transactional_id; /* NULL: without transactions */
    ksi_undelivered_fn *undelivered;
    void *owner;
    bool is_settling; /* `undelivered` is being asked */

    ksi_map *topics; /* name -> ksi_known_topic */
    ksi_known_topic *recent[KSI_KAFKA_RECENT_TOPICS];
    size_t next; /* which to forget next */
    int64_t learned_ns;

    ksi_transaction_step step;
    ks_error *given_up; /* why the client is not used any more; NULL: it is */
} ksi_kafka_producer;

/* ---- kafka_producer.c ------------------------------------------------------------------------ */

/* Why records are lost, or the transaction is: KS_ERROR_ABORT, or KS_E_FENCED. */
ks_status ksi_kafka_producer_lost(ksi_kafka_producer *producer, const ksi_kafka_failure *failure,
                                  ks_error *error);
/* Never again with this client: the error becomes the answer of all that follows. */
ks_status ksi_kafka_producer_give_up(ksi_kafka_producer *producer, const ks_error *reason,
                                     ks_error *error);
/* KS_OK unless the client was given up or records are refused or lost that nobody settled. */
ks_status ksi_kafka_producer_check(ksi_kafka_producer *producer, ks_error *error);
/* Waits until every record is delivered and settled. */
ks_status ksi_kafka_producer_deliver(ksi_kafka_producer *producer, ks_error *error);

/* ---- kafka_transaction.c --------------------------------------------------------------------- */

/* Fences the producer of this id before this one. */
ks_status ksi_kafka_transaction_init(ksi_kafka_producer *producer, ks_error *error);
ks_status ksi_kafka_transaction_begin(ksi_kafka_producer *producer, ks_error *error);
ks_status ksi_kafka_transaction_commit(ksi_kafka_producer *producer,
                                       const ksi_offset_commit *offsets, ks_error *error);
ks_status ksi_kafka_transaction_abort(ksi_kafka_producer *producer, ks_error *error);

#endif
