/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_consumer.c - reading partitions of a cluster: slots, a queue for each, waiting.
 *
 *     broker thread of librdkafka --> queue of the slot --> poll(): messages --> records
 *                                         |
 *                                         '--> eventfd of the consumer --> wait()
 *
 * The client is shared by the consumers of all threads, but each slot has a queue of its own, which
 * only its consumer reads. A slot that nobody polls fills its queue, and librdkafka stops to fetch
 * for it: that is all there is of back-pressure. (Pausing is the tempting wrong way: it throws away
 * what was fetched, and fetches it again.)
 *
 * Nothing is copied. A poll takes messages out of the queue, points the records into them, and
 * keeps them until the slot is polled again; only headers are made anew, where there are any.
 *
 * Positions are counted here: the offset of the last record and one, or the offset that an
 * end-of-partition event names, which lies behind what no reader sees (markers of transactions,
 * aborted records). An event of that kind also says that the slot is at the end, until the next
 * record. Else the end is what the last fetch said, which counts once a record of that fetch was
 * seen: before, it may be that of an earlier reader of the partition.
 *
 * Queues are small (client_config.c), so that memory does not grow with what is in the log. Before
 * release 2.2, a thread of librdkafka that finds the queues of all its partitions full sleeps up to
 * a second, whatever is read meanwhile, and none of its public functions is there to wake it. But
 * any request to the broker wakes it, so whoever has read half of a full queue asks for an offset
 * and does not wait for the answer. (To ask whenever a queue is short is the tempting wrong way: a
 * reader that is quicker than its broker would ask for ever, and nobody sleeps then.)
 *
 * Waiting. librdkafka writes to the eventfd when a queue that was looked at becomes non-empty, and
 * not again until somebody looks. So wait() first looks at the lengths of the watched queues
 * itself, and only then sleeps on the descriptor; a queue that is not watched wakes it once, and it
 * goes back to sleep.
 *
 * Thread rule: the consumer's owner; wake() any thread.
 */
#include "base/arena.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/map.h"
#include "base/memory.h"
#include "config/value.h"
#include "transport/kafka/kafka_topic.h"
#include "transport/kafka/kafka_transport.h"
#include "transport/kafka/message_headers.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* How long a wait() leaves the client's own events (lost connections) alone. */
#define SERVE_INTERVAL_MS 1000

typedef struct kafka_slot {
    rd_kafka_topic_t *topic; /* the client's; NULL: the slot is free */
    rd_kafka_queue_t *queue;
    int32_t partition;
    bool watched;
    bool is_at_end;   /* since the last record */
    bool has_fetched; /* a record or the end was seen */
    bool was_full;    /* its queue, since the last call for more */
    int64_t low;      /* so many messages are half of that queue */
    int64_t position; /* of the next poll */
    size_t held;      /* messages of the last poll */
    size_t capacity;
    rd_kafka_message_t **messages;
    ks_arena *headers; /* of the last poll; NULL: there never were any */
    ks_error *failure; /* that ended the reading; NULL: none has */
} kafka_slot;

typedef struct kafka_consumer {
    ksi_consumer consumer; /* first */
    ksi_transport *transport;
    ksi_kafka_client *client;
    ksi_map *counts; /* topic -> its number of partitions, as it was when first asked */
    kafka_slot *slots;
    size_t slot_count;
    size_t slot_capacity;
    int64_t full_messages; /* a queue of so many is full, or of so many bytes */
    int64_t full_bytes;
    bool calls_for_more; /* librdkafka looks for room only once a second */
    int descriptor;      /* eventfd: some queue has something, or wake() */
    atomic_bool woken;   /* wake() was called since the last wait() */
} kafka_consumer;

static kafka_consumer *consumer_of(ksi_consumer *self)
{
    return (kafka_consumer *)self;
}

static kafka_slot *slot_of(ksi_consumer *self, size_t slot)
{
    kafka_consumer *consumer = consumer_of(self);
    KSI_ASSERT(slot < consumer->slot_count && consumer->slots[slot].topic != NULL);
    return &consumer->slots[slot];
}

/* ---- slots ----------------------------------------------------------------------------------- */

static size_t free_slot(kafka_consumer *consumer)
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

/* Asks for the partitions of a topic once, and again when it has not enough of them. */
static ks_status check_partition(kafka_consumer *consumer, ksi_topic_partition at, ks_error *error)
{
    int32_t *known = ksi_map_get_cstr(consumer->counts, at.topic);
    if (known == NULL || at.partition >= *known) {
        int32_t count = 0;
        KS_TRY(ksi_kafka_topic_partitions(consumer->client, at.topic, &count, error));
        if (known == NULL) {
            known = ksi_alloc(sizeof *known);
            (void)ksi_map_put_cstr(consumer->counts, at.topic, known);
        }
        *known = count;
    }
    return at.partition >= 0 && at.partition < *known
               ? KS_OK
               : ksi_kafka_partition_unknown(at.topic, at.partition, *known, error);
}

/* Ends the reading into a queue, once librdkafka's thread has let go of it. */
static void stop_reading(kafka_slot *slot)
{
    int stopped = rd_kafka_consume_stop(slot->topic, slot->partition);
    (void)stopped; /* it fails when the partition went away with its topic: it is stopped then */
    rd_kafka_queue_io_event_enable(slot->queue, -1, NULL, 0);
    rd_kafka_queue_destroy(slot->queue);
}

static ks_status start_reading(kafka_consumer *consumer, kafka_slot *slot, ks_error *error)
{
    static const uint64_t one = 1;
    slot->queue = rd_kafka_queue_new(consumer->client->handle);
    rd_kafka_queue_io_event_enable(slot->queue, consumer->descriptor, &one, sizeof one);
    if (rd_kafka_consume_start_queue(slot->topic, slot->partition, slot->position, slot->queue) ==
        0) {
        return KS_OK;
    }
    const ksi_kafka_failure failure = {.code = rd_kafka_last_error(),
                                       .where = rd_kafka_topic_name(slot->topic),
                                       .doing = "beginning to read it"};
    rd_kafka_queue_io_event_enable(slot->queue, -1, NULL, 0);
    rd_kafka_queue_destroy(slot->queue);
    return ksi_kafka_client_fail(consumer->client, &failure, error);
}

static ks_status consumer_assign(ksi_consumer *self, ksi_topic_partition at, int64_t offset,
                                 size_t *slot, ks_error *error)
{
    kafka_consumer *consumer = consumer_of(self);
    if (offset < 0) {
        return ksi_error_set(error, KS_E_ARGUMENT, at.topic,
                             "reading cannot begin at offset %lld; offsets begin at 0",
                             (long long)offset);
    }
    KS_TRY(check_partition(consumer, at, error));
    kafka_slot taken = {.topic = ksi_kafka_client_topic(consumer->client, at.topic),
                        .partition = at.partition,
                        .watched = true,
                        .position = offset};
    if (!ksi_kafka_client_claim(consumer->client, taken.topic, taken.partition)) {
        return ksi_error_set(error, KS_E_STATE, at.topic,
                             "partition %d is read already, by this consumer or by another one of "
                             "the same client; a partition has one reader at a time",
                             at.partition);
    }
    ks_status status = start_reading(consumer, &taken, error);
    if (status != KS_OK) {
        ksi_kafka_client_disclaim(consumer->client, taken.topic, taken.partition);
        return status;
    }
    *slot = free_slot(consumer);
    consumer->slots[*slot] = taken;
    return KS_OK;
}

/* Gives back what the last poll gave. */
static void release_messages(kafka_slot *slot)
{
    for (size_t i = 0; i < slot->held; i++) {
        rd_kafka_message_destroy(slot->messages[i]);
    }
    slot->held = 0;
    if (slot->headers != NULL) {
        ksi_arena_reset(slot->headers);
    }
}

static void consumer_unassign(ksi_consumer *self, size_t number)
{
    kafka_slot *slot = slot_of(self, number);
    release_messages(slot);
    stop_reading(slot);
    ksi_kafka_client_disclaim(consumer_of(self)->client, slot->topic, slot->partition);
    if (slot->headers != NULL) {
        ksi_arena_destroy(slot->headers);
    }
    ksi_free(slot->headers);
    ksi_free(slot->failure);
    ksi_free(slot->messages);
    *slot = (kafka_slot){0};
}

/* ---- polling --------------------------------------------------------------------------------- */

static ks_status out_of_range(const kafka_slot *slot, const char *reason, ks_error *error)
{
    return ksi_error_set(error, KS_E_OUT_OF_RANGE, rd_kafka_topic_name(slot->topic),
                         "partition %d cannot be read at offset %lld: %s", slot->partition,
                         (long long)slot->position, reason != NULL ? reason : "out of range");
}

/* So that who begins to read it again asks for its partitions first. */
static void forget_partitions(const kafka_consumer *consumer, const char *topic)
{
    int32_t *known = ksi_map_get_cstr(consumer->counts, topic);
    if (known != NULL) {
        *known = 0;
    }
}

static void take_failure(kafka_consumer *consumer, kafka_slot *slot, rd_kafka_resp_err_t code,
                         const char *text)
{
    ks_error error;
    ksi_error_begin(&error);
    const char *topic = rd_kafka_topic_name(slot->topic);
    switch (code) {
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
        (void)out_of_range(slot, text, &error);
        break;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        (void)ksi_error_set(&error, KS_E_UNKNOWN_TOPIC, topic,
                            "the topic was deleted while it was in use; create it again, or stop "
                            "what uses it");
        forget_partitions(consumer, topic);
        break;
    default: {
        const ksi_kafka_failure failure = {
            .code = code, .text = text, .where = topic, .doing = "reading it"};
        (void)ksi_kafka_client_fail(consumer->client, &failure, &error);
        break;
    }
    }
    /* What passes by itself is the client's: it says in the log that brokers are missing. */
    bool is_final = error.code != KS_OK && (error.flags & KS_ERROR_RETRIABLE) == 0;
    if (is_final && slot->failure == NULL) {
        slot->failure = ksi_alloc(sizeof *slot->failure);
        *slot->failure = error;
    }
}

/* What librdkafka gives in place of a message: the end of the partition, or an error. */
static void take_event(kafka_consumer *consumer, kafka_slot *slot, rd_kafka_message_t *event)
{
    if (event->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        slot->position = event->offset > slot->position ? event->offset : slot->position;
        slot->is_at_end = true;
        slot->has_fetched = true;
    } else {
        take_failure(consumer, slot, event->err, rd_kafka_message_errstr(event));
    }
    rd_kafka_message_destroy(event);
}

/* The headers of a message as ours; their bytes are copied, for librdkafka's may move. */
static const ks_headers *copy_headers(kafka_slot *slot, const rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers = NULL;
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return NULL;
    }
    KSI_ASSERT(!ksi_message_has_no_headers(message));
    if (slot->headers == NULL) {
        slot->headers = ksi_alloc(sizeof *slot->headers);
        ksi_arena_init(slot->headers, 0);
    }
    return ksi_kafka_headers(slot->headers, headers);
}

static inline void fill_record(kafka_slot *slot, const rd_kafka_message_t *message,
                               ks_log_record *record)
{
    record->key = ks_slice_of(message->key, message->key_len);
    record->value = ks_slice_of(message->payload, message->len);
    record->timestamp = rd_kafka_message_timestamp(message, NULL);
    record->partition = slot->partition;
    record->offset = message->offset;
    record->headers = ksi_message_has_no_headers(message) ? NULL : copy_headers(slot, message);
}

/* Moves records of the messages to `records`; events are taken out of the array. */
static size_t fill_records(kafka_consumer *consumer, kafka_slot *slot, size_t received,
                           ks_log_record *records)
{
    size_t kept = 0;
    for (size_t i = 0; i < received; i++) {
        rd_kafka_message_t *message = slot->messages[i];
        if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            take_event(consumer, slot, message);
            continue;
        }
        fill_record(slot, message, &records[kept]);
        slot->messages[kept++] = message;
        slot->position = message->offset + 1;
        slot->is_at_end = false;
    }
    return kept;
}

/*
 * Sends a request to the leader of the partition: a timeout of 0 does not wait for the answer, and
 * leaves it alone when the leader is not known.
 */
static void call_for_more(const kafka_consumer *consumer, const kafka_slot *slot)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, rd_kafka_topic_name(slot->topic), slot->partition)
        ->offset = RD_KAFKA_OFFSET_END;
    (void)rd_kafka_offsets_for_times(consumer->client->handle, list, 0);
    rd_kafka_topic_partition_list_destroy(list);
}

/* The sizes of what was taken stand for those of what is left. */
static bool is_full(const kafka_consumer *consumer, int64_t left, int64_t taken, int64_t bytes)
{
    int64_t messages = left + taken;
    int64_t about = messages * (bytes / taken);
    return messages >= consumer->full_messages || about >= consumer->full_bytes / 2;
}

/* After so many messages were taken out of the queue. */
static void keep_filling(const kafka_consumer *consumer, kafka_slot *slot, size_t taken)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < taken; i++) {
        bytes += (int64_t)slot->messages[i]->len;
    }
    int64_t left = (int64_t)rd_kafka_queue_length(slot->queue);
    int64_t messages = left + (int64_t)taken;
    if (is_full(consumer, left, (int64_t)taken, bytes)) {
        slot->was_full = true;
        slot->low = messages / 2;
    }
    if (slot->was_full && left <= slot->low) {
        slot->was_full = false;
        call_for_more(consumer, slot);
    }
}

/* What is in the queue of a slot goes into `records`; their number. */
static size_t read_queue(kafka_consumer *consumer, kafka_slot *slot, ks_log_record *records,
                         size_t capacity)
{
    rd_kafka_resp_err_t told = RD_KAFKA_RESP_ERR_NO_ERROR;
    slot->messages =
        ksi_grow(slot->messages, &slot->capacity, capacity, sizeof(rd_kafka_message_t *));
    size_t received = ksi_kafka_client_read(slot->queue, slot->messages, capacity, &told);
    if (received > 0) {
        ksi_kafka_client_works(consumer->client);
        if (consumer->calls_for_more) {
            keep_filling(consumer, slot, received);
        }
        slot->held = fill_records(consumer, slot, received, records);
        slot->has_fetched = slot->has_fetched || slot->held > 0;
    }
    if (told != RD_KAFKA_RESP_ERR_NO_ERROR) {
        take_failure(consumer, slot, told, NULL);
    }
    return slot->held;
}

static ks_status consumer_poll(ksi_consumer *self, size_t number, ks_log_record *records,
                               size_t capacity, size_t *count, ks_error *error)
{
    kafka_consumer *consumer = consumer_of(self);
    kafka_slot *slot = slot_of(self, number);
    *count = 0;
    release_messages(slot);
    if (slot->failure == NULL) {
        *count = read_queue(consumer, slot, records, capacity);
    }
    if (*count > 0 || slot->failure == NULL) {
        return KS_OK; /* a failure comes behind the records before it */
    }
    if (error != NULL) {
        *error = *slot->failure;
    }
    return slot->failure->code;
}

static void consumer_watch(ksi_consumer *self, size_t slot, bool watched)
{
    slot_of(self, slot)->watched = watched;
}

static int64_t consumer_position(ksi_consumer *self, size_t slot)
{
    return slot_of(self, slot)->position;
}

static int64_t consumer_end_offset(ksi_consumer *self, size_t number)
{
    const kafka_slot *slot = slot_of(self, number);
    if (slot->is_at_end) {
        return slot->position;
    }
    int64_t low = 0;
    int64_t high = -1;
    rd_kafka_resp_err_t code = rd_kafka_get_watermark_offsets(consumer_of(self)->client->handle,
                                                              rd_kafka_topic_name(slot->topic),
                                                              slot->partition, &low, &high);
    /* The least that is not the end, while nothing says that it is. */
    int64_t least = slot->has_fetched ? slot->position : slot->position + 1;
    return code == RD_KAFKA_RESP_ERR_NO_ERROR && high > least ? high : least;
}

/* ---- waiting --------------------------------------------------------------------------------- */

static bool has_news(const kafka_consumer *consumer)
{
    for (size_t i = 0; i < consumer->slot_count; i++) {
        const kafka_slot *slot = &consumer->slots[i];
        if (slot->topic != NULL && slot->watched &&
            (slot->failure != NULL || rd_kafka_queue_length(slot->queue) > 0)) {
            return true;
        }
    }
    return false;
}

/* Sleeps until the descriptor was written to, or the time is over. */
static void sleep_on_descriptor(const kafka_consumer *consumer, int64_t timeout_ms)
{
    struct pollfd entry = {.fd = consumer->descriptor, .events = POLLIN};
    if (poll(&entry, 1, (int)timeout_ms) > 0) {
        uint64_t written = 0;
        ssize_t size = read(consumer->descriptor, &written, sizeof written);
        (void)size; /* what is there is taken; another reader there is none */
    }
}

static void consumer_wait(ksi_consumer *self, int64_t timeout_ms)
{
    kafka_consumer *consumer = consumer_of(self);
    /* A thread sleeps in the time of the machine, whatever clock its application goes by. */
    int64_t deadline = timeout_ms >= 0 ? ksi_monotonic_ms(&ksi_system_clock) + timeout_ms : 0;
    while (!atomic_exchange(&consumer->woken, false) && !has_news(consumer)) {
        int64_t left = SERVE_INTERVAL_MS;
        if (timeout_ms >= 0) {
            int64_t until = deadline - ksi_monotonic_ms(&ksi_system_clock);
            if (until <= 0) {
                return;
            }
            left = until < left ? until : left;
        }
        sleep_on_descriptor(consumer, left);
        ksi_kafka_client_serve(consumer->client);
    }
}

static void consumer_wake(ksi_consumer *self)
{
    static const uint64_t one = 1;
    kafka_consumer *consumer = consumer_of(self);
    atomic_store(&consumer->woken, true);
    ssize_t size = write(consumer->descriptor, &one, sizeof one);
    (void)size; /* it fails when the counter is full: then it is readable */
}

/* ---- life ------------------------------------------------------------------------------------ */

static void consumer_close(ksi_consumer *self)
{
    if (self == NULL) {
        return;
    }
    kafka_consumer *consumer = consumer_of(self);
    for (size_t i = 0; i < consumer->slot_count; i++) {
        if (consumer->slots[i].topic != NULL) {
            consumer_unassign(self, i);
        }
    }
    ksi_kafka_client_release(consumer->client);
    if (consumer->descriptor >= 0) {
        (void)close(consumer->descriptor);
    }
    ksi_map_free(consumer->counts, ksi_free);
    ksi_free(consumer->slots);
    consumer->transport->class->release(consumer->transport);
    ksi_free(consumer);
}

static const ksi_consumer_class kafka_consumer_class = {
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

static ksi_kafka_role role_of(ksi_reads reads)
{
    switch (reads) {
    case KSI_READS_LOG:
        return KSI_KAFKA_READER;
    case KSI_READS_INPUT:
        return KSI_KAFKA_INPUT;
    case KSI_READS_CHANGELOG:
        return KSI_KAFKA_CHANGELOG;
    case KSI_READS_GLOBAL:
        return KSI_KAFKA_GLOBAL;
    }
    return KSI_KAFKA_READER;
}

/* A number that the client is set to; -1 when this release has no such property. */
static int64_t setting_of(const ksi_kafka_client *client, const char *name)
{
    char text[32] = "";
    size_t size = sizeof text;
    int64_t number = -1;
    if (rd_kafka_conf_get(rd_kafka_conf(client->handle), name, text, &size) == RD_KAFKA_CONF_OK) {
        (void)ksi_value_i64(text, &number);
    }
    return number;
}

ksi_consumer *ksi_kafka_consumer_open(ksi_transport *transport, ksi_reads reads, ks_error *error)
{
    ksi_kafka_client *client =
        ksi_kafka_transport_client((ksi_kafka_transport *)transport, role_of(reads), NULL, error);
    if (client == NULL) {
        return NULL;
    }
    kafka_consumer *consumer = ksi_calloc(1, sizeof *consumer);
    consumer->consumer.class = &kafka_consumer_class;
    consumer->transport = transport;
    transport->class->retain(transport);
    consumer->client = client;
    consumer->counts = ksi_map_new();
    consumer->full_messages = setting_of(client, "queued.min.messages");
    consumer->full_bytes = setting_of(client, "queued.max.messages.kbytes") * 1024;
    consumer->calls_for_more = setting_of(client, "fetch.queue.backoff.ms") < 0;
    consumer->descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (consumer->descriptor < 0) {
        (void)ksi_error_set(error, KS_E_IO, "consumer", "no descriptor to wait on (eventfd: %s)",
                            strerror(errno));
        consumer_close(&consumer->consumer);
        return NULL;
    }
    return &consumer->consumer;
}
