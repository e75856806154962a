/* SPDX-License-Identifier: Apache-2.0 */
/*
 * requests.h - the requests of Kafka's protocol that a member of a group needs, each in the one
 * version we speak.
 *
 *     ApiVersions 3   FindCoordinator 3   JoinGroup 7   SyncGroup 5   Heartbeat 4   LeaveGroup 4
 *     OffsetCommit 8  OffsetFetch 7
 *
 * They are the first versions that have all we ask for (static members, stable offsets), so that
 * brokers from 2.5 on are spoken to in the same way, and 4.x still has them. One version each: the
 * tempting wrong way is code for every version a broker may have, of which only one is ever tested.
 *
 * `ksi_put_*` writes a body, the link (coordinator_link.h) puts the header before it. `ksi_take_*`
 * reads one: KS_OK when it could be read, whatever error code stands in it, else KS_E_IO and what
 * is wrong. Slices that were read point into the body, arrays into the arena. A slice that may be
 * null says so.
 *
 * Thread rule: the caller's.
 */
#ifndef KSI_MEMBERSHIP_KAFKA_REQUESTS_H
#define KSI_MEMBERSHIP_KAFKA_REQUESTS_H

#include "base/buffer.h"
#include "membership/kafka/kafka_group.h"

typedef enum ksi_api {
    KSI_API_OFFSET_COMMIT = 8,
    KSI_API_OFFSET_FETCH = 9,
    KSI_API_FIND_COORDINATOR = 10,
    KSI_API_JOIN_GROUP = 11,
    KSI_API_HEARTBEAT = 12,
    KSI_API_LEAVE_GROUP = 13,
    KSI_API_SYNC_GROUP = 14,
    KSI_API_API_VERSIONS = 18
} ksi_api;

const char *ksi_api_name(ksi_api api);
int16_t ksi_api_version(ksi_api api);

/* ---- headers --------------------------------------------------------------------------------- */

/* All but the size, which the connection puts before it. */
void ksi_put_request_header(ksi_buffer *to, ksi_api api, int32_t correlation,
                            const char *client_id);
/* The body behind the header of an answer; KS_E_IO when it answers another request. */
KS_NODISCARD ks_status ksi_take_response_header(ks_slice frame, ksi_api api, int32_t correlation,
                                                ks_slice *body, ks_error *error);

/* ---- ApiVersions, FindCoordinator ------------------------------------------------------------ */

void ksi_put_api_versions(ksi_buffer *to);
/* KS_OK when the broker speaks all that we do; else KS_E_NOT_BUILT says what it lacks. */
KS_NODISCARD ks_status ksi_take_api_versions(ks_slice body, ks_error *error);

typedef struct ksi_found_coordinator {
    int32_t throttle_ms;
    int16_t error_code;
    ks_slice message; /* may be null */
    int32_t node;
    ks_slice host;
    int32_t port;
} ksi_found_coordinator;

void ksi_put_find_coordinator(ksi_buffer *to, const char *group);
KS_NODISCARD ks_status ksi_take_find_coordinator(ks_slice body, ksi_found_coordinator *found,
                                                 ks_error *error);

/* ---- JoinGroup ------------------------------------------------------------------------------- */

typedef struct ksi_join_request {
    const char *group;
    int64_t session_timeout_ms;
    int64_t rebalance_timeout_ms;
    const char *member;   /* "" at first */
    const char *instance; /* NULL: a dynamic member */
    const char *protocol_type;
    const char *protocol;
    ks_slice metadata; /* of the one protocol: a ConsumerProtocolSubscription */
} ksi_join_request;

typedef struct ksi_joined_member {
    ks_slice id;
    ks_slice instance; /* may be null */
    ks_slice metadata;
} ksi_joined_member;

typedef struct ksi_joined {
    int32_t throttle_ms;
    int16_t error_code;
    int32_t generation;
    ks_slice protocol_type; /* may be null */
    ks_slice protocol;      /* may be null */
    ks_slice leader;
    ks_slice member;                  /* with MEMBER_ID_REQUIRED: the id to join with */
    const ksi_joined_member *members; /* for the leader only */
    size_t member_count;
} ksi_joined;

void ksi_put_join_group(ksi_buffer *to, const ksi_join_request *request);
KS_NODISCARD ks_status ksi_take_join_group(ks_slice body, ks_arena *arena, ksi_joined *joined,
                                           ks_error *error);

/* ---- SyncGroup ------------------------------------------------------------------------------- */

typedef struct ksi_member_assignment {
    ks_slice member;
    ks_slice assignment;
} ksi_member_assignment;

typedef struct ksi_sync_request {
    const char *group;
    ksi_generation generation;
    const char *protocol_type;
    const char *protocol;
    const ksi_member_assignment *assignments; /* of the leader; of others none */
    size_t assignment_count;
} ksi_sync_request;

typedef struct ksi_synced {
    int32_t throttle_ms;
    int16_t error_code;
    ks_slice protocol_type; /* may be null */
    ks_slice protocol;      /* may be null */
    ks_slice assignment;
} ksi_synced;

void ksi_put_sync_group(ksi_buffer *to, const ksi_sync_request *request);
KS_NODISCARD ks_status ksi_take_sync_group(ks_slice body, ksi_synced *synced, ks_error *error);

/* ---- Heartbeat, LeaveGroup ------------------------------------------------------------------- */

/* An answer that is a code and no more. */
typedef struct ksi_plain_answer {
    int32_t throttle_ms;
    int16_t error_code;
} ksi_plain_answer;

void ksi_put_heartbeat(ksi_buffer *to, const char *group, const ksi_generation *generation);
KS_NODISCARD ks_status ksi_take_heartbeat(ks_slice body, ksi_plain_answer *answer, ks_error *error);

/* The number of the generation does not matter. */
void ksi_put_leave_group(ksi_buffer *to, const char *group, const ksi_generation *generation);
/* The code is the group's, or else that of the member. */
KS_NODISCARD ks_status ksi_take_leave_group(ks_slice body, ksi_plain_answer *answer,
                                            ks_error *error);

/* ---- offsets --------------------------------------------------------------------------------- */

/* What an answer says of a partition. */
typedef struct ksi_offset_answer {
    ks_slice topic;
    int32_t partition;
    int16_t error_code;
    int64_t offset;    /* of OffsetFetch; -1: none */
    ks_slice metadata; /* of OffsetFetch; may be null */
} ksi_offset_answer;

typedef struct ksi_offset_answers {
    int32_t throttle_ms;
    int16_t error_code; /* of the whole; OffsetCommit has none */
    const ksi_offset_answer *list;
    size_t count;
} ksi_offset_answers;

/* Neighbours in `list` that have the same topic share an entry. NULL generation: none. */
void ksi_put_offset_commit(ksi_buffer *to, const char *group, const ksi_generation *generation,
                           const ksi_kafka_offset *list, size_t count);
KS_NODISCARD ks_status ksi_take_offset_commit(ks_slice body, ks_arena *arena,
                                              ksi_offset_answers *answers, ks_error *error);

void ksi_put_offset_fetch(ksi_buffer *to, const char *group, const ksi_kafka_offset *list,
                          size_t count);
/* All that the group committed, without waiting for running transactions. */
void ksi_put_offset_fetch_all(ksi_buffer *to, const char *group);
KS_NODISCARD ks_status ksi_take_offset_fetch(ks_slice body, ks_arena *arena,
                                             ksi_offset_answers *answers, ks_error *error);

#endif
