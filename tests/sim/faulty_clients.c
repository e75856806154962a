/* SPDX-License-Identifier: Apache-2.0 */
/*
 * faulty_clients.c - producers and consumers of a faulty transport; see faulty_transport.h.
 */
#include "faulty_transport.h"

#include "base/check.h"
#include "base/error.h"
#include "base/memory.h"
#include "transport/linger.h"

#include <stdio.h>
#include <string.h>

/* A record that was sent since the last commit; only SABOTAGE_COMMIT_TWICE keeps them. */
typedef struct kept_record {
    char *topic;
    char *key;
    char *value;
    ks_log_record record;
} kept_record;

typedef struct faulty_producer {
    ksi_producer producer; /* first */
    faulty_transport *faulty;
    ksi_producer *inner; /* always with transactions */
    bool is_transactional;
    bool is_unsettled; /* the last commit was executed, and nobody was told */
    int64_t since_ns;  /* when the oldest gathered record came; -1: none */
    kept_record *kept;
    size_t kept_count;
    size_t kept_capacity;
} faulty_producer;

static faulty_producer *producer_of(ksi_producer *self)
{
    return (faulty_producer *)self;
}

/* ---- records that are sent twice ------------------------------------------------------------- */

static char *copy_slice(ks_slice slice)
{
    char *copy = ksi_alloc(slice.size + 1);
    if (slice.size > 0) {
        memcpy(copy, slice.data, slice.size);
    }
    return copy;
}

static void keep(faulty_producer *producer, const char *topic, const ks_log_record *record)
{
    producer->kept = ksi_grow(producer->kept, &producer->kept_capacity, producer->kept_count + 1,
                              sizeof *producer->kept);
    kept_record *kept = &producer->kept[producer->kept_count++];
    *kept = (kept_record){.topic = ksi_strdup(topic),
                          .key = copy_slice(record->key),
                          .value = copy_slice(record->value),
                          .record = *record};
    kept->record.headers = NULL;
    if (record->key.data != NULL) {
        kept->record.key.data = kept->key;
    }
    if (record->value.data != NULL) {
        kept->record.value.data = kept->value;
    }
}

static void forget_kept(faulty_producer *producer)
{
    for (size_t i = 0; i < producer->kept_count; i++) {
        ksi_free(producer->kept[i].topic);
        ksi_free(producer->kept[i].key);
        ksi_free(producer->kept[i].value);
    }
    producer->kept_count = 0;
}

static ks_status send_kept(faulty_producer *producer, ks_error *error)
{
    for (size_t i = 0; i < producer->kept_count; i++) {
        const kept_record *kept = &producer->kept[i];
        KS_TRY(producer->inner->class->send(producer->inner, 0, kept->topic, &kept->record, error));
    }
    return KS_OK;
}

/* ---- sending --------------------------------------------------------------------------------- */

static ks_status producer_send(ksi_producer *self, uint32_t sender, const char *topic,
                               const ks_log_record *record, ks_error *error)
{
    faulty_producer *producer = producer_of(self);
    faulty_transport *faulty = producer->faulty;
    KSI_CHECK(!producer->is_unsettled); /* nothing may be sent before the last commit is settled */
    faulty_fate fate = faulty_is_out(faulty) /* it is gathered, and waits */
                           ? FATE_DO
                           : faulty_draw(faulty, "send", faulty->odds.bad_send);
    KS_TRY(faulty_answer(fate, topic, error));
    if (faulty->sabotage == SABOTAGE_SEND_FORGETS && faulty_strikes(faulty, 50)) {
        return KS_OK;
    }
    if (faulty->sabotage == SABOTAGE_COMMIT_TWICE && producer->is_transactional) {
        keep(producer, topic, record);
    }
    KS_TRY(producer->inner->class->send(producer->inner, sender, topic, record, error));
    if (producer->since_ns < 0) {
        producer->since_ns = faulty->clock->monotonic_ns(faulty->clock);
    }
    return KS_OK;
}

static ks_status producer_partition_count(ksi_producer *self, const char *topic, int32_t *count,
                                          ks_error *error)
{
    faulty_producer *producer = producer_of(self);
    KS_TRY(faulty_reach(producer->faulty, topic, error));
    return producer->inner->class->partition_count(producer->inner, topic, count, error);
}

static size_t producer_pending_bytes(const ksi_producer *self)
{
    const ksi_producer *inner = ((const faulty_producer *)self)->inner;
    return inner->class->pending_bytes(inner);
}

static int64_t producer_last_offset(ksi_producer *self, ksi_topic_partition partition)
{
    ksi_producer *inner = producer_of(self)->inner;
    return inner->class->last_offset(inner, partition);
}

/* ---- without transactions -------------------------------------------------------------------- */

/* Writes what was gathered; what is refused stays gathered. */
static ks_status write_out(faulty_producer *producer, const char *what, ks_error *error)
{
    faulty_fate fate = faulty_draw_commit(producer->faulty, what);
    if (fate == FATE_FENCE) {
        fate = FATE_REFUSE; /* there is no id */
    }
    if (fate == FATE_DO || fate == FATE_DO_LOSE) {
        KS_TRY(producer->inner->class->commit(producer->inner, NULL, error));
        producer->since_ns = -1;
    }
    return faulty_answer(fate, what, error);
}

static ks_status producer_poll(ksi_producer *self, int64_t now_ns, int64_t *next_ns,
                               ks_error *error)
{
    faulty_producer *producer = producer_of(self);
    bool is_due = producer->since_ns >= 0 && now_ns >= producer->since_ns + KSI_LINGER_NS;
    *next_ns = -1;
    if (producer->is_transactional) {
        return KS_OK;
    }
    ks_status status = is_due ? write_out(producer, "poll-producer", error) : KS_OK;
    *next_ns = producer->since_ns >= 0 ? producer->since_ns + KSI_LINGER_NS : -1;
    return status;
}

static ks_status producer_flush(ksi_producer *self, ks_error *error)
{
    faulty_producer *producer = producer_of(self);
    bool forgets = producer->faulty->sabotage == SABOTAGE_FLUSH_FORGETS;
    bool is_idle = producer->is_transactional || producer->since_ns < 0 || forgets;
    return is_idle ? KS_OK : write_out(producer, "flush", error);
}

/* ---- with transactions ----------------------------------------------------------------------- */

static ks_status execute(faulty_producer *producer, const ksi_offset_commit *offsets,
                         ks_error *error)
{
    ksi_producer *inner = producer->inner;
    faulty_transport *faulty = producer->faulty;
    ksi_offset_commit what = *offsets;
    if (faulty->sabotage == SABOTAGE_NO_FENCING) {
        what.generation = NULL;
    }
    KS_TRY(inner->class->commit(inner, &what, error));
    producer->since_ns = -1;
    return KS_OK;
}

/* The right way but for one mistake each. */
static ks_status begin_commit(faulty_producer *producer, const ksi_offset_commit *offsets,
                              bool is_again, ks_error *error)
{
    faulty_transport *faulty = producer->faulty;
    if (faulty->sabotage == SABOTAGE_OFFSETS_FIRST) {
        KS_TRY(faulty->inner->class->commit_offsets(faulty->inner, offsets, error));
    }
    if (faulty->sabotage == SABOTAGE_COMMIT_TWICE && is_again) {
        KS_TRY(send_kept(producer, error));
    }
    return KS_OK;
}

static ks_status drop(faulty_producer *producer, ks_error *error)
{
    ksi_producer *inner = producer->inner;
    bool is_written =
        producer->is_transactional && producer->faulty->sabotage == SABOTAGE_ABORT_COMMITS;
    forget_kept(producer);
    producer->since_ns = -1;
    producer->is_unsettled = false;
    return is_written ? inner->class->commit(inner, NULL, error)
                      : inner->class->abort(inner, error);
}

static ks_status producer_commit(ksi_producer *self, const ksi_offset_commit *offsets,
                                 ks_error *error)
{
    faulty_producer *producer = producer_of(self);
    faulty_transport *faulty = producer->faulty;
    bool is_again = producer->is_unsettled;
    KS_TRY(begin_commit(producer, offsets, is_again, error));
    faulty_fate fate = faulty_draw_commit(faulty, "commit");
    if (is_again && !faulty->is_dead && fate != FATE_DO && fate != FATE_DO_LOSE) {
        fate = FATE_NOT_KNOWN; /* what was executed is not refused afterwards */
    }
    bool executes = fate == FATE_DO || fate == FATE_DO_LOSE;
    if (executes && (!is_again || faulty->sabotage == SABOTAGE_COMMIT_TWICE)) {
        KS_TRY(execute(producer, offsets, error));
        sim_trace_add(faulty->trace, faulty->name, "committed", (int64_t)offsets->count,
                      fate == FATE_DO);
    }
    producer->is_unsettled = fate == FATE_DO_LOSE || (is_again && fate != FATE_DO);
    if (fate == FATE_DO) {
        forget_kept(producer);
    }
    if (fate == FATE_REFUSE && faulty->sabotage == SABOTAGE_FALSE_SUCCESS) {
        return drop(producer, error);
    }
    return faulty_answer(fate, offsets->group, error);
}

static ks_status producer_abort(ksi_producer *self, ks_error *error)
{
    faulty_producer *producer = producer_of(self);
    if (producer->faulty->is_dead) {
        return faulty_answer(FATE_REFUSE, "abort", error);
    }
    return drop(producer, error);
}

/* ---- the life of a producer ------------------------------------------------------------------ */

static void producer_close(ksi_producer *self)
{
    faulty_producer *producer = producer_of(self);
    faulty_transport *faulty = producer->faulty;
    ks_status status = KS_OK;
    faulty_meanwhile(faulty);
    if (!producer->is_transactional && producer->since_ns >= 0 && !faulty->is_dead) {
        status = producer->inner->class->commit(producer->inner, NULL, NULL);
    } else if (producer->is_transactional && !producer->is_unsettled) {
        status = drop(producer, NULL);
    }
    (void)status; /* nobody to tell */
    forget_kept(producer);
    producer->inner->class->close(producer->inner);
    faulty_transport_release(faulty);
    ksi_free(producer->kept);
    ksi_free(producer);
}

static const ksi_producer_class faulty_producer_class = {
    .send = producer_send,
    .partition_count = producer_partition_count,
    .poll = producer_poll,
    .pending_bytes = producer_pending_bytes,
    .flush = producer_flush,
    .commit = producer_commit,
    .abort = producer_abort,
    .last_offset = producer_last_offset,
    .close = producer_close,
};

ksi_producer *faulty_producer_open(ksi_transport *transport, const ksi_producer_options *options,
                                   ks_error *error)
{
    const char *transactional_id = ksi_transactional_id_of(options);
    faulty_transport *faulty = (faulty_transport *)transport;
    char own_id[64];
    if (faulty_reach(faulty, "producer", error) != KS_OK) {
        return NULL;
    }
    (void)snprintf(own_id, sizeof own_id, "own-%s-%llu", faulty->name,
                   (unsigned long long)faulty->producers++);
    const ksi_producer_options with_id = {.transactional_id =
                                              transactional_id != NULL ? transactional_id : own_id};
    ksi_producer *inner = faulty->inner->class->open_producer(faulty->inner, &with_id, error);
    if (inner == NULL) {
        return NULL;
    }
    faulty_producer *producer = ksi_calloc(1, sizeof *producer);
    producer->producer.class = &faulty_producer_class;
    producer->faulty = faulty;
    producer->inner = inner;
    producer->is_transactional = transactional_id != NULL;
    producer->since_ns = -1;
    faulty->references++;
    return &producer->producer;
}

/* ---- consumers ------------------------------------------------------------------------------- */

typedef struct faulty_consumer {
    ksi_consumer consumer; /* first */
    faulty_transport *faulty;
    ksi_consumer *inner;
    int64_t *quiet_until_ns; /* by slot */
    size_t slot_count;
    size_t slot_capacity;
} faulty_consumer;

static faulty_consumer *consumer_of(ksi_consumer *self)
{
    return (faulty_consumer *)self;
}

static ks_status consumer_assign(ksi_consumer *self, ksi_topic_partition partition, int64_t offset,
                                 size_t *slot, ks_error *error)
{
    faulty_consumer *consumer = consumer_of(self);
    ksi_consumer *inner = consumer->inner;
    KS_TRY(inner->class->assign(inner, partition, offset, slot, error));
    while (consumer->slot_count <= *slot) {
        consumer->quiet_until_ns =
            ksi_grow(consumer->quiet_until_ns, &consumer->slot_capacity, consumer->slot_count + 1,
                     sizeof *consumer->quiet_until_ns);
        consumer->quiet_until_ns[consumer->slot_count++] = 0;
    }
    consumer->quiet_until_ns[*slot] = 0;
    return KS_OK;
}

static void consumer_unassign(ksi_consumer *self, size_t slot)
{
    ksi_consumer *inner = consumer_of(self)->inner;
    inner->class->unassign(inner, slot);
}

static ks_status consumer_poll(ksi_consumer *self, size_t slot, ks_log_record *records,
                               size_t capacity, size_t *count, ks_error *error)
{
    faulty_consumer *consumer = consumer_of(self);
    faulty_transport *faulty = consumer->faulty;
    faulty_meanwhile(faulty);
    int64_t now_ns = faulty->clock->monotonic_ns(faulty->clock);
    *count = 0;
    KS_TRY(faulty_answer(faulty_draw(faulty, "poll", faulty->odds.bad_poll), "poll", error));
    if (faulty_strikes(faulty, faulty->odds.quiet)) {
        int64_t ms = sim_random_between(faulty->random, 1, 200);
        consumer->quiet_until_ns[slot] = now_ns + ms * 1000000;
    }
    if (faulty->is_enabled && now_ns < consumer->quiet_until_ns[slot]) {
        return KS_OK;
    }
    ksi_consumer *inner = consumer->inner;
    KS_TRY(inner->class->poll(inner, slot, records, capacity, count, error));
    bool skips = *count > 0 && faulty->sabotage == SABOTAGE_POLL_SKIPS;
    if (skips && faulty_strikes(faulty, 200)) {
        (*count)--;
    }
    return KS_OK;
}

static void consumer_watch(ksi_consumer *self, size_t slot, bool watched)
{
    ksi_consumer *inner = consumer_of(self)->inner;
    inner->class->watch(inner, slot, watched);
}

static void consumer_wait(ksi_consumer *self, int64_t timeout_ms)
{
    ksi_consumer *inner = consumer_of(self)->inner;
    inner->class->wait(inner, timeout_ms);
}

static void consumer_wake(ksi_consumer *self)
{
    ksi_consumer *inner = consumer_of(self)->inner;
    inner->class->wake(inner);
}

static int64_t consumer_position(ksi_consumer *self, size_t slot)
{
    ksi_consumer *inner = consumer_of(self)->inner;
    return inner->class->position(inner, slot);
}

static int64_t consumer_end_offset(ksi_consumer *self, size_t slot)
{
    ksi_consumer *inner = consumer_of(self)->inner;
    return inner->class->end_offset(inner, slot);
}

static void consumer_close(ksi_consumer *self)
{
    faulty_consumer *consumer = consumer_of(self);
    consumer->inner->class->close(consumer->inner);
    faulty_transport_release(consumer->faulty);
    ksi_free(consumer->quiet_until_ns);
    ksi_free(consumer);
}

static const ksi_consumer_class faulty_consumer_class = {
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

ksi_consumer *faulty_consumer_open(ksi_transport *transport, ksi_reads reads, ks_error *error)
{
    faulty_transport *faulty = (faulty_transport *)transport;
    ksi_consumer *inner = faulty->inner->class->open_consumer(faulty->inner, reads, error);
    if (inner == NULL) {
        return NULL;
    }
    faulty_consumer *consumer = ksi_calloc(1, sizeof *consumer);
    consumer->consumer.class = &faulty_consumer_class;
    consumer->faulty = faulty;
    consumer->inner = inner;
    faulty->references++;
    return &consumer->consumer;
}
