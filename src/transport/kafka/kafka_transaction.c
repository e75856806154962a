/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_transaction.c - transactions of a producer that has a client for itself.
 *
 *     NONE -> (first record) OPEN -> deliveries -> OFFSETS -> commit asked for -> NONE
 *                                                     '-> no answer in time: ENDING -> same call
 *
 * A transaction begins with its first record and not right behind the last commit, because the
 * brokers abort one that is open for longer than transaction.timeout.ms.
 *
 * Three kinds of errors. Where nothing is lost yet (records still under way, the answer to the
 * commit outstanding), the error is retriable, and `step` remembers where the same call goes on.
 * Where the transaction is void, it is KS_ERROR_ABORT: the client is given up, and the next
 * producer of the id fences whatever of this one is still on its way. Where somebody else has the
 * id, or the group went on without this member, it is KS_E_FENCED.
 *
 * What strays. Brokers cannot tell a request of one transaction from one of the next of the same
 * producer, so one that was given up as lost and comes late after all would be counted to the next
 * transaction (KIP-890 mends that; no librdkafka has it). Therefore no client begins another
 * transaction after a call that ran out of time, even when a second one then succeeded: the commit
 * counts, and whatever is asked next is answered with KS_ERROR_ABORT.
 *
 * Thread rule: the producer's owner.
 */
#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "transport/kafka/kafka_producer.h"

/* How long librdkafka waits within an abort for deliveries that only we can book. */
#define ABORT_STEP_MS 20

/* ---- errors ---------------------------------------------------------------------------------- */

/* Whether it would fail in the same way for ever. */
static bool is_final(rd_kafka_resp_err_t code)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT:
    case RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_GROUP_ID:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
        return true;
    default:
        return false;
    }
}

/* The transaction cannot be committed: says so from now on. Takes `reason`. */
static ks_status void_transaction(ksi_kafka_producer *producer, rd_kafka_error_t *reason,
                                  const char *doing, ks_error *error)
{
    const ksi_kafka_failure failure = {.code = rd_kafka_error_code(reason),
                                       .text = rd_kafka_error_string(reason),
                                       .where = producer->transactional_id,
                                       .doing = doing};
    ks_status status = KS_OK;
    if (is_final(failure.code)) {
        ks_error final;
        ksi_error_begin(&final);
        (void)ksi_kafka_client_fail(producer->client, &failure, &final);
        status = ksi_kafka_producer_give_up(producer, &final, error);
    } else {
        status = ksi_kafka_producer_lost(producer, &failure, error);
    }
    rd_kafka_error_destroy(reason);
    return status;
}

static bool ran_out_of_time(const rd_kafka_error_t *reason)
{
    rd_kafka_resp_err_t code = rd_kafka_error_code(reason);
    return code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE ||
           code == RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT;
}

static bool may_be_repeated(const rd_kafka_error_t *reason)
{
    return rd_kafka_error_is_retriable(reason) != 0 && rd_kafka_error_is_fatal(reason) == 0 &&
           rd_kafka_error_txn_requires_abort(reason) == 0;
}

/* The same call may be made again. Takes `reason`. */
static ks_status call_again(ksi_kafka_producer *producer, rd_kafka_error_t *reason,
                            const char *doing, ks_error *error)
{
    ks_status status = ksi_kafka_client_fail_with(producer->client, reason,
                                                  producer->transactional_id, doing, error);
    if (error != NULL) {
        error->flags |= KS_ERROR_RETRIABLE;
    }
    return status;
}

/* ---- beginning ------------------------------------------------------------------------------- */

ks_status ksi_kafka_transaction_init(ksi_kafka_producer *producer, ks_error *error)
{
    rd_kafka_error_t *reason =
        rd_kafka_init_transactions(producer->client->handle, producer->client->call_timeout_ms);
    if (reason == NULL) {
        return KS_OK;
    }
    static const char doing[] = "becoming the producer of this transactional id";
    return may_be_repeated(reason) ? call_again(producer, reason, doing, error)
                                   : void_transaction(producer, reason, doing, error);
}

ks_status ksi_kafka_transaction_begin(ksi_kafka_producer *producer, ks_error *error)
{
    rd_kafka_error_t *reason = rd_kafka_begin_transaction(producer->client->handle);
    if (reason != NULL) {
        return void_transaction(producer, reason, "beginning a transaction", error);
    }
    producer->step = KSI_TRANSACTION_OPEN;
    return KS_OK;
}

/* ---- committing ------------------------------------------------------------------------------ */

static rd_kafka_topic_partition_list_t *list_offsets(rd_kafka_t *handle,
                                                     const ksi_offset_commit *offsets)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)offsets->count);
    for (size_t i = 0; i < offsets->count; i++) {
        const ksi_group_offset *from = &offsets->offsets[i];
        rd_kafka_topic_partition_t *to = rd_kafka_topic_partition_list_add(
            list, from->partition.topic, from->partition.partition);
        to->offset = from->offset;
        if (from->metadata.data != NULL) {
            to->metadata = rd_kafka_mem_malloc(handle, from->metadata.size + 1); /* the list's */
            KSI_CHECK(to->metadata != NULL);
            memcpy(to->metadata, from->metadata.data, from->metadata.size);
            to->metadata_size = from->metadata.size;
        }
    }
    return list;
}

/* The member that commits, as the coordinator of its group checks it. */
static rd_kafka_consumer_group_metadata_t *new_group(const ksi_offset_commit *offsets)
{
    const ksi_generation *generation = offsets->generation;
    return generation != NULL
               ? rd_kafka_consumer_group_metadata_new_with_genid(
                     offsets->group, generation->number, generation->member, generation->instance)
               : rd_kafka_consumer_group_metadata_new(offsets->group);
}

static ks_status send_offsets(ksi_kafka_producer *producer, const ksi_offset_commit *offsets,
                              ks_error *error)
{
    rd_kafka_topic_partition_list_t *list = list_offsets(producer->client->handle, offsets);
    rd_kafka_consumer_group_metadata_t *group = new_group(offsets);
    rd_kafka_error_t *reason = rd_kafka_send_offsets_to_transaction(
        producer->client->handle, list, group, producer->client->call_timeout_ms);
    rd_kafka_consumer_group_metadata_destroy(group);
    rd_kafka_topic_partition_list_destroy(list);
    if (reason == NULL) {
        return KS_OK;
    }
    static const char doing[] = "putting the offsets into the transaction";
    return may_be_repeated(reason) && !ran_out_of_time(reason)
               ? call_again(producer, reason, doing, error)
               : void_transaction(producer, reason, doing, error);
}

/* The commit went through at the second try: see above, what strays. */
static void retire(ksi_kafka_producer *producer)
{
    ks_error reason;
    ksi_error_begin(&reason);
    (void)ksi_error_set(&reason, KS_E_TIMEOUT, producer->transactional_id,
                        "the last commit was acknowledged late; the next transaction needs a new "
                        "producer");
    reason.flags = KS_ERROR_ABORT;
    (void)ksi_kafka_producer_give_up(producer, &reason, NULL);
}

static ks_status end_transaction(ksi_kafka_producer *producer, ks_error *error)
{
    bool is_repeated = producer->step == KSI_TRANSACTION_ENDING;
    rd_kafka_error_t *reason =
        rd_kafka_commit_transaction(producer->client->handle, producer->client->call_timeout_ms);
    static const char doing[] = "committing the transaction";
    if (reason != NULL && may_be_repeated(reason)) {
        producer->step = KSI_TRANSACTION_ENDING;
        return call_again(producer, reason, doing, error);
    }
    if (reason != NULL) {
        return void_transaction(producer, reason, doing, error);
    }
    producer->step = KSI_TRANSACTION_NONE;
    if (is_repeated) {
        retire(producer);
    }
    return KS_OK;
}

ks_status ksi_kafka_transaction_commit(ksi_kafka_producer *producer,
                                       const ksi_offset_commit *offsets, ks_error *error)
{
    bool has_offsets = offsets != NULL && offsets->count > 0;
    KS_TRY(ksi_kafka_producer_check(producer, error));
    if (producer->step == KSI_TRANSACTION_NONE) {
        if (!has_offsets) {
            return KS_OK;
        }
        KS_TRY(ksi_kafka_transaction_begin(producer, error));
    }
    if (producer->step == KSI_TRANSACTION_OPEN) {
        KS_TRY(ksi_kafka_producer_deliver(producer, error));
        if (has_offsets) {
            KS_TRY(send_offsets(producer, offsets, error));
        }
        producer->step = KSI_TRANSACTION_OFFSETS;
    }
    return end_transaction(producer, error);
}

/* ---- aborting -------------------------------------------------------------------------------- */

/* What was refused or lost went with the transaction. */
static void drop_trouble(ksi_account *account)
{
    ksi_refusal *refusal = ksi_account_take_refusal(account);
    while (refusal != NULL) {
        ksi_refusal_free(refusal);
        refusal = ksi_account_take_refusal(account);
    }
    (void)ksi_account_take_failure(account);
}

/*
 * librdkafka takes back what it has not sent, and waits within the call until that is booked, which
 * is done here. So the call gets little time while there is something to book, and is made again.
 */
static rd_kafka_error_t *abort_in_steps(ksi_kafka_producer *producer)
{
    int64_t deadline = ksi_monotonic_ms(&ksi_system_clock) + producer->client->call_timeout_ms;
    for (;;) {
        int64_t left = deadline - ksi_monotonic_ms(&ksi_system_clock);
        bool is_last = left <= ABORT_STEP_MS;
        bool must_book = ksi_account_under_way(producer->account) > 0;
        rd_kafka_error_t *reason = rd_kafka_abort_transaction(
            producer->client->handle, must_book || is_last ? ABORT_STEP_MS : (int)left);
        if (reason == NULL || is_last || !must_book || !may_be_repeated(reason)) {
            return reason;
        }
        rd_kafka_error_destroy(reason);
        ksi_deliveries_wait(producer->account->deliveries, ABORT_STEP_MS);
    }
}

ks_status ksi_kafka_transaction_abort(ksi_kafka_producer *producer, ks_error *error)
{
    if (producer->given_up != NULL) {
        return ksi_kafka_producer_check(producer, error);
    }
    if (producer->step != KSI_TRANSACTION_NONE) {
        rd_kafka_error_t *reason = abort_in_steps(producer);
        if (reason != NULL) {
            return void_transaction(producer, reason, "aborting the transaction", error);
        }
        producer->step = KSI_TRANSACTION_NONE;
    }
    drop_trouble(producer->account);
    return KS_OK;
}
