/* SPDX-License-Identifier: Apache-2.0 */
/*
 * assignor.h - which member of a group runs which task, and which keeps standbys of it: a pure
 * function.
 *
 * The problem: load should be even, and moving a task costs: it stops, its state is restored where
 * it goes. A group that is evened out anew at each change moves nearly everything; one that never
 * moves anything leaves a new member without work. So the shares of the members are fixed first,
 * and then as little is moved as keeps them.
 *
 * Promised, whatever the input (T tasks, members of capacity c, C of them together):
 *   1. Every task is active on exactly one member, unless no member has any capacity.
 *   2. A member has T * c / C active tasks, rounded up or down. So the tasks per unit of capacity
 *      of two members differ by 1 at most.
 *   3. No assignment that keeps 2 moves fewer of the tasks that run somewhere. So nothing moves
 *      when nothing changed; when one of several equal members leaves, only its tasks move. (Of
 *      unequal ones, rounding may ask a few more to move.)
 *   4. What must move or is new is spread over the members sub-topology by sub-topology. A group
 *      of equal members that starts from nothing has each sub-topology within 1.
 *   5. A stateful task that must move goes to the member with the most current state of it that has
 *      room; tasks which few members have state of choose first.
 *   6. A stateful task has as many standbys as are wanted, or as there are other members with
 *      capacity. They stay where they are but for this: standbys per unit of capacity are even, in
 *      that moving any single one to a member that may have it would not make them more even.
 *   7. The order in which members are given does not matter.
 *
 * Not promised: that sub-topologies stay even through changes. A running task is never moved for
 * that; but a member that must give something up gives up of the sub-topology it has too much of.
 *
 * Tempting and wrong: giving every member at most ceil(T / C) tasks per unit. Four tasks on a
 * member with four threads would then all stay there when a second such member joins.
 *
 * Same steps as Java's StickyTaskAssignor: what runs stays, then who has state, then the least
 * loaded. There a member keeps its tasks as long as it has a thread for each; here it shares them.
 * @java StickyTaskAssignor
 *
 * Thread rule: any.
 */
#ifndef KSI_MEMBERSHIP_ASSIGNOR_H
#define KSI_MEMBERSHIP_ASSIGNOR_H

#include "membership/membership.h"

/* What a member is to a task. */
enum { KSI_ROLE_NONE = 0, KSI_ROLE_STANDBY = 1, KSI_ROLE_ACTIVE = 2 };
typedef uint8_t ksi_role;

/* An offset sum above all others: the task runs here. */
#define KSI_OFFSETS_CURRENT INT64_MAX

typedef struct ksi_assignor_member {
    const char *id;         /* different for each */
    int32_t capacity;       /* 0: gets nothing */
    const ksi_role *before; /* for each task: what the member was to it */
    const int64_t *offsets; /* for each task: sum of changelog offsets it has; -1: nothing */
} ksi_assignor_member;

typedef struct ksi_assignor_input {
    const ksi_group_task *tasks; /* by id */
    size_t task_count;
    const ksi_assignor_member *members;
    size_t member_count;
    int32_t standbys; /* wanted for each stateful task */
} ksi_assignor_input;

/*
 * Fills `roles`: a row of `task_count` for each member, in the order of the members given. When two
 * members say that a task was active with them, the first by id counts.
 */
void ksi_assign(const ksi_assignor_input *input, ksi_role *roles);

#endif
