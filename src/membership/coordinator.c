/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coordinator.c - what members and the log may call; coordinator.h says how a task moves.
 *
 * What poll() gives is rebuilt only when something in the group changed since this member's last
 * poll, so that an idle member may poll often. It lies in the member, and only its own calls change
 * it: so it may be read without the lock until the next one.
 *
 * What tools ask for is copied out under the lock and shown without it.
 *
 * Thread rule: each function of the interface takes the lock; the statics expect it held.
 */
#include "membership/coordinator.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/error.h"
#include "base/memory.h"
#include "membership/coordinator_parts.h"

#include <string.h>

/* In one process a poll costs nothing, so the news need not wait for a heartbeat. */
#define LONGEST_POLL_MS 100
#define POLLS_PER_SESSION 3

/* ---- the interface of a member --------------------------------------------------------------- */

/* What the target gives to the member, but for what another one still has. */
static ksi_role role_to_show(const ksi_group *self, const ksi_member *to, size_t task)
{
    if (to->target[task] != KSI_ROLE_ACTIVE) {
        return to->target[task];
    }
    const ksi_member *holder = ksi_group_find_active(self, task, false);
    return holder == NULL || holder == to ? KSI_ROLE_ACTIVE : KSI_ROLE_NONE;
}

static void refresh_view(ksi_member *self)
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
    ksi_member *self = (ksi_member *)membership;
    ks_status status = KS_OK;
    ksi_mutex_lock(&self->coordinator->lock);
    if (self->group == NULL) {
        status = ksi_error_set(error, KS_E_FENCED, self->group_name,
                               "member %s was not heard of for more than %lld ms, or was removed "
                               "from the group, and its tasks were given to others; it drops what "
                               "it runs and joins again (when this happens to a healthy process, "
                               "raise session.timeout.ms)",
                               self->name, (long long)self->session_timeout_ms);
    } else {
        self->heard_ms = now_ms > self->heard_ms ? now_ms : self->heard_ms;
        ksi_group_end_sessions(self->group, self->coordinator, now_ms);
        if (self->seen != self->group->changes) {
            refresh_view(self);
        }
        *view = (ksi_group_view){.epoch = self->epoch,
                                 .active = self->active,
                                 .active_count = self->active_count,
                                 .standby = self->standby,
                                 .standby_count = self->standby_count,
                                 .shuts_down = self->group->shuts_down};
    }
    ksi_mutex_unlock(&self->coordinator->lock);
    return status;
}

static int64_t member_next_poll_ms(const ksi_membership *membership)
{
    const ksi_member *self = (const ksi_member *)membership;
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
static void give_up_unlisted(ksi_member *self, const ksi_role *listed)
{
    bool freed = false;
    for (size_t t = 0; t < self->task_count; t++) {
        ksi_role now = self->shown[t] == KSI_ROLE_ACTIVE ? KSI_ROLE_ACTIVE : listed[t];
        if (self->held[t] == KSI_ROLE_ACTIVE && now != KSI_ROLE_ACTIVE) {
            freed = true;
            ksi_member_leave_some_state(self, t);
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
    ksi_member *self = (ksi_member *)membership;
    ksi_mutex_lock(&self->coordinator->lock);
    if (self->group != NULL) {
        ksi_role *listed = ksi_calloc(self->task_count + 1, sizeof *listed);
        for (size_t i = 0; i < standby_count; i++) {
            size_t task = ksi_member_find_task(self, standby[i].id);
            KSI_CHECK(task != KSI_TASK_NOT_FOUND);
            listed[task] = KSI_ROLE_STANDBY;
            self->offsets[task] = standby[i].offsets > 0 ? standby[i].offsets : 0;
        }
        for (size_t i = 0; i < active_count; i++) {
            size_t task = ksi_member_find_task(self, active[i]);
            /* To run what was never shown is the mistake that all this is there to prevent. */
            KSI_CHECK(task != KSI_TASK_NOT_FOUND && self->held[task] == KSI_ROLE_ACTIVE);
            listed[task] = KSI_ROLE_ACTIVE;
        }
        give_up_unlisted(self, listed);
        ksi_free(listed);
    }
    ksi_mutex_unlock(&self->coordinator->lock);
}

static void member_set_capacity(ksi_membership *membership, int32_t capacity)
{
    ksi_member *self = (ksi_member *)membership;
    KSI_CHECK(capacity >= 0);
    ksi_mutex_lock(&self->coordinator->lock);
    bool changed = capacity != self->capacity;
    self->capacity = capacity;
    if (self->group != NULL && changed) {
        ksi_group_retarget(self->group);
    }
    ksi_mutex_unlock(&self->coordinator->lock);
}

static void member_shut_down(ksi_membership *membership)
{
    ksi_member *self = (ksi_member *)membership;
    ksi_mutex_lock(&self->coordinator->lock);
    if (self->group != NULL) {
        self->group->shuts_down = true;
        self->group->changes++;
    }
    ksi_mutex_unlock(&self->coordinator->lock);
}

static ksi_generation member_generation(const ksi_membership *membership)
{
    const ksi_member *self = (const ksi_member *)membership;
    return (ksi_generation){.member = self->name, .number = self->generation};
}

static ks_status member_rejoin(ksi_membership *membership, int64_t now_ms, ks_error *error)
{
    ksi_member *self = (ksi_member *)membership;
    ks_status status = KS_OK;
    ksi_mutex_lock(&self->coordinator->lock);
    if (self->group == NULL) {
        status = ksi_member_enter(self, now_ms, error);
    } else {
        /* It lost its tasks in another way, such as by a newer producer; its place stays. */
        ksi_member_forget_tasks(self);
        self->generation = ++self->coordinator->generations;
        self->heard_ms = now_ms;
        self->group->changes++;
    }
    ksi_mutex_unlock(&self->coordinator->lock);
    return status;
}

static void member_leave(ksi_membership *membership)
{
    ksi_member *self = (ksi_member *)membership;
    ksi_coordinator *coordinator = self->coordinator;
    ksi_mutex_lock(&coordinator->lock);
    if (self->group != NULL) {
        ksi_member_exit(self);
    }
    coordinator->memberships--;
    ksi_mutex_unlock(&coordinator->lock);
    ksi_member_free(self);
}

static void member_vanish(ksi_membership *membership)
{
    ksi_member *self = (ksi_member *)membership;
    ksi_coordinator *coordinator = self->coordinator;
    ksi_mutex_lock(&coordinator->lock);
    self->vanished = true;
    bool fenced = self->group == NULL;
    coordinator->memberships--;
    ksi_mutex_unlock(&coordinator->lock);
    if (fenced) {
        ksi_member_free(self);
    }
}

static const ksi_membership_class member_class = {.poll = member_poll,
                                                  .next_poll_ms = member_next_poll_ms,
                                                  .report = member_report,
                                                  .set_capacity = member_set_capacity,
                                                  .shut_down = member_shut_down,
                                                  .generation = member_generation,
                                                  .rejoin = member_rejoin,
                                                  .leave = member_leave,
                                                  .vanish = member_vanish};

/* ---- joining --------------------------------------------------------------------------------- */

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

static char *copy_optional(const char *text)
{
    return text != NULL ? ksi_strdup(text) : NULL;
}

static ksi_group_input *copy_inputs(const ksi_group_input *inputs, size_t count)
{
    ksi_group_input *copies = ksi_calloc(count + 1, sizeof *copies);
    for (size_t i = 0; i < count; i++) {
        copies[i] = inputs[i];
        copies[i].topic = ksi_strdup(inputs[i].topic);
    }
    return copies;
}

static ksi_member *make_member(const ksi_member_options *options)
{
    size_t count = options->task_count;
    ksi_member *self = ksi_calloc(1, sizeof *self);
    self->membership.class = &member_class;
    self->group_name = ksi_strdup(options->group);
    self->client_id = ksi_strdup(options->client_id);
    self->process_id = ksi_strdup(options->process_id);
    self->instance_id = copy_optional(options->instance_id);
    self->endpoint = copy_optional(options->endpoint);
    self->inputs = copy_inputs(options->inputs, options->input_count);
    self->input_count = options->input_count;
    self->capacity = options->capacity;
    self->standbys = options->standbys;
    self->session_timeout_ms = options->session_timeout_ms;
    self->tasks = ksi_group_tasks_copy(options->tasks, count);
    self->task_count = count;
    self->target = ksi_calloc(count + 1, sizeof *self->target);
    self->held = ksi_calloc(count + 1, sizeof *self->held);
    self->shown = ksi_calloc(count + 1, sizeof *self->shown);
    self->active = ksi_calloc(count + 1, sizeof *self->active);
    self->standby = ksi_calloc(count + 1, sizeof *self->standby);
    self->offsets = ksi_group_tasks_offsets((ksi_group_tasks){self->tasks, count}, options);
    return self;
}

ksi_membership *ksi_coordinator_join(ksi_coordinator *coordinator,
                                     const ksi_member_options *options, int64_t now_ms,
                                     ks_error *error)
{
    if (ksi_member_options_check(options, error) != KS_OK) {
        return NULL;
    }
    ksi_member *self = make_member(options);
    self->coordinator = coordinator;
    ksi_mutex_lock(&coordinator->lock);
    self->name = make_name(coordinator, options);
    ks_status status = ksi_member_enter(self, now_ms, error);
    coordinator->memberships += status == KS_OK;
    ksi_mutex_unlock(&coordinator->lock);
    if (status != KS_OK) {
        ksi_member_free(self);
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
    ksi_group *self = value;
    for (size_t m = 0; m < self->count; m++) {
        ksi_member_free(self->members[m]);
    }
    ksi_group_free(self);
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
    const ksi_group *self = ksi_map_get_cstr(coordinator->groups, group_name);
    for (size_t m = 0; self != NULL && m < self->count && !current; m++) {
        const ksi_member *at = self->members[m];
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

void ksi_coordinator_remove_members(ksi_coordinator *coordinator, const char *group_name)
{
    ksi_mutex_lock(&coordinator->lock);
    ksi_group *self = ksi_map_get_cstr(coordinator->groups, group_name);
    if (self != NULL) {
        ksi_group_end_sessions(self, coordinator, INT64_MAX);
    }
    ksi_mutex_unlock(&coordinator->lock);
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
        names[count++] = ksi_arena_strdup(&arena, ((const ksi_group *)value)->name);
    }
    ksi_mutex_unlock(&coordinator->lock);
    for (size_t i = 0; i < count; i++) {
        visit(user, names[i]);
    }
    ksi_arena_destroy(&arena);
}

static const ksi_task_id *copy_held(const ksi_member *self, ksi_role role, ks_arena *arena,
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

static const char *copy_optional_to(ks_arena *arena, const char *text)
{
    return text != NULL ? ksi_arena_strdup(arena, text) : NULL;
}

/* What tasks that run read: each partition of an input is the one of the task. */
static const ksi_topic_partition *find_inputs(const ksi_member *self, const ksi_member_info *info,
                                              ks_arena *arena, size_t *count)
{
    ksi_topic_partition *found =
        ksi_arena_alloc(arena, (info->active_count * self->input_count + 1) * sizeof *found);
    *count = 0;
    for (size_t i = 0; i < self->input_count; i++) {
        const ksi_group_input *input = &self->inputs[i];
        const char *topic = ksi_arena_strdup(arena, input->topic);
        for (size_t t = 0; t < info->active_count; t++) {
            ksi_task_id task = info->active[t];
            if (task.subtopology == input->subtopology && task.partition < input->partitions) {
                found[(*count)++] = (ksi_topic_partition){topic, task.partition};
            }
        }
    }
    return found;
}

static ksi_member_info describe(const ksi_member *self, ks_arena *arena)
{
    ksi_member_info info = {.member = ksi_arena_strdup(arena, self->name),
                            .client_id = ksi_arena_strdup(arena, self->client_id),
                            .process_id = ksi_arena_strdup(arena, self->process_id),
                            .instance_id = copy_optional_to(arena, self->instance_id),
                            .endpoint = copy_optional_to(arena, self->endpoint),
                            .generation = self->generation,
                            .capacity = self->capacity,
                            .heard_ms = self->heard_ms,
                            .session_timeout_ms = self->session_timeout_ms};
    info.active = copy_held(self, KSI_ROLE_ACTIVE, arena, &info.active_count);
    info.standby = copy_held(self, KSI_ROLE_STANDBY, arena, &info.standby_count);
    info.inputs = find_inputs(self, &info, arena, &info.input_count);
    return info;
}

void ksi_coordinator_each_member(ksi_coordinator *coordinator, const char *group_name,
                                 ksi_member_visit_fn *visit, void *user)
{
    ks_arena arena;
    ksi_arena_init(&arena, 0);
    ksi_mutex_lock(&coordinator->lock);
    const ksi_group *self = ksi_map_get_cstr(coordinator->groups, group_name);
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
