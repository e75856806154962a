/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_failure.c - from librdkafka's codes to errors in our words.
 *
 * One table says what each code means to a caller: give it up, call again, or look for the mistake
 * in what was asked. A code that is not in it is KS_E_IO and final: calling again what nobody
 * understands would go round for ever.
 *
 * A request whose time ran out says little; the connection that could not be made says why. So what
 * is retriable has both.
 *
 * Thread rule: any thread.
 */
#include "transport/kafka/kafka_client.h"

#include "base/error.h"

typedef struct meaning {
    rd_kafka_resp_err_t code;
    ks_status status;
    uint32_t flags;
} meaning;

#define CODE(name) RD_KAFKA_RESP_ERR_##name

static const meaning meanings[] = {
    /* time ran out: nothing is known to be wrong */
    {CODE(_TIMED_OUT), KS_E_TIMEOUT, KS_ERROR_RETRIABLE},
    {CODE(_TIMED_OUT_QUEUE), KS_E_TIMEOUT, KS_ERROR_RETRIABLE},
    {CODE(_MSG_TIMED_OUT), KS_E_TIMEOUT, KS_ERROR_RETRIABLE},
    {CODE(REQUEST_TIMED_OUT), KS_E_TIMEOUT, KS_ERROR_RETRIABLE},
    /* no connection, or nobody there who is in charge */
    {CODE(_TRANSPORT), KS_E_IO, KS_ERROR_RETRIABLE},
    {CODE(_ALL_BROKERS_DOWN), KS_E_IO, KS_ERROR_RETRIABLE},
    {CODE(_RESOLVE), KS_E_IO, KS_ERROR_RETRIABLE},
    {CODE(_RETRY), KS_E_IO, KS_ERROR_RETRIABLE},
    {CODE(_WAIT_COORD), KS_E_IO, KS_ERROR_RETRIABLE},
    {CODE(_WAIT_CACHE), KS_E_IO, KS_ERROR_RETRIABLE},
    {CODE(_UNKNOWN_BROKER), KS_E_IO, KS_ERROR_RETRIABLE},
    {CODE(NETWORK_EXCEPTION), KS_E_IO, KS_ERROR_RETRIABLE},
    {CODE(BROKER_NOT_AVAILABLE), KS_E_IO, KS_ERROR_RETRIABLE},
    {CODE(LEADER_NOT_AVAILABLE), KS_E_IO, KS_ERROR_RETRIABLE},
    {CODE(NOT_LEADER_FOR_PARTITION), KS_E_IO, KS_ERROR_RETRIABLE},
    {CODE(REPLICA_NOT_AVAILABLE), KS_E_IO, KS_ERROR_RETRIABLE},
    {CODE(PREFERRED_LEADER_NOT_AVAILABLE), KS_E_IO, KS_ERROR_RETRIABLE},
    {CODE(ELIGIBLE_LEADERS_NOT_AVAILABLE), KS_E_IO, KS_ERROR_RETRIABLE},
    {CODE(FENCED_LEADER_EPOCH), KS_E_IO, KS_ERROR_RETRIABLE},
    {CODE(UNKNOWN_LEADER_EPOCH), KS_E_IO, KS_ERROR_RETRIABLE},
    {CODE(OFFSET_NOT_AVAILABLE), KS_E_IO, KS_ERROR_RETRIABLE},
    {CODE(COORDINATOR_LOAD_IN_PROGRESS), KS_E_IO, KS_ERROR_RETRIABLE},
    {CODE(COORDINATOR_NOT_AVAILABLE), KS_E_IO, KS_ERROR_RETRIABLE},
    {CODE(NOT_COORDINATOR), KS_E_IO, KS_ERROR_RETRIABLE},
    {CODE(NOT_CONTROLLER), KS_E_IO, KS_ERROR_RETRIABLE},
    {CODE(NOT_ENOUGH_REPLICAS), KS_E_IO, KS_ERROR_RETRIABLE},
    {CODE(NOT_ENOUGH_REPLICAS_AFTER_APPEND), KS_E_IO, KS_ERROR_RETRIABLE},
    {CODE(KAFKA_STORAGE_ERROR), KS_E_IO, KS_ERROR_RETRIABLE},
    {CODE(STALE_BROKER_EPOCH), KS_E_IO, KS_ERROR_RETRIABLE},
    {CODE(CONCURRENT_TRANSACTIONS), KS_E_IO, KS_ERROR_RETRIABLE},
    {CODE(UNSTABLE_OFFSET_COMMIT), KS_E_IO, KS_ERROR_RETRIABLE},
    {CODE(REASSIGNMENT_IN_PROGRESS), KS_E_IO, KS_ERROR_RETRIABLE},
    {CODE(THROTTLING_QUOTA_EXCEEDED), KS_E_IO, KS_ERROR_RETRIABLE},
    {CODE(_QUEUE_FULL), KS_E_LIMIT, KS_ERROR_RETRIABLE},
    /* the group goes on without this generation; a newer one may do the same */
    {CODE(REBALANCE_IN_PROGRESS), KS_E_STATE, KS_ERROR_RETRIABLE},
    {CODE(ILLEGAL_GENERATION), KS_E_STATE, KS_ERROR_RETRIABLE},
    /* somebody else took over */
    {CODE(UNKNOWN_MEMBER_ID), KS_E_FENCED, 0},
    {CODE(FENCED_INSTANCE_ID), KS_E_FENCED, 0},
    {CODE(_FENCED), KS_E_FENCED, 0},
    {CODE(PRODUCER_FENCED), KS_E_FENCED, 0},
    {CODE(INVALID_PRODUCER_EPOCH), KS_E_FENCED, 0},
    /* it is not there */
    {CODE(_UNKNOWN_TOPIC), KS_E_UNKNOWN_TOPIC, 0},
    {CODE(_UNKNOWN_PARTITION), KS_E_UNKNOWN_TOPIC, 0},
    {CODE(UNKNOWN_TOPIC_OR_PART), KS_E_UNKNOWN_TOPIC, 0},
    {CODE(_AUTO_OFFSET_RESET), KS_E_OUT_OF_RANGE, 0},
    {CODE(OFFSET_OUT_OF_RANGE), KS_E_OUT_OF_RANGE, 0},
    /* too much at once */
    {CODE(MSG_SIZE_TOO_LARGE), KS_E_LIMIT, 0},
    {CODE(RECORD_LIST_TOO_LARGE), KS_E_LIMIT, 0},
    {CODE(OFFSET_METADATA_TOO_LARGE), KS_E_LIMIT, 0},
    /* the request is wrong */
    {CODE(_INVALID_ARG), KS_E_ARGUMENT, 0},
    {CODE(TOPIC_EXCEPTION), KS_E_ARGUMENT, 0},
    {CODE(INVALID_PARTITIONS), KS_E_ARGUMENT, 0},
    {CODE(INVALID_REPLICATION_FACTOR), KS_E_ARGUMENT, 0},
    {CODE(INVALID_REPLICA_ASSIGNMENT), KS_E_ARGUMENT, 0},
    {CODE(INVALID_CONFIG), KS_E_ARGUMENT, 0},
    {CODE(INVALID_REQUEST), KS_E_ARGUMENT, 0},
    {CODE(INVALID_GROUP_ID), KS_E_ARGUMENT, 0},
    {CODE(INVALID_TIMESTAMP), KS_E_ARGUMENT, 0},
    {CODE(POLICY_VIOLATION), KS_E_ARGUMENT, 0},
    /* right, and not now */
    {CODE(_STATE), KS_E_STATE, 0},
    {CODE(NON_EMPTY_GROUP), KS_E_STATE, 0},
    {CODE(GROUP_SUBSCRIBED_TO_TOPIC), KS_E_STATE, 0},
    {CODE(TOPIC_DELETION_DISABLED), KS_E_STATE, 0},
    {CODE(TOPIC_ALREADY_EXISTS), KS_E_STATE, 0},
};

/* Where librdkafka's words say what happened and leave the reader alone with it. */
static const struct {
    rd_kafka_resp_err_t code;
    const char *text;
} advice[] = {
    {CODE(MSG_SIZE_TOO_LARGE), "raise max.message.bytes of the topic, or send less"},
    {CODE(RECORD_LIST_TOO_LARGE), "raise segment.bytes of the topic, or lower producer.batch.size"},
    {CODE(_UNKNOWN_TOPIC), "the topic was deleted or never made"},
    {CODE(_UNKNOWN_PARTITION), "the topic was deleted, or has fewer partitions than it had"},
    {CODE(UNKNOWN_TOPIC_OR_PART), "the topic was deleted or never made, or has fewer partitions"},
    {CODE(INVALID_TIMESTAMP), "message.timestamp.after.max.ms and message.timestamp.before.max.ms "
                              "of the topic say which times it takes"},
    {CODE(INVALID_REPLICATION_FACTOR), "the cluster has fewer brokers: lower replication.factor"},
    {CODE(TOPIC_AUTHORIZATION_FAILED), "the cluster's access rules have to allow it"},
    {CODE(GROUP_AUTHORIZATION_FAILED), "the cluster's access rules have to allow it"},
    {CODE(CLUSTER_AUTHORIZATION_FAILED), "the cluster's access rules have to allow it"},
    {CODE(TRANSACTIONAL_ID_AUTHORIZATION_FAILED), "the cluster's access rules have to allow it"},
    {CODE(_FENCED), "another producer of the same transactional.id has begun"},
    {CODE(PRODUCER_FENCED), "another producer of the same transactional.id has begun"},
};

static const char *advice_about(rd_kafka_resp_err_t code)
{
    for (size_t i = 0; i < sizeof advice / sizeof advice[0]; i++) {
        if (advice[i].code == code) {
            return advice[i].text;
        }
    }
    return NULL;
}

static meaning meaning_of(rd_kafka_resp_err_t code)
{
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
        if (meanings[i].code == code) {
            return meanings[i];
        }
    }
    return (meaning){code, KS_E_IO, code == CODE(_FATAL) ? KS_ERROR_FATAL : 0};
}

ks_status ksi_kafka_client_fail(ksi_kafka_client *client, const ksi_kafka_failure *failure,
                                ks_error *error)
{
    meaning is = meaning_of(failure->code);
    const char *text = failure->text != NULL && failure->text[0] != '\0'
                           ? failure->text
                           : rd_kafka_err2str(failure->code);
    const char *more = advice_about(failure->code);
    (void)ksi_error_set(error, is.status, failure->where, "%s: %s%s%s", failure->doing, text,
                        more != NULL ? "; " : "", more != NULL ? more : "");
    if (error != NULL) {
        error->flags = is.flags;
    }
    if (client != NULL && (is.flags & KS_ERROR_RETRIABLE) != 0) {
        ksi_kafka_client_explain(client, error);
    }
    return is.status;
}

ks_status ksi_kafka_client_fail_with(ksi_kafka_client *client, rd_kafka_error_t *reason,
                                     const char *where, const char *doing, ks_error *error)
{
    const ksi_kafka_failure failure = {.code = rd_kafka_error_code(reason),
                                       .text = rd_kafka_error_string(reason),
                                       .where = where,
                                       .doing = doing};
    ks_status status = ksi_kafka_client_fail(client, &failure, error);
    if (error != NULL) {
        error->flags |= rd_kafka_error_is_retriable(reason) != 0 ? KS_ERROR_RETRIABLE : 0;
        error->flags |= rd_kafka_error_txn_requires_abort(reason) != 0 ? KS_ERROR_ABORT : 0;
        error->flags |= rd_kafka_error_is_fatal(reason) != 0 ? KS_ERROR_FATAL : 0;
    }
    rd_kafka_error_destroy(reason);
    return status;
}
