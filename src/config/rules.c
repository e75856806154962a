/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules.c - what properties demand of one another, and what the log says about those without
 * effect.
 *
 * ks_config_set() sees one property at a time and in any order, so whatever needs two of them is
 * checked here, when the set is complete: by the application, before it starts. The rules are
 * Java's (StreamsConfig and its helpers), exception by exception.
 *
 * A notice is due for every property that somebody set and that does not do what it says. A
 * property set to its own default gets none: nobody is deceived by it.
 *
 * Thread rule: any thread, on a set that nobody changes.
 */
#include "base/buffer.h"
#include "base/error.h"
#include "config/config.h"
#include "config/properties.h"
#include "config/value.h"

#define DEFAULT_TRANSACTION_TIMEOUT_MS 10000
#define MOST_IN_FLIGHT 5
#define MOST_CLIENT_TAGS 5

/* ---- rules ----------------------------------------------------------------------------------- */

/* A client's number, which Java reads as an int; `fallback` when it is not set. */
static ks_status client_number(const char *name, const char *text, int64_t fallback,
                               int64_t *number, ks_error *error)
{
    *number = fallback;
    if (text != NULL &&
        (!ksi_value_i64(text, number) || *number < INT32_MIN || *number > INT32_MAX)) {
        return ksi_error_set(error, KS_E_CONFIG, name,
                             "must be a whole number of 32 bits; it is \"%s\"", text);
    }
    return KS_OK;
}

static ks_status check_in_flight(const char *name, const char *text, ks_error *error)
{
    int64_t in_flight = 0;
    KS_TRY(client_number(name, text, 0, &in_flight, error));
    if (in_flight > MOST_IN_FLIGHT) {
        return ksi_error_set(error, KS_E_CONFIG, name,
                             "must be at most %d under exactly_once_v2; it is %lld", MOST_IN_FLIGHT,
                             (long long)in_flight);
    }
    return KS_OK;
}

static ks_status check_exactly_once(const ks_config *config, ks_error *error)
{
    if (!ksi_config_exactly_once(config)) {
        return KS_OK;
    }
    /* As in Java, this timeout counts with its prefix only. */
    const char *name = "producer.transaction.timeout.ms";
    int64_t interval = ksi_config_i64(config, "commit.interval.ms");
    int64_t timeout = 0;
    KS_TRY(client_number(name, ks_config_get(config, name), DEFAULT_TRANSACTION_TIMEOUT_MS,
                         &timeout, error));
    if (timeout < interval) {
        return ksi_error_set(
            error, KS_E_CONFIG, name,
            "a transaction may last %lld ms, but a commit comes only every %lld ms "
            "(commit.interval.ms); raise the one or lower the other",
            (long long)timeout, (long long)interval);
    }
    /* Java looks for this producer's property among those of the consumers, too. */
    static const char *const odd_names[] = {
        "consumer.max.in.flight.requests.per.connection",
        "main.consumer.max.in.flight.requests.per.connection",
        "restore.consumer.max.in.flight.requests.per.connection",
        "global.consumer.max.in.flight.requests.per.connection"};
    for (size_t i = 0; i < sizeof odd_names / sizeof odd_names[0]; i++) {
        KS_TRY(check_in_flight(odd_names[i], ks_config_get(config, odd_names[i]), error));
    }
    name = "max.in.flight.requests.per.connection";
    return check_in_flight(name, ksi_config_client(config, KSI_CLIENT_PRODUCER, name), error);
}

static ks_status check_tags(const ks_config *config, ks_error *error)
{
    int tags = 0;
    const char *name = NULL;
    const char *value = NULL;
    for (size_t i = 0; ksi_config_at(config, &i, &name, &value); i++) {
        ksi_client_name meant = {0};
        tags += ksi_client_name_of(name, &meant) && meant.clients == KSI_CLIENT_TAG;
    }
    if (tags > MOST_CLIENT_TAGS) {
        return ksi_error_set(error, KS_E_CONFIG, "client.tag.",
                             "an instance has at most %d client tags; %d are set", MOST_CLIENT_TAGS,
                             tags);
    }
    ks_status status = KS_OK;
    ksi_buffer text = {0};
    ks_slice rest = ksi_value_items(ksi_config_text(config, "rack.aware.assignment.tags"));
    ks_slice tag = ks_slice_null();
    while (status == KS_OK && ksi_value_next_item(&rest, &tag)) {
        ksi_buffer_clear(&text);
        ksi_buffer_appendf(&text, "client.tag.%.*s", KS_SLICE_ARGS(tag));
        if (!ksi_config_is_set(config, ksi_buffer_cstr(&text))) {
            status = ksi_error_set(error, KS_E_CONFIG, "rack.aware.assignment.tags",
                                   "names the tag \"%.*s\", which this instance has not; set `%s`",
                                   KS_SLICE_ARGS(tag), ksi_buffer_cstr(&text));
        }
    }
    ksi_buffer_destroy(&text);
    return status;
}

static bool is_false(const char *text)
{
    bool truth = true;
    return text != NULL && ksi_value_bool(text, &truth) && !truth;
}

/* Metrics pushed for the application need a main consumer and an admin client that push, too. */
static ks_status check_metrics_push(const ks_config *config, ks_error *error)
{
    if (!ksi_config_bool(config, "enable.metrics.push")) {
        return KS_OK;
    }
    const char *admin = ks_config_get(config, "admin.enable.metrics.push");
    const char *consumer = ks_config_get(config, "main.consumer.enable.metrics.push");
    const char *culprit = NULL;
    if (is_false(consumer)) {
        culprit = "main.consumer.enable.metrics.push";
    } else if (is_false(admin)) {
        culprit = "admin.enable.metrics.push";
    } else if (consumer == NULL && admin == NULL &&
               is_false(ks_config_get(config, "consumer.enable.metrics.push"))) {
        culprit = "consumer.enable.metrics.push";
    }
    return culprit == NULL
               ? KS_OK
               : ksi_error_set(error, KS_E_CONFIG, culprit,
                               "is false while enable.metrics.push is true; set both alike");
}

/* The default stays below every session that a broker takes unless it is told otherwise. */
static ks_status check_heartbeats(const ks_config *config, ks_error *error)
{
    static const char name[] = "heartbeat.interval.ms";
    int64_t session = ksi_config_client_i64(config, KSI_CLIENT_MAIN_CONSUMER, "session.timeout.ms");
    int64_t heartbeat = ksi_config_client_i64(config, KSI_CLIENT_MAIN_CONSUMER, name);
    if (ksi_config_client(config, KSI_CLIENT_MAIN_CONSUMER, name) != NULL && heartbeat >= session) {
        return ksi_error_set(error, KS_E_CONFIG, name,
                             "a heartbeat every %lld ms does not keep a session of %lld ms alive "
                             "(session.timeout.ms); lower the one or raise the other",
                             (long long)heartbeat, (long long)session);
    }
    return KS_OK;
}

static ks_status check_group(const ks_config *config, ks_error *error)
{
    const char *instance = ksi_config_client(config, KSI_CLIENT_MAIN_CONSUMER, "group.instance.id");
    /* An empty one counts: Java adds the number of the thread to it and finds a name. */
    if (strcmp(ksi_config_choice(config, "group.protocol"), "streams") == 0 && instance != NULL) {
        return ksi_error_set(
            error, KS_E_CONFIG, "group.instance.id",
            "the group protocol \"streams\" has no static members; leave it out, or set "
            "group.protocol to classic");
    }
    return KS_OK;
}

/*
 * Java's producer checks it for itself, on every log that it may write to; a producer that must not
 * repeat a record waits for all copies.
 */
static ks_status check_acks(const ks_config *config, ks_error *error)
{
    const char *acks = ksi_config_client(config, KSI_CLIENT_PRODUCER, "acks");
    if (acks == NULL || strcmp(acks, "all") == 0 || strcmp(acks, "-1") == 0) {
        return KS_OK;
    }
    if (strcmp(acks, "0") != 0 && strcmp(acks, "1") != 0) {
        return ksi_error_set(error, KS_E_CONFIG, "acks",
                             "must be all, -1, 0 or 1; it is \"%s\", and the default is \"all\"",
                             acks);
    }
    const char *idempotence = ksi_config_client(config, KSI_CLIENT_PRODUCER, "enable.idempotence");
    bool asked = idempotence != NULL && !is_false(idempotence);
    if (asked || ksi_config_exactly_once(config)) {
        return ksi_error_set(error, KS_E_CONFIG, "acks", "must be all under %s; it is \"%s\"",
                             asked ? "enable.idempotence" : "exactly_once_v2", acks);
    }
    return KS_OK;
}

/* Java takes any number, and its brokers refuse the first topic. */
static ks_status check_copies(const ks_config *config, ks_error *error)
{
    int32_t copies = ksi_config_i32(config, "replication.factor");
    if (copies == -1 || (copies >= 1 && copies <= INT16_MAX)) {
        return KS_OK;
    }
    return ksi_error_set(error, KS_E_CONFIG, "replication.factor",
                         "must be from 1 to %d, or -1, which leaves it to the brokers; it is %d",
                         INT16_MAX, (int)copies);
}

static ks_status check_segment_size(const ks_config *config, ks_error *error)
{
    const char *segment = ks_config_get(config, "topic.segment.bytes");
    const char *batch = ksi_config_client(config, KSI_CLIENT_PRODUCER, "batch.size");
    if (segment == NULL || batch == NULL) {
        return KS_OK;
    }
    int64_t segment_bytes = 0;
    int64_t batch_bytes = 0;
    KS_TRY(client_number("topic.segment.bytes", segment, 0, &segment_bytes, error));
    KS_TRY(client_number("batch.size", batch, 0, &batch_bytes, error));
    if (segment_bytes < batch_bytes) {
        return ksi_error_set(
            error, KS_E_CONFIG, "topic.segment.bytes",
            "a segment of %lld bytes has no room for a producer's batch of %lld (batch.size)",
            (long long)segment_bytes, (long long)batch_bytes);
    }
    return KS_OK;
}

ks_status ksi_config_validate(const ks_config *config, ks_error *error)
{
    KS_TRY(check_exactly_once(config, error));
    KS_TRY(check_tags(config, error));
    KS_TRY(check_metrics_push(config, error));
    KS_TRY(check_heartbeats(config, error));
    KS_TRY(check_group(config, error));
    KS_TRY(check_acks(config, error));
    KS_TRY(check_copies(config, error));
    return check_segment_size(config, error);
}

/* ---- notices --------------------------------------------------------------------------------- */

/* The newer name of a deprecated one, where both have a row; else NULL. */
static const char *newer_name(const char *name)
{
    const ksi_property_table *table = NULL;
    for (size_t t = 0; (table = ksi_property_table_at(t)) != NULL; t++) {
        for (size_t r = 0; r < table->count; r++) {
            if (table->rows[r].older != NULL && strcmp(table->rows[r].older, name) == 0) {
                return table->rows[r].name;
            }
        }
    }
    return NULL;
}

/* Whom the notices are for. */
typedef struct listener {
    const ks_config *config;
    bool has_clients; /* of a cluster; they speak for themselves */
} listener;

static bool is_inert(const listener *self, const ksi_property *property)
{
    return property->support == KSI_SUPPORT_INERT ||
           (property->support == KSI_SUPPORT_CLIENTS && !self->has_clients);
}

static void describe_row(const listener *self, const ksi_property *property, const char *value,
                         ksi_buffer *message)
{
    const char *newer = property->deprecated != NULL ? newer_name(property->name) : NULL;
    if (property->deprecated != NULL) {
        ksi_buffer_appendf(message, "deprecated %s", property->deprecated);
    }
    if (newer != NULL && ksi_config_is_set(self->config, newer)) {
        ksi_buffer_appendf(message, "; ignored, because %s is set", newer);
    }
    bool without_effect =
        is_inert(self, property) && !ksi_value_same(property, value, property->default_text);
    bool qualified = property->support == KSI_SUPPORT_BUILT && property->reason != NULL;
    if (without_effect || qualified) {
        ksi_buffer_appendf(message, "%s%s%s", message->size > 0 ? "; " : "",
                           without_effect ? "has no effect: " : "", property->reason);
    }
}

static void describe_client_property(const listener *self, const ksi_client_name *meant,
                                     const char *value, ksi_buffer *message)
{
    const ksi_client_rule *rule = ksi_client_rule_of(meant);
    /* What would be refused and is there does what it says. */
    if (rule != NULL && (rule->most > 0 || rule->refused ||
                         (rule->kept != NULL && strcmp(rule->kept, value) == 0))) {
        return;
    }
    if (rule == NULL && meant->clients == KSI_CLIENT_INTERNAL_TOPIC) {
        return; /* the log takes it, or refuses the topic */
    }
    bool ignored =
        rule != NULL && (!rule->exactly_once_only || ksi_config_exactly_once(self->config));
    if (!ignored && self->has_clients && meant->clients != KSI_CLIENT_TAG) {
        return; /* the clients take it, or say that they do not */
    }
    if (ignored && rule->kept != NULL) {
        ksi_buffer_appendf(message, "ignored, \"%s\" is used instead: %s", rule->kept,
                           rule->reason);
    } else if (ignored) {
        ksi_buffer_appendf(message, "ignored: %s", rule->reason);
    } else if (meant->clients == KSI_CLIENT_TAG) {
        ksi_buffer_append_text(message, "has no effect: standby tasks are placed without tags");
    } else {
        ksi_buffer_append_text(message, "has no effect: the embedded log has no such client");
    }
}

void ksi_config_each_notice(const ks_config *config, bool has_clients, ksi_config_notice_fn *notice,
                            void *user)
{
    const listener self = {.config = config, .has_clients = has_clients};
    ksi_buffer message = {0};
    const char *name = NULL;
    const char *value = NULL;
    for (size_t i = 0; ksi_config_at(config, &i, &name, &value); i++) {
        const ksi_property *property = ksi_property_find(name);
        ksi_client_name meant = {0};
        ksi_buffer_clear(&message);
        if (property != NULL) {
            describe_row(&self, property, value, &message);
        } else if (ksi_client_name_of(name, &meant)) {
            describe_client_property(&self, &meant, value, &message);
        }
        if (message.size > 0) {
            notice(name, ksi_buffer_cstr(&message), user);
        }
    }
    ksi_buffer_destroy(&message);
}
