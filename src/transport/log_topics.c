/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_topics.c - topics of a log, their configurations and their offsets.
 *
 * Visitors of transport.h take the user's pointer first and speak the transport's types; the small
 * relays here turn one into the other.
 *
 * Thread rule: any thread.
 */
#include "base/error.h"
#include "base/memory.h"
#include "transport/log_handle.h"

ks_status ks_log_create_topic(ks_log *log, const char *topic, int32_t partitions, ks_error *error)
{
    return ks_log_create_configured_topic(log, topic, partitions, NULL, 0, error);
}

ks_status ks_log_create_configured_topic(ks_log *log, const char *topic, int32_t partitions,
                                         const ks_topic_config *configs, size_t config_count,
                                         ks_error *error)
{
    KS_TRY(ksi_log_check(log, topic, "topic", error));
    ksi_topic_config *copies = ksi_calloc(config_count + 1, sizeof *copies);
    for (size_t i = 0; i < config_count; i++) {
        copies[i] = (ksi_topic_config){.name = configs[i].name, .value = configs[i].value};
    }
    const ksi_topic_spec spec = {
        .name = topic, .partitions = partitions, .configs = copies, .config_count = config_count};
    ks_status status = log->transport->class->create_topic(log->transport, &spec, error);
    ksi_free(copies);
    return status;
}

ks_status ks_log_delete_topic(ks_log *log, const char *topic, ks_error *error)
{
    KS_TRY(ksi_log_check(log, topic, "topic", error));
    return log->transport->class->delete_topic(log->transport, topic, error);
}

int32_t ks_log_partition_count(ks_log *log, const char *topic)
{
    if (log == NULL || topic == NULL) {
        return 0;
    }
    int32_t count = 0;
    ks_status status = log->transport->class->partition_count(log->transport, topic, &count, NULL);
    return status == KS_OK ? count : 0;
}

/* ---- visiting -------------------------------------------------------------------------------- */

typedef struct topic_relay {
    ks_log *log;
    ks_topic_visit_fn *visit;
    void *user;
    ks_status status;
    ks_error *error;
} topic_relay;

static void relay_topic(void *user, const char *topic)
{
    topic_relay *relay = user;
    ksi_transport *transport = relay->log->transport;
    int32_t partitions = 0;
    if (relay->status == KS_OK) {
        relay->status =
            transport->class->partition_count(transport, topic, &partitions, relay->error);
    }
    if (partitions > 0) { /* else it was deleted meanwhile */
        relay->visit(topic, partitions, relay->user);
    }
}

ks_status ks_log_each_topic(ks_log *log, ks_topic_visit_fn *visit, void *user, ks_error *error)
{
    if (log == NULL || visit == NULL) {
        return ksi_error_set(error, KS_E_ARGUMENT, log == NULL ? "log" : "visit",
                             "must not be NULL");
    }
    topic_relay relay = {.log = log, .visit = visit, .user = user, .error = error};
    KS_TRY(log->transport->class->each_topic(log->transport, relay_topic, &relay, error));
    return relay.status;
}

ks_status ks_log_broker_count(ks_log *log, int32_t *count, ks_error *error)
{
    KS_TRY(ksi_log_check(log, count, "count", error));
    *count = 1;
    const ksi_transport_class *class = log->transport->class;
    return class->broker_count != NULL ? class->broker_count(log->transport, count, error) : KS_OK;
}

typedef struct config_relay {
    ks_topic_config_visit_fn *visit;
    void *user;
} config_relay;

static void relay_config(void *user, const ksi_topic_config *config, bool is_default)
{
    const config_relay *relay = user;
    const ks_topic_config shown = {
        .name = config->name, .value = config->value, .is_default = is_default};
    relay->visit(&shown, relay->user);
}

ks_status ks_log_each_topic_config(ks_log *log, const char *topic, ks_topic_config_visit_fn *visit,
                                   void *user, ks_error *error)
{
    KS_TRY(ksi_log_check(log, topic, "topic", error));
    if (visit == NULL) {
        return ksi_error_set(error, KS_E_ARGUMENT, "visit", "must not be NULL");
    }
    config_relay relay = {.visit = visit, .user = user};
    return log->transport->class->each_config(log->transport, topic, relay_config, &relay, error);
}

ks_status ks_log_set_topic_config(ks_log *log, const char *topic, const char *name,
                                  const char *value, ks_error *error)
{
    KS_TRY(ksi_log_check(log, topic, "topic", error));
    KS_TRY(ksi_log_check(log, name, "name", error));
    const ksi_topic_config config = {.name = name, .value = value};
    return log->transport->class->set_config(log->transport, topic, &config, error);
}

/* ---- offsets --------------------------------------------------------------------------------- */

ks_status ks_log_offsets(ks_log *log, const char *topic, int32_t partition, int64_t *begin,
                         int64_t *end, ks_error *error)
{
    KS_TRY(ksi_log_check(log, topic, "topic", error));
    const ksi_topic_partition at = {.topic = topic, .partition = partition};
    return log->transport->class->offsets(log->transport, at, begin, end, error);
}

ks_status ks_log_offset_at(ks_log *log, const char *topic, int32_t partition, int64_t timestamp,
                           int64_t *offset, ks_error *error)
{
    KS_TRY(ksi_log_check(log, topic, "topic", error));
    const ksi_topic_partition at = {.topic = topic, .partition = partition};
    return log->transport->class->offset_at(log->transport, at, timestamp, offset, error);
}

ks_status ks_log_partition_bytes(ks_log *log, const char *topic, int32_t partition, int64_t *bytes,
                                 ks_error *error)
{
    KS_TRY(ksi_log_check(log, topic, "topic", error));
    const ksi_topic_partition at = {.topic = topic, .partition = partition};
    return log->transport->class->partition_bytes(log->transport, at, bytes, error);
}

ks_status ks_log_delete_records(ks_log *log, const char *topic, int32_t partition, int64_t before,
                                ks_error *error)
{
    KS_TRY(ksi_log_check(log, topic, "topic", error));
    const ksi_topic_partition at = {.topic = topic, .partition = partition};
    return log->transport->class->delete_records(log->transport, at, before, error);
}
