/* SPDX-License-Identifier: Apache-2.0 */
/*
 * embedded_consumer.c - reading the log, and sleeping until it grows.
 *
 * A slot is a topic that is held, and a reader of one of its partitions. What a poll returned is
 * held by the reader until the slot is polled again.
 *
 * Sleeping. The consumer raises `watchers` of its watched partitions, looks once more whether one
 * of them has records, and sleeps on the log's condition; both happen under `wait_lock`, which a
 * writer that saw a watcher takes before it wakes. So no record can slip in between the look and
 * the sleep. A partition that cannot be read any more (its topic or its records were deleted) ends
 * a wait, too: the next poll says so.
 *
 * Thread rule: the consumer's owner; wake() any thread.
 */
#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "transport/embedded/embedded_log.h"

typedef struct consumer_slot {
    ksi_embedded_topic *topic; /* NULL: the slot is free */
    ksi_partition *partition;
    ksi_partition_reader *reader;
    bool watched;
} consumer_slot;

typedef struct embedded_consumer {
    ksi_consumer consumer; /* first */
    ksi_embedded_log *log;
    consumer_slot *slots;
    size_t slot_count;
    size_t slot_capacity;
    bool woken; /* guarded by the log's wait_lock */
} embedded_consumer;

static embedded_consumer *consumer_of(ksi_consumer *self)
{
    return (embedded_consumer *)self;
}

static consumer_slot *slot_of(ksi_consumer *self, size_t slot)
{
    embedded_consumer *consumer = consumer_of(self);
    KSI_ASSERT(slot < consumer->slot_count && consumer->slots[slot].topic != NULL);
    return &consumer->slots[slot];
}

/* ---- slots ----------------------------------------------------------------------------------- */

/* The number of a slot that nobody has. */
static size_t free_slot(embedded_consumer *consumer)
{
    for (size_t i = 0; i < consumer->slot_count; i++) {
        if (consumer->slots[i].topic == NULL) {
            return i;
        }
    }
    consumer->slots = ksi_grow(consumer->slots, &consumer->slot_capacity, consumer->slot_count + 1,
                               sizeof *consumer->slots);
    return consumer->slot_count++;
}

static ks_status consumer_assign(ksi_consumer *self, ksi_topic_partition at, int64_t offset,
                                 size_t *slot, ks_error *error)
{
    embedded_consumer *consumer = consumer_of(self);
    if (offset < 0) {
        return ksi_error_set(error, KS_E_ARGUMENT, at.topic,
                             "reading cannot begin at offset %lld; offsets begin at 0",
                             (long long)offset);
    }
    ksi_embedded_topic *topic = NULL;
    KS_TRY(ksi_embedded_log_find(consumer->log, at, &topic, error));
    ksi_partition *partition = topic->partitions[at.partition];
    *slot = free_slot(consumer);
    consumer->slots[*slot] =
        (consumer_slot){.topic = topic,
                        .partition = partition,
                        .reader = partition->class->open_reader(partition, offset),
                        .watched = true};
    return KS_OK;
}

static void consumer_unassign(ksi_consumer *self, size_t number)
{
    consumer_slot *slot = slot_of(self, number);
    slot->reader->class->close(slot->reader);
    ksi_embedded_topic_release(slot->topic);
    *slot = (consumer_slot){0};
}

static ks_status consumer_poll(ksi_consumer *self, size_t number, ks_log_record *records,
                               size_t capacity, size_t *count, ks_error *error)
{
    consumer_slot *slot = slot_of(self, number);
    *count = 0;
    if (atomic_load_explicit(&slot->topic->is_deleted, memory_order_relaxed)) {
        return ksi_embedded_topic_gone(slot->topic->name, error);
    }
    ks_status status = slot->reader->class->poll(slot->reader, records, capacity, count, error);
    if (status != KS_OK) {
        ksi_error_prefix(error, "reading topic %s: ", slot->topic->name);
    }
    return status;
}

static void consumer_watch(ksi_consumer *self, size_t slot, bool watched)
{
    slot_of(self, slot)->watched = watched;
}

static int64_t consumer_position(ksi_consumer *self, size_t slot)
{
    return slot_of(self, slot)->reader->position;
}

static int64_t consumer_end_offset(ksi_consumer *self, size_t slot)
{
    return ksi_partition_end(slot_of(self, slot)->partition);
}

/* ---- waiting --------------------------------------------------------------------------------- */

static bool has_news(embedded_consumer *consumer)
{
    for (size_t i = 0; i < consumer->slot_count; i++) {
        const consumer_slot *slot = &consumer->slots[i];
        if (slot->topic != NULL && slot->watched &&
            (ksi_partition_end(slot->partition) != slot->reader->position ||
             atomic_load(&slot->topic->is_deleted))) {
            return true;
        }
    }
    return false;
}

static void count_as_watcher(embedded_consumer *consumer, int by)
{
    for (size_t i = 0; i < consumer->slot_count; i++) {
        if (consumer->slots[i].topic != NULL && consumer->slots[i].watched) {
            atomic_fetch_add(&consumer->slots[i].partition->watchers, by);
        }
    }
}

static void consumer_wait(ksi_consumer *self, int64_t timeout_ms)
{
    embedded_consumer *consumer = consumer_of(self);
    ksi_embedded_log *log = consumer->log;
    /* A thread sleeps in the time of the machine, whatever clock its application goes by. */
    int64_t deadline = timeout_ms >= 0 ? ksi_monotonic_ms(&ksi_system_clock) + timeout_ms : 0;
    ksi_mutex_lock(&log->wait_lock);
    count_as_watcher(consumer, 1);
    while (!consumer->woken && !has_news(consumer)) {
        int64_t left = timeout_ms < 0 ? -1 : deadline - ksi_monotonic_ms(&ksi_system_clock);
        if (timeout_ms >= 0 && left <= 0) {
            break;
        }
        (void)ksi_condition_wait_for(&log->changed, &log->wait_lock, left);
    }
    consumer->woken = false;
    count_as_watcher(consumer, -1);
    ksi_mutex_unlock(&log->wait_lock);
}

static void consumer_wake(ksi_consumer *self)
{
    ksi_embedded_log *log = consumer_of(self)->log;
    ksi_mutex_lock(&log->wait_lock);
    consumer_of(self)->woken = true;
    ksi_condition_wake_all(&log->changed);
    ksi_mutex_unlock(&log->wait_lock);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void consumer_close(ksi_consumer *self)
{
    if (self == NULL) {
        return;
    }
    embedded_consumer *consumer = consumer_of(self);
    for (size_t i = 0; i < consumer->slot_count; i++) {
        if (consumer->slots[i].topic != NULL) {
            consumer_unassign(self, i);
        }
    }
    ksi_embedded_log_let_go(consumer->log);
    ksi_free(consumer->slots);
    ksi_free(consumer);
}

static const ksi_consumer_class embedded_consumer_class = {
    .assign = consumer_assign,
    .unassign = consumer_unassign,
    .poll = consumer_poll,
    .watch = consumer_watch,
    .wait = consumer_wait,
    .wake = consumer_wake,
    .position = consumer_position,
    .end_offset = consumer_end_offset,
    .close = consumer_close,
};

ksi_consumer *ksi_embedded_consumer_open(ksi_transport *transport, ksi_reads reads, ks_error *error)
{
    (void)reads;
    (void)error;
    embedded_consumer *consumer = ksi_calloc(1, sizeof *consumer);
    consumer->consumer.class = &embedded_consumer_class;
    consumer->log = ksi_embedded_log_of(transport);
    ksi_embedded_log_hold(consumer->log);
    return &consumer->consumer;
}
