/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_transport.h - a Kafka cluster behind the interface of transport.h.
 *
 * librdkafka carries the data: fetching, producing, transactions, topics. Members of groups and
 * their offsets go over connections of our own (membership/kafka), because librdkafka's consumer
 * groups know nothing of tasks, and its commit of offsets waits behind a join.
 *
 *     ksi_kafka_transport ---- client "input"      one per kind of reading, shared by the consumers
 *                         |--- client "changelog"  of all threads; a queue and an eventfd of its
 *                         |--- client "global"     own for each ksi_consumer
 *                         |--- client "producer"   shared at least once; a transactional producer
 *                         |                        has a client for itself
 *                         |--- client "admin"      topics, offsets of partitions, groups
 *                         '--- ksi_kafka_group_offsets   committed offsets
 *
 * Each client is made by the first who needs it. librdkafka has some threads and a connection to
 * each broker for every one of them, so sharing is what keeps an application with many stream
 * threads small; a queue per partition is what keeps sharing from costing anything.
 *
 * A transport from ks_log_open() serves programs that look at a log. An application gets one of its
 * own by for_application(), with clients by its properties.
 *
 * Thread rule: that of transport.h.
 */
#ifndef KSI_TRANSPORT_KAFKA_KAFKA_TRANSPORT_H
#define KSI_TRANSPORT_KAFKA_KAFKA_TRANSPORT_H

#include "membership/kafka/kafka_group.h"
#include "transport/kafka/kafka_client.h"
#include "transport/transport.h"

typedef struct ksi_kafka_options {
    const char *bootstrap_servers; /* host:port[,host:port...] */
    const ks_config *config;       /* properties of clients; NULL: none. Copied */
    const ks_config *told;         /* properties that the log has had a line about; or NULL */
    ksi_logger *logger;            /* outlives the transport; NULL: warnings to standard error */
    bool reads_committed;          /* whatever isolation.level says */
} ksi_kafka_options;

/*
 * The transport with one reference, once a broker has answered: KS_E_IO with what the sockets said
 * when none does within a few seconds, KS_E_CONFIG, KS_E_NOT_BUILT.
 */
ksi_transport *ksi_kafka_transport_open(const ksi_kafka_options *options, ks_error *error);

/* ---- for the files of this transport --------------------------------------------------------- */

typedef struct ksi_kafka_transport {
    ksi_transport transport; /* first */
    atomic_int references;
    char *servers;
    char *client_id; /* clients' ids begin with it */
    ks_config *config;
    ksi_logger *logger;
    ksi_logger own_logger; /* used when none was given */
    bool reads_committed;  /* whatever isolation.level says */
    ksi_kafka_outage outage;
    ksi_kafka_client *admin;
    rd_kafka_queue_t *purges; /* answers that nobody waits for */
    ksi_kafka_group_offsets *offsets;
    ksi_mutex lock;                            /* guards what follows */
    ksi_kafka_client *shared[KSI_KAFKA_ROLES]; /* NULL: nobody needed it yet */
    unsigned opened;                           /* numbers clients that are not shared */
} ksi_kafka_transport;

/*
 * A client for a role, retained. KSI_KAFKA_READER and KSI_KAFKA_TRANSACTIONAL: a new one each time.
 * The others: the one that all share, made anew when it has failed for good (rd_kafka_fatal_error).
 * `transactional_id` is NULL but for KSI_KAFKA_TRANSACTIONAL.
 */
ksi_kafka_client *ksi_kafka_transport_client(ksi_kafka_transport *self, ksi_kafka_role role,
                                             const char *transactional_id, ks_error *error);

/* Where the cluster is, for connections of our own: borrowed from the transport. */
ksi_kafka_cluster ksi_kafka_cluster_of(const ksi_kafka_transport *self);

/* kafka_consumer.c, kafka_producer.c */
ksi_consumer *ksi_kafka_consumer_open(ksi_transport *transport, ksi_reads reads, ks_error *error);
ksi_producer *ksi_kafka_producer_open(ksi_transport *transport, const ksi_producer_options *options,
                                      ks_error *error);

#endif
