/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coordinator.h - the groups of an embedded log: who is a member, and what each shall run.
 *
 * A coordinator lives in the memory of the process that holds the log, and ends with it: every
 * member is in that process or reaches it through that process, so there is nobody left who could
 * ask for a group that was forgotten.
 *
 *     ksi_coordinator_join()          -> ksi_membership: poll, report, leave (membership.h)
 *     ksi_coordinator_is_current()    may this generation commit?
 *     ksi_coordinator_each_member()   for tools
 *
 * How a task moves from A to B. Each change of members makes a new *target*, by the assignor. A
 * poll shows a member its target without what another member still *has*:
 *
 *     target of t      A's view     B's view     A has t     B has t
 *     A                t            -            yes         no
 *     B (B joined)     -            -            yes         no       A is asked, by t being away
 *     B                -            -            no          no       A reported without t
 *     B                -            t            no          yes      from the moment B is shown it
 *
 * A member has a task from the poll that shows it until a report that came after a poll which did
 * not, and that does not list it. A report alone is not enough: a member that was shown a task may
 * be about to begin it. Being shown is not enough either, in the other direction: it is still busy
 * with what it was shown before.
 *
 * Sessions. Time is handed in. A member that has not polled for its session.timeout.ms is fenced by
 * the next poll, join or rejoin of another one. Its own poll, however late, keeps it: nobody was
 * told that it is gone.
 *
 * Commits. ksi_coordinator_is_current() has to be asked under the lock which orders a commit of
 * offsets and the reading of them: else a member could be fenced between the question and the
 * commit, and its heir read the offsets before they are changed.
 *
 * Differences of members: tasks have to be the same, or join() refuses; of the standbys wanted the
 * largest number counts. A group whose last member went is forgotten; the next one may bring other
 * tasks. Generations are unique in a coordinator, and so are members' names.
 *
 * Thread rule: any; one lock inside, held for no call to the outside. A membership belongs to one
 * thread at a time.
 */
#ifndef KSI_MEMBERSHIP_COORDINATOR_H
#define KSI_MEMBERSHIP_COORDINATOR_H

#include "membership/membership.h"

typedef struct ksi_coordinator ksi_coordinator;

/* A member at one moment; borrowed for the call. What is not known of it is NULL or 0. */
typedef struct ksi_member_info {
    const char *member;
    const char *client_id;
    const char *process_id;
    const char *instance_id; /* of a static member */
    const char *endpoint;    /* application.server */
    const char *host;        /* where it connects from */
    int32_t generation;
    int32_t capacity;
    int64_t heard_ms; /* when it polled last, by the clock of its polls */
    int64_t session_timeout_ms;
    const ksi_task_id *active; /* what it has, by id */
    size_t active_count;
    const ksi_task_id *standby;
    size_t standby_count;
    const ksi_topic_partition *inputs; /* what its active tasks read */
    size_t input_count;
} ksi_member_info;

typedef void ksi_member_visit_fn(void *user, const ksi_member_info *member);
typedef void ksi_member_group_visit_fn(void *user, const char *group);

ksi_coordinator *ksi_coordinator_new(void);
/* Every membership has left or vanished before. NULL is nothing. */
void ksi_coordinator_free(ksi_coordinator *coordinator);

/*
 * A new member, owned by the caller: give it back with leave() while the coordinator lives. NULL
 * and KS_E_ARGUMENT for options out of range, KS_E_TOPOLOGY when the group has other tasks; the
 * message names the first that differs.
 */
ksi_membership *ksi_coordinator_join(ksi_coordinator *coordinator,
                                     const ksi_member_options *options, int64_t now_ms,
                                     ks_error *error);

/* Whether this is a member of the group now, in this generation. */
bool ksi_coordinator_is_current(ksi_coordinator *coordinator, const char *group,
                                const ksi_generation *generation);
bool ksi_coordinator_has_members(ksi_coordinator *coordinator, const char *group);
/* Fences every member of a group, as if all sessions had ended: who lives may join again. */
void ksi_coordinator_remove_members(ksi_coordinator *coordinator, const char *group);
/* Groups that have members, in no particular order. */
void ksi_coordinator_each_group(ksi_coordinator *coordinator, ksi_member_group_visit_fn *visit,
                                void *user);
/* The members of a group as they joined. The visitor may call the coordinator. */
void ksi_coordinator_each_member(ksi_coordinator *coordinator, const char *group,
                                 ksi_member_visit_fn *visit, void *user);

#endif
