/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_topics.c - topics of a cluster: made, configured, deleted.
 *
 * A broker says that a topic is made before every broker knows it and its leaders. Who made it is
 * told only when they are known, so that what it does next does not meet a topic that is not there.
 * Likewise the other way round: who deleted it is told when no broker speaks of it any more, else a
 * topic that is made anew would for a moment be the old one, records and all.
 *
 * A configuration is set by writing all that were ever set of the topic: librdkafka before 2.2 has
 * no request that changes a single one. Two that do this to one topic at the same time can undo
 * each other's change.
 *
 * Thread rule: any thread.
 */
#include "transport/kafka/kafka_admin.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { REASON_SIZE = 256, TURN_MS = 20 };

/* ---- what there is --------------------------------------------------------------------------- */

/* Topics of the brokers' own, as Java's Admin hides them. */
static bool is_internal(const char *topic)
{
    return strcmp(topic, "__consumer_offsets") == 0 || strcmp(topic, "__transaction_state") == 0 ||
           strcmp(topic, "__share_group_state") == 0;
}

static bool is_there(const rd_kafka_metadata_topic_t *topic)
{
    return topic->err == RD_KAFKA_RESP_ERR_NO_ERROR ||
           topic->err == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
}

/* Partitions of a topic, and whether each of them has a leader; 0 when it is not there. */
static ks_status look_at(ksi_kafka_client *client, const char *name, int32_t *partitions,
                         bool *has_leaders, ks_error *error)
{
    const struct rd_kafka_metadata *metadata = NULL;
    *partitions = 0;
    *has_leaders = false;
    KS_TRY(ksi_admin_metadata(client, name, &metadata, error));
    if (metadata->topic_cnt == 1 && is_there(&metadata->topics[0])) {
        const rd_kafka_metadata_topic_t *topic = &metadata->topics[0];
        *partitions = topic->partition_cnt;
        *has_leaders = topic->partition_cnt > 0;
        for (int i = 0; i < topic->partition_cnt; i++) {
            *has_leaders = *has_leaders && topic->partitions[i].leader >= 0;
        }
    }
    rd_kafka_metadata_destroy(metadata);
    return KS_OK;
}

ks_status ksi_kafka_partition_count(ksi_transport *transport, const char *topic, int32_t *count,
                                    ks_error *error)
{
    ksi_kafka_client *client = ksi_kafka_transport_of(transport)->admin;
    bool has_leaders = false;
    return look_at(client, topic, count, &has_leaders, error);
}

static int by_name(const void *left, const void *right)
{
    const rd_kafka_metadata_topic_t *const *a = left;
    const rd_kafka_metadata_topic_t *const *b = right;
    return strcmp((*a)->topic, (*b)->topic);
}

ks_status ksi_kafka_each_topic(ksi_transport *transport, ksi_topic_visit_fn *visit, void *user,
                               ks_error *error)
{
    ksi_kafka_client *client = ksi_kafka_transport_of(transport)->admin;
    const struct rd_kafka_metadata *metadata = NULL;
    KS_TRY(ksi_admin_metadata(client, NULL, &metadata, error));
    size_t count = (size_t)metadata->topic_cnt;
    const rd_kafka_metadata_topic_t **topics = ksi_calloc(count + 1, sizeof *topics);
    for (size_t i = 0; i < count; i++) {
        topics[i] = &metadata->topics[i];
    }
    qsort(topics, count, sizeof *topics, by_name);
    for (size_t i = 0; i < count; i++) {
        if (is_there(topics[i]) && !is_internal(topics[i]->topic)) {
            visit(user, topics[i]->topic);
        }
    }
    ksi_free(topics);
    rd_kafka_metadata_destroy(metadata);
    return KS_OK;
}

ks_status ksi_kafka_broker_count(ksi_transport *transport, int32_t *count, ks_error *error)
{
    ksi_kafka_client *client = ksi_kafka_transport_of(transport)->admin;
    const struct rd_kafka_metadata *metadata = NULL;
    KS_TRY(ksi_admin_metadata(client, NULL, &metadata, error));
    *count = metadata->broker_cnt;
    rd_kafka_metadata_destroy(metadata);
    return KS_OK;
}

/* ---- making and deleting --------------------------------------------------------------------- */

/* Brokers hear of a change in their own time, and nothing tells when. */
static void wait_a_turn(void)
{
    const struct timespec turn = {.tv_nsec = TURN_MS * 1000 * 1000};
    (void)nanosleep(&turn, NULL);
}

/* A broker may be named as the leader before it knows of it: only its answer tells. */
static bool leaders_answer(ksi_kafka_client *client, const ksi_topic_spec *spec)
{
    bool answer = true;
    for (int32_t p = 0; p < spec->partitions && answer; p++) {
        int64_t begin = 0;
        int64_t end = 0;
        rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(
            client->handle, spec->name, p, &begin, &end, client->call_timeout_ms);
        answer = code != RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION &&
                 code != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE &&
                 code != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    }
    return answer;
}

static ks_status wait_for_leaders(ksi_kafka_client *client, const ksi_topic_spec *spec,
                                  ks_error *error)
{
    int32_t partitions = 0;
    bool has_leaders = false;
    for (int waited = 0; waited < client->call_timeout_ms; waited += TURN_MS) {
        KS_TRY(look_at(client, spec->name, &partitions, &has_leaders, error));
        if (partitions == spec->partitions && has_leaders && leaders_answer(client, spec)) {
            return KS_OK;
        }
        wait_a_turn();
    }
    (void)ksi_error_set(error, KS_E_TIMEOUT, spec->name,
                        "the topic was created, and its partitions have no leaders after %d ms",
                        client->call_timeout_ms);
    return ksi_error_flag(error, KS_ERROR_RETRIABLE);
}

/* It exists: with as many partitions? */
static ks_status check_existing(ksi_kafka_client *client, const ksi_topic_spec *spec,
                                ks_error *error)
{
    int32_t partitions = 0;
    bool has_leaders = false;
    KS_TRY(look_at(client, spec->name, &partitions, &has_leaders, error));
    if (partitions == 0) { /* made or deleted this moment */
        return wait_for_leaders(client, spec, error);
    }
    if (partitions != spec->partitions) {
        return ksi_error_set(error, KS_E_ARGUMENT, spec->name,
                             "the topic exists with %d partitions; it cannot be created with %d",
                             partitions, spec->partitions);
    }
    return KS_OK;
}

static ks_status ask_to_create(ksi_admin_call *call, rd_kafka_NewTopic_t *topic,
                               const ksi_topic_spec *spec, ks_error *error)
{
    rd_kafka_CreateTopics(call->client->handle, &topic, 1, call->options, call->queue);
    KS_TRY(ksi_admin_wait(call, spec->name, "creating the topic", error));
    size_t count = 0;
    const rd_kafka_topic_result_t **results = rd_kafka_CreateTopics_result_topics(
        rd_kafka_event_CreateTopics_result(call->answer), &count);
    rd_kafka_resp_err_t code = rd_kafka_topic_result_error(results[0]);
    if (code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
        return check_existing(call->client, spec, error);
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        const ksi_kafka_failure failure = {code, rd_kafka_topic_result_error_string(results[0]),
                                           spec->name, "creating the topic"};
        return ksi_kafka_client_fail(call->client, &failure, error);
    }
    return wait_for_leaders(call->client, spec, error);
}

static rd_kafka_NewTopic_t *new_topic(const ksi_topic_spec *spec, ks_error *error)
{
    char reason[REASON_SIZE] = "";
    int replicas = spec->replication_factor > 0 ? spec->replication_factor : -1;
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(spec->name, spec->partitions, replicas, reason, sizeof reason);
    if (topic == NULL) {
        (void)ksi_error_set(error, KS_E_ARGUMENT, spec->name,
                            "a topic of %d partitions cannot be asked for: %s", spec->partitions,
                            reason);
        return NULL;
    }
    for (size_t i = 0; i < spec->config_count; i++) {
        const ksi_topic_config *config = &spec->configs[i];
        if (config->value != NULL) {
            (void)rd_kafka_NewTopic_set_config(topic, config->name, config->value);
        }
    }
    return topic;
}

ks_status ksi_kafka_create_topic(ksi_transport *transport, const ksi_topic_spec *spec,
                                 ks_error *error)
{
    KS_TRY(ksi_topic_name_check(spec->name, error));
    if (spec->partitions < 1) {
        return ksi_error_set(error, KS_E_ARGUMENT, spec->name,
                             "a topic has at least one partition; %d were asked for",
                             spec->partitions);
    }
    rd_kafka_NewTopic_t *topic = new_topic(spec, error);
    if (topic == NULL) {
        return KS_E_ARGUMENT;
    }
    ksi_admin_call call;
    ks_status status = ksi_admin_begin(ksi_kafka_transport_of(transport),
                                       RD_KAFKA_ADMIN_OP_CREATETOPICS, &call, error);
    if (status == KS_OK) {
        status = ask_to_create(&call, topic, spec, error);
        ksi_admin_end(&call);
    }
    rd_kafka_NewTopic_destroy(topic);
    return status;
}

/*
 * Deleted it is, so nothing that happens here is an error: somebody may have made it anew already,
 * and then it stays.
 */
static void wait_until_gone(ksi_kafka_client *client, const char *topic)
{
    for (int waited = 0; waited < client->call_timeout_ms; waited += TURN_MS) {
        int32_t partitions = 0;
        bool has_leaders = false;
        if (look_at(client, topic, &partitions, &has_leaders, NULL) == KS_OK && partitions == 0) {
            return;
        }
        wait_a_turn();
    }
}

ks_status ksi_kafka_delete_topic(ksi_transport *transport, const char *topic, ks_error *error)
{
    ksi_admin_call call;
    KS_TRY(ksi_admin_begin(ksi_kafka_transport_of(transport), RD_KAFKA_ADMIN_OP_DELETETOPICS, &call,
                           error));
    rd_kafka_DeleteTopic_t *gone = rd_kafka_DeleteTopic_new(topic);
    rd_kafka_DeleteTopics(call.client->handle, &gone, 1, call.options, call.queue);
    ks_status status = ksi_admin_wait(&call, topic, "deleting the topic", error);
    if (status == KS_OK) {
        size_t count = 0;
        const rd_kafka_topic_result_t **results = rd_kafka_DeleteTopics_result_topics(
            rd_kafka_event_DeleteTopics_result(call.answer), &count);
        const ksi_kafka_failure failure = {rd_kafka_topic_result_error(results[0]),
                                           rd_kafka_topic_result_error_string(results[0]), topic,
                                           "deleting the topic"};
        if (failure.code != RD_KAFKA_RESP_ERR_NO_ERROR) {
            status = ksi_kafka_client_fail(call.client, &failure, error);
        }
    }
    if (status == KS_OK) {
        wait_until_gone(call.client, topic);
    }
    rd_kafka_DeleteTopic_destroy(gone);
    ksi_admin_end(&call);
    return status;
}

/* ---- configurations -------------------------------------------------------------------------- */

/* The configurations of a topic, as its brokers have them: borrowed from the answer of the call. */
typedef struct config_list {
    const rd_kafka_ConfigEntry_t **entries;
    size_t count;
} config_list;

static ks_status describe(ksi_admin_call *call, const char *topic, config_list *list,
                          ks_error *error)
{
    const char *doing = "reading its configurations";
    rd_kafka_ConfigResource_t *asked = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    rd_kafka_DescribeConfigs(call->client->handle, &asked, 1, call->options, call->queue);
    ks_status status = ksi_admin_wait(call, topic, doing, error);
    rd_kafka_ConfigResource_destroy(asked);
    KS_TRY(status);
    size_t count = 0;
    const rd_kafka_ConfigResource_t **resources = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(call->answer), &count);
    const ksi_kafka_failure failure = {rd_kafka_ConfigResource_error(resources[0]),
                                       rd_kafka_ConfigResource_error_string(resources[0]), topic,
                                       doing};
    if (failure.code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return ksi_kafka_client_fail(call->client, &failure, error);
    }
    list->entries = rd_kafka_ConfigResource_configs(resources[0], &list->count);
    return KS_OK;
}

static bool is_of_topic(const rd_kafka_ConfigEntry_t *entry)
{
    return rd_kafka_ConfigEntry_source(entry) == RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG;
}

static int by_config_name(const void *left, const void *right)
{
    const rd_kafka_ConfigEntry_t *const *a = left;
    const rd_kafka_ConfigEntry_t *const *b = right;
    return strcmp(rd_kafka_ConfigEntry_name(*a), rd_kafka_ConfigEntry_name(*b));
}

ks_status ksi_kafka_each_config(ksi_transport *transport, const char *topic,
                                ksi_config_visit_fn *visit, void *user, ks_error *error)
{
    ksi_admin_call call;
    config_list list = {0};
    KS_TRY(ksi_admin_begin(ksi_kafka_transport_of(transport), RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS,
                           &call, error));
    ks_status status = describe(&call, topic, &list, error);
    if (status == KS_OK) {
        const rd_kafka_ConfigEntry_t **sorted = ksi_calloc(list.count + 1, sizeof *sorted);
        for (size_t i = 0; i < list.count; i++) {
            sorted[i] = list.entries[i];
        }
        qsort(sorted, list.count, sizeof *sorted, by_config_name);
        for (size_t i = 0; i < list.count; i++) {
            const ksi_topic_config config = {.name = rd_kafka_ConfigEntry_name(sorted[i]),
                                             .value = rd_kafka_ConfigEntry_value(sorted[i])};
            visit(user, &config, !is_of_topic(sorted[i]));
        }
        ksi_free(sorted);
    }
    ksi_admin_end(&call);
    return status;
}

static ks_status alter(ksi_kafka_transport *self, rd_kafka_ConfigResource_t *resource,
                       const char *topic, ks_error *error)
{
    const char *doing = "setting a configuration";
    ksi_admin_call call;
    KS_TRY(ksi_admin_begin(self, RD_KAFKA_ADMIN_OP_ALTERCONFIGS, &call, error));
    rd_kafka_AlterConfigs(call.client->handle, &resource, 1, call.options, call.queue);
    ks_status status = ksi_admin_wait(&call, topic, doing, error);
    if (status == KS_OK) {
        size_t count = 0;
        const rd_kafka_ConfigResource_t **results = rd_kafka_AlterConfigs_result_resources(
            rd_kafka_event_AlterConfigs_result(call.answer), &count);
        const ksi_kafka_failure failure = {rd_kafka_ConfigResource_error(results[0]),
                                           rd_kafka_ConfigResource_error_string(results[0]), topic,
                                           doing};
        if (failure.code != RD_KAFKA_RESP_ERR_NO_ERROR) {
            status = ksi_kafka_client_fail(call.client, &failure, error);
        }
    }
    ksi_admin_end(&call);
    return status;
}

/* What is set of the topic, with the change in it: owned. */
static rd_kafka_ConfigResource_t *changed_configs(const config_list *list, const char *topic,
                                                  const ksi_topic_config *config)
{
    rd_kafka_ConfigResource_t *changed =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    for (size_t i = 0; i < list->count; i++) {
        const char *name = rd_kafka_ConfigEntry_name(list->entries[i]);
        if (is_of_topic(list->entries[i]) && strcmp(name, config->name) != 0) {
            (void)rd_kafka_ConfigResource_set_config(changed, name,
                                                     rd_kafka_ConfigEntry_value(list->entries[i]));
        }
    }
    if (config->value != NULL) {
        (void)rd_kafka_ConfigResource_set_config(changed, config->name, config->value);
    }
    return changed;
}

static bool has_config(const config_list *list, const ksi_topic_config *config)
{
    const char *value = NULL;
    for (size_t i = 0; i < list->count; i++) {
        if (is_of_topic(list->entries[i]) &&
            strcmp(rd_kafka_ConfigEntry_name(list->entries[i]), config->name) == 0) {
            value = rd_kafka_ConfigEntry_value(list->entries[i]);
        }
    }
    return value == NULL || config->value == NULL ? value == config->value
                                                  : strcmp(value, config->value) == 0;
}

/* Reads the configurations and looks for one; sets it, unless `changes` is false. */
static ks_status look_for_config(ksi_kafka_transport *self, const char *topic,
                                 const ksi_topic_config *config, bool changes, bool *is_there_yet,
                                 ks_error *error)
{
    ksi_admin_call call;
    config_list list = {0};
    KS_TRY(ksi_admin_begin(self, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, &call, error));
    ks_status status = describe(&call, topic, &list, error);
    if (status == KS_OK) {
        *is_there_yet = has_config(&list, config);
    }
    if (status == KS_OK && changes && !*is_there_yet) {
        rd_kafka_ConfigResource_t *changed = changed_configs(&list, topic, config);
        status = alter(self, changed, topic, error);
        rd_kafka_ConfigResource_destroy(changed);
    }
    ksi_admin_end(&call);
    return status;
}

/* The next who changes a configuration writes what it has read: so this waits to be read. */
ks_status ksi_kafka_set_config(ksi_transport *transport, const char *topic,
                               const ksi_topic_config *config, ks_error *error)
{
    ksi_kafka_transport *self = ksi_kafka_transport_of(transport);
    bool is_there_yet = false;
    KS_TRY(look_for_config(self, topic, config, true, &is_there_yet, error));
    for (int waited = 0; waited < self->admin->call_timeout_ms && !is_there_yet;
         waited += TURN_MS) {
        KS_TRY(look_for_config(self, topic, config, false, &is_there_yet, error));
        wait_a_turn();
    }
    if (is_there_yet) {
        return KS_OK;
    }
    (void)ksi_error_set(error, KS_E_TIMEOUT, topic,
                        "%s was set, and brokers do not show it after %d ms", config->name,
                        self->admin->call_timeout_ms);
    return ksi_error_flag(error, KS_ERROR_RETRIABLE);
}
