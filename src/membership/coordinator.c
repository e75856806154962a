/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coordinator.c - groups, members and their sessions; coordinator.h says how a task moves.
 *
 * Everything is counted by the position of a task in the group's list: a member has for each task
 * its role in the target, what it has, what its last poll showed, and how much state it has of it.
 *
 *     target   what the assignor wants            changed by retarget() only
 *     shown    what the member was told last      changed by its own poll
 *     held     what it may be running             set by its poll; cleared by its report, its end
 *
 * Invariants, under the lock:
 *   - a task is active in the target of one member at most, and held active by one at most
 *   - shown active implies held active
 *   - a member without a group was fenced: it holds nothing, and no list has it but its owner
 *
 * A target is made from the one before it, not from what is held: a plan that is half carried out
 * goes on, and is not made anew for each member that joins while tasks are on their way. Only a
 * task whose member went is asked for where it is held.
 *
 * What poll() gives is rebuilt only when something in the group changed since this member's last
 * poll, so that an idle member may poll often.
 *
 * Thread rule: the lock is taken by each function of the interface; the statics expect it held.
 */
#include "membership/coordinator.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/error.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/thread.h"
#include "membership/assignor.h"

#include <stdlib.h>
#include <string.h>

/* In one process a poll costs nothing, so the news need not wait for a heartbeat. */
#define LONGEST_POLL_MS 100
#define POLLS_PER_SESSION 3

#define NOT_FOUND SIZE_MAX

typedef struct member member;

typedef struct group {
    char *name;
    ksi_group_task *tasks;
    size_t task_count;
    member **members; /* in the order they joined; never empty */
    size_t count;
    size_t capacity;
    uint64_t changes; /* of targets, and of what members hold */
} group;

struct ksi_coordinator {
    ksi_mutex lock;
    ksi_map *groups; /* name -> group */
    int32_t generations;
    uint64_t names;
    size_t memberships; /* that their owners still have */
};

struct member {
    ksi_membership membership;
    ksi_coordinator *coordinator;
    group *group;  /* NULL: fenced */
    bool vanished; /* nobody owns it but its group */
    char *name;
    char *group_name;
    char *client_id;
    char *process_id;
    int32_t generation;
    int32_t capacity;
    int32_t standbys;
    int64_t session_timeout_ms;
    int64_t heard_ms;
    ksi_group_task *tasks; /* its own list, to join again with */
    size_t task_count;
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

/* ---- tasks ----------------------------------------------------------------------------------- */

static int compare_ids(ksi_task_id a, ksi_task_id b)
{
    if (a.subtopology != b.subtopology) {
        return a.subtopology < b.subtopology ? -1 : 1;
    }
    return (a.partition > b.partition) - (a.partition < b.partition);
}

static size_t find_task(const member *self, ksi_task_id id)
{
    size_t low = 0;
    size_t high = self->task_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_ids(self->tasks[middle].id, id);
        if (order == 0) {
            return middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NOT_FOUND;
}

static ksi_group_task *copy_tasks(const ksi_group_task *tasks, size_t count)
{
    ksi_group_task *copy = ksi_alloc((count + 1) * sizeof *copy);
    if (count > 0) {
        memcpy(copy, tasks, count * sizeof *copy);
    }
    return copy;
}

/* Says which is the first task that only one of the two has, or that differs. */
static ks_status check_same_tasks(const group *self, const member *joining, ks_error *error)
{
    static const char help[] = "all members of a group run the same topology over the same topics: "
                               "stop the others first, or choose another application.id";
    size_t i = 0;
    while (i < self->task_count && i < joining->task_count &&
           compare_ids(self->tasks[i].id, joining->tasks[i].id) == 0) {
        const ksi_group_task *ours = &self->tasks[i];
        if (ours->stateful != joining->tasks[i].stateful) {
            return ksi_error_set(error, KS_E_TOPOLOGY, self->name,
                                 "task %d_%d is %s in the application that joins (client.id %s) "
                                 "and %s in the group; %s",
                                 ours->id.subtopology, ours->id.partition,
                                 ours->stateful ? "stateless" : "stateful", joining->client_id,
                                 ours->stateful ? "stateful" : "stateless", help);
        }
        i++;
    }
    if (i == self->task_count && i == joining->task_count) {
        return KS_OK;
    }
    bool is_ours =
        i == joining->task_count ||
        (i < self->task_count && compare_ids(self->tasks[i].id, joining->tasks[i].id) < 0);
    ksi_task_id id = is_ours ? self->tasks[i].id : joining->tasks[i].id;
    return ksi_error_set(
        error, KS_E_TOPOLOGY, self->name,
        "task %d_%d is in %s and not in %s (client.id %s joins); %s", id.subtopology, id.partition,
        is_ours ? "the group" : "the application that joins",
        is_ours ? "the application that joins" : "the group", joining->client_id, help);
}

/* ---- targets --------------------------------------------------------------------------------- */

static member *find_active(const group *self, size_t task, bool in_target)
{
    for (size_t m = 0; m < self->count; m++) {
        member *at = self->members[m];
        if ((in_target ? at->target : at->held)[task] == KSI_ROLE_ACTIVE) {
            return at;
        }
    }
    return NULL;
}

/* A task that lost its member is wanted where it is held: it may be on its way there or from it. */
static void adopt_orphans(group *self)
{
    for (size_t t = 0; t < self->task_count; t++) {
        member *holder = find_active(self, t, false);
        if (holder != NULL && find_active(self, t, true) == NULL) {
            holder->target[t] = KSI_ROLE_ACTIVE;
        }
    }
}

/* Asks the assignor, and lets every member know that there is something new. */
static void retarget(group *self)
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
        const member *at = self->members[m];
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

/* ---- members --------------------------------------------------------------------------------- */

static void free_member(member *self)
{
    ksi_free(self->name);
    ksi_free(self->group_name);
    ksi_free(self->client_id);
    ksi_free(self->process_id);
    ksi_free(self->tasks);
    ksi_free(self->target);
    ksi_free(self->held);
    ksi_free(self->shown);
    ksi_free(self->offsets);
    ksi_free(self->active);
    ksi_free(self->standby);
    ksi_free(self);
}

/* Of a task that was given up some state is left: nobody knows how much, nor for how long. */
static void leave_some_state(member *self, size_t task)
{
    if (self->tasks[task].stateful && self->offsets[task] < 0) {
        self->offsets[task] = 0;
    }
}

/* The member has nothing and was told nothing. */
static void forget_tasks(member *self)
{
    for (size_t t = 0; t < self->task_count; t++) {
        if (self->held[t] == KSI_ROLE_ACTIVE) {
            leave_some_state(self, t);
        }
        self->held[t] = KSI_ROLE_NONE;
        self->shown[t] = KSI_ROLE_NONE;
    }
    self->active_count = 0;
    self->standby_count = 0;
    self->seen = 0;
}

static void free_group(group *self)
{
    ksi_free(self->name);
    ksi_free(self->tasks);
    ksi_free(self->members);
    ksi_free(self);
}

/* Out of the list only: the caller makes a new target, or frees the group. */
static void take_out(group *self, member *out)
{
    size_t at = 0;
    while (self->members[at] != out) {
        at++;
    }
    memmove(&self->members[at], &self->members[at + 1], (self->count - at - 1) * sizeof(member *));
    self->count--;
    forget_tasks(out);
    memset(out->target, KSI_ROLE_NONE, out->task_count);
    out->group = NULL;
}

static void settle(ksi_coordinator *coordinator, group *self)
{
    if (self->count > 0) {
        retarget(self);
        return;
    }
    ksi_map_remove(coordinator->groups, ks_slice_cstr(self->name));
    free_group(self);
}

/* Fences those who were not heard of for their session, but not `asking`. The group may go. */
static void end_sessions(ksi_coordinator *coordinator, group *self, const member *asking,
                         int64_t now_ms)
{
    bool ended = false;
    for (size_t m = self->count; m-- > 0;) {
        member *at = self->members[m];
        if (at == asking || now_ms - at->heard_ms <= at->session_timeout_ms) {
            continue;
        }
        take_out(self, at);
        ended = true;
        if (at->vanished) {
            free_member(at);
        }
    }
    if (ended) {
        settle(coordinator, self);
    }
}

static group *open_group(ksi_coordinator *coordinator, const member *first)
{
    group *self = ksi_calloc(1, sizeof *self);
    self->name = ksi_strdup(first->group_name);
    self->tasks = copy_tasks(first->tasks, first->task_count);
    self->task_count = first->task_count;
    ksi_map_put_cstr(coordinator->groups, self->name, self);
    return self;
}

/* For a member that is in no group. */
static ks_status enter(member *self, int64_t now_ms, ks_error *error)
{
    ksi_coordinator *coordinator = self->coordinator;
    group *into = ksi_map_get_cstr(coordinator->groups, self->group_name);
    if (into != NULL) {
        end_sessions(coordinator, into, NULL, now_ms);
        into = ksi_map_get_cstr(coordinator->groups, self->group_name);
    }
    if (into != NULL) {
        KS_TRY(check_same_tasks(into, self, error));
    } else {
        into = open_group(coordinator, self);
    }
    into->members = ksi_grow(into->members, &into->capacity, into->count + 1, sizeof(member *));
    into->members[into->count++] = self;
    self->group = into;
    self->generation = ++coordinator->generations;
    self->heard_ms = now_ms;
    retarget(into);
    return KS_OK;
}

/* ---- the interface of a member --------------------------------------------------------------- */

/* What the target gives to the member, but for what another one still has. */
static ksi_role role_to_show(const group *self, const member *to, size_t task)
{
    if (to->target[task] != KSI_ROLE_ACTIVE) {
        return to->target[task];
    }
    const member *holder = find_active(self, task, false);
    return holder == NULL || holder == to ? KSI_ROLE_ACTIVE : KSI_ROLE_NONE;
}

static void refresh_view(member *self)
{
    bool changed = self->seen == 0;
    self->active_count = 0;
    self->standby_count = 0;
    for (size_t t = 0; t < self->task_count; t++) {
        ksi_role role = role_to_show(self->group, self, t);
        changed = changed || role != self->shown[t];
        self->shown[t] = role;
        if (role == KSI_ROLE_ACTIVE) {
            self->held[t] = KSI_ROLE_ACTIVE;
            self->active[self->active_count++] = self->tasks[t].id;
        } else if (role == KSI_ROLE_STANDBY) {
            self->standby[self->standby_count++] = self->tasks[t].id;
        }
    }
    self->epoch += changed;
    self->seen = self->group->changes;
}

static ks_status member_poll(ksi_membership *membership, int64_t now_ms, ksi_group_view *view,
                             ks_error *error)
{
    member *self = (member *)membership;
    ks_status status = KS_OK;
    ksi_mutex_lock(&self->coordinator->lock);
    if (self->group == NULL) {
        status = ksi_error_set(error, KS_E_FENCED, self->group_name,
                               "member %s was not heard of for more than %lld ms and its tasks "
                               "were given to others; it drops what it runs and joins again (when "
                               "this happens to a healthy process, raise session.timeout.ms)",
                               self->name, (long long)self->session_timeout_ms);
    } else {
        self->heard_ms = now_ms > self->heard_ms ? now_ms : self->heard_ms;
        end_sessions(self->coordinator, self->group, self, now_ms);
        if (self->seen != self->group->changes) {
            refresh_view(self);
        }
        *view = (ksi_group_view){.epoch = self->epoch,
                                 .active = self->active,
                                 .active_count = self->active_count,
                                 .standby = self->standby,
                                 .standby_count = self->standby_count};
    }
    ksi_mutex_unlock(&self->coordinator->lock);
    return status;
}

static int64_t member_next_poll_ms(const ksi_membership *membership)
{
    const member *self = (const member *)membership;
    ksi_mutex_lock(&self->coordinator->lock);
    int64_t wait = self->session_timeout_ms / POLLS_PER_SESSION;
    wait = wait < LONGEST_POLL_MS ? wait : LONGEST_POLL_MS;
    if (self->group == NULL || self->seen != self->group->changes) {
        wait = 0;
    }
    int64_t next = self->heard_ms + wait;
    ksi_mutex_unlock(&self->coordinator->lock);
    return next;
}

/* A task that is not listed was given up; but one that was shown last may be about to begin. */
static void give_up_unlisted(member *self, const ksi_role *listed)
{
    bool freed = false;
    for (size_t t = 0; t < self->task_count; t++) {
        ksi_role now = self->shown[t] == KSI_ROLE_ACTIVE ? KSI_ROLE_ACTIVE : listed[t];
        if (self->held[t] == KSI_ROLE_ACTIVE && now != KSI_ROLE_ACTIVE) {
            freed = true;
            leave_some_state(self, t);
        }
        self->held[t] = now;
    }
    if (freed) {
        self->group->changes++;
    }
}

static void member_report(ksi_membership *membership, const ksi_task_id *active,
                          size_t active_count, const ksi_task_state *standby, size_t standby_count)
{
    member *self = (member *)membership;
    ksi_mutex_lock(&self->coordinator->lock);
    if (self->group != NULL) {
        ksi_role *listed = ksi_calloc(self->task_count + 1, sizeof *listed);
        for (size_t i = 0; i < standby_count; i++) {
            size_t task = find_task(self, standby[i].id);
            KSI_CHECK(task != NOT_FOUND);
            listed[task] = KSI_ROLE_STANDBY;
            self->offsets[task] = standby[i].offsets > 0 ? standby[i].offsets : 0;
        }
        for (size_t i = 0; i < active_count; i++) {
            size_t task = find_task(self, active[i]);
            /* To run what was never shown is the mistake that all this is there to prevent. */
            KSI_CHECK(task != NOT_FOUND && self->held[task] == KSI_ROLE_ACTIVE);
            listed[task] = KSI_ROLE_ACTIVE;
        }
        give_up_unlisted(self, listed);
        ksi_free(listed);
    }
    ksi_mutex_unlock(&self->coordinator->lock);
}

static void member_set_capacity(ksi_membership *membership, int32_t capacity)
{
    member *self = (member *)membership;
    KSI_CHECK(capacity >= 0);
    ksi_mutex_lock(&self->coordinator->lock);
    bool changed = capacity != self->capacity;
    self->capacity = capacity;
    if (self->group != NULL && changed) {
        retarget(self->group);
    }
    ksi_mutex_unlock(&self->coordinator->lock);
}

static ksi_generation member_generation(const ksi_membership *membership)
{
    const member *self = (const member *)membership;
    return (ksi_generation){.member = self->name, .number = self->generation};
}

static ks_status member_rejoin(ksi_membership *membership, int64_t now_ms, ks_error *error)
{
    member *self = (member *)membership;
    ks_status status = KS_OK;
    ksi_mutex_lock(&self->coordinator->lock);
    if (self->group == NULL) {
        status = enter(self, now_ms, error);
    } else {
        /* It lost its tasks in another way, such as by a newer producer; its place stays. */
        forget_tasks(self);
        self->generation = ++self->coordinator->generations;
        self->heard_ms = now_ms;
        self->group->changes++;
    }
    ksi_mutex_unlock(&self->coordinator->lock);
    return status;
}

static void member_leave(ksi_membership *membership)
{
    member *self = (member *)membership;
    ksi_coordinator *coordinator = self->coordinator;
    ksi_mutex_lock(&coordinator->lock);
    if (self->group != NULL) {
        group *left = self->group;
        take_out(left, self);
        settle(coordinator, left);
    }
    coordinator->memberships--;
    ksi_mutex_unlock(&coordinator->lock);
    free_member(self);
}

static void member_vanish(ksi_membership *membership)
{
    member *self = (member *)membership;
    ksi_coordinator *coordinator = self->coordinator;
    ksi_mutex_lock(&coordinator->lock);
    self->vanished = true;
    bool fenced = self->group == NULL;
    coordinator->memberships--;
    ksi_mutex_unlock(&coordinator->lock);
    if (fenced) {
        free_member(self);
    }
}

static const ksi_membership_class member_class = {.poll = member_poll,
                                                  .next_poll_ms = member_next_poll_ms,
                                                  .report = member_report,
                                                  .set_capacity = member_set_capacity,
                                                  .generation = member_generation,
                                                  .rejoin = member_rejoin,
                                                  .leave = member_leave,
                                                  .vanish = member_vanish};

/* ---- joining --------------------------------------------------------------------------------- */

static ks_status check_options(const ksi_member_options *options, ks_error *error)
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
        if (compare_ids(options->tasks[t - 1].id, options->tasks[t].id) >= 0) {
            wrong = "the tasks are in the order of their ids, each once";
        }
    }
    return wrong == NULL ? KS_OK : ksi_error_set(error, KS_E_ARGUMENT, options->group, "%s", wrong);
}

static char *make_name(ksi_coordinator *coordinator, const ksi_member_options *options)
{
    ks_arena arena;
    ksi_arena_init(&arena, 0);
    char *name =
        ksi_strdup(ksi_arena_format(&arena, "%s-%s-%llu", options->client_id, options->process_id,
                                    (unsigned long long)++coordinator->names));
    ksi_arena_destroy(&arena);
    return name;
}

static member *make_member(const ksi_member_options *options)
{
    size_t count = options->task_count;
    member *self = ksi_calloc(1, sizeof *self);
    self->membership.class = &member_class;
    self->group_name = ksi_strdup(options->group);
    self->client_id = ksi_strdup(options->client_id);
    self->process_id = ksi_strdup(options->process_id);
    self->capacity = options->capacity;
    self->standbys = options->standbys;
    self->session_timeout_ms = options->session_timeout_ms;
    self->tasks = copy_tasks(options->tasks, count);
    self->task_count = count;
    self->target = ksi_calloc(count + 1, sizeof *self->target);
    self->held = ksi_calloc(count + 1, sizeof *self->held);
    self->shown = ksi_calloc(count + 1, sizeof *self->shown);
    self->active = ksi_calloc(count + 1, sizeof *self->active);
    self->standby = ksi_calloc(count + 1, sizeof *self->standby);
    self->offsets = ksi_alloc((count + 1) * sizeof *self->offsets);
    for (size_t t = 0; t < count; t++) {
        self->offsets[t] = -1;
    }
    for (size_t i = 0; i < options->state_count; i++) {
        const ksi_task_state *state = &options->states[i];
        size_t task = find_task(self, state->id);
        if (task != NOT_FOUND && self->tasks[task].stateful) { /* else left by another topology */
            self->offsets[task] = state->offsets > 0 ? state->offsets : 0;
        }
    }
    return self;
}

ksi_membership *ksi_coordinator_join(ksi_coordinator *coordinator,
                                     const ksi_member_options *options, int64_t now_ms,
                                     ks_error *error)
{
    if (check_options(options, error) != KS_OK) {
        return NULL;
    }
    member *self = make_member(options);
    self->coordinator = coordinator;
    ksi_mutex_lock(&coordinator->lock);
    self->name = make_name(coordinator, options);
    ks_status status = enter(self, now_ms, error);
    coordinator->memberships += status == KS_OK;
    ksi_mutex_unlock(&coordinator->lock);
    if (status != KS_OK) {
        free_member(self);
        return NULL;
    }
    return &self->membership;
}

/* ---- the log's side -------------------------------------------------------------------------- */

ksi_coordinator *ksi_coordinator_new(void)
{
    ksi_coordinator *coordinator = ksi_calloc(1, sizeof *coordinator);
    ksi_mutex_init(&coordinator->lock);
    coordinator->groups = ksi_map_new();
    return coordinator;
}

/* Only members that vanished are left in it. */
static void free_vanished(void *value)
{
    group *self = value;
    for (size_t m = 0; m < self->count; m++) {
        free_member(self->members[m]);
    }
    free_group(self);
}

void ksi_coordinator_free(ksi_coordinator *coordinator)
{
    if (coordinator == NULL) {
        return;
    }
    KSI_CHECK(coordinator->memberships == 0);
    ksi_map_free(coordinator->groups, free_vanished);
    ksi_mutex_destroy(&coordinator->lock);
    ksi_free(coordinator);
}

bool ksi_coordinator_is_current(ksi_coordinator *coordinator, const char *group_name,
                                const ksi_generation *generation)
{
    bool current = false;
    ksi_mutex_lock(&coordinator->lock);
    const group *self = ksi_map_get_cstr(coordinator->groups, group_name);
    for (size_t m = 0; self != NULL && m < self->count && !current; m++) {
        const member *at = self->members[m];
        current = at->generation == generation->number && strcmp(at->name, generation->member) == 0;
    }
    ksi_mutex_unlock(&coordinator->lock);
    return current;
}

bool ksi_coordinator_has_members(ksi_coordinator *coordinator, const char *group_name)
{
    ksi_mutex_lock(&coordinator->lock);
    bool has = ksi_map_get_cstr(coordinator->groups, group_name) != NULL;
    ksi_mutex_unlock(&coordinator->lock);
    return has;
}

void ksi_coordinator_each_group(ksi_coordinator *coordinator, ksi_member_group_visit_fn *visit,
                                void *user)
{
    ks_arena arena;
    ksi_arena_init(&arena, 0);
    ksi_mutex_lock(&coordinator->lock);
    size_t count = 0;
    char **names =
        ksi_arena_zalloc(&arena, (ksi_map_count(coordinator->groups) + 1) * sizeof *names);
    void *value = NULL;
    for (size_t i = 0; ksi_map_at(coordinator->groups, &i, NULL, &value); i++) {
        names[count++] = ksi_arena_strdup(&arena, ((const group *)value)->name);
    }
    ksi_mutex_unlock(&coordinator->lock);
    for (size_t i = 0; i < count; i++) {
        visit(user, names[i]);
    }
    ksi_arena_destroy(&arena);
}

static const ksi_task_id *copy_held(const member *self, ksi_role role, ks_arena *arena,
                                    size_t *count)
{
    ksi_task_id *ids = ksi_arena_alloc(arena, (self->task_count + 1) * sizeof *ids);
    *count = 0;
    for (size_t t = 0; t < self->task_count; t++) {
        if (self->held[t] == role) {
            ids[(*count)++] = self->tasks[t].id;
        }
    }
    return ids;
}

static ksi_member_info describe(const member *self, ks_arena *arena)
{
    ksi_member_info info = {.member = ksi_arena_strdup(arena, self->name),
                            .client_id = ksi_arena_strdup(arena, self->client_id),
                            .process_id = ksi_arena_strdup(arena, self->process_id),
                            .generation = self->generation,
                            .capacity = self->capacity,
                            .heard_ms = self->heard_ms,
                            .session_timeout_ms = self->session_timeout_ms};
    info.active = copy_held(self, KSI_ROLE_ACTIVE, arena, &info.active_count);
    info.standby = copy_held(self, KSI_ROLE_STANDBY, arena, &info.standby_count);
    return info;
}

void ksi_coordinator_each_member(ksi_coordinator *coordinator, const char *group_name,
                                 ksi_member_visit_fn *visit, void *user)
{
    ks_arena arena;
    ksi_arena_init(&arena, 0);
    ksi_mutex_lock(&coordinator->lock);
    const group *self = ksi_map_get_cstr(coordinator->groups, group_name);
    size_t count = self != NULL ? self->count : 0;
    ksi_member_info *infos = ksi_arena_zalloc(&arena, (count + 1) * sizeof *infos);
    for (size_t m = 0; m < count; m++) {
        infos[m] = describe(self->members[m], &arena);
    }
    ksi_mutex_unlock(&coordinator->lock);
    for (size_t m = 0; m < count; m++) {
        visit(user, &infos[m]);
    }
    ksi_arena_destroy(&arena);
}
