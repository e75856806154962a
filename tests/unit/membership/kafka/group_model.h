/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group_model.h - one classic group as Kafka's coordinator keeps it, in memory and single-stepped:
 * bodies of requests go in, bodies of answers come out, now or later.
 *
 *     empty -> preparing (members join, JoinGroups are parked) -> completing (SyncGroups are parked
 *     until the leader's comes) -> stable
 *
 * A caller is a connection: what is parked on it is answered into its mailbox. Losing a connection
 * loses the answers, not what the group did.
 *
 * Thread rule: one thread.
 */
#ifndef TEST_GROUP_MODEL_H
#define TEST_GROUP_MODEL_H

#include "membership/kafka/requests.h"

enum { MODEL_CALLERS = 8, MODEL_MEMBERS = 64, MODEL_BYTES = 4096, MODEL_PENDING_MS = 1000 };

typedef enum model_state {
    MODEL_EMPTY,
    MODEL_PREPARING,
    MODEL_COMPLETING,
    MODEL_STABLE
} model_state;

typedef struct model_bytes {
    char data[MODEL_BYTES];
    size_t size;
} model_bytes;

typedef struct model_member {
    bool there;
    char id[64];
    char instance[32]; /* "": dynamic */
    model_bytes metadata;
    model_bytes assignment;
    int64_t session_ms;
    int64_t rebalance_ms;
    int64_t heard_ms;
    int joining; /* the caller whose JoinGroup is parked; -1: none */
    int syncing;
} model_member;

typedef struct group_model {
    model_state state;
    int32_t generation;
    int64_t deadline_ms; /* of the phase that runs */
    char leader[64];
    model_member members[MODEL_MEMBERS];
    char pending[MODEL_MEMBERS][64]; /* ids that were given out, and did not join yet */
    int64_t pending_ms[MODEL_MEMBERS];
    int ids;
    int64_t now;
    ksi_buffer answers[MODEL_CALLERS + 1]; /* the last is of connections that are gone */
    bool answered[MODEL_CALLERS + 1];
    /* What tests look at, and set. */
    int joins;          /* JoinGroups that came */
    int rebalances;     /* begun */
    int16_t next_code;  /* the next request is answered by it, and has no effect; 0: none */
    bool others_are_in; /* members of another protocol */
} group_model;

void group_model_init(group_model *self);
void group_model_destroy(group_model *self);
/* Ends sessions and phases whose time is over. */
void group_model_pass(group_model *self, int64_t now_ms);
/* Takes a request of a caller. */
void group_model_request(group_model *self, int caller, ksi_api api, ks_slice body);
/* Its connection is gone: answers go nowhere. */
void group_model_disconnect(group_model *self, int caller);
/* Whether a commit of this generation would be accepted. */
bool group_model_accepts(const group_model *self, const ksi_generation *generation);
size_t group_model_count(const group_model *self);

#endif
