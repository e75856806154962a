/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_config.h - from the properties of an application to those of a librdkafka client.
 *
 * A program names properties as Java does. librdkafka has other names for some, other units, and
 * none for others; this file alone knows both. What a client gets is, from weakest to strongest:
 *
 *     what suits a client of its kind       fetch.wait.max.ms=100 ...
 *     the bare property                     fetch.max.wait.ms=20
 *     the prefix of all consumers           consumer.fetch.max.wait.ms=20
 *     the prefix of this one                main.consumer.fetch.max.wait.ms=20
 *     what the library stands on            enable.auto.commit=false, enable.partition.eof=true ...
 *
 * Behind a prefix librdkafka's own names are taken, too ("producer.queue.buffering.max.kbytes").
 * A name that has no counterpart is said so in the log, and a value
 * that librdkafka refuses is KS_E_CONFIG under the name that the program wrote.
 *
 * Properties that only newer releases of librdkafka have are tried: what the one at hand does not
 * know is left out without a word, for the program did not ask for it.
 *
 * Thread rule: any thread.
 */
#ifndef KSI_TRANSPORT_KAFKA_CLIENT_CONFIG_H
#define KSI_TRANSPORT_KAFKA_CLIENT_CONFIG_H

#include "base/logger.h"
#include "config/config.h"

#include <librdkafka/rdkafka.h>

/* What a client is for. */
typedef enum ksi_kafka_role {
    KSI_KAFKA_INPUT = 0,    /* consumer: main.consumer. */
    KSI_KAFKA_CHANGELOG,    /* consumer: restore.consumer. */
    KSI_KAFKA_GLOBAL,       /* consumer: global.consumer. */
    KSI_KAFKA_READER,       /* consumer: consumer.; reads for log.h */
    KSI_KAFKA_ADMIN,        /* a consumer that reads nothing: admin. */
    KSI_KAFKA_UNCOMMITTED,  /* the same, to which transactions that are under way count: admin. */
    KSI_KAFKA_PRODUCER,     /* producer. */
    KSI_KAFKA_TRANSACTIONAL /* producer. */
} ksi_kafka_role;

enum { KSI_KAFKA_ROLES = KSI_KAFKA_TRANSACTIONAL + 1 };

static inline bool ksi_kafka_role_produces(ksi_kafka_role role)
{
    return role >= KSI_KAFKA_PRODUCER;
}

/* Borrowed for the call. */
typedef struct ksi_kafka_client_options {
    ksi_kafka_role role;
    const char *bootstrap_servers;
    const char *client_id;        /* the client's own, not the application's */
    const char *transactional_id; /* of KSI_KAFKA_TRANSACTIONAL */
    const ks_config *config;      /* NULL: no properties were set */
    bool reads_committed;         /* whatever isolation.level says */
} ksi_kafka_client_options;

/*
 * What the client is made of: owned, for rd_kafka_new(). NULL with KS_E_CONFIG or KS_E_NOT_BUILT.
 */
rd_kafka_conf_t *ksi_kafka_client_conf(const ksi_kafka_client_options *options, ks_error *error);

/*
 * A line for each property that was set and does nothing, but for those that `told` (NULL: nothing)
 * has with the same value.
 */
void ksi_kafka_client_notices(const ks_config *config, const ks_config *told, ksi_logger *logger);

/*
 * Milliseconds that a call may wait for brokers: default.api.timeout.ms, 10 seconds at the most.
 */
int32_t ksi_kafka_call_timeout_ms(const ks_config *config);

/* The prefix under which a role's properties are looked for, and whose they are. */
ksi_client ksi_kafka_client_of(ksi_kafka_role role);

/* Whether isolation.level of the consumer that reads inputs is read_committed, by hand. */
bool ksi_kafka_inputs_are_committed(const ks_config *config);

#endif
