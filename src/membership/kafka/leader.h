/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leader.h - what the leader of a group does: from the subscriptions of all members to an
 * assignment for each. A pure function.
 *
 *     subscriptions --> the group's tasks, the target so far, who holds what
 *                   --> ksi_assign()  -->  the new target
 *                   --> an assignment for each: its target without what another one holds
 *
 * Cooperative: a task that another member holds is not in an assignment, but *awaited*. The member
 * that holds it *owes* it: it commits and closes it, and joins again without it; the assignments
 * after that have it. A member that is slow to do so keeps that task from its heir, and nobody
 * else's. One that restarts as the static member it was finds in the assignment it is handed what
 * it owes, although it does not have it any more, and so joins again.
 *
 * What holds, whatever members say:
 *   - A task is in one assignment at most, and in none while another member holds it.
 *   - Members whose tasks differ from the group's are refused with the first difference, and the
 *     others go on without them. The group's tasks are those of the member with the newest
 *     assignment (else the first by id), so that a newcomer is refused, and not the group. The
 *     group is told, too: it may be the newcomer who has seen what the topics are by now.
 *   - Two members may claim one task as their target, when one of them missed a generation; the
 *     claim of the newer generation counts. A task whose member went is wanted where it is held.
 *   - Who leads makes no difference.
 *
 * Thread rule: any.
 */
#ifndef KSI_MEMBERSHIP_KAFKA_LEADER_H
#define KSI_MEMBERSHIP_KAFKA_LEADER_H

#include "membership/kafka/requests.h"
#include "membership/kafka/subscription.h"

typedef struct ksi_led_group {
    const char *name;
    ksi_group_inputs inputs; /* the leader's own */
    const ksi_joined_member *members;
    size_t member_count;
} ksi_led_group;

/* Fills an assignment for each member, in their order. Bytes live in the arena. */
void ksi_lead(const ksi_led_group *led, ks_arena *arena, ksi_member_assignment *assignments);

#endif
