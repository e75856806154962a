/* SPDX-License-Identifier: Apache-2.0 */
/*
 * embedded_groups.c - the transport's calls about groups: their offsets and their members.
 *
 * Group offsets live here, beside the records, so that an application that is closed and made anew
 * on the same log goes on where it stopped, exactly as it would with a broker.
 *
 * Thread rule: any thread. Visitors are called without the lock: they may ask the log for more.
 */
#include "transport/embedded/embedded_log.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

ks_status ksi_embedded_committed(ksi_transport *transport, const char *group,
                                 ksi_group_offset *offsets, size_t count, ks_arena *arena,
                                 ks_error *error)
{
    (void)error;
    ksi_embedded_log *log = ksi_embedded_log_of(transport);
    ksi_mutex_lock(&log->lock);
    for (size_t i = 0; i < count; i++) {
        ksi_group_offsets_get(log->groups, group, &offsets[i]);
        offsets[i].metadata = ksi_arena_copy(arena, offsets[i].metadata);
    }
    ksi_mutex_unlock(&log->lock);
    return KS_OK;
}

ks_status ksi_embedded_commit_offsets(ksi_transport *transport, const ksi_offset_commit *commit,
                                      ks_error *error)
{
    const ksi_log_commit all = {.offsets = commit};
    return ksi_embedded_log_commit(ksi_embedded_log_of(transport), &all, error);
}

/* ---- looking --------------------------------------------------------------------------------- */

/* What a visitor will be shown, copied while the lock was held. */
typedef struct group_list {
    ks_arena arena;
    const char **names;
    size_t name_count;
    size_t name_capacity;
    ksi_group_offset *offsets;
    size_t offset_count;
    size_t offset_capacity;
} group_list;

static void list_destroy(group_list *list)
{
    ksi_arena_destroy(&list->arena);
    ksi_free(list->names);
    ksi_free(list->offsets);
}

static void note_group(void *user, const char *group)
{
    group_list *list = user;
    list->names =
        ksi_grow(list->names, &list->name_capacity, list->name_count + 1, sizeof *list->names);
    list->names[list->name_count++] = ksi_arena_strdup(&list->arena, group);
}

static void note_offset(void *user, const ksi_group_offset *offset)
{
    group_list *list = user;
    list->offsets = ksi_grow(list->offsets, &list->offset_capacity, list->offset_count + 1,
                             sizeof *list->offsets);
    ksi_group_offset *copy = &list->offsets[list->offset_count++];
    *copy = *offset;
    copy->partition.topic = ksi_arena_strdup(&list->arena, offset->partition.topic);
    copy->metadata = ksi_arena_copy(&list->arena, offset->metadata);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int compare_offsets(const void *a, const void *b)
{
    const ksi_topic_partition *left = &((const ksi_group_offset *)a)->partition;
    const ksi_topic_partition *right = &((const ksi_group_offset *)b)->partition;
    int order = strcmp(left->topic, right->topic);
    return order != 0 ? order
                      : (left->partition > right->partition) - (left->partition < right->partition);
}

ks_status ksi_embedded_each_group(ksi_transport *transport, ksi_group_visit_fn *visit, void *user,
                                  ks_error *error)
{
    (void)error;
    ksi_embedded_log *log = ksi_embedded_log_of(transport);
    group_list list = {0};
    ksi_arena_init(&list.arena, 0);
    ksi_mutex_lock(&log->lock);
    ksi_group_offsets_each_group(log->groups, note_group, &list);
    ksi_mutex_unlock(&log->lock);
    ksi_coordinator_each_group(log->coordinator, note_group, &list);
    if (list.name_count > 0) {
        qsort(list.names, list.name_count, sizeof *list.names, compare_names);
    }
    for (size_t i = 0; i < list.name_count; i++) {
        /* A group with offsets and members was noted twice. */
        if (i == 0 || strcmp(list.names[i], list.names[i - 1]) != 0) {
            visit(user, list.names[i]);
        }
    }
    list_destroy(&list);
    return KS_OK;
}

ks_status ksi_embedded_each_offset(ksi_transport *transport, const char *group,
                                   ksi_offset_visit_fn *visit, void *user, ks_error *error)
{
    (void)error;
    ksi_embedded_log *log = ksi_embedded_log_of(transport);
    group_list list = {0};
    ksi_arena_init(&list.arena, 0);
    ksi_mutex_lock(&log->lock);
    ksi_group_offsets_each(log->groups, group, note_offset, &list);
    ksi_mutex_unlock(&log->lock);
    if (list.offset_count > 0) {
        qsort(list.offsets, list.offset_count, sizeof *list.offsets, compare_offsets);
    }
    for (size_t i = 0; i < list.offset_count; i++) {
        visit(user, &list.offsets[i]);
    }
    list_destroy(&list);
    return KS_OK;
}

ks_status ksi_embedded_each_member(ksi_transport *transport, const char *group,
                                   ksi_member_visit_fn *visit, void *user, ks_error *error)
{
    (void)error;
    ksi_coordinator_each_member(ksi_embedded_log_of(transport)->coordinator, group, visit, user);
    return KS_OK;
}

/* ---- changing -------------------------------------------------------------------------------- */

/* One group of a log in a directory. */
typedef struct group_deletion {
    ksi_catalogue *catalogue;
    const char *group;
} group_deletion;

static void delete_row(void *user, const ksi_group_offset *offset)
{
    const group_deletion *deletion = user;
    ksi_catalogue_delete_offset(deletion->catalogue, deletion->group, offset->partition);
}

static ks_status delete_rows(ksi_embedded_log *log, const char *group, ks_error *error)
{
    if (log->directory == NULL) {
        return KS_OK;
    }
    KS_TRY(ksi_log_directory_check(log->directory, error));
    group_deletion deletion = {.catalogue = log->directory->catalogue, .group = group};
    ksi_group_offsets_each(log->groups, group, delete_row, &deletion);
    return ksi_log_directory_write(log->directory, error);
}

ks_status ksi_embedded_delete_group(ksi_transport *transport, const char *group, ks_error *error)
{
    ksi_embedded_log *log = ksi_embedded_log_of(transport);
    ks_status status = KS_OK;
    ksi_mutex_lock(&log->lock);
    if (ksi_coordinator_has_members(log->coordinator, group)) {
        status = ksi_error_set(error, KS_E_STATE, group,
                               "the group has members, which would go on from offsets that are "
                               "gone; stop the application first");
    } else {
        status = delete_rows(log, group, error);
    }
    if (status == KS_OK) {
        ksi_group_offsets_remove_group(log->groups, group);
    }
    ksi_mutex_unlock(&log->lock);
    return status;
}

ks_status ksi_embedded_remove_members(ksi_transport *transport, const char *group, ks_error *error)
{
    (void)error;
    ksi_coordinator_remove_members(ksi_embedded_log_of(transport)->coordinator, group);
    return KS_OK;
}

ksi_membership *ksi_embedded_join(ksi_transport *transport, const ksi_member_options *options,
                                  int64_t now_ms, ks_error *error)
{
    ksi_embedded_log *log = ksi_embedded_log_of(transport);
    return ksi_coordinator_join(log->coordinator, options, now_ms, error);
}
