/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group_tasks.c - see group_tasks.h.
 *
 * Thread rule: any.
 */
#include "membership/group_tasks.h"

#include "base/error.h"
#include "base/memory.h"

#include <string.h>

int ksi_task_id_compare(ksi_task_id a, ksi_task_id b)
{
    if (a.subtopology != b.subtopology) {
        return a.subtopology < b.subtopology ? -1 : 1;
    }
    return (a.partition > b.partition) - (a.partition < b.partition);
}

size_t ksi_group_tasks_find(ksi_group_tasks tasks, ksi_task_id id)
{
    size_t low = 0;
    size_t high = tasks.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = ksi_task_id_compare(tasks.items[middle].id, id);
        if (order == 0) {
            return middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return KSI_TASK_NOT_FOUND;
}

ksi_group_task *ksi_group_tasks_copy(const ksi_group_task *tasks, size_t count)
{
    ksi_group_task *copy = ksi_alloc((count + 1) * sizeof *copy);
    if (count > 0) {
        memcpy(copy, tasks, count * sizeof *copy);
    }
    return copy;
}

int64_t *ksi_group_tasks_offsets(ksi_group_tasks tasks, const ksi_member_options *options)
{
    int64_t *offsets = ksi_alloc((tasks.count + 1) * sizeof *offsets);
    for (size_t t = 0; t < tasks.count; t++) {
        offsets[t] = -1;
    }
    for (size_t i = 0; i < options->state_count; i++) {
        const ksi_task_state *state = &options->states[i];
        size_t task = ksi_group_tasks_find(tasks, state->id);
        if (task != KSI_TASK_NOT_FOUND && tasks.items[task].stateful) {
            offsets[task] = state->offsets > 0 ? state->offsets : 0;
        }
    }
    return offsets;
}

ks_status ksi_group_tasks_check(ksi_group_tasks group, ksi_group_tasks joining,
                                const char *group_name, const char *client_id, ks_error *error)
{
    static const char help[] = "all members of a group run the same topology over the same topics: "
                               "stop the others first, or choose another application.id";
    size_t i = 0;
    while (i < group.count && i < joining.count &&
           ksi_task_id_compare(group.items[i].id, joining.items[i].id) == 0) {
        const ksi_group_task *ours = &group.items[i];
        if (ours->stateful != joining.items[i].stateful) {
            return ksi_error_set(error, KS_E_TOPOLOGY, group_name,
                                 "task %d_%d is %s in the application that joins (client.id %s) "
                                 "and %s in the group; %s",
                                 ours->id.subtopology, ours->id.partition,
                                 ours->stateful ? "stateless" : "stateful", client_id,
                                 ours->stateful ? "stateful" : "stateless", help);
        }
        i++;
    }
    if (i == group.count && i == joining.count) {
        return KS_OK;
    }
    bool is_ours =
        i == joining.count ||
        (i < group.count && ksi_task_id_compare(group.items[i].id, joining.items[i].id) < 0);
    ksi_task_id id = is_ours ? group.items[i].id : joining.items[i].id;
    return ksi_error_set(error, KS_E_TOPOLOGY, group_name,
                         "task %d_%d is in %s and not in %s (client.id %s joins); %s",
                         id.subtopology, id.partition,
                         is_ours ? "the group" : "the application that joins",
                         is_ours ? "the application that joins" : "the group", client_id, help);
}

ks_status ksi_member_options_check(const ksi_member_options *options, ks_error *error)
{
    const char *wrong = NULL;
    if (options->group == NULL || options->process_id == NULL || options->client_id == NULL) {
        wrong = "a member needs a group, a process id and a client id";
    } else if (options->capacity < 0 || options->standbys < 0) {
        wrong = "capacity and standbys are 0 or more";
    } else if (options->session_timeout_ms <= 0) {
        wrong = "session.timeout.ms is more than 0";
    }
    for (size_t t = 1; wrong == NULL && t < options->task_count; t++) {
        if (ksi_task_id_compare(options->tasks[t - 1].id, options->tasks[t].id) >= 0) {
            wrong = "the tasks are in the order of their ids, each once";
        }
    }
    return wrong == NULL ? KS_OK : ksi_error_set(error, KS_E_ARGUMENT, options->group, "%s", wrong);
}
