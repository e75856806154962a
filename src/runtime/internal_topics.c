/* SPDX-License-Identifier: Apache-2.0 */
/*
 * internal_topics.c - creating what is missing and refusing what does not fit. @java
 * InternalTopicManager
 *
 * A topic with another number of partitions holds rows and records that were placed by that number.
 * Going on with it would look up keys in the wrong partition, and growing it would not move a
 * single record, so it is refused; what to do is the user's to decide.
 */
#include "runtime/internal_topics.h"

#include "base/error.h"
#include "base/memory.h"
#include "config/config.h"

#include <string.h>

static ks_status check_existing(const ksi_needed_topic *needed, int32_t partitions, ks_error *error)
{
    if (partitions == 0 || partitions == needed->partitions) {
        return KS_OK;
    }
    return ksi_error_set(
        error, KS_E_TOPOLOGY, needed->topic,
        "this %s topic exists with %d partitions and the application needs %d: its input topics or "
        "the topology have changed. Give back the former number of partitions, or start under "
        "another application.id, or delete the topic, which loses what is in it",
        needed->kind, partitions, needed->partitions);
}

/* ---- configurations -------------------------------------------------------------------------- */

/* @java UnwindowedUnversionedChangelogTopicConfig, RepartitionTopicConfig */
static const ksi_topic_config changelog_configs[] = {{"cleanup.policy", "compact"},
                                                     {"message.timestamp.type", "CreateTime"}};
static const ksi_topic_config repartition_configs[] = {{"cleanup.policy", "delete"},
                                                       {"segment.bytes", "52428800"},
                                                       {"retention.ms", "-1"},
                                                       {"message.timestamp.type", "CreateTime"}};

typedef struct config_list {
    ksi_topic_config *items;
    size_t count;
    size_t capacity;
} config_list;

static void put(config_list *list, ksi_topic_config config)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].name, config.name) == 0) {
            list->items[i] = config;
            return;
        }
    }
    list->items = ksi_grow(list->items, &list->capacity, list->count + 1, sizeof *list->items);
    list->items[list->count++] = config;
}

static config_list configs_of(const ksi_needed_topic *needed, const ks_config *config)
{
    static const char prefix[] = "topic.";
    const ksi_topic_config *own = needed->is_changelog ? changelog_configs : repartition_configs;
    size_t own_count = needed->is_changelog
                           ? sizeof changelog_configs / sizeof *changelog_configs
                           : sizeof repartition_configs / sizeof *repartition_configs;
    config_list list = {0};
    const char *name = NULL;
    const char *value = NULL;
    for (size_t i = 0; i < own_count; i++) {
        put(&list, own[i]);
    }
    for (size_t i = 0; ksi_config_at(config, &i, &name, &value); i++) {
        if (strncmp(name, prefix, sizeof prefix - 1) == 0) {
            put(&list, (ksi_topic_config){.name = name + sizeof prefix - 1, .value = value});
        }
    }
    return list;
}

/* ---- making ---------------------------------------------------------------------------------- */

static ks_status create(const ksi_needed_topic *needed, const ks_config *config,
                        ksi_transport *transport, ks_error *error)
{
    config_list list = configs_of(needed, config);
    const ksi_topic_spec spec = {.name = needed->topic,
                                 .partitions = needed->partitions,
                                 .configs = list.items,
                                 .config_count = list.count};
    ks_status status = transport->class->create_topic(transport, &spec, error);
    ksi_free(list.items);
    if (status != KS_OK) {
        ksi_error_prefix(error, "creating a %s topic: ", needed->kind);
    }
    return status;
}

ks_status ksi_internal_topics_make_ready(const ksi_assignment *assignment, const ks_config *config,
                                         ksi_transport *transport, ksi_logger *logger,
                                         ks_error *error)
{
    for (size_t i = 0; i < assignment->needed_topic_count; i++) {
        const ksi_needed_topic *needed = &assignment->needed_topics[i];
        int32_t partitions = transport->class->partition_count(transport, needed->topic);
        KS_TRY(check_existing(needed, partitions, error));
    }
    for (size_t i = 0; i < assignment->needed_topic_count; i++) {
        const ksi_needed_topic *needed = &assignment->needed_topics[i];
        if (transport->class->partition_count(transport, needed->topic) > 0) {
            continue;
        }
        KS_TRY(create(needed, config, transport, error));
        ksi_log(logger, KS_LOG_LEVEL_INFO, needed->topic, "created the %s topic, partitions %d",
                needed->kind, needed->partitions);
    }
    return KS_OK;
}
