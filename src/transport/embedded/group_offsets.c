/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group_offsets.c - see group_offsets.h.
 *
 * Thread rule: the embedded log's lock.
 */
#include "transport/embedded/group_offsets.h"

#include "base/buffer.h"
#include "base/map.h"
#include "base/memory.h"

#include <string.h>

typedef struct offset_row {
    char *topic;
    int32_t partition;
    int64_t offset;
    char *metadata; /* NULL: none */
    size_t metadata_size;
} offset_row;

typedef struct group_row {
    char *name;
    ksi_map *offsets; /* topic NUL partition -> offset_row */
} group_row;

struct ksi_group_offsets {
    ksi_map *groups; /* name -> group_row */
    ksi_buffer key;  /* scratch */
};

static void free_offset(void *pointer)
{
    offset_row *row = pointer;
    if (row != NULL) {
        ksi_free(row->topic);
        ksi_free(row->metadata);
        ksi_free(row);
    }
}

static void free_group(void *pointer)
{
    group_row *group = pointer;
    if (group != NULL) {
        ksi_map_free(group->offsets, free_offset);
        ksi_free(group->name);
        ksi_free(group);
    }
}

ksi_group_offsets *ksi_group_offsets_new(void)
{
    ksi_group_offsets *groups = ksi_calloc(1, sizeof *groups);
    groups->groups = ksi_map_new();
    return groups;
}

void ksi_group_offsets_free(ksi_group_offsets *groups)
{
    if (groups == NULL) {
        return;
    }
    ksi_map_free(groups->groups, free_group);
    ksi_buffer_destroy(&groups->key);
    ksi_free(groups);
}

/* NUL cannot be part of a topic's name, so keys never meet. */
static ks_slice put_key(ksi_buffer *key, const char *topic, int32_t partition)
{
    ksi_buffer_clear(key);
    ksi_buffer_append(key, topic, strlen(topic) + 1);
    ksi_buffer_append(key, &partition, sizeof partition);
    return ksi_buffer_slice(key);
}

static group_row *group_of(ksi_group_offsets *groups, const char *name)
{
    group_row *group = ksi_map_get_cstr(groups->groups, name);
    if (group == NULL) {
        group = ksi_calloc(1, sizeof *group);
        group->name = ksi_strdup(name);
        group->offsets = ksi_map_new();
        (void)ksi_map_put_cstr(groups->groups, name, group);
    }
    return group;
}

void ksi_group_offsets_put(ksi_group_offsets *groups, const char *name,
                           const ksi_group_offset *offset)
{
    group_row *group = group_of(groups, name);
    ks_slice key = put_key(&groups->key, offset->partition.topic, offset->partition.partition);
    offset_row *row = ksi_map_get(group->offsets, key);
    if (row == NULL) {
        row = ksi_calloc(1, sizeof *row);
        row->topic = ksi_strdup(offset->partition.topic);
        row->partition = offset->partition.partition;
        (void)ksi_map_put(group->offsets, key, row);
    }
    row->offset = offset->offset;
    ks_slice metadata = offset->metadata;
    if (metadata.data == NULL) {
        ksi_free(row->metadata);
        row->metadata = NULL;
        row->metadata_size = 0;
        return;
    }
    row->metadata = ksi_realloc(row->metadata, metadata.size + 1);
    row->metadata_size = metadata.size;
    if (metadata.size > 0) {
        memcpy(row->metadata, metadata.data, metadata.size);
    }
}

static ksi_group_offset view_of(const offset_row *row)
{
    return (ksi_group_offset){.partition = {.topic = row->topic, .partition = row->partition},
                              .offset = row->offset,
                              .metadata = row->metadata != NULL
                                              ? ks_slice_of(row->metadata, row->metadata_size)
                                              : ks_slice_null()};
}

void ksi_group_offsets_get(const ksi_group_offsets *groups, const char *name,
                           ksi_group_offset *offset)
{
    const group_row *group = ksi_map_get_cstr(groups->groups, name);
    ksi_buffer key = {0};
    const offset_row *row = NULL;
    if (group != NULL) {
        row = ksi_map_get(group->offsets,
                          put_key(&key, offset->partition.topic, offset->partition.partition));
    }
    ksi_buffer_destroy(&key);
    offset->offset = row != NULL ? row->offset : -1;
    offset->metadata = row != NULL ? view_of(row).metadata : ks_slice_null();
}

void ksi_group_offsets_each_group(const ksi_group_offsets *groups, ksi_group_visit_fn *visit,
                                  void *user)
{
    void *group = NULL;
    for (size_t at = 0; ksi_map_at(groups->groups, &at, NULL, &group); at++) {
        visit(user, ((const group_row *)group)->name);
    }
}

void ksi_group_offsets_each(const ksi_group_offsets *groups, const char *name,
                            ksi_offset_visit_fn *visit, void *user)
{
    const group_row *group = ksi_map_get_cstr(groups->groups, name);
    void *row = NULL;
    for (size_t at = 0; group != NULL && ksi_map_at(group->offsets, &at, NULL, &row); at++) {
        const ksi_group_offset offset = view_of(row);
        visit(user, &offset);
    }
}

void ksi_group_offsets_remove_group(ksi_group_offsets *groups, const char *name)
{
    free_group(ksi_map_remove(groups->groups, ks_slice_cstr(name)));
}

/* Takes one row of a topic out of a group; false when there is none. */
static bool remove_one(ksi_group_offsets *groups, group_row *group, const char *topic)
{
    void *found = NULL;
    for (size_t at = 0; ksi_map_at(group->offsets, &at, NULL, &found); at++) {
        const offset_row *row = found;
        if (strcmp(row->topic, topic) == 0) {
            ks_slice key = put_key(&groups->key, topic, row->partition);
            free_offset(ksi_map_remove(group->offsets, key));
            return true;
        }
    }
    return false;
}

void ksi_group_offsets_remove_topic(ksi_group_offsets *groups, const char *topic)
{
    void *group = NULL;
    for (size_t at = 0; ksi_map_at(groups->groups, &at, NULL, &group); at++) {
        while (remove_one(groups, group, topic)) {
        }
    }
}
