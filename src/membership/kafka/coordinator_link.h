/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coordinator_link.h - one request after the other to the broker that coordinates a group, wherever
 * it is.
 *
 *     send -> poll ... poll -> ANSWERED   the body of the answer
 *                           -> UNSENT     no coordinator in time: it was not carried out
 *                           -> LOST       sent, and no answer: carried out or not
 *
 *     idle --> bootstrap broker: ApiVersions, FindCoordinator --> coordinator: ApiVersions
 *      ^           (each in turn, with a pause in between)            |
 *      |                                                             v
 *      +--- the coordinator moved, or is gone <--------------- requests, one at a time
 *
 * Connections are made when a request needs one. A broker closes idle ones
 * (connections.max.idle.ms) and may go away at any time; while nothing is in flight nobody is told.
 * A request that is waiting to be sent outlives any number of failed attempts until its time is
 * over; the last reason is in the error. One that was sent is never sent again by itself: only the
 * caller knows whether that is harmless. throttle_time_ms is respected: the next request waits as
 * long.
 *
 * Outages are log lines: one when the coordinator is lost, one when it is found again.
 *
 * The tempting wrong way is a callback per answer: then the state machine of a member is torn into
 * pieces. Polled, it asks at one place.
 *
 * Time is ksi_monotonic_ms() of any clock; ksi_coordinator_link_await() waits, so it takes the
 * system's.
 *
 * Thread rule: one thread at a time.
 */
#ifndef KSI_MEMBERSHIP_KAFKA_COORDINATOR_LINK_H
#define KSI_MEMBERSHIP_KAFKA_COORDINATOR_LINK_H

#include "base/logger.h"
#include "membership/kafka/kafka_group.h"
#include "membership/kafka/requests.h"

typedef struct ksi_coordinator_link ksi_coordinator_link;

typedef enum ksi_link_state {
    KSI_LINK_IDLE = 0, /* nothing was sent since the last result */
    KSI_LINK_WAITS,    /* for a coordinator, or for the answer */
    KSI_LINK_ANSWERED,
    KSI_LINK_UNSENT,
    KSI_LINK_LOST
} ksi_link_state;

/* NULL and an error (KS_E_CONFIG) when the list of servers cannot be read. */
ksi_coordinator_link *ksi_coordinator_link_new(const ksi_kafka_cluster *cluster, const char *group,
                                               ksi_logger *logger, ks_error *error);
/* Closes the connection without a word; NULL is accepted. */
void ksi_coordinator_link_free(ksi_coordinator_link *link);

/*
 * Begins a request: `body` (copied) goes to the coordinator as soon as there is one. A result is
 * there after `timeout_ms` at the latest. The link must be idle.
 */
void ksi_coordinator_link_send(ksi_coordinator_link *link, ksi_api api, ks_slice body,
                               int64_t timeout_ms, int64_t now_ms);

/*
 * Does what can be done without waiting for others (but a name may have to be resolved, which may
 * take seconds). A result is told once; then the link is idle. ANSWERED: `*body` lives until the
 * next call of send() or poll(). UNSENT and LOST: `error` says why, KS_E_IO or KS_E_TIMEOUT flagged
 * retriable. A broker that lacks what we need, or refuses us, makes UNSENT without the flag.
 */
ksi_link_state ksi_coordinator_link_poll(ksi_coordinator_link *link, int64_t now_ms, ks_slice *body,
                                         ks_error *error);

/* Whether the request was sent and waits for its answer: a broker may be keeping a JoinGroup. */
bool ksi_coordinator_link_has_sent(const ksi_coordinator_link *link);

/*
 * The caller read this code in an answer. True: it is temporary (ksi_kafka_code_is_temporary), and
 * the next request waits a little, and goes to the coordinator that is found anew where this one is
 * none; so send the same again.
 */
bool ksi_coordinator_link_heed(ksi_coordinator_link *link, int16_t code, int64_t now_ms);

/* Gives a request up: its answer, if one comes, is never seen. For a JoinGroup that is parked. */
void ksi_coordinator_link_cancel(ksi_coordinator_link *link);

/* For poll(2): up to `capacity` are filled in, their number is the answer. */
size_t ksi_coordinator_link_descriptors(const ksi_coordinator_link *link, struct pollfd *fds,
                                        size_t capacity);
/* When poll() has to be called although no descriptor wakes; INT64_MAX: no need. */
int64_t ksi_coordinator_link_next_ms(const ksi_coordinator_link *link);

/* Polls and waits until there is a result; never IDLE or WAITS when something was sent. */
ksi_link_state ksi_coordinator_link_await(ksi_coordinator_link *link, ks_slice *body,
                                          ks_error *error);

#endif
