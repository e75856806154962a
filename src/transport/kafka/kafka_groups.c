/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_groups.c - what groups have committed, who is in them.
 *
 * Offsets go over membership/kafka, which fences those of an application by its generation and
 * reads them stable. Which groups there are is for people and tools: librdkafka's list is good
 * enough for them.
 *
 * Thread rule: any thread.
 */
#include "transport/kafka/kafka_admin.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* ---- an application's own -------------------------------------------------------------------- */

static ksi_kafka_offset *offsets_of(const ksi_group_offset *offsets, size_t count)
{
    ksi_kafka_offset *list = ksi_calloc(count + 1, sizeof *list);
    for (size_t i = 0; i < count; i++) {
        list[i] = (ksi_kafka_offset){.topic = offsets[i].partition.topic,
                                     .partition = offsets[i].partition.partition,
                                     .offset = offsets[i].offset,
                                     .metadata = offsets[i].metadata};
    }
    return list;
}

ks_status ksi_kafka_committed(ksi_transport *transport, const char *group,
                              ksi_group_offset *offsets, size_t count, ks_arena *arena,
                              ks_error *error)
{
    ksi_kafka_transport *self = ksi_kafka_transport_of(transport);
    ksi_kafka_offset *list = offsets_of(offsets, count);
    ks_status status =
        ksi_kafka_group_offsets_fetch(self->offsets, group, list, count, arena, error);
    if (status == KS_OK) {
        ksi_kafka_client_works(self->admin);
    }
    for (size_t i = 0; status == KS_OK && i < count; i++) {
        offsets[i].offset = list[i].offset;
        offsets[i].metadata = list[i].metadata;
    }
    ksi_free(list);
    return status;
}

ks_status ksi_kafka_commit_offsets(ksi_transport *transport, const ksi_offset_commit *commit,
                                   ks_error *error)
{
    ksi_kafka_transport *self = ksi_kafka_transport_of(transport);
    for (size_t i = 0; i < commit->count; i++) {
        if (commit->offsets[i].offset < 0) {
            return ksi_error_set(error, KS_E_ARGUMENT, commit->offsets[i].partition.topic,
                                 "offset %lld cannot be committed",
                                 (long long)commit->offsets[i].offset);
        }
    }
    ksi_kafka_offset *list = offsets_of(commit->offsets, commit->count);
    ks_status status = ksi_kafka_group_offsets_commit(
        self->offsets, commit->group, commit->generation, list, commit->count, error);
    if (status == KS_OK) {
        ksi_kafka_client_works(self->admin);
    }
    ksi_free(list);
    return status;
}

/* ---- lists ----------------------------------------------------------------------------------- */

static int by_text(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

ks_status ksi_kafka_each_group(ksi_transport *transport, ksi_group_visit_fn *visit, void *user,
                               ks_error *error)
{
    ksi_admin_call call;
    KS_TRY(ksi_admin_begin(ksi_kafka_transport_of(transport), RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS,
                           &call, error));
    rd_kafka_ListConsumerGroups(call.client->handle, call.options, call.queue);
    ks_status status = ksi_admin_wait(&call, NULL, "listing groups", error);
    if (status == KS_OK) {
        size_t count = 0;
        const rd_kafka_ConsumerGroupListing_t **found = rd_kafka_ListConsumerGroups_result_valid(
            rd_kafka_event_ListConsumerGroups_result(call.answer), &count);
        const char **names = ksi_calloc(count + 1, sizeof *names);
        for (size_t i = 0; i < count; i++) {
            names[i] = rd_kafka_ConsumerGroupListing_group_id(found[i]);
        }
        qsort(names, count, sizeof *names, by_text);
        for (size_t i = 0; i < count; i++) {
            visit(user, names[i]);
        }
        ksi_free(names);
    }
    ksi_admin_end(&call);
    return status;
}

static int by_partition(const void *left, const void *right)
{
    const ksi_kafka_offset *a = left;
    const ksi_kafka_offset *b = right;
    int order = strcmp(a->topic, b->topic);
    return order != 0 ? order : (a->partition > b->partition) - (a->partition < b->partition);
}

static void visit_offsets(ksi_kafka_offset_list list, ksi_offset_visit_fn *visit, void *user)
{
    ksi_kafka_offset *sorted = ksi_calloc(list.count + 1, sizeof *sorted);
    if (list.count > 0) {
        memcpy(sorted, list.items, list.count * sizeof *sorted);
        qsort(sorted, list.count, sizeof *sorted, by_partition);
    }
    for (size_t i = 0; i < list.count; i++) {
        const ksi_group_offset offset = {
            .partition = {.topic = sorted[i].topic, .partition = sorted[i].partition},
            .offset = sorted[i].offset,
            .metadata = sorted[i].metadata};
        visit(user, &offset);
    }
    ksi_free(sorted);
}

/*
 * Not by rd_kafka_ListConsumerGroupOffsets(): in librdkafka up to 2.10 at least, that ends the
 * process when the broker answers that it does not coordinate the group (yet), as one does whose
 * first group this is.
 */
ks_status ksi_kafka_each_offset(ksi_transport *transport, const char *group,
                                ksi_offset_visit_fn *visit, void *user, ks_error *error)
{
    ksi_kafka_transport *self = ksi_kafka_transport_of(transport);
    ksi_kafka_offset_list list = {0};
    ks_arena arena;
    ksi_arena_init(&arena, 0);
    ks_status status = ksi_kafka_group_offsets_list(self->offsets, group, &arena, &list, error);
    if (status == KS_OK) {
        visit_offsets(list, visit, user);
    }
    ksi_arena_destroy(&arena);
    return status;
}

ks_status ksi_kafka_delete_group(ksi_transport *transport, const char *group, ks_error *error)
{
    ksi_admin_call call;
    const char *doing = "deleting the group";
    KS_TRY(ksi_admin_begin(ksi_kafka_transport_of(transport), RD_KAFKA_ADMIN_OP_DELETEGROUPS, &call,
                           error));
    rd_kafka_DeleteGroup_t *gone = rd_kafka_DeleteGroup_new(group);
    rd_kafka_DeleteGroups(call.client->handle, &gone, 1, call.options, call.queue);
    ks_status status = ksi_admin_wait(&call, group, doing, error);
    if (status == KS_OK) {
        size_t count = 0;
        const rd_kafka_group_result_t **results = rd_kafka_DeleteGroups_result_groups(
            rd_kafka_event_DeleteGroups_result(call.answer), &count);
        const rd_kafka_error_t *reason = rd_kafka_group_result_error(results[0]);
        rd_kafka_resp_err_t code = rd_kafka_error_code(reason);
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND) {
            const ksi_kafka_failure failure = {code, rd_kafka_error_string(reason), group, doing};
            status = ksi_kafka_client_fail(call.client, &failure, error);
        }
    }
    rd_kafka_DeleteGroup_destroy(gone);
    ksi_admin_end(&call);
    return status;
}
