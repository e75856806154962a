/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capture.c - see capture.h.
 */
#include "testing/capture.h"

#include "base/error.h"
#include "base/memory.h"
#include "serde/headers.h"

static ksi_captured_topic *add_topic(ksi_capture *capture, const char *name)
{
    ksi_captured_topic *topic = ksi_calloc(1, sizeof *topic);
    topic->name = ksi_arena_strdup(&capture->arena, name);
    ksi_map_put_cstr(capture->topics_by_name, name, topic);
    capture->topics = ksi_grow(capture->topics, &capture->topic_capacity, capture->topic_count + 1,
                               sizeof(ksi_captured_topic *));
    size_t at = capture->topic_count++;
    while (at > 0 && strcmp(capture->topics[at - 1]->name, name) > 0) {
        capture->topics[at] = capture->topics[at - 1];
        at--;
    }
    capture->topics[at] = topic;
    return topic;
}

const ks_log_record *ksi_capture_add(ksi_capture *capture, const char *name,
                                     const ks_log_record *record)
{
    ksi_captured_topic *topic = ksi_map_get_cstr(capture->topics_by_name, name);
    if (topic == NULL) {
        topic = add_topic(capture, name);
    }
    ks_log_record kept = *record;
    kept.key = ksi_arena_copy(&capture->arena, record->key);
    kept.value = ksi_arena_copy(&capture->arena, record->value);
    kept.headers = ksi_headers_copy(&capture->arena, record->headers);
    kept.offset = (int64_t)topic->count;

    topic->records =
        ksi_grow(topic->records, &topic->capacity, topic->count + 1, sizeof *topic->records);
    topic->records[topic->count] = kept;
    capture->order = ksi_grow(capture->order, &capture->order_capacity, capture->order_count + 1,
                              sizeof *capture->order);
    capture->order[capture->order_count++] = (ksi_captured){.topic = topic, .index = topic->count};
    return &topic->records[topic->count++];
}

static ks_status capture_send(ksi_producer *producer, uint32_t sender, const char *name,
                              const ks_log_record *record, ks_error *error)
{
    (void)sender;
    (void)error;
    (void)ksi_capture_add((ksi_capture *)producer, name, record);
    return KS_OK;
}

static ks_status capture_partition_count(ksi_producer *producer, const char *topic, int32_t *count,
                                         ks_error *error)
{
    (void)producer;
    (void)topic;
    (void)error;
    *count = 1;
    return KS_OK;
}

static ks_status capture_flush(ksi_producer *producer, ks_error *error)
{
    (void)producer;
    (void)error;
    return KS_OK;
}

static ks_status capture_poll(ksi_producer *producer, int64_t now_ns, int64_t *next_ns,
                              ks_error *error)
{
    (void)producer;
    (void)now_ns;
    (void)error;
    *next_ns = -1; /* send() leaves nothing behind */
    return KS_OK;
}

static size_t capture_pending_bytes(const ksi_producer *producer)
{
    (void)producer;
    return 0;
}

static int64_t capture_last_offset(ksi_producer *producer, ksi_topic_partition partition)
{
    const ksi_captured_topic *topic =
        ksi_capture_topic((const ksi_capture *)producer, partition.topic);
    return topic != NULL ? (int64_t)topic->count - 1 : -1;
}

static void capture_close(ksi_producer *producer)
{
    (void)producer; /* it is part of its driver */
}

static const ksi_producer_class capture_class = {.send = capture_send,
                                                 .partition_count = capture_partition_count,
                                                 .poll = capture_poll,
                                                 .pending_bytes = capture_pending_bytes,
                                                 .flush = capture_flush,
                                                 .last_offset = capture_last_offset,
                                                 .close = capture_close};

void ksi_capture_init(ksi_capture *capture)
{
    *capture =
        (ksi_capture){.producer = {.class = &capture_class}, .topics_by_name = ksi_map_new()};
    ksi_arena_init(&capture->arena, 0);
}

void ksi_capture_destroy(ksi_capture *capture)
{
    for (size_t i = 0; i < capture->topic_count; i++) {
        ksi_free(capture->topics[i]->records);
        ksi_free(capture->topics[i]);
    }
    ksi_free(capture->topics);
    ksi_free(capture->order);
    ksi_map_free(capture->topics_by_name, NULL);
    ksi_arena_destroy(&capture->arena);
}

const ksi_captured_topic *ksi_capture_topic(const ksi_capture *capture, const char *name)
{
    return ksi_map_get_cstr(capture->topics_by_name, name);
}
