/* SPDX-License-Identifier: Apache-2.0 */
/*
 * embedded_log.c - topics and group offsets of the log in memory; embedded_log.h has the rules.
 *
 * Group offsets live here, beside the records, so that an application that is closed and made anew
 * on the same log goes on where it stopped, exactly as it would with a broker.
 */
#include "transport/embedded/embedded_log.h"

#include "base/buffer.h"
#include "base/error.h"
#include "base/memory.h"

#include <stdlib.h>

/*
 * Bounded so that a slip in a configuration cannot eat the machine; a broker has such a bound, too.
 */
#define MAX_PARTITIONS 100000

static ksi_embedded_log *log_of(ksi_transport *transport)
{
    return (ksi_embedded_log *)transport;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void free_topic(void *pointer)
{
    ksi_embedded_topic *topic = pointer;
    for (int32_t i = 0; i < topic->partition_count; i++) {
        ksi_partition_destroy(&topic->partitions[i]);
    }
    ksi_free(topic->name);
    ksi_free(topic);
}

static void log_retain(ksi_transport *transport)
{
    atomic_fetch_add(&log_of(transport)->references, 1);
}

static void log_release(ksi_transport *transport)
{
    ksi_embedded_log *log = log_of(transport);
    if (atomic_fetch_sub(&log->references, 1) > 1) {
        return;
    }
    ksi_map_free(log->topics, free_topic);
    ksi_map_free(log->offsets, ksi_free);
    ksi_map_free(log->members, NULL);
    ksi_mutex_destroy(&log->lock);
    ksi_mutex_destroy(&log->wait_lock);
    ksi_condition_destroy(&log->changed);
    ksi_free(log);
}

/* ---- topics ---------------------------------------------------------------------------------- */

ksi_embedded_topic *ksi_embedded_log_topic(ksi_embedded_log *log, const char *name)
{
    ksi_mutex_lock(&log->lock);
    ksi_embedded_topic *topic = ksi_map_get_cstr(log->topics, name);
    ksi_mutex_unlock(&log->lock);
    return topic;
}

static ksi_embedded_topic *new_topic(const char *name, int32_t partitions)
{
    ksi_embedded_topic *topic =
        ksi_alloc(sizeof *topic + (size_t)partitions * sizeof topic->partitions[0]);
    topic->name = ksi_strdup(name);
    topic->partition_count = partitions;
    for (int32_t i = 0; i < partitions; i++) {
        ksi_partition_init(&topic->partitions[i], i);
    }
    return topic;
}

static ks_status log_create_topic(ksi_transport *transport, const char *name, int32_t partitions,
                                  ks_error *error)
{
    ksi_embedded_log *log = log_of(transport);
    KS_TRY(ksi_topic_name_check(name, error));
    if (partitions < 1 || partitions > MAX_PARTITIONS) {
        return ksi_error_set(error, KS_E_ARGUMENT, name,
                             "a topic has between 1 and %d partitions; %d were asked for",
                             MAX_PARTITIONS, partitions);
    }
    ksi_mutex_lock(&log->lock);
    ksi_embedded_topic *topic = ksi_map_get_cstr(log->topics, name);
    if (topic == NULL) {
        topic = new_topic(name, partitions);
        (void)ksi_map_put_cstr(log->topics, name, topic);
    }
    ksi_mutex_unlock(&log->lock);
    if (topic->partition_count != partitions) {
        return ksi_error_set(error, KS_E_ARGUMENT, name,
                             "the topic exists with %d partitions; it cannot be created with %d",
                             topic->partition_count, partitions);
    }
    return KS_OK;
}

static int32_t log_partition_count(ksi_transport *transport, const char *name)
{
    const ksi_embedded_topic *topic = ksi_embedded_log_topic(log_of(transport), name);
    return topic != NULL ? topic->partition_count : 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void log_each_topic(ksi_transport *transport, ksi_topic_visit_fn *visit, void *user)
{
    ksi_embedded_log *log = log_of(transport);
    ksi_mutex_lock(&log->lock);
    size_t count = 0;
    const char **names = ksi_calloc(ksi_map_count(log->topics) + 1, sizeof *names);
    void *topic = NULL;
    for (size_t at = 0; ksi_map_at(log->topics, &at, NULL, &topic); at++) {
        names[count++] = ((const ksi_embedded_topic *)topic)->name;
    }
    ksi_mutex_unlock(&log->lock);
    qsort(names, count, sizeof *names, compare_names);
    /* Without the lock: the visitor may ask the log for more. */
    for (size_t i = 0; i < count; i++) {
        visit(user, names[i]);
    }
    ksi_free(names);
}

ks_status ksi_embedded_log_partition(ksi_embedded_log *log, ksi_topic_partition at,
                                     ksi_partition **partition, ks_error *error)
{
    ksi_embedded_topic *topic = ksi_embedded_log_topic(log, at.topic);
    if (topic == NULL) {
        return ksi_error_set(error, KS_E_UNKNOWN_TOPIC, at.topic,
                             "the topic does not exist; create it first");
    }
    if (at.partition < 0 || at.partition >= topic->partition_count) {
        return ksi_error_set(error, KS_E_ARGUMENT, at.topic,
                             "the topic has partitions 0 to %d; there is no partition %d",
                             topic->partition_count - 1, at.partition);
    }
    *partition = &topic->partitions[at.partition];
    return KS_OK;
}

static ks_status log_offsets(ksi_transport *transport, ksi_topic_partition at, int64_t *begin,
                             int64_t *end, ks_error *error)
{
    ksi_partition *partition = NULL;
    KS_TRY(ksi_embedded_log_partition(log_of(transport), at, &partition, error));
    *begin = 0;
    *end = ksi_partition_end(partition);
    return KS_OK;
}

static ks_status log_offset_at(ksi_transport *transport, ksi_topic_partition at, int64_t timestamp,
                               int64_t *offset, ks_error *error)
{
    ksi_partition *partition = NULL;
    KS_TRY(ksi_embedded_log_partition(log_of(transport), at, &partition, error));
    *offset = ksi_partition_offset_at(partition, timestamp);
    return KS_OK;
}

/* ---- groups ---------------------------------------------------------------------------------- */

/* The key of a group's offset. NUL cannot be part of a group or a topic, so keys never meet. */
static ks_slice offset_key(ksi_buffer *buffer, const char *group, ksi_topic_partition partition)
{
    ksi_buffer_clear(buffer);
    ksi_buffer_append(buffer, group, strlen(group) + 1);
    ksi_buffer_append(buffer, partition.topic, strlen(partition.topic) + 1);
    ksi_buffer_append(buffer, &partition.partition, sizeof partition.partition);
    return ksi_buffer_slice(buffer);
}

static ks_status log_committed(ksi_transport *transport, const char *group,
                               ksi_group_offset *offsets, size_t count, ks_error *error)
{
    (void)error;
    ksi_embedded_log *log = log_of(transport);
    ksi_buffer key = {0};
    ksi_mutex_lock(&log->lock);
    for (size_t i = 0; i < count; i++) {
        const int64_t *offset =
            ksi_map_get(log->offsets, offset_key(&key, group, offsets[i].partition));
        offsets[i].offset = offset != NULL ? *offset : -1;
    }
    ksi_mutex_unlock(&log->lock);
    ksi_buffer_destroy(&key);
    return KS_OK;
}

static ks_status log_commit(ksi_transport *transport, const char *group,
                            const ksi_group_offset *offsets, size_t count, ks_error *error)
{
    ksi_embedded_log *log = log_of(transport);
    for (size_t i = 0; i < count; i++) {
        if (offsets[i].offset < 0) {
            return ksi_error_set(error, KS_E_ARGUMENT, offsets[i].partition.topic,
                                 "offset %lld cannot be committed; offsets begin at 0",
                                 (long long)offsets[i].offset);
        }
    }
    ksi_buffer key = {0};
    ksi_mutex_lock(&log->lock);
    for (size_t i = 0; i < count; i++) {
        ks_slice name = offset_key(&key, group, offsets[i].partition);
        int64_t *offset = ksi_map_get(log->offsets, name);
        if (offset == NULL) {
            offset = ksi_alloc(sizeof *offset);
            (void)ksi_map_put(log->offsets, name, offset);
        }
        *offset = offsets[i].offset;
    }
    ksi_mutex_unlock(&log->lock);
    ksi_buffer_destroy(&key);
    return KS_OK;
}

static ks_status log_join(ksi_transport *transport, const char *group, ks_error *error)
{
    ksi_embedded_log *log = log_of(transport);
    ksi_mutex_lock(&log->lock);
    bool taken = ksi_map_get_cstr(log->members, group) != NULL;
    if (!taken) {
        (void)ksi_map_put_cstr(log->members, group, log);
    }
    ksi_mutex_unlock(&log->lock);
    if (taken) {
        return ksi_error_set(error, KS_E_STATE, group,
                             "another application with this application.id works on the log; close "
                             "it first, or give this one its own id");
    }
    return KS_OK;
}

static void log_leave(ksi_transport *transport, const char *group)
{
    ksi_embedded_log *log = log_of(transport);
    ksi_mutex_lock(&log->lock);
    (void)ksi_map_remove(log->members, ks_slice_cstr(group));
    ksi_mutex_unlock(&log->lock);
}

void ksi_embedded_log_notify(ksi_embedded_log *log)
{
    ksi_mutex_lock(&log->wait_lock);
    ksi_condition_wake_all(&log->changed);
    ksi_mutex_unlock(&log->wait_lock);
}

static const ksi_transport_class embedded_class = {
    .retain = log_retain,
    .release = log_release,
    .create_topic = log_create_topic,
    .partition_count = log_partition_count,
    .each_topic = log_each_topic,
    .offsets = log_offsets,
    .offset_at = log_offset_at,
    .committed = log_committed,
    .commit = log_commit,
    .join = log_join,
    .leave = log_leave,
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
    log->topics = ksi_map_new();
    log->offsets = ksi_map_new();
    log->members = ksi_map_new();
    return &log->transport;
}
