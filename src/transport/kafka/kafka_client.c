/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_client.c - the handle, its topics, what librdkafka says.
 *
 * When is it an outage? librdkafka says that all brokers are down also when the only one closed a
 * connection that nobody used, and connects again at once. So that is a suspicion, and so is a
 * connection that cannot be made while other brokers may answer; both together, in either order,
 * are an outage. librdkafka tells of the same failure once in half a minute only, so the one that
 * came first counts. The first answer ends each of them, and only an outage that was told of is
 * told to be over. Before the very first answer nothing is told, for whoever
 * opens the transport gets an error. Clients of one transport share an outage, because what one
 * of them meets the others meet as well.
 *
 * Thread rule: any thread; librdkafka's own threads call log_line().
 */
#include "transport/kafka/kafka_client.h"

#include "base/buffer.h"
#include "base/check.h"
#include "base/error.h"
#include "base/memory.h"
#include "transport/kafka/deliveries.h"

#include <string.h>

enum { REASON_SIZE = 512, BROKERS_ASKED = 3 };

/* ---- outages --------------------------------------------------------------------------------- */

void ksi_kafka_outage_init(ksi_kafka_outage *outage, ksi_logger *logger)
{
    *outage = (ksi_kafka_outage){.logger = logger};
    ksi_mutex_init(&outage->lock);
    atomic_init(&outage->state, KSI_KAFKA_NEVER_ANSWERED);
}

void ksi_kafka_outage_destroy(ksi_kafka_outage *outage)
{
    ksi_mutex_destroy(&outage->lock);
    ksi_free(outage->failure);
}

/*
 * From ANSWERS to the suspicion `of`; from the other one, `before`, to an outage. True when that
 * begins one.
 */
static bool suspect(ksi_kafka_outage *outage, int of, int before)
{
    int state = KSI_KAFKA_ANSWERS;
    (void)atomic_compare_exchange_strong(&outage->state, &state, of);
    return atomic_compare_exchange_strong(&outage->state, &before, KSI_KAFKA_IS_DOWN);
}

static void tell(const ksi_kafka_outage *outage, bool begins, const char *failure)
{
    ksi_log(outage->logger, begins ? KS_LOG_LEVEL_WARN : KS_LOG_LEVEL_DEBUG, "kafka", "%s%s",
            begins ? "no broker answers; trying again until one does: " : "", failure);
}

static void all_down(ksi_kafka_outage *outage)
{
    ksi_mutex_lock(&outage->lock);
    bool begins = suspect(outage, KSI_KAFKA_MAY_BE_DOWN, KSI_KAFKA_ONE_IS_DOWN);
    char *failure = begins ? ksi_strdup(outage->failure) : NULL; /* what was suspected had one */
    ksi_mutex_unlock(&outage->lock);
    if (begins) {
        tell(outage, true, failure);
    }
    ksi_free(failure);
}

/* A connection was lost, or could not be made. */
static void connection_failed(ksi_kafka_outage *outage, bool was_lost, const char *reason)
{
    const char *aside = strstr(reason, " (after "); /* how long it took and how often */
    ksi_buffer text = {0};
    ksi_buffer_append(&text, reason, aside != NULL ? (size_t)(aside - reason) : strlen(reason));
    ksi_mutex_lock(&outage->lock);
    ksi_free(outage->failure);
    outage->failure = ksi_strdup(ksi_buffer_cstr(&text));
    int suspicion = was_lost ? KSI_KAFKA_ANSWERS : KSI_KAFKA_ONE_IS_DOWN;
    bool begins = suspect(outage, suspicion, KSI_KAFKA_MAY_BE_DOWN);
    ksi_mutex_unlock(&outage->lock);
    tell(outage, begins, ksi_buffer_cstr(&text));
    ksi_buffer_destroy(&text);
}

bool ksi_kafka_outage_heard(ksi_kafka_outage *outage, rd_kafka_resp_err_t code, const char *reason)
{
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        all_down(outage);
        return true;
    }
    if (code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__RESOLVE) {
        connection_failed(outage, strstr(reason, "in state UP") != NULL, reason);
        return true;
    }
    return false;
}

void ksi_kafka_outage_over(ksi_kafka_outage *outage)
{
    if (atomic_exchange(&outage->state, KSI_KAFKA_ANSWERS) == KSI_KAFKA_IS_DOWN) {
        ksi_log(outage->logger, KS_LOG_LEVEL_WARN, "kafka", "brokers answer again");
    }
}

/* Why no broker was reached, behind what an error says already. */
void ksi_kafka_client_explain(ksi_kafka_client *client, ks_error *error)
{
    if (!ksi_kafka_role_produces(client->role)) {
        ksi_kafka_client_serve(client);
    }
    ksi_kafka_outage *outage = client->outage;
    ksi_mutex_lock(&outage->lock);
    if (error != NULL && outage->failure != NULL &&
        atomic_load(&outage->state) != KSI_KAFKA_ANSWERS) {
        size_t used = strlen(error->message);
        (void)snprintf(error->message + used, sizeof error->message - used, "; last heard: %s",
                       outage->failure);
    }
    ksi_mutex_unlock(&outage->lock);
}

/* ---- what librdkafka says -------------------------------------------------------------------- */

/*
 * Lines of librdkafka have syslog's levels. What comes as an event or as the error of a call, too,
 * is for who looks closely; a property that the client has no use for is a mistake that somebody
 * has to hear of.
 */
static ks_log_level level_of(const ksi_kafka_client *client, int level, const char *facility)
{
    static const char *const told[] = {"FAIL", "ERROR", "FATAL", "TXNERR", "REQTMOUT", "GETPID"};
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        if (strcmp(facility, told[i]) == 0) {
            return KS_LOG_LEVEL_DEBUG;
        }
    }
    /* Of a source topic that was deleted or grew, no event tells: reading it only falls silent. */
    bool is_resized = client->role == KSI_KAFKA_INPUT && strcmp(facility, "PARTCNT") == 0;
    bool is_warning = level == 4 || strcmp(facility, "CONFWARN") == 0 || is_resized;
    if (level < 4) {
        return KS_LOG_LEVEL_ERROR;
    }
    return is_warning ? KS_LOG_LEVEL_WARN : level < 7 ? KS_LOG_LEVEL_INFO : KS_LOG_LEVEL_DEBUG;
}

static void log_line(const rd_kafka_t *handle, int level, const char *facility, const char *text)
{
    ksi_kafka_client *client = rd_kafka_opaque(handle);
    if (client != NULL) {
        ksi_log(client->outage->logger, level_of(client, level, facility), client->name, "%s: %s",
                facility, text);
    }
}

void ksi_kafka_client_event(ksi_kafka_client *client, rd_kafka_event_t *event)
{
    if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR) {
        rd_kafka_resp_err_t code = rd_kafka_event_error(event);
        const char *reason = rd_kafka_event_error_string(event);
        if (!ksi_kafka_outage_heard(client->outage, code, reason)) {
            /* what is fatal fails the calls that follow, too */
            ksi_log(client->outage->logger, KS_LOG_LEVEL_DEBUG, client->name, "%s", reason);
        }
    }
    rd_kafka_event_destroy(event);
}

void ksi_kafka_client_serve(ksi_kafka_client *client)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(client->events, 0);
    while (event != NULL) {
        ksi_kafka_client_event(client, event);
        event = rd_kafka_queue_poll(client->events, 0);
    }
}

/* ---- messages -------------------------------------------------------------------------------- */

/* What librdkafka told this thread while it read. */
static _Thread_local rd_kafka_resp_err_t told_in_read;

/* Only what a read of messages meets comes here; the rest are events. */
static void take_error(rd_kafka_t *handle, int code, const char *reason, void *opaque)
{
    const ksi_kafka_client *client = opaque;
    (void)handle;
    told_in_read = (rd_kafka_resp_err_t)code;
    ksi_log(client->outage->logger, KS_LOG_LEVEL_DEBUG, client->name, "%s", reason);
}

size_t ksi_kafka_client_read(rd_kafka_queue_t *queue, rd_kafka_message_t **messages,
                             size_t capacity, rd_kafka_resp_err_t *told)
{
    told_in_read = RD_KAFKA_RESP_ERR_NO_ERROR;
    ssize_t received = rd_kafka_consume_batch_queue(queue, 0, messages, capacity);
    *told = told_in_read;
    return received > 0 ? (size_t)received : 0;
}

/* ---- topics ---------------------------------------------------------------------------------- */

rd_kafka_resp_err_t ksi_kafka_client_metadata(ksi_kafka_client *client, rd_kafka_topic_t *topic,
                                              const struct rd_kafka_metadata **metadata)
{
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;
    for (int i = 0; i < BROKERS_ASKED && code == RD_KAFKA_RESP_ERR__TIMED_OUT; i++) {
        code = rd_kafka_metadata(client->handle, topic == NULL, topic, metadata,
                                 client->call_timeout_ms / BROKERS_ASKED);
    }
    return code;
}

rd_kafka_topic_t *ksi_kafka_client_topic(ksi_kafka_client *client, const char *topic)
{
    ksi_mutex_lock(&client->lock);
    rd_kafka_topic_t *found = ksi_map_get_cstr(client->topics, topic);
    if (found == NULL) {
        found = rd_kafka_topic_new(client->handle, topic, NULL);
        if (found != NULL) {
            ksi_map_put_cstr(client->topics, topic, found);
        }
    }
    ksi_mutex_unlock(&client->lock);
    return found;
}

typedef struct ksi_kafka_reading {
    rd_kafka_topic_t *topic;
    int32_t partition;
} ksi_kafka_reading;

/* reading_count when nobody has it. */
static size_t find_reading(const ksi_kafka_client *client, const rd_kafka_topic_t *topic,
                           int32_t partition)
{
    size_t i = 0;
    while (i < client->reading_count &&
           (client->readings[i].topic != topic || client->readings[i].partition != partition)) {
        i++;
    }
    return i;
}

bool ksi_kafka_client_claim(ksi_kafka_client *client, rd_kafka_topic_t *topic, int32_t partition)
{
    ksi_mutex_lock(&client->lock);
    bool is_free = find_reading(client, topic, partition) == client->reading_count;
    if (is_free) {
        client->readings = ksi_grow(client->readings, &client->reading_capacity,
                                    client->reading_count + 1, sizeof *client->readings);
        client->readings[client->reading_count++] = (ksi_kafka_reading){topic, partition};
    }
    ksi_mutex_unlock(&client->lock);
    return is_free;
}

void ksi_kafka_client_disclaim(ksi_kafka_client *client, rd_kafka_topic_t *topic, int32_t partition)
{
    ksi_mutex_lock(&client->lock);
    size_t at = find_reading(client, topic, partition);
    KSI_ASSERT(at < client->reading_count);
    client->readings[at] = client->readings[--client->reading_count];
    ksi_mutex_unlock(&client->lock);
}

static void destroy_topic(void *topic)
{
    rd_kafka_topic_destroy(topic);
}

/* ---- life ------------------------------------------------------------------------------------ */

static rd_kafka_t *new_handle(ksi_kafka_client *self, const ksi_kafka_client_options *options,
                              ks_error *error)
{
    rd_kafka_conf_t *conf = ksi_kafka_client_conf(options, error);
    if (conf == NULL) {
        return NULL;
    }
    bool produces = ksi_kafka_role_produces(options->role);
    char reason[REASON_SIZE] = "";
    rd_kafka_conf_set_opaque(conf, self);
    rd_kafka_conf_set_log_cb(conf, log_line);
    rd_kafka_conf_set_error_cb(conf, take_error);
    rd_kafka_conf_set_events(conf, produces ? RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_DR
                                            : RD_KAFKA_EVENT_ERROR);
    rd_kafka_t *handle =
        rd_kafka_new(produces ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
    if (handle == NULL) {
        bool is_config = rd_kafka_last_error() == RD_KAFKA_RESP_ERR__INVALID_ARG;
        rd_kafka_conf_destroy(conf);
        (void)ksi_error_set(error, is_config ? KS_E_CONFIG : KS_E_IO, options->client_id,
                            "librdkafka does not make this client: %s", reason);
    }
    return handle;
}

ksi_kafka_client *ksi_kafka_client_open(const ksi_kafka_client_options *options,
                                        ksi_kafka_outage *outage, ks_error *error)
{
    ksi_kafka_client *self = ksi_calloc(1, sizeof *self);
    self->role = options->role;
    self->call_timeout_ms = ksi_kafka_call_timeout_ms(options->config);
    self->name = ksi_strdup(options->client_id);
    self->outage = outage;
    atomic_init(&self->references, 1);
    self->handle = new_handle(self, options, error);
    if (self->handle == NULL) {
        ksi_free(self->name);
        ksi_free(self);
        return NULL;
    }
    self->events = rd_kafka_queue_get_main(self->handle);
    self->topics = ksi_map_new();
    ksi_mutex_init(&self->lock);
    self->deliveries = ksi_kafka_role_produces(self->role) ? ksi_deliveries_new(self) : NULL;
    return self;
}

ksi_kafka_client *ksi_kafka_client_retain(ksi_kafka_client *client)
{
    atomic_fetch_add(&client->references, 1);
    return client;
}

void ksi_kafka_client_release(ksi_kafka_client *client)
{
    if (client == NULL || atomic_fetch_sub(&client->references, 1) > 1) {
        return;
    }
    ksi_deliveries_free(client->deliveries);
    ksi_map_free(client->topics, destroy_topic);
    ksi_free(client->readings);
    rd_kafka_queue_destroy(client->events);
    rd_kafka_destroy(client->handle);
    ksi_mutex_destroy(&client->lock);
    ksi_free(client->name);
    ksi_free(client);
}
