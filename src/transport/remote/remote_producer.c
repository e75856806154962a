/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remote_producer.c - writing to a log that another process holds.
 *
 * Records are gathered here, in a batch for each partition, and travel together: a request for each
 * batch and one for the flush or the commit. The holder gathers them once more, so that they are in
 * the log together.
 *
 * A batch whose topic was deleted meanwhile is dropped, and flush() says so; the others are
 * written. In a transaction the error comes from commit(), and nothing is written.
 *
 * How many partitions a topic has is asked once. When a flush or a commit fails all answers are
 * forgotten: there may be another topic of that name.
 *
 * Thread rule: the producer's owner.
 */
#include "base/error.h"
#include "base/map.h"
#include "base/memory.h"
#include "transport/linger.h"
#include "transport/remote/remote_transport.h"

/* More are a mistake of the holder, and no reason to take all memory. */
enum { MOST_PARTITIONS = 1000000 };

typedef struct known_topic {
    char *name;
    int32_t partition_count;
    size_t pending;       /* batches that are not sent */
    ksi_batch *batches[]; /* of each partition; NULL: nothing was gathered */
} known_topic;

typedef struct remote_producer {
    ksi_producer producer; /* first */
    ksi_transport *transport;
    ksi_remote_connection *connection;
    bool is_transactional;
    ksi_map *topics; /* name -> known_topic */
    known_topic *recent;
    size_t pending_bytes;
    ksi_linger linger;
} remote_producer;

static remote_producer *producer_of(ksi_producer *self)
{
    return (remote_producer *)self;
}

/* ---- topics ---------------------------------------------------------------------------------- */

static void free_topic(void *pointer)
{
    known_topic *known = pointer;
    for (int32_t i = 0; i < known->partition_count; i++) {
        ksi_batch_release(known->batches[i]);
    }
    ksi_free(known->name);
    ksi_free(known);
}

/* Only while nothing is gathered. */
static void forget_topics(remote_producer *producer)
{
    ksi_map_free(producer->topics, free_topic);
    producer->topics = ksi_map_new();
    producer->recent = NULL;
    producer->pending_bytes = 0;
    ksi_linger_stop(&producer->linger);
}

static ks_status learn_topic(remote_producer *producer, const char *name, known_topic **learned,
                             ks_error *error)
{
    ksi_remote_connection *connection = producer->connection;
    ksi_put_text(ksi_remote_begin(connection, KSI_CALL_PARTITION_COUNT), name);
    ksi_frame_reader answer;
    KS_TRY(ksi_remote_ask(connection, &answer, error));
    int32_t count = ksi_take_i32(&answer);
    answer.failed = answer.failed || count > MOST_PARTITIONS;
    KS_TRY(ksi_remote_done(connection, &answer, error));
    if (count <= 0) {
        return ksi_error_set(error, KS_E_UNKNOWN_TOPIC, name, "the topic does not exist");
    }
    known_topic *known = ksi_calloc(1, sizeof *known + (size_t)count * sizeof known->batches[0]);
    known->name = ksi_strdup(name);
    known->partition_count = count;
    (void)ksi_map_put_cstr(producer->topics, name, known);
    *learned = known;
    return KS_OK;
}

static ks_status find_topic(remote_producer *producer, const char *name, known_topic **found,
                            ks_error *error)
{
    if (producer->recent == NULL || strcmp(producer->recent->name, name) != 0) {
        known_topic *known = ksi_map_get_cstr(producer->topics, name);
        if (known == NULL) {
            KS_TRY(learn_topic(producer, name, &known, error));
        }
        producer->recent = known;
    }
    *found = producer->recent;
    return KS_OK;
}

static ks_status producer_partition_count(ksi_producer *self, const char *name, int32_t *count,
                                          ks_error *error)
{
    known_topic *known = NULL;
    ks_status status = find_topic(producer_of(self), name, &known, error);
    *count = status == KS_OK ? known->partition_count : 0;
    return status == KS_E_UNKNOWN_TOPIC ? KS_OK : status;
}

/* ---- passing on ------------------------------------------------------------------------------ */

static ks_status send_batch(remote_producer *producer, known_topic *known, int32_t partition,
                            ks_error *error)
{
    ksi_batch *batch = known->batches[partition];
    ksi_batch_seal(batch);
    ksi_batch_place(batch, 0);
    ksi_buffer *request = ksi_remote_begin(producer->connection, KSI_CALL_PRODUCE);
    ksi_put_place(request, (ksi_topic_partition){.topic = known->name, .partition = partition});
    ksi_put_bytes(request, ks_slice_of(batch->bytes, batch->size));
    ks_status status = ksi_remote_tell(producer->connection, error);
    producer->pending_bytes -= batch->size - KSI_BATCH_HEADER_BYTES;
    known->pending--;
    ksi_batch_clear(batch);
    return status;
}

/* Sends everything that was gathered; the first error, and then the rest all the same. */
static ks_status send_batches(remote_producer *producer, ks_error *error)
{
    ks_status first = KS_OK;
    void *value = NULL;
    for (size_t at = 0; ksi_map_at(producer->topics, &at, NULL, &value); at++) {
        known_topic *known = value;
        for (int32_t i = 0; i < known->partition_count && known->pending > 0; i++) {
            if (known->batches[i] == NULL || known->batches[i]->count == 0) {
                continue;
            }
            ks_status status = send_batch(producer, known, i, first == KS_OK ? error : NULL);
            first = first == KS_OK ? status : first;
        }
    }
    ksi_linger_stop(&producer->linger);
    return first;
}

static ks_status write_out(remote_producer *producer, ks_error *error)
{
    if (producer->pending_bytes == 0) {
        return KS_OK;
    }
    ks_status status = send_batches(producer, error);
    (void)ksi_remote_begin(producer->connection, KSI_CALL_FLUSH);
    ks_status flushed = ksi_remote_tell(producer->connection, status == KS_OK ? error : NULL);
    status = status == KS_OK ? flushed : status;
    if (status != KS_OK) {
        forget_topics(producer);
    }
    return status;
}

/* ---- sending --------------------------------------------------------------------------------- */

static ks_status check_record(const known_topic *known, const ks_log_record *record,
                              ks_error *error)
{
    if (record->partition < 0 || record->partition >= known->partition_count) {
        return ksi_error_set(error, KS_E_ARGUMENT, known->name,
                             "the topic has partitions 0 to %d; there is no partition %d",
                             known->partition_count - 1, record->partition);
    }
    if (ksi_batch_bytes_of(record) > KSI_FRAME_MAX_BYTES / 2) {
        return ksi_error_set(error, KS_E_LIMIT, known->name,
                             "the record has %zu bytes; another process is given at most %u",
                             ksi_batch_bytes_of(record), KSI_FRAME_MAX_BYTES / 2);
    }
    return KS_OK;
}

static ks_status producer_send(ksi_producer *self, uint32_t sender, const char *name,
                               const ks_log_record *record, ks_error *error)
{
    (void)sender; /* what is refused is refused at once */
    remote_producer *producer = producer_of(self);
    known_topic *known = NULL;
    KS_TRY(find_topic(producer, name, &known, error));
    KS_TRY(check_record(known, record, error));
    if (known->batches[record->partition] == NULL) {
        known->batches[record->partition] = ksi_batch_new();
    }
    ksi_batch *batch = known->batches[record->partition];
    size_t before = batch->count > 0 ? batch->size : KSI_BATCH_HEADER_BYTES;
    bool was_empty = batch->count == 0;
    ks_status status = ksi_batch_append(batch, record, error);
    if (status != KS_OK) {
        ksi_error_prefix(error, "topic %s: ", name);
        return status;
    }
    known->pending += was_empty ? 1 : 0;
    producer->pending_bytes += batch->size - before;
    if (producer->pending_bytes < KSI_BATCH_FULL_BYTES) {
        return KS_OK;
    }
    if (!producer->is_transactional) {
        return write_out(producer, error);
    }
    /* The holder keeps it until the commit; only one batch need not fit into a frame then. */
    return batch->size >= KSI_BATCH_FULL_BYTES * 16 ? send_batches(producer, error) : KS_OK;
}

static ks_status producer_poll(ksi_producer *self, int64_t now_ns, int64_t *next_ns,
                               ks_error *error)
{
    remote_producer *producer = producer_of(self);
    *next_ns = -1;
    if (producer->is_transactional || producer->pending_bytes == 0) {
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
    return ((const remote_producer *)self)->pending_bytes;
}

static ks_status producer_flush(ksi_producer *self, ks_error *error)
{
    remote_producer *producer = producer_of(self);
    return producer->is_transactional ? KS_OK : write_out(producer, error);
}

/* ---- transactions ---------------------------------------------------------------------------- */

static ks_status producer_commit(ksi_producer *self, const ksi_offset_commit *offsets,
                                 ks_error *error)
{
    remote_producer *producer = producer_of(self);
    if (producer->is_transactional) {
        ks_status status = send_batches(producer, error);
        if (status != KS_OK) {
            /* Half of the transaction is with the holder: it can only be aborted. */
            (void)ksi_error_flag(error, KS_ERROR_ABORT);
            return status;
        }
    }
    ksi_buffer *request = ksi_remote_begin(producer->connection, KSI_CALL_COMMIT);
    ksi_put_u8(request, offsets != NULL);
    if (offsets != NULL) {
        ksi_put_commit(request, offsets);
    }
    return ksi_remote_tell(producer->connection, error);
}

static ks_status producer_abort(ksi_producer *self, ks_error *error)
{
    remote_producer *producer = producer_of(self);
    if (producer->is_transactional) {
        forget_topics(producer);
    }
    (void)ksi_remote_begin(producer->connection, KSI_CALL_ABORT);
    return ksi_remote_tell(producer->connection, error);
}

static int64_t producer_last_offset(ksi_producer *self, ksi_topic_partition partition)
{
    remote_producer *producer = producer_of(self);
    ksi_put_place(ksi_remote_begin(producer->connection, KSI_CALL_LAST_OFFSET), partition);
    ksi_frame_reader answer;
    if (ksi_remote_ask(producer->connection, &answer, NULL) != KS_OK) {
        return -1;
    }
    int64_t offset = ksi_take_i64(&answer);
    return ksi_frame_reader_is_done(&answer) ? offset : -1;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void producer_close(ksi_producer *self)
{
    if (self == NULL) {
        return;
    }
    remote_producer *producer = producer_of(self);
    if (!producer->is_transactional) {
        ks_status status = write_out(producer, NULL);
        (void)status; /* there is nobody left to tell */
    }
    ksi_remote_disconnect(producer->connection);
    ksi_map_free(producer->topics, free_topic);
    producer->transport->class->release(producer->transport);
    ksi_free(producer);
}

static const ksi_producer_class remote_producer_class = {
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

ksi_producer *ksi_remote_producer_open(ksi_transport *transport,
                                       const ksi_producer_options *options, ks_error *error)
{
    const char *transactional_id = ksi_transactional_id_of(options);
    const ksi_remote *remote = (const ksi_remote *)transport;
    ksi_remote_connection *connection = ksi_remote_connect(remote->path, error);
    if (connection == NULL) {
        return NULL;
    }
    ksi_put_text(ksi_remote_begin(connection, KSI_CALL_OPEN_PRODUCER), transactional_id);
    if (ksi_remote_tell(connection, error) != KS_OK) {
        ksi_remote_disconnect(connection);
        return NULL;
    }
    remote_producer *producer = ksi_calloc(1, sizeof *producer);
    producer->producer.class = &remote_producer_class;
    producer->transport = transport;
    producer->connection = connection;
    producer->is_transactional = transactional_id != NULL;
    producer->topics = ksi_map_new();
    transport->class->retain(transport);
    return &producer->producer;
}
