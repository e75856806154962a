/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_config.c - what each client of librdkafka is set to, and why.
 *
 * Three tables: `defaults` suit a role and may be overridden; `counterparts` translate Java's
 * names; `needed` are what the library stands on and go over everything. A property of the program
 * is applied three times at most, from its widest name to its narrowest, so that the narrowest one
 * wins without anybody comparing.
 *
 * Some properties of librdkafka exclude one another where Java adapts the one that was not set:
 * settle() does that adapting.
 *
 * Thread rule: any thread.
 */
#include "transport/kafka/client_config.h"

#include "base/error.h"
#include "config/value.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#define LONGEST_CALL_MS 10000
#define MOST_IN_FLIGHT 5
#define TEXT_SIZE 512

/* ---- tables ---------------------------------------------------------------------------------- */

#define ROLE(role) (1U << KSI_KAFKA_##role)
#define READERS (ROLE(INPUT) | ROLE(CHANGELOG) | ROLE(GLOBAL) | ROLE(READER))
#define CONSUMERS (READERS | ROLE(ADMIN) | ROLE(UNCOMMITTED))
#define PRODUCERS (ROLE(PRODUCER) | ROLE(TRANSACTIONAL))
#define ALL (CONSUMERS | PRODUCERS)

typedef struct setting {
    const char *name; /* librdkafka's */
    const char *value;
    unsigned roles;
    bool optional; /* newer releases have it */
} setting;

/*
 * Each partition has a queue, which fills while records wait for their turn, and a message takes
 * some 430 bytes beside its bytes: 4000 of them and a fetch of 128 KB are 2 to 3 MB a partition.
 * That is enough to keep a thread busy while the next fetch is under way, for who reads asks for
 * more in time (kafka_consumer.c). A batch that is larger than a fetch comes whole.
 *
 * Batches of a producer are as good as the time they get: with the linger of Kafka Streams, 100 ms,
 * a record costs a third less than with 5. A commit does not wait for it (deliveries.h). But a
 * batch of small records is large enough with 2000 of them: librdkafka walks through its messages
 * again when they are sent, acknowledged and given back, and what has left the processor's cache by
 * then costs more than the requests that are saved (words of a few bytes: a seventh of all).
 *
 * What was sent at least once does not wait for a broker for ever: when the member that sent it has
 * lost its tasks, it must not come behind what their next owner wrote. After delivery.timeout.ms
 * the tasks go back to their last commit.
 */
static const setting defaults[] = {
    {"socket.nagle.disable", "true", ALL, false},
    {"topic.metadata.refresh.interval.ms", "60000", ALL, false},
    {"reconnect.backoff.ms", "50", ALL, false},
    {"reconnect.backoff.max.ms", "1000", ALL, false},
    {"socket.timeout.ms", "40000", ALL, false},
    {"log.connection.close", "false", ALL, false},
    {"enable.metrics.push", "false", ALL, true},
    {"fetch.wait.max.ms", "100", READERS, false},
    {"fetch.queue.backoff.ms", "10", READERS, true},
    {"queued.min.messages", "4000", READERS, false},
    {"queued.max.messages.kbytes", "1024", READERS, false},
    {"fetch.message.max.bytes", "131072", READERS, false},
    {"isolation.level", "read_uncommitted", CONSUMERS, false},
    {"enable.idempotence", "true", PRODUCERS, false},
    {"linger.ms", "100", PRODUCERS, false},
    {"batch.size", "1000000", PRODUCERS, false},
    {"batch.num.messages", "2000", PRODUCERS, false},
    {"message.max.bytes", "1048576", PRODUCERS, false},
    {"queue.buffering.max.kbytes", "32768", PRODUCERS, false},
    {"queue.buffering.max.messages", "10000000", PRODUCERS, false}, /* bytes bound it */
    {"message.timeout.ms", "120000", ROLE(PRODUCER), false},        /* as Java: see below */
    {"transaction.timeout.ms", "10000", ROLE(TRANSACTIONAL), false},
    {"retry.backoff.ms", "10", ROLE(TRANSACTIONAL), false},
};

static const setting needed[] = {
    {"enable.auto.commit", "false", CONSUMERS, false},
    {"enable.auto.offset.store", "false", CONSUMERS, false},
    {"enable.partition.eof", "true", CONSUMERS, false},
    {"auto.offset.reset", "error", CONSUMERS, false},
    {"allow.auto.create.topics", "false", CONSUMERS, false},
    {"enable.idempotence", "true", ROLE(TRANSACTIONAL), false},
    {"delivery.report.only.error", "false", PRODUCERS, false},
};

/* Set from the options; what the program says about them does not count. */
static const char *const given[] = {
    "bootstrap.servers", "metadata.broker.list", "client.id",
    "group.id",          "group.instance.id",    "group.protocol",
    "security.protocol", "transactional.id",     "partition.assignment.strategy"};

/* How a text of Java becomes one of librdkafka. */
typedef enum translation {
    AS_IT_IS = 0,
    KILOBYTES,      /* from bytes, rounded up */
    NOT_BELOW_ZERO, /* -1 is the system's own, or never: 0 in librdkafka */
    OF_GZIP,        /* a level; only where that compression is used */
    OF_LZ4,
    OF_ZSTD
} translation;

typedef struct counterpart {
    const char *java;
    const char *name;
    unsigned roles; /* whose property it is in librdkafka */
    translation how;
    bool optional;
} counterpart;

static const counterpart counterparts[] = {
    {"acks", "acks", PRODUCERS, AS_IT_IS, false},
    {"batch.size", "batch.size", PRODUCERS, AS_IT_IS, false},
    {"buffer.memory", "queue.buffering.max.kbytes", PRODUCERS, KILOBYTES, false},
    {"check.crcs", "check.crcs", CONSUMERS, AS_IT_IS, false},
    {"client.dns.lookup", "client.dns.lookup", ALL, AS_IT_IS, true},
    {"client.rack", "client.rack", CONSUMERS, AS_IT_IS, false},
    {"compression.gzip.level", "compression.level", PRODUCERS, OF_GZIP, false},
    {"compression.lz4.level", "compression.level", PRODUCERS, OF_LZ4, false},
    {"compression.type", "compression.codec", PRODUCERS, AS_IT_IS, false},
    {"compression.zstd.level", "compression.level", PRODUCERS, OF_ZSTD, false},
    {"connections.max.idle.ms", "connections.max.idle.ms", ALL, NOT_BELOW_ZERO, false},
    {"delivery.timeout.ms", "message.timeout.ms", PRODUCERS, AS_IT_IS, false},
    {"enable.idempotence", "enable.idempotence", PRODUCERS, AS_IT_IS, false},
    {"enable.metrics.push", "enable.metrics.push", ALL, AS_IT_IS, true},
    {"fetch.max.bytes", "fetch.max.bytes", CONSUMERS, AS_IT_IS, false},
    {"fetch.max.wait.ms", "fetch.wait.max.ms", CONSUMERS, AS_IT_IS, false},
    {"fetch.min.bytes", "fetch.min.bytes", CONSUMERS, AS_IT_IS, false},
    {"isolation.level", "isolation.level", CONSUMERS, AS_IT_IS, false},
    {"linger.ms", "linger.ms", PRODUCERS, AS_IT_IS, false},
    {"max.in.flight.requests.per.connection", "max.in.flight.requests.per.connection", PRODUCERS,
     AS_IT_IS, false},
    {"max.partition.fetch.bytes", "fetch.message.max.bytes", CONSUMERS, AS_IT_IS, false},
    {"max.request.size", "message.max.bytes", PRODUCERS, AS_IT_IS, false},
    {"metadata.max.age.ms", "topic.metadata.refresh.interval.ms", ALL, AS_IT_IS, false},
    {"metadata.recovery.rebootstrap.trigger.ms", "metadata.recovery.rebootstrap.trigger.ms", ALL,
     AS_IT_IS, true},
    {"metadata.recovery.strategy", "metadata.recovery.strategy", ALL, AS_IT_IS, true},
    {"receive.buffer.bytes", "socket.receive.buffer.bytes", ALL, NOT_BELOW_ZERO, false},
    {"reconnect.backoff.max.ms", "reconnect.backoff.max.ms", ALL, AS_IT_IS, false},
    {"reconnect.backoff.ms", "reconnect.backoff.ms", ALL, AS_IT_IS, false},
    {"request.timeout.ms", "socket.timeout.ms", ALL, AS_IT_IS, false},
    {"retries", "message.send.max.retries", PRODUCERS, AS_IT_IS, false},
    {"retry.backoff.max.ms", "retry.backoff.max.ms", PRODUCERS, AS_IT_IS, true},
    {"retry.backoff.ms", "retry.backoff.ms", PRODUCERS, AS_IT_IS, false},
    {"send.buffer.bytes", "socket.send.buffer.bytes", ALL, NOT_BELOW_ZERO, false},
    {"socket.connection.setup.timeout.ms", "socket.connection.setup.timeout.ms", ALL, AS_IT_IS,
     false},
    {"transaction.timeout.ms", "transaction.timeout.ms", ROLE(TRANSACTIONAL), AS_IT_IS, false},
};

/* They work, but not in librdkafka: being a member of a group, bounds of calls. */
static const char *const elsewhere[] = {"default.api.timeout.ms", "group.instance.id",
                                        "heartbeat.interval.ms", "max.poll.interval.ms",
                                        "session.timeout.ms"};

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static bool is_among(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_needed(const char *name, unsigned roles)
{
    for (size_t i = 0; i < COUNT(needed); i++) {
        if (strcmp(needed[i].name, name) == 0 && (needed[i].roles & roles) != 0) {
            return true;
        }
    }
    return is_among(given, COUNT(given), name);
}

static const counterpart *counterpart_of(const char *java, unsigned roles)
{
    for (size_t i = 0; i < COUNT(counterparts); i++) {
        if (strcmp(counterparts[i].java, java) == 0 && (counterparts[i].roles & roles) != 0) {
            return &counterparts[i];
        }
    }
    return NULL;
}

/* Has this release of librdkafka the property? A fresh set knows those of topics apart. */
static bool is_known(const char *name)
{
    size_t size = 0;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_topic_conf_t *topic = rd_kafka_topic_conf_new();
    bool found = rd_kafka_conf_get(conf, name, NULL, &size) == RD_KAFKA_CONF_OK ||
                 rd_kafka_topic_conf_get(topic, name, NULL, &size) == RD_KAFKA_CONF_OK;
    rd_kafka_topic_conf_destroy(topic);
    rd_kafka_conf_destroy(conf);
    return found;
}

ksi_client ksi_kafka_client_of(ksi_kafka_role role)
{
    static const ksi_client clients[KSI_KAFKA_ROLES] = {
        [KSI_KAFKA_INPUT] = KSI_CLIENT_MAIN_CONSUMER,
        [KSI_KAFKA_CHANGELOG] = KSI_CLIENT_RESTORE_CONSUMER,
        [KSI_KAFKA_GLOBAL] = KSI_CLIENT_GLOBAL_CONSUMER,
        [KSI_KAFKA_READER] = KSI_CLIENT_CONSUMERS,
        [KSI_KAFKA_ADMIN] = KSI_CLIENT_ADMIN,
        [KSI_KAFKA_UNCOMMITTED] = KSI_CLIENT_ADMIN,
        [KSI_KAFKA_PRODUCER] = KSI_CLIENT_PRODUCER,
        [KSI_KAFKA_TRANSACTIONAL] = KSI_CLIENT_PRODUCER,
    };
    return clients[role];
}

/* ---- setting --------------------------------------------------------------------------------- */

typedef struct client_setup {
    const ksi_kafka_client_options *options;
    rd_kafka_conf_t *conf;
} client_setup;

static unsigned role_of(const client_setup *self)
{
    return 1U << self->options->role;
}

/* `written` is the name that the program knows. */
static ks_status put(client_setup *self, const char *name, const char *value, const char *written,
                     ks_error *error)
{
    char reason[TEXT_SIZE] = "";
    if (rd_kafka_conf_set(self->conf, name, value, reason, sizeof reason) == RD_KAFKA_CONF_OK) {
        return KS_OK;
    }
    int length = (int)strcspn(reason, "\n"); /* some of its reasons end with one */
    return ksi_error_set(error, KS_E_CONFIG, written,
                         "\"%s\" is no value that librdkafka takes for %s: %.*s", value, name,
                         length, reason);
}

static ks_status put_table(client_setup *self, const setting *settings, size_t count,
                           ks_error *error)
{
    for (size_t i = 0; i < count; i++) {
        bool is_meant = (settings[i].roles & role_of(self)) != 0;
        if (is_meant && (!settings[i].optional || is_known(settings[i].name))) {
            KS_TRY(put(self, settings[i].name, settings[i].value, settings[i].name, error));
        }
    }
    return KS_OK;
}

/* What is set now. */
static int64_t number_of(const client_setup *self, const char *name)
{
    char text[TEXT_SIZE] = "";
    size_t size = sizeof text;
    int64_t number = 0;
    if (rd_kafka_conf_get(self->conf, name, text, &size) == RD_KAFKA_CONF_OK) {
        (void)ksi_value_i64(text, &number);
    }
    return number;
}

static bool compresses_with(const client_setup *self, const char *codec)
{
    const char *type =
        ksi_config_client(self->options->config, KSI_CLIENT_PRODUCER, "compression.type");
    return type != NULL && strcmp(type, codec) == 0;
}

/* Into `text`, which has TEXT_SIZE bytes; false when the client has no use for it. */
static bool translate(const client_setup *self, translation how, const char *value, char *text)
{
    int64_t number = 0;
    bool is_number = ksi_value_i64(value, &number);
    (void)snprintf(text, TEXT_SIZE, "%s", value);
    switch (how) {
    case KILOBYTES:
        if (is_number && number > 0) {
            (void)snprintf(text, TEXT_SIZE, "%" PRId64, (number - 1) / 1024 + 1);
        }
        return true;
    case NOT_BELOW_ZERO:
        if (is_number && number < 0) {
            (void)snprintf(text, TEXT_SIZE, "0");
        }
        return true;
    case OF_GZIP:
        return compresses_with(self, "gzip");
    case OF_LZ4:
        return compresses_with(self, "lz4");
    case OF_ZSTD:
        return compresses_with(self, "zstd");
    case AS_IT_IS:
        break;
    }
    return true;
}

/* A property of the program's; `own` when librdkafka's names may stand there, too. */
static ks_status apply(client_setup *self, const char *property, bool own, const char *written,
                       const char *value, ks_error *error)
{
    const counterpart *found = counterpart_of(property, role_of(self));
    const char *name = found != NULL ? found->name : own ? property : NULL;
    if (name == NULL || is_needed(name, role_of(self)) || !is_known(name)) {
        return KS_OK; /* ksi_kafka_client_notices() says so */
    }
    char text[TEXT_SIZE];
    bool is_used = translate(self, found != NULL ? found->how : AS_IT_IS, value, text);
    return is_used ? put(self, name, text, written, error) : KS_OK;
}

/* The names that speak to so many kinds of clients: with prefixes, or the bare ones for ANY. */
static ks_status apply_names(client_setup *self, unsigned clients, ks_error *error)
{
    const char *name = NULL;
    const char *value = NULL;
    for (size_t i = 0; ksi_config_at(self->options->config, &i, &name, &value); i++) {
        ksi_client_name meant = {0};
        bool is_client = ksi_client_name_of(name, &meant);
        bool has_prefix = is_client && meant.prefix != NULL;
        if (clients == KSI_CLIENT_ANY ? !has_prefix : has_prefix && meant.clients == clients) {
            const char *property = has_prefix ? meant.property : name;
            KS_TRY(apply(self, property, has_prefix, name, value, error));
        }
    }
    return KS_OK;
}

static ks_status apply_all(client_setup *self, ks_error *error)
{
    ksi_client client = ksi_kafka_client_of(self->options->role);
    KS_TRY(apply_names(self, KSI_CLIENT_ANY, error));
    if ((client & KSI_CLIENT_CONSUMERS) != 0) {
        KS_TRY(apply_names(self, KSI_CLIENT_CONSUMERS, error));
    }
    return client != KSI_CLIENT_CONSUMERS ? apply_names(self, client, error) : KS_OK;
}

/* ---- what excludes one another --------------------------------------------------------------- */

static ks_status put_number(client_setup *self, const char *name, int64_t number, ks_error *error)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%" PRId64, number);
    return put(self, name, text, name, error);
}

static ks_status at_least(client_setup *self, const char *name, int64_t least, ks_error *error)
{
    return number_of(self, name) < least ? put_number(self, name, least, error) : KS_OK;
}

/* As in Java: who asks for less than idempotence needs, and not for idempotence, has none. */
static ks_status settle_idempotence(client_setup *self, ks_error *error)
{
    const ks_config *config = self->options->config;
    if (ksi_config_client(config, KSI_CLIENT_PRODUCER, "enable.idempotence") != NULL) {
        return KS_OK;
    }
    const char *acks = ksi_config_client(config, KSI_CLIENT_PRODUCER, "acks");
    bool all = acks == NULL || strcmp(acks, "all") == 0 || strcmp(acks, "-1") == 0;
    const char *retries = ksi_config_client(config, KSI_CLIENT_PRODUCER, "retries");
    bool once = retries != NULL && strcmp(retries, "0") == 0;
    const char *in_flight = "max.in.flight.requests.per.connection";
    bool many = ksi_config_client(config, KSI_CLIENT_PRODUCER, in_flight) != NULL &&
                number_of(self, in_flight) > MOST_IN_FLIGHT;
    return !all || once || many
               ? put(self, "enable.idempotence", "false", "enable.idempotence", error)
               : KS_OK;
}

/*
 * Neither a record nor a request must be under way for longer than its transaction; 0 is for ever.
 */
static ks_status settle_transactions(client_setup *self, ks_error *error)
{
    int64_t transaction_ms = number_of(self, "transaction.timeout.ms");
    int64_t delivery_ms = number_of(self, "message.timeout.ms");
    if (number_of(self, "socket.timeout.ms") > transaction_ms) {
        KS_TRY(put_number(self, "socket.timeout.ms", transaction_ms, error));
    }
    return delivery_ms == 0 || delivery_ms > transaction_ms
               ? put_number(self, "message.timeout.ms", transaction_ms, error)
               : KS_OK;
}

static ks_status settle(client_setup *self, ks_error *error)
{
    int64_t backoff_ms = number_of(self, "reconnect.backoff.ms");
    KS_TRY(at_least(self, "reconnect.backoff.max.ms", backoff_ms, error));
    if (!ksi_kafka_role_produces(self->options->role)) {
        int64_t wait_ms = number_of(self, "fetch.wait.max.ms");
        int64_t partition_bytes = number_of(self, "fetch.message.max.bytes");
        KS_TRY(at_least(self, "socket.timeout.ms", wait_ms + 1000, error));
        KS_TRY(at_least(self, "fetch.max.bytes", partition_bytes, error));
        int64_t bytes = number_of(self, "fetch.max.bytes");
        return at_least(self, "receive.message.max.bytes", bytes + TEXT_SIZE, error);
    }
    return self->options->role == KSI_KAFKA_PRODUCER ? settle_idempotence(self, error)
                                                     : settle_transactions(self, error);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static ks_status check_security(const client_setup *self, ks_error *error)
{
    const ks_config *config = self->options->config;
    const char *name = "security.protocol";
    ksi_client client = ksi_kafka_client_of(self->options->role);
    const char *protocol = ksi_config_client(config, client, name);
    if (protocol == NULL || strcasecmp(protocol, "PLAINTEXT") == 0) {
        return KS_OK;
    }
    return ksi_error_set(error, KS_E_NOT_BUILT, name,
                         "\"%s\" asks for connections with TLS or a login, which this version does "
                         "not have; reach the brokers by a listener that is PLAINTEXT",
                         protocol);
}

bool ksi_kafka_inputs_are_committed(const ks_config *config)
{
    const char *level = ksi_config_client(config, KSI_CLIENT_MAIN_CONSUMER, "isolation.level");
    return level != NULL && strcmp(level, "read_committed") == 0;
}

/* Where inputs end, the admin client says: as far as they are read. */
static bool reads_committed(const ksi_kafka_client_options *options)
{
    return (options->reads_committed && !ksi_kafka_role_produces(options->role)) ||
           (options->role == KSI_KAFKA_ADMIN && ksi_kafka_inputs_are_committed(options->config));
}

static ks_status put_given(client_setup *self, ks_error *error)
{
    const ksi_kafka_client_options *options = self->options;
    KS_TRY(put(self, "bootstrap.servers", options->bootstrap_servers, "bootstrap.servers", error));
    KS_TRY(put(self, "client.id", options->client_id, "client.id", error));
    if (options->role == KSI_KAFKA_UNCOMMITTED) {
        KS_TRY(put(self, "isolation.level", "read_uncommitted", "isolation.level", error));
    } else if (reads_committed(options)) {
        KS_TRY(put(self, "isolation.level", "read_committed", "isolation.level", error));
    }
    if (options->role == KSI_KAFKA_TRANSACTIONAL) {
        const char *name = "transactional.id";
        return put(self, name, options->transactional_id, name, error);
    }
    return KS_OK;
}

static ks_status set_up(client_setup *self, ks_error *error)
{
    KS_TRY(check_security(self, error));
    KS_TRY(put_table(self, defaults, COUNT(defaults), error));
    KS_TRY(apply_all(self, error));
    KS_TRY(settle(self, error));
    KS_TRY(put_table(self, needed, COUNT(needed), error));
    return put_given(self, error);
}

rd_kafka_conf_t *ksi_kafka_client_conf(const ksi_kafka_client_options *options, ks_error *error)
{
    client_setup self = {.options = options, .conf = rd_kafka_conf_new()};
    if (set_up(&self, error) != KS_OK) {
        rd_kafka_conf_destroy(self.conf);
        return NULL;
    }
    return self.conf;
}

int32_t ksi_kafka_call_timeout_ms(const ks_config *config)
{
    const char *text = ksi_config_client(config, KSI_CLIENT_ADMIN, "default.api.timeout.ms");
    int64_t number = 0;
    bool shorter = text != NULL && ksi_value_i64(text, &number) && number > 0;
    return shorter && number < LONGEST_CALL_MS ? (int32_t)number : LONGEST_CALL_MS;
}

/* ---- what does nothing ----------------------------------------------------------------------- */

static unsigned roles_of(unsigned clients)
{
    unsigned roles = 0;
    for (int role = 0; role < KSI_KAFKA_ROLES; role++) {
        roles |=
            ((unsigned)ksi_kafka_client_of((ksi_kafka_role)role) & clients) != 0 ? 1U << role : 0;
    }
    return roles;
}

/* Why a property does nothing; NULL: it does what it says, or somebody else tells. */
static const char *idle_reason(const char *name, const char *value)
{
    ksi_client_name meant = {.property = name, .clients = KSI_CLIENT_ANY};
    bool is_client = ksi_client_name_of(name, &meant);
    bool has_prefix = is_client && meant.prefix != NULL;
    const counterpart *found = counterpart_of(meant.property, roles_of(meant.clients));
    if (found != NULL) {
        bool as_always = strcmp(value, "use_all_dns_ips") == 0;
        return is_known(found->name) || as_always
                   ? NULL
                   : "does nothing: it needs a newer librdkafka than this one";
    }
    if (!is_client || (meant.clients & KSI_CLIENT_ANY) == 0 ||
        is_among(elsewhere, COUNT(elsewhere), meant.property) ||
        ksi_client_rule_of(&meant) != NULL) {
        return NULL;
    }
    if (is_needed(meant.property, roles_of(meant.clients))) {
        return "ignored: the library sets it as it needs it";
    }
    if (strncmp(meant.property, "ssl.", 4) == 0 || strncmp(meant.property, "sasl.", 5) == 0) {
        return "does nothing: security.protocol is PLAINTEXT";
    }
    return has_prefix && is_known(meant.property)
               ? NULL
               : "has no counterpart in librdkafka and does nothing";
}

/* Whether somebody heard of this value already. */
static bool was_told(const ks_config *told, const char *name, const char *value)
{
    const char *known = told != NULL ? ks_config_get(told, name) : NULL;
    return known != NULL && strcmp(known, value) == 0;
}

void ksi_kafka_client_notices(const ks_config *config, const ks_config *told, ksi_logger *logger)
{
    const char *name = NULL;
    const char *value = NULL;
    for (size_t i = 0; ksi_config_at(config, &i, &name, &value); i++) {
        const char *reason = idle_reason(name, value);
        if (reason != NULL && !was_told(told, name, value)) {
            ksi_log(logger, KS_LOG_LEVEL_WARN, name, "%s", reason);
        }
    }
}
