/* SPDX-License-Identifier: Apache-2.0 */
/*
 * member_tasks.h - what one member of a group was told to have, has, and told the group it has.
 *
 *     target     what the group wants it to have in the end      set by an assignment
 *     shown      what its owner was told to have                 set by an assignment
 *     held       active tasks that it may be running             set when shown; cleared by a
 *                                                                report, or when all is lost
 *     owed       what the group believes it holds and wants      set by an assignment
 *                to be given up
 *
 * A task that is held and not shown has to be given up. One that is owed and not held was given up,
 * and the group does not know yet: then the member has to join again, for somebody may wait for it.
 *
 * An active task is held from the moment it is shown until a report that came after it was not
 * shown any more, and that does not list it: a member may be about to begin what it was shown.
 *
 * When all is lost the target stays: it is a claim of an old generation. Newer ones count more, and
 * when there are none the tasks go back to where their state is.
 *
 * Thread rule: that of the membership.
 */
#ifndef KSI_MEMBERSHIP_KAFKA_MEMBER_TASKS_H
#define KSI_MEMBERSHIP_KAFKA_MEMBER_TASKS_H

#include "membership/assignor.h"
#include "membership/kafka/subscription.h"

typedef struct ksi_member_tasks {
    ksi_group_tasks list;
    ksi_group_task *items; /* of the list */
    uint32_t checksum;
    ksi_role *target;
    ksi_role *shown;
    bool *held;
    bool *owed;
    int64_t *offsets;    /* of the state it has; -1: none */
    ksi_task_id *active; /* what is shown, for views */
    size_t active_count;
    ksi_task_id *standby;
    size_t standby_count;
} ksi_member_tasks;

void ksi_member_tasks_init(ksi_member_tasks *self, const ksi_member_options *options);
void ksi_member_tasks_destroy(ksi_member_tasks *self);

/* Fills what a subscription says of tasks. It lives in the arena. */
void ksi_member_tasks_declare(const ksi_member_tasks *self, ks_arena *arena, ksi_subscription *to);
/*
 * Shows what an assignment gives. True when that is something else than before. False too, with
 * `*fits` false, when the assignment is about other tasks: then nothing changes.
 */
bool ksi_member_tasks_show(ksi_member_tasks *self, const ksi_assignment *assignment, bool *fits);
/* What the owner has; see report() of ksi_membership_class. */
void ksi_member_tasks_report(ksi_member_tasks *self, ksi_task_ids active,
                             const ksi_task_state *standby, size_t standby_count);
/* The member has nothing and was told nothing. */
void ksi_member_tasks_lose(ksi_member_tasks *self);

bool ksi_member_tasks_hold_any(const ksi_member_tasks *self);
/* Whether something was given up that the group believes to be here. */
bool ksi_member_tasks_gave_up(const ksi_member_tasks *self);
/* Whether there is something that has to be given up still. */
bool ksi_member_tasks_have_to_give_up(const ksi_member_tasks *self);

#endif
