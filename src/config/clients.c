/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clients.c - which names belong to the clients below, and the few of them that matter on every
 * log.
 *
 * A prefixed name is taken whatever stands behind the prefix, as in Java: clients have properties
 * of their own that we need not know. Without a prefix only the names of Java's consumer, producer
 * and admin client are taken; anything else is a typing error.
 *
 * A rule that refuses names a property that would change results: where a source begins, which
 * partition a record goes to, what stands between the application and its topics. A rule that
 * ignores repeats Java, where Kafka Streams overrides the property and says so in the log.
 *
 * Thread rule: any thread.
 */
#include "config/clients.h"

#include <string.h>

#include "base/error.h"
#include "config/duration.h"
#include "config/value.h"

/* The longest tag that fits Java's subscription, in characters. */
#define TAG_NAME_CHARACTERS 20
#define TAG_VALUE_CHARACTERS 30

static const ksi_client_prefix prefixes[] = {
    {"consumer.", KSI_CLIENT_CONSUMERS,
     "Every consumer: of input, of restoring, of global tables."},
    {"main.consumer.", KSI_CLIENT_MAIN_CONSUMER,
     "The consumer of the input topics; goes before `consumer.`, which goes before the bare name."},
    {"restore.consumer.", KSI_CLIENT_RESTORE_CONSUMER,
     "The consumer that restores stores from their changelogs; goes before `consumer.`."},
    {"global.consumer.", KSI_CLIENT_GLOBAL_CONSUMER,
     "The consumer of global tables and stores; goes before `consumer.`."},
    {"producer.", KSI_CLIENT_PRODUCER, "Every producer."},
    {"admin.", KSI_CLIENT_ADMIN,
     "The admin client, which creates internal topics and deletes from them."},
    {"topic.", KSI_CLIENT_INTERNAL_TOPIC,
     "The repartition and changelog topics the application creates."},
    {"client.tag.", KSI_CLIENT_TAG,
     "A tag of this instance, such as `client.tag.zone`: standby tasks go to instances with other "
     "tags. At most 5 tags, "
     "names of at most 20 characters and values of at most 30."},
};

typedef struct client_property {
    const char *name;
    unsigned clients;
} client_property;

static const client_property properties[] = {
    {"acks", KSI_CLIENT_PRODUCER},
    {"allow.auto.create.topics", KSI_CLIENT_CONSUMERS},
    {"auto.commit.interval.ms", KSI_CLIENT_CONSUMERS},
    {"auto.offset.reset", KSI_CLIENT_CONSUMERS},
    {"batch.size", KSI_CLIENT_PRODUCER},
    {"bootstrap.controllers", KSI_CLIENT_ADMIN},
    {"buffer.memory", KSI_CLIENT_PRODUCER},
    {"check.crcs", KSI_CLIENT_CONSUMERS},
    {"client.dns.lookup", KSI_CLIENT_ANY},
    {"client.rack", KSI_CLIENT_CONSUMERS},
    {"compression.gzip.level", KSI_CLIENT_PRODUCER},
    {"compression.lz4.level", KSI_CLIENT_PRODUCER},
    {"compression.type", KSI_CLIENT_PRODUCER},
    {"compression.zstd.level", KSI_CLIENT_PRODUCER},
    {"default.api.timeout.ms", KSI_CLIENT_CONSUMERS | KSI_CLIENT_ADMIN},
    {"delivery.timeout.ms", KSI_CLIENT_PRODUCER},
    {"enable.auto.commit", KSI_CLIENT_CONSUMERS},
    {"enable.idempotence", KSI_CLIENT_PRODUCER},
    {"exclude.internal.topics", KSI_CLIENT_CONSUMERS},
    {"fetch.max.bytes", KSI_CLIENT_CONSUMERS},
    {"fetch.max.wait.ms", KSI_CLIENT_CONSUMERS},
    {"fetch.min.bytes", KSI_CLIENT_CONSUMERS},
    {"group.id", KSI_CLIENT_CONSUMERS},
    {"group.instance.id", KSI_CLIENT_CONSUMERS},
    {"group.remote.assignor", KSI_CLIENT_CONSUMERS},
    {"heartbeat.interval.ms", KSI_CLIENT_CONSUMERS},
    {"interceptor.classes", KSI_CLIENT_CONSUMERS | KSI_CLIENT_PRODUCER},
    {"internal.throw.on.fetch.stable.offset.unsupported", KSI_CLIENT_CONSUMERS},
    {"isolation.level", KSI_CLIENT_CONSUMERS},
    {"key.deserializer", KSI_CLIENT_CONSUMERS},
    {"key.serializer", KSI_CLIENT_PRODUCER},
    {"linger.ms", KSI_CLIENT_PRODUCER},
    {"max.block.ms", KSI_CLIENT_PRODUCER},
    {"max.in.flight.requests.per.connection", KSI_CLIENT_PRODUCER},
    {"max.partition.fetch.bytes", KSI_CLIENT_CONSUMERS},
    {"max.poll.interval.ms", KSI_CLIENT_CONSUMERS},
    {"max.poll.records", KSI_CLIENT_CONSUMERS},
    {"max.request.size", KSI_CLIENT_PRODUCER},
    {"metadata.max.idle.ms", KSI_CLIENT_PRODUCER},
    {"partition.assignment.strategy", KSI_CLIENT_CONSUMERS},
    {"partitioner.adaptive.partitioning.enable", KSI_CLIENT_PRODUCER},
    {"partitioner.availability.timeout.ms", KSI_CLIENT_PRODUCER},
    {"partitioner.class", KSI_CLIENT_PRODUCER},
    {"partitioner.ignore.keys", KSI_CLIENT_PRODUCER},
    {"retries", KSI_CLIENT_PRODUCER | KSI_CLIENT_ADMIN},
    {"retry.backoff.max.ms", KSI_CLIENT_ANY},
    {"sasl.client.callback.handler.class", KSI_CLIENT_ANY},
    {"sasl.jaas.config", KSI_CLIENT_ANY},
    {"sasl.kerberos.kinit.cmd", KSI_CLIENT_ANY},
    {"sasl.kerberos.min.time.before.relogin", KSI_CLIENT_ANY},
    {"sasl.kerberos.service.name", KSI_CLIENT_ANY},
    {"sasl.kerberos.ticket.renew.jitter", KSI_CLIENT_ANY},
    {"sasl.kerberos.ticket.renew.window.factor", KSI_CLIENT_ANY},
    {"sasl.login.callback.handler.class", KSI_CLIENT_ANY},
    {"sasl.login.class", KSI_CLIENT_ANY},
    {"sasl.login.connect.timeout.ms", KSI_CLIENT_ANY},
    {"sasl.login.read.timeout.ms", KSI_CLIENT_ANY},
    {"sasl.login.refresh.buffer.seconds", KSI_CLIENT_ANY},
    {"sasl.login.refresh.min.period.seconds", KSI_CLIENT_ANY},
    {"sasl.login.refresh.window.factor", KSI_CLIENT_ANY},
    {"sasl.login.refresh.window.jitter", KSI_CLIENT_ANY},
    {"sasl.login.retry.backoff.max.ms", KSI_CLIENT_ANY},
    {"sasl.login.retry.backoff.ms", KSI_CLIENT_ANY},
    {"sasl.mechanism", KSI_CLIENT_ANY},
    {"sasl.oauthbearer.assertion.algorithm", KSI_CLIENT_ANY},
    {"sasl.oauthbearer.assertion.claim.aud", KSI_CLIENT_ANY},
    {"sasl.oauthbearer.assertion.claim.exp.seconds", KSI_CLIENT_ANY},
    {"sasl.oauthbearer.assertion.claim.iss", KSI_CLIENT_ANY},
    {"sasl.oauthbearer.assertion.claim.jti.include", KSI_CLIENT_ANY},
    {"sasl.oauthbearer.assertion.claim.nbf.seconds", KSI_CLIENT_ANY},
    {"sasl.oauthbearer.assertion.claim.sub", KSI_CLIENT_ANY},
    {"sasl.oauthbearer.assertion.file", KSI_CLIENT_ANY},
    {"sasl.oauthbearer.assertion.private.key.file", KSI_CLIENT_ANY},
    {"sasl.oauthbearer.assertion.private.key.passphrase", KSI_CLIENT_ANY},
    {"sasl.oauthbearer.assertion.template.file", KSI_CLIENT_ANY},
    {"sasl.oauthbearer.client.credentials.client.id", KSI_CLIENT_ANY},
    {"sasl.oauthbearer.client.credentials.client.secret", KSI_CLIENT_ANY},
    {"sasl.oauthbearer.clock.skew.seconds", KSI_CLIENT_ANY},
    {"sasl.oauthbearer.expected.audience", KSI_CLIENT_ANY},
    {"sasl.oauthbearer.expected.issuer", KSI_CLIENT_ANY},
    {"sasl.oauthbearer.header.urlencode", KSI_CLIENT_ANY},
    {"sasl.oauthbearer.jwks.endpoint.refresh.ms", KSI_CLIENT_ANY},
    {"sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", KSI_CLIENT_ANY},
    {"sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", KSI_CLIENT_ANY},
    {"sasl.oauthbearer.jwks.endpoint.url", KSI_CLIENT_ANY},
    {"sasl.oauthbearer.jwt.retriever.class", KSI_CLIENT_ANY},
    {"sasl.oauthbearer.jwt.validator.class", KSI_CLIENT_ANY},
    {"sasl.oauthbearer.scope", KSI_CLIENT_ANY},
    {"sasl.oauthbearer.scope.claim.name", KSI_CLIENT_ANY},
    {"sasl.oauthbearer.sub.claim.name", KSI_CLIENT_ANY},
    {"sasl.oauthbearer.token.endpoint.url", KSI_CLIENT_ANY},
    {"security.providers", KSI_CLIENT_ANY},
    {"session.timeout.ms", KSI_CLIENT_CONSUMERS},
    {"share.acknowledgement.mode", KSI_CLIENT_CONSUMERS},
    {"share.acquire.mode", KSI_CLIENT_CONSUMERS},
    {"socket.connection.setup.timeout.max.ms", KSI_CLIENT_ANY},
    {"socket.connection.setup.timeout.ms", KSI_CLIENT_ANY},
    {"ssl.cipher.suites", KSI_CLIENT_ANY},
    {"ssl.enabled.protocols", KSI_CLIENT_ANY},
    {"ssl.endpoint.identification.algorithm", KSI_CLIENT_ANY},
    {"ssl.engine.factory.class", KSI_CLIENT_ANY},
    {"ssl.key.password", KSI_CLIENT_ANY},
    {"ssl.keymanager.algorithm", KSI_CLIENT_ANY},
    {"ssl.keystore.certificate.chain", KSI_CLIENT_ANY},
    {"ssl.keystore.key", KSI_CLIENT_ANY},
    {"ssl.keystore.location", KSI_CLIENT_ANY},
    {"ssl.keystore.password", KSI_CLIENT_ANY},
    {"ssl.keystore.type", KSI_CLIENT_ANY},
    {"ssl.protocol", KSI_CLIENT_ANY},
    {"ssl.provider", KSI_CLIENT_ANY},
    {"ssl.secure.random.implementation", KSI_CLIENT_ANY},
    {"ssl.trustmanager.algorithm", KSI_CLIENT_ANY},
    {"ssl.truststore.certificates", KSI_CLIENT_ANY},
    {"ssl.truststore.location", KSI_CLIENT_ANY},
    {"ssl.truststore.password", KSI_CLIENT_ANY},
    {"ssl.truststore.type", KSI_CLIENT_ANY},
    {"transaction.timeout.ms", KSI_CLIENT_PRODUCER},
    {"transaction.two.phase.commit.enable", KSI_CLIENT_PRODUCER},
    {"transactional.id", KSI_CLIENT_PRODUCER},
    {"value.deserializer", KSI_CLIENT_CONSUMERS},
    {"value.serializer", KSI_CLIENT_PRODUCER},
};

static const char *const offset_resets[] = {"earliest", "latest", "none", "by_duration:", NULL};
static const char *const booleans[] = {"true", "false", NULL};
static const char *const timestamp_types[] = {"CreateTime", "LogAppendTime", NULL};

static const ksi_client_rule rules[] = {
    {.name = "auto.offset.reset",
     .clients = KSI_CLIENT_MAIN_CONSUMER,
     .kept = "earliest",
     .allowed = offset_resets,
     .built = offset_resets,
     .refused = true,
     .reason = "it is for sources without a policy of their own; behind `by_duration:` stands how "
               "long ago to begin, such as PT1H"},
    {.name = "auto.offset.reset",
     .clients = KSI_CLIENT_RESTORE_CONSUMER | KSI_CLIENT_GLOBAL_CONSUMER,
     .kept = "none",
     .allowed = offset_resets,
     .reason = "a store is always rebuilt from the beginning of its changelog"},
    {.name = "session.timeout.ms",
     .clients = KSI_CLIENT_MAIN_CONSUMER,
     .kept = "45000",
     .most = INT32_MAX,
     .reason = "an instance that says nothing for so many milliseconds is taken for dead, and the "
               "others get its tasks"},
    {.name = "heartbeat.interval.ms",
     .clients = KSI_CLIENT_MAIN_CONSUMER,
     .kept = "3000",
     .most = INT32_MAX,
     .reason = "how often a member of a Kafka group says that it is alive"},
    {.name = "max.poll.interval.ms",
     .clients = KSI_CLIENT_MAIN_CONSUMER,
     .kept = "300000",
     .most = INT32_MAX,
     .reason = "a thread that is busy with one batch for longer is stuck: the application leaves "
               "the group and ends"},
    {.name = "buffer.memory",
     .clients = KSI_CLIENT_PRODUCER,
     .kept = "33554432",
     .most = INT64_MAX,
     .reason = "a producer that has gathered more bytes waits until brokers took some; under "
               "exactly-once a thread whose transaction has gathered more commits before "
               "commit.interval.ms is over"},
    {.name = "enable.auto.commit",
     .clients = KSI_CLIENT_CONSUMERS,
     .kept = "false",
     .reason = "offsets are committed together with the state, every commit.interval.ms"},
    {.name = "allow.auto.create.topics",
     .clients = KSI_CLIENT_CONSUMERS,
     .kept = "false",
     .reason = "a missing input topic stops the application instead of appearing empty"},
    {.name = "group.protocol",
     .clients = KSI_CLIENT_CONSUMERS,
     .kept = "classic",
     .reason = "the protocol is chosen by the property group.protocol, without a prefix"},
    {.name = "group.id",
     .clients = KSI_CLIENT_CONSUMERS,
     .reason = "the group is the application.id"},
    {.name = "partition.assignment.strategy",
     .clients = KSI_CLIENT_CONSUMERS,
     .reason = "Kafka Streams assigns tasks, not partitions"},
    {.name = "isolation.level",
     .clients = KSI_CLIENT_CONSUMERS,
     .kept = "read_committed",
     .exactly_once_only = true,
     .reason = "exactly-once reads committed records only"},
    {.name = "enable.idempotence",
     .clients = KSI_CLIENT_PRODUCER,
     .kept = "true",
     .exactly_once_only = true,
     .reason = "exactly-once needs idempotent producers"},
    {.name = "transactional.id",
     .clients = KSI_CLIENT_PRODUCER,
     .exactly_once_only = true,
     .reason = "exactly-once makes these names from the application.id"},
    {.name = "partitioner.class",
     .clients = KSI_CLIENT_PRODUCER,
     .refused = true,
     .reason =
         "it would decide partitions; give a ks_partitioner in KS_PRODUCED or KS_REPARTITIONED"},
    {.name = "partitioner.ignore.keys",
     .clients = KSI_CLIENT_PRODUCER,
     .kept = "false",
     .allowed = booleans,
     .refused = true,
     .reason = "records of one key stay together; give a ks_partitioner to place them otherwise"},
    {.name = "interceptor.classes",
     .clients = KSI_CLIENT_CONSUMERS | KSI_CLIENT_PRODUCER,
     .kept = "",
     .refused = true,
     .reason = "interceptors are Java code; put a node into the topology instead"},
    {.name = "message.timestamp.type",
     .clients = KSI_CLIENT_INTERNAL_TOPIC,
     .kept = "CreateTime",
     .allowed = timestamp_types,
     .refused = true,
     .reason = "internal topics carry the timestamps of the records"},
};

const ksi_client_prefix *ksi_client_prefix_at(size_t index)
{
    return index < sizeof prefixes / sizeof prefixes[0] ? &prefixes[index] : NULL;
}

const char *ksi_client_property_at(size_t index)
{
    return index < sizeof properties / sizeof properties[0] ? properties[index].name : NULL;
}

const ksi_client_rule *ksi_client_rule_at(size_t index)
{
    return index < sizeof rules / sizeof rules[0] ? &rules[index] : NULL;
}

bool ksi_client_name_of(const char *name, ksi_client_name *meant)
{
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        size_t size = strlen(prefixes[i].prefix);
        if (strncmp(name, prefixes[i].prefix, size) == 0) {
            *meant = (ksi_client_name){&prefixes[i], name + size, prefixes[i].clients};
            return true;
        }
    }
    for (size_t i = 0; i < sizeof properties / sizeof properties[0]; i++) {
        if (strcmp(name, properties[i].name) == 0) {
            *meant = (ksi_client_name){NULL, properties[i].name, properties[i].clients};
            return true;
        }
    }
    return false;
}

/* The first rule wins: for `consumer.` and bare names that is the one of the main consumer. */
const ksi_client_rule *ksi_client_rule_of(const ksi_client_name *meant)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if ((rules[i].clients & meant->clients) != 0 &&
            strcmp(rules[i].name, meant->property) == 0) {
            return &rules[i];
        }
    }
    return NULL;
}

static ks_status check_number(const ksi_client_rule *rule, const char *name, const char *value,
                              ks_error *error)
{
    int64_t number = 0;
    if (!ksi_value_i64(value, &number) || number < 1 || number > rule->most) {
        return ksi_error_set(error, KS_E_CONFIG, name,
                             "must be a whole number from 1 to %lld; it is \"%s\", and the default "
                             "is %s",
                             (long long)rule->most, value, rule->kept);
    }
    return KS_OK;
}

static size_t characters(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++) {
        count += ((unsigned char)*text & 0xC0u) != 0x80u;
    }
    return count;
}

static ks_status check_tag(const char *tag, const char *name, const char *value, ks_error *error)
{
    if (characters(tag) > TAG_NAME_CHARACTERS) {
        return ksi_error_set(error, KS_E_CONFIG, name,
                             "the name of a client tag has at most %d characters; this one has %zu",
                             TAG_NAME_CHARACTERS, characters(tag));
    }
    if (value[0] == '\0') {
        return ksi_error_set(error, KS_E_CONFIG, name,
                             "a client tag must not be empty; give it a value or leave it out");
    }
    if (characters(value) > TAG_VALUE_CHARACTERS) {
        return ksi_error_set(
            error, KS_E_CONFIG, name,
            "the value of a client tag has at most %d characters; this one has %zu",
            TAG_VALUE_CHARACTERS, characters(value));
    }
    return KS_OK;
}

/* Behind an allowed text that ends with ':' a duration has to stand. */
static bool is_allowed(const char *const *allowed, const char *value)
{
    for (; *allowed != NULL; allowed++) {
        size_t size = strlen(*allowed);
        bool open = (*allowed)[size - 1] == ':';
        int64_t milliseconds = 0;
        if (open ? strncmp(value, *allowed, size) == 0 &&
                       ksi_duration_ms(value + size, &milliseconds)
                 : strcmp(value, *allowed) == 0) {
            return true;
        }
    }
    return false;
}

ks_status ksi_client_check(const ksi_client_name *meant, const char *name, const char *value,
                           ks_error *error)
{
    if (meant->property[0] == '\0') {
        return ksi_error_set(error, KS_E_CONFIG, name,
                             "nothing stands behind the prefix; write `%sNAME`",
                             meant->prefix->prefix);
    }
    if (meant->clients == KSI_CLIENT_TAG) {
        return check_tag(meant->property, name, value, error);
    }
    const ksi_client_rule *rule = ksi_client_rule_of(meant);
    if (rule == NULL) {
        return KS_OK;
    }
    if (rule->allowed != NULL && !is_allowed(rule->allowed, value)) {
        return ksi_error_set(error, KS_E_CONFIG, name,
                             "\"%s\" is no value of it; the default is \"%s\"", value,
                             rule->kept != NULL ? rule->kept : "");
    }
    return rule->most > 0 ? check_number(rule, name, value, error) : KS_OK;
}

ks_status ksi_client_check_built(const ksi_client_name *meant, const char *name, const char *value,
                                 ks_error *error)
{
    const ksi_client_rule *rule = ksi_client_rule_of(meant);
    if (rule == NULL || !rule->refused) {
        return KS_OK;
    }
    bool kept = rule->kept != NULL && strcmp(rule->kept, value) == 0;
    if (!kept && (rule->built == NULL || !is_allowed(rule->built, value))) {
        return ksi_error_set(error, KS_E_NOT_BUILT, name,
                             "\"%s\" is not built in this version: %s; leave the property out",
                             value, rule->reason);
    }
    return KS_OK;
}
