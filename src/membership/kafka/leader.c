/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leader.c - see leader.h.
 *
 * Rows of a matrix, one for each accepted member: what it held when it joined, and its target so
 * far; everything about a task by its position in the group's list.
 *
 * Thread rule: any.
 */
#include "membership/kafka/leader.h"

#include "base/arena.h"
#include "base/error.h"
#include "membership/assignor.h"

#include <string.h>

#define NOBODY SIZE_MAX

typedef struct follower {
    ks_slice id;
    const char *name; /* the id as a text */
    ksi_subscription subscription;
    const char *refusal; /* NULL: accepted */
    ksi_role *target;    /* so far, then new */
    bool *held;
    int64_t *offsets;
} follower;

typedef struct leading {
    const ksi_led_group *led;
    ks_arena *arena;
    follower *followers;
    size_t count;
    ksi_group_tasks tasks;
    bool shuts_down;
    bool settled;
    bool disputed; /* members have other tasks than the group */
} leading;

/* ---- who is in ------------------------------------------------------------------------------- */

static void read_member(leading *self, const ksi_joined_member *from, follower *to)
{
    ks_error error;
    ksi_error_begin(&error);
    to->id = from->id;
    to->name = ksi_arena_format(self->arena, "%.*s", (int)from->id.size, from->id.data);
    if (ksi_subscription_read(from->metadata, self->arena, &to->subscription, &error) != KS_OK) {
        to->refusal =
            ksi_arena_format(self->arena, "the leader of the group says: %s", error.message);
    }
}

/* The claims of a newer assignment count more; among equals those of the first by id. */
static bool is_newer(const follower *a, const follower *b)
{
    if (a->subscription.generation != b->subscription.generation) {
        return a->subscription.generation > b->subscription.generation;
    }
    return strcmp(a->name, b->name) < 0;
}

static void agree_on_tasks(leading *self)
{
    const follower *newest = NULL;
    for (size_t m = 0; m < self->count; m++) {
        const follower *at = &self->followers[m];
        if (at->refusal == NULL && (newest == NULL || is_newer(at, newest))) {
            newest = at;
        }
    }
    if (newest == NULL) {
        return;
    }
    self->tasks = newest->subscription.tasks;
    for (size_t m = 0; m < self->count; m++) {
        follower *at = &self->followers[m];
        ks_error error;
        ksi_error_begin(&error);
        if (at->refusal == NULL &&
            ksi_group_tasks_check(self->tasks, at->subscription.tasks, self->led->name,
                                  at->subscription.client_id, &error) != KS_OK) {
            at->refusal = ksi_arena_strdup(self->arena, error.message);
            self->disputed = true;
        }
    }
}

/* ---- what they have -------------------------------------------------------------------------- */

static void set_roles(const leading *self, ksi_role *row, ksi_task_ids ids, ksi_role role)
{
    for (size_t i = 0; i < ids.count; i++) {
        size_t task = ksi_group_tasks_find(self->tasks, ids.items[i]);
        if (task != KSI_TASK_NOT_FOUND) {
            row[task] = role;
        }
    }
}

static void fill_rows(leading *self, follower *to)
{
    const ksi_subscription *from = &to->subscription;
    size_t count = self->tasks.count;
    to->target = ksi_arena_zalloc(self->arena, (count + 1) * sizeof *to->target);
    to->held = ksi_arena_zalloc(self->arena, (count + 1) * sizeof *to->held);
    to->offsets = ksi_arena_alloc(self->arena, (count + 1) * sizeof *to->offsets);
    set_roles(self, to->target, from->target_standby, KSI_ROLE_STANDBY);
    set_roles(self, to->target, from->target_active, KSI_ROLE_ACTIVE);
    for (size_t t = 0; t < count; t++) {
        to->offsets[t] = -1;
    }
    for (size_t i = 0; i < from->state_count; i++) {
        size_t task = ksi_group_tasks_find(self->tasks, from->states[i].id);
        if (task != KSI_TASK_NOT_FOUND && self->tasks.items[task].stateful) {
            to->offsets[task] = from->states[i].offsets > 0 ? from->states[i].offsets : 0;
        }
    }
    for (size_t i = 0; i < from->held.count; i++) {
        size_t task = ksi_group_tasks_find(self->tasks, from->held.items[i]);
        if (task != KSI_TASK_NOT_FOUND) {
            to->held[task] = true;
            to->offsets[task] = KSI_OFFSETS_CURRENT;
        }
    }
}

/* Who has a task, of those who say so. NOBODY when none does. */
static size_t find_newest(const leading *self, size_t task, bool holding)
{
    size_t found = NOBODY;
    for (size_t m = 0; m < self->count; m++) {
        const follower *at = &self->followers[m];
        bool says_so =
            at->refusal == NULL && (holding ? at->held[task] : at->target[task] == KSI_ROLE_ACTIVE);
        if (says_so && (found == NOBODY || is_newer(at, &self->followers[found]))) {
            found = m;
        }
    }
    return found;
}

/* One target for each task; one that has none is wanted where it is held. */
static void settle_claims(leading *self)
{
    for (size_t t = 0; t < self->tasks.count; t++) {
        size_t holder = find_newest(self, t, true);
        size_t wanted = find_newest(self, t, false);
        wanted = wanted != NOBODY ? wanted : holder;
        for (size_t m = 0; m < self->count; m++) {
            follower *at = &self->followers[m];
            if (at->refusal == NULL && at->target[t] == KSI_ROLE_ACTIVE) {
                at->target[t] = KSI_ROLE_NONE;
            }
        }
        if (wanted != NOBODY) {
            self->followers[wanted].target[t] = KSI_ROLE_ACTIVE;
        }
    }
}

/* ---- the new target -------------------------------------------------------------------------- */

static void make_target(leading *self)
{
    size_t tasks = self->tasks.count;
    ksi_assignor_member *members =
        ksi_arena_zalloc(self->arena, (self->count + 1) * sizeof *members);
    ksi_role *roles = ksi_arena_zalloc(self->arena, (self->count * tasks + 1) * sizeof *roles);
    ksi_assignor_input input = {
        .tasks = self->tasks.items, .task_count = tasks, .members = members};
    for (size_t m = 0; m < self->count; m++) {
        const follower *at = &self->followers[m];
        if (at->refusal == NULL) {
            members[input.member_count++] = (ksi_assignor_member){
                .id = at->name,
                .capacity = at->subscription.capacity,
                .before = at->target,
                .offsets = at->offsets,
            };
            input.standbys = at->subscription.standbys > input.standbys ? at->subscription.standbys
                                                                        : input.standbys;
        }
    }
    ksi_assign(&input, roles);
    size_t row = 0;
    for (size_t m = 0; m < self->count; m++) {
        if (self->followers[m].refusal == NULL) {
            self->followers[m].target = roles + row++ * tasks;
        }
    }
}

static bool has_to_wait(const leading *self, size_t member, size_t task)
{
    for (size_t m = 0; m < self->count; m++) {
        const follower *at = &self->followers[m];
        if (m != member && at->refusal == NULL && at->held[task]) {
            return true;
        }
    }
    return false;
}

static ksi_assignment assign(const leading *self, size_t member, bool *settled)
{
    const follower *to = &self->followers[member];
    size_t room = (self->tasks.count + 1) * sizeof(ksi_task_id);
    ksi_task_id *active = ksi_arena_alloc(self->arena, room);
    ksi_task_id *awaited = ksi_arena_alloc(self->arena, room);
    ksi_task_id *owed = ksi_arena_alloc(self->arena, room);
    ksi_task_id *standby = ksi_arena_alloc(self->arena, room);
    ksi_assignment made = {.checksum = ksi_tasks_checksum(self->tasks),
                           .shuts_down = self->shuts_down,
                           .disputed = self->disputed,
                           .active = {.items = active},
                           .awaited = {.items = awaited},
                           .owed = {.items = owed},
                           .standby = {.items = standby}};
    for (size_t t = 0; t < self->tasks.count; t++) {
        ksi_task_id id = self->tasks.items[t].id;
        bool waits = has_to_wait(self, member, t);
        if (to->held[t] && (to->target[t] != KSI_ROLE_ACTIVE || waits)) {
            owed[made.owed.count++] = id;
        }
        if (to->target[t] == KSI_ROLE_STANDBY) {
            standby[made.standby.count++] = id;
        } else if (to->target[t] == KSI_ROLE_ACTIVE && waits) {
            awaited[made.awaited.count++] = id;
        } else if (to->target[t] == KSI_ROLE_ACTIVE) {
            active[made.active.count++] = id;
        }
    }
    *settled = *settled && made.awaited.count == 0;
    return made;
}

void ksi_lead(const ksi_led_group *led, ks_arena *arena, ksi_member_assignment *assignments)
{
    leading self = {.led = led, .arena = arena, .count = led->member_count};
    self.followers = ksi_arena_zalloc(arena, (self.count + 1) * sizeof *self.followers);
    for (size_t m = 0; m < self.count; m++) {
        read_member(&self, &led->members[m], &self.followers[m]);
        self.shuts_down = self.shuts_down || self.followers[m].subscription.shuts_down;
    }
    agree_on_tasks(&self);
    for (size_t m = 0; m < self.count; m++) {
        if (self.followers[m].refusal == NULL) {
            fill_rows(&self, &self.followers[m]);
        }
    }
    settle_claims(&self);
    make_target(&self);
    ksi_assignment *made = ksi_arena_zalloc(arena, (self.count + 1) * sizeof *made);
    bool settled = true;
    for (size_t m = 0; m < self.count; m++) {
        if (self.followers[m].refusal == NULL) {
            made[m] = assign(&self, m, &settled);
        } else {
            made[m].refusal = self.followers[m].refusal;
            made[m].shuts_down = self.shuts_down;
        }
    }
    ksi_buffer bytes = {0};
    for (size_t m = 0; m < self.count; m++) {
        made[m].settled = settled;
        ksi_buffer_clear(&bytes);
        ksi_assignment_write(&made[m], led->inputs, &bytes);
        assignments[m] =
            (ksi_member_assignment){.member = self.followers[m].id,
                                    .assignment = ksi_arena_copy(arena, ksi_buffer_slice(&bytes))};
    }
    ksi_buffer_destroy(&bytes);
}
