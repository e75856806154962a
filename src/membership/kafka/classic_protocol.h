/* SPDX-License-Identifier: Apache-2.0 */
/*
 * classic_protocol.h - the classic group protocol as one member speaks it, without a socket:
 * requests come out, answers go in, and time is handed in.
 *
 *     next()       a request to send, when there is one to send now
 *     answered()   its answer          unanswered()   there will be none
 *     status()     what poll() of the membership says
 *
 * States, and what leads from one to the other. One request is in flight at a time. But for *lost*
 * and *failed*, the tasks go on in all of them.
 *
 *     state     sends       when               answer                       then
 *     joining   JoinGroup   at once; parked    NONE                         syncing
 *                           until all have     MEMBER_ID_REQUIRED           joining, with the id
 *                           joined             INCONSISTENT_GROUP_PROTOCOL  joining in a second;
 *                                                                           failed when they stay
 *     syncing   SyncGroup   at once; the       NONE                         stable, a new view
 *                           leader's says      none came                    syncing, the same again
 *                           what all get
 *     stable    Heartbeat   by its interval    NONE                         stable
 *     any of the three                         REBALANCE_IN_PROGRESS,
 *                                              ILLEGAL_GENERATION           joining, at once
 *                                              UNKNOWN_MEMBER_ID            lost; joining, with no
 *                                                                           id if it holds nothing
 *                                              temporary ones, or none      the same again
 *                                              FENCED_INSTANCE_ID, others   failed
 *     lost      nothing     its owner is told KS_E_FENCED and has to drop all tasks; rejoin() leads
 *                           to joining, with nothing held
 *     failed    nothing     its owner is told why; rejoin() leads to joining
 *
 * From stable to joining by itself, when the group has to know something: a task it believes to be
 * here was given up, it can run nothing any more or again, all shall end.
 *
 * Lost, too, is a member of which no request was answered for its session: the group has given its
 * tasks away by then. The time while a JoinGroup or SyncGroup is parked at the broker does not
 * count, for the broker keeps those who wait for it.
 *
 * ILLEGAL_GENERATION is no loss by itself: a dynamic member that the group still knows was in every
 * rebalance, and all that it holds was declared there. A static one is kept by the group even when
 * it missed a rebalance; it sees that by the number of the next generation it joins, and is lost.
 *
 * A static leader that comes back finds its group stable. Brokers answer it with the id it had as
 * the leader's (only from version 9 of JoinGroup on they say in words that it has nothing to
 * assign), so it takes itself for one of the others, and is given what the group kept for it. It
 * leads again when a rebalance asks it to.
 *
 * A JoinGroup says what the member holds at that moment (member_tasks.h). The group may have seen
 * one whose answer was lost: it said the same, or more, for nothing is begun before an assignment
 * comes.
 *
 * A member that is *in doubt* (a commit was refused as that of nobody) asks at once, and is sure
 * again when the coordinator has answered a request that was sent since then in a way that only a
 * member gets. Otherwise it would hear of it with its next heartbeat, and its owner would begin
 * tasks meanwhile that others have.
 *
 * The number of the generation is the new one from the answer to JoinGroup on: offsets in a
 * transaction are taken from then, and those of the old one are not any more.
 *
 * While some task is awaited by somebody, members send heartbeats faster, so that the next
 * rebalance does not wait for the slowest of them.
 *
 * Thread rule: one thread at a time.
 */
#ifndef KSI_MEMBERSHIP_KAFKA_CLASSIC_PROTOCOL_H
#define KSI_MEMBERSHIP_KAFKA_CLASSIC_PROTOCOL_H

#include "base/logger.h"
#include "membership/kafka/requests.h"
#include "membership/kafka/subscription.h"

typedef struct ksi_classic ksi_classic;

typedef struct ksi_classic_request {
    ksi_api api;
    ks_slice body; /* borrowed until the next call */
    int64_t timeout_ms;
} ksi_classic_request;

/* The logger is borrowed, and may be NULL. `request_timeout_ms` 0: as Java has it. */
ksi_classic *ksi_classic_new(const ksi_member_options *options, int64_t request_timeout_ms,
                             ksi_logger *logger, int64_t now_ms);
void ksi_classic_free(ksi_classic *self);

/* A request to send now, which is in flight from then on; false: none. */
bool ksi_classic_next(ksi_classic *self, int64_t now_ms, ksi_classic_request *request);
/* The body of the answer. Returns its error code, for ksi_coordinator_link_heed(). */
int16_t ksi_classic_answered(ksi_classic *self, ks_slice body, int64_t now_ms);
/* No answer will come: the request was not sent, or nobody knows what became of it. */
void ksi_classic_unanswered(ksi_classic *self, const ks_error *why, int64_t now_ms);
/*
 * Time passed; `parked`: the request in flight was sent, so that a broker may be keeping it. True:
 * the session is over, and a request in flight is void: cancel it.
 */
bool ksi_classic_passed(ksi_classic *self, bool parked, int64_t now_ms);

/* When next() or passed() has something to do although no answer came. */
int64_t ksi_classic_next_ms(const ksi_classic *self);
/* KS_OK and the view, else what is wrong. */
ks_status ksi_classic_status(const ksi_classic *self, ksi_group_view *view, ks_error *error);
ksi_generation ksi_classic_generation(const ksi_classic *self);

/* As in ksi_membership_class. */
void ksi_classic_report(ksi_classic *self, ksi_task_ids active, const ksi_task_state *standby,
                        size_t standby_count);
void ksi_classic_set_capacity(ksi_classic *self, int32_t capacity);
void ksi_classic_doubt(ksi_classic *self, int64_t now_ms);
void ksi_classic_shut_down(ksi_classic *self);
/* From any state; a request in flight is void. */
void ksi_classic_rejoin(ksi_classic *self, int64_t now_ms);
/* A LeaveGroup, when there is one to send: a static member keeps its place. */
bool ksi_classic_leave(ksi_classic *self, ksi_classic_request *request);

#endif
