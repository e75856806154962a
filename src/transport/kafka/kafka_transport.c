/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_transport.c - the transport to a cluster: its clients, its life.
 *
 * Opening asks the cluster for its brokers and waits some seconds. A wrong address is then an error
 * where somebody can correct it, and not an application that starts and does nothing. Later losses
 * are outages, which end by themselves.
 *
 * Thread rule: any thread; `lock` guards which clients there are.
 */
#include "transport/kafka/kafka_transport.h"

#include "base/error.h"
#include "base/memory.h"
#include "membership/kafka/classic_member.h"
#include "net/address.h"
#include "transport/kafka/kafka_admin.h"

#include <stdio.h>
#include <string.h>

enum { CLIENT_ID_SIZE = 256, FIRST_CONTACT_MS = 5000, CONTACT_TURN_MS = 500 };

/* ---- clients --------------------------------------------------------------------------------- */

/* Java's names, with one client where Java has one for each thread. */
static const char *suffix_of(ksi_kafka_role role)
{
    static const char *const suffixes[KSI_KAFKA_ROLES] = {
        [KSI_KAFKA_INPUT] = "consumer",
        [KSI_KAFKA_CHANGELOG] = "restore-consumer",
        [KSI_KAFKA_GLOBAL] = "global-consumer",
        [KSI_KAFKA_READER] = "reader",
        [KSI_KAFKA_ADMIN] = "admin",
        [KSI_KAFKA_UNCOMMITTED] = "admin-uncommitted",
        [KSI_KAFKA_PRODUCER] = "producer",
        [KSI_KAFKA_TRANSACTIONAL] = "producer",
    };
    return suffixes[role];
}

static bool is_shared(ksi_kafka_role role)
{
    return role != KSI_KAFKA_READER && role != KSI_KAFKA_TRANSACTIONAL;
}

static ksi_kafka_client *open_client(ksi_kafka_transport *self, ksi_kafka_role role,
                                     unsigned number, const char *transactional_id, ks_error *error)
{
    char id[CLIENT_ID_SIZE];
    if (is_shared(role)) {
        (void)snprintf(id, sizeof id, "%s-%s", self->client_id, suffix_of(role));
    } else {
        (void)snprintf(id, sizeof id, "%s-%u-%s", self->client_id, number, suffix_of(role));
    }
    const ksi_kafka_client_options options = {.role = role,
                                              .bootstrap_servers = self->servers,
                                              .client_id = id,
                                              .transactional_id = transactional_id,
                                              .config = self->config,
                                              .reads_committed = self->reads_committed};
    return ksi_kafka_client_open(&options, &self->outage, error);
}

static bool has_failed(const ksi_kafka_client *client)
{
    return rd_kafka_fatal_error(client->handle, NULL, 0) != RD_KAFKA_RESP_ERR_NO_ERROR;
}

ksi_kafka_client *ksi_kafka_transport_client(ksi_kafka_transport *self, ksi_kafka_role role,
                                             const char *transactional_id, ks_error *error)
{
    ksi_kafka_client *gone = NULL;
    ksi_mutex_lock(&self->lock);
    ksi_kafka_client *client = self->shared[role];
    if (client != NULL && has_failed(client)) {
        gone = client;
        client = self->shared[role] = NULL;
    }
    if (client == NULL) {
        client = open_client(self, role, ++self->opened, transactional_id, error);
        self->shared[role] = is_shared(role) ? client : NULL;
    }
    if (client != NULL && is_shared(role)) {
        (void)ksi_kafka_client_retain(client);
    }
    ksi_mutex_unlock(&self->lock);
    ksi_kafka_client_release(gone); /* those who have it still keep it */
    return client;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void kafka_retain(ksi_transport *transport)
{
    atomic_fetch_add(&ksi_kafka_transport_of(transport)->references, 1);
}

static void kafka_release(ksi_transport *transport)
{
    ksi_kafka_transport *self = ksi_kafka_transport_of(transport);
    if (atomic_fetch_sub(&self->references, 1) > 1) {
        return;
    }
    if (self->purges != NULL) {
        rd_kafka_queue_destroy(self->purges);
    }
    ksi_kafka_client_release(self->admin);
    for (int role = 0; role < KSI_KAFKA_ROLES; role++) {
        ksi_kafka_client_release(self->shared[role]);
    }
    ksi_kafka_group_offsets_close(self->offsets);
    ksi_kafka_outage_destroy(&self->outage);
    ksi_logger_destroy(&self->own_logger);
    ksi_mutex_destroy(&self->lock);
    ks_config_free(self->config);
    ksi_free(self->client_id);
    ksi_free(self->servers);
    ksi_free(self);
}

/* One answer of any broker. */
static rd_kafka_resp_err_t contact(ksi_kafka_client *client, int timeout_ms)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code = rd_kafka_metadata(client->handle, 0, NULL, &metadata, timeout_ms);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_metadata_destroy(metadata);
        ksi_kafka_client_works(client);
    }
    return code;
}

static ks_status make_first_contact(const ksi_kafka_transport *self, ks_error *error)
{
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;
    for (int waited = 0; waited < FIRST_CONTACT_MS && code != RD_KAFKA_RESP_ERR_NO_ERROR;
         waited += CONTACT_TURN_MS) {
        code = contact(self->admin, CONTACT_TURN_MS);
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return KS_OK;
    }
    (void)ksi_error_set(error, KS_E_IO, "bootstrap.servers",
                        "no broker answers at %s within %d seconds; look whether one listens "
                        "there, or correct the address",
                        self->servers, FIRST_CONTACT_MS / 1000);
    ksi_kafka_client_explain(self->admin, error);
    return KS_E_IO;
}

/* ---- the interface --------------------------------------------------------------------------- */

static ksi_transport *kafka_for_application(ksi_transport *transport, const ks_config *config,
                                            ksi_logger *logger, ks_error *error)
{
    const ksi_kafka_transport *self = ksi_kafka_transport_of(transport);
    const ksi_kafka_options options = {.bootstrap_servers = self->servers,
                                       .config = config,
                                       .told = self->config,
                                       .logger = logger,
                                       .reads_committed = ksi_config_exactly_once(config)};
    return ksi_kafka_transport_open(&options, error);
}

static ksi_membership *kafka_join(ksi_transport *transport, const ksi_member_options *options,
                                  int64_t now_ms, ks_error *error)
{
    ksi_kafka_transport *self = ksi_kafka_transport_of(transport);
    const ksi_kafka_cluster cluster = ksi_kafka_cluster_of(self);
    return ksi_classic_join(&cluster, options, self->logger, now_ms, error);
}

static const ksi_transport_class kafka_class = {
    .retain = kafka_retain,
    .release = kafka_release,
    .for_application = kafka_for_application,
    .create_topic = ksi_kafka_create_topic,
    .delete_topic = ksi_kafka_delete_topic,
    .partition_count = ksi_kafka_partition_count,
    .each_topic = ksi_kafka_each_topic,
    .broker_count = ksi_kafka_broker_count,
    .each_config = ksi_kafka_each_config,
    .set_config = ksi_kafka_set_config,
    .offsets = ksi_kafka_offsets_of,
    .high_watermark = ksi_kafka_high_watermark,
    .offset_at = ksi_kafka_offset_at,
    .partition_bytes = ksi_kafka_partition_bytes,
    .delete_records = ksi_kafka_delete_records,
    .purge = ksi_kafka_purge,
    .committed = ksi_kafka_committed,
    .commit_offsets = ksi_kafka_commit_offsets,
    .each_group = ksi_kafka_each_group,
    .each_offset = ksi_kafka_each_offset,
    .each_member = ksi_kafka_each_member,
    .delete_group = ksi_kafka_delete_group,
    .remove_members = ksi_kafka_remove_members,
    .join = kafka_join,
    .open_consumer = ksi_kafka_consumer_open,
    .open_producer = ksi_kafka_producer_open,
};

static char *client_id_of(const ks_config *config)
{
    const char *client_id = ksi_config_text(config, "client.id");
    const char *application = ksi_config_text(config, "application.id");
    bool has_own = client_id != NULL && client_id[0] != '\0';
    return ksi_strdup(has_own ? client_id : application != NULL ? application : "kstreams");
}

ksi_kafka_cluster ksi_kafka_cluster_of(const ksi_kafka_transport *self)
{
    return (ksi_kafka_cluster){.bootstrap_servers = self->servers,
                               .client_id = self->client_id,
                               .request_timeout_ms = self->admin->call_timeout_ms,
                               .retry_backoff_ms = ksi_config_i64(self->config, "retry.backoff.ms"),
                               .reconnect_backoff_ms =
                                   ksi_config_i64(self->config, "reconnect.backoff.ms")};
}

/* A property that one of the clients would refuse is an error now and not when it is needed. */
static ks_status check_properties(const ksi_kafka_transport *self, ks_error *error)
{
    for (int role = 0; role < KSI_KAFKA_ROLES; role++) {
        const ksi_kafka_client_options options = {.role = (ksi_kafka_role)role,
                                                  .bootstrap_servers = self->servers,
                                                  .client_id = self->client_id,
                                                  .transactional_id = self->client_id,
                                                  .config = self->config,
                                                  .reads_committed = self->reads_committed};
        rd_kafka_conf_t *conf = ksi_kafka_client_conf(&options, error);
        if (conf == NULL) {
            return KS_E_CONFIG;
        }
        rd_kafka_conf_destroy(conf);
    }
    return KS_OK;
}

/* Before librdkafka sees them, which only grumbles about what is none, in the log. */
static ks_status check_addresses(const ksi_kafka_transport *self, ks_error *error)
{
    ksi_address_list addresses = {0};
    ks_status status = ksi_address_list_parse(&addresses, self->servers, KSI_KAFKA_PORT,
                                              "bootstrap.servers", error);
    ksi_address_list_destroy(&addresses);
    return status;
}

/* False with an error, which is never NULL here. */
static bool connect_to(ksi_kafka_transport *self, ks_error *error)
{
    if (check_addresses(self, error) != KS_OK || check_properties(self, error) != KS_OK) {
        return false;
    }
    self->admin = ksi_kafka_transport_client(self, KSI_KAFKA_ADMIN, NULL, error);
    if (self->admin == NULL) {
        return false;
    }
    /* It connects when it is used. */
    const ksi_kafka_cluster cluster = ksi_kafka_cluster_of(self);
    self->purges = rd_kafka_queue_new(self->admin->handle);
    self->offsets = ksi_kafka_group_offsets_open(&cluster, self->logger, error);
    return self->offsets != NULL && make_first_contact(self, error) == KS_OK;
}

ksi_transport *ksi_kafka_transport_open(const ksi_kafka_options *options, ks_error *error)
{
    ksi_kafka_transport *self = ksi_calloc(1, sizeof *self);
    self->transport.class = &kafka_class;
    atomic_init(&self->references, 1);
    self->servers = ksi_strdup(options->bootstrap_servers);
    self->config = ksi_config_copy(options->config);
    self->client_id = client_id_of(self->config);
    self->reads_committed = options->reads_committed;
    ksi_logger_init(&self->own_logger, NULL, NULL, KS_LOG_LEVEL_WARN);
    self->logger = options->logger != NULL ? options->logger : &self->own_logger;
    ksi_kafka_outage_init(&self->outage, self->logger);
    ksi_mutex_init(&self->lock);
    ks_error reason = {0};
    if (!connect_to(self, &reason)) {
        kafka_release(&self->transport);
        if (error != NULL) {
            *error = reason;
        }
        return NULL;
    }
    ksi_kafka_client_notices(self->config, options->told, self->logger);
    return &self->transport;
}
