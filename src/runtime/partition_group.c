/* SPDX-License-Identifier: Apache-2.0 */
/*
 * partition_group.c - see partition_group.h.
 */
#include "runtime/partition_group.h"

#include "base/error.h"
#include "base/java_hash.h"
#include "base/memory.h"

static int compare_heads(const void *a, const void *b)
{
    int64_t left = ksi_record_queue_head_timestamp(a);
    int64_t right = ksi_record_queue_head_timestamp(b);
    return left < right ? -1 : left > right;
}

void ksi_partition_group_init(ksi_partition_group *group, int64_t max_idle_ms)
{
    *group = (ksi_partition_group){.max_idle_ms = max_idle_ms, .stream_time = -1};
    ksi_heap_init(&group->by_time, compare_heads);
}

void ksi_partition_group_destroy(ksi_partition_group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        ksi_record_queue_destroy(group->queues[i]);
        ksi_free(group->queues[i]);
    }
    ksi_free(group->queues);
    ksi_free(group->idle_order);
    ksi_heap_destroy(&group->by_time);
}

/* ---- Java's order of the queues -------------------------------------------------------------- */

/* The table of new HashMap<TopicPartition, ...> with so many entries. */
static uint32_t buckets_for(size_t count)
{
    uint32_t buckets = 16;
    while (count * 4 > (size_t)buckets * 3) {
        buckets *= 2;
    }
    return buckets;
}

static uint32_t spread_hash(const char *topic, int32_t partition)
{
    uint32_t hash = 31u * (31u + (uint32_t)partition) + (uint32_t)ksi_java_string_hash(topic);
    return hash ^ (hash >> 16);
}

/*
 * By insertion, so that inputs of one bucket stay in the order in which they were added. Only the
 * new one is put in place, unless the table has grown for it: then all buckets are others.
 */
static void sort_idle_order(ksi_partition_group *group)
{
    uint32_t mask = buckets_for(group->count) - 1;
    bool grown = group->count == 1 || buckets_for(group->count - 1) - 1 != mask;
    group->idle_order = ksi_realloc(group->idle_order, group->count * sizeof *group->idle_order);
    for (size_t i = grown ? 0 : group->count - 1; i < group->count; i++) {
        uint32_t bucket = group->queues[i]->hash & mask;
        size_t at = i;
        while (at > 0 && (group->queues[group->idle_order[at - 1]]->hash & mask) > bucket) {
            group->idle_order[at] = group->idle_order[at - 1];
            at--;
        }
        group->idle_order[at] = i;
    }
}

ksi_record_queue *ksi_partition_group_add_queue(ksi_partition_group *group, const char *topic,
                                                int32_t partition)
{
    group->queues =
        ksi_grow(group->queues, &group->capacity, group->count + 1, sizeof(ksi_record_queue *));
    ksi_record_queue *queue = ksi_alloc(sizeof *queue);
    ksi_record_queue_init(queue);
    queue->topic = topic;
    queue->hash = spread_hash(topic, partition);
    group->queues[group->count++] = queue;
    sort_idle_order(group);
    return queue;
}

/* ---- in and out ------------------------------------------------------------------------------ */

/* @java PartitionGroup#setPartitionTime */
void ksi_partition_group_set_time(ksi_partition_group *group, size_t queue, int64_t timestamp)
{
    group->queues[queue]->partition_time = timestamp;
    if (group->stream_time < timestamp) {
        group->stream_time = timestamp;
    }
}

ks_status ksi_partition_group_enqueue(ksi_partition_group *group, size_t queue, const char *topic,
                                      const ks_log_record *record, ks_error *error)
{
    ksi_record_queue *to = group->queues[queue];
    size_t before = ksi_record_queue_size(to);
    ksi_record_queue_add(to, topic, record);
    KS_TRY(ksi_record_queue_update_head(to, error));
    size_t after = ksi_record_queue_size(to);
    if (before == 0 && after > 0) {
        ksi_heap_push(&group->by_time, to);
    }
    group->buffered += after - before;
    return KS_OK;
}

/* What one queue says: true to go on with the others. */
static bool may_go_on(const ksi_partition_group *group, ksi_record_queue *queue, ksi_clock *clock)
{
    if (ksi_record_queue_size(queue) > 0) {
        queue->idle_deadline_ms = -1;
        return true;
    }
    if (!queue->caught_up) {
        queue->idle_deadline_ms = -1;
        return false;
    }
    int64_t now_ms = ksi_wall_ms(clock);
    if (queue->idle_deadline_ms < 0) {
        queue->idle_deadline_ms = now_ms + group->max_idle_ms;
    }
    return now_ms >= queue->idle_deadline_ms;
}

bool ksi_partition_group_ready(ksi_partition_group *group, ksi_clock *clock)
{
    if (group->max_idle_ms < 0) {
        return group->buffered > 0;
    }
    for (size_t i = 0; i < group->count; i++) {
        if (!may_go_on(group, group->queues[group->idle_order[i]], clock)) {
            return false;
        }
    }
    return group->buffered > 0;
}

ks_status ksi_partition_group_next(ksi_partition_group *group, ksi_record_queue **queue,
                                   ksi_stamped_record *record, ks_error *error)
{
    ksi_record_queue *from = ksi_heap_pop(&group->by_time);
    *queue = from;
    if (from == NULL) {
        return KS_OK;
    }
    size_t before = ksi_record_queue_size(from);
    KS_TRY(ksi_record_queue_poll(from, record, error));
    size_t after = ksi_record_queue_size(from);
    group->buffered -= before - after;
    if (after > 0) {
        ksi_heap_push(&group->by_time, from);
    }
    if (!record->corrupted && record->record.timestamp > group->stream_time) {
        group->stream_time = record->record.timestamp;
    }
    return KS_OK;
}
