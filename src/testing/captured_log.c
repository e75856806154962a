/* SPDX-License-Identifier: Apache-2.0 */
/*
 * captured_log.c - see captured_log.h.
 */
#include "testing/captured_log.h"

/* Both interfaces are members, so an object of either kind leads to its log. */
static ksi_captured_log *log_of_consumer(ksi_consumer *consumer)
{
    return (ksi_captured_log *)((char *)consumer - offsetof(ksi_captured_log, consumer));
}

static ks_status log_offsets(ksi_transport *transport, ksi_topic_partition partition,
                             int64_t *begin, int64_t *end, ks_error *error)
{
    const ksi_captured_log *log = (const ksi_captured_log *)transport;
    const ksi_captured_topic *topic = ksi_capture_topic(log->capture, partition.topic);
    (void)error;
    *begin = 0;
    *end = topic != NULL ? (int64_t)topic->count : 0;
    return KS_OK;
}

static ks_status log_committed(ksi_transport *transport, const char *group,
                               ksi_group_offset *offsets, size_t count, ks_arena *arena,
                               ks_error *error)
{
    const ksi_captured_log *log = (const ksi_captured_log *)transport;
    (void)group;
    (void)arena;
    (void)error;
    for (size_t i = 0; i < count; i++) {
        offsets[i].offset = log->committed;
    }
    return KS_OK;
}

static ks_status log_assign(ksi_consumer *consumer, ksi_topic_partition partition, int64_t offset,
                            size_t *slot, ks_error *error)
{
    ksi_captured_log *log = log_of_consumer(consumer);
    (void)error;
    log->reading = ksi_capture_topic(log->capture, partition.topic);
    log->next = offset;
    *slot = 0;
    return KS_OK;
}

static void log_unassign(ksi_consumer *consumer, size_t slot)
{
    (void)slot;
    log_of_consumer(consumer)->reading = NULL;
}

static ks_status log_poll(ksi_consumer *consumer, size_t slot, ks_log_record *records,
                          size_t capacity, size_t *count, ks_error *error)
{
    ksi_captured_log *log = log_of_consumer(consumer);
    const ksi_captured_topic *topic = log->reading;
    (void)slot;
    (void)error;
    *count = 0;
    while (topic != NULL && *count < capacity && log->next < (int64_t)topic->count) {
        records[(*count)++] = topic->records[log->next++];
    }
    return KS_OK;
}

static int64_t log_position(ksi_consumer *consumer, size_t slot)
{
    (void)slot;
    return log_of_consumer(consumer)->next;
}

static const ksi_transport_class transport_class = {.offsets = log_offsets,
                                                    .committed = log_committed};
static const ksi_consumer_class consumer_class = {
    .assign = log_assign, .unassign = log_unassign, .poll = log_poll, .position = log_position};

void ksi_captured_log_init(ksi_captured_log *log, const ksi_capture *capture, int64_t committed)
{
    *log = (ksi_captured_log){.transport = {.class = &transport_class},
                              .consumer = {.class = &consumer_class},
                              .capture = capture,
                              .committed = committed};
}
