/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_members.c - who is in a group of a cluster, and what each member says of itself.
 *
 * The broker knows a member's name, its client and where it connects from; the partitions of its
 * assignment can be read from what every consumer group has. Threads, tasks and the rest are in our
 * user data (membership/kafka/subscription.h), which librdkafka's newer admin call leaves out: so
 * this is its older one, which hands the bytes on. A member whose user data is not ours, such as
 * one in Java, is shown by the rest.
 *
 * Thread rule: any thread.
 */
#include "transport/kafka/kafka_admin.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/memory.h"
#include "membership/kafka/subscription.h"
#include "membership/kafka/wire.h"

#include <string.h>

/* ---- one member ------------------------------------------------------------------------------ */

/* The partitions that any consumer's assignment begins with; none when it is no assignment. */
static void read_inputs(ks_slice bytes, ks_arena *arena, ksi_member_info *info)
{
    ksi_wire_reader from = ksi_wire_reader_of(bytes);
    ksi_topic_partition *inputs = NULL;
    size_t capacity = 0;
    (void)ksi_wire_take_i16(&from); /* versions only add to the end */
    size_t topics = ksi_wire_take_count(&from, 6);
    for (size_t t = 0; t < topics; t++) {
        ks_slice name = ksi_wire_take_string(&from);
        const char *topic =
            ksi_arena_format(arena, "%.*s", (int)name.size, name.size > 0 ? name.data : "");
        size_t count = ksi_wire_take_count(&from, 4);
        for (size_t p = 0; p < count; p++) {
            inputs = ksi_grow(inputs, &capacity, info->input_count + 1, sizeof *inputs);
            inputs[info->input_count++] = (ksi_topic_partition){topic, ksi_wire_take_i32(&from)};
        }
    }
    if (from.failed) {
        info->input_count = 0;
    }
    ksi_topic_partition *kept = ksi_arena_alloc(arena, (info->input_count + 1) * sizeof *kept);
    if (info->input_count > 0) {
        memcpy(kept, inputs, info->input_count * sizeof *kept);
    }
    info->inputs = kept;
    ksi_free(inputs);
}

static ks_slice bytes_of(const void *data, int size)
{
    return data != NULL && size > 0 ? ks_slice_of(data, (size_t)size) : ks_slice_null();
}

static void visit_member(const struct rd_kafka_group_member_info *member, ks_arena *arena,
                         ksi_member_visit_fn *visit, void *user)
{
    ksi_member_info info = {
        .member = member->member_id, .client_id = member->client_id, .host = member->client_host};
    ks_slice metadata = bytes_of(member->member_metadata, member->member_metadata_size);
    ks_slice assigned = bytes_of(member->member_assignment, member->member_assignment_size);
    ksi_subscription subscription;
    ksi_assignment assignment;
    read_inputs(assigned, arena, &info);
    if (ksi_subscription_read(metadata, arena, &subscription, NULL) == KS_OK) {
        info.process_id = subscription.process_id;
        info.endpoint = subscription.endpoint;
        info.generation = subscription.generation;
        info.capacity = subscription.capacity;
    }
    if (ksi_assignment_read(assigned, arena, &assignment, NULL) == KS_OK) {
        info.active = assignment.active.items;
        info.active_count = assignment.active.count;
        info.standby = assignment.standby.items;
        info.standby_count = assignment.standby.count;
    }
    visit(user, &info);
}

/* ---- the group ------------------------------------------------------------------------------- */

static const struct rd_kafka_group_info *find_group(const struct rd_kafka_group_list *list,
                                                    const char *group)
{
    for (int i = 0; i < list->group_cnt; i++) {
        if (strcmp(list->groups[i].group, group) == 0) {
            return &list->groups[i];
        }
    }
    return NULL;
}

static void visit_members(const struct rd_kafka_group_info *group, ksi_member_visit_fn *visit,
                          void *user)
{
    ks_arena arena;
    ksi_arena_init(&arena, 0);
    for (int i = 0; i < group->member_cnt; i++) {
        visit_member(&group->members[i], &arena, visit, user);
        ks_arena_reset(&arena);
    }
    ksi_arena_destroy(&arena);
}

ks_status ksi_kafka_each_member(ksi_transport *transport, const char *group,
                                ksi_member_visit_fn *visit, void *user, ks_error *error)
{
    ksi_kafka_client *client = ksi_kafka_transport_of(transport)->admin;
    const struct rd_kafka_group_list *list = NULL;
    ksi_kafka_failure failure = {
        .code = rd_kafka_list_groups(client->handle, group, &list, client->call_timeout_ms),
        .where = group,
        .doing = "asking for the members of the group"};
    const struct rd_kafka_group_info *found = list != NULL ? find_group(list, group) : NULL;
    bool may_be_elsewhere = failure.code == RD_KAFKA_RESP_ERR__PARTIAL && found == NULL;
    if (failure.code == RD_KAFKA_RESP_ERR__PARTIAL) { /* some brokers did not answer */
        failure.code = may_be_elsewhere ? RD_KAFKA_RESP_ERR__TIMED_OUT : found->err;
    } else if (failure.code == RD_KAFKA_RESP_ERR_NO_ERROR && found != NULL) {
        failure.code = found->err;
    }
    ks_status status = KS_OK;
    if (failure.code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        status = ksi_kafka_client_fail(client, &failure, error);
    } else if (found != NULL) {
        visit_members(found, visit, user);
    }
    if (list != NULL) {
        rd_kafka_group_list_destroy(list);
    }
    return status;
}

/* ---- removing members ------------------------------------------------------------------------ */

typedef struct member_names {
    ks_arena arena;
    ksi_generation *members;
    size_t count;
    size_t capacity;
} member_names;

static void note_name(void *user, const ksi_member_info *member)
{
    member_names *names = user;
    names->members =
        ksi_grow(names->members, &names->capacity, names->count + 1, sizeof *names->members);
    names->members[names->count++] =
        (ksi_generation){.member = ksi_arena_strdup(&names->arena, member->member)};
}

ks_status ksi_kafka_remove_members(ksi_transport *transport, const char *group, ks_error *error)
{
    ksi_kafka_transport *self = ksi_kafka_transport_of(transport);
    const ksi_kafka_cluster cluster = ksi_kafka_cluster_of(self);
    member_names names = {0};
    ksi_arena_init(&names.arena, 0);
    ks_status status = ksi_kafka_each_member(transport, group, note_name, &names, error);
    if (status == KS_OK) {
        status = ksi_kafka_group_remove_members(&cluster, group, names.members, names.count,
                                                self->logger, error);
    }
    ksi_free(names.members);
    ksi_arena_destroy(&names.arena);
    return status;
}
