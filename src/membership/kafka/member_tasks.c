/* SPDX-License-Identifier: Apache-2.0 */
/*
 * member_tasks.c - see member_tasks.h. Everything about a task is kept by its position in the list.
 *
 * Thread rule: that of the membership.
 */
#include "membership/kafka/member_tasks.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/memory.h"

#include <string.h>

void ksi_member_tasks_init(ksi_member_tasks *self, const ksi_member_options *options)
{
    size_t count = options->task_count;
    *self = (ksi_member_tasks){.items = ksi_group_tasks_copy(options->tasks, count)};
    self->list = (ksi_group_tasks){self->items, count};
    self->checksum = ksi_tasks_checksum(self->list);
    self->target = ksi_calloc(count + 1, sizeof *self->target);
    self->shown = ksi_calloc(count + 1, sizeof *self->shown);
    self->held = ksi_calloc(count + 1, sizeof *self->held);
    self->owed = ksi_calloc(count + 1, sizeof *self->owed);
    self->active = ksi_calloc(count + 1, sizeof *self->active);
    self->standby = ksi_calloc(count + 1, sizeof *self->standby);
    self->offsets = ksi_group_tasks_offsets(self->list, options);
}

void ksi_member_tasks_destroy(ksi_member_tasks *self)
{
    ksi_free(self->items);
    ksi_free(self->target);
    ksi_free(self->shown);
    ksi_free(self->held);
    ksi_free(self->owed);
    ksi_free(self->active);
    ksi_free(self->standby);
    ksi_free(self->offsets);
}

void ksi_member_tasks_declare(const ksi_member_tasks *self, ks_arena *arena, ksi_subscription *to)
{
    size_t room = (self->list.count + 1) * sizeof(ksi_task_id);
    ksi_task_id *held = ksi_arena_alloc(arena, room);
    ksi_task_id *active = ksi_arena_alloc(arena, room);
    ksi_task_id *standby = ksi_arena_alloc(arena, room);
    ksi_task_state *states = ksi_arena_alloc(arena, (self->list.count + 1) * sizeof *states);
    to->tasks = self->list;
    to->held = (ksi_task_ids){.items = held};
    to->target_active = (ksi_task_ids){.items = active};
    to->target_standby = (ksi_task_ids){.items = standby};
    to->states = states;
    to->state_count = 0;
    for (size_t t = 0; t < self->list.count; t++) {
        ksi_task_id id = self->items[t].id;
        if (self->held[t]) {
            held[to->held.count++] = id;
        } else if (self->offsets[t] >= 0) {
            states[to->state_count++] = (ksi_task_state){id, self->offsets[t]};
        }
        if (self->target[t] == KSI_ROLE_ACTIVE) {
            active[to->target_active.count++] = id;
        } else if (self->target[t] == KSI_ROLE_STANDBY) {
            standby[to->target_standby.count++] = id;
        }
    }
}

static bool set_roles(const ksi_member_tasks *self, ksi_role *row, ksi_task_ids ids, ksi_role role)
{
    for (size_t i = 0; i < ids.count; i++) {
        size_t task = ksi_group_tasks_find(self->list, ids.items[i]);
        if (task == KSI_TASK_NOT_FOUND) {
            return false;
        }
        row[task] = role;
    }
    return true;
}

static void list_shown(ksi_member_tasks *self)
{
    self->active_count = 0;
    self->standby_count = 0;
    for (size_t t = 0; t < self->list.count; t++) {
        if (self->shown[t] == KSI_ROLE_ACTIVE) {
            self->active[self->active_count++] = self->items[t].id;
        } else if (self->shown[t] == KSI_ROLE_STANDBY) {
            self->standby[self->standby_count++] = self->items[t].id;
        }
    }
}

static void mark_owed(ksi_member_tasks *self, ksi_task_ids owed)
{
    memset(self->owed, 0, self->list.count * sizeof *self->owed);
    for (size_t i = 0; i < owed.count; i++) {
        size_t task = ksi_group_tasks_find(self->list, owed.items[i]);
        if (task != KSI_TASK_NOT_FOUND) {
            self->owed[task] = true;
        }
    }
}

bool ksi_member_tasks_show(ksi_member_tasks *self, const ksi_assignment *assignment, bool *fits)
{
    size_t count = self->list.count;
    ksi_role *shown = ksi_calloc(count + 1, sizeof *shown);
    ksi_role *target = ksi_calloc(count + 1, sizeof *target);
    *fits = assignment->checksum == self->checksum &&
            set_roles(self, shown, assignment->standby, KSI_ROLE_STANDBY) &&
            set_roles(self, shown, assignment->active, KSI_ROLE_ACTIVE);
    memcpy(target, shown, count * sizeof *shown);
    *fits = *fits && set_roles(self, target, assignment->awaited, KSI_ROLE_ACTIVE);
    bool changed = *fits && memcmp(shown, self->shown, count * sizeof *shown) != 0;
    if (*fits) {
        memcpy(self->shown, shown, count * sizeof *shown);
        memcpy(self->target, target, count * sizeof *target);
        mark_owed(self, assignment->owed);
        for (size_t t = 0; t < count; t++) {
            self->held[t] = self->held[t] || shown[t] == KSI_ROLE_ACTIVE;
        }
        list_shown(self);
    }
    ksi_free(target);
    ksi_free(shown);
    return changed;
}

/* What is left of the state of a task that was closed: nobody knows how much. */
static void leave_some_state(ksi_member_tasks *self, size_t task)
{
    if (self->items[task].stateful && self->offsets[task] < 0) {
        self->offsets[task] = 0;
    }
}

void ksi_member_tasks_report(ksi_member_tasks *self, ksi_task_ids active,
                             const ksi_task_state *standby, size_t standby_count)
{
    ksi_role *listed = ksi_calloc(self->list.count + 1, sizeof *listed);
    for (size_t i = 0; i < standby_count; i++) {
        size_t task = ksi_group_tasks_find(self->list, standby[i].id);
        KSI_CHECK(task != KSI_TASK_NOT_FOUND);
        self->offsets[task] = standby[i].offsets > 0 ? standby[i].offsets : 0;
    }
    for (size_t i = 0; i < active.count; i++) {
        size_t task = ksi_group_tasks_find(self->list, active.items[i]);
        /* To run what was never shown is the mistake that all this is there to prevent. */
        KSI_CHECK(task != KSI_TASK_NOT_FOUND && self->held[task]);
        listed[task] = KSI_ROLE_ACTIVE;
    }
    for (size_t t = 0; t < self->list.count; t++) {
        if (self->held[t] && self->shown[t] != KSI_ROLE_ACTIVE && listed[t] != KSI_ROLE_ACTIVE) {
            self->held[t] = false;
            leave_some_state(self, t);
        }
    }
    ksi_free(listed);
}

void ksi_member_tasks_lose(ksi_member_tasks *self)
{
    for (size_t t = 0; t < self->list.count; t++) {
        if (self->held[t]) {
            leave_some_state(self, t);
        }
        self->held[t] = false;
        self->owed[t] = false;
        self->shown[t] = KSI_ROLE_NONE;
    }
    list_shown(self);
}

bool ksi_member_tasks_hold_any(const ksi_member_tasks *self)
{
    return memchr(self->held, true, self->list.count) != NULL;
}

bool ksi_member_tasks_gave_up(const ksi_member_tasks *self)
{
    for (size_t t = 0; t < self->list.count; t++) {
        if (self->owed[t] && !self->held[t]) {
            return true;
        }
    }
    return false;
}

bool ksi_member_tasks_have_to_give_up(const ksi_member_tasks *self)
{
    for (size_t t = 0; t < self->list.count; t++) {
        if (self->held[t] && self->shown[t] != KSI_ROLE_ACTIVE) {
            return true;
        }
    }
    return false;
}
