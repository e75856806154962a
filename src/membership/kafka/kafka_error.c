/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_error.c - one table: number, name, status, flags, and the words that say what to do.
 */
#include "membership/kafka/kafka_error.h"

#include "base/error.h"

typedef struct code_row {
    ksi_kafka_code code;
    const char *name;
    ks_status status;
    uint32_t flags;
    const char *words;
} code_row;

#define ROW(name, status, flags, words)               \
    {                                                 \
        KSI_KAFKA_##name, #name, status, flags, words \
    }

static const code_row rows[] = {
    ROW(UNKNOWN_SERVER_ERROR, KS_E_IO, 0, "the broker's log has the reason"),
    ROW(UNKNOWN_TOPIC_OR_PARTITION, KS_E_UNKNOWN_TOPIC, 0, "the topic or partition is not there"),
    ROW(REQUEST_TIMED_OUT, KS_E_IO, KS_ERROR_RETRIABLE, "the broker gave up waiting for others"),
    ROW(OFFSET_METADATA_TOO_LARGE, KS_E_LIMIT, 0,
        "the text beside an offset is larger than the broker's offset.metadata.max.bytes"),
    ROW(COORDINATOR_LOAD_IN_PROGRESS, KS_E_IO, KS_ERROR_RETRIABLE,
        "the coordinator is still reading the group"),
    ROW(COORDINATOR_NOT_AVAILABLE, KS_E_IO, KS_ERROR_RETRIABLE,
        "the cluster has no coordinator for the group yet"),
    ROW(NOT_COORDINATOR, KS_E_IO, KS_ERROR_RETRIABLE, "another broker coordinates the group"),
    ROW(ILLEGAL_GENERATION, KS_E_STATE, KS_ERROR_RETRIABLE, "the group has a newer generation"),
    ROW(INCONSISTENT_GROUP_PROTOCOL, KS_E_STATE, 0,
        "members of the group assign tasks in another way: another kind of client has the same "
        "application.id"),
    ROW(INVALID_GROUP_ID, KS_E_CONFIG, 0, "change application.id"),
    ROW(UNKNOWN_MEMBER_ID, KS_E_FENCED, 0, "the group does not have this member any more"),
    ROW(INVALID_SESSION_TIMEOUT, KS_E_CONFIG, 0,
        "session.timeout.ms lies outside the broker's group.min.session.timeout.ms and "
        "group.max.session.timeout.ms"),
    ROW(REBALANCE_IN_PROGRESS, KS_E_STATE, KS_ERROR_RETRIABLE, "the group is in a rebalance"),
    ROW(INVALID_COMMIT_OFFSET_SIZE, KS_E_LIMIT, 0,
        "the offsets of one commit are more than a message of the broker's may have"),
    ROW(TOPIC_AUTHORIZATION_FAILED, KS_E_IO, 0, "this user may not read the topic"),
    ROW(GROUP_AUTHORIZATION_FAILED, KS_E_IO, 0, "this user may not use the group"),
    ROW(UNSUPPORTED_VERSION, KS_E_NOT_BUILT, 0, "the broker does not have this version of it"),
    ROW(INVALID_REQUEST, KS_E_IO, 0, "the broker does not take the request"),
    ROW(GROUP_ID_NOT_FOUND, KS_E_STATE, 0, "there is no such group"),
    ROW(MEMBER_ID_REQUIRED, KS_E_STATE, KS_ERROR_RETRIABLE, "join again with the id given"),
    ROW(GROUP_MAX_SIZE_REACHED, KS_E_LIMIT, 0,
        "the group has as many members as the broker's group.max.size allows"),
    ROW(FENCED_INSTANCE_ID, KS_E_FENCED, 0,
        "another process has the same group.instance.id; each process needs its own"),
    ROW(UNSTABLE_OFFSET_COMMIT, KS_E_IO, KS_ERROR_RETRIABLE,
        "a transaction that sent offsets of the group is still open; the broker ends it when its "
        "transaction.timeout.ms is over"),
};

static const code_row *row_of(int16_t code)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].code == (ksi_kafka_code)code) {
            return &rows[i];
        }
    }
    return NULL;
}

const char *ksi_kafka_code_name(int16_t code)
{
    const code_row *row = row_of(code);
    return row != NULL ? row->name : code == KSI_KAFKA_NONE ? "NONE" : NULL;
}

bool ksi_kafka_code_is_temporary(int16_t code)
{
    return code == KSI_KAFKA_COORDINATOR_LOAD_IN_PROGRESS ||
           code == KSI_KAFKA_COORDINATOR_NOT_AVAILABLE || code == KSI_KAFKA_NOT_COORDINATOR ||
           code == KSI_KAFKA_UNSTABLE_OFFSET_COMMIT;
}

ks_status ksi_kafka_code_error(int16_t code, const char *where, const char *what, ks_error *error)
{
    if (code == KSI_KAFKA_NONE) {
        return KS_OK;
    }
    const code_row *row = row_of(code);
    if (row == NULL) {
        return ksi_error_set(error, KS_E_IO, where, "%s: the broker answered with its error %d",
                             what, code);
    }
    ks_status status = ksi_error_set(error, row->status, where, "%s: %s (%d): %s", what, row->name,
                                     code, row->words);
    if (row->flags != 0) {
        (void)ksi_error_flag(error, row->flags);
    }
    return status;
}
