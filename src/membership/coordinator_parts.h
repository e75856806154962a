/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coordinator_parts.h - the pieces of a coordinator, for its own two files: coordinator_group.c has
 * groups, targets and sessions; coordinator.c what members and the log may call.
 *
 * Everything about a task is kept by its position in the group's list, which is the same in all
 * members of a group:
 *
 *     target   what the assignor wants            changed by ksi_group_retarget() only
 *     shown    what the member was told last      changed by its own poll
 *     held     what it may be running             set by its poll; cleared by its report, its end
 *
 * Invariants:
 *   - a task is active in the target of one member at most, and held active by one at most
 *   - shown active implies held active
 *   - a member without a group was fenced: it holds nothing, and only its owner knows it
 *   - a group has members; with the last of them it goes
 *
 * Thread rule: all of it under the coordinator's lock.
 */
#ifndef KSI_MEMBERSHIP_COORDINATOR_PARTS_H
#define KSI_MEMBERSHIP_COORDINATOR_PARTS_H

#include "base/map.h"
#include "base/thread.h"
#include "membership/assignor.h"
#include "membership/coordinator.h"
#include "membership/group_tasks.h"

typedef struct ksi_member ksi_member;

typedef struct ksi_group {
    char *name;
    ksi_group_task *tasks;
    size_t task_count;
    ksi_member **members; /* in the order they joined; never empty */
    size_t count;
    size_t capacity;
    bool shuts_down;  /* a member asked for it */
    uint64_t changes; /* of targets, and of what members hold */
} ksi_group;

struct ksi_coordinator {
    ksi_mutex lock;
    ksi_map *groups; /* name -> group */
    int32_t generations;
    uint64_t names;
    size_t memberships; /* that their owners still have */
};

struct ksi_member {
    ksi_membership membership;
    ksi_coordinator *coordinator;
    ksi_group *group; /* NULL: fenced */
    bool vanished;    /* nobody owns it but its group */
    char *name;
    char *group_name;
    char *client_id;
    char *process_id;
    char *instance_id; /* NULL: a dynamic member */
    char *endpoint;    /* NULL: none */
    int32_t generation;
    int32_t capacity;
    int32_t standbys;
    int64_t session_timeout_ms;
    int64_t heard_ms;
    ksi_group_task *tasks; /* its own list, to join again with */
    size_t task_count;
    ksi_group_input *inputs; /* with names of its own */
    size_t input_count;
    ksi_role *target;
    ksi_role *held;
    ksi_role *shown;
    int64_t *offsets; /* of the state it has; -1: none */
    uint64_t seen;    /* `changes` of the group at its last poll; 0: none since it joined */
    uint64_t epoch;
    ksi_task_id *active; /* its view */
    size_t active_count;
    ksi_task_id *standby;
    size_t standby_count;
};

/* Who has the task active: in its target, or held. NULL: nobody. */
ksi_member *ksi_group_find_active(const ksi_group *self, size_t task, bool in_target);
/* Asks the assignor, and lets every member know that there is something new. */
void ksi_group_retarget(ksi_group *self);
/* Fences those who were not heard of for their session. When all go, so does the group. */
void ksi_group_end_sessions(ksi_group *self, ksi_coordinator *coordinator, int64_t now_ms);
void ksi_group_free(ksi_group *self); /* not its members */

/* Position of a task, or KSI_TASK_NOT_FOUND. */
size_t ksi_member_find_task(const ksi_member *self, ksi_task_id id);
/* For a member that is in no group: joins the one of its name, which is made when there is none. */
ks_status ksi_member_enter(ksi_member *self, int64_t now_ms, ks_error *error);
/* For one that is in a group: the others get its tasks. */
void ksi_member_exit(ksi_member *self);
/* Of a task that was given up some state is left: nobody knows how much, nor for how long. */
void ksi_member_leave_some_state(ksi_member *self, size_t task);
/* The member has nothing and was told nothing. */
void ksi_member_forget_tasks(ksi_member *self);
void ksi_member_free(ksi_member *self);

#endif
