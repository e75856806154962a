/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deliveries.c - booking what became of the records that were sent.
 *
 * One thread at a time is the server: it takes events out of the queue and books them. `serving`
 * says that there is one; it is claimed and given up under the lock, and the events themselves are
 * booked without it. The last touch of an account by the server is the addition to `done`: from
 * then on its owner may free it.
 *
 * Lingering. librdkafka keeps records for linger.ms in the hope of more; whoever waits for them
 * hopes for nothing. There is one way to say so: rd_kafka_flush(), which tells the broker threads
 * to send at once for as long as the call lasts. It is given a millisecond, and only the push is
 * wanted of it.
 *
 * Thread rule: see deliveries.h.
 */
#include "transport/kafka/deliveries.h"

#include "base/clock.h"
#include "base/memory.h"
#include "transport/kafka/message_headers.h"

#define PUSH_MS 1
/* How long the server sleeps for an event before it pushes again. */
#define SERVE_MS 10

struct ksi_deliveries {
    ksi_kafka_client *client;
    rd_kafka_queue_t *events;
    ksi_mutex lock;
    ksi_condition served; /* the server has gone, or booked an event while somebody waited */
    bool serving;
    atomic_size_t waiting; /* who sleep on `served` */
    ksi_account *orphans;  /* closed while records were under way */
};

/* ---- booking --------------------------------------------------------------------------------- */

/* Whether a record is lost with its transaction or client, and not for its own sake. */
static bool is_lost(const ksi_deliveries *deliveries, rd_kafka_resp_err_t code)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__DESTROY:
    case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
    case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
    case RD_KAFKA_RESP_ERR__FATAL:
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
    case RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER:
    case RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING:
    case RD_KAFKA_RESP_ERR_INVALID_TXN_STATE:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
        return true;
    default:
        return rd_kafka_fatal_error(deliveries->client->handle, NULL, 0) !=
               RD_KAFKA_RESP_ERR_NO_ERROR;
    }
}

static const ks_headers *copy_headers(ks_arena *arena, const rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers = NULL;
    return rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR
               ? ksi_kafka_headers(arena, headers)
               : NULL;
}

/* librdkafka does not tell the timestamp of a message that has an error; the event is ours. */
static int64_t timestamp_of(const rd_kafka_message_t *message)
{
    rd_kafka_message_t *failed = (rd_kafka_message_t *)message;
    rd_kafka_resp_err_t code = failed->err;
    failed->err = RD_KAFKA_RESP_ERR_NO_ERROR;
    int64_t timestamp = rd_kafka_message_timestamp(failed, NULL);
    failed->err = code;
    return timestamp;
}

static ksi_refusal *copy_refused(const ksi_lane *lane, const rd_kafka_message_t *message)
{
    ksi_refusal *refusal = ksi_calloc(1, sizeof *refusal);
    ksi_arena_init(&refusal->arena, 1024);
    refusal->lane = lane;
    refusal->code = message->err;
    refusal->record = (ks_log_record){
        .key = ksi_arena_copy(&refusal->arena, ks_slice_of(message->key, message->key_len)),
        .value = ksi_arena_copy(&refusal->arena, ks_slice_of(message->payload, message->len)),
        .timestamp = timestamp_of(message),
        .partition = lane->partition,
        .offset = -1,
        .headers = copy_headers(&refusal->arena, message)};
    return refusal;
}

static void book_failure(ksi_deliveries *deliveries, const ksi_lane *lane,
                         const rd_kafka_message_t *message)
{
    ksi_account *account = lane->account;
    ksi_refusal *refusal = NULL;
    if (!is_lost(deliveries, message->err)) {
        refusal = copy_refused(lane, message);
    }
    ksi_mutex_lock(&deliveries->lock);
    if (refusal != NULL) {
        *account->last = refusal;
        account->last = &refusal->next;
    } else if (account->failure == RD_KAFKA_RESP_ERR_NO_ERROR) {
        account->failure = message->err;
    }
    atomic_store_explicit(&account->has_trouble, true, memory_order_release);
    ksi_mutex_unlock(&deliveries->lock);
}

static void book(ksi_deliveries *deliveries, const rd_kafka_message_t *message)
{
    ksi_lane *lane = message->_private;
    ksi_account *account = lane->account;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        atomic_store_explicit(&lane->last_offset, message->offset, memory_order_relaxed);
    } else {
        book_failure(deliveries, lane, message);
    }
    /* There is one server, so nobody else adds. */
    uint64_t bytes = atomic_load_explicit(&account->done_bytes, memory_order_relaxed);
    uint64_t done = atomic_load_explicit(&account->done, memory_order_relaxed);
    bytes += ksi_record_bytes(message->key_len, message->len);
    atomic_store_explicit(&account->done_bytes, bytes, memory_order_relaxed);
    atomic_store_explicit(&account->done, done + 1, memory_order_release);
}

/* Books one event, for which it waits up to `timeout_ms`; false when none came. Server only. */
static bool book_event(ksi_deliveries *deliveries, int timeout_ms)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(deliveries->events, timeout_ms);
    if (event == NULL) {
        return false;
    }
    if (rd_kafka_event_type(event) != RD_KAFKA_EVENT_DR) {
        ksi_kafka_client_event(deliveries->client, event);
        return true;
    }
    const rd_kafka_message_t *message = rd_kafka_event_message_next(event);
    if (message != NULL && message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        ksi_kafka_client_works(deliveries->client);
    }
    while (message != NULL) {
        book(deliveries, message);
        message = rd_kafka_event_message_next(event);
    }
    rd_kafka_event_destroy(event);
    if (atomic_load_explicit(&deliveries->waiting, memory_order_relaxed) > 0) {
        ksi_mutex_lock(&deliveries->lock);
        ksi_condition_wake_all(&deliveries->served);
        ksi_mutex_unlock(&deliveries->lock);
    }
    return true;
}

/* ---- serving --------------------------------------------------------------------------------- */

static void free_account(ksi_account *account)
{
    while (account->first != NULL) {
        ksi_refusal *refusal = account->first;
        account->first = refusal->next;
        ksi_refusal_free(refusal);
    }
    ksi_arena_destroy(&account->lanes);
    ksi_free(account);
}

/* With the lock held, by the server or when there is none. */
static void free_orphans(ksi_deliveries *deliveries)
{
    ksi_account **at = &deliveries->orphans;
    while (*at != NULL) {
        ksi_account *account = *at;
        if (ksi_account_under_way(account) == 0) {
            *at = account->next_orphan;
            free_account(account);
        } else {
            at = &account->next_orphan;
        }
    }
}

static bool begin_serving(ksi_deliveries *deliveries)
{
    ksi_mutex_lock(&deliveries->lock);
    bool is_free = !deliveries->serving;
    deliveries->serving = true;
    ksi_mutex_unlock(&deliveries->lock);
    return is_free;
}

static void end_serving(ksi_deliveries *deliveries)
{
    ksi_mutex_lock(&deliveries->lock);
    deliveries->serving = false;
    if (deliveries->orphans != NULL) {
        free_orphans(deliveries);
    }
    ksi_condition_wake_all(&deliveries->served);
    ksi_mutex_unlock(&deliveries->lock);
}

/* Books all that is there, waiting up to `timeout_ms` for the first. */
static void serve_once(ksi_deliveries *deliveries, int timeout_ms)
{
    while (book_event(deliveries, timeout_ms)) {
        timeout_ms = 0;
    }
    end_serving(deliveries);
}

void ksi_deliveries_serve(ksi_deliveries *deliveries)
{
    if (begin_serving(deliveries)) {
        serve_once(deliveries, 0);
    }
}

/* Another serves: sleeps until it may have booked something of the caller's. */
static void await_server(ksi_deliveries *deliveries, int64_t timeout_ms)
{
    ksi_mutex_lock(&deliveries->lock);
    if (deliveries->serving) {
        deliveries->waiting++;
        (void)ksi_condition_wait_for(&deliveries->served, &deliveries->lock, timeout_ms);
        deliveries->waiting--;
    }
    ksi_mutex_unlock(&deliveries->lock);
}

void ksi_deliveries_wait(ksi_deliveries *deliveries, int64_t timeout_ms)
{
    if (begin_serving(deliveries)) {
        serve_once(deliveries, (int)(timeout_ms < SERVE_MS ? timeout_ms : SERVE_MS));
    } else {
        await_server(deliveries, timeout_ms);
    }
}

bool ksi_account_wait(ksi_account *account, int64_t timeout_ms)
{
    ksi_deliveries *deliveries = account->deliveries;
    ksi_deliveries_serve(deliveries);
    int64_t deadline = ksi_monotonic_ms(&ksi_system_clock) + timeout_ms;
    int64_t left = timeout_ms;
    while (ksi_account_under_way(account) > 0 && left > 0) {
        (void)rd_kafka_flush(deliveries->client->handle, PUSH_MS);
        ksi_deliveries_wait(deliveries, left);
        left = deadline - ksi_monotonic_ms(&ksi_system_clock);
    }
    return ksi_account_under_way(account) == 0;
}

/* ---- accounts -------------------------------------------------------------------------------- */

ksi_account *ksi_account_open(ksi_deliveries *deliveries)
{
    ksi_account *account = ksi_calloc(1, sizeof *account);
    account->deliveries = deliveries;
    account->last = &account->first;
    ksi_arena_init(&account->lanes, 0);
    return account;
}

void ksi_account_close(ksi_account *account)
{
    ksi_deliveries *deliveries = account->deliveries;
    ksi_mutex_lock(&deliveries->lock);
    account->next_orphan = deliveries->orphans;
    deliveries->orphans = account;
    if (!deliveries->serving) {
        free_orphans(deliveries);
    }
    ksi_mutex_unlock(&deliveries->lock);
}

ksi_lane *ksi_account_lane(ksi_account *account, rd_kafka_topic_t *topic, int32_t partition,
                           uint32_t sender)
{
    ksi_lane *lane = ksi_arena_zalloc(&account->lanes, sizeof *lane);
    lane->account = account;
    lane->topic = topic;
    lane->partition = partition;
    lane->sender = sender;
    atomic_init(&lane->last_offset, -1);
    return lane;
}

/* With the lock held. */
static void settle(ksi_account *account)
{
    bool has_trouble = account->first != NULL || account->failure != RD_KAFKA_RESP_ERR_NO_ERROR;
    atomic_store_explicit(&account->has_trouble, has_trouble, memory_order_relaxed);
}

ksi_refusal *ksi_account_take_refusal(ksi_account *account)
{
    ksi_mutex_lock(&account->deliveries->lock);
    ksi_refusal *refusal = account->first;
    if (refusal != NULL) {
        account->first = refusal->next;
        account->last = account->first != NULL ? account->last : &account->first;
        settle(account);
    }
    ksi_mutex_unlock(&account->deliveries->lock);
    return refusal;
}

void ksi_refusal_free(ksi_refusal *refusal)
{
    ksi_arena_destroy(&refusal->arena);
    ksi_free(refusal);
}

rd_kafka_resp_err_t ksi_account_take_failure(ksi_account *account)
{
    ksi_mutex_lock(&account->deliveries->lock);
    rd_kafka_resp_err_t failure = account->failure;
    account->failure = RD_KAFKA_RESP_ERR_NO_ERROR;
    settle(account);
    ksi_mutex_unlock(&account->deliveries->lock);
    return failure;
}

/* ---- life ------------------------------------------------------------------------------------ */

ksi_deliveries *ksi_deliveries_new(ksi_kafka_client *client)
{
    ksi_deliveries *deliveries = ksi_calloc(1, sizeof *deliveries);
    deliveries->client = client;
    deliveries->events = rd_kafka_queue_get_main(client->handle);
    ksi_mutex_init(&deliveries->lock);
    ksi_condition_init(&deliveries->served);
    return deliveries;
}

void ksi_deliveries_free(ksi_deliveries *deliveries)
{
    if (deliveries == NULL) {
        return;
    }
    if (deliveries->orphans != NULL) {
        (void)rd_kafka_purge(deliveries->client->handle,
                             RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    }
    while (deliveries->orphans != NULL && book_event(deliveries, SERVE_MS)) {
        free_orphans(deliveries);
    }
    rd_kafka_queue_destroy(deliveries->events);
    /* What did not come back even so is freed by librdkafka with its handle, and booked by none. */
    while (deliveries->orphans != NULL) {
        ksi_account *account = deliveries->orphans;
        deliveries->orphans = account->next_orphan;
        free_account(account);
    }
    ksi_condition_destroy(&deliveries->served);
    ksi_mutex_destroy(&deliveries->lock);
    ksi_free(deliveries);
}
