/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_producer.c - sending records to a cluster, and settling what became of them.
 *
 *     send() -> topic by name -> lane of (sender, partition) -> librdkafka's queue of the partition
 *                                                                      | batches, acknowledged
 *     undelivered() <- refusals <- account <- deliveries.c <-----------'
 *
 * A task sends to few topics, one record after the other, so the producer remembers the topics it
 * met, with their number of partitions, which is asked again after five minutes, and when
 * librdkafka finds that it is wrong. A record costs a comparison of names, a step to its lane and
 * librdkafka's copy of it; nothing is allocated here.
 *
 * Refusals and losses turn up later, whenever deliveries are served: the next call that can answer
 * settles them. A refused record (too large for its topic, without the key that compaction wants)
 * is shown to the `undelivered` of the producer's options. A lost one (time ran out, the producer
 * was fenced) cannot be sent again behind those that were sent after it: what was done since the
 * last commit is void, and the call is answered with KS_ERROR_ABORT.
 *
 * When librdkafka's queue is full, send() waits for room as long as any call may; then the error is
 * retriable, and the record is not sent.
 *
 * librdkafka takes the timestamp 0 for "now". A record of that very millisecond is sent with 1.
 *
 * Thread rule: the producer's owner.
 */
#include "transport/kafka/kafka_producer.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "transport/kafka/kafka_topic.h"

/* When deliveries that nobody waits for want to be booked. */
#define SERVE_INTERVAL_NS 50000000
/* @java metadata.max.age.ms */
#define LEARN_INTERVAL_NS 300000000000

struct ksi_known_topic {
    rd_kafka_topic_t *topic; /* the client's */
    bool is_stale;           /* its partitions are to be counted again */
    int32_t count;
    size_t lane_count; /* partitions that may have lanes */
    ksi_lane **lanes;  /* of each: lists, the one used last in front */
    char name[];
};

static ksi_kafka_producer *producer_of(ksi_producer *self)
{
    return (ksi_kafka_producer *)self;
}

/* ---- topics ---------------------------------------------------------------------------------- */

static void free_known(void *pointer)
{
    ksi_known_topic *known = pointer;
    ksi_free(known->lanes);
    ksi_free(known);
}

static ksi_known_topic *new_known(ksi_kafka_producer *producer, const char *name)
{
    size_t size = strlen(name) + 1;
    ksi_known_topic *known = ksi_calloc(1, sizeof *known + size);
    memcpy(known->name, name, size);
    known->topic = ksi_kafka_client_topic(producer->client, name);
    known->is_stale = true;
    (void)ksi_map_put_cstr(producer->topics, name, known);
    return known;
}

static ks_status learn_count(ksi_kafka_producer *producer, ksi_known_topic *known, ks_error *error)
{
    int32_t count = 0;
    KS_TRY(ksi_kafka_topic_partitions(producer->client, known->name, &count, error));
    size_t wanted = (size_t)count;
    if (wanted > known->lane_count) {
        size_t had = known->lane_count;
        known->lanes = ksi_grow(known->lanes, &known->lane_count, wanted, sizeof(ksi_lane *));
        memset(known->lanes + had, 0, (known->lane_count - had) * sizeof(ksi_lane *));
    }
    known->count = count;
    known->is_stale = false;
    return KS_OK;
}

static ksi_known_topic *find_known(ksi_kafka_producer *producer, const char *name)
{
    for (size_t i = 0; i < KSI_KAFKA_RECENT_TOPICS && producer->recent[i] != NULL; i++) {
        if (strcmp(producer->recent[i]->name, name) == 0) {
            return producer->recent[i];
        }
    }
    ksi_known_topic *known = ksi_map_get_cstr(producer->topics, name);
    if (known == NULL) {
        known = new_known(producer, name);
    }
    producer->recent[producer->next] = known;
    producer->next = (producer->next + 1) % KSI_KAFKA_RECENT_TOPICS;
    return known;
}

static ks_status find_topic(ksi_kafka_producer *producer, const char *name, ksi_known_topic **found,
                            ks_error *error)
{
    ksi_known_topic *known = find_known(producer, name);
    if (known->is_stale) {
        KS_TRY(learn_count(producer, known, error));
    }
    *found = known;
    return KS_OK;
}

static void forget_counts(void *pointer)
{
    ((ksi_known_topic *)pointer)->is_stale = true;
}

/* Counts partitions anew now and then: a topic may get more of them. */
static void forget_old_counts(ksi_kafka_producer *producer, int64_t now_ns)
{
    if (producer->learned_ns == 0) {
        producer->learned_ns = now_ns;
    }
    if (now_ns - producer->learned_ns < LEARN_INTERVAL_NS) {
        return;
    }
    producer->learned_ns = now_ns;
    void *known = NULL;
    for (size_t at = 0; ksi_map_at(producer->topics, &at, NULL, &known); at++) {
        forget_counts(known);
    }
}

static ksi_lane *find_lane(ksi_kafka_producer *producer, ksi_known_topic *known, int32_t partition,
                           uint32_t sender)
{
    ksi_lane **first = &known->lanes[partition];
    for (ksi_lane **at = first; *at != NULL; at = &(*at)->next) {
        ksi_lane *lane = *at;
        if (lane->sender == sender) {
            *at = lane->next;
            lane->next = *first;
            *first = lane;
            return lane;
        }
    }
    ksi_lane *lane = ksi_account_lane(producer->account, known->topic, partition, sender);
    lane->next = *first;
    *first = lane;
    return lane;
}

/* ---- settling -------------------------------------------------------------------------------- */

ks_status ksi_kafka_producer_give_up(ksi_kafka_producer *producer, const ks_error *reason,
                                     ks_error *error)
{
    if (producer->given_up == NULL) {
        producer->given_up = ksi_alloc(sizeof *producer->given_up);
        *producer->given_up = *reason;
    }
    if (error != NULL) {
        *error = *reason;
    }
    return reason->code;
}

ks_status ksi_kafka_producer_lost(ksi_kafka_producer *producer, const ksi_kafka_failure *failure,
                                  ks_error *error)
{
    char text[256];
    ksi_kafka_failure told = *failure;
    rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(producer->client->handle, text, sizeof text);
    if (fatal != RD_KAFKA_RESP_ERR_NO_ERROR) {
        told.code = fatal;
        told.text = text;
    }
    ks_error reason;
    ksi_error_begin(&reason);
    (void)ksi_kafka_client_fail(producer->client, &told, &reason);
    reason.flags &= ~(uint32_t)KS_ERROR_RETRIABLE;
    if (reason.code != KS_E_FENCED) {
        reason.flags |= KS_ERROR_ABORT;
    }
    return ksi_kafka_producer_give_up(producer, &reason, error);
}

/* What the refusal of a record is answered with. */
static ks_status answer_refusal(ksi_kafka_producer *producer, const ksi_refusal *refusal,
                                ks_error *error)
{
    const char *topic = rd_kafka_topic_name(refusal->lane->topic);
    const ksi_kafka_failure failure = {
        .code = refusal->code, .where = topic, .doing = "sending a record to it"};
    ks_error reason;
    ksi_error_begin(&reason);
    ks_status status = ksi_kafka_client_fail(producer->client, &failure, &reason);
    if (status == KS_E_UNKNOWN_TOPIC) {
        find_known(producer, topic)->is_stale = true;
    }
    if (producer->undelivered == NULL) {
        if (error != NULL) {
            *error = reason;
        }
        return status;
    }
    producer->is_settling = true;
    status = producer->undelivered(producer->owner, refusal->lane->sender, topic, &refusal->record,
                                   &reason, error);
    producer->is_settling = false;
    if (status == KS_OK && producer->transactional_id != NULL) {
        ksi_error_prefix(&reason, "a transaction cannot go on without one of its records: ");
        return ksi_kafka_producer_give_up(producer, &reason, error);
    }
    return status;
}

static ks_status settle(ksi_kafka_producer *producer, ks_error *error)
{
    ksi_refusal *refusal = ksi_account_take_refusal(producer->account);
    while (refusal != NULL) {
        ks_status status = answer_refusal(producer, refusal, error);
        ksi_refusal_free(refusal);
        if (status != KS_OK) {
            return status;
        }
        refusal = ksi_account_take_refusal(producer->account);
    }
    rd_kafka_resp_err_t lost = ksi_account_take_failure(producer->account);
    if (lost == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return KS_OK;
    }
    const ksi_kafka_failure failure = {.code = lost,
                                       .where = producer->client->name,
                                       .doing = "delivering records that were sent"};
    return ksi_kafka_producer_lost(producer, &failure, error);
}

ks_status ksi_kafka_producer_check(ksi_kafka_producer *producer, ks_error *error)
{
    if (producer->given_up != NULL) {
        if (error != NULL) {
            *error = *producer->given_up;
        }
        return producer->given_up->code;
    }
    if (ksi_account_has_trouble(producer->account) && !producer->is_settling) {
        return settle(producer, error);
    }
    return KS_OK;
}

ks_status ksi_kafka_producer_deliver(ksi_kafka_producer *producer, ks_error *error)
{
    ksi_account *account = producer->account;
    int64_t deadline = ksi_monotonic_ms(&ksi_system_clock) + producer->client->call_timeout_ms;
    do { /* settling a refusal may send another record */
        if (!ksi_account_wait(account, deadline - ksi_monotonic_ms(&ksi_system_clock))) {
            KS_TRY(ksi_kafka_producer_check(producer, error));
            char doing[96];
            (void)snprintf(doing, sizeof doing, "waiting for %llu records to be acknowledged",
                           (unsigned long long)ksi_account_under_way(account));
            const ksi_kafka_failure failure = {.code = RD_KAFKA_RESP_ERR__TIMED_OUT,
                                               .where = producer->client->name,
                                               .doing = doing};
            return ksi_kafka_client_fail(producer->client, &failure, error);
        }
        KS_TRY(ksi_kafka_producer_check(producer, error));
    } while (ksi_account_under_way(account) > 0);
    return KS_OK;
}

/* ---- sending --------------------------------------------------------------------------------- */

/* librdkafka's list of the record's headers, which a message takes over. */
static rd_kafka_headers_t *new_headers(const ks_headers *headers)
{
    size_t count = ks_headers_count(headers);
    rd_kafka_headers_t *list = rd_kafka_headers_new(count);
    for (size_t i = 0; i < count; i++) {
        ks_header header = ks_headers_at(headers, i);
        (void)rd_kafka_header_add(list, header.name.data, (ssize_t)header.name.size,
                                  header.value.data, (ssize_t)header.value.size);
    }
    return list;
}

/* librdkafka's 0 is "now"; a record of that very millisecond is sent with 1. */
static int64_t timestamp_of(const ks_log_record *record)
{
    if (record->timestamp == KSI_TIMESTAMP_NOW) {
        return 0;
    }
    return record->timestamp != 0 ? record->timestamp : 1;
}

/* One try to put a record into librdkafka's queue. */
static rd_kafka_resp_err_t produce(ksi_kafka_producer *producer, ksi_lane *lane,
                                   const ks_log_record *record)
{
    size_t key_size = record->key.data != NULL ? record->key.size : 0;
    size_t value_size = record->value.data != NULL ? record->value.size : 0;
    rd_kafka_vu_t fields[8] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = lane->topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = lane->partition},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)record->key.data, key_size}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)record->value.data, value_size}},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = timestamp_of(record)},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = lane}};
    size_t count = 7;
    rd_kafka_headers_t *headers = NULL;
    if (record->headers != NULL) {
        headers = new_headers(record->headers);
        fields[count].vtype = RD_KAFKA_VTYPE_HEADERS;
        fields[count++].u.headers = headers;
    }
    /* Counted before it is sent: the delivery may be booked before this returns. */
    size_t bytes = ksi_record_bytes(key_size, value_size);
    ksi_account_sent(producer->account, bytes);
    rd_kafka_error_t *refused = rd_kafka_produceva(producer->client->handle, fields, count);
    if (refused == NULL) {
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    ksi_account_not_sent(producer->account, bytes);
    rd_kafka_resp_err_t code = rd_kafka_error_code(refused);
    rd_kafka_error_destroy(refused);
    if (headers != NULL) {
        rd_kafka_headers_destroy(headers);
    }
    return code;
}

/* Serves deliveries until librdkafka takes the record, or time runs out. */
static rd_kafka_resp_err_t produce_when_there_is_room(ksi_kafka_producer *producer, ksi_lane *lane,
                                                      const ks_log_record *record)
{
    int64_t deadline = ksi_monotonic_ms(&ksi_system_clock) + producer->client->call_timeout_ms;
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__QUEUE_FULL;
    while (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        int64_t left = deadline - ksi_monotonic_ms(&ksi_system_clock);
        if (left <= 0) {
            return RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE;
        }
        ksi_deliveries_wait(producer->account->deliveries, left);
        code = produce(producer, lane, record);
    }
    return code;
}

/* What a producer refuses then has the code of its first failure, whatever that was. */
static bool has_failed_for_good(const ksi_kafka_producer *producer)
{
    return rd_kafka_fatal_error(producer->client->handle, NULL, 0) != RD_KAFKA_RESP_ERR_NO_ERROR;
}

static ks_status explain_refusal(ksi_kafka_producer *producer, ksi_known_topic *known,
                                 const ks_log_record *record, rd_kafka_resp_err_t code,
                                 ks_error *error)
{
    ksi_kafka_failure failure = {
        .code = code, .where = known->name, .doing = "sending a record to it"};
    if (code == RD_KAFKA_RESP_ERR__STATE || has_failed_for_good(producer)) {
        /* The transaction cannot go on, or the client: a delivery that failed may say why. */
        ksi_deliveries_serve(producer->account->deliveries);
        KS_TRY(ksi_kafka_producer_check(producer, error));
        return ksi_kafka_producer_lost(producer, &failure, error);
    }
    switch (code) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        return ksi_error_set(error, KS_E_LIMIT, known->name,
                             "the record (%zu bytes of key, %zu of value) is larger than "
                             "producer.max.request.size; raise it, and max.message.bytes of the "
                             "topic, or send less",
                             record->key.size, record->value.size);
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        known->is_stale = true;
        return ksi_kafka_client_fail(producer->client, &failure, error);
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
        failure.code = RD_KAFKA_RESP_ERR__TIMED_OUT;
        failure.doing = "waiting for room in its queue of records (producer.buffer.memory)";
        return ksi_kafka_client_fail(producer->client, &failure, error);
    default:
        return ksi_kafka_client_fail(producer->client, &failure, error);
    }
}

static ks_status producer_send(ksi_producer *self, uint32_t sender, const char *topic,
                               const ks_log_record *record, ks_error *error)
{
    ksi_kafka_producer *producer = producer_of(self);
    KS_TRY(ksi_kafka_producer_check(producer, error));
    ksi_known_topic *known = NULL;
    KS_TRY(find_topic(producer, topic, &known, error));
    if (record->partition >= known->count) { /* it may have grown */
        KS_TRY(learn_count(producer, known, error));
    }
    if (record->partition < 0 || record->partition >= known->count) {
        return ksi_kafka_partition_unknown(topic, record->partition, known->count, error);
    }
    if (producer->transactional_id != NULL && producer->step == KSI_TRANSACTION_NONE) {
        KS_TRY(ksi_kafka_transaction_begin(producer, error));
    }
    ksi_lane *lane = find_lane(producer, known, record->partition, sender);
    rd_kafka_resp_err_t code = produce(producer, lane, record);
    if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        code = produce_when_there_is_room(producer, lane, record);
    }
    return code == RD_KAFKA_RESP_ERR_NO_ERROR
               ? KS_OK
               : explain_refusal(producer, known, record, code, error);
}

static ks_status producer_partition_count(ksi_producer *self, const char *name, int32_t *count,
                                          ks_error *error)
{
    ksi_known_topic *known = NULL;
    ks_status status = find_topic(producer_of(self), name, &known, error);
    *count = status == KS_OK ? known->count : 0;
    return status == KS_E_UNKNOWN_TOPIC ? KS_OK : status;
}

static ks_status producer_poll(ksi_producer *self, int64_t now_ns, int64_t *next_ns,
                               ks_error *error)
{
    ksi_kafka_producer *producer = producer_of(self);
    *next_ns = -1;
    forget_old_counts(producer, now_ns);
    if (ksi_account_under_way(producer->account) > 0) {
        ksi_deliveries_serve(producer->account->deliveries);
        *next_ns = now_ns + SERVE_INTERVAL_NS;
    }
    return ksi_kafka_producer_check(producer, error);
}

static size_t producer_pending_bytes(const ksi_producer *self)
{
    return ksi_account_bytes_under_way(((const ksi_kafka_producer *)self)->account);
}

static ks_status producer_flush(ksi_producer *self, ks_error *error)
{
    ksi_kafka_producer *producer = producer_of(self);
    KS_TRY(ksi_kafka_producer_check(producer, error));
    return producer->transactional_id == NULL ? ksi_kafka_producer_deliver(producer, error) : KS_OK;
}

static ks_status check_transactional(const ksi_kafka_producer *producer, ks_error *error)
{
    if (producer->transactional_id != NULL) {
        return KS_OK;
    }
    return ksi_error_set(error, KS_E_STATE, "producer",
                         "it was opened without a transactional id and has no transactions");
}

static ks_status producer_commit(ksi_producer *self, const ksi_offset_commit *offsets,
                                 ks_error *error)
{
    KS_TRY(check_transactional(producer_of(self), error));
    return ksi_kafka_transaction_commit(producer_of(self), offsets, error);
}

static ks_status producer_abort(ksi_producer *self, ks_error *error)
{
    KS_TRY(check_transactional(producer_of(self), error));
    return ksi_kafka_transaction_abort(producer_of(self), error);
}

static int64_t producer_last_offset(ksi_producer *self, ksi_topic_partition partition)
{
    ksi_kafka_producer *producer = producer_of(self);
    const ksi_known_topic *known = ksi_map_get_cstr(producer->topics, partition.topic);
    if (known == NULL || partition.partition < 0 ||
        (size_t)partition.partition >= known->lane_count) {
        return -1;
    }
    int64_t last = -1;
    for (const ksi_lane *lane = known->lanes[partition.partition]; lane != NULL;
         lane = lane->next) {
        int64_t offset = atomic_load_explicit(&lane->last_offset, memory_order_relaxed);
        last = offset > last ? offset : last;
    }
    return last;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void producer_close(ksi_producer *self)
{
    if (self == NULL) {
        return;
    }
    ksi_kafka_producer *producer = producer_of(self);
    ks_status status = KS_OK;
    if (producer->account != NULL && producer->transactional_id == NULL) {
        status = ksi_account_wait(producer->account, producer->client->call_timeout_ms)
                     ? KS_OK
                     : KS_E_TIMEOUT;
    } else if (producer->account != NULL && producer->given_up == NULL) {
        status = ksi_kafka_transaction_abort(producer, NULL);
    }
    (void)status; /* there is nobody left to tell */
    if (producer->account != NULL) {
        ksi_account_close(producer->account);
    }
    ksi_kafka_client_release(producer->client);
    ksi_map_free(producer->topics, free_known);
    producer->transport->class->release(producer->transport);
    ksi_free(producer->given_up);
    ksi_free(producer->transactional_id);
    ksi_free(producer);
}

static const ksi_producer_class kafka_producer_class = {
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

ksi_producer *ksi_kafka_producer_open(ksi_transport *transport, const ksi_producer_options *options,
                                      ks_error *error)
{
    const char *id = ksi_transactional_id_of(options);
    ksi_kafka_client *client = ksi_kafka_transport_client(
        (ksi_kafka_transport *)transport, id != NULL ? KSI_KAFKA_TRANSACTIONAL : KSI_KAFKA_PRODUCER,
        id, error);
    if (client == NULL) {
        return NULL;
    }
    ksi_kafka_producer *producer = ksi_calloc(1, sizeof *producer);
    producer->producer.class = &kafka_producer_class;
    producer->transport = transport;
    transport->class->retain(transport);
    producer->client = client;
    producer->account = ksi_account_open(client->deliveries);
    producer->transactional_id = ksi_strdup(id);
    producer->undelivered = options != NULL ? options->undelivered : NULL;
    producer->owner = options != NULL ? options->owner : NULL;
    producer->topics = ksi_map_new();
    if (id != NULL && ksi_kafka_transaction_init(producer, error) != KS_OK) {
        producer_close(&producer->producer);
        return NULL;
    }
    return &producer->producer;
}
