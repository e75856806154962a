/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_groups.c - what groups committed, who their members are, and moving a group that rests.
 *
 * A group with members is not moved: its tasks would go on from where they are and commit over what
 * was set. The look at the members and the commit are two steps; a member that joins between them
 * reads one or the other, and never half of the new offsets, for a commit is all or none.
 *
 * Thread rule: any thread.
 */
#include "base/arena.h"
#include "base/error.h"
#include "base/memory.h"
#include "transport/log_handle.h"

/* ---- looking --------------------------------------------------------------------------------- */

typedef struct group_relay {
    ks_group_visit_fn *visit;
    void *user;
} group_relay;

static void relay_group(void *user, const char *group)
{
    const group_relay *relay = user;
    relay->visit(group, relay->user);
}

ks_status ks_log_each_group(ks_log *log, ks_group_visit_fn *visit, void *user, ks_error *error)
{
    if (log == NULL || visit == NULL) {
        return ksi_error_set(error, KS_E_ARGUMENT, log == NULL ? "log" : "visit",
                             "must not be NULL");
    }
    group_relay relay = {.visit = visit, .user = user};
    return log->transport->class->each_group(log->transport, relay_group, &relay, error);
}

typedef struct offset_relay {
    ks_log *log;
    ks_group_offset_visit_fn *visit;
    void *user;
} offset_relay;

static void relay_offset(void *user, const ksi_group_offset *offset)
{
    const offset_relay *relay = user;
    ks_group_offset shown = {.topic = offset->partition.topic,
                             .partition = offset->partition.partition,
                             .offset = offset->offset};
    ks_status status =
        ks_log_offsets(relay->log, shown.topic, shown.partition, &shown.begin, &shown.end, NULL);
    if (status == KS_OK) { /* else its topic was deleted meanwhile */
        relay->visit(&shown, relay->user);
    }
}

ks_status ks_log_each_group_offset(ks_log *log, const char *group, ks_group_offset_visit_fn *visit,
                                   void *user, ks_error *error)
{
    KS_TRY(ksi_log_check(log, group, "group", error));
    if (visit == NULL) {
        return ksi_error_set(error, KS_E_ARGUMENT, "visit", "must not be NULL");
    }
    offset_relay relay = {.log = log, .visit = visit, .user = user};
    return log->transport->class->each_offset(log->transport, group, relay_offset, &relay, error);
}

typedef struct member_relay {
    ks_group_member_visit_fn *visit;
    void *user;
    ks_arena *arena; /* of one member */
} member_relay;

static const ks_task_id *public_tasks(ks_arena *arena, const ksi_task_id *tasks, size_t count)
{
    ks_task_id *shown = ksi_arena_alloc(arena, (count + 1) * sizeof *shown);
    for (size_t i = 0; i < count; i++) {
        shown[i] = (ks_task_id){tasks[i].subtopology, tasks[i].partition};
    }
    return shown;
}

static const ks_topic_partition *public_inputs(ks_arena *arena, const ksi_topic_partition *inputs,
                                               size_t count)
{
    ks_topic_partition *shown = ksi_arena_alloc(arena, (count + 1) * sizeof *shown);
    for (size_t i = 0; i < count; i++) {
        shown[i] = (ks_topic_partition){inputs[i].topic, inputs[i].partition};
    }
    return shown;
}

static void relay_member(void *user, const ksi_member_info *member)
{
    const member_relay *relay = user;
    ks_arena *arena = relay->arena;
    const ks_group_member shown = {
        .member = member->member,
        .client_id = member->client_id,
        .process_id = member->process_id,
        .instance_id = member->instance_id,
        .endpoint = member->endpoint,
        .host = member->host,
        .generation = member->generation,
        .threads = member->capacity,
        .active = public_tasks(arena, member->active, member->active_count),
        .active_tasks = member->active_count,
        .standby = public_tasks(arena, member->standby, member->standby_count),
        .standby_tasks = member->standby_count,
        .inputs = public_inputs(arena, member->inputs, member->input_count),
        .input_count = member->input_count};
    relay->visit(&shown, relay->user);
    ks_arena_reset(arena);
}

ks_status ks_log_each_group_member(ks_log *log, const char *group, ks_group_member_visit_fn *visit,
                                   void *user, ks_error *error)
{
    KS_TRY(ksi_log_check(log, group, "group", error));
    if (visit == NULL) {
        return ksi_error_set(error, KS_E_ARGUMENT, "visit", "must not be NULL");
    }
    ks_arena arena;
    ksi_arena_init(&arena, 0);
    member_relay relay = {.visit = visit, .user = user, .arena = &arena};
    ks_status status =
        log->transport->class->each_member(log->transport, group, relay_member, &relay, error);
    ksi_arena_destroy(&arena);
    return status;
}

/* ---- changing -------------------------------------------------------------------------------- */

static void note_member(void *user, const ksi_member_info *member)
{
    (void)member;
    *(bool *)user = true;
}

static ks_status check_at_rest(ks_log *log, const char *group, ks_error *error)
{
    bool has_members = false;
    KS_TRY(log->transport->class->each_member(log->transport, group, note_member, &has_members,
                                              error));
    if (has_members) {
        return ksi_error_set(error, KS_E_STATE, group,
                             "the group has members, which would commit over what is set; stop the "
                             "application first");
    }
    return KS_OK;
}

static ks_status check_offset(ks_log *log, const ks_group_offset *offset, ks_error *error)
{
    int64_t begin = 0;
    int64_t end = 0;
    KS_TRY(ksi_log_check(log, offset->topic, "topic", error));
    KS_TRY(ks_log_offsets(log, offset->topic, offset->partition, &begin, &end, error));
    if (offset->offset < begin || offset->offset > end) {
        return ksi_error_set(error, KS_E_OUT_OF_RANGE, offset->topic,
                             "partition %d has offsets %lld to %lld; %lld is none of them",
                             offset->partition, (long long)begin, (long long)end,
                             (long long)offset->offset);
    }
    return KS_OK;
}

ks_status ks_log_set_group_offsets(ks_log *log, const char *group, const ks_group_offset *offsets,
                                   size_t count, ks_error *error)
{
    KS_TRY(ksi_log_check(log, group, "group", error));
    KS_TRY(check_at_rest(log, group, error));
    for (size_t i = 0; i < count; i++) {
        KS_TRY(check_offset(log, &offsets[i], error));
    }
    ksi_group_offset *copies = ksi_calloc(count + 1, sizeof *copies);
    for (size_t i = 0; i < count; i++) {
        copies[i].partition =
            (ksi_topic_partition){.topic = offsets[i].topic, .partition = offsets[i].partition};
        copies[i].offset = offsets[i].offset;
    }
    const ksi_offset_commit commit = {.group = group, .offsets = copies, .count = count};
    ks_status status = log->transport->class->commit_offsets(log->transport, &commit, error);
    ksi_free(copies);
    return status;
}

ks_status ks_log_remove_group_members(ks_log *log, const char *group, ks_error *error)
{
    KS_TRY(ksi_log_check(log, group, "group", error));
    if (log->transport->class->remove_members == NULL) {
        return ksi_error_set(error, KS_E_NOT_BUILT, group,
                             "this log cannot remove members; they end with their sessions");
    }
    return log->transport->class->remove_members(log->transport, group, error);
}

ks_status ks_log_delete_group(ks_log *log, const char *group, ks_error *error)
{
    KS_TRY(ksi_log_check(log, group, "group", error));
    return log->transport->class->delete_group(log->transport, group, error);
}
