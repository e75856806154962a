/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_error.h - the error codes that Kafka's group coordinator answers with, and what they are as
 * a ks_error.
 *
 * @thread any
 */
#ifndef KSI_MEMBERSHIP_KAFKA_KAFKA_ERROR_H
#define KSI_MEMBERSHIP_KAFKA_KAFKA_ERROR_H

#include <kstreams/common.h>

/* Kafka's numbers and names. */
typedef enum ksi_kafka_code {
    KSI_KAFKA_UNKNOWN_SERVER_ERROR = -1,
    KSI_KAFKA_NONE = 0,
    KSI_KAFKA_UNKNOWN_TOPIC_OR_PARTITION = 3,
    KSI_KAFKA_REQUEST_TIMED_OUT = 7,
    KSI_KAFKA_OFFSET_METADATA_TOO_LARGE = 12,
    KSI_KAFKA_COORDINATOR_LOAD_IN_PROGRESS = 14,
    KSI_KAFKA_COORDINATOR_NOT_AVAILABLE = 15,
    KSI_KAFKA_NOT_COORDINATOR = 16,
    KSI_KAFKA_ILLEGAL_GENERATION = 22,
    KSI_KAFKA_INCONSISTENT_GROUP_PROTOCOL = 23,
    KSI_KAFKA_INVALID_GROUP_ID = 24,
    KSI_KAFKA_UNKNOWN_MEMBER_ID = 25,
    KSI_KAFKA_INVALID_SESSION_TIMEOUT = 26,
    KSI_KAFKA_REBALANCE_IN_PROGRESS = 27,
    KSI_KAFKA_INVALID_COMMIT_OFFSET_SIZE = 28,
    KSI_KAFKA_TOPIC_AUTHORIZATION_FAILED = 29,
    KSI_KAFKA_GROUP_AUTHORIZATION_FAILED = 30,
    KSI_KAFKA_UNSUPPORTED_VERSION = 35,
    KSI_KAFKA_INVALID_REQUEST = 42,
    KSI_KAFKA_GROUP_ID_NOT_FOUND = 69,
    KSI_KAFKA_MEMBER_ID_REQUIRED = 79,
    KSI_KAFKA_GROUP_MAX_SIZE_REACHED = 81,
    KSI_KAFKA_FENCED_INSTANCE_ID = 82,
    KSI_KAFKA_UNSTABLE_OFFSET_COMMIT = 88
} ksi_kafka_code;

/* "NOT_COORDINATOR"; "error 4711" is not known here: NULL. */
const char *ksi_kafka_code_name(int16_t code);

/*
 * Whether the same request may be sent again as it is: the coordinator is elsewhere, is loading, or
 * waits for a transaction to end. Nothing of it was carried out.
 */
bool ksi_kafka_code_is_temporary(int16_t code);

/*
 * An answer's code as an error: its status and flags, "WHAT: NAME (number), in plain words".
 * `where` is the group or the topic. KS_OK for KSI_KAFKA_NONE, with `error` left alone.
 *
 *     ILLEGAL_GENERATION, REBALANCE_IN_PROGRESS                      KS_E_STATE, retriable
 *     UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID                          KS_E_FENCED
 *     temporary ones                                                 KS_E_IO, retriable
 *     UNKNOWN_TOPIC_OR_PARTITION                                     KS_E_UNKNOWN_TOPIC
 *     OFFSET_METADATA_TOO_LARGE, INVALID_COMMIT_OFFSET_SIZE,
 *     GROUP_MAX_SIZE_REACHED                                         KS_E_LIMIT
 *     INVALID_GROUP_ID, INVALID_SESSION_TIMEOUT                      KS_E_CONFIG
 *     everything else                                                KS_E_IO
 */
ks_status ksi_kafka_code_error(int16_t code, const char *where, const char *what, ks_error *error);

#endif
