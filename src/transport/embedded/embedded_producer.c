/* SPDX-License-Identifier: Apache-2.0 */
/*
 * embedded_producer.c - gathering records in batches, and giving them to the log.
 *
 *     send -> batch of its partition -> (full, old, flush or commit) -> embedded_commit.c
 *
 * A task sends to few topics, one record after the other, so the producer remembers the topics it
 * met: a comparison of two short names instead of a lock and a look into the log's table. With each
 * partition it keeps the batch that grows and the offset of the last record it sent there, by which
 * a store knows its place in its changelog.
 *
 * Batches go to the log in the order in which they were begun, all that are there in one commit.
 * Their memory is used again, unless the log kept it.
 *
 * A topic that was deleted takes what was gathered for it along; flush() and commit() say so. The
 * rest of a flush is in the log all the same; of a transaction nothing is.
 *
 * Thread rule: the producer's owner.
 */
#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "transport/embedded/embedded_log.h"
#include "transport/linger.h"

#include <string.h>

/* More topics than this are found through a table. */
#define RECENT_TOPICS 8
/* Memory that is kept for the next batches. */
#define SPARE_BYTES ((size_t)16 * 1024 * 1024)

typedef struct known_partition {
    ksi_batch *batch;    /* that grows, one of the outgoing ones; NULL: none */
    int64_t last_offset; /* -1: nothing was sent there */
} known_partition;

typedef struct known_topic {
    ksi_embedded_topic *topic; /* a reference */
    size_t outgoing;           /* batches that are not in the log yet */
    known_partition partitions[];
} known_topic;

typedef struct outgoing_list {
    ksi_outgoing_batch *items; /* as the log wants them */
    known_topic **topics;      /* of each */
    size_t count;
    size_t item_capacity;
    size_t topic_capacity;
} outgoing_list;

typedef struct embedded_producer {
    ksi_producer producer; /* first */
    ksi_embedded_log *log;
    ksi_transactional_id *transaction; /* NULL: without transactions */
    uint64_t epoch;
    ksi_map *topics; /* name -> known_topic */
    known_topic *recent[RECENT_TOPICS];
    size_t next; /* which to forget next */

    outgoing_list outgoing; /* in the order in which they were begun */
    size_t pending_bytes;
    ksi_linger linger;

    ksi_batch **spare;
    size_t spare_count;
    size_t spare_capacity;
    size_t spare_bytes;
} embedded_producer;

static embedded_producer *producer_of(ksi_producer *self)
{
    return (embedded_producer *)self;
}

/* ---- topics ---------------------------------------------------------------------------------- */

static void free_known(void *pointer)
{
    known_topic *known = pointer;
    ksi_embedded_topic_release(known->topic);
    ksi_free(known);
}

static void forget_topic(embedded_producer *producer, known_topic *known)
{
    memset(producer->recent, 0, sizeof producer->recent);
    producer->next = 0;
    (void)ksi_map_remove(producer->topics, ks_slice_cstr(known->topic->name));
    free_known(known);
}

/* Asks the log for a topic; NULL when it has none of that name. */
static known_topic *learn_topic(embedded_producer *producer, const char *name)
{
    ksi_embedded_topic *topic = ksi_embedded_log_topic(producer->log, name);
    if (topic == NULL) {
        return NULL;
    }
    size_t count = (size_t)topic->partition_count;
    known_topic *known = ksi_calloc(1, sizeof *known + count * sizeof known->partitions[0]);
    known->topic = topic;
    for (size_t i = 0; i < count; i++) {
        known->partitions[i].last_offset = -1;
    }
    (void)ksi_map_put_cstr(producer->topics, name, known);
    return known;
}

static known_topic *find_known(embedded_producer *producer, const char *name)
{
    for (size_t i = 0; i < RECENT_TOPICS && producer->recent[i] != NULL; i++) {
        if (strcmp(producer->recent[i]->topic->name, name) == 0) {
            return producer->recent[i];
        }
    }
    known_topic *known = ksi_map_get_cstr(producer->topics, name);
    if (known == NULL) {
        known = learn_topic(producer, name);
    }
    if (known != NULL) {
        producer->recent[producer->next] = known;
        producer->next = (producer->next + 1) % RECENT_TOPICS;
    }
    return known;
}

/* A deleted one is forgotten once nothing waits for it: there may be a new one of its name. */
static known_topic *find_topic(embedded_producer *producer, const char *name)
{
    known_topic *known = find_known(producer, name);
    if (known != NULL && known->outgoing == 0 &&
        atomic_load_explicit(&known->topic->is_deleted, memory_order_relaxed)) {
        forget_topic(producer, known);
        known = find_known(producer, name);
    }
    return known;
}

/* ---- batches --------------------------------------------------------------------------------- */

static ksi_batch *new_batch(embedded_producer *producer)
{
    if (producer->spare_count == 0) {
        return ksi_batch_new();
    }
    ksi_batch *batch = producer->spare[--producer->spare_count];
    producer->spare_bytes -= batch->capacity;
    return batch;
}

static void done_with(embedded_producer *producer, ksi_batch *batch)
{
    if (!ksi_batch_is_unshared(batch) || producer->spare_bytes + batch->capacity > SPARE_BYTES) {
        ksi_batch_release(batch);
        return;
    }
    ksi_batch_clear(batch);
    producer->spare = ksi_grow(producer->spare, &producer->spare_capacity,
                               producer->spare_count + 1, sizeof(ksi_batch *));
    producer->spare[producer->spare_count++] = batch;
    producer->spare_bytes += batch->capacity;
}

static void begin_batch(embedded_producer *producer, known_topic *known, int32_t partition)
{
    outgoing_list *outgoing = &producer->outgoing;
    size_t count = outgoing->count + 1;
    outgoing->items =
        ksi_grow(outgoing->items, &outgoing->item_capacity, count, sizeof *outgoing->items);
    outgoing->topics =
        ksi_grow(outgoing->topics, &outgoing->topic_capacity, count, sizeof(known_topic *));
    ksi_batch *batch = new_batch(producer);
    outgoing->items[outgoing->count] =
        (ksi_outgoing_batch){.topic = known->topic, .partition = partition, .batch = batch};
    outgoing->topics[outgoing->count++] = known;
    known->partitions[partition].batch = batch;
    known->outgoing++;
}

/* Takes a batch off the producer's books; `last_offset` -1: it did not reach the log. */
static void end_batch(embedded_producer *producer, size_t i, bool is_written)
{
    const ksi_outgoing_batch *item = &producer->outgoing.items[i];
    known_topic *known = producer->outgoing.topics[i];
    known_partition *partition = &known->partitions[item->partition];
    if (is_written) {
        partition->last_offset = item->batch->last_offset;
    }
    if (partition->batch == item->batch) {
        partition->batch = NULL;
    }
    known->outgoing--;
    done_with(producer, item->batch);
}

static void end_all(embedded_producer *producer, bool is_written)
{
    for (size_t i = 0; i < producer->outgoing.count; i++) {
        end_batch(producer, i, is_written);
    }
    producer->outgoing.count = 0;
    producer->pending_bytes = 0;
    ksi_linger_stop(&producer->linger);
}

/* Drops what was gathered for topics that are deleted; KS_E_UNKNOWN_TOPIC when there was any. */
static ks_status drop_deleted(embedded_producer *producer, ks_error *error)
{
    outgoing_list *outgoing = &producer->outgoing;
    ks_status status = KS_OK;
    size_t kept = 0;
    for (size_t i = 0; i < outgoing->count; i++) {
        const ksi_embedded_topic *topic = outgoing->items[i].topic;
        if (atomic_load(&topic->is_deleted)) {
            status = ksi_embedded_topic_gone(topic->name, error);
            producer->pending_bytes -= outgoing->items[i].batch->size - KSI_BATCH_HEADER_BYTES;
            end_batch(producer, i, false);
            continue;
        }
        outgoing->items[kept] = outgoing->items[i];
        outgoing->topics[kept++] = outgoing->topics[i];
    }
    outgoing->count = kept;
    return status;
}

static ks_status write_once(embedded_producer *producer, const ksi_offset_commit *offsets,
                            ks_error *error)
{
    for (size_t i = 0; i < producer->outgoing.count; i++) {
        ksi_batch_seal(producer->outgoing.items[i].batch);
    }
    const ksi_log_commit commit = {.batches = producer->outgoing.items,
                                   .batch_count = producer->outgoing.count,
                                   .offsets = offsets,
                                   .transaction = producer->transaction,
                                   .epoch = producer->epoch};
    KS_TRY(ksi_embedded_log_commit(producer->log, &commit, error));
    end_all(producer, true);
    return KS_OK;
}

/* Without a transaction: everything goes to the log, but what belongs to deleted topics. */
static ks_status write_out(embedded_producer *producer, ks_error *error)
{
    ks_status deleted = KS_OK;
    while (producer->outgoing.count > 0) {
        ks_status status = write_once(producer, NULL, error);
        if (status == KS_OK) {
            break;
        }
        ks_status dropped = drop_deleted(producer, error);
        if (status != KS_E_UNKNOWN_TOPIC || dropped == KS_OK) {
            return status;
        }
        deleted = dropped;
    }
    return deleted;
}

/* ---- sending --------------------------------------------------------------------------------- */

static ks_status producer_send(ksi_producer *self, uint32_t sender, const char *name,
                               const ks_log_record *record, ks_error *error)
{
    (void)sender; /* what is refused is refused at once */
    embedded_producer *producer = producer_of(self);
    ks_log_record timed = *record;
    if (record->timestamp == KSI_TIMESTAMP_NOW) {
        timed.timestamp = ksi_wall_ms(&ksi_system_clock);
    }
    known_topic *known = find_topic(producer, name);
    if (known == NULL) {
        return ksi_embedded_topic_unknown(name, error);
    }
    KS_TRY(ksi_embedded_topic_check_partition(known->topic, record->partition, error));
    known_partition *partition = &known->partitions[record->partition];
    if (partition->batch == NULL || partition->batch->size >= KSI_BATCH_FULL_BYTES) {
        begin_batch(producer, known, record->partition);
    }
    size_t before = partition->batch->size;
    ks_status status = ksi_batch_append(partition->batch, &timed, error);
    if (status != KS_OK) {
        ksi_error_prefix(error, "topic %s: ", name);
        return status;
    }
    producer->pending_bytes += partition->batch->size - before;
    if (producer->transaction == NULL && producer->pending_bytes >= KSI_BATCH_FULL_BYTES) {
        return write_out(producer, error);
    }
    return KS_OK;
}

static ks_status producer_partition_count(ksi_producer *self, const char *name, int32_t *count,
                                          ks_error *error)
{
    (void)error;
    const known_topic *known = find_topic(producer_of(self), name);
    *count = known != NULL ? known->topic->partition_count : 0;
    return KS_OK;
}

static ks_status producer_poll(ksi_producer *self, int64_t now_ns, int64_t *next_ns,
                               ks_error *error)
{
    embedded_producer *producer = producer_of(self);
    *next_ns = -1;
    if (producer->transaction != NULL || producer->outgoing.count == 0) {
        return KS_OK;
    }
    if (ksi_linger_is_over(&producer->linger, now_ns, next_ns)) {
        *next_ns = -1;
        return write_out(producer, error);
    }
    return KS_OK;
}

static size_t producer_pending_bytes(const ksi_producer *self)
{
    return ((const embedded_producer *)self)->pending_bytes;
}

static ks_status producer_flush(ksi_producer *self, ks_error *error)
{
    embedded_producer *producer = producer_of(self);
    return producer->transaction == NULL ? write_out(producer, error) : KS_OK;
}

/* ---- transactions ---------------------------------------------------------------------------- */

static ks_status check_transactional(const embedded_producer *producer, ks_error *error)
{
    if (producer->transaction != NULL) {
        return KS_OK;
    }
    return ksi_error_set(error, KS_E_STATE, "producer",
                         "it was opened without a transactional id and has no transactions");
}

static ks_status producer_commit(ksi_producer *self, const ksi_offset_commit *offsets,
                                 ks_error *error)
{
    embedded_producer *producer = producer_of(self);
    KS_TRY(check_transactional(producer, error));
    return write_once(producer, offsets, error);
}

static ks_status producer_abort(ksi_producer *self, ks_error *error)
{
    embedded_producer *producer = producer_of(self);
    KS_TRY(check_transactional(producer, error));
    end_all(producer, false);
    return KS_OK;
}

static int64_t producer_last_offset(ksi_producer *self, ksi_topic_partition partition)
{
    const known_topic *known = find_topic(producer_of(self), partition.topic);
    bool is_there = known != NULL && partition.partition >= 0 &&
                    partition.partition < known->topic->partition_count;
    return is_there ? known->partitions[partition.partition].last_offset : -1;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void producer_close(ksi_producer *self)
{
    if (self == NULL) {
        return;
    }
    embedded_producer *producer = producer_of(self);
    if (producer->transaction == NULL) {
        (void)write_out(producer, NULL); /* there is nobody left to tell */
    }
    end_all(producer, false);
    for (size_t i = 0; i < producer->spare_count; i++) {
        ksi_batch_release(producer->spare[i]);
    }
    ksi_free(producer->spare);
    ksi_free(producer->outgoing.items);
    ksi_free(producer->outgoing.topics);
    ksi_map_free(producer->topics, free_known);
    ksi_embedded_log_let_go(producer->log);
    ksi_free(producer);
}

static const ksi_producer_class embedded_producer_class = {
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

ksi_producer *ksi_embedded_producer_open(ksi_transport *transport,
                                         const ksi_producer_options *options, ks_error *error)
{
    const char *transactional_id = ksi_transactional_id_of(options);
    (void)error;
    embedded_producer *producer = ksi_calloc(1, sizeof *producer);
    producer->producer.class = &embedded_producer_class;
    producer->log = ksi_embedded_log_of(transport);
    producer->topics = ksi_map_new();
    if (transactional_id != NULL) {
        producer->epoch =
            ksi_embedded_log_begin_epoch(producer->log, transactional_id, &producer->transaction);
    }
    ksi_embedded_log_hold(producer->log);
    return &producer->producer;
}
