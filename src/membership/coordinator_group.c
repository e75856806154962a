/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coordinator_group.c - a group: its tasks, its target, who is in it and for how long.
 *
 * A target is made from the one before it, not from what is held: a plan that is half carried out
 * goes on, and is not made anew for each member that joins while tasks are on their way. Only a
 * task whose member went is wanted again where it is held; else a member that came and went before
 * it got anything would have moved tasks between those who stayed.
 *
 * A target is made when members come, go or change their capacity, and not when a standby has
 * caught up: a task that moves for balance waits for its restore where it goes.
 *
 * Thread rule: under the coordinator's lock.
 */
#include "membership/coordinator_parts.h"

#include "base/error.h"
#include "base/memory.h"

#include <string.h>

size_t ksi_member_find_task(const ksi_member *self, ksi_task_id id)
{
    return ksi_group_tasks_find((ksi_group_tasks){self->tasks, self->task_count}, id);
}

/* ---- targets --------------------------------------------------------------------------------- */

ksi_member *ksi_group_find_active(const ksi_group *self, size_t task, bool in_target)
{
    for (size_t m = 0; m < self->count; m++) {
        ksi_member *at = self->members[m];
        if ((in_target ? at->target : at->held)[task] == KSI_ROLE_ACTIVE) {
            return at;
        }
    }
    return NULL;
}

/* A task that lost its member is wanted where it is held: it may be on its way there or from it. */
static void adopt_orphans(ksi_group *self)
{
    for (size_t t = 0; t < self->task_count; t++) {
        ksi_member *holder = ksi_group_find_active(self, t, false);
        if (holder != NULL && ksi_group_find_active(self, t, true) == NULL) {
            holder->target[t] = KSI_ROLE_ACTIVE;
        }
    }
}

void ksi_group_retarget(ksi_group *self)
{
    size_t cells = self->count * self->task_count;
    ksi_assignor_member *members = ksi_calloc(self->count + 1, sizeof *members);
    int64_t *offsets = ksi_alloc((cells + 1) * sizeof *offsets);
    ksi_role *roles = ksi_calloc(cells + 1, sizeof *roles);
    ksi_assignor_input input = {.tasks = self->tasks,
                                .task_count = self->task_count,
                                .members = members,
                                .member_count = self->count};
    adopt_orphans(self);
    for (size_t m = 0; m < self->count; m++) {
        const ksi_member *at = self->members[m];
        int64_t *row = offsets + m * self->task_count;
        for (size_t t = 0; t < self->task_count; t++) {
            row[t] = at->held[t] == KSI_ROLE_ACTIVE ? KSI_OFFSETS_CURRENT : at->offsets[t];
        }
        members[m] = (ksi_assignor_member){
            .id = at->name, .capacity = at->capacity, .before = at->target, .offsets = row};
        input.standbys = at->standbys > input.standbys ? at->standbys : input.standbys;
    }
    ksi_assign(&input, roles);
    for (size_t m = 0; m < self->count && self->task_count > 0; m++) {
        memcpy(self->members[m]->target, roles + m * self->task_count,
               self->task_count * sizeof *roles);
    }
    ksi_free(roles);
    ksi_free(offsets);
    ksi_free(members);
    self->changes++;
}

/* ---- members and sessions -------------------------------------------------------------------- */

void ksi_member_free(ksi_member *self)
{
    ksi_free(self->name);
    ksi_free(self->group_name);
    ksi_free(self->client_id);
    ksi_free(self->process_id);
    ksi_free(self->instance_id);
    ksi_free(self->endpoint);
    for (size_t i = 0; i < self->input_count; i++) {
        ksi_free((char *)self->inputs[i].topic);
    }
    ksi_free(self->inputs);
    ksi_free(self->tasks);
    ksi_free(self->target);
    ksi_free(self->held);
    ksi_free(self->shown);
    ksi_free(self->offsets);
    ksi_free(self->active);
    ksi_free(self->standby);
    ksi_free(self);
}

void ksi_member_leave_some_state(ksi_member *self, size_t task)
{
    if (self->tasks[task].stateful && self->offsets[task] < 0) {
        self->offsets[task] = 0;
    }
}

void ksi_member_forget_tasks(ksi_member *self)
{
    for (size_t t = 0; t < self->task_count; t++) {
        if (self->held[t] == KSI_ROLE_ACTIVE) {
            ksi_member_leave_some_state(self, t);
        }
        self->held[t] = KSI_ROLE_NONE;
        self->shown[t] = KSI_ROLE_NONE;
    }
    self->active_count = 0;
    self->standby_count = 0;
    self->seen = 0;
}

void ksi_group_free(ksi_group *self)
{
    ksi_free(self->name);
    ksi_free(self->tasks);
    ksi_free(self->members);
    ksi_free(self);
}

/* Out of the list only: the caller makes a new target, or frees the group. */
static void take_out(ksi_group *self, ksi_member *out)
{
    size_t at = 0;
    while (self->members[at] != out) {
        at++;
    }
    memmove(&self->members[at], &self->members[at + 1],
            (self->count - at - 1) * sizeof(ksi_member *));
    self->count--;
    ksi_member_forget_tasks(out);
    memset(out->target, KSI_ROLE_NONE, out->task_count);
    out->group = NULL;
}

static void settle(ksi_coordinator *coordinator, ksi_group *self)
{
    if (self->count > 0) {
        ksi_group_retarget(self);
        return;
    }
    ksi_map_remove(coordinator->groups, ks_slice_cstr(self->name));
    ksi_group_free(self);
}

void ksi_group_end_sessions(ksi_group *self, ksi_coordinator *coordinator, int64_t now_ms)
{
    bool ended = false;
    for (size_t m = self->count; m-- > 0;) {
        ksi_member *at = self->members[m];
        if (now_ms - at->heard_ms <= at->session_timeout_ms) {
            continue;
        }
        take_out(self, at);
        ended = true;
        if (at->vanished) {
            ksi_member_free(at);
        }
    }
    if (ended) {
        settle(coordinator, self);
    }
}

void ksi_member_exit(ksi_member *self)
{
    ksi_group *left = self->group;
    take_out(left, self);
    settle(self->coordinator, left);
}

static ksi_group *open_group(ksi_coordinator *coordinator, const ksi_member *first)
{
    ksi_group *self = ksi_calloc(1, sizeof *self);
    self->name = ksi_strdup(first->group_name);
    self->tasks = ksi_group_tasks_copy(first->tasks, first->task_count);
    self->task_count = first->task_count;
    ksi_map_put_cstr(coordinator->groups, self->name, self);
    return self;
}

ks_status ksi_member_enter(ksi_member *self, int64_t now_ms, ks_error *error)
{
    ksi_coordinator *coordinator = self->coordinator;
    ksi_group *into = ksi_map_get_cstr(coordinator->groups, self->group_name);
    if (into != NULL) {
        ksi_group_end_sessions(into, coordinator, now_ms);
        into = ksi_map_get_cstr(coordinator->groups, self->group_name);
    }
    if (into != NULL) {
        KS_TRY(ksi_group_tasks_check((ksi_group_tasks){into->tasks, into->task_count},
                                     (ksi_group_tasks){self->tasks, self->task_count}, into->name,
                                     self->client_id, error));
    } else {
        into = open_group(coordinator, self);
    }
    into->members = ksi_grow(into->members, &into->capacity, into->count + 1, sizeof(ksi_member *));
    into->members[into->count++] = self;
    self->group = into;
    self->generation = ++coordinator->generations;
    self->heard_ms = now_ms;
    ksi_group_retarget(into);
    return KS_OK;
}
