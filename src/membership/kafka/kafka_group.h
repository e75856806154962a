/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_group.h - the groups of a Kafka cluster as other rooms see them: where the cluster is, and
 * a group's offsets, and members that an operator takes out of one.
 *
 * Offsets go over a connection of their own. The connection of a member is served in order and a
 * JoinGroup stays on it until the whole group has joined: a commit behind it would wait for the
 * rebalance and then be refused, because its generation is over.
 *
 * Thread rule: ksi_kafka_group_offsets any thread, one call after the other (it has a lock, takes
 * no other with it held, and calls nothing outside).
 */
#ifndef KSI_MEMBERSHIP_KAFKA_KAFKA_GROUP_H
#define KSI_MEMBERSHIP_KAFKA_KAFKA_GROUP_H

#include "base/logger.h"
#include "membership/membership.h"

/* Borrowed texts; whoever keeps one of these copies them. */
typedef struct ksi_kafka_cluster {
    const char *bootstrap_servers; /* host[:port],... ; 9092 when there is no port */
    const char *client_id;
    int64_t request_timeout_ms; /* 0 in any of these: the client's default, as Java has it */
    int64_t retry_backoff_ms;
    int64_t reconnect_backoff_ms;
} ksi_kafka_cluster;

enum { KSI_KAFKA_PORT = 9092, KSI_KAFKA_REQUEST_TIMEOUT_MS = 30000 };

static inline int64_t ksi_kafka_request_timeout_ms(const ksi_kafka_cluster *cluster)
{
    return cluster->request_timeout_ms > 0 ? cluster->request_timeout_ms
                                           : KSI_KAFKA_REQUEST_TIMEOUT_MS;
}

/* A partition and what a group committed for it. */
typedef struct ksi_kafka_offset {
    const char *topic;
    int32_t partition;
    int64_t offset;    /* -1: none was committed */
    ks_slice metadata; /* null: none */
} ksi_kafka_offset;

typedef struct ksi_kafka_group_offsets ksi_kafka_group_offsets;

/*
 * Connects when it is first used, and again whenever it has to. Whoever calls is told of failures;
 * the logger (borrowed, may be NULL) hears of a call that waits for a transaction to end. NULL and
 * an error when the list of servers cannot be read.
 */
ksi_kafka_group_offsets *ksi_kafka_group_offsets_open(const ksi_kafka_cluster *cluster,
                                                      ksi_logger *logger, ks_error *error);
void ksi_kafka_group_offsets_close(ksi_kafka_group_offsets *offsets); /* NULL is accepted */

/*
 * Commits for a member of the group in its generation; without one (NULL) as a tool does, which the
 * broker refuses while the group has members. Waits for at most the request timeout. One request:
 * when the broker refuses a single partition, that is the error of the call.
 *
 *     KS_E_STATE, retriable     the group is in a rebalance, or the generation is an old one: take
 *                               the newest and call again
 *     KS_E_FENCED               it is no member any more
 *     KS_E_UNKNOWN_TOPIC        a topic is not there; of a member retriable, for the broker may not
 *                               have heard of it yet
 *     KS_E_IO or KS_E_TIMEOUT, retriable    no answer: whether they are committed is not known, and
 *                               the same call again settles it
 */
KS_NODISCARD ks_status ksi_kafka_group_offsets_commit(ksi_kafka_group_offsets *offsets,
                                                      const char *group,
                                                      const ksi_generation *generation,
                                                      const ksi_kafka_offset *list, size_t count,
                                                      ks_error *error);
/*
 * Fills `offset` and `metadata` of each; the latter lives as long as `arena`. An offset that a
 * transaction has sent and not yet committed or aborted is waited for: reading the one before it
 * would process records twice (KIP-447).
 */
KS_NODISCARD ks_status ksi_kafka_group_offsets_fetch(ksi_kafka_group_offsets *offsets,
                                                     const char *group, ksi_kafka_offset *list,
                                                     size_t count, ks_arena *arena,
                                                     ks_error *error);
/* What a group committed, for tools: running transactions are not waited for. */
typedef struct ksi_kafka_offset_list {
    const ksi_kafka_offset *items; /* in no particular order */
    size_t count;
} ksi_kafka_offset_list;
/* All of `list` lives as long as `arena`; a group that is not there has nothing. */
KS_NODISCARD ks_status ksi_kafka_group_offsets_list(ksi_kafka_group_offsets *offsets,
                                                    const char *group, ks_arena *arena,
                                                    ksi_kafka_offset_list *list, ks_error *error);

/*
 * Takes members out of a group, as an operator does it: each is said to have left (the numbers of
 * their generations do not matter). Those that are gone already are no error.
 */
KS_NODISCARD ks_status ksi_kafka_group_remove_members(const ksi_kafka_cluster *cluster,
                                                      const char *group,
                                                      const ksi_generation *members, size_t count,
                                                      ksi_logger *logger, ks_error *error);

#endif
