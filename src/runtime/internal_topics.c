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

#include <inttypes.h>
#include <stdio.h>
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

/*
 * What Java gives them; properties that begin with "topic." go over that, and what the program
 * says of one store over these.
 * @java UnwindowedUnversionedChangelogTopicConfig, WindowedChangelogTopicConfig,
 *       VersionedChangelogTopicConfig, RepartitionTopicConfig
 */
static const ks_topic_config changelog_configs[] = {
    {.name = "cleanup.policy", .value = "compact"},
    {.name = "message.timestamp.type", .value = "CreateTime"},
    {0}};
static const ks_topic_config windowed_configs[] = {
    {.name = "cleanup.policy", .value = "compact,delete"},
    {.name = "message.timestamp.type", .value = "CreateTime"},
    {0}};
static const ks_topic_config repartition_configs[] = {
    {.name = "cleanup.policy", .value = "delete"},
    {.name = "segment.bytes", .value = "52428800"},
    {.name = "retention.ms", .value = "-1"},
    {.name = "message.timestamp.type", .value = "CreateTime"},
    {0}};

/* Old versions of a row are rows of their own in the changelog, and this much longer as in Java. */
#define VERSIONED_EXTRA_LAG_MS ((int64_t)24 * 60 * 60 * 1000)

typedef struct config_list {
    ksi_topic_config *items;
    size_t count;
    size_t capacity;
    char number[24]; /* a value that is made here */
} config_list;

static void put(config_list *list, const char *name, const char *value)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].name, name) == 0) {
            list->items[i].value = value;
            return;
        }
    }
    list->items = ksi_grow(list->items, &list->capacity, list->count + 1, sizeof *list->items);
    list->items[list->count++] = (ksi_topic_config){.name = name, .value = value};
}

static void put_all(config_list *list, const ks_topic_config *configs)
{
    for (; configs != NULL && configs->name != NULL; configs++) {
        put(list, configs->name, configs->value);
    }
}

static void put_properties(config_list *list, const ks_config *config)
{
    static const char prefix[] = "topic.";
    const char *name = NULL;
    const char *value = NULL;
    for (size_t i = 0; ksi_config_at(config, &i, &name, &value); i++) {
        if (strncmp(name, prefix, sizeof prefix - 1) == 0) {
            put(list, name + sizeof prefix - 1, value);
        }
    }
}

/* The retention of a store and some more. */
static void put_retention(config_list *list, const char *name, const ksi_store_spec *store,
                          int64_t more_ms)
{
    int64_t sum_ms =
        store->retention_ms < INT64_MAX - more_ms ? store->retention_ms + more_ms : INT64_MAX;
    (void)snprintf(list->number, sizeof list->number, "%" PRId64, sum_ms);
    put(list, name, list->number);
}

/*
 * As Java: what follows from the retention goes over the properties, and only the program's own
 * word for this store goes over it.
 */
static void find_changelog_configs(config_list *list, const ksi_store_spec *store,
                                   const ks_config *config)
{
    bool is_windowed = store->kind == KSI_STORE_WINDOW || store->kind == KSI_STORE_SESSION;
    put_all(list, is_windowed ? windowed_configs : changelog_configs);
    put_properties(list, config);
    if (store->kind == KSI_STORE_VERSIONED) {
        put_retention(list, "min.compaction.lag.ms", store, VERSIONED_EXTRA_LAG_MS);
    } else if (is_windowed) {
        put_retention(list, "retention.ms", store,
                      ksi_config_i64(config, "windowstore.changelog.additional.retention.ms"));
    }
    put_all(list, store->changelog_config);
}

static void find_configs(config_list *list, const ksi_needed_topic *needed, const ks_config *config)
{
    if (needed->store != NULL) {
        find_changelog_configs(list, needed->store, config);
        return;
    }
    put_all(list, repartition_configs);
    put_properties(list, config);
}

/* ---- making ---------------------------------------------------------------------------------- */

static ks_status create(const ksi_needed_topic *needed, const ks_config *config,
                        ksi_transport *transport, ks_error *error)
{
    config_list list = {0};
    find_configs(&list, needed, config);
    const ksi_topic_spec spec = {.name = needed->topic,
                                 .partitions = needed->partitions,
                                 .replication_factor =
                                     (int16_t)ksi_config_i32(config, "replication.factor"),
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
        int32_t partitions = 0;
        KS_TRY(transport->class->partition_count(transport, needed->topic, &partitions, error));
        KS_TRY(check_existing(needed, partitions, error));
    }
    for (size_t i = 0; i < assignment->needed_topic_count; i++) {
        const ksi_needed_topic *needed = &assignment->needed_topics[i];
        int32_t partitions = 0;
        KS_TRY(transport->class->partition_count(transport, needed->topic, &partitions, error));
        if (partitions > 0) {
            continue;
        }
        KS_TRY(create(needed, config, transport, error));
        ksi_log(logger, KS_LOG_LEVEL_INFO, needed->topic, "created the %s topic, partitions %d",
                needed->kind, needed->partitions);
    }
    return KS_OK;
}
