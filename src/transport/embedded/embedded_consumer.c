/* SPDX-License-Identifier: Apache-2.0 */
/*
 * embedded_consumer.c - reading the log in memory, and sleeping until it grows.
 *
 * A slot is a partition and a cursor into it. Polling takes no lock and copies no bytes
 * (partition.h says why that is safe), so what a poll returned stays valid as long as the log.
 *
 * Sleeping. The consumer raises `watchers` of its watched partitions, looks once more whether one
 * of them has records, and sleeps on the log's condition; both happen under `wait_lock`, which a
 * writer that saw a watcher takes before it wakes. So no record can slip in between the look and
 * the sleep.
 *
 * Thread rule: the consumer's owner; wake() any thread.
 */
#include "transport/embedded/embedded_log.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"

typedef struct consumer_slot {
    ksi_partition *partition;
    ksi_partition_cursor cursor;
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

static ks_status consumer_assign(ksi_consumer *self, ksi_topic_partition at, int64_t offset,
                                 size_t *slot, ks_error *error)
{
    embedded_consumer *consumer = consumer_of(self);
    ksi_partition *partition = NULL;
    KS_TRY(ksi_embedded_log_partition(consumer->log, at, &partition, error));
    if (offset < 0) {
        return ksi_error_set(error, KS_E_ARGUMENT, at.topic,
                             "reading cannot begin at offset %lld; offsets begin at 0",
                             (long long)offset);
    }
    consumer->slots = ksi_grow(consumer->slots, &consumer->slot_capacity, consumer->slot_count + 1,
                               sizeof *consumer->slots);
    *slot = consumer->slot_count++;
    consumer->slots[*slot] = (consumer_slot){
        .partition = partition, .cursor = ksi_partition_seek(offset), .watched = true};
    return KS_OK;
}

static ks_status consumer_poll(ksi_consumer *self, size_t slot, ks_log_record *records,
                               size_t capacity, size_t *count, ks_error *error)
{
    (void)error;
    embedded_consumer *consumer = consumer_of(self);
    KSI_ASSERT(slot < consumer->slot_count);
    consumer_slot *from = &consumer->slots[slot];
    *count = ksi_partition_read(from->partition, &from->cursor, records, capacity);
    return KS_OK;
}

static void consumer_watch(ksi_consumer *self, size_t slot, bool watched)
{
    KSI_ASSERT(slot < consumer_of(self)->slot_count);
    consumer_of(self)->slots[slot].watched = watched;
}

static int64_t consumer_position(ksi_consumer *self, size_t slot)
{
    KSI_ASSERT(slot < consumer_of(self)->slot_count);
    return consumer_of(self)->slots[slot].cursor.offset;
}

static int64_t consumer_end_offset(ksi_consumer *self, size_t slot)
{
    KSI_ASSERT(slot < consumer_of(self)->slot_count);
    return ksi_partition_end(consumer_of(self)->slots[slot].partition);
}

/* ---- waiting --------------------------------------------------------------------------------- */

static bool has_records(embedded_consumer *consumer)
{
    for (size_t i = 0; i < consumer->slot_count; i++) {
        consumer_slot *slot = &consumer->slots[i];
        if (slot->watched && ksi_partition_end(slot->partition) > slot->cursor.offset) {
            return true;
        }
    }
    return false;
}

static void count_as_watcher(embedded_consumer *consumer, int by)
{
    for (size_t i = 0; i < consumer->slot_count; i++) {
        if (consumer->slots[i].watched) {
            atomic_fetch_add(&consumer->slots[i].partition->watchers, by);
        }
    }
}

static int64_t now_ms(void)
{
    return ksi_system_clock.monotonic_ns(&ksi_system_clock) / 1000000;
}

static void consumer_wait(ksi_consumer *self, int64_t timeout_ms)
{
    embedded_consumer *consumer = consumer_of(self);
    ksi_embedded_log *log = consumer->log;
    /* A thread sleeps in the time of the machine, whatever clock its application goes by. */
    int64_t deadline = timeout_ms >= 0 ? now_ms() + timeout_ms : 0;
    ksi_mutex_lock(&log->wait_lock);
    count_as_watcher(consumer, 1);
    while (!consumer->woken && !has_records(consumer)) {
        int64_t left = timeout_ms < 0 ? -1 : deadline - now_ms();
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
    consumer->log->transport.class->release(&consumer->log->transport);
    ksi_free(consumer->slots);
    ksi_free(consumer);
}

static const ksi_consumer_class embedded_consumer_class = {
    .assign = consumer_assign,
    .poll = consumer_poll,
    .watch = consumer_watch,
    .wait = consumer_wait,
    .wake = consumer_wake,
    .position = consumer_position,
    .end_offset = consumer_end_offset,
    .close = consumer_close,
};

ksi_consumer *ksi_embedded_consumer_open(ksi_transport *transport, ks_error *error)
{
    (void)error;
    embedded_consumer *consumer = ksi_calloc(1, sizeof *consumer);
    consumer->consumer.class = &embedded_consumer_class;
    consumer->log = (ksi_embedded_log *)transport;
    transport->class->retain(transport);
    return &consumer->consumer;
}
