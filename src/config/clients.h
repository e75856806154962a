/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clients.h - properties that belong to the clients below: consumer.*, producer.*, admin.*,
 * topic.*, client.tag.*.
 *
 * Java hands these through to its consumers, producers and admin clients, with a prefix or without
 * one. So do we where the log is a Kafka cluster, under librdkafka's names (transport/kafka). The
 * embedded log has no such clients, so nearly all of them are inert there. Three kinds are the same
 * on every log:
 *   refused   it would change results, and is not built (partitioners, interceptors), or only
 *             some of its values are
 *             (auto.offset.reset)
 *   ignored   Kafka Streams sets it itself, as Java does, which logs and goes on
 *             (enable.auto.commit ...)
 *   tags      client.tag.* have limits on their length
 *
 * Thread rule: constants; any thread.
 */
#ifndef KSI_CONFIG_CLIENTS_H
#define KSI_CONFIG_CLIENTS_H

#include <kstreams/common.h>

/* Who reads a property. Bits, because `consumer.` means three of them. */
typedef enum ksi_client {
    KSI_CLIENT_MAIN_CONSUMER = 1,
    KSI_CLIENT_RESTORE_CONSUMER = 2,
    KSI_CLIENT_GLOBAL_CONSUMER = 4,
    KSI_CLIENT_CONSUMERS = 7,
    KSI_CLIENT_PRODUCER = 8,
    KSI_CLIENT_ADMIN = 16,
    KSI_CLIENT_ANY = 31,
    KSI_CLIENT_INTERNAL_TOPIC = 32,
    KSI_CLIENT_TAG = 64
} ksi_client;

typedef struct ksi_client_prefix {
    const char *prefix;
    unsigned clients; /* ksi_client, or-ed */
    const char *prose;
} ksi_client_prefix;

/* The prefixes; NULL past the end. */
const ksi_client_prefix *ksi_client_prefix_at(size_t index);

/*
 * The names of Java's client properties that Kafka Streams takes without a prefix; NULL past the
 * end.
 */
const char *ksi_client_property_at(size_t index);

/* What is particular about a client's property. */
typedef struct ksi_client_rule {
    const char *name; /* without prefix */
    unsigned clients;
    /* the value that is used whatever is set; NULL when the library computes it */
    const char *kept;
    const char *const *allowed; /* texts that Kafka takes, NULL at the end; NULL: any */
    const char *const *built;   /* texts beside `kept` that do what they say; NULL at the end */
    int64_t most;               /* it works: a whole number from 1 to this; 0: as the rest says */
    bool refused;               /* another value than those is not built; else it is ignored */
    bool exactly_once_only;     /* ignored under exactly-once and free otherwise */
    const char *reason;
} ksi_client_rule;

/* The rules; NULL past the end. */
const ksi_client_rule *ksi_client_rule_at(size_t index);

/*
 * How a name that is no row of the property table is meant; false when it is no client property
 * either.
 */
typedef struct ksi_client_name {
    const ksi_client_prefix *prefix; /* NULL without one */
    const char *property;            /* the name behind the prefix */
    unsigned clients;
} ksi_client_name;

bool ksi_client_name_of(const char *name, ksi_client_name *meant);

/* The rule for it, or NULL. */
const ksi_client_rule *ksi_client_rule_of(const ksi_client_name *meant);

/* Checks a value, already trimmed: KS_E_CONFIG when Kafka would not take it. */
KS_NODISCARD ks_status ksi_client_check(const ksi_client_name *meant, const char *name,
                                        const char *value, ks_error *error);

/* KS_E_NOT_BUILT when this version must not go on with a value that ksi_client_check() took. */
KS_NODISCARD ks_status ksi_client_check_built(const ksi_client_name *meant, const char *name,
                                              const char *value, ks_error *error);

#endif
