/* SPDX-License-Identifier: Apache-2.0 */
/*
 * embedded_log.c - life and topics of the log in this process; embedded_log.h has the rules.
 *
 * Thread rule: any thread. Visitors are called without the lock: they may ask the log for more.
 */
#include "transport/embedded/embedded_log.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/*
 * Bounded so that a slip in a configuration cannot eat the machine; a broker has such a bound, too.
 */
#define MAX_PARTITIONS 100000

/* ---- life ------------------------------------------------------------------------------------ */

static void release_topic(void *pointer)
{
    ksi_embedded_topic_release(pointer);
}

static void free_transactional(void *pointer)
{
    ksi_transactional_id *id = pointer;
    ksi_free(id->name);
    ksi_free(id);
}

static void log_retain(ksi_transport *transport)
{
    atomic_fetch_add(&ksi_embedded_log_of(transport)->references, 1);
}

static void log_release(ksi_transport *transport)
{
    ksi_embedded_log *log = ksi_embedded_log_of(transport);
    if (atomic_fetch_sub(&log->references, 1) > 1) {
        return;
    }
    ksi_map_free(log->topics, release_topic);
    ksi_group_offsets_free(log->groups);
    ksi_map_free(log->transactional, free_transactional);
    ksi_coordinator_free(log->coordinator);
    ksi_mutex_destroy(&log->lock);
    ksi_mutex_destroy(&log->wait_lock);
    ksi_condition_destroy(&log->changed);
    ksi_free(log);
}

void ksi_embedded_log_notify(ksi_embedded_log *log)
{
    ksi_mutex_lock(&log->wait_lock);
    ksi_condition_wake_all(&log->changed);
    ksi_mutex_unlock(&log->wait_lock);
}

/* ---- finding --------------------------------------------------------------------------------- */

ksi_embedded_topic *ksi_embedded_log_topic(ksi_embedded_log *log, const char *name)
{
    ksi_mutex_lock(&log->lock);
    ksi_embedded_topic *topic = ksi_map_get_cstr(log->topics, name);
    if (topic != NULL) {
        (void)ksi_embedded_topic_retain(topic);
    }
    ksi_mutex_unlock(&log->lock);
    return topic;
}

ks_status ksi_embedded_log_find(ksi_embedded_log *log, ksi_topic_partition at,
                                ksi_embedded_topic **topic, ks_error *error)
{
    *topic = ksi_embedded_log_topic(log, at.topic);
    if (*topic == NULL) {
        return ksi_embedded_topic_unknown(at.topic, error);
    }
    ks_status status = ksi_embedded_topic_check_partition(*topic, at.partition, error);
    if (status != KS_OK) {
        ksi_embedded_topic_release(*topic);
        *topic = NULL;
    }
    return status;
}

static int32_t log_partition_count(ksi_transport *transport, const char *name)
{
    ksi_embedded_topic *topic = ksi_embedded_log_topic(ksi_embedded_log_of(transport), name);
    int32_t count = topic != NULL ? topic->partition_count : 0;
    ksi_embedded_topic_release(topic);
    return count;
}

static int compare_topics(const void *a, const void *b)
{
    const ksi_embedded_topic *const *left = a;
    const ksi_embedded_topic *const *right = b;
    return strcmp((*left)->name, (*right)->name);
}

static void log_each_topic(ksi_transport *transport, ksi_topic_visit_fn *visit, void *user)
{
    ksi_embedded_log *log = ksi_embedded_log_of(transport);
    ksi_mutex_lock(&log->lock);
    size_t count = 0;
    ksi_embedded_topic **topics = ksi_calloc(ksi_map_count(log->topics) + 1, sizeof *topics);
    void *topic = NULL;
    for (size_t at = 0; ksi_map_at(log->topics, &at, NULL, &topic); at++) {
        topics[count++] = ksi_embedded_topic_retain(topic);
    }
    ksi_mutex_unlock(&log->lock);
    qsort(topics, count, sizeof(ksi_embedded_topic *), compare_topics);
    for (size_t i = 0; i < count; i++) {
        visit(user, topics[i]->name);
        ksi_embedded_topic_release(topics[i]);
    }
    ksi_free(topics);
}

/* ---- topics ---------------------------------------------------------------------------------- */

static ks_status make_topic(const ksi_topic_spec *spec, ksi_embedded_topic **made, ks_error *error)
{
    ksi_embedded_topic *topic = ksi_embedded_topic_new(spec->name, spec->partitions);
    ks_status status = KS_OK;
    for (size_t i = 0; i < spec->config_count && status == KS_OK; i++) {
        status = ksi_topic_config_put(&topic->config, spec->name, &spec->configs[i], error);
    }
    for (int32_t i = 0; i < spec->partitions && status == KS_OK; i++) {
        topic->partitions[i] = ksi_memory_partition_new(i);
    }
    if (status != KS_OK) {
        ksi_embedded_topic_release(topic);
        topic = NULL;
    }
    *made = topic;
    return status;
}

static ks_status log_create_topic(ksi_transport *transport, const ksi_topic_spec *spec,
                                  ks_error *error)
{
    ksi_embedded_log *log = ksi_embedded_log_of(transport);
    KS_TRY(ksi_topic_name_check(spec->name, error));
    if (spec->partitions < 1 || spec->partitions > MAX_PARTITIONS) {
        return ksi_error_set(error, KS_E_ARGUMENT, spec->name,
                             "a topic has between 1 and %d partitions; %d were asked for",
                             MAX_PARTITIONS, spec->partitions);
    }
    ksi_mutex_lock(&log->lock);
    ksi_embedded_topic *topic = ksi_map_get_cstr(log->topics, spec->name);
    ks_status status = KS_OK;
    if (topic == NULL) {
        status = make_topic(spec, &topic, error);
        if (status == KS_OK) {
            (void)ksi_map_put_cstr(log->topics, spec->name, topic);
        }
    } else if (topic->partition_count != spec->partitions) {
        status = ksi_error_set(error, KS_E_ARGUMENT, spec->name,
                               "the topic exists with %d partitions; it cannot be created with %d",
                               topic->partition_count, spec->partitions);
    }
    ksi_mutex_unlock(&log->lock);
    return status;
}

static ks_status log_delete_topic(ksi_transport *transport, const char *name, ks_error *error)
{
    ksi_embedded_log *log = ksi_embedded_log_of(transport);
    ksi_mutex_lock(&log->lock);
    ksi_embedded_topic *topic = ksi_map_remove(log->topics, ks_slice_cstr(name));
    if (topic != NULL) {
        atomic_store(&topic->is_deleted, true);
        ksi_group_offsets_remove_topic(log->groups, name);
    }
    ksi_mutex_unlock(&log->lock);
    if (topic == NULL) {
        return ksi_embedded_topic_unknown(name, error);
    }
    ksi_embedded_topic_release(topic);
    ksi_embedded_log_notify(log); /* who waits for its records waits in vain */
    return KS_OK;
}

/* What a visitor will be shown, copied while the lock was held. */
typedef struct config_list {
    ks_arena arena;
    ksi_topic_config configs[KSI_TOPIC_CONFIGS];
    bool is_default[KSI_TOPIC_CONFIGS];
    size_t count;
} config_list;

static void note_config(void *user, const ksi_topic_config *config, bool is_default)
{
    config_list *list = user;
    list->configs[list->count] = (ksi_topic_config){
        .name = config->name, .value = ksi_arena_strdup(&list->arena, config->value)};
    list->is_default[list->count++] = is_default;
}

static ks_status log_each_config(ksi_transport *transport, const char *name,
                                 ksi_config_visit_fn *visit, void *user, ks_error *error)
{
    ksi_embedded_log *log = ksi_embedded_log_of(transport);
    ksi_embedded_topic *topic = ksi_embedded_log_topic(log, name);
    if (topic == NULL) {
        return ksi_embedded_topic_unknown(name, error);
    }
    config_list list = {0};
    ksi_arena_init(&list.arena, 0);
    ksi_mutex_lock(&log->lock);
    ksi_topic_config_each(&topic->config, note_config, &list);
    ksi_mutex_unlock(&log->lock);
    for (size_t i = 0; i < list.count; i++) {
        visit(user, &list.configs[i], list.is_default[i]);
    }
    ksi_arena_destroy(&list.arena);
    ksi_embedded_topic_release(topic);
    return KS_OK;
}

static ks_status log_set_config(ksi_transport *transport, const char *name,
                                const ksi_topic_config *config, ks_error *error)
{
    ksi_embedded_log *log = ksi_embedded_log_of(transport);
    ksi_mutex_lock(&log->lock);
    ksi_embedded_topic *topic = ksi_map_get_cstr(log->topics, name);
    ks_status status = topic != NULL ? ksi_topic_config_put(&topic->config, name, config, error)
                                     : ksi_embedded_topic_unknown(name, error);
    ksi_mutex_unlock(&log->lock);
    return status;
}

/* ---- offsets --------------------------------------------------------------------------------- */

static ks_status log_offsets(ksi_transport *transport, ksi_topic_partition at, int64_t *begin,
                             int64_t *end, ks_error *error)
{
    ksi_embedded_topic *topic = NULL;
    KS_TRY(ksi_embedded_log_find(ksi_embedded_log_of(transport), at, &topic, error));
    *begin = ksi_partition_begin(topic->partitions[at.partition]);
    *end = ksi_partition_end(topic->partitions[at.partition]);
    ksi_embedded_topic_release(topic);
    return KS_OK;
}

static ks_status log_offset_at(ksi_transport *transport, ksi_topic_partition at, int64_t timestamp,
                               int64_t *offset, ks_error *error)
{
    ksi_embedded_topic *topic = NULL;
    KS_TRY(ksi_embedded_log_find(ksi_embedded_log_of(transport), at, &topic, error));
    ksi_partition *partition = topic->partitions[at.partition];
    ks_status status = partition->class->offset_at(partition, timestamp, offset, error);
    ksi_embedded_topic_release(topic);
    return status;
}

static ks_status log_partition_bytes(ksi_transport *transport, ksi_topic_partition at,
                                     int64_t *bytes, ks_error *error)
{
    ksi_embedded_topic *topic = NULL;
    KS_TRY(ksi_embedded_log_find(ksi_embedded_log_of(transport), at, &topic, error));
    ksi_partition *partition = topic->partitions[at.partition];
    *bytes = partition->class->bytes(partition);
    ksi_embedded_topic_release(topic);
    return KS_OK;
}

static ks_status delete_records_locked(ksi_partition *partition, const char *topic, int64_t before,
                                       ks_error *error)
{
    if (before < 0 || before > ksi_partition_end(partition)) {
        return ksi_error_set(error, KS_E_OUT_OF_RANGE, topic,
                             "partition %d ends at offset %lld; records before %lld cannot be "
                             "deleted",
                             partition->number, (long long)ksi_partition_end(partition),
                             (long long)before);
    }
    if (before > ksi_partition_begin(partition)) {
        partition->class->stage_begin(partition, before);
        partition->class->publish(partition);
    }
    return KS_OK;
}

static ks_status log_delete_records(ksi_transport *transport, ksi_topic_partition at,
                                    int64_t before, ks_error *error)
{
    ksi_embedded_log *log = ksi_embedded_log_of(transport);
    ksi_embedded_topic *topic = NULL;
    KS_TRY(ksi_embedded_log_find(log, at, &topic, error));
    ksi_mutex_lock(&log->lock);
    ks_status status =
        delete_records_locked(topic->partitions[at.partition], at.topic, before, error);
    ksi_mutex_unlock(&log->lock);
    ksi_embedded_topic_release(topic);
    return status;
}

/* ---- the class ------------------------------------------------------------------------------- */

static const ksi_transport_class embedded_class = {
    .retain = log_retain,
    .release = log_release,
    .create_topic = log_create_topic,
    .delete_topic = log_delete_topic,
    .partition_count = log_partition_count,
    .each_topic = log_each_topic,
    .each_config = log_each_config,
    .set_config = log_set_config,
    .offsets = log_offsets,
    .offset_at = log_offset_at,
    .partition_bytes = log_partition_bytes,
    .delete_records = log_delete_records,
    .committed = ksi_embedded_committed,
    .commit_offsets = ksi_embedded_commit_offsets,
    .each_group = ksi_embedded_each_group,
    .each_offset = ksi_embedded_each_offset,
    .delete_group = ksi_embedded_delete_group,
    .join = ksi_embedded_join,
    .open_consumer = ksi_embedded_consumer_open,
    .open_producer = ksi_embedded_producer_open,
};

ksi_transport *ksi_embedded_log_new(void)
{
    ksi_embedded_log *log = ksi_calloc(1, sizeof *log);
    log->transport.class = &embedded_class;
    atomic_init(&log->references, 1);
    ksi_mutex_init(&log->lock);
    ksi_mutex_init(&log->wait_lock);
    ksi_condition_init(&log->changed);
    log->coordinator = ksi_coordinator_new();
    log->topics = ksi_map_new();
    log->groups = ksi_group_offsets_new();
    log->transactional = ksi_map_new();
    return &log->transport;
}
