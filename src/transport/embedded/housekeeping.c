/* SPDX-License-Identifier: Apache-2.0 */
/*
 * housekeeping.c - see housekeeping.h.
 *
 * Thread rule: see housekeeping.h.
 */
#include "transport/embedded/housekeeping.h"

#include "base/error.h"
#include "base/memory.h"
#include "transport/embedded/compaction.h"

/* Kafka's log.retention.check.interval.ms. */
#define INTERVAL_MS ((int64_t)5 * 60 * 1000)

/* ---- a step ---------------------------------------------------------------------------------- */

typedef struct topic_list {
    ksi_embedded_topic **topics;
    size_t count;
} topic_list;

static topic_list all_topics(ksi_embedded_log *log)
{
    topic_list list = {.count = 0};
    ksi_mutex_lock(&log->lock);
    list.topics = ksi_calloc(ksi_map_count(log->topics) + 1, sizeof(ksi_embedded_topic *));
    void *topic = NULL;
    for (size_t at = 0; ksi_map_at(log->topics, &at, NULL, &topic); at++) {
        list.topics[list.count++] = ksi_embedded_topic_retain(topic);
    }
    ksi_mutex_unlock(&log->lock);
    return list;
}

static ks_status shorten(ksi_embedded_log *log, ksi_embedded_topic *topic, int32_t number,
                         int64_t now_ms, ksi_housekeeping *done, ks_error *error)
{
    ksi_partition *partition = topic->partitions[number];
    ks_status status = KS_OK;
    ksi_mutex_lock(&log->lock);
    if (!atomic_load(&topic->is_deleted)) {
        int64_t begin = partition->class->retained_from(partition, &topic->config.settings, now_ms);
        if (begin > ksi_partition_begin(partition)) {
            status = ksi_embedded_log_move_begin(log, partition, begin, error);
            done->partitions_shortened += status == KS_OK ? 1 : 0;
        }
    }
    ksi_mutex_unlock(&log->lock);
    return status;
}

static ks_status clean_topic(ksi_embedded_log *log, ksi_embedded_topic *topic, int64_t now_ms,
                             ksi_housekeeping *done, ks_error *error)
{
    ks_status status = KS_OK;
    for (int32_t i = 0; i < topic->partition_count; i++) {
        ks_error reason = {0};
        if (shorten(log, topic, i, now_ms, done, &reason) == KS_OK) {
            (void)!ksi_compact_partition(log, topic, i, now_ms, &done->segments_compacted, &reason);
        }
        if (reason.code != KS_OK && status == KS_OK) {
            status = reason.code;
            if (error != NULL) {
                *error = reason;
            }
        }
    }
    return status;
}

ks_status ksi_embedded_housekeep(ksi_embedded_log *log, int64_t now_ms, ksi_housekeeping *done,
                                 ks_error *error)
{
    *done = (ksi_housekeeping){0};
    ks_status status = KS_OK;
    topic_list list = all_topics(log);
    for (size_t i = 0; i < list.count; i++) {
        ks_error reason = {0};
        ks_status answer = clean_topic(log, list.topics[i], now_ms, done, &reason);
        if (answer != KS_OK && status == KS_OK) {
            status = answer;
            if (error != NULL) {
                *error = reason;
            }
        }
        ksi_embedded_topic_release(list.topics[i]);
    }
    ksi_free(list.topics);
    return status;
}

/* ---- the thread ------------------------------------------------------------------------------ */

static void keep_house(void *user)
{
    ksi_embedded_log *log = user;
    ksi_mutex_lock(&log->house_lock);
    while (!log->house_stops) {
        if (ksi_condition_wait_for(&log->house_changed, &log->house_lock, INTERVAL_MS)) {
            continue;
        }
        ksi_mutex_unlock(&log->house_lock);
        ksi_housekeeping done;
        ks_error reason = {0};
        if (ksi_embedded_housekeep(log, ksi_wall_ms(&ksi_system_clock), &done, &reason) != KS_OK &&
            log->directory != NULL) {
            ksi_log(&log->directory->logger, KS_LOG_LEVEL_WARN, reason.where,
                    "old records were not cleaned: %s", reason.message);
        }
        ksi_mutex_lock(&log->house_lock);
    }
    ksi_mutex_unlock(&log->house_lock);
}

void ksi_housekeeping_start(ksi_embedded_log *log)
{
    if (!log->housekeeper.started) {
        /* Without one, old records stay; the next topic tries again. */
        (void)ksi_thread_start(&log->housekeeper, "kstreams-log", keep_house, log);
    }
}

void ksi_housekeeping_stop(ksi_embedded_log *log)
{
    ksi_mutex_lock(&log->house_lock);
    log->house_stops = true;
    ksi_condition_wake_all(&log->house_changed);
    ksi_mutex_unlock(&log->house_lock);
    ksi_thread_join(&log->housekeeper);
}
