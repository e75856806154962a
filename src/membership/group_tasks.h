/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group_tasks.h - the list of a group's tasks, by id, and what every implementation of a group asks
 * of it: where a task stands, and whether two members have the same list.
 *
 * Everything about a task is kept by its position in that list, which is why all members of a group
 * have to agree about it. Whoever does not is told the first task that differs.
 *
 * Thread rule: any.
 */
#ifndef KSI_MEMBERSHIP_GROUP_TASKS_H
#define KSI_MEMBERSHIP_GROUP_TASKS_H

#include "membership/membership.h"

#define KSI_TASK_NOT_FOUND SIZE_MAX

typedef struct ksi_group_tasks {
    const ksi_group_task *items; /* by id, each once */
    size_t count;
} ksi_group_tasks;

/* Negative, zero or positive: by sub-topology, then by partition. */
int ksi_task_id_compare(ksi_task_id a, ksi_task_id b);
/* Position of a task, or KSI_TASK_NOT_FOUND. */
size_t ksi_group_tasks_find(ksi_group_tasks tasks, ksi_task_id id);
ksi_group_task *ksi_group_tasks_copy(const ksi_group_task *tasks, size_t count);
/*
 * What of each task a member has on its disk, by its options; -1: nothing. Owned. What was left by
 * another topology is not in it.
 */
int64_t *ksi_group_tasks_offsets(ksi_group_tasks tasks, const ksi_member_options *options);
/* KS_E_TOPOLOGY unless the lists are the same. `client_id` says who joins. */
ks_status ksi_group_tasks_check(ksi_group_tasks group, ksi_group_tasks joining,
                                const char *group_name, const char *client_id, ks_error *error);

/* KS_E_ARGUMENT for options of a member that are out of range. */
ks_status ksi_member_options_check(const ksi_member_options *options, ks_error *error);

#endif
